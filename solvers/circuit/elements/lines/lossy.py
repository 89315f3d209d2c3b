"""Lossy transmission lines O: uniform lines of resistance, inductance, conductance, capacitance.

At an operating point and over frequency a line is its exact two-port. In time it is the sum of its
answers to the straight lines between all earlier points, see `responses`; a step may be longer
than the line's delay. Corners come out of the other end as breakpoints while the front of a wave
is not damped away.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .....core.errors import NetlistError
from .....core.validation import Array
from .....netlists.elements import Element, Model
from .....netlists.spice.cards import card
from .....netlists.transistors.temperature import BOLTZMANN
from ...system.builder import Builder, register_model, where
from ...system.element_group import ElementGroup, Instant, Ints, NoiseSource, Stamp, Triplets
from ...system.tolerances import Tolerances
from .kernels_history import convolve, look
from .line_constants import LineConstants
from .ports import CORNER, TwoPorts, two_ports
from .responses import PER_OCTAVE, Responses

__all__ = ["LossyLines", "SeriesLines", "StaticLines"]

_INSTANT = 1e-9  # of the line's time scale: how long a jump at the start of a run takes
_SEEN = 0.1  # of the tolerance: the least that a corner makes within the delay
_FRONT = 1e-3  # a front that arrives with less than this makes no corner
_TINY = 1e-300

# rows of `convolve`: of the own end, of the other end through the line, of its current
V1, V2, FAR1, FAR2, BACK1, BACK2 = range(6)


class StaticLines(TwoPorts):
    """Lines of resistance and conductance alone, and what all lines are at rest."""

    follows = False

    def __init__(
        self, names: Sequence[str], at: Ints, own: Ints, ic: Array, line: LineConstants
    ) -> None:
        super().__init__(names, at, own, ic)
        self.line = line
        # the sum of currents, as a voltage
        self.unit = max(line.ohm, (line.henry / line.farad) ** 0.5 if line.farad else 0.0, 1.0)
        self.rest = self._two_port(0.0).real

    def _two_port(self, omega: float) -> np.ndarray[tuple[int, int], np.dtype[np.complex128]]:
        """Return the entries of both rows by p1, n1, p2, n2 and both currents, (12,)."""
        cosh, series, shunt = self.line.halves(1j * omega)
        a, b = self.unit * shunt, self.unit * cosh
        return np.array([
            cosh, -cosh, -cosh, cosh, -series, series, -a, a, -a, a, b, b,
        ])

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill the rows of both ends: difference of voltages, sum of currents."""
        if self._over_frequency(now):
            out.f[:] = out.g[:] = 0.0
        else:
            self._at_rest(x, out)

    def _over_frequency(self, now: Instant) -> bool:
        """Whether small signals are asked for, whose rows are those of `ac_linear`."""
        return now.mode == "tran" and not now.waves

    def _at_rest(self, x: Array, out: Stamp) -> None:
        out.g[:] = self.rest[:, None]
        v1, i1, v2, i2 = self.ports(x)
        r = self.rest
        out.f[0] = r[0] * (v1 - v2) + r[5] * (i2 - i1)
        out.f[1] = r[6] * (v1 + v2) + r[10] * (i1 + i2)

    def ac_linear(self, omega: float) -> Sequence[Triplets]:
        """Return the rows of both ends."""
        rows, columns = self.g_at
        return [(rows, columns, self._two_port(omega)[:, None])]

    def noise(self, x: Array, now: Instant) -> Sequence[NoiseSource]:
        """Return thermal noise of both modes, as a line at rest has it in equilibrium."""
        del x
        kt = 4.0 * BOLTZMANN * now.temperature

        def series(hertz: Array) -> Array:
            return kt * self.line.noise(hertz)[0]

        def shunt(hertz: Array) -> Array:
            return kt * self.unit**2 * self.line.noise(hertz)[1]

        return [
            NoiseSource(name, kind, (int(row), -1), spectrum=spectrum)
            for kind, rows, spectrum in (
                ("series", self.own[0], series), ("shunt", self.own[1], shunt)
            ) for name, row in zip(self.names, rows, strict=True)
        ]


