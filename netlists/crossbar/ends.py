"""What each end of each line is tied to: drivers, ground, sense amplifiers, or nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import Array

__all__ = [
    "END_NAMES",
    "Amplifier",
    "Driven",
    "End",
    "EndArrays",
    "Ends",
    "Floating",
    "Grounded",
    "LoadResistor",
    "Sensed",
    "Transimpedance",
    "VirtualGround",
]

END_NAMES = ("word_left", "word_right", "bit_top", "bit_bottom")
"""The four ends, in the order in which results list them."""


def _number(name: str, value: object, *, positive: bool = False) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise ParameterError(f"`{name}` must be a real number; got {value!r}")
    number = float(value)
    low = number > 0 if positive else number >= 0
    if not (low and math.isfinite(number)):
        limit = "> 0" if positive else ">= 0"
        raise ParameterError(f"`{name}` must be finite and {limit}; got {number!r}")
    return number


@dataclass(frozen=True)
class VirtualGround(Settings):
    """An ideal sense amplifier: holds its line's end at 0 V and reads the current.

    Examples
    --------
    >>> from crossbarsim import Crossbar, Solver
    >>> Solver().solve(Crossbar([[1e-4]]), [0.1]).currents.round(9)  # the default end, ampere
    array([1.e-05])
    """


@dataclass(frozen=True)
class LoadResistor(Settings):
    """A read-out resistor to ground; its output is the voltage across it.

    Parameters
    ----------
    resistance : float
        Ohm, > 0.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> from crossbarsim import Crossbar, Ends, LoadResistor, Sensed, Solver
    >>> ends = Ends(bit_bottom=Sensed(LoadResistor(1e4)))
    >>> Solver().solve(Crossbar([[1e-4]], ends=ends), [0.1]).outputs.round(6)  # volt
    array([0.05])
    """

    resistance: float

    def __post_init__(self) -> None:
        _number("resistance", self.resistance, positive=True)


@dataclass(frozen=True)
class Transimpedance(Settings):
    """An inverting operational amplifier with a feedback resistor and finite gain.

    With gain A the input node sits at ``-v_out / A`` and the amplifier looks like the
    resistance ``r_feedback / (1 + A)`` to ground; ``v_out = -A v_in``.

    Parameters
    ----------
    r_feedback : float
        Ohm, > 0.
    gain : float
        Open-loop voltage gain, > 0; ``inf`` is the ideal amplifier.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> from crossbarsim import Crossbar, Ends, Sensed, Solver, Transimpedance
    >>> ends = Ends(bit_bottom=Sensed(Transimpedance(r_feedback=2e4)))
    >>> Solver().solve(Crossbar([[1e-4]], ends=ends), [0.1]).outputs.round(6)  # volt
    array([-0.2])
    """

    r_feedback: float
    gain: float = math.inf

    def __post_init__(self) -> None:
        _number("r_feedback", self.r_feedback, positive=True)
        if self.gain != math.inf:
            _number("gain", self.gain, positive=True)


Amplifier: TypeAlias = VirtualGround | LoadResistor | Transimpedance


@dataclass(frozen=True)
class Driven(Settings):
    """An end tied to a voltage source.

    Parameters
    ----------
    voltage : float, optional
        Volt. None takes the line's entry of the input vector V (word lines only).
    resistance : float
        Output resistance of the driver, ohm, >= 0, in series with `Wires.driver`.

    Raises
    ------
    ParameterError

    Examples
    --------
    Both word lines are driven from the left, the second one at a fixed voltage.

    >>> from crossbarsim import Crossbar, Driven, Ends, Solver
    >>> ends = Ends(word_left=[Driven(), Driven(voltage=0.2)])
    >>> xbar = Crossbar([[1e-4], [1e-4]], ends=ends)
    >>> Solver().solve(xbar, [0.1, 0.0]).currents.round(9)  # ampere
    array([3.e-05])
    """

    voltage: float | None = None
    resistance: float = 0.0

    def __post_init__(self) -> None:
        _number("resistance", self.resistance)
        if self.voltage is not None:
            _number("voltage", abs(self.voltage) if self.voltage == self.voltage else math.nan)


@dataclass(frozen=True)
class Grounded(Settings):
    """An end tied to ground.

    Parameters
    ----------
    resistance : float
        Ohm, >= 0, between the end and ground.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> from crossbarsim import Crossbar, Driven, Ends, Grounded, Solver
    >>> ends = Ends(word_left=Driven(resistance=1e4), word_right=Grounded(1e4))
    >>> sol = Solver().solve(Crossbar([[0.0]], ends=ends), [0.2])
    >>> sol.word_voltages.round(9)  # the cell is open: a divider, volt
    array([[0.1]])
    """

    resistance: float = 0.0

    def __post_init__(self) -> None:
        _number("resistance", self.resistance)


@dataclass(frozen=True)
class Floating(Settings):
    """An end tied to nothing: no current flows into it.

    Examples
    --------
    >>> from crossbarsim import Crossbar, Driven, Ends, Floating, Solver
    >>> ends = Ends(word_left=[Driven(), Floating()])
    >>> sol = Solver().solve(Crossbar([[1e-4], [1e-4]], ends=ends), [0.1, 0.0])
    >>> float(sol.end_currents["word_left"][1])
    0.0
    """


@dataclass(frozen=True)
class Sensed(Settings):
    """An end tied to a sense amplifier.

    Parameters
    ----------
    amplifier : VirtualGround, LoadResistor or Transimpedance
        Behind `Wires.sense`.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> from crossbarsim import Ends, LoadResistor, Sensed
    >>> Ends(bit_bottom=Sensed(LoadResistor(1e3))).bit_bottom
    Sensed(amplifier=LoadResistor(resistance=1000.0))
    """

    amplifier: Amplifier = field(default_factory=VirtualGround)

    def __post_init__(self) -> None:
        if not isinstance(self.amplifier, (VirtualGround, LoadResistor, Transimpedance)):
            raise ParameterError(
                "`amplifier` must be VirtualGround(), LoadResistor(...) or Transimpedance(...); "
                f"got {self.amplifier!r}"
            )


End: TypeAlias = Driven | Grounded | Floating | Sensed
_END_TYPES = (Driven, Grounded, Floating, Sensed)


@dataclass(frozen=True)
class Ends(Settings):
    """What the four ends of the lines are tied to.

    Each value is one object for all lines of that family or a sequence, one per line.

    Parameters
    ----------
    word_left, word_right : End or sequence of M Ends
        Left and right ends of the word lines.
    bit_top, bit_bottom : End or sequence of N Ends
        Ends of the bit lines above row 0 and below row M-1.

    Raises
    ------
    ParameterError

    Examples
    --------
    Lines driven from both sides: half of the drop along them.

    >>> from crossbarsim import Crossbar, Driven, Ends, Solver, Wires
    >>> xbar = Crossbar([[1e-4]], Wires(word=100.0), Ends(word_right=Driven()))
    >>> (1e6 * Solver().solve(xbar, [0.1]).currents).round(3)  # microampere
    array([9.95])
    """

    word_left: End | Sequence[End] = field(default_factory=Driven)
    word_right: End | Sequence[End] = field(default_factory=Floating)
    bit_top: End | Sequence[End] = field(default_factory=Floating)
    bit_bottom: End | Sequence[End] = field(default_factory=Sensed)

    def __post_init__(self) -> None:
        for name in END_NAMES:
            value = getattr(self, name)
            if isinstance(value, _END_TYPES):
                continue
            items = value if isinstance(value, Sequence) and not isinstance(value, str) else None
            if items is None or not all(isinstance(item, _END_TYPES) for item in items):
                raise ParameterError(
                    f"`{name}` must be Driven(), Grounded(), Floating() or Sensed(), or a sequence "
                    f"of them, one per line; got {value!r:.80}"
                )
            object.__setattr__(self, name, tuple(items))

    def per_line(self, name: str, count: int) -> tuple[End, ...]:
        """Return the `count` end objects of the end `name`, one per line."""
        value = getattr(self, name)
        if isinstance(value, _END_TYPES):
            return (value,) * count
        if len(value) != count:
            raise ParameterError(f"`{name}` has {len(value)} ends for {count} lines")
        return tuple(value)


class EndArrays:
    """One end of a family of n lines as arrays, for the solvers.

    Every kind of end is, seen from the line, a fixed voltage behind a resistance. The arrays are
    made when asked for: where all lines are equal the solvers need only `uniform`.

    Attributes
    ----------
    kind : str
        "open" where no line is connected, "input" where all take their entry of V, "zero" where
        all are connected to 0 V, else "mixed".
    uniform : tuple or None
        (connected, resistance, voltage, transresistance) where all lines are equal.
    """

    def __init__(
        self,
        count: int,
        uniform: tuple[bool, float, float, float] | None,
        arrays: tuple[Any, Array, Array, Array] | None = None,
    ) -> None:
        self.count = count
        self.uniform = uniform
        self._arrays = arrays
        if uniform is not None:
            on, _, volts, _ = uniform
            level = "input" if math.isnan(volts) else ("zero" if volts == 0.0 else "mixed")
            self.kind = level if on else "open"
        else:
            self.kind = "mixed" if self.connected.any() else "open"

    def _array(self, k: int) -> Any:
        if self._arrays is not None:
            return self._arrays[k]
        if self.uniform is None:
            raise AssertionError("an end has arrays or is uniform")
        return np.full(self.count, self.uniform[k])

    @cached_property
    def connected(self) -> NDArray[np.bool_]:
        """(n,), False where the end floats or its outer segment is broken."""
        connected: NDArray[np.bool_] = self._array(0)
        return connected

    @cached_property
    def resistance(self) -> Array:
        """(n,) ohm from the line's last crosspoint node to the fixed voltage.

        Outer segment, driver or sense resistance, the end's own resistance and the amplifier's
        input resistance.
        """
        resistance: Array = self._array(1)
        return resistance

    @cached_property
    def voltage(self) -> Array:
        """(n,) volt, the fixed voltage; NaN where the line's entry of V is taken."""
        voltage: Array = self._array(2)
        return voltage

    @cached_property
    def transresistance(self) -> Array:
        """(n,) ohm, amplifier output per ampere into the end; NaN where there is no output."""
        transresistance: Array = self._array(3)
        return transresistance


