"""The structured solver against general sparse nodal analysis, over the whole table of cases."""

import numpy as np
import pytest
from crossbarsim.solvers.crossbar.batched import ArrayBackend, find_gpu

from crossbarsim import Crossbar, Driven, Ends, Floating, Grounded, Sensed, Solver, Wires

SIZES = [(1, 1), (1, 7), (9, 1), (8, 8), (20, 50), (24, 40)]
LARGE = [(64, 64), (128, 128), (256, 64), (64, 256), (256, 256)]
WIRES = [0.0, 1e-6, 0.1, 1.0, 10.0, 100.0, "different", "no word", "no bit", "mixed"]
SLOWLY = [1e-6, 0.1, 10.0, "no bit"]
ARRAYS = Solver(backend=ArrayBackend())
GPU = pytest.mark.gpu, pytest.mark.skipif(find_gpu()[0] is None, reason=find_gpu()[1])
CELLS = [(1e-6, 1e-4), (1e-4, 1e-2), (1e-9, 1e-1)]
ENDS = ["default", "double", "both sides", "floating", "half", "third"]


def make_wires(kind, rows, columns, rng):
    if kind == "different":
        return Wires(10.0, 0.1, driver=5.0, sense=0.3)
    if kind == "no word":
        return Wires(0.0, 5.0)
    if kind == "no bit":
        return Wires(5.0, 0.0)
    if kind == "mixed":
        choice = [0.0, 0.0, 1e-6, 1.0, 100.0]
        return Wires(rng.choice(choice, (rows, columns + 1)), rng.choice(choice, (rows + 1, columns)))
    return Wires(kind, kind)


