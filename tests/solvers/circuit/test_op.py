"""Operating points: Newton, its tolerances, homotopies, messages."""

import numpy as np
import pytest
from crossbarsim.solvers.circuit.analyses.op import prepare
from crossbarsim.solvers.circuit.homotopy import _Search
from crossbarsim.solvers.circuit.newton import Newton
from scipy.optimize import brentq

from crossbarsim import Circuit, ConvergenceError, ParameterError, SingularCircuitError, Solver
from tests.helpers.circuits import put
from tests.helpers.diode import VT, add_diode


def rectifier(volts=5.0, ohm=1e3):
    return add_diode(Circuit().V(1, "in", 0, volts).R(1, "in", "a", ohm), "x", "a", 0)


@pytest.mark.parametrize("volts", [-20.0, 0.0, 0.3, 5.0, 300.0])
def test_diode_against_a_scalar_solver(volts):
    r = Solver().operating_point(rectifier(volts).options(reltol=1e-9, vntol=1e-12))
    v = brentq(lambda v: (volts - v) / 1e3 - 1e-14 * np.expm1(v / VT) - 1e-12 * v, -25, 2, xtol=1e-15)
    assert r["v(a)"] == pytest.approx(v, rel=1e-9, abs=1e-12)
    assert r.residual < 1e-9
    assert r.iterations < 30


def test_chain_of_diodes():
    circuit = Circuit().V(1, "n0", 0, 40.0)
    for k in range(50):
        add_diode(circuit, f"d{k}", f"n{k}", f"n{k + 1}", **{"is": 1e-14})
    circuit.R(1, "n50", 0, 100.0)
    r = Solver().operating_point(circuit.options(reltol=1e-9))
    drop = r["v(n10)"] - r["v(n11)"]
    assert r["v(n50)"] == pytest.approx(40 - 50 * drop, rel=1e-6)
    assert r["v(n50)"] / 100 == pytest.approx(1e-14 * np.expm1(drop / VT), rel=1e-6)


@pytest.mark.parametrize("way", ["gmin", "true_gmin", "sources", "pseudo_transient"])
def test_every_homotopy_leads_there(way):
    expected = Solver().operating_point(rectifier().options(reltol=1e-9))["v(a)"]
    system = prepare(rectifier().options(reltol=1e-9))
    search = _Search(Newton(system), system.instant(), np.zeros(system.size + 1), np.zeros(system.size + 1))
    found = getattr(search, way)(np.zeros(system.size + 1))
    assert found.converged
    assert found.x[system.nodes["a"]] == pytest.approx(expected, rel=1e-6)


def test_an_impossible_circuit_says_what_was_tried():
    # nothing but a reverse diode takes the current: beyond every voltage
    circuit = add_diode(Circuit().I(1, "a", 0, 1.0), "x", "a", 0).options(gmin=0)
    with pytest.raises(ConvergenceError, match=r"gmin stepping.*source stepping.*pseudo-transient.*v\(a\)"):
        Solver().operating_point(circuit)


def test_undetermined_nodes_are_named():
    circuit = Circuit().R(1, "a", 0, 1e3).G(1, 0, "a", "a", 0, 1e-3)
    with pytest.raises(SingularCircuitError, match="singular"):
        Solver().operating_point(circuit)


def test_newton_fails_where_homotopy_does_not():
    # far from its zero the slope of an arc tangent sends Newton's steps away
    circuit = put(Circuit().R(1, "a", 0, 1e9), "B1", "a", "0", i="atan(20*(v(a) - 3))")
    circuit.options(reltol=1e-9)
    system = prepare(circuit)
    newton = Newton(system)
    alone = newton.solve(np.zeros(system.size + 1), system.instant(), limit=100)
    assert not alone.converged
    r = Solver().operating_point(circuit)
    assert r["v(a)"] == pytest.approx(3.0, rel=1e-6)
    assert r.residual < 1e-6


def test_overflow_is_stepped_back_from():
    # no limits on expressions: the first step would be to 1e3 V, where the law overflows
    circuit = put(Circuit().I(1, 0, "a", 1.0).R(1, "a", 0, 1e3), "B1", "a", "0", i="1e-9*exp(v(a)/0.05)")
    v = brentq(lambda v: 1 - v / 1e3 - 1e-9 * np.exp(v / 0.05), 0, 2, xtol=1e-14)
    assert Solver().operating_point(circuit.options(reltol=1e-9))["v(a)"] == pytest.approx(v, rel=1e-8)


def test_kirchhoffs_law_is_asked_for():
    # changes of voltage alone say little on a steep exponential: the currents must fit as well
    circuit = rectifier(300.0).options(reltol=1e-2, vntol=1e-1)
    r = Solver().operating_point(circuit)
    missing = (300 - r["v(a)"]) / 1e3 - 1e-14 * np.expm1(r["v(a)"] / VT)
    assert abs(missing) < 1e-2 * 0.3


def test_options_that_a_circuit_cannot_have_are_refused():
    c = Circuit().V("1", "a", 0, 1).R("1", "a", 0, 1e3).options(retol=1e-3)
    with pytest.raises(ParameterError, match="no option 'retol'; did you mean `reltol`"):
        Solver().operating_point(c)


def test_temperature_as_an_option_is_the_circuits():
    c = Circuit().model("d", "d", **{"is": 1e-14}).V("1", "a", 0, 0.6).D("1", "a", 0, "d")
    cold = Solver().operating_point(c)["i(v1)"]
    c.options(temp=127)
    assert c.temperature == pytest.approx(400.15)
    hot = Solver().operating_point(c)["i(v1)"]
    assert hot == Solver().operating_point(c, temperature=400.15)["i(v1)"]
    assert hot / cold > 100
