"""Crossbars as elements of circuits: the structured solver against the same written out."""

from __future__ import annotations

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.solvers.circuit.control.interpreter import run_commands
from hypothesis import given, settings
from hypothesis import strategies as st

from crossbarsim import (
    Circuit,
    Crossbar,
    NetlistError,
    OneSelectorOneResistor,
    OneTransistorOneResistor,
    ParameterError,
    Pulse,
    SingularCircuitError,
    Solver,
    Wires,
)
from crossbarsim.devices import EKV as DeviceEKV
from crossbarsim.devices import VTEAM, ExponentialSelector

M, N = 4, 5
LEVEL1 = ".model nx nmos level=1 vto=0.4 kp=1e-4 gamma=0.3 lambda=0.02 is=0"
EKV = ".model nx nmos level=ekv vto=0.4 kp=1e-4 n0=1.4 is=0"
VTEAM_CARD = ".model m vteam r_on=1e4 r_off=2e5"


def ports(rows=M, columns=N, gates=0):
    return " ".join([*(f"w{i}" for i in range(rows)), *(f"b{j}" for j in range(columns)),
                     *(f"g{k}" for k in range(gates))])


def drive(sign=1.0, wave=""):
    lines = []
    for i in range(M):
        v = sign * (0.25 * i + 0.2)
        lines.append(f"V{i} s{i} 0 " + (f"pulse(0 {v} 1n 1n 1n 15n)" if wave else f"{v}"))
        lines.append(f"Rd{i} s{i} w{i} {300 * i + 10}")
    lines += [f"Rs{j} b{j} 0 {100 * j + 1}" for j in range(N)]
    return "\n".join(lines)


def gate_sources(count):
    return "\n".join(f"Vg{k} g{k} 0 {0.9 + 0.15 * k}" for k in range(count))


def both(text):
    circuit = read_spice("t\n" + text + "\n")
    flat = circuit.expanded()
    assert circuit.arrays
    assert not flat.arrays
    return Solver(threads=1).run(circuit)[0], Solver(threads=1).run(flat)[0]


def close_curves(a, b, names, tolerance):
    for name in names:
        reference = np.interp(a.time, b.time, b[name])
        assert np.abs(a[name] - reference).max() <= tolerance * np.ptp(reference), name


# -- operating points ----------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 10**6), st.booleans(), st.booleans())
def test_resistors_behind_anything(rows, columns, seed, merged_words, merged_bits):
    rng = np.random.default_rng(seed)
    wires = Wires(0.0 if merged_words else rng.uniform(0.1, 50.0, (rows, columns + 1)),
                  0.0 if merged_bits else rng.uniform(0.1, 50.0, (rows + 1, columns)),
                  driver=float(merged_words), sense=float(merged_bits))
    g = rng.uniform(1e-6, 1e-3, (rows, columns)) * (rng.random((rows, columns)) > 0.3)
    g[0, :], g[:, 0] = 1e-4, 1e-4
    circuit = Circuit()
    nodes = {"word_left": [f"a{i % 3}" for i in range(rows)],
             "bit_bottom": [f"b{j}" for j in range(columns)]}
    if seed % 2:
        nodes["word_right"] = [f"c{i}" for i in range(rows)]
        circuit.R("c", "c0", 0, 77.0)
    if seed % 3 == 0:
        nodes["bit_top"] = [f"d{j}" for j in range(columns)]
        circuit.V("d", "d0", 0, 0.1)
    circuit.crossbar("1", Crossbar(g, wires), **nodes)
    for k in range(min(3, rows)):
        circuit.V(f"a{k}", f"s{k}", 0, rng.uniform(-1, 1)).R(f"a{k}", f"s{k}", f"a{k}", 100.0 * k + 1.0)
    for j in range(columns):
        circuit.R(f"b{j}", f"b{j}", 0, rng.uniform(1.0, 1e4))
    found, expected = Solver().operating_point(circuit), Solver().operating_point(circuit.expanded())
    assert found.residual < 1e-9
    for name, value in expected.to_dict().items():
        if name in found.to_dict() or name.startswith("v(x1.wl"):
            assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-13), name


