"""Arrays of cells to and from named arrays, for saved crossbars."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.errors import NetlistError
from ...netlists.device_protocol import model
from ..base import Device
from .access_cells import OneSelectorOneResistor, OneTransistorOneResistor
from .device_array import DeviceArray
from .transistors import EKV, Level1, Transistor

__all__ = ["read_cells", "write_cells"]

_TRANSISTORS = {cls.name: cls for cls in (EKV, Level1)}


def _write(prefix: str, part: Device | Transistor, out: dict[str, Any]) -> dict[str, Any]:
    """Put the parameters of a device or transistor into `out`; return its header."""
    header: dict[str, Any] = {"model": part.name}
    choices: dict[str, str] = {}
    if isinstance(part, Device):
        header |= {"polarity": part.polarity, "read_voltage": part.read_voltage}
        choices = part.choices
    for name in part.parameters():
        if name not in choices:
            out[f"{prefix}_{name}"] = np.asarray(getattr(part, name))
    return {**header, "choices": choices}


def _read(prefix: str, header: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments that make the part again."""
    start = f"{prefix}_"
    given = {
        name[len(start):]: data[name] for name in data if name.startswith(start)
    }
    extra = {k: header[k] for k in ("polarity", "read_voltage") if k in header}
    return {**given, **header["choices"], **extra}


def write_cells(cells: DeviceArray) -> dict[str, Any]:
    """Return all that defines `cells` as named arrays."""
    out: dict[str, Any] = {"cell_state": cells.state, "cell_capacitance": cells.capacitance}
    header: dict[str, Any] = {"device": _write("device", cells.device, out)}
    if isinstance(cells, OneSelectorOneResistor):
        header["selector"] = _write("selector", cells.selector, out)
    if isinstance(cells, OneTransistorOneResistor):
        header["transistor"] = _write("transistor", cells.transistor, out)
        header |= {"gate_along": cells.gate_along, "transistor_side": cells.transistor_side}
        out["cell_gates"] = cells.gates()
    return {"cells": np.array(json.dumps(header)), **out}


def _device(prefix: str, header: Mapping[str, Any], data: Mapping[str, Any]) -> Device:
    made: Device = model(header["model"])(**_read(prefix, header, data))
    return made


def read_cells(data: Mapping[str, Any]) -> DeviceArray:
    """Return the cells that `write_cells` described."""
    header = json.loads(str(data["cells"]))
    device = _device("device", header["device"], data)
    state = data["cell_state"]
    count = len(device.states)
    array = DeviceArray(device, np.ascontiguousarray(state[:count]), data["cell_capacitance"])
    if "selector" in header:
        pair = OneSelectorOneResistor(array, _device("selector", header["selector"], data))
        return pair.with_state(state)
    if "transistor" not in header:
        return array
    name = header["transistor"]["model"]
    if name not in _TRANSISTORS:
        raise NetlistError(f"holds cells with an unknown transistor, {name!r}")
    transistor = _TRANSISTORS[name](**_read("transistor", header["transistor"], data))
    return OneTransistorOneResistor(
        array, transistor, gate_voltage=data["cell_gates"], gate_along=header["gate_along"],
        transistor_side=header["transistor_side"],
    )

