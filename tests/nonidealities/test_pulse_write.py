"""Writing by pulses: exact on an array, and by a measured distribution."""

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.stats as st
import torch

from crossbarsim import Crossbar, ParameterError, Wires
from crossbarsim.core.draws import Place
from crossbarsim.devices import VTEAM, ExponentialSelector
from crossbarsim.nonidealities import (
    Faults,
    MeasuredWrite,
    NonIdealities,
    Normal,
    PulseWrite,
    Variability,
    vary,
)
from crossbarsim.programming import program

DEVICE = VTEAM.preset("magic", v_off=1.0)
SPREAD = Variability("v_on", Normal(0.05))
PULSES = {"v_start": 1.0, "v_step": 0.05, "v_max": (2.4, 2.2), "width": 100e-9, "passes": 1}
ON, OFF = 2e-4, 1e-5


def chip(effects, level, seed=0, **program_options):
    place = Place(seed, "fc")
    fab = effects.fabricate(place, np.shape(level), ON, OFF)
    return effects.age(effects.program(level, fab, place, **program_options), fab, place)


# -- a measured distribution ---------------------------------------------------------------------


def test_draws_follow_what_was_measured():
    draws = np.random.default_rng(0)
    errors = np.array([0.01, 0.05])[:, None] * draws.standard_normal((2, 4000)) + [[0.0], [0.02]]
    measured = MeasuredWrite([1e-5, 1e-4], errors)
    for target, expected in ((1e-5, errors[0]), (1e-4, errors[1]),
                             # quantiles in the middle (of the logarithm) are the means of both
                             (10**-4.5, 0.5 * (np.sort(errors[0]) + np.sort(errors[1])))):
        u = draws.random(20_000)
        found = measured.quantile(np.full(20_000, target), u)
        assert st.ks_2samp(found, expected).pvalue > 0.01
    # beyond the targets the nearest counts; the extremes are the measured ones
    np.testing.assert_allclose(
        measured.quantile(np.array([1e-6, 1e-6, 1e-3]), np.array([0.0, 1.0, 0.0])),
        [errors[0].min(), errors[0].max(), errors[1].min()])


