"""Memristors N: any device model of the registry, its states unknowns of the circuit.

Each state is an unknown y in [0, 1], its share of its range, with the row

    rate(v, x) / range - dy/dt = 0 .

At a bound the rate that leads outwards is multiplied by 1 - d/1e-6, d how far outside y is: the
state comes to rest within a millionth of its range, whatever the rate, and Newton's iteration sees
a straight line there. At operating points the states stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...netlists import devices
from ...netlists._check import Array
from ...netlists.elements import Element, Model
from ...netlists.errors import CrossbarSimError, NetlistError
from .builder import Builder, register_kind, where
from .groups import Group, Instant, Ints, Stamp
from .kernels_law import evaluator
from .values import number

__all__ = ["Memristors"]

_SLACK = 1e-6
_MOVE = 0.25  # of a state's range in one Newton step
_VOLT = 0.5


class Memristors(Group):
    """Devices of one model card.

    Parameters
    ----------
    names
    at : (2, E)
    own : (S, E)
        Unknowns of the states.
    device : DeviceModel
    state : (S, E)
        At the start, in the model's units.
    """

    def __init__(
        self, names: Sequence[str], at: Ints, own: Ints, device: Any, state: Array,
        polarity: Array,
    ) -> None:
        self.names, self.at, self.own, self.device = tuple(names), at, own, device
        self.polarity = polarity
        count, states = len(self.names), len(own)
        low, high = (np.broadcast_to(b.reshape(states, -1), (states, count))
                     for b in device.bounds())
        self.low, self.span = low, high - low
        self.first = (state - low) / self.span
        self.parameters = np.ascontiguousarray(device.parameter_array.reshape(
            len(device.parameter_array), -1
        ))
        self.law: Callable[..., None] = evaluator(device)
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

    def accept_now(self) -> None:
        """Keep limited voltages and states."""
        self.kept = self.old_v, self.old_y

    def accept(self, x: Array, now: Instant) -> None:
        """Keep limited voltages and states."""
        del x, now
        self.accept_now()

    def rewind(self) -> None:
        """Go back to those of the last point."""
        self.old_v, self.old_y = self.kept

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill currents, rates, and their slopes."""
        v, y = x[self.at[0]] - x[self.at[1]], x[self.own]
        vl, yl = v, y
        if now.limit and not now.initialise:
            room = np.maximum(_VOLT, 0.5 * np.abs(self.old_v))
            vl = np.clip(v, self.old_v - room, self.old_v + room)
            yl = np.clip(y, self.old_y - _MOVE, self.old_y + _MOVE)
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
        dv, dy = v - vl, y - yl
        within = (yl == inside).astype(float)
        current, g = p * found[:, 0, 0], found[:, 0, 1]
        by_state = p * found[:, 0, 2:].T * self.span * within  # (S, E)
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
        """Return currents ``i``, conductances ``g`` (at the read voltage) and states by name."""
        del now
        state = self.low + self.span * np.clip(x[self.own], 0.0, 1.0)
        v = x[self.at[0]] - x[self.at[1]]
        self.law(self.polarity * v, state, self.parameters, self._out)
        found = {"i": self.polarity * self._out[:, 0], "g": self.device.conductance(state)}
        return found | dict(zip(self.device.state_names, state, strict=True))


@register_kind("N")
def _n(builder: Builder, elements: list[Element]) -> list[Group]:
    by_card: dict[str, list[Element]] = {}
    for e in elements:
        if e.model.lower() not in builder.circuit.models:
            raise NetlistError(f"{e.name}: there is no model {e.model!r}", **where(e))
        by_card.setdefault(e.model.lower(), []).append(e)
    return [
        _group(builder, builder.circuit.models[name], some) for name, some in by_card.items()
    ]


def device_of(card: Model) -> Any:
    """Return the device that a model card describes."""
    given = dict(card.parameters)
    preset = given.pop("preset", None)
    found = devices.model(card.kind)
    spelling = {str(name).lower(): name for name in found().parameters()}
    arguments: dict[str, Any] = {spelling.get(k, k): v for k, v in given.items()}
    if "polarity" in arguments:
        arguments["polarity"] = int(arguments["polarity"])
    return found(**arguments) if preset is None else found.preset(str(preset), **arguments)


def _group(builder: Builder, card: Model, elements: list[Element]) -> Group:
    try:
        device = device_of(card)
    except CrossbarSimError as error:
        raise NetlistError(f"model {card.name}: {error}", **where(elements[0])) from error
    names = device.state_names
    own = np.array([
        [builder.inner(f"{e.name.lower()}#{name}", "state", "state") for e in elements]
        for name in names
    ], dtype=np.int64).reshape(len(names), len(elements))
    rest = np.asarray(device.rest(), dtype=float).reshape(len(names), -1)
    state = np.broadcast_to(rest, (len(names), len(elements))).copy()
    for k, e in enumerate(elements):
        given = {key.lower(): value for key, value in e.parameters}
        wanted = given.get("g", given.get("conductance"))
        try:
            if wanted is not None:
                state[:, k] = np.ravel(device.state_from_conductance(number(wanted)))
        except CrossbarSimError as error:
            raise NetlistError(f"{e.name}: {error}", **where(e)) from error
        for s, name in enumerate(names):
            if name.lower() in given:
                state[s, k] = number(given[name.lower()])
    low, high = (np.broadcast_to(b.reshape(len(names), -1), state.shape) for b in device.bounds())
    bad = (state < low) | (state > high)
    if bad.any():
        s, k = (int(i) for i in np.argwhere(bad)[0])
        raise NetlistError(
            f"{elements[k].name}: state {names[s]} = {state[s, k]:g} is out of its range, "
            f"{low[s, k]:g} to {high[s, k]:g}", **where(elements[k])
        )
    polarity = np.full(len(elements), float(device.polarity))
    return Memristors([e.name for e in elements], builder.at(elements, 2), own, device, state,
                      polarity)
