"""JFET level 2: A. E. Parker and D. J. Skellern's transistor with dispersion.

*A realistic large-signal MESFET model for SPICE*, IEEE Trans. Microwave Theory Tech. 45:1563
(1997): two power laws, weak conduction below the threshold, thresholds that follow slow traps, and
heating. Charges of the gate: H. Statz et al., IEEE Trans. Electron Devices 34:160 (1987). Laws are
for an n-channel transistor; the channel's is for vgs >= vgd, whoever calls it turns it over.
"""

from __future__ import annotations

import math
from typing import Any

from .ekv import softplus

__all__ = ["channel", "gate_charge"]


def channel(
    vgs: float, vgd: float, slow_gs: float, slow_gd: float, p: Any
) -> tuple[float, float]:
    """Return the drain current without heating, ampere, and its power, watt.

    `slow_gs` and `slow_gd` are the voltages that traps have followed. `p` has vto, vst, woo, z, xi
    and so on as the card, lower case, d3 = p / q / woo^(p - q) with woo = vbi - vto, za = (1 +
    z)^0.5 / 2, and beta at the transistor's area.
    """
    vds = vgs - vgd
    over = vgs - p.vto - (p.lfgam - p.lfg1 * slow_gs + p.lfg2 * slow_gd) * slow_gd
    over = over + (p.hfeta - p.hfe1 * slow_gd + p.hfe2 * slow_gs) * (slow_gs - vgs)
    over = over + (p.hfgam - p.hfg1 * slow_gs + p.hfg2 * slow_gd) * (slow_gd - vgd)
    slope = p.vst * (1.0 + p.mvst * vds)
    drive = slope * softplus(over / slope) if slope > 0.0 else max(over, 0.0)
    if drive <= 1e-30:
        return 0.0, 0.0
    stretched = vds * p.d3 * drive ** (p.p - p.q)
    early = drive / (p.mxi * drive + p.xi_woo)
    saturation = drive / (1.0 + early)
    a = p.za * stretched + 0.5 * saturation
    b = a - saturation
    bend = 0.25 * p.z * saturation * saturation
    across = math.sqrt(a * a + bend) - math.sqrt(b * b + bend)
    near = drive ** (p.q - 1.0)
    far = max(drive - across, 1e-16 * drive) ** (p.q - 1.0)  # across rounds
    current = p.beta * (1.0 + p.lambda_ * vds) * (across * far + drive * (near - far))
    return current, vds * current


def gate_charge(vgs: float, vgd: float, p: Any) -> float:
    """Return the gate's charge, coulomb.

    `p` has cgs, cgd (farad), acgam, xc, vbi, vto, vmax = fc vbi (volt) and alpha (volt^2).
    """
    vds = vgs - vgd
    vert = math.sqrt(vds * vds + p.alpha)
    effective = 0.5 * (vgs + vgd + vert) + p.acgam * vds
    above = (1.0 - p.xc) * (effective - p.vto)
    new = effective + 0.5 * (math.sqrt(above * above + 0.04) - above)
    if new < p.vmax:
        held = 2.0 * p.vbi * (1.0 - math.sqrt(1.0 - new / p.vbi))
    else:
        half = 0.5 * (new - p.vmax)
        root = math.sqrt(1.0 - p.vmax / p.vbi)
        held = 2.0 * p.vbi * (1.0 - root) + half * (2.0 + half / (p.vbi - p.vmax)) / root
    charge: float = p.cgs * held + p.cgd * (effective - vert)
    return charge
