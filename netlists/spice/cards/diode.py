"""Junction diodes, level 1."""

from __future__ import annotations

from .card import Card, table

__all__ = ["DIODE"]

DIODE = Card("diode", table("""
is    1e-14   A       saturation current
jsw   0       A       sidewall saturation current
n     1       -       emission coefficient
rs    0       ohm     series resistance
trs1  0       1/K     first temperature coefficient of rs
trs2  0       1/K^2   second temperature coefficient of rs
tt    0       s       transit time
cjo   0       F       zero-bias junction capacitance
vj    1       V       junction potential
m     0.5     -       grading coefficient
cjsw  0       F       zero-bias sidewall capacitance
php   1       V       sidewall junction potential
mjsw  0.33    -       sidewall grading coefficient
fc    0.5     -       forward-bias depletion capacitance coefficient
bv    -       V       breakdown voltage; infinite
ibv   1e-3    A       current at the breakdown voltage
nbv   -       -       breakdown emission coefficient; that of n
tcv   0       1/K     breakdown voltage temperature coefficient
ikf   0       A       forward knee current; 0: none
ikr   0       A       reverse knee current; 0: none
isr   0       A       recombination saturation current
nr    1       -       recombination emission coefficient
eg    1.11    eV      activation energy
xti   3       -       saturation current temperature exponent
tnom  27      C       at which the parameters are given
kf    0       -       flicker noise coefficient
af    1       -       flicker noise exponent
"""), {
    "js": "is", "cj0": "cjo", "cj": "cjo", "pb": "vj", "mj": "m", "vjsw": "php", "cjp": "cjsw",
    "trs": "trs1", "ib": "ibv", "ik": "ikf", "isw": "jsw",
}, instance=("area", "pj", "off", "ic", "m", "temp", "dtemp"), changing=dict.fromkeys(
    ("ron", "roff", "vfwd", "vrev", "rrev", "ilimit", "revilimit", "epsilon", "revepsilon"),
    "LTspice's diode of straight lines; write a switch, or `B` with a table",
))
