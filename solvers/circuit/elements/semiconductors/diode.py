"""Diodes (D), level 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .....core.validation import Array
from .....netlists.elements import Element
from .....netlists.spice.cards import card
from .....netlists.transistors.temperature import thermal_voltage
from ...system.builder import Builder, register_model
from ...system.element_group import ElementGroup, Instant, NoiseSource
from .device import Device, Wiring, inner_nodes
from .junctions import critical, depletion_rows, junction
from .kernels import diode as kernels
from .parameter_table import Table

__all__ = ["Diodes", "breakdown", "grown"]


class Diodes(Device):
    """Diodes at their temperatures; the anode is behind `rs`."""

    wiring = Wiring(2, ((0, 1),), ((0, 1, (0,)),), ((0, 1, (0,)),))
    shown = kernels.SHOWN

    def _imposed(self, v: Array, ic: Array) -> Array:
        v[0] = np.where(np.isnan(ic[0]), v[0], v[1] + ic[0])
        return v

    def noise(self, x: Array, now: Instant) -> Sequence[NoiseSource]:
        """Return thermal noise of `rs`, shot noise, and flicker noise kf |i|^af / f."""
        i = self.shown_at(x, now)["id"]
        kf, af = self.table.card("kf"), self.table.card("af")
        ends = (self.at[0], self.at[1])
        many = self.table.count
        flicker = many * kf * np.abs(i / many) ** af
        return [
            *self._thermal(), *self._sources("id", ends, shot=i),
            *self._sources("1overf", ends, flicker=flicker),
        ]


def breakdown(
    t: Table, saturation: Array, vt: Array, nbv: Array, count: Array | float
) -> Array:
    """Return the voltage at which SPICE's breakdown starts, so that -ibv flows at -bv.

    Solved to convergence; SPICE3 stops at a relative error of reltol.
    """
    at = t.card("bv", 1.0) - t.card("tcv") * (t.kelvin - t.nominal)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        wanted = count * t.card("ibv")
        found = at - nbv * vt * np.log1p(wanted / saturation)
        reached = ~t.given("bv")
        for _ in range(100):
            if reached.all():
                break
            found = np.where(
                reached, found, at - nbv * vt * np.log(wanted / saturation + 1.0 - found / vt)
            )
            flows = saturation * (np.exp((at - found) / (nbv * vt)) - 1.0 + found / vt)
            reached |= np.abs(flows - wanted) <= 1e-12 * wanted
        found = np.where(wanted < saturation * at / vt, at, found)
    return np.where(t.given("bv"), found, np.inf)


def grown(t: Table, emission: Array) -> Array:
    """Return the factor by which a saturation current grows from nominal temperature."""
    ratio = t.kelvin / t.nominal
    rise = (ratio - 1.0) * t.card("eg") / thermal_voltage(t.kelvin)
    return np.asarray(np.exp((rise + t.card("xti") * np.log(ratio)) / emission))


@register_model("d", 1)
def diodes(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    """Return the group of all diodes."""
    t = Table(builder, elements, card("d"))
    area, perimeter = t.own("area", 1.0) * t.count, t.own("pj", 0.0) * t.count
    t.require(area > 0, "`area` must be > 0")
    for name in ("n", "vj", "php", "nr"):
        t.require(t.card(name) > 0, f"`{name}` must be > 0")
    for name in ("is", "jsw", "rs", "cjo", "cjsw", "tt", "isr", "ikf", "ikr", "ibv"):
        t.require(t.card(name) >= 0, f"`{name}` must be >= 0")
    t.require((t.card("fc") >= 0) & (t.card("fc") < 1), "`fc` must be in [0, 1)")
    t.require(t.card("mjsw") < 1, "`mjsw` must be < 1")
    t.require(t.card("bv", 1.0) > 0, "`bv` must be > 0")
    step, vt = t.kelvin - t.nominal, thermal_voltage(t.kelvin)
    n = t.card("n")
    nbv = np.where(t.given("nbv"), t.card("nbv"), n)
    saturation = np.maximum(t.card("is"), 1e-28) * area * grown(t, n)
    recombination = np.where(t.given("isr"), t.card("isr") * area * grown(t, t.card("nr")), 0.0)
    wall = t.card("jsw") * perimeter * grown(t, np.ones(len(t)))
    p = [
        saturation + wall, n * vt, nbv * vt,
        breakdown(t, saturation, vt, nbv, t.count),
        critical(saturation, n * vt), recombination, t.card("nr") * vt, t.card("ikf") * area,
        t.card("ikr") * area, t.card("tt"),
        # as ngspice: gradings of at most 0.9
        *_layer(t, t.card("cjo") * area, np.minimum(t.card("m"), 0.9), t.card("vj"), t.card("fc")),
        # ngspice's coefficient of the side wall is one of its own, 0.5
        *_layer(t, t.card("cjsw") * perimeter, t.card("mjsw"), t.card("php"), 0.5),
    ]
    outer = builder.at(elements, 2)
    resistance = t.card("rs") * (1.0 + t.card("trs1") * step + t.card("trs2") * step**2)
    here = t.card("rs") > 0
    t.require(~here | (resistance > 0), "`trs1` and `trs2` make `rs` negative")
    anode = inner_nodes(builder, t.names, outer[0], here, "internal")
    siemens = np.where(here, area / np.where(here, resistance, 1.0), 0.0)
    return [Diodes(
        t, np.array([anode, outer[1]]), np.ones(len(t)), p, kernels.run,
        [("rs", outer[0], anode, siemens)], t.initial(("",)),
    )]


def _layer(
    t: Table, farad: Array, grading: Array, volt: Array, edge: Array | float
) -> list[Array]:
    """Return the rows of a depletion layer."""
    fc = np.broadcast_to(edge, len(t))
    scaled, potential = junction(farad, grading, volt, t.nominal, t.kelvin)
    # as ngspice: the edge of the linear part is at most 1 volt
    with np.errstate(divide="ignore"):
        potential = np.where(fc * potential > 1.0, 1.0 / fc, potential)
    return depletion_rows(scaled, grading, potential, fc)
