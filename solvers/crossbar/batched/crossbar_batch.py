"""Crossbars of one shape, side by side as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....core.validation import Array
from ..problem import CrossbarProblem
from .array_backend import ArrayBackend
from .array_types import XpArray

__all__ = ["MERGED", "Stack"]

MERGED = 1e30
"""Siemens of a merged node: elimination is free of subtraction, so nothing is lost beside it."""


@dataclass(frozen=True, eq=False)
class Stack:
    """T crossbars of one shape.

    Attributes
    ----------
    backend : ArrayBackend
    G : (T, M, N) array of the backend, siemens
    word_r : (T or 1, M, N+1) NumPy array, ohm
        As in `CrossbarProblem`; one for all crossbars where they are equal.
    bit_r : (T or 1, M+1, N) NumPy array, ohm
    """

    backend: ArrayBackend
    G: XpArray
    word_r: Array
    bit_r: Array

    @classmethod
    def of(cls, backend: ArrayBackend, problems: Sequence[CrossbarProblem]) -> Stack:
        """Put problems of one shape side by side."""
        G = np.stack([problem.G for problem in problems])
        return cls(
            backend, backend.asarray(G), _together([p.word_r for p in problems]),
            _together([p.bit_r for p in problems]),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(M, N)."""
        _, rows, columns = self.G.shape
        return int(rows), int(columns)

    def __len__(self) -> int:
        return int(self.G.shape[0])

    @property
    def connected(self) -> tuple[bool, bool, bool, bool]:
        """Whether any line has a source at the left, right, top, bottom."""
        word, bit = self.word_r, self.bit_r
        ends = (word[:, :, 0], word[:, :, -1], bit[:, 0], bit[:, -1])
        left, right, top, bottom = (bool((r < np.inf).any()) for r in ends)
        return left, right, top, bottom

    def conductances(self) -> tuple[XpArray, XpArray]:
        """Return the segments as (T or 1, M, N+1) and (T or 1, M+1, N) siemens of the backend."""
        return (self.backend.asarray(conductance(self.word_r)),
                self.backend.asarray(conductance(self.bit_r)))


def conductance(r: Array) -> Array:
    """Return 1 / r, with `MERGED` for 0."""
    with np.errstate(divide="ignore"):
        g = 1.0 / r
    return np.minimum(g, MERGED, out=g)


def _together(arrays: list[Array]) -> Array:
    first = arrays[0]
    if all(other is first or np.array_equal(first, other) for other in arrays[1:]):
        return first[None]
    return np.stack(arrays)


Ints = NDArray[np.int64]
