"""The tree of a deck: subcircuits within subcircuits, conditions, and the lines of each."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ....core.errors import NetlistError
from ....core.settings import closest
from ...columns.plain import PlainElements
from .lines import Line, lines_of
from .tokens import Token, assignments, split_line, unquoted

__all__ = [
    "Block", "Branch", "Choice", "Given", "build_blocks", "did_you_mean", "near", "without_runs",
]

DEEPEST = 60  # subcircuits and conditions within one another


class Given(NamedTuple):
    """The text of a parameter's value, and where it stands."""

    text: str
    line: Line


class Branch(NamedTuple):
    """One branch of ``.if``."""

    condition: str  # "1" of .else
    line: Line
    body: list[Line | PlainElements | Block | Choice]


@dataclass
class Choice:
    """A ``.if`` with all its branches."""

    branches: list[Branch] = field(default_factory=list)


@dataclass
class Block:
    """A subcircuit's definition, or the deck's top level.

    Attributes
    ----------
    name : str
    ports : tuple of str
    defaults : dict
        Parameters in its head.
    body : list
        Lines, definitions within, conditions.
    line : Line or None
        Its head; None of the top level.
    """

    name: str
    ports: tuple[str, ...]
    defaults: dict[str, Given]
    body: list[Line | PlainElements | Block | Choice]
    line: Line | None


def did_you_mean(name: str, known: Iterable[str], most: int = 12) -> str:
    """Return `closest`'s hint in the quotes of decks."""
    return closest(name, known, most, quote="`")


def near(name: str, known: Iterable[str]) -> str:
    """Return a hint: the nearest of the known names, nothing where none is near."""
    found = difflib.get_close_matches(name, sorted(set(known)), n=1)
    return f"; did you mean `{found[0]}`?" if found else ""


def _head(line: Line) -> Block:
    """Read ``.subckt name ports [params:] name=value ...``."""
    tokens = [t for t in split_line(line)[1:] if t.text not in ("(", ")", ",") or t.kind != "sign"]
    words: list[Token] = []
    start = len(line.text)
    for k, token in enumerate(tokens[:-1]):
        if token.kind == "word" and token.text.lower() in ("params:", "param:"):
            start = token.end
            break
        if tokens[k + 1].text == "=" and tokens[k + 1].kind == "sign":
            start = token.start
            break
        if token.kind != "word":
            raise line.error(f"`{token.text}` is no port")
        words.append(token)
    if not words:
        raise line.error("`.subckt` needs a name")
    ports = tuple(word.text.lower() for word in words[1:])
    doubled = [port for port in ports if ports.count(port) > 1]
    if doubled:
        raise line.error(f"the port `{doubled[0]}` is named twice")
    bare = re.sub(r"(?i)\bparams?:", lambda match: " " * len(match[0]), line.text)
    defaults = {
        name: Given(value, line)
        for name, arguments, value in assignments(line._replace(text=bare), start)
        if arguments is None
    }
    return Block(words[0].text.lower(), ports, defaults, [], line)


def build_blocks(lines: Sequence[Line | PlainElements], notes: list[str]) -> Block:
    """Return the deck's top level; `notes` gets what has no effect.

    Raises
    ------
    NetlistError
        ``.subckt`` without ``.ends``, ``.if`` without ``.endif``, or the other way round.
    """
    top = Block("", (), {}, [], None)
    # what is open: blocks and conditions, innermost last
    stack: list[Block | Choice] = [top]

    def body() -> list[Any]:
        inner = stack[-1]
        return inner.body if isinstance(inner, Block) else inner.branches[-1].body

    for line in lines:
        if isinstance(line, PlainElements):  # as they are at the top level only
            body().extend([line] if len(stack) == 1 else lines_of(line))
            continue
        command = "" if line.control else line.command
        if not command:
            body().append(line)
            continue
        inner = stack[-1]
        if command in (".subckt", ".if") and len(stack) > DEEPEST:
            raise line.error(f"more than {DEEPEST} subcircuits or conditions within one another")
        if command == ".subckt":
            block = _head(line)
            body().append(block)
            stack.append(block)
        elif command in (".ends", ".eom"):
            words = line.text.lower().split()[1:]
            if not isinstance(inner, Block) or inner is top:
                raise line.error("`.ends` without `.subckt`")
            if words and words[0] != inner.name:
                if any(isinstance(b, Block) and b.name == words[0] for b in stack):
                    raise line.error(f"`.ends {words[0]}` does not end `.subckt {inner.name}`")
                notes.append(f"{line.file}:{line.number}: `.ends {words[0]}` ends `.subckt "
                             f"{inner.name}`: its name has no effect")
            stack.pop()
        elif command == ".if":
            choice = Choice([Branch(_condition(line), line, [])])
            body().append(choice)
            stack.append(choice)
        elif command in (".elseif", ".elif", ".else"):
            if not isinstance(inner, Choice) or inner.branches[-1].line.command == ".else":
                raise line.error(f"`{command}` without `.if`")
            condition = _condition(line) if command != ".else" else "1"
            inner.branches.append(Branch(condition, line, []))
        elif command == ".endif":
            if not isinstance(inner, Choice):
                raise line.error("`.endif` without `.if`")
            stack.pop()
        else:
            body().append(line)
    if len(stack) > 1:
        inner = stack[-1]
        if isinstance(inner, Choice):
            raise inner.branches[0].line.error("`.if` without `.endif`")
        if inner.line is None:
            raise NetlistError("a subcircuit without a head")
        raise inner.line.error(f"`.subckt {inner.name}` without `.ends`")
    return top


def _condition(line: Line) -> str:
    words = line.text.split(maxsplit=1)
    if len(words) < 2:
        raise line.error(f"`{line.command}` needs a condition")
    # HSPICE's and PSpice's `=` is `==`
    return re.sub(r"(?<![=<>!])=(?!=)", "==", unquoted(words[1].strip()))


def without_runs(block: Block) -> Block:
    """Return the deck's top level with every line by itself."""
    body: list[Any] = []
    for part in block.body:
        body.extend(lines_of(part) if isinstance(part, PlainElements) else [part])
    return replace(block, body=body)


def weigh(top: Block, most: int) -> None:
    """Refuse instances that would make more than `most` instances and elements.

    Lines of conditions do not count, nor what is nowhere defined.

    Raises
    ------
    NetlistError
        With the first line at which it becomes too much.
    """
    known: dict[int, int] = {}
    around: list[dict[str, Block]] = []  # what is defined in a block and in those around it

    def of(block: Block) -> int:
        if id(block) in known:
            return known[id(block)]
        known[id(block)] = 0  # one that contains itself is refused when it is written out
        around.append({part.name: part for part in block.body if isinstance(part, Block)})
        total = 0
        for part in block.body:
            if isinstance(part, PlainElements):
                total += len(part)
                continue
            if not isinstance(part, Line) or part.text.startswith("."):
                continue
            total += 1
            if part.text[:1] in "xX":
                name = _instance_of(part)
                inner = next((b[name] for b in reversed(around) if name in b), None)
                total += 0 if inner is None else of(inner)
            if total > most:
                raise part.error(
                    f"more than {most} elements and instances of subcircuits within one another"
                )
        around.pop()
        known[id(block)] = total
        return total

    of(top)


def _instance_of(line: Line) -> str:
    """Return the name of the subcircuit of which a line makes an instance."""
    words = re.split(r"[\s(),]+", line.text.partition("=")[0].strip().lower())
    if "=" in line.text:
        words = words[:-1]
    words = [word for word in words if word and word not in ("params:", "param:")]
    return words[-1] if words else ""
