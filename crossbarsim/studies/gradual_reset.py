"""A device reset step by step, and what is left between R_on and R_off when devices differ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm

from ..core.draws import Place
from ..core.environment import array_text
from ..core.errors import ConvergenceError, ParameterError
from ..core.files import save_table
from ..core.settings import checks_arguments
from ..core.validation import Array, finite_array, number
from ..core.validation import count as whole
from ..core.views.brief import brief_repr
from ..core.views.panels import Curve, Curves
from ..core.views.shown import Shown, View
from ..devices import VTEAM, Device, Trace
from ..devices.views import loop_panel
from ..nonidealities import ConductanceStates
from .engine.drive import Executor
from .parts import Parts, trace_of, trace_values
from .read_margin import described

__all__ = ["GradualReset", "gradual_reset"]

_HIGHEST = 1e3  # volt: no device needs more
_NEAR = 1e-4  # of the largest conductance: so close to the smallest is there


@dataclass(frozen=True, eq=False)
class GradualReset(Shown):
    """A loop, a RESET by sweeps of rising amplitude, and the spread of R_on and R_off.

    Attributes
    ----------
    device : Device
    loop : Trace
        Under a sine.
    sweeps : Trace
        The double sweeps, one after another, each from 0 V to its amplitude and back.
    points : int
        Points of one sweep.
    table : pandas.DataFrame
        A row per sweep, and one (0) for the start: ``amplitude`` (volt, with its sign),
        ``resistance`` (ohm) and ``conductance`` (siemens) after it, at the device's read voltage.
    r_on, r_off : (K,) arrays, ohm
        Draws of both, independent of each other.
    normal : tuple of 4 floats
        Mean and standard deviation of R_on, mean and standard deviation of R_off, ohm.
    """

    device: Device
    loop: Trace
    sweeps: Trace
    points: int
    table: pd.DataFrame
    r_on: Array
    r_off: Array
    normal: tuple[float, float, float, float]

    __repr__ = brief_repr

    def _view(self) -> View:
        facts = {"model": type(self.device).__name__, "states": len(self.table),
                 "overlap of R_on and R_off": f"{100 * self.overlap():.3g} %"}
        steps = Curve("after each sweep", np.arange(len(self.table), dtype=float),
                      self.table["resistance"].to_numpy(dtype=float))
        draws = [
            Curve(name, np.sort(values), 100 * np.arange(1, len(values) + 1) / len(values))
            for name, values in (("R_on", self.r_on), ("R_off", self.r_off)) if len(values)
        ]
        panels = [
            loop_panel(self.loop.voltage, self.loop.current, "Loop"),
            loop_panel(self.sweeps.voltage, self.sweeps.current, "Reset by rising sweeps"),
            Curves("Resistance after each sweep", [steps], ("sweep", ""), ("resistance", "ohm")),
        ]
        if draws:
            panels.append(Curves("Devices at or below", draws, ("resistance", "ohm"),
                                 ("share of the devices", "%")))
        return View("Gradual reset", facts, panels, {
            name: array_text(v) if np.ndim(v) else v for name, v in self.device.settings().items()
        })

    @property
    def states(self) -> ConductanceStates:
        """The conductances after each sweep, as states for `simulate_states` or networks."""
        return ConductanceStates.table(self.table["conductance"].to_numpy())

    def overlap(self) -> float:
        """Return the probability that a device's R_on lies above another's R_off."""
        on, s_on, off, s_off = self.normal
        spread = float(np.hypot(s_on, s_off))
        return float(norm.cdf((on - off) / spread)) if spread > 0 else float(on > off)

    def save(self, out: Path) -> tuple[Path, Path]:
        """Write ``gradual_reset.csv`` and ``resistances.csv`` into `out`; return their paths."""
        out.mkdir(parents=True, exist_ok=True)
        paths = out / "gradual_reset.csv", out / "resistances.csv"
        save_table(paths[0], self.table)
        save_table(paths[1], pd.DataFrame({
            "device": np.arange(len(self.r_on)), "r_on": self.r_on, "r_off": self.r_off,
        }))
        return paths


@checks_arguments
def gradual_reset(
    device: Device | None = None, *, states: int | None = None, amplitudes: ArrayLike | None = None,
    amplitude: float = 1.0, frequency: float = 50e6, points: int = 200,
    r_on: float = 100.0, r_off: float = 150.0, sigma: float = 0.2, count: int = 1000,
    seed: int = 0, out: str | Path | None = None, executor: Executor | None = None,
    workers: int | None = None,
) -> GradualReset:
    """Reset a device from its largest conductance in steps; draw R_on and R_off of many.

    After Fig. 4 of MemTorch's paper (Lammie et al., arXiv:2004.10971): the I-V loop at 50 MHz,
    double sweeps of rising amplitude that lead to 10 states, and distributions of R_on and R_off
    with means of 100 and 150 ohm, which overlap. The paper does not print their spread: `sigma` is
    ours.

    Parameters
    ----------
    device : Device, optional
        Default: the VTEAM device of the paper.
    states : int, optional
        Conductances from the first to the last: ``states - 1`` sweeps; default 10. Not with
        `amplitudes`, of which there is one per sweep.
    amplitudes : (N,) array, volt, optional
        Of the sweeps, as magnitudes, not falling; the sign is the one in which the device resets.
        Default: they rise in even steps, and the last sweep is the first to come as near to the
        device's smallest conductance as 1e-4 of its largest.
    amplitude : float
        Of the loop's sine, volt.
    frequency : float
        Of the sine; a double sweep takes a period as well. Hertz.
    points : int
        Per period and per sweep.
    r_on, r_off : float
        Means of the distributions, ohm.
    sigma : float
        Standard deviation over the mean, of both; normal, cut off at 0 ohm.
    count : int
        Draws of each.
    seed : int
        Of the draws.
    out : path, optional
        Folder in which finished parts are kept, ``gradual_reset.jsonl``: the loop, the search for
        amplitudes, the sweeps. A study that was interrupted goes on there.
    executor, workers
        As of `Study.run`.

    Returns
    -------
    GradualReset

    Raises
    ------
    ParameterError
        A value out of its range; `states` with `amplitudes`, among others; `out` holds parts of
        other settings, or another run writes there.
    ConvergenceError
        No amplitudes up to 1 kV lead to the device's smallest conductance.

    Examples
    --------
    >>> from crossbarsim.studies import gradual_reset
    >>> found = gradual_reset()
    >>> [f"{r:.0f}" for r in found.table["resistance"]]
    ['50', '69', '109', '171', '255', '360', '487', '636', '806', '998']
    >>> f"{found.overlap():.3f}"
    '0.083'
    """
    model = VTEAM.preset("team_6353604") if device is None else device
    if model.parameter_array.ndim > 1:
        raise ParameterError("`device` must be one device, without parameters of many")
    if not model.states:
        raise ParameterError(f"`device`: {type(model).__name__} has no state to reset")
    if states is not None and amplitudes is not None:
        raise ParameterError("give either `states` or `amplitudes`, one per sweep")
    steps = whole("states", 10 if states is None else states, low=2)
    whole("points", points, low=8)
    whole("count", count, low=1)
    for name, value in (("frequency", frequency), ("r_on", r_on), ("r_off", r_off)):
        number(name, value, low=0.0, open_low=True)
    number("sigma", sigma, low=0.0)
    given = None if amplitudes is None else _given(amplitudes)
    context = {
        "device": described(model), "steps": steps, "amplitude": float(amplitude),
        "amplitudes": None if given is None else given.tolist(), "frequency": float(frequency),
        "points": points,
    }
    with Parts(out, "gradual_reset.jsonl", context, executor=executor, workers=workers) as parts:
        first = {"loop": partial(_loop, model, amplitude, frequency, points)}
        if given is None:
            first["amplitudes"] = partial(_searched, model, steps, frequency, points)
        found = parts.measure(first)
        volts = found["amplitudes"]["volts"] if given is None else given
        last = parts.measure({"sweeps": partial(_reset, model, volts, frequency, points)})
    sign, sweeps = float(last["sweeps"]["sign"]), trace_of(model, last["sweeps"])
    G = sweeps.conductance[::points]
    table = pd.DataFrame({
        "sweep": np.arange(len(volts) + 1), "amplitude": np.concatenate([[0.0], sign * volts]),
        "resistance": 1.0 / G, "conductance": G,
    })
    u = Place(seed, "gradual reset").generator("resistances").random((2, count))
    none = norm.cdf(-1.0 / sigma) if sigma > 0 else 0.0  # no resistance is negative
    draws = np.array([[r_on], [r_off]]) * (1.0 + sigma * norm.ppf(none + (1.0 - none) * u))
    return GradualReset(
        model, trace_of(model, found["loop"]), sweeps, points, table, draws[0], draws[1],
        (r_on, sigma * r_on, r_off, sigma * r_off),
    )


def _loop(model: Device, amplitude: float, frequency: float, points: int) -> dict[str, Any]:
    return trace_values(model.hysteresis(amplitude, frequency, points=points))


def _searched(model: Device, steps: int, frequency: float, points: int) -> dict[str, Any]:
    return {"volts": _amplitudes(model, steps, frequency, points)}


def _reset(model: Device, volts: Array, frequency: float, points: int) -> dict[str, Any]:
    """Return the trace of the sweeps, in the polarity in which they reset."""
    sign = _reset_sign(model, float(volts.max()), frequency, points)
    return {**trace_values(_swept(model, sign * volts, frequency, points)), "sign": sign}


def _given(amplitudes: ArrayLike) -> Array:
    volts = finite_array("amplitudes", amplitudes)
    if volts.ndim != 1 or not len(volts) or (volts <= 0).any() or (np.diff(volts) < 0).any():
        raise ParameterError("`amplitudes` must be (N,) volts > 0 that do not fall")
    return volts


def _swept(model: Device, volts: Array, frequency: float, points: int) -> Trace:
    """Return the trace of triangles from 0 to each of `volts` and back, from R_on."""
    phase = np.arange(len(volts) * points + 1) / points
    sweep = np.minimum(phase.astype(int), len(volts) - 1)
    within = phase - sweep
    v = volts[sweep] * (1.0 - np.abs(2.0 * within - 1.0))
    return model.simulate(phase / frequency, v, float(model.conductance_range()[1]))


def _reset_sign(model: Device, volts: float, frequency: float, points: int) -> float:
    """Return +1 or -1: the polarity in which a sweep lowers the conductance."""
    after = [
        _swept(model, np.array([sign * volts]), frequency, points).conductance[-1]
        for sign in (1.0, -1.0)
    ]
    return 1.0 if after[0] <= after[1] else -1.0


def _amplitudes(model: Device, states: int, frequency: float, points: int) -> Array:
    """Return rising amplitudes of which the last is the first to reach the smallest conductance."""
    low, high = map(float, model.conductance_range())
    steps = np.arange(1.0, states)

    def reaches(volt: float) -> bool:
        sign = _reset_sign(model, volt * (states - 1), frequency, points)
        last = _swept(model, sign * volt * steps, frequency, points).conductance[-1]
        return bool(last <= low + _NEAR * high)

    top, why = 0.1 / (states - 1), ""
    try:
        while top * (states - 1) <= _HIGHEST and not reaches(top):
            top *= 2.0
    except ConvergenceError as error:
        why = str(error)
    if why or top * (states - 1) > _HIGHEST:
        raise ConvergenceError(
            f"{type(model).__name__}: sweeps of {1 / frequency:.3g} s up to "
            f"{top * (states - 1):.3g} V do not lead from {high:.4g} to {low:.4g} S: lower "
            f"`frequency`, or give `amplitudes`" + (f" ({why})" if why else "")
        )
    bottom = 0.5 * top
    for _ in range(20):
        middle = 0.5 * (bottom + top)
        bottom, top = (bottom, middle) if reaches(middle) else (middle, top)
    return top * steps
