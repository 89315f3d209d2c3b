"""What writing our network by pulses takes, and what is left of its accuracy, by tolerance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ...core.environment import environment
from ...core.errors import ParameterError
from ...core.files import save_table, write_text
from ...core.progress import Progress, metered
from ...core.settings import checks_arguments
from ...core.validation import count, number
from ...core.views.brief import brief_repr
from ...core.views.panels import Table
from ...core.views.shown import Shown, View
from ...devices import VTEAM, Device, DeviceArray
from ...netlists.crossbar.crossbar import Wires
from ...nn import CrossbarConfig, convert
from ...nn.writing import WriteResult, forget_written, program_network
from ...programming import Scheme
from ..cnn_study import scores
from ..data.dataset import Dataset
from ..networks import CnnSettings, TrainedCnn, logits, trained_cnn

__all__ = ["NetworkWriting", "network_writing"]

_MEASURES = ("cells", "failed", "writes", "pulses", "reads", "energy", "read_energy", "time",
             "cpu_seconds")


@dataclass(frozen=True, eq=False)
class NetworkWriting(Shown):
    """A network written by pulses, once for every tolerance.

    Attributes
    ----------
    data : Dataset
    network : TrainedCnn
    config : CrossbarConfig
    written : dict of float to WriteResult
        By tolerance.
    accuracy : dict of str to dict of str to float
        Of the held-out sets: ``digital``, ``ideal`` (the conductances that the weights ask for, in
        the same wires), and one for each tolerance, ``"0.1"``.
    settings : dict
        What the network was written with.
    """

    data: Dataset
    network: TrainedCnn
    config: CrossbarConfig
    written: dict[float, WriteResult]
    accuracy: dict[str, dict[str, float]]
    settings: dict[str, Any] = field(default_factory=dict)

    __repr__ = brief_repr

    def summary(self) -> pd.DataFrame:
        """Return one row for each tolerance: accuracies, pulses, joule, seconds, failures."""
        rows = []
        for tolerance, result in self.written.items():
            row: dict[str, Any] = {"tolerance": tolerance}
            for part, found in self.accuracy.items():
                row[f"{part}_accuracy"] = found[f"{tolerance:g}"]
            row |= {name: getattr(result, name) for name in _MEASURES}
            row["rms_error"] = result.rms_error
            rows.append(row)
        return pd.DataFrame(rows)

    def layers(self) -> pd.DataFrame:
        """Return one row for each tolerance and layer."""
        return pd.DataFrame([
            {"tolerance": tolerance, **layer}
            for tolerance, result in self.written.items() for layer in result.layers()
        ])

    def save(self, out: str | Path) -> tuple[Path, ...]:
        """Write ``summary.csv``, ``layers.csv``, ``accuracy.csv`` and ``writing.json``.

        Raises
        ------
        OSError
            The folder cannot be made or written to.
        """
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        tables = {"summary": self.summary(), "layers": self.layers(),
                  "accuracy": pd.DataFrame(
                      [{"images": part, **found} for part, found in self.accuracy.items()])}
        paths = []
        for name, table in tables.items():
            paths.append(folder / f"{name}.csv")
            save_table(paths[-1], table)
        paths.append(folder / "writing.json")
        told = {"settings": self.settings, "network_sha256": self.network.sha256,
                "data": {"name": self.data.name, "sha256": self.data.sha256},
                "environment": environment()}
        write_text(paths[-1], json.dumps(told, indent=2) + "\n")
        return tuple(paths)

    def _view(self) -> View:
        facts: dict[str, Any] = {"data": self.data.name}
        for part, row in self.accuracy.items():
            facts[f"accuracy, {part}, digital"] = f"{100 * row['digital']:.2f} %"
            facts[f"accuracy, {part}, conductances as asked for"] = f"{100 * row['ideal']:.2f} %"
        first = next(iter(self.written.values()))
        facts["cells"] = f"{first.cells:,}"
        rows = []
        for tolerance, result in self.written.items():
            rows.append([
                f"{100 * tolerance:g} %",
                *(found[f"{tolerance:g}"] for found in self.accuracy.values()),
                result.failed / result.cells, result.pulses / result.cells, result.energy,
                result.read_energy, result.time, result.cpu_seconds,
            ])
        columns = [
            ("tolerance", ""), *((f"accuracy, {part}", "%") for part in self.accuracy),
            ("failed", "%"), ("pulses per cell", ""), ("energy", "J"), ("energy of reads", "J"),
            ("time", "s"), ("computing", "s"),
        ]
        panels = [Table("Tolerances", columns, rows, bars=("energy",))]
        for tolerance, result in self.written.items():
            panels.append(Table(f"Layers, {100 * tolerance:g} %", [
                ("layer", ""), ("failed", "%"), ("pulses per cell", ""), ("energy", "J"),
                ("time", "s"), ("cells", ""),
            ], [[
                one["layer"], one["failed"] / one["cells"], one["pulses"] / one["cells"],
                one["energy"], one["time"], one["cells"],
            ] for one in result.layers()], bars=("failed", "energy")))
        return View("A network written by pulses", facts, panels, self.settings)


@checks_arguments
def network_writing(
    data: Dataset, out: str | Path, *, cell: Device | DeviceArray | None = None,
    tolerances: tuple[float, ...] = (0.1,), scheme: str | Scheme | None = None, ohm: float = 1.0,
    tile: tuple[int, int] = (128, 128), g_on: float = 1e-4, g_off: float = 1e-5,
    pulses: Literal["transient", "relaxation"] = "relaxation",
    options: Mapping[str, Any] | None = None, channels: tuple[int, ...] | None = None,
    hidden: int | None = None, epochs: int | None = None, train_seed: int = 0,
    images: int | None = None, workers: int | None = None, threads: int | None = None,
    progress: Progress = None,
) -> NetworkWriting:
    """Train the studies' network, write it by pulses for every tolerance, and measure it.

    Parameters
    ----------
    data : Dataset
    out : path
        Folder of the trained network and of all arrays, one below it for each tolerance: the same
        call goes on where an earlier one was killed.
    cell : Device or DeviceArray, optional
        As for `program_network`; default ``VTEAM.preset("magic", v_off=1.0)``.
    tolerances : tuple of float
    scheme, pulses, options, workers
        As for `program_network`. Several workers: under ``if __name__ == "__main__":``.
    ohm : float
        Of every wire segment.
    tile : (int, int)
    g_on, g_off : float
        Siemens.
    channels, hidden, epochs, train_seed
        Of the network, see `CnnSettings`; default: what fits the data.
    images : int, optional
        Held-out images; default: all.
    threads : int, optional
        Of training and inference.
    progress : Progress

    Raises
    ------
    ParameterError
        As `program_network`; no tolerances, or the same twice.
    """
    if not tolerances or len(set(tolerances)) != len(tolerances):
        raise ParameterError(
            f"`tolerances` must be one or more different numbers; got {tolerances!r:.60}"
        )
    for tolerance in tolerances:
        number("tolerances", tolerance, low=0.0, high=1.0, open_low=True)
    if images is not None:
        count("images", images)
    folder = Path(out)
    chosen = VTEAM.preset("magic", v_off=1.0) if cell is None else cell
    config = CrossbarConfig(
        tile_shape=tile, wires=Wires(word=ohm, bit=ohm), g_on=g_on, g_off=g_off, path="matrix",
    )
    own = vars(CnnSettings.for_data(data, epochs=epochs, seed=train_seed))
    given = {"channels": channels, "hidden": hidden}
    shape = CnnSettings(**{**own, **{k: v for k, v in given.items() if v is not None}})
    with metered(progress) as meter:
        network = trained_cnn(shape, data, cache=folder, progress=meter, threads=threads)
        chip = convert(network.model, config).eval()
        parts = data.held_out(images)
        digital = {name: logits(network, part) for name, part in parts.items()}
        accuracy = {
            name: {"digital": float((digital[name].argmax(axis=1) == part.labels).mean())}
            for name, part in parts.items()
        }

        def measure(column: str) -> None:
            found = scores(chip, network, parts, digital)
            for name, row in accuracy.items():
                row[column] = found[f"{name}_accuracy"]

        measure("ideal")
        written: dict[float, WriteResult] = {}
        for tolerance in tolerances:
            written[tolerance] = program_network(
                chip, chosen, scheme=scheme, tolerance=tolerance, pulses=pulses, options=options,
                out=folder / f"tolerance-{tolerance:g}", workers=workers, progress=meter,
            )
            measure(f"{tolerance:g}")
            forget_written(chip)
    first = next(iter(written.values()))
    told = {
        "cell": repr(chosen), "scheme": first.scheme, "pulses": pulses, "ohm": ohm,
        "tile": list(tile), "g_on": g_on, "g_off": g_off,
        "options": {name: repr(value) for name, value in dict(options or {}).items()},
        "channels": list(shape.channels), "hidden": shape.hidden, "epochs": shape.epochs,
        "train_seed": train_seed, "images": {name: len(part) for name, part in parts.items()},
    }
    return NetworkWriting(data, network, config, written, accuracy, told)
