"""Digital-to-analogue converters of the word lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.array_api import (
    Values,
    as_float,
    clip,
    constant,
    is_tensor,
    namespace,
    straight_through,
)
from ..core.draws import Place
from ..core.errors import ParameterError
from ..core.settings import Settings, checks_arguments
from ..core.validation import Array, count
from ..core.views.brief import brief_repr
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

    Examples
    --------
    >>> from crossbarsim.nonidealities import Place
    >>> from crossbarsim.periphery import DAC
    >>> errors = DAC(bits=8, inl=0.3, gain_error=0.01).fabricate(Place(7), rows=64)
    >>> errors.curve.shape, errors.gain.shape, errors.rows
    ((64, 256), (64,), 64)
    """

    curve: Array | None = None
    offset: Array | None = None
    gain: Array | None = None

    __repr__ = brief_repr

    @property
    def rows(self) -> int | None:
        """Number of word lines; None without any error."""
        for array in (self.curve, self.offset, self.gain):
            if array is not None:
                return int(array.shape[0])
        return None


@dataclass(frozen=True, kw_only=True)
class DAC(Settings):
    """A digital-to-analogue converter per word line.

    Encodings that need no multi-bit DAC take the resolution of the inputs from it: the steps of a
    pulse width, the bit planes of a bit-serial input.

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

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.periphery import DAC
    >>> DAC(bits=3).convert(np.array([[0.1, 0.3, -1.5]]), signed=True).round(3)
    array([[ 0.   ,  0.333, -1.   ]])
    """

    bits: int = 8
    inl: float = 0.0
    dnl: float = 0.0
    offset: float = 0.0
    gain_error: float = 0.0

    def __post_init__(self) -> None:
        check_converter(self)

    @checks_arguments
    def fabricate(self, place: Place, rows: int) -> DACErrors:
        """Draw the static errors of the DACs of the array at `place`, the same always."""
        rows = count("rows", rows, low=1, high=2**31)
        return DACErrors(
            draw_nonlinearity(
                2**self.bits, rows, self.dnl, self.inl, place.generator("dac dnl"),
                place.generator("dac inl"), monotonic=False,
            ),
            place.normals("dac offset", self.offset, rows),
            place.normals("dac gain", self.gain_error, rows),
        )

    @checks_arguments
    def convert(self, x: Values, *, signed: bool, errors: DACErrors | None = None) -> Values:
        """Convert the inputs `x`: return the output levels of the DACs.

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

        Raises
        ------
        ParameterError
            `errors` are of another number of word lines.
        """
        x = as_float("x", x)
        grid = Grid(self.bits, signed)
        inside = clip(x, grid.low, 1.0)
        code = grid.code(inside)
        return straight_through(inside, self.apply(grid.level(code), code, grid, errors))

    def apply(self, level: Values, code: Values, grid: Grid, errors: DACErrors | None) -> Values:
        """Return the levels (B, M), with errors, of the codes whose ideal levels are `level`."""
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

    def two_level(self, u: Values, errors: DACErrors | None) -> Values:
        """Return the pulses `u` of amplitude -1, 0 or 1 with the errors of a two-level driver.

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


def check_rows(x: Values, errors: DACErrors) -> None:
    """Raise a `ParameterError` unless inputs and errors have the same number of word lines."""
    if x.shape[-1] != errors.rows:
        raise ParameterError(
            f"`x` has {x.shape[-1]} inputs; these DACs were fabricated for {errors.rows} word lines"
        )


def _look_up(curve: Array, code: Values, like: Values) -> Values:
    """Return curve[row, code] for codes (..., rows)."""
    table = constant(curve, like)
    if is_tensor(like):
        index = code.detach().long()
        rows = namespace(like).arange(index.shape[-1], device=index.device)
        return table[rows, index]
    index = code.astype(np.intp)
    return table[np.arange(index.shape[-1]), index]
