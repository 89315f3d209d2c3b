"""Noise, variability and published chips: statistics against stated distributions."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from crossbarsim.devices import VTEAM, StanfordPKU
from crossbarsim.nonidealities import (
    LogNormal,
    NonIdealities,
    Normal,
    Place,
    Uniform,
    Variability,
    vary,
)

from ..checks import Curve, Finding, Panel, check, few
from ..stored import stored

MANY = 40_000


@check("devices", "variability of parameters")
def distributions() -> Finding:
    """Draws of three distributions against their cumulative distribution functions."""
    device = VTEAM.preset("memtorch")
    laws = {
        "Normal(0.1)": (Normal(0.1), stats.norm(1.0, 0.1)),
        "LogNormal(0.3)": (LogNormal(0.3), stats.lognorm(0.3)),
        "Uniform(0.8, 1.2)": (Uniform(0.8, 1.2), stats.uniform(0.8, 0.4)),
    }
    worst, told, curves = 0.0, [], []
    for name, (law, known) in laws.items():
        made = vary(device, (200, 200), (Variability("r_on", law),), Place(seed=7))
        share = np.sort(np.ravel(np.asarray(made.r_on, dtype=float)) / float(device.r_on))
        distance = float(stats.kstest(share, known.cdf).statistic)
        told.append(distance)
        worst = max(worst, distance)
        grid = np.linspace(0.4, 1.8, 57)
        every = len(share) // 400
        curves += [Curve(f"{name}: drawn", share[::every],
                         np.arange(len(share))[::every] / len(share)),
                   Curve(f"{name}: stated", grid, known.cdf(grid), reference=True)]
    return Finding(
        f"distance of Kolmogorov and Smirnov, {MANY} draws each of three distributions",
        "the distributions' definitions, by scipy.stats", "stated distribution", "0", few(told),
        worst, "largest distance", 1.95 / math.sqrt(MANY),
        "one in a thousand samples of this size is farther; the seed is fixed",
        (Panel("Draws of R_on", "R_on / nominal", "share at or below", tuple(curves)),),
    )


@check("devices", "stanford_pku")
def stanford_noise() -> Finding:
    """The gap's random walk: without a field its variance grows by noise^2 t."""
    device = StanfordPKU.preset("stochastic")
    t = np.linspace(0.0, 1e-6, 21)
    count = 4000
    start = 0.95e-9
    trace = device.simulate(t, np.full((count, len(t)), 1e-3), state=[np.full(count, start)], seed=3)
    gap = np.asarray(trace.state[0])
    amplitude = 0.02 * math.sqrt(1e-9) / (1.0 + math.exp((450.0 - 298.0) / 500.0))
    ours = gap[:, -1].std()
    reference = amplitude * math.sqrt(t[-1])
    return Finding(
        "spread of the gap after 1 us at 1 mV, 4000 devices",
        "Jiang et al., IEEE TED 63:1884 (2016), doi 10.1109/TED.2016.2545412, equations (2) and "
        "(3), with the file's steps of 1 ns", "stated distribution", f"{reference * 1e12:.3g} pm",
        f"{ours * 1e12:.3g} pm", abs(ours / reference - 1.0), "relative difference",
        4.0 / math.sqrt(2 * count), "four standard errors of a standard deviation of 4000",
        (Panel("Spread of the gap", "time (us)", "standard deviation (pm)", (
            Curve("crossbarsim", t * 1e6, gap.std(axis=0) * 1e12),
            Curve("equations (2), (3)", t[::2] * 1e6, amplitude * np.sqrt(t[::2]) * 1e12,
                  reference=True))),),
    )


def _drawn(effects: NonIdealities, target: float, g_on: float, g_off: float) -> np.ndarray:
    level = np.full((MANY // 200, 200), (target * 1e-6 - g_off) / (g_on - g_off))
    return 1e6 * np.asarray(effects.chip(level, Place(5, "x"), g_on, g_off)).ravel()


def _chips(
    key: str, preset: str, what: str, shown: str, steps: str, allowed: float, reason: str
) -> Finding:
    """Compare mean and spread of cells with AIHWKit's."""
    kept = stored("aihwkit_noise")[key]
    worst, told, theirs, curves = 0.0, [], [], []
    for row in kept["rows"]:
        target = row["target"]
        for time, mean, std in zip(kept["times"], row["mean"], row["std"], strict=True):
            # AIHWKit's time counts from the first read, 20 s after programming
            when = None if time is None else time + (20.0 if key == "pcm" else 0.0)
            effects = NonIdealities.preset(preset, when)
            if key == "pcm":
                effects = effects.without("drift") if time is None else effects
            cells = _drawn(effects, target, kept["g_max"] * 1e-6, 0.0)
            worst = max(worst, abs(cells.mean() / mean - 1.0), abs(cells.std() / std - 1.0))
            told += [cells.mean(), cells.std()]
            theirs += [mean, std]
    numbers = range(len(kept["times"]))
    curves += [Curve(f"{row['target']:.3g} uS, AIHWKit", numbers, row["std"], reference=True)
               for row in kept["rows"]]
    width = 2 * len(kept["times"])
    for n, row in enumerate(kept["rows"]):
        own = told[n * width + 1 : (n + 1) * width : 2]
        curves.append(Curve(f"{row['target']:.3g} uS", range(len(own)), own))
    return Finding(
        what, stored("aihwkit_noise")["source"]["tool"], "another tool", few(theirs, 6) + " uS",
        few(told, 6) + " uS", worst, "largest relative difference of a mean or a spread", allowed,
        reason,
        (Panel(shown, steps, "standard deviation (uS)", tuple(curves)),),
    )


@check("devices", "published chips")
def chip_pcm() -> Finding:
    """Phase-change cells: programming noise and drift."""
    return _chips("pcm", "pcm_nandakumar_2019",
                  "mean and spread of phase-change cells: four targets, programmed and 20 s to 30 d "
                  "later (Nandakumar et al. 2019)", "Phase-change cells",
                  "0: programmed, 1: first read, 2: 1 h, 3: 1 d, 4: 30 d", 0.06,
                  "samples of 40000 cells spread by 0.5 %; AIHWKit draws a cell's drift exponent for "
                  "its target, we for what was written, which spreads more near 0: 5 % at 2 uS, 1 % "
                  "elsewhere")


@check("devices", "published chips")
def chip_wan() -> Finding:
    """Cells of NeuRRAM."""
    return _chips("wan", "reram_neurram_2022",
                  "mean and spread of ReRAM cells: four targets, 1 s, 1 d, 2 d (Wan et al., Nature "
                  "608:504, 2022)", "ReRAM cells of NeuRRAM",
                  "0: 1 s, 1: 1 d, 2: 2 d", 0.02,
                  "samples of 40000 cells: 0.35 % of a spread each, twelve of them; clipped at 0")
