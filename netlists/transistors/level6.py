"""MOS level 6: the law of the n-th power.

T. Sakurai and A. R. Newton, *A simple MOSFET model for circuit analysis*, IEEE Trans. Electron
Devices 38:887 (1991), with SPICE3's body effect and static feedback. Laws are for an n-channel
transistor with vds >= 0; whoever calls them turns channels over.
"""

from __future__ import annotations

import math
from typing import Any

__all__ = ["transistor"]


def transistor(vgs: float, vds: float, vbs: float, p: Any) -> tuple[float, float, float]:
    """Return drain current, threshold and saturation voltage.

    `p` has vbi, gamma, gamma1, phi (volt, V^0.5, 1, volt), sigma, beta = kc w/l and nc (A/V^nc), kv
    and nv (V^(1 - nv)), lambda0 (1/V) and lambda1 (1/V^2) at the transistor's temperature.
    """
    root = math.sqrt(p.phi)
    if vbs <= 0.0:  # noqa: SIM108 - derivatives at 0 are those of reverse bias
        body = math.sqrt(p.phi - vbs)
    else:
        body = max(root - 0.5 * vbs / root, 0.0)
    von = p.vbi + p.gamma * body - p.gamma1 * vbs - p.sigma * vds
    over = vgs - von
    if over <= 0.0:
        return 0.0, von, 0.0
    size = math.log(over)
    vdsat = p.kv * math.exp(size * p.nv)
    current = p.beta * math.exp(size * p.nc) * (1.0 + (p.lambda0 - p.lambda1 * vbs) * vds)
    if vds < vdsat:
        share = vds / vdsat
        current = current * (2.0 - share) * share
    return current, von, vdsat
