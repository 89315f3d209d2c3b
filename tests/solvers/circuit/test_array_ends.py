"""Crossbars as elements: broken lines, lines without resistance, ends that are shared or float."""

import numpy as np
import pytest

from crossbarsim import (
    Circuit,
    Crossbar,
    NetlistError,
    SingularCircuitError,
    Solver,
    Wires,
    read_spice,
)


def test_ends_whose_last_segments_are_all_broken():
    bit = np.full((3, 2), 3.0)
    bit[-1] = np.inf
    for bottom, top in ((["x", "y"], ["p", "q"]), (["x", "y"], None)):
        circuit = Circuit()
        circuit.crossbar("1", Crossbar(np.full((2, 2), 1e-4), Wires(2.0, bit)), word_left=["a", "b"],
                         bit_bottom=bottom, bit_top=top)
        for k, node in enumerate("abxypq" if top else "abxy"):
            circuit.V(node, f"{node}s", 0, 0.1 * (k + 1)).R(node, f"{node}s", node, 10.0)
        found, expected = Solver().operating_point(circuit), Solver().operating_point(circuit.expanded())
        assert found["v(a)"] == pytest.approx(expected["v(a)"], rel=1e-9)
        assert found["v(x)"] == pytest.approx(0.3, rel=1e-12)


@pytest.mark.parametrize("ends", [("bit_top", "bit_bottom"), ("word_right", "bit_top"), ("word_right",)])
@pytest.mark.parametrize("layout", ["crosspoint", "parallel"])
def test_crossbars_without_a_left_end(ends, layout):
    g = np.random.default_rng(2).uniform(1e-5, 1e-3, (3, 3))
    circuit = Circuit()
    circuit.crossbar("1", Crossbar(g, Wires(2.0, 5.0), layout=layout),
                     **{end: [f"{end}{k}" for k in range(3)] for end in ends})
    for k, node in enumerate(circuit.nodes):
        circuit.V(node, f"{node}s", 0, 0.1 * (k % 3 + 1)).R(node, f"{node}s", node, 10.0 + k)
    found, expected = Solver().operating_point(circuit), Solver().operating_point(circuit.expanded())
    for node in expected.circuit.nodes:
        assert found[f"v({node})"] == pytest.approx(expected[f"v({node})"], rel=1e-9), node


def test_lines_without_resistance_between_two_nodes():
    xbar = Crossbar(np.full((2, 1), 1e-4), Wires(0.0, 2.0))
    circuit = Circuit().V("1", "a", 0, 1.0).R("1", "b", 0, 50.0).R("2", "c", 0, 50.0)
    two = circuit.copy()
    two.crossbar("1", xbar, word_left=["a", "b"], word_right=["a", "c"], bit_bottom=["0"])
    for made in (two, two.expanded):
        with pytest.raises(NetlistError, match="X1: a line without resistance joins the nodes b and c"):
            Solver().operating_point(made if isinstance(made, Circuit) else made())
    circuit.crossbar("1", xbar, word_left=["a", "b"], word_right=["a", "b"], bit_bottom=["0"])
    found, expected = Solver().operating_point(circuit), Solver().operating_point(circuit.expanded())
    assert found["v(b)"] == pytest.approx(expected["v(b)"], rel=1e-9)
    assert found["i(v1)"] == pytest.approx(expected["i(v1)"], rel=1e-9)


def test_line_ends_that_nothing_joins_float():
    word = np.full((2, 3), 2.0)
    word[1, 0] = np.inf
    circuit = Circuit().V("1", "a", 0, 1.0).C("1", "b", 0, 1e-12)
    circuit.crossbar("1", Crossbar(np.full((2, 2), 1e-4), Wires(word, 2.0)), word_left=["a", "b"],
                     bit_bottom=["0", "0"])
    with pytest.raises(SingularCircuitError, match="floating nodes b:"):
        Solver().operating_point(circuit)
    g = np.array([[1e-4, 1e-4], [0.0, 0.0]])
    circuit = Circuit().V("1", "a", 0, 1.0).C("1", "b", 0, 1e-12)
    circuit.crossbar("1", Crossbar(g, Wires(2.0, 2.0)), word_left=["a", "b"], word_right=["a", "c"],
                     bit_bottom=["0", "0"])
    with pytest.raises(SingularCircuitError, match="floating nodes b, c:"):
        Solver().operating_point(circuit)


WEAK = """a bit line that only a diode and 1 megohm hold
X1 w0 b0 b1 b2 crossbar rows=1 columns=3 bit=2 model=m bit_capacitance=10f
.model m stanford_pku
V0 s0 0 pulse(0 0.885 1n 1n 1n 10n 25n)
R0 s0 w0 5k
D0 b0 0 dm
R1 b0 0 1meg
.model dm d is=1e-12
E1 o1 0 0 b1 1e4
R2 b1 o1 10k
E2 o2 0 0 b2 1e4
R3 b2 o2 10k
.options reltol=1e-4 method=gear
.tran 0.2n 40n uic
"""
STRONG = """word lines with more capacitance than conductance
X1 w0 w1 b0 b1 crossbar rows=2 columns=2 word=1 bit=30 model=m word_capacitance=20f bit_capacitance=1f
.model m yakopcic
V0 s0 0 pulse(0 1.768 1n 1n 1n 10n 25n)
R0 s0 w0 5k
V1 s1 0 pulse(0 1.182 1n 1n 1n 10n 25n)
R1 s1 w1 1
V2 b0 0 -0.49
C1 b1 0 1p
R2 b1 0 20k
.options reltol=1e-4
.tran 0.2n 40n uic
"""


@pytest.mark.parametrize(("deck", "names"), [(WEAK, ("v(b0)", "v(w0)")), (STRONG, ("v(b1)", "v(w0)"))])
@pytest.mark.slow
def test_capacitance_of_lines_at_their_ends(deck, names):
    circuit = read_spice(deck)
    found, expected = Solver().run(circuit)[0], Solver().run(circuit.expanded())[0]
    assert found.failed <= 2
    for name in names:
        curve = np.interp(found.time, expected.time, expected[name])
        assert np.sqrt(np.mean((found[name] - curve) ** 2)) < 6e-3 * np.ptp(curve), name
