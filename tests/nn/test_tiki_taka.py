"""Rules that gather gradients before they write: Tiki-Taka and mixed precision."""

import copy

import numpy as np
import pytest
import torch

from crossbarsim import ParameterError, Wires
from crossbarsim.devices import Yakopcic
from crossbarsim.nn.train import (
    InSituConfig,
    InSituLinear,
    MixedPrecision,
    PulseResponse,
    Sample,
    StochasticPulses,
    TikiTaka,
    TikiTakaV2,
    in_situ_update,
)

torch.set_num_threads(1)
RNG = np.random.default_rng(0)
INPUTS = torch.from_numpy(RNG.uniform(-1, 1, (400, 6)))
TRUTH = torch.from_numpy(RNG.uniform(-0.6, 0.6, (3, 6)))  # root mean square 0.34
NOISE = 0.3  # of the targets: gradients never stop


def soft(states, **options):
    """Soft bounds: asymmetric everywhere but in the middle."""
    return PulseResponse.linear_step(1e-6, 1e-4, 0.99e-4 / states, **options)


def layer(device, seed=0, **options):
    config = InSituConfig(**{"device": device, "wires": Wires(), "g_min": 1e-6, "g_max": 1e-4, "seed": seed, **options})
    return InSituLinear(6, 3, config, bias=False)


def trained(rule, device, updates, *, seed=0, update=None):
    """Root mean square of the weights' error over the last fifth of updates, one sample each."""
    mine = layer(device, seed)
    update = update or (lambda: in_situ_update(mine, rule))
    rng, errors = np.random.default_rng(seed), []
    for k in range(updates):
        x = INPUTS[rng.integers(400, size=1)]
        target = x @ TRUTH.T + NOISE * torch.from_numpy(rng.normal(size=(1, 3)))
        (0.5 * (mine(x) - target).square().sum()).backward()
        update()
        if k >= 0.8 * updates:
            errors.append((mine.weight - TRUTH).square().mean().item())
    return float(np.sqrt(np.mean(errors)))


@pytest.mark.slow
def test_tiki_taka_ends_lower_than_plain_pulses_on_an_asymmetric_device():
    # Gokmen and Haensch 2020: plain pulses end where the decay that noise drives balances the gradient
    device = soft(500)
    plain = min(trained(StochasticPulses(rate), device, 700) for rate in (0.02, 0.1))
    assert trained(TikiTaka(0.1, 0.02, zero_shift=40), device, 700) < 0.65 * plain


@pytest.mark.slow
def test_the_claim_holds_for_other_chips():
    device = soft(500, cycle_spread=0.3, step_spread=0.1)
    for seed in (1, 2, 3):
        plain = trained(StochasticPulses(0.02), device, 1000, seed=seed)
        assert trained(TikiTaka(0.1, 0.02), device, 1000, seed=seed) < 0.75 * plain


@pytest.mark.slow
def test_few_states_do_with_the_buffer_of_version_2():
    # Gokmen 2021: where a step is as large as what is left to learn, version 1 moves the weights for
    # every noisy read; version 2 waits until the buffer's mean is worth a step
    device = soft(10)  # a step is 0.2, the weights are 0.34
    for seed in (1, 2):
        first = min(trained(TikiTaka(rate, transfer), device, 1000, seed=seed)
                    for rate, transfer in ((0.2, 0.01), (0.05, 0.02)))
        assert trained(TikiTakaV2(0.2, 0.01), device, 1000, seed=seed) < 0.75 * first


def test_the_fast_array_starts_at_its_symmetry_point():
    # soft bounds with steps up a half larger: equal steps where 1.5 (1 - w) = 0.5 (1 + w), w = 0.5
    device = soft(50, up_down=0.5, step_spread=0.2)
    mine = layer(device, gradient="outer")
    mine(INPUTS[:4]).square().sum().backward()
    in_situ_update(mine, TikiTaka(1e-9, 1e-9, zero_shift=100))
    g = mine.memory_positive[0].numpy()
    np.testing.assert_allclose(g, 1e-6 + 0.75 * 0.99e-4, atol=2e-6)
    assert float(mine.updates) == 1
    steps = device.steps(float(g.mean()))
    assert steps[0] == pytest.approx(-steps[1], rel=0.1)


