"""Semiconductors: diodes, bipolar, junction and MOS field-effect transistors.

Every kind is a `Device`: terminals, controlling voltages, currents and charges are wired once, and
a compiled kernel evaluates all elements, with SPICE's limiting and exact derivatives. Importing
this registers them.
"""

from __future__ import annotations

from . import bipolar, diode, ekv, jfet, mosfet

__all__ = ["bipolar", "diode", "ekv", "jfet", "mosfet"]
