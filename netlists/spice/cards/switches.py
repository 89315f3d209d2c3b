"""Switches."""

from __future__ import annotations

from .card import Card, table

__all__ = ["CSWITCH", "SWITCH"]

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
