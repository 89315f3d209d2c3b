"""The laws of elements with expressions: compiled, and kept where they have values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .....core.validation import Array
from .....netlists.spice.expressions.expression import Expression
from .....netlists.spice.expressions.tape import Probe, Tape
from ...system.element_group import Bools, Instant, Ints
from .kernels_tape import STEEP, run_tapes
from .tapes import encode

__all__ = ["Law", "conductance"]

_CELSIUS = 273.15
_BESIDE = (  # of voltages and states
    *(s * v for v in (1e-3, 1.0, 1e-6, 1e-9, 10.0, 100.0, 1e3) for s in (1.0, -1.0)),
)

_GIVEN: Ints = np.zeros(0, dtype=np.int64)  # nothing to subtract: probes as they are


class Law:
    """N expressions of one form, and where their probes are: x[plus] - x[minus].

    Where an expression has no finite value (a quotient, a logarithm, a root at 0 or beyond, an
    exponential far off) it is taken at a point nearer to the last that had one, and read off its
    tangent there; `limited` says so, and Newton's iteration goes on.
    """

    def __init__(self, expressions: Sequence[Expression], plus: Ints, minus: Ints) -> None:
        self.plus, self.minus = plus, minus  # (P, N)
        code, more, numbers = encode(expressions)
        count, many = plus.shape
        self.place = np.array([many, count, len(code), 0, 0, 0, 0], dtype=np.int64)
        self.tape = code.ravel(), more, numbers.ravel()
        self._ends = np.ascontiguousarray(plus).ravel(), np.ascontiguousarray(minus).ravel()
        self._work = np.zeros(len(code)), np.zeros(len(code))
        self._probes, self._value = np.zeros(plus.size), np.zeros(many)
        self._slopes = np.zeros(plus.size)
        self.spectral = any(e.uses("hertz") for e in expressions)
        self.expressions = expressions
        self._trouble: tuple[Array, Instant] | None = None
        self._none: Bools = np.zeros(plus.shape[1], dtype=np.bool_)
        self.limited = self._none
        self.old = np.zeros(plus.shape)  # probes where there were values last
        self.known: Ints = np.zeros(1, dtype=np.int64)  # whether there were any

    def evaluate(self, x: Array, now: Instant) -> tuple[Array, Array]:
        """Return values (N,) and slopes (P, N)."""
        value, slopes = self._value, self._slopes.reshape(self.plus.shape)
        finite = run_tapes(
            self.place, *self.tape, *self._ends, x, self._surroundings(now), *self._work,
            self._probes, value, self._slopes,
        )
        if not now.limit:
            return value, slopes
        if finite:
            self.limited = self._none
            self.old[:], self.known[0] = self._probes.reshape(self.old.shape), 1
        else:
            probes = self._probes.reshape(self.old.shape).copy()
            value, slopes = self._nearer(probes, value, slopes, now)
        if not (np.abs(slopes) < STEEP).all():
            slopes = np.clip(np.nan_to_num(slopes, nan=0.0), -STEEP, STEEP)
        return value, slopes

    @staticmethod
    def _surroundings(now: Instant) -> Array:
        return np.array([now.time, now.temperature - _CELSIUS, now.hertz])

    def keep_in(self, old: Array, known: Ints) -> None:
        """Keep what is remembered in parts of larger arrays, (P N,) and (1,), that have it."""
        self.old, self.known = old.reshape(self.old.shape), known

    def explain(self, k: int) -> str:
        """Return which part of the k-th expression had no value last, and where."""
        if self._trouble is None:
            return ""
        probes, now = self._trouble
        names = {"time": now.time, "temper": now.temperature - _CELSIUS, "hertz": now.hertz}
        found = self.expressions[k].undefined(names, probes[:, k].tolist())
        return f" ({found})" if found else ""

    def _at(self, probes: Array, now: Instant) -> tuple[Array, Array]:
        value, slopes = np.empty_like(self._value), np.empty_like(self._slopes)
        run_tapes(
            self.place, *self.tape, _GIVEN, _GIVEN, self._value, self._surroundings(now),
            *self._work, np.ascontiguousarray(probes).ravel(), value, slopes,
        )
        return value, slopes.reshape(self.plus.shape)

    def _nearer(
        self, probes: Array, value: Array, slopes: Array, now: Instant
    ) -> tuple[Array, Array]:
        """Return values and slopes that are finite, where they can be found."""
        value, slopes = value.copy(), slopes.copy()
        old = self.old.copy() if self.known[0] else probes
        kept = probes.copy()
        self.limited = ~np.isfinite(value)
        self._trouble = probes, now
        # first towards the last point that had a value, then a little beside this one
        tries = [old + share * (probes - old) for share in 0.5 ** np.arange(1, 40, 3)]
        tries += [old] if self.known[0] else []
        tries += [probes + away for away in _BESIDE]
        one = np.eye(len(probes))[:, :, None]
        tries += [probes + away * each for away in _BESIDE for each in one]
        for there in tries:
            bad = ~np.isfinite(value)
            if not bad.any():
                break
            found, steep = self._at(there, now)
            good = bad & np.isfinite(found) & np.isfinite(steep).all(axis=0)
            with np.errstate(all="ignore"):
                tangent = found + (steep * (probes - there)).sum(axis=0)
            good &= np.isfinite(tangent)
            value[good], slopes[:, good] = tangent[good], steep[:, good]
            kept[:, good] = there[:, good]
        if np.isfinite(value).all():
            self.old[:], self.known[0] = kept, 1
        return value, slopes

    def entries(self, rows: Ints) -> tuple[Ints, Ints]:
        """Return rows and columns (2 P, N) of the slopes in these rows (N,)."""
        columns = np.concatenate([self.plus, self.minus])
        return np.broadcast_to(rows, columns.shape), columns

    @staticmethod
    def both(slopes: Array) -> Array:
        """Return the derivatives with respect to the probes' positive, then negative nodes."""
        return np.concatenate([slopes, -slopes])


def conductance(resistance: Expression, between: Probe) -> Expression:
    """Return the current that the voltage `between` drives through a resistance.

    A resistance that is a number over an expression gives a product, which has a value where
    the resistance is infinite; one of 0 is a short.
    """
    steps, factor = resistance.steps, 1.0  # the resistance is factor times what the steps give
    tape = Tape()
    siemens = None
    while siemens is None and steps[-1][0] == "call":
        _, operator, at = steps[-1]
        known = [steps[k][1] if steps[k][0] == "number" else 0.0 for k in at]
        if operator == "*" and any(known):
            k = 0 if known[0] else 1
            factor, steps = factor * known[k], steps[:at[1 - k] + 1]
        elif operator == "/" and known[1]:
            factor, steps = factor / known[1], steps[:at[0] + 1]
        elif operator == "/" and known[0]:
            below = tape.splice(steps[:at[1] + 1])
            siemens = tape.call("*", below, tape.number(1.0 / (factor * known[0])))
        else:
            break
    if siemens is None:
        siemens = tape.call("1/", tape.splice(resistance.steps))
    return Expression.of(tape.finish(tape.call("*", siemens, tape.probe(between))))
