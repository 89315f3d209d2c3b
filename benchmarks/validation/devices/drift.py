"""Linear ion drift and its windows."""

from __future__ import annotations

import numpy as np

from crossbarsim.devices import LinearIonDrift
from crossbarsim.devices.windows import biolek, joglekar, prodromakis, zha

from ..checks import Curve, Finding, Panel, check, few, relative
from ..stored import stored
from .loops import driven, loop_panel, sampled

JOGLEKAR = "Joglekar and Wolf, Eur. J. Phys. 30:661 (2009), doi 10.1088/0143-0807/30/4/001"


@check("devices", "linear_ion_drift")
def drift_closed_form() -> Finding:
    """Current under a sine without a window: R^2 falls linearly with the flux."""
    device = LinearIonDrift(v_p=0.0, v_n=0.0)
    x_0, volts, frequency = 0.1, 1.0, 2.0
    t = sampled(1.0 / frequency, 4001)
    v = volts * np.sin(2 * np.pi * frequency * t)
    flux = volts * (1.0 - np.cos(2 * np.pi * frequency * t)) / (2 * np.pi * frequency)
    start = 100.0 * x_0 + 16e3 * (1 - x_0)
    squared = start**2 - 2.0 * 1e-14 * 100.0 / (10e-9) ** 2 * (16e3 - 100.0) * flux
    reference = v / np.sqrt(squared)
    ours = driven(device, t, v, [x_0]).current
    return Finding(
        "current under a sine of 1 V and 2 Hz, no window",
        JOGLEKAR + ": i = v / sqrt(R_0^2 - 2 k dR flux)", "closed form",
        few(reference * 1e6) + " uA", few(ours * 1e6) + " uA", relative(ours, reference),
        "largest difference, of the largest current", 1e-6, "the sine as straight lines of 4000",
        (loop_panel("Sine, no window", v, ours, v, reference, label="closed form", every=100),),
    )


@check("devices", "linear_ion_drift")
def drift_joglekar_window() -> Finding:
    """Two published experiments with Joglekar's window."""
    worst, panels, told = 0.0, [], []
    for name, label in (("hp_labs_sine", "Sine, p = 7"), ("hp_labs_pulsed", "Triangles, p = 2")):
        kept = stored("tiotto_models")[name]
        p = kept["parameters"]
        device = LinearIonDrift(
            r_on=p["RON"], r_off=p["ROFF"], mu=p["muD"], d=p["D"], v_p=0.0, v_n=0.0,
            window="joglekar", p=float(kept["window"]["p"]),
        )
        t = np.array(kept["time"])
        volts = np.array(kept["voltage"])
        if name == "hp_labs_sine":
            fine = sampled(t[-1], 20 * (len(t) - 1) + 1)
            v = kept["input"]["vp"] * np.sin(2 * np.pi * kept["input"]["frequency"] * fine)
        else:
            fine, v = t, volts
        trace = driven(device, fine, v, [p["x0"]])
        ours = np.interp(t, fine, trace.current)
        worst = max(worst, relative(ours, kept["current"]))
        told.append((kept["current"], ours))
        panels.append(loop_panel(label, volts, ours, volts, kept["current"],
                                 label="Memristor-Models"))
    return Finding(
        "current in two experiments with Joglekar's window",
        stored("tiotto_models")["source"]["tool"], "another tool",
        few(np.concatenate([a for a, _ in told]) * 1e6) + " uA",
        few(np.concatenate([b for _, b in told]) * 1e6) + " uA", worst,
        "largest difference, of the largest current", 1e-4,
        "tolerances of both integrators; the sine as straight lines of 4000", tuple(panels),
    )


@check("devices", "linear_ion_drift")
def windows() -> Finding:
    """The windows at published properties and by their formulas."""
    x = np.linspace(0.0, 1.0, 101)
    pairs = []
    curves = []
    for p in (1, 2, 7):
        formula = 1.0 - (2.0 * x - 1.0) ** (2 * p)
        pairs.append(([joglekar(v, p) for v in x], formula))
        curves += [Curve(f"Joglekar, p = {p}", x, formula)]
        step = np.array([biolek(v, 1.0, p) for v in x]), 1.0 - x ** (2 * p)
        pairs.append(step)
        pairs.append(([biolek(v, -1.0, p) for v in x], 1.0 - (x - 1.0) ** (2 * p)))
        pairs.append(([prodromakis(v, p, 1.0) for v in x], 1.0 - ((x - 0.5) ** 2 + 0.75) ** p))
        pairs.append(([zha(v, 1.0, p, 1.0) for v in x], 1.0 - (0.25 * x**2 + 0.75) ** p))
    error = max(float(np.abs(np.array(a) - np.array(b)).max()) for a, b in pairs)
    return Finding(
        "windows of Joglekar, Biolek, Prodromakis and Zha, p = 1, 2, 7, 101 states",
        JOGLEKAR + "; Biolek et al., Radioengineering 18:210 (2009); Prodromakis et al., IEEE TED "
        "58:3099 (2011); Zha, Huang and Liu (2016)", "closed form",
        few(pairs[0][1]), few(pairs[0][0]), error, "largest difference", 1e-14, "rounding",
        (Panel("Joglekar's window", "x", "f(x)", tuple(
            [Curve(c.label, x, [joglekar(v, q) for v in x]) for c, q in zip(curves, (1, 2, 7), strict=True)]
            + [Curve(c.label + ", formula", x[::8], np.asarray(c.y)[::8], reference=True) for c in curves]
        )),),
    )
