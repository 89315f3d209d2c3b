"""Crossbars as elements: broken lines, lines without resistance, ends that are shared or float."""

import numpy as np
import pytest

from crossbarsim import Circuit, Crossbar, NetlistError, SingularCircuitError, Solver, Wires


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
