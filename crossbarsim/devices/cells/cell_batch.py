"""The cells of one array, frozen, at many sets of node voltages at once."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from ...core.compiled.threads import spread
from ...core.validation import Array

__all__ = ["CellBatch"]

_SHARE = 2048  # cells that are worth a thread


class CellBatch:
    """Buffers and parameters for evaluating an array's cells in `count` slots by one call.

    Parameters
    ----------
    kernels : module
        Of the cells.
    shape : (M, N)
    count, lanes : int
        With `lanes`, slots hold as many sets of voltages side by side: (K, M N, lanes) stands for
        (K, M, N) below.
    sign : float
        Polarity of the device.
    state, low, high, P, Q : (S or parameters, 1 or M N)
    flip : bool
        Whether the access element is on the word side.
    tolerance : float
        Relative moves after which tangents will do.

    Attributes
    ----------
    cells : (3, K, M, N) ampere and siemens
        Current, di/du and -di/dw; the last is unused where `alike`.
    lead : (2, K, M, N)
        Derivatives of the inner nodes by word and bit voltage, with `moves`.
    inner : (K, M, N) volt
        Inner nodes, guess and result.
    alike, moves : bool
        Of devices alone, the two derivatives are one and there is no inner node.
    dear : bool
        Whether laws are evaluated cell by cell, not many at once.
    """

    def __init__(
        self, kernels: ModuleType, shape: tuple[int, int], count: int, *, sign: float,
        state: Array, low: Array, high: Array, P: Array, Q: Array, flip: bool, tolerance: float,
        lanes: int = 0,
    ) -> None:
        size = shape[0] * shape[1]
        plane = (size, lanes) if lanes else shape
        self.alike = hasattr(kernels, "frozen")
        self.moves = not self.alike
        self.dear = not (hasattr(kernels, "frozen_many") or hasattr(kernels, "cells_many"))
        self._size = size * max(lanes, 1)
        states = len(state)
        self._kernels, self._sign, self._flip, self._tolerance = kernels, sign, flip, tolerance

        def repeated(array: Array) -> Array:
            """Return parameters of one array as those of `count`."""
            if array.shape[1] == 1:
                return array
            return np.tile(np.repeat(array, max(lanes, 1), axis=1), (1, count))

        self._base = np.tile(
            np.repeat(state.reshape(states, size), max(lanes, 1), axis=1), (1, count)
        )
        self._low, self._high, self._P, self._Q = map(repeated, (low, high, P, Q))
        own = (count, *plane) if self.moves else (1, 1, 1)
        self.cells = np.empty((3 if self.moves else 2, count, *plane))
        self.inner, self.lead = np.zeros((count, *plane)), np.empty((2, *own))
        if self.moves:
            self._x = self._base.copy()
            self._leads = np.empty((2, 1 + states, count * self._size))

    def evaluate(self, count: int, word: Array, bit: Array, gate: Array, threads: int = 1) -> int:
        """Evaluate the first `count` slots at word and bit voltages (K, M, N).

        Returns the first slot with a cell whose own equations did not converge, K if none has.
        """
        n = count * self._size
        parts = max(1, min(threads, n // _SHARE))
        flat = [array.reshape(-1) for array in (word, bit, *self.cells)]
        if self.alike:
            frozen: Any = getattr(self._kernels, "frozen_many", self._kernels.frozen)
            spread(lambda k: frozen(
                n * k // parts, n * (k + 1) // parts, flat[0], flat[1], self._sign, self._base,
                self._low, self._high, self._P, flat[2], flat[3],
            ), parts, parts)
            return len(word)
        evaluate: Any = getattr(self._kernels, "cells_many", self._kernels.cells)
        bads = spread(lambda k: int(evaluate(
            n * k // parts, n * (k + 1) // parts, flat[0], flat[1], gate.reshape(-1), self._sign,
            self._base, 0.0, self._low, self._high, self._P, self._Q, self._flip, self._x,
            self.inner.reshape(-1), self._tolerance, *flat[2:], *self._leads,
        )), parts, parts)
        for target, found in zip(self.lead, self._leads, strict=True):
            target.reshape(-1)[:n] = found[0, :n]
        bad = next((b for b in bads if b >= 0), -1)
        return bad // self._size if bad >= 0 else len(word)
