"""Flat circuits: elements, checks, operating points, decks; crossbars written out."""

import shutil
import subprocess

import numpy as np
import pytest

from crossbarsim import (
    Circuit,
    Crossbar,
    Driven,
    Ends,
    Floating,
    Grounded,
    LoadResistor,
    NetlistError,
    ParameterError,
    Sensed,
    SingularCircuitError,
    Solver,
    Transimpedance,
    Wires,
)


def everything():
    return (
        Circuit("all elements").V("1", "in", 0, 1.0).R(1, "in", "out", "9k").R(2, "out", "gnd", "1k")
        .E("1", "x", 0, "out", 0, 5).R(3, "x", 0, 2).F("1", 0, "y", "V1", 3).R(4, "y", 0, 1)
        .G(1, "z", 0, "x", "y", 1e-3).R(5, "z", 0, "1meg").H("1", "h", 0, "v1", 100)
        .R(6, "h", "z", 10).I(1, "out", 0, "10u").C("1", "out", 0, "2.2u")
    )


def test_every_element_by_hand():
    r = Solver().operating_point(everything())
    # out: (1 - v)/9k = v/1k + 10u
    out = (1 / 9e3 - 1e-5) / (1 / 9e3 + 1e-3)
    through = -(1 - out) / 9e3
    assert r["v(out)"] == pytest.approx(out, rel=1e-12)
    assert r["i(v1)"] == pytest.approx(through, rel=1e-12)
    assert r["v(x)"] == pytest.approx(5 * out, rel=1e-12)
    assert r["v(y)"] == pytest.approx(3 * through, rel=1e-12)
    assert r["v(h)"] == pytest.approx(100 * through, rel=1e-12)
    z = (100 * through / 10 - 1e-3 * (5 * out - 3 * through)) / (1 / 10 + 1e-6)
    assert r["V(z)"] == pytest.approx(z, rel=1e-12)
    assert r["v(x,y)"] == pytest.approx(5 * out - 3 * through, rel=1e-12)
    assert r.residual < 1e-12
    graph = everything().graph()
    assert graph.number_of_edges() == 13
    assert graph.edges["in", "out", "R1"] == {"kind": "R", "value": 9000.0}


@pytest.mark.parametrize("seed", range(5))
def test_random_networks_against_dense_algebra(seed):
    rng = np.random.default_rng(seed)
    n = 12
    circuit, L, b = Circuit(), np.zeros((n + 1, n + 1)), rng.normal(size=n)
    for k in range(40):
        i, j = (int(x) for x in rng.choice(n + 1, 2, replace=False))
        if k < n:
            i, j = k + 1, k
        r = float(np.exp(rng.uniform(0, 10)))
        circuit.R(k, i, j, r)
        L[[i, j], [i, j]] += 1 / r
        L[[i, j], [j, i]] -= 1 / r
    for k in range(n):
        circuit.I(k, 0, k + 1, float(b[k]))
    v = np.linalg.solve(L[1:, 1:], b)
    r = Solver().operating_point(circuit)
    np.testing.assert_allclose([r.voltage(k + 1) for k in range(n)], v, rtol=1e-9)


@pytest.mark.parametrize(("build", "error", "message"), [
    (lambda c: c.R(1, 1, 0, 0), ParameterError, "must be > 0 ohm"),
    (lambda c: c.R(1, 1, 0, "nine"), ParameterError, "`resistance`"),
    (lambda c: c.V(1, 1, 0, float("nan")), ParameterError, "finite"),
    (lambda c: c.R("a b", 1, 0, 1), ParameterError, "name must be a word"),
    (lambda c: c.R(1, "a b", 0, 1), ParameterError, "node's name"),
    (lambda c: c.R(1, 1, 0, 1).R("r1", 1, 0, 1), ParameterError, "already has"),
    (lambda c: c.R(1, 1, 0, 1).F(1, 1, 0, "V9", 1), NetlistError, "V9"),
    (lambda c: c.R(1, 1, 2, 1), SingularCircuitError, "floating nodes 1, 2"),
    (lambda c: c.C(1, "a", 0, 1e-9).R(1, "b", 0, 1), SingularCircuitError, "floating nodes a"),
    (lambda c: c.V(1, 1, 0, 1).V(2, 1, 0, 2), SingularCircuitError, "closed by V2"),
    (lambda c: c.I(1, 0, "a", 1), SingularCircuitError, "cut-set of current sources I1"),
])
def test_mistakes_are_named(build, error, message):
    with pytest.raises(error, match=message):
        Solver().operating_point(build(Circuit()))


