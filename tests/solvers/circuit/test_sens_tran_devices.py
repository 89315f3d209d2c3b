"""Derivatives of transients with semiconductors, expressions and memristors."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.solvers.objectives import Energy, Mean, Rms, ValueAt

from crossbarsim import Circuit, Solver
from tests.helpers.circuits import card, put
from tests.helpers.fixed_grid import by_difference, difference

RECTIFIER = """rectifier
v1 in 0 sin(0 5 1k)
d1 in out dm
r1 out 0 10k
c1 out 0 0.3u
.model dm d is=1e-14 n=1.2 rs=2 cjo=20p tt=10n
.ic v(out)=1.5
"""
INVERTER = """inverter
vdd vdd 0 1.8
vin in 0 pulse(0 1.8 0.2n 0.1n 0.1n 1n 4n)
m1 out in 0 0 mn w=2u l=0.5u
m2 out in vdd vdd mp w=4u l=0.5u
c1 out 0 20f
.model mn nmos level=1 vto=0.5 kp=100u lambda=0.05 tox=10n cgso=2e-10 cgdo=2e-10 cj=1e-4 gamma=0.4
.model mp pmos level=1 vto=-0.5 kp=40u lambda=0.05 tox=10n cgso=2e-10 cgdo=2e-10
"""


def agree(made, names, objective, *, rel=1e-6, share=1e-3, uic=False):
    """Compare derivatives with differences on the same steps."""
    found = made.sensitivities(objective)
    for name in names:
        want = by_difference(made, made.circuit, name, objective, uic=uic, share=share)
        assert found[name] == pytest.approx(want, rel=rel), name
    return found


@pytest.mark.parametrize(("options", "uic"), [("trap", False), ("gear", True), ("euler", False)])
def test_a_rectifier(options, uic):
    c = read_spice(RECTIFIER + f".options method={options}\n")
    made = Solver().transient_adjoint(c, 1e-3, step=2e-5, uic=uic)
    found = agree(made, ["r1", "c1", "d1:is", "d1:n", "d1_area", "v1_amplitude"],
                  Mean("v(out)", 2e-4, 1e-3), uic=uic)
    agree(made, ["d1:rs", "d1_temp", "d1:cjo"], Rms("i(v1)"), rel=1e-5, uic=uic)
    assert "d1:m" in found.values  # grading: defaults of the card are there, too
    assert "d1:bv" not in found.values


@pytest.mark.parametrize("method", ["trap", "gear", "euler"])
def test_energy_of_an_inverter(method):
    # Meyer's charges depend on the path of the voltages
    c = read_spice(INVERTER + f".options method={method}\n")
    made = Solver().transient_adjoint(c, 2e-9, step=4e-11)
    energy = Energy("vdd", 0.1e-9, 1.9e-9)
    found = agree(made, ["m1_w", "m1:vto", "m2:kp", "m1:tox", "m2:cgdo", "m1:cj", "c1", "vdd", "vin_v2"],
                  energy, share=1e-4)
    # what the load takes: about C V^2, twice in this run at most
    assert 0 < found["c1"] < 2 * 1.8**2


def test_initial_conditions_of_transistors():
    # and charges that go on from them
    deck = INVERTER.replace("l=0.5u\nm2", "l=0.5u ic=1.0,0.2,0\nm2").replace("20f", "20f ic=1.2")
    c = read_spice(deck + ".ic v(out)=1.1 v(vdd)=1.8\n")
    made = Solver().transient_adjoint(c, 1e-9, step=2e-11, uic=True)
    mean = Mean("v(out)", 0, 0.8e-9)
    found = agree(made, ["m1_icvds", "m1_icvgs", "m1:vto", "m1:tox", "c1_ic", "m2_w"], mean, uic=True, share=1e-4)
    for node in ("out", "vdd"):
        def moved(v, node=node):
            other = c.copy()
            other.initial[node] = v
            return other
        want = difference(made, moved, c.initial[node], 1e-4, mean, uic=True)
        assert found[f"ic({node})"] == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize(("level", "more"), [(2, "kp=100u tox=10n"), (3, "kp=100u tox=10n theta=0.1"),
                                             ("ekv", "kp=100u cox=3m")])
@pytest.mark.slow
def test_other_transistors(level, more):
    c = read_spice(f"""m
