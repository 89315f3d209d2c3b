"""Second values of records whose use takes seconds: writing by pulses, and studies that train a network."""

import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

from crossbarsim import Wires
from crossbarsim.devices import VTEAM
from crossbarsim.nn import CrossbarConfig
from crossbarsim.nn.train import FinetuneConfig
from crossbarsim.nn.writing import program_network
from crossbarsim.nonidealities import NonIdealities, Normal, Place, PulseWrite, Variability
from crossbarsim.periphery import ADC, DAC, Periphery
from crossbarsim.studies import (
    CnnSettings,
    Dataset,
    IrDropStudy,
    Labelled,
    NonIdealityStudy,
    RecoveryStudy,
    load_digits,
    measured_accuracy,
    trained_cnn,
)

from .acts import Refused, Row, Same, Second
from .acts_devices import SHOWS
from .rows import SHORT, SHORT_PULSES, loop, pulsed, threshold

DEVICE = VTEAM.preset("magic", v_off=1.0)
PULSES = {"v_start": 1.0, "v_step": 0.05, "v_max": (2.4, 2.2), "width": 100e-9, "passes": 1}
SMALL = {"channels": (4, 8), "hidden": 16, "epochs": 2}


def data() -> Dataset:
    digits = load_digits()
    train = Labelled(digits.train.images[:200], digits.train.labels[:200])
    part = Labelled(digits.test.images[:40], digits.test.labels[:40])
    return Dataset(digits.name, train, part, digits.full_scale, {"more": Labelled(digits.test.images[40:60], digits.test.labels[40:60])})


def written(**a: Any) -> Any:
    level = np.full((3, 3), 0.5)
    return NonIdealities(write=PulseWrite(**a)).chip(level, Place(1), 2e-4, 5e-6)


def network(**a: Any) -> Any:
    model = trained_cnn(CnnSettings(**a), data(), threads=1).model
    return [p.detach().numpy() for p in model.parameters()]


def measured(**a: Any) -> Any:
    found = measured_accuracy(**a)
    return found.digital, found.accuracy, found.resistances.nominal, found.fits.values


def pulses_left(model: Any = None, out: Any = None, progress: Any = None, **a: Any) -> Any:
    told: list[float] = []
    made = model() if model else pulsed()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "written") if out else None
        found = program_network(made, out=path, progress=told.append if progress else None, **a)
        kept = sorted(p.name for p in Path(folder).rglob("*"))
    return [(r.pulses, r.energy, r.time, r.failed) for r in found.arrays], dict(made.state_dict()), told, kept


torch.manual_seed(2)
NETWORK, OTHER = (torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 4)).double() for _ in range(2))
X = torch.randn(300, 6, dtype=torch.float64)
LABELS = NETWORK(X).argmax(-1)
BATCHES = [(X, LABELS)]
CONVERTED = CrossbarConfig(periphery=Periphery(adc=ADC(bits=4), dac=DAC(bits=4)))


def study(cls: Any) -> Any:
    def use(**a: Any) -> Any:
        made = CnnSettings.for_data
        def small(*args: Any, **options: Any) -> CnnSettings:
            full = made(*args, **options)
            return CnnSettings(**{**SMALL, "epochs": min(full.epochs, 3), "seed": full.seed})
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(CnnSettings, "for_data", small):
            table = cls(**a).run(data(), Path(folder)).points
        numbers = table.select_dtypes("number")
        return numbers[[c for c in numbers if "second" not in c]].to_dict("list"), table.astype(str).filter(["tile_rows", "method"]).to_numpy().tolist()
    return use


THREADS = Refused(0, "threads")  # rounding of the training depends on them: no number can be held against it
STUDIED = {"tiles": ((48, 20),), "ohms": (5.0,), "seeds": 1, "epochs": 1, "images": 20, "threads": 1}
SECONDS = {"tiles": ((24, 20),), "ohms": (8.0,), "images": 30, "threads": THREADS, "g_on": 5e-5, "g_off": 2e-6}

ROWS: dict[str, Row] = {
    "PulseWrite": Row(written, base={"device": DEVICE, "targets": 3, "devices": 4, "options": PULSES, "wires": None}, seconds={
        "device": DEVICE.replace(k_off=2 * DEVICE.k_off), "variability": Variability("k_off", Normal(0.2)),
        "method": Refused("exact", "targets"), "wires": Wires(50.0, 50.0),
        "options": {**PULSES, "v_step": 0.1}}),
    "program_network": Row(pulses_left, base={"model": None}, seconds={
        "model": lambda: pulsed(g_on=2e-4), "cell": threshold(v_off=0.9), "scheme": "v/3", "variability": Variability("r_on", Normal(0.2)), "initial": 2e-5,
        "options": {**SHORT_PULSES, "width": 20e-9}, "out": "kept", "progress": True,
        "workers": Same(2, "processes share the work"),
        "strict": Refused(True, "out of tolerance", options={**SHORT_PULSES, "max_pulses": 1}, tolerance=0.01)}),
    "measured_accuracy": Row(measured, base={"network": NETWORK, "batches": BATCHES, "chips": 2}, seconds={
        "data": {"a": loop(), "b": loop(1.2), "c": loop(0.9)}, "model": SHORT.replace(k_on=-1.5), "free": ["r_on", "r_off", "v_off"],
        "network": OTHER, "batches": [(X[:50], LABELS[:50])], "fixed": {"v_off": 0.03}, "config": CrossbarConfig(bits=2),
        "calibration": Second(BATCHES, config=CONVERTED, calibration=[(0.1 * X, LABELS)]), "seed": 7, "progress": SHOWS}),
    "CnnSettings": Row(network, base=SMALL, seconds={"channels": (4, 6)}),
    "RecoveryStudy": Row(study(RecoveryStudy), base={
        "ohms": (50.0,), "methods": ("trained",), "tile": (16, 16), "channels": (4, 8), "hidden": 16, "epochs": 1, "images": 20, "threads": 1,
        "tuning": FinetuneConfig(epochs=1, batches=2), "batch": 8, "calibration": 16, "validation": 20},
        seconds={"ohms": (80.0,), "methods": ("plain",), "tile": (24, 20), "channels": (4, 6), "images": 30, "threads": THREADS,
                 "tuning": FinetuneConfig(epochs=1, batches=1), "validation": 30, "g_on": 5e-5, "g_off": 2e-6}),
    "IrDropStudy": Row(study(IrDropStudy), base=STUDIED, seconds=SECONDS),
    "NonIdealityStudy": Row(study(NonIdealityStudy), base={
        **STUDIED, "bits": (3,), "sigmas": (0.3,), "states": (3,), "stuck_on": (0.05,), "stuck_off": (0.2,), "calibration_images": 16},
        seconds={**SECONDS, "bits": (4,), "sigmas": (0.1,), "states": (4,), "stuck_on": (0.1,), "stuck_off": (0.1,), "percentile": 90.0, "calibration_images": 2,
                 "law": "normal"}),
}
