"""Ideal transmission lines T, by the method of characteristics.

F. H. Branin, Proc. IEEE 55:2012 (1967): each end is its impedance z0 behind the wave that left the
other end a delay ago, v_1 - z0 i_1 = v_2(t - td) + z0 i_2(t - td), and the other way round. At an
operating point the line is two wires. Waves are interpolated linearly between the solver's points;
corners come out of the other end as breakpoints.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .....core.validation import Array
from .....netlists.elements import Element
from ...system.builder import Builder, register_kind
from ...system.element_group import Block, ElementGroup, Instant, Ints, Stamp, Triplets
from ...system.kernels_blocks import ACCEPT, EVALUATE, NEXT, ROOM, TURN, place_of
from . import kernels_ideal as kernels
from .ports import TwoPorts, two_ports

__all__ = ["Lines"]


class Lines(TwoPorts):
    """Ideal lines.

    Parameters
    ----------
    names
    at : (4, E)
        Both ends, each positive and negative.
    own : (2, E)
        Unknown currents into both ends.
    impedance, delay : (E,)
    ic : (4, E)
        v1, i1, v2, i2 at the start of a run with ``uic``; NaN where there are none.
    """

    def __init__(
        self, names: Sequence[str], at: Ints, own: Ints, impedance: Array, delay: Array, ic: Array
    ) -> None:
        super().__init__(names, at, own, ic)
        self.at, self.own = np.ascontiguousarray(at), np.ascontiguousarray(own)
        self.impedance, self.delay = np.ascontiguousarray(impedance), np.ascontiguousarray(delay)
        self.given = False  # whether the waves at the start are
        self._counts, self._nothing = np.zeros(4, dtype=np.int64), np.zeros(0)
        self._filled = Stamp(*(self._nothing,) * 4)
        self.start()

    def start(self) -> None:
        """Forget all waves."""
        self.times = np.zeros(256)
        self.waves = np.zeros((256, 2, self.count))
        self.corners = np.zeros(16 + 4 * self.count)
        self._counts[:] = 0
        self._counts[kernels.EDGE] = 1
        self.relocate()

    def relocate(self) -> None:
        """Note where the arrays are."""
        self._block = np.array([0, self.count, len(self.times), len(self.corners), *map(place_of, (
            self.at, self.own, self.impedance, self.delay, self.times, self.waves, self.corners,
            self._counts, self._filled.f, self._filled.g,
        ))], dtype=np.int64)

    def make_room(self) -> None:
        """Make room for more points and corners."""
        self.times, self.waves, self.corners = (
            np.concatenate([a, np.zeros_like(a)]) for a in (self.times, self.waves, self.corners)
        )
        self.relocate()

    def block(self, out: Stamp, gmin: float, reltol: float) -> Block:
        """Return the group as compiled loops see it, in a transient, filling `out`."""
        del gmin, reltol
        found = self._block.copy()
        found[kernels.DYNAMIC] = 1
        found[kernels.F], found[kernels.G] = place_of(out.f), place_of(out.g)
        return Block(kernels.run, found, self._nothing, frozenset({"corner", "next_breakpoint"}))

    def _run(self, what: int, time: float, x: Array) -> float:
        return float(kernels.run(what, time, self._block, self._nothing, x))

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill the rows of both ends."""
        if out is not self._filled:
            self._filled = out
            self.relocate()
        self._block[kernels.DYNAMIC] = now.mode != "dc"
        self._run(EVALUATE, now.time, x)

    def initial(self, x: Array) -> tuple[Ints, Array]:
        """Keep the waves that the initial values make."""
        self.given = not np.isnan(self.ic).all()
        self._counts[kernels.GIVEN] = self.given
        v1, i1, v2, i2 = np.nan_to_num(self.ic)
        x[self.own[0]], x[self.own[1]] = i1, i2
        self.times[0] = 0.0
        self.waves[0] = v2 + self.impedance * i2, v1 + self.impedance * i1
        self._counts[kernels.LENGTH] = 1
        return np.zeros(0, dtype=np.int64), np.zeros(0)

    def past(self, times: Array) -> Sequence[tuple[Ints, Ints, Ints, Array]]:
        """Return by which waves of earlier points the last one is reached."""
        before, after, share = self._between(times[:-1], float(times[-1]))
        found: list[tuple[Ints, Ints, Ints, Array]] = []
        for place, weight in ((before, 1.0 - share), (after, share)):
            w = np.where(self.given & (place == 0), 0.0, weight)
            for end in (0, 1):
                p, n, other = *self.at[2 - 2 * end:4 - 2 * end], self.own[1 - end]
                row, z = self.own[end], self.impedance
                found += [(place, row, p, -w), (place, row, n, w), (place, row, other, -w * z)]
        return found

    def _between(self, known: Array, time: float) -> tuple[Ints, Ints, Array]:
        """Return between which points the waves left that arrive at `time`."""
        then = time - self.delay
        if len(known) == 1:
            first = np.zeros(self.count, dtype=np.int64)
            return first, first, np.ones(self.count)
        after = np.clip(np.searchsorted(known, then), 1, len(known) - 1)
        t0, t1 = known[after - 1], known[after]
        return after - 1, after, np.clip((then - t0) / (t1 - t0), 0.0, 1.0)

    def accept(self, x: Array, now: Instant) -> None:
        """Keep the outgoing waves; where their slope jumped, a corner will arrive."""
        self._block[kernels.DYNAMIC] = now.mode != "dc"
        if self._run(ACCEPT, now.time, x) >= ROOM:
            self.make_room()

    def corner(self, time: float) -> None:
        """Look at the slopes after this point: a corner comes out of the other end later."""
        self._run(TURN, time, self._nothing)

    def next_breakpoint(self, time: float) -> float:
        """Return when the next corner arrives."""
        return self._run(NEXT, time, self._nothing)

    def max_step(self) -> float:
        """Return the shortest delay: what arrives must be known."""
        return float(self.delay.min())

    def ac_linear(self, omega: float) -> Sequence[Triplets]:
        """Return the entries by which the delayed waves of the other end couple the rows."""
        turn = np.exp(-1j * omega * self.delay)
        z = self.impedance
        p1, n1, p2, n2 = self.at
        one, two = self.own
        return [
            (one, p2, -turn), (one, n2, turn), (one, two, -z * turn),
            (two, p1, -turn), (two, n1, turn), (two, one, -z * turn),
        ]


@register_kind("T")
def _t(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    names, at, own, ic = two_ports(builder, elements)
    return [Lines(
        names, at, own, np.array([float(e.get("z0")) for e in elements]),
        np.array([float(e.get("td")) for e in elements]), ic,
    )]
