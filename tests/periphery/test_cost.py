"""Costs against the published totals that they are made from, and against counting."""

import numpy as np
import pytest

from crossbarsim import Crossbar, ParameterError, Solver
from crossbarsim.periphery import (
    ADC,
    DAC,
    Breakdown,
    CurrentMirrorSense,
    IntegratorSense,
    LayerCost,
    NetworkCost,
    Periphery,
    Technology,
    TransimpedanceSense,
    layer_cost,
)


def approx(value, rel=1e-6):
    """Joules and square metres are far below pytest's absolute tolerance."""
    return pytest.approx(value, rel=rel, abs=0.0)


ISAAC = Periphery(dac=DAC(bits=16), adc=ADC(bits=8, columns=128))
ARRAYS = [(128, 128)] * 8
MACS = 128 * 128  # eight 2-bit slices make the 16-bit weights of one array's cells


def test_isaacs_ima_comes_out_as_published():
    # Table I: 16 mW and 0.0096 mm2 of ADCs, 4 mW and 0.00017 mm2 of DACs, 10 uW and 0.00004 mm2 of
    # sample-and-hold, 0.2 mW and 0.00024 mm2 of shift-and-add, 2.4 mW of arrays; cycles of 100 ns.
    cost = layer_cost(ISAAC, ARRAYS, macs=MACS, array_power=2.4e-3, encoding="bit-serial", overlap=True)
    time = 16 * 100e-9  # sixteen bit planes
    assert cost.energy.adc / time == approx(16e-3)
    assert cost.energy.dac / time == approx(4e-3)
    assert cost.energy.sample_hold / time == approx(10e-6)
    assert cost.energy.shift_add / time == approx(0.2e-3)
    assert cost.energy.array / time == approx(2.4e-3)
    assert cost.area.adc == approx(0.0096e-6)
    assert cost.area.dac == approx(0.00017e-6)
    assert cost.area.sample_hold == approx(0.00004e-6)
    assert cost.area.shift_add == approx(0.00024e-6)
    # Overlapped, a read takes the longer of the two: the ADC's 128 conversions are 100 ns.
    assert cost.latency == approx(17 * 100e-9)
    assert cost.conversions == 16 * 8 * 128
    # the cells' published 0.0002 mm2 are 4 F^2 each, at some 40 nm
    assert cost.area.array == approx(8 * 128**2 * 4 * 32e-9**2)
    assert 0.5 < cost.area.array / 0.0002e-6 * 1.0 < 3.0


def test_latency_without_overlap():
    adc = ADC(bits=8, columns=16)
    cost = layer_cost(Periphery(dac=DAC(), adc=adc), [(64, 64)] * 3, macs=1, array_energy=0.0,
                      vectors=7, encoding="two-phase", integration_time=50e-9)
    assert cost.latency == approx(7 * 2 * (50e-9 + 16 / 1.28e9))
    slow = layer_cost(Periphery(dac=DAC(), adc=ADC(columns=64)), [(64, 64)], macs=1, array_energy=0.0,
                      technology=Technology(adc_rate=1e8), overlap=True, vectors=3)
    assert slow.latency == approx(100e-9 + 3 * 64 / 1e8)
    wide = layer_cost(Periphery(adc=ADC(columns=128)), [(64, 40), (64, 24)], macs=1, array_energy=0.0)
    assert wide.latency == approx(100e-9 + 40 / 1.28e9)  # an ADC has the columns of one array
    ideal = layer_cost(Periphery(), [(64, 64)], macs=1, array_energy=0.0)
    assert ideal.latency == approx(100e-9)
    timed = layer_cost(Periphery(sense=IntegratorSense(integration_time=30e-9, hold_time=5e-9)),
                       [(4, 4)], macs=1, array_energy=0.0)
    assert timed.latency == approx(35e-9)
    settled = layer_cost(Periphery(sense=TransimpedanceSense(gbw=1e9, settling_time=20e-9)),
                         [(4, 4)], macs=1, array_energy=0.0)
    assert settled.latency == approx(20e-9)


def test_signals_are_what_is_converted():
    around, shapes = Periphery(adc=ADC(columns=4), subtraction="analog"), [(8, 10), (8, 10)]
    cost = layer_cost(around, shapes, macs=1, array_energy=0.0, signals=[10, 0], vectors=2)
    assert cost.conversions == 20
    assert cost.area.adc == approx(3 * 1200e-12)
    for wrong in ([10], [11, 0], [10, -1]):
        with pytest.raises(ParameterError, match="signals"):
            layer_cost(around, shapes, macs=1, array_energy=0.0, signals=wrong)


