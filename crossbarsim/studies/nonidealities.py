"""Accuracy of a network against converters' resolution and what devices do wrong, together."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ..core.errors import ParameterError
from ..netlists.crossbar.crossbar import Wires
from ..nn import CrossbarConfig, calibrate, convert, equip
from ..nonidealities import (
    ConductanceStates,
    Distribution,
    Faults,
    LogNormal,
    NonIdealities,
    Normal,
    Variability,
)
from ..periphery import ADC, Periphery
from .cnn_study import Bench, CnnStudy, CnnStudyResult, scores
from .data.dataset import Labelled
from .networks import TrainedCnn

__all__ = [
    "EFFECTS",
    "LABELS",
    "ChipPoint",
    "ChipReading",
    "NonIdealityResult",
    "NonIdealityStudy",
    "measure",
    "place_label",
]

EFFECTS = ("sigma", "states", "stuck_on", "stuck_off")
"""Spread of R_on and R_off, finite conductance states, cells stuck at R_on, at R_off."""

LABELS = {
    "sigma": "Spread of R_on and R_off (% of mean)",
    "states": "Conductance states",
    "stuck_on": "Cells stuck at R_on (%)",
    "stuck_off": "Cells stuck at R_off (%)",
}
_NONE = {"sigma": 0.0, "states": float("inf"), "stuck_on": 0.0, "stuck_off": 0.0}

Law = Literal["lognormal", "normal"]

_BATCH = 128


def _spread(sigma: float, law: Law) -> Distribution:
    """Return factors on a resistance of mean 1 and standard deviation sigma."""
    if law == "normal":
        return Normal(sigma)
    return LogNormal(math.sqrt(math.log1p(sigma**2)), median=1.0 / math.sqrt(1.0 + sigma**2))


@dataclass(frozen=True)
class ChipPoint:
    """One chip to measure, with every converter.

    Parameters
    ----------
    tile : (int, int)
        Word lines and bit lines of a tile.
    ohm : float
        Of one wire segment; 0: active arrays, as far as reading goes.
    effect : str or None
        Of `EFFECTS`; None: devices exactly as they should be.
    value : float or None
        Relative standard deviation, number of states, or share of the cells.
    seed : int or None
        None where nothing is drawn.
    law : {"lognormal", "normal"}
        Of the spread.
    """

    tile: tuple[int, int]
    ohm: float
    effect: str | None
    value: float | None
    seed: int | None
    law: Law = "lognormal"

    def key(self, bits: int | None) -> list[Any]:
        """Return what names the chip with converters of `bits` (None: ideal) in a record."""
        return [*self.tile, self.ohm, self.effect, self.value, self.seed, bits]

    @property
    def nonidealities(self) -> NonIdealities | None:
        """What the chip's devices do."""
        if self.effect is None or self.value is None:
            return None
        if self.effect == "sigma":
            law = _spread(self.value, self.law)
            return NonIdealities(
                variability=(Variability("r_on", law), Variability("r_off", law))
            )
        if self.effect == "states":
            return NonIdealities(states=ConductanceStates(int(self.value)))
        share: dict[str, Any] = {self.effect: self.value}
        return NonIdealities(faults=Faults(**share))


@dataclass(frozen=True)
class ChipReading:
    """A chip with converters of `bits`, None: with an ideal read-out."""

    chip: ChipPoint
    bits: int | None

    @property
    def key(self) -> list[Any]:
        """What identifies the point in a record."""
        return self.chip.key(self.bits)

    @property
    def row(self) -> dict[str, Any]:
        """The point's columns in the results."""
        chip = self.chip
        return {"tile_rows": chip.tile[0], "tile_columns": chip.tile[1], "ohm": chip.ohm,
                "effect": chip.effect or "none", "value": chip.value, "seed": chip.seed,
                "bits": self.bits}

    def note(self, values: Mapping[str, Any]) -> str:
        """Return a line that tells what came out."""
        chip = self.chip
        what = "no effect" if chip.effect is None else f"{chip.effect} {chip.value:g}"
        adc = "ideal read-out" if self.bits is None else f"{self.bits} bit"
        accuracy = f"{100 * values['test_accuracy']:.1f} %"
        return f"{chip.tile[0]}x{chip.tile[1]}, {chip.ohm:g} ohm, {what}, {adc}: {accuracy}"


