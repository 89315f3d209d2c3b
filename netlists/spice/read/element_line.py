"""One element's line, read from left to right."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from ....core.errors import NetlistError
from ....core.units import plain_number
from ...elements import Element, Value
from ..expressions.expression import Expression
from .lines import Line
from .scope import Scope
from .subcircuit_tree import did_you_mean
from .tokens import Token, split_line

__all__ = ["CardLine"]

_SKIPPED = ("(", ")", ",")


class CardLine:
    """A cursor over the words of an element's line.

    Attributes
    ----------
    name : str
        Of the element, in full.
    """

    def __init__(self, line: Line, scope: Scope) -> None:
        self.line, self.scope = line, scope
        self.tokens = split_line(line)
        self.at = 1
        first = self.tokens[0]
        if first.kind != "word":
            raise line.error("an element or a command is expected")
        self.kind = first.text[0].upper()
        # as given at the top level, where the user wrote it; inside of subcircuits lower case
        self.name = f"{scope.prefix}{first.text.lower()}" if scope.prefix else first.text
        if scope.outer is None and self.name[1:2] == ".":  # m.x1.m2, as flat decks have it
            self.name = scope.element(self.name)

    def error(self, message: str) -> NetlistError:
        """Return an error at this element."""
        return self.line.error(f"{self.name}: {message}")

    # -- words -------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        """The next word."""
        return self.tokens[self.at]

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self.token.kind == "end"

    def take(self) -> Token:
        """Return the next word and go on."""
        token = self.token
        if token.kind != "end":
            self.at += 1
        return token

    def sign(self, text: str) -> bool:
        """Take a sign if it is the next word."""
        if self.token.kind == "sign" and self.token.text == text:
            self.at += 1
            return True
        return False

    def skip(self) -> None:
        """Go over parentheses and commas."""
        while self.token.kind == "sign" and self.token.text in _SKIPPED:
            self.at += 1

    def peek(self, ahead: int = 0) -> str:
        """Return the lower-case text of a word to come, empty if it is none."""
        at = min(self.at + ahead, len(self.tokens) - 1)
        token = self.tokens[at]
        return token.text.lower() if token.kind == "word" else ""

    @property
    def names_value(self) -> bool:
        """Whether ``name =`` comes next."""
        return self.token.kind == "word" and self.tokens[self.at + 1].text == "=" and (
            self.tokens[self.at + 1].kind == "sign"
        )

    def word(self, what: str) -> str:
        """Return the next word, lower case."""
        self.skip()
        if self.token.kind != "word" or self.names_value:
            got = f"`{self.token.text}`" if not self.done else "the end of the line"
            raise self.error(f"{what} is expected, not {got}")
        return self.take().text.lower()

    def node(self, what: str = "a node") -> str:
        """Return the full name of the next node."""
        return self.node_named(self.word(what))

    def node_named(self, word: str) -> str:
        """Return the full name of a node."""
        if word[0] in "*$;":
            raise self.error(f"`{word}` is no name of a node")
        return self.scope.node(word)

    def nodes(self, count: int) -> tuple[str, ...]:
        """Return the next nodes."""
        found = tuple(self.node(f"node {k + 1} of {count}") for k in range(count))
        if self.token.kind == "sign" and self.token.text == ")":
            self.at += 1
        return found

    def _named(self, error: NetlistError) -> NetlistError:
        """Return an error of an expression, with the element's name."""
        if error.line != self.line.number or error.file != self.line.file:
            return error
        return self.error(error.message)

    def value_of(self, text: str) -> Value:
        """Return the value of an expression."""
        plain = plain_number(text)
        if plain is not None:
            return plain
        try:
            return self.scope.value_of(text, self.line)
        except NetlistError as error:
            raise self._named(error) from None

    def number_of(self, text: str, what: str) -> float:
        """Return the value of an expression that must be a number."""
        try:
            return self.scope.number(text, self.line, what)
        except NetlistError as error:
            raise self._named(error) from None

    # -- values ------------------------------------------------------------------------------

    def raw(self) -> str:
        """Return the text of a value: one expression, or what stands without spaces."""
        token = self.token
        following = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        more = following.kind == "word" and following.start == token.end
        if token.kind == "string" or (token.kind == "expression" and not more):
            self.at += 1
            return token.text
        if token.kind == "end" or (token.kind == "sign" and token.text in ("=", ",", ")")):
            got = f"`{token.text}`" if token.text else "the end of the line"
            raise self.error(f"a value is expected, not {got}")
        start, end, depth = token.start, token.start, 0
        while self.token.kind != "end":
            token = self.token
            if depth == 0 and (token.start > end or token.text in (",", ")", "=")):
                break
            if token.kind == "sign":
                depth += {"(": 1, ")": -1}.get(token.text, 0)
            end = token.end
            self.at += 1
        if depth:
            raise self.error("`)` is missing")
        return self.line.text[start:end]

    def value(self, what: str) -> Value:
        """Return the next value: a number or an expression."""
        self.skip()
        if self.done:
            raise self.error(f"{what} is expected at the end of the line")
        return self.value_of(self.raw())

    def number(self, what: str) -> float:
        """Return the next value, a number."""
        self.skip()
        if self.done:
            raise self.error(f"{what} is expected at the end of the line")
        return self.number_of(self.raw(), what)

    def starts_number(self) -> bool:
        """Whether the next word can only be a value: a number, or an expression in braces."""
        if self.token.kind == "expression":
            return True
        return self.token.kind == "word" and plain_number(self.token.text) is not None

    def pairs(
        self, allowed: Collection[str], flags: Collection[str] = (),
        texts: Collection[str] = (),
    ) -> dict[str, Any]:
        """Read the rest of the line: ``name=value``, several values parted by commas, and flags.

        Returns
        -------
        dict
            Floats or Expressions, lists of them, text for `texts`; flags are 1.0.
        """
        found: dict[str, Any] = {}
        while not self.done:
            self.skip()
            if self.done:
                break
            name = self.token.text.lower()
            if self.token.kind == "word" and not self.names_value and name in flags:
                self.at += 1
                found[name] = 1.0
                continue
            if not self.names_value:
                raise self.error(
                    f"`{self.token.text}` is not expected"
                    f"{did_you_mean(name, [*allowed, *flags])}"
                )
            if name not in allowed and name not in flags:
                raise self.error(
                    f"there is no parameter `{name}`{did_you_mean(name, allowed, 30)}"
                )
            if name in found:
                raise self.error(f"`{name}` is given twice")
            value = None if name in texts else self._plain_ahead()
            if value is not None:
                found[name] = value
                continue
            self.at += 2
            if name in texts:
                found[name] = self.raw()
                continue
            values = [self.value_of(self.raw())]
            while self.sign(","):
                values.append(self.value_of(self.raw()))
            found[name] = values if len(values) > 1 else values[0]
        return found

    def _plain_ahead(self) -> float | None:
        """Take ``name = number`` if that is all there is before the next word, and return it."""
        number, after = self.tokens[self.at + 2:self.at + 4] if (
            self.at + 3 < len(self.tokens)
        ) else (self.tokens[-1], self.tokens[-1])
        if number.kind != "word" or (after.kind != "end" and (
            after.start == number.end or after.text == ","
        )):
            return None
        value = plain_number(number.text)
        if value is not None:
            self.at += 3
        return value

    def plain(self, name: str, value: object) -> float:
        """Return a parameter that must be a number."""
        if isinstance(value, Expression) and value.fixed:
            value = self.scope.settled(value, self.line)
        if isinstance(value, Expression) or not isinstance(value, (int, float)):
            shown = value.text if isinstance(value, Expression) else value
            raise self.error(f"`{name}` must be a number; got `{shown}`")
        return float(value)

    # -- the element -------------------------------------------------------------------------

    def multiplied(self, found: dict[str, Any]) -> None:
        """Let the subcircuit's number of copies count."""
        own = self.plain("m", found.get("m", 1.0))
        if own <= 0:
            raise self.error(f"`m` must be > 0; got {own:g}")
        total = own * self.scope.multiplier
        if total != 1.0 or "m" in found:
            found["m"] = total

    def element(
        self, nodes: tuple[str, ...], value: Value = 0.0, found: dict[str, Any] | None = None,
        **more: Any,
    ) -> Element:
        """Return the element."""
        parameters = tuple((found or {}).items())
        for name, number in (("the value", value), *parameters):
            if isinstance(number, float) and not math.isfinite(number):
                raise self.error(f"{name} is {number}, not finite")
        return Element(
            self.kind, self.name, nodes, value, parameters=parameters, where=self.line.where,
            **more,
        )
