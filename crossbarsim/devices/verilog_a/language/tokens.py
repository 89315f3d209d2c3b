"""Verilog-A as tokens, each with its place."""

from __future__ import annotations

import re
from typing import NamedTuple

from ....core.errors import VerilogAError

__all__ = ["Place", "Token", "number_of", "refusal", "tokens_of"]


class Place(NamedTuple):
    """A line of a file."""

    file: str
    line: int


class Token(NamedTuple):
    """A token; `row` counts lines as directives see them, where a backslash joins two."""

    kind: str  # name, number, text, mark, macro, system
    text: str
    place: Place
    row: int
    spaced: bool = False  # whether a blank is before it


def refusal(place: Place, message: str) -> VerilogAError:
    """Return the error of a line."""
    return VerilogAError(message, file=place.file, line=place.line)


_TOKEN = re.compile(
    r"""
    (?P<skip>[ \t\r\f\v]+|//[^\n]*|/\*.*?\*/)
  | (?P<join>\\[ \t\r]*\n)
  | (?P<line>\n)
  | (?P<text>"(?:[^"\\\n]|\\.)*")
  | (?P<number>(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+|[TGMKkmunpfa](?![A-Za-z0-9_$]))?)
  | (?P<macro>`[A-Za-z_][A-Za-z0-9_$]*)
  | (?P<system>\$[A-Za-z_][A-Za-z0-9_$]*)
  | (?P<name>[A-Za-z_][A-Za-z0-9_$]*|\\[^\s]+)
  | (?P<mark>\(\*(?!\))|\*\)|<\+|<<<|>>>|<<|>>|<=|>=|===|!==|==|!=|&&|\|\||\*\*|'\{
      |[-+*/%<>=!&|^~?:;,.(){}\[\]@\#'])
    """,
    re.VERBOSE | re.DOTALL,
)
_SCALE = {"T": 12, "G": 9, "M": 6, "K": 3, "k": 3, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15,
          "a": -18}  # powers of ten


def tokens_of(text: str, file: str) -> list[Token]:
    """Return the tokens of a file, directives among them.

    Raises
    ------
    VerilogAError
        What is no token, a comment or text that does not end.
    """
    found: list[Token] = []
    at, line, row = 0, 1, 1
    spaced = False
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or (text.startswith("/*", at) and match.lastgroup != "skip"):
            place = Place(file, line)
            if text.startswith("/*", at):
                raise refusal(place, "the comment that begins here does not end")
            if text[at] == '"':
                raise refusal(place, "the text that begins here does not end on its line")
            raise refusal(place, f"{text[at]!r} is no part of Verilog-A")
        kind, part = match.lastgroup or "", match.group()
        at = match.end()
        if kind in ("skip", "join", "line"):
            spaced = True
            line += part.count("\n")
            row += 1 if kind == "line" else 0
            continue
        if kind == "name" and part.startswith("\\"):
            part = part[1:]
        found.append(Token(kind, part, Place(file, line), row, spaced))
        spaced = False
        line += part.count("\n")
    return found


def number_of(token: Token) -> tuple[float, bool]:
    """Return a number and whether it is a whole one by its form."""
    text = token.text.replace("_", "")
    if text[-1] in _SCALE:
        # as a decimal number is read, not as a product, which would be rounded twice
        return float(f"{text[:-1]}e{_SCALE[text[-1]]}"), False
    return float(text), text.isdigit()

