"""Arrays whose conductances lie up to 27 decades apart, against long double."""

import numpy as np
import pytest
from crossbarsim.solvers.crossbar.problem import make_problem
from crossbarsim.solvers.crossbar.sparse.star_mesh import StarMesh

from crossbarsim import Crossbar, Solver, Wires
from crossbarsim.core.errors import ConvergenceError, SingularCircuitError
from tests.helpers.exact_crossbar import exact_crossbar


def hard(seed):
    """Return an array, whose pieces may hang on 1e-12 S beside wires of a nano-ohm, and inputs."""
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 8, 2)
    span = rng.choice([2, 6, 10, 14])
    low = -12 if span > 6 else -7
    G = 10.0 ** rng.uniform(low, low + span, shape)
    if rng.random() < 0.4:
        G = rng.choice([1e-12, 1e-9, 1e-6, 1e-3, 1.0, 1e3], shape)
    if rng.random() < 0.3:
        G[rng.random(shape) < 0.2] = 0.0
    values = [1e-9, 1e-6, 1e-3, 1.0, 1e2, 1e5, 1e9]
    if rng.random() < 0.5:
        values.append(np.inf)
    if rng.random() < 0.3:
        values.append(0.0)
    word, bit = (
        rng.choice(values, shape) if rng.random() < 0.7 else rng.choice([1e-6, 1.0, 100.0])
        for _ in range(2)
    )
    V = rng.choice([0.0, 1.0, 0.2, -0.5], shape[0])
    return Crossbar(G, Wires(word, bit)), V if rng.random() < 0.5 else rng.uniform(-1, 1, shape[0])


def right(xbar, V):
    """Return what is right, and its largest voltage and current; None where it is singular."""
    try:
        problem = make_problem(xbar, V[None])
    except SingularCircuitError:
        return None
    u, w, ends = exact_crossbar(problem)
    return u, w, ends, max(abs(V).max(), 1e-300), max(max(abs(end).max() for end in ends), 1e-17)


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_against_long_double(first):
    for seed in range(first, first + 100):
        xbar, V = hard(seed)
        known = right(xbar, V)
        if known is None:
            continue
        u, w, ends, height, largest = known
        for method in ("mna", "auto"):
            sol = Solver(method=method).solve(xbar, V)
            assert sol.converged
            assert sol.residual < 1e-8
            for found, end in zip(sol.end_currents.values(), ends, strict=True):
                assert abs(found - end).max() <= 1e-10 * largest, (seed, method)
            if method == "mna":
                assert abs(sol.word_voltages - u).max() < 1e-13 * height, seed
                assert abs(sol.bit_voltages - w).max() < 1e-13 * height, seed


def test_the_iteration_alone_is_right_or_says_that_it_is_not():
    solver, solved = Solver(max_iterations=1000), 0
    for seed in range(100):
        xbar, V = hard(seed)
        known = right(xbar, V)
        if known is None:
            continue
        try:
            sol = solver.solve(xbar, V)
        except ConvergenceError:
            continue
        solved += 1
        for found, end in zip(sol.end_currents.values(), known[2], strict=True):
            assert abs(found - end).max() <= 2e-10 * known[4], seed
    assert solved > 20


def test_a_piece_that_hangs_on_picosiemens():
    """Two nodes joined by 1e6 S, tied to the rest by 4e-12 S: no digit of them is in the matrix."""
    wires = Wires(word=[[np.inf, 1e-6], [1.0, 1.0]], bit=1.0)
    xbar = Crossbar([[1e-12, 3e-12], [1e-3, 1e-3]], wires)
    sol = Solver(method="mna").solve(xbar, [0.0, 1.0])
    # the mean of the bit nodes, weighted by the cells
    above = sol.bit_voltages[0]
    assert sol.word_voltages[0] == pytest.approx((above[0] + 3.0 * above[1]) / 4.0, rel=1e-12)
    assert sol.word_voltages[0, 0] == pytest.approx(9.9626e-4, rel=1e-4)


def test_star_mesh_of_a_random_network():
    rng = np.random.default_rng(0)
    n, branches = 60, 240
    tail = np.concatenate([rng.integers(0, n, branches), np.arange(n)])
    head = np.concatenate([rng.integers(-1, n, branches), np.full(n, -1)])
    keep = tail != head
    tail, head = tail[keep], head[keep]
    g = 10.0 ** rng.uniform(-3, 1, len(tail))
    matrix = np.zeros((n, n))
    for a, b, value in zip(tail, head, g, strict=True):
        matrix[a, a] += value
        if b >= 0:
            matrix[b, b] += value
            matrix[a, b] -= value
            matrix[b, a] -= value
    x = rng.normal(size=(n, 3))
    assert np.allclose(StarMesh(tail, head, g, n).solve(matrix @ x), x, rtol=1e-9, atol=1e-9)
