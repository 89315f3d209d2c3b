"""The page on devices of one's own: its commands exist."""

from pathlib import Path

from typer.testing import CliRunner

from crossbarsim.cli.main import app

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "own-devices.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_commands_exist():
    for command, option in (("show", ""), ("fit", "--model"), ("fit", "--out")):
        assert f"crossbarsim device {command}" in TEXT
        shown = CliRunner().invoke(app, ["device", command, "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0
        assert option in shown.output
