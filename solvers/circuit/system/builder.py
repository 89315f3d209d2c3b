"""From a circuit's elements to unknowns and groups.

Every kind of element has a factory, which takes the `Builder` and all elements of its kind and
returns groups. Kinds with model cards (D, Q, J, M, ...) have one factory for each kind of card and
level, registered by `register_model`. Nothing here knows a kind:
`crossbarsim.solvers.circuit.elements.kinds` imports them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ....core.errors import NetlistError
from ....netlists.circuit import GROUND, Circuit
from ....netlists.columns.plain import PlainElements
from ....netlists.columns.table import Columns, ElementTable
from ....netlists.elements import COMPLEMENTARY, KINDS, Element
from ....netlists.spice.expressions.expression import Expression
from .element_group import ElementGroup, Ints, Triplets
from .entries import branch_entries

COMPILED = "compiled module"
"""The kind of all elements whose model card is one of a compiled module."""

__all__ = ["COMPILED", "Builder", "Factory", "register_kind", "register_model", "where"]

GROUND_INDEX = -1
_ZERO_CELSIUS = 273.15
Factory = Callable[["Builder", list[Element]], Sequence[ElementGroup]]
_kinds: dict[str, Factory] = {}
_models: dict[tuple[str, int | str], Factory] = {}


def register_kind(letter: str) -> Callable[[Factory], Factory]:
    """Register a factory for all elements with this letter."""

    def keep(factory: Factory) -> Factory:
        _kinds[letter] = factory
        return factory

    return keep


def register_model(kind: str, *levels: int | str) -> Callable[[Factory], Factory]:
    """Register a factory for the elements with model cards of this kind and these levels.

    `kind` is what the card says in lower case: "d", "npn", "pnp", "njf", "nmos", ... The factory
    gets the elements of one level, of different cards, and of all kinds for which it is registered.
    """

    def keep(factory: Factory) -> Factory:
        for level in levels or (1,):
            _models[kind, level] = factory
        return factory

    return keep


def where(element: Element) -> dict[str, Any]:
    """Return file and line of an element, as `NetlistError` takes them."""
    found = element.where
    return {} if found is None else {"file": found[0] or None, "line": found[1]}


class Meters(ElementGroup):
    """Voltages of 0 whose currents others read."""

    def __init__(self, at: Ints, own: Ints) -> None:
        self.at, self.own = at, own

    def linear_g(self) -> Sequence[Triplets]:
        """Return the branches."""
        return branch_entries(self.at, self.own)


class Builder:
    """Names and numbers the unknowns while groups are made.

    Attributes
    ----------
    circuit : Circuit
    temperature : float, kelvin
        Of the circuit, where an element has no own.
    options : dict
        Of the deck, lower case.
    nodes, branches : dict
        Node or lower-case element name -> unknown; ground is not among the nodes.
    index : dict
        As `nodes`, with ground (-1) and the nodes behind meters.
    labels : list of str
        Of all unknowns, as results show them.
    units, row_units : list of str
        Of the unknown and of its row's f: "V", "A", "state" (from 0 to 1, and its rate), or "1".
    wanted : sequence of str
        Names that results are to show beyond the unknowns, such as nodes inside of a crossbar.
    """

    def __init__(
        self, circuit: Circuit, temperature: float, options: dict[str, Any],
        wanted: Sequence[str] = (),
    ) -> None:
        self.wanted = wanted
        self.circuit = circuit
        self.temperature = temperature
        self.options = options
        self.nodes: dict[str, int] = {name: k for k, name in enumerate(circuit.nodes)}
        self.branches: dict[str, int] = {}
        self.labels = [f"v({name})" for name in self.nodes]
        self.units = ["V"] * len(self.nodes)
        self.row_units = ["A"] * len(self.nodes)
        self.index = {**self.nodes, GROUND: GROUND_INDEX}
        self._meters: dict[tuple[str, int], int] = {}
        self._moved: set[str] = set()  # elements of columns that have a meter
        self._places: dict[PlainElements, Ints] = {}

    # -- unknowns --------------------------------------------------------------------------------

    def at(self, elements: Sequence[Element], count: int | None = None) -> Ints:
        """Return the unknowns of the elements' nodes, (nodes, E); ground is -1."""
        index = self.index
        widths = set(map(len, (e.nodes for e in elements)))
        width = count or max(widths, default=0)
        if len(widths) > 1 or (widths and min(widths) < width):
            for e in elements:
                if len(e.nodes) < width or (count is None and len(e.nodes) != width):
                    raise NetlistError(
                        f"{e.name} has {len(e.nodes)} nodes; {width} are needed", **where(e)
                    )
        flat = [index[n] for e in elements for n in e.nodes[:width]]
        return np.array(flat, dtype=np.int64).reshape(len(elements), width).T.copy()

    def columns(self, kind: str) -> list[tuple[Columns, Ints]]:
        """Return the elements of a kind that are held in columns, and the unknowns of their nodes.

        They are not among those that a factory is given.
        """
        found = []
        for columns in self.circuit.columns(kind):
            run, rows = columns
            gone = [row for name in self._moved if (row := run.find(name)) >= 0]
            rows = rows[~np.isin(rows, gone)] if gone else rows
            if run not in self._places:
                self._places[run] = run.places(self.index, GROUND_INDEX)
            if len(rows):
                at = self._places[run]
                whole = len(rows) == at.shape[1]
                found.append((Columns(run, rows), at if whole else at[:, rows]))
        return found

    def node(self, name: str) -> int:
        """Return the unknown of a node; ground is -1."""
        if name in self.index:
            return self.index[name]
        key = self.circuit.node(name)
        if key not in self.index:
            raise NetlistError(f"the circuit has no node {name!r}")
        return self.index[key]

    def inner(self, label: str, unit: str = "V", row_unit: str = "A") -> int:
        """Return a new unknown, such as a node inside a device (its label: ``"d1#inner"``)."""
        self.labels.append(f"v({label})" if unit == "V" else label)
        self.units.append(unit)
        self.row_units.append(row_unit)
        return len(self.labels) - 1

    def branch(self, element: Element) -> int:
        """Return the unknown of an element's branch current, whose row is an equation in volt."""
        return self._branch(element.name.lower())

    def _branch(self, key: str) -> int:
        if key not in self.branches:
            self.branches[key] = len(self.labels)
            self.labels.append(f"i({key})")
            self.units.append("A")
            self.row_units.append("V")
        return self.branches[key]

    def branches_of(self, elements: Sequence[Element]) -> Ints:
        """Return the unknowns of branch currents, (E,)."""
        return np.array([self.branch(e) for e in elements], dtype=np.int64)

    def current(self, name: str, user: Element, what: str = "i") -> tuple[int, int]:
        """Return the unknowns whose difference is a current of an element, one of them none.

        `user` refers to the current `what` of the element `name`, as ``@element[what]`` shows it.
        """
        key = str(name).lower()
        element = self.circuit[key] if key in self.circuit else None  # noqa: SIM401 - it has no `get`
        if element is None or (element.terminal(what) is None and not element.has_branch):
            raise NetlistError(
                f"{user.name} is controlled by the current `{what}` of {name!r}, which is not in "
                "the circuit", **where(user)
            )
        if element.has_branch and what == "i":
            return self.branch(element), GROUND_INDEX
        unknown = self._meters[key, element.terminal(what) or 0]
        card = self.circuit.models.get(element.model.lower()) if element.kind in "MJ" else None
        if card is not None and card.kind in COMPLEMENTARY:
            return GROUND_INDEX, unknown
        return unknown, GROUND_INDEX

    def _metered(self) -> tuple[list[Element], list[ElementGroup]]:
        """Return the elements, those whose currents control others behind a meter each.

        A meter is a voltage of 0 between a terminal and an inner node.
        """
        elements, circuit = list(self.circuit.singles()), self.circuit
        read = {
            (name, circuit[name].terminal(what)) for e in elements
            for name, what in e.controls() if name in circuit
            and not (what == "i" and circuit[name].has_branch)
        }
        if not read:
            return elements, []
        at: list[tuple[int, int]] = []
        changed: dict[str, Element] = {}
        for name, terminal in sorted((n, k) for n, k in read if k is not None):
            e = circuit[name]
            names = [w for w, k in KINDS[e.kind].currents.items() if k == terminal]
            what = "i" if "i" in names else names[0]
            e = changed.get(name, e)
            inner = f"{name}#{what}"
            self.index[inner] = self.inner(inner)
            at.append((self.index[e.nodes[terminal]], self.index[inner]))
            nodes = (*e.nodes[:terminal], inner, *e.nodes[terminal + 1:])
            changed[name] = replace(e, nodes=nodes)
            self._meters[name, terminal] = self._branch(name if what == "i" else f"{name}#{what}")
        own = np.array(list(self._meters.values()), dtype=np.int64)
        meters = Meters(np.array(at, dtype=np.int64).T.copy(), own)
        elements = [changed.pop(e.name.lower(), e) for e in elements]
        self._moved = set(changed)  # those of columns
        return [*elements, *changed.values()], [meters]

    # -- groups ----------------------------------------------------------------------------------

    def groups(self) -> list[ElementGroup]:
        """Make all groups, in the order in which kinds appear."""
        kinds: dict[str, list[Element]] = {
            kind: [] for kind in ElementTable.COLUMNS if self.circuit.columns(kind)
        }
        for e in self.circuit.singles():  # branch currents follow the nodes, in the deck's order
            if e.has_branch:
                self.branch(e)
        elements, found = self._metered()
        for e in elements:
            if e.kind in "RCL" and isinstance(e.value, Expression) and e.value.fixed:
                warm = float(e.value.evaluate({"temper": self.temperature - _ZERO_CELSIUS}))
                e = replace(e, value=warm)  # noqa: PLW2901
            kinds.setdefault(self._kind(e), []).append(e)
        for kind, elements in kinds.items():
            factory = _kinds.get(kind)
            if factory is not None:
                found.extend(factory(self, elements))
            else:
                found.extend(self._of_models(elements))
        return found

    def _kind(self, e: Element) -> str:
        card = self.circuit.models.get(e.model.lower()) if e.model else None
        return e.kind if card is None or card.module is None else COMPILED

    def _of_models(self, elements: list[Element]) -> list[ElementGroup]:
        by_factory: dict[Factory, list[Element]] = {}  # n and p channel are one group
        for e in elements:
            name = e.model
            card = self.circuit.models.get(name.lower()) if name else None
            if card is None:
                what = f"its model {name!r} is not there" if name else "elements of this kind"
                raise NetlistError(f"{e.name} cannot be simulated: {what}", **where(e))
            key = (card.kind.lower(), card.level)
            if key not in _models:
                levels = sorted((level for kind, level in _models if kind == key[0]), key=str)
                known = f"there are levels {', '.join(map(str, levels))}" if levels else (
                    f"there are {', '.join(sorted({kind for kind, _ in _models}))}"
                )
                raise NetlistError(
                    f"{e.name}: no model of kind {card.kind} level {card.level}; {known}",
                    **where(e),
                )
            by_factory.setdefault(_models[key], []).append(e)
        found: list[ElementGroup] = []
        for factory, some in by_factory.items():
            found.extend(factory(self, some))
        return found
