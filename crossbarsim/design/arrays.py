"""Segments with drivers and amplifiers in series, and the power of an array, differentiable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..core.errors import ParameterError
from ..netlists.crossbar.crossbar import Crossbar, Wires
from ..nn.functional import effective_matrices
from ..nn.solver_bridge import (
    Resistance,
    checked_tensor,
    resistance_tensor,
    to_numpy,
    to_tensor,
)
from ..solvers import Solver

__all__ = ["array_power", "matrices_of", "segments"]


def segments(
    shape: tuple[int, int], word: Resistance = 0.0, bit: Resistance = 0.0,
    driver: Resistance = 0.0, sense: Resistance = 0.0,
) -> tuple[Tensor, Tensor]:
    """Return the segments of word and bit lines, (M, N) ohm each, of an array of M x N.

    The drivers' resistance is in series with the first segment of every word line, the amplifiers'
    with the last of every bit line, as in `Wires`.

    Parameters
    ----------
    shape : (int, int)
    word, bit : float or tensor, ohm per segment
    driver, sense : float or tensor, ohm
        Differentiable, as the others.

    Examples
    --------
    >>> from crossbarsim.design import segments
    >>> word, bit = segments((2, 3), word=1.0, bit=2.0, driver=50.0, sense=10.0)
    >>> word[0].tolist(), bit[:, 0].tolist()
    ([51.0, 1.0, 1.0], [2.0, 12.0])
    """
    if not (isinstance(shape, tuple) and len(shape) == 2 and all(
        isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in shape
    )):
        raise ParameterError(f"`shape` must be two integers >= 1; got {shape!r:.60}")
    values = {
        name: resistance_tensor(name, value).to(torch.float64)
        for name, value in (("word", word), ("bit", bit), ("driver", driver), ("sense", sense))
    }
    for name, value in values.items():
        if value.ndim or not bool(value >= 0) or not bool(torch.isfinite(value)):
            raise ParameterError(f"`{name}` must be one finite resistance >= 0 ohm; got {value}")
    first = torch.zeros(shape, dtype=torch.float64)
    first[:, 0] = 1.0
    last = torch.zeros(shape, dtype=torch.float64)
    last[-1] = 1.0
    return values["word"] + values["driver"] * first, values["bit"] + values["sense"] * last


def matrices_of(
    cells: Sequence[Tensor], word: Tensor, bit: Tensor, driver: Tensor, sense: Tensor
) -> list[Tensor]:
    """Return the effective matrices (N, M), siemens, of arrays of any shapes (M, N)."""
    shapes: dict[tuple[int, int], list[int]] = {}
    for k, g in enumerate(cells):
        shapes.setdefault((g.shape[0], g.shape[1]), []).append(k)
    found: dict[int, Tensor] = {}
    for shape, numbers in shapes.items():
        wires = segments(shape, word, bit, driver, sense)
        matrices = effective_matrices([cells[k] for k in numbers], *wires)
        found.update(zip(numbers, matrices, strict=True))
    return [found[k] for k in range(len(cells))]


class _Power(torch.autograd.Function):
    """Power (B,) at voltages V (B, M) of cells G (M, N) with segments (M, N) each."""

    @staticmethod
    def forward(ctx: Any, V: Tensor, G: Tensor, word: Tensor, bit: Tensor) -> Tensor:
        wires = Wires(to_numpy("word", word), to_numpy("bit", bit))
        solved = Solver().solve(Crossbar(to_numpy("G", G), wires), to_numpy("V", V))
        cells = np.asarray(solved.cell_currents)
        ctx.save_for_backward(V, G, word, bit)
        # all current of a word line comes in from the left, all of a bit line leaves below
        ctx.fields = (
            np.asarray(solved.word_voltages) - np.asarray(solved.bit_voltages),
            np.flip(np.cumsum(np.flip(cells, axis=2), axis=2), axis=2), np.cumsum(cells, axis=1),
        )
        return torch.from_numpy(np.array(solved.power, dtype=np.float64).reshape(len(V)))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        V, G, word, bit = ctx.saved_tensors
        drop, along_word, along_bit = ctx.fields
        share = to_numpy("grad", grad)[:, None, None]
        return (
            to_tensor(2.0 * share[:, :, 0] * along_word[:, :, 0], V),
            to_tensor((share * drop**2).sum(axis=0), G),
            to_tensor(-(share * along_word**2).sum(axis=0), word),
            to_tensor(-(share * along_bit**2).sum(axis=0), bit),
        )


def array_power(V: Tensor, G: Tensor, word: Tensor, bit: Tensor) -> Tensor:
    """Return the power that the drivers deliver to an array, (B,) watt, differentiable.

    Driven from the left, sensed at the bottom by virtual grounds. Its gradient needs no further
    solution: with fixed voltages, the power's derivative by a conductance is the square of the
    voltage across it, by a resistance minus the square of its current (Cohn, Proc. IRE 47, 1015,
    1959).

    Parameters
    ----------
    V : (B, M) tensor, volt
    G : (M, N) tensor, siemens
    word, bit : (M, N) tensors, ohm
        As from `segments`.

    Raises
    ------
    ParameterError
        Shapes that do not fit, or values out of range.

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.design import array_power, segments
    >>> G = torch.full((2, 2), 1e-3, dtype=torch.float64, requires_grad=True)
    >>> V = torch.tensor([[0.1, 0.2]], dtype=torch.float64)
    >>> power = array_power(V, G, *segments((2, 2)))
    >>> power.sum().backward()
    >>> round(power.item(), 12), G.grad.round(decimals=6).tolist()
    (0.0001, [[0.01, 0.01], [0.04, 0.04]])
    """
    tensors = {
        name: checked_tensor(name, value)
        for name, value in (("V", V), ("G", G), ("word", word), ("bit", bit))
    }
    if V.ndim != 2 or G.ndim != 2 or V.shape[1] != G.shape[0] or not (
        word.shape == bit.shape == G.shape
    ):
        raise ParameterError(
            "`V`, `G`, `word` and `bit` must have the shapes (B, M) and (M, N), three times; got "
            + ", ".join(str(tuple(t.shape)) for t in tensors.values())
        )
    result: Tensor = _Power.apply(  # type: ignore[no-untyped-call]
        *(t.to(torch.float64) for t in tensors.values())
    )
    return result
