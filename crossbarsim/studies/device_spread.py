"""I-V loops and switching of many devices that differ from one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from ..core.draws import Place
from ..core.environment import array_text
from ..core.errors import ParameterError
from ..core.files import save_table
from ..core.settings import checks_arguments
from ..core.validation import Array
from ..core.validation import count as whole
from ..core.views.brief import brief_repr
from ..core.views.panels import Table
from ..core.views.shown import Shown, View
from ..devices import VTEAM, Device, Trace
from ..devices.views import loop_panel
from ..nonidealities import ConductanceStates, Normal, Variability, simulate_states, vary
from .engine.drive import Executor
from .parts import Parts, trace_of, trace_values
from .read_margin import described

__all__ = ["PAPER", "DeviceSpread", "device_spread", "switching_voltages"]

# Fig. 5 as its caption prints it: R_on ~ N(50, 25) and R_off ~ N(1000, 50) ohm.
PAPER: Mapping[str, Any] = MappingProxyType({
    "parameters": ("r_on", "r_off"), "sigma": (0.5, 0.05), "states": 10, "frequency": 50e6,
})


@dataclass(frozen=True, eq=False)
class DeviceSpread(Shown):
    """What many devices of one model, each with its own parameters, do.

    Attributes
    ----------
    device : Device
        With the parameters of every device, (1, K).
    loop : Trace
        Under a sine; currents (K, T) ampere.
    sweep : Trace
        Under a triangle of larger amplitude, as many periods.
    states : int or None
        Conductance states of `loop_states` and `sweep_states`; None: any conductance.
    loop_states, sweep_states : Trace
        The same of devices that between half periods rest in a finite number of conductances
        (`crossbarsim.nonidealities.simulate_states`); with any conductance `loop` and `sweep`.
    period : int
        Points of one period.
    table : pandas.DataFrame
        A row per device: ``r_on``, ``r_off`` (ohm, at rest in both ends of the state),
        ``r_low``, ``r_high`` (ohm, least and most during the sweep), ``v_set``, ``v_reset`` (volt
        in the sweep at which the conductance crosses the middle of the device's own range; NaN
        where it does not), ``i_largest`` (ampere, of the sweep).
    """

    device: Device
    loop: Trace
    sweep: Trace
    states: int | None
    loop_states: Trace
    sweep_states: Trace
    period: int
    table: pd.DataFrame

    __repr__ = brief_repr

    def _view(self) -> View:
        units = {"r_on": "ohm", "r_off": "ohm", "r_low": "ohm", "r_high": "ohm", "v_set": "V",
                 "v_reset": "V", "i_largest": "A"}
        columns = [(str(n), units.get(str(n), "")) for n in self.table.columns]
        rows = self.table.head(400).astype(object).to_numpy().tolist()
        facts = {"model": type(self.device).__name__, "devices": len(self.table),
                 "states": "any" if self.states is None else self.states}
        return View("Spread of devices", facts, [
            loop_panel(self.loop_states.voltage, self.loop_current, "Loops"),
            loop_panel(self.sweep_states.voltage, self.sweep_current, "Set and reset"),
            Table("Devices", columns, rows, bars=("r_on",)),
        ], {name: array_text(v) if np.ndim(v) else v for name, v in self.device.settings().items()})

    @property
    def loop_current(self) -> Array:
        """Currents (K, T) of `loop_states`, ampere."""
        return self.loop_states.current

    @property
    def sweep_current(self) -> Array:
        """Currents (K, T) of `sweep_states`, ampere."""
        return self.sweep_states.current

    def state_resistances(self) -> Array | None:
        """Return the resistances of every device's states, (states, K) ohm, the largest first."""
        if self.states is None:
            return None
        low, high = (
            np.broadcast_to(np.ravel(g), len(self.table)) for g in self.device.conductance_range()
        )
        return 1.0 / np.linspace(low, high, self.states)

    def summary(self) -> pd.DataFrame:
        """Return mean, standard deviation, least and largest of every column of `table`."""
        return self.table.drop(columns="device").agg(["mean", "std", "min", "max", "count"]).T

    def save(self, out: Path) -> tuple[Path, Path]:
        """Write ``devices.csv`` and ``summary.csv`` into `out`; return their paths."""
        out.mkdir(parents=True, exist_ok=True)
        paths = out / "devices.csv", out / "summary.csv"
        save_table(paths[0], self.table)
        save_table(paths[1], self.summary(), index=True)
        return paths


def switching_voltages(trace: Trace) -> tuple[Array, Array]:
    """Return the voltages (K,) at which devices first set and first reset, NaN: not at all.

    Where the conductance crosses the middle between the smallest and largest of the device.
    """
    G = trace.conductance
    low, high = (np.broadcast_to(np.ravel(g), len(G)) for g in trace.device.conductance_range())
    middle = 0.5 * (low + high)[:, None]
    moves = np.diff((middle < G).astype(np.int8), axis=1)
    volts = np.broadcast_to(trace.voltage, G.shape)[:, 1:]
    found = []
    for direction in (1, -1):
        hit = moves == direction
        first = volts[np.arange(len(G)), hit.argmax(axis=1)]
        found.append(np.where(hit.any(axis=1), first, np.nan))
    return found[0], found[1]


