"""What ``@element[name]`` shows over the points of a result: currents into terminals, and more.

The elements asked for are compiled apart from the circuit, each terminal as a node of its own, and
evaluated at the points of the result: the current into a terminal is then its row, f + dq/dt, the
charges differentiated by the formula that made the step. In time and in sweeps that is the current
by which Kirchhoff's law held. Small signals are those of G + j w C.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ....core.errors import ParameterError
from ....core.validation import Array
from ....netlists.circuit import GROUND, Circuit
from ....netlists.elements import COMPLEMENTARY, Element
from ....netlists.read_anew import at_temperature
from ....netlists.spice.expressions.expression import Expression
from ..integration.bdf import backward_weights
from ..system.element_group import Instant, Ints
from ..system.system import System
from .names import CURRENTS

__all__ = ["Part", "Slopes", "rates"]

Complexes = NDArray[np.complex128]
Values = TypeVar("Values", Array, Complexes)
Slopes = Callable[[Array], Array]
"""Charges (T, n) -> their rates at the same points."""


class Part:
    """Some elements apart from their circuit.

    Parameters
    ----------
    circuit : Circuit
    kelvin : float
    nodes : dict
        Node -> unknown of the whole circuit.
    labels : sequence of str
        Of the whole circuit's unknowns.
    names : sequence of str
        Elements.
    """

    def __init__(
        self, circuit: Circuit, kelvin: float, nodes: dict[str, int], labels: Sequence[str],
        names: Iterable[str],
    ) -> None:
        circuit = at_temperature(circuit, kelvin)
        made = Circuit(circuit.title)
        made.options.update(circuit.options)
        for name in ("rshunt", "cshunt"):  # belong to nodes, not to elements
            made.options.pop(name, None)
        made.temperature, made.models = circuit.temperature, dict(circuit.models)
        self.elements = [circuit[name] for name in dict.fromkeys(n.lower() for n in names)]
        for e in self.elements:
            if e.kind == "X":
                name = e.name.lower()
                raise ParameterError(
                    f"{e.name} is a crossbar: ask for v({name}.wl0_0), i({name}.cell0_0) or a "
                    f"state, {name}.ncell0_0#x, or solve the circuit's `expanded()`"
                )
        known = {GROUND: -1, **nodes}
        place: dict[str, int] = {}
        for k, e in enumerate(self.elements):
            ends = tuple(f"#{k}#{j}" for j in range(len(e.nodes)))
            place.update({
                f"v({end})": known[circuit.node(node)]
                for end, node in zip(ends, e.nodes, strict=True)
            })
            made.add(replace(e, nodes=ends))
        for e in _referred(circuit, self.elements):
            made.add(e)
        self.system = System(made, kelvin)
        whole = {label: k for k, label in enumerate(labels)}
        self._places = np.array(
            [place[n] if n in place else whole[n] for n in self.system.labels] + [-1],
            dtype=np.int64,
        )
        self._rows: dict[str, Ints] = {
            e.name.lower(): np.array([
                self.system.nodes[f"#{k}#{j}"] for j in range(len(e.nodes))
            ]) for k, e in enumerate(self.elements)
        }
        self._sign = {
            e.name.lower(): -1.0 if e.kind in "MJ" and e.model
            and circuit.models[e.model.lower()].kind in COMPLEMENTARY else 1.0
            for e in self.elements
        }

    def unknowns(self, values: Values) -> Values:
        """Return the part's unknowns (..., n + 1) from the whole circuit's (..., N)."""
        ground = np.zeros((*np.shape(values)[:-1], 1), dtype=np.asarray(values).dtype)
        found: Values = np.concatenate([values, ground], axis=-1)[..., self._places]
        return found

    def terminal(self, element: Element, name: str) -> int | None:
        """Return the row of the terminal whose current has that name, or None."""
        place = CURRENTS.get(element.kind, {}).get(name)
        if place is None or place >= len(element.nodes):
            return None
        return int(self._rows[element.name.lower()][place])

    def follow(self, values: Array, instants: Sequence[Instant]) -> tuple[Array, Array]:
        """Return f and q (T, n) at points (T, N) of the whole circuit, one after the other."""
        x = self.unknowns(values)
        f, q = (np.empty((len(x), self.system.size)) for _ in "fq")
        self.system.start()
        for k, (point, now) in enumerate(zip(x, instants, strict=True)):
            # with limits elements with memory, such as switches, take the state of this point
            self.system.evaluate(point, now.but(limit=True))
            self.system.evaluate(point, now.but(limit=False))
            f[k], q[k] = self.system.f[:-1], self.system.q[:-1]
            self.system.accept(point, now)
        return f, q

    def group_quantity(
        self, element: Element, name: str, values: Array, instants: Sequence[Instant]
    ) -> Array:
        """Return a quantity that the element's group knows, (T,).

        Raises
        ------
        ParameterError
            Says which there are.
        """
        x = self.unknowns(values)
        key = element.name.lower()
        group = next(
            (g for g in self.system.groups if key in map(str.lower, g.names)), None
        )
        names = [] if group is None else list(map(str.lower, group.names))
        found = np.empty(len(x))
        self.system.start()
        for k, (point, now) in enumerate(zip(x, instants, strict=True)):
            quantities = {}
            if group is not None:
                self.system.evaluate(point, now.but(limit=True))
                quantities = group.quantities(point, now.but(limit=False))
                self.system.accept(point, now)
            if name not in quantities:
                there = [*CURRENTS.get(element.kind, ()), "p", *quantities]
                raise ParameterError(
                    f"{element.name} has no quantity {name!r}; there are: "
                    f"{', '.join(dict.fromkeys(there))}"
                )
            found[k] = quantities[name][names.index(key)]
        return found

    def quantity(
        self, name: str, element: str, values: Array, instants: Sequence[Instant],
        slopes: Slopes | None = None,
    ) -> Array:
        """Return a quantity of an element at points (T, N) of the whole circuit, (T,).

        Parameters
        ----------
        name, element : str
        values : (T, N)
        instants : sequence of T Instant
        slopes : callable, optional
            Charges (T, n) -> their rates; without it they are 0.
        """
        e = next(e for e in self.elements if e.name.lower() == element)
        row = self.terminal(e, name)
        if row is None and name != "p":
            return self.group_quantity(e, name, values, instants)
        f, q = self.follow(values, instants)
        current = f if slopes is None else f + slopes(q)
        rows = self._rows[element]
        if name == "p":
            volts = self.unknowns(values)
            return np.asarray((volts[:, rows] * current[:, rows]).sum(axis=1))
        return np.asarray(self._sign[element] * current[:, row])

    def currents(
        self, values: Array, instants: Sequence[Instant], slopes: Slopes | None = None
    ) -> dict[str, Array]:
        """Return all currents into terminals, each (T,), by ``@element[name]``."""
        f, q = self.follow(values, instants)
        current = f if slopes is None else f + slopes(q)
        found: dict[str, Array] = {}
        for e in self.elements:
            key = e.name.lower()
            for name in CURRENTS.get(e.kind, ()):
                row = self.terminal(e, name)
                if row is not None:
                    found[f"@{key}[{name}]"] = self._sign[key] * current[:, row]
        return found

    def small_signal(
        self, name: str, element: str, point: Array, x: Complexes, hertz: Array
    ) -> Complexes:
        """Return the complex current (F,) of small signals x (F, N) at the point (N,)."""
        e = next(e for e in self.elements if e.name.lower() == element)
        row = self.terminal(e, name)
        if row is None:
            raise ParameterError(
                f"{e.name} has no small-signal quantity {name!r}; there are: "
                f"{', '.join(CURRENTS.get(e.kind, ())) or 'none'}"
            )
        at, waves = self.unknowns(point), self.unknowns(x)[:, :-1]
        spectral = any(g.spectral for g in self.system.groups)
        found: Complexes = np.zeros(len(hertz), dtype=complex)
        for group in self.system.groups:
            rows, amplitudes = group.ac()
            found += np.asarray(amplitudes)[np.asarray(rows) == row].sum()
        g = c = None
        for k, f in enumerate(hertz):
            if g is None or spectral:
                now = self.system.instant(
                    mode="tran", hertz=float(f) if spectral else 0.0, signal=True
                )
                g, c = (m.tocsr()[[row]] for m in self.system.linearise(at, now))
            found[k] += ((g + 2j * np.pi * f * c) @ waves[k])[0]
        found *= self._sign[element]
        return found


def _referred(circuit: Circuit, elements: Sequence[Element]) -> Iterator[Element]:
    """Return what the elements' laws refer to: sources of currents, and nodes."""
    known = {e.name.lower() for e in elements}
    waiting = list(elements)
    nodes: dict[str, None] = {}
    while waiting:
        e = waiting.pop(0)
        for name, _ in e.controls():
            if name not in known:
                known.add(name)
                waiting.append(circuit[name])
                yield circuit[name]
        for value in (e.value, *(v for _, v in e.parameters)):
            if isinstance(value, Expression):
                for probe in value.sources:
                    if probe[0] == "v":
                        nodes.update(dict.fromkeys(map(circuit.node, probe[1:])))
    for k, node in enumerate(n for n in nodes if n != GROUND):
        yield Element("I", f"I#{k}", (node, GROUND), 0.0)


def rates(
    times: Array, orders: Ints, method: str, damping: float, charges: Array
) -> Array:
    """Return dq/dt (T, ...) of charges at the points of a transient, as its formulas had it.

    Parameters
    ----------
    times : (T,)
    orders : (T,)
        Of the step that led to a point; 0 at points that no step led to.
    method : {"trap", "gear", "euler"}
    damping : float
        ngspice's ``xmu``.
    charges : (T, ...)
    """
    found = np.zeros_like(charges)
    known = bool(orders[0] == 0 and times[0] == 0.0)
    for k in range(1, len(times)):
        h = times[k] - times[k - 1]
        here = (charges[k] - charges[k - 1]) / h
        order = int(orders[k])
        if order == 1 or method == "euler" or (k == 1 and not known):
            known |= order == 1
            found[k] = here
        elif method == "trap" and known:
            found[k] = here / (1.0 - damping) - damping / (1.0 - damping) * found[k - 1]
        else:
            n = min(order, k)
            weights = backward_weights(times[k] - times[k - n:k + 1])
            found[k] = np.tensordot(weights, charges[k - n:k + 1], 1)
    if not known and len(times) > 1:
        found[0] = found[1]
    return found
