"""The language of control blocks on our own results."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.solvers.circuit.control.interpreter import Session, run_commands
from crossbarsim.solvers.circuit.rawfile.reader import read_raw

from crossbarsim import NetlistError

HEAD = """control
v1 in 0 dc 1 ac 1 sin(0 1 1k)
r1 in out {r}
c1 out 0 100n
r2 out 0 1k
.param r=1k
.control
"""


def session(text, folder="."):
    return run_commands(read_spice(f"{HEAD}{text}\n.endc\n.end\n"), folder=folder)


@pytest.mark.parametrize(("text", "value"), [
    ("v(out)", 0.5), ("-i(v1)*1e3", 0.5), ("v(in,out)*2", 1.0), ("2^3 + pi - pi", 8.0),
    ("mean(vector(5))", 2.0), ("length(unitvec(7))", 7.0), ("vecmax(vector(4)*2) - vecmin(vector(3))", 6.0),
    ("vector(10)[3]", 3.0), ("op1.v(out) + const.pi", 0.5 + np.pi), ("@r1[resistance]", 1e3),
    ("@r1[i]*1e3", 0.5), ("v(in) > 0.5 ? 3 : 4", 3.0), ("stddev(vector(3))", 1.0),
])
def test_expressions(text, value):
    s = session("op")
    assert s[text][0] == pytest.approx(value)


def test_loops_conditions_and_variables():
    s = session("""
set name = out
let n = 0
foreach x 1 2 3
  let n = n + $x
end
repeat 4
  let n = n + 10
end
let k = 0
while k < 5 and n gt 0
  let k = k + 1
end
dowhile k > 100
  let k = k + 1
end
if n = 46
  echo yes $name $&n
else
  echo no
end
if k ne 6
  echo wrong
end
""")
    assert s.printed == ["yes out 4.600000e+01", "wrong"][:2 if s["k"][0] != 6 else 1]
    assert s["k"][0] == 6
    assert s["n"][0] == 46


def test_circuits_are_altered_in_copies():
    circuit = read_spice(f"""{HEAD}op
let a = v(out)
alter r2 = 3k
alter @c1[capacitance] = 1n
alter v1 dc = 2
op
alterparam r = 3k
reset
op
quit
nonsense = 1
.endc
""".replace("nonsense = 1\n", ""))
    s = Session(circuit).run(circuit.commands)
    values = [s.vectors.plots[f"op{k}"].get("v(out)")[0] for k in (1, 2, 3)]
    assert values == pytest.approx([0.5, 1.5, 0.25])
    assert circuit["r2"].value == 1e3


def test_models_are_altered():
    text = ("d\nv1 a 0 1\nr1 a b 1k\nd1 b 0 dm\n.model dm d is=1e-14\n.control\nop\naltermod dm is = 1e-12\n"
            "op\nalter @dm[n] = 2\nop\n.endc\n")
    s = run_commands(read_spice(text))
    v = [s.vectors.plots[f"op{k}"].get("v(b)")[0] for k in (1, 2, 3)]
    assert v[0] - v[1] == pytest.approx(0.11, abs=0.02)
    assert v[2] > 1.5 * v[1]


def test_plots_and_vectors():
    s = session("""
tran 10u 2m
let peak = vecmax(v(out))
let values = vector(3)
let values[1] = 7
ac dec 2 10 1k
setplot tran1
linearize
let step = time[1] - time[0]
fourier 1k v(out)
display
unlet step
destroy ac1
""")
    assert list(s.vectors.plots) == ["const", "tran1", "tran2"]
    assert s.vectors.plots["tran1"].own["values"].tolist() == [0.0, 7.0, 2.0]
    assert "step" not in s.vectors.current.own
    time = s["time"]
    np.testing.assert_allclose(np.diff(time), 1e-5, rtol=1e-6)
    assert any("THD" in line for line in s.printed)
    assert "time: real, 201 long" in s.printed


def test_files(tmp_path):
    s = session("""
