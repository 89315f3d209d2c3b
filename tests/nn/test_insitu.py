"""Layers whose weights are states of devices, trained in place by pulses."""

import copy

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from crossbarsim import Crossbar, ParameterError, Solver, Wires
from crossbarsim.devices import VTEAM, Ohmic, StanfordPKU, Yakopcic
from crossbarsim.nn import report
from crossbarsim.nn.train import (
    GradientPulses,
    InSituConfig,
    InSituLinear,
    Manhattan,
    Sample,
    StochasticPulses,
    UpdatePulses,
    in_situ_update,
)
from crossbarsim.programming import PulseTrain, write

torch.set_num_threads(1)
DEVICE = Yakopcic.preset("aguirre_c2")


def in_place(inputs, outputs, device=DEVICE, *, bias=True, name="", **options):
    return InSituLinear(
        inputs, outputs, InSituConfig(device=device, **options), bias=bias, name=name
    )


def normal(*shape, **options):
    """Normal numbers, within what a device's read voltage allows."""
    return torch.randn(shape, dtype=torch.float64).clamp(-2.9, 2.9).requires_grad_(bool(options))


def layer(**options):
    return in_place(4, 3, **{"wires": Wires(40.0, 30.0, driver=50.0), **options})


def test_output_is_the_difference_of_two_solved_arrays():
    mine = layer(input_range=2.0, weight_range=1.5)
    x = normal(5, 4)
    volts = np.concatenate([x.numpy() / 2.0, np.ones((5, 1))], axis=1) * 0.1
    plus, minus = (
        Solver(method="mna").solve(
            Crossbar(DEVICE.conductance(state), Wires(40.0, 30.0, driver=50.0)), volts
        ).currents for state in mine.states()
    )
    expected = (plus - minus) / 0.1 * 2.0 * 1.5 / mine.config.span
    with torch.no_grad():
        np.testing.assert_allclose(mine(x).numpy(), expected, rtol=0, atol=1e-10)
    digital = x @ mine.weight.T + mine._weights()[-1] * 2.0
    assert (digital - torch.from_numpy(expected)).abs().max() > 1e-3
    ideal = layer(input_range=2.0, weight_range=1.5, wires=Wires())
    with torch.no_grad():
        torch.testing.assert_close(ideal(x), digital, rtol=0, atol=1e-10)


def test_errors_reach_the_inputs_by_the_transposed_read():
    mine = layer()
    x = normal(2, 4, requires_grad=True)
    errors = normal(2, 3)
    mine(x).backward(errors)
    plus, minus = mine.transposed_read(errors.numpy())  # volt for errors
    back = (plus - minus) * mine.config.weight_range / mine.config.span
    np.testing.assert_allclose(back[:, :4], x.grad.numpy(), rtol=0, atol=1e-9)


def test_gradient_by_cells_is_that_of_finite_differences_and_by_lines_the_outer_product():
    x = normal(6, 4)
    errors = normal(6, 3)
    mine = layer()
    mine(x).backward(errors)
    exact = mine.sample()
    for polarity, cell in (("state_positive", (0, 1, 2)), ("state_negative", (0, 4, 0))):
        totals = []
        before = getattr(mine, polarity).clone()
        for step in (1e-5, -1e-5):
            moved = before.clone()
            moved[cell] += step
            setattr(mine, polarity, moved)
            with torch.no_grad():
                totals.append((mine(x) * errors).sum().item())
        setattr(mine, polarity, before)
        slope = (totals[0] - totals[1]) / 2e-5
        by_cells = mine._by_cells[0][0 if polarity == "state_positive" else 1]
        siemens = DEVICE.conductance_slope(before.numpy())[cell[1:]]
        assert by_cells[cell[1:]].item() * siemens == pytest.approx(slope, rel=1e-5)
    outer = layer(gradient="outer")
    outer(x).backward(errors)
    ones = torch.cat([x, torch.ones(6, 1, dtype=torch.float64)], dim=1)
    np.testing.assert_allclose(outer.sample().gradient, (ones.T @ errors).numpy(), atol=1e-10)
    assert np.abs(outer.sample().gradient - exact.gradient).max() > 1e-3
    free = layer(wires=Wires())
    free(x).backward(errors)
    np.testing.assert_allclose(free.sample().gradient, outer.sample().gradient, atol=1e-10)


