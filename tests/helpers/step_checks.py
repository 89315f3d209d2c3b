"""The checks of a linear step of Newton's iteration on arrays, against dense algebra."""

import numpy as np
import pytest
from crossbarsim.solvers.crossbar.problem import CrossbarProblem

SHAPES = [(1, 1), (1, 5), (6, 1), (5, 7), (9, 4), (19, 26)]


def merge(r, axis):
    """Return which group of nodes each node of a family of lines is in, and the groups' links.

    r: resistances along `axis`, ends included. Links: (group, group or -1 for ground, siemens).
    A group at a source without resistance is -1.
    """
    r = np.moveaxis(r, axis, -1)
    lines, nodes = r.shape[0], r.shape[1] - 1
    group = np.zeros((lines, nodes), dtype=int)
    links, count = [], 0
    for line in range(lines):
        ids = np.arange(nodes)
        for k in range(1, nodes):
            if r[line, k] == 0.0:
                ids[k] = ids[k - 1]
        pinned = set()
        for k, end in ((0, 0), (nodes - 1, nodes)):
            if r[line, end] == 0.0:
                pinned.add(ids[k])
        names = {}
        for k in ids:
            if k not in names:
                names[k] = -1 if k in pinned else count
                count += k not in pinned
        group[line] = [names[k] for k in ids]
        for k, end in ((0, 0), (nodes - 1, nodes)):
            if 0.0 < r[line, end] < np.inf:
                links.append((group[line, k], -1, 1.0 / r[line, end]))
        links += [(group[line, k - 1], group[line, k], 1.0 / r[line, k])
                  for k in range(1, nodes) if 0.0 < r[line, k] < np.inf]
    return np.moveaxis(group, -1, axis), links, count


class Dense:
    """The whole Jacobian of an array over its merged nodes."""

    def __init__(self, problem):
        along = 0 if problem.parallel else 1
        self.u, words, n = merge(problem.word_r, along)
        w, bits, m = merge(problem.bit_r, 0)
        self.w = np.where(w < 0, -1, w + n)
        self.size = n + m
        self.wires = np.zeros((self.size + 1, self.size + 1))  # ground last
        shift = list(words)
        shift += [(a + n if a >= 0 else -1, b + n if b >= 0 else -1, g) for a, b, g in bits]
        for a, b, g in shift:
            for p, q, s in ((a, a, g), (b, b, g), (a, b, -g), (b, a, -g)):
                self.wires[p, q] += s

    def matrix(self, gu, gw, ground):
        found = self.wires.copy()
        kw, kb = (np.broadcast_to(k, gu.shape) for k in ground)
        for k in np.ndindex(gu.shape):
            u, w = self.u[k], self.w[k]
            found[u, u] += gu[k] + kw[k]
            found[u, w] -= gw[k]
            found[w, u] -= gu[k]
            found[w, w] += gw[k] + kb[k]
        return found[:-1, :-1]

    def gather(self, res_u, res_w):
        found = np.zeros(self.size + 1)
        np.add.at(found, self.u.ravel(), res_u.ravel())
        np.add.at(found, self.w.ravel(), res_w.ravel())
        return found[:-1]

    def solve(self, gu, gw, ground, res_u, res_w, *, transposed):
        matrix = self.matrix(gu, gw, ground)
        x = np.append(np.linalg.solve(matrix.T if transposed else matrix, self.gather(res_u, res_w)), 0.0)
        return x[self.u], x[self.w]


