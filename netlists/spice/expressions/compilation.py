"""Expressions compiled to functions that give values and exact derivatives.

Forward differentiation, written out as straight code: each step's value, then its derivative by
every probe on which it depends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ....core.validation import Array
from .functions import RULES, Operand, helpers
from .tape import Probe, Step

__all__ = ["PRODUCTS", "Compiled", "build", "switch_of"]

Compiled = Callable[..., tuple[Operand, Array]]
_INDEX = {operator: k for k, operator in enumerate(RULES)}
# what is 0 or 1: times 0 is 0, whatever stands beside
_SWITCHES = ("u", "gt0", "ge0", "lt0", "le0", "eq0", "ne0", "not", "&&", "||", "==", "!=", "<",
             "<=", ">", ">=")
PRODUCTS = (2.0, 3.0, 4.0)  # exponents of powers that are written as products


class _Writer:
    """Writes the code of one expression."""

    def __init__(self, probes: Mapping[Probe, int], numbers: Mapping[int, int]) -> None:
        self.probes, self.numbers = probes, numbers
        self.lines: list[str] = []
        self.values: list[str] = []
        self.slopes: list[dict[int, str]] = []
        self.known: dict[int, float] = {}  # steps that are the same number always
        self.switches: set[int] = set()

    def step(self, k: int, step: Step) -> None:
        slopes: dict[int, str] = {}
        kind, what = step[0], step[1]
        if k in self.numbers:
            value = f"c[{self.numbers[k]}]"
        elif kind == "number":
            self.known[k] = what
            value = f"({what!r})" if np.isfinite(what) else f"float('{what!r}')"
        elif kind == "probe":
            value, slopes = f"x[{self.probes[what]}]", {self.probes[what]: "1.0"}
        elif kind == "name":
            value = what
        else:
            value, slopes = self.call(k, what, step[2])
        self.values.append(value)
        self.slopes.append(slopes)

    def call(self, k: int, operator: str, at: tuple[int, ...]) -> tuple[str, dict[int, str]]:
        rule, name = RULES[operator], f"t{k}"
        given = [self.values[j] for j in at]
        formulas = rule.slopes
        written = rule.code
        place = switch_of(k, operator, at, self.switches, self.known)
        switch = "" if place is None else self.values[place]
        if switch:
            written = f"np.where({switch} == 0.0, 0.0, {written})"
        if operator == "**" and self.known.get(at[1]) in PRODUCTS:
            written = " * ".join(["{0}"] * int(self.known[at[1]]))
            formulas = (f"{self.known[at[1]]!r} * {written[6:]}", "0")
        code = written.format(*given) or f"_f{_INDEX[operator]}({', '.join(given)})"
        self.lines.append(f"{name} = {code}")
        inner = [self.slopes[j] for j in at]
        if rule.select:
            return name, self._selected(k, rule.select.format(*given), *inner[-2:])
        if operator in ("pwl", "table"):
            formulas = (f"_{operator}_slope({', '.join(given)})", *["0"] * (len(at) - 1))
        terms: dict[int, list[str]] = {}
        for n, (formula, slopes) in enumerate(zip(formulas, inner, strict=True)):
            if not slopes or formula == "0":
                continue
            factor = formula
            if formula not in ("1", "-1"):
                factor = f"g{k}_{n}"
                self.lines.append(f"{factor} = {formula.format(*given, v=name)}")
            for j, slope in slopes.items():
                terms.setdefault(j, []).append(_product(factor, slope))
        found = {}
        for j, parts in terms.items():
            found[j] = f"d{k}_{j}"
            total = " + ".join(parts)
            if switch:
                total = f"np.where({switch} == 0.0, 0.0, {total})"
            self.lines.append(f"{found[j]} = {total}")
        return name, found

    def _selected(
        self, k: int, condition: str, one: dict[int, str], two: dict[int, str]
    ) -> dict[int, str]:
        if not (one or two):
            return {}
        self.lines.append(f"s{k} = {condition}")
        found = {}
        for j in sorted({*one, *two}):
            found[j] = f"d{k}_{j}"
            self.lines.append(
                f"{found[j]} = np.where(s{k}, {one.get(j, '0.0')}, {two.get(j, '0.0')})"
            )
        return found


def switch_of(
    k: int, operator: str, at: tuple[int, ...], switches: set[int], known: Mapping[int, float]
) -> int | None:
    """Return the operand that makes the product of step k 0, if it has one.

    Steps that are 0 or 1 are added to `switches`; `known` are steps that are the same number
    always.
    """
    both = [j for j in at if j in switches]
    if operator in _SWITCHES or (operator == "*" and len(both) == 2) or (
        operator == "-" and both == [at[1]] and known.get(at[0]) == 1.0
    ):
        switches.add(k)
    return both[0] if operator == "*" and both else None


def _product(factor: str, slope: str) -> str:
    if factor in ("1", "-1"):
        return slope if factor == "1" else f"(-{slope})"
    return factor if slope == "1.0" else f"{factor} * {slope}"


def build(
    steps: Sequence[Step], probes: Sequence[Probe], numbers: Mapping[int, int] | None = None
) -> Compiled:
    """Return ``f(x, time, temper, hertz, c)``: value and derivatives with respect to probes.

    Parameters
    ----------
    steps : sequence
        Without parameters' names.
    probes : sequence of P probes
        Rows of x; all that the expression uses, perhaps more.
    numbers : mapping, optional
        Steps whose number is a row of `c`, which differs from element to element.
    """
    writer = _Writer({probe: k for k, probe in enumerate(probes)}, numbers or {})
    for k, step in enumerate(steps):
        writer.step(k, step)
    body = writer.lines
    body += ["shape = x.shape[1:]", f"slopes = np.zeros(({len(probes)}, *shape))"]
    body += [f"slopes[{j}] = {slope}" for j, slope in writer.slopes[-1].items()]
    body.append(f"return np.broadcast_to({writer.values[-1]}, shape), slopes")
    code = "\n    ".join(["def program(x, time, temper, hertz, c):", *body])
    scope = helpers()
    # the text is our own: numbers, indices and the formulas of `functions`
    exec(compile(code, "<expression>", "exec"), scope)  # noqa: S102
    program = scope["program"]

    def compiled(
        x: Operand, time: Operand = 0.0, temper: Operand = 27.0, hertz: Operand = 0.0,
        c: Sequence[Array] | None = None,
    ) -> tuple[Operand, Array]:
        with np.errstate(all="ignore"):
            found: tuple[Operand, Array] = program(np.asarray(x), time, temper, hertz, c)
            return found

    return compiled
