"""Passive crossbars over 12 decades of conductance, and of wire resistance."""

from __future__ import annotations

from functools import cache

import numpy as np

from crossbarsim import Crossbar, Solver, Wires

from ..checks import Array, Curve, Finding, Panel, check, each, few, relative
from ..stored import stored
from .cases import DECADES, OHM, array
from .decimals import DIGITS, exact_currents

SIZES = (8, 16, 32)
EXACT = f"Kirchhoff's laws in decimals of {DIGITS} digits (Python's decimal), solvers/decimals.py"
ROUNDING = "float64: a few hundred times 1.1e-16"


@cache
def _exact(size: int, decades: int, ohm: float = OHM) -> tuple[float, ...]:
    return tuple(exact_currents(*array(size, decades), ohm))


def _ours(size: int, decades: int, ohm: float = OHM, **settings: object) -> Array:
    G, V = array(size, decades)
    solver = Solver(**settings)  # type: ignore[arg-type]
    return np.asarray(solver.solve(Crossbar(G, Wires(word=ohm, bit=ohm)), V).currents)


def _floor(errors: list[float]) -> list[float]:
    return [max(e, 1e-17) for e in errors]  # an error of 0 has no logarithm


def _over_decades(method: str, rtol: float, allowed: float, reason: str) -> Finding:
    curves, worst = [], 0.0
    for size in SIZES:
        errors = [
            relative(_ours(size, d, method=method, rtol=rtol), _exact(size, d)) for d in DECADES
        ]
        worst = max(worst, *errors)
        curves.append(Curve(f"{size}x{size}", DECADES, _floor(errors)))
    for name, size in (("CHOLMOD", 16), ("ngspice", 16)):
        errors = [
            relative(stored("sparse_and_spice")[f"{name} {size} {d}"], _exact(size, d))
            for d in DECADES
        ]
        curves.append(Curve(f"{name}, {size}x{size}", DECADES, _floor(errors), reference=True))
    last = _exact(SIZES[-1], DECADES[-1])
    return Finding(
        f"currents of {', '.join(f'{s}x{s}' for s in SIZES)}, conductances over 0 to 12 decades, "
        f"method {method}, rtol {rtol:g}", EXACT, "exact arithmetic", few(last, digits=12) + " A",
        few(_ours(SIZES[-1], DECADES[-1], method=method, rtol=rtol), digits=12) + " A", worst,
        "largest error of a current, of the largest current", allowed, reason,
        (Panel(f"{method}, rtol {rtol:g}", "decades of conductance", "error", tuple(curves),
               log_y=True),),
    )


@check("solvers", "passive crossbars")
def structured_tight() -> Finding:
    """The structured solver as exact as it gets."""
    return _over_decades("structured", 1e-13, 1e-13, ROUNDING)


@check("solvers", "passive crossbars")
def structured_default() -> Finding:
    """The structured solver at its default tolerance."""
    return _over_decades("structured", 1e-10, 1e-10, "the tolerance that was asked for")


@check("solvers", "passive crossbars")
def mna() -> Finding:
    """The sparse solver."""
    return _over_decades("mna", 1e-10, 1e-13, ROUNDING)


@check("solvers", "passive crossbars")
def every_current() -> Finding:
    """Each current by itself, also the smallest: tight tolerance."""
    worst = max(each(_ours(s, d, rtol=1e-13), _exact(s, d)) for s in (8, 16) for d in DECADES)
    spread = np.abs(_exact(16, 12))
    return Finding(
        "each current of 8x8 and 16x16 relative to itself, 0 to 12 decades, rtol 1e-13", EXACT,
        "exact arithmetic", few(np.sort(spread), digits=6) + " A",
        few(np.sort(np.abs(_ours(16, 12, rtol=1e-13))), digits=6) + " A", worst,
        "largest error of a current, of itself", 1e-12,
        "rtol bounds the error relative to the largest current; small ones are smaller by decades",
    )


@check("solvers", "passive crossbars")
def wires_over_decades() -> Finding:
    """Wires from 1 nano-ohm to 1 kilo-ohm."""
    ohms = [10.0**k for k in range(-9, 4)]
    errors, sparse = [], []
    for ohm in ohms:
        exact = _exact(16, 3, ohm)
        errors.append(relative(_ours(16, 3, ohm, rtol=1e-13), exact))
        sparse.append(relative(_ours(16, 3, ohm, method="mna"), exact))
    return Finding(
        "currents of 16x16, 3 decades of conductance, segments of 1e-9 to 1e3 ohm", EXACT,
        "exact arithmetic", few(_exact(16, 3, 1e3), digits=12) + " A",
        few(_ours(16, 3, 1e3, rtol=1e-13), digits=12) + " A", max(errors + sparse),
        "largest error of a current, of the largest current, both methods", 1e-13, ROUNDING,
        (Panel("Wires", "ohm per segment", "error", (
            Curve("structured", ohms, _floor(errors)), Curve("mna", ohms, _floor(sparse))),
            log_x=True, log_y=True),),
    )


def _against(name: str, sizes: tuple[int, ...], allowed: float, reason: str) -> Finding:
    kept = stored("sparse_and_spice")
    curves, worst = [], 0.0
    for size in sizes:
        errors = [
            relative(_ours(size, d, rtol=1e-13), kept[f"{name} {size} {d}"]) for d in DECADES
        ]
        worst = max(worst, *errors)
        curves.append(Curve(f"{size}x{size}", DECADES, _floor(errors)))
    size = sizes[-1]
    return Finding(
        f"currents of {', '.join(f'{s}x{s}' for s in sizes)}, conductances over 0 to 12 decades",
        kept["source"]["tool"], "another tool", few(kept[f"{name} {size} 12"], digits=12) + " A",
        few(_ours(size, 12, rtol=1e-13), digits=12) + " A", worst,
        "largest difference of a current, of the largest current", allowed, reason,
        (Panel(f"against {name}", "decades of conductance", "difference", tuple(curves),
               log_y=True),),
    )


@check("solvers", "passive crossbars")
def cholmod() -> Finding:
    """A sparse Cholesky factorisation of larger arrays."""
    return _against("CHOLMOD", (64, 128), 1e-10,
                    "CHOLMOD's own rounding, which grows with the condition number of its matrix: "
                    "against exact arithmetic it is off by up to 3e-14 at 16x16, we by 2e-15")


@check("solvers", "passive crossbars")
def ngspice() -> Finding:
    """SPICE, cell by cell."""
    return _against("ngspice", (8, 16), 1e-12, "ngspice's rounding")


@check("solvers", "passive crossbars")
def effective_matrix() -> Finding:
    """Column by column: the matrix that maps voltages to currents."""
    G, _ = array(8, 6)
    W = Solver(rtol=1e-13).effective_matrix(Crossbar(G, Wires(word=OHM, bit=OHM)))
    exact = np.stack([exact_currents(G, unit, OHM) for unit in np.eye(8)], axis=1)
    return Finding(
        "effective matrix of 8x8, 6 decades", EXACT, "exact arithmetic",
        few(exact, digits=10) + " S", few(W, digits=10) + " S", relative(W, exact),
        "largest error of an entry, of the largest", 1e-13, ROUNDING,
    )
