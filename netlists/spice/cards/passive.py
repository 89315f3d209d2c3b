"""Resistors, capacitors, inductors."""

from __future__ import annotations

from .card import Card, table

__all__ = ["CAPACITOR", "INDUCTOR", "RESISTOR"]

RESISTOR = Card("resistor", table("""
r     -       ohm     resistance where the element gives none
rsh   -       ohm     sheet resistance
defw  10e-6   m       width
l     10e-6   m       length
narrow 0      m       narrowing of the width by etching, at each side
short  0      m       shortening of the length, at each side
tc1   0       1/K     first temperature coefficient
tc2   0       1/K^2   second temperature coefficient
tce   -       %/K     exponential temperature coefficient, in place of tc1 and tc2
tnom  27      C       at which the resistance is given
kf    0       -       flicker noise coefficient
af    1       -       flicker noise exponent of the current
ef    1       -       flicker noise exponent of the frequency
lf    1       -       flicker noise exponent of the length, where the element has one
wf    1       -       flicker noise exponent of the width
"""), {
    "res": "r", "resistance": "r", "w": "defw", "tc1r": "tc1", "tc2r": "tc2", "dw": "narrow",
    "dlr": "short",
},
    instance=("r", "resistance", "ac", "m", "tc", "tc1", "tc2", "tce", "temp", "dtemp", "l", "w",
              "scale", "noisy", "noise"))

CAPACITOR = Card("capacitor", table("""
cap   -       F       capacitance where the element gives none
cj    0       F/m^2   junction bottom capacitance
cjsw  0       F/m     junction side capacitance
defw  10e-6   m       width
defl  0       m       length
narrow 0      m       narrowing by etching
short  0      m       shortening
tc1   0       1/K     first temperature coefficient
tc2   0       1/K^2   second temperature coefficient
tnom  27      C       at which the capacitance is given
"""), {"c": "cap", "capacitance": "cap", "w": "defw", "l": "defl"},
    instance=("c", "capacitance", "q", "ic", "m", "tc", "tc1", "tc2", "temp", "dtemp", "l", "w",
              "scale"))

INDUCTOR = Card("inductor", table("""
ind   -       H       inductance where the element gives none
tc1   0       1/K     first temperature coefficient
tc2   0       1/K^2   second temperature coefficient
tnom  27      C       at which the inductance is given
"""), {"l": "ind", "inductance": "ind"},
    instance=("l", "inductance", "ic", "m", "tc", "tc1", "tc2", "temp", "dtemp", "scale"))
