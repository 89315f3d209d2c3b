"""Excess currents of many cells at many voltages: Chebyshev series, cell by cell."""

from __future__ import annotations

from typing import Any

from ...core.compiled.jit import lean
from ...core.compiled.simd import WIDTH, fma, larger, load, mul, splat_like, store, sub

__all__ = ["series"]

_BLOCK = 512  # cells whose coefficients stay near while all vectors pass


@lean
def series(v: Any, coefficients: Any, reach: float, out: Any) -> None:
    """Fill out[b, k] = sum_m coefficients[m, k] T_m(v[b, k] / reach), by Clenshaw's recurrence.

    v, out (B, n) and coefficients (K, n), K >= 2, of float32; out may be v. Beyond `reach` the
    value at its end is taken.
    """
    B, n = v.shape
    K = coefficients.shape[0]
    shrink = splat_like(v, 1.0 / reach)
    zero, least = splat_like(v, 0.0), splat_like(v, -1.0)
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        full = start + (stop - start) // WIDTH * WIDTH
        for b in range(B):
            for k in range(start, full, WIDTH):
                at = b * n + k
                x = larger(mul(shrink, load(v, at)), least)
                x = sub(zero, larger(sub(zero, x), least))
                twice = mul(x, splat_like(v, 2.0))
                after, here = zero, load(coefficients, (K - 1) * n + k)
                for m in range(K - 2, 0, -1):
                    before = fma(twice, here, sub(load(coefficients, m * n + k), after))
                    after, here = here, before
                store(out, at, fma(x, here, sub(load(coefficients, k), after)))
            for k in range(full, stop):
                y = min(max(v[b, k] / reach, -1.0), 1.0)
                last, this = 0.0, 1.0 * coefficients[K - 1, k]
                for m in range(K - 2, 0, -1):
                    last, this = this, 2.0 * y * this + coefficients[m, k] - last
                out[b, k] = y * this + coefficients[0, k] - last
