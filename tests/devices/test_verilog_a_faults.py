"""Verilog-A that is refused: by its line, with the construct and a way out; no text does worse."""

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossbarsim import ParameterError, VerilogAError
from crossbarsim.devices import VTEAM, JartVcmV1b, StanfordPKU, read_verilog_a

FOLDER = Path(__file__).resolve().parents[1] / "verilog_a"
OWN = ("filament_gap", "filament_heat", "drift_windows", "filament_width", "smooth_gap", "heated_barrier")


def module(body, declarations="", ports="p, n"):
    return (f'`include "disciplines.vams"\nmodule m({ports}); electrical {ports};\n{declarations}\nanalog begin\n'
            f"{body}\nend\nendmodule\n")


@pytest.mark.parametrize(("body", "declarations", "line", "message"), [
    ("I(p, n) <+ transition(V(p, n), 0, 1n);", "", 5, "`transition`, a transition filter, .*load_verilog_a"),
    ("I(p, n) <+ slew(V(p, n));", "", 5, "`slew`, a slew filter"),
    ("I(p, n) <+ laplace_nd(V(p, n), 1, 2);", "", 5, "`laplace_nd`, a filter"),
    ("I(p, n) <+ V(p, n) * $abstime;", "", 5, r"depends on the time itself \(\$abstime\)"),
    ("I(p, n) <+ V(p, n) + ddt(1p * V(p, n));", "", 5, r"a charge between the terminals .*capacitance="),
    ("I(p, n) <+ V(p) / 1k;", "", 5, "potential of a terminal against the ground"),
    ("V(p, n) <+ 1.0;", "", 5, "a source is no device"),
    ("V(p, n) <+ I(p, n) * I(p, n);", "", 5, "neither a linear function of its own current nor a cubic"),
    ("I(p, n) <+ V(q, n);", "electrical q;", 5, "nothing flows to the node `q`"),
    ("I(p, n) <+ V(z, n);", "", 5, "there is no node or branch `z`"),
    ("I(p, n) <+ y * V(p, n);", "", 5, "`y` is not declared"),
    ("I(p, n) <+ f(V(p, n));", "", 5, "the function `f` is no part"),
    ("@(timer(1n)) x = x + 1;\nI(p, n) <+ x;", "real x;", 5, r"@\(timer\) changes `x` at an event"),
    ("@(cross(V(p, n), 1)) x = 1;\nI(p, n) <+ x;", "real x;", 5, r"@\(cross\) changes `x` at an event"),
    ("@(cross(V(p, n), 1)) x = 1 - x;\nI(p, n) <+ x * V(p, n);", "real x;", 5, r"@\(cross\) changes `x`"),
    ("@(cross(V(p, n), 1)) I(p, n) <+ 1;\nI(p, n) <+ V(p, n);", "", 5, r"@\(cross\): a contribution at an event"),
    ("@(cross(V(p, n), 1)) x = 0;\nx = x + (1 - x) * ($abstime - t);\nt = $abstime;\nI(p, n) <+ x * V(p, n);",
     "real x, t;", 5, r"@\(cross\) changes `x`"),
    ("I(p, n) <+ absdelay(V(p, n), 1n);", "", 5, r"no finite number of states.*element T"),
    ("if (V(p, n) > 0) x = 1;\nI(p, n) <+ x;", "real x;", 5, "`x` keeps its value from one evaluation"),
    ("x = x + 1;\nI(p, n) <+ x * V(p, n);", "real x;", 5, "`x` keeps its value"),
    ("x = x + V(p, n) * ($abstime - t);\nt = $abstime;\nI(p, n) <+ x * V(p, n);", "real x, t;", 5,
     r"`x` has no lowest value: limit it .*bounds=\{'x': \(low, high\)\}"),
    ("x = idt(V(p, n), 0);\nI(p, n) <+ min(max(x, 0), 1) * V(p, n) + min(x, 2);", "real x;", 5,
     "`x` is limited to several"),
    ("while (V(p, n) > x) x = x + 1;\nI(p, n) <+ x;", "real x;", 5, "a loop whose end is not known"),
    ("x = 0; for (k = 0; k < c; k = k + 1) x = x + 1;\nI(p, n) <+ x * V(p, n);",
     "real x; integer k; parameter integer c = 3;", 5, r"not known .*fix c \(fixed=\{\.\.\.\}\)"),
    ("I(p, n) <+ V(p, n) * $rdist_normal(1, 1, 0.1);", "", 5, "a random number in the current itself"),
    ("I(p, n) <+ $rdist_poisson(1, 2);", "", 5, r"the function `\$rdist_poisson`"),
    ("if (V(p, n) > 0) V(p, n) <+ 2 * I(p, n); else I(p, n) <+ V(p, n);", "", 5, "a branch that switches"),
    ("x[1] = 2; I(p, n) <+ V(p, n);", "real x;", 5, "arrays are no part"),
    ("I(p, n) <+ V(p, n);", "real x[0:3];", 3, "arrays are no part"),
    ("I(p, n) <+ 1 / 0 * V(p, n);", "", 5, "a division by 0"),
    ("I(p, n) : V(p, n) == 0;", "", 5, "an indirect contribution"),
    ('I(p, n) <+ V(p, n) + "a";', "", 5, "a text can only be compared"),
    ("r = 2; I(p, n) <+ V(p, n);", "parameter real r = 1;", 5, "`r` is a parameter: it cannot be written"),
    ("I(p, n) <+ r * V(p, n);", "parameter real r = 1 from (2:inf);", 3, "the default is out of the range"),
    ("I(p, n) <+ V(p, n) / r;", "parameter real r = V(p, n);", 3, "depends on more than parameters"),
    ("I(p, n) <+ V(p, n) / r;", "parameter real r = s; parameter real s = 1;", 3, "`s`, which is declared later"),
    ("I(p, n) <+ f(V(p, n));", "analog function real f; input x; real x; f = f(x); endfunction", 3, "calls itself"),
    ("I(p, n) <+ V(p, n), 2;", "", 5, "expected `;` after a contribution; got `,`"),
    ("I(p, n) <+ (V(p, n);", "", 5, r"expected `\)`; got `;`"),
    ("$unheard(3); I(p, n) <+ V(p, n);", "", 5, r"the task `\$unheard`"),
    ('I(p, n) <+ $simparam("gmin") * V(p, n);', "", 5, r"`\$simparam` needs a default"),
    ("I(p, n) <+ idt(V(p, n), 0, x > 1);", "real x;", 5, "`idt` with a condition that resets it"),
    ("if (V(p, n) > 0) x = idt(V(p, n), 0);\nI(p, n) <+ x;", "real x;", 5, "stands under a condition that changes"),
    ("I(p, a) <+ sinh(V(p, a)); I(a, b) <+ sinh(V(a, b)); I(b, n) <+ sinh(V(b, n)) + sinh(V(b, p));",
     "electrical a, b;", 5, r"`V\(a\)` and `V\(b\)` must be solved for together"),
    ("I(p, n) <+ V(p, n) * exp(Temp(w)); Pwr(w) <+ Temp(w) - V(p, n) * I(p, n);", "thermal w;", 5,
     r"stands itself.*bounds=\{'w': \(low, high\)\}"),
])
def test_what_no_law_can_do_is_refused_by_its_line(body, declarations, line, message):
    with pytest.raises(VerilogAError, match=message) as found:
        read_verilog_a(module(body, declarations))
    assert (found.value.file, found.value.line) == ("<text>", line)