@checks_arguments
def device_spread(
    device: Device | None = None, *, count: int = 100, sigma: float | Sequence[float] = 0.2,
    parameters: Sequence[str] = ("r_on", "r_off"), states: int | None = 5,
    amplitude: float = 1.0, sweep: float = 1.5, frequency: float = 1e7, cycles: int = 2,
    points: int = 1000, seed: int = 0, out: str | Path | None = None,
    executor: Executor | None = None, workers: int | None = None,
) -> DeviceSpread:
    """Drive many devices with varied parameters through an I-V loop and through set and reset.

    After Fig. 5 of MemTorch's paper (Lammie et al., arXiv:2004.10971): normal parameters, any
    conductance or a finite number of states. All devices are integrated at once. The figure's own
    settings are ``device_spread(**PAPER)``.

    Parameters
    ----------
    device : Device, optional
        Default: the VTEAM device of the paper, R_on 50 ohm, R_off 1 kohm.
    count : int
        Number of devices.
    sigma : float or sequence of float
        Relative standard deviation, normal, of all parameters or one for each of them; devices
        beyond the model's limits, or with r_on >= r_off, are drawn again.
    parameters : sequence of str
        Those of the model that vary.
    states : int or None
        In which a device can rest between half periods; None: any conductance.
    amplitude, sweep : float
        Of the sine of the loop and of the triangle of the switching, volt.
    frequency : float
        Of both, hertz. At the default 10 MHz half a period resets these devices in part: where
        they rest is one of their states. At 1 MHz they reset in full.
    cycles, points : int
        Periods of both, points per period; devices start at rest, so that a first period may
        differ from those after it.
    seed : int
    out : path, optional
        Folder in which every finished waveform is kept, ``device_spread.jsonl``: a study that was
        interrupted goes on there.
    executor, workers
        As of `Study.run`: the waveforms, with any conductance and with states, are up to four
        points.

    Returns
    -------
    DeviceSpread

    Raises
    ------
    ParameterError
        Also parameters that the model does not have; where `out` holds points of other settings,
        or another run writes there.

    Examples
    --------
    >>> from crossbarsim.studies import device_spread
    >>> found = device_spread(count=20, points=200)
    >>> found.loop_states.current.shape, bool(found.table["v_set"].max() < 0)
    ((20, 401), True)
    """
    whole("count", count, low=2)
    model = VTEAM.preset("team_6353604") if device is None else device
    spreads = _spreads(parameters, sigma)
    many = vary(
        model, (1, count), tuple(Variability(name, Normal(s)) for name, s in spreads.items()),
        Place(seed, "device spread"),
    )
    if states is not None:
        ConductanceStates(states)
    waves = {
        name: partial(_wave, many, volts, frequency, cycles, points, shape)
        for name, volts, shape in (("loop", amplitude, "sine"), ("sweep", sweep, "triangle"))
    }
    context = {
        "device": described(model), "count": count, "spreads": spreads, "states": states,
        "amplitude": float(amplitude), "sweep": float(sweep), "frequency": float(frequency),
        "cycles": cycles, "points": points, "seed": seed,
    }
    with Parts(out, "device_spread.jsonl", context, executor=executor, workers=workers) as parts:
        loop, swept = (trace_of(many, v) for v in parts.measure(waves).values())
        of_states: tuple[Trace, ...] = (loop, swept)
        if states is not None:
            rests = {
                f"{name}_states": partial(_rests, many, trace.time, trace.voltage[0], states)
                for name, trace in (("loop", loop), ("sweep", swept))
            }
            of_states = tuple(trace_of(many, v) for v in parts.measure(rests).values())
    G = swept.conductance
    low, high = (np.broadcast_to(np.ravel(g), count) for g in many.conductance_range())
    v_set, v_reset = switching_voltages(swept)
    table = pd.DataFrame({
        "device": np.arange(count), "r_on": 1 / high, "r_off": 1 / low, "r_low": 1 / G.max(axis=1),
        "r_high": 1 / G.min(axis=1), "v_set": v_set, "v_reset": v_reset,
        "i_largest": np.abs(of_states[1].current).max(axis=1),
    })
    return DeviceSpread(many, loop, swept, states, of_states[0], of_states[1], points, table)


def _wave(
    many: Device, volts: float, frequency: float, cycles: int, points: int, shape: str
) -> dict[str, Any]:
    """Return the trace of all devices, with any conductance."""
    return trace_values(many.hysteresis(
        volts, frequency, cycles=cycles, points=points, shape=shape))


def _rests(many: Device, t: Array, v: Array, states: int) -> dict[str, Any]:
    """Return the trace of all devices that rest in one of their states between half periods."""
    return trace_values(simulate_states(many, t, v, states))


def _spreads(parameters: Sequence[str], sigma: float | Sequence[float]) -> dict[str, float]:
    """Return the relative standard deviation of every parameter."""
    if isinstance(parameters, str):
        raise ParameterError(f"`parameters` must be a sequence of names; got {parameters!r}")
    if not len(parameters):
        raise ParameterError("`parameters` must name at least one")
    each = [sigma] * len(parameters) if np.ndim(sigma) == 0 else list(sigma)  # type: ignore[arg-type]
    if len(each) != len(parameters):
        raise ParameterError(
            f"`sigma`: {len(each)} values for {len(parameters)} parameters, "
            f"{', '.join(parameters)}"
        )
    return dict(zip(parameters, each, strict=True))  # type: ignore[arg-type]
