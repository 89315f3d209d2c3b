"""Cells without a moving state, selectors, and phase-change drift: closed forms."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from crossbarsim.devices import (
    ExponentialSelector,
    MiecSelector,
    Ohmic,
    PhaseChange,
    StaticPolynomial,
    StaticSinh,
    StaticTable,
    ThresholdSelector,
)

from ..checks import Curve, Finding, Panel, check, each, few, relative
from .loops import driven

VOLTS = np.array([-0.6, -0.3, -0.05, 0.02, 0.1, 0.25, 0.5])


@check("devices", "ohmic")
def ohmic() -> Finding:
    """Ohm's law."""
    g = np.full(len(VOLTS), 3e-5)
    device = Ohmic()
    ours = np.asarray(device.current(VOLTS, device.state_from_conductance(g)))
    return Finding("current of 30 uS", "Ohm's law", "closed form", few(VOLTS * g) + " A",
                   few(ours) + " A", each(ours, VOLTS * g), "largest relative difference", 1e-14,
                   "rounding")


@check("devices", "static_sinh")
def static_sinh() -> Finding:
    """A sinh."""
    device, g = StaticSinh(v_0=0.3), 3e-5
    ours = np.asarray(device.current(VOLTS, [np.full(len(VOLTS), g)]))
    reference = g * 0.3 * np.sinh(VOLTS / 0.3)
    return Finding("current of 30 uS", "I = g v_0 sinh(v / v_0)", "closed form",
                   few(reference) + " A", few(ours) + " A", each(ours, reference),
                   "largest relative difference", 1e-13, "rounding")


@check("devices", "static_polynomial")
def static_polynomial() -> Finding:
    """A polynomial."""
    device, g = StaticPolynomial(c_2=0.1, c_3=0.2, c_5=0.3), 3e-5
    ours = np.asarray(device.current(VOLTS, [np.full(len(VOLTS), g)]))
    reference = g * VOLTS * (1 + 0.1 * VOLTS + 0.2 * VOLTS**2 + 0.3 * VOLTS**4)
    return Finding("current of 30 uS", "I = g v (1 + c_2 v + c_3 v^2 + c_5 v^4)", "closed form",
                   few(reference) + " A", few(ours) + " A", each(ours, reference),
                   "largest relative difference", 1e-13, "rounding")


@check("devices", "miec_selector")
def miec_selector() -> Finding:
    """A sinh in series with a resistance, solved by bisection."""
    device = MiecSelector(i_0=1e-12, v_0=0.035, r_s=1e3)
    volts = np.array([-1.0, -0.6, 0.2, 0.5, 0.8, 1.2])
    reference = np.array([
        np.sign(v) * float(brentq(lambda i, v=v: 1e-12 * np.sinh((abs(v) - 1e3 * i) / 0.035) - i,
                                  0.0, abs(v) / 1e3, xtol=1e-25, rtol=1e-14)) for v in volts
    ])
    ours = np.asarray(device.current(volts, np.empty((0, len(volts)))))
    return Finding("current, -1 to 1.2 V", "I = i_0 sinh((v - r_s I) / v_0), solved by bisection",
                   "closed form", few(reference) + " A", few(ours) + " A", each(ours, reference),
                   "largest relative difference", 1e-9, "both solve an equation")


@check("devices", "exponential_selector")
def exponential_selector() -> Finding:
    """A sinh."""
    device = ExponentialSelector(i_0=1e-12, v_0=0.05)
    ours = np.asarray(device.current(VOLTS, np.empty((0, len(VOLTS)))))
    reference = 1e-12 * np.sinh(VOLTS / 0.05)
    return Finding("current", "I = i_0 sinh(v / v_0)", "closed form", few(reference) + " A",
                   few(ours) + " A", each(ours, reference), "largest relative difference", 1e-13,
                   "rounding")


@check("devices", "threshold_selector")
def threshold_selector() -> Finding:
    """Turns on at v_th and off at v_hold."""
    device = ThresholdSelector()
    t = np.linspace(0, 2e-3, 8001)
    v = 1.0 - np.abs(t / 1e-3 - 1.0)
    trace = driven(device, t, v, [0.0], rtol=1e-7)
    on = trace.state[0] > 0.5
    ours = [float(v[int(np.argmax(on))]), float(v[len(v) - 1 - int(np.argmax(on[::-1]))])]
    return Finding("voltages at which it turns on and off, triangle of 1 V in 2 ms",
                   "its parameters v_th = 0.8 V, v_hold = 0.3 V", "closed form", "0.8, 0.3 V",
                   few(ours) + " V", float(np.abs(np.array(ours) - [0.8, 0.3]).max()),
                   "largest difference, V", 0.01, "the threshold's width, 1 mV, and points of 0.25 mV",
                   (Panel("Threshold switch", "voltage (V)", "|current| (A)", (
                       Curve("crossbarsim", v, np.abs(trace.current) + 1e-15),
                       Curve("v_th, v_hold", [0.8, 0.3],
                             [0.8 * 1e-9, 0.3 * 1e-3], reference=True)), log_y=True),))


@check("devices", "static_table")
def static_table() -> Finding:
    """A tabulated curve passes through its points."""
    volts = np.linspace(-0.5, 0.5, 21)
    amperes = 1e-6 * np.sinh(volts / 0.2)
    device, g = StaticTable(volts, amperes), 1e-5
    ours = np.asarray(device.current(volts, [np.full(len(volts), g)]))
    at_read = 1e-6 * np.sinh(device.read_voltage / 0.2) / device.read_voltage
    reference = amperes * g / at_read
    return Finding("current of 10 uS at the table's 21 points", "the table, scaled at the read voltage",
                   "closed form", few(reference) + " A", few(ours) + " A",
                   relative(ours, reference), "largest difference, of the largest current",
                   1e-12, "rounding")


@check("devices", "phase_change")
def phase_change() -> Finding:
    """Drift by a power law."""
    nu = np.array([0.03, 0.05, 0.1])
    device = PhaseChange(nu=nu)
    ends = (1e3, 1e6)
    ours, reference = [], []
    for end in ends:
        trace = device.simulate([0.0, end], [0.0, 0.0], np.full(3, 10e-6), save="final", rtol=1e-9)
        ours.append(trace.state[0])
        reference.append(10e-6 * ((20.0 + end) / 20.0) ** -nu)
    return Finding("conductance after 1e3 and 1e6 s, nu 0.03, 0.05, 0.1",
                   "Nandakumar et al., J. Appl. Phys. 124:152135 (2018); G = G_0 (t / t_0)^-nu, "
                   "t_0 = 20 s", "closed form", few(reference) + " S", few(ours) + " S",
                   each(ours, reference), "largest relative difference", 1e-6,
                   "tolerances of the integrator")
