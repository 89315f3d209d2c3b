"""The vectors of a control block: results of analyses by name, and arithmetic on them."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ....core.errors import CrossbarSimError, ParameterError
from ....netlists.analyses import Analysis
from ....netlists.circuit import Circuit
from ....netlists.spice.expressions.expression import Expression
from ..rawfile.plots import Vector
from ..results.result import Result
from ..results.results import Curves, Transient

__all__ = ["Plot", "Vectors", "composed", "condition"]

_QUALIFIED = re.compile(
    r"(?<![\w.])([a-z]+\d*)\.(?=[a-z_])((?:v|i|vm|vdb|vp|vr|vi)\([^()]*\)|[a-z_][\w.]*)"
)


def _count(value: Any) -> int:
    count = float(np.real(np.ravel(value)[0]))
    if not 0 <= count <= _LONGEST:
        raise ParameterError(f"a vector of {count:g} values cannot be made")
    return int(count)


_LONGEST = 10_000_000
_REDUCE: dict[str, Callable[[Any], Any]] = {
    "length": np.size, "mean": np.mean, "avg": np.mean, "vecmax": np.max, "vecmin": np.min,
    "maximum": np.max, "minimum": np.min, "stddev": lambda v: np.std(v, ddof=1),
    "unitvec": lambda n: np.ones(_count(n)),
    "vector": lambda n: np.arange(_count(n), dtype=np.float64),
    "deg": np.degrees, "cph": lambda v: np.unwrap(np.angle(v)),
}
_PLACE_OF = re.compile(r"(@[^\s\[\](),]+\[\w+\])\[")  # @m1[id][3]
_OVER = ("deriv", "integ")  # by and over the abscissa
_CALL = re.compile(rf"(?<![\w.])({'|'.join((*_REDUCE, *_OVER))})\s*\(")


@dataclass
class Plot:
    """The vectors of one analysis.

    Attributes
    ----------
    name : str
        ``"tran1"``.
    result : Any
        None of the plot of constants.
    analysis : Any
    own : dict
        Vectors that were made with ``let``.
    """

    name: str
    result: Any = None
    analysis: Any = None
    own: dict[str, Vector] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Return the names of all vectors, the abscissa first."""
        found: list[str] = []
        if isinstance(self.result, Curves):
            found += [list(self.result.axes)[-1], *self.result.names]
        elif self.result is not None:
            found += list(self.result.to_dict())
        return [*found, *self.own]

    def get(self, name: str) -> Vector | None:
        """Return a vector, or None where there is none of that name."""
        key = name.strip().lower().replace(" ", "")
        if key in self.own:
            return self.own[key]
        if self.result is None:
            return None
        if isinstance(self.result, Curves):
            axis = list(self.result.axes)[-1]
            if key in (axis, "v-sweep", "i-sweep", "temp-sweep") and key not in self.result.names:
                if key == axis or axis not in ("time", "frequency"):
                    return np.broadcast_to(self.result.axes[axis], self.result.shape).ravel()
                return None
        for query in (key, f"v({key})"):  # a node's name alone is its voltage
            with contextlib.suppress(ParameterError):
                return np.ravel(self.result[query])
        return None

    @property
    def scale(self) -> tuple[str, Any] | None:
        """Name and values of the abscissa."""
        if not isinstance(self.result, Curves):
            return None
        axis, values = list(self.result.axes.items())[-1]
        return axis, np.broadcast_to(values, self.result.shape).ravel()

    def linearised(self, name: str) -> Plot:
        """Return a transient at equal steps, those of its ``.tran``."""
        if not isinstance(self.result, Transient):
            raise ParameterError("`linearize` is for transients")
        t = self.result.time
        count = int(np.floor((t[-1] - t[0]) / self.analysis.step + 1e-9)) + 1
        times = t[0] + self.analysis.step * np.arange(count)
        return Plot(name, self.result.at(np.minimum(times, t[-1])), self.analysis)


