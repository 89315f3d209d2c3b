"""What a solution says of itself: `residual` and `converged`, and memory that is lent to kernels."""

import numpy as np
import pytest
from crossbarsim.solvers.crossbar.batched import ArrayBackend
from crossbarsim.solvers.crossbar.problem import RawSolution
from crossbarsim.solvers.crossbar.structured import chain_cg, coarse_space, linear_steps, reduction

from crossbarsim import Crossbar, Driven, Ends, Solver, Wires
from crossbarsim.core.compiled import workspace
from crossbarsim.core.errors import ConvergenceError
from crossbarsim.devices import VTEAM, StanfordPKU


def array(rows, columns, wires, seed=0):
    G = np.random.default_rng(seed).uniform(1e-6, 1e-4, (rows, columns))
    return Crossbar(G, wires)


@pytest.fixture(params=["fresh", "poisoned"])
def small_scratch(request, monkeypatch):
    """Memory as beyond the limit: another array at every call, full of NaN at worst."""
    if request.param == "fresh":
        monkeypatch.setattr(workspace, "_LIMIT", 0)
        return
    for module in (chain_cg, coarse_space, linear_steps, reduction):
        monkeypatch.setattr(module, "scratch", lambda _key, *shape: np.full(shape, np.nan))


CASES = [
    Wires(1.0, 1.0), Wires(0.0, 3.0), Wires(3.0, 0.0), Wires(1.0, np.where(
        np.random.default_rng(1).random((40, 33)) < 0.1, np.inf, 1.0)),
]


@pytest.mark.usefixtures("small_scratch")
@pytest.mark.parametrize("hard", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("wires", CASES, ids=["regular", "no word", "no bit", "broken"])
@pytest.mark.parametrize("threads", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_scratch_beyond_its_limit(wires, threads, hard, monkeypatch):
    monkeypatch.setattr(chain_cg, "is_hard", lambda *_: hard)
    monkeypatch.setattr(chain_cg, "_PAIR_CELLS", 1)
    xbar, V = array(40, 33, wires), np.full(40, 0.2)
    right = Solver(method="mna").solve(xbar, V)
    iterated = Solver(threads=threads, max_iterations=500).solve(xbar, V)
    direct = Solver(threads=threads).solve(xbar, np.stack([V] * 40))
    gradient = Solver(threads=threads, max_iterations=500).vjp(iterated, np.ones(33))
    expected = Solver(method="mna").vjp(right, np.ones(33))
    largest = np.abs(right.currents).max()
    assert abs(iterated.currents - right.currents).max() < 1e-10 * largest
    assert abs(direct.currents - right.currents).max() < 1e-10 * largest
    scale = np.abs(expected.conductance).max()
    assert abs(gradient.conductance - expected.conductance).max() < 1e-9 * scale
    assert iterated.converged
    assert iterated.residual < 1e-8
    W = Solver(threads=threads).effective_matrix(xbar)
    assert abs(W @ V - right.currents).max() < 1e-9 * largest


@pytest.mark.usefixtures("small_scratch")
@pytest.mark.parametrize("threads", [1, 2])
def test_scratch_beyond_its_limit_with_devices(threads):
    cells = VTEAM.preset("magic").array(np.random.default_rng(0).uniform(1e-5, 1e-3, (35, 20)))
    xbar, V = Crossbar(cells=cells, wires=Wires(2.0, 2.0)), np.full(35, 0.1)
    right = Solver(method="mna").solve(xbar, V).currents
    assert abs(Solver(threads=threads).solve(xbar, V).currents / right - 1.0).max() < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "columns"), [(2048, 2048), (4096, 512), (512, 4096)])
