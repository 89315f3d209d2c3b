"""Constants of silicon, and how a junction's potential depends on temperature, as in SPICE3.

Numbers and formulas are those of ngspice 39, so that results can be compared digit by digit; the
temperature formulas are those of G. Massobrio and P. Antognetti, *Semiconductor Device Modeling
with SPICE*, 2nd ed., McGraw-Hill 1993, chapters 1 to 4.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from ...core.validation import Array

__all__ = [
    "BOLTZMANN", "CHARGE", "EPS_OX", "EPS_SI", "REFERENCE", "gap", "potential", "shift",
    "thermal_voltage",
]

Number = TypeVar("Number", float, Array)

# CODATA 2014, which ngspice 39 has; the values of the SI of 2019 differ by less than 1e-6.
BOLTZMANN = 1.38064852e-23  # J/K
CHARGE = 1.6021766208e-19  # C
_EPS_0 = 8.854214871e-12  # F/m, SPICE3's
EPS_OX = 3.9 * _EPS_0
EPS_SI = 11.7 * _EPS_0
REFERENCE = 300.15  # kelvin, at which 1.1150877 eV is the gap
_GAP_REFERENCE = 1.1150877


def thermal_voltage(kelvin: Number) -> Number:
    """Return kT/q, volt."""
    return kelvin * (BOLTZMANN / CHARGE)


def gap(kelvin: Number) -> Number:
    """Return silicon's band gap, eV."""
    return 1.16 - 7.02e-4 * kelvin * kelvin / (kelvin + 1108.0)


def shift(kelvin: Array) -> Array:
    """Return the part of a junction's potential that does not scale with T, volt."""
    vt = thermal_voltage(kelvin)
    reference = CHARGE * _GAP_REFERENCE / (2.0 * BOLTZMANN * REFERENCE)
    bend = reference - gap(kelvin) / (2.0 * vt)
    return np.asarray(-2.0 * vt * (1.5 * np.log(kelvin / REFERENCE) + bend))


def potential(volt: Array, nominal: Array, kelvin: Array) -> Array:
    """Return a junction's or a surface's potential at `kelvin`, given that at `nominal`, volt."""
    zero = (volt - shift(nominal)) / (nominal / REFERENCE)
    return np.asarray(kelvin / REFERENCE * zero + shift(kelvin))
