"""Layers whose products are currents of crossbars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..netlists.errors import ParameterError
from ..solvers import Solver
from .config import CrossbarConfig
from .functional import crossbar_currents, effective_matrices
from .mapping import Tile, arrays, assemble, decode, tiles, unit_conductance, weight_scale

__all__ = ["CrossbarConv2d", "CrossbarLayer", "CrossbarLinear"]

# Counted work of the two exact paths, nanoseconds per cell on one core.
_NS_REDUCE = 800.0
_NS_VECTOR = 40.0


class CrossbarLayer(nn.Module):
    """What crossbar layers share: tiles, their effective weights, and the choice of the path.

    Attributes
    ----------
    config : CrossbarConfig
    chip : str
        The layer's name in its network; with the seed it names the device variation.
    """

    weight: Tensor
    bias: Any  # a parameter or None, as torch's own layers declare it
    config: CrossbarConfig
    chip: str
    groups: int
    input_range: float | None
    _cache: tuple[tuple[Any, ...], Tensor] | None

    def _setup(self, config: CrossbarConfig | None, chip: str) -> None:
        if config is not None and not isinstance(config, CrossbarConfig):
            raise ParameterError(f"`config` must be a CrossbarConfig; got {type(config).__name__}")
        self.config = config or CrossbarConfig()
        self.chip = chip
        self.input_range = self.config.input_range
        self._cache = None
        self._seen = 0

    # -- weights as stored -------------------------------------------------------------------

    @property
    def on_chip_bias(self) -> bool:
        """Whether the bias is one more word line."""
        return self.bias is not None and self.config.bias == "chip"

    def group_matrices(self) -> list[Tensor]:
        """Return the weight matrices as stored, (out, in) per group, with an on-chip bias last."""
        flat = self.weight.reshape(self.groups, -1, self.weight[0].numel())
        if not self.on_chip_bias:
            return list(flat.unbind(0))
        bias = cast("Tensor", self.bias).reshape(self.groups, -1, 1) / self.scale_of_inputs
        return list(torch.cat([flat, bias], dim=2).unbind(0))

    @property
    def scale_of_inputs(self) -> float:
        """Input that stands for the read voltage."""
        return 1.0 if self.input_range is None else float(self.input_range)

    def stored(self) -> list[tuple[int, Tile, list[Tensor], Tensor]]:
        """Return (group, tile, its arrays in siemens, scale (1, outputs)) for all tiles."""
        result = []
        for group, matrix in enumerate(self.group_matrices()):
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

    def effective_weights(self, solver: Solver | None = None) -> Tensor:
        """Return the weights that the crossbars realise, (out, in per group [+ 1 bias]), float64.

        Exact, wires and device variation included, and differentiable in weight and bias. Kept
        until the weights change.
        """
        tracked = torch.is_grad_enabled() and self.weight.requires_grad
        key = self._state()
        if not tracked and self._cache is not None and self._cache[0] == key:
            return self._cache[1]
        stored = self.stored()
        cells = [g for _, _, tile_cells, _ in stored for g in tile_cells]
        matrices = effective_matrices(cells, solver=solver, **self._wiring())
        weights = self._collect(stored, matrices)
        if not tracked:
            self._cache = (key, weights)
        return weights

    def _state(self) -> tuple[Any, ...]:
        bias = self.bias
        return (
            self.weight.data_ptr(), self.weight._version, self.scale_of_inputs, id(self.config),  # noqa: SLF001 - torch's own
            None if bias is None else (bias.data_ptr(), bias._version),  # noqa: SLF001
        )

    def _collect(
        self, stored: Sequence[tuple[int, Tile, list[Tensor], Tensor]], matrices: list[Tensor]
    ) -> Tensor:
        unit = unit_conductance(self.config)
        blocks: dict[int, tuple[list[Tile], list[Tensor]]] = {}
        position = 0
        for group, tile, cells, scale in stored:
            parts = [m.T for m in matrices[position : position + len(cells)]]
            position += len(cells)
            grid, decoded = blocks.setdefault(group, ([], []))
            grid.append(tile)
            decoded.append(decode(parts, self.config) * (scale / unit))
        shapes = [m.shape for m in self.group_matrices()]
        return torch.cat([
            assemble(decoded, grid, shapes[g][1], shapes[g][0])
            for g, (grid, decoded) in blocks.items()
        ])

    # -- inputs ------------------------------------------------------------------------------

    def _use_matrix(self, vectors: int) -> bool:
        path = self.config.path
        if path != "auto":
            return path == "matrix"
        if self._cache is not None and self._cache[0] == self._state():
            return True
        if torch.is_grad_enabled() and self.weight.requires_grad:
            return True
        self._seen += vectors
        return self._seen * _NS_VECTOR > _NS_REDUCE

    def _vectors(self, x: Tensor, group: int) -> Tensor:
        """Solve for every input vector: x (B, in of the group) -> (B, out of the group)."""
        scale_in = self.scale_of_inputs
        volts = x.to(torch.float64) * (self.config.read_voltage / scale_in)
        if self.on_chip_bias:
            constant = volts.new_full((len(volts), 1), self.config.read_voltage)
            volts = torch.cat([volts, constant], dim=1)
        columns: dict[int, Tensor] = {}
        unit = unit_conductance(self.config)
        for index, tile, cells, scale in self.stored():
            if index != group:
                continue
            parts = [
                crossbar_currents(volts[:, tile.rows], g, **self._wiring()) for g in cells
            ]
            siemens = decode(parts, self.config) / self.config.read_voltage
            values = siemens * (scale * scale_in / unit)
            place = tile.columns.start
            columns[place] = columns[place] + values if place in columns else values
        return torch.cat([columns[k] for k in sorted(columns)], dim=1)

    def _split_bias(self, weights: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the effective weights and the bias to add to the product."""
        if not self.on_chip_bias:
            return weights, self.bias
        return weights[:, :-1], weights[:, -1] * self.scale_of_inputs


