"""Template: a compiled Verilog-A module, evaluated in a frame of its own.

A frame is one array: four numbers (the plan's address, the model's, the frame's own where it was
last linked, what `eval` is told), the bytes of the instance, what `eval` is handed, then solution,
residuals, limiting's states and both Jacobians. The plan is an array of integers, see
`crossbarsim.devices.modules.instances`.
"""

from __future__ import annotations

from .....core.compiled.jit import kernel, leaf
from .....solvers.osdi.kernels_addresses import address, fetch, place
from .....solvers.osdi.kernels_foreign import call_pp, call_pp_d, call_ppp, call_pppp_u32

IMAGE, INFO, ENTRIES = 4, 12, 16


# -- template --
@leaf
def plan_number(plan, k):
    """Return the number k of a plan."""
    return fetch(plan + 8 * k)


@leaf
def places(f):
    """Return where solution, both residuals and both Jacobians begin, and the number of unknowns.

    One more of each takes what belongs to ground.
    """
    plan = int(f[0])
    n = plan_number(plan, 8)
    solution = IMAGE + plan_number(plan, 5) + INFO
    resist = solution + n + 1
    react = resist + n + 1
    jacobian = react + n + 1 + 2 * plan_number(plan, 9)
    return solution, resist, react, jacobian, jacobian + (n + 1) * (n + 1), n


@leaf
def link(f):
    """Tell the instance in the frame where its numbers go."""
    base = address(f)
    plan = int(f[0])
    solution, _, react, jacobian, charges, n = places(f)
    instance = base + 8 * IMAGE
    info = instance + 8 * plan_number(plan, 5)
    for k in range(4):
        place(info + 8 * k, plan_number(plan, 10 + k))
    place(info + 32, 0)  # time
    states = react + n + 1
    place(info + 40, base + 8 * solution)
    place(info + 48, base + 8 * states)
    place(info + 56, base + 8 * (states + plan_number(plan, 9)))
    place(info + 64, int(f[3]))
    place(info + 72, 0)
    place(info + 80, 0)
    pointers = instance + plan_number(plan, 6)
    for k in range(plan_number(plan, 7)):
        entry = plan_number(plan, ENTRIES + 2 * k)
        place(pointers + 8 * k, base + 8 * (jacobian + entry))
        react_pointer = plan_number(plan, ENTRIES + 2 * k + 1)
        if react_pointer >= 0:
            place(instance + react_pointer, base + 8 * (charges + entry))
    f[solution + n] = 0.0
    f[2] = float(base)


@leaf
def module_load(f):
    """Evaluate the module at the frame's solution; return what `eval` says."""
    if f[2] != float(address(f)):
        link(f)
    plan = int(f[0])
    _, resist, react, jacobian, charges, n = places(f)
    for k in range(resist, react + n + 1):
        f[k] = 0.0
    for k in range(jacobian, charges + (n + 1) * (n + 1)):
        f[k] = 0.0
    base = address(f)
    instance = base + 8 * IMAGE
    model = int(f[1])
    info = instance + 8 * plan_number(plan, 5)
    said = call_pppp_u32(plan_number(plan, 0), 0, instance, model, info)
    call_ppp(plan_number(plan, 1), instance, model, base + 8 * resist)
    call_ppp(plan_number(plan, 2), instance, model, base + 8 * react)
    call_pp(plan_number(plan, 3), instance, model)
    call_pp_d(plan_number(plan, 4), instance, model, 1.0)
    return said


@leaf
def eliminate(f, a, n, b, m):
    """Solve A y = B in place, A (n, n) from f[a] and B (n, m) from f[b] on, A is lost.

    Returns whether A can be inverted.
    """
    for c in range(n):
        best = c
        for r in range(c + 1, n):
            if abs(f[a + r * n + c]) > abs(f[a + best * n + c]):
                best = r
        pivot = f[a + best * n + c]
        if not abs(pivot) > 0.0:
            return False
        if best != c:
            for k in range(n):
                f[a + c * n + k], f[a + best * n + k] = f[a + best * n + k], f[a + c * n + k]
            for k in range(m):
                f[b + c * m + k], f[b + best * m + k] = f[b + best * m + k], f[b + c * m + k]
        for r in range(c + 1, n):
            factor = f[a + r * n + c] / pivot
            if factor != 0.0:
                for k in range(c + 1, n):
                    f[a + r * n + k] -= factor * f[a + c * n + k]
                for k in range(m):
                    f[b + r * m + k] -= factor * f[b + c * m + k]
    for c in range(n - 1, -1, -1):
        for k in range(m):
            total = f[b + c * m + k]
            for r in range(c + 1, n):
                total -= f[a + c * n + r] * f[b + r * m + k]
            f[b + c * m + k] = total / f[a + c * n + c]
    return True


@kernel
def probe(f, z, flags, time, found, slopes):
    """Evaluate at the solution z (n,), with flags and a time of its own.

    found (2, n) gets both residuals, slopes (2, n, n) both Jacobians; returns what `eval` says.
    """
    if f[2] != float(address(f)):
        link(f)
    solution, resist, react, jacobian, charges, n = places(f)
    info = address(f) + 8 * (IMAGE + plan_number(int(f[0]), 5))
    f[solution - INFO + 4] = time
    place(info + 64, flags)
    for k in range(n):
        f[solution + k] = z[k]
    said = module_load(f)
    for k in range(n):
        found[0, k], found[1, k] = f[resist + k], f[react + k]
        for m in range(n):
            slopes[0, k, m] = f[jacobian + k * (n + 1) + m]
            slopes[1, k, m] = f[charges + k * (n + 1) + m]
    f[solution - INFO + 4] = 0.0
    place(info + 64, int(f[3]))
    return said
