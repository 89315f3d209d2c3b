"""Second values of inverse design and of fine-tuning: seen in what is found, and in what is trained."""

import tempfile
from pathlib import Path
from typing import Any

import torch

from crossbarsim import Wires
from crossbarsim.design import Bounded, NetworkDesign, minimise
from crossbarsim.nn import CrossbarConfig, convert
from crossbarsim.nn.train import FinetuneConfig, finetune
from crossbarsim.periphery import ADC, DAC, Periphery, Technology

from .acts import Row, Second
from .rows import held_out, net, tensor


def network() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(4, 3).double())


CONVERTERS = Periphery(dac=DAC(bits=4), adc=ADC(bits=4, percentile=100.0))
SETTINGS = {"wires": Wires(80.0, 80.0), "tile_shape": (2, 2), "periphery": CONVERTERS}
BATCHES = held_out(6) + held_out(4) + held_out(5)


def finetuned(model: Any = None, progress: Any = None, checkpoint: Any = None, **a: Any) -> Any:
    told: list[float] = []
    made = model() if model else convert(network(), CrossbarConfig(**SETTINGS))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "training.npz") if checkpoint else None
        done = finetune(made, progress=told.append if progress else None, checkpoint=path, **a)
        return done.scores, done.epochs, dict(made.state_dict()), told, [p.name for p in Path(folder).iterdir()]


def tuned(**a: Any) -> Any:
    return finetuned(loader=BATCHES, config=FinetuneConfig(**a), validation=lambda m: float(m(tensor()).sum()))


def bits_of_two() -> Any:
    return convert(network(), CrossbarConfig(**{**SETTINGS, "bits": 2}))


def designed(**a: Any) -> Any:
    own = NetworkDesign(**{"config": CrossbarConfig(**SETTINGS), **a})
    found = own.evaluate({"g_on": 5e-5})
    return found.energy, found.output_error, found.loss, found.area


def doubled(model: Any, batch: Any) -> Any:
    return model(2 * batch[0])


def mean_square(model: Any, batch: Any) -> Any:
    return (model(batch[0]) - 1.0).square().mean()


def found(progress: Any = None, **a: Any) -> Any:
    told: list[float] = []
    one = minimise(progress=told.append if progress else None, **a)
    return [(c.variables, c.value, c.multipliers) for c in one.candidates], told


def ranged(**a: Any) -> Any:
    made = Bounded(**a)
    return made.first, made.value(torch.tensor(0.3, dtype=torch.float64))


ROWS: dict[str, Row] = {
    "finetune": Row(finetuned, base={"model": None, "loader": BATCHES, "config": FinetuneConfig(epochs=2)}, seconds={
        "model": bits_of_two, "loader": held_out(3), "config": FinetuneConfig(epochs=1), "validation": lambda _: 0.5, "loss": mean_square,
        "calibration": [3 * tensor()], "forward": doubled, "checkpoint": True, "progress": True}),
    "FinetuneConfig": Row(tuned, base={"epochs": 2, "noise": 0.05, "mode": "training"}, seconds={
        "mode": "evaluation", "batches": 1, "warm_up": 0.5, "weight_decay": 0.1, "clip": 1e-3, "noise": 0.1, "rtol": 1e-9,
        "exact_every": Second(1, noise=0.0), "correction": "tiles", "epochs": 3}),
    "Bounded": Row(ranged, seconds={"low": 1.5, "start": 1.1, "high": 3.0}),
    "minimise": Row(found, seconds={
        "objective": lambda p: p["x"] ** 2, "variables": {"x": Bounded(1.5, 2.0)}, "choices": {"n": [1, 2]},
        "subject_to": [(lambda p: 1.0 / p["x"], 0.6)], "penalty": Second(9.0, subject_to=[(lambda p: 1.0 / p["x"], 0.6)], steps=20), "progress": True}),
    "NetworkDesign": Row(designed, base={"config": CrossbarConfig(**SETTINGS)}, seconds={
        "model": net()[:0].append(torch.nn.Linear(4, 2).double()), "inputs": tensor() + 1.0, "labels": torch.tensor([1, 0]), "config": CrossbarConfig(bits=2, **SETTINGS),
        "technology": Technology(supply=2.0, dac_energy=1e-12), "seed": 3}),
    "segments": Row(seconds={"shape": (3, 2), "word": 2.0, "bit": 2.0, "driver": 2.0, "sense": 2.0}),
    "array_power": Row(seconds={
        "V": torch.tensor([[0.3, 0.1]], dtype=torch.float64), "G": torch.full((2, 2), 2e-3, dtype=torch.float64),
        "word": torch.full((2, 2), 9.0, dtype=torch.float64), "bit": torch.full((2, 2), 9.0, dtype=torch.float64)}),
}
