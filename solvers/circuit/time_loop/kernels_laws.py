"""Groups of elements whose law is an expression, all of a circuit in one call.

What each fills is what the classes of `elements.behavioural` say.
"""

from __future__ import annotations

from ....core.compiled.jit import leaf
from ....core.validation import Array
from ..elements.laws.kernels_tape import STEEP, run_tapes
from ..system.element_group import Ints

__all__ = ["CAPACITANCES", "CHARGES", "COLUMNS", "CURRENTS", "DERIVATIVES", "INDUCTANCES",
           "INTEGRALS", "VOLTAGES", "fill_laws"]

CURRENTS, VOLTAGES, CHARGES, CAPACITANCES, INDUCTANCES, DERIVATIVES, INTEGRALS = range(7)
# a row of the table: the seven of `run_tapes`, then these
KIND, F, Q, G, C, SCALE, OWN, LAW = range(7, 15)
COLUMNS = 15


@leaf
def _both(
    out: Array, at: int, factor: Array, first: int, place: Ints, slopes: Array, sign: float
) -> None:
    """Fill slopes by the positive, then the negative nodes of what is read."""
    many, count = place[0], place[1]
    half = count * many
    for i in range(count):
        for e in range(many):
            k = i * many + e
            value = sign * factor[first + e] * slopes[k]
            out[at + k] = value
            out[at + half + k] = -value


@leaf
def fill_laws(
    table: Ints, code: Ints, more: Ints, numbers: Array, plus: Ints, minus: Ints, scale: Array,
    own: Ints, x: Array, surroundings: Array, steps: Array, weights: Array, probes: Array,
    old: Array, known: Ints, values: Array, slopes: Array, factor: Array,
    f: Array, q: Array, g: Array, c: Array,
) -> bool:
    """Evaluate all groups at x, in a transient; return whether all laws have values.

    Parameters
    ----------
    table : (L COLUMNS,)
        A row for each group: where its parts are in the arrays that follow.
    scale, own : (..,)
        Factors and own unknowns of elements.
    old, known : (..,), (L,)
        What was read where there were values last.
    steps, weights, values, slopes, factor : work space
    f, q, g, c : (..,)
        Values of the groups' entries, one group's after the other.
    """
    for m in range(table.shape[0] // COLUMNS):
        row = table[m * COLUMNS:(m + 1) * COLUMNS]
        if not run_tapes(
            row, code, more, numbers, plus, minus, x, surroundings, steps, weights, probes,
            values, slopes,
        ):
            return False
        many, count, first, kind = row[0], row[1], row[6], row[KIND]
        known[row[LAW]] = 1
        for k in range(count * many):
            old[first + k] = probes[first + k]
            slope = slopes[k]
            if not abs(slope) < STEEP:
                slopes[k] = STEEP if slope > 0.0 else -STEEP if slope < 0.0 else 0.0
        f0, q0, g0, c0, s0, o0 = row[F], row[Q], row[G], row[C], row[SCALE], row[OWN]
        block = 2 * count * many
        if kind == CURRENTS:
            for e in range(many):
                f[f0 + e] = scale[s0 + e] * values[e]
                f[f0 + many + e] = -f[f0 + e]
            _both(g, g0, scale, s0, row, slopes, 1.0)
            _both(g, g0 + block, scale, s0, row, slopes, -1.0)
        elif kind == VOLTAGES:
            for e in range(many):
                f[f0 + e] = -values[e]
            _both(g, g0, scale, s0, row, slopes, -1.0)
        elif kind == CHARGES:
            for e in range(many):
                q[q0 + e] = scale[s0 + e] * values[e]
                q[q0 + many + e] = -q[q0 + e]
            _both(c, c0, scale, s0, row, slopes, 1.0)
            _both(c, c0 + block, scale, s0, row, slopes, -1.0)
        elif kind in (CAPACITANCES, INDUCTANCES):
            sign = 1.0 if kind == CAPACITANCES else -1.0
            for e in range(many):
                rate, value = x[own[o0 + e]], sign * scale[s0 + e] * values[e]
                factor[e] = rate * scale[s0 + e]
                f[f0 + e] = value * rate
                g[g0 + block + e] = value
                if kind == CAPACITANCES:
                    f[f0 + many + e] = -value * rate
                    g[g0 + 2 * block + many + e] = -value
            _both(g, g0, factor, 0, row, slopes, sign)
            if kind == CAPACITANCES:
                _both(g, g0 + block + many, factor, 0, row, slopes, -1.0)
        elif kind == DERIVATIVES:
            for e in range(many):
                f[f0 + e] = x[own[o0 + e]]
                g[g0 + e] = 1.0
                q[q0 + e] = -values[e]
            _both(c, c0, scale, s0, row, slopes, -1.0)
        else:
            for e in range(many):
                q[q0 + e] = -x[own[o0 + e]]
                c[c0 + e] = -1.0
                f[f0 + e] = values[e]
                g[g0 + block + e] = 0.0
            _both(g, g0, scale, s0, row, slopes, 1.0)
    return True
