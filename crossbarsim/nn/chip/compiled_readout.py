"""Reading linear arrays with ideal amplifiers and converters in one compiled pass.

The same currents, codes and values as `readout` gives, without gradients: one product for a row of
tiles, all of its columns and both signs side by side, and one pass that converts, weighs and adds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from ...core.compiled.threads import one_blas_thread, spread
from ...core.validation import Array
from ...periphery import Phase
from ...periphery.grid import Grid
from ..mapping import Orders
from .readout import Reading, encoded
from .readout_plan import GroupPlan

__all__ = ["Windows", "read_vectors", "read_windows"]

Fill: TypeAlias = Callable[[slice], Array]

_ALONE = 2**22  # multiplications that one thread does before another has started


@dataclass(frozen=True)
class Windows:
    """The windows of a convolution over padded images (B, C, D, H, W), as triples."""

    kernel: tuple[int, int, int]
    stride: tuple[int, int, int]
    dilation: tuple[int, int, int]
    places: tuple[int, int, int]


def read_vectors(plans: Sequence[GroupPlan], u: Tensor, reading: Reading) -> Tensor:
    """Return outputs (B, groups, outputs) over the input range of inputs u (B, groups, lines)."""
    result = np.zeros((len(plans), plans[0].outputs, len(u)), _type(u))
    for plan, own, out in zip(plans, u.unbind(1), result, strict=True):
        for phase, volts in _volts(encoded(own, reading), reading):
            x = volts.T
            if x.shape[1] != len(u):  # the same for all inputs
                once = np.zeros((plan.outputs, 1), out.dtype)
                plan.read(np.ascontiguousarray(x), phase.weight, _range(reading), once)
                out[:] += once
                continue
            def emit(block: slice, values: Array, out: Array = out) -> None:
                out[:, block] += values

            blocks = plan.blocks(len(u))
            _each_block(plan, [(phase.weight, _columns(x))], blocks, emit, reading)
    return torch.from_numpy(result).permute(2, 0, 1)


def _columns(x: Array) -> Fill:
    return lambda block: np.ascontiguousarray(x[:, block])


def read_windows(
    plans: Sequence[GroupPlan], images: Tensor, scale: float, windows: Windows, bias: bool,
    orders: Orders, correction: tuple[Array, Array], reading: Reading,
) -> Tensor:
    """Return corrected outputs (B, groups * outputs, places) in the layer's order.

    Parameters
    ----------
    plans : sequence of GroupPlan
    images : (B, C, D, H, W) tensor
        Padded.
    scale : float
        Of the inputs.
    windows : Windows
    bias : bool
        Whether one more line is driven by `scale`.
    orders : Orders
    correction : two (groups * outputs,) arrays
        Every output's factor, and what is added.
    reading : Reading
        Of an encoding without constant phases.
    """
    from .kernels_readout import unfold_block  # noqa: PLC0415 - numba

    places, count = math.prod(windows.places), len(images)
    channels = images.shape[1] // len(plans)
    lines = channels * math.prod(windows.kernel)
    tops = _driven(torch.full((1, 1), scale, dtype=images.dtype), scale, reading)
    phases = [
        (weight, volts.reshape(images.shape), float(top[0, 0]))
        for (weight, volts), (_, top) in zip(
            _driven(images.reshape(1, -1), scale, reading), tops, strict=True
        )
    ]
    kernel, stride, dilation, size = (
        np.array(v, dtype=np.int64)
        for v in (windows.kernel, windows.stride, windows.dilation, windows.places)
    )
    result = np.empty((count, len(plans) * plans[0].outputs, places), _type(images))

    def fill(pixels: Array, top: float, group: int) -> Fill:
        def filled(block: slice) -> Array:
            x = np.empty((lines + bias, block.stop - block.start), pixels.dtype)
            unfold_block(
                pixels, group * channels, channels, kernel, stride, dilation, size, block.start, x
            )
            x[lines:] = top
            return x if orders.rows is None else x[orders.rows[group].numpy()]
        return filled

    for group, plan in enumerate(plans):
        own = slice(group * plan.outputs, (group + 1) * plan.outputs)
        factor, shift = (c[own, None].astype(result.dtype) for c in correction)
        order = None if orders.columns is None else orders.columns[group].argsort().numpy()

        def emit(
            block: slice, values: Array, own: slice = own, factor: Array = factor,
            shift: Array = shift, order: Any = order,
        ) -> None:
            if order is not None:
                values = values[order]
            values *= factor
            values += shift
            first, start = divmod(block.start, places)
            if block.stop - block.start <= places - start:  # within an image
                result[first, own, start : start + values.shape[1]] = values
            else:  # whole images
                whole = values.reshape(len(values), -1, places).swapaxes(0, 1)
                result[first : first + len(whole), own] = whole

        _each_block(
            plan, [(weight, fill(pixels, top, group)) for weight, pixels, top in phases],
            plan.blocks(count * places, places), emit, reading,
        )
    return torch.from_numpy(result)


def _driven(x: Tensor, scale: float, reading: Reading) -> list[tuple[float, Array]]:
    """Return the weight and the voltages of every phase of inputs (1, n), not over their range."""
    periphery, config = reading.periphery, reading.config
    if config.input_encoding != "bipolar" or periphery.dac is None:
        return [(p.weight, v) for p, v in _volts(encoded(x / scale, reading), reading)]
    from .kernels_readout import drive  # noqa: PLC0415 - numba

    kind, grid = _type(x), Grid(periphery.dac.bits, reading.signed_inputs)
    out = np.empty(tuple(x.shape), kind)
    drive(
        x.contiguous().numpy().ravel(), kind(scale), kind(grid.low), kind(grid.step),
        kind(config.read_voltage), out.ravel(),
    )
    return [(1.0, out)]


def _type(x: Tensor) -> Any:
    return np.float64 if x.dtype == torch.float64 else np.float32


def _volts(phases: Sequence[Phase], reading: Reading) -> list[tuple[Phase, Array]]:
    """Return every phase with its voltages, as the general read-out multiplies them."""
    found = []
    for phase in phases:
        mean: Any = sum(drive.share * drive.u for drive in phase.drives)
        found.append((phase, (mean * reading.config.read_voltage).numpy()))
    return found


def _range(reading: Reading) -> float:
    """Return the calibrated range; 1 where the ADC has its own, which then counts."""
    return 1.0 if reading.full_scale is None else reading.full_scale


def _each_block(
    plan: GroupPlan, phases: Sequence[tuple[float, Fill]], blocks: Iterable[slice],
    emit: Callable[[slice, Array], None], reading: Reading,
) -> None:
    """Read all blocks of places, on as many threads as torch has."""
    pieces = list(blocks)

    def work(k: int) -> None:
        block = pieces[k]
        values = np.zeros((plan.outputs, block.stop - block.start), plan.weights.dtype)
        for weight, filled in phases:
            plan.read(filled(block), weight, _range(reading), values)
        emit(block, values)

    if plan.columns * int(plan.lines[-1]) * pieces[-1].stop < _ALONE:
        spread(work, len(pieces), 1)
        return
    with one_blas_thread():
        spread(work, len(pieces), torch.get_num_threads())
