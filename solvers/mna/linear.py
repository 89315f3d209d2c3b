"""Linear modified nodal analysis: stamps by groups of elements, one sparse factorisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csc_array
from scipy.sparse.linalg import splu

from ...netlists._check import Array
from ...netlists.circuit import GROUND, Circuit
from ...netlists.elements import Element
from ...netlists.errors import SingularCircuitError

__all__ = ["LinearSystem", "assemble", "solve_linear"]

Ints = NDArray[np.int64]
_BRANCHES = "VEH"  # elements whose current is an unknown


@dataclass(frozen=True, eq=False)
class LinearSystem:
    """A x = b with x the node voltages, then the currents through V, E and H.

    Attributes
    ----------
    matrix, rhs
    nodes, branches : dict
        Node or lower-case element name -> index in x.
    """

    matrix: csc_array
    rhs: Array
    nodes: dict[str, int]
    branches: dict[str, int]


def assemble(circuit: Circuit) -> LinearSystem:
    """Stamp `circuit` for its operating point (capacitors open)."""
    nodes = {name: k for k, name in enumerate(circuit.nodes)}
    groups: dict[str, list[Element]] = {}
    for e in circuit:
        groups.setdefault(e.kind, []).append(e)
    sources = [e for kind in _BRANCHES for e in groups.get(kind, [])]
    branches = {e.name.lower(): len(nodes) + k for k, e in enumerate(sources)}
    size = len(nodes) + len(branches)
    index = {**nodes, GROUND: size}  # ground's row and column are cut off at the end
    rows: list[Ints] = []
    columns: list[Ints] = []
    values: list[Array] = []
    rhs = np.zeros(size + 1)

    def stamp(row: Ints, column: Ints, value: Array) -> None:
        rows.append(row)
        columns.append(column)
        values.append(value)

    for kind, elements in groups.items():
        at = np.array([[index[n] for n in e.nodes] for e in elements]).T
        value = np.array([e.value for e in elements])
        one = np.ones(len(value))
        p, n = at[0], at[1]
        if kind == "R":
            g = 1.0 / value
            stamp(p, p, g)
            stamp(n, n, g)
            stamp(p, n, -g)
            stamp(n, p, -g)
        elif kind == "I":
            np.add.at(rhs, p, -value)
            np.add.at(rhs, n, value)
        elif kind == "G":
            for row, sign in ((p, 1.0), (n, -1.0)):
                stamp(row, at[2], sign * value)
                stamp(row, at[3], -sign * value)
        elif kind == "F":
            control = np.array([branches[e.control.lower()] for e in elements])
            stamp(p, control, value)
            stamp(n, control, -value)
        elif kind in _BRANCHES:
            own = np.array([branches[e.name.lower()] for e in elements])
            stamp(p, own, one)
            stamp(n, own, -one)
            stamp(own, p, one)
            stamp(own, n, -one)
            if kind == "V":
                rhs[own] = value
            elif kind == "E":
                stamp(own, at[2], -value)
                stamp(own, at[3], value)
            else:
                control = np.array([branches[e.control.lower()] for e in elements])
                stamp(own, control, -value)
    empty = np.zeros(0, dtype=np.int64)
    matrix = coo_array(
        (np.concatenate([np.zeros(0), *values]),
         (np.concatenate([empty, *rows]), np.concatenate([empty, *columns]))),
        shape=(size + 1, size + 1),
    ).tocsc()[:size, :size]
    return LinearSystem(csc_array(matrix), rhs[:size], nodes, branches)


def solve_linear(system: LinearSystem) -> tuple[Array, float]:
    """Return x and the largest violation of an equation over its largest term.

    SuperLU with the minimum-degree ordering of A + A', which fits the near-symmetric patterns of
    circuits, and one step of iterative refinement.
    """
    A, b = system.matrix, system.rhs
    if not len(b):
        return np.zeros(0), 0.0
    try:
        factor = splu(A, permc_spec="MMD_AT_PLUS_A")
    except RuntimeError as error:
        raise SingularCircuitError(
            f"the circuit's equations are singular ({error}): a controlled source cancels a "
            "conductance, or leaves a node undetermined"
        ) from error
    x = factor.solve(b)
    x += factor.solve(b - A @ x)
    miss = np.abs(b - A @ x)
    terms = abs(A).multiply(np.abs(x)[None, :]).tocsr()
    largest = np.maximum(terms.max(axis=1).toarray().ravel(), np.abs(b))
    residual = float((miss / np.maximum(largest, 1e-300)).max())
    if not np.isfinite(x).all():
        raise SingularCircuitError("the circuit's equations have no finite solution")
    return x, residual
