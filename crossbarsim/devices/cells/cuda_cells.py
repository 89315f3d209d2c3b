"""Cells of arrays as CUDA C: one thread per cell solves its inner node and its states.

As `gpu`, from the templates that are compiled for the CPU.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from ...core.errors import ParameterError
from ...core.validation import Array as Numbers
from ...netlists.crossbar.cells import CellPoint
from ...solvers.crossbar.batched import ArrayBackend
from ..laws.c_source import Function, functions_of
from ..laws.c_types import Array, Kind, Unit
from ..laws.compilation import template
from ..laws.cuda import HEAD, functions_in
from ..protocol import CompiledDevice

__all__ = ["cells_source", "evaluate_on_device"]

_ARGUMENTS = {
    "u": ("n_",), "w": ("n_",), "gate": ("n_",), "base": ("NS", "n_"), "low": ("NS", "limits"),
    "high": ("NS", "limits"), "P": ("NP", "wide"), "Q": ("NQ", "wide_q"), "x": ("NS", "n_"),
    "inner": ("n_",), "i": ("n_",), "gu": ("n_",), "gw": ("n_",),
    "by_u": ("(1 + NS)", "n_"), "by_w": ("(1 + NS)", "n_"),
}
_SIZES = ("limits", "wide", "wide_q", "n_")
_STATES = ("base", "low", "high", "x", "b")
_PARTS = ("s_", "lo_", "hi_", "x_", "out_", "A_", "b_")


class LawArray(Protocol):
    """What a CUDA kernel asks of an array of cells; `DeviceArray` implements it."""

    device: CompiledDevice
    shape: tuple[int, int]

    def laws(self) -> tuple[str, str, Numbers, Numbers, bool]:
        """Return both laws' sources and parameters, and the side of the access element."""
        ...

    def flat_bounds(self) -> tuple[Numbers, Numbers]:
        """Return the states' bounds, each (S, 1) or (S, M N)."""
        ...


class _Cells(Function):
    """The kernel over all cells: each thread takes its own."""

    def text(self) -> str:
        body = self.node.body
        at = next(k for k, part in enumerate(body)
                  if isinstance(part, ast.For) and ast.unparse(part.target) == "k")
        self.block(body[:at])
        self.emit("for (long long each = first + FIRST; each < last; each += STEP) {")
        self.emit("    k = each;")
        self.depth += 1
        self.block(getattr(body[at], "body", []))
        self.depth -= 1
        self.emit("}")
        parts = [f"double *{name}" if isinstance(kind, Array) else
                 f"{'double' if kind == 'double' else 'long long'} {name}"
                 for name, kind in self.arguments.items()]
        parts += [f"long long {size}" for size in _SIZES]
        head = f"EXPORT void cells({', '.join(parts)}, long long *failed)"
        return "\n".join([head, "{", *self.declarations(), *self.lines, "}"])

    def statement(self, node: ast.stmt) -> None:
        """Write one statement; the first cell that fails is reported."""
        if isinstance(node, ast.If) and ast.unparse(node.test) == "not good and bad < 0":
            self.emit("if (!good) report(failed, k);")
        elif isinstance(node, ast.If) and ast.unparse(node.test).startswith("k == first"):
            self.block(node.body)  # each thread takes the parameters of its own cell
        else:
            super().statement(node)


