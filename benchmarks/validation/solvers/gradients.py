"""Derivatives of currents against difference quotients in many digits."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from crossbarsim import Crossbar, Solver, Wires

from ..checks import Finding, check, few, relative
from .cases import array
from .decimals import decimal_currents, exact_currents

STEP = 2.0**-18  # relative: exact in float64


@check("solvers", "gradients")
def conductances() -> Finding:
    """Every cell's derivative by central differences of exact currents."""
    errors, told, truth = [], [], []
    for decades in (0, 3, 6):
        G, V = array(6, decades)
        weight = np.linspace(0.5, 1.5, 6)
        solver = Solver(rtol=1e-13)
        ours = solver.vjp(solver.solve(Crossbar(G, Wires(word=1.0, bit=1.0)), V), weight).conductance
        exact = np.empty_like(G)
        for index in np.ndindex(G.shape):
            up, down = G.copy(), G.copy()
            up[index] *= 1.0 + STEP
            down[index] *= 1.0 - STEP
            rise = [a - b for a, b in zip(
                decimal_currents(up, V, 1.0), decimal_currents(down, V, 1.0), strict=True)]
            run = Decimal(float(up[index])) - Decimal(float(down[index]))
            exact[index] = weight @ np.array([float(r / run) for r in rise])
        errors.append(relative(ours, exact))
        told.append(ours)
        truth.append(exact)
    return Finding(
        "derivatives of a weighted sum of currents with respect to 36 conductances, 0, 3 and 6 decades",
        "central differences, steps of 4e-6, of currents in 60 digits", "finite differences",
        few(truth[-1], digits=8) + " V", few(told[-1], digits=8) + " V", max(errors),
        "largest difference, of the largest derivative", 1e-9,
        "the square of the steps, 1.5e-11",
    )


@check("solvers", "gradients")
def wires_and_voltages() -> Finding:
    """Derivatives with respect to the wires' common resistance and the voltages."""
    G, V = array(6, 3)
    weight = np.linspace(0.5, 1.5, 6)
    solver = Solver(rtol=1e-13)
    found = solver.vjp(solver.solve(Crossbar(G, Wires(word=1.0, bit=1.0)), V), weight)
    ohm = float(np.sum(found.word) + np.sum(found.bit))
    sides = [weight @ exact_currents(G, V, 1.0 + s * STEP) for s in (1, -1)]
    exact_ohm = (sides[0] - sides[1]) / (2 * STEP)
    exact_v = np.array([weight @ exact_currents(G, unit, 1.0) for unit in np.eye(6)])
    error = max(abs(ohm / exact_ohm - 1.0), relative(found.V, exact_v))
    return Finding(
        "derivatives with respect to all wires at once, and to every voltage",
        "central differences of currents in 60 digits; the currents of unit vectors",
        "finite differences", few([exact_ohm, *exact_v], digits=8),
        few([ohm, *np.ravel(found.V)], digits=8), error, "largest relative difference", 1e-6,
        "the wires' share of the current is 1e-3 and rounded at 1e-16, over steps of 4e-6",
    )
