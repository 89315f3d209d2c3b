"""Transients of single devices."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ..core.compiled.arrays import plain
from ..core.compiled.threads import spread
from ..core.cpus import cpu_count
from ..core.draws import Seed, seed_sequence
from ..core.errors import ConvergenceError, ParameterError
from ..core.validation import Array, finite_array, real_array
from ..core.validation import count as count_of
from ..core.views.brief import brief_repr
from ..core.views.optional import dataframe, dataset
from ..core.views.shown import Shown, View
from ..solvers.crossbar.batched import ArrayBackend, choose_backend
from .laws.lane_laws import lockstep_kernels
from .protocol import CompiledDevice
from .views import trace_view

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Backend", "Trace", "hysteresis", "simulate"]

Backend: TypeAlias = Literal["cpu", "gpu", "auto"] | ArrayBackend

_BLOCK = 2048  # devices that one call of a kernel integrates
_SIDE_BY_SIDE = 64  # vectors of devices that take a step one after the other, all in the cache
# devices, and device steps, from which on compiling another kernel is worth it
_MANY, _MANY_STEPS = 64, 1_000_000


@dataclass(frozen=True, eq=False)
class Trace(Shown):
    """Waveforms of simulated devices: K devices at T times.

    Attributes
    ----------
    time : (T,) second
    voltage, current, conductance : (T,) or (K, T), volt, ampere, siemens
        In the shape of the applied voltage; with ``save="final"`` without the time axis. The
        conductance is that at the device's read voltage.
    state : (S, T) or (S, K, T)
        In the model's units.
    steps, rejected : int
        Steps accepted and rejected by the error control, summed over the devices.
    device : Device
    save : {"all", "final"}
        "all" with the time axis, "final" with the last time only.
    method : {"scalar", "lockstep", "gpu"}
        How they were integrated.

    Examples
    --------
    >>> from crossbarsim.devices import VTEAM
    >>> pulse = [0.0, 1e-9, 11e-9, 12e-9], [0.0, -2.0, -2.0, 0.0]  # s, V
    >>> trace = VTEAM.preset("magic").simulate(*pulse, conductance=1e-5)
    >>> trace.current.shape, trace.state.shape
    ((4,), (1, 4))
    >>> print(f"{trace.conductance[0]:.2e} to {trace.conductance[-1]:.2e} S")
    1.00e-05 to 1.00e-03 S
    """

    device: CompiledDevice
    time: Array
    voltage: Array
    current: Array
    state: Array
    steps: int
    rejected: int
    save: str = "all"
    method: str = "scalar"

    __repr__ = brief_repr

    @property
    def conductance(self) -> Array:
        """Conductance at the device's read voltage, siemens, in the shape of `current`."""
        if self.state.ndim == 3 and self.device.parameter_array.ndim > 1:
            moved = np.moveaxis(self.state, -1, 1)  # devices last, where the parameters are
            return np.moveaxis(self.device.conductance(moved), 0, -1)
        return self.device.conductance(self.state)

    def _view(self) -> View:
        return trace_view(self)

    def _axes(self) -> tuple[str, ...]:
        """Return the names of the axes of `current`."""
        last = ("time",) if self.save == "all" else ()
        return last if self.current.ndim == len(last) else ("device", *last)

    def to_xarray(self) -> xr.Dataset:
        """Return voltage, current, conductance and states as an `xarray.Dataset` with units.

        Over "device", where there are several, and "time"; with ``save="final"`` without the time.

        Raises
        ------
        BackendUnavailable
            Xarray is not installed.
        """
        axes = self._axes()
        shape = self.current.shape
        held = [("voltage", "V", self.voltage), ("current", "A", self.current),
                ("conductance", "S", self.conductance)]
        held += [(f"state_{one.name}", one.unit, self.state[k])
                 for k, one in enumerate(self.device.states)]
        found = {name: (axes, np.broadcast_to(values, shape), {"units": unit})
                 for name, unit, values in held}
        places = {"time": ("time", self.time, {"units": "s"})} if "time" in axes else {}
        attributes = {"model": type(self.device).__name__, "steps": self.steps,
                      "rejected": self.rejected}
        return dataset(found, places, attributes)

    def to_dataframe(self) -> pd.DataFrame:
        """Return a row per time point, and per device where there are several.

        Columns: "voltage" (volt), "current" (ampere), "conductance" (siemens), and a state each.

        Raises
        ------
        BackendUnavailable
            Pandas is not installed.
        """
        axes, shape = self._axes(), self.current.shape
        held = {"voltage": self.voltage, "current": self.current, "conductance": self.conductance}
        held |= {f"state_{one.name}": self.state[k] for k, one in enumerate(self.device.states)}
        points = {axis: self.time if axis == "time" else np.arange(size)
                  for axis, size in zip(axes, shape, strict=True)}
        return dataframe(
            {name: np.broadcast_to(v, shape).ravel() for name, v in held.items()}, points
        )


