"""The chip in a state_dict, pickles, copies, threads, and what inference keeps."""

import copy
import gc
import io
import pickle
import threading
import weakref

import pytest
import torch
from torch import nn

from crossbarsim import BackendUnavailable, ParameterError, Wires
from crossbarsim.nn import CrossbarConfig, CrossbarLinear, calibrate, convert
from crossbarsim.nonidealities import (
    ConductanceStates,
    Faults,
    FlickerNoise,
    LogNormal,
    NonIdealities,
    Normal,
    ReadNoise,
    SinhIV,
    TelegraphNoise,
    Variability,
    WriteNoise,
)
from crossbarsim.periphery import ADC, DAC, Periphery, TransimpedanceSense

torch.set_num_threads(1)

EFFECTS = NonIdealities(
    variability=(Variability("r_on", Normal(0.1)), Variability("r_off", LogNormal(0.3))),
    faults=Faults(stuck_on=0.03, stuck_off=0.05, dead_rows=0.05), states=ConductanceStates(16),
    write=WriteNoise(0.02),
)
ROUGH = CrossbarConfig(
    tile_shape=(8, 6), wires=Wires(3.0, 3.0), nonidealities=EFFECTS, seed=5, reorder="both",
    periphery=Periphery(dac=DAC(bits=8, offset=0.3), adc=ADC(bits=9, offset=0.5)),
)
SIGMA = CrossbarConfig(tile_shape=(8, 6), r_on_sigma=0.1, r_off_sigma=0.2, seed=5, path="matrix")


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 4, 3, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)).double()


def images(seed=1):
    return torch.randn(3, 2, 4, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def run(chip, x):
    with torch.no_grad():
        return chip(x)


def alike(one, other):
    """The same codes: read by vectors or by matrices, whose sums of values round differently."""
    torch.testing.assert_close(one, other, rtol=0, atol=1e-13)
    return True


@pytest.mark.parametrize("config", [ROUGH, SIGMA], ids=["rough", "sigma"])
def test_the_state_is_the_chip_whatever_the_seed(config):
    model, x = network(), images()
    chip = convert(model, config)
    calibrate(chip, [x])
    expected = run(chip, x)
    file = io.BytesIO()
    torch.save(chip.state_dict(), file)
    file.seek(0)
    state = torch.load(file)  # weights only, the safe default
    # another seed, other weights, not calibrated
    other = convert(nn.Sequential(*[copy.deepcopy(m) for m in model]), config.replace(seed=77))
    for parameter in other.parameters():
        nn.init.normal_(parameter)
    before = run(calibrated(other, x), x)
    other.load_state_dict(state)
    assert not torch.allclose(before, expected)
    assert alike(run(other, x), expected)
    assert set(other.state_dict()) == set(state)
    # and on from there: the loaded chip saves as itself
    third = convert(model, config.replace(seed=78))
    third.load_state_dict(other.state_dict())
    assert alike(run(third, x), expected)


def calibrated(chip, x):
    calibrate(chip, [x])
    return chip


def test_the_devices_are_in_the_state_not_only_the_seed():
    chip = convert(network(), SIGMA)
    state = chip.state_dict()
    g_on = state["3.crossbars.chip.g_on"]
    assert g_on.shape == (2 * 16 * 3,)
    assert g_on.std() / g_on.mean() == pytest.approx(0.1, rel=0.3)
    # even where the network that loads it has no variation of its own
    even = convert(network(), SIGMA.replace(r_on_sigma=0.0, r_off_sigma=0.0))
    assert [k for k in even.state_dict() if "crossbars" in k] == []
    even.load_state_dict(state)
    assert torch.equal(run(even, images()), run(chip, images()))


def test_a_digital_state_loads_into_a_chip():
    model = network()
    chip = convert(network(), ROUGH)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    chip.load_state_dict(model.state_dict())
    assert torch.equal(chip[3].weight, model[3].weight)
    assert chip[3].crossbars.chip.seed == 5
    missing = model.load_state_dict(chip.state_dict(), strict=False)
    assert not missing.missing_keys


def test_loaded_weights_are_arranged_as_in_a_fresh_conversion():
    x, config = images(), ROUGH.replace(periphery=None, path="matrix")
    model, other = network(), network()
    with torch.no_grad():
        other[3].weight.mul_(torch.linspace(0.1, 3, 16))
    chip = convert(model, config)
    first = run(chip, x)
    chip.load_state_dict(other.state_dict())
    assert not torch.allclose(run(chip, x), first)
    assert torch.equal(run(chip, x), run(convert(other, config), x))


def test_states_that_do_not_fit_are_refused():
    chip = convert(network(), SIGMA)
    state = chip.state_dict()
    for change, name in (({"scheme": "offset"}, "scheme"), ({"tile_shape": (6, 8)}, "tile_shape"),
                         ({"tile_shape": (48, 1)}, "tile_shape")):
        other = convert(network(), SIGMA.replace(**change))
        with pytest.raises(RuntimeError, match=rf"'3' was mapped with `{name}` = .*; the configuration"):
            other.load_state_dict(state)
        assert other[3].crossbars.chip.seed == 5
    state["3.crossbars.unknown"] = torch.zeros(1)
    with pytest.raises(RuntimeError, match=r"3\.crossbars\.unknown"):
        chip.load_state_dict(state)
    chip.load_state_dict(state, strict=False)
    # read by another scale of conductance, the saved cells would be other weights
    for change, name in (({"g_on": 5e-5}, "g_on"), ({"g_off": 2e-6}, "g_off")):
        other = convert(network(), SIGMA.replace(**change))
        with pytest.raises(RuntimeError, match=rf"'3' was fabricated for `{name}`"):
            other.load_state_dict(chip.state_dict())


@pytest.mark.parametrize("config", [ROUGH, SIGMA], ids=["rough", "sigma"])
def test_damaged_states_are_refused_by_name(config):
    chip = convert(network(), config)
    calibrate(chip, [images()])
    state = chip.state_dict()
    own = [k for k in state if "crossbars" in k]
    assert len(own) > 4
    for key in own:
        for wrong in (torch.zeros(0), torch.full((2, 3, 4), -1.0), torch.full((7,), float("nan")),
                      torch.zeros(3, dtype=torch.bool), torch.ones(5, dtype=torch.complex64),
                      torch.full((40,), 255, dtype=torch.uint8)):
            if wrong.dtype == state[key].dtype and wrong.shape == state[key].shape:
                continue
            with pytest.raises(RuntimeError, match=rf"{key.split('.crossbars')[0]}\.crossbars: the saved"):
                chip.load_state_dict({**state, key: wrong})
    chip.load_state_dict(state)


def test_copies_and_pickles_are_the_same_chip():
    x = images()
    chip = calibrated(convert(network(), ROUGH), x)
    expected = run(chip, x)
    file = io.BytesIO()
    torch.save(chip, file)
    file.seek(0)
    for again in (copy.deepcopy(chip), pickle.loads(pickle.dumps(chip)), torch.load(file, weights_only=False)):
        assert alike(run(again, x), expected)
        assert set(again.state_dict()) == set(chip.state_dict())
    copied = copy.deepcopy(chip)
    with torch.no_grad():
        copied[3].weight.zero_()
    assert torch.equal(run(chip, x), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_types_of_network_and_matrices(dtype, precision):
    model, x = network().to(dtype), images().to(dtype)
    exact = convert(network(), ROUGH.replace(periphery=None))
    chip = convert(model, ROUGH.replace(periphery=None, precision=precision))
    found = run(chip, x)
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), run(exact, images()), rtol=0, atol=1e-4)
    both = convert(model, ROUGH.replace(precision=precision))
    assert run(calibrated(both, x), x).dtype == dtype
    assert run(calibrated(both.float(), x.float()), x.float()).dtype == torch.float32


