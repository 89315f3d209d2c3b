"""Programming by real pulses: program-and-verify of compact models."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ...core.array_api import Values, is_tensor, like, straight_through
from ...core.draws import Place
from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import Array, choice, count, finite_array, number
from ...core.views.brief import brief_repr
from ...devices import Device
from ...netlists.crossbar.crossbar import Crossbar, Wires
from ...programming import program
from ..fabricate import Fabricated
from ..variability.device_parameters import vary
from ..variability.variability import as_variabilities

__all__ = ["MeasuredWrite", "PulseWrite"]

_measuring = threading.Lock()
_INSIDE = 1e-6  # of its range that a target stays away from a device's ends


@dataclass(frozen=True, eq=False)
class MeasuredWrite(Settings):
    """Errors of programming, drawn from measured ones.

    Parameters
    ----------
    targets : (T,) array
        Siemens, rising, > 0.
    errors : (T, D) array
        Relative errors of D devices after programming to each target, in any order. Errors are
        interpolated between the targets (in log conductance) and between the ranks of the
        devices; beyond the targets those of the nearest hold.

    Raises
    ------
    ParameterError
        Targets that do not rise, errors below -1, or shapes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import MeasuredWrite, NonIdealities, Place
    >>> write = MeasuredWrite([1e-6, 1e-4], [[-0.2, 0.0, 0.2], [-0.05, 0.0, 0.05]])
    >>> write.quantile(np.array([1e-6, 1e-5, 1e-4]), np.array([1.0, 1.0, 1.0])).round(3)
    array([0.2  , 0.125, 0.05 ])
    >>> effects = NonIdealities(write=write)
    """

    targets: Any
    errors: Any

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        targets, errors = finite_array("targets", self.targets), finite_array("errors", self.errors)
        rising = targets.ndim == 1 and len(targets) > 1 and bool((np.diff(targets) > 0).all())
        if not rising or targets[0] <= 0:
            raise ParameterError("`targets` must be two or more conductances > 0 that rise")
        if errors.ndim != 2 or len(errors) != len(targets) or errors.shape[1] < 2:
            raise ParameterError(
                f"`errors` must have shape ({len(targets)}, D) with D >= 2; got {errors.shape}"
            )
        if (errors < -1).any():
            raise ParameterError("`errors` are relative, >= -1: no conductance is negative")
        ranked = np.sort(errors, axis=1)
        for name, value in (("targets", np.array(targets)), ("errors", ranked)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    def quantile(self, G: Array, u: Array) -> Array:
        """Return the quantile `u` of the relative error of devices written to `G` siemens."""
        rows, ranks = self.errors.shape
        where = np.interp(np.log(np.maximum(G, self.targets[0])), np.log(self.targets),
                          np.arange(rows))
        row = np.minimum(where.astype(np.intp), rows - 2)
        rank = np.asarray(u) * (ranks - 1)
        left = np.minimum(rank.astype(np.intp), ranks - 2)
        share, step = where - row, rank - left
        flat = self.errors.ravel()
        at = row * ranks + left
        low = flat[at] + step * (flat[at + 1] - flat[at])
        at = at + ranks
        high = flat[at] + step * (flat[at + 1] - flat[at])
        return np.asarray(low + share * (high - low))

    def written(self, G: Values, fab: Fabricated, place: Place, cycle: int) -> Values:
        """Return programmed conductances (M, N) siemens for the targets `G` (M, N)."""
        goal = _plain(G)
        u = place.generator(f"pulse write {cycle}").random(fab.shape)
        return straight_through(G, like(goal * (1.0 + self.quantile(goal, u)), G))

@dataclass(frozen=True, eq=False)
class PulseWrite(Settings):
    """Writing by program-and-verify of a compact model, pulse by pulse.

    "exact": every array is an array of devices, varied at its own place, and is programmed as a
    whole by `crossbarsim.programming.program`: half-selected cells, wires and the devices' noise
    take part. For small layers: every pulse is a transient of the array.

    "distribution": the final states of `devices` devices at each of `targets` targets are measured
    once in the same way, and every cell's error is drawn from them given its target
    (`MeasuredWrite`), so that millions of cells take seconds. What neighbours share is lost.

    Before a write, devices are at conductances drawn log-uniformly between the network's g_off and
    g_on, as of earlier contents. In torch the gradient passes through unchanged.

    Parameters
    ----------
    device : Device
        The model, nominal; its conductance range must hold the network's g_off and g_on. Targets
        that a varied device cannot reach end at its range.
    variability : Variability, or several
        Of the model's parameters.
    method : {"distribution", "exact"}
    wires : Wires, optional
        Of the array that is programmed; default: none.
    targets, devices : int
        Of the measurement, >= 2; defaults 12 and 32.
    tolerance : float
        Relative, at which a cell counts as programmed; default 0.05.
    options : mapping
        More arguments of `crossbarsim.programming.program`, such as scheme or v_start.
    seed : int
        Of the devices that are measured.

    Raises
    ------
    ParameterError
        `targets`, `devices` or `seed` with "exact", which measures nothing. In use: the network's
        range is not within the device's.

    Examples
    --------
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.nonidealities import PulseWrite
    >>> device = VTEAM.preset("magic", v_off=1.0)
    >>> pulses = {"v_start": 1.55, "v_step": 0.05, "v_max": 2.2, "width": 10e-9}
    >>> write = PulseWrite(device, targets=2, devices=2, tolerance=0.1, options=pulses)
    >>> measured = write.measure(1e-5, 5e-5)
    >>> measured.errors.shape, bool((abs(measured.errors) < 0.1).all())
    ((2, 2), True)
    """

    device: Device
    variability: Any = ()
    method: Literal["distribution", "exact"] = "distribution"
    wires: Wires | None = None
    targets: int = 12
    devices: int = 32
    tolerance: float = 0.05
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    _measured: dict[tuple[float, float], MeasuredWrite] = field(
        default_factory=dict, init=False, repr=False
    )

    def __post_init__(self) -> None:
        if not isinstance(self.device, Device) or not self.device.states:
            raise ParameterError(
                f"`device` must be a compact model with a state; got {self.device!r:.60}"
            )
        object.__setattr__(self, "variability", as_variabilities(self.variability))
        choice("method", self.method, ("distribution", "exact"))
        for name in ("targets", "devices"):
            count(name, getattr(self, name), low=2)
        number("tolerance", self.tolerance, low=0.0, high=1.0, open_low=True)
        count("seed", self.seed, low=0)
        if "checkpoint" in self.options:
            raise ParameterError("`options`: a `checkpoint` is of one array, these are of many")
        for name in ("targets", "devices", "seed"):
            if self.method == "exact" and getattr(self, name) != getattr(type(self), name):
                raise ParameterError(
                    f'`{name}` is of the measurement, for method="distribution": "exact" has none'
                )

    def measure(self, g_off: float, g_on: float) -> MeasuredWrite:
        """Return the errors of a sample of devices at targets from `g_off` to `g_on`, siemens.

        Measured once for each range, then kept.
        """
        with _measuring:
            if (g_off, g_on) not in self._measured:
                goals = np.geomspace(g_off, g_on, self.targets)
                wanted = np.repeat(goals[:, None], self.devices, axis=1)
                found = self._program(
                    wanted, Place(self.seed, "sample of devices"), 0, (g_off, g_on)
                )
                self._measured[g_off, g_on] = MeasuredWrite(goals, found / wanted - 1.0)
            return self._measured[g_off, g_on]

    def written(self, G: Values, fab: Fabricated, place: Place, cycle: int) -> Values:
        """Return programmed conductances (M, N) siemens for the targets `G` (M, N)."""
        low, high = (float(g) for g in self.device.conductance_range())
        on, off = fab.nominal
        if off < low * (1.0 - 1e-9) or on > high * (1.0 + 1e-9):
            raise ParameterError(
                f"`g_off` and `g_on`, {off:.4g} to {on:.4g} S, must lie within the range of "
                f"{type(self.device).__name__}, {low:.4g} to {high:.4g} S"
            )
        if self.method == "distribution":
            return self.measure(off, on).written(G, fab, place, cycle)
        return straight_through(G, like(self._program(_plain(G), place, cycle, (off, on)), G))

    def _program(
        self, targets: Array, place: Place, cycle: int, contents: tuple[float, float]
    ) -> Array:
        """Return the conductances of devices (M, N) after programming, siemens."""
        shape = (targets.shape[0], targets.shape[1])
        device = vary(self.device, shape, self.variability, place) if self.variability \
            else self.device
        low, high = (np.broadcast_to(g, shape) for g in device.conductance_range())
        span = high - low
        inside = np.clip(targets, low + _INSIDE * span, high - _INSIDE * span)
        draws = place.generator(f"earlier contents {cycle}")
        low_log, high_log = (float(np.log(g)) for g in contents)
        before = np.exp(draws.uniform(low_log, high_log, shape))
        before = np.clip(before, low + _INSIDE * span, high - _INSIDE * span)
        array = Crossbar(cells=device.array(before), wires=self.wires or Wires())
        result = program(
            array, inside, tolerance=self.tolerance,
            **{"seed": int(draws.integers(2**31)), **self.options},
        )
        return np.asarray(result.conductance)


def _plain(G: Values) -> Array:
    """Return conductances as a NumPy array, without gradient."""
    plain: Array = G.detach().to("cpu").double().numpy() if is_tensor(G) else np.asarray(G)
    return plain
