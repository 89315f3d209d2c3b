"""Reads that move the state a little."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ...core.array_api import Values, interpolate, like, straight_through
from ...core.draws import Place
from ...core.errors import ParameterError
from ...core.validation import Array, choice, count, number
from ...devices import Device
from ..fabricate import Fabricated
from .drift import within
from .retention import arrhenius

__all__ = ["DeviceDisturb", "ReadDisturb"]


@dataclass(frozen=True)
class ReadDisturb:
    """Drift under read pulses, faster by e for every `v_0` of read voltage.

    After n reads of t second each, G = G_end + (G0 - G_end) exp(-(n t / tau)^beta), with
    tau = tau_0 exp(-|V| / v_0) exp(e_a / k (1/T - 1/300 K)): the exponential voltage-time relation
    of resistive switching (Waser, Dittmann, Staikov and Szot, Adv. Mater. 21:2632, 2009) carried on
    to read voltages. That a million reads at 0.2 V move analogue cells measurably: Yao et al.,
    Nature 577:641 (2020), Extended Data Fig. 7.

    Parameters
    ----------
    reads : float
        Since programming, >= 0.
    voltage : float
        Volt across a cell in a read; its magnitude counts.
    tau_0 : float
        Second at 0 V and 300 K, > 0.
    v_0 : float
        Volt, > 0.
    read_time : float
        Second per read, > 0; default 100 ns.
    towards : {"on", "off"}
        Where reads of this polarity drive a cell: its g_on (default, SET polarity) or g_off.
    beta : float
        0 < beta <= 1, default 1.
    activation_energy : float
        eV, default 0: no dependence on the temperature.
    """

    reads: float
    voltage: float
    tau_0: float
    v_0: float
    read_time: float = 100e-9
    towards: Literal["on", "off"] = "on"
    beta: float = 1.0
    activation_energy: float = 0.0

    def __post_init__(self) -> None:
        number("reads", self.reads, low=0.0)
        number("voltage", self.voltage, unit="volt")
        for name in ("tau_0", "v_0", "read_time"):
            number(name, getattr(self, name), low=0.0, open_low=True)
        choice("towards", self.towards, ("on", "off"))
        number("beta", self.beta, low=0.0, high=1.0, open_low=True)
        number("activation_energy", self.activation_energy, low=0.0, unit="eV")

    def aged(self, G: Values, fab: Fabricated, place: Place, temperature: float) -> Values:
        """Return conductances (M, N) after the reads, siemens."""
        del place
        tau = self.tau_0 * math.exp(-abs(self.voltage) / self.v_0)
        tau *= arrhenius(self.activation_energy, temperature, 300.0)
        left = math.exp(-((self.reads * self.read_time / tau) ** self.beta))
        end = like(fab.g_on if self.towards == "on" else fab.g_off, G)
        return within(end + (G - end) * left, G, fab)


@dataclass(frozen=True)
class DeviceDisturb:
    """Drift under read pulses, by a compact model's own rate at the read voltage.

    The model is integrated once, from `points` conductances through all reads, n t second at the
    read voltage; cells follow that curve (interpolated), kept in their own ranges. Cells whose
    conductance is out of the model's range follow the model's nearest.

    Parameters
    ----------
    device : Device
        Parameters alike for all cells; its ambient temperature is its own parameter.
    reads : float
        Since programming, >= 0.
    voltage : float
        Volt across a cell in a read, with its sign.
    read_time : float
        Second per read, > 0; default 100 ns.
    points : int
        >= 8, default 64, equally far apart in log conductance.

    Raises
    ------
    ParameterError
        Parameters that differ from cell to cell, a model without a state.
    ConvergenceError
        The model cannot be integrated that far.
    """

    device: Device
    reads: float
    voltage: float
    read_time: float = 100e-9
    points: int = 64
    _curve: list[tuple[Array, Array]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not isinstance(self.device, Device) or not self.device.states:
            raise ParameterError(
                f"`device` must be a compact model with a state; got {self.device!r:.60}"
            )
        if self.device.parameter_array.ndim > 1:
            raise ParameterError("`device` must have the same parameters for all cells")
        number("reads", self.reads, low=0.0)
        number("voltage", self.voltage, unit="volt")
        number("read_time", self.read_time, low=0.0, open_low=True, unit="second")
        count("points", self.points, low=8)

    def curve(self) -> tuple[Array, Array]:
        """Return conductances before and after the reads, each (points,) siemens."""
        if not self._curve:
            low, high = (float(g) for g in self.device.conductance_range())
            before = np.geomspace(max(low, 1e-6 * high), high, self.points)
            before[0], before[-1] = max(low, 1e-6 * high), high
            # as the model has it at that state: what does not move stays exactly
            state = self.device.state_from_conductance(before)
            before = self.device.conductance(state)
            after = before
            if self.reads > 0 and self.voltage != 0:
                t = np.array([0.0, self.reads * self.read_time])
                v = np.full((self.points, 2), float(self.voltage))
                after = self.device.simulate(t, v, state=state, save="final").conductance
            self._curve.append((before, np.asarray(after)))
        return self._curve[0]

    def aged(self, G: Values, fab: Fabricated, place: Place, temperature: float) -> Values:
        """Return conductances (M, N) after the reads, siemens."""
        del place, temperature
        before, after = self.curve()
        change = interpolate(G, before, after - before)
        return straight_through(G, within(G + change, G, fab))
