"""Cells of a device in series with a selector (1S1R) or a transistor (1T1R)."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import ParameterError
from ...core.settings import checks_arguments
from ...core.validation import Array, finite_array
from ...netlists.crossbar.cells import CellPoint
from ...netlists.crossbar.crossbar import Resistive
from ...netlists.transistors.temperature import REFERENCE
from ..base import Device
from ..compact_models.static import Ohmic
from ..laws.lane_currents import lane_currents
from ..modules.local_cells import access_cells
from ..modules.transistor import VerilogATransistor
from .device_array import DeviceArray, _raw_rates, device_array, record, stacked_parameters
from .transistors import EKV, Level1, Transistor

__all__ = ["OneSelectorOneResistor", "OneTransistorOneResistor", "make_cells"]

Devices: TypeAlias = DeviceArray | Resistive | Array


def _device_array(value: Devices) -> DeviceArray:
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


def _stacked(a: Array, b: Array, shape: tuple[int, int]) -> Array:
    """Return (S, 1 or n) bounds of device and access element together."""
    n = 1 if a.shape[1] == b.shape[1] == 1 else shape[0] * shape[1]
    return np.ascontiguousarray(np.concatenate([
        np.broadcast_to(x, (len(x), n)) for x in (a, b)
    ]))


class OneSelectorOneResistor(DeviceArray):
    """1S1R cells: every device in series with a selector, the device on the word side.

    The node between the two is eliminated cell by cell.

    Parameters
    ----------
    device : DeviceArray, Resistive or (M, N) array of siemens
    selector : Device
        Such as `ExponentialSelector`, `MiecSelector` or `ThresholdSelector`. Its states follow
        those of the device in ``state`` (S, M, N) and are at rest at first.

    Raises
    ------
    ParameterError
        No devices, no selector, or parameters of another shape than the array's.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Resistive, Solver, Wires
    >>> from crossbarsim.devices import ExponentialSelector, OneSelectorOneResistor
    >>> cells = OneSelectorOneResistor(Resistive(np.full((1, 1), 1e-4)), ExponentialSelector())
    >>> xbar = Crossbar(cells=cells, wires=Wires(word=1.0, bit=1.0))
    >>> for volts in (0.5, 1.0):
    ...     print(f"{Solver().solve(xbar, [volts]).currents[0]:.2e} A at {volts} V")
    1.10e-08 A at 0.5 V
    1.42e-05 A at 1.0 V
    """

    @checks_arguments
    def __init__(self, device: Devices, selector: Device) -> None:
        array = _device_array(device)
        for part in (array.device, selector):
            if hasattr(part, "local_cells"):
                raise ParameterError(
                    "a compiled Verilog-A module does not stand in series with a selector: write "
                    "both as one module"
                )
        if not isinstance(selector, Device):
            raise ParameterError(f"`selector` must be a Device; got {type(selector).__name__}")
        x = selector.rest()
        if x.shape[1:] not in ((), array.shape):
            raise ParameterError(
                f"the selector's parameters have shape {x.shape[1:]}; the array {array.shape}"
            )
        x = x.reshape(len(x), *(x.shape[1:] or (1, 1)))
        own = np.broadcast_to(x, (len(x), *array.shape))
        super().__init__(array.device, np.concatenate([array.state, own]), array.capacitance)
        self.selector = selector
        parameters = selector.flat(selector.parameter_array, self.shape)
        sign = np.full((1, parameters.shape[1]), float(selector.polarity))
        self._own = parameters
        self._Q = np.ascontiguousarray(np.concatenate([sign, parameters]))
        low, high = (selector.flat(b, self.shape) for b in selector.bounds())
        self._low = _stacked(self._low, low, self.shape)
        self._high = _stacked(self._high, high, self.shape)

    def _record(self, out: dict[str, Any]) -> dict[str, Any]:
        return {**super()._record(out), "selector": record("selector", self.selector, out)}

    def _access(self) -> tuple[Array, bool]:
        return self._Q, False

    def _kernels(self) -> ModuleType:
        law = self.selector.law("m_")
        vectors = "" if self.selector.choices else lane_currents(law, "m_conduct")
        return self._series(law, vectors, ("stage:m_", "selector"), len(self.selector.states))

    def _rates(self, u: Array, w: Array, point: CellPoint) -> Array:
        count = len(self.device.states)
        return np.concatenate([
            super()._rates(u, w, point),
            _raw_rates(self.selector, self._own, point.inner - w, point.state[count:]),
        ])

    def stacked(self, others: Sequence[Any]) -> DeviceArray:
        """Raise a `ParameterError`: arrays with selectors are solved one at a time."""
        del others
        raise ParameterError("cells with selectors are solved on the CPU: use backend='cpu'")

    def device_voltage(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return the voltage across every device, (M, N)."""
        del w
        return u - point.inner


