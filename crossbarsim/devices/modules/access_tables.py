"""Tables of a compiled transistor in an array: one set of parameters, read instead of evaluated.

An array has one transistor for thousands of cells, whose gates have few voltages at a time. Given
that of the gate, currents and charges are functions of two voltages. They are tabulated where many
cells ask for them, each square of the plane checked against the module, and cells are sampled
against it throughout a run (template `modules/access_table`).
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.compiled.arrays import plain
from ...core.validation import Array
from .equations import Memory, at_rest
from .instances import Instances

__all__ = ["AccessTable", "counting", "tabulates"]

_BUILD = 3  # about as many cells as a tile costs evaluations
_SAMPLES, _OF = 16, 64  # of every look at the cells: at most so many, and one of so many
_SHARE = 0.5  # of what Newton's iteration may miss
_ACCEPT = 0.5  # of that: a square is checked in a few places
_FINEST = 1e-9  # tables do not reach beyond
_WIDEST, _AT = 0.0625, 1e-5  # volt, of squares at that tolerance; their error falls as width^4
_SLOTS, _TILES = 32768, 6144
_NUMBERS = 8192  # of gate voltages
_PROBES = 12
_FEW = 8  # cells that must share a gate voltage, on average


def counting(
    instances: Instances, terminals: int, memory: tuple[Memory, ...] = ()
) -> bool:
    """Return whether unknowns inside of a module count.

    They do not where no other row depends on them, or where they are 0 all the time.
    """
    n = instances.count
    if n == terminals:
        return False
    rng = np.random.default_rng(3)
    for k in range(len(instances.images)):
        frame = instances.frame(k)
        for _ in range(_PROBES if k == 0 else 1):
            z = rng.uniform(-2.0, 2.0, n)
            found = instances.probe(frame, z)
            for slopes in (found.g, found.c):
                if not np.isfinite(slopes).all() or slopes[:terminals, terminals:].any():
                    return not at_rest(instances, memory)
    return False


def tabulates(instances: Instances, live: int) -> bool:
    """Return whether there can be tables: one transistor for all cells, without inner nodes."""
    return len(instances.images) == 1 and live in (3, 4)


class AccessTable:
    """Tables of one run.

    Parameters
    ----------
    rtol : float
        What Newton's iteration of the run may miss of the largest current; 0: no tables are made.
    """

    def __init__(self, rtol: float) -> None:
        self.tol = _SHARE * rtol
        self.open = self.tol >= _FINEST
        self.width = _WIDEST * 2.0 ** np.floor(0.25 * np.log2(max(self.tol, _FINEST) / _AT))
        slots, room = (_SLOTS, _TILES) if self.open else (1, 1)
        self.keys = np.full((slots, 2), -1, dtype=np.int64)
        self.corner_keys = np.full((slots, 2), -1, dtype=np.int64)
        self.tiles, self.corners = np.empty(room * 48), np.empty(room * 4 * 12)
        self.counts = np.zeros(8, dtype=np.int64)
        self.worst = np.zeros(1)
        self.made = self.looks = 0
        self._numbers: dict[float, int] = {}
        self._last: tuple[Array, Array] | None = None

    def numbers(self, gate: Array) -> Array:
        """Return what kernels take for parameters, (8, n), at gate voltages (M, N).

        A number for each gate voltage, -1 where the module itself is to be asked; addresses of keys
        and tiles; the widest square.
        """
        if self._last is not None and self._last[0] is gate:
            return self._last[1]
        found = np.full((8, gate.size), -1.0)
        if self.open:
            volts, which = np.unique(gate, return_inverse=True)
            if _FEW * len(volts) <= gate.size and np.isfinite(volts).all():
                if len(self._numbers) + len(volts) > _NUMBERS:
                    self._clear()
                given = [self._numbers.setdefault(v, len(self._numbers)) for v in volts.tolist()]
                found[0] = np.array(given, dtype=float)[which.ravel()]
        found[1:4] = np.array([
            self.keys.ctypes.data, self.tiles.ctypes.data, self.width
        ])[:, None]
        self._last = gate, found
        return found

    def _clear(self) -> None:
        self.made += int(self.counts[0])
        self.keys.fill(-1)
        self.corner_keys.fill(-1)
        self.counts[:3] = 0
        self._numbers.clear()
        self._last = None

    def fill(
        self, kernels: ModuleType, u: Array, w: Array, gate: Array, inner: Array,
        rows: NDArray[np.int64], instances: Instances | None,
    ) -> Array:
        """Make what tiles cells at their guesses ask for; return `numbers`."""
        found = self.numbers(gate)
        if not self.open or found[0, 0] < 0.0 or instances is None:
            return found
        self.looks += 1
        samples = max(1, min(_SAMPLES, u.size // _OF))
        room = kernels.fill_tables(
            *(plain(a).ravel() for a in (u, w, gate)), found, rows, inner, instances.images,
            instances.length, self.keys, self.corner_keys, self.corners, self.tiles, self.width,
            _BUILD, _ACCEPT * self.tol, self.tol, 7 * self.looks, samples, self.counts, self.worst,
        )
        if not room:
            self._clear()
            return self.numbers(gate)
        return found

    def evidence(self) -> dict[str, Any]:
        """Return what was made, and how well it did.

        Tiles; the share of looks at cells that found one; samples against the module, how many of
        them missed by more than the tolerance, and the worst relative error.
        """
        _, _, _, refused, found, absent, samples, missed = map(int, self.counts)
        return {
            "tolerance": self.tol, "tiles": self.made + int(self.counts[0]), "refused": refused,
            "share": found / max(found + absent, 1), "samples": samples, "missed": missed,
            "worst": float(self.worst[0]),
        }

    def __str__(self) -> str:
        e = self.evidence()
        if not e["tiles"]:
            return ""
        return (
            f"transistors from {e['tiles']} tiles in {e['share']:.1%} of their evaluations, "
            f"checked at {e['samples']} to {e['tolerance']:.1g}: the worst misses "
            f"{e['worst']:.1g}"
            + (f", {e['missed']} beyond it were put right" if e["missed"] else "")
        )
