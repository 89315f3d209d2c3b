"""The pulses of both directions for an array, from trials of single cells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.errors import ParameterError
from ..core.validation import Array
from ..netlists.crossbar.crossbar import Crossbar
from ..solvers import Solver
from .calibrate import check_reach, pulse_window
from .ladder import Ladder
from .polarity import typical
from .pulses import PulseTrain
from .schemes import Operation, Scheme

__all__ = ["SHAPES", "Search", "Shape", "find_ladders"]

_STEPS = 30.0  # from the first to the last voltage
_WITHIN = 0.999  # of the highest conductance: windows of models end at the bound
_PAST = 0.5  # of the lowest target: a RESET may end there
SHAPES = ("v_start", "v_step", "v_max", "width", "rise", "fall", "algorithm", "growth")
"""The arguments of `program` that ladders say."""
_LEAST = 1e-6  # of a target: conductance of a cell that hardly has any


@dataclass(frozen=True)
class Shape:
    """What all pulses have in common; the arguments of `program`."""

    rise: float | None
    fall: float | None
    algorithm: Any
    growth: float


class Search:
    """Search for the ladders of an array.

    Parameters
    ----------
    xbar : Crossbar
    targets, tolerance : (M, N)
        Siemens; relative.
    scheme : Scheme
    v_limit : float
        Volt.
    solver : Solver, optional
    """

    def __init__(
        self, xbar: Crossbar, targets: Array, tolerance: Array, scheme: Scheme, v_limit: float,
        solver: Solver | None,
    ) -> None:
        self.xbar, self.scheme = xbar, scheme
        self.targets, self.tolerance = targets, tolerance
        self.v_limit, self.solver = v_limit, solver
        cells: Any = xbar.cells
        self.own: Array = cells.conductance
        low, high = typical(cells.device).conductance_range()
        self.low, self.high = float(np.ravel(low)[0]), float(np.ravel(high)[0])

    def ladders(
        self, shape: Shape, given_set: dict[str, float | None], given_reset: dict[str, float | None]
    ) -> dict[int, Ladder]:
        """Return the ladder of SET, +1, and of RESET, -1.

        `given_set`, `given_reset` hold what the user gave of `v_start`, `v_step`, `v_max` and
        `width`.

        Raises
        ------
        ParameterError
            A value out of its range, pulses that do not move the cells, or a target that they
            cannot reach.
        """
        if shape.algorithm not in ("amplitude", "width"):
            raise ParameterError(
                f'`algorithm` must be "amplitude" or "width"; got {shape.algorithm!r}'
            )
        # SET starts at the array's own conductances, RESET where a SET may end
        lowest = self._inside(min(float(self.own.min()), _PAST * float(self.targets.min())))
        up, top = self._ladder("set", lowest, shape, given_set)
        if math.isnan(top):
            top = 0.95 * self.high
        top = max(top, float(self.targets.max()), float(self.own.max()))
        down, bottom = self._ladder("reset", self._inside(top), shape, given_reset)
        if bottom < lowest:  # an abrupt RESET ends further down
            up, _ = self._ladder("set", self._inside(bottom), shape, given_set)
        return {1: up, -1: down}

    def _inside(self, g: float) -> float:
        """Return a conductance that a typical device can have and leave again."""
        least = max(self.low, _LEAST * float(self.targets.min()))
        return min(max(g, least), _WITHIN * self.high)

    def _ladder(
        self, operation: Operation, begin: float, shape: Shape, given: dict[str, float | None]
    ) -> tuple[Ladder, float]:
        """Return the pulses of one direction, and where trial cells end, NaN without trials."""
        start, step, most, width = (given[n] for n in ("v_start", "v_step", "v_max", "width"))
        least, abrupt, end = None, False, math.nan
        if start is None or most is None or width is None:
            found = pulse_window(
                self.xbar, operation, float(self.targets.min()), float(self.targets.max()),
                g_start=begin, scheme=self.scheme, width=width,
                move=0.5 * float(self.tolerance.min()), v_limit=self.v_limit, solver=self.solver,
            )
            self._check(operation, found.pulse)
            abrupt, end = found.abrupt, found.g_end
            if start is None:
                start, least = found.v_start, found.v_least
            most = max(found.v_max, 1.2 * start) if most is None else most
            width = found.pulse.width
        if step is None:
            step = max((most - start) / _STEPS, 1e-3 * most)
        pulse = PulseTrain(width, rise=shape.rise, fall=shape.fall)
        return Ladder(
            start, step, most, pulse, shape.algorithm, shape.growth, v_least=least, abrupt=abrupt
        ), end

    def _check(self, operation: Operation, pulse: PulseTrain) -> None:
        """Check that the cells which first go in this direction can arrive."""
        sign = 1.0 if operation == "set" else -1.0
        near = self.targets * (1.0 - sign * self.tolerance)
        needed = sign * (near - self.own) > 0.0
        if not needed.any():
            return
        far = np.where(needed, sign * near, -np.inf)
        i, j = map(int, np.unravel_index(int(np.argmax(far)), near.shape))
        check_reach(
            self.xbar, operation, self._inside(float(self.own[i, j])), float(near[i, j]),
            scheme=self.scheme, pulse=pulse, v_limit=self.v_limit, solver=self.solver,
            what=f"`targets[{i}, {j}]` = {self.targets[i, j]:.4g} S",
        )


def find_ladders(
    xbar: Crossbar, targets: Array, tolerance: float, scheme: Scheme, options: Mapping[str, Any],
) -> tuple[Ladder, Ladder]:
    """Return the ladders of SET and RESET that `program` would find for an array.

    Parameters
    ----------
    xbar : Crossbar
    targets : (M, N) siemens
    tolerance : float
    scheme : Scheme
    options : mapping
        Of the arguments of `program` those that shape pulses, such as `v_start` or `width`; others
        are not looked at.

    Raises
    ------
    ParameterError
        As `Search.ladders`.
    """
    search = Search(
        xbar, targets, np.full(targets.shape, tolerance), scheme, options.get("v_limit", 4.0),
        options.get("solver"),
    )
    shape = Shape(
        options.get("rise"), options.get("fall"), options.get("algorithm", "amplitude"),
        options.get("growth", 1.5),
    )
    sides: list[dict[str, float | None]] = [{}, {}]
    for name in SHAPES[:4]:
        value = options.get(name)
        pair = value if isinstance(value, (tuple, list)) else (value, value)
        if len(pair) != 2:
            raise ParameterError(f"`{name}` must be a number or a pair (set, reset); got {value!r}")
        for side, one in zip(sides, pair, strict=True):
            side[name] = one
    found = search.ladders(shape, *sides)
    return found[1], found[-1]