def test_a_third_terminal_is_refused():
    gate = module("I(p, n) <+ V(p, n) * V(g, n);\nI(g, n) <+ ddt(1p * V(g, n));", ports="p, g, n")
    with pytest.raises(VerilogAError, match=r"<text>:6: the port `g` is a third terminal.*bounds=\{'g': \(low"):
        read_verilog_a(gate)
    assert read_verilog_a(gate, bounds={"g": (0.0, 1.0)}).states[0].name == "g"  # it was said to be one
    with pytest.raises(VerilogAError, match="the port `g` is a third terminal"):
        read_verilog_a(gate.replace("ddt(1p * V(g, n))", "V(g, n) / 1k"))


@pytest.mark.parametrize(("text", "line", "message"), [
    ("module m(p, n);\nelectrical p, n;\nanalog begin\n", 3, "the block that begins here has no `end`"),
    ("module m(p, n);\nanalog I(p, n) <+ 1;\n", 1, "`m` has no `endmodule`"),
    ("\n/* module m\n", 2, "the comment that begins here does not end"),
    ('module m(p, n); "a\n', 1, "does not end on its line"),
    ("module m(p, n);\n# 3", 2, "expected a declaration"),
    ('\n`include "other.va"\n', 2, "cannot be included in a text; give the path"),
    ("\n`ifdef X\nmodule m(p, n);\n", 2, "has no `endif"),
    ("`endif\n", 1, "`endif without `ifdef"),
    ("\n`x\n", 2, "the macro `x is not defined"),
    ("`define x `y\n`define y `x\n\n`x\n", 4, "the macro `x calls itself"),
    ("`define f(a, b) a\n`f(1)\n", 2, "`f has 2 arguments; got 1"),
    ("`define f(a b) a\n", 1, "the arguments of `f must be names"),
    ("\nmodule m(p);\nelectrical p;\nanalog I(p) <+ 1;\nendmodule", 2, "has 1 electrical ports; a device has two"),
    ("`define a0 1 1\n" + "".join(f"`define a{k + 1} `a{k} `a{k}\n" for k in range(30)) + "`a30\n", 32,
     "macros become more than 200,000 tokens"),
    ("module m(p, n); electrical p, n; analog I(p, n) <+ " + "(" * 9999 + "1;\nendmodule", 1, "more than 60 levels"),
    ("module m(p, n); electrical p, n; analog " + "begin " * 9999 + "\nendmodule", 1, "more than 60 levels"),
    ("module m(p, n); electrical p, n; analog I(p, n) <+ " + "1 + " * 9999 + "1;\nendmodule", 1, "2000 operators"),
    ("\nmodule m(p, n); electrical p, n; real x; analog begin x = V(p, n);\n"
     + "".join(f"if (V(p, n) > {k}) x = {k}; else " for k in range(100)) + "x = 0; I(p, n) <+ x; end\nendmodule", 2,
     "becomes longer than a law can be"),
])
def test_texts_that_are_no_modules(text, line, message):
    with pytest.raises(VerilogAError, match=message) as found:
        read_verilog_a(text + ("" if "\n" in text else "\n"))
    assert found.value.line == line


