"""The lines of an array, apart from what its cells are: lift, end currents, Kirchhoff's law.

Every line is a row: of word lines (M, N) in a crosspoint array, (N, M) where both families run
along the columns; bit lines (N, M).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..netlists._check import Array
from .problem import CrossbarProblem

__all__ = ["Family", "Lines", "Measured", "Sources"]

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
        from .structured.kernels_family import lift_family  # noqa: PLC0415 - imports numba

        self.va, self.vb = va, vb
        lift_family(self.r, va, vb, self.base, self.flow)

    def ends(self, into: Array, v: Array) -> tuple[Array, Array]:
        """Return the currents into both ends, for currents from the cells and deviations v."""
        from .structured.kernels_family import family_ends  # noqa: PLC0415 - imports numba

        a, b = np.empty(len(self.flow)), np.empty(len(self.flow))
        family_ends(into, self.r, v, self.flow, self.va, self.vb, a, b)
        return a, b

    def check(self, out: Array, v: Array, least: float) -> tuple[Array, float, float, float]:
        """Return Kirchhoff's residual (L, n), its worst relative entry, sum, and rounding."""
        from .structured.kernels_family import check_family  # noqa: PLC0415 - imports numba

        res = np.empty(v.shape)
        worst, total, noise = check_family(out, self.r, v, self.flow, least, res)
        return res, worst, total, noise


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

    def as_words(self, array: Array) -> Array:
        """Return (M, N) values with word lines as rows, or the other way round."""
        return np.ascontiguousarray(array.T) if self.parallel else np.ascontiguousarray(array)

    def lift(self, sources: Sources) -> tuple[Array, Array]:
        """Set the sources; return the unloaded voltages, word and bit, (M, N)."""
        self.words.lift(sources[0], sources[1])
        self.bits.lift(sources[2], sources[3])
        return self.as_words(self.words.base), np.ascontiguousarray(self.bits.base.T)

    def ends(self, out: Array, into: Array, u: Array, w: Array) -> Sources:
        """Return the currents into the four ends.

        out, into : (M, N) ampere, drawn from the word nodes and fed into the bit nodes
        u, w : (M, N) volt, deviations from the unloaded voltages
        """
        left, right = self.words.ends(self.as_words(-out), self.as_words(u))
        top, bottom = self.bits.ends(np.ascontiguousarray(into.T), np.ascontiguousarray(w.T))
        return left, right, top, bottom

    def measure(
        self, out: Array, into: Array, u: Array, w: Array, scale: float = 0.0
    ) -> Measured:
        """Check Kirchhoff's law; arguments as for `ends`.

        `scale`, ampere, stands in for the largest current where that is less.
        """
        ends = self.ends(out, into, u, w)
        largest = max(float(np.abs(e).max()) for e in ends)
        largest = max(largest, scale) if np.isfinite(largest) else np.inf
        least = LEAST * largest + 1e-300
        res_u, worst_u, total_u, noise_u = self.words.check(
            self.as_words(out), self.as_words(u), least
        )
        res_w, worst_w, total_w, noise_w = self.bits.check(
            np.ascontiguousarray(-into.T), np.ascontiguousarray(w.T), least
        )
        return Measured(
            self.as_words(res_u), np.ascontiguousarray(res_w.T), float(max(worst_u, worst_w)),
            float(total_u + total_w), float(noise_u + noise_w), largest, ends,
        )
