"""Every encoding gives the product with the quantised input, and its errors are where they belong."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crossbarsim import Crossbar, ParameterError, Solver, Wires
from crossbarsim.core.draws import Place
from crossbarsim.periphery import DAC, ENCODINGS, clipped, encode, phase_count
from crossbarsim.periphery.encodings import constant_phases, signed_phases
from crossbarsim.periphery.grid import Grid

PLACE = Place(3, "layer")
MAGNITUDES = ("two-phase", "pulse-width", "pulse-width-two-phase")


def value(phases, current):
    """The layer's value for a function from drives (B, M) to currents (B, N)."""
    return sum(p.weight * sum(d.share * current(d.u) for d in p.drives) for p in phases)


def quantised(x, encoding, bits, *, signed):
    """The input as the encoding is stated to round it, by another formula."""
    if encoding in MAGNITUDES or not signed:
        n = 2 ** (bits - 1) - 1 if not signed and encoding == "offset" else 2 ** bits - 1
    elif bits == 1:
        return np.where(x >= 0, 1.0, -1.0)
    else:
        n = 2 ** (bits - 1) - 1
    return np.sign(x) * np.floor(np.abs(x) * n + 0.5) / n


@given(
    encoding=st.sampled_from(ENCODINGS), bits=st.integers(2, 9), linear=st.booleans(),
    signed=st.booleans(), seed=st.integers(0, 2**32 - 1),
)
def test_every_encoding_is_the_product(encoding, bits, linear, signed, seed):
    rng = np.random.default_rng(seed)
    rows, columns, batch = rng.integers(1, 9, 3)
    W = rng.normal(size=(rows, columns))
    x = rng.uniform(-1 if signed else 0, 1, (batch, rows))
    phases = encode(x, encoding, DAC(bits=bits), linear=linear, signed=signed)
    expected = quantised(x, encoding, bits, signed=signed) @ W
    got = np.broadcast_to(value(phases, lambda u: u @ W), expected.shape)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9 * np.abs(W).sum())
    assert len(phases) == phase_count(encoding, bits, signed=signed)
    assert sum(p.drives[0].u.shape[0] == 1 for p in phases if batch > 1) == (
        constant_phases(encoding, bits, signed=signed) if batch > 1 else 0
    )
    drives = [d for p in phases for d in p.drives]
    assert all(np.abs(d.u).max() <= 1 + 1e-12 for d in drives)
    if not signed_phases(encoding, signed=signed):
        assert all(d.u.min() >= 0 for d in drives)
    for phase in phases:
        assert sum(d.share for d in phase.drives) == pytest.approx(1.0)


