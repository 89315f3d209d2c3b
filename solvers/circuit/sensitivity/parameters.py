"""Which parameters derivatives of transients are by, and their names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ....core.errors import CrossbarSimError, ParameterError
from ....core.validation import Array
from ....netlists.circuit import Circuit
from ....netlists.elements import Element, Model
from ....netlists.sources import Pulse, Pwl, Sine
from ....netlists.spice_sources import AmplitudeModulated, Exponential, FrequencyModulated
from ..analyses.sensitivities import parameters_of
from ..elements.memristors.memristors import Memristors, changed, device_of
from ..elements.values import number
from .partials import Moved
from .trajectory import Trajectory

__all__ = ["Selection", "Wave", "movable", "refusal", "waves"]

_STEP = 1e-4  # of a parameter
_JUMP = 1e-7  # of a parameter that moves the voltage at which a rate jumps
# parameters of waves on which the values at fixed times depend smoothly
_SMOOTH: dict[type, tuple[str, ...]] = {
    Pulse: ("v1", "v2"),
    Sine: ("offset", "amplitude", "frequency", "damping", "phase"),
    Exponential: ("v1", "v2", "rise", "fall"),
    FrequencyModulated: (
        "offset", "amplitude", "carrier", "index", "signal", "carrier_phase", "signal_phase",
    ),
    AmplitudeModulated: ("amplitude", "offset", "signal", "carrier", "phase"),
}
_LEVELS = frozenset({"v1", "v2", "offset", "amplitude"})
_TERMINALS = {
    "D": ("",), "Q": ("vbe", "vce"), "J": ("vds", "vgs"), "M": ("vds", "vgs", "vbs"),
    "O": ("v1", "i1", "v2", "i2"),
}


# -- elements --------------------------------------------------------------------------------------


def movable(run: Trajectory, element: Element) -> Iterator[Moved]:
    """Return the parameters of an element other than an independent source."""
    circuit, name = run.system.circuit, element.name.lower()
    jumping = _jumping(circuit, element)
    states = dict(_states(run, element))
    for p in parameters_of(circuit, element):
        slot = p.name[len(name):]
        if slot in states or not p.value or slot in _arrivals(circuit, element):
            continue
        share = _JUMP if slot[1:] in jumping else _STEP
        yield Moved(p.name, name, slot, p.value, share * abs(p.value), 0, p.set)
    yield from states.values()
    if element.kind == "K":
        def coupled(v: float) -> tuple[Element, Model | None]:
            return replace(element, value=v), None
        value = float(element.value) if isinstance(element.value, (int, float)) else 0.0
        side = -1 if abs(value) + 2 * _STEP > 1.0 else 0
        yield Moved(name, name, "", value, _STEP if value >= 0 else -_STEP, side, coupled)
    if run.uic:
        yield from _initial(run, element)


def _arrivals(circuit: Circuit, element: Element) -> tuple[str, ...]:
    """Return the parameters that move the times at which the fronts of waves arrive."""
    card = _card(circuit, element) if element.kind == "O" else None
    if card is None or not card.get("l") or not card.get("c"):
        return ()
    return ":l", ":c", ":len"


def _set(element: Element, card: Model | None, key: str) -> Callable[..., Any]:
    kept = tuple((k, v) for k, v in element.parameters if k.lower() != key)

    def changed(value: float) -> tuple[Element, Model | None]:
        return replace(element, parameters=(*kept, (key, value))), card

    return changed


def _card(circuit: Circuit, element: Element) -> Model | None:
    return circuit.models.get(element.model.lower()) if element.model else None


def _jumping(circuit: Circuit, element: Element) -> set[str]:
    """Return the parameters of a memristor that move voltages at which its rates jump."""
    card = _card(circuit, element) if element.kind == "N" else None
    if card is None or card.module is not None:
        return set()
    device = device_of(card)
    if not device.jumps():
        return set()
    found = set()
    for key, value in device.parameters().items():
        if isinstance(value, str) or np.ndim(value):
            continue
        try:
            other = changed(device, {key: value * (1.0 + _STEP)}).jumps()
        except CrossbarSimError:
            continue
        if len(other) != len(device.jumps()) or not np.allclose(
            other, device.jumps(), rtol=1e-12, atol=0.0
        ):
            found.add(str(key).lower())
    return found


def _states(run: Trajectory, element: Element) -> Iterator[tuple[str, Moved]]:
    """Return the start of every state of a memristor, in the model's units."""
    if element.kind != "N":
        return
    name = element.name.lower()
    for group in run.system.groups:
        if not isinstance(group, Memristors) or element.name not in group.names:
            continue
        e = group.names.index(element.name)
        card = _card(run.system.circuit, element)
        for s, state in enumerate(group.device.state_names):
            low, span = float(group.low[s, e]), float(group.span[s, e])
            share, step = float(group.first[s, e]), _STEP * span
            side = 1 if share < 3 * _STEP else -1 if share > 1.0 - 3 * _STEP else 0
            slot = f"_{state.lower()}"
            yield slot, Moved(
                f"{name}{slot}", name, slot, low + span * share, step, side,
                _set(element, card, state.lower()),
            )


