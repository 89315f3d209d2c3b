"""The result of a study, around an `xarray.Dataset`."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from ...core.errors import ParameterError
from ...core.files import save_table, write_text
from ...core.settings import checks_arguments, closest
from ...core.views.shown import Shown, View
from .dataset import DONE, FAILED, MISSING, SEED, STATUS, STOPPED, label
from .files import NETCDF, read_dataset, write_dataset
from .front import front
from .pictures import Curve, curves_figure, map_figure, pareto_figure
from .tables import cell, latex_table, markdown_table
from .view import study_view

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["StudyResult"]

_SHARES = ("accuracy", "agreement", "top_1", "top_5", "f1")
_MOST_CURVES = 24
_WORDS = {FAILED: "failed", STOPPED: "stopped early", MISSING: "missing"}


@checks_arguments
@dataclass(frozen=True, eq=False)
class StudyResult(Shown):
    """What a study found, point by point.

    Parameters
    ----------
    dataset : xarray.Dataset
        A dimension for each axis of the study, the last one ``seed`` where chips were drawn, with
        coordinates that have ``units``; a variable for each measure, NaN where a point has none;
        ``status`` tells why: 0 done, 1 failed, 2 stopped early by the study's rule, 3 missing.
        Its attribute ``study`` is what `settings` reads.
    seconds : array, optional
        What every point took, of the dataset's shape; NaN where that is not known. Not part of
        the dataset, which is the same for every run of the study.

    Examples
    --------
    >>> from crossbarsim.studies import Study
    >>> result = Study(lambda n, r: {"sum": n + r}, {"n": [1, 2], "r": [0.5, 1.5]}).run()
    >>> result
    <StudyResult: 4 points over n (2) x r (2); sum 1.5 to 3.5>
    >>> print(result.markdown())
    | sum | r = 0.5 | r = 1.5 |
    |---|---|---|
    | n = 1 | 1.5 | 2.5 |
    | n = 2 | 2.5 | 3.5 |
    <BLANKLINE>
    """

    dataset: xr.Dataset
    seconds: Any = field(default=None, repr=False)

    # -- what there is -----------------------------------------------------------------------

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that the study was run with, versions and machine among it."""
        found: dict[str, Any] = json.loads(self.dataset.attrs.get("study", "{}"))
        return found

    @property
    def failures(self) -> list[dict[str, Any]]:
        """The points that raised an error: their axes, and its ``message``."""
        found: list[dict[str, Any]] = json.loads(self.dataset.attrs.get("failures", "[]"))
        return found

    @property
    def axes(self) -> dict[str, int]:
        """The dimensions of the study and their lengths."""
        status = self.dataset[STATUS]
        return {str(name): int(size) for name, size in status.sizes.items()}

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of what was measured."""
        return tuple(str(name) for name in self.dataset.data_vars if name != STATUS)

    @property
    def counts(self) -> dict[str, int]:
        """How many points are done, failed, stopped early and missing."""
        found = self.dataset[STATUS].to_numpy()
        return {name: int((found == code).sum()) for code, name in (
            (DONE, "done"), (FAILED, "failed"), (STOPPED, "stopped"), (MISSING, "missing"))}

    def summary(self) -> str:
        """Return how many points there are of each kind, such as ``62 of 64, 2 failed``."""
        counts = self.counts
        total = sum(counts.values())
        rest = [f"{counts[name.split()[0]]} {name}" for name in _WORDS.values()
                if counts[name.split()[0]]]
        return ", ".join([f"{counts['done']} of {total}", *rest])

    def __repr__(self) -> str:
        """Return one line: the size, the measures' ranges, what is missing."""
        axes = " x ".join(f"{name} ({size})" for name, size in self.axes.items())
        total, counts = sum(self.counts.values()), self.counts
        text = f"<StudyResult: {total} points" + (f" over {axes}" if axes else "")
        for name in self.measures[:3]:
            values = self.dataset[name].to_numpy()
            if np.isfinite(values).any():
                low, high = np.nanmin(values), np.nanmax(values)
                text += f"; {name} {low:.4g}" + (f" to {high:.4g}" if high > low else "")
        if counts["done"] < total:
            text += f"; {self.summary()}"
        return f"{text}>"

    def _view(self) -> View:
        facts: dict[str, Any] = {"points": self.summary()}
        facts |= {f"axis {name}": f"{size} values" for name, size in self.axes.items()}
        return study_view(self.dataset, facts, self.to_dataframe())

    # -- tables ------------------------------------------------------------------------------

    def to_dataframe(self) -> pd.DataFrame:
        """Return a table with a row for every point: coordinates, measures, status in words.

        Arrays stay out; `dataset` has them.
        """
        dims = set(self.axes)
        small = self.dataset[[n for n in (*self.measures, STATUS)
                              if set(self.dataset[n].dims) <= dims]]
        table = small.to_dataframe().reset_index() if dims else pd.DataFrame(
            {name: [small[name].item()] for name in small.data_vars})
        words = {DONE: "done", **{k: w.split()[0] for k, w in _WORDS.items()}}
        table[STATUS] = [words[int(s)] for s in table[STATUS]]
        own = [name for name in table.columns if name not in self.dataset.coords]
        bare = [name for name in own if name in dims]  # counts the places of several fields
        front_columns = [n for n in table.columns if n not in own and n != SEED]
        seeds = [SEED] if SEED in table.columns else []
        return table[[*front_columns, *seeds, *(n for n in own if n not in bare)]]

    def markdown(self, value: str | None = None, *, where: Mapping[str, Any] | None = None) -> str:
        """Return a table in Markdown: mean and standard deviation over the seeds.

        Parameters
        ----------
        value : str, optional
            Which measure; default: the first. Shares (accuracy, agreement, ...) are in percent.
        where : mapping, optional
            Axis -> the value at which it stays.

        Returns
        -------
        str
            The longest axis runs along the columns, all others along the rows.
        """
        return markdown_table(*self._rows(value, where))

    def latex(
        self, value: str | None = None, *, where: Mapping[str, Any] | None = None,
        caption: str = "", mark: str = "",
    ) -> str:
        r"""Return the table of `markdown` in LaTeX, for the package booktabs.

        Parameters
        ----------
        value, where
            As of `markdown`.
        caption, mark : str
            With a caption the table floats, and ``\ref`` finds it by its mark.
        """
        return latex_table(*self._rows(value, where), caption=caption, mark=mark)

    def _rows(
        self, value: str | None, where: Mapping[str, Any] | None
    ) -> tuple[list[str], list[list[str]]]:
        name = self._measure(value)
        mean, std = self._over_seeds(name, where)
        percent = self._percent(name)
        head = self._title(name)
        if not mean.dims:
            return [head, ""], [["", cell(float(mean), float(std), percent=percent)]]
        across = max(mean.dims, key=lambda d: (mean.sizes[d], str(d)))
        rest = [d for d in mean.dims if d != across]
        columns = [self._place(str(across), k) for k in range(mean.sizes[across])]
        rows = []
        for place in np.ndindex(*(mean.sizes[d] for d in rest)):
            at = dict(zip(rest, place, strict=True))
            named = ", ".join(self._place(str(d), k) for d, k in at.items())
            m, s = mean.isel(at).to_numpy(), std.isel(at).to_numpy()
            rows.append([named, *(cell(float(a), float(b), percent=percent)
                                  for a, b in zip(m, s, strict=True))])
        return [head, *columns], rows

    # -- pictures ----------------------------------------------------------------------------

    def plot(
        self, value: str | None = None, *, x: str | None = None, hue: str | None = None,
        y: str | None = None, where: Mapping[str, Any] | None = None, log: bool = False,
    ) -> Figure:
        """Return a figure of one measure: curves over `x`, or with `y` a map over two axes.

        Parameters
        ----------
        value : str, optional
            Which measure; default: the first.
        x : str, optional
            Axis to the right; its whole name or the last part of it. Default: the first whose
            values are numbers.
        hue : str, optional
            Axis of which every value has a curve; default: all others together.
        y : str, optional
            Axis upwards, of a map in place of curves.
        where : mapping, optional
            Axis -> the value at which it stays.
        log : bool
            Whether `x` is logarithmic.

        Returns
        -------
        matplotlib.figure.Figure
            Curves are means over the seeds, with a band of one standard deviation to both sides.

        Raises
        ------
        ParameterError
            Names that the study does not have, or axes that are left over.
        BackendUnavailable
            Without matplotlib.
        """
        name = self._measure(value)
        mean, std = self._over_seeds(name, where)
        along = self._axis(x, mean) if x is not None else self._first_numeric(mean)
        if y is not None:
            if hue is not None:
                raise ParameterError("give `hue`, for curves, or `y`, for a map; not both")
            up = self._axis(y, mean)
            self._nothing_left(mean, {along, up})
            return map_figure(
                mean.transpose(up, along).to_numpy(), x=self._values(along), y=self._values(up),
                x_label=self._title(along), y_label=self._title(up),
                z_label=self._title(name), percent=self._percent(name),
            )
        rest = [str(d) for d in mean.dims if d != along]
        if hue is not None:
            chosen = self._axis(hue, mean)
            self._nothing_left(mean, {along, chosen})
            rest = [chosen]
        curves = []
        for place in np.ndindex(*(mean.sizes[d] for d in rest)):
            at = dict(zip(rest, place, strict=True))
            only = len(rest) == 1
            named = ", ".join(self._place(d, k, bare=only) for d, k in at.items())
            curves.append(Curve(named, self._values(along), mean.isel(at).to_numpy(),
                                std.isel(at).to_numpy()))
        if len(curves) > _MOST_CURVES:
            raise ParameterError(
                f"{len(curves)} curves of {', '.join(rest)}: choose one axis with `hue`, and hold "
                "the others with `where`"
            )
        return curves_figure(
            curves, x_label=self._title(along), y_label=self._title(name),
            hue=self._title(rest[0]) if len(rest) == 1 else "", percent=self._percent(name),
            log=log,
        )

    def front(
        self, cost: str = "energy", value: str = "accuracy", *,
        where: Mapping[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Return the Pareto front: the points that no other beats in both, by rising cost.

        Parameters
        ----------
        cost : str
            The measure that should be small.
        value : str
            The one that should be large.
        where : mapping, optional
            Axis -> the value at which it stays. Both are means over the seeds.
        """
        table = self._both(cost, value, where)
        best = front(table[cost].to_numpy(float), table[value].to_numpy(float))
        found: pd.DataFrame = table.iloc[best]
        return found

    def pareto(
        self, cost: str = "energy", value: str = "accuracy", *, hue: str | None = None,
        where: Mapping[str, Any] | None = None, log: bool = False,
    ) -> Figure:
        """Return a figure of two measures against each other, and their Pareto front.

        Parameters
        ----------
        cost, value, where
            As of `front`.
        hue : str, optional
            Axis by which points are coloured.
        log : bool
            Whether the cost is logarithmic.
        """
        table = self._both(cost, value, where)
        groups = [""] * len(table)
        if hue is not None:
            groups = [str(v) for v in table[self._axis(hue, self.dataset[STATUS])]]
        return pareto_figure(
            table[cost].to_numpy(float), table[value].to_numpy(float), groups,
            x_label=self._title(cost), y_label=self._title(value),
            hue="" if hue is None else self._title(self._axis(hue, self.dataset[STATUS])),
            percent=self._percent(value), log=log,
        )

    def _both(
        self, cost: str, value: str, where: Mapping[str, Any] | None
    ) -> pd.DataFrame:
        parts = {name: self._over_seeds(self._measure(name), where)[0] for name in (cost, value)}
        table = xr.Dataset(parts).to_dataframe().reset_index()
        whole: pd.DataFrame = table.dropna(subset=[cost, value]).reset_index(drop=True)
        return whole

    # -- files -------------------------------------------------------------------------------

    def save(self, out: str | Path) -> tuple[Path, ...]:
        """Write the result; return the files' paths.

        Parameters
        ----------
        out : path
            A file that ends in ``.nc`` gets the dataset alone, as NetCDF. A folder gets
            ``result.nc``, ``results.csv``, ``table.md`` and ``study.json``, which are the same, bit
            by bit, for every run of the study, and ``times.json``.

        Raises
        ------
        OSError
            The folder cannot be made or written to.
        """
        path = Path(out)
        if path.suffix == ".nc":
            write_dataset(path, self.dataset)
            return (path,)
        path.mkdir(parents=True, exist_ok=True)
        paths = [path / n for n in (NETCDF, "results.csv", "table.md", "study.json", "times.json")]
        write_dataset(paths[0], self.dataset)
        save_table(paths[1], self.to_dataframe())
        scalar = [n for n in self.measures if set(self.dataset[n].dims) <= set(self.axes)]
        write_text(paths[2], "\n".join([f"{self.summary()}\n", *map(self.markdown, scalar)]))
        told = {**self.settings, "counts": self.counts, "failures": self.failures}
        write_text(paths[3], json.dumps(told, indent=2) + "\n")
        times = [] if self.seconds is None else [
            None if np.isnan(t) else float(t) for t in np.ravel(self.seconds)]
        write_text(paths[4], json.dumps({
            "points": times, "all_points": sum(t for t in times if t is not None)}) + "\n")
        return tuple(paths)

    @staticmethod
    def load(path: str | Path) -> StudyResult:
        """Return the result that `save` wrote.

        Parameters
        ----------
        path : path
            The ``.nc`` file, or the folder.

        Raises
        ------
        ParameterError
            There is none, or the file is of something else.
        """
        where = Path(path)
        return StudyResult(read_dataset(where / NETCDF if where.is_dir() else where))

    # -- names -------------------------------------------------------------------------------

    def _measure(self, name: str | None) -> str:
        scalar = [n for n in self.measures if set(self.dataset[n].dims) <= set(self.axes)]
        if name is None:
            if not scalar:
                raise ParameterError(
                    "no point of the study gave a number" if not self.measures else
                    f"the study measured arrays alone: {', '.join(self.measures)}; take them from "
                    "`dataset`"
                )
            return scalar[0]
        if name in self.measures and name not in scalar:
            raise ParameterError(f"{name!r} is an array at every point: take it from `dataset`")
        if name not in scalar:
            raise ParameterError(f"the study has no measure {name!r}{closest(name, scalar)}")
        return name

    def _axis(self, name: str, array: xr.DataArray) -> str:
        """Return the dimension that a name means: its own, a field's, or the last part of one."""
        known: dict[str, str] = {}
        for dim in map(str, array.dims):
            fields = [str(c) for c, v in self.dataset.coords.items() if v.dims == (dim,)]
            for one in (dim, *fields):
                known.setdefault(one, dim)
        ends: dict[str, set[str]] = {}
        for one, dim in known.items():
            ends.setdefault(one.rpartition(".")[2], set()).add(dim)
        if name in known:
            return known[name]
        if len(ends.get(name, ())) == 1:
            return next(iter(ends[name]))
        raise ParameterError(
            f"{name!r} names no axis that is free here{closest(name, [*known, *ends])}"
        )

    def _over_seeds(
        self, name: str, where: Mapping[str, Any] | None
    ) -> tuple[xr.DataArray, xr.DataArray]:
        """Return mean and standard deviation (NaN below two) over the seeds."""
        array = self.dataset[name]
        for key, value in (where or {}).items():
            dim = self._axis(key, array)
            array = array.isel({dim: self._index(key, dim, value)})
        array = array.squeeze(
            [d for d in array.dims if array.sizes[d] == 1 and d != SEED and len(array.dims) > 1],
            drop=True,
        ) if array.size != 1 else array
        if SEED not in array.dims:
            return array, xr.full_like(array, np.nan, dtype=float)
        seen = array.count(SEED)
        with warnings.catch_warnings(), np.errstate(invalid="ignore"):
            # of points without a value, and of infinite ones
            warnings.simplefilter("ignore", RuntimeWarning)
            return array.mean(SEED), array.std(SEED, ddof=1).where(seen > 1)

    def _index(self, key: str, dim: str, value: Any) -> int:
        fields = [n for n, v in self.dataset.coords.items() if v.dims == (dim,)]
        of = next((n for n in fields if n == key or str(n).rpartition(".")[2] == key), None)
        along = self.dataset[of if of is not None else fields[0] if fields else dim].to_numpy()
        wanted = value
        if along.dtype.kind in "US" and not isinstance(value, str):
            wanted = label(value)
        hits = np.flatnonzero(along == wanted)
        if not len(hits):
            raise ParameterError(f"`where`: {key} is never {value!r}; it is "
                                 f"{', '.join(map(str, along[:12]))}")
        return int(hits[0])

    def _first_numeric(self, array: xr.DataArray) -> str:
        dims = [str(d) for d in array.dims]
        if not dims:
            raise ParameterError("there is one point left: nothing to plot; see `markdown`")
        return next((d for d in dims if self._values(d).dtype.kind in "if"), dims[0])

    def _nothing_left(self, array: xr.DataArray, used: set[str]) -> None:
        left = [str(d) for d in array.dims if d not in used]
        if left:
            raise ParameterError(
                f"{', '.join(left)} is left over: hold it with `where={{{left[0]!r}: ...}}`"
            )

    def _fields(self, dim: str) -> list[str]:
        return [str(n) for n, v in self.dataset.coords.items() if v.dims == (dim,)]

    def _values(self, dim: str) -> Any:
        if dim in self.dataset.coords:
            return self.dataset[dim].to_numpy()
        fields = self._fields(dim)
        if len(fields) == 1:
            return self.dataset[fields[0]].to_numpy()
        return np.arange(self.dataset.sizes[dim])

    def _place(self, dim: str, k: int, *, bare: bool = False) -> str:
        """Return what a place along a dimension is called."""
        fields = [dim] if dim in self.dataset.coords else self._fields(dim)
        if not fields:
            return f"{dim} {k}"
        told = []
        for name in fields:
            value = self.dataset[name].to_numpy()[k]
            text = f"{value:g}" if isinstance(value, np.floating) else str(value)
            unit = self.dataset[name].attrs.get("units", "1")
            text += "" if unit == "1" else f" {unit}"
            told.append(text if bare and len(fields) == 1 else f"{name} = {text}")
        return ", ".join(told)

    def _percent(self, name: str) -> bool:
        """Whether a measure is a share between 0 and 1 that readers want in percent."""
        share = any(name == s or name.endswith(f"_{s}") for s in _SHARES)
        return share and self.dataset[name].attrs.get("units", "1") == "1"

    def _title(self, name: str) -> str:
        unit = self.dataset[name].attrs.get("units", "") if name in self.dataset else ""
        if name in self.measures and self._percent(name):
            unit = "%"
        words = name.replace("_", " ")
        return f"{words} ({unit})" if unit and unit != "1" else words


