"""I-V loops and switching of many devices that differ from one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..core.draws import Place
from ..core.errors import ParameterError
from ..core.files import save_table
from ..core.validation import Array
from ..core.validation import count as whole
from ..devices import VTEAM, Device, Trace
from ..nonidealities import ConductanceStates, Fabricated, Normal, Variability, vary

__all__ = ["DeviceSpread", "device_spread", "of_finite_states", "switching_voltages"]


@dataclass(frozen=True, eq=False)
class DeviceSpread:
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
        Conductance states of `loop_current` and `sweep_current`; None: any conductance.
    loop_current, sweep_current : (K, T) arrays, ampere
        With the finite number of states; else the traces' own.
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
    loop_current: Array
    sweep_current: Array
    period: int
    table: pd.DataFrame

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


def of_finite_states(trace: Trace, states: int | None) -> Array:
    """Return currents (K, T), ampere, of devices that can only rest in some conductances.

    At every time the conductance is the nearest of the states, which lie evenly between the
    device's own smallest and largest conductance; the current scales with it.

    Parameters
    ----------
    trace : Trace
        Of several devices, with its time axis.
    states : int or None
        At least 2; None: currents as they are.

    Raises
    ------
    ParameterError
    """
    if states is None:
        return trace.current
    if trace.save != "all":
        raise ParameterError('the trace has no time axis: simulate with `save="all"`')
    G = trace.conductance
    low, high = (np.broadcast_to(np.ravel(g), len(G))[:, None]
                 for g in trace.device.conductance_range())
    rounded = ConductanceStates(states).apply(G, Fabricated(G.shape, high, low))
    result: Array = trace.current * rounded / G
    return result


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


def device_spread(
    device: Device | None = None, *, count: int = 100, sigma: float = 0.2,
    parameters: Sequence[str] = ("r_on", "r_off"), states: int | None = 5,
    amplitude: float = 1.0, sweep: float = 1.5, frequency: float = 1e6, cycles: int = 2,
    points: int = 1000, seed: int = 0,
) -> DeviceSpread:
    """Drive many devices with varied parameters through an I-V loop and through set and reset.

    After Fig. 5 of MemTorch's paper (Lammie et al., arXiv:2004.10971): normal parameters, any
    conductance or a finite number of states. All devices are integrated at once.

    Parameters
    ----------
    device : Device, optional
        Default: the VTEAM device of the paper, R_on 50 ohm, R_off 1 kohm.
    count : int
        Number of devices.
    sigma : float
        Relative standard deviation, normal; devices beyond the model's limits, or with
        r_on >= r_off, are drawn again.
    parameters : sequence of str
        Those of the model that vary.
    states : int or None
        Of a device; None: any conductance.
    amplitude, sweep : float
        Of the sine of the loop and of the triangle of the switching, volt.
    frequency : float
        Of both, hertz; default 1 MHz, slow enough for these devices to reset in half a period.
    cycles, points : int
        Periods of both, points per period; devices start at rest, so that a first period may
        differ from those after it.
    seed : int

    Returns
    -------
    DeviceSpread

    Raises
    ------
    ParameterError
        Also parameters that the model does not have.

    Examples
    --------
    >>> from crossbarsim.studies import device_spread
    >>> found = device_spread(count=20, points=200)
    >>> found.loop_current.shape, bool(found.table["v_set"].max() < 0)
    ((20, 401), True)
    """
    whole("count", count, low=2)
    model = VTEAM.preset("team_6353604") if device is None else device
    law = Normal(sigma)
    many = vary(
        model, (1, count), tuple(Variability(name, law) for name in parameters),
        Place(seed, "device spread"),
    )
    loop = many.hysteresis(amplitude, frequency, cycles=cycles, points=points)
    swept = many.hysteresis(sweep, frequency, cycles=cycles, points=points, shape="triangle")
    G = swept.conductance
    low, high = (np.broadcast_to(np.ravel(g), count) for g in many.conductance_range())
    v_set, v_reset = switching_voltages(swept)
    sweep_current = of_finite_states(swept, states)
    table = pd.DataFrame({
        "device": np.arange(count), "r_on": 1 / high, "r_off": 1 / low, "r_low": 1 / G.max(axis=1),
        "r_high": 1 / G.min(axis=1), "v_set": v_set, "v_reset": v_reset,
        "i_largest": np.abs(sweep_current).max(axis=1),
    })
    return DeviceSpread(
        many, loop, swept, states, of_finite_states(loop, states), sweep_current,
        points, table,
    )
