"""Ways to an operating point: Newton alone, then along paths that lead there.

In turn, as ngspice does: a conductance from every node to ground that shrinks to nothing (dynamic
gmin stepping), the junctions' own gmin, sources that grow from 0, and at last a pseudo-transient:
every node gets a capacitor to ground, and the steps of its implicit integration grow as the
circuit settles (Kelley and Keyes, SIAM J. Numer. Anal. 35:508, 1998).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict, Unpack

import numpy as np

from ...core.errors import ConvergenceError, SingularCircuitError
from ...core.validation import Array
from ...core.views.log import LOGGER
from .newton import Newton, Outcome
from .system.element_group import Instant

__all__ = ["CLAMP", "find"]

CLAMP = 1e10  # siemens, holds a node at its initial voltage


def find(
    newton: Newton, x: Array, now: Instant, *, held: dict[int, float] | None = None,
    hints: dict[int, float] | None = None, warm: bool = False,
) -> Outcome:
    """Return the operating point.

    Parameters
    ----------
    newton : Newton
    x : (n + 1,)
        Guess.
    now : Instant
    held : dict, optional
        Unknown -> volt of nodes that are kept there (``.ic``).
    hints : dict, optional
        Nodes that are kept there until the rest has settled (``.nodeset``).
    warm : bool
        The guess is near: junctions start from it.

    Raises
    ------
    ConvergenceError
        Says what was tried and which nodes and elements did not settle.
    SingularCircuitError
    """
    system = newton.system
    base, goal = np.zeros(system.size + 1), np.zeros(system.size + 1)
    for index, volt in (held or {}).items():
        base[index], goal[index] = CLAMP, volt
    search = _Search(newton, now, base, goal)
    if hints:
        first = base.copy()
        first[list(hints)] = CLAMP
        there = goal.copy()
        there[list(hints)] = list(hints.values())
        x = x.copy()
        x[list(hints)] = list(hints.values())
        hinted = _Search(newton, now, first, there).plain(x, fresh=True)
        if hinted.converged:
            x, warm = hinted.x, True
    for index, volt in (held or {}).items():
        x[index] = volt
    tol = newton.tolerances
    outcome = Outcome(x, False, 0, -1, "option `noopiter`")
    if not tol.noopiter or system.linear:
        outcome = search.plain(x, fresh=not warm)
    if outcome.converged:
        return outcome
    if system.linear and outcome.reason == "the matrix is singular":
        raise _singular(newton, outcome)
    tried, worst = [f"Newton's iteration ({outcome.reason})"], [outcome.worst]
    ways: tuple[tuple[str, Callable[[Array], Outcome]], ...] = (
        ("gmin stepping", search.gmin), ("stepping of the junctions' gmin", search.true_gmin),
        ("source stepping", search.sources), ("pseudo-transient", search.pseudo_transient),
    )
    skipped = ([] if tol.gminsteps else [0, 1]) + ([] if tol.srcsteps else [2])
    for name, way in (w for k, w in enumerate(ways) if k not in skipped):
        LOGGER.info("operating point: %s; %s is tried", "; ".join(tried), name)
        found = way(np.zeros_like(x))
        if found.converged:
            LOGGER.info("operating point: found by %s", name)
            return found
        tried.append(f"{name} ({found.reason})")
        worst.append(found.worst)
    if outcome.reason == "the matrix is singular" and found.reason == outcome.reason:
        raise _singular(newton, outcome)
    raise _failure(newton, outcome, tried, worst, search.names)


class _Stepped(TypedDict, total=False):
    """Conditions that a homotopy changes step by step."""

    gmin: float
    scale: float


class _Search:
    def __init__(self, newton: Newton, now: Instant, base: Array, goal: Array) -> None:
        self.newton, self.system, self.now = newton, newton.system, now
        self.base, self.goal = base, goal
        self.tries = newton.tolerances.itl2  # Newton steps per point of a path
        self.names: list[str] = []

    def _leak(self, extra: Array | float = 0.0, goal: Array | None = None) -> None:
        """Tie nodes with `extra` siemens to `goal`, those held excepted."""
        leak = self.base + np.where(self.base > 0, 0.0, extra)
        there = self.goal if goal is None else np.where(self.base > 0, self.goal, goal)
        self.system.set_leak(leak, there)

    def plain(self, x: Array, *, fresh: bool) -> Outcome:
        self._leak()
        if fresh:
            self.system.start()
            if any(np.any(getattr(g, "off", False)) for g in self.system.active):
                # without the devices that are to start switched off, which are let go then
                self._leak(self.now.gmin or 1e-12)
                first = self.newton.solve(
                    x, self.now.but(initialise=True, hold=True),
                    limit=self.newton.tolerances.itl1,
                )
                self._leak()
                if first.converged:
                    x, fresh = first.x, False
        found = self.newton.solve(
            x, self.now.but(initialise=fresh), limit=self.newton.tolerances.itl1
        )
        self._note(found)
        return found

    def _note(self, found: Outcome) -> None:
        if not found.converged:
            self.names = self.system.limited_names()

    def _point(self, x: Array, *, fresh: bool = False, **changes: Unpack[_Stepped]) -> Outcome:
        found = self.newton.solve(
            x, self.now.but(initialise=fresh, **changes), limit=self.tries
        )
        if found.converged:
            self.system.accept(found.x, self.now)
        else:
            self._note(found)
            self.system.rewind()
        return found

    def gmin(self, x: Array) -> Outcome:
        """Shrink a conductance from all nodes to ground, faster or slower as it goes."""
        self.system.start()
        last = max(self.now.gmin, 1e-12)
        found = self._shrink(x, last, self._leak, {})
        if not found.converged:
            return found
        self._leak()
        return self._last(found.x)

    def true_gmin(self, x: Array) -> Outcome:
        """Shrink the gmin that junctions have across themselves."""
        self.system.start()
        self._leak()
        found = self._shrink(x, self.now.gmin or 1e-14, None, {"gmin": 0.0})
        return self._last(found.x) if found.converged else found

    def _shrink(
        self, x: Array, last: float, leak: Callable[[float], None] | None,
        changes: dict[str, float],
    ) -> Outcome:
        most = self.newton.tolerances.gminfactor
        factor, good, fresh = most, 1e-2, True
        g = good
        found = Outcome(x, False, 0, -1, "no start")
        while True:
            if leak is not None:
                leak(g)
            trial = self._point(x, fresh=fresh, **dict.fromkeys(changes, g))
            if trial.converged:
                found, x, fresh, good = trial, trial.x, False, g
                if g <= last:
                    return found
                if trial.iterations <= self.tries // 4:
                    factor = min(factor * np.sqrt(factor), most)
                elif trial.iterations > 3 * self.tries // 4:
                    factor = np.sqrt(factor)
                g = max(g / factor, last)
            else:
                if fresh:
                    if g >= 1e3:
                        return Outcome(x, False, trial.iterations, trial.worst, trial.reason)
                    g = good = 10.0 * g  # a stronger start
                    continue
                factor = factor ** 0.25
                if factor < 1.00005:
                    return Outcome(
                        x, False, trial.iterations, trial.worst, f"stuck at {good:.2g} S"
                    )
                g = max(good / factor, last)

    def sources(self, x: Array) -> Outcome:
        """Let all sources grow from 0 (Gillespie's steps)."""
        self.system.start()
        self._leak()
        trial = self._point(x, fresh=True, scale=0.0)
        if not trial.converged:  # even without sources: through gmin
            trial = self._unpowered(x)
            if not trial.converged:
                return trial
        x, level, step = trial.x, 0.0, 1e-3
        while level < 1.0:
            goal = min(level + step, 1.0)
            trial = self._point(x, scale=goal)
            if trial.converged:
                level, x = goal, trial.x
                if trial.iterations <= self.tries // 4:
                    step *= 1.5
                elif trial.iterations > 3 * self.tries // 4:
                    step *= 0.5
            else:
                step = min(step / 10, 0.01)
                if step < 1e-7:
                    return Outcome(
                        x, False, trial.iterations, trial.worst,
                        f"stuck with sources at {100 * level:.4g} %",
                    )
        return self._last(x)

    def _unpowered(self, x: Array) -> Outcome:
        now = self.now
        self.now = now.but(scale=0.0)
        try:
            found = self._shrink(x, max(now.gmin, 1e-12), self._leak, {})
        finally:
            self.now = now
            self._leak()
        return found

    def pseudo_transient(self, x: Array) -> Outcome:
        """Charge a capacitor at every node; the steps grow as the circuit settles."""
        self.system.start()
        conductance, fresh = 1.0, True
        rejected = 0
        trial = Outcome(x, False, 0, -1, "no start")
        for _ in range(2000):
            self._leak(conductance, x)
            trial = self._point(x, fresh=fresh)
            if trial.converged:
                fresh = False
                x = trial.x
                conductance *= 0.3 if trial.iterations <= 10 else 0.7
                if conductance < 1e-14:
                    self._leak()
                    final = self._last(x)
                    if final.converged:
                        return final
                    conductance = 1e-6
                    rejected += 10
            else:
                conductance *= 8.0
                rejected += 1
            if rejected > 60 or conductance > 1e9:
                break
        return Outcome(x, False, trial.iterations, trial.worst, "does not settle")

    def _last(self, x: Array) -> Outcome:
        """Solve the circuit itself from a point that is near."""
        found = self.newton.solve(x, self.now, limit=self.newton.tolerances.itl1)
        self._note(found)
        if found.converged:
            return found
        return Outcome(x, False, found.iterations, found.worst, "the last step fails")


def _singular(newton: Newton, outcome: Outcome) -> SingularCircuitError:
    system = newton.system
    name = system.labels[outcome.worst] if outcome.worst >= 0 else ""
    at = f" (found at {name})" if name else ""
    inner = name[2:-1] if name.startswith("v(") else ""
    return SingularCircuitError(
        f"the circuit's equations are singular{at}: a controlled source cancels a conductance or "
        "leaves a node undetermined, or what ties a node to the rest is less than the rounding of "
        "its other conductances", (inner,) if inner else (),
    )


def _failure(
    newton: Newton, outcome: Outcome, tried: list[str], worst: list[int], limited: list[str]
) -> ConvergenceError:
    """Say what was tried, and which unknowns and elements did not settle."""
    labels = newton.system.labels
    message = [f"no operating point found; tried {'; '.join(tried)}"]
    unsettled = [*worst, *newton.unsettled(outcome.x)]
    names = list(dict.fromkeys(labels[k] for k in unsettled if k >= 0))[:6]
    if names:
        message.append(f"not settled: {', '.join(names)}")
    if limited:
        more = " ..." if len(limited) > 5 else ""
        message.append(f"limited: {', '.join(limited[:5])}{more}")
    message.append("give `.nodeset` near the solution, or loosen `reltol`")
    return ConvergenceError("; ".join(message), outcome.x)
