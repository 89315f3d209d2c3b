"""The crossbars of one weight matrix: a module that programs and reads them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...core.errors import ParameterError
from ...solvers import Solver
from .matrix_arrays import Observer, StoredArrays
from .programmer import Orders
from .readout import ProgrammedTile, Reading, read_tiles
from .wiring import Wiring

__all__ = ["Observer", "StoredMatrix"]

# Currents that are held at once while many vectors are read.
_CURRENTS_AT_ONCE = 2**23


class StoredMatrix(StoredArrays):
    """The crossbars that hold one weight matrix, or one per group.

    The weights are no parameters of it: the layer that owns them passes them in, so that their
    names in a ``state_dict`` stay the layer's own. What it adds to a ``state_dict`` are the
    fabricated chip, the order of the lines and what calibration found, each only where there is
    something to say.

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

    Raises
    ------
    ParameterError
        No configuration, or sizes below 1.
    """

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
        whole = self._keep(
            weight, bias, self._what("effective"), lambda: self._effective(weight, bias, solver)
        )
        weights, offset = whole, bias
        if self.on_chip_bias:
            weights, offset = whole[:, :-1], whole[:, -1] * self.scale_of_inputs
        if self.ranges.gain is not None and self.ranges.offset is not None:
            gain = self.ranges.gain.to(whole.dtype)
            weights = weights * gain.unsqueeze(1)
            if self.on_chip_bias and offset is not None:
                offset = offset * gain
            extra = self.ranges.offset
            offset = extra if offset is None else offset + extra.to(offset.dtype)
        return weights, offset

    def _effective(self, weight: Tensor, bias: Tensor | None, solver: Solver | None) -> Tensor:
        wiring = self.config.wiring
        if solver is not None:
            wiring = Wiring(wiring.wires, wiring.ends, solver)
        levels, scale = self._levels(weight, bias)
        whole = self.programmer.effective(levels, scale, wiring)
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
        kept = self._kept
        if wiring is None and kept is not None and kept.holds(
            weight, bias, self._what("effective")
        ):
            whole = kept.value
        else:
            levels, scale = self._levels(weight, bias)
            whole = self.programmer.effective(levels, scale, wiring or self.config.wiring)
            whole = (self.orders or Orders()).restore(whole).flatten(0, 1)
        found: Tensor = whole[:, : self.inputs]
        return found

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
        return self.outputs_of(x, weight, bias)

    def outputs_of(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return what `forward` does without an observer."""
        if not len(x):
            return self.digital(x, weight, bias)
        if self.config.exact_reads and self._by_matrix(weight, bias, "effective"):
            weights, offset = self.effective(weight, bias)
            grouped = weights.reshape(self.groups, self.outputs, self.inputs).to(x.dtype)
            y = torch.einsum("bgi,goi->bgo", x, grouped).flatten(1)
            return y if offset is None else y + offset.to(x.dtype)
        return self.finish(self.read(x, weight, bias), bias).to(x.dtype)

    def digital(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return what a digital layer gives, (B, groups * outputs); parameters as `forward`."""
        grouped = weight.reshape(self.groups, self.outputs, self.inputs)
        y = torch.einsum("bgi,goi->bgo", x, grouped.to(x.dtype)).flatten(1)
        return y if bias is None else y + bias.to(x.dtype)

    def finish(self, y: Tensor, bias: Tensor | None) -> Tensor:
        """Return read outputs (B, groups * outputs) with the digital corrections and bias."""
        if self.ranges.gain is not None and self.ranges.offset is not None:
            y = y * self.ranges.gain.to(y.dtype) + self.ranges.offset.to(y.dtype)
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
            Solve cells that are not linear even where `path` is "surrogate".
        """
        config = self.config
        if not config.exact_reads and self.ranges.input_range is None:
            raise ParameterError(
                f"{self.chip.name or 'this layer'!r}: converters, noise and cells that are not "
                "linear need the range of the inputs: call calibrate(model, loader) first, or "
                "give `input_range`"
            )
        if not config.exact_reads:
            self._seen += len(x)
        tiles, covering = self._tiles(weight, bias, exact=exact)
        full_scale = self.ranges.full_scale if self.ranges.full_scale is not None else covering
        if self._seeks_range and full_scale is None and observe is None:
            raise ParameterError(
                f"{self.chip.name or 'this layer'!r}: the range of the ADCs is not known: call "
                "calibrate(model, loader) first, or give ADC(full_scale=...)"
            )
        reading = Reading(
            config, self.ranges.signed is not False, full_scale=full_scale, observe=observe
        )
        dtype = torch.float64 if config.precision == "float64" else torch.float32
        u = self.on_lines(x.to(dtype) / self.scale_of_inputs)
        widest = max(
            config.tile_shape[1] * len(self.chip.layout.arrays),
            self.groups * (self.inputs + self.outputs),
        )
        step = max(1, _CURRENTS_AT_ONCE // widest)
        parts = []
        for piece in torch.split(u, step):
            parts.append(self._read_piece(tiles, piece, reading.starting_at(self.reads)))
            self.reads += len(piece)
        y = parts[0] if len(parts) == 1 else torch.cat(parts)
        y = (self.orders or Orders()).restore_outputs(y)
        return y.flatten(1) * self.scale_of_inputs

    def _read_piece(self, tiles: list[ProgrammedTile], u: Tensor, reading: Reading) -> Tensor:
        """Return outputs (B, groups, outputs) over the input range, in the chip's order."""
        columns: dict[tuple[int, int], Tensor] = {}
        for tile, value in read_tiles(tiles, u, reading):
            place = (tile.group, tile.columns.start)
            columns[place] = columns[place] + value if place in columns else value
        y = torch.cat([columns[k].expand(len(u), -1) for k in sorted(columns)], dim=1)
        return y.reshape(len(u), self.groups, self.outputs)

    def extra_repr(self) -> str:
        """Describe the matrix in its network's print-out."""
        return f"{self.groups}x({self.outputs}, {self.inputs}), tiles={self.config.tile_shape}"
