"""Whole networks: all tiles to effective matrices, and images per second by each path."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from crossbarsim.core.cpus import cpu_count

from .crossbar_solve import show
from .worker import measure, peak_memory

WEIGHTS = 11_000_000
TILE = 128
LIMIT = 900.0
# path -> images of a batch that are timed, and how often at most; by network
JOBS: dict[str, dict[str, tuple[int, int]]] = {
    "LeNet": {"digital": (512, 5), "ideal": (512, 5), "matrix": (512, 5), "adc": (256, 3),
              "errors": (64, 3), "noise": (64, 3), "born": (64, 3), "vectors": (4, 1),
              "non-linear": (1, 1)},
    "ResNet-18": {"digital": (64, 3), "ideal": (64, 3), "matrix": (64, 3), "adc": (8, 2),
                  "errors": (8, 2), "noise": (8, 2), "surrogate": (8, 2), "vectors": (1, 1),
                  "non-linear": (1, 1)},
}
PATHS = {
    "digital": "torch's own layers",
    "ideal": "crossbars without wire resistance",
    "matrix": "exact wires, effective matrices kept",
    "adc": "the same with 8-bit DACs and ADCs on every column",
    "errors": "and INL, DNL, offset and gain errors of both, amplifiers' errors",
    "noise": "and noise of cells and ADCs in place of these",
    "surrogate": "sinh cells, one linearisation of every array",
    "born": "sinh cells, to first order in their bend",
    "vectors": "exact wires, every input vector solved",
    "non-linear": "sinh cells, exact Newton for every input vector",
}


def ours(tiles: int) -> dict[str, Any]:
    """Time the effective matrices of `tiles` arrays of random cells."""
    from crossbarsim import Crossbar, Solver, Wires  # noqa: PLC0415

    rng = np.random.default_rng(0)
    wires = Wires(word=1.0, bit=1.0)
    xbars = [Crossbar(rng.uniform(1e-6, 1e-4, (TILE, TILE)), wires) for _ in range(tiles)]
    solver = Solver(threads=cpu_count())
    solver.effective_matrices(xbars[:2])  # compiled kernels
    before = peak_memory()
    start = time.perf_counter()
    solver.effective_matrices(xbars)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "bytes": peak_memory() - before, "all_bytes": peak_memory()}


def _config(path: str) -> Any:
    from crossbarsim import Wires  # noqa: PLC0415
    from crossbarsim.nn import CrossbarConfig  # noqa: PLC0415
    from crossbarsim.nonidealities import NonIdealities, ReadNoise, SinhIV  # noqa: PLC0415
    from crossbarsim.periphery import (  # noqa: PLC0415
        ADC,
        DAC,
        Periphery,
        TransimpedanceSense,
    )

    if path == "ideal":
        return CrossbarConfig.ideal((TILE, TILE), precision="float32", path="matrix")
    common: dict[str, Any] = {
        "tile_shape": (TILE, TILE), "wires": Wires(word=1.0, bit=1.0), "precision": "float32",
    }
    if path == "vectors":
        return CrossbarConfig(**common, path="vectors")
    if path in ("non-linear", "surrogate", "born"):
        curved = NonIdealities(iv=SinhIV(v_0=0.25))
        how = "auto" if path == "non-linear" else path
        return CrossbarConfig(**common, nonidealities=curved, path=how)
    if path == "adc":
        return CrossbarConfig(**common, periphery=Periphery(dac=DAC(bits=8), adc=ADC(bits=8)))
    if path == "errors":
        wrong = {"inl": 0.3, "dnl": 0.2, "offset": 0.3, "gain_error": 0.005}
        return CrossbarConfig(**common, periphery=Periphery(
            dac=DAC(bits=8, **wrong), adc=ADC(bits=8, **wrong),
            sense=TransimpedanceSense(offset=1e-3, mismatch=0.01),
        ))
    if path == "noise":
        return CrossbarConfig(
            **common, periphery=Periphery(dac=DAC(bits=8), adc=ADC(bits=8, noise=0.5)),
            nonidealities=NonIdealities(noise=ReadNoise()),
        )
    return CrossbarConfig(**common, path="matrix")


def pictures(network: str, path: str, images: int, repeats: int) -> dict[str, Any]:
    """Time conversion, the first pass (which programs the chip) and later ones."""
    import torch  # noqa: PLC0415

    from crossbarsim.nn import calibrate, convert  # noqa: PLC0415

    from . import models  # noqa: PLC0415

    torch.set_num_threads(cpu_count())
    torch.manual_seed(0)
    model = models.NETWORKS[network][0]().eval()
    batch = models.images(network, images)
    found: dict[str, Any] = {"images": images}
    with torch.no_grad():
        if path != "digital":
            warm = convert(torch.nn.Linear(4, 3), _config(path))  # compiled kernels
            if not _config(path).exact_reads:
                calibrate(warm, [torch.rand(8, 4)])
            warm(torch.rand(2, 4))
            start = time.perf_counter()
            model = convert(model, _config(path))
            found["convert"] = time.perf_counter() - start
            if not _config(path).exact_reads:
                start = time.perf_counter()
                calibrate(model, [batch[: min(images, 4)]])
                found["calibrate"] = time.perf_counter() - start
        start = time.perf_counter()
        model(batch)
        found["first"] = seconds = time.perf_counter() - start
        for _ in range(repeats if seconds < 60.0 else 0):
            start = time.perf_counter()
            model(batch)
            seconds = min(seconds, time.perf_counter() - start)
    found["seconds"], found["bytes"] = seconds, peak_memory()
    return found


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure on two cores."""
    tiles = 2 * -(-WEIGHTS // TILE**2)
    if quick:
        tiles //= 50
    result = {"tiles": tiles, **measure("network:ours", {"tiles": tiles}, 2, 600.0)}
    print(result, flush=True)
    rows = []
    for network, jobs in JOBS.items():
        for path, (images, repeats) in jobs.items():
            if quick and (network != "LeNet" or images < 100):
                continue
            arguments = {"network": network, "path": path, "images": images, "repeats": repeats}
            found = measure("network:pictures", arguments, 2, LIMIT)
            rows.append({"network": network, "path": path, "found": found})
            print(rows[-1], flush=True)
    return {**result, "limit_s": LIMIT, "pictures": rows}


def _rate(each: float) -> str:
    return f"{each:,.0f}" if each >= 100 else f"{each:.2g}"


def table(result: dict[str, Any]) -> str:
    """Return the page's sentence and table."""
    weights = result["tiles"] * TILE**2 / 2e6
    lines = [
        (f"A network of {weights:.1f} million weights (the size of ResNet-18) as differential "
        f"pairs is {result['tiles']:,} tiles of {TILE}x{TILE}: all their effective matrices take "
        f"{show(result['seconds'])} on two cores, and {result['bytes'] / 1e6:,.0f} MB beyond the "
        f"tiles themselves ({result['all_bytes'] / 1e6:,.0f} MB in all).")
    ]
    if "pictures" in result:
        lines += [
            "",
            ("Images per second on two cores, float32, differential pairs on tiles of "
            f"{TILE}x{TILE}, 1 ohm per segment. The first pass programs the chip and reduces its "
            "arrays; memory is the whole process's peak, PyTorch included."), "",
            "| network | path | images/s | conversion, calibration | first pass | memory |",
            "|---|---|---|---|---|---|",
        ]
    for row in result.get("pictures", []):
        found = row["found"]
        head = f"| {row['network']} | {PATHS[row['path']]} |"
        if found is None:
            lines.append(f"{head} none within {result['limit_s']:.0f} s | | | |")
            continue
        ready = ", ".join(show(found[k]) for k in ("convert", "calibrate") if k in found)
        lines.append(
            f"{head} {_rate(found['images'] / found['seconds'])} | {ready} | "
            f"{show(found['first'])} ({found['images']} images) | "
            f"{found['bytes'] / 1e9:.2g} GB |"
        )
    return "\n".join(lines)
