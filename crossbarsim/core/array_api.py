"""One maths for NumPy arrays and torch tensors; torch is only used where the caller has it."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .errors import ParameterError
from .validation import real_array

__all__ = ["Values", "as_float", "clip", "constant", "interpolate", "is_tensor", "like",
           "namespace", "search", "straight_through"]

# a NumPy array or a torch tensor, in and out alike
Values = Any


def is_tensor(x: Values) -> bool:
    """Return whether x is a torch tensor; never imports torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def namespace(x: Values) -> Any:
    """Return the module whose functions take x: torch for its tensors, else numpy."""
    return sys.modules["torch"] if is_tensor(x) else np


def as_float(name: str, x: Any) -> Values:
    """Return `x` as a tensor or array of floating point numbers; float32 stays float32."""
    if is_tensor(x):
        if not x.is_floating_point():
            raise ParameterError(f"`{name}` must hold floating point numbers; got {x.dtype}")
        if x.is_sparse or x.is_meta:
            raise ParameterError(f"`{name}` must be a dense tensor of numbers; got {x.layout}")
        return x
    array = real_array(name, x)  # NaN goes through, as in torch
    given = np.asarray(x)
    return given if given.dtype.kind == "f" else array


def like(values: Any, x: Values) -> Values:
    """Return numbers or an array as what x is: a tensor of its type and device, or as they are."""
    return values if is_tensor(values) or not is_tensor(x) else constant(values, x)


def constant(values: Any, x: Values) -> Values:
    """Return numbers, an array or a tensor in the kind, the precision and the device of x."""
    if not is_tensor(x):
        return np.asarray(values, dtype=x.dtype)
    return sys.modules["torch"].as_tensor(values, dtype=x.dtype, device=x.device)


def clip(x: Values, low: Any = None, high: Any = None) -> Values:
    """Return x between low and high, numbers or arrays, each optional.

    At a limit the gradient is that of x, beyond it 0.
    """
    if low is None and high is None:
        return x
    if not is_tensor(x):
        return np.clip(x, low, high)
    if not all(v is None or isinstance(v, (int, float)) for v in (low, high)):
        low, high = (None if v is None else like(v, x) for v in (low, high))
    return x.clamp(low, high)


def straight_through(x: Values, rounded: Values) -> Values:
    """Return `rounded`, with the gradient of x alone (Bengio et al., arXiv:1308.3432, 2013)."""
    # in this order the value is exactly `rounded`: x - x is 0
    return rounded.detach() + (x - x.detach()) if is_tensor(x) else rounded


def search(table: Any, x: Values) -> Values:
    """Return for every x how many entries of the sorted table (K,) are below it."""
    if is_tensor(x):
        return sys.modules["torch"].searchsorted(like(table, x), x.detach().contiguous())
    return np.searchsorted(table, x)


def interpolate(x: Values, points: Any, values: Any) -> Values:
    """Return values (K,) at x, linear between the rising points (K,), constant outside."""
    if not is_tensor(x):
        return np.interp(x, points, values)
    p, v = like(points, x), like(values, x)
    k = search(p, x).clamp(1, len(p) - 1)
    share = ((x - p[k - 1]) / (p[k] - p[k - 1])).clamp(0.0, 1.0)
    return v[k - 1] + share * (v[k] - v[k - 1])