@pytest.mark.parametrize("text", [
    f"crossbar rows={M} columns={N} word=2 bit=3 model=m resistance=40k\n{VTEAM_CARD}",
    f"crossbar rows={M} columns={N} word=2 bit=3 model=m\n.model m yakopcic",
    f"crossbar rows={M} columns={N} model=m word=10 bit=5 word_capacitance=1f\n.model m stanford_pku",
])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_memristors(text, sign):
    found, expected = both(f"X1 {ports()} {text}\n{drive(sign)}\n.op")
    for name in ("v(w3)", "v(b4)", "v(x1.wl2_3)", "v(x1.bl0_0)", "i(v2)"):
        assert found[name] == pytest.approx(expected[name], rel=1e-5), name


@pytest.mark.parametrize("card", [LEVEL1, EKV])
@pytest.mark.parametrize("gates", ["rows", "columns"])
@pytest.mark.parametrize("side", ["bit", "word"])
@pytest.mark.parametrize("device", ["model=m resistance=40k", "resistance=20k"])
def test_transistors(card, gates, side, device):
    count = M if gates == "rows" else N
    found, expected = both(
        f"X1 {ports(gates=count)} crossbar rows={M} columns={N} word=2 bit=3 {device} "
        f"transistor=nx w=2u l=0.5u gates={gates} side={side}\n{card}\n{VTEAM_CARD}\n"
        f"{drive()}\n{gate_sources(count)}\n.options reltol=1e-7\n.op"
    )
    for name in ("v(w3)", "v(b4)", "v(x1.wl2_3)", "v(x1.bl0_0)", "v(x1.in1_1)", "i(v2)", "i(v3)"):
        assert found[name] == pytest.approx(expected[name], rel=1e-5), name


@pytest.mark.parametrize("side", ["bit", "word"])
def test_transistors_whose_sources_are_below_the_body(side):
    found, expected = both(
        f"X1 {ports(gates=M)} crossbar rows={M} columns={N} word=2 bit=3 resistance=20k transistor=nx "
        f"w=2u l=0.5u side={side}\n{LEVEL1}\n{drive(-1.0)}\n"
        + "\n".join(f"Vg{k} g{k} 0 {0.3 * k - 0.3}" for k in range(M)) + "\n.options reltol=1e-7\n.op"
    )
    for name in ("v(w3)", "v(b4)", "v(x1.in3_1)", "i(v3)"):
        assert found[name] == pytest.approx(expected[name], rel=1e-5), name


def test_against_the_crossbar_solver():
    rng = np.random.default_rng(3)
    array = VTEAM(r_on=1e4, r_off=2e5).array(conductance=rng.uniform(6e-6, 9e-5, (6, 4)))
    cells = OneTransistorOneResistor(array, DeviceEKV(), gate_along="columns")
    xbar = Crossbar(cells=cells, wires=Wires(word=3.0, bit=2.0))
    V, gate = rng.uniform(-0.2, 0.6, 6), rng.uniform(0.6, 1.5, 4)
    expected = Solver().solve(xbar, V, gate_voltage=gate)
    circuit = Circuit()
    circuit.crossbar("1", xbar, word_left=range(1, 7), bit_bottom=range(11, 15), gate=["p", "q", "r", "s"])
    for i in range(6):
        circuit.V(f"w{i}", i + 1, 0, V[i])
    for j in range(4):
        circuit.V(f"b{j}", 11 + j, 0, 0.0).V(f"g{j}", "pqrs"[j], 0, gate[j])
    found = Solver().operating_point(circuit)
    for j in range(4):
        assert found[f"i(vb{j})"] == pytest.approx(expected.currents[j], rel=1e-9)
        assert found[f"i(x1.cell3_{j})"] == pytest.approx(expected.cell_currents[3, j], rel=1e-9)
        assert found[f"v(x1.bl2_{j})"] == pytest.approx(expected.bit_voltages[2, j], rel=1e-9)


