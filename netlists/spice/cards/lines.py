"""Lossy transmission lines: LTRA (the convolution of an exact line), URC (lumps of R and C)."""

from __future__ import annotations

from .card import Card, table

__all__ = ["LTRA", "URC"]

LTRA = Card("lossy transmission line", table("""
r     0       ohm/m   resistance per length
l     0       H/m     inductance per length
g     0       S/m     conductance per length
c     0       F/m     capacitance per length
len   -       m       length, or any unit in which r, l, g and c count
steplimit 0   -       1: no time step is longer than the delay of a front
"""), instance=("m", "ic", "icv1", "ici1", "icv2", "ici2"), idle=dict.fromkeys((
    "nosteplimit", "nocontrol", "lininterp", "quadinterp", "mixedinterp", "truncnr", "truncdontcut",
    "rel", "abs", "compactrel", "compactabs",
), "steps follow the tolerances, and lines between points are integrated exactly"))

URC = Card("uniform RC line", table("""
k     1.5     -       factor from one lump to the next, towards the middle
fmax  1e9     Hz      highest frequency of interest
rperl 1000    ohm/m   resistance per length
cperl 1e-12   F/m     capacitance per length
isperl -      A/m     saturation current per length; capacitors in place of diodes
rsperl 0      ohm/m   resistance of the diodes per length
"""), instance=("l", "n", "m"))
