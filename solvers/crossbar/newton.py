"""Arrays of non-linear cells: Newton's iteration on the node voltages.

The circuit keeps its size: inner nodes and states of cells are eliminated in the cells. Node
voltages are deviations from the unloaded lines, and Kirchhoff's law at every node decides about
convergence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...core.errors import ConvergenceError
from ...core.validation import Array
from ...netlists.crossbar.cells import CellPoint, Cells
from .line_equations import Lines, Measured, Sources
from .problem import CrossbarProblem, bound
from .sparse.newton_step import SparseStep
from .structured.linear_steps import ChainStep, LadderStep, Step

__all__ = ["NODE", "NOTHING", "Companions", "Network", "Operating", "make_step"]

_STEPS = 60
_POLISHED = 3  # steps of cells alone, together with the nodes, before they are left to themselves
NODE = 100.0  # times rtol: what a node may miss of its largest branch
NOTHING = 1e-25  # ampere: less is no current
_EPS = 1e-15
# Residuals of the first linear steps: from unloaded lines a better step saves a look at all cells,
# in time Newton starts next to its end.
_STEADY, _MOVING = 3e-5, 1e-3


def make_step(problem: CrossbarProblem, method: str) -> Step:
    """Return the linear step for a layout: the structured one, or sparse LU."""
    if method == "mna":
        return SparseStep(problem)
    return LadderStep(problem) if problem.parallel else ChainStep(problem)


@dataclass(frozen=True, eq=False)
class Companions:
    """Capacitors in a time step: k (v - v_0) flows through them; k siemens, v_0 volt, (M, N).

    Attributes
    ----------
    word, bit, cell : (k, v_0)
        From the nodes to ground; from word to bit node across every cell.
    """

    word: tuple[Array, Array]
    bit: tuple[Array, Array]
    cell: tuple[Array, Array]


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
    newton : int
        Newton steps.
    """

    word: Array
    bit: Array
    u: Array
    w: Array
    ends: Sources
    point: CellPoint
    residual: float
    newton: int


@dataclass(frozen=True, eq=False)
class _Evaluation:
    """Cells and Kirchhoff's law at one guess."""

    u: Array
    w: Array
    point: CellPoint
    law: Measured
    static: bool

    @property
    def total(self) -> float:
        """Ampere missing; more where a cell did not converge."""
        if not np.isfinite(self.law.largest):
            return np.inf
        return self.law.total if self.point.bad < 0 else 2.0 * self.law.total

    def done(self, rtol: float) -> bool:
        """Whether Kirchhoff's law holds, for cells whose own equations do."""
        return not self.point.loose and self.holds(rtol)

    def holds(self, rtol: float) -> bool:
        """Whether Kirchhoff's law holds."""
        law = self.law
        if not (np.isfinite(law.largest) and np.isfinite(law.total)):
            return False
        if law.total <= NOTHING:
            return True
        # rounding of voltages is all that is left; of nodes of high voltage, it may hide others
        if law.total <= law.noise and (law.worst <= NODE * rtol or not self.static):
            return True
        return law.total <= rtol * law.largest and law.worst <= NODE * rtol

    def stalled(self, rtol: float) -> bool:
        """Whether what is left may be rounding."""
        return self.law.total <= max(1e3 * rtol * self.law.largest, 10 * self.law.noise, 1e-22)


