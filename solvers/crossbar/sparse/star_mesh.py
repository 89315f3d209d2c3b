"""Sparse elimination without subtraction: voltages right to rounding, whatever the conductances.

A nodal matrix holds the sum of the conductances at a node on its diagonal. Where 1e-12 S ties a
node to the rest that 1e6 S joins to its neighbour, the sum no longer knows of the former, and no
refinement brings it back. Star-mesh transformation keeps conductances to ground apart and only
adds positive numbers (Grassmann, Taksar and Heyman, Operations Research 33:1107, 1985; O'Cinneide,
Numerische Mathematik 65:109, 1993, on its accuracy).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....core.validation import Array

__all__ = ["StarMesh"]


class StarMesh:
    """A factorised network of n nodes.

    Parameters
    ----------
    tail, head : (branches,) int
        Nodes that a branch joins, 0 to n - 1; -1 is ground.
    g : (branches,) siemens
    count : int
        n; every node has a path to ground.
    """

    def __init__(
        self, tail: NDArray[np.int64], head: NDArray[np.int64], g: Array, count: int
    ) -> None:
        from scipy.sparse import coo_array, csc_array  # noqa: PLC0415 - slow to import
        from scipy.sparse.linalg import splu  # noqa: PLC0415 - slow to import

        from .kernels_mesh import eliminate  # noqa: PLC0415 - imports numba

        inner = (tail >= 0) & (head >= 0)
        a, b = tail[inner], head[inner]
        # ordering and fill are those of a matrix of the same pattern, far from singular
        both = np.hstack([a, b]), np.hstack([b, a])
        pattern = csc_array(coo_array((-np.ones(2 * len(a)), both), shape=(count, count)))
        diagonal = np.arange(count)
        degree = 1.0 - pattern.sum(axis=1)
        pattern = csc_array(pattern + coo_array((degree, (diagonal, diagonal))))
        lu = splu(csc_array(pattern), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0,
                  options={"SymmetricMode": True})
        self.place = lu.perm_c.astype(np.int64)
        a, b = self.place[a], self.place[b]
        ends = np.maximum(a, b), np.minimum(a, b)
        columns = csc_array(coo_array((g[inner], ends), shape=(count, count)))
        ground = np.zeros(count)
        for near, far in ((tail, head), (head, tail)):
            tied = (near >= 0) & (far < 0)
            np.add.at(ground, self.place[near[tied]], g[tied])
        room = int(lu.nnz)
        done = False
        while not done:
            self.starts = np.zeros(count + 1, dtype=np.int64)
            self.rows, self.values = np.empty(room, dtype=np.int64), np.empty(room)
            self.total = np.empty(count)
            done = bool(eliminate(
                columns.indptr.astype(np.int64), columns.indices.astype(np.int64), columns.data,
                ground.copy(), self.starts, self.rows, self.values, self.total,
            ))
            room *= 2

    def solve(self, right: Array) -> Array:
        """Return the voltages (n, k) that currents (n, k) into the nodes make."""
        from .kernels_mesh import follow  # noqa: PLC0415 - imports numba

        x = np.empty(right.shape)
        x[self.place] = right
        follow(self.starts, self.rows, self.values, self.total, x)
        return np.ascontiguousarray(x[self.place])
