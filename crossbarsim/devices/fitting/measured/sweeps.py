"""Measured data: what was applied, what flowed, and in which order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ....core.errors import ParameterError
from ....core.settings import checks_arguments
from ....core.validation import Array, finite_array, number

__all__ = ["MeasuredSweep"]


@checks_arguments
@dataclass(frozen=True, eq=False, repr=False)
class MeasuredSweep:
    """One measurement of a device: a loop, a train of pulses or a curve, in order of time.

    Between its points the voltage is linear in time.

    Parameters
    ----------
    time : (T,) array, second
        Increasing, T >= 2.
    voltage : (T,) array, volt
        Of the source.
    current : (T,) array, ampere
        Into the terminal to which the voltage was applied.
    compliance : float or (T,) array, ampere
        Largest magnitude of the current that the source lets through; default: infinite.
    device : str
        Whose it is; sweeps of one device count as one series only where `start` says so.
    start : {"auto", "rest", "first", "last"}
        The state at the start: that of a device at rest; the one whose current is the measured one
        at the first points; or the one in which the device's sweep before left it. "auto": `fit`
        decides, "first" for a first sweep, "last" for those that follow.
    name : str
        For messages and pictures.
    file : str
        That it was read from, for a preset's provenance.

    Raises
    ------
    ParameterError
        Times that do not increase, arrays of different lengths, values that are not finite, a
        compliance that is not > 0.

    Examples
    --------
    >>> from crossbarsim.devices import MeasuredSweep
    >>> sweep = MeasuredSweep([0.0, 1.0, 2.0], [0.0, 1.0, 0.0], [0.0, 2e-3, 0.0], compliance=1e-3)
    >>> len(sweep), sweep.limited.tolist()
    (3, [False, True, False])
    """

    time: ArrayLike
    voltage: ArrayLike
    current: ArrayLike
    compliance: ArrayLike = np.inf
    device: str = ""
    start: str = "auto"
    name: str = ""
    file: str = ""
    t: Array = field(init=False)
    v: Array = field(init=False)
    i: Array = field(init=False)
    limits: Array = field(init=False)

    def __post_init__(self) -> None:
        arrays = {n: finite_array(n, getattr(self, n)) for n in ("time", "voltage", "current")}
        length = len(arrays["time"]) if arrays["time"].ndim == 1 else 0
        for name, row in arrays.items():
            if row.ndim != 1 or len(row) != length or length < 2:
                raise ParameterError(
                    f"`time`, `voltage` and `current` must be rows of one length, 2 or more; "
                    f"`{name}` has shape {row.shape}, `time` {arrays['time'].shape}"
                )
        back = np.diff(arrays["time"]) <= 0
        if back.any():
            k = int(np.argmax(back))
            raise ParameterError(
                f"`time` must increase: time[{k + 1}] = {arrays['time'][k + 1]:g} s follows "
                f"time[{k}] = {arrays['time'][k]:g} s"
            )
        limits = finite_array("compliance", self.compliance, infinite=True)
        if limits.ndim > 1 or (limits.ndim == 1 and len(limits) != length):
            raise ParameterError(f"`compliance` must be a number or {length} of them")
        if not np.all(limits > 0):
            raise ParameterError(f"`compliance` must be > 0 A; got {float(np.min(limits)):g}")
        if self.start not in ("auto", "rest", "first", "last"):
            raise ParameterError(
                f'`start` must be "auto", "rest", "first" or "last"; got {self.start!r}'
            )
        values = (*arrays.values(), np.broadcast_to(limits, (length,)))
        names = (("t", "time"), ("v", "voltage"), ("i", "current"), ("limits", ""))
        for (name, long), value in zip(names, values, strict=True):
            own = np.array(value, dtype=float)
            own.setflags(write=False)
            object.__setattr__(self, name, own)
            if long:
                object.__setattr__(self, long, own)
        object.__setattr__(self, "compliance", limits if limits.ndim else float(limits))

    def __len__(self) -> int:
        return len(self.t)

    def __repr__(self) -> str:
        """Say how long it is, over what it goes, and whose it is."""
        parts = [f"{len(self)} points", f"{self.t[0]:g} to {self.t[-1]:g} s",
                 f"{self.v.min():g} to {self.v.max():g} V",
                 f"{self.i.min():.3g} to {self.i.max():.3g} A"]
        limited = int(np.count_nonzero(self.limited))
        parts += [f"{limited} limited by the source"] if limited else []
        parts += [f"{key} {getattr(self, key)!r}" for key in ("device", "name", "file")
                  if getattr(self, key)]
        return f"MeasuredSweep({', '.join(parts)})"

    @property
    def limited(self) -> Any:
        """Whether the source limited the current at each point: (T,) bool."""
        return np.abs(self.i) >= 0.98 * self.limits

    @property
    def rate(self) -> float:
        """The sweep's usual rate, volt per second: the median of |dv/dt| where v moves."""
        rates = np.abs(np.diff(self.v) / np.diff(self.t))
        return float(np.median(rates[rates > 0])) if np.any(rates > 0) else 0.0

    @classmethod
    @checks_arguments
    def ramp(
        cls, voltage: ArrayLike, current: ArrayLike, rate: float, **options: Any
    ) -> MeasuredSweep:
        """Return the sweep of a table without times: the voltage moves at `rate` volt per second.

        Parameters
        ----------
        voltage, current : (T,) array, volt, ampere
            A point that repeats the voltage before it is taken as long after it as a usual step
            lasts.
        rate : float
            Volt per second, > 0.
        **options
            Of the sweep: `compliance`, `device`, `start`, `name`.
        """
        number("rate", rate, low=0.0, open_low=True, unit="V/s")
        volts = finite_array("voltage", voltage)
        steps = np.abs(np.diff(volts)) / rate
        if not np.any(steps > 0):
            raise ParameterError("`voltage` does not move: give the points' times instead")
        steps[steps == 0] = np.median(steps[steps > 0])
        return cls(np.concatenate([[0.0], np.cumsum(steps)]), volts, current, **options)
