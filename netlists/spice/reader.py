"""`read_spice`: a deck to a flat circuit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...core.errors import CrossbarSimError, NetlistError, ParameterError
from ...core.garbage import uncollected
from ...core.settings import checks_arguments
from ...core.validation import count
from ..analyses import Tran
from ..circuit import Circuit
from ..columns.plain import PlainElements
from ..elements import Element
from .commands.control_blocks import read_control
from .commands.dot_commands import read_command
from .read.draws import Draws
from .read.element_line import CardLine
from .read.elements import controlled
from .read.elements.code_models import refused_device
from .read.elements.compiled_modules import asked_modules, is_library, read_n
from .read.elements.crossbar_macro import MACROS
from .read.elements.independent import Times, read_source
from .read.elements.lines import read_line, read_lossy_line, read_u
from .read.elements.passive import read_coupling, read_passive, read_switch
from .read.elements.semiconductors import read_semiconductor
from .read.instance_cache import Templates, plain_element
from .read.lines import Line, parted, read_lines
from .read.model_cards import Models
from .read.name_checks import check_names, opened
from .read.scope import Scope
from .read.shorts import joined
from .read.subcircuit_tree import Block, build_blocks, did_you_mean, weigh, without_runs

__all__ = ["Deck", "read_spice"]

DEEPEST = 100  # subcircuits within one another
MOST = 20_000_000  # elements of a circuit
MOST_INSTANCES = 1_000_000
_Reader = Callable[[CardLine, Models], list[Element]]
_READERS: dict[str, _Reader] = {
    "R": read_passive, "C": read_passive, "L": read_passive, "D": read_semiconductor,
    "Q": read_semiconductor, "J": read_semiconductor, "M": read_semiconductor, "N": read_n,
    "U": read_u, "S": read_switch, "W": read_switch,
    **dict.fromkeys("EG", lambda card, _: controlled.read_by_voltage(card)),
    **dict.fromkeys("FH", lambda card, _: controlled.read_by_current(card)),
    "B": controlled.read_behavioural, "K": lambda card, _: read_coupling(card),
    "T": lambda card, _: read_line(card), "O": read_lossy_line,
}
_REFUSED = {"P": "coupled multiconductor lines", "Z": "MESFETs"}


@dataclass(frozen=True)
class Deck:
    """A deck as it was read: what is needed to write its circuit with other parameters.

    Attributes
    ----------
    title, file : str
    top : Block
    control : tuple of Line
    compat : str
    parameters : dict
        Given from outside.
    strict : bool
    notes : tuple of str
        What has no effect, of lines that are no element and no command.
    temperature : float, optional
        Kelvin, of every circuit that is made from it, in place of the deck's own.
    options : dict
        Of every circuit that is made from it, besides the deck's own.
    cards : dict
        Parameters of model cards that are other than written: (model, parameter) -> value.
    as_read : Circuit, optional
        The circuit as it was read, where some of its numbers are those of a temperature.
    seed : int, optional
        Of random numbers, in place of the deck's own.
    """

    title: str
    file: str
    top: Block
    control: tuple[Line, ...]
    compat: str
    parameters: Mapping[str, float]
    strict: bool = False
    notes: tuple[str, ...] = ()
    temperature: float | None = None
    options: Mapping[str, float | str] = field(default_factory=dict)
    cards: Mapping[tuple[str, str], float] = field(default_factory=dict)
    as_read: Circuit | None = None
    seed: int | None = None

    def circuit(self, **parameters: float) -> Circuit:
        """Return the circuit with other values of top-level parameters."""
        with uncollected():
            made = _expanded(self, {**self.parameters, **parameters})
        made.options.update(self.options)
        return made


@checks_arguments
def read_spice(
    source: str | Path, *, compat: str = "", parameters: Mapping[str, float] | None = None,
    strict: bool = False, seed: int | None = None,
) -> Circuit:
    """Read a SPICE deck.

    The whole language is described in `crossbarsim.netlists.spice`. What is not understood is
    refused, never skipped; what has no effect, parameters of model cards and options of other
    simulators among it, is told in the circuit's ``notes``.

    Parameters
    ----------
    source : str or Path
        A path, or, if it has more than one line, the deck itself. Its first line is the title.
    compat : {"", "ngspice", "ltspice"}
        ``"ngspice"``: powers and quotients as ngspice 39 computes them, ``"ltspice"``: powers as
        LTspice and PSpice do, see `crossbarsim.netlists.spice.expressions.functions`.
    parameters : mapping, optional
        Values of top-level parameters, in place of the deck's ``.param``.
    strict : bool
        Refuse parameters of model cards and options that are unknown, instead of noting them.
    seed : int >= 0, optional
        Of ``agauss``, ``aunif`` and the like, see `crossbarsim.netlists.spice.read.draws`; default:
        that of ``.option seed=``. Without one they have their means.

    Returns
    -------
    Circuit
        Flat: elements inside of ``X1`` are named ``x1.r2``, their nodes ``x1.n``. Its
        ``analyses``, ``measures`` and so on are what the deck asks for.

    Raises
    ------
    NetlistError
        File, line and text that cannot be read, and what is supported.
    ParameterError
        Arguments of this function.

    Examples
    --------
    >>> from crossbarsim import read_spice
    >>> circuit = read_spice('''divider
    ... V1 in 0 1
    ... R1 in out {9*k}
    ... R2 out 0 1k
    ... .param k=1e3
    ... .op
    ... ''')
    >>> circuit["r1"].value, circuit.analyses
    (9000.0, [Op(where=('<text>', 6))])
    """
    if not isinstance(source, (str, Path)):
        raise ParameterError(
            f"`source` must be a path or the text of a deck; got {type(source).__name__}"
        )
    if compat not in ("", "ngspice", "ltspice"):
        raise ParameterError(f"`compat` must be '', 'ngspice' or 'ltspice'; got {compat!r}")
    if not isinstance(strict, bool):
        raise ParameterError(f"`strict` must be True or False; got {strict!r}")
    if seed is not None:
        count("seed", seed, low=0)
    given = {}
    for name, value in (parameters or {}).items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ParameterError(f"`parameters`: {name!r} must be a number; got {value!r}")
        given[name.lower()] = float(value)
    with uncollected():
        title, file, lines = read_lines(source)
        plain, control = parted(lines)
        try:
            notes: list[str] = []
            top = build_blocks(plain, notes)
            weigh(top, MOST)
            deck = Deck(
                title, file, top, tuple(control), compat, given, strict, tuple(notes), seed=seed
            )
            return _expanded(deck, given)
        except RecursionError:
            raise NetlistError("the deck is nested too deeply", file=file, line=1) from None


def _expanded(deck: Deck, parameters: Mapping[str, float]) -> Circuit:
    """Write a deck out; where it is refused, by its lines one by one: as these are in order."""
    runs = any(isinstance(part, PlainElements) for part in deck.top.body)
    if not runs:
        return _Expansion(deck, parameters).circuit
    try:
        made = _Expansion(deck, parameters)
        if made.differ:
            return made.circuit
    except CrossbarSimError:
        pass
    return _Expansion(replace(deck, top=without_runs(deck.top)), parameters).circuit


class _Expansion:
    """Writes a deck out as a flat circuit."""

    def __init__(self, deck: Deck, parameters: Mapping[str, float]) -> None:
        self.deck, self.parameters = deck, parameters
        self.circuit = Circuit(deck.title)
        self.circuit.notes += deck.notes
        self.models = Models(self.circuit, deck.cards)
        self.instances = 0
        self.path: list[str] = []
        self.templates = Templates(self._line)
        self.seed = deck.seed
        top = self._top(27.0, 27.0)
        celsius, nominal = self._conditions(top)
        # what was computed before may depend on them
        if (celsius, nominal) != (27.0, 27.0) or self.seed != deck.seed:
            top = self._top(celsius, nominal)
        self.models.modules = asked_modules(top.single_lines, deck.control)
        missing = [name for name in parameters if name not in top.defined]
        if missing:
            raise ParameterError(
                f"the deck has no parameter {missing[0]!r}"
                f"{did_you_mean(missing[0], top.defined)}"
            )
        self.times = self._times(top)
        self.expand(top)
        self.differ = self.circuit.names_differ()
        if not self.differ:
            return
        self._commands(top)
        constants = [
            Line(f"let {name} = {top.parameter(name)!r}", deck.file, 1, control=True)
            for name in top.constants if deck.control
        ]
        self.circuit.commands = read_control([
            *constants, *(line for line in deck.control if not is_library(line)),
        ])
        self.circuit.parameters = {
            name: value for name in sorted(top.defined)
            if (value := top.parameter(name)) is not None
        }
        self.models.rest(top, deck.file)
        if top.draws.count and self.seed is None:
            self.circuit.notes.append(
                f"{deck.file}: random numbers ({top.draws.count}) have their means; "
                "`read_spice(..., seed=1)` or `.option seed=1` draws them"
            )
        self.circuit = opened(self.circuit)
        check_names(self.circuit, top.places)
        self.circuit = joined(self.circuit)
        self.circuit.deck = replace(
            deck, parameters=dict(parameters),
            as_read=self.circuit.copy() if top.heated else None,
        )

    def _top(self, celsius: float, nominal: float) -> Scope:
        deck = self.deck
        return Scope(
            deck.top, None, "", {}, {}, deck.compat, self.parameters, celsius, nominal,
            strict=deck.strict, draws=Draws(self.seed),
        )

    def _conditions(self, top: Scope) -> tuple[float, float]:
        """Read the temperatures, degree Celsius: expressions may depend on them."""
        for line in top.single_lines:
            if line.command in (".temp", ".options", ".option", ".opt"):
                read_command(top, line, self.circuit)
        if self.deck.temperature is not None:
            self.circuit.temperature = self.deck.temperature
        own = self.circuit.options.pop("seed", None)
        if own is not None and self.seed is None:
            self.seed = int(own)
        nominal = self.circuit.options.get("tnom", 27.0)
        kept = nominal if isinstance(nominal, float) else 27.0
        return self.circuit.temperature - 273.15, kept

    def _times(self, top: Scope) -> Times:
        """Return step and stop of the first transient."""
        trial = Circuit()
        for line in top.single_lines:
            if line.command == ".tran":
                read_command(top, line, trial)
        found = next((a for a in trial.analyses if isinstance(a, Tran)), None)
        return Times() if found is None else Times(found.step, found.stop)

    def _commands(self, top: Scope) -> None:
        done = (".temp", ".options", ".option", ".opt", ".hdl")
        for line in top.single_lines:
            if line.text.startswith(".") and line.command not in done:
                read_command(top, line, self.circuit)

    # -- elements ----------------------------------------------------------------------------

    def expand(self, scope: Scope) -> None:
        """Add the elements of one instance."""
        known = self.templates.of(scope)
        for k, line in enumerate(scope.lines):
            if isinstance(line, PlainElements):
                if len(self.circuit) + len(line) > MOST:
                    raise NetlistError(f"more than {MOST} elements", file=line.file)
                self.circuit.add_run(line)
                continue
            if line.text.startswith("."):
                if scope.outer is not None:
                    read_command(scope, line, self.circuit)
                continue
            if known is not None:
                written = self.templates.elements(known, k, line, scope)
                if written is not None:
                    self.add(line, scope, written)
                    continue
            plain = plain_element(line, scope) or controlled.plain_behavioural(line, scope)
            if plain is not None:
                self.add(line, scope, [plain])
                continue
            card = CardLine(line, scope)
            if card.kind == "X":
                self.instance(card)
            else:
                self.add(line, scope, self.elements(card))

    def elements(self, card: CardLine) -> list[Element]:
        """Return the elements of a line."""
        reader = _READERS.get(card.kind)
        if card.kind in "VI":
            return read_source(card, self.times)
        if reader is not None:
            return reader(card, self.models)
        if card.kind in "AY" and reader is None:
            raise card.error(refused_device(card))
        if card.kind in _REFUSED:
            raise card.error(f"{_REFUSED[card.kind]} are not supported")
        known = ", ".join([*sorted({*_READERS, "V", "I", "X"})])
        raise card.error(f"there is no element `{card.kind}`; there are {known}")

    def _line(self, line: Line, scope: Scope) -> list[Element] | None:
        card = CardLine(line, scope)
        return None if card.kind == "X" else self.elements(card)

    def add(self, line: Line, scope: Scope, found: list[Element]) -> None:
        """Add elements of one line."""
        circuit = self.circuit
        for element in found:
            if len(circuit) >= MOST:
                raise CardLine(line, scope).error(f"more than {MOST} elements")
            try:
                circuit.add(element)
            except ParameterError as error:
                what = str(error)
                if element.name in circuit:
                    first = circuit[element.name].where
                    place = f" (the other is at {first[0]}:{first[1]})" if first else ""
                    what = f"there are two elements of that name{place}"
                raise CardLine(line, scope).error(what) from None

    def instance(self, card: CardLine) -> None:
        """Expand ``X1 nodes name [params:] name=value``."""
        words: list[str] = []
        while True:
            card.skip()
            if card.done or card.names_value:
                break
            if card.peek() in ("params:", "param:"):
                card.take()
                break
            words.append(card.word("a node or a subcircuit"))
        if not words:
            raise card.error("nodes and the name of a subcircuit are expected")
        name = words.pop()
        nodes = [card.node_named(word) for word in words]
        block = card.scope.find_subcircuit(name)
        if block is None:
            if name in MACROS:
                element, array = MACROS[name](card, nodes, self.models)
                self.add(card.line, card.scope, [element])
                self.circuit.arrays[element.name.lower()] = array
                return
            known = {n for s in card.scope.chain() for n in s.subcircuits}
            raise card.error(f"there is no subcircuit `{name}`"
                             f"{did_you_mean(name, {*known, *MACROS})}")
        if len(nodes) != len(block.ports):
            raise card.error(
                f"the subcircuit `{name}` has {len(block.ports)} ports "
                f"({' '.join(block.ports)}), not {len(nodes)}"
            )
        self.instances += 1
        if self.instances > MOST_INSTANCES:
            raise card.error(f"more than {MOST_INSTANCES} instances of subcircuits")
        if name in self.path:
            circle = " -> ".join([*self.path[self.path.index(name) :], name])
            raise card.error(f"a subcircuit contains itself: {circle}")
        if len(self.path) >= DEEPEST:
            raise card.error(f"more than {DEEPEST} subcircuits within one another")
        self.expand_block(card, block, dict(zip(block.ports, nodes, strict=True)))

    def expand_block(self, card: CardLine, block: Block, nodes: Mapping[str, str]) -> None:
        """Expand one instance, its parameters being those of the rest of the line."""
        given: dict[str, float] = {}
        while not card.done:
            card.skip()
            if card.done:
                break
            if not card.names_value:
                raise card.error(f"`name=value` is expected, not `{card.token.text}`")
            name = card.take().text.lower()
            card.take()
            if name in given:
                raise card.error(f"`{name}` is given twice")
            given[name] = card.number_of(card.raw(), f"`{name}`")
        prefix = f"{card.name.lower()}."
        self.path.append(block.name)
        copies = given.pop("m", 1.0) if "m" not in block.defaults else 1.0
        if copies <= 0:
            raise card.error(f"`m` must be > 0; got {copies:g}")
        scope = Scope(block, card.scope, prefix, given, nodes, self.deck.compat)
        scope.multiplier *= copies
        for name in given:
            if name not in scope.defined:
                raise card.error(f"the subcircuit `{block.name}` has no parameter `{name}`"
                                 f"{did_you_mean(name, scope.defined)}")
        self.expand(scope)
        self.path.pop()
