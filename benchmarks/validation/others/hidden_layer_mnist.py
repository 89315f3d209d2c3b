"""A published perceptron on exact crossbars: its weights, its mapping, all 10,000 test images.

The weights are those of github.com/alambertini01/Crossbar_Models_Comparison, its folder
TrainedModels; MNIST as the four idx files, gzip:

    python -m benchmarks.validation.others.hidden_layer_mnist TrainedModels MNIST
"""

from __future__ import annotations

import gzip
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from crossbarsim import Crossbar, Solver, Wires

from ..checks import Array
from ..stored import store

G_ON, G_OFF = 1 / 1e3, 1 / 40e3


def idx(path: Path, skip: int) -> Any:
    """Return the bytes of an idx file after its header."""
    return np.frombuffer(gzip.decompress(path.read_bytes()), dtype=np.uint8)[skip:]


def layer(weights: Array, x: Array, tile: int, ohm: float) -> Array:
    """Return the outputs of a layer: weights (inputs, outputs), each tile mapped by its own range."""
    out = np.zeros((len(x), weights.shape[1]))
    for i in range(0, weights.shape[0], tile):
        for j in range(0, weights.shape[1], tile):
            part, volts = weights[i : i + tile, j : j + tile], x[:, i : i + tile]
            low, high = part.min(), part.max()
            k = (G_ON - G_OFF) / (high - low)
            G = (part - low) * k + G_OFF
            W = G.T if ohm == 0 else Solver().effective_matrix(Crossbar(G, Wires(word=ohm, bit=ohm)))
            offset = G_OFF - low * k
            out[:, j : j + tile] += (volts @ np.asarray(W).T
                                     - offset * volts.sum(axis=1, keepdims=True)) / k
    return out


def main(models: str, mnist: str) -> None:
    """Run every network that was trained through the exact wires, and the one without."""
    pixels = idx(Path(mnist, "t10k-images-idx3-ubyte.gz"), 16).reshape(-1, 784) / 255.0
    labels = idx(Path(mnist, "t10k-labels-idx1-ubyte.gz"), 8)
    rows = []
    for folder in sorted([*Path(models, "crosssim_model").iterdir(), *Path(models, "IdealModel").iterdir()]):
        found = re.fullmatch(r"Rpar([\d.]+)__LRS1000__HRS40000__Size(\d+)", folder.name)
        log = folder / "train_log.txt"
        printed = re.search(r"Test Accuracy: ([\d.]+)", log.read_text(encoding="utf-8")) if log.is_file() else None
        if found is None or printed is None:
            continue
        ohm, tile = float(found[1]), int(found[2])
        kept = torch.load(folder / "fc_layers_weights.pth", map_location="cpu", weights_only=True)
        kept = {name: value.double().numpy() for name, value in kept.items()}
        x = (pixels - MEAN) / STD
        hidden = np.maximum(layer(kept["fc1_weights"], x, tile, ohm) + kept["fc1_bias"], 0.0)
        logits = layer(kept["fc2_weights"], hidden, tile, ohm) + kept["fc2_bias"]
        ours = 100.0 * float((logits.argmax(axis=1) == labels).mean())
        rows.append({"ohm": ohm, "tile": tile, "printed": float(printed[1]), "ours": ours})
        print(rows[-1], flush=True)
    store("hidden_layer_mnist", {
        "tool": "Crossbar_Models_Comparison (github.com/alambertini01, b139308): trained weights and "
        "the test accuracies of its logs, whose solver is CrossSim's relaxation stopped at 1e-3",
        "script": "benchmarks/validation/others/hidden_layer_mnist.py",
    }, {"rows": rows})


MEAN, STD = 0.1307, 0.3081  # of the published training

if __name__ == "__main__":
    main(*sys.argv[1:])
