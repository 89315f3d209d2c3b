"""A study of anything: what is measured, recorded, resumed, left out, and what is wrong."""

import json
import time

import numpy as np
import pytest
import torch

from crossbarsim import Crossbar, ParameterError, Solver, Wires
from crossbarsim.nn import CrossbarConfig
from crossbarsim.studies import DataError, Listed, Record, Study, StudyResult

CALLS = []


def total(x, y=0.0):
    CALLS.append((x, y))
    return {"sum": x + y, "product": x * y}


def drop(wires, size):
    """Return what one array loses along its wires."""
    xbar = Crossbar(np.full((size, size), 1e-4), wires)
    return 1 - Solver().solve(xbar, np.full(size, 0.2)).currents.min() / (size * 0.2e-4)


def chip(config, scale):
    return {"number": config.seed, "ohm": scale * float(config.wires.word)}


def second(context, x):
    return x + 0.0 * (context is None)


def picky(x):
    if x == 2:
        raise ValueError("no two")
    return x


@pytest.fixture(autouse=True)
def _no_calls():
    CALLS.clear()


def files(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix in (".nc", ".csv", ".md", ".json")
            and p.name != "times.json"}


def test_values_lie_where_their_axes_say():
    data = Study(total, {"x": [1, 2, 3], "y": [0.5, 10.0]}).run().dataset
    assert data["sum"].dims == ("x", "y")
    for x in (1, 2, 3):
        for y in (0.5, 10.0):
            at = data.sel(x=x, y=y)
            assert (float(at["sum"]), float(at["product"])) == (x + y, x * y)
    assert (data["status"] == 0).all()


def test_fields_of_records_are_set():
    study = Study({"loss": drop}, {"wires.word": [0.0, 4.0], "size": [4, 8]}, config={"wires": Wires(0.0, 2.0)})
    data = study.run().dataset
    for word in (0.0, 4.0):
        for size in (4, 8):
            assert float(data.loss.sel({"wires.word": word, "size": size})) == drop(Wires(word, 2.0), size)
    assert data["wires.word"].attrs["units"] == "ohm"


def test_config_context_and_seeds():
    study = Study(chip, {"wires.word": [1.0, 2.0]}, config=CrossbarConfig(), context=10.0, seeds=[4, 9])
    data = study.run().dataset
    assert data["ohm"].dims == ("wires.word", "seed")
    assert data["ohm"].sel({"wires.word": 2.0}).to_numpy().tolist() == [20.0, 20.0]
    assert data["seed"].to_numpy().tolist() == [4, 9]
    assert data["number"].sel({"wires.word": 1.0}).to_numpy().tolist() == [4, 9]


def test_several_measures():
    result = Study({"a": picky, "b": lambda x: 2 * x, "c": lambda x: {"d": x, "e": -x}}, {"x": [1, 3]}).run()
    assert result.measures == ("a", "b", "c_d", "c_e")
    assert result.dataset.c_e.to_numpy().tolist() == [-1.0, -3.0]
    assert Study([picky, lambda x: x], {"x": [1]}).run().measures == ("picky", "value")


def test_arrays_are_kept_beside_the_table(tmp_path):
    def profile(n):
        return {"wave": np.linspace(0.0, 1.0, 100 * n), "short": torch.arange(3), "mean": float(n)}

    study = Study(profile, {"n": [1, 2]})
    first = study.run(tmp_path)
    assert first.dataset.wave.shape == (2, 200)
    assert np.isnan(first.dataset.wave[0, 100:]).all()
    assert first.dataset.short.to_numpy().tolist() == [[0, 1, 2]] * 2
    assert len(list((tmp_path / "arrays").iterdir())) == 2  # the short ones are in the record's lines
    first.save(tmp_path)
    again = StudyResult.load(tmp_path)
    assert again.dataset.identical(first.dataset)
    assert study.run(tmp_path).dataset.identical(first.dataset)


