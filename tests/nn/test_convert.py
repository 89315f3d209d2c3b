"""Whole networks on crossbars: what is converted, what is not, and that nothing goes unsaid."""

import io

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from crossbarsim import ParameterError, Wires
from crossbarsim.nn import CrossbarConfig, DigitalLayersWarning, convert, report
from crossbarsim.nn.convertible import LAYERS
from crossbarsim.nn.layers import (
    CrossbarConv2d,
    CrossbarEmbedding,
    CrossbarLayer,
    CrossbarLinear,
    CrossbarLSTM,
    CrossbarMultiheadAttention,
)

torch.set_num_threads(1)
REAL = CrossbarConfig(wires=Wires(30.0, 30.0), tile_shape=(16, 16))


class Scaled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Mixed(nn.Module):
    """Layers in every kind of container, and weights that are no layer's."""

    def __init__(self):
        super().__init__()
        self.features = nn.ModuleList([
            nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU()),
            nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.ReLU()),
        ])
        self.heads = nn.ModuleDict({"a": nn.Linear(16, 3), "b": Scaled(16, 3)})
        self.both = nn.Bilinear(3, 3, 2)
        self.gain = nn.Parameter(torch.ones(2))

    def forward(self, x):
        for block in self.features:
            x = block(x)
        x = x.flatten(1)
        return self.gain * self.both(self.heads["a"](x), self.heads["b"](x))


def ran(model):
    """Names of the crossbar layers that a forward pass went through."""
    seen = []
    for name, module in model.named_modules():
        if isinstance(module, CrossbarLayer):
            module.register_forward_hook(lambda *_, name=name: seen.append(name))
    return seen


