"""Networks' crossbars on a GPU: ``python -m benchmarks.gpu``.

Times with the arrays on the device, beside the card's own rates of copying and of products in
double precision, measured in the same run. Without a GPU it says what is missing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from crossbarsim.solvers.crossbar.batched import ArrayBackend, choose_backend
from crossbarsim.solvers.crossbar.batched.crossbar_batch import Stack
from crossbarsim.solvers.crossbar.batched.device_tensors import Alike
from crossbarsim.solvers.crossbar.batched.reduction import Reduction
from crossbarsim.solvers.crossbar.problem import make_problem

from crossbarsim import (
    EKV,
    Crossbar,
    Driven,
    Ends,
    OneTransistorOneResistor,
    Pulse,
    Solver,
    Wires,
)
from crossbarsim.core.errors import BackendUnavailable
from crossbarsim.devices import VTEAM

from .rowwise import matrices_by_rows
from .timing import best_of

SIZES = {
    # tiles of a network in differential pairs: cells / 128^2
    "tiles": 1360, "lenet": 8, "size": 128, "vectors": 10_000, "vector_tiles": 8,
    "devices": 1_000_000, "product": 4096, "copy": 1 << 27, "chips": 1000, "chip_size": 64,
}
QUICK = {"tiles": 4, "lenet": 2, "size": 16, "vectors": 40, "vector_tiles": 2, "devices": 50,
         "product": 128, "copy": 1 << 16, "chips": 2, "chip_size": 4}
_WIRES = Wires(1.0, 1.0)


def describe(backend: ArrayBackend) -> dict[str, Any]:
    """Return what computes: card, driver and CuPy."""
    if not backend.on_device:
        return {"device": backend.describe(), "numpy": np.__version__}
    runtime = backend.xp.cuda.runtime
    return {
        "device": backend.describe(), "cupy": backend.xp.__version__,
        "driver_cuda": runtime.driverGetVersion(), "runtime_cuda": runtime.runtimeGetVersion(),
    }


def timed(backend: ArrayBackend, work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the best time until the device is done, and the result."""

    def whole() -> Any:
        result = work()
        if backend.on_device:
            backend.xp.cuda.Device().synchronize()
        return result

    return best_of(whole)


def rates(backend: ArrayBackend, sizes: dict[str, int]) -> dict[str, float]:
    """Return the device's bytes and flops per second, measured."""
    xp, n = backend.xp, sizes["product"]
    a, b = xp.ones((n, n)), xp.ones(sizes["copy"])
    product, _ = timed(backend, lambda: xp.matmul(a, a))
    copy, _ = timed(backend, lambda: xp.array(b))
    return {"flops": 2.0 * n**3 / product, "bytes": 16.0 * sizes["copy"] / copy}


def work_of(shape: tuple[int, int]) -> tuple[float, float]:
    """Return flops to reduce one crossbar, and to find the voltages of one more vector."""
    problem = make_problem(Crossbar(np.ones(shape), _WIRES), np.zeros((1, shape[0])))
    stages = Reduction.of(Stack.of(ArrayBackend(), [problem]), keep=True).stages
    reduce, back = 0.0, 0.0
    for stage in stages:
        _, blocks, k, m = stage.X.shape
        reduce += blocks * sum(2.0 * order**2 for order in range(m, m + k))
        back += 2.0 * blocks * k * m
    return reduce, back


