"""Studies from files: what they run, the line of every mistake, the commands."""

import json
import time
import tomllib
from functools import partial

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from crossbarsim.cli.main import app
from crossbarsim.nn import CrossbarConfig
from crossbarsim.studies import NetworkStudy, StudyResult
from crossbarsim.studies.engine import schedulers
from crossbarsim.studies.files import TEMPLATE, StudyFileError, prepare, read_study_file
from crossbarsim.studies.files.lines import key_lines

RUN = CliRunner()
MODULE = """
import torch
from torch import nn

def model(width=8):
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(6, width), nn.ReLU(), nn.Linear(width, 3))

def held_out(count=20):
    torch.manual_seed(4)
    x = torch.randn(count, 6)
    return [(x, model()(x).argmax(1))]

def right(outputs, targets):
    return float((outputs.argmax(1) == targets).double().mean())

def hopeless(branch):
    return branch[-1]["accuracy"] < 2

def square(x, y=0.0):
    if x == 3:
        raise ValueError("no three")
    return {"z": x * x + y}

def wired(wires, x):
    return {"z": x * float(wires.word)}

def broken():
    raise RuntimeError("nothing here")

number = 3
"""
NETWORK = """
metric = ["accuracy", "output-error"]
[study]
seeds = 2
out = "res"
[model]
import = "their_study:model"
[data]
import = "their_study:held_out"
[config]
tile_shape = [8, 8]
r_on_sigma = 0.1
[axes]
ohm = { values = [0.0, 30.0], fields = ["wires.word", "wires.bit"], unit = "ohm" }
"""
MEASURE = """
[study]
out = "res"
[measure]
import = "their_study:square"
[axes]
x = [1, 2, 3, 4]
y = [0.0, 0.5]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    import sys

    (tmp_path / "their_study.py").write_text(MODULE)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "their_study", raising=False)
    yield tmp_path
    sys.modules.pop("their_study", None)


def written(folder, text):
    (folder / "study.toml").write_text(text)
    return folder / "study.toml"


def test_a_network_from_a_file_is_the_study_in_python(folder):
    found = prepare(read_study_file(written(folder, NETWORK)))
    assert found.out == folder / "res"
    import their_study

    from crossbarsim.studies import Axis

    same = NetworkStudy(
        their_study.model(), their_study.held_out(), CrossbarConfig(tile_shape=(8, 8), r_on_sigma=0.1),
        axes={"ohm": Axis([0.0, 30.0], fields=("wires.word", "wires.bit"), unit="ohm")}, seeds=2,
        metric=["accuracy", "output-error"], name="study")
    assert found.study.run().dataset.identical(same.run().dataset)


def test_state_and_arguments_and_own_metric(folder):
    import sys

    sys.path.insert(0, str(folder))
    import their_study

    state = {k: v + 0.5 for k, v in their_study.model(5).state_dict().items()}
    torch.save(state, folder / "w.pt")
    text = NETWORK.replace('metric = ["accuracy", "output-error"]', "").replace(
        'import = "their_study:model"',
        'import = "their_study:model"\narguments = { width = 5 }\nstate_dict = "w.pt"\nexclude = ["2"]\n[metric]\n'
        'own = "their_study:right"')
    study = prepare(read_study_file(written(folder, text))).study
    assert torch.equal(study.context.model[0].weight, state["0.weight"])
    assert study.run().measures == ("own",)


def test_run_show_merge_and_failures(folder):
    path = str(written(folder, MEASURE))
    shown = RUN.invoke(app, ["study", "show", path])
    assert shown.exit_code == 0, shown.output
    for words in ("8 points: x (4) x y (2)", "1 points done", "a point", "for every worker", "folder: "):
        assert words in shown.output
    found = RUN.invoke(app, ["study", "run", path])
    assert found.exit_code == 0, found.output
    assert "6 of 8, 2 failed" in found.output
    assert "failed: x = 3, y = 0.0: ValueError: no three" in found.output
    result = StudyResult.load(folder / "res")
    assert result.dataset.z.sel(x=2, y=0.5).item() == 4.5
    assert json.loads((folder / "res" / "study.json").read_text())["counts"]["failed"] == 2
    for k in (1, 2):
        part = RUN.invoke(app, ["study", "run", path, "--shard", f"{k}/2", "--out", str(folder / "parts")])
        assert part.exit_code == 0, part.output
        assert "points of shard" in part.output
    merged = RUN.invoke(app, ["study", "merge", path, "--out", str(folder / "parts")])
    assert merged.exit_code == 0, merged.output
    assert StudyResult.load(folder / "parts").dataset.identical(result.dataset)
    for name in ("result.nc", "results.csv", "table.md", "study.json"):
        assert (folder / "parts" / name).read_bytes() == (folder / "res" / name).read_bytes()


def test_records_by_name_and_all_kinds_of_axes(folder):
    text = MEASURE.replace('"their_study:square"', '"their_study:wired"').replace("y = [0.0, 0.5]", """
