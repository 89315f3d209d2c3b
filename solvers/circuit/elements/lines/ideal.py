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
from ...system.element_group import ElementGroup, Instant, Ints, Stamp, Triplets
from .ports import CORNER, TwoPorts, two_ports

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
        self.impedance, self.delay = impedance, delay
        self.start()

    def start(self) -> None:
        """Forget all waves."""
        self.length = 0
        self.times = np.empty(256)
        self.waves = np.empty((256, 2, self.count))
        self.corners: list[float] = []
        self.edge = True
        self.given = False  # whether the waves at the start are
        self._cache: tuple[float, Array] | None = None

    def _outgoing(self, x: Array) -> Array:
        """Return the waves that leave towards end 1 and end 2, (2, E)."""
        v1, v2 = x[self.at[0]] - x[self.at[1]], x[self.at[2]] - x[self.at[3]]
        i1, i2 = x[self.own[0]], x[self.own[1]]
        return np.array([v2 + self.impedance * i2, v1 + self.impedance * i1])

    def _incoming(self, time: float) -> Array:
        """Return the waves that arrive at `time`, (2, E)."""
        if self._cache is not None and self._cache[0] == time:
            return self._cache[1]
        if not self.length:
            found = np.zeros((2, self.count))
        else:
            before, after, share = self._between(self.times[:self.length], time)
            each, w = np.arange(self.count), self.waves
            found = np.array([
                (1 - share) * w[before, k, each] + share * w[after, k, each] for k in (0, 1)
            ])
        self._cache = (time, found)
        return found

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill the rows of both ends."""
        v1, v2 = x[self.at[0]] - x[self.at[1]], x[self.at[2]] - x[self.at[3]]
        i1, i2 = x[self.own[0]], x[self.own[1]]
        out.g[:] = 0.0
        if now.mode == "dc":
            out.f[0], out.f[1] = v1 - v2, i1 + i2
            out.g[0], out.g[1], out.g[2], out.g[3] = 1.0, -1.0, -1.0, 1.0
            out.g[10] = out.g[11] = 1.0
            return
        z = self.impedance
        come = self._incoming(now.time)
        out.f[0], out.f[1] = v1 - z * i1 - come[0], v2 - z * i2 - come[1]
        out.g[0], out.g[1], out.g[4] = 1.0, -1.0, -z
        out.g[8], out.g[9], out.g[11] = 1.0, -1.0, -z

    def initial(self, x: Array) -> tuple[Ints, Array]:
        """Keep the waves that the initial values make."""
        self.given = not np.isnan(self.ic).all()
        v1, i1, v2, i2 = np.nan_to_num(self.ic)
        x[self.own[0]], x[self.own[1]] = i1, i2
        self._keep(0.0, np.array([v2 + self.impedance * i2, v1 + self.impedance * i1]))
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

    def _keep(self, time: float, waves: Array) -> None:
        if self.length == len(self.times):
            self.times = np.concatenate([self.times, np.empty_like(self.times)])
            self.waves = np.concatenate([self.waves, np.empty_like(self.waves)])
        self.times[self.length], self.waves[self.length] = time, waves
        self.length += 1
        self._cache = None

    def accept(self, x: Array, now: Instant) -> None:
        """Keep the outgoing waves; where their slope jumped, a corner will arrive."""
        if now.mode == "dc":
            return
        if self.length and now.time <= self.times[self.length - 1]:
            if self.length > 1 or now.time > 0.0:
                return
            if not self.given:
                self.waves[0] = self._outgoing(x)
            return
        self._keep(now.time, self._outgoing(x))
        if not self.edge or self.length < 2:
            return
        self.edge, n = False, self.length
        t, w = self.times[:n], self.waves
        here = (w[n - 1] - w[n - 2]) / (t[n - 1] - t[n - 2])
        before = (w[n - 2] - w[n - 3]) / (t[n - 2] - t[n - 3]) if n > 2 else np.zeros_like(here)
        size = np.maximum(np.abs(before), np.abs(here))
        corner = (np.abs(here - before) > CORNER * size).any(axis=0)
        for k in np.flatnonzero(corner):
            self.corners.append(float(t[n - 2] + self.delay[k]))
        self.corners.sort()

    def corner(self, time: float) -> None:
        """Look at the slopes after this point: a corner comes out of the other end later."""
        del time
        self.edge = True

    def next_breakpoint(self, time: float) -> float:
        """Return when the next corner arrives."""
        while self.corners and self.corners[0] <= time:
            self.corners.pop(0)
        return self.corners[0] if self.corners else np.inf

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
