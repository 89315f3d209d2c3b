"""Elements whose law is an expression: B, and R, C, L, E, F, G, H with expressions.

Elements with expressions of the same form (all but numbers and names) are one group. The rows:

- a current i(...) from p to n (B with ``i=``, G, F, and R as v / r(...));
- a voltage with a branch: v_p - v_n - v(...) = 0 (B with ``v=``, E, H);
- a capacitor with ``q=``: charge q(...) from p to n; with ``c=``: current c(...) dv/dt;
- an inductor: voltage l(...) di/dt. As in ngspice; dv/dt and di/dt are unknowns.

``ddt(u)`` is an unknown w with the row w - d/dt u = 0, and ``idt(u)`` one with u - d/dt w = 0, so
that both are integrated with the circuit's charges and under their error control. At an operating
point a derivative is 0 and an integral is its initial value (0 unless given).

``hertz`` is 0 at operating points and in time; small-signal analyses take the slopes, at the
voltages of the operating point, anew at every frequency.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....core.errors import NetlistError
from ....core.validation import Array
from ....netlists.elements import Element
from ....netlists.spice.expressions.expression import Expression
from ..system.builder import Builder, register_kind, where
from ..system.element_group import ElementGroup, Instant, Ints, Stamp, Triplets
from ..system.entries import branch_entries
from .laws.law import Law, conductance
from .values import warmth

__all__ = ["behavioural"]


def _stacked(parts: Sequence[tuple[Ints, Ints]]) -> tuple[Ints, Ints]:
    return (np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))


class Lawful(ElementGroup):
    """Elements whose law is an expression."""

    law: Law

    def explain(self, k: int) -> str:
        """Return which part of the law has no value."""
        return self.law.explain(k)


class Currents(Lawful):
    """Currents from p to n; those with `resistive` are no sources."""

    def __init__(
        self, names: Sequence[str], at: Ints, law: Law, many: Array, *,
        resistive: bool = False,
    ) -> None:
        self.names, self.at, self.law, self.many = tuple(names), at, law, many
        self.resistive, self.spectral = resistive, law.spectral
        self.f_rows = at
        self.g_at = _stacked([law.entries(at[0]), law.entries(at[1])])

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill currents and slopes."""
        value, slopes = self.law.evaluate(x, now)
        self.limited = self.law.limited
        scale = self.many if self.resistive else now.scale * self.many
        out.f[0] = scale * value
        out.f[1] = -out.f[0]
        each = scale * self.law.both(slopes)
        count = len(each)
        out.g[:count], out.g[count:] = each, -each

    def quantities(self, x: Array, now: Instant) -> dict[str, Array]:
        """Return the currents ``i``."""
        value, _ = self.law.evaluate(x, now)
        return {"i": self.many * value}


class Voltages(Lawful):
    """Voltages between p and n, with branches; some are made of integrals."""

    def __init__(
        self, names: Sequence[str], at: Ints, own: Ints, law: Law, integrals: Sequence[bool]
    ) -> None:
        self.names, self.at, self.own, self.law = tuple(names), at, own, law
        self.integrals = tuple(integrals)
        self.spectral = law.spectral
        self.f_rows = own[None]
        self.g_at = law.entries(own)

    def linear_g(self) -> Sequence[Triplets]:
        """Return the branches."""
        return branch_entries(self.at, self.own)

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill the rows: minus the voltages."""
        value, slopes = self.law.evaluate(x, now)
        self.limited = self.law.limited
        out.f[0] = -now.scale * value
        out.g[:] = -now.scale * self.law.both(slopes)

    def integrating(self, node: int) -> Sequence[str]:
        """Return those whose voltage is made of integrals."""
        here = (self.at == node).any(axis=0)
        return [n for n, at, own in zip(self.names, here, self.integrals, strict=True)
                if at and own]


class Charges(Lawful):
    """Capacitors of charge q(...)."""

    def __init__(self, names: Sequence[str], at: Ints, law: Law, many: Array) -> None:
        self.names, self.law, self.many = tuple(names), law, many
        self.spectral = law.spectral
        self.q_rows = at
        self.c_at = _stacked([law.entries(at[0]), law.entries(at[1])])

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill charges and their slopes."""
        value, slopes = self.law.evaluate(x, now)
        self.limited = self.law.limited
        out.q[0] = self.many * value
        out.q[1] = -out.q[0]
        each = self.many * self.law.both(slopes)
        out.c[:len(each)], out.c[len(each):] = each, -each


