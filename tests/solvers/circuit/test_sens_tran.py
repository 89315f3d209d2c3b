"""Derivatives of transients: closed forms, formulas, objectives, names."""

import copy

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.netlists.spice_sources import AmplitudeModulated, Exponential, FrequencyModulated
from crossbarsim.solvers.circuit.results.waveform_math import Curve
from crossbarsim.solvers.circuit.sensitivity.parameters import waves
from crossbarsim.solvers.objectives import Energy, Integral, Mean, Rms, ValueAt
from scipy.integrate import solve_ivp

from crossbarsim import Circuit, ParameterError, Pulse, Pwl, Sine, Solver
from tests.helpers.circuits import card, put
from tests.helpers.fixed_grid import by_difference, difference

TIGHT = "reltol=1e-7 trtol=0.1 chgtol=1e-22 abstol=1e-15 vntol=1e-10"
RLC = """rlc
v1 in 0 pulse(0.2 1 1u 0.1u 0.1u 5u 20u)
r1 in a 10
l1 a out 10u ic=0.01
c1 out 0 10n ic=0.3
r2 out 0 1k
.options method={}
"""


@pytest.mark.parametrize("method", ["trap", "gear"])
def test_a_low_pass_has_its_closed_form(method):
    c = read_spice(f"rc\nv1 in 0 1\nr1 in out 1k\nc1 out 0 1u ic=0.2\n.options method={method} {TIGHT}\n")
    t = 1.3e-3
    found = Solver().transient_sensitivities(c, ValueAt("v(out)", t), 2e-3, step=1e-5, uic=True)
    e = np.exp(-t / 1e-3)
    assert found.value == pytest.approx(1 - 0.8 * e, rel=1e-5)
    by_tau = -0.8 * e * t / 1e-3**2
    want = {"r1": by_tau * 1e-6, "c1": by_tau * 1e3, "v1": 1 - e, "c1_ic": e}
    for name, value in want.items():
        assert found[name] == pytest.approx(value, rel=1e-4), name
    assert found.parameters["c1_ic"] == 0.2


def test_a_resonance_follows_scipy():
    # dy/dt and the variational equations by R, L, C, and both initial values
    r, l, c = 10.0, 1e-5, 1e-8
    deck = RLC.format("trap").replace("pulse(0.2 1 1u 0.1u 0.1u 5u 20u)", "0.7").replace("r2 out 0 1k\n", "")
    times = np.linspace(0.5e-6, 3e-6, 6)
    found = Solver().transient_sensitivities(
        read_spice(deck + f".options {TIGHT}\n"), [ValueAt("v(out)", t) for t in times], 3e-6, step=2e-8, uic=True)

    def slope(_, y):
        a = np.array([[-r / l, -1 / l], [1 / c, 0]])
        f = a @ y[:2] + [0.7 / l, 0]
        own = np.array([[-y[0] / l, 0], [-f[0] / l, 0], [0, -f[1] / c], [0, 0], [0, 0]])
        return np.concatenate([f, (y[2:].reshape(5, 2) @ a.T + own).ravel()])

    first = [0.01, 0.3, *[0] * 6, 1, 0, 0, 1]
    y = solve_ivp(slope, (0, 3e-6), first, rtol=1e-10, atol=1e-13, method="DOP853", t_eval=times).y
    np.testing.assert_allclose([f.value for f in found], y[1], rtol=5e-5)
    for name, want in zip(("r1", "l1", "c1", "l1_ic", "c1_ic"), y[3::2], strict=True):
        np.testing.assert_allclose([f[name] for f in found], want, atol=1e-4 * abs(want).max(), err_msg=name)


@pytest.mark.parametrize("uic", [False, True])
@pytest.mark.parametrize("options", ["trap", "gear", "euler", "trap xmu=0.4"])
def test_all_formulas_are_exact_on_their_steps(options, uic):
    c = read_spice(RLC.format(options))
    made = Solver().transient_adjoint(c, 1e-5, step=2e-7, uic=uic)
    rms = Rms("v(out)", 1e-6, 8e-6)
    found = made.sensitivities(rms)
    for name in ("r1", "l1", "c1", "r2", "v1_v1", "v1_v2", *(("c1_ic", "l1_ic") if uic else ())):
        other = by_difference(made, c, name, rms, uic=uic)
        assert found[name] == pytest.approx(other, rel=1e-7), name