vin in 0 pulse(0 1.8 0.2n 0.1n 0.1n 1n 4n)
vdd d 0 1.8
r1 d out 20k
m1 out in 0 0 mn w=2u l=0.5u
c1 out 0 5f
.model mn nmos level={level} vto=0.5 {more}
""")
    made = Solver().transient_adjoint(c, 1.5e-9, step=3e-11)
    agree(made, ["m1_w", "m1:vto", "m1:kp", "r1", "m1_temp"], Mean("v(out)"), share=1e-4)


def test_bipolar_and_junction_transistors():
    c = read_spice("""bjt
v1 in 0 sin(0 0.05 10k)
vcc c 0 5
r1 c b 100k
r2 b 0 20k
c1 in b 1u
q1 o b e qn
r3 c o 2k
r4 e 0 500
c2 o 0 1n
j1 c o s jn
r5 s 0 1k
.model qn npn bf=100 is=1e-15 cje=1p cjc=1p tf=0.1n vaf=50 rb=50
.model jn njf vto=-1 beta=1m cgs=1p cgd=1p
""")
    made = Solver().transient_adjoint(c, 1e-4, step=2e-6)
    agree(made, ["q1:bf", "q1:is", "q1:vaf", "q1:rb", "j1:vto", "j1:beta", "r4", "c1", "vcc"], Mean("v(s)"))


def test_expressions_couplings_and_controlled_sources():
    c = read_spice("""b
v1 in 0 sin(0.5 1 1k)
r1 in a 1k m=2
c1 a 0 0.1u
b1 b 0 v=tanh(2*v(a))+0.1*ddt(v(a))*1m
r2 b c 1k
c2 c 0 c={1n*(1+v(c)^2)}
b2 0 d i=idt(v(a)*1u)*1k+1u*sin(6283*time)
r3 d 0 1k
f1 0 e v1 2
r4 e 0 10
h1 g 0 v1 5
r5 g h 1k
e1 q 0 a c 3
r8 q s 100
l1 s 0 10m
l2 h 0 40m
k1 l1 l2 0.5
g1 0 i a 0 1m
r7 i 0 {1k*(1+0.01*v(i)^2)}
c3 i 0 q={1n*v(i)+0.1n*v(i)^3}
""")
    names = ["v(c)", "v(d)", "v(e)", "v(h)", "v(i)"]

    def loss(run):
        return sum(float(run[n] @ run[n]) for n in names), {n: 2 * run[n] for n in names}

    made = Solver().transient_adjoint(c, 1e-3, step=4e-5)
    agree(made, ["r1", "c1", "r2", "f1_gain", "h1_gain", "e1_gain", "l1", "l2", "k1", "g1_gain", "r3"], loss)


# -- memristors -----------------------------------------------------------------------------------


def test_linear_drift_has_its_closed_form():
    # M^2 = M_0^2 - 2 (r_off - r_on) mu r_on V t / d^2 at a constant voltage, without thresholds
    p = {"r_on": 100.0, "r_off": 16e3, "mu": 1e-14, "d": 1e-8}
    x, v, t = 0.3, 0.8, 0.3
    circuit = card(Circuit().V(1, "in", 0, v), "m", "linear_ion_drift", v_p=0.0, v_n=0.0, **p)
    circuit = put(circuit, "N1", "in", "0", model="m", x=x).options(reltol=1e-6, trtol=0.1)
    at = ValueAt("i(v1)", t)
    found = Solver().transient_sensitivities(circuit, [at, ValueAt("n1#x", t)], t, step=t / 400)

    def exact(**changes):
        q = {**p, "x": x, "v": v, **changes}
        span = q["r_off"] - q["r_on"]
        first = q["r_off"] - span * q["x"]
        m = np.sqrt(first**2 - 2 * span * q["mu"] * q["r_on"] * q["v"] * t / q["d"] ** 2 + 0j)
        return np.array([-q["v"] / m, (q["r_off"] - m) / span])

    np.testing.assert_allclose([f.value for f in found], exact().real, rtol=1e-5)
    assert exact().real[1] > 0.5  # it has moved
    for name, key in [("n1:r_on", "r_on"), ("n1:r_off", "r_off"), ("n1:mu", "mu"), ("n1:d", "d"),
                      ("n1_x", "x"), ("v1", "v")]:
        base = {**p, "x": x, "v": v}[key]
        want = exact(**{key: base * (1 + 1e-20j)}).imag / (1e-20 * base)
        np.testing.assert_allclose([f[name] for f in found], want, rtol=1e-4, err_msg=name)


def test_a_state_that_slides_along_its_threshold():
    c = read_spice("""slide
