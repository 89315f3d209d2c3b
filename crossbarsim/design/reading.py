"""One weight matrix on its arrays, as a differentiable function of the circuit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..core.errors import ParameterError
from ..nn import CrossbarConfig
from ..nn.chip.matrix import StoredMatrix
from ..nn.chip.readout import drives
from ..nn.mapping import Orders
from ..periphery import ADC, LayerCost, Periphery, Technology, layer_cost
from ..periphery.grid import Grid
from .arrays import array_power, matrices_of, segments

__all__ = ["CIRCUIT", "Circuit", "MatrixModel"]

CIRCUIT = (
    "wires.word", "wires.bit", "wires.driver", "wires.sense", "g_on", "g_off", "read_voltage",
)
_MODES = 6  # of the drives' second moment, whose power is solved


@dataclass(frozen=True, eq=False)
class Circuit:
    """What is differentiated: 0-d float64 tensors, SI units, and two factors on ranges."""

    word: Tensor
    bit: Tensor
    driver: Tensor
    sense: Tensor
    g_on: Tensor
    g_off: Tensor
    read_voltage: Tensor
    adc_range: Tensor
    input_range: Tensor

    @classmethod
    def of(cls, point: Mapping[str, Any], config: CrossbarConfig) -> Circuit:
        """Return the circuit of a point, what it does not name as in `config`."""
        extra = 0.0 if config.periphery is None else config.periphery.driver_resistance
        own = {
            "wires.word": float(config.wires.word), "wires.bit": float(config.wires.bit),
            "wires.driver": float(config.wires.driver) + extra,
            "wires.sense": float(config.wires.sense), "g_on": config.g_on, "g_off": config.g_off,
            "read_voltage": config.read_voltage, "adc_range": 1.0, "input_range": 1.0,
        }
        values = {}
        for name, value in own.items():
            given = point.get(name, value)
            try:
                tensor = torch.as_tensor(given, dtype=torch.float64)
            except (TypeError, ValueError, RuntimeError) as error:
                raise ParameterError(f"`{name}` must be a number; got {given!r:.60}") from error
            least_is_0 = name.startswith("wires") or name == "g_off"
            good = tensor.ndim == 0 and bool(torch.isfinite(tensor))
            if not good or bool(tensor < 0) or (bool(tensor == 0) and not least_is_0):
                raise ParameterError(
                    f"`{name}` must be one finite number {'>=' if least_is_0 else '>'} 0; got "
                    f"{given!r:.60}"
                )
            values[name.removeprefix("wires.")] = tensor
        if not bool(values["g_on"] > values["g_off"]):
            raise ParameterError(
                f"`g_on` must be larger than `g_off`; got {float(values['g_on']):g} and "
                f"{float(values['g_off']):g} S"
            )
        return cls(**values)

    @property
    def fields(self) -> dict[str, float]:
        """The fields of a configuration, by dotted name; a periphery's drivers are in `wires`."""
        named = {name: getattr(self, name.removeprefix("wires.")) for name in CIRCUIT}
        return {name: float(value.detach()) for name, value in named.items()}

    @property
    def wired(self) -> bool:
        """Whether there is any resistance between the ends and the cells."""
        return any(float(r.detach()) > 0 or r.requires_grad for r in
                   (self.word, self.bit, self.driver, self.sense))


