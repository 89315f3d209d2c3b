"""Fields of records of settings by dotted names: which there are, and copies with others."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from ..errors import ParameterError
from .records import Settings, closest, known_kind

__all__ = ["field_names", "with_fields"]

R = TypeVar("R")
_DEPTH = 5  # of records in records whose names are told


def with_fields(record: R, changes: Mapping[str, Any]) -> R:
    """Return a copy of a record of settings with some fields changed, and checked again.

    Parameters
    ----------
    record : Settings or dataclass, or dict of these by name
    changes : mapping of str to value
        Dotted name -> value. Entries of a tuple go by their number. A record that is None is made
        of what is given for it, where its kind is no question.

    Raises
    ------
    ParameterError
        A name that there is not, with the nearest one; a value that its record refuses.

    Examples
    --------
    >>> from crossbarsim.core.settings import with_fields
    >>> from crossbarsim.periphery import Periphery
    >>> with_fields(Periphery(), {"adc.bits": 6, "adc.percentile": 99.9}).adc.bits
    6
    >>> with_fields(Periphery(), {"adc.bit": 6})
    Traceback (most recent call last):
        ...
    crossbarsim.core.errors.ParameterError: no field 'adc.bit'; did you mean 'adc.bits'?
    """
    nested: dict[str, Any] = {}
    for name, value in changes.items():
        _put(nested, name, value)
    made: R = _changed(record, nested, "", record)
    return made


class _Leaf:
    """A new value, which may be a mapping itself."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _put(nested: dict[str, Any], name: str, value: Any) -> None:
    *outer, last = name.split(".")
    here = nested
    for part in outer:
        here = here.setdefault(part, {})
        if isinstance(here, _Leaf):
            raise ParameterError(f"{name!r} is a part of what another name sets as a whole")
    if isinstance(here.get(last), dict):
        raise ParameterError(f"{name!r} sets as a whole what another name sets a part of")
    here[last] = _Leaf(value)


def _arguments(record: Any) -> dict[str, Any] | None:
    """Return the arguments that make a record again; None of what is no record."""
    if isinstance(record, dict):  # records by name
        return dict(record)
    if isinstance(record, Settings):
        return record.settings()
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {f.name: getattr(record, f.name) for f in dataclasses.fields(record) if f.init}
    return None


def _changed(value: Any, nested: Mapping[str, Any], path: str, root: Any) -> Any:
    """Return the record `value` at `path` with the changes in it."""
    if isinstance(value, (tuple, list)):
        entries = list(value)
        for key, change in nested.items():
            if not key.isdecimal() or int(key) >= len(entries):
                raise _no_field(root, f"{path}.{key}")
            entries[int(key)] = _one(entries[int(key)], change, f"{path}.{key}", root)
        return tuple(entries)
    given = _arguments(value)
    if given is None:
        inner = next(iter(nested))
        raise _no_field(root, f"{path}.{inner}" if path else inner)
    for key, change in nested.items():
        name = f"{path}.{key}" if path else key
        if key not in given:
            raise _no_field(root, name)
        if given[key] is None and not isinstance(change, _Leaf):
            given[key] = _made(_annotation(type(value), key), change, name, root)
        else:
            given[key] = _one(given[key], change, name, root)
    return given if isinstance(value, dict) else type(value)(**given)


def _one(value: Any, change: Any, path: str, root: Any) -> Any:
    return change.value if isinstance(change, _Leaf) else _changed(value, change, path, root)


def _made(annotation: str, nested: Mapping[str, Any], path: str, root: Any) -> Any:
    """Return a new record of what is given for it, where there was None."""
    kinds = _kinds_of(annotation)
    if len(kinds) != 1:
        several = f"; it may be {', '.join(k.__name__ for k in kinds)}" if kinds else ""
        raise ParameterError(
            f"{path!r} is None, so it has no field {next(iter(nested))!r}: give it first{several}"
        )
    known = inspect.signature(kinds[0]).parameters
    given = {}
    for key, change in nested.items():
        if key not in known:
            raise _no_field(root, f"{path}.{key}")
        if isinstance(change, _Leaf):
            given[key] = change.value
        else:
            given[key] = _made(str(known[key].annotation), change, f"{path}.{key}", root)
    missing = [n for n, p in known.items() if p.default is p.empty and n not in given
               and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    if missing:
        raise ParameterError(
            f"{path!r} is None; a new {kinds[0].__name__} lacks `{missing[0]}`: give it first"
        )
    return kinds[0](**given)


def _annotation(kind: type, name: str) -> str:
    parameter = inspect.signature(kind).parameters.get(name)
    return "" if parameter is None else str(parameter.annotation)


def _kinds_of(annotation: str) -> list[type[Settings]]:
    found = [known_kind(word) for word in re.findall(r"\w+", annotation)]
    return list(dict.fromkeys(kind for kind in found if kind is not None))


def _no_field(root: Any, name: str) -> ParameterError:
    known = list(field_names(root))
    home, _, last = name.rpartition(".")
    beside = [one for one in known if one.rpartition(".")[0] == home and home]
    # the right field under another record: "word" for "wires.word"
    ends = [one for one in known if one.rpartition(".")[2] == last]
    if difflib.get_close_matches(name, beside, n=1):
        hint = closest(name, beside)
    else:
        hint = f"; did you mean {ends[0]!r}?" if ends else closest(name, known, most=12)
    return ParameterError(f"no field {name!r}{hint}")


def field_names(record: Any) -> Iterator[str]:
    """Yield the dotted names of all fields of a record, those of records inside after them.

    Examples
    --------
    >>> from crossbarsim.core.settings import field_names
    >>> from crossbarsim.periphery import Periphery
    >>> [name for name in field_names(Periphery()) if name.startswith("adc.b")]
    ['adc.bits']
    """
    yield from _names(type(record), _arguments(record) or {}, "", _DEPTH)


def _names(kind: type, given: Mapping[str, Any], prefix: str, depth: int) -> Iterator[str]:
    for name, value in given.items():
        yield f"{prefix}{name}"
        if depth == 0:
            continue
        if isinstance(value, (tuple, list)):
            numbered = {str(k): v for k, v in enumerate(value) if _arguments(v) is not None}
            yield from _names(tuple, numbered, f"{prefix}{name}.", depth - 1)
        elif (inner := _arguments(value)) is not None:
            yield from _names(type(value), inner, f"{prefix}{name}.", depth - 1)
        elif value is None and kind is not tuple:
            kinds = _kinds_of(_annotation(kind, name))
            if len(kinds) == 1:
                fields = dict.fromkeys(inspect.signature(kinds[0]).parameters)
                yield from _names(kinds[0], fields, f"{prefix}{name}.", depth - 1)