v1 in 0 pulse(0 2 0.05 0.01 0.01 0.6 2)
r1 in a 2k
n1 a 0 dm x=0.2
.model dm linear_ion_drift mu=2e-14
""")
    made = Solver().transient_adjoint(c, 0.5, step=1e-2)
    assert any(modes[0].any() for modes in made._run._modes)
    # within the ramp, whose width is 1e-5 of the threshold
    agree(made, ["n1:v_p", "r1", "n1:r_off", "v1_v2"], Mean("v(a)"), share=1e-7, rel=1e-5)


def test_states_at_their_bounds_move_inwards():
    deck = """b
v1 in 0 sin(0 {} 10k)
r1 in a 200
n1 a 0 dm x={}
.model dm vteam k_off=5e-7 alpha_off=2 v_on=-0.2 v_off=0.1 k_on=-1e-6 r_on=1k r_off=10k d=3n
"""
    for amplitude, x in ((1, 0.0), (-1, 3e-9)):
        made = Solver().transient_adjoint(read_spice(deck.format(amplitude, x)), 4e-5, step=1e-6)
        at = ValueAt("i(v1)", 3e-5)
        found = made.sensitivities(at)
        inwards = by_difference(made, made.circuit, "n1_x", at, side=1 if x == 0 else -1, share=3e-12 if x == 0 else 1e-3)
        assert found["n1_x"] == pytest.approx(inwards, rel=1e-6)
        agree(made, ["n1:k_off" if amplitude > 0 else "n1:k_on", "n1:r_on"], at)


def array(n, parameters=""):
    lines = ["array"]
    for i in range(n):
        lines += [f"v{i} d{i} 0 pulse(0 {1.0 + 0.1 * i} 1u 1u 1u {10 + 5 * i}u 100u)", f"rd{i} d{i} w{i}_0 20"]
        for j in range(n):
            if j:
                lines.append(f"rw{i}_{j} w{i}_{j - 1} w{i}_{j} 2.5")
            if i:
                lines.append(f"rb{i}_{j} b{i - 1}_{j} b{i}_{j} 2.5")
            own = parameters if i == j == 0 else ""
            lines += [f"n{i}_{j} w{i}_{j} b{i}_{j} dm x={1 + 0.1 * ((3 * i + 7 * j) % 10)}n {own}",
                      f"c{i}_{j} b{i}_{j} 0 1f"]
    lines += [f"rs{j} b{n - 1}_{j} 0 50" for j in range(n)]
    lines.append(
        ".model dm vteam k_off=2e-6 alpha_off=2 v_on=-0.2 v_off=0.3 k_on=-1e-6 r_on=1k r_off=10k d=3n"
    )
    return read_spice("\n".join([*lines, ""]))


@pytest.mark.slow
def test_an_array_with_line_resistance():
    c = array(3, "k_off=1.7e-6")
    made = Solver().transient_adjoint(c, 3e-5, step=5e-7)
    mean = Mean("v(b2_1)", 2e-6, 2e-5)
    found = agree(made, ["n1_1_x", "n1_1:k_off", "n2_1:r_on", "n0_0_k_off", "rw1_1", "rb1_1", "rs1", "v0_v2"], mean)
    assert found["n0_0:k_off"] == pytest.approx(0.0, abs=1e-9 * abs(found["n1_1:k_off"]))  # it has its own

    def moved(v):
        other = c.copy()
        old = other.models["dm"]
        return card(other, "dm", "vteam", **{**old.parameters, "alpha_off": v})

    want = difference(made, moved, 2.0, 2e-3, mean)
    assert found["@dm[alpha_off]"] == pytest.approx(want, rel=1e-6)
    some = made.sensitivities(mean, ["n?_?_x"])
    assert set(some.values) == {f"n{i}_{j}_x" for i in range(3) for j in range(3)}
    for name, value in some.values.items():
        assert value == pytest.approx(found[name], rel=1e-10), name
    # the final states, and the currents that were read: a gradient per cell
    state = made.sensitivities(ValueAt("n1_1#x", 3e-5), ["n1_1_x", "v1_v2"])
    assert state["n1_1_x"] == pytest.approx(by_difference(made, c, "n1_1_x", ValueAt("n1_1#x", 3e-5)), rel=1e-6)


def test_descent_along_the_gradient_finds_the_pulse_and_the_state():
    # from a waveform back to what made it: amplitude of the pulse, and where the state began
    def circuit(level, x):
        return read_spice(f"fit\nv1 in 0 pulse(0 {level} 1u 1u 1u 10u 100u)\nr1 in a 500\nn1 a 0 dm x={x}\n"
                          "r2 a 0 5k\n.model dm vteam k_off=2e-6 alpha_off=2 v_off=0.3 r_on=1k r_off=10k d=3n\n")

    truth = Solver().transient(circuit(1.3, 1.2e-9).options(reltol=1e-5), 1.5e-5, step=1e-7)
    values = np.array([1.0, 0.8])
    for _ in range(8):
        made = Solver().transient_adjoint(circuit(values[0], values[1] * 1e-9).options(reltol=1e-5), 1.5e-5, step=2e-7)
        miss = made.transient["v(a)"] - np.interp(made.time, truth.time, truth["v(a)"])
        times = range(0, len(made.time), 8)  # Gauss and Newton, on some of the points
        rows = made.sensitivities([ValueAt("v(a)", made.time[k]) for k in times], ["v1_v2", "n1_x"])
        jacobian = np.array([[r["v1_v2"], r["n1_x"] * 1e-9] for r in rows])
        values = values - np.linalg.lstsq(jacobian, miss[::8], rcond=None)[0]
    np.testing.assert_allclose(values, [1.3, 1.2], rtol=1e-3)


def test_crossbars_as_elements_are_written_out():
    c = read_spice("""x
