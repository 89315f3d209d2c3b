"""Sweeps, decks' own analyses, results and their names."""

import numpy as np
import pytest
from crossbarsim.netlists.analyses import Dc, Op, Points, Sweep, Tran
from crossbarsim.netlists.spice.expressions.expression import Expression
from crossbarsim.solvers.circuit.analyses.registry import _runners
from crossbarsim.solvers.circuit.elements.source_waves import WaveTable
from scipy.optimize import brentq

from crossbarsim import Circuit, ConvergenceError, NetlistError, ParameterError, Pulse, Solver
from tests.helpers.circuits import card, put
from tests.helpers.diode import VT, add_diode


def divider():
    return Circuit().V(1, "in", 0, 1.0).R(1, "in", "out", "1k").R(2, "out", 0, "1k")


def test_nested_sweeps_have_one_axis_each():
    volts, ohms = np.linspace(-1, 1, 5), np.array([1e3, 3e3, 9e3])
    r = Solver().dc_sweep(divider(), {"r2": ohms, "V1": volts})
    expected = ohms[:, None] / (ohms[:, None] + 1e3) * volts
    np.testing.assert_allclose(r["v(out)"], expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(r["i(v1)"], -volts / (ohms[:, None] + 1e3), rtol=1e-9, atol=1e-15)
    assert r.shape == (3, 5)
    np.testing.assert_array_equal(r["v1"], volts)
    assert r.to_xarray()["v(out)"].dims == ("r2", "v1")
    assert r.to_dataframe().loc[(3e3, 1.0), "v(out)"] == pytest.approx(0.75)
    assert "v(nothing)" not in r
    assert divider()["R2"].value == 1e3  # nothing was changed


def test_temperature_moves_resistors():
    circuit = put(Circuit().V(1, "in", 0, 1.0), "R1", "in", "0", value=1e3, tc1=1e-3, tc2=1e-6)
    r = Solver().dc_sweep(circuit, {"temp": [-23.0, 27.0, 127.0]})
    dt = np.array([-50.0, 0.0, 100.0])
    np.testing.assert_allclose(r["i(v1)"], -1e-3 / (1 + 1e-3 * dt + 1e-6 * dt**2), rtol=1e-12)
    assert Solver().operating_point(circuit, temperature=400.15)["i(v1)"] == pytest.approx(r["i(v1)"][2])


def test_diode_curve():
    circuit = add_diode(Circuit().V(1, "a", 0, 0.0), "x", "a", 0).options(reltol=1e-8)
    v = np.linspace(-5, 0.9, 60)
    r = Solver().dc_sweep(circuit, {"v1": v})
    np.testing.assert_allclose(-r["i(v1)"], 1e-14 * np.expm1(v / VT) + 1e-12 * v, rtol=1e-9, atol=1e-25)
    assert r.newton < 4 * len(v)


def test_hysteresis_follows_the_direction():
    circuit = Circuit().V(1, "c", 0, 0.0).V(2, "d", 0, 1.0).R(1, "d", "o", 1e3)
    put(card(circuit, "s", "sw", vt=0.5, vh=0.2, ron=1.0, roff=1e9), "S1", "o", "0", "c", "0", model="s")
    up = np.linspace(0.05, 0.95, 10)
    r = Solver().dc_sweep(circuit, {"v1": [*up, *up[::-1]]})
    on = r["v(o)"] < 0.5
    np.testing.assert_array_equal(on[:10], up > 0.7)
    np.testing.assert_array_equal(on[10:], up[::-1] > 0.3)


def test_smooth_switch():
    circuit = Circuit().V(1, "c", 0, 0.5).V(2, "o", 0, 1.0)
    put(card(circuit, "s", "sw", vt=0.5, vh=-0.2, ron=1.0, roff=1e6), "S1", "o", "0", "c", "0", model="s")
    r = Solver().dc_sweep(circuit, {"v1": [0.0, 0.3, 0.5, 0.7, 1.0]})
    np.testing.assert_allclose(-r["i(v2)"], [1e-6, 1e-6, 1e-3, 1.0, 1.0], rtol=1e-9)


def test_failures_of_sweeps_say_where():
    circuit = put(divider(), "B1", "out", "0", i="1m*ln(1 - v(in))")
    with pytest.raises(ConvergenceError, match="at v1 = 2"):
        Solver().dc_sweep(circuit, {"v1": [0.0, 0.5, 2.0]})
    for name, message in (("v9", "nothing to sweep"), ("@r1[x", "nothing to sweep")):
        with pytest.raises(ParameterError, match=message):
            Solver().dc_sweep(divider(), {name: [1.0]})
    with pytest.raises(ParameterError, match="0 ohm"):
        Solver().dc_sweep(divider(), {"r1": [1.0, 0.0]})


def test_analyses_in_deck_order():
    circuit = divider().C(1, "out", 0, 1e-9)
    circuit.analyses = [
        Tran(1e-7, 1e-5), Op(),
        Dc((Sweep("source", "v1", Points("step", 0.0, 1.0, step=0.25)),)),
    ]
    tran, op, dc = Solver().run(circuit)
    assert op["v(out)"] == pytest.approx(0.5)
    np.testing.assert_allclose(dc["v(out)"], [0, 0.125, 0.25, 0.375, 0.5])
    np.testing.assert_allclose(tran["v(out)"], 0.5)
    assert len(Solver().run(divider())) == 1
    kept = _runners.pop(Op)
    try:
        with pytest.raises(NetlistError, match=r"\.op cannot be run; there are \.dc"):
            Solver().run(divider())
    finally:
        _runners[Op] = kept


def test_names():
    r = Solver().operating_point(divider())
    assert r["@r1[i]"] == pytest.approx(5e-4)
    assert r["@R1[p]"] == pytest.approx(2.5e-4)
    with pytest.raises(ParameterError, match="no quantity 'x'"):
        r["@r1[x]"]
    with pytest.raises(ParameterError, match="no element"):
        r["@r9[i]"]


def test_nodeset_chooses_between_two_states():
    # a latch of two inverting laws has three operating points
    circuit = Circuit().R(1, "a", 0, 1e3).R(2, "b", 0, 1e3)
    put(circuit, "B1", "a", "0", i="1m*tanh(5*v(b))")
    put(circuit, "B2", "b", "0", i="1m*tanh(5*v(a))")
    v = brentq(lambda v: v - np.tanh(5 * np.tanh(5 * v)), 0.5, 1.0)
    for sign in (1, -1):
        circuit.nodeset.clear()
        circuit.nodeset["a"] = 0.9 * sign
        circuit.nodeset["b"] = -0.9 * sign
        r = Solver().operating_point(circuit.options(reltol=1e-9))
        assert r["v(a)"] == pytest.approx(sign * v, rel=1e-6)
        assert r["v(b)"] == pytest.approx(-sign * v, rel=1e-6)


def test_behaviour_at_dc():
    circuit = Circuit().V(1, "in", 0, 2.0).R(1, "in", "a", 1e3)
    put(circuit, "B1", "a", "0", i="1e-12*exp(v(a)/0.026)")
    put(circuit, "R3", "in", "0", value="100 + 50*v(in)**2")
    put(circuit, "E1", "e", "0", value="v(a)*i(v1)")
    circuit.R(2, "e", 0, 1.0)
    r = Solver().operating_point(circuit.options(reltol=1e-10))
    a = brentq(lambda v: (2 - v) / 1e3 - 1e-12 * np.exp(v / 0.026), 0, 2, xtol=1e-15)
    assert r["v(a)"] == pytest.approx(a, rel=1e-9)
    assert r["i(v1)"] == pytest.approx(-(2 - a) / 1e3 - 2 / 300, rel=1e-9)
    assert r["v(e)"] == pytest.approx(a * r["i(v1)"], rel=1e-9)


def test_expressions_of_one_form_are_one_group():
    circuit = Circuit().V(1, "in", 0, 1.0)
    rng = np.random.default_rng(3)
    gains = rng.uniform(0.1, 2.0, 30)
    for k, gain in enumerate(gains):
        circuit.R(k, f"n{k}", 0, 1e3)
        put(circuit, f"B{k}", "0", f"n{k}", i=f"{float(gain)!r}*1m*tanh(v(in, n{k}))")
    r = Solver().operating_point(circuit.options(reltol=1e-10))
    assert sum(type(g).__name__ == "Currents" for g in r.system.groups) == 1
    for k, gain in enumerate(gains):
        v = brentq(lambda v, g=gain: v - g * np.tanh(1 - v), 0, 1, xtol=1e-15)
        assert r[f"v(n{k})"] == pytest.approx(v, rel=1e-9)


@pytest.mark.parametrize("change", [
    {"l1": "L1", "l2": "L9"}, {"l1": "L1", "l2": "L1"},
])
def test_couplings_name_inductors(change):
    circuit = put(Circuit().R(1, "a", 0, 1.0), "L1", "a", "0", value=1e-6)
    with pytest.raises(NetlistError, match="K1 couples"):
        Solver().operating_point(put(circuit, "K1", value=0.5, **change))


def test_what_elements_refer_to_must_be_there():
    with pytest.raises(NetlistError, match="B1 is controlled by the current `i` of 'r9'"):
        Solver().operating_point(put(divider(), "B1", "out", "0", i="i(r9)"))
    with pytest.raises(NetlistError, match="S1 needs a model of kind `sw`"):
        Solver().operating_point(put(divider(), "S1", "out", "0", "in", "0", model="q"))
    with pytest.raises(NetlistError, match="no value for gain"):
        Solver().operating_point(put(divider(), "B1", "out", "0", i=Expression("gain*v(in)")))


def test_many_pulses_at_once():
    rng = np.random.default_rng(0)
    waves = [
        Pulse(*rng.uniform(-1, 1, 2), *rng.uniform(0.1, 1, 4), period=None if k % 3 == 0 else 5.0,
              count=None if k % 2 else 2) for k in range(20)
    ]
    table = WaveTable([*waves, None])
    assert len(table.pulses) == 20
    for t in rng.uniform(0, 20, 200):
        found = table.values(t, np.full(21, 7.0))
        np.testing.assert_allclose(found[:20], [w.at(t) for w in waves], atol=1e-12)
        assert found[20] == 7.0
