"""Line ends to and from JSON, for saved crossbars."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from .ends import (
    END_NAMES,
    Driven,
    Ends,
    Floating,
    Grounded,
    LoadResistor,
    Sensed,
    Transimpedance,
    VirtualGround,
)

__all__ = ["ends_from_json", "ends_to_json"]

_TYPES = {
    cls.__name__: cls
    for cls in (Driven, Floating, Grounded, LoadResistor, Sensed, Transimpedance, VirtualGround)
}


def _encode(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    if type(value).__name__ in _TYPES:
        return {"type": type(value).__name__} | {
            f.name: _encode(getattr(value, f.name)) for f in fields(value)
        }
    return value if value is None else float(value)


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decode(item) for item in value)
    if isinstance(value, dict):
        cls: Any = _TYPES[value["type"]]
        return cls(**{name: _decode(item) for name, item in value.items() if name != "type"})
    return value


def ends_to_json(ends: Ends) -> dict[str, Any]:
    """Return `ends` as nested dicts and lists that `json` writes."""
    return {name: _encode(getattr(ends, name)) for name in END_NAMES}


def ends_from_json(data: dict[str, Any]) -> Ends:
    """Return the `Ends` that `ends_to_json` encoded."""
    return Ends(**{name: _decode(data[name]) for name in END_NAMES})
