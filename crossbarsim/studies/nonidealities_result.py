"""What the study of non-idealities found: tables, files and the settings to run it again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..environment import environment
from ..netlists.errors import ParameterError
from .data import Dataset
from .networks import CnnSettings, TrainedCnn

if TYPE_CHECKING:
    from .nonidealities import NonIdealityStudy

__all__ = ["LABELS", "NonIdealityResult"]

LABELS = {
    "sigma": "Spread of R_on and R_off (% of mean)",
    "states": "Conductance states",
    "stuck_on": "Cells stuck at R_on (%)",
    "stuck_off": "Cells stuck at R_off (%)",
}
_NONE = {"sigma": 0.0, "states": float("inf"), "stuck_on": 0.0, "stuck_off": 0.0}


@dataclass(frozen=True, eq=False)
class NonIdealityResult:
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

    study: NonIdealityStudy
    cnn: CnnSettings
    data: Dataset
    network: TrainedCnn
    points: pd.DataFrame
    digital_accuracy: dict[str, float]
    seconds: float

    @cached_property
    def held_out(self) -> dict[str, int]:
        """Number of images of each held-out set."""
        parts = {"test": self.data.test, **self.data.extra}
        limit = self.study.images
        return {k: len(v) if limit is None else min(len(v), limit) for k, v in parts.items()}

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
        if part not in self.digital_accuracy:
            raise ParameterError(
                f"`part` must be one of {', '.join(self.digital_accuracy)}; got {part!r}"
            )
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

    def describe(self) -> dict[str, Any]:
        """Return every setting needed to run the study again, and where it ran."""
        return {
            "study": asdict(self.study),
            "network": {**asdict(self.cnn), "sha256": self.network.sha256,
                        "training_seconds": self.network.seconds},
            "data": {"name": self.data.name, "sha256": self.data.sha256,
                     "held_out": self.held_out, "training_images": len(self.data.train)},
            "digital_accuracy": self.digital_accuracy,
            "seconds": float(self.points["seconds"].sum()),
            "environment": environment(),
        }

    def save(self, out: Path) -> tuple[Path, ...]:
        """Write ``results.csv``, ``table.md`` and ``study.json`` into `out`; return their paths."""
        out.mkdir(parents=True, exist_ok=True)
        paths = out / "results.csv", out / "table.md", out / "study.json"
        self.points.to_csv(paths[0], index=False)
        tables = (
            f"{self.data.name}, {part} images ({count:,}); digital network "
            f"{100 * self.digital_accuracy[part]:.2f} %\n\n{self.markdown(part)}"
            for part, count in self.held_out.items()
        )
        paths[1].write_text("\n".join(tables), encoding="utf-8")
        paths[2].write_text(json.dumps(self.describe(), indent=2) + "\n", encoding="utf-8")
        return paths


def place_label(tile: tuple[int, int], ohm: float) -> str:
    """Return the name of a column of the tables and pictures."""
    kind = "active" if ohm == 0 else f"passive, {ohm:g} ohm"
    return f"{tile[0]}x{tile[1]}, {kind}"
