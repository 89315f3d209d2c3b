"""Small signals, noise, transfers and sensitivities against formulas and finite differences."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.netlists.analyses import Noise, Points, Sens
from crossbarsim.solvers.circuit.analyses import small_signal as smallsignal
from crossbarsim.solvers.circuit.analyses.noise import integrate_density, noise
from crossbarsim.solvers.circuit.analyses.sensitivities import parameters_of, sens

from crossbarsim import Circuit, ParameterError, SingularCircuitError, Solver

BOLTZMANN = 1.380649e-23


def run(deck):
    return Solver().run(read_spice(deck))


LINE = """line
v1 in 0 ac 1
r1 in a 50
t1 a 0 b 0 z0=75 td=1n
r2 b 0 100
.ac lin 40 1meg 3g
"""


def test_an_ideal_line_is_exact():
    s = run(LINE)[0]
    turn = np.exp(-2j * np.pi * s.frequency * 1e-9)
    load, source = (100 - 75) / 175, (50 - 75) / 125
    want = 75 / 125 * turn * (1 + load) / (1 - load * source * turn**2)
    np.testing.assert_allclose(s["v(b)"], want, rtol=1e-13)
    np.testing.assert_allclose(s["vm(b)"], np.abs(want), rtol=1e-13)
    np.testing.assert_allclose(s["vdb(b)"], 20 * np.log10(np.abs(want)), atol=1e-11)
    np.testing.assert_allclose(s["vp(b)"], np.angle(want), atol=1e-12)


@pytest.mark.parametrize("transposed", [True, False])
def test_sparse_and_full_matrices_agree(monkeypatch, transposed):
    from crossbarsim.solvers.circuit.analyses.op import operating_point

    circuit = read_spice(LINE.replace("100\n", "100\nc1 b 0 1p\nl1 b c 1n\nr3 c 0 70\ng1 0 c a 0 1m\n"))
    small = smallsignal.SmallSignal(operating_point(circuit))
    b = np.random.default_rng(0).normal(size=small.size + 1).astype(complex)
    f = np.array([1e6, 1e8, 1e9])
    full = small.solve(f, b, transposed=transposed)
    monkeypatch.setattr(smallsignal, "_DENSE", 0)
    np.testing.assert_allclose(small.solve(f, b, transposed=transposed), full, rtol=1e-10, atol=1e-14)


def test_integrals_by_time_are_integrated():
    s = run("i\nv1 a 0 ac 1\nr1 a 0 1k\nb1 b 0 v=idt(v(a))\nr2 b 0 1k\n.ac dec 1 1 100\n")[0]
    np.testing.assert_allclose(s["v(b)"], 1 / (2j * np.pi * s.frequency), rtol=1e-12)


def test_small_signals_are_the_slope_of_the_operating_point():
    deck = """q
