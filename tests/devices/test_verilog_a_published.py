"""Structures of published memristor files: events, random numbers that are kept, heated resistors, folds."""

import math

import numpy as np
import pytest
from scipy.optimize import fsolve

from crossbarsim import ConvergenceError, Crossbar, Solver, VerilogAError
from crossbarsim.devices import VerilogA, read_verilog_a
from tests.helpers.laws import current, law, points, rates
from tests.helpers.verilog_a import needs_openvaf


def module(body, declarations="", ports="p, n"):
    return (f'`include "disciplines.vams"\nmodule m({ports}); inout {ports}; electrical {ports};\n{declarations}\nanalog begin\n'
            f"{body}\nend\nendmodule\n")


# -- events ---------------------------------------------------------------------------------------

SWITCH = module("""
    @(initial_step) begin armed = 1; wide = goal; wide_old = goal; n_old = n_ini; end
    @(cross(V(p, n) - 1e-6, +1)) begin wide_old = wide; n_old = vac; armed = 1; end
    @(cross(V(n, p) - 1e-6, +1)) begin wide_old = wide; n_old = vac; armed = 1; end
    if ((V(p, n) < -1e-6) & (armed == 1)) wide = wide_old + (goal - wide_old) * ((vac - n_old) / (n_max - n_old));
    else if ((V(p, n) > 1e-6) & (armed == 1)) wide = wide_old + (goal - wide_old) * (n_old - vac);
    area = wide * wide;
    grown = idt(-armed / area * V(flow), 0);
    vac = n_ini + grown;
    if (((vac < n_min) & (V(p, n) > 0)) | ((vac > n_max) & (V(p, n) < 0))) begin
      V(flow) <+ 0; armed = 0;
    end else begin
      heat = V(p, n) > 0 ? 1.0 : 3.0;
      V(flow) <+ heat * sinh(V(p, n) / 0.1) * vac;
    end
    I(p, n) <+ area * vac * V(p, n) * heat;
""", """electrical flow; real armed, wide, wide_old, n_old, area, grown, vac, heat;
    parameter real goal = 2.0 from (0:inf); parameter real n_ini = 0.5; parameter real n_min = 0.1;
    parameter real n_max = 4.0;""")


@pytest.mark.slow
def test_events_that_change_nothing_and_flags_that_they_raise():
    kind = read_verilog_a(SWITCH)
    device = kind(n_min=0.2)
    assert device.state_names == ("vac",)
    assert device.bounds()[0].tolist() == [0.2]
    assert device.bounds()[1].tolist() == [4.0]
    assert device.rest().tolist() == [0.5]
    for v, x in points(device, 40):
        heat = 1.0 if v > 0 else 3.0
        assert current(device, v, x) == pytest.approx(4.0 * x["vac"] * v * heat, rel=1e-13)
        assert rates(device, v, x)[0] == pytest.approx(-heat * math.sinh(v / 0.1) * x["vac"] / 4.0, rel=1e-12)
    assert [n for n in device.notes if "raised by an event" in n] == [
        "`armed` is raised by an event: it is low while its condition holds, not until the event"]
    # there and back: it stops at both ends and leaves them again
    t = np.linspace(0.0, 8.0, 1601)
    trace = device.simulate(t, 0.3 * np.sin(np.pi * t / 2.0))
    n = np.asarray(trace.state)[0]
    assert n.min() == pytest.approx(0.2, rel=1e-6)
    assert n.max() == pytest.approx(4.0, rel=1e-6)
    assert n[-1] == pytest.approx(n[800], rel=1e-3)  # a period later the same


@pytest.mark.parametrize("change", [
    ("wide_old = wide; n_old = vac; armed = 1; end\n    @(cross(V(n", "wide_old = 1.0; armed = 1; end\n    @(cross(V(n"),
    ("n_old = vac; armed = 1; end\n    if", "n_old = vac; armed = 2; end\n    if"),
])
def test_events_that_do_change_something_are_refused(change):
    text = SWITCH.replace(*change)
    assert text != SWITCH
    with pytest.raises(VerilogAError, match=r"@\(cross\) changes `(wide_old|wide|armed|n_old)` at an event"):
        read_verilog_a(text)


# -- random numbers -------------------------------------------------------------------------------

