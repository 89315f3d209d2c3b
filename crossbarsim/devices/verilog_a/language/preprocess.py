"""The preprocessor: macros, conditions, includes, of which the standard files are built in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .tokens import Place, Token, refusal, tokens_of

__all__ = ["Sources", "preprocess"]

_DEPTH = 64  # of macros in macros
_INCLUDES = 20  # of files in files
_MOST = 400_000  # tokens of a file
_WORK = 200_000  # tokens of macros, those in others counted again
_STANDARD = ("disciplines.vams", "disciplines.h", "discipline.h", "discipline.vams")
_CONSTANTS = ("constants.vams", "constants.h", "constants.vh")
# Annex D of the Verilog-AMS language reference manual 2.4, where no other set is asked for
_VALUES = {
    "M_E": "2.7182818284590452354", "M_LOG2E": "1.4426950408889634074",
    "M_LOG10E": "0.43429448190325182765", "M_LN2": "0.69314718055994530942",
    "M_LN10": "2.30258509299404568402", "M_PI": "3.14159265358979323846",
    "M_TWO_PI": "6.28318530717958647693", "M_PI_2": "1.57079632679489661923",
    "M_PI_4": "0.78539816339744830962", "M_1_PI": "0.31830988618379067154",
    "M_2_PI": "0.63661977236758134308", "M_2_SQRTPI": "1.12837916709551257390",
    "M_SQRT2": "1.41421356237309504880", "M_SQRT1_2": "0.70710678118654752440",
    "P_Q": "1.602176462e-19", "P_C": "2.99792458e8", "P_K": "1.3806503e-23",
    "P_H": "6.62606876e-34", "P_EPS0": "8.854187817e-12",
    "P_U0": "1.256637061435917e-06", "P_CELSIUS0": "273.15",
}
_IGNORED = {"timescale", "default_discipline", "resetall", "celldefine", "endcelldefine",
            "begin_keywords", "end_keywords", "default_transition", "pragma", "nettype",
            "default_nettype", "line"}


@dataclass
class Sources:
    """Files by name: what was read, so that the same module can be made elsewhere."""

    files: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None  # of the main file; None: text alone, or all is in `files`

    def read(self, name: str, place: Place) -> str:
        """Return an included file.

        Raises
        ------
        VerilogAError
            It cannot be found or read.
        """
        if name in self.files:
            return self.files[name]
        if self.folder is None:
            raise refusal(place, f'"{name}" cannot be included in a text; give the path of the '
                                 "Verilog-A file instead")
        near = self.folder / Path(place.file).parent / name
        for path in (near, self.folder / name):
            try:
                text = path.read_text(encoding="utf-8-sig", errors="replace")
            except (OSError, ValueError):
                continue
            self.files[name] = text
            return text
        raise refusal(place, f'the included file "{name}" cannot be read in {self.folder}')


@dataclass(frozen=True)
class _Macro:
    names: tuple[str, ...] | None
    body: tuple[Token, ...]


def preprocess(text: str, file: str, sources: Sources) -> list[Token]:
    """Return the tokens of a file after macros, conditions and includes.

    Raises
    ------
    VerilogAError
        A macro that is not defined or calls itself, conditions that do not end, files that are
        missing.
    """
    worker = _Preprocessor(sources)
    worker.file(text, file, 0)
    return worker.out


class _Preprocessor:
    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.macros: dict[str, _Macro] = {
            name: _Macro(None, ()) for name in ("__VAMS_ENABLE__", "__VAMS_COMPACT_MODELING__")
        }
        self.out: list[Token] = []
        self.work = 0  # tokens that macros became, those that others contain again

    def file(self, text: str, name: str, depth: int) -> None:
        self.walk(tokens_of(text, name), depth)

    def emit(self, token: Token) -> None:
        if len(self.out) >= _MOST:
            raise refusal(token.place, f"more than {_MOST:,} tokens after macros and includes")
        self.out.append(token)

    def walk(self, tokens: list[Token], depth: int) -> None:
        at = 0
        # for each open condition: whether its part is taken, whether one was, whether all around is
        stack: list[tuple[bool, bool, bool, Place]] = []
        while at < len(tokens):
            token = tokens[at]
            live = not stack or (stack[-1][0] and stack[-1][2])
            at += 1
            if token.kind != "macro":
                if live:
                    self.emit(token)
                continue
            word = token.text[1:]
            if word in ("ifdef", "ifndef", "elsif"):
                name, at = self.word(tokens, at, token)
                met = (name in self.macros) == (word != "ifndef")
                if word != "elsif":
                    stack.append((met, met, live, token.place))
                elif not stack:
                    raise refusal(token.place, "`elsif without `ifdef")
                else:
                    _, taken, around, place = stack[-1]
                    stack[-1] = (met and not taken, met or taken, around, place)
            elif word == "else":
                if not stack:
                    raise refusal(token.place, "`else without `ifdef")
                _, taken, around, place = stack[-1]
                stack[-1] = (not taken, True, around, place)
            elif word == "endif":
                if not stack:
                    raise refusal(token.place, "`endif without `ifdef")
                stack.pop()
            elif live:
                at = self.directive(tokens, at, token, depth)
            elif word in ("define", *_IGNORED):
                at = self.rest(tokens, at, token)
        if stack:
            raise refusal(stack[-1][3], "the condition that begins here has no `endif")

    @staticmethod
    def rest(tokens: list[Token], at: int, head: Token) -> int:
        while at < len(tokens) and tokens[at].row == head.row:
            at += 1
        return at

    @staticmethod
    def word(tokens: list[Token], at: int, head: Token) -> tuple[str, int]:
        if at >= len(tokens) or tokens[at].kind != "name" or tokens[at].row != head.row:
            raise refusal(head.place, f"a name must follow {head.text}")
        return tokens[at].text, at + 1

    def directive(self, tokens: list[Token], at: int, token: Token, depth: int) -> int:
        word = token.text[1:]
        if word == "define":
            return self.define(tokens, at, token)
        if word == "undef":
            name, at = self.word(tokens, at, token)
            self.macros.pop(name, None)
            return at
        if word == "include":
            return self.include(tokens, at, token, depth)
        if word in _IGNORED:
            return self.rest(tokens, at, token)
        expanded, at = self.call(tokens, at, token, ())
        for part in expanded:
            self.emit(part)
        return at

    def include(self, tokens: list[Token], at: int, token: Token, depth: int) -> int:
        if at >= len(tokens) or tokens[at].kind != "text":
            raise refusal(token.place, 'a file must follow `include: `include "constants.vams"')
        name = tokens[at].text[1:-1]
        short = name.replace("\\", "/").rpartition("/")[2].lower()
        if short in _CONSTANTS and name not in self.sources.files:
            for key, value in _VALUES.items():
                self.macros[key] = _Macro(None, (Token("number", value, token.place, token.row),))
        elif short not in _STANDARD or name in self.sources.files:
            if depth >= _INCLUDES:
                raise refusal(token.place, f"files include one another more than {_INCLUDES} deep")
            self.file(self.sources.read(name, token.place), name, depth + 1)
        return at + 1

    def define(self, tokens: list[Token], at: int, token: Token) -> int:
        name, at = self.word(tokens, at, token)
        if name in ("define", "undef", "include", "ifdef", "ifndef", "elsif", "else", "endif"):
            raise refusal(token.place, f"`{name} is a directive: it cannot be defined")
        end = self.rest(tokens, at, token)
        body = tokens[at:end]
        names: tuple[str, ...] | None = None
        if body and body[0].text == "(" and not body[0].spaced:
            close = next((k for k, t in enumerate(body) if t.text == ")"), -1)
            inside = body[1:close] if close > 0 else []
            if close < 0 or any(
                t.kind != "name" if k % 2 == 0 else t.text != "," for k, t in enumerate(inside)
            ):
                raise refusal(token.place, f"the arguments of `{name} must be names: `{name}(a, b)")
            names = tuple(t.text for t in inside[::2])
            body = body[close + 1 :]
        self.macros[name] = _Macro(names, tuple(body))
        return end

    def call(
        self, tokens: list[Token], at: int, token: Token, within: tuple[str, ...]
    ) -> tuple[list[Token], int]:
        """Expand one macro; return its tokens and where to go on."""
        name = token.text[1:]
        macro = self.macros.get(name)
        if macro is None:
            raise refusal(token.place, f"the macro `{name} is not defined")
        if name in within or len(within) >= _DEPTH:
            raise refusal(token.place, f"the macro `{name} calls itself")
        arguments: dict[str, list[Token]] = {}
        if macro.names is not None:
            given, at = self.arguments(tokens, at, token)
            if not macro.names and given == [[]]:
                given = []
            if len(given) != len(macro.names):
                raise refusal(token.place, f"`{name} has {len(macro.names)} arguments; "
                                           f"got {len(given)}")
            # arguments may be macros themselves, of the place where the call stands
            arguments = {n: self.expand(g, within) for n, g in zip(macro.names, given, strict=True)}
        body: list[Token] = []
        for part in macro.body:
            if part.kind == "name" and part.text in arguments:
                body += arguments[part.text]
            else:
                body.append(Token(part.kind, part.text, token.place, token.row, part.spaced))
        self.work += 1 + len(body)
        if self.work > _WORK:
            raise refusal(token.place, f"macros become more than {_WORK:,} tokens up to here")
        return self.expand(body, (*within, name)), at

    def expand(self, tokens: list[Token], within: tuple[str, ...]) -> list[Token]:
        found: list[Token] = []
        at = 0
        while at < len(tokens):
            token = tokens[at]
            at += 1
            if token.kind == "macro":
                more, at = self.call(tokens, at, token, within)
                found += more
            else:
                found.append(token)
        return found

    @staticmethod
    def arguments(
        tokens: list[Token], at: int, head: Token
    ) -> tuple[list[list[Token]], int]:
        if at >= len(tokens) or tokens[at].text != "(":
            raise refusal(head.place, f"{head.text} needs its arguments in brackets")
        given: list[list[Token]] = [[]]
        depth = 0
        while at < len(tokens):
            token = tokens[at]
            at += 1
            if token.text in ("(", "[", "{", "'{", "(*"):
                depth += 1
                if depth == 1:
                    continue
            elif token.text in (")", "]", "}", "*)"):
                depth -= 1
                if depth == 0:
                    return given, at
            if token.text == "," and depth == 1:
                given.append([])
            else:
                given[-1].append(token)
        raise refusal(head.place, f"the arguments of {head.text} do not end")
