"""Memristors N: any device model of the registry, its states unknowns of the circuit.

Each state is an unknown y in [0, 1], its share of its range, with the row

    rate(v, x) / range - dy/dt = 0 .

At a bound the rate that leads outwards is multiplied by 1 - d/1e-6, d how far outside y is: the
state comes to rest within a millionth of its range, whatever the rate, and Newton's iteration sees
a straight line there. At operating points the states stay as they are.

Where a model's rate jumps at a voltage (`jumps` of the device, such as the thresholds of linear ion
drift) the equations may have no solution on either side: behind a resistor the state then slides
so that the voltage stays at the threshold (Filippov). There the rate is a ramp from one side's to
the other's over the threshold +-1e-5 of it: the rate within is the unknown of the sliding solution,
and the voltage is off by no more than that. Newton's steps that leap over the threshold and back
stop on it: no side has a solution. Only then is there a ramp, until the voltage leaves it: where
the rate drives the voltage away from the threshold both sides have one, and it simply jumps. The
step in which that happens is one of backward Euler, for the trapezoidal rule would carry the rate
from before along.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike

from .....core.errors import CrossbarSimError, NetlistError
from .....core.validation import Array
from .....netlists import device_protocol
from .....netlists.device_protocol import DeviceModel
from .....netlists.elements import Element, Model
from ...system.builder import Builder, register_kind, where
from ...system.element_group import Block, Bools, ElementGroup, Instant, Ints, Stamp
from ...system.kernels_blocks import ABRUPT, ACCEPT, EVALUATE, REWIND, address_of, place_of
from ..values import number, parameter
from . import kernels_memristors as kernels
from .kernels_expression import evaluator, law_of_one

__all__ = ["CompiledModel", "Memristors", "changed", "device_of"]

_RAMP = 1e-5  # half the width of a jump's ramp, of the voltage at which it is


def _each(values: Array) -> Array:
    """Return (S, ...) as (S, 1 or E), also without states."""
    return values.reshape(len(values), math.prod(values.shape[1:]))


class CompiledModel(DeviceModel, Protocol):
    """What circuits ask of a `DeviceModel` besides: parameters as its law takes them, and jumps."""

    @property
    def parameter_array(self) -> Array:
        """The parameters that the law reads, (K, ...)."""
        ...

    def jumps(self) -> Sequence[Array]:
        """Return the voltages at which rates jump, volt, each a number or one per device."""
        ...


class Memristors(ElementGroup):
    """Devices of one model card.

    Parameters
    ----------
    names
    at : (2, E)
    own : (S, E)
        Unknowns of the states.
    device : CompiledModel
    state : (S, E)
        At the start, in the model's units.
    polarity, many : (E,)
        1 or -1, and how many are side by side.
    """

    def __init__(
        self, names: Sequence[str], at: Ints, own: Ints, device: CompiledModel, state: Array,
        polarity: Array, many: Array,
    ) -> None:
        self.names, self.device = tuple(names), device
        self.at, self.own, self.polarity, self.many = map(
            np.ascontiguousarray, (at, own, polarity, many)
        )
        count, states = len(self.names), len(own)
        low, high = (np.broadcast_to(_each(b), (states, count)) for b in device.bounds())
        self.low, self.span = np.ascontiguousarray(low), np.ascontiguousarray(high - low)
        self.first = np.ascontiguousarray((state - low) / self.span)
        self.parameters = np.ascontiguousarray(device.parameter_array.reshape(
            len(device.parameter_array), -1
        ))
        self._each = np.ascontiguousarray(self.parameters.T)
        self.law: Callable[..., None] = evaluator(device)
        jumps = [np.broadcast_to(np.ravel(j), (count,)) for j in device.jumps()]
        self.jumps = np.array(jumps, dtype=float).reshape(len(jumps), count)
        self.width = np.abs(self.jumps) * _RAMP
        self.f_rows = np.concatenate([at, own])
        self.q_rows = own
        a, b = at
        rows, columns = [a, a, b, b], [a, b, a, b]
        for s in range(states):
            rows += [a, b]
            columns += [own[s], own[s]]
        for s in range(states):
            rows += [own[s], own[s]]
            columns += [a, b]
            for m in range(states):
                rows.append(own[s])
                columns.append(own[m])
        self.g_at = np.array(rows), np.array(columns)
        self.c_at = own, own
        self._out = np.zeros((count, (1 + states) * (2 + states)))
        self._state()
        self.start()
        self.accept_now()

    def _state(self) -> None:
        """Make the arrays that the kernel works in."""
        count, states, jumps = len(self.names), len(self.own), len(self.jumps)
        self.limited = np.zeros(count, dtype=np.bool_)
        self.old_v, self.old_y = np.zeros(count), np.zeros((states, count))
        self.kept_v, self.kept_y = self.old_v.copy(), self.old_y.copy()
        self._sliding = np.zeros((jumps, count), dtype=np.bool_)
        self._slid, self._fixed = self._sliding.copy(), np.zeros(1, dtype=np.int64)
        self._stops, self._side = np.zeros(count), np.zeros((jumps, count))
        self._end = np.zeros((states, count))
        self._work = (
            *(np.zeros((1 + states) * (2 + states)) for _ in range(3)),
            *(np.zeros(states) for _ in range(3)),
        )
        self.relocate()

    def relocate(self) -> None:
        """Note where the arrays and the law are."""
        none, f = np.zeros(0), kernels.F
        count, states, jumps = len(self.names), len(self.own), len(self.jumps)
        self._block = np.array([
            kernels.FREE, 0, count, states, jumps, len(self.parameters), len(self._each) == 1,
            address_of(law_of_one(self.device), law=True), *map(place_of, (
                self.at, self.own, self.polarity, self.many, self.low, self.span, self.first,
                self._each, self.jumps, self.width, self._fixed, self.old_v, self.old_y,
                self.kept_v, self.kept_y, self._sliding, self._slid, self._stops, self._side,
                self._end, self.limited, *self._work, none, none, none, none,
            ))
        ], dtype=np.int64)
        self._filling, self._filled = slice(f, f + 4), Stamp(none, none, none, none)
        self._nothing = none

    def start(self) -> None:
        """Forget limited voltages and states."""
        self.old_v[:], self.old_y[:] = 0.0, self.first
        self._sliding[:], self._fixed[:], self._stops[:] = False, 0, 0.0
        self._side[:] = self._sides(self.old_v)
        self._end[:] = np.where(self.first >= 1.0, 1.0, np.where(self.first <= 0.0, -1.0, 0.0))
        self.jumped = False

    def accept_now(self) -> None:
        """Keep limited voltages and states."""
        self._sliding &= self._sides(self.old_v) == 0.0
        self.kept_v[:], self.kept_y[:] = self.old_v, self.old_y
        self._slid[:] = self._sliding

    def accept(self, x: Array, now: Instant) -> None:
        """Keep limited voltages and states."""
        jumped = kernels.run(ACCEPT, now.time, self._block, self._nothing, x)
        if len(self.jumps):
            self.jumped = jumped > 0.0

    def rewind(self) -> None:
        """Go back to those of the last point."""
        kernels.run(REWIND, 0.0, self._block, self._nothing, self._nothing)

    def modes(self) -> Bools | None:
        """Return which jumps' ramps devices are on, (J, E)."""
        if not len(self.jumps):
            return None
        on: Bools = self._sliding & (self._sides(self.old_v) == 0.0)
        return on

    def recall(self, modes: Bools, *, fixed: bool = False) -> None:
        """Have devices on those ramps, which `fixed` ones do not leave at their ends."""
        self._sliding[:], self._fixed[:] = modes, fixed

    def abrupt(self, x: Array) -> bool:
        """Return whether a device got on or over a ramp, or a state to its bound."""
        return bool(kernels.run(ABRUPT, 0.0, self._block, self._nothing, x) > 0.0)

    def _sides(self, v: Array) -> Array:
        """Return -1 below each jump, 0 on its ramp, 1 above, (J, E)."""
        away = self.polarity * v - self.jumps
        on = self._sliding & (np.abs(away) < self.width)
        return np.where(on, 0.0, np.where(away < 0.0, -1.0, 1.0))

    def block(self, out: Stamp, gmin: float, reltol: float) -> Block:
        """Return the group as compiled loops see it, in a transient, filling `out`."""
        del gmin, reltol
        found = self._block.copy()
        found[kernels.MODE], found[kernels.DYNAMIC] = kernels.LIMITED, 1
        found[self._filling] = [place_of(a) for a in (out.f, out.q, out.g, out.c)]
        return Block(kernels.run, found, self._nothing, frozenset({"abrupt"}))

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill currents, rates, and their slopes."""
        block = self._block
        if out is not self._filled:
            block[self._filling] = [place_of(a) for a in (out.f, out.q, out.g, out.c)]
            self._filled = out
        block[kernels.MODE] = (
            kernels.INITIAL if now.initialise else kernels.LIMITED if now.limit else kernels.FREE
        )
        block[kernels.DYNAMIC] = now.mode != "dc"
        kernels.run(EVALUATE, now.time, block, self._nothing, x)

    def initial(self, x: Array) -> tuple[Ints, Array]:
        """Put the states into x."""
        x[self.own] = self.first
        return np.zeros(0, dtype=np.int64), np.zeros(0)

    def quantities(self, x: Array, now: Instant) -> dict[str, Array]:
        """Return currents ``i``, conductances ``g`` (at the read voltage) and states by name.

        Of ``m`` devices side by side the sums, and the states of each.
        """
        del now
        state = self.low + self.span * np.clip(x[self.own], 0.0, 1.0)
        v = x[self.at[0]] - x[self.at[1]]
        self.law(self.polarity * v, state, self.parameters, self._out)
        found = {"i": self.many * self.polarity * self._out[:, 0],
                 "g": self.many * self.device.conductance(state)}
        return found | dict(zip(self.device.state_names, state, strict=True))


@register_kind("N")
def _n(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    parts: dict[tuple[Any, ...], list[tuple[Element, dict[str, Any]]]] = {}
    cards: dict[str, tuple[Any, dict[str, str]]] = {}
    for e in elements:
        key = e.model.lower()
        if key not in builder.circuit.models:
            raise NetlistError(f"{e.name}: there is no model {e.model!r}", **where(e))
        if key not in cards:
            try:
                device = device_of(builder.circuit.models[key])
            except CrossbarSimError as error:
                raise NetlistError(
                    f"model {builder.circuit.models[key].name}: {error}", **where(e)
                ) from error
            cards[key] = device, {str(name).lower(): name for name in device.parameters()}
        own = _own_parameters(e, cards[key][1])
        # words and the polarity choose among laws: devices that differ there are apart
        words = tuple(pair for pair in own.items() if isinstance(pair[1], (str, int)))
        parts.setdefault((key, words), []).append((e, own))
    return [_group(builder, cards[key][0], some) for (key, _), some in parts.items()]


def _own_parameters(e: Element, spelling: dict[str, str]) -> dict[str, Any]:
    """Return the parameters of the model that stand at the element itself."""
    found: dict[str, Any] = {}
    for key, value in e.parameters:
        name = key.lower()
        if name == "polarity":
            found[name] = int(number(value))
        elif name in spelling:
            found[spelling[name]] = value if isinstance(value, str) else number(value)
    return found


def device_of(card: Model) -> CompiledModel:
    """Return the device that a model card describes."""
    given = dict(card.parameters)
    preset = given.pop("preset", None)
    found = device_protocol.model(card.kind)
    spelling = {str(name).lower(): name for name in found().parameters()}
    arguments: dict[str, Any] = {spelling.get(k, k): v for k, v in given.items()}
    if "polarity" in arguments:
        arguments["polarity"] = int(arguments["polarity"])
    made = found(**arguments) if preset is None else found.preset(str(preset), **arguments)
    return cast("CompiledModel", made)


def changed(device: CompiledModel, changes: Mapping[str, ArrayLike]) -> CompiledModel:
    """Return the device with other parameters."""
    return cast("CompiledModel", device.replace(**changes))


def _changed(device: CompiledModel, owns: Sequence[dict[str, Any]]) -> CompiledModel:
    """Return the device with each element's own parameters, one value per element."""
    names = dict.fromkeys(name for own in owns for name in own)
    if not names:
        return device
    known = device.parameters()
    changes: dict[str, Any] = {}
    for name in names:
        values = [own.get(name, known.get(name)) for own in owns]
        fixed = isinstance(values[0], (str, int))
        changes[name] = values[0] if fixed else np.array(values, dtype=float)
    return changed(device, changes)


