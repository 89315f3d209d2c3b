"""A million independent devices through a waveform of 1000 points, against explicit Euler."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossbarsim.core.cpus import cpu_count

from .crossbar_solve import show
from .worker import measure, peak_memory

DEVICES = int(os.environ.get("CROSSBARSIM_BENCH_DEVICES", "1_000_000"))
POINTS = 1000
SAMPLE = 50_000  # devices that one thread is timed on
CHECKED = 200  # devices whose states are compared with the reference
RTOL = 1e-6
Array = NDArray[np.float64]
Rate = Callable[[float, Array, dict[str, Any]], Array]
_K_EV = 8.617333262e-5


def vteam_rate(v: float, x: Array, p: dict[str, Any]) -> Array:
    """Return dx/dt of VTEAM with Joglekar's window, as one writes it with NumPy."""
    window = 1.0 - (2.0 * x / p["d"] - 1.0) ** 2
    if v >= 0:
        return p["k_off"] * np.maximum(v / p["v_off"] - 1.0, 0.0) ** p["alpha_off"] * window
    return p["k_on"] * np.maximum(v / p["v_on"] - 1.0, 0.0) ** p["alpha_on"] * window


def pku_rate(v: float, x: Array, p: dict[str, Any]) -> Array:
    """Return dgap/dt of the Stanford/PKU model, as one writes it with NumPy."""
    heat = np.abs(v * p["i_0"] * np.exp(-x / p["g_0"]) * math.sinh(v / p["v_0"]))
    kt = _K_EV * (p["t_0"] + heat * p["r_th"])
    gamma = p["gamma_0"] - p["beta"] * (x * 1e9) ** 3
    above = np.clip((gamma * abs(v) / p["t_ox"] / p["f_min"] - 1.0) / 1e-3, 0.0, 1.0)
    gamma = gamma * above * above * (3.0 - 2.0 * above)
    return -p["nu_0"] * np.exp(-p["e_a"] / kt) * np.sinh(gamma * p["a_0"] / p["t_ox"] * v / kt)


def job(name: str, count: int) -> tuple[Any, Array, Array, Array, Rate]:
    """Return device with spread parameters, times, waveform, first states (count,), NumPy rate."""
    from crossbarsim.devices import VTEAM, StanfordPKU  # noqa: PLC0415

    rng = np.random.default_rng(0)
    spread, start = rng.normal(0.0, 1.0, count), rng.uniform(0.3, 0.7, count)
    if name == "VTEAM":
        device = VTEAM(window="joglekar", v_on=-0.2 * (1 + 0.01 * spread),
                       v_off=0.02 * (1 + 0.01 * spread))
        wave = np.sin(2 * np.pi * np.linspace(0.0, 0.7, POINTS))
        v = np.where(wave > 0, 0.8, 0.24) * wave  # half back towards the low resistance
        return device, np.linspace(0, 1e-7, POINTS), v, 3e-9 * start, vteam_rate
    device = StanfordPKU(e_a=0.6 * (1 + 0.002 * spread))
    t = np.linspace(0, 2e-6, POINTS)
    wave = np.sin(2 * np.pi * np.linspace(0.0, 1.0, POINTS))
    return device, t, -1.3 * np.abs(wave), 0.2e-9 + 1.5e-9 * start, pku_rate


def euler(device: Any, t: Array, v: Array, x: Array, rate: Rate, substeps: int) -> Array:
    """Return the last states of a vectorised explicit Euler with `substeps` per interval."""
    p, (low, high) = device.parameters(), (np.ravel(b)[0] for b in device.bounds())
    for k in range(len(t) - 1):
        h = (t[k + 1] - t[k]) / substeps
        for m in range(substeps):
            x = np.clip(x + h * rate(v[k] + (v[k + 1] - v[k]) * m / substeps, x, p), low, high)
    return x


def reference(device: Any, t: Array, v: Array, x: Array, rate: Rate, substeps: int = 200) -> Array:
    """Return the last states by the classical Runge-Kutta method with very small steps."""
    p, (low, high) = device.parameters(), (np.ravel(b)[0] for b in device.bounds())
    for k in range(len(t) - 1):
        h, slope = (t[k + 1] - t[k]) / substeps, (v[k + 1] - v[k]) / substeps
        for m in range(substeps):
            a, b, c = (v[k] + slope * (m + part) for part in (0.0, 0.5, 1.0))
            k1 = rate(a, x, p)
            k2 = rate(b, np.clip(x + 0.5 * h * k1, low, high), p)
            k3 = rate(b, np.clip(x + 0.5 * h * k2, low, high), p)
            k4 = rate(c, np.clip(x + h * k3, low, high), p)
            x = np.clip(x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), low, high)
    return x


