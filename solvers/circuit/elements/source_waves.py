"""Many sources in time at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....core.validation import Array
from ....netlists.sources import Pulse, Sine, Source, corners_of
from ....netlists.sources.corners import Corners, corners_among

__all__ = ["WaveTable"]


class WaveTable:
    """Values and corners of the waves of E sources, some of which have none.

    Pulses are evaluated as arrays, all other waves one by one.

    Parameters
    ----------
    waves : sequence of Source or None
    """

    def __init__(self, waves: Sequence[Source | None]) -> None:
        self.waves = [(k, w) for k, w in enumerate(waves) if w is not None]
        # a few are quicker one by one
        pulses = [(k, w) for k, w in self.waves if type(w) is Pulse]
        if len(pulses) < 12:
            pulses = []
        chosen = {k for k, _ in pulses}
        self.single = [(k, w) for k, w in self.waves if k not in chosen]
        self.pulses = np.array([k for k, _ in pulses], dtype=np.int64)
        if pulses:
            self._fields = [
                np.array([float(getattr(w, name)) for _, w in pulses])
                for name in ("v1", "v2", "delay", "rise", "width", "fall")
            ]
            self._period = np.array([
                np.inf if w.period is None else float(w.period) for _, w in pulses
            ])
            self._count = np.array([
                np.inf if w.count is None else float(w.count) for _, w in pulses
            ])

    def values(self, t: float, level: Array) -> Array:
        """Return the values at `t`; sources without a wave have `level`."""
        if not self.waves:
            return level
        out = level.copy()
        for k, wave in self.single:
            out[k] = wave.at(t)
        if len(self.pulses):
            v1, v2, delay, rise, width, fall = self._fields
            s = t - delay
            turns = np.floor(np.maximum(s, 0.0) / self._period)
            turns = np.minimum(turns, self._count - 1)
            s = s - turns * np.where(turns > 0, self._period, 0.0)
            up = np.clip(s / rise, 0.0, 1.0)
            down = np.clip((s - rise - width) / fall, 0.0, 1.0)
            out[self.pulses] = np.where(
                s <= rise + width, v1 + (v2 - v1) * up, v2 + (v1 - v2) * down
            )
        return out

    def corners(self, t_stop: float) -> Sequence[Corners]:
        """Return what tells the corners up to `t_stop` of each wave."""
        # a sine has one corner, where it begins
        return [
            corners_among(np.array([wave.delay])) if isinstance(wave, Sine)
            else corners_of(wave, t_stop) for _, wave in self.waves
        ]
