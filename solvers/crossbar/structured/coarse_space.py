"""Where chains alone would need many iterations, and the coarse space that helps there.

An array of mean cell conductance d is inverted mode by mode: with the eigenvalues ew and eb of its
two chains, a mode of the bit nodes has K = eb + d - d^2 / (ew + d) = eb + d ew / (ew + d). The
chain preconditioner takes eb + d for it; the ratio to K says how many iterations the smoothest mode
needs, which grow with the size of the array. `kernels.coarse` adds the inverse on voltages that
those of every `_SPAN`-th line tell, whose modes are those of a generalised eigenvalue problem of a
few nodes (Rayleigh and Ritz). What is left to the chains does not depend on the size. There, they
take for D only what reaches other nodes: a cell in series with the rest of its word line, the
diagonal of D - D (Lw + D)^-1 D, so that cells far above their lines are no harder than others.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.compiled.workspace import scratch
from ....core.validation import Array

if TYPE_CHECKING:
    from .kernels.coarse import Coarse

__all__ = ["coarse_space", "is_hard", "with_scratch"]

_SPAN = 8
_MOST = 256  # nodes per direction, then the span doubles
_LEAST_LINES = 16  # of either family; below, chains reach everything
# Root of the condition of the smoothest mode from where the coarse space gains, as measured: an
# iteration of chains takes 2.2 ns a cell, one with the coarse space 3, and this some 50 us to make.
_HARD, _HARD_PER_CELL = 6.0, 5000.0
_TINY = 1e-2  # of the mean: resistances below it count as this much


def is_hard(G: Array, word_r: Array, bit_r: Array, *, more: float = 1.0) -> bool:
    """Return whether the smoothest mode needs many iterations of chains alone, by a few samples.

    Of lines with one free end; `more` times as many where these iterations are cheaper.
    """
    from .kernels.coarse import sample  # noqa: PLC0415 - imports numba

    rows, columns = G.shape
    if min(rows, columns) < _LEAST_LINES:
        return False
    d, word, bit = sample(G, word_r, bit_r)
    if not min(d, word, bit) > 0.0:
        return False
    smoothest = (math.pi / 2.0) ** 2 * (1.0 / (word * columns**2) + 1.0 / (bit * rows**2))
    limit = _HARD + _HARD_PER_CELL / (rows * columns)
    hard: bool = math.sqrt(d / smoothest) > more * limit
    return hard


def coarse_space(
    word_r: Array, bit_r: Array, couplings: tuple[Array, Array],
    grounds: tuple[Any, Any] = (0.0, 0.0), memory: tuple[Array, Array] | None = None,
) -> tuple[Coarse, Array] | None:
    """Return the coarse space of bit nodes (M, N), or None where cells or wires are ideal.

    And the diagonal (M, N) siemens that the chains are to take for D.

    Parameters
    ----------
    word_r, bit_r : (M, N+1), (M+1, N) ohm
        As of `CrossbarProblem`.
    couplings : two (M, N) arrays, siemens
        What the cells draw per volt at the word node, and feed per volt at the bit node.
    grounds : two scalars or (M, N) arrays, siemens
        What else leads away from word and bit nodes.
    memory : two (M, N) arrays, optional
        To be filled with the diagonal and `extra`.
    """
    from .kernels.chains import LANES, split_cells  # noqa: PLC0415 - imports numba
    from .kernels.coarse import (  # noqa: PLC0415 - imports numba
        Coarse,
        across_nodes,
        along_nodes,
        sample,
    )

    (gu, gw), (to_u, to_w) = couplings, grounds
    rows, columns = gu.shape
    du, dw = float(gu.mean()), float(gw.mean())
    _, mean_word, mean_bit = sample(gu, word_r, bit_r)
    if min(rows, columns) < 2 or not min(du, dw, mean_word, mean_bit) > 0.0:
        return None
    span = _SPAN
    while max(rows, columns) > _MOST * span:
        span *= 2
    m, n = max(2, round((rows - 1) / span) + 1), -(-(columns - 1) // span) + 1
    inner, outer = bit_r[1:-1], bit_r[[0, -1]]
    even = bool((inner == inner[0]).all())
    shares, steps = np.empty((0, 0) if even else gu.shape), np.empty((m - 1, columns))
    ties = np.empty((m, columns))
    tied = bool(along_nodes(bit_r, span, shares, steps, ties))
    word = np.empty(n + 1)
    low, high = across_nodes(word_r, span, _window(du * mean_word), _TINY * mean_word, word)
    regular = bool(low > 0.0 and high < np.inf)
    pinned = outer == 0.0
    ends = np.divide(1.0, outer, out=np.zeros_like(outer), where=~pinned)
    bit = np.append(
        steps.sum(axis=1) / np.maximum((steps > 0.0).sum(axis=1), 1),
        (ends + pinned * (100.0 / mean_bit)).mean(axis=1),
    )
    known = gu + to_u if np.any(to_u) else gu
    own, rest = memory or (np.empty(gu.shape), np.empty(gu.shape))
    split_cells(
        gu, known, gw, word_r, regular, np.empty(LANES), scratch("coarse-packed", columns, LANES),
        own, rest,
    )
    diagonal = gw
    if np.any(to_w):
        own += to_w
        diagonal = gw + to_w
    word[:-2] /= span * span
    ew, modes_w = _modes(columns, span, False, (word / rows).tobytes())
    eb, modes_b = _modes(rows, span, True, bit.tobytes())
    ku, kw = float(np.mean(to_u)), float(np.mean(to_w))
    under = eb[:, None] + kw + dw * ((ew + ku) / (ew + ku + du))
    inverse = np.zeros((len(modes_b), len(modes_w)))
    np.divide(1.0, under, out=inverse[:m, :n], where=under > 1e-14 * under.max())
    empty = np.empty((0, 0))
    return Coarse(
        span, np.arange(span) / span, even, shares, steps, ends, tied, ties, diagonal,
        rest, modes_b, np.ascontiguousarray(modes_b.T), modes_w, np.ascontiguousarray(modes_w.T),
        inverse, np.empty((0, 0, 0)), empty, empty, empty, empty, empty,
    ), own


def _window(softness: float) -> int:
    """Return over how many segments a word line's resistances are as one, 2 to 8."""
    reach = 1.0 / math.sqrt(softness)  # of a current into the line, in cells
    return 8 if reach > 6.0 else (4 if reach > 3.0 else 2)


