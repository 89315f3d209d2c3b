"""The lines of an array, apart from what its cells are: lift, end currents, Kirchhoff's law.

Every line is a row: of word lines (M, N) in a crosspoint array, (N, M) where both families run
along the columns; bit lines (N, M).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.validation import Array
from .problem import CrossbarProblem

__all__ = ["LEAST", "Family", "Lines", "Measured", "Sources"]

Sources = tuple[Array, Array, Array, Array]
LEAST = 1e-6  # of the largest end current: nodes that carry less are measured against this


class Family:
    """Lines r (L, n+1) ohm, outer entries up to the sources, with what drives them."""

    def __init__(self, r: Array) -> None:
        self.r = np.ascontiguousarray(r)
        self.base = np.empty((r.shape[0], r.shape[1] - 1))
        self.flow = np.empty(r.shape[0])
        self.va = self.vb = np.empty(0)

    def lift(self, va: Array, vb: Array) -> None:
        """Set the sources; fill the unloaded voltages `base` and currents `flow`."""
        from .structured.kernels.all_lines import lift_family  # noqa: PLC0415 - imports numba

        self.va, self.vb = va, vb
        lift_family(self.r, va, vb, self.base, self.flow)


@dataclass(frozen=True, eq=False)
class Measured:
    """Kirchhoff's law at one guess.

    Attributes
    ----------
    res_u, res_w : (M, N) ampere missing at every node
    worst, total, noise : float
        Largest residual over the largest branch at its node, sum, and rounding of the sum.
    largest : float
        Largest current, the scale of errors.
    ends : four arrays, ampere into the ends
    """

    res_u: Array
    res_w: Array
    worst: float
    total: float
    noise: float
    largest: float
    ends: Sources


class Lines:
    """Both families of an array.

    Parameters
    ----------
    problem : CrossbarProblem
        Its conductances are not used.
    """

    def __init__(self, problem: CrossbarProblem) -> None:
        self.shape = problem.shape
        self.parallel = problem.parallel
        self.words = Family(problem.word_r.T if self.parallel else problem.word_r)
        self.bits = Family(problem.bit_r.T)
        self._bit_r = np.ascontiguousarray(problem.bit_r)
        self._merged = not bool(problem.bit_r.min() > 0.0)

    @property
    def counts(self) -> tuple[int, int]:
        """Numbers of word and of bit lines."""
        return len(self.words.flow), len(self.bits.flow)

    def as_words(self, array: Array) -> Array:
        """Return (M, N) values with word lines as rows, or the other way round."""
        return np.ascontiguousarray(array.T) if self.parallel else np.ascontiguousarray(array)

    def lift(self, sources: Sources) -> tuple[Array, Array]:
        """Set the sources; return the unloaded voltages, word and bit, (M, N)."""
        self.words.lift(sources[0], sources[1])
        self.bits.lift(sources[2], sources[3])
        return self.as_words(self.words.base), np.ascontiguousarray(self.bits.base.T)

    def measure(
        self, out: Array, into: Array, u: Array, w: Array, scale: float = 0.0,
        grain: Array | None = None,
    ) -> Measured:
        """Check Kirchhoff's law.

        Parameters
        ----------
        out, into : (M, N) ampere
            Drawn from the word nodes and fed into the bit nodes.
        u, w : (M, N) volt
            Deviations from the unloaded voltages.
        scale : float, ampere
            Stands in for the largest current where that is less.
        grain : (M, N) ampere, optional
            What rounding the voltages makes of the cells' currents; `worst` leaves it out.
        """
        words, bits = self.words, self.bits
        count, columns = len(words.flow), len(bits.flow)
        left, right, top, bottom = (np.empty(n) for n in (count, count, columns, columns))
        res_u, res_w = np.empty(self.shape), np.empty(self.shape)
        grain = np.zeros((1, self.shape[1])) if grain is None else grain
        if not self.parallel:
            from .structured.kernels.all_lines import measure_rows  # noqa: PLC0415 - imports numba

            out, into, u, w = (np.ascontiguousarray(x) for x in (out, into, u, w))
            worst, total, noise, largest = measure_rows(
                out, into, u, w, words.r, self._bit_r, self._merged, words.flow, bits.flow,
                words.va, words.vb, bits.va, bits.vb, grain, scale, LEAST, left, right, top, bottom,
                res_u, res_w,
            )
            return Measured(
                res_u, res_w, worst, total, noise, largest, (left, right, top, bottom)
            )
        from .structured.kernels.all_lines import measure_lines  # noqa: PLC0415 - imports numba

        worst, total, noise, largest = measure_lines(
            out, into, u, w, words.r, bits.r, self.parallel, words.flow, bits.flow, words.va,
            words.vb, bits.va, bits.vb, grain, scale, LEAST, left, right, top, bottom, res_u,
            res_w,
        )
        return Measured(
            res_u, res_w, worst, total, noise, largest, (left, right, top, bottom)
        )
