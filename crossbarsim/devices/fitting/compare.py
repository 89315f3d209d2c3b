"""`compare`: which model describes measured sweeps best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import ConvergenceError, ParameterError
from ...core.progress import Progress, metered
from ...core.settings import checks_arguments
from ...core.validation import count as count_of
from ...core.validation import number
from ...core.views.brief import brief_repr
from ...netlists.device_protocol import model as model_of
from ...netlists.device_protocol import models as registered
from ..base import Device
from .fit import fit, make_problem, usual
from .least_squares.problem import Problem
from .least_squares.search import WIDTHS
from .least_squares.space import to_values
from .measured.tables import as_sweeps
from .pictures import plot_comparison
from .result import Fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Comparison", "compare"]

_LOOK = 64  # points at which both polarities are looked at


@dataclass(frozen=True)
class Comparison:
    """Fits of several models to the same data, the best first.

    Attributes
    ----------
    fits : dict of Fit
        By title: the model's name, "-" before it where it is turned around.
    aic : dict
        Akaike's criterion with the correction for few points; the smaller the better. A difference
        of 10 is decisive.
    failed : dict
        Models that could not be fitted, and why.
    """

    fits: dict[str, Fit]
    aic: dict[str, float]
    failed: dict[str, str]

    __repr__ = brief_repr

    @property
    def best(self) -> Fit:
        """The fit with the smallest criterion."""
        return next(iter(self.fits.values()))

    def __str__(self) -> str:
        return self.table()

    def table(self) -> str:
        """Return the comparison as text: a line per model, the best first."""
        width = max(map(len, [*self.fits, *self.failed, "model"]))
        least = min(self.aic.values())
        lines = [f"{'model':<{width}}  parameters  rms        AIC - best  describes the data"]
        for name, one in self.fits.items():
            count = len(one.problem.axes)
            lines.append(
                f"{name:<{width}}  {count:<10}  {100 * one.rms:<6.3g} %  "
                f"{self.aic[name] - least:<10.4g}  {'yes' if one.describes else 'no'}"
            )
        lines += [f"{name:<{width}}  not fitted: {why}" for name, why in self.failed.items()]
        return "\n".join(lines)

    def plot(self) -> Figure:
        """Return a figure of the measured and the fitted currents of the best models.

        Raises
        ------
        BackendUnavailable
            Without matplotlib.
        """
        least = min(self.aic.values())
        return plot_comparison(
            {name: (one, self.aic[name] - least) for name, one in self.fits.items()}
        )


@checks_arguments
def compare(
    models: Sequence[Any] | Mapping[str, Any] | None, data: Any, *, polarity: str = "both",
    scale: str = "asinh", floor: float | None = None, start: Any = "auto",
    sigma: float | None = None, budget: float = 60.0, starts: int = 8, seed: int = 0,
    progress: Progress = None,
) -> Comparison:
    """Fit several models to the same data, and order them by Akaike's criterion.

    Parameters
    ----------
    models : sequence of names, models or devices, or mapping, optional
        Their usual parameters are fitted; a mapping says which, by name of the model. None: all
        registered models that say what is usually fitted and have states.
    data : see `fit`
    polarity : {"both", "as it is"}
        "both": whichever way round the device's loop goes; the way that looks better at first is
        fitted.
    scale, floor, start, sigma, starts, seed
        As of `fit`; the same for all.
    budget : float
        Seconds, for all models together.
    progress : Progress

    Returns
    -------
    Comparison

    Raises
    ------
    ParameterError
        No model could be fitted; the message has the reason of each.
    """
    if polarity not in ("both", "as it is"):
        raise ParameterError(f'`polarity` must be "both" or "as it is"; got {polarity!r}')
    number("budget", budget, low=0.0, open_low=True, unit="s")
    count_of("starts", starts)
    count_of("seed", seed, low=0)
    sweeps = as_sweeps(data)
    chosen = _chosen(models)
    options = {"scale": scale, "floor": floor, "start": start, "sigma": sigma}
    fits: list[tuple[float, str, Fit]] = []
    failed: dict[str, str] = {}
    with metered(progress) as meter:
        meter.begin("models", len(chosen))
        for device, free in chosen:
            name = type(device).name or type(device).__name__
            try:
                turned = device
                if polarity == "both":
                    turned = _way_round(device, sweeps, free, options)
                one = fit(
                    turned, sweeps, free, budget=budget / len(chosen), starts=starts, seed=seed,
                    **options,
                )
            except (ParameterError, ConvergenceError) as error:
                failed[name] = str(error)
            else:
                title = name if turned.polarity == device.polarity else f"-{name}"
                fits.append((_criterion(one), title, one))
            meter.advance("models", name)
    if not fits:
        reasons = "; ".join(f"{name}: {why}" for name, why in failed.items())
        raise ParameterError(f"none of the models could be fitted: {reasons}")
    fits.sort(key=lambda one: one[0])
    titles = _titles([title for _, title, _ in fits])
    return Comparison(
        {t: one for t, (_, _, one) in zip(titles, fits, strict=True)},
        {t: aic for t, (aic, _, _) in zip(titles, fits, strict=True)}, failed,
    )


def _titles(names: Sequence[str]) -> list[str]:
    """Return the names, numbered where several are the same."""
    return [name if names.count(name) == 1 else f"{name} {names[:k].count(name) + 1}"
            for k, name in enumerate(names)]


def _chosen(models: Any) -> list[tuple[Device, Any]]:
    """Return devices, and what is free in each."""
    if models is None:
        every = [model_of(name) for name in registered()]
        models = [one for one in every if issubclass(one, Device) and one.usually_fitted
                  and one.states]
    if not isinstance(models, (Mapping, list, tuple)):
        raise ParameterError(f"`models` must be several models; got {type(models).__name__}")
    free = models if isinstance(models, Mapping) else {}
    found = []
    for one in models:
        kind = model_of(one) if isinstance(one, str) else one
        device = kind() if isinstance(kind, type) else kind
        if not isinstance(device, Device):
            raise ParameterError(f"`models` holds {one!r:.60}; expected a model, name or device")
        found.append((device, free.get(one) if isinstance(one, str) else None))
    if not found:
        raise ParameterError("`models` is empty")
    return found


def _way_round(device: Device, sweeps: Any, free: Any, options: Mapping[str, Any]) -> Device:
    """Return the device in the direction whose smoothed residuals are smaller at first sight."""
    from scipy.stats import qmc  # noqa: PLC0415 - slow to import

    names = usual(device) if free is None else free
    best: tuple[float, Device] | None = None
    for sign in (device.polarity, -device.polarity):
        turned = device.replace(polarity=sign)
        problem, _, _ = make_problem(
            turned, sweeps, names, None, weights=None, limited="limit", rtol=1e-4, **options
        )
        low, high = problem.bounds
        shares = qmc.Sobol(problem.count, seed=1).random(_LOOK)
        cost = min(_cost(problem, low + share * (high - low)) for share in shares)
        if best is None or cost < best[0]:
            best = cost, turned
    return best[1] if best is not None else device


def _cost(problem: Problem, u: Any) -> float:
    values = to_values(problem.axes, u[: len(problem.axes)])
    if values.get("r_on", 0.0) >= values.get("r_off", np.inf):  # that is the other way round
        return np.inf
    try:
        at = problem.first_shares(u) if problem.starts.count else u
    except (ConvergenceError, ParameterError):
        return np.inf
    return problem.cost(at, WIDTHS[0])


def _criterion(one: Fit) -> float:
    """Return Akaike's criterion, corrected for few points (Hurvich and Tsai, 1989)."""
    n, k = one.points, one.problem.count + 1
    total = max(2.0 * one.search.cost, 1e-30 * n)
    return n * math.log(total / n) + 2.0 * k + 2.0 * k * (k + 1) / max(n - k - 1, 1)