NOISY = module("""
    if (on == 1) begin
      if (V(p, n) > 0) begin
        if (x > 0.9) up = 0; else begin seed = $random + user; up = $rdist_normal(seed, 0, 1) * wide; end
      end else if (V(p, n) < 0) begin seed = $random + user; down = $rdist_normal(seed, 0, 1) * deep; end
      else begin up = 0; down = 0; end
    end else begin up = 0; down = 0; end
    x = idt(up + down, 0.5);
    if (x < 0) x = 0;
    if (x > 1) x = 1;
    I(p, n) <+ 1e-3 * x * V(p, n);
""", """real up, down, x; integer seed; parameter real on = 1; parameter real wide = 3.0; parameter real deep = 5.0;
    parameter real user = 0;""")


def test_random_numbers_that_are_kept_count_as_their_mean():
    kind = read_verilog_a(NOISY, noise_step=1e-9)
    device = kind()
    assert device.stochastic
    assert not kind(on=0).stochastic
    assert sum("keeps its last random number" in note for note in device.notes) == 2
    for v, amplitude in ((0.2, 3.0), (-0.2, 5.0), (0.0, 0.0)):
        assert law(device, "noise_law", v, {"x": 0.4}, i=0.0)[0] == pytest.approx(amplitude * math.sqrt(1e-9), rel=1e-12)
    assert law(device, "noise_law", 0.2, {"x": 0.95}, i=0.0)[0] == 0.0
    with pytest.raises(VerilogAError, match="give noise_step"):
        read_verilog_a(NOISY)


def test_the_spread_is_that_of_steps_of_the_length_given():
    device = read_verilog_a(NOISY, noise_step=1e-9)()
    t, count = np.linspace(0.0, 1e-6, 101), 3000
    for volts, each in ((0.1, 3.0), (-0.1, 5.0)):
        trace = device.simulate(t, np.full((count, 101), volts), seed=4)
        x = np.asarray(trace.state)[0]
        for m, time in ((50, 0.5e-6), (100, 1e-6)):
            wanted = each * math.sqrt(1e-9 * time)  # draws of 1 ns are independent
            assert x[:, m].std() == pytest.approx(wanted, rel=5.0 / math.sqrt(2 * count))
            assert abs(x[:, m].mean() - 0.5) < 5.0 * wanted / math.sqrt(count)
        first, second = x[:, 50] - 0.5, x[:, 100] - x[:, 50]
        assert abs(np.corrcoef(first, second)[0, 1]) < 5.0 / math.sqrt(count)
        same = device.simulate(t, np.full((2, 101), volts), seed=4)
        assert np.array_equal(np.asarray(same.state)[0], x[:2])


# -- what is 0 at the beginning, or infinite aside ------------------------------------------------


def test_a_division_by_what_is_not_written_yet():
    text = module("""
      if (begun == 0) w_last = start * d;
      rate = mu * I(p, n);
      if (abs(I(p, n)) < threshold / r) rate = 0;
      w = rate * dt + w_last;
      if (w >= d) begin w = d; rate = 0; end
      if (w <= 0) begin w = 0; rate = 0; end
      r = on * w / d + off * (1 - w / d); w_last = w; begun = 1;
      V(p, n) <+ (on * w / d + off * (1 - w / d)) * I(p, n);
    """, """parameter real dt = 0; parameter real start = 0.25; parameter real d = 2.0; parameter real mu = 7.0;
      parameter real threshold = 0; parameter real on = 1k; parameter real off = 9k; real begun, w_last, rate, r, w;""")
    device = read_verilog_a(text)(threshold=0.5)
    assert device.rest().tolist() == [0.5]
    for v, share in ((0.4, 0.3), (0.6, 0.3), (-2.0, 0.9)):
        x = {device.state_names[0]: 2.0 * share}
        i = v / (1e3 * share + 9e3 * (1.0 - share))
        assert current(device, v, x) == pytest.approx(i, rel=1e-13)
        assert rates(device, v, x)[0] == pytest.approx(0.0 if abs(v) < 0.5 else 7.0 * i, rel=1e-12)
    with pytest.raises(VerilogAError, match="a division by 0"):
        read_verilog_a(text.replace("threshold / r", "threshold / 0"))


