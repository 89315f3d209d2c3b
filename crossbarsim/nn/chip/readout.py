"""Reading programmed arrays: encode, solve, amplify, convert, and put the digits together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ...core.draws import Place
from ...periphery import DAC, Drive, Periphery, Phase, Reads, encode
from ...periphery.dac import DACErrors
from ..config import CrossbarConfig
from ..mapping import Layout
from ..nonlinear import cell_currents
from .programmed import ProgrammedArray, ProgrammedTile

__all__ = ["Reading", "covering_range", "drives", "encoded", "read_outputs", "read_tiles"]


@dataclass(frozen=True, eq=False)
class Reading:
    """How arrays are read.

    Parameters
    ----------
    config : CrossbarConfig
    signed_inputs : bool
    full_scale : float or None
        Of the ADCs, ampere, as calibrated.
    first_read : int
        Number of reads that the arrays have seen before, for noise.
    observe : callable, optional
        Gets every signal (B, n) ampere just before conversion; converters then pass it exactly.
    quiet : bool
        Without the noise of amplifiers and converters.
    """

    config: CrossbarConfig
    signed_inputs: bool = True
    full_scale: float | Tensor | None = None
    first_read: int = 0
    observe: Callable[[Tensor], None] | None = None
    quiet: bool = False
    periphery: Periphery = field(init=False)
    layout: Layout = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "periphery", self.config.periphery or Periphery())
        object.__setattr__(self, "layout", self.config.layout)

    def starting_at(self, first_read: int) -> Reading:
        """Return a copy for the reads from `first_read` on."""
        return replace(self, first_read=first_read)

    @property
    def baseline(self) -> float:
        """What the decoded value of every input holds too much, in levels."""
        return self.layout.baseline(self.config.g_on, self.config.g_off) / self.config.span

    @property
    def noisy_periphery(self) -> bool:
        """Whether amplifiers or converters draw for every read."""
        if self.quiet:
            return False
        sense, adc = self.periphery.sense, self.periphery.adc
        amplifier = getattr(sense, "temperature", None) or getattr(sense, "voltage_noise", 0.0)
        return bool(amplifier) or (adc is not None and adc.noise > 0)

    @property
    def needs_load(self) -> bool:
        """Whether amplifiers ask for the conductance at their inputs."""
        return any(hasattr(self.periphery.sense, name) for name in ("gbw", "leak_resistance"))


def read_tiles(
    tiles: Sequence[ProgrammedTile], u: Tensor, reading: Reading
) -> Iterator[tuple[ProgrammedTile, Tensor]]:
    """Yield every tile's outputs, (B, outputs), in units of weight times input over its range.

    Parameters
    ----------
    tiles : sequence of ProgrammedTile
        Tiles of the same word lines next to one another share the encoding of their inputs.
    u : (B, groups, lines) tensor
        Inputs over their range.
    reading : Reading
    """
    previous: tuple[Any, Any] = (None, None)
    for tile in tiles:
        x = u[:, tile.group, tile.rows]
        here = (tile.group, tile.rows)
        if previous[0] != here:
            previous = (here, encoded(x, reading, None))
        nominal = previous[1]
        phases = [
            encoded(x, reading, array.drivers)
            if array.drivers is not None and array.drivers.rows else nominal
            for array in tile.arrays
        ]
        result: Any = 0.0
        for k, phase in enumerate(nominal):
            value = _read_phase(tile, [p[k] for p in phases], k, x.shape[0], reading)
            if reading.layout.offset:
                # taken off digitally, by what the inputs' codes stand for
                inputs = sum(share * u.sum(dim=1, keepdim=True) for u, share in _drives(phase))
                value = value - inputs * reading.baseline
            result = result + phase.weight * value
        yield tile, result * tile.scale.to(result.dtype)


def read_outputs(tiles: Sequence[ProgrammedTile], u: Tensor, reading: Reading) -> Tensor:
    """Return the outputs (B, groups, outputs) of all tiles, in the chip's order.

    In units of weight times input over its range; parameters as of `read_tiles`.
    """
    columns: dict[tuple[int, int], Tensor] = {}
    for tile, value in read_tiles(tiles, u, reading):
        place = (tile.group, tile.columns.start)
        columns[place] = columns[place] + value if place in columns else value
    y = torch.cat([columns[k].expand(u.shape[0], -1) for k in sorted(columns)], dim=1)
    return y.reshape(u.shape[0], u.shape[1], -1)


def covering_range(tiles: Sequence[ProgrammedTile], config: CrossbarConfig) -> float:
    """Return the ADCs' range, ampere, that covers all inputs within theirs.

    The largest current that any inputs can give, over all channels of linear cells of a layer.
    """
    layout, largest = config.layout, 0.0
    for tile in tiles:
        matrices: list[Tensor] = []
        for array in tile.arrays:
            if array.matrix is not None:
                matrices.append(array.matrix)
            elif array.cells is not None:
                solved = torch.from_numpy(config.wiring.matrices([array.cells])[0])
                matrices.append(layout.by_input(solved))
        parts = [layout.channels(m.detach().T) for m in matrices]
        if config.periphery is not None and config.periphery.subtraction == "analog":
            parts = layout.subtracted(parts)
        largest = max(largest, *(float(p.abs().sum(dim=0).max()) for p in parts))
    return largest * config.read_voltage


def encoded(x: Tensor, reading: Reading, errors: DACErrors | None = None) -> list[Phase]:
    """Return the phases of inputs (B, lines) over their range."""
    if reading.config.exact_reads:
        # nothing saturates where nothing has a range, and every encoding gives the same
        return [Phase((Drive(x, 1.0),), 1.0)]
    phases: list[Phase] = reading.periphery.encode(
        x, reading.config.input_encoding, errors, linear=reading.config.linear,
        signed=reading.signed_inputs,
    )
    return phases


def drives(x: Tensor, config: CrossbarConfig, *, signed: bool) -> list[tuple[Tensor, float]]:
    """Return all voltages over the read voltage, with their shares of the time; they add to 1.

    Parameters
    ----------
    x : (B, M) tensor
        Inputs over their range.
    config : CrossbarConfig
    signed : bool
        Whether inputs can be negative.
    """
    periphery = config.periphery or Periphery()
    # pulses of any length are cut at 8 bits: enough for the power
    phases = encode(x, config.input_encoding, periphery.dac or DAC(), linear=False, signed=signed)
    return [(u, share / len(phases)) for phase in phases for u, share in _drives(phase)]


def _drives(phase: Phase) -> Iterator[tuple[Tensor, float]]:
    for drive in phase.drives:
        yield drive.u, drive.share


def _read_phase(
    tile: ProgrammedTile, phases: Sequence[Phase], number: int, batch: int, reading: Reading
) -> Tensor:
    """Return the decoded value (B, outputs) of one phase, in levels times input."""
    layout, config = reading.layout, reading.config
    parts = []
    for array, phase in zip(tile.arrays, phases, strict=True):
        current = _currents(array, phase, reading)
        if array.noise_matrix is not None and array.noisy_cells is not None:
            current = current + _cell_noise(
                array.noise_matrix, array.noisy_cells, array.place, phase, number, batch, reading
            )
        noise = _noise(array, number, reading)
        if noise is not None:
            current = current.expand(batch, -1)
        if array.readout is not None:
            current = array.readout.amplify(current, load=array.load, generator=noise)
        parts.append(layout.channels(current))
    unit = config.read_voltage * config.span
    if reading.periphery.subtraction == "digital":
        return layout.decode([
            _convert(part, array, number, reading)
            for array, part in zip(tile.arrays, parts, strict=True)
        ]) / unit
    return layout.decode_subtracted([
        _convert(part, tile.arrays[home], number, reading)
        for home, part in zip(layout.homes, layout.subtracted(parts), strict=True)
    ]) / unit


def _currents(array: ProgrammedArray, phase: Phase, reading: Reading) -> Tensor:
    """Return the mean current (B, N) of an array over a phase."""
    volts = reading.config.read_voltage
    if array.matrix is not None:
        # linear: the drives' mean voltage carries the mean current
        total = sum(share * u for u, share in _drives(phase))
        mean = torch.as_tensor(total).to(array.matrix.dtype) * volts
        return mean @ array.matrix.T
    current: Any = 0.0
    for u, share in _drives(phase):
        current = current + share * _solve(u.to(torch.float64) * volts, array, reading)
    result: Tensor = current
    return result


def _solve(volts: Tensor, array: ProgrammedArray, reading: Reading) -> Tensor:
    """Return the currents (B, N) of an array by circuit solution, or to first order."""
    wiring, cells = reading.config.wiring, array.cells
    if cells is None:
        raise AssertionError("an array has its matrix or its cells")
    volts = reading.layout.on_rows(volts)
    if array.born is not None:
        return array.born.currents(volts, cells)
    if reading.config.linear:
        return wiring.currents(volts, cells)
    effects: Any = reading.config.nonidealities
    return cell_currents(volts, cells, effects.iv, **wiring.options)


def _cell_noise(
    matrix: Tensor, cells: Tensor, place: Place, phase: Phase, number: int, batch: int,
    reading: Reading,
) -> Tensor:
    """Return the noise current (B, N) of the cells in one phase, at the phase's mean voltages."""
    effects: Any = reading.config.nonidealities
    mean = torch.as_tensor(sum(share * u for u, share in _drives(phase)))
    volts = mean.to(matrix).expand(batch, -1) * reading.config.read_voltage
    volts = reading.layout.on_rows(volts)
    noise: Tensor = effects.noise.sample(
        volts, matrix, cells.to(volts), place, reading.first_read, phase=number,
        temperature=effects.temperature,
    )
    return noise


def _noise(array: ProgrammedArray, phase: int, reading: Reading) -> Reads | None:
    if not reading.noisy_periphery:
        return None
    place = array.place
    own = Place(place.seed, place.layer, f"{place.array} phase {phase}", place.tile)
    return Reads(own, reading.first_read)


def _convert(part: Tensor, array: ProgrammedArray, number: int, reading: Reading) -> Tensor:
    if reading.observe is not None:
        reading.observe(part)
        return part
    if array.readout is None:
        return part
    noise = _noise(array, number, reading)
    result: Tensor = array.readout.convert(part, reading.full_scale, generator=noise)
    return result
