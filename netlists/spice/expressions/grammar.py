"""The grammar of expressions: text to steps."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from ....core.errors import NetlistError
from ....core.units import scaled
from .functions import ALIASES, REFUSED, RULES
from .tape import Step, Tape
from .text import DEEPEST

__all__ = ["BUILT_IN", "DRAWN", "Function", "constants_but", "number_of", "parse_steps"]

BUILT_IN = ("time", "temper", "hertz")
_TOKEN = re.compile(
    r"\s+|(?P<number>(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?[a-z\u00b5]*)|(?P<name>[a-z_][a-z0-9_.#$]*)"
    r"|(?P<device>@[^\s\[\](),]+\[[^\s\[\](),]+\])"
    r"|(?P<sign>\*\*|==|!=|<>|<=|>=|&&|\|\||[-+*/^%\\<>=&|!~?:,(){}'\"])"
)
# no "a" for atto: 1A is one ampere, as in ngspice 39
_NUMBER = re.compile(r"((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(meg|mil|[tgkmunpf\u00b5])?[a-z\u00b5]*")
_BINARY = {  # operator: (binding, name); all but the power are left-associative
    "||": (2, "||"), "|": (2, "||"), "&&": (3, "&&"), "&": (3, "&&"), "==": (4, "=="),
    "!=": (4, "!="), "<>": (4, "!="), "<": (5, "<"), ">": (5, ">"), "<=": (5, "<="),
    ">=": (5, ">="), "+": (6, "+"), "-": (6, "-"), "*": (7, "*"), "/": (7, "/"), "%": (7, "%"),
    "\\": (7, "\\"), "**": (9, "**"), "^": (9, "**"),
}
_UNARY = 8
_CLOSING = {"(": ")", "{": "}", "'": "'", '"': '"'}
_CONSTANTS = {  # those of physics by CODATA 2018
    "pi": 3.141592653589793, "e": 2.718281828459045, "boltz": 1.380649e-23,
    "echarge": 1.602176634e-19, "planck": 6.62607015e-34,
}
DRAWN = "\x03"  # marks the names of random numbers, which are drawn where an expression is read
# random functions: kind of the number, and whether its share counts from the mean
_RANDOM = {
    "agauss": ("normal", False), "gauss": ("normal", True), "aunif": ("uniform", False),
    "unif": ("uniform", True),
}
# probes of results: parts of complex voltages and currents
_TERMINALS = ("ib", "ic", "id", "ie", "ig", "is")  # currents of transistors, as LTspice has them
_PARTS = {"m": "abs", "p": "ph", "r": "re", "i": "im", "db": "db"}


class Function(NamedTuple):
    """A function of the deck: its arguments' names, its body as steps."""

    arguments: tuple[str, ...]
    steps: tuple[Step, ...]


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise NetlistError(
                f"{text[at]!r} is not expected in the expression {_shown(text)}"
            )
        if match.lastgroup:
            found.append(_Token(match.lastgroup, match[0], at, match.end()))
        at = match.end()
    found.append(_Token("end", "", len(text), len(text)))
    return found


def _shown(text: str) -> str:
    return f"`{text if len(text) <= 80 else text[:77] + '...'}`"


