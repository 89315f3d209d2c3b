"""What `Solver` asks of an array backend: lists of crossbars of any shapes in, NumPy arrays out."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from ....core.validation import Array
from ....netlists.crossbar.cells import Cells
from ....netlists.crossbar.crossbar import Crossbar
from ...solution import Gradients, Solution
from ..problem import CrossbarProblem, RawSolution, bound
from .array_backend import ArrayBackend
from .cells.adjoint import cell_gradients_together, linearise_together
from .cells.static import solve_cells_together
from .crossbar_batch import Stack
from .kirchhoff import kirchhoff
from .matrix_gradient import matrix_gradients, vector_bytes
from .mean_conductance_cg import iterate, iteration_bytes
from .problems import compile_problems
from .reduction import Ends, Reduction, bytes_of

__all__ = [
    "METHOD", "affine_maps", "cell_gradients", "compile_problems", "gradients_of_matrices",
    "linearise", "solve_cells",
    "solve_problems",
]

METHOD = "batched/port-reduction"
ITERATION = "batched/mean-cg"
_LIMIT = 5000
_DIRECT = 1e-6  # of voltages that are not refined; the currents are not made of them
_SAMPLE = 8  # vectors whose node voltages are checked when only currents are wanted


def _alike(keys: Sequence[Hashable]) -> Iterator[list[int]]:
    """Yield the positions of equal keys."""
    found: dict[Hashable, list[int]] = {}
    for k, key in enumerate(keys):
        found.setdefault(key, []).append(k)
    yield from found.values()


def _fitting(
    backend: ArrayBackend, items: list[int], shape: tuple[int, int], each: int
) -> Iterator[list[int]]:
    """Yield as many items at a time as memory allows, each of `each` bytes."""
    size = backend.fit(len(items), each, f"a crossbar of {shape[0]}x{shape[1]}")
    for first in range(0, len(items), size):
        yield items[first : first + size]


def solve_problems(
    backend: ArrayBackend, problems: Sequence[CrossbarProblem], *, keep_voltages: bool,
    rtol: float, max_iterations: int | None,
) -> list[RawSolution]:
    """Solve linear crossbars, those of one shape side by side.

    By port reduction, whatever the conditioning; with `max_iterations`, and where a reduction does
    not fit into memory, by conjugate gradients. Those need lines without breaks and without
    segments of 0 ohm: others are reduced always.

    Raises
    ------
    OutOfMemoryError
    """
    results: dict[int, RawSolution] = {}
    for group in _alike([(p.shape, p.batch, _regular(p)) for p in problems]):
        first = problems[group[0]]
        shape = first.shape
        vectors = first.batch if keep_voltages else min(first.batch, _SAMPLE)
        least = 2 * vector_bytes(shape) * min(vectors, _SAMPLE)
        keep = keep_voltages
        iterated = _regular(first) and (
            max_iterations is not None or bytes_of(shape, keep=True) + least > backend.budget
        )
        parts = _fitting(
            backend, group, shape, iteration_bytes(shape) if iterated
            else bytes_of(shape, keep=True) + least,
        )
        for part in parts:
            with backend.guard(f"{len(part)} crossbars of {shape[0]}x{shape[1]}"):
                mine = [problems[k] for k in part]
                found = _iterate_alike(
                    backend, mine, keep_voltages=keep, rtol=rtol, limit=max_iterations or _LIMIT
                ) if iterated else _reduce_alike(backend, mine, vectors, keep_voltages=keep)
            results.update(zip(part, found, strict=True))
    return [results[k] for k in range(len(problems))]


def _regular(problem: CrossbarProblem) -> bool:
    """Whether no segment has exactly 0 ohm and no line is broken."""
    word, bit = problem.word_r, problem.bit_r
    return bool(
        word.min() > 0.0 and bit.min() > 0.0 and word[:, 1:-1].max(initial=0.0) < np.inf
        and bit[1:-1].max(initial=0.0) < np.inf
    )


def _sources(backend: ArrayBackend, problems: Sequence[CrossbarProblem]) -> Ends:
    left, right, top, bottom = (
        backend.asarray(np.stack([p.ends[k] for p in problems])) for k in range(4)
    )
    return left, right, top, bottom


def _cut(ends: Ends, first: int, last: int) -> Ends:
    left, right, top, bottom = (end[:, first:last] for end in ends)
    return left, right, top, bottom


def _reduce_alike(
    backend: ArrayBackend, problems: list[CrossbarProblem], vectors: int, *, keep_voltages: bool
) -> list[RawSolution]:
    stack = Stack.of(backend, problems)
    reduction = Reduction.of(stack, keep=True)
    count, shape = len(problems), problems[0].shape
    sources = _sources(backend, problems)
    currents = reduction.currents(sources)
    kept = vectors if keep_voltages else 0
    word, bit = np.empty((count, kept, *shape)), np.empty((count, kept, *shape))
    worst = np.full(count, np.finfo(float).eps)
    chunk = backend.fit(
        vectors, count * 2 * vector_bytes(shape), f"one vector through {count} crossbars"
    )
    for first in range(0, vectors, chunk):
        last = min(first + chunk, vectors)
        part = _cut(sources, first, last)
        u, w = reduction.voltages(part)
        over = kirchhoff(stack, u, w, part, _cut(currents, first, last))
        worst = np.maximum(worst, backend.to_host(over))
        if kept:
            word[:, first:last], bit[:, first:last] = backend.to_host(u), backend.to_host(w)
    ends = [backend.to_host(end) for end in currents]
    return [
        RawSolution(
            word=word[k] if kept else None, bit=bit[k] if kept else None,
            end_currents=(ends[0][k], ends[1][k], ends[2][k], ends[3][k]),
            residual=float(worst[k]), iterations=0, method=f"{METHOD} ({backend.name})",
            bound=_DIRECT,
        )
        for k in range(count)
    ]


def _iterate_alike(
    backend: ArrayBackend, problems: list[CrossbarProblem], *, keep_voltages: bool, rtol: float,
    limit: int,
) -> list[RawSolution]:
    stack = Stack.of(backend, problems)
    count, shape, vectors = len(problems), problems[0].shape, problems[0].batch
    sources = _sources(backend, problems)
    kept = vectors if keep_voltages else 0
    word, bit = np.empty((count, kept, *shape)), np.empty((count, kept, *shape))
    ends = [np.empty(end.shape) for end in sources]
    worst = np.full(count, np.finfo(float).eps)
    iterations, good = np.zeros(count, dtype=np.int64), np.ones(count, dtype=bool)
    chunk = backend.fit(
        vectors, count * iteration_bytes(shape), f"one vector through {count} crossbars"
    )
    for first in range(0, vectors, chunk):
        last = min(first + chunk, vectors)
        part = _cut(sources, first, last)
        found = iterate(stack, part, rtol=rtol, limit=limit, single=True)
        over = kirchhoff(stack, found.word, found.bit, part, found.currents)
        worst = np.maximum(worst, backend.to_host(over))
        iterations = np.maximum(iterations, backend.to_host(found.iterations).max(axis=1))
        good &= backend.to_host(found.converged).all(axis=1)
        for end, current in zip(ends, found.currents, strict=True):
            end[:, first:last] = backend.to_host(current)
        if kept:
            word[:, first:last] = backend.to_host(found.word)
            bit[:, first:last] = backend.to_host(found.bit)
    return [
        RawSolution(
            word=word[k] if kept else None, bit=bit[k] if kept else None,
            end_currents=(ends[0][k], ends[1][k], ends[2][k], ends[3][k]),
            residual=float(worst[k]), iterations=int(iterations[k]),
            method=f"{ITERATION} ({backend.name})", gave_up=not good[k], bound=bound(rtol),
        )
        for k in range(count)
    ]


def solve_cells(
    backend: ArrayBackend, xbar: Crossbar, problem: CrossbarProblem, cells: Cells,
    gate: Array, *, keep: bool, rtol: float, threads: int,
) -> tuple[RawSolution, str]:
    """Solve an array of devices; also return why the first part that failed did."""
    return solve_cells_together(
        backend, xbar, problem, cells, gate, keep=keep, rtol=rtol, threads=threads
    )


def cell_gradients(
    backend: ArrayBackend, sol: Solution, grad: Array, *, wires: bool
) -> Gradients:
    """Return the gradients of a loss of the currents of an array of devices."""
    return cell_gradients_together(backend, sol, grad, wires=wires)


def linearise(backend: ArrayBackend, sol: Solution) -> tuple[Array, Array]:
    """Return the linearisation (W, I0) of an array of devices at one solution."""
    return linearise_together(backend, sol)


def _zero_problems(xbars: Sequence[Crossbar]) -> list[CrossbarProblem]:
    return compile_problems(xbars, [np.zeros((1, xbar.shape[0])) for xbar in xbars])


def affine_maps(backend: ArrayBackend, xbars: Sequence[Crossbar]) -> list[tuple[Array, Array]]:
    """Return (W (N, M) siemens, I0 (N,) ampere) of every crossbar.

    Raises
    ------
    OutOfMemoryError
    """
    problems = _zero_problems(xbars)
    results: dict[int, tuple[Array, Array]] = {}
    for group in _alike([p.shape for p in problems]):
        shape = problems[group[0]].shape
        for part in _fitting(backend, group, shape, bytes_of(shape, keep=False)):
            with backend.guard(f"{len(part)} crossbars of {shape[0]}x{shape[1]}"):
                stack = Stack.of(backend, [problems[k] for k in part])
                reduction = Reduction.of(stack, keep=False)
                offset = np.zeros((len(part), 1, shape[1]))
                if any(end.any() for k in part for end in problems[k].ends):  # fixed voltages
                    sources = _sources(backend, [problems[k] for k in part])
                    offset = backend.to_host(reduction.currents(sources)[3])
                left, right = (backend.to_host(block) for block in reduction.transfer())
            for n, k in enumerate(part):
                W = np.zeros((shape[1], shape[0]))
                for name, block in (("word_left", left[n]), ("word_right", right[n])):
                    end = xbars[k].line_ends[name]
                    if end.kind == "input":
                        W += block
                    elif end.kind == "mixed":
                        W += np.where(end.connected & np.isnan(end.voltage), block, 0.0)
                results[k] = W, offset[n, 0]
    return [results[k] for k in range(len(xbars))]


def gradients_of_matrices(
    backend: ArrayBackend, xbars: Sequence[Crossbar], grads: Sequence[Array], *, wires: bool
) -> list[tuple[Array, Array, Array]]:
    """Return the gradients by cells, word and bit segments for every crossbar's matrix.

    Raises
    ------
    OutOfMemoryError
    """
    problems = _zero_problems(xbars)
    driven = [
        tuple(
            bool((end.connected & np.isnan(end.voltage)).all())
            for end in (xbar.line_ends["word_left"], xbar.line_ends["word_right"])
        )
        for xbar in xbars
    ]
    results: dict[int, tuple[Array, Array, Array]] = {}
    keys = [(p.shape, d) for p, d in zip(problems, driven, strict=True)]
    for group in _alike(keys):
        shape, (left, right) = keys[group[0]]
        each = bytes_of(shape, keep=True) + 6 * vector_bytes(shape)
        for part in _fitting(backend, group, shape, each):
            with backend.guard(f"{len(part)} crossbars of {shape[0]}x{shape[1]}"):
                stack = Stack.of(backend, [problems[k] for k in part])
                connected = np.stack([problems[k].bit_r[-1] < np.inf for k in part])
                grad = np.stack([grads[k] for k in part]) * connected[:, :, None]
                found = [
                    backend.to_host(array) for array in
                    matrix_gradients(stack, (left, right), backend.asarray(grad), wires=wires)
                ]
            for n, k in enumerate(part):
                results[k] = found[0][n], found[1][n], found[2][n]
    return [results[k] for k in range(len(xbars))]