def ours(name: str, count: int) -> dict[str, Any]:
    """Time `Device.simulate` on `count` devices; return the first states it ends in."""
    threads = cpu_count()
    device, t, v, x, _ = job(name, count)
    job(name, 4)[0].simulate(  # compiles
        t[:3], v[:3], state=x[None, :4], save="final", threads=1, method="lockstep"
    )
    before = peak_memory()
    start, busy = time.perf_counter(), time.process_time()
    trace = device.simulate(t, v, state=x[None], save="final", rtol=RTOL, threads=threads)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    return {
        "seconds": seconds, "cpu": busy, "bytes": peak_memory() - before,
        "steps": trace.steps / count,
        "states": list(map(float, trace.state[0, :CHECKED])),
    }


def euler_step(name: str, count: int) -> dict[str, Any]:
    """Time the vectorised Euler's step on `count` devices, over a few of its steps."""
    device, t, v, x, rate = job(name, count)
    few = np.linspace(0, POINTS - 2, 12).astype(int)
    p, (low, high) = device.parameters(), (np.ravel(b)[0] for b in device.bounds())
    spent = []
    for k in few:
        start = time.process_time()
        x = np.clip(x + (t[1] - t[0]) * rate(v[k], x, p), low, high)
        spent.append(time.process_time() - start)
    return {"seconds": float(np.mean(spent[1:]))}


def loop(name: str, count: int) -> dict[str, Any]:
    """Time a Python loop over devices, scalar explicit Euler, one step per point."""
    device, t, v, x, _ = job(name, count)
    rows = [{k: (float(q[n]) if np.ndim(q) else q) for k, q in device.parameters().items()}
            for n in range(count)]
    low, high = (float(np.ravel(b)[0]) for b in device.bounds())
    scalar = _scalar_vteam if name == "VTEAM" else _scalar_pku
    start = time.process_time()
    for n in range(count):
        state, p = float(x[n]), rows[n]
        for k in range(POINTS - 1):
            state += scalar(float(v[k]), state, p) * (t[k + 1] - t[k])
            if state >= high or state <= low:
                state = high if state >= high else low
    return {"seconds": (time.process_time() - start) / count}


def _scalar_vteam(v: float, x: float, p: dict[str, Any]) -> float:
    window = 1.0 - (2.0 * x / p["d"] - 1.0) ** 2
    if v >= p["v_off"]:
        return float(p["k_off"] * (v / p["v_off"] - 1.0) ** p["alpha_off"] * window)
    if v <= p["v_on"]:
        return float(p["k_on"] * (v / p["v_on"] - 1.0) ** p["alpha_on"] * window)
    return 0.0


def _scalar_pku(v: float, x: float, p: dict[str, Any]) -> float:
    i = p["i_0"] * math.exp(-x / p["g_0"]) * math.sinh(v / p["v_0"])
    kt = _K_EV * (p["t_0"] + abs(v * i) * p["r_th"])
    gamma = p["gamma_0"] - p["beta"] * (x * 1e9) ** 3
    if gamma * abs(v) / p["t_ox"] < p["f_min"]:
        gamma = 0.0
    return float(
        -p["nu_0"] * math.exp(-p["e_a"] / kt) * math.sinh(gamma * p["a_0"] / p["t_ox"] * v / kt)
    )


def both_ways(name: str, count: int) -> dict[str, Any]:
    """Time a shipped model one by one and in lockstep, nanoseconds per device and point."""
    from crossbarsim.devices import model  # noqa: PLC0415

    device: Any = model(name)()
    amplitude, frequency = type(device).showcase[""][:2]
    t = np.linspace(0.0, 1.0 / frequency, POINTS)
    v = amplitude * np.sin(2.0 * np.pi * frequency * t)
    low, high = (b.reshape(-1, 1) for b in device.bounds())
    x = np.repeat(device.rest().reshape(len(low), 1), count, axis=1)
    if len(x):
        k, share = device.main_state, np.random.default_rng(0).uniform(0.3, 0.7, count)
        x[k] = low[k] + share * (high - low)[k]
    found: dict[str, Any] = {"model": name}
    ends = []
    for method in ("scalar", "lockstep"):
        options = {"save": "final", "rtol": RTOL, "threads": 1, "method": method}
        start = time.process_time()
        device.simulate(t[:3], np.tile(v[:3], (count, 1)), state=x if len(x) else None, **options)
        compiling, spent = time.process_time() - start, []
        for _ in range(3):
            start = time.process_time()
            trace = device.simulate(
                t, np.tile(v, (1 if len(x) else count, 1)), state=x if len(x) else None, **options
            )
            spent.append(time.process_time() - start)
        ends.append(trace.state)
        found |= {method: min(spent) / count / (POINTS - 1) * 1e9, f"{method}_first": compiling,
                  f"{method}_steps": (trace.steps + trace.rejected) / count}
    apart = np.abs(ends[0] - ends[1]) / (high - low)
    return found | {"apart": float(np.quantile(apart, 0.99)) if len(x) else 0.0}