class OneTransistorOneResistor(DeviceArray):
    """1T1R cells: every device in series with a transistor whose gate is on a gate line.

    Gate lines carry no current; bodies are at ground.

    Parameters
    ----------
    device : DeviceArray, Resistive or (M, N) array of siemens
    transistor : EKV, Level1 or VerilogATransistor
    gate_voltage : float, (M,), (N,) or (M, N) array
        Volt.
    gate_along : {"rows", "columns"}
        Whether a vector of gate voltages has one per row or one per column.
    transistor_side : {"bit", "word"}
        Where the transistor is: between inner and bit node, or between word and inner node.
    temperature : float or (M, N) array, optional
        Of the transistors, kelvin; their class says how parameters depend on it. Default:
        300.15, and in a circuit (`Circuit.crossbar`) the circuit's temperature. A temperature given
        here holds in a circuit too, as ``temp=`` of a SPICE element does.
    tables : bool
        Whether transients may read a compiled transistor, one for all cells and without inner
        nodes, from tables of its currents and charges that they make as they go. Those are checked
        against the module to 1/200 of the transient's `rtol`, relative to a current or to what
        0.1 mV makes of it, and sampled throughout; the result's `method` says how they did. Static
        solutions and derivatives ask the module itself.

    Raises
    ------
    ParameterError
        Another kind of device or transistor, or arrays of the wrong shape.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import EKV, Crossbar, OneTransistorOneResistor, Resistive, Solver, Wires
    >>> resistors = Resistive(np.full((1, 1), 1e-4))
    >>> for kelvin in (300.15, 400.0):
    ...     cells = OneTransistorOneResistor(
    ...         resistors, EKV(), gate_voltage=0.2, temperature=kelvin
    ...     )
    ...     xbar = Crossbar(cells=cells, wires=Wires(word=1.0, bit=1.0))
    ...     print(f"{Solver().solve(xbar, [0.5]).currents[0]:.2e}")
    3.53e-09
    2.12e-08
    """

    @checks_arguments
    def __init__(
        self, device: Devices, transistor: Transistor, *, gate_voltage: ArrayLike = 0.0,
        gate_along: Literal["rows", "columns"] = "rows",
        transistor_side: Literal["bit", "word"] = "bit", temperature: ArrayLike | None = None,
        tables: bool = True,
    ) -> None:
        array = _device_array(device)
        if not isinstance(transistor, Transistor):
            raise ParameterError(
                "`transistor` must be EKV(...), Level1(...) or a VerilogA(...) of three or four "
                f"terminals; got {type(transistor).__name__}"
            )
        for name, value, allowed in (
            ("gate_along", gate_along, ("rows", "columns")),
            ("transistor_side", transistor_side, ("bit", "word")),
        ):
            if value not in allowed:
                raise ParameterError(f"`{name}` must be one of {allowed}; got {value!r}")
        super().__init__(array.device, array.state, array.capacitance)
        self.transistor = transistor
        self.tables = tables
        self.gate_along = gate_along
        self.transistor_side = transistor_side
        self.temperature = None if temperature is None else self._checked_temperature(temperature)
        self._set_temperature(REFERENCE if self.temperature is None else self.temperature)
        self._gates = np.zeros(self.shape)
        self._gates = self.gates(gate_voltage)

    def _checked_temperature(self, temperature: ArrayLike) -> Array:
        kelvin = finite_array("temperature", temperature)
        if kelvin.shape not in ((), self.shape) or np.any(kelvin <= 0.0):
            raise ParameterError(
                f"`temperature` must be a number > 0 K or such an array {self.shape}; got "
                f"{temperature!r:.60}"
            )
        return kelvin

    def _set_temperature(self, kelvin: Array | float) -> None:
        """Take the transistors' parameters at a temperature."""
        self.warm = self.transistor.at_temperature(kelvin)
        module = isinstance(self.warm, VerilogATransistor)
        P = self.warm.parameter_array
        if P.shape[1:] not in ((), self.shape):
            raise ParameterError(
                f"the transistor's parameters have shape {P.shape[1:]}; the array {self.shape}"
            )
        self._Q = np.zeros((0, 1)) if module else np.ascontiguousarray(P.reshape(len(P), -1))
        if module or hasattr(self.device, "local_cells"):
            self._take_local(access_cells(
                self.device, self.warm, self.shape, word_side=self.transistor_side == "word",
                tables=self.tables,
            ))

    def at_temperature(self, kelvin: float) -> OneTransistorOneResistor:
        """Return the same cells in a circuit at `kelvin`; a temperature of their own stays.

        Raises
        ------
        ParameterError
            The transistor's model does not reach to that temperature.
        """
        if self.temperature is not None:
            return self
        other = copy.copy(self)
        other.temperature = self._checked_temperature(kelvin)
        other._set_temperature(other.temperature)  # noqa: SLF001 - a copy of this one
        return other

    def gates(self, gate_voltage: ArrayLike | None = None) -> Array:
        """Return gate voltages as (M, N) volt; None: those with which the cells were made."""
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

    def _record(self, out: dict[str, Any]) -> dict[str, Any]:
        header = {**super()._record(out), "transistor": record("transistor", self.transistor, out)}
        out["cell_gates"] = self.gates()
        if self.temperature is not None:
            out["cell_temperature"] = self.temperature
        return {
            **header, "gate_along": self.gate_along, "transistor_side": self.transistor_side
        }

    def _access(self) -> tuple[Array, bool]:
        return self._Q, self.transistor_side == "word"

    def laws(self) -> tuple[str, str, Array, Array, bool]:
        """Return both laws' sources and parameters, and whether the transistor is word-side."""
        return self.device.law(), self.transistor.law(), self._P, *self._access()

    def stacked(self, others: Sequence[Any]) -> OneTransistorOneResistor:
        """Return these cells with those of other arrays of the same kind below them."""
        devices = super().stacked(others)
        every = (self, *others)
        self._check_alike([(type(a.transistor), a.gate_along, a.transistor_side) for a in every])
        values = stacked_parameters(
            [{name: getattr(a.transistor, name) for name in a.transistor._declared}  # noqa: SLF001
             for a in every],
            [a.shape for a in every],
        )
        kelvin: Array | None = None
        if any(a.temperature is not None for a in every):
            kelvin = np.concatenate([
                np.broadcast_to(REFERENCE if a.temperature is None else a.temperature, a.shape)
                for a in every
            ])
        return OneTransistorOneResistor(
            devices, type(self.transistor)(**values),
            gate_voltage=np.concatenate([a.gates() for a in every]), gate_along=self.gate_along,
            transistor_side=self.transistor_side, temperature=kelvin,
        )

    def _kernels(self) -> ModuleType:
        law = self.transistor.law()
        return self._series(law, lane_currents(law, "access"), ("transistor",), 0)

    def device_voltage(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return the voltage across every device, (M, N)."""
        if self._local is not None:
            return self._local.device_voltage(u, w, point)
        return point.inner - w if self.transistor_side == "word" else u - point.inner


def make_cells(
    device: Device | None, shape: tuple[int, int], conductance: Array | None,
    transistor: tuple[str, Mapping[str, float]] | None, gates: Literal["rows", "columns"],
    side: Literal["bit", "word"],
) -> DeviceArray | Resistive:
    """Return cells of devices or resistors; arguments of `netlists.device_protocol.cells`."""
    found: DeviceArray | Resistive
    if device is not None:
        found = device.array(conductance, shape=None if conductance is not None else shape)
    elif conductance is not None:
        found = Resistive(conductance)
    else:
        raise ParameterError("give `conductance` for cells that are resistors")
    if transistor is None:
        return found
    kind, parameters = transistor
    made: Transistor = {"level1": Level1, "ekv": EKV}[kind](**parameters)
    return OneTransistorOneResistor(found, made, gate_along=gates, transistor_side=side)