def test_every_way_of_writing_weights_is_noticed():
    layer = CrossbarLinear(4, 3, config=CrossbarConfig(path="matrix"))
    x = torch.eye(4)
    for write in (
        lambda: layer.weight.data.mul_(2),
        lambda: setattr(layer, "weight", nn.Parameter(torch.randn(3, 4))),
        lambda: layer.load_state_dict({"weight": torch.ones(3, 4), "bias": torch.zeros(3)}),
        lambda: nn.init.normal_(layer.weight),
    ):
        before = run(layer, x)
        write()
        fresh = CrossbarLinear.from_digital(layer, layer.config)
        assert not torch.equal(run(layer, x), before)
        assert torch.equal(run(layer, x), run(fresh, x))


def test_inference_keeps_no_graph():
    x = images()
    for config in (ROUGH, SIGMA):
        chip = calibrated(convert(network(), config), x)
        y = run(chip, x)
        assert not y.requires_grad
        # neither without gradients nor, once the outputs are gone, with them
        for context in (torch.no_grad(), torch.enable_grad()):
            v = x.clone().requires_grad_()
            seen = weakref.ref(v)
            with context:
                y = chip(v)
            del v, y
            if seen() is not None:  # in a cycle, perhaps
                gc.collect()
            assert seen() is None


def test_threads_get_the_same_results():
    x = images()
    chip = calibrated(convert(network(), ROUGH), x)
    expected = run(copy.deepcopy(chip), x)
    results, errors = [], []

    def work():
        try:
            results.extend(run(chip, x) for _ in range(5))
        except Exception as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(results) == 20
    assert all(alike(result, expected) for result in results)


