"""Control blocks: the commands of ngspice's language that are known, as a tree."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...analyses import NAMES, Command
from ..read.lines import Line
from ..read.subcircuit_tree import did_you_mean
from .command_names import IDLE

__all__ = ["KNOWN", "read_control"]

DEEPEST = 60
KNOWN = (
    *NAMES,
    "alter", "altermod", "alterparam", "compose", "destroy", "display", "echo", "exit", "fourier",
    "gnuplot", "hardcopy", "let", "linearize", "meas", "measure", "option", "plot", "print",
    "quit", "reset", "run", "save", "set", "setplot", "settype", "unlet", "unset", "wrdata",
    "write",
    *IDLE,
)
_LOOPS = ("foreach", "repeat", "while", "dowhile", "if")
_WORD = re.compile(r'"([^"]*)"|(\S+)')


def read_control(lines: Sequence[Line]) -> list[Command]:
    """Return the commands of a deck's control blocks; lines are those between .control and .endc.

    Raises
    ------
    NetlistError
        Commands that are not known, loops without end.
    """
    # bodies that are open, with the line that opened each
    stack: list[tuple[Line | None, str, tuple[str, ...], list[Command], list[Command] | None]] = [
        (None, "", (), [], None)
    ]

    def body() -> list[Command]:
        _, _, _, inner, otherwise = stack[-1]
        return inner if otherwise is None else otherwise

    for line in lines:
        name, _, rest = line.text.partition(" ")
        name, rest = name.lower(), rest.strip()
        if name in _LOOPS:
            if len(stack) > DEEPEST:
                raise line.error(f"more than {DEEPEST} loops within one another")
            arguments = _words(rest) if name in ("foreach", "repeat") else (rest,)
            if not any(arguments) and name != "repeat":
                raise line.error(f"`{name}` needs more")
            stack.append((line, name, arguments, [], None))
        elif name == "else":
            opened, kind, arguments, inner, otherwise = stack[-1]
            if kind != "if" or otherwise is not None:
                raise line.error("`else` without `if`")
            stack[-1] = (opened, kind, arguments, inner, [])
        elif name == "end":
            opened, kind, arguments, inner, otherwise = stack[-1]
            if opened is None:
                raise line.error("`end` without a loop or `if`")
            stack.pop()
            body().append(
                Command(kind, arguments, tuple(inner), tuple(otherwise or ()), opened.where)
            )
        elif name == "let":
            target, sign, expression = rest.partition("=")
            if not (sign and target.strip() and expression.strip()):
                raise line.error("`let name = expression` is expected")
            body().append(
                Command("let", (target.strip(), expression.strip()), where=line.where)
            )
        elif name in KNOWN:
            body().append(Command(name, _words(rest), where=line.where))
        elif line.text[0] in "*#":
            continue
        else:
            raise line.error(f"there is no command `{name}` in a control block"
                             f"{did_you_mean(name, (*KNOWN, *_LOOPS), 60)}")
    if len(stack) > 1 and stack[-1][0] is not None:
        raise stack[-1][0].error(f"`{stack[-1][1]}` without `end`")
    return stack[0][3]


def _words(text: str) -> tuple[str, ...]:
    return tuple(quoted or plain for quoted, plain in _WORD.findall(text))
