"""MOS level 1: the law of `netlists.transistors.level1`, differentiated."""

from __future__ import annotations

from ......netlists.transistors.level1 import transistor
from .law import derived
from .mos_rows import BETA, GAMMA, LAMBDA, PHI, VTO

__all__ = ["level1"]

# (vgs, vds, vbs, p, e) -> drain current, threshold and saturation voltage for vds >= 0
level1 = derived(
    transistor, {"vto": VTO, "gamma": GAMMA, "phi": PHI, "beta": BETA, "lambda_": LAMBDA}
)