def _scalars(end: End, driver: float, sense: float) -> tuple[bool, float, float, float]:
    """Return (connected, series resistance, voltage, transresistance) of one end."""
    if isinstance(end, Driven):
        voltage = math.nan if end.voltage is None else float(end.voltage)
        return True, end.resistance + driver, voltage, math.nan
    if isinstance(end, Grounded):
        return True, end.resistance, 0.0, math.nan
    if isinstance(end, Floating):
        return False, 0.0, 0.0, math.nan
    amplifier = end.amplifier
    if isinstance(amplifier, LoadResistor):
        return True, sense + amplifier.resistance, 0.0, amplifier.resistance
    if isinstance(amplifier, Transimpedance):
        r, a = amplifier.r_feedback, amplifier.gain
        ideal = a == math.inf
        return (True, sense + (0.0 if ideal else r / (1 + a)), 0.0,
                -r if ideal else -r * a / (1 + a))
    return True, sense, 0.0, math.nan


def end_arrays(
    ends: Ends, name: str, count: int, outer: Array, driver: Array, sense: Array
) -> EndArrays:
    """Compile the end `name` of `count` lines whose outer segments are `outer` ohm.

    `outer`, `driver` and `sense` are scalars or (n,); the last two are added to driven and sensed
    ends.
    """
    value = getattr(ends, name)
    if isinstance(value, _END_TYPES) and outer.ndim == driver.ndim == sense.ndim == 0:
        on, r, v, z = _scalars(value, float(driver), float(sense))
        first = float(outer)
        return EndArrays(count, (on and first < math.inf, first + r, v, z))
    outers, drivers, senses = (np.broadcast_to(a, count) for a in (outer, driver, sense))
    rows = [
        _scalars(end, float(drivers[k]), float(senses[k]))
        for k, end in enumerate(ends.per_line(name, count))
    ]
    on_all, r_all, v_all, z_all = (np.array(column) for column in zip(*rows, strict=True))
    connected = on_all & (outers < np.inf)
    return EndArrays(count, None, (connected, outers + r_all, v_all, z_all))
