"""Switches with hysteresis, S (by a voltage) and W (by a current).

A switch is a resistor, `ron` or `roff`: on above vt + vh, off below vt - vh, in between as it was
(ngspice's switches). The change is an event between two time steps: a step is taken with the state
at its beginning; one that leads farther over the threshold than the tolerance of an unknown is
refused and taken again up to the crossing, and the next step starts anew behind it. Were the switch
to turn within a step, no shorter step would have less of an error, and one that acts on its own
control would not know its state. At operating points, and at the first point of ``uic``, the state
follows the control within Newton's iteration. Negative hysteresis is a ramp
instead: between
vt - |vh| and vt + |vh| the conductance goes smoothly, its logarithm as a cubic.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....core.errors import NetlistError
from ....core.validation import Array
from ....netlists.elements import Element
from ..system.builder import Builder, register_kind, where
from ..system.element_group import Bools, ElementGroup, Instant, Ints, NoiseSource, Stamp
from ..system.tolerances import Tolerances

__all__ = ["Switches"]

_BOLTZMANN = 1.380649e-23
_BEYOND = 0.5  # of the tolerance: how far behind the threshold a step is to end
_LOOKS = 12  # evaluations of a point in which only the last point's state counts
_SHORTER, _SAME = 0.5, 0.9  # a step as much shorter that moves the control as much: it jumps


class Switches(ElementGroup):
    """Switches of one letter.

    Parameters
    ----------
    names
    at, control : (2, E)
        Ends, and the two unknowns whose difference controls.
    threshold, hysteresis, on, off : (E,)
        Volt or ampere, volt or ampere, siemens, siemens.
    closed : (E,) bool
        At the start, where the control lies between the thresholds.
    relative, absolute : float
        Tolerance with which thresholds are met: of the control, and volt or ampere.
    """

    def __init__(
        self, names: Sequence[str], at: Ints, control: Ints, threshold: Array, hysteresis: Array,
        on: Array, off: Array, closed: Bools, relative: float, absolute: float,
    ) -> None:
        self.relative, self.absolute = relative, absolute
        self.names, self.at, self.control = tuple(names), at, control
        self.threshold, self.hysteresis, self.on, self.off = threshold, hysteresis, on, off
        self.first = closed
        self.smooth = hysteresis < 0
        self.f_rows = at
        a, b, c, d = at[0], at[1], control[0], control[1]
        self.g_at = np.array([a, a, b, b, a, a, b, b]), np.array([a, b, a, b, c, d, c, d])
        self.jumped = False
        self.start()

    def start(self) -> None:
        """Go back to the states given."""
        self.closed = self.first.copy()
        self.kept, self.seen, self.time = self.closed, np.full(len(self.names), np.nan), 0.0
        self._held, self._looks = False, 0
        self._tried: tuple[float, Array] | None = None

    def accept(self, x: Array, now: Instant) -> None:
        """Keep states and controls."""
        drive = self._drive(x)
        self.closed = self._decide(drive, self.closed)
        turned = (self.closed != self.kept) & ~self.smooth
        self.jumped = now.mode == "tran" and bool(turned.any())
        self.kept, self.seen, self.time = self.closed, drive, now.time
        self._held, self._tried, self._looks = True, None, 0

    def rewind(self) -> None:
        """Go back to the last point."""
        self.closed, self._looks = self.kept, 0

    def modes(self) -> Bools | None:
        """Return which are closed, (E,)."""
        return self.closed.copy()

    def recall(self, modes: Bools, *, fixed: bool = False) -> None:
        """Close those."""
        del fixed  # without limiting they stay as they are
        self.closed = modes

    def _drive(self, x: Array) -> Array:
        drive: Array = x[self.control[0]] - x[self.control[1]]
        return drive

    def _decide(self, drive: Array, before: Bools) -> Bools:
        above = drive > self.threshold + self.hysteresis
        below = drive < self.threshold - self.hysteresis
        return np.where(above, True, np.where(below, False, before))

    def _conductance(self, drive: Array, closed: Bools) -> tuple[Array, Array]:
        """Return conductances, and their derivatives with respect to the control."""
        g, slope = np.where(closed, self.on, self.off), np.zeros(len(drive))
        if self.smooth.any():
            width = np.where(self.smooth, -self.hysteresis, 1.0)
            s = np.clip((drive - self.threshold) / width, -1.0, 1.0)
            ratio = np.log(self.on / self.off)
            ramp = np.sqrt(self.on * self.off) * np.exp(0.25 * ratio * s * (3.0 - s * s))
            g = np.where(self.smooth, ramp, g)
            slope = np.where(self.smooth, ramp * 0.75 * ratio * (1.0 - s * s) / width, slope)
        return g, slope

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill currents and conductances."""
        drive = self._drive(x)
        if now.limit:
            before = self.closed
            if now.mode == "dc" or not self._held:
                # a guess on the way does not turn a switch that starts within its hysteresis; one
                # that acts on its own control stays, after a while, as it turned
                self._looks += 1
                self.closed = self._decide(drive, self.kept if self._looks <= _LOOKS else before)
            self.limited = (self.closed != before) & ~self.smooth
        g, slope = self._conductance(drive, self.closed)
        v = x[self.at[0]] - x[self.at[1]]
        out.f[0] = g * v
        out.f[1] = -out.f[0]
        out.g[0] = out.g[3] = g
        out.g[1] = out.g[2] = -g
        out.g[4] = out.g[7] = slope * v
        out.g[5] = out.g[6] = -out.g[4]

    def refuse(self, x: Array, now: Instant) -> float:
        """Return when the first threshold is crossed, if a control has gone too far over its."""
        drive = self._drive(x)
        state = self._decide(drive, self.kept)
        turned = (state != self.kept) & ~self.smooth
        h = now.time - self.time
        if not turned.any() or not h > 0:
            return 0.0
        moved, before = np.abs(drive - self.seen), self._tried
        self._tried = h, moved
        if before is not None and h < _SHORTER * before[0]:
            # the control jumps from this point on: no step meets its threshold
            turned &= moved < _SAME * before[1]
            if not turned.any():
                return 0.0
        drive, seen = drive[turned], self.seen[turned]
        width = np.where(state[turned], 1.0, -1.0) * self.hysteresis[turned]
        goal = self.threshold[turned] + width
        size = np.maximum(np.abs(goal), np.maximum(np.abs(seen), np.abs(drive)))
        near = self.absolute + self.relative * size
        if not (np.abs(drive - goal) > near).any():
            return 0.0
        move = np.where(drive == seen, 1.0, drive - seen)
        share = np.clip((goal - seen) / move, 0.0, 1.0)
        first = int(np.argmin(share))
        return self.time + float(share[first] + _BEYOND * near[first] / abs(move[first])) * h

    def noise(self, x: Array, now: Instant) -> Sequence[NoiseSource]:
        """Return 4kTG."""
        g, _ = self._conductance(self._drive(x), self.closed)
        return [
            NoiseSource(name, "thermal", (int(a), int(b)), 4.0 * _BOLTZMANN * now.temperature * w)
            for name, a, b, w in zip(self.names, *self.at, g.tolist(), strict=True)
        ]

    def quantities(self, x: Array, now: Instant) -> dict[str, Array]:
        """Return currents ``i`` and conductances ``g``."""
        del now
        g, _ = self._conductance(self._drive(x), self.closed)
        return {"i": g * (x[self.at[0]] - x[self.at[1]]), "g": g}


