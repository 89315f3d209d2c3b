"""Template: a module of two terminals as a device: its laws, inner unknowns eliminated.

Behind `frame`. The parameters p of such a device are its frame, then the states' scales and room
to work in.
"""

from __future__ import annotations

import math
from typing import Any

from .....core.compiled.jit import leaf

IMAGE, INFO, ENTRIES = 4, 12, 16


def plan_number(plan: int, k: int) -> int:
    """Stand for the kernel of `frame`."""
    return plan + k


def places(f: Any) -> tuple[int, int, int, int, int, int]:
    """Stand for the kernel of `frame`."""
    del f
    return 0, 0, 0, 0, 0, 0


def module_load(f: Any) -> int:
    """Stand for the kernel of `frame`."""
    del f
    return 0


def eliminate(f: Any, a: int, n: int, b: int, m: int) -> bool:
    """Stand for the kernel of `frame`."""
    del f, a, n, b, m
    return True


# -- template --
@leaf
def settle(v, x, p):
    """Do what `settle_at` does, coming from rest where the voltage is another one.

    Of a folded curve the branch is meant that begins at 0 V.
    """
    plan = int(p[0])
    solution, _, _, _, _, size = places(p)
    table = ENTRIES + 2 * plan_number(plan, 7)
    n = size - 2
    m = 2 + plan_number(plan, table + 1)
    room = solution + 3 * (size + 1) + 2 * plan_number(plan, 9) + 2 * (size + 1) * (size + 1)
    B = room + (m - 2) + n * n
    steps, inner = 1, 0
    if abs(v - p[solution]) > 0.05:
        for r in range(n):
            if plan_number(plan, table + 2 + r) < 0 and plan_number(plan, table + 2 + n + r) == 0:
                inner += 1
        if inner > 0:
            steps = 1 + int(min(abs(v) / 0.005, 400.0))
            for r in range(n):
                p[solution + 2 + r] = 0.0
    for q in range(1, steps):
        if settle_at(v * q / steps, x, p):
            for r in range(n):
                p[solution + 2 + r] += p[B + r * m]
    return settle_at(v, x, p)


@leaf
def settle_at(v, x, p):
    """Solve for the inner unknowns at voltage v and states x; return whether they converged.

    The frame then holds the module's numbers, and the room behind the scales, column by column:
    what is left to move, and the unknowns' derivatives by v and by every state.
    """
    plan = int(p[0])
    solution, resist, react, jacobian, charges, size = places(p)
    table = ENTRIES + 2 * plan_number(plan, 7)
    S = plan_number(plan, table + 1)
    n = size - 2
    scales = charges + (size + 1) * (size + 1)
    A = scales + S
    B = A + n * n
    m = 2 + S
    p[solution], p[solution + 1] = v, 0.0
    for s in range(S):
        column = plan_number(plan, table + 2 + 2 * n + 2 * s + 1)
        if column >= 0:
            p[solution + column] = x[s]
    good = False
    last = math.inf
    for count in range(100):
        module_load(p)
        for r in range(n):
            row = 2 + r
            s = plan_number(plan, table + 2 + r)
            start = jacobian if s < 0 else charges
            factor = 1.0 if s < 0 else 1.0 / p[scales + s]
            miss = p[resist + row] if s < 0 else p[react + row] * factor - x[s]
            for k in range(n):
                p[A + r * n + k] = factor * p[start + row * (size + 1) + 2 + k]
            p[B + r * m] = -miss
            p[B + r * m + 1] = -factor * p[start + row * (size + 1)]
            for k in range(S):
                p[B + r * m + 2 + k] = 1.0 if k == s else 0.0
        if not eliminate(p, A, n, B, m):
            return False
        worst, flows, damp = 0.0, 0.0, 1.0
        for r in range(n):
            move = abs(p[B + r * m])
            if not move < math.inf:
                return False
            if plan_number(plan, table + 2 + n + r) == 0:  # volt
                worst = max(worst, move / (abs(v) + abs(p[solution + 2 + r]) + 1e-9))
                if move > 0.5:
                    damp = min(damp, 0.5 / move)
            elif move > 0.0:
                whole = abs(p[solution + 2 + r]) + move + abs(p[resist]) + 1e-18
                flows = max(flows, move / whole)
        # flows follow from the potentials; where they are rounding, they never settle
        if (worst <= 1e-9 and (flows <= 1e-9 or last <= 1e-9)) or (worst <= 1e-7 and worst >= last):
            good = True
            break
        last = worst
        if count > 40:
            damp *= 0.5
        for r in range(n):
            p[solution + 2 + r] += damp * p[B + r * m]
    return good


@leaf
def laws(v, x, p, out, moving):
    """Fill `out` as the laws of a device do, with the rates only where `moving`."""
    plan = int(p[0])
    _, resist, _, jacobian, charges, size = places(p)
    table = ENTRIES + 2 * plan_number(plan, 7)
    S = plan_number(plan, table + 1)
    n = size - 2
    scales = charges + (size + 1) * (size + 1)
    B = scales + S + n * n
    m = 2 + S
    good = settle(v, x, p)
    for q in range(1 + S if moving else 1):
        row, factor = 0, 1.0
        if q > 0:
            row = plan_number(plan, table + 2 + 2 * n + 2 * (q - 1))
            factor = -1.0 / p[scales + q - 1]
        at = jacobian + row * (size + 1)
        value, slope = p[resist + row], p[at]
        for k in range(n):
            value += p[at + 2 + k] * p[B + k * m]
            slope += p[at + 2 + k] * p[B + k * m + 1]
        out[m * q] = factor * value if good else math.nan
        out[m * q + 1] = factor * slope
        for s in range(S):
            by_state = 0.0
            for k in range(n):
                by_state += p[at + 2 + k] * p[B + k * m + 2 + s]
            out[m * q + 2 + s] = factor * by_state


@leaf
def evaluate(v, x, p, out):
    """Return current and rates."""
    laws(v, x, p, out, True)


@leaf
def conduct(v, x, p, out):
    """Return the current."""
    laws(v, x, p, out, False)


@leaf
def noise(v, x, p, i, out):
    """Return nothing: modules carry no noise of their states."""


@leaf
def rates(v, x, p, out, f):
    """Return the rates alone."""
    laws(v, x, p, out, True)
    for s in range(len(x)):
        f[s] = out[(2 + len(x)) * (s + 1)]
