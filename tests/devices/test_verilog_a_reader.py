"""Verilog-A that is read: its laws are those of the built-in models, of formulas, of the compiler."""

import copy
import math
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from crossbarsim.netlists import device_protocol as registry
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from typer.testing import CliRunner

from crossbarsim import (
    Crossbar,
    NetlistError,
    ParameterError,
    Solver,
    VerilogAError,
    Wires,
    read_spice,
)
from crossbarsim.cli.main import app
from crossbarsim.devices import (
    TEAM,
    VTEAM,
    Device,
    DeviceArray,
    JartVcmV1b,
    LinearIonDrift,
    Sky130Reram,
    StanfordPKU,
    Yakopcic,
    describe_verilog_a,
    device_from_verilog_a,
    model,
    models,
    read_verilog_a,
)
from crossbarsim.devices.laws.cuda import cuda_source
from crossbarsim.testing import DeviceChecks
from tests.helpers.circuits import needs_ngspice, ngspice
from tests.helpers.laws import current, inside, law, points, rates
from tests.helpers.verilog_a import Module, compiled, needs_openvaf

FOLDER = Path(__file__).resolve().parents[1] / "verilog_a"
HEAT = {"bounds": {"warm": (200.0, 20000.0)}}


def read(name, **options):
    return read_verilog_a(FOLDER / f"{name}.va", **options)


@pytest.fixture
def forget():
    before = dict(registry._registered)
    yield
    registry._registered.clear()
    registry._registered.update(before)


def relative(one, other, floor=0.0):
    one, other = np.asarray(one), np.asarray(other)
    return float(np.max(np.abs(one - other) / (np.abs(other) + floor + 1e-300), initial=0.0))


# -- there and back: what `to_verilog_a` writes ---------------------------------------------------


@pytest.mark.parametrize("name", [n for n in models() if hasattr(model(n), "current_law")])
def test_what_is_written_is_read_with_the_same_laws(name):
    built_in = model(name)()
    device = read_verilog_a(built_in.to_verilog_a())()
    assert device.state_names == built_in.state_names
    assert relative(np.ravel(device.bounds()), np.ravel(built_in.bounds())) < 1e-14
    assert relative(np.ravel(device.rest()), np.ravel(built_in.rest())) < 1e-14
    span = np.ravel(built_in.bounds()[1] - built_in.bounds()[0])
    for k, (v, x) in enumerate(points(built_in)):
        y = v * (0.05 + 0.9 * (k % 10) / 10)
        i = law(built_in, "current_law", v, x, y=y)
        assert relative(law(device, "current_law", v, x, y=y), i) < 1e-12
        if built_in.state_names:
            wanted = law(built_in, "rate_law", v, x, i=float(i[0]), y=y)
            assert relative(law(device, "rate_law", v, x, i=float(i[0]), y=y), wanted, 1e-12 * span) < 1e-12
        if hasattr(device, "inner_law"):
            wanted = law(built_in, "inner_law", v, x, y=y)
            assert relative(law(device, "inner_law", v, x, y=y), wanted, 1e-9) < 1e-12
    # the branch of JART's folded curve is looked for as the built-in model does
    assert getattr(device, "inner_step", 0.0) == getattr(built_in, "inner_step", 0.0)


# -- files as they are published ------------------------------------------------------------------


def test_an_integral_with_limits_is_stanfords_gap():
    device, built_in = read("filament_gap")(), StanfordPKU()
    assert [s.name for s in device.states] == ["gap"]
    assert device.bounds()[0] == 0.2e-9
    assert device.bounds()[1] == 1.7e-9
    assert device.rest() == 1.7e-9
    edges = 0
    for v, x in points(built_in, 200, 2.0):
        assert relative(current(device, v, x), current(built_in, v, x)) < 1e-14
        above = (16.0 - 0.8 * (x["gap"] * 1e9) ** 3) * abs(v) / 12e-9 / 1.4e9
        edges += abs(above - 1.0) < 2e-3
        # in the ramp of the dead zone's edge the widths differ by 1 V/m
        assert relative(rates(device, v, x), rates(built_in, v, x), 1e-30) < (
            1e-3 if abs(above - 1.0) < 2e-3 else 1e-8)
    assert edges < 5
    assert [note.partition(":")[0].partition(" is ")[0].partition(" keeps")[0] for note in type(device).notes] == [
        "line 35", "line 48", "`gap`", "`gap`"]
    assert round(0.1 / current(device, 0.1, {"gap": 2e-10}), 1) == 541.8  # ohm, Stanford's read-back


