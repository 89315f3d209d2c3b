"""Layers in groups, which may share arrays."""

from __future__ import annotations

from torch import Tensor

from ..config import CrossbarConfig
from ..mapping import block_diagonal, groups_per_array
from .base import CrossbarLayer

__all__ = ["Grouped"]


class Grouped(CrossbarLayer):
    """A layer of one weight matrix for each of its groups: `CrossbarConfig.grouping`."""

    groups: int

    _per_array: int | None

    def _setup(self, config: CrossbarConfig | None, chip: str) -> None:
        self._per_array = None
        super()._setup(config, chip)
        self.crossbars.packed = self.groups // self.crossbars.groups

    def _packed(self, weight: Tensor) -> Tensor:
        """Return the matrices (packs, outputs, inputs) of groups' (groups, outputs, inputs)."""
        config = self.config
        if config.grouping == "separate" or self.groups == 1:
            return weight
        if self._per_array is None:  # of the layer: not to be traced
            _, outputs, inputs = weight.shape
            height = config.inputs_per_tile - (config.bias == "chip" and self.bias is not None)
            self._per_array = groups_per_array(
                self.groups, inputs, outputs, height, config.weights_per_tile
            )
        return block_diagonal(weight, self._per_array)
