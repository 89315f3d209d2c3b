"""Other solvers of the same crossbar, each from arrays to bit-line currents.

All sparse direct solvers get the same nodal matrix, put together here without crossbarsim.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csc_array

from crossbarsim.core.cpus import cpu_count
from crossbarsim.core.files import write_text

from .jobs import Array

# (G, V, ohm) -> (currents, seconds of assembly)
Peer = Callable[[Array, Array, float], tuple[Array, float]]
PEERS: dict[str, Peer] = {}
NEEDS: dict[str, str] = {}  # peer -> module or program


def peer(name: str, needs: str) -> Callable[[Peer], Peer]:
    """Register a solver that needs a module, or a program after "$"."""

    def register(function: Peer) -> Peer:
        PEERS[name], NEEDS[name] = function, needs
        return function

    return register


def available(name: str) -> bool:
    """Return whether what the solver needs is installed."""
    needs = NEEDS[name]
    if needs.startswith("$"):
        return shutil.which(needs[1:]) is not None
    return importlib.util.find_spec(needs) is not None


def _triplets(G: Array, ohm: float) -> tuple[Array, Array, Array, int]:
    """Return rows, columns and values of the lower triangle, and the number of unknowns."""
    M, N = G.shape
    size = 2 * M * N
    word = np.arange(M * N).reshape(M, N)
    bit = word + M * N
    g = 1.0 / ohm
    diagonal = np.empty((2, M, N))
    diagonal[0] = G + 2.0 * g
    diagonal[0, :, -1] -= g
    diagonal[1] = G + 2.0 * g
    diagonal[1, 0] -= g
    row = np.concatenate(
        [np.arange(size), bit.ravel(), word[:, 1:].ravel(), bit[1:].ravel()]
    )
    column = np.concatenate(
        [np.arange(size), word.ravel(), word[:, :-1].ravel(), bit[:-1].ravel()]
    )
    wires = np.full(M * (N - 1) + N * (M - 1), -g)
    return row, column, np.concatenate([diagonal.ravel(), -G.ravel(), wires]), size


def _right(V: Array, shape: tuple[int, int], ohm: float) -> Array:
    """Return the right-hand sides (2 M N, B) of the input vectors V (B, M)."""
    M, N = shape
    b = np.zeros((2 * M * N, len(V)))
    b[: M * N : N] = V.T / ohm
    return b


def lower(G: Array, ohm: float) -> csc_array:
    """Return the lower triangle of the nodal matrix."""
    row, column, value, size = _triplets(G, ohm)
    return coo_array((value, (row, column)), shape=(size, size)).tocsc()


def full(G: Array, ohm: float) -> csc_array:
    """Return the nodal matrix."""
    row, column, value, size = _triplets(G, ohm)
    off = row != column
    return coo_array(
        (np.concatenate([value, value[off]]),
         (np.concatenate([row, column[off]]), np.concatenate([column, row[off]]))),
        shape=(size, size),
    ).tocsc()


def _superlu(G: Array, V: Array, ohm: float, ordering: str) -> tuple[Array, float]:
    from scipy.sparse.linalg import splu  # noqa: PLC0415

    start = time.perf_counter()
    A, b = full(G, ohm), _right(V[None], G.shape, ohm)[:, 0]
    assembly = time.perf_counter() - start
    options = {} if ordering == "COLAMD" else {
        "diag_pivot_thresh": 0.0, "options": {"SymmetricMode": True}
    }
    x = splu(A, permc_spec=ordering, **options).solve(b)
    return x[-G.shape[1] :] / ohm, assembly


@peer("SuperLU (COLAMD)", "scipy")
def superlu_colamd(G: Array, V: Array, ohm: float) -> tuple[Array, float]:
    return _superlu(G, V, ohm, "COLAMD")


@peer("SuperLU (MMD)", "scipy")
def superlu_mmd(G: Array, V: Array, ohm: float) -> tuple[Array, float]:
    return _superlu(G, V, ohm, "MMD_AT_PLUS_A")


def cholmod_factor(G: Array, ohm: float, supernodal: int) -> tuple[object, float]:
    """Return CHOLMOD's factor of the nodal matrix and the seconds of assembly."""
    from kvxopt import cholmod, matrix, spmatrix  # noqa: PLC0415

    start = time.perf_counter()
    row, column, value, size = _triplets(G, ohm)
    A = spmatrix(matrix(value), matrix(row), matrix(column), (size, size))
    assembly = time.perf_counter() - start
    cholmod.options["supernodal"] = supernodal
    factor = cholmod.symbolic(A, uplo="L")
    cholmod.numeric(A, factor)
    return factor, assembly


def cholmod_solve(factor: object, V: Array, shape: tuple[int, int], ohm: float) -> Array:
    """Return the currents (B, N) of input vectors V (B, M)."""
    from kvxopt import cholmod, matrix  # noqa: PLC0415

    b = matrix(_right(V, shape, ohm))
    cholmod.solve(factor, b)
    return np.array(b)[-shape[1] :].T / ohm


