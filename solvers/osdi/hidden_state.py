"""Modules that keep values from one evaluation to the next: found, and run all the same.

A variable that is read before it is written has the value of the evaluation before: of another
Newton step, or of a step in time that was refused. The solver does not see it, so that neither its
error nor its derivative is known. ``@(initial_step)`` that computes constants is no such thing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core.validation import Array
from .batch import OsdiBatch

__all__ = ["Snapshot", "keeps_values"]

_PROBES = 4  # instances at most that are looked at
_TIMES = (1.0e-9, 1.7e-9)


def keeps_values(batch: OsdiBatch) -> bool:
    """Return whether evaluations at one point differ after one at another point.

    The batch is left as it was.
    """
    if not batch.count:
        return False
    snapshot = Snapshot(batch)
    draws = np.random.default_rng(1)
    shape = (batch.size, batch.count)
    here, there = (draws.uniform(-0.3, 0.6, shape) for _ in range(2))
    some = np.unique(np.linspace(0, batch.count - 1, _PROBES).astype(int))
    try:
        _look(batch, here, 0.0, "tran_op")
        before = _look(batch, here, _TIMES[0], "tran")[:, some]
        _look(batch, there, _TIMES[1], "tran")
        after = _look(batch, here, _TIMES[0], "tran")[:, some]
    finally:
        snapshot.restore()
    return not np.array_equal(before, after, equal_nan=True)


def _look(batch: OsdiBatch, x: Array, time: float, analysis: str) -> Array:
    """Return f and q, one above the other, finite or not."""
    out = batch.stamp()
    flat = np.append(x.ravel(), 0.0)
    at = np.asfortranarray(np.arange(x.size).reshape(x.shape))
    batch.evaluate_into(flat, at, out, time, analysis=analysis)
    return np.concatenate([out.f, out.q])


class Snapshot:
    """The data of a batch's instances, to go back to.

    With `keep` after a point of the result and `restore` before every evaluation a module with
    hidden state is a function of the unknowns and of the last point: Newton's steps and refused
    steps in time leave nothing behind.
    """

    def __init__(self, batch: OsdiBatch) -> None:
        self._data, self._rows = batch.blocks.data, np.asarray(batch.index)
        self._first: NDArray[np.uint8] = self._data[self._rows]
        self._kept = self._first

    def keep(self) -> None:
        """Take the data as they are."""
        self._kept = self._data[self._rows]

    def reset(self) -> None:
        """Take the data as they were when this was made."""
        self._kept = self._first
        self.restore()

    def restore(self) -> None:
        """Put the data back that were taken last."""
        self._data[self._rows] = self._kept
