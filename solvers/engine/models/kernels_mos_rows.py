"""Rows of the parameters that the kernels of MOS transistors read."""

from __future__ import annotations

__all__ = [
    "ALPHA", "BETA", "BULK_POTENTIAL", "CFS", "COX", "CRITICAL", "DRAIN", "DRAIN_SIDE", "ETA",
    "EXPONENT", "FACTOR", "GAMMA", "ISD", "ISS", "KAPPA", "LAMBDA", "LD", "LENGTH", "LEVEL",
    "MOBILITY", "NEFF", "NSUB", "PHI", "ROWS", "SOURCE", "SOURCE_SIDE", "THETA", "VBI", "VCRIT_D",
    "VCRIT_S", "VMAX", "VT", "VTO", "WIDTH", "XD", "XJ",
]

# of all levels
VT, ISD, ISS, VCRIT_D, VCRIT_S, LEVEL, COX, PHI, VTO, VBI, GAMMA, BETA, LAMBDA = range(13)
# of levels 2 and 3; `FACTOR` is the narrow-channel effect, `CFS` the fast surface states
LENGTH, WIDTH, XJ, XD, FACTOR, CFS, MOBILITY, VMAX, NSUB = range(13, 22)
CRITICAL, EXPONENT, NEFF, BULK_POTENTIAL = range(22, 26)  # of level 2
ALPHA, LD, ETA, THETA, KAPPA = range(22, 27)  # of level 3
DRAIN, DRAIN_SIDE, SOURCE, SOURCE_SIDE, ROWS = 27, 34, 41, 48, 55
