"""How much of the accuracy that wires take comes back: by mapping, by correction, by training."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from ..core.errors import ParameterError
from ..core.settings import closest
from ..core.validation import number
from ..core.views.shown import View
from ..netlists.crossbar.crossbar import Wires
from ..nn import CrossbarConfig, calibrate, convert
from ..nn.train import FinetuneConfig, finetune
from .cnn_study import Bench, CnnStudy, CnnStudyResult, scores
from .data.dataset import Dataset
from .networks import CnnSettings
from .results.view import points_view

__all__ = ["METHODS", "TUNING", "RecoveryPoint", "RecoveryResult", "RecoveryStudy"]

TUNING = FinetuneConfig(epochs=2, batches=12, exact_every=20, rtol=0.03)

_MAPPED = {"tiling": "even", "reorder": "both"}
METHODS: dict[str, tuple[dict[str, Any], Any, bool]] = {
    "plain": ({}, False, False),
    "even tiles": ({"tiling": "even"}, False, False),
    "ordered lines": ({"reorder": "both"}, False, False),
    "gains of outputs": ({}, True, False),
    "gains of tiles": ({}, "tiles", False),
    "mapped, gains of tiles": (_MAPPED, "tiles", False),
    "trained": ({}, True, True),
    "mapped and trained": (_MAPPED, "tiles", True),
}
"""Changes of the configuration, `correct` of `calibrate`, and whether `finetune` follows."""


@dataclass(frozen=True)
class RecoveryPoint:
    """One chip to measure.

    Parameters
    ----------
    ohm : float
        Resistance of one segment, ohm.
    method : str
        One of `METHODS`.
    """

    ohm: float
    method: str

    @property
    def key(self) -> list[Any]:
        """What identifies the point in a record."""
        return [self.ohm, self.method]

    @property
    def row(self) -> dict[str, Any]:
        """The point's columns in the results."""
        return {"ohm": self.ohm, "method": self.method}

    def note(self, values: Mapping[str, Any]) -> str:
        """Return a line that tells what came out."""
        return f"{self.ohm:g} ohm, {self.method}: {100 * values['test_accuracy']:.2f} %"


@dataclass(frozen=True, kw_only=True)
class RecoveryStudy(CnnStudy[RecoveryPoint, "RecoveryResult"]):
    """Settings of the study.

    Parameters
    ----------
    ohms : tuple of float
        Resistance of one wire segment, ohm, the same along word lines and bit lines.
    methods : tuple of str
        Of `METHODS`: what is done against the IR drop. "ordered lines" is `reorder` of
        `CrossbarConfig`, "even tiles" its `tiling`, "mapped" both; gains are those of `calibrate`;
        "trained" is `finetune` after them, towards the outputs of the digital network: the
        Kullback-Leibler divergence of the classes' probabilities from that network's (Hinton et
        al., arXiv:1503.02531, 2015, at temperature 1). It takes no labels, and asks for nothing
        where the wires take nothing: at 0 ohm it must change nothing.
    tile : (int, int)
    g_on, g_off : float
        Siemens.
    channels : tuple of int
    hidden : int
        Of the network, see `CnnSettings`.
    epochs : int or None
        Of the digital training; None: what fits the data.
    tuning : FinetuneConfig or None
        None: `TUNING`, two epochs of 12 batches.
    batch : int
        Images per step of `finetune`.
    calibration, validation : int
        Training images for the gains, and those, the last of them, by whose divergence the best
        epoch is chosen.
    images : int or None
        Held-out images, from the first on; None: all.
    train_seed : int
    threads : int or None
    """

    ohms: tuple[float, ...] = (1.0, 2.0, 5.0)
    methods: tuple[str, ...] = tuple(METHODS)
    tile: tuple[int, int] = (128, 128)
    g_on: float = 1e-4
    g_off: float = 1e-6
    channels: tuple[int, ...] = (16, 32, 64)
    hidden: int = 256
    epochs: int | None = None
    tuning: FinetuneConfig | None = None
    batch: int = 64
    calibration: int = 512
    validation: int = 1000
    images: int | None = None
    train_seed: int = 0
    threads: int | None = None

    own_context = (
        "tile", "g_on", "g_off", "batch", "calibration", "validation", "images",
    )

    def __post_init__(self) -> None:
        for ohm in self.ohms:
            number("ohms", ohm, low=0.0)
        for name in self.methods:
            if name not in METHODS:
                raise ParameterError(
                    f"`methods` has no {name!r}{closest(name, METHODS)}; there are "
                    f"{', '.join(METHODS)}"
                )
        if not self.ohms or not self.methods:
            raise ParameterError("`ohms` and `methods` must each have a value")
        self._check_distinct("ohms", "methods")
        self._check_counts(
            ("images", "epochs", "threads"), images=1, epochs=0, threads=1, train_seed=0, batch=1,
            calibration=1, validation=1,
        )
        if self.tuning is not None and not isinstance(self.tuning, FinetuneConfig):
            raise ParameterError(f"`tuning` must be a FinetuneConfig; got {self.tuning!r:.60}")
        self.config(RecoveryPoint(self.ohms[0], "plain"))  # its own checks, before the training

    def network_settings(self, data: Dataset) -> CnnSettings:
        """Return the shape and the training of the network."""
        fitting = CnnSettings.for_data(data, epochs=self.epochs, seed=self.train_seed)
        return CnnSettings(**{**vars(fitting), "channels": self.channels, "hidden": self.hidden})

    def context(self, data: Dataset, network: Any) -> dict[str, Any]:
        """Return everything that a point's values depend on, apart from the point itself."""
        return {**super().context(data, network), "tuning": self._tuning.to_dict(),
                "towards": "digital outputs"}

    @property
    def _tuning(self) -> FinetuneConfig:
        return self.tuning or TUNING

    def config(self, point: RecoveryPoint) -> CrossbarConfig:
        """Return the crossbars' settings at `point`."""
        return CrossbarConfig(
            tile_shape=self.tile, wires=Wires(word=point.ohm, bit=point.ohm), g_on=self.g_on,
            g_off=self.g_off, path="matrix", **METHODS[point.method][0],
        )

    @property
    def result_type(self) -> type[RecoveryResult]:
        """The class of what the study finds."""
        return RecoveryResult

    def groups(self) -> Iterator[list[RecoveryPoint]]:
        """Yield every point by itself."""
        for name in self.methods:
            for ohm in self.ohms:
                yield [RecoveryPoint(float(ohm), name)]

    def measure(
        self, points: list[RecoveryPoint], bench: Bench
    ) -> Iterator[tuple[RecoveryPoint, dict[str, Any]]]:
        """Yield the values of points."""
        for point in points:
            yield point, self._measured(point, bench)

    def _measured(self, point: RecoveryPoint, bench: Bench) -> dict[str, Any]:
        start = time.perf_counter()
        _, correct, trained = METHODS[point.method]
        network, train = bench.network, bench.data.train
        chip: nn.Module = convert(network.model, self.config(point)).eval()
        found: dict[str, Any] = {"best_epoch": 0, "validation": float("nan")}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.train_seed)
            order = torch.randperm(max(1, len(train) - self.validation)).numpy()
        if correct:
            few = network.inputs(train.images[order[: self.calibration]])
            calibrate(chip, list(torch.split(few, 256)), correct=correct)
        if trained:
            own = self._tuning
            steps = own.batches or len(order) // self.batch
            held_out = torch.split(network.inputs(train.images[-self.validation :]), 256)

            def score(model: nn.Module) -> float:
                return -sum(len(x) * float(divergence(model, network.model, x)) for x in held_out)

            done = finetune(
                chip, _Batches(network, train, order, self.batch, steps), own, validation=score,
                loss=lambda model, x: divergence(model, network.model, x),
            )
            found = {"best_epoch": done.best_epoch,
                     "validation": done.best / min(self.validation, len(train))}
        values: dict[str, Any] = scores(chip, network, bench.parts, bench.digital)
        return {**values, **found, "seconds": time.perf_counter() - start}


