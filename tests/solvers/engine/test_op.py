"""Operating points: Newton, its tolerances, homotopies, messages."""

import numpy as np
import pytest
from crossbarsim.solvers.engine.homotopy import _Search
from crossbarsim.solvers.engine.newton import Newton
from crossbarsim.solvers.engine.op import prepare
from diode import VT, add_diode
from scipy.optimize import brentq

from crossbarsim import Circuit, ConvergenceError, SingularCircuitError, Solver


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
