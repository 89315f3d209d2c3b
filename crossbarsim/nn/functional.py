"""Crossbars as differentiable PyTorch functions: tensors in, tensors out, the solver inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..core.errors import BackendUnavailable, ParameterError
from ..core.validation import Array
from ..netlists.crossbar.crossbar import Crossbar, Wires
from ..netlists.crossbar.ends import Ends
from ..solvers import Solver
from ..solvers.crossbar.batched import ArrayBackend, choose_backend
from .cuda_tensors import currents_on_device, matrices_on_device

__all__ = ["crossbar_currents", "effective_matrices", "effective_matrix"]

Resistance: TypeAlias = float | Tensor


@dataclass(frozen=True)
class _Fixed:
    """What is not differentiated."""

    solver: Solver
    ends: Ends | None
    driver: float
    sense: float

    def crossbar(self, G: Array, word: Array, bit: Array) -> Crossbar:
        return Crossbar(G, Wires(word, bit, driver=self.driver, sense=self.sense), self.ends)


def _numpy(name: str, tensor: Tensor) -> Array:
    """Return the tensor's values as float64."""
    if tensor.device.type != "cpu":
        raise BackendUnavailable(
            f"`{name}` is on {tensor.device}, but this solver runs on the CPU: move it with "
            ".cpu(), or, on CUDA, leave `solver` out or give Solver(backend='gpu')"
        )
    array: Array = tensor.detach().to(torch.float64).numpy()
    return np.ascontiguousarray(array).reshape(array.shape)  # 0-d stays 0-d


