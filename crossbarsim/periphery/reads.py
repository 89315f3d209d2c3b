"""Noise that depends on the number of a read, not on the batch that it is in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from ..core.draws import Place, read_normals
from ..core.errors import ParameterError
from ..core.settings import checks_arguments
from ..core.validation import Array, count

__all__ = ["Noise", "Reads", "standard_normal"]


@checks_arguments
@dataclass(frozen=True)
class Reads:
    """Keyed source of noise: read number `first` + k draws the same numbers in every batch.

    Parameters
    ----------
    place : Place
        The physical array that is read.
    first : int
        Number of the first read of the batch, >= 0; every phase of an input counts.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Place
    >>> from crossbarsim.periphery import ADC, Reads
    >>> adc = ADC(bits=8, full_scale=1e-5, noise=0.5)
    >>> signal = np.full((4, 2), 3e-6)
    >>> whole = adc.convert(signal, 1e-5, signed=False, generator=Reads(Place(7)))
    >>> last = adc.convert(signal[3:], 1e-5, signed=False, generator=Reads(Place(7), first=3))
    >>> bool((last == whole[3:]).all())
    True
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
"""Source of noise: a generator, in the order of the calls, or keyed reads."""


def standard_normal(noise: Noise | None, effect: str, shape: tuple[int, ...]) -> Array:
    """Return standard normal numbers of a shape whose last axis is the columns.

    Raises
    ------
    ParameterError
        There is no source of noise.
    """
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
