"""What a library does not say of its source: ranges of parameters, and variables that keep values.

Both are read from the text after the compiler's preprocessor (``--print-expansion``), in which
macros and included files are written out; comments may stand in it still.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["hidden_variables", "parameter_ranges"]

_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|\(\*|\*\)|<\+|[<>=!]=|&&|\|\||\$?[A-Za-z_][\w$]*|\\\S+|[\d.][\w.]*|\S')
_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TYPES = ("real", "integer", "string")
_OPEN, _CLOSED = "([{", ")]}"
_STARTS = ("initial_step", "final_step")
_WAYS = ("input", "output", "inout")
_MOVING = frozenset({"$abstime", "$realtime", "ddt", "idt", "idtmod"})


def _tokens(text: str) -> list[str]:
    """Return the words of a source, comments and attributes (``(* ... *)``) left out."""
    found: list[str] = []
    inside = False
    plain = _COMMENT.sub(lambda m: m[0] if m[0].startswith('"') else " ", text)
    for word in _TOKEN.findall(plain):
        if word == "(*":
            inside = True
        elif word == "*)" and inside:
            inside = False
        elif not inside and word != "\\":  # which continues a macro's line
            found.append(word)
    return found


def _modules(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield name and words of each module."""
    words = _tokens(text)
    at = 0
    while at < len(words):
        if words[at] in ("module", "macromodule") and at + 1 < len(words):
            end = words.index("endmodule", at) if "endmodule" in words[at:] else len(words)
            yield words[at + 1], words[at:end]
            at = end
        at += 1


def parameter_ranges(text: str) -> dict[str, dict[str, str]]:
    """Return module -> parameter -> its range as the source has it: ``"(0:inf)"``; lower case.

    Parameters that may have any value have an empty one.
    """
    found: dict[str, dict[str, str]] = {}
    for name, words in _modules(text):
        ranges = found.setdefault(name.lower(), {})
        at = 0
        while at < len(words):
            if words[at] == "parameter":
                at = _declared(words, at + 1, ranges)
            at += 1
    return found


def _declared(words: list[str], at: int, ranges: dict[str, str]) -> int:
    """Read ``real a = 1 from [0:1], b = 2;``; return where it ends."""
    if at < len(words) and words[at] in _TYPES:
        at += 1
    while at < len(words) and words[at] != ";":
        span: list[str] = []
        name, depth = words[at], 0
        ranged = False
        while at < len(words) and (depth or words[at] not in ",;"):
            word = words[at]
            depth += (word in _OPEN) - (word in _CLOSED)
            if not depth and word in ("from", "exclude"):
                ranged = True
                if word == "exclude":
                    span.append(", not " if span else "not ")
            elif ranged:
                span.append(word)
            at += 1
        ranges[name.lower()] = "".join(span)
        if at < len(words) and words[at] == ",":
            at += 1
    return at


# -- variables that keep values -------------------------------------------------------------------


@dataclass
class _Use:
    """Where a variable is written and read: places in the order of the text."""

    written: list[int] = field(default_factory=list)
    read: list[int] = field(default_factory=list)
    by_event: bool = False  # by one that is not the beginning or the end