class _Parser:
    """Precedence climbing over one text."""

    def __init__(
        self, text: str, functions: Callable[[str], Function | None], compat: str,
        names: Mapping[str, float], *, draws: bool = False,
    ) -> None:
        self.text, self.draws = text, draws
        self.drawn = 0
        self.functions, self.compat, self.names = functions, compat, names
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0
        self.tape = Tape()

    # -- tokens ------------------------------------------------------------------------------

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def take(self) -> _Token:
        token = self.token
        self.at += 1
        return token

    def refuse(self, what: str) -> NetlistError:
        return NetlistError(f"{what} in the expression {_shown(self.text)}")

    def expect(self, sign: str) -> None:
        token = self.take()
        if token.text != sign:
            got = f"{token.text!r}" if token.kind != "end" else "the end"
            raise self.refuse(f"`{sign}` is expected, not {got},")

    # -- the grammar -------------------------------------------------------------------------

    def whole(self) -> tuple[Step, ...]:
        if self.token.kind == "end":
            raise NetlistError("an expression is expected; there is none")
        root = self.ternary()
        if self.token.kind != "end":
            raise self.refuse(f"{self.token.text!r} is not expected")
        return self.tape.finish(root)

    def ternary(self) -> int:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.refuse(f"more than {DEEPEST} nested parentheses, calls or conditions")
        chosen: list[tuple[int, int]] = []
        value = self.binary(2)
        while self.token.text == "?":  # the other side may choose again, as often as it likes
            self.take()
            chosen.append((value, self.ternary()))
            self.expect(":")
            value = self.binary(2)
        for condition, one in reversed(chosen):
            value = self.tape.call("?", condition, one, value)
        self.depth -= 1
        return value

    def binary(self, lowest: int) -> int:
        left = self.unary()
        while True:
            binding, name = _BINARY.get(self.token.text, (0, ""))
            if self.token.kind != "sign" or binding < lowest or binding >= _UNARY:
                return left
            self.take()
            left = self.operation(name, left, self.binary(binding + 1))

    def signs(self) -> str:
        signs = ""
        while self.token.kind == "sign" and self.token.text in "+-!~":
            signs += self.take().text
        return signs

    def signed(self, value: int, signs: str) -> int:
        for sign in reversed(signs):
            if sign != "+":
                value = self.tape.call("neg" if sign == "-" else "not", value)
        return value

    def unary(self) -> int:
        signs = self.signs()
        return self.signed(self.power(), signs)

    def power(self) -> int:
        chain = [self.primary()]
        signs: list[str] = []
        while self.token.text in ("**", "^"):
            self.take()
            signs.append(self.signs())
            chain.append(self.primary())
        if self.compat.startswith("ngspice"):  # from the left there
            value = chain[0]
            for sign, exponent in zip(signs, chain[1:], strict=True):
                value = self.operation("**", value, self.signed(exponent, sign))
            return value
        value = chain.pop()
        while chain:
            value = self.operation("**", chain.pop(), self.signed(value, signs.pop()))
        return value

    def real_power(self, base: int, exponent: int) -> int:
        """Return LTspice's power: the real part, also of a negative base with a fraction."""
        tape = self.tape
        known = tape.steps[exponent]
        if known[0] == "number" and known[1] == int(known[1]):
            return tape.call("**", base, exponent)
        size = tape.call("**", tape.call("abs", base), exponent)
        turned = tape.call("cos", tape.call("*", tape.number(_CONSTANTS["pi"]), exponent))
        return tape.call(
            "?", tape.call("<", base, tape.number(0.0)), tape.call("*", turned, size), size
        )

    def operation(self, name: str, left: int, right: int) -> int:
        if self.compat == "ltspice" and name == "**":
            return self.real_power(left, right)
        if (self.compat == "ngspice" and name in ("/", "**")) or (
            self.compat == "ngspice numbers" and name == "**"
        ):
            name = f"ngspice{name}"
        return self.tape.call(name, left, right)

    def primary(self) -> int:
        token = self.take()
        if token.kind == "number":
            return self.tape.number(number_of(token.text))
        if token.kind == "device":
            name, parameter = token.text[1:-1].split("[", 1)
            return self.tape.probe(("@", name, parameter))
        if token.kind == "name":
            return self.call(token) if self.token.text == "(" else self.named(token.text)
        if token.text in _CLOSING:
            value = self.ternary()
            self.expect(_CLOSING[token.text])
            return value
        got = f"{token.text!r}" if token.kind != "end" else "the end"
        raise self.refuse(f"a value is expected, not {got},")

    def named(self, name: str) -> int:
        if name in self.names:
            return self.tape.number(self.names[name])
        return self.tape.name(name)

    # -- calls -------------------------------------------------------------------------------

    def call(self, token: _Token) -> int:
        own = self.functions(token.text)
        if own is None and token.text in ("v", "i"):
            return self.tape.probe(self.probe(token.text))
        if own is None and token.text == "p":  # the power of an element
            return self.tape.probe(("@", self.probe("i")[1], "p"))
        if own is None and token.text in _TERMINALS:
            return self.tape.probe(("@", self.probe("i")[1], token.text))
        if own is None and token.text[0] in "vi" and token.text[1:] in _PARTS:
            part = self.tape.probe(self.probe(token.text[0]))
            return self.tape.call(_PARTS[token.text[1:]], part)
        self.take()
        given: list[int] = []
        while self.token.text != ")":
            given.append(self.ternary())
            if self.token.text != ",":
                break
            self.take()
        self.expect(")")
        if own is not None:
            return self.inline(token.text, own, given)
        return self.built_in(token.text, given)

    def probe(self, kind: str) -> tuple[str, ...]:
        """Read ``(a)`` or ``(a, b)``: names may hold what elsewhere are operators."""
        start = self.take().end
        close = self.text.find(")", start)
        if close < 0:
            raise self.refuse("`)` is missing")
        parts = [part.strip(" \t'\"") for part in self.text[start:close].split(",")]
        wanted = 2 if kind == "v" else 1
        if not 1 <= len(parts) <= wanted or not all(parts):
            raise self.refuse(
                f"`{kind}({self.text[start:close].strip()})` needs "
                f"{'one or two nodes' if kind == 'v' else 'one element'}"
            )
        if any(re.search(r"[\s(={}]", part) for part in parts):
            raise self.refuse(f"`{kind}({self.text[start:close]})` is no name")
        while self.token.start < close:
            self.take()
        self.expect(")")
        if kind == "i":
            return ("i", parts[0])
        return ("v", parts[0], parts[1] if len(parts) == 2 else "0")

    def inline(self, name: str, own: Function, given: Sequence[int]) -> int:
        if len(given) != len(own.arguments):
            raise self.refuse(
                f"the function `{name}` takes {len(own.arguments)} arguments, not {len(given)},"
            )
        values = dict(zip(own.arguments, given, strict=True))

        def leaf(step: Step) -> int | None:
            if step[0] != "name":
                return None
            if step[1].startswith(DRAWN):  # every call draws its own
                return self.draw(step[1][1:].split("#")[0])
            return values.get(step[1])

        return self.tape.splice(own.steps, leaf)

    def draw(self, kind: str) -> int:
        """Add a random number of mean 0: normal of deviation 1, uniform in -1..1, or a sign."""
        self.drawn += 1
        return self.tape.name(f"{DRAWN}{kind}#{self.drawn}")

    def random(self, name: str, given: Sequence[int]) -> int | None:
        """Return the value of a random function, None where `name` with these arguments is none."""
        tape, count = self.tape, len(given)
        if name == "limit" and count == 2:
            return tape.call("+", given[0], tape.call("*", given[1], self.draw("sign")))
        if (name, count) == ("flat", 1):  # LTspice's
            return tape.call("*", given[0], self.draw("uniform"))
        if (name, count) == ("gauss", 1):
            return tape.call("*", given[0], self.draw("normal"))
        if (name, count) == ("mc", 2):
            name = "unif"
        if name not in _RANDOM or count != (3 if _RANDOM[name][0] == "normal" else 2):
            return None
        kind, relative = _RANDOM[name]
        size = tape.call("*", given[0], given[1]) if relative else given[1]
        if kind == "normal":  # its third argument says how many deviations the second one is
            size = tape.call("/", size, given[2])
        return tape.call("+", given[0], tape.call("*", size, self.draw(kind)))

    def built_in(self, name: str, given: list[int]) -> int:
        tape, count = self.tape, len(given)
        key = ALIASES.get(name, name)

        def need(low: int, high: int | None = None) -> None:
            if count < low or (high is not None and count > high):
                wanted = f"{low}" if high == low else f"at least {low}" if high is None else (
                    f"{low} to {high}"
                )
                raise self.refuse(f"`{name}` takes {wanted} arguments, not {count},")

        drawn = self.random(name, given) if self.draws else None
        if drawn is not None:
            return drawn
        if key in ("max", "min"):
            need(1)
            value = given[0]
            for other in given[1:]:
                value = tape.call(key, value, other)
            return value
        if key in ("if", "ternary_fcn"):
            need(3, 3)
            return tape.call("?", *given)
        if key == "limit":
            if count == 2:
                raise self.refuse(f"`limit` of two arguments is {REFUSED['unif']},")
            need(3, 3)
            return tape.call("min", tape.call("max", given[0], given[1]), given[2])
        if key == "pow":
            need(2, 2)
            if self.compat == "ngspice numbers":
                return tape.call("**", *given)
            return self.operation("**", *given)
        if name == "pwr" and self.compat == "ngspice numbers":
            need(2, 2)
            return tape.call("ngspice**", *given)
        if name == "pwr" and self.compat == "ltspice":
            need(2, 2)
            return tape.call("**", tape.call("abs", given[0]), given[1])
        if key == "not":
            need(1, 1)
            return tape.call("not", *given)
        if key in ("buf", "inv"):
            need(1, 1)
            return tape.call(">" if key == "buf" else "<=", given[0], tape.number(0.5))
        if key in ("sqr", "square"):
            need(1, 1)
            return tape.call("*", given[0], given[0])
        if key == "uramp":
            need(1, 1)
            return tape.call("max", given[0], tape.number(0.0))
        if key == "u2":
            need(1, 1)
            upper = tape.call("max", given[0], tape.number(0.0))
            return tape.call("min", upper, tape.number(1.0))
        if key in ("mod", "fmod"):
            need(2, 2)
            return tape.call("%", *given)
        if key == "ddt":
            need(1, 1)
            return tape.call("ddt", *given)
        if key in ("idt", "sdt"):
            need(1, 2)
            return tape.call("idt", *given)
        if key in ("pwl", "table"):
            need(5 if key == "pwl" else 3)
            if count % 2 == 0:
                raise self.refuse(f"`{name}` takes an abscissa and pairs of numbers,")
            return tape.call(key, *given)
        if _callable(key) or key == "not":
            need(RULES[key].arity, RULES[key].arity)
            return tape.call(key, *given)
        raise self.refuse(self.unknown(name))

    def unknown(self, name: str) -> str:
        why = REFUSED.get(name)
        if why is not None and self.draws and name in (*_RANDOM, "mc", "flat"):
            wanted = {"agauss": 3, "gauss": 3, "flat": 1}.get(name, 2)
            return f"`{name}` takes {wanted} argument{'s' * (wanted > 1)},"
        if why is not None:
            return f"`{name}` is {why},"
        known = sorted({*ALIASES, *filter(_callable, RULES), "ddt", "idt", "if",
                        "limit", "pow", "sqr", "square", "buf", "inv", "u2", "uramp",
                        "ternary_fcn"})
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" (did you mean `{near[0]}`?)" if near else ""
        return f"there is no function `{name}`{hint}"


