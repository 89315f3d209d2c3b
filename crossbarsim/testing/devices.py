"""The checks of a compact model: its laws, its states in time, its ways into circuits and files."""

from __future__ import annotations

import copy
import pickle
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..core.errors import ParameterError
from ..core.validation import Array
from ..devices import Device
from ..devices.laws.compilation import build
from ..netlists import read_spice
from ..netlists.circuit import Circuit
from ..netlists.crossbar.crossbar import Crossbar, Wires
from ..netlists.device_protocol import DeviceModel, models, register
from ..solvers.solver import Solver
from .suite import Suite, check, close, equal, refused, skip, slopes

__all__ = ["DeviceChecks"]

_POINTS = 24
_SHARES = (0.0, 0.02, 0.3, 0.5, 0.7, 0.98, 1.0)


class DeviceChecks(Suite):
    """Checks of a compact model of two terminals.

    Give `make`, and `drive` where the model has no ``showcase``.

    Attributes
    ----------
    passive : bool
        The current never flows against the voltage.
    rising : bool
        di/dv >= 0 in every state.
    writable : bool
        The model can be written for SPICE.
    scalars : bool
        Parameters may be arrays, one value per device.

    Examples
    --------
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.testing import DeviceChecks
    >>> class TestMagic(DeviceChecks):
    ...     def make(self, **parameters):
    ...         return VTEAM.preset("magic", **parameters)
    >>> "test_polarity_turns_the_laws_around" in TestMagic.checks()
    True
    """

    passive: ClassVar[bool] = True
    rising: ClassVar[bool] = True
    writable: ClassVar[bool] = True
    scalars: ClassVar[bool] = True

    def make(self, **parameters: Any) -> Any:
        """Return the device to check, `parameters` (also ``polarity=``) on top of its own."""
        raise NotImplementedError

    def drive(self) -> tuple[float, float]:
        """Return the amplitude (volt) and period (second) of a sine that shows the device."""
        amplitude, frequency = type(self.make()).showcase[""][:2]
        return float(amplitude), 1.0 / float(frequency)

    # -- what checks start from ------------------------------------------------------------------

    def _states(self, device: Any, shares: Any) -> Array:
        """Return states (S, n) at shares (n,) of the main state's range, others near rest."""
        share = np.atleast_1d(np.asarray(shares, dtype=float))
        low, high, rest = map(_column, (*device.bounds(), device.rest()))
        if not len(low):
            return np.zeros((0, len(share)))
        k = getattr(device, "main_state", 0)
        x = np.repeat(rest, len(share), axis=1)
        x[k] = low[k] + share * (high - low)[k]
        others = np.arange(len(low)) != k
        moved = low + (0.02 + 0.06 * share) * (high - low)
        x[others] = moved[others]
        return x

    def _points(self, device: Any) -> tuple[Array, Array]:
        """Return voltages (n,) and states (S, n), off the bounds."""
        rng = self.rng()
        amplitude = self.drive()[0]
        v = amplitude * rng.uniform(0.01, 1.0, _POINTS) * rng.choice((-1.0, 1.0), _POINTS)
        return v, self._states(device, rng.uniform(0.05, 0.95, _POINTS))

    def _moving(self) -> Any:
        device = self.make()
        if not device.state_names:
            raise skip("it has no states")
        return device

    def _run(self, device: Any, *, share: float = 0.4, cycles: float = 1.5, **options: Any) -> Any:
        amplitude, period = self.drive()
        t = np.linspace(0.0, cycles * period, 61)
        v = device.polarity * amplitude * np.sin(2.0 * np.pi * t / period)
        return device.simulate(t, v, state=self._states(device, share)[:, 0], **options)

    # -- the laws --------------------------------------------------------------------------------

    def test_it_fulfils_the_protocol(self) -> None:
        """Every method is there, names are in order, `register` takes the class."""
        device = self.make()
        check(isinstance(device, DeviceModel), "not a `DeviceModel`: a method is missing")
        check(device.polarity in (1, -1), "`polarity` is neither +1 nor -1")
        check(np.isfinite(device.read_voltage) and device.read_voltage != 0.0,
              "`read_voltage` must be finite and not 0")
        names = device.state_names
        check(len(set(names)) == len(names), f"states of one name: {names}")
        check(all(n.isidentifier() for n in names), f"states' names are no words: {names}")
        register(type(device))

    def test_bounds_and_rest(self) -> None:
        """States have a range that is not empty, and rest inside."""
        device = self.make()
        low, high = device.bounds()
        rest = device.rest()
        check(low.shape == high.shape == rest.shape, "bounds and rest have different shapes")
        check(len(low) == len(device.state_names), "one bound per state")
        check(np.isfinite(low) & np.isfinite(high) & (low < high), "a state's range is empty")
        check((rest >= low) & (rest <= high), "the device rests outside of its bounds")

    def test_evaluate_is_current_slope_and_rate(self) -> None:
        """`current`, `rate` and `conductance` are what `evaluate` says."""
        device = self.make()
        v, x = self._points(device)
        current, slope, rate = device.evaluate(v, x)
        check(np.isfinite(current) & np.isfinite(slope), "current or slope is not finite")
        check(np.isfinite(rate), "a rate is not finite")
        check(current.shape == slope.shape == v.shape, "current and slope are shaped like v")
        check(rate.shape == (len(device.state_names), *v.shape), "rates have shape (S, ...)")
        equal(device.current(v, x), current, "`current`")
        equal(device.rate(v, x), rate, "`rate`")
        close(device.conductance(x, v), current / v, "`conductance`", rtol=1e-14)
        close(device.conductance(x), device.current(device.read_voltage, x) / device.read_voltage,
              "`conductance` at the read voltage", rtol=1e-14)

    def test_no_voltage_no_current(self) -> None:
        """i(0, x) = 0."""
        device = self.make()
        x = self._states(device, _SHARES)
        scale = np.abs(device.current(device.read_voltage, x)).max()
        check(np.abs(device.current(0.0, x)) <= 1e-15 * scale, "a current flows at 0 V")

    def test_it_is_passive(self) -> None:
        """Power is never negative, also at the states' bounds and beyond the usual drive."""
        if not self.passive:
            raise skip("not claimed")
        device = self.make()
        small = np.geomspace(1e-6, 1e-1, 6)
        for v in 2.0 * self.drive()[0] * np.r_[-small, np.linspace(-1.0, 1.0, 33), small]:
            i = device.current(v, self._states(device, _SHARES))
            check(i * v >= 0.0, f"the current flows against {v:g} V")

    def test_currents_rise_with_the_voltage(self) -> None:
        """di/dv >= 0."""
        if not self.rising:
            raise skip("not claimed")
        device = self.make()
        for v in 2.0 * self.drive()[0] * np.linspace(-1.0, 1.0, 33):
            slope = device.evaluate(v, self._states(device, _SHARES))[1]
            check(slope >= 0.0, f"di/dv < 0 at {v:g} V")

    def test_slope_is_the_derivative_of_the_current(self) -> None:
        """di/dv against differences of `current`."""
        device = self.make()
        v, x = self._points(device)
        numeric, smooth = slopes(lambda h: device.current(v + h, x), 1e-3 * np.abs(v))
        check(np.mean(smooth) >= 0.5, "the current is rough in v")
        exact = device.evaluate(v, x)[1]
        size = np.abs(device.current(v, x) / v)
        close(exact[smooth], numeric[smooth], "di/dv", rtol=1e-5, atol=1e-7 * size[smooth])

    def test_derivatives_of_the_compiled_law(self) -> None:
        """Every derivative that the law hands to solvers, against differences of its values."""
        device = self.make()
        v, x = self._points(device)
        count, width = len(x), 2 + len(x)
        low, high = map(_column, device.bounds())
        law = build(type(device).law(), ("device", "integrate")).evaluate
        p = np.array(_column(device.parameter_array)[:, 0])

        def table(volts: Array, states: Array) -> Array:
            out = np.zeros((len(volts), 1 + count, width))
            for k in range(len(volts)):
                law(volts[k], np.ascontiguousarray(states[:, k]), p, out[k].reshape(-1))
            return np.moveaxis(out, 0, -1)  # (1 + S, 2 + S, n)

        exact = table(v, x)
        equal(exact[0, 0], device.polarity * device.current(device.polarity * v, x),
              "the law's current")
        equal(exact[1:, 0], device.rate(device.polarity * v, x), "the law's rates")
        names = ("v", *device.state_names)
        steps = [1e-3 * np.abs(v), *(1e-3 * np.minimum(x - low, high - x))]
        trusted = 0
        for column, step in enumerate(steps):
            def moved(h: Array, column: int = column) -> Array:
                if column == 0:
                    return np.asarray(table(v + h, x)[:, 0])
                shifted = x.copy()
                shifted[column - 1] += h
                return np.asarray(table(v, shifted)[:, 0])

            numeric, smooth = slopes(moved, step)
            size = np.abs(exact[:, 0]) / step
            for row, value in enumerate(("i", *(f"d{n}/dt" for n in device.state_names))):
                good = smooth[row]
                trusted += int(good.sum())
                close(exact[row, 1 + column][good], numeric[row][good],
                      f"d({value})/d({names[column]})", rtol=1e-5, atol=1e-9 * size[row][good])
        check(trusted >= 0.5 * _POINTS * (1 + count) * len(steps), "the laws are rough")

    def test_shapes_broadcast(self) -> None:
        """Voltages and states of any shapes that go together, each as alone."""
        device = self.make()
        v, x = self._points(device)
        v, x = v[:6].reshape(2, 3), x[:, :3]
        i, slope, rate = device.evaluate(v, x)
        check(i.shape == (2, 3) and rate.shape == (len(x), 2, 3), "shapes of evaluate")
        for k in np.ndindex(2, 3):
            alone = device.evaluate(float(v[k]), x[:, k[1]])
            check(alone[0].shape == (), "one device at one voltage has a current of shape ()")
            for whole, part in zip((i, slope, rate), alone, strict=True):
                equal(whole[(..., *k)], part, "many devices at once")

    def test_what_is_out_of_range_is_refused(self) -> None:
        """States beyond their bounds, voltages that are no numbers, wrong counts of states."""
        device = self.make()
        x = self._states(device, 0.5)[:, 0]
        refused(lambda: device.current(np.nan, x), "a voltage of nan")
        if not len(x):
            return
        low, high = (_column(b)[:, 0] for b in device.bounds())
        for s in range(len(x)):
            for outside in (low[s] - 0.1 * (high - low)[s], high[s] + 0.1 * (high - low)[s]):
                wrong = x.copy()
                wrong[s] = outside
                refused(partial(device.current, 0.1, wrong),
                        f"{device.state_names[s]} = {outside:g}")
        refused(lambda: device.current(0.1, [*x, 0.5]), "one state too many")

    def test_polarity_turns_the_laws_around(self) -> None:
        """A turned device at -v is the device at v."""
        device = self.make(polarity=1)
        turned = self.make(polarity=-1)
        v, x = self._points(device)
        one, other = device.evaluate(v, x), turned.evaluate(-v, x)
        close(other[0], -one[0], "the turned current", rtol=1e-14)
        close(other[1], one[1], "the turned slope", rtol=1e-14)
        close(other[2], one[2], "the turned rates", rtol=1e-14)
        check("polarity=-1" in repr(turned), "`repr` does not say that the device is turned")

    def test_rates_jump_only_where_the_model_says(self) -> None:
        """Rates are continuous in v, or `jumps` names the voltage."""
        device = self._moving()
        if not hasattr(device, "jumps"):
            raise skip("it says nothing")
        device = self.make(polarity=1)
        known = np.array([float(np.ravel(j)[0]) for j in device.jumps()])
        x = self._states(device, (0.2, 0.5, 0.8))
        volts = 2.0 * self.drive()[0] * np.linspace(-1.0, 1.0, 402)
        rate = device.rate(volts[:, None], np.repeat(x[:, None], len(volts), axis=1))
        for s in range(len(x)):
            first = np.abs(np.diff(rate[s], axis=0))
            level = np.maximum(np.abs(rate[s, 1:]), np.abs(rate[s, :-1])) + 1e-300
            for k in range(x.shape[1]):
                # where the rate changes most, for its size and altogether
                share = first[:, k] / level[:, k]
                some = np.unique(np.r_[np.argsort(share)[-12:], np.argsort(first[:, k])[-6:]])
                self._bisect(device, s, x[:, k : k + 1], volts[some], volts[some + 1],
                             first[some, k], known)

    def _bisect(
        self, device: Any, s: int, x: Array, a: Array, b: Array, first: Array, known: Array
    ) -> None:
        """Raise where the rate of state s does not change less and less between a and b."""
        x = np.repeat(x, len(a), axis=1)

        def gap(low: Array, high: Array) -> Array:
            return np.asarray(np.abs(device.rate(high, x)[s] - device.rate(low, x)[s]))

        for _ in range(26):
            middle = 0.5 * (a + b)
            lower = gap(a, middle) > gap(middle, b)
            a, b = np.where(lower, a, middle), np.where(lower, middle, b)
        left, right = device.evaluate(a, x), device.evaluate(b, x)
        level = np.maximum(np.abs(left[2][s]), np.abs(right[2][s]))
        jump = (gap(a, b) > 1e-2 * first) & (gap(a, b) > 1e-4 * level)
        # where the current jumps with it, the law is folded, not the rate
        jump &= np.abs(left[0] - right[0]) <= 1e-4 * np.abs(left[0])
        jump &= ~np.isclose(a[:, None], known, rtol=1e-5, atol=1e-12).any(axis=1)
        if jump.any():
            raise AssertionError(
                f"d{device.state_names[s]}/dt jumps at {a[jump][0]:g} V; `jumps` says {known}"
            )

    # -- conductances ----------------------------------------------------------------------------

    def test_states_of_conductances(self) -> None:
        """`state_from_conductance` has that conductance, in bounds, the other states at rest."""
        device = self._moving()
        low, high = (float(g) for g in device.conductance_range())
        check(0.0 <= low < high, "the range of conductances is empty")
        g = low + (high - low) * np.linspace(0.02, 0.98, 9)
        x = device.state_from_conductance(g)
        check(x.shape == (len(device.state_names), 9), "states have shape (S, ...)")
        close(device.conductance(x), g, "conductance of the state of a conductance", rtol=1e-8)
        bottom, top = map(_column, device.bounds())
        check((x >= bottom) & (x <= top), "a state out of its bounds")
        others = np.arange(len(x)) != device.main_state
        equal(x[others], np.broadcast_to(_column(device.rest()), x.shape)[others],
              "the other states rest")
        check(device.state_from_conductance(g[4]).shape == (len(x),), "one conductance, (S,)")

    def test_conductances_out_of_range_are_refused(self) -> None:
        """Beyond both ends of the range, and no numbers."""
        device = self._moving()
        low, high = (float(g) for g in device.conductance_range())
        refused(lambda: device.state_from_conductance(1.5 * high), "1.5 times the largest")
        refused(lambda: device.state_from_conductance(np.nan), "a conductance of nan")
        if low > 0.0:
            refused(lambda: device.state_from_conductance(0.5 * low), "half of the smallest")

    def test_slope_of_the_conductance(self) -> None:
        """`conductance_slope` against differences."""
        device = self._moving()
        _, x = self._points(device)
        k = device.main_state
        low, high = map(_column, device.bounds())

        def moved(h: Array) -> Array:
            shifted = x.copy()
            shifted[k] += h
            return np.asarray(device.conductance(shifted))

        step = 1e-3 * np.minimum(x - low, high - x)[k]
        numeric, smooth = slopes(moved, step)
        size = device.conductance(x) / step
        close(device.conductance_slope(x)[smooth], numeric[smooth], "dG/dx", rtol=1e-5,
              atol=1e-9 * size[smooth])

    # -- in time ---------------------------------------------------------------------------------

    def test_states_stay_in_their_bounds(self) -> None:
        """Under thrice the usual drive, from everywhere; currents stay finite and are the law's."""
        device = self._moving()
        amplitude, period = self.drive()
        t = np.linspace(0.0, period, 33)
        v = 3.0 * amplitude * np.sin(2.0 * np.pi * t / period)
        states = self._states(device, _SHARES)
        trace = device.simulate(t, np.tile(v, (len(_SHARES), 1)), state=states)
        low, high = (_column(b)[..., None] for b in device.bounds())
        check((trace.state >= low) & (trace.state <= high), "a state leaves its bounds")
        check(np.isfinite(trace.current), "a current is not finite")
        equal(trace.state[..., 0], states, "the first states are those given")
        close(trace.current, device.current(trace.voltage, trace.state), "the trace's current",
              rtol=1e-9, atol=1e-12 * np.abs(trace.current).max())

    def test_no_voltage_no_current_in_time(self) -> None:
        """At 0 V nothing flows, whatever the states do."""
        device = self._moving()
        period = self.drive()[1]
        trace = device.simulate([0.0, 0.5 * period, period], np.zeros(3))
        scale = np.abs(device.current(device.read_voltage, trace.state)).max()
        check(np.abs(trace.current) <= 1e-15 * scale, "a current flows at 0 V")

    def test_devices_together_are_each_alone(self) -> None:
        """Independent devices in one call, each as by itself."""
        device = self._moving()
        if getattr(device, "stochastic", False):
            raise skip("noise is drawn per device")
        amplitude, period = self.drive()
        t = np.linspace(0.0, period, 21)
        v = amplitude * np.array([[1.0], [-0.7], [0.4]]) * np.sin(2.0 * np.pi * t / period)
        states = self._states(device, (0.2, 0.5, 0.8))
        together = device.simulate(t, v, state=states, threads=2)
        for k in range(3):
            alone = device.simulate(t, v[k], state=states[:, k], threads=1)
            equal(together.current[k], alone.current, f"device {k} among others")
            equal(together.state[:, k], alone.state, f"states of device {k} among others")

    def test_the_end_alone(self) -> None:
        """``save="final"`` keeps the end of what "all" keeps."""
        device = self._moving()
        every, last = self._run(device), self._run(device, save="final")
        equal(last.current, every.current[-1], "the last current")
        equal(last.state, every.state[:, -1], "the last state")
        equal(last.conductance, every.conductance[-1], "the last conductance")

    def test_tighter_tolerances_change_little(self) -> None:
        """The default tolerance is near the limit of small ones."""
        device = self._moving()
        if getattr(device, "stochastic", False):
            raise skip("noise is drawn per step")
        low, high = map(_column, device.bounds())
        usual, tight = (self._run(device, rtol=r) for r in (1e-6, 1e-9))
        share = np.abs(usual.state - tight.state) / (high - low)
        check(share.max(axis=1) < 1e-3, f"states move by {share.max():.1e} of their range")
        check(tight.steps >= usual.steps, "a tighter tolerance takes fewer steps")

    def test_a_turned_device_in_time(self) -> None:
        """The trace of a turned device under -v is the device's under v, turned."""
        self._moving()
        one, other = (self._run(self.make(polarity=p)) for p in (1, -1))
        close(other.current, -one.current, "the turned current", rtol=1e-12)
        close(other.state, one.state, "the turned device's states", rtol=1e-12)

    def test_seeds(self) -> None:
        """One seed, one run; another seed another, of models with noise."""
        device = self._moving()
        first, again, other = (self._run(device, seed=s) for s in (3, 3, 4))
        equal(first.state, again.state, "the same seed")
        if getattr(device, "stochastic", False):
            check((first.state != other.state).any(), "two seeds, one run")
        else:
            equal(first.state, other.state, "a model without noise")

    def test_simulate_refuses_what_is_wrong(self) -> None:
        """Times that go back, lengths that differ, two first states."""
        device = self.make()
        refused(lambda: device.simulate([0.0, 2.0, 1.0], np.zeros(3)), "time that goes back")
        refused(lambda: device.simulate([0.0, 1.0], np.zeros(3)), "3 voltages at 2 times")
        refused(lambda: device.simulate([0.0, 1.0], [0.0, np.nan]), "a voltage of nan")

    # -- parameters ------------------------------------------------------------------------------

    def test_presets(self) -> None:
        """Published sets make devices, say their source, and conduct."""
        found = type(self.make())
        check(set(getattr(found, "sources", found.presets())) == set(found.presets()),
              "`sources` names every preset, and nothing else")
        for name in found.presets():
            device = found.preset(name)
            check(device.name == found.name, "a preset of another name")
            check(np.isfinite(device.current(0.1, device.rest())), f"preset {name} at rest")
        try:
            found.preset("nonesuch")
        except ParameterError as error:
            check("nonesuch" in str(error), "an unknown preset is refused by its name")
        else:
            raise AssertionError("the preset 'nonesuch' exists")

    def test_replace(self) -> None:
        """`replace` without changes is the same device; unknown parameters are refused."""
        device = self.make(polarity=-1)
        v, x = self._points(device)
        same = device.replace()
        check(type(same) is type(device), "`replace` returns another class")
        check(same is not device, "`replace` returns the device itself")
        check((same.polarity, same.read_voltage) == (-1, device.read_voltage),
              "`replace` keeps polarity and read voltage")
        equal(same.current(v, x), device.current(v, x), "the current of the same device")
        check(device.replace(polarity=1).polarity == 1, "`replace(polarity=1)`")
        for parameter in device.parameters():
            check(hasattr(device, parameter), f"no attribute {parameter}")
        refused(lambda: device.replace(nonesuch=1.0), "the parameter `nonesuch`")

    def test_wrong_polarity_is_refused(self) -> None:
        """A device lies one way or the other; its read voltage is not 0."""
        refused(lambda: self.make(polarity=0), "polarity 0")
        refused(lambda: self.make(polarity=2), "polarity 2")
        refused(lambda: self.make(read_voltage=0.0), "a read voltage of 0")

    def test_parameters_per_device(self) -> None:
        """Arrays of parameters: each device as one made with its own numbers."""
        device = self.make()
        if not self.scalars:
            raise skip("not claimed")
        name, value = next(
            ((n, p) for n, p in device.parameters().items()
             if isinstance(p, float) and p != 0.0 and self._allows(n, p)), (None, 0.0)
        )
        if name is None:
            raise skip("it has no parameters that may differ")
        v, x = self._points(device)
        v, x = v[:3], self._states(device, (0.4, 0.5, 0.6))
        values = value * np.array([1.0, 1.0 + 1e-3, 1.0 - 1e-3])
        both = self.make(**{name: values}).evaluate(v, x)
        for k in range(3):
            alone = self.make(**{name: float(values[k])}).evaluate(v[k], x[:, k])
            for whole, part in zip(both, alone, strict=True):
                close(whole[..., k], part, f"a device with its own {name}", rtol=1e-13)

    def _allows(self, name: str, value: float) -> bool:
        """Return whether the parameter may be a little larger and smaller."""
        x = self._states(self.make(), (0.4, 0.6))
        try:
            for factor in (1.001, 0.999):
                self.make(**{name: factor * value}).current(0.01, x)
        except ParameterError:
            return False
        return True

    def test_copies_and_pickles(self) -> None:
        """Copies and pickles are the same device, as other processes need."""
        device = self.make(polarity=-1)
        v, x = self._points(device)
        for made in (copy.deepcopy(device), pickle.loads(pickle.dumps(device))):  # noqa: S301
            equal(made.current(v, x), device.current(v, x), "a copy's current")
            check(repr(made) == repr(device), "a copy looks different")

    # -- in circuits -----------------------------------------------------------------------------

    def _cell(self, share: float = 0.4, **parameters: Any) -> tuple[Any, Any]:
        device = self.make(**parameters)
        states = self._states(device, share)[:, :, None]
        array = device.array(state=states) if len(states) else device.array(shape=(1, 1))
        return device, Crossbar(cells=array, wires=Wires(0.0, 0.0))

    def test_as_a_cell_of_a_crossbar(self) -> None:
        """A 1 x 1 crossbar draws the device's current; conductances are kept."""
        volts = 0.5 * self.drive()[0]
        for polarity in (1, -1):
            device, xbar = self._cell(polarity=polarity)
            expected = device.current(volts, xbar.cells.state[:, 0, 0])
            solution = Solver().solve(xbar, [volts])
            close(solution.currents, np.atleast_1d(expected), "a cell's current", rtol=1e-9)
            close(device.array(state=xbar.cells.state).conductance if len(xbar.cells.state)
                  else xbar.cells.conductance, device.conductance(xbar.cells.state),
                  "an array's conductances")

    def test_in_a_circuit(self) -> None:
        """The device as an element of a circuit, its states as given, at an operating point."""
        device = self.make()
        if not isinstance(device, Device) or type(device).name not in models():
            raise skip("it is not registered")
        x = self._states(device, 0.4)[:, 0]
        volts = 0.5 * self.drive()[0]
        own = {n: v for n, v in device.parameters().items() if np.ndim(v) == 0}
        circuit = Circuit().V("1", "a", 0, volts).model("m", device.name, **own)
        circuit.N("1", "a", 0, "m", **dict(zip(device.state_names, x, strict=True)))
        circuit.transient(1e-30)
        found = Solver().operating_point(circuit)
        frozen = device.current(volts, x)
        close(-found["i(v1)"], frozen, "the current in a circuit", rtol=1e-6, atol=1e-15)

    def test_saved_and_loaded(self) -> None:
        """A crossbar of the device is the same after a file."""
        device, xbar = self._cell(polarity=-1)
        if type(device).name not in models():
            raise skip("files name models by their registered name")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "xbar.npz"
            xbar.save(path)
            again: Any = Crossbar.load(path)
        volts = [0.3 * self.drive()[0]]
        equal(again.cells.state, xbar.cells.state, "the states")
        equal(Solver().solve(again, volts).currents, Solver().solve(xbar, volts).currents,
              "the currents")

    def test_written_for_spice(self) -> None:
        """The subcircuit that is written has the device's current."""
        if not self.writable:
            raise skip("not claimed")
        volts = 0.4 * self.drive()[0]
        for polarity in (1, -1):
            device, xbar = self._cell(polarity=polarity)
            circuit = read_spice(xbar.to_circuit([volts]).to_spice())
            found = Solver().operating_point(circuit)["i(v_bl0_bottom)"]
            expected = float(device.current(volts, xbar.cells.state[:, 0, 0]))
            close(found, expected, "the current of the subcircuit", rtol=2e-6, atol=2e-12)


def _column(values: Array) -> Array:
    """Return what belongs to the first device, (S, 1)."""
    return values.reshape(len(values), int(np.prod(values.shape[1:])))[:, :1]
