"""Crossbars of one shape whose conductances are arrays of the backend already: no host copies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....core.errors import ParameterError
from ....core.validation import Array
from ....netlists.crossbar.crossbar import Crossbar, Resistive
from ....netlists.crossbar.ends import END_NAMES
from ..adjoint import like_bit, like_word
from ..problem import make_problem
from .array_backend import ArrayBackend
from .array_types import XpArray
from .crossbar_batch import Stack
from .matrix_gradient import current_gradients, matrix_gradients, vector_bytes
from .reduction import Ends, Reduction, bytes_of

__all__ = ["Alike"]


@dataclass(frozen=True, eq=False)
class Alike:
    """T crossbars that differ in their conductances only.

    Parameters
    ----------
    backend : ArrayBackend
    G : (T, M, N) array of the backend, siemens, float64
    like : Crossbar
        Their wires and ends; its own conductances do not matter.

    Raises
    ------
    ParameterError
        Conductances that are negative or not finite.
    SingularCircuitError
        A floating island. Where some line has no source the conductances are copied to the host
        to look for them.
    """

    backend: ArrayBackend
    G: XpArray
    like: Crossbar

    def __post_init__(self) -> None:
        xp = self.backend.xp
        if not bool(xp.all((self.G >= 0.0) & (xp.inf > self.G))):
            raise ParameterError("`G` must be finite and >= 0 siemens everywhere")
        if not self._tied():  # there may be islands: look at every crossbar
            for G in self.backend.to_host(self.G):
                make_problem(self.like.with_cells(Resistive(G)), np.zeros((1, self.like.inputs)))

    def _tied(self) -> bool:
        """Whether every line is whole and has a source, so that no node can float."""
        left, right, top, bottom = (self.like.line_ends[name].connected for name in END_NAMES)
        wires = self.like.wires
        return bool(
            (left | right).all() and (top | bottom).all()
            and wires.word.max() < np.inf and wires.bit.max() < np.inf
        )

    def _stack(self, first: int, last: int) -> Stack:
        closed = self.like.with_cells(Resistive(np.ones(self.like.shape)))
        problem = make_problem(closed, np.zeros((1, self.like.inputs)))
        return Stack(self.backend, self.G[first:last], problem.word_r[None], problem.bit_r[None])

    def _parts(self, more: int, *, keep: bool) -> list[slice]:
        shape, count = self.like.shape, int(self.G.shape[0])
        size = self.backend.fit(
            count, bytes_of(shape, keep=keep) + more, f"a crossbar of {shape[0]}x{shape[1]}"
        )
        return [slice(k, min(k + size, count)) for k in range(0, count, size)]

    def _driven(self) -> tuple[Array, Array]:
        left, right = (
            (end.connected & np.isnan(end.voltage)).astype(float)
            for end in (self.like.line_ends[name] for name in ("word_left", "word_right"))
        )
        return left, right

    def _joined(self, parts: list[XpArray]) -> XpArray:
        return parts[0] if len(parts) == 1 else self.backend.xp.concatenate(parts, axis=0)

    def matrices(self) -> XpArray:
        """Return the effective matrices, (T, N, M) siemens."""
        for name, end in self.like.line_ends.items():
            if end.kind == "mixed" and bool(np.nan_to_num(end.voltage)[end.connected].any()):
                raise ParameterError(
                    f"`ends.{name}` holds a line at a fixed voltage, so currents are not linear in "
                    "V alone"
                )
        left, right = (self.backend.asarray(mask) for mask in self._driven())
        found = []
        with self.backend.guard("the effective matrices"):
            for part in self._parts(0, keep=False):
                by_left, by_right = Reduction.of(
                    self._stack(part.start, part.stop), keep=False
                ).transfer()
                found.append(by_left * left + by_right * right)
            return self._joined(found)

    def matrix_gradients(self, grad: XpArray, *, wires: bool) -> tuple[XpArray, Array, Array]:
        """Return the gradients by G (T, M, N), and on the host by the wires, summed over T.

        grad (T, N, M): loss per siemens of the effective matrices.
        """
        left, right = self._driven()
        if not all(mask.all() or not mask.any() for mask in (left, right)):
            return self._by_currents(grad, wires=wires)
        driven = bool(left.all()), bool(right.all())
        grad = grad * self._sensed()[:, None]
        cells, word, bit = [], 0.0, 0.0
        with self.backend.guard("the gradient of the effective matrices"):
            for part in self._parts(6 * vector_bytes(self.like.shape), keep=True):
                stack = self._stack(part.start, part.stop)
                found = matrix_gradients(stack, driven, grad[part], wires=wires)
                cells.append(found[0])
                word, bit = word + self._summed(found[1]), bit + self._summed(found[2])
            return self._joined(cells), *self._like(word, bit)

    def _by_currents(self, grad: XpArray, *, wires: bool) -> tuple[XpArray, Array, Array]:
        """Return what `matrix_gradients` does, for lines with different ends."""
        xp, rows = self.backend.xp, self.like.inputs
        volts = xp.zeros((int(self.G.shape[0]), rows, rows)) + xp.eye(rows)
        by_currents = xp.ascontiguousarray(xp.swapaxes(grad, 1, 2))
        return self.current_gradients(volts, by_currents, wires=wires)[1:]

    def currents(self, V: XpArray) -> XpArray:
        """Return the currents into the bottom ends, (T, B, N) ampere, for V (T, B, M) volt."""
        sources = self._sources(V)
        found = []
        with self.backend.guard("the currents"):
            for part in self._parts(0, keep=False):
                reduction = Reduction.of(self._stack(part.start, part.stop), keep=False)
                left, right, top, bottom = (end[part] for end in sources)
                found.append(reduction.currents((left, right, top, bottom))[3])
            return self._joined(found)

    def current_gradients(
        self, V: XpArray, grad: XpArray, *, wires: bool
    ) -> tuple[XpArray, XpArray, Array, Array]:
        """Return the gradients by V (T, B, M), by G (T, M, N), and by the wires as above.

        grad (T, B, N): loss per ampere of `currents`.
        """
        sources, grad = self._sources(V), grad * self._sensed()
        left, right = (self.backend.asarray(mask) for mask in self._driven())
        volts, cells, word, bit = [], [], 0.0, 0.0
        with self.backend.guard("the gradient of the currents"):
            for part in self._parts(6 * vector_bytes(self.like.shape), keep=True):
                a, b, c, d = (end[part] for end in sources)
                stack = self._stack(part.start, part.stop)
                found = current_gradients(
                    stack, (left, right), (a, b, c, d), grad[part], wires=wires
                )
                volts.append(found[0])
                cells.append(found[1])
                word, bit = word + self._summed(found[2]), bit + self._summed(found[3])
            return self._joined(volts), self._joined(cells), *self._like(word, bit)

    def _sensed(self) -> XpArray:
        return self.backend.asarray(self.like.line_ends["bit_bottom"].connected.astype(float))

    def _summed(self, array: XpArray) -> XpArray:
        return self.backend.to_host(self.backend.xp.sum(array, axis=0))

    def _like(self, word: XpArray, bit: XpArray) -> tuple[Array, Array]:
        return like_word(word, self.like), like_bit(bit, self.like)

    def _sources(self, V: XpArray) -> Ends:
        xp, asarray = self.backend.xp, self.backend.asarray
        ends = []
        for name in END_NAMES:
            end = self.like.line_ends[name]
            fixed = np.where(end.connected & ~np.isnan(end.voltage), end.voltage, 0.0)
            volts = xp.zeros((*V.shape[:2], end.count)) + asarray(fixed)
            if name.startswith("word"):
                volts = volts + asarray((end.connected & np.isnan(end.voltage)) * 1.0) * V
            ends.append(volts)
        return ends[0], ends[1], ends[2], ends[3]
