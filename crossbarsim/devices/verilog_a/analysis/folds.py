"""Inner laws with several zeros: from which end the branch is found that begins at rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ....core.validation import Array
from ..algebra.calculus import evaluate
from ..algebra.terms import Term, Terms

__all__ = ["FOLD_STEP", "folded"]

FOLD_STEP = 0.02  # volt: of the search for the branch of a folded curve that begins at rest
_SHARES = (0.0, 0.01, 0.1, 0.5, 1.0)  # of the states' ranges, where it is looked for
_STEPS = 200  # of the voltage, from rest


def folded(
    t: Terms, law: Term, states: tuple[Term, ...], limits: list[tuple[Term, Term, Term]],
    numbers: Mapping[str, Any],
) -> int:
    """Return 0 where an inner law rises everywhere, 1 or -1 where it falls somewhere.

    Where it has several zeros then, that of the branch from rest is the first above y = 0 (1), or
    the first below y = v (-1).

    Parameters
    ----------
    law : Term
        Of the symbols "v", "y" and `states`.
    limits : list of tuple of Term
        Of every state: lowest and highest value first.
    numbers : mapping
        Of the parameters.
    """
    ends = [[float(evaluate(one, numbers)) for one in limit[:2]] for limit in limits]
    falls, first, last = False, 0, 0
    for share in _SHARES:
        at = {s: low + share * (high - low)
              for s, (low, high) in zip(states, ends, strict=True)}
        for volts in (-1.0, -0.3, 0.3, 1.0):
            y = np.linspace(min(0.0, volts), max(0.0, volts), 201)
            found = evaluate(law, numbers, {**at, t.symbol("v"): volts, t.symbol("y"): y})
            falls |= bool(np.any(found[1:] < found[:-1]))
        if falls:
            ahead, behind = _followed(t, law, at, numbers)
            first, last = first + ahead, last + behind
    return 0 if not falls else (-1 if last > first else 1)


def _followed(
    t: Terms, law: Term, at: Mapping[Term, Any], numbers: Mapping[str, Any]
) -> tuple[int, int]:
    """Follow the zero from rest to 1 V; return how often it is the first and the last of several.

    Up to the voltage at which its branch ends.
    """
    first, last = 0, 0
    before: float | None = None
    for volts in np.linspace(0.0, 1.0, _STEPS + 1)[1:]:
        y = np.linspace(0.0, volts, 401)
        found = evaluate(law, numbers, {**at, t.symbol("v"): volts, t.symbol("y"): y})
        zeros = _zeros(np.broadcast_to(found, y.shape), y)
        if not len(zeros):
            break
        now = float(zeros[np.argmin(np.abs(zeros - (before or 0.0)))] if before is not None
                    else zeros[0])
        if before is not None and abs(now - before) > 10.0 / _STEPS:
            break
        before = now
        if len(zeros) > 1:
            first += now == zeros[0]
            last += now == zeros[-1]
    return first, last


def _zeros(values: Array, y: Array) -> Array:
    """Return where values rise through 0."""
    rises = np.flatnonzero((values[:-1] <= 0.0) & (values[1:] > 0.0))
    share = -values[rises] / (values[rises + 1] - values[rises])
    return np.asarray(y[rises] + share * (y[rises + 1] - y[rises]))
