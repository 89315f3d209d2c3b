"""Transients against closed forms, scipy and ngspice; orders, corners, conservation."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from scipy.integrate import solve_ivp

from crossbarsim import Circuit, ConvergenceError, ParameterError, Pulse, Pwl, Sine, Solver
from tests.helpers.circuits import card, needs_ngspice, ngspice, put
from tests.helpers.diode import VT, add_diode

TIGHT = {"reltol": 1e-7, "trtol": 1.0, "chgtol": 1e-20, "abstol": 1e-15, "vntol": 1e-10}


def rc(wave):
    return Circuit().V(1, "in", 0, wave).R(1, "in", "out", 1e3).C(1, "out", 0, 1e-9)


def ramp_response(t, start, rise, tau):
    """Of a low pass to a ramp from 0 to 1."""
    def integral(s):
        s = np.maximum(s, 0)
        return s - tau * (1 - np.exp(-s / tau))
    return (integral(t - start) - integral(t - start - rise)) / rise


@pytest.mark.parametrize("method", ["trap", "gear"])
def test_rc_step(method):
    circuit = rc(Pulse(0, 1, 1e-6, 1e-7, 1, 1e-7)).options(method=method, **TIGHT)
    r = Solver().transient(circuit, 1e-5)
    np.testing.assert_allclose(r["v(out)"], ramp_response(r["time"], 1e-6, 1e-7, 1e-6), atol=4e-5)
    assert {1e-6, 1.1e-6} <= {float(f"{t:.12g}") for t in r["time"]}
    np.testing.assert_allclose(r["i(v1)"], -(r["v(in)"] - r["v(out)"]) / 1e3, atol=1e-15)


@pytest.mark.parametrize(("method", "order"), [("trap", 2), ("gear", 2), ("euler", 1)])
def test_order_of_the_formulas(method, order):
    errors = []
    loose = {"reltol": 0.5, "trtol": 1e12, "method": method}  # so that steps are the longest allowed
    for step in (2e-8, 1e-8):
        circuit = rc(Sine(0.0, 1.0, 1e6)).options(**loose)
        r = Solver().transient(circuit, 4e-6, step=step, max_step=step)
        w, tau = 2e6 * np.pi, 1e-6
        t = r["time"]
        exact = (np.sin(w * t) - w * tau * np.cos(w * t) + w * tau * np.exp(-t / tau)) / (1 + (w * tau) ** 2)
        errors.append(np.abs(r["v(out)"] - exact)[t > 1e-6].max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)


def test_tolerance_governs_the_error():
    found = []
    for reltol in (1e-3, 1e-5, 1e-7):
        circuit = rc(Pulse(0, 1, 1e-6, 1e-8, 1, 1e-8)).options(**{**TIGHT, "reltol": reltol})
        r = Solver().transient(circuit, 1e-5, step=1e-6, max_step=1e-5)
        exact = ramp_response(r["time"], 1e-6, 1e-8, 1e-6)
        found.append((np.abs(r["v(out)"] - exact).max(), r.steps))
    errors, steps = zip(*found, strict=True)
    assert errors[0] < 1e-2
    assert errors[1] < 0.1 * errors[0]
    assert errors[2] < 0.1 * errors[1]
    assert steps[0] < steps[1] < steps[2]


def test_lc_keeps_its_energy():
    circuit = put(Circuit().C(1, "a", 0, 1e-9), "L1", "a", "0", value=1e-6)
    circuit.initial["a"] = 1.0
    r = Solver().transient(circuit, 4e-6, step=1e-9, uic=True)
    energy = 0.5e-9 * r["v(a)"] ** 2 + 0.5e-6 * r["i(l1)"] ** 2
    assert energy[-1] == pytest.approx(energy[5], rel=1e-6)
    assert energy[0] == pytest.approx(0.5e-9, rel=1e-9)
    np.testing.assert_allclose(r["v(a)"], np.cos(r["time"] / np.sqrt(1e-15)), atol=0.02)


def test_coupled_inductors():
    # a transformer of ratio 1:2 with k < 1 in a resistive loop, against its two equations
    circuit = Circuit().V(1, "in", 0, Sine(0, 1, 1e6)).R(1, "in", "a", 10).R(2, "b", 0, 50)
    put(circuit, "L1", "a", "0", value=1e-6)
    put(circuit, "L2", "b", "0", value=4e-6)
    put(circuit, "K1", value=0.9, l1="L1", l2="L2")
    r = Solver().transient(circuit.options(**TIGHT), 3e-6, step=1e-8)
    L = np.array([[1e-6, 1.8e-6], [1.8e-6, 4e-6]])

    def rate(t, i):
        return np.linalg.solve(L, [np.sin(2e6 * np.pi * t) - 10 * i[0], -50 * i[1]])

    s = solve_ivp(rate, (0, 3e-6), [0, 0], rtol=1e-10, atol=1e-14, t_eval=r["time"])
    np.testing.assert_allclose(r["i(l1)"], s.y[0], atol=2e-5 * np.abs(s.y[0]).max() + 1e-6)
    np.testing.assert_allclose(r["i(l2)"], s.y[1], atol=1e-4 * np.abs(s.y[1]).max())


def test_rectifier_against_scipy():
    circuit = Circuit().V(1, "in", 0, Sine(0, 2, 1e6)).R(1, "in", "a", 100)
    add_diode(circuit, "x", "a", "out", cjo=1e-11)
    circuit.C(1, "out", 0, 1e-9).R(2, "out", 0, 1e4)
    r = Solver().transient(circuit.options(**TIGHT), 3e-6, step=1e-8)

    def rate(t, v):
        a, out = v
        i_r = (2 * np.sin(2e6 * np.pi * t) - a) / 100
        i_d = 1e-14 * np.expm1((a - out) / VT) + 1e-12 * (a - out)
        # capacitors: 10 pF across the diode, 1 nF to ground
        return np.linalg.solve([[1e-11, -1e-11], [-1e-11, 1.01e-9]], [i_r - i_d, i_d - out / 1e4])

    s = solve_ivp(rate, (0, 3e-6), [0, 0], method="Radau", rtol=1e-8, atol=1e-10, t_eval=r["time"])
    np.testing.assert_allclose(r["v(out)"], s.y[1], atol=3e-4)
    np.testing.assert_allclose(r["v(a)"], s.y[0], atol=3e-3)


def test_charge_is_conserved():
    # two capacitors share a charge through a diode: nothing leaves
    circuit = Circuit().C(1, "a", 0, 1e-9).C(2, "b", 0, 2e-9)
    add_diode(circuit, "x", "a", "b", cjo=1e-10).options(gmin=0)
    circuit.initial["a"] = 2.0
    r = Solver().transient(circuit, 1e-6, uic=True)
    total = 1e-9 * r["v(a)"] + 2e-9 * r["v(b)"]
    np.testing.assert_allclose(total, 2e-9, rtol=1e-9)
    assert r["v(b)"][-1] > 0.4


def test_initial_conditions():
    circuit = Circuit().V(1, "in", 0, 1.0).R(1, "in", "a", 1e3).C(1, "a", 0, 1e-9)
    circuit.initial["a"] = 0.25
    r = Solver().transient(circuit.options(**TIGHT), 5e-6)
    np.testing.assert_allclose(r["v(a)"], 1 - 0.75 * np.exp(-r["time"] / 1e-6), atol=2e-5)
    own = put(Circuit().V(1, "in", 0, 1.0).R(1, "in", "a", 1e3), "C1", "a", "0", value=1e-9, ic=0.5)
    put(own, "L1", "in", "0", value=1e-3, ic=0.1)
    r = Solver().transient(own.options(**TIGHT), 5e-6, uic=True)
    np.testing.assert_allclose(r["v(a)"], 1 - 0.5 * np.exp(-r["time"] / 1e-6), atol=2e-5)
    np.testing.assert_allclose(r["i(l1)"], 0.1 + r["time"] / 1e-3, rtol=1e-6)


def test_what_is_kept():
    circuit = rc(Pulse(0, 1, 1e-6, 1e-7, 1, 1e-7))
    r = Solver().transient(circuit, 1e-5, start=2e-6, save=["v(out)", "i(v1)"])
    assert r["time"][0] >= 2e-6
    assert r.names == ("v(out)", "i(v1)")
    with pytest.raises(ParameterError, match="not kept"):
        r["v(in)"]
    grid = np.linspace(2e-6, 1e-5, 9)
    np.testing.assert_allclose(r.at(grid)["v(out)"], ramp_response(grid, 1e-6, 1e-7, 1e-6), atol=5e-3)
    data = r.to_xarray()
    assert data["v(out)"].dims == ("time",)
    assert list(r.to_dataframe().columns) == ["v(out)", "i(v1)"]


def test_failure_says_when_and_where():
    # above 0.5 V the law has no value
    circuit = put(Circuit().I(1, 0, "a", 1e-3), "B1", "a", "0", i="1u * sqrt(0.5 - v(a))").C(1, "a", 0, 1e-9)
    circuit.R(1, "a", 0, 1e6)
    with pytest.raises(ConvergenceError, match=r"at t = .*e-0?7 s.*v\(a\)"):
        Solver().transient(circuit, 2e-6, uic=True)


@needs_ngspice
def test_switch_against_ngspice(tmp_path):
    circuit = Circuit().V(1, "in", 0, Sine(0, 1, 1e6)).V(2, "vdd", 0, 1.0).R(2, "vdd", "o", 1e3).C(1, "o", 0, 1e-11)
    put(card(circuit, "s", "sw", vt=0.2, vh=0.1, ron=1.0, roff=1e9), "S1", "o", "0", "in", "0", model="s")
    r = Solver().transient(circuit, 2e-6, step=2e-9)
    t, out = ngspice(tmp_path, [
        "V1 in 0 sin(0 1 1meg)", "V2 vdd 0 1", "R2 vdd o 1k", "C1 o 0 10p", "S1 o 0 in 0 s",
        ".model s sw vt=0.2 vh=0.1 ron=1 roff=1g",
    ], "tran 0.1n 2u 0 0.1n", ["v(o)"], options="reltol=1e-6")
    for level in (0.5,):
        ours = r["time"][np.flatnonzero(np.diff(r["v(o)"] > level))]
        theirs = t[np.flatnonzero(np.diff(out > level))]
        np.testing.assert_allclose(ours, theirs, atol=3e-9)


@needs_ngspice
def test_behaviour_against_ngspice(tmp_path):
    circuit = Circuit().V(1, "in", 0, Pwl((0, 1e-6, 3e-6), (0, 1, -1))).R(1, "in", "a", 1e3).C(1, "a", 0, 1e-9)
    put(circuit, "B1", "a", "0", i="1m*v(a)^3 + 0.05m*tanh(10*v(in,a))")
    put(circuit, "B2", "b", "0", v="v(a)*v(in) + 1k*i(v1)")
    circuit.R(2, "b", 0, 1e3)
    r = Solver().transient(circuit.options(**TIGHT), 3e-6, step=1e-8)
    t, a, b = ngspice(tmp_path, [
        "V1 in 0 pwl(0 0 1u 1 3u -1)", "R1 in a 1k", "C1 a 0 1n",
        "B1 a 0 i=1m*v(a)^3 + 0.05m*tanh(10*v(in,a))", "B2 b 0 v=v(a)*v(in) + 1k*i(v1)", "R2 b 0 1k",
    ], "tran 1n 3u 0 1n", ["v(a)", "v(b)"])
    np.testing.assert_allclose(r["v(a)"], np.interp(r["time"], t, a), atol=2e-3)
    np.testing.assert_allclose(r["v(b)"], np.interp(r["time"], t, b), atol=4e-3)

    def rate(t, v):
        volt = np.interp(t, (0, 1e-6, 3e-6), (0, 1, -1))
        return ((volt - v) / 1e3 - 1e-3 * v**3 - 0.05e-3 * np.tanh(10 * (volt - v))) / 1e-9

    s = solve_ivp(rate, (0, 3e-6), [0], rtol=1e-9, atol=1e-13, max_step=2e-9, t_eval=r["time"])
    np.testing.assert_allclose(r["v(a)"], s.y[0], atol=2e-5)  # closer than ngspice


def test_derivative_and_integral():
    circuit = Circuit().V(1, "in", 0, Sine(0, 1, 1e6)).R(1, "in", 0, 1e3).R(2, "d", 0, 1e3).R(3, "q", 0, 1e3)
    put(circuit, "B1", "d", "0", v="ddt(v(in)) / 6.283185307179586e6")
    put(circuit, "B2", "q", "0", v="6.283185307179586e6 * idt(v(in))")
    r = Solver().transient(circuit.options(reltol=1e-4), 3e-6, step=2e-9)
    w = 2e6 * np.pi
    np.testing.assert_allclose(r["v(d)"][10:], np.cos(w * r["time"][10:]), atol=2e-3)
    np.testing.assert_allclose(r["v(q)"], 1 - np.cos(w * r["time"]), atol=2e-4)


def test_charges_by_expressions():
    circuit = Circuit().V(1, "in", 0, Sine(0, 1, 1e6)).R(1, "in", "a", 100).R(2, "in", "b", 100)
    put(circuit, "C1", "a", "0", q="1n*v(a) + 0.1n*v(a)^3")
    put(circuit, "C2", "b", "0", value="1n + 0.1n*v(b)^2")
    circuit.options(**TIGHT)

    put(circuit, "L1", "c", "0", value="1u*(1 + 100*abs(i(L1)))").R(3, "in", "c", 100)
    r = Solver().transient(circuit, 2e-6, step=2e-9)

    def rate(t, y):
        i = (np.sin(2e6 * np.pi * t) - y[:2]) / 100
        # q= is a charge; c= and l= multiply rates
        slopes = np.array([1e-9 + 3e-10 * y[0] ** 2, 1e-9 + 1e-10 * y[1] ** 2])
        return [*(i / slopes), (np.sin(2e6 * np.pi * t) - 100 * y[2]) / (1e-6 * (1 + 100 * abs(y[2])))]

    s = solve_ivp(rate, (0, 2e-6), [0, 0, 0], rtol=1e-10, atol=1e-13, t_eval=r["time"])
    np.testing.assert_allclose(r["v(a)"], s.y[0], atol=2e-5)
    np.testing.assert_allclose(r["v(b)"], s.y[1], atol=2e-5)
    np.testing.assert_allclose(r["i(l1)"], s.y[2], atol=2e-7)


def test_mismatched_line_reflects():
    circuit = Circuit().V(1, "in", 0, Pulse(0, 1, 1e-9, 1e-10, 1, 1e-10)).R(1, "in", "a", 25).R(2, "b", 0, 100)
    put(circuit, "T1", "a", "0", "b", "0", z0=50.0, td=2e-9)
    r = Solver().transient(circuit, 20e-9, step=1e-10)
    # by hand: first wave 2/3, reflected 1/3 at the end and -1/3 at the source
    times = [0.5e-9, 2.5e-9, 4.5e-9, 6.5e-9, 8.5e-9]
    a, b = (r.at(times)[q] for q in ("v(a)", "v(b)"))
    first, end, source = 2 / 3, 1 / 3, -1 / 3
    second = first * end * (1 + source)
    np.testing.assert_allclose(a, [0, first, first, first + second, first + second], atol=1e-6)
    np.testing.assert_allclose(b, [0, 0, first * (1 + end), first * (1 + end), first * (1 + end) * (1 + end * source)], atol=1e-6)
    assert Solver().operating_point(circuit)["i(v1)"] == pytest.approx(0.0, abs=1e-15)


def test_a_damped_rule_loses_what_its_formula_says():
    deck = "lc\nl1 a 0 1m ic=1m\nc1 a 0 253.3n\n.options xmu={} trtol=1e7\n.tran 1u 0.5m 0 1u uic\n"
    w = 1 / np.sqrt(1e-3 * 253.3e-9)
    for xmu in (0.5, 0.4, 0.3):
        r, = Solver().run(read_spice(deck.format(xmu)))
        late = r.time > 0.4e-3
        # (1 + i w h xmu) / (1 - i w h (1 - xmu)) per step
        factor = abs((1 + 1j * w * 1e-6 * xmu) / (1 - 1j * w * 1e-6 * (1 - xmu)))
        assert np.abs(r["i(l1)"][late]).max() == pytest.approx(1e-3 * factor**400, rel=0.04)
    # and the error of that part counts: with ngspice's trtol it is as exact as without
    whole, damped = (
        Solver().run(read_spice(deck.format(xmu).replace("trtol=1e7", "trtol=1").replace("0 1u uic", "0 5u uic")))[0]
        for xmu in (0.5, 0.3)
    )
    assert len(damped.time) > 2 * len(whole.time)
    late = damped.time > 0.4e-3
    free, = Solver().run(read_spice(deck.format(0.3).replace("0 1u uic", "0 5u uic")))
    last = free.time > 0.4e-3
    assert np.abs(damped["i(l1)"][late]).max() > 2.5 * np.abs(free["i(l1)"][last]).max()


@pytest.mark.parametrize("xmu", ["-0.1", "0.6"])
def test_damping_has_its_limits(xmu):
    with pytest.raises(ParameterError, match=r"xmu.*from 0 to 0.5"):
        Solver().run(read_spice(f"x\nr1 a 0 1\nv1 a 0 1\n.options xmu={xmu}\n.op\n"))


def test_a_switch_that_acts_on_its_own_control():
    # a threshold switch discharges the capacitor whose voltage controls it; its turning takes the
    # voltage back over the threshold within the step
    deck = """neuron
