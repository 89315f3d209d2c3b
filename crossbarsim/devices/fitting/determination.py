"""What the data determine: spread along every direction, in words, and what would tell more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.errors import ConvergenceError, ParameterError
from ...core.validation import Array
from .least_squares.problem import Problem
from .least_squares.residuals import lag_correlation
from .least_squares.space import Axis
from .measured.sweeps import MeasuredSweep

__all__ = ["Determination", "Measurement", "WeakDirection", "advise", "determine"]

_LEVEL = 0.95
_LOOSE = 0.5  # half width of an interval, e-folds or share of the value: more says little
_FAR = 0.3  # e-folds, by which what has no slope is moved to see whether it acts at all
_PART = 0.15  # share of a direction's largest entry from which a parameter is named


@dataclass(frozen=True)
class WeakDirection:
    """Parameters that move together without a change of the curve that the noise would not hide.

    Attributes
    ----------
    move : dict
        The direction, of unit length: by parameter the change of ln|value| (of the value over the
        largest of its range, where that is searched linearly).
    spread : float
        Standard deviation along it.
    text : str
        In words.
    """

    move: dict[str, float]
    spread: float
    text: str


@dataclass(frozen=True)
class Measurement:
    """A measurement that would determine more, by the model itself.

    Attributes
    ----------
    text : str
        What to measure.
    sweep : MeasuredSweep
        Times and voltages; its current is what the fitted model expects.
    half_widths : dict
        By parameter the half width of the 95 % interval that is to be expected with it: of
        ln|value|, or relative to the largest of the range.
    gain : float
        By what factor the widest of the loose intervals gets narrower.
    """

    text: str
    sweep: MeasuredSweep
    half_widths: dict[str, float]
    gain: float


@dataclass(frozen=True)
class Determination:
    """Covariance of the coordinates, and what it means.

    Attributes
    ----------
    jacobian : (n, P)
    variance : float
        Of the residuals, with the factor for residuals that follow one another.
    lag : float
        Correlation of residuals with their neighbours.
    covariance : (P, P)
        Infinite where the data say nothing.
    loose : tuple of str
        Names of what is not determined.
    ended : tuple of str
        Names of what is at an end of its range.
    silent : tuple of str
        Names of what has no influence on the data at all.
    jumping : tuple of str
        Names of what has no slope, but moves a jump from one point of the data to another.
    weak : tuple of WeakDirection
    """

    jacobian: Array
    variance: float
    lag: float
    covariance: Array
    loose: tuple[str, ...]
    ended: tuple[str, ...]
    silent: tuple[str, ...]
    jumping: tuple[str, ...]
    weak: tuple[WeakDirection, ...]


def quantile(points: int, count: int, level: float = _LEVEL) -> float:
    """Return Student's two-sided quantile for `points` residuals and `count` parameters."""
    from scipy.special import stdtrit  # noqa: PLC0415 - slow to import

    return float(stdtrit(max(points - count, 1), 0.5 + 0.5 * level))


def covariance_of(information: Array) -> Array:
    """Return the inverse of an information matrix; infinite along what it does not see."""
    size = np.sqrt(np.diag(information))
    silent = size <= 1e-150
    size = np.where(silent, 1.0, size)
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    floor = 1e-15 * max(float(values.max()), 1e-300) * len(values)
    spread = 1.0 / np.where(values > floor, values, floor)
    found = (vectors * spread) @ vectors.T / np.outer(size, size)
    found[silent, :] = found[:, silent] = 0.0
    found[silent, silent] = np.inf
    return np.asarray(found)