def test_noise_is_that_of_the_read_whatever_the_batch():
    torch.manual_seed(1)
    layer = nn.Linear(20, 5).double()
    x = torch.rand(12, 20, dtype=torch.float64) * 2 - 1
    quiet = CrossbarConfig(tile_shape=(8, 8), input_range=1.0, input_encoding="two-phase")
    config = quiet.replace(
        nonidealities=NonIdealities(noise=ReadNoise(flicker=FlickerNoise())),
        periphery=Periphery(adc=ADC(bits=12, full_scale=2e-4, noise=0.5)),
    )
    whole = run(CrossbarLinear.from_digital(layer, config), x)
    chip = CrossbarLinear.from_digital(layer, config)
    parts = torch.cat([run(chip, piece) for piece in x.split(5)])
    torch.testing.assert_close(whole, parts, rtol=0, atol=1e-12)
    again = run(chip, x)
    assert (again - whole).abs().max() > 1e-4  # later reads have noise of their own
    exact = run(CrossbarLinear.from_digital(layer, quiet), x)
    many = torch.stack([run(chip, x) for _ in range(200)])
    torch.testing.assert_close(many.mean(0), exact, rtol=0, atol=0.02)


def test_noise_goes_on_after_loading():
    torch.manual_seed(1)
    layer = nn.Linear(20, 5).double()
    x = torch.rand(3, 20, dtype=torch.float64)
    config = CrossbarConfig(input_range=1.0, nonidealities=NonIdealities(noise=ReadNoise(flicker=FlickerNoise())))
    chip, other = (CrossbarLinear.from_digital(layer, config) for _ in range(2))
    first, state = run(chip, x), chip.state_dict()
    second = run(chip, x)
    assert (second - first).abs().max() > 1e-6
    other.load_state_dict(state)
    assert torch.equal(run(other, x), second)  # not the first reads' noise again
    other.load_state_dict(layer.state_dict())  # weights alone: the same arrays, read on
    third = run(chip, x)
    assert torch.equal(run(other, x), third)
    quiet = CrossbarLinear.from_digital(layer, config.replace(nonidealities=None))
    assert "crossbars.reads.count" not in quiet.state_dict()


def test_what_inference_mode_keeps_serves_gradients_later():
    layer = CrossbarLinear(5, 3, config=CrossbarConfig(path="matrix"))
    layer.requires_grad_(False)
    x = torch.randn(2, 5)
    with torch.inference_mode():
        first = layer(x)
    x.requires_grad_()
    y = layer(x)
    assert torch.equal(y, first)
    assert torch.autograd.grad(y.sum(), x)[0].shape == (2, 5)


@pytest.mark.parametrize("path", ["matrix", "vectors"])
@pytest.mark.parametrize(("layer", "shape"), [
    (nn.Linear(4, 3), (2, 4)), (nn.Conv1d(2, 3, 2), (1, 2, 5)), (nn.ConvTranspose1d(2, 3, 2), (1, 2, 5)),
    (nn.GRUCell(4, 3), (2, 4)),
])
def test_inputs_that_are_no_floating_point_numbers_are_refused(path, layer, shape):
    chip = convert(nn.ModuleDict({"only": layer}), CrossbarConfig(path=path))
    for kind in (torch.int64, torch.uint8, torch.bool):
        with pytest.raises(ParameterError, match=r"'only.*floating-point"):
            chip["only"](torch.ones(shape, dtype=kind))


def test_empty_batches_and_other_devices():
    chip = calibrated(convert(network(), ROUGH), images())
    assert run(chip, images()[:0]).shape == (0, 3)
    with pytest.raises(BackendUnavailable, match="weights are on meta"):
        CrossbarLinear(4, 2, config=CrossbarConfig(path="matrix")).to("meta")(torch.ones(1, 4))


@pytest.mark.parametrize("effects", [
    {"noise": ReadNoise(telegraph=TelegraphNoise()), "iv": SinhIV(0.3)},
    {"noise": ReadNoise()}, {},
], ids=["curved", "flicker", "quiet"])
def test_noise_of_cells_and_amplifiers_goes_with_the_read(effects):
    torch.manual_seed(2)
    layer = nn.Linear(9, 4).double()
    x = torch.rand(7, 9, dtype=torch.float64) * 2 - 1
    config = CrossbarConfig(
        tile_shape=(5, 8), wires=Wires(2.0, 2.0), input_range=1.0, input_encoding="offset",
        nonidealities=NonIdealities(**effects), periphery=Periphery(
            sense=TransimpedanceSense(gbw=1e9, temperature=300.0, voltage_noise=1e-8)),
    )
    chips = [CrossbarLinear.from_digital(layer, config) for _ in range(2)]
    whole = run(chips[0], x)
    parts = torch.cat([run(chips[1], piece) for piece in x.split(2)])
    torch.testing.assert_close(whole, parts, rtol=0, atol=1e-9)
    assert (whole - run(chips[0], x)).abs().max() > 1e-6