def _tensor(name: str, value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        raise ParameterError(f"`{name}` must be a tensor; got {type(value).__name__}")
    if value.dtype not in (torch.float32, torch.float64):
        raise ParameterError(f"`{name}` must be float32 or float64; got {value.dtype}")
    return value


def _resistance(name: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return _tensor(name, value)
    if isinstance(value, bool) or not isinstance(value, (int, float, np.floating)):
        raise ParameterError(f"`{name}` must be a number or a tensor; got {value!r:.60}")
    return torch.tensor(float(value), dtype=torch.float64)


def _tiled(V: Any, G: Any) -> tuple[Tensor, Tensor]:
    """Return voltages (T, B, M) and conductances (T, M, N) of one crossbar or of several."""
    V, G = _tensor("V", V), _tensor("G", G)
    tiled = G.ndim == 3
    if G.ndim not in (2, 3) or V.ndim not in ((3,) if tiled else (1, 2)):
        raise ParameterError(
            "`V` and `G` must have the shapes (M,) or (B, M) with (M, N), or (T, B, M) with "
            f"(T, M, N); got {tuple(V.shape)} and {tuple(G.shape)}"
        )
    if V.shape[-1] != G.shape[-2] or (tiled and V.shape[0] != G.shape[0]):
        raise ParameterError(
            f"`V` {tuple(V.shape)} does not fit `G` {tuple(G.shape)}: one voltage per word line"
        )
    return (V, G) if tiled else (V.reshape(1, -1, V.shape[-1]), G.unsqueeze(0))


def _fixed(solver: Solver | None, ends: Ends | None, driver: float, sense: float) -> _Fixed:
    if solver is not None and not isinstance(solver, Solver):
        raise ParameterError(f"`solver` must be a Solver; got {type(solver).__name__}")
    return _Fixed(solver or Solver(), ends, driver, sense)


def _arrays(fixed: _Fixed, solver: Solver | None, **tensors: Tensor) -> ArrayBackend | None:
    """Return the array backend that the tensors ask for; None: compiled code on the CPU.

    Tensors on a GPU stay there. Scalars on the CPU may go with them.
    """
    chosen = fixed.solver.backend
    large = {name: t for name, t in tensors.items() if t.ndim or t.device.type != "cpu"}
    devices = {t.device for t in large.values()}
    if len(devices) > 1:
        where = ", ".join(f"`{name}` is on {t.device}" for name, t in large.items())
        raise BackendUnavailable(f"{where}: move all of them to one device")
    kind = next(iter(devices)).type
    if kind == "cuda" and (solver is None or chosen != "cpu"):
        return choose_backend(chosen if isinstance(chosen, ArrayBackend) else "gpu")[0]
    host = isinstance(chosen, ArrayBackend) and not chosen.on_device
    return chosen if host and kind == "cpu" and isinstance(chosen, ArrayBackend) else None


def _back(gradient: Array, like: Tensor) -> Tensor:
    return torch.from_numpy(np.array(gradient)).to(like.dtype).reshape(like.shape)


class _Currents(torch.autograd.Function):
    """Currents of T crossbars: V (T, B, M), G (T, M, N) -> (T, B, N)."""

    @staticmethod
    def forward(ctx: Any, V: Tensor, G: Tensor, word: Tensor, bit: Tensor, fixed: _Fixed) -> Tensor:
        volts, cells = _numpy("V", V), _numpy("G", G)
        r_word, r_bit = _numpy("word", word), _numpy("bit", bit)
        xbars = [fixed.crossbar(g, r_word, r_bit) for g in cells]
        fields: Any = "all" if any(ctx.needs_input_grad) else "currents"
        if len(xbars) == 1:  # the threads share the vectors
            solutions = [fixed.solver.solve(xbars[0], volts[0], fields=fields)]
        else:
            solutions = fixed.solver.solve_many(xbars, list(volts), fields=fields)
        ctx.solutions, ctx.solver = solutions, fixed.solver
        ctx.save_for_backward(V, G, word, bit)
        currents = np.stack([sol.currents for sol in solutions])
        return torch.from_numpy(currents).to(torch.promote_types(V.dtype, G.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        V, G, word, bit = ctx.saved_tensors
        wires = ctx.needs_input_grad[2] or ctx.needs_input_grad[3]
        grads = [
            ctx.solver.vjp(sol, g, wires=wires)
            for sol, g in zip(ctx.solutions, _numpy("grad", grad), strict=True)
        ]
        return (
            _back(np.stack([g.V for g in grads]), V),
            _back(np.stack([g.conductance for g in grads]), G),
            _back(np.sum([g.word for g in grads], axis=0), word),
            _back(np.sum([g.bit for g in grads], axis=0), bit),
            None,
        )


class _Matrices(torch.autograd.Function):
    """Effective matrices of crossbars of any shapes."""

    @staticmethod
    def forward(
        ctx: Any, fixed: _Fixed, word: Tensor, bit: Tensor, *G: Tensor
    ) -> tuple[Tensor, ...]:
        r_word, r_bit = _numpy("word", word), _numpy("bit", bit)
        xbars = [fixed.crossbar(_numpy("G", g), r_word, r_bit) for g in G]
        ctx.xbars, ctx.solver = xbars, fixed.solver
        ctx.save_for_backward(word, bit, *G)
        matrices = fixed.solver.effective_matrices(xbars)
        return tuple(
            torch.from_numpy(w).to(g.dtype) for w, g in zip(matrices, G, strict=True)
        )

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        word, bit, *G = ctx.saved_tensors
        wires = ctx.needs_input_grad[1] or ctx.needs_input_grad[2]
        results = ctx.solver.matrix_vjp(
            ctx.xbars, [_numpy("grad", g) for g in grads], wires=wires
        )
        return (
            None,
            _back(np.sum([r.word for r in results], axis=0), word),
            _back(np.sum([r.bit for r in results], axis=0), bit),
            *(_back(r.conductance, g) for r, g in zip(results, G, strict=True)),
        )


def crossbar_currents(
    V: Tensor,
    G: Tensor,
    word: Resistance = 0.0,
    bit: Resistance = 0.0,
    *,
    solver: Solver | None = None,
    ends: Ends | None = None,
    driver: float = 0.0,
    sense: float = 0.0,
) -> Tensor:
    """Return the bit-line currents of one crossbar or of T crossbars of one shape.

    Exact, and differentiable in every tensor by one adjoint solve. Tensors on a CUDA device are
    solved there, without copies to the host (needs CuPy).

    Parameters
    ----------
    V : (M,), (B, M) or (T, B, M) tensor, volt
    G : (M, N) or (T, M, N) tensor, siemens
    word, bit : float or tensor, ohm per segment
        Shapes as in `Wires`; shared by all T crossbars.
    solver : Solver, optional
    ends, driver, sense
        As in `Crossbar` and `Wires`.

    Returns
    -------
    (N,), (B, N) or (T, B, N) tensor, ampere, of the wider dtype of V and G

    Raises
    ------
    ParameterError, SingularCircuitError, ConvergenceError, BackendUnavailable
    """
    volts, cells = _tiled(V, G)
    fixed = _fixed(solver, ends, driver, sense)
    r_word, r_bit = _resistance("word", word), _resistance("bit", bit)
    arrays = _arrays(fixed, solver, V=volts, G=cells, word=r_word, bit=r_bit)
    result: Tensor = _Currents.apply(  # type: ignore[no-untyped-call]
        volts, cells, r_word, r_bit, fixed
    ) if arrays is None else currents_on_device(arrays, volts, cells, r_word, r_bit, fixed.crossbar)
    return result.reshape(*V.shape[:-1], G.shape[-1])


def effective_matrices(
    G: Sequence[Tensor],
    word: Resistance = 0.0,
    bit: Resistance = 0.0,
    *,
    solver: Solver | None = None,
    ends: Ends | None = None,
    driver: float = 0.0,
    sense: float = 0.0,
) -> list[Tensor]:
    """Return the effective matrix (N, M) siemens of every conductance tensor (M, N) in `G`.

    Shapes may differ; all are reduced in one call, spread over the threads. Differentiable in
    every tensor. Parameters as in `crossbar_currents`.
    """
    cells = [_tensor(f"G[{k}]", g) for k, g in enumerate(G)]
    for k, g in enumerate(cells):
        if g.ndim != 2:
            raise ParameterError(f"`G[{k}]` must have shape (M, N); got {tuple(g.shape)}")
    fixed = _fixed(solver, ends, driver, sense)
    r_word, r_bit = _resistance("word", word), _resistance("bit", bit)
    named = {f"G[{k}]": g for k, g in enumerate(cells)}
    arrays = _arrays(fixed, solver, word=r_word, bit=r_bit, **named) if cells else None
    if arrays is not None:
        return matrices_on_device(arrays, cells, r_word, r_bit, fixed.crossbar)
    return list(_Matrices.apply(  # type: ignore[no-untyped-call]
        fixed, r_word, r_bit, *cells
    ))


def effective_matrix(
    G: Tensor,
    word: Resistance = 0.0,
    bit: Resistance = 0.0,
    *,
    solver: Solver | None = None,
    ends: Ends | None = None,
    driver: float = 0.0,
    sense: float = 0.0,
) -> Tensor:
    """Return W with ``currents = V @ W.T``: (N, M) for G (M, N), (T, N, M) for G (T, M, N).

    Exact and differentiable in every tensor; parameters as in `crossbar_currents`.
    """
    G = _tensor("G", G)
    if G.ndim not in (2, 3):
        raise ParameterError(f"`G` must have shape (M, N) or (T, M, N); got {tuple(G.shape)}")
    matrices = effective_matrices(
        [G] if G.ndim == 2 else list(G.unbind(0)), word, bit, solver=solver, ends=ends,
        driver=driver, sense=sense,
    )
    return matrices[0] if G.ndim == 2 else torch.stack(matrices)
