"""What a deck asks for: analyses, saved quantities, measures, commands. Nothing here runs them.

The records of analyses call alike what is alike: `output` is a probe, `source` a source's name,
`sweep` or `sweeps` what is varied. Whoever checks a deck's names goes by that, not by the class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from ..core.errors import ParameterError
from ..core.units import spice_number
from ..core.validation import Array

if TYPE_CHECKING:
    from .spice.expressions.expression import Expression

__all__ = [
    "NAMES", "NUMBER_OPTIONS", "Ac", "Analysis", "Command", "Dc", "Event", "Four", "Measure",
    "Noise", "Op", "Options", "Place", "Points", "Save", "Sens", "Step", "Sweep", "Tf", "Tran",
    "check_steps",
]

Place = tuple[str, int] | None  # file and line
MOST_POINTS = 10_000_000
MOST_STEPS = 1_000_000_000  # of a run: days
# options that are numbers, never words
NUMBER_OPTIONS = frozenset((
    "abstol", "chgtol", "cshunt", "defad", "defas", "defl", "defw", "delmin", "fourgridsize",
    "gmin", "gminfactor", "gminsteps", "itl1", "itl2", "itl4", "itl6", "maxord", "minbreak",
    "nfreqs", "noopiter", "reltol", "resmin", "rseries", "rshunt", "scale", "seed", "srcsteps",
    "temp", "tnom", "trtol", "vntol", "wnflag", "xmu",
))


@dataclass(frozen=True)
class Points:
    """Values of a sweep.

    Attributes
    ----------
    variation : {"lin", "dec", "oct", "list", "step"}
        ``"lin"``: `number` values in all; ``"dec"`` and ``"oct"``: `number` per decade and octave,
        as in SPICE up to `stop`; ``"step"``: from `start` by `step` to `stop`.
    start, stop, step : float
    number : int
    listed : tuple of float
    """

    variation: str
    start: float = 0.0
    stop: float = 0.0
    number: int = 0
    step: float = 0.0
    listed: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.variation not in ("lin", "dec", "oct", "list", "step"):
            raise ParameterError(
                f"`variation` must be lin, dec, oct, list or step; got {self.variation!r}"
            )
        if self.variation == "list":
            if not self.listed:
                raise ParameterError("a sweep needs at least one value")
            return
        if not (math.isfinite(self.start) and math.isfinite(self.stop)):
            raise ParameterError("a sweep's start and stop must be finite")
        if self.variation == "step":
            if self.start != self.stop and not (self.stop - self.start) * self.step > 0:
                raise ParameterError(
                    f"`step` = {self.step:g} does not lead from {self.start:g} to {self.stop:g}"
                )
            many = (self.stop - self.start) / self.step if self.step else 0.0
        else:
            if self.number < 1:
                raise ParameterError(f"the number of points must be >= 1; got {self.number}")
            if self.variation != "lin" and not 0 < self.start <= self.stop:
                raise ParameterError(
                    f"a logarithmic sweep needs 0 < start <= stop; got {self.start:g} to "
                    f"{self.stop:g}"
                )
            decades = self.variation != "lin" and math.log10(self.stop / self.start)
            per = {"lin": 1.0, "dec": decades, "oct": decades / math.log10(2.0)}
            many = self.number * per[self.variation]
        if not many <= MOST_POINTS:
            raise ParameterError(f"a sweep of more than {MOST_POINTS} points")

    @property
    def values(self) -> Array:
        """The values, in order."""
        if self.variation == "list":
            return np.array(self.listed)
        if self.variation == "step":
            if self.step == 0:
                return np.array([self.start])
            # one more half step: the last value is not lost to rounding
            count = math.floor((self.stop - self.start) / self.step + 1e-6) + 1
            return self.start + self.step * np.arange(count, dtype=np.float64)
        if self.variation == "lin":
            return np.linspace(self.start, self.stop, self.number)
        base = 10.0 if self.variation == "dec" else 2.0
        span = math.log(self.stop / self.start) / math.log(base)
        count = math.floor(span * self.number + 1e-6) + 1
        exponents: Array = np.arange(count, dtype=np.float64) / self.number
        return self.start * np.power(base, exponents)

    @property
    def frequencies(self) -> Array:
        """The values as ``.ac`` has them: steps of decades are stretched to end at `stop`."""
        values = self.values
        count = len(values)
        if self.variation != "dec" or count < 2 or values[-1] == self.stop:
            return values
        return np.geomspace(self.start, self.stop, count)


@dataclass(frozen=True)
class Op:
    """The operating point."""

    where: Place = None


@dataclass(frozen=True)
class Sweep:
    """What is swept, and how.

    Attributes
    ----------
    kind : {"source", "resistor", "temperature", "parameter", "model", "element"}
        ``"model"``: the parameter `parameter` of the model `target`; ``"element"``: a value or a
        parameter of an element.
    target : str
        Lower case; ``"temp"`` for the temperature, degree Celsius.
    points : Points
    parameter : str
    """

    kind: str
    target: str
    points: Points
    parameter: str = ""


@dataclass(frozen=True)
class Dc:
    """Operating points over one sweep or more, the first is the inner one."""

    sweeps: tuple[Sweep, ...]
    where: Place = None


def check_steps(name: str, longest: float, stop: float) -> None:
    """Refuse a longest step, second, of which a run to `stop` would take days to take all."""
    if not stop <= MOST_STEPS * longest:
        raise ParameterError(
            f"`{name}` = {longest:g} s: a run to {stop:g} s takes {stop / longest:.3g} such steps; "
            f"at most {MOST_STEPS:,} are taken: lengthen it or shorten the run"
        )


@dataclass(frozen=True)
class Tran:
    """A transient.

    Attributes
    ----------
    step, stop, start : float
        Second: of the output, the end, and from when on results are kept.
    max_step : float, optional
        Second; None leaves it to the solver.
    uic : bool
        Start from the elements' initial values, without an operating point.
    """

    step: float
    stop: float
    start: float = 0.0
    max_step: float | None = None
    uic: bool = False
    where: Place = None

    def __post_init__(self) -> None:
        if not (self.stop > 0 and self.step > 0 and 0 <= self.start < self.stop):
            raise ParameterError(
                f"a transient needs step > 0 and 0 <= start < stop; got step {self.step:g} s, "
                f"start {self.start:g} s, stop {self.stop:g} s"
            )
        if self.max_step is not None and not self.max_step > 0:
            raise ParameterError(f"`max_step` must be > 0; got {self.max_step!r}")
        check_steps("max_step" if self.max_step else "step", self.max_step or self.step, self.stop)


@dataclass(frozen=True)
class Ac:
    """Small signals over frequency, hertz."""

    points: Points
    where: Place = None


@dataclass(frozen=True)
class Noise:
    """Noise at `output`, referred to the source `source`.

    Attributes
    ----------
    output : probe
        ``("v", a, b)``.
    source : str
    points : Points
        Hertz.
    summary : int
        Every how many points the contributions are kept; 0: never.
    """

    output: tuple[str, ...]
    source: str
    points: Points
    summary: int = 0
    where: Place = None


@dataclass(frozen=True)
class Tf:
    """Small-signal transfer from `source` to `output`, and both resistances."""

    output: tuple[str, ...]
    source: str
    where: Place = None


@dataclass(frozen=True)
class Sens:
    """Sensitivities of `output` to all parameters, at DC or over frequency."""

    output: tuple[str, ...]
    points: Points | None = None
    where: Place = None


@dataclass(frozen=True)
class Four:
    """Fourier analysis of the transient's last period of `frequency` hertz."""

    frequency: float
    outputs: tuple[Expression, ...]
    where: Place = None