class MatrixModel:
    """The arrays of one weight matrix, read at any circuit.

    Parameters
    ----------
    stored : StoredMatrix
        With the range of its inputs.
    """

    def __init__(self, stored: StoredMatrix) -> None:
        self.stored, self.config = stored, stored.config
        self.around = self.config.periphery or Periphery()
        self.signed = stored.ranges.signed is not False
        self.vectors = 0
        self._square: Tensor | None = None  # sum over vectors of drives' second moments
        self._activity = 0.0
        self._weight: tuple[Tensor, Tensor | None] | None = None

    # -- what the digital network drives it with -----------------------------------------------

    def watch(
        self, stored: StoredMatrix, x: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        """Note what drives the lines; as an observer."""
        self._weight = weight.detach(), None if bias is None else bias.detach()
        u = (x.to(torch.float64) / stored.scale_of_inputs).clamp(-1, 1)
        self._activity += float(u.square().mean()) * len(x)
        lines = stored.on_lines(u)
        moment: Any = 0.0
        for v, share in drives(lines.flatten(1), self.config, signed=self.signed):
            own = v.reshape(-1, *lines.shape[1:]).expand_as(lines)
            moment = moment + share * torch.einsum("bgi,bgj->gij", own, own)
        self._square = moment if self._square is None else self._square + moment
        self.vectors += len(x)
        return stored.digital(x, weight, bias)

    def watched(self) -> None:
        """Decompose what was noted: the drives that stand for all."""
        if self._square is None or self._weight is None:
            raise ParameterError("a layer was not reached by the inputs")
        levels, self.scale = self.stored._levels(*self._weight)  # noqa: SLF001 - its arrays
        self.blocks = list(self.stored.blocks())
        layout = self.config.layout
        self.cells = [
            layout.levels(self.stored.programmer.of(levels, block)) for block in self.blocks
        ]
        moments = self._square / max(self.vectors, 1)
        self.modes: list[tuple[Tensor, Tensor]] = []
        for block in self.blocks:
            own = moments[block.group, block.tile.rows, block.tile.rows]
            strength, along = torch.linalg.eigh(own)
            kept = along[:, -_MODES:] * strength[-_MODES:].clamp(min=0).sqrt()
            square = layout.on_rows(own.diagonal().clamp(min=0).sqrt()).square()
            self.modes.append((square, layout.on_rows(kept.T).contiguous()))

    # -- reading ---------------------------------------------------------------------------

    def begin(
        self, circuit: Circuit, generator: torch.Generator, *, correct: bool
    ) -> Callable[[StoredMatrix, Tensor, Tensor, Tensor | None], Tensor]:
        """Solve all arrays; return the observer of the pass that finds ranges and corrections."""
        self.circuit, self.generator, self.correct = circuit, generator, correct
        self.conductances = [
            [circuit.g_off + level * (circuit.g_on - circuit.g_off) for level in levels]
            for levels in self.cells
        ]
        flat = [g for own in self.conductances for g in own]
        if circuit.wired:
            matrices = matrices_of(
                flat, circuit.word, circuit.bit, circuit.driver, circuit.sense
            )
        else:
            matrices = [g.T for g in flat]
        count = len(self.config.layout.arrays)
        self.matrices = [matrices[k : k + count] for k in range(0, len(matrices), count)]
        self.full_scale: Tensor | None = None
        self.correction: tuple[Tensor, Tensor] | None = None
        return self.observe

    def observe(
        self, stored: StoredMatrix, x: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        """Find the converters' range and the correction on digital activations."""
        product = stored.digital(x, weight, bias)
        with torch.enable_grad():
            signals: list[Tensor] = []
            y = self._outputs(x, signals)
            adc = self.around.adc
            if adc is not None and adc.full_scale is None:
                self.full_scale = _percentile(signals, adc.percentile) * self.circuit.adc_range
            elif adc is not None:
                self.full_scale = torch.tensor(float(adc.full_scale or 1.0), dtype=torch.float64)
            if self.correct:
                wanted = product.to(torch.float64)
                if bias is not None and not stored.on_chip_bias:
                    wanted = wanted - bias.to(torch.float64)
                self.correction = _line(y, wanted)
        return product

    def read(
        self, stored: StoredMatrix, x: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        """Return what `StoredMatrix.forward` does, converters' rounding as noise."""
        del weight  # its conductances are known
        y = self._outputs(x, None)
        if self.correction is not None:
            y = y * self.correction[0] + self.correction[1]
        if bias is not None and not stored.on_chip_bias:
            y = y + bias.to(y.dtype)
        return y.to(x.dtype)

    def _outputs(self, x: Tensor, signals: list[Tensor] | None) -> Tensor:
        """Return outputs (B, groups * outputs); `signals` gets what converters are to convert."""
        stored, circuit = self.stored, self.circuit
        scale = stored.scale_of_inputs * circuit.input_range
        if self.config.exact_reads:
            scale = torch.tensor(stored.scale_of_inputs, dtype=torch.float64)
        u = stored.on_lines(x.to(torch.float64) / scale)
        columns: dict[tuple[int, int], Tensor] = {}
        for k, block in enumerate(self.blocks):
            lines = u[:, block.group, block.tile.rows]
            value = self._tile(k, lines, signals)
            value = value * self.scale[block.group, :, block.tile.columns]
            place = (block.group, block.tile.columns.start)
            columns[place] = columns[place] + value if place in columns else value
        y = torch.cat([columns[k] for k in sorted(columns)], dim=1)
        y = y.reshape(len(x), stored.groups, stored.outputs)
        return (stored.orders or Orders()).restore_outputs(y).flatten(1) * scale

    def _tile(self, number: int, lines: Tensor, signals: list[Tensor] | None) -> Tensor:
        """Return the decoded values (B, outputs) of one tile."""
        layout, circuit = self.config.layout, self.circuit
        span = circuit.g_on - circuit.g_off
        result: Any = 0.0
        for weight, mean in self._phases(lines):
            parts = [
                layout.channels(circuit.read_voltage * mean @ layout.by_input(matrix).T)
                for matrix in self.matrices[number]
            ]
            if self.around.subtraction == "digital":
                value = layout.decode([self._convert(part, signals) for part in parts])
            else:
                value = layout.decode_subtracted(
                    [self._convert(part, signals) for part in layout.subtracted(parts)]
                )
            value = value / (circuit.read_voltage * span)
            if layout.offset:
                baseline: Any = layout.baseline(circuit.g_on, circuit.g_off)  # type: ignore[arg-type]
                value = value - mean.sum(dim=1, keepdim=True) * (baseline / span)
            result = result + weight * value
        final: Tensor = result.expand(len(lines), -1)
        return final

    def _phases(self, lines: Tensor) -> list[tuple[float, Tensor]]:
        """Return every phase's weight and mean voltages, over the read voltage."""
        if self.config.exact_reads:
            return [(1.0, lines)]
        phases = self.around.encode(
            lines, self.config.input_encoding, None, linear=True, signed=self.signed
        )
        return [
            (phase.weight, torch.as_tensor(sum(d.share * d.u for d in phase.drives)))
            for phase in phases
        ]

    def _convert(self, part: Tensor, signals: list[Tensor] | None) -> Tensor:
        adc = self.around.adc
        if signals is not None:
            signals.append(part)
            return part
        if adc is None or self.full_scale is None:
            return part
        signed = self.around.signed(self.config.input_encoding, signed_inputs=self.signed)
        return _noisy(part, adc, self.full_scale, signed=signed, generator=self.generator)

    # -- cost ------------------------------------------------------------------------------

    def _power(self) -> Tensor:
        """Return the mean power of all arrays, watt, over vectors and phases."""
        circuit = self.circuit
        total: Any = 0.0
        for (square, modes), arrays in zip(self.modes, self.conductances, strict=True):
            for g in arrays:
                rows = g.sum(dim=1)
                power = square @ rows
                if circuit.wired:
                    wires = segments(
                        (g.shape[0], g.shape[1]), circuit.word, circuit.bit, circuit.driver,
                        circuit.sense,
                    )
                    solved = array_power(modes, g, *wires).sum()
                    power = power * solved / (modes.square() @ rows).sum().clamp(min=1e-300)
                total = total + power
        result: Tensor = total * circuit.read_voltage**2
        return result

    def cost(self, batch: int, technology: Technology | None) -> tuple[Tensor, LayerCost]:
        """Return the energy per inference, joule, and the cost at 1 W and the nominal voltage."""
        config, layout = self.config, self.config.layout
        shapes = [
            self.stored.chip.shape(block) for block in self.blocks for _ in layout.arrays
        ]
        signals = [
            n for block in self.blocks
            for n in layout.signals(block.tile.shape[1], self.around.subtraction)
        ]
        vectors = max(1, round(self.vectors / max(batch, 1)))
        cost = layer_cost(
            self.around, shapes, signals=signals,
            macs=vectors * self.stored.groups * self.stored.outputs * self.stored.inputs,
            array_power=1.0, technology=technology, encoding=config.input_encoding,
            signed_inputs=self.signed, vectors=vectors, read_voltage=config.read_voltage,
            activity=min(1.0, self._activity / max(self.vectors, 1)),
        )
        energy = cost.energy
        lines = (self.circuit.read_voltage / config.read_voltage) ** 2 * energy.drivers
        rest = energy.total - energy.array - energy.drivers
        return self._power() * energy.array + lines + rest, cost


def _percentile(signals: list[Tensor], percentile: float) -> Tensor:
    """Return the percentile of the magnitudes of all signals, differentiable."""
    flat = torch.cat([signal.abs().flatten() for signal in signals])
    rank = min(len(flat), max(1, -(-round(len(flat) * percentile * 1e6) // 100_000_000)))
    value = flat.kthvalue(rank).values
    if not bool(value > 0):
        raise ParameterError("converters got no signal: show typical inputs")
    return value


def _line(y: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gain and offset of every output, least squares, as `calibrate` does."""
    mean_y, mean_w = y.mean(dim=0), wanted.mean(dim=0)
    dy, dw = y - mean_y, wanted - mean_w
    variance, covariance = (dy * dy).mean(dim=0), (dy * dw).mean(dim=0)
    still = variance <= 1e-12 * (variance + mean_y**2)
    gain = torch.where(
        still, torch.ones_like(variance), covariance / torch.where(still, 1.0, variance)
    )
    return gain, mean_w - gain * mean_y


def _noisy(
    signal: Tensor, adc: ADC, full_scale: Tensor, *, signed: bool, generator: torch.Generator
) -> Tensor:
    """Return converted signals, the error of rounding as uniform noise of one step."""
    grid = Grid(adc.bits, signed)
    x = signal / full_scale
    if adc.noise:
        draw = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = x + draw * (adc.noise * grid.step if adc.noise_unit == "lsb"
                        else adc.noise / full_scale)
    rounding = torch.rand(x.shape, generator=generator, dtype=x.dtype) - 0.5
    return full_scale * (x.clamp(grid.low, 1.0) + grid.step * rounding)
