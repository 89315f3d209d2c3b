"""Which unknowns of a module are states: read off its equations, not its text.

The equations are f(y) + dq(y)/dt = 0, a row for every live unknown. A row with a charge q is either
electrical, a node of a network between the terminals whose charge settles in a static solution, or
memory: an unknown with a branch to ground of its own (``I(w) <+ ddt(V(w)) - rate``) or of ``idt``,
which a static solution leaves where it is. The two differ by Kirchhoff's law: currents of all nodes
of a network add up to 0, whatever the voltages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.errors import ParameterError
from ...core.validation import Array
from .instances import IN_TIME, Instances, Probe

__all__ = ["Equations", "Memory", "analyse", "at_rest"]

_NEAR = 1e-7
_POINTS = 3
_CORNERS = 24


@dataclass(frozen=True)
class Memory:
    """A state of a module.

    Attributes
    ----------
    name : str
        Of the unknown that it is, or of its row.
    row : int
        Of its equation.
    column : int
        The unknown that it is, where its charge is `scale` times that; else -1, and the state is
        the charge itself.
    scale : float
        Charge over state.
    """

    name: str
    row: int
    column: int
    scale: float


@dataclass(frozen=True, eq=False)
class Equations:
    """What a module's rows are.

    Attributes
    ----------
    memory : tuple of Memory
    charged : (n,) bool
        Rows with a charge, terminals' among them, which are no memory.
    conserved : bool
        The terminals' currents add up to 0.
    symmetric : bool
        Only differences of the terminals' voltages count.
    flow : (n,) bool
        Unknowns that are no potentials.
    """

    memory: tuple[Memory, ...]
    charged: NDArray[np.bool_]
    conserved: bool
    symmetric: bool
    flow: NDArray[np.bool_]


def analyse(
    instances: Instances, whose: str, chosen: tuple[str, ...] | None, around: Array
) -> Equations:
    """Read the equations off the module at a few points, its unknowns near `around` (n,).

    `chosen` names the states instead.

    Raises
    ------
    ParameterError
        The module keeps values between evaluations, reads the time, has no such unknown, or
        computes no numbers.
    """
    frame = instances.frame()
    rng = np.random.default_rng(7)
    n, T = instances.count, len(instances.module.terminals)
    points = []
    for _ in range(_POINTS):
        z = np.where(around != 0.0, around * rng.uniform(0.97, 1.03, n), rng.uniform(0.05, 0.2, n))
        z[:T] = rng.uniform(0.05, 0.35, T)
        points.append(z)
    probes = [instances.probe(frame, z) for z in points]
    if not any(np.isfinite(p.f).all() and np.isfinite(p.q).all() for p in probes):
        a, b = points[0][:2]
        raise ParameterError(
            f"{whose}: the module's currents are no numbers (NaN or infinite), such as at "
            f"{a - b:.3g} V: check its parameters"
        )
    _refuse_memory_of_its_own(instances, points, whose)
    g, c = (np.array([getattr(p, k) for p in probes]) for k in ("g", "c"))
    if not (np.isfinite(g).all() and np.isfinite(c).all()):
        g, c = (np.nan_to_num(a, nan=0.0, posinf=0.0, neginf=0.0) for a in (g, c))
    sums, conserved = _network(g, c, T)
    reactive = np.abs(c).max(axis=(0, 2)) > 0.0
    for _ in range(_CORNERS):  # a charge may be 0 in part of the plane
        z = points[0].copy()
        z[:T] = rng.uniform(-2.0, 2.0, T)
        reactive |= np.abs(instances.probe(frame, z).c).max(axis=1) > 0.0
    for k in range(1, len(instances.images)):  # a capacitance may be 0 in the first
        reactive |= np.abs(instances.probe(instances.frame(k), points[0]).c).max(axis=1) > 0.0
    flow = np.array([instances.module.nodes[k].is_flow for k in instances.live])
    names = instances.names
    memory = []
    for r in range(T, n):
        if not reactive[r]:
            continue
        own = c[:, r, r].any()
        feeds = np.abs(g[:, :, r]).max(axis=0)[sums > 0.5].any()
        electrical = sums[r] > 0.5 or (feeds and not own)
        column, scale = _plain(probes, points, r, T)
        name = _named(names, g, c, column if column >= 0 else r)
        if name in chosen if chosen is not None else not electrical:
            memory.append(Memory(name, r, column, scale))
    if chosen is not None:
        found = [m.name for m in memory]
        for name in chosen:
            if name not in found:
                there = [names[r] for r in range(T, n) if reactive[r]]
                raise ParameterError(
                    f"{whose}: `states` names {name!r}, which has no ddt or idt; there are "
                    f"{', '.join(there) or 'none'}"
                )
        memory.sort(key=lambda m: chosen.index(m.name))
    charged = reactive.copy()
    charged[[m.row for m in memory]] = False
    network = np.array([r < T or (sums[r] > 0.5 and not flow[r]) for r in range(n)])
    across = [np.abs(a[:, :, network].sum(axis=2)).max() / (np.abs(a).max() or 1.0) for a in (g, c)]
    symmetric = conserved and max(across) <= _NEAR
    return Equations(tuple(memory), charged, conserved, bool(symmetric), flow)


def at_rest(instances: Instances, memory: tuple[Memory, ...]) -> bool:
    """Return whether all unknowns inside of a module stay 0 whatever its terminals do.

    So do those through which PSP correlates its noise: their equations are 0 where they are, and
    no static current depends on what has a charge among them.
    """
    T, n = len(instances.module.terminals), instances.count
    rng = np.random.default_rng(5)
    rows = [m.row for m in memory] + [m.column for m in memory if m.column >= T]
    for k in range(len(instances.images)):
        frame = instances.frame(k)
        for _ in range(_CORNERS if k == 0 else 1):
            z = np.zeros(n)
            z[:T] = rng.uniform(-2.0, 2.0, T)
            found = instances.probe(frame, z)
            if not np.isfinite(found.g).all() or found.g[:T, rows].any() or any(
                a[T:].any() for a in (found.f, found.q)
            ):
                return False
    return True


def _network(g: Array, c: Array, T: int) -> tuple[Array, bool]:
    """Return by how much every row counts in a sum of rows that vanishes, and whether one does.

    Terminals count once; nodes of the network between them have to, others cannot.
    """
    scale_g, scale_c = np.abs(g).max() or 1.0, np.abs(c).max() or 1.0
    rows = np.concatenate([*(a / scale_g for a in g), *(a / scale_c for a in c)], axis=1)
    n = len(rows)
    weight = np.abs(rows).max(axis=1)
    weight[weight == 0.0] = 1.0
    inner = (rows / weight[:, None])[T:]
    total = rows[:T].sum(axis=0)
    sums = np.ones(n)
    left = total
    if n > T:
        found = np.linalg.lstsq(inner.T, -total, rcond=1e-13)[0]
        sums[T:] = found / weight[T:]
        left = total + inner.T @ found
    return sums, bool(np.abs(left).max() <= _NEAR * np.abs(rows[:T]).max())


def _plain(probes: list[Probe], points: list[Array], r: int, T: int) -> tuple[int, float]:
    """Return the one unknown that the charge of a row is proportional to, and the factor."""
    rows = np.array([p.c[r] for p in probes])
    used = np.flatnonzero(np.abs(rows).max(axis=0))
    if len(used) != 1 or used[0] < T:
        return -1, 1.0
    k = int(used[0])
    factor = float(rows[0, k])
    alike = np.abs(rows[:, k] - factor).max() <= 1e-12 * abs(factor)
    through = all(
        abs(p.q[r] - factor * z[k]) <= 1e-12 * abs(factor * z[k])
        for p, z in zip(probes, points, strict=True)
    )
    return (k, factor) if alike and through else (-1, 1.0)


def _named(names: tuple[str, ...], g: Array, c: Array, k: int) -> str:
    """Return the name of an unknown; of one without (of ``idt``) that of the node equal to it."""
    if not names[k].startswith("implicit_equation"):
        return names[k]
    for r in range(len(names)):
        used = np.flatnonzero(np.abs(g[:, r]).max(axis=0))
        if len(used) == 2 and k in used and not c[:, r].any():
            other = int(used[0] if used[1] == k else used[1])
            if np.allclose(g[:, r, other], -g[:, r, k], rtol=1e-12) and "(" not in names[other]:
                return names[other]
    return names[k]


def _refuse_memory_of_its_own(instances: Instances, points: list[Array], whose: str) -> None:
    frame = instances.frame()
    first = instances.probe(frame, points[0], IN_TIME, 0.0)
    for k, z in enumerate(points):
        instances.probe(frame, z, IN_TIME, (1.0 + k) * 1e-9)
    again = instances.probe(frame, points[0], IN_TIME, 10e-9)
    for one, two in ((first.f, again.f), (first.q, again.q)):
        if not np.array_equal(one, two, equal_nan=True):
            raise ParameterError(
                f"{whose}: the module keeps values between evaluations, or computes with "
                "$abstime: steps of a solver cannot be exact then, and arrays do not take it; "
                "write the state with ddt or idt"
            )
