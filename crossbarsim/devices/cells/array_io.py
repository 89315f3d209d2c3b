"""Arrays of cells from the named arrays of saved crossbars; `DeviceArray.to_arrays` writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.errors import NetlistError
from ...netlists.device_protocol import model
from ...netlists.transistors.ekv import SHORT_CHANNEL
from ..base import Device
from ..verilog_a import class_from_record
from .access_cells import OneSelectorOneResistor, OneTransistorOneResistor
from .device_array import DeviceArray
from .transistors import EKV, Level1

__all__ = ["read_cells"]

_TRANSISTORS = {cls.name: cls for cls in (EKV, Level1)}
# parameters that files of earlier versions lack: their defaults change nothing
_LATER = {
    EKV: {*SHORT_CHANNEL.values(), "tcv", "bex", "t_nom"},
    Level1: {"t_nom"},
}


def _read(prefix: str, header: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments that make the part again."""
    start = f"{prefix}_"
    given = {
        name[len(start):]: data[name] for name in data if name.startswith(start)
    }
    extra = {k: header[k] for k in ("polarity", "read_voltage") if k in header}
    return {**given, **header["choices"], **extra}


def _made(cls: Any, prefix: str, header: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
    given = _read(prefix, header, data)
    made = cls(**given)
    later = _LATER.get(cls, set())
    missing = [name for name in made.parameters() if name not in given and name not in later]
    if missing:  # a default in its place would make another array
        raise NetlistError(f"lacks the {prefix}'s {', '.join(missing)}")
    return made


def _device(prefix: str, header: Mapping[str, Any], data: Mapping[str, Any]) -> Device:
    kind = class_from_record(header["verilog_a"]) if "verilog_a" in header else (
        model(header["model"]))
    made: Device = _made(kind, prefix, header, data)
    return made


def read_cells(data: Mapping[str, Any]) -> DeviceArray:
    """Return the cells that `DeviceArray.to_arrays` described."""
    header = json.loads(str(data["cells"]))
    device = _device("device", header["device"], data)
    state, count = data["cell_state"], len(device.states)
    if state.ndim != 3 or len(state) < count or not np.isfinite(state).all():
        raise NetlistError(
            f"`cell_state` must be finite numbers, {count} states x word lines x bit lines; its "
            f"shape is {state.shape}"
        )
    state = np.asarray(state, dtype=np.float64)
    array = DeviceArray(device, np.ascontiguousarray(state[:count]), data["cell_capacitance"])
    if "selector" in header:
        pair = OneSelectorOneResistor(array, _device("selector", header["selector"], data))
        return pair.with_state(state)
    if "transistor" not in header:
        return array
    name = header["transistor"]["model"]
    if name not in _TRANSISTORS:
        raise NetlistError(f"holds cells with an unknown transistor, {name!r}")
    transistor = _made(_TRANSISTORS[name], "transistor", header["transistor"], data)
    return OneTransistorOneResistor(
        array, transistor, gate_voltage=data["cell_gates"], gate_along=header["gate_along"],
        transistor_side=header["transistor_side"], temperature=data.get("cell_temperature"),
    )

