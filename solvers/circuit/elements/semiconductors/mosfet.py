"""MOS transistors (M) of levels 1, 2, 3 and 6, n and p channel.

Charges. Meyer's three capacitances are functions of the voltages that no charge has as its
derivatives, so that charges depend on the path. As in ngspice, the charge between two terminals
goes on from the last accepted point by the mean of the old and the new capacitance times the
change of the voltage. What one terminal gets another one loses: the sum of all charges is
conserved, always. After a closed loop of voltages, the gate's charge returns in strong inversion at
a fixed bulk voltage, up to the error of the steps; beyond that, and for drain and source, charges
do not return, as Meyer's model has it (D. E. Ward and R. W. Dutton, IEEE J. Solid-State Circuits
13:703, 1978). The bulk junctions and overlaps have charges proper; EKV has them throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from .....core.validation import Array
from .....netlists.elements import Element
from .....netlists.spice.cards import card
from .....netlists.transistors.level1 import at_temperature
from .....netlists.transistors.temperature import (
    CHARGE,
    EPS_OX,
    EPS_SI,
    potential,
    thermal_voltage,
)
from ...system.builder import Builder, register_model
from ...system.element_group import ElementGroup, Instant, Ints, NoiseSource, Triplets
from ...system.entries import pairs
from .device import FREE, INITIAL, Device, Kernel, Wiring, inner_nodes
from .kernels import mos_levels
from .kernels import mos_rows as rows
from .kernels.mosfet import SHOWN
from .mos_parameters import (
    Process,
    bulk_rows,
    check,
    narrow_factor,
    resistances,
    saturations,
)
from .parameter_table import Table

__all__ = ["MosTransistors", "build", "size"]

_KERNELS = {
    1: mos_levels.run_level1, 2: mos_levels.run_level2, 3: mos_levels.run_level3,
    6: mos_levels.run_level6,
}

D, G, S, B = range(4)


class MosTransistors(Device):
    """MOS transistors of one level, n and p channel."""

    wiring = Wiring(
        4, ((G, S), (D, S), (B, S)),
        ((D, S, (0, 1, 2)), (B, D, (1, 2)), (B, S, (2,))),
        ((G, S, (0, 1, 2)), (G, D, (0, 1, 2)), (G, B, (0, 1, 2)), (B, D, (1, 2)), (B, S, (2,))),
    )
    shown: tuple[str, ...] = SHOWN
    remembers = 10
    fills = True

    def __init__(
        self, table: Table, at: Ints, sign: Array, p: Sequence[Array], kernel: Kernel,
        resistors: Sequence[tuple[str, Ints, Ints, Array]], overlaps: Sequence[Array],
        flicker: Array, initial: Array | None = None,
    ) -> None:
        super().__init__(table, at, sign, p, kernel, resistors, initial)
        self.overlaps, self.flicker = overlaps, flicker
        self.follows = self.remembers > 0 and bool(np.any(self.p[rows.COX] > 0))

    def linear_c(self) -> Sequence[Triplets]:
        """Return the overlap capacitances."""
        return [t for ends, farad in self.capacitances() for t in pairs(ends, ends, farad)]

    def capacitances(self) -> Sequence[tuple[Ints, Array]]:
        """Return those of the overlaps, one for each of their ends."""
        return [
            (self.at[[G, terminal]], farad)
            for farad, terminal in zip(self.overlaps, (S, D, B), strict=True)
        ]

    def accept(self, x: Array, now: Instant) -> None:
        """Keep voltages, and where Meyer's charges have got to."""
        super().accept(x, now)
        if self.follows and now.mode == "dc":
            self.memory[9] = 0.0  # a transient starts anew from the last of these
        elif self.follows:
            self._remember(x, self.at, now)

    def remember(self, x: Array) -> None:
        """Let Meyer's charges go on from x."""
        self._seen = None, FREE, ""
        if self.follows:
            self.memory[9] = 0.0
            self._remember(x, self.at, Instant(mode="tran", limit=False))

    def _remember(self, x: Array, at: Ints, now: Instant) -> None:
        """Let Meyer's charges go on from here."""
        seen, mode, analysis = self._seen
        if seen is not x or mode == INITIAL or analysis != now.mode or self.limited.any():
            self._run(x, at, FREE, now, self._scratch, self.old, np.zeros_like(self.limited))
        # else: the step's last evaluation was here, and nothing was limited
        self.memory[:9] = self.shown_values[:9]
        self.memory[9] = 1.0
        self._seen = None, FREE, ""

    def initial(self, x: Array) -> tuple[Ints, Array]:
        """Return what ``ic=`` voltages change the charges by; Meyer's start from these."""
        v = x[self.at]
        after = v if self.ic is None else self._imposed(v.copy(), self.ic)
        if self.follows:
            at = np.arange(v.size, dtype=np.int64).reshape(v.shape)
            self._remember(after.ravel(), at, Instant(mode="dc", limit=False))
        rows, charges = super().initial(x)
        if not len(rows):
            return rows, charges
        found = [(rows, charges)]
        for farad, terminal in zip(self.overlaps, (S, D, B), strict=True):
            charge = farad * (after[G] - after[terminal] - v[G] + v[terminal])
            found += [(self.at[G], charge), (self.at[terminal], -charge)]
        return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])

    def _imposed(self, v: Array, ic: Array) -> Array:
        # ic = vds, vgs, vbs
        for terminal, volt in zip((D, G, B), ic, strict=True):
            v[terminal] = np.where(np.isnan(volt), v[terminal], v[S] + volt)
        return v

    def quantities(self, x: Array, now: Instant) -> dict[str, Array]:
        """Return what ``@m1[...]`` shows, as ngspice has it.

        Currents and voltages are those of the n-channel transistor that corresponds; von and vdsat
        have their own sign.
        """
        shown = self.shown_at(x, now)
        found = {
            "id": shown["channel"] - shown["ibd"], "is": -shown["channel"] - shown["ibs"],
            "ig": np.zeros(len(self.names)), "ib": shown["ibd"] + shown["ibs"],
        }
        for name in ("von", "vdsat"):
            if name in shown:
                found[name] = self.sign * shown[name]
        for name in ("vgs", "vds", "vbs", "ibd", "ibs"):
            found[name] = shown[name]
        for name in ("gm", "gds", "gmbs", "gbd", "gbs", "cbd", "cbs"):
            found[name] = shown[name]
        for name, overlap in zip(("cgs", "cgd", "cgb"), self.overlaps, strict=True):
            found[name] = shown[name] + overlap
        return found

    def noise(self, x: Array, now: Instant) -> Sequence[NoiseSource]:
        """Return thermal noise of rd, rs and of the channel, 4kT 2/3 gm, and flicker noise.

        That is kf |id|^af / (f W L Cox^2), as in SPICE3.
        """
        shown = self.quantities(x, now)
        ends = (self.at[D], self.at[S])
        low = self.flicker * np.abs(shown["id"]) ** self.table.card("af")
        return [
            *self._thermal(), *self._sources("id", ends, conductance=2.0 / 3.0 * shown["gm"]),
            *self._sources("1overf", ends, flicker=low),
        ]