def test_a_push_off_the_ends_is_none_of_the_current():
    text = module("""
      if (begun == 0) w_last = 0.5;
      if (I(p, n) >= 0) begin push = 0; if (w < 1e-9) push = 1; end
      else begin push = 0; if (w > 1 - 1e-9) push = -1; end
      w = I(p, n) * dt * (1 - pow(2 * w - 1, 2)) + w_last + push * 1e-9;
      if (w >= 1) w = 1;
      if (w <= 0) w = 0;
      w_last = w; begun = 1;
      V(p, n) <+ (100 * w + 1600 * (1 - w)) * I(p, n);
    """, "parameter real dt = 0; real begun, w, w_last, push;")
    device = read_verilog_a(text)()
    name, = device.state_names
    for v, w in ((0.7, 0.2), (-0.7, 0.8)):
        i = v / (100 * w + 1600 * (1 - w))
        assert current(device, v, {name: w}) == pytest.approx(i, rel=1e-13)
        assert rates(device, v, {name: w})[0] == pytest.approx(i * (1 - (2 * w - 1) ** 2), rel=1e-12)


def test_conditions_as_factors_leave_infinite_others_out():
    text = module("""
      fast = sinh(1 / (x + 1e-9));
      x = idt((V(p, n) < fast) * V(p, n) + (fast <= V(p, n)) * fast, 0);
      if (x < 0) x = 0; if (x > 1) x = 1;
      I(p, n) <+ x * V(p, n);
    """, "real x, fast;")
    device = read_verilog_a(text)()
    assert rates(device, 0.5, {"x": 0.5})[0] == 0.5
    assert float(device.rate(0.5, [1e-6])[0]) == 0.5  # sinh(1e6) has no number
    assert float(device.rate(9.0, [0.5])[0]) == pytest.approx(math.sinh(1 / (0.5 + 1e-9)), rel=1e-12)


@pytest.mark.slow
def test_a_step_that_is_smoothed_over_nothing_is_a_ramp():
    text = module("""
      over = g * abs(V(p, n)) * (1 - x) - edge;
      x = idt(V(p, n) * 1e3 * (1 + tanh(over / narrow)) / 2, 0.1);
      if (x < 0) x = 0; if (x > 1) x = 1;
      I(p, n) <+ 1e-3 * x * V(p, n);
    """, "real x, over; parameter real g = 1e9; parameter real edge = 2e8; parameter real narrow = 1e-4;")
    kind = read_verilog_a(text)
    device = kind()
    for v, x, wanted in ((0.5, 0.3, 500.0), (0.5, 0.7, 0.0), (-0.9, 0.2, -900.0)):
        assert rates(device, v, {"x": x})[0] == pytest.approx(wanted, abs=1e-9)
    assert any("a ramp over" in note for note in device.notes)
    t = np.linspace(0.0, 0.1, 501)
    v = 0.8 * np.sin(2 * np.pi * t / 0.1)
    x = np.asarray(device.simulate(t, v).state)[0]
    assert x.max() == pytest.approx(1.0 - 0.2 / 0.8, rel=2e-3)  # it follows the edge up to there
    wide = read_verilog_a(text.replace("narrow = 1e-4", "narrow = 1e6"))()
    assert not any("a ramp over" in note for note in wide.notes)


NOWHERE = module("r = 1 / (abs(V(p, n)) ** 3) * 1e12 / (1 / (abs(V(p, n)) ** 3) + 1e12);\nI(p, n) <+ V(p, n) / r;",
                 "real r;")


@pytest.mark.slow
def test_laws_without_a_number_somewhere_are_refused_there():
    device = read_verilog_a(NOWHERE)()
    t = np.linspace(0.0, 1.0, 5)
    assert np.isfinite(device.simulate(t, np.full(5, 0.1)).current).all()
    with pytest.raises(ConvergenceError, match=r"m, device 0 of 1: its law gives no finite current at t = 0.5 s, v = 0 V"):
        device.simulate(t, 0.5 - t)
    with pytest.raises(ConvergenceError, match=r"device 1 of 2: its law gives no finite current at t = 1 s, v = 0 V"):
        device.simulate(t, np.array([t + 1.0, 1.0 - t]), save="final")
    with pytest.raises(ConvergenceError, match=r"cell \(1, 0\) at 0 V: its law gives no finite current"):
        Solver().solve(Crossbar(cells=device.array((2, 2))), np.array([0.5, 0.0]))


