"""What `minimise` finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import ParameterError
from ..core.views.optional import dataframe
from ..core.views.panels import Curve, Curves, Table
from ..core.views.shown import Shown, View

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Candidate", "Designed"]


@dataclass(frozen=True)
class Candidate:
    """The best point of one set of choices.

    Attributes
    ----------
    choices : dict
        What was enumerated.
    variables : dict of str to float
        What was found by gradients.
    value : float
        Of the objective.
    constraints : tuple of float
        Values of the constrained functions over their limits; feasible: none above 1.
    feasible : bool
    evaluations : int
    multipliers : tuple of float
        Of the constraints: by how much the logarithm of the objective falls with that of a limit.
    trace : tuple of (float, float)
        Objective and largest constraint over its limit at every evaluation.
    """

    choices: Mapping[str, Any]
    variables: Mapping[str, float]
    value: float
    constraints: tuple[float, ...]
    feasible: bool
    evaluations: int
    multipliers: tuple[float, ...] = ()
    trace: tuple[tuple[float, float], ...] = field(default=(), repr=False)

    @property
    def point(self) -> dict[str, Any]:
        """Choices and variables together."""
        return {**self.choices, **self.variables}


@dataclass(frozen=True)
class Designed(Shown):
    """What `minimise` found.

    Attributes
    ----------
    candidates : tuple of Candidate
        One for every set of choices, in their order.
    """

    candidates: tuple[Candidate, ...]

    @property
    def evaluations(self) -> int:
        """How often functions and gradients were evaluated."""
        return sum(one.evaluations for one in self.candidates)

    @property
    def ranked(self) -> list[Candidate]:
        """All that are feasible, the best first."""
        return sorted((one for one in self.candidates if one.feasible), key=lambda c: c.value)

    @property
    def best(self) -> Candidate:
        """The feasible candidate of the least objective.

        Raises
        ------
        ParameterError
            None is feasible; the message says which came closest.
        """
        if self.ranked:
            return self.ranked[0]
        closest = min(self.candidates, key=lambda c: max(c.constraints))
        raise ParameterError(
            "no point satisfies the constraints; closest, by a factor "
            f"{max(closest.constraints):.3g} over its limit, is {closest.point}: widen bounds, "
            "choices or limits"
        )

    def to_dataframe(self) -> pd.DataFrame:
        """Return a pandas table, a row per candidate.

        Raises
        ------
        BackendUnavailable
            pandas is not installed.
        """
        return dataframe([
            {**one.choices, **one.variables, "value": one.value, "feasible": one.feasible,
             "constraint": max(one.constraints, default=0.0), "evaluations": one.evaluations}
            for one in self.candidates
        ])

    def _view(self) -> View:
        columns = [*self.candidates[0].choices, *self.candidates[0].variables]
        rows: list[list[Any]] = [
            [*(str(v) for v in one.choices.values()), *one.variables.values(), one.value,
             max(one.constraints, default=0.0), "yes" if one.feasible else "no"]
            for one in self.candidates
        ]
        table = Table("Candidates", [
            *((name, "") for name in columns), ("objective", ""), ("constraint / limit", ""),
            ("feasible", ""),
        ], rows, sort="objective")
        curves = []
        for one in self.candidates:
            steps = np.arange(len(one.trace), dtype=np.float64)
            name = ", ".join(f"{v}" for v in one.choices.values()) or "objective"
            curves.append(Curve(name, steps, np.array([value for value, _ in one.trace])))
        panel = Curves("Objective", curves, ("evaluation", ""), ("objective", ""), log_y=True)
        facts: dict[str, Any] = {
            "candidates": len(self.candidates), "feasible": len(self.ranked),
            "evaluations": self.evaluations,
        }
        if self.ranked:
            facts["least objective"] = f"{self.ranked[0].value:.4g}"
        return View("Inverse design", facts, [panel, table])
