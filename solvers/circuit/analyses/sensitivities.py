"""Sensitivities of an output to every parameter, by the adjoint circuit.

At the operating point f(x, p) = 0 and y = e . x,

    dy/dp = -lambda . df/dp      with  G' lambda = e :

one solution gives the derivatives with respect to all parameters. df/dp is that of one element's
own currents at fixed voltages, from central differences of fourth order of its equations; no
operating point is solved again. Over frequency, A(w) x = -b, the operating point moves with the
parameter:

    dy/dp = -lambda . (dA/dp + dA/dx0 . dx0/dp) x .
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ....core.errors import CrossbarSimError, NetlistError, ParameterError
from ....core.validation import Array
from ....netlists.analyses import Sens
from ....netlists.circuit import Circuit
from ....netlists.elements import Element, Model
from ....netlists.osdi.values import HIDDEN, plain_names
from ....netlists.spice.cards import CARDS, card
from ....netlists.spice.expressions.expression import Expression
from ..elements.memristors.memristors import device_of
from ..rawfile.plots import RawVariable
from ..results.derivatives import Derivatives
from ..results.results import Curves
from ..system.system import System
from .op import OperatingPoint, written_out
from .registry import register
from .small_signal import Complexes, SmallSignal, complex_sources
from .transfer_function import output_row

__all__ = [
    "Parameter", "Sensitivities", "SensitivitySpectrum",
    "parameters_of", "referred", "sens",
]

_STEP = 1e-3  # of a parameter
_WEIGHTS = ((-2, 1.0 / 12), (-1, -8.0 / 12), (1, 8.0 / 12), (2, -1.0 / 12))
_GAINS = "EFGH"
_STATIC = frozenset({
    "ic", "off", "acmag", "acphase", "distof1", "distof2", "ac", "noisy", "noise", "level", "td",
    "l1", "l2", "v", "i", "q", "polarity",
})
_NOT_OF_CARDS = frozenset({"level", "tnom"})


class Parameter(NamedTuple):
    """A parameter of an element.

    Attributes
    ----------
    name : str
        As ngspice lists it: ``"r1"``, ``"m1_w"``, ``"m1:vto"``.
    value : float
    set : callable
        Returns element and model card (or None) with another value.
    """

    name: str
    value: float
    set: Callable[[float], tuple[Element, Model | None]]


def parameters_of(circuit: Circuit, element: Element) -> Iterator[Parameter]:
    """Return the parameters that ngspice lists of an element: those that are not 0.

    The value (``r1``, ``v1``, ``e1_gain``), the element's own (``m1_w``, ``d1_area``, ``r1_m``,
    ``q1_temp``, degree Celsius) and those of its model card (``q1:bf``), defaults included.
    """
    name = element.name.lower()
    card_ = circuit.models.get(element.model.lower()) if element.model else None
    if element.kind in "RCLVIEFGH" and isinstance(element.value, (int, float)):
        def value_of(v: float) -> tuple[Element, Model | None]:
            return replace(element, value=v), card_
        yield Parameter(f"{name}_gain" if element.kind in _GAINS else name,
                        float(element.value), value_of)
    own = {k.lower(): v for k, v in element.parameters if isinstance(v, (int, float))}
    module = None if card_ is None else card_.module
    plain = () if module is None else plain_names(module)
    if element.kind in "RCDQJM" or "m" in plain:
        own.setdefault("m", 1.0)
    if element.kind in "DQJ":
        own.setdefault("area", 1.0)
    if (element.kind in "RCDQJM" or "temp" in plain) and "dtemp" not in own:
        own.setdefault("temp", circuit.temperature - 273.15)
    for key, value in own.items():
        if (key not in _STATIC or module is not None) and value:
            yield Parameter(f"{name}_{key}", float(value), _own(element, card_, key))
    if card_ is None:
        return
    if card_.module is not None:
        # those that are given: others may depend on these, or on what is not given at all
        for key, v in card_.parameters.items():
            if isinstance(v, (int, float)) and v and key != HIDDEN:
                yield Parameter(f"{name}:{key}", float(v), _of_card(element, card_, key, {}))
        return
    try:
        defaults = dict(card(card_.kind, card_.level).defaults)
        aliases = card(card_.kind, card_.level).aliases
    except KeyError:
        defaults, aliases = _of_device(card_) if element.kind == "N" else {}, {}
    if element.kind in "RCL":
        # their reader has already put the card's values into the element
        return
    given = {
        aliases.get(k.lower(), k.lower()): v for k, v in card_.parameters.items()
        if isinstance(v, (int, float))
    }
    for key, value in {**defaults, **given}.items():
        if value and key not in _NOT_OF_CARDS and card_.kind in {*CARDS, card_.kind}:
            yield Parameter(f"{name}:{key}", float(value), _of_card(element, card_, key, aliases))


def _of_device(card_: Model) -> dict[str, Any]:
    """Return a memristor's parameters that are numbers, defaults and presets included."""
    try:
        found = device_of(card_).parameters()
    except CrossbarSimError:
        return {}  # the circuit's compilation says what is wrong
    return {
        str(k).lower(): float(v) for k, v in found.items()
        if np.ndim(v) == 0 and not isinstance(v, str)
    }


