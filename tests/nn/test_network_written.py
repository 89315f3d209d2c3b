"""Whole networks written by pulses: processes, resuming, failures, energy."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from crossbarsim import EKV, Crossbar, OneTransistorOneResistor, ParameterError, Wires
from crossbarsim.core.errors import CrossbarSimError
from crossbarsim.devices import VTEAM
from crossbarsim.nn import CrossbarConfig, conductances, convert, load_conductances
from crossbarsim.nn.writing import forget_written, program_network
from crossbarsim.nn.writing.arrays import ArrayRecord
from crossbarsim.nonidealities import Faults, LogNormal, NonIdealities, Variability
from crossbarsim.programming import program

DEVICE = VTEAM.preset("magic", v_off=1.0)
PULSES = {"v_start": 1.55, "v_step": 0.1, "v_max": 2.3, "width": 10e-9}
CONFIG = CrossbarConfig(g_on=1e-4, g_off=1e-5, wires=Wires(1.0, 1.0), tile_shape=(4, 8))
FAST = {"pulses": "relaxation", "tolerance": 0.2, "options": PULSES}
LASTING = {**FAST, "pulses": "transient"}  # long enough to be killed


def network(config=CONFIG, seed=0):
    torch.manual_seed(seed)
    return convert(nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)), config)


def numbers(result):
    return [{k: v for k, v in asdict(one).items() if k != "cpu_seconds"} for one in result.arrays]


X = torch.linspace(-1, 1, 18).reshape(3, 6)


@pytest.fixture(scope="module")
def written():
    chip = network()
    return chip, program_network(chip, DEVICE, **FAST)


def test_the_layers_have_what_pulses_left(written):
    chip, result = written
    y, ideal = chip(X).detach(), network()(X).detach()
    assert result.failed == 0
    assert 0 < float((y - ideal).abs().max()) < 0.3 * float(ideal.abs().max())
    other = network(seed=1)
    other.load_state_dict(chip.state_dict())
    assert torch.equal(other(X), y)
    other(X).sum().backward()  # straight through
    assert float(other[0].weight.grad.abs().max()) > 0
    with torch.no_grad():
        other[0].weight[0, 0] += 0.01
    with pytest.raises(ParameterError, match="no longer those that were written"):
        other(X)
    forget_written(other)
    other(X)


def test_sums_are_those_of_program(written):
    _, result = written
    energies, reads, times = [], [], []
    for name, matrix, layer in (("0", network()[0].crossbars, network()[0]),
                                ("2", network()[2].crossbars, network()[2])):
        for place, level in matrix.to_write(layer.weight, layer.bias):
            goal = 1e-5 + 9e-5 * level.numpy()
            low, high = (float(g) for g in DEVICE.conductance_range())
            goal = np.clip(goal, low, high)
            array = Crossbar(cells=DEVICE.array(np.full(goal.shape, 1e-5)), wires=Wires(1.0, 1.0))
            # ladders as the network's, searched for once, are those that are given
            own = program(array, goal, tolerance=0.2, pulses="relaxation", **PULSES,
                          seed=int(place.generator("writing by pulses").integers(2**31)))
            record = next(r for r in result.arrays
                          if (r.layer, r.array, r.tile) == (name, place.array, str(place.tile)))
            assert (record.writes, record.reads) == (own.writes, own.reads)
            assert record.energy == pytest.approx(own.energy, rel=1e-12)
            assert record.pulses == own.pulses.sum()
            energies.append(own.energy)
            reads.append(own.read_energy)
            times.append(own.time)
    assert result.energy == pytest.approx(sum(energies), rel=1e-12)
    assert result.read_energy == pytest.approx(sum(reads), rel=1e-12)
    assert result.time == pytest.approx(sum(times), rel=1e-12)
    assert result.longest == pytest.approx(max(times), rel=1e-12)


def test_result_tells(written, tmp_path):
    _, result = written
    assert len(repr(result)) < 160
    layers = result.layers()
    assert [one["layer"] for one in layers] == ["0", "2"]
    assert sum(one["cells"] for one in layers) == result.cells == 2 * (6 * 4 + 4 * 2)
    assert sum(one["energy"] for one in layers) == pytest.approx(result.energy)
    assert len(result.to_dataframe()) == len(result.arrays)
    result.to_html(tmp_path / "page.html")
    assert "Layers" in (tmp_path / "page.html").read_text(encoding="utf-8")
    twice = result.extrapolate(2 * result.cells)
    assert twice.energy == pytest.approx(2 * result.energy)
    assert result.extrapolate(network()).cells == result.cells
    with pytest.raises(ParameterError, match="`to`"):
        result.extrapolate("resnet18")


@pytest.mark.slow
def test_two_processes_give_the_same(written, tmp_path):
    chip, result = written
    other = network()
    again = program_network(other, DEVICE, **FAST, workers=2, out=tmp_path)
    assert numbers(again) == numbers(result)
    assert torch.equal(other(X), chip(X))


RUN = textwrap.dedent("""
    import sys
    sys.path.append(sys.argv[2])
    from tests.nn.test_network_written import *
    chip = network()
    program_network(chip, DEVICE, **LASTING, out=sys.argv[1])
