"""Least objective under constraints: gradients for numbers, enumeration for choices."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from ..core.errors import ParameterError
from ..core.progress import Progress, metered
from ..core.validation import count, number
from .result import Candidate, Designed
from .variables import Bounded, checked_variables

__all__ = ["Function", "minimise"]

Function: TypeAlias = Callable[[Mapping[str, Any]], Tensor]

_ROUNDS = 6  # of the multipliers, per descent
_TINY = 1e-12
_MARGIN = 0.01  # of the limits that the descent aims below: what is found is to be feasible
_STEEPEST = 1e3  # by which the objective is scaled, up or down


def minimise(
    objective: Function, variables: Mapping[str, Bounded], *,
    subject_to: Sequence[tuple[Function, float]] = (),
    choices: Mapping[str, Sequence[Any]] | None = None,
    steps: int = 40, learning_rate: float = 0.3, penalty: float = 10.0,
    progress: Progress = None,
) -> Designed:
    """Minimise a positive function of bounded variables under upper limits of others.

    The logarithm of the objective is minimised by torch's Adam on the variables' logistic
    coordinates, with the constraints ``log(value / limit) <= 0`` in an augmented Lagrangian
    (Rockafellar, Mathematical Programming 5, 354, 1973; Nocedal and Wright, Numerical Optimization,
    2006, section 17.3), with the objective scaled to a slope of 1; it aims 1 % below the limits.
    The best feasible point of all that were evaluated is kept. Choices, such as tile shapes and
    bits, are enumerated, each combination with a descent of its own.

    Parameters
    ----------
    objective : callable
        ``objective(point)`` returns a positive tensor, differentiable in the point's variables;
        `point` maps the names of all variables and choices to their values. The same mapping goes
        to the objective and all constraints of an evaluation.
    variables : dict of str to Bounded
    subject_to : sequence of (callable, float)
        Functions like the objective, each with the limit > 0 that it must not exceed.
    choices : mapping of str to sequence, optional
        Values to enumerate; all combinations are tried.
    steps : int
        Evaluations per combination, forward and backward.
    learning_rate : float
        Of Adam, in logistic coordinates; it falls by half a cosine.
    penalty : float
        Of the augmented Lagrangian, at the start.
    progress : Progress

    Returns
    -------
    Designed

    Raises
    ------
    ParameterError
        A function that returns no positive number, names that are twice, values out of range.

    Examples
    --------
    >>> from crossbarsim.design import Bounded, minimise
    >>> found = minimise(  # the least x y with 1 / x + 1 / y^2 <= 1
    ...     lambda p: p["x"] * p["y"], {"x": Bounded(1.0, 100.0), "y": Bounded(1.0, 100.0)},
    ...     subject_to=[(lambda p: 1 / p["x"] + 1 / p["y"] ** 2, 1.0)], steps=200,
    ... )
    >>> best = found.best  # x = 3 / 2 and y^2 = 3
    >>> abs(best.value / (1.5 * 3**0.5) - 1) < 0.01, best.constraints[0] <= 1.0
    (True, True)
    """
    chosen = checked_variables(variables)
    if not callable(objective):
        raise ParameterError(f"`objective` must be a function of a point; got {objective!r:.60}")
    if not isinstance(subject_to, (list, tuple)):
        raise ParameterError(f"`subject_to` must be a list of pairs; got {subject_to!r:.60}")
    limits = [_constraint(one) for one in subject_to]
    steps = count("steps", steps, low=1, high=2**31)
    number("learning_rate", learning_rate, low=0.0, open_low=True)
    number("penalty", penalty, low=0.0, open_low=True)
    listed = _choices(choices, chosen)
    candidates = []
    with metered(progress) as meter:
        combinations = list(_combinations(listed))
        meter.begin("designing", len(combinations))
        for own in combinations:
            descent = _Descent(objective, chosen, limits, own, penalty)
            candidates.append(descent.run(steps, learning_rate))
            one = candidates[-1]
            told = f"{one.value:.4g}" if one.feasible else "not feasible"
            meter.advance("designing", f"{own} {told}" if own else told)
    return Designed(tuple(candidates))


def _constraint(one: Any) -> tuple[Function, float]:
    if not isinstance(one, (tuple, list)) or len(one) != 2 or not callable(one[0]):
        raise ParameterError(
            f"`subject_to` must hold pairs (function, limit); got {one!r:.60}"
        )
    return one[0], number("subject_to", one[1], low=0.0, open_low=True)


def _choices(
    choices: Mapping[str, Sequence[Any]] | None, variables: Mapping[str, Bounded]
) -> dict[str, list[Any]]:
    listed: dict[str, list[Any]] = {}
    if choices is not None and not isinstance(choices, Mapping):
        raise ParameterError(f"`choices` must map names to values; got {choices!r:.60}")
    for name, values in (choices or {}).items():
        if name in variables:
            raise ParameterError(f"{name!r} is in `variables` and in `choices`")
        if isinstance(values, str) or not isinstance(values, Sequence) or not values:
            raise ParameterError(f"`choices[{name!r}]` must be a list of values, at least one")
        listed[name] = list(values)
    return listed


def _combinations(listed: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*listed.values()):
        yield dict(zip(listed, values, strict=True))


@dataclass
class _Seen:
    """The best of what has been evaluated: feasible first, then by value or violation."""

    order: tuple[bool, float] = (True, math.inf)
    variables: Mapping[str, float] | None = None
    value: float = math.inf
    constraints: tuple[float, ...] = ()

    def take(
        self, point: Mapping[str, float], value: float, constraints: tuple[float, ...]
    ) -> None:
        worst = max(constraints, default=0.0)
        order = (worst > 1.0, worst if worst > 1.0 else value)
        if order < self.order:
            self.order, self.variables = order, point
            self.value, self.constraints = value, constraints


class _Descent:
    """One descent, with the choices as they are."""

    def __init__(
        self, objective: Function, variables: Mapping[str, Bounded],
        limits: Sequence[tuple[Function, float]], choices: Mapping[str, Any], penalty: float,
    ) -> None:
        self.objective, self.variables, self.limits = objective, variables, limits
        self.choices, self.penalty = choices, penalty
        self.free = {
            name: one.free(one.first).requires_grad_() for name, one in variables.items()
        }
        self.multipliers = [0.0] * len(limits)
        self.scale = 1.0  # of the objective's logarithm, against the constraints
        self.seen = _Seen()
        self.trace: list[tuple[float, float]] = []

    def run(self, steps: int, rate: float) -> Candidate:
        """Descend for so many evaluations."""
        adam = torch.optim.Adam(self.free.values(), lr=rate, betas=(0.8, 0.95))
        every = max(1, steps // _ROUNDS)
        before = math.inf
        for step in range(steps):
            for group in adam.param_groups:
                group["lr"] = rate * (0.55 + 0.45 * math.cos(math.pi * step / steps))
            adam.zero_grad()
            value, excess = self._evaluate()
            if step in (0, every) and self.limits:
                self._rescale(value)
            self._lagrangian(value, excess).backward()  # type: ignore[no-untyped-call]  # torch's
            adam.step()
            if (step + 1) % every == 0 and self.limits:
                now = [float(one.detach()) for one in excess]
                self.multipliers = [
                    max(0.0, m + self.penalty * c)
                    for m, c in zip(self.multipliers, now, strict=True)
                ]
                violation = max(0.0, *now)
                if violation > 0.5 * before:
                    self.penalty *= 2.0
                before = violation
        seen = self.seen
        return Candidate(
            dict(self.choices), dict(seen.variables or {}), seen.value, seen.constraints,
            not seen.order[0], steps, tuple(m / self.scale for m in self.multipliers),
            tuple(self.trace),
        )

    def _rescale(self, value: Tensor) -> None:
        """Give the objective a slope of 1: a flat one would give way to every constraint."""
        slopes = torch.autograd.grad(
            value, list(self.free.values()), retain_graph=True, allow_unused=True
        )
        steep = math.sqrt(sum(float(slope.square()) for slope in slopes if slope is not None))
        scale = min(max(1.0 / max(steep, 1.0 / _STEEPEST), 1.0 / _STEEPEST), _STEEPEST)
        self.multipliers = [m * scale / self.scale for m in self.multipliers]
        self.scale = scale

    def _evaluate(self) -> tuple[Tensor, list[Tensor]]:
        """Return the objective's logarithm and those of the constraints over their limits."""
        values = {name: one.value(self.free[name]) for name, one in self.variables.items()}
        point = {**self.choices, **values}
        value = _positive("objective", self.objective(point))
        others = [_positive("subject_to", function(point)) for function, _ in self.limits]
        found = tuple(
            float(one.detach()) / limit for one, (_, limit) in zip(others, self.limits, strict=True)
        )
        plain = {name: float(v.detach()) for name, v in values.items()}
        self.seen.take(plain, float(value.detach()), found)
        self.trace.append((float(value.detach()), max(found, default=0.0)))
        return value.log(), [
            (one / limit).clamp(min=_TINY).log() + _MARGIN
            for one, (_, limit) in zip(others, self.limits, strict=True)
        ]

    def _lagrangian(self, value: Tensor, excess: Sequence[Tensor]) -> Tensor:
        total = value * self.scale
        for multiplier, one in zip(self.multipliers, excess, strict=True):
            pressed = (multiplier + self.penalty * one).clamp(min=0.0)
            total = total + (pressed.square() - multiplier**2) / (2.0 * self.penalty)
        return total


def _positive(name: str, value: Any) -> Tensor:
    if not isinstance(value, Tensor) or value.numel() != 1:
        raise ParameterError(f"`{name}` must return one number, a tensor; got {value!r:.60}")
    least_is_0 = name == "subject_to"
    known = float(value.detach())
    if not math.isfinite(known) or known < 0 or (known == 0 and not least_is_0):
        raise ParameterError(
            f"`{name}` must return a finite number {'>=' if least_is_0 else '>'} 0; got {known}"
        )
    if not value.requires_grad:
        raise ParameterError(f"`{name}` returned a tensor that follows none of the variables")
    return value.to(torch.float64).reshape(())
