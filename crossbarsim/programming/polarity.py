"""Switching polarity of a device, and its pristine state."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from ..core.errors import ParameterError
from ..core.settings import checks_arguments
from ..core.validation import Array
from ..devices import (
    Device,
    DeviceArray,
    OneSelectorOneResistor,
    OneTransistorOneResistor,
    Transistor,
    VerilogATransistor,
)

__all__ = ["pristine_state", "sample_cells", "set_sign", "typical"]

Part = TypeVar("Part", bound="Device | Transistor")

_VOLTS = np.geomspace(0.01, 10.0, 61)


def typical(device: Part) -> Part:
    """Return the device or access element with each parameter at its mean over the cells."""
    mean = {
        name: float(np.mean(value)) for name, value in device._values.items()  # noqa: SLF001
        if value.ndim
    }
    if not mean:
        return device
    if isinstance(device, Device):
        return device.replace(**mean)
    if isinstance(device, VerilogATransistor):
        return device.replace(**mean)
    whole = {name: value if value.ndim else float(value) for name, value in device._values.items()}  # noqa: SLF001
    return type(device)(**{**whole, **mean})


def sample_cells(cells: DeviceArray, conductance: Array, gate: float) -> DeviceArray:
    """Return typical cells of the same kind with `conductance` (m, n), gates at `gate` volt."""
    device: Any = cells.device
    array: DeviceArray = typical(device).array(conductance=conductance)
    if isinstance(cells, OneTransistorOneResistor):
        kelvin = None if cells.temperature is None else float(np.mean(cells.temperature))
        return OneTransistorOneResistor(
            array, typical(cells.transistor), gate_voltage=gate,
            transistor_side=cells.transistor_side, temperature=kelvin, tables=cells.tables,
        )
    if isinstance(cells, OneSelectorOneResistor):
        return OneSelectorOneResistor(array, typical(cells.selector))
    return array


@checks_arguments
def set_sign(device: Device) -> int:
    """Return the sign of the voltage that SETs, that is raises the conductance: +1 or -1.

    Found from the model's laws: the sign of the rate times d(conductance)/d(state) under positive
    and negative voltage, in the middle of the state's range.

    Raises
    ------
    ParameterError
        The model does not switch, or not in opposite directions.

    Examples
    --------
    >>> from crossbarsim.devices import VTEAM, LinearIonDrift
    >>> from crossbarsim.programming import set_sign
    >>> set_sign(VTEAM()), set_sign(LinearIonDrift())
    (-1, 1)
    """
    device = typical(device)
    name = type(device).__name__
    if not device.states:
        raise ParameterError(f"{name} has no state: it cannot be programmed")
    low, high = device.bounds()
    s = device.main_state
    x = device.rest()
    x[s] = 0.5 * (low[s] + high[s])
    ends = []
    for share in (0.45, 0.55):
        y = x.copy()
        y[s] = low[s] + share * (high[s] - low[s])
        ends.append(float(device.conductance(y)))
    rising = np.sign(ends[1] - ends[0])
    for v in _VOLTS:
        up, down = (rising * float(device.rate(sign * v, x)[s]) for sign in (1.0, -1.0))
        if up > 0.0 > down:
            return 1
        if up < 0.0 < down:
            return -1
    raise ParameterError(
        f"{name} does not switch in opposite directions under voltages of opposite sign up to "
        f"{_VOLTS[-1]:g} V: it has no SET and RESET"
    )


@checks_arguments
def pristine_state(device: Device) -> Array:
    """Return the states (S,) of a device that was never formed, in the model's units.

    A model has a pristine state when its class has the attribute
    ``pristine: ClassVar[Mapping[str, float]]``, values of its states by name (numbers, or names
    of parameters); other states are at rest. ``forming`` says where they are from. Of the models
    that are shipped, `Sky130Reram` has one.

    Raises
    ------
    ParameterError
        The model has none.

    Examples
    --------
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.programming import pristine_state
    >>> class Unformed(VTEAM):
    ...     name = "unformed"
    ...     pristine = {"x": 3e-9}
    >>> pristine_state(Unformed())
    array([3.e-09])
    """
    named = device.pristine
    title = type(device).__name__
    if not named:
        why = f": {device.forming}" if device.forming else ""
        raise ParameterError(
            f"{title} has no pristine state, so there is nothing to FORM{why}; a model has one "
            "when its class says `pristine = {state: value}`"
        )
    x = device.rest()
    for name, value in named.items():
        if name not in device.state_names:
            raise ParameterError(
                f"{title}.pristine names the state {name!r}; there are "
                f"{', '.join(device.state_names)}"
            )
        x[device.state_names.index(name)] = (
            getattr(device, value) if isinstance(value, str) else value
        )
    return x