i1 0 m 20u
cm m 0 1n
rm m 0 500k
s1 m k m 0 th
rk k 0 100
.model th sw(vt=1 vh=0.3 ron=200 roff=1meg)
.tran 0.2u 200u 0 0.1u {}
"""
    r, = Solver().run(read_spice(deck.format("uic")))
    v = r["v(m)"]
    peaks = np.flatnonzero((v[1:-1] > v[:-2]) & (v[1:-1] >= v[2:]) & (v[1:-1] > 1.2)) + 1
    up, down = 1 / (1 / 500e3 + 1 / 1.0001e6), 1 / (1 / 500e3 + 1 / 300)
    first = up * 1e-9 * np.log(20e-6 * up / (20e-6 * up - 1.3))
    period = up * 1e-9 * np.log((20e-6 * up - 0.7) / (20e-6 * up - 1.3)) + down * 1e-9 * np.log(
        (1.3 - 20e-6 * down) / (0.7 - 20e-6 * down))
    assert r.time[peaks[0]] == pytest.approx(first, rel=1e-3)
    np.testing.assert_allclose(np.diff(r.time[peaks]), period, rtol=5e-3)
    # it has no operating point, and says what to do
    with pytest.raises(ConvergenceError, match="begins with `uic`"):
        Solver().run(read_spice(deck.format("")))
