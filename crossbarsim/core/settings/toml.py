"""TOML of plain numbers, strings, lists and tables: the standard library only reads it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import ParameterError

__all__ = ["toml"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml(table: Mapping[str, Any]) -> str:
    r"""Return the text of a table, whose own tables become sections.

    Parameters
    ----------
    table : mapping
        Of numbers, booleans, strings, lists and mappings; TOML has nothing for None.

    Raises
    ------
    ParameterError
        A value that TOML does not have.

    Examples
    --------
    >>> from crossbarsim.core.settings.toml import toml
    >>> print(toml({"bits": 8, "wires": {"word": 1.0}}))
    bits = 8
    <BLANKLINE>
    [wires]
    word = 1.0
    <BLANKLINE>
    """
    return "\n".join(_section((), table)) + "\n"


def _section(path: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[str]:
    inner = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    for key, value in table.items():
        if key not in inner:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in inner.items():
        here = (*path, _key(key))
        yield f"\n[{'.'.join(here)}]"
        yield from _section(here, value)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _text(text: str) -> str:
    # JSON's strings are TOML's, but for one control character
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if math.isfinite(value):
            text = repr(value)
            return text if any(c in text for c in ".e") else f"{text}.0"
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(k)} = {_value(v)}' for k, v in value.items())} }}"
    raise ParameterError(f"TOML has nothing for {value!r:.60}")
