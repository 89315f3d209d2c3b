"""The language of Verilog-A as it is read: numbers, macros, operators, functions, loops, branches."""

import math
import re

import numpy as np
import pytest

from crossbarsim import VerilogAError
from crossbarsim.devices import VerilogA, read_verilog_a
from tests.helpers.laws import current, law, rates
from tests.helpers.verilog_a import needs_openvaf


def made(expression, declarations="", before="", head='`include "disciplines.vams"\n', **given):
    """Return a device whose current is an expression."""
    return read_verilog_a(
        f"{head}module m(p, n); inout p, n; electrical p, n;\n{declarations}\nanalog begin\n{before}\n"
        f"I(p, n) <+ {expression};\nend\nendmodule\n", **given)()


def value(expression, v=0.7, **how):
    return current(made(expression, **how), v, {})


V = "V(p, n)"


@pytest.mark.parametrize(("expression", "wanted"), [
    ("1.5k * 2", 3000.0), ("2M + 3G + 1T", 1.003002e12), ("4u", 4e-6), ("3n + 1p", 3.001e-9), ("7f / 1a", 7000.0),
    ("1e-3", 1e-3), ("1_000.5", 1000.5), (".5", 0.5), ("2K", 2000.0), ("5m", 5e-3),
    ("7 / 2", 3.0), ("-7 / 2", -3.0), ("7.0 / 2", 3.5), ("1 / 2 * 3.0", 0.0), ("3 / 2.0", 1.5),
    ("7 % 3", 1.0), ("-7 % 3", -1.0), ("5.5 % 2", 1.5), ("2 ** 3 ** 2", 64.0), ("-2 ** 2", 4.0), ("pow(3, 3 / 2)", 3.0),
    ("1 + 2 * 3 - 4 / 2", 5.0), ("(1 < 2) + (2 <= 2) + (3 > 4) + (3 >= 4) + (1 == 1) + (1 != 1)", 3.0),
    ("1 < 2 && 2 < 1 || 1", 1.0), ("!0 + !3", 1.0), ("6 & 3 | 8", 10.0), ("6 ^ 3", 5.0), ("1 << 4 >> 1", 8.0),
    ("~0", -1.0), ("1 ? 2 : 3", 2.0), ("0 ? 2 : 1 ? 4 : 5", 4.0), ("+3 - -2", 5.0),
    ("floor(2.5) + ceil(2.5) + floor(-2.5)", 2.0), ("min(3, 4) + max(3, 4) + abs(-2)", 9.0),
    ("log(1000) + ln(exp(2))", 5.0), ("sqrt(16) + hypot(3, 4)", 9.0), ("atan2(1, -1)", 0.75 * math.pi),
    ("atan2(-1, -1)", -0.75 * math.pi), ("atan2(1, 0)", 0.5 * math.pi), ("atan2(-1, 1)", -0.25 * math.pi),
    ("acosh(2)", math.acosh(2.0)), ("atanh(0.5)", math.atanh(0.5)), ("asinh(0.5)", math.asinh(0.5)),
    ("sin(1) + cos(1) * tan(1)", 2.0 * math.sin(1.0)), ("asin(0.5) + acos(0.5) + atan(1)", 0.75 * math.pi),
    ("sinh(1) + cosh(1)", math.e), ("tanh(0.3)", math.tanh(0.3)), ("limexp(1.5)", math.exp(1.5)),
    ("$pow(2, 3) + $sqrt(4)", 10.0), ("inf > 1e308", 1.0), ("$mfactor", 1.0), ('$simparam("gmin", 1e-12)', 1e-12),
    ('analysis("tran") + 2 * analysis("ac", "dc")', 1.0), ("$vt(300)", 300 * 1.380649e-23 / 1.602176634e-19),
    ("$vt / $temperature", 1.380649e-23 / 1.602176634e-19), ('white_noise(1e-9, "shot")', 0.0),
    ('$limit(3.0, "pnjlim")', 3.0),
])
def test_constants_are_as_the_language_has_them(expression, wanted):
    assert value(expression) == pytest.approx(wanted, rel=1e-15)


