"""Groups of a layer side by side on one array, as blocks along its diagonal."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["block_diagonal", "groups_per_array"]


def groups_per_array(groups: int, inputs: int, outputs: int, height: int, width: int) -> int:
    """Return how many groups share an array: the largest divisor of `groups` that fits.

    Parameters
    ----------
    groups, inputs, outputs : int
        Inputs and outputs of one group.
    height, width : int
        Inputs and outputs that an array carries.
    """
    most = min(height // inputs, width // outputs, groups)
    return max((k for k in range(1, most + 1) if groups % k == 0), default=1)


def block_diagonal(weight: Tensor, together: int) -> Tensor:
    """Return matrices (groups / together, together * outputs, together * inputs).

    Every one has `together` of the matrices `weight` (groups, outputs, inputs) along its diagonal,
    and zeros around them.
    """
    if together == 1:
        return weight
    groups, outputs, inputs = weight.shape
    blocks = weight.reshape(-1, together, outputs, inputs).permute(0, 2, 3, 1)
    # (packs, outputs, inputs, together, together)
    whole = torch.diag_embed(blocks).permute(0, 3, 1, 4, 2)
    return whole.reshape(groups // together, together * outputs, together * inputs)
