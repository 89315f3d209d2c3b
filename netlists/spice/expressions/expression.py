"""Expressions of a deck: numbers that depend on parameters, voltages, currents and time."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ....core.errors import NetlistError, ParameterError
from ....core.validation import Array
from .compilation import build
from .functions import Operand
from .grammar import BUILT_IN, Function, parse_steps
from .tape import Probe, Step, Tape, undefined_step, value_of
from .text import write_steps

__all__ = ["Dynamic", "Expression", "compile_together"]


@dataclass(frozen=True)
class Dynamic:
    """A derivative or an integral by time inside an expression.

    Attributes
    ----------
    kind : {"ddt", "idt"}
    inner : Expression
        What is derived or integrated; it may refer to earlier ones of the same expression.
    initial : Expression, optional
        Value of an integral at the start.
    """

    kind: str
    inner: Expression
    initial: Expression | None = None


class Expression:
    """An immutable expression.

    Parameters
    ----------
    text : str
        Such as ``"v(in, out) / r * (1 + tanh(i(v1)))"``; case does not count. Operators and
        functions are those of ngspice's B sources; powers and quotients are the mathematical
        ones, see `crossbarsim.netlists.spice.expressions.functions`.
    functions : callable, optional
        Gives the deck's own function of a name.
    compat : {"", "ngspice"}

    Raises
    ------
    NetlistError
        What cannot be read.

    Examples
    --------
    >>> e = Expression("g * v(a, b) ** 2")
    >>> e.probes, e.names
    ((('v', 'a', 'b'),), ('g',))
    >>> e.evaluate({"g": 2.0}, {("v", "a", "b"): 3.0})
    18.0
    >>> value, slopes = e.substitute({"g": 2.0}).compile()([3.0])
    >>> float(value), slopes.tolist()
    (18.0, [12.0])
    """

    __slots__ = ("__dict__", "_steps")
    _steps: tuple[Step, ...]

    def __init__(
        self, text: str, functions: Callable[[str], Function | None] | None = None,
        compat: str = "",
    ) -> None:
        object.__setattr__(self, "_steps", parse_steps(text, functions, compat))

    @classmethod
    def of(cls, steps: Sequence[Step]) -> Expression:
        """Return the expression of given steps."""
        made = object.__new__(cls)
        object.__setattr__(made, "_steps", tuple(steps))
        return made

    @classmethod
    def number(cls, value: float) -> Expression:
        """Return the expression that is a number."""
        return cls.of((("number", float(value)),))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"expressions do not change: `{name}` cannot be set to {value!r}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self._steps == other._steps

    def __hash__(self) -> int:
        return hash(self._steps)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[Any, ...]:
        return (Expression.of, (self._steps,))

    @property
    def steps(self) -> tuple[Step, ...]:
        """Its steps, see `crossbarsim.netlists.spice.expressions.tape`."""
        return self._steps

    @cached_property
    def text(self) -> str:
        """The expression, written out."""
        return write_steps(self._steps)

    def to_spice(self, dialect: str = "") -> str:
        """Return the text that means the same in `dialect`, ours or ``"ngspice"``."""
        return write_steps(self._steps, dialect)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Parameters that it still needs, without ``time``, ``temper`` and ``hertz``."""
        return tuple(s[1] for s in self._steps if s[0] == "name" and s[1] not in BUILT_IN)

    def uses(self, name: str) -> bool:
        """Return whether it depends on ``"time"``, ``"temper"``, ``"hertz"`` or a parameter."""
        return ("name", name) in self._steps

    @property
    def fixed(self) -> bool:
        """Whether it depends on nothing but the temperature: not on the circuit, nor on time."""
        return not (
            self.sources or self.dynamic or self.names or self.uses("time") or self.uses("hertz")
        )

    @property
    def constant(self) -> float | None:
        """Its value if it is a plain number."""
        return self._steps[0][1] if self._steps[-1][0] == "number" else None

    @cached_property
    def sources(self) -> tuple[Probe, ...]:
        """Voltages and currents of the circuit in it, those inside of derivatives included."""
        return tuple(step[1] for step in self._steps if step[0] == "probe")

    # -- derivatives and integrals by time ---------------------------------------------------

    @cached_property
    def _parts(self) -> tuple[tuple[Step, ...], tuple[Dynamic, ...]]:
        """Steps without derivatives, and the derivatives, inner ones first."""
        if not any(step[0] == "call" and step[1] in ("ddt", "idt") for step in self._steps):
            return self._steps, ()
        tape = Tape()
        place: list[int] = []
        found: list[Dynamic] = []
        for step in self._steps:
            if step[0] == "call" and step[1] in ("ddt", "idt"):
                inner, *initial = (Expression.of(tape.finish(place[k])) for k in step[2])
                place.append(tape.probe((step[1], str(len(found)))))
                found.append(Dynamic(step[1], inner, initial[0] if initial else None))
            elif step[0] == "call":
                place.append(tape.call(step[1], *(place[k] for k in step[2])))
            else:
                place.append(tape.splice([step]))
        return tape.finish(place[-1]), tuple(found)

    @property
    def core(self) -> tuple[Step, ...]:
        """Its steps, in which derivatives and integrals by time are probes, see `dynamic`."""
        return self._parts[0]

    @property
    def dynamic(self) -> tuple[Dynamic, ...]:
        """Its derivatives and integrals by time, inner ones first.

        The k-th is the probe ``("ddt", str(k))`` or ``("idt", str(k))`` of `probes`, and of later
        ones that contain it.
        """
        return self._parts[1]

    @cached_property
    def probes(self) -> tuple[Probe, ...]:
        """What it reads.

        ``("v", a, b)`` is the voltage from node a to b, ``("i", source)`` a current, ``("@",
        element, parameter)`` a quantity of an element, ``("ddt", k)`` and ``("idt", k)`` see
        `dynamic`.
        """
        return tuple(step[1] for step in self._parts[0] if step[0] == "probe")

    # -- values ------------------------------------------------------------------------------

    def evaluate(
        self, env: Mapping[str, Operand] | None = None,
        probes: Mapping[Probe, Operand] | Sequence[Operand] | None = None,
    ) -> Operand:
        """Return the value for given parameters and probes, floats or arrays, also complex.

        Parameters
        ----------
        env : mapping
            Values of `names`, and of ``time`` (second), ``temper`` (degree Celsius) and ``hertz``
            where they are used.
        probes : mapping or sequence
            By probe, or in the order of `probes`.

        Returns
        -------
        float or array
            Infinite or NaN where the expression is.

        Raises
        ------
        ParameterError
            Something that is needed is not given.
        """
        given = probes if isinstance(probes, Mapping) else dict(
            zip(self.probes, probes or (), strict=False)
        )
        known = env or {}
        for name in (step[1] for step in self._parts[0] if step[0] == "name"):
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ParameterError(f"`{self.text}` needs a value of {name!r}{hint}")
        for probe in self.probes:
            if probe not in given:
                raise ParameterError(f"`{self.text}` needs a value of {_spoken(probe)}")
        value = value_of(self._parts[0], known, given)
        return float(value) if np.ndim(value) == 0 and np.isrealobj(value) else value

    def undefined(
        self, env: Mapping[str, Operand], probes: Sequence[Operand]
    ) -> str:
        """Return what in the expression has no finite value, and why; empty if all has one."""
        given = dict(zip(self.probes, probes, strict=True))
        found = undefined_step(self._parts[0], env, given)
        if found is None:
            return ""
        part = Expression.of(_upto(self._parts[0], found[0]))
        where = ", ".join(f"{_spoken(p)} = {given[p]:.6g}" for p in part.probes)
        at = f" at {where}" if where else ""
        text = _short(part)
        return f"`{text}` has no value{at}{found[1]}"

    def compile(
        self, probes: Sequence[Probe] | None = None
    ) -> Callable[..., tuple[Array, Array]]:
        """Return a function that gives the value and its derivatives with respect to the probes.

        Parameters
        ----------
        probes : sequence of P probes, optional
            Rows of the argument: `self.probes` unless given; more than are used are welcome.

        Returns
        -------
        callable
            ``f(x, time=0.0, temper=27.0, hertz=0.0)`` with x (P, ...), second, degree Celsius,
            hertz, to the value (...) and the derivatives (P, ...).

        Raises
        ------
        ParameterError
            Parameters without value, or probes that are not in `probes`.
        """
        return compile_together([self], None if probes is None else [probes])

    # -- changes -----------------------------------------------------------------------------

    def substitute(self, values: Mapping[str, float | Expression]) -> Expression:
        """Return the expression with numbers or expressions in place of parameters."""
        tape = Tape()

        def leaf(step: Step) -> int | None:
            if step[0] != "name" or step[1] not in values:
                return None
            value = values[step[1]]
            if isinstance(value, Expression):
                return tape.splice(value.steps)
            return tape.number(value)

        return _finished(tape, tape.splice(self._steps, leaf), self)

    def times(self, factor: float | Expression) -> Expression:
        """Return the product with a number or another expression."""
        other = factor if isinstance(factor, Expression) else Expression.number(factor)
        tape = Tape()
        return Expression.of(tape.finish(
            tape.call("*", tape.splice(self._steps), tape.splice(other.steps))
        ))

    def renamed(self, change: Callable[[Probe], Probe]) -> Expression:
        """Return the expression that reads other probes."""
        tape = Tape()
        root = tape.splice(
            self._steps, lambda s: tape.probe(change(s[1])) if s[0] == "probe" else None
        )
        return _finished(tape, root, self)

    def with_probes(self, names: Mapping[Probe, Probe]) -> Expression:
        """Return the expression that reads others of `sources`, by a mapping of all of them."""
        if len(set(names.values())) < len(names) or self.dynamic:
            return self.renamed(lambda p: names[p])  # what is the same now is read once
        made = Expression.of([
            ("probe", names[s[1]]) if s[0] == "probe" else s for s in self._steps
        ])
        made.__dict__["key"] = self.key
        made.__dict__["sources"] = made.__dict__["probes"] = tuple(names[p] for p in self.sources)
        return made

    @cached_property
    def key(self) -> tuple[Any, ...]:
        """What expressions have in common that `compile_together` takes: all but names, numbers."""
        steps = self._parts[0]
        order = {step[1]: k for k, step in enumerate(s for s in steps if s[0] == "probe")}
        return tuple(
            ("number",) if s[0] == "number" else ("probe", order[s[1]]) if s[0] == "probe" else s
            for s in steps
        )


