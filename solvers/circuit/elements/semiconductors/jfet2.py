"""Junction field-effect transistors (J) of level 2, Parker and Skellern's, n and p channel.

The gate's charge is a function of its voltages; how its change is parted between source and drain
depends on the path, as in ngspice: by the mean of both ways from the last point to the next.
Thresholds follow slow traps, and the current falls with the power, by differential equations with
the time constants taug and taud, where ngspice has a filter whose strength depends on its steps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .....core.validation import Array
from .....netlists.elements import Element
from .....netlists.spice.cards import card
from .....netlists.transistors.temperature import thermal_voltage
from ...system.builder import Builder, register_model
from ...system.element_group import ElementGroup, Instant, Ints, Triplets
from ...system.entries import pairs
from .device import FREE, Kernel, Wiring, inner_nodes
from .jfet import D, G, JunctionTransistors, S
from .junctions import critical, junction
from .kernels import jfet2 as kernels
from .parameter_table import Table

__all__ = ["DispersiveTransistors"]

SLOW_GS, SLOW_GD, HEAT = 3, 4, 5


class DispersiveTransistors(JunctionTransistors):
    """Transistors of level 2; `capacitance` is that between drain and source, (E,)."""

    wiring = Wiring(
        6, ((G, S), (G, D), (SLOW_GS, -1), (SLOW_GD, -1), (HEAT, -1)),
        ((D, S, (0, 1, 2, 3, 4)), (G, S, (0,)), (G, D, (1,)), (SLOW_GS, -1, (0, 2)),
         (SLOW_GD, -1, (1, 3)), (HEAT, -1, (0, 1, 2, 3, 4))),
        ((G, S, (0, 1)), (G, D, (0, 1)), (SLOW_GS, -1, (2,)), (SLOW_GD, -1, (3,)),
         (HEAT, -1, (4,))),
    )
    shown: tuple[str, ...] = kernels.SHOWN
    remembers = 5

    def __init__(
        self, table: Table, at: Ints, sign: Array, p: Sequence[Array], kernel: Kernel,
        resistors: Sequence[tuple[str, Ints, Ints, Array]], initial: Array, capacitance: Array,
    ) -> None:
        super().__init__(table, at, sign, p, kernel, resistors, initial)
        self.capacitance = capacitance
        self.follows = True

    def linear_c(self) -> Sequence[Triplets]:
        """Return the capacitances between drain and source."""
        ends = self.at[[D, S]]
        return pairs(ends, ends, self.capacitance)

    def capacitances(self) -> Sequence[tuple[Ints, Array]]:
        """Return those between drain and source, one for both of their ends."""
        return [(self.at[[D, S]], self.capacitance)]

    def accept(self, x: Array, now: Instant) -> None:
        """Keep voltages, and where the gate's charges have got to."""
        super().accept(x, now)
        if now.mode == "dc":
            self.memory[4] = 0.0  # a transient starts anew from the last of these
        else:
            self._remember(x, self.at, now)

    def remember(self, x: Array) -> None:
        """Let the gate's charges go on from x."""
        self.memory[4] = 0.0
        self._remember(x, self.at, Instant(mode="tran", limit=False))

    def _remember(self, x: Array, at: Ints, now: Instant) -> None:
        self._run(x, at, FREE, now, self._scratch, self.old, np.zeros_like(self.limited))
        self.memory[:4] = self.shown_values[:4]
        self.memory[4] = 1.0

    def initial(self, x: Array) -> tuple[Ints, Array]:
        """Return what ``ic=`` voltages change the charges by; the gate's start from these."""
        rows, charges = super().initial(x)
        v = x[self.at]
        after = v if self.ic is None else self._imposed(v.copy(), self.ic)
        at = np.arange(v.size, dtype=np.int64).reshape(v.shape)
        self.memory[4] = 0.0
        self._remember(after.ravel(), at, Instant(mode="dc", limit=False))
        return rows, charges


def _check(t: Table) -> None:
    for name in ("vbi", "n", "p", "q", "xi", "vbd"):
        t.require(t.card(name) > 0, f"`{name}` must be > 0")
    for name in ("beta", "is", "ibd", "z", "mxi", "vst", "delta", "taud", "taug", "rd", "rs", "cgs",
                 "cgd", "cds"):
        t.require(t.card(name) >= 0, f"`{name}` must be >= 0")
    t.require((t.card("fc") >= 0) & (t.card("fc") < 1), "`fc` must be in [0, 1)")


@register_model("njf", 2)
@register_model("pjf", 2)
def dispersive_transistors(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    """Return the group of all junction field-effect transistors of level 2."""
    t = Table(builder, elements, card("njf", 2))
    area = t.own("area", 1.0)
    t.require(area > 0, "`area` must be > 0")
    _check(t)
    half, vt = np.full(len(t), 0.5), thermal_voltage(t.kelvin)
    (cgs, vbi), (cgd, _) = (
        junction(t.card(name) * area, half, t.card("vbi"), t.nominal, t.kelvin)
        for name in ("cgs", "cgd")
    )
    woo = vbi - t.card("vto")
    t.require(woo > 0, "`vto` must be below `vbi`")
    xi, z, p, q = (t.card(name) for name in ("xi", "z", "p", "q"))
    made = {
        "hfgam": np.where(t.given("hfgam"), t.card("hfgam"), t.card("lfgam")),
        "d3": p / q / woo ** (p - q), "xi_woo": xi * woo, "za": 0.5 * np.sqrt(1.0 + z),
        "beta": t.card("beta") * area, "lambda_": t.card("lambda"), "cgs": cgs, "cgd": cgd,
        "vbi": vbi, "vmax": np.minimum(t.card("fc"), 0.95) * vbi,
        "alpha": (0.5 * xi * woo / (xi + 1.0)) ** 2,
    }
    saturation = t.card("is") * np.exp((t.kelvin / t.nominal - 1.0) * 1.11 / vt)
    rows = [made[name] if name in made else t.card(name) for name in kernels.LAW]
    rows += [
        saturation * area, t.card("n") * vt, t.card("ibd") * area, t.card("vbd"), vt,
        critical(saturation, vt), t.card("delta") / area, t.card("taug"), t.card("taud"), t.count,
    ]
    outer = builder.at(elements, 3)  # drain, gate, source
    resistors, inner = [], []
    for name, terminal, what in (("rd", outer[0], "drain"), ("rs", outer[2], "source")):
        ohm = t.card(name)
        node = inner_nodes(builder, t.names, terminal, ohm > 0, what)
        siemens = np.where(ohm > 0, area * t.count / np.where(ohm > 0, ohm, 1.0), 0.0)
        resistors.append((name, terminal, node, siemens))
        inner.append(node)
    slow = [_unknowns(builder, t, "taug", what) for what in ("trap", "trap2")]
    at = np.array([outer[1], inner[1], inner[0], *slow, _unknowns(builder, t, "taud", "heat")])
    sign = np.array([1.0 if c.kind == "njf" else -1.0 for c in t.cards])
    return [DispersiveTransistors(
        t, at, sign, rows, kernels.run, resistors, t.initial(("vds", "vgs")),
        t.card("cds") * area * t.count,
    )]


def _unknowns(builder: Builder, t: Table, constant: str, what: str) -> Ints:
    """Return the unknowns of what follows with a time constant, -1 without one."""
    found = np.full(len(t), -1, dtype=np.int64)
    for k in np.flatnonzero(t.card(constant) > 0).tolist():
        found[k] = builder.inner(f"{t.names[k].lower()}#{what}", "A", "A")
    return found
