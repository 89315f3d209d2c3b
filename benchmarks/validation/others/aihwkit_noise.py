"""AIHWKit's noise models: what they make of cells, and of the digits network over time.

python -m benchmarks.validation.others.aihwkit_noise      (with aihwkit installed)
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from ..networks.digits import network
from ..stored import digits, store, stored

CELLS = 40_000
TARGETS = (0.08, 0.3, 0.6, 0.95)  # of g_max
TIMES = (20.0, 3600.0, 86400.0, 2.592e6)  # of the network, second after the first read
CHIPS = 24


def cells(model: Any, g_max: float, times: Any) -> dict[str, Any]:
    """Return mean and spread of programmed cells at each time, in microsiemens."""
    rows = []
    for share in TARGETS:
        target = torch.full((CELLS,), share * g_max)
        programmed = model.apply_programming_noise_to_conductance(target)
        nu = model.generate_drift_coefficients(target)
        row = {"target": share * g_max, "mean": [], "std": []}
        for time in times:
            found = programmed if time is None else model.apply_drift_noise_to_conductance(
                programmed, nu, time)
            row["mean"].append(digits(float(found.mean()), 6))
            row["std"].append(digits(float(found.std()), 6))
        rows.append(row)
    return {"g_max": g_max, "times": list(times), "cells": CELLS, "rows": rows}


def accuracies(net: Any, time: float, compensate: bool) -> list[float]:
    """Return the network's accuracy on chips of phase-change cells at a time."""
    from aihwkit.inference import (  # type: ignore[import-not-found]  # noqa: PLC0415
        GlobalDriftCompensation,
        PCMLikeNoiseModel,
    )
    from aihwkit.nn import AnalogLinear  # type: ignore[import-not-found]  # noqa: PLC0415
    from aihwkit.simulator.configs import (  # type: ignore[import-not-found]  # noqa: PLC0415
        TorchInferenceRPUConfig,
    )

    config = TorchInferenceRPUConfig()
    config.forward.is_perfect = True
    config.mapping.digital_bias = True
    config.mapping.weight_scaling_omega = 1.0
    config.mapping.weight_scaling_columnwise = False
    config.noise_model = PCMLikeNoiseModel(g_max=25.0)
    config.drift_compensation = GlobalDriftCompensation() if compensate else None
    layers = []
    for weights in (net.first, net.second):
        layer = AnalogLinear(weights.shape[1], weights.shape[0], bias=False, rpu_config=config)
        layer.set_weights(torch.tensor(weights, dtype=torch.float32))
        layers.append(layer)
    model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1]).eval()
    x = torch.tensor(net.images, dtype=torch.float32)
    found = []
    for chip in range(CHIPS):
        torch.manual_seed(chip)
        for layer in layers:
            layer.program_analog_weights()
            layer.drift_analog_weights(time)
        with torch.no_grad():
            found.append(float((model(x).argmax(1).numpy() == net.labels).mean()))
    return found


def main() -> None:
    """Draw the cells and run the chips."""
    from aihwkit.inference import (  # noqa: PLC0415
        PCMLikeNoiseModel,
        ReRamCMONoiseModel,
        ReRamWan2022NoiseModel,
    )

    torch.manual_seed(0)
    times = (0.0, 3600.0, 86400.0, 2.592e6)
    weights = stored("cross_sim")
    net = network(weights["first"], weights["second"])
    data: dict[str, Any] = {
        "pcm": cells(PCMLikeNoiseModel(g_max=25.0, read_noise_scale=0.0), 25.0, (None, *times)),
        "wan": cells(ReRamWan2022NoiseModel(g_max=40.0), 40.0, (1.0, 86400.0, 172800.0)),
        "cmo": cells(ReRamCMONoiseModel(), 88.19, (1.0, 3600.0, 86400.0)),
    }
    for name, compensate in (("plain", False),):
        found = [accuracies(net, time, compensate) for time in TIMES]
        data[name] = {
            "times": list(TIMES), "chips": CHIPS,
            "mean": digits([float(np.mean(f)) for f in found], 6),
            "std": digits([float(np.std(f, ddof=1)) for f in found], 6),
        }
        print(name, data[name], flush=True)
    store("aihwkit_noise", {
        "tool": f"AIHWKit {version('aihwkit')} (IBM), torch {torch.__version__.partition('+')[0]}: "
        "PCMLikeNoiseModel, ReRamWan2022NoiseModel, ReRamCMONoiseModel; the network by AnalogLinear "
        "with TorchInferenceRPUConfig, forward.is_perfect",
        "script": "benchmarks/validation/others/aihwkit_noise.py",
    }, data)


if __name__ == "__main__":
    main()
