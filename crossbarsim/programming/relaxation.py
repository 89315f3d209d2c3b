"""A write pulse by waveform relaxation: wires and devices in turn, until both agree.

A transient of the whole array solves all nodes at each of its steps. While one row is written most
cells hardly move, and wires that are good for anything change the voltages of those that do by
little. So every device is integrated by itself under the voltage that the wires leave it, the wires
are solved at a few times of the plateau with the conductances that come of that, and again, until
no voltage changes any more (Lelarasmee, Ruehli and Sangiovanni-Vincentelli, IEEE TCAD 1, 1982).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..core.errors import ConvergenceError, ParameterError
from ..core.validation import Array
from ..core.views.brief import brief_repr
from ..devices import DeviceArray
from ..netlists.crossbar.crossbar import Crossbar
from ..netlists.crossbar.ends import Driven, Ends
from ..solvers import Solver
from .pulses import PulseTrain
from .schemes import Lines
from .writing import write_ends

__all__ = ["Relaxed", "check_relaxation", "relax_pulse"]

_FIRST = 0.1  # window, of the plateau
_SHORTEST = 1e-6
_SWEEPS = 8  # of a window, before it is halved
_OVERSHOT = 0.5  # of the last change: more is no way to converge
_CAUTION, _SHRINK, _GROW = 0.8, 0.2, 3.0  # the next window by the last one's error
_ROUNDING = 1e-12
_DEVICES = 0.1  # of `rtol`: the row's devices
_SWEPT = 0.1  # of `rtol`: voltages that stay; near a threshold states feel them tenfold
_ENERGY = 0.1  # weight of the energy's relative error beside that of states
_STILL = 1e-2  # of `rtol`: what an explicit step may move a state, over its range
_LEAST = 1e-12  # volt: below it a cell's conductance is that at low field


@dataclass(frozen=True, eq=False)
class Relaxed:
    """An array after one pulse.

    Attributes
    ----------
    crossbar : Crossbar
    energy : float
        Joule, delivered by all sources.
    time : (2,) array
        Second, of begin and end.
    solves : int
        Of the wires.
    change : float
        Largest change of a cell's voltage in the last sweep of a window, over the pulse's.
    """

    crossbar: Crossbar
    energy: float
    time: Array
    solves: int
    change: float

    success: ClassVar[bool] = True
    message: ClassVar[str] = ""

    __repr__ = brief_repr


def check_relaxation(xbar: Crossbar) -> None:
    """Raise a `ParameterError` for arrays whose pulses only a transient gives."""
    cells: Any = xbar.cells
    why = ""
    if type(cells) is not DeviceArray:
        why = f"cells with access elements ({type(cells).__name__})"
    elif cells.stochastic:
        why = "devices with noise"
    elif np.any(cells.capacitance) or np.any(xbar.wires.word_capacitance) or np.any(
        xbar.wires.bit_capacitance
    ):
        why = "capacitors"
    elif xbar.layout != "crosspoint":
        why = "the parallel layout"
    if why:
        raise ParameterError(f'`pulses` "relaxation" does not know {why}: choose "transient"')


def relax_pulse(
    xbar: Crossbar, lines: Lines, row: int, pulse: PulseTrain, *, rtol: float = 1e-3,
    solver: Solver | None = None,
) -> Relaxed:
    """Apply one pulse to all lines of an array of bare devices, by waveform relaxation.

    Parameters
    ----------
    xbar : Crossbar
        One that `check_relaxation` accepts.
    lines : Lines
        Voltages at the top of the pulse, volt.
    row : int
        The row that is written: its devices are integrated with the wires' voltages at several
        times. All others stand still for the wires, and move under their own voltage.
    pulse : PulseTrain
        Of one pulse.
    rtol : float
        Error of the row's states in each window, over their range; a tenth of it is the largest
        change of a cell's voltage in the last sweep, over the pulse's.
    solver : Solver, optional

    Raises
    ------
    ConvergenceError
        Wires and devices do not come to agree.
    """
    return _Pulse(xbar, lines, row, pulse, rtol, solver or Solver()).run()


@dataclass(frozen=True, eq=False)
class _Window:
    """One window: the row's states and the voltages at its end, and what it took.

    `error` is the change of a state, over its range, by the voltages in the middle, or a tenth of
    that of the energy, over the pulse's at this power.

    Attributes
    ----------
    states, middle : array
        States at the end, voltages in the middle.
    full, power : array, float
        Voltages at the end, and the power, as if the sources were at the pulse's top.
    energy, error : float
    """

    states: Array
    middle: Array
    full: Array
    power: float
    energy: float
    error: float


class _Pulse:
    """One pulse; see `relax_pulse`."""

    def __init__(
        self, xbar: Crossbar, lines: Lines, row: int, pulse: PulseTrain, rtol: float,
        solver: Solver,
    ) -> None:
        self.xbar, self.lines, self.row, self.rtol, self.solver = xbar, lines, row, rtol, solver
        cells: Any = xbar.cells
        self.cells: DeviceArray = cells
        self.device = self.cells.device
        own = write_ends(xbar, lines)
        self.ends = Ends(**{
            name: own[name] if name.startswith("word") else [
                Driven(voltage=float(lines.bit[k]), resistance=end.resistance)
                if isinstance(end, Driven) else end for k, end in enumerate(own[name])
            ] for name in own
        })
        self.rise, self.width, self.fall = (
            float(t or 0.0) for t in (pulse.rise, pulse.width, pulse.fall)
        )
        self.shape = (xbar.shape[0], xbar.shape[1])
        word, bit = np.nan_to_num(lines.word), np.nan_to_num(lines.bit)
        self.volt = max(float(np.ptp(np.concatenate([word, bit]))), _LEAST)
        self.V = word
        mask = np.zeros(self.shape, dtype=bool)
        mask[row] = True
        self.writing = self._device_of(mask)
        low, high = self.cells.bounds()
        # of every state; those without limits are measured by themselves
        self.spans = np.where(np.isfinite(high - low), high - low, np.abs(self.cells.state) + 1.0)
        self.solves, self.change = 0, 0.0

    def _device_of(self, mask: Any) -> Any:
        """Return the device of the cells of a mask (M, N) bool, flattened."""
        changes = {
            name: np.broadcast_to(value, self.shape)[mask]
            for name, value in self.device.parameters().items() if np.ndim(value)
        }
        return self.device.replace(**changes) if changes else self.device

    def _conductance(self, v: Array, x: Array, device: Any) -> Array:
        """Return the conductances by which cells carry their current, siemens."""
        safe = np.where(np.abs(v) < _LEAST, self.device.read_voltage, v)
        found: Array = device.current(safe, x) / safe
        return found

    def _wires(self, G: Array) -> tuple[Array, float]:
        """Return every cell's voltage, (M, N), and the power of all sources, at the pulse's top."""
        array = Crossbar(conductance=G, wires=self.xbar.wires, ends=self.ends)
        found = self.solver.solve(array, self.V)
        self.solves += 1
        return found.word_voltages - found.bit_voltages, float(np.sum(found.power))

    def run(self) -> Relaxed:
        """Go through ramps and plateau in windows; then move the cells of the other rows."""
        x, row = self.cells.state, self.row
        full, power = self._wires(self._conductance(np.zeros(self.shape), x, self.device))
        own, energy, begin = x[:, row], 0.0, 0.0
        s, times, tops, top = 0.0, [0.0], [np.zeros_like(full)], full
        for length, to in ((self.rise, 1.0), (self.width, 1.0), (self.fall, 0.0)):
            level = s == to
            top = full if level else top
            t, stop, before = begin, begin + length, None
            h = _FIRST * length if level else length
            while t < stop - _ROUNDING * length:
                h = min(h, stop - t)
                end = to if t + h >= stop - _ROUNDING * length else s + (to - s) * h / (stop - t)
                guess = full if before is None else full + (full - before[0]) * (h / before[1])
                found = self._window(own, full, power, guess, (s, end), h)
                if found is None or found.error > self.rtol:
                    h *= 0.5 if found is None else max(
                        _SHRINK, _CAUTION * (self.rtol / found.error) ** 0.5
                    )
                    if h < _SHORTEST * length:
                        raise self._apart(t)
                    continue
                before = (full, h) if level else None
                own, full, power = found.states, found.full, found.power
                energy += found.energy
                times += [t + 0.5 * h, t + h]
                tops += [found.middle, end * full]
                t, s = t + h, end
                h *= min(_GROW, _CAUTION * (self.rtol / max(found.error, _ROUNDING)) ** 0.5)
            begin = stop
        state = np.array(self._others(x, np.array(times), tops, top))
        state[:, row] = own
        crossbar = self.xbar.with_cells(self.cells.with_state(state))
        return Relaxed(crossbar, energy, np.array([0.0, begin]), self.solves, self.change)

    def _integrated(self, x: Array, t: Array, *v: Array) -> Array:
        """Return the row's states (S, N) after voltages that are linear between the `v` at t."""
        found = self.writing.simulate(
            t, np.stack(v, axis=1), state=x, rtol=_DEVICES * self.rtol, save="final", threads=1
        )
        return np.asarray(found.state)

    def _window(
        self, own: Array, full: Array, before: float, guess: Array, share: tuple[float, float],
        h: float,
    ) -> _Window | None:
        """Sweep through one window until the voltages at its end stay, then look at its middle.

        None where they do not come to stay. `share` is what the sources give of the pulse's top at
        the window's begin and end; `full`, `before` and `guess` are voltages and the power at its
        begin, and voltages at its end, as if they gave all.
        """
        row, first, last = self.row, share[0], share[1]
        start = first * full

        def cells(full: Array) -> tuple[Array, Array]:
            v = last * full
            after = self._integrated(own, np.array([0.0, h]), start[row], v[row])
            G = self._conductance(v, self.cells.state, self.device)
            G[row] = self._conductance(v[row], after, self.writing)
            return after, G

        agreed = self._agree(guess, cells)
        if agreed is None:
            return None
        once, full, power = agreed
        v = last * full
        # voltages in the middle, which a line from the start to the end leaves out
        mean = 0.5 * (first + last)
        straight = 0.5 * (start + v)
        half = self._integrated(own, np.array([0.0, 0.5 * h]), start[row], straight[row])
        G = self._conductance(straight, self.cells.state, self.device)
        G[row] = self._conductance(straight[row], half, self.writing)
        middle, between = self._wires(G)
        t = np.array([0.0, 0.5 * h, h])
        twice = self._integrated(own, t, start[row], mean * middle[row], v[row])
        error = float(np.max(np.abs(twice - once) / self.spans[:, row]))
        # Simpson's rule, and what it leaves out of a power that is linear but for the sources
        ends = first**2 * before + last**2 * power
        given = h * (ends + 4.0 * mean**2 * between) / 6.0
        uneven = abs(given - h * (ends + 2.0 * mean**2 * (before + power)) / 6.0)
        most = max(abs(before), abs(between), abs(power), 1e-300) * self.width
        return _Window(
            twice, mean * middle, full, power, given, max(error, _ENERGY * uneven / most)
        )

    def _agree(
        self, v: Array, cells: Callable[[Array], tuple[Array, Array]]
    ) -> tuple[Array, Array, float] | None:
        """Sweep from voltages v until they stay; return the row's states, voltages, the power.

        Steps that overshoot are shortened. None where the voltages do not come to stay.
        """
        share, last = 1.0, np.inf
        for _ in range(_SWEEPS):
            states, G = cells(v)
            new, power = self._wires(G)
            change = float(np.abs(new - v).max()) / self.volt
            if change <= _SWEPT * self.rtol:
                self.change = max(self.change, change)
                return states, new, power
            if change > _OVERSHOT * last:
                share *= 0.5
            v, last = v + share * (new - v), change
        return None

    def _apart(self, t: float) -> ConvergenceError:
        return ConvergenceError(
            f"row {self.row}: wires and devices do not come to agree at {t:.3g} s of a pulse: "
            'choose `pulses`="transient", or wires of less resistance'
        )

    def _others(self, x: Array, times: Array, tops: list[Array], top: Array) -> Array:
        """Return the states (S, M, N) with the cells that are not written where they end."""
        low, high = self.cells.bounds()
        rates = np.asarray(self.device.rate(top, x))
        after = np.clip(x + rates * self.width, low, high)
        moved = np.abs(after - x) / self.spans
        far = np.asarray((moved > _STILL * self.rtol).any(axis=0))
        far[self.row] = False
        if far.any():
            found = self._device_of(far).simulate(
                times, np.array([v[far] for v in tops]).T, state=x[:, far], rtol=self.rtol,
                save="final", threads=1,
            )
            after[:, far] = np.asarray(found.state)
        return np.asarray(after)
