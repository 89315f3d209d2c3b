"""What is prepared for small passes gives what the whole way gives, and gives way to any change."""

import copy

import pytest
import torch

from crossbarsim import Wires
from crossbarsim.nn import CrossbarConfig, CrossbarLinear
from crossbarsim.nn.chip.calibration_ranges import Ranges
from crossbarsim.nonidealities import NonIdealities, ReadNoise
from crossbarsim.periphery import ADC, DAC, IntegratorSense, Periphery

WIRES = Wires(word=2.0, bit=2.0)
CONVERTERS = Periphery(dac=DAC(bits=6), adc=ADC(bits=7, full_scale=2e-4))


def layer_of(outputs=7, inputs=11, **options):
    torch.manual_seed(5)
    options = {"path": "matrix", "wires": WIRES, "periphery": CONVERTERS, "input_range": 1.0} | options
    layer = CrossbarLinear(inputs, outputs, config=CrossbarConfig(**options))
    return layer.requires_grad_(False)


def forget(layer):
    """Let the next pass go the whole way."""
    layer.crossbars.cache.prepared = None


def pairs(layer, x, passes=2):
    """Yield outputs the whole way and the prepared one, from the same number of reads."""
    stored = layer.crossbars
    for _ in range(passes):
        before = stored.reads
        forget(layer)
        whole = layer(x)
        assert stored.cache.prepared is not None
        after, stored.reads = stored.reads, before
        yield whole, layer(x)
        assert stored.reads == after


