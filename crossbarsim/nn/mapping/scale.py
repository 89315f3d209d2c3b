"""The weight magnitude that the largest conductance stands for."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

__all__ = ["weight_scale"]


def weight_scale(
    weight: Tensor, scaling: Literal["layer", "column"], percentile: float = 100.0
) -> Tensor:
    """Return the weight magnitude that is stored as g_on: (1, 1), or (outputs, 1) per column.

    Parameters
    ----------
    weight : (outputs, inputs) tensor
    scaling : {"layer", "column"}
    percentile : float
        Of the magnitudes, over the layer or over each column; larger weights are cut to it.

    Notes
    -----
    A constant: no gradient runs through it. A matrix or column of zeros has scale 1.
    """
    magnitude = weight.detach().abs().to(torch.float64)
    flat = magnitude if scaling == "column" else magnitude.reshape(1, -1)
    if percentile == 100:
        largest = flat.amax(dim=1, keepdim=True)
    else:
        # of the weights that are there: a pruned matrix is not scaled by its zeros
        largest = torch.stack([_percentile(row[row > 0], percentile) for row in flat]).unsqueeze(1)
    return torch.where(largest > 0, largest, torch.ones_like(largest))


def _percentile(values: Tensor, percentile: float) -> Tensor:
    """Return the smallest value that is not below `percentile` percent of `values`; 0 of none."""
    if not values.numel():
        return values.new_zeros(())
    # torch.quantile refuses more than 2**24 values
    rank = max(1, -(-round(values.numel() * percentile * 1e6) // 100_000_000))
    return values.kthvalue(min(rank, values.numel())).values