@lru_cache(maxsize=64)
def cells_source(law: str, access: str, sizes: tuple[int, int, int], *, paired: bool) -> str:
    """Return CUDA C source of the kernel ``cells`` of the template of that name.

    Parameters
    ----------
    law, access : str
        Generated source of the device's and, "" without one, the transistor's laws.
    sizes : (int, int, int)
        States, and parameters of device and transistor.
    paired : bool
        Whether inner node and state are solved together first.
    """
    shapes = {("cells", name): dims for name, dims in _ARGUMENTS.items()}
    for function in ("evaluate", "conduct", "rates"):
        shapes |= {(function, "x"): ("NS",), (function, "out"): ("0",), (function, "f"): ("NS",)}
    for function in ("stage", "stage_one", "bisect", "implicit_row"):
        shapes |= {(function, name): ("NS",) for name in _STATES} | {
            (function, "out"): ("0",), (function, "A"): ("NS", "NS"),
        }
    shapes |= {("noise", "x"): ("NS",), ("noise", "out"): ("NS",),
               ("solve_small", "A"): ("NS", "NS"), ("solve_small", "b"): ("NS",)}
    for part in _PARTS:
        shapes |= {("branch", f"{part}{which}"): ("NS", "NS") if part == "A_" else ("NS",)
                   for which in "da"}
    shapes |= {("through", name): ("NS",)
               for name in ("start", "lo", "hi", "state", "out", "A", "rhs")}
    shapes |= {(function, "q"): ("NQ",)
               for function in ("branch", "pair", "through", "through_plain")}
    constants: dict[str, tuple[str, Kind]] = {
        "S": ("NS", "int"), "STATES_OF_ACCESS": ("0", "int"),
        "PAIRED": ("1" if paired else "0", "bool"),
    }
    kinds = {("cells", name): "int" for name in ("first", "last", "flip")}
    kinds |= {(function, "flip"): "int" for function in ("branch", "pair")}
    kinds |= {("implicit_row", "s"): "int"}
    unit = Unit(shapes, kinds, constants)
    paths = functions_in(template("stage"), {"bisect", "stage_one", "implicit_row", "stage"})
    if access:
        law += "\n\n" + access
        paths += "\n\n" + functions_in(template("transistor"), {"through", "through_plain"})
        paths += "\n\n" + functions_in(template("access"), {"branch"})
    else:
        paths += "\n\n" + functions_in(template("bare"), {"branch"})
    paths += "\n\n" + functions_in(template("pair" if paired else "unpaired"), {"pair"})
    small = functions_in(template("device"), {"solve_small"})
    text = functions_of(unit, f"{law}\n\n{small}\n\n{paths}")
    body = template("cells")
    for view in ("[:S_d, :S_d]", "[S_d:, S_d:]", "[:S_d]", "[S_d:]", "[:size]", "[size:]"):
        body = body.replace(view, "")  # there are no states of access elements
    for values, own in (("P", "p"), ("Q", "q")):
        body = body.replace(f"take({values}, k, {own})\n", (
            f"for r in range({values}.shape[0]):\n"
            f"                {own}[r] = {values}[r, k if {values}.shape[1] > 1 else 0]\n"
        ))
    kernel = next(node for node in ast.parse(body).body
                  if isinstance(node, ast.FunctionDef) and node.name == "cells")
    unit.nodes["cells"] = kernel
    sizes_text = [f"#define {name} {size}"
                  for name, size in zip(("NS", "NP", "NQ"), sizes, strict=True)]
    return "\n".join([
        HEAD, *sizes_text, "", text,
        _Cells(unit, kernel).text(), "",
    ])


@lru_cache(maxsize=64)
def _kernel(xp: Any, source: str) -> Any:
    return xp.RawModule(code=source, options=("--std=c++14",)).get_function("cells")


def evaluate_on_device(
    backend: ArrayBackend, array: LawArray, u: Numbers, w: Numbers, gate: Numbers, *,
    base: Numbers, step: float, state: Numbers, inner: Numbers, tol: float,
) -> CellPoint:
    """Evaluate cells on a GPU; arguments and result of `DeviceArray.evaluate`.

    Raises
    ------
    ParameterError
        For selectors, which are evaluated on the CPU.
    OutOfMemoryError
    """
    own, access, P, Q, flip = array.laws()
    if len(state) != len(array.device.states):
        raise ParameterError("cells with selectors are solved on the CPU: use backend='cpu'")
    paired = bool(access) and len(state) == 1
    source = cells_source(own, access, (len(state), len(P), len(Q)), paired=paired)
    kernel, there, xp = _kernel(backend.xp, source), backend.asarray, backend.xp
    n, S = u.size, len(state)
    backend.fit(1, 8 * n * (7 + 4 * (1 + S)), f"an array of {n} cells")
    with backend.guard(f"{n} cells"):
        low, high = array.flat_bounds()
        x = there(np.array(state.reshape(S, n)))
        m = there(np.array(inner.ravel()))
        i, gu, gw = xp.zeros(n), xp.zeros(n), xp.zeros(n)
        by_u, by_w = xp.zeros((1 + S, n)), xp.zeros((1 + S, n))
        failed = there(np.array([-1]))
        flat = (there(np.ascontiguousarray(a).ravel()) for a in (u, w, gate))
        kernel(((n + 127) // 128,), (128,), (
            np.int64(0), np.int64(n), *flat, np.float64(array.device.polarity),
            there(np.ascontiguousarray(base.reshape(S, n))), np.float64(step), there(low),
            there(high), there(P), there(Q), np.int64(flip), x, m, np.float64(tol), i, gu, gw,
            by_u, by_w, np.int64(low.shape[1]), np.int64(P.shape[1]), np.int64(Q.shape[1]),
            np.int64(n), failed,
        ))
        back = backend.to_host
        found = [back(a).reshape(array.shape) for a in (i, gu, gw, m)]
        leads = [back(a).reshape(1 + S, *array.shape) for a in (by_u, by_w)]
        by_bit = found[2] if access else found[1]
        return CellPoint(
            found[0], found[1], by_bit, found[3], back(x).reshape(state.shape), leads[0],
            leads[1], int(back(failed)[0]),
        )