def _times(t: Any) -> Array:
    time = finite_array("t", t)
    if time.ndim != 1 or len(time) < 2:
        raise ParameterError(f"`t` must have shape (T,) with T >= 2; got {time.shape}")
    back = np.diff(time) <= 0
    if back.any():
        k = int(np.argmax(back))
        raise ParameterError(
            f"`t` must increase: t[{k + 1}] = {time[k + 1]:g} s follows t[{k}] = {time[k]:g} s"
        )
    return plain(time)


def _initial(device: CompiledDevice, conductance: Any, state: Any, count: int) -> Array:
    """Return the first states, (S, count)."""
    names = len(device.states)
    if conductance is not None and state is not None:
        raise ParameterError("give either `conductance` or `state`")
    if conductance is not None:
        x = device.state_from_conductance(finite_array("conductance", conductance))
    elif state is not None:
        x = device.checked(0.0, finite_array("state", state))[1]
    else:
        x = device.rest()
    x = x.reshape(names, -1) if names else np.empty((0, 1))
    if x.shape[1] not in (1, count):
        raise ParameterError(f"`conductance` or `state`: {x.shape[1]} for {count} devices")
    return np.array(np.broadcast_to(x, (names, count)), order="C")


def _lockstep(
    device: CompiledDevice, method: str, count: int, length: int
) -> ModuleType | None:
    """Return the kernels that integrate devices in lockstep, None where one by one is meant."""
    if method not in ("auto", "scalar", "lockstep"):
        raise ParameterError(f'`method` must be "auto", "scalar" or "lockstep"; got {method!r}')
    many = count >= _MANY and count * (length - 1) >= _MANY_STEPS
    if method == "scalar" or (method == "auto" and not many):
        return None
    kernels = lockstep_kernels(type(device))
    if kernels is None and method == "lockstep":
        raise ParameterError(
            f"{type(device).__name__} cannot be integrated in lockstep: its laws have loops, or "
            'are not made of current_law and rate_law; leave `method` at "auto"'
        )
    return kernels