def test_an_array_whose_file_is_damaged_is_measured_again(tmp_path):
    calls = []

    def profile(n):
        calls.append(n)
        return np.full(100, float(n))

    study = Study({"wave": profile}, {"n": [1, 2, 3]})
    first = study.run(tmp_path).dataset
    kept = sorted((tmp_path / "arrays").iterdir())
    kept[0].write_bytes(kept[0].read_bytes()[:-8])
    kept[1].unlink()
    calls.clear()
    second = Study({"wave": profile}, {"n": [1, 2, 3]}).run(tmp_path)
    assert len(calls) == 2
    assert second.dataset.wave.equals(first.wave)


def test_what_is_recorded_is_not_measured_again(tmp_path):
    Study(total, {"x": [1, 2], "y": [5.0]}).run(tmp_path)
    assert len(CALLS) == 2
    wider = Study(total, {"x": [0, 1, 2, 3], "y": [4.0, 5.0]}).run(tmp_path)
    assert len(CALLS) == 8
    assert len(set(CALLS)) == 8
    CALLS.clear()
    alone = Study(total, {"x": [0, 1, 2, 3], "y": [4.0, 5.0]}).run()
    assert alone.dataset.identical(wider.dataset)


def test_interrupted_and_resumed_files_are_the_same_bytes(tmp_path):
    study = Study(picky, {"x": [1, 2, 3, 4]})
    study.run(tmp_path / "straight").save(tmp_path / "straight")
    part = study.run(tmp_path / "cut", limit=2)
    assert part.summary() == "1 of 4, 1 failed, 2 missing"
    record = tmp_path / "cut" / "points.jsonl"
    record.write_bytes(record.read_bytes()[:-5])  # killed in the middle of a line
    study.run(tmp_path / "cut").save(tmp_path / "cut")
    assert files(tmp_path / "cut") == files(tmp_path / "straight")
    assert len(files(tmp_path / "cut")) == 4


def test_a_point_that_raises_is_recorded_and_the_study_goes_on(tmp_path):
    result = Study({"value": picky}, {"x": [1, 2, 3]}).run(tmp_path)
    assert result.summary() == "2 of 3, 1 failed"
    assert result.failures == [{"x": 2, "message": "ValueError: no two"}]
    assert np.isnan(result.dataset.value[1])
    assert "2 of 3, 1 failed" in repr(result)
    assert result.to_dataframe()["status"].tolist() == ["done", "failed", "done"]
    before = (tmp_path / "points.jsonl").read_bytes()
    assert Study({"value": picky}, {"x": [1, 2, 3]}).run(tmp_path).dataset.identical(result.dataset)
    assert (tmp_path / "points.jsonl").read_bytes() == before
    tried = Study({"value": picky}, {"x": [1, 2, 3]}).run(tmp_path, retry=True)
    assert tried.dataset.identical(result.dataset)
    assert len((tmp_path / "points.jsonl").read_bytes().splitlines()) == 5


def test_the_rule_ends_branches_and_no_others(tmp_path):
    seen = []

    def hopeless(branch):
        seen.append([point["x"] for point in branch])
        return branch[-1]["sum"] > 12

    study = Study(total, {"x": [1, 2, 3, 4], "y": [1.0, 10.0]}, stop=hopeless, along="x")
    result = study.run(tmp_path)
    assert result.dataset.status.sel(y=1.0).to_numpy().tolist() == [0, 0, 0, 0]
    assert result.dataset.status.sel(y=10.0).to_numpy().tolist() == [0, 0, 0, 2]
    assert result.summary() == "7 of 8, 1 stopped early"
    assert (4, 10.0) not in CALLS
    assert [1, 2, 3] in seen
    CALLS.clear()
    assert study.run(tmp_path).dataset.identical(result.dataset)
    assert CALLS == []


def test_points_that_share_follow_one_another():
    order = []

    class Sharing:
        __name__ = "sharing"

        def __call__(self, x, y):
            order.append((x, y))
            return x

        def shares(self, sets):
            return sets["y"]

    Study(Sharing(), {"x": [1, 2], "y": [1, 2, 3]}).run()
    assert [y for _, y in order] == [1, 1, 2, 2, 3, 3]


