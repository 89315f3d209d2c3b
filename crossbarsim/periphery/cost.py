"""Energy, latency and area of a layer per inference, by part."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields

from ..core.errors import ParameterError
from ..core.settings import checks_arguments
from ..core.validation import count, number
from .adc import RampADC
from .encodings import constant_phases, phase_count
from .integrator import IntegratorSense
from .periphery import Periphery
from .technology import Technology
from .transimpedance import TransimpedanceSense

__all__ = ["Breakdown", "LayerCost", "NetworkCost", "layer_cost"]

_CYCLE = 100e-9


@dataclass(frozen=True)
class Breakdown:
    """Energy (joule) or area (square metre) by part.

    Attributes
    ----------
    array : float
        Cells and wires.
    dac, drivers : float
        Converters of the word lines, and the charging of these lines.
    sense, sample_hold : float
        Amplifiers and samplers of the bit lines.
    adc, shift_add : float
        Analogue-to-digital converters, and the digital adders after them.

    Examples
    --------
    >>> from crossbarsim.periphery import Breakdown
    >>> energy = Breakdown(array=2e-12, adc=5e-12) + Breakdown(adc=1e-12)
    >>> f"{energy.adc:.1e} J of {energy.total:.1e} J"
    '6.0e-12 J of 8.0e-12 J'
    """

    array: float = 0.0
    dac: float = 0.0
    drivers: float = 0.0
    sense: float = 0.0
    sample_hold: float = 0.0
    adc: float = 0.0
    shift_add: float = 0.0

    @property
    def total(self) -> float:
        """Sum of all parts."""
        return float(sum(astuple(self)))

    def __add__(self, other: Breakdown) -> Breakdown:
        if not isinstance(other, Breakdown):
            return NotImplemented
        return Breakdown(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def to_dict(self) -> dict[str, float]:
        """Return the parts and their "total" by name."""
        parts = {f.name: float(getattr(self, f.name)) for f in fields(self)}
        return {**parts, "total": self.total}


@dataclass(frozen=True)
class LayerCost:
    """Cost of one layer per inference.

    Attributes
    ----------
    energy : Breakdown
        Joule per inference.
    area : Breakdown
        Square metre.
    latency : float
        Second per inference: input vectors one after the other, all arrays at once.
    conversions : int
        Analogue-to-digital conversions per inference.
    macs : int
        Multiply-accumulate operations per inference of the layer.
    array_error : float
        Standard error of ``energy.array``, joule, where that is an estimate; 0: exact.

    Examples
    --------
    >>> from crossbarsim.periphery import ADC, DAC, Periphery, layer_cost
    >>> around = Periphery(dac=DAC(bits=4), adc=ADC(bits=6, columns=8))
    >>> cost = layer_cost(around, [(128, 64)], macs=128 * 64, array_power=1e-3)
    >>> f"{cost.operations_per_joule / 1e12:.1f} TOPS/W, {cost.latency * 1e9:.0f} ns"
    '67.6 TOPS/W, 106 ns'
    """

    energy: Breakdown
    area: Breakdown
    latency: float
    conversions: int
    macs: int
    array_error: float = 0.0

    @property
    def operations_per_joule(self) -> float:
        """Operations per joule, two per multiply-accumulate; 1e12 is 1 TOPS/W."""
        return 2.0 * self.macs / self.energy.total

    @property
    def power(self) -> float:
        """Power while the layer is active, watt."""
        return self.energy.total / self.latency


@dataclass(frozen=True)
class NetworkCost:
    """Cost of a network whose layers have arrays of their own.

    Parameters
    ----------
    layers : mapping of str to LayerCost

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> from crossbarsim.periphery import ADC, DAC, NetworkCost, Periphery, layer_cost
    >>> around = Periphery(dac=DAC(bits=4), adc=ADC(bits=6, columns=8))
    >>> network = NetworkCost({
    ...     "fc1": layer_cost(around, [(128, 64)], macs=128 * 64, array_power=1e-3),
    ...     "fc2": layer_cost(around, [(64, 10)], macs=64 * 10, array_power=1e-4),
    ... })
    >>> f"{network.energy.total * 1e12:.0f} pJ, {network.throughput / 1e6:.1f} M/s"
    '298 pJ, 9.4 M/s'
    """

    layers: Mapping[str, LayerCost]

    def __post_init__(self) -> None:
        if not self.layers:
            raise ParameterError("`layers` must name at least one layer")
        object.__setattr__(self, "layers", dict(self.layers))

    @property
    def energy(self) -> Breakdown:
        """Joule per inference."""
        return _sum(cost.energy for cost in self.layers.values())

    @property
    def array_error(self) -> float:
        """Standard error of the arrays' energy, joule."""
        return math.hypot(*(cost.array_error for cost in self.layers.values()))

    @property
    def area(self) -> Breakdown:
        """Square metre."""
        return _sum(cost.area for cost in self.layers.values())

    @property
    def latency(self) -> float:
        """Second per inference, layer after layer, also where layers could work side by side."""
        return sum(cost.latency for cost in self.layers.values())

    @property
    def throughput(self) -> float:
        """Inferences per second with all layers working at once on different inputs."""
        return 1.0 / max(cost.latency for cost in self.layers.values())

    @property
    def operations_per_joule(self) -> float:
        """Operations per joule, two per multiply-accumulate."""
        return 2.0 * sum(cost.macs for cost in self.layers.values()) / self.energy.total


