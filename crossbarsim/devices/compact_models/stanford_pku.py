"""Stanford/PKU filament RRAM."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ..base import Device
from ..parameters import Named, State, parameter

__all__ = ["StanfordPKU"]

_K_EV = 8.617333262e-5  # Boltzmann's constant, eV/K
_RAMP = 1e-3  # of f_min: the field over which the motion sets in


class StanfordPKU(Device):
    """Stanford/PKU: a filament with a tunnel gap g, heated by its own current.

    Jiang, Yu, Guan and Wong, Stanford University Resistive-Switching RAM Verilog-A model 1.0.0,
    nanoHUB, doi 10.4231/D37H1DN48. I = i_0 exp(-g / g_0) sinh(v / v_0). Positive v SETs (closes
    the gap). The published model adds noise of amplitude delta to the rate and holds it for a
    time step; here it is white noise of amplitude delta sqrt(t_ref), so that the statistics do
    not depend on the step. Its jump of the rate at the field f_min is a ramp from f_min to
    1.001 f_min here.

    Parameters
    ----------
    g_0, v_0, i_0 : float
        m, volt, ampere.
    nu_0 : float
        Velocity, m/s.
    beta, gamma_0 : float
        Field enhancement gamma = gamma_0 - beta (g / 1 nm)^3.
    e_a : float
        Activation energy, eV.
    a_0, t_ox : float
        Hopping distance and thickness, m.
    r_th, t_0 : float
        Thermal resistance, K/W, and ambient temperature, K.
    f_min : float
        Field below which nothing moves, V/m.
    gap_min, gap_max : float
        Range of the gap, m.
    t_crit, t_smooth : float
        Temperature at which the noise sets in, and over which it does, K.
    delta : float
        Amplitude of the noise, m/s; 0: deterministic.
    t_ref : float
        The time step at which `delta` was used, second.

    Examples
    --------
    >>> from crossbarsim.devices import StanfordPKU
    >>> device = StanfordPKU.preset("v1.0.0")
    >>> low, high = device.conductance_range()
    >>> print(f"{low:.2e} to {high:.2e} S at {device.read_voltage} V")
    4.57e-06 to 1.85e-03 S at 0.1 V
    >>> gap = device.state_from_conductance(1e-4)[0]
    >>> print(f"{gap * 1e9:.3f} nm")
    0.929 nm
    """

    name = "stanford_pku"
    states = (State("gap", "m", "gap_min", "gap_max", rest="gap_max"),)
    g_0 = parameter(0.25e-9, "m", positive=True)
    v_0 = parameter(0.25, "V", positive=True)
    i_0 = parameter(1e-3, "A", positive=True)
    nu_0 = parameter(10.0, "m/s", positive=True)
    beta = parameter(0.8, low=0.0)
    gamma_0 = parameter(16.0, positive=True)
    e_a = parameter(0.6, "eV", positive=True)
    a_0 = parameter(0.25e-9, "m", positive=True)
    t_ox = parameter(12e-9, "m", positive=True)
    r_th = parameter(2.1e3, "K/W", low=0.0)
    t_0 = parameter(298.0, "K", positive=True)
    f_min = parameter(1.4e9, "V/m", low=0.0)
    gap_min = parameter(0.2e-9, "m", positive=True)
    gap_max = parameter(1.7e-9, "m", positive=True)
    t_crit = parameter(450.0, "K", positive=True)
    t_smooth = parameter(500.0, "K", positive=True)
    delta = parameter(0.0, "m/s", low=0.0)
    t_ref = parameter(1e-9, "s", positive=True)
    usually_fitted: ClassVar[tuple[str, ...]] = (
        "g_0", "v_0", "i_0", "nu_0", "gamma_0", "e_a", "gap_min", "gap_max",
    )
    sets: ClassVar[dict[str, dict[str, Any]]] = {
        "v1.0.0": {},
        "stochastic": {"delta": 0.02},
        "decks": {"delta": 5e-5},
    }
    sources: ClassVar[dict[str, str]] = {
        "v1.0.0": "Verilog-A model 1.0.0, without its noise",
        "stochastic": "Verilog-A model 1.0.0, noise of its default amplitude, steps of 1 ns",
        "decks": "amplitude of the noise in the example decks, steps of 1 ns",
    }
    forming: ClassVar[str] = (
        "it describes the switching after the forming process (Jiang et al., IEEE TED 63:1884, "
        "2016, section II)"
    )
    showcase: ClassVar[dict[str, tuple[float, ...]]] = {"": (1.6, 1e6)}

    @property
    def stochastic(self) -> bool:
        """Whether the gap carries noise."""
        return bool(np.any(self._values["delta"] > 0))

    @staticmethod
    def current_law(v: float, x: Named, p: Named) -> float:
        """Tunnel current."""
        return p.i_0 * math.exp(-x.gap / p.g_0) * math.sinh(v / p.v_0)

    @staticmethod
    def rate_law(v: float, x: Named, p: Named, i: float) -> float:
        """Hopping of ions along the field, at the filament's temperature."""
        nm = x.gap * 1e9
        gamma = p.gamma_0 - p.beta * nm * nm * nm
        # RESET follows the edge of the dead zone: a jump there would be crossed without end
        above = (gamma * abs(v) / p.t_ox - p.f_min) / (_RAMP * p.f_min + 1.0)
        if above <= 0.0:
            gamma = 0.0
        elif above < 1.0:
            gamma = gamma * above * above * (3.0 - 2.0 * above)
        kt = _K_EV * (p.t_0 + abs(v * i) * p.r_th)
        return -p.nu_0 * math.exp(-p.e_a / kt) * math.sinh(gamma * p.a_0 / p.t_ox * v / kt)

    @staticmethod
    def noise_law(v: float, x: Named, p: Named, i: float) -> float:
        """Amplitude of the gap's white noise, m per root second."""
        t = p.t_0 + abs(v * i) * p.r_th
        return p.delta * math.sqrt(p.t_ref) / (1.0 + math.exp((p.t_crit - t) / p.t_smooth))
