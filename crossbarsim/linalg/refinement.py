"""Linear systems solved on an inexact operator, to the precision of exact residuals."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator, aslinearoperator, cg, gmres

from ..core.errors import ConvergenceError, ParameterError
from ..core.settings import checks_arguments
from ..core.validation import Array, choice, count, finite_array, number
from ..core.views.brief import brief_repr

__all__ = ["Refinement", "refine"]

Inner = Literal["gmres", "cg", "richardson"]
_WORSE = 1e3  # times the first residual: the iteration runs away


@dataclass(frozen=True)
class Refinement:
    """A solution, and how it came.

    Attributes
    ----------
    x : (N,) array
    residuals : (K + 1,) array
        Norm of b - A x over that of b, before the first and after every outer iteration.
    reads : (K,) array
        Products on the inexact operator in every outer iteration.
    converged : bool
    """

    x: Array
    residuals: Array
    reads: Array
    converged: bool

    __repr__ = brief_repr

    @property
    def iterations(self) -> int:
        """Outer iterations."""
        return len(self.reads)

    def plot(self, *, ax: Any = None, label: str | None = None) -> Any:
        """Draw the residual against the outer iteration; return matplotlib's axes."""
        if ax is None:
            from matplotlib.figure import Figure  # noqa: PLC0415 - matplotlib is an extra

            ax = Figure(figsize=(5.0, 3.4), layout="constrained").subplots()
        ax.semilogy(np.arange(len(self.residuals)), self.residuals, marker="o", label=label)
        ax.set_xlabel("Outer iteration")
        ax.set_ylabel(r"Relative residual $\|b - Ax\| / \|b\|$")
        ax.grid(visible=True, alpha=0.3)
        return ax


@checks_arguments
def refine(
    A: Any, b: ArrayLike, chip: LinearOperator, *, inner: Inner | Callable[..., Any] = "gmres",
    rtol: float = 1e-12, inner_rtol: float = 1e-2, inner_iterations: int = 30,
    max_iterations: int = 100, x0: ArrayLike | None = None,
) -> Refinement:
    """Solve A x = b with products on a chip inside, and residuals in float64 outside.

    Iterative refinement as in Le Gallo et al., Nature Electronics 1:246 (2018),
    doi:10.1038/s41928-018-0054-8: from the residual r = b - A x, computed exactly, an inner solver
    that multiplies on `chip` alone finds z with A z = r, roughly, and z is added to x. Nearly all
    products are the chip's; the solution is as good as the residual, not as the chip. It
    converges where the inner solution is less than r off, each time by that factor.

    Parameters
    ----------
    A : (N, N) array, sparse matrix or LinearOperator
        Exact.
    b : (N,) array
    chip : LinearOperator
        The same matrix, inexact: a `CrossbarMatrix`.
    inner : {"gmres", "cg", "richardson"} or callable
        "cg" needs A symmetric and positive definite; "richardson" steps of the residual times the
        length that makes it smallest; a callable gets (chip, r) and returns z.
    rtol : float
        Of the residual over b.
    inner_rtol, inner_iterations
        Where the inner solver stops: its own residual, its number of products.
    max_iterations : int
        Outer ones.
    x0 : (N,) array, optional
        First guess; default 0.

    Returns
    -------
    Refinement

    Raises
    ------
    ParameterError
        Shapes that do not fit.
    ConvergenceError
        The residual does not reach `rtol`; `partial` is the best so far.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.linalg import CrossbarMatrix, refine
    >>> A = 4.0 * np.eye(8) + np.eye(8, k=1) + np.eye(8, k=-1)
    >>> found = refine(A, np.ones(8), CrossbarMatrix(A), inner="cg")  # wires of 1 ohm a segment
    >>> bool(np.linalg.norm(A @ found.x - 1.0) < 1e-11), found.converged
    (True, True)
    """
    exact = _operator("A", A)
    rough = _operator("chip", chip)
    right = finite_array("b", b)
    if right.ndim != 1 or exact.shape != (len(right),) * 2 or rough.shape != exact.shape:
        raise ParameterError(
            f"`A` {exact.shape}, `chip` {rough.shape} and `b` {right.shape} do not fit: one square "
            "shape, and as many entries"
        )
    solve = inner if callable(inner) else _inner(
        choice("inner", inner, ("gmres", "cg", "richardson")),
        number("inner_rtol", inner_rtol, low=0.0, high=1.0, open_low=True),
        count("inner_iterations", inner_iterations),
    )
    goal = number("rtol", rtol, low=0.0, open_low=True)
    count("max_iterations", max_iterations)
    x = np.zeros_like(right) if x0 is None else np.array(finite_array("x0", x0))
    if x.shape != right.shape:
        raise ParameterError(f"`x0` must have the shape of `b`, {right.shape}; got {x.shape}")
    size = float(np.linalg.norm(right)) or 1.0
    counted = _Counted(rough)
    inside = LinearOperator(
        rough.shape, matvec=counted.matvec, rmatvec=counted.rmatvec, dtype=np.dtype(np.float64)
    )
    r = right - exact @ x
    residuals = [float(np.linalg.norm(r)) / size]
    reads: list[int] = []
    best = x, residuals[0]
    while residuals[-1] > goal and len(reads) < max_iterations:
        before = counted.products
        z = np.asarray(solve(inside, r), dtype=np.float64)
        if z.shape != x.shape:
            raise ParameterError(f"`inner` must return z of shape {x.shape}; got {z.shape}")
        x = x + z
        r = right - exact @ x
        residuals.append(float(np.linalg.norm(r)) / size)
        reads.append(counted.products - before)
        if residuals[-1] < best[1]:
            best = x, residuals[-1]
        if not residuals[-1] < _WORSE * residuals[0]:
            break
    found = Refinement(best[0], np.array(residuals), np.array(reads, dtype=int), best[1] <= goal)
    if not found.converged:
        raise ConvergenceError(
            f"the residual reached {best[1]:.2g}, not {goal:g}, in {len(reads)} iterations: the "
            "operator inside may be too far off (A.effective_matrix() against A), or its inner "
            "solver too short: raise `inner_iterations`, lower `inner_rtol`", found,
        )
    return found


