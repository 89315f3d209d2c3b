"""One protocol for sparse factorisations: SciPy stands for CuPy and for cuDSS."""

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from crossbarsim.solvers.crossbar.batched import ArrayBackend, find_gpu
from crossbarsim.solvers.crossbar.problem import make_problem
from crossbarsim.solvers.crossbar.sparse.factors import CuDss, DeviceLU, SuperLUs, factors_for
from crossbarsim.solvers.crossbar.sparse.nodal import nodal_matrix, solve_crossbar

from crossbarsim import Crossbar, Solver, Wires

GPU, FOUND = find_gpu()


class DirectSolver:
    """Stands for nvmath's: plans, factorises and solves in order, on the operands it was given."""

    alive = 0
    planned = 0

    def __init__(self, a, b):
        assert scipy.sparse.issparse(a)
        assert a.format == "csr"
        assert b.flags.f_contiguous
        self.a, self.b, self.lu, self.ready = a, b, None, False
        DirectSolver.alive += 1

    def plan(self):
        self.ready = True
        DirectSolver.planned += 1

    def factorize(self):
        assert self.ready
        self.lu = scipy.sparse.linalg.splu(self.a.tocsc())

    def solve(self):
        return self.lu.solve(self.b)

    def free(self):
        DirectSolver.alive -= 1


def libraries():
    host = ArrayBackend()
    yield SuperLUs()
    yield DeviceLU(host, scipy.sparse, scipy.sparse.linalg)
    yield CuDss(host, scipy.sparse, DirectSolver)


def problem(scale=1.0, shape=(12, 9)):
    rng = np.random.default_rng(0)
    xbar = Crossbar(scale * rng.uniform(1e-5, 1e-3, shape), Wires(5.0, 3.0))
    return xbar, make_problem(xbar, rng.uniform(0, 1, (3, shape[0])))


@pytest.mark.parametrize("factors", list(libraries()), ids=lambda f: type(f).__name__)
def test_factors_are_used_again(factors):
    DirectSolver.planned = 0
    first, second = (nodal_matrix(problem(scale)[1]) for scale in (1.0, 7.0))
    rng = np.random.default_rng(1)
    factor = factors.factor(first)
    for matrix in (first, second, first, second):
        factor.refactor(matrix)
        for columns in (1, 5, 150):
            right = rng.normal(size=(matrix.shape[0], columns))
            np.testing.assert_allclose(matrix @ factor.solve(right), right, atol=1e-10)
    assert DirectSolver.planned <= 1


@pytest.mark.parametrize("factors", list(libraries()), ids=lambda f: type(f).__name__)
def test_crossbars(factors):
    xbar, compiled = problem()
    found = solve_crossbar(compiled, keep_voltages=True, factors=factors)
    expected = Solver().solve(xbar, compiled.ends[0])
    np.testing.assert_allclose(found.end_currents[3], expected.currents, rtol=1e-9)
    np.testing.assert_allclose(found.word, expected.word_voltages, atol=1e-10)
    assert found.method == f"mna/{factors.name}"
    assert found.residual < 1e-9


def test_nothing_is_left_on_the_device():
    factor = CuDss(ArrayBackend(), scipy.sparse, DirectSolver).factor(nodal_matrix(problem()[1]))
    alive = DirectSolver.alive
    del factor
    assert DirectSolver.alive == alive - 1


def test_an_ordering_found_once_keeps_the_fill():
    _, compiled = problem(shape=(24, 24))
    matrix = nodal_matrix(compiled)
    factor = SuperLUs().factor(matrix)
    before = factor.lu.L.nnz + factor.lu.U.nnz
    factor.refactor(2.0 * matrix)
    inner = factor.lu.lu
    assert inner.L.nnz + inner.U.nnz <= 1.02 * before


def test_which_library():
    assert isinstance(factors_for(None), SuperLUs)
    assert isinstance(factors_for(ArrayBackend()), SuperLUs)
    xbar, compiled = problem()
    sol = Solver(method="mna", backend="auto").solve(xbar, compiled.ends[0][0])
    assert sol.method.startswith("mna/superlu" if GPU is None else "mna/")


@pytest.mark.gpu
@pytest.mark.skipif(GPU is None, reason=FOUND)
def test_on_a_gpu():
    xbar, compiled = problem(shape=(48, 40))
    found = Solver(method="mna", backend="gpu").solve(xbar, compiled.ends[0])
    expected = Solver(method="mna").solve(xbar, compiled.ends[0])
    np.testing.assert_allclose(found.currents, expected.currents, rtol=1e-9)
    matrix = nodal_matrix(compiled)
    factor = factors_for(GPU).factor(matrix)
    factor.refactor(2.0 * matrix)
    right = np.random.default_rng(1).normal(size=(matrix.shape[0], 70))
    np.testing.assert_allclose(2.0 * (matrix @ factor.solve(right)), right, atol=1e-9)