class Reactances(Lawful):
    """Capacitors c(...) dv/dt and inductors l(...) di/dt.

    Parameters
    ----------
    names
    at : (2, E)
    own : (E,)
        Unknowns w, the rates: w - d/dt u = 0.
    branch : (E,), optional
        Unknown currents of inductors, u of theirs; of capacitors u is the voltage.
    law : compiled c or l
    many, ic : (E,)
    """

    def __init__(
        self, names: Sequence[str], at: Ints, own: Ints, branch: Ints | None, law: Law,
        many: Array, ic: Array,
    ) -> None:
        self.names, self.at, self.own, self.branch = tuple(names), at, own, branch
        self.law, self.many, self.ic = law, many, ic
        self.spectral = law.spectral
        self.f_rows = at if branch is None else branch[None]
        self.g_at = _stacked([
            part for row in self.f_rows for part in (law.entries(row), (row[None], own[None]))
        ])

    def linear_g(self) -> Sequence[Triplets]:
        """Return w, and the branches."""
        found: list[Triplets] = [(self.own, self.own, np.ones(len(self.own)))]
        return found if self.branch is None else found + branch_entries(self.at, self.branch)

    def linear_c(self) -> Sequence[Triplets]:
        """Return minus what w is the rate of."""
        one = np.ones(len(self.own))
        if self.branch is not None:
            return [(self.own, self.branch, -one)]
        return [(self.own, self.at[0], -one), (self.own, self.at[1], one)]

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill currents, or minus voltages."""
        value, slopes = self.law.evaluate(x, now)
        self.limited = self.law.limited
        value, slopes = self.many * value, self.many * slopes
        w = x[self.own]
        each = np.concatenate([w * self.law.both(slopes), value[None]])
        if self.branch is not None:
            out.f[0], out.g[:] = -value * w, -each
            return
        out.f[0], out.f[1] = value * w, -value * w
        out.g[:len(each)], out.g[len(each):] = each, -each

    def initial(self, x: Array) -> tuple[Ints, Array]:
        """Have w's integrals begin at the initial values."""
        k = np.flatnonzero(~np.isnan(self.ic))
        if self.branch is not None:
            x[self.branch[k]] = self.ic[k]
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        v = x[self.at[0, k]] - x[self.at[1, k]]
        return self.own[k], v - self.ic[k]


