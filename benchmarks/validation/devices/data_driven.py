"""Data-driven models of Messaris et al."""

from __future__ import annotations

import numpy as np

from crossbarsim.devices import DataDriven2018, DataDriven2021

from ..checks import Finding, check, each, few, relative
from ..stored import stored
from .loops import driven, loop_panel, sampled


def _against_memtorch(name: str, model: type, amplitude: float, frequency: float, source: str) -> Finding:
    kept = stored("memtorch_models")[name]
    volts = np.array(kept["voltage"])
    t = np.arange(len(volts)) * kept["dt"]
    fine = sampled(t[-1], 20 * (len(t) - 1) + 1)
    device = model.preset("memtorch")
    trace = driven(device, fine, amplitude * np.sin(2 * np.pi * frequency * fine), [device.r_min])
    ours = np.interp(t, fine, trace.current)
    return Finding(
        f"current under a sine of {amplitude:g} V and {frequency:g} Hz",
        source + "; " + stored("memtorch_models")["source"]["tool"], "another tool",
        few(np.array(kept["current"]) * 1e6) + " uA", few(ours * 1e6) + " uA",
        relative(ours, kept["current"]), "largest difference, of the largest current", 1e-3,
        "its closed form over a step takes the voltage of the step's end; 2,000,000 steps",
        (loop_panel("Sine", volts, ours, volts, kept["current"], label="MemTorch"),),
    )


@check("devices", "data_driven_2018")
def data_driven_2018_memtorch() -> Finding:
    """MemTorch's class of the model of 2018."""
    return _against_memtorch(
        "data_driven", DataDriven2018, 1.0, 10e3,
        "Messaris et al., IEEE TCAD 37:3151 (2018), doi 10.1109/TCAD.2018.2791468")


@check("devices", "data_driven_2018")
def data_driven_2018_closed_form() -> Finding:
    """The resistance after a time at a constant voltage: equations (9) and (10)."""
    device = DataDriven2018.preset("memtorch")
    ours, reference = [], []
    for v, start, time in ((1.0, 5e3, 1e-3), (0.6, 9e3, 1e-2), (-1.0, 1.5e4, 1e-4), (-0.7, 1.5e4, 1e-3)):
        trace = driven(device, [0.0, time], [v, v], [start])
        if v > 0:
            k, wall = device.k_p, device.k_p * (device.r_p0 + device.r_p1 * v)
            rate = k * device.a_p * np.expm1(device.t_p * v) * time
            exact = np.log(np.exp(wall) + (np.exp(k * start) - np.exp(wall)) * np.exp(-rate)) / k
        else:
            k, wall = device.k_n, -device.k_n * (device.r_n0 + device.r_n1 * v)
            rate = k * device.a_n * np.expm1(-device.t_n * v) * time
            exact = -np.log(np.exp(wall) + (np.exp(-k * start) - np.exp(wall)) * np.exp(rate)) / k
        ours.append(float(trace.state[0, -1]))
        reference.append(float(exact))
    return Finding(
        "resistance after a pulse, four pulses",
        "Messaris et al., IEEE TCAD 37:3151 (2018), equations (9) and (10)", "closed form",
        few(reference) + " ohm", few(ours) + " ohm", each(ours, reference),
        "largest relative difference", 1e-7, "tolerances of the integrator",
    )


@check("devices", "data_driven_2021")
def data_driven_2021_memtorch() -> Finding:
    """MemTorch's class of the model of 2021."""
    return _against_memtorch(
        "data_driven_2021", DataDriven2021, 1.0, 1e6, "arXiv:2012.02267")
