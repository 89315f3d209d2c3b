"""When a transient has stopped getting anywhere."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from ...core.errors import ConvergenceError

__all__ = ["StallError", "StallMonitor", "StallRules"]


class StallError(ConvergenceError):
    """A run that gets nowhere; the run adds which of its elements are to blame.

    Attributes
    ----------
    time : float, second
    reason : str
    place : int
        The unknown to blame, or -1.
    creeping : bool
        Whether steps are still taken, but far too short ones.
    """

    def __init__(
        self, time: float, reason: str, place: int = -1, *, creeping: bool = False
    ) -> None:
        super().__init__(f"at t = {time:.6g} s time steps became too short ({reason})")
        self.time, self.reason, self.place, self.creeping = time, reason, place, creeping


@dataclass(frozen=True, slots=True)
class StallRules:
    """What is no progress any more.

    Attributes
    ----------
    failures : float
        Steps of a run that Newton's iteration may fail.
    jumps : float
        Steps of a run that may be taken at the resolution of time whatever their error: a switching
        too fast to be followed, which an implicit step ends. 0: none, a step so short is refused.
    window : int
        Steps tried between two looks at how far the run has got; 0: none.
    """

    failures: float = math.inf
    jumps: float = 0.0
    window: int = 0


_MOST = 1e7  # steps that the rest of a run may take at the present pace
_REFUSED = 0.2  # of the steps tried
_TWICE, _LONG = 2, 20  # looks in a row
_BETWEEN = 20  # steps to a corner, at most, where the corners make steps short


class StallMonitor:
    """Watches how far the steps of a run get.

    Every `window` steps tried it reckons how many more the rest of the run takes at their pace.
    More than 1e7 twice in a row, a fifth of the steps refused, or 20 times in a row whatever is
    refused, is no progress: a short burst of fine steps is let pass, an endless one is not. Steps
    that are short because the sources' corners lie close are what was asked for.

    Parameters
    ----------
    rules : StallRules
    stop : float, second
    """

    def __init__(self, rules: StallRules, stop: float) -> None:
        self.rules = rules
        self._stop, self._from = stop, 0.0
        self._window = rules.window or math.inf
        self._tried = self._refused = self._met = self._slow = self._stuck = 0
        self._places: Counter[int] = Counter()

    def refused(self, place: int) -> None:
        """Count a step that was refused, for what happens at the unknown `place` (or -1)."""
        self._refused += 1
        self._places[place] += 1

    def met(self) -> None:
        """Count a corner of the sources that was met."""
        self._met += 1

    def count(self, time: float, tried: int, refused: int, met: int) -> None:
        """Count many steps that were tried up to `time`, and what came of them.

        Raises
        ------
        StallError
            The run creeps.
        """
        self._refused += refused
        self._met += met
        self._tried += tried
        if self._tried >= self._window:
            self._judge_pace(time)

    def tried(self, time: float) -> None:
        """Count a step that was tried from `time` on.

        Raises
        ------
        StallError
            The run creeps.
        """
        self._tried += 1
        if self._tried >= self._window:
            self._judge_pace(time)

    def _judge_pace(self, time: float) -> None:
        moved, count = time - self._from, self._tried
        more = count * (self._stop - time) / moved if moved > 0.0 else math.inf
        slow = more > _MOST and count > _BETWEEN * self._met
        self._slow = self._slow + 1 if slow else 0
        self._stuck = self._stuck + 1 if slow and self._refused >= _REFUSED * count else 0
        if self._stuck >= _TWICE or self._slow >= _LONG:
            raise StallError(
                time, f"the run creeps: of the last {count} steps {self._refused} were refused, "
                f"and at their pace the rest takes {more:.1g} steps", self.place, creeping=True,
            )
        self._from, self._tried, self._refused, self._met = time, 0, 0, 0
        if not slow:
            self._places.clear()

    @property
    def place(self) -> int:
        """The unknown for which most steps were refused lately, or -1."""
        known = [(k, n) for k, n in self._places.most_common() if k >= 0]
        return known[0][0] if known else -1
