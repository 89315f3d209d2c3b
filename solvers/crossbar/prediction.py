"""Where Newton's iteration of an array's time step begins: on the line through two solved points.

For arrays by themselves and for those in circuits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...core.validation import Array
from ..integration.prediction import along_line
from .newton import Operating

__all__ = ["Guess", "predict"]


class Guess(NamedTuple):
    """What `Network.solve` starts from.

    Attributes
    ----------
    state : (S, M, N)
    inner : (M, N) volt
        Of the nodes inside of the cells.
    u, w : (M, N) volt
        Deviations of the lines' nodes from the unloaded lines.
    """

    state: Array
    inner: Array
    u: Array
    w: Array


def predict(
    now: Operating, before: Operating | None, ratio: float, low: Array, high: Array, *,
    states: tuple[Array, Array] | None = None,
) -> Guess:
    """Return where the line from `before` through `now` leads, states within their bounds.

    Parameters
    ----------
    now : Operating
    before : Operating, optional
        None: nowhere, the guess is `now`.
    ratio : float
        Time from `now` on, over the time between the two.
    low, high : (S, 1, 1) or (S, M, N)
        The states' bounds.
    states : (now, before), optional
        States instead of those of the solved points: noise has been added to them.
    """
    state, old = states or (now.point.state, None if before is None else before.point.state)
    if before is None or old is None:
        return Guess(np.clip(state, low, high), now.point.inner, now.u, now.w)
    return Guess(
        np.clip(along_line(state, old, ratio), low, high),
        along_line(now.point.inner, before.point.inner, ratio),
        along_line(now.u, before.u, ratio), along_line(now.w, before.w, ratio),
    )
