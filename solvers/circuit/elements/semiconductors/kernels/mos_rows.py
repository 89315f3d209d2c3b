"""Rows of the parameters that the kernels of MOS transistors read."""

from __future__ import annotations

__all__ = [
    "ALPHA", "BETA", "BULK_POTENTIAL", "CFS", "COX", "CRITICAL", "DRAIN", "DRAIN_SIDE", "ETA",
    "EXPONENT", "FACTOR", "FEEDBACK", "GAMMA", "GAMMA1", "INVERSE_SLOPE", "ISD", "ISS", "KAPPA",
    "KAPPA_S", "KV", "LAMBDA", "LAMBDA1", "LD", "LENGTH", "MOBILITY", "NC", "NEFF", "NSUB", "NV",
    "PHI", "ROWS", "SIGMA", "SOURCE", "SOURCE_SIDE", "THETA", "VBI", "VCRIT_D", "VCRIT_S", "VMAX",
    "VT", "VTO", "V_CRIT", "WIDTH", "XD", "XJ",
]

# of all levels
VT, ISD, ISS, VCRIT_D, VCRIT_S, COX, PHI, VTO, VBI, GAMMA, BETA, LAMBDA = range(12)
# of levels 2 and 3; `FACTOR` is the narrow-channel effect, `CFS` the fast surface states
LENGTH, WIDTH, XJ, XD, FACTOR, CFS, MOBILITY, VMAX, NSUB = range(12, 21)
CRITICAL, EXPONENT, NEFF, BULK_POTENTIAL = range(21, 25)  # of level 2
ALPHA, LD, ETA, THETA, KAPPA = range(21, 26)  # of level 3; THETA of EKV, too
INVERSE_SLOPE, V_CRIT, SIGMA, KAPPA_S = range(12, 16)  # of EKV, 0 where it is not constant
GAMMA1, FEEDBACK, KV, NV, NC, LAMBDA1 = range(12, 18)  # of level 6
DRAIN, DRAIN_SIDE, SOURCE, SOURCE_SIDE, ROWS = 26, 33, 40, 47, 54