def _own(
    element: Element, card_: Model | None, key: str
) -> Callable[[float], tuple[Element, Model | None]]:
    kept = tuple((k, v) for k, v in element.parameters if k.lower() != key)

    def changed(value: float) -> tuple[Element, Model | None]:
        return replace(element, parameters=(*kept, (key, value))), card_

    return changed


def _of_card(
    element: Element, card_: Model, key: str, aliases: Any
) -> Callable[[float], tuple[Element, Model | None]]:
    kept = {
        k: v for k, v in card_.parameters.items() if aliases.get(k.lower(), k.lower()) != key
    }

    def changed(value: float) -> tuple[Element, Model | None]:
        return element, replace(card_, parameters={**kept, key: value})

    return changed


class Sensitivities(Derivatives):
    """Derivatives of an output at the operating point with respect to every parameter.

    Attributes
    ----------
    output, values, parameters
        See `Derivatives`.
    adjoint : (n + 1,)
        Derivatives with respect to a current into every node and a voltage in every branch.
    point : OperatingPoint

    Examples
    --------
    >>> from crossbarsim import Circuit, Simulator
    >>> circuit = Circuit().V(1, "in", 0, 1.0).R(1, "in", "out", "1k").R(2, "out", 0, "1k")
    >>> found = Simulator().sensitivities(circuit, "v(out)")
    >>> round(1e3 * found["r1"], 6), round(found["v1"], 6)  # volt per kilohm, per volt
    (-0.25, 0.5)
    """

    def __init__(
        self, output: str, values: dict[str, float], parameters: dict[str, float],
        adjoint: Array, point: OperatingPoint,
    ) -> None:
        super().__init__(output, values, parameters)
        self.adjoint, self.point = adjoint, point
        self.circuit = point.circuit


class SensitivitySpectrum(Curves):
    """Derivatives of a complex amplitude with respect to every parameter, over frequency.

    ``result["r1"]`` is (F,) complex, in the output's unit over the parameter's; names that are not
    there raise `ParameterError`.

    Attributes
    ----------
    output : str
    frequency : (F,) hertz
        Also ``result["frequency"]``.
    values : dict
        Name -> derivatives (F,).

    Examples
    --------
    >>> from crossbarsim import Circuit, Simulator
    >>> circuit = Circuit().V(1, "in", 0, 0.0, ac=1.0).R(1, "in", "out", "1k").C(1, "out", 0, "1u")
    >>> found = Simulator().sensitivities(circuit, "v(out)", [159.15494309])
    >>> (1e3 * abs(found["r1"])).round(4)  # volt per kilohm
    array([0.5])
    """

    plot_name, short_name = "Sensitivity Analysis", "sens"

    def __init__(
        self, circuit: Circuit, output: str, frequency: Array, values: dict[str, Complexes]
    ) -> None:
        self.circuit, self.output, self.frequency, self.values = circuit, output, frequency, values
        self.measures: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"SensitivitySpectrum({self.output!r}, {len(self.values)} parameters)"

    @property
    def axes(self) -> dict[str, Array]:
        """``{"frequency": ...}``."""
        return {"frequency": self.frequency}

    def _unit(self, name: str) -> str:
        del name
        return ""  # the output's over each parameter's

    def shown_kinds(self) -> list[tuple[str, str, list[str], str]]:
        """Return the magnitudes of the derivatives."""
        return [(f"derivative of {self.output}", "", list(self.names), "magnitude")]

    def _scale(self) -> tuple[RawVariable, Any]:
        return RawVariable("frequency", "frequency"), self.frequency.astype(complex)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all parameters."""
        return tuple(self.values)

    def __getitem__(self, query: str) -> Any:
        key = query.strip().lower()
        if key == "frequency":
            return self.frequency
        if key not in self.values:
            raise ParameterError(f"no sensitivity to {query!r}; see `names` for what there is")
        return self.values[key]


class _Element:
    """One element on its own, in the places of the whole circuit's unknowns."""

    def __init__(self, point: OperatingPoint, element: Element) -> None:
        self.point, self.element = point, element
        self.system = point.system
        self.circuit = point.circuit
        self.index = {label: k for k, label in enumerate(self.system.labels)}
        self.others = referred(self.circuit, element)

    def alone(self, element: Element, card_: Model | None) -> System:
        made = Circuit(self.circuit.title)
        made.options.update(self.circuit.options)
        made.temperature = self.circuit.temperature
        made.models = dict(self.circuit.models)
        if card_ is not None:
            made.models[element.model.lower()] = card_
        for e in (element, *self.others):
            made.add(e)
        return System(made, self.system.temperature)

    def currents(self, element: Element, card_: Model | None) -> Array:
        """Return the element's contribution to f, (n + 1,)."""
        part = self.alone(element, card_)
        places = np.array([*(self.index[label] for label in part.labels), -1])
        part.evaluate(self.point.x[places], part.instant(limit=False))
        f = np.zeros(self.system.size + 1)
        np.add.at(f, places[:-1], part.f[:-1])
        return f

    def derivative(self, p: Parameter) -> Array | None:
        """Return df/dp (n + 1,); None where the parameter cannot move."""
        step = _STEP * abs(p.value) or _STEP
        try:
            return sum(
                (w * self.currents(*p.set(p.value + k * step)) for k, w in _WEIGHTS),
                start=np.zeros(self.system.size + 1),
            ) / step
        except (NetlistError, ParameterError):
            return None


