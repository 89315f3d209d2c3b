"""Crossbars in long double by elimination without subtraction: right to the last digit or two.

Star-mesh transformation, node by node: every conductance between what remains grows by
g_ik g_kj / sum_l g_kl, and every voltage is a mean of others (Grassmann, Taksar and Heyman, 1985).
"""

import numpy as np


def exact_crossbar(problem):
    """Return word and bit voltages (M, N) and the four end currents for a problem's first input."""
    rows, columns = problem.shape
    cells = rows * columns
    ends = np.concatenate([end[0] for end in problem.ends]).astype(np.longdouble)
    n = 2 * cells + len(ends)
    g = np.zeros((n, n), dtype=np.longdouble)

    def join(a, b, r):
        if np.isfinite(r):
            value = np.longdouble(1.0) / np.longdouble(max(r, 1e-40))
            g[a, b] += value
            g[b, a] += value

    first = 2 * cells
    for i in range(rows):
        for j in range(columns + 1):
            left = i * columns + j - 1 if j else first + i
            right = i * columns + j if j < columns else first + rows + i
            join(left, right, problem.word_r[i, j])
    first += 2 * rows
    for j in range(columns):
        for i in range(rows + 1):
            above = cells + (i - 1) * columns + j if i else first + j
            below = cells + i * columns + j if i < rows else first + columns + j
            join(above, below, problem.bit_r[i, j])
    for k in range(cells):
        value = np.longdouble(problem.G.flat[k])
        g[k, cells + k] += value
        g[cells + k, k] += value
    shares = []
    for k in range(2 * cells):
        row = g[k, k + 1 :] / g[k, k + 1 :].sum()
        shares.append(row)
        rest = np.outer(g[k, k + 1 :], row)
        np.fill_diagonal(rest, 0.0)
        g[k + 1 :, k + 1 :] += rest
    v = np.zeros(n, dtype=np.longdouble)
    v[2 * cells :] = ends
    for k in range(2 * cells - 1, -1, -1):
        v[k] = shares[k] @ v[k + 1 :]
    between = g[2 * cells :, 2 * cells :]
    into = -(between * (ends[:, None] - ends)).sum(axis=1)
    cuts = np.cumsum([rows, rows, columns])
    return (v[:cells].reshape(rows, columns), v[cells : 2 * cells].reshape(rows, columns),
            np.split(into, cuts))
