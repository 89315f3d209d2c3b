"""When a transient has stopped getting anywhere."""

from __future__ import annotations

from collections import Counter

__all__ = ["Pace"]

_WINDOW = 1000
_MOST = 1e7
_REFUSED = 0.2


class Pace:
    """Watches how far the steps of a run get.

    Every 1000 steps tried it reckons how many more the rest of the run takes at their pace. More
    than 1e7 twice in a row, a fifth of the steps refused, or 20 times in a row whatever is refused,
    is no progress: a short burst of fine steps is let pass, an endless one is not.

    Parameters
    ----------
    stop : float, second
    """

    def __init__(self, stop: float) -> None:
        self._stop, self._from = stop, 0.0
        self._tried = self._refused = self._slow = self._stuck = 0
        self._places: Counter[int] = Counter()

    def refused(self, place: int) -> None:
        """Count a step that was refused, for what happens at the unknown `place` (or -1)."""
        self._refused += 1
        self._places[place] += 1

    def creeps(self, t: float) -> str:
        """Count a step, after which the run is at t; return what is wrong, or nothing."""
        self._tried += 1
        if self._tried < _WINDOW:
            return ""
        moved = t - self._from
        more = _WINDOW * (self._stop - t) / moved if moved > 0.0 else float("inf")
        slow = more > _MOST
        self._slow = self._slow + 1 if slow else 0
        self._stuck = self._stuck + 1 if slow and self._refused >= _REFUSED * _WINDOW else 0
        if self._stuck >= 2 or self._slow >= 20:
            return (f"the run creeps: of the last {_WINDOW} steps {self._refused} were refused, "
                    f"and at their pace the rest takes {more:.1g} steps")
        self._from, self._tried, self._refused = t, 0, 0
        if not slow:
            self._places.clear()
        return ""

    @property
    def place(self) -> int:
        """The unknown for which most steps were refused lately, or -1."""
        known = [(k, n) for k, n in self._places.most_common() if k >= 0]
        return known[0][0] if known else -1
