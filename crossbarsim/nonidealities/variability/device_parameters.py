"""Variability of any parameter of a compact model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from ...core.draws import Place
from ...core.errors import ParameterError
from ...core.settings import checks_arguments
from ...devices import Device, DeviceArray
from .variability import Variability, as_variabilities, keyed, redraw

__all__ = ["vary"]

T = TypeVar("T", Device, DeviceArray)


@checks_arguments
def vary(
    device: T, shape: tuple[int, int], variabilities: Variability | tuple[Variability, ...],
    place: Place,
) -> T:
    """Return the device with parameters that differ from cell to cell.

    Cells whose parameters would be out of the model's limits, whose states would have an empty
    range, or whose r_on would be r_off or more are drawn again, as for networks.

    Parameters
    ----------
    device : Device or DeviceArray
        A model, or cells of a crossbar, which keep their states; a state outside of its new range
        is moved to the end of it.
    shape : (int, int)
        Rows and columns of the array.
    variabilities : Variability, or several
        Of the model's parameters, by name.
    place : Place
        The array: the same place gives the same devices.

    Returns
    -------
    Device or DeviceArray
        With parameters (M, N).

    Raises
    ------
    ParameterError
        Unknown parameters, parameters that are words, distributions whose draws hardly ever fit.

    Examples
    --------
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.core.draws import Place
    >>> from crossbarsim.nonidealities import Normal, Variability, vary
    >>> device = vary(VTEAM(), (128, 64), Variability("v_on", Normal(0.05)), Place(7))
    >>> device.v_on.shape
    (128, 64)
    """
    if isinstance(device, DeviceArray):
        if tuple(shape) != device.shape:
            raise ParameterError(f"`shape` must be that of the cells, {device.shape}; got {shape}")
        if type(device) is not DeviceArray:
            raise ParameterError(
                f"`device` must be a model or an array of it; vary what {type(device).__name__} "
                "is made of"
            )
        varied = _varied(_model(device.device), shape, variabilities, place)
        return _with_device(device, varied)
    found: T = _varied(_model(device), shape, variabilities, place)
    return found


def _varied(device: Any, shape: tuple[int, int], variabilities: Any, place: Place) -> Any:
    """Return a model with parameters that differ from cell to cell."""
    declared = device._declared  # noqa: SLF001 - the parameters' limits
    free = [name for name, p in declared.items() if not p.choices]
    variations = keyed(as_variabilities(variabilities), free, type(device).__name__)
    nominal = {name: device._values[name] for name in free}  # noqa: SLF001
    found, _ = redraw(
        nominal, variations, place, (int(shape[0]), int(shape[1])),
        lambda values: _valid(device, values), f"the limits of {type(device).__name__}",
    )
    names = {one.parameter for _, one in variations}
    return device.replace(**{
        name: np.array(np.broadcast_to(found[name], shape)) for name in names
    })


def _model(device: object) -> Device:
    if not isinstance(device, Device):
        raise ParameterError(
            f"`device` must be a compact model or an array of one; got {type(device).__name__}"
        )
    return device


def _valid(device: Device, values: Mapping[str, Any]) -> Any:
    """Return at which cells the parameters make sense."""
    good: Any = np.True_
    for name, value in values.items():
        p = device._declared[name]  # noqa: SLF001
        x = np.asarray(value)
        good = good & (
            (x > p.low) & (x < p.high) if p.open else (x >= p.low) & (x <= p.high)
        ) & np.isfinite(x)
    pairs = [(s.low, s.high) for s in device.states]
    if {"r_on", "r_off"} <= values.keys():
        pairs.append(("r_on", "r_off"))
    for low, high in pairs:
        ends = [np.asarray(values[v] if isinstance(v, str) else v) for v in (low, high)]
        good = good & (ends[0] < ends[1])
    return good


def _with_device(cells: DeviceArray, device: Device) -> DeviceArray:
    low, high = device.bounds()
    lift = (len(low), *(1,) * (3 - low.ndim), *low.shape[1:])
    state = np.clip(cells.state, low.reshape(lift), high.reshape(lift))
    return DeviceArray(device, state, cells.capacitance)