def _initial(run: Trajectory, element: Element) -> Iterator[Moved]:
    """Return the initial conditions of an element, of capacitors and inductors whether given."""
    name, card = element.name.lower(), _card(run.system.circuit, element)
    given = {k.lower(): v for k, v in element.parameters}
    if element.kind in "CL":
        if "ic" in given:
            value = number(given["ic"])
        else:
            x = run.at_rest()
            ends = [run.names.node(n) for n in element.nodes[:2]]
            value = float(x[ends[0]] - x[ends[1]]) if element.kind == "C" else 0.0
        step = 1e-3 * (abs(value) or 1.0)
        yield Moved(f"{name}_ic", name, "_ic", value, step, 0, _set(element, card, "ic"))
        return
    parts = given.get("ic", ())
    words = parts if isinstance(parts, tuple) else str(parts).replace(",", " ").split()
    for k, terminal in enumerate(_TERMINALS.get(element.kind, ())):
        given_here = words[k] if k < len(words) else given.get(f"ic{terminal}")
        if given_here is None:
            continue
        value = number(given_here)
        plain = tuple(
            (key, v) for key, v in element.parameters
            if key.lower() not in ("ic", *(f"ic{t}" for t in _TERMINALS[element.kind]))
        )
        others = tuple(
            (f"ic{t}", float(w)) for t, w in zip(_TERMINALS[element.kind], words, strict=False)
        )
        base = replace(element, parameters=plain + others) if terminal else element
        slot = f"_ic{terminal}"
        yield Moved(
            f"{name}{slot}", name, slot, value, 1e-3 * (abs(value) or 1.0), 0,
            _set(base, card, f"ic{terminal}"),
        )


# -- sources ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Wave:
    """A parameter of an independent source.

    Attributes
    ----------
    name : str
    value : float
    slope : callable
        Times (K,) -> derivative of the source's value with respect to the parameter, (K,).
    """

    name: str
    value: float
    slope: Callable[[Array], Array]


def waves(element: Element) -> Iterator[Wave]:
    """Return the parameters of an independent source: its level, or those of its wave."""
    name, wave = element.name.lower(), element.wave
    if wave is None:
        yield Wave(name, float(element.value), np.ones_like)  # type: ignore[arg-type]
        return
    if isinstance(wave, Pwl):
        # the place of a time among the points, as a fraction, is the same curve through 0, 1, 2 ...
        places = replace(wave, values=tuple(range(len(wave.times))))

        def hat(k: int) -> Callable[[Array], Array]:
            return lambda t: np.clip(1.0 - np.abs([places.at(s) - k for s in t]), 0.0, None)

        for k, value in enumerate(wave.values):
            yield Wave(f"{name}_values[{k}]", float(value), hat(k))
        return
    for field in _SMOOTH.get(type(wave), ()):
        yield Wave(f"{name}_{field}", float(getattr(wave, field)), _slope(wave, field))


def _slope(wave: Any, field: str) -> Callable[[Array], Array]:
    value = float(getattr(wave, field))
    # levels enter linearly; frequencies by phases of many turns
    step = max(abs(value), 1.0) * 1e-2 if field in _LEVELS else (abs(value) or 1.0) * 1e-6

    def slope(t: Array) -> Array:
        low, high = (replace(wave, **{field: value + s * step}) for s in (-1.0, 1.0))
        return np.array([(high.at(s) - low.at(s)) / (2.0 * step) for s in t])

    return slope


