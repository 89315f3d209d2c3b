"""Gate capacitances of MOS transistors: J. E. Meyer, RCA Review 32:42 (1971)."""

from __future__ import annotations

from ......core.compiled.jit import inlined
from .dual_numbers import (
    Dual,
    add,
    constant,
    div,
    larger,
    linear,
    mul,
    scale,
    shift,
    square,
    sub,
)

__all__ = ["meyer", "moved"]


@inlined
def meyer(
    over: Dual, vds: float, vdsat: Dual, phi: float, cox: float
) -> tuple[Dual, Dual, Dual]:
    """Return gate-source, gate-drain and gate-bulk capacitance for vds >= 0.

    As in ngspice: without steps at the threshold, and with at least 25 mV of saturation voltage.
    """
    zero = constant(0.0)
    if over[0] <= -phi:
        return zero, zero, constant(cox)
    bulk = zero
    channel = constant(2.0 / 3.0 * cox)
    if over[0] <= 0.0:
        bulk = scale(-cox / phi, over)
        if over[0] <= -0.5 * phi:
            return zero, zero, bulk
        channel = add(channel, scale(4.0 / 3.0 * cox / phi, over))
    edge = larger(vdsat, constant(0.025))
    if vds >= edge[0]:
        return channel, zero, bulk
    drain = linear(vds, 0.0, 1.0, 0.0)
    both = square(sub(scale(2.0, edge), drain))
    near = shift(scale(-1.0, div(square(sub(edge, drain)), both)), 1.0)
    far = shift(scale(-1.0, div(square(edge), both)), 1.0)
    return mul(channel, near), mul(channel, far), bulk


@inlined
def moved(c: Dual, v: Dual, c_0: float, v_0: float, q_0: float) -> Dual:
    """Return the charge after the voltage has gone from v_0 to v, at the mean capacitance."""
    return shift(mul(scale(0.5, shift(c, c_0)), shift(v, -v_0)), q_0)
