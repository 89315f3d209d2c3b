"""The base of the studies of our network: points that are measured once, recorded, and resumed.

A study is a frozen dataclass of settings below `CnnStudy`, and a result below `CnnStudyResult`; it
says which chips there are, what one of them measures, and how a point is called. Training, the
record, progress and the files of the results are here.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from ..core.environment import environment
from ..core.errors import CrossbarSimError, ParameterError
from ..core.files import save_table, write_text
from ..core.locks import FolderLock
from ..core.processes import LocalWorkers
from ..core.progress import Progress, ProgressMeter, metered
from ..core.settings import Settings
from ..core.validation import count
from ..core.views.brief import brief_repr
from ..core.views.shown import Shown, View
from .data.dataset import Dataset, Labelled
from .engine.drive import drive
from .engine.records import Record
from .engine.worker import Outcome
from .networks import CnnSettings, TrainedCnn, logits, torch_threads, trained_cnn
from .results.tidy import table_dataset
from .results.view import points_view

__all__ = ["Bench", "CnnStudy", "CnnStudyResult", "StudyPoint", "scores"]


class StudyPoint(Protocol):
    """What is measured by itself: a row of the results."""

    @property
    def key(self) -> list[Any]:
        """What identifies the point in a record: JSON values."""

    @property
    def row(self) -> Mapping[str, Any]:
        """The point's columns in the results."""

    def note(self, values: Mapping[str, Any]) -> str:
        """Return a line that tells what came out."""


P = TypeVar("P", bound=StudyPoint)
R = TypeVar("R", bound="CnnStudyResult[Any]")
S = TypeVar("S", bound="CnnStudy[Any, Any]")


@dataclass(frozen=True, eq=False)
class Bench:
    """What all points of a study are measured with.

    Attributes
    ----------
    data : Dataset
    network : TrainedCnn
    parts : dict of str to Labelled
        Held-out images by the name of their set.
    digital : dict of str to array
        Outputs (n, classes) of the network without crossbars for each of the sets.
    """

    data: Dataset
    network: TrainedCnn
    parts: dict[str, Labelled]
    digital: dict[str, NDArray[np.float64]]


def scores(
    model: nn.Module, network: TrainedCnn, parts: Mapping[str, Labelled],
    digital: Mapping[str, NDArray[np.float64]], *, batch: int = 256,
) -> dict[str, float]:
    """Return what `model`, the network on a chip, makes of every set of held-out images.

    Accuracy, share of predictions equal to the digital network's, and the RMS error of the outputs
    relative to the digital outputs' RMS.
    """
    found = {}
    for name, part in parts.items():
        outputs = logits(network, part, model=model, batch=batch)
        chosen, reference = outputs.argmax(1), digital[name]
        found[f"{name}_accuracy"] = float(np.mean(chosen == part.labels))
        found[f"{name}_agreement"] = float(np.mean(chosen == reference.argmax(1)))
        found[f"{name}_output_error"] = float(
            np.sqrt(np.mean((outputs - reference) ** 2) / np.mean(reference**2))
        )
    return found


