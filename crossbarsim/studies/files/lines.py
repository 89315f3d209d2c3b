"""Where in a TOML file a key stands: the standard library reads TOML, but tells no lines."""

from __future__ import annotations

import re

__all__ = ["Lines", "key_lines"]

Path = tuple[str, ...]
Lines = dict[Path, int]

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_KEY = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=")
_HEAD = re.compile(rf"\s*(\[\[?)\s*({_PART}(?:\s*\.\s*{_PART})*)\s*\]")
_ONE = re.compile(_PART)
# what has no bracket of its own: comments, and strings of all four kinds
_QUIET = re.compile(
    r'''"""(?:[^\\]|\\.)*?"""|\'{3}.*?\'{3}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#[^\n]*''', re.DOTALL)


def key_lines(text: str) -> Lines:
    r"""Return the line, from 1 on, of every key and table of a file that is TOML.

    Examples
    --------
    >>> from crossbarsim.studies.files.lines import key_lines
    >>> key_lines('seeds = 2\n[config.wires]\nword = 1.0\n')[("config", "wires", "word")]
    3
    """
    found: Lines = {}
    table: Path = ()
    counts: dict[Path, int] = {}
    depth = 0
    blank = _QUIET.sub(_blanked, text)
    for number, (line, bare) in enumerate(
        zip(text.split("\n"), blank.split("\n"), strict=True), start=1
    ):
        if depth == 0:
            head, key = _HEAD.match(line), _KEY.match(line)
            if head and bare.strip().startswith("["):
                table = _parts(head[2])
                if head[1] == "[[":
                    counts[table] = counts.get(table, -1) + 1
                    table = (*table, str(counts[table]))
                _note(found, table, number)
                continue
            if key and "=" in bare:
                _note(found, (*table, *_parts(key[1])), number)
        rest = bare.partition("=")[2] if depth == 0 else bare
        opened = rest.count("[") + rest.count("{") - rest.count("]") - rest.count("}")
        depth = max(depth + opened, 0)
    return found


def _blanked(match: re.Match[str]) -> str:
    """Return as many lines of nothing; a quoted key keeps its place by underscores."""
    return re.sub(r"[^\n]", "_" if match[0][0] in "\"'" else " ", match[0])


def _parts(text: str) -> Path:
    return tuple(one[1:-1] if one[0] in "\"'" else one for one in _ONE.findall(text))


def _note(found: Lines, path: Path, number: int) -> None:
    for k in range(1, len(path) + 1):
        found.setdefault(path[:k], number)
