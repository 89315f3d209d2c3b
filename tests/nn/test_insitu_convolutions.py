"""Convolutions trained in place: against torch's, against the linear layer, and learning."""

import copy

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from crossbarsim import ParameterError, Wires
from crossbarsim.devices import Yakopcic
from crossbarsim.nn import report
from crossbarsim.nn.train import (
    GradientPulses,
    InSituConfig,
    InSituConv1d,
    InSituConv2d,
    InSituLinear,
    MixedPrecision,
    PulseResponse,
    in_situ_update,
)

torch.set_num_threads(1)
TABLE = PulseResponse.neurosim(1e-6, 1e-4, 100, 1.0, 1.0)
DEVICES = {"table": TABLE, "compact model": Yakopcic.preset("aguirre_c2")}


def settings(**options):
    return InSituConfig(**{"device": TABLE, "wires": Wires(), "input_range": 2.0, **options})


@pytest.mark.parametrize("device", DEVICES)
def test_without_wires_it_is_torch_s_convolution(device):
    config = settings(device=DEVICES[device])
    mine = InSituConv2d(2, 3, (3, 2), config, stride=(2, 1), padding=(1, 2), dilation=(1, 2))
    x = torch.rand(2, 2, 7, 6, dtype=torch.float64, requires_grad=True)
    y = mine(x)
    bias = 2.0 * mine._weights()[-1]
    given = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}
    torch.testing.assert_close(y, F.conv2d(x, mine.weight, bias, **given), rtol=0, atol=1e-10)
    errors = torch.randn_like(y)
    y.backward(errors)
    mirrored = x.detach().clone().requires_grad_()
    weight = mine.weight.clone().requires_grad_()
    F.conv2d(mirrored, weight, bias, **given).backward(errors)
    torch.testing.assert_close(x.grad, mirrored.grad, rtol=0, atol=1e-10)
    gradient = torch.from_numpy(mine.sample().gradient[:-1].T.reshape(weight.shape))
    torch.testing.assert_close(gradient, weight.grad, rtol=0, atol=1e-9)
    torch.testing.assert_close(mine(x[0]), y[0], rtol=0, atol=1e-12)
    one = InSituConv1d(2, 3, 4, config, bias=False, padding=1)
    z = torch.rand(5, 2, 9, dtype=torch.float64)
    torch.testing.assert_close(one(z), F.conv1d(z, one.weight, padding=1), rtol=0, atol=1e-10)


def test_with_wires_every_window_is_a_read_of_the_linear_layer_s_arrays():
    config = settings(wires=Wires(40.0, 30.0, driver=50.0))
    conv, linear = InSituConv2d(1, 3, 2, config), InSituLinear(4, 3, config)
    x = torch.rand(2, 1, 6, 6, dtype=torch.float64)
    rows = F.unfold(x, 2).mT.reshape(-1, 4)
    many = conv(x).movedim(1, -1).reshape(-1, 3)
    few = torch.cat([linear(part) for part in rows.split(10)])  # solved vector by vector
    torch.testing.assert_close(many, few, rtol=0, atol=1e-10)
    many.square().sum().backward()
    few.square().sum().backward()
    np.testing.assert_allclose(conv.sample().gradient, linear.sample().gradient, atol=1e-8)
    rule = GradientPulses(0.5, rounding="nearest")
    assert in_situ_update(conv, rule) == in_situ_update(linear, rule)
    torch.testing.assert_close(conv.state_positive, linear.state_positive, rtol=0, atol=1e-15)


def test_digits_are_learnt_by_a_convolution_and_a_linear_layer():
    data, labels = load_digits(return_X_y=True)
    x, labels = torch.from_numpy(data / 16.0).reshape(-1, 1, 8, 8), torch.from_numpy(labels)
    model = nn.Sequential(
        InSituConv2d(1, 6, 3, settings(seed=2, initial=0.2), name="conv"), nn.Tanh(), nn.Flatten(),
        InSituLinear(216, 10, settings(seed=2, weight_range=0.5), name="fc"))
    assert not list(model.parameters())
    generator = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(25):
        some = torch.randint(0, 1400, (60,), generator=generator)
        loss = F.cross_entropy(2.0 * model(x[some]), labels[some])
        loss.backward()
        in_situ_update(model, MixedPrecision(0.05))
        losses.append(loss.item())
    assert np.mean(losses[-3:]) < 0.7 * losses[0]
    moved = (model[0].state_positive - InSituConv2d(1, 6, 3, settings(seed=2, initial=0.2), name="conv").state_positive)
    assert (moved.abs() > 0).double().mean() > 0.5  # the convolution learnt, too
    row = report(model).layers[0]
    assert (row.converted, row.arrays, row.used) == (True, 2, 2 * 10 * 6)
    other = copy.deepcopy(model)
    other.load_state_dict(model.state_dict())  # with the rule's digital memory
    torch.testing.assert_close(other[0].memory_chi, model[0].memory_chi)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: InSituConv2d(0, 2, 3, settings()), "`in_channels`"),
    (lambda: InSituConv2d(1, 2, 0, settings()), "`kernel_size`"),
    (lambda: InSituConv2d(1, 2, (3, 3, 3), settings()), "`kernel_size`"),
    (lambda: InSituConv2d(1, 2, 3, settings(), stride=0), "`stride`"),
    (lambda: InSituConv2d(1, 2, 3, settings(), padding=-1), "`padding`"),
    (lambda: InSituConv2d(1, 2, 3, TABLE), "`config`"),
    (lambda: InSituConv2d(1, 2, 3, settings())(torch.ones(1, 2, 8, 8)), r"\(B, 1, H, W\)"),
    (lambda: InSituConv2d(1, 2, 3, settings())(torch.ones(1, 1, 2, 8)), "smaller than the kernel"),
    (lambda: InSituConv2d(1, 2, 3, settings(device=DEVICES["compact model"]))(torch.full((1, 1, 3, 3), 9.0)), "would write"),
])
def test_mistakes_are_named(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