def test_backward_differentiation_of_high_orders():
    c = read_spice("""smooth
v1 in 0 sin(0 1 1k)
r1 in a 200
l1 a b 20m
c1 b 0 100n
b1 b 0 i=1u*(exp(v(b)/0.2)-1)
.options method=gear maxord=6 reltol=1e-5 trtol=1
""")
    made = Solver().transient_adjoint(c, 1e-3, step=1e-5)
    at = ValueAt("v(b)", 0.87e-3)
    found = made.sensitivities(at)
    assert np.count_nonzero(made._run.formulas[:, 2:], axis=1).max() > 3
    for name in ("l1", "c1", "v1_amplitude"):
        assert found[name] == pytest.approx(by_difference(made, c, name, at), rel=1e-7), name


def test_initial_voltages_of_nodes():
    c = read_spice("ic\nv1 in 0 1\nr1 in a 1k\nr2 a b 2k\nc1 a 0 1u\nc2 b 0 2u ic=0.1\n.ic v(a)=0.3 v(b)=0.5\n")
    for uic in (False, True):
        made = Solver().transient_adjoint(c, 2e-3, step=1e-4, uic=uic)
        at = ValueAt("v(b)", 1.5e-3)
        found = made.sensitivities(at)
        for node in "ab":
            def moved(v, node=node):
                other = c.copy()
                other.initial[node] = v
                return other
            want = difference(made, moved, c.initial[node], 1e-2, at, uic=uic)
            assert found[f"ic({node})"] == pytest.approx(want, rel=1e-8, abs=1e-13)
        # an element's own initial value comes before its node's
        assert (abs(found["ic(b)"]) < 1e-12) == uic


# -- objectives -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made():
    return Solver().transient_adjoint(read_spice(RLC.format("trap")), 1e-5, step=2e-7)


def test_values_of_objectives(made):
    r = made.transient
    whole, part = Curve(r.time, r["v(out)"]), Curve(r.time, r["v(out)"]).part(1.05e-6, 7.3e-6)
    assert ValueAt("v(out)", 2.34e-6)(r)[0] == pytest.approx(whole.at(2.34e-6), rel=1e-13)
    assert Integral("v(out)")(r)[0] == pytest.approx(whole.integral, rel=1e-13)
    assert Integral("v(out)", 1.05e-6, 7.3e-6)(r)[0] == pytest.approx(part.integral, rel=1e-12)
    assert Mean("v(out)", 1.05e-6, 7.3e-6)(r)[0] == pytest.approx(part.mean, rel=1e-12)
    assert Rms("v(out)", 1.05e-6, 7.3e-6)(r)[0] == pytest.approx(part.rms, rel=1e-12)
    # the power, a parabola between points, on a grid much finer than these
    t = np.linspace(1.05e-6, 7.3e-6, 400_001)
    power = -np.interp(t, r.time, r["v(in)"]) * np.interp(t, r.time, r["i(v1)"])
    assert Energy("v1", 1.05e-6, 7.3e-6)(r)[0] == pytest.approx(np.trapezoid(power, t), rel=1e-8)


@pytest.mark.parametrize("objective", [
    ValueAt("v(a,out)", 2.34e-6), Integral("v(out)", 1e-6, 2.5e-6), Mean("i(l1)", None, 7.3e-6),
    Rms("v(out)", 1.05e-6), Energy("v1", 0.5e-6, 6e-6), Energy("l1"),
])
def test_slopes_of_objectives(made, objective):
    r = made.transient
    way = np.random.default_rng(3).normal(size=r._values.shape)
    found = []
    for step in (-1e-5, 1e-5):
        moved = copy.copy(r)
        moved._values = r._values + step * way
        found.append(objective(moved)[0])
    along = copy.copy(r)
    along._values = way
    want = sum(float(slope @ along[name]) for name, slope in objective(r)[1].items())
    assert (found[1] - found[0]) / 2e-5 == pytest.approx(want, rel=1e-7)


