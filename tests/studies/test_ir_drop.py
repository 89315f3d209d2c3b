"""The study: exact at zero resistance, resumable, its numbers checked against a direct solve."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from crossbarsim import Crossbar, CrossbarSimError, ParameterError, Solver, Wires
from crossbarsim.studies import CnnSettings, Dataset, IrDropStudy, Labelled, ir_drop, load_digits
from crossbarsim.studies.networks import logits, trained_cnn


@pytest.fixture(scope="module")
def data():
    digits = load_digits()
    part = Labelled(digits.test.images[:30], digits.test.labels[:30])
    return Dataset(digits.name, digits.train, part, digits.full_scale,
                   {"more": Labelled(digits.test.images[30:80], digits.test.labels[30:80])})


STUDY = IrDropStudy(ohms=(0.0, 8.0), tiles=((64, 64), (48, 20)), seeds=2, epochs=1, threads=1)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Make the study's network small."""
    settings = CnnSettings(channels=(4, 8), hidden=16, epochs=3)
    monkeypatch.setattr(CnnSettings, "for_data", lambda *_args, **_options: settings)
    return settings


def test_zero_ohm_without_variation_is_the_digital_network(data, tmp_path):
    result = STUDY.run(data, tmp_path)
    points = result.points
    exact = points[(points.ohm == 0) & points.seed.isna()]
    assert len(exact) == 2
    assert (exact.test_agreement == 1).all()
    assert (exact.more_agreement == 1).all()
    assert (exact.test_output_error < 1e-5).all()
    assert (exact.test_accuracy == result.digital_accuracy["test"]).all()
    others = points[(points.ohm > 0) | points.seed.notna()]
    assert (others.test_output_error > 1e-3).all()
    data = result.dataset
    assert dict(data.test_accuracy.sizes) == {"tile": 2, "ohm": 2, "seed": 2}
    assert data.test_accuracy_without_variation.dims == ("tile", "ohm")
    assert data.test_accuracy.attrs["units"] == "1"
    for row in points.to_dict("records"):
        at = {"tile": f"{row['tile_rows']}x{row['tile_columns']}", "ohm": row["ohm"]}
        if np.isnan(row["seed"]):
            assert data.test_accuracy_without_variation.sel(at) == row["test_accuracy"]
        else:
            assert data.test_accuracy.sel({**at, "seed": row["seed"]}) == row["test_accuracy"]


def test_larger_tiles_and_resistances_err_more(data, tmp_path):
    study = IrDropStudy(ohms=(1.0, 8.0), tiles=((16, 16), (128, 128)), seeds=0, threads=1)
    points = study.run(data, tmp_path).points.set_index(["tile_rows", "ohm"])
    error = points.test_output_error
    assert error[16, 1.0] < error[16, 8.0] < error[128, 8.0]
    assert error[128, 1.0] < error[128, 8.0]


def test_output_error_against_tile_by_tile_solves(data, tmp_path):
    """The same network with its layers' products taken from SPICE-exact solves, by hand."""
    study = IrDropStudy(ohms=(8.0,), tiles=((24, 10),), seeds=0, threads=1)
    result = study.run(data, tmp_path)
    network = result.network
    solver = Solver(method="mna")

    def product(weight):
        w = weight.detach().double().numpy()
        largest = np.abs(w).max()
        out = np.zeros_like(w)
        for sign in (1.0, -1.0):
            g = study.g_off + (study.g_on - study.g_off) * np.maximum(sign * w.T, 0) / largest
            for i in range(0, g.shape[0], 24):
                for j in range(0, g.shape[1], 10):
                    tile = Crossbar(g[i : i + 24, j : j + 10], Wires(word=8.0, bit=8.0))
                    out[j : j + 10, i : i + 24] += sign * solver.effective_matrix(tile)
        return torch.from_numpy(out * largest / (study.g_on - study.g_off)).float()

    import copy

    chip = copy.deepcopy(network.model)
    with torch.no_grad():
        for layer in chip.modules():
            if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d)):
                layer.weight.copy_(product(layer.weight.flatten(1)).reshape(layer.weight.shape))
    digital = logits(network, data.test)
    by_hand = logits(network, data.test, model=chip)
    expected = np.sqrt(np.mean((by_hand - digital) ** 2) / np.mean(digital**2))
    assert result.points.test_output_error.item() == pytest.approx(expected, rel=1e-3)


def test_resume_computes_nothing_twice(data, tmp_path, monkeypatch):
    calls, real = [], ir_drop.measure

    def counted(study, point, *rest):
        if len(calls) == 5:
            raise KeyboardInterrupt
        calls.append(point)
        return real(study, point, *rest)

    monkeypatch.setattr(ir_drop, "measure", counted)
    with pytest.raises(KeyboardInterrupt):
        STUDY.run(data, tmp_path)
    record = tmp_path / "points.jsonl"
    # Killed in the middle of a line: that point counts as not finished.
    record.write_bytes(record.read_bytes()[:-4])
    lost = calls.pop()
    resumed = []

    def rest_of(study, point, *rest):
        resumed.append(point)
        return real(study, point, *rest)

    monkeypatch.setattr(ir_drop, "measure", rest_of)
    interrupted = STUDY.run(data, tmp_path).points
    assert lost in resumed
    assert not set(calls) & set(resumed)
    assert [*calls, *resumed] == list(STUDY.points())

    monkeypatch.setattr(ir_drop, "measure", real)
    straight = STUDY.run(data, tmp_path / "straight").points
    same = [c for c in straight.columns if c != "seconds"]
    assert straight[same].equals(interrupted[same])


