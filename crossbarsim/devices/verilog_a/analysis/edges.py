"""Where rates jump: voltages that a device names, and dead zones whose edge moves with a state.

A rate that is 0 below a field and large above it holds a state at the edge: the state follows the
edge as the voltage rises. Integrated exactly, a jump there would be crossed without end. It becomes
a ramp, as in the built-in models; so does a step that is smoothed over far less, as by ``tanh``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..algebra.calculus import below, evaluate, linear, substitute
from ..algebra.terms import Term, Terms

__all__ = ["edges_in_voltage", "ramped"]

RAMP = 1e-3  # of the edge: over which the motion sets in


def ramped(
    t: Terms, rate: Term, states: Iterable[Term], defaults: Mapping[str, Any]
) -> tuple[Term, bool]:
    """Return a rate whose dead zones have ramps beside them, and whether there are any."""
    own = frozenset(states)
    drive = frozenset({t.symbol("v"), t.symbol("i"), t.symbol("y")})
    count = 0

    def find(term: Term) -> Term | None:
        nonlocal count
        if term.op == "call" and term.value == "tanh":
            wider = _widened(t, term.args[0], own, drive, defaults)
            count += wider is not None
            return None if wider is None else t.call("tanh", wider)
        if term.op != "if" or term.args[0].op not in ("<", "<="):
            return None
        test, yes, no = term.args
        if (yes is t.zero) == (no is t.zero):
            return None
        moving = no if yes is t.zero else yes
        for edge, side, rising in ((test.args[1], test.args[0], yes is t.zero),
                                   (test.args[0], test.args[1], no is t.zero)):
            if not (edge.fixed and edge is not t.zero and side.free & own and side.free & drive):
                continue
            if _meets(t, moving, side, edge, defaults):
                return None
            width = t.add(t.mul(t.number(RAMP), t.call("abs", edge)), t.number(1e-300))
            apart = t.sub(side, edge) if rising else t.sub(edge, side)
            share = t.div(apart, width)
            curve = t.mul(t.mul(share, share), t.sub(t.number(3.0), t.mul(t.number(2.0), share)))
            count += 1
            return t.choose(
                t.compare("<=", share, t.zero), t.zero,
                t.choose(t.compare("<", share, t.one), t.mul(moving, curve), moving))
        return None

    return substitute(t, rate, find), count > 0


def _widened(
    t: Terms, inside: Term, own: frozenset[Term], drive: frozenset[Term],
    defaults: Mapping[str, Any],
) -> Term | None:
    """Return ``(side - edge) / width`` with a width of no less than the ramp's, or None."""
    if inside.op != "/" or inside.args[0].op != "-" or not inside.args[1].fixed:
        return None
    (side, edge), width = inside.args[0].args, inside.args[1]
    if not side.symbols:
        side, edge = edge, side
    if not (edge.fixed and edge is not t.zero and side.free & own and side.free & drive):
        return None
    ramp = t.mul(t.number(0.1 * RAMP), t.call("abs", edge))
    if float(evaluate(width, defaults)) >= float(evaluate(ramp, defaults)):
        return None
    return t.div(inside.args[0], t.call("max", width, ramp))


def _meets(t: Terms, moving: Term, side: Term, edge: Term, defaults: Mapping[str, Any]) -> bool:
    """Return whether a rate is 0 at its edge by itself."""
    there = substitute(t, moving, {side: edge})
    if there is t.zero:
        return True
    return there.fixed and abs(float(evaluate(there, defaults))) < 1e-12


def edges_in_voltage(t: Terms, rates: Iterable[Term]) -> list[Term]:
    """Return the voltages with which rates compare their own."""
    v = t.symbol("v")
    found: dict[Term, None] = {}
    for term in below(*rates):
        if term.op not in ("<", "<=", "==", "!="):
            continue
        a, b = term.args
        for one, other in ((a, b), (b, a)):
            if v in one.free and other.fixed:
                solved = linear(t, one, v)
                if solved is not None and solved[0].fixed and solved[1].fixed:
                    found[t.div(t.sub(other, solved[1]), solved[0])] = None
    return list(found)
