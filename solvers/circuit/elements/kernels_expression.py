"""Compiled evaluation of a device's law for many devices, with all derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numba
import numpy as np

from ....core.validation import Array

__all__ = ["evaluator"]


def evaluator(device: Any) -> Callable[[Array, Array, Array, Array], None]:
    """Return ``f(v, x, P, out)``: v (E,), x (S, E), parameters P (K, 1) or (K, E), out (E, rows).

    The rows of `out` are those of `DeviceModel.law`.
    """
    return _loop(type(device).law())


@lru_cache(maxsize=64)
def _loop(source: str) -> Callable[[Array, Array, Array, Array], None]:
    scope: dict[str, Any] = {"math": math, "np": np}
    compiled = numba.njit(nogil=True, error_model="numpy")
    for part in source.split("\n\n"):
        if part.strip():
            name = part.split("def ", 1)[1].split("(", 1)[0]
            exec(compile(part, f"<law {name}>", "exec"), scope)  # noqa: S102 - the model's own law
            scope[name] = compiled(scope[name])
    evaluate = scope["evaluate"]

    @compiled
    def many(v: Array, x: Array, parameters: Array, out: Array) -> None:
        alike = parameters.shape[1] == 1
        p = parameters[:, 0].copy()
        state = np.empty(x.shape[0])
        for k in range(v.shape[0]):
            if not alike:
                p[:] = parameters[:, k]
            state[:] = x[:, k]
            evaluate(v[k], state, p, out[k])

    result: Callable[[Array, Array, Array, Array], None] = many
    return result