class CrossbarLinear(CrossbarLayer, nn.Linear):
    """A linear layer on crossbars.

    Parameters
    ----------
    in_features, out_features, bias, dtype
        As in `torch.nn.Linear`.
    config : CrossbarConfig, optional
    chip : str
        Name of the layer's device variation.
    """

    groups = 1

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *,
        config: CrossbarConfig | None = None, chip: str = "", dtype: torch.dtype | None = None,
    ) -> None:
        nn.Linear.__init__(self, in_features, out_features, bias, dtype=dtype)
        self._setup(config, chip)

    @classmethod
    def from_digital(
        cls, layer: nn.Linear, config: CrossbarConfig, chip: str = ""
    ) -> CrossbarLinear:
        """Return a crossbar layer with the parameters of `layer`."""
        new = cls(layer.in_features, layer.out_features, layer.bias is not None, config=config,
                  chip=chip, dtype=layer.weight.dtype)
        new.weight, new.bias = layer.weight, layer.bias
        new.train(layer.training)
        return new

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output, (..., out_features)."""
        if x.shape[-1] != self.in_features:
            raise ParameterError(
                f"the input's last axis must be {self.in_features}; got shape {tuple(x.shape)}"
            )
        if self._use_matrix(x.numel() // max(x.shape[-1], 1)):
            weights, bias = self._split_bias(self.effective_weights())
            return F.linear(x, weights.to(x.dtype), None if bias is None else bias.to(x.dtype))
        y = self._vectors(x.reshape(-1, self.in_features), 0)
        if self.bias is not None and not self.on_chip_bias:
            y = y + self.bias
        return y.to(x.dtype).reshape(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """Describe the layer in its network's print-out."""
        describe: Any = super().extra_repr
        return f"{describe()}, tiles={self.config.tile_shape}"


class CrossbarConv2d(CrossbarLayer, nn.Conv2d):
    """A two-dimensional convolution on crossbars: kernels unrolled along the word lines.

    Takes every option of `torch.nn.Conv2d`; parameters as there, and as in `CrossbarLinear`.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, *,
        config: CrossbarConfig | None = None, chip: str = "", **options: Any,
    ) -> None:
        nn.Conv2d.__init__(self, in_channels, out_channels, kernel_size, **options)
        self._setup(config, chip)

    @classmethod
    def from_digital(
        cls, layer: nn.Conv2d, config: CrossbarConfig, chip: str = ""
    ) -> CrossbarConv2d:
        """Return a crossbar layer with the parameters and options of `layer`."""
        new = cls(
            layer.in_channels, layer.out_channels, layer.kernel_size, config=config, chip=chip,
            stride=layer.stride, padding=layer.padding, dilation=layer.dilation,
            groups=layer.groups, bias=layer.bias is not None, padding_mode=layer.padding_mode,
            dtype=layer.weight.dtype,
        )
        new.weight, new.bias = layer.weight, layer.bias
        new.train(layer.training)
        return new

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Return the layer's output, (B, out_channels, H, W) or (out_channels, H, W)."""
        x = input
        if x.ndim not in (3, 4) or x.shape[-3] != self.in_channels:
            raise ParameterError(
                f"the input must have shape (B, {self.in_channels}, H, W) or "
                f"({self.in_channels}, H, W); got {tuple(x.shape)}"
            )
        if self._use_matrix(x.shape[-1] * x.shape[-2] * (len(x) if x.ndim == 4 else 1)):
            weights, bias = self._split_bias(self.effective_weights())
            kernels = weights.to(x.dtype).reshape(self.weight.shape)
            offset = None if bias is None else bias.to(x.dtype)
            y: Tensor = self._conv_forward(x, kernels, offset)
            return y
        return self._by_vectors(x) if x.ndim == 4 else self._by_vectors(x.unsqueeze(0)).squeeze(0)

    def _by_vectors(self, x: Tensor) -> Tensor:
        padded = F.pad(
            x, self._reversed_padding_repeated_twice,
            mode="constant" if self.padding_mode == "zeros" else self.padding_mode,
        )
        # two-tuples, as torch.nn.Conv2d stores them
        kernel, stride, dilation = self.kernel_size, self.stride, self.dilation
        patches = F.unfold(padded, kernel, dilation=dilation, stride=stride)
        batch, _, places = patches.shape
        size = [
            (n - d * (k - 1) - 1) // s + 1
            for n, k, s, d in zip(padded.shape[-2:], kernel, stride, dilation, strict=True)
        ]
        rows = patches.transpose(1, 2).reshape(batch * places, self.groups, -1)
        y = torch.cat([self._vectors(rows[:, g], g) for g in range(self.groups)], dim=1)
        if self.bias is not None and not self.on_chip_bias:
            y = y + self.bias
        return y.to(x.dtype).reshape(batch, places, -1).transpose(1, 2).reshape(batch, -1, *size)

    def extra_repr(self) -> str:
        """Describe the layer in its network's print-out."""
        describe: Any = super().extra_repr
        return f"{describe()}, tiles={self.config.tile_shape}"
