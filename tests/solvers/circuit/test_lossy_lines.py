"""Lossy lines against closed forms, inverse transforms and lumps."""

import math

import numpy as np
import pytest
from crossbarsim.solvers.circuit.elements.lines.kernels_history import look
from crossbarsim.solvers.circuit.elements.lines.line_constants import LineConstants
from crossbarsim.solvers.circuit.elements.lines.responses import PER_OCTAVE, Responses, invert
from crossbarsim.solvers.objectives import Rms
from scipy import integrate, special

from crossbarsim import Circuit, NetlistError, ParameterError, Pulse, Solver, read_spice
from tests.helpers.fixed_grid import by_difference

LINES = {
    "rlc": LineConstants(10.0, 1e-8, 0.0, 1e-12), "rlgc": LineConstants(200.0, 1e-8, 1e-4, 1e-12),
    "lc": LineConstants(0.0, 1e-8, 0.0, 1e-12), "damped": LineConstants(5e3, 1e-9, 0.0, 1e-12),
    "rc": LineConstants(1e3, 0.0, 0.0, 1e-12), "rgc": LineConstants(1e3, 0.0, 1e-4, 1e-12),
    "undistorted": LineConstants(10.0, 1e-8, 1e-3, 1e-12),
}


def deck(line, source, *, load="rl b 0 100k", rs=100.0, more=""):
    return read_spice(f"""line
v1 in 0 {source}
rs in a {rs}
o1 a 0 b 0 line
{load}
.model line ltra r={line.ohm!r} l={line.henry!r} g={line.siemens!r} c={line.farad!r} len=1
{more}
.end""")


def transfer(line, s, rs, load):
    """Return v(b)/v(in) without its delay, from the chain matrix."""
    z, y = line.ohm + s * line.henry, line.siemens + s * line.farad
    root = np.sqrt(z) * np.sqrt(y)
    impedance, twice = np.sqrt(z) / np.sqrt(y), np.exp(-2.0 * root)
    cosh, sinh = 0.5 * (1.0 + twice), 0.5 * (1.0 - twice)
    return np.exp(-root) / (cosh + impedance * sinh / load + rs * (sinh / impedance + cosh / load))


@pytest.mark.parametrize("name", LINES)
def test_over_frequency(name):
    line = LINES[name]
    hertz = np.geomspace(1e3, 1e12, 19)
    found = Solver().ac(deck(line, "0 ac 1"), hertz)["v(b)"]
    s = 2j * np.pi * hertz
    np.testing.assert_allclose(found, transfer(line, s, 100.0, 1e5), rtol=1e-9, atol=1e-14)


def test_a_long_line_does_not_overflow():
    found = Solver().ac(deck(LineConstants(1e9, 0.0, 0.0, 1e-6), "0 ac 1"), [1.0, 1e9])
    assert np.isfinite(found["v(a)"]).all()
    assert abs(found["v(b)"][1]) < 1e-15


@pytest.mark.parametrize("name", ["rlc", "rlgc", "damped"])
def test_answers_are_those_of_bessel_functions(name):
    # Roychowdhury and Pederson's impulse response of exp(-lambda), summed over time
    line, responses = LINES[name], Responses(LINES[name])
    rates = line.ohm / line.henry, line.siemens / line.farad
    a, b, t = 0.5 * sum(rates), 0.5 * (rates[0] - rates[1]), line.delay

    def impulse(u):
        root = math.sqrt(u * u - t * t)
        return b * t * math.exp(b * root - a * u) * special.ive(1, b * root) / root

    waves = Responses(line)
    waves.waves = True
    for since in (1e-12, 1e-10, 1e-9):
        right = math.exp(-a * t) + integrate.quad(impulse, t, t + since, epsabs=1e-14, epsrel=1e-11, limit=400)[0]
        assert waves.steps(np.array([since]))[2, 0] == pytest.approx(right, abs=1e-11)
    responses.cover(1e-15, 1e-8)
    time = np.geomspace(1e-15, 1e-8, 50)
    right = responses.ramps(time)
    for k in range(3):
        table = np.ascontiguousarray(responses.values[k])
        found = [look(u, float(responses.low), float(PER_OCTAVE), table, np.zeros(6)) for u in time]
        np.testing.assert_allclose(found / time, right[k] / time, rtol=0, atol=1e-10 * np.abs(right[k] / time).max())