@pytest.mark.parametrize(("expression", "wanted"), [
    (f"floor({V} * 10)", lambda v: math.floor(v * 10)), (f"ceil({V} * 10)", lambda v: math.ceil(v * 10)),
    (f"{V} % 0.4", lambda v: math.fmod(v, 0.4)), (f"abs({V}) * ({V} > 0)", lambda v: max(v, 0.0)),
    (f"{V} > 0 ? sqrt({V}) : -1", lambda v: math.sqrt(v) if v > 0 else -1.0),
    (f"atan2({V}, {V} - 0.5)", lambda v: math.atan2(v, v - 0.5)), (f"pow({V}, 3)", lambda v: v**3),
    (f"({V} > 0.1 && {V} < 1) * 3", lambda v: 3.0 * (0.1 < v < 1.0)), (f"max({V}, 0.2)", lambda v: max(v, 0.2)),
    ("V(n, p)", lambda v: -v), (f"{V} - V(n, p)", lambda v: 2.0 * v), (f"{V} & 1", None),
])
def test_what_depends_on_the_voltage(expression, wanted):
    if wanted is None:
        with pytest.raises(Exception, match="`&` of bits"):
            made(expression)
        return
    device = made(expression)
    for v in (-1.3, -0.51, -0.2, 0.07, 0.33, 0.5, 0.72, 1.9):
        assert current(device, v, {}) == pytest.approx(wanted(v), rel=1e-14, abs=1e-300)


@pytest.mark.parametrize(("given", "wanted"), [(2.5, 3.0), (-2.5, -3.0), (2.4, 2.0), (-2.6, -3.0), (0.5, 1.0)])
def test_whole_numbers_are_rounded_away_from_zero(given, wanted):
    assert value("k", declarations="integer k;", before=f"k = {given};") == wanted
    device = made("k", declarations="integer k;", before=f"k = {V};")
    assert current(device, given, {}) == wanted


def test_macros():
    head = ("`define TWO 2\n`define ADD(a, b) ((a) + (b))\n`define LONG(x) \\\n  (x * \\\n `TWO)\n`define EMPTY\n"
            "`ifdef NONE\n`error here\n`elsif TWO\n`define A 1\n`else\n`define A 5\n`endif\n`undef EMPTY\n"
            "`ifndef EMPTY\n`define B `ADD(`A, `ADD(10, `TWO))\n`endif\n`timescale 1ns / 1ps\n"
            '`include "constants.vams"\n')
    assert value("`B + `LONG(3)", head=head) == 19.0
    assert value("`M_PI + `P_Q / 1.602176462e-19", head=head) == pytest.approx(math.pi + 1.0, rel=1e-15)


def test_includes(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "law.inc").write_text("I(p, n) <+ `G * V(p, n);", encoding="utf-8")
    (tmp_path / "g.inc").write_text("`define G 3m\n", encoding="utf-8")
    (tmp_path / "m.va").write_text('`include "g.inc"\nmodule m(p, n); electrical p, n; analog begin\n'
                                   '`include "parts/law.inc"\nend endmodule', encoding="utf-8-sig")
    device = read_verilog_a(tmp_path / "m.va")()
    assert current(device, 0.5, {}) == 1.5e-3
    (tmp_path / "g.inc").write_text("`define G 4m\n", encoding="utf-8")
    assert current(read_verilog_a(tmp_path / "m.va")(), 0.5, {}) == 2e-3
    assert current(device, 0.5, {}) == 1.5e-3


def test_loops_and_cases():
    series = "s = 0; for (k = 0; k < 5; k = k + 1) s = s + pow(V(p, n), k) / (k + 1);"
    device = made("s", declarations="real s; integer k;", before=series)
    assert current(device, 0.7, {}) == pytest.approx(sum(0.7**k / (k + 1) for k in range(5)), rel=1e-15)
    assert value("s", declarations="real s;", before="s = 1; repeat (5) s = 2 * s;") == 32.0
    assert value("s", declarations="real s;", before="s = 1; while (s < 100) s = 3 * s;") == 243.0
    kinds = "case (c) 0, 1: s = V(p, n); 2: begin s = 2 * V(p, n); end default s = 7; endcase"
    device = made("s", declarations="real s; parameter integer c = 0;", before=kinds)
    for c, wanted in ((0, 0.5), (1, 0.5), (2, 1.0), (3, 7.0)):
        assert current(device.replace(c=c), 0.5, {}) == wanted


def test_functions_of_the_user():
    text = """analog function real twice; input x; real x; twice = 2 * x; endfunction
        analog function integer near; input x; real x, y; begin y = twice(x); near = y; end endfunction
        analog function real split; input x; output whole; inout sum; real x, whole, sum;
            begin whole = floor(x); sum = sum + whole; split = x - whole; end endfunction"""
    assert value("twice(0.7) + near(0.8)", declarations=text) == 1.4 + 2.0
    device = made("a + 10 * b + 100 * c", declarations=f"real a, b, c; {text}", before="c = 5; a = split(V(p, n), b, c);")
    assert current(device, 2.25, {}) == pytest.approx(0.25 + 20.0 + 700.0)