def shipped() -> list[str]:
    """Return the models whose laws are for vectors."""
    from crossbarsim.devices import model, models  # noqa: PLC0415
    from crossbarsim.devices.laws.lane_laws import lane_laws  # noqa: PLC0415

    return [name for name in models() if lane_laws(model(name))[0]]


def accuracy(name: str, states: list[float], count: int) -> dict[str, Any]:
    """Return the errors of our states and of Euler's, relative to the states' range."""
    device, t, v, x, rate = job(name, count)
    few = slice(0, CHECKED)
    own = {k: (q[few] if np.ndim(q) else q) for k, q in device.parameters().items()}
    part = type(device)(**own)
    low, high = (np.ravel(b)[0] for b in device.bounds())
    exact = reference(part, t, v, x[few], rate)
    error = {
        m: float(np.abs(euler(part, t, v, x[few], rate, m) - exact).max() / (high - low))
        for m in (1, 10, 100)
    }
    mine = float(np.abs(np.array(states) - exact).max() / (high - low))
    # of first order: the error falls as 1 / substeps
    needed = max(1, math.ceil(100 * error[100] / mine))
    moved = np.abs(exact - x[few]) / (high - low)
    return {
        "ours": mine, "euler": error[1], "euler_100": error[100], "substeps": needed,
        "moved": float(moved.mean()),
    }


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure both models."""
    count, sample = (20_000, 5_000) if quick else (DEVICES, SAMPLE)
    rows = []
    for name in ("VTEAM", "StanfordPKU"):
        one = measure("devices:ours", {"name": name, "count": sample}, 1, 900.0)
        two = measure("devices:ours", {"name": name, "count": count}, 2, 900.0)
        step = measure("devices:euler_step", {"name": name, "count": count}, 1, 300.0)
        slow = measure("devices:loop", {"name": name, "count": 20}, 1, 300.0)
        found = accuracy(name, two.pop("states"), count)
        rows.append({
            "model": name, "one": one["cpu"] / sample * count, "two": two["seconds"],
            "two_cpu": two["cpu"],
            "bytes": two["bytes"], "steps": two["steps"], **found,
            "euler_seconds": step["seconds"] * (POINTS - 1) * found["substeps"],
            "loop_seconds": slow["seconds"] * count,
        })
        print(rows[-1], flush=True)
    models = []
    for name in shipped():
        pair = {"name": name, "count": 256 if quick else 1024}
        found = measure("devices:both_ways", pair, 1, 900.0)
        models += [found] if found else []
        print(found, flush=True)
    return {"devices": count, "sample": sample, "rows": rows, "models": models}


def table(result: dict[str, Any]) -> str:
    """Return the page's table."""
    lines = [
        (f"{result['devices']:,} independent devices with their own parameters through a waveform "
         f"of {POINTS:,} points by `simulate` (only the ends kept, rtol {RTOL:g}), and how many "
         "times longer a vectorised NumPy explicit Euler takes on one core at the same accuracy, "
         "and a Python loop over devices with one scalar Euler step per point (the way of "
         "MemTorch), at an accuracy of its own."), "",
        ("| model | 1 core | 2 cores | largest error / range | NumPy Euler, same error | "
         "Python loop | its error |"),
        "|---|---|---|---|---|---|---|",
        *(
            f"| {r['model']} | {show(r['one'])} | {show(r['two'])} | {r['ours']:.0e} | "
            f"{r['euler_seconds'] / r['one']:,.0f}x ({r['substeps']:,} substeps) | "
            f"{r['loop_seconds'] / r['one']:.0f}x | {r['euler']:.0e} |" for r in result["rows"]
        ),
    ]
    lines += ["", (
        "Single-core figures are CPU time. One core was timed on "
        f"{result['sample']:,} devices, the NumPy step on {result['devices']:,} devices over 12 "
        "steps, the loop on 20 devices; all scaled. Euler's "
        "error falls as 1 / substeps, measured with 1, 10 and 100. The reference is a classical "
        f"Runge-Kutta method with 200 substeps, on {CHECKED} devices."
    )]
    if "models" in result:
        lines += ["", (
            'Every shipped model, one by one and sixteen devices at a time (`method="lockstep"`, '
            "which is taken by itself for many devices), in one run on one thread, CPU "
            "nanoseconds per device and point of its own loop."
        ), "", "| model | one by one | in lockstep | ratio |", "|---|---|---|---|", *(
            f"| {r['model']} | {r['scalar']:.0f} ns | {r['lockstep']:.0f} ns | "
            f"{r['scalar'] / r['lockstep']:.1f} |" for r in result["models"]
        )]
    return "\n".join(lines)
