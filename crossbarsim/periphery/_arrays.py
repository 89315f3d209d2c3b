"""What is the same for NumPy arrays and torch tensors; torch is never imported here."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from ..netlists._check import Array
from ..netlists.errors import ParameterError

__all__ = [
    "as_float",
    "check_choice",
    "check_errors",
    "check_integer",
    "check_number",
    "constant",
    "is_torch",
    "namespace",
    "normal",
    "saturate",
    "straight_through",
]


def is_torch(x: Any) -> bool:
    """Return whether `x` is a torch tensor, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def namespace(x: Any) -> Any:
    """Return the module whose functions take `x`: torch for tensors, else numpy."""
    return sys.modules["torch"] if is_torch(x) else np


def as_float(name: str, x: Any) -> Any:
    """Return `x` as a tensor or array of floating point numbers; float32 stays float32."""
    if is_torch(x):
        if not x.is_floating_point():
            raise ParameterError(f"`{name}` must hold floating point numbers; got {x.dtype}")
        return x
    array = np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise ParameterError(f"`{name}` must hold real numbers; got {array.dtype}")
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def constant(value: Any, like: Any) -> Any:
    """Return an array of errors in the kind, precision and device of `like`."""
    if is_torch(like):
        torch = namespace(like)
        if is_torch(value):
            return value.to(device=like.device, dtype=like.dtype)
        return torch.as_tensor(value, dtype=like.dtype, device=like.device)
    return np.asarray(value, dtype=like.dtype)


def straight_through(x: Any, quantised: Any) -> Any:
    """Return `quantised` with the gradient of `x` (Bengio et al., arXiv:1308.3432, 2013)."""
    # In this order the value is exactly `quantised`: x - x is 0.
    return quantised + (x - x.detach()) if is_torch(x) else quantised


def saturate(x: Any, low: Any, high: Any) -> Any:
    """Return `x` held between two numbers; the gradient is 0 outside of them."""
    if is_torch(x):
        return x.clamp(low, high)
    return np.clip(x, low, high)


def check_number(
    name: str, value: Any, *, low: float = 0.0, open_low: bool = False, infinite: bool = False,
    high: float = math.inf,
) -> float:
    """Return `value` as a float between the limits, or raise a ParameterError that says them."""
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    fits = real and (value > low if open_low else value >= low) and value <= high
    if not (fits and (infinite or math.isfinite(value))):
        limit = f"{'>' if open_low else '>='} {low:g}"
        limit += f" and <= {high:g}" if high < math.inf else ""
        kind = "a number" if infinite else "a finite number"
        raise ParameterError(f"`{name}` must be {kind} {limit}; got {value!r:.60}")
    return float(value)


def check_integer(name: str, value: Any, low: int, high: int) -> int:
    """Return `value`, an integer from `low` to `high`."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not (whole and low <= value <= high):
        raise ParameterError(f"`{name}` must be an integer from {low} to {high}; got {value!r:.60}")
    return int(value)


def check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Raise a ParameterError unless `value` is one of `allowed`."""
    if value not in allowed:
        choices = ", ".join(f'"{item}"' for item in allowed)
        raise ParameterError(f"`{name}` must be one of {choices}; got {value!r:.60}")


def check_errors(converter: Any) -> None:
    """Check the standard deviations of the static errors of a DAC or ADC."""
    for name in ("inl", "offset"):
        check_number(name, getattr(converter, name), high=2.0**16)
    for name in ("dnl", "gain_error"):
        check_number(name, getattr(converter, name), high=1.0)


def normal(generator: np.random.Generator, sigma: float, count: int) -> Array | None:
    """Return `count` normal numbers of standard deviation `sigma`; None where that is 0."""
    return sigma * generator.standard_normal(count) if sigma else None
