"""Model cards: which parameters each kind of device has, with defaults and units.

The parameters, their names and defaults are those of Berkeley SPICE3f5 as ngspice 39 has them:
T. L. Quarles, A. R. Newton, D. O. Pederson, A. Sangiovanni-Vincentelli, *SPICE3 Version 3f User's
Manual*, UC Berkeley 1993; H. Vogt et al., *ngspice User's Manual*, version 39, 2023. EKV:
M. Bucher, C. Lallement, C. Enz, F. Theodoloz, F. Krummenacher, *The EPFL-EKV MOSFET Model
Equations for Simulation*, version 2.6, EPFL 1997.
"""

from __future__ import annotations

from .bipolar import BIPOLAR
from .card import Card, Parameter
from .diode import DIODE
from .foundry import FOUNDRY, Foundry, foundry_card, shipped_module
from .jfet import JFET, JFET2
from .lines import LTRA, URC
from .mos import EKV, MOS1, MOS2, MOS3, MOS6
from .passive import CAPACITOR, INDUCTOR, RESISTOR
from .switches import CSWITCH, SWITCH
from .vdmos import VDMOS

__all__ = [
    "BINS", "CANONICAL", "CARDS", "EKV_LEVELS", "FOUNDRY", "Card", "Foundry", "Parameter", "card",
    "levels_of", "shipped_module",
]

# a level that means EKV: its own name, and the numbers of Smash, Xyce and, for some cards, HSPICE
EKV_LEVELS = ("ekv", "44", "260", "55")

CARDS: dict[str, tuple[Card, ...]] = {
    "r": (RESISTOR,), "res": (RESISTOR,), "c": (CAPACITOR,), "cap": (CAPACITOR,),
    "l": (INDUCTOR,), "ind": (INDUCTOR,), "d": (DIODE,), "npn": (BIPOLAR,), "pnp": (BIPOLAR,),
    **dict.fromkeys(("njf", "pjf"), (JFET, JFET2)),
    **dict.fromkeys(("nmos", "pmos"), (MOS1, MOS2, MOS3, MOS6, EKV)),
    **dict.fromkeys(("vdmos", "vdmosn", "vdmosp"), (VDMOS,)), "sw": (SWITCH,), "csw": (CSWITCH,),
    "ltra": (LTRA,), "urc": (URC,),
}
CANONICAL = {"res": "r", "cap": "c", "ind": "l", "vdmos": "vdmosn"}


# of lengths and widths for which a card of several, ``nch.1``, ``nch.2``, is made
BINS = ("lmin", "lmax", "wmin", "wmax")


def card(kind: str, level: int | str = 1) -> Card:
    """Return the card of a kind and level; KeyError where there is none.

    Raises
    ------
    BackendUnavailable
        A foundry's transistor, whose compiled model is not installed.

    Examples
    --------
    >>> card("nmos", 1).defaults["kp"]
    2e-05
    """
    for found in CARDS[kind]:
        if level in found.levels:
            return found
    if kind in ("nmos", "pmos") and level in FOUNDRY:
        return foundry_card(int(level))
    raise KeyError(level)


def levels_of(kind: str) -> list[int | str]:
    """Return all levels of a kind."""
    own = [n for each in CARDS[kind] for n in each.levels]
    return [*own, *sorted(FOUNDRY)] if kind in ("nmos", "pmos") else own
