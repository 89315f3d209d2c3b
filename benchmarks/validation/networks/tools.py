"""The same arrays and networks as badcrossbar, CrossSim and AIHWKit."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from crossbarsim import Crossbar, Solver, Wires

from ..checks import Array, Curve, Finding, Panel, check, few, relative
from ..stored import stored
from .digits import Digits, network


@check("networks", "badcrossbar's circuits")
def badcrossbar_qucs() -> Finding:
    """All circuits of badcrossbar's own tests, solved by its authors with Qucs."""
    kept = stored("badcrossbar_qucs")
    worst, told, theirs = 0.0, [], []
    for name, circuit in kept.items():
        if name == "source":
            continue
        R = np.array(circuit["resistance"], dtype=float)  # null: no device
        G = np.where(np.isfinite(R) & (R > 0), 1.0 / np.where(R > 0, R, np.inf), 0.0)
        if (R == 0).any() or not G.any():
            continue
        V = np.array(circuit["applied"], dtype=float).ravel()
        sol = Solver().solve(Crossbar(G, Wires(word=circuit["word"], bit=circuit["bit"])), V)
        output = np.array(circuit["output"], dtype=float).ravel()
        if not output.any():
            continue
        volts = [(sol.word_voltages, circuit["word_voltage"]), (sol.bit_voltages, circuit["bit_voltage"])]
        worst = max(worst, relative(sol.currents, output))
        for ours, voltages in volts:
            known = np.array(voltages, dtype=float)
            if np.isfinite(known).all():
                worst = max(worst, float(np.abs(np.asarray(ours) - known).max() / np.abs(V).max()))
        told.append(sol.currents[0])
        theirs.append(output[0])
    return Finding(
        f"output currents and node voltages of {len(told)} circuits of up to 5x4",
        kept["source"]["tool"], "another tool", few(theirs, digits=8) + " A",
        few(told, digits=8) + " A", worst, "largest difference, of the largest current or voltage",
        1e-10, "Qucs' own rounding",
    )


@cache
def _digits() -> Digits:
    kept = stored("cross_sim")
    return network(kept["first"], kept["second"])


def pair(weights: Array, x: Array, ohm: float, r_min: float, r_max: float) -> Array:
    """Return what two arrays make of vectors: weights (outputs, inputs), the largest on r_min."""
    g_on, g_off, largest = 1.0 / r_min, 1.0 / r_max, np.abs(weights).max()
    out = np.zeros((len(x), len(weights)))
    for sign in (1.0, -1.0):
        G = (g_off + (g_on - g_off) * np.maximum(sign * weights, 0.0) / largest).T
        W = Solver(rtol=1e-12).effective_matrix(Crossbar(G, Wires(word=ohm, bit=ohm)))
        out += sign * (x @ np.asarray(W).T)
    return out * largest / (g_on - g_off)


@cache
def _through_wires() -> tuple[tuple[float, ...], float, tuple[float, ...], tuple[float, ...]]:
    """Return accuracies, the largest difference of an output, and a few outputs: CrossSim's, ours."""
    kept, net = stored("cross_sim"), _digits()
    accuracy, worst = [], 0.0
    for k, ohm in enumerate(kept["ohms"]):
        hidden = pair(net.first, net.images, ohm, kept["r_min"], kept["r_max"])
        logits = pair(net.second, np.maximum(hidden, 0.0), ohm, kept["r_min"], kept["r_max"])
        accuracy.append(float((logits.argmax(axis=1) == net.labels).mean()))
        for name, ours in (("hidden", hidden), ("logits", logits)):
            worst = max(worst, relative(ours[:20], kept[name][k]))
    return (tuple(accuracy), worst, tuple(np.ravel(kept["logits"][-1])[:10]),
            tuple(np.ravel(logits)[:10]))


