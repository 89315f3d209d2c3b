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
        Joule, delivered by all sources; on the ramps from the states at their ends, which is some
        percent off where a cell runs away on one.
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
    """

    states: Array
    middle: Array
    end: Array
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
        """Return every cell's voltage, (M, N), and the power of all sources, watt."""
        array = Crossbar(conductance=G, wires=self.xbar.wires, ends=self.ends)
        found = self.solver.solve(array, self.V)
        self.solves += 1
        return found.word_voltages - found.bit_voltages, float(np.sum(found.power))

    def run(self) -> Relaxed:
        """Go through the plateau in windows; then move the cells of the other rows."""
        x, row = self.cells.state, self.row
        v = np.subtract.outer(np.nan_to_num(self.lines.word), np.nan_to_num(self.lines.bit))
        agreed = self._agree(v, lambda v: (x[:, row], self._conductance(v, x, self.device)))
        if agreed is None:
            raise self._apart(0.0)
        _, v, power = agreed
        own, t = x[:, row], self.rise
        times, tops, supplied = [t], [v], 0.0
        first = power
        own = self._integrated(own, np.array([0.0, t]), np.zeros_like(v[row]), v[row])
        stop, h = self.rise + self.width, _FIRST * self.width
        while t < stop * (1.0 - _ROUNDING):
            h = min(h, stop - t)
            found = self._window(own, tops, times, power, h)
            if found is None or found.error > self.rtol:
                h *= 0.5 if found is None else max(
                    _SHRINK, _CAUTION * (self.rtol / found.error) ** 0.5
                )
                if h < _SHORTEST * self.width:
                    raise self._apart(t)
                continue
            own, power = found.states, found.power
            supplied += found.energy
            times += [t + 0.5 * h, t + h]
            tops += [found.middle, found.end]
            t += h
            h *= min(_GROW, _CAUTION * (self.rtol / max(found.error, _ROUNDING)) ** 0.5)
        v = tops[-1]
        after = self._integrated(own, np.array([0.0, self.fall]), v[row], np.zeros_like(v[row]))
        state = np.array(self._others(x, np.array(times), tops))
        state[:, row] = after
        crossbar = self.xbar.with_cells(self.cells.with_state(state))
        energy = supplied + self._ramps((tops[0], tops[-1]), (first, power), (x, state))
        return Relaxed(
            crossbar, energy, np.array([0.0, stop + self.fall]), self.solves, self.change
        )

    def _integrated(self, x: Array, t: Array, *v: Array) -> Array:
        """Return the row's states (S, N) after voltages that are linear between the `v` at t."""
        found = self.writing.simulate(
            t, np.stack(v, axis=1), state=x, rtol=_DEVICES * self.rtol, save="final", threads=1
        )
        return np.asarray(found.state)

    def _window(
        self, own: Array, tops: list[Array], times: list[float], before: float, h: float
    ) -> _Window | None:
        """Sweep through one window until the voltages at its end stay, then look at its middle.

        None where they do not come to stay.
        """
        row, start = self.row, tops[-1]
        v = start
        if len(tops) > 1:
            v = start + (start - tops[-2]) * (h / (times[-1] - times[-2]))

        def cells(v: Array) -> tuple[Array, Array]:
            after = self._integrated(own, np.array([0.0, h]), start[row], v[row])
            G = self._conductance(v, self.cells.state, self.device)
            G[row] = self._conductance(v[row], after, self.writing)
            return after, G

        agreed = self._agree(v, cells)
        if agreed is None:
            return None
        once, v, power = agreed
        # voltages in the middle, which a line from the start to the end leaves out
        straight = 0.5 * (start + v)
        half = self._integrated(own, np.array([0.0, 0.5 * h]), start[row], straight[row])
        G = self._conductance(straight, self.cells.state, self.device)
        G[row] = self._conductance(straight[row], half, self.writing)
        middle, between = self._wires(G)
        t = np.array([0.0, 0.5 * h, h])
        twice = self._integrated(own, t, start[row], middle[row], v[row])
        error = float(np.max(np.abs(twice - once) / self.spans[:, row]))
        mean = (before + 4.0 * between + power) / 6.0
        uneven = abs(mean - 0.5 * (before + power)) / max(abs(mean), 1e-300)
        share = h / self.width
        return _Window(twice, middle, v, power, h * mean, max(error, _ENERGY * uneven * share))

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

    def _others(self, x: Array, times: Array, tops: list[Array]) -> Array:
        """Return the states (S, M, N) with the cells that are not written where they end."""
        low, high = self.cells.bounds()
        rates = np.asarray(self.device.rate(tops[0], x))
        after = np.clip(x + rates * self.width, low, high)
        moved = np.abs(after - x) / self.spans
        far = np.asarray((moved > _STILL * self.rtol).any(axis=0))
        far[self.row] = False
        if far.any():
            t = np.concatenate([[0.0], times, [times[-1] + self.fall]])
            waves = np.zeros((int(far.sum()), len(t)))
            waves[:, 1:-1] = np.array([v[far] for v in tops]).T
            found = self._device_of(far).simulate(
                t, waves, state=x[:, far], rtol=self.rtol, save="final", threads=1
            )
            after[:, far] = np.asarray(found.state)
        return np.asarray(after)

    def _ramps(
        self, v: tuple[Array, Array], power: tuple[float, float], states: tuple[Array, Array]
    ) -> float:
        """Return the energy of both ramps, joule, by Simpson's rule.

        Half way up a ramp the sources give what the cells take there, in the ratio of the top.
        """
        energy = 0.0
        for k, t in enumerate((self.rise, self.fall)):
            half, whole = (
                float(np.sum(s * v[k] * self.device.current(s * v[k], states[k])))
                for s in (0.5, 1.0)
            )
            share = half / whole if whole else 0.25
            energy += t / 6.0 * (4.0 * share + 1.0) * power[k]
        return energy
