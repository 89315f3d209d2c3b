"""The scripts that people copy: they run, are short, leave a picture, and the command copies them."""

import ast
import io
import runpy
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crossbarsim.cli.main import app

FOLDER = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(path for path in FOLDER.glob("*.py") if path.name != "__init__.py")
LONG = {"convert_a_network", "fit_a_device", "language_model", "program_an_array", "study_of_your_own"}


def test_there_are_ten():
    assert len(SCRIPTS) >= 10


@pytest.mark.parametrize("path", [
    pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.stem in LONG else []) for path in SCRIPTS
])
def test_it_runs_is_short_and_leaves_a_picture(path, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    assert len(ast.get_docstring(ast.parse(text)).partition("\n")[0]) < 99
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    printed = io.StringIO()
    with redirect_stdout(printed):
        runpy.run_path(str(path), run_name="__main__")
    pyplot.close("all")
    assert len(printed.getvalue()) > 30
    if "savefig" in text:
        assert (tmp_path / f"{path.stem}.png").stat().st_size > 5_000


def test_the_command_lists_and_copies_them(tmp_path):
    listed = CliRunner().invoke(app, ["examples"])
    assert listed.exit_code == 0
    assert all(path.stem in listed.output for path in SCRIPTS)
    names = [SCRIPTS[0].stem, SCRIPTS[1].name]
    assert CliRunner().invoke(app, ["examples", *names, "--out", str(tmp_path / "new")]).exit_code == 0
    assert (tmp_path / "new" / SCRIPTS[1].name).read_bytes() == SCRIPTS[1].read_bytes()
    there = CliRunner().invoke(app, ["examples", "all", "--out", str(tmp_path / "new")])
    assert there.exit_code == 2
    assert "--force" in there.output
    assert len(list((tmp_path / "new").iterdir())) == 2  # none of the others was written
    assert CliRunner().invoke(app, ["examples", "all", "--force", "--out", str(tmp_path / "new")]).exit_code == 0
    assert len(list((tmp_path / "new").iterdir())) == len(SCRIPTS)
    wrong = CliRunner().invoke(app, ["examples", SCRIPTS[0].stem[:-1]])
    assert wrong.exit_code == 2
    assert f"did you mean '{SCRIPTS[0].stem}'" in wrong.output