vcc v 0 10
v1 b 0 dc {x} ac 1
rc v c 2k
re e 0 500
q1 c b e qn
.model qn npn bf=100 is=1e-15 vaf=50
.param x=1.2
.options reltol=1e-9 vntol=1e-12 abstol=1e-15
.ac dec 1 1 10
.tf v(c) v1
"""
    spectrum, transfer = run(deck)
    high, low = (
        Solver().operating_point(read_spice(deck, parameters={"x": x}))["v(c)"] for x in (1.2001, 1.1999)
    )
    slope = (high - low) / 2e-4
    assert transfer.gain == pytest.approx(slope, rel=1e-6)
    np.testing.assert_allclose(spectrum["v(c)"], slope, rtol=1e-6)


def test_a_floating_small_signal_names_itself():
    circuit = read_spice("f\ni1 0 a ac 1\nc1 a 0 1p\nr1 a 0 1k\n.ac lin 1 1 1\n")
    assert abs(Solver().run(circuit)[0]["v(a)"][0]) == pytest.approx(1e3, rel=1e-9)
    small = smallsignal.SmallSignal(Solver().operating_point(circuit))
    small.g_values = small.g_values * 0.0
    with pytest.raises(SingularCircuitError, match="no unique solution"):
        small.solve(np.zeros(1), np.ones(small.size + 1, dtype=complex))


# -- noise ----------------------------------------------------------------------------------------


def test_a_capacitor_holds_kt_over_c():
    deck = "n\nv1 in 0 ac 1\nr1 in out 10k\nc1 out 0 1n\n.noise v(out) v1 dec 30 1 1g\n"
    found = run(deck)[0]
    # the band is not infinite: what lies beyond 1 GHz and below 1 Hz is 1e-5 of all
    assert found["onoise_total"] ** 2 == pytest.approx(BOLTZMANN * 300.15 / 1e-9, rel=2e-4)
    np.testing.assert_allclose(found["inoise_spectrum"], np.sqrt(4 * BOLTZMANN * 300.15 * 1e4), rtol=1e-9)
    assert found["onoise_r1"] == pytest.approx(found["onoise_r1_thermal"])
    assert set(found.totals) >= {"onoise_total", "inoise_total", "onoise_total_r1"}


@pytest.mark.parametrize("power", [-2.0, -1.0, 0.0, 0.5])
def test_densities_that_are_powers_are_integrated_exactly(power):
    f = np.array([1.0, 3.0, 20.0, 100.0])
    want = np.log(100.0) if power == -1 else (100.0 ** (power + 1) - 1) / (power + 1)
    assert integrate_density(f, f**power) == pytest.approx(want, rel=1e-12)
    assert integrate_density(f, np.zeros(4)) == 0.0


def test_the_adjoint_gives_each_source_its_own_transfer():
    circuit = read_spice("n\nv1 in 0 ac 1\nr1 in a 1k\nr2 a b 2k\nr3 b 0 3k\nc1 a 0 1n\nc2 b 0 2n\n")
    points = Points("dec", 1e3, 1e6, 2)
    found = noise(circuit, Noise(("v", "b", "0"), "v1", points))
    for name, at in (("r1", ("in", "a")), ("r2", ("a", "b")), ("r3", ("b", "0"))):
        ohm = circuit[name].value
        deck = ("t\nv1 in 0 0\nr1 in a 1k\nr2 a b 2k\nr3 b 0 3k\nc1 a 0 1n\nc2 b 0 2n\n"
                f"i1 {at[0]} {at[1]} ac 1\n.ac dec 2 1k 1meg\n")
        transfer = np.abs(run(deck)[0]["v(b)"])
        np.testing.assert_allclose(
            found[f"onoise_{name}"], transfer * np.sqrt(4 * BOLTZMANN * 300.15 / ohm), rtol=1e-9
        )


def test_noise_refuses():
    circuit = read_spice("n\nv1 in 0 ac 1\nr1 in 0 1k\n")
    with pytest.raises(ParameterError, match="independent source"):
        noise(circuit, Noise(("v", "in", "0"), "r1", Points("dec", 1.0, 10.0, 1)))
    found = noise(circuit, Noise(("v", "in", "0"), "v1", Points("dec", 1.0, 10.0, 1)))
    with pytest.raises(ParameterError, match="there is that of r1"):
        found["onoise_r9"]


# -- transfers and sensitivities ------------------------------------------------------------------


def test_transfer_of_a_current_source_and_to_a_current():
    tf, = run("t\ni1 0 a 1m\nr1 a b 1k\nv2 b 0 0\nr2 a 0 3k\n.tf i(v2) i1\n")
    assert tf.gain == pytest.approx(0.75)
    assert tf.input_resistance == pytest.approx(750.0)
    assert tf.output_resistance == pytest.approx(4000.0)
    assert tf["transfer_function"] == tf.gain


SENS = """s
v1 in 0 2
i1 0 out 1u
r1 in out 1k m=2
d1 out k dm area=2
r2 k 0 100
q1 c out 0 qm
r3 in c 3k
e1 x 0 c 0 2
r4 x y 1k
m1 y in 0 0 mm w=10u l=2u
.model dm d is=1e-14 n=1.3 rs=3
.model qm npn bf=80 is=1e-16
.model mm nmos level=1 vto=0.6 kp=5e-5 lambda=0.02
.options reltol=1e-9 vntol=1e-13 abstol=1e-15 gmin=1e-12
"""


def second_way(circuit, output, p, step):
    """Solve the whole circuit again on both sides."""
    from crossbarsim.solvers.circuit.analyses.sensitivities import _with

    found = [
        Solver().operating_point(_with(circuit, *p.set(p.value + s * step)))[output] for s in (-1, 1)
    ]
    return (found[1] - found[0]) / (2 * step)


@pytest.mark.parametrize("name", [
    "v1", "i1", "r1", "r1_m", "d1_area", "d1:is", "d1:n", "d1:rs", "q1:bf", "q1:is", "r3", "e1_gain",
    "m1_w", "m1_l", "m1:vto", "m1:kp", "d1_temp",
])
def test_sensitivities_are_those_of_solving_again(name):
    circuit = read_spice(SENS)
    found = sens(circuit, Sens(("v", "y", "0")))
    element = circuit[name.split(":")[0].split("_")[0]]
    p = next(p for p in parameters_of(circuit, element) if p.name == name)
    other = second_way(circuit, "v(y)", p, 1e-4 * abs(p.value))
    assert found[name] == pytest.approx(other, rel=2e-4, abs=1e-9)
    assert found.normalised[name] == pytest.approx(found[name] * p.value / 100)


def test_sensitivities_over_frequency_include_the_operating_point():
    deck = """s
