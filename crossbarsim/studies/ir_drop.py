"""Accuracy of a network on crossbars against the resistance of their wires."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from ..core.errors import ParameterError
from ..netlists.crossbar.crossbar import Wires
from ..nn import CrossbarConfig, convert, report
from .cnn_study import Bench, CnnStudy, CnnStudyResult, scores
from .data.dataset import Labelled
from .networks import TrainedCnn
from .tile_map import TileMap, fullest_tile, tile_map

__all__ = ["IrDropResult", "IrDropStudy", "Point", "measure"]


@dataclass(frozen=True)
class Point:
    """One chip to measure.

    Parameters
    ----------
    tile : (int, int)
        Word lines and bit lines of a tile.
    ohm : float
        Resistance of one segment of word line and of bit line, ohm.
    seed : int or None
        Of the device variation; None: devices exactly as programmed.
    """

    tile: tuple[int, int]
    ohm: float
    seed: int | None

    @property
    def key(self) -> list[Any]:
        """What identifies the point in a record."""
        return [*self.tile, self.ohm, self.seed]

    @property
    def row(self) -> dict[str, Any]:
        """The point's columns in the results."""
        return {"tile_rows": self.tile[0], "tile_columns": self.tile[1], "ohm": self.ohm,
                "seed": self.seed}

    def note(self, values: Mapping[str, Any]) -> str:
        """Return a line that tells what came out."""
        rows, columns = self.tile
        return f"{rows}x{columns}, {self.ohm:g} ohm: {100 * values['test_accuracy']:.2f} %"


@dataclass(frozen=True, kw_only=True)
class IrDropStudy(CnnStudy[Point, "IrDropResult"]):
    """Settings of the study.

    Parameters
    ----------
    ohms : tuple of float
        Resistance of one wire segment, ohm, the same along word lines and bit lines.
    tiles : tuple of (int, int)
        Tile shapes, word lines by bit lines.
    seeds : int
        Chips with device variation per point of the sweep; one without comes on top.
    sigma : float
        Relative standard deviation of R_on and of R_off from device to device.
    images : int or None
        Held-out images to use, from the first on; None: all.
    g_on, g_off : float
        Range of the cells' conductance, siemens.
    scheme : {"differential", "offset"}
        How a signed weight becomes conductances.
    scaling : {"layer", "column"}
        Whether a layer's or a column's largest weight gets `g_on`.
    epochs : int or None
        Of the training; None: what fits the data.
    train_seed : int
    threads : int or None
        Of the training and the evaluation; None: all CPUs.
    """

    ohms: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
    tiles: tuple[tuple[int, int], ...] = ((64, 64), (128, 128), (256, 64), (256, 256))
    seeds: int = 5
    sigma: float = 0.1
    images: int | None = None
    g_on: float = 1e-4
    g_off: float = 1e-6
    scheme: Literal["differential", "offset"] = "differential"
    scaling: Literal["layer", "column"] = "layer"
    epochs: int | None = None
    train_seed: int = 0
    threads: int | None = None

    own_context = ("sigma", "images", "g_on", "g_off", "scheme", "scaling")

    def __post_init__(self) -> None:
        if not self.ohms or not all(
            isinstance(r, (int, float)) and 0 <= r < float("inf") for r in self.ohms
        ):
            raise ParameterError(
                f"`ohms` must be one or more finite numbers >= 0; got {self.ohms!r}"
            )
        if not self.tiles or not all(
            isinstance(t, tuple) and len(t) == 2 and all(isinstance(n, int) and n >= 1 for n in t)
            for t in self.tiles
        ):
            raise ParameterError(
                f"`tiles` must be one or more pairs of integers >= 1; got {self.tiles!r}"
            )
        self._check_distinct("ohms", "tiles")
        self._check_counts(("images", "epochs", "threads"), seeds=0, images=1, epochs=0, threads=1)
        if not 0 <= self.sigma < 1:
            raise ParameterError(f"`sigma` must be at least 0 and below 1; got {self.sigma!r}")
        # The converter's own checks of everything that it is given, before the training.
        for tile in self.tiles:
            self.config(Point(tile, self.ohms[0], None))

    def config(self, point: Point) -> CrossbarConfig:
        """Return the crossbars' settings at `point`."""
        sigma = 0.0 if point.seed is None else self.sigma
        return CrossbarConfig(
            tile_shape=point.tile, wires=Wires(word=point.ohm, bit=point.ohm), g_on=self.g_on,
            g_off=self.g_off, scheme=self.scheme, scaling=self.scaling, r_on_sigma=sigma,
            r_off_sigma=sigma, seed=0 if point.seed is None else point.seed,
        )

    def points(self) -> Iterator[Point]:
        """Yield every point; first all chips without variation, so that a picture forms early."""
        chips: list[int | None] = [None, *(range(self.seeds) if self.sigma else ())]
        for seed in chips:
            for tile in self.tiles:
                for ohm in self.ohms:
                    yield Point(tile, float(ohm), seed)

    @property
    def result_type(self) -> type[IrDropResult]:
        """The class of what the study finds."""
        return IrDropResult

    def groups(self) -> Iterator[list[Point]]:
        """Yield every point by itself: each is another chip."""
        return ([point] for point in self.points())

    def measure(
        self, points: list[Point], bench: Bench
    ) -> Iterator[tuple[Point, dict[str, Any]]]:
        """Yield the values of points."""
        return (
            (point, measure(self, point, bench.network, bench.parts, bench.digital))
            for point in points
        )


