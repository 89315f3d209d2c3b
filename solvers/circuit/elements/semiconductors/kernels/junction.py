"""Currents and charges of pn junctions, shared by all devices."""

from __future__ import annotations

import math

from ......core.compiled.jit import inlined
from ......core.validation import Array

__all__ = ["assemble", "depletion", "depletions", "diffusion", "flat_diffusion"]

_E = math.e
_SMALL = 0.01  # of the potential


@inlined
def diffusion(v: float, saturation: float, vt: float) -> tuple[float, float]:
    """Return current and conductance of a junction; below -3 vt SPICE's cubic replaces e^v."""
    if v >= -3.0 * vt:
        e = saturation * math.exp(min(v / vt, 709.0))
        return e - saturation, e / vt
    arg = 3.0 * vt / (v * _E)
    arg = arg * arg * arg
    return -saturation * (1.0 + arg), 3.0 * saturation * arg / v


@inlined
def flat_diffusion(v: float, saturation: float, vt: float) -> tuple[float, float]:
    """Return current and conductance of a junction that is constant below -3 vt."""
    if v > -3.0 * vt:
        e = saturation * math.exp(min(v / vt, 709.0))
        return e - saturation, e / vt
    return -saturation, 0.0


@inlined
def depletion(v: float, p: Array, k: int, e: int) -> tuple[float, float]:
    """Return charge and capacitance of a depletion layer, linear beyond fc times the potential.

    Rows k, k + 1, ... of `p` are those of `depletion_rows`.
    """
    zero, potential, grading, edge = p[k, e], p[k + 1, e], p[k + 2, e], p[k + 3, e]
    if zero == 0.0:
        return 0.0, 0.0
    if v < edge:
        arg = 1.0 - v / potential
        if abs(v) < _SMALL * potential:  # the difference would be rounding, and short steps see it
            less = math.expm1((1.0 - grading) * math.log1p(-v / potential))
            return -potential * zero * less / (1.0 - grading), zero * (1.0 + less) / arg
        s = 1.0 / math.sqrt(arg) if grading == 0.5 else math.exp(-grading * math.log(arg))
        return potential * zero * (1.0 - arg * s) / (1.0 - grading), zero * s
    f1, f2, f3 = p[k + 4, e], p[k + 5, e], p[k + 6, e]
    slope = grading / potential
    charge = f1 + (f3 * (v - edge) + 0.5 * slope * (v * v - edge * edge)) / f2
    return zero * charge, zero / f2 * (f3 + slope * v)


@inlined
def depletions(v: float, p: Array, k: int, m: int, e: int) -> tuple[float, float]:
    """Return charge and capacitance of a junction's bottom and side, rows k ... and m ...

    Mostly they are of one profile, and one of them is reckoned for both.
    """
    bottom, side = p[k, e], p[m, e]
    if bottom != 0.0 and p[k + 1, e] == p[m + 1, e] and p[k + 2, e] == p[m + 2, e] and (
        p[k + 3, e] == p[m + 3, e]
    ):
        charge, farad = depletion(v, p, k, e)
        many = 1.0 + side / bottom
        return many * charge, many * farad
    charge, farad = depletion(v, p, k, e)
    more, beside = depletion(v, p, m, e)
    return charge + more, farad + beside


@inlined
def assemble(
    e: int, sign: float, values: Array, slopes: Array, u: Array, limited: Array,
    branches: Array, ends: Array, slots: Array, out: Array, entries: Array,
) -> None:
    """Add an element's currents (or charges) to its terminals' rows, and their slopes.

    Parameters
    ----------
    e : int
        Element.
    sign : float
        -1 for complementary devices, whose voltages and currents are all reversed.
    values : (M,), slopes : (M, B)
        At the voltages `limited`.
    u, limited : (B,)
        Controlling voltages of the unknowns, and those at which the law was evaluated: values
        are carried on along the tangent.
    branches : (2, B), ends : (2, M)
        Terminals between which voltages are taken and currents flow; -1 is none.
    slots : (T, T)
        Place of (row, column) among the entries.
    """
    for m in range(values.shape[0]):
        current = values[m]
        p, n = ends[0, m], ends[1, m]
        for b in range(u.shape[0]):
            slope = slopes[m, b]
            if slope == 0.0:
                continue
            current += slope * (u[b] - limited[b])
            cp, cn = branches[0, b], branches[1, b]
            entries[slots[p, cp], e] += slope
            if cn >= 0:
                entries[slots[p, cn], e] -= slope
            if n >= 0:
                entries[slots[n, cp], e] -= slope
                if cn >= 0:
                    entries[slots[n, cn], e] += slope
        out[p, e] += sign * current
        if n >= 0:
            out[n, e] -= sign * current