""")


@pytest.mark.slow
def test_killed_and_resumed(tmp_path):
    chip = network()
    result = program_network(chip, DEVICE, **LASTING)
    process = subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path), str(Path(__file__).parents[2])])
    done = tmp_path / "arrays" / "000001.npz"
    until = time.monotonic() + 300
    while not done.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    if hasattr(signal, "SIGKILL"):
        os.kill(process.pid, signal.SIGKILL)
    else:
        process.kill()
    assert process.wait() != 0
    stamp = done.stat().st_mtime_ns
    other = network()
    again = program_network(other, DEVICE, **LASTING, out=tmp_path)
    assert done.stat().st_mtime_ns == stamp  # not done again
    assert numbers(again) == numbers(result)
    assert torch.equal(other(X), chip(X))
    with pytest.raises(ParameterError, match="tolerance"):
        program_network(network(), DEVICE, **{**LASTING, "tolerance": 0.3}, out=tmp_path)
    with pytest.raises(ParameterError, match="targets"):
        program_network(network(seed=5), DEVICE, **LASTING, out=tmp_path)


def test_what_was_measured_later_counts():
    chip = network()
    load_conductances(chip, {"0": {"0-0-0-positive": np.full((4, 4), 3e-5)}})
    measured = chip(X).detach()
    program_network(chip, DEVICE, **FAST)  # has new conductances: those from before are gone
    left = conductances(chip)
    assert not torch.equal(chip(X), measured)
    assert all((G != 3e-5).all() for G in left["0"].values())
    load_conductances(chip, {"0": {"0-0-0-positive": np.full((4, 4), 3e-5)}})
    now = conductances(chip)
    assert (now["0"]["0-0-0-positive"] == 3e-5).all()
    assert np.array_equal(now["0"]["0-0-0-negative"], left["0"]["0-0-0-negative"])
    other = network(seed=1)
    other.load_state_dict(chip.state_dict())
    assert torch.equal(other(X), chip(X))
    load_conductances(chip, None)  # what pulses left is still there
    found = conductances(chip)
    assert all(np.array_equal(found[n][k], left[n][k]) for n in left for k in left[n])
    load_conductances(chip, {"0": {"0-0-0-positive": np.full((4, 4), 3e-5)}})
    forget_written(chip)
    assert (conductances(chip)["0"]["0-0-0-positive"] == 3e-5).all()


@pytest.mark.slow
def test_cells_with_transistors():
    cells = OneTransistorOneResistor(
        DEVICE.replace(polarity=-1).array(shape=(1, 1)), EKV.preset("ptm_130nm"), gate_voltage=2.5
    )
    torch.manual_seed(0)
    chip = convert(nn.Sequential(nn.Linear(3, 2)), CONFIG)
    ideal = chip(X[:, :3]).detach()
    pulses = {"v_start": 1.2, "v_step": 0.1, "v_max": 3.0, "width": 10e-9}
    result = program_network(chip, cells, scheme="1t1r", tolerance=0.2, options=pulses)
    assert result.scheme == "1t1r"
    assert result.failed == 0, result.worst_layer
    assert sum(one.disturbed for one in result.arrays) == 0  # gates of other rows are off
    assert 0 < float((chip(X[:, :3]) - ideal).detach().abs().max()) < 0.5 * float(ideal.abs().max())
    assert result.energy > 0
    with pytest.raises(ParameterError, match="access elements"):
        program_network(chip, cells, scheme="1t1r", tolerance=0.2, options=pulses, pulses="relaxation")


def test_failures_are_counted_by_layer():
    torch.manual_seed(0)
    effects = NonIdealities(faults=Faults(stuck_on=0.2))
    chip = convert(nn.Sequential(nn.Linear(4, 3)), CONFIG.replace(nonidealities=effects))
    result = program_network(chip, DEVICE, **FAST)
    (layer,) = result.layers()
    assert layer["stuck"] > 0
    assert result.failed == layer["failed"] >= layer["stuck"]
    assert float(chip[0].effective_weights().detach().abs().max()) > 0
    # beyond the device: 1 mS at most
    far = convert(nn.Sequential(nn.Linear(2, 1)), CONFIG.replace(g_on=2e-3))
    result = program_network(far, DEVICE, **FAST)
    assert result.layers()[0]["out_of_reach"] > 0
    with pytest.raises(CrossbarSimError, match="out of the device's range"):
        program_network(far, DEVICE, **FAST, strict=True)


def test_devices_vary_by_the_chips_seed():
    chips = [
        convert(nn.Sequential(nn.Linear(3, 2)), CONFIG.replace(seed=seed)) for seed in (0, 0, 1)
    ]
    for chip in chips[1:]:
        chip.load_state_dict(dict(chips[0].state_dict()))
    spread = Variability("r_off", LogNormal(0.2))
    energies = [program_network(c, DEVICE, **FAST, variability=spread).energy for c in chips]
    assert energies[0] == energies[1] != energies[2]


@pytest.mark.parametrize(("changes", "words"), [
    ({"scheme": "v/4"}, "no scheme"),
    ({"scheme": "1t1r"}, "OneTransistorOneResistor"),
    ({"options": {"v_strat": 1.0}}, "v_start"),
    ({"options": {"checkpoint": "a.npz"}}, "checkpoint"),
    ({"tolerance": 0.0}, "tolerance"),
    ({"pulses": "exact"}, "pulses"),
    ({"workers": 0}, "workers"),
    ({"initial": -1.0}, "initial"),
])
def test_bad_arguments(changes, words):
    with pytest.raises(ParameterError, match=words):
        program_network(network(), DEVICE, **{**FAST, **changes})


def test_configurations_that_write_by_themselves():
    for change in ({"r_on_sigma": 0.1},
                   {"nonidealities": NonIdealities(variability=Variability("r_on", LogNormal(0.1)))}):
        with pytest.raises(ParameterError, match="variability"):
            program_network(network(CONFIG.replace(**change)), DEVICE, **FAST)
    with pytest.raises(ParameterError, match="layers"):
        program_network(nn.Linear(2, 2), DEVICE, **FAST)
    with pytest.raises(ParameterError, match="cell"):
        program_network(network(), "vteam", **FAST)


def test_record_of_saved_values():
    fields = {"number": 1, "layer": "a", "array": "+", "tile": "(0, 0)", "rows": 2, "columns": 3,
              **dict.fromkeys(("pulses", "writes", "reads", "unconverged", "out_of_reach", "stuck",
                               "disturbed"), 1),
              **dict.fromkeys(("energy", "read_energy", "time", "worst", "squares",
                               "cpu_seconds"), 0.5), "message": ""}
    record = ArrayRecord.of(fields)
    assert (record.cells, record.failed) == (6, 3)
    assert asdict(record) == fields