def simulate(
    device: CompiledDevice, t: ArrayLike, v: ArrayLike, conductance: ArrayLike | None, *,
    state: ArrayLike | None, seed: Seed, rtol: float = 1e-6, save: str = "all",
    threads: int | None = None, max_steps: int = 1_000_000, backend: Backend = "cpu",
    method: str = "auto",
) -> Trace:
    """Integrate devices through voltage waveforms; arguments of `Device.simulate`."""
    time = _times(t)
    volts = finite_array("v", v)
    if volts.ndim not in (1, 2) or volts.shape[-1] != len(time):
        raise ParameterError(
            f"`v` must have shape ({len(time)},) or (K, {len(time)}), as `t`; got {volts.shape}"
        )
    if save not in ("all", "final"):
        raise ParameterError(f'`save` must be "all" or "final"; got {save!r}')
    if not 1e-13 <= rtol <= 0.1:
        raise ParameterError(f"`rtol` must be between 1e-13 and 0.1; got {rtol!r}")
    if not (isinstance(max_steps, int) and max_steps >= 1):
        raise ParameterError(f"`max_steps` must be an integer >= 1; got {max_steps!r}")
    if threads is not None:
        count_of("threads", threads)
    own = int(np.prod(device.parameter_array.shape[1:]))
    starts = max(
        (real_array("state", a).size // (k or 1) for a, k in
         ((conductance, 1), (state, len(device.states))) if a is not None), default=1,
    )
    count = max(own, starts, volts.shape[0] if volts.ndim == 2 else 1)
    if volts.ndim == 2 and len(volts) not in (1, count):
        raise ParameterError(f"{len(volts)} waveforms for {count} devices")
    x = _initial(device, conductance, state, count)
    drive = np.ascontiguousarray(device.polarity * np.atleast_2d(volts))
    every = save == "all"
    length = len(time)
    current = np.empty((count, length if every else 1))
    states = np.empty((len(device.states), count, length if every else 0))
    stats = np.zeros((count, 2))
    key = int(seed_sequence(seed).generate_state(1, np.uint64)[0])
    key >>= 8  # room for one stream per state
    shape = (count,)
    P, low, high = (device.flat(b.reshape(len(b), own) if own > 1 else b, shape)
                    for b in (device.parameter_array, *device.bounds()))
    arrays = choose_backend(backend)[0]
    kernels = None
    if arrays is None:
        kernels = _lockstep(device, method, count, length)
        method = "lockstep" if kernels else "scalar"
    elif method == "auto":
        method = "gpu"
    else:
        raise ParameterError(f"`method` {method!r} runs on the CPU: use backend='cpu'")

    def block(k: int) -> int:
        s = slice(k * _BLOCK, min((k + 1) * _BLOCK, count))

        def mine(values: Array) -> Array:  # contiguous: one signature, one compilation
            return plain(values[:, s] if values.shape[1] > 1 else values)

        part = states[:, s] if every else np.empty((len(x), 0, 0))
        now, kept = np.ascontiguousarray(x[:, s]), np.empty(part.shape)
        arguments = (
            time, drive[s] if len(drive) > 1 else drive, mine(P), mine(low), mine(high), now, rtol,
            max_steps, device.stochastic, key, k * _BLOCK, every, current[s], kept, stats[s],
        )
        if kernels is None:
            bad = device.kernels.integrate(*arguments)
        else:
            bad = kernels.integrate_many(*arguments, _SIDE_BY_SIDE)
        x[:, s] = now
        if every:
            states[:, s] = kept
        return int(bad) + k * _BLOCK if bad >= 0 else -1

    if arrays is not None:
        from .laws.cuda import integrate_on_device  # noqa: PLC0415 - slow to import

        blocks = [integrate_on_device(
            arrays, device, time, drive, (P, low, high), x, rtol, max_steps, key, current, states,
            stats, every=every,
        )]
    else:
        blocks = spread(block, -(-count // _BLOCK), threads or cpu_count())
    for bad in blocks:
        if bad >= 0:
            raise ConvergenceError(
                f"{type(device).__name__}, device {bad} of {count}: not past t = "
                f"{stats[bad, 0]:g} s, v = {stats[bad, 1]:g} V, with `max_steps` = {max_steps:,}; "
                "raise it, loosen `rtol`, or check that the rates stay finite there"
            )
    odd = np.argwhere(~np.isfinite(current))
    if len(odd):
        at, m = int(odd[0, 0]), int(odd[0, 1]) if every else length - 1
        raise ConvergenceError(
            f"{type(device).__name__}, device {at} of {count}: its law gives no finite current at "
            f"t = {time[m]:g} s, v = {np.atleast_2d(volts)[at if len(drive) > 1 else 0, m]:g} V"
        )
    single = volts.ndim == 1 and count == 1
    if every:
        shown = np.broadcast_to(np.atleast_2d(volts), current.shape)
        result = (shown, device.polarity * current, states)
    else:
        shown = np.broadcast_to(np.atleast_2d(volts)[:, -1], (count,))
        result = (shown, device.polarity * current[:, 0], x)
    if single:
        result = (result[0][0], result[1][0], result[2][:, 0])
    return Trace(device, time, *result, int(stats[:, 0].sum()), int(stats[:, 1].sum()), save,
                 method)


def hysteresis(
    device: CompiledDevice, amplitude: float, frequency: float, *, cycles: int, points: int,
    shape: str, conductance: ArrayLike | None, state: ArrayLike | None, seed: Seed,
) -> Trace:
    """Simulate the I-V loop under a periodic voltage; arguments of `Device.hysteresis`."""
    for name, value in (("amplitude", amplitude), ("frequency", frequency)):
        if not (np.isfinite(value) and value > 0):
            raise ParameterError(f"`{name}` must be > 0; got {value!r}")
    if not (isinstance(cycles, int) and cycles >= 1 and isinstance(points, int) and points >= 8):
        raise ParameterError("`cycles` must be an integer >= 1 and `points` one >= 8")
    phase = np.linspace(0.0, cycles, cycles * points + 1)
    if shape == "sine":
        wave = np.sin(2 * np.pi * phase)
    elif shape == "triangle":
        wave = 2 / np.pi * np.arcsin(np.sin(2 * np.pi * phase))
    else:
        raise ParameterError(f'`shape` must be "sine" or "triangle"; got {shape!r}')
    return simulate(
        device, phase / frequency, amplitude * wave, conductance, state=state, seed=seed
    )