def test_sequential_in_a_module_list_and_all_that_stays_digital():
    # MemTorch leaves a Sequential inside a ModuleList as it is, without a word
    torch.manual_seed(0)
    model = Mixed().double().eval()
    with pytest.warns(DigitalLayersWarning, match=r"'heads\.b' .*'both' "):
        chip = convert(model, CrossbarConfig.ideal((16, 16)))
    seen = ran(chip)
    x = torch.randn(2, 1, 6, 6, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(chip(x), model(x), rtol=0, atol=1e-10)
    assert seen == ["features.0.0", "features.1.0", "heads.a"]
    rows = {row.name: row for row in report(chip).layers}
    assert {name for name, row in rows.items() if row.converted} == set(seen)
    assert "subclass of Linear" in rows["heads.b"].reason
    assert "both factors" in rows["both"].reason
    assert "fold_batchnorm" in rows["features.0.1"].reason
    assert "of its own kind" in rows[""].reason  # the gain
    assert rows["features.0.2"].reason == ""
    assert "heads.b" in str(report(chip))


def test_every_layer_type_is_converted_and_keeps_its_names():
    torch.manual_seed(1)
    examples = {
        nn.Linear: nn.Linear(4, 3), nn.Embedding: nn.Embedding(5, 3),
        nn.EmbeddingBag: nn.EmbeddingBag(5, 3),
        nn.MultiheadAttention: nn.MultiheadAttention(4, 2),
        **{t: t(4, 3) for t in (nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell)},
        **{t: t(2, 4, 2) for t in (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d,
                                   nn.ConvTranspose2d, nn.ConvTranspose3d)},
    }
    assert set(examples) == set(LAYERS)
    model = nn.ModuleDict({kind.__name__: layer for kind, layer in examples.items()})
    before = torch.get_rng_state()
    chip = convert(model, CrossbarConfig())
    assert torch.equal(before, torch.get_rng_state())
    for kind, layer in examples.items():
        assert type(chip[kind.__name__]) is LAYERS[kind]
        assert isinstance(chip[kind.__name__], kind)
        assert set(layer.state_dict()) <= set(chip[kind.__name__].state_dict())
    assert [n for n, _ in chip.named_parameters()] == [n for n, _ in model.named_parameters()]
    kinds = convert(model, CrossbarConfig(), include=[nn.LSTM, "Conv?d"], exclude="*3d")
    assert {n for n, m in kinds.items() if isinstance(m, CrossbarLayer)} == {
        "LSTM", "Conv1d", "Conv2d"}


def test_the_report_counts_every_matrix_of_a_layer():
    model = nn.ModuleDict({
        "lstm": nn.LSTM(6, 4, 2, proj_size=2, bidirectional=True),
        "attention": nn.MultiheadAttention(6, 2), "table": nn.Embedding(20, 5),
        "up": nn.ConvTranspose2d(6, 4, 3, groups=2, bias=False),
    })
    chip = convert(model, CrossbarConfig(tile_shape=(8, 16)))
    rows = {row.name: row for row in report(chip).layers if row.converted}
    assert set(rows) == {"lstm", "attention", "attention.out_proj", "table", "up"}
    # ih (16, 6) and (16, 4), hh (16, 2), hr (2, 4), in two directions; two cells per weight
    assert rows["lstm"].used == 2 * 2 * (16 * 6 + 16 * 4 + 2 * 16 * 2 + 2 * 2 * 4)
    assert rows["attention"].used == 2 * 3 * 36
    assert rows["table"].used == 2 * 100
    assert rows["table"].tiles == 3
    assert rows["up"].used == 2 * model["up"].weight.numel()
    assert rows["up"].tiles == 2 * 2  # two groups of (2 * 9, 3): no room for both on an array


def test_choice_by_name_and_type_and_overrides():
    model = nn.Sequential(nn.Linear(4, 4), nn.Conv1d(1, 1, 1), nn.Linear(4, 2))
    chip = convert(model, REAL, exclude=nn.Conv1d,
                   overrides={"2": {"tile_shape": (4, 4)}, nn.Linear: {"g_on": 5e-5}})
    assert type(chip[1]) is nn.Conv1d
    assert chip[2].config == REAL.replace(tile_shape=(4, 4))
    assert chip[0].config == REAL.replace(g_on=5e-5)
    assert {r.name: r.reason for r in report(chip).layers}["1"] == "not chosen"


def test_a_converted_network_can_be_converted_further():
    torch.manual_seed(7)
    model = nn.Sequential(nn.Linear(4, 4), nn.MultiheadAttention(4, 2), nn.Linear(4, 2))
    first = convert(model, REAL, include="0")
    rows = {row.name: row.reason for row in report(first).layers}
    assert rows["1"] == "not chosen"
    assert rows["1.out_proj"] == "read by the attention layer itself, which is digital"
    second = convert(first, REAL.replace(g_on=5e-5))
    assert [m.config.g_on for m in (second[0], second[1], second[1].out_proj, second[2])] == [
        1e-4, 5e-5, 5e-5, 5e-5]
    with pytest.raises(ParameterError, match=r"no Linear.*left.*on crossbars already"):
        convert(second, REAL)


def test_modules_used_twice_stay_one_and_every_name_of_theirs_chooses_them():
    shared = nn.Linear(4, 4)
    model = nn.ModuleDict({"first": nn.Sequential(shared), "second": shared, "other": nn.Linear(4, 2)})
    chip = convert(model, REAL, include="second")
    assert chip["first"][0] is chip["second"]
    assert isinstance(chip["second"], CrossbarLinear)
    assert type(chip["other"]) is nn.Linear
    assert type(shared) is nn.Linear


def test_tied_weights_stay_tied():
    torch.manual_seed(2)
    model = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 4), nn.Linear(4, 9, bias=False)).double()
    model[2].weight = model[0].weight
    chip = convert(model, CrossbarConfig.ideal((8, 8)))
    assert isinstance(chip[0], CrossbarEmbedding)
    assert chip[2].weight is chip[0].weight
    assert chip[2].weight is not model[2].weight
    index = torch.tensor([1, 8])
    grads = []
    for net in (model, chip):
        net(index).square().sum().backward()
        grads.append(net[0].weight.grad)
    torch.testing.assert_close(grads[0], grads[1], rtol=0, atol=1e-10)


def test_in_place():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    weight = model[0].weight
    assert convert(model, REAL, inplace=True) is model
    assert isinstance(model[0], CrossbarLinear)
    assert model[0].weight is weight
    assert convert(nn.Sequential(model, nn.Linear(4, 1)), REAL)[0][0].weight.equal(weight)


def test_hooks_and_modes_stay():
    model = nn.Sequential(nn.Linear(4, 4).eval(), nn.Dropout())
    calls = []
    model[0].register_forward_hook(lambda *_: calls.append(1))
    model[0].weight.requires_grad_(False)
    chip = convert(model, REAL)
    chip(torch.ones(1, 4))
    assert calls == [1]
    assert not chip[0].training
    assert chip[1].training
    assert not chip[0].weight.requires_grad


def encoder(**options):
    torch.manual_seed(3)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, **options)
    return nn.TransformerEncoder(layer, 2).double().eval()


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")  # torch's own fast path
@pytest.mark.parametrize("exclude", [None, nn.MultiheadAttention, "*.linear?"])
def test_the_fast_path_of_transformers_does_not_bypass_crossbars(exclude):
    model = encoder()
    x = torch.randn(2, 5, 8, dtype=torch.float64)
    padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
    with torch.inference_mode():  # where torch would take it
        digital = model(x, src_key_padding_mask=padding)
        for path in ("matrix", "vectors"):
            ideal = convert(model, CrossbarConfig.ideal((8, 8), path=path), exclude=exclude)
            seen = ran(ideal)
            y = ideal(x, src_key_padding_mask=padding)
            kept = padding.logical_not()
            torch.testing.assert_close(y[kept], digital[kept], rtol=0, atol=1e-10)
            count = {None: 8, nn.MultiheadAttention: 4, "*.linear?": 4}[exclude]
            assert len(seen) == count
            real = convert(model, REAL.replace(path=path), exclude=exclude)
            assert (real(x) - model(x)).abs().max() > 1e-4  # without hooks: those turn it off too


