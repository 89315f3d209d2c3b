"""``.measure``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ...analyses import Event, Measure
from ..expressions.expression import Expression
from ..read.lines import Line
from ..read.scope import Scope
from ..read.subcircuit_tree import did_you_mean

__all__ = ["read_measure"]

_ANALYSES = ("tran", "ac", "dc", "noise", "sp")
_STATISTICS = {
    "avg": "avg", "rms": "rms", "min": "min", "max": "max", "pp": "pp", "integ": "integ",
    "integral": "integ", "min_at": "min_at", "max_at": "max_at",
}
_EDGES = ("rise", "fall", "cross")
_KEYS = ("val", "td", "from", "to", "at", *_EDGES)
_Reader = Callable[[Scope, Line, str], Expression]


def _words(line: Line) -> list[str]:
    """Part a line at spaces; ``name=value`` stays in one, as do parentheses and quotes."""
    text = re.sub(r"\s*(?<![<>=!])=(?!=)\s*", "=", line.text)
    parts, depth, quote, current = [], 0, "", ""
    for c in text:
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        else:
            depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(c, 0)
        if c in " \t" and depth <= 0 and not quote:
            parts.append(current)
            current = ""
        else:
            current += c
    if depth or quote:
        raise line.error("parentheses, braces or quotes do not match")
    return [part for part in [*parts, current] if part]


class _Reading:
    """The words of one measure, from left to right."""

    def __init__(self, scope: Scope, line: Line, output: _Reader) -> None:
        self.scope, self.line, self.output = scope, line, output
        self.words = _words(line)[1:]

    def error(self, message: str) -> Exception:
        return self.line.error(f".measure: {message}")

    def take(self, what: str) -> str:
        if not self.words:
            raise self.error(f"{what} is expected at the end of the line")
        return self.words.pop(0)

    def expression(self, text: str) -> Expression:
        return self.output(self.scope, self.line, text)

    def number(self, text: str, what: str) -> float:
        inner = re.fullmatch(r"'(.*)'|\{(.*)\}", text)
        return self.scope.number((inner[1] or inner[2] or "") if inner else text, self.line, what)

    def keys(self, allowed: tuple[str, ...]) -> dict[str, str]:
        """Take ``key=value`` as far as they go."""
        found: dict[str, str] = {}
        while self.words and "=" in self.words[0]:
            key, _, value = self.words[0].partition("=")
            key = key.lower()
            if key not in allowed:
                if key in _KEYS:
                    break
                raise self.error(f"`{key}` is not expected{did_you_mean(key, allowed)}")
            if not value or key in found:
                raise self.error(f"`{key}` " + ("is given twice" if key in found else
                                                "has no value"))
            found[key] = value
            self.words.pop(0)
        return found

    def event(self, keys: dict[str, str], expression: Expression | None,
              level: Expression | None) -> Event:
        """Return an event from the keys that describe it."""
        if "at" in keys:
            return Event(at=self.number(keys["at"], "`at`"))
        edges = [key for key in keys if key in _EDGES]
        if len(edges) > 1:
            raise self.error(f"one of {', '.join(_EDGES)}, not {' and '.join(edges)}")
        edge, count = "cross", 1
        if edges:
            edge, text = edges[0], keys[edges[0]]
            if text.lower() == "last":
                count = -1
            else:
                number = self.number(text, f"`{edge}`")
                if number != int(number) or number < 1:
                    raise self.error(f"`{edge}` must be a whole number from 1, or `last`")
                count = int(number)
        delay = self.number(keys["td"], "`td`") if "td" in keys else 0.0
        return Event(expression, level, edge, count, delay)

    def condition(self) -> tuple[Expression, Expression]:
        """Read ``v(a)=0.5`` or ``v(a)=v(b)``."""
        text = self.take("a condition such as v(out)=0.5")
        left, sign, right = text.partition("=")
        if not (left and sign and right):
            raise self.error(f"a condition such as v(out)=0.5 is expected, not `{text}`")
        return self.expression(left), self.expression(right)

    def moment(self, keyword: str) -> Event:
        """Read what follows TRIG or TARG."""
        if self.words and self.words[0].lower().startswith("at="):
            return self.event(self.keys(("at",)), None, None)
        text = self.take(f"a quantity after {keyword}")
        if both := re.fullmatch(r"([^'\"{<>!=]+)=([^=].*)", text):  # LTspice's v(a)=0.5
            left, right = self.expression(both[1]), self.expression(both[2])
            return self.event(self.keys(("td", *_EDGES)), left, right)
        expression = self.expression(text)
        keys = self.keys(("val", "td", *_EDGES))
        if "val" not in keys:
            raise self.error(f"{keyword} needs `val=`, or a condition such as v(out)=0.5")
        return self.event(keys, expression, Expression.number(self.number(keys["val"], "`val`")))


def read_measure(scope: Scope, line: Line, output: _Reader) -> Measure:
    """Return one measure; `output` reads the quantities of results."""
    r = _Reading(scope, line, output)
    analysis = r.take("the analysis").lower()
    if analysis not in _ANALYSES:
        raise r.error(f"`{analysis}` is no analysis{did_you_mean(analysis, _ANALYSES)}")
    name = r.take("a name").lower()
    kind = r.take("TRIG, FIND, WHEN, AVG, ...").lower()
    more: dict[str, Any] = {"where": line.where}
    if kind.startswith("param="):
        found = Measure(name, analysis, "param", r.expression(kind.partition("=")[2]), **more)
    elif kind == "param":
        found = Measure(name, analysis, "param", r.expression(r.take("an expression")), **more)
    elif kind == "trig":
        trig = r.moment("TRIG")
        word = r.take("TARG").lower()
        if word != "targ":
            raise r.error(f"TARG is expected, not `{word}`")
        found = Measure(name, analysis, "trig", trig=trig, targ=r.moment("TARG"), **more)
    elif kind == "when":
        found = Measure(name, analysis, "when", **_when(r), **more)
    elif kind in ("find", "deriv", "derivative"):
        expression = r.expression(r.take("a quantity"))
        kind = "find" if kind == "find" else "deriv"
        if r.words and r.words[0].lower() == "when":
            r.words.pop(0)
            found = Measure(name, analysis, kind, expression, **_when(r), **more)
        else:
            keys = r.keys(("at",))
            if "at" not in keys:
                raise r.error(f"{kind.upper()} needs WHEN or `at=`")
            found = Measure(name, analysis, kind, expression, r.event(keys, None, None), **more)
    elif kind in _STATISTICS:
        expression = r.expression(r.take("a quantity"))
        keys = r.keys(("from", "to", "td"))
        if r.words and r.words[0].lower() in ("trig", "targ"):
            raise r.error(f"the window of {kind.upper()} is `from=` and `to=`; TRIG and TARG are "
                          "not supported there")
        found = Measure(name, analysis, _STATISTICS[kind], expression, **_part(r, keys), **more)
    else:
        known = ("trig", "find", "when", "deriv", "param", *_STATISTICS)
        raise r.error(f"`{kind}` is not known{did_you_mean(kind, known, 20)}")
    if r.words:
        raise r.error(f"`{r.words[0]}` is not expected")
    return found


def _when(r: _Reading) -> dict[str, Any]:
    left, right = r.condition()
    keys = r.keys(("td", "from", "to", *_EDGES))
    event = {key: value for key, value in keys.items() if key not in ("from", "to")}
    return {"trig": r.event(event, left, right), **_part(r, keys)}


def _part(r: _Reading, keys: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, name in (("td", "start"), ("from", "start"), ("to", "stop")):
        if key in keys and not (key == "td" and "trig" in keys):
            found[name] = r.number(keys[key], f"`{key}`")
    return found
