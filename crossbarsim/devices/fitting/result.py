"""`Fit`: the result of `fit`, with its words, pictures and files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.settings import checks_arguments
from ...core.views.shown import Shown, View
from .fitted import Fitted
from .pictures import plot_fit
from .presets import FittedPreset, preset_of
from .report import notes_of, report
from .views import fit_view

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Fit"]


class Fit(Fitted, Shown):
    """The result of `fit`.

    Attributes
    ----------
    device : Device
        The model with the fitted parameters.
    values : dict
        Fitted parameters by name, and starts of sweeps ("start of sweep 1", a share of the main
        state's range, of its logarithm where that spans more than a factor of 20).
    noise : float
        Standard deviation of the data's noise on the scale of the residuals.
    describes : bool
        Whether the model describes the data: its residuals are noise.
    undetermined : tuple of str
        Parameters that the data do not determine: the 95 % interval is wider than a factor of
        about 1.65 to each side.
    weak : tuple of WeakDirection
        Which parameters move together without a change that the noise would not hide.
    complete : bool
        Whether the search ended by itself, not by its time.
    """

    def __str__(self) -> str:
        return report(self)

    def _view(self) -> View:
        return fit_view(self, self.notes)

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be known about this fit, a sentence each."""
        return notes_of(self)

    def plot(self) -> Figure:
        """Return a figure: measured and fitted currents, residuals, and the parameters' intervals.

        Raises
        ------
        BackendUnavailable
            Without matplotlib.
        """
        return plot_fit(self)

    @checks_arguments
    def preset(self, source: str = "", *, files: tuple[str | Path, ...] = ()) -> FittedPreset:
        """Return the fitted device as a preset that says where it is from.

        Parameters
        ----------
        source : str
            In words: device, stack, who measured it.
        files : tuple of paths
            The data; their names and SHA-256 hashes are kept. Default: those that the sweeps were
            read from.
        """
        return preset_of(self, source, files)

    @checks_arguments
    def save(
        self, path: str | Path, source: str = "", *, files: tuple[str | Path, ...] = ()
    ) -> Path:
        """Write the preset to a TOML file, which ``VTEAM.preset("file.toml")`` reads.

        Arguments as of `preset`, behind the file's name. Returns the path.
        """
        return self.preset(source, files=files).save(path)

    def to_dict(self) -> dict[str, Any]:
        """Return values, intervals, statistics and notes as numbers, strings, lists and dicts."""
        return {
            "model": type(self.device).name, "values": self.values,
            "intervals": {k: list(v) for k, v in self.intervals().items()},
            "rms": self.rms, "noise": self.noise, "chi_square": self.chi_square,
            "points": self.points, "describes": self.describes,
            "undetermined": list(self.undetermined), "notes": list(self.notes),
        }
