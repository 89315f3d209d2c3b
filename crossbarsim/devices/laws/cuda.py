"""A model's laws and its integrator as CUDA C: one thread per device.

The text is made from the very source that is compiled for the CPU, so that both compute the same.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import Any

import numpy as np

from ...core.validation import Array as Numbers
from ...solvers.crossbar.batched import ArrayBackend
from ..protocol import CompiledDevice
from .c_source import Function, functions_of
from .c_types import Array, Kind, Unit
from .compilation import template

__all__ = ["HEAD", "cuda_source", "functions_in", "integrate_on_device"]

HEAD = """\
#ifdef CROSSBARSIM_HOST
#include <math.h>
#include <stdlib.h>
#define __device__
#define __global__
#define FIRST 0
#define STEP 1
static void report(long long *bad, long long k) { if (*bad < 0 || k < *bad) *bad = k; }
#else
#define FIRST ((long long)blockIdx.x * blockDim.x + threadIdx.x)
#define STEP ((long long)gridDim.x * blockDim.x)
__device__ static void report(long long *bad, long long k)
{
    atomicMin((unsigned long long *)bad, (unsigned long long)k); /* -1 is the largest */
}
#endif
#ifndef INFINITY
#define INFINITY __longlong_as_double(0x7ff0000000000000LL)
#endif
#ifdef __cplusplus
#define EXPORT extern "C" __global__
#else
#define EXPORT __global__
#endif

__device__ static double real_min(double a, double b) { return b < a ? b : a; }
__device__ static double real_max(double a, double b) { return b > a ? b : a; }
__device__ static long long whole_min(long long a, long long b) { return b < a ? b : a; }
__device__ static long long whole_max(long long a, long long b) { return b > a ? b : a; }
"""
_EVALUATE = """
EXPORT void evaluate_many(
    double *v, double *x, double *P, double *i, double *rows, long long n, long long wide)
{
    for (long long k = FIRST; k < n; k += STEP) {
        double p[NP + 1], state[NS + 1], out[(1 + NS) * (2 + NS)];
        for (int m = 0; m < NP; ++m) p[m] = P[m * wide + (wide > 1 ? k : 0)];
        for (int s = 0; s < NS; ++s) state[s] = x[s * n + k];
        evaluate(v[k], state, p, out);
        i[k] = out[0];
        for (int m = 0; m < (1 + NS) * (2 + NS); ++m) rows[m * n + k] = out[m];
    }
}
"""
_TAKE = """for q in range(P.shape[0]):
            p[q] = P[q, k if P.shape[1] > 1 else 0]
"""
# what `integrate` takes; sizes that are known when it is called follow its own arguments
_ARGUMENTS = {
    "t": ("T_",), "V": ("waves", "T_"), "P": ("NP", "wide"), "low": ("NS", "limits"),
    "high": ("NS", "limits"), "x": ("NS", "n_"), "current": ("n_", "kept"),
    "states": ("NS", "n_", "T_"), "stats": ("n_", "2"),
}
_SIZES = ("T_", "waves", "wide", "limits", "n_", "kept")
_SCALARS = {"limit": "int", "noisy": "int", "key": "word", "first_cell": "word", "every": "int"}


class _Integrate(Function):
    """The kernel over all devices: each thread takes its own."""

    def text(self) -> str:
        body = self.node.body
        at = next(k for k, part in enumerate(body)
                  if isinstance(part, ast.For) and ast.unparse(part.target) == "k")
        self.block(body[:at])
        self.emit("for (long long each = FIRST; each < n_; each += STEP) {")
        self.emit("    k = each;")
        self.depth += 1
        self.block(getattr(body[at], "body", []))
        self.depth -= 1
        self.emit("}")
        return "\n".join([self.head(), "{", *self.declarations(), *self.lines, "}"])

    def head(self) -> str:
        """Return the kernel's head."""
        parts = [f"double *{name}" if isinstance(kind, Array) else
                 f"{'double' if kind == 'double' else 'long long'} {name}"
                 for name, kind in self.arguments.items()]
        parts += [f"long long {size}" for size in _SIZES]
        return f"EXPORT void integrate({', '.join(parts)}, long long *failed)"

    def give(self, node: ast.Return) -> None:
        """Write a return: the first device that fails is reported."""
        if node.value is not None and ast.unparse(node.value) == "k":
            self.emit("report(failed, k);")
            self.emit("return;")
        else:
            self.refuse(node)


