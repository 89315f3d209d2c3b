"""Operating points of which rounding leaves nothing are refused, others are not."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice

from crossbarsim import Solver
from crossbarsim.core.errors import SingularCircuitError
from tests.solvers.crossbar.sparse.test_hard_arrays import hard, right

# two nodes, joined by 1 Mega-siemens, hang on 1e-10 and 3e-10 S between 1 V and ground
LOST = """a piece whose ties are below the rounding of its wire
v1 in 0 1
r1 in a 10g
r2 a b {wire}
r3 b 0 {tie}
"""


def test_a_piece_that_hangs_on_tenths_of_a_nanosiemens_is_refused():
    with pytest.raises(SingularCircuitError, match=r"rounding leaves v\([ab]\) unknown") as caught:
        Solver().operating_point(read_spice(LOST.format(wire="1u", tie="3.333g") + ".end\n"))
    assert set(caught.value.nodes) == {"a", "b"}


@pytest.mark.parametrize("analysis", [".dc v1 0 1 0.5", ".tran 1n 10n"])
def test_other_analyses_begin_there(analysis):
    deck = LOST.format(wire="1u", tie="3.333g") + f"c1 b 0 1p\n{analysis}\n.end\n"
    with pytest.raises(SingularCircuitError, match="rounding"):
        Solver().run(read_spice(deck))


def test_with_a_diode_beside():
    deck = LOST.format(wire="1u", tie="3.333g") + "r9 in d 1k\nd1 d 0 dd\n.model dd d\n.end\n"
    with pytest.raises(SingularCircuitError, match="rounding"):
        Solver().operating_point(read_spice(deck))


@pytest.mark.parametrize(("wire", "tie"), [("1m", "1g"), ("1u", "1meg"), ("1k", "1t")])
def test_what_is_left_is_right(wire, tie):
    deck = LOST.replace("10g", tie).format(wire=wire, tie=tie) + ".end\n"
    op = Solver().operating_point(read_spice(deck))
    assert op["v(a)"] == pytest.approx(0.5, rel=1e-5)


def test_expanded_arrays_are_right_or_refused():
    refused = solved = 0
    for seed in range(60):
        xbar, V = hard(seed)
        known = right(xbar, V)
        if known is None:
            continue
        u, w, _, height, _ = known
        try:
            op = Solver().operating_point(xbar.to_circuit(V))
        except SingularCircuitError:
            refused += 1
            continue
        solved += 1
        ours = op.to_dict()
        for family, exact in (("wl", u), ("bl", w)):
            for (i, j), volt in np.ndenumerate(exact):
                found = ours.get(f"v({family}{i}_{j})", volt)
                assert abs(found - float(volt)) < 1e-3 * height, (seed, family, i, j)
    assert solved > 30
    assert refused > 5
