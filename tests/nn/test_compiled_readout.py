"""The compiled read-out gives what the general one gives: currents, codes and values."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crossbarsim import Wires
from crossbarsim.nn import CrossbarConfig, CrossbarConv1d, CrossbarConv2d, CrossbarLinear, equip
from crossbarsim.nn.chip import matrix
from crossbarsim.nn.chip.compiled.errors import lookup
from crossbarsim.nn.chip.compiled.kernels_lines import drive_images
from crossbarsim.nn.chip.compiled.kernels_readout import read_block
from crossbarsim.nonidealities import FlickerNoise, NonIdealities, Place, ReadNoise, TelegraphNoise
from crossbarsim.periphery import (
    ADC,
    DAC,
    CurrentMirrorSense,
    IdealSense,
    IntegratorSense,
    LoadSense,
    Periphery,
    TransimpedanceSense,
)
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
    count = which[-1] + 1
    tables, bases, most = np.zeros((1, count, 0)), np.zeros((1, count, 0), np.uint32), np.zeros((1, count), np.int64)
    if errors.curve is not None:
        tables, bases, most = (part[None] for part in lookup(errors.curve))
    numbers = np.zeros((1, count, 0), np.int64)
    if errors.codes is not None:
        numbers = errors.codes[None]
    out, places = np.zeros_like(signals), signals.shape[1]
    every, none = np.arange(n), np.zeros(0, kind)
    empty, no_keys = np.zeros((0, 0), kind), np.zeros((0, 0), np.uint64)
    flat = np.concatenate([signals.ravel(), np.zeros(8, kind)])
    codes = errors.curve.shape[1] if errors.curve is not None else 0
    read_block(
        flat, np.array([1, 1, places, 1, 1, 1, 1, places, 0]), every * places, kind(0), 0,
        np.array([0, n]), np.array([0, n]), np.eye(n, dtype=kind).ravel(),
        none, none, np.zeros(0, np.int64), kind(0), False, kind(0), none, empty, empty,
        np.zeros((0, 0, 0), kind),
        none, empty, no_keys, np.zeros(0, np.int64), np.zeros((1, 0, 2, n), kind), no_keys,
        np.stack([every, np.full(n, -1), every, which, 0 * every, every], axis=1), 1,
        np.ones((1, n), kind), gain[None], offset[None], tables, bases, most, numbers,
        (1.0 + (codes + 4.0) * np.arange(which[-1] + 1))[None], kind(grid.low), kind(grid.step),
        kind(full_scale), True, kind(0), no_keys,
        np.zeros((0, 3), np.int64), np.ones((1, n), kind), empty, np.uint64(0),
        np.empty((2 * n + 3) * places + 8, kind), np.empty((4, 0), np.uint32),
        np.empty((4, 0), np.float32), out,
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
        off = (compiled - general).abs() / general.abs().max()
        if encoding == "offset" and precision == "float32":
            assert off.max() < 1e-3  # of one channel at all places: its constant phase
        else:
            assert (off <= 1e-5).double().mean() > (0.95 if precision == "float32" else 0.999)


SENSES = {
    "ideal": IdealSense(),
    "load": LoadSense(resistance=50.0, mismatch=0.02, offset=1e-4),
    "mirror": CurrentMirrorSense(mismatch=0.02, ratio=1.7, input_resistance=30.0),
    "half mirror": CurrentMirrorSense(bipolar=False, input_resistance=30.0),
    "amplifier": TransimpedanceSense(
        gain=1e3, offset=1e-4, mismatch=0.01, gbw=1e8, settling_time=2e-8, temperature=300.0,
        voltage_noise=1e-8, output_limit=0.09,
    ),
    "integrator": IntegratorSense(
        leak_resistance=1e6, gain=1e3, hold_time=1e-7, offset=1e-3, mismatch=0.02, saturation=0.8,
    ),
    "plain integrator": IntegratorSense(mismatch=0.02, saturation=0.8),
}
NOISES = {
    "none": None, "thermal": ReadNoise(flicker=None), "feedback": ReadNoise(feedback=1e3),
    "flicker": ReadNoise(flicker=FlickerNoise(slope=0.3, amplitude=1e-5)),
}


@settings(max_examples=25, deadline=None)
@given(data=st.data(), seed=st.integers(0, 999))
def test_all_errors_give_the_codes_of_the_general_way(data, seed):
    """Every tile has one word line: its currents are products without a sum, alike to the bit.

    Codes that are not the same would be seen: a step is far above the tolerance.
    """
    def one(*values):
        return data.draw(st.sampled_from(values))

    encoding = one("bipolar", "two-phase", "offset", "pulse-width", "pulse-width-two-phase",
                   "bit-serial", "bit-serial-magnitude")
    adds_up = encoding.startswith("pulse")
    senses = [k for k in SENSES if not adds_up or k.endswith(("ideal", "integrator"))]
    adc = one(None, ADC(
        bits=one(5, 9), full_scale=3e-5, columns=one(1, 3), inl=one(0.0, 2.5), dnl=one(0.0, 0.4),
        offset=one(0.0, 0.6), gain_error=one(0.0, 0.03), noise=one(0.0, 0.7),
    ), ADC(bits=7, full_scale=3e-5, noise=1e-7, noise_unit="ampere"))
    dac = DAC(
        bits=one(2, 5, 9), inl=one(0.0, 0.6), dnl=one(0.0, 0.3), offset=one(0.0, 0.5),
        gain_error=one(0.0, 0.02),
    )
    bits, sense, noise = one(None, 5), one(*senses), one(*NOISES)
    if sense == "amplifier" and noise == "feedback":
        noise = "flicker"  # the resistor's noise is its own
    config = CrossbarConfig(
        tile_shape=(1, 24), wires=Wires(word=1.0, bit=1.0), path="matrix", input_range=1.5,
        scheme=one("differential", "offset", "single"), pairing=one("arrays", "interleaved"),
        input_encoding=encoding, precision=one("float32", "float64"), bias=one("digital", "chip"),
        signed_inputs=one(True, False), cells_per_weight=one(1, 2),
        nonidealities=NonIdealities(noise=NOISES[noise]), seed=seed,
        periphery=Periphery(
            dac=dac, adc=adc, sense=SENSES[sense], subtraction=one("digital", "analog")
        ), **({} if bits is None else {"bits": bits, "bits_per_cell": 2}),
    )
    torch.manual_seed(seed)
    linear = CrossbarLinear(3, 7, config=config, chip="a")
    conv = CrossbarConv2d(2, 4, (1, 2), padding=(0, 1), groups=2, config=config, chip="b")
    kind = getattr(torch, config.precision)
    for layer, shape in ((linear.to(kind), (5, 3)), (conv.to(kind), (2, 2, 4, 6))):
        x = torch.randn(shape, dtype=kind)
        layer.crossbars.reads = 2**33
        with torch.no_grad():
            compiled = layer(x)
        layer.crossbars.reads = 2**33
        for parameter in layer.parameters():
            parameter.requires_grad_(False)
        general = layer(x.clone().requires_grad_()).detach()
        assert compiled.shape == general.shape
        tolerance = 3e-5 if config.precision == "float32" else 1e-9
        assert (compiled - general).abs().max() <= tolerance * general.abs().max()


def test_all_errors_are_read_in_one_pass(counted):
    config = CrossbarConfig(
        tile_shape=(8, 8), path="matrix", input_range=1.0,
        nonidealities=NonIdealities(noise=ReadNoise()), periphery=Periphery(
            dac=DAC(inl=0.3, offset=0.3), sense=SENSES["amplifier"],
            adc=ADC(full_scale=1e-4, inl=0.5, noise=0.5, columns=8)),
    )
    with torch.no_grad():
        CrossbarLinear(9, 4, config=config)(torch.rand(5, 9))
        CrossbarConv1d(2, 4, 3, config=config)(torch.rand(2, 2, 7))
    assert counted == ["read_vectors", "read_windows"]


def test_reads_are_the_same_in_every_batch():
    config = CrossbarConfig(
        tile_shape=(8, 16), path="matrix", input_range=1.0, precision="float64",
        nonidealities=NonIdealities(noise=ReadNoise()), periphery=Periphery(
            sense=SENSES["amplifier"], adc=ADC(bits=10, full_scale=1e-4, noise=0.5)),
    )
    layer, x = CrossbarConv1d(3, 6, 3, config=config), torch.rand(9, 3, 50)
    with torch.no_grad():
        whole = layer(x)
        layer.crossbars.reads = 0
        parts = torch.cat([layer(piece) for piece in torch.split(x, 2)])
        torch.testing.assert_close(parts, whole, rtol=0, atol=1e-12)
        assert not torch.equal(layer(x), whole)  # others, later


def test_noise_that_needs_more_goes_the_general_way(counted):
    for noise in (ReadNoise(shot=1.0), ReadNoise(telegraph=TelegraphNoise())):
        config = CrossbarConfig(
            tile_shape=(8, 8), path="matrix", input_range=1.0,
            nonidealities=NonIdealities(noise=noise),
        )
        with torch.no_grad():
            CrossbarLinear(9, 4, config=config)(torch.rand(5, 9))
    assert counted == []


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
    around = np.array([0, 0, 2])
    padded = np.empty((1, 1, 1, 1, len(x) + 3), kind)
    drive_images(x[None, None, None, None], around, of(0.7), of(grid.low), of(grid.step), of(0.3), padded)
    out = padded[0, 0, 0, 0, 2:-1]
    expected = dac.convert((torch.from_numpy(x) / 0.7)[None], signed=signed)[0] * 0.3
    np.testing.assert_array_equal(out, expected.numpy())
    assert np.isnan(out[-1])
    zero = dac.convert(torch.zeros(1, 1, dtype=torch.from_numpy(x).dtype), signed=signed) * 0.3
    assert (padded[0, 0, 0, 0, [0, 1, -1]] == float(zero)).all()


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
