"""Every layer through encoding, converters and digital corrections, not by effective weights."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from crossbarsim import ParameterError, Wires
from crossbarsim.nn import CrossbarConfig, CrossbarLayer, StoredMatrix, calibrate, convert
from crossbarsim.nonidealities import (
    ConductanceStates,
    Faults,
    NonIdealities,
    Normal,
    ReadNoise,
    SinhIV,
    Variability,
)
from crossbarsim.periphery import ADC, DAC, Periphery

torch.set_num_threads(1)
FINE = CrossbarConfig.ideal(
    (16, 12), input_range=4.0, periphery=Periphery(dac=DAC(bits=16), adc=ADC(bits=16))
)
COARSE = FINE.replace(periphery=Periphery(dac=DAC(bits=6), adc=ADC(bits=7)))


class Called(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        if isinstance(self.layer, nn.MultiheadAttention):
            return self.layer(x, x, x)[0]
        y = self.layer(x)
        if isinstance(self.layer, nn.GRUCell):
            return self.layer(x, y)
        y = y[0] if isinstance(y, tuple) else y
        return y.data if isinstance(y, nn.utils.rnn.PackedSequence) else y


def cases():
    torch.manual_seed(0)
    sequence = torch.randn(4, 2, 5).clamp(-3, 3)
    packed = pack_sequence([sequence[:n, 0] for n in (2, 4, 3)], enforce_sorted=False)
    image = torch.randn(2, 4, 6, 5).clamp(-3, 3)
    return {
        "linear": (nn.Linear(5, 20), sequence),
        "conv1d": (nn.Conv1d(4, 6, 3, padding=1, groups=2), image[:, :, 0]),
        "conv2d": (nn.Conv2d(4, 6, (3, 2), stride=(1, 2), dilation=(2, 1)), image),
        "conv3d": (nn.Conv3d(2, 3, 2), torch.randn(1, 2, 3, 4, 3).clamp(-3, 3)),
        "transposed": (nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2, output_padding=1),
                       image[..., :3, :2]),
        "embedding": (nn.Embedding(20, 5, padding_idx=0), torch.tensor([[1, 19], [0, 7]])),
        "bag": (nn.EmbeddingBag(20, 5), torch.tensor([[1, 19], [0, 7]])),
        "rnn": (nn.RNN(5, 4, 2, bidirectional=True), sequence),
        "lstm": (nn.LSTM(5, 4, proj_size=3), packed),
        "gru": (nn.GRU(5, 4, batch_first=True), sequence),
        "cell": (nn.GRUCell(5, 4), sequence[0]),
        "attention": (nn.MultiheadAttention(6, 2), torch.randn(3, 2, 6).clamp(-3, 3)),
    }


@pytest.mark.parametrize(("name", "bias"), [
    (name, bias) for name in cases() for bias in ("digital", "chip")
    if (name, bias) != ("transposed", "chip")  # refused
])
def test_converters_of_many_bits_are_the_digital_layer_and_of_few_are_not(name, bias):
    layer, x = cases()[name]
    model = Called(layer).eval()
    fine, coarse = (convert(model, c.replace(bias=bias)) for c in (FINE, COARSE))
    calls = []
    for module in fine.modules():
        if isinstance(module, StoredMatrix):
            module.register_forward_hook(lambda *_: calls.append(1))
    y = fine(x)
    torch.testing.assert_close(y, model(x), rtol=0, atol=3e-3)
    assert calls
    with torch.no_grad():
        assert (coarse(x) - model(x)).abs().max() > 1e-2
    y.square().sum().backward()
    trained = [p for p in fine.parameters() if p.requires_grad]
    model(x).square().sum().backward()
    for mine, digital in zip(trained, model.parameters(), strict=True):
        difference = (mine.grad - digital.grad).abs().max()
        assert difference <= 1e-2 * digital.grad.abs().max() + 1e-3


def test_a_layer_without_a_range_says_which_it_is():
    model = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.LSTM(4, 3))
    config = FINE.replace(input_range=None)
    chip = convert(model, config, overrides={"0": {"input_range": 1.0}})
    with pytest.raises(ParameterError, match=r"2\.ih_l0"):
        chip(torch.ones(2, 5))


def test_look_up_needs_no_calibration():
    chip = convert(nn.Embedding(9, 4), FINE.replace(input_range=None))
    digital = nn.functional.embedding(torch.arange(9), chip.weight)
    torch.testing.assert_close(chip(torch.arange(9)), digital, rtol=0, atol=1e-3)


def test_wires_and_converters_together():
    torch.manual_seed(1)
    layer = nn.Conv2d(2, 3, 3)
    x = torch.randn(2, 2, 5, 5).clamp(-3, 3)
    real = {"wires": Wires(20.0, 20.0), "path": "matrix"}
    with torch.no_grad():
        exact = convert(layer, CrossbarConfig(tile_shape=(16, 12), **real))(x)
        fine = convert(layer, FINE.replace(**real))(x)
    assert isinstance(convert(layer, FINE), CrossbarLayer)
    torch.testing.assert_close(fine, exact, rtol=0, atol=3e-3)
    assert (exact - layer(x)).abs().max() > 1e-2


@pytest.mark.parametrize("path", ["matrix", "vectors"])
@pytest.mark.parametrize("name", sorted(cases().keys() - {"lstm", "bag"}))
def test_empty_batches(name, path):
    layer, x = cases()[name]
    model = Called(layer).eval()
    axis = 1 if name in {"rnn", "attention"} else 0
    nothing = x.narrow(axis, 0, 0)
    for config in (CrossbarConfig(tile_shape=(16, 12), path=path), FINE):
        with torch.no_grad():
            assert convert(model, config)(nothing).shape == model(nothing).shape


@pytest.mark.parametrize("curved", [False, True], ids=["linear", "sinh"])
@pytest.mark.parametrize("name", cases())
def test_every_layer_on_a_chip_with_all_flaws(name, curved):
    layer, x = cases()[name]
    effects = NonIdealities(
        variability=(Variability("r_on", Normal(0.1)),), faults=Faults(stuck_off=0.02),
        states=ConductanceStates(16), noise=ReadNoise(), iv=SinhIV() if curved else None,
    )
    config = CrossbarConfig(
        tile_shape=(16, 12), wires=Wires(2.0, 2.0), nonidealities=effects,
        periphery=Periphery(dac=DAC(bits=8), adc=ADC(bits=8)),
    )
    model = Called(layer).eval()
    chip, again, other, loaded = (convert(model, config.replace(seed=s)) for s in (1, 1, 2, 3))
    for one in (chip, again, other, loaded):
        calibrate(one, [x])
    loaded.load_state_dict(chip.state_dict())
    y = chip(x)
    assert torch.equal(again(x), y)
    assert torch.equal(loaded(x), y)
    assert not torch.equal(other(x), y)
    digital = model(x)
    assert 1e-3 < (y - digital).norm() / digital.norm() < 0.6
    y.square().sum().backward()
    for key, parameter in chip.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all()
    with torch.no_grad():
        assert not torch.equal(chip(x), y)  # another read


@pytest.mark.parametrize("options", [
    {}, {"scheme": "offset"}, {"pairing": "interleaved"}, {"bits": 4, "bits_per_cell": 2},
    {"cells_per_weight": 3, "cell_fill": "spread"}, {"scheme": "single"},
], ids=lambda o: "-".join(map(str, o.values())) or "pair")
def test_weights_of_zero_and_at_a_cell_s_bound_have_their_gradient_once(options):
    layer = nn.Linear(6, 1, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.0, -0.0, 1 / 3, -2 / 3, 1.0, 0.5]]))
    x = torch.rand(2, 6, dtype=torch.float64)
    chip = convert(layer, CrossbarConfig.ideal((16, 12), **options))
    chip(x).sum().backward()
    torch.testing.assert_close(chip.weight.grad, x.sum(0, keepdim=True), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", cases())
def test_calibration_finds_the_ranges_of_every_matrix(name):
    layer, x = cases()[name]
    model = Called(layer).eval()
    chip = convert(model, FINE.replace(input_range=None))
    calibrate(chip, [x])
    for part in chip.modules():
        if isinstance(part, StoredMatrix):
            assert part.input_range is not None
    with torch.no_grad():
        torch.testing.assert_close(chip(x), model(x), rtol=0, atol=3e-3)
