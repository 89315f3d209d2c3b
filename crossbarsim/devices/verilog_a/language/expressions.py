"""Expressions and statements of Verilog-A, by recursive descent."""

from __future__ import annotations

from ....core.errors import VerilogAError
from .tokens import Place, Token, number_of, refusal
from .tree import Tree, Variable

__all__ = ["StatementReader"]

_LEVELS = (
    ("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!=", "===", "!=="), ("<", "<=", ">", ">="),
    ("<<", ">>", "<<<", ">>>"), ("+", "-"), ("*", "/", "%"), ("**",),
)
_DEPTH = 60  # of brackets in brackets, statements in statements
_ARRAYS = ("arrays are no part of the subset read here; write the elements as variables of their "
           "own, or compile the file (load_verilog_a)")
_WORDS = {"begin", "end", "if", "else", "case", "endcase", "for", "while", "repeat", "analog",
          "module", "endmodule", "function", "endfunction", "parameter", "real", "integer",
          "default"}


class StatementReader:
    """A cursor over tokens that reads expressions and statements."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.at, self.depth = tokens, 0, 0
        last = tokens[-1] if tokens else Token("end", "", Place("<text>", 1), 1)
        self.end = Token("end", "the end of the file", last.place, last.row)

    # -- tokens ------------------------------------------------------------------------------------

    @property
    def now(self) -> Token:
        """The token at the cursor."""
        return self.tokens[self.at] if self.at < len(self.tokens) else self.end

    def ahead(self, count: int = 1) -> Token:
        """Return a token after the cursor."""
        k = self.at + count
        return self.tokens[k] if k < len(self.tokens) else self.end

    def take(self) -> Token:
        """Return the token at the cursor and go on."""
        token = self.now
        self.at += 1
        return token

    def found(self, text: str) -> bool:
        """Go on where the next token is `text`; say whether it was."""
        if self.now.text == text and self.now.kind != "text":
            self.at += 1
            return True
        return False

    def expect(self, text: str, where: str = "") -> Token:
        """Go on past `text`, which must come now."""
        if self.now.text != text or self.now.kind == "text":
            raise self.wrong(f"expected `{text}`{where}")
        return self.take()

    def name(self, what: str = "a name") -> Token:
        """Return a name, which must come now."""
        if self.now.kind != "name" or self.now.text in _WORDS:
            raise self.wrong(f"expected {what}")
        return self.take()

    def wrong(self, message: str) -> VerilogAError:
        """Return the error of the token at the cursor."""
        return refusal(self.now.place, f"{message}; got `{self.now.text}`")

    def deeper(self) -> None:
        """Count how deep things are in things."""
        self.depth += 1
        if self.depth > _DEPTH:
            raise refusal(self.now.place, f"more than {_DEPTH} levels in one another")

    # -- expressions -------------------------------------------------------------------------------

    def expression(self) -> Tree:
        """Read an expression."""
        self.deeper()
        test = self.binary(0)
        if self.now.text == "?" and self.now.kind == "mark":
            place = self.take().place
            yes = self.expression()
            self.expect(":", " of `a ? b : c`")
            test = Tree("choose", place, (test, yes, self.expression()))
        self.depth -= 1
        return test

    def binary(self, level: int) -> Tree:
        """Read operators of a level and those that bind more."""
        if level == len(_LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        count = 0
        while self.now.kind == "mark" and self.now.text in _LEVELS[level]:
            token = self.take()
            count += 1
            if count > 2000:
                raise refusal(token.place, "more than 2000 operators in a row")
            right = self.binary(level + 1)
            left = Tree("operator", token.place, (left, right), token.text)
        return left

    def unary(self) -> Tree:
        """Read a sign and what follows it."""
        token = self.now
        if token.kind == "mark" and token.text in ("-", "+", "!", "~"):
            self.deeper()
            self.take()
            inner = self.unary()
            self.depth -= 1
            return Tree("sign", token.place, (inner,), token.text)
        return self.primary()

    def primary(self) -> Tree:
        """Read a number, a name, a call or an expression in brackets."""
        token = self.now
        if token.kind == "number":
            self.take()
            if self.now.text == "'":
                raise self.wrong("numbers of a stated width are no part of the analogue subset")
            return Tree("number", token.place, (), number_of(token))
        if token.kind == "text":
            self.take()
            return Tree("text", token.place, (), token.text[1:-1])
        if self.found("("):
            inner = self.expression()
            self.expect(")")
            return inner
        if token.kind == "system" or (token.kind == "name" and token.text not in _WORDS):
            self.take()
            if self.now.text == "(":
                return Tree("call", token.place, tuple(self.arguments()), token.text)
            if self.now.text == "[":
                raise self.wrong(f"`{token.text}[...]`: {_ARRAYS}")
            kind = "call" if token.kind == "system" else "name"
            return Tree(kind, token.place, (), token.text)
        raise self.wrong("expected an expression")

    def arguments(self) -> list[Tree]:
        """Read arguments in brackets; ``<p>`` of a port's flow and empty ones are refused later."""
        self.expect("(")
        given: list[Tree] = []
        if self.found(")"):
            return given
        while True:
            if self.now.text in (",", ")"):
                given.append(Tree("nothing", self.now.place))
            elif self.now.text == "<":
                place = self.take().place
                given.append(Tree("port", place, (), self.name("a port").text))
                self.expect(">")
            else:
                given.append(self.expression())
            if self.found(")"):
                return given
            self.expect(",", " or `)`")

    # -- statements --------------------------------------------------------------------------------

    def statement(self) -> Tree:
        """Read a statement."""
        self.deeper()
        while self.now.text == "(*":
            self.attributes()
        made = self._statement()
        self.depth -= 1
        return made

    def _statement(self) -> Tree:
        token = self.now
        place = token.place
        if self.found(";"):
            return Tree("block", place)
        if self.found("begin"):
            return self.block(place)
        if self.found("if"):
            return self.condition(place)
        if self.found("case"):
            return self.cases(place)
        if self.found("for"):
            return self.loop(place)
        if self.now.text in ("while", "repeat"):
            self.take()
            self.expect("(")
            test = self.expression()
            self.expect(")")
            return Tree(token.text, place, (test, self.statement()))
        if self.found("@"):
            return self.event(place)
        if token.kind == "system":
            self.take()
            given = tuple(self.arguments()) if self.now.text == "(" else ()
            self.expect(";")
            return Tree("task", place, given, token.text)
        if token.kind == "name" and token.text not in _WORDS:
            return self.assignment(place)
        raise self.wrong("expected a statement")

    def block(self, place: Place) -> Tree:
        """Read statements up to ``end``; variables of a named block come with them."""
        parts: list[Tree] = []
        if self.found(":"):
            self.name("the block's name")
        while not self.found("end"):
            if self.now.kind == "end":
                raise refusal(place, "the block that begins here has no `end`")
            if self.now.text in ("real", "integer", "string"):
                kind = self.take().text
                for variable in self.variables(kind):
                    inside = () if variable.initial is None else (variable.initial,)
                    parts.append(Tree("declare", variable.place, inside, (variable.name, kind)))
            else:
                parts.append(self.statement())
        return Tree("block", place, tuple(parts))

    def condition(self, place: Place) -> Tree:
        """Read what follows ``if``; a chain of ``else if`` is no deeper than its first part."""
        chain: list[tuple[Place, Tree, Tree]] = []
        last = Tree("block", place)
        while True:
            self.expect("(", " after `if`")
            test = self.expression()
            self.expect(")")
            chain.append((place, test, self.statement()))
            if not self.found("else"):
                break
            place = self.now.place
            if not self.found("if"):
                last = self.statement()
                break
            if len(chain) > 200:
                raise refusal(place, "more than 200 parts of one `if`")
        for where, test, yes in reversed(chain):
            last = Tree("if", where, (test, yes, last))
        return last

    def cases(self, place: Place) -> Tree:
        """Read what follows ``case``, as a chain of conditions."""
        self.expect("(", " after `case`")
        subject = self.expression()
        self.expect(")")
        parts: list[tuple[list[Tree], Tree]] = []
        other = Tree("block", place)
        while not self.found("endcase"):
            if self.now.kind == "end":
                raise refusal(place, "the `case` that begins here has no `endcase`")
            if self.found("default"):
                self.found(":")
                other = self.statement()
                continue
            values = [self.expression()]
            while self.found(","):
                values.append(self.expression())
            self.expect(":", " after the values of a case")
            parts.append((values, self.statement()))
            if len(parts) > 200:
                raise refusal(place, "more than 200 parts of one `case`")
        for values, then in reversed(parts):
            same = [Tree("operator", value.place, (subject, value), "==") for value in values]
            test = same[0]
            for one in same[1:]:
                test = Tree("operator", one.place, (test, one), "||")
            other = Tree("if", values[0].place, (test, then, other))
        return other

    def loop(self, place: Place) -> Tree:
        """Read what follows ``for``: (start, test, step, body)."""
        self.expect("(", " after `for`")
        start = self.plain_assignment()
        self.expect(";")
        test = self.expression()
        self.expect(";")
        step = self.plain_assignment()
        self.expect(")")
        return Tree("for", place, (start, test, step, self.statement()))

    def plain_assignment(self) -> Tree:
        """Read ``name = expression``."""
        name = self.name("a variable")
        self.expect("=")
        return Tree("assign", name.place, (self.expression(),), name.text)

    def event(self, place: Place) -> Tree:
        """Read what follows ``@``: its events and the statement."""
        events: list[Tree] = []
        if self.found("("):
            while True:
                events.append(self.expression())
                if self.found(")"):
                    break
                if not (self.found("or") or self.found(",")):
                    raise self.wrong("expected `or` or `)`")
        else:
            events.append(self.primary())
        inside = self.statement()
        return Tree("event", place, (*events, inside))

    def assignment(self, place: Place) -> Tree:
        """Read an assignment or a contribution."""
        name = self.take()
        if self.now.text == "[":
            raise self.wrong(f"`{name.text}[...]`: {_ARRAYS}")
        if self.now.text == "(":
            given = tuple(self.arguments())
            target = Tree("call", name.place, given, name.text)
            if self.found(";"):
                return Tree("task", place, given, name.text)
            if self.found(":"):
                raise refusal(place, f"`{name.text}(...) : ... == ...`, an indirect contribution, "
                                     "is no part of the subset read here; compile the file "
                                     "(load_verilog_a)")
            self.expect("<+", " (a contribution) or `=`")
            value = self.expression()
            self.expect(";", " after a contribution")
            return Tree("contribute", place, (target, value))
        self.expect("=", f" after `{name.text}`")
        value = self.expression()
        self.expect(";", " after an assignment")
        return Tree("assign", place, (value,), name.text)

    # -- declarations that blocks have, too --------------------------------------------------------

    def attributes(self) -> dict[str, str]:
        """Read ``(* name = "text", ... *)``."""
        found: dict[str, str] = {}
        self.expect("(*")
        while not self.found("*)"):
            name = self.name("an attribute").text
            found[name] = "1"
            if self.found("="):
                token = self.now
                if token.kind == "text":
                    self.take()
                    found[name] = token.text[1:-1]
                else:
                    self.binary(0)
                    found[name] = token.text
            # commas by the language; ADMS takes blanks
            if not self.found(",") and self.now.text != "*)" and self.now.kind != "name":
                raise self.wrong("expected `,` or `*)`")
        return found

    def variables(self, kind: str) -> list[Variable]:
        """Read the rest of a declaration of variables."""
        found: list[Variable] = []
        while True:
            name = self.name("a variable")
            if self.now.text == "[":
                raise self.wrong(f"`{name.text}[...]`: {_ARRAYS}")
            value = self.expression() if self.found("=") else None
            found.append(Variable(name.text, kind, name.place, value))
            if self.found(";"):
                return found
            self.expect(",", " or `;`")

