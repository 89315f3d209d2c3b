"""Non-idealities in a network: what a layer computes, in closed form."""

import numpy as np
import pytest
import torch
from torch import nn

from crossbarsim import Crossbar, Solver, Wires
from crossbarsim.nn import CrossbarConfig, convert
from crossbarsim.nonidealities import (
    ConductanceStates,
    Conduction,
    Faults,
    LogNormal,
    NonIdealities,
    Normal,
    Retention,
    Variability,
    WriteNoise,
)

torch.manual_seed(0)
torch.set_num_threads(1)
LAYER = nn.Linear(40, 12, bias=False).double()
X = torch.randn(5, 40, dtype=torch.float64)


def output(effects, **options):
    config = CrossbarConfig.ideal((16, 8), nonidealities=effects, seed=3, **options)
    with torch.no_grad():
        return convert(LAYER, config)(X)


def test_effects_that_scale_all_weights():
    ideal = LAYER(X).detach()
    # every cell's distance from g_off shrinks by e^-1; the pair's g_off cancels
    lost = output(NonIdealities(retention=Retention(1e6, tau=1e6, reference=300.0)))
    np.testing.assert_allclose(lost, ideal * np.exp(-1.0), rtol=1e-9, atol=1e-12)
    hot = output(NonIdealities(conduction=Conduction(0.05, 1e-3), temperature=350.0))
    np.testing.assert_allclose(hot, ideal / 1.05, rtol=1e-9, atol=1e-12)


def test_states_are_quantised_weights():
    found = output(NonIdealities(states=ConductanceStates(5)))
    weight = LAYER.weight.detach()
    scale = weight.abs().max()
    rounded = torch.round(weight / scale * 4) / 4 * scale
    np.testing.assert_allclose(found, X @ rounded.T, rtol=1e-9, atol=1e-12)


def test_all_cells_stuck_alike_compute_nothing():
    np.testing.assert_allclose(output(NonIdealities(faults=Faults(stuck_on=1.0))), 0.0, atol=1e-12)
    np.testing.assert_allclose(output(NonIdealities(faults=Faults(dead_rows=1.0))), 0.0, atol=1e-12)


def test_chips_and_cycles():
    effects = NonIdealities(write=WriteNoise(0.05), variability=Variability("r_on", Normal(0.05)))
    first = output(effects)
    assert torch.equal(first, output(effects))
    assert (first - output(effects.replace(cycle=1))).abs().max() > 1e-3
    assert (first - output(effects.without("write"))).abs().max() > 1e-3


def test_heat_reaches_the_wires():
    wires = Wires(5.0, 5.0)
    hot = output(NonIdealities(temperature=400.0), wires=wires)
    factor = (1 + 3.9e-3 * 107) / (1 + 3.9e-3 * 7)
    thicker = output(NonIdealities(), wires=Wires(5.0 * factor, 5.0 * factor))
    np.testing.assert_allclose(hot, thicker, rtol=1e-9, atol=1e-12)
    assert (hot - output(NonIdealities(), wires=wires)).abs().max() > 1e-4


def test_gradients_reach_the_weights_through_everything():
    effects = NonIdealities(
        states=ConductanceStates(8), variability=Variability("r_off", LogNormal(0.3)),
        faults=Faults(stuck_on=0.1), write=WriteNoise(0.02), retention=Retention(1e6),
    )
    layer = convert(LAYER, CrossbarConfig.ideal((16, 8), nonidealities=effects))
    layer(X).square().sum().backward()
    assert torch.isfinite(layer.weight.grad).all()
    assert (layer.weight.grad != 0).any()


@pytest.mark.parametrize("line", ["word", "bit"])
def test_open_cells_stand_for_a_line_that_is_cut_off(line):
    draws = np.random.default_rng(0)
    G, V = 10 ** draws.uniform(-6, -4, (64, 64)), draws.uniform(0, 0.2, 64)
    segments = np.ones((64, 64))
    dead = G.copy()
    if line == "word":
        segments[5, 0] = np.inf
        dead[5] = 0.0
        cut = Wires(segments, 1.0)
    else:
        segments[63, 7] = np.inf
        dead[:, 7] = 0.0
        cut = Wires(1.0, segments)
    exact, ours, whole = (
        Solver().solve(Crossbar(g, w), V).currents
        for g, w in ((G, cut), (dead, Wires(1.0, 1.0)), (G, Wires(1.0, 1.0)))
    )
    np.testing.assert_allclose(ours, exact, atol=1e-3 * exact.max())
    assert np.abs(whole - exact).max() > 0.01 * exact.max()