def test_functions_and_gradients_of_waveforms(made):
    def loss(run):
        miss = run["v(out)"] - 0.5
        return float(miss @ miss), {"v(out)": 2 * miss}

    one = made.sensitivities(loss)
    assert one.output == "loss"
    assert one.value == loss(made.transient)[0]
    two, mean = made.sensitivities([loss(made.transient)[1], Mean("v(out)")], ["r*", "v1_v?"])
    assert set(two.values) >= {"r1", "r2", "v1_v1", "v1_v2"}
    assert "l1" not in two.values
    for name, value in two.values.items():
        assert value == pytest.approx(one[name], rel=1e-9, abs=1e-15)
    assert mean.value == Mean("v(out)")(made.transient)[0]
    assert mean["r1"] == pytest.approx(made.sensitivities(Mean("v(out)"), ["r1"])["r1"], rel=1e-12)
    assert one.normalised["r1"] == pytest.approx(one["r1"] * 0.1)
    c = made.circuit
    assert one["c1"] == pytest.approx(by_difference(made, c, "c1", loss), rel=1e-7)


def test_a_run_is_a_function_of_torch():
    torch = pytest.importorskip("torch")

    class Waveform(torch.autograd.Function):
        @staticmethod
        def forward(ctx, r, c):
            circuit = Circuit().V(1, "in", 0, Pulse(0, 1, 1e-6, 1e-7)).R(1, "in", "out", r.item())
            ctx.run = Solver().transient_adjoint(circuit.C(1, "out", 0, c.item()), 1e-5, step=2e-7)
            return torch.tensor(ctx.run.transient["v(out)"])

        @staticmethod
        def backward(ctx, gradient):
            found = ctx.run.sensitivities({"v(out)": gradient.numpy()}, ["r1", "c1"])
            return torch.tensor(found["r1"]), torch.tensor(found["c1"])

    ohm, nano = torch.tensor(1.0, requires_grad=True), torch.tensor(2.0, requires_grad=True)
    ((Waveform.apply(ohm.double() * 1e3, nano.double() * 1e-9) - 0.3) ** 2).mean().backward()
    circuit = Circuit().V(1, "in", 0, Pulse(0, 1, 1e-6, 1e-7)).R(1, "in", "out", 1e3)
    run = Solver().transient_adjoint(circuit.C(1, "out", 0, 2e-9), 1e-5, step=2e-7)

    def loss(r):
        return float(((r["v(out)"] - 0.3) ** 2).mean()), {}

    assert float(ohm.grad) == pytest.approx(1e3 * by_difference(run, run.circuit, "r1", loss), rel=1e-5)
    assert float(nano.grad) == pytest.approx(1e-9 * by_difference(run, run.circuit, "c1", loss), rel=1e-5)


# -- sources --------------------------------------------------------------------------------------


@pytest.mark.parametrize("wave", [
    Pulse(0.1, 1.0, 1e-6, 1e-7, 2e-6, 2e-7, 4e-6), Sine(0.1, 1.0, 3e5, 1e-6, 1e5, 30.0),
    Pwl((0, 1e-6, 3e-6, 4e-6), (0.1, 0.5, -0.2, 0.3)), Pwl((0, 1e-6, 3e-6), (0.1, 0.5, -0.2), 1e-6),
    Exponential(0.1, 1.0, 1e-6, 5e-7, 4e-6, 1e-6), FrequencyModulated(0.1, 1.0, 2e5, 1.5, 1e5),
    AmplitudeModulated(1.0, 0.5, 1e5, 3e5, 1e-6),
])
@pytest.mark.parametrize("kind", "VI")
def test_waves(wave, kind):
    c = getattr(Circuit(), kind)(1, "in", 0, wave).R(0, "in", 0, 1e3).R(1, "in", "out", 1e3).C(1, "out", 0, 1e-9)
    made = Solver().transient_adjoint(c, 1e-5, step=2e-7)
    mean = Rms("v(out)", 5e-7, 9.5e-6)
    found = made.sensitivities(mean)
    own = [w.name for w in waves(c[f"{kind}1"])]
    assert own
    assert set(own) <= set(found.values)
    biggest = max(abs(found[n] * found.parameters[n]) for n in own)
    for name in own:
        other = by_difference(made, c, name, mean)
        assert found[name] == pytest.approx(other, rel=3e-7, abs=1e-9 * biggest), name
    # by the source's value at all points: another source beside it that shifts them all
    if kind == "I":
        want = difference(made, lambda v: c.copy().I(2, "in", 0, v), 0.0, 1e-6, mean)
        assert found.source("i1").sum() == pytest.approx(want, rel=1e-6)
    with pytest.raises(ParameterError, match="no independent source"):
        found.source("r1")


# -- names and refusals ---------------------------------------------------------------------------


