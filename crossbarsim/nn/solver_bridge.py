"""Between torch and the solver: checked tensors in, crossbars solved, gradients out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from ..core.errors import BackendUnavailable, ParameterError
from ..core.validation import Array
from ..netlists.crossbar.crossbar import Crossbar, Wires
from ..netlists.crossbar.ends import Ends
from ..solvers import Gradients, Solution, Solver

__all__ = [
    "Resistance", "Setting", "checked_tensor", "currents", "gradients", "resistance_tensor",
    "setting", "solutions", "tiled", "to_numpy", "to_tensor",
]

Resistance: TypeAlias = float | Tensor


@dataclass(frozen=True)
class Setting:
    """What is not differentiated: who solves, and what the arrays are connected to."""

    solver: Solver
    ends: Ends | None
    driver: float
    sense: float

    def crossbar(self, G: Array, word: Array, bit: Array) -> Crossbar:
        """Return a crossbar of conductances (M, N) siemens and wires, ohm per segment."""
        return Crossbar(G, Wires(word, bit, driver=self.driver, sense=self.sense), self.ends)


def to_numpy(name: str, tensor: Tensor) -> Array:
    """Return the tensor's values as float64."""
    if tensor.device.type != "cpu":
        raise BackendUnavailable(
            f"`{name}` is on {tensor.device}, but this solver runs on the CPU: move it with "
            ".cpu(), or, on CUDA, leave `solver` out or give Solver(backend='gpu')"
        )
    array: Array = tensor.detach().to(torch.float64).numpy()
    return np.ascontiguousarray(array).reshape(array.shape)  # 0-d stays 0-d


def checked_tensor(name: str, value: Any) -> Tensor:
    """Return a tensor of float32 or float64, or raise."""
    if not isinstance(value, Tensor):
        raise ParameterError(f"`{name}` must be a tensor; got {type(value).__name__}")
    if value.dtype not in (torch.float32, torch.float64):
        raise ParameterError(f"`{name}` must be float32 or float64; got {value.dtype}")
    return value


def resistance_tensor(name: str, value: Any) -> Tensor:
    """Return ohm per segment, a number or a tensor, as a tensor."""
    if isinstance(value, Tensor):
        return checked_tensor(name, value)
    if isinstance(value, bool) or not isinstance(value, (int, float, np.floating)):
        raise ParameterError(f"`{name}` must be a number or a tensor; got {value!r:.60}")
    try:
        return torch.tensor(float(value), dtype=torch.float64)
    except OverflowError as error:
        raise ParameterError(f"`{name}` is too large: {value!r:.30}") from error


def tiled(V: Any, G: Any) -> tuple[Tensor, Tensor]:
    """Return voltages (T, B, M) and conductances (T, M, N) of one crossbar or of several."""
    V, G = checked_tensor("V", V), checked_tensor("G", G)
    several = G.ndim == 3
    if G.ndim not in (2, 3) or V.ndim not in ((3,) if several else (1, 2)):
        raise ParameterError(
            "`V` and `G` must have the shapes (M,) or (B, M) with (M, N), or (T, B, M) with "
            f"(T, M, N); got {tuple(V.shape)} and {tuple(G.shape)}"
        )
    if V.shape[-1] != G.shape[-2] or (several and V.shape[0] != G.shape[0]):
        raise ParameterError(
            f"`V` {tuple(V.shape)} does not fit `G` {tuple(G.shape)}: one voltage per word line"
        )
    return (V, G) if several else (V.reshape(1, -1, V.shape[-1]), G.unsqueeze(0))


def setting(solver: Solver | None, ends: Ends | None, driver: float, sense: float) -> Setting:
    """Return the setting of a call, with a solver of its own where none is given."""
    if solver is not None and not isinstance(solver, Solver):
        raise ParameterError(f"`solver` must be a Solver; got {type(solver).__name__}")
    return Setting(solver or Solver(), ends, driver, sense)


def to_tensor(gradient: Array, like: Tensor) -> Tensor:
    """Return a gradient in the type and shape of the tensor that it is of."""
    return torch.from_numpy(np.array(gradient)).to(like.dtype).reshape(like.shape)


def solutions(
    solver: Solver, xbars: Sequence[Crossbar], volts: Array, *, keep: bool
) -> list[Solution]:
    """Solve T crossbars at voltages (T, B, M), with all their fields or with currents alone."""
    fields: Any = "all" if keep else "currents"
    if len(xbars) == 1:  # the threads share the vectors
        return [solver.solve(xbars[0], volts[0], fields=fields)]
    return solver.solve_many(xbars, list(volts), fields=fields)


def currents(found: Sequence[Solution], V: Tensor, G: Tensor) -> Tensor:
    """Return the currents (T, B, N) of solutions in the wider type of voltages and cells."""
    stacked = np.stack([sol.currents for sol in found])
    return torch.from_numpy(stacked).to(torch.promote_types(V.dtype, G.dtype))


def gradients(
    found: Sequence[Gradients], V: Tensor, G: Tensor, word: Tensor, bit: Tensor
) -> tuple[Tensor, ...]:
    """Return the gradients in voltages, cells and the wires that all crossbars share."""
    return (
        to_tensor(np.stack([g.V for g in found]), V),
        to_tensor(np.stack([g.conductance for g in found]), G),
        to_tensor(np.sum([g.word for g in found], axis=0), word),
        to_tensor(np.sum([g.bit for g in found], axis=0), bit),
    )
