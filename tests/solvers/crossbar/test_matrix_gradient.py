"""Gradients by the cells: taken back through the reduction, against vectors and general MNA."""

import numpy as np
import pytest
from crossbarsim.solvers.crossbar.structured import matrix_adjoint
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crossbarsim import Crossbar, Driven, Ends, Solver, Wires
from crossbarsim.core.errors import SingularCircuitError

BOTH = Ends(word_left=Driven(), word_right=Driven())


def array(rng, rows, columns, ohm, decades, broken, ends=None):
    G = 10.0 ** rng.uniform(-decades, 0.0, (rows, columns)) * 1e-3
    word = np.where(rng.random((rows, columns)) < 0.1, 0.0, ohm * rng.uniform(0.5, 2.0, (rows, columns)))
    bit = ohm * rng.uniform(0.5, 2.0, (rows, columns))
    if broken:
        word[rng.random((rows, columns)) < 0.02] = np.inf
        bit[rng.random((rows, columns)) < 0.02] = np.inf
        G[rng.random((rows, columns)) < 0.1] = 0.0
    return Crossbar(G, Wires(word, bit, driver=ohm, sense=0.3 * ohm), ends)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 40), st.sampled_from([0.0, 1e-3, 1.0, 100.0, 1e4]),
    st.sampled_from([0.5, 2.0, 6.0]), st.booleans(), st.booleans(), st.integers(0, 10**6),
)
def test_the_same_as_by_vectors(rows, columns, ohm, decades, broken, both, seed):
    rng = np.random.default_rng(seed)
    # two sources on a line without resistance between them fight: every end has a driver
    xbar = array(rng, rows, columns, ohm, decades, broken, BOTH if both and ohm else None)
    grad = rng.normal(size=(columns, rows))
    solver = Solver(threads=1)
    try:
        found = solver.matrix_vjp([xbar], [grad], wires=False)[0]
    except SingularCircuitError:  # broken segments cut a node off
        assume(False)
    by_vectors = solver.matrix_vjp([xbar], [grad], wires=True)[0]
    # the whole is told to 1e-4 of its largest term or better, a term to rounding
    assert np.abs(found.conductance - by_vectors.conductance).max() <= (
        1e-10 * np.abs(by_vectors.conductance).max()
    )
    assert not found.word.any()
    assert not found.bit.any()


@pytest.mark.parametrize("shape", [(5, 9), (33, 20), (20, 70)])
def test_the_same_as_general_mna(shape):
    rng = np.random.default_rng(3)
    xbar, grad = array(rng, *shape, 20.0, 2.0, broken=False), rng.normal(size=shape[::-1])
    found = Solver().matrix_vjp([xbar], [grad], wires=False)[0].conductance
    mna = Solver(method="mna").matrix_vjp([xbar], [grad], wires=False)[0].conductance
    assert np.abs(found - mna).max() <= 1e-9 * np.abs(mna).max()


def test_where_digits_would_be_lost_vectors_are_solved(monkeypatch):
    # cells a million times as conductive as their wires have next to no voltage of their own
    taken = []
    real = matrix_adjoint._by_cell

    def watched(*args):
        taken.append(real(*args))
        return taken[-1]

    monkeypatch.setattr(matrix_adjoint, "_by_cell", watched)
    rng = np.random.default_rng(0)
    easy = Crossbar(rng.uniform(1e-6, 1e-4, (12, 12)), Wires(1.0, 1.0))
    hard = Crossbar(rng.uniform(1.0, 2.0, (12, 12)), Wires(1e6, 1e6, driver=1e6))
    grad = rng.normal(size=(12, 12))
    for xbar, direct in ((easy, True), (hard, False)):
        found = Solver(threads=1).matrix_vjp([xbar], [grad], wires=False)[0].conductance
        assert (taken[-1] is not None) == direct
        mna = Solver(method="mna").matrix_vjp([xbar], [grad], wires=False)[0].conductance
        assert np.abs(found - mna).max() <= 1e-7 * np.abs(mna).max()