CASES = {
    "converters": {},
    "float32": {"precision": "float32"},
    "tiles": {"tile_shape": (4, 3)},
    "ordered": {"reorder": "both", "tile_shape": (4, 3)},
    "bias on chip": {"bias": "chip"},
    "curves": {"periphery": Periphery(dac=DAC(bits=6), adc=ADC(
        bits=5, inl=0.4, gain_error=0.02, offset=0.3, noise=0.3, full_scale=2e-4))},
    "noise and amplifiers": {
        "periphery": Periphery(
            dac=DAC(bits=6), adc=ADC(bits=7, full_scale=1e-4), sense=IntegratorSense()),
        "nonidealities": NonIdealities(noise=ReadNoise(bandwidth=1e8)),
    },
    "offset columns": {"scheme": "offset", "periphery": Periphery(
        dac=DAC(bits=6), adc=ADC(bits=7, full_scale=4e-4))},
    "opposed": {"pairing": "opposed"},
    "exact": {"periphery": None},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("shape", [(1, 11), (11,), (3, 2, 11)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_same_numbers(case, shape, dtype):
    layer = layer_of(**CASES[case])
    x = 2 * torch.rand(shape, dtype=dtype, generator=torch.Generator().manual_seed(1)) - 1
    for whole, prepared in pairs(layer, x):
        assert prepared.dtype == dtype
        assert torch.equal(whole, prepared)


@pytest.mark.parametrize("shape", [(11, 4), (7, 4, 11)], ids=str)
def test_inputs_in_any_order_of_memory(shape):
    layer = layer_of()
    x = torch.rand(shape)
    x = x.T if len(shape) == 2 else x[::2, 1:3]
    for whole, prepared in pairs(layer, x):
        assert torch.equal(whole, prepared)


def test_corrections_are_those_of_the_whole_way():
    for gain in (torch.rand(7, dtype=torch.float64) + 0.5, torch.rand(3, 7, dtype=torch.float64) + 0.5):
        layer = layer_of(tile_shape=(4, 7))
        layer.crossbars.ranges = Ranges(
            1.3, True, 2e-4, gain, torch.rand(7, dtype=torch.float64)
        )
        for whole, prepared in pairs(layer, torch.rand(2, 11)):
            assert torch.equal(whole, prepared)


def change_weight(layer):
    layer.weight.data[2, 3] += 0.2


def change_bias(layer):
    layer.bias.data[1] += 0.2


def other_bias(layer):
    layer.bias = torch.nn.Parameter(layer.bias + 0.3, requires_grad=False)


def no_bias(layer):
    layer.bias = None


def change_range(layer):
    layer.input_range = 1.7


def change_wires(layer):
    layer.crossbars.equip(wires=Wires(word=30.0, bit=30.0))


def change_corrections(layer):
    ones = torch.ones(7, dtype=torch.float64)
    layer.crossbars.ranges = layer.crossbars.ranges.replace(gain=1.5 * ones, offset=ones)


@pytest.mark.parametrize("case", ["converters", "exact"])
@pytest.mark.parametrize("change", [
    change_weight, change_bias, other_bias, no_bias, change_range, change_wires,
    change_corrections,
])
def test_a_change_is_seen(case, change):
    layer, x = layer_of(**CASES[case]), torch.rand(2, 11)
    layer(x)
    before = layer(x)
    change(layer)
    now = layer(x)
    fresh = copy.deepcopy(layer)
    fresh.crossbars.cache.clear()
    assert torch.equal(now, fresh(x))
    if (case, change) != ("exact", change_range):
        assert not torch.equal(now, before)


def test_a_change_of_converters_is_seen():
    layer, x = layer_of(), torch.rand(2, 11)
    layer(x)
    before = layer(x)
    layer.crossbars.equip(periphery=Periphery(dac=DAC(bits=2), adc=ADC(bits=3, full_scale=2e-4)))
    assert not torch.equal(layer(x), before)


@pytest.mark.parametrize("case", ["converters", "exact"])
def test_a_disturbance_is_seen_and_another_one_every_time(case):
    layer, x = layer_of(**CASES[case]), torch.rand(2, 11)
    layer(x)
    before = layer(x)
    layer.crossbars.chip.disturbance = lambda G, _place: G * (0.5 + 0.2 * torch.rand_like(G))
    seen = [before, *(layer(x) for _ in range(3))]
    assert not any(torch.equal(a, b) for k, a in enumerate(seen) for b in seen[:k])
    layer.crossbars.chip.disturbance = None
    assert torch.equal(layer(x), before)


@pytest.mark.parametrize("case", ["converters", "exact"])
def test_gradients_go_the_whole_way(case):
    layer = layer_of(**CASES[case])
    with torch.no_grad():
        layer(torch.rand(2, 11))
    x = torch.rand(2, 11, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.abs().sum() > 0
    layer.requires_grad_(True)
    layer(x).sum().backward()
    assert layer.weight.grad.abs().sum() > 0
    assert layer.bias.grad.tolist() == [2.0] * 7


def test_more_vectors_and_other_types_go_the_whole_way():
    layer = layer_of()
    layer(torch.rand(1, 11))
    way = layer.crossbars.cache.prepared
    x = torch.rand(100, 11)
    many = layer(x)
    assert torch.equal(many[:1], layer(x[:1]))
    assert layer.crossbars.cache.prepared is way
    assert layer(x[:1].double()).dtype == torch.float64
    assert layer(x[:1].bfloat16()).dtype == torch.bfloat16
    assert layer(x[:0]).shape == (0, 7)


def test_errors_are_those_of_the_whole_way():
    layer = layer_of()
    layer(torch.rand(1, 11))
    with pytest.raises(Exception, match="last axis must be 11"):
        layer(torch.rand(1, 10))
    with pytest.raises(Exception, match="floating-point"):
        layer(torch.ones(1, 11, dtype=torch.int64))


def test_what_inference_mode_made_serves_gradients():
    layer = layer_of(**CASES["exact"] | {"bias": "chip"})
    with torch.inference_mode():
        layer(torch.rand(2, 11))
        layer(torch.rand(2, 11))
    x = torch.rand(2, 11, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None


def test_copies_and_observers():
    layer, x = layer_of(), torch.rand(1, 11)
    layer(x)
    twin = copy.deepcopy(layer)
    assert twin.crossbars.cache.prepared is None
    assert torch.equal(twin(x), layer(x))
    seen = []

    def observer(stored, inputs, weight, bias):
        seen.append(inputs)
        return stored.digital(inputs, weight, bias)

    layer.crossbars.observer = observer
    layer(x)
    assert len(seen) == 1
