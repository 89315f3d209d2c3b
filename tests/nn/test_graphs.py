"""Torch's tools around networks on crossbars: compiled, exported, transformed, copied, in other types."""

import copy
import gc
import io

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from crossbarsim import CrossbarSimError, Wires
from crossbarsim.nn import CrossbarConfig, calibrate, convert
from crossbarsim.nonidealities import NonIdealities, ReadNoise
from crossbarsim.periphery import ADC, DAC, Periphery

torch.set_num_threads(1)
WIRES = CrossbarConfig(wires=Wires(2.0, 2.0), tile_shape=(16, 8), r_on_sigma=0.05, seed=4)
# the range of the converters is wide: none of the samples is on its edge, where rounding decides of a gradient
QUANTISED = WIRES.replace(
    periphery=Periphery(dac=DAC(bits=6), adc=ADC(bits=8, full_scale=2e-4)), input_range=4.0,
)
SETTINGS = {
    "exact": WIRES, "chip bias": WIRES.replace(bias="chip", input_range=4.0), "vectors": WIRES.replace(path="vectors"),
    "converters": QUANTISED,
}


def cnn():
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, stride=2), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=2), nn.ReLU(),
        nn.Flatten(), nn.Linear(16, 9), nn.Tanh(), nn.Linear(9, 3, bias=False),
    ).double()