def test_shards_are_merged_to_the_same_result(tmp_path):
    study = Study(total, {"x": [1, 2, 3, 4, 5], "y": [1.0, 2.0]})
    straight = study.run(tmp_path / "straight")
    CALLS.clear()
    parts = [study.run(tmp_path / "parts", shard=(k, 3)) for k in (1, 2, 3)]
    assert len(set(CALLS)) == len(CALLS) == 10
    assert sum(p.counts["done"] for p in parts) == 10
    merged = study.merge(tmp_path / "parts")
    assert merged.dataset.identical(straight.dataset)
    assert study.merge(tmp_path / "parts").dataset.identical(straight.dataset)  # again: nothing comes anew
    assert len(CALLS) == 10


def test_shards_of_other_values_are_refused(tmp_path):
    study = Study(total, {"x": [1, 2]})
    study.run(tmp_path, shard="1/2")
    with pytest.raises(ParameterError, match="there are no shards"):
        study.merge(tmp_path / "other")
    context = study.record_context()
    with Record(tmp_path / "points.jsonl", context) as record:
        record.add({"x": 1}, {"sum": 7.0, "product": 0.0})
    with pytest.raises(ParameterError, match="other values than in another part"):
        study.merge(tmp_path)


def test_the_plan_tells_what_is_left(tmp_path):
    study = Study(total, {"x": [1, 2, 3, 4], "y": [1.0, 2.0]})
    assert "not known before the first point" in str(study.plan(tmp_path))
    study.run(tmp_path, limit=3)
    plan = study.plan(tmp_path)
    assert (plan.points, plan.done, plan.left) == (8, 3, 5)
    assert plan.time_left(1) == pytest.approx(5 * np.mean(plan.seconds))
    assert plan.time_left(5) == pytest.approx(np.mean(plan.seconds))
    assert "8 points: x (4) x y (2)" in str(plan)


def test_progress_and_time():
    shares = []
    result = Study(total, {"x": [1, 2, 3, 4]}).run(progress=shares.append)
    assert shares == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert (result.seconds >= 0).all()
    assert result.seconds.shape == (4,)