RULES = [Manhattan(), GradientPulses(0.1), StochasticPulses(0.1)]


@pytest.fixture(scope="module")
def digits():
    data, labels = load_digits(return_X_y=True)
    return torch.from_numpy(data / 16.0), torch.from_numpy(labels)


@pytest.mark.parametrize("rule", RULES,
                         ids=["manhattan", "gradient", "stochastic"])
def test_digits_are_learnt_in_place(digits, rule):
    data, labels = digits
    mine = in_place(64, 10, wires=Wires(2.0, 2.0), gradient="outer")
    assert not list(mine.parameters())
    generator = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(20):
        some = torch.randint(0, 1400, (100,), generator=generator)
        loss = nn.functional.cross_entropy(4.0 * mine(data[some]), labels[some])
        loss.backward()
        in_situ_update(mine, rule)
        losses.append(loss.item())
    assert np.mean(losses[-3:]) < 0.4 * losses[0]
    with torch.no_grad():
        assert (mine(data[1400:]).argmax(1) == labels[1400:]).double().mean() > 0.6
    other = in_place(64, 10, wires=Wires(2.0, 2.0), seed=9)
    other.load_state_dict(mine.state_dict())  # the states are all that was learnt
    with torch.no_grad():
        torch.testing.assert_close(other(data[:5]), mine(data[:5]), rtol=0, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=["manhattan", "gradient", "stochastic"])
def test_digits_are_learnt_well(digits, rule):
    data, labels = digits
    mine = in_place(64, 10, wires=Wires(2.0, 2.0), spread={"a_p": 0.1, "a_n": 0.1})
    generator = torch.Generator().manual_seed(0)
    for _ in range(150):
        some = torch.randint(0, 1400, (100,), generator=generator)
        nn.functional.cross_entropy(4.0 * mine(data[some]), labels[some]).backward()
        in_situ_update(mine, rule)
    with torch.no_grad():
        assert (mine(data[1400:]).argmax(1) == labels[1400:]).double().mean() > 0.82


def test_a_linear_map_is_learnt_by_another_device():
    torch.manual_seed(2)
    truth = torch.rand(2, 4, dtype=torch.float64) - 0.5
    x = normal(40, 4)
    mine = in_place(4, 2, VTEAM.preset("magic"), bias=False, wires=Wires(0.5, 0.5))
    losses = []
    for _ in range(25):
        loss = (mine(x) - x @ truth.T).square().mean()
        loss.backward()
        in_situ_update(mine, GradientPulses(0.2))
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]


def test_a_hidden_layer_learns_through_the_one_above():
    torch.manual_seed(3)
    x = normal(60, 3)
    target = (x[:, 0] * x[:, 1] > 0).long()  # no linear map does it
    model = nn.Sequential(
        in_place(3, 12, weight_range=3.0, initial=0.2, name="a", seed=1), nn.Tanh(),
        in_place(12, 2, weight_range=3.0, initial=0.2, name="b", seed=1),
    )
    losses = []
    for _ in range(40):
        loss = nn.functional.cross_entropy(model(x), target)
        loss.backward()
        record = in_situ_update(model, GradientPulses(1.0))
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    assert record.most <= 31


def test_manhattan_gives_every_device_one_pulse_at_most_and_weights_follow():
    mine = layer(wires=Wires())
    x = normal(3, 4)
    before = mine.weight.clone()
    mine(x).square().sum().backward()
    gradient = torch.from_numpy(mine.sample().gradient)[:4].T
    record = in_situ_update(mine, Manhattan())
    change = mine.weight - before
    assert record.most == 1
    assert record.pulses == record.devices == 2 * 15
    assert torch.equal(torch.sign(change), -torch.sign(gradient))
    assert change.abs().mean().item() == pytest.approx(mine.config.step, rel=0.3)


