"""Accuracy of a network on crossbars against the resistance of their wires."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from ..core.errors import ParameterError
from ..netlists.crossbar.crossbar import Wires
from ..nn import CrossbarConfig, convert, report
from .data.dataset import Dataset, Labelled
from .ir_drop_result import IrDropResult
from .networks import CnnSettings, TrainedCnn, logits, torch_threads, trained_cnn
from .progress import ProgressMeter, Silent
from .records import Record

__all__ = ["IrDropStudy", "Point", "measure"]


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


@dataclass(frozen=True, kw_only=True)
class IrDropStudy:
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

    def __post_init__(self) -> None:
        if not self.ohms or not all(
            isinstance(r, (int, float)) and 0 <= r < float("inf") for r in self.ohms
        ):
            raise ParameterError(
                f"`ohms` must be one or more finite numbers >= 0; got {self.ohms!r}"
            )
        if not self.tiles or not all(
            len(t) == 2 and all(isinstance(n, int) and n >= 1 for n in t) for t in self.tiles
        ):
            raise ParameterError(
                f"`tiles` must be one or more pairs of integers >= 1; got {self.tiles!r}"
            )
        for name, values in (("ohms", self.ohms), ("tiles", self.tiles)):
            if len(set(values)) != len(values):
                raise ParameterError(f"`{name}` has a value twice: {values!r}")
        for name, least in (("seeds", 0), ("images", 1), ("epochs", 0), ("threads", 1)):
            value = getattr(self, name)
            if value is None and name != "seeds":
                continue
            if not isinstance(value, int) or value < least:
                raise ParameterError(f"`{name}` must be an integer >= {least}; got {value!r}")
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

    def context(self, data: Dataset, network: TrainedCnn) -> dict[str, Any]:
        """Return everything that a point's values depend on, apart from the point itself."""
        own = ("sigma", "images", "g_on", "g_off", "scheme", "scaling")
        return {
            **{name: getattr(self, name) for name in own},
            "data_sha256": data.sha256, "network_sha256": network.sha256,
        }

    def run(
        self, data: Dataset, out: Path, *, progress: ProgressMeter | None = None
    ) -> IrDropResult:
        """Train or take the network, measure every point that is not recorded yet.

        Parameters
        ----------
        data : Dataset
        out : Path
            Folder of the trained network, the record and the results; made where missing.
        progress : ProgressMeter, optional

        Returns
        -------
        IrDropResult

        Raises
        ------
        ParameterError
            Where `out` holds points of a study with other settings.
        """
        meter = progress or Silent()
        settings = CnnSettings.for_data(data, epochs=self.epochs, seed=self.train_seed)
        network = trained_cnn(settings, data, cache=out, progress=meter, threads=self.threads)
        parts = data.held_out(self.images)
        record = Record(out / "points.jsonl", self.context(data, network))
        points = list(self.points())
        done = sum(record.get(point.key) is not None for point in points)
        meter.begin("points", len(points), done)
        start = time.perf_counter()
        with torch_threads(self.threads):
            digital = {name: logits(network, part) for name, part in parts.items()}
            for point in points:
                if record.get(point.key) is None:
                    values = measure(self, point, network, parts, digital)
                    record.add(point.key, values)
                    meter.advance("points", _note(point, values))
        rows = [
            {"tile_rows": point.tile[0], "tile_columns": point.tile[1], "ohm": point.ohm,
             "seed": point.seed, **(record.get(point.key) or {})}
            for point in points
        ]
        accuracy = {
            name: float(np.mean(digital[name].argmax(1) == part.labels))
            for name, part in parts.items()
        }
        return IrDropResult(self, settings, data, network, pd.DataFrame(rows), accuracy,
                            time.perf_counter() - start)


def _note(point: Point, values: dict[str, Any]) -> str:
    rows, columns = point.tile
    return f"{rows}x{columns}, {point.ohm:g} ohm: {100 * values['test_accuracy']:.2f} %"


def measure(
    study: IrDropStudy, point: Point, network: TrainedCnn, parts: dict[str, Labelled],
    digital: dict[str, NDArray[np.float64]],
) -> dict[str, Any]:
    """Return what one chip makes of the held-out images.

    Accuracy, share of predictions equal to the digital network's, and the RMS error of the outputs
    relative to the digital outputs' RMS, for each set of images; the share of the tiles' cells that
    hold weights; seconds taken.
    """
    start = time.perf_counter()
    chip: nn.Module = convert(network.model, study.config(point)).eval()
    values: dict[str, Any] = {}
    for name, part in parts.items():
        outputs = logits(network, part, model=chip)
        chosen, reference = outputs.argmax(1), digital[name]
        values[f"{name}_accuracy"] = float(np.mean(chosen == part.labels))
        values[f"{name}_agreement"] = float(np.mean(chosen == reference.argmax(1)))
        values[f"{name}_output_error"] = float(
            np.sqrt(np.mean((outputs - reference) ** 2) / np.mean(reference**2))
        )
    values["utilisation"] = float(report(chip).utilisation)
    values["seconds"] = time.perf_counter() - start
    return values
