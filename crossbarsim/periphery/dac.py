"""Digital-to-analogue converters of the word lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.array_api import as_float, clip, constant, is_tensor, namespace, straight_through
from ..core.draws import Place
from ..core.errors import ParameterError
from ..core.validation import Array, count
from .grid import Grid, check_converter, draw_nonlinearity

__all__ = ["DAC", "DACErrors"]


@dataclass(frozen=True)
class DACErrors:
    """Static errors of the DACs of one physical array, one DAC per word line.

    Attributes
    ----------
    curve : (M, 2^bits) array or None
        Integral non-linearity of the levels, LSB.
    offset : (M,) array or None
        LSB.
    gain : (M,) array or None
        Relative.
    """

    curve: Array | None = None
    offset: Array | None = None
    gain: Array | None = None

    @property
    def rows(self) -> int | None:
        """Number of word lines; None without any error."""
        for array in (self.curve, self.offset, self.gain):
            if array is not None:
                return int(array.shape[0])
        return None


@dataclass(frozen=True, kw_only=True)
class DAC:
    """A digital-to-analogue converter per word line.

    It also states the resolution of the inputs for the encodings that need no multi-bit DAC: the
    steps of a pulse's width, the planes of a bit-serial input.

    Parameters
    ----------
    bits : int
        Resolution, 1 to 16; default 8. For signed inputs the levels are -1 ... 1 in 2^bits - 1
        steps symmetric about 0, for unsigned ones 0 ... 1 in 2^bits (see `Grid`).
    dnl : float
        Standard deviation of a step, LSB.
    inl : float
        Standard deviation of the peaks of a smooth bow, LSB (see `draw_nonlinearity`).
    offset : float
        Standard deviation, LSB.
    gain_error : float
        Relative standard deviation.

    Raises
    ------
    ParameterError
        A value out of range.

    Notes
    -----
    Errors are static, drawn per word line by `fabricate`; all default to 0. A monolithic 8-bit
    DAC has 0.2 to 0.5 LSB of DNL and INL.
    """

    bits: int = 8
    inl: float = 0.0
    dnl: float = 0.0
    offset: float = 0.0
    gain_error: float = 0.0

    def __post_init__(self) -> None:
        check_converter(self)

    def fabricate(self, place: Place, rows: int) -> DACErrors:
        """Draw the errors of the DACs of `rows` word lines of the array at `place`."""
        rows = count("rows", rows, low=1, high=2**31)
        return DACErrors(
            draw_nonlinearity(
                2**self.bits, rows, self.dnl, self.inl, place.generator("dac dnl"),
                place.generator("dac inl"), monotonic=False,
            ),
            place.normals("dac offset", self.offset, rows),
            place.normals("dac gain", self.gain_error, rows),
        )

    def convert(self, x: Any, *, signed: bool, errors: DACErrors | None = None) -> Any:
        """Return the levels that the DACs put out for the inputs `x`.

        Parameters
        ----------
        x : (B, M) array or tensor
            In [-1, 1] if `signed`, else in [0, 1]; values outside saturate.
        signed : bool
        errors : DACErrors, optional

        Returns
        -------
        (B, M) array or tensor, in units of the full-scale voltage. In torch the gradient is that
        of the DAC's ideal straight line (straight-through), 0 where an input saturates.
        """
        x = as_float("x", x)
        grid = Grid(self.bits, signed)
        inside = clip(x, grid.low, 1.0)
        code = grid.code(inside)
        return straight_through(inside, self.apply(grid.level(code), code, grid, errors))

    def apply(self, level: Any, code: Any, grid: Grid, errors: DACErrors | None) -> Any:
        """Return the real levels (B, M) of the codes (B, M) whose ideal levels are `level`."""
        if errors is None or errors.rows is None:
            return level
        check_rows(level, errors)
        if errors.gain is not None:
            level = level * (1.0 + constant(errors.gain, level))
        if errors.curve is not None:
            level = level + grid.step * _look_up(errors.curve, code, level)
        if errors.offset is not None:
            level = level + grid.step * constant(errors.offset, level)
        return level

    def two_level(self, u: Any, errors: DACErrors | None) -> Any:
        """Return pulses `u` of amplitude -1, 0 or 1 as drivers of two levels put them out.

        Such a driver has the gain error and the offset (in LSB of the unsigned DAC of `bits`, so
        that `offset` is the same voltage whatever the encoding) but no non-linearity.
        """
        if errors is None or errors.rows is None:
            return u
        check_rows(u, errors)
        if errors.gain is not None:
            u = u * (1.0 + constant(errors.gain, u))
        if errors.offset is not None:
            u = u + constant(errors.offset, u) * Grid(self.bits, signed=False).step
        return u


def check_rows(x: Any, errors: DACErrors) -> None:
    """Raise a ParameterError where the inputs are not for the word lines of the errors."""
    if x.shape[-1] != errors.rows:
        raise ParameterError(
            f"`x` has {x.shape[-1]} inputs; these DACs were fabricated for {errors.rows} word lines"
        )


def _look_up(curve: Array, code: Any, like: Any) -> Any:
    """Return curve[row, code] for codes (..., rows)."""
    table = constant(curve, like)
    if is_tensor(like):
        index = code.detach().long()
        rows = namespace(like).arange(index.shape[-1], device=index.device)
        return table[rows, index]
    index = code.astype(np.intp)
    return table[np.arange(index.shape[-1]), index]