def referred(circuit: Circuit, element: Element) -> list[Element]:
    """Return the elements without which one is incomplete.

    Those whose currents it reads, the inductors that it couples, and currents of 0 at nodes whose
    voltages it reads.
    """
    names = [element.control] if element.kind in "FHW" else []
    names += [str(element.get(k)) for k in ("l1", "l2") if element.kind == "K"]
    for value in (element.value, *(v for _, v in element.parameters)):
        if isinstance(value, Expression):
            names += [probe[1] for probe in value.sources if probe[0] == "i"]
    unique = dict.fromkeys(n.lower() for n in names if n.lower() != element.name.lower())
    found = [circuit[n] for n in unique]
    # voltages that are read need their nodes: a current of 0 makes them
    nodes: dict[str, None] = {}
    for value in (element.value, *(v for _, v in element.parameters)):
        if isinstance(value, Expression):
            for probe in value.sources:
                nodes.update(dict.fromkeys(n for n in probe[1:] if probe[0] == "v"))
    extra = [Element("I", f"I#{k}", (circuit.node(n), "0"), 0.0)
             for k, n in enumerate(nodes) if circuit.node(n) != "0"]
    return [*found, *extra]


def sens(circuit: Circuit, analysis: Sens) -> Sensitivities | SensitivitySpectrum:
    """Return the derivatives of `analysis.output` with respect to all parameters of all elements.

    Parameters that are 0 and those that the element's equations do not let move are left out.

    Raises
    ------
    ParameterError
        No such output.
    """
    point = written_out(circuit)
    small = SmallSignal(point)
    output, row = output_row(point.names, analysis.output, small.size)
    if analysis.points is not None:
        return _over_frequency(small, output, row, analysis.points.values)
    adjoint = small.solve_static(row, transposed=True)
    adjoint[-1] = 0.0
    values: dict[str, float] = {}
    known: dict[str, float] = {}
    for p, slope in _slopes(point):
        values[p.name] = -float(adjoint @ slope)
        known[p.name] = p.value
    return Sensitivities(output, values, known, adjoint, point)


def _slopes(point: OperatingPoint, *, dynamic: bool = False) -> Iterator[tuple[Parameter, Array]]:
    for element in point.circuit:
        if element.kind == "K" or (element.kind in "CL" and not dynamic):
            continue
        whole = _Element(point, element)
        for p in parameters_of(point.circuit, element):
            if p.value == 0.0 and element.kind not in "VI":
                continue
            slope = whole.derivative(p)
            if slope is not None:
                yield p, slope


def _over_frequency(
    small: SmallSignal, output: str, row: Array, hertz: Array
) -> SensitivitySpectrum:
    point = small.point
    x = small.solve(hertz, -complex_sources(small.system.groups, small.size))
    adjoint = small.solve(hertz, row.astype(complex), transposed=True)
    omega = 2.0 * np.pi * hertz
    values: dict[str, Complexes] = {}
    for p, slope in _slopes(point, dynamic=True):
        moved = -small.solve_static(slope)
        step = _STEP * abs(p.value) or _STEP
        total = np.zeros(len(hertz), dtype=complex)
        for k, w in _WEIGHTS:
            changed = _with(point.circuit, *p.set(p.value + k * step))
            system = System(changed, small.system.temperature)
            near = OperatingPoint(system, point.x + k * step * moved, 0.0)
            other = SmallSignal(near)
            total += (w / step) * other.quadratic(omega, adjoint, x)
        values[p.name] = -total
    return SensitivitySpectrum(point.circuit, output, hertz, values)


def _with(circuit: Circuit, element: Element, card_: Model | None) -> Circuit:
    """Return a copy in which one element has another value, or a card of its own."""
    made = Circuit(circuit.title)
    made.options.update(circuit.options)
    made.temperature, made.models = circuit.temperature, dict(circuit.models)
    if card_ is not None and card_ is not circuit.models[element.model.lower()]:
        name = f"{card_.name}#{element.name.lower()}"
        made.models[name] = replace(card_, name=name)
        element = replace(element, model=name)
    for e in circuit:
        made.add(element if e.name.lower() == element.name.lower() else e)
    return made


@register(Sens)
def _sens(
    circuit: Circuit, analysis: Sens, save: Sequence[str] | None
) -> Sensitivities | SensitivitySpectrum:
    del save
    return sens(circuit, analysis)
