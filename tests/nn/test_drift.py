"""The same chip later, and the digital factors that bring back what drift takes."""

import numpy as np
import pytest
import torch
from torch import nn

from crossbarsim import ParameterError, Wires
from crossbarsim.nn import (
    CrossbarConfig,
    DriftReference,
    age,
    calibrate,
    compensate_drift,
    conductances,
    convert,
    load_conductances,
    reference_reads,
    report,
)
from crossbarsim.nonidealities import (
    ConductanceDrift,
    Faults,
    FlickerNoise,
    NonIdealities,
    ReadNoise,
    WriteNoise,
)
from crossbarsim.periphery import ADC, DAC, Periphery

torch.set_num_threads(1)
DAY = 86400.0
PCM = NonIdealities(
    write=WriteNoise.preset("pcm_nandakumar_2019"),
    noise=ReadNoise(flicker=FlickerNoise.phase_change(25e-6)),
)


def pcm(time):
    drift = ConductanceDrift.preset("pcm_nandakumar_2019", time)
    return PCM.replace(drift=drift, noise=ReadNoise(flicker=FlickerNoise.phase_change(25e-6, time)))


def network(seed=0, sizes=(40, 24, 6)):
    torch.manual_seed(seed)
    layers = [nn.Linear(sizes[0], sizes[1]), nn.ReLU(), nn.Linear(sizes[1], sizes[2])]
    for p in (model := nn.Sequential(*layers).double()).parameters():
        p.requires_grad_(False)
    return model


def error(chip, x, y):
    return float((chip(x) - y).norm() / y.norm())


def config(**changes):
    return CrossbarConfig(**{
        "tile_shape": (16, 16), "wires": Wires(1.0, 1.0), "g_on": 25e-6, "g_off": 0.1e-6, **changes})


def test_a_chip_that_ages_is_the_chip_of_that_age():
    model = network()
    x = torch.randn(5, 40, dtype=torch.float64)
    settings = config(nonidealities=PCM.replace(noise=None))
    chip = convert(model, settings)
    fresh = chip(x)
    late = PCM.replace(noise=None, drift=pcm(DAY).drift)
    age(chip, late)
    aged = chip(x)
    assert torch.equal(aged, convert(model, settings.replace(nonidealities=late))(x))
    assert aged.norm() < 0.8 * fresh.norm()
    assert chip[0].config.nonidealities == late
    age(chip, PCM.replace(noise=None))
    assert torch.equal(chip(x), fresh)


def test_other_devices_are_no_age():
    chip = convert(network(), config(nonidealities=PCM))
    for other in (PCM.replace(faults=Faults(stuck_on=0.1)), PCM.replace(cycle=1), PCM.without("write")):
        with pytest.raises(ParameterError, match="other devices"):
            age(chip, other)
    with pytest.raises(ParameterError, match="convert it first"):
        age(network(), PCM)
    load_conductances(chip, conductances(chip))
    with pytest.raises(ParameterError, match="do not age"):
        age(chip, pcm(DAY))


def test_a_factor_is_the_least_squares_one():
    torch.manual_seed(1)
    layer = nn.Linear(12, 5, bias=False).double().requires_grad_(False)
    late = NonIdealities(drift=ConductanceDrift(1000.0, nu=0.06, nu_sigma=0.02))
    for kind in ("global", "column"):
        chip = convert(nn.Sequential(layer), config(tile_shape=(16, 8)))
        reference = reference_reads(chip, reads=20)
        before = chip[0].effective_weights().numpy()
        age(chip, late)
        after = chip[0].effective_weights().numpy()
        found = compensate_drift(chip, reference, kind=kind)["0"].numpy()
        u = reference.patterns["0"][:, 0].numpy()
        a, b = u @ before.T, u @ after.T
        axis = None if kind == "global" else 0
        np.testing.assert_allclose(found, (a * a).sum(axis) / (a * b).sum(axis) * np.ones(5), rtol=1e-9)
        scaled = chip[0].effective_weights().numpy()
        np.testing.assert_allclose(scaled, after * found[:, None], rtol=1e-9)
        again = compensate_drift(chip, reference, kind=kind)["0"].numpy()
        np.testing.assert_allclose(again, found, rtol=1e-9)  # not on top of the first
        compensate_drift(chip, None)
        np.testing.assert_allclose(chip[0].effective_weights().numpy(), after, rtol=1e-12)


