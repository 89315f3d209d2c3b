"""Template: the access element of a cell is a compiled module read from tables; behind `cells`.

Given the gate, the currents and charges of drain and source are functions of x = v_ds and y = v_s.
A tile is a square of that plane with a polynomial of 12 coefficients (Adini's rectangle: values and
slopes of the four corners, continuous across edges) for each of the four. Squares without a tile
are the module's own. Keys and tiles are reached by their addresses, as frames are.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .....core.compiled.jit import inlined, kernel, leaf
from .....solvers.osdi.kernels_addresses import address, fetch
from .....solvers.osdi.kernels_foreign import load_double


def add_module(*args: Any) -> None:
    """Stand for the kernel of `cells`."""


def take_frame(*args: Any) -> None:
    """Stand for the kernel of `cells`."""


def places(f: Any) -> tuple[int, int, int, int, int, int]:
    """Stand for the kernel of `frame`."""
    del f
    return 0, 0, 0, 0, 0, 0


def module_load(f: Any) -> int:
    """Stand for the kernel of `frame`."""
    del f
    return 0


# -- template --
SLOTS = 32768  # of keys, a power of two
LEVELS = 8  # of squares, each half as wide as those before
REFUSED = -1  # squares whose polynomial is not good enough; below: how often one was asked for
EMPTY = -1
FAR = 60.0  # volt: farther out there are no tiles
HALF = 131072  # of the places along an axis
COEFFICIENTS = 12
# Models have kinks where a difference of voltages is 0, and compiled ones wrong derivatives in the
# next nanovolts: what they have there is extrapolated from that far beside it, volt
BESIDE = 1e-5
SMALL, LESS = 1e-4, 0.05  # volt: what currents and charges change by then is their least size


@leaf
def square_key(gate, level, column, row):
    """Return the key of a square or of a corner."""
    return (((gate * 8 + level) * 2 * HALF) + column + HALF) * 2 * HALF + row + HALF


@leaf
def slot_of(keys, key):
    """Return the slot that has a key, or the empty one where it belongs; `keys` an address."""
    at = ((key * -7046029254386353131) >> 40) & (SLOTS - 1)
    for _ in range(SLOTS):
        there = fetch(keys + 16 * at)
        if there in (key, EMPTY):
            break
        at = (at + 1) & (SLOTS - 1)
    return at


@leaf
def find_square(keys, gate, x, y, width):
    """Return of the square at x, y: what is known, slot, level, place, and position and width.

    Known is its tile, REFUSED (at all levels), or minus one and how often it was asked for.
    """
    if gate < 0 or not (abs(x) < FAR and abs(y) < FAR):
        return REFUSED, 0, 0, 0, 0, 0.0, 0.0, width
    per = 1.0 / width  # both powers of 2
    for level in range(LEVELS):
        a, b = x * per, y * per
        column, row = math.floor(a), math.floor(b)
        slot = slot_of(keys, square_key(gate, level, int(column), int(row)))
        known = fetch(keys + 16 * slot + 8)
        if fetch(keys + 16 * slot) == EMPTY:
            known = REFUSED - 1
        if known != REFUSED:
            return known, slot, level, int(column), int(row), a - column, b - row, width
        width *= 0.5
        per *= 2.0
    return REFUSED, 0, 0, 0, 0, 0.0, 0.0, width


@leaf
def patch(at, s, t):
    """Return a polynomial and its derivatives by s and t; `at` the address of its coefficients."""
    c_1, c_2, c_3 = load_double(at + 8), load_double(at + 16), load_double(at + 24)
    d_1, d_2, d_3 = load_double(at + 40), load_double(at + 48), load_double(at + 56)
    e_1, f_1 = load_double(at + 72), load_double(at + 88)
    p_0 = load_double(at) + t * (c_1 + t * (c_2 + t * c_3))
    p_1 = load_double(at + 32) + t * (d_1 + t * (d_2 + t * d_3))
    p_2 = load_double(at + 64) + t * e_1
    p_3 = load_double(at + 80) + t * f_1
    return (
        p_0 + s * (p_1 + s * (p_2 + s * p_3)),
        p_1 + s * (2.0 * p_2 + 3.0 * s * p_3),
        c_1 + t * (2.0 * c_2 + 3.0 * t * c_3) + s * (
            d_1 + t * (2.0 * d_2 + 3.0 * t * d_3) + s * (e_1 + s * f_1)
        ),
    )


@leaf
def take_access(P, frames, k, first, q, frame):
    """Put the module into the frame.

    q: number of the gate voltage, addresses of keys and tiles, the widest square; then the tile
    read last, its low corner and one over its width: neighbours often share it.
    """
    if k == first:
        take_frame(frames, k, frame)
        for m in range(len(q)):
            q[m] = P[m, 0]
    if q[0] != P[0, k]:
        q[0], q[4] = P[0, k], -1.0


@inlined
def add_access(z, F, Q, J, C, q, frame, where):
    """Add drain and source of the transistor, the unknowns where[0] and where[2]."""
    a, b = where[0], where[2]
    x, y = z[a] - z[b], z[b]
    known, per = int(q[4]), q[7]
    s, t = (x - q[5]) * per, (y - q[6]) * per
    if known < 0 or not (0.0 <= s < 1.0 and 0.0 <= t < 1.0):
        known, _, _, column, row, s, t, width = find_square(int(q[1]), int(q[0]), x, y, q[3])
        if known < 0:
            add_module(z, F, Q, J, C, frame, where)
            return
        per = 1.0 / width
        q[4], q[5], q[6], q[7] = known, width * column, width * row, per
    at = int(q[2]) + 8 * COEFFICIENTS * 4 * known
    step = 8 * COEFFICIENTS
    value, along, across = patch(at, s, t)
    F[a] += value
    J[a, a] += per * along
    J[a, b] += per * (across - along)
    value, along, across = patch(at + step, s, t)
    F[b] += value
    J[b, a] += per * along
    J[b, b] += per * (across - along)
    value, along, across = patch(at + 2 * step, s, t)
    Q[a] += value
    C[a, a] += per * along
    C[a, b] += per * (across - along)
    value, along, across = patch(at + 3 * step, s, t)
    Q[b] += value
    C[b, a] += per * along
    C[b, b] += per * (across - along)


@leaf
def ask_module(f, gate, x, y, found, at):
    """Put drain's and source's current and charge, with derivatives by x and y, to found[at:]."""
    solution, resist, react, jacobian, charges, n = places(f)
    for k in range(n):
        f[solution + k] = 0.0
    f[solution], f[solution + 1], f[solution + 2] = x + y, gate, y
    module_load(f)
    good = True
    for k in range(4):
        row = 2 * (k % 2)
        value = f[(resist if k < 2 else react) + row]
        slopes = (jacobian if k < 2 else charges) + row * (n + 1)
        found[at + 3 * k] = value
        found[at + 3 * k + 1] = f[slopes]
        found[at + 3 * k + 2] = f[slopes] + f[slopes + 2]
        good = good and abs(value) < math.inf and abs(found[at + 3 * k + 2]) < math.inf
    return good


@leaf
def corner_of(
    gate, level, column, row, right, top, width, f, volt, corner_keys, corners, counts, exact
):
    """Return the number of a square's corner, evaluated where it is new, or -1 if it is no number.

    `right` and `top`: 1 where the corner is there, else 0. On the axes what it has is extrapolated
    from inside of the square.
    """
    base = address(corner_keys)
    column, row = column + right, row + top
    x, y, along, across = width * column, width * row, 0.0, 0.0
    if column == 0 or column + row == 0:  # v_ds or v_d = 0
        along = BESIDE * (1 - 2 * right)
    if column == 0:
        column -= right * (HALF - 1)
    if row == 0:
        across = 1.7 * BESIDE * (1 - 2 * top)  # not where v_d is 0, too
        row -= top * (HALF - 1)
    key = square_key(gate, level, column, row)
    slot = slot_of(base, key)
    if corner_keys[slot, 0] == key:
        return corner_keys[slot, 1]
    number = counts[1]
    at = 12 * number
    if not ask_module(f, volt, x + along, y + across, corners, at):
        return -1
    if along != 0.0 or across != 0.0:
        if not ask_module(f, volt, x + 2.0 * along, y + 2.0 * across, exact, 0):
            return -1
        for k in range(0, 12, 3):
            slope = corners[at + k + 1], corners[at + k + 2]
            bend = exact[k + 1] - slope[0], exact[k + 2] - slope[1]
            corners[at + k] -= along * (slope[0] - 0.5 * bend[0])
            corners[at + k] -= across * (slope[1] - 0.5 * bend[1])
            corners[at + k + 1] -= bend[0]
            corners[at + k + 2] -= bend[1]
    counts[1] += 1
    corner_keys[slot, 0], corner_keys[slot, 1] = key, number
    return number


@leaf
def miss_of(at, s, t, width, exact):
    """Return the largest error of a tile over the size of what it is of; `exact` the truth.

    Currents are measured against the larger of the two, and charges, too; where they are 0 or
    nearly so, against what a small voltage changes.
    """
    worst = 0.0
    for pair in range(2):
        least = (SMALL if pair == 0 else LESS) / width
        size, error = 0.0, 0.0
        for m in range(2):
            value, along, across = patch(at + 8 * COEFFICIENTS * (2 * pair + m), s, t)
            true = exact[6 * pair + 3 * m]
            size = max(size, abs(true) + least * (abs(along) + abs(across)))
            error = max(error, abs(value - true))
        if error > 0.0:
            worst = max(worst, error / max(size, 1e-300))
    return worst


@leaf
def fit_tile(tiles, at, corners, k, width, low, right, top, far):
    """Put the polynomial of quantity k of the corners (x, y) = 00, 10, 01, 11 to tiles[at:]."""
    a, b, c, d = 12 * low + 3 * k, 12 * right + 3 * k, 12 * top + 3 * k, 12 * far + 3 * k
    # edges x = 0 and x = 1 are cubic in y
    along = width * corners[a + 2], width * corners[c + 2]
    rise = corners[c] - corners[a]
    c_2, c_3 = 3.0 * rise - 2.0 * along[0] - along[1], along[0] + along[1] - 2.0 * rise
    beside = width * corners[b + 2], width * corners[d + 2]
    rise = corners[d] - corners[b]
    d_2, d_3 = 3.0 * rise - 2.0 * beside[0] - beside[1], beside[0] + beside[1] - 2.0 * rise
    tiles[at], tiles[at + 1], tiles[at + 2], tiles[at + 3] = corners[a], along[0], c_2, c_3
    # so are the slopes by x at x = 0, whose curvature is the edges' difference
    start, end = width * corners[a + 1], width * corners[c + 1]
    d_2, d_3 = d_2 - c_2, d_3 - c_3
    tiles[at + 4], tiles[at + 5] = start, end - start - d_2 - d_3
    tiles[at + 6], tiles[at + 7] = d_2, d_3
    # edges y = 0 and y = 1 are cubic in x
    rise, slope = corners[b] - corners[a] - start, width * corners[b + 1] - start
    e_0, f_0 = 3.0 * rise - slope, slope - 2.0 * rise
    rise, slope = corners[d] - corners[c] - end, width * corners[d + 1] - end
    tiles[at + 8], tiles[at + 9] = e_0, 3.0 * rise - slope - e_0
    tiles[at + 10], tiles[at + 11] = f_0, slope - 2.0 * rise - f_0


@leaf
def make_tile(
    gate, level, column, row, width, tol, f, volt, corner_keys, corners, tiles, counts, exact
):
    """Make the tile of a square and check it inside; return its number or REFUSED."""
    low = corner_of(
        gate, level, column, row, 0, 0, width, f, volt, corner_keys, corners, counts, exact
    )
    right = corner_of(
        gate, level, column, row, 1, 0, width, f, volt, corner_keys, corners, counts, exact
    )
    top = corner_of(
        gate, level, column, row, 0, 1, width, f, volt, corner_keys, corners, counts, exact
    )
    far = corner_of(
        gate, level, column, row, 1, 1, width, f, volt, corner_keys, corners, counts, exact
    )
    if min(low, right, top, far) < 0:
        return REFUSED
    number = counts[0]
    base = address(tiles)
    for k in range(4):
        # as `ask_module` has them: drain's current, source's, drain's charge, source's
        fit_tile(
            tiles, COEFFICIENTS * (4 * number + k), corners, k, width, low, right, top, far
        )
    at = base + 8 * COEFFICIENTS * 4 * number
    for k in range(3):
        s, t = 0.25 + 0.25 * k, 0.5 + (k - 1) * (0.25 if column % 2 == 0 else -0.25)
        if k == 0:  # next to v_ds = 0, currents are small
            s, t = 0.03 if column >= 0 else 0.97, 0.6
        if not ask_module(f, volt, width * (column + s), width * (row + t), exact, 0):
            return REFUSED
        if not miss_of(at, s, t, width, exact) <= tol:
            return REFUSED
    counts[0] += 1
    return number


@kernel
def fill_tables(
    u, w, gate, P, rows, inner, frames, length, keys, corner_keys, corners, tiles, width, build,
    accept, tol, first, samples, counts, worst,
):
    """Make the tiles that cells at their guesses ask for; sample those that are there.

    P (8, n): see `take_access`; rows (2,) of drain and source in `inner`, or -1 and -2 for word and
    bit node. A square is made a tile when it was asked for `build` times, and checked to `accept`;
    of `samples` cells from `first` on the tile is compared with the module, and refused where it
    misses by more than `tol`. counts: tiles, corners, keys, squares refused, cells with a tile,
    cells without, samples, samples that missed; worst (1,) miss. Returns whether room is left.
    """
    n = len(u)
    f, exact = np.zeros(length), np.zeros(12)
    take_frame(frames, 0, f)
    base, pool = address(keys), address(tiles)
    room = min(len(tiles) // (4 * COEFFICIENTS), len(corners) // 12 // 4)
    stride = max(1, n // max(samples, 1))
    for k in range(n):
        source = u[k] if rows[1] == -1 else (w[k] if rows[1] == -2 else inner[rows[1], k])
        drain = u[k] if rows[0] == -1 else (w[k] if rows[0] == -2 else inner[rows[0], k])
        number = int(P[0, k])
        x, y = drain - source, source
        known, slot, level, column, row, s, t, wide = find_square(base, number, x, y, width)
        if known < REFUSED:
            known -= 1
            if keys[slot, 0] == EMPTY:
                if counts[2] > SLOTS // 2:
                    return False
                counts[2] += 1
                keys[slot, 0] = square_key(number, level, column, row)
            if known < REFUSED - build:
                if counts[0] + 1 > room or counts[1] + 4 > room * 4:
                    return False
                known = make_tile(
                    number, level, column, row, wide, accept, f, gate[k], corner_keys, corners,
                    tiles, counts, exact,
                )
                counts[3] += known == REFUSED
            keys[slot, 1] = known
        if known < 0:
            counts[5] += 1
            continue
        counts[4] += 1
        if (k + first) % stride == 0:
            counts[6] += 1
            at = pool + 8 * COEFFICIENTS * 4 * known
            miss = math.inf
            if ask_module(f, gate[k], x, y, exact, 0):
                miss = miss_of(at, s, t, wide, exact)
            worst[0] = max(worst[0], miss)
            if not miss <= tol:
                counts[7] += 1
                keys[slot, 1] = REFUSED
    return True
