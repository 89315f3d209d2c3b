"""Search for the pulse voltages of a device."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.errors import ConvergenceError, ParameterError
from ..core.settings import checks_arguments
from ..core.validation import Array, number
from ..devices import OneSelectorOneResistor, OneTransistorOneResistor
from ..netlists.crossbar.crossbar import Crossbar
from ..solvers import Solver
from .polarity import sample_cells, set_sign
from .pulses import PulseTrain
from .schemes import Gated, Lines, Operation, Scheme
from .writing import drive_lines

__all__ = ["Window", "check_reach", "pulse_window"]

_WIDTHS = tuple(10.0**k for k in range(-7, 2))
_TRY = np.geomspace(0.02, 10.0, 28)
_FINE = 24
_GAIN = 0.05  # of the way that a ten times longer pulse must go further
_SAFE = 0.9  # of the voltage that hardly moves a cell, on cells that are not selected
_MARGIN = 1.3  # of v_max over what a cell without wires needs
_WEAKEST = 0.5  # of v_start, for cells that this takes past their target
_USELESS = 3  # decades of the width without a gain, after which longer pulses are not tried
_NEARLY = 0.98  # of the farthest that a pulse goes
_BEYOND = 0.2  # of the goal, logarithmic: an abrupt cell ends further beyond it
_STILL = 1e-3  # relative change by a pulse that is no change
_PULSES = 10  # one after the other, until a cell counts as one that can be moved


@dataclass(frozen=True)
class Window:
    """Range of voltages in which pulses of one width program a cell.

    Attributes
    ----------
    v_start : float
        Volt that changes a cell by about half the tolerance.
    v_max : float
        Volt, with some margin, at which one pulse takes it through the whole range of targets, or
        as far as it goes.
    pulse : PulseTrain
    abrupt : bool
        A slightly higher voltage takes a cell that hardly moved far beyond the targets.
    g_end : float
        Siemens, where a trial cell ends that goes through the whole range; NaN if unknown.

    Examples
    --------
    >>> from crossbarsim.programming import PulseTrain, Window
    >>> window = Window(v_start=1.5, v_max=2.1, pulse=PulseTrain(100e-9))
    >>> f"{window.pulse.width * 1e9:.0f} ns from {window.v_start} to {window.v_max} V"
    '100 ns from 1.5 to 2.1 V'
    """

    v_start: float
    v_max: float
    pulse: PulseTrain
    abrupt: bool = False
    g_end: float = float("nan")

    @property
    def v_least(self) -> float:
        """Volt, for cells that `v_start` takes past their target."""
        return _WEAKEST * self.v_start


@checks_arguments
def pulse_window(
    xbar: Crossbar, operation: Operation, g_low: float, g_high: float, *, scheme: Scheme,
    g_start: float | None = None, width: float | None = None, move: float = 0.02,
    v_limit: float = 4.0, solver: Solver | None = None,
) -> Window:
    """Find voltages for `operation` by pulsing single cells without wires.

    Parameters
    ----------
    xbar : Crossbar
    operation : {"set", "reset"}
    g_low, g_high : float
        Range of the targets, siemens.
    scheme : Scheme
    g_start : float, optional
        Siemens, initial conductance; default: the end of the range opposite to the goal.
    width : float, optional
        Second; default: the shortest of 100 ns, 1 us, 10 us, ... that takes a cell through the
        whole range below `v_limit` at a voltage that does not disturb unselected cells; if there
        is none, the one that comes nearest.
    move : float
        Relative change of the conductance that counts as the smallest useful one.
    v_limit : float
        Largest voltage that is tried, volt.

    Returns
    -------
    Window

    Raises
    ------
    ParameterError
        No voltage up to the limit moves a cell: the pulse is too short, or the gate too low.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Wires
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.programming import HalfVoltage, pulse_window
    >>> device = VTEAM.preset("magic")
    >>> xbar = Crossbar(cells=device.array(np.full((3, 3), 5e-6)), wires=Wires(2.0, 2.0))
    >>> window = pulse_window(xbar, "set", 1e-5, 1e-4, scheme=HalfVoltage(), width=10e-9)
    >>> f"SET from {window.v_start:.2f} to {window.v_max:.2f} V"
    'SET from 1.57 to 2.24 V'
    """
    g_low = number("g_low", g_low, low=0.0, open_low=True, unit="S")
    g_high = number("g_high", g_high, low=0.0, open_low=True, unit="S")
    volts = _voltages(v_limit)
    best: tuple[_Search, _Found] | None = None
    useless = 0
    for seconds in _WIDTHS if width is None else (width,):
        search = _Search(
            xbar, operation, (g_low, g_high, g_start), scheme, PulseTrain(seconds), solver
        )
        found = search.around(volts, move)
        if found.first is None:
            continue
        if best is not None and not found.better(best[1], volts):
            useless += 1
            if best[1].full or useless == _USELESS:
                break
            continue
        best, useless = (search, found), 0
        if found.full and scheme.share * found.ratio(volts) < _SAFE:
            break
    if best is None:
        raise ParameterError(
            f"no {operation.upper()} pulse of {width or _WIDTHS[-1]:g} s up to {v_limit:g} V moves "
            f"the cells: the pulse is too short, or {_limit(xbar, operation, scheme)}; raise "
            "`width` or the gate voltage, or give `v_start`, `v_step`, `v_max` and `width`"
        )
    search, found = best
    first = found.first or 0
    low = 0.0 if first == 0 else volts[first - 1]
    fine = np.linspace(low, volts[found.last], _FINE + 1)[1:]
    closer = search.around(fine, move)
    start = fine[-1 if closer.first is None else closer.first]
    most = fine[closer.last]
    quiet = start - (fine[1] - fine[0])
    v_max = max(_MARGIN * most, 1.2 * start)
    if scheme.share > 0:  # the margin must not move unselected cells
        v_max = max(min(v_max, _SAFE * quiet / scheme.share), most)
    return Window(float(start), float(v_max), search.pulse, closer.abrupt, closer.g_end)


def _voltages(v_limit: float) -> Array:
    volts: Array = _TRY[v_limit >= _TRY]
    if not len(volts):
        raise ParameterError(f"`v_limit` must be >= {_TRY[0]:g} V; got {v_limit!r}")
    return volts


def _limit(xbar: Crossbar, operation: Operation, scheme: Scheme) -> str:
    """Say what may keep the cells from switching."""
    if isinstance(scheme, Gated):
        return (
            f"the transistors at a gate of {scheme.on(xbar, operation):g} V do not let enough "
            "current through"
        )
    if isinstance(xbar.cells, OneSelectorOneResistor):
        return f"the selectors, {type(xbar.cells.selector).__name__}, take too much of the voltage"
    return "the device does not switch at such voltages"


def check_reach(
    xbar: Crossbar, operation: Operation, start: float, goal: float, *, scheme: Scheme,
    pulse: PulseTrain, v_limit: float, what: str, solver: Solver | None,
) -> None:
    """Raise a `ParameterError` where no train of pulses takes a cell from `start` to `goal`.

    Up to ten pulses, each at the best of the voltages up to `v_limit`, are given to a typical cell
    without wires; a cell that still moves then counts as one that arrives.
    """
    search = _Search(xbar, operation, (start, goal, start), scheme, pulse, solver)
    volts, sign = _voltages(v_limit), 1.0 if operation != "reset" else -1.0
    g = start
    for _ in range(_PULSES):
        after = search.conductances_after(volts, g)
        if not len(after):
            return
        end = float(sign * np.max(sign * after))
        if sign * (end - goal) >= 0.0:
            return
        if sign * (end / g - 1.0) < _STILL:
            raise ParameterError(
                f"{what} cannot be reached from {start:.4g} S: {operation.upper()} pulses of "
                f"{pulse.width:g} s up to {v_limit:g} V end at {end:.4g} S, as "
                f"{_limit(xbar, operation, scheme)}; raise "
                + ("the gate voltage, `Gated(gate_"
                   f"{'reset' if operation == 'reset' else 'set'}=...)`, "
                   if isinstance(scheme, Gated) else "")
                + "`width` or `v_limit`, or choose another target"
            )
        g = end


@dataclass(frozen=True)
class _Found:
    """What single cells did at the voltages.

    Index of the first voltage that moves a cell, and of the first that takes it all the way
    (`full`), or nearly as far as the best. `reach` is the largest share of the way, logarithmic.
    """

    first: int | None
    last: int
    full: bool
    reach: float
    abrupt: bool
    g_end: float

    def ratio(self, volts: Array) -> float:
        """Return the ratio of the voltages that change a cell completely and just not."""
        if self.first is None or not self.full:
            return float("inf")
        return float(volts[self.last] / volts[max(self.first - 1, 0)])

    def better(self, other: _Found, volts: Array) -> bool:
        """Whether these pulses go further than the shorter ones of `other`, or disturb less.

        Where an access element limits, longer pulses do not go further.
        """
        if not other.full:
            return self.full or self.reach > other.reach + _GAIN
        return self.full and self.ratio(volts) < other.ratio(volts)


class _Search:
    """Single cells at many voltages at once."""

    def __init__(
        self, xbar: Crossbar, operation: Operation, span: tuple[float, float, float | None],
        scheme: Scheme, pulse: PulseTrain, solver: Solver | None,
    ) -> None:
        cells: Any = xbar.cells
        self.cells = cells
        self.gate = scheme.on(xbar, operation) if isinstance(scheme, Gated) else 0.0
        self.sign = set_sign(self.cells.device) * (-1 if operation == "reset" else 1)
        self.up = operation != "reset"
        self.span = span
        self.pulse, self.solver = pulse, solver

    def conductances_after(self, volts: Array, g: float) -> Array:
        """Return conductances after a pulse of each voltage; the highest ones may be missing."""
        transistor = isinstance(self.cells, OneTransistorOneResistor)
        # no line may be negative below a transistor, so a negative voltage comes from the bits
        by_bit = transistor and self.sign < 0
        for count in range(len(volts), 0, -max(1, len(volts) // 7)):
            shape = (1, count) if by_bit else (count, 1)
            cells = sample_cells(self.cells, np.full(shape, g), self.gate)
            if by_bit:
                lines = Lines(np.zeros(1), volts[:count])
            else:
                lines = Lines((1.0 if transistor else self.sign) * volts[:count], np.zeros(1))
            try:
                found = drive_lines(
                    Crossbar(cells=cells), lines, self.pulse, rtol=1e-3, solver=self.solver
                )
            except ConvergenceError:  # a device that no transistor protects runs away
                continue
            after: Array = found.crossbar.conductance.ravel()
            return after
        return np.zeros(0)

    def around(self, volts: Array, move: float) -> _Found:
        """Pulse cells at the start of the range and in its middle."""
        low, high, begin = self.span
        start, goal = (low, high) if self.up else (high, low)
        start = start if begin is None else begin
        sign = 1.0 if self.up else -1.0
        middle = float(np.sqrt(low * high))
        whole = self.conductances_after(volts, start)
        moved = np.zeros(len(volts), dtype=bool)
        for g, after in ((start, whole), (middle, self.conductances_after(volts, middle))):
            moved[: len(after)] |= sign * (after / g - 1.0) > move
        if not len(whole):
            return _Found(int(np.argmax(moved)) if moved.any() else None, 0, False, 0.0, False,
                          float("nan"))
        full = sign * (whole - goal) >= -0.02 * goal
        gone = sign * np.log(np.maximum(whole, 1e-30) / start)
        left = sign * np.log(goal / start)
        last = int(np.argmax(full if full.any() else gone >= _NEARLY * gone.max()))
        # a resistance that falls evenly is no abrupt switching
        before = max(
            (scale(whole[last - 1]) - scale(start)) / (scale(goal) - scale(start))
            for scale in (float, math.log, lambda g: -1.0 / g)
        ) if last and left > 0.0 else 0.0
        return _Found(
            int(np.argmax(moved)) if moved.any() else None, last, bool(full.any()),
            1.0 if left <= 0.0 else float(np.max(gone / left, initial=0.0)),
            bool(full.any() and gone[last] - left > _BEYOND and before < 0.5),
            float(whole[last]),
        )