# -- names -----------------------------------------------------------------------------------------


class Selection:
    """Names of parameters that are wanted; ``*`` matches any text, ``?`` any letter.

    ``@card[parameter]`` is that parameter of all elements with the card.

    Parameters
    ----------
    wanted : sequence of str, optional
        Default: all there are.
    """

    def __init__(self, wanted: Sequence[str] | None) -> None:
        if isinstance(wanted, str) or not (
            wanted is None or all(isinstance(w, str) for w in wanted)
        ):
            raise ParameterError(f"`parameters` must be a sequence of names; got {wanted!r}")
        self.all = wanted is None
        self.given = {} if wanted is None else {w: w.strip().lower() for w in wanted}
        self._cards: dict[str, set[str]] = {}
        self._names: set[str] = set()
        self._patterns: list[re.Pattern[str]] = []
        self._heads: list[str] = []
        for text in self.given.values():
            if (card := re.fullmatch(r"@([^\[\]]+)\[(\w+)\]", text)) is not None:
                self._cards.setdefault(card[1], set()).add(card[2])
            elif "*" in text or "?" in text:
                words = re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")
                self._patterns.append(re.compile(words))
                self._heads.append(re.split(r"[*?]", text)[0])
            else:
                self._names.add(text)

    def concerns(self, element: Element) -> bool:
        """Return whether parameters of an element may be among them."""
        name = element.name.lower()
        return (
            self.all or any(n.startswith(name) for n in self._names)
            or any(h.startswith(name) or name.startswith(h) for h in self._heads)
            or element.model.lower() in self._cards
        )

    def has(self, name: str, element: Element | None = None) -> bool:
        """Return whether a name is among them."""
        if self.all or name in self._names or any(p.fullmatch(name) for p in self._patterns):
            return True
        if element is None or not self._cards:
            return False
        owner, _, key = name.rpartition(":")
        return owner == element.name.lower() and key in self._cards.get(element.model.lower(), ())

    def unmet(self, circuit: Circuit, found: Sequence[str]) -> str | None:
        """Return a name that was wanted explicitly and has nothing to it, or None."""
        known = set(found)
        for text in self.given.values():
            only = Selection([text])
            if text in known or any(only.has(n) for n in found):
                continue
            card = re.fullmatch(r"@([^\[\]]+)\[(\w+)\]", text)
            if card is not None and any(
                f"{e.name.lower()}:{card[2]}" in known for e in circuit
                if e.model.lower() == card[1]
            ):
                continue
            return text
        return None


def refusal(circuit: Circuit, name: str, known: Sequence[str], *, uic: bool) -> ParameterError:
    """Return the error that says why there is no derivative with respect to `name`."""
    owner, _, field = name.replace(":", "_:", 1).partition("_")
    elements = {e.name.lower(): e for e in circuit}
    while owner not in elements and "_" in field:
        more, _, field = field.partition("_")
        owner = f"{owner}_{more}"
    element = elements.get(owner)
    if element is not None and element.wave is not None and hasattr(element.wave, field):
        return ParameterError(
            f"`{name}` moves corners of a wave in time, which fixed time steps cannot show; of "
            f"{element.name} there are {', '.join(w.name for w in waves(element)) or 'none'}"
        )
    if element is not None and (
        (element.kind == "T" and field == "td") or field in _arrivals(circuit, element)
    ):
        there = "_z0" if element.kind == "T" else ":r"
        return ParameterError(
            f"`{name}` moves the times at which waves arrive, which fixed time steps cannot show; "
            f"there is {element.name.lower()}{there}"
        )
    if name.endswith("_ic") and element is not None and not uic:
        return ParameterError(
            f"`{name}`: initial conditions count with `uic=True` only; a node's is `ic(node)`"
        )
    near = difflib.get_close_matches(re.sub(r"[*?]", "", name), known, n=4, cutoff=0.4)
    return ParameterError(
        f"there is no parameter {name!r} to differentiate with respect to"
        + (f"; there are {', '.join(near)}" if near else "")
    )