def test_counts_follow_the_periphery():
    shapes = [(100, 30), (100, 30)]
    digital = layer_cost(Periphery(adc=ADC(columns=8)), shapes, macs=1, array_energy=0.0, vectors=5)
    analogue = layer_cost(Periphery(adc=ADC(columns=8), subtraction="analog"), shapes, macs=1,
                          array_energy=0.0, vectors=5)
    assert digital.conversions == 5 * 60
    assert analogue.conversions == 5 * 30
    tech = Technology()
    assert digital.energy.sample_hold == approx(5 * 60 * tech.sample_hold_energy)
    driven = layer_cost(Periphery(dac=DAC(bits=4)), shapes, macs=1, array_energy=0.0, vectors=5)
    assert driven.energy.dac == approx(5 * 200 * (tech.dac_energy + 3 * 50e-15))
    doubling = layer_cost(Periphery(dac=DAC(bits=4)), shapes, macs=1, array_energy=0.0, vectors=5,
                          technology=Technology(dac_model="doubling"))
    assert doubling.energy.dac == approx(5 * 200 * 8 * tech.dac_energy)
    # an 8-bit DAC is no more than an 8-bit ADC
    assert tech.drive_energy(8) == approx(0.7406e-12, rel=1e-3)
    assert tech.drive_energy(8) < tech.conversion_energy(8)
    assert driven.area.dac == approx(200 * 8 * tech.dac_area)
    assert driven.energy.sample_hold == driven.energy.adc == 0.0
    assert analogue.energy.adc == approx(digital.energy.adc / 2)
    per_adc = Technology().converter_area(8)
    assert digital.area.adc == approx(2 * 4 * per_adc)
    assert analogue.area.adc == approx(4 * per_adc)
    twice = layer_cost(Periphery(adc=ADC(columns=8)), shapes * 2, macs=1, array_energy=0.0, vectors=5)
    assert twice.energy.total == approx(2 * digital.energy.total)
    assert twice.latency == digital.latency


def test_array_energy_is_the_solvers_power():
    rng = np.random.default_rng(0)
    G, V = rng.uniform(1e-6, 1e-4, (16, 8)), rng.uniform(-0.2, 0.2, (50, 16))
    power = float(np.mean(Solver().solve(Crossbar(G), V).power))
    assert power == approx(np.mean((V**2) @ G.sum(axis=1)))
    cost = layer_cost(Periphery(), [(16, 8)], macs=128, array_power=power, vectors=3)
    assert cost.energy.array == approx(3 * 100e-9 * power)
    given = layer_cost(Periphery(), [(16, 8)], macs=128, array_energy=cost.energy.array, vectors=3)
    assert given == cost
    offset = layer_cost(Periphery(), [(16, 8)], macs=128, array_power=power, vectors=3, encoding="offset")
    assert offset.energy.array == approx((3 + 1) * 100e-9 * power)  # the constant once
    for both in ({}, {"array_power": 1.0, "array_energy": 1.0}):
        with pytest.raises(ParameterError, match="either `array_power`"):
            layer_cost(Periphery(), [(16, 8)], macs=1, **both)


def test_word_lines_are_charged():
    tech = Technology(cell="1T1R", width_to_length=3.0)
    assert tech.cell_area == approx(12 * 32e-9**2)
    cost = layer_cost(Periphery(), [(10, 20), (5, 40)], macs=1, array_energy=0.0, technology=tech,
                      read_voltage=0.3, vectors=2, activity=0.25)
    length = (10 * 20 + 5 * 40) * np.sqrt(12) * 32e-9
    assert cost.energy.drivers == approx(2 * length * 0.2e-9 * 0.3**2 * 0.25)