def test_unknown_results_are_named():
    r = Solver().operating_point(everything())
    with pytest.raises(ParameterError, match="no node 'outt'; there are out"):
        r["v(outt)"]
    with pytest.raises(ParameterError, match="ask for"):
        r["out"]


CASES = {
    "plain": (Wires(2.0, 3.0), Ends()),
    "zero segments": (Wires(np.array([[1.0, 0, 2], [0, 0, 1], [3, 1, 0], [1, 1, 1]]), 0.0), Ends()),
    "driver and sense": (Wires(1.0, 2.0, driver=50.0, sense=7.0), Ends(word_right=Driven())),
    "half select": (Wires(5.0, 5.0), Ends(
        word_left=[Driven(1.0)] + [Driven(0.5)] * 3, bit_bottom=[Sensed(), Driven(0.5), Driven(0.5)]
    )),
    "floating": (Wires(5.0, 5.0), Ends(
        word_left=[Driven()] + [Floating()] * 3, bit_bottom=[Sensed(), Floating(), Floating()]
    )),
    "amplifiers": (Wires(1.0, 1.0), Ends(
        bit_bottom=[Sensed(LoadResistor(100.0)), Sensed(Transimpedance(1e4, 50.0)), Grounded(3.0)]
    )),
}


def case(name):
    rng = np.random.default_rng(1)
    wires, ends = CASES[name]
    return Crossbar(rng.uniform(1e-6, 1e-3, (4, 3)), wires, ends), rng.uniform(0, 1, 4)


@pytest.mark.parametrize("name", CASES)
def test_expanded_crossbar(name):
    xbar, V = case(name)
    sol = Solver().solve(xbar, V)
    circuit = xbar.to_circuit(V)
    r = Solver().operating_point(circuit)
    for i in range(4):
        for j in range(3):
            assert r.voltage(f"wl{i}_{j}") == pytest.approx(sol.word_voltages[i, j], abs=1e-12)
            assert r.voltage(f"bl{i}_{j}") == pytest.approx(sol.bit_voltages[i, j], abs=1e-12)
    if name == "amplifiers":
        assert r["v(bl1_bottom_out)"] == pytest.approx(sol.outputs[1], rel=1e-10)
        assert r["v(bl0_bottom_end)"] == pytest.approx(sol.outputs[0], rel=1e-10)
        assert np.isnan(sol.outputs[2])
    else:
        assert r["i(v_bl0_bottom)"] == pytest.approx(sol.currents[0], rel=1e-9)


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")
@pytest.mark.parametrize("name", [*CASES, "all elements"])
def test_ngspice_runs_the_deck_to_the_same_numbers(name, tmp_path):
    circuit = everything() if name == "all elements" else case(name)[0].to_circuit(case(name)[1])
    ours = Solver().operating_point(circuit)
    shown = [f"v({n})" for n in circuit.nodes] + [f"i({e.name.lower()})" for e in circuit if e.kind == "V"]
    prints = "\n".join(f"print {q}" for q in shown)
    deck = circuit.to_spice().replace(
        ".end\n", f".options reltol=1e-9 abstol=1e-16\n.control\nop\nset numdgt=15\n{prints}\n.endc\n.end\n"
    )
    (tmp_path / "deck.cir").write_text(deck)
    run = subprocess.run(
        ["ngspice", "-b", str(tmp_path / "deck.cir")], capture_output=True, text=True, check=False, timeout=60
    )
    found = dict(
        (part.strip() for part in line.split("=", 1)) for line in run.stdout.splitlines()
        if line.count("=") == 1 and line.split("=")[0].strip() in shown
    )
    assert set(found) == set(shown), run.stderr
    scale = {kind: max(abs(ours[q]) for q in shown if q[0] == kind) for kind in "vi"}
    for query, value in found.items():
        assert float(value) == pytest.approx(ours[query], abs=1e-9 * scale[query[0]]), query


def test_a_model_that_is_missing_is_named():
    with pytest.raises(ParameterError, match="the circuit has no model 'dd'; add it first, with `model`"):
        Circuit().D(1, "a", 0, "dd")
    with pytest.raises(ParameterError, match="no model 'dd'; there are fast; add it first"):
        Circuit().model("fast", "d").D(1, "a", 0, "dd")
