"""The crossbar solver."""
from __future__ import annotations

from ..mna.crossbar import solve_crossbar
import numpy as np


def spread(function, count, threads):
    return [function(k) for k in range(count)]


def solve(problem, *, keep_voltages, rtol, max_iterations, threads):
    return solve_crossbar(problem, keep_voltages=keep_voltages)


def affine_maps(xbars, threads):
    from ..solver import Solver
    return [Solver(method="mna")._affine_by_solving(x) for x in xbars]