def measure(
    study: IrDropStudy, point: Point, network: TrainedCnn, parts: dict[str, Labelled],
    digital: dict[str, NDArray[np.float64]],
) -> dict[str, Any]:
    """Return what one chip makes of the held-out images.

    The `scores`; the share of the tiles' cells that hold weights; seconds taken.
    """
    start = time.perf_counter()
    chip: nn.Module = convert(network.model, study.config(point)).eval()
    values: dict[str, Any] = scores(chip, network, parts, digital)
    values["utilisation"] = float(report(chip).utilisation)
    values["seconds"] = time.perf_counter() - start
    return values


@dataclass(frozen=True, eq=False, repr=False)
class IrDropResult(CnnStudyResult[IrDropStudy]):
    """What the study found.

    Parameters
    ----------
    study : IrDropStudy
    cnn : CnnSettings
    data : Dataset
    network : TrainedCnn
    points : pandas.DataFrame
        One row per chip.
    digital_accuracy : dict of str to float
        Of the network without crossbars, per set of held-out images.
    seconds : float
        What this run took for its points; recorded points cost nothing.
    """

    def summary(self, part: str = "test") -> pd.DataFrame:
        """Return accuracy per tile shape and wire resistance.

        Parameters
        ----------
        part : str
            The set of held-out images.

        Returns
        -------
        pandas.DataFrame
            `tile_rows`, `tile_columns`, `ohm`, `exact` (devices as programmed), `mean` and `std`
            over the seeds (sample standard deviation; NaN below two seeds), `utilisation`.
        """
        name = f"{part}_accuracy"
        self._check_part(part)
        group = ["tile_rows", "tile_columns", "ohm"]
        fixed = self.points["seed"].isna()
        table = self.points[fixed].set_index(group)[[name, "utilisation"]]
        table = table.rename(columns={name: "exact"})
        varied = self.points[~fixed].groupby(group)[name]
        table["mean"], table["std"] = varied.mean(), varied.std()
        return table[["exact", "mean", "std", "utilisation"]].reset_index()

    def markdown(self, part: str = "test") -> str:
        """Return a Markdown table of accuracies: a row per tile shape, a column per resistance.

        Mean and standard deviation over the chips with variation where the study has them.
        """
        table = self.summary(part)
        ohms = list(dict.fromkeys(table["ohm"]))
        varied = table["mean"].notna().all()
        lines: dict[str, list[str]] = {}
        for shape, rows in table.groupby(["tile_rows", "tile_columns"], sort=True):
            cells = lines.setdefault(f"{shape[0]}x{shape[1]} tiles", [])
            for ohm in ohms:
                row = rows[rows["ohm"] == ohm].iloc[0]
                text = f"{100 * row['mean' if varied else 'exact']:.2f}"
                cells.append(text if np.isnan(row["std"]) else f"{text} ± {100 * row['std']:.2f}")
        return self._table(ohms, lines)

    def tile_map(self) -> TileMap:
        """Return the voltages over the first tile of the network's largest layer.

        Of the middle tile shape, at the resistance closest to 5 ohm that the study has.
        """
        study = self.study
        name, layer = max(
            ((n, m) for n, m in self.network.model.named_modules()
             if isinstance(m, (nn.Conv2d, nn.Linear))),
            key=lambda item: item[1].weight.numel(),
        )
        tile = sorted(study.tiles)[len(study.tiles) // 2]
        ohm = min((r for r in study.ohms if r > 0), key=lambda r: abs(r - 5.0), default=0.0)
        conductance = fullest_tile(
            layer.weight.detach().flatten(1).double().numpy(), tile, g_on=study.g_on,
            g_off=study.g_off,
        )
        return tile_map(conductance, ohm, name=f"{self.data.name}, layer {name}, positive array")
