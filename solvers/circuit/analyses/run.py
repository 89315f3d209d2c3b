"""A deck's own analyses, in the order of the deck.

Further analyses register themselves with `register`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ....core.errors import NetlistError, ParameterError
from ....netlists.analyses import Analysis, Dc, Four, Op, Tran
from ....netlists.circuit import Circuit
from ..results.results import Transient
from ..system.builder import has_branch
from .dc import dc_sweep
from .op import operating_point
from .transient import transient

__all__ = ["Runner", "on_grid", "register", "run", "run_one", "saved"]

Runner = Callable[[Circuit, Any, Sequence[str] | None], Any]
_runners: dict[type, Runner] = {}


def register(kind: type) -> Callable[[Runner], Runner]:
    """Make a function that of all analyses of this class.

    It gets the circuit, the analysis and the names to keep (None: all), and returns a result.
    """

    def keep(runner: Runner) -> Runner:
        _runners[kind] = runner
        return runner

    return keep


@register(Op)
def _op(circuit: Circuit, analysis: Op, save: Sequence[str] | None) -> Any:
    del analysis, save
    return operating_point(circuit)


@register(Dc)
def _dc(circuit: Circuit, analysis: Dc, save: Sequence[str] | None) -> Any:
    return dc_sweep(circuit, analysis, save=save)


@register(Tran)
def _tran(circuit: Circuit, analysis: Tran, save: Sequence[str] | None) -> Any:
    return on_grid(transient(circuit, analysis, save=save), analysis)


def on_grid(result: Transient, analysis: Tran) -> Transient:
    """Return a transient at the steps of its ``.tran``, if the option `interp` asks for that."""
    if not result.circuit.options.get("interp"):
        return result
    count = math.floor((analysis.stop - analysis.start) / analysis.step + 1e-9) + 1
    times = analysis.start + analysis.step * np.arange(count)
    return result.at(np.minimum(times, analysis.stop))


def saved(circuit: Circuit, kind: str) -> list[str] | None:
    """Return the names that an analysis has to keep, or None for all.

    ``.save`` limits them; what ``.print``, ``.plot``, ``.probe`` and ``.measure`` look at is kept
    with them.

    Parameters
    ----------
    circuit : Circuit
    kind : {"tran", "dc"}
    """
    mine = [s for s in circuit.saves if s.analysis in ("", kind)]
    limits = [s for s in mine if s.kind == "save"]
    if not limits or any(s.everything for s in mine):
        return None
    expressions = [e for s in mine for e in s.outputs]
    expressions += [e for a in circuit.analyses if isinstance(a, Four) for e in a.outputs]
    for m in circuit.measures:
        ends = [end for end in (m.trig, m.targ) if end is not None]
        expressions += [
            e for e in (m.expression, *(x for end in ends for x in (end.expression, end.level)))
            if e is not None
        ]
    names: dict[str, None] = {}
    for e in expressions:
        for probe in e.sources:
            if probe[0] == "v":
                for node in probe[1:]:
                    if circuit.node(node) != "0":
                        names[f"v({node})"] = None
            elif probe[0] == "i":
                if probe[1] not in circuit and kind not in ("dc", "tran"):
                    continue  # a cell of a crossbar, which is written out there
                if probe[1] in circuit and not has_branch(circuit[probe[1]]):
                    return None
                names[f"i({probe[1]})"] = None
            else:
                return None  # quantities of elements are computed from all
    return list(names)


def run_one(circuit: Circuit, analysis: Analysis) -> Any:
    """Run one analysis of a circuit.

    Raises
    ------
    NetlistError
        Nothing runs analyses of this kind.
    """
    from . import ac, noise  # noqa: F401, PLC0415 - register themselves

    runner = _runners.get(type(analysis))
    if runner is None:
        place = analysis.where or (None, None)
        known = ", ".join(f".{kind.__name__.lower()}" for kind in _runners)
        raise NetlistError(
            f".{type(analysis).__name__.lower()} cannot be run; there are {known}",
            file=place[0], line=place[1],
        )
    kind = type(analysis).__name__.lower()
    return runner(circuit, analysis, saved(circuit, kind))


def run(circuit: Circuit) -> list[Any]:
    """Run all analyses of a circuit in their order; the operating point where it names none."""
    if not isinstance(circuit, Circuit):
        raise ParameterError(f"`circuit` must be a Circuit; got {type(circuit).__name__}")
    from .deck import run_deck  # noqa: PLC0415 - deck imports this module

    return run_deck(circuit)