def test_random_numbers_in_a_rate_are_white_noise():
    kind = read("filament_gap")
    assert not kind().stochastic
    assert kind(noisy=1).stochastic
    assert not kind(noisy=1, spread=0.0).stochastic
    built_in = StanfordPKU(delta=0.02, t_ref=1e-9)
    for v, x in points(built_in, 20):
        i = current(built_in, v, x)
        assert relative(law(kind(noisy=1), "noise_law", v, x, i=i), law(built_in, "noise_law", v, x, i=i)) < 1e-12
    text = (FOLDER / "filament_gap.va").read_text(encoding="utf-8").replace("$bound_step(step);", "")
    with pytest.raises(VerilogAError, match=r"<text>:47: .*give noise_step"):
        read_verilog_a(text)
    assert law(read_verilog_a(text, noise_step=4e-9)(noisy=1), "noise_law", v, x, i=i) == pytest.approx(
        2.0 * law(built_in, "noise_law", v, x, i=i), rel=1e-12)
    with pytest.raises(ParameterError, match="`noise_step` must be > 0"):
        read_verilog_a(text, noise_step=0.0)


def test_steps_by_hand_are_rates():
    device, built_in = read("filament_heat", **HEAT)(), Sky130Reram()
    assert device.state_names == ("thick", "warm")
    assert device.bounds()[0].tolist() == [3.3e-9, 200.0]
    assert device.rest().tolist() == [3.3e-9, 300.0]
    for v, x in points(built_in, 100):
        x["temperature"] = 250.0 + 0.05 * x["temperature"]
        mine = {"thick": x["t_f"], "warm": x["temperature"]}
        assert relative(current(device, v, mine), current(built_in, v, x)) < 1e-14
        assert relative(rates(device, v, mine), rates(built_in, v, x), [1e-9, 1e-3]) < 1e-11
    # what is written to the screen is so in the first evaluation alone
    assert device.notes == ("line 54: $bound_step: steps follow the error control",)


@pytest.mark.parametrize(("number", "built_in", "given", "window"), [
    (2, VTEAM(window="none"), {}, 0),
    (2, VTEAM(window="joglekar", p=2.0), {}, 1),
    (2, VTEAM(window="biolek", p=2.0), {}, 2),
    (2, VTEAM(window="team"), {}, 3),
    (2, VTEAM(iv="exponential"), {"IV_relation": 1}, 0),
    (1, TEAM(), {"K_on": -8e-13, "K_off": 8e-13, "Alpha_off": 3}, 0),
    (1, TEAM(window="team"), {"K_on": -8e-13, "K_off": 8e-13, "Alpha_off": 3}, 3),
])
def test_models_and_windows_by_number(number, built_in, given, window):
    device = read("drift_windows")(model=number, window_type=window, **given)
    assert float(device.rest()[0]) == 1.5e-9
    assert float(device.bounds()[1][0]) == 3e-9
    for v, x in points(built_in, 80):
        assert relative(current(device, v, x), current(built_in, v, x)) < 1e-13
        assert relative(rates(device, v, x), rates(built_in, v, x), 1e-25) < 1e-12


def test_a_linear_drift_with_bioleks_window():
    built_in = LinearIonDrift(r_on=50.0, r_off=1000.0, mu=1e-15, d=3e-9, v_p=0.0, v_n=0.0, window="biolek", p=2.0)
    device = read("drift_windows")(model=0, window_type=2)
    for v, x in points(built_in, 60):
        # the built-in state is the doped share; the file's is the other part of the thickness
        wide = {"x": (1.0 - x["x"]) * 3e-9}
        assert relative(current(device, v, wide), current(built_in, v, x)) < 1e-12
        found = float(rates(device, v, wide)[0]) / 3e-9
        share = 1.0 - x["x"] - (v <= 0.0)
        assert found == pytest.approx(1e-15 * 50.0 / 9e-18 * current(device, v, wide) * (1.0 - share**4), rel=1e-9)


