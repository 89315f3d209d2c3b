"""Switches with hysteresis, S (by a voltage) and W (by a current).

A switch is a resistor, `ron` or `roff`: on above vt + vh, off below vt - vh, in between as it was
(ngspice's switches). The change is an event: a time step across the threshold is refused, taken
again up to the crossing, and the next step starts anew behind it. A switch whose turning takes its
own control back over the threshold keeps its state up to the crossing and turns there. At operating
points the state follows the control within Newton's iteration. Negative hysteresis is a ramp
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

__all__ = ["Switches"]

_BOLTZMANN = 1.380649e-23
_BEYOND = 1e-3  # of a step: how far behind the crossing it ends
_TURNS = 4  # within one step
_NEAR = 0.98  # of a step: crossings later than that are not worth another step


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
    """

    def __init__(
        self, names: Sequence[str], at: Ints, control: Ints, threshold: Array, hysteresis: Array,
        on: Array, off: Array, closed: Bools,
    ) -> None:
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
        self._begin()

    def accept(self, x: Array, now: Instant) -> None:
        """Keep states and controls."""
        self.closed = self._turned(x)
        self.jumped = now.mode == "tran" and bool((self.closed != self.kept).any())
        self.kept, self.seen, self.time = self.closed, self._drive(x), now.time
        self._begin()

    def rewind(self) -> None:
        """Go back to the last point."""
        self.closed = self.kept
        self._begin()

    def _begin(self) -> None:
        """Count turns of a new step."""
        self._turns = np.zeros(len(self.names), dtype=np.int64)

    def _turned(self, x: Array) -> Bools:
        """Return the states at the end of a step to x, those held during the step turned."""
        late = self._turns >= _TURNS
        if not late.any():
            return self.closed
        return np.where(late, self._decide(self._drive(x), self.kept), self.closed)

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
            if now.mode == "tran":
                # by the last point's state, so that it does not chatter
                found = self._decide(drive, self.kept)
                # one that acts on its own control may turn back and forth: it turns afterwards
                self._turns += found != before
                self.closed = np.where(self._turns >= _TURNS, self.kept, found)
            else:
                self.closed = self._decide(drive, before)
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
        """Return when the first threshold is crossed, if that is well before the step's end."""
        state = self._turned(x)
        turned = (state != self.kept) & ~self.smooth
        h = now.time - self.time
        if not turned.any() or not h > 0:
            return 0.0
        drive = self._drive(x)[turned]
        seen = self.seen[turned]
        width = np.where(state[turned], 1.0, -1.0) * self.hysteresis[turned]
        goal = self.threshold[turned] + width
        share = np.clip((goal - seen) / np.where(drive == seen, 1.0, drive - seen), 0.0, 1.0)
        first = float(share.min()) + _BEYOND
        return self.time + first * h if first < _NEAR else 0.0

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
    return [Switches(
        [e.name for e in elements], builder.at(elements, 2), control,
        values(f"{letter}t", 0.0), values(f"{letter}h", 0.0), many / values("ron", 1.0),
        many / values("roff", 1e12), closed,
    )]


@register_kind("S")
def _s(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    return _switches(builder, elements, builder.at(elements, 4)[2:], "v", "sw")


@register_kind("W")
def _w(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    ends = [builder.current(e.control, e) for e in elements]
    control = np.array(ends, dtype=np.int64).T.copy()
    return _switches(builder, elements, control, "i", "csw")