def make_ends(kind, rows, columns):
    if kind == "double":
        return Ends(word_right=Driven(), bit_top=Grounded(2.0))
    if kind == "both sides":
        return Ends(word_right=Driven(0.1, 3.0), bit_top=Driven(0.05, 1.0))
    if kind == "floating":
        return Ends(
            word_left=[Driven() if i == rows // 2 else Floating() for i in range(rows)],
            bit_bottom=[Sensed() if j == columns // 2 else Floating() for j in range(columns)],
        )
    if kind in ("half", "third"):
        word, bit = (0.5, 0.5) if kind == "half" else (1 / 3, 2 / 3)
        return Ends(
            word_left=[Driven(1.0) if i == 0 else Driven(word) for i in range(rows)],
            bit_bottom=[Sensed() if j == 0 else Driven(bit) for j in range(columns)],
        )
    return Ends()


def compare(shape, wires, cells, ends, seed=0, solver=None):
    solver = solver or Solver(method="structured")
    rng = np.random.default_rng(seed)
    rows, columns = shape
    G = np.exp(rng.uniform(*np.log(cells), shape))
    if rows > 1 and columns > 1:
        G[rng.random(shape) < 0.1] = 0.0
    if ends == "floating":  # no line may be an island
        G[:, columns // 2] += 1e-6
        G[rows // 2] += 1e-6
    V = rng.uniform(-0.2, 0.2, (2, rows))
    xbar = Crossbar(G, make_wires(wires, rows, columns, rng), make_ends(ends, rows, columns))
    expected = Solver(method="mna").solve(xbar, V)
    found = solver.solve(xbar, V)
    largest = np.abs(expected.currents).max()
    assert np.abs(found.currents - expected.currents).max() <= 1e-9 * largest
    ends_largest = max(np.abs(i).max() for i in expected.end_currents.values())
    for name, current in expected.end_currents.items():
        assert np.abs(found.end_currents[name] - current).max() <= 1e-9 * ends_largest, name
    assert np.abs(found.word_voltages - expected.word_voltages).max() <= 1e-9
    assert np.abs(found.bit_voltages - expected.bit_voltages).max() <= 1e-9
    assert found.residual <= 1e-6
    assert expected.residual <= 1e-6
    short = solver.solve(xbar, V, fields="currents")
    assert np.abs(short.currents - expected.currents).max() <= 1e-9 * largest
    W, offset = solver.affine_map(xbar)
    assert np.abs(V @ W.T + offset - expected.currents).max() <= 1e-9 * largest


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("cells", CELLS, ids=str)
@pytest.mark.parametrize("wires", WIRES)
def test_small(wires, cells, ends):
    for shape in SIZES:
        compare(shape, wires, cells, ends)


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("cells", CELLS, ids=str)
@pytest.mark.parametrize("wires", [
    *(w for w in WIRES if w not in SLOWLY), *(pytest.param(w, marks=pytest.mark.slow) for w in SLOWLY)])
def test_small_as_arrays(wires, cells, ends):
    for shape in SIZES:
        compare(shape, wires, cells, ends, solver=ARRAYS)


@pytest.mark.parametrize("device", ["host", pytest.param("gpu", marks=GPU)])
@pytest.mark.parametrize("wires", [1e-6, 1.0, 100.0, "mixed"])
@pytest.mark.parametrize("cells", CELLS, ids=str)
def test_64_as_arrays(wires, cells, device):
    solver = ARRAYS if device == "host" else Solver(backend="gpu")
    for ends in ("default", "floating"):
        compare((64, 64), wires, cells, ends, seed=1, solver=solver)


@pytest.mark.parametrize("wires", WIRES)
@pytest.mark.parametrize("device", [pytest.param("gpu", marks=GPU)])
def test_all_on_a_gpu(device, wires):
    for shape in [*SIZES, *LARGE]:
        for cells in CELLS:
            for ends in ENDS:
                compare(shape, wires, cells, ends, solver=Solver(backend=device))


@pytest.mark.parametrize("wires", [1e-6, 1.0, 100.0, "mixed"])
@pytest.mark.parametrize("cells", CELLS, ids=str)
def test_64(wires, cells):
    for ends in ("default", "floating"):
        compare((64, 64), wires, cells, ends, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("cells", CELLS, ids=str)
@pytest.mark.parametrize("wires", WIRES)
@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_large(shape, wires, cells, ends):
    compare(shape, wires, cells, ends, seed=2)


@pytest.mark.parametrize(("r", "cells"), [(100.0, (1e-4, 1e-2)), (100.0, (1e-9, 1e-1))])
def test_hard_cases_by_both_methods(r, cells):
    rng = np.random.default_rng(3)
    xbar = Crossbar(np.exp(rng.uniform(*np.log(cells), (96, 96))), Wires(r, r))
    V = rng.uniform(0, 0.2, (60, 96))
    direct = Solver().solve(xbar, V)
    assert direct.method == "structured/port-reduction"
    for solver in (Solver(), Solver(max_iterations=3000)):
        iterated = solver.solve(xbar, V[0])
        assert iterated.method == "structured/chain-cg-coarse"
        np.testing.assert_allclose(
            direct.currents[0], iterated.currents, atol=1e-10 * direct.currents.max()
        )


def test_large_batches_agree_with_single_vectors():
    rng = np.random.default_rng(4)
    xbar = Crossbar(rng.uniform(1e-6, 1e-4, (40, 30)), Wires(3.0, 2.0))
    V = rng.uniform(0, 0.2, (300, 40))
    batch = Solver().solve(xbar, V)
    assert batch.method == "structured/port-reduction"
    for k in (0, 17, 299):
        one = Solver().solve(xbar, V[k])
        np.testing.assert_allclose(batch.currents[k], one.currents, rtol=1e-9)
        np.testing.assert_allclose(batch.bit_voltages[k], one.bit_voltages, atol=1e-12)


@pytest.mark.parametrize("ends", ["default", "double", "both sides", "half"])
@pytest.mark.parametrize("shape", [(32, 5), (33, 17), (50, 40), (100, 8), (129, 64)], ids=str)
@pytest.mark.slow
def test_two_threads_on_one_vector(monkeypatch, shape, ends):
    monkeypatch.setattr("crossbarsim.solvers.crossbar.structured.chain_cg._PAIR_CELLS", 0)
    rng = np.random.default_rng(5)
    G = np.exp(rng.uniform(*np.log((1e-6, 1e-3)), shape))
    xbar = Crossbar(G, make_wires("different", *shape, rng), make_ends(ends, *shape))
    V = rng.uniform(-0.2, 0.2, shape[0])
    expected = Solver(method="mna").solve(xbar, V)
    one = Solver(threads=1, max_iterations=500).solve(xbar, V)
    two = Solver(threads=2, max_iterations=500).solve(xbar, V)
    assert two.iterations == pytest.approx(one.iterations, abs=1)
    for found in (one, two):
        atol = 1e-9 * np.abs(expected.currents).max()
        np.testing.assert_allclose(found.currents, expected.currents, atol=atol)
        np.testing.assert_allclose(found.bit_voltages, expected.bit_voltages, atol=1e-9)
        assert found.residual < 1e-8


def test_two_threads_give_up_together():
    rng = np.random.default_rng(6)
    xbar = Crossbar(np.exp(rng.uniform(*np.log((1e-4, 1e-1)), (400, 260))), Wires(100.0, 100.0))
    sol = Solver(threads=2, max_iterations=3, on_failure="return").solve(xbar, np.ones(400))
    assert not sol.converged
