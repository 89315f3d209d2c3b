"""Fitted parameter sets as files: the device, and where its numbers are from."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ...core.errors import ParameterError
from ...core.files import write_text
from ...core.settings import Settings
from ..base import Device
from .fitted import Fitted
from .report import notes_of

__all__ = ["FittedPreset", "preset_of"]


@dataclass(frozen=True)
class FittedPreset(Settings):
    """A device whose parameters were fitted, with the provenance of its numbers.

    `Fit.preset` makes it; `save` and `load` keep it in TOML; ``VTEAM.preset("file.toml")`` reads
    the device alone.

    Parameters
    ----------
    device : Device
    source : str
        In words: device, stack, who measured it.
    date : str
        Day of the fit, ISO 8601.
    files, hashes : sequence of str
        Names of the files of the data, and their SHA-256.
    points : int
        That were fitted.
    rms, noise, chi_square : float
        Of the residuals; of the data; see `Fit`.
    scale : str
        Of the residuals: "asinh", "linear" or "log".
    intervals : mapping
        The 95 % intervals of the fitted parameters.
    undetermined : sequence of str
        Parameters that the data do not determine.
    notes : sequence of str
        What the fit says about itself.
    version : str
        Of crossbarsim.

    Examples
    --------
    >>> from crossbarsim.devices import VTEAM, FittedPreset
    >>> preset = FittedPreset(VTEAM(r_on=120.0), source="wafer 3, die 7")
    >>> FittedPreset.from_toml(preset.to_toml()).device
    VTEAM(r_on=120.0)
    """

    device: Device
    source: str = ""
    date: str = ""
    files: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    points: int = 0
    rms: float = 0.0
    noise: float = 0.0
    chi_square: float = 0.0
    scale: str = ""
    intervals: Mapping[str, tuple[float, float]] | None = None
    undetermined: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    version: str = ""

    def save(self, path: str | Path) -> Path:
        """Write the preset as TOML, and return the path."""
        write_text(path, self.to_toml())
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> FittedPreset:
        """Return the preset of a file.

        Raises
        ------
        ParameterError
            It is none; names the file.
        OSError
        """
        try:
            return cls.from_toml(Path(path).read_text(encoding="utf-8"))
        except (ParameterError, UnicodeDecodeError) as error:
            raise ParameterError(f"{path}: {error}") from None


def preset_of(fit: Fitted, source: str, files: Sequence[str | Path]) -> FittedPreset:
    """Return the preset of a fit; arguments of `Fit.preset`."""
    given = [Path(f) for f in files] or [
        Path(name) for name in dict.fromkeys(s.file for s in fit.problem.sweeps) if name
    ]
    return FittedPreset(
        fit.device, source, dt.datetime.now(tz=dt.UTC).date().isoformat(),
        tuple(file.name for file in given),
        tuple(hashlib.sha256(file.read_bytes()).hexdigest() for file in given),
        fit.points, fit.rms, fit.noise, fit.chi_square, fit.problem.scale.shape, fit.intervals(),
        fit.undetermined, notes_of(fit), metadata.version("crossbarsim"),
    )
