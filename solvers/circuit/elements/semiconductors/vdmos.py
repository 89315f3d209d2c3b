"""Vertical power MOS transistors (M, vdmos), n and p channel, of three terminals.

What is added to ngspice 39: copies (``m=``) multiply the capacitances of the gate and the current
at the breakdown voltage, too, and rg, rb, rds and the body diode are noisy. ``compat="ngspice"``
of `read_spice` leaves it out. Self-heating (five terminals) is not modelled.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .....core.validation import Array
from .....netlists.elements import Element
from .....netlists.spice.cards import card
from .....netlists.transistors.temperature import thermal_voltage
from .....netlists.transistors.vdmos import gate_drain_capacitance
from ...system.builder import Builder, register_model
from ...system.element_group import ElementGroup, Instant, NoiseSource
from .device import Device, Wiring, inner_nodes
from .diode import breakdown, grown
from .junctions import critical, depletion_rows, junction
from .kernels import vdmos as kernels
from .parameter_table import Table

__all__ = ["PowerTransistors"]

_OXIDE = 3.9 * 8.854214871e-12 / 1e-7  # F/m^2, of ngspice's flicker noise: 0.1 um of oxide

# Inner gate, source, drain, anode of the body diode; outer drain and source.
G, S, D, ANODE, DRAIN, SOURCE = range(6)


class PowerTransistors(Device):
    """VDMOS transistors; the body diode leads from the outer source to the outer drain."""

    wiring = Wiring(
        6, ((G, S), (G, D), (ANODE, DRAIN), (DRAIN, SOURCE), (DRAIN, D)),
        ((D, S, (0, 1)), (ANODE, DRAIN, (2,)), (DRAIN, D, (3, 4))),
        ((G, S, (0,)), (G, D, (1,)), (ANODE, DRAIN, (2,))),
    )
    shown = kernels.SHOWN

    def _imposed(self, v: Array, ic: Array) -> Array:
        # ic = vds, vgs
        for terminal, volt in ((D, ic[0]), (DRAIN, ic[0]), (G, ic[1])):
            v[terminal] = np.where(np.isnan(volt), v[terminal], v[SOURCE] + volt)
        v[S], v[ANODE] = v[SOURCE], v[SOURCE]
        return v

    def quantities(self, x: Array, now: Instant) -> dict[str, Array]:
        """Return what ``@m1[...]`` shows: as for the n-channel transistor that corresponds.

        Currents into terminals are Kirchhoff's, those of the body diode among them; ``channel`` is
        the current that ngspice calls id.
        """
        found = self.shown_at(x, now)
        quasi = found.pop("grd")
        ohm = {
            what: np.where(siemens > 0, 1.0 / np.where(siemens > 0, siemens, 1.0), 0.0)
            for what, _, _, siemens in self.resistors
        }
        found["rd"] = np.where(quasi > 0, 1.0 / np.where(quasi > 0, quasi, 1.0), ohm["rd"])
        found["rs"] = ohm["rs"]
        found["von"] = self.sign * self.p[kernels.VTO]
        return found

    def noise(self, x: Array, now: Instant) -> Sequence[NoiseSource]:
        """Return thermal noise of resistances and channel, 4kT 2/3 gm, shot and flicker noise.

        Flicker noise is kf |channel|^af / (f m Cox^2) with 0.1 um of oxide, as in ngspice.
        """
        shown, t = self.shown_at(x, now), self.table
        ends = (self.at[D], self.at[S])
        low = t.card("kf") * np.abs(shown["channel"]) ** t.card("af") / (t.count * _OXIDE**2)
        found = [
            *(s for s in self._thermal() if s.white),
            *self._sources("rd", (self.at[DRAIN], self.at[D]), conductance=shown["grd"]),
            *self._sources("id", ends, conductance=2.0 / 3.0 * shown["gm"]),
            *self._sources("1overf", ends, flicker=low),
            *self._sources("dio", (self.at[ANODE], self.at[DRAIN]), shot=shown["idio"]),
        ]
        return [s for s in found if s.kind in ("rd", "rs", "id", "1overf") or not t.as_ngspice]


def _body_diode(t: Table, count: Array | float) -> list[Array]:
    """Return the rows of the body diode; `count` multiplies the current at the breakdown."""
    vt, n = thermal_voltage(t.kelvin), t.card("n")
    saturation = np.maximum(t.card("is"), 1e-28) * t.count * grown(t, n)
    fc = np.minimum(t.card("fc"), 0.95)
    farad, volt = junction(t.card("cjo") * t.count, t.card("m"), t.card("vj"), t.nominal, t.kelvin)
    return [
        saturation, n * vt, t.card("nbv") * vt,
        breakdown(t, saturation, vt, t.card("nbv"), count), critical(saturation, n * vt),
        t.card("tt"), *depletion_rows(farad, t.card("m"), volt, fc),
    ]


def _check(t: Table) -> None:
    for name in ("ksubthres", "a", "vj", "n", "nbv", "rds", "mtriode"):
        t.require(t.card(name) > 0, f"`{name}` must be > 0")
    for name in ("kp", "theta", "rd", "rs", "rg", "rb", "rq", "cgdmax", "cgdmin", "cgs", "is",
                 "tt", "cjo", "ibv"):
        t.require(t.card(name) >= 0, f"`{name}` must be >= 0")
    for name in ("fc", "m"):
        t.require((t.card(name) >= 0) & (t.card(name) < 1), f"`{name}` must be in [0, 1)")
    t.require(t.card("bv", 1.0) > 0, "`bv` must be > 0")


def _resistances(t: Table) -> dict[str, Array]:
    """Return rd, rs, rg, rb at the temperature, ohm, 0 without."""
    step, found = t.kelvin - t.nominal, {}
    for name in ("rd", "rs", "rg", "rb"):
        first, second = t.card(f"t{name}1"), t.card(f"t{name}2")
        factor = 1.0 + first * step + second * step**2
        if name == "rd":
            by_power = (t.kelvin / t.nominal) ** t.card("texp0")
            factor = np.where(t.given("texp0"), by_power, factor)
        t.require((t.card(name) == 0) | (factor > 0), f"`{name}` is <= 0 at the temperature")
        found[name] = t.card(name) * factor / t.count
    return found


@register_model("vdmosn", 1)
@register_model("vdmosp", 1)
def power_transistors(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    """Return the group of all VDMOS transistors."""
    t = Table(builder, elements, card("vdmosn"))
    _check(t)
    sign = np.array([1.0 if c.kind == "vdmosn" else -1.0 for c in t.cards])
    step, ratio = t.kelvin - t.nominal, t.kelvin / t.nominal
    slope = t.card("ksubthres") * (
        1.0 + t.card("tksubthres1") * step + t.card("tksubthres2") * step**2
    )
    t.require(slope > 0, "`ksubthres` is <= 0 at the temperature")
    ohm = _resistances(t)
    quasi = t.given("rq") & t.given("vq") & (ohm["rd"] > 0)
    gates = 1.0 if t.as_ngspice else t.count  # ngspice 39 does not multiply these
    swing, floor = gate_drain_capacitance(t.card("cgdmin"), t.card("cgdmax"))
    p = [
        sign * t.card("vto") - t.card("tcvth") * step, t.card("subshift"), slope,
        t.card("kp") * t.count * ratio ** t.card("mu"), t.card("lambda"), t.card("theta"),
        t.card("mtriode"), ohm["rd"],
        np.where(quasi, t.card("rq") * ratio ** t.card("texp1") / t.count, 0.0),
        np.abs(t.card("vq")), swing * gates, floor * gates, t.card("a"), t.card("cgs") * gates,
        *_body_diode(t, gates),
    ]
    drain, gate, source = builder.at(elements, 3)
    resistors, inner = [], {}
    for name, outer, what in (
        ("rd", drain, "drain"), ("rg", gate, "gate"), ("rs", source, "source"),
        ("rb", source, "body_diode"),
    ):
        here = ohm[name] > 0
        inner[name] = inner_nodes(builder, t.names, outer, here, what)
        siemens = np.where(here, 1.0 / np.where(here, ohm[name], 1.0), 0.0)
        resistors.append((name, outer, inner[name], np.where(quasi, 0.0, siemens) if (
            name == "rd") else siemens))
    # as ngspice: what everyone has is not multiplied
    resistors.append((
        "rds", drain, source, np.where(t.given("rds"), t.count, 1.0) / t.card("rds")
    ))
    at = np.array([inner["rg"], inner["rs"], inner["rd"], inner["rb"], drain, source])
    return [PowerTransistors(
        t, at, sign, p, kernels.run, resistors, t.initial(("vds", "vgs"))
    )]