class Vectors:
    """All plots, and the evaluation of expressions on them.

    Parameters
    ----------
    circuit : callable
        Returns the present circuit, for ``@element[parameter]`` of parameters.
    """

    def __init__(self, circuit: Callable[[], Circuit]) -> None:
        self.circuit = circuit
        self.constants = Plot("const", own={
            "pi": np.array([np.pi]), "e": np.array([math.e]), "boltz": np.array([1.380649e-23]),
            "echarge": np.array([1.602176634e-19]), "kelvin": np.array([-273.15]),
            "c": np.array([299792458.0]), "yes": np.array([1.0]), "no": np.array([0.0]),
        })
        self.plots: dict[str, Plot] = {"const": self.constants}
        self.current = self.constants
        self._made = 0

    def add(self, kind: str, result: Result, analysis: Analysis | None = None) -> Plot:
        """Keep a result as the current plot."""
        number = 1
        while f"{kind}{number}" in self.plots:
            number += 1
        plot = Plot(f"{kind}{number}", result, analysis)
        self.plots[plot.name] = self.current = plot
        return plot

    def select(self, name: str) -> None:
        """Make a plot the current one."""
        if name.lower() not in self.plots:
            raise ParameterError(
                f"there is no plot {name.lower()!r}; there are {', '.join(self.plots)}"
            )
        self.current = self.plots[name.lower()]

    def drop(self, names: Sequence[str]) -> None:
        """Forget plots, or ``all``."""
        for name in list(self.plots) if "all" in names else names:
            if name != "const":
                self.plots.pop(name, None)
        if self.current.name not in self.plots:
            self.current = list(self.plots.values())[-1]

    def get(self, name: str) -> Vector | None:
        """Return a vector of the current plot or a constant; None where there is none."""
        found = self.current.get(name)
        return found if found is not None else self.constants.get(name)

    def evaluate(self, text: str) -> Vector:
        """Return the value of an expression of vectors, an array.

        Besides functions of element by element there are ``length``, ``mean``, ``vecmax``,
        ``vecmin``, ``vector(n)``, ``unitvec(n)``, places ``v(out)[3]``, and vectors of other plots,
        ``tran1.v(out)``.

        Raises
        ------
        ParameterError
            A vector that is not there.
        """
        known: dict[str, Any] = {}
        plain = self._taken(text.strip().lower(), known)
        expression = Expression(plain)
        probes: dict[tuple[str, ...], Any] = {}
        for probe in expression.probes:
            if probe[0] == "@":
                probes[probe] = self._quantity(probe)
                continue
            inner = probe[1:2] if len(probe) < 3 or probe[2] == "0" else probe[1:3]
            probes[probe] = self._needed(f"{probe[0]}({','.join(inner)})")
        env: dict[str, Any] = dict(known)
        for name in (*expression.names, *(n for n in ("time", "temper") if expression.uses(n))):
            if name not in env:
                env[name] = self._needed(name)
        return np.atleast_1d(np.asarray(expression.evaluate(env, probes)))

    def _needed(self, name: str) -> Any:
        found = self.get(name)
        if found is None:
            raise ParameterError(
                f"the plot {self.current.name!r} has no vector `{name}`; it has "
                f"{', '.join(self.current.names()[:30]) or 'none'}"
            )
        return found

    def _quantity(self, probe: tuple[str, ...]) -> Any:
        text = f"@{probe[1]}[{probe[2]}]"
        found = self.current.get(text)
        if found is not None:
            return found
        circuit = self.circuit()
        if probe[1] in circuit:
            element = circuit[probe[1]]
            value = element.get(probe[2])
            main = {"R": "resistance", "C": "capacitance", "L": "inductance", "V": "dc", "I": "dc"}
            if value is None and probe[2] == main.get(element.kind):
                value = element.value
            if isinstance(value, (int, float)):
                return np.array([float(value)])
        card = circuit.models.get(probe[1])
        if card is not None and isinstance(card.get(probe[2]), (int, float)):
            return np.array([float(card.get(probe[2]))])
        raise ParameterError(f"there is no quantity {text}")

    def _kept(self, value: Any, known: dict[str, Any]) -> str:
        """Return a new name for a value."""
        self._made += 1
        name = f"vec_{self._made}_"
        known[name] = np.atleast_1d(np.asarray(value))
        return name

    # -- what expressions do not know ------------------------------------------------------------

    def _taken(self, text: str, known: dict[str, Any]) -> str:
        """Return the text with names in place of whole-vector functions, places and other plots."""
        while True:
            call = _CALL.search(text)
            if call is None:
                break
            end = _closing(text, call.end() - 1)
            inner = self._inner(text[call.end():end], known)
            value = self._over(call[1], inner) if call[1] in _OVER else _REDUCE[call[1]](inner)
            text = text[:call.start()] + self._kept(value, known) + text[end + 1:]

        def other(match: re.Match[str]) -> str:
            plot = self.plots.get(match[1])
            if plot is None:
                return match[0]
            found = plot.get(match[2])
            if found is None:
                raise ParameterError(f"the plot {match[1]!r} has no vector `{match[2]}`")
            return self._kept(found, known)

        text = _QUALIFIED.sub(other, text)
        text = _PLACE_OF.sub(lambda m: f"{self._kept(self._inner(m[1], known), known)}[", text)
        while (place := re.search(r"(?<!@)([a-z_]\w*(?:\([^()]*\))?)\[([^\[\]]+)\]", text)):
            if text[:place.start()].endswith("@"):
                break
            if place.start() and re.search(r"@[\w.]*$", text[:place.start()]):
                break
            vector = self._inner(place[1], known)
            index = int(np.real(self._inner(place[2], known)).ravel()[0])
            if not -len(vector) <= index < len(vector):
                raise ParameterError(f"`{place[0]}`: the vector has {len(vector)} values")
            text = text[:place.start()] + self._kept(vector[index], known) + text[place.end():]
        return text

    def _over(self, name: str, y: Any) -> Any:
        """Return the derivative of a vector with respect to the abscissa, or its integral."""
        scale = self.current.scale
        if scale is None or len(scale[1]) != len(y):
            raise ParameterError(f"`{name}` needs a vector over the abscissa of the current plot")
        x = np.real(scale[1])
        if name == "deriv":
            if len(y) < 3:
                raise ParameterError("`deriv` needs three points or more")
            return np.gradient(y, x, edge_order=2)
        return np.concatenate([[0.0], np.cumsum(0.5 * (y[1:] + y[:-1]) * np.diff(x))])

    def _inner(self, text: str, known: Mapping[str, Any]) -> Any:
        held = self.current.own
        try:
            self.current.own = {**held, **known}
            return self.evaluate(text)
        finally:
            self.current.own = held


