"""A crossbar written out as a flat circuit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._check import finite_array
from .circuit import GROUND, Circuit
from .crossbar import Crossbar
from .ends import Driven, End, Floating, LoadResistor, Sensed, Transimpedance
from .errors import ParameterError

__all__ = ["expand_crossbar"]


def expand_crossbar(xbar: Crossbar, V: Any) -> Circuit:
    """Return the circuit of `xbar` driven by V (M,) volt.

    Crosspoints are ``wl{i}_{j}`` and ``bl{i}_{j}``; nodes joined by exactly 0 ohm are one node
    with the others' names as aliases. Sources are named after their line and end
    (``V_wl3_left``), sense amplifiers by ``V_bl2_bottom`` (virtual ground: its current is the
    output), ``R_bl2_bottom_load`` or ``E_bl2_bottom``. Open cells are left out.
    """
    rows, columns = xbar.shape
    volts = finite_array("V", V)
    if volts.shape != (rows,):
        raise ParameterError(f"`V` must have shape ({rows},), one input; got {volts.shape}")
    circuit = Circuit(f"crossbar {rows}x{columns}")
    expansion = _Expansion(circuit, xbar, volts)
    expansion.merge()
    expansion.wires()
    for i, j in np.argwhere(xbar.conductance > 0):
        circuit.R(f"cell{i}_{j}", f"wl{i}_{j}", f"bl{i}_{j}", 1.0 / xbar.conductance[i, j])
    expansion.ends()
    return circuit


class _Expansion:
    """The lines of one crossbar, one after the other, into a circuit."""

    def __init__(self, circuit: Circuit, xbar: Crossbar, volts: Any) -> None:
        self.circuit, self.xbar, self.volts = circuit, xbar, volts
        rows, columns = xbar.shape
        word, bit = xbar.word_segments, xbar.bit_segments
        self.lines = [
            ("wl", i, [f"wl{i}_{j}" for j in range(columns)], word[i], ("left", "right"))
            for i in range(rows)
        ] + [
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

    def ends(self) -> None:
        wires = self.xbar.wires
        for family, line, nodes, segments, sides in self.lines:
            pinned: dict[str, float] = {}
            for side, node, outer in (
                (sides[0], nodes[0], segments[0]), (sides[1], nodes[-1], segments[-1])
            ):
                name = f"{'word' if family == 'wl' else 'bit'}_{side}"
                end = self.xbar.ends.per_line(name, self._count(family))[line]
                if isinstance(end, Floating) or outer == math.inf:
                    continue
                series = float(outer) + self._added(family, line, end, wires)
                self._tie(f"{family}{line}_{side}", node, series, end, line, pinned)

    def _count(self, family: str) -> int:
        return self.xbar.shape[0] if family == "wl" else self.xbar.shape[1]

    def _added(self, family: str, line: int, end: End, wires: Any) -> float:
        if family == "wl" and isinstance(end, Driven):
            return float(np.broadcast_to(wires.driver, self._count(family))[line])
        if family == "bl" and isinstance(end, Sensed):
            return float(np.broadcast_to(wires.sense, self._count(family))[line])
        return 0.0

    def _tie(
        self, name: str, node: str, series: float, end: End, line: int, pinned: dict[str, float]
    ) -> None:
        circuit = self.circuit
        amplifier = end.amplifier if isinstance(end, Sensed) else None
        voltage = 0.0
        if isinstance(end, Driven):
            voltage = float(self.volts[line]) if end.voltage is None else float(end.voltage)
        if not isinstance(end, (Driven, Sensed, Floating)):
            series += end.resistance
        if isinstance(end, Driven):
            series += end.resistance
        terminal = node
        if series > 0.0:
            terminal = f"{name}_end"
            circuit.R(f"{name}_series", node, terminal, series)
        if isinstance(amplifier, LoadResistor):
            circuit.R(f"{name}_load", terminal, GROUND, amplifier.resistance)
        elif isinstance(amplifier, Transimpedance) and amplifier.gain != math.inf:
            output = f"{name}_out"
            circuit.R(f"{name}_feedback", terminal, output, amplifier.r_feedback)
            circuit.E(f"_{name}", output, GROUND, terminal, GROUND, -amplifier.gain)
        else:
            key = circuit.node(terminal)
            if pinned.get(key) == voltage:
                return  # the line's other source already holds this node
            pinned[key] = voltage
            circuit.V(f"_{name}", terminal, GROUND, voltage)