def test_the_step_of_a_file_is_said_to_be_nothing():
    kind = read("drift_windows")
    assert len(kind.notes) == 1
    assert "`dt` is the step" in kind.notes[0]
    v, x = 0.7, {"x": 1e-9}
    assert rates(kind(dt=1.0), v, x) == rates(kind(dt=1e-12), v, x)


PUSHED = """`include "disciplines.vams"
`define attr(txt) (*txt*)
module pushed(p, n);
    inout p, n; electrical p, n;
    parameter real Roff = 1000 from (0:inf) `attr(info="at 0" type="instance");
    parameter real Ron = 50 from (0:inf) `attr(info="at D");
    parameter real D = 3n;
    parameter real bump = 1e-17;
    real w, w_last, time_last, dw, way, G;
    analog begin
        @(initial_instance) begin
            w_last = 0.4 * D;
            time_last = 0;
        end
        way = 0;
        if (V(p, n) > 0) begin
            if (w_last <= 0) way = 1;
        end else if (w_last >= D) way = -1;
        dw = 1e-5 * V(p, n) * (1 - pow(2 * w_last / D - 1, 2)) * ($realtime - time_last);
        w = w_last + dw + way * bump;
        if (w >= D) w = D;
        if (w <= 0) w = 0;
        G = 1 / (Ron * w / D + Roff * (1 - w / D));
        I(p, n) <+ G * V(p, n);
        w_last = w;
        time_last = $realtime;
    end
endmodule"""


def test_a_state_that_is_pushed_off_its_ends():
    device = read_verilog_a(PUSHED)()
    assert device.state_names == ("w_last",)
    assert device.bounds()[0].tolist() == [1e-17]  # where the file lands from 0
    assert device.bounds()[1].tolist() == [3e-9 - 1e-17]
    assert device.rest().tolist() == [0.4 * 3e-9]
    assert "`w_last` is pushed off its ends" in device.notes[-1]
    assert device.descriptions == {"Roff": "at 0", "Ron": "at D"}
    for v, x in points(device, 20):
        share = x["w_last"] / 3e-9
        assert current(device, v, x) == pytest.approx(v / (50.0 * share + 1000.0 * (1.0 - share)), rel=1e-14)
        assert rates(device, v, x)[0] == pytest.approx(1e-5 * v * (1.0 - (2.0 * share - 1.0) ** 2), rel=1e-12)
    # what moves the state elsewhere, or by what is no constant, is no push off an end
    for other in ("way = V(p, n);", "if (w_last > 0.5 * D) way = w_last;"):
        with pytest.raises(VerilogAError, match=r"`w(_last)?` keeps its value"):
            read_verilog_a(PUSHED.replace("way = 0;", other))


def test_a_current_that_stands_in_its_own_equation():
    device = read("filament_width")()

    def parts(v, x):
        first = 1e13 * 3.1415926 * (25e-18 / 4 - 0.25e-18 / 4) * math.exp(-3.0 / 0.4) * math.sinh(v / 0.4)
        return first, 1.9635e-5 * (3e-9 - x) / (3.1415926 * 0.25e-18 / 4)

    def balance(i, v, x):
        first, line = parts(v, x)
        gap = v - (i - first) * line
        return i - first - 1e13 * 3.1415926 * 0.25e-18 / 4 * math.exp(-x / 0.4e-9) * math.sinh(gap / 0.4)

    assert device.state_names == ("x",)
    assert float(device.rest()[0]) == 3e-9
    for v, x in points(device, 40):
        found = current(device, v, x)
        first, line = parts(v, x["x"])
        ends = sorted((first, first + v / line))  # all of the voltage at the gap, or none
        wanted = brentq(balance, *ends, args=(v, x["x"]), xtol=1e-300, rtol=1e-15)
        assert found == pytest.approx(wanted, rel=1e-9)
    assert rates(device, 1.0, {"x": 1e-9})[0] < 0.0 < rates(device, -1.0, {"x": 1e-9})[0]
    assert rates(device, -1.0, {"x": 3e-9})[0] == 0.0


