"""Constants of silicon and the scaling of junctions with temperature, as in Berkeley SPICE3.

Numbers and formulas are those of ngspice 39, so that results can be compared digit by digit; the
temperature formulas are those of G. Massobrio and P. Antognetti, *Semiconductor Device Modeling
with SPICE*, 2nd ed., McGraw-Hill 1993, chapters 1 to 4.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .....core.validation import Array

__all__ = [
    "BOLTZMANN", "CHARGE", "EPS_OX", "EPS_SI", "REFERENCE", "critical", "depletion_rows", "gap",
    "junction", "potential", "thermal_voltage",
]

# CODATA 2014, which ngspice 39 has; the values of the SI of 2019 differ by less than 1e-6.
BOLTZMANN = 1.38064852e-23  # J/K
CHARGE = 1.6021766208e-19  # C
_EPS_0 = 8.854214871e-12  # F/m, SPICE3's
EPS_OX = 3.9 * _EPS_0
EPS_SI = 11.7 * _EPS_0
REFERENCE = 300.15  # kelvin, at which 1.1150877 eV is the gap
_GAP_REFERENCE = 1.1150877


def thermal_voltage(kelvin: Any) -> Any:
    """Return kT/q, volt."""
    return kelvin * (BOLTZMANN / CHARGE)


def gap(kelvin: Any) -> Any:
    """Return silicon's band gap, eV."""
    return 1.16 - 7.02e-4 * kelvin * kelvin / (kelvin + 1108.0)


def _shift(kelvin: Array) -> Array:
    """Return the part of a junction's potential that does not scale with T, volt."""
    vt = thermal_voltage(kelvin)
    reference = CHARGE * _GAP_REFERENCE / (2.0 * BOLTZMANN * REFERENCE)
    bend = reference - gap(kelvin) / (2.0 * vt)
    return np.asarray(-2.0 * vt * (1.5 * np.log(kelvin / REFERENCE) + bend))


def potential(volt: Array, nominal: Array, kelvin: Array) -> Array:
    """Return a junction's or a surface's potential at `kelvin`."""
    zero = (volt - _shift(nominal)) / (nominal / REFERENCE)
    return np.asarray(kelvin / REFERENCE * zero + _shift(kelvin))


def junction(
    farad: Array, grading: Array, volt: Array, nominal: Array, kelvin: Array
) -> tuple[Array, Array]:
    """Return zero-bias capacitance and potential of a junction at `kelvin`.

    Parameters
    ----------
    farad, grading, volt : (E,)
        At `nominal` kelvin.
    """
    zero = (volt - _shift(nominal)) / (nominal / REFERENCE)
    then = kelvin / REFERENCE * zero + _shift(kelvin)
    before = 1.0 + grading * (4e-4 * (nominal - REFERENCE) - (volt - zero) / zero)
    after = 1.0 + grading * (4e-4 * (kelvin - REFERENCE) - (then - zero) / zero)
    return farad / before * after, then


def depletion_rows(farad: Array, grading: Array, volt: Array, fc: Array) -> list[Array]:
    """Return what `kernels_junction.depletion` needs, seven rows (E,)."""
    rest = 1.0 - fc
    f1 = volt * (1.0 - rest ** (1.0 - grading)) / (1.0 - grading)
    f3 = 1.0 - fc * (1.0 + grading)
    return [farad, volt, grading, fc * volt, f1, rest ** (1.0 + grading), f3]


def critical(saturation: Array, vt: Array) -> Array:
    """Return the voltage of largest curvature, from which junctions are limited."""
    floor = np.maximum(saturation, 1e-300)
    return np.asarray(vt * np.log(vt / (math.sqrt(2.0) * floor)))