def determine(problem: Problem, u: Array) -> Determination:
    """Return what the data determine at the minimum u."""
    r, jac = problem.residuals(u), problem.jacobian(u)
    n, count = jac.shape
    cuts = np.cumsum([int(used.sum()) for used in problem.used])[:-1]
    lag = min(max(lag_correlation(np.split(r, cuts)), 0.0), 0.98)
    variance = float(r @ r) / max(n - count, 1) * (1.0 + lag) / (1.0 - lag)
    # of data without any noise: what the simulation's own error leaves
    variance = max(variance, (1e2 * problem.rtol * 1e-3) ** 2)
    covariance = covariance_of(jac.T @ jac) * variance
    names = problem.names
    t = quantile(n, count)
    low, high = problem.bounds
    loose: list[str] = []
    ended: list[str] = []
    silent: list[str] = []
    jumping: list[str] = []
    for k, name in enumerate(names):
        if np.isinf(covariance[k, k]):
            (jumping if _jumps(problem, u, k, 0.5 * float(r @ r)) else silent).append(name)
        ends = min(u[k] - low[k], high[k] - u[k]) < 1e-4 * (high[k] - low[k])
        if ends and k < len(problem.axes):
            ended.append(name)
        # a start at a bound of the state's range is where most devices start
        bound = ends and k >= len(problem.axes)
        if not bound and half_width(problem, u, k, t * math.sqrt(covariance[k, k])) > _LOOSE:
            loose.append(name)
    return Determination(
        jac, variance, lag, covariance, tuple(loose), tuple(ended), tuple(silent),
        tuple(jumping), _weak(problem, u, jac, variance, t),
    )


def _jumps(problem: Problem, u: Array, k: int, cost: float) -> bool:
    """Return whether a parameter without a slope changes the residuals further away."""
    low, high = problem.bounds
    for step in (-_FAR, _FAR):
        point = np.array(u)
        point[k] = np.clip(u[k] + step, low[k], high[k])
        moved = problem.cost(point)
        if np.isfinite(moved) and abs(moved - cost) > 1e-3 * cost:
            return True
    return False


def half_width(problem: Problem, u: Array, k: int, width: float) -> float:
    """Return a half width of u_k relative to what is known without data, as of ln|value|."""
    if k >= len(problem.axes):
        return 1.5 * width  # a share of the state's range
    axis = problem.axes[k]
    if axis.scale == "log":
        return width
    own = max(abs(float(u[k])), 0.1 * (axis.bounds[1] - axis.bounds[0]))
    return width / own


def _weak(
    problem: Problem, u: Array, jac: Array, variance: float, t: float
) -> tuple[WeakDirection, ...]:
    """Return the directions along which the spread is large, the weakest first."""
    # of the triangle: the whole orthogonal matrix has a row and a column for every point
    _, sizes, vectors = np.linalg.svd(np.linalg.qr(jac, mode="r"), full_matrices=True)
    found = []
    for k, vector in enumerate(vectors):
        size = float(sizes[k]) if k < len(sizes) else 0.0
        spread = math.sqrt(variance) / size if size > 0 else np.inf
        largest = int(np.argmax(np.abs(vector)))
        if half_width(problem, u, largest, t * spread * abs(float(vector[largest]))) <= _LOOSE:
            continue
        move = {n: float(x) for n, x in zip(problem.names, vector, strict=True)}
        found.append((spread, move, _moved(problem, vector, size, variance)))
    found.sort(key=lambda one: -one[0])
    return tuple(WeakDirection(move, spread, text) for spread, move, text in found)


def _moved(problem: Problem, vector: Array, size: float, variance: float) -> str:
    """Return a move along a direction in words, and what it does to the curve."""
    largest = int(np.argmax(np.abs(vector)))
    step = math.log(2.0) / float(vector[largest])
    parts = []
    for k in np.argsort(-np.abs(vector)):
        if abs(vector[k]) < _PART * abs(vector[largest]):
            break
        name, move = problem.names[k], step * float(vector[k])
        if k < len(problem.axes):
            parts.append(f"{name} {_change(problem.axes[k], move)}")
        else:
            parts.append(f"the {name} by {move:+.2g} of the state's range")
    points = max(problem.points, 1)
    effect = abs(step) * size / math.sqrt(points)
    noise = math.sqrt(variance)
    share = f"{effect / noise:.2g} of the residuals" if noise > 0 else f"{effect:.1g}"
    return f"{' with '.join(parts)} changes the curve by {share}"


def _change(axis: Axis, move: float) -> str:
    if axis.scale == "log":
        return f"times {math.exp(move):.3g}"
    return f"by {move * axis.unit:+.3g} {axis.symbol}".rstrip()


