"""The words of a line: names, numbers, expressions in braces or quotes, signs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from .lines import Line

__all__ = ["Token", "assignments", "split_line", "split_outputs"]

_NEXT = re.compile(r"""\s*(?:(?P<word>[^\s=(),{}'"]+)|(?P<sign>[=(),])|(?P<other>[{}'"]))""")
_NAME = re.compile(r"([A-Za-z_][\w.]*)\s*(\(([^()]*)\))?\s*=(?!=)")


_OPERATORS = "+-*/^<>&|?:!~%\\"


class Token(NamedTuple):
    """One word.

    Attributes
    ----------
    kind : {"word", "expression", "string", "sign", "end"}
    text : str
        Without braces or quotes.
    start, end : int
        Place in the line.
    """

    kind: str
    text: str
    start: int
    end: int


def _closing(line: Line, at: int) -> int:
    """Return the place behind the brace that closes the one at `at`."""
    depth = 0
    for k in range(at, len(line.text)):
        depth += {"{": 1, "}": -1}.get(line.text[k], 0)
        if depth == 0:
            return k + 1
    raise line.error("`}` is missing")


@lru_cache(maxsize=1024)  # the lines of a subcircuit are read for every instance
def split_line(line: Line) -> Sequence[Token]:
    """Return the words of a line, and one of kind ``"end"``."""
    text, at = line.text, 0
    tokens: list[Token] = []
    bound = -1  # where a word would be joined to what is before it
    while True:
        match = _NEXT.match(text, at)
        if match is None:  # nothing but spaces
            break
        start, at = match.span(match.lastgroup)  # type: ignore[arg-type]
        kind, word = match.lastgroup, match[match.lastgroup]  # type: ignore[index]
        if kind == "sign":
            tokens.append(Token("sign", word, start, at))
            continue
        joined = start == bound
        if kind == "word":
            token = Token("word", word, start, at)
        elif word == "{":
            at = _closing(line, start)
            token = Token("expression", text[start + 1 : at - 1], start, at)
        elif word == "}":
            raise line.error("`}` without `{`")
        else:
            at = text.find(word, start + 1) + 1
            if not at:
                raise line.error(f"the closing {word} is missing")
            named = "expression" if word == "'" else "string"
            token = Token(named, text[start + 1 : at - 1], start, at)
        if joined and not _operators(text, start):
            both = text[tokens[-1].start : token.end]
            raise line.error(f"`{both}`: names cannot be put together from expressions")
        tokens.append(token)
        bound = at
    tokens.append(Token("end", "", len(text), len(text)))
    return tuple(tokens)


def _operators(text: str, at: int) -> bool:
    """Return whether an operator stands where two words touch: ``{k}*v(p)``, ``2*{k}``."""
    return text[at - 1] in _OPERATORS or text[at] in _OPERATORS


def _masked(text: str) -> str:
    """Return the text with all inside of braces and quotes blanked."""
    masked, depth, quote = [], 0, ""
    for c in text:
        inside = bool(depth or quote)
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"" and not depth:
            quote = c
        elif c == "{":
            depth += 1
        elif c == "}":
            depth = max(depth - 1, 0)
        masked.append("\x01" if inside or depth or quote else c)
    return "".join(masked)


def assignments(line: Line, start: int) -> list[tuple[str, tuple[str, ...] | None, str]]:
    """Return ``name = value`` and ``name(arguments) = value`` from `start` on.

    A value reaches to the next name; braces and quotes around it are taken away.
    """
    text = line.text
    masked = _masked(text)
    heads = list(_NAME.finditer(masked, start))
    first = heads[0].start() if heads else len(text)
    if masked[start:first].strip(" \t,"):
        raise line.error(f"`name = value` is expected, not {text[start:first].strip()!r}")
    found = []
    for k, head in enumerate(heads):
        end = heads[k + 1].start() if k + 1 < len(heads) else len(text)
        value = unquoted(text[head.end() : end].strip(" \t,"))
        if not value:
            raise line.error(f"`{head[1]}` has no value")
        arguments = None if head[2] is None else tuple(
            part.strip().lower() for part in head[3].split(",") if part.strip()
        )
        found.append((head[1].lower(), arguments, value))
    return found


def unquoted(text: str) -> str:
    """Return the text without the braces or quotes that enclose all of it."""
    if len(text) >= 2 and text[0] == "'" == text[-1] and "'" not in text[1:-1]:
        return text[1:-1].strip()
    if len(text) >= 2 and text[0] == "{" and text[-1] == "}":
        depth = 0
        for k, c in enumerate(text):
            depth += {"{": 1, "}": -1}.get(c, 0)
            if depth == 0 and k < len(text) - 1:
                return text
        return text[1:-1].strip()
    return text


def split_outputs(line: Line, start: int) -> list[str]:
    """Return the quantities of ``.print`` and the like: parted by spaces and commas outside."""
    parts, depth, current = [], 0, ""
    quote = ""
    for c in line.text[start:]:
        if quote:
            quote = "" if c == quote else quote
        elif c == "'":
            quote = c
        depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(c, 0) if not quote else 0
        if c in " \t," and depth <= 0 and not quote:
            # v (a) is v(a)
            parts.append(current)
            current = ""
        else:
            current += c
    parts.append(current)
    if depth or quote:
        raise line.error("parentheses, braces or quotes do not match")
    joined: list[str] = []
    for part in filter(None, parts):
        if part[0] == "(" and joined and re.fullmatch(r"[A-Za-z]+", joined[-1]):
            joined[-1] += part
        else:
            joined.append(part)
    return joined
