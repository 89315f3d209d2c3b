"""All that a deck asks for: its analyses, steps, Fourier analyses and measures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ....core.errors import NetlistError, ParameterError
from ....core.progress import Progress, ProgressMeter, Silent, metered, share_of
from ....netlists.analyses import Analysis, Four, Op, Step, Sweep, Tran
from ....netlists.circuit import Circuit
from ..results.result import Result
from ..results.results import Curves, Transient
from ..results.sweep_results import Stepped
from . import ac, noise, op, sensitivities, transfer_function  # noqa: F401 - register themselves
from .dc import with_parameters, with_value, within_reach
from .fourier import Fourier, harmonics
from .measure import evaluate, measure_all
from .registry import register, runner_of
from .transient import transient

__all__ = ["run_deck", "run_one", "stepped_circuits"]


@register(Tran)
def _tran(circuit: Circuit, analysis: Tran, save: Sequence[str] | None) -> Transient:
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
                if probe[1] in circuit and not circuit[probe[1]].has_branch:
                    return None
                names[f"i({probe[1]})"] = None
            else:
                return None  # quantities of elements are computed from all
    return list(names)


def run_one(circuit: Circuit, analysis: Analysis) -> Result:
    """Run one analysis of a circuit.

    Raises
    ------
    NetlistError
        Nothing runs analyses of this kind.
    """
    kind = type(analysis).__name__.lower()
    return runner_of(analysis)(circuit, analysis, saved(circuit, kind))


def run_deck(circuit: Circuit, *, progress: Progress = None) -> list[Result]:
    """Run a circuit's analyses in their order; the operating point where it has none.

    Measures are evaluated for every analysis that they name, and kept with its result.

    Parameters
    ----------
    circuit : Circuit
    progress : Progress
        Its tasks are the analyses, by name; with ``.step`` one task, all combinations.

    Returns
    -------
    list
        One result per analysis but ``.step``; with ``.step`` each is a `Stepped`.

    Raises
    ------
    NetlistError, ConvergenceError, SingularCircuitError
    """
    steps = [a.sweep for a in circuit.analyses if isinstance(a, Step)]
    others = [a for a in circuit.analyses if not isinstance(a, Step)] or [Op()]
    with metered(progress) as meter:
        if not steps:
            return _once(circuit, others, meter)
        rows = []
        values = [s.points.values for s in steps]
        within_reach(values, next(a.where for a in circuit.analyses if isinstance(a, Step)))
        meter.begin("step", int(np.prod([len(v) for v in values])))
        for changed in stepped_circuits(circuit, steps):
            rows.append(_once(changed, others, Silent()))
            meter.advance("step")
    axes = {_axis(s): v for s, v in zip(steps, values, strict=True)}
    return [Stepped(axes, column) for column in zip(*rows, strict=True)]


def _axis(s: Sweep) -> str:
    return s.target if not s.parameter else f"@{s.target}[{s.parameter}]"


def stepped_circuits(circuit: Circuit, steps: Sequence[Sweep]) -> Iterator[Circuit]:
    """Return the circuit at every combination of the steps' values, the last the fastest.

    The deck's parameters are set first, all at once; then what belongs to single elements.
    """
    for point in itertools.product(*(s.points.values for s in steps)):
        pairs = list(zip(steps, point, strict=True))
        changed = circuit
        given = {s.target: float(v) for s, v in pairs if s.kind == "parameter"}
        if given:
            changed = with_parameters(circuit, given)
        for s, v in pairs:
            if s.kind != "parameter":
                changed = with_value(changed, s, float(v))
        yield changed


def _once(
    circuit: Circuit, analyses: Sequence[Analysis], meter: ProgressMeter
) -> list[Result]:
    results: list[Result] = []
    last: Transient | None = None
    for analysis in analyses:
        kind = type(analysis).__name__.lower()
        found: Result
        if isinstance(analysis, Four):
            results.append(_fourier(analysis, last))
            continue
        if isinstance(analysis, Tran):
            found = on_grid(transient(
                circuit, analysis, save=saved(circuit, kind), progress=share_of(kind, meter)
            ), analysis)
        else:
            meter.begin(kind, 1)
            found = run_one(circuit, analysis)
            meter.advance(kind)
        if isinstance(found, Transient):
            last = found
        if isinstance(found, Curves):
            measure_all(found, circuit.measures, kind)
        results.append(found)
    return results


def _fourier(analysis: Four, last: Transient | None) -> Fourier:
    place = analysis.where or (None, None)
    where: dict[str, Any] = {"file": place[0] or None, "line": place[1]}
    if last is None:
        raise NetlistError("`.four` needs a `.tran` before it", **where)
    options = last.circuit.options
    try:
        found = Fourier(
            harmonics(
                e.text, last.time, np.broadcast_to(evaluate(last, e), last.time.shape),
                analysis.frequency, count=int(options.get("nfreqs", 10)),
                grid=int(options.get("fourgridsize", 200)),
            ) for e in analysis.outputs
        )
    except ParameterError as error:
        raise NetlistError(f".four: {error}", **where) from error
    found.title = last.circuit.title
    return found