def _operator(name: str, value: Any) -> Any:
    try:
        found = aslinearoperator(
            value if hasattr(value, "matvec") or hasattr(value, "tocsr")
            else finite_array(name, value)
        )
    except (TypeError, ValueError) as error:
        if isinstance(error, ParameterError):
            raise
        raise ParameterError(f"`{name}` must be a matrix or a LinearOperator: {error}") from None
    return found


class _Counted:
    """Products of an operator, and how many there were."""

    def __init__(self, operator: Any) -> None:
        self._operator, self.products = operator, 0

    def matvec(self, x: Array) -> Any:
        self.products += 1
        return self._operator.matvec(x)

    def rmatvec(self, x: Array) -> Any:
        self.products += 1
        return self._operator.rmatvec(x)


def _inner(name: str, rtol: float, iterations: int) -> Callable[[Any, Array], Array]:
    if name == "richardson":
        return lambda operator, r: _richardson(operator, r, rtol, iterations)
    solver = cg if name == "cg" else gmres
    key = "rtol" if "rtol" in inspect.signature(solver).parameters else "tol"  # before SciPy 1.12
    options: dict[str, Any] = {key: rtol, "atol": 0.0}
    if name == "cg":
        options["maxiter"] = iterations
    else:
        options |= {"restart": iterations, "maxiter": 1}

    def run(operator: Any, r: Array) -> Array:
        z, _ = solver(operator, r, **options)  # as far as it came
        return np.asarray(z)

    return run


def _richardson(operator: Any, r: Array, rtol: float, iterations: int) -> Array:
    """Return z after steps along the residual, each as long as leaves least of it."""
    z, left = np.zeros_like(r), r
    goal = rtol * float(np.linalg.norm(r))
    for _ in range(iterations):
        if math.sqrt(float(left @ left)) <= goal:
            break
        image = operator.matvec(left)
        size = float(image @ image)
        if not size:
            break
        step = float(image @ left) / size
        z = z + step * left
        left = left - step * image
    return z