def size(builder: Builder, t: Table) -> tuple[Array, Array]:
    """Return drawn width and length, metre."""
    width = t.own("w", float(builder.options.get("defw", 1e-4)))
    length = t.own("l", float(builder.options.get("defl", 1e-4)))
    t.require((width > 0) & (length > 0), "`w` and `l` must be > 0")
    return width, length


def build(
    builder: Builder, elements: list[Element], t: Table, sign: Array, p: Sequence[Array],
    overlaps: Sequence[Array], flicker: Array, kind: type[MosTransistors], kernel: Kernel,
) -> MosTransistors:
    """Return the group, with nodes behind the resistances of drain and source."""
    outer = builder.at(elements, 4)
    resistors, inner = [], []
    for name, terminal, what, ohm in zip(
        ("rd", "rs"), (outer[0], outer[2]), ("drain", "source"), resistances(t), strict=True
    ):
        node = inner_nodes(builder, t.names, terminal, ohm > 0, what)
        siemens = np.where(ohm > 0, 1.0 / np.where(ohm > 0, ohm, 1.0), 0.0)
        resistors.append((name, terminal, node, siemens))
        inner.append(node)
    at = np.array([inner[0], outer[1], inner[1], outer[3]])
    return kind(
        t, at, sign, p, kernel, resistors, overlaps, flicker, t.initial(("vds", "vgs", "vbs"))
    )


def _level2(
    t: Table, process: Process, length: Array, width: Array, shared: Array | float
) -> dict[int, Array]:
    doped = process.nsub > 0
    depth = np.where(
        doped, np.sqrt(2.0 * EPS_SI / (CHARGE * np.where(doped, process.nsub, 1.0))), 0.0
    )
    return {
        rows.LENGTH: length, rows.WIDTH: width, rows.XJ: t.card("xj"), rows.XD: depth,
        rows.FACTOR: narrow_factor(t, process.cox, width) / shared,
        rows.CFS: CHARGE * t.card("nfs") * 1e4 / process.cox, rows.MOBILITY: process.mobility,
        rows.VMAX: t.card("vmax"), rows.NSUB: process.nsub,
        rows.CRITICAL: t.card("ucrit") * 100.0 * EPS_SI / process.cox,
        rows.EXPONENT: t.card("uexp"), rows.NEFF: t.card("neff"),
        rows.BULK_POTENTIAL: potential(t.card("pb"), t.nominal, t.kelvin),
    }


