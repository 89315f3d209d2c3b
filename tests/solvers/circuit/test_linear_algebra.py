"""Factorisations: random matrices, the same pivots again, parts that are eliminated once."""

import numpy as np
import pytest
from crossbarsim.solvers.circuit.analyses.op import prepare
from crossbarsim.solvers.circuit.linear_solvers.lu import Factors, SingularMatrixError, factor
from crossbarsim.solvers.circuit.linear_solvers.schur_complement import Condensed
from crossbarsim.solvers.circuit.newton import Newton
from scipy.sparse import csc_array, eye
from scipy.sparse import random as random_matrix

from crossbarsim import Crossbar, Ends, Floating, Pulse, Solver, Wires
from tests.helpers.diode import add_diode


@pytest.mark.parametrize("n", [1, 2, 5, 60, 700])
@pytest.mark.parametrize("constant", [False, True])
def test_factors(n, constant):
    rng = np.random.default_rng(n)
    A = csc_array(random_matrix(n, n, density=min(1.0, 4 / n), random_state=1, format="csc") + eye(n))
    A.sort_indices()
    factors = Factors(A.indptr, A.indices, constant=constant)
    for _ in range(3):
        A.data = rng.normal(size=A.nnz) + 3.0 * (A.data == 1.0)
        factors.factor(A.data)
        b = rng.normal(size=n + 1)
        for transposed, matrix in ((False, A), (True, A.T)):
            x = factors.solve(b, transposed=transposed)
            assert x[-1] == 0.0
            np.testing.assert_allclose(matrix @ x[:-1], b[:-1], atol=1e-7 * max(1, np.abs(x).max()))


def test_old_pivots_are_given_up():
    # the entry that was the pivot vanishes
    indptr, indices = np.array([0, 2, 4, 6]), np.array([0, 1, 0, 1, 1, 2])
    factors = Factors(indptr, indices)
    for values in ([5.0, 1, 1, 2, 3, 4], [1e-14, 1, 1, 2, 3, 4], [0.0, 1, 1, 0, 3, 4]):
        factors.factor(np.array(values))
        A = csc_array((values, indices, indptr)).toarray()
        b = np.array([1.0, 2, 3, 0])
        np.testing.assert_allclose(A @ factors.solve(b)[:3], b[:3], rtol=1e-12)


def test_singular_columns_are_named():
    factors = Factors(np.array([0, 1, 1]), np.array([0]))
    with pytest.raises(SingularMatrixError, match="column"):
        factors.factor(np.array([1.0]))


def loaded(m, *, capacitors=False):
    rng = np.random.default_rng(0)
    xbar = Crossbar(rng.uniform(1e-6, 1e-3, (m, m)), Wires(word=2.0, bit=2.0), Ends(bit_bottom=Floating()))
    circuit = xbar.to_circuit(rng.uniform(0.3, 1.0, m))
    for j in range(m):
        add_diode(circuit, f"d{j}", f"bl{m - 1}_{j}", 0, cjo=1e-13)
        if capacitors:
            circuit.C(f"b{j}", f"bl{m - 1}_{j}", 0, 1e-13)
    return circuit


def test_arrays_of_resistors_are_eliminated_once():
    circuit = loaded(32).options(reltol=1e-9)
    r = Solver().operating_point(circuit)
    system = prepare(circuit)
    newton = Newton(system)
    assert newton._condensed is not None
    assert len(newton._condensed.outer) < 100
    newton._condensed = None
    plain = newton.solve(r.x, system.instant())
    assert plain.converged
    np.testing.assert_allclose(plain.x, r.x, rtol=1e-8, atol=1e-12)
    assert r.residual < 1e-9


def test_condensed_and_whole_matrices_solve_alike():
    system = prepare(loaded(32, capacitors=True))
    rng = np.random.default_rng(1)
    x = np.append(rng.uniform(0, 0.5, system.size), 0.0)
    condensed = Condensed(system.indptr, system.indices, system.fixed_entries())
    for a in (0.0, 1e9, 1e11):
        system.evaluate(x, system.instant(limit=False))
        values = system.jacobian(a).copy()
        if a == 0.0:
            assert condensed.prepare(values)
        assert condensed.factor(values)
        b = rng.normal(size=system.size + 1)
        y = condensed.solve(b)
        np.testing.assert_allclose(system.matrix(values) @ y[:-1], b[:-1], atol=1e-9)
        x[:-1] += 0.01


@pytest.mark.slow
def test_transient_through_a_condensed_array(monkeypatch):
    circuit = loaded(32, capacitors=True)
    source = next(e.name for e in circuit if e.kind == "V")
    del circuit._elements[source.lower()]
    circuit.V("new", circuit.nodes[0], 0, Pulse(0.0, 1.0, 1e-10, 1e-11, 1, 1e-11)).options(reltol=1e-6)
    assert Newton(prepare(circuit))._condensed is not None
    r = Solver().transient(circuit, 2e-9, save=["v(bl31_0)"])
    monkeypatch.setattr(Condensed, "pays", staticmethod(lambda *_: False))
    whole = Solver().transient(circuit, 2e-9, save=["v(bl31_0)"])
    times = np.linspace(0, 2e-9, 50)
    np.testing.assert_allclose(r.at(times)["v(bl31_0)"], whole.at(times)["v(bl31_0)"], rtol=1e-6)
    assert np.ptp(r["v(bl31_0)"]) > 1e-4


def test_factors_outgrow_their_first_room():
    """An arrow that points the wrong way: every column fills, far beyond the matrix's own entries."""
    rng, n = np.random.default_rng(7), 120
    a = np.diag(rng.uniform(1.0, 2.0, n))
    a[0, :], a[:, 0] = rng.uniform(0.1, 1.0, n), rng.uniform(0.1, 1.0, n)
    a[0, 0] = 3.0
    m = csc_array(a)
    done, lp, li, lx, up, ui, ux, pinv = factor(
        m.indptr.astype(np.int64), m.indices.astype(np.int64), m.data, np.arange(n), 1e-3
    )
    assert done == n
    assert len(li) + len(ui) > 3 * (4 * m.nnz + 4 * n + 16) / 2  # more than one doubling
    lower = csc_array((lx, li, lp), shape=(n, n)).toarray()
    upper = csc_array((ux, ui, up), shape=(n, n)).toarray()
    np.testing.assert_allclose((lower @ upper)[pinv], a, rtol=1e-12, atol=1e-12)