class CnnStudy(Settings, ABC, Generic[P, R]):
    """Settings of a study; subclasses are frozen dataclasses with at least these fields."""

    images: int | None
    epochs: int | None
    train_seed: int
    threads: int | None

    own_context: ClassVar[tuple[str, ...]]
    """Settings that a point's values depend on and its key does not name."""

    @property
    @abstractmethod
    def result_type(self) -> type[R]:
        """The class of what the study finds."""

    @abstractmethod
    def groups(self) -> Iterator[list[P]]:
        """Yield the points of one chip after the other, in the order of measuring."""

    @abstractmethod
    def measure(self, points: list[P], bench: Bench) -> Iterator[tuple[P, dict[str, Any]]]:
        """Yield the values of points of one chip, `seconds` among them."""

    def network_settings(self, data: Dataset) -> CnnSettings:
        """Return the shape and the training of the network."""
        return CnnSettings.for_data(data, epochs=self.epochs, seed=self.train_seed)

    def context(self, data: Dataset, network: TrainedCnn) -> dict[str, Any]:
        """Return everything that a point's values depend on, apart from the point itself."""
        return {
            **{name: getattr(self, name) for name in self.own_context},
            "data_sha256": data.sha256, "network_sha256": network.sha256,
        }

    def run(
        self, data: Dataset, out: Path, *, executor: Any = None, workers: int | None = None,
        progress: Progress = None,
    ) -> R:
        """Train or take the network, measure every point that is not recorded yet.

        Parameters
        ----------
        data : Dataset
        out : Path
            Folder of the trained network, the record and the results; made where missing.
        executor : optional
            As of `Study.run`: chips are measured by its workers, each with one thread unless the
            study says how many.
        workers : int, optional
            Processes of this machine, in place of an executor.
        progress : Progress
            Of the training, then of the points: True shows bars on the terminal; a function is
            called with the share of either that is done; or a `ProgressMeter`.

        Returns
        -------
        CnnStudyResult
            Of the study's own class.

        Raises
        ------
        ParameterError
            Where `out` holds points of a study with other settings, or another run writes there.
        BackendUnavailable
            The executor takes no more points.
        """
        if workers is not None and executor is not None:
            raise ParameterError("give `workers` or `executor`, not both")
        settings = self.network_settings(data)
        with ExitStack() as stack:
            stack.enter_context(FolderLock(out))
            meter = stack.enter_context(metered(progress))
            if workers is not None:
                executor = stack.enter_context(LocalWorkers(workers))
            network = trained_cnn(settings, data, cache=out, progress=meter, threads=self.threads)
            parts = data.held_out(self.images)
            groups = list(self.groups())
            points = [point for group in groups for point in group]
            context = self.context(data, network)
            with Record(out / "points.jsonl", context) as record, torch_threads(self.threads):
                done = sum(record.get(point.key) is not None for point in points)
                meter.begin("points", len(points), done)
                start = time.perf_counter()
                digital = {name: logits(network, part) for name, part in parts.items()}
                bench = Bench(data, network, parts, digital)
                missing = [[p for p in group if record.get(p.key) is None] for group in groups]
                chips = _Chips([group for group in missing if group], record, meter)
                if executor is None:
                    for group in chips.groups:
                        chips.keep(self.measure(group, bench))
                else:
                    drive(chips, _ChipWork(self, bench), executor, self.threads or 1)
        rows = [
            {**point.row, **(record.get(point.key) or {}), "seconds": record.seconds(point.key)}
            for point in points
        ]
        accuracy = {
            name: float(np.mean(digital[name].argmax(1) == part.labels))
            for name, part in parts.items()
        }
        return self.result_type(
            self, settings, data, network, pd.DataFrame(rows), accuracy,
            time.perf_counter() - start,
        )

    def _check_counts(self, optional: Sequence[str] = (), **least: int) -> None:
        """Check integers by name, each with the least that it may be."""
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None or name not in optional:
                object.__setattr__(self, name, count(name, value, low=low))

    def _check_distinct(self, *names: str) -> None:
        """Check that no swept value is there twice."""
        for name in names:
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise ParameterError(f"`{name}` has a value twice: {values!r}")


@dataclass(eq=False)
class _ChipWork:
    """Measures all points of one chip."""

    study: CnnStudy[Any, Any]
    bench: Bench
    raw: ClassVar[bool] = True

    def __call__(self, point: list[Any]) -> dict[str, Any]:
        return {"points": list(self.study.measure(point, self.bench))}


class _Chips:
    """The chips that wait for a worker, and the record of their points."""

    def __init__(
        self, groups: list[list[Any]], record: Record, meter: ProgressMeter
    ) -> None:
        self.groups, self.record, self.meter = groups, record, meter
        self._next = 0

    def take(self, most: int) -> list[tuple[int, Any]]:
        """Return the next chip."""
        del most
        if self._next == len(self.groups):
            return []
        self._next += 1
        return [(self._next - 1, self.groups[self._next - 1])]

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Record the points of chips; the study's pictures need all: an error ends it."""
        for one in outcomes:
            if one.measured is not None:
                self.keep(one.measured["points"])
        for one in outcomes:
            if one.measured is None:
                raise CrossbarSimError(f"{self.groups[one.number][0]}: {one.error}")

    def keep(self, points: Iterable[tuple[Any, dict[str, Any]]]) -> None:
        """Record points as they come."""
        for point, values in points:
            seconds = values.pop("seconds", None)
            self.record.add(point.key, values, seconds=seconds)
            self.meter.advance("points", point.note(values))