def _level3(
    t: Table, process: Process, length: Array, width: Array, slowed: Array
) -> dict[int, Array]:
    doped = process.nsub > 0
    alpha = np.where(doped, 2.0 * EPS_SI / (CHARGE * np.where(doped, process.nsub, 1.0)), 0.0)
    narrow = t.card("delta") * 0.5 * np.pi * EPS_SI / process.cox
    return {
        rows.LENGTH: length, rows.WIDTH: width, rows.XJ: t.card("xj"), rows.XD: np.sqrt(alpha),
        rows.FACTOR: narrow / width, rows.CFS: CHARGE * t.card("nfs") * 1e4 / process.cox,
        rows.MOBILITY: process.mobility * slowed, rows.VMAX: t.card("vmax"),
        rows.NSUB: process.nsub, rows.ALPHA: alpha, rows.LD: t.card("ld"),
        rows.ETA: t.card("eta") * 8.15e-22 / (process.cox * length**3),
        rows.THETA: t.card("theta"), rows.KAPPA: t.card("kappa"),
    }


def _level6(
    t: Table, process: Process, length: Array, width: Array, slowed: Array
) -> dict[int, Array]:
    for name in ("kv", "kc", "nv", "nc"):
        t.require(t.card(name) > 0, f"`{name}` must be > 0")
    by_process = (process.cox > 0) & ~t.given("kc")
    factor = np.where(by_process, 0.5 * process.mobility * process.cox, t.card("kc"))
    return {
        rows.BETA: factor * slowed * t.count * width / length, rows.KV: t.card("kv"),
        rows.NV: t.card("nv"), rows.NC: t.card("nc"), rows.GAMMA1: t.card("gamma1"),
        rows.FEEDBACK: t.card("sigma"), rows.LAMBDA1: t.card("lambda1"),
        rows.LAMBDA: np.where(t.given("lambda0"), t.card("lambda0"), t.card("lambda")),
    }


def _group(builder: Builder, elements: list[Element], level: int) -> list[ElementGroup]:
    t = Table(builder, elements, card("nmos", level))
    check(t)
    sign = np.array([1.0 if c.kind == "nmos" else -1.0 for c in t.cards])
    process = Process.of(t, level, sign)
    phi, built, vto, slowed = at_temperature(
        process.vto, process.gamma, process.phi, t.nominal, t.kelvin, sign
    )
    t.require(phi > 0, "`phi` is <= 0 at the temperature")
    width, drawn = size(builder, t)
    length = drawn - 2.0 * t.card("ld")
    t.require(length > 0, "`l` less twice `ld` must be > 0")
    zero = np.zeros(len(t))
    given = {
        rows.VT: thermal_voltage(t.kelvin),
        rows.COX: process.cox * width * length * t.count, rows.PHI: phi, rows.VTO: vto,
        rows.VBI: built, rows.GAMMA: process.gamma,
        rows.BETA: process.kp * slowed * t.count * width / length,
        rows.LAMBDA: t.card("lambda") if level < 3 else zero,
    }
    given |= dict(zip(range(rows.ISD, rows.VCRIT_S + 1), saturations(t), strict=True))
    if level == 2:
        # in ngspice 39 the narrow-channel effect of `m` transistors is that of one m times as wide
        given |= _level2(t, process, length, width, t.count if t.as_ngspice else 1.0)
    elif level == 3:
        t.require(~t.given("xd"), "`xd` follows from `nsub` and cannot be given")
        given |= _level3(t, process, length, width, slowed)
    elif level == 6:
        given |= _level6(t, process, length, width, slowed)
    layers = bulk_rows(t)
    given |= dict(zip(range(rows.DRAIN, rows.ROWS), layers, strict=True))
    p = [given.get(k, zero) for k in range(rows.ROWS)]
    overlaps = [
        t.card("cgso") * width * t.count, t.card("cgdo") * width * t.count,
        t.card("cgbo") * length * t.count,
    ]
    # ngspice takes 0.1 um of oxide for the flicker noise where there is none
    oxide = np.where(process.cox > 0, process.cox, EPS_OX / 1e-7)
    flicker = t.card("kf") / (width * length * t.count * oxide**2)
    return [build(
        builder, elements, t, sign, p, overlaps, flicker, MosTransistors, _KERNELS[level]
    )]


for _level in _KERNELS:
    _factory = partial(_group, level=_level)  # one for both: n and p channel are one group
    for _kind in ("nmos", "pmos"):
        register_model(_kind, _level)(_factory)
