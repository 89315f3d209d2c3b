"""Crossbars of non-linear cells: Newton's iteration, each step by preconditioned GMRES.

The circuit keeps its size: inner nodes and states of cells are eliminated in the cells. Node
voltages are deviations from the unloaded lines, as in the linear solver, and its check of
Kirchhoff's law decides about convergence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...netlists._check import Array
from ...netlists.cells import CellPoint, Cells
from ...netlists.errors import ConvergenceError
from ..problem import CrossbarProblem, RawSolution
from .threads import one_blas_thread, spread

__all__ = ["METHOD", "CellNetwork", "Operating", "solve_cells"]

METHOD = "structured/newton-gmres"
_STEPS = 60
_KRYLOV = 80
_GOOD = 1e-8
_LEAST = 1e-6
_NOTHING = 1e-25  # ampere: less is no current


@dataclass(frozen=True, eq=False)
class Operating:
    """A solved array.

    Attributes
    ----------
    word, bit : (M, N) volt
    u, w : (M, N) volt
        Their deviations from the unloaded lines, to start from next time.
    ends : four arrays, ampere into the ends
    point : CellPoint
    residual : float
    newton, products : int
        Newton steps, and products with the Jacobian.
    """

    word: Array
    bit: Array
    u: Array
    w: Array
    ends: tuple[Array, Array, Array, Array]
    point: CellPoint
    residual: float
    newton: int
    products: int


class CellNetwork:
    """Lines and cells of one array, ready to be solved again and again.

    Parameters
    ----------
    problem : CrossbarProblem
        Lines; its conductances are not used.
    cells : Cells
    to_ground : (word, bit), each (M, N) siemens, optional
        Conductance from every node to ground, with `solve`'s `into` the companion of capacitors.
    """

    def __init__(self, problem: CrossbarProblem, cells: Cells) -> None:
        from .kernels_chain import LANES  # noqa: PLC0415 - imports numba

        self.problem, self.cells = problem, cells
        rows, columns = problem.shape
        shape = (rows, columns)
        self.t, self.q = np.empty(shape), np.empty(shape)
        blocks = -(-rows // LANES)
        self.tw, self.qw = (np.zeros((blocks, columns, LANES)) for _ in range(2))
        padded = -(-columns // 8) * 8
        self.lines, self.carry = np.zeros((LANES, padded + 8)), np.empty((padded, LANES))
        self.base_w, self.base_b = np.empty(shape), np.empty(shape)
        self.flow_w, self.flow_b = np.empty(rows), np.empty(columns)
        self.res_u, self.res_w = np.empty(shape), np.empty(shape)
        self.merged = False

    # -- the linear step -----------------------------------------------------------------------

    def factor(self, by_word: Array, by_bit: Array) -> None:
        """Factor the chains with these diagonals, (M, N) siemens."""
        from .kernels_chain import factor_bit, factor_word  # noqa: PLC0415 - imports numba

        self.merged = bool(factor_bit(by_bit, self.problem.bit_r, self.t, self.q))
        factor_word(by_word, self.problem.word_r, self.tw, self.qw)

    def step(
        self, down: Array, up: Array, res_u: Array, res_w: Array, tolerance: float
    ) -> tuple[Array, Array, int]:
        """Return (du, dw) with Jacobian (du, dw) = (res_u, res_w), and the products it took.

        `down` and `up` are the couplings di/du and -di/dw; exchanged, the transposed matrix.
        """
        from . import kernels_newton as kn  # noqa: PLC0415 - imports numba

        shape = res_w.shape
        right = res_w.copy()
        work, z = np.empty(shape), np.empty(shape)
        line = (self.lines, self.carry)
        kn.word_share(
            self.tw, self.qw, down, res_u, right, self.t, self.q, self.merged, *line, work
        )

        def product(x: Array) -> Array:
            y = np.empty(shape)
            kn.product(self.t, self.q, self.tw, self.qw, down, up, self.merged,
                       x.reshape(shape), *line, z, y)
            return y.ravel()

        x, count = _gmres(product, right.ravel(), tolerance)
        dw, du = np.empty(shape), np.empty(shape)
        kn.bit_solve(self.t, self.q, x.reshape(shape), dw)
        kn.words(self.tw, self.qw, up, dw, res_u, *line, du)
        return du, dw, count

    # -- the network ---------------------------------------------------------------------------

    def solve(
        self, sources: tuple[Array, Array, Array, Array], gate: Array, *, base: Array, step: float,
        state: Array, inner: Array | None = None, u: Array | None = None, w: Array | None = None,
        rtol: float = 1e-10, to_ground: tuple[Array, Array] | None = None,
        into: tuple[Array, Array] | None = None, across: tuple[Array, Array] | None = None,
    ) -> Operating:
        """Solve for the source voltages `sources`, (M,), (M,), (N,), (N,) volt.

        Parameters
        ----------
        gate : (M, N) volt
        base, step, state, inner
            As for `Cells.evaluate`.
        u, w : (M, N) volt, optional
            Deviations to start from.
        to_ground, into : (word, bit), each (M, N)
            Siemens from each node to ground, ampere into it: companions of capacitors.
        across : (siemens, ampere), each (M, N)
            In parallel with every cell: g v - i flows from word to bit.

        Raises
        ------
        ConvergenceError
            Names the cell or the node that is worst.
        """
        from .kernels_solve import lift  # noqa: PLC0415 - imports numba

        p = self.problem
        lift(p.word_r, p.bit_r, *sources, self.base_w, self.base_b, self.flow_w, self.flow_b)
        drop = self.base_w - self.base_b
        shape = p.shape
        u = np.zeros(shape) if u is None else u.copy()
        w = np.zeros(shape) if w is None else w.copy()
        inner = 0.5 * (self.base_w + self.base_b) if inner is None else inner
        self._companions = (to_ground, into, across)
        products, count = 0, 0
        now = self._look(sources, gate, drop, u, w, base, step, state, inner)
        while not now.done(rtol):
            if count >= _STEPS or not np.isfinite(now.total):
                raise self._failure(now, u, w, count)
            count += 1
            gu, gw = now.point.by_word, now.point.by_bit
            if across is not None:
                gu, gw = gu + across[0], gw + across[0]
            ground = to_ground or (0.0, 0.0)
            self.factor(gu + ground[0], gw + ground[1])
            du, dw, used = self.step(
                gu, gw, now.res_u, now.res_w, 1e-3 if count < 3 else 1e-8
            )
            products += used
            scale, best = 1.0, None
            for _ in range(14):
                trial = self._look(
                    sources, gate, drop, u + scale * du, w + scale * dw, base, step,
                    now.point.state, now.point.inner,
                )
                if np.isfinite(trial.total) and (best is None or trial.total < best[0].total):
                    best = (trial, scale)
                if np.isfinite(trial.total) and trial.total <= (1 - 1e-4 * scale) * now.total:
                    break
                scale *= 0.5
            if best is None:
                raise self._failure(now, u, w, count)
            if best[0].total >= now.total and now.stalled(rtol):
                break
            if best[0].total >= now.total * (1 - 1e-12) and count > 3 and best[1] < 1e-3:
                raise self._failure(now, u, w, count)
            u, w = u + best[1] * du, w + best[1] * dw
            now = best[0]
        if now.point.bad >= 0:
            raise self._cell_failure(now, u, w)
        return Operating(
            self.base_w + u, self.base_b + w, u, w, now.ends, now.point, now.worst, count, products
        )

    def _look(
        self, sources: tuple[Array, ...], gate: Array, drop: Array, u: Array, w: Array,
        base: Array, step: float, state: Array, inner: Array,
    ) -> _Look:
        """Evaluate cells and Kirchhoff's law at u, w."""
        from .kernels_solve import check_kcl, end_currents  # noqa: PLC0415 - imports numba

        p = self.problem
        point = self.cells.evaluate(
            self.base_w + u, self.base_b + w, gate, base=base, step=step, state=state, inner=inner
        )
        to_ground, into, across = self._companions
        v = drop + (u - w)
        current = point.current
        if across is not None:
            current = current + across[0] * v - across[1]
        # the linear solver's checks, with the conductance that carries the same current
        with np.errstate(divide="ignore", invalid="ignore"):
            secant = np.where(np.abs(v) > 1e-300, current / v, 0.0)
        res_u, res_w = np.empty(p.shape), np.empty(p.shape)
        rows, columns = p.shape
        ends = tuple(np.empty(n) for n in (rows, rows, columns, columns))
        end_currents(
            secant, p.word_r, p.bit_r, drop, u, w, self.flow_w, self.flow_b, *sources, *ends
        )
        largest = max(float(np.abs(e).max()) for e in ends)
        merged = not bool(
            (p.bit_r[1:-1] > 0).all() and (p.bit_r[0] > 0).all() and (p.bit_r[-1] > 0).all()
        )
        worst, total, noise = check_kcl(
            secant, p.word_r, p.bit_r, drop, u, w, self.flow_w, self.flow_b, merged, 0.0,
            _LEAST * largest + 1e-300, res_u, res_w,
        )
        if to_ground is not None and into is not None:
            res_u -= to_ground[0] * (self.base_w + u) - into[0]
            res_w -= to_ground[1] * (self.base_b + w) - into[1]
            total = float(np.abs(res_u).sum() + np.abs(res_w).sum())
            largest = max(largest, float(np.abs(into[0]).max()), float(np.abs(into[1]).max()))
            worst = total / max(largest, 1e-300)
        four = (ends[0], ends[1], ends[2], ends[3])
        if total <= _NOTHING:
            worst = 0.0
        return _Look(point, res_u, res_w, float(total), float(worst), float(noise), largest, four)

    def _failure(self, now: _Look, u: Array, w: Array, count: int) -> ConvergenceError:
        if now.point.bad >= 0:
            return self._cell_failure(now, u, w)
        worst = np.unravel_index(
            int(np.argmax(np.nan_to_num(np.maximum(np.abs(now.res_u), np.abs(now.res_w)),
                                        nan=np.inf))), now.res_u.shape
        )
        i, j = map(int, worst)
        drop = float((self.base_w + u - self.base_b - w)[i, j])
        return ConvergenceError(
            f"Newton's iteration stopped after {count} steps; cell ({i}, {j}) at {drop:.4g} V "
            f"misses Kirchhoff's law by {max(abs(now.res_u[i, j]), abs(now.res_w[i, j])):.2g} A; "
            "lower the drive, or approach it in steps from a smaller one"
        )

    def _cell_failure(self, now: _Look, u: Array, w: Array) -> ConvergenceError:
        i, j = divmod(now.point.bad, now.res_u.shape[1])
        drop = float((self.base_w + u - self.base_b - w)[i, j])
        return ConvergenceError(
            f"the equations of cell ({i}, {j}) did not converge at {drop:.4g} V: the time step "
            "cannot resolve its switching, or its parameters are extreme"
        )


