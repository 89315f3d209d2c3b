"""Incremental step pulse programming (ISPP): which pulse a cell gets next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..core.errors import ParameterError
from ..core.settings import Settings
from ..core.validation import Array
from .pulses import PulseTrain

__all__ = ["Ladder", "Rungs"]

Mask = NDArray[np.bool_]

_FINEST = 0.125  # of a step
_STILL = 1e-3  # relative change by the strongest pulse that is no change
_LEAST_MOVE = 0.25  # of what is left: a cell that moves less gets a stronger pulse


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

    @property
    def top(self) -> float:
        """The strongest level."""
        if self.algorithm == "amplitude":
            return float(np.ceil((self.v_max - self.v_start) / self.v_step))
        return float(np.ceil(np.log(self.longest) / np.log(self.growth)))

    def at(self, level: float) -> tuple[float, PulseTrain]:
        """Return the voltage and the pulse of a level, which may be fractional."""
        p = self.pulse
        if self.algorithm == "amplitude":
            return min(self.v_start + level * self.v_step, self.v_max), p
        longer = min(self.growth**level, self.longest)
        return self.v_start, PulseTrain(
            p.width * longer, rise=p.rise, fall=p.fall, count=p.count, gap=p.gap
        )


class Rungs:
    """Level of each cell of a row on the ladders of both directions.

    A cell that moves by less than a quarter of what is left gets a stronger pulse; one that would
    pass its target if it moved like that again gets a weaker one. Both are judged by conductance,
    its logarithm and resistance, whichever says that it is nearest. A cell that passed its target
    takes the other ladder; when it comes back, it starts lower and goes in smaller steps.

    Parameters
    ----------
    count : int
    top : dict
        Strongest level by direction, +1 (SET) and -1 (RESET).

    Attributes
    ----------
    still : (count,) int
        Strongest pulses in a row that did not move the cell.
    """

    def __init__(self, count: int, top: dict[int, float]) -> None:
        self.top = top
        self.level = {d: np.zeros(count) for d in (1, -1)}
        self.step = {d: np.ones(count) for d in (1, -1)}
        self.still = np.zeros(count, dtype=int)
        self.last = np.zeros(count, dtype=int)  # direction of the last pulse
        self.before = np.ones(count)  # ratio before it

    def update(self, ratio: Array, tolerance: Array) -> None:
        """Update the levels after a read: conductances over targets, (n,), all > 0."""
        for k in np.flatnonzero(self.last):
            d = int(self.last[k])
            now, was, slack = float(ratio[k]), float(self.before[k]), float(tolerance[k])
            at_top = self.level[d][k] >= self.top[d] and abs(now / was - 1.0) < _STILL
            self.still[k] = self.still[k] + 1 if at_top else 0
            if d * (now - 1.0) > slack:  # passed
                self.step[d][k] = max(_FINEST, 0.5 * self.step[d][k])
                self.level[d][k] -= 2.0 * self.step[d][k]
            else:
                share = _share_of_way(was, now, 1.0 + d * slack)
                if share > 1.0:
                    self.level[d][k] -= self.step[d][k]
                elif share < _LEAST_MOVE:
                    self.level[d][k] += self.step[d][k]
            self.level[d][k] = min(max(self.level[d][k], 0.0), self.top[d])

    def groups(self, ratio: Array, pending: Mask) -> list[tuple[int, float, Mask]]:
        """Return (direction, level, cells (n,) bool) of the next pulses; weakest first."""
        direction = np.where(ratio < 1.0, 1, -1)
        keys: dict[tuple[int, float], Mask] = {}
        for k in np.flatnonzero(pending):
            d = int(direction[k])
            key = (d, round(float(self.level[d][k]) / _FINEST) * _FINEST)
            keys.setdefault(key, np.zeros(len(ratio), dtype=bool))[k] = True
        self.last = np.where(pending, direction, 0)
        self.before = ratio.copy()
        return [(d, level, keys[d, level]) for d, level in sorted(keys)]


def _share_of_way(was: float, now: float, goal: float) -> float:
    """Return the last move, from `was` to `now`, relative to what is left to `goal`."""
    shares = []
    for scale in (lambda g: g, math.log, lambda g: -1.0 / g):
        left = scale(goal) - scale(now)
        shares.append((scale(now) - scale(was)) / left if left else math.inf)
    return max(shares)
