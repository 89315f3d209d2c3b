"""Ranges and corrections of a network's crossbars, from data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..core.errors import ParameterError
from ..core.settings import checks_arguments
from ..periphery import RangeObserver
from .chip.matrix import StoredMatrix
from .layers import CrossbarLayer
from .mapping import Orders

__all__ = ["Calibration", "MatrixCalibration", "calibrate", "evaluating", "stored_names"]

_SAMPLES = 16


@dataclass(frozen=True)
class MatrixCalibration:
    """What calibration found for one weight matrix.

    Attributes
    ----------
    input_range : float
        Input that stands for the read voltage.
    signed : bool
        Whether inputs are taken to have both signs.
    full_scale : float or None
        Range of the ADCs, ampere; None: they have their own, or there are none.
    error, corrected_error : float or None
        Root mean square of the outputs' error against the digital product, over that product's,
        before and after the correction of the columns; None where that was not asked for.
    """

    input_range: float
    signed: bool
    full_scale: float | None = None
    error: float | None = None
    corrected_error: float | None = None


class Calibration(dict[str, float]):
    """Matrix name -> input range; `matrices` has everything, `str()` is a table.

    A layer with one weight matrix gives it its own name, others add the matrix's: "rnn.ih_l0".
    """

    def __init__(self, matrices: Mapping[str, MatrixCalibration]) -> None:
        super().__init__({name: found.input_range for name, found in matrices.items()})
        self.matrices = dict(matrices)

    def __str__(self) -> str:
        """Return the table, a line per matrix."""
        head = f"{'matrix':<28}{'input range':>13}{'signed':>8}{'ADC / uA':>10}"
        lines = [f"{head}{'error':>9}{'corrected':>11}"]
        for name, found in self.matrices.items():
            scale = "" if found.full_scale is None else f"{1e6 * found.full_scale:.3g}"
            errors = [
                "" if e is None else f"{e:.2%}" for e in (found.error, found.corrected_error)
            ]
            lines.append(
                f"{name:<28}{found.input_range:>13.4g}{'yes' if found.signed else 'no':>8}"
                f"{scale:>10}{errors[0]:>9}{errors[1]:>11}"
            )
        return "\n".join(lines)


def stored_names(model: nn.Module) -> dict[str, StoredMatrix]:
    """Return the crossbars of every weight matrix of a converted network, by name.

    Raises
    ------
    ParameterError
        There are none.
    """
    result = {}
    for name, module in model.named_modules():
        if isinstance(module, CrossbarLayer):
            for key, child in module.named_children():
                if isinstance(child, StoredMatrix):
                    own = key.removeprefix("crossbars").removeprefix("_")
                    result[".".join(part for part in (name, own) if part)] = child
    if not result:
        raise ParameterError("the model has no crossbar layers: convert it first")
    return result


@checks_arguments
@torch.no_grad()
def calibrate(
    model: nn.Module, loader: Iterable[Any], *, percentile: float = 100.0,
    correct: bool | Literal["tiles"] = False,
    forward: Callable[[nn.Module, Any], Any] | None = None,
) -> Calibration:
    """Find the ranges of inputs and converters, and on request correct every output.

    Each layer is shown the inputs that the digital network gives it. First their range is found;
    then, where converters ask for it, the range of the signals that the crossbars give; then, with
    `correct`, the gain and offset per output that bring the crossbars' outputs closest to the
    digital product (least squares, exact), which undo much of the IR drop and of offsets at the
    cost of one digital multiplication and addition per output. All of it is part of the
    ``state_dict``, and nothing follows the data of later passes.

    Parameters
    ----------
    model : torch.nn.Module
        A converted network. It runs in evaluation mode, once per step.
    loader : iterable
        Input tensors, or tuples that start with one.
    percentile : float
        Of the inputs' magnitudes, in (0, 100]; default 100, their maximum. A lower one makes the
        DACs' steps finer and lets rare inputs saturate. An `input_range` given in the
        configuration stays, and so does `signed_inputs`.
    correct : bool or "tiles"
        Whether to find gains and offsets; False takes off former ones. "tiles": a gain for every
        column of every tile, before the rows of tiles are added up, and an offset per output; as
        many digital multiplications more as there are rows of tiles.
    forward : callable, optional
        ``forward(model, batch)`` for models that take something else than one tensor.

    Returns
    -------
    Calibration

    Raises
    ------
    ParameterError
        No crossbar layers, a loader that is empty or a tensor, or a layer that got no input other
        than 0.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim.nn import CrossbarConfig, calibrate, convert
    >>> from crossbarsim.periphery import ADC, DAC, Periphery
    >>> model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> config = CrossbarConfig(periphery=Periphery(dac=DAC(bits=8), adc=ADC(bits=8)))
    >>> chip = convert(model, config)
    >>> found = calibrate(chip, [torch.linspace(-1, 2, 80).reshape(10, 8)], correct=True)
    >>> found["0"], [found.matrices[name].signed for name in ("0", "2")]
    (2.0, [True, False])
    >>> chip(torch.ones(3, 8)).shape
    torch.Size([3, 2])
    """
    matrices = stored_names(model)
    if isinstance(loader, Tensor):
        raise ParameterError("`loader` must bring batches: give a single one as a list, [x]")
    batches = list(loader) if iter(loader) is loader else loader  # it is gone through again
    watches = {
        name: _Watch(name, stored, percentile, tiles=correct == "tiles")
        for name, stored in matrices.items()
    }

    def run(step: Callable[[_Watch], Any]) -> None:
        with evaluating(model):
            try:
                for watch in watches.values():
                    watch.stored.observer = step(watch)
                empty = True
                for batch in batches:
                    empty = False
                    if forward is not None:
                        forward(model, batch)
                    else:
                        first = batch[0] if isinstance(batch, (tuple, list)) and batch else batch
                        if not isinstance(first, Tensor):
                            raise ParameterError(
                                "`loader` must bring tensors, or tuples whose first is one; it "
                                f"brought {type(first).__name__}; see `forward`"
                            )
                        model(first)
                if empty:
                    raise ParameterError("`loader` brought no batch")
            finally:
                for watch in watches.values():
                    watch.stored.observer = None

    run(lambda watch: watch.see_inputs)
    for watch in watches.values():
        watch.set_inputs()
    if any(watch.seeks_range for watch in watches.values()):
        run(lambda watch: watch.see_signals if watch.seeks_range else StoredMatrix.digital)
        for watch in watches.values():
            watch.set_signals()
    if correct:
        run(lambda watch: watch.see_outputs)
        for watch in watches.values():
            watch.set_correction()
    return Calibration({name: watch.record() for name, watch in watches.items()})


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode inside."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


class _Watch:
    """Looks at what one matrix is given and gives, and sets its ranges."""

    def __init__(
        self, name: str, stored: StoredMatrix, percentile: float, *, tiles: bool
    ) -> None:
        self.name, self.stored = name, stored
        periphery = stored.config.periphery
        self.seeks_range = periphery is not None and periphery.needs_calibration
        self.inputs = RangeObserver(percentile)
        adc = None if periphery is None else periphery.adc
        self.signals = RangeObserver(100.0 if adc is None else adc.percentile)
        self.negative = False
        self.samples: list[Tensor] = []
        self.fit: _Fit | _TileFit = _TileFit() if tiles else _Fit()
        self.error: tuple[float, float] | None = None

    # -- inputs ------------------------------------------------------------------------------

    def see_inputs(
        self, stored: StoredMatrix, x: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        """Note the range of the inputs, and a few of them."""
        self.inputs.update(x)
        self.negative = self.negative or bool((x < 0).any())
        self.samples.append(_evenly(x).to(torch.float64))
        if len(self.samples) > _SAMPLES:
            self.samples = [_evenly(torch.cat(self.samples))]
        return stored.digital(x, weight, bias)

    def set_inputs(self) -> None:
        """Set the range of the inputs, and forget what an earlier calibration found."""
        config = self.stored.config
        reach = config.input_range
        if reach is None:
            try:
                reach = self.inputs.value
            except ParameterError as error:
                raise ParameterError(
                    f"the loader brought layer {self.name!r} no input other than 0"
                ) from error
        signed = self.negative if config.signed_inputs is None else config.signed_inputs
        samples = None if config.linear else _evenly(torch.cat(self.samples))
        drift = self.stored.ranges.drift  # of the devices, whatever the inputs
        self.stored.ranges = type(self.stored.ranges)(
            reach, signed, samples=samples, drift=drift
        )

    # -- signals -----------------------------------------------------------------------------

    def see_signals(
        self, stored: StoredMatrix, x: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        """Note the range of the converters' signals."""
        stored.read(x, weight, bias, observe=self.signals.update)
        return stored.digital(x, weight, bias)

    def set_signals(self) -> None:
        """Set the range of the converters."""
        if not self.seeks_range:
            return
        try:
            self.stored.ranges = self.stored.ranges.replace(full_scale=self.signals.value)
        except ParameterError as error:
            raise ParameterError(f"converters of {self.name!r} got no signal: {error}") from error

    # -- outputs -----------------------------------------------------------------------------

    def see_outputs(
        self, stored: StoredMatrix, x: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        """Compare the outputs with the digital product."""
        product = stored.digital(x, weight, bias)
        wanted = product
        if bias is not None and not stored.on_chip_bias:
            wanted = product - bias.to(product.dtype)
        tiled = isinstance(self.fit, _TileFit)
        read = tile_parts(stored, x, weight, bias) if tiled else stored.read(x, weight, bias)
        self.fit.add(read, wanted)
        return product

    def set_correction(self) -> None:
        """Set gain and offset of every output."""
        gain, offset, error, rest = self.fit.solve()
        self.stored.ranges = self.stored.ranges.replace(gain=gain, offset=offset)
        self.error = (error, rest)

    def record(self) -> MatrixCalibration:
        """Return what was found."""
        ranges = self.stored.ranges
        reach = self.stored.scale_of_inputs
        error, rest = self.error or (None, None)
        return MatrixCalibration(
            reach, ranges.signed is not False,
            None if ranges.full_scale is None else float(ranges.full_scale), error, rest
        )


def tile_parts(
    stored: StoredMatrix, x: Tensor, weight: Tensor, bias: Tensor | None
) -> Tensor:
    """Return what `StoredMatrix.read` adds up, (B, rows of tiles, groups * outputs)."""
    rows: dict[int, dict[tuple[int, int], Tensor]] = {}
    u = x / stored.scale_of_inputs
    for tile, value in stored.tile_outputs(u, weight, bias):
        own = rows.setdefault(tile.rows.start, {})
        own[tile.group, tile.columns.start] = value.expand(len(x), -1)
    orders = stored.orders or Orders()
    parts = [
        orders.restore_outputs(
            torch.cat([own[k] for k in sorted(own)], dim=1)
            .reshape(len(x), stored.groups, stored.outputs)
        ) for own in rows.values()
    ]
    return torch.stack(parts, dim=1).flatten(2) * stored.scale_of_inputs


class _Fit:
    """Sums for the straight line per output from what is read to what is wanted."""

    def __init__(self) -> None:
        self.count = 0
        self.shift: tuple[Tensor, Tensor] | None = None
        self.sums: Tensor | None = None
        self.squares = (0.0, 0.0)

    def add(self, y: Tensor, wanted: Tensor) -> None:
        """Take in outputs (B, n) and what they should be."""
        y, wanted = y.to(torch.float64), wanted.to(torch.float64)
        self.squares = (
            self.squares[0] + float((wanted - y).square().sum()),
            self.squares[1] + float(wanted.square().sum()),
        )
        if self.shift is None:  # near the means, so that the squares do not cancel
            self.shift = (y.mean(dim=0), wanted.mean(dim=0))
        y, wanted = y - self.shift[0], wanted - self.shift[1]
        sums = torch.stack([
            y.sum(0), wanted.sum(0), (y * y).sum(0), (y * wanted).sum(0), (wanted * wanted).sum(0)
        ])
        self.sums = sums if self.sums is None else self.sums + sums
        self.count += len(y)

    def solve(self) -> tuple[Tensor, Tensor, float, float]:
        """Return gain and offset (n,), and the relative errors before and after."""
        if self.sums is None or self.shift is None:
            raise ParameterError("a layer was not reached by the loader's inputs")
        mean_y, mean_w, yy, yw, ww = self.sums / self.count
        variance = yy - mean_y**2
        covariance = yw - mean_y * mean_w
        # an output that does not move has no gain to find
        still = variance <= 1e-12 * (yy + self.shift[0] ** 2)
        gain = torch.where(still, torch.ones_like(variance), covariance / variance)
        offset = self.shift[1] + mean_w - gain * (self.shift[0] + mean_y)
        rest = (ww - mean_w**2) - 2 * gain * covariance + gain**2 * variance
        power = max(self.squares[1], 1e-300)
        left = float(rest.clamp(min=0).sum()) * self.count
        return gain, offset, (self.squares[0] / power) ** 0.5, (left / power) ** 0.5


class _TileFit:
    """Sums for every output's gains of all rows of tiles, and its offset, by least squares."""

    def __init__(self) -> None:
        self.count = 0
        self.shift: tuple[Tensor, Tensor] | None = None
        self.sums: Any = None
        self.squares = (0.0, 0.0)

    def add(self, y: Tensor, wanted: Tensor) -> None:
        """Take in what tiles give (B, rows of tiles, n) and what their sums (B, n) should be."""
        y, wanted = y.to(torch.float64), wanted.to(torch.float64)
        self.squares = (
            self.squares[0] + float((wanted - y.sum(dim=1)).square().sum()),
            self.squares[1] + float(wanted.square().sum()),
        )
        if self.shift is None:
            self.shift = (y.mean(dim=0), wanted.mean(dim=0))
        y, wanted = y - self.shift[0], wanted - self.shift[1]
        yy, yw = torch.einsum("btn,bsn->nts", y, y), torch.einsum("btn,bn->nt", y, wanted)
        own = y.sum(0), wanted.sum(0), yy, yw, (wanted * wanted).sum(0)
        before = self.sums or (0.0,) * len(own)
        self.sums = tuple(a + b for a, b in zip(before, own, strict=True))
        self.count += len(y)

    def solve(self) -> tuple[Tensor, Tensor, float, float]:
        """Return gains (rows of tiles, n), offset (n,), relative errors before and after."""
        if self.sums is None or self.shift is None:
            raise ParameterError("a layer was not reached by the loader's inputs")
        mean_y, mean_w, yy, yw, ww = (part / self.count for part in self.sums)
        square = yy - torch.einsum("tn,sn->nts", mean_y, mean_y)
        cross = yw - (mean_y * mean_w).T
        # away from 1 only as far as the data say: of tiles that do not move they say nothing
        strength = square.diagonal(dim1=1, dim2=2)
        least = 1e-12 * strength.mean(dim=1) + 1e-24 * self.shift[0].square().sum(dim=0) + 1e-300
        firm = square + torch.diag_embed((1e-9 * strength.mean(1) + least)[:, None] + 0 * strength)
        gain = 1.0 + torch.linalg.solve(firm, cross - square.sum(dim=2))
        offset = self.shift[1] + mean_w - (gain.T * (self.shift[0] + mean_y)).sum(dim=0)
        rest = (ww - mean_w**2) - 2 * (gain * cross).sum(dim=1)
        rest = rest + torch.einsum("nt,nts,ns->n", gain, square, gain)
        power = max(self.squares[1], 1e-300)
        left = float(rest.clamp(min=0).sum()) * self.count
        return gain.T.contiguous(), offset, (self.squares[0] / power) ** 0.5, (left / power) ** 0.5


def _evenly(x: Tensor) -> Tensor:
    """Return at most 16 rows of x, evenly spaced."""
    if len(x) <= _SAMPLES:
        return x.detach().clone()
    return x[torch.linspace(0, len(x) - 1, _SAMPLES).round().long()].detach()
