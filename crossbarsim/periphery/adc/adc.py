"""Analogue-to-digital converters of the bit lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...core.array_api import (
    Values,
    as_float,
    clip,
    constant,
    is_tensor,
    namespace,
    straight_through,
)
from ...core.draws import Place
from ...core.errors import ParameterError
from ...core.settings import Settings, checks_arguments
from ...core.validation import Array, choice, count, finite_array, number
from ...core.views.brief import brief_repr
from ..grid import Grid, check_converter, draw_nonlinearity
from ..reads import Noise, standard_normal
from .transfer import TransferCurve

__all__ = ["ADC", "ADCErrors", "Transitions", "full_scale_of", "moved_transitions"]

Transitions: TypeAlias = tuple[Array, NDArray[np.int64] | None]
"""Where converters' codes change, (adcs, T) LSB from code 0, rising; see `ADC.transitions`."""


@dataclass(frozen=True)
class ADCErrors:
    """Static errors of the ADCs of one physical array.

    Attributes
    ----------
    curve : (adcs, T) array or None
        Where the codes change: transition k lies at ``k + 1/2 + curve[:, k]`` LSB from code 0, so
        that this is the integral non-linearity where T is the number of codes less one.
    offset : (adcs,) array or None
        LSB, added to the input.
    gain : (adcs,) array or None
        Relative.
    codes : (adcs, T + 1) array or None
        The codes around the transitions; None: 0, 1, 2 and so on.

    Examples
    --------
    >>> from crossbarsim.nonidealities import Place
    >>> from crossbarsim.periphery import ADC
    >>> errors = ADC(bits=8, dnl=0.3, offset=0.5, columns=4).fabricate(Place(7), 16, signed=False)
    >>> errors.curve.shape, errors.offset.shape, errors.gain is None  # four ADCs
    ((4, 255), (4,), True)
    """

    curve: Array | None = None
    offset: Array | None = None
    gain: Array | None = None
    codes: NDArray[np.int64] | None = None

    __repr__ = brief_repr


