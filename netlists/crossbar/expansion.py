"""A crossbar written out as a flat circuit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import ParameterError
from ...core.validation import Array, finite_array
from ..circuit import GROUND, Circuit
from ..sources import Source
from .cells import Resistive, SpiceCells
from .ends import Driven, End, Floating, Grounded, LoadResistor, Sensed, Transimpedance
from .protocol import CrossbarLike
from .waveforms import LineWaves, Waveforms, Waves, read_waves
from .wires import Wires

__all__ = ["expand_crossbar"]


def expand_crossbar(
    xbar: CrossbarLike, V: ArrayLike | None = None, *, gate_voltage: ArrayLike | None = None,
    waveforms: Waveforms | None = None, gate: LineWaves | None = None,
    t_stop: float | None = None, max_step: float = 0.0,
) -> Circuit:
    """Expand a crossbar to a flat circuit, see `Crossbar.to_circuit`."""
    rows, columns = xbar.shape
    circuit = Circuit(f"crossbar {rows}x{columns}")
    if (V is None) == (waveforms is None):
        raise ParameterError("give either `V` or `waveforms`")
    waves: dict[str, Waves] = {}
    volts = np.zeros(xbar.inputs)
    along = getattr(xbar.cells, "gate_along", None)
    if waveforms is None:
        if gate is not None or t_stop is not None:
            raise ParameterError("`gate` and `t_stop` go with `waveforms`")
        volts = finite_array("V", V)
        if volts.shape != (xbar.inputs,):
            raise ParameterError(
                f"`V` must have shape ({xbar.inputs},), one input; got {volts.shape}"
            )
    else:
        lines = None if along is None else xbar.shape[0 if along == "rows" else 1]
        waves, t_stop = read_waves(xbar, waveforms, t_stop, gate, lines)
        circuit.transient(t_stop, max_step)
    expansion = _Expansion(circuit, xbar, volts, waves)
    expansion.merge()
    expansion.wires()
    expansion.cells(t_stop, gate_voltage, along)
    expansion.capacitors()
    expansion.ends()
    return circuit


class _Expansion:
    """The lines of one crossbar, one after the other, into a circuit."""

    def __init__(
        self, circuit: Circuit, xbar: CrossbarLike, volts: Array, waves: dict[str, Waves]
    ) -> None:
        self.circuit, self.xbar, self.volts, self.waves = circuit, xbar, volts, waves
        rows, columns = xbar.shape
        word, bit = xbar.word_segments, xbar.bit_segments
        down = xbar.layout == "parallel"  # word lines, too, run along the columns
        self.lines = [
            ("wl", j, [f"wl{i}_{j}" for i in range(rows)], word[:, j], ("left", "right"))
            for j in range(columns)
        ] if down else [
            ("wl", i, [f"wl{i}_{j}" for j in range(columns)], word[i], ("left", "right"))
            for i in range(rows)
        ]
        self.lines += [
            ("bl", j, [f"bl{i}_{j}" for i in range(rows)], bit[:, j], ("top", "bottom"))
            for j in range(columns)
        ]

    def merge(self) -> None:
        for _, _, nodes, segments, _ in self.lines:
            head = nodes[0]
            for k in range(1, len(nodes)):
                if segments[k] == 0.0:
                    self.circuit.alias(nodes[k], head)
                else:
                    head = nodes[k]

    def wires(self) -> None:
        for _, _, nodes, segments, _ in self.lines:
            for k in range(1, len(nodes)):
                if 0.0 < segments[k] < math.inf:
                    self.circuit.R(
                        f"wire_{nodes[k - 1]}_{nodes[k]}", nodes[k - 1], nodes[k],
                        float(segments[k]),
                    )

    def cells(
        self, t_stop: float | None, gate_voltage: ArrayLike | None, along: str | None
    ) -> None:
        """Write the cells: resistors, or a subcircuit for each."""
        circuit, cells = self.circuit, self.xbar.cells
        if isinstance(cells, Resistive):
            if gate_voltage is not None:
                raise ParameterError("`gate_voltage` is for cells with transistors")
            for i, j in np.argwhere(cells.conductance > 0):
                circuit.R(f"cell{i}_{j}", f"wl{i}_{j}", f"bl{i}_{j}", 1.0 / cells.conductance[i, j])
            return
        if not isinstance(cells, SpiceCells):
            raise ParameterError(
                f"{type(cells).__name__} cells cannot be written out: they have no `to_spice`"
            )
        spice = cells.to_spice("cell", t_stop)
        if spice.gated:
            gates = self._gates(gate_voltage, along)
        else:
            gates = {}
            cells.gates(gate_voltage)  # refuses what has no gates
        circuit.subcircuit(spice.name, spice.text)
        # ngspice adds 1e-20 gmin to every divisor, which may be an energy in joule, squared
        circuit.options(gmin=1e-30)
        values = {
            name: np.broadcast_to(value, self.xbar.shape)
            for name, value in spice.parameters.items()
        }
        for i, j in np.ndindex(self.xbar.shape):
            ports = [f"wl{i}_{j}", f"bl{i}_{j}", *([gates[i, j]] if gates else [])]
            own = {name: float(value[i, j]) for name, value in values.items()}
            circuit.X(f"_cell{i}_{j}", ports, spice.name, **own)
        if spice.states and not self._has_capacitors():
            # states are charges of `farad` at full range: their error is relative to the range
            circuit.options(chgtol=0.01 * spice.farad)

    def _gates(
        self, gate_voltage: ArrayLike | None, along: str | None
    ) -> dict[tuple[int, ...], str]:
        """Write the gates' sources, one per gate line; return the gate node of every cell."""
        shape, wave = self.xbar.shape, self.waves.get("gate")
        volts = self.xbar.cells.gates(gate_voltage)  # type: ignore[union-attr]
        axis = 0 if along == "rows" else 1
        first = volts[:, :1] if axis == 0 else volts[:1]
        lined = wave is not None or bool((volts == first).all())
        found: dict[tuple[int, ...], str] = {}
        for cell in np.ndindex(shape):
            node = f"gate{cell[axis]}" if lined else f"gate{cell[0]}_{cell[1]}"
            if node not in found.values():
                level = float(volts[cell]) if wave is None else wave.source(cell[axis])
                self.circuit.V(f"_{node}", node, GROUND, level)
            found[cell] = node
        return found

    def _has_capacitors(self) -> bool:
        wires = self.xbar.wires
        return bool(np.any(wires.word_capacitance) or np.any(wires.bit_capacitance)
                    or np.any(getattr(self.xbar.cells, "capacitance", 0.0)))

    def capacitors(self) -> None:
        """Write the capacitors: of a segment at its crosspoint, of a cell across it."""
        wires, shape = self.xbar.wires, self.xbar.shape
        for kind, name, value in (
            ("wl", "word_capacitance", wires.word_capacitance),
            ("bl", "bit_capacitance", wires.bit_capacitance),
            ("cell", "capacitance", getattr(self.xbar.cells, "capacitance", 0.0)),
        ):
            farad = np.asarray(value)
            if farad.shape not in ((), shape):
                raise ParameterError(
                    f"`{name}` must be a scalar or have shape {shape}; got {farad.shape}"
                )
            whole = np.broadcast_to(farad, shape)
            for i, j in np.argwhere(whole > 0):
                node, other = f"{kind}{i}_{j}", GROUND
                if kind == "cell":
                    node, other = f"wl{i}_{j}", f"bl{i}_{j}"
                self.circuit.C(f"_{kind}{i}_{j}", node, other, float(whole[i, j]))

    def ends(self) -> None:
        wires = self.xbar.wires
        for family, line, nodes, segments, sides in self.lines:
            pinned: dict[str, float | Source] = {}
            for side, node, outer in (
                (sides[0], nodes[0], segments[0]), (sides[1], nodes[-1], segments[-1])
            ):
                name = f"{'word' if family == 'wl' else 'bit'}_{side}"
                end = self.xbar.ends.per_line(name, self.xbar.line_count(name))[line]
                if isinstance(end, Floating) or outer == math.inf:
                    continue
                series = float(outer) + self._added(name, line, end, wires)
                voltage = self._voltage(name, end, line)
                self._tie(f"{family}{line}_{side}", node, series, end, voltage, pinned)

    def _added(self, name: str, line: int, end: End, wires: Wires) -> float:
        count = self.xbar.line_count(name)
        if isinstance(end, Driven):
            return float(np.broadcast_to(wires.driver_of(name), count)[line])
        if isinstance(end, Sensed):
            return float(np.broadcast_to(wires.sense_of(name), count)[line])
        return 0.0

    def _voltage(self, name: str, end: End, line: int) -> float | Source:
        """Return what an end is held at."""
        if name in self.waves:
            return self.waves[name].source(line)
        if not isinstance(end, Driven):
            return 0.0
        if end.voltage is not None:
            return float(end.voltage)
        return self.waves[""].source(line) if "" in self.waves else float(self.volts[line])

    def _tie(
        self, name: str, node: str, series: float, end: End, voltage: float | Source,
        pinned: dict[str, float | Source],
    ) -> None:
        circuit = self.circuit
        amplifier = end.amplifier if isinstance(end, Sensed) else None
        if isinstance(end, (Driven, Grounded)):
            series += end.resistance
        terminal = node
        if series > 0.0:
            terminal = f"{name}_end"
            circuit.R(f"{name}_series", node, terminal, series)
        if isinstance(amplifier, LoadResistor):
            far = GROUND
            if isinstance(voltage, Source):
                far = f"{name}_source"
                circuit.V(f"_{name}", far, GROUND, voltage)
            circuit.R(f"{name}_load", terminal, far, amplifier.resistance)
        elif isinstance(amplifier, Transimpedance) and amplifier.gain != math.inf:
            if isinstance(voltage, Source):
                raise ParameterError(
                    f"{name}: a waveform at an amplifier of finite gain cannot be written out"
                )
            output = f"{name}_out"
            circuit.R(f"{name}_feedback", terminal, output, amplifier.r_feedback)
            circuit.E(f"_{name}", output, GROUND, terminal, GROUND, -amplifier.gain)
        else:
            key = circuit.node(terminal)
            if pinned.get(key) == voltage:
                return  # the line's other source already holds this node
            pinned[key] = voltage
            circuit.V(f"_{name}", terminal, GROUND, voltage)
