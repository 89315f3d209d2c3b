"""Input encodings: inputs as voltages in time, in one or more phases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ..core.array_api import Values, as_float, clip, is_tensor, namespace, straight_through
from ..core.errors import ParameterError
from ..core.settings import checks_arguments
from ..core.validation import choice
from .dac import DAC, DACErrors, check_rows
from .grid import Grid

__all__ = [
    "ENCODINGS",
    "Drive",
    "Phase",
    "check_dac",
    "clipped",
    "constant_phases",
    "encode",
    "phase_count",
    "signed_phases",
]

ENCODINGS = (
    "bipolar",
    "two-phase",
    "offset",
    "pulse-width",
    "pulse-width-two-phase",
    "bit-serial",
    "bit-serial-magnitude",
)
_BINARY = ("bit-serial", "bit-serial-magnitude")
_FINER = 16  # parts of an LSB to which the lengths of mismatched pulses are resolved


class Drive(NamedTuple):
    """Voltages that are on the word lines for a share of a phase.

    Attributes
    ----------
    u : (B, M) or (1, M) array or tensor
        Voltages relative to the read voltage.
    share : float
        Of the integration time of the phase.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.periphery import DAC, encode
    >>> (phase,) = encode(np.array([[0.5, -1.0]]), "pulse-width", DAC(bits=2), linear=False)
    >>> for drive in phase.drives:
    ...     print(drive.u, round(drive.share, 3))
    [[ 1. -1.]] 0.667
    [[ 0. -1.]] 0.333
    """

    u: Values
    share: float


@dataclass(frozen=True)
class Phase:
    """Drives whose currents are accumulated, then converted once.

    The signal of a phase is ``sum(share * I(u * read_voltage))`` over its drives, in ampere; the
    value of the layer is ``sum(weight * signal)`` over the phases.

    Attributes
    ----------
    drives : tuple of Drive
    weight : float

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.periphery import DAC, encode
    >>> phases = encode(np.array([[0.75, 0.25]]), "bit-serial", DAC(bits=2), signed=False)
    >>> for phase in phases:
    ...     print(round(phase.weight, 3), phase.drives[0].u)
    0.333 [[0. 1.]]
    0.667 [[1. 0.]]
    """

    drives: tuple[Drive, ...]
    weight: float


@checks_arguments
def clipped(x: Values, *, signed: bool = True) -> int:
    """Return how many inputs will saturate, being outside of [-1, 1] (unsigned: [0, 1]).

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.periphery import clipped
    >>> clipped(np.array([0.2, -0.5, 1.3])), clipped(np.array([0.2, -0.5, 1.3]), signed=False)
    (1, 2)
    """
    x = as_float("x", x)
    return int(((x > 1.0) | (x < (-1.0 if signed else 0.0))).sum())


def signed_phases(encoding: str, *, signed: bool = True) -> bool:
    """Return whether an encoding applies voltages of both signs in one phase."""
    choice("encoding", encoding, ENCODINGS)
    return signed and encoding in ("bipolar", "pulse-width", "bit-serial-magnitude")


@checks_arguments
def phase_count(encoding: str, bits: int | None = None, *, signed: bool = True) -> int:
    """Return the number of phases of an encoding.

    Parameters
    ----------
    encoding : str
        One of `ENCODINGS`.
    bits : int, optional
        Of the DAC; needed for the bit-serial encodings.
    signed : bool
        False: all inputs are >= 0.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> from crossbarsim.periphery import ENCODINGS, phase_count
    >>> {name: phase_count(name, bits=8) for name in ENCODINGS[:4]}
    {'bipolar': 1, 'two-phase': 2, 'offset': 2, 'pulse-width': 1}
    """
    choice("encoding", encoding, ENCODINGS)
    if encoding in _BINARY:
        if bits is None:
            raise ParameterError(f'`bits` is needed to count the phases of "{encoding}"')
        if not signed:
            return bits
        return max(bits - 1, 1) if encoding == "bit-serial-magnitude" else max(bits, 2)
    both = encoding == "offset" or (signed and encoding.endswith("two-phase"))
    return 2 if both else 1


def constant_phases(encoding: str, bits: int | None = None, *, signed: bool = True) -> int:
    """Return how many of the phases are the same for all inputs: they are read only once."""
    one_bit = encoding == "bit-serial" and signed and bits == 1
    return 1 if encoding == "offset" or one_bit else 0


def check_dac(encoding: str, dac: DAC | None, *, linear: bool) -> None:
    """Raise a `ParameterError` where an encoding needs another DAC; see `encode`."""
    if dac is not None and not isinstance(dac, DAC):
        raise ParameterError(f"`dac` must be DAC(...) or None; got {dac!r:.60}")
    if dac is None and (encoding in _BINARY or (encoding.startswith("pulse") and not linear)):
        raise ParameterError(
            f'`dac`: the encoding "{encoding}" needs a resolution here, DAC(bits=...)'
        )
    if encoding == "offset" and dac is not None and dac.bits < 2:
        raise ParameterError('`dac`: the encoding "offset" needs 2 bits or more for the level 1/2')


@checks_arguments
def encode(
    x: Values, encoding: str, dac: DAC | None = None, dac_errors: DACErrors | None = None, *,
    linear: bool = True, signed: bool = True,
) -> list[Phase]:
    """Return the phases in which the inputs `x` are applied to an array.

    With ideal converters and linear cells, ``sum(weight * share * u)`` over phases and drives is
    `x` rounded to a grid (`Grid`), for every encoding: that of signed numbers for "bipolar",
    "offset" and the bit-serial ones, and that of magnitudes, twice as fine, for the others.

    ======================= ========================================================= ============
    encoding                voltages                                                  phases
    ======================= ========================================================= ============
    "bipolar"               both signs at once, by a signed DAC                       1
    "two-phase"             the positive inputs, then the magnitudes of the negative  2 (1)
                            ones, by an unsigned DAC
    "offset"                (x + 1) / 2, and the constant 1/2 once; weights 2, -2     2
    "pulse-width"           +-1 for the time abs(x); a charge integrator adds up      1
    "pulse-width-two-phase" as above with 1 and 0 only, positive inputs first         2 (1)
    "bit-serial"            bits of two's complement as 1 and 0, weights 2^k, the     bits
                            sign bit's negative (as in ISAAC, ISCA 2016); of 1 bit
                            with a sign, that bit and a constant 1
    "bit-serial-magnitude"  bits of the magnitude as +-1 and 0, weights 2^k           bits - 1
    ======================= ========================================================= ============

    Parameters
    ----------
    x : (B, M) array or tensor
        Relative to the input range; values outside of [-1, 1], or [0, 1] unless `signed`,
        saturate (`clipped` counts them).
    encoding : str
        One of `ENCODINGS`.
    dac : DAC, optional
        None: ideal, not quantised; the bit-serial encodings and, with cells that are not linear,
        the pulse widths need one. In these its `bits` are the resolution of the input, and the
        driver has two (three) levels: its gain error and offset apply to the bit-serial pulses,
        all errors apply to the lengths of pulse widths.
    dac_errors : DACErrors, optional
        From `DAC.fabricate`.
    linear : bool
        Whether cells are linear, so that a pulse's width may be averaged into a voltage. Else
        there is one drive for each interval between the edges of the pulses, at most 2^bits of
        them, or 16 times as many with mismatched pulses, whose lengths are then resolved to 1/16
        LSB.
    signed : bool
        False: all inputs are >= 0 (after a ReLU), which saves the phases in parentheses and the
        sign bit.

    Returns
    -------
    list of Phase
        In torch differentiable in `x`, straight-through: the phases' weighted sum has the
        gradient 1, and 0 where an input saturates.

    Raises
    ------
    ParameterError
        An unknown encoding, inputs of another shape, or a DAC that the encoding cannot use.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.periphery import DAC, encode
    >>> x = np.array([[0.5, -0.3, 1.0]])
    >>> phases = encode(x, "two-phase", DAC(bits=4))
    >>> sum(phase.weight * phase.drives[0].u for phase in phases).round(3)
    array([[ 0.533, -0.333,  1.   ]])
    """
    choice("encoding", encoding, ENCODINGS)
    x = as_float("x", x)
    if x.ndim != 2:
        raise ParameterError(f"`x` must have shape (B, M); got {tuple(x.shape)}")
    check_dac(encoding, dac, linear=linear)
    x = clip(x, -1.0 if signed else 0.0, 1.0)
    if encoding in _BINARY:
        return _bit_serial(x, encoding, _given(dac), dac_errors, signed)
    if encoding == "offset":
        return _offset(x, dac, dac_errors)
    if encoding == "bipolar":
        return [Phase((Drive(_levels(x, dac, dac_errors, signed), 1.0),), 1.0)]
    halves = [(x, 1.0)]
    if encoding.endswith("two-phase") and signed:
        xp = namespace(x)
        zero = xp.zeros_like(x)
        halves = [(xp.where(x >= 0, x, zero), 1.0), (xp.where(x < 0, -x, zero), -1.0)]
    if encoding == "two-phase":
        return [
            Phase((Drive(_levels(part, dac, dac_errors, signed=False), 1.0),), weight)
            for part, weight in halves
        ]
    return [Phase(_pulses(part, dac, dac_errors, linear), weight) for part, weight in halves]


def _given(dac: DAC | None) -> DAC:
    if dac is None:
        raise AssertionError("encode() asked for a DAC")
    return dac


def _levels(x: Values, dac: DAC | None, errors: DACErrors | None, signed: bool) -> Values:
    return x if dac is None else dac.convert(x, signed=signed, errors=errors)


def _offset(x: Values, dac: DAC | None, errors: DACErrors | None) -> list[Phase]:
    """Unsigned voltages around half of the read voltage, on the signed grid moved up.

    So 1/2 is a level, and an input of 0 gives exactly 0.
    """
    middle = namespace(x).zeros_like(x[:1])

    def shifted(values: Values) -> Values:
        if dac is None:
            return 0.5 * values + 0.5
        grid = Grid(dac.bits, signed=True)
        inside = clip(values, -1.0, 1.0)
        code = grid.code(inside)
        half = Grid(dac.bits, signed=False)
        # the same voltages as of the codes 0 ... 2^bits - 2, full scale at the last of them
        ideal = 0.5 * grid.step * code
        scale = 0.5 * grid.step / half.step
        real = dac.apply(code * half.step, code, half, errors) * scale if errors else ideal
        return straight_through(0.5 * inside + 0.5, real)

    return [Phase((Drive(shifted(x), 1.0),), 2.0), Phase((Drive(shifted(middle), 1.0),), -2.0)]


def _pulses(
    x: Values, dac: DAC | None, errors: DACErrors | None, linear: bool
) -> tuple[Drive, ...]:
    """Pulses of amplitude sign(x) that last for a share abs(x) of the phase."""
    xp = namespace(x)
    length = x
    if dac is not None:
        grid = Grid(dac.bits, signed=False)
        code = grid.code(xp.abs(x))
        real = dac.apply(grid.level(code), code, grid, errors)
        if errors is not None:  # no pulse at all has no error, and none lasts beyond the phase
            real = xp.where(code == 0, xp.zeros_like(real), clip(real, 0.0, 1.0))
        length = straight_through(x, xp.sign(x) * real)
    if linear:
        return (Drive(length, 1.0),)
    size = xp.abs(length)
    size = size.detach() if is_tensor(size) else size
    steps = float(2 ** _given(dac).bits - 1) * (_FINER if errors is not None else 1)
    edges = xp.round(size * steps)
    sign = xp.sign(x.detach() if is_tensor(x) else x)
    drives = []
    previous = 0.0
    for edge in (float(e) for e in xp.unique(edges)):
        if edge > 0.0:
            on = xp.where(edges >= edge, sign, xp.zeros_like(sign))
            drives.append(Drive(straight_through(x, on), (edge - previous) / steps))
            previous = edge
    rest = 1.0 - previous / steps
    if rest > 0.0:
        drives.append(Drive(straight_through(x, xp.zeros_like(sign)), rest))
    return tuple(drives)


def _bit_serial(
    x: Values, encoding: str, dac: DAC, errors: DACErrors | None, signed: bool
) -> list[Phase]:
    """Binary planes of the input, least significant first."""
    if errors is not None and errors.rows is not None:
        check_rows(x, errors)
    grid = Grid(dac.bits, signed)
    if grid.codes == 2 and signed:
        # one bit and a sign: the pair -1, 1
        level = namespace(x).where(x >= 0, namespace(x).ones_like(x), -namespace(x).ones_like(x))
        if encoding == "bit-serial":
            plane = straight_through(0.5 * x + 0.5, 0.5 * level + 0.5)
            constant_one = namespace(x).ones_like(x[:1])
            return [
                Phase((Drive(dac.two_level(plane, errors), 1.0),), 2.0),
                Phase((Drive(dac.two_level(constant_one, errors), 1.0),), -1.0),
            ]
        return [Phase((Drive(dac.two_level(straight_through(x, level), errors), 1.0),), 1.0)]
    xp = namespace(x)
    detached = x.detach() if is_tensor(x) else x
    number = grid.steps(detached)
    largest = float(grid.codes // 2) if signed else float(grid.codes - 1)
    magnitude = signed and encoding == "bit-serial-magnitude"
    sign = xp.sign(number) if magnitude else None
    planes = dac.bits - 1 if magnitude else dac.bits
    rest = xp.abs(number) if magnitude else xp.where(number < 0, number + 2.0**dac.bits, number)
    phases = []
    for k in range(planes):
        half = xp.floor(rest / 2.0)
        bit = rest - 2.0 * half
        rest = half
        top = signed and not magnitude and k == planes - 1
        weight = (-1.0 if top else 1.0) * 2.0**k / largest
        pulse = bit if sign is None else sign * bit
        # the weights of all planes but the sign bit add up to 1, and so do the gradients
        u = pulse if top else straight_through(x, pulse)
        phases.append(Phase((Drive(dac.two_level(u, errors), 1.0),), weight))
    return phases
