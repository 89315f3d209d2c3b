"""Reading linear arrays in one compiled pass.

The same currents, codes and values as `chip.readout` gives, without gradients: a block of places
of an image at a time, unfolded a row of tiles at a time, one product for all of its columns and
signs side by side, and one pass that converts, weighs and adds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....core.compiled.threads import one_blas_thread, spread
from ....core.compiled.workspace import scratch
from ....core.validation import Array
from ....periphery import DAC, Phase
from ....periphery.grid import Grid
from ....periphery.stages import driver_codes
from ...mapping import Orders
from ..readout import Reading, encoded
from .errors import Indices
from .plan import GroupPlan

__all__ = ["Windows", "read_vectors", "read_windows"]

_ALONE = 2**22  # multiplications that one thread does before another has started
_SLACK = 8  # as of `kernels_lines`


@dataclass(frozen=True)
class Windows:
    """The windows of a convolution over padded images (B, C, D, H, W), as triples.

    `before` and `after` are zeros that are still to be put around the images.
    """

    kernel: tuple[int, int, int]
    stride: tuple[int, int, int]
    dilation: tuple[int, int, int]
    places: tuple[int, int, int]
    before: tuple[int, int, int] = (0, 0, 0)
    after: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True, eq=False)
class _Pixels:
    """What one phase puts on the lines: flat values, a constant line's, and what it counts."""

    number: int
    weight: float
    flat: Array
    top: float
    once: bool = False  # the same for all inputs, and all reads


def read_vectors(plans: Sequence[GroupPlan], u: Tensor, reading: Reading) -> Tensor:
    """Return outputs (B, groups, outputs) over the input range of inputs u (B, groups, lines)."""
    count, lines = len(u), u.shape[2]
    result = np.empty((1, len(plans) * plans[0].outputs, count), _type(u))
    for group, (plan, own) in enumerate(zip(plans, u.unbind(1), strict=True)):
        every = _phases(plan, own, reading)
        phases = [p for p in every if not p.once]
        _each_block(
            plan, [_source(p, np.arange(lines) * count, (1, 1, count, 1, 1, 1, 1, count, 0))
                   for p in phases],
            phases, reading, count, result, group,
        )
        once = np.zeros((plan.outputs, 1), result.dtype)
        for pixels in every[len(phases) :]:  # the same for all inputs
            source = _source(pixels, np.arange(lines), (1, 1, 1, 1, 1, 1, 1, 1, 0))
            _read_phase(plan, source, pixels, slice(0, 1), reading, once)
        if len(phases) < len(every):
            result[0, group * plan.outputs : (group + 1) * plan.outputs] += once
    return torch.from_numpy(result[0]).reshape(len(plans), -1, count).permute(2, 0, 1)


