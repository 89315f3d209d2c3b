"""A study file: read, checked, every mistake with its line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...core.errors import ParameterError
from ...core.settings import closest
from ...core.validation import shown
from ..engine.axes import Axis, Listed, Sampled, Zipped
from .lines import Lines, key_lines

__all__ = ["StudyFile", "StudyFileError", "axes_of", "read_study_file"]


class StudyFileError(ParameterError):
    """A study file is not what it must be.

    Parameters
    ----------
    message : str
        What is wrong.
    file : Path
    line : int or None
    """

    def __init__(self, message: str, file: Path, line: int | None = None) -> None:
        where = f"{file}:{line}" if line else str(file)
        super().__init__(f"{where}: {message}")
        self.message, self.file, self.line = message, file, line


_TABLES: dict[str, dict[str, str]] = {
    "study": {"name": "a string", "out": "a string", "seeds": "an integer or a list of integers",
              "threads": "an integer", "units": "a table", "along": "a string",
              "stop": "a string, module:function"},
    "model": {"import": "a string, module:name", "arguments": "a table",
              "state_dict": "a string, a file", "include": "a string or a list",
              "exclude": "a string or a list", "fold": "true or false"},
    "data": {"folder": "a string", "import": "a string, module:name", "arguments": "a table",
             "batch": "an integer", "examples": "an integer"},
    "calibration": {"import": "a string, module:name", "arguments": "a table",
                    "examples": "an integer", "correct": "true or false"},
    "measure": {"import": "a string, module:function, or a list of these",
                "context": "a string, module:name", "context_arguments": "a table"},
    "metric": {},
    "config": {},
    "axes": {},
}
_OTHERS = ("metric",)
_FORMS = ("values", "zip", "points", "sample")
_AXIS = (*_FORMS, "fields", "unit", "count", "method", "seed", "log", "names")


@dataclass(frozen=True)
class StudyFile:
    """What a study file says.

    Attributes
    ----------
    path : Path
    content : dict
    lines : dict
        Path of a key -> its line.
    """

    path: Path
    content: dict[str, Any]
    lines: Lines = field(repr=False)

    def error(self, message: str, *key: str) -> StudyFileError:
        """Return an error at the line of a key, or of the nearest table around it."""
        for k in range(len(key), 0, -1):
            if key[:k] in self.lines:
                return StudyFileError(message, self.path, self.lines[key[:k]])
        return StudyFileError(message, self.path)

    def table(self, name: str) -> dict[str, Any]:
        """Return one of the tables; empty where it is not there."""
        found: dict[str, Any] = self.content.get(name, {})
        return found

    def near(self, path: str) -> Path:
        """Return a path that the file gives, from the file's own folder on."""
        return self.path.parent / path


def read_study_file(path: str | Path) -> StudyFile:
    """Read a study file; its tables, keys and their kinds are checked.

    Raises
    ------
    StudyFileError
        With the line: no TOML, a table or key that there is not, a value of another kind, something
        that is missing.
    """
    file = Path(path)
    try:
        text = file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise StudyFileError("there is no such file; `crossbarsim study new` writes one",
                             file) from None
    except OSError as error:
        raise StudyFileError(f"cannot be read: {error.strerror or error}", file) from error
    except UnicodeDecodeError as error:
        raise StudyFileError(f"is no text in UTF-8: {error}", file) from error
    text = text.replace("\r\n", "\n")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = str(error)
        head, _, place = told.partition(" (at line ")
        number = place.partition(",")[0]
        raise StudyFileError(f"is no TOML: {head}", file,
                             int(number) if number.isdecimal() else None) from None
    found = StudyFile(file, content, key_lines(text))
    _check(found)
    return found


def _check(file: StudyFile) -> None:
    for name, value in file.content.items():
        if name not in _TABLES:
            raise file.error(f"there is no table `{name}`{closest(name, _TABLES)}", name)
        if name in _OTHERS:
            continue
        if not isinstance(value, dict):
            raise file.error(f"`{name}` must be a table, [{name}]; it is {shown(value)}", name)
        known = _TABLES[name]
        for key, entry in value.items() if known else ():
            if key not in known:
                raise file.error(f"[{name}] has no `{key}`{closest(key, known)}", name, key)
            if not _fits(known[key], entry):
                raise file.error(f"`{key}` must be {known[key]}; it is {shown(entry)}", name, key)
    _check_parts(file)


def _fits(kind: str, value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    several = isinstance(value, list)
    return (
        ("a string" in kind and isinstance(value, str))
        or ("an integer" in kind and whole)
        or (kind.endswith("list of integers") and several and all(isinstance(v, int)
                                                                  for v in value))
        or (kind.endswith(("a list", "list of these")) and several and all(isinstance(v, str)
                                                                           for v in value))
        or (kind == "a table" and isinstance(value, dict))
        or (kind == "true or false" and isinstance(value, bool))
    )


def _check_parts(file: StudyFile) -> None:
    """Check what must be there, and what excludes what."""
    if "axes" not in file.content or not file.table("axes"):
        raise file.error("a study needs axes: a table [axes]", "axes")
    network = [name for name in ("model", "data", "metric", "calibration") if name in file.content]
    if "measure" in file.content:
        if network:
            raise file.error(
                f"[measure] is another kind of study than [{network[0]}]: give one of them",
                network[0])
        if "import" not in file.table("measure"):
            raise file.error("[measure] needs `import`, module:function", "measure")
        return
    for name in ("model", "data"):
        if name not in file.content:
            raise file.error(f"a study needs [model] and [data], or [measure]; [{name}] is missing")
    if "import" not in file.table("model"):
        raise file.error("[model] needs `import`, module:name", "model")
    if ("folder" in file.table("data")) == ("import" in file.table("data")):
        raise file.error("[data] needs `folder` or `import`, one of them", "data")


def axes_of(file: StudyFile) -> dict[Any, Any]:
    """Return the axes of a file as `Study` takes them.

    Raises
    ------
    StudyFileError
        One that is none, with its line.
    """
    found: dict[Any, Any] = {}
    for name, given in file.table("axes").items():
        try:
            found[name] = _axis(file, name, given)
        except StudyFileError:
            raise
        except ParameterError as error:
            raise file.error(str(error), "axes", name) from None
    return found


def _axis(file: StudyFile, name: str, given: Any) -> Any:
    if isinstance(given, list):
        return given
    if not isinstance(given, Mapping):
        raise file.error(
            f"axis {name!r} must be a list of values or a table with one of "
            f"{', '.join(_FORMS)}; it is {shown(given)}", "axes", name)
    forms = [form for form in _FORMS if form in given]
    for key in given:
        if key not in _AXIS:
            raise file.error(
                f"axis {name!r} has no `{key}`{closest(key, _AXIS)} (the name of a field with dots "
                f'stands in quotes: "{name}.{key}")', "axes", name, key)
    if len(forms) != 1:
        raise file.error(f"axis {name!r} needs one of {', '.join(_FORMS)}", "axes", name)
    rest = {k: v for k, v in given.items() if k not in (*forms, "names")}
    what = given[forms[0]]
    kind: Any = {"values": Axis, "zip": Zipped, "points": Listed, "sample": Sampled}[forms[0]]
    if forms[0] == "values" and "names" in given:
        names = given["names"]
        if not isinstance(names, list) or len(names) != len(what):
            raise file.error(f"axis {name!r}: `names` must be as many as `values`", "axes", name)
        what = dict(zip(map(str, names), what, strict=True))
    try:
        return kind(what, **rest)
    except TypeError as error:
        raise file.error(f"axis {name!r}: {error}", "axes", name) from None