def test_a_node_that_is_a_state():
    with pytest.raises(VerilogAError, match=r"smooth_gap.va:54: the port `nGap` is a third terminal.*bounds="):
        read("smooth_gap")
    kind = read("smooth_gap", bounds={"nGap": (0.1, 1.8)})
    device = kind(temperature=298.0)
    built_in = StanfordPKU(f_min=0.0, r_th=0.0, t_0=298.0)
    for v, x in points(device, 60):
        gap = {"gap": x["nGap"] * 1e-9}
        assert relative(current(device, v, x), current(built_in, v, gap) + 1e-12 * v) < 1e-12
        if 0.3 < x["nGap"] < 1.6:  # in its range by smooth steps, which are 1e-9 m/s here
            assert relative(rates(device, v, x) * 1e-9, rates(built_in, v, gap), 1e-2) < 1e-6
    with pytest.raises(ParameterError, match=r"`bounds`: module `heated_barrier` has no state `raise`.*'rise'"):
        read("heated_barrier", bounds={"rise": (0.0, 1.0), "raise": (0.1, 1.8)})
    with pytest.raises(ParameterError, match="the file limits `gap` itself"):
        read("filament_gap", bounds={"gap": (0.0, 1e-9)})


def test_a_series_resistor_and_a_thermal_node():
    kind = read("heated_barrier", bounds={"rise": (0.0, 2000.0)})
    device = kind(rth=2e6, temperature=310.0)
    assert device.parameters()["r_th"] == 2e6
    assert "is_" in device.parameters()
    for v, x in points(device, 20):
        warm = 310.0 + x["rise"]

        def balance(i, v=v, warm=warm):
            k_q = 8.617333262145179e-05
            drop = v - 2e3 * i
            return i - 2e-9 * math.sinh(drop / (8 * k_q * warm)) * math.exp(-0.3 / k_q * (1 / warm - 1 / 310.0))

        wanted = brentq(balance, -1e-3, 1e-3, xtol=1e-300, rtol=1e-15)
        assert current(device, v, x) == pytest.approx(wanted, rel=1e-8)
        assert rates(device, v, x)[0] == pytest.approx((v * wanted - x["rise"] / 2e6) / 1e-15, rel=1e-6)


# -- against the compiler -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("osdi")


@needs_openvaf
def test_the_compiler_agrees_on_a_state_node(folder):
    device = read("smooth_gap", bounds={"nGap": (0.1, 1.8)})()
    other = Module(compiled((FOLDER / "smooth_gap.va").read_text(encoding="utf-8"), folder))
    for v, x in points(device, 40):
        flows, charges = other.evaluate({"t": v, "b": 0.0, "nGap": x["nGap"]})
        assert relative(current(device, v, x), flows["t"]) < 1e-12
        # its $vt has other digits of k/q, 1e-7 of it; times up to 60 in exponents
        assert relative(rates(device, v, x), flows["nGap"] * 1e9, 1e-20) < 1e-5
        assert charges["nGap"] == pytest.approx(-1e-9 * x["nGap"], rel=1e-12)


@needs_openvaf
def test_the_compiler_agrees_on_nodes_inside(folder):
    device = read("heated_barrier", bounds={"rise": (0.0, 2000.0)})()
    other = Module(compiled((FOLDER / "heated_barrier.va").read_text(encoding="utf-8"), folder))
    for v, x in points(device, 20):
        y = inside(device, v, x)
        i = current(device, v, x)
        known = {"a": v, "c": 0.0, "m": y, "rise": x["rise"], "flow(a,m)": i, "flow(line)": i}
        flows = other.evaluate(known)[0]
        assert abs(flows["flow(a,m)"]) < 1e-8 * abs(i)  # its current and ours
        assert abs(flows["flow(line)"]) < 1e-12
        assert flows["m"] == 0.0
        assert flows["a"] == i
        assert flows["rise"] == pytest.approx(-rates(device, v, x)[0] * 1e-15, rel=1e-6, abs=1e-18)


# -- written for SPICE -----------------------------------------------------------------------------


def cell(device, x, t_stop=None):
    """Return the subcircuit of one cell in a state."""
    state = np.array([x[n] for n in device.state_names]).reshape(-1, 1, 1)
    return DeviceArray(device, state).to_spice("cell", t_stop).text.splitlines()


