"""The compiled circuit: one fixed sparse pattern, filled by groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, Unpack

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from ....core.validation import Array
from ....netlists.circuit import Circuit
from .builder import Builder
from .element_group import Bools, ElementGroup, Instant, Ints, Stage, Stamp
from .kernels_assembly import combine, gather, leaked, products, scatter, scatter_largest
from .pattern import pattern
from .shunts import shunts
from .stored_charges import StoredCharges
from .tolerances import Tolerances

__all__ = ["System"]


class System:
    """f(x, t) + d/dt q(x, t) = 0 of a circuit.

    `evaluate` fills `f` and `q`; `jacobian(a)` then returns the entries of G + a C, both at the
    point evaluated. Vectors have n + 1 entries, ground last.

    Parameters
    ----------
    circuit : Circuit
    temperature : float, kelvin, optional
        Instead of the circuit's.
    wanted : sequence of str
        Names that results are to show beyond the unknowns.

    Attributes
    ----------
    size : int
        Unknowns n.
    index : dict
        Node -> unknown, also of ground (-1).
    groups : list of ElementGroup
    linear : bool
        Whether G and C are constant.
    shown : list of str
        The labels of the unknowns, then of those that groups keep to themselves, see `whole`.
    f, q : (n + 1,) arrays
    charges : StoredCharges
        Where each element's charge counts; `stored` returns them.
    indptr, indices : arrays
        The pattern of the Jacobian, compressed columns.
    leak, goal : (n + 1,) arrays
        Conductances from unknowns to fixed values, siemens and volt: for homotopies and for
        initial conditions; ``f += leak (x - goal)``.
    """

    def __init__(
        self, circuit: Circuit, temperature: float | None = None, wanted: Sequence[str] = (),
    ) -> None:
        self.options = {k.lower(): v for k, v in circuit.options.items()}
        kelvin = circuit.temperature if temperature is None else temperature
        self.circuit = circuit
        self.temperature = float(kelvin)
        self.tolerances = Tolerances.of(self.options)
        builder = Builder(circuit, self.temperature, self.options, wanted)
        self.groups: list[ElementGroup] = builder.groups()
        self.nodes, self.branches, self.labels = builder.nodes, builder.branches, builder.labels
        self.index = builder.index
        plain = ElementGroup.hidden_labels
        self._apart = [g for g in self.groups if type(g).hidden_labels is not plain]
        self.shown = [*self.labels, *(label for g in self._apart for label in g.hidden_labels())]
        self.groups += shunts(builder)
        self.size = len(self.labels)
        self.units = np.array(builder.units)
        self.row_units = np.array(builder.row_units)
        self.f, self.q = np.zeros(self.size + 1), np.zeros(self.size + 1)
        self.leak, self.goal = np.zeros(self.size + 1), np.zeros(self.size + 1)
        self._leaking = False
        self._compile()

    # -- the pattern -----------------------------------------------------------------------------

    def _compile(self) -> None:
        n = self.size
        self.active = [g for g in self.groups if g.f_rows.size or g.q_rows.size]
        self.sourced = [g for g in self.groups if g.source_rows.size]
        lin_g = _joined([t for g in self.groups for t in g.linear_g()])
        lin_c = _joined([t for g in self.groups for t in g.linear_c()])
        kcl = np.flatnonzero(self.row_units == "A")
        parts = [
            (lin_g[0], lin_g[1]), (lin_c[0], lin_c[1]),
            *(tuple(_flat(self.active, [at[k] for at in ats]) for k in (0, 1)) for ats in (
                [g.g_at for g in self.active], [g.c_at for g in self.active],
            )),
            (kcl, kcl),
        ]
        rows, columns = (np.concatenate([p[k] for p in parts]) for k in (0, 1))
        self.indptr, self.indices, every = pattern(rows, columns, n)
        self.nnz = len(self.indices)
        ends = np.cumsum([0, *(len(p[0]) for p in parts)])
        slot = [every[a:b] for a, b in pairwise(ends)]
        self._g_slots, self._c_slots, self._diagonal = slot[2].copy(), slot[3].copy(), slot[4]
        self._kcl = kcl
        self.g_linear = _placed(slot[0], lin_g[2], self.nnz)
        self.c_linear = _placed(slot[1], lin_c[2], self.nnz)
        self._has_g = bool(self.g_linear.any())
        self._has_c = bool(self.c_linear.any())
        self.data = np.zeros(self.nnz + 1)
        self.linear = not self.active
        self._allocate()

    def _allocate(self) -> None:
        n = self.size
        sizes = {
            "f": [g.f_rows.shape for g in self.active], "q": [g.q_rows.shape for g in self.active],
            "g": [g.g_at[0].shape for g in self.active],
            "c": [g.c_at[0].shape for g in self.active],
        }
        views: dict[str, list[Array]] = {}
        for name, shapes in sizes.items():
            ends = np.cumsum([0, *(int(np.prod(s)) for s in shapes)])
            flat = np.zeros(ends[-1])
            setattr(self, f"_{name}_values", flat)
            views[name] = [
                flat[a:b].reshape(s, order=_layout(g))
                for g, a, b, s in zip(self.active, ends[:-1], ends[1:], shapes, strict=True)
            ]
        self._f_values: Array
        self._q_values: Array
        self._g_values: Array
        self._c_values: Array
        self._stamps = [
            Stamp(*parts)
            for parts in zip(views["f"], views["q"], views["g"], views["c"], strict=True)
        ]
        self._f_slots = _grounded(_flat(self.active, [g.f_rows for g in self.active]), n)
        q_rows = _flat(self.active, [g.q_rows for g in self.active])
        self._q_slots = _grounded(q_rows, n)
        self.charges = StoredCharges(self.groups, q_rows)
        rows = [g.source_rows for g in self.sourced]
        ends = np.cumsum([0, *(len(r) for r in rows)])
        self._source_slots = _grounded(_flat(self.sourced, rows), n)
        self._source_values = np.zeros(ends[-1])
        self._source_views = [
            self._source_values[a:b] for a, b in pairwise(ends)
        ]
        self._source_f = np.zeros(n + 1)
        self._source_key: tuple[float, float, bool] | None = None

    # -- evaluation ------------------------------------------------------------------------------

    def instant(self, **changes: Unpack[Stage]) -> Instant:
        """Return the conditions of an evaluation."""
        return Instant(temperature=self.temperature, gmin=self.tolerances.gmin, **changes)

    def touch(self) -> None:
        """Have sources evaluated anew: a value has changed."""
        self._source_key = None

    @property
    def keeps_apart(self) -> bool:
        """Whether groups have unknowns of their own that results show."""
        return bool(self._apart)

    def own_stamps(self) -> list[tuple[ElementGroup, Stamp]]:
        """Return the groups that are evaluated, each with what it fills."""
        return list(zip(self.active, self._stamps, strict=True))

    def stamps(
        self, f: Array, q: Array, g: Array, c: Array
    ) -> list[tuple[ElementGroup, Stamp]]:
        """Return the groups that are evaluated, each with what it fills of other arrays."""
        found: list[list[Array]] = []
        for name, flat in zip("fqgc", (f, q, g, c), strict=True):
            parts, first = [], 0
            for group, stamp in zip(self.active, self._stamps, strict=True):
                shape = getattr(stamp, name).shape
                end = first + math.prod(shape)
                parts.append(flat[first:end].reshape(shape, order=_layout(group)))
                first = end
            found.append(parts)
        return [(group, Stamp(*parts)) for group, *parts in zip(self.active, *found, strict=True)]

    @property
    def source(self) -> Array:
        """What sources put into f, (n + 1,)."""
        return self._source_f

    def drive(self, now: Instant) -> None:
        """Fill what sources put into f."""
        key = (now.time, now.scale, now.waves)
        if key == self._source_key:
            return
        for group, view in zip(self.sourced, self._source_views, strict=True):
            group.sources(now, view)
        self._source_f[:] = 0.0
        scatter(self._source_slots, self._source_values, self._source_f)
        self._source_key = key

    def evaluate(self, x: Array, now: Instant) -> None:
        """Fill `f` and `q` at x, and what `jacobian` needs."""
        f, q = self.f, self.q
        self.fill(x, now)
        products(
            self.indptr, self.indices, self.g_linear, self.c_linear, x, self._source_f, f, q
        )
        if self.active:
            scatter(self._f_slots, self._f_values, f)
            scatter(self._q_slots, self._q_values, q)
        if self._leaking:
            leaked(self.leak, self.goal, x, f)
        f[-1] = q[-1] = 0.0

    def fill(self, x: Array, now: Instant) -> None:
        """Evaluate sources and groups at x, without putting their parts together."""
        if self.sourced:
            self.drive(now)
        for group, stamp in zip(self.active, self._stamps, strict=True):
            group.evaluate(x, now, stamp)

    def parts(self) -> tuple[Any, ...]:
        """Return what `kernels_newton.newton_step` puts together: its arguments up to `data`."""
        return (
            self.indptr, self.indices, self.g_linear, self.c_linear, self._source_f, self.f,
            self.q, self._f_slots, self._f_values, self._q_slots, self._q_values, self._g_slots,
            self._g_values, self._c_slots, self._c_values, self.data,
        )

    def set_leak(self, leak: Array | float, goal: Array | float = 0.0) -> None:
        """Tie the unknowns with Kirchhoff's law to `goal`; 0 ends it."""
        self.leak[self._kcl] = leak if np.ndim(leak) == 0 else np.asarray(leak)[self._kcl]
        self.goal[self._kcl] = goal if np.ndim(goal) == 0 else np.asarray(goal)[self._kcl]
        self._leaking = bool(self.leak.any())

    @property
    def leaking(self) -> bool:
        """Whether unknowns are tied to fixed values."""
        return self._leaking

    def stages(self) -> Ints:
        """Return for every column 0 where it is constant, 1 where it has C, 2 where it varies."""
        found = np.zeros(self.size, dtype=np.int64)
        column = np.repeat(np.arange(self.size), np.diff(self.indptr))
        found[column[self.c_linear != 0.0]] = 1
        for slots in (self._g_slots, self._c_slots):
            found[column[slots[slots < self.nnz]]] = 2
        return found

    def beside_poles(self) -> Ints:
        """Return the unknowns on which laws depend that may have poles."""
        found = [
            at[1].ravel() for g in self.active if not g.without_poles for at in (g.g_at, g.c_at)
        ]
        every = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *found]))
        return every[every >= 0]

    def fixed_entries(self) -> Bools:
        """Return which entries of the Jacobian are the same always, (nnz,)."""
        found: Bools = np.equal(self.c_linear, 0.0)
        for slots in (self._g_slots, self._c_slots):
            found[slots[slots < self.nnz]] = False
        return found

    @property
    def constant(self) -> bool:
        """Whether the matrix depends on nothing but a."""
        return self.linear and not self._leaking

    def jacobian(self, a: float = 0.0) -> Array:
        """Return the entries of G + a C at the point of the last `evaluate`, (nnz,)."""
        combine(
            self.g_linear, self.c_linear, a, self._g_slots, self._g_values, self._c_slots,
            self._c_values, self.data,
        )
        if self._leaking:
            self.data[self._diagonal] += self.leak[self._kcl]
        return self.data[:-1]

    def limited(self) -> bool:
        """Whether any element was limited in the last evaluation."""
        return any(g.limited.size and g.limited.any() for g in self.active)

    def limited_names(self) -> list[str]:
        """Return the elements that were limited in the last evaluation, and why where known."""
        return [
            f"{g.names[k]}{g.explain(int(k))}"
            for g in self.active if g.limited.size for k in np.flatnonzero(g.limited)
        ]

    def limited_rows(self) -> list[int]:
        """Return the rows of these elements, without repetitions."""
        rows = [
            g.f_rows[:, k] for g in self.active if g.limited.size and g.f_rows.size
            for k in np.flatnonzero(g.limited)
        ]
        return [int(k) for k in dict.fromkeys(np.concatenate(rows).tolist()) if k >= 0] if (
            rows
        ) else []

    def terms(self, x: Array, a: float = 0.0) -> Array:
        """Return the magnitude of the largest term of f + a q in every row, (n + 1,).

        A term is one element's current or one charge times a: charges that cancel leave a
        residual that rounds with them, not with their sum.
        """
        out = np.abs(self._source_f)
        if a:
            held = np.zeros_like(out)
            if self._has_c:
                gather(self.indptr, self.indices, self.c_linear, x, held)
            if self.active:
                scatter_largest(self._q_slots, self._q_values, held)
            np.maximum(out, abs(a) * held, out=out)
        if self._has_g:
            gather(self.indptr, self.indices, self.g_linear, x, out)
        if self.active:
            scatter_largest(self._f_slots, self._f_values, out)
        if self._leaking:
            np.maximum(out, self.leak * (np.abs(x) + np.abs(self.goal)), out=out)
        return out

    def stored(self, x: Array) -> Array:
        """Return q, (n + 1,), and each element's charge, (K,), one array; x was evaluated last."""
        n = self.size + 1
        found = np.empty(n + len(self.charges.rows))
        found[:n] = self.q
        self.charges.fill(x, self._q_values, found[n:])
        return found

    def whole(self, x: Array) -> Array:
        """Return x with the unknowns that groups keep to themselves, like `shown`; ground last.

        x is the point evaluated last.
        """
        if not self._apart:
            return x
        return np.concatenate([x[:-1], *(g.hidden(x) for g in self._apart), np.zeros(1)])

    # -- for small-signal analyses ---------------------------------------------------------------

    def matrix(self, values: Array) -> csc_array:
        """Return entries in the pattern as a matrix."""
        return csc_array((values, self.indices, self.indptr), shape=(self.size, self.size))

    def linearise(self, x: Array, now: Instant | None = None) -> tuple[csc_array, csc_array]:
        """Return (G, C), df/dx and dq/dx at x (n + 1,), without limiting."""
        now = (now or self.instant()).but(limit=False, initialise=False)
        self.evaluate(x, now)
        g = np.array(self.jacobian(0.0))
        c = self.c_linear + _placed(self._c_slots, self._c_values, self.nnz)
        return self.matrix(g), self.matrix(c)

    # -- the course of a solution ----------------------------------------------------------------

    def start(self) -> None:
        """Forget all earlier voltages."""
        self.touch()
        for group in self.groups:
            group.start()

    def accept(self, x: Array, now: Instant) -> None:
        """Tell the groups that x is a point of the result."""
        for group in self.groups:
            group.accept(x, now)

    def rewind(self) -> None:
        """Tell the groups that the step was refused."""
        self.touch()
        for group in self.groups:
            group.rewind()


