"""Crossbars with transistors in circuits at other temperatures: against the same written out, and ngspice."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pytest
from crossbarsim.netlists import read_spice

from crossbarsim import (
    EKV,
    Circuit,
    Crossbar,
    Level1,
    NetlistError,
    OneTransistorOneResistor,
    ParameterError,
    Resistive,
    Solver,
    Wires,
)
from crossbarsim.devices import VTEAM, Transistor, parameter

TIGHT = ".options reltol=1e-9 abstol=1e-16 vntol=1e-12 gmin=1e-20"
CARDS = {
    "level1": "level=1 vto=0.4 kp=1e-4 gamma=0.3 phi=0.7 lambda=0.02 is=0",
    "level1, tnom": "level=1 vt0=0.4 kp=1e-4 gamma=0.3 tnom=50 is=0",
    "ekv": "level=ekv vto=0.4 kp=1e-4 n0=1.4 is=0",
    "ekv, coefficients": "level=ekv vto=0.4 kp=1e-4 n0=1.4 tcv=0.8m bex=-1.2 tnom=10 is=0",
}
CELLS = {
    "level1": Level1(v_to=0.4, k_p=1e-4, gamma=0.3, phi=0.7, lambda_=0.02, width=2e-6, length=0.5e-6),
    "ekv": EKV(v_t0=0.4, k_p=1e-4, kappa=1 / 1.4, width=2e-6, length=0.5e-6,
               u_t=1.38064852e-23 / 1.6021766208e-19 * 300.15),
}
CURRENTS = ("i(v0)", "i(v1)", "i(vb0)", "i(vb1)")
SOURCES = {"v0": ("w0", 0.8), "v1": ("w1", 1.2), "vb0": ("b0", 0.0), "vb1": ("b1", 0.1),
           "vg0": ("g0", 0.5), "vg1": ("g1", 1.0)}


def deck(card, commands, device="resistance=20k", options=TIGHT, without=""):
    drive = "\n".join(f"{name} {node} 0 {volt}" for name, (node, volt) in SOURCES.items() if name != without)
    return read_spice(
        f"t\nX1 w0 w1 b0 b1 g0 g1 crossbar rows=2 columns=2 word=2 bit=3 {device} transistor=nx w=2u l=0.5u\n"
        f".model nx nmos {card}\n.model m vteam r_on=1e4 r_off=2e5\n{drive}\n{options}\n{commands}\n"
    )


def in_python(transistor, **more):
    circuit = Circuit()
    for name, (node, volt) in SOURCES.items():
        circuit.V(name[1:], node, 0, volt)
    cells = OneTransistorOneResistor(Resistive(np.full((2, 2), 1 / 20e3)), transistor, **more)
    circuit.crossbar("1", Crossbar(cells=cells, wires=Wires(word=2.0, bit=3.0)), word_left=["w0", "w1"],
                     bit_bottom=["b0", "b1"], gate=["g0", "g1"])
    return circuit.options(reltol=1e-9, abstol=1e-16, vntol=1e-12, gmin=1e-20)


def agree(found, expected, rtol=1e-8, names=CURRENTS):
    largest = max(np.abs(expected[name]).max() for name in names)
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], rtol=rtol, atol=1e-10 * largest, err_msg=name)


@pytest.mark.parametrize("celsius", [-40.0, 27.0, 85.0, 126.85])
@pytest.mark.parametrize("name", CARDS)
def test_against_the_same_written_out(name, celsius):
    circuit = deck(CARDS[name], f".temp {celsius}\n.op")
    found, expected = Solver().run(circuit)[0], Solver().run(circuit.expanded())[0]
    assert found.circuit.arrays
    assert not expected.circuit.arrays
    agree(found, expected)


@pytest.mark.parametrize("name", CARDS)
def test_every_way_to_say_it(name):
    expected = Solver().run(deck(CARDS[name], ".temp 85\n.op").expanded())[0]
    agree(Solver().run(deck(CARDS[name], ".op", options=TIGHT + " temp=85"))[0], expected)
    agree(Solver().operating_point(deck(CARDS[name], ".op"), temperature=358.15), expected)
    swept = deck(CARDS[name], ".dc temp -15 135 50")
    found, written = Solver().run(swept)[0], Solver().run(swept.expanded())[0]
    assert np.ptp(found["i(v1)"]) > 1e-7
    agree(found, written)
    assert found["i(v1)"][2] == pytest.approx(expected["i(v1)"], rel=1e-8)


def test_nominal_temperature_of_the_options():
    text = "level=1 vto=0.4 kp=1e-4 gamma=0.3 is=0"
    circuit = deck(text, ".op", options=TIGHT + " tnom=80")
    found, expected = Solver().run(circuit)[0], Solver().run(circuit.expanded())[0]
    assert found.circuit.arrays
    agree(found, expected)
    assert found["i(v1)"] != pytest.approx(Solver().run(deck(text, ".op"))[0]["i(v1)"], rel=1e-3)


@pytest.mark.parametrize("name", ["level1", "ekv"])
def test_in_time(name):
    wave = "vp p 0 pulse(0 1.5 1n 1n 1n 20n)\nRp p w0 100\n.temp 100\n.options reltol=1e-5\n.tran 0.1n 30n 0 0.02n"
    circuit = deck(CARDS[name], wave, "model=m resistance=40k", options="", without="v0")
    found, expected = Solver().run(circuit)[0], Solver().run(circuit.expanded())[0]
    assert found.circuit.arrays
    for curve in ("i(vb0)", "v(w0)"):
        reference = np.interp(found.time, expected.time, expected[curve])
        assert np.abs(found[curve] - reference).max() < 1e-3 * np.ptp(reference), curve


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")
@pytest.mark.parametrize("celsius", [-40.0, 85.0, 126.85])
@pytest.mark.parametrize("name", CARDS)
def test_against_ngspice(tmp_path, name, celsius):
    circuit = deck(CARDS[name], f".temp {celsius}\n.op")
    text = circuit.to_spice("ngspice").replace("\n.op", "")
    prints = "\n".join(f"print {current}" for current in CURRENTS)
    control = f".control\nset numdgt=15\nop\n{prints}\n.endc\n.end"
    (tmp_path / "deck.cir").write_text(re.sub(r"\.end\s*$", control, text))
    done = subprocess.run(["ngspice", "-b", "deck.cir"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    spice = {key: float(value) for key, value in re.findall(r"^(i\(\w+\)) = (\S+)", done.stdout, flags=re.MULTILINE)}
    assert set(spice) == set(CURRENTS), done.stdout + done.stderr
    found = Solver().run(circuit)[0]
    assert found.circuit.arrays
    largest = max(map(abs, spice.values()))
    for current, value in spice.items():
        assert found[current] == pytest.approx(value, rel=1e-7, abs=1e-7 * largest), current  # the junctions of ngspice: 2e-12 A


# -- arrays made in Python -----------------------------------------------------------------------


@pytest.mark.parametrize("kelvin", [233.15, 300.15, 400.0])
@pytest.mark.parametrize("name", CELLS)
def test_python_arrays_know_the_circuits_temperature(name, kelvin):
    found = Solver().operating_point(in_python(CELLS[name]), temperature=kelvin)
    expected = Solver().operating_point(deck(CARDS[name], ".op").expanded(), temperature=kelvin)
    agree(found, expected)


@pytest.mark.parametrize("name", CELLS)
def test_a_temperature_of_its_own_stays(name):
    own = in_python(CELLS[name], temperature=400.0)
    expected = Solver().operating_point(in_python(CELLS[name]), temperature=400.0)
    for kelvin in (300.15, 350.0):
        agree(Solver().operating_point(own, temperature=kelvin), expected)


def test_27_degree_is_as_ever():
    cells = OneTransistorOneResistor(VTEAM.preset("magic").array(np.full((1, 1), 1e-3)), EKV(), gate_voltage=1.0)
    circuit = Circuit().V("w", "w", 0, 1.0).V("g", "g", 0, 0.6).V("b", "b", 0, 0.0)
    circuit.crossbar(1, Crossbar(cells=cells, wires=Wires(word=1.0, bit=1.0)), word_left=["w"], bit_bottom=["b"], gate=["g"])
    cold, hot = (Solver().operating_point(circuit, temperature=t)["i(vb)"] for t in (300.15, 400.0))
    assert cold == pytest.approx(1.4763414614583718e-05, rel=1e-12)
    assert hot == pytest.approx(1.0878944736697587e-05, rel=1e-9)


class Plain(Transistor):
    name = "plain"
    g = parameter(1e-4, "S", positive=True)

    @staticmethod
    def current_law(vd, vs, vg, p):
        return p.g * vg * (vd - vs)


@pytest.mark.slow
def test_models_without_a_rule_are_refused():
    circuit = in_python(Plain())
    assert Solver().operating_point(circuit)["i(vb1)"] > 0
    with pytest.raises(NetlistError, match="Plain does not say what temperature does"):
        Solver().operating_point(circuit, temperature=310.0)
    with pytest.raises(ParameterError, match="no surface potential"):
        Level1().at_temperature(600.0)
    for wrong in (-1.0, np.ones(3), np.nan):
        with pytest.raises(ParameterError, match="temperature"):
            OneTransistorOneResistor(Resistive(np.ones((2, 2))), EKV(), temperature=wrong)