def test_words_choose():
    device = made('win == "j" ? 1 : win != "none" ? 2 : 3',
                  declarations="parameter string win = \"none\" from '{\"none\", \"j\", \"b\"};")
    assert [current(device.replace(win=w), 1.0, {}) for w in ("none", "j", "b")] == [3.0, 1.0, 2.0]
    assert value('w == "a"', declarations='localparam string w = "a";') == 1.0


def test_branches_and_disciplines():
    device = made("0", declarations="branch (p, n) line; branch (n, p) back;",
                  before="I(line) <+ 2 * V(line); flow(back) <+ potential(back);")
    assert current(device, 0.5, {}) == 1.5
    text = """nature N access = Pot; units = "kg"; abstol = 1; endnature
        discipline D potential N; enddiscipline
        module m(p, n, out); inout p, n; output out; electrical p, n; D out;
        analog begin Pot(out) <+ 3 * V(p, n); I(p, n) <+ Pot(out); end endmodule"""
    assert current(read_verilog_a(text)(), 0.5, {}) == 1.5
    ansi = "module m(inout electrical p, n);\nanalog V(p, n) <+ 50 * I(p, n) + V(p, n) / 2; endmodule"
    assert current(read_verilog_a(ansi)(), 1.0, {}) == pytest.approx(0.01)


def test_a_charge_is_a_state():
    device = read_verilog_a(
        "module m(p, n); electrical p, n; real q; analog begin q = idt(I(p, n), 0.1);\n"
        "if (q > 1) q = 1; if (q < 0) q = 0; V(p, n) <+ (1 + 9 * q) * I(p, n); end endmodule")()
    assert device.rest().tolist() == [0.1]
    assert current(device, 2.0, {"q": 0.5}) == pytest.approx(2.0 / 5.5)
    assert rates(device, 2.0, {"q": 0.5})[0] == pytest.approx(2.0 / 5.5)


def test_an_initial_condition_of_a_node():
    text = """`include "disciplines.vams"
        module m(p, n); electrical p, n, w; parameter real w0 = 0.2; real x;
        analog begin
            x = min(max(V(w), 0), 1);
            if (analysis("ic")) V(w) <+ w0;
            else I(w) <+ ddt(V(w)) - (V(p, n) - x) / 1u;
            I(p, n) <+ 1m * x * V(p, n);
        end endmodule"""
    device = read_verilog_a(text)(w0=0.4)
    assert device.rest().tolist() == [0.4]
    assert device.bounds()[1].tolist() == [1.0]
    assert rates(device, 0.9, {"w": 0.3})[0] == pytest.approx(0.6e6)


def test_a_node_starts_in_balance():
    text = """module m(p, n); electrical p, n, w; parameter real x0 = 0.1 from [0:1]; real x;
        analog begin x = V(w); I(p, n) <+ x * V(p, n); I(w) <+ V(p, n) * (1 - x * x) - ddt(x);
        {0} end endmodule"""
    start = 'if (analysis("static")) I(w) <+ 1e6 * (x0 - x);'
    kind = read_verilog_a(text.format(start) + "\n", bounds={"w": (0.0, 1.0)})
    assert kind(x0=0.3).rest().tolist() == pytest.approx([0.3])
    assert rates(kind(), 0.5, {"w": 0.2})[0] == pytest.approx(0.5 * 0.96)
    kind = read_verilog_a(text.format("I(w) <+ (0.7 - x) / 2;") + "\n", bounds={"w": (0.0, 1.0)})
    assert kind().rest().tolist() == pytest.approx([0.7])  # the operating point at 0 V


def test_jumps_in_the_voltage_are_named():
    text = """module m(p, n); electrical p, n; parameter real vth = 0.4; real w;
        analog begin w = idt(V(p, n) > vth ? 1 : V(p, n) < -2 * vth ? -1 : V(p, n) < 0 ? 0 : 0, 0.5);
        if (w < 0) w = 0; if (w > 1) w = 1; I(p, n) <+ w * V(p, n); end endmodule"""
    kind = read_verilog_a(text + "\n")
    assert sorted(float(e) for e in kind().jumps()) == [-0.8, 0.4]  # at 0 V nothing does
    assert sorted(float(e) for e in kind(vth=0.2, polarity=-1).jumps()) == [-0.4, 0.2]
    several = kind(vth=[0.2, 0.3]).jumps()
    assert sorted(e.tolist() for e in several) == [[-0.6, -0.4][::-1], [0.2, 0.3]]