@checks_arguments
def layer_cost(
    periphery: Periphery,
    shapes: Sequence[tuple[int, int]],
    *,
    macs: int,
    array_power: float | None = None,
    array_energy: float | None = None,
    technology: Technology | None = None,
    signals: Sequence[int] | None = None,
    inputs: Sequence[int] | None = None,
    encoding: str = "bipolar",
    signed_inputs: bool = True,
    vectors: int = 1,
    read_voltage: float = 0.2,
    activity: float = 1.0,
    integration_time: float | None = None,
    overlap: bool = False,
) -> LayerCost:
    """Return the energy, area and latency of a layer per inference.

    Energy of a phase: every word line's DAC once and ``C V^2`` of the line; every column's
    amplifier for the integration time and one sample; every ADC once per column that it serves,
    with one shift-and-add; the array's own. Latency of a phase: the integration time and the
    conversions of the columns that share an ADC (`Technology.conversion_time`).

    Parameters
    ----------
    periphery : Periphery
        Parts that are None or ideal cost nothing.
    shapes : sequence of (int, int)
        Word and bit lines of every physical array of the layer, the two of a pair and all bit
        slices included.
    macs : int
        Multiply-accumulate operations of the layer per inference, for the operations per joule.
    array_power : float
        Watt, of all arrays together, the mean over inputs and phases while voltages are applied,
        such as `Solution.power` gives.
    array_energy : float
        Joule of all arrays per inference, instead of `array_power`.
    technology : Technology, optional
        Default: ISAAC's 32 nm.
    signals : sequence of int, optional
        Number of signals that the ADCs of every array convert in a phase, one number per entry of
        `shapes`, 0 where a difference is converted at another array. None: one signal per column
        or, with analogue subtraction, per pair of columns, over all arrays.
    inputs : sequence of int, optional
        Number of DACs of every array, where one drives several word lines. None: one per line.
    encoding : str
    signed_inputs : bool
        They give the number of phases, as in `encode`. A phase that is the same for all inputs
        counts once.
    vectors : int
        Input vectors per inference: 1 for a linear layer, output positions of a convolution.
    read_voltage : float
        Volt, for the charging of word lines.
    activity : float
        Mean square of the voltages over that of the read voltage; default 1, the upper bound.
    integration_time : float, optional
        Second per phase. None: the amplifier's own integration or settling time, else 100 ns
        (ISAAC's cycle).
    overlap : bool
        Whether a sample-and-hold lets the ADCs convert one phase during the integration of the
        next, as in ISAAC.

    Returns
    -------
    LayerCost

    Raises
    ------
    ParameterError
        A value out of its range, or not exactly one of `array_power` and `array_energy`.

    Examples
    --------
    >>> from crossbarsim.periphery import ADC, DAC, Periphery, layer_cost
    >>> isaac = Periphery(dac=DAC(bits=16), adc=ADC(bits=8, columns=128))
    >>> cost = layer_cost(isaac, [(128, 128)] * 8, macs=128 * 128, array_power=2.4e-3,
    ...                   encoding="bit-serial", overlap=True)
    >>> f"{cost.energy.adc / cost.energy.total:.0%} of the energy are the ADCs'"
    "71% of the energy are the ADCs'"
    """
    tech = technology if technology is not None else Technology()
    columns, cells = _lines(shapes)
    vectors = count("vectors", vectors, low=1, high=2**62)
    count("macs", macs, low=0, high=2**62)
    number("read_voltage", read_voltage, low=0.0, open_low=True)
    number("activity", activity, low=0.0, high=1.0)
    periphery.check_encoding(encoding)
    time = _integration_time(periphery, integration_time)
    bits = None if periphery.dac is None else periphery.dac.bits
    phases = phase_count(encoding, bits, signed=signed_inputs)
    fixed = constant_phases(encoding, bits, signed=signed_inputs)
    reads = vectors * (phases - fixed) + fixed
    if (array_power is None) == (array_energy is None):
        raise ParameterError("give either `array_power` (watt) or `array_energy` (joule)")
    if array_energy is None:
        array_energy = number("array_power", array_power, low=0.0) * time * reads
    number("array_energy", array_energy, low=0.0)

    binary = encoding.startswith(("bit-serial", "pulse-width"))
    driver_bits = 1 if binary else bits
    dacs = _drivers(shapes, inputs)
    charging = sum(m * tech.line_capacitance(n) for m, n in shapes) * read_voltage**2 * activity
    column_current = 0.0 if array_power is None else array_power / (read_voltage * columns)
    converted = _converters(periphery, shapes, signals)
    adc = periphery.adc
    each = ramp = adc_area = 0.0
    if adc is not None:
        each, ramp = tech.adc_costs(adc)
        areas = tech.adc_areas(adc)
        adc_area = converted.adcs * areas[0] + converted.generators * areas[1]
    energy = Breakdown(
        array=array_energy,
        dac=0.0 if driver_bits is None else reads * dacs * tech.drive_energy(driver_bits),
        drivers=reads * charging,
        sense=reads * columns * tech.sense_energy(periphery.sense, time, column_current),
        sample_hold=0.0 if adc is None else reads * columns * tech.sample_hold_energy,
        adc=reads * (converted.conversions * each + converted.ramps * ramp),
        shift_add=reads * converted.conversions * tech.shift_add_energy,
    )
    area = Breakdown(
        array=cells * tech.cell_area,
        dac=0.0 if driver_bits is None else dacs * tech.driver_area(driver_bits),
        sense=columns * tech.sense_area(periphery.sense),
        sample_hold=0.0 if adc is None else columns * tech.sample_hold_area,
        adc=adc_area,
        shift_add=-(-converted.adcs // tech.adcs_per_shift_add) * tech.shift_add_area,
    )
    converting = 0.0 if adc is None else tech.conversion_time(adc, converted.busiest)
    latency = reads * (time + converting)
    if overlap:
        latency = time + converting + (reads - 1) * max(time, converting)
    return LayerCost(energy, area, latency, reads * converted.conversions, macs)


@dataclass(frozen=True)
class _Converted:
    """Converters, conversions of a read and of its busiest converter, ramps and what makes them."""

    adcs: int = 0
    conversions: int = 0
    busiest: int = 0
    ramps: int = 0
    generators: int = 0


def _sum(parts: Iterable[Breakdown]) -> Breakdown:
    return sum(parts, Breakdown())


def _lines(shapes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the numbers of bit lines and cells of all arrays."""
    if not len(shapes):
        raise ParameterError("`shapes` must hold at least one array's (word lines, bit lines)")
    for m, n in shapes:
        count("shapes", m, low=1, high=2**31)
        count("shapes", n, low=1, high=2**31)
    return sum(n for _, n in shapes), sum(m * n for m, n in shapes)


def _drivers(shapes: Sequence[tuple[int, int]], inputs: Sequence[int] | None) -> int:
    """Return the number of DACs of all arrays."""
    if inputs is None:
        return sum(rows for rows, _ in shapes)
    if len(inputs) != len(shapes):
        raise ParameterError(
            f"`inputs` must be one per array of `shapes`; got {len(inputs)} for {len(shapes)}"
        )
    return sum(
        count("inputs", n, low=1, high=rows)
        for n, (rows, _) in zip(inputs, shapes, strict=True)
    )


def _converters(
    periphery: Periphery, shapes: Sequence[tuple[int, int]], signals: Sequence[int] | None
) -> _Converted:
    """Return what there is to convert per read."""
    if signals is not None:
        if len(signals) != len(shapes):
            raise ParameterError(
                f"`signals` must be one per array of `shapes`; got {len(signals)} for {len(shapes)}"
            )
        for n, (_, columns) in zip(signals, shapes, strict=True):
            count("signals", n, low=0, high=columns)
    adc = periphery.adc
    if adc is None:
        return _Converted()
    if signals is None:
        signals = [n for _, n in shapes]
        if periphery.subtraction == "analog":
            # whichever arrays the pairs lie in, there are half as many
            signals = [-(-sum(signals) // 2)]
    shared = isinstance(adc, RampADC) and adc.shared
    # a ramp serves all converters of an array at once, each for one of its columns
    return _Converted(
        sum(adc.count(n) for n in signals), sum(signals), min(adc.columns, max(signals)),
        sum(min(adc.columns, n) for n in signals) if shared else sum(signals),
        sum(n > 0 for n in signals) if shared else sum(adc.count(n) for n in signals),
    )


def _integration_time(periphery: Periphery, given: float | None) -> float:
    sense = periphery.sense
    if given is not None:
        return number("integration_time", given, low=0.0, open_low=True)
    if isinstance(sense, IntegratorSense):
        return sense.integration_time + sense.hold_time
    if isinstance(sense, TransimpedanceSense) and sense.gbw is not None:
        return sense.settling_time
    return _CYCLE
