"""Converters of three kinds, against their circuits simulated step by step."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from crossbarsim import ParameterError
from crossbarsim.nn import CrossbarConfig, calibrate, convert, report
from crossbarsim.nonidealities import Place
from crossbarsim.periphery import (
    ADC,
    ADCErrors,
    Periphery,
    PipelineADC,
    RampADC,
    SarADC,
    Technology,
    layer_cost,
)
from crossbarsim.periphery.grid import Grid

torch.set_num_threads(1)
KINDS = [
    SarADC(bits=6, capacitor_sigma=0.1), SarADC(bits=6, capacitor_sigma=0.05, split=3),
    RampADC(bits=6, slope_error=0.02, start_error=1.0, droop=0.3, step_sigma=0.4),
    PipelineADC(bits=6, capacitor_sigma=0.03, amplifier_gain=80.0, comparator_sigma=0.1),
]


def codes_of(adc, positions, *, signed, adcs=1):
    """Codes of inputs (n,), LSB from code 0, by `convert`, (n, adcs)."""
    grid = Grid(adc.bits, signed)
    errors = adc.fabricate(Place(3), adcs, signed=signed)
    signal = np.repeat((grid.low + grid.step * positions)[:, None], adcs, axis=1)
    found = adc.convert(signal, 1.0, signed=signed, errors=errors)
    return np.rint((found - grid.low) / grid.step).astype(int), errors


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("adc", KINDS, ids=lambda adc: f"{type(adc).__name__}{getattr(adc, 'split', '')}")
def test_the_transfer_curve_is_what_is_converted(adc, signed):
    positions = np.linspace(0.0, Grid(adc.bits, signed).codes - 1, 3001)
    found, errors = codes_of(adc, positions, signed=signed, adcs=3)
    curves = [adc.transfer(errors, signed=signed, converter=k) for k in range(3)]
    for k, curve in enumerate(curves):
        np.testing.assert_array_equal(curve.code(positions), found[:, k])
        assert (curve.inl[0], round(curve.inl[-1], 9)) == (0.0, 0.0)
    if type(adc) is not RampADC:  # of one array they share a ramp
        assert not np.array_equal(curves[0].transitions, curves[1].transitions)
    ideal, _ = codes_of(type(adc)(bits=6), positions, signed=signed)
    assert np.array_equal(ideal[:, 0], np.floor(positions + 0.5))
    assert 0.2 < np.abs(found - ideal).mean() < 6


# -- successive approximation ----------------------------------------------------------------------


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("split", [0, 3])
def test_a_search_bit_by_bit_gives_the_same_codes(signed, split):
    adc = SarADC(bits=6, capacitor_sigma=0.25, split=split)
    positions = np.random.default_rng(0).uniform(0.0, Grid(6, signed).codes - 1, 2000)
    found, errors = codes_of(adc, positions, signed=signed)
    levels = adc.levels(Place(3), 1)[0]
    assert (np.diff(levels) < 0).any()  # not even in order
    shift = 1 if signed else 0
    for position, code in zip(positions, found[:, 0], strict=True):
        register = 0
        for bit in range(5, -1, -1):
            if position + shift >= levels[register + 2**bit] - 0.5:
                register += 2**bit
        assert code == max(register - shift, 0)
    curve = adc.transfer(errors, signed=signed)
    assert len(curve.missing) > 0
    assert curve.monotonic


@pytest.mark.parametrize(("bits", "split"), [(8, 0), (10, 0), (8, 4), (9, 3)])
def test_mismatch_makes_the_published_nonlinearity(bits, split):
    sigma, count = 0.002, 3000
    levels = SarADC(bits=bits, capacitor_sigma=sigma, split=split).levels(Place(11), count)
    codes = np.arange(2**bits)
    ends = levels[:, -1:] - levels[:, :1]
    inl = (levels - levels[:, :1]) / ends * (2**bits - 1) - codes
    half = 2 ** (bits - 1)
    step = np.diff(inl, axis=1)[:, half - 1]
    upper = bits - split
    # all capacitors of the upper part change places at mid-scale (Saberi et al. 2011)
    assert step.std() == pytest.approx(2 ** (upper / 2 + split) * sigma, rel=0.08)
    assert inl[:, half].std() == pytest.approx(2 ** (upper / 2 + split - 1) * sigma, rel=0.08)
    assert inl[:, half].std() >= 0.98 * inl.std(axis=0).max()


def test_noise_of_every_comparison_is_noise_of_the_signal():
    sigma, reads = 0.2, 40000
    adc = SarADC(bits=5, noise=sigma)
    rng = np.random.default_rng(5)
    levels = adc.levels(Place(3), 1)[0]
    for position in (9.0, 9.4, 15.5):  # 15.5: all bits turn over
        signal = np.full((reads, 1), position / 31)
        once = adc.convert(signal, 1.0, signed=False, generator=rng)[:, 0] * 31
        register = np.zeros(reads, int)
        for bit in range(4, -1, -1):
            seen = position + sigma * rng.standard_normal(reads)
            register += 2**bit * (seen >= levels[register + 2**bit] - 0.5)
        assert once.mean() == pytest.approx(register.mean(), abs=0.02)
        assert once.std() == pytest.approx(register.std(), abs=0.03)


# -- ramp ------------------------------------------------------------------------------------------


def test_a_counter_that_runs_gives_the_same_codes():
    adc = RampADC(bits=5, slope_error=0.05, start_error=0.5, droop=1.0, step_sigma=1.5)
    positions = np.random.default_rng(0).uniform(0.0, 31.0, 500)
    found, _ = codes_of(adc, positions, signed=False)
    slope, start = Place(3).generator("adc ramp").standard_normal((2, 1, 1)).ravel()
    steps = Place(3).generator("adc steps").standard_normal(31)
    for position, code in zip(positions, found[:, 0], strict=True):
        walk = 0.0
        for count in range(31):
            walk += 1.5 * steps[count]
            t = (count + 0.5) / 31
            bent = (1.0 - math.exp(-t)) / (1.0 - math.exp(-1.0))
            if 0.5 * start + (1.0 + 0.05 * slope) * 31 * bent + walk > position:
                break
        else:
            count = 31
        assert code == count


def test_a_drooping_ramp_bows_and_columns_share_it():
    adc = RampADC(bits=9, droop=0.2, offset=0.3, step_sigma=0.02)
    errors = adc.fabricate(Place(1), 64, signed=False)
    assert errors.curve.shape == (64, 511)
    assert (errors.curve == errors.curve[0]).all()
    assert errors.offset.std() == pytest.approx(0.3, rel=0.3)
    bowed = RampADC(bits=9, droop=0.2)
    curve = bowed.transfer(bowed.fabricate(Place(1), 1, signed=False), signed=False)
    assert curve.inl.max() == pytest.approx(511 * math.tanh(0.05) / 2, rel=5e-3)
    own = RampADC(bits=9, shared=False, slope_error=0.01).fabricate(Place(1), 200, signed=False)
    assert (own.curve[:, -1] / 510.5).std(ddof=1) == pytest.approx(0.01, rel=0.15)
    ends = RampADC(bits=6, step_sigma=0.1, shared=False).fabricate(Place(1), 3000, signed=False)
    assert ends.curve[:, -1].std() == pytest.approx(0.1 * math.sqrt(63), rel=0.05)


# -- pipeline --------------------------------------------------------------------------------------


@pytest.mark.parametrize("signed", [False, True])
def test_stages_one_after_the_other_give_the_same_codes(signed):
    bits, place = 7, Place(3)
    adc = PipelineADC(bits=bits, capacitor_sigma=0.04, amplifier_gain=60.0, comparator_sigma=0.08)
    positions = np.random.default_rng(0).uniform(0.0, Grid(bits, signed).codes - 1, 1500)
    found, errors = codes_of(adc, positions, signed=signed)
    draws = place.generator("adc pipeline").standard_normal((1, bits, 4))[0]
    shift = 1 if signed else 0
    for position, code in zip(positions, found[:, 0], strict=True):
        v, register = (position + shift + 0.5) / 2 ** (bits - 1) - 1.0, 0
        for k in range(bits - 1):
            c1, c2 = 1.0 + 0.04 * draws[k, 0], 1.0 + 0.04 * draws[k, 1]
            d = int(v > 0.25 + 0.08 * draws[k, 2]) - int(v < -0.25 + 0.08 * draws[k, 3])
            beta = c1 / (c1 + c2)
            v = ((1.0 + c2 / c1) * v - d * c2 / c1) / (1.0 + 1.0 / (60.0 * beta))
            register += (d + 1) * 2 ** (bits - 2 - k)
        register += int(v > 0.08 * draws[bits - 1, 2])
        assert code == max(register - shift, 0)
    assert not adc.transfer(errors, signed=signed).monotonic


def test_half_a_bit_more_takes_out_offsets_and_a_weak_stage_makes_steps():
    adc = PipelineADC(bits=10, comparator_sigma=0.05)
    errors = adc.fabricate(Place(2), 20, signed=False)
    # the stages' are taken out, the last comparator's moves all codes alike
    last = Place(2).generator("adc pipeline").standard_normal((20, 10, 4))[:, 9, 2]
    for k in range(20):
        curve = adc.transfer(errors, signed=False, converter=k)
        np.testing.assert_allclose(
            curve.transitions, np.arange(1023) + 0.5 + 0.05 * last[k], atol=1e-9)
    gain = 400.0  # every stage hands on 2 / gain too little
    weak = PipelineADC(bits=10, amplifier_gain=gain)
    curve = weak.transfer(weak.fabricate(Place(2), 1, signed=False), signed=False)
    step = 2 / gain / (1 + 2 / gain) * 2**10 / 4
    for place in (3 / 8, 5 / 8):  # thresholds of the first stage
        before, after = curve.code(np.array([place * 1024 - 0.6, place * 1024 - 0.4]))
        assert abs(after - before) == pytest.approx(step, abs=1.1)


# -- in networks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("adc", KINDS, ids=lambda adc: f"{type(adc).__name__}{getattr(adc, 'split', '')}")
def test_the_compiled_read_out_gives_the_same(adc, precision):
    torch.manual_seed(1)
    layer = nn.Linear(20, 9).double()
    for p in layer.parameters():
        p.requires_grad_(False)
    around = Periphery(adc=type(adc)(**{**adc.settings(), "columns": 2, "offset": 0.3, "noise": 0.2}))
    config = CrossbarConfig(tile_shape=(8, 6), periphery=around, precision=precision)
    chip = convert(nn.Sequential(layer), config)
    x = torch.randn(50, 20, dtype=torch.float64)
    calibrate(chip, [x])
    chip[0].crossbars.reads = 0
    compiled = chip(x)
    chip[0].crossbars.reads = 0
    general = chip(x.clone().requires_grad_())
    general.sum().backward()
    torch.testing.assert_close(compiled, general.detach(), rtol=1e-5, atol=1e-5)
    exact = layer(x)
    assert 0.02 < float((compiled - exact).norm() / exact.norm()) < 1.0


def test_errors_on_top_of_a_kind_and_base_curves():
    base = ADC(bits=6, dnl=0.2, inl=0.5, offset=0.7, gain_error=0.03)
    errors = base.fabricate(Place(4), 2, signed=True)
    curve = base.transfer(errors, signed=True, converter=1)
    np.testing.assert_allclose(curve.inl, errors.curve[1], atol=1e-9)
    assert curve.step == pytest.approx(1.0 / (1.0 + errors.gain[1]), rel=1e-9)
    smooth = SarADC(bits=6, inl=0.5).fabricate(Place(4), 2, signed=False)
    both = SarADC(bits=6, inl=0.5, capacitor_sigma=0.01).fabricate(Place(4), 2, signed=False)
    alone = SarADC(bits=6, capacitor_sigma=0.01).fabricate(Place(4), 2, signed=False)
    np.testing.assert_allclose(both.curve, smooth.curve + alone.curve, atol=0.02)
    assert SarADC(bits=1, capacitor_sigma=0.1).fabricate(Place(4), 2, signed=True).curve.shape == (2, 1)


def test_costs_follow_how_a_kind_works():
    tech = Technology()
    shapes = [(64, 32)] * 2
    costs = {
        type(adc).__name__: layer_cost(Periphery(adc=adc), shapes, macs=64 * 32, array_power=1e-4)
        for adc in (ADC(), SarADC(), RampADC(), PipelineADC())
    }
    assert costs["SarADC"] == costs["ADC"]
    ramp = 2**8 / tech.ramp_clock
    assert costs["RampADC"].latency == pytest.approx(100e-9 + ramp)
    comparator = tech.amplifier_power(tech.ramp_clock, tech.comparator_load)
    generator = 0.063 * tech.adc_energy  # one for each of two arrays
    assert costs["RampADC"].energy.adc == pytest.approx(64 * comparator * ramp + 2 * generator)
    assert costs["RampADC"].area.adc < 0.6 * costs["ADC"].area.adc  # one DAC for all columns
    assert costs["PipelineADC"].latency == pytest.approx(100e-9 + 8 / tech.adc_rate)
    stage = tech.amplifier_power(9 * math.log(2) * 2 * tech.adc_rate / math.pi, tech.amplifier_load)
    assert costs["PipelineADC"].energy.adc == pytest.approx(64 * 7 * stage / tech.adc_rate)
    found = report(convert(
        nn.Sequential(nn.Linear(8, 4)),
        CrossbarConfig(input_range=1.0, periphery=Periphery(adc=RampADC(full_scale=1e-4)))),
        torch.rand(2, 8))
    assert found.layers[0].cost.latency == pytest.approx(100e-9 + ramp)


@pytest.mark.parametrize(("make", "words"), [
    (lambda: SarADC(bits=6, split=6), "at most 5"),
    (lambda: SarADC(capacitor_sigma=0.5), "capacitor_sigma"),
    (lambda: RampADC(droop=-1.0), "droop"),
    (lambda: RampADC(shared=1), "shared"),
    (lambda: PipelineADC(amplifier_gain=0.5), "amplifier_gain"),
    (lambda: PipelineADC(comparator_sigma=math.nan), "comparator_sigma"),
    (lambda: ADC(dnl=0.1).transfer(ADC(dnl=0.1).fabricate(Place(1), 2, signed=False),
                                   signed=False, converter=2), "converter"),
])
def test_what_no_converter_can_be_is_refused(make, words):
    with pytest.raises(ParameterError, match=words):
        make()


def test_codes_without_curve_mean_nothing_else():
    assert ADCErrors().codes is None