@needs_ngspice
@pytest.mark.parametrize(("name", "options", "x"), [
    ("filament_gap", {}, {"gap": 0.7e-9}), ("drift_windows", {}, {"x": 1e-9}),
    ("heated_barrier", {"bounds": {"rise": (0.0, 2000.0)}}, {"rise": 20.0}), ("filament_width", {}, {"x": 0.8e-9}),
])
def test_ngspice_has_the_currents(name, options, x, tmp_path):
    device = read(name, **options)()
    cards = [*cell(device, x), "V1 a 0 0", "X1 a 0 cell"]
    volts, flow = ngspice(tmp_path, cards, "dc V1 -1.01 1 0.1", ["i(v1)"],
                          "reltol=1e-10 abstol=1e-18 vntol=1e-15 gmin=1e-18")
    for v, i in zip(volts, -flow, strict=True):
        assert i == pytest.approx(current(device, float(v), x), rel=1e-6, abs=1e-15)


@needs_ngspice
def test_ngspice_moves_the_state_alike(tmp_path):
    device = read("drift_windows")(window_type=3)
    start, stop = {"x": 2e-9}, 2e-9
    cards = [*cell(device, start, stop), f"V1 a 0 sin(0 0.8 {1 / stop})", "X1 a 0 cell"]
    time, share = ngspice(tmp_path, cards, f"tran {stop / 400} {stop} 0 {stop / 2000} uic", ["v(x1.s_x)"],
                          "reltol=1e-6 abstol=1e-16 vntol=1e-9 chgtol=1e-21 trtol=1")

    def rate(t, x):
        v = 0.8 * math.sin(2.0 * math.pi * t / stop)
        return rates(device, v, {"x": float(np.clip(x[0], 0.0, 1.0) * 3e-9)}) / 3e-9

    wanted = solve_ivp(rate, (0.0, stop), [2.0 / 3.0], rtol=1e-9, atol=1e-12, t_eval=time, max_step=stop / 100).y[0]
    assert np.ptp(wanted) > 0.05
    assert np.abs(share - wanted).max() < 2e-3 * np.ptp(wanted)


# -- what a class can do --------------------------------------------------------------------------


def test_parameters_have_the_ranges_of_the_file():
    kind = read("filament_heat", **HEAT)
    assert kind._declared["t_ox"].low == 0.0
    assert kind._declared["t_ox"].open
    with pytest.raises(ParameterError, match=r"`t_ox` = 0 : must be 0 < t_ox"):
        kind(t_ox=0.0)
    with pytest.raises(ParameterError, match=r"`t_start` = 1e-09 is out of its range, \[t_min:t_max\]"):
        kind(t_start=1e-9)
    with pytest.raises(ParameterError, match="has no parameter `tox`; did you mean 't_ox'"):
        kind(tox=1e-9)
    with pytest.raises(ParameterError, match="must be a whole number"):
        read("filament_gap")(noisy=0.5)
    with pytest.raises(ParameterError, match="`rth` and `r_th` are one parameter"):
        read("heated_barrier", bounds={"rise": (0.0, 2000.0)})(rth=1e6, r_th=1e6)
    many = kind(t_start=[3.4e-9, 3.5e-9])
    assert many.rest().shape == (2, 2)
    assert many.rest()[0].tolist() == [3.4e-9, 3.5e-9]


def test_defaults_that_depend_on_others():
    kind = read_verilog_a("""module m(p, n); electrical p, n;
        parameter real a = 2; parameter real b = 3 * a exclude 5; parameter real c = b + a from (a:inf);
        analog I(p, n) <+ c * V(p, n);
        endmodule""")
    assert kind().parameters() == {"a": 2.0, "b": 6.0, "c": 8.0}
    assert kind(a=4.0).parameters() == {"a": 4.0, "b": 12.0, "c": 16.0}
    assert kind(a=[1.0, 2.0]).c.tolist() == [4.0, 8.0]
    with pytest.raises(ParameterError, match="`b` = 5 is excluded"):
        kind(b=5.0)
    with pytest.raises(ParameterError, match=r"`c` = 1 is out of its range, \(a:inf\)"):
        kind(c=1.0)


def test_the_same_text_is_the_same_class():
    text = (FOLDER / "filament_gap.va").read_text(encoding="utf-8")
    assert read_verilog_a(text) is read("filament_gap") is read_verilog_a(str(FOLDER / "filament_gap.va"))
    assert read("filament_gap", fixed={"noisy": 1}) is not read("filament_gap")
    assert "noisy" not in read("filament_gap", fixed={"noisy": 1}).to_dict(read("filament_gap", fixed={"noisy": 1})())


