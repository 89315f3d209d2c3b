"""What `Solver.transient_sensitivities` differentiates: numbers that follow from waveforms.

An objective is a function of a `Transient` that returns its value and, by name, its derivatives
with respect to the waveforms at the transient's time points; waveforms are linear between these
points. Any function will do, for instance one that asks a framework of automatic differentiation::

    def loss(run):
        v = torch.tensor(run["v(out)"], requires_grad=True)
        found = ((v - target) ** 2).mean()
        found.backward()
        return found.item(), {"v(out)": v.grad.numpy()}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import ParameterError
from ..core.settings import checks_arguments
from ..core.validation import Array

if TYPE_CHECKING:
    from .circuit.results.results import Transient

__all__ = ["Energy", "Integral", "Mean", "Objective", "Rms", "ValueAt"]

Found = tuple[float, Mapping[str, ArrayLike]]
Objective = Callable[["Transient"], Found] | Mapping[str, ArrayLike]


class _Window:
    """The part of a time axis between two times, both of which may lie between points."""

    def __init__(self, time: Array, start: float | None, stop: float | None) -> None:
        low = float(time[0] if start is None else start)
        high = float(time[-1] if stop is None else stop)
        slack = 1e-9 * float(time[-1] - time[0])
        if not (time[0] - slack <= low < high <= time[-1] + slack):
            raise ParameterError(
                f"`start` < `stop` must lie between {time[0]:g} s and {time[-1]:g} s; got "
                f"{low:g} and {high:g}"
            )
        inside = time[(time > low) & (time < high)]
        self.points = np.concatenate([[low], inside, [high]])
        self.steps = np.diff(self.points)
        self.span = high - low
        self.before, self.share = _between(time, self.points)
        self.count = len(time)

    def values(self, y: Array) -> Array:
        """Return y at the window's points."""
        return np.asarray((1.0 - self.share) * y[self.before] + self.share * y[self.before + 1])

    def back(self, left: Array, right: Array) -> Array:
        """Return derivatives with respect to y from those to both ends of the window's pieces."""
        each = np.append(left, 0.0)
        each[1:] += right
        found = np.zeros(self.count)
        np.add.at(found, self.before, (1.0 - self.share) * each)
        np.add.at(found, self.before + 1, self.share * each)
        return found


def _between(time: Array, points: Array) -> tuple[NDArray[np.intp], Array]:
    before = np.clip(np.searchsorted(time, points, side="right") - 1, 0, len(time) - 2)
    share = (points - time[before]) / (time[before + 1] - time[before])
    return before, share


@checks_arguments
@dataclass(frozen=True)
class ValueAt:
    """A waveform at one time.

    Parameters
    ----------
    name : str
        ``"v(out)"``, ``"v(a,b)"``, ``"i(v1)"``, or a memristor's state such as ``"n1#x"``, the
        share of its range.
    time : float, second

    Raises
    ------
    ParameterError
        Of the run that it is asked of: no such quantity, times outside of it.

    Examples
    --------
    >>> from crossbarsim import Circuit, Simulator
    >>> from crossbarsim.solvers import ValueAt
    >>> circuit = Circuit().V(1, "in", 0, 2.0).R(1, "in", "out", "1k").R(2, "out", 0, "1k")
    >>> simulator, objective = Simulator(), ValueAt("v(out)", 1e-3)
    >>> found = simulator.transient_sensitivities(circuit, objective, "1m", parameters=["r2"])
    >>> round(found.value, 9), round(1e3 * found["r2"], 9)  # volt, volt per kilohm
    (1.0, 0.5)
    """

    name: str
    time: float

    def __call__(self, run: Transient) -> Found:
        """Return the value and its derivatives."""
        time, at = run.time, np.array([float(self.time)])
        slack = 1e-9 * float(time[-1] - time[0])
        if not (time[0] - slack <= at[0] <= time[-1] + slack):
            raise ParameterError(
                f"`time` must lie between {time[0]:g} s and {time[-1]:g} s; got {self.time!r}"
            )
        before, share = _between(time, at)
        k, s = int(before[0]), float(share[0])
        slope = np.zeros(len(time))
        slope[k], slope[k + 1] = 1.0 - s, s
        return float(slope @ run[self.name]), {self.name: slope}


@checks_arguments
@dataclass(frozen=True)
class Integral:
    """The integral of a waveform over time; of a current the charge.

    Parameters
    ----------
    name : str
        As for `ValueAt`.
    start, stop : float, second, optional
        Default: the whole run.

    Raises
    ------
    ParameterError
        Of the run that it is asked of: no such quantity, times outside of it.

    Examples
    --------
    >>> from crossbarsim import Circuit, Simulator
    >>> from crossbarsim.solvers import Integral
    >>> circuit = Circuit().V(1, "in", 0, 2.0).R(1, "in", "out", "1k").R(2, "out", 0, "1k")
    >>> simulator, objective = Simulator(), Integral("v(out)")
    >>> found = simulator.transient_sensitivities(circuit, objective, "1m", parameters=["r2"])
    >>> round(found.value, 9), round(1e3 * found["r2"], 9)  # volt second, per kilohm
    (0.001, 0.0005)
    """

    name: str
    start: float | None = None
    stop: float | None = None

    def __call__(self, run: Transient) -> Found:
        """Return the value and its derivatives."""
        window = _Window(run.time, self.start, self.stop)
        half = 0.5 * window.steps
        slope = window.back(half, half)
        return float(slope @ run[self.name]), {self.name: slope}


