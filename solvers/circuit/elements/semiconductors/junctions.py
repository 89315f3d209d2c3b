"""The scaling of junctions with temperature, and what their kernels need.

Formulas are those of ngspice 39, as those of `netlists.transistors.temperature`.
"""

from __future__ import annotations

import math

import numpy as np

from .....core.validation import Array
from .....netlists.transistors.temperature import REFERENCE, shift

__all__ = ["critical", "depletion_rows", "junction"]


def junction(
    farad: Array, grading: Array, volt: Array, nominal: Array, kelvin: Array
) -> tuple[Array, Array]:
    """Return zero-bias capacitance and potential of a junction at `kelvin`.

    Parameters
    ----------
    farad, grading, volt : (E,)
        At `nominal` kelvin.
    """
    zero = (volt - shift(nominal)) / (nominal / REFERENCE)
    then = kelvin / REFERENCE * zero + shift(kelvin)
    before = 1.0 + grading * (4e-4 * (nominal - REFERENCE) - (volt - zero) / zero)
    after = 1.0 + grading * (4e-4 * (kelvin - REFERENCE) - (then - zero) / zero)
    return farad / before * after, then


def depletion_rows(farad: Array, grading: Array, volt: Array, fc: Array) -> list[Array]:
    """Return what `kernels.junction.depletion` needs, seven rows (E,)."""
    rest = 1.0 - fc
    f1 = volt * (1.0 - rest ** (1.0 - grading)) / (1.0 - grading)
    f3 = 1.0 - fc * (1.0 + grading)
    return [farad, volt, grading, fc * volt, f1, rest ** (1.0 + grading), f3]


def critical(saturation: Array, vt: Array) -> Array:
    """Return the voltage of largest curvature, from which junctions are limited."""
    floor = np.maximum(saturation, 1e-300)
    return np.asarray(vt * np.log(vt / (math.sqrt(2.0) * floor)))
