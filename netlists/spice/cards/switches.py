"""Switches, and junction field-effect transistors."""

from __future__ import annotations

from .card import Card, table

__all__ = ["CSWITCH", "JFET", "SWITCH"]

_LTSPICE = dict.fromkeys(
    ("lser", "vser", "ilimit"), "LTspice's switch with something in series; write that beside it",
)

SWITCH = Card("voltage-controlled switch", table("""
vt    0       V       threshold
vh    0       V       hysteresis: switches on above vt + vh, off below vt - vh
ron   1       ohm     resistance when on
roff  1e12    ohm     resistance when off
"""), {"vthreshold": "vt", "vhyst": "vh"}, instance=("on", "off", "m"), changing=_LTSPICE)

CSWITCH = Card("current-controlled switch", table("""
it    0       A       threshold
ih    0       A       hysteresis: switches on above it + ih, off below it - ih
ron   1       ohm     resistance when on
roff  1e12    ohm     resistance when off
"""), {"ithreshold": "it", "ihyst": "ih"}, instance=("on", "off", "m"), changing=_LTSPICE)

# Shichman and Hodges, IEEE J. Solid-State Circuits 3:285 (1968); b: A. E. Parker
JFET = Card("junction field-effect transistor", table("""
vto   -2      V       threshold
beta  1e-4    A/V^2   transconductance
lambda 0      1/V     channel-length modulation
b     1       -       doping tail
rd    0       ohm     drain resistance
rs    0       ohm     source resistance
cgs   0       F       zero-bias gate-source capacitance
cgd   0       F       zero-bias gate-drain capacitance
pb    1       V       gate junction potential
is    1e-14   A       gate junction saturation current
n     1       -       gate junction emission coefficient
fc    0.5     -       forward-bias depletion capacitance coefficient
tcv   0       V/K     threshold temperature coefficient
bex   0       -       mobility temperature exponent
tnom  27      C       at which the parameters are given
kf    0       -       flicker noise coefficient
af    1       -       flicker noise exponent
"""), {"vt0": "vto"},
    instance=("area", "off", "ic", "icvds", "icvgs", "m", "temp", "dtemp"))
