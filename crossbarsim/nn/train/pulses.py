"""Pulses of one amplitude and width that move a device a little, many devices at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import Array
from ...devices import Device
from ...programming import set_sign
from ...programming.polarity import typical

__all__ = ["UpdatePulses", "flat_device"]

_VOLTS = np.linspace(0.02, 1.0, 99)  # of the limit
_HALF_SELECT = 1e-3  # of a pulse's move, the most that one at half the voltage may move
_RAMP = 0.1  # of the width
_WIDTHS = np.geomspace(1e-12, 1e3, 61)


@dataclass(frozen=True)
class UpdatePulses(Settings):
    """The two pulses, SET and RESET, that weight updates are made of.

    Updates of an array select a cell by half the voltage on its word line and half on its bit
    line (Alibart, Zamanidoost and Strukov, Nature Communications 4:2072, 2013), so half of an
    amplitude must not move a device.

    Parameters
    ----------
    v_set, v_reset : float
        Volt across the device, of opposite signs.
    width_set, width_reset : float
        Second at the full voltage; ramps of a tenth of it come before and after.
    """

    v_set: float
    v_reset: float
    width_set: float
    width_reset: float

    def __post_init__(self) -> None:
        if not (np.isfinite([self.v_set, self.v_reset]).all() and self.v_set * self.v_reset < 0):
            raise ParameterError(
                "`v_set` and `v_reset` must be voltages of opposite signs; got "
                f"{self.v_set!r} and {self.v_reset!r}"
            )
        for name in ("width_set", "width_reset"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ParameterError(f"`{name}` must be a time > 0 s; got {value!r}")

    @classmethod
    def for_device(
        cls, device: Device, g_min: float, g_max: float, *, steps: int = 100,
        v_set: float | None = None, v_reset: float | None = None, v_limit: float = 2.0,
    ) -> UpdatePulses:
        """Choose pulses that take a typical device through a window in about `steps` pulses.

        Parameters
        ----------
        device : Device
        g_min, g_max : float
            Siemens. From the middle a pulse moves by (g_max - g_min) / steps.
        steps : int
        v_set, v_reset : float, optional
            Volt; default: those that move the device fastest, up to `v_limit`, while half of it
            moves it by less than a thousandth of that.
        v_limit : float

        Raises
        ------
        ParameterError
            The device cannot be programmed by half-selection, or not at these voltages.
        """
        one = typical(device)
        sign = set_sign(one)
        middle = 0.5 * (g_min + g_max)
        x = one.state_from_conductance(middle)
        volts = []
        for name, given, way in (("v_set", v_set, sign), ("v_reset", v_reset, -sign)):
            choices = way * v_limit * _VOLTS if given is None else np.array([float(given)])
            full, half = (
                np.abs(one.rate(v, np.repeat(x[:, None], len(choices), axis=1))[one.main_state])
                for v in (choices, 0.5 * choices)
            )
            fit = (full > 0) & (half <= _HALF_SELECT * full)
            if not fit.any():
                raise ParameterError(
                    f"{type(one).__name__}: half of `{name}` "
                    f"({'up to ' + format(v_limit, 'g') if given is None else given} V) moves the "
                    "device too: cells of an array cannot be selected"
                )
            volts.append(float(choices[np.argmax(np.where(fit, full, 0.0))]))
        move = (g_max - g_min) / steps
        widths = [_width(one, x, v, middle, move) for v in volts]
        return cls(volts[0], volts[1], widths[0], widths[1])

    def apply(
        self, device: Device, state: Array, counts: Array, *, share: Array | None = None,
        seed: int | None = None,
    ) -> Array:
        """Return the states after trains of pulses, integrated through the device's own laws.

        Parameters
        ----------
        device : Device
            Parameters scalar or (K,).
        state : (S, K) array
        counts : (K,) integers
            Pulses of every device: > 0 SET, < 0 RESET.
        share : (K,) array, optional
            Of the amplitude that reaches every device; default 1.
        seed : int, optional
            Of the noise of stochastic models.

        Returns
        -------
        (S, K) array
        """
        counts = np.asarray(counts)
        if counts.shape != state.shape[1:] or counts.dtype.kind not in "iu":
            raise ParameterError(
                f"`counts` must be integers of shape {state.shape[1:]}; got {counts.dtype} "
                f"{counts.shape}"
            )
        result = np.array(state)
        for volt, width, chosen in (
            (self.v_set, self.width_set, counts > 0), (self.v_reset, self.width_reset, counts < 0)
        ):
            which = np.flatnonzero(chosen)
            if len(which):
                reach = volt if share is None else volt * share[which, None]
                t, v = _trains(reach, width, np.abs(counts[which]))
                trace = _part(device, which).simulate(
                    t, v, state=state[:, which], save="final", seed=seed
                )
                result[:, which] = trace.state
        return result


def _trains(volt: Any, width: float, counts: Array) -> tuple[Array, Array]:
    """Return times (T,) and voltages (K, T) of trains of `counts` pulses, a gap after each.

    volt: one amplitude, or (K, 1).
    """
    ramp = _RAMP * width
    corners = np.array([0.0, ramp, ramp + width, 2 * ramp + width])
    period = 2 * (2 * ramp + width)
    most = int(counts.max())
    t = (period * np.arange(most)[:, None] + corners).ravel()
    on = np.arange(most) < counts[:, None]
    shape = np.array([0.0, 1.0, 1.0, 0.0])
    return t, volt * (on[:, :, None] * shape).reshape(len(counts), -1)


def _part(device: Device, which: Any) -> Device:
    """Return the devices `which` of those with parameters of their own."""
    own = {
        name: value[which] for name, value in device.parameters().items()
        if isinstance(value, np.ndarray) and value.ndim
    }
    return device.replace(**own) if own else device


def _width(device: Any, x: Array, volt: float, start: float, move: float) -> float:
    """Return the width of the pulse that moves the device from `start` by `move` siemens."""
    def moved(width: float) -> float:
        t, v = _trains(volt, width, np.array([1]))
        end = device.simulate(t, v[0], state=x, save="final").state
        return float(abs(device.conductance(end) - start))

    longer = next((w for w in _WIDTHS if moved(w) >= move), None)
    if longer is None:
        raise ParameterError(
            f"{type(device).__name__}: pulses of {volt:g} V do not reach a step of {move:.3g} S"
        )
    low, high = longer / 2.0, longer
    while moved(low) >= move and low > 1e-15:
        low /= 2.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if moved(middle) >= move else (middle, high)
    return float(high)


def flat_device(device: Device) -> Device:
    """Return devices (M, N) in a row, (M N,)."""
    own = {
        name: value.ravel() for name, value in device.parameters().items()
        if isinstance(value, np.ndarray) and value.ndim > 1
    }
    return device.replace(**own) if own else device
