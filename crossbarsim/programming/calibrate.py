"""Search for the pulse voltages of a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.errors import ConvergenceError, ParameterError
from ..core.settings import checks_arguments
from ..core.validation import Array
from ..devices import OneTransistorOneResistor
from ..netlists.crossbar.crossbar import Crossbar
from ..solvers import Solver
from .polarity import sample_cells, set_sign
from .pulses import PulseTrain
from .schemes import Gated, Lines, Operation, Scheme
from .writing import drive_lines

__all__ = ["Window", "pulse_window"]

_WIDTHS = tuple(10.0**k for k in range(-7, 2))
_TRY = np.geomspace(0.02, 10.0, 28)
_FINE = 24
_GAIN = 0.05  # of the way that a ten times longer pulse must go further
_SAFE = 0.9  # of the voltage that hardly moves a cell, on cells that are not selected
_MARGIN = 1.3  # of v_max over what a cell without wires needs


@dataclass(frozen=True)
class Window:
    """Range of voltages in which pulses of one width program a cell.

    Attributes
    ----------
    v_start : float
        Volt that changes a cell by about half the tolerance.
    v_max : float
        Volt, with some margin, at which one pulse takes it through the whole range of targets.
    pulse : PulseTrain

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
    volts = _TRY[v_limit >= _TRY]
    best: tuple[_Search, _Found] | None = None
    for seconds in _WIDTHS if width is None else (width,):
        search = _Search(
            xbar, operation, (g_low, g_high, g_start), scheme, PulseTrain(seconds), solver
        )
        found = search.around(volts, move)
        if found.first is None:
            continue
        if best is not None and not found.better(best[1], volts):
            break
        best = search, found
        if found.last is not None and scheme.share * found.ratio(volts) < _SAFE:
            break
    if best is None:
        raise ParameterError(
            f"no {operation.upper()} pulse of {width or _WIDTHS[-1]:g} s up to {v_limit:g} V moves "
            "the cells: the pulse is too short, or the access element does not let enough current "
            "through; raise `width` or the gate voltage, or give `v_start`, `v_step`, `v_max` and "
            "`width`"
        )
    search, found = best
    first, last = found.first or 0, found.last
    low = 0.0 if first == 0 else volts[first - 1]
    high = volts[-1] if last is None else volts[last]
    fine = np.linspace(low, high, _FINE + 1)[1:]
    closer = search.around(fine, move)
    start = fine[-1 if closer.first is None else closer.first]
    most = fine[-1 if closer.last is None else closer.last]
    quiet = start - (fine[1] - fine[0])
    v_max = max(_MARGIN * most, 1.2 * start)
    if scheme.share > 0:  # the margin must not move unselected cells
        v_max = max(min(v_max, _SAFE * quiet / scheme.share), most)
    return Window(float(start), float(v_max), search.pulse)


@dataclass(frozen=True)
class _Found:
    """Index of the first voltage that moves a cell, and of the first that takes it all the way.

    `reach` is the largest share of the way, logarithmic.
    """

    first: int | None
    last: int | None
    reach: float

    def ratio(self, volts: Array) -> float:
        """Return the ratio of the voltages that change a cell completely and just not."""
        if self.first is None or self.last is None:
            return float("inf")
        return float(volts[self.last] / volts[max(self.first - 1, 0)])

    def better(self, other: _Found, volts: Array) -> bool:
        """Whether these pulses go further than the shorter ones of `other`, or disturb less.

        Where an access element limits, longer pulses do not go further.
        """
        if other.last is None:
            return self.last is not None or self.reach > other.reach + _GAIN
        return self.last is not None and self.ratio(volts) < other.ratio(volts)


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

    def _conductances_after(self, volts: Array, g: float) -> Array:
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
        whole = self._conductances_after(volts, start)
        moved = np.zeros(len(volts), dtype=bool)
        for g, after in ((start, whole), (middle, self._conductances_after(volts, middle))):
            moved[: len(after)] |= sign * (after / g - 1.0) > move
        full = sign * (whole - goal) >= -0.02 * goal
        way = full.astype(float)
        if start != goal:
            way = np.log(np.maximum(whole, 1e-30) / start) / np.log(goal / start)
        return _Found(
            int(np.argmax(moved)) if moved.any() else None,
            int(np.argmax(full)) if full.any() else None,
            float(np.max(way, initial=0.0)),
        )