@dataclass(frozen=True, eq=False)
class _Look:
    """Cells and Kirchhoff's law at one guess."""

    point: CellPoint
    res_u: Array
    res_w: Array
    total: float
    worst: float
    noise: float
    largest: float
    ends: tuple[Array, Array, Array, Array]

    def done(self, rtol: float) -> bool:
        return (self.total <= max(rtol * self.largest, self.noise, _NOTHING)
                and self.worst <= _GOOD)

    def stalled(self, rtol: float) -> bool:
        """Whether what is left may be rounding."""
        return self.total <= max(1e3 * rtol * self.largest, 10 * self.noise, 1e-22)


def _gmres(product: object, right: Array, tolerance: float) -> tuple[Array, int]:
    """Solve A x = right to a relative residual; GMRES without restart (Saad and Schultz, 1986)."""
    apply = product
    norm = float(np.linalg.norm(right))
    if norm == 0.0:
        return np.zeros_like(right), 0
    basis = [right / norm]
    H = np.zeros((_KRYLOV + 1, _KRYLOV))
    turns: list[tuple[float, float]] = []
    g = np.zeros(_KRYLOV + 1)
    g[0] = norm
    k = 0
    for k in range(_KRYLOV):
        v = apply(basis[k])  # type: ignore[operator]
        for n, b in enumerate(basis):
            H[n, k] = v @ b
            v -= H[n, k] * b
        H[k + 1, k] = np.linalg.norm(v)
        for n, (c, s) in enumerate(turns):
            H[n, k], H[n + 1, k] = c * H[n, k] + s * H[n + 1, k], c * H[n + 1, k] - s * H[n, k]
        size = float(np.hypot(H[k, k], H[k + 1, k]))
        c, s = (H[k, k] / size, H[k + 1, k] / size) if size > 0.0 else (1.0, 0.0)
        grown = H[k + 1, k]
        turns.append((c, s))
        H[k, k], H[k + 1, k] = size, 0.0
        g[k], g[k + 1] = c * g[k], -s * g[k]
        if abs(g[k + 1]) <= tolerance * norm or grown <= 1e-300:
            break
        basis.append(v / grown)
    n = k + 1
    y = np.linalg.solve(np.triu(H[:n, :n]), g[:n])
    x = np.zeros_like(right)
    for factor, b in zip(y, basis, strict=False):
        x += factor * b
    return x, n


