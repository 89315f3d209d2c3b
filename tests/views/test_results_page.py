"""The page on results: its snippets run in order, its pictures and commands are there."""

import re
import sys
import types
from pathlib import Path

from typer.testing import CliRunner

from crossbarsim.cli.main import app

PAGE = Path(__file__).parents[2] / "docs" / "results.md"
TEXT = PAGE.read_text(encoding="utf-8")


class Recorder:
    """Stands for a module or a run: keeps what is called."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*arguments, **options):
            self.calls.append((name, arguments, options))
            return self

        return call

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


def test_snippets_run_in_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fakes = {}
    for name in ("mlflow", "wandb"):
        fakes[name] = Recorder()
        module = types.ModuleType(name)
        module.__getattr__ = fakes[name].__getattr__
        monkeypatch.setitem(sys.modules, name, module)
    snippets = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    assert len(snippets) == 5
    space = {}
    for number, snippet in enumerate(snippets):
        exec(compile(snippet, f"snippet {number}", "exec"), space)  # noqa: S102
    for name in ("tile.html", "program.html", "loop.html", "loop.png"):
        assert 1000 < (tmp_path / name).stat().st_size < 1_000_000
    assert "('row', 'column') A" in capsys.readouterr().out
    (metrics,) = [a[0] for n, a, _ in fakes["mlflow"].calls if n == "log_metrics"]
    assert metrics["writes"] == space["result"].writes
    assert [a for n, a, _ in fakes["mlflow"].calls if n == "log_artifact"] == [("program.html",)]
    assert any(n == "Html" for n, _, _ in fakes["wandb"].calls)


def test_pictures_are_there_and_small():
    found = re.findall(r"!\[.{20,}?\]\((images/[\w-]+\.png)\)", TEXT)
    assert len(found) == 2
    for name in found:
        assert 5_000 < (PAGE.parent / name).stat().st_size < 200_000


def test_commands_exist():
    for words in (["solve"], ["program"], ["study", "run"], ["study", "ir-drop"], ["study", "read-margin"]):
        shown = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"})
        assert "--html" in shown.output
    assert "--verbose" in CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output


def test_results_that_are_named_have_pages():
    import crossbarsim.solvers

    from crossbarsim import devices, nn, programming, solvers, studies

    rows = re.findall(r"^\| (`.*?) \|", TEXT, re.MULTILINE)
    names = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert len(names) > 8
    for name in names:
        one = next(getattr(m, name) for m in (solvers, devices, nn, programming, studies) if hasattr(m, name))
        assert callable(one.to_html)
        assert callable(one._repr_html_)
    assert crossbarsim.solvers is solvers
