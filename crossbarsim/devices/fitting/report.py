"""The report of a fit in words."""

from __future__ import annotations

import numpy as np

from .fitted import Fitted
from .measured.sweeps import MeasuredSweep

__all__ = ["notes_of", "report"]

_WEAKEST = 3  # weak directions that are told
_PLATEAU = 6  # points at one current while the voltage moves


def report(fit: Fitted) -> str:
    """Return the fit as text: a line per parameter, then what has to be known."""
    name = type(fit.device).__name__
    many = len(fit.problem.sweeps)
    head = f"{name}: {fit.points} points of {many} sweep{'s' * (many > 1)}"
    lines = [f"{head}, rms {_percent(fit.rms)}, noise {_percent(fit.noise)}"]
    intervals = fit.intervals()
    width = max(len(axis.name) for axis in fit.problem.axes)
    for axis in fit.problem.axes:
        low, high = intervals[axis.name]
        mark = " (not determined)" if axis.name in fit.undetermined else ""
        lines.append(
            f"  {axis.name:<{width}} = {fit.values[axis.name]:.6g} {axis.symbol:<8} 95 %: "
            f"{low:.4g} to {high:.4g}{mark}"
        )
    for k, title in enumerate(fit.problem.names[len(fit.problem.axes):]):
        del k
        lines.append(f"  {title}: {fit.values[title]:.4g} of the state's range")
    lines += [f"- {note}" for note in notes_of(fit)]
    return "\n".join(lines)


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"


def notes_of(fit: Fitted) -> tuple[str, ...]:
    """Return what has to be known about a fit, a sentence each."""
    notes = []
    if not fit.describes:
        notes.append(
            f"{type(fit.device).__name__} does not describe these data: the residuals are "
            f"{fit.rms / fit.noise:.3g} times the noise" if fit.noise > 0 else
            f"{type(fit.device).__name__} does not describe these data: the residuals are "
            f"{_percent(fit.rms)}, the data show no noise"
        )
        notes[-1] += (
            f" (chi-square {fit.chi_square:.3g} per degree of freedom) and follow one another "
            f"(correlation {fit.lag:.2f}); the intervals do not hold: try another model with "
            "`compare`, other starts, or wider ranges"
        )
    ended = fit.determination.ended
    if ended:
        verb = "is at an end of its range" if len(ended) == 1 else "are at ends of their ranges"
        notes.append(f"{', '.join(ended)} {verb}: widen it with `free={{name: (low, high)}}`")
    silent = [n for n in fit.determination.silent if not n.startswith("start of")]
    if silent:
        verb = "has" if len(silent) == 1 else "have"
        notes.append(
            f"{', '.join(silent)} {verb} no influence on these data at all: nothing can be said"
        )
    jumping = [n for n in fit.determination.jumping if not n.startswith("start of")]
    if jumping:
        verb = "acts" if len(jumping) == 1 else "act"
        notes.append(
            f"{', '.join(jumping)} {verb} only by the points between which the device switches: "
            f"linearised intervals do not see it, `profile({jumping[0]!r}, reach=0.05)` does"
        )
    if fit.values.get("r_on", 0.0) > fit.values.get("r_off", np.inf):
        notes.append(
            "r_on is above r_off: the device was measured the other way round, "
            f"`fixed={{'polarity': {-fit.device.polarity}}}`"
        )
    loose = [n for n in fit.undetermined if n not in silent and n not in jumping]
    if loose:
        verb = "is" if len(loose) == 1 else "are"
        notes.append(f"{', '.join(loose)} {verb} not determined by these data")
    if loose and fit.describes:
        notes += [
            f"{weak.text}: only their combination is known" for weak in fit.weak[:_WEAKEST]
            if sum(abs(x) > 0.15 for x in weak.move.values()) > 1 and np.isfinite(weak.spread)
        ]
        notes.append(
            "intervals are linearised, and too narrow along such a valley: "
            '`intervals(method="profile")` follows it'
        )
    if fit.undetermined and fit.describes:
        notes.append(_advice(fit))
    if not fit.complete:
        notes.append("the search was ended by its `budget`: a better minimum may be there")
    for k, sweep in enumerate(fit.problem.sweeps):
        limit = _plateau(sweep)
        if limit:
            notes.append(
                f"sweep {k + 1} stays at {limit:.3g} A while its voltage moves: if the source "
                "limited the current, give it as `compliance`"
            )
    return tuple(notes)


def _advice(fit: Fitted) -> str:
    """Return what to measure next."""
    advice = fit.advice
    if advice is None:
        return "no other ramp rate, amplitude or train of pulses would tell much more: fix some"
    widths = {n: advice.half_widths[n] for n in fit.undetermined if n in advice.half_widths}
    told = ", ".join(f"{name} to {100 * w:.2g} %" for name, w in widths.items() if w < 0.5)
    left = ", ".join(name for name, w in widths.items() if w >= 0.5)
    result = told or f"intervals {advice.gain:.2g} times as narrow"
    rest = f" (but not {left})" if left and told else ""
    return f"{advice.text} would tell more: {result}{rest}, as the fitted model expects it"


def _plateau(sweep: MeasuredSweep) -> float:
    """Return the current at which a sweep without compliance stays, or 0."""
    if np.any(np.isfinite(sweep.limits)) or len(sweep) < 2 * _PLATEAU:
        return 0.0
    top = float(np.abs(sweep.i).max())
    flat = np.abs(sweep.i) > 0.995 * top
    moved = np.abs(np.diff(sweep.v)) > 1e-3 * np.abs(sweep.v).max()
    runs, longest = 0, 0
    for k in range(1, len(sweep)):
        runs = runs + 1 if flat[k] and flat[k - 1] and moved[k - 1] else 0
        longest = max(longest, runs)
    return top if longest >= _PLATEAU else 0.0