@checks_arguments
@dataclass(frozen=True)
class Mean(Integral):
    """The mean of a waveform over time, in its unit; parameters as for `Integral`.

    Raises
    ------
    ParameterError
        Of the run that it is asked of: no such quantity, times outside of it.

    Examples
    --------
    >>> from crossbarsim import Circuit, Simulator
    >>> from crossbarsim.solvers import Mean
    >>> circuit = Circuit().V(1, "in", 0, 2.0).R(1, "in", "out", "1k").R(2, "out", 0, "1k")
    >>> simulator, objective = Simulator(), Mean("v(out)")
    >>> found = simulator.transient_sensitivities(circuit, objective, "1m", parameters=["r2"])
    >>> round(found.value, 9), round(1e3 * found["r2"], 9)  # volt, volt per kilohm
    (1.0, 0.5)
    """

    def __call__(self, run: Transient) -> Found:
        """Return the value and its derivatives."""
        window = _Window(run.time, self.start, self.stop)
        half = 0.5 * window.steps / window.span
        slope = window.back(half, half)
        return float(slope @ run[self.name]), {self.name: slope}


@checks_arguments
@dataclass(frozen=True)
class Rms(Integral):
    """The root mean square of a waveform, in its unit; parameters as for `Integral`.

    Raises
    ------
    ParameterError
        Of the run that it is asked of: no such quantity, times outside of it, a waveform that is 0
        throughout.

    Examples
    --------
    >>> from crossbarsim import Circuit, Simulator
    >>> from crossbarsim.solvers import Rms
    >>> circuit = Circuit().V(1, "in", 0, 2.0).R(1, "in", "out", "1k").R(2, "out", 0, "1k")
    >>> simulator, objective = Simulator(), Rms("v(out)")
    >>> found = simulator.transient_sensitivities(circuit, objective, "1m", parameters=["r2"])
    >>> round(found.value, 9), round(1e3 * found["r2"], 9)  # volt, volt per kilohm
    (1.0, 0.5)
    """

    def __call__(self, run: Transient) -> Found:
        """Return the value and its derivatives."""
        window = _Window(run.time, self.start, self.stop)
        y = window.values(run[self.name])
        a, b, h = y[:-1], y[1:], window.steps / (3.0 * window.span)
        value = math.sqrt(float(((a * a + a * b + b * b) * h).sum()))
        if value == 0.0:
            raise ParameterError(
                f"{self.name} is 0 throughout: its root mean square has no derivative there"
            )
        scale = h / (2.0 * value)
        return value, {self.name: window.back((2.0 * a + b) * scale, (a + 2.0 * b) * scale)}


@checks_arguments
@dataclass(frozen=True)
class Energy:
    """The energy that a voltage source delivers, joule.

    Parameters
    ----------
    source : str
        A voltage source (V, E, H), or an inductor.
    start, stop : float, second, optional
        Default: the whole run.

    Raises
    ------
    ParameterError
        Of the run that it is asked of: no such quantity, times outside of it.

    Examples
    --------
    >>> from crossbarsim import Circuit, Simulator
    >>> from crossbarsim.solvers import Energy
    >>> circuit = Circuit().V(1, "in", 0, 2.0).R(1, "in", "out", "1k").R(2, "out", 0, "1k")
    >>> simulator, objective = Simulator(), Energy("v1")
    >>> found = simulator.transient_sensitivities(circuit, objective, "1m", parameters=["r2"])
    >>> round(found.value, 9), round(1e3 * found["r2"], 9)  # joule, joule per kilohm
    (2e-06, -1e-06)
    """

    source: str
    start: float | None = None
    stop: float | None = None

    def __call__(self, run: Transient) -> Found:
        """Return the value and its derivatives."""
        element = run.circuit[self.source]
        window = _Window(run.time, self.start, self.stop)
        current, ends = f"i({element.name.lower()})", [f"v({n})" for n in element.nodes[:2]]
        v = window.values(run[ends[0]] - run[ends[1]])
        i = window.values(run[current])
        h = window.steps / 6.0

        def product(left: Array, right: Array) -> tuple[Array, Array]:
            return -h * (2.0 * left + right), -h * (left + 2.0 * right)

        by_v = product(i[:-1], i[1:])
        by_i = product(v[:-1], v[1:])
        value = float((v[:-1] * by_v[0] + v[1:] * by_v[1]).sum())
        if ends[0] == ends[1]:
            return value, {current: window.back(*by_i)}
        slope = window.back(*by_v)
        return value, {current: window.back(*by_i), ends[0]: slope, ends[1]: -slope}