class SeriesLines(TwoPorts):
    """Lines without conductance and capacitance: resistances and inductances in series."""

    follows = False

    def __init__(
        self, names: Sequence[str], at: Ints, own: Ints, ic: Array, line: LineConstants
    ) -> None:
        super().__init__(names, at, own, ic)
        self.line = line
        self.f_rows = np.zeros((0, 0), dtype=np.int64)
        self.g_at = (self.f_rows, self.f_rows)

    def linear_g(self) -> Sequence[Triplets]:
        """Return v1 - v2 - R i1 = 0, i1 + i2 = 0, and the currents."""
        one, two = self.own
        p1, n1, p2, n2 = self.at
        unit = np.ones(self.count)
        return [
            *super().linear_g(), (one, p1, unit), (one, n1, -unit), (one, p2, -unit),
            (one, n2, unit), (one, one, -self.line.ohm * unit), (two, one, unit),
            (two, two, unit),
        ]

    def linear_c(self) -> Sequence[Triplets]:
        """Return minus the inductances: the row is v - d/dt flux = 0."""
        return [(self.own[0], self.own[0], np.full(self.count, -self.line.henry))]

    def initial(self, x: Array) -> tuple[Ints, Array]:
        """Set the currents that have an initial value."""
        k = np.flatnonzero(~np.isnan(self.ic[1]))
        x[self.own[0, k]], x[self.own[1, k]] = self.ic[1, k], -self.ic[1, k]
        return np.zeros(0, dtype=np.int64), np.zeros(0)

    def noise(self, x: Array, now: Instant) -> Sequence[NoiseSource]:
        """Return 4kTR of every line."""
        del x
        white = 4.0 * BOLTZMANN * now.temperature * self.line.ohm
        return [
            NoiseSource(name, "series", (int(row), -1),
                        spectrum=lambda hertz: np.full(len(hertz), white))
            for name, row in zip(self.names, self.own[0], strict=True)
        ]


