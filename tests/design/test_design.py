"""Gradients through the circuit against differences; least objectives against known ones and grids."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from crossbarsim import Crossbar, Solver, Wires
from crossbarsim.core.errors import ParameterError
from crossbarsim.design import Bounded, NetworkDesign, array_power, minimise, segments
from crossbarsim.nn import CrossbarConfig
from crossbarsim.periphery import ADC, DAC, Periphery

RNG = np.random.default_rng(5)
INPUTS = torch.from_numpy(RNG.random((24, 12)))
LABELS = torch.from_numpy(RNG.integers(0, 4, 24))
CONFIG = CrossbarConfig(
    tile_shape=(8, 8), wires=Wires(20.0, 25.0, driver=150.0, sense=90.0),
    periphery=Periphery(adc=ADC(bits=5, percentile=98.0, noise=2e-7, noise_unit="ampere"), subtraction="analog"),
)
POINT = {
    "wires.word": 22.0, "wires.bit": 18.0, "wires.driver": 200.0, "wires.sense": 60.0, "g_on": 8e-5,
    "g_off": 2e-6, "read_voltage": 0.3, "adc_range": 0.8, "input_range": 0.9,
}


def model():
    torch.manual_seed(4)
    return nn.Sequential(nn.Linear(12, 10), nn.ReLU(), nn.Linear(10, 4)).double()


def design(**options):
    return NetworkDesign(model(), INPUTS, LABELS, **{"config": CONFIG, **options})


@pytest.mark.parametrize("value", ["energy", "output_error", "loss"])
@pytest.mark.parametrize("correct", [True, False])
def test_gradients_are_those_of_differences(value, correct):
    own = design(correct=correct)
    free = {name: torch.tensor(x, dtype=torch.float64, requires_grad=True) for name, x in POINT.items()}
    getattr(own, value)(free).backward()
    for name, tensor in free.items():
        around = []
        for sign in (1, -1):
            with torch.no_grad():
                around.append(float(getattr(own, value)({**POINT, name: POINT[name] * (1 + sign * 1e-5)})))
        slope = (around[0] - around[1]) / (2e-5 * POINT[name])
        grad = 0.0 if tensor.grad is None else float(tensor.grad)
        scale = abs(float(getattr(own, value)(POINT))) / POINT[name]
        assert grad == pytest.approx(slope, rel=1e-4, abs=1e-7 * scale), name
    assert float(free["g_on"].grad) != 0.0


def test_power_is_the_solver_s_and_its_gradient_that_of_differences():
    G = torch.from_numpy(RNG.uniform(1e-5, 1e-3, (5, 4))).requires_grad_()
    V = torch.from_numpy(RNG.normal(size=(3, 5))).requires_grad_()
    ohms = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (3.0, 0.0, 40.0, 7.0)]
    power = array_power(V, G, *segments((5, 4), *ohms))
    wires = Wires(3.0, 0.0, driver=40.0, sense=7.0)
    exact = Solver().solve(Crossbar(G.detach().numpy(), wires), V.detach().numpy()).power
    assert np.allclose(power.detach(), exact, rtol=1e-12)

    def total(V, G, *ohms):
        return array_power(V, G, *segments((5, 4), *ohms)).sum()

    assert torch.autograd.gradcheck(total, (V, G, *ohms[:1], ohms[1] + 1.0, *ohms[2:]), rtol=1e-6, atol=1e-12)
    power.sum().backward()
    assert float(ohms[1].grad) < 0  # finite at 0 ohm: a segment more takes power


def test_a_design_is_the_network_that_is_converted():
    """Without converters both are exact: outputs, and, of few inputs, energy."""
    bare = CrossbarConfig(tile_shape=(8, 8), wires=Wires(20.0, 25.0, driver=150.0), g_on=5e-5)
    few = NetworkDesign(model(), INPUTS[:5], LABELS[:5], config=bare)
    point = {"wires.sense": 40.0, "read_voltage": 0.1, "g_off": 5e-7}
    found, exact = few.evaluate(point), few.check(point)
    assert float(found.output_error) == pytest.approx(exact["output_error"], rel=1e-9)
    assert float(found.energy) == pytest.approx(exact["energy"], rel=1e-9)
    assert found.accuracy == exact["accuracy"]


@pytest.mark.parametrize("encoding", ["bipolar", "two-phase", "bit-serial"])
@pytest.mark.parametrize("options", [
    {"scheme": "differential"}, {"scheme": "offset"}, {"scheme": "single"}, {"bits": 4, "bits_per_cell": 2},
])
def test_with_converters_it_is_near(encoding, options):
    """ADCs of many bits: what is left is the rounding of the one and the noise of the other."""
    config = CrossbarConfig(
        tile_shape=(8, 9), wires=Wires(5.0, 5.0), input_encoding=encoding,
        periphery=Periphery(dac=DAC(bits=6), adc=ADC(bits=14, percentile=100.0)), **options,
    )
    own = NetworkDesign(model(), INPUTS, LABELS, config=config)
    point = {"g_on": 2e-5}
    found, exact = own.evaluate(point), own.check(point)
    assert float(found.output_error) == pytest.approx(exact["output_error"], rel=0.02, abs=1e-3)
    assert float(found.energy) == pytest.approx(exact["energy"], rel=0.05)


def test_coarse_converters_are_told_in_size():
    own = NetworkDesign(model(), INPUTS, LABELS, config=CONFIG.replace(periphery=Periphery(adc=ADC(bits=4))))
    found, exact = own.evaluate({"wires.word": 1.0}), own.check({"wires.word": 1.0})
    assert float(found.output_error) == pytest.approx(exact["output_error"], rel=0.5)


@pytest.mark.slow
def test_less_is_found_than_by_a_grid_of_the_same_budget():
    own = design()
    variables = {"g_on": Bounded(5e-6, 2e-4), "read_voltage": Bounded(0.02, 0.5)}
    limit = 0.12
    found = minimise(own.energy, variables, subject_to=[(own.output_error, limit)], steps=36).best
    assert found.evaluations == 36
    assert found.constraints[0] <= 1.0
    best = math.inf
    axes = [np.geomspace(v.low, v.high, 6) for v in variables.values()]
    with torch.no_grad():
        for values in itertools.product(*axes):
            point = dict(zip(variables, values, strict=True))
            if float(own.output_error(point)) <= limit:
                best = min(best, float(own.energy(point)))
        again = float(own.energy(found.point))
    assert again == pytest.approx(found.value, rel=1e-9)
    assert found.value < best


@pytest.mark.slow
def test_choices_are_enumerated_and_ranked():
    own = design()
    found = minimise(
        own.energy, {"g_on": Bounded(5e-6, 2e-4)}, subject_to=[(own.output_error, 0.2)],
        choices={"periphery.adc.bits": [2, 5, 7], "tile_shape": [(8, 8), (4, 4)]}, steps=8,
    )
    assert len(found.candidates) == 6
    assert found.evaluations == 48
    assert not any(one.feasible for one in found.candidates if one.choices["periphery.adc.bits"] == 2)
    assert found.best == found.ranked[0]
    assert [one.value for one in found.ranked] == sorted(one.value for one in found.ranked)
    assert len(found.to_dataframe()) == 6
    with pytest.raises(ParameterError, match="no point satisfies"):
        _ = minimise(own.energy, {"g_on": Bounded(5e-6, 2e-4)}, subject_to=[(own.output_error, 1e-6)], steps=2).best


def test_a_bound_and_a_corner_are_reached():
    found = minimise(lambda p: p["x"] * p["y"], {"x": Bounded(1.0, 10.0), "y": Bounded(0.0, 4.0, log=False)},
                     subject_to=[(lambda p: 2.0 / (p["y"] + 1e-3), 1.0)], steps=80).best
    assert found.value == pytest.approx(2.0, rel=0.03)
    assert found.variables["x"] == pytest.approx(1.0, rel=0.02)
    # at the optimum d log f = -multiplier d log(limit), here 1
    assert found.multipliers[0] == pytest.approx(1.0, rel=0.3)


@pytest.mark.parametrize(("change", "message"), [
    ({"g_n": 1e-4}, "g_on"), ({"g_on": -1.0}, "g_on"), ({"g_on": 1e-7}, "larger than `g_off`"), ({"wires.word": math.nan}, "wires.word"),
    ({"adc_range": 0.0}, "adc_range"), ({"tile_shape": (0, 4)}, "tile_shape"), ({"r_on_sigma": 0.1}, "r_on_sigma"),
    ({"periphery.adc.bts": 4}, "bits"), ({"periphery.adc.dnl": 0.1}, "static errors"), ({"read_voltage": "high"}, "read_voltage"),
])
def test_points_are_checked(change, message):
    with pytest.raises(ParameterError, match=message):
        design().evaluate({**POINT, **change})


def test_what_asks_for_nothing_is_named():
    own = NetworkDesign(model(), INPUTS, config=CrossbarConfig(tile_shape=(8, 8)))
    with pytest.raises(ParameterError, match="needs an ADC"):
        own.energy({"adc_range": 1.0})
    with pytest.raises(ParameterError, match="changes nothing"):
        own.energy({"input_range": 1.0})
    with pytest.raises(ParameterError, match="labels"):
        own.loss({"g_on": 1e-4})
    with pytest.raises(ParameterError, match="follows none"):
        minimise(lambda _: torch.ones(()), {"x": Bounded(1.0, 2.0)})
