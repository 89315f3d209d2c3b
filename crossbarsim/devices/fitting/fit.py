"""`fit`: the parameters of a model from measured loops, pulses and curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import ParameterError
from ...core.progress import Progress, shared
from ...core.settings import checks_arguments
from ...core.validation import count as count_of
from ...core.validation import number
from ...netlists.device_protocol import model as model_of
from ..base import Device
from .determination import determine
from .least_squares.problem import Problem, plan_starts
from .least_squares.residuals import noise_of, scale_of
from .least_squares.search import search
from .least_squares.simulation import compiled
from .least_squares.space import Free, axes_of
from .measured.sweeps import MeasuredSweep
from .measured.tables import as_sweeps
from .result import Fit

__all__ = ["fit", "make_problem"]


@checks_arguments
def fit(
    model: Any, data: Any, free: Free | None = None, fixed: Mapping[str, Any] | None = None, *,
    start: Any = "auto", scale: str = "asinh", floor: float | None = None, weights: Any = None,
    sigma: float | None = None, limited: str = "limit", starts: int = 12, seed: int = 0,
    budget: float = 30.0, rtol: float = 1e-6, progress: Progress = None,
) -> Fit:
    """Fit a model's parameters to measured sweeps by least squares.

    Every sweep is simulated as it was measured, time by time, with the exact derivatives of the
    simulation by the free parameters; SciPy's bounded trust region goes downhill from the model's
    own values and from points all over the ranges.

    Parameters
    ----------
    model : str, class or Device
        A registered model's name, a model, or a device whose values are the start and what is not
        free.
    data : MeasuredSweep, sequence of them, (time, voltage, current), or pandas table
        One device's; for many see `fit_many`, for files `read_sweeps`.
    free : sequence of str, or mapping to (low, high)
        Parameters to fit, with the range of each where given, within the parameter's limits (None:
        the usual one, from limits, unit, data and the value at the start). Ranges of one sign over
        more than a factor of 20 are searched by the logarithm. Default: the model's
        `usually_fitted`.
    fixed : mapping, optional
        Values of other parameters, and `polarity`.
    start : {"auto", "rest", "first", "last", "fit"}, float or mapping
        State at the start of each sweep that does not say itself: at rest; with the measured
        current at the first points with voltage; as the sweep before left it; or fitted, as a share
        of the main state's range (what "auto" does); or of a conductance, siemens; or states by
        name.
    scale : {"asinh", "linear", "log"}
        How currents are compared: asinh(i / (2 floor)), which is the logarithm, for both signs,
        above the floor; i / floor; or ln|i|. Noise that is a share of the current is "asinh" or
        "log", noise of one size is "linear".
    floor : float, ampere
        Default: what the data's noise near 0 V hides, between 1e-5 and 1e-2 of the largest
        current; "linear": the largest current.
    weights : array, or a sequence of one per sweep
        Factors on the residuals, >= 0: each a number or (T,).
    sigma : float, optional
        Standard deviation of the noise on that scale: 0.02 is 2 % of the current. Default: as
        the data's second differences show it.
    limited : {"limit", "leave out"}
        Points at the compliance: compared with the simulated source's limit, or left out.
    starts : int
        Most points from which to go downhill; fewer where one fits to the noise.
    seed : int
        Of these points.
    budget : float
        Seconds, without those of compiling the model; the best that was found by then is returned,
        and says so.
    rtol : float
        Error per step of the simulation, relative to each state's range.
    progress : Progress
        Default: silent.

    Returns
    -------
    Fit

    Raises
    ------
    ParameterError
        Wrong arguments; data that cannot determine anything: a constant voltage and current, no
        more points than parameters.
    ConvergenceError
        The model can be simulated nowhere in the ranges.

    Notes
    -----
    Where the current reaches the compliance the simulated source regulates it: the voltage across
    the device drops to the one that lets the compliance through, and the states move as under that
    voltage.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.devices import MeasuredSweep, VTEAM, fit
    >>> true = VTEAM(r_on=1e3, r_off=2e4, k_on=-0.5, v_on=-0.4, v_off=0.3)
    >>> t = np.linspace(0.0, 1e-3, 400)
    >>> v = -np.sin(2e3 * np.pi * t)
    >>> measured = MeasuredSweep(t, v, true.simulate(t, v).current, start="rest")
    >>> found = fit("vteam", measured, ["r_on", "r_off", "v_on"], {"k_on": -0.5, "v_off": 0.3})
    >>> print(f"{found.device.r_on:.0f} ohm, {found.device.v_on:.3f} V")
    1000 ohm, -0.400 V
    """
    problem, noise, given = make_problem(
        model, data, free, fixed, start=start, scale=scale, floor=floor, weights=weights,
        sigma=sigma, limited=limited, rtol=rtol,
    )
    count_of("starts", starts)
    count_of("seed", seed, low=0)
    number("budget", budget, low=0.0, open_low=True, unit="s")
    first = np.array([
        *(axis.coordinate(axis.start) for axis in problem.axes), *(0.5,) * problem.starts.count
    ])
    problem.warm(first)
    with shared("fit", progress) as tell:
        found = search(
            problem, first, starts=starts, seed=seed, budget=budget, noise=noise, tell=tell
        )
    return Fit(problem, found, noise, given, determine(problem, found.u))


def make_problem(
    model: Any, data: Any, free: Free | None, fixed: Mapping[str, Any] | None, *, start: Any,
    scale: str, floor: float | None, weights: ArrayLike | None, sigma: float | None, limited: str,
    rtol: float,
) -> tuple[Problem, float, bool]:
    """Return the problem, the noise of its data and whether that was given; arguments of `fit`."""
    device = _device(model, fixed or {})
    compiled(type(device))  # refuses models that cannot be differentiated
    sweeps = as_sweeps(data)
    devices = {s.device for s in sweeps}
    if len(devices) > 1:
        names = ", ".join(sorted(devices))
        raise ParameterError(f"`data` are of {len(devices)} devices, {names}: use `fit_many`")
    number("rtol", rtol, low=1e-12, high=1e-2)
    axes = axes_of(device, usual(device) if free is None else free, sweeps)
    clash = [axis.name for axis in axes if fixed and axis.name in fixed]
    if clash:
        raise ParameterError(f"`{clash[0]}` is both in `free` and in `fixed`")
    how = scale_of(sweeps, scale, floor, weights, limited)
    problem = Problem(device, axes, sweeps, plan_starts(device, sweeps, start), how, rtol=rtol)
    _check(problem)
    noise = noise_of(sweeps, how) if sigma is None else number(
        "sigma", sigma, low=0.0, open_low=True)
    return problem, noise, sigma is not None


def usual(device: Device) -> tuple[str, ...]:
    """Return the parameters that are fitted where none are named.

    Raises
    ------
    ParameterError
        The model does not say.
    """
    names = type(device).usually_fitted
    if not names:
        raise ParameterError(
            f"{type(device).__name__} does not say what is usually fitted: name parameters in "
            "`free`"
        )
    return names


def _device(model: Any, fixed: Mapping[str, Any]) -> Device:
    if isinstance(model, str):
        model = model_of(model)
    if isinstance(model, type) and issubclass(model, Device):
        model = model()
    if not isinstance(model, Device):
        raise ParameterError(
            f"`model` must be a compact model, its name or a device; got {model!r:.60}"
        )
    if not isinstance(fixed, Mapping) or not all(isinstance(name, str) for name in fixed):
        raise ParameterError(f"`fixed` must be values by name of the parameter; got {fixed!r:.60}")
    device: Device = model.replace(**fixed) if fixed else model
    if device.parameter_array.ndim > 1:
        raise ParameterError(
            "`model` has parameters that differ from device to device: fit one device at a time"
        )
    if device.stochastic:
        raise ParameterError(
            f"{type(device).__name__} is noisy: fit it without its noise, then the noise by "
            "the spread from cycle to cycle"
        )
    return device


def _check(problem: Problem) -> None:
    """Refuse data that cannot determine anything."""
    if problem.points <= problem.count:
        raise ParameterError(
            f"`data` have {problem.points} points for {problem.count} unknowns, "
            f"{', '.join(problem.names)}: measure more, or fix some"
        )
    if all(_constant(s) for s in problem.sweeps):
        raise ParameterError(
            "`data`: voltage and current are the same at all points: one resistance, from which no "
            "model can be told"
        )


def _constant(sweep: MeasuredSweep) -> bool:
    return all(float(np.ptp(a)) <= 1e-12 * float(np.abs(a).max()) for a in (sweep.v, sweep.i))
