"""The methods of `Circuit` that add elements with models, inductors, behavioural sources."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Self

from ..core.errors import NetlistError, ParameterError
from ..core.units import spice_number
from .crossbar.crossbar import Crossbar
from .crossbar_element import CrossbarBlock, tied
from .device_protocol import model as device_model
from .elements import Element, Model, Value
from .spice.cards import CANONICAL, CARDS, card
from .spice.expressions.expression import Expression

__all__ = ["MoreElements"]


def _plain(name: str) -> str:
    """Return a parameter's name: Python's own words have an underscore behind them."""
    return name.lower().removesuffix("_")


class MoreElements:
    """Elements beyond resistors, capacitors and linear sources."""

    if TYPE_CHECKING:
        models: dict[str, Model]
        arrays: dict[str, CrossbarBlock]

        def node(self, name: object) -> str: ...  # noqa: D102
        def add(self, element: Element) -> Self: ...  # noqa: D102
        def _full(self, kind: str, name: object) -> str: ...

    def crossbar(self, name: object, xbar: Crossbar, **ends: Any) -> Self:
        """Add a whole crossbar as one element.

        `Solver` solves it together with the rest of the circuit: the structured solver eliminates
        its inner nodes, for operating points, sweeps and transients, which move the states of its
        devices.

        Parameters
        ----------
        name : str or int
        xbar : Crossbar
            Its wires and cells; what its `ends` say does not count.
        **ends
            ``word_left=nodes, bit_bottom=nodes``, ``word_right=``, ``bit_top=``: one node per
            line, to which the line's end segment leads; ends that are not named float.
            ``gate=nodes`` for cells with transistors: one per gate line.

        Raises
        ------
        ParameterError

        Examples
        --------
        >>> import numpy as np
        >>> from crossbarsim import Circuit, Crossbar, Solver, Wires
        >>> circuit = Circuit("one column into a transimpedance amplifier")
        >>> xbar = Crossbar(np.full((2, 1), 1e-4), Wires(word=1.0, bit=1.0))
        >>> circuit.V("1", "a", 0, 0.1).V("2", "b", 0, 0.2)
        Circuit('one column into a transimpedance amplifier', 2 elements, 2 nodes)
        >>> circuit.crossbar("1", xbar, word_left=["a", "b"], bit_bottom=["in"]).R(
        ...     "f", "in", "out", "10k").E("1", "out", 0, 0, "in", 1e5)
        Circuit('one column into a transimpedance amplifier', 5 elements, 4 nodes)
        >>> round(Solver().operating_point(circuit)["v(out)"], 4)
        -0.2999
        """
        block, nodes = tied(xbar, ends)
        element = Element("X", self._full("X", name), tuple(map(self.node, nodes)), 0.0,
                          "crossbar")
        self.add(element)
        self.arrays[element.name.lower()] = block
        return self

    def model(self, name: str, kind: str, *, level: int | str = 1, **parameters: object) -> Self:
        """Add a model card.

        Parameters
        ----------
        name : str
        kind : str
            ``"d"``, ``"npn"``, ``"pnp"``, ``"njf"``, ``"pjf"``, ``"nmos"``, ``"pmos"``, ``"sw"``,
            ``"csw"``, ``"r"``, ``"c"``, ``"l"``, or a memristor of the registry.
        level : int or str
            Of MOS transistors 1, 2, 3 or ``"ekv"``.
        **parameters
            As in decks, `crossbarsim.netlists.spice.cards`; an underscore behind a word of
            Python does not count: ``is_=1e-14``.
        """
        key, kind = str(name).lower(), str(kind).lower()
        if key in self.models:
            raise ParameterError(f"the circuit already has a model {name!r}")
        found: dict[str, float | str] = {}
        if kind in CARDS:
            try:
                table = card(kind, level)
            except KeyError:
                levels = [n for each in CARDS[kind] for n in each.levels]
                raise ParameterError(
                    f"`level` of {kind} must be one of {levels}; got {level!r}"
                ) from None
            for given, value in parameters.items():
                plain = table.aliases.get(_plain(given), _plain(given))
                if plain not in table.parameters:
                    raise ParameterError(
                        f"a {table.title} has no parameter {given!r}"
                        f"{_near(plain, table.parameters)}"
                    )
                found[plain] = spice_number(given, value)
            self.models[key] = Model(key, CANONICAL.get(kind, kind), level, found)
            return self
        preset = parameters.pop("preset", None)
        device = device_model(kind)
        made = device(**parameters) if preset is None else device.preset(preset, **parameters)
        del made  # it has checked them
        found = {
            n: v if isinstance(v, str) else spice_number(n, v) for n, v in parameters.items()
        }
        if preset is not None:
            found["preset"] = str(preset)
        self.models[key] = Model(key, kind, 1, found)
        return self

    def _modelled(
        self, kind: str, name: object, nodes: tuple[object, ...], model: str,
        kinds: tuple[str, ...], parameters: dict[str, Any], control: str = "",
    ) -> Self:
        full, key = self._full(kind, name), str(model).lower()
        found = self.models.get(key)
        if found is None:
            raise ParameterError(f"{full}: the circuit has no model {model!r}"
                                 f"{_near(key, self.models)}; add it first, with `model`")
        if found.kind not in kinds and not (kinds == () and found.kind not in CARDS):
            raise ParameterError(f"{full}: the model {model!r} is of kind {found.kind}")
        if found.kind in CARDS:
            allowed = card(found.kind, found.level).instance
            allowed += ("off",) if kind in "DQJM" and "off" not in allowed else ()
        else:
            device = device_model(found.kind)()
            names = (*device.state_names, *device.parameters())
            allowed = (*(str(n).lower() for n in names), "conductance", "m")
        values: list[tuple[str, Value | str]] = []
        for given, value in parameters.items():
            plain = _plain(given)
            if plain not in allowed:
                raise ParameterError(f"{full} has no parameter {given!r}{_near(plain, allowed)}")
            values.append((plain, 1.0 if value is True else spice_number(given, value)))
        return self.add(Element(
            kind, full, tuple(self.node(n) for n in nodes), 0.0, control,
            parameters=tuple(values), model=key,
        ))

    def L(
        self, name: object, positive: object, negative: object, inductance: object, *,
        ic: object = None,
    ) -> Self:
        """Add an inductor, henry; `ic` is its current at the start, ampere."""
        value = spice_number("inductance", inductance)
        if value <= 0:
            raise ParameterError(f"L {name}: `inductance` must be > 0 henry; got {value!r}")
        start = () if ic is None else (("ic", spice_number("ic", ic)),)
        nodes = (self.node(positive), self.node(negative))
        return self.add(Element("L", self._full("L", name), nodes, value, parameters=start))

    def K(self, name: object, first: str, second: str, coupling: object) -> Self:
        """Couple two inductors; `coupling` is from -1 to 1."""
        value = spice_number("coupling", coupling)
        if not -1.0 <= value <= 1.0:
            raise ParameterError(f"K {name}: `coupling` must be from -1 to 1; got {value!r}")
        ends = tuple(
            (key, self._full("L", other).lower()) for key, other in (("l1", first), ("l2", second))
        )
        return self.add(Element("K", self._full("K", name), (), value, parameters=ends))

    def B(
        self, name: object, positive: object, negative: object, *, v: str | None = None,
        i: str | None = None,
    ) -> Self:
        """Add a behavioural source: an expression of its voltage `v` or its current `i`.

        Such as ``i="1m*tanh(v(in, out)) + i(v1)"``, see `netlists.spice.expressions`.
        """
        if (v is None) == (i is None):
            raise ParameterError(f"B {name}: give either `v` or `i`")
        which, text = ("v", v) if v is not None else ("i", i)
        try:
            expression = Expression(str(text)).renamed(self._probe)
        except NetlistError as error:
            raise ParameterError(f"B {name}: {error.message}") from None
        if expression.names:
            raise ParameterError(f"B {name}: `{expression.names[0]}` has no value")
        nodes = (self.node(positive), self.node(negative))
        return self.add(Element(
            "B", self._full("B", name), nodes, 0.0, parameters=((which, expression),)
        ))

    def _probe(self, probe: tuple[str, ...]) -> tuple[str, ...]:
        return ("v", self.node(probe[1]), self.node(probe[2])) if probe[0] == "v" else probe

    def D(
        self, name: object, anode: object, cathode: object, model: str, **parameters: object
    ) -> Self:
        """Add a diode; `parameters` such as ``area=2``."""
        return self._modelled("D", name, (anode, cathode), model, ("d",), parameters)

    def Q(
        self, name: object, collector: object, base: object, emitter: object, model: str,
        substrate: object = None, **parameters: object,
    ) -> Self:
        """Add a bipolar transistor."""
        nodes = (collector, base, emitter, *(() if substrate is None else (substrate,)))
        return self._modelled("Q", name, nodes, model, ("npn", "pnp"), parameters)

    def J(
        self, name: object, drain: object, gate: object, source: object, model: str,
        **parameters: object,
    ) -> Self:
        """Add a junction field-effect transistor."""
        return self._modelled("J", name, (drain, gate, source), model, ("njf", "pjf"), parameters)

    def M(
        self, name: object, drain: object, gate: object, source: object, bulk: object, model: str,
        **parameters: object,
    ) -> Self:
        """Add a MOS transistor; `parameters` such as ``w="1u"``, ``l="0.2u"``."""
        nodes = (drain, gate, source, bulk)
        return self._modelled("M", name, nodes, model, ("nmos", "pmos"), parameters)

    def S(
        self, name: object, positive: object, negative: object, control_positive: object,
        control_negative: object, model: str, **parameters: object,
    ) -> Self:
        """Add a voltage-controlled switch; ``on=True`` lets it start switched on."""
        nodes = (positive, negative, control_positive, control_negative)
        return self._modelled("S", name, nodes, model, ("sw",), parameters)

    def W(
        self, name: object, positive: object, negative: object, source: str, model: str,
        **parameters: object,
    ) -> Self:
        """Add a switch controlled by the current through the voltage source `source`."""
        return self._modelled(
            "W", name, (positive, negative), model, ("csw",), parameters, self._full("V", source)
        )

    def T(
        self, name: object, first: tuple[object, object], second: tuple[object, object], *,
        z0: object, td: object,
    ) -> Self:
        """Add an ideal line between two ports, pairs of nodes: `z0` ohm, `td` second."""
        given = (("z0", spice_number("z0", z0)), ("td", spice_number("td", td)))
        for key, value in given:
            if value <= 0:
                raise ParameterError(f"T {name}: `{key}` must be > 0; got {value!r}")
        nodes = tuple(self.node(n) for n in (*first, *second))
        return self.add(Element("T", self._full("T", name), nodes, 0.0, parameters=given))

    def N(
        self, name: object, positive: object, negative: object, model: str, **parameters: object
    ) -> Self:
        """Add a memristor.

        `parameters` are its state at the start by name, or ``conductance`` (siemens) at the read
        voltage, and parameters of its own.
        """
        return self._modelled("N", name, (positive, negative), model, (), parameters)


def _near(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(sorted(known))}"
