"""The page on results: its pictures and commands are there."""

import re
from pathlib import Path

from typer.testing import CliRunner

from crossbarsim.cli.main import app

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "results.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_pictures_are_there_and_small():
    found = re.findall(r"!\[.{20,}?\]\((\.\./images/[\w-]+\.png)\)", TEXT)
    assert len(found) == 2
    for name in found:
        assert 5_000 < (PAGE.parent / name).stat().st_size < 200_000


def test_commands_exist():
    for words in (["solve"], ["program"], ["study", "run"], ["study", "ir-drop"], ["study", "read-margin"],
                  ["run"], ["device", "iv"]):
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
