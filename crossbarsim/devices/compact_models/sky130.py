"""SkyWater sky130 RRAM."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..base import Device
from ..parameters import Named, State, parameter

__all__ = ["Sky130Reram"]

_K_EV = 8.617333262e-5  # Boltzmann's constant, eV/K


class Sky130Reram(Device):
    """The foundry's RRAM model of the sky130 process: filament thickness and temperature.

    The Verilog-A of sky130_fd_pr_reram (Apache-2.0): I = i_0 exp(-(t_ox - t_f) / l_0)
    sinh(v / v_0). Positive v SETs. Without a transistor that limits the current
    it heats to thousands of kelvin: use it in 1T1R. A fresh cell has the thinnest filament; see
    `form` in `crossbarsim.programming`.

    Parameters
    ----------
    t_ox : float
        Oxide, m.
    t_min, t_max : float
        Range of the filament's thickness, m.
    a_0 : float
        Hopping distance, m.
    c_th, tau : float
        Heat capacity, J/K, and thermal time constant, second.
    i_0, v_0, l_0 : float
        Ampere, volt, m.
    e_g, e_r : float
        Activation energies of generation and recombination, eV.
    nu_0 : float
        Velocity, m/s.
    gamma_0, beta : float
        Field enhancement gamma = gamma_0 - beta ((t_ox - t_f) / 1 nm)^3.
    t_0 : float
        Ambient temperature, K.

    Examples
    --------
    >>> from crossbarsim.devices import EKV, OneTransistorOneResistor, Sky130Reram
    >>> low, high = Sky130Reram().conductance_range()
    >>> print(f"{low:.2e} to {high:.2e} S")
    2.98e-07 to 1.00e-04 S
    >>> cells = OneTransistorOneResistor(Sky130Reram().array(shape=(4, 4)), EKV(), gate_voltage=1.8)
    >>> cells.shape
    (4, 4)
    """

    name = "sky130"
    states = (
        State("t_f", "m", "t_min", "t_max", rest="t_min"),
        State("temperature", "K", 200.0, 20000.0, rest="t_0"),
    )
    t_ox = parameter(5e-9, "m", positive=True)
    t_min = parameter(3.3e-9, "m", positive=True)
    t_max = parameter(4.9e-9, "m", positive=True)
    a_0 = parameter(0.25e-9, "m", positive=True)
    c_th = parameter(3.1825e-16, "J/K", positive=True)
    tau = parameter(0.23e-9, "s", positive=True)
    i_0 = parameter(6.14e-5, "A", positive=True)
    v_0 = parameter(0.43, "V", positive=True)
    l_0 = parameter(5e-9 - 4.7249e-9, "m", positive=True)
    e_g = parameter(1.501, "eV", positive=True)
    e_r = parameter(1.5, "eV", positive=True)
    nu_0 = parameter(150.0, "m/s", positive=True)
    gamma_0 = parameter(16.5, positive=True)
    beta = parameter(1.25, low=0.0)
    t_0 = parameter(300.0, "K", positive=True)
    usually_fitted: ClassVar[tuple[str, ...]] = (
        "i_0", "v_0", "l_0", "nu_0", "gamma_0", "e_g", "e_r",
    )
    sets: ClassVar[dict[str, dict[str, Any]]] = {"foundry": {}}
    sources: ClassVar[dict[str, str]] = {"foundry": "sky130_fd_pr_reram, the foundry's Verilog-A"}
    pristine: ClassVar[dict[str, float | str]] = {"t_f": "t_min"}
    forming: ClassVar[str] = (
        "the thinnest filament, at which the foundry's Verilog-A starts by default (Tfilament_0); "
        "measured fresh cells conduct less than 0.1 uS, are formed by pulses of 1 us and 2.2 to "
        "3.1 V, 2.5 V on the average, and end at 30 to 120 uS (sky130_fd_pr_reram, technology "
        "specifications)"
    )
    showcase: ClassVar[dict[str, tuple[float, ...]]] = {"": (2.5, 1e6)}

    @staticmethod
    def current_law(v: float, x: Named, p: Named) -> float:
        """Tunnel current."""
        return p.i_0 * math.exp(-(p.t_ox - x.t_f) / p.l_0) * math.sinh(v / p.v_0)

    @staticmethod
    def rate_law(v: float, x: Named, p: Named, i: float) -> tuple[float, float]:
        """Growth and recombination of the filament; Joule heating."""
        kt = _K_EV * x.temperature
        nm = (p.t_ox - x.t_f) * 1e9
        push = (p.gamma_0 - p.beta * nm * nm * nm) * p.a_0 / p.t_ox * v
        growth = p.nu_0 * (math.exp((push - p.e_g) / kt) - math.exp((-push - p.e_r) / kt))
        heat = abs(v * i) / p.c_th - (x.temperature - p.t_0) / p.tau
        return growth, heat
