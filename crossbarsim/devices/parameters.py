"""How a model declares its parameters and states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from ..core.errors import ParameterError
from ..core.settings import checks_arguments, closest
from ..core.validation import Array, choice, finite_array

__all__ = [
    "Named", "Parameter", "State", "operands", "parameter", "range_parameters", "read_values",
]

_ENDS = (("{0}_min", "{0}_max"), ("{0}min", "{0}max"))  # as Verilog-A's files call them


class Named(Protocol):
    """States or parameters in a law, read as attributes."""

    def __getattr__(self, name: str) -> Any:
        """Return a number, or the name of a choice."""
        ...


@dataclass(frozen=True)
class Parameter:
    """A declared parameter: default, unit and limits (exclusive where `open`), or its choices."""

    default: float | str
    unit: str = ""
    low: float = -np.inf
    high: float = np.inf
    open: bool = False
    choices: tuple[str, ...] = ()

    def read(self, name: str, value: ArrayLike) -> Array:
        """Return `value` as numbers.

        Raises
        ------
        ParameterError
            Out of the limits, or none of the choices; the message has the name.
        """
        if self.choices:
            return np.array(float(self.choices.index(choice(name, value, self.choices))))
        array = finite_array(name, value)
        if not array.size:
            raise ParameterError(f"`{name}` must be a number, or one for each device; got none")
        if self.open:
            good = (array > self.low) & (array < self.high)
        else:
            good = (array >= self.low) & (array <= self.high)
        if not np.all(good):
            wrong = float(array[~good].flat[0])
            sign = "<" if self.open else "<="
            lower = f"{self.low:g} {sign} " if self.low > -np.inf else ""
            upper = f" {sign} {self.high:g}" if self.high < np.inf else ""
            raise ParameterError(
                f"`{name}` = {wrong:g} {self.unit}: must be {lower}{name}{upper}".replace("  ", " ")
            )
        return array


@checks_arguments
def parameter(
    default: float | str, unit: str = "", *, low: float = -np.inf, high: float = np.inf,
    positive: bool = False, choices: tuple[str, ...] = (),
) -> Any:
    """Declare a parameter in the body of a `Device` or `Transistor` class.

    On an instance the attribute is the value: a number, an array or a word.

    Parameters
    ----------
    default : float or str
    unit : str
        SI.
    low, high : float
        Smallest and largest value.
    positive : bool
        Greater than zero, and below `high`; instead of `low`.
    choices : tuple of str
        The words between which a parameter chooses; `default` is one of them.

    Raises
    ------
    ParameterError
        Limits that would not act: `low` with `positive`, or any of a word.

    Examples
    --------
    >>> import math
    >>> from crossbarsim.devices import Device, parameter
    >>> class Diode(Device):
    ...     name = "exponential_diode"
    ...     i_s = parameter(1e-12, "A", positive=True)
    ...     @staticmethod
    ...     def current_law(v, x, p):
    ...         return p.i_s * math.expm1(v / 0.026)
    >>> print(f"{Diode(i_s=2e-12).current(0.5, []):.2e} A")
    4.50e-04 A
    """
    if positive and low != -np.inf:
        raise ParameterError("give either `low` or `positive`: the one limit excludes the other")
    if choices and (positive or low != -np.inf or high != np.inf):
        raise ParameterError("`choices` are words: they have no `low`, `high` or `positive`")
    return Parameter(default, unit, 0.0 if positive else low, high, positive, choices)


@checks_arguments
@dataclass(frozen=True)
class State:
    """A state variable of a `Device`.

    Parameters
    ----------
    name : str
        By which laws read it, ``x.name``.
    unit : str
        SI, or a power of ten of it.
    low, high : float or str
        Bounds: numbers, or names of parameters.
    rest : float or str, optional
        Value in a device that was never written; default: `low`.

    Examples
    --------
    >>> from crossbarsim.devices import VTEAM, State
    >>> VTEAM.states == (State("x", "m", low=0.0, high="d", rest="d"),)
    True
    >>> low, high = VTEAM(d=5e-9).bounds()
    >>> low.tolist(), high.tolist()
    ([0.0], [5e-09])
    """

    name: str
    unit: str = ""
    low: float | str = 0.0
    high: float | str = 1.0
    rest: float | str | None = field(default=None)


def read_values(
    title: str, declared: Mapping[str, Parameter], given: Mapping[str, Any]
) -> dict[str, Array]:
    """Return the numbers of every parameter, the default where none is given."""
    for name in given:
        if name not in declared:
            raise ParameterError(f"{title} has no parameter `{name}`{closest(name, declared)}")
    values = {name: p.read(name, given.get(name, p.default)) for name, p in declared.items()}
    try:
        np.broadcast_shapes(*(v.shape for v in values.values()))
    except ValueError:
        shapes = ", ".join(f"{n} {v.shape}" for n, v in values.items() if v.ndim)
        raise ParameterError(f"{title}: parameters of different shapes: {shapes}") from None
    return values


def operands(
    v: ArrayLike, x: ArrayLike, states: Sequence[State], bounds: tuple[Array, Array],
    own: tuple[int, ...]
) -> tuple[Array, Array, tuple[int, ...]]:
    """Return voltages and states (S, ...), broadcast with parameters of shape `own`, and the shape.

    Raises
    ------
    ParameterError
        Shapes that do not fit together, or a state out of its range.
    """
    volts, given = finite_array("v", v), finite_array("x", x)
    count = len(states)
    if given.shape[:1] != (count,) and count:
        raise ParameterError(
            f"`x` must have shape ({count}, ...), one entry per state "
            f"({', '.join(state.name for state in states)}); got {given.shape}"
        )
    try:
        shape = np.broadcast_shapes(volts.shape, given.shape[1:], own)
    except ValueError:
        raise ParameterError(
            f"`v` {volts.shape}, `x` {given.shape} and the parameters {own} do not fit together"
        ) from None
    low, high = bounds
    lift = (count, *(1,) * (len(shape) - low.ndim + 1), *low.shape[1:])
    low, high = low.reshape(lift), high.reshape(lift)
    slack = 1e-9 * (high - low)
    whole = np.broadcast_to(
        given.reshape(count, *(1,) * (len(shape) - given.ndim + 1), *given.shape[1:]),
        (count, *shape),
    )
    bad = (whole < low - slack) | (whole > high + slack)
    if bad.any():
        s = int(np.argwhere(bad)[0][0])
        raise ParameterError(
            f"state `{states[s].name}` = {float(whole[bad][0]):g} {states[s].unit} is out of its "
            f"range, {np.min(low[s]):g} to {np.max(high[s]):g}"
        )
    return np.broadcast_to(volts, shape), np.clip(whole, low, high), shape


def range_parameters(state: str, names: Iterable[str]) -> tuple[str, str] | None:
    """Return the parameters that are the ends of a state's range by their names, or None.

    Those of ``w`` are ``w_min`` and ``w_max``, or ``wmin`` and ``wmax``, in any case.
    """
    known = {name.lower(): name for name in reversed(list(names))}
    for low, high in _ENDS:
        found = known.get(low.format(state).lower()), known.get(high.format(state).lower())
        if found[0] is not None and found[1] is not None:
            return found[0], found[1]
    return None
