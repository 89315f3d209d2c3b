"""Derivatives of one number with respect to parameters."""

from __future__ import annotations

from collections.abc import Iterable

from ....core.errors import ParameterError
from ....core.views.shown import View
from .plotted import Tabular
from .views import table_view

__all__ = ["Derivatives"]


class Derivatives(Tabular):
    """Derivatives of an output with respect to parameters, ``result["r1"]``, ``["q1:bf"]``.

    Attributes
    ----------
    output : str
    values : dict
        Name -> derivative, in the output's unit over the parameter's.
    parameters : dict
        Name -> value of the parameter.
    measures : dict
        Empty: measures are of curves.
    """

    plot_name, short_name = "Sensitivity Analysis", "sens"

    def __init__(
        self, output: str, values: dict[str, float], parameters: dict[str, float]
    ) -> None:
        self.output, self.values, self.parameters = output, values, parameters
        self.measures: dict[str, float] = {}

    def _vectors(self) -> Iterable[tuple[str, float]]:
        return self.values.items()

    def __getitem__(self, name: str) -> float:
        key = name.strip().lower()
        if key not in self.values:
            raise ParameterError(f"no sensitivity to {name!r}; see `values` for what there is")
        return self.values[key]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.output!r}, {len(self.values)} parameters)"

    @property
    def normalised(self) -> dict[str, float]:
        """Change of the output for one per cent of every parameter."""
        return {k: v * self.parameters[k] / 100.0 for k, v in self.values.items()}

    def _view(self) -> View:
        order = sorted(self.values, key=lambda name: -abs(self.normalised[name]))
        found = {
            name: [self.normalised[name], self.values[name], self.parameters[name]]
            for name in order
        }
        return table_view(
            f"Derivatives of {self.output}", getattr(self, "circuit", None), found,
            [("change for 1 % of the parameter", ""), ("derivative", ""), ("parameter", "")],
        )

    def to_dict(self) -> dict[str, float]:
        """Return the derivatives by name."""
        return dict(self.values)