def test_workers_give_the_same_table(data, tmp_path):
    straight = STUDY.run(data, tmp_path / "straight")
    with ThreadPoolExecutor(2) as pool:
        found = STUDY.run(data, tmp_path / "pool", executor=pool)
    same = [c for c in straight.points.columns if c != "seconds"]
    assert straight.points[same].equals(found.points[same])
    with pytest.raises(ParameterError, match="not both"):
        STUDY.run(data, tmp_path / "c", executor=3, workers=2)


def test_an_error_on_a_worker_ends_the_study_and_keeps_what_is_done(data, tmp_path, monkeypatch):
    real = ir_drop.measure

    def sometimes(study, point, *rest):
        if point.ohm == 8.0 and point.tile == (48, 20):
            raise ValueError("broken tile")
        return real(study, point, *rest)

    monkeypatch.setattr(ir_drop, "measure", sometimes)
    with ThreadPoolExecutor(1) as pool, pytest.raises(CrossbarSimError, match="broken tile"):
        STUDY.run(data, tmp_path, executor=pool)
    assert len((tmp_path / "points.jsonl").read_text().splitlines()) > 1


def test_a_wider_sweep_takes_up_the_finished_points(data, tmp_path, monkeypatch):
    STUDY.run(data, tmp_path)
    calls, real = [], ir_drop.measure

    def counted(study, point, *rest):
        calls.append(point)
        return real(study, point, *rest)

    monkeypatch.setattr(ir_drop, "measure", counted)
    wider = IrDropStudy(ohms=(0.0, 3.0, 8.0), tiles=STUDY.tiles, seeds=2, epochs=1, threads=1)
    result = wider.run(data, tmp_path)
    assert {point.ohm for point in calls} == {3.0}
    assert len(result.points) == 3 * 2 * 3


def test_other_settings_do_not_mix(data, tmp_path):
    STUDY.run(data, tmp_path)
    other = IrDropStudy(ohms=(0.0,), tiles=((64, 64),), g_on=5e-5, epochs=1, threads=1)
    with pytest.raises(ParameterError, match=r"g_on: 0\.0001 there, 5e-05 now"):
        other.run(data, tmp_path)


def test_same_seed_same_chip(data, tmp_path):
    first = STUDY.run(data, tmp_path / "a").points
    alone = IrDropStudy(ohms=(8.0,), tiles=((48, 20),), seeds=2, threads=1)
    again = alone.run(data, tmp_path / "b").points
    chosen = first[(first.ohm == 8) & (first.tile_rows == 48)]
    assert np.array_equal(chosen.test_output_error, again.test_output_error)
    assert again.test_output_error.nunique() == 3


def test_summary_and_files(data, small, tmp_path):
    result = STUDY.run(data, tmp_path)
    summary = result.summary("more").set_index(["tile_rows", "ohm"])
    points = result.points
    here = points[(points.tile_rows == 48) & (points.ohm == 8)]
    varied = here[here.seed.notna()].more_accuracy
    assert summary.loc[48, 8.0]["mean"] == pytest.approx(varied.mean())
    assert summary.loc[48, 8.0]["std"] == pytest.approx(np.std(varied, ddof=1))
    assert summary.loc[48, 8.0]["exact"] == here[here.seed.isna()].more_accuracy.item()
    assert 0 < summary.utilisation.min() <= 1
    with pytest.raises(ParameterError, match="`part` must be one of test, more"):
        result.summary("train")

    table, markdown, settings, _ = result.save(tmp_path)
    assert len(table.read_text().splitlines()) == 1 + 12
    assert "| 48x20 tiles |" in markdown.read_text()
    described = json.loads(settings.read_text())
    again = IrDropStudy(**{
        name: tuple(map(tuple, v)) if name == "tiles" else tuple(v) if name == "ohms" else v
        for name, v in described["study"].items()
    })
    assert again == STUDY
    assert described["data"]["sha256"] == data.sha256
    assert described["network"]["sha256"] == trained_cnn(small, data, cache=tmp_path).sha256


def test_progress_is_told(data, tmp_path):
    class Meter:
        def __init__(self):
            self.done = {}

        def begin(self, task, total, done=0):
            self.done[task] = [done, total]

        def advance(self, task, note=""):
            assert isinstance(note, str)
            self.done[task][0] += 1

    meter = Meter()
    STUDY.run(data, tmp_path, progress=meter)
    assert meter.done == {"training": [3, 3], "points": [12, 12]}
    meter = Meter()
    STUDY.run(data, tmp_path, progress=meter)
    assert meter.done == {"points": [12, 12]}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ohms": ()}, "`ohms`"),
        ({"ohms": (-1.0,)}, "`ohms`"),
        ({"ohms": (float("inf"),)}, "`ohms`"),
        ({"ohms": ("1",)}, "`ohms`"),
        ({"ohms": (1.0, 1.0)}, "`ohms` has a value twice"),
        ({"tiles": ()}, "`tiles`"),
        ({"tiles": ((64,),)}, "`tiles`"),
        ({"tiles": ((64, 0),)}, "`tiles`"),
        ({"tiles": ((64, 64), (64, 64))}, "`tiles` has a value twice"),
        ({"seeds": -1}, "`seeds`"),
        ({"seeds": None}, "`seeds`"),
        ({"images": 0}, "`images`"),
        ({"threads": 0}, "`threads`"),
        ({"sigma": -0.1}, "`sigma`"),
        ({"sigma": float("nan")}, "`sigma`"),
        ({"g_on": 1e-7}, "g_o"),
        ({"scheme": "no"}, "`scheme`"),
        ({"scaling": "no"}, "`scaling`"),
    ],
)
def test_wrong_settings_are_named(wrong, message):
    with pytest.raises(ParameterError, match=message):
        IrDropStudy(**wrong)
