"""Pages of studies, and of commands with ``--html``."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from crossbarsim import ParameterError
from crossbarsim.cli.main import app
from crossbarsim.studies import Study, read_delay, read_margin, tile_map
from crossbarsim.studies.results.view import points_view


def data_of(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def measure(ohm, tile, seed):
    if ohm == 2.0 and tile == "b":
        raise ValueError("no such chip")
    return {"accuracy": 1.0 - 0.1 * ohm - 0.01 * seed, "energy": 1e-9 * ohm}


def test_a_study(tmp_path):
    result = Study(measure, {"ohm": [1.0, 2.0], "tile": ["a", "b"]}, seeds=3).run()
    page = data_of(result.to_html(tmp_path / "s.html", command="run me"))
    grid, table = page["panels"]
    assert [axis["name"] for axis in grid["axes"]] == ["ohm", "tile"]
    accuracy, energy = grid["measures"]
    assert energy["unit"] == "J"
    whole = result.dataset["accuracy"]
    mean, deviation = whole.mean("seed").to_numpy().ravel(), whole.std("seed", ddof=1).to_numpy().ravel()
    assert accuracy["mean"][:3] == pytest.approx(list(mean[:3]))
    assert accuracy["mean"][3] is None  # failed: a gap
    assert accuracy["low"][:3] == pytest.approx(list((mean - deviation)[:3]))
    assert len(table["rows"]) == 12
    assert page["command"] == "run me"
    assert dict(page["facts"])["points"] == "9 of 12, 3 failed"
    assert "accuracy" in result._repr_html_()


def test_points_with_gaps():
    table = pd.DataFrame({"n": [1, 1, 2], "kind": [(2, 3), (4, 5), (2, 3)], "y": [0.1, 0.2, 0.3], "chip": [0, 0, 0]})
    view = points_view("t", table, ("n", "kind"), {"y": "V"}, {}, {}, "chip")
    (one,) = view.panels[0].measures
    assert np.array_equal(one.mean, [[0.1, 0.2], [0.3, np.nan]], equal_nan=True)
    assert one.low is None
    with pytest.raises(ParameterError, match="nothing to show"):
        points_view("t", table[:0], ("n",), {"y": "V"}, {}, {})


def test_studies_of_arrays(tmp_path):
    for name, result in (
        ("margin", read_margin([2, 4])), ("delay", read_delay([2, 4])), ("tile", tile_map(np.full((6, 5), 1e-5), 2.0)),
    ):
        page = data_of(result.to_html(tmp_path / f"{name}.html"))
        assert page["panels"][0]["kind"] == ("map" if name == "tile" else "grid")
        assert result.plot().axes[0].get_xlabel()


def test_commands_write_pages(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("g.npy", np.full((4, 3), 1e-5))
    np.save("v.npy", np.full(4, 0.2))
    monkeypatch.setattr("sys.argv", ["crossbarsim", "solve", "g.npy", "v.npy", "--html", "a b"])
    done = CliRunner().invoke(app, ["solve", "g.npy", "v.npy", "--html", "a b"])
    assert done.exit_code == 0
    assert "wrote a b.html" in done.output
    page = data_of(tmp_path / "a b.html")
    assert page["command"] == "crossbarsim solve g.npy v.npy --html 'a b'"
    assert len(page["panels"][0]["frames"][0]["values"]) == 25
    for place, text in (("x.png", "must end in .html"), ("nowhere/x.html", "No such file")):
        refused = CliRunner().invoke(app, ["solve", "g.npy", "v.npy", "--html", place])
        assert refused.exit_code == 2
        assert text in refused.output
