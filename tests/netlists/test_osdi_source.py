"""What is read from a source: ranges of parameters, variables that keep values."""

import pytest
from crossbarsim.netlists.osdi.compiler import expanded_source
from crossbarsim.netlists.osdi.source import hidden_variables, parameter_ranges

from crossbarsim import VerilogAError, load_verilog_a
from tests.helpers.osdi import need_compiler, source

HEAD = '`include "disciplines.vams"\nmodule m(a, c);\ninout a, c; electrical a, c;\n'


def module(body, declared="real x, y; integer k;"):
    return f"module m(a, c); {declared} analog begin {body} end endmodule"


@pytest.mark.parametrize(("body", "names"), [
    ("x = V(a, c); I(a, c) <+ x;", []),
    ("x = x + V(a, c); I(a, c) <+ x;", ["x"]),
    ("I(a, c) <+ x; x = V(a, c);", ["x"]),
    ("@(initial_step) x = 1.0; I(a, c) <+ x * V(a, c);", []),
    ("@(initial_step) begin x = 1.0; y = 0.0; end x = x + V(a, c) * ($abstime - y); y = $abstime; I(a, c) <+ x;",
     ["x", "y"]),
    ("@(cross(V(a, c) - 1.0, 1)) x = 1.0; I(a, c) <+ x * V(a, c);", ["x"]),
    ("if (V(a, c) > 0) x = 1.0; else x = 2.0; I(a, c) <+ x;", []),
    ("for (k = 0; k < 3; k = k + 1) x = 2.0 * k; I(a, c) <+ x;", []),
    ("x = 0.0; for (k = 0; k < 3; k = k + 1) x = x + k; I(a, c) <+ x;", []),
    ("while (x < 1.0) x = x + 0.1; I(a, c) <+ x;", ["x"]),
    ("case (k) 0: x = 1.0; default: x = 2.0; endcase I(a, c) <+ x;", []),
    ("case (1) 0: y = x; default: y = 2.0; endcase x = y; I(a, c) <+ x;", ["x"]),
    ("begin : inner real z; z = V(a, c); x = z; end I(a, c) <+ x;", []),
    ("/// x = 0; stepped by hand\nx = x + V(a, c); // kept\nI(a, c) <+ x;", ["x"]),
    ('x = V(a, c); /* y = x\n begin */ $strobe("// %g /*", x); I(a, c) <+ x;', []),
    # decided by parameters alone, and set by the beginning in every evaluation
    ("@(initial_step) k = 1; if (k > 0) begin if (r > 2) k = 0; end I(a, c) <+ k * V(a, c);", []),
    ("@(initial_step) x = r; x = x * (1 + r); I(a, c) <+ x * V(a, c);", []),
    ("@(initial_step) k = 0; if (V(a, c) > 1) begin if (k == 0) k = 1; end I(a, c) <+ k * V(a, c);", ["k"]),
    ("x = x + 1; I(a, c) <+ x;", ["x"]),
    ("begin : inner \\\n real x; x = V(a, c); \\\n y = x; end I(a, c) <+ y;", []),
    ("// I(a, c) <+ y; y = 1;\nx = V(a, c); I(a, c) <+ x;", []),
])
def test_variables_that_keep_values(body, names):
    found = hidden_variables(module(body))
    assert found.get("m", []) == names
    assert set(found) <= {"m"}


def test_functions_may_write_their_arguments():
    text = ("module m(a, c); real x, y, z; analog function real f; output u; input v; inout w; real u, v, w; "
            "begin u = v; w = w + v; f = u; end endfunction analog begin {} I(a, c) <+ x + z; end endmodule")
    assert hidden_variables(text.format("z = 0; y = f(x, V(a, c), z);")) == {}
    assert hidden_variables(text.format("x = f(x, V(a, c), y);"))["m"] == ["y"]
    assert hidden_variables(text.format("y = f(x, x, z); x = V(a, c);"))["m"] == ["x", "z"]


def test_a_parameter_of_the_name_of_a_block_s_variable():
    text = ("module m(a, c); parameter real p = 1; real x; analog begin x = p * V(a, c); begin : inner real p; p = x; "
            "x = p; end I(a, c) <+ x; end endmodule")
    assert hidden_variables(text) == {}


def test_functions_of_the_user_have_variables_of_their_own():
    text = ("module m(a, c); real x; analog function real f; input u; real u, x; begin x = x + u; f = x; end "
            "endfunction analog begin x = f(V(a, c)); I(a, c) <+ x; end endmodule")
    assert hidden_variables(text) == {}


def test_ranges():
    text = ('module m(a); (* desc = "from 1" *) parameter real r = 1 from (0:inf); parameter integer k=1 from [0:2] '
            'exclude 1, n=3; parameter real x = f(1, 2) exclude 0; parameter string s="from"; endmodule '
            "module two(a); parameter g = 1 from [1:r]; endmodule")
    assert parameter_ranges(text) == {
        "m": {"r": "(0:inf)", "k": "[0:2], not 1", "n": "", "x": "not 0", "s": ""}, "two": {"g": "[1:r]"}}


def test_ranges_of_a_file():
    need_compiler()
    found = parameter_ranges(expanded_source(source("diode_limited")))["diode_limited"]
    assert found["is"] == "(0:inf)"
    assert found["fold"] == "[1:4]"
    assert "area" in found


def test_hidden_state_is_refused_by_name_and_line(tmp_path):
    need_compiler()
    path = tmp_path / "m.va"
    path.write_text(HEAD + "real x, last;\nanalog begin\n@(initial_step) x = 1;\n"
                    "x = x + V(a, c) * ($abstime - last);\nlast = $abstime;\nI(a, c) <+ x * V(a, c);\nend\nendmodule\n",
                    encoding="utf-8")
    with pytest.raises(VerilogAError, match="keeps `x`, `last` from one evaluation to the next") as caught:
        load_verilog_a(path)
    assert caught.value.line in (6, 7)
    found = load_verilog_a(path, allow_hidden_state=True).module()
    assert found.uses_time
    with pytest.raises(VerilogAError, match="keeps `x`"):
        load_verilog_a(path)