def test_trains_of_pulses_are_pulses_one_after_the_other():
    pulses = UpdatePulses.for_device(DEVICE, 2e-5, 1e-4)
    state = DEVICE.state_from_conductance(np.array([3e-5, 6e-5, 6e-5, 9e-5]))
    counts = np.array([3, 2, -2, 0])
    whole = pulses.apply(DEVICE, state, counts)
    step = state
    for k in range(3):
        step = pulses.apply(DEVICE, step, np.sign(counts) * (k < np.abs(counts)))
    np.testing.assert_allclose(whole, step, rtol=1e-4)
    assert whole[0, 0] > state[0, 0]
    assert whole[0, 2] < state[0, 2]
    assert whole[0, 3] == state[0, 3]
    moved = DEVICE.conductance(pulses.apply(DEVICE, state[:, 1:2], np.array([1])))
    assert moved[0] - 6e-5 == pytest.approx(8e-5 / 100, rel=0.01)


def test_half_of_a_pulse_does_not_move_a_device():
    pulses = UpdatePulses.for_device(DEVICE, 2e-5, 1e-4)
    half = UpdatePulses(pulses.v_set / 2, pulses.v_reset / 2, pulses.width_set, pulses.width_reset)
    state = DEVICE.state_from_conductance(np.array([6e-5, 6e-5]))
    after = half.apply(DEVICE, state, np.array([100, -100]))
    np.testing.assert_allclose(after, state, rtol=1e-12)
    with pytest.raises(ParameterError, match="half of `v_set`"):
        UpdatePulses.for_device(DEVICE, 2e-5, 1e-4, v_set=1.0)


def test_wires_take_from_a_pulse_what_the_transient_of_the_array_says():
    # low-ohmic devices behind 100 ohm segments: far cells get a tenth less
    device = DEVICE.replace(a_1=4e-4, a_2=4e-4)
    mine = in_place(4, 3, device, bias=False, wires=Wires(100.0, 100.0), writes="wires")
    before = mine.states()[0].copy()
    counts = np.zeros((4, 3), dtype=int)
    counts[0] = (1, 0, 1)  # the farthest row
    after = mine.pair.cells[0].pulsed(before, counts, 0)
    array = Crossbar(cells=device.array(state=before), wires=mine.config.wires)
    p = mine.config.update_pulses
    pulse = PulseTrain(p.width_set, rise=0.1 * p.width_set, fall=0.1 * p.width_set)
    whole = write(array, 0, [0, 2], p.v_set, pulse, rtol=1e-6).crossbar.cells.state
    ideal = p.apply(device, before.reshape(1, -1), counts.ravel()).reshape(1, 4, 3)
    moved, true, full = (x[0, 0, [0, 2]] - before[0, 0, [0, 2]] for x in (after, whole, ideal))
    np.testing.assert_allclose(moved, true, rtol=0.01)
    assert (true < 0.9 * full).all()
    assert true[1] < true[0]
    np.testing.assert_array_equal(after[0, 1:], before[0, 1:])


def test_learning_with_the_wires_drop_in_writes():
    torch.manual_seed(2)
    truth = torch.rand(2, 4, dtype=torch.float64) - 0.5
    x = normal(40, 4)
    mine = in_place(4, 2, wires=Wires(20.0, 20.0), writes="wires")
    losses = []
    for _ in range(15):
        loss = (mine(x) - x @ truth.T).square().mean()
        loss.backward()
        in_situ_update(mine, GradientPulses(0.2))
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


def test_inputs_that_would_write_are_refused_and_arrays_are_reported():
    mine = layer(input_range=2.0)
    assert mine.config.largest_input == pytest.approx(2.0 * 0.3 / 0.1)
    with torch.no_grad():
        mine(torch.full((1, 4), 5.9))
        with pytest.raises(ParameterError, match="would write"):
            mine(torch.full((1, 4), -6.1))
    row = report(nn.Sequential(mine, nn.ReLU())).layers[0]
    assert (row.converted, row.arrays, row.used) == (True, 2, 2 * 15)
    whole = mine.weight
    torch.testing.assert_close(mine.float().weight, whole, rtol=1e-5, atol=1e-6)


def test_stochastic_pulses_are_the_outer_product_on_average():
    rng = np.random.default_rng(0)
    x, errors = rng.uniform(-1, 1, (1, 6)), rng.uniform(-1, 1, (1, 5))
    sample = Sample(x.T @ errors, x, errors, step=0.02)
    rule = StochasticPulses(0.1, length=10)
    mean = np.mean([np.subtract(*rule.counts(sample, rng)) for _ in range(4000)], axis=0)
    np.testing.assert_allclose(0.02 * mean, -0.1 * x.T @ errors, atol=0.004)


