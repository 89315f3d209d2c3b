"""Bipolar transistors (Q), NPN and PNP."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .....core.validation import Array
from .....netlists.elements import Element
from .....netlists.spice.cards import card
from .....netlists.transistors.temperature import thermal_voltage
from ...system.builder import Builder, register_model
from ...system.element_group import ElementGroup, Instant, Ints, NoiseSource
from .device import Device, Wiring, inner_nodes
from .junctions import critical, depletion_rows, junction
from .kernels import bipolar as kernels
from .parameter_table import Table

__all__ = ["Bipolars"]

C, B, E, BASE, S, SC, Y, Z = range(8)  # inner collector, base, emitter; base; substrate, its end


class Bipolars(Device):
    """Gummel-Poon transistors."""

    wiring = Wiring(
        8, ((B, E), (B, C), (BASE, C), (BASE, B), (S, SC), (Y, -1), (Z, -1)),
        ((B, E, (0,)), (B, C, (1,)), (C, E, (0, 1, 5)), (BASE, B, (0, 1, 3)), (S, SC, (4,)),
         (Y, -1, (6,)), (Z, -1, (0, 1, 5, 6))),
        ((B, E, (0, 1)), (B, C, (1,)), (BASE, C, (2,)), (S, SC, (4,)), (Y, -1, (5,)),
         (Z, -1, (6,))),
    )
    shown = kernels.SHOWN

    def _imposed(self, v: Array, ic: Array) -> Array:
        # ic = vbe, vce
        vbe = np.where(np.isnan(ic[0]), v[B] - v[E], ic[0])
        vce = np.where(np.isnan(ic[1]), v[C] - v[E], ic[1])
        v[B] = v[BASE] = v[E] + vbe
        v[C] = v[E] + vce
        return v

    def quantities(self, x: Array, now: Instant) -> dict[str, Array]:
        """Return what ``@q1[...]`` shows, as ngspice has it.

        Currents into the terminals; vbe and vbc of a PNP are those of the NPN that corresponds.
        """
        found = self.shown_at(x, now)
        for name in ("ic", "ib", "isub"):
            found[name] = self.sign * found[name]
        found["ie"] = -found["ic"] - found["ib"]
        return found

    def noise(self, x: Array, now: Instant) -> Sequence[NoiseSource]:
        """Return thermal noise of rb, rc, re, shot noise of ic and ib, and kf |ib|^af / f."""
        shown, many = self.shown_at(x, now), self.table.count
        kf, af = self.table.card("kf"), self.table.card("af")
        output, inputs = (self.at[C], self.at[E]), (self.at[B], self.at[E])
        flicker = many * kf * np.abs(shown["ib"] / many) ** af
        return [
            *self._thermal(),
            *self._sources("rb", (self.at[B], self.at[BASE]), conductance=shown["gx"]),
            *self._sources("ic", output, shot=shown["ic"]),
            *self._sources("ib", inputs, shot=shown["ib"]),
            *self._sources("1overf", inputs, flicker=flicker),
        ]


def _inverse(t: Table, name: str) -> Array:
    """Return 1 over a parameter that is infinite where it is 0 or not given."""
    value = t.card(name)
    return np.where(value != 0.0, 1.0 / np.where(value != 0.0, value, 1.0), 0.0)


def _layers(t: Table, area: Array, base: Array, collector: Array) -> list[Array]:
    """Return the rows of the four depletion layers."""
    fc = np.minimum(t.card("fc"), 0.9999)
    found: list[Array] = []
    cjc, share = t.card("cjc") * base, t.card("xcjc")
    for farad, which in (
        (t.card("cje") * area, "e"), (cjc * share, "c"), (cjc * (1.0 - share), "c"),
        (t.card("cjs") * collector, "s"),
    ):
        grading = np.minimum(t.card("mj" + which), 0.999)
        scaled, volt = junction(farad, grading, t.card("vj" + which), t.nominal, t.kelvin)
        # the substrate's is linear from 0 volt on
        edge = np.zeros(len(t)) if which == "s" else fc
        found += depletion_rows(scaled, grading, volt, edge)
    return found


def _check(t: Table) -> None:
    for name in ("is", "bf", "br", "nf", "nr", "ne", "nc", "ns", "vje", "vjc", "vjs"):
        t.require(t.card(name) > 0, f"`{name}` must be > 0")
    for name in ("ise", "isc", "iss", "rb", "rbm", "rc", "re", "irb", "ikf", "ikr", "tf", "tr",
                 "cje", "cjc", "cjs", "itf", "vaf", "var", "ptf"):
        t.require(t.card(name) >= 0, f"`{name}` must be >= 0")
    t.require((t.card("fc") >= 0) & (t.card("fc") < 1), "`fc` must be in [0, 1)")
    t.require((t.card("xcjc") >= 0) & (t.card("xcjc") <= 1), "`xcjc` must be in [0, 1]")


def _nodes(builder: Builder, elements: list[Element]) -> Ints:
    """Return the unknowns of collector, base, emitter and substrate (ground if not given)."""
    found = np.full((4, len(elements)), -1, dtype=np.int64)
    for k, e in enumerate(elements):
        nodes = builder.at([e], max(3, len(e.nodes)))[:, 0]
        found[:min(len(nodes), 4), k] = nodes[:4]
    return found


def _excess(builder: Builder, t: Table) -> tuple[Array, Ints, Ints]:
    """Return the delays of the forward current, and the filters' unknowns (-1 without)."""
    delay = t.card("ptf") * (math.pi / 180.0) * t.card("tf")
    y, z = (np.full(len(t), -1, dtype=np.int64) for _ in range(2))
    for k in np.flatnonzero(delay > 0):
        for place, name in ((y, "phase"), (z, "phase2")):
            place[k] = builder.inner(f"{t.names[k].lower()}#{name}", "A", "A")
    return delay, y, z


