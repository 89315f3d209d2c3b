"""The values that a module gives its parameters where nothing is said: of a set-up of its own."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from . import abi
from .messages import take_messages
from .module import Code, Parameter

__all__ = ["read_defaults", "read_value", "simulator_parameters"]

Value = float | int | str


def simulator_parameters(values: dict[str, float]) -> abi.SimParameters:
    """Return what ``$simparam`` finds; keep it as long as something may ask."""
    names = (ctypes.c_char_p * (len(values) + 1))(*(n.encode() for n in values), None)
    numbers = (ctypes.c_double * max(len(values), 1))(*values.values())
    none = (ctypes.c_char_p * 1)(None)
    return abi.SimParameters(names, numbers, none, none)


def read_value(address: int, kind: str) -> Value:
    """Return the number or text at an address."""
    if kind == "real":
        return ctypes.c_double.from_address(address).value
    if kind == "integer":
        return ctypes.c_int32.from_address(address).value
    return (ctypes.c_char_p.from_address(address).value or b"").decode("utf-8", "replace")


def read_defaults(
    code: Code, records: Sequence[Parameter], terminals: int
) -> dict[int, Value]:
    """Set up a model and an instance with nothing given; return the parameters' values."""
    model = ctypes.create_string_buffer(code.model_size or 1)
    instance = ctypes.create_string_buffer(code.instance_size)
    known = simulator_parameters({"gmin": 1e-12, "tnom": 27.0})
    info, call = abi.InitInfo(), code.functions
    abi.SetUpModel(call["setup_model"])(None, model, known, info)
    abi.SetUpInstance(call["setup_instance"])(
        None, instance, model, 300.15, terminals, known, info)
    take_messages()  # what is out of range without a value concerns who gives none
    access, found = abi.Access(call["access"]), {}
    for r in records:
        if r.kind != "variable" and not r.length:
            flags = abi.INSTANCE if r.kind == "instance" else 0
            address = access(instance if r.kind == "instance" else None, model, r.index, flags)
            if address:
                found[r.index] = read_value(address, r.type)
    return found
