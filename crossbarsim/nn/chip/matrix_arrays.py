"""The arrays of one weight matrix: programmed when they are asked for, kept, and saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from ...core.errors import BackendUnavailable, ParameterError
from ...periphery import Periphery
from ..config import CrossbarConfig
from .calibration_ranges import Ranges
from .chip import Block, Chip
from .programmer import Mode, Orders, Programmer
from .readout import ProgrammedTile, Reading, covering_range, drives
from .weight_cache import Kept

__all__ = ["Observer", "StoredArrays"]

Observer: TypeAlias = Callable[[Any, Tensor, Tensor, "Tensor | None"], Tensor]

# Counted work of the two exact paths, nanoseconds per cell on one core.
_NS_REDUCE = 800.0
_NS_VECTOR = 40.0


@dataclass
class _Programmed:
    """Programmed tiles, and what follows from them when it is asked for."""

    tiles: list[ProgrammedTile]
    equipped: dict[bool, list[ProgrammedTile]] = field(default_factory=dict)
    covering: float | None = None


class StoredArrays(nn.Module):
    """The arrays of one weight matrix and their state; `StoredMatrix` says how they are used."""

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
        self.outputs, self.inputs, self.groups = outputs, inputs, groups
        self.on_chip_bias = bias and config.bias == "chip"
        self.chip = Chip(config, chip)
        self.programmer = Programmer(
            config, self.chip, groups, outputs, inputs + self.on_chip_bias
        )
        self.ranges = Ranges(config.input_range, config.signed_inputs)
        self.orders: Orders | None = None
        self.observer: Observer | None = None
        self.reads = 0
        self._kept: Kept | None = None
        self._held: dict[tuple[Any, ...], Any] | None = None
        self._seen = 0

    @property
    def input_range(self) -> float | None:
        """Input that stands for the read voltage; None: not known yet."""
        return self.ranges.input_range

    @input_range.setter
    def input_range(self, value: float | None) -> None:
        self.ranges = self.ranges.replace(input_range=value)

    @property
    def scale_of_inputs(self) -> float:
        """Input that stands for the read voltage, 1 where it matters to nothing."""
        return 1.0 if self.ranges.input_range is None else float(self.ranges.input_range)

    def blocks(self) -> Iterator[Block]:
        """Yield the tiles of all groups."""
        return self.programmer.blocks()

    def equip(self, periphery: Periphery | None) -> None:
        """Put other converters and amplifiers around the arrays: see `crossbarsim.nn.equip`."""
        before, now = self.config.periphery or Periphery(), periphery or Periphery()
        self.config = self.config.replace(periphery=periphery)
        self.programmer.config = self.chip.config = self.config
        if (before.sense, before.driver_resistance) != (now.sense, now.driver_resistance):
            self._kept = None  # amplifiers and drivers are part of the circuit
        elif self._kept is not None and isinstance(self._kept.value, _Programmed):
            self._kept.value.equipped.clear()
            self._kept.value.covering = None

    # -- weights as stored -------------------------------------------------------------------

    def _levels(self, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return levels (groups, lines, outputs) and scales (groups, 1, outputs)."""
        if weight.device.type != "cpu":
            raise BackendUnavailable(
                f"{self.chip.name or 'this layer'!r}: the weights are on {weight.device}, but "
                "crossbars are solved on the CPU: move the model with .cpu()"
            )
        whole = weight.reshape(self.groups, self.outputs, self.inputs).to(torch.float64)
        if self.on_chip_bias:
            if bias is None:
                raise ParameterError("`bias` is stored on this chip: it must be given")
            column = bias.reshape(self.groups, -1, 1).to(torch.float64) / self.scale_of_inputs
            whole = torch.cat([whole, column], dim=2)
        if self.orders is None:
            self.orders = self.programmer.choose_orders(whole)
        return self.programmer.levels(self.orders.arrange(whole))

    def arrays(
        self, weight: Tensor, bias: Tensor | None = None
    ) -> Iterator[tuple[Block, list[Tensor]]]:
        """Yield every tile and its arrays' conductances, (rows, columns) siemens."""
        levels, _ = self._levels(weight, bias)
        for block in self.blocks():
            yield block, self.chip.program(block, self.programmer.of(levels, block))

    def _tracked(self, weight: Tensor, bias: Tensor | None) -> bool:
        return torch.is_grad_enabled() and (
            weight.requires_grad or (bias is not None and bias.requires_grad)
        )

    def _keep(
        self, weight: Tensor, bias: Tensor | None, what: tuple[Any, ...],
        make: Callable[[], Any],
    ) -> Any:
        """Return what `make` gives, from before where the weights are still the same."""
        if self._tracked(weight, bias) or self.chip.disturbance is not None:
            if self._held is None:
                return make()
            if what not in self._held:
                self._held[what] = make()
            return self._held[what]
        kept = self._kept
        if kept is not None and kept.holds(weight, bias, what):
            return kept.value
        # tensors made in inference mode could take part in no later gradient
        with torch.inference_mode(mode=False), torch.no_grad():
            value = make()
            self._kept = Kept.of(weight, bias, what, value)
        return value

    @contextmanager
    def held(self) -> Iterator[None]:
        """Program once for all reads inside, also in training: for layers that read many times."""
        before, self._held = self._held, {}
        try:
            yield
        finally:
            self._held = before

    def _what(self, kind: str) -> tuple[Any, ...]:
        """Return what a kept value depends on beside the weights."""
        ranged = self.on_chip_bias or kind == "surrogate"
        scale = self.scale_of_inputs if ranged else None
        samples = self.ranges.samples if kind == "surrogate" else None
        return (kind, scale, self.chip.seed, self.chip.name, samples)

    def _by_matrix(self, weight: Tensor, bias: Tensor | None, kind: str) -> bool:
        """Whether matrices are asked for, are there already, or are cheaper."""
        if self.config.path != "auto":
            return self.config.path == "matrix"
        if self.config.wiring.ideal or self._tracked(weight, bias):
            return True
        kept = self._kept
        if kept is not None and kept.holds(weight, bias, self._what(kind)):
            return True
        return self._seen * _NS_VECTOR > _NS_REDUCE

    # -- arrays to be read -------------------------------------------------------------------

    @property
    def _seeks_range(self) -> bool:
        """Whether the range of the ADCs is not known yet."""
        periphery = self.config.periphery
        return (
            periphery is not None and periphery.needs_calibration
            and self.ranges.full_scale is None
        )

    def _tiles(
        self, weight: Tensor, bias: Tensor | None, *, exact: bool = False
    ) -> tuple[list[ProgrammedTile], float | None]:
        """Return all tiles, and the range of ADCs that covers all inputs if it is needed.

        With `exact`, cells that are not linear are not linearised.
        """
        linear, seeks = self.config.linear, self._seeks_range
        mode: Mode = "cells"
        if self.config.path == "surrogate" and not exact:
            mode = "surrogate"
        elif linear and (
            self._by_matrix(weight, bias, "matrix") or (seeks and self.config.path == "auto")
        ):
            mode = "matrix"
        samples = self.ranges.samples
        signed = self.ranges.signed is not False

        def make() -> _Programmed:
            levels, scale = self._levels(weight, bias)
            return _Programmed(self.programmer.tiles(
                levels, scale, mode, needs_load=Reading(self.config).needs_load,
                samples=None if samples is None else self._volts(samples),
            ))

        found: _Programmed = (
            make() if exact else self._keep(weight, bias, self._what(mode), make)
        )
        covering = None
        if seeks and linear:
            covering = found.covering = found.covering or covering_range(found.tiles, self.config)
        if signed not in found.equipped:
            found.equipped[signed] = self.programmer.equipped(found.tiles, signed_inputs=signed)
        return found.equipped[signed], covering

    def on_lines(self, u: Tensor) -> Tensor:
        """Return what every word line gets, (B, groups, lines), of (B, groups, inputs)."""
        if self.on_chip_bias:
            u = torch.cat([u, u.new_ones(len(u), self.groups, 1)], dim=2)
        return (self.orders or Orders()).arrange_inputs(u)

    def _volts(self, samples: Tensor) -> Tensor:
        """Return all voltages (S', groups, lines) that sample inputs (S, groups, inputs) drive."""
        u = self.on_lines(samples / self.scale_of_inputs).flatten(1)
        driven = drives(u, self.config, signed=self.ranges.signed is not False)
        volts = torch.cat([v.expand(len(u), -1) for v, _ in driven]) * self.config.read_voltage
        return volts.reshape(-1, self.groups, self.inputs + self.on_chip_bias)

    # -- state -------------------------------------------------------------------------------

    def _save_to_state_dict(
        self, destination: dict[str, Any], prefix: str, keep_vars: bool
    ) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        orders = self.orders or Orders()
        state: dict[str, Tensor | None] = {
            **{f"chip.{k}": v for k, v in self.chip.state(self.blocks()).items()},
            "order.rows": orders.rows, "order.columns": orders.columns,
            **{f"range.{k}": v for k, v in self.ranges.state().items()},
        }
        destination.update({prefix + k: v for k, v in state.items() if v is not None})

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Tensor], prefix: str, local_metadata: Any, strict: bool,
        missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:
        del local_metadata, missing_keys
        mine = {k.removeprefix(prefix): v for k, v in state_dict.items() if k.startswith(prefix)}
        parts: dict[str, dict[str, Tensor]] = {"chip": {}, "order": {}, "range": {}}
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
                self.orders = Orders(parts["order"].get("rows"), parts["order"].get("columns"))
            if parts["range"]:
                self.ranges = Ranges.of_state(parts["range"])
        except ParameterError as error:
            error_msgs.append(str(error))
        self._kept = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be computed again."""
        return {**self.__dict__, "_kept": None}
