"""Cells of which a part is a compiled module: small circuits, solved one by one in a compiled loop.

Unknowns of a cell are word, bit, gate and ground, which are given; the node between device and
access element, if there is one; and what the parts have inside. Its states are the device's and,
where its parts store charge, the charges of its rows: a stage of the integrator is
``q = base + c dq/dt`` for both (template `modules/cells`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.compiled.arrays import plain
from ...core.compiled.threads import spread
from ...core.validation import Array
from ...netlists.crossbar.cells import CellPoint
from ..laws.compilation import build
from .access_tables import AccessTable, counting, tabulates
from .instances import Instances

__all__ = ["LocalCells", "Part", "access_cells", "module_cells"]

_SHARE = 64  # cells that are worth a thread
_LINEAR = 0.02  # of the root of rtol: moves after which tangents are good to rtol
# in a time step: moves of the cells' own unknowns that are made together with those of the nodes
_TOGETHER = 3e-3
_GIVEN = 4
_MANY = 2048  # cells that are worth kernels for cells of their size
WORD, BIT, GATE, GROUND, MIDDLE = range(5)


@dataclass(frozen=True, eq=False)
class Part:
    """A device or an access element in a cell.

    Attributes
    ----------
    templates : tuple of str
    law : str
        Source of a law; "" for a module.
    parameters : (K, 1 or n)
        Of a law; no rows for a module.
    instances : Instances, optional
        Of a module.
    where : (k,) int
        The cell's unknown of each of the part's: terminals, then what is inside.
    names : tuple of str
        Of the unknowns that are the part's own.
    kinds : (k,) int
        Of the part's unknowns: 1 a potential, 0 a state, -1 a flow.
    charged : (k,) bool
    memory : tuple of (int, int, float)
        Row, column (of the part's unknowns; -1: none) and scale of its states.
    grounded : bool
        Currents of its terminals do not add up to 0 between word and bit.
    """

    templates: tuple[str, ...]
    law: str
    parameters: Array
    instances: Instances | None
    where: NDArray[np.int64]
    kinds: NDArray[np.int64]
    charged: NDArray[np.bool_]
    memory: tuple[tuple[int, int, float], ...]
    grounded: bool


def _module_part(
    instances: Instances, ends: Sequence[int], own: int, kinds: NDArray[np.int64],
    charged: NDArray[np.bool_], memory: tuple[tuple[int, int, float], ...], kind: str, *,
    grounded: bool
) -> Part:
    count = instances.count
    where = np.array([*ends, *range(own, own + count - len(ends))], dtype=np.int64)
    return Part(
        (f"modules/{kind}_module",), "", np.zeros((0, 1)), instances, where, kinds, charged, memory,
        grounded,
    )


_NONE = Part(
    ("modules/access_module",), "", np.zeros((0, 1)), None, np.zeros(0, dtype=np.int64),
    np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool), (), False,
)


def _device_part(device: Any, shape: tuple[int, int], ends: tuple[int, int], own: int) -> Part:
    """Return a device, a module or one of laws, from the cell's unknown ends[0] to ends[1]."""
    if hasattr(device, "instances"):
        turned = ends if device.polarity > 0 else ends[::-1]
        equations = device.equations
        memory = tuple((m.row, m.column, m.scale) for m in equations.memory)
        return _module_part(
            device.instances, turned, own, device.kinds(), equations.charged, memory, "device",
            grounded=not equations.symmetric,
        )
    S = len(device.states)
    where = np.array([*ends, *range(own, own + S)], dtype=np.int64)
    return Part(
        ("modules/device_law",), device.law(), device.flat(device.parameter_array, shape), None,
        where, np.array([1, 1, *[0] * S], dtype=np.int64), np.zeros(2 + S, dtype=bool),
        tuple((2 + s, 2 + s, 1.0) for s in range(S)), False,
    )


def module_cells(device: Any, shape: tuple[int, int]) -> LocalCells:
    """Return what evaluates an array of modules alone."""
    part = _device_part(device, shape, (WORD, BIT), _GIVEN)
    return LocalCells(device, part, _NONE, shape)


def access_cells(
    device: Any, transistor: Any, shape: tuple[int, int], *, word_side: bool, tables: bool = True
) -> LocalCells:
    """Return what evaluates devices in series with transistors, of which one is a module.

    `tables`: transients may read the transistor from tables, where that is possible.
    """
    ends = (MIDDLE, BIT) if word_side else (WORD, MIDDLE)
    part = _device_part(device, shape, ends, MIDDLE + 1)
    own = MIDDLE + 1 + len(part.where) - 2
    drain, source = (WORD, MIDDLE) if word_side else (MIDDLE, BIT)
    if not hasattr(transistor, "instances"):
        P = transistor.parameter_array
        access = Part(
            ("modules/access_law",), transistor.law(),
            np.ascontiguousarray(P.reshape(len(P), -1)), None,
            np.array([drain, source], dtype=np.int64), np.ones(2, dtype=np.int64),
            np.zeros(2, dtype=bool), (), False,
        )
        return LocalCells(device, part, access, shape)
    terminals = (drain, GATE, source, GROUND)[: len(transistor.module.terminals)]
    instances, equations = transistor.instances, transistor.equations
    records = [transistor.module.nodes[k] for k in instances.live]
    kinds = np.array(
        [-1 if r.is_flow or not r.units else int(r.units == "V") for r in records], dtype=np.int64
    )
    access = _module_part(
        instances, terminals, own, kinds, equations.charged, (), "access", grounded=True
    )
    T = len(terminals)
    if not counting(instances, T, equations.memory):
        access = replace(
            access, where=access.where[:T], kinds=kinds[:T], charged=access.charged[:T]
        )
    if tables and tabulates(instances, len(access.where)):
        access = replace(access, templates=("modules/access_table",))
    return LocalCells(device, part, access, shape)


class LocalCells:
    """Evaluates the cells of an array, each a small circuit.

    Parameters
    ----------
    device : Device
    part, access : Part
    shape : (int, int)
    """

    def __init__(
        self, device: Any, part: Part, access: Part, shape: tuple[int, int]
    ) -> None:
        self.shape, self.part, self.access = shape, part, access
        size = 1 + max([GROUND, *part.where, *access.where])
        self.volt = np.ones(size, dtype=np.int64)
        charged = np.zeros(size, dtype=bool)
        for each in (part, access):
            inside = each.where >= _GIVEN
            self.volt[each.where[inside]] = each.kinds[inside]
            np.logical_or.at(charged, each.where, each.charged)
        if size > MIDDLE and access is not _NONE:
            self.volt[MIDDLE] = 1
        charged[[GATE, GROUND]] = False  # their currents are no part of the array's
        memory = [(int(part.where[r]), int(part.where[c]) if c >= 0 else -1, scale)
                  for r, c, scale in part.memory]
        self.memory = np.full(size, -1, dtype=np.int64)
        for s, (row, _, _) in enumerate(memory):
            self.memory[row] = s
        self.column = np.array([c for _, c, _ in memory], dtype=np.int64)
        self.scale = np.array([f for _, _, f in memory])
        rows = [r for r in np.flatnonzero(charged) if self.memory[r] < 0]
        self.charge = np.full(size, -1, dtype=np.int64)
        self.charge[rows] = len(memory) + np.arange(len(rows))
        self.charges = len(rows)
        states = set(self.column.tolist())
        self.inside = np.array([r for r in range(_GIVEN, size) if r not in states], dtype=np.int64)
        # modules with nodes inside may have several solutions
        inner = [k for k in part.where if k >= _GIVEN and k != MIDDLE and part.instances]
        self.folds = any(self.volt[k] > 0 for k in inner)
        self.grounded = part.grounded or access.grounded
        low, high = (device.flat(b, shape) for b in device.bounds())
        n = max(low.shape[1], high.shape[1])
        self.low, self.high = (
            np.ascontiguousarray(np.concatenate([
                np.broadcast_to(b, (len(memory), n)), np.full((self.charges, n), end)
            ])) for b, end in ((low, -np.inf), (high, np.inf))
        )
        self.sign = float(device.polarity)
        self.table: AccessTable | None = None
        self._open_table(0.0)

    def _open_table(self, rtol: float) -> None:
        if self.access.templates == ("modules/access_table",):
            self.table = AccessTable(rtol)

    def tabulated(self, rtol: float) -> LocalCells:
        """Return what evaluates the same cells in a run, whose transistors may come from tables.

        `rtol` is what the run's Newton iteration may miss.
        """
        if self.table is None:
            return self
        other = copy.copy(self)
        other._open_table(rtol)  # noqa: SLF001 - a copy of this one
        return other

    @property
    def evidence(self) -> str:
        """How tables did; empty without tables."""
        return "" if self.table is None else str(self.table)

    @cached_property
    def kernels(self) -> ModuleType:
        """The compiled loops."""
        laws = "\n\n".join(p.law for p in (self.part, self.access) if p.law)
        return build(laws, (
            "device", "modules/frame", "modules/cells",
            *self.part.templates, *self.access.templates,
        ), size=len(self.volt) if self.shape[0] * self.shape[1] >= _MANY else 0)

    def extended(self, state: Array) -> Array:
        """Return states (S, M, N) with those of charges behind them, at 0 where they are new."""
        count = len(self.scale)
        if len(state) == count + self.charges:
            return state
        return np.concatenate([state, np.zeros((self.charges, *self.shape))])

    @property
    def terminal_charges(self) -> tuple[int, int]:
        """The states that are charges at word and bit node, or -1."""
        return int(self.charge[WORD]), int(self.charge[BIT])

    def _parts(self, read: Array | None = None) -> tuple[Any, ...]:
        """Return both parts as kernels take them; `read`: what the access element's tables take."""
        found: list[Any] = []
        for each in (self.part, self.access):
            images, length = np.zeros((1, 0)), 0
            if each.instances is not None:
                images, length = each.instances.images, each.instances.length
            found += [each.parameters, images, length, each.where]
        if self.table is not None:
            found[4] = self._asked if read is None else read
        return (self.sign, *found)

    @cached_property
    def _asked(self) -> Array:
        """What tables take where the module itself is to be asked, of all cells."""
        return np.full((8, self.shape[0] * self.shape[1]), -1.0)

    def _read(self, u: Array, w: Array, gate: Array, inner: Array) -> Array | None:
        """Return what tables take at these guesses, tiles made."""
        if self.table is None:
            return None
        inside = list(self.inside)
        rows = np.array([
            {WORD: -1, BIT: -2}.get(k, inside.index(k) if k in inside else 0)
            for k in self.access.where[[0, 2]].tolist()
        ], dtype=np.int64)
        return self.table.fill(
            self.kernels, u, w, gate, inner, rows, self.access.instances
        )

    def _rows(self) -> tuple[Any, ...]:
        return (self.memory, self.scale, self.column, self.charge, self.volt, self.inside)

    def _guess(self, inner: Array, n: int) -> Array:
        count = len(self.inside)
        if count and inner.ndim == 3:
            return np.array(inner.reshape(count, n))
        found = np.zeros((count, n))
        if count:
            found[self.volt[self.inside] > 0] = inner.ravel()
        return found

    def evaluate(
        self, u: Array, w: Array, gate: Array, *, base: Array, step: float, state: Array,
        inner: Array, threads: int, rtol: float, together: bool
    ) -> CellPoint:
        """Return the cells at word and bit voltages u, w (M, N); see `Cells`.

        `together` with the nodes' voltages, their own unknowns need not be solved for in a time
        step: `CellPoint.loose` says so.
        """
        n, S, count = u.size, len(state), len(self.inside)
        x, y = np.array(state.reshape(S, n)), self._guess(inner, n)
        i, into, gu, gw, ku, kw = (np.empty(n) for _ in range(6))
        by_u, by_w = np.empty((count + S, n)), np.empty((count + S, n))
        stays = np.ones((S, n)) if self.charges else np.empty((S, n))
        kernel = self.kernels.cells
        linear = _LINEAR * float(np.sqrt(rtol))
        enough = max(linear, _TOGETHER) if together and step > 0.0 else linear
        moved = np.zeros(n)
        read = self._read(u, w, gate, y) if step > 0.0 else None
        arguments = (
            *(plain(a).ravel() for a in (u, w, gate)), plain(base).reshape(S, n), float(step),
            self.low, self.high, x, y, self.folds and step == 0.0, enough,
            *self._parts(read), *self._rows(), i, into, gu, gw, ku, kw, by_u, by_w, stays, moved,
        )
        parts = max(1, min(threads, n // _SHARE))
        bads = spread(
            lambda k: int(kernel(n * k // parts, n * (k + 1) // parts, *arguments)), parts, parts
        )
        bad = next((b for b in bads if b >= 0), -1)
        out, fed, a, b, c, d = (each.reshape(self.shape) for each in (i, into, gu, gw, ku, kw))
        if self.access is _NONE and not self.grounded:
            b = a
        if not count:  # `inner` has at least one row
            y, by_u, by_w = (np.concatenate([np.zeros((1, n)), r]) for r in (y, by_u, by_w))
        return CellPoint(
            out, a, b, y.reshape(-1, *self.shape), x.reshape(state.shape),
            by_u.reshape(-1, *self.shape), by_w.reshape(-1, *self.shape), int(bad),
            into=fed if self.grounded else None, word_ground=c if self.grounded else None,
            bit_ground=d if self.grounded else None,
            stays=stays.reshape(state.shape) if self.charges else None,
            loose=together and bool(moved.max() > linear),
        )

    def _rest(
        self, u: Array, w: Array, gate: Array, point: CellPoint, *, only_rates: bool
    ) -> tuple[Array, ...]:
        n, S, D = u.size, len(point.state), len(self.scale)
        count = len(self.inside)
        out = np.zeros((D, n)), np.zeros((D, n)), np.zeros(n), np.zeros((D, n)), np.zeros(n)
        self.kernels.rest_of(
            *(plain(a).ravel() for a in (u, w, gate)), plain(point.state).reshape(S, n),
            plain(point.inner).reshape(-1, n)[:count], *self._parts(), *self._rows(), only_rates,
            *out,
        )
        return out

    def rates(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return dx/dt (S, M, N) at a static point, where charges are at rest."""
        found = np.zeros(point.state.shape)
        rate = self._rest(u, w, np.zeros(self.shape), point, only_rates=True)[0]
        found[: len(self.scale)] = rate.reshape(-1, *self.shape)
        return found

    def slopes(
        self, u: Array, w: Array, gate: Array, point: CellPoint
    ) -> tuple[Array, Array, Array | None, Array | None]:
        """Return di/dx (S, M, N) and di/dgate (M, N), and those of the current into the bit node.

        The latter are None where they are the same.
        """
        _, state, by_gate, state_b, gate_b = self._rest(u, w, gate, point, only_rates=False)
        D = len(self.scale)
        full, full_b = np.zeros(point.state.shape), np.zeros(point.state.shape)
        full[:D], full_b[:D] = (a.reshape(D, *self.shape) for a in (state, state_b))
        if not self.grounded:
            return full, by_gate.reshape(self.shape), None, None
        return full, by_gate.reshape(self.shape), full_b, gate_b.reshape(self.shape)

    def device_voltage(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return the voltage across every device, (M, N)."""
        ends = self.part.where[:2] if self.sign > 0 or self.part.law else self.part.where[1::-1]
        volts = []
        for end in ends:
            if end == WORD:
                volts.append(u)
            elif end == BIT:
                volts.append(w)
            else:
                volts.append(point.inner[list(self.inside).index(end)])
        return volts[0] - volts[1]
