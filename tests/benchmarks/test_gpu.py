"""The GPU's benchmark, on NumPy at small sizes, and its refusal."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from crossbarsim.solvers.crossbar.batched import ArrayBackend, find_gpu

from benchmarks import gpu
from benchmarks.rowwise import matrices_by_rows
from crossbarsim import Crossbar, Solver, Wires

ROOT = Path(__file__).parents[2]
GPU, FOUND = find_gpu()


def test_it_measures_what_it_says(monkeypatch):
    monkeypatch.setattr(gpu, "best_of", lambda work: (0.5, work()))
    result = gpu.run(quick=True, backend=ArrayBackend())
    assert [row["name"].split(",")[0] for row in result["rows"]] == [
        "effective matrices", "the same row by row", "training step",
        "effective matrices", "the same row by row", "training step", "40 vectors through 2 tiles",
        "a write in 2 chips of 4x4",
    ]
    assert all(row["difference"] < 1e-9 for row in result["rows"][:-1] if "difference" in row)
    assert result["rows"][-1]["difference"] < 1e-2  # other steps than those of a chip by itself
    assert result["rows"][-2]["residual"] < 1e-9
    text = gpu.table(result)
    assert "| 500 ms |" in text
    assert "numpy" in text


@pytest.mark.parametrize(("ohm", "cells"), [(1.0, (1e-6, 1e-4)), (1e-6, (1e-6, 1e-4)), (100.0, (1e-9, 1e-1))])
@pytest.mark.parametrize("shape", [(1, 1), (9, 14), (30, 3)])
def test_row_by_row_is_another_way_to_the_same_matrix(shape, ohm, cells):
    rng = np.random.default_rng(0)
    G = np.exp(rng.uniform(*np.log(cells), (2, *shape)))
    found = matrices_by_rows(np, G, ohm, 2.0 * ohm)
    expected = Solver(method="mna").effective_matrices([Crossbar(g, Wires(ohm, 2.0 * ohm)) for g in G])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


def test_counted_work():
    reduce, back = gpu.work_of((64, 64))
    assert 1e7 < reduce < 1e8
    assert 4.0 < gpu.work_of((128, 128))[0] / reduce < 9.0  # grows as the cube, the small blocks less
    assert 50 < back / 64**2 < 200


@pytest.mark.skipif(GPU is not None, reason="there is a GPU")
def test_without_a_gpu_it_says_so():
    done = subprocess.run([sys.executable, "-m", "benchmarks.gpu"], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1
    assert f"backend='gpu': {FOUND}" in done.stderr
    assert not done.stdout


@pytest.mark.gpu
@pytest.mark.skipif(GPU is None, reason=FOUND)
def test_on_a_gpu():
    result = gpu.run(quick=True)
    assert all(row["difference"] < 1e-6 for row in result["rows"] if "difference" in row)
