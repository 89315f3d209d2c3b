"""What decks of PSpice, LTspice and HSPICE have that ngspice has not."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.solvers.circuit.control.interpreter import run_commands

from crossbarsim import NetlistError, Solver


def run(deck):
    return Solver().run(read_spice(deck))[0]


@pytest.mark.parametrize(("von", "voff"), [(2.0, 1.0), (-1.0, 1.5)])
def test_switches_of_pspice_are_ramps(von, voff):
    deck = f"s\nv1 c 0 0\nv2 a 0 1\ns1 a 0 c 0 sx\n.model sx vswitch(ron=10 roff=1meg von={von} voff={voff})\n.dc v1 -3 3 0.05\n"
    r = run(deck)
    v = r["v1"]
    middle, width = 0.5 * (von + voff), von - voff
    log_mean, log_ratio = np.log(np.sqrt(10 * 1e6)), np.log(10 / 1e6)
    x = (v - middle) / width
    ramp = np.exp(log_mean + 1.5 * log_ratio * x - 2 * log_ratio * x**3)  # PSpice's manual
    want = np.where(x >= 0.5, 10.0, np.where(x <= -0.5, 1e6, ramp))
    np.testing.assert_allclose(-1 / r["i(v2)"], want, rtol=1e-5)
    again = read_spice(read_spice(deck).to_spice())
    np.testing.assert_allclose(Solver().run(again)[0]["i(v2)"], r["i(v2)"], rtol=1e-12)


def test_switches_by_current():
    r = run("w\ni1 0 c 0\nv0 c 0 0\nv2 a 0 1\nw1 a 0 v0 wx\n.model wx iswitch ron=2 roff=1k\n.dc i1 0 1m 0.5m\n")
    np.testing.assert_allclose(-1 / r["i(v2)"], [1000.0, np.sqrt(2e3), 2.0], rtol=1e-6)


def test_models_made_of_others():
    circuit = read_spice(
        "a\nd1 a 0 d3\nr1 a 0 1\n.model d1 d(is=1f n=1.1 rs=3)\n.model d2 ako:d1 d(n=1.5)\n.model d3 ako:d2(rs=1 cjo=2p)\n"
    )
    assert circuit.models["d3"].kind == "d"
    assert circuit.models["d3"].parameters == {"is": 1e-15, "n": 1.5, "rs": 1.0, "cjo": 2e-12}
    for wrong, message in (("ako:d9 d", "d9` is not there"), ("ako:d3", "made of itself"), ("ako:d1 npn", "is of kind d")):
        with pytest.raises(NetlistError, match=message):
            read_spice(f"a\nd0 a 0 d3\nr1 a 0 1\n.model d1 d\n.model d3 {wrong}(n=2)\n")


def test_parasitics_at_elements():
    deck = "l\nv1 a 0 ac 1\nl1 a b 1m rser=2 rpar=10k cpar=1n\nr1 b 0 50\nc1 b 0 1u rser=0.5 lser=10n rpar=1meg cpar=2n v=25\n.ac dec 5 10 1meg\n"
    circuit = read_spice(deck)
    r = Solver().run(circuit)[0]
    jw = 2j * np.pi * r.frequency
    series = 1 / (1 / (jw * 1e-3 + 2) + 1e-4 + jw * 1e-9)
    shunt = 1 / 50 + 1 / (1 / (jw * 1e-6) + 0.5 + jw * 1e-8) + 1e-6 + jw * 2e-9
    np.testing.assert_allclose(r["v(b)"], 1 / (1 + series * shunt), rtol=1e-9)
    assert circuit.notes == ["<text>:5: c1: v have no effect"]
    inside = read_spice("x\nv1 a 0 1\nx1 a 0 s m=2\n.subckt s p n\nl1 p n 1m rser=4\n.ends\n.op\n")
    assert Solver().run(inside)[0]["i(v1)"] == pytest.approx(-0.5, rel=1e-6)
    for wrong in ("rser=-1", "rpar=0", "rser=x"):
        with pytest.raises(NetlistError):
            read_spice(f"l\nl1 a 0 1m {wrong}\nr1 a 0 1\n")


def test_voltage_sources_with_a_resistance():
    deck = "l\nv1 a 0 2 ac 1 rser=50 cpar=1n\nr1 a 0 150\nc1 a 0 1n mtbf=1e6\n.op\n.ac dec 5 10k 10meg\n"
    circuit = read_spice(deck)
    op, ac = Solver().run(circuit)
    assert op["v(a)"] == pytest.approx(1.5, rel=1e-9)
    assert op["i(v1)"] == pytest.approx(-0.01, rel=1e-9)
    jw = 2j * np.pi * ac.frequency
    np.testing.assert_allclose(ac["v(a)"], 0.02 / (1 / 150 + 0.02 + 2e-9 * jw), rtol=1e-9)
    inside = read_spice("x\nx1 a 0 s m=2\nr1 a 0 50\n.subckt s p n\nv1 p n 1 rser=100\n.ends\n.op\n")
    assert Solver().run(inside)[0]["v(a)"] == pytest.approx(0.5, rel=1e-9)
    for wrong in ("v1 a 0 1 rser=-1", "v1 a 0 1 rser=x", "i1 a 0 1 rser=1", "v1 a 0 1 rser=1 rser=2"):
        with pytest.raises(NetlistError):
            read_spice(f"l\n{wrong}\nr1 a 0 1\n")


def test_transients_without_a_step():
    for text, step, largest in (("1m", 2e-5, None), ("0 1m", 2e-5, None), ("0 1m 0.5m", 1e-5, None), ("0 1m 0 1u", 1e-6, 1e-6)):
        one = read_spice(f"t\nv1 a 0 1\nr1 a 0 1\n.tran {text}\n").analyses[0]
        assert one.step == pytest.approx(step)
        assert (one.stop, one.max_step) == (1e-3, largest)


def test_commands_without_effect_are_noted():
    circuit = read_spice("b\nv1 a 0 1\nr1 a 0 1\n.width out=80\n.backanno\n.options post plotwinsize=0\n.plot tran v(a) (0,5) i(v1)\n.params q=2\n")
    assert len(circuit.notes) == 4
    assert all("has no effect" in note for note in circuit.notes)
    assert len(circuit.saves[0].outputs) == 2
    assert circuit.parameters == {"q": 2.0}


def test_constants_of_control_blocks():
    deck = ("c\nv1 1 0 sin(0 1 1k)\nr1 1 0 1k\n.param half=0.5m\n.csparam st={2*half}\n.control\nlet d = st/100\n"
            "tran $&d $&st\n.endc\n")
    result = run_commands(read_spice(deck)).vectors.current.result
    assert result.time[-1] == pytest.approx(1e-3)
    same = deck.replace(".param half=0.5m", ".param st=1m").replace("{2*half}", "{st}")
    assert run_commands(read_spice(same)).vectors.current.result.time[-1] == pytest.approx(1e-3)


def test_all_currents_are_shown():
    deck = "p\nv1 1 0 1\nr1 1 2 1k\nd1 2 0 dd\n.model dd d\n.op\n"
    assert not {"@r1[i]", "@d1[id]"} & {*run(deck).to_dict()}
    for words in ("alli", "ALLI", "i(*)", "v(1) alli"):
        assert {"@r1[i]", "@d1[id]"} <= {*run(deck + f".probe {words}\n").to_dict()}


def test_functions_of_other_simulators():
    deck = "f\nv1 a 0 0.7\nr1 a 0 1\nb1 o 0 v=buf(v(a))+10*inv(v(a))+fabs(-v(a))+pwrs(-v(a),2)+square(v(a))+trunc(2.7)+round(1.6)\nr2 o 0 1\n.op\n"
    assert run(deck)["v(o)"] == pytest.approx(1 + 0 + 0.7 - 0.49 + 0.49 + 2 + 2)


def test_points_of_a_source_from_a_file(tmp_path):
    (tmp_path / "wave.csv").write_text("* time, volt\n0, 0\n1u, 1\n".replace("1u", "1e-6") + "3e-6\t-2\n")
    for form in ('PWL(file="wave.csv")', "pwl file=wave.csv", "PWL(FILE=wave.csv) ac 1", 'pwl(file="wave.csv") r=0'):
        (tmp_path / "d.cir").write_text(f"f\nv1 a 0 {form}\nr1 a 0 1\n.tran 0.1u 2u\n")
        circuit = read_spice(tmp_path / "d.cir")
        wave = circuit["v1"].wave
        assert [wave.at(t) for t in (0.0, 0.5e-6, 1e-6, 2e-6)] == pytest.approx([0, 0.5, 1, -0.5])
        assert read_spice(circuit.to_spice())["v1"].wave == wave
    for text, form, message in (("1 2 3\n", "pwl(file=w.txt)", "two columns"), ("a b\n", "pwl(file=w.txt)", "cannot be read"),
                                ("", "pwl(file=w.txt)", "two columns"), ("0 1\n", "pwl(file=none.txt)", "cannot be read"),
                                ("0 1\n", "pwl(file=w.txt", "missing")):
        (tmp_path / "w.txt").write_text(text)
        (tmp_path / "d.cir").write_text(f"f\nv1 a 0 {form}\nr1 a 0 1\n")
        with pytest.raises(NetlistError, match=message):
            read_spice(tmp_path / "d.cir")
