"""Random numbers in the values of a deck: ``agauss``, ``gauss``, ``aunif``, ``unif``, ``limit``.

=========================  ========================================================================
``agauss(m, d, n)``        normal, mean m, deviation d / n
``gauss(m, r, n)``         normal, mean m, deviation r m / n
``aunif(m, d)``            uniform from m - d to m + d
``unif(m, r)``, ``mc``     uniform from m - r m to m + r m
``limit(m, d)``            m - d or m + d
``gauss(s)``, ``flat(d)``  LTspice's: normal of deviation s, uniform from -d to d, both of mean 0
=========================  ========================================================================

A deck is read with a seed, of `read_spice` or of ``.option seed=``; without one all of them have
their means, as in a nominal run. A number is a function of the seed and of its place: the line,
the instance, the parameter, the how-manieth of them. The same deck and seed give the same
circuit, whatever else is changed: other temperatures, other parameters, other instances.
"""

from __future__ import annotations

import hashlib
from pathlib import PurePath
from statistics import NormalDist

from .lines import Line

__all__ = ["Draws"]

_NORMAL = NormalDist()


class Draws:
    """Draws the numbers of one deck.

    Parameters
    ----------
    seed : int or None
        None: all are 0, their mean.

    Attributes
    ----------
    count : int
        How many were asked for.
    """

    def __init__(self, seed: int | None) -> None:
        self.seed = seed
        self.count = 0
        self._seen: dict[tuple[str, str], dict[tuple[str, int], int]] = {}

    def forget(self, prefix: str, name: str) -> None:
        """Begin anew with a parameter, whose value may be asked for again."""
        self._seen.pop((prefix, name), None)

    def number(self, kind: str, prefix: str, line: Line, name: str) -> float:
        """Return a number of mean 0.

        Parameters
        ----------
        kind : {"normal", "uniform", "sign"}
            Of deviation 1, from -1 to 1, or one of -1 and 1.
        prefix : str
            Of the instance.
        line : Line
        name : str
            Of the parameter whose value it is for; empty for values of elements and cards.
        """
        self.count += 1
        if self.seed is None:
            return 0.0
        place = (PurePath(line.file).name, line.number)
        seen = self._seen.setdefault((prefix, name), {})
        seen[place] = seen.get(place, 0) + 1
        parts = (self.seed, prefix, *place, name, seen[place])
        key = "\x00".join(map(str, parts))
        whole = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
        share = ((whole >> 11) + 0.5) / 2.0**53  # between 0 and 1, neither of them
        if kind == "normal":
            return _NORMAL.inv_cdf(share)
        return 2.0 * share - 1.0 if kind == "uniform" else (1.0 if share < 0.5 else -1.0)