@register_model("npn", 1)
@register_model("pnp", 1)
def bipolars(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    """Return the group of all bipolar transistors."""
    t = Table(builder, elements, card("npn"))
    _check(t)
    npn = np.array([c.kind == "npn" for c in t.cards])
    area = t.own("area", 1.0)
    base = np.where(t.has("areab"), t.own("areab"), area)
    collector = np.where(t.has("areac"), t.own("areac"), area)
    t.require((area > 0) & (base > 0) & (collector > 0), "areas must be > 0")
    # NPN are vertical, PNP lateral: their substrate's junction is with the base
    base, collector = np.where(npn, base, collector), np.where(npn, collector, base)
    vt = thermal_voltage(t.kelvin)
    ratio = t.kelvin / t.nominal
    rise = (ratio - 1.0) * t.card("eg") / vt + t.card("xti") * np.log(ratio)
    beta = ratio ** t.card("xtb")
    saturation = area * t.card("is") * np.exp(rise)
    iss = t.card("iss") * area * np.exp(rise)
    # ngspice 39 scales the collector's current by the area twice, which lets a saturated
    # transistor deliver power: only if asked for
    twice = base if t.as_ngspice else 1.0
    leaks = [
        np.where(t.card(name) > 1e-4, t.card("is"), 1.0) * t.card(name) * scale
        * np.exp(rise / t.card(n)) / beta
        for name, n, scale in (("ise", "ne", area), ("isc", "nc", base))
    ]
    rb = t.card("rb") / area
    rbm = np.where(t.given("rbm"), t.card("rbm") / area, rb)
    vtf = np.where(t.card("vtf") != 0.0, _inverse(t, "vtf") / 1.44, 0.0)
    delay, y, z = _excess(builder, t)
    outer = _nodes(builder, elements)
    p = [
        vt, saturation, saturation * twice, iss, t.card("nf"), t.card("nr"),
        t.card("ns"), leaks[0], t.card("ne"), leaks[1], t.card("nc"), t.card("bf") * beta,
        t.card("br") * beta, _inverse(t, "vaf"), _inverse(t, "var"),
        _inverse(t, "ikf") / area, _inverse(t, "ikr") / area, np.minimum(t.card("nkf"), 1.0),
        rb, rbm, t.card("irb") * area, critical(saturation, vt),
        np.where(iss > 0, critical(iss, vt), 50.0), t.card("tf"), t.card("xtf"), vtf,
        t.card("itf") * area, t.card("tr"), delay, np.where(npn, 1.0, -1.0), t.count,
        *_layers(t, area, base, collector),
    ]
    rc, re = t.card("rc") / area, t.card("re") / area
    inner_c = inner_nodes(builder, t.names, outer[0], rc > 0, "collector")
    inner_b = inner_nodes(builder, t.names, outer[1], rb > 0, "base")
    inner_e = inner_nodes(builder, t.names, outer[2], re > 0, "emitter")
    at = np.array([
        inner_c, inner_b, inner_e, outer[1], outer[3], np.where(npn, inner_c, inner_b), y, z
    ])
    conductances = [
        np.where(r > 0, t.count / np.where(r > 0, r, 1.0), 0.0) for r in (rc, re)
    ]
    return [Bipolars(
        t, at, np.where(npn, 1.0, -1.0), p, kernels.run,
        [("rc", outer[0], inner_c, conductances[0]), ("re", outer[2], inner_e, conductances[1])],
        t.initial(("vbe", "vce")),
    )]
