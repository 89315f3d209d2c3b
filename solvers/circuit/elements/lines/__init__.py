"""Transmission lines: ideal ones by waves, lossy ones by convolution.

`ideal` has the lines T, `lossy` the lines O; `line_constants` what a uniform line is at one
frequency, `responses` its answers to ramps in time and `kernels_history` their sums over the past.
Importing this registers them.
"""

from __future__ import annotations

from . import ideal, lossy

__all__ = ["ideal", "lossy"]