class LossyLines(StaticLines):
    """Lines of one set of constants, with a capacitance.

    Parameters
    ----------
    names, at, own, ic
        See `TwoPorts`.
    line : LineConstants
    tolerances : Tolerances
    limited : bool
        Whether no step may be longer than the delay.
    """

    follows = True

    def __init__(
        self, names: Sequence[str], at: Ints, own: Ints, ic: Array, line: LineConstants,
        tolerances: Tolerances, *, limited: bool = False,
    ) -> None:
        super().__init__(names, at, own, ic, line)
        self.tolerances = tolerances
        self.responses = Responses(line)
        self.instant = _INSTANT * line.time_scale
        self.admittance = float(
            self.responses.ramps(np.array([line.time_scale]))[0, 0] / line.time_scale
        )
        self.longest = line.delay if limited and line.delay else np.inf
        self._weights = np.zeros(6)
        # volt per ampere in the waves by which corners are seen; 0: there are no fronts
        self.impedance = (line.henry / line.farad) ** 0.5
        self.start()

    # -- the past --------------------------------------------------------------------------------

    def start(self) -> None:
        """Forget all points."""
        self.length = 0
        self.times = np.empty(64)
        self.points = np.empty((64, 4, self.count))
        self.slopes = np.empty((64, 4, self.count))  # from a point to the next one
        self.kinks = np.empty((64, 4, self.count))
        self.first = np.zeros((4, self.count))  # before the run
        self.jump = np.zeros((4, self.count))
        self.given = False
        self.edge = True
        self.corners: list[float] = []
        self.largest = 0.0
        self._known: tuple[float, float, Array, Array] | None = None
        self._last = np.zeros((4, self.count))

    def initial(self, x: Array) -> tuple[Ints, Array]:
        """Keep what ``ic`` says, or the nodes' initial voltages, as the line's state."""
        here = self.ports(x)
        here[1] = here[3] = 0.0
        self.first = np.where(np.isnan(self.ic), here, self.ic)
        self.given = True
        x[self.own[0]], x[self.own[1]] = self.first[1], self.first[3]
        return np.zeros(0, dtype=np.int64), np.zeros(0)

    def accept(self, x: Array, now: Instant) -> None:
        """Keep a point; where a slope jumped, a corner will arrive at the other end."""
        if now.mode == "dc" or not now.waves:
            return
        here, n = self.ports(x), self.length
        if n and now.time <= self.times[n - 1]:
            if n > 1:
                return
            n = 0
        if n == len(self.times):
            for name in ("times", "points", "slopes", "kinks"):
                kept = getattr(self, name)
                setattr(self, name, np.concatenate([kept, np.empty_like(kept)]))
        self.times[n], self.points[n] = now.time, here
        self.length = n + 1
        self._known = None
        if n == 0:
            if not self.given:
                self.first = here
            self.jump = here - self.first
            return
        self.slopes[n - 1] = (here - self.points[n - 1]) / (now.time - self.times[n - 1])
        self.kinks[n - 1] = self.slopes[n - 1] - (self.slopes[n - 2] if n > 1 else 0.0)
        if self.edge:
            self.edge = False
            self._send(n)

    def _send(self, n: int) -> None:
        """Let the corner at the point before the last arrive at the other end."""
        front = self.line.attenuation
        if front < _FRONT:
            return
        z = self.impedance
        slopes = [s[0::2] + z * s[1::2] for s in (
            self.slopes[n - 1], self.slopes[n - 2] if n > 1 else np.zeros_like(self.slopes[0])
        )]
        size = np.maximum(*map(np.abs, slopes))
        jump = front * np.abs(slopes[0] - slopes[1])
        wave = np.abs(self.points[n][0::2] + z * self.points[n][1::2])
        self.largest = max(self.largest, float(wave.max()))
        least = _SEEN * (self.tolerances.reltol * self.largest + self.tolerances.vntol)
        # small ones are for the control of steps: reflections would go on for ever
        if ((jump > CORNER * size) & (jump * self.line.delay > least)).any():
            self.corners.append(float(self.times[n - 1] + self.line.delay))

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
        """Return the delay where the card asks for it."""
        return self.longest

    def allowed(self, h: float, order: int) -> float:
        """Return the step in which voltages and currents are straight lines to half of `reltol`."""
        del order
        n = self.length
        if not n or self._known is None:
            return np.inf
        slope = (self._last - self.points[n - 1]) / h
        turn = np.abs(slope - (self.slopes[n - 2] if n > 1 else 0.0))
        tol = self.tolerances
        volt = tol.reltol * np.maximum(
            np.abs(self._last[0::2]), np.abs(self.points[n - 1, 0::2])
        ).max(axis=0) + tol.vntol
        if self.edge or n < 2:
            # no bend to go by: how far from straight a voltage is that a ramp of current makes
            early = abs(self._ramp(0, 0.5 * h) / (h * self._known[3][0]) - 0.5)
            miss = float((early * h * turn[0::2].max(axis=0) / volt).max())
            return float(h * max(2.0 * miss, _TINY) ** (-2.0 / 3.0))
        bend = 2.0 * turn / (h + self.times[n - 1] - self.times[n - 2])
        bends = bend[0::2].max(axis=0) / volt
        if self.responses.waves:
            # an error of one sign in the currents counts with the line's whole impedance
            ampere = volt * self.admittance + tol.abstol
            bends = np.maximum(bends, bend[1::2].max(axis=0) / ampere)
        return float(np.sqrt(4.0 / max(float(bends.max()), _TINY)))

    # -- equations -------------------------------------------------------------------------------

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill the rows: what flows into an end, times an impedance."""
        if now.mode == "dc" or not now.waves:
            super().evaluate(x, now, out)
            return
        known, answers = self._answers(now.time)
        self._last = self.ports(x)
        (v1, i1, v2, i2), (_, start1, _, start2) = self._last, self.first
        near, far, wave = answers
        z = 1.0 / near
        out.f[0] = z * (known[V1] - known[FAR2] - known[BACK2] - (i1 - start1)) + v1 - z * (
            far * v2 + wave * i2
        )
        out.f[1] = z * (known[V2] - known[FAR1] - known[BACK1] - (i2 - start2)) + v2 - z * (
            far * v1 + wave * i1
        )
        a, b = -z * far, -z * wave
        out.g[:] = np.array([1.0, -1.0, a, -a, -z, b, a, -a, 1.0, -1.0, b, -z])[:, None]

    def _answers(self, time: float) -> tuple[Array, Array]:
        """Return what earlier points make now (6, E), and the answers to the present one (3,)."""
        n = int(np.searchsorted(self.times[:self.length], time))
        since = float(self.times[n - 1]) if n else time
        if self._known is None or self._known[:2] != (time, since):
            self._known = (time, since, *self._sum(time, n))
        return self._known[2], self._known[3]

    def _sum(self, time: float, n: int) -> tuple[Array, Array]:
        known = np.zeros((6, self.count))
        if n == 0:  # the start of a run: its jump takes an instant
            near = float(self.responses.steps(np.array([self.instant]))[0, 0])
            known[V1], known[V2] = -near * self.first[0], -near * self.first[2]
            return known, np.array([near, 0.0, 0.0])
        h = float(time - self.times[n - 1])
        self.responses.cover(min(h, self.instant), max(time, self.line.time_scale))
        tables, low = self.responses.values, float(self.responses.low)
        line = self.line
        convolve(
            time, self.times, self.kinks, n - 1, line.delay, low, float(PER_OCTAVE), tables,
            self._weights, known,
        )
        answers = np.array([
            self._ramp(k, h - (line.delay if k else 0.0)) / h for k in range(3)
        ])
        # the present slope is that from the last point, in place of the one before
        past = h * self.slopes[n - 2] if n > 1 else 0.0
        base = self.points[n - 1] + past
        for row, answer, port in zip(
            range(6), np.repeat(answers, 2), (0, 2, 0, 2, 1, 3), strict=True
        ):
            known[row] -= answer * base[port]
        if self.jump.any():
            known += self._steps(time)
        return known, answers

    def _ramp(self, which: int, since: float) -> float:
        if since <= 0.0:
            return 0.0
        return float(look(
            since, float(self.responses.low), float(PER_OCTAVE), self.responses.values[which],
            self._weights,
        ))

    def _jumped(self, time: float) -> Array:
        """Return the answers to steps at the start, (3,)."""
        found = np.zeros(3)
        found[0] = self.responses.steps(np.array([time]))[0, 0]
        if time > self.line.delay:
            found[1:] = self.responses.steps(np.array([time - self.line.delay]))[1:, 0]
        return found

    def _steps(self, time: float) -> Array:
        near, far, wave = self._jumped(time - self.times[0])
        v1, i1, v2, i2 = self.jump
        return np.array([near * v1, near * v2, far * v1, far * v2, wave * i1, wave * i2])

    def past(self, times: Array) -> Sequence[tuple[Ints, Ints, Ints, Array]]:
        """Return how the rows at the last time depend on voltages and currents at those before."""
        n, now = len(times) - 1, float(times[-1])
        h, since = np.diff(times), now - times[:-1]
        ramps = np.zeros((3, n + 1))
        ramps[0, :-1] = self.responses.ramps(since)[0]
        arrived = np.flatnonzero(since > self.line.delay)
        ramps[1:, arrived] = self.responses.ramps(since[arrived] - self.line.delay)[1:]
        # a point bends the lines on both sides of it
        rates = -np.diff(ramps, axis=1) / h
        weights = -rates
        weights[:, 1:] += rates[:, :-1]
        z = h[-1] / ramps[0, -2]
        if self.given:
            weights[:, 0] += self._jumped(now - float(times[0]))
        near, far, wave = z * weights
        first = np.zeros(n)
        first[0] = 0.0 if self.given else z
        place = np.repeat(np.arange(n), self.count)
        own, ends = self.own, self.at
        return [
            (place, np.tile(own[a], n), np.tile(column, n), np.repeat(value, self.count))
            for a, b in ((0, 1), (1, 0)) for column, value in (
                (ends[2 * a], near), (ends[2 * a + 1], -near), (ends[2 * b], -far),
                (ends[2 * b + 1], far), (own[b], -wave), (own[a], first),
            )
        ]


@register_model("ltra", 1)
def lossy_lines(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    """Return the groups of all lossy lines, one for each set of constants."""
    sets: dict[tuple[LineConstants, bool], list[Element]] = {}
    for e in elements:
        model = builder.circuit.models[e.model.lower()]
        line = _constants(e, model)
        sets.setdefault((line, bool(_value(model, "steplimit"))), []).append(e)
    found: list[ElementGroup] = []
    for (line, limited), some in sets.items():
        ports = two_ports(builder, some)
        if line.farad:
            found.append(LossyLines(
                *ports, line, Tolerances.of(builder.options), limited=limited
            ))
        elif line.siemens:
            found.append(StaticLines(*ports, line))
        else:
            found.append(SeriesLines(*ports, line))
    return found


def _value(model: Model, name: str) -> float:
    return float(model.get(name, card("ltra").defaults.get(name, 0.0)))


def _constants(e: Element, model: Model) -> LineConstants:
    """Return a line's totals; those of `m` copies side by side."""
    given = {name: _value(model, name) for name in ("r", "l", "g", "c", "len")}
    wrong = next((name for name, value in given.items() if not 0.0 <= value < np.inf), None)
    text = ""
    if wrong is not None:
        text = f"`{wrong}` must be >= 0; got {given[wrong]:g}"
    elif given["len"] == 0.0:
        text = "its length `len` > 0 is missing"
    elif not (given["r"] or given["l"]):
        text = "`r` or `l` must be > 0: without them it is a wire"
    elif given["l"] and given["g"] and not given["c"]:
        text = "a line of `l` and `g` needs `c`, too"
    if text:
        raise NetlistError(f"{e.name} (model {model.name}): {text}", **where(e))
    many, length = float(e.get("m", 1.0)), given["len"]
    return LineConstants(
        given["r"] * length / many, given["l"] * length / many, given["g"] * length * many,
        given["c"] * length * many,
    )