class Recurrent(nn.Module):
    """A table, a recurrent layer, attention and a transposed convolution, one after the other."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(11, 6)
        self.gru = nn.GRU(6, 6, batch_first=True)
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.up = nn.ConvTranspose1d(6, 3, 2, stride=2)

    def forward(self, tokens):
        x, _ = self.gru(self.table(tokens))
        x, _ = self.attention(x, x, x, need_weights=False)
        return self.up(x.transpose(1, 2))


def made(settings):
    x = torch.randn(5, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    return convert(cnn(), SETTINGS[settings]), x


def gradients(model, y):
    model.zero_grad()
    y.square().sum().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}


def near(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)


@pytest.fixture(autouse=True)
def anew():
    torch._dynamo.reset()


# -- compiled ------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", ["exact", "converters", *(
    pytest.param(one, marks=pytest.mark.slow) for one in ("chip bias", "vectors")
)])
def test_compiled_networks_are_one_graph_with_the_same_outputs_and_gradients(settings):
    chip, x = made(settings)
    compiled = torch.compile(chip, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        near(compiled(x), chip(x))
        near(compiled(x[:2]), chip(x[:2]))  # another batch
    expected = gradients(chip, chip(x))
    for _ in range(2):
        near(gradients(chip, compiled(x)), expected)
    own = x.clone().requires_grad_()
    (found,) = torch.autograd.grad(compiled(own).sum(), own)
    (right,) = torch.autograd.grad(chip(own).sum(), own)
    near(found, right)


@pytest.mark.parametrize("layer", [
    nn.Conv1d(4, 6, 3, stride=2, dilation=2, padding=1), nn.Conv2d(4, 6, (3, 5), groups=2, padding="same", bias=False),
    nn.Conv2d(4, 6, 3, padding=(1, 0), padding_mode="circular"), nn.Conv3d(4, 2, 2, stride=(1, 2, 1)),
], ids=repr)
def test_compiled_convolutions_of_fixed_weights_take_no_copy_of_them(layer):
    axes = len(layer.kernel_size)
    chip = convert(nn.Sequential(layer).double().requires_grad_(False), WIRES.replace(path="matrix"))
    compiled = torch.compile(chip, backend="aot_eager", fullgraph=True)
    for batch in (3, 2):
        x = torch.randn(batch, 4, *[7] * axes, dtype=torch.float64)
        x = (x.to(memory_format=torch.channels_last) if axes == 2 else x).requires_grad_()
        near(compiled(x), chip(x))
        (found,) = torch.autograd.grad(compiled(x).square().sum(), x)
        (right,) = torch.autograd.grad(chip(x).square().sum(), x)
        near(found, right)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own
@pytest.mark.slow
@pytest.mark.parametrize("settings", SETTINGS)
def test_compiled_to_machine_code(settings):
    chip, x = made(settings)
    compiled = torch.compile(chip, fullgraph=True)
    with torch.no_grad():
        near(compiled(x), chip(x))
    near(gradients(chip, compiled(x)), gradients(chip, chip(x)))


def test_compiled_networks_follow_their_weights_and_their_chip():
    chip, x = made("exact")
    compiled = torch.compile(chip, backend="eager", fullgraph=True)
    with torch.no_grad():
        compiled(x)
        chip[0].weight.mul_(-0.5)
        near(compiled(x), chip(x))
        other, _ = made("exact")
        chip.load_state_dict(convert(cnn(), WIRES.replace(seed=9)).state_dict())
        near(compiled(x), chip(x))
        assert not torch.allclose(chip(x), other(x))


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch's own, at the breaks of its graphs
@pytest.mark.slow
@pytest.mark.parametrize("settings", [WIRES, QUANTISED], ids=["exact", "converters"])
def test_every_other_kind_of_layer_compiles(settings):
    torch.manual_seed(2)
    chip = convert(Recurrent().double(), settings)
    tokens = torch.randint(11, (2, 5))
    if settings is QUANTISED:
        calibrate(chip, [tokens])
    chip.train()
    compiled = torch.compile(chip, backend="aot_eager")  # torch itself breaks the graph at recurrent layers
    near(compiled(tokens), chip(tokens))
    near(gradients(chip, compiled(tokens)), gradients(chip, chip(tokens)))


def test_steps_of_training_are_those_of_eager_passes():
    x = torch.randn(6, 1, 8, 8, dtype=torch.float64)
    losses = {}
    for how in ("eager", "compiled"):
        chip, _ = made("exact")
        run = torch.compile(chip, backend="aot_eager", fullgraph=True) if how == "compiled" else chip
        optimiser = torch.optim.Adam(chip.parameters(), 0.01)
        schedule = torch.optim.lr_scheduler.StepLR(optimiser, 2)
        losses[how] = []
        for _ in range(4):
            optimiser.zero_grad()
            loss = run(x).square().mean()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses[how].append(float(loss.detach()))
    assert losses["compiled"] == pytest.approx(losses["eager"], rel=1e-10)
    assert losses["eager"][-1] < losses["eager"][0]


def test_noise_of_compiled_reads_is_that_of_eager_ones_and_never_shared():
    noisy = QUANTISED.replace(nonidealities=NonIdealities(noise=ReadNoise(bandwidth=1e12)))
    torch.manual_seed(1)
    model = nn.Linear(12, 6).double()
    x = torch.randn(3, 12, dtype=torch.float64)

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = model

        def forward(self, x):
            return self.layer(x) - self.layer(x)

    eager, graph = (convert(Twice(), noisy) for _ in range(2))
    compiled = torch.compile(graph, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        for _ in range(2):
            expected = eager(x)
            near(compiled(x), expected)
            assert expected.abs().max() > 0


@pytest.mark.slow
def test_a_graph_whose_network_is_gone_says_so():
    chip, x = made("exact")
    program = torch.export.export(chip, (x,))
    near(program.module()(x), chip(x))
    del chip
    gc.collect()
    with pytest.raises(CrossbarSimError, match="crossbars that are gone"):
        program.module()(x)


# -- function transforms ---------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:There is a performance drop")  # torch unfolds one by one
@pytest.mark.parametrize("settings", SETTINGS)
def test_gradients_of_every_sample(settings):
    chip, x = made(settings)
    values = {name: p.detach() for name, p in chip.named_parameters()}

    def loss(values, sample):
        return torch.func.functional_call(chip, values, (sample.unsqueeze(0),)).square().sum()

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(values, x)
    for k in range(len(x)):
        expected = gradients(chip, chip(x[k : k + 1]))
        for name, found in each.items():
            near(found[k], expected[name])


@pytest.mark.parametrize("settings", SETTINGS)
def test_batches_of_inputs_and_of_networks(settings):
    chip, x = made(settings)
    with torch.no_grad():
        near(torch.func.vmap(lambda one: chip(one.unsqueeze(0)).squeeze(0))(x), chip(x))
    values = {name: torch.stack([p.detach(), -0.5 * p.detach()]) for name, p in chip.named_parameters()}
    several = torch.func.vmap(lambda one: torch.func.functional_call(chip, one, (x,)))(values)
    for k in range(2):
        near(several[k], torch.func.functional_call(chip, {n: v[k] for n, v in values.items()}, (x,)))


def test_jacobians():
    chip, x = made("exact")
    found = torch.func.jacrev(chip)(x[:1])
    expected = torch.autograd.functional.jacobian(chip, x[:1])
    near(found, expected)
    by_weights = torch.func.jacrev(lambda w: torch.func.functional_call(chip, {"7.weight": w}, (x[:1],)))
    assert by_weights(chip[7].weight.detach()).shape == (1, 3, 3, 9)


def test_crossbars_have_no_second_derivatives_and_say_so():
    chip, x = made("exact")
    loss = lambda w: torch.func.functional_call(chip, {"7.weight": w}, (x,)).square().sum()  # noqa: E731
    with pytest.raises(CrossbarSimError, match="first derivatives only"):
        torch.func.grad(lambda w: torch.func.grad(loss)(w).square().sum())(chip[7].weight.detach())


# -- copies, types, layouts -------------------------------------------------------------------------


@pytest.mark.parametrize("settings", ["exact", "converters"])
@pytest.mark.slow
def test_copies_and_whole_files_are_networks_of_their_own(settings):
    chip, x = made(settings)
    expected = chip(x)
    file = io.BytesIO()
    torch.save(chip, file)
    file.seek(0)
    for other in (copy.deepcopy(chip), torch.load(file, weights_only=False)):
        assert other[0].crossbars.number != chip[0].crossbars.number
        compiled = torch.compile(other, backend="eager", fullgraph=True)
        near(compiled(x), expected)
        with torch.no_grad():
            other[0].weight.mul_(2)
        near(chip(x), expected)
        assert not torch.allclose(compiled(x), expected)


@pytest.mark.parametrize("settings", ["exact", "converters"])
def test_checkpointed_passes(settings):
    chip, x = made(settings)
    expected = gradients(chip, chip(x))
    near(gradients(chip, checkpoint(chip, x, use_reentrant=False)), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.half, torch.float32])
@pytest.mark.parametrize("settings", SETTINGS)
def test_other_types(settings, dtype):
    chip, x = made(settings)
    with torch.no_grad():
        exact = chip(x)
        found = convert(cnn(), SETTINGS[settings]).to(dtype)(x.to(dtype))
        assert found.dtype == dtype
        off = float((found.double() - exact).norm() / exact.norm())
        assert off < {torch.float32: 1e-5, torch.half: 2e-2, torch.bfloat16: 0.1}[dtype] * (10 if settings == "converters" else 1)
        if dtype != torch.float32:
            with torch.autocast("cpu", dtype=dtype):
                mixed = chip.float()(x.float())
            assert float((mixed.double() - exact).norm() / exact.norm()) < 0.1


@pytest.mark.parametrize("settings", ["exact", "converters"])
def test_channels_last(settings):
    chip, x = made(settings)
    with torch.no_grad():
        exact = chip(x)
        last = chip.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    near(last, exact)


def test_a_moving_average_of_weights():
    chip, x = made("exact")
    average = torch.optim.swa_utils.AveragedModel(chip, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.5))
    before = {name: p.detach().clone() for name, p in chip.named_parameters()}
    with torch.no_grad():
        for p in chip.parameters():
            p.add_(0.1)
    average.update_parameters(chip)
    average.update_parameters(chip)
    now = dict(average.module.named_parameters())
    near(now["0.weight"].detach(), before["0.weight"] + 0.1)
    with torch.no_grad():
        near(average(x), chip(x))