@needs_openvaf
def test_so_are_compiled_ones(tmp_path):
    path = tmp_path / "nowhere.va"
    path.write_text(NOWHERE, encoding="utf-8")
    with pytest.raises(ConvergenceError, match=r"no finite current at t = 0\.5 s, v = 0 V"):
        VerilogA(path).simulate(np.linspace(0.0, 1.0, 5), np.linspace(0.5, -0.5, 5))


# -- what is solved for inside --------------------------------------------------------------------

HEATED = module("""
    t_k = 300 + Temp(warm);
    I(barrier) <+ is * t_k * t_k * (exp(V(barrier) / (8.6e-5 * t_k)) - 1);
    V(line) <+ (r_0 + r_1 * (1 + r_1 * alpha * pow(I(line), 2) * r_line)) * I(line);
    Pwr(warm) <+ -(V(barrier) + V(line) * share) * I(barrier);
    Pwr(warm) <+ Temp(warm) / r_th;
    I(p, n) <+ 1e-9 * V(p, n);
""", """electrical mid; thermal warm; branch (p, mid) barrier; branch (mid, n) line; real t_k;
    parameter real is = 1e-9; parameter real r_0 = 600; parameter real r_1 = 700; parameter real alpha = 4e-3;
    parameter real r_line = 9e4; parameter real share = 0.5; parameter real r_th = 1e5;""")


@pytest.mark.parametrize("alpha", [4e-3, 0.0])
def test_a_resistor_that_its_own_current_heats_in_series_with_a_hot_barrier(alpha):
    device = read_verilog_a(HEATED)(alpha=alpha)

    def missed(unknown, v):
        barrier, i, rise = unknown[0], unknown[1] * 1e-4, unknown[2] * 100.0
        t = 300.0 + rise
        r = 600.0 + 700.0 * (1.0 + 700.0 * alpha * i * i * 9e4)
        return ((1e-9 * t * t * math.expm1(barrier / (8.6e-5 * t)) - i) / 1e-4, v - barrier - r * i,
                rise / 1e5 - (barrier + 0.5 * r * i) * i)

    for v in (-0.9, -0.2, 0.05, 0.3, 0.8):
        found, _, worked, said = fsolve(missed, (0.3 * v, 5.0 * v, 0.1), args=(v,), xtol=1e-13, full_output=True)
        assert worked == 1, said
        assert float(device.current(v, np.empty(0))) == pytest.approx(found[1] * 1e-4 + 1e-9 * v, rel=1e-8)


@pytest.mark.slow
def test_a_cubic_resistor_of_the_wrong_sign_has_no_number():
    device = read_verilog_a(HEATED)
    with pytest.raises(ConvergenceError, match="no finite current"):
        device(r_line=-9e4).simulate([0.0, 1.0], [0.5, 0.6])


@pytest.mark.parametrize("order", ["(p, mid) bend; branch (mid, n) line", "(mid, n) bend; branch (p, mid) line"])
def test_of_a_folded_curve_the_branch_from_rest_is_found_from_either_end(order):
    """A tunnel diode's valley behind a resistor: three zeros around 0.4 V."""
    text = module("""
      I(bend) <+ 2e-3 * V(bend) / 0.08 * exp(1 - V(bend) / 0.08) + 1e-9 * (exp(V(bend) / 0.05) - 1);
      V(line) <+ 300 * I(line);
    """, f"electrical mid; branch {order};")
    device = read_verilog_a(text)()

    def bend(u):
        return 2e-3 * u / 0.08 * math.exp(1 - u / 0.08) + 1e-9 * math.expm1(u / 0.05)

    u = np.linspace(0.0, 0.08, 4001)  # the rising part, that begins at rest
    total = np.array([one + 300 * bend(one) for one in u])
    for v in (0.05, 0.3, 0.45, 0.6):
        wanted = float(np.interp(v, total, [bend(one) for one in u]))
        assert float(device.current(v, np.empty(0))) == pytest.approx(wanted, rel=1e-5)
