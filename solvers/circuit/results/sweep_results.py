"""Results of one analysis for many values of parameters (``.step``)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ....core.errors import ParameterError
from ....core.validation import Array
from ....core.views.optional import dataset
from ....core.views.shown import View
from ..rawfile.plots import RawPlot
from .plotted import Plotted
from .result import Result
from .results import Curves, Transient
from .views import curves_view, table_view, unit_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Stepped"]


class Stepped(Plotted):
    r"""The results of an analysis with ``.step``: one per combination of stepped values.

    ``stepped["v(out)"]`` has one axis per step, the outermost first, before those of the result.
    Transients have their own times each: `at` puts them on common ones. Names that are not there,
    and transients over different times, raise `ParameterError`.

    Attributes
    ----------
    steps : dict
        What was stepped -> its values, outermost first.
    results : tuple
        In the order of nested loops, the last step the fastest.

    Examples
    --------
    >>> from crossbarsim import Simulator, read_spice
    >>> deck = "divider\n.param r=1k\nV1 in 0 1\nR1 in out 1k\nR2 out 0 {r}\n"
    >>> steps = ".op\n.step param r list 1k 3k\n"
    >>> (stepped,) = Simulator().run(read_spice(deck + steps))
    >>> stepped["r"], stepped["v(out)"].round(9)  # ohm, volt
    (array([1000., 3000.]), array([0.5 , 0.75]))
    >>> round(stepped.select(r=3e3)["v(out)"], 9)
    0.75
    """

    short_name = "step"

    def __init__(self, steps: dict[str, Array], results: Sequence[Result]) -> None:
        self.steps, self.results = steps, tuple(results)

    def __repr__(self) -> str:
        values = " x ".join(f"{len(v)} {k}" for k, v in self.steps.items())
        return f"Stepped({values}, {self.results[0]!r})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of every step."""
        return tuple(len(v) for v in self.steps.values())

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[tuple[dict[str, float], Result]]:
        """Return every combination of values with its result."""
        for k, result in enumerate(self.results):
            places = np.unravel_index(k, self.shape)
            yield {
                name: float(values[p])
                for (name, values), p in zip(self.steps.items(), places, strict=True)
            }, result

    def select(self, **values: float) -> Result:
        """Return the result for the values nearest to these.

        Raises
        ------
        ParameterError
            A step without a value.
        """
        place = []
        for name, axis in self.steps.items():
            if name not in values:
                raise ParameterError(f"give a value of each of {', '.join(self.steps)}")
            place.append(int(np.argmin(np.abs(axis - values[name]))))
        return self.results[int(np.ravel_multi_index(place, self.shape))]

    def __getitem__(self, query: str) -> Any:
        key = query.strip().lower()
        if key in self.steps:
            return self.steps[key]
        found = [np.asarray(result[query]) for result in self.results]
        first = self.results[0]
        if isinstance(first, Curves):
            if key in first.axes:
                self._common()
                return first[query]
            self._common()
        return np.array(found).reshape(self.shape + found[0].shape)

    def _common(self) -> list[Curves]:
        """Return the results, or refuse to stack those over different abscissas, or over none."""
        curves = [result for result in self.results if isinstance(result, Curves)]
        if len(curves) < len(self.results):
            raise ParameterError(
                f"a {type(self.results[0]).__name__} has no abscissa: take `results` one by one"
            )
        first = curves[0].axes
        for result in curves[1:]:
            same = all(
                len(a) == len(b) and np.array_equal(a, b)
                for a, b in zip(first.values(), result.axes.values(), strict=True)
            )
            if not same:
                raise ParameterError(
                    "the steps have different times: put them on common ones with `at(times)`, or "
                    "take `results` one by one"
                )
        return curves

    def at(self, times: ArrayLike) -> Stepped:
        """Return the same with all transients at these times, linear between their points.

        Parameters
        ----------
        times : float or (K,) array, second

        Raises
        ------
        ParameterError
            Times outside of a run; results that are no transients.
        """
        runs = [r for r in self.results if isinstance(r, Transient)]
        if len(runs) < len(self.results):
            raise ParameterError("`at` is for transients; others have common abscissas")
        return Stepped(self.steps, [r.at(times) for r in runs])

    def _view(self) -> View:
        many = [
            (", ".join(f"{name} {value:.4g}" for name, value in values.items()), one)
            for values, one in self
        ]
        first: Any = self.results[0]
        if all(isinstance(one, Curves) for _, one in many):
            return curves_view(many, f"{first.plot_name} over {', '.join(self.steps)}")
        rows = {told: list(dict(one.to_dict()).values())  # type: ignore[attr-defined]
                for told, one in many}
        names = list(first.to_dict())
        return table_view(f"{first.plot_name} over {', '.join(self.steps)}",
                          getattr(first, "circuit", None), rows, [(n, unit_of(n)) for n in names])

    @property
    def measures(self) -> dict[str, Any]:
        """Measures, each over the steps; NaN where one failed."""
        names = dict.fromkeys(n for r in self.results for n in getattr(r, "measures", {}))
        return {
            name: np.array([r.measures.get(name, math.nan) for r in self.results]).reshape(
                self.shape + np.shape(self.results[0].measures.get(name, math.nan))
            )
            for name in names
        }

    def to_plots(self) -> list[RawPlot]:
        """Return a plot for every step, in the order of nested loops; titles have the values."""
        found = []
        for values, result in self:
            told = ", ".join(f"{name}={value:.6g}" for name, value in values.items())
            found += [replace(p, title=f"{p.title} ({told})") for p in result.to_plots()]
        return found

    def to_xarray(self) -> xr.Dataset:
        """Return an `xarray.Dataset` over steps and abscissas."""
        curves = self._common()
        sets = [r.to_xarray() for r in curves]

        axes = curves[0].axes
        data: dict[str, Any] = {}
        for name in sets[0].data_vars:
            data[str(name)] = (
                (*self.steps, *axes), self[str(name)], {"units": sets[0][name].attrs.get("units")}
            )
        places = {k: (k, v) for k, v in (*self.steps.items(), *axes.items())}
        return dataset(data, places)
