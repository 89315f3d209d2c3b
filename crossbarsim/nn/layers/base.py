"""What layers with one weight matrix on crossbars share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from ...netlists.errors import ParameterError
from ...solvers import Solver
from ..config import CrossbarConfig
from ..stored import StoredMatrix

__all__ = ["CrossbarLayer"]


class CrossbarLayer(nn.Module):
    """A layer whose weight lies on crossbars.

    Attributes
    ----------
    config : CrossbarConfig
    crossbars : StoredMatrix
        The physical arrays; they take the weight from the layer.
    """

    weight: Tensor
    bias: Any  # a parameter or None, as torch's own layers declare it
    config: CrossbarConfig
    crossbars: StoredMatrix

    def _setup(self, config: CrossbarConfig | None, chip: str, groups: int = 1) -> None:
        if config is not None and not isinstance(config, CrossbarConfig):
            raise ParameterError(f"`config` must be a CrossbarConfig; got {type(config).__name__}")
        self.config = config or CrossbarConfig()
        rows = self._flat_weight()
        self.crossbars = StoredMatrix(
            self.config, chip, len(rows) // groups, rows.shape[1], groups=groups,
            bias=self.bias is not None,
        )

    def _flat_weight(self) -> Tensor:
        """Return the weight as (groups * outputs, inputs)."""
        return self.weight.reshape(len(self.weight), -1)

    def stored_matrices(self) -> Iterator[tuple[StoredMatrix, Tensor, Tensor | None]]:
        """Yield the layer's crossbars, each with the weight (outputs, inputs) and bias it holds."""
        yield self.crossbars, self._flat_weight(), self.bias

    @property
    def input_range(self) -> float | None:
        """Input that stands for the read voltage; None: not calibrated."""
        return self.crossbars.input_range

    @input_range.setter
    def input_range(self, value: float | None) -> None:
        self.crossbars.input_range = value

    def effective_weights(self, solver: Solver | None = None) -> Tensor:
        """Return the weights that the crossbars realise, (outputs, inputs), float64."""
        return self.crossbars.effective(self._flat_weight(), self.bias, solver=solver)[0]
