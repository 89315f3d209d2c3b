"""A crossbar of cells with states or transistors, seen from its line ends.

For given voltages of the ends the structured solver finds all inner nodes and states; what the
system sees are the currents into the ends and their derivatives. In a time step the states obey
the engine's own formula, a q + offset = rate, which the cells solve for themselves; their error
limits the step like that of any charge.

The derivatives are those of the linearised array by port reduction, exact where a cell conducts
alike both ways. With transistors that is only near the truth (the currents are exact all the
same), and where Newton's iteration is slow for it, they come from tangent solves. They are kept as
long as cells change little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ....core.errors import ConvergenceError, ParameterError
from ....core.validation import Array
from ....netlists.crossbar.crossbar import Crossbar
from ....netlists.crossbar.ends import END_NAMES
from ...crossbar.line_equations import Sources
from ...crossbar.newton import Companions, Network, Operating
from ...crossbar.prediction import Guess, predict
from ...crossbar.problem import CrossbarProblem, make_problem
from ...crossbar.static_cells import approach, array_cells
from ...crossbar.structured.reduction import PortReduction
from ...integration.truncation_error import ErrorTolerances
from ..integration.formulas import Formula, History
from ..system.element_group import ElementGroup, Instant, Ints, Stamp
from ..system.tolerances import Tolerances

__all__ = ["FAMILIES", "CellArray", "placed", "shown_label"]

_STATE = 0.02  # as for memristors: states run away, their error counts for more
_CHANGED = 0.2  # of the cells' conductance: the derivatives are renewed
_SLOW = 3  # solutions of one step after which they are renewed
FAMILIES = ("wl", "bl", "in", "cell")
_BROKEN = 1e30  # ohm
_TIGHT = 1e-11  # of the largest current
_SLOWER = 6  # ... and come from tangent solves


def shown_label(prefix: str, name: str) -> str:
    """Return a result's name of what is inside: ``v(x1.wl0_0)``, ``i(x1.cell0_0)``, a state."""
    if "#" in name:
        return f"{prefix}.{name}"
    return f"{'i' if name.startswith('cell') else 'v'}({prefix}.{name})"


def placed(shown: list[str], shape: tuple[int, int], states: Sequence[str] = ()) -> Ints:
    """Return where what is shown stands among all: the families one after the other, then states.

    Each (M, N), flat.
    """
    rows, columns = shape
    found = []
    for name in shown:
        inside, _, state = name.partition("#")
        family = inside.rstrip("0123456789_")
        i, j = map(int, inside[len(family):].split("_"))
        block = len(FAMILIES) + states.index(state) if state else FAMILIES.index(family)
        found.append((block * rows + i) * columns + j)
    return np.array(found, dtype=np.int64)


