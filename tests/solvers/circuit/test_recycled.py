"""Linear steps by the factors of earlier matrices: against factors of their own, and in runs."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.solvers.circuit.linear_solvers import lu
from crossbarsim.solvers.circuit.linear_solvers import stale_factors as recycled
from crossbarsim.solvers.circuit.linear_solvers.lu import Factors, SingularMatrixError
from crossbarsim.solvers.circuit.linear_solvers.stale_factors import StaleFactors
from scipy.sparse import coo_array

from crossbarsim import Solver


def grid(m, seed=0):
    """Return a matrix: a grid of m x m wires, at every node a cell of two unknowns of its own."""
    rng = np.random.default_rng(seed)
    n = m * m
    rows, columns, values = [], [], []

    def add(i, j, v):
        rows.append(i), columns.append(j), values.append(v)

    for k in range(n):
        for other in ([k + 1] if (k + 1) % m else []) + ([k + m] if k + m < n else []):
            for i, j in ((k, other), (other, k)):
                add(i, i, 1.0), add(i, j, -1.0)
        add(k, k, 0.1)
        g, inner, state = rng.uniform(1e-5, 1e-3), n + 2 * k, n + 2 * k + 1
        add(k, k, g), add(k, inner, -g), add(inner, k, -g), add(inner, inner, 2 * g), add(inner, state, 1e-4)
        add(state, inner, 1e8 * rng.normal()), add(state, state, 1e9)  # in units of its own
    matrix = coo_array((values, (rows, columns)), shape=(3 * n, 3 * n)).tocsc()
    matrix.sort_indices()
    return matrix


def changed(matrix, share, seed):
    rng = np.random.default_rng(seed)
    again = matrix.copy()
    again.data *= 1.0 + share * rng.uniform(-1, 1, again.nnz)
    return again


@pytest.fixture
def made():
    A = grid(12)
    whole = Factors(A.indptr, A.indices)
    whole.factor(A.data)
    return A, StaleFactors(A.indptr, A.indices, whole.order, A.data)


def test_local_unknowns_are_eliminated(made):
    A, few = made
    assert few.remaining <= 144
    assert few.factor(A.data)
    b = np.append(np.random.default_rng(1).normal(size=len(A.indptr) - 1), 0.0)
    x = few.solve(b, np.zeros_like(b), 1e-3, np.ones(few.n))
    np.testing.assert_allclose(x[:-1], np.linalg.solve(A.toarray(), b[:-1]), rtol=1e-9, atol=1e-12)
    assert x[-1] == 0.0


@pytest.mark.parametrize("share", [1e-4, 1e-2, 0.9])
def test_steps_are_as_exact_as_they_say(made, monkeypatch, share):
    monkeypatch.setattr(Factors, "work", property(lambda _: 1e9, lambda *_: None), raising=False)  # of any length
    A, few = made
    few.factor(A.data)
    few.solve(np.ones(few.n + 1), np.zeros(few.n + 1), 1e-3, np.ones(few.n))
    floor = np.full(few.n, 1e-6)
    for seed in range(5):
        other = changed(A, share, seed)
        assert few.factor(other.data)
        b = np.append(np.random.default_rng(seed).normal(size=few.n), 0.0)
        x = few.solve(b, np.zeros(few.n + 1), 1e-3, floor)[:-1]
        exact = np.linalg.solve(other.toarray(), b[:-1])
        error = np.abs(x - exact)[few._order[few.n - few.remaining:]]
        # in terms of Newton's tolerances: 1e-4 of the step, whose size is that of what remains
        assert error.max() <= 2e-4 * np.abs(exact).max()
    if share == 1e-4:
        assert few.factors.count == 1
    if share == 0.9:
        assert few.factors.count > 1


def test_new_factors_where_old_ones_are_too_old(made):
    A, few = made
    few.factor(A.data)
    b, floor = np.ones(few.n + 1), np.ones(few.n)
    few.solve(b, b, 1e-3, floor)
    B = A.copy()
    B.data *= -1e3
    assert few.factor(B.data)
    x = few.solve(b, b, 1e-3, floor)
    assert few.factors.count == 2
    np.testing.assert_allclose(x[:-1], np.linalg.solve(B.toarray(), b[:-1]), rtol=1e-9, atol=1e-13)


def test_vanishing_local_pivots_are_told(made):
    A, few = made
    B = A.copy()
    B.data[:] = np.where(A.data == 1e9, 0.0, A.data)
    assert not few.factor(B.data)


def test_singular_remainders_are_told(made):
    A, few = made
    few.factor(A.data)
    b = np.ones(few.n + 1)
    few.solve(b, b, 1e-3, np.ones(few.n))
    B = A.toarray()
    B[5] = 0.0
    few.factor(B[A.indices, np.repeat(np.arange(few.n), np.diff(A.indptr))])
    with pytest.raises(SingularMatrixError):
        few.solve(b, b, 1e-3, np.ones(few.n))


DECK = """array
.model mn nmos level=1 vto=0.4 kp=3e-4 lambda=0.02 cgso=0.3n cgdo=0.3n tox=20n
.subckt cell p n g x0=0.5
gm p m value={{v(p,m)/(1e4+1.9e5*v(x))}}
gx 0 x value={{(v(p,m)>0.4 ? 2e7*pow(v(p,m)/0.4-1,3)*(1-v(x)) : 0)}}
cx x 0 1 ic={{x0}}
rx x 0 1e12
m1 m g n 0 mn w=2u l=0.2u
.ends
{body}
.tran 0.2n 8n 0 0.25n uic
.options reltol={reltol}
"""


def array(m, reltol):
    lines = []
    for i in range(m):
        lines += [f"vw{i} w{i} 0 pulse(0 {1.2 * (1 - i % 2)} 1n 1n 1n 20n)", f"vg{i} g{i} 0 pulse(0 1.8 0 0.5n 0.5n 30n)",
                  f"rw{i} w{i} w{i}_0 10", f"vb{i} b{m - 1}_{i} 0 0"]
        lines += [f"rw{i}_{j} w{i}_{j - 1} w{i}_{j} 10" for j in range(1, m)]
        lines += [f"rb{j}_{i} b{j - 1}_{i} b{j}_{i} 10" for j in range(1, m)]
        lines += [f"x{i}_{j} w{i}_{j} b{i}_{j} g{i} cell x0={0.1 + 0.8 * ((7 * i + 3 * j) % m) / m}" for j in range(m)]
    return read_spice(DECK.format(body="\n".join(lines), reltol=reltol))


@pytest.mark.parametrize("reltol", [1e-3, 1e-6])
def test_runs_with_old_factors_are_those_with_new_ones(monkeypatch, reltol):
    circuit = array(10, reltol)
    whole = Solver().run(circuit)[0]
    assert whole.factors == whole.newton
    monkeypatch.setattr(recycled, "_LEAST", 0.0)
    monkeypatch.setattr(StaleFactors, "pays", True)
    monkeypatch.setattr(StaleFactors, "_effort", 1.0)
    few = Solver().run(circuit)[0]
    assert few.factors < 0.5 * whole.factors
    assert abs(few.newton - whole.newton) <= 0.15 * whole.newton
    times = np.linspace(0, 8e-9, 60)
    for name in ("i(vb0)", "i(vb9)", "v(x4_4.x)", "v(x3_3.m)"):
        old, new = whole.at(times)[name], few.at(times)[name]
        # What Newton's iterations leave moves the lengths of steps by 1e-7 of themselves, and that
        # the points: at the same number of step 0.07 of reltol at most, all of it their shift in
        # time; at the same time 0.003.
        np.testing.assert_allclose(new, old, atol=0.02 * reltol * np.abs(old).max())
    assert np.abs(np.diff(few.time) / np.diff(whole.time) - 1.0).max() < 1e-5


def test_very_large_factors_are_kept_as_well(monkeypatch):
    monkeypatch.setattr(recycled, "_LEAST", 0.0)
    monkeypatch.setattr(lu, "_LARGE", 1.0)  # all by SuperLU
    monkeypatch.setattr(StaleFactors, "_effort", 1.0)
    circuit = array(10, 1e-3)
    few = Solver().run(circuit)[0]
    # a step has three iterations; factors serve while its length stays or nearly so
    assert few.factors < 0.5 * few.steps < 0.2 * few.newton
    monkeypatch.undo()
    whole = Solver().run(circuit)[0]
    times = np.linspace(0, 8e-9, 60)
    for name in ("i(vb0)", "v(x4_4.x)"):
        old, new = whole.at(times)[name], few.at(times)[name]
        np.testing.assert_allclose(new, old, atol=2e-6 * np.abs(old).max())  # 1e-7; see above
