"""Arrays of non-linear cells below each other, (T M, N), solved together by one Newton iteration.

`Newton`'s own iteration runs unchanged: only lines, linear step and cells know that the rows
belong to several arrays. Every array has bit lines of its own.
"""

from __future__ import annotations

import numpy as np

from .....core.validation import Array
from .....netlists.crossbar.cells import Cells
from ...line_equations import LEAST, Lines, Measured, Sources
from ...newton import Network
from ...problem import CrossbarProblem
from ..array_backend import ArrayBackend
from ..array_types import XpArray
from ..crossbar_batch import Stack
from ..mean_conductance_cg import Unloaded, leaving
from .row_elimination import RowStep

__all__ = ["StackedLines", "StackedNetwork", "lines_of"]

_EPS = 1e-15


class StackedLines(Lines):
    """The lines of T arrays; sources and end currents are those of all arrays, one after another.

    Parameters
    ----------
    stack : Stack
        Of one array: wires and ends of all.
    count : int
    """

    def __init__(self, stack: Stack, count: int) -> None:
        M, N = stack.shape
        self.shape, self.parallel, self.count, self.stack = (count * M, N), False, count, stack
        gw, gb = stack.conductances()
        self.gw, self.gb = gw[:, None], gb[:, None]

    @property
    def counts(self) -> tuple[int, int]:
        """Numbers of word and of bit lines, of all arrays."""
        M, N = self.stack.shape
        return self.count * M, self.count * N

    def _there(self, array: Array) -> XpArray:
        M, N = self.stack.shape
        return self.stack.backend.asarray(np.ascontiguousarray(array)).reshape(-1, 1, M, N)

    def _here(self, array: XpArray) -> Array:
        return self.stack.backend.to_host(array).reshape(self.shape)

    def lift(self, sources: Sources) -> tuple[Array, Array]:
        """Set the sources; return the unloaded voltages, word and bit, (T M, N)."""
        left, right, top, bottom = (
            self.stack.backend.asarray(np.ascontiguousarray(end).reshape(self.count, 1, -1))
            for end in sources
        )
        self.unloaded = Unloaded.of(self.stack, (left, right, top, bottom))
        base = self.unloaded.base
        return self._here(base[:, :, 0]), self._here(base[:, :, 1])

    def measure(
        self, out: Array, into: Array, u: Array, w: Array, scale: float = 0.0,
        grain: Array | None = None,
    ) -> Measured:
        """Check Kirchhoff's law; the numbers are those of the array that is worst."""
        with np.errstate(over="ignore", invalid="ignore"):  # far guesses may overflow
            return self._measure(out, into, u, w, scale, grain)

    def _measure(
        self, out: Array, into: Array, u: Array, w: Array, scale: float, grain: Array | None
    ) -> Measured:
        xp, back = self.stack.backend.xp, self.stack.backend.to_host
        drawn, fed, du, dw = map(self._there, (out, into, u, w))
        ends = self.unloaded.currents(xp.stack([du, dw], axis=2))
        every = xp.concatenate([xp.abs(end[:, 0]) for end in ends], axis=1)
        largest = np.maximum(back(xp.max(every, axis=1)), scale)
        floor = self.stack.backend.asarray(LEAST * largest + 1e-300)[:, None, None, None]
        coarse = 0.0 if grain is None else self._there(grain)
        res_u = -drawn - leaving(xp, self.gw, du, 3)
        res_w = fed - leaving(xp, self.gb, dw, 2)
        flow_w, flow_b = self.unloaded.flow_w[..., None], self.unloaded.flow_b[:, :, None]
        one = self._law(self.gw, du, flow_w, drawn, res_u, floor, coarse, 3)
        two = self._law(self.gb, dw, flow_b, fed, res_w, floor, coarse, 2)
        worst = np.maximum(one[0], two[0])
        total, noise = one[1] + two[1], one[2] + two[2]
        left, right, top, bottom = (back(end).ravel() for end in ends)
        measured = left, right, top, bottom
        k = self._worst(total, noise, largest, worst)
        finite = bool(np.isfinite(largest).all() and np.isfinite(total).all())
        return Measured(
            self._here(res_u), self._here(res_w), float(worst[k]), float(total[k]),
            float(noise[k]), float(largest[k]) if finite else np.inf, measured,
        )

    @staticmethod
    def _worst(total: Array, noise: Array, largest: Array, worst: Array) -> int:
        """Return the array furthest from its solution, beyond what rounding explains."""
        if not np.isfinite(total).all():
            return int(np.argmax(~np.isfinite(total)))
        share = np.where(total > noise, total / np.maximum(largest, 1e-300), 0.0)
        return int(np.argmax(np.where(share > 0.0, share, 1e-30 * worst)))

    def _law(
        self, g: XpArray, v: XpArray, flow: XpArray, cells: XpArray, missing: XpArray,
        floor: XpArray, coarse: XpArray | float, axis: int,
    ) -> tuple[Array, Array, Array]:
        """Return per array the worst violation, the sum of all, and that of their rounding."""
        xp, back = self.stack.backend.xp, self.stack.backend.to_host
        first, last = (v[..., :1], v[..., -1:]) if axis == 3 else (v[:, :, :1], v[:, :, -1:])
        size = xp.abs(v)
        near, far = xp.zeros_like(first), xp.zeros_like(last)
        before = xp.concatenate([near, size], axis=axis)
        after = xp.concatenate([size, far], axis=axis)
        unit = _EPS * g * (before + after)
        along = xp.abs(g * xp.diff(-xp.concatenate([near, v, far], axis=axis), axis=axis) + flow)
        ahead, behind = ((unit[..., :-1], unit[..., 1:]) if axis == 3
                         else (unit[:, :, :-1], unit[:, :, 1:]))
        enters, leaves = ((along[..., :-1], along[..., 1:]) if axis == 3
                          else (along[:, :, :-1], along[:, :, 1:]))
        big = xp.maximum(xp.maximum(enters, leaves), xp.abs(cells))
        rounding = ahead + behind + _EPS * big
        miss = xp.abs(missing)
        over = (miss - rounding - coarse) / xp.maximum(big, floor)
        return (np.maximum(back(xp.max(over, axis=(1, 2, 3))), 0.0),
                back(xp.sum(miss, axis=(1, 2, 3))), back(xp.sum(rounding, axis=(1, 2, 3))))


def lines_of(problem: CrossbarProblem, backend: ArrayBackend) -> Stack:
    """Return the lines of one array, without its cells."""
    none = backend.asarray(np.zeros((1, *problem.shape)))
    return Stack(backend, none, problem.word_r[None], problem.bit_r[None])


class StackedNetwork(Network):
    """Lines and cells of T arrays.

    Parameters
    ----------
    problem : CrossbarProblem
        Of one array: no segment of 0 ohm, no broken line.
    count : int
    cells : Cells
        (T M, N).
    backend : ArrayBackend
    threads : int
    """

    def __init__(
        self, problem: CrossbarProblem, count: int, cells: Cells, backend: ArrayBackend,
        threads: int,
    ) -> None:
        M, N = problem.shape
        stack = lines_of(problem, backend)
        self.threads, self.cells = max(1, threads), cells
        none = np.broadcast_to(np.zeros(1), (count * M, N))
        self.problem = CrossbarProblem(none, problem.word_r, problem.bit_r, problem.ends)
        self.lines = StackedLines(stack, count)
        self.linear = RowStep(stack, count)