v0 a 0 pulse(0 1.1 1u 1u 1u 10u 100u)
v1 b 0 pulse(0 1.3 2u 1u 1u 8u 100u)
x1 a b c d crossbar rows=2 columns=2 word=20 bit=30 model=m resistance=4k
r0 c 0 50
r1 d 0 50
c0 c 0 1p
.model m vteam k_off=2e-6 alpha_off=2 v_on=-0.2 v_off=0.3 k_on=-1e-6 r_on=1k r_off=10k d=3n
""")
    made = Solver().transient_adjoint(c, 2e-5, step=4e-7)
    mean = Mean("v(c)", 2e-6, 2e-5)
    found = made.sensitivities(mean)
    cells = [e.name.lower() for e in made.circuit if e.kind == "N"]
    assert len(cells) == 4
    for name in (f"{cells[0]}:k_off", f"{cells[3]}:alpha_off", "x1.rwire_wl0_1", "r0", "v1_v2"):
        assert found[name] == pytest.approx(by_difference(made, made.circuit, name, mean), rel=1e-6), name


def test_at_another_temperature():
    c = read_spice("t\nv1 in 0 sin(0 2 1k)\nd1 in out dm\nr1 out 0 1k tc1=1m\nc1 out 0 1u\n.model dm d is=1e-14\n")
    made = Solver().transient_adjoint(c, 1e-3, step=2e-5, temperature=350.0)
    mean = Mean("v(out)")
    found = agree(made, ["d1_temp", "r1_temp", "d1:is"], mean)
    assert found.parameters["d1_temp"] == pytest.approx(350 - 273.15)
    hot = Solver().sensitivities(c, "v(out)", temperature=350.0)
    assert hot.parameters["r1_temp"] == pytest.approx(350 - 273.15)