@dataclass(frozen=True, kw_only=True)
class NonIdealityStudy(CnnStudy[ChipReading, "NonIdealityResult"]):
    """Settings of the study: after Fig. 1 of MemTorch's paper (Lammie et al., arXiv:2004.10971).

    Every effect is swept by itself, each against the resolution of the ADCs, for every tile shape
    and wire resistance. All converters read the same chips: an array is solved once.

    Parameters
    ----------
    tiles : tuple of (int, int)
        Tile shapes, word lines by bit lines.
    ohms : tuple of float
        Resistance of one wire segment, word and bit lines alike, ohm. 0 stands for active arrays
        (MemTorch's), the default 2 ohm for passive ones: copper of 25 nm half pitch, at
        50 nOhm m and an aspect ratio of 2, has 2 rho / (2 F).
    bits : tuple of int
        Of the ADCs, one per physical column, their range calibrated; an ideal read-out comes on
        top.
    sigmas : tuple of float
        Relative standard deviation of R_on and of R_off, each cell by itself; cells of which
        0 < R_on < R_off does not hold are drawn again.
    law : {"lognormal", "normal"}
        Of R_on and R_off. The paper draws normal resistances, of which those near 0 ohm, beyond
        any device, dominate their columns from a relative deviation of about 0.3 on.
    states : tuple of int
        Numbers of conductance states, evenly spaced in conductance.
    stuck_on, stuck_off : tuple of float
        Shares of all cells.
    seeds : int
        Chips per value of an effect that is drawn.
    images : int or None
        Held-out images of each set, from the first on; None: all.
    calibration_images : int
        Training images that the ranges of inputs and converters are found with.
    percentile : float
        Of the converters' signals that their range covers.
    correct : bool
        Whether every output gets the digital gain and offset that calibration finds (the paper
        tunes one of each per layer); found for each resolution anew.
    g_on, g_off : float
        Siemens; defaults 1 / 14 kohm and 1 / 50 Mohm, those of the paper.
    epochs : int or None
        Of the training; None: what fits the data.
    train_seed : int
    threads : int or None
        None: all CPUs.
    """

    tiles: tuple[tuple[int, int], ...] = ((128, 128), (256, 64))
    ohms: tuple[float, ...] = (0.0, 2.0)
    bits: tuple[int, ...] = (2, 4, 6, 8, 10)
    sigmas: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3, 0.5)
    law: Law = "lognormal"
    states: tuple[int, ...] = (2, 4, 6, 8, 10)
    stuck_on: tuple[float, ...] = (0.002, 0.01, 0.05, 0.1, 0.25)
    stuck_off: tuple[float, ...] = (0.002, 0.01, 0.05, 0.1, 0.25)
    seeds: int = 2
    images: int | None = None
    calibration_images: int = 128
    percentile: float = 99.99
    correct: bool = False
    g_on: float = 1 / 1.4e4
    g_off: float = 1 / 5e7
    epochs: int | None = None
    train_seed: int = 0
    threads: int | None = None

    own_context = (
        "images", "calibration_images", "percentile", "correct", "g_on", "g_off", "law",
    )

    def __post_init__(self) -> None:
        if not self.tiles:
            raise ParameterError("`tiles` must be one or more pairs of integers; got none")
        for name in ("tiles", "ohms", "bits", "sigmas", "states", "stuck_on", "stuck_off"):
            values = getattr(self, name)
            if not isinstance(values, tuple):
                raise ParameterError(f"`{name}` must be a tuple; got {values!r}")
            self._check_distinct(name)
        for name in ("sigmas", "stuck_on", "stuck_off"):
            if not all(isinstance(v, (int, float)) and 0 < v <= 1 for v in getattr(self, name)):
                raise ParameterError(
                    f"`{name}` must be numbers above 0, at most 1; got {getattr(self, name)!r}"
                )
        if not self.ohms or not all(isinstance(r, (int, float)) and r >= 0 for r in self.ohms):
            raise ParameterError(f"`ohms` must be one or more numbers >= 0; got {self.ohms!r}")
        self._check_counts(
            ("images", "epochs", "threads"), seeds=1, images=1, calibration_images=1, epochs=0,
            threads=1,
        )
        # The parts' own checks of everything that they are given, before the training.
        for bits in self.bits:
            self.periphery(bits)
        for chip in takewhile(lambda c: not c.seed, self.chips()):  # other seeds differ in nothing
            self.config(chip)

    @classmethod
    def quick(cls, **changes: Any) -> NonIdealityStudy:
        """Return settings of a first look: few values, one chip each, 200 images."""
        few: dict[str, Any] = {
            "tiles": ((128, 128),), "bits": (4, 6, 8), "sigmas": (0.1, 0.3), "states": (4, 8),
            "stuck_on": (0.01, 0.1), "stuck_off": (0.01, 0.1), "seeds": 1, "images": 200,
        }
        return cls(**{**few, **changes})

    def values(self, effect: str) -> tuple[float, ...]:
        """Return the values of one of `EFFECTS`, without the one that is none at all."""
        found: tuple[float, ...] = self.sigmas if effect == "sigma" else getattr(self, effect)
        return found

    def chips(self) -> Iterator[ChipPoint]:
        """Yield every chip; first those without effects and the first seed of each value."""
        for seed in range(self.seeds):
            for tile in self.tiles:
                for ohm in map(float, self.ohms):
                    if seed == 0:
                        yield ChipPoint(tile, ohm, None, None, None)
                    for effect in EFFECTS:
                        drawn = effect != "states"
                        if drawn or seed == 0:
                            for value in self.values(effect):
                                yield ChipPoint(
                                    tile, ohm, effect, value, seed if drawn else None, self.law
                                )

    def periphery(self, bits: int | None) -> Periphery | None:
        """Return the converters of `bits`; None: ideal ones."""
        if bits is None:
            return None
        return Periphery(adc=ADC(bits=bits, percentile=self.percentile))

    def config(self, chip: ChipPoint) -> CrossbarConfig:
        """Return the crossbars' settings of a chip, with converters yet to be chosen."""
        return CrossbarConfig(
            tile_shape=chip.tile, wires=Wires(word=chip.ohm, bit=chip.ohm), g_on=self.g_on,
            g_off=self.g_off, nonidealities=chip.nonidealities, precision="float32",
            seed=chip.seed or 0, periphery=self.periphery(8),
        )

    @property
    def result_type(self) -> type[NonIdealityResult]:
        """The class of what the study finds."""
        return NonIdealityResult

    def groups(self) -> Iterator[list[ChipReading]]:
        """Yield every chip's read-outs: an array is solved once for all of them."""
        for chip in self.chips():
            yield [ChipReading(chip, bits) for bits in (None, *self.bits)]

    def measure(
        self, points: list[ChipReading], bench: Bench
    ) -> Iterator[tuple[ChipReading, dict[str, Any]]]:
        """Yield the values of points of one chip."""
        chip, bits = points[0].chip, [point.bits for point in points]
        typical = bench.network.inputs(bench.data.train.images[: self.calibration_images])
        for b, values in measure(
            self, chip, bits, bench.network, bench.parts, bench.digital, typical
        ):
            yield ChipReading(chip, b), values