@dataclass(frozen=True)
class Step:
    """All analyses, for every value of a sweep; several of them nest, the first is outermost."""

    sweep: Sweep
    where: Place = None


Analysis = Op | Dc | Tran | Ac | Noise | Tf | Sens | Four | Step
# of those that give a result, as dot commands and control blocks call them: "op", "dc", ...
NAMES = tuple(kind.__name__.lower() for kind in get_args(Analysis) if kind is not Step)


@dataclass(frozen=True)
class Save:
    """Quantities to keep, print or plot.

    Attributes
    ----------
    kind : {"save", "print", "plot", "probe"}
    analysis : str
        ``"tran"``, ``"ac"``, ``"dc"``, ``"op"``, ``"noise"``; empty: all.
    outputs : tuple of Expression
        Over probes; empty with `everything`.
    everything : bool
    """

    kind: str
    analysis: str
    outputs: tuple[Expression, ...]
    everything: bool = False
    where: Place = None


@dataclass(frozen=True)
class Event:
    """A moment of a measure: where `expression` crosses `level`.

    Attributes
    ----------
    expression : Expression, optional
        None with `at`.
    level : Expression, optional
        A number, or another curve.
    edge : {"rise", "fall", "cross"}
    count : int
        From 1; -1: the last.
    delay : float
        Second; crossings before do not count.
    at : float, optional
        The moment itself.
    """

    expression: Expression | None = None
    level: Expression | None = None
    edge: str = "cross"
    count: int = 1
    delay: float = 0.0
    at: float | None = None


@dataclass(frozen=True)
class Measure:
    """One ``.measure``.

    Attributes
    ----------
    name : str
    analysis : str
        ``"tran"``, ``"ac"``, ``"dc"``, ``"noise"``, ``"sp"``.
    kind : str
        ``"trig"`` (from `trig` to `targ`), ``"when"`` (the abscissa at `trig`), ``"find"`` (the
        value of `expression` at `trig`), ``"deriv"`` (its slope there), ``"avg"``, ``"rms"``,
        ``"min"``, ``"max"``, ``"pp"``, ``"integ"``, ``"min_at"``, ``"max_at"``, ``"param"`` (of
        other measures, which are its `Expression.names`).
    expression : Expression, optional
    trig, targ : Event, optional
    start, stop : float, optional
        Part of the abscissa that counts.
    """

    name: str
    analysis: str
    kind: str
    expression: Expression | None = None
    trig: Event | None = None
    targ: Event | None = None
    start: float | None = None
    stop: float | None = None
    where: Place = None


@dataclass(frozen=True)
class Command:
    """One line of a control block.

    Attributes
    ----------
    name : str
    arguments : tuple of str
        Words; of ``let`` the name and the expression.
    body, otherwise : tuple of Command
        Of ``foreach``, ``repeat``, ``while``, ``dowhile``, ``if``, and of ``else``.
    """

    name: str
    arguments: tuple[str, ...] = ()
    body: tuple[Command, ...] = ()
    otherwise: tuple[Command, ...] = ()
    where: Place = None


class Options(dict[str, float | str]):
    """Options of SPICE; calling it sets some and returns the circuit."""

    def __init__(self, circuit: Any) -> None:
        super().__init__()
        self._circuit = circuit

    def __call__(self, **values: object) -> Any:
        """Set options, such as ``reltol=1e-6``: numbers, or words such as ``method="gear"``.

        ``temp``, in degree Celsius, sets the circuit's `temperature`, kelvin.
        """
        for k, v in values.items():
            word = isinstance(v, str) and v.isidentifier() and k.lower() not in NUMBER_OPTIONS
            self[k.lower()] = str(v).lower() if word else spice_number(k, v)
        if "temp" in self:
            self._circuit.temperature = 273.15 + float(self.pop("temp"))
        return self._circuit
