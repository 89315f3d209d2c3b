"""Circuits whose resistors and capacitors are columns have the results of single elements."""

import numpy as np
import pytest
from crossbarsim.netlists.columns import plain
from crossbarsim.solvers.circuit.system import pattern

from crossbarsim import Solver, read_spice
from crossbarsim.core.errors import SingularCircuitError

LADDER = "\n".join(
    f"R{k} n{k} n{k + 1} {1 + k % 3}k\nRg{k} n{k} 0 50k\nC{k} n{k + 1} 0 {1 + k % 2}p"
    for k in range(12)
)
DECKS = {
    "op": f"t\nV1 n0 0 1 ac 1\n{LADDER}\n.op\n",
    "ac": f"t\nV1 n0 0 1 ac 1\n{LADDER}\n.ac dec 3 1meg 1g\n",
    "tran": f"t\nV1 n0 0 pulse(0 1 0 1n 1n 10n 20n)\n{LADDER}\n.tran 0.5n 30n\n",
    "uic": f"t\nI1 0 n0 1m\n{LADDER}\n.ic v(n3)=0.2\n.tran 0.5n 30n uic\n",
    "noise": f"t\nV1 n0 0 1 ac 1\n{LADDER}\n.noise v(n12) V1 dec 3 1meg 1g\n",
    "sens": f"t\nV1 n0 0 1 ac 1\n{LADDER}\n.sens v(n12)\n",
    "dc": f"t\nV1 n0 0 1\n{LADDER}\n.dc R3 1k 4k 1k\n",
    "warm": f"t\nV1 n0 0 1\n{LADDER}\n.options tnom=50\n.temp 80\n.op\n",
    "meters": f"t\nV1 n0 0 1\n{LADDER}\nB1 q 0 i=2*i(R3)\nR99 q 0 1k\nF1 p 0 R2 3\nRp p 0 1k\n.op\n",
    "saved": f"t\nV1 n0 0 1\n{LADDER}\n.save @r3[i] v(n1) @c2[i]\n.tran 0.5n 5n\n",
    "diode": f"t\nV1 n0 0 1\n{LADDER}\nD1 n5 0 d\n.model d d(is=1e-14)\n.op\n",
    "inductors": f"t\nV1 n0 0 1\nL1 n3 n9 1u\nL2 n4 0 1u\nK1 L1 L2 0.5\n{LADDER}\n.tran 1n 5n\n",
    "alter": f"t\nV1 n0 0 1\n{LADDER}\n.control\nop\nalter r3=5k\nop\n.endc\n",
}


def results(deck, monkeypatch, *, columns):
    monkeypatch.setattr(plain, "LEAST_TEXT", 0 if columns else 10**12)
    monkeypatch.setattr(plain, "_LEAST_RUN", 2)
    monkeypatch.setattr(pattern, "_LARGE", 0 if columns else 10**12)
    circuit = read_spice(deck)
    assert bool(circuit.columns("R")) == columns
    return Solver().run(circuit)


@pytest.mark.parametrize("name", DECKS)
def test_all_analyses(name, monkeypatch):
    one, other = (results(DECKS[name], monkeypatch, columns=c) for c in (False, True))
    assert len(one) == len(other) > 0
    for a, b in zip(one, other, strict=True):
        first, second = a.to_dict(), b.to_dict()
        assert sorted(first) == sorted(second)
        for key, value in first.items():
            # 1e-9 of the largest: rows of the equations are in another order
            scale = np.max(np.abs(value), initial=1e-300)
            np.testing.assert_allclose(second[key], value, rtol=1e-9, atol=1e-9 * scale)


def test_nodes_without_a_path_to_ground_are_named(monkeypatch):
    deck = "t\nV1 a 0 1\nR1 a 0 1k\nR2 b c 1k\nR3 b c 2k\nC1 b 0 1p\n.op\n"
    with pytest.raises(SingularCircuitError, match="floating nodes b, c"):
        results(deck, monkeypatch, columns=True)


@pytest.mark.parametrize(("n", "count"), [(1, 5), (7, 100), (50, 3000), (1, 500), (300, 300), (4, 0)])
def test_a_pattern_is_the_sorted_one(n, count):
    rng = np.random.default_rng(n)
    rows, columns = rng.integers(-1, n, count), rng.integers(-1, n, count)
    if n == 50:
        columns[:] = np.where(columns < 0, -1, 3)
    for a, b in zip(
        pattern._sorted(rows, columns, n), pattern._counted(rows, columns, n), strict=True
    ):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
