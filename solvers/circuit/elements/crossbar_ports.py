"""Crossbars as elements: the structured solver eliminates their inner nodes.

Of resistors remains a constant matrix of conductances between the line ends, of other cells
(`array_cells`) a non-linear element with as many terminals. Cells that the structured solver does
not know, such as transistors with junctions, are written out before (`solvable`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ....core.errors import CrossbarSimError, NetlistError, SingularCircuitError
from ....core.validation import Array
from ....netlists import device_protocol
from ....netlists.circuit import Circuit
from ....netlists.crossbar.cells import Cells, ThermalCells
from ....netlists.crossbar.crossbar import Crossbar, Resistive
from ....netlists.crossbar.ends import END_NAMES, Driven, End, Ends, Floating, Sensed
from ....netlists.crossbar_element import CrossbarBlock, doubly_tied, plain
from ....netlists.elements import Element
from ....netlists.spice.cards import card
from ....netlists.spice.read.name_checks import asked
from ....netlists.transistors.ekv import SHORT_CHANNEL
from ....netlists.transistors.temperature import thermal_voltage
from ...crossbar.problem import CrossbarProblem, make_problem
from ...crossbar.structured.reduction import PortReduction
from ..system.builder import Builder, register_kind, where
from ..system.element_group import Bools, ElementGroup, Ints, Triplets
from .crossbar_cells import FAMILIES, CellArray, placed, shown_label
from .memristors.memristors import device_of

__all__ = ["ResistorArray", "solvable", "wanted_names"]

_MOST = 20_000  # unknowns of a crossbar above which only those named are kept
_ZERO_CELSIUS = 273.15
# what a card may say of a static transistor, and the parameters of cells that mean it
_LEVEL1 = {"vto": "v_to", "kp": "k_p", "gamma": "gamma", "phi": "phi", "lambda": "lambda_"}
_EKV = {"vto": "v_t0", "kp": "k_p", "tcv": "tcv", "bex": "bex"}
_NONE = np.zeros(0, dtype=np.bool_)


def solvable(circuit: Circuit) -> Circuit:
    """Return the circuit with those crossbars written out that the structured solver cannot take.

    That is where a transistor has junctions or capacitances: its card must say ``is=0`` and no more
    than threshold, kp, gamma, phi, lambda, tnom (level 1, whose kp must be given) or threshold, kp,
    n0, tcv, bex, tnom and, with vcrit, theta, sigma, ksource, lambda (EKV, whose kp and n0 must
    be given).
    """
    if not circuit.arrays:
        return circuit
    return circuit.expanded(keep=[
        name for name, block in circuit.arrays.items()
        if not block.transistor or _static(circuit, block) is not None
    ])


def _static(circuit: Circuit, block: CrossbarBlock) -> tuple[str, dict[str, float]] | None:
    """Return kind and parameters of a block's transistor, or None where it is more than these."""
    model = circuit.models[block.transistor]
    if model.level not in (1, "ekv"):
        return None
    aliases = card("nmos", model.level).aliases
    given = {aliases.get(k.lower(), k.lower()): v for k, v in model.parameters.items()}
    given.pop("level", None)
    nominal = float(given.pop("tnom", circuit.options.get("tnom", 27.0))) + _ZERO_CELSIUS
    known = _EKV | {"n0": ""} if model.level == "ekv" else _LEVEL1
    if float(given.get("vcrit", 0.0)) > 0.0:
        known = known | SHORT_CHANNEL
    needed = {"kp", "n0"} if model.level == "ekv" else {"kp"}
    if given.pop("is", None) != 0.0 or not needed <= set(given) or not set(given) <= set(known):
        return None
    numbers = {k: float(v) for k, v in given.items()}
    found = {
        "width": block.width, "length": block.length, "t_nom": nominal, known["vto"]: 0.0,
    }
    if model.level == "ekv":
        found |= {"v_t0": 0.5, "kappa": 1.0 / numbers.pop("n0"), "u_t": thermal_voltage(nominal)}
    return ("ekv" if model.level == "ekv" else "level1"), found | {
        known[k]: v for k, v in numbers.items()
    }


def crossbar_of(
    circuit: Circuit, element: Element, block: CrossbarBlock, temperature: float
) -> Crossbar:
    """Return the crossbar of a block at a temperature, all of its ends sources.

    Where both ends of a line without resistance are one node, only the near one is a source.
    """
    twice = doubly_tied(element, block)
    ends = Ends(**{
        name: _sources(name, twice) if name in block.ends else Floating()
        for name in END_NAMES
    })
    made = block.crossbar
    if made is not None:
        return Crossbar(wires=made.wires, ends=ends, cells=_heated(made.cells, temperature),
                        layout=made.layout)
    device = device_of(circuit.models[block.model]) if block.model else None
    transistor = _static(circuit, block) if block.transistor else None
    cells = device_protocol.cells(device, block.shape, block.conductance, transistor=transistor,
                          gates=block.gates, side=block.side)
    return Crossbar(wires=block.wires, ends=ends, cells=_heated(cells, temperature))


def _heated(cells: Resistive | Cells, temperature: float) -> Resistive | Cells:
    return cells.at_temperature(temperature) if isinstance(cells, ThermalCells) else cells


