"""Crossbars as differentiable PyTorch functions: tensors in, tensors out, the solver inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..core.errors import BackendUnavailable, ParameterError
from ..netlists.crossbar.ends import Ends
from ..solvers import Solver
from ..solvers.crossbar.batched import ArrayBackend, choose_backend
from .cuda_tensors import currents_on_device, matrices_on_device
from .solver_bridge import (
    Resistance,
    Setting,
    checked_tensor,
    currents,
    gradients,
    resistance_tensor,
    setting,
    solutions,
    tiled,
    to_numpy,
    to_tensor,
)

__all__ = ["crossbar_currents", "effective_matrices", "effective_matrix"]


def _arrays(fixed: Setting, solver: Solver | None, **tensors: Tensor) -> ArrayBackend | None:
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


class _Currents(torch.autograd.Function):
    """Currents of T crossbars: V (T, B, M), G (T, M, N) -> (T, B, N)."""

    @staticmethod
    def forward(
        ctx: Any, V: Tensor, G: Tensor, word: Tensor, bit: Tensor, fixed: Setting
    ) -> Tensor:
        volts, cells = to_numpy("V", V), to_numpy("G", G)
        r_word, r_bit = to_numpy("word", word), to_numpy("bit", bit)
        xbars = [fixed.crossbar(g, r_word, r_bit) for g in cells]
        found = solutions(fixed.solver, xbars, volts, keep=any(ctx.needs_input_grad))
        ctx.solutions, ctx.solver = found, fixed.solver
        ctx.save_for_backward(V, G, word, bit)
        return currents(found, V, G)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        V, G, word, bit = ctx.saved_tensors
        wires = ctx.needs_input_grad[2] or ctx.needs_input_grad[3]
        grads = [
            ctx.solver.vjp(sol, g, wires=wires)
            for sol, g in zip(ctx.solutions, to_numpy("grad", grad), strict=True)
        ]
        return (*gradients(grads, V, G, word, bit), None)


class _Matrices(torch.autograd.Function):
    """Effective matrices of crossbars of any shapes."""

    @staticmethod
    def forward(
        ctx: Any, fixed: Setting, word: Tensor, bit: Tensor, *G: Tensor
    ) -> tuple[Tensor, ...]:
        r_word, r_bit = to_numpy("word", word), to_numpy("bit", bit)
        xbars = [fixed.crossbar(to_numpy("G", g), r_word, r_bit) for g in G]
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
            ctx.xbars, [to_numpy("grad", g) for g in grads], wires=wires
        )
        return (
            None,
            to_tensor(np.sum([r.word for r in results], axis=0), word),
            to_tensor(np.sum([r.bit for r in results], axis=0), bit),
            *(to_tensor(r.conductance, g) for r, g in zip(results, G, strict=True)),
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

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn.functional import crossbar_currents
    >>> G = torch.full((4, 3), 1e-5, dtype=torch.float64, requires_grad=True)
    >>> currents = crossbar_currents(torch.full((4,), 0.2, dtype=torch.float64), G, 1.0, 1.0)
    >>> currents.sum().backward()
    >>> tuple(currents.shape), tuple(G.grad.shape)
    ((3,), (4, 3))
    """
    volts, cells = tiled(V, G)
    fixed = setting(solver, ends, driver, sense)
    r_word, r_bit = resistance_tensor("word", word), resistance_tensor("bit", bit)
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

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn.functional import effective_matrices
    >>> [tuple(w.shape) for w in effective_matrices([torch.full((4, 3), 1e-5)], 1.0, 1.0)]
    [(3, 4)]
    """
    cells = [checked_tensor(f"G[{k}]", g) for k, g in enumerate(G)]
    for k, g in enumerate(cells):
        if g.ndim != 2:
            raise ParameterError(f"`G[{k}]` must have shape (M, N); got {tuple(g.shape)}")
    fixed = setting(solver, ends, driver, sense)
    r_word, r_bit = resistance_tensor("word", word), resistance_tensor("bit", bit)
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

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn.functional import effective_matrix
    >>> G = torch.full((4, 3), 1e-5, dtype=torch.float64)
    >>> bool((effective_matrix(G, 1.0, 1.0) < G.T).all())  # wires take from every cell
    True
    """
    G = checked_tensor("G", G)
    if G.ndim not in (2, 3):
        raise ParameterError(f"`G` must have shape (M, N) or (T, M, N); got {tuple(G.shape)}")
    matrices = effective_matrices(
        [G] if G.ndim == 2 else list(G.unbind(0)), word, bit, solver=solver, ends=ends,
        driver=driver, sense=sense,
    )
    return matrices[0] if G.ndim == 2 else torch.stack(matrices)
