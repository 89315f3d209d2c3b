"""Runs of plain elements are what the lines mean, one by one: circuits, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from crossbarsim.netlists.columns import plain
from crossbarsim.netlists.columns.plain import PlainElements, pieces
from hypothesis import given, settings
from hypothesis import strategies as st

from crossbarsim import Circuit, read_spice
from crossbarsim.core.errors import CrossbarSimError, ParameterError

NODES = ["0", "gnd", "GND", "a", "A", "b", "n1", "N2", "n_3", "x.y", "1", "dc", "end"]
NUMBERS = [
    "1k", "2.2K", "100", "1e3", "1.5E-3", "4k7", "1meg", "1MEG", "3mil", "1e", "1ex", "1e+2u", ".5",
    "5.", "1.2345678901234567", "0.1n", "12345678901234567890", "1e23", "1e-30", "1p", "1pF",
    "2n2222", "0", "0.0", "1e400", "1e-400", "1_0", "1.2.3", "-1", "+2k", "1a", "9007199254740993",
    "123456789012345678e-9", "7f", "1t", "1g", "3u", "8m", "1me", "1milli", "00.10", "0mil",
]
NAMES = ["R1", "r2", "R_a", "r1", "C1", "c9", "C1.x", "L1", "V1", "v2", "I1", "Rx", "R", "r.x1.r2"]
ENDS = ["", "", "", " ", " ; comment", " $ comment", " // comment", ";x", "$x", " \\\\", "\t"]
OTHERS = [
    "* comment", "", "   ", "; comment", "$ comment", "// comment", "// comment \\\\", "+ m=2",
    "+ 1k", "+", ")", "R90 a b {2*k}", "R91 a b 1k tc=1m,2m", "R92 a b r=1k", "C92 a b 1p ic=1",
    "V93 a 0 pulse(0 1 0 1n 1n 1u 2u)", "V94 a 0 dc 1 ac 1", "V95 a 0 DC 2", "I95 a 0 dc 2",
    ".param k=2", ".param k={1+1}", "R96 a b k", "D1 a b dd", ".model dd d(is=1e-14)", ".op",
    "X1 a b cell", ".subckt cell p q\nR1 p m 1k\nR2 m q 2k\nC1 m 0 1p\n.ends", ".global n1",
    ".control\nR1 a b 1k\nR2 a b 1k\n.endc", ".if (1)\nR80 a b 1k\nR81 a b 2k\n.endif",
    "B1 a b i=v(a)", "E1 q 0 a b 2", "F1 q 0 V1 2", "K1 L1 L2 0.5", ".temp 30", "R97 a b 1k m=2",
    "R98 a b 1k 2k", "V99 a 0", "Q", "R\u00b5 a b 1k", "R95 \u00e9 b 1k", ".ends", ".options temp=40",
    "R94 a b 1\u00b5", ".end", ".nodeset v(n1)=1", ".print op v(n_3) i(V1)", "R89 a b 0", "C88 a b -1p",
]
line = st.one_of(
    st.builds(
        lambda n, a, b, v, e, s: f"{s}{n} {a}  {b}\t{v}{e}", st.sampled_from(NAMES),
        st.sampled_from(NODES), st.sampled_from(NODES), st.sampled_from(NUMBERS[:20] + NUMBERS),
        st.sampled_from(ENDS), st.sampled_from(["", "", " "]),
    ),
    st.builds(
        lambda k, n, a, b, v: f"{k}{n} {a} {b} {v}", st.sampled_from("RCLVIrc"),
        st.integers(100, 400), st.sampled_from(NODES), st.sampled_from(NODES),
        st.sampled_from(NUMBERS[:16]),
    ),
)


def outcome(text, monkeypatch, *, runs):
    with monkeypatch.context() as m:
        m.setattr(plain, "LEAST_TEXT", 0 if runs else 10**12)
        m.setattr(plain, "_LEAST_RUN", runs or 200)
        try:
            circuit = read_spice(text)
        except CrossbarSimError as error:
            return type(error), str(error)
    elements = [repr(e) for e in circuit]
    assert len(circuit) == len(elements)
    return (
        elements, circuit.nodes, circuit.aliases, circuit.models, repr(circuit.analyses),
        circuit.notes, circuit.parameters, circuit.options, circuit.temperature,
        [repr(s) for s in circuit.saves], [repr(c) for c in circuit.commands], circuit.nodeset,
    )


@settings(max_examples=600, deadline=None)
@given(
    st.lists(st.one_of(line, line, line, st.sampled_from(OTHERS)), max_size=14),
    st.integers(1, 3), st.booleans(),
)
def test_decks_at_random(lines, least, ends):
    text = "\n".join(["title", *lines]) + ("\n" if ends or not lines else "")
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert outcome(text, monkeypatch, runs=least) == outcome(text, monkeypatch, runs=0)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.builds(
        lambda k, n, a, b, v: f"{k}{n} n{a} n{b} {v}", st.sampled_from("RC"),
        st.integers(1, 10**6), st.integers(0, 9), st.integers(0, 9),
        st.one_of(
            st.floats(1e-12, 1e12).map(repr), st.floats(1e-280, 1e250).map("{:.17g}".format),
            st.decimals(1, 999, places=3).map(str), st.sampled_from(NUMBERS[:12]),
        ),
    ), min_size=1, max_size=30, unique_by=lambda text: text.split()[0])
)
def test_values_are_exact(lines):
    text = "\n".join(["title", *lines, ""])
    with pytest.MonkeyPatch.context() as monkeypatch:
        one = outcome(text, monkeypatch, runs=1)
        assert one == outcome(text, monkeypatch, runs=0)


def lines_of(count):
    return [f"R{k} n{k} n{k + 1} {k + 1}" for k in range(count)]


def found(text, monkeypatch, least=3):
    monkeypatch.setattr(plain, "LEAST_TEXT", 0)
    monkeypatch.setattr(plain, "_LEAST_RUN", least)
    return list(pieces(text, "deck", 1))


def test_runs_and_what_is_between_them(monkeypatch):
    text = "\n".join([*lines_of(4), "+ m=2", "* x", "M1 a b c d m", *lines_of(3), "R a b 1", ""])
    first, text_one, second, text_two = found(text, monkeypatch)
    assert [len(first), len(second)] == [3, 3]
    assert (first.first, text_one[1], second.first, text_two[1]) == (1, 4, 8, 11)
    assert text_one[0].startswith("R3 n3 n4 4\n+ m=2")
    assert text_two[0].startswith("R a b 1")
    assert first.source == "\n".join([*lines_of(3), ""])


def test_large_decks_are_read_in_runs(monkeypatch):
    taken = []
    monkeypatch.setattr(PlainElements, "nodes", lambda run, was=PlainElements.nodes: (
        taken.append(len(run)), was(run)
    )[1])
    lines = [f"Rlong_name_{k:05d} node_{k:05d} node_{k + 1:05d} 1k" for k in range(9000)]
    circuit = read_spice("\n".join(["title", "V1 node_00000 0 1", *lines, ""]))
    assert taken == [9001]
    assert len(circuit) == 9001
    assert circuit["rLONG_name_00002"].nodes == ("node_00002", "node_00003")


def test_what_a_circuit_does_with_runs(monkeypatch):
    monkeypatch.setattr(plain, "LEAST_TEXT", 0)
    monkeypatch.setattr(plain, "_LEAST_RUN", 1)
    text = "\n".join(["title", "E1 q 0 n0 0 2", *lines_of(5), "E2 r 0 n1 0 2", "V1 n0 0 1", ""])
    circuit = read_spice(text)
    assert [e.name for e in circuit] == ["E1", *(f"R{k}" for k in range(5)), "E2", "V1"]
    assert [e.name for e in circuit.singles()] == ["E1", "E2", "V1"]
    assert "r3" in circuit
    assert "R3" in circuit
    assert "r9" not in circuit
    assert "\u00e9" not in circuit
    with pytest.raises(ParameterError, match="already has an element"):
        circuit.R("3", "a", "b", 1.0)
    with pytest.raises(ParameterError, match="no element"):
        circuit["r9"]
    other = circuit.copy()
    other.R("99", "a", "b", 5.0)
    other.replace(replace(circuit["r2"], value=77.0))
    assert other["r2"].value == 77.0
    assert circuit["r2"].value == 3.0
    assert [e.value for e in other if e.kind == "R"] == [1.0, 2.0, 77.0, 4.0, 5.0, 5.0]
    assert [e.name for e in other.singles()] == ["E1", "R2", "E2", "V1", "R99"]
    (columns,) = other.columns("R")
    assert list(columns.names) == ["R0", "R1", "R3", "R4"]
    assert columns.names[2] == "R3"
    assert columns.names[1:3] == ("R1", "R3")
    assert columns.values.tolist() == [1.0, 2.0, 4.0, 5.0]
    assert "R2 n2 n3 77" in other.to_spice()
    assert len(circuit) == 8
    again = read_spice(other.to_spice())
    assert [(e.name, e.nodes, e.value) for e in again] == [
        (e.name, e.nodes, e.value) for e in other
    ]


def test_names_that_are_there_twice_are_told_by_line(monkeypatch):
    monkeypatch.setattr(plain, "LEAST_TEXT", 0)
    monkeypatch.setattr(plain, "_LEAST_RUN", 1)
    for lines in (
        [*lines_of(5), "r3 a b 1k"], ["r3 a b {1}", *lines_of(5)],
        [*lines_of(5), "M1 a b c", *lines_of(2)], [*lines_of(3), "r2 a b {1}"],
    ):
        text = "\n".join(["title", *lines, ""])
        with pytest.MonkeyPatch.context() as other:
            other.setattr(plain, "LEAST_TEXT", 10**12)
            with pytest.raises(CrossbarSimError) as plainly:
                read_spice(text)
        with pytest.raises(CrossbarSimError) as fast:
            read_spice(text)
        assert str(fast.value) == str(plainly.value)


def test_hashes_of_many_runs(monkeypatch):
    """Beyond a few elements names are compared by numbers that stand for them."""
    monkeypatch.setattr(plain, "LEAST_TEXT", 0)
    monkeypatch.setattr(plain, "_LEAST_RUN", 1)
    lines = [f"R{k} a b 1k\nB{k} a b i=v(a)" for k in range(1, 40)]
    assert len(read_spice("\n".join(["t", *lines, ""]))) == 78
    with pytest.raises(CrossbarSimError, match="two elements"):
        read_spice("\n".join(["t", *lines, "r17 a b 1", ""]))


def test_another_value_of_a_parameter(monkeypatch):
    monkeypatch.setattr(plain, "LEAST_TEXT", 0)
    monkeypatch.setattr(plain, "_LEAST_RUN", 1)
    circuit = read_spice("\n".join(["t", ".param k=2", *lines_of(5), "Rk a b {k}", ""]))
    other = circuit.deck.circuit(k=3.0)
    assert [e.value for e in other] == [*np.arange(1.0, 6.0), 3.0]
    assert isinstance(circuit, Circuit)
