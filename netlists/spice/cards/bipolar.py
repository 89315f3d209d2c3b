"""Bipolar transistors: H. K. Gummel and H. C. Poon, Bell Syst. Tech. J. 49:827 (1970)."""

from __future__ import annotations

from .card import Card, table

__all__ = ["BIPOLAR"]

BIPOLAR = Card("bipolar transistor", table("""
is    1e-16   A       transport saturation current
bf    100     -       ideal maximum forward beta
nf    1       -       forward emission coefficient
vaf   -       V       forward Early voltage; infinite
ikf   -       A       forward knee current; infinite
ise   0       A       base-emitter leakage saturation current
ne    1.5     -       base-emitter leakage emission coefficient
br    1       -       ideal maximum reverse beta
nr    1       -       reverse emission coefficient
var   -       V       reverse Early voltage; infinite
ikr   -       A       reverse knee current; infinite
isc   0       A       base-collector leakage saturation current
nc    2       -       base-collector leakage emission coefficient
nkf   0.5     -       exponent of the knee
rb    0       ohm     zero-bias base resistance
irb   -       A       current where the base resistance is halfway to rbm; infinite
rbm   -       ohm     minimum base resistance; that of rb
re    0       ohm     emitter resistance
rc    0       ohm     collector resistance
cje   0       F       base-emitter zero-bias depletion capacitance
vje   0.75    V       base-emitter potential
mje   0.33    -       base-emitter grading coefficient
tf    0       s       ideal forward transit time
xtf   0       -       bias dependence of tf
vtf   -       V       dependence of tf on the base-collector voltage; infinite
itf   0       A       high-current parameter of tf
ptf   0       degree  excess phase at 1/(2 pi tf)
cjc   0       F       base-collector zero-bias depletion capacitance
vjc   0.75    V       base-collector potential
mjc   0.33    -       base-collector grading coefficient
xcjc  1       -       share of cjc at the inner base
tr    0       s       ideal reverse transit time
cjs   0       F       collector-substrate zero-bias capacitance
vjs   0.75    V       substrate junction potential
mjs   0       -       substrate junction grading coefficient
iss   0       A       substrate saturation current
ns    1       -       substrate emission coefficient
xtb   0       -       temperature exponent of beta
eg    1.11    eV      energy gap
xti   3       -       saturation current temperature exponent
fc    0.5     -       forward-bias depletion capacitance coefficient
tnom  27      C       at which the parameters are given
kf    0       -       flicker noise coefficient
af    1       -       flicker noise exponent
"""), {
    "va": "vaf", "ik": "ikf", "vb": "var", "pe": "vje", "me": "mje", "pc": "vjc", "mc": "mjc",
    "ccs": "cjs", "csub": "cjs", "ps": "vjs", "ms": "mjs", "nk": "nkf", "pt": "xti", "tref": "tnom",
}, instance=("area", "areab", "areac", "off", "ic", "icvbe", "icvce", "m", "temp", "dtemp"))