def test_selectors_and_the_parallel_layout():
    rng = np.random.default_rng(5)
    array = VTEAM(r_on=1e4, r_off=2e5).array(conductance=rng.uniform(6e-6, 9e-5, (5, 3)))
    xbar = Crossbar(cells=OneSelectorOneResistor(array, ExponentialSelector(i_0=1e-9)),
                    wires=Wires(word=3.0, bit=2.0), layout="parallel")
    V = np.array([0.5, 0.8, 1.0])
    expected = Solver().solve(xbar, V)
    circuit = Circuit()
    circuit.crossbar("1", xbar, word_left=["a", "b", "c"], bit_bottom=["d", "e", "f"])
    for j in range(3):
        circuit.V(f"w{j}", "abc"[j], 0, V[j]).V(f"b{j}", "def"[j], 0, 0.0)
    found = Solver().operating_point(circuit)
    for j in range(3):
        assert found[f"i(vb{j})"] == pytest.approx(expected.currents[j], rel=1e-8)


def test_lines_that_nobody_drives_float():
    found, expected = both(
        f"X1 {ports()} crossbar rows={M} columns={N} word=2 bit=3 model=m resistance=40k\n"
        f"{VTEAM_CARD}\nV1 w0 0 0.1\nV2 b1 0 0\n.op"
    )
    for name in ("v(w1)", "v(w3)", "v(b0)", "v(b4)", "i(v1)"):
        assert found[name] == pytest.approx(expected[name], rel=1e-6), name


def test_an_amplifier_that_drives_the_gates_of_its_own_array():
    found, expected = both(
        f"X1 {ports(gates=M)} crossbar rows={M} columns={N} word=2 bit=3 resistance=20k transistor=nx"
        f" w=2u l=0.5u\n{EKV}\n{drive()}\n" + "\n".join(
            f"Eg{k} g{k} 0 value={{1.2-2*v(b{k})}}" for k in range(M)) + "\n.options reltol=1e-6\n.op"
    )
    for name in ("v(g0)", "v(g3)", "v(b3)", "i(v3)"):
        assert found[name] == pytest.approx(expected[name], rel=1e-5), name


def test_a_sweep():
    found, expected = both(
        f"X1 {ports(gates=M)} crossbar rows={M} columns={N} word=2 bit=3 resistance=20k transistor=nx"
        f" w=2u l=0.5u\n{LEVEL1}\n{drive()}\n{gate_sources(M)}\n.dc v3 -1 2 0.25 vg1 0 1.6 0.8"
    )
    assert found.shape == (3, 13)
    for name in ("v(b1)", "i(v3)", "v(x1.wl3_4)"):
        assert np.allclose(found[name], expected[name], rtol=2e-3, atol=1e-6)


# -- in time -------------------------------------------------------------------------------------

CURVES = ["v(w3)", "v(b3)", "v(x1.wl2_3)", "i(v3)", "x1.ncell3_2#x"]


@pytest.mark.parametrize("more", [
    "", " word_capacitance=2f bit_capacitance=1f", " word_capacitance=30f",
])
@pytest.mark.parametrize(("options", "sign"), [("", 1.0), ("method=gear", -1.0), ("method=euler", 1.0)])
@pytest.mark.parametrize("uic", ["", pytest.param(" uic", marks=pytest.mark.slow)])
def test_a_pulse_on_memristors(more, options, sign, uic):
    found, expected = both(
        f"X1 {ports()} crossbar rows={M} columns={N} word=2 bit=3 model=m resistance=40k{more}\n"
        f"{VTEAM_CARD}\n{drive(2 * sign, 'pulse')}\n.options reltol=1e-5 {options}\n.tran 0.1n 30n{uic}"
    )
    # their steps differ where capacitors are small: 0.8 % apart at a reltol of 1e-4, 0.2 % here
    close_curves(found, expected, CURVES, 3e-3)


@pytest.mark.parametrize("card", [LEVEL1, EKV])
def test_a_pulse_on_cells_with_transistors(card):
    found, expected = both(
        f"X1 {ports(gates=M)} crossbar rows={M} columns={N} word=2 bit=3 model=m resistance=40k "
        f"transistor=nx w=2u l=0.2u\n{VTEAM_CARD}\n{card}\n{drive(2.0, 'pulse')}\n{gate_sources(M)}\n"
        ".options reltol=1e-4\n.tran 0.1n 30n"
    )
    close_curves(found, expected, [*CURVES, "v(x1.in3_2)"], 2e-3)


