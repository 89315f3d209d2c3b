"""What the study of non-idealities found: tables, files and the settings to run it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..core.errors import ParameterError
from .network_result import NetworkResult

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
class NonIdealityResult(NetworkResult):
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


def place_label(tile: tuple[int, int], ohm: float) -> str:
    """Return the name of a column of the tables and pictures."""
    kind = "active" if ohm == 0 else f"passive, {ohm:g} ohm"
    return f"{tile[0]}x{tile[1]}, {kind}"
