"""Derivatives of elements' own equations with respect to parameters, along a trajectory.

An element's currents and charges depend on its own parameters and unknowns only. So elements are
taken out of the circuit, each onto nodes of its own, and one parameter of all of them is moved at
once: central differences of fourth order of what they put into f and q at the points of the run,
whatever their number. Elements that refer to others stay beside those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ....core.errors import NetlistError, ParameterError
from ....core.validation import Array
from ....netlists.circuit import GROUND, Circuit
from ....netlists.elements import Element, Model
from ....netlists.spice.expressions.expression import Expression
from ..analyses.sensitivities import referred
from ..system.element_group import Bools, ElementGroup, Ints
from ..system.system import System
from .backward import Multipliers
from .trajectory import Trajectory

__all__ = ["Moved", "companions", "derivatives"]

# offsets in steps and weights: central, and to one side only
_STENCILS = {
    0: ((-2, -1, 0, 1, 2), (1.0 / 12, -8.0 / 12, 0.0, 8.0 / 12, -1.0 / 12)),
    1: ((0, 1, 2, 3, 4), (-25.0 / 12, 4.0, -3.0, 4.0 / 3, -1.0 / 4)),
    -1: ((0, -1, -2, -3, -4), (25.0 / 12, -4.0, 3.0, -4.0 / 3, 1.0 / 4)),
}
_BLOCK = 1 << 18  # numbers of f and q that are weighed at once


class Moved(NamedTuple):
    """A parameter of an element that can be moved.

    Attributes
    ----------
    name, element : str
    slot : str
        The part of the name behind the element's: parameters of one slot are moved together.
    value, step : float
    side : {0, 1, -1}
        Where to: both ways, up, or down.
    set : callable
        Returns element and model card (or None) with another value.
    """

    name: str
    element: str
    slot: str
    value: float
    step: float
    side: int
    set: Callable[[float], tuple[Element, Model | None]]


def companions(circuit: Circuit, element: Element) -> list[Element] | None:
    """Return the elements that must be beside one; None where it is complete on its own."""
    couplings = [e for e in circuit if e.kind == "K"] if element.kind == "L" else []
    mine = [
        k for k in couplings
        if element.name.lower() in (str(k.get("l1")).lower(), str(k.get("l2")).lower())
    ]
    if mine:
        found = {k.name.lower(): k for k in mine}
        for k in mine:
            found |= {e.name.lower(): e for e in referred(circuit, k)}
        found.pop(element.name.lower(), None)
        return list(found.values())
    written = any(
        isinstance(v, Expression) for v in (element.value, *(v for _, v in element.parameters))
    )
    if element.kind in "FHWBK" or written:
        return referred(circuit, element)
    return None


def derivatives(
    run: Trajectory, multipliers: Multipliers, moved: Sequence[Moved]
) -> dict[str, Array]:
    """Return the derivatives (M,) of all objectives by these parameters, by name.

    Those that the elements' equations do not let move are left out.
    """
    circuit = run.system.circuit
    slots: dict[tuple[str, str], list[Moved]] = {}
    beside: dict[str, list[Element] | None] = {}
    for p in moved:
        if p.element not in beside:
            beside[p.element] = companions(circuit, circuit[p.element])
        alone = beside[p.element] is None
        slots.setdefault((p.slot, "" if alone else p.element), []).append(p)
    found: dict[str, Array] = {}
    for (_, which), some in slots.items():
        found |= _together(run, multipliers, some, beside[which] if which else None)
    return found


def _together(
    run: Trajectory, multipliers: Multipliers, some: list[Moved], beside: list[Element] | None
) -> dict[str, Array]:
    try:
        values = _Part(run, multipliers, some, beside).derivatives()
    except (NetlistError, ParameterError):
        values = np.full((len(multipliers.f), len(some)), np.nan)
    good: Bools = np.asarray(np.isfinite(values).all(axis=0))
    found = {p.name: values[:, k] for k, p in enumerate(some) if good[k]}
    bad = [p for k, p in enumerate(some) if not good[k]]
    if len(some) == 1 and bad:  # not both ways: up, or down
        side = {0: 1, 1: -1}.get(bad[0].side)
        bad = [] if side is None else [bad[0]._replace(side=side)]
        return _together(run, multipliers, bad, beside) if bad else found
    half = (len(bad) + 1) // 2
    for part in (bad[:half], bad[half:]):
        if part:
            found |= _together(run, multipliers, part, beside)
    return found


class _Part:
    """Some elements on nodes of their own, a parameter of each to be moved."""

    def __init__(
        self, run: Trajectory, multipliers: Multipliers, moved: Sequence[Moved],
        beside: list[Element] | None,
    ) -> None:
        self.run, self.multipliers, self.moved, self.beside = run, multipliers, moved, beside
        self.circuit = run.system.circuit
        self.labels = {label: k for k, label in enumerate(run.system.labels)}
        self._correlated: tuple[Array, Array] | None = None

    def derivatives(self) -> Array:
        """Return (M, E)."""
        count = len(self.moved)
        found = np.zeros((len(self.multipliers.f), count))
        stencils = [_STENCILS[p.side] for p in self.moved]
        for j in range(5):
            weights = np.array([
                weight[j] / p.step for p, (_, weight) in zip(self.moved, stencils, strict=True)
            ])
            if weights.any():
                changed = [
                    p.set(p.value + where[j] * p.step)
                    for p, (where, _) in zip(self.moved, stencils, strict=True)
                ]
                found += weights * self._weighed(self._made(changed))
        return found

    # -- the circuit -----------------------------------------------------------------------------

    def _made(self, changed: Sequence[tuple[Element, Model | None]]) -> System:
        made = Circuit(self.circuit.title)
        made.options.update(self.circuit.options)
        made.temperature = self.circuit.temperature
        made.models = dict(self.circuit.models)
        for k, (element, card) in enumerate(changed):
            if card is not None:
                made.models[element.model.lower()] = card
            if self.beside is None:
                nodes = tuple(n if n == GROUND else f"{n}#{k}" for n in element.nodes)
                element = replace(element, nodes=nodes)  # noqa: PLW2901 - the same, elsewhere
            made.add(element)
        for element in self.beside or ():
            made.add(element)
        return System(made, self.run.system.temperature)

    def _places(self, system: System) -> tuple[Ints, Ints]:
        """Return the whole circuit's unknowns, ground last, and whose each is."""
        places = np.full(system.size + 1, -1, dtype=np.int64)
        owner = np.zeros(system.size, dtype=np.int64)
        mine = {p.element: k for k, p in enumerate(self.moved)}
        known = {k: name for name, k in system.nodes.items()}
        branches = {k: name for name, k in system.branches.items()}
        names = self.run.names
        for k, label in enumerate(system.labels):
            if k in known:
                name, _, number = known[k].rpartition("#")
                if self.beside is not None:
                    name, number = known[k], "0"
                places[k], owner[k] = names.node(name), int(number)
                continue
            places[k] = self.labels[label]
            if self.beside is None:
                inner = label[2:-1] if label[:2] in ("v(", "i(") else label
                owner[k] = mine[branches[k] if k in branches else inner.rpartition("#")[0]]
        return places, owner

    # -- along the run ---------------------------------------------------------------------------

    def _weighed(self, system: System) -> Array:
        """Return the elements' f and q, weighted by the multipliers, summed over time, (M, E)."""
        run, weights = self.run, self.multipliers
        places, owner = self._places(system)
        columns = weights.columns(places)
        total = np.zeros((len(weights.f), system.size + 1))
        if run.uic:
            system.start()
            total += weights.first[:, places] * run.begin(system, run.at_rest()[places])
        if system.linear:
            total += self._linear(system, places, columns)
        else:
            self._along(system, places, columns, total)
        return np.array([np.bincount(owner, row[:-1], len(self.moved)) for row in total])

    def _linear(self, system: System, places: Ints, columns: Ints) -> Array:
        """Return the same of constant G and C: sums over the points are made once."""
        weights, n = self.multipliers, system.size
        column = np.repeat(np.arange(n), np.diff(system.indptr))
        row = system.indices
        if self._correlated is None:
            at, run = columns[row], self.run
            by_g, by_c = (np.zeros((len(weights.f), len(row))) for _ in range(2))
            block = max(1, _BLOCK // (len(row) + 1))
            for k in range(0, run.count, block):
                x = run.values[k:k + block, places[column]]
                by_g += np.einsum("mkz,kz->mz", weights.f[:, k:k + block, at], x)
                by_c += np.einsum("mkz,kz->mz", weights.q[:, k:k + block, at], x)
            self._correlated = by_g, by_c
        by_g, by_c = self._correlated
        each = by_g * system.g_linear + by_c * system.c_linear
        return np.array([np.bincount(row, one, n + 1) for one in each])

    def _along(self, system: System, places: Ints, columns: Ints, total: Array) -> None:
        run, weights = self.run, self.multipliers
        if not run.uic:
            system.start()
        moding = self._moding(system)
        followers = [g for g in system.groups if g.follows]
        block = max(1, _BLOCK // (system.size + 1))
        ends = [*range(0, run.count, block), run.count]
        before: object = None
        x = np.zeros(system.size + 1)
        for first, last in pairwise(ends):
            f, q = (np.empty((last - first, system.size + 1)) for _ in range(2))
            for k in range(first, last):
                modes = run.modes_at(k)
                if modes is not before:
                    before = modes
                    for group, chosen in moding:
                        group.recall(chosen(modes), fixed=True)
                x[:-1] = run.values[k, places[:-1]]
                system.evaluate(x, run.now[k])
                f[k - first], q[k - first] = system.f, system.q
                for group in followers:
                    group.accept(x, run.now[k].but(mode="tran"))
            total += np.einsum("mkn,kn->mn", weights.f[:, first:last, columns], f)
            total += np.einsum("mkn,kn->mn", weights.q[:, first:last, columns], q)

    def _moding(
        self, system: System
    ) -> list[tuple[ElementGroup, Callable[[Sequence[Bools]], Bools]]]:
        """Return the groups with discrete states, and how theirs follow from the circuit's."""
        where = self.run.mode_places
        found: list[tuple[ElementGroup, Callable[[Sequence[Bools]], Bools]]] = []
        for group in system.groups:
            if group.modes() is None:
                continue
            at = [where[name] for name in group.names]

            def chosen(modes: Sequence[Any], at: Sequence[tuple[int, int]] = at) -> Bools:
                one: Bools = np.stack([modes[g][..., e] for g, e in at], axis=-1)
                return one

            found.append((group, chosen))
        return found
