"""Verifying reads: their voltage, and the current of a cell at its target."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.errors import ParameterError
from ..core.validation import Array
from ..devices import OneSelectorOneResistor
from ..netlists.crossbar.crossbar import Crossbar
from .polarity import typical
from .schemes import Gated, Scheme

__all__ = ["read_volts", "target_currents"]

_MOST = 10.0  # volt across a selector
_HALVINGS = 60
_OTHER = 1.01  # ratio of two conductances that a read must tell apart
_LEAST_SLOPE = 0.1  # of the logarithm of a current over that of the conductance


def read_volts(xbar: Crossbar, targets: Array, given: Any) -> float:
    """Return the read voltage, volt.

    By default the device's own. With selectors, what these take at the mean target is added, so
    that the devices are read at about their own voltage.

    Raises
    ------
    ParameterError
        A voltage that is none, or a selector that stays off.
    """
    cells: Any = xbar.cells
    volts = cells.device.read_voltage if given is None else given
    if not (isinstance(volts, (int, float)) and np.isfinite(volts) and volts != 0):
        raise ParameterError(f"`read_voltage` must be finite and not 0 V; got {volts!r}")
    if given is None and isinstance(cells, OneSelectorOneResistor):
        current = abs(volts) * float(np.exp(np.mean(np.log(targets))))
        volts = volts + np.sign(volts) * _selector_voltage(cells, current, float(np.sign(volts)))
    return float(volts)


def _selector_voltage(cells: OneSelectorOneResistor, current: float, sign: float) -> float:
    """Return the size of the voltage across a typical selector at a current, volt."""
    selector = typical(cells.selector)
    at_rest = selector.rest()
    low, high = 0.0, _MOST
    if abs(float(selector.current(sign * high, at_rest))) < current:
        raise ParameterError(
            f"no read voltage: a {type(selector).__name__} at rest carries less than the "
            f"{current:.3g} A of a cell at its target even at {_MOST:g} V; give `read_voltage`, "
            "or judge by criterion='cell'"
        )
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if abs(float(selector.current(sign * middle, at_rest))) < current:
            low = middle
        else:
            high = middle
    return high


def target_currents(
    xbar: Crossbar, targets: Array, volts: float, scheme: Scheme, *, readable: bool
) -> Array:
    """Return the current of every cell at its target and without wires, (M, N) ampere.

    Raises
    ------
    ParameterError
        `readable` and a current that hardly depends on the device.
    """
    found = _currents(xbar, targets, volts, scheme)
    if readable:
        cells: Any = xbar.cells
        high = np.broadcast_to(cells.device.conductance_range()[1], targets.shape)
        other = np.where(targets * _OTHER <= high, targets * _OTHER, targets / _OTHER)
        change = np.log(_currents(xbar, other, volts, scheme) / found)
        slope = change / np.log(other / targets)
        if slope.min() < _LEAST_SLOPE:
            i, j = map(int, np.unravel_index(int(np.argmin(slope)), targets.shape))
            raise ParameterError(
                f"at `read_voltage` = {volts:.4g} V the current of cell ({i}, {j}) at its target "
                f"of {targets[i, j]:.4g} S hardly depends on the device: 1 % of conductance "
                f"changes it by {slope[i, j]:.2g} %, the access element takes the rest; raise "
                "`read_voltage` or the gate voltage, or judge by criterion='cell'"
            )
    return found


def _currents(xbar: Crossbar, conductance: Array, volts: float, scheme: Scheme) -> Array:
    cells: Any = xbar.cells
    state = np.array(cells.state)
    # states of an access element, if any, come after those of the device
    state[: len(cells.device.states)] = cells.device.state_from_conductance(conductance)
    there = cells.with_state(state)
    gate = cells.gates()
    if isinstance(scheme, Gated):
        gate = np.full(xbar.shape, scheme.on(xbar, "read"))
    u = np.full(xbar.shape, volts)
    found: Array = there.evaluate(
        u, np.zeros_like(u), gate, base=state, step=0.0, state=state, inner=0.5 * u
    ).current
    return found