"wires.word" = [1.0, 2.0]
""").replace("[axes]", '[config]\ntype = "Wires"\n[axes]')
    with pytest.raises(StudyFileError, match=r"axis 'wires\.word'"):  # the record is no argument by name
        prepare(read_study_file(written(folder, text)))
    text = MEASURE.replace("x = [1, 2, 3, 4]\ny = [0.0, 0.5]", """
both = { zip = { x = [1, 2], y = [3.0, 4.0] } }
""")
    data = prepare(read_study_file(written(folder, text))).study.run().dataset
    assert data.z.to_numpy().tolist() == [4.0, 8.0]
    text = MEASURE.replace("x = [1, 2, 3, 4]\ny = [0.0, 0.5]", """
drawn = { sample = { x = [0.0, 1.0], y = [0.0, 1.0] }, count = 4, method = "latin-hypercube" }
""")
    data = prepare(read_study_file(written(folder, text))).study.run().dataset
    assert np.allclose(data.z, data.x**2 + data.y)
    text = MEASURE.replace("x = [1, 2, 3, 4]\ny = [0.0, 0.5]", """
p = { points = [{ x = 1, y = 1.0 }, { x = 2, y = 0.0 }] }
""")
    assert prepare(read_study_file(written(folder, text))).study.run().dataset.z.to_numpy().tolist() == [2.0, 4.0]


def test_the_template_is_a_study(folder, monkeypatch):
    monkeypatch.chdir(folder)
    made = RUN.invoke(app, ["study", "new", "mine.toml"])
    assert made.exit_code == 0, made.output
    again = RUN.invoke(app, ["study", "new", "mine.toml"])
    assert again.exit_code == 2
    assert "is there already" in again.stderr
    text = (folder / "mine.toml").read_text().replace("my_study", "their_study")
    assert tomllib.loads(text)
    study = prepare(read_study_file(written(folder, text))).study
    assert study.points.shape == (3, 3, 3)
    # what is commented out is right, too
    extra = [line.removeprefix("# ") for line in TEMPLATE.splitlines() if line.startswith(
        ("# tile_shape", "# node", "# corner", "# drawn"))]
    assert len(extra) == 4
    for line in extra:
        alone = text[:text.index("[axes]")] + "[axes]\n" + line + "\n"
        assert len(prepare(read_study_file(written(folder, alone))).study.points) > 3


@pytest.mark.parametrize(("old", "new", "line", "message"), [
    ("[axes]", "[axis]", 13, "there is no table `axis`; did you mean 'axes'"),
    ("seeds = 2", "seed = 2", 4, r"\[study\] has no `seed`; did you mean 'seeds'"),
    ("seeds = 2", 'seeds = "two"', 4, "`seeds` must be an integer"),
    ("seeds = 2", "seeds = 0", 4, "`seeds` must be a number of chips"),
    ("seeds = 2", "seeds = ", 4, "is no TOML"),
    ("their_study:model", "their_study:modell", 7, "has no 'modell'; did you mean 'model'"),
    ("their_study:model", "no_such_module:model", 7, "there is no module 'no_such_module'"),
    ("their_study:model", "their_study", 7, "must be an import path"),
    ("their_study:model", "their_study:number", 7, "must give a torch.nn.Module; it gives int"),
    ("their_study:model", "their_study:broken", 7, "raised RuntimeError: nothing here"),
    ("their_study:held_out", "their_study:number", 8, "must bring batches"),
    ('import = "their_study:held_out"', 'folder = "nowhere"', 9, "nowhere: no such folder"),
    ('import = "their_study:held_out"', "batch = 3", 8, "needs `folder` or `import`"),
    ("tile_shape = [8, 8]", "tile_shap = [8, 8]", 11, "has no setting `tile_shap`"),
    ("tile_shape = [8, 8]", "tile_shape = [0, 8]", 11, "`tile_shape` must be"),
    ("r_on_sigma = 0.1", "[config.wires]\nwrod = 1.0", 13, "has no setting `wrod`"),
    ('"wires.word", "wires.bit"', '"wires.wrod"', 14, r"did you mean 'wires\.word'"),
    ("values = [0.0, 30.0]", "value = [0.0, 30.0]", 14, "has no `value`; did you mean 'values'"),
    ("values = [0.0, 30.0]", "values = [0.0, -1.0]", 14, "axis 'ohm'"),
    ("values = [0.0, 30.0]", "values = []", 14, "has no value"),
    ("values = [0.0, 30.0], ", "", 14, "needs one of values, zip, points, sample"),
    ("ohm = {", "wires = { word = [1.0], ", 14, "stands in quotes"),
    ('"accuracy", "output-error"', '"acuracy"', 2, "no metric 'acuracy'; did you mean 'accuracy'"),
    ('[data]\nimport = "their_study:held_out"', "", None, r"\[data\] is missing"),
    ("[model]", '[measure]\nimport = "their_study:square"\n[model]', 8, "is another kind of study"),
    ('import = "their_study:model"', 'import = "their_study:model"\nstate_dict = "no.pt"', 8, "there is no such file"),
    ('import = "their_study:model"', 'import = "their_study:model"\nstate_dict = "their_study.py"', 8,
     "is no state of a model"),
])
def test_the_line_of_every_mistake(folder, old, new, line, message):
    assert old in NETWORK
    path = written(folder, NETWORK.replace(old, new))
    with pytest.raises(StudyFileError, match=message) as caught:
        prepare(read_study_file(path))
    assert caught.value.line == line
    result = RUN.invoke(app, ["study", "run", str(path)])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {path}{f':{line}' if line else ''}: ")
    assert result.stderr.count("\n") == 1
    assert not (folder / "res").exists()


def test_a_state_that_does_not_fit(folder):
    torch.save({"0.weight": torch.zeros(2, 2)}, folder / "w.pt")
    path = written(folder, NETWORK.replace('import = "their_study:model"',
                                           'import = "their_study:model"\nstate_dict = "w.pt"'))
    with pytest.raises(StudyFileError, match="does not fit the model") as caught:
        prepare(read_study_file(path))
    assert caught.value.line == 8


@pytest.mark.parametrize(("options", "message"), [
    (["--shard", "3/2"], "`shard` must be k/n"), (["--workers", "0"], "`workers` must be"),
    (["--workers", "1", "--scheduler", "tcp://x:1"], "not both"),
])
def test_options_that_are_none(folder, options, message):
    result = RUN.invoke(app, ["study", "run", str(written(folder, MEASURE)), *options])
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert not (folder / "res").exists()


def test_a_scheduler_by_its_address(folder):
    distributed = pytest.importorskip("distributed")
    path = str(written(folder, MEASURE))
    here = RUN.invoke(app, ["study", "run", path, "--out", str(folder / "here")])
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, protocol="tcp://",
                                  host="127.0.0.1", dashboard_address=None) as cluster:
        assert cluster.scheduler_address.startswith("tcp://127.0.0.1:")
        there = RUN.invoke(app, ["study", "run", path, "--out", str(folder / "there"), "--scheduler",
                                  cluster.scheduler_address])
    assert (here.exit_code, there.exit_code) == (0, 0), there.output
    found = [StudyResult.load(folder / name).dataset for name in ("here", "there")]
    for name in found[0]:
        assert np.array_equal(found[0][name], found[1][name], equal_nan=True)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "127.0.0.1:9", "nonsense://x", "tcp://x y"])
def test_a_scheduler_that_is_not_there(folder, monkeypatch, address):
    pytest.importorskip("distributed")
    monkeypatch.setattr(schedulers, "dask_client", partial(schedulers.dask_client, timeout=0.5))
    start = time.monotonic()
    result = RUN.invoke(app, ["study", "run", str(written(folder, MEASURE)), "--scheduler", address])
    assert time.monotonic() - start < 30
    assert result.exit_code == 2, result.output
    assert f"error: no scheduler answers at {address}" in result.stderr
    assert "start one with `dask scheduler`" in result.stderr
    assert "Traceback" not in result.output
    assert not (folder / "res").exists()


def test_no_file_and_no_shards(folder):
    result = RUN.invoke(app, ["study", "run", str(folder / "none.toml")])
    assert result.exit_code == 2
    assert "there is no such file; `crossbarsim study new` writes one" in result.stderr
    result = RUN.invoke(app, ["study", "merge", str(written(folder, MEASURE))])
    assert result.exit_code == 2
    assert "there are no shards here" in result.stderr


def test_nothing_but_failures_is_an_error(folder):
    result = RUN.invoke(app, ["study", "run", str(written(folder, MEASURE.replace("[1, 2, 3, 4]", "[3]")))])
    assert result.exit_code == 1
    assert "0 of 2, 2 failed" in result.output


def test_lines_of_keys():
    text = 'a = """\nx = 1\n"""\nb = [\n "c = 1", # d = [\n {e = 2}\n]\n"f.g".h = 3\n[[t]]\nu = 1\n[[t]]\nu = 2\n'
    found = key_lines(text)
    assert found == {("a",): 1, ("b",): 4, ("f.g",): 8, ("f.g", "h"): 8, ("t",): 9, ("t", "0"): 9,
                     ("t", "0", "u"): 10, ("t", "1"): 11, ("t", "1", "u"): 12}
    assert tomllib.loads(text)["f.g"] == {"h": 3}
