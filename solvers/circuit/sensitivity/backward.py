"""The adjoint of a transient's discrete equations: one transposed solution per step, backwards.

With the multipliers lambda of f + r = 0, rho of the formulas and mu of q = q(x),

    rho_k = -lambda_k - s_(k+1) rho_(k+1)
    mu_k  = a_k rho_k + sum_j b_j,(k+j) rho_(k+j)
    (G_k + a_k C_k)' lambda_k = -dJ/dx_k + C_k' (sum_j b_j,(k+j) rho_(k+j) - a_k s_(k+1) rho_(k+1))

and the derivative of the objective J with respect to a parameter p is

    dJ/dp = sum_k lambda_k . df_k/dp - mu_k . dq_k/dp .

Charges that depend on their path (Meyer's) go on by D(x_k, x_(k-1)), which changes its sign when
its arguments change places. Its derivative with respect to the earlier point is thus minus the
capacitance at that point seen from the later one, and with N_k the sum of mu from k on the right
side gets

    (C(x_k from x_(k-1)) - C(x_k from x_(k+1)))' N_(k+1) .

Delays let f at a step depend on x at earlier ones: these get -(df_k/dx_j)' lambda_k.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....core.validation import Array
from ..system.element_group import ElementGroup, Ints
from .recorder import PAST
from .trajectory import Trajectory

__all__ = ["Multipliers", "backwards"]


@dataclass(frozen=True, eq=False)
class Multipliers:
    """What derivatives of f and q count for in M objectives.

    Attributes
    ----------
    keep : (n_k,)
        Unknowns whose rows are kept; one more column is ground's, 0.
    f, q : (M, K + 1, n_k + 1)
        By f and q of every point.
    first : (M, n + 1)
        By the charges from which a run with ``uic`` starts.
    clamp : (M, n + 1)
        By f at point 0.
    later : (M, n + 1)
        By what all q of later points change by.
    """

    keep: Ints
    f: Array
    q: Array
    first: Array
    clamp: Array
    later: Array

    def columns(self, unknowns: Ints) -> Ints:
        """Return the columns of kept unknowns; ground is -1 as everywhere."""
        found = np.searchsorted(self.keep, unknowns)
        return np.where(unknowns < 0, len(self.keep), found)


def backwards(
    run: Trajectory, drives: Sequence[tuple[Ints, Array]], keep: Ints
) -> Multipliers:
    """Return the multipliers of some objectives.

    Parameters
    ----------
    run : Trajectory
    drives : sequence of (unknowns (m,), derivatives (K + 1, m))
        Of every objective, by unknowns at all points.
    keep : (n_k,)
        Unknowns, sorted.
    """
    return _Sweep(run, drives, keep).go()


class _Sweep:
    def __init__(
        self, run: Trajectory, drives: Sequence[tuple[Ints, Array]], keep: Ints
    ) -> None:
        self.run, self.system, self.drives, self.keep = run, run.system, drives, keep
        self.count, n = len(drives), run.system.size
        shape = (self.count, run.count, len(keep) + 1)
        self.f, self.q = np.zeros(shape), np.zeros(shape)
        self.total = np.zeros((self.count, n + 1))
        # rho of the steps that follow, the next one first
        self.rho: deque[Array] = deque([np.zeros((self.count, n + 1))], maxlen=PAST)
        pad = np.zeros((PAST, 2 + PAST))
        self.formulas = np.concatenate([run.formulas, pad])
        self._c: Any = None
        self.paths = [g for g in run.followers if type(g).remember is not ElementGroup.remember]
        self.delays = [g for g in run.followers if type(g).past is not ElementGroup.past]
        # what later points count for through delays, by unknown
        self.columns = np.unique(np.concatenate([
            np.zeros(0, dtype=np.int64),
            *(np.ravel(part[2]) for g in self.delays for part in g.past(np.array([0.0, 1.0]))),
        ]))
        self.pending = np.zeros((run.count, self.count, len(self.columns)))
        self.times = np.array([now.time for now in run.now])

    def go(self) -> Multipliers:
        run = self.run
        for k in range(run.count - 1, 0, -1):
            a, carried = float(self.formulas[k, 0]), self.formulas[k + 1, 1] * self.rho[0]
            later = self._later(k)
            right = self._linearise(k, self.total if k + 1 < run.count else None)
            right += self._back(self._c, later - a * carried) - self._driven(k)
            run.linear.factor(a)
            found = self._solve(right)
            rho = -found - carried
            mu = a * rho + later
            self.total += mu
            self.rho.appendleft(rho)
            self._delayed(k, found)
            self._store(k, found, -mu)
        return self._start()

    def _later(self, k: int) -> Array:
        """Return the multipliers of point k's charges in the formulas of later steps."""
        found = np.zeros_like(self.total)
        for j, rho in enumerate(self.rho, 1):
            if weight := self.formulas[k + j, 1 + j]:
                found += weight * rho
        return found

    def _start(self) -> Multipliers:
        run, system = self.run, self.system
        rest = self._later(0)
        if run.uic:
            right = self._linearise(0, self.total) - self._driven(0)
            instant = 1.0 / run.instant
            run.linear.factor(instant)
            found = self._solve(right)
            weight = found * instant
            first = -(weight + rest)
        else:
            # path charges seen from the next point: those of an operating point are no function
            for group in self.paths:
                group.remember(run.x(min(1, run.count - 1)))
            run.recall(0)
            _, self._c = system.linearise(run.x(0), run.now[0].but(mode="tran"))
            right = self._back(self._c, rest) - self._driven(0)
            system.set_leak(run.leak, run.goal)
            system.linearise(run.x(0), run.now[0])
            run.linear.factor(0.0)
            found = self._solve(right)
            system.set_leak(0.0)
            weight, first = -rest, np.zeros_like(rest)
        self._store(0, found, weight)
        return Multipliers(self.keep, self.f, self.q, first, found, -self.total)

    def _linearise(self, k: int, later: Array | None) -> Array:
        """Evaluate G and C at a point; return what path charges add to the right side."""
        run, system = self.run, self.system
        found = np.zeros_like(self.total)
        if system.linear:
            if self._c is None:
                _, self._c = system.linearise(run.x(k), run.now[k])
            return found
        x = run.x(k)
        run.recall(k)
        if self.paths:
            if later is not None:
                for group in self.paths:
                    group.remember(run.x(k + 1))
                _, c = system.linearise(x, run.now[k])
                found -= self._back(c, later)
            if k:
                for group in self.paths:
                    group.remember(run.x(k - 1))
            else:
                run.begin(system, run.at_rest())
        _, self._c = system.linearise(x, run.now[k])
        if self.paths and later is not None:
            found += self._back(self._c, later)
        return found

    def _back(self, c: Any, v: Array) -> Array:
        """Return C' v for every row of v."""
        found = np.zeros_like(v)
        found[:, :-1] = (c.T @ v[:, :-1].T).T
        return found

    def _driven(self, k: int) -> Array:
        found = np.zeros_like(self.total)
        for row, (unknowns, slopes) in zip(found, self.drives, strict=True):
            row[unknowns] += slopes[k]
        if len(self.columns):
            found[:, self.columns] += self.pending[k]
        found[:, -1] = 0.0
        return found

    def _delayed(self, k: int, multiplier: Array) -> None:
        """Hand back to earlier points what they do to point k through delays."""
        for group in self.delays:
            for place, row, column, slope in group.past(self.times[:k + 1]):
                at = np.searchsorted(self.columns, column)
                for waiting, more in zip(
                    self.pending.transpose(1, 0, 2), slope * multiplier[:, row], strict=True
                ):
                    np.add.at(waiting, (place, at), more)

    def _solve(self, right: Array) -> Array:
        return np.array([self.run.linear.solve(row, transposed=True) for row in right])

    def _store(self, k: int, f: Array, q: Array) -> None:
        self.f[:, k, :-1] = f[:, self.keep]
        self.q[:, k, :-1] = q[:, self.keep]