def _switches(
    builder: Builder, elements: list[Element], control: Ints, letter: str, kind: str
) -> list[ElementGroup]:
    cards = []
    for e in elements:
        card = builder.circuit.models.get(e.model.lower())
        if card is None or card.kind != kind:
            raise NetlistError(
                f"{e.name} needs a model of kind `{kind}`; got {e.model!r}", **where(e)
            )
        cards.append(card)

    def values(name: str, default: float) -> Array:
        return np.array([float(c.get(name, default)) for c in cards])

    closed = np.array([bool(e.get("on", 0)) and not e.get("off", 0) for e in elements])
    many = np.array([float(e.get("m", 1.0)) for e in elements])
    tolerances = Tolerances.of(builder.options)
    return [Switches(
        [e.name for e in elements], builder.at(elements, 2), control,
        values(f"{letter}t", 0.0), values(f"{letter}h", 0.0), many / values("ron", 1.0),
        many / values("roff", 1e12), closed, tolerances.reltol,
        tolerances.vntol if kind == "sw" else tolerances.abstol,
    )]


@register_kind("S")
def _s(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    return _switches(builder, elements, builder.at(elements, 4)[2:], "v", "sw")


@register_kind("W")
def _w(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    ends = [builder.current(e.control, e) for e in elements]
    control = np.array(ends, dtype=np.int64).T.copy()
    return _switches(builder, elements, control, "i", "csw")