@check("networks", "CrossSim")
def cross_sim_outputs() -> Finding:
    """Every output of both layers of the digits network, at eight wire resistances."""
    _, worst, theirs, ours = _through_wires()
    return Finding(
        "outputs of both layers, 20 images, 0 to 100 ohm a segment, cells of 10 kohm to 1 Mohm",
        stored("cross_sim")["source"]["tool"], "another tool", few(theirs, digits=8),
        few(ours, digits=8), worst, "largest difference, of the layer's largest output", 1e-6,
        "CrossSim works in float32 here",
    )


@check("networks", "CrossSim")
def cross_sim_accuracy() -> Finding:
    """The accuracy of the digits network against wire resistance."""
    kept = stored("cross_sim")
    ours, _, _, _ = _through_wires()
    ohms = np.maximum(kept["ohms"], 0.5)  # 0 has no place on a logarithmic axis
    return Finding(
        "accuracy of 64-32-10 on 500 digits, 0 to 100 ohm a segment", kept["source"]["tool"],
        "another tool", few(np.array(kept["accuracy"]) * 100, 8) + " %",
        few(np.array(ours) * 100, 8) + " %",
        float(np.abs(np.array(ours) - kept["accuracy"]).max() * 100), "largest difference, %", 0.2,
        "one image of 500 whose two largest outputs differ by less than float32 resolves",
        (Panel("Digits on two arrays a layer", "ohm per segment (leftmost: 0)", "accuracy (%)", (
            Curve("crossbarsim", ohms, np.array(ours) * 100),
            Curve("CrossSim", ohms, np.array(kept["accuracy"]) * 100, reference=True)), log_x=True),),
    )


@check("networks", "AIHWKit")
def aihwkit_accuracy() -> Finding:
    """The digits network on phase-change cells, as time passes."""
    import torch  # noqa: PLC0415 - one of the extras
    from torch import nn  # noqa: PLC0415

    from crossbarsim.nn import CrossbarConfig, calibrate, convert  # noqa: PLC0415
    from crossbarsim.nonidealities import NonIdealities  # noqa: PLC0415

    kept, net = stored("aihwkit_noise")["plain"], _digits()
    model = nn.Sequential(
        nn.Linear(64, 32, bias=False), nn.ReLU(), nn.Linear(32, 10, bias=False)).double().eval()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor(net.first))
        model[2].weight.copy_(torch.tensor(net.second))
    x = torch.tensor(net.images)
    config = CrossbarConfig.ideal(tile_shape=(64, 64)).replace(g_on=25e-6, g_off=0.0)
    means, errors = [], []
    for time in kept["times"]:
        effects = NonIdealities.preset("pcm_nandakumar_2019", time + 20.0)
        found = []
        for seed in range(kept["chips"]):
            chip = convert(model, config.replace(nonidealities=effects, seed=seed))
            calibrate(chip, [x])
            with torch.no_grad():
                found.append(float((chip(x).argmax(dim=1).numpy() == net.labels).mean()))
        means.append(np.mean(found))
        errors.append(np.std(found, ddof=1) / math.sqrt(len(found)))
    theirs = np.array(kept["mean"])
    spread = np.hypot(errors, np.array(kept["std"]) / math.sqrt(kept["chips"]))
    times = np.array(kept["times"])
    return Finding(
        f"mean accuracy of {kept['chips']} chips of phase-change cells, 20 s to 30 d after the first "
        "read", stored("aihwkit_noise")["source"]["tool"], "another tool",
        few(theirs * 100) + " %", few(np.array(means) * 100) + " %",
        float((np.abs(means - theirs) / spread).max()), "largest difference, in standard errors", 4.0,
        "two sets of random chips; four times, so that 4 is passed once in 4000 runs, seeds are fixed",
        (Panel("Phase-change cells", "time (s)", "accuracy (%)", (
            Curve("crossbarsim", times, np.array(means) * 100),
            Curve("AIHWKit", times, theirs * 100, reference=True)), log_x=True),),
    )
