"""MOS level 2, Grove-Frohman: A. Vladimirescu and S. Liu, UCB/ERL M80/7 (1980).

The saturation voltage under velocity saturation is Baum's root of a polynomial of degree four (G.
Baum and H. Beneking, IEEE Trans. Electron Devices 17:481, 1970).
"""

from __future__ import annotations

import math

from ......core.compiled.jit import inlined
from ......core.validation import Array
from .dual_numbers import (
    Dual,
    add,
    constant,
    div,
    exp,
    larger,
    linear,
    mul,
    power,
    scale,
    shift,
    smaller,
    sqrt,
    square,
    sub,
)
from .mos_rows import (
    BETA,
    BULK_POTENTIAL,
    CFS,
    COX,
    CRITICAL,
    EXPONENT,
    FACTOR,
    GAMMA,
    LAMBDA,
    LENGTH,
    MOBILITY,
    NEFF,
    NSUB,
    PHI,
    VBI,
    VMAX,
    VT,
    XD,
    XJ,
)

__all__ = ["level2"]


@inlined
def _root(inside: Dual, phi: float) -> Dual:
    """Return the root of phi less a junction's voltage, which stays positive in forward bias."""
    if inside[0] >= phi:
        return sqrt(inside)
    # v = phi - inside > 0
    k = shift(scale(-0.5 / phi, shift(inside, -phi)), 1.0)
    return div(constant(math.sqrt(phi)), k)


@inlined
def _root_slope(root: Dual, inside: Dual, phi: float) -> Dual:
    """Return the derivative of `_root` by the junction's voltage."""
    if inside[0] >= phi:
        return div(constant(-0.5), root)
    return scale(-0.5 / (phi * math.sqrt(phi)), square(root))


@inlined
def _cubic(a: float, b: float, c: float) -> float:
    """Return the largest real root of y^3 + a y^2 + b y + c."""
    r, s = b - a * a / 3.0, 2.0 * a * a * a / 27.0 - a * b / 3.0 + c
    p = 0.25 * s * s + r * r * r / 27.0
    if p < 0.0:
        size = math.sqrt(-r * r * r / 27.0)
        angle = math.acos(max(-1.0, min(1.0, -0.5 * s / size)))
        return 2.0 * math.exp(math.log(size) / 3.0) * math.cos(angle / 3.0) - a / 3.0
    q = math.sqrt(p)
    left, right = -0.5 * s + q, -0.5 * s - q
    left = math.copysign(math.exp(math.log(max(abs(left), 1e-300)) / 3.0), left)
    right = math.copysign(math.exp(math.log(max(abs(right), 1e-300)) / 3.0), right)
    return left + right - a / 3.0


@inlined
def _quartic(a: float, b: float, c: float, d: float) -> float:
    """Return the smallest positive root of x^4 + a x^3 + b x^2 + c x + d (Ferrari), or -1."""
    y = _cubic(-b, a * c - 4.0 * d, -d * (a * a - 4.0 * b) - c * c)
    m, n = math.sqrt(max(0.25 * a * a - b + y, 0.0)), math.sqrt(max(0.25 * y * y - d, 0.0))
    best = -1.0
    for first in (1.0, -1.0):
        for second in (1.0, -1.0):
            p, q = 0.5 * a + first * m, 0.5 * y + second * n
            inside = 0.25 * p * p - q
            if inside < 0.0:
                continue
            for third in (1.0, -1.0):
                x = -0.5 * p + third * math.sqrt(inside)
                value = (((x + a) * x + b) * x + c) * x + d
                if x > 0.0 and abs(value) <= 1e-6 and (best < 0.0 or x < best):
                    best = x
    if best <= 0.0:
        return best
    value = (((best + a) * best + b) * best + c) * best + d
    for _ in range(3):  # the closed form loses digits
        slope = ((4.0 * best + 3.0 * a) * best + 2.0 * b) * best + c
        x = best - value / slope if slope != 0.0 else -1.0
        at_x = (((x + a) * x + b) * x + c) * x + d
        if x <= 0.0 or abs(at_x) >= abs(value):  # what was a root within the tolerance only
            break
        best, value = x, at_x
    return best


@inlined
def _baum(
    gamma: Dual, v1: Dual, v2: Dual, xv: Dual, source3: Dual, found: Dual
) -> Dual:
    """Return the saturation voltage of scattering-limited velocity, or `found` if none is below."""
    a = scale(4.0 / 3.0, gamma)
    b = scale(-2.0, add(v1, xv))
    c = scale(-2.0, mul(gamma, xv))
    d = sub(scale(2.0, mul(v1, add(v2, xv))), square(v2))
    d = sub(d, scale(4.0 / 3.0, mul(gamma, source3)))
    x = _quartic(a[0], b[0], c[0], d[0])
    if x <= 0.0:
        return found
    slope = ((4.0 * x + 3.0 * a[0]) * x + 2.0 * b[0]) * x + c[0]
    if slope == 0.0:
        return found
    k, x2 = -1.0 / slope, x * x
    root = linear(
        x,
        k * (x2 * x * a[1] + x2 * b[1] + x * c[1] + d[1]),
        k * (x2 * x * a[2] + x2 * b[2] + x * c[2] + d[2]),
        k * (x2 * x * a[3] + x2 * b[3] + x * c[3] + d[3]),
    )
    limited = sub(square(root), v2)
    # near the threshold the smallest root can be lost, and another one is no saturation voltage
    return limited if limited[0] <= found[0] else found


