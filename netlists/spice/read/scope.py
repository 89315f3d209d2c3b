"""What names mean inside one instance of a subcircuit: parameters, functions, models, nodes."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from functools import cached_property

from ....core.errors import NetlistError
from ....core.units import plain_number
from ...columns.plain import PlainElements
from ...elements import Value
from ..expressions.expression import Expression
from ..expressions.grammar import BUILT_IN, DRAWN, Function, constants_but, parse_steps
from ..expressions.tape import Step, Tape
from .draws import Draws
from .lines import Line
from .shapes import Shapes, Taken
from .subcircuit_tree import Block, Choice, Given, did_you_mean
from .tokens import assignments, unquoted

__all__ = ["GLOBAL", "Scope"]

_PARAMETERS = (".param", ".params", ".csparam", ".global_param")  # also LTspice's, Xyce's
GLOBAL = ("0", "gnd")
DEEPEST = 200  # parameters that need one another, functions that call one another
_CONSTANTS = constants_but(())
_TEMPER = Expression("temper")

_RANDOM = re.compile(r"\b(?:a?gauss|a?unif|limit|mc|flat)\b", re.IGNORECASE)


class Scope:
    """The names in one instance of a subcircuit, or at the deck's top level.

    Parameters are looked up here, then in the instance that contains this one, as ngspice does.

    Parameters
    ----------
    block : Block
    outer : Scope, optional
        Of the instance that contains it.
    prefix : str
        Of elements' and nodes' names: ``"x1."``.
    given : mapping
        Parameters given at the instance.
    nodes : mapping
        Ports -> nodes outside.
    compat : {"", "ngspice", "ltspice"}
    strict : bool
        Whether what is unknown and could be passed over is refused.
    override : mapping
        At the top level: parameters given from outside.
    celsius, nominal : float
        At the top level: the circuit's temperature, and that of model cards.
    draws : Draws
        At the top level: of random numbers.

    Attributes
    ----------
    heated : list of Line
        What was computed with ``temper``, of this and all other instances.
    """

    def __init__(
        self, block: Block, outer: Scope | None, prefix: str, given: Mapping[str, float],
        nodes: Mapping[str, str], compat: str = "", override: Mapping[str, float] | None = None,
        celsius: float = 27.0, nominal: float = 27.0, *, strict: bool = False,
        draws: Draws | None = None,
    ) -> None:
        self.block, self.outer, self.prefix, self.nodes = block, outer, prefix, nodes
        self.compat = compat
        self.strict: bool = strict if outer is None else outer.strict
        self.celsius: float = celsius if outer is None else outer.celsius
        self.nominal: float = nominal if outer is None else outer.nominal
        self.heated: list[Line] = [] if outer is None else outer.heated
        self.draws: Draws = (draws or Draws(None)) if outer is None else outer.draws
        self.shapes: Shapes = Shapes() if outer is None else outer.shapes
        self.naming = ""  # the parameter whose value is being computed
        self.multiplier: float = 1.0 if outer is None else outer.multiplier
        self.globals: set[str] = set(GLOBAL) if outer is None else outer.globals
        # where .ic and .nodeset name a node
        self.places: dict[tuple[str, str], tuple[str, int]] = {} if outer is None else outer.places
        self.constants: list[str] = []  # of control blocks
        self.models: dict[str, Line] = {}
        self.subcircuits: dict[str, Block] = {}
        self.lines: list[Line | PlainElements] = []  # runs at the top level only
        self.texts: dict[str, Given] = dict(block.defaults)
        self.functions: dict[str, tuple[tuple[str, ...], Given]] = {}
        self._given = {**given, **(override or {})}
        self.known: dict[str, float] = dict(self._given)
        self.parsed: dict[str, Function] = {}
        self.busy: list[str] = [] if outer is None else outer.busy
        self.complete = False  # whether all definitions are known, and those of all instances
        self._collect(block.body)
        self.known |= self._given
        self.complete = outer is None or not any(isinstance(part, Choice) for part in block.body)

    # -- definitions -------------------------------------------------------------------------

    def _collect(self, body: list[Line | PlainElements | Block | Choice]) -> None:
        """Take in all definitions; conditions are decided in their order."""
        for part in body:
            if isinstance(part, Block):
                if part.name in self.subcircuits and part.line is not None:
                    raise part.line.error(f"there are two subcircuits `{part.name}`")
                self.subcircuits[part.name] = part
            elif isinstance(part, Line):
                self._define(part)
            elif isinstance(part, PlainElements):
                self.lines.append(part)
        for part in body:
            if isinstance(part, Choice):
                for branch in part.branches:
                    if self.number(branch.condition, branch.line) != 0:
                        # what follows may redefine what was needed to decide
                        self.known = dict(self._given)
                        self._collect(branch.body)
                        break

    def _define(self, line: Line) -> None:
        command = line.command if not line.control else ""
        if not command:
            self.lines.append(line)
        elif command in _PARAMETERS:
            for name, arguments, text in assignments(line, len(command)):
                if command == ".csparam":
                    self.constants.append(name)
                    if text.strip("{}' ").lower() == name:  # a parameter under its own name
                        continue
                if name in BUILT_IN:
                    raise line.error(f"`{name}` cannot be a parameter")
                if arguments is not None:
                    self.functions[name] = (arguments, Given(text, line))
                else:
                    self.texts[name] = Given(text, line)
        elif command == ".func":
            self._define_function(line)
        elif command == ".global":
            if self.outer is not None:
                raise line.error("`.global` must stand outside of subcircuits")
            self.globals.update(word.lower() for word in line.text.split()[1:])
        elif command == ".model":
            words = line.text.split(maxsplit=2)
            if len(words) < 3:
                raise line.error("`.model name kind(parameters)` is expected")
            name = words[1].lower()
            if name in self.models and self.models[name].text.lower() != line.text.lower():
                raise line.error(f"there are two models `{name}`, the first at "
                                 f"{self.models[name].file}:{self.models[name].number}")
            self.models[name] = line
        else:
            self.lines.append(line)

    def _define_function(self, line: Line) -> None:
        match = re.fullmatch(
            r"\.func\s+([A-Za-z_]\w*)\s*\(([^()]*)\)\s*=?\s*(.+)", line.text, re.IGNORECASE
        )
        if match is None:
            raise line.error("`.func name(arguments) {expression}` is expected")
        arguments = tuple(part.strip().lower() for part in match[2].split(",") if part.strip())
        if len(set(arguments)) < len(arguments):
            raise line.error("two arguments have the same name")
        self.functions[match[1].lower()] = (arguments, Given(unquoted(match[3].strip()), line))

    # -- parameters and functions ------------------------------------------------------------

    def chain(self) -> Iterator[Scope]:
        """Yield this scope and those around it, innermost first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer

    @property
    def single_lines(self) -> list[Line]:
        """The lines that are not in runs of plain elements."""
        return [line for line in self.lines if isinstance(line, Line)]

    @property
    def ngspice(self) -> bool:
        """Whether all is to be as in ngspice."""
        return self.compat == "ngspice"

    @property
    def parameter_names(self) -> set[str]:
        """Names of all parameters that are known here."""
        return {n for scope in self.chain() for n in (*scope.texts, *scope.known)}

    @property
    def defined(self) -> set[str]:
        """Names of the parameters that are defined in this very instance."""
        return {*self.texts}

    def parameter(self, name: str) -> float | None:
        """Return the value of a parameter, or None where there is none."""
        for scope in self.chain():
            if name in scope.known:
                return scope.known[name]
            if name in scope.texts:
                return scope.resolve(name)
        return None

    def resolve(self, name: str) -> float:
        """Return the value of a parameter that is defined here."""
        text, line = self.texts[name]
        label = f"{self.prefix}{name}"
        self.enter(label, "parameters", line)
        before, self.naming = self.naming, name
        if self.draws.seed is not None:
            self.draws.forget(self.prefix, name)
        value = self.number(text, line, f"the parameter `{name}`")
        self.naming = before
        self.busy.pop()
        self.known[name] = value
        return value

    def enter(self, label: str, what: str, line: Line) -> None:
        """Remember what is being evaluated, or refuse a circle."""
        busy = self.busy
        if label in busy:
            circle = " -> ".join([*busy[busy.index(label) :], label])
            raise line.error(f"{what} need one another: {circle}")
        if len(busy) >= DEEPEST:
            raise line.error(f"more than {DEEPEST} {what} need one another")
        busy.append(label)

    def _function(self, name: str) -> Function | None:
        for scope in self.chain():
            if name in scope.parsed:
                return scope.parsed[name]
            if name in scope.functions:
                arguments, (text, line) = scope.functions[name]
                scope.enter(f"{scope.prefix}{name}()", "functions", line)
                # what the arguments hide is not a constant
                steps = scope.steps(
                    text, line, constants_but({*arguments, *scope.parameter_names})
                )
                self.busy.pop()
                scope.parsed[name] = Function(arguments, steps)
                return scope.parsed[name]
        return None

    def steps(
        self, text: str, line: Line, constants: Mapping[str, float] | None = None,
        *, numbers: bool = False,
    ) -> tuple[Step, ...]:
        """Return the steps of an expression, its parameters as names."""
        if constants is None:
            hidden = [
                n for n in _CONSTANTS if any(n in s.texts or n in s.known for s in self.chain())
            ]
            constants = constants_but(hidden) if hidden else None
        try:
            compat = f"{self.compat} numbers" if numbers and self.ngspice else self.compat
            return parse_steps(text, self._function, compat, constants, draws=True)
        except NetlistError as error:
            if error.line is not None:
                raise
            raise line.error(str(error)) from None
        except RecursionError:
            raise line.error("an expression is nested too deeply") from None

    # -- expressions -------------------------------------------------------------------------

    def expression(
        self, text: str, line: Line, *, open_names: bool = False, numbers: bool = False
    ) -> Expression:
        """Return an expression with the values of its parameters, and its probes' full names.

        With `open_names`, names without a value stay; `numbers` says that it is to be a number.
        """
        taken = None if open_names else self._alike(text, line, numbers=numbers)
        values: dict[str, float | Expression] = {}
        if taken is None:
            expression = Expression.of(self.steps(text, line, numbers=numbers))
        else:
            expression = taken.shape.expression
            values.update(taken.numbers)
        for name in expression.names:
            if name in values:
                continue
            if name.startswith(DRAWN):
                values[name] = self.draw(name[1:].split("#")[0], line)
                continue
            value = self.parameter(name)
            if value is None and name == "temp":  # PSpice's and LTspice's word
                values[name] = _TEMPER
                continue
            if value is None and open_names:
                continue
            if value is None:
                known = (*self.parameter_names, *BUILT_IN)
                raise line.error(f"there is no parameter `{name}`{did_you_mean(name, known)}")
            values[name] = value
        if taken is not None:
            expression = self.of_one_copy(taken.shape.with_values(
                values, {mark: self.probe(probe) for mark, probe in taken.probes.items()}
            ))
        else:
            if values:
                expression = expression.substitute(values)
            if expression.sources:
                expression = self.of_one_copy(expression.renamed(self.probe))
        self._check_table(expression, line)
        return expression

    def _alike(self, text: str, line: Line, *, numbers: bool) -> Taken | None:
        """Return an expression by what is known of others of its shape, None where that fails."""
        if self.compat == "ltspice":  # powers depend on whether an exponent is a number
            return None
        if _RANDOM.search(text):  # numbers decide what is drawn
            return None
        blocks: list[object] = []
        for scope in self.chain():
            if not scope.complete or "v" in scope.functions or "i" in scope.functions:
                return None
            blocks.append(id(scope.block))
        depth = len(self.busy)
        found = self.shapes.of(
            text, (numbers, *blocks), lambda shape: self.steps(shape, line, numbers=numbers)
        )
        del self.busy[depth:]  # of a shape that was refused half way
        return found

    def draw(self, kind: str, line: Line) -> float:
        """Return a random number of this instance for a line."""
        return self.draws.number(kind, self.prefix, line, self.naming)

    @property
    def share(self) -> float:
        """The share of a current here that is one copy's: copies (``m=``) are written as one.

        ngspice 39 takes the current of all.
        """
        return 1.0 if self.ngspice else 1.0 / self.multiplier

    def of_one_copy(self, expression: Expression) -> Expression:
        """Return the expression of the currents of one copy, in place of those of all."""
        share = self.share
        if share == 1.0 or all(probe[0] == "v" for probe in expression.sources):
            return expression
        tape = Tape()

        def leaf(step: Step) -> int | None:
            if step[0] != "probe" or step[1][0] not in ("i", "@"):
                return None
            return tape.call("*", tape.probe(step[1]), tape.number(share))

        return Expression.of(tape.finish(tape.splice(expression.steps, leaf)))

    @staticmethod
    def _check_table(expression: Expression, line: Line) -> None:
        steps = expression.steps
        for step in steps:
            if step[0] == "call" and step[1] in ("pwl", "table"):
                points = [steps[k] for k in step[2][1:]]
                if any(point[0] != "number" for point in points):
                    raise line.error("the points of a table must be numbers")
                xs = [point[1] for point in points[::2]]
                if any(b <= a for a, b in itertools.pairwise(xs)):
                    raise line.error("the abscissas of a table must increase")

    def number(self, text: str, line: Line, what: str = "a number") -> float:
        """Return the value of an expression that must be a finite number."""
        plain = plain_number(text)
        if plain is None:
            plain = self._named(text)
        if plain is not None:
            return plain
        expression = self.expression(text, line, numbers=True)
        if expression.sources or expression.dynamic or any(
            expression.uses(name) for name in ("time", "hertz")
        ):
            raise line.error(f"{what} must not depend on voltages, currents, time or frequency")
        value = self.settled(expression, line)
        if not isinstance(value, float) or not math.isfinite(value):
            raise line.error(f"{what} has no finite value: `{text}` is {value}")
        return value

    def settled(self, expression: Expression, line: Line) -> object:
        """Return the value of an expression of nothing but the temperature."""
        if expression.uses("temper"):
            self.heated.append(line)
        return expression.evaluate({"temper": self.celsius})

    def _named(self, text: str) -> float | None:
        """Return the value of a text that is nothing but a parameter's name."""
        name = text.strip().lower()
        return self.parameter(name) if name.isidentifier() else None

    def value_of(self, text: str, line: Line) -> Value:
        """Return the value of an expression: a number if it is one."""
        known = self._named(text)
        if known is not None:
            return known
        expression = self.expression(text, line)
        constant = expression.constant
        if constant is not None and not self.ngspice and math.isfinite(constant):
            return constant
        if not expression.sources and not expression.dynamic and not any(
            expression.uses(name) for name in ("time", "temper", "hertz")
        ):
            return self.number(text, line)
        return expression

    # -- nodes, models, subcircuits ----------------------------------------------------------

    def node(self, name: str) -> str:
        """Return the full name of a node."""
        key = name.lower()
        if key in self.nodes:
            return self.nodes[key]
        if key in self.globals:
            return "0" if key in GLOBAL else key
        return f"{self.prefix}{key}"

    def element(self, name: str) -> str:
        """Return the full name of an element; ngspice's ``v.x1.v2`` is ``x1.v2``."""
        key = name.lower()
        if re.match(r"[a-z]\.x", key) and key.split(".")[-1][:1] == key[0]:
            key = key[2:]
        return f"{self.prefix}{key}"

    def probe(self, probe: tuple[str, ...]) -> tuple[str, ...]:
        """Return a probe of the whole circuit."""
        if probe[0] == "v":
            return ("v", self.node(probe[1]), self.node(probe[2]))
        if probe[0] in ("i", "@"):
            return (probe[0], self.element(probe[1]), *probe[2:])
        return probe

    def find_subcircuit(self, name: str) -> Block | None:
        """Return the definition of a subcircuit."""
        for scope in self.chain():
            if name in scope.subcircuits:
                return scope.subcircuits[name]
        return None

    @cached_property
    def bins(self) -> dict[str, list[Line]]:
        """Cards for ranges of sizes, ``name.1`` and so on, by their common name."""
        found: dict[str, list[Line]] = {}
        for name, line in self.models.items():
            base, _, number = name.rpartition(".")
            if base and number.isdigit():
                found.setdefault(base, []).append(line)
        return found

    def find_model(self, name: str) -> tuple[Scope, Line] | None:
        """Return the line of a model card and the scope in which it stands."""
        for scope in self.chain():
            if name in scope.models:
                return scope, scope.models[name]
        return None
