"""Points of a study, appended to a file one by one, so that an interrupted study goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import ParameterError
from ..core.files import append_text, write_text
from .data.errors import DataError

__all__ = ["Record"]

FORMAT = 1


class Record:
    """An append-only file of JSON lines: a header with the context, then one line per point.

    The context holds everything, apart from a point's own key, that its values depend on. A file
    with another context is refused, so that results of different studies never mix.

    Parameters
    ----------
    path : Path
        Made, with its folder, where it does not exist.
    context : mapping
        JSON values.

    Raises
    ------
    ParameterError
        Where the file was written with another context; names what differs.
    DataError
        Where the file is not such a record.
    """

    def __init__(self, path: Path, context: Mapping[str, Any]) -> None:
        self.path = path
        # What JSON makes of it (tuples become lists) is what the file will say.
        self.context: dict[str, Any] = json.loads(json.dumps(context))
        self._points: dict[str, dict[str, Any]] = {}
        if path.exists() and path.stat().st_size:
            self._read()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._append({"record": FORMAT, "context": self.context})

    def _append(self, entry: Mapping[str, Any]) -> None:
        append_text(self.path, json.dumps(entry) + "\n", durable=True)

    def _read(self) -> None:
        try:
            text = self.path.read_bytes().decode()
        except UnicodeDecodeError as error:
            raise DataError(self.path, f"expected JSON lines in UTF-8; {error}") from error
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            # The process ended while it wrote its last line: that point is computed again.
            write_text(self.path, whole)
        entries = []
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                entry = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(self.path, f"line {number} is not JSON: {error}") from error
            entries.append(entry)
        if not entries:
            self._append({"record": FORMAT, "context": self.context})
            return
        header, *points = entries
        if not isinstance(header, dict) or header.get("record") != FORMAT:
            raise DataError(self.path, f"expected a header with record format {FORMAT} in line 1")
        self._check_context(header.get("context"))
        for number, entry in enumerate(points, start=2):
            if not isinstance(entry, dict) or set(entry) != {"key", "values"}:
                raise DataError(self.path, f"line {number}: expected `key` and `values`")
            self._points[json.dumps(entry["key"])] = entry["values"]

    def _check_context(self, found: Any) -> None:
        if found == self.context:
            return
        if not isinstance(found, dict):
            raise DataError(self.path, "the header has no context")
        names = sorted(
            name for name in {*found, *self.context} if found.get(name) != self.context.get(name)
        )
        changes = "; ".join(
            f"{name}: {found.get(name)!r:.80} there, {self.context.get(name)!r:.80} now"
            for name in names
        )
        raise ParameterError(
            f"{self.path} holds points of a study with other settings ({changes}); choose another "
            "`out` folder or delete it"
        )

    def get(self, key: list[Any]) -> dict[str, Any] | None:
        """Return the values of the point `key`, or None where it is not finished."""
        return self._points.get(json.dumps(key))

    def add(self, key: list[Any], values: Mapping[str, Any]) -> None:
        """Append the finished point `key`."""
        self._append({"key": key, "values": dict(values)})
        self._points[json.dumps(key)] = dict(values)

    def __len__(self) -> int:
        return len(self._points)
