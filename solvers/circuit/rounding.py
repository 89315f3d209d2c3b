"""What rounding of the equations themselves may do to an operating point."""

from __future__ import annotations

import numpy as np

from ...core.errors import SingularCircuitError
from ...core.validation import Array
from .linear_solvers.klu import new_factors
from .linear_solvers.lu import Factors, SingularMatrixError
from .newton import Newton
from .system.element_group import Instant

__all__ = ["check_rounding"]

_EPS = float(np.finfo(float).eps)
_LOST = 1e-3  # of the largest voltage


def check_rounding(newton: Newton, x: Array, now: Instant) -> bool:
    """Refuse an operating point of which rounding leaves no three digits.

    A matrix keeps of a node the sum of its conductances: of 1e-12 S beside a wire of 1e6 S nothing
    is left, and no residual shows it, as it is found with the same matrix. The terms t of every
    row are known to eps t, which is worth |A^-1| eps t in the voltages (Skeel, J. ACM 26:494,
    1979), estimated with two choices of the signs.

    Returns whether there was anything to judge by: without voltages there is no rounding.

    Raises
    ------
    SingularCircuitError
        Names the nodes.
    """
    system = newton.system
    if not system.size:
        return True
    system.evaluate(x, now)
    for group in system.groups:
        group.judge(x)
    factors: Factors = newton.factors
    try:
        if not system.linear:
            factors = new_factors(
                system.options, system.indptr, system.indices, like=newton.factors
            )
            factors.factor(np.array(system.jacobian()))
    except SingularMatrixError:
        return True  # Newton's steps met another matrix; what this one says is not known
    rounding = _EPS * system.terms(x)
    rounding[-1] = 0.0
    signs = np.where(np.arange(len(rounding)) % 2, -1.0, 1.0)
    error = np.maximum(
        np.abs(factors.solve(rounding)), np.abs(factors.solve(rounding * signs))
    )
    volts = np.flatnonzero(system.units == "V")
    largest = np.abs(x[volts]).max(initial=0.0)
    lost = volts[~(error[volts] <= _LOST * largest)].tolist()
    if not lost:
        return bool(largest > 0.0)
    worst = max(lost, key=lambda k: float(np.nan_to_num(error[k], nan=np.inf)))
    names = tuple(system.labels[k][2:-1] for k in lost)
    raise SingularCircuitError(
        f"rounding leaves {system.labels[worst]} unknown: it is {x[worst]:.3g} V give or take "
        f"{error[worst]:.1g} V, as what ties it to the rest is less than the rounding "
        "of the conductances at it; merge the nodes that its smallest resistances join (0 ohm), or "
        "tie it to a source or ground by a larger conductance", names,
    )
