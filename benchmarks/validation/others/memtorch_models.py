"""MemTorch's own device classes, at steps so short that their explicit Euler rule is exact enough.

python -m benchmarks.validation.others.memtorch_models
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from ..stored import digits, store

POINTS = 200  # kept of each run


def sine(amplitude: float, frequency: float, cycles: float, steps: int) -> tuple[Any, float]:
    """Return a sine's samples and their distance in time."""
    stop = cycles / frequency
    t = np.linspace(0.0, stop, steps + 1)
    return amplitude * np.sin(2 * np.pi * frequency * t), stop / steps


def run(make: Any, wave: Any, dt: float) -> dict[str, Any]:
    """Drive a device; return a few of its points."""
    device = make(dt)
    current = np.array(device.simulate(wave, return_current=True))
    every = (len(wave) - 1) // POINTS
    return {"dt": dt * every, "voltage": digits(wave[::every], 12), "current": digits(current[::every])}


def main() -> None:
    """Run the models at two steps each: the difference says what the rule leaves."""
    from memtorch.bh.memristor import (  # type: ignore[import-not-found]  # noqa: PLC0415
        VTEAM,
        Data_Driven,
        Data_Driven2021,
        Stanford_PKU,
    )

    jobs = {
        "vteam": (lambda dt: VTEAM(time_series_resolution=dt), (1.0, 50e6, 2)),
        "data_driven": (lambda dt: Data_Driven(time_series_resolution=dt), (1.0, 10e3, 1)),
        "data_driven_2021": (lambda dt: Data_Driven2021(time_series_resolution=dt), (1.0, 1e6, 1)),
        "stanford_pku": (lambda dt: Stanford_PKU(time_series_resolution=dt), (1.5, 10.0, 1)),
    }
    data: dict[str, Any] = {}
    for name, (make, (amplitude, frequency, cycles)) in jobs.items():
        found = {}
        for steps in (20_000, 200_000, 2_000_000):
            wave, dt = sine(amplitude, frequency, cycles, steps)
            found[steps] = run(make, wave, dt)
        finest, coarser = found[2_000_000], found[200_000]
        a, b = (np.array(f["current"]) for f in (finest, coarser))
        data[name] = finest | {"left": digits(float(np.abs(a - b).max() / np.abs(a).max()) / 9, 2)}
        # what MemTorch's own step gives
        data[name]["coarse"] = found[20_000]["current"]
    try:
        release = version("memtorch")
    except PackageNotFoundError:
        release = "1.1.6"
    store("memtorch_models", {
        "tool": f"MemTorch {release} (github.com/coreylammie/MemTorch, 305c3a7), its classes of "
        "memtorch.bh.memristor with their default parameters",
        "script": "benchmarks/validation/others/memtorch_models.py",
    }, data)


if __name__ == "__main__":
    main()
