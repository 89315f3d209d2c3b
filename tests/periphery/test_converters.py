"""Quantisers, their static errors and their noise, against definitions and statistics."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crossbarsim import ParameterError
from crossbarsim.core.draws import Place
from crossbarsim.periphery import ADC, DAC, ADCErrors, RangeObserver, Reads
from crossbarsim.periphery.grid import Grid, draw_nonlinearity

PLACE = Place(7, "layer", "positive", (1, 2))


def transfer_curve(adc, errors, signed, full_scale, columns, points=200_001):
    """Transition levels (columns, codes - 1), found from the output alone by a ramp."""
    ramp = np.linspace(-1.05 * full_scale, 1.05 * full_scale, points)[:, None] * np.ones(columns)
    out = adc.convert(ramp, full_scale, signed=signed, errors=errors)
    grid = Grid(adc.bits, signed)
    code = np.rint((out / full_scale - grid.low) / grid.step).astype(int)
    assert (np.diff(code, axis=0) >= 0).all()
    return np.array([
        [ramp[np.searchsorted(code[:, j], k), j] for k in range(1, grid.codes)]
        for j in range(columns)
    ]), ramp[1, 0] - ramp[0, 0]


# -- the ideal quantiser --------------------------------------------------------------------------


@given(
    bits=st.integers(1, 12), signed=st.booleans(), scale=st.floats(1e-9, 1e3),
    x=hnp.arrays(np.float64, (3, 5), elements=st.floats(-1, 1)),
)
def test_error_is_at_most_half_an_lsb_inside_the_range(bits, signed, scale, x):
    x = x if signed else np.abs(x)
    out = ADC(bits=bits).convert(x * scale, scale, signed=signed)
    step = 2 / max(2**bits - 2, 1) if signed else 1 / (2**bits - 1)
    assert np.abs(out / scale - x).max() <= step / 2 * (1 + 1e-9)
    codes = np.unique(np.rint((out / scale + signed) / step))
    assert len(codes) <= 2**bits
    np.testing.assert_allclose(ADC(bits=bits).convert(out, scale, signed=signed), out, rtol=1e-12)


def test_all_codes_and_no_more():
    ramp = np.linspace(-3, 3, 10_001)[:, None]
    for bits in (1, 2, 3, 8):
        signed = np.unique(ADC(bits=bits).convert(ramp, 2.0, signed=True))
        assert len(signed) == (2 if bits == 1 else 2**bits - 1)
        assert signed[0] == -2.0
        assert signed[-1] == 2.0
        assert (0.0 in signed) == (bits > 1)
        np.testing.assert_allclose(signed, -signed[::-1], atol=1e-15)
        unsigned = np.unique(ADC(bits=bits).convert(ramp, 2.0, signed=False))
        np.testing.assert_allclose(unsigned, 2.0 * np.arange(2**bits) / (2**bits - 1))


def test_one_bit_is_a_comparator_for_any_shape():
    # MemTorch's 1-bit quantiser raises for more than one value.
    x = np.random.default_rng(0).normal(size=(4, 6)) * 1e-5
    np.testing.assert_array_equal(
        ADC(bits=1).convert(x, 1e-5, signed=True), np.where(x >= 0, 1e-5, -1e-5)
    )
    np.testing.assert_array_equal(
        ADC(bits=1).convert(x, 1e-5, signed=False), np.where(x >= 0.5e-5, 1e-5, 0.0)
    )
    tensor = torch.from_numpy(x)
    assert torch.equal(ADC(bits=1).convert(tensor, 1e-5, signed=True).sign(), tensor.sign())


@pytest.mark.parametrize("full_scale", [1e-9, 1e-6, 1.0, 1e6])
def test_small_currents_quantise_like_large_ones(full_scale):
    # MemTorch's logarithmic quantiser makes +-1 of every |x| < 1, that is of every real current.
    x = np.array([[1e-6, 0.2, -3e-4, 0.77, -1.0]])
    out = ADC(bits=8).convert(x * full_scale, full_scale, signed=True)
    np.testing.assert_allclose(out / full_scale, np.rint(x * 127) / 127, atol=1e-15)


def test_range_is_the_hardwares_not_the_signals():
    adc = ADC(bits=6)
    x = np.random.default_rng(1).normal(size=(8, 3))
    whole = adc.convert(x, 1.5, signed=True)
    alone = np.concatenate([adc.convert(row[None], 1.5, signed=True) for row in x])
    np.testing.assert_array_equal(whole, alone)


def test_columns_may_have_their_own_full_scale():
    x = np.array([[0.3, 0.3], [5.0, 5.0]])
    out = ADC(bits=4).convert(x, np.array([1.0, 2.0]), signed=False)
    np.testing.assert_allclose(out, [[np.rint(4.5 + 1e-9) / 15, 2 * np.rint(0.15 * 15) / 15], [1, 2]])


@pytest.mark.parametrize("signed", [True, False])
def test_gradient_is_straight_through_and_zero_outside(signed):
    x = torch.tensor([[-1.5, -0.4, 0.2, 0.9, 1.2]], dtype=torch.float64, requires_grad=True)
    ADC(bits=3).convert(x, 1.0, signed=signed).sum().backward()
    inside = (x.detach() <= 1) & (x.detach() >= (-1 if signed else 0))
    assert torch.equal(x.grad, inside.double())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_torch_and_numpy_agree(dtype):
    adc = ADC(bits=5, dnl=0.3, inl=1.0, offset=0.7, gain_error=0.02, columns=3)
    errors = adc.fabricate(PLACE, 10, signed=True)
    x = np.random.default_rng(2).normal(size=(50, 10)) * 3e-5
    expected = adc.convert(x, 5e-5, signed=True, errors=errors)
    got = adc.convert(torch.tensor(x, dtype=dtype), 5e-5, signed=True, errors=errors)
    assert got.dtype == dtype
    differ = np.abs(got.double().numpy() - expected) > 1e-10
    assert differ.mean() <= (0 if dtype == torch.float64 else 0.01)  # ties of single precision


def test_ties_go_up_with_and_without_nonlinearity():
    ties = np.array([[-2.0], [2.0]])  # between -4, 0 and 4, exact in binary
    for curve in (None, np.zeros((1, 2))):
        for x in (ties, torch.from_numpy(ties)):
            out = ADC(bits=2).convert(x, 4.0, signed=True, errors=ADCErrors(curve))
            np.testing.assert_array_equal(np.asarray(out), [[0.0], [4.0]])


def test_nan_is_not_hidden():
    adc = ADC(bits=4, dnl=0.2)
    errors = adc.fabricate(PLACE, 1, signed=True)
    for x in (np.array([[np.nan]]), torch.tensor([[float("nan")]])):
        assert np.isnan(np.asarray(adc.convert(x, 1.0, signed=True, errors=errors))).all()


# -- static errors --------------------------------------------------------------------------------


@pytest.mark.parametrize("signed", [True, False])
def test_inl_and_dnl_follow_from_the_transfer_curve(signed):
    adc = ADC(bits=5, dnl=0.2, inl=0.8)
    errors = adc.fabricate(PLACE, 4, signed=signed)
    levels, resolution = transfer_curve(adc, errors, signed, 1.0, 4)
    # end-point fit: one LSB is the line from the first to the last transition over the codes
    lsb = (levels[:, -1] - levels[:, 0]) / (levels.shape[1] - 1)
    dnl = np.diff(levels, axis=1) / lsb[:, None] - 1
    inl = (levels - levels[:, :1]) / lsb[:, None] - np.arange(levels.shape[1])
    tolerance = 3 * resolution / lsb.min()
    np.testing.assert_allclose(lsb, Grid(5, signed).step, rtol=tolerance)
    np.testing.assert_allclose(inl, errors.curve, atol=tolerance)
    np.testing.assert_allclose(np.cumsum(dnl, axis=1), inl[:, 1:], atol=1e-9)
    np.testing.assert_allclose(errors.curve[:, [0, -1]], 0, atol=1e-12)
    assert np.abs(errors.curve).max() > 0.5


@pytest.mark.parametrize("monotonic", [True, False])
def test_statistics_of_the_nonlinearity(monotonic):
    codes, count, dnl = 65, 20_000, 0.1
    rng = np.random.default_rng
    curve = draw_nonlinearity(codes, count, dnl, 0.0, rng(1), rng(2), monotonic=monotonic)
    steps = np.diff(curve, axis=1)
    assert steps.std() == pytest.approx(dnl * np.sqrt(1 - 1 / (codes - 1)), rel=0.02)
    t = np.arange(codes) / (codes - 1)
    bridge = dnl * np.sqrt((codes - 1) * t * (1 - t))  # standard deviation of a Brownian bridge
    np.testing.assert_allclose(curve.std(axis=0), bridge, rtol=0.05, atol=1e-12)
    bow = draw_nonlinearity(codes, count, 0.0, 0.5, rng(3), rng(4), monotonic=monotonic)
    assert bow[:, codes // 2].std() == pytest.approx(0.5, rel=0.05)  # the cubic is 0 there
    quarter = np.hypot(0.75, 6 * np.sqrt(3) * 3 / 32)  # of parabola and cubic
    assert bow[:, codes // 4].std() == pytest.approx(0.5 * quarter, rel=0.05)
    assert np.abs(np.diff(bow, 2, axis=1)).max() < 0.05  # smooth


def test_large_mismatch_gives_missing_codes_not_disorder():
    adc = ADC(bits=6, dnl=1.0)
    errors = adc.fabricate(PLACE, 8, signed=False)
    steps = np.diff(errors.curve, axis=1) + 1
    assert steps.min() >= -1e-12
    assert (steps < 1e-12).any()
    ramp = np.linspace(0, 1, 5001)[:, None] * np.ones(8)
    out = adc.convert(ramp, 1.0, signed=False, errors=errors)
    assert (np.diff(out, axis=0) >= 0).all()
    assert len(np.unique(out[:, 0])) < 64


def test_offset_and_gain_have_their_definitions():
    adc = ADC(bits=10, offset=3.0, gain_error=0.01)
    errors = adc.fabricate(PLACE, 500, signed=True)
    assert errors.offset.std() == pytest.approx(3.0, rel=0.1)
    assert errors.gain.std() == pytest.approx(0.01, rel=0.1)
    step = Grid(10, signed=True).step
    zero = adc.convert(np.zeros((1, 500)), 1.0, signed=True, errors=errors)[0]
    np.testing.assert_allclose(zero / step, np.floor(errors.offset + 0.5), atol=1e-9)
    half = adc.convert(np.full((1, 500), 0.5), 1.0, signed=True, errors=errors)[0]
    np.testing.assert_allclose(half - zero, 0.5 * (1 + errors.gain), atol=1.01 * step)


def test_shared_adc_has_the_same_errors_for_its_columns():
    adc = ADC(bits=8, dnl=0.3, inl=1.0, offset=2.0, gain_error=0.02, columns=4)
    errors = adc.fabricate(PLACE, 10, signed=True)
    assert errors.curve.shape == (3, 254)
    assert adc.count(10) == 3
    ramp = np.linspace(-1, 1, 3001)[:, None] * np.ones(10)
    out = adc.convert(ramp, 1.0, signed=True, errors=errors)
    for group in (range(4), range(4, 8), range(8, 10)):
        for j in group:
            np.testing.assert_array_equal(out[:, j], out[:, group[0]])
    assert (out[:, 0] != out[:, 4]).any()
    assert (out[:, 4] != out[:, 8]).any()


def test_a_place_is_a_chip():
    adc, dac = ADC(dnl=0.2, offset=1.0), DAC(dnl=0.2, gain_error=0.1)
    again = Place(7, "layer", "positive", (1, 2))
    np.testing.assert_array_equal(
        adc.fabricate(PLACE, 9, signed=True).curve, adc.fabricate(again, 9, signed=True).curve
    )
    np.testing.assert_array_equal(dac.fabricate(PLACE, 9).curve, dac.fabricate(again, 9).curve)
    other = Place(7, "layer", "negative", (1, 2))
    assert (adc.fabricate(PLACE, 9, signed=True).offset
            != adc.fabricate(other, 9, signed=True).offset).all()
    # one effect more or less leaves the others as they were
    alone = ADC(offset=1.0).fabricate(PLACE, 9, signed=True)
    np.testing.assert_array_equal(alone.offset, adc.fabricate(PLACE, 9, signed=True).offset)
    assert alone.curve is None


# -- DAC ------------------------------------------------------------------------------------------


@given(bits=st.integers(1, 10), signed=st.booleans(),
       x=hnp.arrays(np.float64, (2, 4), elements=st.floats(-1, 1)))
def test_dac_rounds_to_its_levels(bits, signed, x):
    x = x if signed else np.abs(x)
    u = DAC(bits=bits).convert(x, signed=signed)
    assert np.abs(u - x).max() <= Grid(bits, signed).step / 2 + 1e-12
    assert np.abs(u).max() <= 1.0
    if bits > 1:
        assert (DAC(bits=bits).convert(np.zeros((1, 4)), signed=signed) == 0).all()


def test_dac_errors_from_its_levels():
    dac = DAC(bits=6, dnl=0.3, inl=0.5, offset=0.4, gain_error=0.05)
    errors = dac.fabricate(PLACE, 5)
    codes = np.arange(64) / 63
    u = dac.convert(np.repeat(codes[:, None], 5, axis=1), signed=False, errors=errors)
    lsb = (u[-1] - u[0]) / 63
    np.testing.assert_allclose(lsb * 63, 1 + errors.gain, rtol=1e-12)
    np.testing.assert_allclose(u[0] * 63, errors.offset, rtol=1e-12)
    np.testing.assert_allclose((u * 63 - codes[:, None] * 63 * (1 + errors.gain) - errors.offset).T,
                               errors.curve, atol=1e-9)
    with pytest.raises(ParameterError, match="fabricated for 5 word lines"):
        dac.convert(np.zeros((1, 4)), signed=False, errors=errors)


def test_dac_on_tensors_is_exactly_the_same_and_straight_through():
    dac = DAC(bits=4, dnl=0.3, offset=0.4)
    errors = dac.fabricate(PLACE, 6)
    x = np.random.default_rng(3).uniform(-1.2, 1.2, (7, 6))
    tensor = torch.tensor(x, requires_grad=True)
    u = dac.convert(tensor, signed=True, errors=errors)
    np.testing.assert_array_equal(u.detach().numpy(), dac.convert(x, signed=True, errors=errors))
    u.sum().backward()
    np.testing.assert_array_equal(tensor.grad.numpy(), np.abs(x) <= 1)


# -- noise and calibration ------------------------------------------------------------------------


def test_noise_is_that_of_the_read_whatever_the_batch():
    adc = ADC(bits=12, noise=2.0)
    x = np.random.default_rng(4).uniform(-1, 1, (20, 7))
    reads = Reads(PLACE, first=100)
    whole = adc.convert(x, 1.0, signed=True, generator=reads)
    parts = [adc.convert(x[a:b], 1.0, signed=True, generator=reads.at(100 + a))
             for a, b in ((0, 1), (1, 8), (8, 20))]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    tensor = adc.convert(torch.from_numpy(x), 1.0, signed=True, generator=reads)
    np.testing.assert_array_equal(tensor.numpy(), whole)
    assert (whole != adc.convert(x, 1.0, signed=True, generator=reads.at(101))).any()


def test_keyed_noise_is_white_and_normal():
    draws = Reads(PLACE).standard_normal("test", (4000, 13))
    assert abs(draws.mean()) < 4 / np.sqrt(draws.size)
    assert draws.std() == pytest.approx(1.0, abs=4 / np.sqrt(2 * draws.size))
    correlation = np.corrcoef(draws.T) - np.eye(13)
    assert np.abs(correlation).max() < 5 / np.sqrt(4000)
    assert abs((draws[1:] * draws[:-1]).mean()) < 5 / np.sqrt(draws.size)
    kurtosis = (draws**4).mean() - 3
    assert abs(kurtosis) < 5 * np.sqrt(24 / draws.size)


@pytest.mark.parametrize(("unit", "noise"), [("lsb", 1.5), ("ampere", 3e-7)])
def test_noise_has_the_stated_size(unit, noise):
    adc = ADC(bits=14, noise=noise, noise_unit=unit)
    full_scale = 1e-4
    out = adc.convert(np.full((20_000, 2), 3e-5), full_scale, signed=True,
                      generator=np.random.default_rng(5))
    lsb = full_scale * Grid(14, signed=True).step
    sigma = noise * lsb if unit == "lsb" else noise
    expected = np.sqrt(sigma**2 + lsb**2 / 12)
    assert out.std() == pytest.approx(expected, rel=0.02)
    assert out.mean() == pytest.approx(3e-5, abs=5 * expected / np.sqrt(out.size))


def test_noise_without_a_source_is_an_error():
    with pytest.raises(ParameterError, match="`generator` is needed"):
        ADC(noise=1.0).convert(np.zeros((1, 1)), 1.0, signed=True)


@settings(deadline=None)
@given(percentile=st.floats(1, 100), seed=st.integers(0, 100))
def test_calibrated_percentile(percentile, seed):
    x = np.random.default_rng(seed).lognormal(-11, 2, 999)
    x *= np.random.default_rng(seed + 1).choice([-1, 1], 999)
    observer = RangeObserver(percentile)
    for part in np.array_split(x, 7):
        observer.update(torch.from_numpy(part) if part[0] > 0 else part)
    exact = np.quantile(np.abs(x), percentile / 100, method="inverted_cdf")
    assert observer.seen == 999
    assert observer.value <= np.abs(x).max()
    assert exact * (1 - 1e-12) <= observer.value <= exact * 2 ** (1 / 128) * (1 + 1e-12)


def test_calibration_of_nothing_is_an_error():
    observer = RangeObserver()
    observer.update(np.zeros(10))
    with pytest.raises(ParameterError, match="no signal"):
        _ = observer.value
    with pytest.raises(ParameterError, match="NaN or infinite"):
        observer.update(np.array([1.0, np.nan]))
    sparse = RangeObserver(50.0)
    sparse.update(np.array([0.0, 0.0, 0.0, 0.25]))
    assert sparse.value == 0.25


@pytest.mark.parametrize(("make", "name"), [
    (lambda: ADC(bits=0), "bits"), (lambda: ADC(bits=2.5), "bits"), (lambda: DAC(bits=17), "bits"),
    (lambda: ADC(full_scale=0.0), "full_scale"), (lambda: ADC(percentile=101.0), "percentile"),
    (lambda: ADC(columns=0), "columns"), (lambda: ADC(noise_unit="volt"), "noise_unit"),
    (lambda: DAC(dnl=-0.1), "dnl"), (lambda: ADC(signed=1), "signed"),
    (lambda: ADC(noise=float("nan")), "noise"), (lambda: DAC(gain_error=2.0), "gain_error"),
    (lambda: ADC().convert(np.zeros((1, 2)), -1.0, signed=True), "full_scale"),
    (lambda: ADC().convert(np.zeros((1, 2)), np.zeros(2), signed=True), "full_scale"),
    (lambda: ADC().convert(torch.zeros(1, 2, dtype=torch.int64), 1.0, signed=True), "signal"),
])
def test_bad_settings_name_themselves(make, name):
    with pytest.raises(ParameterError, match=f"`{name}`"):
        make()