def _group(
    builder: Builder, device: CompiledModel, parts: Sequence[tuple[Element, dict[str, Any]]]
) -> ElementGroup:
    elements = [e for e, _ in parts]
    owns = [own for _, own in parts]
    try:
        whole = _changed(device, owns)
    except CrossbarSimError as error:
        raise NetlistError(f"{elements[0].name}: {error}", **where(elements[0])) from error
    names = whole.state_names
    own = np.array([
        [builder.inner(f"{e.name.lower()}#{name}", "state", "state") for e in elements]
        for name in names
    ], dtype=np.int64).reshape(len(names), len(elements))
    rest = _each(np.asarray(whole.rest(), dtype=float))
    state = np.broadcast_to(rest, (len(names), len(elements))).copy()
    for k, e in enumerate(elements):
        given = {key.lower(): value for key, value in e.parameters}
        wanted = given.get("g", given.get("conductance"))
        try:
            if wanted is not None:
                one = changed(device, owns[k]) if owns[k] else device
                state[:, k] = np.ravel(one.state_from_conductance(number(wanted)))
        except CrossbarSimError as error:
            raise NetlistError(f"{e.name}: {error}", **where(e)) from error
        for s, name in enumerate(names):
            if name.lower() in given:
                state[s, k] = number(given[name.lower()])
    low, high = (np.broadcast_to(_each(b), state.shape) for b in whole.bounds())
    bad = (state < low) | (state > high)
    if bad.any():
        s, k = (int(i) for i in np.argwhere(bad)[0])
        raise NetlistError(
            f"{elements[k].name}: state {names[s]} = {state[s, k]:g} is out of its range, "
            f"{low[s, k]:g} to {high[s, k]:g}", **where(elements[k])
        )
    polarity = np.full(len(elements), float(whole.polarity))
    many = np.array([parameter(e, "m", 1.0) for e in elements])
    return Memristors([e.name for e in elements], builder.at(elements, 2), own, whole, state,
                      polarity, many)