def test_adc_models():
    # What hwcomponents-library lists for ISAAC's ADC scaled after Saberi et al., at 1.2 GS/s.
    listed = {4: (0.79, 361.04), 5: (0.99, 476.91), 6: (1.20, 626.91), 7: (1.42, 845.18),
              8: (1.6667, 1200.0), 9: (1.969078, 1827.912), 10: (2.379023, 3002.008)}
    tech = Technology(adc_energy=2e-3 / 1.2e9)
    for bits, (picojoule, square_micron) in listed.items():
        assert tech.conversion_energy(bits) == approx(picojoule * 1e-12, rel=0.01)
        assert tech.converter_area(bits) == approx(square_micron * 1e-12, rel=0.01)
    walden = Technology(adc_model="walden", walden_fom=10e-15)
    assert walden.conversion_energy(10) == approx(10e-15 * 1024)
    survey = Technology(adc_model="survey")
    # a conversion of P = E f has the Schreier figure SNDR + 10 log10(f / 2 / P)
    for rate, best in ((1.28e9, 302.7387 - 6.460791 * np.log(1.28e9)), (1e6, 180.14159)):
        tech = Technology(adc_model="survey", adc_rate=rate)
        sndr = 10 * np.log10(1.5 * 4.0**8)
        figure = sndr + 10 * np.log10(rate / 2 / (tech.conversion_energy(8) * rate))
        assert figure == approx(best, rel=1e-6)
    # the survey's best is cheaper than the ADC built, by less than an order of magnitude
    assert 0.1 < survey.conversion_energy(8) / Technology().conversion_energy(8) < 1.0
    assert 0.5 < survey.converter_area(8) / Technology().converter_area(8) < 5.0


def test_amplifiers_have_a_price():
    tech = Technology(gm_over_id=10.0, amplifier_branches=2.0, supply=1.0)
    assert tech.amplifier_power(1e9, 1e-13) == approx(2 * 2 * np.pi * 1e9 * 1e-13 / 10)
    tia = TransimpedanceSense(gbw=1e9, settling_time=10e-9)
    cost = layer_cost(Periphery(sense=tia), [(8, 8)], macs=1, array_energy=0.0, technology=tech)
    assert cost.energy.sense == approx(8 * tech.amplifier_power(1e9, 50e-15) * 10e-9)
    assert cost.area.sense == approx(8 * 100e-12)
    big = IntegratorSense(capacitance=10e-12)
    power = tech.amplifier_power(100e6, 50e-15 + 10e-12)
    assert tech.sense_energy(big, 40e-9) == approx(power * 40e-9)
    area = layer_cost(Periphery(sense=big), [(8, 8)], macs=1, array_energy=0.0).area.sense
    assert area == approx(8 * (100e-12 + 10e-12 / 2e-3))
    mirror = layer_cost(Periphery(sense=CurrentMirrorSense(ratio=0.5)), [(8, 8)], macs=1,
                        array_power=1e-3, read_voltage=0.2)
    assert mirror.energy.sense == approx(0.5 * 1e-3 / 0.2 * 100e-9)


def test_sums_over_layers():
    a = layer_cost(ISAAC, ARRAYS, macs=MACS, array_power=1e-3, encoding="bit-serial")
    b = layer_cost(ISAAC, ARRAYS[:2], macs=MACS // 4, array_power=1e-3, encoding="bit-serial", vectors=9)
    network = NetworkCost({"a": a, "b": b})
    assert network.energy.total == approx(a.energy.total + b.energy.total)
    assert network.area.adc == approx(a.area.adc + b.area.adc)
    assert network.latency == approx(a.latency + b.latency)
    assert network.throughput == approx(1 / b.latency)
    assert network.operations_per_joule == approx(2 * (a.macs + b.macs) / network.energy.total)
    assert a.operations_per_joule == approx(2 * MACS / a.energy.total)
    assert a.power == approx(a.energy.total / a.latency)
    parts = a.energy.to_dict()
    assert parts.pop("total") == approx(sum(parts.values()))
    assert Breakdown(adc=1.0) + Breakdown(adc=2.0, dac=1.0) == Breakdown(adc=3.0, dac=1.0)
    assert isinstance(a, LayerCost)


@pytest.mark.parametrize(("make", "name"), [
    (lambda: Technology(node=0.0), "node"), (lambda: Technology(adc_model="flash"), "adc_model"),
    (lambda: Technology(cell="2T2R"), "cell"), (lambda: Technology(adc_dac_area_share=1.5), "adc_dac_area_share"),
    (lambda: NetworkCost({}), "layers"),
    (lambda: layer_cost(Periphery(), [], macs=1, array_energy=0.0), "shapes"),
    (lambda: layer_cost(Periphery(), [(0, 3)], macs=1, array_energy=0.0), "shapes"),
    (lambda: layer_cost(Periphery(), [(3, 3)], macs=1, array_energy=-1.0), "array_energy"),
    (lambda: layer_cost(Periphery(), [(3, 3)], macs=1, array_energy=0.0, vectors=0), "vectors"),
    (lambda: layer_cost(Periphery(), [(3, 3)], macs=1, array_energy=0.0, encoding="bit-serial"), "bits"),
])
def test_bad_settings_name_themselves(make, name):
    with pytest.raises(ParameterError, match=f"`{name}`"):
        make()