v1 in 0 dc 1.5 ac 1
r1 in a 1k
d1 a 0 dm
c1 a 0 1n
.model dm d is=1e-14 cjo=10p
.options reltol=1e-10 vntol=1e-13 abstol=1e-15
"""
    circuit = read_spice(deck)
    found = sens(circuit, Sens(("v", "a", "0"), Points("dec", 1e4, 1e6, 1)))
    from crossbarsim.netlists.analyses import Ac
    from crossbarsim.solvers.circuit.analyses.ac import ac
    from crossbarsim.solvers.circuit.analyses.sensitivities import _with

    for name in ("v1", "r1", "d1:is", "c1", "d1:cjo"):
        element = circuit[name.split(":")[0]]
        p = next(p for p in parameters_of(circuit, element) if p.name == name)
        step = 1e-4 * p.value
        high, low = (
            ac(_with(circuit, *p.set(p.value + s * step)), Ac(Points("dec", 1e4, 1e6, 1)))["v(a)"]
            for s in (1, -1)
        )
        np.testing.assert_allclose(found[name], (high - low) / (2 * step), rtol=1e-4, err_msg=name)


# -- the solver's methods, and steps --------------------------------------------------------------


def test_methods_of_the_solver():
    circuit = read_spice("m\nv1 in 0 dc 1 ac 1\nr1 in out 1k\nc1 out 0 1u\nr2 out 0 1k\n")
    solver = Solver()
    spectrum = solver.ac(circuit, [0.0, 1e2, 1e3], save=["v(out)"])
    np.testing.assert_allclose(
        spectrum["v(out)"], 0.5 / (1 + 1j * 2 * np.pi * np.array([0, 1e2, 1e3]) * 5e-4), rtol=1e-12
    )
    assert spectrum.names == ("v(out)",)
    with pytest.raises(ParameterError, match="was not kept"):
        spectrum["v(in)"]
    assert solver.noise(circuit, "v(out)", "v1", Points("dec", 1.0, 10.0, 1))["onoise_r1"].shape == (2,)
    assert solver.transfer_function(circuit, "v(out)", "v1").gain == pytest.approx(0.5)
    assert solver.sensitivities(circuit, "v(out)")["r1"] == pytest.approx(-1 / 4e3)
    assert solver.sensitivities(circuit, "v(out)", [1.0])["r1"].shape == (1,)
    frame = spectrum.to_dataframe()
    assert frame.index.name == "frequency"
    assert frame["v(out)"].dtype == complex


@pytest.mark.parametrize(("call", "message"), [
    (lambda s, _: s.ac("x", [1.0]), "must be a Circuit"),
    (lambda s, c: s.ac(c, [-1.0]), ">= 0 hertz"),
    (lambda s, c: s.ac(c, "many"), "must be real numbers"),
    (lambda s, c: s.noise(c, "out", "v1", [1.0]), "must look like"),
    (lambda s, c: s.transfer_function(c, "i(a,b)", "v1"), "must look like"),
    (lambda s, c: s.transfer_function(c, "v(nowhere)", "v1"), "no node 'nowhere'"),
    (lambda s, c: s.transfer_function(c, "v(in)", "v9"), "no element 'v9'"),
])
def test_methods_refuse(call, message):
    circuit = read_spice("m\nv1 in 0 1\nr1 in 0 1k\n")
    with pytest.raises(ParameterError, match=message):
        call(Solver(), circuit)


STEPS = """steps
v1 in 0 dc 1 ac 1 sin(0 1 1k)
r1 in out {r}
c1 out 0 {c}
r2 out 0 2k
.param r=1k c=100n
.op
.ac dec 2 10 1k
.tran 20u 1m
.meas tran top max v(out)
.step param r list 1k 2k
.step r2 1k 3k 1k
"""


def test_steps_are_stacked():
    op, ac, tran = run(STEPS)
    assert op.shape == (2, 3)
    r, r2 = np.array([[1e3], [2e3]]), np.array([1e3, 2e3, 3e3])
    np.testing.assert_allclose(op["v(out)"], r2 / (r + r2), rtol=1e-9)
    assert ac["v(out)"].shape == (2, 3, 5)
    np.testing.assert_allclose(abs(ac["v(out)"][..., 0]), r2 / (r + r2), rtol=1e-4)
    assert ac["frequency"].shape == (5,)
    assert tran.measures["top"].shape == (2, 3)
    at = tran.at([0.0, 5e-4, 1e-3])
    assert at["v(out)"].shape == (2, 3, 3)
    values, one = list(tran)[4]
    assert values == {"r": 2000.0, "r2": 2000.0}
    assert tran.select(r=2000.0, r2=2000.0) is one
    assert tran["r2"].tolist() == r2.tolist()
    alone = run(STEPS.partition(".step")[0].replace("r=1k c", "r=2k c"))[2]
    np.testing.assert_allclose(one.at([5e-4])["v(out)"], alone.at([5e-4])["v(out)"], rtol=1e-9)
    with pytest.raises(ParameterError, match="at\\(times\\)"):
        tran["v(out)"]


def test_a_temperature_is_stepped():
    op, = run("t\nv1 a 0 1\nr1 a b 1k tc1=1m\nr2 b 0 1k\n.step temp -23 127 50\n")
    np.testing.assert_allclose(op["v(b)"], 1e3 / (2e3 + (op["temp"] - 27.0)), rtol=1e-9)


HERTZ = """h
v1 in 0 dc 1.5 ac 1
r1 in a 1k
b2 a 0 i=v(a)**2*1m*(1+hertz/1k)
c3 a b c={1u/(1+hertz/1k)}
l4 b c l={1m*(1+hertz/1k)}
r4 c 0 {1k}
r5 b 0 r={2k+hertz}
"""


@pytest.mark.parametrize("dense", [90, 0])
def test_hertz_is_the_frequency_at_the_operating_points_voltages(monkeypatch, dense):
    monkeypatch.setattr(smallsignal, "_DENSE", dense)
    op, ac, noise = run(HERTZ + ".op\n.ac dec 3 100 10k\n.noise v(b) v1 dec 3 100 10k\n")
    f, w = ac.frequency, 2 * np.pi * ac.frequency
    at = op["v(a)"]
    assert at == pytest.approx((np.sqrt(1 + 4 * 1.5) - 1) / 2, rel=1e-9)  # as if hertz were 0
    scale = 1 + f / 1e3
    z_c, z_4, r_5 = scale / (2j * np.pi * f * 1e-6), 1e3 + 1j * w * 1e-3 * scale, 2e3 + f
    y_b = 1 / z_4 + 1 / r_5
    y_a = 1e-3 + 2 * at * 1e-3 * scale
    v_a = 1e-3 / (y_a + 1 / (z_c + 1 / y_b))
    v_b = v_a / y_b / (z_c + 1 / y_b)
    np.testing.assert_allclose(ac["v(a)"], v_a, rtol=1e-10)
    np.testing.assert_allclose(ac["v(b)"], v_b, rtol=1e-10)
    # noise of r1 by its gain to the output; of r4 by superposition
    four = 4 * BOLTZMANN * 300.15
    np.testing.assert_allclose(noise["onoise_r1"], np.abs(v_b) * np.sqrt(four * 1e3), rtol=1e-8)
    y_out = y_b + 1 / (z_c + 1 / y_a)
    np.testing.assert_allclose(
        noise["onoise_r4"], np.abs(1 / (y_out * z_4)) * np.sqrt(four * 1e3), rtol=1e-8
    )


def test_sensitivities_where_hertz_counts():
    deck = HERTZ.replace("{1k}", "{r}") + ".param r=1k\n"
    found = run(deck + ".sens v(b) ac lin 2 500 2k\n")[0]["r4"]
    more, less = (
        Solver().run(read_spice(deck + ".ac lin 2 500 2k\n", parameters={"r": r}))[0]["v(b)"] for r in (1001.0, 999.0)
    )
    np.testing.assert_allclose(found, (more - less) / 2, rtol=1e-5)


@pytest.mark.parametrize("frequencies", [
    [1e3 + 5j], ["1k"], np.array(["2020-01-01"], "datetime64[D]"), [None], [[1.0, 2.0]], [-1.0],
], ids=["complex", "text", "dates", "none", "matrix", "negative"])
def test_frequencies_are_real_numbers(frequencies):
    circuit = Circuit().V(1, "a", 0, 1.0).R(1, "a", 0, 1e3)
    with pytest.raises(ParameterError, match="frequencies"):
        Solver().ac(circuit, frequencies)