@pytest.mark.parametrize("encoding", [e for e in ENCODINGS if not e.startswith("bit")])
def test_ideal_converters_are_exact(encoding):
    rng = np.random.default_rng(1)
    x, W = rng.uniform(-1, 1, (5, 6)), rng.normal(size=(6, 4))
    got = value(encode(x, encoding), lambda u: u @ W)
    np.testing.assert_allclose(got, x @ W, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("encoding", ["bit-serial", "bit-serial-magnitude"])
@pytest.mark.parametrize("bits", [1, 2, 8])
def test_bit_serial_needs_no_more_than_two_or_three_levels(encoding, bits):
    x = np.random.default_rng(2).uniform(-1, 1, (50, 3))
    phases = encode(x, encoding, DAC(bits=bits))
    levels = np.unique(np.concatenate([d.u.ravel() for p in phases for d in p.drives]))
    assert set(levels) <= ({0.0, 1.0} if encoding == "bit-serial" else {-1.0, 0.0, 1.0})
    np.testing.assert_allclose(
        np.broadcast_to(value(phases, lambda u: u), x.shape),
        quantised(x, encoding, bits, signed=True), atol=1e-12,
    )


def test_through_a_circuit_with_wires():
    # Wires are linear: any encoding through the solver gives the effective matrix's product.
    rng = np.random.default_rng(4)
    xbar = Crossbar(rng.uniform(1e-6, 1e-4, (6, 5)), Wires(word=20.0, bit=20.0))
    x = rng.uniform(-1, 1, (3, 6))
    W = Solver().effective_matrix(xbar)
    for encoding in ENCODINGS:
        phases = encode(x, encoding, DAC(bits=5), linear=False)
        got = value(phases, lambda u: Solver().solve(xbar, 0.2 * np.asarray(u)).currents)
        expected = 0.2 * quantised(x, encoding, 5, signed=True) @ W.T
        np.testing.assert_allclose(got, expected, rtol=1e-7, atol=1e-7 * np.abs(expected).max())


def test_pulse_width_makes_nonlinear_cells_linear_in_the_input():
    # I(u) of a sinh cell: amplitudes are distorted, widths are not.
    g = np.random.default_rng(5).uniform(1e-6, 1e-4, (4, 3))
    x = np.linspace(-1, 1, 31)[:, None] * np.ones(4)

    def current(u):
        return (np.sinh(3 * u) / 3) @ g

    width = value(encode(x, "pulse-width", DAC(bits=6), linear=False), current)
    xq = np.sign(x) * np.floor(np.abs(x) * 63 + 0.5) / 63
    np.testing.assert_allclose(width, xq @ g * np.sinh(3) / 3, rtol=1e-12, atol=1e-18)
    amplitude = value(encode(x, "bipolar", DAC(bits=6)), current)
    assert np.abs(amplitude - x @ g * np.sinh(3) / 3).max() > 0.2 * np.abs(amplitude).max()


def test_pulse_segments_follow_the_distinct_widths():
    x = np.array([[0.0, 0.25, 1.0], [0.5, 0.25, -0.5]])
    (phase,) = encode(x, "pulse-width", DAC(bits=2), linear=False)  # widths 0, 1/3, 2/3, 1
    assert [d.share for d in phase.drives] == pytest.approx([1 / 3] * 3)
    np.testing.assert_array_equal(phase.drives[0].u, [[0, 1, 1], [1, 1, -1]])
    np.testing.assert_array_equal(phase.drives[1].u, [[0, 0, 1], [1, 0, -1]])
    np.testing.assert_array_equal(phase.drives[2].u, [[0, 0, 1], [0, 0, 0]])


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("linear", [True, False])
def test_torch_has_the_same_values_and_the_gradient_of_the_product(encoding, linear):
    rng = np.random.default_rng(6)
    x = np.concatenate([rng.uniform(-1, 1, (4, 5)), [[0.0, 1.0, -1.0, 1.7, -1.7]]])
    W = rng.normal(size=(5, 3))
    tensor = torch.tensor(x, requires_grad=True)
    dac = DAC(bits=4)
    out = value(encode(tensor, encoding, dac, linear=linear), lambda u: u @ torch.tensor(W))
    np.testing.assert_allclose(
        out.detach().numpy(), value(encode(x, encoding, dac, linear=linear), lambda u: u @ W),
        rtol=1e-12, atol=1e-12,
    )
    probe = rng.normal(size=out.shape)
    (out * torch.tensor(probe)).sum().backward()
    np.testing.assert_allclose(tensor.grad.numpy(), (probe @ W.T) * (np.abs(x) <= 1), atol=1e-12)


def test_clipping_is_counted():
    x = np.array([[-1.5, -0.5, 0.5], [1.0, 1.01, 3.0]])
    assert clipped(x) == 3
    assert clipped(x, signed=False) == 4
    assert clipped(torch.tensor(x)) == 3
    (phase,) = encode(x, "bipolar")
    np.testing.assert_array_equal(phase.drives[0].u, np.clip(x, -1, 1))


# -- converter errors in the encodings ------------------------------------------------------------


def test_amplitude_errors_of_each_encoding():
    dac = DAC(bits=6, dnl=0.2, inl=0.3, offset=0.5, gain_error=0.03)
    errors = dac.fabricate(PLACE, 4)
    x = np.random.default_rng(7).uniform(-1, 1, (20, 4))
    step = 1 / 63
    positive, negative = encode(x, "two-phase", dac, errors)
    for phase, part in ((positive, np.maximum(x, 0)), (negative, np.maximum(-x, 0))):
        code = np.floor(part * 63 + 0.5).astype(int)
        expected = (code * (1 + errors.gain) + errors.curve[np.arange(4), code] + errors.offset) * step
        np.testing.assert_allclose(phase.drives[0].u, expected, atol=1e-12)
    # the offset cancels between input and constant, the gain does not
    shifted = DAC(bits=6, offset=2.0, gain_error=0.03)
    own = shifted.fabricate(PLACE, 4)
    signal, constant = encode(x, "offset", shifted, own)
    total = 2 * (signal.drives[0].u - constant.drives[0].u)
    np.testing.assert_allclose(total, quantised(x, "offset", 6, signed=True) * (1 + own.gain), atol=1e-12)
    np.testing.assert_allclose(constant.drives[0].u[0], 0.5 * (1 + own.gain) + own.offset / 62)
    # bits have gain and offset only
    for phase in encode(x, "bit-serial", dac, errors):
        bit = np.rint((phase.drives[0].u - errors.offset * step) / (1 + errors.gain))
        np.testing.assert_allclose(phase.drives[0].u, bit * (1 + errors.gain) + errors.offset * step)


def test_mismatched_pulses_last_as_long_as_stated():
    dac = DAC(bits=3, dnl=0.3, gain_error=0.05)
    errors = dac.fabricate(PLACE, 3)
    x = np.random.default_rng(8).uniform(-1, 1, (6, 3))
    (mean,) = encode(x, "pulse-width", dac, errors)
    (timed,) = encode(x, "pulse-width", dac, errors, linear=False)
    length = sum(d.share * d.u for d in timed.drives)
    assert np.abs(length - mean.drives[0].u).max() <= 0.5 / (16 * 7) + 1e-12
    assert {float(v) for d in timed.drives for v in np.unique(d.u)} <= {-1.0, 0.0, 1.0}
    code = np.floor(np.abs(x) * 7 + 0.5).astype(int)
    raw = code * (1 + errors.gain) + errors.curve[np.arange(3), code]
    expected = np.sign(x) * np.where(code > 0, np.clip(raw / 7, 0, 1), 0)
    np.testing.assert_allclose(mean.drives[0].u, expected, atol=1e-12)
    assert np.abs(expected - np.sign(x) * code / 7).max() > 0.01


def test_grid_of_the_offset_encoding_has_the_middle():
    for bits in (2, 5, 8):
        signal, constant = encode(np.zeros((1, 2)), "offset", DAC(bits=bits))
        np.testing.assert_array_equal(signal.drives[0].u, constant.drives[0].u)
        assert constant.drives[0].u == pytest.approx(0.5)
        assert Grid(bits, signed=True).codes % 2 == 1


@pytest.mark.parametrize(("call", "message"), [
    (lambda: encode(np.zeros((1, 2)), "unary"), "`encoding` must be one of"),
    (lambda: encode(np.zeros((1, 2)), "bit-serial"), "`dac`.*needs a resolution"),
    (lambda: encode(np.zeros((1, 2)), "pulse-width", linear=False), "`dac`.*needs a resolution"),
    (lambda: encode(np.zeros((1, 2)), "offset", DAC(bits=1)), "2 bits or more"),
    (lambda: encode(np.zeros(2), "bipolar"), "shape"),
    (lambda: encode(np.zeros((1, 2)), "bipolar", 8), "`dac` must be"),
    (lambda: encode(np.zeros((1, 2)), "bit-serial", DAC(offset=1.0),
                    DAC(offset=1.0).fabricate(PLACE, 3)), "3 word lines"),
    (lambda: phase_count("bit-serial"), "`bits`"),
])
def test_bad_calls_name_themselves(call, message):
    with pytest.raises(ParameterError, match=message):
        call()