@pytest.mark.parametrize("threads", [1, 2])
def test_large_arrays_are_iterated(rows, columns, threads):
    xbar, V = array(rows, columns, Wires(1.0, 1.0)), np.full(rows, 0.2)
    solver = Solver(threads=threads)
    sol = solver.solve(xbar, V)
    assert sol.method.startswith("structured/chain-cg")
    assert sol.converged
    assert sol.residual < 1e-9
    # Kirchhoff's law for the whole array, and Tellegen's theorem, from the currents alone
    into = sol.end_currents["word_left"].sum()
    assert abs(into + sol.currents.sum()) < 1e-10 * abs(into)
    change = solver.vjp(sol, np.eye(1, columns, columns // 2)[0])
    assert abs(change.V @ V - sol.currents[columns // 2]) < 1e-9 * sol.currents.max()


@pytest.mark.parametrize("options", [
    {}, {"method": "mna"}, {"max_iterations": 200}, {"backend": ArrayBackend()},
], ids=["auto", "mna", "iterated", "batched"])
@pytest.mark.parametrize("cut", ["all", "some", "row", "pieces"])
def test_bit_lines_cut_off_from_their_sense_nodes(options, cut):
    rng = np.random.default_rng(3)
    rows, columns = 6, 5
    bit = np.ones((rows, columns))
    where = {
        "all": np.s_[-1], "some": np.s_[-1, ::2], "row": np.s_[2],
        "pieces": rng.random((rows, columns)) < 0.3,
    }
    bit[where[cut]] = np.inf
    xbar = array(rows, columns, Wires(1.0, bit))
    for V in (np.full(rows, 0.2), np.linspace(0.0, 0.3, rows), np.zeros(rows)):
        sol = Solver(**options).solve(xbar, V)
        assert sol.converged
        assert sol.residual < 1e-8
        # of ideal wires: a cut line settles at the mean of V weighted by its cells
        if cut == "all":
            assert abs(sol.currents).max() < 1e-16
            level = V @ xbar.conductance / xbar.conductance.sum(axis=0)
            assert abs(sol.bit_voltages - level).max() < 2e-3


def test_converged_follows_from_the_residual():
    ends = tuple(np.zeros((1, 1)) for _ in range(4))
    for residual in (1e-7, 1.0, np.inf, np.nan):
        assert not RawSolution(None, None, ends, residual, 0, "m").converged
    assert RawSolution(None, None, ends, 1e-9, 0, "m").converged
    lost = (*ends[:3], np.full((1, 1), np.nan))
    raw = RawSolution(None, None, lost, 1e-16, 0, "m")
    assert not raw.converged
    assert raw.residual == np.inf


def test_what_was_reached_of_every_input():
    xbar = array(30, 30, Wires(50.0, 50.0))
    V = np.random.default_rng(1).uniform(0.1, 0.2, (5, 30))
    short = Solver(max_iterations=3, on_failure="return", threads=1).solve(xbar, V)
    right = Solver().solve(xbar, V).currents
    assert not short.converged
    assert 1e-8 < short.residual < 1.0
    assert abs(short.currents / right - 1.0).max() < 0.5


def test_ohms_given_as_siemens_are_recognised():
    xbar = Crossbar(np.full((8, 8), 1e4), Wires(1.0, 1.0))
    with pytest.raises(ConvergenceError, match="look like ohms"):
        Solver(max_iterations=2).solve(xbar, np.full(8, 0.2))


def test_level_shifts_cost_no_digits():
    """All sources 1 V higher: the same currents, and a residual as small."""
    wires = Wires(1.0, 1.0)
    G = array(12, 9, wires).conductance
    V = np.linspace(-0.1, 0.1, 12)
    low = Solver().solve(Crossbar(G, wires, ends=Ends(bit_bottom=Driven(voltage=0.0))), V)
    high = Solver().solve(Crossbar(G, wires, ends=Ends(bit_bottom=Driven(voltage=1.0))), V + 1.0)
    assert abs(low.currents - high.currents).max() < 1e-12 * np.abs(low.currents).max()
    assert high.residual < 1e-9


@pytest.mark.parametrize("method", ["auto", "mna"])
@pytest.mark.parametrize("device", [VTEAM.preset("magic"), StanfordPKU()], ids=["vteam", "pku"])
def test_cells_cut_off_from_their_sense_nodes(method, device):
    cells = device.array(np.geomspace(1e-5, 1e-4, 30).reshape(6, 5))
    for where in (np.s_[-1], np.s_[-1, ::2], np.s_[2], np.random.default_rng(0).random((6, 5)) < 0.3):
        bit = np.ones((6, 5))
        bit[where] = np.inf
        xbar = Crossbar(cells=cells, wires=Wires(1.0, bit))
        for V in (np.full(6, 0.2), np.linspace(0.0, 0.3, 6), np.zeros(6), np.full(6, 1e-9)):
            sol = Solver(method=method).solve(xbar, V)
            assert sol.converged
            assert sol.residual < 1e-8
            assert (abs(sol.currents[np.isinf(bit).all(axis=0)]) < 1e-15).all()