def composed(arguments: Sequence[str], number: Callable[[str], float]) -> tuple[str, Any]:
    """Return name and values of ``compose name values 1 2 3`` or ``start= stop= step=|lin=``."""
    form = "`compose name values ...` or `compose name start= stop= step=` is expected"
    if len(arguments) < 2:
        raise ParameterError(form)
    name, words = arguments[0].lower(), list(arguments[1:])
    if words[0].lower() == "values":
        return name, np.array([number(w) for w in words[1:]])
    given = dict(re.findall(r"(\w+)\s*=\s*(\S+)", " ".join(words)))
    if not {"start", "stop"} <= {*given} or len({"step", "lin"} & {*given}) != 1:
        raise ParameterError(form)
    start, stop = number(given["start"]), number(given["stop"])
    if "lin" in given:
        return name, np.linspace(start, stop, _count(number(given["lin"])))
    step = number(given["step"])
    if not (stop - start) * step > 0:
        raise ParameterError("`step` must lead from `start` to `stop`")
    return name, start + step * np.arange(_count((stop - start) / step + 1e-9) + 1)


def condition(text: str) -> str:
    """Return a condition in the grammar of expressions: ``a gt 3 and b = 2``."""
    words = {"eq": "=", "ne": "<>", "gt": ">", "lt": "<", "ge": ">=", "le": "<=", "and": "&",
             "or": "|", "not": "!"}
    plain = re.sub(
        r"\b(eq|ne|gt|lt|ge|le|and|or|not)\b", lambda m: words[m[1].lower()], text,
        flags=re.IGNORECASE,
    )
    return re.sub(r"(?<![<>=!])=(?!=)", "==", plain)


def _closing(text: str, opened: int) -> int:
    depth = 0
    for k in range(opened, len(text)):
        depth += {"(": 1, ")": -1}.get(text[k], 0)
        if depth == 0:
            return k
    raise CrossbarSimError(f"`)` is missing in `{text}`")
