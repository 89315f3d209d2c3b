"""A step of training: digital, through exact circuits, and with `lazy_matrices`, in one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

BATCH = 128
TILE = (256, 256)
OHM = 1.0
NOISE = 0.05


def _networks() -> dict[str, Callable[[], Any]]:
    from torch import nn  # noqa: PLC0415

    return {
        "784-256-128-10": lambda: nn.Sequential(
            nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(),
            nn.Linear(128, 10)),
        "two convolutions": lambda: nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(784, 10)),
        "LeNet-5": lambda: nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5),
            nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(),
            nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    }


def _seconds(
    model: Any, steps: int, *, every: int = 0, rtol: float = 1e-3, noise: float = 0.0
) -> tuple[float, float, float]:
    """Return CPU seconds per step, worst error and share of steps without an exact solution."""
    import torch  # noqa: PLC0415
    from torch import nn  # noqa: PLC0415

    from crossbarsim.nn.train import lazy_matrices, weight_noise  # noqa: PLC0415

    torch.manual_seed(1)
    x, y = torch.rand(BATCH, 1, 28, 28), torch.randint(0, 10, (BATCH,))
    descent = torch.optim.SGD(model.parameters(), lr=0.01)

    def step() -> None:
        descent.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        descent.step()

    with ExitStack() as inside:
        if noise:
            inside.enter_context(weight_noise(model, noise))
        done = inside.enter_context(lazy_matrices(model, every, rtol=rtol)) if every else None
        step()  # compiles
        start = time.process_time()
        for _ in range(steps):
            step()
        spent = (time.process_time() - start) / steps
    return spent, done.worst if done else 0.0, done.saved if done else 0.0


def one(name: str, make: Callable[[], Any], steps: int) -> dict[str, Any]:
    """Measure one network all ways, from the same weights."""
    import torch  # noqa: PLC0415

    from crossbarsim import Wires  # noqa: PLC0415
    from crossbarsim.nn import CrossbarConfig, convert  # noqa: PLC0415

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = make()
    config = CrossbarConfig(tile_shape=TILE, wires=Wires(OHM, OHM))

    def chip() -> Any:
        return convert(model, config).train()

    lazy, lazy_noise = (
        _seconds(chip(), 4 * steps, every=10, **options)
        for options in ({}, {"noise": NOISE, "rtol": 0.05})
    )
    return {
        "network": name, "digital": _seconds(make(), 4 * steps)[0],
        "exact": _seconds(chip(), steps)[0], "exact_noise": _seconds(chip(), steps, noise=NOISE)[0],
        "lazy": lazy[0], "error": lazy[1], "saved": lazy[2],
        "lazy_noise": lazy_noise[0], "error_noise": lazy_noise[1], "saved_noise": lazy_noise[2],
    }


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure on one core."""
    rows = []
    for name, make in list(_networks().items())[1 if quick else 0 : 2 if quick else None]:
        rows.append(one(name, make, 2 if quick else 5))
        print(rows[-1], flush=True)
    return {"rows": rows}


def table(result: dict[str, Any]) -> str:
    """Return the table in Markdown."""
    head = (
        f"Milliseconds of CPU time per step of {BATCH} images, arrays of {TILE[0]}x{TILE[1]}, "
        f"{OHM:g} ohm per segment; noise of {100 * NOISE:g} % of `g_on`; lazy: "
        "`lazy_matrices(every=10)`, with the largest error that it measured."
    )
    rows = [
        f"| {r['network']} | {1e3 * r['digital']:.1f} | {1e3 * r['exact']:.0f} "
        f"| {1e3 * r['lazy']:.0f} | {r['error']:.1e} | {1e3 * r['exact_noise']:.0f} "
        f"| {1e3 * r['lazy_noise']:.0f} | {r['error_noise']:.1e} |"
        for r in result["rows"]
    ]
    return "\n".join([
        head, "", "| network | torch | exact | lazy | error | exact, noise | lazy, noise | error |",
        "|---|---|---|---|---|---|---|---|", *rows,
    ])
