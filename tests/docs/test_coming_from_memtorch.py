"""The table for users of MemTorch: every name on its right exists, its commands, too."""

import importlib
import inspect
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crossbarsim.cli.main import app

PAGE = Path(__file__).parents[2] / "docs" / "comparisons" / "coming-from-memtorch.md"
TEXT = PAGE.read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip().strip("|").split("|")]
    for line in TEXT.splitlines() if line.startswith("|") and not line.startswith("|---")
]
NAMES = sorted(set(re.findall(r"`(crossbarsim\.[\w.]+)(\([^`]*\))?`", TEXT)))


def resolve(dotted):
    parts = dotted.split(".")
    found = importlib.import_module(parts[0])
    for k, part in enumerate(parts[1:], start=2):
        # functions go before the modules of the same name
        found = getattr(found, part, None) or importlib.import_module(".".join(parts[:k]))
    return found


@pytest.mark.parametrize(("name", "arguments"), NAMES, ids=[a + b for a, b in NAMES])
def test_names_exist(name, arguments):
    found = resolve(name)
    if not arguments:
        return
    inner = arguments[1:-1]
    if name.endswith(".preset"):
        assert resolve(name.removesuffix(".preset")).preset(inner.strip('"')) is not None
        return
    known = set(inspect.signature(found).parameters)
    if inspect.isclass(found) and hasattr(found, "_declared"):
        known |= set(found._declared)
    for argument in inner.split(","):
        assert argument.partition("=")[0].strip() in known, f"{name} has no `{argument}`"


def test_every_row_says_where_to_go():
    assert len(ROWS) > 60
    for row in ROWS:
        if row[0] == "MemTorch":
            continue
        assert len(row) in (2, 3)
        assert "crossbarsim" in row[1] or row[1] in ("none", "none needed", "the model itself"), row


def test_commands_exist():
    commands = re.findall(r"`(crossbarsim study [^`]+)`", TEXT)
    assert len(commands) >= 4
    for command in commands:
        words = shlex.split(command)
        shown = CliRunner().invoke(app, [*words[1:3], "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0
        for option in words[3:]:
            if option.startswith("--"):
                assert option in shown.output
