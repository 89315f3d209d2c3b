"""Training with matrices that follow the weights between exact reductions."""

import numpy as np
import pytest
import torch
from torch import nn

from crossbarsim import Wires
from crossbarsim.core.errors import ParameterError
from crossbarsim.nn import CrossbarConfig, calibrate, convert
from crossbarsim.nn.train import lazy_matrices, weight_noise

X = torch.from_numpy(np.random.default_rng(0).random((16, 24)))
Y = torch.from_numpy(np.random.default_rng(1).integers(0, 5, 16))


def network(**options):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(24, 20), nn.ReLU(), nn.Linear(20, 5)).double()
    return convert(model, CrossbarConfig(tile_shape=(16, 16), wires=Wires(20.0, 20.0), **options))


def trained(chip, passes, lr=0.05):
    descent = torch.optim.SGD(chip.parameters(), lr=lr)
    losses = []
    for _ in range(passes):
        descent.zero_grad()
        loss = nn.functional.cross_entropy(chip(X), Y)
        loss.backward()
        descent.step()
        losses.append(loss.item())
    return losses


def gradients(chip):
    chip.zero_grad()
    nn.functional.cross_entropy(chip(X), Y).backward()
    return torch.cat([p.grad.flatten() for p in chip.parameters()])


def test_every_pass_exact_is_what_training_is_without():
    plain, lazy = network(), network()
    with lazy_matrices(lazy, every=1) as done:
        assert trained(lazy, 6) == trained(plain, 6)
    assert done.saved == 0.0
    assert all(len(held.errors) == 5 for held in done.layers.values())


@pytest.mark.slow
def test_training_follows_the_exact_one_within_the_error_it_tells():
    plain, lazy = network(), network()
    exact = trained(plain, 60)
    with lazy_matrices(lazy, every=8, rtol=1e-3) as done:
        followed = trained(lazy, 60)
    assert 0.0 < done.worst < 3e-3  # an interval is halved only after it was too long
    assert done.saved > 0.6
    assert exact[-1] < 0.9 * exact[0]
    assert np.allclose(followed, exact, rtol=3e-3)
    # outside, all is exact again
    for mine, other in zip(lazy.parameters(), plain.parameters(), strict=True):
        mine.data.copy_(other.data)
    assert torch.equal(lazy(X), plain(X))


def test_the_error_told_is_the_one_made():
    chip = network()
    held_layers = [m for m in chip.modules() if hasattr(m, "stored_matrices")]
    with lazy_matrices(chip, every=4, rtol=1.0) as done:
        for _ in range(2):
            gradients(chip)  # reduced, with no change: the error is nothing, the interval doubles
        with torch.no_grad():
            for p in chip.parameters():
                p.add_(0.05 * torch.randn_like(p))
        (crossbars, _, _), = held_layers[0].stored_matrices()
        weight, bias = held_layers[0].weight, held_layers[0].bias
        followed = crossbars.effective(weight, bias)[0].detach()
    exact = crossbars.effective(weight, bias)[0].detach()
    off = float((followed - exact).norm() / exact.norm())
    assert 1e-6 < off < 0.05
    assert all(held.reductions == 2 for held in list(done.layers.values())[1:])
    assert all(held.errors == [pytest.approx(0.0, abs=1e-12)] for held in done.layers.values())


def test_gradients_in_between_are_near_the_exact_ones():
    plain, lazy = network(), network()
    with lazy_matrices(lazy, every=4, rtol=1.0):
        for _ in range(2):
            gradients(lazy)
        for a, b in zip(plain.parameters(), lazy.parameters(), strict=True):
            step = 0.01 * torch.randn_like(a)
            with torch.no_grad():
                a.add_(step)
                b.add_(step)
        near = gradients(lazy)
    exact = gradients(plain)
    assert not torch.equal(near, exact)
    assert float((near - exact).norm() / exact.norm()) < 0.1


def test_noise_is_followed_too():
    plain, lazy = network(), network()
    with weight_noise(plain, 0.03, seed=4):
        exact = trained(plain, 20)
    with weight_noise(lazy, 0.03, seed=4), lazy_matrices(lazy, every=8, rtol=0.1) as done:
        followed = trained(lazy, 20)
    assert done.saved > 0.5
    assert done.worst < 0.1
    assert np.allclose(followed, exact, rtol=0.02)


def test_large_errors_bring_exact_passes_back():
    lazy = network()
    with lazy_matrices(lazy, every=16, rtol=1e-12) as done:
        trained(lazy, 8)
    assert done.saved == 0.0


def test_passes_without_gradient_are_exact():
    plain, lazy = network(), network()
    with lazy_matrices(lazy, every=100, rtol=1.0):
        trained(lazy, 5, lr=1.0)
        for mine, other in zip(plain.parameters(), lazy.parameters(), strict=True):
            mine.data.copy_(other.data)
        with torch.no_grad():
            assert torch.allclose(lazy(X), plain(X), rtol=1e-10)  # vectors or matrices


def test_bad_input():
    chip = network()
    for options, message in (
        ({"every": 0}, "`every`"), ({"every": 2.5}, "`every`"), ({"rtol": 0.0}, "`rtol`"),
        ({"rtol": float("nan")}, "`rtol`"),
    ):
        with pytest.raises(ParameterError, match=message), lazy_matrices(chip, **options):
            pass
    with pytest.raises(ParameterError, match="no crossbar layers"), lazy_matrices(nn.Linear(2, 2)):
        pass
    with lazy_matrices(chip), pytest.raises(ParameterError, match="inside"), lazy_matrices(chip):
        pass
    assert all(c.chip.held is None for m in chip.modules() if hasattr(m, "stored_matrices")
               for c, _, _ in m.stored_matrices())


def test_networks_with_converters_are_followed_too():
    from crossbarsim.periphery import ADC, DAC, Periphery

    options = {"periphery": Periphery(dac=DAC(bits=8), adc=ADC(bits=8))}
    plain, lazy = network(**options), network(**options)
    for chip in (plain, lazy):
        calibrate(chip, [X])
        chip.train()
    exact = trained(plain, 20)
    with lazy_matrices(lazy, every=8) as done:
        followed = trained(lazy, 20)
    assert done.saved > 0.4
    assert np.allclose(followed, exact, rtol=0.02)