def test_threads_are_pinned():
    from crossbarsim.core.cpus import cpu_count

    before = torch.get_num_threads()
    result = Study(lambda x: {"torch": x + torch.get_num_threads(), "ours": x + cpu_count()}, {"x": [0]}, threads=3).run()
    assert result.dataset.torch.item() == result.dataset.ours.item() == 3
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Study(chip, {"wires.wrod": [1.0]}, config=CrossbarConfig(), context=1.0), r"did you mean 'wires\.word'"),
    (lambda: Study(total, {"z": [1]}), "axis 'z' is no argument of the measure"),
    (lambda: Study(total, {"product": [1]}), "is no argument"),
    (lambda: Study(drop, {"size": [1]}, config={"wires": 3}), "must be a record of settings"),
    (lambda: Study(chip, {"tile_shape": [(0, 4)]}, config=CrossbarConfig(), context=1.0), "axis 'tile_shape'"),
    (lambda: Study(total, {"x": [1]}, seeds=2), "neither `config` nor the measure has a `seed`"),
    (lambda: Study(3, {"x": [1]}), "must be a function"),
    (lambda: Study(total, {"x": [1]}, along="x"), "`along` is for the rule"),
    (lambda: Study(total, {"x": [1]}, stop=bool, along="y"), "no axis 'y'"),
    (lambda: Study(total, {"x": [1]}, threads=0), "`threads`"),
    (lambda: Study(total, {"x": [1]}).run(shard=(3, 2), workers=1), "`shard` must be k/n"),
    (lambda: Study(total, {"x": [1]}).run(shard="1/2"), "needs a folder"),
    (lambda: Study(total, {"x": [1]}).run(executor=3), "`executor` must have `submit`"),
    (lambda: Study(total, {"x": [1]}).run(executor=3, workers=1), "not both"),
])
def test_wrong_studies(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


@pytest.mark.parametrize("wrong", ["high", None, [1, "a"], {1: 2.0}, {"a/b": 1.0}, {"a": object()}])
def test_a_measure_that_gives_no_number_ends_the_study_and_loses_nothing(tmp_path, wrong):
    def measure(x):
        return 1.0 if x < 3 else wrong

    with pytest.raises(ParameterError, match="must give"):
        Study({"m": measure} if not isinstance(wrong, dict) else measure, {"x": [1, 2, 3, 4]}).run(tmp_path)
    assert len((tmp_path / "points.jsonl").read_bytes().splitlines()) == 3


def test_a_measure_with_the_name_of_an_axis():
    with pytest.raises(ParameterError, match="a measure is called 'x', as an axis is"):
        Study(lambda x: {"x": x}, {"x": [1]}).run()


def test_other_settings_and_other_code_are_not_mixed(tmp_path):
    Study(drop, {"size": [4]}, config={"wires": Wires(1.0, 1.0)}).run(tmp_path)
    with pytest.raises(ParameterError, match="other settings"):
        Study(drop, {"size": [4]}, config={"wires": Wires(1.0, 2.0)}).run(tmp_path)
    for context in (np.zeros(3), torch.zeros(3), torch.nn.Linear(2, 2)):
        out = tmp_path / type(context).__name__
        Study(second, {"x": [1]}, context=context).run(out)
        Study(second, {"x": [1]}, context=context).run(out)
        with torch.no_grad():
            other = context + 1 if not isinstance(context, torch.nn.Module) else torch.nn.Linear(2, 2)
        with pytest.raises(ParameterError, match="other settings"):
            Study(second, {"x": [1]}, context=other).run(out)
    Study(lambda x: x, {"x": [1]}).run(tmp_path / "code")
    with pytest.raises(ParameterError, match="other settings"):
        Study(lambda x: x + 1, {"x": [1]}).run(tmp_path / "code")


def test_two_drivers_on_one_folder(tmp_path):
    study = Study(total, {"x": [1]})
    errors = []

    def inner(x):
        import threading

        def second():
            try:
                study.run(tmp_path)
            except ParameterError as error:
                errors.append(str(error))

        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        return x

    Study(inner, {"x": [1]}).run(tmp_path)
    assert len(errors) == 1
    assert "is writing into this folder" in errors[0]


def test_a_record_that_was_changed_is_refused(tmp_path):
    study = Study(total, {"x": [1, 2]})
    study.run(tmp_path)
    path = tmp_path / "points.jsonl"
    path.write_text(path.read_text().replace('"sum": 1.0', '"sum": 1.5'))
    with pytest.raises(DataError, match="line 2 was changed"):
        study.run(tmp_path)


@pytest.mark.slow
def test_recording_costs_the_same_at_the_end_as_at_the_start(tmp_path):
    """A hundred thousand points, in tens as workers bring them; the last tenth costs as the first."""
    with Record(tmp_path / "points.jsonl", {}) as record:
        took = []
        for part in range(10):
            start = time.process_time()
            for k in range(part * 10_000, (part + 1) * 10_000, 100):
                record.add_many([{"key": {"x": n}, "values": {"v": n * 0.5}, "seconds": 0.1}
                                 for n in range(k, k + 100)])
            took.append(time.process_time() - start)
    assert min(took[-3:]) < 2 * min(took[:3])
    assert sum(took) < 60
    with Record(tmp_path / "points.jsonl", {}) as record:
        assert len(record) == 100_000
        assert record.get({"x": 99_999}) == {"v": 49999.5}


def test_settings_tell_everything(tmp_path):
    study = Study(chip, Listed([{"wires.word": 1.0, "g_on": 1e-4}]), config=CrossbarConfig(), context=2.0, name="n")
    result = study.run(tmp_path)
    result.save(tmp_path)
    told = json.loads((tmp_path / "study.json").read_text())
    assert told["name"] == "n"
    assert told["config"]["tile_shape"] == [128, 128]
    assert told["environment"]["numpy"] == np.__version__
    assert told["counts"]["done"] == 1
    assert result.settings == {k: v for k, v in told.items() if k not in ("counts", "failures")}