def measure(
    study: NonIdealityStudy, chip: ChipPoint, bits: list[int | None], network: TrainedCnn,
    parts: dict[str, Labelled], digital: dict[str, NDArray[np.float64]], typical: torch.Tensor,
) -> Iterator[tuple[int | None, dict[str, Any]]]:
    """Yield what one chip makes of the held-out images, for converters of all `bits`.

    The `scores`; seconds taken (programming and calibration count to the first).
    """
    start = time.perf_counter()
    model = convert(network.model, study.config(chip)).eval()
    if any(b is not None for b in bits):
        calibrate(model, torch.split(typical, _BATCH))
    # the ideal read-out last: it keeps effective weights in the place of the programmed arrays
    for b in sorted(bits, key=lambda b: (b is None, b)):
        equip(model, study.periphery(b))
        if study.correct:
            calibrate(model, torch.split(typical, _BATCH), correct=True)
        values: dict[str, Any] = scores(model, network, parts, digital, batch=_BATCH)
        now = time.perf_counter()
        values["seconds"], start = now - start, now
        yield b, values


@dataclass(frozen=True, eq=False, repr=False)
class NonIdealityResult(CnnStudyResult[NonIdealityStudy]):
    """What the study found.

    Parameters
    ----------
    study : NonIdealityStudy
    cnn : CnnSettings
    data : Dataset
    network : TrainedCnn
    points : pandas.DataFrame
        One row per chip and converter; `bits` NaN: ideal read-out.
    digital_accuracy : dict of str to float
        Of the network without crossbars, per set of held-out images.
    seconds : float
        What this run took for its points; recorded points cost nothing.
    """

    def grid(
        self, effect: str, tile: tuple[int, int], ohm: float, part: str = "test"
    ) -> pd.DataFrame:
        """Return mean accuracies of one effect against the converters' resolution.

        Parameters
        ----------
        effect : {"sigma", "states", "stuck_on", "stuck_off"}
        tile : (int, int)
        ohm : float
        part : str
            The set of held-out images.

        Returns
        -------
        pandas.DataFrame
            Rows: values of the effect, from none at all on (0, or infinitely many states).
            Columns: bits, the ideal read-out last as infinity.
        """
        if effect not in LABELS:
            raise ParameterError(f"`effect` must be one of {', '.join(LABELS)}; got {effect!r}")
        self._check_part(part)
        p = self.points
        here = p[(p["tile_rows"] == tile[0]) & (p["tile_columns"] == tile[1]) & (p["ohm"] == ohm)
                 & p["effect"].isin([effect, "none"])]
        if here.empty:
            raise ParameterError(f"the study has no chips of {tile[0]}x{tile[1]}, {ohm:g} ohm")
        table = here.assign(
            value=here["value"].where(here["effect"] == effect, _NONE[effect]).astype(float),
            bits=here["bits"].astype(float).fillna(float("inf")),
        )
        means = table.pivot_table(f"{part}_accuracy", index="value", columns="bits")
        # the mildest first, whichever way the numbers run
        return means.sort_index(ascending=effect != "states")

    def markdown(self, part: str = "test", bits: float | None = None) -> str:
        """Return a Markdown table: a row per effect and value, a column per tile and wires.

        Parameters
        ----------
        part : str
        bits : float, optional
            Of the converters, infinity: ideal read-out; default 8, or the most that there are.
        """
        study = self.study
        if bits is None:
            bits = 8 if 8 in study.bits else max(study.bits, default=float("inf"))
        places = [(tile, float(ohm)) for tile in study.tiles for ohm in study.ohms]
        adc = "ideal read-out" if bits == float("inf") else f"{bits:g} bit ADCs"
        head = [f"accuracy, %, {adc}", *(place_label(*place) for place in places)]
        lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        lines.append(self._row("no effect", "sigma", 0.0, places, part, bits))
        for effect, label in LABELS.items():
            for value in study.values(effect):
                name = label.split(" (")[0].replace("_", r"\_")
                shown = f"{value:g}" if effect == "states" else f"{100 * value:g} %"
                lines.append(self._row(f"{name}: {shown}", effect, value, places, part, bits))
        return "\n".join(lines) + "\n"

    def _row(
        self, name: str, effect: str, value: float, places: list[tuple[Any, float]], part: str,
        bits: float,
    ) -> str:
        found = []
        for tile, ohm in places:
            table: Any = self.grid(effect, tile, ohm, part)
            found.append(100 * table.loc[value, bits])
        return f"| {name} | " + " | ".join(f"{accuracy:.1f}" for accuracy in found) + " |"


def place_label(tile: tuple[int, int], ohm: float) -> str:
    """Return the name of a column of the tables and pictures."""
    kind = "active" if ohm == 0 else f"passive, {ohm:g} ohm"
    return f"{tile[0]}x{tile[1]}, {kind}"