class _Reader:
    """Walks through the statements of analogue blocks.

    Parameters
    ----------
    functions : dict
        Of the user: which way every argument goes.
    """

    def __init__(
        self, words: list[str], variables: list[str], functions: dict[str, list[str]]
    ) -> None:
        self.words, self.at, self.place = words, 0, 0
        self.uses = {name: _Use() for name in variables}
        self.functions = functions
        # what is written: name, words of its value, words of the conditions above it
        self.given: list[tuple[str, set[str], set[str]]] = []
        self.guards: list[list[str]] = []
        self.begun: set[str] = set()  # what the beginning sets, in every evaluation

    def peek(self) -> str:
        return self.words[self.at] if self.at < len(self.words) else ""

    def take(self) -> str:
        self.at += 1
        return self.words[self.at - 1] if self.at <= len(self.words) else ""

    def group(self) -> list[str]:
        """Return what stands between the next parenthesis and its end."""
        found: list[str] = []
        depth = 0
        while self.peek():
            word = self.take()
            depth += (word == "(") - (word == ")")
            found.append(word)
            if not depth:
                break
        return found

    def until(self, end: str) -> list[str]:
        found: list[str] = []
        depth = 0
        while self.peek() and (depth or self.peek() != end):
            word = self.take()
            depth += (word in _OPEN) - (word in _CLOSED)
            found.append(word)
        self.take()
        return found

    def reads(self, words: list[str], event: str = "") -> None:
        """Note what is read, and what functions give back by their arguments."""
        back, only = self._given_back(words)
        for at, word in enumerate(words):
            if word in self.uses and at not in only:
                self.uses[word].read.append(self.place)
        for name in back:
            self.writes(name, words, event)

    def writes(self, name: str, words: list[str], event: str) -> None:
        self.place += 1
        if event and event not in _STARTS:
            self.uses[name].by_event = True
        elif event:
            self.begun.add(name)
        else:
            self.uses[name].written.append(self.place)
            self.given.append((name, set(words), {w for guard in self.guards for w in guard}))
        self.place += 1

    def _given_back(self, words: list[str]) -> tuple[list[str], set[int]]:
        """Return the variables that functions write, and where these are no more than that."""
        back: list[str] = []
        only: set[int] = set()
        for at, word in enumerate(words):
            if word not in self.functions or words[at + 1:at + 2] != ["("]:
                continue
            depth, which, start = 0, 0, at + 2
            for k in range(at + 1, len(words)):
                depth += (words[k] in _OPEN) - (words[k] in _CLOSED)
                if (depth == 1 and words[k] == ",") or not depth:
                    ways = self.functions[word]
                    way = ways[which] if which < len(ways) else "input"
                    if way != "input" and k == start + 1 and words[start] in self.uses:
                        back.append(words[start])
                        only |= {start} if way == "output" else set()
                    which, start = which + 1, k + 1
                if not depth:
                    break
        return back, only

    def moving(self) -> set[str]:
        """Return the variables that voltages, currents, time or they themselves decide."""
        values: dict[str, set[str]] = {}
        for name, words, _ in self.given:
            values.setdefault(name, set()).update(words & self.uses.keys())
        found = {*_MOVING, *self.access()}
        for name in values.keys() - self.begun:  # those that count on from what they were
            seen: set[str] = set()
            waiting = [name]
            while waiting:
                new = values.get(waiting.pop(), set()) - seen
                seen |= new
                waiting += new
            if name in seen:
                found.add(name)
        while new := {name for name, words, guards in self.given
                      if (words | guards) & found} - found:
            found |= new
        return found

    def access(self) -> set[str]:
        """Return the access functions that contributions name, V and I among them."""
        found = {"V", "I"}
        for at, word in enumerate(self.words):
            if word == "<+":
                start = at - 1
                while start > 0 and self.words[start] != "(":
                    start -= 1
                found.add(self.words[start - 1])
        return found

    def simple(self, words: list[str], event: str) -> None:
        """Note ``x = expression`` or any other statement."""
        equals = words.index("=") if "=" in words else -1
        target = words[0] if equals > 0 and words[0] in self.uses else ""
        if not target or (equals > 1 and words[1] != "["):
            self.reads(words, event)
            self.place += 1
            return
        value = words[1:equals] + words[equals + 1:]
        self.reads(value, event)
        self.writes(target, value, event)

    def guarded(self, words: list[str], event: str) -> None:
        """Read a condition, and take it for one of all that follows."""
        self.reads(words, event)
        self.guards.append(words)

    def statement(self, event: str = "") -> None:
        word = self.peek()
        if word == "begin":
            self.take()
            if self.peek() == ":":
                self.at += 2
            while self.peek() and self.peek() != "end":
                self.statement(event)
            self.take()
        elif word == "if":
            self.take()
            self.guarded(self.group(), event)
            self.statement(event)
            if self.peek() == "else":
                self.take()
                self.statement(event)
            self.guards.pop()
        elif word == "case":
            self.take()
            self.guarded(self.group(), event)
            while self.peek() and self.peek() != "endcase":
                self.reads(self.until(":"))
                self.statement(event)
            self.take()
            self.guards.pop()
        elif word == "for":
            self.take()
            inner = self.group()[1:-1]
            first, _, rest = " ".join(inner).partition(" ; ")
            self.simple(first.split(), event)
            self.guarded(rest.split(), event)
            self.statement(event)
            self.guards.pop()
        elif word in ("while", "repeat"):
            self.take()
            self.guarded(self.group(), event)
            self.statement(event)
            self.guards.pop()
        elif word == "@":
            self.take()
            what = self.group()
            self.reads(what)
            names = [w for w in what if w in _STARTS]
            self.statement(event or (names[0] if names else " ".join(what)))
        elif word in (*_TYPES, "parameter", "localparam"):
            self.until(";")
        else:
            self.simple(self.until(";"), event)


