"""``.measure`` on results.

Curves are taken as lines between the points, also at both ends of a window. ngspice 39 takes
averages and extremes of the points inside of the window only, and an average up to the point after
it; on a fine grid both agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ....core.errors import NetlistError, ParameterError
from ....core.validation import Array
from ....netlists.analyses import Event, Measure
from ....netlists.spice.expressions.expression import Expression
from ....netlists.spice.expressions.functions import Operand
from ..results.results import Curves
from ..results.waveform_math import Curve, crossings
from .op import OperatingPoint

__all__ = ["evaluate", "measure", "measure_all"]

_NAN = float("nan")


def evaluate(
    result: Curves | OperatingPoint, expression: Expression,
    names: Mapping[str, Operand] | None = None,
) -> Operand:
    """Return an expression of a result's quantities, over its points.

    Parameters
    ----------
    result : Curves or OperatingPoint
    expression : Expression
        Over ``v(...)``, ``i(...)``, ``@element[parameter]``, ``time``, ``frequency`` and other
        names of the result.
    names : mapping, optional
        Values of further names: parameters, measures.

    Raises
    ------
    ParameterError
        Something that the result does not have.
    """
    probes: dict[tuple[str, ...], Any] = {}
    for probe in expression.probes:
        if probe[0] == "v":
            second = f",{probe[2]}" if len(probe) > 2 and probe[2] != "0" else ""
            probes[probe] = result[f"v({probe[1]}{second})"]
        elif probe[0] == "i":
            probes[probe] = result[f"i({probe[1]})"]
        elif probe[0] == "@":
            probes[probe] = result[f"@{probe[1]}[{probe[2]}]"]
        else:
            raise ParameterError(f"`{expression.text}`: results have no time derivatives")
    env: dict[str, Any] = dict(names or {})
    axes = result.axes if isinstance(result, Curves) else {}
    for k, (name, values) in enumerate(axes.items()):
        shape = [1] * len(axes)
        shape[k] = -1
        env.setdefault(name, values.reshape(shape))
    if "frequency" in axes:
        env.setdefault("hertz", axes["frequency"])
    if not isinstance(result, Curves) or "time" not in axes:
        env.setdefault("time", 0.0)
    env.setdefault("temper", result.circuit.temperature - 273.15)
    for name in expression.names:
        if name not in env and isinstance(result, Curves) and name in result:
            env[name] = result[name]
    return expression.evaluate(env, probes)


def measure_all(result: Curves, measures: Iterable[Measure], kind: str) -> dict[str, Any]:
    """Evaluate the measures of one kind of analysis, keep them in ``result.measures``.

    Parameters
    ----------
    result : Curves
    measures : sequence of Measure
    kind : {"tran", "ac", "dc", "noise"}
    """
    for one in measures:
        if one.analysis == kind:
            result.measures[one.name] = measure(result, one)
    return result.measures


def measure(result: Curves, one: Measure) -> Any:
    """Return a measure's value: a float, NaN where there is no such moment or window.

    Of nested sweeps one value for each of the outer ones' points.

    Raises
    ------
    NetlistError
        What it looks at is not in the result; has the measure's file and line.
    """
    try:
        names = {**result.circuit.parameters, **result.measures}
        if one.kind == "param":
            return _needed(one.expression).evaluate(names)
        return _over_outer(result, one, names)
    except ParameterError as error:
        place = one.where or (None, None)
        raise NetlistError(
            f".measure {one.name}: {error}", file=place[0] or None, line=place[1]
        ) from error


def _needed(expression: Expression | None) -> Expression:
    if expression is None:
        raise ParameterError("needs an expression")
    return expression


def _over_outer(result: Curves, one: Measure, names: Mapping[str, Any]) -> Any:
    shape = result.shape
    x = list(result.axes.values())[-1]

    def rows(expression: Expression | None) -> Array | None:
        if expression is None:
            return None
        values = np.asarray(evaluate(result, expression, names))
        # as ngspice: of complex amplitudes the real part; `vm(...)` is the magnitude
        return np.broadcast_to(np.real(values), shape).reshape(-1, shape[-1])

    ends = [e for e in (one.trig, one.targ) if e is not None]
    table = {id(e): (rows(e.expression), rows(e.level)) for e in ends}
    values = rows(one.expression)
    found = []
    for k in range(int(np.prod(shape[:-1]))):
        events = [_Event(e, x, *(None if r is None else r[k] for r in table[id(e)]))
                  for e in ends]
        curve = None if values is None else Curve(x, values[k])
        found.append(_value(one, curve, events))
    return found[0] if len(shape) == 1 else np.array(found).reshape(shape[:-1])


class _Event:
    """A moment of a measure on one curve."""

    def __init__(self, event: Event, x: Array, y: Array | None, level: Array | None) -> None:
        self.event = event
        self.difference = None if y is None else y - (0.0 if level is None else level)
        self.x = x

    def moment(self, start: float | None = None, stop: float | None = None) -> float:
        """Return the abscissa; NaN if there is none."""
        event = self.event
        if event.at is not None:
            return event.at
        if self.difference is None:
            raise ParameterError("a moment needs an expression, or `at`")
        places, ways = crossings(self.x, self.difference)
        wanted = {"rise": ways > 0, "fall": ways < 0}.get(event.edge, ways != 0)
        if event.delay:
            wanted &= places >= event.delay
        if start is not None:
            wanted &= places >= start
        if stop is not None:
            wanted &= places <= stop
        some = places[wanted]
        if event.count == -1:
            return float(some[-1]) if len(some) else _NAN
        return float(some[event.count - 1]) if len(some) >= event.count else _NAN


def _value(one: Measure, curve: Curve | None, events: list[_Event]) -> float:
    kind = one.kind
    if kind == "trig":
        if len(events) != 2:
            raise ParameterError("needs both `trig` and `targ`")
        return events[1].moment() - events[0].moment()
    if kind in ("when", "find", "deriv"):
        if not events:
            raise ParameterError("needs `when` or `at`")
        where = events[0].moment(one.start, one.stop)
        if kind == "when":
            return where
        if curve is None:
            raise ParameterError("needs an expression")
        if np.isnan(where):
            return _NAN
        return curve.at(where) if kind == "find" else curve.slope(where)
    if curve is None:
        raise ParameterError("needs an expression")
    part = curve.part(one.start, one.stop)
    if part is None:
        return _NAN
    return _statistic(kind, part)


def _statistic(kind: str, part: Curve) -> float:
    low, high = int(np.argmin(part.y)), int(np.argmax(part.y))
    if kind == "min":
        return float(part.y[low])
    if kind == "max":
        return float(part.y[high])
    if kind == "min_at":
        return float(part.x[low])
    if kind == "max_at":
        return float(part.x[high])
    if kind == "pp":
        return float(part.y[high] - part.y[low])
    if kind == "avg":
        return part.mean
    if kind == "rms":
        return part.rms
    if kind == "integ":
        return part.integral
    raise ParameterError(f"there is no measure {kind!r}")
