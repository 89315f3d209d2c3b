"""The compiled read-out gives what the general one gives: currents, codes and values."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crossbarsim import Wires
from crossbarsim.nn import CrossbarConfig, CrossbarConv1d, CrossbarConv2d, CrossbarLinear, equip
from crossbarsim.nn.chip import matrix
from crossbarsim.nn.chip.kernels_readout import drive, read_block
from crossbarsim.nonidealities import Place
from crossbarsim.periphery import ADC, DAC, IntegratorSense, Periphery
from crossbarsim.periphery.adc import moved_transitions
from crossbarsim.periphery.grid import Grid


def both(layer, x):
    """Return the outputs of the compiled read-out and, with a gradient in x, of the general one."""
    for parameter in layer.parameters():
        parameter.requires_grad_(False)
    with torch.no_grad():
        compiled = layer(x)
    general = layer(x.clone().requires_grad_())
    assert general.requires_grad
    return compiled, general.detach()


@pytest.fixture
def counted(monkeypatch):
    """Count the calls of the compiled read-out."""
    calls = []
    for name in ("read_vectors", "read_windows"):
        function = getattr(matrix, name)

        def spy(*arguments, name=name, function=function):
            calls.append(name)
            return function(*arguments)
        monkeypatch.setattr(matrix, name, spy)
    return calls


def converter(adc, signals, full_scale, *, signed, seed=3):
    """Return the codes' values of signals (n, places) by the kernel and by `ADC.convert`."""
    n = len(signals)
    errors = adc.fabricate(Place(seed), n, signed=signed)
    kind = signals.dtype.type
    grid = Grid(adc.bits, signed)
    which = np.arange(n) // adc.columns
    gain = np.ones(n, kind) if errors.gain is None else kind(1.0) + errors.gain[which].astype(kind)
    offset = np.zeros(n, kind)
    if errors.offset is not None:
        offset = kind(grid.step) * errors.offset[which].astype(kind)
    tables = np.zeros((1, which[-1] + 1, 0))
    if errors.curve is not None:
        tables = moved_transitions(errors.curve)[None]
    out = np.zeros_like(signals)
    every = np.arange(n)
    read_block(
        signals.copy(), np.eye(n, dtype=kind).ravel(), np.array([0, n]),
        np.stack([every, np.full(n, -1), every, which], axis=1), 1, np.ones((1, n), kind),
        gain[None], offset[None], tables, 1.0 + (tables.shape[2] + 4.0) * np.arange(which[-1] + 1),
        np.zeros((0, 3), np.int64), np.ones((1, n), kind), kind(grid.low), kind(grid.step),
        kind(full_scale), np.empty_like(signals), out,
    )
    expected = adc.convert(
        torch.from_numpy(signals.T.copy()), full_scale, signed=signed, errors=errors
    ).numpy().T
    return out, expected


@settings(max_examples=25, deadline=None)
@given(
    bits=st.integers(1, 12), signed=st.booleans(), kind=st.sampled_from(["float32", "float64"]),
    dnl=st.sampled_from([0.0, 0.3]), inl=st.sampled_from([0.0, 0.8]),
    offset=st.sampled_from([0.0, 0.7]), gain=st.sampled_from([0.0, 0.02]),
    columns=st.sampled_from([1, 2, 5]), full_scale=st.floats(1e-9, 1e-3), seed=st.integers(0, 99),
)
def test_codes_are_those_of_the_converter_bit_for_bit(
    bits, signed, kind, dnl, inl, offset, gain, columns, full_scale, seed
):
    rng = np.random.default_rng(seed)
    adc = ADC(bits=bits, dnl=dnl, inl=inl, offset=offset, gain_error=gain, columns=columns)
    codes = max(2**bits - (2 if signed and bits > 1 else 1), 1)
    # among them the middles between codes, their neighbours, the ends and what lies beyond
    ties = (rng.integers(0, codes + 1, (5, 40)) + 0.5) / codes
    ties = 2.0 * ties - 1.0 if signed else ties
    signals = np.concatenate([rng.uniform(-1.3, 1.3, (5, 40)), ties, np.nextafter(ties, 0)], axis=1)
    signals[:, :4] = 0.0, 1.0, -1.0, np.nan
    found, expected = converter(
        adc, (signals * full_scale).astype(kind), full_scale, signed=signed, seed=seed
    )
    np.testing.assert_array_equal(found, expected)
    assert bits == 1 or len(np.unique(expected[np.isfinite(expected)])) > 1


