"""Batch normalisations folded into the layers before them."""

import pytest
import torch
from torch import nn

from crossbarsim import ParameterError
from crossbarsim.nn import CrossbarConfig, CrossbarLayer, convert
from crossbarsim.nn.batchnorm_folding import FoldedBatchNorm, fold_batchnorm

torch.set_num_threads(1)


def lively(model):
    """Give normalisations statistics, scales and shifts, as training would."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._NormBase):
            if module.running_mean is not None:
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2.0)
            if module.affine:
                nn.init.uniform_(module.weight, -2.0, 2.0)
                nn.init.normal_(module.bias)
    return model.double().eval()


def norms(model):
    return [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


@pytest.mark.parametrize(("layer", "norm", "shape"), [
    (nn.Linear(3, 4), nn.BatchNorm1d(4), (5, 3)),
    (nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4, affine=False), (5, 3)),
    (nn.Conv1d(3, 4, 2), nn.BatchNorm1d(4), (5, 3, 6)),
    (nn.Conv2d(4, 6, 3, groups=2, bias=False), nn.BatchNorm2d(6, eps=0.1), (2, 4, 5, 5)),
    (nn.Conv3d(2, 3, 2), nn.BatchNorm3d(3), (2, 2, 4, 4, 4)),
    (nn.ConvTranspose1d(3, 4, 2), nn.BatchNorm1d(4), (5, 3, 6)),
    (nn.ConvTranspose2d(4, 6, 3, groups=2), nn.BatchNorm2d(6), (2, 4, 5, 5)),
    (nn.ConvTranspose3d(2, 3, 2, bias=False), nn.BatchNorm3d(3), (2, 2, 3, 3, 3)),
], ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None)
def test_every_pair(layer, norm, shape):
    model = lively(nn.Sequential(layer, norm, nn.Tanh()))
    folded = fold_batchnorm(model)
    x = torch.randn(shape, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(folded(x), model(x), rtol=0, atol=1e-12)
    assert not norms(folded)
    assert norms(model)
    assert isinstance(folded[1], FoldedBatchNorm)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.bn2, self.conv2 = nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return x + self.conv2(self.bn2(y))  # bn2 comes before its layer: stays


class Branching(Residual):
    def forward(self, x):
        if x.sum() > 0:  # cannot be traced
            return super().forward(x)
        return self.conv1(x)


def test_tracing_finds_pairs_by_use_not_by_place():
    model = lively(nn.Sequential(Residual(), Residual()))
    folded = fold_batchnorm(model)
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(folded(x), model(x), rtol=0, atol=1e-12)
    assert isinstance(folded[0].bn1, FoldedBatchNorm)
    assert isinstance(folded[1].bn2, nn.BatchNorm2d)


def test_parts_that_cannot_be_traced_are_folded_by_adjacency_alone():
    model = lively(nn.Sequential(
        Branching(), nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.ReLU()),
    ))
    folded = fold_batchnorm(model)
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    with torch.no_grad():
        for sign in (1, -1):
            y = sign * x.abs()
            torch.testing.assert_close(folded(y), model(y), rtol=0, atol=1e-12)
    assert isinstance(folded[1][1], FoldedBatchNorm)
    assert isinstance(folded[0].bn1, nn.BatchNorm2d)


def test_a_block_used_twice_is_folded_once():
    block = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    model = lively(nn.Sequential(block, nn.Tanh(), block))
    folded = fold_batchnorm(model)
    x = torch.randn(4, 3, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(folded(x), model(x), rtol=0, atol=1e-12)
    assert folded[0][1] is folded[2][1]


class Twice(nn.Module):
    """A layer whose output, or whose weight, also goes elsewhere."""

    def __init__(self, weight):
        super().__init__()
        self.layer, self.norm, self.weight = nn.Linear(3, 3), nn.BatchNorm1d(3), weight

    def forward(self, x):
        y = self.layer(x)
        other = nn.functional.linear(x, self.layer.weight) if self.weight else y
        return self.norm(y) + other


def tied():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 3))
    model[2].weight = model[0].weight
    return model


def hooked():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    model[0].register_forward_hook(lambda *_: None)
    return model


def lone():
    shared = nn.Linear(3, 3)
    return nn.Sequential(shared, nn.BatchNorm1d(3), shared)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Twice(weight=False), "alone feeds it"),
    (lambda: Twice(weight=True), "alone feeds it"),
    (tied, "tied"),
    (hooked, "hooks"),
    (lone, "alone feeds it"),
    (lambda: nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3, track_running_stats=False)),
     "no running statistics"),
    (lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)),
                           nn.BatchNorm1d(3)), "alone feeds it"),
    (lambda: nn.Sequential(nn.Linear(3, 3)), "there is none"),
    (lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(3)), "3 channels, the layer 4"),
])
def test_what_is_not_proven_is_not_folded(make, message):
    with pytest.raises(ParameterError, match=message):
        fold_batchnorm(make().eval())


def test_training_mode_is_refused():
    with pytest.raises(ParameterError, match="training mode"):
        fold_batchnorm(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)))


def test_other_axes_are_refused_when_they_come():
    # (B, L, C) with L = C: BatchNorm1d takes the second axis as channels, the layer the last
    model = lively(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)))
    model(torch.ones(2, 3, 3, dtype=torch.float64))
    with pytest.raises(ParameterError, match="one of 2 axes"):
        fold_batchnorm(model)(torch.ones(2, 3, 3, dtype=torch.float64))


def test_convert_folds_when_asked():
    model = lively(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(),
                                 nn.Linear(36, 3), nn.BatchNorm1d(3)))
    x = torch.randn(2, 1, 5, 5, dtype=torch.float64)
    chip = convert(model, CrossbarConfig.ideal((16, 16)), fold=True)
    with torch.no_grad():
        torch.testing.assert_close(chip(x), model(x), rtol=0, atol=1e-10)
    assert not norms(chip)
    assert sum(isinstance(m, CrossbarLayer) for m in chip.modules()) == 2
    assert len(norms(model)) == 2