def _sources(name: str, twice: Mapping[str, Bools]) -> End | tuple[End, ...]:
    end: End = Driven() if name.startswith("word") else Sensed()
    idle = twice.get(name, _NONE)
    return tuple(Floating() if line else end for line in idle) if idle.any() else end


def wanted_names(circuit: Circuit, save: Sequence[str] | None) -> list[str]:
    """Return the names inside of crossbars that outputs of the deck, or `save`, ask for."""
    found = list(save or ())
    for _, _, expression in asked(circuit):
        found += [name for probe in expression.sources for name in probe[1:]]
    return [re.sub(r"^[vi]\(|\)$", "", n.strip().lower()) for n in found]


class ResistorArray(ElementGroup):
    """A crossbar of resistors: the conductances between its line ends.

    Parameters
    ----------
    name
    at : (P,)
        Unknowns of the line ends.
    ends : tuple of str
        Which, in the order of `at`.
    problem : CrossbarProblem
    shown : list of str
        What is asked for: nodes ``"wl0_1"``, currents of cells ``"cell0_1"``.
    """

    def __init__(
        self, name: str, at: Ints, ends: tuple[str, ...], problem: CrossbarProblem,
        shown: list[str],
    ) -> None:
        self.names, self.at, self._shown = (name,), at, shown
        self.problem = problem
        self._places = placed(shown, problem.shape)
        self._counts = [len(e[0]) if n in ends else 0
                        for n, e in zip(END_NAMES, problem.ends, strict=True)]
        self._reduced = PortReduction.of(problem, keep_rows=bool(shown))
        self.conductance = self._reduced.laplacian([n in ends for n in END_NAMES])

    def linear_g(self) -> list[Triplets]:
        """Return the conductances."""
        return [(self.at[:, None], self.at[None, :], self.conductance)]

    def hidden_labels(self) -> list[str]:
        """Return what is asked for."""
        return [shown_label(self.names[0].lower(), n) for n in self._shown]

    def hidden(self, x: Array) -> Array:
        """Return voltages and currents, by back-substitution."""
        if not self._shown:
            return np.zeros(0)
        volts, sources, at = x[self.at], [], 0
        for count, end in zip(self._counts, self.problem.ends, strict=True):
            full = np.zeros((1, end.shape[1]))
            if count:
                full[0] = volts[at:at + count]
            sources.append(full)
            at += count
        word, bit = (np.zeros((1, *self.problem.shape)) for _ in range(2))
        self._reduced.voltages((sources[0], sources[1], sources[2], sources[3]), word, bit, 0, 8)
        cell = self.problem.G * (word[0] - bit[0])
        return np.concatenate([word[0], bit[0], word[0], cell]).ravel()[self._places]


@register_kind("X")
def _x(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    return [_group(builder, e) for e in elements]


def _group(builder: Builder, e: Element) -> ElementGroup:
    block = builder.circuit.arrays.get(e.name.lower())
    if block is None:
        raise NetlistError(
            f"{e.name} is a subcircuit ({e.control}): it must be written out before it can be "
            "solved; read the deck with `read_spice`, or use `circuit.flattened()`", **where(e)
        )
    at = builder.at([e])[:, 0]
    lines = len(at) - block.gate_lines
    try:
        xbar = crossbar_of(builder.circuit, e, block, builder.temperature)
        if plain(block):
            problem = make_problem(xbar, np.zeros((1, xbar.inputs)))
            if not problem.parallel:
                return ResistorArray(e.name, at, block.ends, problem, _shown(builder, e, block))
        return CellArray(e.name, at[:lines], at[lines:], block.ends, xbar, builder.options,
                         _shown(builder, e, block))
    except NetlistError:
        raise
    except SingularCircuitError as error:
        raise SingularCircuitError(f"{e.name}: {error}", error.nodes) from error
    except CrossbarSimError as error:
        raise NetlistError(f"{e.name}: {error}", **where(e)) from error


def _shown(builder: Builder, e: Element, block: CrossbarBlock) -> list[str]:
    """Return the inner nodes and states that results show: all, or of many those asked for."""
    rows, columns = block.shape
    families = [f for f in FAMILIES if f != "in" or block.gate_lines]
    device: Any = None
    if block.model:
        device = device_of(builder.circuit.models[block.model])
    elif block.crossbar is not None and not isinstance(block.crossbar.cells, Resistive):
        device = getattr(block.crossbar.cells, "device", None)
    states = [] if device is None else list(device.state_names)
    if (len(families) + len(states)) * rows * columns <= _MOST:
        cells = [(i, j) for i in range(rows) for j in range(columns)]
        return [f"{f}{i}_{j}" for f in families for i, j in cells] + [
            f"ncell{i}_{j}#{s}" for s in states for i, j in cells
        ]
    inside = rf"((?:{'|'.join(families)})\d+_\d+|ncell\d+_\d+#(?:{'|'.join(states) or '!'}))"
    known = re.compile(re.escape(f"{e.name.lower()}.") + inside)
    matches = (known.fullmatch(name) for name in builder.wanted)
    return list(dict.fromkeys(match[1] for match in matches if match))