def test_phase_change_drift_comes_back_through_wires_converters_and_noise():
    model = network()
    torch.manual_seed(3)
    x = torch.rand(200, 40, dtype=torch.float64)
    y = model(x)
    around = Periphery(dac=DAC(bits=8), adc=ADC(bits=8, inl=0.3, offset=0.3))
    chip = convert(model, config(nonidealities=pcm(20.0), periphery=around))
    calibrate(chip, [x], correct=True)
    reference = reference_reads(chip)
    errors = {"fresh": error(chip, x, y)}
    gain = chip[0].crossbars.ranges.gain
    age(chip, pcm(30 * DAY))
    errors["aged"] = error(chip, x, y)
    for kind in ("global", "tile", "column"):
        factors = compensate_drift(chip, reference, kind=kind)
        errors[kind] = error(chip, x, y)
        assert all(1.5 < f.mean() < 2.6 for f in factors.values())
    assert errors["aged"] > 0.35
    assert errors["global"] < 0.4 * errors["aged"]
    assert errors["column"] < errors["global"]
    assert errors["column"] < 3.0 * errors["fresh"]
    # found twice, with other noise: the same within it
    again = compensate_drift(chip, reference, kind="column")["0"]
    torch.testing.assert_close(again, factors["0"], rtol=0.05, atol=0)
    assert chip[0].crossbars.ranges.gain is gain  # and nothing of the calibration is lost
    state = chip.state_dict()
    other = convert(model, chip[0].config)
    other.load_state_dict(state)
    torch.testing.assert_close(other[0].crossbars.ranges.drift, again)
    assert torch.equal(other(x), chip(x))


def test_calibration_keeps_the_factors_and_reports_see_them():
    model = network()
    x = torch.rand(50, 40, dtype=torch.float64)
    chip = convert(model, config())
    reference = reference_reads(chip)
    age(chip, NonIdealities(drift=ConductanceDrift(1e5, nu=0.05)))
    worse = report(chip).layers[0].weight_error
    compensate_drift(chip, reference)
    assert report(chip).layers[0].weight_error < 0.5 * worse
    drift = chip[0].crossbars.ranges.drift
    calibrate(chip, [x], correct=True)
    assert chip[0].crossbars.ranges.drift is drift


def test_columns_that_tell_nothing_take_the_factor_of_their_tile():
    torch.manual_seed(0)
    layer = nn.Linear(8, 4, bias=False).double().requires_grad_(False)
    layer.weight[2] = 0.0
    chip = convert(nn.Sequential(layer), config(wires=Wires()))
    reference = reference_reads(chip)
    age(chip, NonIdealities(drift=ConductanceDrift(1e4, nu=0.05, nu_sigma=0.01)))
    tile = compensate_drift(chip, reference, kind="tile")["0"]
    column = compensate_drift(chip, reference, kind="column")["0"]
    assert column[2] == tile[2] != column[1]


def test_wrong_references_are_refused():
    chip = convert(network(), config())
    reference = reference_reads(chip)
    with pytest.raises(ParameterError, match="another network"):
        compensate_drift(convert(network(sizes=(40, 20, 6)), config()), reference)
    with pytest.raises(ParameterError, match="another network"):
        compensate_drift(convert(network(), config(tile_shape=(32, 16))), reference)
    with pytest.raises(ParameterError, match="reference"):
        compensate_drift(chip, [1.0])
    with pytest.raises(ParameterError, match="kind"):
        compensate_drift(chip, reference, kind="row")
    with pytest.raises(ParameterError, match="repeats"):
        reference_reads(chip, repeats=0)
    assert isinstance(reference, DriftReference)
    state = chip.state_dict() | {"0.crossbars.range.drift": torch.ones(3, dtype=torch.float64)}
    with pytest.raises(RuntimeError, match="drift"):
        chip.load_state_dict(state)