@settings(max_examples=25, deadline=None)
@given(
    scheme=st.sampled_from(["differential", "offset", "single"]),
    pairing=st.sampled_from(["arrays", "interleaved"]),
    subtraction=st.sampled_from(["digital", "analog"]),
    encoding=st.sampled_from([
        "bipolar", "two-phase", "offset", "pulse-width", "bit-serial", "bit-serial-magnitude",
    ]),
    bits=st.sampled_from([None, 6]), slicing=st.sampled_from(["columns", "arrays"]),
    copies=st.sampled_from([1, 2]), precision=st.sampled_from(["float32", "float64"]),
    reorder=st.sampled_from(["none", "both"]), bias=st.sampled_from(["digital", "chip"]),
    errors=st.booleans(), groups=st.sampled_from([1, 2]), seed=st.integers(0, 999),
)
def test_layers_read_alike(
    scheme, pairing, subtraction, encoding, bits, slicing, copies, precision, reorder, bias, errors,
    groups, seed,
):
    torch.manual_seed(seed)
    wrong = {"dnl": 0.2, "inl": 0.4, "offset": 0.3, "gain_error": 0.01} if errors else {}
    changes = {} if bits is None else {"bits": bits, "bits_per_cell": 2, "slicing": slicing}
    config = CrossbarConfig(
        tile_shape=(16, 32), wires=Wires(word=1.0, bit=1.0), scheme=scheme, pairing=pairing,
        input_encoding=encoding, precision=precision, bias=bias, reorder=reorder,
        input_range=2.0, cells_per_weight=copies,
        periphery=Periphery(
            dac=DAC(bits=5), adc=ADC(bits=14, full_scale=2e-4, columns=3, **wrong),
            subtraction=subtraction,
            **({"sense": IntegratorSense()} if encoding.startswith("pulse") else {}),
        ), **changes,
    )
    linear = CrossbarLinear(23, 11, config=config, chip="a")
    conv = CrossbarConv2d(4, 6, 3, stride=(1, 2), padding=1, groups=groups, config=config, chip="b")
    for layer, x in ((linear, torch.randn(7, 23)), (conv, torch.randn(3, 4, 5, 6))):
        compiled, general = both(layer, x)
        assert (compiled.shape, compiled.dtype) == (general.shape, general.dtype)
        # rounding may take a signal over a transition
        close = (compiled - general).abs() <= 1e-5 * general.abs().max()
        assert close.double().mean() > (0.95 if precision == "float32" else 0.999)


def test_it_is_used_where_no_gradient_runs(counted):
    config = CrossbarConfig(
        tile_shape=(8, 8), path="matrix", input_range=1.0,
        periphery=Periphery(adc=ADC(full_scale=1e-4)),
    )
    linear = CrossbarLinear(9, 4, config=config)
    conv = CrossbarConv1d(2, 4, 3, config=config)
    with torch.no_grad():
        linear(torch.rand(5, 9))
        conv(torch.rand(2, 2, 7))
    assert counted == ["read_vectors", "read_windows"]
    linear(torch.rand(5, 9))  # a gradient in the weights
    assert len(counted) == 2


def test_converters_that_are_taken_away_leave_nothing():
    around = Periphery(dac=DAC(bits=4), adc=ADC(bits=4, full_scale=1e-4))
    config = CrossbarConfig(tile_shape=(8, 8), path="matrix", input_range=1.0, periphery=around)
    layer, x = CrossbarLinear(9, 4, config=config), torch.rand(5, 9)
    with torch.no_grad():
        coarse = layer(x)
        equip(layer, None)
        found = layer(x)
        plain = CrossbarLinear.from_digital(layer, config.replace(periphery=None))(x)
        equip(layer, around)
        torch.testing.assert_close(layer(x), coarse, rtol=0, atol=0)
    torch.testing.assert_close(found, plain, rtol=1e-6, atol=1e-6)
    assert not torch.equal(found, coarse)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_lines_are_driven_as_by_the_converter_bit_for_bit(kind, signed):
    dac, grid = DAC(bits=5), Grid(5, signed)
    ties = (np.arange(-4, 40) + 0.5) * grid.step + grid.low
    x = np.concatenate([ties, np.nextafter(ties, 0), [0.0, 1.0, -1.0, 7.0, -7.0, np.nan]]).astype(kind)
    out, of = np.empty_like(x), x.dtype.type
    drive(x, of(0.7), of(grid.low), of(grid.step), of(0.3), out)
    expected = dac.convert((torch.from_numpy(x) / 0.7)[None], signed=signed)[0] * 0.3
    np.testing.assert_array_equal(out, expected.numpy())
    assert np.isnan(out[-1])


def test_arrays_of_a_convolution_are_programmed_once_a_pass(monkeypatch):
    config = CrossbarConfig(
        tile_shape=(8, 8), path="matrix", input_range=1.0, periphery=Periphery(adc=ADC(full_scale=1e-4))
    )
    conv = CrossbarConv2d(2, 3, 3, config=config)
    passes = []
    tiles = conv.crossbars.programmer.tiles
    monkeypatch.setattr(conv.crossbars.programmer, "tiles", lambda *a, **k: passes.append(1) or tiles(*a, **k))
    conv(torch.rand(2, 2, 6, 6)).sum().backward()  # a gradient in the weights
    assert len(passes) == 1
    conv.crossbars.chip.disturbance = lambda g, _place: g * 1.01
    with torch.no_grad():
        conv(torch.rand(2, 2, 6, 6))
    assert len(passes) == 2
