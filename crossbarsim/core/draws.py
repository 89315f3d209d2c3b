"""Random draws that belong to a place on a chip: the same seed is the same chip.

Draws are counter-based (Philox): the key is made of seed, layer, array, tile and effect, the
counter is the cell, so that neither order, batch nor threads change a chip.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import ParameterError
from .settings import Settings
from .validation import Array

__all__ = [
    "Place", "Seed", "child_seed", "keyed_seed", "read_normals", "read_uniforms", "seed_sequence",
]

Seed = int | np.integer[Any] | Sequence[int] | np.random.SeedSequence | None
"""Of random effects: an integer >= 0, several, a `SeedSequence`, or None, which is 0."""

_BLOCK = 4  # numbers of one counter of Philox


def seed_sequence(seed: Seed) -> np.random.SeedSequence:
    """Return the sequence of a seed: the same for 5 and for ``SeedSequence(5)``, None is 0.

    Raises
    ------
    ParameterError
        It is neither an integer >= 0, nor a sequence of such, nor a `SeedSequence`.
    """
    if isinstance(seed, np.random.SeedSequence):
        return seed
    if seed is None:
        return np.random.SeedSequence(0)
    numbers: list[Any] = list(seed) if isinstance(seed, (tuple, list)) else [seed]
    if not numbers or any(
        isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0 for n in numbers
    ):
        raise ParameterError(
            f"`seed` must be an integer >= 0, a numpy.random.SeedSequence or None; got {seed!r:.60}"
        )
    whole = [int(n) for n in numbers]
    return np.random.SeedSequence(whole if len(whole) > 1 else whole[0])


def child_seed(seed: Seed, k: int) -> np.random.SeedSequence:
    """Return what `SeedSequence.spawn` gives as child k, whatever was spawned before.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.core.draws import child_seed
    >>> spawned = np.random.SeedSequence(7).spawn(3)[2]
    >>> bool((child_seed(7, 2).generate_state(4) == spawned.generate_state(4)).all())
    True
    """
    mine = seed_sequence(seed)
    return np.random.SeedSequence(
        mine.entropy, spawn_key=(*mine.spawn_key, k), pool_size=mine.pool_size
    )


def keyed_seed(seed: Seed, *key: int) -> np.random.SeedSequence:
    """Return the sequence of one event of a run, told by integers >= 0 such as row and pulse."""
    mine = seed_sequence(seed)
    entropy: Any = mine.entropy
    whole = (entropy,) if isinstance(entropy, int) else tuple(entropy)
    return np.random.SeedSequence(
        (*whole, *key), spawn_key=mine.spawn_key, pool_size=mine.pool_size
    )


@dataclass(frozen=True)
class Place(Settings):
    """Name of a physical array.

    Parameters
    ----------
    seed : int
        Of the chip, >= 0.
    layer, array : str
        Which layer of the network, which of its arrays ("positive", "negative", ...).
    tile : (int, int)
        Place in the layer's grid of tiles.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> from crossbarsim.nonidealities import Place
    >>> place = Place(seed=7, layer="fc1", array="positive", tile=(0, 1))
    >>> numbers = place.generator("write 0").standard_normal(2)
    >>> bool((numbers == place.generator("write 0").standard_normal(2)).all())  # always the same
    True
    >>> bool((numbers == Place(seed=8).generator("write 0").standard_normal(2)).any())
    False
    """

    seed: int
    layer: str = ""
    array: str = ""
    tile: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise ParameterError(f"`seed` must be an integer >= 0; got {self.seed!r}")

    def generator(self, effect: str) -> np.random.Generator:
        """Return the generator of one effect at this place, always from its start."""
        key = int.from_bytes(self._digest(effect), "little")
        return np.random.Generator(np.random.Philox(key=key))

    def key(self, effect: str) -> int:
        """Return 64 bits that are one effect's at this place."""
        return int.from_bytes(self._digest(effect)[:8], "little")

    def _digest(self, effect: str) -> bytes:
        key = (self.seed, self.layer, self.array, tuple(self.tile), effect)
        return hashlib.blake2b(repr(key).encode(), digest_size=16).digest()

    def normals(self, effect: str, sigma: float, count: int) -> Array | None:
        """Draw `count` normal numbers of standard deviation `sigma`; None where that is 0."""
        return sigma * self.generator(effect).standard_normal(count) if sigma else None


def read_uniforms(place: Place, effect: str, first: int, count: int, per_read: int) -> Array:
    """Return `per_read` numbers in (0, 1) for each of the reads first..first + count - 1.

    Read r takes the counters from r ceil(per_read / 4) on, so that every read has its own numbers
    whatever reads are drawn together with it. Shape (count, per_read).
    """
    stride = -(-per_read // _BLOCK)
    generator = place.generator(effect)
    bits: np.random.Philox = generator.bit_generator  # type: ignore[assignment]
    bits.advance(first * stride)
    found = generator.random((count, stride * _BLOCK))[:, :per_read]
    return np.ascontiguousarray(found) + 2.0**-54  # never 0; 1 stays out, 53 bits are drawn


def read_normals(place: Place, effect: str, first: int, count: int, per_read: int) -> Array:
    """Return `per_read` standard normal numbers for each of the reads first..first + count - 1.

    In single precision (`core.lanes.kernels_normals`), float64 (count, per_read): every read has
    its own numbers, whatever reads are drawn together with it.
    """
    from .lanes.kernels_normals import draw_reads  # noqa: PLC0415 - numba

    found = np.empty((count, per_read))
    draw_reads(np.uint64(place.key(effect)), np.uint64(first), found)
    return found