AGAIN = """
import pickle, sys
from crossbarsim import Crossbar
device = pickle.loads(open(sys.argv[1], "rb").read())
print(type(device).__name__, device.gap_start, float(device.rest()[0]))
cells = Crossbar.load(sys.argv[2]).cells
print(cells.shape, type(cells.device) is type(device), cells.device.gap_start)
"""


def test_devices_are_copied_and_pickled_with_their_source():
    device = read("filament_gap")(gap_start=1e-9, polarity=-1)
    again = pickle.loads(pickle.dumps(device))
    assert type(again) is type(device)
    assert again.settings() == device.settings()
    assert type(copy.deepcopy(device)) is type(copy.copy(device)) is type(device)
    assert type(device).from_toml(device.to_toml()).settings() == device.settings()


@pytest.mark.slow  # an array compiles its kernels
def test_devices_travel_with_their_source(tmp_path):
    device = read("filament_gap")(gap_start=1e-9, polarity=-1)
    path, xbar = tmp_path / "device.pickle", tmp_path / "xbar.npz"
    path.write_bytes(pickle.dumps(device))
    Crossbar(cells=device.array(shape=(2, 3)), wires=Wires(word=1.0, bit=1.0)).save(xbar)
    done = subprocess.run([sys.executable, "-c", AGAIN, str(path), str(xbar)], capture_output=True, text=True,
                          check=True)
    assert done.stdout.split("\n")[:2] == ["filament_gap 1e-09 1e-09", "(2, 3) True 1e-09"]


@pytest.mark.usefixtures("forget")
def test_decks_know_a_registered_module():
    deck = "cell\nV1 a 0 0.1\nN1 a 0 cell\n.model cell filament_gap(gap_start=2e-10)\n.op\n.end"
    with pytest.raises(NetlistError, match="there is no kind of model `filament_gap`"):
        read_spice(deck)
    kind = device_from_verilog_a(FOLDER / "filament_gap.va")
    assert model("filament_gap") is kind
    assert device_from_verilog_a(FOLDER / "filament_gap.va") is kind
    assert read_spice(deck).models["cell"].kind == "filament_gap"


@pytest.mark.usefixtures("forget")
def test_decks_read_what_the_compiler_refuses(tmp_path):
    text = (FOLDER / "filament_gap.va").read_text(encoding="utf-8")
    source, deck = tmp_path / "cell.va", tmp_path / "deck.cir"
    deck.write_text('cell\n.hdl "cell.va"\nV1 a 0 0.1\nN1 a 0 cell gap=1n\n'
                    ".model cell filament_gap(gap_start=2e-10)\n.op\n.end\n", encoding="utf-8")
    source.write_text(text, encoding="utf-8")
    circuit = read_spice(deck)
    assert circuit.models["cell"].parameters == {"gap_start": 2e-10}
    first = model("filament_gap")
    source.write_text(text.replace("= 0.25 ", "= 0.3 "), encoding="utf-8")  # the file was changed
    read_spice(deck)
    assert model("filament_gap") is not first
    assert model("filament_gap")().v0 == 0.3
    source.write_text(text.replace("V(TE, BE);", "transition(V(TE, BE));", 1), encoding="utf-8")
    with pytest.raises(NetlistError, match=r"deck.cir:2: .*no law of a memristive device: cell.va:36: `transition`"):
        read_spice(deck)


def test_a_module_describes_itself():
    found = describe_verilog_a(FOLDER / "heated_barrier.va")
    assert found.terminals == ("a", "c")
    assert found.nodes == ("m", "rise")
    assert [p.name for p in found.parameters] == ["is", "rs", "n", "r_th", "c_th"]
    assert (found.parameters[2].default, found.parameters[2].ranges) == ("4", "[1:inf)")
    assert found.aliases == (("rth", "r_th"),)
    # also where the equations are beyond the subset
    text = "module m(a, b, c); electrical a, b, c; parameter real r = 2 * 3;\nanalog I(a, b) <+ V(c); endmodule"
    assert str(describe_verilog_a(text)) == "m(a, b, c)\n  r = 2 * 3"
    with pytest.raises(ParameterError, match="has no module `mm`; did you mean 'm'"):
        describe_verilog_a(text, "mm")


