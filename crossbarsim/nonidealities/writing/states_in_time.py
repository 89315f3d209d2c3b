"""Devices that rest in a finite number of conductances, integrated in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from ...core.draws import Seed, seed_sequence
from ...core.errors import ParameterError
from ...core.settings import checks_arguments
from ...core.validation import Array, finite_array
from ...devices import Device, Trace
from ..fabricate import Fabricated
from .finite_states import ConductanceStates

__all__ = ["simulate_states"]


@checks_arguments
def simulate_states(
    device: Device, t: ArrayLike, v: ArrayLike, states: ConductanceStates | int, *,
    conductance: ArrayLike | None = None, state: ArrayLike | None = None, seed: Seed = None,
    rtol: float = 1e-6, threads: int | None = None,
) -> Trace:
    """Integrate devices that, between pulses, rest in one of a finite number of conductances.

    While a voltage is applied the state moves as the model's rates say. Whenever the voltage
    returns to 0 or changes its sign the device relaxes to the nearest of its conductances, and the
    next pulse starts there: a pulse that moves it by less than half the distance to the next
    conductance leaves no trace, and errors of many pulses do not add up.

    Parameters
    ----------
    device : Device
        With at least one state; its parameters may differ from device to device.
    t : (T,) array, second
        Increasing.
    v : (T,) array, volt
        The same waveform for all devices, linear between the points.
    states : ConductanceStates or int
        An integer: that many, evenly between each device's smallest and largest conductance at its
        read voltage.
    conductance : float or (K,) array, siemens, optional
        At the start; moved to the nearest one of the device's conductances.
    state : (S,) or (S, K) array, optional
        At the start, instead of `conductance`; default: at rest.
    seed : int >= 0, SeedSequence or None
        Of the noise of stochastic models; default 0.
    rtol : float
        Error per step, relative to each state's range.
    threads : int, optional
        Default: all CPUs.

    Returns
    -------
    Trace
        At points where the device rests its state is that after the relaxation.

    Raises
    ------
    ParameterError
        A device without a state, several waveforms, or arguments as of `Device.simulate`.
    ConvergenceError

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.nonidealities import simulate_states
    >>> t = np.linspace(0.0, 20e-9, 41)  # two pulses of 10 ns
    >>> v = 1.5 * np.abs(np.sin(np.pi * t / 10e-9))
    >>> trace = simulate_states(VTEAM(), t, v, 10, conductance=20e-3)
    >>> [f"{1e3 * g:.2f} mS" for g in trace.conductance[[0, 20, 40]]]
    ['20.00 mS', '7.33 mS', '5.22 mS']
    """
    if not device.states:
        raise ParameterError(
            f"`device`: {type(device).__name__} has no state that could be one of a few"
        )
    chosen = states if isinstance(states, ConductanceStates) else ConductanceStates(states)
    time, volts = finite_array("t", t), finite_array("v", v)
    if volts.ndim != 1 or volts.shape != time.shape:
        raise ParameterError(
            f"`v` must have the shape (T,) of `t`, one waveform for all devices; got "
            f"{volts.shape} and {time.shape}"
        )
    rests = _rests(volts)
    seeds = seed_sequence(seed).spawn(len(rests) + 1)
    x = _relaxed(device, _start(device, conductance, state), chosen)
    parts: list[Trace] = []
    for k, (start, stop) in enumerate(zip([0, *rests], [*rests, len(time) - 1], strict=True)):
        part = device.simulate(
            time[start: stop + 1], volts[start: stop + 1], state=x, seed=seeds[k], rtol=rtol,
            threads=threads,
        )
        if stop != len(time) - 1 or abs(volts[stop]) <= _small(volts):
            x = _relaxed(device, part.state[..., -1], chosen)
            part.state[..., -1] = x
        parts.append(part)
    return _joined(parts)


def _small(volts: Array) -> float:
    return float(1e-9 * np.abs(volts).max())  # a sampled sine's zero is not quite 0


def _rests(volts: Array) -> list[int]:
    """Return the inner points at which a pulse has ended."""
    sign = np.where(np.abs(volts) <= _small(volts), 0.0, np.sign(volts))
    ends = np.flatnonzero((sign[:-1] != 0) & (sign[1:] != sign[:-1])) + 1
    return [int(k) for k in ends if k < len(volts) - 1]


def _start(device: Device, conductance: ArrayLike | None, state: ArrayLike | None) -> Array:
    """Return the first states, (S,) or (S, K)."""
    if conductance is not None and state is not None:
        raise ParameterError("give `conductance` or `state`, not both")
    if conductance is not None:
        x = device.state_from_conductance(conductance)
    else:
        x = device.rest() if state is None else finite_array("state", state)
    if x.ndim == 0 or len(x) != len(device.states):
        raise ParameterError(
            f"`state` must have shape ({len(device.states)},) or ({len(device.states)}, K); got "
            f"{x.shape}"
        )
    own = int(np.prod(device.parameter_array.shape[1:]))
    if x.ndim == 1 and own == 1:
        return x
    x = x.reshape(len(x), -1)
    return np.array(np.broadcast_to(x, (len(x), max(own, x.shape[1]))))


def _relaxed(device: Device, x: Array, states: ConductanceStates) -> Array:
    """Return the states (S, ...) in which the devices' conductance is the nearest it can have."""
    own = device.parameter_array.shape[1:]
    flat = x.reshape(len(x), *own) if own and x.ndim > 1 else x
    G = device.conductance(flat)
    low, high = (np.broadcast_to(g, G.shape) for g in device.conductance_range())
    shown = np.atleast_2d(G)
    rounded = states.apply(
        shown, Fabricated(shown.shape, np.atleast_2d(high), np.atleast_2d(low))
    ).reshape(G.shape)
    goal = device.state_from_conductance(np.clip(rounded, low, high))[device.main_state]
    found = np.array(x)
    found[device.main_state] = goal.reshape(x.shape[1:])
    return found


def _joined(parts: list[Trace]) -> Trace:
    """Return one trace of several, the first point of each but the first left out."""
    def join(name: str) -> Array:
        return np.concatenate([
            getattr(part, name)[..., 1 if k else 0:] for k, part in enumerate(parts)
        ], axis=-1)

    return replace(
        parts[0], time=join("time"), voltage=join("voltage"), current=join("current"),
        state=join("state"), steps=sum(part.steps for part in parts),
        rejected=sum(part.rejected for part in parts),
    )