class Network:
    """Lines and cells of one array, ready to be solved again and again.

    Parameters
    ----------
    problem : CrossbarProblem
        Lines; its conductances are not used.
    cells : Cells
    method : {"structured", "mna"}
        Of the linear steps.
    threads : int
        That evaluate the cells.
    """

    def __init__(
        self, problem: CrossbarProblem, cells: Cells, method: str = "structured",
        threads: int = 1,
    ) -> None:
        self.threads = max(1, threads)
        self.problem, self.cells = problem, cells
        self.lines = Lines(problem)
        self.linear = make_step(problem, method)

    def solve(
        self, sources: Sources, gate: Array, *, base: Array, step: float, state: Array,
        inner: Array | None = None, u: Array | None = None, w: Array | None = None,
        rtol: float = 1e-10, companions: Companions | None = None, scale: float = 0.0,
    ) -> Operating:
        """Solve for the source voltages `sources`, volt, one array per end.

        Parameters
        ----------
        gate : (M, N) volt
        base, step, state, inner
            As for `Cells.evaluate`.
        u, w : (M, N) volt, optional
            Deviations to start from.
        companions : Companions, optional
        scale : float, ampere
            Errors are relative to the largest current, or to `scale` where that is more.

        Raises
        ------
        ConvergenceError
            Names the cell or the node that is worst.
        """
        base_w, base_b = self.lines.lift(sources)
        self._bases, self._scale, self._rtol = (base_w, base_b), scale, rtol
        self._weight = np.abs(gate) + 0.1
        self._height = 2.0 * float(max(np.abs(end).max(initial=0.0) for end in sources))
        shape = self.problem.shape
        u = np.zeros(shape) if u is None else u
        w = np.zeros(shape) if w is None else w
        inner = 0.5 * (base_w + base_b) if inner is None else inner

        def evaluate(
            u: Array, w: Array, state: Array, inner: Array, *, alone: bool = False
        ) -> _Evaluation:
            return self._evaluate(gate, u, w, base, step, state, inner, companions, alone=alone)

        count = polished = 0
        now = evaluate(u, w, state, inner)
        while not now.done(rtol):
            if count >= _STEPS or not np.isfinite(now.total):
                raise self._failure(now, count)
            count += 1
            if now.point.loose and now.holds(rtol):
                # cells whose steps do not shrink any more end them by themselves: what is rounding
                now = evaluate(
                    now.u, now.w, now.point.state, now.point.inner, alone=polished >= _POLISHED
                )
                polished += 1
                continue
            gu, gw = now.point.by_word, now.point.by_bit
            ground = now.point.ground
            if companions is not None:
                alike = gu is gw
                gu = gu + companions.cell[0]
                gw = gu if alike else gw + companions.cell[0]
                ground = ground[0] + companions.word[0], ground[1] + companions.bit[0]
            du, dw, _ = self.linear.solve(
                gu, gw, ground, now.law.res_u, now.law.res_w,
                self._tolerance(now, rtol, _STEADY if companions is None else _MOVING),
            )
            best, scale = self._search(now, du, dw, evaluate)
            if best is None or not np.isfinite(best.total):
                raise self._failure(now, count)
            if best.total >= now.total and now.stalled(rtol) and not now.point.loose:
                break
            if best.total >= now.total * (1 - 1e-12) and count > 3 and scale < 1e-3:
                raise self._failure(now, count)
            now = best
        if now.point.bad >= 0:
            raise self._failure(now, count)
        return self._operating(now, count)

    @staticmethod
    def _tolerance(now: _Evaluation, rtol: float, most: float) -> float:
        """Return how exact a step has to be: to the error that Newton's next one will leave.

        That falls with the square of the present one (Eisenstat and Walker, SIAM J. Sci. Comput.
        17:16, 1996); more than `rtol` is never needed.
        """
        miss = now.law.total / max(now.law.largest, 1e-300)
        return max(min(1.0, 100.0 * miss) * most, 0.1 * rtol / max(miss, rtol), 1e-8)

    def _operating(self, now: _Evaluation, count: int) -> Operating:
        base_w, base_b = self._bases
        worst = 0.0 if now.law.total <= NOTHING else now.law.worst
        if now.static and worst > bound(self._rtol):
            worst = self._beyond_rounding(now)
        return Operating(
            base_w + now.u, base_b + now.w, now.u, now.w, now.law.ends, now.point, worst, count,
        )

    def _beyond_rounding(self, now: _Evaluation) -> float:
        """Return what is missed beyond what rounding the cells' voltages explains.

        Where no current flows at all, all that is measured is rounding.
        """
        point = now.point
        grain = _EPS * self._height * (np.abs(point.by_word) + np.abs(point.by_bit))
        law = self.lines.measure(
            point.current, point.fed, now.u, now.w, self._scale, grain
        )
        return law.worst

    @staticmethod
    def _search(
        now: _Evaluation, du: Array, dw: Array,
        evaluate: Callable[[Array, Array, Array, Array], _Evaluation],
    ) -> tuple[_Evaluation | None, float]:
        """Shorten the step until the residual falls; return the best guess found."""
        best: tuple[_Evaluation, float] | None = None
        scale = 1.0
        for _ in range(14):
            step_u, step_w = (du, dw) if scale == 1.0 else (scale * du, scale * dw)
            state, inner = now.point.state, now.point.inner
            if not now.point.frozen:
                ahead = now.point.lead_word * step_u + now.point.lead_bit * step_w
                first = len(ahead) - len(state)
                state = state + ahead[first:]
                inner = inner + (ahead[0] if inner.ndim == 2 else ahead[:first])
            trial = evaluate(now.u + step_u, now.w + step_w, state, inner)
            if np.isfinite(trial.total):
                if best is None or trial.total < best[0].total:
                    best = (trial, scale)
                if trial.total <= (1 - 1e-4 * scale) * now.total:
                    break
            scale *= 0.5
        return best or (None, scale)

    def _evaluate(
        self, gate: Array, u: Array, w: Array, base: Array, step: float, state: Array,
        inner: Array, companions: Companions | None, *, alone: bool = False,
    ) -> _Evaluation:
        """Evaluate cells and Kirchhoff's law at u, w."""
        base_w, base_b = self._bases
        # cells whose own unknowns move together with the nodes, where they can
        evaluate = getattr(self.cells, "evaluate_together", self.cells.evaluate)
        if alone:
            evaluate = self.cells.evaluate
        point = evaluate(
            base_w + u, base_b + w, gate, base=base, step=step, state=state, inner=inner,
            threads=self.threads, rtol=self._rtol,
        )
        # a transistor's current is rounded as its gate's voltage is
        rounding = 0.0
        if gate.any():
            rounding = float(np.vdot(point.by_word + point.by_bit, self._weight))
        if companions is None:
            law = self.lines.measure(point.current, point.fed, u, w, self._scale)
            noise = law.noise + _EPS * rounding
            return _Evaluation(u, w, point, replace(law, noise=noise), static=True)
        word, bit = base_w + u, base_b + w
        across = companions.cell[0] * (word - bit - companions.cell[1])
        out = point.current + across + companions.word[0] * (word - companions.word[1])
        into = point.fed + across - companions.bit[0] * (bit - companions.bit[1])
        law = self.lines.measure(out, into, u, w, self._scale)
        rounding += ((companions.word[0] + companions.cell[0]) * np.abs(word)).sum()
        rounding += ((companions.bit[0] + companions.cell[0]) * np.abs(bit)).sum()
        noise = law.noise + _EPS * float(rounding)
        return _Evaluation(u, w, point, replace(law, noise=noise), static=False)

    # -- failures ------------------------------------------------------------------------------

    def _drop(self, now: _Evaluation, i: int, j: int) -> float:
        base_w, base_b = self._bases
        return float((base_w + now.u - base_b - now.w)[i, j])

    def _failure(self, now: _Evaluation, count: int) -> ConvergenceError:
        partial = self._operating(now, count)
        if now.point.bad >= 0:
            i, j = divmod(now.point.bad, self.problem.shape[1])
            return ConvergenceError(
                f"the equations of cell ({i}, {j}) did not converge at "
                f"{self._drop(now, i, j):.4g} V: the time step cannot resolve its switching, or "
                "its parameters are extreme", partial
            )
        odd = np.argwhere(~np.isfinite(now.point.current))
        if len(odd):
            i, j = (int(k) for k in odd[0])
            return ConvergenceError(
                f"cell ({i}, {j}) at {self._drop(now, i, j):.4g} V: its law gives no finite "
                "current there", partial
            )
        miss = np.maximum(np.abs(now.law.res_u), np.abs(now.law.res_w))
        worst = int(np.argmax(np.nan_to_num(miss, nan=np.inf)))
        i, j = divmod(worst, miss.shape[1])
        return ConvergenceError(
            f"Newton's iteration stopped after {count} steps; cell ({i}, {j}) at "
            f"{self._drop(now, i, j):.4g} V misses Kirchhoff's law by {miss[i, j]:.2g} A; "
            "lower the drive, or approach it in steps from a smaller one", partial
        )
