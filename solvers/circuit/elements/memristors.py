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

from ....core.errors import CrossbarSimError, NetlistError
from ....core.validation import Array
from ....netlists import device_protocol
from ....netlists.device_protocol import DeviceModel
from ....netlists.elements import Element, Model
from ..system.builder import Builder, register_kind, where
from ..system.element_group import Bools, ElementGroup, Instant, Ints, Stamp
from .kernels_expression import evaluator
from .values import number, parameter

__all__ = ["CompiledModel", "Memristors", "changed", "device_of"]

_SLACK = 1e-6
_MOVE = 0.25  # of a state's range in one Newton step
_VOLT = 0.5
_RAMP = 1e-5  # half the width of a jump's ramp, of the voltage at which it is
_STOPS = 6  # on ramps, in one Newton iteration: there may be no solution on any


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
        self.names, self.at, self.own, self.device = tuple(names), at, own, device
        self.polarity, self.many = polarity, many
        count, states = len(self.names), len(own)
        low, high = (np.broadcast_to(_each(b), (states, count)) for b in device.bounds())
        self.low, self.span = low, high - low
        self.first = (state - low) / self.span
        self.parameters = np.ascontiguousarray(device.parameter_array.reshape(
            len(device.parameter_array), -1
        ))
        self.law: Callable[..., None] = evaluator(device)
        jumps = [np.broadcast_to(np.ravel(j), (count,)) for j in device.jumps()]
        self.jumps = np.array(jumps, dtype=float).reshape(len(jumps), count)
        self.width = np.abs(self.jumps) * _RAMP
        self._beside = np.zeros((count, (1 + states) * (2 + states)))
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
        self.start()
        self.accept_now()

    def start(self) -> None:
        """Forget limited voltages and states."""
        self.old_v, self.old_y = np.zeros(len(self.names)), self.first.copy()
        self._sliding, self._fixed = np.zeros(self.jumps.shape, dtype=np.bool_), False
        self._stops, self._side = np.zeros(len(self.names)), self._sides(self.old_v)
        self._end = self._ends(self.first)
        self.jumped = False

    def accept_now(self) -> None:
        """Keep limited voltages and states."""
        self._sliding = self._sliding & (self._sides(self.old_v) == 0.0)
        self.kept = self.old_v, self.old_y
        self._slid = self._sliding

    def accept(self, x: Array, now: Instant) -> None:
        """Keep limited voltages and states."""
        del now
        self.accept_now()
        self._end = self._ends(x[self.own])
        if len(self.jumps):
            self._stops[:] = 0.0
            side = self._sides(self.old_v)
            self.jumped = bool(((side == 0) != (self._side == 0)).any())
            self._side = side

    def rewind(self) -> None:
        """Go back to those of the last point."""
        self.old_v, self.old_y = self.kept
        self._sliding = self._slid
        self._stops[:] = 0.0

    def modes(self) -> Bools | None:
        """Return which jumps' ramps devices are on, (J, E)."""
        if not len(self.jumps):
            return None
        on: Bools = self._sliding & (self._sides(self.old_v) == 0.0)
        return on

    def recall(self, modes: Bools, *, fixed: bool = False) -> None:
        """Have devices on those ramps, which `fixed` ones do not leave at their ends."""
        self._sliding, self._fixed = modes, fixed

    def abrupt(self, x: Array) -> bool:
        """Return whether a device got on or over a ramp, or a state to its bound."""
        side, end = self._sides(x[self.at[0]] - x[self.at[1]]), self._ends(x[self.own])
        return bool((side != self._side).any() or (end != self._end).any())

    @staticmethod
    def _ends(y: Array) -> Array:
        return np.where(y >= 1.0, 1.0, np.where(y <= 0.0, -1.0, 0.0))

    def _sides(self, v: Array) -> Array:
        """Return -1 below each jump, 0 on its ramp, 1 above, (J, E)."""
        away = self.polarity * v - self.jumps
        on = self._sliding & (np.abs(away) < self.width)
        return np.where(on, 0.0, np.where(away < 0.0, -1.0, 1.0))

    def _stopped(self, v: Array) -> Array:
        """Return voltages of which none is beyond a ramp that the last one was before."""
        old, new = self._sides(self.old_v), self._sides(v)
        over = (old * new < 0.0) & (self.width > 0.0) & (self._stops < _STOPS)
        if not over.any():
            return v
        # once over it is free: where the rate drives the voltage on, both sides have a solution,
        # and the ramp has one, too, that runs away from itself
        again = self._stops >= 1.0
        self._stops += over.any(axis=0)
        over &= again
        way = np.where(over, np.abs(self.jumps - self.polarity * self.old_v), np.inf)
        first = way.argmin(axis=0)
        stop = over.any(axis=0)
        self._sliding = self._sliding.copy()
        self._sliding[first[stop], np.flatnonzero(stop)] = True
        at = self.polarity * self.jumps[first, np.arange(len(v))]
        return np.where(stop, at, v)

    def _ramps(self, u: Array, y: Array, found: Array) -> None:
        """Put the rates on ramps into `found`, the law at u volt."""
        for at, width, sliding in zip(self.jumps, self.width, self._sliding, strict=True):
            on = sliding & (self._fixed | (np.abs(u - at) < width))
            if not on.any():
                continue
            low, high = (self._law_beside(at + way * width, y) for way in (-1.0, 1.0))
            share = ((u - at + width) / np.where(width > 0.0, 2.0 * width, 1.0))[:, None, None]
            ramp = low + share * (high - low)
            ramp[:, :, 1] = (high - low)[:, :, 0] / np.where(width > 0.0, 2.0 * width, 1.0)[:, None]
            found[on, 1:] = ramp[on, 1:]

    def _law_beside(self, u: Array, y: Array) -> Array:
        self.law(u, self.low + self.span * y, self.parameters, self._beside)
        states = len(self.own)
        return self._beside.reshape(len(self.names), 1 + states, 2 + states).copy()

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill currents, rates, and their slopes."""
        v, y = x[self.at[0]] - x[self.at[1]], x[self.own]
        vl, yl = v, y
        if now.limit and not now.initialise:
            room = np.maximum(_VOLT, 0.5 * np.abs(self.old_v))
            vl = np.clip(v, self.old_v - room, self.old_v + room)
            yl = np.clip(y, self.old_y - _MOVE, self.old_y + _MOVE)
            if len(self.jumps) and now.mode != "dc":
                vl = self._stopped(vl)
        elif now.initialise:
            vl, yl = np.zeros_like(v), self.first
        far = np.abs(v - vl) > 1e-12 + 1e-9 * np.abs(v)
        self.limited = far | (np.abs(y - yl) > 1e-9).any(axis=0)
        self.old_v, self.old_y = vl, yl
        states = len(self.own)
        inside = np.clip(yl, 0.0, 1.0)
        p = self.polarity
        self.law(p * vl, self.low + self.span * inside, self.parameters, self._out)
        found = self._out.reshape(len(self.names), 1 + states, 2 + states)
        if len(self.jumps) and now.mode != "dc":
            self._ramps(p * vl, inside, found)
        dv, dy = v - vl, y - yl
        within = (yl == inside).astype(float)
        many = self.many
        current, g = many * p * found[:, 0, 0], many * found[:, 0, 1]
        by_state = many * p * found[:, 0, 2:].T * self.span * within  # (S, E)
        current = current + g * dv + (by_state * dy).sum(axis=0)
        out.f[0], out.f[1] = current, -current
        out.g[0] = out.g[3] = g
        out.g[1] = out.g[2] = -g
        for s in range(states):
            out.g[4 + 2 * s], out.g[5 + 2 * s] = by_state[s], -by_state[s]
        at = 4 + 2 * states
        out.q[:], out.c[:] = -y, -1.0
        if now.mode == "dc":
            out.f[2:] = y - self.first
            out.g[at:] = 0.0
            for s in range(states):
                out.g[at + s * (2 + states) + 2 + s] = 1.0
            return
        for s in range(states):
            rate = found[:, 1 + s, 0] / self.span[s]
            by_v = p * found[:, 1 + s, 1] / self.span[s]
            outside = yl[s] - inside[s]
            leads = rate * np.where(yl[s] <= 0.0, -1.0, np.where(yl[s] >= 1.0, 1.0, 0.0)) > 0.0
            factor = np.where(leads, 1.0 - np.abs(outside) / _SLACK, 1.0)
            slopes = found[:, 1 + s, 2:].T * self.span / self.span[s] * within * factor
            slopes[s] -= np.where(leads, np.abs(rate) / _SLACK, 0.0) * (outside != 0.0)
            value = rate * factor + by_v * factor * dv + (slopes * dy).sum(axis=0)
            out.f[2 + s] = value
            base = at + s * (2 + states)
            out.g[base], out.g[base + 1] = by_v * factor, -by_v * factor
            out.g[base + 2:base + 2 + states] = slopes

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