def test_lines_of_the_fast_array_are_carried_over_one_by_one():
    mine = layer(soft(100))
    mine(INPUTS[:1]).sum().backward()
    in_situ_update(mine, TikiTakaV2(1e-9, 1.0, zero_shift=2, every=2))
    # 0.3 into the first output's weights of the fast array
    fast = mine._fast
    states = fast._states = mine._fast_states(fast)
    g = np.stack(states)
    g[0, 0, :, 0] += 0.3 * 0.99e-4
    mine.memory_positive = torch.from_numpy(g[0])
    before = mine.weight.clone()
    for update in range(1, 13):
        mine(INPUTS[:1]).sum().backward()
        in_situ_update(mine, TikiTakaV2(1e-9, 0.1, zero_shift=2, every=2))
        moved = (mine.weight - before).abs() > 1e-4
        lines = set(torch.nonzero(moved)[:, 1].tolist())
        assert lines == set(range((update + 1) // 2)) & lines
        assert not moved[1:].any()
    # 0.03 to the buffer of every line once, a step is 0.02: one pulse each, the rest stays
    assert moved[0].all()
    np.testing.assert_allclose(mine.memory_buffer[:, 0], 0.1 * 0.3 - mine.config.step, atol=3e-3)


def test_gamma_adds_the_fast_array_to_reads_and_gradients_of_inputs():
    mine = layer(soft(100), wires=Wires(20.0, 20.0))
    for _ in range(5):
        mine(INPUTS[:5]).square().sum().backward()
        in_situ_update(mine, TikiTaka(0.5, 0.01, gamma=0.5, zero_shift=10))
    slow = mine.pair.weights(mine.states())
    fast = mine._fast.weights(mine._fast_states(mine._fast)) - mine.memory_reference.numpy()
    np.testing.assert_allclose(mine.weight.numpy().T, slow + 0.5 * fast, atol=1e-12)
    x = INPUTS[:3].clone().requires_grad_()
    y = mine(x)
    assert (y - x @ mine.weight.T).abs().max() < 0.1
    y.sum().backward()
    with torch.no_grad():
        step = torch.zeros_like(x)
        step[1, 2] = 1e-5
        slope = (mine(INPUTS[:3] + step) - mine(INPUTS[:3] - step)).sum() / 2e-5
    assert x.grad[1, 2].item() == pytest.approx(slope.item(), rel=1e-5)


def test_what_rules_keep_is_saved_with_the_layer():
    rule = TikiTakaV2(0.2, 0.2, zero_shift=5)
    mine, other = layer(soft(50, cycle_spread=0.5)), layer(soft(50, cycle_spread=0.5))
    for _ in range(3):
        mine(INPUTS[:5]).square().sum().backward()
        in_situ_update(mine, rule)
    other.load_state_dict(mine.state_dict())
    copied = copy.deepcopy(mine)
    for one in (mine, other, copied):
        one(INPUTS[:5]).square().sum().backward()
        in_situ_update(one, rule)
    for name, value in mine.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, rtol=0, atol=0)
        torch.testing.assert_close(copied.state_dict()[name], value, rtol=0, atol=0)
    fresh = layer(soft(50))
    mine.load_state_dict(fresh.state_dict())  # and forgotten with it
    assert not [n for n in mine.state_dict() if n.startswith("memory")]
    assert mine.array_shapes[:2] == ((6, 3), (6, 3))


def test_mixed_precision_is_gradient_descent_to_a_step():
    device = PulseResponse.linear_step(1e-6, 1e-4, 0.99e-4 / 100, gamma_up=0.0, gamma_down=0.0)
    mine = layer(device)
    weight, x = mine.weight.clone(), INPUTS[:50]
    for _ in range(60):
        error = mine(x) - x @ TRUTH.T
        (0.5 * error.square().sum(1).mean()).backward()
        in_situ_update(mine, MixedPrecision(0.3))
        weight -= 0.3 * (x @ (weight - TRUTH).T).T @ x / 50
    assert (weight - TRUTH).abs().max() < 0.05  # float64 has learnt
    assert (mine.weight - weight).abs().max() < mine.config.step
    chi = mine.memory_chi
    assert chi.abs().max() < mine.config.step


def test_mixed_precision_keeps_what_is_less_than_a_step():
    memory = {}
    gradient = np.array([[0.31, -0.055, 0.0, 5.0]])
    pulses = [
        np.subtract(*MixedPrecision(0.1, most=3).counts(Sample(gradient, np.ones((1, 1)), gradient, 0.1, memory), RNG))
        for _ in range(20)
    ]
    np.testing.assert_array_equal(np.sum(pulses, axis=0), [[-6, 1, 0, -60]])
    np.testing.assert_allclose(memory["chi"], [[-0.02, 0.01, 0.0, -4.0]], atol=1e-9)


def test_update_management_shares_the_probabilities_and_shortens_streams():
    rng = np.random.default_rng(0)
    x, errors = rng.uniform(-1, 1, (3, 6)), 1e-3 * rng.uniform(-1, 1, (3, 5))
    sample = Sample(x.T @ errors, x, errors, step=2e-4)
    rule = StochasticPulses(0.1, length=31, managed=True)
    p, q, lengths = rule._scaled(sample)
    np.testing.assert_allclose(np.abs(p).max(axis=1), np.abs(q).max(axis=1), rtol=1e-12)
    wish = 0.1 * np.abs(x).max(axis=1) * np.abs(errors).max(axis=1) / 2e-4
    np.testing.assert_array_equal(lengths, np.ceil(wish))
    mean = np.mean([np.subtract(*rule.counts(sample, rng)) for _ in range(4000)], axis=0)
    np.testing.assert_allclose(2e-4 * mean, -0.1 * x.T @ errors, atol=1.5e-5)
    silent = Sample(0 * sample.gradient, 0 * x, errors, 2e-4)
    assert not np.any(rule.counts(silent, rng))


def test_a_compact_model_learns_by_tiki_taka_and_mixed_precision():
    device = Yakopcic.preset("aguirre_c2")
    for rule, least in ((TikiTakaV2(0.3, 0.5, zero_shift=3, reads=6), 0.8), (MixedPrecision(0.3), 0.1)):
        mine = InSituLinear(6, 3, InSituConfig(device=device, wires=Wires(1.0, 1.0)), bias=False)
        losses = []
        for _ in range(15):
            loss = (mine(INPUTS[:50]) - INPUTS[:50] @ TRUTH.T).square().sum(1).mean()
            loss.backward()
            in_situ_update(mine, rule)
            losses.append(loss.item())
        assert losses[-1] < least * losses[0], rule


@pytest.mark.parametrize(("make", "message"), [
    (lambda: TikiTaka(0.0, 1.0), "`rate`"), (lambda: TikiTaka(1.0, -1.0), "`transfer_rate`"),
    (lambda: TikiTaka(1.0, 1.0, every=0), "`every`"), (lambda: TikiTaka(1.0, 1.0, gamma=-1.0), "`gamma`"),
    (lambda: TikiTaka(1.0, 1.0, zero_shift=0), "`zero_shift`"), (lambda: TikiTakaV2(1.0, 1.0, momentum=1.0), "`momentum`"),
    (lambda: TikiTakaV2(1.0, 1.0, threshold=0.0), "`threshold`"), (lambda: TikiTakaV2(1.0, 1.0, most=0), "`most`"),
    (lambda: MixedPrecision(-1.0), "`rate`"), (lambda: MixedPrecision(1.0, momentum=1.0), "`momentum`"),
    (lambda: StochasticPulses(1.0, managed=1), "`managed`"),
    (lambda: in_situ_update(layer(soft(9)), "sgd"), "`rule`"),
])
def test_mistakes_are_named(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