def run(*, quick: bool = False, backend: ArrayBackend | None = None) -> dict[str, Any]:
    """Measure on `backend`, by default the GPU.

    Raises
    ------
    BackendUnavailable
        Without a GPU, which says what is missing.
    """
    arrays = backend or choose_backend("gpu")[0]
    if arrays is None:
        raise AssertionError("a backend was chosen or refused")
    sizes = QUICK if quick else SIZES
    shape = (sizes["size"], sizes["size"])
    peak = rates(arrays, sizes)
    reduce, back = work_of(shape)
    like = Crossbar(np.ones(shape), _WIRES)
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []

    def note(name: str, seconds: float, flops: float, moved: float, **more: Any) -> None:
        rows.append({
            "name": name, "seconds": seconds, "flop_share": flops / seconds / peak["flops"],
            "byte_share": moved / seconds / peak["bytes"], **more,
        })
        print(rows[-1], flush=True)

    cells = shape[0] * shape[1]
    G = rng.uniform(1e-6, 1e-4, (sizes["tiles"], *shape))
    grad = rng.normal(size=(sizes["tiles"], shape[1], shape[0]))
    check = Solver().effective_matrix(Crossbar(G[0], _WIRES))
    for name, count in (("ResNet-18", sizes["tiles"]), ("LeNet", sizes["lenet"])):
        alike = Alike(arrays, arrays.asarray(G[:count]), like)
        by = arrays.asarray(grad[:count])
        seconds, W = timed(arrays, alike.matrices)
        difference = float(np.abs(arrays.to_host(W)[0] / check - 1.0).max())
        note(f"effective matrices, {name}: {count} tiles", seconds, count * reduce,
             16.0 * count * cells, difference=difference)

        there = arrays.asarray(G[:count])
        rows_seconds, by_rows = timed(
            arrays, lambda there=there: matrices_by_rows(arrays.xp, there, 1.0, 1.0)
        )
        note(f"the same row by row, {name}", rows_seconds, count * 5 * reduce,
             16.0 * count * cells,
             difference=float(np.abs(arrays.to_host(by_rows)[0] / check - 1.0).max()))

        def step(alike: Alike = alike, by: Any = by) -> Any:
            alike.matrices()
            return alike.matrix_gradients(by, wires=False)

        seconds, _ = timed(arrays, step)
        note(f"training step, {name}: matrices and their gradients", seconds,
             count * (2 * reduce + 2 * shape[0] * back), 48.0 * count * cells)
    vectors, tiles = sizes["vectors"], sizes["vector_tiles"]
    solver = Solver(backend=arrays)
    V = rng.uniform(0, 0.2, (vectors, shape[0]))
    xbars = [Crossbar(g, _WIRES) for g in G[:tiles]]
    seconds, sols = timed(arrays, lambda: solver.solve_many(xbars, [V] * tiles))
    expected = Solver().solve(xbars[-1], V[-1])
    note(f"{vectors} vectors through {tiles} tiles, all node voltages, to the host", seconds,
         tiles * (reduce + vectors * back), 16.0 * tiles * vectors * cells,
         difference=float(np.abs(sols[-1].currents[-1] / expected.currents - 1.0).max()),
         residual=max(sol.residual for sol in sols))
    write_chips(arrays, sizes, note)
    if arrays.on_device:  # kernels of devices are CUDA
        t = np.linspace(0.0, 5e-9, 50)
        volts = 1.2 * np.sin(2e9 * t)
        start = rng.uniform(1e-4, 1e-2, sizes["devices"])
        seconds, trace = timed(arrays, lambda: VTEAM().simulate(
            t, volts, conductance=start, save="final", backend=arrays
        ))
        few = VTEAM().simulate(t, volts, conductance=start[:100], save="final")
        note(f"{sizes['devices']} VTEAM devices through a pulse", seconds, 0.0,
             16.0 * sizes["devices"], steps=trace.steps,
             difference=float(np.abs(trace.current[:100] / few.current - 1.0).max()))
    return {**describe(arrays), "rates": peak, "rows": rows}


def write_chips(arrays: ArrayBackend, sizes: dict[str, int], note: Callable[..., None]) -> None:
    """Measure a write pulse on one row of every chip of a Monte Carlo run, 1T1R."""
    rng = np.random.default_rng(1)
    count, n = sizes["chips"], sizes["chip_size"]
    chips = []
    for _ in range(count):
        device = VTEAM(r_on=1e4 * rng.lognormal(0.0, 0.1, (n, n)), r_off=1e6)
        cells = OneTransistorOneResistor(
            device.array(conductance=np.full((n, n), 2e-6)),
            EKV.preset("ptm_65nm", width=1e-6), gate_voltage=0.0,
        )
        chips.append(Crossbar(cells=cells, wires=Wires(2.0, 2.0),
                              ends=Ends(bit_bottom=Driven(voltage=0.0))))
    gates = [Pulse(0.0, 2.0 if row == 1 else 0.0, rise=1e-10, width=2e-8, fall=1e-10)
             for row in range(n)]
    write = Pulse(0.0, 1.5, delay=2e-10, rise=1e-10, width=8e-10, fall=1e-10)
    drive = {"word_left": Pulse(0.0, 0.0), "bit_bottom": write, "gate": gates}
    seconds, found = timed(
        arrays, lambda: Solver(backend=arrays).transient_many(chips, drive, 2e-9)
    )
    alone = Solver().transient(chips[-1], drive, 2e-9)
    difference = abs(found[-1].energy / alone.energy - 1.0)
    note(f"a write in {count} chips of {n}x{n}, 1T1R", seconds, found[0].newton * count
         * 2.0 * n * n**3, 0.0, difference=difference, steps=found[0].steps)


def table(result: dict[str, Any]) -> str:
    """Return the results as a table."""
    about = ", ".join(f"{k} {v}" for k, v in result.items() if k not in ("rates", "rows"))
    peak = result["rates"]
    lines = [
        (f"{about}; {peak['flops'] / 1e12:.2f} Tflop/s in products of doubles, "
         f"{peak['bytes'] / 1e9:.0f} GB/s copying"),
        "",
        "| task | time | share of flop/s | difference to the CPU |", "|---|---|---|---|",
    ]
    for row in result["rows"]:
        difference = f"{row['difference']:.0e}" if "difference" in row else ""
        lines.append(f"| {row['name']} | {1e3 * row['seconds']:.3g} ms | "
                     f"{100 * row['flop_share']:.1f} % | {difference} |")
    return "\n".join(lines)


def main() -> int:
    """Measure and print, or say what is missing."""
    try:
        result = run(quick="--quick" in sys.argv[1:])
    except BackendUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    print(table(result))
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
