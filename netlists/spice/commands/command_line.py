"""The words of a dot command."""

from __future__ import annotations

from ...analyses import Points
from ..expressions.expression import Expression
from ..read.element_line import CardLine
from ..read.lines import Line
from ..read.scope import Scope

__all__ = ["CommandLine"]


class CommandLine(CardLine):
    """A command's words."""

    def __init__(self, line: Line, scope: Scope) -> None:
        super().__init__(line, scope)
        self.name = line.command

    def finished(self) -> None:
        """Refuse what is left."""
        self.skip()
        if not self.done:
            raise self.error(f"`{self.token.text}` is not expected")

    def points(self, variation: str) -> Points:
        """Read ``n start stop``."""
        count = self.number("the number of points")
        if count != int(count):
            raise self.error("the number of points must be whole")
        start, stop = self.number("the start"), self.number("the stop")
        return Points(variation, start, stop, int(count))

    def probe(self, what: str) -> tuple[str, ...]:
        """Read ``v(a)``, ``v(a, b)`` or ``i(v1)``."""
        text = "".join(self._call())
        try:
            expression = Expression(text)
        except Exception as error:  # noqa: BLE001 - said in our own words
            raise self.error(f"{what} is expected, such as v(out); {error}") from None
        if len(expression.steps) != 1 or expression.steps[0][0] != "probe":
            raise self.error(f"{what} is expected, such as v(out), not `{text}`")
        probe: tuple[str, ...] = self.scope.probe(expression.steps[0][1])
        return probe

    def _call(self) -> list[str]:
        parts = [self.take().text]
        if self.sign("("):
            parts.append("(")
            while not self.done and self.token.text != ")":
                parts.append(self.take().text)
            if not self.sign(")"):
                raise self.error("`)` is missing")
            parts.append(")")
        return parts
