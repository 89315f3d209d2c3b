"""Which function runs which kind of analysis: each registers itself, see `register`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args

from ....core.errors import NetlistError
from ....netlists.analyses import Analysis
from ....netlists.circuit import Circuit
from ..results.result import Result

__all__ = ["Runner", "register", "runner_of"]

Runner = Callable[[Circuit, Any, Sequence[str] | None], Result]
_runners: dict[type, Runner] = {}


def register(kind: type) -> Callable[[Runner], Runner]:
    """Register a function that runs all analyses of this class.

    It gets the circuit, the analysis and the names to keep (None: all), and returns a result.
    """

    def keep(runner: Runner) -> Runner:
        _runners[kind] = runner
        return runner

    return keep


def runner_of(analysis: Analysis) -> Runner:
    """Return what runs an analysis.

    Raises
    ------
    NetlistError
        Nothing runs analyses of this kind.
    """
    runner = _runners.get(type(analysis))
    if runner is None:
        place = analysis.where or (None, None)
        kinds = dict.fromkeys(k for k in (*get_args(Analysis), *_runners) if k in _runners)
        known = ", ".join(f".{kind.__name__.lower()}" for kind in kinds)
        raise NetlistError(
            f".{type(analysis).__name__.lower()} cannot be run; there are {known}",
            file=place[0], line=place[1],
        )
    return runner
