"""The crossbars of one weight matrix: programming, solving and reading them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..netlists.errors import ParameterError
from ..solvers import Solver
from .chip import Block, Chip
from .config import CrossbarConfig
from .mapping import line_order, tiles, weight_scale
from .reduce import Wiring, reduce_arrays

__all__ = ["StoredMatrix"]

# Counted work of the two exact paths, nanoseconds per cell on one core.
_NS_REDUCE = 800.0
_NS_VECTOR = 40.0
# Cells that are programmed and solved together, unless a gradient needs all at once.
_CELLS_AT_ONCE = 2**21


@dataclass(frozen=True, eq=False)
class _Kept:
    """Effective weights, and the weights that they belong to."""

    weight: Tensor
    bias: Tensor | None
    whole: Tensor

    def holds(self, weight: Tensor, bias: Tensor | None) -> bool:
        """Whether nothing has changed, by value: any way of writing to a weight is noticed."""
        if self.weight.shape != weight.shape or self.weight.dtype != weight.dtype:
            return False
        same = torch.equal(self.weight, weight.detach())
        if self.bias is None or bias is None:
            return same and self.bias is bias
        return same and torch.equal(self.bias, bias.detach())


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
        self.chip = Chip(config, chip)
        self.outputs, self.inputs, self.groups = outputs, inputs, groups
        self.on_chip_bias = bias and config.bias == "chip"
        self.input_range: float | None = config.input_range
        self._orders: tuple[Tensor | None, Tensor | None] | None = None
        self._kept: _Kept | None = None
        self._seen = 0

    @property
    def scale_of_inputs(self) -> float:
        """Input that stands for the read voltage."""
        return 1.0 if self.input_range is None else float(self.input_range)

    @property
    def lines(self) -> int:
        """Word lines of one group: its inputs, and the bias where it is on chip."""
        return self.inputs + self.on_chip_bias

    def blocks(self) -> Iterator[Block]:
        """Yield the tiles of all groups."""
        height, width = self.config.tile_shape[0], self.config.weights_per_tile
        for group in range(self.groups):
            for tile in tiles(self.lines, self.outputs, height, width):
                yield Block(group, tile)

    # -- weights as stored -------------------------------------------------------------------

    def _matrices(self, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return the matrices as stored, (groups, outputs, lines) float64, an on-chip bias last.

        In the order of the lines of the chip.
        """
        whole = weight.reshape(self.groups, self.outputs, self.inputs).to(torch.float64)
        if self.on_chip_bias:
            if bias is None:
                raise ParameterError("`bias` is stored on this chip: it must be given")
            column = bias.reshape(self.groups, -1, 1).to(torch.float64) / self.scale_of_inputs
            whole = torch.cat([whole, column], dim=2)
        rows, columns = self._line_orders(whole)
        if columns is not None:
            whole = whole.gather(1, columns.unsqueeze(2).expand_as(whole))
        if rows is not None:
            whole = whole.gather(2, rows.unsqueeze(1).expand_as(whole))
        return whole

    def _line_orders(self, whole: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Return which input and which output lies on every line, (groups, n), or None."""
        if self._orders is None:
            self._orders = self._choose_orders(whole.detach())
        return self._orders

    def _choose_orders(self, whole: Tensor) -> tuple[Tensor | None, Tensor | None]:
        choice, ends = self.config.reorder, self.config.line_ends
        load = whole.abs()
        rows = columns = None
        if choice in ("rows", "both"):
            rows = torch.stack([
                line_order(one, self.config.tile_shape[0],
                           near_first=ends["bit_top"], near_last=ends["bit_bottom"])
                for one in load.sum(dim=1)
            ])
        if choice in ("columns", "both"):
            columns = torch.stack([
                line_order(one, self.config.weights_per_tile,
                           near_first=ends["word_left"], near_last=ends["word_right"])
                for one in load.sum(dim=2)
            ])
        return rows, columns

    def _levels(self, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return levels (groups, lines, outputs) in [-1, 1], and scales (groups, 1, outputs)."""
        whole = self._matrices(weight, bias)
        scale = torch.stack([
            weight_scale(one, self.config.scaling, self.config.clip_percentile).T
            .expand(1, self.outputs) for one in whole
        ])
        return (whole.transpose(1, 2) / scale).clamp(-1, 1), scale

    def arrays(
        self, weight: Tensor, bias: Tensor | None = None
    ) -> Iterator[tuple[Block, list[Tensor]]]:
        """Yield every tile and its arrays' conductances, (rows, columns) siemens."""
        levels, _ = self._levels(weight, bias)
        for block in self.blocks():
            yield block, self.chip.program(block, self._of(levels, block))

    @staticmethod
    def _of(levels: Tensor, block: Block) -> Tensor:
        return levels[block.group, block.tile.rows, block.tile.columns]

    @property
    def wiring(self) -> Wiring:
        """Wires and ends of the arrays."""
        return Wiring(self.config.wires, self.config.ends)

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
        if self.wiring.ideal or (torch.is_grad_enabled() and weight.requires_grad):
            return True
        kept = self._kept
        return kept is not None and kept.holds(weight, bias)

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
        (groups * outputs, inputs) tensor, float64 or the configuration's `precision`
        (groups * outputs,) tensor or None
            The bias: as it is, or as the crossbars realise it.
        """
        whole = self._whole(weight, bias, solver).flatten(0, 1)
        if not self.on_chip_bias:
            return whole, bias
        return whole[:, :-1], whole[:, -1] * self.scale_of_inputs

    def _whole(self, weight: Tensor, bias: Tensor | None, solver: Solver | None) -> Tensor:
        """Return the effective weights, (groups, outputs, lines) in the layer's own order."""
        tracked = torch.is_grad_enabled() and (
            weight.requires_grad or (bias is not None and bias.requires_grad)
        )
        kept = self._kept
        if not tracked and kept is not None and kept.holds(weight, bias):
            return kept.whole
        levels, scale = self._levels(weight, bias)
        whole = self._realised(levels, scale, Wiring(self.config.wires, self.config.ends, solver))
        whole = self._undo_orders(whole)
        if not tracked:
            self._kept = _Kept(
                weight.detach().clone(), None if bias is None else bias.detach().clone(), whole
            )
        return whole

    def _realised(self, levels: Tensor, scale: Tensor, wiring: Wiring) -> Tensor:
        config, layout = self.config, self.config.layout
        span = config.g_on - config.g_off
        baseline = layout.baseline(config.g_on, config.g_off)
        dtype = getattr(torch, config.precision)
        lines: dict[tuple[int, int], list[Tensor]] = {}
        for chunk in self._chunks(levels.requires_grad):
            matrices = iter(reduce_arrays(
                [self._of(levels, block) for block in chunk],
                lambda parts, chunk=chunk: self.chip.program_all(chunk, parts), wiring, dtype,
            ))
            for block in chunk:
                parts = [layout.channels(next(matrices).T) for _ in layout.arrays]
                decoded = layout.decode(parts) - baseline
                factor = scale[block.group, :, block.tile.columns] / span
                line = lines.setdefault((block.group, block.tile.index[0]), [])
                line.append(decoded * factor.to(dtype))
        groups: list[list[Tensor]] = [[] for _ in range(self.groups)]
        for (group, _), line in lines.items():
            groups[group].append(torch.cat(line, dim=1))
        return torch.stack([torch.cat(rows, dim=0).T for rows in groups])

    def _chunks(self, tracked: bool) -> Iterator[Sequence[Block]]:
        chunk: list[Block] = []
        cells = 0
        for block in self.blocks():
            chunk.append(block)
            rows, outputs = block.tile.shape
            cells += rows * self.config.layout.columns(outputs) * len(self.config.layout.arrays)
            if cells >= _CELLS_AT_ONCE and not tracked:
                yield chunk
                chunk, cells = [], 0
        if chunk:
            yield chunk

    def _undo_orders(self, whole: Tensor) -> Tensor:
        rows, columns = self._orders or (None, None)
        if rows is not None:
            whole = whole.gather(2, rows.argsort(dim=1).unsqueeze(1).expand_as(whole))
        if columns is not None:
            whole = whole.gather(1, columns.argsort(dim=1).unsqueeze(2).expand_as(whole))
        return whole

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
        config, layout = self.config, self.config.layout
        levels, scale = self._levels(weight, bias)
        volts = self._drive(x.to(torch.float64) / self.scale_of_inputs) * config.read_voltage
        span = config.g_on - config.g_off
        baseline = layout.baseline(config.g_on, config.g_off)
        lines: dict[tuple[int, int], Tensor] = {}
        for block in self.blocks():
            mine = volts[:, block.group, block.tile.rows]
            cells = self.chip.program(block, self._of(levels, block))
            parts = [layout.channels(self.wiring.currents(mine, g)) for g in cells]
            siemens = layout.decode(parts) - baseline * mine.sum(dim=1, keepdim=True)
            factor = scale[block.group, :, block.tile.columns] * (
                self.scale_of_inputs / config.read_voltage / span
            )
            place = (block.group, block.tile.columns.start)
            values = siemens * factor
            lines[place] = lines[place] + values if place in lines else values
        y = torch.cat([lines[k] for k in sorted(lines)], dim=1)
        y = y.reshape(len(x), self.groups, self.outputs)
        columns = self._orders[1] if self._orders else None
        if columns is not None:
            y = y.gather(2, columns.argsort(dim=1).expand_as(y))
        return y.flatten(1)

    def _drive(self, u: Tensor) -> Tensor:
        """Return what every word line gets, (B, groups, lines), of inputs over their range."""
        if self.on_chip_bias:
            u = torch.cat([u, u.new_ones(len(u), self.groups, 1)], dim=2)
        rows = self._orders[0] if self._orders else None
        return u if rows is None else u.gather(2, rows.expand_as(u))

    def extra_repr(self) -> str:
        """Describe the matrix in its network's print-out."""
        return f"{self.groups}x({self.outputs}, {self.inputs}), tiles={self.config.tile_shape}"

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be computed again."""
        return {**super().__getstate__(), "_kept": None}
