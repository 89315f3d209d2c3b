"""``.options klu``: KLU's factors against our own, in every analysis; and what is said without it."""

import sys

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.solvers.circuit.linear_solvers.klu import KluFactors
from crossbarsim.solvers.circuit.linear_solvers.lu import Factors, SingularMatrixError
from scipy.sparse import csc_array, eye
from scipy.sparse import random as random_matrix

from crossbarsim import BackendUnavailable, SingularCircuitError, Solver

DECK = """ladder of diodes and transistors
.model d1 d is=1e-14 cjo=1p
.model n1 nmos vto=0.5 kp=1e-4 tox=20n
v1 in 0 dc 1 ac 1 pulse(0 1 1n 1n 1n 20n 40n)
vdd vdd 0 2
{body}
t1 n119 0 far 0 z0=50 td=1n
rf far 0 50
.op
.dc v1 0 1 0.25
.tran 0.2n 10n
.ac dec 3 1meg 1g
.noise v(n60) v1 dec 2 1meg 100meg
.options {options}
"""


def deck(options):
    lines = []
    for k in range(120):
        a = "in" if k == 0 else f"n{k - 1}"
        lines += [f"r{k} {a} n{k} 50", f"c{k} n{k} 0 0.1p"]
        lines += [f"d{k} n{k} 0 d1"] if k % 5 == 0 else []
        lines += [f"m{k} vdd n{k} s{k} 0 n1 w=1u l=1u", f"rs{k} s{k} 0 10k"] if k % 7 == 0 else []
    return read_spice(DECK.format(body="\n".join(lines), options=options))


@pytest.fixture
def kvxopt():
    return pytest.importorskip("kvxopt", reason="the extra crossbarsim[klu] is not installed")


@pytest.mark.usefixtures("kvxopt")
@pytest.mark.parametrize("n", [1, 2, 40, 500])
def test_factors(n):
    rng = np.random.default_rng(n)
    A = csc_array(random_matrix(n, n, density=min(1.0, 4 / n), random_state=1, format="csc") + eye(n))
    A.sort_indices()
    factors = KluFactors(A.indptr, A.indices)
    for k in range(4):
        values = rng.normal(size=A.nnz) + 3.0 * (A.data == 1.0)
        values = values + 1j * rng.normal(size=A.nnz) if k % 2 else values
        B = csc_array((values, A.indices, A.indptr), shape=(n, n))
        factors.factor(values)
        b = rng.normal(size=n + 1)
        for transposed, matrix in ((False, B), (True, B.T)):
            x = factors.solve(b, transposed=transposed)
            assert x[-1] == 0.0
            np.testing.assert_allclose(matrix @ x[:-1], b[:-1], atol=1e-7 * max(1, np.abs(x).max()))
        if not k % 2:
            own = Factors(A.indptr, A.indices)
            own.factor(values)
            factors.factor(values)
            np.testing.assert_allclose(factors.solve(b), own.solve(b), rtol=1e-8, atol=1e-10)
    again = KluFactors(A.indptr, A.indices, factors)
    again.factor(values.real)
    np.testing.assert_allclose(
        csc_array((values.real, A.indices, A.indptr), shape=(n, n)) @ again.solve(b)[:-1], b[:-1], atol=1e-6
    )


@pytest.mark.usefixtures("kvxopt")
def test_singular_columns_are_named():
    factors = KluFactors(np.array([0, 2, 4]), np.array([0, 1, 0, 1]))
    factors.factor(np.array([1.0, 2.0, 3.0, 4.0]))
    with pytest.raises(SingularMatrixError) as error:
        factors.factor(np.array([1.0, 2.0, 2.0, 4.0]))
    assert error.value.column in (0, 1)


@pytest.mark.usefixtures("kvxopt")
def test_all_analyses_give_the_same(monkeypatch):
    used = []
    factor = KluFactors.factor
    monkeypatch.setattr(KluFactors, "factor", lambda self, v, since=0: used.append(v.dtype.kind) or factor(self, v, since))
    own = Solver().run(deck("reltol=1e-6"))
    assert not used
    klu = Solver().run(deck("reltol=1e-6 klu"))
    assert set(used) == {"f", "c"}
    for one, two in zip(own, klu, strict=True):
        for name in ("v(n60)", "i(v1)", "v(far)"):
            if "noise" in type(one).__name__.lower():
                continue
            a, b = one[name], two[name]
            if hasattr(one, "time"):
                times = np.linspace(0, 10e-9, 40)
                a, b = one.at(times)[name], two.at(times)[name]
            np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-9)


@pytest.mark.usefixtures("kvxopt")
@pytest.mark.parametrize("options", ["gmin=0", "gmin=0 klu"])
def test_singular_circuits_name_their_node(options):
    # two current sources whose currents add up to nothing determine no voltage
    circuit = read_spice(f"gyrator\nv1 in 0 1\nr1 in 0 1\ng1 a 0 b 0 0\ng2 b 0 a 0 0\nr2 a b 1\n.op\n.options {options}\n")
    with pytest.raises(SingularCircuitError, match=r"\b[ab]\b"):
        Solver().operating_point(circuit)


def test_without_kvxopt_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "kvxopt", None)
    with pytest.raises(BackendUnavailable, match=r"crossbarsim\[klu\]"):
        Solver().run(deck("klu"))


def test_the_option_is_no_mere_note():
    circuit = deck("klu")
    assert circuit.options["klu"] == 1.0
    assert not circuit.notes
    assert "sparse" in deck("sparse").notes[0]
