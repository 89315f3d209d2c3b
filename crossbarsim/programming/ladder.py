"""Incremental step pulse programming (ISPP): which pulse a cell gets next."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..core.errors import ParameterError
from ..core.npz import field
from ..core.settings import Settings
from ..core.validation import Array
from .pulses import PulseTrain

__all__ = ["Ladder", "Rungs"]

Mask = NDArray[np.bool_]

_FINEST = 1.0 / 64.0  # of a step
_STILL = 1e-3  # relative change by the strongest pulse that is no change
_LEAST_MOVE = 0.25  # of what is left: a cell that moves less gets a stronger pulse
_JUMP = 0.3  # logarithm, beyond the target: that cell switches abruptly
_CAUTION = 0.08  # largest move of such a cell that is aimed at, logarithm; halved by every jump
_MOST_CAUTIOUS = 0.01
_DROP = 4.0  # levels at once, at most
_ROUND = 0.5  # of a step: levels of such cells, so that one pulse serves several
_SLOPE = 0.5  # of the logarithm of a move, per level
_FEEDBACK = 8.0  # by how much a move speeds the next one up, logarithm per logarithm
_SHORTER = 0.25  # width of a pulse in place of one that moves a cell by too much
_MOST_SHORT = 12  # times
_ALIKE = 0.125  # of a step: levels of other cells
_NEAR = 1.0  # levels: one that is lower by that does not move the cell
_SOFTENS = 20.0  # levels by which the one that does not move a cell falls, per logarithm of a move
# of `Rungs`: one number per cell; the same for both directions
_EACH = ("climb", "still", "passed", "last", "last_direction", "before")
_BOTH = ("level", "step", "caution", "shorter", "quiet", "moving")
_SHORTEST = 0.1  # of the first pulse, for a cell that this one takes past its target


@dataclass(frozen=True)
class Ladder(Settings):
    """The pulses of one direction, SET or RESET, in the order of their strength.

    Parameters
    ----------
    v_start, v_step, v_max : float
        Volt. "amplitude": level k is a pulse of v_start + k v_step, at most v_max. "width":
        every pulse has v_start.
    pulse : PulseTrain
        Of level 0.
    algorithm : {"amplitude", "width"}
    growth : float
        > 1. "width": every level is longer by this factor, up to `longest` times the first.
    longest : float
        >= 1.
    v_least : float, optional
        Volt, <= v_start. A cell that the first pulse takes past its target gets weaker ones, down
        to this voltage ("width": down to a tenth of the width). Default: `v_start`, that is none.
    abrupt : bool
        Trial cells ran through the whole range within one pulse: approach targets with care.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> from crossbarsim.programming import Ladder, PulseTrain
    >>> ladder = Ladder(v_start=0.8, v_step=0.1, v_max=1.5, pulse=PulseTrain(100e-9))
    >>> ladder.top, [round(ladder.at(level)[0], 2) for level in (0, 1, 9)]  # volt
    (7.0, [0.8, 0.9, 1.5])
    """

    v_start: float
    v_step: float
    v_max: float
    pulse: PulseTrain
    algorithm: Literal["amplitude", "width"] = "amplitude"
    growth: float = 1.5
    longest: float = 1e3
    v_least: float | None = None
    abrupt: bool = False

    def __post_init__(self) -> None:
        if self.algorithm not in ("amplitude", "width"):
            raise ParameterError(
                f'`algorithm` must be "amplitude" or "width"; got {self.algorithm!r}'
            )
        for name in ("v_start", "v_step", "v_max"):
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and np.isfinite(value) and value > 0):
                raise ParameterError(f"`{name}` must be a voltage > 0; got {value!r}")
        if self.v_max < self.v_start:
            raise ParameterError(
                f"`v_max` = {self.v_max:g} V is below `v_start` = {self.v_start:g} V"
            )
        if not (self.growth > 1.0 and self.longest >= 1.0):
            raise ParameterError("`growth` must be > 1 and `longest` >= 1")
        if self.v_least is not None and not 0.0 < self.v_least <= self.v_start:
            raise ParameterError(f"`v_least` must be > 0 and <= `v_start`; got {self.v_least!r}")

    @property
    def top(self) -> float:
        """The strongest level."""
        if self.algorithm == "amplitude":
            return float(np.ceil((self.v_max - self.v_start) / self.v_step))
        return float(np.ceil(np.log(self.longest) / np.log(self.growth)))

    @property
    def bottom(self) -> float:
        """The weakest level, <= 0."""
        if self.v_least is None:
            return 0.0
        if self.algorithm == "amplitude":
            return (self.v_least - self.v_start) / self.v_step
        return float(np.log(_SHORTEST) / np.log(self.growth))

    def at(self, level: float, shorter: int = 0) -> tuple[float, PulseTrain]:
        """Return the voltage and the pulse of a level, which may be fractional or negative.

        The pulse is shorter by a factor of four to the power of `shorter`.
        """
        p = self.pulse
        volts, scale = self.v_start, _SHORTER**shorter
        if self.algorithm == "amplitude":
            volts = min(self.v_start + level * self.v_step, self.v_max)
        else:
            scale *= min(self.growth**level, self.longest)
        if scale == 1.0:
            return volts, p
        # ramps of a tenth of the width are nobody's wish: shorter pulses keep their shape
        ramps = [None if scale < 1.0 and t == 0.1 * p.width else t for t in (p.rise, p.fall)]
        return volts, PulseTrain(
            p.width * scale, rise=ramps[0], fall=ramps[1], count=p.count, gap=p.gap
        )


class Rungs:
    """Level of each cell of a row on the ladders of both directions.

    A cell that moves by less than a quarter of what is left gets a stronger pulse; one that would
    pass its target if it moved like that again gets a weaker one. Both are judged by conductance,
    its logarithm and resistance, whichever says that it is nearest. A cell that passed its target
    takes the other ladder; when it comes back, it starts lower and goes in smaller steps. Where
    the next lower level does not move it at all, as with a threshold, its pulses become shorter.

    A cell that jumped far beyond its target switches abruptly: the further it gets, the less
    voltage it takes to run away. It is led to the target in moves of a few per cent: the next
    level follows from the last move, its speeding up and what is left; and when the cell comes
    back, it starts from the level that moved it at that conductance before.

    Parameters
    ----------
    count : int
    ladders : dict
        By direction, +1 (SET) and -1 (RESET).

    Attributes
    ----------
    still : (count,) int
        Strongest pulses in a row that did not move the cell.
    passed : (count,) int
        How often the cell went past its target.
    """

    def __init__(self, count: int, ladders: dict[int, Ladder]) -> None:
        self.top = {d: ladder.top for d, ladder in ladders.items()}
        self.bottom = {d: ladder.bottom for d, ladder in ladders.items()}
        self.level = {d: np.zeros(count) for d in (1, -1)}
        self.step = {d: np.ones(count) for d in (1, -1)}
        self.caution = {
            d: np.full(count, _CAUTION if ladder.abrupt else math.inf)
            for d, ladder in ladders.items()
        }
        self.shorter = {d: np.zeros(count, dtype=int) for d in (1, -1)}
        self.quiet = {d: np.full(count, -math.inf) for d in (1, -1)}  # level without a reaction
        self.moving = {d: np.full(count, -math.inf) for d in (1, -1)}  # last with one
        # (logarithm of the ratio, level that moved the cell from there)
        self.known: dict[tuple[int, int], list[tuple[float, float]]] = {}
        self.climb = np.zeros(count)  # last rise, of cells that did not react to it
        self.still = np.zeros(count, dtype=int)
        self.passed = np.zeros(count, dtype=int)
        self.last = np.zeros(count, dtype=int)  # direction of the last pulse
        self.last_direction = np.ones(count, dtype=int)
        self.before = np.ones(count)  # ratio before it

    def to_arrays(self) -> dict[str, Array | NDArray[np.int64]]:
        """Return all that differs between one set of rungs and another by name."""
        found: dict[str, Any] = {name: getattr(self, name) for name in _EACH}
        for name in _BOTH:
            found[name] = np.stack([getattr(self, name)[d] for d in (1, -1)])
        found["known"] = np.array(
            [(*key, *entry) for key, entries in self.known.items() for entry in entries]
        ).reshape(-1, 4)
        return found

    def take(self, data: Mapping[str, Any]) -> None:
        """Take over what `to_arrays` returned of rungs of as many cells.

        Raises
        ------
        NetlistError
            An array is of another type or shape.
        KeyError
            An array is missing.
        """
        count = len(self.still)
        for name in _EACH:
            mine = getattr(self, name)
            setattr(self, name, field(data, name, (count,)).astype(mine.dtype))
        for name in _BOTH:
            found, mine = field(data, name, (2, count)), getattr(self, name)
            for d, row in zip((1, -1), found, strict=True):
                mine[d] = row.astype(mine[d].dtype)
        self.known = {}
        for k, d, x, level in field(data, "known", (len(data["known"]), 4)).tolist():
            self.known.setdefault((int(k), int(d)), []).append((x, level))

    def update(self, ratio: Array, tolerance: Array) -> None:
        """Update the levels after a read: conductances over targets, (n,), all > 0."""
        for k in map(int, np.flatnonzero(self.last)):
            d = int(self.last[k])
            now, was, slack = float(ratio[k]), float(self.before[k]), float(tolerance[k])
            level = float(self.level[d][k])
            still = abs(now / was - 1.0) < _STILL
            self.still[k] = self.still[k] + 1 if still and level >= self.top[d] else 0
            if still:
                self.quiet[d][k] = level
            else:
                self.moving[d][k] = level
                self.quiet[d][k] -= _SOFTENS * abs(math.log(now / was))
            if d * (now - 1.0) > slack:
                self.passed[k] += 1
                level += self._passed(k, d, level, now, was, slack)
            elif self.caution[d][k] < math.inf:
                level += self._led(k, d, level, now, was, slack)
            else:
                level += self._free(k, d, now, was, slack)
            self.level[d][k] = min(max(level, self.bottom[d]), self.top[d])

    def _passed(
        self, k: int, d: int, level: float, now: float, was: float, slack: float
    ) -> float:
        """Return the change of the level of a cell that passed its target."""
        self.climb[k] = 0.0
        jumped = abs(math.log(now)) > _JUMP
        if jumped:
            half = 0.5 * float(self.caution[d][k])
            self.caution[d][k] = max(_MOST_CAUTIOUS, min(_CAUTION, half))
        if self._threshold(k, d, level, d * math.log(now / was)):
            self._shorten(k, d, abs(math.log(now / was)) / max(slack, _STILL))
            self.known.setdefault((k, d), []).append((math.log(was), level))
            return 0.0
        if jumped:
            self.known.setdefault((k, d), []).append((math.log(was), level - 2.0))
        self.step[d][k] = max(_FINEST, 0.5 * float(self.step[d][k]))
        return -2.0 * float(self.step[d][k])

    def _threshold(self, k: int, d: int, level: float, move: float) -> bool:
        """Whether the next lower level did not move a cell that now moved by `move`."""
        return bool(self.quiet[d][k] + _SOFTENS * move >= level - _NEAR)

    def _shorten(self, k: int, d: int, excess: float) -> None:
        """Shorten the pulses of a cell that moves by `excess` times too much."""
        more = round(-math.log(max(excess, 1.0)) / math.log(_SHORTER))
        self.shorter[d][k] = min(self.shorter[d][k] + min(max(more, 1), 3), _MOST_SHORT)

    def _led(
        self, k: int, d: int, level: float, now: float, was: float, slack: float
    ) -> float:
        """Return the change of the level of a cell that is led to its target."""
        move = d * math.log(now / was)
        if move < _STILL:
            return self._rise(k, d, level, 1.0)
        want = min(float(self.caution[d][k]), max(0.5 * abs(math.log(now)), 0.5 * slack, _STILL))
        change = (math.log(want / move) - _FEEDBACK * move) / _SLOPE
        change = min(max(change, -_DROP), 1.0)
        if change < -_NEAR and self._threshold(k, d, level, move):
            self._shorten(k, d, move / want)
            change = 0.0
        elif level + change < self.quiet[d][k]:
            change = min(0.0, float(self.quiet[d][k]) - level)
        self.known.setdefault((k, d), []).append((math.log(was), level + min(change, 0.0)))
        return change

    def _rise(self, k: int, d: int, level: float, change: float) -> float:
        """Return the change of the level of a cell that needs more.

        At a level that moved it before it first gets longer pulses again.
        """
        if self.shorter[d][k] > 0 and level >= self.moving[d][k]:
            self.shorter[d][k] -= 1
            return 0.0
        return change

    def _free(self, k: int, d: int, now: float, was: float, slack: float) -> float:
        """Return the change of the level of a cell that has not jumped yet."""
        step = float(self.step[d][k])
        share = _share_of_way(was, now, 1.0 + d * slack)
        climb, change = 0.0, 0.0
        if share > 1.0:
            change = -step
        elif share < _LEAST_MOVE:
            # without any reaction the fine steps after a pass grow again
            still = abs(now / was - 1.0) < _STILL
            climb = max(min(1.0, 2.0 * float(self.climb[k])) if still else 0.0, step)
            change = climb = self._rise(k, d, float(self.level[d][k]), climb)
        self.climb[k] = climb
        return change

    def _returns(self, k: int, d: int, ratio: float) -> None:
        """Take a level for a cell that is to be led in this direction again.

        That of the nearest conductance on its way at which a level is known: there less voltage
        is needed than here, if not the same.
        """
        here = math.log(ratio)
        ahead = [(d * (x - here), level) for x, level in self.known.get((k, d), ())
                 if d * (x - here) >= 0.0]
        level = min(ahead)[1] if ahead else 0.0
        self.level[d][k] = min(max(level, self.bottom[d]), self.top[d])

    def groups(self, ratio: Array, pending: Mask) -> list[tuple[int, float, int, Mask]]:
        """Return (direction, level, shorter, cells (n,) bool) of the next pulses; weakest first."""
        direction = np.where(ratio < 1.0, 1, -1)
        keys: dict[tuple[int, float, int], Mask] = {}
        for k in map(int, np.flatnonzero(pending)):
            d = int(direction[k])
            led = self.caution[d][k] < math.inf
            if led and self.last[k] != d:
                self._returns(k, d, float(ratio[k]))
            unit = _ROUND if led else min(_ALIKE, float(self.step[d][k]))
            level = round(float(self.level[d][k]) / unit) * unit
            level = min(max(level, self.bottom[d]), self.top[d])
            key = (d, level, int(self.shorter[d][k]))
            keys.setdefault(key, np.zeros(len(ratio), dtype=bool))[k] = True
        self.last = np.where(pending, direction, 0)
        self.last_direction = np.where(pending, direction, self.last_direction)
        self.before = ratio.copy()
        return [(*key, keys[key]) for key in sorted(keys)]


def _share_of_way(was: float, now: float, goal: float) -> float:
    """Return the last move, from `was` to `now`, relative to what is left to `goal`."""
    best = -math.inf
    log_was, log_now = math.log(was), math.log(now)
    for before, after, end in (
        (was, now, goal), (log_was, log_now, math.log(goal)), (-1.0 / was, -1.0 / now, -1.0 / goal)
    ):
        left = end - after
        best = max(best, (after - before) / left if left else math.inf)
    return best
