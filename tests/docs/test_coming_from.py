"""The tables for users of other simulators: every name on their right exists, with its arguments."""

import inspect
import pkgutil
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "comparisons"
NAMES = sorted({
    (name, arguments)
    for page in ("coming-from-aihwkit.md", "coming-from-crosssim.md")
    for name, arguments in re.findall(
        r"`(crossbarsim\.[\w.]+)(?:\(([^`]*)\))?`", (FOLDER / page).read_text(encoding="utf-8"))
})


def test_there_are_many():
    assert len(NAMES) > 35


@pytest.mark.parametrize(("name", "arguments"), NAMES)
def test_names_exist(name, arguments):
    pytest.importorskip("torch")
    found = pkgutil.resolve_name(name)
    known = inspect.signature(found).parameters if arguments else ()
    assert all(argument.strip().rstrip("=") in known for argument in arguments.split(",") if argument.strip())
