"""Pages of studies, and of commands with ``--html``."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from crossbarsim import ParameterError, Wires
from crossbarsim.cli.main import app
from crossbarsim.core.views.figures import figure_of
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
    grid, square, table = page["panels"]
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
    assert (square["kind"], square["rows"], square["columns"]) == ("map", "tile", "ohm")
    assert [axis["values"] for axis in square["places"]] == [["a", "b"], [1.0, 2.0]]


def test_a_map_over_two_axes_with_a_slider_for_the_third():
    def value(a, b, c):
        return {"y": a + 10.0 * b + 100.0 * c}

    view = Study(value, {"a": [1, 2, 3], "b": [1, 2], "c": [1, 2]}).run()._view()
    square = view.panels[1]
    assert (square.columns, square.rows) == ("a", "b")
    assert [axis.name for axis in square.frames] == ["c"]
    assert np.array_equal(square.frame("y", (1,)), [[211, 212, 213], [221, 222, 223]])
    figure = figure_of(view.title, view.panels)
    assert [t.get_text() for t in figure.axes[1].get_xticklabels()] == ["1", "2", "3"]
    # names of settings are written as they are typed
    wired = Study(lambda wires, x: float(wires.word) + x, {"wires.word": [1.0, 2.0], "x": [1, 2]},
                  config={"wires": Wires(word=1.0, bit=1.0)}).run()._view()
    labels = [(ax.get_xlabel(), ax.get_ylabel()) for ax in figure_of(wired.title, wired.panels).axes]
    assert ("wires.word (ohm)", "X") in labels
    assert not any("Wires" in text for pair in labels for text in pair)
    line = Study(value, {"a": [1, 2, 3], "b": [1], "c": [1]}).run()._view()
    assert [type(p).__name__ for p in line.panels] == ["Grid", "Table"]


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


def test_pages_of_loops_and_of_decks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["device", "iv", "vteam", "--points", "100", "--html", "loop.html"])
    assert done.exit_code == 0, done.output
    assert "wrote loop.html" in done.output
    assert data_of(tmp_path / "loop.html")["panels"][0]["title"] == "Current and voltage"
    (tmp_path / "a.cir").write_text(
        "divider\nv1 in 0 dc 2 sin(0 1 1k)\nr1 in out 1k\nr2 out 0 1k\nc1 out 0 100n\n.op\n.tran 10u 1m\n"
        ".four 1k v(out)\n.end\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["run", "a.cir", "--html", "a.html"])
    assert done.exit_code == 0, done.output
    page = data_of(tmp_path / "a.html")
    titles = [panel["title"] for panel in page["panels"]]
    assert titles[0] == "Operating Point: Voltages"
    assert "Transient Analysis: Voltage" in titles
    assert "Fourier: Phases" in titles
    assert dict(page["facts"])["deck"] == "a.cir"
    (tmp_path / "b.cir").write_text("nothing\nr1 a 0 1\nv1 a 0 1\n.control\necho none\n.endc\n.end\n",
                                     encoding="utf-8")
    refused = CliRunner().invoke(app, ["run", "b.cir", "--html", "b.html"])
    assert refused.exit_code == 2
    assert "no analysis has a result to show on a page" in refused.output
    assert not (tmp_path / "b.html").exists()
