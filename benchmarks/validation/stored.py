"""Reference data that are kept: digitised and printed values, and results of other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from crossbarsim.core.files import write_text

FOLDER = Path(__file__).parent / "published"


def stored(name: str) -> dict[str, Any]:
    """Return the file of this name; it says where its numbers come from."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def store(name: str, source: dict[str, str], data: dict[str, Any]) -> None:
    """Write reference data; lists of numbers stand on one line each."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in data.items()]
    body = ",\n  ".join([f'"source": {json.dumps(source)}', *lines])
    write_text(FOLDER / f"{name}.json", "{\n  " + body + "\n}\n")


def digits(values: Any, count: int = 9) -> list[Any]:
    """Return numbers, or lists of them, with this many significant digits."""
    if isinstance(values, (int, float)):
        return float(f"{values:.{count}g}")  # type: ignore[return-value] - the leaf of the recursion
    return [digits(v, count) for v in values]