def _layout(group: ElementGroup) -> Literal["C", "F"]:
    return "F" if group.by_element else "C"


def _flat(groups: list[ElementGroup], parts: list[Ints]) -> Ints:
    """Return the rows of groups one after the other, in the layout of their stamps."""
    if not parts:
        return np.zeros(0, dtype=np.int64)
    return np.concatenate([
        np.ravel(p, order=_layout(g)) for g, p in zip(groups, parts, strict=True)
    ]).astype(np.int64)


def _placed(slots: Ints, values: Array, count: int) -> Array:
    """Return sums of values by slot; slot `count` takes what belongs nowhere."""
    return np.asarray(np.bincount(slots, values, count + 1)[:count], dtype=np.float64)


def _grounded(rows: Ints, n: int) -> Ints:
    return np.where(rows < 0, n, rows)


def _joined(triplets: list[Any]) -> tuple[Ints, Ints, Array]:
    found: list[list[NDArray[Any]]] = [[], [], []]
    for triplet in triplets:
        for kept, part in zip(found, np.broadcast_arrays(*triplet), strict=True):
            kept.append(np.ravel(part))
    empty = [np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0)]
    rows, columns, values = (
        np.concatenate([e, *part]) for e, part in zip(empty, found, strict=True)
    )
    return rows.astype(np.int64), columns.astype(np.int64), values