@pytest.mark.parametrize(("name", "stop"), [("rc", 5e-9), ("rgc", 5e-9), ("damped", 2e-8)])
def test_errors_in_time_follow_the_tolerance(name, stop):
    line, rise, miss = LINES[name], 5e-11, {}

    def ramp(t):
        return invert(lambda s: transfer(line, s, 100.0, 1e5) / s**2 / rise, np.maximum(t, 1e-16))

    for reltol in (1e-3, 1e-5):
        run = Solver().transient(deck(line, f"pwl(0 0 {rise} 1)", more=f".options reltol={reltol}"), stop)
        late = run.time > 2.0 * rise
        t = run.time[late]
        miss[reltol] = abs(run["v(b)"][late] - ramp(t) + ramp(t - rise)).max()
    assert miss[1e-3] < 4e-3
    assert miss[1e-5] < 2e-4
    assert miss[1e-5] < 0.1 * miss[1e-3]


@pytest.mark.parametrize("name", ["rlc", "rlgc"])
def test_lumps_converge_to_the_line(name):
    line, source = LINES[name], "pulse(0 1 0.1n 0.1n 0.1n 1n)"
    run = Solver().transient(deck(line, source, more=".options reltol=1e-5"), 3e-9)
    found = []
    for count in (20, 40):
        c = Circuit("lumps").V(1, "in", 0, Pulse(0.0, 1.0, delay=1e-10, rise=1e-10, fall=1e-10, width=1e-9))
        c.R("s", "in", "n0", 100.0).R("l", f"n{count}", 0, 1e5).C("0", "n0", 0, line.farad / count / 2)
        for k in range(count):
            half = 1.0 if k < count - 1 else 0.5
            c.R(f"{k}", f"n{k}", f"m{k}", line.ohm / count).L(f"{k}", f"m{k}", f"n{k + 1}", line.henry / count)
            c.C(f"{k + 1}", f"n{k + 1}", 0, line.farad / count * half)
            if line.siemens:
                c.R(f"g{k}", f"n{k + 1}", 0, count / line.siemens)
        other = Solver().transient(c.options(reltol=1e-5), 3e-9, max_step=5e-12)
        weigh = np.gradient(run.time)
        gap = np.interp(run.time, other.time, other[f"v(n{count})"]) - run["v(b)"]
        found.append(math.sqrt((weigh * gap**2).sum() / weigh.sum()))
    assert found[1] < 0.6 * found[0]
    assert found[1] < 6e-3


def test_noise_is_that_of_many_lumps():
    line, count = LINES["rlgc"], 100
    ends = ".noise v(b) v1 dec 1 1meg 1g"
    whole = Solver().run(deck(line, "0 ac 1", load="rl b 0 300", more=ends))[0]
    text = ["lumps", "v1 in 0 0 ac 1", "rs in n0 100", f"rl n{count} 0 300"]
    for k in range(count):
        text += [f"r{k} n{k} m{k} {line.ohm / count}", f"l{k} m{k} n{k + 1} {line.henry / count}",
                 f"c{k} n{k + 1} 0 {line.farad / count}", f"rg{k} n{k + 1} 0 {count / line.siemens}"]
    lumps = Solver().run(read_spice("\n".join([*text, ends.replace("v(b)", f"v(n{count})"), ".end"])))[0]
    np.testing.assert_allclose(whole["onoise_spectrum"], lumps["onoise_spectrum"], rtol=2e-3)
    # at rest the whole is in equilibrium: 4 k T of what is seen from the end
    quiet = read_spice("line\nv1 in 0 0 ac 1\nr1 in a 100\no1 a 0 b 0 line\n.model line ltra r=300 l=10n len=1\n"
                       "r2 b 0 1k\n.noise v(b) v1 lin 1 1 1\n.end")
    density = Solver().run(quiet)[0]["onoise_spectrum"][0]
    assert density == pytest.approx(math.sqrt(4 * 1.380649e-23 * 300.15 / (1 / 1000 + 1 / 400)), rel=1e-5)