class CellArray(ElementGroup):
    """One array.

    Parameters
    ----------
    name
    at, gate_at : (P,), (gates,)
        Unknowns of the line ends and of the gate lines.
    ends : tuple of str
        Which ends, in the order of `at`.
    xbar : Crossbar
        All of its ends are sources.
    options : dict
        Of the deck.
    shown : list of str
        What results show: ``"wl0_1"``, ``"cell0_1"``, ``"ncell0_1#w"``.
    """

    def __init__(
        self, name: str, at: Ints, gate_at: Ints, ends: tuple[str, ...], xbar: Crossbar,
        options: dict[str, Any], shown: list[str],
    ) -> None:
        self.names, self.at, self.gate_at = (name,), at, gate_at
        self.xbar, self.cells, self._shown = xbar, array_cells(xbar), shown
        states = getattr(getattr(self.cells, "device", None), "state_names", ())
        self._places = placed(shown, xbar.shape, list(states))
        self.problem: CrossbarProblem = make_problem(xbar, np.zeros((1, xbar.inputs)))
        self.network = Network(self.problem, self.cells)
        self._lines = [e.shape[1] for e in self.problem.ends]
        self._tied = [n in ends for n in END_NAMES]
        ports, columns = len(at), np.concatenate([at, gate_at])
        self.f_rows = at[:, None]
        self.g_at = (
            np.repeat(at, len(columns))[:, None], np.tile(columns, ports)[:, None]
        )
        self.limited = np.zeros(1, dtype=np.bool_)
        low, high = self.cells.bounds()
        if not np.isfinite(high - low).all():
            raise ParameterError(
                f"{name}: its cells have charges, or states without ranges, which arrays in "
                "circuits do not take: give states ranges, or solve the array by itself"
            )
        self.low, self.span = low, high - low
        self._capacitors(Tolerances.of(options))
        self.history: History | None = None
        self._jacobian = np.zeros((ports, len(columns)))
        self.start()

    def _capacitors(self, tolerances: Tolerances) -> None:
        shape, wires = self.xbar.shape, self.xbar.wires
        self.farad = [
            np.array(np.broadcast_to(np.asarray(c, dtype=float), shape)) for c in (
                wires.word_capacitance, wires.bit_capacitance, self.cells.capacitance
            )
        ]
        self.stores = any(c.any() for c in self.farad)
        states = self.cells.state.size
        count = states + (3 * self.farad[0].size if self.stores else 0)
        is_state = np.arange(count) < states
        self.tolerances = ErrorTolerances(
            np.arange(count), np.full(count, tolerances.abstol),
            np.where(is_state, 1.0, tolerances.chgtol), np.where(is_state, _STATE, 1.0),
            tolerances.reltol, tolerances.trtol,
        )
        self.rtol, self.abstol = min(1e-7, 1e-4 * tolerances.reltol), tolerances.abstol

    # -- the course of a solution ----------------------------------------------------------------

    def start(self) -> None:
        """Begin with the cells' own states, from no drive."""
        self.state = self.cells.state
        self.history = None
        self._formula: Formula | None = None
        self._point: Operating | None = None
        self._points: list[tuple[float, Operating]] = []
        self._key: tuple[Any, ...] = ()
        self._turn = self._count = 0
        self._size = np.full(2, -1.0)
        self._now = self._rate = self._side = np.zeros(0)

    def begin(self, method: str, rest: float, *, uic: bool = False) -> None:
        """Begin a transient from the point evaluated last."""
        q = self._stored(empty=uic)
        self.history = History(method, 0.0, np.zeros(1), q, rest)
        self._points = [] if self._point is None else [(0.0, self._point)]
        self._now = q
        self._side = self._sides()

    def formula(self, h: float, order: int) -> None:
        """Take the formula of the next time step, and guess where it leads."""
        if self.history is None:
            return
        self._formula = self.history.formula(h, order)
        self._turn += 1
        self._count = 0
        self._ahead = 0.0
        if len(self._points) == 2 and self.history.smooth > 1:
            self._ahead = h / (self._points[1][0] - self._points[0][0])
        self._point = self._points[-1][1] if self._points else self._point

    def allowed(self, h: float, order: int) -> float:
        """Return the step that states and charges allow."""
        if self.history is None or not len(self._now):
            return np.inf
        return self.history.allowed(h, order, self._now, self._rate, self.tolerances)

    def accept(self, x: Array, now: Instant) -> None:
        """Keep the point."""
        del x
        self._count = 0
        if self.history is None or self._formula is None or self._point is None:
            return
        self.history.push(now.time, np.zeros(1), self._now, self._rate)
        self._points = [*self._points[-1:], (now.time, self._point)]
        self._side = self._sides()
        self._formula = None

    def abrupt(self, x: Array) -> bool:
        """Return whether a device got over a jump of its rate, or a state to its bound."""
        del x
        return self._formula is not None and bool((self._sides() != self._side).any())

    def _sides(self) -> Array:
        """Return on which side of its bounds every state is, and of its jumps every device."""
        count = self.cells.state.size
        y = self._now[:count]
        found = [np.where(y >= 1.0, 1.0, np.where(y <= 0.0, -1.0, 0.0))]
        device, at = getattr(self.cells, "device", None), self._point
        if device is not None and at is not None:
            v = device.polarity * self.cells.device_voltage(  # type: ignore[attr-defined]
                at.word, at.bit, at.point
            )
            found += [np.where(v < jump, -1.0, 1.0).ravel() for jump in device.jumps()]
        return np.concatenate(found)

    def corner(self, time: float) -> None:
        """Do not extrapolate over a corner."""
        del time
        if self.history is not None:
            self.history.corner()

    def rewind(self) -> None:
        """Go back to the point accepted last."""
        self._key = ()
        self._formula = None
        if self._points:
            self._point = self._points[-1][1]

    # -- evaluation ------------------------------------------------------------------------------

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Solve the array for the voltages of its ends; fill currents and derivatives."""
        volts, gates = x[self.at], x[self.gate_at]
        key = (volts.tobytes(), gates.tobytes(), now.mode, self._turn)
        if key != self._key:
            gate = self.cells.gates(gates) if len(gates) else self.cells.gates()
            point = self._solve(self._sources(volts), gate, now.mode)
            self._point, self._key = point, key
            self._count += 1
            if self._formula is not None:
                self._now = self._stored()
                rate = self._formula.a * self._now + self._formula.offset
                # at a bound a state rests, whatever its formula lacks
                states = self._now[:self.cells.state.size]
                rate[:len(states)][(states <= 0.0) | (states >= 1.0)] = 0.0
                self._rate = rate
            self._derive(point, gate)
        if self._point is None:
            raise AssertionError("a point was just solved")
        out.f[:, 0] = -np.concatenate([
            e for e, tied in zip(self._point.ends, self._tied, strict=True) if tied
        ])
        out.g[:, 0] = self._jacobian.ravel()

    def _sources(self, volts: Array) -> Sources:
        found, at = [], 0
        for count, tied in zip(self._lines, self._tied, strict=True):
            found.append(np.ascontiguousarray(volts[at:at + count]) if tied else np.zeros(count))
            at += count if tied else 0
        return found[0], found[1], found[2], found[3]

    def _solve(self, sources: Sources, gate: Array, mode: str) -> Operating:
        formula, last = self._formula, self._point
        # where Newton's iteration is slow, an end may draw much less than the largest current
        rtol = self.rtol if self._count < _SLOW else _TIGHT
        try:
            if formula is None or mode == "dc" or last is None:
                return approach(self.network, sources, gate, self.state, last, _TIGHT)
            base, companions = self._companions(formula)
            guess = Guess(last.point.state, last.point.inner, last.u, last.w)
            if self._count == 0 and self._ahead:
                high = self.low + self.span
                guess = predict(last, self._points[0][1], self._ahead, self.low, high)
            return self.network.solve(
                sources, gate, base=base, step=1.0 / formula.a, **guess._asdict(), rtol=rtol,
                companions=companions, scale=self.abstol / rtol,
            )
        except ConvergenceError as error:
            raise ConvergenceError(f"{self.names[0]}: {error}") from error

    def _companions(self, formula: Formula) -> tuple[Array, Companions | None]:
        """Return the states' base of a step, and capacitors as conductances."""
        count = self.cells.state.size
        before = (formula.offset[:count] / -formula.a).reshape(self.cells.state.shape)
        base = self.low + self.span * before
        if not self.stores:
            return base, None
        parts = formula.offset[count:].reshape(3, *self.xbar.shape)
        pairs = []
        for farad, offset in zip(self.farad, parts, strict=True):
            k = formula.a * farad
            pairs.append((k, np.where(k > 0.0, -offset / np.where(k > 0.0, k, 1.0), 0.0)))
        return base, Companions(pairs[0], pairs[1], pairs[2])

    def _stored(self, *, empty: bool = False) -> Array:
        """Return states, as shares of their ranges, and charges at the present point."""
        at = self._point
        state = self.state if at is None else at.point.state
        found = [((state - self.low) / self.span).ravel()]
        if self.stores:
            volts = [np.zeros(self.xbar.shape)] * 3
            if at is not None and not empty:
                volts = [at.word, at.bit, at.word - at.bit]
            found += [(c * v).ravel() for c, v in zip(self.farad, volts, strict=True)]
        return np.concatenate(found)

    # -- derivatives -----------------------------------------------------------------------------

    def _derive(self, at: Operating, gate: Array) -> None:
        """Renew the derivatives of the end currents if need be."""
        gu, gw = at.point.by_word, at.point.by_bit
        alike = gu is gw
        rate = self._formula.a if self.stores and self._formula is not None else 0.0
        size = np.array([float(gu.sum() + gw.sum()), rate])
        changed = (np.abs(size - self._size) > _CHANGED * np.abs(self._size)).any()
        slow = self._count >= _SLOW and self._count % _SLOW == 0
        if not (changed or slow):
            return
        self._size = size
        mean = np.maximum(gu if alike else 0.5 * (gu + gw), 0.0) + rate * self.farad[2]
        if self.problem.parallel or (self._count >= _SLOWER and (not alike or self.stores)):
            self._tangents(at, gate)
            return
        reduced = PortReduction.of(replace(self.problem, G=mean), keep_rows=False)
        self._jacobian[:] = 0.0
        self._jacobian[:, :len(self.at)] = reduced.laplacian(self._tied)
        if rate:
            count = len(self.at)
            self._jacobian[range(count), range(count)] += self._loads(rate)

    def _loads(self, rate: float) -> Array:
        """Return the conductance by which the lines' capacitors load every end, (P,) siemens."""
        lines = self.network.lines
        found = []
        for k, family, farad in (
            (0, lines.words, lines.as_words(self.farad[0])), (2, lines.bits, self.farad[1].T),
        ):
            both = self._tied[k] and self._tied[k + 1]
            shares = 0.5 * rate * farad if both else rate * farad
            for end, r, c in ((k, family.r, shares), (k + 1, family.r[:, ::-1], shares[:, ::-1])):
                if not self._tied[end]:
                    continue
                load = np.zeros(len(r))
                for j in reversed(range(c.shape[1])):  # from the far end inwards
                    load = load + c[:, j]
                    load = load / (1.0 + np.minimum(r[:, j], _BROKEN) * load)
                found.append(load)
        return np.concatenate(found)

    def _tangents(self, at: Operating, gate: Array) -> None:
        """Solve the linearised array for one end after the other, and for the gate lines."""
        lines, step = self.network.lines, self.network.linear
        gu, gw = at.point.by_word, at.point.by_bit
        ground: tuple[Any, Any] = (0.0, 0.0)
        if self.stores and self._formula is not None:
            k = [self._formula.a * c for c in self.farad]
            gu, gw, ground = gu + k[2], gw + k[2], (k[0], k[1])
        by_gate = self.cells.slopes(at.word, at.bit, gate, at.point).gate
        unit = np.eye(len(self.at) + len(self.gate_at))
        for k_, one in enumerate(unit):
            sources = self._sources(one[:len(self.at)])
            base_w, base_b = lines.lift(sources)
            extra = np.zeros(self.xbar.shape)
            if len(self.gate_at):
                extra = by_gate * self.cells.gates(one[len(self.at):])
            u, w = np.zeros(self.xbar.shape), np.zeros(self.xbar.shape)
            for _ in range(3):
                flow = gu * (base_w + u) - gw * (base_b + w) + extra
                law = lines.measure(
                    flow + ground[0] * (base_w + u), flow - ground[1] * (base_b + w), u, w
                )
                if law.total <= max(1e-6 * law.largest, law.noise):
                    break
                du, dw, _ = step.solve(gu, gw, ground, law.res_u, law.res_w, 1e-6)
                u, w = u + du, w + dw
            self._jacobian[:, k_] = -np.concatenate([
                e for e, tied in zip(law.ends, self._tied, strict=True) if tied
            ])

    # -- what results show -----------------------------------------------------------------------

    def hidden_labels(self) -> list[str]:
        """Return names of inner nodes and states."""
        prefix = self.names[0].lower()
        return [shown_label(prefix, n) for n in self._shown]

    def hidden(self, x: Array) -> Array:
        """Return voltages of inner nodes, currents of cells, states as shares of their ranges."""
        del x
        at = self._point
        if at is None or not self._shown:
            return np.zeros(len(self._shown))
        share = (at.point.state - self.low) / self.span
        parts = [at.word, at.bit, at.point.inner, at.point.current, share]
        parts = [p.ravel() for p in parts]
        return np.concatenate(parts)[self._places]
