"""A flat circuit: elements over named nodes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

from ..core.errors import NetlistError, ParameterError
from ..core.settings import checks_arguments
from ..core.units import spice_number
from .analyses import Analysis, Command, Measure, Options, Save, Tran
from .columns.plain import PlainElements
from .columns.table import Columns, ElementTable
from .crossbar.protocol import CrossbarLike
from .crossbar_element import CrossbarBlock, LineNodes, changed, expand_block, tied
from .elements import KINDS, Element, Model, Value
from .models import find_model, make_model, own_parameters
from .module_methods import ModuleMethods
from .sources import Source
from .spice.expressions.expression import Expression

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["GROUND", "Circuit", "use_decks"]

GROUND = "0"
_NAME = re.compile(r"[^\s(){}=,;$*'\"][^\s(){}=,;'\"]*")
# what reads and writes decks knows circuits, and so stands above them
_decks: list[tuple[Callable[[str], Circuit], Callable[[Circuit, str], str]]] = []


def use_decks(read: Callable[[str], Circuit], write: Callable[[Circuit, str], str]) -> None:
    """Name the functions behind `Circuit.flattened` and `Circuit.to_spice`; the package does."""
    _decks[:] = [(read, write)]


class Circuit(ModuleMethods):
    """Named nodes and the elements between them; SPICE's names and signs.

    Every method takes the element's name, with or without its letter, its nodes (strings or
    integers; ``0`` and ``gnd`` are ground; case does not count) and a value, a number in SI units
    or a string such as ``"9k"``. A source's current counts from its positive node through the
    source to the negative one. Wrong values, and names that exist, are a `ParameterError`.

    Parameters
    ----------
    title : str
        First line of the deck.

    Attributes
    ----------
    models : dict of Model
        Model cards by name, lower case.
    analyses : list of Analysis
        In the order of the deck, see `crossbarsim.netlists.analyses`.
    measures : list of Measure
    saves : list of Save
    initial, nodeset : dict
        ``.ic`` and ``.nodeset``, node -> volt.
    options : Options
        A dict; ``circuit.options(reltol=1e-6)`` sets some.
    temperature : float
        Kelvin.
    parameters : dict
        Of the deck's top level, name -> value.
    commands : list of Command
        Of control blocks.
    notes : list of str
        What a deck asks for without effect, with file and line.
    arrays : dict of CrossbarBlock
        The crossbars among the elements X, by name, lower case.

    Examples
    --------
    >>> from crossbarsim import Circuit, Solver
    >>> circuit = Circuit("divider")
    >>> circuit.V("1", "in", 0, 1.0).R("1", "in", "out", "9k").R("2", "out", 0, "1k")
    Circuit('divider', 3 elements, 2 nodes)
    >>> round(Solver().operating_point(circuit)["v(out)"], 12)
    0.1
    """

    def __init__(self, title: str = "crossbarsim") -> None:
        if not isinstance(title, str) or "\n" in title:
            raise ParameterError(f"`title` must be one line of text; got {title!r}")
        self.title = title
        self._elements = ElementTable()
        self._nodes: dict[str, None] = {}
        self._aliases: dict[str, str] = {}
        self._subcircuits: dict[str, str] = {}
        self.models: dict[str, Model] = {}
        self.analyses: list[Analysis] = []
        self.measures: list[Measure] = []
        self.saves: list[Save] = []
        self.initial: dict[str, float] = {}
        self.nodeset: dict[str, float] = {}
        self.options = Options(self)
        self.temperature = 300.15
        self.parameters: dict[str, float] = {}
        self.commands: list[Command] = []
        self.notes: list[str] = []
        self.arrays: dict[str, CrossbarBlock] = {}
        self.deck: Any = None  # of a deck that was read, see `spice.reader`

    def __repr__(self) -> str:
        return f"Circuit({self.title!r}, {len(self._elements)} elements, {len(self._nodes)} nodes)"

    def __len__(self) -> int:
        return len(self._elements)

    def __iter__(self) -> Iterator[Element]:
        return self._elements.values()

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of all nodes but ground, in the order in which they came."""
        return tuple(self._nodes)

    @property
    def aliases(self) -> dict[str, str]:
        """Further names of nodes (merged nodes), name -> node."""
        return dict(self._aliases)

    def __contains__(self, name: object) -> bool:
        return str(name).lower() in self._elements

    def __getitem__(self, name: str) -> Element:
        try:
            return self._elements[name.lower()]
        except KeyError:
            raise ParameterError(f"the circuit has no element {name!r}") from None

    def node(self, name: object) -> str:
        """Return the node's own name: lower case, ground as ``0``, aliases resolved."""
        text = str(name).lower() if isinstance(name, (str, int)) else ""
        if isinstance(name, bool) or not _NAME.fullmatch(text):
            raise ParameterError(f"a node's name must be a word or an integer; got {name!r}")
        return GROUND if text in ("0", "gnd") else self._aliases.get(text, text)

    def alias(self, name: str, node: str) -> Circuit:
        """Give `node` a further name."""
        key, target = self.node(name), self.node(node)
        if key in self._nodes or key == GROUND:
            raise ParameterError(f"{name!r} is already a node: give aliases before elements")
        if key != target:
            self._aliases[key] = target
        return self

    def R(self, name: object, positive: object, negative: object, resistance: object) -> Circuit:
        """Add a resistor, ohm, not 0 (for a short, use one node or a 0 V source)."""
        value = spice_number("resistance", resistance)
        if value <= 0:
            raise ParameterError(
                f"R {name}: `resistance` must be > 0 ohm; got {value!r} (for a short, merge the "
                "nodes or use a 0 V source)"
            )
        return self._add("R", name, (positive, negative), value)

    def C(
        self, name: object, positive: object, negative: object, capacitance: object, *,
        ic: object = None,
    ) -> Circuit:
        """Add a capacitor, farad; open at the operating point.

        `ic` is its voltage at the start of a transient without an operating point.
        """
        value = spice_number("capacitance", capacitance)
        if value < 0:
            raise ParameterError(f"C {name}: `capacitance` must be >= 0 farad; got {value!r}")
        start = () if ic is None else (("ic", spice_number("ic", ic)),)
        return self._add("C", name, (positive, negative), value, parameters=start)

    def L(
        self, name: object, positive: object, negative: object, inductance: object, *,
        ic: object = None,
    ) -> Circuit:
        """Add an inductor, henry; `ic` is its current at the start, ampere."""
        value = spice_number("inductance", inductance)
        if value <= 0:
            raise ParameterError(f"L {name}: `inductance` must be > 0 henry; got {value!r}")
        start = () if ic is None else (("ic", spice_number("ic", ic)),)
        return self._add("L", name, (positive, negative), value, parameters=start)

    def K(self, name: object, first: str, second: str, coupling: object) -> Circuit:
        """Couple two inductors; `coupling` is from -1 to 1."""
        value = spice_number("coupling", coupling)
        if not -1.0 <= value <= 1.0:
            raise ParameterError(f"K {name}: `coupling` must be from -1 to 1; got {value!r}")
        ends = tuple(
            (key, self._full("L", other).lower()) for key, other in (("l1", first), ("l2", second))
        )
        return self._add("K", name, (), value, parameters=ends)

    def V(
        self, name: object, positive: object, negative: object, voltage: object, *,
        ac: object = None,
    ) -> Circuit:
        """Add a voltage source: volt, or a source in time such as `Pulse`.

        `ac` is its amplitude for `Solver.ac`, or a pair of amplitude and phase in degree.
        """
        return self._source("V", name, (positive, negative), "voltage", voltage, ac)

    def I(  # noqa: E743
        self, name: object, positive: object, negative: object, current: object, *,
        ac: object = None,
    ) -> Circuit:
        """Add a current source, ampere from `positive` through the source to `negative`."""
        return self._source("I", name, (positive, negative), "current", current, ac)

    def _source(
        self, kind: str, name: object, nodes: tuple[object, ...], what: str, level: object,
        ac: object,
    ) -> Circuit:
        given: tuple[tuple[str, float], ...] = ()
        if ac is not None:
            pair = ac if isinstance(ac, tuple) else (ac, 0.0)
            if len(pair) != 2:
                raise ParameterError(f"{kind} {name}: `ac` must be (amplitude, phase); got {ac!r}")
            keys = ("acmag", "acphase")
            given = tuple((k, spice_number("ac", v)) for k, v in zip(keys, pair, strict=True))
        if isinstance(level, Source):
            return self._add(kind, name, nodes, level.at(0.0), wave=level, parameters=given)
        return self._add(kind, name, nodes, spice_number(what, level), parameters=given)

    def E(
        self, name: object, positive: object, negative: object, control_positive: object,
        control_negative: object, gain: object,
    ) -> Circuit:
        """Add a voltage source of `gain` times the controlling voltage."""
        nodes = (positive, negative, control_positive, control_negative)
        return self._add("E", name, nodes, spice_number("gain", gain))

    def G(
        self, name: object, positive: object, negative: object, control_positive: object,
        control_negative: object, transconductance: object,
    ) -> Circuit:
        """Add a current source of `transconductance` (siemens) times the controlling voltage."""
        nodes = (positive, negative, control_positive, control_negative)
        return self._add("G", name, nodes, spice_number("transconductance", transconductance))

    def F(
        self, name: object, positive: object, negative: object, source: str, gain: object
    ) -> Circuit:
        """Add a current source of `gain` times the current through the voltage source `source`."""
        value = spice_number("gain", gain)
        return self._add("F", name, (positive, negative), value, self._full("V", source))

    def H(
        self, name: object, positive: object, negative: object, source: str,
        transresistance: object,
    ) -> Circuit:
        """Add a voltage source of `transresistance` (ohm) times the current through `source`."""
        value = spice_number("transresistance", transresistance)
        return self._add("H", name, (positive, negative), value, self._full("V", source))

    @checks_arguments
    def B(
        self, name: object, positive: object, negative: object, *, v: str | None = None,
        i: str | None = None,
    ) -> Circuit:
        """Add a source of voltage `v` or current `i`, ``"1m*tanh(v(a, b)) + i(v1)"``."""
        if (v is None) == (i is None):
            raise ParameterError(f"B {name}: give either `v` or `i`")
        which, text = ("v", v) if v is not None else ("i", i)
        try:
            expression = Expression(str(text)).renamed(self._probe)
        except NetlistError as error:
            raise ParameterError(f"B {name}: {error.message}") from None
        if expression.names:
            raise ParameterError(f"B {name}: `{expression.names[0]}` has no value")
        return self._add("B", name, (positive, negative), 0.0, parameters=((which, expression),))

    def _probe(self, probe: tuple[str, ...]) -> tuple[str, ...]:
        return ("v", self.node(probe[1]), self.node(probe[2])) if probe[0] == "v" else probe

    @checks_arguments
    def model(self, name: str, kind: str, *, level: int | str = 1, **parameters: object) -> Circuit:
        """Add a model card.

        Parameters
        ----------
        name : str
        kind : str
            ``"d"``, ``"npn"``, ``"pnp"``, ``"njf"``, ``"pjf"``, ``"nmos"``, ``"pmos"``,
            ``"vdmosn"``, ``"vdmosp"``, ``"sw"``, ``"csw"``, ``"r"``, ``"c"``, ``"l"``, ``"ltra"``,
            ``"urc"``, or a memristor of the registry.
        level : int or str
            Of MOS transistors 1, 2, 3, 6 or ``"ekv"``, of junction transistors 1 or 2.
        **parameters
            As in decks, `crossbarsim.netlists.spice.cards`; an underscore behind a word of
            Python does not count: ``is_=1e-14``.
        """
        if (key := name.lower()) in self.models:
            raise ParameterError(f"the circuit already has a model {name!r}")
        self.models[key] = make_model(key, kind.lower(), level, parameters)
        return self

    def D(
        self, name: object, anode: object, cathode: object, model: str, **parameters: object
    ) -> Circuit:
        """Add a diode; `parameters` such as ``area=2``."""
        return self._modelled("D", name, (anode, cathode), model, ("d",), parameters)

    def Q(
        self, name: object, collector: object, base: object, emitter: object, model: str,
        substrate: object = None, **parameters: object,
    ) -> Circuit:
        """Add a bipolar transistor."""
        nodes = (collector, base, emitter, *(() if substrate is None else (substrate,)))
        return self._modelled("Q", name, nodes, model, ("npn", "pnp"), parameters)

    def J(
        self, name: object, drain: object, gate: object, source: object, model: str,
        **parameters: object,
    ) -> Circuit:
        """Add a junction field-effect transistor."""
        return self._modelled("J", name, (drain, gate, source), model, ("njf", "pjf"), parameters)

    def M(
        self, name: object, drain: object, gate: object, source: object, bulk: object, model: str,
        **parameters: object,
    ) -> Circuit:
        """Add a MOS transistor; `parameters` such as ``w="1u"``, ``l="0.2u"``.

        A power transistor (vdmosn, vdmosp) has no bulk: None.
        """
        nodes = (drain, gate, source, *(() if bulk is None else (bulk,)))
        kinds = ("nmos", "pmos") if len(nodes) == 4 else ("vdmosn", "vdmosp")
        return self._modelled("M", name, nodes, model, kinds, parameters)

    def S(
        self, name: object, positive: object, negative: object, control_positive: object,
        control_negative: object, model: str, **parameters: object,
    ) -> Circuit:
        """Add a voltage-controlled switch; ``on=True`` lets it start switched on."""
        nodes = (positive, negative, control_positive, control_negative)
        return self._modelled("S", name, nodes, model, ("sw",), parameters)

    def W(
        self, name: object, positive: object, negative: object, source: str, model: str,
        **parameters: object,
    ) -> Circuit:
        """Add a switch controlled by the current through the voltage source `source`."""
        return self._modelled(
            "W", name, (positive, negative), model, ("csw",), parameters, self._full("V", source)
        )

    def N(
        self, name: object, positive: object, negative: object, model: str, **parameters: object
    ) -> Circuit:
        """Add a memristor.

        `parameters` are its state at the start by name, or ``conductance`` (siemens) at the read
        voltage, and parameters of its own.
        """
        return self._modelled("N", name, (positive, negative), model, (), parameters)

    def _modelled(
        self, kind: str, name: object, nodes: tuple[object, ...], model: str,
        kinds: tuple[str, ...], parameters: dict[str, Any], control: str = "",
    ) -> Self:
        full, key = self._full(kind, name), str(model).lower()
        found = find_model(self.models, full, str(model), kinds)
        return self.add(Element(
            kind, full, tuple(self.node(n) for n in nodes), 0.0, control,
            parameters=own_parameters(full, kind, found, parameters), model=key,
        ))

    def subcircuit(self, name: str, text: str) -> Circuit:
        """Add the definition of a subcircuit, ``.subckt name ...`` to ``.ends``."""
        key = name.lower()
        if self._subcircuits.setdefault(key, text) != text:
            raise ParameterError(f"the circuit already has another subcircuit {name!r}")
        return self

    def X(
        self, name: object, nodes: Iterable[object], subcircuit: str, **parameters: float
    ) -> Circuit:
        """Add a subcircuit between `nodes`, one per port.

        Its definition must have been given by `subcircuit`. Subcircuits are for SPICE decks:
        `Solver.operating_point` does not solve them.
        """
        if subcircuit.lower() not in self._subcircuits:
            raise ParameterError(f"X {name}: the circuit has no subcircuit {subcircuit!r}")
        values = tuple((key, spice_number(key, value)) for key, value in parameters.items())
        return self._add("X", name, tuple(nodes), 0.0, subcircuit, parameters=values)

    def crossbar(self, name: object, xbar: CrossbarLike, **ends: LineNodes) -> Circuit:
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
        self._add("X", name, nodes, 0.0, "crossbar")
        self.arrays[self._full("X", name).lower()] = block
        return self

    def transient(self, t_stop: object, max_step: object = 0.0) -> Circuit:
        """Make the deck's analysis a transient of `t_stop` seconds, steps up to `max_step`.

        0 leaves the step to SPICE.
        """
        stop, step = spice_number("t_stop", t_stop), spice_number("max_step", max_step)
        if stop <= 0 or step < 0:
            raise ParameterError(
                f"`t_stop` must be > 0 and `max_step` >= 0; got {stop!r}, {step!r}"
            )
        self.analyses = [a for a in self.analyses if not isinstance(a, Tran)]
        self.analyses.append(Tran(stop / 100, stop, max_step=step or None))
        return self

    def _full(self, kind: str, name: object) -> str:
        text = str(name) if isinstance(name, (str, int)) and not isinstance(name, bool) else ""
        if not _NAME.fullmatch(text):
            raise ParameterError(f"{KINDS[kind].title}: its name must be a word; got {name!r}")
        return text if text.upper().startswith(kind) else f"{kind}{text}"

    def _add(
        self, kind: str, name: object, nodes: tuple[object, ...], value: float, control: str = "",
        wave: Source | None = None, parameters: tuple[tuple[str, Value | str], ...] = (),
    ) -> Self:
        full, named = self._full(kind, name), tuple(self.node(n) for n in nodes)
        return self.add(Element(kind, full, named, value, control, wave, parameters))

    def add(self, element: Element) -> Self:
        """Add an element as it is."""
        if element.kind not in KINDS:
            raise ParameterError(
                f"there is no element {element.kind!r}; there are {', '.join(KINDS)}"
            )
        key = element.name.lower()
        if not self._elements.add(key, element):
            raise ParameterError(f"the circuit already has an element {element.name!r}")
        for node in element.nodes:
            if node != GROUND:
                self._nodes[node] = None
        return self

    def add_run(self, run: PlainElements) -> None:
        """Add a run of plain elements as it is, see `names_differ`."""
        self._elements.add_run(run)
        self._nodes.update(dict.fromkeys(run.nodes()))

    def names_differ(self) -> bool:
        """Return whether no element of a run has the name of another element."""
        return self._elements.differ()

    def columns(self, kind: str) -> list[Columns]:
        """Return those elements of a kind that are held in columns."""
        return self._elements.columns(kind)

    def singles(self) -> Iterator[Element]:
        """Yield all others: resistors and capacitors of columns have plain values, and no more."""
        return self._elements.singles()

    def graph(self) -> nx.MultiGraph[str]:
        """Return the circuit as a networkx multigraph.

        Edges are keyed by element name and carry `kind` and `value`; a controlled source is an
        edge between its output nodes.
        """
        import networkx as nx  # noqa: PLC0415 - slow to import

        graph: nx.MultiGraph[str] = nx.MultiGraph()
        graph.add_node(GROUND)
        graph.add_nodes_from(self._nodes)
        for e in self:
            if len(e.nodes) < 2:  # a subcircuit with one port
                continue
            if e.name.lower() in self.arrays:  # between all line ends
                block = self.arrays[e.name.lower()]
                for node in e.nodes[2:len(e.nodes) - block.gate_lines]:
                    graph.add_edge(e.nodes[0], node, key=f"{e.name}:{node}", kind="X", value=0.0)
            graph.add_edge(e.nodes[0], e.nodes[1], key=e.name, kind=e.kind, value=e.value)
        return graph

    def replace(self, element: Element) -> Circuit:
        """Put an element in the place of the one of the same name."""
        before = self[element.name]
        if before.nodes != element.nodes or before.kind != element.kind:
            raise ParameterError(f"{element.name}: kind and nodes must stay")
        key = element.name.lower()
        if key in self.arrays:
            self.arrays[key] = changed(self.arrays[key], before, element)
        self._elements[element.name.lower()] = element
        return self

    def copy(self) -> Circuit:
        """Return a copy; changes of one do not change the other."""
        made = Circuit(self.title)
        made.__dict__.update({
            name: value.copy() if isinstance(value, (dict, list, ElementTable)) else value
            for name, value in self.__dict__.items() if name != "options"
        })
        made.options.update(self.options)
        return made

    def without_elements(self) -> Circuit:
        """Return a copy without elements and nodes."""
        made = self.copy()
        made.__dict__.update(_elements=ElementTable(), _nodes={})
        return made

    def expanded(self, keep: Iterable[str] = ()) -> Circuit:
        """Return the circuit with its crossbars written out element by element.

        Nodes are named as by `Crossbar.to_circuit`, within the element: ``x1.wl0_1``.

        Parameters
        ----------
        keep : iterable of str
            Names of crossbars to leave as they are.

        Raises
        ------
        NetlistError
            Cells that exist in Python only.
        """
        wanted = set(self.arrays) - set(keep)
        if not wanted:
            return self
        made = self.without_elements()
        for element in self:
            key = element.name.lower()
            if key not in wanted:
                made.add(element)
                continue
            del made.arrays[key]
            for inner in expand_block(element, self.arrays[key]):
                made.add(inner)
        return made

    @property
    def subcircuits(self) -> dict[str, str]:
        """Definitions given by `subcircuit`."""
        return dict(self._subcircuits)

    def flattened(self) -> Circuit:
        """Return the circuit with the elements of its subcircuits in their place.

        Raises
        ------
        NetlistError
            A definition that cannot be read.
        """
        return _decks[0][0](self.to_spice())

    @checks_arguments
    def to_spice(self, dialect: str = "") -> str:
        """Return a deck of the circuit and all that it asks for.

        Parameters
        ----------
        dialect : {"", "ngspice"}
            The deck reads back to the same circuit; ngspice runs it if it has all elements. With
            ``"ngspice"`` what it lacks is written with what it has: integrals by time as
            capacitors, memristors as behavioural subcircuits, ``.step`` as a control block.

        Raises
        ------
        NetlistError
            An element that cannot be written.
        """
        return _decks[0][1](self, dialect)