@pytest.mark.parametrize(("card", "uic"), [
    ("r=200 c=1p len=2", False), ("r=40 l=50n c=20p len=0.5", False),
    pytest.param("r=200 c=1p len=2", True, marks=pytest.mark.slow),
    pytest.param("r=40 l=50n c=20p len=0.5", True, marks=pytest.mark.slow),
])
def test_derivatives_of_transients(card, uic):
    c = read_spice(f"""line
v1 in 0 pulse(0.1 1 0.2n 0.1n 0.1n 1n 4n)
r1 in a 80
o1 a 0 b 0 line{' ic=0.3,1m,0.2,-1m' if uic else ''}
r2 b 0 200
d1 b 0 dm
.model dm d is=1e-12 cjo=0.1p
.model line ltra {card}
.options reltol=0.02 vntol=1m
""")
    made = Solver().transient_adjoint(c, 2e-9, step=2e-10, uic=uic)
    rms = Rms("v(b)")
    found = made.sensitivities(rms)
    fronts = "l=" in card
    for name in ("r2", "d1:is", "v1_v2", "o1:r", *(() if fronts else ("o1:c",)), *(("o1_icv1",) if uic else ())):
        assert found[name] == pytest.approx(by_difference(made, c, name, rms, uic=uic), rel=1e-4), name
    if fronts:
        with pytest.raises(ParameterError, match="`o1:c` moves the times at which waves arrive"):
            made.sensitivities(rms, ["o1:c"])


def test_lines_in_python():
    c = Circuit("two lines").model("line", "ltra", r=100.0, c=1e-12, len=1.0).model("rc", "urc", rperl=1e6, cperl=1e-9)
    c.V(1, "in", 0, 1.0).O(1, ("in", 0), ("b", 0), "line", m=2.0, ic=(0.0, 0.0, 0.0, 0.0)).R(1, "b", 0, 50.0)
    c.U(2, "in", "d", 0, "rc", l=1e-4).R(2, "d", 0, 100.0)
    point = Solver().operating_point(c)
    assert point["v(b)"] == pytest.approx(0.5, rel=1e-9)
    assert point["v(d)"] == pytest.approx(0.5, rel=1e-9)
    assert point["@o1[i1]"] == pytest.approx(0.01, rel=1e-9)
    again = read_spice(c.to_spice())
    assert [e.kind for e in again] == [e.kind for e in c]
    assert Solver().operating_point(again)["v(b)"] == pytest.approx(0.5, rel=1e-9)
    for wrong in (lambda: c.O(3, ("in", 0), ("b", 0), "rc"), lambda: c.O(3, ("in", 0), ("b", 0), "line", ic=1.0),
                  lambda: c.U(3, "in", "b", 0, "rc"), lambda: c.U(3, "in", "b", 0, "rc", l=1.0, n=1.5),
                  lambda: c.U(3, "in", "b", 0, "rc", width=1.0)):
        with pytest.raises(ParameterError):
            wrong()


@pytest.mark.parametrize(("card", "message"), [
    ("r=10 c=1p", "length"), ("r=-1 c=1p len=1", "`r` must be >= 0"), ("c=1p len=1", "it is a wire"),
    ("l=1n g=1m len=1", "needs `c`"),
])
def test_lines_that_are_refused(card, message):
    c = read_spice(f"t\nv1 a 0 1\no1 a 0 b 0 line\nr1 b 0 1\n.model line ltra {card}\n.op\n.end")
    with pytest.raises(NetlistError, match=message):
        Solver().run(c)