@needs_openvaf
def test_the_command_shows_what_the_compiler_refuses():
    done = CliRunner().invoke(app, ["device", "show", str(FOLDER / "filament_gap.va")], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert "not compiled: " in done.output
    assert "terminals: TE, BE" in done.output
    assert re.search(r"t_0 .* 273 \+ 25 .*\(0:inf\)", done.output)
    assert "read as a device (read_verilog_a), states: gap" in done.output


# -- compiled, in time, in circuits ---------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options", "given", "built_in", "start", "drive"), [
    ("filament_gap", {}, {}, StanfordPKU(), (1.7e-9,), (1.6, 1e6)),
    ("filament_heat", HEAT, {}, Sky130Reram(), (3.3e-9, 300.0), (1.2, 1e6)),
    ("drift_windows", {}, {"window_type": 3}, VTEAM(window="team"), (1.5e-9,), (1.0, 5e7)),
    ("", {}, {}, Yakopcic(), (0.11,), (0.45, 100.0)),
    ("", {}, {}, JartVcmV1b(), (0.008, 293.0), (1.3, 1e3)),
])
def test_loops_are_those_of_the_built_in_models(name, options, given, built_in, start, drive):
    kind = read(name, **options) if name else read_verilog_a(built_in.to_verilog_a())
    one, other = (d.hysteresis(*drive, state=start) for d in (kind(**given), built_in))
    assert np.abs(one.current - other.current).max() <= 1e-6 * np.abs(other.current).max()
    span = np.ravel(built_in.bounds()[1] - built_in.bounds()[0])
    assert (np.abs(one.state - other.state) / span[:, None]).max() <= 1e-6


@pytest.mark.slow
@pytest.mark.parametrize(("built_in", "t_end"), [(VTEAM.preset("magic"), 1e-8), (Yakopcic(), 1e-4)])
def test_arrays_in_time_are_those_of_the_built_in_models(built_in, t_end):
    text = built_in.to_verilog_a()
    rng = np.random.default_rng(3)
    found = []
    share = rng.uniform(0.2, 0.8, (16, 16))
    for device in (built_in, read_verilog_a(text)()):
        low, high = (b.reshape(-1, 1, 1) for b in device.bounds())
        cells = device.array(state=low + share * (high - low))
        xbar = Crossbar(cells=cells, wires=Wires(word=2.0, bit=2.0))
        volts = np.linspace(0.5, 1.0, 16)
        t = np.linspace(0.0, t_end, 6)
        found.append(Solver().transient(xbar, (t, np.outer(np.ones(6), volts)), probes=("state",)))
    one, other = (result.currents for result in found)
    assert one.shape == other.shape
    assert np.abs(one - other).max() <= 1e-6 * np.abs(one).max()
    states = [result["state"][-1] for result in found]
    assert np.abs(states[0] - states[1]).max() <= 1e-6 * np.abs(states[0]).max()
    assert np.abs(found[0]["state"][0] - states[0]).max() > 0.01 * np.abs(states[0]).max()  # it moved


@pytest.mark.slow
@pytest.mark.usefixtures("forget")
class TestDriftWindows(DeviceChecks):
    def make(self, **given):
        return read("drift_windows")(**given)

    def drive(self):
        return 1.0, 1e-7


@pytest.mark.slow
@pytest.mark.usefixtures("forget")
class TestFilamentGap(DeviceChecks):
    def make(self, **given):
        return read("filament_gap")(**given)

    def drive(self):
        return 1.6, 1e-6


@pytest.mark.slow
@pytest.mark.usefixtures("forget")
class TestHeatedBarrier(DeviceChecks):
    def make(self, **given):
        return read("heated_barrier", bounds={"rise": (0.0, 2000.0)})(**given)

    def drive(self):
        return 1.0, 1e-6


@pytest.mark.parametrize(("name", "options"), [
    ("filament_gap", {}), ("drift_windows", {}), ("filament_heat", HEAT),
    ("heated_barrier", {"bounds": {"rise": (0.0, 2000.0)}}),
])
def test_a_class_has_kernels_for_gpus(name, options):
    kind = read(name, **options)
    assert issubclass(kind, Device)
    source = cuda_source(kind, len(kind().parameter_array))
    assert "rosenbrock(" in source
    assert ("noise_d(" in source) == hasattr(kind, "noise_law")
