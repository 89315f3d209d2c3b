"""What all groups of semiconductors share: wiring, limiting, initial conditions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .....core.validation import Array
from .....netlists.transistors.temperature import BOLTZMANN, CHARGE
from ...system.builder import Builder
from ...system.element_group import (
    Block,
    Bools,
    ElementGroup,
    Instant,
    Ints,
    NoiseSource,
    Stamp,
    Triplets,
)
from ...system.entries import pairs
from ...system.kernels_blocks import EVALUATE, place_of
from .kernels import block as blocks
from .parameter_table import Table

__all__ = ["FREE", "INITIAL", "LIMITED", "Device", "Wiring", "inner_nodes"]

# How a kernel may choose its voltages: as they are, limited, or its initial guess.
FREE, LIMITED, INITIAL = 0, 1, 2
_OUT = slice(blocks.F, blocks.F + 4)  # of a block: what is filled
# volt over `reltol`: by how much voltages may change while slopes are kept. At a reltol of 1e-3
# an exponential, the most curved of laws, is off its tangent by 2e-6 of its current
_CURVED = 0.05
Kernel = Callable[..., float]


@dataclass(frozen=True, eq=False)
class Wiring:
    """Terminals, controlling voltages, currents and charges of a kind of device.

    Parameters
    ----------
    terminals : int
        T, inner ones, in the order of the rows of `Device.at`.
    branches : tuple of (int, int)
        Terminals of the B controlling voltages; -1 is none.
    currents, charges : tuple of (int, int, branches)
        From which terminal to which each flows, and the branches on which it depends.
    """

    terminals: int
    branches: tuple[tuple[int, int], ...]
    currents: tuple[tuple[int, int, tuple[int, ...]], ...]
    charges: tuple[tuple[int, int, tuple[int, ...]], ...]

    def pattern(self, flows: Sequence[tuple[int, int, tuple[int, ...]]]) -> tuple[Ints, Ints, Ints]:
        """Return rows and columns (terminals) of the entries, and the place of each, (T, T)."""
        places: dict[tuple[int, int], int] = {}
        for p, n, on in flows:
            columns = [t for b in on for t in self.branches[b] if t >= 0]
            for row in (p, n):
                for column in columns:
                    if row >= 0:
                        places.setdefault((row, column), len(places))
        slots = np.full((self.terminals, self.terminals), -1, dtype=np.int64)
        for (row, column), k in places.items():
            slots[row, column] = k
        rows = np.array([r for r, _ in places], dtype=np.int64)
        columns_ = np.array([c for _, c in places], dtype=np.int64)
        return rows, columns_, slots


def _ends(flows: Sequence[Sequence[Any]]) -> Ints:
    return np.array([[f[0] for f in flows], [f[1] for f in flows]], dtype=np.int64)


def inner_nodes(
    builder: Builder, names: Sequence[str], outer: Ints, here: Bools, what: str
) -> Ints:
    """Return the nodes behind a terminal's resistance, or the terminals where there is none."""
    found = outer.copy()
    for k in np.flatnonzero(here).tolist():
        found[k] = builder.inner(f"{names[k].lower()}#{what}")
    return found


