"""Transformers and other networks of today: all their products on crossbars, or the reason why not."""

import copy
import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations

from crossbarsim import ParameterError, Wires
from crossbarsim.nn import (
    CrossbarConfig,
    CrossbarLayer,
    CrossbarLinear,
    CrossbarTransposedLinear,
    DigitalLayersWarning,
    convert,
    convertible,
    register_layer,
    report,
)
from tests.helpers.networks_of_today import NETWORKS, Conv1D, parametrised

torch.set_num_threads(1)
REAL = CrossbarConfig(wires=Wires(1.0, 1.0), tile_shape=(16, 16))


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(convertible, "_registered", {})
    monkeypatch.setattr(convertible, "_recognised", list(convertible._recognised))


def made(name):
    torch.manual_seed(3)
    make, inputs, layers = NETWORKS[name]
    return make().double().eval(), inputs(), layers


def on_crossbars(model):
    return {name for name, module in model.named_modules() if isinstance(module, CrossbarLayer)}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("tile", [(16, 16), (5, 9)])
def test_ideal_networks_are_torchs(name, tile):
    model, inputs, layers = made(name)
    chip = convert(model, CrossbarConfig.ideal(tile))  # pytest makes warnings errors: nothing stays digital
    assert len(on_crossbars(chip)) == layers
    gradients = []
    for each in (model, chip):
        y = each(*inputs)
        (y * torch.linspace(-1, 1, y.numel()).reshape(y.shape).double()).sum().backward()
        gradients.append((y.detach(), {k: p.grad for k, p in each.named_parameters() if p.grad is not None}))
    (mine, dmine), (theirs, dtheirs) = gradients[1], gradients[0]
    torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-10)
    assert dmine.keys() == dtheirs.keys()
    for key, value in dtheirs.items():
        torch.testing.assert_close(dmine[key], value, rtol=1e-8, atol=1e-10, msg=key)
    assert set(model.state_dict()) <= set(chip.state_dict())


@pytest.mark.parametrize("name", NETWORKS)
def test_wires_change_outputs_a_little_and_the_report_names_every_layer(name):
    model, inputs, _ = made(name)
    chip = convert(model, REAL)
    with torch.no_grad():
        exact, found = model(*inputs), chip(*inputs)
    off = float((found - exact).norm() / exact.norm())
    assert 1e-5 < off < 0.2
    rows = report(chip, inputs).layers
    converted = {row.name for row in rows if row.converted}
    assert converted == on_crossbars(chip)
    assert all(0 < row.output_error < 0.3 for row in rows if row.converted and row.output_error is not None)
    assert not any("parametrizations" in row.name for row in rows)


def test_tied_tables_stay_tied():
    model, inputs, _ = made("gpt2")
    chip = convert(model, REAL)
    assert chip.lm_head.weight is chip.wte.weight
    chip(*inputs).sum().backward()
    assert chip.wte.weight.grad is chip.lm_head.weight.grad


def test_gpt2s_linear_layer_is_known_by_its_shape_not_by_its_package():
    torch.manual_seed(0)
    chip = convert(nn.Sequential(Conv1D(7, 5)), REAL)
    assert type(chip[0]) is CrossbarTransposedLinear
    assert chip[0].nf == 7
    assert chip[0].effective_weights().shape == (7, 5)
    with pytest.raises(ParameterError, match="must be 5"):
        chip(torch.ones(2, 7))

    class Other(nn.Module):
        def __init__(self):
            super().__init__()
            self.nf, self.weight = 7, nn.Parameter(torch.zeros(7, 5))

    Other.__name__ = "Conv1D"  # another one of that name
    with pytest.warns(DigitalLayersWarning, match="'0' \\(Conv1D\\): a module of its own kind"):
        convert(nn.Sequential(Other(), nn.Linear(5, 2)), REAL)


@given(nx=st.integers(1, 12), nf=st.integers(1, 12), batch=st.integers(1, 3), seed=st.integers(0, 99))
def test_transposed_linear_layers_are_torchs(nx, nf, batch, seed):
    torch.manual_seed(seed)
    layer, x = Conv1D(nf, nx).double(), torch.randn(batch, 2, nx, dtype=torch.float64)
    chip = convert(nn.Sequential(layer), CrossbarConfig.ideal((4, 6)))
    torch.testing.assert_close(chip(x), layer(x), rtol=0, atol=1e-11)


# -- parametrised weights ------------------------------------------------------------------------


def test_parametrised_weights_train_and_their_arrays_follow():
    torch.manual_seed(2)
    model = parametrised().double()
    x, y = torch.randn(8, 9, dtype=torch.float64), torch.randn(8, 5, dtype=torch.float64)
    chip = convert(model, CrossbarConfig.ideal((16, 16)))
    losses = []
    for each in (model, chip):
        optimiser = torch.optim.SGD(each.parameters(), lr=0.05)
        each.train()
        for _ in range(4):
            loss = (each(x) - y).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
    assert losses[4:] == pytest.approx(losses[:4], rel=1e-9)
    assert losses[3] < losses[0]