def test_measured_writes_of_a_network():
    measured = MeasuredWrite([1e-6, 1e-4], [[-0.1, 0.1], [-0.2, 0.2]])
    effects = NonIdealities(write=measured, faults=Faults(stuck_on=0.1))
    level = np.full((60, 50), 0.4)
    first, again, second = (chip(effects, level, cycle=k) for k in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    target = OFF + 0.4 * (ON - OFF)
    free = first != ON
    assert np.abs(first[free] / target - 1).max() < 0.2
    # the same cells are stuck after another write, the others are elsewhere
    np.testing.assert_array_equal(second != ON, free)
    assert (first != second)[free].all()
    tensor = torch.full((60, 50), 0.4, dtype=torch.float64, requires_grad=True)
    found = chip(effects, tensor)
    np.testing.assert_allclose(found.detach(), first, rtol=1e-12)
    found.sum().backward()
    np.testing.assert_allclose(tensor.grad, np.where(free, ON - OFF, 0.0))


# -- real pulses ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def write():
    return PulseWrite(DEVICE, SPREAD, targets=3, devices=8, tolerance=0.1, options=PULSES)


def test_devices_are_programmed_to_within_the_tolerance(write):
    measured = write.measure(OFF, ON)
    np.testing.assert_allclose(measured.targets, np.geomspace(OFF, ON, 3))
    assert measured.errors.shape == (3, 8)
    assert np.abs(measured.errors).max() <= 0.1 + 1e-6
    assert (measured.errors.std(axis=1) > 0.005).all()
    assert write.measure(OFF, ON) is measured
    with ThreadPoolExecutor(4) as pool:
        assert {id(m) for m in pool.map(lambda _: write.measure(OFF, ON), range(4))} == {id(measured)}


def test_drawn_errors_are_those_of_the_sample(write):
    found = chip(NonIdealities(write=write), np.zeros((100, 100)))
    errors = write.measure(OFF, ON).errors[0]
    assert (np.diff(errors) > 0).all()
    ranks = np.linspace(0, 1, 8)
    assert st.kstest(found.ravel() / OFF - 1, lambda e: np.interp(e, errors, ranks)).pvalue > 0.01


@pytest.mark.slow
def test_an_array_programmed_as_a_whole():
    wires = Wires(1.0, 1.0)
    effects = NonIdealities(write=PulseWrite(
        DEVICE, SPREAD, method="exact", wires=wires, tolerance=0.1, options=PULSES))
    level = np.random.default_rng(0).random((2, 2))
    tensor = torch.from_numpy(level).requires_grad_()
    written = chip(effects, tensor)
    written.sum().backward()
    np.testing.assert_allclose(tensor.grad, ON - OFF)
    found = written.detach().numpy()
    target = OFF + level * (ON - OFF)
    assert np.abs(found / target - 1).max() < 0.105
    assert np.abs(found / target - 1).max() > 0.001
    # the same devices at the same place, from the contents that came before
    device = vary(DEVICE, (2, 2), (SPREAD,), Place(0, "fc"))
    draws = Place(0, "fc").generator("earlier contents 0")
    before = np.exp(draws.uniform(np.log(OFF), np.log(ON), (2, 2)))
    result = program(Crossbar(cells=device.array(before), wires=wires), target, tolerance=0.1,
                     seed=int(draws.integers(2**31)), **PULSES)
    np.testing.assert_allclose(found, result.conductance, rtol=1e-9)
    again = chip(effects, level, cycle=1)
    assert (np.abs(again / found - 1) > 1e-6).any()


def test_settings_are_copied(write):
    effects = NonIdealities(write=write)
    other = copy.deepcopy(effects)
    np.testing.assert_array_equal(chip(other, np.ones((3, 3))), chip(effects, np.ones((3, 3))))


@pytest.mark.slow
def test_both_ways_agree():
    options = {"tolerance": 0.05, "options": PULSES}
    level = np.full((12, 16), 0.5)
    exact = chip(NonIdealities(write=PulseWrite(DEVICE, SPREAD, method="exact", **options)), level)
    # the target of the exact array is one of those that are measured
    target = OFF + 0.5 * (ON - OFF)
    measured = PulseWrite(DEVICE, SPREAD, targets=2, devices=96, seed=5, **options).measure(target, ON)
    assert st.ks_2samp(exact.ravel() / target - 1, measured.errors[0]).pvalue > 0.01


@pytest.mark.parametrize(("make", "message"), [
    (lambda: MeasuredWrite([1e-5], [[0.0, 0.1]]), "`targets` must be two or more"),
    (lambda: MeasuredWrite([1e-4, 1e-5], [[0.0, 0.1]] * 2), "`targets` must be two or more"),
    (lambda: MeasuredWrite([1e-5, 1e-4], [[0.0], [0.1]]), r"shape \(2, D\) with D >= 2"),
    (lambda: MeasuredWrite([1e-5, 1e-4], [[0.0, -2.0]] * 2), "`errors` are relative, >= -1"),
    (lambda: PulseWrite(ExponentialSelector()), "`device` must be a compact model with a state"),
    (lambda: PulseWrite(DEVICE, Normal(0.1)), "`variability` must hold Variability"),
    (lambda: PulseWrite(DEVICE, method="fast"), "`method` must be one of"),
    (lambda: PulseWrite(DEVICE, targets=1), "`targets` must be an integer >= 2"),
    (lambda: PulseWrite(DEVICE, tolerance=0.0), "`tolerance` must be"),
    (lambda: NonIdealities(write=PulseWrite(DEVICE)).chip(np.ones((2, 2)), Place(0), 1e-2, 1e-5),
     "must lie within the range of VTEAM, 3.333e-06 to 0.001 S"),
])
def test_mistakes(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