def test_files_that_are_missing_or_several(tmp_path):
    with pytest.raises(VerilogAError, match=r"none.va cannot be read"):
        read_verilog_a(tmp_path / "none.va")
    (tmp_path / "a.va").write_text('\n`include "b.va"\n', encoding="utf-8")
    with pytest.raises(VerilogAError, match=r'a.va:2: the included file "b.va" cannot be read'):
        read_verilog_a(tmp_path / "a.va")
    (tmp_path / "b.va").write_text('`include "a.va"\n', encoding="utf-8")
    with pytest.raises(VerilogAError, match="include one another more than 20 deep"):
        read_verilog_a(tmp_path / "a.va")
    two = module("I(p, n) <+ V(p, n);") + module("I(p, n) <+ 2 * V(p, n);").replace("module m", "module k")
    with pytest.raises(ParameterError, match="several modules; say which: m, k"):
        read_verilog_a(two)
    assert read_verilog_a(two, "k").module == "k"
    with pytest.raises(ParameterError, match="has no module `kk`; did you mean 'k'"):
        read_verilog_a(two, "kk")
    with pytest.raises(ParameterError, match="has no parameter `a`"):
        read_verilog_a(two, "k", fixed={"a": 1.0})


def test_a_voltage_that_is_not_between_the_terminals_is_refused():
    kind = read_verilog_a(module("I(p, m) <+ (V(p, m) + e) / 1k; I(m, n) <+ sinh(V(m, n));",
                                 "electrical m; parameter real e = 0;"))
    kind()
    with pytest.raises(ParameterError, match="the voltage inside of the device is not between"):
        kind(e=-2.0)


