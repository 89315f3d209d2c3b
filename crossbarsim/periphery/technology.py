"""Energy, area and speed of the parts around an array, from published numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ..core.settings import Settings
from ..core.validation import choice, count, number
from .adc import ADC, PipelineADC, RampADC
from .integrator import IntegratorSense
from .periphery import Sense
from .sense import CurrentMirrorSense
from .transimpedance import TransimpedanceSense

__all__ = ["Technology"]

_ISAAC_CYCLE = 100e-9
_TEXT = ("adc_model", "dac_model", "cell")
_SHARES = ("adc_dac_energy_share", "adc_dac_area_share")


@dataclass(frozen=True, kw_only=True)
class Technology(Settings):
    """Energy, area and speed of the parts of a layer; the default is ISAAC's 32 nm.

    "ISAAC" is Table I of Shafiee et al., "ISAAC: a convolutional neural network accelerator with
    in-situ analog arithmetic in crossbars", ISCA 2016: an IMA with 8 arrays of 128 x 128 cells, at
    a cycle of 100 ns. Confirmed means that a second model of the literature carries the same number
    (PUMA's, Ankit et al., ASPLOS 2019; MNSIM 2.0, Zhu et al., GLSVLSI 2020; Accelergy's
    hwcomponents-library, Andrulis et al.).

    Parameters
    ----------
    node : float
        Feature size F, metre; default 32 nm. It scales cells, wires and the survey's ADC; the
        other numbers do not follow it and must be replaced together with it.
    supply : float
        Volt; default 1.0 V. Typical of 32 nm; not from the table.
    adc_model : {"sar", "walden", "survey"}
        How the energy of a conversion and the area follow the bits n.
        "sar": ``a n + b 2^n``, comparator, logic and clock growing with n and the capacitive DAC
        with 2^n (Saberi et al., IEEE TCAS-I 58, 1736, 2011), through `adc_energy` and `adc_area`
        at 8 bits.
        "walden": `walden_fom` times 2^n (Walden, IEEE JSAC 17, 539, 1999), n taken as the
        effective bits, which overstates ADCs that have fewer of them; area as "sar".
        "survey": best of Murmann's ADC survey 1997-2023 by the fit of Andrulis et al.
        (arXiv:2404.06553, 2024; coefficients of its published program, a single source): a
        Schreier figure of merit of min(180.14, 302.74 - 6.4608 ln f) dB at f = `adc_rate`, and
        the area of the smallest tenth.
    adc_energy : float
        Joule per 8-bit conversion; default 2 mW / 1.28 GS/s = 1.56 pJ (ISAAC, after Kull et al.,
        ISSCC 2013: 3.1 mW, 8 b, 1.2 GS/s in 32 nm SOI). Confirmed (PUMA, MNSIM).
    adc_area : float
        Square metre, 8 bits; default 1200 um^2 (ISAAC). Confirmed (PUMA, MNSIM).
    adc_rate : float
        Conversions per second; default 1.28 GS/s (ISAAC). Confirmed (hwcomponents: 1.2).
    adc_dac_energy_share, adc_dac_area_share : float
        Shares of the capacitive DAC at 8 bits; defaults 0.063 and 0.455, fitted to the values from
        4 to 10 bits that hwcomponents-library lists for ISAAC's ADC after Saberi; its fit is
        reproduced within 1 %. Not confirmed by a second source.
    ramp_clock : float
        Hertz, of the counter of a `RampADC`; default 1 GHz, at which 8 bits take 256 ns, after the
        design in 14/16 nm of M. J. Marinella et al., IEEE JETCAS 8:86, 2018. Not confirmed by a
        second source.
    comparator_load : float
        Farad that a ramp converter's comparator drives, an amplifier with a gain-bandwidth product
        of the clock; default 5 fF. An estimate of this project.
    walden_fom : float
        Joule per conversion step; default 34 fJ, of Kull et al. (ISSCC 2013). Not confirmed by a
        second source. The record of 2013, at a lower rate, was 2.2 fJ (Jonsson's survey of ADCs,
        spring 2013).
    dac_model : {"capacitive", "doubling"}
        How the energy of a conversion follows the bits n.
        "capacitive": ``dac_energy + (n - 1) dac_bit_energy supply^2``, a 1-bit driver and a
        capacitive divider of n - 1 more bits. 8 bits: 0.74 pJ.
        "doubling": ``dac_energy dac_growth^(n - 1)``, as MNSIM and hwcomponents extrapolate
        ISAAC's 1-bit driver. 8 bits: 50 pJ, which is 100 times what MNSIM's own table gives
        (0.5 mW over 1 ns), since ISAAC's power stands over a cycle of 100 ns.
    dac_energy : float
        Joule per 1-bit conversion; default 4 mW / 1024 over a 100 ns cycle = 0.39 pJ (ISAAC).
        Power confirmed (MNSIM: 3.9 uW), time base as well (hwcomponents: 1.2e7 conversions per
        second, 0.42 pJ at the use that ISAAC makes of its drivers); MNSIM spreads it over 1 ns.
    dac_bit_energy : float
        Joule per further bit and square volt; default 50 fJ, of the program of the analogue
        in-memory cost model of Houshmand et al. (ZigZag-IMC, arXiv:2305.18335, 2023), which takes
        it for every bit.
    dac_area : float
        Square metre, 1 bit; default 0.166 um^2 (ISAAC). Confirmed (MNSIM, PUMA).
    dac_growth : float
        Factor per further bit of the area, and of the energy of "doubling"; default 2 (MNSIM,
        hwcomponents).
    sample_hold_energy, sample_hold_area : float
        Per sample and per column; defaults 10 uW / 1024 over 100 ns = 0.98 fJ, and 0.039 um^2
        (ISAAC). Confirmed (PUMA).
    shift_add_energy : float
        Joule per conversion; default 0.2 mW / (8 x 1.28 GS/s) = 19.5 fJ (ISAAC). Confirmed.
    shift_add_area : float
        Square metre per unit; default 60 um^2 (ISAAC). Confirmed (PUMA).
    adcs_per_shift_add : int
        ADCs that a unit serves; default 2 (ISAAC: 4 units for 8 ADCs).
    cell : {"passive", "1T1R"}
        4 F^2, or ``3 (W/L + 1) F^2`` with the access transistor (MNSIM, Xia et al., IEEE TCAD 37,
        1009, 2018).
    width_to_length : float
        W/L of the access transistor; default 3, as MNSIM's.
    wire_capacitance : float
        Farad per metre; default 0.2 fF/um, the usual value of intermediate wires at all nodes. A
        textbook number, not confirmed by a second source here.
    gm_over_id : float
        Per volt, of the amplifiers' input transistors; default 15, moderate inversion (Jespers and
        Murmann, Systematic Design of Analog CMOS Circuits, 2017).
    amplifier_branches : float
        Supply current over that of one input transistor; default 4: a differential pair and an
        output stage of the same current. An estimate of this project.
    amplifier_load : float
        Farad that an amplifier drives; default 50 fF, a sample-and-hold and its wire. An estimate.
    amplifier_bandwidth : float
        Hertz, gain-bandwidth product where the amplifier itself states none; default 100 MHz.
    amplifier_area : float
        Square metre; default 100 um^2. An estimate.
    capacitor_density : float
        Farad per square metre of an integrator's capacitor; default 2 fF/um^2, a metal-oxide-metal
        stack. A textbook number.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> from crossbarsim.periphery import Technology
    >>> isaac = Technology()
    >>> [f"{isaac.conversion_energy(bits) * 1e12:.2f} pJ" for bits in (6, 8, 10)]
    ['1.12 pJ', '1.56 pJ', '2.22 pJ']
    >>> survey = Technology(adc_model="survey", node=65e-9)
    >>> f"{survey.conversion_energy(8) * 1e12:.2f} pJ, {survey.converter_area(8) * 1e12:.0f} um^2"
    '0.92 pJ, 4763 um^2'
    """

    node: float = 32e-9
    supply: float = 1.0
    adc_model: Literal["sar", "walden", "survey"] = "sar"
    adc_energy: float = 2e-3 / 1.28e9
    adc_area: float = 1200e-12
    adc_rate: float = 1.28e9
    adc_dac_energy_share: float = 0.063
    adc_dac_area_share: float = 0.455
    ramp_clock: float = 1e9
    comparator_load: float = 5e-15
    walden_fom: float = 34e-15
    dac_model: Literal["capacitive", "doubling"] = "capacitive"
    dac_energy: float = 4e-3 / 1024 * _ISAAC_CYCLE
    dac_bit_energy: float = 50e-15
    dac_area: float = 0.00017e-6 / 1024
    dac_growth: float = 2.0
    sample_hold_energy: float = 10e-6 / 1024 * _ISAAC_CYCLE
    sample_hold_area: float = 0.00004e-6 / 1024
    shift_add_energy: float = 0.2e-3 / (8 * 1.28e9)
    shift_add_area: float = 60e-12
    adcs_per_shift_add: int = 2
    cell: Literal["passive", "1T1R"] = "passive"
    width_to_length: float = 3.0
    wire_capacitance: float = 0.2e-9
    gm_over_id: float = 15.0
    amplifier_branches: float = 4.0
    amplifier_load: float = 50e-15
    amplifier_bandwidth: float = 100e6
    amplifier_area: float = 100e-12
    capacitor_density: float = 2e-3

    def __post_init__(self) -> None:
        choice("adc_model", self.adc_model, ("sar", "walden", "survey"))
        choice("dac_model", self.dac_model, ("capacitive", "doubling"))
        choice("cell", self.cell, ("passive", "1T1R"))
        count("adcs_per_shift_add", self.adcs_per_shift_add, low=1, high=2**31)
        for name in self.__dataclass_fields__:
            if name in _SHARES:
                number(name, getattr(self, name), low=0.0, high=1.0)
            elif name not in _TEXT:
                number(name, getattr(self, name), low=0.0, open_low=True)

    def conversion_energy(self, bits: int) -> float:
        """Return the energy of one analogue-to-digital conversion, joule."""
        bits = count("bits", bits, low=1, high=32)
        if self.adc_model == "walden":
            return float(self.walden_fom * 2.0**bits)
        if self.adc_model == "survey":
            schreier = min(180.14159, 302.73870 - 6.460791 * math.log(self.adc_rate))
            sndr = 20.0 * bits * math.log10(2.0) + 10.0 * math.log10(1.5)
            return float(0.5 * 10.0 ** ((sndr - schreier) / 10.0))
        return self.adc_energy * _sar(bits, self.adc_dac_energy_share)

    def converter_area(self, bits: int) -> float:
        """Return the area of an ADC, square metre."""
        bits = count("bits", bits, low=1, high=32)
        if self.adc_model == "survey":
            picojoule = self.conversion_energy(bits) * 1e12
            return 1e-12 * math.exp(
                4.850567 + 0.06665852 * math.log(self.adc_rate)
                + 0.7973240 * math.log(self.node * 1e9)
                - 0.1343728 * bits + 0.4236572 * math.log(picojoule)
            )
        return self.adc_area * _sar(bits, self.adc_dac_area_share)

    def adc_costs(self, adc: ADC) -> tuple[float, float]:
        """Return joule per conversion, and per ramp where converters share one.

        A pipeline's stages are amplifiers that settle to half an LSB in half a cycle, with a
        feedback factor of a half; a ramp is a capacitive DAC of `adc_dac_energy_share`.
        """
        if isinstance(adc, PipelineADC):
            settling = (adc.bits + 1) * math.log(2.0) * 2.0 * self.adc_rate / math.pi
            stage = self.amplifier_power(settling, self.amplifier_load) / self.adc_rate
            return (adc.bits - 1) * stage, 0.0
        if isinstance(adc, RampADC):
            comparator = self.amplifier_power(self.ramp_clock, self.comparator_load)
            ramp = self.adc_energy * self.adc_dac_energy_share * 2.0 ** (adc.bits - 8)
            return comparator * self.conversion_time(adc, 1), ramp
        return self.conversion_energy(adc.bits), 0.0

    def adc_areas(self, adc: ADC) -> tuple[float, float]:
        """Return square metres of a converter, and of a ramp where converters share one."""
        if isinstance(adc, PipelineADC):
            return (adc.bits - 1) * self.amplifier_area, 0.0
        if isinstance(adc, RampADC):
            logic = self.adc_area * (1.0 - self.adc_dac_area_share) * adc.bits / 8.0
            ramp = self.adc_area * self.adc_dac_area_share * 2.0 ** (adc.bits - 8)
            return logic, ramp
        return self.converter_area(adc.bits), 0.0

    def conversion_time(self, adc: ADC, conversions: int) -> float:
        """Return second for so many conversions of one converter, one after the other."""
        if isinstance(adc, RampADC):
            return conversions * 2.0**adc.bits / self.ramp_clock
        if isinstance(adc, PipelineADC) and conversions:
            return (conversions + adc.bits - 1) / self.adc_rate  # the last leaves every stage
        return conversions / self.adc_rate

    def drive_energy(self, bits: int) -> float:
        """Return the energy of one digital-to-analogue conversion, joule."""
        more = count("bits", bits, low=1, high=32) - 1
        if self.dac_model == "doubling":
            return self.dac_energy * self.dac_growth**more
        return self.dac_energy + more * self.dac_bit_energy * self.supply**2

    def driver_area(self, bits: int) -> float:
        """Return the area of a DAC, square metre."""
        return self.dac_area * self.dac_growth ** (count("bits", bits, low=1, high=32) - 1)

    @property
    def cell_area(self) -> float:
        """Area of a cell, square metre."""
        squares = 4.0 if self.cell == "passive" else 3.0 * (self.width_to_length + 1.0)
        return squares * self.node**2

    def line_capacitance(self, cells: int) -> float:
        """Return the capacitance of a line of square cells, farad."""
        return cells * math.sqrt(self.cell_area) * self.wire_capacitance

    def amplifier_power(self, bandwidth: float, load: float) -> float:
        """Return the power of an operational amplifier, watt.

        The input transistors' transconductance is ``2 pi bandwidth load``, their current that over
        g_m/I_D, the supply's `amplifier_branches` times it.
        """
        current = 2.0 * math.pi * bandwidth * load / self.gm_over_id
        return self.amplifier_branches * current * self.supply

    def sense_energy(self, sense: Sense, time: float, current: float = 0.0) -> float:
        """Return the energy of one sense amplifier over a phase of `time` second, joule.

        `current`: mean magnitude of the column's current, ampere, which a mirror draws once more
        from the supply times its ratio. Resistors and ideal amplifiers take none of their own.
        """
        if isinstance(sense, TransimpedanceSense):
            bandwidth = self.amplifier_bandwidth if sense.gbw is None else sense.gbw
            return self.amplifier_power(bandwidth, self.amplifier_load) * time
        if isinstance(sense, IntegratorSense):
            # the feedback capacitor in series with the array is part of what is driven
            load = self.amplifier_load + sense.capacitance
            return self.amplifier_power(self.amplifier_bandwidth, load) * time
        if isinstance(sense, CurrentMirrorSense):
            return sense.ratio * abs(current) * self.supply * time
        return 0.0

    def sense_area(self, sense: Sense) -> float:
        """Return the area of one sense amplifier, square metre."""
        if isinstance(sense, TransimpedanceSense):
            return self.amplifier_area
        if isinstance(sense, IntegratorSense):
            return self.amplifier_area + sense.capacitance / self.capacitor_density
        return 0.0


def _sar(bits: int, share: float) -> float:
    """Return the factor over 8 bits of what has `share` growing as 2^bits, the rest as bits."""
    return (1.0 - share) * bits / 8.0 + share * 2.0 ** (bits - 8)
