"""What drives a crossbar in time, compiled to source voltages at any moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.validation import Array
from ...netlists.crossbar.crossbar import Crossbar
from ...netlists.crossbar.ends import END_NAMES
from ...netlists.crossbar.waveforms import LineWaves, Waveforms, Waves, read_waves
from ...netlists.sources import corners_of
from ...netlists.sources.corners import Corners, corners_among
from ..integration.corners import MOST_AT_ONCE, corner_parts, distinct_corners

__all__ = ["Drive", "compile_drive"]

Line = Callable[[float], Array]


@dataclass(frozen=True, eq=False)
class Drive:
    """Source voltages in time.

    Attributes
    ----------
    ends : callable, t -> four arrays (M,), (M,), (N,), (N,), volt
    gates : callable, t -> gate voltages in the form that the cells take, or None
    corners : what tells, for each wave, the times at which its slope jumps
    stop : the run's end, second
    """

    ends: Callable[[float], tuple[Array, Array, Array, Array]]
    gates: Callable[[float], Any]
    corners: Sequence[Corners]
    stop: float

    def times(self) -> Iterator[float]:
        """Yield the times that steps must meet, the end last."""
        return distinct_corners(corner_parts(self.corners, self.stop), self.stop)

    def samples(self) -> list[float]:
        """Return times at which every wave shows how large it becomes; of very many the first."""
        first = [told(0.0, MOST_AT_ONCE) for told in self.corners]
        found = np.unique(np.concatenate([np.array([0.0, self.stop]), *first]))
        times: list[float] = found[(found >= 0.0) & (found <= self.stop)].tolist()
        return times


def _compiled(waves: Waves, t_stop: float) -> tuple[Line, list[Corners]]:
    """Return the lines' voltages as a function of time, and what tells where its slope jumps."""
    if waves.table is not None:
        t, whole = waves.table

        def table(now: float) -> Array:
            k = int(np.clip(np.searchsorted(t, now, side="right") - 1, 0, len(t) - 2))
            share = float(np.clip((now - t[k]) / (t[k + 1] - t[k]), 0.0, 1.0))
            return np.ascontiguousarray(whole[k] + share * (whole[k + 1] - whole[k]))

        return table, [corners_among(t)]
    distinct = list(dict.fromkeys(waves.sources))
    where = np.array([distinct.index(s) for s in waves.sources])
    corners = [corners_of(s, t_stop) for s in distinct]
    return (lambda now: np.array([s.at(now) for s in distinct])[where]), corners


def compile_drive(
    xbar: Crossbar, waveforms: Waveforms, t_stop: float | None, gate: LineWaves | None,
    gate_lines: int | None,
) -> Drive:
    """Compile the drive of `xbar`; see `Solver.transient`."""
    given, last = read_waves(xbar, waveforms, t_stop, gate, gate_lines)
    waves = {name: _compiled(entry, last) for name, entry in given.items()}
    static: dict[str, Array] = {}
    for name in END_NAMES:
        end = xbar.line_ends[name]
        static[name] = np.where(end.connected, end.voltage, 0.0)

    def ends(now: float) -> tuple[Array, Array, Array, Array]:
        driven = waves[""][0](now) if "" in waves else None
        found = []
        for name in END_NAMES:
            volts = static[name]
            if name in waves:
                volts = waves[name][0](now)
            elif driven is not None and name.startswith("word"):
                volts = np.where(np.isnan(volts), driven, volts)
            found.append(np.ascontiguousarray(volts, dtype=np.float64))
        return found[0], found[1], found[2], found[3]

    every = [corners for _, those in waves.values() for corners in those]
    gates: Callable[[float], Any] = waves["gate"][0] if "gate" in waves else (lambda _now: None)
    return Drive(ends, gates, every, last)