class StepChecks:
    """Checks of a `Step`: give `make`, and say which lines the step is for.

    parallel: the layout; merged: segments of 0 ohm; broken: segments of infinite resistance;
    count: arrays below each other.
    """

    parallel = False
    merged = True
    broken = True
    count = 1
    rtol = 1e-9

    def make(self, problem):
        """Return a step for `problem`."""
        raise NotImplementedError

    def problem(self, shape, kind="plain", seed=0):
        rng = np.random.default_rng([seed, *shape])
        M, N = shape
        word_shape = (M + 1, N) if self.parallel else (M, N + 1)
        word_r, bit_r = rng.uniform(0.5, 20.0, word_shape), rng.uniform(0.5, 20.0, (M + 1, N))
        first = np.index_exp[0] if self.parallel else np.index_exp[:, 0]
        last = np.index_exp[-1] if self.parallel else np.index_exp[:, -1]
        word_r[last] = np.inf  # floating far ends
        bit_r[0] = np.inf
        if kind == "both ends":
            word_r[last], bit_r[0] = 3.0, 4.0
        elif kind == "merged":
            word_r[rng.random(word_shape) < 0.3] = 0.0
            bit_r[rng.random(bit_r.shape) < 0.3] = 0.0
            word_r[last], bit_r[0] = np.inf, np.inf
        elif kind == "ideal":
            word_r[:], bit_r[:] = 0.0, 0.0
            word_r[last], bit_r[0] = np.inf, np.inf
            word_r[first] = 1.0
        elif kind == "broken":
            inner = np.index_exp[1:-1] if self.parallel else np.index_exp[:, 1:-1]
            word_r[inner] = np.where(rng.random(word_r[inner].shape) < 0.3, np.inf, word_r[inner])
            bit_r[1:-1] = np.where(rng.random(bit_r[1:-1].shape) < 0.3, np.inf, bit_r[1:-1])
        elif kind == "far":  # wires as bad as cells
            word_r, bit_r = 1e3 * word_r, 1e3 * bit_r
        none = np.zeros((1, 1))
        return CrossbarProblem(np.zeros(shape), word_r, bit_r, (none,) * 4, self.parallel)

    def parts(self, shape, seed=1, low=-6.0, high=-3.0):
        rng = np.random.default_rng([seed, *shape])
        whole = (self.count * shape[0], shape[1])
        gu, gw = (10 ** rng.uniform(low, high, whole) for _ in range(2))
        return gu, gw, rng.normal(size=whole), rng.normal(size=whole)

    def check(self, problem, gu, gw, ground, res_u, res_w, step=None, rtol=None):
        """Compare a step and its transposed with dense algebra, array by array."""
        step = step or self.make(problem)
        rows, dense = problem.shape[0], Dense(problem)
        rtol = rtol or self.rtol
        for transposed in (False, True):
            du, dw, products = step.solve(gu, gw, ground, res_u, res_w, 1e-13, transposed=transposed)
            assert du.shape == dw.shape == gu.shape
            assert products >= 0
            for k in range(self.count):
                cut = slice(k * rows, (k + 1) * rows)
                mine = tuple(np.broadcast_to(g, gu.shape)[cut] for g in ground)
                u, w = dense.solve(gu[cut], gw[cut], mine, res_u[cut], res_w[cut], transposed=transposed)
                scale = max(np.abs(u).max(), np.abs(w).max())
                np.testing.assert_allclose(du[cut], u, rtol=0, atol=rtol * scale)
                np.testing.assert_allclose(dw[cut], w, rtol=0, atol=rtol * scale)

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("kind", ["plain", "both ends"])
    def test_against_dense_algebra(self, shape, kind):
        gu, gw, res_u, res_w = self.parts(shape)
        self.check(self.problem(shape, kind), gu, gw, (0.0, 0.0), res_u, res_w)

    @pytest.mark.parametrize("shape", SHAPES)
    def test_cells_of_two_terminals(self, shape):
        g, _, res_u, res_w = self.parts(shape)
        self.check(self.problem(shape), g, g, (0.0, 0.0), res_u, res_w)

    def test_equal_couplings_in_two_arrays(self):
        g, _, res_u, res_w = self.parts((5, 7))
        self.check(self.problem((5, 7)), g, g.copy(), (0.0, 0.0), res_u, res_w)

    @pytest.mark.parametrize("same", [True, False])
    def test_what_leads_to_ground(self, same):
        gu, gw, res_u, res_w = self.parts((5, 7))
        rng = np.random.default_rng(2)
        ground = tuple(10 ** rng.uniform(-6, -3, gu.shape) for _ in range(2))
        self.check(self.problem((5, 7)), gu, gu if same else gw, ground, res_u, res_w)
        self.check(self.problem((5, 7)), gu, gw, (1e-4, 0.0), res_u, res_w)

    def test_a_negative_slope(self):
        gu, gw, res_u, res_w = self.parts((5, 7))
        gu[2, 3], gw[2, 3], gu[0, 0] = -1e-4, -2e-5, 0.0
        self.check(self.problem((5, 7)), gu, gw, (0.0, 0.0), res_u, res_w)
        self.check(self.problem((5, 7)), gu, gu, (0.0, 0.0), res_u, res_w)

    def test_open_cells(self):
        gu, gw, res_u, res_w = self.parts((5, 7))
        self.check(self.problem((5, 7)), 0.0 * gu, 0.0 * gw, (0.0, 0.0), res_u, res_w)

    @pytest.mark.parametrize("kind", ["merged", "ideal"])
    def test_segments_of_no_resistance(self, kind):
        if not self.merged:
            pytest.skip("not for merged nodes")
        for seed in range(4):
            gu, gw, res_u, res_w = self.parts((5, 7), seed)
            problem = self.problem((5, 7), kind, seed)
            self.check(problem, gu, gw, (0.0, 0.0), res_u, res_w)
            self.check(problem, gu, gu, (0.0, 0.0), res_u, res_w)

    def test_broken_lines(self):
        if not self.broken:
            pytest.skip("not for broken lines")
        for seed in range(4):
            gu, gw, res_u, res_w = self.parts((5, 7), seed, -4.0, -2.0)
            # pieces without a source hang on their cells, and a little on ground
            self.check(self.problem((5, 7), "broken", seed), gu, gw, (1e-6, 1e-6), res_u, res_w, rtol=1e-7)

    def test_wires_as_bad_as_the_cells(self):
        gu, gw, res_u, res_w = self.parts((9, 4), low=-4.0, high=-2.0)
        self.check(self.problem((9, 4), "far"), gu, gw, (0.0, 0.0), res_u, res_w, rtol=1e-7)

    def test_cells_of_all_sizes(self):
        gu, gw, res_u, res_w = self.parts((9, 4), low=-12.0, high=-1.0)
        self.check(self.problem((9, 4)), gu, gw, (0.0, 0.0), res_u, res_w, rtol=1e-7)

    def test_steps_one_after_another(self):
        # what a step keeps of the last couplings must not show
        problem = self.problem((5, 7))
        step = self.make(problem)
        for seed in (1, 2, 1):
            gu, gw, res_u, res_w = self.parts((5, 7), seed)
            self.check(problem, gu, gw, (0.0, 0.0), res_u, res_w, step)
            self.check(problem, gu, gw, (0.0, 0.0), res_w, res_u, step)
            self.check(problem, gu, gu, (0.0, 0.0), res_u, res_w, step)

    def test_nothing_in_nothing_out(self):
        gu, gw, res_u, _ = self.parts((5, 7))
        du, dw, _ = self.make(self.problem((5, 7))).solve(gu, gw, (0.0, 0.0), 0 * res_u, 0 * res_u, 1e-12)
        assert not du.any()
        assert not dw.any()

    def test_the_adjoint_identity(self):
        gu, gw, res_u, res_w = self.parts((9, 4))
        step = self.make(self.problem((9, 4)))
        rng = np.random.default_rng(3)
        a, b = rng.normal(size=(2, *gu.shape))
        du, dw, _ = step.solve(gu, gw, (0.0, 0.0), res_u, res_w, 1e-13)
        lu, lw, _ = step.solve(gu, gw, (0.0, 0.0), a, b, 1e-13, transposed=True)
        assert (a * du + b * dw).sum() == pytest.approx((lu * res_u + lw * res_w).sum(), rel=1e-9)

    def test_linearity(self):
        gu, gw, res_u, res_w = self.parts((5, 7))
        step = self.make(self.problem((5, 7)))
        one = step.solve(gu, gw, (0.0, 0.0), res_u, res_w, 1e-13)
        other = step.solve(gu, gw, (0.0, 0.0), -2e-9 * res_u, -2e-9 * res_w, 1e-13)
        for a, b in zip(one[:2], other[:2], strict=True):
            np.testing.assert_allclose(b, -2e-9 * a, rtol=1e-8, atol=1e-18 * np.abs(a).max())

    def test_arguments_are_left_alone(self):
        given = self.parts((5, 7))
        before = [a.copy() for a in given]
        step = self.make(self.problem((5, 7)))
        for transposed in (False, True):
            step.solve(given[0], given[1], (0.0, 0.0), *given[2:], 1e-12, transposed=transposed)
        for a, b in zip(given, before, strict=True):
            np.testing.assert_array_equal(a, b)

    def test_a_loose_tolerance_is_kept(self):
        gu, gw, res_u, res_w = self.parts((9, 4))
        problem = self.problem((9, 4))
        du, dw, _ = self.make(problem).solve(gu, gw, (0.0, 0.0), res_u, res_w, 1e-3)
        rows, dense = problem.shape[0], Dense(problem)
        for k in range(self.count):
            cut = slice(k * rows, (k + 1) * rows)
            u, w = dense.solve(gu[cut], gw[cut], (0.0, 0.0), res_u[cut], res_w[cut], transposed=False)
            scale = np.linalg.norm(u) + np.linalg.norm(w)
            assert np.linalg.norm(du[cut] - u) + np.linalg.norm(dw[cut] - w) < 0.05 * scale

    def test_it_has_a_name(self):
        name = self.make(self.problem((2, 2))).method
        assert "/" in name
        assert name == name.lower()