def solve_cells(
    problem: CrossbarProblem, cells: Cells, gate: Array, *, keep: bool, rtol: float, threads: int
) -> RawSolution:
    """Solve all input vectors of `problem` with the states of `cells` frozen.

    Each vector starts from the solution of the one before it; where that fails, from no drive,
    raised in steps.
    """
    batch, shape = problem.batch, problem.shape
    kept = batch if keep else 0
    word, bit, current = (np.empty((kept, *shape)) for _ in range(3))
    ends = tuple(np.empty((batch, n)) for n in (shape[0], shape[0], shape[1], shape[1]))
    parts = min(threads, batch)
    cuts = [batch * k // parts for k in range(parts + 1)]

    def part(index: int) -> tuple[float, int]:
        network = CellNetwork(problem, cells)
        residual, steps = 0.0, 0
        last: Operating | None = None
        for k in range(cuts[index], cuts[index + 1]):
            sources = tuple(np.ascontiguousarray(end[k]) for end in problem.ends)
            last = _approach(network, sources, gate, cells.state, last, rtol)
            residual, steps = max(residual, last.residual), max(steps, last.newton)
            for target, value in zip(ends, last.ends, strict=True):
                target[k] = value
            if keep:
                word[k], bit[k], current[k] = last.word, last.bit, last.point.current
        return residual, steps

    with one_blas_thread():
        found = spread(part, parts, threads)
    return RawSolution(
        word=word if keep else None, bit=bit if keep else None,
        end_currents=(ends[0], ends[1], ends[2], ends[3]),
        residual=max(max(r for r, _ in found), float(np.finfo(float).eps)),
        iterations=max(n for _, n in found), method=METHOD,
        cell_currents=current if keep else None,
    )


def _approach(
    network: CellNetwork, sources: tuple[Array, ...], gate: Array, state: Array,
    last: Operating | None, rtol: float,
) -> Operating:
    """Solve from the last solution, or by raising the sources from zero."""
    def attempt(scale: float, start: Operating | None) -> Operating:
        return network.solve(
            tuple(scale * s for s in sources), gate, base=state, step=0.0, state=state,  # type: ignore[arg-type]
            inner=start.point.inner if start else None, u=start.u if start else None,
            w=start.w if start else None, rtol=rtol,
        )

    for start in dict.fromkeys((last, None)):
        try:
            return attempt(1.0, start)
        except ConvergenceError as error:
            failure = error
    reached, stride = 0.0, 0.1
    start = None
    while reached < 1.0:
        try:
            start = attempt(min(1.0, reached + stride), start)
        except ConvergenceError:
            stride *= 0.25
            if stride < 1e-4:
                raise failure from None
            continue
        reached = min(1.0, reached + stride)
        stride *= 2.0
    if start is None:
        raise failure
    return start
