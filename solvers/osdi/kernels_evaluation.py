"""Compiled loops over the instances of a module: set-up, evaluation, noise, values.

A library's functions are called by address. They compute one instance at a time, in memory of the
instance's own; what they add up lands in work space that all instances share (its addresses are in
their data) and is copied from there.
"""

from __future__ import annotations

import math
from typing import Any

from ...core.compiled.jit import leaf
from ...core.validation import Array
from .kernels_foreign import (
    call_pp,
    call_pp_d,
    call_pp_u32_u32,
    call_ppdp,
    call_ppp,
    call_ppp_d_u32_pp,
    call_pppp,
    call_pppp_u32,
    load_double,
    load_int,
    store_double,
    store_int,
)

__all__ = ["evaluate", "noise", "read_values", "set_up_instances", "set_up_models", "set_values"]

INSTANCE, SET = 4, 1
REAL, INTEGER = 0, 1
OLD_STATES, NEW_STATES = 6, 7  # words of the conditions
LIMITED, STOPPED = 1, 2 + 4 + 8


@leaf
def set_values(
    access: int, instances: Any, models: Any, ids: Any, kinds: Any, values: Array, given: Any,
    flags: int,
) -> None:
    """Set parameters `ids` (P,) of E blocks to `values` (P, E), where `given` (P, E)."""
    for e in range(values.shape[1]):
        for k in range(values.shape[0]):
            if given[k, e]:
                at = call_pp_u32_u32(access, instances[e], models[e], ids[k], SET | flags)
                if kinds[k] == REAL:
                    store_double(at, values[k, e])
                else:
                    store_int(at, int(values[k, e]))


@leaf
def set_up_models(function: int, models: Any, sim: int, report: int, step: int) -> None:
    """Set up models; what is wrong with each goes to a report of its own."""
    for e in range(models.shape[0]):
        call_pppp(function, e + 1, models[e], sim, report + step * e)


@leaf
def set_up_instances(
    function: int, instances: Any, models: Any, kelvin: Array, terminals: int, sim: int,
    report: int, step: int,
) -> None:
    """Set up instances; what is wrong with each goes to a report of its own."""
    for e in range(instances.shape[0]):
        call_ppp_d_u32_pp(
            function, e + 1, instances[e], models[e], kelvin[e], terminals, sim, report + step * e
        )


@leaf
def evaluate(
    calls: tuple[int, ...], blocks: Any, conditions: Any, x: Array, at: Any, work: Any,
    out: Any, limited: Any, limits: bool,
) -> tuple[int, int]:
    """Evaluate E instances; return the first that is not finite, and the first that stopped.

    `calls`: addresses of eval, residuals (2), Jacobians (2) and limiting's parts (2). `blocks`:
    addresses (E,) of instances and models. `conditions`: the words of ``OsdiSimInfo`` and its
    address, old and new states (E, S) with their addresses. `x` (N + 1,), `at` (n, E) unknowns of
    the live nodes. `work`: voltages (n + 1,), sums (n + 1,), Jacobians (A + 1,), (B + 1,), and the
    address of the sums. `out`: f, q (n, E), g (A, E), c (B, E).
    """
    instances, models = blocks
    words, info, old, new, width = conditions
    volts, sums, slopes, capacities, sums_at = work
    f, q, g, c = out
    call, resist, react, jacobian, jacobian_react, limit_resist, limit_react = calls
    n, a, b = f.shape[0], g.shape[0], c.shape[0]
    bad, stopped = -1, -1
    for e in range(instances.shape[0]):
        instance, model = instances[e], models[e]
        for k in range(n):
            volts[k] = x[at[k, e]]
        words[OLD_STATES] = old + width * e
        words[NEW_STATES] = new + width * e
        answer = call_pppp_u32(call, e + 1, instance, model, info)
        total = 0.0
        for k in range(n):
            sums[k] = 0.0
        call_ppp(resist, instance, model, sums_at)
        for k in range(n):
            f[k, e] = sums[k]
            sums[k] = 0.0
            total += abs(f[k, e])
        call_ppp(react, instance, model, sums_at)
        for k in range(n):
            q[k, e] = sums[k]
            total += abs(q[k, e])
        limited[e] = limits and (answer & LIMITED) != 0
        if limited[e]:
            for k in range(n):
                sums[k] = 0.0
            call_ppp(limit_resist, instance, model, sums_at)
            for k in range(n):
                f[k, e] += sums[k]
                sums[k] = 0.0
            call_ppp(limit_react, instance, model, sums_at)
            for k in range(n):
                q[k, e] += sums[k]
        for k in range(a):
            slopes[k] = 0.0
        for k in range(b):
            capacities[k] = 0.0
        call_pp(jacobian, instance, model)
        call_pp_d(jacobian_react, instance, model, 1.0)
        for k in range(a):
            g[k, e] = slopes[k]
            total += abs(slopes[k])
        for k in range(b):
            c[k, e] = capacities[k]
            total += abs(capacities[k])
        if bad < 0 and not math.isfinite(total):
            bad = e
        if stopped < 0 and answer & STOPPED:
            stopped = e
    return bad, stopped


@leaf
def noise(
    function: int, instances: Any, models: Any, hertz: float, out: Array, at: int
) -> None:
    """Fill `out` (E, M), at the address `at`, with the densities at a frequency."""
    width = 8 * out.shape[1]
    for e in range(instances.shape[0]):
        call_ppdp(function, instances[e], models[e], hertz, at + width * e)


@leaf
def read_values(
    access: int, instances: Any, models: Any, ids: Any, kinds: Any, out: Array, flags: int
) -> None:
    """Fill `out` (P, E) with parameters or variables `ids` (P,)."""
    for e in range(out.shape[1]):
        for k in range(out.shape[0]):
            at = call_pp_u32_u32(access, instances[e], models[e], ids[k], flags)
            out[k, e] = load_double(at) if kinds[k] == REAL else float(load_int(at))