def with_scratch(coarse: Coarse) -> Coarse:
    """Return the coarse space with scratch of the calling thread."""
    m, columns = len(coarse.steps) + 1, coarse.steps.shape[1]
    level, rise, drawn = scratch("coarse-level", 3, m, columns)
    t, u = scratch("coarse-modes", 2, *coarse.inverse.shape)
    return coarse._replace(
        sums=scratch("coarse-sums", 2, m + 1, columns), t=t, u=u, level=level, rise=rise,
        drawn=drawn,
    )


@lru_cache(maxsize=16)
def _modes(lines: int, span: int, ends: bool, chain: bytes) -> tuple[Array, Array]:
    """Return the eigenvalues (m,) of a mean line and its modes by nodes (P, P).

    Between the nodes voltages are linear. `chain` holds the line's conductances, siemens: from node
    to node, to the source at the first end, and at the last. The last node is at the last line if
    `ends`, else perhaps beyond it. Modes are padded with zeros.
    """
    from scipy.linalg import eigh  # noqa: PLC0415 - slow to import

    *between, first, last = np.frombuffer(chain)
    m = len(between) + 1
    a = np.minimum(np.arange(lines) // span, m - 2)
    counts = np.full(m - 1, span)
    if ends:
        counts[-1] = lines - 1 - span * (m - 2)
    share = (np.arange(lines) - a * span) / counts[a]
    shape = np.zeros((lines, m))
    shape[np.arange(lines), a] = 1.0 - share
    shape[np.arange(lines), a + 1] = share
    rise = np.diff(np.eye(m), axis=0)
    stiffness = (rise.T * between) @ rise
    stiffness += first * np.outer(shape[0], shape[0]) + last * np.outer(shape[-1], shape[-1])
    values, vectors = eigh(stiffness, shape.T @ shape)
    padded = -(-(m + 1) // 8) * 8
    modes = np.zeros((padded, padded))
    modes[:m, :m] = vectors
    return np.maximum(values, 0.0), modes
