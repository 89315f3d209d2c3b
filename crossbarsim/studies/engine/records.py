"""Points of a study, appended to a file one by one, so that an interrupted study goes on."""

from __future__ import annotations

import hashlib
import json
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ...core.environment import differences, package_version
from ...core.errors import ParameterError
from ...core.files import append_text, write_text
from ...core.locks import FolderLock
from ..data.errors import DataError

__all__ = ["Record", "optional_record"]

FORMAT = 2


class Record:
    """An append-only file of JSON lines: a header with the context, then one line per point.

    The context holds everything, apart from a point's own key, that its values depend on. A file
    with another context, or of another version of crossbarsim, is refused, so that results never
    mix. Every line ends with a hash of it: one that was changed later is refused, one that is taken
    out is measured again. The folder belongs to the record until `close`, the end of the ``with``
    or of the process.

    Parameters
    ----------
    path : Path
        Made, with its folder, where it does not exist.
    context : mapping
        JSON values.

    Raises
    ------
    ParameterError
        Where the file was written with another context; names what differs. Where another run
        writes into the folder.
    DataError
        Where the file is not such a record, or was changed.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from crossbarsim.studies import Record
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "points.jsonl")
    ...     with Record(path, {"sigma": 0.1}) as record:
    ...         record.add([64, 1.0], {"accuracy": 0.9})
    ...     with Record(path, {"sigma": 0.1}) as again:
    ...         again.get([64, 1.0])
    {'accuracy': 0.9}
    """

    def __init__(self, path: Path, context: Mapping[str, Any]) -> None:
        self.path = path
        # What JSON makes of it (tuples become lists) is what the file will say.
        self.context: dict[str, Any] = json.loads(json.dumps(context))
        self._points: dict[str, dict[str, Any]] = {}
        self._seconds: dict[str, float] = {}
        self._errors: dict[str, str] = {}
        lock = FolderLock(path.parent)
        self._release = weakref.finalize(self, lock.release)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        if self.path.is_dir():
            raise DataError(self.path, "is a folder; the record of a study is a file")
        if self.path.exists() and self.path.stat().st_size:
            self._read()
        else:
            self._begin()

    def _begin(self) -> None:
        version = package_version("crossbarsim")
        self._append({"record": FORMAT, "version": version, "context": self.context})

    def close(self) -> None:
        """Give the folder back to other runs."""
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _append(self, *entries: Mapping[str, Any]) -> None:
        lines = [json.dumps({**entry, "sha256": _hash(entry)}) + "\n" for entry in entries]
        append_text(self.path, "".join(lines), durable=True)

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
            except (ValueError, RecursionError) as error:
                raise DataError(self.path, f"line {number} is not JSON: {error}") from error
            entries.append(entry)
        if not entries:
            self._begin()
            return
        header, *points = entries
        if not isinstance(header, dict) or "record" not in header:
            raise DataError(self.path, "expected a header with the record's format in line 1")
        if header["record"] != FORMAT:
            raise DataError(
                self.path, f"was written by another version of crossbarsim (record format "
                f"{header['record']!r:.20}; this one has {FORMAT}): choose another `out` folder or "
                "delete it"
            )
        self._check_context(header.get("context"))
        self._check_hash(header, 1)
        if header.get("version") != (now := package_version("crossbarsim")):
            raise DataError(
                self.path, f"holds points that crossbarsim {header.get('version')!r:.40} measured; "
                f"this is {now}: choose another `out` folder or delete it"
            )
        for number, entry in enumerate(points, start=2):
            if not isinstance(entry, dict) or not {"key", "values"} <= set(entry):
                raise DataError(self.path, f"line {number}: expected `key` and `values`")
            self._check_hash(entry, number)
            self._keep(entry)

    def _check_hash(self, entry: Mapping[str, Any], number: int) -> None:
        rest = {name: value for name, value in entry.items() if name != "sha256"}
        if entry.get("sha256") != _hash(rest):
            raise DataError(
                self.path, f"line {number} was changed after it was written: delete the line"
                + (" to measure its point again" if number > 1 else " and all others")
            )

    def _check_context(self, found: Any) -> None:
        if found == self.context:
            return
        if not isinstance(found, dict):
            raise DataError(self.path, "the header has no context")
        raise ParameterError(
            f"{self.path} holds points of a study with other settings "
            f"({differences(found, self.context)}); choose another `out` folder or delete it"
        )

    def _keep(self, entry: Mapping[str, Any]) -> None:
        text = json.dumps(entry["key"])
        error, seconds = entry.get("error"), entry.get("seconds")
        if error is None:
            self._errors.pop(text, None)
            self._points[text] = dict(entry["values"])
        elif text not in self._points:
            self._errors[text] = str(error)
        if seconds is not None:
            self._seconds[text] = seconds

    def get(self, key: Any) -> dict[str, Any] | None:
        """Return the values of the point `key`, or None where it is not finished."""
        return self._points.get(json.dumps(key))

    def error(self, key: Any) -> str | None:
        """Return the message of the error that the point `key` raised; None: it raised none."""
        return self._errors.get(json.dumps(key))

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield what `add_many` takes for every point, those that raised an error last."""
        for kept in (self._points, self._errors):
            for text, value in kept.items():
                entry: dict[str, Any] = {"key": json.loads(text)}
                if kept is self._points:
                    entry["values"] = value
                else:
                    entry |= {"values": {}, "error": value}
                if text in self._seconds:
                    entry["seconds"] = self._seconds[text]
                yield entry

    def seconds(self, key: Any) -> float:
        """Return what the point `key` took, second; NaN where that is not known."""
        return self._seconds.get(json.dumps(key), float("nan"))

    def add(
        self, key: list[Any], values: Mapping[str, Any], *, seconds: float | None = None
    ) -> None:
        """Append the finished point `key`, and what it took."""
        entry: dict[str, Any] = {"key": key, "values": dict(values)}
        if seconds is not None:
            entry["seconds"] = seconds
        self.add_many([entry])

    def add_many(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Append points that are finished, all at once.

        Parameters
        ----------
        entries : sequence of mapping
            With ``key`` and ``values``; ``seconds`` that it took; the ``error`` that it raised,
            in which case there are no values.
        """
        if entries:
            self._append(*entries)
        for entry in entries:
            self._keep(entry)

    def take(
        self, key: list[Any], measure: Callable[[], Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """Return the values of the point `key`; where it is not finished `measure` it first."""
        found = self.get(key)
        if found is None:
            self.add(key, measure())
            found = self._points[json.dumps(key)]
        return found

    def __len__(self) -> int:
        return len(self._points)


class _NoRecord:
    """Of studies that keep nothing."""

    @staticmethod
    def take(key: list[Any], measure: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        del key
        return measure()


@contextmanager
def optional_record(
    out: Path | None, name: str, context: Mapping[str, Any]
) -> Iterator[Record | _NoRecord]:
    """Yield the record `name` in the folder `out`, or where that is None one that keeps nothing."""
    if out is None:
        yield _NoRecord()
        return
    with Record(Path(out) / name, context) as record:
        yield record


def _hash(entry: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(entry).encode()).hexdigest()[:16]