def advise(problem: Problem, u: Array, found: Determination) -> Measurement | None:
    """Return the measurement that would narrow the loosest interval most, by the model itself.

    Candidates are the widest sweep at other ramp rates and with a larger amplitude, and trains of
    pulses of growing width; each is simulated with its sensitivities, and its information added to
    that of the data.
    """
    loose = [k for k, name in enumerate(problem.names)
             if name in found.loose and k < len(problem.axes)]
    if not loose:
        return None
    t = quantile(problem.points, problem.count)
    now = found.jacobian.T @ found.jacobian
    # per point of a candidate as much as per point of the data; never less than 0.5 %
    variance = max(found.variance, 2.5e-5)
    best: Measurement | None = None
    before = _widths(problem, u, covariance_of(now) * variance, t)
    for text, sweep in _candidates(problem):
        try:
            row = _information(problem, u, sweep)
        except (ConvergenceError, ParameterError):
            continue
        after = _widths(problem, u, covariance_of(now + row) * variance, t)
        gain = max(min(before[k], 1e6) for k in loose) / max(
            max(after[k] for k in loose), 1e-12)
        if best is None or gain > best.gain:
            half = {problem.names[k]: float(after[k]) for k in range(len(problem.axes))}
            best = Measurement(text, sweep, half, float(gain))
    return best if best is not None and best.gain > 1.5 else None


def _widths(problem: Problem, u: Array, covariance: Array, t: float) -> list[float]:
    return [half_width(problem, u, k, t * math.sqrt(max(float(covariance[k, k]), 0.0)))
            for k in range(problem.count)]


def _information(problem: Problem, u: Array, sweep: MeasuredSweep) -> Array:
    first, *_ = problem.sweeps
    twin = Problem(
        problem.device, problem.axes, (first,), problem.starts, problem.scale, rtol=problem.rtol
    )
    one = twin.runs(u, slopes=True, sweeps=(sweep,))[0]
    slope = problem.scale.slope(one.current)
    jac = slope[:, None] * one.slopes * problem.chain(u)
    if not np.all(np.isfinite(jac)):
        raise ConvergenceError("slopes are not finite")
    return np.asarray(jac.T @ jac)


def _candidates(problem: Problem) -> list[tuple[str, MeasuredSweep]]:
    """Return measurements that one could make, in words and as sweeps without a current."""
    base = max(problem.sweeps, key=lambda s: float(np.ptp(s.v)))
    limits = base.limits
    found = []
    for factor in (10.0, 0.1, 100.0, 0.01):
        t = base.t[0] + (base.t - base.t[0]) / factor
        how = f"{factor:g} times as fast" if factor > 1 else f"{1 / factor:g} times as slow"
        rate = f"{base.rate * factor:.3g} V/s"
        found.append((f"the same sweep {how} (a ramp rate of {rate})",
                      MeasuredSweep(t, base.v, base.v, limits)))
    top = float(np.abs(base.v).max())
    found.append((f"the same sweep with 1.3 times the voltage ({1.3 * top:.3g} V)",
                  MeasuredSweep(base.t, 1.3 * base.v, base.v, limits)))
    span = float(base.t[-1] - base.t[0])
    found += [_train(base, share, span) for share in (0.7, 0.9, 1.1)]
    return found


def _train(base: MeasuredSweep, share: float, span: float) -> tuple[str, MeasuredSweep]:
    """Return a train of pulses of growing width, both polarities in turn, with readings between."""
    up, down = share * float(base.v.max()), share * float(base.v.min())
    read = 0.1 * float(np.abs(base.v).max())
    widths = np.geomspace(1e-5 * span, 2e-2 * span, 12)
    t, v = [0.0], [0.0]

    def pulse(height: float, width: float) -> None:
        edge = 0.05 * width
        for step, level in ((edge, height), (width, height), (edge, 0.0)):
            t.append(t[-1] + step)
            v.append(level)

    levels: Sequence[float] = [x for x in (up, down) if abs(x) > 1e-3 * abs(up - down)]
    for level in levels:
        for width in widths:
            pulse(level, width)
            pulse(read, float(widths[3]))
    limit = float(np.min(base.limits))
    text = (
        f"a train of pulses of {' and '.join(f'{x:.3g} V' for x in levels)}, {widths[0]:.2g} s to "
        f"{widths[-1]:.2g} s wide, read at {read:.2g} V in between"
    )
    return text, MeasuredSweep(t, v, v, limit)
