"""EKV transistors (M, level "ekv"), n and p channel, with conserved charges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .....core.validation import Array
from .....netlists.elements import Element
from .....netlists.spice.cards import card
from .....netlists.transistors.ekv import at_temperature
from .....netlists.transistors.temperature import EPS_OX
from ...system.builder import Builder, register_model
from ...system.element_group import ElementGroup, Instant, NoiseSource
from .device import Wiring
from .kernels import ekv as kernels
from .kernels import mos_rows as rows
from .mos_parameters import bulk_rows, check, saturations
from .mosfet import B, D, G, MosTransistors, S, build, size
from .parameter_table import Table

__all__ = ["EkvTransistors"]


class EkvTransistors(MosTransistors):
    """EKV transistors; gate, drain, source and bulk charges add up to 0 at all voltages."""

    wiring = Wiring(
        4, ((G, S), (D, S), (B, S)),
        ((D, S, (0, 1, 2)), (B, D, (1, 2)), (B, S, (2,))),
        ((G, B, (0, 1, 2)), (D, B, (0, 1, 2)), (S, B, (0, 1, 2)), (B, D, (1, 2)), (B, S, (2,))),
    )
    shown = kernels.SHOWN
    remembers = 0

    def noise(self, x: Array, now: Instant) -> Sequence[NoiseSource]:
        """Return thermal noise of rd, rs and of the channel's charge, and flicker noise.

        The channel's is 4kT mu |Q_I| / L^2; the other kf gm^2 / (W L Cox f^af) (EKV 2.6).
        """
        shown = self.shown_at(x, now)
        ends = (self.at[D], self.at[S])
        af = self.table.card("af")
        low = self._sources("1overf", ends, flicker=self.flicker * shown["gm"] ** 2)
        exponents = dict(zip(self.names, af, strict=True))
        return [
            *self._thermal(), *self._sources("id", ends, conductance=shown["gnoise"]),
            *(NoiseSource(s.element, s.kind, s.rows, s.white, s.flicker, exponents[s.element])
              for s in low),
        ]


@register_model("nmos", "ekv")
@register_model("pmos", "ekv")
def ekv(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    """Return the group of all EKV transistors."""
    t = Table(builder, elements, card("nmos", "ekv"))
    check(t)
    for name in ("kp", "phi"):
        t.require(t.card(name) > 0, f"`{name}` must be > 0")
    for name in ("theta", "lambda", "vcrit", "sigma", "ksource"):
        t.require(t.card(name) >= 0, f"`{name}` must be >= 0")
    t.require(~t.given("n0") | (t.card("n0") >= 1), "`n0` must be >= 1")
    short = t.card("vcrit") > 0
    t.require(~short | t.given("n0"), "`vcrit` needs `n0`")
    t.require(
        short | ((t.card("sigma") == 0) & (t.card("ksource") == 0)),
        "`sigma` and `ksource` need `vcrit`",
    )
    t.require(~t.given("tox") | (t.card("tox") > 0), "`tox` must be > 0")
    sign = np.array([1.0 if c.kind == "nmos" else -1.0 for c in t.cards])
    drawn_w, drawn_l = size(builder, t)
    width, length = drawn_w + t.card("dw"), drawn_l + t.card("dl") - 2.0 * t.card("ld")
    t.require((width > 0) & (length > 0), "effective width and length must be > 0")
    by_tox = np.where(t.given("tox"), EPS_OX / np.where(t.given("tox"), t.card("tox"), 1.0), 0.0)
    cox = np.where(t.given("cox"), t.card("cox"), by_tox)
    t.require((t.card("kf") == 0) | (cox > 0), "`kf` needs `cox` or `tox`")
    vt, phi, threshold, slowed = at_temperature(
        sign * t.card("vto"), t.card("phi"), t.nominal, t.kelvin, t.card("tcv"), t.card("bex")
    )
    t.require(phi > 0, "`phi` is <= 0 at the temperature")
    zero = np.zeros(len(t))
    given = {
        rows.VT: vt, rows.COX: cox * width * length * t.count, rows.PHI: phi,
        rows.VTO: threshold, rows.GAMMA: t.card("gamma"),
        rows.BETA: t.card("kp") * slowed * t.count * width / length,
        rows.LAMBDA: t.card("lambda"), rows.THETA: t.card("theta"),
        # the critical field is a velocity over the mobility
        rows.V_CRIT: t.card("vcrit") / slowed, rows.SIGMA: t.card("sigma"),
        rows.KAPPA_S: t.card("ksource"),
        rows.INVERSE_SLOPE: np.where(t.given("n0"), 1.0 / t.card("n0", 1.0), 0.0),
    }
    given |= dict(zip(range(rows.ISD, rows.VCRIT_S + 1), saturations(t), strict=True))
    given |= dict(zip(range(rows.DRAIN, rows.ROWS), bulk_rows(t), strict=True))
    p = [given.get(k, zero) for k in range(rows.ROWS)]
    overlaps = [
        t.card("cgso") * width * t.count, t.card("cgdo") * width * t.count,
        t.card("cgbo") * length * t.count,
    ]
    flicker = t.card("kf") / (width * length * t.count * np.where(cox > 0, cox, 1.0))
    return [build(
        builder, elements, t, sign, p, overlaps, flicker, EkvTransistors, kernels.run
    )]
