"""JART VCM v1b."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..base import Device
from ..parameters import Named, State, parameter

__all__ = ["JartVcmV1b"]

_E = 1.602176634e-19  # elementary charge, C
_K = 1.380649e-23  # Boltzmann's constant, J/K
_H = 6.62607015e-34  # Planck's constant, J s
_M0 = 9.1093837015e-31  # electron mass, kg
_EPS0 = 8.8541878128e-12  # F/m
_RICHARDSON = 6.01e5  # A/(m^2 K^2)
_Z = 2.0  # charge number of an oxygen vacancy
_ROUND = 1e-3  # volt: the barrier's cusp is rounded over this
_TINY = 1e-30  # volt: keeps the slope finite where the barrier has vanished


def schottky(
    y: float, n: float, t: float, radius: float, phi_bn0: float, phi_n: float, eps: float,
    eps_phi: float,
) -> float:
    """Return the current through the barrier, ampere, at voltage y and vacancies n (1/m^3)."""
    area = math.pi * radius * radius
    gap = phi_bn0 - phi_n - y
    gap = 0.5 * (gap + math.sqrt(gap * gap + _ROUND * _ROUND))
    lower = (_E * _E * _E * _Z * n * gap / (8.0 * math.pi * math.pi * eps_phi ** 3.0)) ** 0.25
    phi = max(phi_bn0 - lower, 0.0)
    if y < 0.0:
        w00 = _E * _H / (4.0 * math.pi) * math.sqrt(_Z * n / (_M0 * eps))
        a = w00 / (_K * t)
        w0 = w00 / math.tanh(a)
        shape = w00 / (a - math.tanh(a))
        c = math.cosh(a)
        lead = _RICHARDSON * t / _K * math.sqrt(
            math.pi * w00 * _E * (phi / (c * c) - y + _TINY)
        )
        flow = -area * lead * math.exp(-_E * phi / w0) * math.expm1(-_E * y / shape)
    else:
        flow = area * _RICHARDSON * t * t * math.exp(-_E * phi / (_K * t)) * math.expm1(
            _E * y / (_K * t)
        )
    return flow


def disc_resistance(n: float, length: float, radius: float, mobility: float) -> float:
    """Return the resistance of oxide with n vacancies per m^3, ohm."""
    return length / (n * _E * _Z * mobility * math.pi * radius * radius)


def line_resistance(i: float, r_tiox: float, r_0: float, alpha: float, r_th: float) -> float:
    """Return the series resistance, warmed by the current, ohm."""
    return r_tiox + r_0 * (1.0 + r_0 * alpha * i * i * r_th)


def series_resistance(
    i: float, n: float, radius: float, l_det: float, n_plug: float, l_cell: float,
    mobility: float, r_tiox: float, r_0: float, alpha: float, r_th: float,
) -> float:
    """Return the resistance of disc, plug and line in series, ohm."""
    r = disc_resistance(n, l_det, radius, mobility)
    r = r + disc_resistance(n_plug, l_cell - l_det, radius, mobility)
    return r + line_resistance(i, r_tiox, r_0, alpha, r_th)


def hopping(
    field: float, n: float, n_plug: float, t: float, a: float, nu_0: float, dw_a: float
) -> float:
    """Return the drift of vacancies along a field, per m^2 and second, before its limit."""
    kt = _K * t
    g = min(max(_Z * field * a / (math.pi * dw_a), -0.999), 0.999)
    base = math.sqrt(1.0 - g * g) + g * math.asin(g)
    forward = math.exp(-_E * dw_a * (base - 0.5 * math.pi * g) / kt)
    back = math.exp(-_E * dw_a * (base + 0.5 * math.pi * g) / kt)
    return 0.5 * (n_plug + n) * a * nu_0 * (forward - back)


class JartVcmV1b(Device):
    """JART VCM v1b: oxygen vacancies in a disc under a Schottky barrier.

    Bengel et al., IEEE TCAS-I 67:4618 (2020), eqs 1-20; Hardtdegen et al., APL Mater. 7:091105
    (2019). SET at v < 0, RESET at v > 0. The barrier's voltage is the inner unknown. In the
    published model the filament's temperature follows the power at once; here it is a state that
    follows within `tau_th`, so that it stays explicit. The cusp of the barrier lowering is
    rounded over 1 mV.

    Parameters
    ----------
    n_min, n_max, n_plug : float
        Vacancies in the disc and the plug, 1e26 per m^3; the state `n` is in that unit, too.
    radius, l_cell, l_det : float
        Of filament, cell and disc, m.
    phi_bn0, phi_n : float
        Barriers, eV.
    eps_r, eps_phi_r : float
        Relative permittivities.
    mobility : float
        Of electrons, m^2/(V s).
    a, nu_0, dw_a : float
        Hopping distance, m, attempt frequency, 1/s, and barrier, eV.
    r_th, r_th_scaling : float
        Thermal resistance of the filament, K/W; its factor in RESET.
    r_tiox, r_0, alpha_line, r_th_line : float
        Series resistance: ohm, ohm, 1/K, K/W.
    t_0, tau_th : float
        Ambient temperature, K; time in which the temperature follows, second.

    Examples
    --------
    >>> from crossbarsim.devices import JartVcmV1b
    >>> device = JartVcmV1b.preset("v1b")
    >>> low, high = device.conductance_range()
    >>> print(f"{low:.2e} to {high:.2e} S at {device.read_voltage} V")
    9.50e-06 to 6.29e-04 S at -0.2 V
    """

    name = "jart_vcm_v1b"
    default_read_voltage = -0.2
    # near v = 0.1 V the lowering of the barrier folds the curve: the branch from rest is meant
    inner_step = 0.02
    states: ClassVar[tuple[State, ...]] = (
        State("n", "1e26/m^3", "n_min", "n_max", rest="n_min"),
        State("temperature", "K", 200.0, 5000.0, rest="t_0"),
    )
    n_min = parameter(0.008, "1e26/m^3", positive=True)
    n_max = parameter(20.0, "1e26/m^3", positive=True)
    n_plug = parameter(20.0, "1e26/m^3", positive=True)
    radius = parameter(45e-9, "m", positive=True)
    l_cell = parameter(3e-9, "m", positive=True)
    l_det = parameter(0.4e-9, "m", positive=True)
    phi_bn0 = parameter(0.18, "eV", positive=True)
    phi_n = parameter(0.1, "eV", positive=True)
    eps_r = parameter(17.0, positive=True)
    eps_phi_r = parameter(5.5, positive=True)
    mobility = parameter(4e-6, "m^2/(V s)", positive=True)
    a = parameter(0.25e-9, "m", positive=True)
    nu_0 = parameter(2e13, "1/s", positive=True)
    dw_a = parameter(1.35, "eV", positive=True)
    r_th = parameter(15.72e6, "K/W", low=0.0)
    r_th_scaling = parameter(0.27, positive=True)
    r_tiox = parameter(650.0, "ohm", positive=True)
    r_0 = parameter(719.2437, "ohm", positive=True)
    alpha_line = parameter(3.92e-3, "1/K", low=0.0)
    r_th_line = parameter(90471.47, "K/W", low=0.0)
    t_0 = parameter(293.0, "K", positive=True)
    tau_th = parameter(1e-10, "s", positive=True)
    usually_fitted: ClassVar[tuple[str, ...]] = (
        "n_min", "n_max", "phi_bn0", "nu_0", "dw_a", "r_th", "r_tiox",
    )
    sets: ClassVar[dict[str, dict[str, Any]]] = {
        "v1b": {}, "tu_dresden": {"n_max": 22.0, "n_min": 0.004},
    }
    sources: ClassVar[dict[str, str]] = {
        "v1b": "Bengel et al. 2020, Table I",
        "tu_dresden": "range of the state in TU Dresden's explicit form, SMACD 2023",
    }
    forming: ClassVar[str] = (
        "Bengel et al. 2020 describe a filament that exists, of fixed radius, whose disc switches "
        "between n_min and n_max"
    )
    showcase: ClassVar[dict[str, tuple[float, ...]]] = {"": (1.3, 1e3)}

    @staticmethod
    def inner_law(v: float, x: Named, p: Named, y: float) -> float:
        """Return the voltage balance of barrier, disc, plug and line."""
        i = schottky(y, x.n * 1e26, x.temperature, p.radius, p.phi_bn0, p.phi_n,
                     p.eps_r * _EPS0, p.eps_phi_r * _EPS0)
        r = series_resistance(
            i, x.n * 1e26, p.radius, p.l_det, p.n_plug * 1e26, p.l_cell, p.mobility, p.r_tiox,
            p.r_0, p.alpha_line, p.r_th_line
        )
        return y + i * r - v

    @staticmethod
    def current_law(v: float, x: Named, p: Named, y: float) -> float:
        """Return the current through the barrier."""
        return schottky(y, x.n * 1e26, x.temperature, p.radius, p.phi_bn0, p.phi_n,
                        p.eps_r * _EPS0, p.eps_phi_r * _EPS0)

    @staticmethod
    def rate_law(v: float, x: Named, p: Named, i: float, y: float) -> tuple[float, ...]:
        """Return the rates of vacancies, by hopping, and of the temperature."""
        n = x.n * 1e26
        disc = i * disc_resistance(n, p.l_det, p.radius, p.mobility)
        whole = y + disc + i * disc_resistance(
            p.n_plug * 1e26, p.l_cell - p.l_det, p.radius, p.mobility
        )
        if v < 0.0:
            field = disc / p.l_det
            limit = 1.0 - (x.n / p.n_max) ** 10.0
            r_th = p.r_th
        else:
            field = whole / p.l_cell
            limit = 1.0 - (p.n_min / x.n) ** 10.0
            r_th = p.r_th * p.r_th_scaling
        drift = limit * hopping(
            field, n, p.n_plug * 1e26, x.temperature, p.a, p.nu_0, p.dw_a
        )
        heat = (p.t_0 + i * whole * r_th - x.temperature) / p.tau_th
        return -drift / p.l_det * 1e-26, heat