def read_windows(
    plans: Sequence[GroupPlan], images: Tensor, scale: float, windows: Windows, bias: bool,
    orders: Orders, correction: tuple[Array, Array], reading: Reading,
) -> Tensor:
    """Return corrected outputs (B, groups * outputs, places) in the layer's order.

    Parameters
    ----------
    plans : sequence of GroupPlan
    images : (B, C, D, H, W) tensor
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
    places, channels = math.prod(windows.places), images.shape[1] // len(plans)
    padded = [
        n + a + b for n, a, b in
        zip(images.shape[2:], windows.before, windows.after, strict=True)
    ]
    phases = _driven_images(plans[0], images, scale, windows, padded, reading)
    volume = math.prod(padded)
    geometry = (
        *windows.places, *windows.stride, *padded[1:], images.shape[1] * volume,
    )
    offsets = np.add.outer(
        np.arange(channels) * volume, np.add.outer(
            np.arange(windows.kernel[0]) * windows.dilation[0] * padded[1] * padded[2],
            np.add.outer(
                np.arange(windows.kernel[1]) * windows.dilation[1] * padded[2],
                np.arange(windows.kernel[2]) * windows.dilation[2],
            ),
        ),
    ).ravel()
    result = np.empty((len(images), len(plans) * plans[0].outputs, places), _type(images))
    for group, plan in enumerate(plans):
        own = offsets + group * channels * volume
        if bias:
            own = np.append(own, -1)
        if orders.rows is not None:
            own = own[orders.rows[group].numpy()]
        order = None if orders.columns is None else orders.columns[group].numpy()
        _each_block(
            plan, [_source(p, own, geometry) for p in phases], phases, reading,
            len(images) * places, result, group, order, correction,
        )
    return torch.from_numpy(result)


def _source(
    pixels: _Pixels, offsets: Indices, geometry: tuple[int, ...]
) -> tuple[Any, ...]:
    return (
        pixels.flat, np.array(geometry, dtype=np.int64), np.ascontiguousarray(offsets),
        pixels.flat.dtype.type(pixels.top),
    )


def _phases(plan: GroupPlan, u: Tensor, reading: Reading) -> list[_Pixels]:
    """Return all phases of inputs u (B, lines) over their range, line by line."""
    periphery, config = reading.periphery, reading.config
    found = []
    if plan.laws is not None and periphery.dac is not None:
        codes = driver_codes(
            u, config.input_encoding, periphery.dac, signed=reading.signed_inputs
        ).T
        flat = _flat("codes", codes)
        for k, law in enumerate(plan.laws):
            own = flat
            if law.constant is not None:
                constant = torch.full_like(codes if plan.noisy else codes[:, :1], law.constant)
                own = _flat(f"codes {k}", constant)
            found.append(_Pixels(k, law.weight, own, 0.0, _once(plan, law.constant is not None)))
        return found
    if config.input_encoding == "bipolar" and periphery.dac is not None:
        flat = _room("volts 0", u.numel(), _type(u))
        _drive(np.ascontiguousarray(u.detach().numpy().T), 1.0, periphery.dac, reading, flat)
        return [_Pixels(0, 1.0, flat, 0.0)]
    for k, (phase, volts) in enumerate(_volts(encoded(u, reading), reading)):
        fixed = len(volts) != len(u)
        each = volts.expand(len(u), -1) if fixed and plan.noisy else volts
        found.append(_Pixels(
            k, phase.weight, _flat(f"volts {k}", each.T), 0.0, _once(plan, fixed)))
    return found


def _once(plan: GroupPlan, fixed: bool) -> bool:
    return fixed and not plan.noisy


def _driven_images(
    plan: GroupPlan, images: Tensor, scale: float, windows: Windows, padded: Sequence[int],
    reading: Reading,
) -> list[_Pixels]:
    """Return all phases of images, padded, as voltages or codes."""
    periphery, config = reading.periphery, reading.config
    kind, shape = _type(images), (*images.shape[:2], *padded)
    if plan.laws is None and config.input_encoding == "bipolar" and periphery.dac is not None:
        flat, level = _room("volts 0", math.prod(shape), kind), np.empty(1 + _SLACK, kind)
        _drive(
            images.contiguous().numpy(), scale, periphery.dac, reading, flat, windows.before, shape
        )
        _drive(np.ones(1, kind), 1.0, periphery.dac, reading, level)
        return [_Pixels(0, 1.0, flat, float(level[0]))]
    top = torch.ones((1, 1), dtype=images.dtype)
    around = [
        n for pair in zip(reversed(windows.before), reversed(windows.after), strict=True)
        for n in pair
    ]
    whole = torch.nn.functional.pad(images, around) / scale
    if plan.laws is not None and periphery.dac is not None:
        dac, signed = periphery.dac, reading.signed_inputs
        codes, last = (
            driver_codes(x, config.input_encoding, dac, signed=signed) for x in (whole, top)
        )
        flat = _flat("codes", codes)
        return [_Pixels(k, law.weight, flat, float(last)) for k, law in enumerate(plan.laws)]
    tops = _volts(encoded(top, reading), reading)
    return [
        _Pixels(k, phase.weight, _flat(f"volts {k}", volts), float(tops[k][1]))
        for k, (phase, volts) in enumerate(
            _volts(encoded(whole.reshape(1, -1), reading), reading))
    ]


def _drive(
    x: Array, scale: float, dac: DAC, reading: Reading, flat: Array,
    before: tuple[int, int, int] = (0, 0, 0), shape: tuple[int, ...] = (),
) -> None:
    """Fill flat with the voltages of ideal DACs for x over `scale`, padded to `shape`."""
    from .kernels_lines import drive_images  # noqa: PLC0415 - numba

    grid, kind = Grid(dac.bits, reading.signed_inputs), x.dtype.type
    if not shape:
        shape = (1, 1, 1, 1, x.size)
        x = x.reshape(shape)
    drive_images(
        x, np.array(before), kind(scale), kind(grid.low), kind(grid.step),
        kind(reading.config.read_voltage), flat[:-_SLACK].reshape(shape),
    )


def _flat(key: str, values: Tensor) -> Array:
    """Return the values one after the other, with slack behind them; of this thread."""
    flat = _room(key, values.numel(), _type(values))
    torch.from_numpy(flat[:-_SLACK]).view(values.shape).copy_(values)
    return flat


def _room(key: str, count: int, kind: Any) -> Array:
    size = -(-(count + _SLACK) * kind().itemsize // 8)
    found: Array = scratch(f"read-out {key}", size).view(kind)[: count + _SLACK]
    return found


def _type(x: Tensor) -> Any:
    return np.float64 if x.dtype == torch.float64 else np.float32


def _volts(phases: Sequence[Phase], reading: Reading) -> list[tuple[Phase, Tensor]]:
    """Return every phase with its voltages, as the general read-out multiplies them."""
    found = []
    for phase in phases:
        mean: Any = sum(drive.share * drive.u for drive in phase.drives)
        found.append((phase, mean * reading.config.read_voltage))
    return found


def _read_phase(
    plan: GroupPlan, source: tuple[Any, ...], pixels: _Pixels, block: slice, reading: Reading,
    values: Array,
) -> None:
    """Add what a phase counts at the places of a block to values (outputs, places)."""
    # where the ADC has its own range, that counts
    full_scale = 1.0 if reading.full_scale is None else float(reading.full_scale)
    own = values if pixels.weight == 1.0 else np.zeros_like(values)
    plan.read(
        source, block.start, block.stop - block.start, pixels.number, full_scale,
        reading.first_read + block.start, own,
    )
    if own is not values:
        values += own.dtype.type(pixels.weight) * own


def _each_block(
    plan: GroupPlan, sources: Sequence[tuple[Any, ...]], phases: Sequence[_Pixels],
    reading: Reading, places: int, result: Array, group: int, order: Array | None = None,
    correction: tuple[Array, Array] | None = None,
) -> None:
    """Read all blocks of places into result (B, groups * outputs, places of an image).

    On as many threads as torch has.
    """
    from .kernels_lines import emit_block  # noqa: PLC0415 - numba

    pieces = list(plan.blocks(places))
    outputs, kind = plan.outputs, result.dtype
    factor, shift = np.ones(outputs, kind), np.zeros(outputs, kind)
    if correction is not None:
        own = slice(group * outputs, (group + 1) * outputs)
        factor, shift = (c[own].astype(kind) for c in correction)
    channels = np.arange(outputs) if order is None else order

    def work(k: int) -> None:
        block = pieces[k]
        values = np.zeros((outputs, block.stop - block.start), kind)
        for source, pixels in zip(sources, phases, strict=True):
            _read_phase(plan, source, pixels, block, reading, values)
        emit_block(values, factor, shift, channels, block.start, group * outputs, result)

    if plan.columns * int(plan.lines[-1]) * places < _ALONE:
        spread(work, len(pieces), 1)
        return
    with one_blas_thread():
        spread(work, len(pieces), torch.get_num_threads())