def test_a_card_is_the_sum_of_its_elements():
    c = read_spice("d\nv1 in 0 sin(0 1 1k)\nd1 in a dm\nd2 a out dm area=2\nr1 out 0 1k\n.model dm d is=1e-12\n")
    made = Solver().transient_adjoint(c, 1e-3, step=2e-5)
    mean = Mean("v(out)")
    found = made.sensitivities(mean, ["@dm[is]"])
    assert set(found.values) == {"d1:is", "d2:is"}
    assert found["@dm[is]"] == found["d1:is"] + found["d2:is"]

    def moved(v):
        other = c.copy()
        return card(other, "dm", "d", **{"is": v})

    assert found["@DM[is]"] == pytest.approx(difference(made, moved, 1e-12, 1e-15, mean), rel=1e-7)


@pytest.mark.parametrize(("names", "message"), [
    (["v1_delay"], "`v1_delay` moves corners.*of v1 there are v1_v1, v1_v2"),
    (["r1", "v1_width"], "moves corners"), (["c1_ic"], "with `uic=True` only"),
    (["r3"], "no parameter 'r3'.*there are r"), (["x*"], "no parameter"), ("r1", "sequence of names"),
    (["@dm[is]"], "no parameter"), (["v1"], None), (["v1_v1"], None),
])
def test_names(made, names, message):
    if message is None:
        assert made.sensitivities(Mean("v(out)"), names).source("v1").shape == made.time.shape
        return
    with pytest.raises(ParameterError, match=message):
        made.sensitivities(Mean("v(out)"), names)


@pytest.mark.parametrize(("objective", "message"), [
    ("v(out)", "`objective` must be ValueAt"), ([], "at least one `objective`"), ({"v(out)": [1.0]}, "one derivative per time point"),
    (lambda _: 1.0, "an objective returns"), (ValueAt("v(out)", 1.0), "`time` must lie between"),
    (Mean("v(out)", 2e-6, 1e-6), "`start` < `stop`"), (ValueAt("v(nowhere)", 1e-6), "no node"),
    (Rms("v(0)"), "is 0 throughout"), (lambda r: (0.0, {"v(out)": np.full(len(r.time), np.nan)}), "finite"),
])
def test_objectives_that_make_no_sense(made, objective, message):
    with pytest.raises(ParameterError, match=message):
        made.sensitivities(objective)


def test_size_is_limited():
    c = read_spice(RLC.format("trap"))
    with pytest.raises(ParameterError, match=r"bytes already at t = .* about 1.6e\+04 in all"):
        Solver().transient_sensitivities(c, Mean("v(out)"), 1e-5, step=1e-7, max_bytes=2500)
    with pytest.raises(ParameterError, match=r"\(95 numbers per step\)"):
        Solver().transient_sensitivities(c, [Mean("v(out)")] * 9, 1e-5, step=1e-7, max_bytes=25000)
    bound = Solver().transient_adjoint(c, 1e-5, step=1e-7, max_bytes=8 * 6 * 400)
    with pytest.raises(ParameterError, match="more than `max_bytes`"):
        bound.sensitivities([Mean("v(out)")] * 20)
    assert bound.sensitivities([Mean("v(out)")], ["r2"])[0]["r2"]
    with pytest.raises(ParameterError, match="`max_bytes` must be > 0"):
        Solver().transient_adjoint(c, 1e-5, max_bytes=0)
    with pytest.raises(ParameterError, match="must be a Circuit"):
        Solver().transient_adjoint("c", 1e-5)
    with pytest.raises(ParameterError, match="`t_stop` must be > 0"):
        Solver().transient_sensitivities(c, Mean("v(out)"), 0.0)


@pytest.mark.parametrize("uic", [False, True])
@pytest.mark.parametrize("initial", ["", " ic=0.5,0.01,0.2,-0.01"])
def test_lines_hand_derivatives_back(uic, initial):
    c = read_spice(f"""line
v1 in 0 pulse(0.1 1 1n 0.5n 0.5n 4n 40n)
r1 in a 30
t1 a 0 b 0 z0=50 td=2n{initial}
r2 b 0 100
c2 b 0 5p
d1 b 0 dm
t2 b 0 q 0 z0=75 td=1n
r3 q 0 60
.model dm d is=1e-12 cjo=1p
""")
    made = Solver().transient_adjoint(c, 1e-8, step=1e-9, uic=uic)
    rms = Rms("v(q)")
    found = made.sensitivities(rms)
    own = ["t1_icv1", "t1_ici2"] if initial and uic else []
    for name in ("t1_z0", "t2_z0", "r1", "r3", "d1:is", "v1_v1", "v1_v2", *own):
        assert found[name] == pytest.approx(by_difference(made, c, name, rms, uic=uic), rel=1e-7), name
    with pytest.raises(ParameterError, match="`t1_td` moves the times at which waves arrive"):
        made.sensitivities(rms, ["t1_td"])