def _finished(tape: Tape, root: int, old: Expression) -> Expression:
    steps = tape.finish(root)
    return old if steps == old.steps else Expression.of(steps)


def _short(expression: Expression) -> str:
    try:
        text = expression.text
    except NetlistError:  # longer than can be written
        return "an expression"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _upto(steps: Sequence[Step], k: int) -> tuple[Step, ...]:
    tape = Tape()
    return tape.finish(tape.splice(steps[:k + 1]))


def _spoken(probe: Probe) -> str:
    if probe[0] == "@":
        return f"@{probe[1]}[{probe[2]}]"
    return f"{probe[0]}({','.join(probe[1:])})".replace(",0)", ")")


def compile_together(
    expressions: Sequence[Expression], probes: Sequence[Sequence[Probe]] | None = None
) -> Callable[..., tuple[Array, Array]]:
    """Compile N expressions with the same `Expression.key` to one function.

    Parameters
    ----------
    expressions : sequence of N Expression
        They differ in numbers and in the names of probes only.
    probes : sequence of N sequences of P probes, optional
        Rows of the argument for each: its own `Expression.probes` unless given.

    Returns
    -------
    callable
        ``f(x, time=0.0, temper=27.0, hertz=0.0)`` with x (P, N), or (P, ...) for one expression,
        to values (N,) or (...) and derivatives (P, N) or (P, ...).

    Raises
    ------
    ParameterError
        Parameters without value, probes that are not given, different keys.
    """
    first = expressions[0]
    if first.names:
        raise ParameterError(f"`{first.text}` needs values of {', '.join(first.names)}")
    rows = [tuple(e.probes) for e in expressions] if probes is None else [
        tuple(p) for p in probes
    ]
    for e, given in zip(expressions, rows, strict=True):
        if e.key != first.key:
            raise ParameterError(f"`{e.text}` and `{first.text}` are not of the same kind")
        lacking = [p for p in e.probes if p not in given]
        if lacking:
            raise ParameterError(f"`{e.text}` reads {_spoken(lacking[0])}, which is not given")
        if [given.index(p) for p in e.probes] != [rows[0].index(p) for p in first.probes]:
            raise ParameterError(f"`{e.text}`: its probes are in another order")
    steps = [e.core for e in expressions]
    numbers: dict[int, int] = {}
    values: list[Array] = []
    for k, step in enumerate(steps[0]):
        if step[0] == "number" and not _alike(s[k][1] for s in steps):
            numbers[k] = len(values)
            values.append(np.array([s[k][1] for s in steps]))
    program = build(steps[0], rows[0], numbers)
    if not values:
        return program

    def together(
        x: Operand, time: Operand = 0.0, temper: Operand = 27.0, hertz: Operand = 0.0
    ) -> tuple[Array, Array]:
        return program(x, time, temper, hertz, values)

    return together


def _alike(values: Iterable[float]) -> bool:
    found = list(values)
    return all(v == found[0] and math.copysign(1, v) == math.copysign(1, found[0]) for v in found)