class Device(ElementGroup):
    """Elements of one kind of semiconductor, evaluated by one compiled kernel.

    A kind gives `wiring`, `kernel` and `shown`, the names of the quantities that the kernel
    computes for every element (rows of `shown_values`); `at` (T, E) are the unknowns of the inner
    terminals, `sign` (E,) is -1 for complementary devices, `p` (K, E) are the parameters at the
    elements' temperatures. A kernel gets a block (`kernels.block`) and makes six tuples of it:
    (x, at, sign, p), (old, limited, off, memory), (mode, gmin, whether in a transient), wires, work
    space, and (f, q, g, c, shown) to fill.
    """

    wiring: Wiring
    shown: tuple[str, ...] = ()
    by_element = True
    without_poles = True
    remembers = 0  # rows of `memory`
    fills = False  # whether the kernel sets all that it is given; else it adds to zeros

    def __init__(
        self, table: Table, at: Ints, sign: Array, p: Sequence[Array], kernel: Kernel,
        resistors: Sequence[tuple[str, Ints, Ints, Array]] = (), initial: Array | None = None,
    ) -> None:
        self.names = table.names
        self.table, self.at, self.sign = table, np.ascontiguousarray(at), np.array(sign, float)
        # all of one element side by side, as kernels go from element to element
        self.p = np.asfortranarray(np.array([np.broadcast_to(r, len(table)) for r in p], float))
        self.kernel, self.resistors = kernel, resistors
        self.ic = initial
        wiring, count = self.wiring, len(table)
        branches, rows = len(wiring.branches), np.arange(wiring.terminals)
        g_rows, g_columns, g_slots = wiring.pattern(wiring.currents)
        c_rows, c_columns, c_slots = wiring.pattern(wiring.charges)
        self.f_rows, self.q_rows = self.at[rows], self.at[rows]
        self.g_at = self.at[g_rows], self.at[g_columns]
        self.c_at = self.at[c_rows], self.at[c_columns]
        self._wires = (
            _ends(wiring.branches), _ends(wiring.currents), g_slots, _ends(wiring.charges), c_slots
        )
        self._work = (
            np.zeros(branches), np.zeros(branches), np.zeros(len(wiring.currents)),
            np.zeros((len(wiring.currents), branches)), np.zeros(len(wiring.charges)),
            np.zeros((len(wiring.charges), branches)),
        )
        self.off = table.off.astype(np.int64)
        # the last row: what limiting needs besides
        self.old = np.zeros((branches + 1, count), order="F")
        self.kept = self.old.copy(order="F")
        self.memory = np.zeros((max(self.remembers, 1), count), order="F")
        self.shown_values = np.zeros((max(len(self.shown), 1), count), order="F")
        self.limited = np.zeros(count, dtype=bool)
        self._scratch = self._stamp()
        self._numbers = np.zeros(2)
        # of loops: elements to evaluate, whether and where each was, and what came of it
        self._some, self._known = np.zeros((2, count), dtype=np.int64)
        self._before = tuple(np.zeros(self.at.shape, order="F") for _ in range(3))
        self.relocate()
        self._seen: tuple[Array | None, int, str] = None, FREE, ""  # the last evaluation

    def _stamp(self) -> Stamp:
        shapes = (self.f_rows.shape, self.q_rows.shape, self.g_at[0].shape, self.c_at[0].shape)
        return Stamp(*(np.zeros(s, order="F") for s in shapes))

    def _arrays(self) -> tuple[Any, ...]:
        """Return the arrays of a block, in their order there."""
        s = self._scratch
        return (
            self.at, self.sign, self.p, self.old, self.limited, self.off, self.memory,
            *self._wires, *self._work, s.f, s.q, s.g, s.c, self.shown_values, self.kept,
            self._some, self._known, *self._before,
        )

    def relocate(self) -> None:
        """Note where the arrays are."""
        self._place, self._filled = self._whole_block(), self._scratch

    def _whole_block(self) -> Ints:
        """Return sizes and addresses, as `kernels.block` has them."""
        wiring = self.wiring
        sizes = (
            FREE, 0, self.fills, len(self.names), wiring.terminals, len(self.p),
            len(wiring.branches), len(wiring.currents), len(wiring.charges),
            len(self.g_at[0]), len(self.c_at[0]), len(self.memory), len(self.shown_values), 0, 0,
        )
        return np.array([*sizes, *map(place_of, self._arrays())], dtype=np.int64)

    def block(self, out: Stamp, gmin: float, reltol: float) -> Block:
        """Return the group as compiled loops see it, in a transient, filling `out`.

        There, elements whose voltages have not changed since they were evaluated keep their slopes.
        """
        found = self._place.copy()
        found[blocks.MODE], found[blocks.DYNAMIC] = LIMITED, 1
        found[blocks.FOLLOWS], found[blocks.PASSES] = self.follows, 1
        self._known[:] = 0
        found[_OUT] = [place_of(a) for a in (out.f, out.q, out.g, out.c)]
        return Block(self.kernel, found, np.array([gmin, reltol * _CURVED]))

    def _run(
        self, x: Array, at: Ints, mode: int, now: Instant, out: Stamp, old: Array, limited: Bools
    ) -> None:
        block = self._place
        if out is not self._filled:
            block[_OUT] = [place_of(a) for a in (out.f, out.q, out.g, out.c)]
            self._filled = out
        usual = at is self.at and limited is self.limited and old is self.old
        if not usual:
            block[blocks.AT], block[blocks.OLD], block[blocks.LIMITED] = (
                place_of(a) for a in (at, old, limited)
            )
        block[blocks.MODE], block[blocks.DYNAMIC] = mode, now.mode == "tran"
        self._numbers[0] = now.gmin
        self.kernel(EVALUATE, now.time, block, self._numbers, x)
        if not usual:
            block[blocks.AT], block[blocks.OLD], block[blocks.LIMITED] = (
                place_of(a) for a in (self.at, self.old, self.limited)
            )

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill `out` at the unknowns x, junctions limited."""
        mode = FREE if not now.limit else INITIAL if now.initialise else LIMITED
        self._run(x, self.at, mode, now, out, self.old, self.limited)
        if now.hold and self.off.any():
            k = self.off != 0
            out.f[:, k], out.g[:, k], self.old[:, k], self.limited[k] = 0.0, 0.0, 0.0, False
        self._seen = x, mode, now.mode

    def linear_g(self) -> Sequence[Triplets]:
        """Return the resistances between outer and inner terminals."""
        found: list[Triplets] = []
        for _, outer, inner, siemens in self.resistors:
            here = outer != inner
            ends = np.array([outer[here], inner[here]])
            found += pairs(ends, ends, siemens[here])
        return found

    # -- the course of a solution ----------------------------------------------------------------

    def start(self) -> None:
        """Forget all earlier voltages."""
        self.old[:] = 0.0
        self.kept[:] = 0.0
        self.memory[:] = 0.0

    def accept(self, x: Array, now: Instant) -> None:
        """Keep the voltages of a point of the result."""
        del x, now
        self.kept[:] = self.old

    def rewind(self) -> None:
        """Go back to the last point."""
        self.old[:] = self.kept

    def initial(self, x: Array) -> tuple[Ints, Array]:
        """Return what ``ic=`` voltages change the charges by."""
        if self.ic is None or not np.isfinite(self.ic).any():
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        here = Instant(mode="tran", limit=False)
        v = x[self.at]
        before = self._charges(v, here)
        after = self._charges(self._imposed(v.copy(), self.ic), here)
        return self.q_rows.ravel(), (after - before).ravel()

    def _imposed(self, v: Array, ic: Array) -> Array:
        """Return terminal voltages (T, E) with the initial voltages between them put in."""
        raise NotImplementedError

    def _charges(self, v: Array, now: Instant) -> Array:
        at = np.arange(v.size, dtype=np.int64).reshape(v.shape)
        self._run(v.ravel(), at, FREE, now, self._scratch, self.old, self.limited.copy())
        return self._scratch.q.copy()

    # -- what is shown ---------------------------------------------------------------------------

    def shown_at(self, x: Array, now: Instant) -> dict[str, Array]:
        """Return the quantities that the kernel computes at x, by name, each (E,)."""
        now = now.but(limit=False, initialise=False)
        self._run(x, self.at, FREE, now, self._scratch, self.old, self.limited.copy())
        return {name: self.shown_values[k].copy() for k, name in enumerate(self.shown)}

    def quantities(self, x: Array, now: Instant) -> dict[str, Array]:
        """Return what ``@element[name]`` shows, by ngspice's names, each (E,)."""
        return self.shown_at(x, now)

    def _thermal(self) -> list[NoiseSource]:
        found: list[NoiseSource] = []
        for what, outer, inner, siemens in self.resistors:
            white = 4.0 * BOLTZMANN * self.table.kelvin * siemens
            found += [
                NoiseSource(self.names[k], what, (int(outer[k]), int(inner[k])), float(white[k]))
                for k in np.flatnonzero(outer != inner)
            ]
        return found

    def _sources(
        self, kind: str, ends: tuple[Ints, Ints], *, conductance: Array | None = None,
        shot: Array | None = None, flicker: Array | None = None,
    ) -> list[NoiseSource]:
        """Return one source for each element: 4kTg, 2q|I|, or k/f."""
        white, low = np.zeros(len(self.names)), np.zeros(len(self.names))
        if conductance is not None:
            white += 4.0 * BOLTZMANN * self.table.kelvin * np.abs(conductance)
        if shot is not None:
            white += 2.0 * CHARGE * np.abs(shot)
        if flicker is not None:
            low += flicker
        return [
            NoiseSource(name, kind, (int(a), int(b)), float(w), float(f))
            for name, a, b, w, f in zip(self.names, *ends, white, low, strict=True)
            if w or f
        ]
