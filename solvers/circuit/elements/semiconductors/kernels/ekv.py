"""EKV: the law of `netlists.transistors.ekv`, differentiated, with the bulk's junctions."""

from __future__ import annotations

from typing import Any

from ......core.compiled.jit import inlined, leaf
from ......core.validation import Array
from ......netlists.transistors.ekv import transistor
from ....system.element_group import Ints
from ....system.kernels_blocks import EVALUATE
from .block import arrays, limited_any, note, settle
from .dual_numbers import Dual
from .law import derived
from .mos_rows import (
    BETA,
    COX,
    GAMMA,
    INVERSE_SLOPE,
    KAPPA_S,
    LAMBDA,
    PHI,
    SIGMA,
    THETA,
    V_CRIT,
    VT,
    VTO,
)
from .mosfet import SHOWN as _SHOWN
from .mosfet import begin, bulk_junction, stamp

__all__ = ["SHOWN", "ekv", "run"]

# instead of a saturation voltage, the channel's conductance for thermal noise
SHOWN = tuple("gnoise" if name == "vdsat" else name for name in _SHOWN)

# (vg, vd, vs, p, e), against the bulk -> drain current, charges of gate, drain and source, the
# channel's conductance
ekv = derived(transistor, {
    "vto": VTO, "gamma": GAMMA, "phi": PHI, "kappa": INVERSE_SLOPE, "beta": BETA,
    "theta": THETA, "lambda_": LAMBDA, "v_crit": V_CRIT, "sigma": SIGMA, "kappa_s": KAPPA_S,
    "cox": COX, "u_t": VT,
})


@inlined
def _from_source(p: tuple[float, float, float, float]) -> Dual:
    """Return derivatives by vgs, vds, vbs of what was differentiated by vgb, vdb, vsb."""
    return p[0], p[1], p[2], -(p[1] + p[2] + p[3])


@inlined
def evaluate(
    places: Any, state: Any, how: Any, wires: Any, _work: Any, out: Any, some: Ints
) -> None:
    """Evaluate all transistors; see `Device`."""
    _, _, sign, p = places
    old = state[0]
    mode, gmin, _ = how
    shown = out[4]
    for place in range(some.shape[0]):
        e = some[place]
        at, asked, _, _ = begin(places, state, mode, e)
        vgs, vds, vbs = at
        law = ekv(vgs - vbs, vds - vbs, -vbs, p, e)
        i, on_gate = _from_source(law[0:4]), _from_source(law[4:8])
        on_drain, on_source = _from_source(law[8:12]), _from_source(law[12:16])
        if mode:
            old[0, e], old[1, e], old[2, e], old[3, e] = vgs, vds, vbs, p[VTO, e]
        at_drain = bulk_junction(vbs - vds, True, False, gmin, p, e)
        at_source = bulk_junction(vbs, False, False, gmin, p, e)
        stamp(
            wires, out, e, sign[e], at, asked, i, at_drain, at_source,
            (on_gate, on_drain, on_source),
        )
        shown[0, e], shown[1, e], shown[2, e] = vgs, vgs - vds, vgs - vbs
        shown[3, e] = on_gate[1] + on_gate[2] + on_gate[3]
        shown[4, e], shown[5, e] = -on_gate[2], -on_gate[3]
        shown[6, e], shown[7, e], shown[8, e] = on_gate[0], on_drain[0], on_source[0]
        shown[9, e], shown[10, e], shown[11, e] = vds, vbs, i[0]
        shown[12, e], shown[13, e], shown[14, e] = i[1], i[2], i[3]
        shown[15, e], shown[16, e] = p[VTO, e], law[16]
        shown[17, e], shown[18, e] = at_drain[0], at_source[0]
        shown[19, e], shown[20, e] = at_drain[1], at_source[1]
        shown[21, e], shown[22, e] = at_drain[3], at_source[3]


@leaf
def run(what: int, _time: float, block: Ints, numbers: Array, x: Array) -> float:
    """Evaluate the transistors of a block, keep their voltages or go back to them."""
    if what != EVALUATE:
        return settle(what, block)
    places, state, how, wires, work, out, some = arrays(block, numbers, x)
    evaluate(places, state, how, wires, work, out, some)
    note(some.shape[0], block, numbers, x)
    return limited_any(block)