@dataclass(frozen=True, eq=False)
class CnnStudyResult(Shown, ABC, Generic[S]):
    """What a study of a network found.

    Parameters
    ----------
    study : CnnStudy
        Its settings.
    cnn : CnnSettings
    data : Dataset
    network : TrainedCnn
    points : pandas.DataFrame
        One row per point, with `seconds` that it took.
    digital_accuracy : dict of str to float
        Of the network without crossbars, per set of held-out images.
    seconds : float
        What this run took for its points; recorded points cost nothing.
    """

    study: S
    cnn: CnnSettings
    data: Dataset
    network: TrainedCnn
    points: pd.DataFrame
    digital_accuracy: dict[str, float]
    seconds: float

    __repr__ = brief_repr

    @cached_property
    def held_out(self) -> dict[str, int]:
        """Number of images of each held-out set."""
        return {k: len(part) for k, part in self.data.held_out(self.study.images).items()}

    @cached_property
    def dataset(self) -> xr.Dataset:
        """The points as an `xarray.Dataset` over tile, ohm, seed and the study's other axes.

        Chips that draw nothing have no seed: what was measured there is in variables whose names
        end in ``without_variation``.
        """
        points = self.points.copy()
        points["tile"] = (points["tile_rows"].astype(str) + "x"
                          + points["tile_columns"].astype(str))
        dims: dict[str, list[str]] = {"tile": ["tile", "tile_rows", "tile_columns"],
                                      "ohm": ["ohm"]}
        if "effect" in points:
            points["bits"] = points["bits"].fillna(np.inf)  # ideal converters
            dims |= {"chip": ["effect", "value"], "bits": ["bits"]}
        known = {column for columns in dims.values() for column in columns}
        measures = [str(n) for n in points.columns if n not in known and n != "seed"
                    and points[n].dtype.kind in "fiub"]
        told = {"title": type(self.study).__name__, "study": json.dumps(self.describe())}
        return table_dataset(points, dims, measures, told)

    @abstractmethod
    def markdown(self, part: str = "test") -> str:
        """Return the table of one set of held-out images."""

    @staticmethod
    def _table(ohms: Iterable[float], rows: Mapping[str, Iterable[str]]) -> str:
        """Return a Markdown table of accuracies: a column per resistance, ohm."""
        head = ["accuracy, %", *(f"{ohm:g} ohm" for ohm in ohms)]
        lines = [head, *([name, *cells] for name, cells in rows.items())]
        texts = ["| " + " | ".join(line) + " |" for line in lines]
        return "\n".join([texts[0], "|---" * len(head) + "|", *texts[1:]]) + "\n"

    def _check_part(self, part: str) -> None:
        if part not in self.digital_accuracy:
            raise ParameterError(
                f"`part` must be one of {', '.join(self.digital_accuracy)}; got {part!r}"
            )

    def describe(self) -> dict[str, Any]:
        """Return every setting needed to run the study again, and where it ran.

        The same for every run of the study on one machine; `times` are another matter.
        """
        settings: Any = self.study
        return {
            "study": asdict(settings),
            "network": {**asdict(self.cnn), "sha256": self.network.sha256},
            "data": {"name": self.data.name, "sha256": self.data.sha256,
                     "held_out": self.held_out, "training_images": len(self.data.train)},
            "digital_accuracy": self.digital_accuracy,
            "environment": environment(),
        }

    def _view(self) -> View:
        points = self.points.copy()
        points.insert(0, "tile", points["tile_rows"].astype(str) + "x"
                      + points["tile_columns"].astype(str))
        axes = ["ohm", "tile"]
        if "effect" in points:  # its values have no unit in common
            points.insert(1, "on the chip", [
                effect if effect == "none" else f"{effect} {value:g}"
                for effect, value in zip(points["effect"], points["value"], strict=True)
            ])
            axes = ["bits", "on the chip", *axes]
        bare = points["seed"].isna()
        if bare.any() and not bare.all():
            points.insert(1, "chip", np.where(bare, "without variation", "with variation"))
            axes.append("chip")
        measures = {
            str(n): "" for n in points.columns
            if str(n).endswith(("_accuracy", "_agreement", "_output_error"))
        }
        facts = {"data": self.data.name, "points": len(points)}
        facts |= {f"digital accuracy, {part}": f"{100 * value:.2f} %"
                  for part, value in self.digital_accuracy.items()}
        shown = points.drop(columns=[c for c in ("tile_rows", "tile_columns", "seconds")
                                     if c in points])
        return points_view(type(self.study).__name__, shown, axes, measures, facts,
                           self.describe(), "seed")

    def times(self) -> dict[str, Any]:
        """Return what training and points took, second; None where that is not known."""
        points = [None if np.isnan(t) else float(t) for t in self.points["seconds"]]
        return {"training": self.network.seconds, "points": points,
                "all_points": float(np.nansum(self.points["seconds"]))}

    def save(self, out: Path) -> tuple[Path, ...]:
        """Write the result into `out`; return the files' paths.

        ``results.csv``, ``table.md`` and ``study.json`` are the same, bit by bit, for every run of
        the study; ``times.json`` holds what its parts took.

        Raises
        ------
        OSError
            The folder cannot be made or written to.
        """
        out.mkdir(parents=True, exist_ok=True)
        paths = out / "results.csv", out / "table.md", out / "study.json", out / "times.json"
        save_table(paths[0], self.points.drop(columns="seconds"))
        tables = (
            f"{self.data.name}, {part} images ({count:,}); digital network "
            f"{100 * self.digital_accuracy[part]:.2f} %\n\n{self.markdown(part)}"
            for part, count in self.held_out.items()
        )
        write_text(paths[1], "\n".join(tables))
        write_text(paths[2], json.dumps(self.describe(), indent=2) + "\n")
        write_text(paths[3], json.dumps(self.times(), indent=2) + "\n")
        return paths
