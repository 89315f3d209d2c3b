"""Values that no argument expects, and the same values in other clothes; what came of a call."""

import datetime as dt
import decimal
import fractions
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from crossbarsim.solvers.circuit.system.element_group import ElementGroup

from crossbarsim import Circuit, CrossbarSimError

HUGE = 10**400  # an integer that no float holds

BAD: dict[str, Any] = {
    "nan": np.nan, "inf": np.inf, "-inf": -np.inf, "negative": -1.0, "zero": 0, "None": None,
    "string": "nonsense", "empty string": "", "number in a string": "1e-3", "bytes": b"x",
    "True": True, "numpy bool": np.True_, "complex": 1 + 1j, "complex array": np.array([1j, 2.0]), "huge": HUGE,
    "huge negative": -HUGE, "huge list": [HUGE], "2**63": 2**63, "1.5": 1.5, "list": [], "tuple": (), "no size": np.empty(0), "no size 2d": np.empty((0, 3)),
    "four axes": np.ones((3, 5, 2, 2)), "vector of 7": np.ones(7), "strings": np.array(["a", "b"]), "list of strings": ["a"],
    "objects": np.array([object(), None]), "ragged": [[1.0], [1.0, 2.0]], "nan array": np.full(2, np.nan),
    "nan matrix": np.full((2, 2), np.nan), "masked": np.ma.masked_greater(np.array([1.0, 2.0]), 1.5), "masked matrix": np.ma.masked_greater(np.array([[1e-4, 2e-4]] * 2), 1.5e-4),
    "date": dt.date(2020, 1, 1), "datetime64": np.datetime64("2020-01-01"),
    "timedelta": dt.timedelta(seconds=1), "dates": np.array(["2020-01-01"], dtype="datetime64[D]"),
    "dict": {}, "dict of numbers": {"a": 1.0}, "odd keys": {1: 2, None: "x"}, "set": {1.0}, "class": float, "function": lambda *_, **__: 1.0, "object": object(),
    "ellipsis": ..., "range": range(2), "generator": "a generator", "structured": np.zeros(2, dtype=[("a", float)]),
    "void": np.void(b"abc"), "decimal": decimal.Decimal("1e-3"), "fraction": fractions.Fraction(1, 3), "NotImplemented": NotImplemented,
}


def bad_values() -> dict[str, Any]:
    """Return the values by name, those of other packages among them."""
    import pandas as pd
    import torch

    return BAD | {
        "grad": torch.ones(2, dtype=torch.float64, requires_grad=True),
        "grad matrix": torch.full((2, 2), 1e-4, requires_grad=True),
        "grad scalar": torch.tensor(0.5, requires_grad=True), "meta tensor": torch.ones(2, device="meta"),
        "sparse tensor": torch.eye(2).to_sparse(), "series": pd.Series(["a", "b"]), "NA": pd.NA, "NaT": pd.NaT,
        "timestamp": pd.Timestamp("2020-01-01"), "frame with a gap": pd.DataFrame({"a": [1.0, None]}),
    }


