"""Decks: what each part of the language means, and how mistakes are named."""

import numpy as np
import pytest
from crossbarsim.netlists import analyses as an
from crossbarsim.netlists.spice_sources import AmplitudeModulated, Exponential, FrequencyModulated

from crossbarsim import NetlistError, ParameterError, Solver, read_spice


def read(text, **more):
    return read_spice("title\n" + text, **more)


def value(text, name="r1", **more):
    return read(text, **more)[name].value


# -- lines ---------------------------------------------------------------------------------------

def test_lines_comments_and_continuation():
    c = read("* comment\nR1 a 0\n* in between\n\n+ 1k ; semi\n  R2 A GND 2K $ dollar\n"
             "r3 (a, 0) 3k // slashes\n;whole\n$whole\nV1 a 0 1\n.title  New Title\n.END")
    assert c.title == "New Title"
    assert [(e.name, e.nodes, e.value, e.where) for e in c] == [
        ("R1", ("a", "0"), 1e3, ("<text>", 3)), ("R2", ("a", "0"), 2e3, ("<text>", 7)),
        ("r3", ("a", "0"), 3e3, ("<text>", 8)), ("V1", ("a", "0"), 1.0, ("<text>", 11)),
    ]
    assert c["R2"] is c["r2"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_paths(tmp_path, end):
    path = tmp_path / "deck.cir"
    path.write_bytes(end.join(["a title", "R1 a 0 1k", "V1 a 0 1", ".end", ""]).encode())
    for source in (path, str(path)):
        c = read_spice(source)
        assert c.title == "a title"
        assert c["r1"].where == (str(path), 2)


def test_suffixes():
    texts = {"1k": 1e3, "1K": 1e3, "2.2u": 2.2e-6, "10meg": 1e7, "10MEGohm": 1e7, "1m": 1e-3, "5f": 5e-15,
             "3p": 3e-12, "1t": 1e12, "2g": 2e9, "4n": 4e-9, "1e3k": 1e6, "1.5ohm": 1.5, "1mil": 25.4e-6,
             "2A": 2.0, ".5": 0.5, "1.": 1.0, "+3": 3.0, "1e-3": 1e-3, "0.1n": 1e-10}
    for text, number in texts.items():
        assert value(f"R1 a 0 {text}") == number
        assert value(f"R1 a 0 {{{text}}}") == number


# -- parameters ----------------------------------------------------------------------------------

@pytest.mark.parametrize(("lines", "number"), [
    (".param a=2\nR1 x 0 {a*3}", 6), ("R1 x 0 'b+1'\n.param b={a*2}\n.param a=5", 11),
    (".param a = 1 + 2 b = a * 2 , c={b}\nR1 x 0 {c}", 6), (".param a=1\n.param a=2\nR1 x 0 {a}", 2),
    (".func f(x) {x*2}\n.func g(x, y)='f(x)+y'\nR1 x 0 {g(3, 1)}", 7),
    (".param f(x)={x+1}\nR1 x 0 {f(2)}", 3), (".param e=3\nR1 x 0 {e}", 3), ("R1 x 0 {e}", np.e),
    (".param k=1k\nR1 x 0 k", 1e3), (".param k=2\nR1 x 0 R={k*2}", 4), ("R1 x 0 r=5", 5),
    (".func pi(pi) {pi*2}\nR1 x 0 {pi(4)}", 8), (".temp 37\n.param t={temper+1}\nR1 x 0 {t}", 38),
    (".options temp=50\n.param t=temper\nR1 x 0 {t}", 50), (".param a={b ? 1/b : 7} b=0\nR1 x 0 {a}", 7),
    (".func f(x) {x+k}\n.param k=2\nR1 x 0 {f(k)}", 4),
])
def test_parameters(lines, number):
    assert value(lines) == pytest.approx(number, rel=1e-15)


def test_parameters_from_outside():
    text = "title\n.param r=1k n={r*2}\nR1 a 0 {n}\n"
    c = read_spice(text, parameters={"R": 5})
    assert c["r1"].value == 10.0
    assert c.parameters == {"n": 10.0, "r": 5.0}
    assert c.deck.circuit(r=7)["r1"].value == 14.0
    with pytest.raises(ParameterError, match="no parameter 'q'"):
        read_spice(text, parameters={"q": 1})
    with pytest.raises(ParameterError, match="must be a number"):
        read_spice(text, parameters={"r": "1k"})


def test_compatibility_with_ngspice():
    assert value("R1 a 0 {(-2)**3}", compat="ngspice") == 8.0
    assert value("R1 a 0 {pow(-2,3) + 2*pwr(-2,3)}", compat="ngspice") == 8.0
    assert value("R1 a 0 {2**3**2}", compat="ngspice") == 64.0
    assert read("B1 a 0 V=v(a)**3", compat="ngspice")["b1"].get("v").evaluate(None, [-2.0]) == 8.0
    assert value("R1 a 0 {(-2)**3}") == -8.0
    with pytest.raises(ParameterError, match="`compat`"):
        read("R1 a 0 1", compat="hspice")


def test_conditions():
    text = ".param k={k0}\n.if (k > 1)\nR1 a 0 1\n.if (k > 2)\nR2 a 0 2\n.endif\n.elseif (k==1)\nR3 a 0 3\n.else\nR4 a 0 4\n.param z=9\n.endif\nR5 a 0 {k+1}"
    for k, names in ((3, "R1 R2 R5"), (2, "R1 R5"), (1, "R3 R5"), (0, "R4 R5")):
        assert {e.name for e in read(text.replace("{k0}", str(k)))} == {*names.split()}


# -- subcircuits ---------------------------------------------------------------------------------

def test_subcircuits():
    c = read("""
.global vdd
.param g=7
.subckt outer a b r=1k params: s={r/2}
R1 a x {r}
X1 x b inner k={s}
.subckt inner p q k=1
R1 p q {k}
R2 p vdd {r}
D1 p q local
.model local d(is={k*1e-15})
.ends inner
.ic v(x)=0.5
B1 x 0 I=v(a, b)*i(v1) + v(vdd)
V1 x 0 {g}
.ends
X1 in 0 outer r=3k
x2 in out outer
V9 in 0 1
""")
    assert c["x1.x1.r1"].nodes == ("x1.x", "0")
    assert c["x1.x1.r1"].value == 1500.0
    assert c["x1.x1.r2"].nodes == ("x1.x", "vdd")
    assert c["x1.x1.r2"].value == 3e3  # of the instance around it, as in ngspice
    assert c["x2.x1.r1"].nodes == ("x2.x", "out")
    assert c["x2.x1.d1"].model == "x2.x1.local"
    assert c.models["x1.x1.local"].parameters == {"is": pytest.approx(1.5e-12)}
    assert c["x1.b1"].get("i").probes == (("v", "in", "0"), ("i", "x1.v1"), ("v", "vdd", "0"))
    assert c.initial == {"x1.x": 0.5, "x2.x": 0.5}
    assert c["x1.v1"].value == 7.0


def test_copies():
    c = read(".subckt s p\nR1 p 0 1\nB1 p 0 I=v(p)\nG1 p 0 p 0 2\nI1 p 0 1 m=2\nM1 p p 0 0 n\n.model n nmos\n.ends\nX1 a s m=3\n")
    assert c["x1.r1"].get("m") == 3.0
    assert c["x1.i1"].get("m") == 6.0
    assert c["x1.m1"].get("m") == 3.0
    assert c["x1.g1"].value == 6.0
    assert c["x1.b1"].get("i").evaluate(None, [2.0]) == 6.0


def test_a_subcircuit_that_is_solved():
    c = read("V1 a 0 1\nX1 a b r\nX2 b 0 r k=3\n.subckt r p q k=1\nR1 p q {k*1k}\n.ends\n.op")
    assert Solver().operating_point(c)["v(b)"] == pytest.approx(0.75)


# -- files ---------------------------------------------------------------------------------------

def files(tmp_path, **texts):
    for name, text in texts.items():
        path = tmp_path / name.replace("__", "/").replace("_cir", ".cir").replace("_lib", ".lib")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "main.cir"


def test_includes_are_relative_to_their_file(tmp_path):
    main = files(
        tmp_path, main_cir='title\n.include "sub/one.cir"\n.lib sub/models.lib fast\nV1 a 0 1\n.end\n',
        sub__one_cir="R1 a 0 {r}\n.inc two.cir\n.end\n", sub__two_cir="R2 a 0 2\n+ tc1=1m\n",
        sub__models_lib=".lib slow\n.param r=1\n.endl\n.lib fast\n* here\n.param r=9\n.lib models.lib common\n.endl fast\n"
                        ".lib common\nR3 a 0 3\n.endl\n")
    c = read_spice(main)
    assert c["r1"].value == 9.0
    assert c["r2"].where == (str(tmp_path / "sub/two.cir"), 1)
    assert c["r3"].where == (str(tmp_path / "sub/models.lib"), 10)


@pytest.mark.parametrize(("texts", "message"), [
    ({"main_cir": "t\n.include nothing.cir\n"}, r"main.cir:2: .*nothing.cir does not exist"),
    ({"main_cir": "t\n.include main.cir\n"}, r"main.cir.* includes itself"),
    ({"main_cir": "t\n.include a.cir\n", "a_cir": ".include b.cir", "b_cir": "* x\n.include a.cir"},
     r"b.cir:2: a.cir includes itself"),
    ({"main_cir": "t\n.lib a.lib x\n", "a_lib": ".lib y\n.endl\n"}, "no section `x`; there are y"),
    ({"main_cir": "t\n.lib a.lib x\n", "a_lib": ".lib x\nR1 a 0 1\n"}, r"a.lib:1: the section `x` has no `.endl`"),
    ({"main_cir": "t\n.include .\n"}, "is a folder"),
    ({"main_cir": "t\n.include a.cir\n", "a_cir": "R1 a 0 1\nR2 a b nine\n"}, r"a.cir:2: R2"),
    ({"main_cir": "t\n.include\n"}, "`.include file` is expected"),
    ({"main_cir": "t\nR1 a 0 1\n.endl\n"}, "`.endl` without `.lib`"),
])
def test_mistakes_in_files_are_named(tmp_path, texts, message):
    with pytest.raises(NetlistError, match=message):
        read_spice(files(tmp_path, **texts))


def test_files_that_are_no_decks(tmp_path):
    with pytest.raises(NetlistError, match="does not exist"):
        read_spice(tmp_path / "no.cir")
    (tmp_path / "bin.cir").write_bytes(bytes(range(256)) * 20)
    with pytest.raises(NetlistError, match="is no text"):
        read_spice(tmp_path / "bin.cir")
    (tmp_path / "latin.cir").write_bytes("title \u00b5\nR1 a 0 1\u00b5\n".encode("latin-1"))
    assert read_spice(tmp_path / "latin.cir")["r1"].value == 1e-6
    with pytest.raises(ParameterError, match="must be a string or a Path"):
        read_spice(3)


# -- elements ------------------------------------------------------------------------------------

def only(text, name=None):
    c = read(text)
    return next(iter(c)) if name is None else c[name]


def test_passive_elements():
    r = only("R1 a 0 rm 20 tc=1m,2u m=2 temp=50\n.model rm r(tc1=5m rsh=3)")
    assert (r.value, dict(r.parameters)) == (20.0, {"m": 2.0, "temp": 50.0, "tc1": 1e-3, "tc2": 2e-6})
    assert only("R1 a 0 rm l=10u w=2u\n.model rm r(rsh=100 narrow=0.1u)").value == pytest.approx(1000 / 1.8)
    assert only("R1 a 0 20 rm\n.model rm r(tc1=5m)").get("tc1") == 5e-3
    c = only("C1 a 0 cm l=20u w=10u\n.model cm c(cj=1m cjsw=0.1n)")
    assert c.value == pytest.approx(1e-3 * 2e-10 + 0.1e-9 * 60e-6)
    assert only("C1 a 0 1p ic=2").get("ic") == 2.0
    assert only("C1 a b Q={1p*v(a,b)**2}").get("q").probes == (("v", "a", "b"),)
    assert only("L1 a b L='1u*i(v1)'\nV1 a 0 1").value.probes == (("i", "v1"),)
    assert only("R1 a 0 1k scale=2").value == 2e3
    k = only("L1 a 0 1\nL2 b 0 1\nK1 L1 L2 0.5", "k1")
    assert (k.nodes, k.value, k.get("l1"), k.get("l2")) == ((), 0.5, "l1", "l2")
    t = only("T1 a 0 b 0 z0=50 f=1g nl=0.5 ic=1,2,3,4")
    assert dict(t.parameters) == {"z0": 50.0, "td": 5e-10, "icv1": 1.0, "ici1": 2.0, "icv2": 3.0, "ici2": 4.0}
    s = only("S1 a 0 c 0 sm on\n.model sm sw(vt=1 vh=0.1)")
    assert (s.nodes, s.model, s.get("on")) == (("a", "0", "c", "0"), "sm", 1.0)
    w = only("V1 a 0 1\nW1 a 0 V1 wm\n.model wm csw(it=1)", "w1")
    assert (w.control, w.model) == ("v1", "wm")


def test_sources():
    v = only("V1 a 0 3 AC 2 90 PULSE(0 5 1n 2n 3n 4n 20n)")
    assert (v.value, v.get("acmag"), v.get("acphase")) == (3.0, 2.0, 90.0)
    assert (v.wave.v2, v.wave.delay, v.wave.rise, v.wave.fall, v.wave.width, v.wave.period) == (5, 1e-9, 2e-9, 3e-9, 4e-9, 2e-8)
    v = only("V1 a 0 PULSE(1 2 0 0 0 0 0)\n.tran 1n 1u")
    assert (v.value, v.wave.rise, v.wave.fall, v.wave.width, v.wave.period) == (1.0, 1e-9, 1e-9, 1e-6, None)
    assert only("V1 a 0 DC=2 AC=1").value == 2.0
    assert only("V1 a 0 AC 1").get("acphase") == 0.0
    assert only("V1 a 0 SIN 0 1 1k 0 0 90").wave.at(0.0) == pytest.approx(1.0)
    assert only("V1 a 0 EXP(0 2 1u 0.5u 3u 1u)").wave == Exponential(0, 2, 1e-6, 5e-7, 3e-6, 1e-6)
    assert only("V1 a 0 SFFM(0 1 1meg 2 1k)").wave == FrequencyModulated(0, 1, 1e6, 2, 1e3)
    assert only("V1 a 0 AM(1 2 1k 1meg 1u)").wave == AmplitudeModulated(1, 2, 1e3, 1e6, 1e-6)
    w = only("V1 a 0 PWL(0 0, 1n 1, 2n 0) r=1n td=5n").wave
    assert (w.repeat, w.delay, w.at(5.5e-9), w.at(7.5e-9)) == (1e-9, 5e-9, pytest.approx(0.5), pytest.approx(0.5))
    assert only("I1 a 0 PWL 0 1 1n 2 AC 1").get("acmag") == 1.0


def test_behavioural_sources():
    c = read("V1 a 0 1\nB1 b 0 V = v(a) * 2 + time tc1=1m m=2\nE1 c 0 POLY(2) a 0 b 0 1 2 3 4 5 6\n"
             "E2 d 0 TABLE {v(a)} = (0,1) (1,2)\nG1 e 0 VALUE={v(a)}\nF1 f 0 POLY(1) V1 0 2\nH1 g 0 V1 {k}\n"
             "E3 h 0 a b {v(c)}\n.param k=5")
    b = c["b1"].get("v")
    assert b.evaluate({"time": 1.0, "temper": 37.0}, [3.0]) == pytest.approx(7 * 1.01)
    e = c["e1"].value
    assert e.evaluate(None, {("v", "a", "0"): 2.0, ("v", "b", "0"): 3.0}) == 1 + 4 + 9 + 16 + 30 + 54
    assert c["e2"].value.evaluate(None, [5.0]) == 2.0
    assert c["f1"].value.evaluate(None, [3.0]) == 6.0
    assert (c["h1"].value, c["h1"].control) == (5.0, "v1")
    assert c["e3"].value.evaluate(None, [3.0, 4.0]) == 12.0
    assert c["e1"].nodes == ("c", "0")


def test_semiconductors():
    c = read("D1 a 0 dm 2 off ic=0.6 temp=50\nQ1 c b e qm area=3 ic=0.6,5\nQ2 c b e s qm\n"
             "J1 d g s jm ic=1,2\nM1 d g s 0 mm w=1u l=2u ad=1p ic=1,2,3 m=4\nM2 d g s 0 em w=1u l=1u\n"
             ".model dm d(is=1f cj0=2p mj=0.4)\n.model qm NPN bf=100 va=50\n.model jm njf(vto=-1)\n"
             ".model mm pmos(level=3 vto=-1 kappa=0.1)\n.model em nmos level=ekv vt0=0.4\n")
    assert dict(c["d1"].parameters) == {"area": 2.0, "off": 1.0, "temp": 50.0, "ic": 0.6}
    assert c.models["dm"].parameters == {"is": 1e-15, "cjo": 2e-12, "m": 0.4}
    assert c.models["qm"].parameters == {"bf": 100.0, "vaf": 50.0}
    assert (c["q1"].get("icvbe"), c["q1"].get("icvce")) == (0.6, 5.0)
    assert c["q2"].nodes == ("c", "b", "e", "s")
    assert dict(c["m1"].parameters) == {"w": 1e-6, "l": 2e-6, "ad": 1e-12, "m": 4.0, "icvds": 1.0,
                                        "icvgs": 2.0, "icvbs": 3.0}
    assert (c.models["mm"].kind, c.models["mm"].level, c.models["em"].level) == ("pmos", 3, "ekv")
    assert c.models["em"].parameters == {"vto": 0.4}


def test_memristors():
    c = read("N1 a 0 mem conductance=1m\nN2 a 0 mem resistance=2k r_on=50\nN3 a 0 v x=0.5\n"
             ".model mem linear_ion_drift(r_on=100 polarity=-1)\n.model v yakopcic(preset=oblea)\n")
    assert c.models["mem"].kind == "linear_ion_drift"
    assert c["n2"].get("conductance") == 5e-4
    assert c["n2"].get("r_on") == 50.0
    assert c["n3"].get("x") == 0.5
    assert c.models["v"].get("preset") == "oblea"


def test_a_crossbar_in_one_line():
    from crossbarsim import Crossbar, Wires

    text = ("V0 w0 0 0.3\nV1 w1 0 0.1\nV2 b0 0 0\nV3 b1 0 0\nV4 b2 0 0\n"
            "X1 w0 w1 b0 b1 b2 crossbar rows=2 columns=3 word=2 bit=3 resistance=1k\n.op")
    found = Solver().operating_point(read(text))
    xbar = Crossbar(np.full((2, 3), 1e-3), Wires(2.0, 3.0))
    expected = Solver().solve(xbar, np.array([0.3, 0.1])).currents
    for j in range(3):
        assert found[f"i(v{j + 2})"] == pytest.approx(expected[j], rel=1e-9)
    assert found["v(x1.wl0_2)"] > 0
    c = read("X1 w0 w1 b0 crossbar rows=2 columns=1 model=m\n.model m linear_ion_drift\nV1 w0 w1 1\nV2 b0 0 1")
    assert c.expanded()["x1.ncell1_0"].nodes == ("w1", "b0")


def test_a_crossbar_from_a_file(tmp_path):
    (tmp_path / "g.csv").write_text("1e-3,0\n2e-3,1e-4\n")
    (tmp_path / "d.cir").write_text("t\nX1 a b c d crossbar rows=2 columns=2 conductance=g.csv\n")
    c = read_spice(tmp_path / "d.cir")
    assert {e.name: e.value for e in c.expanded()} == {"x1.rcell0_0": 1e3, "x1.rcell1_0": 500.0, "x1.rcell1_1": 1e4}


# -- commands ------------------------------------------------------------------------------------

CIRCUIT = "V1 a 0 1\nR1 a b 1k\nD1 b 0 d\n.model d d\n.param k=3\n"


def test_analyses():
    c = read(CIRCUIT + """.op
.tran 1n 1u 10n 2n uic
.dc v1 0 1 0.1 temp 0 100 50
.ac dec 10 1 1meg
.noise v(b) v1 lin 5 1 10 1
.tf v(b) v1
.sens v(a,b) ac oct 2 1 8
.four 1k v(b) i(v1)
.step param k list 1 2 3
.step dec r1 1 1k 2
.step d d(is) 1f 3f 1f
.temp 50
.options reltol=1e-5 method=gear noopiter scale=1
.ic v(a)=1 v(b)={k}
.nodeset v(b)=0.5
""")
    a = c.analyses
    assert [type(x).__name__ for x in a] == ["Op", "Tran", "Dc", "Ac", "Noise", "Tf", "Sens", "Four", "Step", "Step", "Step"]
    assert (a[1].step, a[1].stop, a[1].start, a[1].max_step, a[1].uic) == (1e-9, 1e-6, 1e-8, 2e-9, True)
    assert [s.kind for s in a[2].sweeps] == ["source", "temperature"]
    np.testing.assert_allclose(a[2].sweeps[0].points.values, np.linspace(0, 1, 11), atol=1e-15)
    assert len(a[3].points.values) == 61
    assert (a[4].output, a[4].source, a[4].summary) == (("v", "b", "0"), "v1", 1)
    np.testing.assert_allclose(a[6].points.values, 2 ** (np.arange(7) / 2))
    assert a[7].outputs[1].probes == (("i", "v1"),)
    assert a[8].sweep == an.Sweep("parameter", "k", an.Points("list", listed=(1.0, 2.0, 3.0)))
    np.testing.assert_allclose(a[9].sweep.points.values, 10 ** (np.arange(7) / 2))
    assert (a[10].sweep.kind, a[10].sweep.target, a[10].sweep.parameter) == ("model", "d", "is")
    assert c.temperature == pytest.approx(323.15)
    assert c.options == {"reltol": 1e-5, "method": "gear", "noopiter": 1.0, "scale": 1.0}
    assert c.initial == {"a": 1.0, "b": 3.0}
    assert c.nodeset == {"b": 0.5}


def test_steps_as_circuits():
    from crossbarsim.netlists.spice.commands.parameter_steps import step_circuits

    c = read(CIRCUIT.replace("1k", "{k}") + ".step param k 1 2 1\n.step v1 list 5 6\n.step temp list 30\n.step d d(is) list 1f\n.op")
    runs = list(step_circuits(c))
    assert [v for v, _ in runs] == [{"k": k, "v1": v, "temp": 30.0, "d[is]": 1e-15} for k in (1.0, 2.0) for v in (5.0, 6.0)]
    for v, each in runs:
        assert (each["r1"].value, each["v1"].value, each.temperature) == (v["k"], v["v1"], 303.15)
        assert each.models["d"].parameters == {"is": 1e-15}
        assert [type(x).__name__ for x in each.analyses] == ["Op"]
    assert c["r1"].value == 3.0  # as it was


def test_measures():
    c = read(CIRCUIT + """.tran 1n 1u
.meas tran m1 TRIG v(a) VAL=0.5 RISE=2 TD=1n TARG v(b) VAL={k/10} FALL=LAST
.measure tran m2 TRIG AT=1n TARG v(b) val='k' cross=1
.meas tran m3 FIND v(a,b) WHEN v(b)=0.2 RISE=1
.meas tran m4 find par('v(a)*2') at=5n
.meas tran m5 when v(a)=v(b) cross=last
.meas tran m6 AVG v(b) FROM=1n TO={2n*k}
.meas tran m7 MAX_AT v(b)
.meas tran m8 param='m6*2+k'
.meas tran m9 deriv v(b) at=1n
.meas ac m10 find vdb(b) at=1k
.meas tran m11 integral i(v1)
.meas tran m12 TRIG v(a)=0.5 RISE=2 TARG v(b)={k/10} FALL=LAST
.meas ac m13 TRIG at=1k TARG mag(v(b))=0.7
""")
    m = {x.name: x for x in c.measures}
    assert (m["m12"].trig.level.constant, m["m12"].trig.count, m["m12"].targ.count) == (0.5, 2, -1)
    assert m["m12"].targ.level.constant == pytest.approx(0.3)
    assert (m["m13"].trig.at, m["m13"].targ.level.constant) == (1e3, 0.7)
    assert (m["m1"].trig.edge, m["m1"].trig.count, m["m1"].trig.delay, m["m1"].targ.count) == ("rise", 2, 1e-9, -1)
    assert m["m1"].targ.level.constant == pytest.approx(0.3)
    assert m["m2"].trig.at == 1e-9
    assert m["m3"].expression.probes == (("v", "a", "b"),)
    assert m["m4"].trig.at == 5e-9
    assert m["m5"].trig.level.probes == (("v", "b", "0"),)
    assert (m["m6"].kind, m["m6"].start, m["m6"].stop) == ("avg", 1e-9, pytest.approx(6e-9))
    assert m["m7"].kind == "max_at"
    assert m["m8"].expression.names == ("m6",)
    assert m["m10"].expression.evaluate(None, [10j]) == pytest.approx(20.0)
    assert m["m11"].kind == "integ"


def test_outputs_and_control():
    c = read(CIRCUIT + """.print tran v(a) v(a,b) par('v(a)*2') @d1[id] i(V1)
.plot ac vdb(b),vp(b)
.save all
.save v(b) i(v.v1)
.probe
.control
set wr_singlescale
foreach x 1 2
  alter r1 = $x $ comment
  run
end
if v(b) > 1
  print v(b)
else
  echo "not enough" $&x
end
repeat 3
 let y = v(a) = 2
end
wrdata Out.TXT v(a)
.endc
""".replace(" i(v.v1)", ""))
    assert [len(s.outputs) for s in c.saves] == [5, 2, 0, 1, 0]
    assert [s.everything for s in c.saves] == [False, False, True, False, True]
    names = [x.name for x in c.commands]
    assert names == ["set", "foreach", "if", "repeat", "wrdata"]
    assert c.commands[1].arguments == ("x", "1", "2")
    assert c.commands[1].body[0].arguments == ("r1", "=", "$x")
    assert c.commands[2].otherwise[0].arguments == ("not enough", "$&x")
    assert c.commands[4].arguments == ("Out.TXT", "v(a)")


def test_nodes_alone_are_voltages():
    c = read(".subckt s p\nR1 p n 1\nR2 n 0 1\n.ends\nX1 7 s\nV1 7 0 1\n.save 7 x1.n v(7)\n.print op X1.N")
    assert [e.probes for s in c.saves for e in s.outputs] == [
        (("v", "7", "0"),), (("v", "x1.n", "0"),), (("v", "7", "0"),), (("v", "x1.n", "0"),)]


def test_decks_of_old():
    """Spellings that are found in libraries."""
    c = read("""
.OPTION ACCT LIST NODE LIMPTS=10000 RELTOL=.0001
EGND 99  0 POLY(2) (3,0) (4,0) 0  .5  .5
FB    7 99 POLY(2) VB VC 0 10.61E6 -10E6
VB 3 0 DC 0V
VC 4 0 PULSE 0 2 0 1N 1NS 1N 4NS
B3 5 0 v = border(v(3))
.func border(x) if (ddt(x) > 0, 1, 0)
Q1 3 4 0 QX
.MODEL QX NPN (BF=80 RB=100 CCS=2P, TF=0.3N,
+ TR=6N)
R7 7 0 1K TC=0.001,1E-6
DX 5 0 DX
.MODEL DX D
.TRAN 1NS 10NS
""")
    assert c["egnd"].value.evaluate(None, [2.0, 4.0]) == 3.0
    assert c["fb"].value.evaluate(None, [1.0, 1.0]) == pytest.approx(0.61e6)
    assert c.models["qx"].parameters["cjs"] == 2e-12
    assert c["b3"].get("v").dynamic[0].kind == "ddt"


# -- mistakes ------------------------------------------------------------------------------------

PASSED_OVER = [
    ("D1 a 0 dm\n.model dm d(foo=1)", "4: the model dm: a diode has no `foo`; it has no effect"),
    ("D1 a 0 dm\n.model dm d(iss=1)", "4: the model dm: a diode has no `iss`; did you mean `is`?"),
    ("D1 a 0 dm\n.model dm d(mfg=me vpk=9)", None),
    ("M1 a a 0 0 mm\n.model mm nmos(level=2 utra=0.3)", "4: the model mm: `utra`: SPICE3 leaves the transverse field out"),
    ("S1 a 0 a 0 sm\n.model sm vswitch(vof=1)", "4: the model sm: there is no parameter `vof`; did you mean `voff`?"),
    (".options rtol=1", "3: there is no option `rtol`; did you mean `trtol`?"),
    (".options trans list node", "3: there is no option `trans`; it has no effect"),
    (".options brightness={2} reltol=1u", "3: there is no option `brightness`; it has no effect"),
]


@pytest.mark.parametrize(("text", "note"), PASSED_OVER)
def test_what_is_unknown_and_may_be_passed_over_is_noted(text, note):
    deck = f"p\nR0 a 0 1k\n{text}\n"
    notes = read_spice(deck).notes
    if note is None:
        assert len(notes) == 1
        assert "mfg, vpk, about the part, have no effect" in notes[0]
        return
    assert f"<text>:{note}" in notes
    if "utra" in text:
        return
    with pytest.raises(NetlistError, match=note.split(": ", 1)[1].split("; it has")[0].split(": ")[-1].replace("?", r"\?")):
        read_spice(deck, strict=True)


def test_notes_are_told_once_for_all_instances():
    deck = "p\nX1 a s\nX2 a s\nX3 a s\nV1 a 0 1\n.subckt s p\nD1 p 0 dm\n.model dm d(foo=1)\n.ends\n"
    assert len(read_spice(deck).notes) == 1
    with pytest.raises(ParameterError, match="`strict` must be True or False"):
        read_spice(deck, strict=1)


MISTAKES = [
    ("R1 a 0", "the resistance is missing"), ("R1 a", "node 2 of 2 is expected, not the end"),
    ("R1 a 0 nine", "there is no parameter `nine`"), ("R1 a 0 0 ac=1k", "0 ohm joins its nodes"), ("R1 a 0 1k ac=0", "`ac` must not be 0 ohm"), ("R1 a 0 {v(a)+1} ac=1", "are numbers"),
    ("R1 a 0 1k 2k", "`2k` is not expected"), ("R1 a 0 1k tc3=1", "no parameter `tc3`; did you mean `tc`|`tc1`|`tc2`"),
    ("R1 a 0 1k\nR1 b 0 2k", r"<text>:3: R1: there are two elements .*<text>:2"),
    ("R1 a 0 {1/0}", "has no finite value: `1/0` is inf"), ("R1 a 0 {1", "`}` is missing"),
    ("R1 a 0 '1", "closing ' is missing"), ("R1 a 0 {v(a", r"missing"), ("R1 a 0 r{k}", "put together"),
    ("R1 a 0 1k m=-1", "`m` must be > 0"), ("R1 a 0 {resistence}\n.param resistance=1", "did you mean `resistance`"),
    (".param a={b} b={a}\nR1 x 0 {a}", "need one another: a -> b -> a"),
    (".param a={a+1}\nR1 x 0 {a}", "need one another: a -> a"), (".param a\n", "name = value"),
    (".func f(x) {g(x)}\n.func g(x) {f(x)}\nR1 x 0 {f(1)}", r"functions need one another: f\(\) -> g\(\) -> f"),
    (".func f(x)", "`.func name"), (".func f(x) {x}\nR1 a 0 {f(1,2)}", "takes 1 arguments, not 2"),
    (".param time=3", "cannot be a parameter"), (".param a={v(b)}\nR1 x 0 {a}", "must not depend on voltages"),
    ("X1 a b foo", "no subcircuit `foo`"), (".subckt foo a\nR1 a 0 1\n.ends\nX1 a b foo", r"has 1 ports \(a\), not 2"),
    (".subckt foo a\nR1 a 0 1\n.ends\nX1 a fooo", "did you mean `foo`"),
    (".subckt foo a r=1\nR1 a 0 {r}\n.ends\nX1 a foo q=2", "no parameter `q`"),
    (".subckt foo a\nX1 a foo\n.ends\nX1 a foo", "contains itself: foo -> foo"),
    (".subckt foo a\nX1 a bar\n.ends\n.subckt bar a\nX1 a foo\n.ends\nX1 a foo", "foo -> bar -> foo"),
    (".subckt foo a\nR1 a 0 1", "`.subckt foo` without `.ends`"), (".ends", "`.ends` without"),
    (".subckt foo a\n.subckt bar b\n.ends foo", "does not end"), (".subckt foo a a\n.ends", "named twice"),
    (".subckt foo a\n.tran 1 2\n.ends\nX1 a foo", "must stand outside of subcircuits"),
    (".subckt\n.ends", "needs a name"), (".if (1)\nR1 a 0 1", "without `.endif`"), (".else", "without `.if`"),
    (".endif", "without `.if`"), (".if\n.endif", "needs a condition"), (".if (q)\n.endif", "no parameter `q`"),
    ("D1 a 0 dm", "there is no model `dm`"), ("D1 a 0 dn\n.model dm d", "there are dm"),
    ("D1 a 0 dm\n.model dm npn", "is of kind npn, not d"),
    ("D1 a 0 dm\n.model dm d(ron=1)", "`ron` makes it LTspice's diode of straight lines"),
    ("M1 a b c d mm\n.model mm nmos(level=7)", "level 7 of nmos is not supported; there are 1, 2, 3, 6, ekv, 8, 14"),
    ("M1 a b c d mm w=0\n.model mm nmos", "`w` must be > 0"), (".model dm dd", "no kind of model `dd`"),
    (".model dm", "`.model name kind"), (".model m d\n.model m npn", "two models `m`"), (".model m d(is)", "`is=value` is expected"),
    (".model m ako:n d", "ako"), ("D1 a 0 dm area=-1\n.model dm d", "`area` must be > 0"),
    ("N1 a 0 m\n.model m linear_ion_drift(r_no=1)", "r_no"), ("N1 a 0 m x=2\n.model m linear_ion_drift", "must be from 0 to 1"),
    ("N1 a 0 m conductance=10\n.model m linear_ion_drift", "N1"), ("N1 a 0 m\n.model m linear_ion_drft", "did you mean `linear_ion_drift`"),
    ("N1 a 0 m\n.model m d", "is of kind d, not a memristor"), ("N1 a 0 m\n.model m yakopcic(preset=foo)", "no preset 'foo'"),
    ("V1 a 0 PULS(0 1)", "no function `puls`; did you mean `pulse`"), ("V1 a 0 PULSE(0)", "takes 2 to 8 values, not 1"),
    ("V1 a 0 PWL(0 0 1)", "pairs"), ("V1 a 0 PWL(0 0 1 1 0.5 1)", "times` must increase"), ("V1 a 0 SIN(0 1", r"`\)` is missing"),
    ("V1 a 0 SIN(0 1)", "needs a .tran"), ("V1 a 0 EXTERNAL", "voltages from outside, is not supported"),
    ("V1 a 0 1 foo", "`foo` is not expected"), ("V1 a 0 1 2", "`2` is not expected"), ("V1 a 0 DC", "DC value is expected"),
    ("V1 a 0 1 m=2", "no `m`"),
    ("F1 a 0 V9 1", "no element `v9`"), ("T1 a 0 b 0 z0=50 td=1n\nF1 a 0 T1 1", "there are @t1"),
    ("E1 a 0 b 0", "the gain is expected"), ("E1 a 0 LAPLACE {v(b)} {1}", "LAPLACE is not supported"),
    ("E1 a 0 POLY(2) b 0 c", "a node is expected"), ("E1 a 0 POLY(99) b 0", "from 1 to 20"), ("E1 a 0 POLY(1) b 0", "needs coefficients"),
    ("E1 a 0 TABLE {v(b)} = (0,1) (0,2)", "must increase"), ("E1 a 0 TABLE {v(b)} = (0,1) (1)", "pairs"),
    ("B1 a 0 v(b)", "is expected"), ("B1 a 0 V=v(zz)", "no node `zz`"), ("B1 a 0 V=v(a) I=v(a)", "either"),
    ("B1 a 0 V=", "an expression is expected"), ("B1 a 0 V=sine(v(a))", "did you mean `sin`"),
    ("B1 a 0 V=pwl(v(a), v(a), 1, 2, 3)", "points of a table must be numbers"), ("R1 a 0 1\nB1 a 0 V=@r1[p]", "no current that could control"),
    ("K1 L1 L2 0.5", "no inductor `l1`"), ("L1 a 0 1\nK1 L1 0.5", "two or more"), ("L1 a 0 1\nL2 a 0 1\nK1 L1 L2 2", "from -1 to 1"),
    ("T1 a 0 b 0 td=1", "impedance"), ("T1 a 0 b 0 z0=50", "delay"), ("S1 a 0 b 0 s on off\n.model s sw", "`on` or `off`"),
    ("A1 a b foo", "XSPICE code models are not supported"), ("Ab a b", "not supported"), ("#1 a b", "no element `#`"), ("? what", "no element"),
    (".trann 1 2", "did you mean `.tran`"), (".tran", "`.tran step stop"), (".tran 1n 0", "step > 0"), (".tran 1n 1u foo", "no parameter `foo`"),
    (".tran 1 2 0 1 5", "`5` is not expected"), (".dc", "`.dc source"), (".dc v9 0 1 1", "no source `v9`"), (".dc k 0 1 1", "no source, no resistor"),
    ("V1 a 0 1\n.dc v1 0 1 -0.1", "does not lead from"), ("V1 a 0 1\n.dc v1 0 1 1e-12", "more than"), ("V1 a 0 1\n.dc v1 0 1", "the step is expected"),
    (".ac dec 10 0 1", "0 < start"), (".ac foo 1 2 3", "dec, oct or lin"), (".ac dec 1.5 1 10", "must be whole"),
    ("V1 a 0 1\n.noise v(b) v1 dec 1 1 2", "no node `b`"), ("V1 a 0 1\n.tf 3 v1", "an output|the output is expected"), (".pz a b", "pole-zero analysis, is not supported"),
    (".options newtrunc=1", "would change the results"), (".options autostop", "would change the results"), (".temp -300", "below absolute zero"), (".ic a=1", r"`v\(node\) = volt`"),
    ("R1 a 0 1\n.ic v(b)=1", "no node `b`"), (".meas tran", "a name is expected|TRIG"), (".meas foo x max v(a)", "no analysis"),
    (".meas tran x foo v(a)", "`foo` is not known"), ("V1 a 0 1\n.meas tran x find v(a)", "needs WHEN or `at=`"), ("V1 a 0 1\n.meas tran x max v(b)", "no node `b`"),
    ("V1 a 0 1\n.meas tran x trig v(a) val=1 targ v(a)", "TARG needs `val=`"),
    ("V1 a 0 1\n.meas tran x rms v(a) trig v(a)=1 targ v(a)=2", "RMS is `from=` and `to=`"), (".alter", r"`\.step param x list 1 2`"), ("V1 a 0 1\n.meas tran x when v(a) cross=1", "condition"),
    ("V1 a 0 1\n.meas tran x when v(a)=1 rise=0", "whole number from 1"), ("V1 a 0 1\n.meas tran x max v(a) foo=1", "`foo` is not expected"),
    ("V1 a 0 1\n.meas tran x max v(a)\n.meas tran x min v(a)", "two measures `x`"), (".print tarn v(a)", "`tarn` is no analysis; did you mean `tran`"), (".print tran", "needs quantities"),
    (".print tran v(a", "do not match"), ("V1 a 0 1\n.print tran i(r9)", "no element `r9`"), (".step param q 1 2 1", "no parameter `q`"),
    (".step foo 1 2 1", "no element `foo`"), (".control\nfoo\n.endc", "no command `foo`"), (".control\nforeach x 1\n.endc", "`foreach` without `end`"),
    (".control\nend\n.endc", "`end` without"), (".control\nelse\n.endc", "`else` without"), (".control\nlet x\n.endc", "`let name = expression`"),
    (".control\nrun", "`.control` without `.endc`"), (".endc", "without `.control`"), ("R1 a 0 1\n.end\nR2 a 0 1", "text after `.end`"),
    ("+ 1k", "without a line before it"), ("X1", "nodes and the name"), ("X1 a b crossbar rows=1", "needs `columns=`"),
    ("X1 a b crossbar rows=1 columns=1", "needs `resistance=`"), ("X1 a b c crossbar rows=1 columns=1 resistance=1", "has 2 ports, not 3"),
    ("X1 a b crossbar rows=1 columns=1 conductance=no.csv", "cannot be read"), ("R1 *a 0 1", "no name of a node"), ("= 1 2", "an element or a command"),
    ("{x} 1", "an element or a command"), (".lib x y z", "`.lib file section`"), (".global", None), ("R1 a 0 {" + "(" * 300, "missing"),
    ("R1 a 0 {" + "(" * 300 + "1" + ")" * 300 + "}", "nested"), ("R1 a 0 {rand(3)}", "random"), ("Q1 a b c", "model is expected|no model"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_mistakes_are_named(text, message):
    if message is None:
        read(text)
        return
    with pytest.raises(NetlistError, match=message) as caught:
        read(text)
    assert caught.value.line is not None
    assert caught.value.file == "<text>"


def test_lines_of_mistakes():
    with pytest.raises(NetlistError, match=r"^<text>:5: R2: .*\n    R2 b 0 nine$"):
        read("R1 a 0 1\n\n* comment\nR2 b 0\n\n+ nine\n")
    with pytest.raises(NetlistError, match=r"^<text>:5: .*`q`"):
        read("R1 a 0 {p}\n.param\n+ p=1\n.param p={q}\n")
