"""The page on devices of one's own: its snippets run in order, its commands exist."""

import re
from pathlib import Path

from typer.testing import CliRunner

from crossbarsim.cli.main import app
from tests.helpers.osdi import have_compiler

PAGE = Path(__file__).parents[1] / "docs" / "own-devices.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_snippets_run_in_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(
        r"^(<!-- needs the compiler -->\n)?```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE
    )
    assert len(snippets) == 6
    space = {}
    for number, (compiled, snippet) in enumerate(snippets):
        if not compiled or have_compiler():
            exec(compile(snippet, f"snippet {number}", "exec"), space)  # noqa: S102
    assert "r_off" in capsys.readouterr().out
    assert (tmp_path / "mine.toml").stat().st_size > 0
    if have_compiler():
        assert 0.0 < space["result"]["v(out)"] < 1.2


def test_commands_exist():
    for command, option in (("show", ""), ("fit", "--model"), ("fit", "--out")):
        assert f"crossbarsim device {command}" in TEXT
        shown = CliRunner().invoke(app, ["device", command, "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0
        assert option in shown.output