def test_in_time_against_the_crossbar_solver():
    rng = np.random.default_rng(8)
    array = VTEAM(r_on=1e4, r_off=2e5).array(conductance=rng.uniform(6e-6, 9e-5, (3, 4)))
    xbar = Crossbar(cells=array, wires=Wires(word=5.0, bit=2.0))
    lines = [Pulse(0.0, v, 1e-9, 1e-9, 20e-9, 1e-9) for v in (1.0, 0.0, -0.7)]
    expected = Solver().transient(xbar, lines, 30e-9, rtol=1e-7, max_step=3e-11)
    circuit = Circuit().options(reltol=1e-6)
    circuit.crossbar("1", xbar, word_left=list("abc"), bit_bottom=list("pqrs"))
    for i, line in enumerate(lines):
        circuit.V(f"w{i}", "abc"[i], 0, line)
    for j in range(4):
        circuit.V(f"b{j}", "pqrs"[j], 0, 0.0)
    found = Solver().transient(circuit, 30e-9)
    for j in range(4):
        reference = np.interp(found.time, expected.time, expected.currents[:, j])
        assert np.abs(found[f"i(vb{j})"] - reference).max() < 1e-3 * np.ptp(reference)
    final = (expected.crossbar.cells.state - array.bounds()[0]) / np.subtract(*array.bounds()[::-1])
    got = np.array([[found[f"x1.ncell{i}_{j}#x"][-1] for j in range(4)] for i in range(3)])
    assert np.abs(got - final[0]).max() < 1e-4


def test_resistors_in_time_with_capacitors_outside():
    found, expected = both(
        f"X1 {ports()} crossbar rows={M} columns={N} word=2 bit=3 resistance=10k\n"
        f"{drive(1.0, 'pulse')}\n" + "\n".join(f"C{j} b{j} 0 {j + 1}p" for j in range(N))
        + "\n.options reltol=1e-5\n.tran 0.1n 30n"
    )
    close_curves(found, expected, ["v(b3)", "v(x1.bl0_2)", "i(v1)"], 1e-3)


# -- what is solved how --------------------------------------------------------------------------


def test_transistors_with_junctions_are_written_out():
    card = LEVEL1.replace(" is=0", "")
    text = (f"X1 {ports(gates=M)} crossbar rows={M} columns={N} word=2 bit=3 resistance=20k "
            f"transistor=nx w=2u l=0.5u\n{{}}\n{drive()}\n{gate_sources(M)}\n.op")
    plain = Solver().run(read_spice("t\n" + text.format(LEVEL1)))[0]
    junctions = Solver().run(read_spice("t\n" + text.format(card)))[0]
    assert plain.circuit.arrays
    assert not junctions.circuit.arrays
    assert junctions["v(b2)"] == pytest.approx(plain["v(b2)"], rel=1e-3)
    warm = read_spice("t\n" + text.format(LEVEL1) + "\n.temp 85\n.options reltol=1e-7")
    found, expected = Solver().run(warm)[0], Solver().run(warm.expanded())[0]
    assert found.circuit.arrays
    assert found["v(b2)"] == pytest.approx(expected["v(b2)"], rel=1e-6)
    assert found["v(b2)"] != pytest.approx(plain["v(b2)"], rel=1e-3)


@pytest.mark.parametrize("line", [
    ".ic v(x1.wl0_1)=1", ".nodeset v(x1.bl0_1)=1", "B1 z 0 v={v(x1.wl0_1)}\nR9 z 0 1k",
    ".save @x1.rcell0_0[i]", ".sens v(x1.wl0_1)", "R9 x1.wl1_1 0 1meg",
    ".control\nalter @x1.rcell0_0[resistance]=1k\nop\n.endc",
])
def test_what_is_referred_to_inside_is_written_out(line):
    circuit = read_spice(f"t\nX1 {ports()} crossbar rows={M} columns={N} word=2 bit=3 resistance=10k\n"
                         f"{drive()}\n.op\n{line}\n")
    assert not circuit.arrays
    assert "x1.rcell0_0" in circuit