@inlined
def _shortening(
    drain: Dual, vdsat: Dual, mobility: Dual, p: Array, e: int
) -> Dual:
    """Return by how much of its length the channel is shorter, before punch-through."""
    if p[LAMBDA, e] > 0.0 or p[NSUB, e] == 0.0:
        return scale(p[LAMBDA, e], drain)
    length = p[LENGTH, e]
    if p[VMAX, e] <= 0.0:
        quarter = scale(0.25, sub(drain, vdsat))
        root = sqrt(shift(square(quarter), 1.0))
        return scale(p[XD, e] / length, sqrt(add(quarter, root)))
    width = p[XD, e] / math.sqrt(p[NEFF, e])
    speed = div(constant(0.5 * p[VMAX, e] * width), mobility)
    beyond = larger(sub(drain, vdsat), constant(0.0))
    return scale(width / length, sub(sqrt(add(square(speed), beyond)), speed))


@inlined
def level2(vgs: float, vds: float, vbs: float, p: Array, e: int) -> tuple[Dual, Dual, Dual]:
    """Return drain current, threshold and saturation voltage for vds >= 0.

    All with their derivatives by vgs, vds, vbs.
    """
    phi, factor, length = p[PHI, e], p[FACTOR, e], p[LENGTH, e]
    gate, drain = linear(vgs, 1.0, 0.0, 0.0), linear(vds, 0.0, 1.0, 0.0)
    at_source = linear(phi - vbs, 0.0, 0.0, -1.0)
    at_drain = add(at_source, drain)
    source, far = _root(at_source, phi), _root(at_drain, phi)
    eta = 1.0 + factor
    vbin = shift(scale(factor, at_source), p[VBI, e])

    # the part of the bulk charge that the gate has to provide
    gamma, dgamma = constant(p[GAMMA, e]), constant(0.0)
    xd, xj = p[XD, e], p[XJ, e]
    if xj > 0.0 and (p[GAMMA, e] > 0.0 or p[NSUB, e] > 0.0):
        k = 0.5 * xj / length
        near = sqrt(shift(scale(2.0 * xd / xj, source), 1.0))
        away = sqrt(shift(scale(2.0 * xd / xj, far), 1.0))
        share = shift(scale(-k, add(near, away)), 1.0 + 2.0 * k)
        gamma = scale(p[GAMMA, e], share)
        slopes = add(
            div(_root_slope(source, at_source, phi), near),
            div(_root_slope(far, at_drain, phi), away),
        )
        dgamma = scale(-0.5 * p[GAMMA, e] * xd / length, slopes)
    von = add(vbin, mul(gamma, source))
    swing = constant(1.0)
    weak = p[CFS, e] > 0.0
    if weak:
        fall = add(mul(gamma, _root_slope(source, at_source, phi)), mul(dgamma, source))
        swing = shift(scale(-1.0, fall), 1.0 + p[CFS, e] + factor)
        von = add(von, scale(p[VT, e], swing))
    elif vgs <= vbin[0]:
        return constant(0.0), von, constant(0.0)

    source3 = mul(square(source), source)
    over = sub(gate, von)
    fast = constant(1.0)
    if p[COX, e] > 0.0 and over[0] > p[CRITICAL, e]:
        fast = power(div(constant(p[CRITICAL, e]), over), p[EXPONENT, e])
    mobility = scale(p[MOBILITY, e], fast)
    on = larger(gate, von) if weak else gate
    lift = scale(1.0 / eta, sub(on, vbin))
    vdsat = larger(lift, constant(0.0))
    if gamma[0] > 0.0:
        shared = scale(1.0 / eta, gamma)
        inside = add(lift, at_source)
        vdsat = constant(0.0)
        if inside[0] > 0.0:
            s2 = square(shared)
            root = sqrt(shift(div(scale(4.0, inside), s2), 1.0))
            drop = scale(0.5, mul(s2, shift(scale(-1.0, root), 1.0)))
            vdsat = larger(add(lift, drop), constant(0.0))
    if p[VMAX, e] > 0.0:
        speed = div(constant(p[VMAX, e] * length), mobility)
        vdsat = _baum(
            scale(1.0 / eta, gamma), add(lift, at_source), at_source, speed, source3, vdsat
        )

    short = _shortening(drain, vdsat, mobility, p, e)
    left = shift(scale(-1.0, short), 1.0)
    width = xd * math.sqrt(p[BULK_POTENTIAL, e])
    rest = length - width
    if p[NSUB, e] == 0.0:
        width = 0.25e-6
    if left[0] * length < width:  # punch-through
        more = shift(scale(length / width, short), 1.0 - rest / width)
        left = div(constant(width / length), more)
    beta = scale(p[BETA, e], div(fast, left))

    if weak and vgs <= von[0]:
        if vdsat[0] <= 0.0 and vds > 1e-10:
            return constant(0.0), von, vdsat
        fade = exp(div(over, scale(p[VT, e], swing)))
        on = von
    else:
        fade = constant(1.0)
        on = gate
    if vds <= 1e-10:
        slope = mul(beta, sub(sub(on, vbin), mul(gamma, source)))
        return mul(mul(slope, drain), fade), von, vdsat
    reach = smaller(drain, vdsat)
    there = far if vds <= vdsat[0] else _root(add(vdsat, at_source), phi)
    bulk = sub(mul(square(there), there), source3)
    part = mul(sub(sub(on, vbin), scale(0.5 * eta, reach)), reach)
    current = mul(beta, sub(part, scale(2.0 / 3.0, mul(gamma, bulk))))
    return mul(current, fade), von, vdsat
