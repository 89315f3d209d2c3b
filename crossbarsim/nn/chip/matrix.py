"""The crossbars of one weight matrix: a module that programs, reads and saves them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, TypeAlias

import torch
from torch import Tensor

from ...core.errors import BackendUnavailable, ParameterError
from ...periphery import Periphery
from ...periphery.encodings import constant_phases
from ...solvers import Solver
from ..config import CrossbarConfig
from ..mapping import Orders
from ..wiring import Wiring
from .calibration_ranges import Ranges
from .chip import Block, Chip
from .compiled.plan import GroupPlan, plan_of, with_views
from .compiled.programmed import Programmed
from .compiled.reading import Windows, read_vectors, read_windows
from .operators import numbered, outputs, traced, whole_weights
from .programmed import ProgrammedTile
from .programmer import Mode, Programmer
from .readout import Reading, covering_range, drives, read_outputs, read_tiles
from .saved_matrix import SavedMatrix
from .weight_cache import WeightCache, tracked

__all__ = ["Observer", "StoredMatrix"]

Observer: TypeAlias = Callable[[Any, Tensor, Tensor, "Tensor | None"], Tensor]

# Counted work of the two exact paths, nanoseconds per cell on one core.
_NS_REDUCE = 800.0
_NS_VECTOR = 40.0
# Currents that are held at once while many vectors are read.
_CURRENTS_AT_ONCE = 2**23


class StoredMatrix(SavedMatrix):
    """The crossbars that hold one weight matrix, or one per group.

    The weights are no parameters of it: the layer that owns them passes them in, so that their
    names in a ``state_dict`` stay the layer's own. What it adds to a ``state_dict`` are the
    fabricated chip, the order of the lines, what calibration found and, for noise that goes on
    where it stopped, the number of reads; each only where there is something to say.

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

    Attributes
    ----------
    ranges : Ranges
        What calibration found.
    observer : callable or None
        While set, forward passes go to it: ``observer(self, x, weight, bias)``.
    packed : int
        Groups of the layer that lie along the diagonal of each of its own groups.
    reads : int
        Reads that the arrays have seen; every one has its own noise.
    cache : WeightCache

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
        self.outputs, self.inputs, self.groups = outputs, inputs, groups
        self.on_chip_bias = bias and config.bias == "chip"
        self.chip = Chip(config, chip)
        self.programmer = Programmer(
            config, self.chip, groups, outputs, inputs + self.on_chip_bias
        )
        self.ranges = Ranges(config.input_range, config.signed_inputs)
        self.orders: Orders | None = None
        self.observer: Observer | None = None
        self.reads, self.packed = 0, 1
        self.number = numbered(self)
        self.cache = WeightCache()
        self._seen = 0

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become a copy: operators find it by a number of its own."""
        super().__setstate__(state)  # type: ignore[no-untyped-call]  # torch's
        self.number = numbered(self)

    def blocks(self) -> Iterator[Block]:
        """Yield the tiles of all groups."""
        return self.programmer.blocks()

    def equip(self, **changes: Any) -> None:
        """Change `periphery`, `wires` or how devices age: see `nn.equip` and `nn.age`."""
        before = self.config.periphery or Periphery()
        self.config = self.config.replace(**changes)
        now = self.config.periphery or Periphery()
        self.programmer.config = self.config
        self.chip.configure(self.config)
        parts = before.sense, before.driver_resistance
        if {"wires", "nonidealities"} & set(changes) or parts != (now.sense, now.driver_resistance):
            self.cache.clear()  # amplifiers and drivers are part of the circuit
        elif isinstance(self.cache.value, Programmed):
            self.cache.value.equipped.clear()
            self.cache.value.plans.clear()
            self.cache.value.covering = None

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

    def _keep(
        self, weight: Tensor, bias: Tensor | None, what: tuple[Any, ...],
        make: Callable[[], Any],
    ) -> Any:
        """Return what `make` gives, from before where the weights are still the same."""
        return self.cache.get(
            weight, bias, what, make, fresh=self.chip.disturbance is not None
        )

    def held(self) -> AbstractContextManager[None]:
        """Program once for all reads inside, also in training: for layers that read many times."""
        return nullcontext() if traced() else self.cache.held()

    def _what(self, kind: str) -> tuple[Any, ...]:
        """Return what a kept value depends on beside the weights."""
        sampled = kind in ("born", "surrogate")
        ranged = self.on_chip_bias or sampled
        scale = self.scale_of_inputs if ranged else None
        samples = self.ranges.samples if sampled else None
        return (kind, scale, self.chip.seed, self.chip.name, samples, self.ranges.drift)

    def _by_matrix(self, weight: Tensor, bias: Tensor | None, kind: str) -> bool:
        """Whether matrices are asked for, are there already, or are cheaper."""
        if self.config.path != "auto":
            return self.config.path == "matrix"
        if self.config.wiring.ideal or tracked(weight, bias):
            return True
        if self.cache.find(weight, bias, self._what(kind)) is not None:
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
    ) -> tuple[list[ProgrammedTile], list[GroupPlan] | None, float | None]:
        """Return all tiles, plans to read them, the range of ADCs that covers all inputs.

        No plans where the general read-out is needed; no range where it is not. With `exact`,
        cells that are not linear are solved.
        """
        linear, seeks = self.config.linear, self._seeks_range
        mode: Mode = "cells"
        kept: Programmed | None = None
        if linear and not (exact or self.chip.disturbance or tracked(weight, bias)):
            kept = self.cache.find(weight, bias, self._what("matrix"))  # compared only once
        if self.config.path in ("born", "surrogate") and not exact:
            mode = "born" if self.config.path == "born" else "surrogate"
        elif linear and (
            kept or (seeks and self.config.path == "auto")
            or self._by_matrix(weight, bias, "matrix")
        ):
            mode = "matrix"
        samples, signed = self.ranges.samples, self.ranges.signed is not False

        def make() -> Programmed:
            levels, scale = self._levels(weight, bias)
            return Programmed(self.programmer.tiles(
                levels, scale, mode, needs_load=Reading(self.config).needs_load,
                drift=self.ranges.drift, samples=None if samples is None else self._volts(samples),
            ))

        found = kept or (make() if exact else self._keep(weight, bias, self._what(mode), make))
        covering = None
        if seeks and linear:
            covering = found.covering = found.covering or covering_range(found.tiles, self.config)
        gain = self.ranges.tile_gain
        key = signed, gain
        if key not in found.equipped:
            equipped = self.programmer.equipped(found.tiles, signed_inputs=signed)
            if gain is not None:
                equipped = self.programmer.gained(equipped, gain, self.orders or Orders())
            if self.ranges.tracked:
                return equipped, None, covering
            plans = plan_of(equipped, self.config, signed=signed)
            if plans is not None:
                found.tiles = with_views(found.tiles, plans)
                equipped = with_views(equipped, plans)
            found.equipped.clear()
            found.plans.clear()
            found.equipped[key], found.plans[key] = equipped, plans
        plans = None if self.ranges.tracked else found.plans[key]
        return found.equipped[key], plans, covering

    def on_lines(self, u: Tensor) -> Tensor:
        """Return what every word line gets, (B, groups, lines), of (B, groups, inputs)."""
        if self.on_chip_bias:
            u = torch.cat([u, u.new_ones(u.shape[0], self.groups, 1)], dim=2)
        return (self.orders or Orders()).arrange_inputs(u)

    def _volts(self, samples: Tensor) -> Tensor:
        """Return all voltages (S', groups, lines) that sample inputs (S, groups, inputs) drive."""
        u = self.on_lines(samples / self.scale_of_inputs).flatten(1)
        driven = drives(u, self.config, signed=self.ranges.signed is not False)
        volts = torch.cat([v.expand(len(u), -1) for v, _ in driven]) * self.config.read_voltage
        return volts.reshape(-1, self.groups, self.inputs + self.on_chip_bias)

    # -- effective weights -------------------------------------------------------------------

    def prefers_matrix(self, vectors: int, weight: Tensor, bias: Tensor | None = None) -> bool:
        """Return whether the product of `effective` weights is exact, and the cheaper way.

        Parameters
        ----------
        vectors : int
            How many inputs are about to be multiplied; "auto" counts them.
        weight, bias
            As in `effective`.
        """
        if self.observer is not None or not self.config.exact_reads:
            return False
        if traced():
            return self.config.path != "vectors"
        self._seen += vectors
        return self._by_matrix(weight, bias, "effective")

    def effective(
        self, weight: Tensor, bias: Tensor | None = None, *, solver: Solver | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return the weights that the crossbars realise, and the bias to add to the product.

        Exact for linear cells, wires, devices and a calibration's gain included, and
        differentiable in weight and bias. Kept until the weights change.

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

        Raises
        ------
        ParameterError
            The cells are not linear.
        """
        if not self.config.linear:
            raise ParameterError(
                f"{self.chip.name!r}: cells that are not linear have no effective weights"
            )
        wiring = self.config.wiring
        if solver is not None:
            wiring = Wiring(wiring.wires, wiring.ends, solver)
        if solver is None and traced():
            whole = whole_weights(self, weight, bias, keep=tracked(weight, bias))
        else:
            whole = self.whole(weight, bias, wiring)
        if self.ranges.gain is not None:
            whole = self.ranges.gained(whole, self.programmer.tile_of_line(self.orders or Orders()))
        weights, offset = whole, bias
        if self.on_chip_bias:
            weights, offset = whole[:, :-1], whole[:, -1] * self.scale_of_inputs
        extra = self.ranges.offset
        if extra is not None:
            offset = extra if offset is None else offset + extra.to(offset.dtype)
        return weights, offset

    def effective_in(
        self, dtype: torch.dtype, weight: Tensor, bias: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return what `effective` does, in a type, in which the weights are kept, too."""
        weights, offset = self.effective(weight, bias)
        return self.cache.in_type(weights, dtype), None if offset is None else offset.to(dtype)

    def whole(
        self, weight: Tensor, bias: Tensor | None = None, wiring: Wiring | None = None
    ) -> Tensor:
        """Return the effective weights of all lines (groups * outputs, lines), not corrected."""
        wiring = wiring or self.config.wiring
        whole: Tensor = self._keep(
            weight, bias, self._what("effective"), lambda: self._whole(weight, bias, wiring)
        )
        return whole

    @property
    def whole_shape(self) -> tuple[int, int]:
        """Outputs of all groups, and lines."""
        return self.groups * self.outputs, self.inputs + self.on_chip_bias

    def _whole(self, weight: Tensor, bias: Tensor | None, wiring: Wiring) -> Tensor:
        """Return the effective weights (groups * outputs, lines)."""
        levels, scale = self._levels(weight, bias)
        whole = self.programmer.effective(levels, scale, wiring, self.ranges.drift)
        return (self.orders or Orders()).restore(whole).flatten(0, 1)

    def realised(
        self, weight: Tensor, bias: Tensor | None = None, wiring: Wiring | None = None
    ) -> Tensor:
        """Return the effective weights (groups * outputs, inputs) without corrections.

        What is kept stays; it is used where it is the same.

        Parameters
        ----------
        weight, bias
            As in `effective`.
        wiring : Wiring, optional
            Instead of the configuration's.
        """
        kept: Tensor | None = None
        if wiring is None:
            kept = self.cache.find(weight, bias, self._what("effective"))
        if kept is None:
            kept = self._whole(weight, bias, wiring or self.config.wiring)
        return kept[:, : self.inputs]

    # -- inputs ------------------------------------------------------------------------------

    def check_inputs(self, x: Tensor) -> None:
        """Raise a ParameterError for inputs that are not floating-point numbers."""
        if not x.dtype.is_floating_point:
            raise ParameterError(
                f"{self.chip.name or 'this layer'!r}: inputs must be floating-point numbers; got "
                f"{x.dtype}: convert them with .float()"
            )

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

        Raises
        ------
        ParameterError
            Converters, noise or cells that are not linear need ranges, and there are none yet.
        """
        self.check_inputs(x)
        if self.observer is not None:
            result: Tensor = self.observer(self, x, weight, bias)
            return result
        if traced() and not self.prefers_matrix(x.shape[0], weight, bias):
            return outputs(self, x, weight, bias)
        return self.outputs_of(x, weight, bias)

    def outputs_of(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return what `forward` does without an observer."""
        if not len(x):
            return self.digital(x, weight, bias)
        if self.config.exact_reads and (traced() or self._by_matrix(weight, bias, "effective")):
            return self.digital(x, *self.effective_in(x.dtype, weight, bias))
        return self.finish(self.read(x, weight, bias), bias).to(x.dtype)

    def digital(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return what a digital layer gives, (B, groups * outputs); parameters as `forward`."""
        grouped = weight.reshape(self.groups, self.outputs, self.inputs)
        y = torch.einsum("bgi,goi->bgo", x, grouped.to(x.dtype)).flatten(1)
        return y if bias is None else y + bias.to(x.dtype)

    def finish(self, y: Tensor, bias: Tensor | None) -> Tensor:
        """Return read outputs (B, groups * outputs) with the digital corrections and bias."""
        y = self.ranges.finish(y)
        return y if bias is None or self.on_chip_bias else y + bias.to(y.dtype)

    def read(
        self, x: Tensor, weight: Tensor, bias: Tensor | None = None, *,
        observe: Callable[[Tensor], None] | None = None, exact: bool = False,
    ) -> Tensor:
        """Return what the arrays give, before corrections and digital bias.

        Parameters
        ----------
        x, weight, bias
            As in `forward`.
        observe : callable, optional
            As in `Reading`.
        exact : bool
            Solve cells that are not linear whatever `path` is.
        """
        tiles, plans, reading = self.reading_of(weight, bias, len(x), observe, exact=exact)
        u = self.on_lines(x.to(self.dtype) / self.ranges.scale)
        widest = max(
            self.config.tile_shape[1] * len(self.chip.layout.arrays),
            self.groups * (self.inputs + self.outputs),
        )
        step = max(1, _CURRENTS_AT_ONCE // widest)
        parts = []
        for piece in torch.split(u, step):
            own = reading.starting_at(self.reads)
            if plans is None or observe is not None or tracked(u, None):
                parts.append(read_outputs(tiles, piece, own))
            else:
                parts.append(read_vectors(plans, piece, own))
            self.reads += len(piece)
        y = parts[0] if len(parts) == 1 else torch.cat(parts)
        y = (self.orders or Orders()).restore_outputs(y)
        return y.flatten(1) * self.ranges.scale

    def tile_outputs(
        self, u: Tensor, weight: Tensor, bias: Tensor | None = None
    ) -> Iterator[tuple[ProgrammedTile, Tensor]]:
        """Yield every tile with its share (B, outputs) of a read of u (B, groups, inputs).

        Inputs are over their range; the shares are as they are added up, in the chip's order.
        """
        tiles, _, reading = self.reading_of(weight, bias, len(u))
        reading = reading.starting_at(self.reads)
        self.reads += len(u)
        yield from read_tiles(tiles, self.on_lines(u.to(self.dtype)), reading)

    def fixed(self, weight: Tensor, bias: Tensor | None = None) -> Callable[[Tensor], Tensor]:
        """Return what reads the arrays as they are, without noise, in operations of torch alone.

        Parameters as in `forward`; of (B, groups, inputs) it gives what `read` gives.
        """
        tiles, _, reading = self.reading_of(weight, bias, 0)
        reading, orders = replace(reading, quiet=True), self.orders or Orders()
        tiles = [replace(tile, scale=tile.scale.clone(), arrays=tuple(
            replace(array, matrix=None if array.matrix is None else array.matrix.clone(),
                    noise_matrix=None, noisy_cells=None)
            for array in tile.arrays
        )) for tile in tiles]

        def run(x: Tensor) -> Tensor:
            u = self.on_lines(x.to(self.dtype) / self.scale_of_inputs)
            y = orders.restore_outputs(read_outputs(tiles, u, reading))
            return y.flatten(1) * self.scale_of_inputs

        return run

    def windows(
        self, images: Tensor, windows: Windows, weight: Tensor, bias: Tensor | None = None
    ) -> Tensor | None:
        """Return what `forward` gives for every window of images, where one pass can read them.

        Parameters
        ----------
        images : (B, groups * channels, D, H, W) tensor
        windows : Windows
        weight, bias
            As in `forward`.

        Returns
        -------
        (B, groups * outputs, places) tensor of the images' type, or None: unfold them, and call
        the module.
        """
        self.check_inputs(images)
        if self.observer is not None or self.config.exact_reads or tracked(images, None):
            return None
        if traced() or self.ranges.tracked:
            return None
        if not len(images) or self._constant_phases:
            return None
        places = len(images) * math.prod(windows.places)
        _, plans, reading = self.reading_of(weight, bias, places)
        if plans is None:
            self._seen -= places
            return None
        y = read_windows(
            plans, images.detach().to(self.dtype), self.scale_of_inputs, windows,
            self.on_chip_bias, self.orders or Orders(), self.ranges.corrections(
                None if self.on_chip_bias else bias, self.groups * self.outputs
            ), reading.starting_at(self.reads),
        )
        self.reads += places
        return y.to(images.dtype)

    @property
    def _constant_phases(self) -> bool:
        """Whether some phases are the same for all inputs."""
        periphery = self.config.periphery
        bits = None if periphery is None or periphery.dac is None else periphery.dac.bits
        signed = self.ranges.signed is not False
        return constant_phases(self.config.input_encoding, bits, signed=signed) > 0

    @property
    def dtype(self) -> torch.dtype:
        """Type in which arrays are read: that of the effective weights."""
        return torch.float64 if self.config.precision == "float64" else torch.float32

    def reading_of(
        self, weight: Tensor, bias: Tensor | None, vectors: int,
        observe: Callable[[Tensor], None] | None = None, *, exact: bool = False,
    ) -> tuple[list[ProgrammedTile], list[GroupPlan] | None, Reading]:
        """Return the tiles, their plans and how to read them; count the vectors for "auto"."""
        config = self.config
        if not config.exact_reads and self.ranges.input_range is None:
            raise ParameterError(
                f"{self.chip.name or 'this layer'!r}: converters, noise and cells that are not "
                "linear need the range of the inputs: call calibrate(model, loader) first, or "
                "give `input_range`"
            )
        if not config.exact_reads:
            self._seen += vectors
        tiles, plans, covering = self._tiles(weight, bias, exact=exact)
        full_scale = self.ranges.full_scale if self.ranges.full_scale is not None else covering
        if self._seeks_range and full_scale is None and observe is None:
            raise ParameterError(
                f"{self.chip.name or 'this layer'!r}: the range of the ADCs is not known: call "
                "calibrate(model, loader) first, or give ADC(full_scale=...)"
            )
        return tiles, plans, Reading(
            config, self.ranges.signed is not False, full_scale=full_scale, observe=observe
        )

    def extra_repr(self) -> str:
        """Describe the matrix in its network's print-out."""
        return f"{self.groups}x({self.outputs}, {self.inputs}), tiles={self.config.tile_shape}"
