"""Junction field-effect transistors (J), n and p channel."""

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
from .kernels import jfet as kernels
from .parameter_table import Table

__all__ = ["JunctionTransistors"]

G, S, D = range(3)


class JunctionTransistors(Device):
    """Shichman-Hodges transistors with gate junctions,."""

    wiring = Wiring(
        3, ((G, S), (G, D)),
        ((G, S, (0,)), (G, D, (1,)), (D, S, (0, 1))),
        ((G, S, (0,)), (G, D, (1,))),
    )
    shown: tuple[str, ...] = kernels.SHOWN

    def _imposed(self, v: Array, ic: Array) -> Array:
        # ic = vds, vgs
        v[D] = np.where(np.isnan(ic[0]), v[D], v[S] + ic[0])
        v[G] = np.where(np.isnan(ic[1]), v[G], v[S] + ic[1])
        return v

    def quantities(self, x: Array, now: Instant) -> dict[str, Array]:
        """Return what ``@j1[...]`` shows: as for the n-channel transistor that corresponds."""
        found = self.shown_at(x, now)
        found["is"] = -found["id"] - found["ig"]
        return found

    def noise(self, x: Array, now: Instant) -> Sequence[NoiseSource]:
        """Return thermal noise of rd, rs and of the channel, 4kT 2/3 gm, and kf |id|^af / f."""
        shown, many = self.shown_at(x, now), self.table.count
        kf, af = self.table.card("kf"), self.table.card("af")
        ends = (self.at[D], self.at[S])
        flicker = many * kf * np.abs(shown["id"] / many) ** af
        return [
            *self._thermal(), *self._sources("id", ends, conductance=2.0 / 3.0 * shown["gm"]),
            *self._sources("1overf", ends, flicker=flicker),
        ]


@register_model("njf", 1)
@register_model("pjf", 1)
def junction_transistors(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    """Return the group of all junction field-effect transistors."""
    t = Table(builder, elements, card("njf"))
    area = t.own("area", 1.0)
    t.require(area > 0, "`area` must be > 0")
    for name in ("pb", "is", "n"):
        t.require(t.card(name) > 0, f"`{name}` must be > 0")
    for name in ("beta", "rd", "rs", "cgs", "cgd"):
        t.require(t.card(name) >= 0, f"`{name}` must be >= 0")
    t.require((t.card("fc") >= 0) & (t.card("fc") < 1), "`fc` must be in [0, 1)")
    t.require(t.card("pb") > t.card("vto"), "`vto` must be below `pb`")
    vt, step, ratio = thermal_voltage(t.kelvin), t.kelvin - t.nominal, t.kelvin / t.nominal
    saturation = t.card("is") * area * np.exp((ratio - 1.0) * 1.11 / (t.card("n") * vt))
    b, fc = t.card("b"), np.minimum(t.card("fc"), 0.95)
    half = np.full(len(t), 0.5)
    layers: list[Array] = []
    for name in ("cgs", "cgd"):
        farad, volt = junction(t.card(name) * area, half, t.card("pb"), t.nominal, t.kelvin)
        layers += depletion_rows(farad, half, volt, fc)
    p = [
        vt, saturation, t.card("n") * vt, critical(saturation / area, vt),
        t.card("vto") - t.card("tcv") * step, t.card("beta") * area * ratio ** t.card("bex"),
        t.card("lambda"), b, (1.0 - b) / (t.card("pb") - t.card("vto")), t.count, *layers,
    ]
    outer = builder.at(elements, 3)  # drain, gate, source
    resistors, inner = [], []
    for name, terminal, what in (("rd", outer[0], "drain"), ("rs", outer[2], "source")):
        ohm = t.card(name)
        node = inner_nodes(builder, t.names, terminal, ohm > 0, what)
        siemens = np.where(ohm > 0, area * t.count / np.where(ohm > 0, ohm, 1.0), 0.0)
        resistors.append((name, terminal, node, siemens))
        inner.append(node)
    sign = np.array([1.0 if c.kind == "njf" else -1.0 for c in t.cards])
    return [JunctionTransistors(
        t, np.array([outer[1], inner[1], inner[0]]), sign, p, kernels.run, resistors,
        t.initial(("vds", "vgs")),
    )]
