"""What the verbs of `CrossbarSolver` refuse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ...core.errors import ParameterError
from ...netlists.crossbar.crossbar import Crossbar
from ..solution import Solution

__all__ = [
    "Fields", "batchable", "check_crossbar", "check_fields", "check_linear", "need_resistors",
    "why_not",
]

Fields = Literal["all", "currents"]


def check_crossbar(xbar: object) -> None:
    """Refuse what is no crossbar."""
    if not isinstance(xbar, Crossbar):
        raise ParameterError(f"`xbar` must be a Crossbar; got {type(xbar).__name__}")


def check_fields(fields: Fields) -> Fields:
    """Return `fields`, or refuse it."""
    if fields not in ("all", "currents"):
        raise ParameterError(f'`fields` must be "all" or "currents"; got {fields!r}')
    return fields


def batchable(xbar: object) -> bool:
    """Whether array backends solve it: a crosspoint array of plain resistors."""
    check_crossbar(xbar)
    return isinstance(xbar, Crossbar) and xbar.linear and xbar.layout == "crosspoint"


def need_resistors(xbar: Crossbar) -> None:
    """Refuse cells that are not plain resistors."""
    if not xbar.linear:
        raise ParameterError(
            "the cells are not plain resistors: the crossbar has no one effective matrix; give "
            "`at`, the input to linearise at, or use Crossbar(xbar.conductance, ...) for the "
            "matrix of the devices' conductances at their read voltage"
        )


def check_linear(xbars: Sequence[Crossbar]) -> None:
    """Refuse crossbars whose currents are not linear in V alone."""
    for k, xbar in enumerate(xbars):
        check_crossbar(xbar)
        need_resistors(xbar)
        for name, end in xbar.line_ends.items():
            if end.kind != "mixed":
                continue
            fixed = end.connected & ~np.isnan(end.voltage) & (end.voltage != 0)
            if fixed.any():
                raise ParameterError(
                    f"xbars[{k}]: `ends.{name}` holds line {int(np.argmax(fixed))} at "
                    f"{end.voltage[fixed][0]:g} V, so currents are not linear in V alone; "
                    "use affine_map(xbar)"
                )


def why_not(solution: Solution, failure: str = "") -> str:
    """Say why a solution has not converged; `failure` is what its method said."""
    if not failure and solution.iterations:
        failure = (
            f"{solution.method} stopped after {solution.iterations} iterations with a KCL "
            f"residual of {solution.residual:.1e} and currents that are not known to `rtol`; "
            "raise `max_iterations`, or leave it None to let the direct method take over"
        )
    elif not failure:
        failure = (
            f"{solution.method} misses Kirchhoff's law by {solution.residual:.1e} of the currents "
            "at some node: conductances so far apart are beyond double precision"
        )
    largest = solution.crossbar.conductance.max()
    if largest > 1.0:
        failure += (
            f". Conductances up to {largest:.3g} S look like ohms: they are siemens, 1 / resistance"
        )
    return failure