def clothes(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the same numbers as other types and layouts."""
    import pandas as pd
    import torch

    if isinstance(value, bool) or not isinstance(value, (int, float, list, tuple, np.ndarray)):
        return
    try:
        array = np.array(value)
    except ValueError:
        return
    if array.dtype.kind not in "fi" or not array.size:
        return
    if array.ndim == 0:
        yield "numpy scalar", array[()]
        yield "no axes", array
        yield "tensor", torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else None)
        if float(value).is_integer():
            yield "numpy integer", np.int64(value)
            yield "float", float(value)
        return
    frozen = array.copy()
    frozen.setflags(write=False)
    wide = np.repeat(np.repeat(array, 2, axis=-1), 2, axis=0)
    yield "read-only", frozen
    yield "Fortran order", np.asfortranarray(array)
    yield "strided", wide[::2, ..., ::2] if array.ndim > 1 else np.repeat(array, 2)[::2]
    yield "reversed", array[::-1].copy()[::-1]
    yield "list", array.tolist()
    yield "tensor", torch.from_numpy(array.copy())
    yield "big-endian", array.astype(array.dtype.newbyteorder(">"))
    yield "no mask", np.ma.array(array)
    yield "objects", array.astype(object)
    if array.ndim < 3:
        yield "frame", pd.DataFrame(array) if array.ndim == 2 else pd.Series(array)
        yield "frame with another index", (
            pd.DataFrame(array, index=[f"k{k}" for k in range(len(array))]) if array.ndim == 2
            else pd.Series(array, index=[f"k{k}" for k in range(len(array))]))


ALIASES = {
    "Seed": "int None Sequence", "Progress": "bool None Callable", "Dependence": "float Callable", "Setting": "float None",
    "Backend": "str",
}
# what an annotation must contain for a value to pass
NEEDS = {
    "None": ("None",), "string": ("str",), "empty string": ("str",), "number in a string": ("str",), "bytes": (),
    "True": ("bool",), "numpy bool": ("bool",), "complex": (), "complex array": (),
}
NEVER = ("nan", "nan array", "nan matrix", "masked", "masked matrix", "date", "datetime64", "timedelta", "dates", "objects",
         "structured", "void", "class", "object", "ellipsis", "NotImplemented", "complex", "complex array", "ragged",
         "NA", "NaT", "timestamp", "series", "frame with a gap", "set", "bytes", "meta tensor", "strings", "huge", "huge negative", "huge list", "odd keys", "generator")


def allowed(name: str, label: str, annotation: str) -> bool:
    """Whether an annotation allows a bad value to be accepted."""
    words = re.findall(r"\w+", annotation)
    words += [w for word in words for w in ALIASES.get(word, "").split()]
    if "seed" in name and "huge" in label:
        return True  # any integer is a seed
    if "Values" in words and ("nan" in label or "gap" in label):
        return True  # a lost number stays lost: it is not hidden
    if label in ("class", "function") and "Callable" in words:
        return True
    if "object" in words or "Any" in words:
        return True
    if label in NEEDS:
        return any(word in words for word in NEEDS[label])
    return label not in NEVER


def fingerprint(value: Any, depth: int = 0) -> Any:
    """Return what can be compared of a result."""
    if isinstance(value, (str, bytes, bool, type(None), type)):
        return value
    if isinstance(value, (int, float, complex, np.number)):
        return complex(value)
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        return (value.shape, tuple(map(fingerprint, value.ravel().tolist())))
    if isinstance(value, Mapping):
        return {str(k): fingerprint(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [fingerprint(v, depth + 1) for v in value]
    if hasattr(value, "to_arrays"):
        return fingerprint(value.to_arrays(), depth + 1)
    if isinstance(value, Circuit):
        return value.to_spice()
    if depth < 4:
        slots = {k: getattr(value, k) for k in getattr(value, "__slots__", ()) if hasattr(value, k)}
        held = {**slots, **getattr(value, "__dict__", {})}
        if type(value).__module__.startswith("crossbarsim"):
            quiet = ("seconds", "cpu_seconds", "steps", "hash")
            if isinstance(value, ElementGroup):
                quiet += ("_place", "_block")  # addresses
            return {k: fingerprint(v, depth + 1) for k, v in held.items() if k not in quiet}
        if hasattr(value, "to_dict"):
            return fingerprint(value.to_dict(), depth + 1)
    return type(value).__name__


def equal(a: Any, b: Any) -> bool:
    """Whether two fingerprints are one, but for rounding."""
    if isinstance(a, complex) and isinstance(b, complex):
        near = bool(np.isfinite(a) and np.isfinite(b)) and abs(a - b) <= 1e-9 * max(abs(a), abs(b))
        return a == b or near or bool(np.isnan(a) and np.isnan(b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    return bool(a == b)


def judge(entry: Any, name: str, label: str, value: Any) -> str:
    """Return what is wrong with what a call does with a bad value; empty where nothing is."""
    try:
        entry.call(**{**entry.arguments, name: value})
    except CrossbarSimError as error:
        shown = repr(value)[:12]  # what is shown is named, too
        words = [name, name.rstrip("s"), *name.split("_"), shown, shown.strip("'"), str(entry.arguments.get("name", name))]
        text = str(error)
        return "" if any(w.lower() in text.lower() for w in words) else f"UNNAMED {type(error).__name__}: {text:.150}"
    except Exception as error:  # noqa: BLE001 - what this test looks for
        return f"FOREIGN {type(error).__name__}: {error!s:.150}"
    return "" if allowed(name, label, entry.annotations[name]) else f"TAKEN as {entry.annotations[name]}"