def hidden_variables(text: str) -> dict[str, list[str]]:
    """Return module -> variables that are read before they are written, and written afterwards.

    In Verilog-A such a variable has the value of the evaluation before. What ``@(initial_step)``
    sets and nothing else is a constant, and none of these; nor is what parameters alone decide.
    """
    return {name: found for name, words in _modules(text) if (found := _of_module(words))}


def _of_module(words: list[str]) -> list[str]:
    plain = _without_functions(words)
    reader = _Reader(plain, _variables(plain), _functions(words))
    while reader.peek():
        if reader.take() == "analog":
            if reader.peek() == "initial":
                reader.take()
                reader.statement("initial_step")
            else:
                reader.statement()
    found = []
    moving = reader.moving()
    for name, use in reader.uses.items():
        first = min(use.written, default=None)
        carried = first is not None and any(place < first for place in use.read)
        if (carried and name in moving) or (use.by_event and use.read):
            found.append(name)
    return found


def _functions(words: list[str]) -> dict[str, list[str]]:
    """Return function of the user -> which way its arguments go, in order."""
    found: dict[str, list[str]] = {}
    for at in range(len(words) - 3):
        if words[at:at + 2] == ["analog", "function"] and "endfunction" in words[at:]:
            head = words[at + 2:words.index("endfunction", at)]
            name = head[1] if head[0] in _TYPES else head[0]
            ways = found.setdefault(name, [])
            for k, word in enumerate(head):
                if word in _WAYS and ";" in head[k:]:
                    ways += [word] * (head[k:head.index(";", k)].count(",") + 1)
    return found


def _without_functions(words: list[str]) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(words):
        if words[at:at + 2] == ["analog", "function"] and "endfunction" in words[at:]:
            at = words.index("endfunction", at)
        else:
            found.append(words[at])
        at += 1
    return found


def _variables(words: list[str]) -> list[str]:
    """Return the names of variables that are declared, and are no parameters."""
    found: dict[str, None] = {}
    parameters: set[str] = set()
    for at, word in enumerate(words):
        if word in _TYPES and words[at - 1] not in ("parameter", "localparam"):
            depth = 0
            expected = True
            for other in words[at + 1:]:
                if other == ";":
                    break
                depth += (other in _OPEN) - (other in _CLOSED)
                if expected and re.fullmatch(r"[A-Za-z_][\w$]*", other):
                    found[other] = None
                expected = other == "," and not depth
        elif word in ("parameter", "localparam"):
            parameters.add(words[at + 1 + (words[at + 1] in _TYPES)])
    return [name for name in found if name not in parameters]