def test_conversion_changes_nothing_of_parametrised_layers():
    torch.manual_seed(2)
    model = parametrised().train()  # where torch's spectral norm changes with every look at the weight
    before = copy.deepcopy(model.state_dict())
    chip = convert(model, REAL)
    for state in (model.state_dict(), chip.state_dict()):
        for key, value in before.items():
            assert torch.equal(state[key], value), key
    assert all(module.training for module in chip.modules())
    twin = convert(parametrised(), REAL)
    twin.load_state_dict(chip.state_dict())
    x = torch.randn(2, 9)
    assert torch.equal(twin.eval()(x), chip.eval()(x))
    assert torch.equal(copy.deepcopy(chip)(x), chip(x))


def test_parametrised_layers_are_converted_in_place():
    torch.manual_seed(2)
    model = parametrised().eval()
    x = torch.randn(2, 9)
    exact = model(x)
    assert convert(model, CrossbarConfig.ideal((16, 16)), inplace=True) is model
    assert len(on_crossbars(model)) == 4
    torch.testing.assert_close(model(x), exact, rtol=1e-5, atol=1e-5)


# -- layers of one's own -------------------------------------------------------------------------


class OnlyMade(nn.Linear):
    """A linear layer that starts otherwise."""

    def __init__(self, inputs, outputs, gain=1.0):
        super().__init__(inputs, outputs)
        self.gain = gain
        nn.init.xavier_uniform_(self.weight, gain)

    def extra_repr(self):
        return f"gain={self.gain}"


class MergedLora(nn.Linear):
    """loralib's: a subclass with a forward of its own."""

    def __init__(self, inputs, outputs, rank=2):
        super().__init__(inputs, outputs)
        self.lora_A, self.lora_B = nn.Parameter(torch.randn(rank, inputs)), nn.Parameter(torch.randn(outputs, rank))

    def forward(self, x):
        return super().forward(x) + x @ self.lora_A.T @ self.lora_B.T


class CrossbarLora(CrossbarLayer, MergedLora):
    def _matrices(self):
        yield "crossbars", self.weight + self.lora_B @ self.lora_A, self.bias, 1

    def forward(self, x):
        crossbars, weight, bias = next(self.stored_matrices())
        return crossbars(x.unsqueeze(1), weight, bias).squeeze(1)


def test_subclasses_that_are_only_made_otherwise_are_converted():
    torch.manual_seed(0)
    model = nn.Sequential(OnlyMade(5, 4, 0.5))
    chip = convert(model, CrossbarConfig.ideal())
    assert type(chip[0]) is CrossbarLinear
    assert chip[0].gain == 0.5
    x = torch.randn(3, 5)
    torch.testing.assert_close(chip(x), model(x))


@pytest.mark.usefixtures("registry")
def test_registered_layers_are_converted_by_type_and_by_look():
    torch.manual_seed(0)
    model = nn.Sequential(MergedLora(6, 4), nn.Linear(4, 3)).double()
    with pytest.warns(DigitalLayersWarning, match=r"1 of .*'0' \(MergedLora\): a subclass of Linear"):
        convert(model, REAL)
    register_layer(MergedLora, CrossbarLora)
    x = torch.randn(3, 6, dtype=torch.float64)
    chip = convert(model, CrossbarConfig.ideal())
    assert type(chip[0]) is CrossbarLora
    torch.testing.assert_close(chip(x), model(x), rtol=0, atol=1e-10)
    register_layer(lambda module: hasattr(module, "gain"), CrossbarLinear)
    assert type(convert(nn.Sequential(OnlyMade(2, 2)), REAL)[0]) is CrossbarLinear


@pytest.mark.parametrize(("kind", "layer", "message"), [
    (MergedLora, nn.Linear, "`layer` must be a type of CrossbarLayer"),
    (MergedLora, "CrossbarLinear", "`layer` must be a type of CrossbarLayer"),
    (int, CrossbarLinear, "`kind` must be a type of digital"),
    (CrossbarLinear, CrossbarLinear, "`kind` must be a type of digital"),
    ("Linear", CrossbarLinear, "`kind` must be a type of torch.nn.Module, or a function"),
])
@pytest.mark.usefixtures("registry")
def test_wrong_registrations_are_refused(kind, layer, message):
    with pytest.raises(ParameterError, match=message):
        register_layer(kind, layer)


# -- what stays digital is told -------------------------------------------------------------------


class Matrices(nn.Module):
    """A layer of weights of its own."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.eye(4))

    def forward(self, x):
        return x @ self.weight


def test_layers_that_stay_digital_are_warned_of_unless_that_is_meant():
    model = nn.Sequential(Matrices(), nn.LayerNorm(4), nn.Linear(4, 4), *[MergedLora(4, 4) for _ in range(9)])
    with pytest.warns(DigitalLayersWarning) as told:
        convert(model, REAL)
    text = str(told[0].message)
    assert "10 of the layers" in text
    assert "'0' (Matrices): a module of its own kind" in text
    assert "2 more" in text
    assert "LayerNorm" not in text
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        convert(model, REAL, exclude=["0", MergedLora])
        convert(model, REAL, include="2")
    with pytest.raises(ParameterError, match="matches no layer"):
        convert(model, REAL, exclude="nothing")


def test_weights_by_hooks_are_refused_with_what_to_do():
    with pytest.warns(FutureWarning):
        model = nn.Sequential(nn.utils.weight_norm(nn.Linear(2, 2)))
    with pytest.raises(ParameterError, match="take torch's parametrizations instead"):
        convert(model, REAL)
    assert on_crossbars(convert(nn.Sequential(parametrizations.weight_norm(nn.Linear(2, 2))), REAL)) == {"0"}
