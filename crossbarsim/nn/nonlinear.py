"""Crossbars of cells with curved I-V as differentiable PyTorch functions, exact and linearised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..core.errors import ParameterError
from ..core.validation import Array
from ..netlists.crossbar.crossbar import Crossbar, Wires
from ..netlists.crossbar.ends import Ends
from ..nonidealities.protocols import CellLaw
from ..solvers import Solver
from ..solvers.solution import Gradients
from .functional import effective_matrices
from .solver_bridge import (
    Resistance,
    Setting,
    checked_tensor,
    currents,
    gradients,
    resistance_tensor,
    setting,
    solutions,
    tiled,
    to_numpy,
)

__all__ = [
    "SMALL", "SurrogateError", "cell_currents", "checked_law", "linearised_matrices",
    "linearised_matrix", "surrogate_error",
]

Kind = Literal["fit", "secant", "tangent"]
_KEPT = 1 << 23  # numbers of node voltages that wait for `backward`; else they are solved again
SMALL = 1e-6  # volt: a cell without voltage is linearised there, at its low field


@dataclass(frozen=True)
class _Curved:
    """What is not differentiated."""

    fixed: Setting
    iv: CellLaw

    def crossbar(self, G: Array, word: Array, bit: Array) -> Crossbar:
        wires = Wires(word, bit, driver=self.fixed.driver, sense=self.fixed.sense)
        return Crossbar(wires=wires, ends=self.fixed.ends, cells=self.iv.cells(G))


class _CellCurrents(torch.autograd.Function):
    """Currents of T crossbars: V (T, B, M), G (T, M, N) -> (T, B, N)."""

    @staticmethod
    def forward(
        ctx: Any, V: Tensor, G: Tensor, word: Tensor, bit: Tensor, curved: _Curved
    ) -> Tensor:
        volts, cells = to_numpy("V", V), to_numpy("G", G)
        r_word, r_bit = to_numpy("word", word), to_numpy("bit", bit)
        xbars = [curved.crossbar(g, r_word, r_bit) for g in cells]
        solver = curved.fixed.solver
        size = 3 * volts.shape[1] * cells.size  # numbers of a solution with all its fields
        keep = any(ctx.needs_input_grad) and size <= _KEPT
        found = solutions(solver, xbars, volts, keep=keep)
        ctx.solutions, ctx.xbars, ctx.solver = found if keep else None, xbars, solver
        ctx.save_for_backward(V, G, word, bit)
        return currents(found, V, G)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        V, G, word, bit = ctx.saved_tensors
        wires = ctx.needs_input_grad[2] or ctx.needs_input_grad[3]
        losses = to_numpy("grad", grad)
        if ctx.solutions is not None:
            grads = [
                ctx.solver.vjp(sol, g, wires=wires)
                for sol, g in zip(ctx.solutions, losses, strict=True)
            ]
        else:
            grads = [
                _solve_again(ctx.solver, xbar, v, g, wires=wires)
                for xbar, v, g in zip(ctx.xbars, to_numpy("V", V), losses, strict=True)
            ]
        return (*gradients(grads, V, G, word, bit), None)


def _solve_again(
    solver: Solver, xbar: Crossbar, V: Array, grad: Array, *, wires: bool
) -> Gradients:
    """Return the gradients of one crossbar, a few vectors at a time: their fields were not kept."""
    chunk = max(1, _KEPT // (3 * xbar.shape[0] * xbar.shape[1]))
    total: Gradients | None = None
    by_v = []
    for start in range(0, len(V), chunk):
        part = slice(start, start + chunk)
        found = solver.vjp(solver.solve(xbar, V[part]), grad[part], wires=wires)
        by_v.append(found.V)
        if total is None:
            total = found
            continue
        for name in ("conductance", "word", "bit"):
            target = getattr(total, name)
            target += getattr(found, name)
    if total is None:
        raise AssertionError("there is one vector at least")
    total.V = np.concatenate(by_v)
    return total


def checked_law(iv: Any) -> CellLaw:
    """Return a characteristic, or raise a `ParameterError`."""
    if not isinstance(iv, CellLaw):
        raise ParameterError(
            "`iv` must be a current-voltage characteristic, such as SinhIV(0.25) or "
            f"DeviceIV(StanfordPKU()); got {type(iv).__name__}"
        )
    return iv


def cell_currents(
    V: Tensor,
    G: Tensor,
    iv: CellLaw,
    word: Resistance = 0.0,
    bit: Resistance = 0.0,
    *,
    driver: float = 0.0,
    sense: float = 0.0,
    ends: Ends | None = None,
    solver: Solver | None = None,
) -> Tensor:
    """Return the bit-line currents of crossbars whose cells have the characteristic `iv`.

    Exact: Newton's iteration on all node voltages for every vector; the gradient by one solve of
    the adjoint network per vector, the derivative of the cells' currents by G included.

    Parameters
    ----------
    V : (M,), (B, M) or (T, B, M) tensor, volt
    G : (M, N) or (T, M, N) tensor, siemens
        Conductances where `iv` means them (its read voltage, or at low field).
    iv : CellLaw
        ``SinhIV``, ``PolynomialIV``, ``DeviceIV``, ``TableIV``.
    word, bit : float or tensor, ohm per segment
        Shapes as in `Wires`; shared by all T crossbars.
    driver, sense, ends
        As in `Wires` and `Crossbar`.
    solver : Solver, optional

    Returns
    -------
    (N,), (B, N) or (T, B, N) tensor, ampere, of the wider dtype of V and G

    Raises
    ------
    ParameterError, SingularCircuitError, ConvergenceError, BackendUnavailable
    """
    volts, cells = tiled(V, G)
    curved = _Curved(setting(solver, ends, driver, sense), checked_law(iv))
    result: Tensor = _CellCurrents.apply(  # type: ignore[no-untyped-call]
        volts, cells, resistance_tensor("word", word), resistance_tensor("bit", bit), curved
    )
    return result.reshape(*V.shape[:-1], G.shape[-1])


# -- one linearisation per array -------------------------------------------------------------------


def _cell_conductances(
    curved: _Curved, G: Array, at: Array, word: Array, bit: Array, kind: Kind
) -> tuple[Array, Array]:
    """Return the conductances (M, N) that stand for the cells, and their derivatives by G."""
    xbar = curved.crossbar(G, word, bit)
    cells: Any = xbar.cells
    zero, gates = np.zeros(xbar.shape), cells.gates()

    def look(v: Array) -> tuple[Array, Array]:
        """Return i and di/dG."""
        point = cells.evaluate(
            v, zero, gates, base=cells.state, step=0.0, state=cells.state, inner=zero
        )
        return point.current, cells.slopes(v, zero, gates, point).conductance

    low = np.full(xbar.shape, SMALL)
    if kind == "tangent":
        i, by_g = look(low)
        return i / SMALL, by_g / SMALL
    across = curved.fixed.solver.solve(xbar, at).cell_voltages
    square = np.einsum("smn,smn->mn", across, across)
    driven = square > SMALL**2 * len(at)
    if kind == "secant":
        v = np.where(driven, np.sqrt(square / len(at)), low)
        i, by_g = look(v)
        return i / v, by_g / v
    fit, slope = np.zeros(xbar.shape), np.zeros(xbar.shape)
    for v in across:
        i, by_g = look(v)
        fit += i * v
        slope += by_g * v
    i, by_g = look(low)
    total = np.where(driven, square, 1.0)
    return (np.where(driven, fit / total, i / SMALL),
            np.where(driven, slope / total, by_g / SMALL))


def linearised_matrices(
    G: Sequence[Tensor],
    iv: CellLaw,
    at: Sequence[Any],
    word: Resistance = 0.0,
    bit: Resistance = 0.0,
    *,
    kind: Kind = "fit",
    driver: float = 0.0,
    sense: float = 0.0,
    ends: Ends | None = None,
    solver: Solver | None = None,
) -> list[Tensor]:
    """Return the matrix (N, M) siemens that stands for each crossbar of curved cells.

    Every cell is replaced by one conductance, and the network of these is solved exactly, wires
    included; currents are ``V @ W.T``. Differentiable in G (the voltages at which the cells are
    linearised are held) and in the wires.

    Parameters
    ----------
    G : sequence of (M, N) tensors, siemens
    iv : CellLaw
    at : sequence of (S, M) or (M,) arrays, volt
        Typical inputs of each crossbar, such as a few of a calibration's.
    word, bit, driver, sense, ends, solver
        As in `cell_currents`.
    kind : {"fit", "secant", "tangent"}
        "fit": the conductance of least squares over the cell's voltages in the exact solutions for
        `at`, sum(i v) / sum(v^2), which is optimal in the sense of Bussgang's theorem and of the
        describing function; "secant": i(v)/v at the root mean square of these voltages; "tangent":
        the low-field conductance, for which `at` is not used. See `surrogate_error`.

    Raises
    ------
    ParameterError, SingularCircuitError, ConvergenceError, BackendUnavailable
    """
    if kind not in ("fit", "secant", "tangent"):
        raise ParameterError(f'`kind` must be "fit", "secant" or "tangent"; got {kind!r}')
    if len(G) != len(at):
        raise ParameterError(f"{len(G)} crossbars but {len(at)} sets of typical inputs, `at`")
    curved = _Curved(setting(solver, ends, driver, sense), checked_law(iv))
    r_word, r_bit = resistance_tensor("word", word), resistance_tensor("bit", bit)
    stand_ins = []
    for k, g in enumerate(G):
        checked_tensor(f"G[{k}]", g)
        if g.ndim != 2:
            raise ParameterError(f"`G[{k}]` must have shape (M, N); got {tuple(g.shape)}")
        given = at[k].detach() if isinstance(at[k], Tensor) else at[k]
        volts = np.atleast_2d(np.asarray(given, dtype=np.float64))
        values, slopes = _cell_conductances(
            curved, to_numpy(f"G[{k}]", g), volts, to_numpy("word", r_word),
            to_numpy("bit", r_bit), kind,
        )
        fixed, slope = (torch.from_numpy(x).to(g.dtype) for x in (values, slopes))
        stand_ins.append(fixed + slope * (g - g.detach()))
    return effective_matrices(
        stand_ins, r_word, r_bit, solver=solver, ends=ends, driver=driver, sense=sense
    )


def linearised_matrix(
    G: Tensor,
    iv: CellLaw,
    at: ArrayLike,
    word: Resistance = 0.0,
    bit: Resistance = 0.0,
    *,
    kind: Kind = "fit",
    driver: float = 0.0,
    sense: float = 0.0,
    ends: Ends | None = None,
    solver: Solver | None = None,
) -> Tensor:
    """Return the matrix (N, M) siemens that stands for one crossbar; see `linearised_matrices`."""
    return linearised_matrices(
        [G], iv, [at], word, bit, kind=kind, driver=driver, sense=sense, ends=ends, solver=solver
    )[0]


@dataclass(frozen=True)
class SurrogateError:
    """How far a matrix is from the exact currents of sample vectors.

    Attributes
    ----------
    rms : float
        Root mean square of the errors over that of the currents.
    worst : float
        Largest error over the largest current.
    gain : float
        Of the least-squares line from exact to surrogate currents: what a calibration removes.
    residual : float
        As `rms`, after that line: what no calibration removes.
    """

    rms: float
    worst: float
    gain: float
    residual: float


def surrogate_error(
    matrix: Tensor,
    V: Tensor,
    G: Tensor,
    iv: CellLaw,
    word: Resistance = 0.0,
    bit: Resistance = 0.0,
    *,
    driver: float = 0.0,
    sense: float = 0.0,
    ends: Ends | None = None,
    solver: Solver | None = None,
) -> SurrogateError:
    """Compare ``V @ matrix.T`` with the exact currents of the sample vectors V (B, M), volt.

    Take other vectors than those at which the cells were linearised. Parameters as in
    `cell_currents`.
    """
    with torch.no_grad():
        exact = cell_currents(
            V, G, iv, word, bit, driver=driver, sense=sense, ends=ends, solver=solver
        ).double()
        if matrix.shape != (G.shape[1], G.shape[0]):
            raise ParameterError(
                f"`matrix` must have shape {(G.shape[1], G.shape[0])}; got {tuple(matrix.shape)}"
            )
        found = V.double() @ matrix.double().T
        power = float((exact * exact).mean())
        if power == 0.0:
            raise ParameterError("`V` drives no current; the error is relative to currents")
        miss = found - exact
        gain = float((found * exact).mean()) / power
        rest = found - gain * exact
        return SurrogateError(
            rms=float((miss * miss).mean() / power) ** 0.5,
            worst=float(miss.abs().max() / exact.abs().max()),
            gain=gain,
            residual=float((rest * rest).mean() / power) ** 0.5,
        )