@dataclass(frozen=True, kw_only=True)
class ADC(Settings):
    """An analogue-to-digital converter: mid-tread, uniform, saturating.

    Parameters
    ----------
    bits : int
        Resolution, 1 to 16; default 8. Signed, the 2^bits - 1 codes symmetric about 0 are used,
        one bit being a comparator at 0 with the outputs plus and minus full scale; unsigned, the
        2^bits codes from 0 to full scale (see `Grid`).
    full_scale : float, optional
        Ampere, > 0: the fixed range. None: calibrated, the `percentile` of the magnitudes in the
        calibration, one range for all ADCs of a layer. In either case it is a property of the
        hardware and never follows the signal of a read.
    percentile : float
        Of the calibration, in (0, 100]; default 99.99.
    signed : bool, optional
        Whether the range is -full_scale ... full_scale or 0 ... full_scale. None: signed where
        signals can be, see `Periphery.signed`.
    dnl : float
        Standard deviation of the width of a code, LSB.
    inl : float
        Standard deviation of the peaks of a smooth bow, LSB (see `draw_nonlinearity`).
    offset : float
        Standard deviation, LSB.
    gain_error : float
        Relative standard deviation.
    noise : float
        Input-referred thermal noise of a conversion, rms, in `noise_unit`.
    noise_unit : {"lsb", "ampere"}
    columns : int
        Columns that share one ADC through a multiplexer, >= 1; default 1. They share its static
        errors. ISAAC shares one among the 128 columns of an array (Shafiee et al., ISCA 2016).

    Raises
    ------
    ParameterError
        A value out of range.

    Notes
    -----
    Offset and gain are those of the end-point line: without them the first and the last
    transition lie at their ideal places, and INL is measured against the line between (IEEE Std
    1241-2010).

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.periphery import ADC
    >>> adc = ADC(bits=4, full_scale=1e-5)
    >>> read = adc.convert(np.array([2e-6, 2.4e-6, 2e-5]), adc.full_scale, signed=False)
    >>> (read * 1e6).round(2)  # uA; the last one saturates
    array([ 2.  ,  2.67, 10.  ])
    """

    bits: int = 8
    full_scale: float | None = None
    percentile: float = 99.99
    signed: bool | None = None
    inl: float = 0.0
    dnl: float = 0.0
    offset: float = 0.0
    gain_error: float = 0.0
    noise: float = 0.0
    noise_unit: Literal["lsb", "ampere"] = "lsb"
    columns: int = 1

    def __post_init__(self) -> None:
        check_converter(self)
        count("columns", self.columns, low=1, high=2**31)
        if self.full_scale is not None:
            number("full_scale", self.full_scale, low=0.0, open_low=True)
        number("percentile", self.percentile, low=0.0, open_low=True, high=100.0)
        if self.signed is not None and not isinstance(self.signed, bool):
            raise ParameterError(f"`signed` must be True, False or None; got {self.signed!r}")
        number("noise", self.noise, low=0.0)
        choice("noise_unit", self.noise_unit, ("lsb", "ampere"))

    @checks_arguments
    def count(self, columns: int) -> int:
        """Return the number of ADCs of an array of `columns` bit lines."""
        return -(-columns // self.columns)

    @checks_arguments
    def fabricate(self, place: Place, columns: int, *, signed: bool) -> ADCErrors:
        """Draw the static errors of the ADCs of the array at `place`, the same always."""
        adcs = self.count(count("columns", columns, low=1, high=2**31))
        grid = Grid(self.bits, signed)
        curve = draw_nonlinearity(
            grid.codes - 1, adcs, self.dnl, self.inl,
            place.generator("adc dnl"), place.generator("adc inl"), monotonic=True,
        )
        codes = None
        found = self.transitions(place, adcs, grid)
        if found is not None:
            positions, codes = found
            curve, codes = _placed(positions, codes, curve, grid)
        return ADCErrors(
            curve,
            place.normals("adc offset", self.offset, adcs),
            place.normals("adc gain", self.gain_error, adcs), codes,
        )

    def transitions(self, place: Place, adcs: int, grid: Grid) -> Transitions | None:
        """Draw where the codes of converters change; subclasses say how.

        Parameters
        ----------
        place : Place
        adcs : int
        grid : Grid
            Of the codes.

        Returns
        -------
        (adcs, T) array
            Transitions, LSB from code 0, rising; infinite: none.
        (adcs, T + 1) array of int, or None
            The codes around them; None: 0, 1, 2 and so on.
            Instead of both, None: where they are ideal.
        """
        del place, adcs, grid
        return None

    @checks_arguments
    def transfer(
        self, errors: ADCErrors | None = None, *, signed: bool, converter: int = 0
    ) -> TransferCurve:
        """Return the transfer curve of one converter, without noise.

        Parameters
        ----------
        errors : ADCErrors, optional
            Of `fabricate`; None: an ideal converter.
        signed : bool
            As there.
        converter : int
            Its number among them.

        Returns
        -------
        TransferCurve

        Raises
        ------
        ParameterError
            There is no such converter.
        """
        grid = Grid(self.bits, signed)
        errors = errors or ADCErrors()
        known = [e for e in (errors.curve, errors.offset, errors.gain) if e is not None]
        own = count("converter", converter, low=0, high=len(known[0]) - 1 if known else 2**31)
        positions = np.arange(grid.codes - 1) + 0.5
        codes = np.arange(grid.codes)
        if errors.curve is not None:
            positions = np.arange(errors.curve.shape[1]) + 0.5 + errors.curve[own]
            codes = np.arange(len(positions) + 1) if errors.codes is None else errors.codes[own]
            there = int(np.isfinite(positions).sum())  # those that are none come last
            positions, codes = positions[:there], codes[: there + 1]
        # back to the input: what is converted is x (1 + gain) + offset
        x = grid.low + grid.step * positions
        if errors.offset is not None:
            x = x - grid.step * errors.offset[own]
        if errors.gain is not None:
            x = x / (1.0 + errors.gain[own])
        found = np.asarray((x - grid.low) / grid.step, np.float64)
        return TransferCurve(found, codes, grid.codes)

    @checks_arguments
    def convert(
        self, signal: Values, full_scale: Values, *, signed: bool,
        errors: ADCErrors | None = None, generator: Noise | None = None,
    ) -> Values:
        """Convert `signal`: return the values of its codes.

        Parameters
        ----------
        signal : (..., n) array or tensor, ampere
            One column or difference of columns after the other; ADC j // `columns` takes column j.
        full_scale : float or (n,) array, ampere
            > 0; the range ends there.
        signed : bool
            Whether the range is -full_scale ... full_scale or 0 ... full_scale.
        errors : ADCErrors, optional
        generator : Generator or Reads
            Needed where `noise` > 0.

        Returns
        -------
        (..., n) array or tensor, ampere. In torch the gradient is straight-through inside of the
        range and 0 outside.

        Raises
        ------
        ParameterError
            A full scale that is not > 0, or noise without `generator`.
        """
        signal = as_float("signal", signal)
        if not signal.ndim:
            raise ParameterError("`signal` must have an axis of columns, (..., n); got one number")
        full_scale = full_scale_of(full_scale, signal)
        grid = Grid(self.bits, signed)
        # relative to full scale, as the converter sees it
        x = signal / full_scale
        adc = np.arange(signal.shape[-1]) // self.columns
        if errors is not None and errors.gain is not None:
            x = x * (1.0 + constant(errors.gain[adc], signal))
        if errors is not None and errors.offset is not None:
            x = x + grid.step * constant(errors.offset[adc], signal)
        if self.noise:
            draws = constant(standard_normal(generator, "adc noise", tuple(x.shape)), signal)
            sigma = self.noise * (grid.step if self.noise_unit == "lsb" else 1.0 / full_scale)
            x = x + sigma * draws
        inside = clip(x, grid.low, 1.0)
        if errors is None or errors.curve is None:
            code = grid.code(inside)
        else:
            code = _code((inside - grid.low) / grid.step, errors, adc)
        return full_scale * straight_through(inside, grid.level(code))


def full_scale_of(full_scale: Values, like: Values) -> Values:
    """Return a checked full scale, ampere: a number or one value per column.

    Raises
    ------
    ParameterError
        It is not > 0.
    """
    if isinstance(full_scale, (int, float)) and not isinstance(full_scale, bool):
        return number("full_scale", full_scale, low=0.0, open_low=True)
    if not (is_tensor(full_scale) and is_tensor(like)):
        full_scale = finite_array("full_scale", full_scale)
    if full_scale.ndim and tuple(full_scale.shape) != tuple(like.shape[-1:]):
        raise ParameterError(
            f"`full_scale` must be a number or have shape {tuple(like.shape[-1:])}, one per "
            f"column; got {tuple(full_scale.shape)}"
        )
    values = constant(full_scale, like)
    if not bool((values > 0).all()):
        raise ParameterError("`full_scale` must be > 0 ampere for every column")
    return values


def moved_transitions(curve: Array) -> Array:
    """Return the transitions (adcs, codes - 1) in LSB from code 0, those of ADC a moved.

    By ``1 + a (T + 4)``, so that they rise over all of them; those beyond the range, which no
    signal reaches, stand right behind its ends.
    """
    adcs, transitions = curve.shape
    levels = np.clip(np.arange(transitions) + 0.5 + curve, -1.0, transitions + 1.0)
    levels = levels + 1.0 + (transitions + 4.0) * np.arange(adcs)[:, None]
    return np.maximum.accumulate(levels.ravel()).reshape(curve.shape)


def _placed(
    positions: Array, codes: NDArray[np.int64] | None, smooth: Array | None, grid: Grid
) -> tuple[Array, NDArray[np.int64] | None]:
    """Return curve and codes of `ADCErrors` for transitions, with a smooth curve on top."""
    if smooth is not None:
        ideal = np.arange(grid.codes - 1) + 0.5
        positions = positions + np.array([
            np.interp(row, ideal, own) for row, own in zip(positions, smooth, strict=True)
        ])
    missing = grid.codes - 1 - positions.shape[1]
    if missing > 0:  # as many as codes: positions are looked up by the ideal code
        positions = np.pad(positions, ((0, 0), (0, missing)), constant_values=np.inf)
        codes = None if codes is None else np.pad(codes, ((0, 0), (0, missing)), mode="edge")
    rising = np.maximum.accumulate(positions, axis=1)
    return np.asarray(rising - np.arange(positions.shape[1]) - 0.5, np.float64), codes


def _code(position: Values, errors: ADCErrors, adc: Values) -> Values:
    """Return the codes of positions (..., n) in LSB from code 0, by the transitions of each ADC.

    All transitions stand in one sorted list, those of ADC a moved by a times the codes, so that
    one search serves all.
    """
    curve: Any = errors.curve
    transitions = curve.shape[1]
    stride = transitions + 4.0
    flat = moved_transitions(curve).ravel()
    shift = 1.0 + stride * adc
    xp = namespace(position)
    if is_tensor(position):
        where = position.detach().double() + xp.as_tensor(shift, device=position.device)
        table = xp.as_tensor(flat, device=position.device)
        found = xp.searchsorted(table, where.contiguous(), right=True)
        code = found - xp.as_tensor(adc * transitions, device=position.device)
        if errors.codes is not None:
            numbers = xp.as_tensor(errors.codes, device=position.device)
            code = numbers[xp.as_tensor(adc, device=position.device), code]
        code = code.to(position.dtype)
    else:
        found = np.searchsorted(flat, position.astype(np.float64) + shift, side="right")
        code = found - adc * transitions
        if errors.codes is not None:
            code = errors.codes[adc, code]
        code = code.astype(position.dtype)
    return xp.where(xp.isnan(position), position, code)
