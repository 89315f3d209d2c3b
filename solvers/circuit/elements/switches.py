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
from ..system.element_group import Block, Bools, ElementGroup, Instant, Ints, NoiseSource, Stamp
from ..system.kernels_blocks import ACCEPT, EVALUATE, REFUSE, REWIND, place_of
from ..system.tolerances import Tolerances
from . import kernels_switches as kernels

__all__ = ["Switches"]

_BOLTZMANN = 1.380649e-23


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

    without_poles = True

    def __init__(
        self, names: Sequence[str], at: Ints, control: Ints, threshold: Array, hysteresis: Array,
        on: Array, off: Array, closed: Bools, relative: float, absolute: float,
    ) -> None:
        self.names = tuple(names)
        self.at, self.control, self.threshold, self.hysteresis, self.on, self.off = map(
            np.ascontiguousarray, (at, control, threshold, hysteresis, on, off)
        )
        self.first = closed
        self.smooth = hysteresis < 0
        self.f_rows = at
        a, b, c, d = at[0], at[1], control[0], control[1]
        self.g_at = np.array([a, a, b, b, a, a, b, b]), np.array([a, b, a, b, c, d, c, d])
        self.jumped = False
        count = len(self.names)
        self.closed, self.kept, self.limited = (np.zeros(count, dtype=np.bool_) for _ in range(3))
        self._seen, self._moved, self._state = np.zeros(count), np.zeros(count), np.zeros(4)
        self._numbers = np.array([relative, absolute], dtype=float)
        self.relocate()
        self.start()

    def relocate(self) -> None:
        """Note where the arrays are."""
        count, none = len(self.names), np.zeros(0)
        self._block = np.array([1, 0, count, *map(place_of, (
            self.at, self.control, self.threshold, self.hysteresis, self.on, self.off, self.closed,
            self.kept, self._seen, self._moved, self._state, self.limited, none, none,
        ))], dtype=np.int64)
        self._filled = Stamp(none, none, none, none)

    def start(self) -> None:
        """Go back to the states given."""
        self.closed[:] = self.kept[:] = self.first
        self._seen[:], self._state[:] = np.nan, 0.0

    def accept(self, x: Array, now: Instant) -> None:
        """Keep states and controls."""
        self._block[kernels.DYNAMIC] = now.mode == "tran"
        self.jumped = kernels.run(ACCEPT, now.time, self._block, self._numbers, x) > 0.0

    def rewind(self) -> None:
        """Go back to the last point."""
        kernels.run(REWIND, 0.0, self._block, self._numbers, self._numbers)

    def modes(self) -> Bools | None:
        """Return which are closed, (E,)."""
        return self.closed.copy()

    def recall(self, modes: Bools, *, fixed: bool = False) -> None:
        """Close those."""
        del fixed  # without limiting they stay as they are
        self.closed[:] = modes

    def _drive(self, x: Array) -> Array:
        drive: Array = x[self.control[0]] - x[self.control[1]]
        return drive

    def _conductance(self, drive: Array, closed: Bools) -> Array:
        g = np.where(closed, self.on, self.off)
        if self.smooth.any():
            width = np.where(self.smooth, -self.hysteresis, 1.0)
            s = np.clip((drive - self.threshold) / width, -1.0, 1.0)
            ratio = np.log(self.on / self.off)
            ramp = np.sqrt(self.on * self.off) * np.exp(0.25 * ratio * s * (3.0 - s * s))
            g = np.where(self.smooth, ramp, g)
        return g

    def block(self, out: Stamp, gmin: float, reltol: float) -> Block:
        """Return the group as compiled loops see it, in a transient, filling `out`."""
        del gmin, reltol
        found = self._block.copy()
        found[kernels.MODE], found[kernels.DYNAMIC] = 1, 1
        found[kernels.F], found[kernels.G] = place_of(out.f), place_of(out.g)
        return Block(kernels.run, found, self._numbers, frozenset({"refuse"}))

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill currents and conductances."""
        block = self._block
        if out is not self._filled:
            block[kernels.F], block[kernels.G] = place_of(out.f), place_of(out.g)
            self._filled = out
        block[kernels.MODE], block[kernels.DYNAMIC] = now.limit, now.mode != "dc"
        kernels.run(EVALUATE, now.time, block, self._numbers, x)

    def refuse(self, x: Array, now: Instant) -> float:
        """Return when the first threshold is crossed, if a control has gone too far over its."""
        return float(kernels.run(REFUSE, now.time, self._block, self._numbers, x))

    def noise(self, x: Array, now: Instant) -> Sequence[NoiseSource]:
        """Return 4kTG."""
        g = self._conductance(self._drive(x), self.closed)
        return [
            NoiseSource(name, "thermal", (int(a), int(b)), 4.0 * _BOLTZMANN * now.temperature * w)
            for name, a, b, w in zip(self.names, *self.at, g.tolist(), strict=True)
        ]

    def quantities(self, x: Array, now: Instant) -> dict[str, Array]:
        """Return currents ``i`` and conductances ``g``."""
        del now
        g = self._conductance(self._drive(x), self.closed)
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