def test_small_signals_see_every_element():
    deck = (f"t\nX1 {ports()} crossbar rows={M} columns={N} word=2 bit=3 resistance=10k\n"
            f"{drive().replace('V0 s0 0 0.2', 'V0 s0 0 0.2 ac 1')}\n.ac lin 1 1k 1k\n.tf v(b0) v0\n"
            ".sens v(b0)\n.noise v(b0) v0 lin 1 1k 1k")
    circuit = read_spice(deck)
    a, b = Solver().run(circuit), Solver().run(circuit.expanded())
    assert a[0]["v(x1.wl1_1)"] == pytest.approx(b[0]["v(x1.wl1_1)"])
    assert a[1].gain == pytest.approx(b[1].gain)
    assert a[2]["x1.rcell0_0"] == pytest.approx(b[2]["x1.rcell0_0"])
    assert a[3]["onoise_spectrum"] == pytest.approx(b[3]["onoise_spectrum"])


def test_many_nodes_are_kept_only_where_they_are_named():
    size = 120
    lines = [f"t\nX1 {ports(size, size)} crossbar rows={size} columns={size} word=2 bit=3 resistance=10k"]
    lines += [f"V{i} w{i} 0 {0.001 * i}" for i in range(size)] + [f"Vb{j} b{j} 0 0" for j in range(size)]
    deck = "\n".join([*lines, ".op", ".save v(x1.wl3_7) v(x1.bl118_4) i(x1.cell3_7)"]) + "\n"
    found = Solver().run(read_spice(deck))[0]
    expected = Solver().solve(Crossbar(np.full((size, size), 1e-4), Wires(2.0, 3.0)), 0.001 * np.arange(size))
    assert found["v(x1.wl3_7)"] == pytest.approx(expected.word_voltages[3, 7], rel=1e-9)
    assert found["v(x1.bl118_4)"] == pytest.approx(expected.bit_voltages[118, 4], rel=1e-9)
    assert found["i(x1.cell3_7)"] == pytest.approx(expected.cell_currents[3, 7], rel=1e-9)
    assert found["i(vb5)"] == pytest.approx(expected.currents[5], rel=1e-9)
    with pytest.raises(ParameterError, match="wl0_0"):
        found["v(x1.wl0_0)"]


def test_written_and_read_again(tmp_path):
    np.savetxt(tmp_path / "g.csv", np.random.default_rng(0).uniform(1e-5, 9e-5, (M, N)), delimiter=",")
    (tmp_path / "deck.cir").write_text(
        f"t\nX1 {ports(gates=N)} crossbar rows={M} columns={N} word=2 bit=3 conductance=g.csv model=m "
        f"transistor=nx w=2u l=0.5u gates=columns side=word\n{VTEAM_CARD}\n{EKV}\n{drive()}\n"
        f"{gate_sources(N)}\n.op\n"
    )
    circuit = read_spice(tmp_path / "deck.cir")
    text = circuit.to_spice()
    assert "crossbar rows=4 columns=5" in text
    again = read_spice(text)
    a, b = Solver().run(circuit)[0], Solver().run(again)[0]
    assert a.to_dict() == pytest.approx(b.to_dict(), rel=1e-12)
    assert "crossbar rows" not in circuit.to_spice("ngspice")


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("line", "message"), [
    ("X1 a b g crossbar rows=1 columns=1 resistance=1k transistor=no", "no model"),
    ("X1 a b g crossbar rows=1 columns=1 resistance=1k transistor=px\n.model px pmos", "pmos, not nmos"),
    ("X1 a b crossbar rows=1 columns=1 resistance=1k gates=rows", "goes with `transistor`"),
    ("X1 a b crossbar rows=1 columns=1 resistance=1k w=1u", "goes with `transistor`"),
    ("X1 a b g crossbar rows=1 columns=1 resistance=1k transistor=nx gates=up", "rows or columns"),
    ("X1 a b g crossbar rows=1 columns=1 resistance=1k transistor=nx w=0", "> 0 m"),
    ("X1 a b crossbar rows=1 columns=1 resistance=1k transistor=nx", "1 gate lines has 3 ports, not 2"),
    ("X1 a b crossbar rows=1 columns=1 resistance=1k word_capacitance=-1f", ">= 0 farad"),
    ("X1 a b crossbar rows=1 columns=1 model=m resistance=1", "out of the device's range"),
])
def test_lines_that_cannot_be(line, message):
    with pytest.raises(NetlistError, match=message):
        Solver().run(read_spice(f"t\n{line}\nV1 a 0 1\nV2 b 0 0\nV3 g 0 1\n{EKV}\n{VTEAM_CARD}\n.op\n"))