def divergence(model: nn.Module, teacher: nn.Module, x: Tensor) -> Tensor:
    """Return the mean Kullback-Leibler divergence of a model's classes from the teacher's."""
    with torch.no_grad():
        wanted = nn.functional.log_softmax(teacher(x), dim=1)
    found = nn.functional.log_softmax(model(x), dim=1)
    return nn.functional.kl_div(found, wanted, log_target=True, reduction="batchmean")


class _Batches:
    """Batches of training images as inputs, the next ones in every epoch."""

    def __init__(
        self, network: Any, train: Any, order: Any, batch: int, steps: int
    ) -> None:
        self.network, self.train, self.order = network, train, order
        self.batch, self.steps, self._epoch = batch, steps, 0

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Tensor]:
        first, self._epoch = self._epoch * self.steps, self._epoch + 1
        for k in range(first, first + self.steps):
            at = [(k * self.batch + i) % len(self.order) for i in range(self.batch)]
            yield self.network.inputs(self.train.images[self.order[at]])


@dataclass(frozen=True, eq=False, repr=False)
class RecoveryResult(CnnStudyResult[RecoveryStudy]):
    """What the study found; its attributes are those of every study of a network."""

    def summary(self, part: str = "test") -> pd.DataFrame:
        """Return accuracies, a row per method and a column per resistance, ohm.

        Parameters
        ----------
        part : str
            The set of held-out images.
        """
        self._check_part(part)
        table = self.points.pivot_table(
            index="method", columns="ohm", values=f"{part}_accuracy", sort=False
        )
        return table.loc[[name for name in self.study.methods if name in table.index]]

    def markdown(self, part: str = "test") -> str:
        """Return a Markdown table of accuracies: a row per method, a column per resistance."""
        table = self.summary(part)
        return self._table(map(float, table.columns), {
            str(name): [f"{100 * a:.2f}" for a in row] for name, row in table.iterrows()
        })

    def _view(self) -> View:
        measures = {
            str(n): "" for n in self.points.columns
            if str(n).endswith(("_accuracy", "_agreement", "_output_error"))
        }
        facts = {"data": self.data.name, "points": len(self.points)}
        facts |= {f"digital accuracy, {part}": f"{100 * value:.2f} %"
                  for part, value in self.digital_accuracy.items()}
        return points_view("RecoveryStudy", self.points.drop(columns="seconds"),
                           ["ohm", "method"], measures, facts, self.describe())
