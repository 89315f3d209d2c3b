"""Reading few input vectors: what is the same at every read is found once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from ....core.compiled.workspace import scratch
from ....core.validation import Array
from ....periphery.grid import Grid
from ...mapping import Orders
from ..readout import Reading
from .errors import Indices
from .plan import GroupPlan

__all__ = ["few_vectors"]

SLACK = 8  # as of `kernels_lines`
MOST = 32  # vectors that are taken: beyond, work counts more than what is saved

Read: TypeAlias = Callable[[Array, int], Array]


def few_vectors(
    plans: Sequence[GroupPlan], reading: Reading, orders: Orders, scale: float, *, bias: bool
) -> Read | None:
    """Return what reads up to `MOST` vectors as `read_vectors` does, or None where nothing can.

    Parameters
    ----------
    plans : sequence of GroupPlan
    reading : Reading
    orders : Orders
    scale : float
        Of the inputs.
    bias : bool
        Whether the last line is driven by `scale`.

    Returns
    -------
    callable or None
        Of inputs (B, groups * inputs), C order, in the type of the plans, and the number of the
        first read; gives outputs (B, groups * outputs) in the layer's order, times `scale`.
    """
    from .kernels_lines import drive_images  # noqa: PLC0415 - numba

    dac, config = reading.periphery.dac, reading.config
    if config.input_encoding != "bipolar" or dac is None or dac.bits is None or any(
        plan.laws is not None or len(list(plan.blocks(MOST))) > 1 for plan in plans
    ):
        return None
    kind = plans[0].weights.dtype.type
    grid = Grid(dac.bits, reading.signed_inputs)
    drive = kind(grid.low), kind(grid.step), kind(config.read_voltage)
    none = np.zeros(3, np.int64)
    level = np.zeros((1, 1, 1, 1, 1), kind)
    drive_images(np.ones((1, 1, 1, 1, 1), kind), none, kind(1.0), *drive, level)
    groups, outputs = len(plans), plans[0].outputs
    lines = int(plans[0].lines[-1]) - bias
    offsets = [_offsets(g, lines, orders, bias=bias) for g in range(groups)]
    back = None if orders.columns is None else orders.columns.argsort(dim=1).numpy()
    full_scale = 1.0 if reading.full_scale is None else float(reading.full_scale)
    divisor, factor = kind(scale), kind(scale)
    sources: dict[int, list[tuple[Indices, Indices]]] = {}

    def of(count: int) -> list[tuple[Indices, Indices]]:
        """Return geometry and offsets of every group for so many vectors, line by line."""
        if count not in sources:
            geometry = np.array((1, 1, count, 1, 1, 1, 1, count, 0), dtype=np.int64)
            sources[count] = [
                (geometry, np.where(own < 0, -1, own * count)) for own in offsets
            ]
        return sources[count]

    def read(inputs: Array, first: int) -> Array:
        count = len(inputs)
        size = inputs.size
        flat = scratch("read-out few", size + SLACK).view(kind)[: size + SLACK]
        if count > 1:
            inputs = np.ascontiguousarray(inputs.T)
        whole = 1, 1, 1, 1, size
        drive_images(inputs.reshape(whole), none, divisor, *drive, flat[:size].reshape(whole))
        parts = []
        for plan, (geometry, own) in zip(plans, of(count), strict=True):
            values = np.zeros((outputs, count), kind)
            plan.read((flat, geometry, own, level[0, 0, 0, 0, 0]), 0, count, 0, full_scale, first,
                      values)
            parts.append(values.T)
        y = parts[0] if groups == 1 else np.stack(parts, axis=1)
        if back is not None:
            y = np.take_along_axis(y.reshape(count, groups, outputs), back[None], axis=2)
        result: Array = y.reshape(count, -1) * factor
        return result

    return read


def _offsets(group: int, lines: int, orders: Orders, *, bias: bool) -> Indices:
    """Return which input every line takes, -1 the constant."""
    own: Indices = np.arange(group * lines, (group + 1) * lines, dtype=np.int64)
    if bias:
        own = np.append(own, -1)
    return own if orders.rows is None else own[orders.rows[group].numpy()]