def test_names_that_devices_have_themselves():
    kind = read_verilog_a(module("I(p, n) <+ (name + states + \\a.b ) * V(p, n);",
                                 "parameter real name = 1; parameter real states = 2; parameter real \\a.b = 3;"))
    assert kind(name=5.0, states=6.0, **{"a.b": 7.0}).parameters() == {"name_": 5.0, "states_": 6.0, "a_b": 7.0}


# -- whatever is written --------------------------------------------------------------------------

TEXTS = [(FOLDER / f"{name}.va").read_text(encoding="utf-8") for name in OWN]
TEXTS += [kind().to_verilog_a() for kind in (VTEAM, StanfordPKU, JartVcmV1b)]
PARTS = [re.findall(r'"[^"\n]*"|\w+|\s+|.', text, re.DOTALL) for text in TEXTS]
WORDS = [
    "(", ")", "begin", "end", "if", "else", "for", "while", ";", "=", "<+", "V", "I", "x", "idt", "ddt", "1", "0",
    "1e400", "-", "/", "%", "**", "?", ":", "&&", "<", "parameter", "real", "inf", "from", "[", "`define A `B",
    '`include "x.va"', "`ifdef X", "`endif", "@", "(*", "*)", "endmodule", "analog", "function", "$temperature",
    "$abstime", "case", "endcase", "99999999", "pow", "(0.0/0.0)", '"t"', "'{", ",", "electrical", "branch",
    "$random", "exclude", "/*", "1.5u", "x=x+1;", "while(1) begin end", "for(k=0;k<1000000;k=k+1) x=x*x+x;",
]


@st.composite
def texts(draw):
    parts = list(draw(st.sampled_from(PARTS)))
    for _ in range(draw(st.integers(1, 3))):
        k = draw(st.integers(0, len(parts) - 1))
        other = draw(st.integers(0, len(parts) - 1))
        how = draw(st.sampled_from(["drop", "twice", "swap", "word", "cut", "alike"]))
        if how == "drop":
            del parts[k]
        elif how == "twice":
            parts.insert(k, parts[k])
        elif how == "swap":
            parts[k], parts[other] = parts[other], parts[k]
        elif how == "word":
            parts[k:k] = [" ", draw(st.sampled_from(WORDS)), " "]
        elif how == "cut":
            del parts[k : k + draw(st.integers(1, 30))]
        else:  # a name for a name, a number for a number: mostly still Verilog-A
            places = [p for p in parts if re.fullmatch(r"\w+", p) and p[0].isdigit() == parts[k][0].isdigit()]
            parts[k] = draw(st.sampled_from(places)) if re.fullmatch(r"\w+", parts[k]) and places else parts[k]
        if not parts:
            return "\n"
    return "".join(parts) + "\n"


def check(text):
    bounds = {name: (0.0, 2000.0) for name in ("nGap", "rise", "warm") if re.search(rf"\b{name}\b", text)}
    refused = None
    try:
        kind = read_verilog_a(text, bounds=bounds)
    except (VerilogAError, ParameterError) as error:
        refused = error
    if refused is not None:
        known = getattr(refused, "line", 0)  # of the others, which name a parameter or module
        assert known is not None or "there is no module" in str(refused)
        return
    assert kind.law()  # it can be differentiated, and is Python
    compile(kind.law(), "<law>", "exec")
    with contextlib.suppress(ParameterError):  # an empty range of a state
        kind()


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts())
def test_no_text_does_worse(text):
    check(text)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts())
def test_no_text_does_worse_at_length(text):
    check(text)


@settings(max_examples=60, deadline=None)
@given(st.text('module(*)/"`\\$1.eE;\n \x00\xe9', max_size=120))
def test_no_characters_do_worse(text):
    check(text + "\n")
