"""Passes of fixed weights, prepared once: small layers take longer to be asked than to be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from ...core.validation import Array
from ..chip.compiled.few import MOST, few_vectors
from ..chip.matrix import StoredMatrix
from ..chip.operators import traced
from ..chip.weight_cache import tracked
from ..mapping import Orders

__all__ = ["prepare", "prepared_pass"]

_NUMPYS = (torch.float64, torch.float32, torch.float16)
_Run: TypeAlias = Callable[[Tensor, "Tensor | None"], "Tensor | None"]


class _Prepared:
    """A pass by what a matrix's cache keeps, for inputs of one type, while nothing else changes."""

    def __init__(self, of: StoredMatrix, dtype: torch.dtype, run: _Run) -> None:
        self.dtype, self.run = dtype, run
        self._parts = _parts(of)

    def __call__(
        self, of: StoredMatrix, x: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor | None:
        kept = self._parts[0]
        if x.dtype is not self.dtype or tracked(weight, bias) or not all(
            a is b for a, b in zip(self._parts, _parts(of), strict=True)
        ):
            return None
        return self.run(x, bias) if kept.is_of(weight, bias) else None


def _parts(of: StoredMatrix) -> tuple[Any, ...]:
    chip = of.chip
    return of.cache.kept, of.config, of.ranges, of.orders, chip.seed, chip.name, chip.disturbance


def prepared_pass(
    matrix: StoredMatrix, x: Tensor, weight: Tensor, bias: Tensor | None
) -> Tensor | None:
    """Return the outputs (..., outputs) for x (..., inputs) by the way that is prepared, or None.

    None where no way is, where anything is not as it was, or where a gradient needs more.
    """
    if not isinstance(matrix, StoredMatrix):  # what stands for one in an exported network
        return None
    way = matrix.cache.prepared
    if way is None or matrix.observer is not None or traced():
        return None
    found: Tensor | None = way(matrix, x, weight, bias)
    return found


def prepare(
    matrix: StoredMatrix, x: Tensor, weight: Tensor, bias: Tensor | None, *,
    weights: Tensor | None = None, offset: Tensor | None = None,
) -> None:
    """Prepare passes like that of x (..., inputs), which is over, where that can be done.

    Parameters
    ----------
    matrix, x, weight, bias
        As in `prepared_pass`.
    weights, offset : tensors, optional
        Effective weights and bias in the type of x, where the pass was their product.
    """
    if not isinstance(matrix, StoredMatrix) or matrix.observer is not None or traced():
        return
    if tracked(weight, bias) or matrix.chip.disturbance is not None:  # other weights every time
        return
    if matrix.cache.kept is None or any(
        isinstance(value, Tensor) and value.requires_grad for value in vars(matrix.ranges).values()
    ):
        return
    run: _Run | None = None
    if weights is not None:
        run = _product(weights, offset, bias)
    elif (
        not matrix.config.exact_reads and x.dtype in _NUMPYS
        and 0 < x.numel() <= MOST * matrix.inputs
    ):
        run = _read(matrix, weight, bias)
    if run is not None:
        matrix.cache.prepared = _Prepared(matrix, x.dtype, run)


def _product(weights: Tensor, offset: Tensor | None, bias: Tensor | None) -> _Run:
    """Return the product with effective weights and an offset: the layer's bias, or another."""
    own = offset is bias
    with torch.inference_mode(mode=False):  # a tensor of that mode could take part in no gradient
        offset = None if offset is None or own else offset.detach().clone()
        weights = weights.clone() if weights.is_inference() else weights

    def run(x: Tensor, bias: Tensor | None) -> Tensor:
        return functional.linear(x, weights, bias if own else offset)

    return run


def _read(matrix: StoredMatrix, weight: Tensor, bias: Tensor | None) -> _Run | None:
    """Return a read of few vectors, or None where these are not read in one compiled pass."""
    _, plans, reading = matrix.reading_of(weight, bias, 0)
    if plans is None:
        return None
    few = few_vectors(
        plans, reading, matrix.orders or Orders(), matrix.scale_of_inputs,
        bias=matrix.on_chip_bias,
    )
    if few is None:
        return None
    inputs, kind = matrix.inputs, plans[0].weights.dtype
    gain, shifts = _corrections(matrix, bias, kind)

    def run(x: Tensor, _bias: Tensor | None) -> Tensor | None:
        if not x.is_cpu or (x.requires_grad and torch.is_grad_enabled()):
            return None
        if not x.ndim or x.shape[-1] != inputs or not 0 < x.numel() <= MOST * inputs:
            return None
        values = x.detach().numpy()
        u = values.reshape(-1, inputs).astype(kind, order="C")
        first = matrix.reads
        object.__setattr__(matrix, "reads", first + len(u))  # a module's own takes 2 us
        y = few(u, first)
        if gain is not None:
            y = y * gain
        for shift in shifts:
            y = y + shift
        # NumPy's conversion: torch's takes 20 us behind a kernel
        y = y.astype(values.dtype).reshape(*values.shape[:-1], -1)
        return torch.from_numpy(y)

    return run


def _corrections(
    matrix: StoredMatrix, bias: Tensor | None, kind: Any
) -> tuple[Array | None, list[Array]]:
    """Return what outputs are multiplied by, and what is added in turn: as `finish` does."""
    ranges = matrix.ranges
    gain, shifts = None, []
    if ranges.gain is not None and ranges.offset is not None:
        gain = None if ranges.tile_gain is not None else ranges.gain
        shifts.append(ranges.offset)
    if bias is not None and not matrix.on_chip_bias:
        shifts.append(bias)

    def own(value: Tensor) -> Array:
        found: Array = value.detach().numpy().astype(kind)
        return found

    return None if gain is None else own(gain), [own(shift) for shift in shifts]
