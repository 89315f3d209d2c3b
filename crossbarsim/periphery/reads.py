"""Noise that belongs to a read: the same whatever the batch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from ..core.draws import Place, read_normals
from ..core.errors import ParameterError
from ..core.validation import Array, count

__all__ = ["Noise", "Reads", "standard_normal"]


@dataclass(frozen=True)
class Reads:
    """Keyed source of noise: read number `first` + k draws the same numbers in any batch.

    Parameters
    ----------
    place : Place
        The physical array that is read.
    first : int
        Index of the first read of the batch, >= 0. With several phases per input, count each.
    """

    place: Place
    first: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.place, Place):
            raise ParameterError(f"`place` must be a Place; got {type(self.place).__name__}")
        count("first", self.first, low=0, high=2**62)

    def at(self, first: int) -> Reads:
        """Return the source for the reads from `first` on."""
        return replace(self, first=first)

    def standard_normal(self, effect: str, shape: tuple[int, int]) -> Array:
        """Return (B, n) standard normal numbers, row k of read `first` + k."""
        return read_normals(self.place, effect, self.first, *shape)


Noise: TypeAlias = np.random.Generator | Reads
"""Where noise comes from: a generator, in the order of the calls, or keyed reads."""


def standard_normal(noise: Noise | None, effect: str, shape: tuple[int, ...]) -> Array:
    """Return standard normal numbers of a shape whose last axis is the columns."""
    if noise is None:
        raise ParameterError(
            f"`generator` is needed for the {effect}: a numpy Generator or Reads(place, first)"
        )
    if isinstance(noise, Reads):
        rows = int(np.prod(shape[:-1], dtype=np.int64))
        return noise.standard_normal(effect, (rows, shape[-1])).reshape(shape)
    if not isinstance(noise, np.random.Generator):
        raise ParameterError(
            f"`generator` must be a numpy Generator or Reads(place, first); got {noise!r:.60}"
        )
    return noise.standard_normal(shape)
