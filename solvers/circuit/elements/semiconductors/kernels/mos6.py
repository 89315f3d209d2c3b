"""MOS level 6: the law of `netlists.transistors.level6`, differentiated."""

from __future__ import annotations

from ......netlists.transistors.level6 import transistor
from .law import derived
from .mos_rows import BETA, FEEDBACK, GAMMA, GAMMA1, KV, LAMBDA, LAMBDA1, NC, NV, PHI, VBI

__all__ = ["level6"]

# (vgs, vds, vbs, p, e) -> drain current, threshold and saturation voltage for vds >= 0
level6 = derived(transistor, {
    "vbi": VBI, "gamma": GAMMA, "gamma1": GAMMA1, "phi": PHI, "sigma": FEEDBACK, "beta": BETA,
    "kv": KV, "nv": NV, "nc": NC, "lambda0": LAMBDA, "lambda1": LAMBDA1,
})