set wr_vecnames
set numdgt=5
ac dec 1 10 1k
wrdata a.txt v(out) vm(out)
set appendwrite
unset wr_vecnames
set wr_singlescale
wrdata a.txt vm(out)
write all.raw
set filetype=ascii
write one.raw v(out)
""", tmp_path)
    lines = (tmp_path / "a.txt").read_text().splitlines()
    assert lines[0].split() == ["frequency", "v(out)", "v(out)", "frequency", "vm(out)"]
    assert len(lines) == 1 + 3 + 3
    assert [len(line.split()) for line in lines] == [5, 5, 5, 5, 2, 2, 2]
    assert [p.name for p in s.files] == ["a.txt", "all.raw", "one.raw"]
    plot, = read_raw(tmp_path / "one.raw")
    assert plot.names == ("frequency", "v(out)")
    np.testing.assert_array_equal(plot["v(out)"], s["v(out)"])


@pytest.mark.parametrize(("text", "message"), [
    ("print v(out)", r"<text>:8: print: .*no vector `v\(out\)`"),
    ("op\nprint v(zz)", r":9: print: .*`v\(zz\)`; it has v\(in\), v\(out\)"),
    ("op\nlet x = $none", "there is no variable `none`"),
    ("op\nlet x = ac1.v(out)", "no vector|unknown|no function|there is"),
    ("op\nlet x = v(out)[9]", "the vector has 1 values"),
    ("alter r9 = 3", "no element 'r9'"),
    ("alter r1", "is expected|not `r1`"),
    ("setplot tran7", "no plot 'tran7'; there are const"),
    ("run", "no analysis"),
    ("meas tran x max v(out)", "no result of `tran`"),
    ("tran uic", ":8"),
    ("write a.raw", "no result yet"),
    ("wrdata a.txt", "wrdata file vectors"),
    ("fourier 1k v(out)", "no transient"),
    ("linearize", "for transients"),
    ("set maxrounds=50\nwhile 1\nlet a = 1\nend", "while: more than 50 rounds"),
    ("repeat 1e9\nlet a = 1\nend", "repeat: more than 100000 rounds"),
    ("set maxrounds=20\nrepeat 5\nrepeat 5\nlet a = 1\nend\nend", "repeat: more than 20 rounds"),
    ("set maxrounds=20\nrepeat 5\nforeach b 1 2 3 4\nlet a = 1\nend\nend", "foreach: more than 20 rounds"),
    ("set a=" + "b" * 100 + "\nrepeat 20\nset a=$a$a\nend", "more than 1000000 characters"),
])
def test_errors_say_where(text, message):
    with pytest.raises(NetlistError, match=message):
        session(text)


def test_pictures_have_curves_limits_and_scales():
    deck = ("p\nv1 a 0 dc 1 ac 1 sin(0 1 1k)\nr1 a b 1k\nc1 b 0 1u\n.control\ntran 10u 1m\n"
            "plot v(a) v(b)*2 vs v(a) + 1 xlimit -1 2m title 'a b' ylog nogrid\n"
            "ac dec 2 10 1k\nplot v(b) vdb(b) xl 10 1k\nplot all\n.endc\n")
    session = run_commands(read_spice(deck))
    one, two, three = session.pictures
    assert [c[0] for c in one.curves] == ["v(a)", "v(b)*2"]
    np.testing.assert_allclose(one.curves[0][1], one.curves[0][2] + 1)
    assert one.title == "a b"
    assert (one.limits, one.logarithmic) == ({"x": (-1.0, 2e-3)}, "y")
    assert one.abscissa.replace(" ", "") == "v(a)+1"
    assert [c[0] for c in two.curves] == ["mag(v(b))", "vdb(b)"]
    assert two.abscissa == "frequency"
    assert two.limits == {"x": (10.0, 1000.0)}
    np.testing.assert_allclose(20 * np.log10(two.curves[0][2]), two.curves[1][2])
    assert {"mag(v(a))", "mag(i(v1))"} <= {c[0] for c in three.curves}
    for wrong in ("plot", "plot v(c)", "plot v(a) xlimit 1", "plot v(a) smith", "plot v(a) vs"):
        with pytest.raises(NetlistError, match="plot"):
            run_commands(read_spice(deck.replace("plot all", wrong)))


def test_temperature_options_and_vectors_of_ones_own():
    deck = ("t\nv1 a 0 1 sin(0 1 1k)\nr1 a b 1k tc1=10m\nr2 b 0 1k\n.control\nset temp=77\nop\nprint v(b)\n"
            "option reltol=1e-6 xmu=0.4\ntran 10u 1m\nlet d = deriv(v(a))\nlet q = integ(v(a))\n"
            "print d[0] q[length(q)-1] @r2[i][2]\ncompose x start=1 stop=2 step=0.5\nprint x[2]\n"
            "compose y values 3 4 5\nprint y[1]\nrusage\nexit\nprint nothing\n.endc\n")
    session = run_commands(read_spice(deck))
    numbers = {k: float(v) for k, _, v in (line.partition(" = ") for line in session.printed) if v}
    assert numbers["v(b)"] == pytest.approx(1 / 2.5)
    assert session.circuit.options["reltol"] == 1e-6
    assert session.circuit.options["xmu"] == 0.4
    assert numbers["d[0]"] == pytest.approx(2e3 * np.pi, rel=1e-3)
    assert abs(numbers["q[length(q)-1]"]) < 1e-6
    assert numbers["@r2[i][2]"] == pytest.approx(session["v(b)[2]"][0] / 1e3, rel=1e-5)
    assert numbers["x[2]"] == 2.0
    assert numbers["y[1]"] == 4.0
    assert "rusage: there is nothing to show" in session.printed
    for wrong in ("compose x start=1 stop=2 step=-1", "compose x 1 2", "set temp=-400"):
        with pytest.raises(NetlistError):
            run_commands(read_spice(deck.replace("rusage", wrong)))


def test_nodes_without_v_commas_and_waves():
    deck = ("p\nv1 1 0 dc 1 sin(0 1 1k)\nx1 1 half\n.subckt half a\nr1 a m 1k\nr2 m 0 1k\n.ends\n.control\nop\n"
            "print v(1), x1.m\nalter @v1[sin] [ 0 3 2k ]\ntran 10u 1m\nlet top=vecmax(x1.m)\n"
            "alter v1 sin = [ 0 4 2k ]\ntran 10u 1m\nlet both = vecmax(x1.m) - vecmax(tran1.x1.m)\n.endc\n")
    session = run_commands(read_spice(deck))
    assert session.printed == ["v(1) = 1.000000e+00", "x1.m = 5.000000e-01"]
    assert session["tran1.top"][0] == pytest.approx(1.5, rel=1e-2)
    assert np.max(session["x1.m"]) == pytest.approx(2.0, rel=1e-2)


def test_cards_that_elements_took_their_values_from():
    deck = ("p\nv1 1 0 dc 1 ac 1\nr1 1 2 1k\nx1 2 half\nr9 1 0 5\n.subckt half a\nr2 a 0 rm\nc2 a 0 cm l=1 w=1\n"
            ".model rm r(r={10*temper})\n.ends\n.model cm c(cj=1u)\n.control\nalter r9 = 7\n"
            "altermod @x1.rm[r] = 3k\nop\naltermod cm cj = 0.1u\nset temp=100\nop\nac lin 1 159.154943 159.154943\n"
            "alter r1 = 3k\nop\n.endc\n")
    session = run_commands(read_spice(deck))
    assert session["op1.v(2)"][0] == pytest.approx(0.75)
    assert session["op2.v(2)"][0] == pytest.approx(0.75)  # the altered value, not that of temper
    assert session["ac1.v(2)"][0] == pytest.approx(1 / (1 + 1000 / 3000 + 0.1j), rel=1e-6)
    assert session["op3.v(2)"][0] == pytest.approx(0.5)
    assert session.circuit["r9"].value == 7.0