def constants_but(names: Collection[str]) -> Mapping[str, float]:
    """Return the constants that are not hidden by other names."""
    return {name: value for name, value in _CONSTANTS.items() if name not in names}


def _callable(name: str) -> bool:
    """Whether a rule is a function, and no operator's."""
    return name in RULES and name[0].isalpha() and not name.startswith(("neg", "not", "ngspice"))


@lru_cache(maxsize=4096)
def number_of(text: str) -> float:
    """Return the value of a number in lower case, with its suffix and unit."""
    match = _NUMBER.fullmatch(text)
    if match is None:  # the tokens' pattern is the same but for the units
        raise NetlistError(f"{text!r} is no number")
    return scaled(match[1], match[2] or "")


def parse_steps(
    text: str, functions: Callable[[str], Function | None] | None = None, compat: str = "",
    constants: Mapping[str, float] | None = None, *, draws: bool = False,
) -> tuple[Step, ...]:
    """Return the steps of an expression.

    Parameters
    ----------
    text : str
    functions : callable
        Gives the deck's function of a name, or None.
    compat : str
        ``"ngspice"``: as ngspice 39 computes sources; ``"ngspice numbers"``: as it computes
        parameters; ``"ltspice"``. See `crossbarsim.netlists.spice.expressions.functions`.
    constants : mapping, optional
        Names that are numbers; unless given ``pi``, ``e``, ``boltz``, ``echarge``, ``planck``.
    draws : bool
        Whether random functions are read; their numbers are names that begin with `DRAWN`.

    Raises
    ------
    NetlistError
        What is wrong, with the expression, without file and line.
    """
    names = _CONSTANTS if constants is None else constants
    try:
        parser = _Parser(text.lower(), functions or (lambda _: None), compat, names, draws=draws)
        return parser.whole()
    except OverflowError as error:
        raise NetlistError(f"{error}: {_shown(text)}") from None
