"""Crossbars of curved cells to first order in the cells' bend: the Born approximation.

A reference network has one conductance in place of every cell. What flows through a cell beyond
that of the reference is a source inside the reference network, so that

    I = V W + d A,    d = i(v) - g v,    v = V C

is exact for the exact cell voltages v, and of second order in the bend for those of the reference
network, V C: its error is that of d, which the voltages' error changes little. W, C and A follow
from exact solutions of the reference network: three products of matrices for any number of inputs.
(M. Born, Z. Phys. 38:803, 1926, for scattering.)
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ...core.compiled.threads import spread
from ...core.errors import ParameterError
from ...core.validation import Array
from ...netlists.crossbar.cells import CellPoint
from ...netlists.crossbar.crossbar import Crossbar, Wires
from ...netlists.crossbar.ends import Ends
from ...nonidealities.protocols import CellLaw
from ...solvers import Solver
from ...solvers.crossbar.sense_adjoint import sense_fields
from ..nonlinear import SMALL, cell_currents, checked_law
from ..solver_bridge import Setting, checked_tensor, setting, to_numpy

__all__ = ["BornNetwork", "born_network"]

_DEGREE = 13  # of the series for a cell's current
_NEGLIGIBLE = 1e-8  # of the largest coefficient
_MARGIN = 1.5  # cell voltages over the largest input, within which the series are good
_AT_ONCE = 1 << 21  # cell voltages at once
_CHUNK = 32  # unit inputs solved at once
_LEAST = 8  # vectors that are worth a thread
_NEWTON = 1e-6  # rtol where the approximation is not good enough
ERROR = 0.01  # up to which it is


class BornNetwork:
    """One array of curved cells, ready for any number of inputs; made by `born_network`.

    Memory: M N (M + N) numbers of single precision.

    Attributes
    ----------
    reference : (M, N) array, siemens
        Conductances that stand for the cells.
    error : float
        Root mean square of the first-order currents' errors over that of the exact ones, at those
        sample inputs that the reference was not made of.
    exact : bool
        Whether that was too much, and every input is solved by Newton's method instead.
    most : float
        Volt: inputs may be that large.
    """

    def __init__(
        self, setting: Setting, iv: CellLaw, G: Array, at: Array, wires: Wires, most: float | None
    ) -> None:
        self._setting, self._iv, self._wires = setting, iv, wires
        self._G = G
        cells = iv.cells(G)
        solver = setting.solver
        exact = solver.solve(Crossbar(wires=wires, ends=setting.ends, cells=cells), at)
        used = slice(None, None, 2)
        told = slice(1, None, 2) if len(at) > 1 else used
        self.reference = _reference(cells, exact.cell_voltages[used], exact.cell_currents[used])
        self.most = _MARGIN * max(float(np.abs(at).max()) if most is None else most, 1e-12)
        linear = Crossbar(self.reference, wires, setting.ends)
        rows, columns = G.shape
        across = np.empty((rows, rows * columns), np.float32)
        matrix = np.empty((rows, columns), np.float32)
        for start in range(0, rows, _CHUNK):
            own = slice(start, start + _CHUNK)
            sol = solver.solve(linear, np.eye(rows)[own])
            across[own] = sol.cell_voltages.reshape(-1, rows * columns)
            matrix[own] = sol.currents
        sensed = sense_fields(solver, linear).across.reshape(columns, -1)
        self._across, self._matrix, self._sensed = (
            torch.from_numpy(x) for x in (across, matrix, sensed.astype(np.float32))
        )
        self._all_terms = self._expand(cells)
        self._series = self._single(self._all_terms)
        self._slopes: tuple[Array, Array] | None = None
        self.exact = False
        with torch.no_grad():
            found = self.forward(torch.from_numpy(at[told])).double().numpy()
        power = float(np.square(exact.currents[told]).mean())
        miss = float(np.square(found - exact.currents[told]).mean())
        self.error = (miss / power) ** 0.5 if power > 0.0 else 0.0
        if not self.error <= ERROR:
            self.exact = True
            del self._across, self._sensed, self._matrix, self._series, self._all_terms

    # -- the cells ---------------------------------------------------------------------------

    def _expand(self, cells: Any, *, slopes: bool = False) -> Array:
        """Return the Chebyshev coefficients (K, M N) of the excess current, or of di/dG."""
        x = np.cos(np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1))
        values = []
        zero, gates = np.zeros(cells.shape), cells.gates()
        for volts in self.most * x:
            v, point = _look(cells, volts)
            found = (cells.slopes(v, zero, gates, point).conductance if slopes
                     else point.current - self.reference * volts)
            values.append(found.ravel())
        basis = np.polynomial.chebyshev.chebvander(x, _DEGREE)
        weights = 2.0 / (_DEGREE + 1) * basis.T
        weights[0] *= 0.5
        terms: Array = weights @ np.stack(values)
        return terms

    @staticmethod
    def _single(coefficients: Array) -> Any:
        """Return coefficients of single precision, without those at the end that do nothing."""
        size = np.abs(coefficients).max(axis=1)
        count = int(np.flatnonzero(size > _NEGLIGIBLE * size.max()).max(initial=1)) + 1
        return np.ascontiguousarray(coefficients[:max(count, 2)], np.float32)

    def _derivatives(self) -> tuple[Any, Any]:
        """Return the series of the excess current's derivatives, by voltage and conductance."""
        if self._slopes is None:
            cells = self._iv.cells(self._G)
            by_v: Array = np.asarray(
                np.polynomial.chebyshev.chebder(self._all_terms, axis=0) / self.most, np.float64
            )
            self._slopes = self._single(by_v), self._single(self._expand(cells, slopes=True))
        return self._slopes

    # -- currents ----------------------------------------------------------------------------

    def currents(self, V: Tensor, G: Tensor) -> Tensor:
        """Return the currents (B, N), ampere, at inputs V (B, M), volt.

        Differentiable in both, to first order as the currents are: the reference network is held.

        Parameters
        ----------
        V : (B, M) tensor
        G : (M, N) tensor, siemens
            The conductances that the network was made of; what gets the gradient.

        Raises
        ------
        ParameterError
            Inputs larger than `most`.
        """
        largest = float(V.detach().abs().max()) if V.numel() else 0.0
        if not largest <= self.most:
            raise ParameterError(
                f"an input of {largest:.3g} V: the cells' currents are known up to "
                f"{self.most:.3g} V here; give `most`, the largest input, when making the network"
            )
        if self.exact:
            wires, fixed = self._wires, self._setting
            return cell_currents(
                V, G, self._iv, float(wires.word), float(wires.bit), driver=fixed.driver,
                sense=fixed.sense, ends=fixed.ends,
                solver=replace(fixed.solver, rtol=max(fixed.solver.rtol, _NEWTON)),
            )
        result: Tensor = _Born.apply(V, G, self)  # type: ignore[no-untyped-call]
        return result

    def _chunks(self, batch: int) -> list[slice]:
        step = max(1, _AT_ONCE // self._across.shape[1])
        return [slice(start, start + step) for start in range(0, batch, step)]

    def forward(self, V: Tensor) -> Tensor:
        """Return the currents (B, N) of single precision, of first order."""
        volts = V.detach().to(torch.float32)
        out = volts @ self._matrix
        for own in self._chunks(len(V)):
            v = volts[own] @ self._across
            _evaluate(v, self._series, self.most, v)
            out[own].addmm_(v, self._sensed.T)
        return out

    def backward(self, V: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients by V and the conductances from that by the currents."""
        volts, by_current = V.detach().to(torch.float32), grad.to(torch.float32)
        slope, by_g = self._derivatives()
        by_v = by_current @ self._matrix.T
        total = torch.zeros(self._across.shape[1], dtype=torch.float64)
        for own in self._chunks(len(V)):
            v = volts[own] @ self._across
            back = by_current[own] @ self._sensed
            term = torch.empty_like(v)
            _evaluate(v, by_g, self.most, term)
            total += (term * back).sum(dim=0)
            _evaluate(v, slope, self.most, term)
            by_v[own].addmm_(term.mul_(back), self._across.T)
        return by_v, total.reshape(self.reference.shape)


class _Born(torch.autograd.Function):
    """Currents of one network: V (B, M), G (M, N) -> (B, N)."""

    @staticmethod
    def forward(ctx: Any, V: Tensor, G: Tensor, network: BornNetwork) -> Tensor:
        ctx.network = network
        ctx.save_for_backward(V)
        ctx.kinds = V.dtype, G.dtype
        return network.forward(V).to(torch.promote_types(V.dtype, G.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        (V,) = ctx.saved_tensors
        by_v, by_g = ctx.network.backward(V, grad)
        return by_v.to(ctx.kinds[0]), by_g.to(ctx.kinds[1]), None


def _evaluate(v: Tensor, coefficients: Any, reach: float, out: Tensor) -> None:
    """Fill `out` (B, n) with the series at v, by as many threads as torch takes."""
    from .kernels_series import series  # noqa: PLC0415 - imports numba

    volts, found = v.numpy(), out.numpy()
    parts = max(1, min(torch.get_num_threads(), len(volts) // _LEAST))
    cuts = [len(volts) * k // parts for k in range(parts + 1)]
    spread(lambda k: series(
        volts[cuts[k] : cuts[k + 1]], coefficients, reach, found[cuts[k] : cuts[k + 1]]
    ), parts, parts)


def _look(cells: Any, volts: float) -> tuple[Array, CellPoint]:
    """Return one voltage for all cells, (M, N), and what they do at it."""
    v, zero = np.full(cells.shape, volts), np.zeros(cells.shape)
    return v, cells.evaluate(
        v, zero, cells.gates(), base=cells.state, step=0.0, state=cells.state, inner=zero
    )


def _reference(cells: Any, voltages: Array, currents: Array) -> Array:
    """Return the conductances of least squares over cells' voltages and currents (S, M, N)."""
    square = np.square(voltages).sum(axis=0)
    driven = square > SMALL**2 * len(voltages)
    low = _look(cells, SMALL)[1].current / SMALL
    fit = (voltages * currents).sum(axis=0) / np.where(driven, square, 1.0)
    found: Array = np.where(driven, fit, low)
    return found


def born_network(
    G: Tensor,
    iv: CellLaw,
    at: Any,
    word: float = 0.0,
    bit: float = 0.0,
    *,
    most: float | None = None,
    driver: float = 0.0,
    sense: float = 0.0,
    ends: Ends | None = None,
    solver: Solver | None = None,
) -> BornNetwork:
    """Return the network that gives the currents of a crossbar of curved cells to first order.

    Parameters
    ----------
    G : (M, N) tensor, siemens
    iv : CellLaw
    at : (S, M) or (M,) array, volt
        Typical inputs. The reference network is made of every other one; the others tell the
        error. Where that is more than 0.01, inputs are solved by Newton's method, to a `rtol` of
        1e-6.
    word, bit : float
        Ohm per segment.
    most : float, optional
        Volt: the largest input; default: that of `at`. Half as much more is allowed.
    driver, sense, ends, solver
        As in `cell_currents`.

    Raises
    ------
    ParameterError, SingularCircuitError, ConvergenceError, BackendUnavailable

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn.born import born_network
    >>> from crossbarsim.nonidealities import SinhIV
    >>> G = torch.full((8, 4), 1e-4)
    >>> V = torch.linspace(-0.2, 0.2, 8 * 6).reshape(6, 8)
    >>> network = born_network(G, SinhIV(0.25), V, word=2.0, bit=2.0)
    >>> tuple(network.currents(V, G).shape), network.exact, network.error < 1e-3
    ((6, 4), False, True)
    """
    checked_tensor("G", G)
    if G.ndim != 2:
        raise ParameterError(f"`G` must have shape (M, N); got {tuple(G.shape)}")
    given = at.detach() if isinstance(at, Tensor) else at
    volts = np.atleast_2d(np.asarray(given, dtype=np.float64))
    fixed = setting(solver, ends, driver, sense)
    wires = Wires(word, bit, driver=driver, sense=sense)
    return BornNetwork(fixed, checked_law(iv), to_numpy("G", G), volts, wires, most)

