"""Figures 1, 4 and 5 of MemTorch's paper: what of them can be computed without its network."""

from __future__ import annotations

import numpy as np
from scipy import stats

from crossbarsim.devices import VTEAM
from crossbarsim.nonidealities import ConductanceStates, Faults, NonIdealities, Place
from crossbarsim.studies import device_spread, gradual_reset

from ..checks import Curve, Finding, Panel, check, few, relative
from ..stored import stored

PAPER = "Lammie et al., arXiv:2004.10971, "
G_ON, G_OFF = 1 / 1.4e4, 1 / 5e7  # siemens, of the paper's network
RESET = 50e6  # hertz: a double sweep takes a period


def _after(amplitudes: np.ndarray) -> np.ndarray:
    """Return the resistance after each double sweep: alpha_off = 1 makes dx/dt linear in v."""
    device = VTEAM.preset("team_6353604")
    slope = 2.0 * amplitudes * RESET  # volt per second, up and down again
    moved = 2.0 * device.k_off * np.maximum(amplitudes - device.v_off, 0.0) ** 2 / (
        2.0 * slope * device.v_off)
    x = np.minimum(np.cumsum(moved), device.d)
    return np.asarray(device.r_on + (device.r_off - device.r_on) * x / device.d)


@check("networks", "MemTorch's figures")
def figure_4_gradual_reset() -> Finding:
    """The states between R_on and R_off that sweeps of rising amplitude lead to."""
    found = gradual_reset(points=2000)
    volts = np.abs(found.table["amplitude"].to_numpy(dtype=float)[1:])
    exact = _after(volts)
    ours = found.table["resistance"].to_numpy(dtype=float)[1:]
    return Finding(
        "resistance after each of nine double sweeps at 50 MHz, VTEAM with the paper's parameters",
        PAPER + "Fig. 4: its set-up; the state's equation integrated by hand", "closed form",
        few(exact, 9) + " ohm", few(ours, 9) + " ohm", relative(ours, exact),
        "largest difference, of the largest resistance", 1e-4,
        "sweeps of 2000 points; the last sweep ends at the state's bound",
        (Panel("Fig. 4: gradual RESET", "sweep", "resistance (ohm)", (
            Curve("crossbarsim", range(len(ours) + 1), [50.0, *ours]),
            Curve("closed form", range(1, len(ours) + 1), exact, reference=True))),),
    )


@check("networks", "MemTorch's figures")
def figure_4_overlap() -> Finding:
    """How often one device's R_on lies above another's R_off."""
    found = gradual_reset(count=4000, seed=3)
    drawn = float((found.r_on[:, None] > found.r_off[None, :]).mean())
    stated = float(stats.norm.cdf(-50.0 / np.hypot(20.0, 30.0)))
    return Finding(
        "overlap of R_on = 100 +- 20 ohm and R_off = 150 +- 30 ohm",
        PAPER + "Fig. 4: its means; the spread, which it does not print, is ours",
        "stated distribution", f"{stated:.4f}", f"{drawn:.4f} of 16,000,000 pairs",
        abs(drawn - stated), "difference", 0.01, "4000 draws of each: a standard error of 0.003",
    )


@check("networks", "MemTorch's figures")
def figure_5_devices() -> Finding:
    """One hundred devices with stochastic R_on and R_off: each follows its own line of the state."""
    kept = stored("memtorch_models")["vteam"]
    volts, amperes = np.array(kept["voltage"]), np.array(kept["current"])
    t = np.arange(len(volts)) * kept["dt"]
    device = device_spread(count=100, points=100, states=None).device
    fine = np.linspace(0.0, t[-1], 20 * (len(t) - 1) + 1)
    trace = device.simulate(
        fine, np.tile(np.sin(2 * np.pi * 50e6 * fine), (100, 1)), state=[np.zeros(100)], rtol=1e-9)
    currents = np.asarray(trace.current).reshape(100, -1)
    firm = np.abs(volts) > 0.05
    x = np.clip((volts[firm] / amperes[firm] - 50.0) / 950.0, 0.0, 1.0)
    worst = 0.0
    r_on = np.ravel(device.r_on)
    r_off = np.ravel(device.r_off)
    picked = []
    for k in range(100):
        ours = np.interp(t[firm], fine, currents[k])
        reference = volts[firm] / (r_on[k] + (r_off[k] - r_on[k]) * x)
        worst = max(worst, relative(ours, reference))
        if k % 25 == 0:
            picked += [Curve(f"device {k}", volts[firm], ours),
                       Curve(f"device {k}, MemTorch's state", volts[firm][::6], reference[::6], reference=True)]
    spread = stats.kstest(r_off / 1000.0, stats.norm(1.0, 0.2).cdf).pvalue
    return Finding(
        "currents of 100 devices through two periods of 50 MHz, R_on and R_off +- 20 %",
        PAPER + "Fig. 5: its set-up; the state of MemTorch's own VTEAM run, "
        + stored("memtorch_models")["source"]["tool"],
        "another tool", f"KS probability of R_off's draws {spread:.2f}", few(r_off, 5) + " ohm",
        worst, "largest difference, of a device's largest current", 2e-3,
        "MemTorch's state is that at the end of a step",
        (Panel("Fig. 5: devices of one kind", "voltage (V)", "current (A)", tuple(picked)),),
    )


@check("networks", "MemTorch's figures")
def figure_1_states() -> Finding:
    """Finite states of Fig. 1 by their definition."""
    level = np.random.default_rng(2).random((200, 200))
    worst, ours = 0.0, level
    for count in (2, 4, 6, 10):
        effects = NonIdealities(states=ConductanceStates(count))
        ours = np.asarray(effects.chip(level, Place(seed=1), G_ON, G_OFF))
        nearest = np.round(level * (count - 1)) / (count - 1)
        exact = G_OFF + (G_ON - G_OFF) * nearest
        worst = max(worst, relative(ours, exact))
    return Finding(
        "conductances of 40,000 cells with 2, 4, 6 and 10 states, 14 kohm to 50 Mohm",
        PAPER + "Fig. 1: its states; the nearest of N even ones", "closed form",
        few(exact) + " S", few(ours) + " S", worst,
        "largest difference, of the largest conductance", 1e-14, "rounding",
    )


@check("networks", "MemTorch's figures")
def figure_1_faults() -> Finding:
    """Stuck devices of Fig. 1: their share."""
    shares, told, worst, cells = (0.05, 0.1, 0.25), [], 0.0, 160_000
    for share in shares:
        for faults, g in ((Faults(stuck_on=share), G_ON), (Faults(stuck_off=share), G_OFF)):
            found = np.asarray(NonIdealities(faults=faults).chip(
                np.full((400, 400), 0.5), Place(seed=1), G_ON, G_OFF))
            told.append(float(np.isclose(found, g, rtol=1e-9, atol=0.0).mean()))
            worst = max(worst, abs(told[-1] - share) / np.sqrt(share * (1 - share) / cells))
    return Finding(
        "share of devices stuck at R_on and at R_off, of 160,000",
        PAPER + "Fig. 1: its shares; the binomial distribution", "stated distribution",
        "0.05, 0.05, 0.1, 0.1, 0.25, 0.25", few(told, 6), float(worst),
        "largest difference, in standard errors", 4.0, "six samples; the seed is fixed",
    )
