"""Parameters of MOS transistors from their cards, at the elements' temperatures.

What a card leaves out is computed from the process (tox, nsub, tpg, nss, uo), as in SPICE3:
A. Vladimirescu and S. Liu, *The Simulation of MOS Integrated Circuits Using SPICE2*, UCB/ERL M80/7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .....core.validation import Array
from .....netlists.transistors.temperature import (
    CHARGE,
    EPS_OX,
    EPS_SI,
    gap,
    thermal_voltage,
)
from .junctions import critical, depletion_rows, junction
from .parameter_table import Table

__all__ = ["Process", "bulk_rows", "check", "resistances", "saturations"]

_INTRINSIC = 1.45e16  # m^-3, at 300 K


@dataclass(frozen=True, eq=False)
class Process:
    """What a card says of the process at its nominal temperature, (E,) each.

    Attributes
    ----------
    cox : F/m^2, 0 without an oxide
    kp : A/V^2
    phi, gamma, vto : V, V^0.5, V
    nsub : m^-3, 0 if not given
    mobility : m^2/Vs
    """

    cox: Array
    kp: Array
    phi: Array
    gamma: Array
    vto: Array
    nsub: Array
    mobility: Array

    @classmethod
    def of(cls, t: Table, level: int, sign: Array) -> Process:
        """Compute what is not given."""
        t.require(t.card("tox", 1e-7) >= 0, "`tox` must be >= 0")
        t.require(t.card("phi") > 0, "`phi` must be > 0")
        t.require(np.isin(t.card("tpg"), (-1.0, 0.0, 1.0)), "`tpg` must be -1, 0 or 1")
        tox = np.where(t.given("tox"), t.card("tox"), 0.0 if level in (1, 6) else 1e-7)
        cox = np.where(tox > 0, EPS_OX / np.where(tox > 0, tox, 1.0), 0.0)
        mobility = t.card("uo") * 1e-4
        kp = np.where(t.given("kp") | (cox == 0), t.card("kp"), mobility * cox)
        vt, egap = thermal_voltage(t.nominal), gap(t.nominal)
        intrinsic = np.full(len(t), _INTRINSIC)
        if level == 3:  # ngspice: only there with the nominal temperature
            grown = np.exp(0.5 * egap * (1.0 / 300.0 - 1.0 / t.nominal) * t.nominal / vt)
            intrinsic = intrinsic * (t.nominal / 300.0) ** 1.5 * grown
        doped = t.given("nsub") & (cox > 0)
        nsub = np.where(doped, t.card("nsub", 1.0) * 1e6, 0.0)
        t.require(~doped | (nsub > intrinsic), "`nsub` must be above the intrinsic density")
        safe, safe_cox = np.where(doped, nsub, 1e21), np.where(cox > 0, cox, 1.0)
        phi = np.where(
            doped & ~t.given("phi"), np.maximum(0.1, 2.0 * vt * np.log(safe / intrinsic)),
            t.card("phi"),
        )
        gamma = np.where(
            doped & ~t.given("gamma"), np.sqrt(2.0 * EPS_SI * CHARGE * safe) / safe_cox,
            t.card("gamma"),
        )
        gate = np.where(
            t.card("tpg") == 0, 3.2, 3.25 + 0.5 * egap - 0.5 * sign * t.card("tpg") * egap
        )
        flat = gate - (3.25 + 0.5 * egap + 0.5 * sign * phi)
        flat = flat - t.card("nss") * 1e4 * CHARGE / safe_cox
        vto = np.where(
            doped & ~t.given("vto"), flat + sign * (gamma * np.sqrt(phi) + phi), t.card("vto")
        )
        return cls(cox, kp, phi, gamma, vto, nsub, mobility)


def check(t: Table) -> None:
    """Refuse parameters outside of what the equations allow."""
    t.require((t.card("fc") >= 0) & (t.card("fc") < 1), "`fc` must be in [0, 1)")
    t.require(t.card("pb") > 0, "`pb` must be > 0")
    for name in ("mj", "mjsw"):
        t.require((t.card(name) >= 0) & (t.card(name) < 1), f"`{name}` must be in [0, 1)")
    for name in ("is", "js", "rd", "rs", "rsh", "cj", "cjsw", "cbd", "cbs", "gamma", "cgso",
                 "cgdo", "cgbo"):
        t.require(t.card(name) >= 0, f"`{name}` must be >= 0")


def saturations(t: Table) -> list[Array]:
    """Return saturation currents and critical voltages of drain and source."""
    vt, nominal = thermal_voltage(t.kelvin), thermal_voltage(t.nominal)
    grown = np.exp(gap(t.nominal) / nominal - gap(t.kelvin) / vt)
    areas = t.own("ad", t.area["ad"]), t.own("as", t.area["as"])
    by_area = (t.card("js") > 0) & (areas[0] > 0) & (areas[1] > 0)
    currents = [
        t.count * grown * np.where(by_area, t.card("js") * area, t.card("is")) for area in areas
    ]
    return [*currents, *(critical(i, vt) for i in currents)]


def bulk_rows(t: Table) -> list[Array]:
    """Return the rows of the four depletion layers: drain and its side, source and its side.

    As in ngspice 39, cj is 0 where it is not given, at level 2 too, whose manual computes it from
    the doping.
    """
    fc, pb, cj = t.card("fc"), t.card("pb"), t.card("cj")
    found: list[Array] = []
    for total, area, perimeter in (("cbd", "ad", "pd"), ("cbs", "as", "ps")):
        bottom = np.where(t.given(total), t.card(total), cj * t.own(area, t.area[area])) * t.count
        side = t.card("cjsw") * t.own(perimeter) * t.count
        for farad, grading in ((bottom, t.card("mj")), (side, t.card("mjsw"))):
            scaled, volt = junction(farad, grading, pb, t.nominal, t.kelvin)
            found += depletion_rows(scaled, grading, volt, fc)
    return found


def resistances(t: Table) -> list[Array]:
    """Return drain and source resistance, ohm, 0 without."""
    # ngspice 39 has no squares at level 6 where there are none given
    least = 0.0 if t.as_ngspice and t.cards[0].level == 6 else 1.0
    return [
        np.where(t.given(name), t.card(name), t.card("rsh") * t.own(squares, least)) / t.count
        for name, squares in (("rd", "nrd"), ("rs", "nrs"))
    ]


def narrow_factor(t: Table, cox: Array, width: Array) -> Array:
    """Return delta's narrow-channel factor of level 2, of one transistor of `m`."""
    scale = np.where(cox > 0, cox, 1.0) * width
    return np.where(cox > 0, 0.25 * math.pi * EPS_SI * t.card("delta") / scale, 0.0)
