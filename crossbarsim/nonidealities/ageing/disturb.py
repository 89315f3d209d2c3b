"""Read disturb: reads that change the conductance."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ...core.array_api import Values, interpolate, like, straight_through
from ...core.draws import Place
from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import Array, choice, count, number
from ...devices import Device
from ..fabricate import Fabricated
from .drift import within
from .retention import arrhenius

__all__ = ["DeviceDisturb", "ReadDisturb"]


@dataclass(frozen=True)
class ReadDisturb(Settings):
    """Read disturb: relaxation under read pulses, e times faster for every `v_0` of voltage.

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

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import NonIdealities, Place, ReadDisturb
    >>> effects = NonIdealities(disturb=ReadDisturb(reads=1e6, voltage=0.2, tau_0=1e3, v_0=0.02))
    >>> G = effects.chip(np.array([[0.2, 1.0]]), Place(7), g_on=1e-4, g_off=1e-6)
    >>> (G * 1e6).round(2)  # uS, of 20.8 and 100
    array([[ 91.25, 100.  ]])
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
        """Return conductances (M, N) siemens after the reads, of those before, `G`."""
        del place
        tau = self.tau_0 * math.exp(-abs(self.voltage) / self.v_0)
        tau *= arrhenius(self.activation_energy, temperature, 300.0)
        left = math.exp(-((self.reads * self.read_time / tau) ** self.beta))
        end = like(fab.g_on if self.towards == "on" else fab.g_off, G)
        return within(end + (G - end) * left, G, fab)


@dataclass(frozen=True)
class DeviceDisturb(Settings):
    """Read disturb by a compact model's own rate at the read voltage.

    The model is integrated once, from `points` conductances through all reads, n t second at the
    read voltage; cells follow that curve by interpolation and stay in their own ranges. Cells
    whose conductance is out of the model's range change as the nearest in it.

    Parameters
    ----------
    device : Device
        With the same parameters for all cells; its ambient temperature is its own parameter.
    reads : float
        Since programming, >= 0.
    voltage : float
        Volt across a cell in a read, with its sign.
    read_time : float
        Second per read, > 0; default 100 ns.
    points : int
        Conductances from which the model is integrated, >= 8, default 64, equally spaced in log.

    Raises
    ------
    ParameterError
        Parameters that differ from cell to cell, a model without a state.
    ConvergenceError
        The model cannot be integrated that far.

    Examples
    --------
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.nonidealities import DeviceDisturb
    >>> effect = DeviceDisturb(VTEAM.preset("magic"), reads=1e3, voltage=0.31, points=8)
    >>> before, after = effect.curve()  # siemens
    >>> bool((after <= before).all()), f"{(1 - after / before).max():.0%} lost at most"
    (True, '53% lost at most')
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
        """Return conductances (M, N) siemens after the reads, of those before, `G`."""
        del place, temperature
        before, after = self.curve()
        change = interpolate(G, before, after - before)
        return straight_through(G, within(G + change, G, fab))