@peer("CHOLMOD (supernodal)", "kvxopt")
def cholmod_supernodal(G: Array, V: Array, ohm: float) -> tuple[Array, float]:
    factor, assembly = cholmod_factor(G, ohm, 2)
    return cholmod_solve(factor, V[None], G.shape, ohm)[0], assembly


@peer("CHOLMOD (simplicial)", "kvxopt")
def cholmod_simplicial(G: Array, V: Array, ohm: float) -> tuple[Array, float]:
    factor, assembly = cholmod_factor(G, ohm, 0)
    return cholmod_solve(factor, V[None], G.shape, ohm)[0], assembly


@peer("KLU", "kvxopt")
def klu(G: Array, V: Array, ohm: float) -> tuple[Array, float]:
    from kvxopt import klu as solver  # noqa: PLC0415
    from kvxopt import matrix, spmatrix  # noqa: PLC0415

    start = time.perf_counter()
    row, column, value, size = _triplets(G, ohm)
    off = row != column
    A = spmatrix(
        matrix(np.concatenate([value, value[off]])), matrix(np.concatenate([row, column[off]])),
        matrix(np.concatenate([column, row[off]])), (size, size),
    )
    b = matrix(_right(V[None], G.shape, ohm))
    assembly = time.perf_counter() - start
    solver.linsolve(A, b)
    return np.array(b)[-G.shape[1] :, 0] / ohm, assembly


@lru_cache(maxsize=1)
def _pardiso() -> Any:
    from pypardiso import PyPardisoSolver  # noqa: PLC0415

    return PyPardisoSolver(mtype=2)  # finding and loading the library takes half a second


@peer("PARDISO", "pypardiso")
def pardiso(G: Array, V: Array, ohm: float) -> tuple[Array, float]:
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    solver = _pardiso()

    start = time.perf_counter()
    # the upper triangle by rows is the lower one by columns
    half = lower(G, ohm)
    half.sort_indices()
    A = csr_matrix((half.data, half.indices, half.indptr), shape=half.shape)
    b = _right(V[None], G.shape, ohm)[:, 0]
    assembly = time.perf_counter() - start
    solver.factorize(A)
    x = solver.solve(A, b)
    solver.free_memory()
    return x[-G.shape[1] :] / ohm, assembly


@peer("badcrossbar", "badcrossbar")
def badcrossbar(G: Array, V: Array, ohm: float) -> tuple[Array, float]:
    import badcrossbar as tool  # noqa: PLC0415

    logging.disable(logging.INFO)
    solution = tool.compute(V[:, None], 1.0 / G, ohm)
    return np.asarray(solution.currents.output).ravel(), 0.0


@peer("ngspice", "$ngspice")
def ngspice(G: Array, V: Array, ohm: float) -> tuple[Array, float]:
    M, N = G.shape
    start = time.perf_counter()
    lines = ["crossbar"]
    for i in range(M):
        lines.append(f"V{i} d{i} 0 {float(V[i])!r}")
        for j in range(N):
            left = f"d{i}" if j == 0 else f"w{i}_{j - 1}"
            below = f"s{j}" if i == M - 1 else f"b{i + 1}_{j}"
            lines += [
                f"Rw{i}_{j} {left} w{i}_{j} {ohm!r}", f"Rb{i}_{j} b{i}_{j} {below} {ohm!r}",
                f"Rc{i}_{j} w{i}_{j} b{i}_{j} {float(1.0 / G[i, j])!r}",
            ]
    lines += [f"Vs{j} s{j} 0 0" for j in range(N)]
    with tempfile.TemporaryDirectory() as folder:
        deck, out = Path(folder, "deck.cir"), Path(folder, "out.txt")
        vectors = " ".join(f"i(vs{j})" for j in range(N))
        lines += [
            ".control", "set numdgt=15", "set width=100000", "op", f"print {vectors} > {out}",
            "quit", ".endc", ".end",
        ]
        write_text(deck, "\n".join(lines) + "\n")
        assembly = time.perf_counter() - start
        subprocess.run(  # noqa: S603
            [shutil.which("ngspice") or "ngspice", "-b", str(deck)], check=True,
            capture_output=True, env={**os.environ, "LC_ALL": "C"},
        )
        told = out.read_text(encoding="utf-8").splitlines()
        values = [float(text.split("=")[1]) for text in told if "=" in text]
    return np.array(values), assembly


OURS = "crossbarsim"


@peer(OURS, "crossbarsim")
def ours(G: Array, V: Array, ohm: float) -> tuple[Array, float]:
    from crossbarsim import Crossbar, Solver, Wires  # noqa: PLC0415

    threads = cpu_count()
    sol = Solver(threads=threads).solve(Crossbar(G, Wires(word=ohm, bit=ohm)), V)
    return sol.currents, 0.0