def test_an_attention_layer_alone_in_an_encoder_layer_is_not_bypassed():
    layer = encoder().layers[0]
    real = CrossbarMultiheadAttention.from_digital(layer.self_attn, REAL)
    x = torch.randn(2, 5, 8, dtype=torch.float64)
    with torch.inference_mode():
        before = layer(x)
        layer.self_attn = real
        assert (layer(x) - before).abs().max() > 1e-4


def test_a_transformer_with_decoder():
    torch.manual_seed(4)
    model = nn.Transformer(8, 2, 1, 1, 16, batch_first=True).double().eval()
    chip = convert(model, CrossbarConfig.ideal((8, 8)))
    x, y = torch.randn(2, 5, 8, dtype=torch.float64), torch.randn(2, 4, 8, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(chip(x, y), model(x, y), rtol=0, atol=1e-10)
    assert sum(isinstance(m, CrossbarMultiheadAttention) for m in chip.modules()) == 3


def test_a_converted_network_can_be_saved_and_loaded():
    # MemTorch: AttributeError, its devices cannot be pickled
    torch.manual_seed(5)
    model = nn.ModuleList([nn.Conv2d(1, 2, 3), nn.LSTM(3, 2), nn.MultiheadAttention(4, 2)])
    chip = convert(model, REAL)
    x, sequence = torch.randn(1, 1, 5, 5), torch.randn(4, 1, 3)
    file = io.BytesIO()
    torch.save(chip, file)
    file.seek(0)
    again = torch.load(file, weights_only=False)
    assert isinstance(again[0], CrossbarConv2d)
    assert isinstance(again[1], CrossbarLSTM)
    with torch.no_grad():
        torch.testing.assert_close(again[0](x), chip[0](x), rtol=0, atol=0)
        torch.testing.assert_close(again[1](sequence)[0], chip[1](sequence)[0], rtol=0, atol=0)


def test_trainable_through_the_crossbars():
    # MemTorch: weights without gradients
    torch.manual_seed(6)
    model = nn.Sequential(nn.Conv1d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(24, 2)).double()
    chip = convert(model, REAL.replace(path="vectors"))
    x, target = torch.randn(8, 1, 8, dtype=torch.float64), torch.randint(0, 2, (8,))
    optimiser = torch.optim.SGD(chip.parameters(), lr=0.5)
    losses = []
    for _ in range(6):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(chip(x), target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def monkeyed():
    layer = nn.Linear(2, 2)
    layer.forward = lambda x: x
    return layer


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(("make", "message"), [
    (lambda: convert(nn.Sequential(nn.utils.weight_norm(nn.Linear(2, 2))), REAL), "by hooks"),
    (lambda: convert(nn.Sequential(prune.l1_unstructured(nn.Linear(2, 2), "weight", 1)), REAL),
     "by hooks"),
    (lambda: convert(nn.Sequential(monkeyed()), REAL), "`forward` of its own"),
    (lambda: convert(nn.Sequential(nn.LazyLinear(2)), REAL), "run the model once"),
    (lambda: convert(nn.Sequential(nn.Linear(2, 2, dtype=torch.complex64)), REAL), "complex64"),
    (lambda: convert(nn.Sequential(nn.Embedding(2, 2, max_norm=1.0)), REAL), "max_norm"),
    (lambda: convert(Mixed(), REAL, include="both"), "both factors"),
    (lambda: convert(Mixed(), REAL, include=nn.Bilinear), "both factors"),
    (lambda: convert(Mixed(), REAL, include="heads.b"), "subclass of Linear"),
    (lambda: convert(nn.Sequential(nn.EmbeddingBag(3, 2, sparse=True)), REAL), "sparse"),
    (lambda: convert(Mixed(), REAL, exclude=3), "`exclude`"),
    (lambda: convert(Mixed(), REAL, include=int), "`include`"),
    (lambda: convert(Mixed(), REAL, overrides={"heads.*": 3}), r"`overrides\['heads\.\*'\]` must be a CrossbarConfig"),
    (lambda: convert(Mixed(), REAL, overrides={"nothing": {}}), "matches no layer"),
    (lambda: convert(nn.Linear(2, 2), REAL, inplace=True), "in place"),
    (lambda: convert(nn.Sequential(nn.ConvTranspose1d(1, 1, 2)), REAL.replace(bias="chip")),
     "transposed convolution"),
])
def test_mistakes_are_named(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