def test_gates_do_not_hold_their_nodes():
    with pytest.raises(SingularCircuitError, match="g0"):
        Solver().run(read_spice(
            f"t\nX1 a b g0 crossbar rows=1 columns=1 resistance=1k transistor=nx\n{EKV}\nV1 a 0 1\nV2 b 0 0\n.op\n"
        ))


def test_python_arrays_are_checked():
    xbar = Crossbar(np.ones((2, 3)) * 1e-4, Wires(1.0, 1.0))
    circuit = Circuit()
    with pytest.raises(ParameterError, match="`word_left` must name 2 nodes"):
        circuit.crossbar("1", xbar, word_left=["a"])
    with pytest.raises(ParameterError, match="no end 'left'"):
        circuit.crossbar("1", xbar, left=["a", "b"])
    with pytest.raises(ParameterError, match="at least one end"):
        circuit.crossbar("1", xbar)
    with pytest.raises(ParameterError, match="must be a Crossbar"):
        circuit.crossbar("1", np.ones((2, 2)), word_left=["a", "b"])
    with pytest.raises(ParameterError, match="`gate` must name 0 nodes"):
        circuit.crossbar("1", xbar, word_left=["a", "b"], gate=["g", "h"])


def test_python_cells_are_not_written_out():
    array = VTEAM(r_on=1e4, r_off=2e5).array(conductance=np.full((1, 1), 5e-5))
    circuit = Circuit()
    circuit.crossbar("1", Crossbar(cells=array), word_left=["a"], bit_bottom=["b"]).V("1", "a", 0, 0.1, ac=1.0)
    circuit.R("1", "b", 0, 100.0)
    assert Solver().operating_point(circuit)["v(b)"] > 0
    with pytest.raises(NetlistError, match="X1: an array of DeviceArray cannot be written out"):
        Solver().ac(circuit, [1e3])


def test_wires_in_steps_and_control_blocks():
    def deck(word, cell, more):
        return read_spice(f"t\nX1 {ports()} crossbar rows={M} columns={N} word={word} bit=3 resistance={cell}\n"
                          f"{drive()}\n{more}\n")

    expected = [Solver().operating_point(deck(*values, ""))["v(b1)"] for values in ((2, "10k"), (50, "5k"))]
    stepped = Solver().run(deck("{r}", "{r > 9 ? 5k : 10k}", ".param r=1\n.step param r list 2 50\n.op"))[0]
    assert stepped["v(b1)"] == pytest.approx(expected, rel=1e-9)
    session = run_commands(deck(
        2, "10k", ".control\nop\nalter x1 word = 50\nalter @x1[resistance] = 5k\nop\n.endc"))
    assert [session["op1.v(b1)"][0], session["op2.v(b1)"][0]] == pytest.approx(expected, rel=1e-9)
    with pytest.raises(ParameterError, match="no value of its own"):
        Solver().run(deck(2, "10k", ".step x1 list 2 50\n.op"))


@pytest.mark.parametrize(("change", "message"), [
    ("rows = 3", "cannot be changed"), ("word = -1", "must be a number above 0"),
    ("resistance = 0", "must be a number above 0"), ("w = 1u", "cannot be changed"),
])
def test_what_of_a_crossbar_cannot_be_altered(change, message):
    deck = (f"t\nX1 {ports()} crossbar rows={M} columns={N} word=2 bit=3 resistance=10k\n{drive()}\n"
            f".control\nalter x1 {change}\nop\n.endc\n")
    with pytest.raises((ParameterError, NetlistError), match=message):
        run_commands(read_spice(deck))
