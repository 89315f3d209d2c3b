"""Settings as plain numbers, strings and lists, for a record of what was simulated."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["record"]

_SMALL = 4096  # entries of an array that a record spells out


def record(value: Any) -> Any:
    """Return settings as JSON holds them; objects of other packages as their name and numbers."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        if value.size <= _SMALL:
            return value.tolist()
        return {"shape": list(value.shape), "sum": float(value.sum())}
    own = getattr(value, "to_dict", None)
    if callable(own) and not isinstance(value, type):
        return own()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: record(getattr(value, f.name)) for f in dataclasses.fields(value)
                  if f.init}
        return {"kind": type(value).__name__, **fields}
    if isinstance(value, Mapping):
        return {str(key): record(entry) for key, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return [record(entry) for entry in value]
    law: Any = getattr(value, "dist", None)
    if hasattr(value, "ppf") and hasattr(law, "name"):  # a frozen distribution of SciPy
        return {"kind": f"scipy.stats.{law.name}", "args": record(list(value.args)),
                "kwds": record(dict(value.kwds))}
    name = getattr(value, "__qualname__", None)
    return f"{value.__module__}.{name}" if name else repr(value)
