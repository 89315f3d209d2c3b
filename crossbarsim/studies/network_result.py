"""What a study of a network found: files, and the settings to run it again."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ..core.environment import environment
from ..core.files import save_table, write_text
from .data.dataset import Dataset
from .networks import CnnSettings, TrainedCnn

__all__ = ["NetworkResult"]


@dataclass(frozen=True, eq=False)
class NetworkResult(ABC):
    """What a study of a network found.

    Parameters
    ----------
    study : dataclass
        Its settings; `images` is the number of held-out images, None: all.
    cnn : CnnSettings
    data : Dataset
    network : TrainedCnn
    points : pandas.DataFrame
        One row per point, with `seconds`.
    digital_accuracy : dict of str to float
        Of the network without crossbars, per set of held-out images.
    seconds : float
        What this run took for its points; recorded points cost nothing.
    """

    study: Any
    cnn: CnnSettings
    data: Dataset
    network: TrainedCnn
    points: pd.DataFrame
    digital_accuracy: dict[str, float]
    seconds: float

    @cached_property
    def held_out(self) -> dict[str, int]:
        """Number of images of each held-out set."""
        return {k: len(part) for k, part in self.data.held_out(self.study.images).items()}

    @abstractmethod
    def markdown(self, part: str = "test") -> str:
        """Return the table of one set of held-out images."""

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
        save_table(paths[0], self.points)
        tables = (
            f"{self.data.name}, {part} images ({count:,}); digital network "
            f"{100 * self.digital_accuracy[part]:.2f} %\n\n{self.markdown(part)}"
            for part, count in self.held_out.items()
        )
        write_text(paths[1], "\n".join(tables))
        write_text(paths[2], json.dumps(self.describe(), indent=2) + "\n")
        return paths