DDX = "ln(1 + exp(3 * V(p, n))) * (V(p, n) > 0.1 ? V(p, n) ** 2 + g : 0.01 + g) / (3 + V(p, n))"


def test_derivatives_that_the_file_takes():
    """Against differences of the same expression; by both terminals, in functions' results, in conditions."""
    declarations = "parameter real g = 0.3; real y, z;"
    plain = made("y", declarations, f"y = {DDX};")
    for node, sign in (("p", 1.0), ("n", -1.0)):
        taken = made("z", declarations, f"y = {DDX}; z = ddx(y, V({node}));")
        for v in (-0.8, -0.1, 0.05, 0.13, 0.6, 1.7):
            h = 1e-5
            wanted = sign * (current(plain, v + h, {}) - current(plain, v - h, {})) / (2.0 * h)
            assert current(taken, v, {}) == pytest.approx(wanted, rel=1e-8)
    assert value("ddx(ddx(V(p, n) ** 3, V(p)), V(n))") == pytest.approx(-6.0 * 0.7)
    assert value("ddx(g * g, V(p))", declarations="parameter real g = 2;") == 0.0


def test_derivatives_by_inner_nodes_and_flows():
    """Node and flow are held apart: d(x p)/dp is x, not what x follows p with."""
    def device(slope):
        return read_verilog_a(
            '`include "disciplines.vams"\nmodule m(p, n); inout p, n; electrical p, n, x;\n'
            "parameter real tau = 1e-6; parameter real x_min = 0; parameter real x_max = 2; analog begin\n"
            f"I(p, n) <+ {slope};\nI(x) <+ ddt(tau * V(x)) + V(x) - abs(V(p, n)); end endmodule\n",
            bounds={"x": (0.0, 2.0)})()

    for slope, wanted in (("ddx(V(x) * V(x) * V(p, n), V(x))", lambda v, x: 2.0 * x * v),
                          ("ddx(V(x) * V(x) * V(p, n), V(p))", lambda _, x: x * x),
                          ("ddx(V(x) * V(x) * V(p, n), V(n))", lambda _, x: -x * x)):
        found = device(slope)
        for v, x in ((0.4, 0.3), (-1.1, 1.9)):
            assert current(found, v, {found.state_names[0]: x}) == pytest.approx(wanted(v, x))


@pytest.mark.parametrize(("expression", "message"), [
    ("ddx(V(p, n), V(p, n))", "one node, not that between two"), ("ddx(V(p, n))", "`ddx` takes an expression"),
    ("ddx(V(p, n), 3)", "`ddx` takes an expression"), ("ddx(ddt(V(p, n)), V(p))", "`ddx` of what `ddt` makes"),
    ("ddx(V(p, n), V(q))", "there is no node or branch `q`"),
])
def test_derivatives_that_there_are_not(expression, message):
    with pytest.raises(VerilogAError, match=re.escape(message)):
        made(expression)


def test_no_derivatives_in_functions():
    with pytest.raises(VerilogAError, match="a derivative inside of a function"):
        made("f(V(p, n))", "analog function real f; input a; real a; f = ddx(a, a); endfunction")


@needs_openvaf
def test_the_compiler_takes_the_same_derivatives(tmp_path):
    text = ('`include "disciplines.vams"\nmodule m(p, n); inout p, n; electrical p, n; parameter real g = 0.3;\n'
            f"real y; analog begin y = {DDX};\n I(p, n) <+ y + 0.5 * ddx(y, V(p)) - 2 * ddx(y, V(n)); end endmodule\n")
    path = tmp_path / "slopes.va"
    path.write_text(text, encoding="utf-8")
    read, built = read_verilog_a(path)(), VerilogA(path)
    v = np.array([-0.8, -0.1, 0.05, 0.13, 0.6, 1.7])
    np.testing.assert_allclose([current(read, float(x), {}) for x in v], built.current(v, np.zeros((0, 6))), rtol=1e-12)


def test_derivatives_are_exact():
    device = made(f"floor({V}) + tanh({V}) * max({V}, 0.2) + atan2({V}, 2)")
    source = type(device).law()
    scope = {"math": math, "np": np}
    exec(source, scope)  # noqa: S102 - text of our own making
    out = np.zeros(2)
    for v in (0.1, 0.35, 1.4):
        scope["evaluate"](v, np.zeros(0), np.zeros(0), out)
        step = 1e-6
        slope = (law(device, "current_law", v + step, {}) - law(device, "current_law", v - step, {}))[0] / (2 * step)
        assert out[1] == pytest.approx(slope, rel=1e-8)