def test_rounding_keeps_small_gradients_on_average():
    rng = np.random.default_rng(1)
    gradient = np.array([[0.3, -0.02, 0.0, 50.0]])
    sample = Sample(gradient, np.ones((1, 1)), gradient, step=0.1)
    rule = GradientPulses(0.1, most=7)
    pulses = np.array([np.subtract(*rule.counts(sample, rng)) for _ in range(4000)])
    np.testing.assert_allclose(pulses.mean(axis=0), [[-0.3, 0.02, 0.0, -7.0]], atol=0.03)
    up, down = GradientPulses(0.1, rounding="nearest").counts(sample, rng)
    np.testing.assert_array_equal(up - down, [[0, 0, 0, -31]])


def test_devices_differ_from_cell_to_cell_by_their_seed():
    one, same, other = (layer(spread={"a_p": 0.2}, seed=s) for s in (1, 1, 2))
    a = one.pair.cells[0].device.parameters()["a_p"]
    assert a.shape == (5, 3)
    assert np.array_equal(a, same.pair.cells[0].device.parameters()["a_p"])
    assert not np.array_equal(a, other.pair.cells[0].device.parameters()["a_p"])
    assert not np.array_equal(a, one.pair.cells[1].device.parameters()["a_p"])
    assert torch.equal(one.state_positive, same.state_positive)
    one(torch.ones(1, 4)).sum().backward()
    copied = copy.deepcopy(one)
    in_situ_update(one, GradientPulses(5.0, rounding="nearest"))
    in_situ_update(copied, GradientPulses(5.0, rounding="nearest"))
    assert torch.equal(one.state_negative, copied.state_negative)
    moves = (one.state_negative - same.state_negative).numpy()
    assert np.unique(moves.round(12)).size == 15  # one gradient, as many changes as devices


@pytest.mark.parametrize(("make", "message"), [
    (lambda: in_place(2, 2, "vteam"), "`device`"),
    (lambda: in_place(2, 2, Ohmic()), "Ohmic"),
    (lambda: InSituLinear(2, 2, DEVICE), "`config`"),
    (lambda: in_place(2, 2, pulses=UpdatePulses(0.3, -0.2, 1e-3, 1e-3)), "do not move"),
    (lambda: in_place(2, 2, wires=Wires(np.ones((3, 2)))), "`wires`"),
    (lambda: in_place(2, 2, weight_range=0.0), "`weight_range`"),
    (lambda: in_place(2, 2, initial=2.0), "`initial`"),
    (lambda: in_place(2, 2, seed=-1), "`seed`"),
    (lambda: in_place(0, 2), "`in_features`"),
    (lambda: in_place(2, 2, g_max=1.0), "`g_max`"),
    (lambda: in_place(2, 2, writes="all"), "`writes`"),
    (lambda: in_place(2, 2, gradient="none"), "`gradient`"),
    (lambda: in_place(2, 2, spread={"v": 0.1}), "spread"),
    (lambda: in_place(2, 2)(torch.ones(1, 3)), "last axis must be 2"),
    (lambda: in_situ_update(nn.Linear(2, 2), Manhattan()), "no layer trained"),
    (lambda: in_situ_update(in_place(2, 2), Manhattan()), "no gradient"),
    (lambda: GradientPulses(-1.0), "`rate`"),
    (lambda: GradientPulses(1.0, most=0), "`most`"),
    (lambda: StochasticPulses(1.0, length=0), "`length`"),
    (lambda: Manhattan(2.0), "`threshold`"),
    (lambda: UpdatePulses(1.0, 1.0, 1.0, 1.0), "opposite signs"),
    (lambda: UpdatePulses(1.0, -1.0, 0.0, 1.0), "`width_set`"),
    (lambda: UpdatePulses.for_device(StanfordPKU(), 1e-4, 1e-3, v_set=0.1, v_reset=-0.1), "half"),
])
def test_mistakes_are_named(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
