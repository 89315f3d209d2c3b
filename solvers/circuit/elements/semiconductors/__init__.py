"""Semiconductors: diodes, bipolar, junction, MOS and power field-effect transistors.

Every kind is a `Device`: terminals, controlling voltages, currents and charges are wired once, and
a compiled kernel evaluates all elements, with SPICE's limiting and exact derivatives. Importing
this registers them.

Equations, temperature scaling and constants are those of ngspice 39 (T. L. Quarles, A. R. Newton,
D. O. Pederson, A. Sangiovanni-Vincentelli, *SPICE3 Version 3f User's Manual*, UC Berkeley 1993; G.
Massobrio and P. Antognetti, *Semiconductor Device Modeling with SPICE*, 2nd ed., McGraw-Hill 1993),
whose currents come out to all digits. What differs by choice:

- Derivatives are those of the currents. ngspice approximates the conductances of MOS levels 2 and
  3, of the body effect in forward bias and of recombination, and takes the bias-dependent base
  resistance as constant, so that its ``.ac`` is not the limit of its small transients.
- The excess phase of bipolar transistors is a filter of second order in all analyses; ngspice's
  ``.ac`` has an ideal delay. They part by 2e-5 where the phase is 0.01 rad, 2e-3 at 0.1 rad.
- MOS level 6 has small signals and noise; ngspice's ``.ac`` and ``.noise`` leave it out.
- Copies (``m=``, ``area=``) are copies. ngspice 39 scales the collector's saturation current by
  the area twice and divides the narrow-channel effect of level 2 by m; ``compat="ngspice"`` of
  `read_spice` does, too.
- The substrate junction's conductance is in small-signal analyses, and a diode's ``ic=`` is used.
- The breakdown voltage is matched to convergence, whatever ``reltol``.
"""

from __future__ import annotations

from . import bipolar, diode, ekv, jfet, jfet2, mosfet, vdmos

__all__ = ["bipolar", "diode", "ekv", "jfet", "jfet2", "mosfet", "vdmos"]
