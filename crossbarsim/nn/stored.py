"""The crossbars of one weight matrix: programming, solving and reading them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..netlists.errors import ParameterError
from ..solvers import Solver
from .config import CrossbarConfig
from .functional import crossbar_currents, effective_matrices
from .mapping import Tile, arrays, assemble, decode, tiles, unit_conductance, weight_scale

__all__ = ["StoredMatrix"]

# Counted work of the two exact paths, nanoseconds per cell on one core.
_NS_REDUCE = 800.0
_NS_VECTOR = 40.0


class StoredMatrix(nn.Module):
    """The crossbars that hold one weight matrix, or one per group.

    The weights are no parameters of it: the layer that owns them passes them in.

    Parameters
    ----------
    config : CrossbarConfig
    chip : str
        Name of the matrix in its network; with the seed it names the device variation.
    outputs, inputs : int
        Of one group.
    groups : int
    bias : bool
        Whether the layer has a bias; on chip it is one more word line.

    Raises
    ------
    ParameterError
        No configuration, or sizes below 1.
    """

    input_range: float | None
    _cache: tuple[tuple[Any, ...], Tensor] | None

    def __init__(
        self, config: CrossbarConfig, chip: str, outputs: int, inputs: int, *, groups: int = 1,
        bias: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(config, CrossbarConfig):
            raise ParameterError(f"`config` must be a CrossbarConfig; got {type(config).__name__}")
        for name, value in (("outputs", outputs), ("inputs", inputs), ("groups", groups)):
            if value < 1:
                raise ParameterError(f"`{name}` must be >= 1; got {value!r}")
        self.config = config
        self.chip = chip
        self.outputs, self.inputs, self.groups = outputs, inputs, groups
        self.on_chip_bias = bias and config.bias == "chip"
        self.input_range = config.input_range
        self._cache = None
        self._seen = 0

    @property
    def scale_of_inputs(self) -> float:
        """Input that stands for the read voltage."""
        return 1.0 if self.input_range is None else float(self.input_range)

    # -- weights as stored -------------------------------------------------------------------

    def _group_matrices(self, weight: Tensor, bias: Tensor | None) -> list[Tensor]:
        """Return the matrices as stored, (outputs, inputs) per group, an on-chip bias last."""
        flat = weight.reshape(self.groups, self.outputs, self.inputs)
        if not self.on_chip_bias:
            return list(flat.unbind(0))
        if bias is None:
            raise ParameterError("`bias` is stored on this chip: it must be given")
        column = bias.reshape(self.groups, -1, 1) / self.scale_of_inputs
        return list(torch.cat([flat, column], dim=2).unbind(0))

    def stored(
        self, weight: Tensor, bias: Tensor | None = None
    ) -> list[tuple[int, Tile, list[Tensor], Tensor]]:
        """Return (group, tile, its arrays in siemens, scale (1, outputs)) for all tiles."""
        result = []
        for group, matrix in enumerate(self._group_matrices(weight, bias)):
            outputs, inputs = matrix.shape
            scale = weight_scale(matrix, self.config)
            levels = (matrix.to(torch.float64) / scale).T
            wide = scale.T.expand(1, outputs)
            for tile in tiles(inputs, outputs, self.config):
                name = f"{self.chip}/{group}"
                cells = arrays(levels[tile.rows, tile.columns], self.config, name, tile.index)
                result.append((group, tile, cells, wide[:, tile.columns]))
        return result

    def _wiring(self) -> dict[str, Any]:
        wires = self.config.wires
        return {
            "word": float(wires.word), "bit": float(wires.bit), "driver": float(wires.driver),
            "sense": float(wires.sense), "ends": self.config.ends,
        }

    # -- effective weights -------------------------------------------------------------------

    def prefers_matrix(self, vectors: int, weight: Tensor, bias: Tensor | None = None) -> bool:
        """Return whether `effective` weights are the cheaper exact way for that many inputs."""
        if self.config.path == "auto":
            self._seen += vectors
        return self._at_hand(weight, bias) or (
            self.config.path == "auto" and self._seen * _NS_VECTOR > _NS_REDUCE
        )

    def _at_hand(self, weight: Tensor, bias: Tensor | None) -> bool:
        """Whether effective weights are there already, are asked for, or are cheaper anyhow."""
        if self.config.path != "auto":
            return self.config.path == "matrix"
        cache = self._cache
        known = cache is not None and cache[0] == self._state(weight, bias)
        return known or (torch.is_grad_enabled() and weight.requires_grad)

    def effective(
        self, weight: Tensor, bias: Tensor | None = None, *, solver: Solver | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return the weights that the crossbars realise, and the bias to add to the product.

        Exact, wires and device variation included, and differentiable in weight and bias. Kept
        until the weights change.

        Parameters
        ----------
        weight : (groups * outputs, inputs) tensor
        bias : (groups * outputs,) tensor, optional
        solver : Solver, optional

        Returns
        -------
        (groups * outputs, inputs) tensor, float64
        (groups * outputs,) tensor or None
            The bias: as it is, or as the crossbars realise it.
        """
        whole = self._whole(weight, bias, solver)
        if not self.on_chip_bias:
            return whole, bias
        return whole[:, :-1], whole[:, -1] * self.scale_of_inputs

    def _whole(self, weight: Tensor, bias: Tensor | None, solver: Solver | None) -> Tensor:
        tracked = torch.is_grad_enabled() and weight.requires_grad
        key = self._state(weight, bias)
        cache = self._cache
        if not tracked and cache is not None and cache[0] == key:
            return cache[1]
        stored = self.stored(weight, bias)
        cells = [g for _, _, tile_cells, _ in stored for g in tile_cells]
        matrices = effective_matrices(cells, solver=solver, **self._wiring())
        whole = self._collect(stored, matrices)
        if not tracked:
            self._cache = (key, whole)
        return whole

    def _state(self, weight: Tensor, bias: Tensor | None) -> tuple[Any, ...]:
        return (
            weight.data_ptr(), weight._version, self.scale_of_inputs, id(self.config),  # noqa: SLF001 - torch's own
            None if bias is None else (bias.data_ptr(), bias._version),  # noqa: SLF001
        )

    def _collect(
        self, stored: Sequence[tuple[int, Tile, list[Tensor], Tensor]], matrices: list[Tensor]
    ) -> Tensor:
        unit = unit_conductance(self.config)
        inputs = self.inputs + self.on_chip_bias
        blocks: dict[int, tuple[list[Tile], list[Tensor]]] = {}
        position = 0
        for group, tile, cells, scale in stored:
            parts = [m.T for m in matrices[position : position + len(cells)]]
            position += len(cells)
            grid, decoded = blocks.setdefault(group, ([], []))
            grid.append(tile)
            decoded.append(decode(parts, self.config) * (scale / unit))
        return torch.cat([
            assemble(decoded, grid, inputs, self.outputs) for grid, decoded in blocks.values()
        ])

    # -- inputs ------------------------------------------------------------------------------

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return the outputs of the crossbars for every input vector, bias included.

        Parameters
        ----------
        x : (B, groups, inputs) tensor
        weight : (groups * outputs, inputs) tensor
        bias : (groups * outputs,) tensor, optional

        Returns
        -------
        (B, groups * outputs) tensor of `x`'s type
        """
        if self._at_hand(weight, bias):
            weights, offset = self.effective(weight, bias)
            grouped = weights.reshape(self.groups, self.outputs, self.inputs).to(x.dtype)
            y = torch.einsum("bgi,goi->bgo", x, grouped).reshape(len(x), -1)
            return y if offset is None else y + offset.to(x.dtype)
        y = self._by_vectors(x, weight, bias)
        if bias is not None and not self.on_chip_bias:
            y = y + bias
        return y.to(x.dtype)

    def _by_vectors(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Solve for every input vector: x (B, groups, inputs) -> (B, groups * outputs)."""
        scale_in = self.scale_of_inputs
        volts = x.to(torch.float64) * (self.config.read_voltage / scale_in)
        if self.on_chip_bias:
            constant = volts.new_full((len(volts), self.groups, 1), self.config.read_voltage)
            volts = torch.cat([volts, constant], dim=2)
        columns: dict[tuple[int, int], Tensor] = {}
        unit = unit_conductance(self.config)
        for group, tile, cells, scale in self.stored(weight, bias):
            parts = [
                crossbar_currents(volts[:, group, tile.rows], g, **self._wiring()) for g in cells
            ]
            siemens = decode(parts, self.config) / self.config.read_voltage
            values = siemens * (scale * scale_in / unit)
            place = (group, tile.columns.start)
            columns[place] = columns[place] + values if place in columns else values
        return torch.cat([columns[k] for k in sorted(columns)], dim=1)

    def extra_repr(self) -> str:
        """Describe the matrix in its network's print-out."""
        return f"{self.groups}x({self.outputs}, {self.inputs}), tiles={self.config.tile_shape}"
