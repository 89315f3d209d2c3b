"""What is the same for NumPy arrays and torch tensors; torch is never imported here."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array_api import is_tensor, namespace
from .errors import ParameterError
from .settings import number
from .validation import Array

__all__ = ["as_float", "check_errors", "constant", "normal", "saturate"]


def as_float(name: str, x: Any) -> Any:
    """Return `x` as a tensor or array of floating point numbers; float32 stays float32."""
    if is_tensor(x):
        if not x.is_floating_point():
            raise ParameterError(f"`{name}` must hold floating point numbers; got {x.dtype}")
        return x
    array = np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise ParameterError(f"`{name}` must hold real numbers; got {array.dtype}")
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def constant(value: Any, like: Any) -> Any:
    """Return an array of errors in the kind, precision and device of `like`."""
    if is_tensor(like):
        torch = namespace(like)
        if is_tensor(value):
            return value.to(device=like.device, dtype=like.dtype)
        return torch.as_tensor(value, dtype=like.dtype, device=like.device)
    return np.asarray(value, dtype=like.dtype)


def saturate(x: Any, low: Any, high: Any) -> Any:
    """Return `x` held between two numbers; the gradient is 0 outside of them."""
    if is_tensor(x):
        return x.clamp(low, high)
    return np.clip(x, low, high)


def check_errors(converter: Any) -> None:
    """Check the standard deviations of the static errors of a DAC or ADC."""
    for name in ("inl", "offset"):
        number(name, getattr(converter, name), low=0.0, high=2.0**16)
    for name in ("dnl", "gain_error"):
        number(name, getattr(converter, name), low=0.0, high=1.0)


def normal(generator: np.random.Generator, sigma: float, count: int) -> Array | None:
    """Return `count` normal numbers of standard deviation `sigma`; None where that is 0."""
    return sigma * generator.standard_normal(count) if sigma else None
