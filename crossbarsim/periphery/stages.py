"""Drivers and amplifiers as plain numbers for compiled read-outs, step by step as they compute.

`DAC`, `encode` and the amplifiers' `read` are the reference: the same operations in the same
order and precision, so that the values are theirs bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ..core.array_api import Values, constant, namespace
from .dac import DAC
from .encodings import encode
from .grid import Grid
from .integrator import IntegratorSense
from .sense import CurrentMirrorSense, IdealSense, LoadSense, SenseErrors, load_of
from .transimpedance import TransimpedanceSense

__all__ = ["DriverLaw", "Operation", "Stage", "driver_codes", "driver_laws", "stages"]


class Operation(IntEnum):
    """What a stage does to a signal."""

    MULTIPLY = 0
    ADD = 1
    DIVIDE = 2
    CLIP = 3  # between `first` and `second`
    NOISE = 4  # add `first` times a standard normal number


@dataclass(frozen=True, eq=False)
class Stage:
    """One step of an amplifier: an operation, and its operands of every column or of all."""

    operation: Operation
    first: Values
    second: Values = 0.0


def stages(
    sense: Any, errors: SenseErrors, load: Values | None, signal: Values
) -> list[Stage]:
    """Return what `sense.read` does to signals like `signal` (..., N), one after the other.

    Which operations there are depends on `sense` alone.
    """
    found: list[Stage] = []

    def add(operation: Operation, first: Values, second: Values = 0.0) -> None:
        found.append(Stage(operation, first, second))

    def gain() -> None:
        if errors.gain is not None:
            add(Operation.MULTIPLY, 1.0 + constant(errors.gain, signal))

    if isinstance(sense, LoadSense):
        gain()
        if errors.offset is not None:
            add(Operation.ADD, constant(errors.offset / sense.resistance, signal))
    elif isinstance(sense, CurrentMirrorSense):
        if not sense.bipolar:
            add(Operation.CLIP, 0.0, math.inf)
        gain()
        if sense.ratio != 1.0:
            add(Operation.MULTIPLY, sense.ratio)
            add(Operation.DIVIDE, sense.ratio)
    elif isinstance(sense, TransimpedanceSense):
        if sense.gain < math.inf:
            add(Operation.MULTIPLY, sense.gain / (1.0 + sense.gain))
        gain()
        if errors.offset is not None:
            conductance = load_of(load, signal, "the amplifier's offset") + 1.0 / sense.r_feedback
            conductance = conductance / (1.0 + sense.r_feedback * conductance / sense.gain)
            add(Operation.ADD, -(conductance * constant(errors.offset, signal)))
        if sense.gbw is not None:
            xp = namespace(signal)
            tau = sense.time_constant(load_of(load, signal, "the amplifier's bandwidth"))
            add(Operation.MULTIPLY, 1.0 - xp.exp(-sense.settling_time / tau))
        if sense.temperature or sense.voltage_noise:
            add(Operation.NOISE, sense.noise_current(
                load_of(load, signal, "the amplifier's noise")))
        if sense.output_limit < math.inf:
            largest = sense.output_limit / sense.r_feedback
            add(Operation.CLIP, -largest, largest)
    elif isinstance(sense, IntegratorSense):
        if errors.offset is not None:
            conductance = load_of(load, signal, "the integrator's offset")
            add(Operation.ADD, -(conductance * constant(errors.offset, signal)))
        for operation, value in sense.charging(load, signal):
            add(Operation.MULTIPLY if operation == "*" else Operation.DIVIDE, value)
        gain()
        if sense.saturation < math.inf:
            add(Operation.CLIP, -sense.saturation, sense.saturation)
        add(Operation.MULTIPLY, sense.capacitance / sense.integration_time)
    elif not isinstance(sense, IdealSense):
        raise TypeError(f"no stages of {type(sense).__name__}")
    return found


@dataclass(frozen=True, eq=False)
class DriverLaw:
    """What the DACs of all word lines make of a code in one phase.

    ``factor * limited(level * (1 + gain) + lsb * (curve[line, number] + offset))``, with the
    errors of a line, those of `curve` only where there is a `number`.

    Attributes
    ----------
    weight : float
        Of the phase.
    level, factor : (codes,)
        In the kind of the inputs.
    number : (codes,) or None
    lsb : float
    limited : bool
        Whether it stays between 0 and 1.
    constant : int or None
        The code that all inputs have in this phase.
    """

    weight: float
    level: Values
    factor: Values
    number: Values | None
    lsb: float
    limited: bool = False
    constant: int | None = None


def driver_codes(x: Values, encoding: str, dac: DAC, *, signed: bool) -> Values:
    """Return the codes, whole numbers from 0, of inputs x over their range, for `driver_laws`."""
    xp = namespace(x)
    x = x.clip(-1.0 if signed else 0.0, 1.0)
    if encoding.startswith(("two-phase", "pulse")):
        grid = Grid(dac.bits, signed=False)
        size = grid.code(xp.abs(x))
        return (grid.codes - 1) + xp.where(x < 0, -size, size) if signed else size
    grid = Grid(dac.bits, signed or encoding == "offset")
    if encoding.startswith("bit-serial") and signed:
        one = xp.ones_like(x)
        return xp.where(x >= 0, one, 0.0 * one) if dac.bits == 1 else (
            grid.steps(x) + grid.codes // 2
        )
    return grid.code(x)


def driver_laws(encoding: str, dac: DAC, like: Values, *, signed: bool) -> list[DriverLaw]:
    """Return the laws of all phases of an encoding.

    Parameters
    ----------
    encoding : str
    dac : DAC
    like : array or tensor
        Of the inputs' kind.
    signed : bool
        Whether inputs can be negative.
    """
    xp = namespace(like)
    one = xp.ones_like(like.reshape(-1)[:1])

    def counted(count: int) -> Values:
        return constant(list(range(count)), one)

    if encoding == "bipolar":
        grid = Grid(dac.bits, signed)
        code = counted(grid.codes)
        return [DriverLaw(1.0, grid.level(code), xp.ones_like(code), code, grid.step)]
    unsigned = Grid(dac.bits, signed=False)
    if encoding.startswith("bit-serial"):
        grid = Grid(dac.bits, signed)
        values = grid.level(counted(grid.codes)).reshape(-1, 1)
        laws = []
        for phase in encode(values, encoding, DAC(bits=dac.bits), signed=signed):
            plane = phase.drives[0].u.reshape(-1)
            fixed = 0 if len(plane) < grid.codes else None
            laws.append(DriverLaw(
                phase.weight, plane, xp.ones_like(plane), None, unsigned.step, constant=fixed
            ))
        return laws
    if encoding == "offset":
        grid = Grid(dac.bits, signed=True)
        code = counted(grid.codes)
        factor = xp.ones_like(code) * (0.5 * grid.step / unsigned.step)
        parts = (code * unsigned.step, factor, code, unsigned.step)
        return [DriverLaw(2.0, *parts),
                DriverLaw(-2.0, *parts, constant=int(grid.code(0.0 * one)[0]))]
    top = unsigned.codes - 1
    number = counted(2 * top + 1) - top if signed else counted(top + 1)
    if encoding == "pulse-width":
        halves = [(xp.abs(number), xp.sign(number), 1.0)]
    else:
        halves = [(number.clip(0, None), xp.sign(number.clip(0, None)), 1.0)]
        if signed:
            negative = (-number).clip(0, None)
            halves.append((negative, xp.sign(negative), -1.0))
    pulses = encoding.startswith("pulse")
    return [
        DriverLaw(
            weight, unsigned.level(size), sign if pulses else xp.ones_like(size), size,
            unsigned.step, pulses,
        ) for size, sign, weight in halves
    ]