def test_a_wave_meets_its_ends_as_formulas_say():
    # behind a matched source: v(b) = v 2 r / (r + z) / 2, a delay later
    c = read_spice("t\nv1 in 0 pulse(0 1 0 1n 1n 1)\nr1 in a 50\nt1 a 0 b 0 z0=50 td=2n\nr2 b 0 80\n")
    found = Solver().transient_sensitivities(c, ValueAt("v(b)", 3.5e-9), 4e-9, step=1e-11)
    v = 1.0  # of the source at 1.5 ns
    assert found.value == pytest.approx(v * 80 / 130, rel=1e-9)
    assert found["r2"] == pytest.approx(v * 50 / 130**2, rel=1e-9)
    # z0 / (z0 + r1) 2 r2 / (r2 + z0) at z0 = 50
    assert found["t1_z0"] == pytest.approx(2 * 80 * (50 / (100 * 130)) * (1 / 50 - 1 / 100 - 1 / 130), rel=1e-8)
    assert found["r1"] == pytest.approx(-v * 80 / 130 / 100, rel=1e-9)
    # the source counts a delay before
    weights = found.source("v1")
    time = found.transient.time
    assert abs(weights[np.abs(time - 1.5e-9) > 0.1e-9]).max() < 1e-9
    assert weights.sum() == pytest.approx(80 / 130, rel=1e-9)


def test_what_has_moments_of_its_own_is_refused():
    deck = "s\nv1 in 0 sin(0 {} 1k)\ns1 in out in 0 sm\nr1 out 0 1k\nc1 out 0 0.1u\n"
    switch = deck + ".model sm sw vt=0.5 vh={} ron=10 roff=10k\n"
    with pytest.raises(ParameterError, match=r"s1 switches at t = .*negative hysteresis"):
        Solver().transient_adjoint(read_spice(switch.format(1, 0.1)), 1e-3)
    for amplitude, hysteresis in ((0.4, 0.1), (1, -0.3)):  # never on, and smoothly
        c = read_spice(switch.format(amplitude, hysteresis))
        made = Solver().transient_adjoint(c, 1e-3, step=2e-5)
        mean = Rms("v(out)")
        found = made.sensitivities(mean)
        for name in ("s1:roff", "s1:ron", "r1"):
            want = by_difference(made, c, name, mean, share=1e-4)
            assert found[name] == pytest.approx(want, rel=1e-6, abs=1e-14), name


def test_parameters_that_cannot_move_are_left_out():
    c = put(Circuit().V(1, "in", 0, Sine(0, 1, 1e3)).R(1, "in", "a", 1e3), "L1", "a", "0", value=1e-3)
    c = put(put(c, "L2", "b", "0", value=1e-3).R(2, "b", 0, 1e3), "K1", value=1.0, l1="L1", l2="L2")
    made = Solver().transient_adjoint(c, 1e-3, step=2e-5)
    at = ValueAt("v(b)", 0.3e-3)
    found = made.sensitivities(at)
    assert found["l1"] == pytest.approx(by_difference(made, c, "l1", at), rel=1e-7)
    # a coupling of 1 goes down only
    low = made.sensitivities(at, ["k1"])["k1"]
    assert made.sensitivities(at, []).values == {}
    # differences to one side are 4e-5 off at a step of 1e-3, a hundredth of it at a third of that
    one = by_difference(made, c, "k1", at, side=-1, share=1e-4)
    assert low == pytest.approx(one, rel=1e-7)


def test_the_energy_of_a_shorted_inductor():
    circuit = read_spice("s\nv1 a 0 1\nr1 a 0 1k\nl1 a a 1m ic=1m\n.end\n")
    value, slopes = Energy("l1")(Solver().transient(circuit, 1e-3, uic=True))
    assert value == 0.0
    assert list(slopes) == ["i(l1)"]
