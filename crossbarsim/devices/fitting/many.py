"""`fit_many`: a model's parameters of every device of a set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import ConvergenceError, ParameterError
from ...core.progress import Progress, metered
from ...core.settings import checks_arguments
from ...core.validation import Array, number
from ...core.validation import count as count_of
from ...core.views.brief import brief_repr
from ...core.views.shown import Shown, View
from .fit import fit, make_problem
from .least_squares.space import Free
from .measured.sweeps import MeasuredSweep
from .measured.tables import as_sweeps, read_sweeps
from .pictures import plot_many
from .result import Fit
from .views import fits_view

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Fits", "fit_many"]

_FILES = (".csv", ".txt", ".tsv", ".dat")


@dataclass(frozen=True)
class Fits(Shown):
    """Fits of one model to many devices.

    Attributes
    ----------
    fits : dict of Fit
        By name of the device.
    failed : dict of str
        Devices that could not be fitted, and why.
    """

    fits: dict[str, Fit]
    failed: dict[str, str]

    __repr__ = brief_repr

    def _view(self) -> View:
        return fits_view(self)

    def __len__(self) -> int:
        return len(self.fits)

    @property
    def free(self) -> tuple[str, ...]:
        """The parameters that were fitted."""
        return tuple(axis.name for axis in next(iter(self.fits.values())).problem.axes)

    @property
    def values(self) -> dict[str, Array]:
        """Fitted values by parameter, one per device: (K,)."""
        return {name: np.array([one.values[name] for one in self.fits.values()])
                for name in self.free}

    @property
    def errors(self) -> dict[str, Array]:
        """Standard errors of `values`, linearised: (K,); infinite where the data say nothing."""
        count = len(self.free)
        every = np.array([np.sqrt(np.diag(one.covariance)[:count]) for one in self.fits.values()])
        return {name: every[:, k] for k, name in enumerate(self.free)}

    @property
    def described(self) -> dict[str, bool]:
        """Whether the model describes each device's data."""
        return {name: one.describes for name, one in self.fits.items()}

    def resistances(self) -> tuple[Array, Array]:
        """Return each device's resistance in both ends of its state, (K,) ohm: low and high.

        Infinite where no current flows at an end.
        """
        ends = np.array([one.device.conductance_range() for one in self.fits.values()], float)
        with np.errstate(divide="ignore"):
            return 1.0 / ends[:, 1], 1.0 / ends[:, 0]

    def table(self) -> str:
        """Return the values as text, a row per device."""
        width = max([6, *map(len, self.fits)])
        head = "  ".join(f"{name:>11}" for name in self.free)
        lines = [f"{'device':<{width}}  {head}  rms"]
        for name, one in self.fits.items():
            row = "  ".join(f"{one.values[p]:>11.5g}" for p in self.free)
            mark = "" if one.describes else "  not described"
            lines.append(f"{name:<{width}}  {row}  {100 * one.rms:.3g} %{mark}")
        lines += [f"{name:<{width}}  not fitted: {why}" for name, why in self.failed.items()]
        return "\n".join(lines)

    def plot(self, devices: Sequence[Any] = ()) -> Figure:
        """Return a figure: all measured loops, and those of `devices`, simulated as the first was.

        Parameters
        ----------
        devices : sequence of Device
            Such as those of a distribution that was fitted to the parameters; default: the fitted
            ones.

        Raises
        ------
        BackendUnavailable
            Without matplotlib.
        """
        return plot_many(list(self.fits.values()), list(devices))


@checks_arguments
def fit_many(
    model: Any, data: Any, free: Free | None = None, fixed: Mapping[str, Any] | None = None, *,
    budget: float = 10.0, starts: int = 12, seed: int = 0, read: Mapping[str, Any] | None = None,
    progress: Progress = None, **options: Any,
) -> Fits:
    """Fit a model to every device of a set.

    The first device is searched for in the whole ranges; the others start where it ended, and are
    searched for in the same ranges where that does not fit.

    Parameters
    ----------
    model, free, fixed
        As of `fit`.
    data : path of a folder or of files, mapping, or sweeps
        A folder's tables (.csv, .txt, .tsv, .dat), one device each unless a column says whose a
        sweep is; or data as of `fit` by name of the device; or sweeps, by their `device`.
    budget : float
        Seconds per device.
    starts, seed
        As of `fit`.
    read : mapping
        Options of `read_sweeps`, where `data` are files.
    progress : Progress
    **options
        As of `fit`: `start`, `scale`, `floor`, `weights`, `sigma`, `limited`, `rtol`.

    Returns
    -------
    Fits

    Raises
    ------
    ParameterError
        As `fit`; or no device could be fitted, with the reason of each.
    """
    number("budget", budget, low=0.0, open_low=True, unit="s")
    count_of("starts", starts)
    count_of("seed", seed, low=0)
    devices = _devices(data, read or {})
    pooled = [s for sweeps in devices.values() for s in sweeps]
    common = [MeasuredSweep(s.t, s.v, s.i, s.limits) for s in pooled]
    names = free
    settings = {"start": "auto", "scale": "asinh", "floor": None, "weights": None, "sigma": None,
                "limited": "limit", "rtol": 1e-6, **options}
    if not isinstance(free, Mapping):
        problem, _, _ = make_problem(
            model, common, free, fixed, **{**settings, "weights": None, "start": "rest"})
        names = {axis.name: (axis.low, axis.high) for axis in problem.axes}
    found: dict[str, Fit] = {}
    failed: dict[str, str] = {}
    at = model
    with metered(progress) as meter:
        meter.begin("devices", len(devices))
        for name, sweeps in devices.items():
            try:
                one = fit(at, sweeps, names, fixed if at is model else None, budget=budget,
                          starts=starts, seed=seed, **settings)
            except (ParameterError, ConvergenceError) as error:
                failed[name] = str(error)
            else:
                found[name] = one
                if one.describes:
                    at = one.device
            meter.advance("devices", name)
    if not found:
        raise ParameterError("no device could be fitted: " + "; ".join(
            f"{name}: {why}" for name, why in failed.items()))
    return Fits(found, failed)


def _devices(data: Any, read: Mapping[str, Any]) -> dict[str, list[MeasuredSweep]]:
    """Return the sweeps of every device."""
    if isinstance(data, (str, Path)):
        place = Path(data)
        _check_there([place])
        files = sorted(p for p in place.iterdir() if p.suffix.lower() in _FILES) if (
            place.is_dir()) else [place]
        if not files:
            raise ParameterError(f"{place}: no table ({', '.join(_FILES)}) in that folder")
        data = files
    if isinstance(data, Mapping):
        found = {str(name): [_named(s, str(name)) for s in as_sweeps(one)]
                 for name, one in data.items()}
    else:
        if isinstance(data, (list, tuple)) and data and isinstance(data[0], (str, Path)):
            _check_there(data)
            sweeps = [_named(s, s.device or Path(p).stem) for p in data
                      for s in read_sweeps(p, **read)]
        else:
            sweeps = list(as_sweeps(data))
        found = {}
        for s in sweeps:
            found.setdefault(s.device or "device", []).append(s)
    if not found:
        raise ParameterError("`data` holds no device")
    return found


def _check_there(files: Sequence[str | Path]) -> None:
    for file in files:
        if not isinstance(file, (str, Path)) or not Path(file).exists():
            raise ParameterError(f"`data`: there is no file or folder {file!s:.200}")


def _named(s: MeasuredSweep, device: str) -> MeasuredSweep:
    return MeasuredSweep(
        s.time, s.voltage, s.current, s.compliance, device, s.start, s.name, s.file
    )
