"""From measured loops of many devices to the accuracy of a network on chips of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.draws import Place
from ..core.errors import ParameterError
from ..core.files import save_figure, write_text
from ..core.progress import Progress
from ..core.settings import checks_arguments, plain
from ..core.validation import Array
from ..core.validation import count as whole
from ..core.views.brief import brief_repr
from ..core.views.panels import Curve, Curves, Panel, Table
from ..core.views.shown import Shown, View
from ..devices import Device, Fits, fit_many
from ..nn import CrossbarConfig, calibrate, convert
from ..nonidealities import NonIdealities, Spread, estimate_spread, vary

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

__all__ = ["MeasuredAccuracy", "measured_accuracy", "save_measured"]

_SHOWN = 40  # simulated devices in the picture


@dataclass(frozen=True)
class MeasuredAccuracy(Shown):
    """What measured devices make of a network.

    Attributes
    ----------
    fits : Fits
    parameters : Spread or None
        Of the fitted parameters; None where some device does not determine them.
    resistances : Spread
        Of both ends of the state, "r_on" and "r_off", which the network's cells have.
    config : CrossbarConfig
        Of the first chip.
    digital : float
        Share of right answers of the network without crossbars.
    accuracy : (chips,) array
        Share of right answers of each chip.
    seed : int
    """

    fits: Fits
    parameters: Spread | None
    resistances: Spread
    config: CrossbarConfig
    digital: float
    accuracy: Array
    seed: int

    __repr__ = brief_repr

    def __str__(self) -> str:
        nominal, sigma = self.resistances.nominal, self.resistances.sigma
        low, high = float(self.accuracy.min()), float(self.accuracy.max())
        return (
            f"{len(self.fits)} devices: r_on {nominal['r_on']:.4g} ohm (sigma "
            f"{100 * sigma['r_on']:.3g} %), r_off {nominal['r_off']:.4g} ohm (sigma "
            f"{100 * sigma['r_off']:.3g} %), correlation "
            f"{float(self.resistances.correlation[0, 1]):.2f}\n"
            f"accuracy of {len(self.accuracy)} chips: mean "
            f"{100 * float(self.accuracy.mean()):.2f} %, {100 * low:.2f} to {100 * high:.2f} %; "
            f"digital {100 * self.digital:.2f} %"
        )

    def _view(self) -> View:
        fits = self.fits.explore()
        chips = Table("Chips", [("seed", ""), ("accuracy", "%")],
                      [[self.seed + k, 100.0 * float(a)] for k, a in enumerate(self.accuracy)],
                      bars=("accuracy",))
        share = np.arange(1, len(self.fits) + 1) / len(self.fits)
        low, high = self.fits.resistances()
        ends = [Curve(name, np.sort(ohm), 100.0 * share)
                for name, ohm in (("low", low), ("high", high)) if np.isfinite(ohm).all()]
        facts = {
            "accuracy": f"{100 * float(self.accuracy.mean()):.2f} %",
            "least, largest": (f"{100 * float(self.accuracy.min()):.2f}, "
                               f"{100 * float(self.accuracy.max()):.2f} %"),
            "digital accuracy": f"{100 * self.digital:.2f} %", "chips": len(self.accuracy),
        }
        for name in ("r_on", "r_off"):
            facts[name] = (f"{self.resistances.nominal[name]:.4g} ohm, sigma "
                           f"{100 * self.resistances.sigma[name]:.3g} %")
        panels: list[Panel] = [chips]
        if ends:
            panels.append(Curves("Resistances at or below", ends, ("resistance", "ohm"),
                                 ("share of the devices", "%"), log_x=True))
        return View("Accuracy of measured devices", {**facts, **fits.facts},
                    [*panels, *fits.panels],
                    {"config": plain(self.config), "seed": self.seed, "fits": fits.settings})

    def plot(self) -> Figure:
        """Return a figure of the measured spread beside that of devices drawn from the fit.

        Raises
        ------
        BackendUnavailable
            Without matplotlib.
        """
        return self.fits.plot(self.drawn())

    def drawn(self, count: int = _SHOWN) -> list[Device]:
        """Return devices drawn from the distributions of the parameters; none where there are none.

        Parameters
        ----------
        count : int
        """
        if self.parameters is None:
            return []
        whole("count", count)
        first = next(iter(self.fits.fits.values())).device
        middle = first.replace(**self.parameters.nominal)
        varied = vary(middle, (1, count), self.parameters.variabilities, Place(self.seed, "drawn"))
        names = list(self.parameters.nominal)
        return [middle.replace(**{n: float(getattr(varied, n)[0, k]) for n in names})
                for k in range(count)]


@checks_arguments
def measured_accuracy(
    data: Any, model: Any, network: nn.Module, batches: Iterable[Any], *, free: Any = None,
    fixed: Mapping[str, Any] | None = None, config: CrossbarConfig | None = None, chips: int = 5,
    seed: int = 0, calibration: Iterable[Any] | None = None, progress: Progress = None,
    **options: Any,
) -> MeasuredAccuracy:
    """Return the accuracy of a network on chips of devices that were measured.

    Every device is fitted (`fit_many`); the resistances at both ends of its state, of which the
    distributions are estimated by maximum likelihood with their correlation, are those of the
    network's cells.

    Parameters
    ----------
    data : path of a folder, or as of `fit_many`
        Measured loops.
    model, free, fixed
        As of `fit`.
    network : torch.nn.Module
        Trained; it returns one output per class.
    batches : iterable of (inputs, labels)
        Tensors, such as of a `DataLoader`; gone through once per chip.
    config : CrossbarConfig, optional
        Of the chips; their `g_on`, `g_off`, `seed` and variability are set here.
    chips : int
        Chips with draws of their own.
    seed : int
        Of the first chip; the others follow.
    calibration : iterable, optional
        Batches for `calibrate`, which converters and curved cells need.
    progress : Progress
    **options
        Of `fit_many`: `read`, `budget`, `start`, `scale` and so on.

    Returns
    -------
    MeasuredAccuracy

    Raises
    ------
    ParameterError
        As `fit_many`; fewer than three devices; a configuration that has a variability already.
    """
    whole("chips", chips)
    base = CrossbarConfig() if config is None else config
    if base.nonidealities is not None and base.nonidealities.variability:
        raise ParameterError("`config` has a variability already: it is what the data are to give")
    held = [_batch(one) for one in batches]
    fits = fit_many(model, data, free, fixed, progress=progress, **options)
    low, high = fits.resistances()
    resistances = estimate_spread({"r_on": low, "r_off": high})
    effects = (base.nonidealities or NonIdealities()).settings()
    made = base.settings() | {
        "g_on": 1.0 / resistances.nominal["r_on"], "g_off": 1.0 / resistances.nominal["r_off"],
        "nonidealities": NonIdealities(
            **{**effects, "variability": resistances.variabilities}),
    }
    found = []
    for k in range(chips):
        chip = convert(network, CrossbarConfig(**{**made, "seed": seed + k}))
        if calibration is not None:
            try:
                calibrate(chip, calibration)
            except ParameterError as error:
                raise ParameterError(str(error).replace("`loader`", "`calibration`")) from error
        found.append(_share(chip, held))
    return MeasuredAccuracy(
        fits, _parameters(fits), resistances, CrossbarConfig(**{**made, "seed": seed}),
        _share(network, held), np.array(found), seed,
    )


def _batch(one: Any) -> tuple[Any, Any]:
    """Return inputs and labels as tensors."""
    import torch  # noqa: PLC0415 - slow to import

    if isinstance(one, (tuple, list)) and len(one) == 2 and torch.is_tensor(one[0]):
        try:
            labels = torch.as_tensor(one[1])
        except (TypeError, ValueError, RuntimeError):
            labels = torch.zeros(0)
        if labels.shape == one[0].shape[:1] and not labels.is_floating_point():
            return one[0], labels
    raise ParameterError(
        "`batches` must bring pairs (inputs (n, ...), labels (n,)), a tensor and integers; it "
        f"brought {type(one).__name__}"
    )


def _parameters(fits: Fits) -> Spread | None:
    """Return the distributions of the parameters that every device determines."""
    loose = {name for one in fits.fits.values() for name in one.undetermined}
    if any(name in loose for name in fits.free):
        return None
    return estimate_spread(fits.values, errors=fits.errors)


def _share(network: Any, batches: list[Any]) -> float:
    """Return the share of right answers."""
    import torch  # noqa: PLC0415 - slow to import

    right, count = 0, 0
    with torch.no_grad():
        for inputs, labels in batches:
            right += int((network(inputs).argmax(-1) == labels).sum())
            count += int(labels.numel())
    if not count:
        raise ParameterError("`batches` holds no example")
    return right / count


def save_measured(result: MeasuredAccuracy, folder: Path) -> tuple[Path, ...]:
    """Write the table of the devices, the summary and the picture into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "devices.txt", result.fits.table() + "\n")
    write_text(folder / "summary.txt", f"{result}\n")
    return (folder / "devices.txt", folder / "summary.txt",
            save_figure(result.plot(), folder / "spread.png", dpi=150))
