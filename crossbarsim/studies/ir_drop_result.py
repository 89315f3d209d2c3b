"""What the IR-drop study found: tables, files and the settings to run it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from torch import nn

from ..core.errors import ParameterError
from .network_result import NetworkResult
from .tile_map import TileMap, fullest_tile, tile_map

if TYPE_CHECKING:
    from .ir_drop import IrDropStudy

__all__ = ["IrDropResult"]


@dataclass(frozen=True, eq=False)
class IrDropResult(NetworkResult):
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

    study: IrDropStudy

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
        if name not in self.points:
            raise ParameterError(
                f"`part` must be one of {', '.join(self.digital_accuracy)}; got {part!r}"
            )
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
        lines = [
            "| accuracy, % | " + " | ".join(f"{ohm:g} ohm" for ohm in ohms) + " |",
            "|---" * (len(ohms) + 1) + "|",
        ]
        varied = table["mean"].notna().all()
        for shape, rows in table.groupby(["tile_rows", "tile_columns"], sort=True):
            cells = []
            for ohm in ohms:
                row = rows[rows["ohm"] == ohm].iloc[0]
                text = f"{100 * row['mean' if varied else 'exact']:.2f}"
                cells.append(text if np.isnan(row["std"]) else f"{text} ± {100 * row['std']:.2f}")
            lines.append(f"| {shape[0]}x{shape[1]} tiles | " + " | ".join(cells) + " |")
        return "\n".join(lines) + "\n"

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
