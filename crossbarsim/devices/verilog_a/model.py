"""The base class of models that are read from Verilog-A."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import ParameterError
from ...core.validation import Array
from ..base import Device
from ..parameters import Parameter
from .algebra.calculus import evaluate
from .algebra.terms import Term

__all__ = ["HOMES", "Condition", "Origin", "VerilogADevice", "VerilogAParameter"]

HOMES: dict[type, set[str]] = {}
"""The files from which classes were registered."""


@dataclass(frozen=True)
class Origin:
    """What a class was made from, enough to make it again."""

    text: str
    file: str
    files: tuple[tuple[str, str], ...]
    module: str
    fixed: tuple[tuple[str, float | str], ...]
    bounds: tuple[tuple[str, tuple[float, float]], ...]
    noise_step: float | None

    def record(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {"text": self.text, "file": self.file, "files": dict(self.files),
                "module": self.module, "fixed": dict(self.fixed),
                "bounds": {name: list(pair) for name, pair in self.bounds},
                "noise_step": self.noise_step}

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Origin:
        """Return what `record` wrote."""
        return cls(
            str(record["text"]), str(record["file"]), tuple(sorted(record["files"].items())),
            str(record["module"]), tuple(sorted(record["fixed"].items())),
            tuple(sorted((n, (float(a), float(b))) for n, (a, b) in record["bounds"].items())),
            record["noise_step"],
        )


@dataclass(frozen=True)
class VerilogAParameter(Parameter):
    """A parameter of a module: whole numbers, values that are excluded, a description."""

    whole: bool = False
    excluded: tuple[float, ...] = ()
    description: str = ""

    def read(self, name: str, value: ArrayLike) -> Array:
        """Return `value` as numbers; raises ParameterError as `Parameter.read`, with the name."""
        found = super().read(name, value)
        if self.choices:
            return found
        if self.whole and not np.all(found == np.rint(found)):
            raise ParameterError(f"`{name}` = {found[found != np.rint(found)].flat[0]:g}: must be "
                                 "a whole number")
        for one in self.excluded:
            if np.any(found == one):
                raise ParameterError(f"`{name}` = {one:g} is excluded")
        return found


@dataclass(frozen=True)
class Condition:
    """A limit of a parameter that depends on others: a term that must hold, and its text."""

    name: str
    holds: Term
    text: str


class VerilogADevice(Device):
    """A device whose laws are those of a Verilog-A module; see `read_verilog_a`.

    Attributes
    ----------
    module : str
        Its name in the file.
    file : str
        The file, or ``<text>``.
    notes : tuple of str
        What the file asks for and a law has no use for, with lines.
    descriptions : mapping
        What the file says about parameters.
    """

    module: ClassVar[str] = ""
    file: ClassVar[str] = ""
    notes: ClassVar[tuple[str, ...]] = ()
    descriptions: ClassVar[Mapping[str, str]] = {}
    origin: ClassVar[Origin | None] = None
    _spelling: ClassVar[Mapping[str, str]] = {}  # other names of parameters
    _names: ClassVar[Mapping[str, str]] = {}  # in the file -> here
    _defaults: ClassVar[Mapping[str, Term]] = {}  # those that depend on other parameters
    _conditions: ClassVar[tuple[Condition, ...]] = ()
    _limits: ClassVar[tuple[tuple[Term, Term, Term], ...]] = ()  # low, high, rest of every state
    _noise: ClassVar[tuple[Term, ...]] = ()  # what must not be 0 where there is noise
    _edges: ClassVar[tuple[Term, ...]] = ()  # voltages at which rates may jump
    # current, rates, symbols of voltage, current and states
    _terms: ClassVar[tuple[Term, tuple[Term, ...], Term, Term, tuple[Term, ...]] | None] = None
    _inner: ClassVar[tuple[Term, Term, Term, tuple[Term, ...]] | None] = None  # law, v, y, states
    _again: ClassVar[Any] = None  # makes a device of an origin and settings

    def __init__(
        self, *, polarity: int = 1, read_voltage: float | None = None, **parameters: Any
    ) -> None:
        given = {self._spelling.get(name, name): value for name, value in parameters.items()}
        if len(given) < len(parameters):
            twice = next(n for n in parameters if self._spelling.get(n, n) in parameters
                         and self._spelling.get(n, n) != n)
            raise ParameterError(f"`{twice}` and `{self._spelling[twice]}` are one parameter")
        values: dict[str, Any] = {}
        for name, declared in self._declared.items():
            if name not in given and name in self._defaults:
                given[name] = evaluate(self._defaults[name], _by_file(self._names, values))
            values[name] = given.get(name, declared.default)
        super().__init__(polarity=polarity, read_voltage=read_voltage, **given)

    def check(self) -> None:
        """Check ranges that depend on other parameters, and the states' ranges.

        Raises
        ------
        ParameterError
            A parameter out of its range, a state whose range is empty.
        """
        values = self._in_file()
        for condition in self._conditions:
            if not np.all(evaluate(condition.holds, values)):
                raise ParameterError(
                    f"`{condition.name}` = {np.ravel(self._values[condition.name])[0]:g} is out "
                    f"of its range, {condition.text}"
                )
        super().check()
        if self._inner is not None:
            self._check_inner(values, *self._inner)

    def _check_inner(
        self, values: Mapping[str, Any], law: Term, v: Term, y: Term, states: tuple[Term, ...]
    ) -> None:
        """Refuse parameters with which the voltage inside is not between those of the terminals."""
        low, high = self.bounds()
        for share in (0.0, 0.5, 1.0):
            at = {s: low[k] + share * (high[k] - low[k]) for k, s in enumerate(states)}
            for volts in (-1.0, -0.1, 0.1, 1.0):
                under, over = (
                    evaluate(law, values, {**at, v: volts, y: end})
                    for end in (min(0.0, volts), max(0.0, volts))
                )
                if np.any(under > 1e-9 * np.abs(over)) or np.any(over < -1e-9 * np.abs(under)):
                    raise ParameterError(
                        f"{type(self).__name__}: at {volts:g} V the voltage inside of the device "
                        "is not between those of its terminals, and no law finds it there; "
                        "compile the file (load_verilog_a)"
                    )

    def _in_file(self) -> dict[str, Any]:
        """Return numbers and words by the names of the file."""
        return _by_file(self._names, {**self._values, **self.choices})

    def _numbers(self, which: int) -> Array:
        values = self._in_file()
        shape = np.broadcast_shapes(*(v.shape for v in self._values.values()), ())
        return np.array([
            np.broadcast_to(evaluate(state[which], values), shape) for state in self._limits
        ]).reshape(len(self._limits), *shape)

    def bounds(self) -> tuple[Array, Array]:
        """Return (low, high), each (S,) or (S, *parameter shape), in the states' units."""
        return self._numbers(0), self._numbers(1)

    def rest(self) -> Array:
        """Return the states at which the module starts, within their bounds."""
        low, high = self.bounds()
        return np.clip(self._numbers(2), low, high)

    def jumps(self) -> tuple[Array, ...]:
        """Return the voltages at which a rate jumps, volt, of those that the file compares."""
        if "_jumps" not in self.__dict__:
            self.__dict__["_jumps"] = self._find_jumps()
        kept: tuple[Array, ...] = self.__dict__["_jumps"]
        return kept

    def _find_jumps(self) -> tuple[Array, ...]:
        low, high = self.bounds()
        middle = 0.5 * (low + high)
        values = self._in_file()
        found = []
        for edge in self._edges:
            volts = evaluate(edge, values)
            if np.all(np.isfinite(volts)):
                shift = 1e-9 * np.abs(volts) + 1e-15
                under, over = (self._rates_at(volts + s * shift, middle) for s in (-1.0, 1.0))
                with np.errstate(invalid="ignore"):
                    apart = np.abs(over - under) > 1e-6 * np.maximum(np.abs(over), np.abs(under))
                if np.any(apart):
                    found.append(volts)
        return tuple(found)

    def _rates_at(self, v: Array, x: Array) -> Array:
        """Return the rates for polarity +1; without kernels where nothing is solved inside."""
        if self._inner is not None or self._terms is None:
            shape = self.parameter_array.shape[1:]
            return self.rate(self.polarity * np.broadcast_to(v, shape), x)
        current, rates, volts, amperes, states = self._terms
        at: dict[Term, Any] = {volts: v, **{s: x[k] for k, s in enumerate(states)}}
        at[amperes] = evaluate(current, self._in_file(), at)
        return np.array([evaluate(rate, self._in_file(), at) for rate in rates])

    @property
    def stochastic(self) -> bool:
        """Whether the states carry noise, with these parameters."""
        values = self._in_file()
        return any(bool(np.any(evaluate(term, values) != 0.0)) for term in self._noise)

    @classmethod
    def replaces(cls, other: type[Any]) -> bool:
        """Return whether another class is of an earlier text of the same file."""
        return bool(HOMES.get(cls, set()) & HOMES.get(other, set()))

    def header(self) -> dict[str, Any]:
        """Return what saved arrays need besides parameters: the source."""
        return {} if self.origin is None else {"verilog_a": self.origin.record()}

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle the source with the parameters, so that no file is needed to read it again."""
        if "origin" not in vars(type(self)):  # a user's subclass, which has a home of its own
            return super().__reduce_ex__(protocol)
        return self._again, (self.origin, self.settings())


def _by_file(names: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    return {file: values[own] for file, own in names.items() if own in values}

