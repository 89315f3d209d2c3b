"""Arrays of devices as cells: bare, with a selector (1S1R), with a transistor (1T1R)."""

from __future__ import annotations

import copy
from typing import Any, Literal, Self

import numpy as np

from ..netlists._check import Array, finite_array, nonnegative
from ..netlists.cells import CellPoint
from ..netlists.crossbar import Resistive
from ..netlists.errors import ParameterError
from .base import Device
from .compiled import build
from .static import Ohmic
from .transistors import Transistor

__all__ = ["DeviceArray", "OneSelectorOneResistor", "OneTransistorOneResistor"]


class DeviceArray:
    """M x N devices of one model, each with its own state, the positive terminal at the word node.

    Made by `Device.array`.

    Parameters
    ----------
    device : Device
        Parameters scalar or (M, N).
    state : (S, M, N) array
    capacitance : float or (M, N) array
        Farad, across every cell.
    """

    symmetric = True

    def __init__(self, device: Device, state: Array, capacitance: Any = 0.0) -> None:
        self.device = device
        self.capacitance = nonnegative("capacitance", capacitance, "farad")
        self.state = np.ascontiguousarray(state)
        self.shape = (int(state.shape[1]), int(state.shape[2]))
        own = device.parameter_array.shape[1:]
        if own not in ((), self.shape):
            raise ParameterError(
                f"the device's parameters have shape {own}; the array has {self.shape}"
            )
        low, high = device.bounds()
        self._P = device.flat(device.parameter_array, self.shape)
        self._low, self._high = device.flat(low, self.shape), device.flat(high, self.shape)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.shape[0]}x{self.shape[1]}, {self.device!r})"

    @property
    def conductance(self) -> Array:
        """Conductance of every device at its read voltage, (M, N) siemens."""
        return self.device.conductance(self.state)

    def with_state(self, state: Array) -> Self:
        """Return the same cells in other states."""
        other = copy.copy(self)
        other.state = np.ascontiguousarray(state)
        return other

    @property
    def stochastic(self) -> bool:
        """Whether the devices' states carry noise."""
        return self.device.stochastic

    def bounds(self) -> tuple[Array, Array]:
        """Return (low, high) of the states, (S, 1, 1) or (S, M, N)."""
        return (self._low.reshape(len(self._low), *self._spread(self._low)),
                self._high.reshape(len(self._high), *self._spread(self._high)))

    def _spread(self, flat: Array) -> tuple[int, int]:
        return self.shape if flat.shape[1] > 1 else (1, 1)

    # -- what solvers ask ----------------------------------------------------------------------

    def _access(self) -> tuple[Array, bool]:
        """Return the access element's parameters (K, 1 or n); whether it is on the word side."""
        return np.zeros((0, 1)), False

    def _sources(self) -> tuple[str, tuple[str, ...]]:
        return self.device.law(), ("device", "stage", "bare",
                                   "cells")

    def gates(self, gate_voltage: Any = None) -> Array:
        """Return the gate voltages, (M, N) volt; cells without gates have none to set."""
        if gate_voltage is not None:
            raise ParameterError("`gate_voltage` is for cells with transistors")
        return np.zeros(self.shape)

    def evaluate(
        self, u: Array, w: Array, gate: Array, *, base: Array, step: float, state: Array,
        inner: Array,
    ) -> CellPoint:
        """Return the cells at word and bit voltages u, w (M, N); see `netlists.cells.Cells`."""
        Q, flip = self._access()
        n = u.size
        x = np.array(state.reshape(len(state), n))
        m = np.array(inner.ravel())
        i, gu, gw = np.empty(n), np.empty(n), np.empty(n)
        bad = build(*self._sources()).cells(
            np.ascontiguousarray(u).ravel(), np.ascontiguousarray(w).ravel(),
            np.ascontiguousarray(gate).ravel(), float(self.device.polarity),
            np.ascontiguousarray(base.reshape(len(base), n)), step, self._low, self._high, self._P,
            Q, flip, x, m, i, gu, gw,
        )
        found = [a.reshape(self.shape) for a in (i, gu, gw, m)]
        return CellPoint(found[0], found[1], found[2], found[3], x.reshape(state.shape), int(bad))

    def rates(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return dx/dt (S, M, N), zero where a state is held at a bound."""
        rate = self.device.rate(self.device_voltage(u, w, point), point.state)
        low, high = self.bounds()
        held = ((point.state <= low) & (rate < 0)) | ((point.state >= high) & (rate > 0))
        return np.where(held, 0.0, rate)

    def noise(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return the amplitudes of the states' white noise, (S, M, N), per root second."""
        n = u.size
        amplitude = np.zeros((len(point.state), n))
        v = self.device.polarity * self.device_voltage(u, w, point).ravel()
        self.device.kernels.noise_many(
            np.ascontiguousarray(v), np.ascontiguousarray(point.state.reshape(-1, n)), self._P,
            amplitude,
        )
        return amplitude.reshape(point.state.shape)

    def device_voltage(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return the voltage across every device, (M, N)."""
        del point
        return u - w


def device_array(
    device: Device, conductance: Any, state: Any, shape: Any, capacitance: Any = 0.0
) -> DeviceArray:
    """Do what `Device.array` says."""
    if (conductance is None) == (state is None) and conductance is not None:
        raise ParameterError("give either `conductance` or `state`")
    count = len(device.states)
    if conductance is not None:
        g = finite_array("conductance", conductance)
        if g.ndim != 2 or g.size == 0:
            raise ParameterError(f"`conductance` must have shape (M, N); got {g.shape}")
        return DeviceArray(device, device.state_from_conductance(g), capacitance)
    if shape is None and state is None:
        raise ParameterError("give `conductance`, `state` or `shape`")
    x = device.rest() if state is None else finite_array("state", state)
    if shape is None:
        shape = x.shape[1:]
    if len(shape) != 2:
        raise ParameterError(f"the array must have shape (M, N); got {tuple(shape)}")
    x = x.reshape(count, *(1,) * (3 - x.ndim), *x.shape[1:])
    whole = np.array(np.broadcast_to(x, (count, *shape)))
    device.evaluate(0.0, whole)  # refuses states out of range
    return DeviceArray(device, whole, capacitance)


def _device_array(value: Any) -> DeviceArray:
    """Return an array of devices from one, or from plain resistors."""
    if type(value) is DeviceArray:
        return value
    if isinstance(value, Resistive):
        value = value.conductance
    if isinstance(value, np.ndarray):
        return device_array(Ohmic(), value, None, None)
    raise ParameterError(
        "`device` must be an array of devices, such as VTEAM().array(conductance=G), or "
        f"Resistive(G); got {type(value).__name__}"
    )


class OneSelectorOneResistor(DeviceArray):
    """1S1R: every device in series with a selector; the inner node is eliminated cell by cell.

    Parameters
    ----------
    device : DeviceArray or Resistive
        On the word side.
    selector : Device
        Without states, such as `ExponentialSelector` or `MiecSelector`.
    """

    def __init__(self, device: Any, selector: Device) -> None:
        array = _device_array(device)
        if not isinstance(selector, Device):
            raise ParameterError(f"`selector` must be a Device; got {type(selector).__name__}")
        if selector.states:
            raise ParameterError(
                f"{type(selector).__name__} has states; a selector in a cell must have none"
            )
        super().__init__(array.device, array.state, array.capacitance)
        self.selector = selector
        self._Q = selector.flat(selector.parameter_array, self.shape)

    def _access(self) -> tuple[Array, bool]:
        return self._Q, False

    def _sources(self) -> tuple[str, tuple[str, ...]]:
        laws = self.device.law() + "\n\n" + self.selector.law("m_")
        return laws, ("device", "stage", "selector", "access",
                      "cells")

    def device_voltage(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return the voltage across every device, (M, N)."""
        del w
        return u - point.inner


class OneTransistorOneResistor(DeviceArray):
    """1T1R: every device in series with a transistor whose gate a gate line drives.

    Gate lines carry no current; bodies are at ground.

    Parameters
    ----------
    device : DeviceArray or Resistive
    transistor : EKV or Level1
    gate_voltage : float, (M,), (N,) or (M, N) array
        Volt.
    gate_along : {"rows", "columns"}
        Whether a vector of gate voltages has one per row or one per column.
    transistor_side : {"bit", "word"}
        Where the transistor is: between inner and bit node, or between word and inner node.
    """

    symmetric = False

    def __init__(
        self, device: Any, transistor: Transistor, *, gate_voltage: Any = 0.0,
        gate_along: Literal["rows", "columns"] = "rows",
        transistor_side: Literal["bit", "word"] = "bit",
    ) -> None:
        array = _device_array(device)
        if not isinstance(transistor, Transistor):
            raise ParameterError(
                f"`transistor` must be EKV(...) or Level1(...); got {type(transistor).__name__}"
            )
        for name, value, allowed in (
            ("gate_along", gate_along, ("rows", "columns")),
            ("transistor_side", transistor_side, ("bit", "word")),
        ):
            if value not in allowed:
                raise ParameterError(f"`{name}` must be one of {allowed}; got {value!r}")
        super().__init__(array.device, array.state, array.capacitance)
        self.transistor = transistor
        self.gate_along = gate_along
        self.transistor_side = transistor_side
        P = transistor.parameter_array
        if P.shape[1:] not in ((), self.shape):
            raise ParameterError(
                f"the transistor's parameters have shape {P.shape[1:]}; the array {self.shape}"
            )
        self._Q = np.ascontiguousarray(P.reshape(len(P), -1))
        self._gates = np.zeros(self.shape)
        self._gates = self.gates(gate_voltage)

    def gates(self, gate_voltage: Any = None) -> Array:
        """Return the gate voltages as (M, N) volt; None: those of the array."""
        if gate_voltage is None:
            return self._gates
        volts = finite_array("gate_voltage", gate_voltage)
        rows, columns = self.shape
        lines = rows if self.gate_along == "rows" else columns
        if volts.ndim == 1 and volts.shape != (lines,):
            raise ParameterError(
                f"`gate_voltage` must have one value per {self.gate_along[:-1]}, {lines}; "
                f"got {len(volts)}"
            )
        if volts.ndim == 1 and self.gate_along == "rows":
            volts = volts[:, None]
        if (volts.ndim == 2 and volts.shape not in (self.shape, (rows, 1))) or volts.ndim > 2:
            raise ParameterError(
                f"`gate_voltage` must be a scalar, ({lines},) or {self.shape}; got {volts.shape}"
            )
        return np.array(np.broadcast_to(volts, self.shape))

    def _access(self) -> tuple[Array, bool]:
        return self._Q, self.transistor_side == "word"

    def _sources(self) -> tuple[str, tuple[str, ...]]:
        laws = self.device.law() + "\n\n" + self.transistor.law()
        return laws, ("device", "stage", "transistor", "access",
                      "cells")

    def device_voltage(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return the voltage across every device, (M, N)."""
        return point.inner - w if self.transistor_side == "word" else u - point.inner