class Dynamics(Lawful):
    """Unknowns w that are derivatives (w - d/dt u = 0) or integrals (u - d/dt w = 0) of u(...)."""

    def __init__(
        self, names: Sequence[str], kind: str, own: Ints, law: Law, start: Array
    ) -> None:
        self.names, self.kind, self.own, self.law, self.first = (
            tuple(names), kind, own, law, start
        )
        self.spectral = law.spectral
        if kind == "ddt":
            self.f_rows = self.q_rows = own[None]
            self.g_at = (own[None], own[None])
            self.c_at = law.entries(own)
        else:
            self.f_rows = self.q_rows = own[None]
            self.g_at = _stacked([law.entries(own), (own[None], own[None])])
            self.c_at = (own[None], own[None])

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill the rows; at an operating point an integral is held at its start."""
        value, slopes = self.law.evaluate(x, now)
        self.limited = self.law.limited
        w = x[self.own]
        if self.kind == "ddt":
            out.f[0], out.g[0] = w, 1.0
            out.q[0], out.c[:] = -value, -self.law.both(slopes)
            return
        out.q[0], out.c[0] = -w, -1.0
        if now.mode == "dc":
            out.f[0], out.g[:-1], out.g[-1] = w - self.first, 0.0, 1.0
        else:
            out.f[0], out.g[:-1], out.g[-1] = value, self.law.both(slopes), 0.0

    def initial(self, x: Array) -> tuple[Ints, Array]:
        """Set integrals to their start."""
        if self.kind == "idt":
            x[self.own] = self.first
        return np.zeros(0, dtype=np.int64), np.zeros(0)


# -- from elements ---------------------------------------------------------------------------------


class _Item:
    """An element with its expression, what it is, and its unknowns."""

    def __init__(self, builder: Builder, element: Element) -> None:
        self.element = element
        kind = element.kind
        value: Any = element.value
        given = {key.lower(): v for key, v in element.parameters}
        if kind == "B":
            self.what = "voltage" if given.get("v") is not None else "current"
            value = given["v" if self.what == "voltage" else "i"]
        elif kind == "C" and "q" in given:
            self.what, value = "charge", given["q"]
        else:
            self.what = {
                "R": "resistance", "C": "capacitance", "L": "inductance", "E": "voltage",
                "H": "voltage", "G": "current", "F": "current",
            }[kind]
        if not isinstance(value, Expression):
            value = Expression.number(float(value))
        if value.names:
            raise NetlistError(
                f"{element.name}: no value for {', '.join(value.names)} in {value.text}",
                **where(element),
            )
        if self.what == "resistance":
            value = conductance(value, ("v", *element.nodes))
        self.expression = value
        self.inner = [
            builder.inner(f"{element.name.lower()}#{d.kind}{k}", "1", "1")
            for k, d in enumerate(value.dynamic)
        ]

    def places(self, builder: Builder, expression: Expression) -> tuple[list[int], list[int]]:
        """Return where the probes of an expression are."""
        plus: list[int] = []
        minus: list[int] = []
        for probe in expression.probes:
            second = -1
            if probe[0] == "v":
                first = builder.node(probe[1])
                second = builder.node(probe[2]) if len(probe) > 2 else -1
            elif probe[0] in "i@":
                what = probe[2].lower() if probe[0] == "@" else "i"
                first, second = builder.current(probe[1], self.element, what)
            else:
                first = self.inner[int(probe[1])]
            plus.append(first)
            minus.append(second)
        return plus, minus


def _compile(builder: Builder, pairs: Sequence[tuple[_Item, Expression]]) -> Law:
    found = [item.places(builder, e) for item, e in pairs]
    plus = np.array([p for p, _ in found], dtype=np.int64).reshape(len(pairs), -1).T
    minus = np.array([m for _, m in found], dtype=np.int64).reshape(len(pairs), -1).T
    return Law([e for _, e in pairs], plus.copy(), minus.copy())


def behavioural(builder: Builder, elements: Sequence[Element]) -> list[ElementGroup]:
    """Return the groups of elements with expressions."""
    items = [_Item(builder, e) for e in elements]
    forms: dict[tuple[Any, ...], list[_Item]] = {}
    for item in items:
        forms.setdefault((item.what, item.expression.key), []).append(item)
    groups: list[ElementGroup] = [_group(builder, key[0], some) for key, some in forms.items()]
    inner: dict[tuple[Any, ...], list[tuple[_Item, int]]] = {}
    for item in items:
        for k, d in enumerate(item.expression.dynamic):
            inner.setdefault((d.kind, d.inner.key), []).append((item, k))
    for key, members in inner.items():
        chosen = [(item, item.expression.dynamic[k].inner) for item, k in members]
        start = []
        for item, k in members:
            first = item.expression.dynamic[k].initial
            start.append(0.0 if first is None else float(first.evaluate({}, {})))
        own = np.array([item.inner[k] for item, k in members], dtype=np.int64)
        groups.append(Dynamics(
            [item.element.name for item, _ in members], key[0], own, _compile(builder, chosen),
            np.array(start),
        ))
    return groups


def _group(builder: Builder, what: str, items: Sequence[_Item]) -> ElementGroup:
    elements = [item.element for item in items]
    names = [e.name for e in elements]
    at = builder.at(elements, 2)
    law = _compile(builder, [(item, item.expression) for item in items])
    many = np.array([float(e.get("m", 1.0)) for e in elements])
    warm = np.array([warmth(builder, e)[0] for e in elements])
    ic = np.array([float(e.get("ic", np.nan)) for e in elements])
    if what == "voltage":
        integrals = [any(d.kind == "idt" for d in i.expression.dynamic) for i in items]
        return Voltages(names, at, builder.branches_of(elements), law, integrals)
    if what == "charge":
        return Charges(names, at, law, many)
    if what in ("inductance", "capacitance"):
        own = np.array([
            builder.inner(f"{e.name.lower()}#rate", "1", "1") for e in elements
        ], dtype=np.int64)
        branch = builder.branches_of(elements) if what == "inductance" else None
        factor = warm * many if branch is None else warm / many
        return Reactances(names, at, own, branch, law, factor, ic)
    if what == "resistance":
        return Currents(names, at, law, many / warm, resistive=True)
    return Currents(names, at, law, many)


@register_kind("B")
def _b(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    return behavioural(builder, elements)
