"""What a stored matrix adds to a ``state_dict``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ...core.draws import Place
from ...core.errors import ParameterError
from ..config import CrossbarConfig
from ..mapping import Orders
from ..mapping.written import Written
from .calibration_ranges import Ranges
from .chip import Block, Chip
from .weight_cache import WeightCache

__all__ = ["SavedMatrix"]


class SavedMatrix(nn.Module):
    """The part of a stored matrix that is saved: chip, order of the lines, ranges, reads."""

    config: CrossbarConfig
    chip: Chip
    orders: Orders | None
    ranges: Ranges
    reads: int
    groups: int
    outputs: int
    inputs: int
    on_chip_bias: bool
    cache: WeightCache

    def blocks(self) -> Iterator[Block]:
        """Yield the tiles of all groups."""
        raise NotImplementedError

    @property
    def input_range(self) -> float | None:
        """Input that stands for the read voltage; None: not known yet."""
        return None if self.ranges.input_range is None else self.scale_of_inputs

    @input_range.setter
    def input_range(self, value: float | None) -> None:
        self.ranges = self.ranges.replace(input_range=value)

    @property
    def scale_of_inputs(self) -> float:
        """Input that stands for the read voltage, 1 where it matters to nothing."""
        scale = self.ranges.scale
        return float(scale.detach()) if isinstance(scale, Tensor) else float(scale)

    @property
    def tile_rows(self) -> int:
        """Tiles that the lines of a group are cut into."""
        return 1 + max(block.tile.index[0] for block in self.blocks())

    def _levels(self, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return levels (groups, lines, outputs) and scales (groups, 1, outputs)."""
        raise NotImplementedError

    # -- written by pulses -------------------------------------------------------------------

    def to_write(
        self, weight: Tensor, bias: Tensor | None = None
    ) -> Iterator[tuple[Place, Tensor]]:
        """Yield every array's place and its cells' levels (M, N) in [0, 1]."""
        levels, _ = self._levels(weight.detach(), None if bias is None else bias.detach())
        layout = self.chip.layout
        for block in self.blocks():
            own = levels[block.group, block.tile.rows, block.tile.columns]
            for array, cells in zip(layout.arrays, layout.levels(own), strict=True):
                yield self.chip.place(block, array), cells

    def take_written(self, written: Mapping[Place, Written]) -> None:
        """Have the conductances that pulses left from now on; an empty mapping: none.

        Conductances that were measured before are no longer those of the chip then.
        """
        self.chip.written = dict(written)
        if written:
            self.chip.measured = {}
        if self.chip.kept is not None:
            self.chip.kept = {}
        self.cache.clear()

    def _save_to_state_dict(
        self, destination: dict[str, Any], prefix: str, keep_vars: bool
    ) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        orders = self.orders or Orders()
        state: dict[str, Tensor | None] = {
            **{f"chip.{k}": v for k, v in self.chip.state(self.blocks()).items()},
            "order.rows": orders.rows, "order.columns": orders.columns,
            **{f"range.{k}": v for k, v in self.ranges.state().items()},
            "reads.count": None if self.config.exact_reads else torch.tensor(self.reads),
        }
        destination.update({prefix + k: v for k, v in state.items() if v is not None})

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Tensor], prefix: str, local_metadata: Any, strict: bool,
        missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:
        del local_metadata, missing_keys
        mine = {k.removeprefix(prefix): v for k, v in state_dict.items() if k.startswith(prefix)}
        parts: dict[str, dict[str, Tensor]] = {
            "chip": {}, "order": {}, "range": {}, "reads": {},
        }
        for name, value in mine.items():
            part, _, key = name.partition(".")
            if part in parts:
                parts[part][key] = value.detach().cpu()
            elif strict:
                unexpected_keys.append(prefix + name)
        try:
            self.chip.load(parts["chip"], self.blocks())
            # other weights without an order of theirs are arranged anew
            self.orders = None
            if parts["order"]:
                self.orders = Orders.of_state(
                    parts["order"], self.groups, self.inputs + self.on_chip_bias, self.outputs
                )
            if parts["range"]:
                self.ranges = Ranges.of_state(
                    parts["range"], self.groups, self.inputs, self.outputs,
                    sum(block.tile.shape[1] for block in self.blocks()), self.tile_rows,
                )
            if "count" in parts["reads"]:
                self.reads = _count(parts["reads"]["count"])
        except ParameterError as error:
            error_msgs.append(f"{prefix.rstrip('.')}: {error}")
        self.cache.clear()


def _count(saved: Tensor) -> int:
    if saved.dtype.is_floating_point or saved.numel() != 1 or saved < 0:
        raise ParameterError(f"the saved number of reads is no count: {saved}")
    return int(saved)