@lru_cache(maxsize=64)
def cuda_source(model: type[Any], size: int) -> str:
    """Return CUDA C source of a model's kernels, for `size` parameters.

    ``evaluate_many(v, x, P, i, rows, n, wide)`` fills current (n,) and all laws with their partial
    derivatives, rows ((1 + S)(2 + S), n), at voltages v (n,), states x (S, n) and parameters P
    (K, wide), wide 1 or n. ``integrate`` is the kernel of `Device.simulate`: its arguments, then
    the sizes T, waveforms, wide, width of the bounds, n, width of the currents, and the index of
    a device that failed, -1 before. With ``CROSSBARSIM_HOST`` defined a C compiler takes it, too.
    """
    count = len(model.states)
    shapes = {("integrate", name): dims for name, dims in _ARGUMENTS.items()}
    for function in ("evaluate", "conduct", "rates"):
        shapes |= {(function, "x"): ("NS",), (function, "out"): ("0",), (function, "f"): ("NS",)}
    shapes |= {
        ("noise", "x"): ("NS",), ("noise", "out"): ("NS",), ("solve_small", "A"): ("NS", "NS"),
        ("solve_small", "b"): ("NS",), ("confine", "x"): ("NS",), ("rosenbrock", "K"): ("6", "NS"),
        ("rosenbrock", "A"): ("NS", "NS"), ("explicit", "K"): ("6", "NS"),
    }
    for function in ("rosenbrock", "explicit"):
        shapes |= {(function, name): ("NS",)
                   for name in ("x", "low", "high", "new", "b", "state", "first", "out", "last")}
    constants: dict[str, tuple[str, Kind]] = {
        "S": ("NS", "int"), "width": ("(2 + NS)", "int"),
    }
    tables = []
    for node in ast.parse(template("integrate")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            name = ast.unparse(node.targets[0])
            table = np.array(ast.literal_eval(node.value.args[0]))
            constants[name] = name, Array(tuple(map(str, table.shape)))
            numbers = ", ".join(repr(float(number)) for number in table.ravel())
            tables.append(f"__device__ static const double {name}[] = {{{numbers}}};")
    words = {("gauss", name): "word" for name in ("key", "cell", "draw")}
    words |= {("mixed", name): "word" for name in ("a", "b")}
    words |= {("integrate", name): kind for name, kind in _SCALARS.items()}
    unit = Unit(shapes, words, constants)
    law = model.law()
    if "def conduct(" not in law:
        law += "\n\ndef conduct(v, x, p, out):\n    evaluate(v, x, p, out)"
    steps = template("integrate").replace("take(P, k, p)\n", _TAKE)
    wanted = re.findall(r"^def (\w+)", law, re.MULTILINE)
    source = "\n".join([law, functions_in(template("device"), {
        "mixed", "gauss", "solve_small", "confine", "reach"
    }), functions_in(steps, {"rosenbrock", "explicit"})])
    if "scalar_laws" in wanted and "scalar_laws(" not in law.replace("def scalar_laws(", ""):
        source = _without(source, "scalar_laws")
    text = functions_of(unit, source)
    kernel = next(node for node in ast.parse(steps).body
                  if isinstance(node, ast.FunctionDef) and node.name == "integrate")
    unit.nodes["integrate"] = kernel
    integrate = _Integrate(unit, kernel).text()
    return "\n".join([
        HEAD, f"#define NS {count}", f"#define NP {size}", *tables, "", text, _EVALUATE, integrate,
        "",
    ])


def functions_in(text: str, names: set[str]) -> str:
    """Return the source of some functions of a module."""
    return "\n\n".join(
        ast.unparse(node) for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef) and node.name in names
    )


def _without(source: str, name: str) -> str:
    tree = ast.parse(source)
    return "\n\n".join(ast.unparse(node) for node in tree.body
                       if not (isinstance(node, ast.FunctionDef) and node.name == name))


@lru_cache(maxsize=64)
def _kernel(xp: Any, model: Any, size: int, name: str) -> Any:
    """Return a kernel of a model, compiled by CuPy."""
    source = cuda_source(model, size)
    return xp.RawModule(code=source, options=("--std=c++14",)).get_function(name)


def integrate_on_device(
    backend: ArrayBackend, device: CompiledDevice, time: Numbers, drive: Numbers,
    fixed: tuple[Numbers, Numbers, Numbers], x: Numbers, rtol: float, limit: int, key: int,
    current: Numbers, states: Numbers, stats: Numbers, *, every: bool,
) -> int:
    """Integrate devices as the compiled kernel of `Device.simulate` does, as many as fit at once.

    x (S, n) initial states, overwritten with the final ones; `fixed`: parameters, low and high;
    current, states and stats are filled. Returns the first device that failed, or -1.
    """
    length, count = len(time), x.shape[1]
    kept = current.shape[1]
    rows = sum(len(a) for a in fixed if a.shape[1] > 1) + 2 * len(x) + 2 + kept
    rows += (length if len(drive) > 1 else 0) + (len(x) * length if every else 0)
    chunk = backend.fit(count, 8 * rows, "one device")
    model: Any = type(device)
    kernel = _kernel(backend.xp, model, len(fixed[0]), "integrate")
    for first in range(0, count, chunk):
        s = slice(first, min(first + chunk, count))
        n = s.stop - first
        with backend.guard(f"{n} devices over {length} points"):
            there = backend.asarray
            P, low, high = (
                there(np.ascontiguousarray(a[:, s] if a.shape[1] > 1 else a)) for a in fixed
            )
            waves = there(np.ascontiguousarray(drive[s] if len(drive) > 1 else drive))
            now = there(np.ascontiguousarray(x[:, s]))
            flow, done = there(np.zeros((n, kept))), there(np.zeros((n, 2)))
            path = there(np.zeros((len(x), n, length if every else 0)))
            bad = there(np.array([-1]))
            kernel(((n + 127) // 128,), (128,), (
                there(time), waves, P, low, high, now, np.float64(rtol), np.int64(limit),
                np.int64(device.stochastic), np.int64(key), np.int64(first), np.int64(every), flow,
                path, done, np.int64(length), np.int64(len(waves)), np.int64(P.shape[1]),
                np.int64(low.shape[1]), np.int64(n), np.int64(kept), bad,
            ))
            failed = int(backend.to_host(bad)[0])
            x[:, s], stats[s] = backend.to_host(now), backend.to_host(done)
            current[s] = backend.to_host(flow)
            if every:
                states[:, s] = backend.to_host(path)
        if failed >= 0:
            return first + failed
    return -1
