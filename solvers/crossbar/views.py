"""What there is to see of a solved array: maps of its cells, over the wires and another axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from ...core.environment import array_text
from ...core.errors import ConvergenceError, ParameterError
from ...core.validation import Array, finite_array
from ...core.views.numbers import readable
from ...core.views.panels import Axis, Derived, Field, Grid, HeatMap, Measure, Panel
from ...core.views.shown import View
from ...netlists.crossbar.crossbar import Crossbar
from ...netlists.crossbar.wires import Wires

__all__ = ["OTHERS", "Solved", "Solves", "array_settings", "crossbar_name", "gradients_view",
           "solution_view", "solved_over"]

OTHERS = ("driver", "sense", "voltage")
_VECTORS = 8  # input vectors of a page
_FRAMES = 200
_OHMS = (0.1, 20.0, 24)  # least, largest, count; ohm per segment
_FACTORS = (0.1, 10.0, 21)


class Solved(Protocol):
    """What a solution has that is looked at here."""

    crossbar: Crossbar
    V: Array
    currents: Array
    residual: float
    iterations: int
    method: str
    converged: bool
    gate: Array | None

    @property
    def word_voltages(self) -> Array:
        """(..., M, N) volt."""

    @property
    def bit_voltages(self) -> Array:
        """(..., M, N) volt."""

    @property
    def cell_voltages(self) -> Array:
        """(..., M, N) volt."""

    @property
    def cell_currents(self) -> Array:
        """(..., M, N) ampere."""

    @property
    def power(self) -> float | Array:
        """Watt."""

    @property
    def has_maps(self) -> bool:
        """Whether the voltages of the nodes were kept."""


class Solves(Protocol):
    """What solves an array again: a `Solver`."""

    @property
    def solve(self) -> Callable[..., Any]:
        """Return the solution of an array at V."""


@dataclass(frozen=True, eq=False)
class _Frames:
    """Solutions over axes: the input vectors, perhaps another axis, and the wires."""

    axes: tuple[Axis, ...]
    solutions: list[Solved | None]
    vectors: int
    failed: int = 0


def crossbar_name(xbar: Crossbar) -> str:
    """Return what an array is called on its page."""
    rows, columns = xbar.shape
    kind = "" if xbar.linear else f" of {type(xbar.cells).__name__}"
    return f"Crossbar of {rows} x {columns}{kind}"


def array_settings(xbar: Crossbar) -> dict[str, Any]:
    """Return all that an array is, long arrays by their hashes."""
    try:
        held = xbar.to_arrays()
    except ParameterError:  # cells that cannot be saved say what they are by their repr
        wires = {f"wires_{name}": value for name, value in xbar.wires.settings().items()}
        held = {"cells": repr(xbar.cells), "ends": repr(xbar.ends), "layout": xbar.layout, **wires}
    found: dict[str, Any] = {}
    for name, value in held.items():
        array = np.asarray(value)
        found[name] = array.item() if array.ndim == 0 else array_text(array)
    return found


def _with_wires(xbar: Crossbar, **changes: Any) -> Crossbar:
    wires = Wires(**{**xbar.wires.settings(), **changes})
    return Crossbar(wires=wires, ends=xbar.ends, cells=xbar.cells, layout=xbar.layout)


def _wires_axis(xbar: Crossbar, ohms: ArrayLike | None) -> tuple[Axis, list[Crossbar], int]:
    """Return the axis of the wires, an array for each point, and which is the solution's own."""
    word, bit = xbar.wires.word, xbar.wires.bit
    alike = word.ndim == bit.ndim == 0 and float(word) == float(bit)
    own = float(word) if alike else 1.0
    if ohms is None:
        low, high, count = _OHMS if alike else _FACTORS
        chosen = np.unique(np.append(np.geomspace(low, high, count).round(6), own))
    else:
        chosen = finite_array("ohms", ohms).ravel()
        if not chosen.size or chosen.min() < 0:
            raise ParameterError("`ohms` must be numbers >= 0, at least one")
    first = int(np.argmin(np.abs(chosen - own)))
    if alike:
        return (Axis("wire segment", chosen, "ohm"),
                [_with_wires(xbar, word=r, bit=r) for r in chosen], first)
    scaled = [_with_wires(xbar, word=f * word, bit=f * bit) for f in chosen] if chosen.all() else [
        _with_wires(xbar, word=_times(word, f), bit=_times(bit, f)) for f in chosen
    ]
    return Axis("factor on the wires", chosen), scaled, first


def _times(values: Array, factor: float) -> Array:
    """Return a product in which a broken segment stays broken at a factor of 0."""
    return np.where(np.isinf(values), values, np.where(np.isinf(values), 0.0, values) * factor)


def solved_over(
    solution: Solved, solver: Solves | None, ohms: ArrayLike | None, other: str | None,
    values: ArrayLike | None,
) -> tuple[_Frames, int]:
    """Solve an array again for other wires, and for other drivers, amplifiers or voltages.

    Returns the frames, and which of the wires is the solution's own.
    """
    if (other is None) != (values is None):
        raise ParameterError("give `other` and its `values` together")
    if other is not None and other not in OTHERS:
        raise ParameterError(f"`other` must be one of {', '.join(OTHERS)}; got {other!r}")
    if solver is None:
        raise ParameterError(
            "a solution that was loaded does not know its solver: explore(solver=Solver())"
        )
    xbar = solution.crossbar
    axis, xbars, first = _wires_axis(xbar, ohms)
    points: list[float | None] = [None]
    if values is not None:
        points = [float(v) for v in finite_array("values", values).ravel()]
    if not points:
        raise ParameterError("`values` must hold at least one number")
    V = solution.V[:_VECTORS] if solution.V.ndim == 2 else solution.V
    gate = _other_gates(solution)
    if len(points) * len(xbars) > _FRAMES:
        raise ParameterError(
            f"{len(points)} x {len(xbars)} positions of the sliders are more than {_FRAMES}"
        )
    found: list[Solved | None] = []
    failed = 0
    for point in points:
        scale = point if other == "voltage" and point is not None else 1.0
        for one in xbars:
            made = one if point is None or other == "voltage" else _with_wires(
                one, **{str(other): point}
            )
            try:
                found.append(solver.solve(made, scale * V, gate_voltage=gate))
            except ConvergenceError:
                found.append(None)
                failed += 1
    axes: list[Axis] = []
    if V.ndim == 2:
        axes.append(Axis("input vector", np.arange(len(V))))
    if other is not None:
        named = {"driver": ("driver", "ohm"), "sense": ("sense resistance", "ohm"),
                 "voltage": ("factor on the inputs", "")}[other]
        axes.append(Axis(named[0], np.array(points), named[1]))
    return _Frames((*axes, axis), found, len(V) if V.ndim == 2 else 0, failed), first


def _other_gates(solution: Solved) -> Array | None:
    """Return the gate voltages that `solve` was given in place of the cells' own, if it was."""
    cells: Any = solution.crossbar.cells
    if solution.gate is None or solution.crossbar.linear:
        return None
    given = solution.gate.reshape(-1, *solution.crossbar.shape)[0]
    return None if np.array_equal(given, cells.gates(None)) else given


def _single(solution: Solved) -> _Frames:
    """Return the frames of a solution as it is: its input vectors."""
    if solution.V.ndim == 1:
        return _Frames((), [solution], 0)
    count = min(len(solution.V), _VECTORS)
    if not count:
        return _Frames((), [], 0)
    return _Frames((Axis("input vector", np.arange(count)),), [solution], count)


def _stacked(frames: _Frames, shape: Sequence[int], take: Callable[[Solved], Array]) -> Array:
    """Return a quantity over all axes of the frames; gaps where a solution failed."""
    own = tuple(shape) if not frames.vectors else (frames.vectors, *shape)
    gap = np.full(own, np.nan)
    maps = [gap if s is None else np.asarray(take(s))[:frames.vectors or None] for s in
            frames.solutions]
    whole = np.stack(maps).reshape(
        *[len(a.values) for a in frames.axes[1 if frames.vectors else 0:]], *own
    )
    lead = whole.ndim - len(own)
    # the input vectors' axis comes first
    return np.moveaxis(whole, lead, 0) if frames.vectors else whole


def _plain_read(xbar: Crossbar) -> bool:
    """Whether word lines are driven from the left and bit lines held at 0 V below, as usual."""
    ends = xbar.line_ends
    return (xbar.layout == "crosspoint" and ends["word_left"].kind == "input"
            and ends["bit_bottom"].kind == "zero"
            and ends["word_right"].kind == ends["bit_top"].kind == "open")


def solution_view(
    solution: Solved, frames: _Frames | None = None, first: int = 0, solver: Any = None
) -> View:
    """Return what there is to see of a solution, or of solutions over the positions of sliders."""
    xbar = solution.crossbar
    if frames is None:
        frames = _single(solution)
    if not frames.solutions:
        raise ParameterError("the solution has no input vector: there is nothing to show")
    panels: list[Panel] = []
    if all(one is None or one.has_maps for one in frames.solutions):
        panels.append(_maps(solution, frames, first))
    panels.append(_currents(solution, frames))
    facts = _facts(solution, frames)
    settings = {**array_settings(xbar), "V": array_text(solution.V)}
    if solution.gate is not None:
        settings["gate"] = array_text(solution.gate)
    if solver is not None:
        settings["solver"] = repr(solver)
    for axis in frames.axes:
        settings[axis.name] = [float(f"{v:.9g}") for v in axis.values]
    return View(crossbar_name(xbar), facts, panels, settings)


def _maps(solution: Solved, frames: _Frames, first: int) -> HeatMap:
    xbar = solution.crossbar
    shape = xbar.shape
    rows, columns = ("row", "line pair") if xbar.layout == "parallel" else (
        "word line", "bit line")
    fields: list[Field | Derived]
    if _plain_read(xbar):
        # losses, small where the wires are good, keep more digits than voltages
        applied = _stacked(frames, (xbar.inputs, 1), lambda s: s.V[..., None])
        fields = [
            Derived("cell voltage", "V", "difference", ("applied", "lost in the wires")),
            Field("lost in the wires", "V",
                  _stacked(frames, shape, lambda s: s.V[..., None] - s.cell_voltages)),
            Derived("word-line voltage", "V", "difference", ("applied", "lost in the word line")),
            Field("lost in the word line", "V",
                  _stacked(frames, shape, lambda s: s.V[..., None] - s.word_voltages)),
            Field("applied", "V", applied, shown=False),
        ]
    else:
        fields = [
            Field("cell voltage", "V", _stacked(frames, shape, lambda s: s.cell_voltages)),
            Field("word-line voltage", "V", _stacked(frames, shape, lambda s: s.word_voltages)),
        ]
    current: Field | Derived = Field(
        "cell current", "A", _stacked(frames, shape, lambda s: s.cell_currents)
    ) if not xbar.linear else Derived(
        "cell current", "A", "product", ("conductance", "cell voltage")
    )
    lead = (1,) * len(frames.axes)
    fields += [
        current,
        Derived("bit-line voltage", "V", "difference", ("word-line voltage", "cell voltage")),
        Field("conductance", "S", xbar.conductance.reshape(*lead, *shape)),
    ]
    return HeatMap("Cells", fields, frames.axes, rows, columns, first=first)


def _currents(solution: Solved, frames: _Frames) -> Grid:
    xbar = solution.crossbar
    lines = Axis("bit line", np.arange(xbar.shape[1]))
    currents = _stacked(frames, (xbar.shape[1],), lambda s: s.currents)
    measures = [Measure("current", "A", currents)]
    if xbar.linear and _plain_read(xbar):
        ideal = _stacked(frames, (xbar.shape[1],), lambda s: s.V @ s.crossbar.conductance)
        with np.errstate(all="ignore"):
            measures.append(Measure("lost to wires and ends", "%", 100 * (1 - currents / ideal)))
    return Grid("Currents into the sensed ends", (*frames.axes, lines), measures, "bit line")


def _facts(solution: Solved, frames: _Frames) -> dict[str, Any]:
    xbar = solution.crossbar
    facts: dict[str, Any] = {
        "array": f"{xbar.shape[0]} x {xbar.shape[1]}, {type(xbar.cells).__name__}",
        "largest current": readable(_largest(solution.currents), "A"),
        "power": readable(_largest(np.asarray(solution.power)), "W"),
        "method": solution.method, "residual": f"{solution.residual:.1e}",
        "converged": solution.converged,
    }
    if solution.V.ndim == 2:
        count = len(solution.V)
        facts["input vectors"] = f"{count}" if frames.vectors == count else (
            f"{count}, of which the first {frames.vectors} are shown")
    if frames.failed:
        facts["not converged"] = f"{frames.failed} of {len(frames.solutions)} positions (gaps)"
    return facts


def gradients_view(gradients: Any) -> View:
    """Return what there is to see of `Gradients`: maps over the cells."""
    fields = [Field("by conductance", "per S", gradients.conductance, diverging=True)]
    for name in ("state", "gate"):
        values = getattr(gradients, name)
        if values is not None:
            maps = values if values.ndim == 3 else values[None]
            fields += [Field(f"by {name}" + (f" {k}" if len(maps) > 1 else ""), "", one,
                             diverging=True) for k, one in enumerate(maps)]
    m, n = gradients.conductance.shape
    V = np.atleast_2d(gradients.V)
    facts = {
        "array": f"{m} x {n}", "largest by conductance":
        readable(_largest(gradients.conductance), "per S"),
        "largest by V": readable(_largest(V), "per V"),
        "by word segments, sum": readable(float(np.sum(gradients.word)), "per ohm"),
        "by bit segments, sum": readable(float(np.sum(gradients.bit)), "per ohm"),
    }
    lines = Axis("word line", np.arange(V.shape[1]))
    vectors = Axis("input vector", np.arange(min(len(V), _VECTORS)))
    panels: list[Panel] = [
        HeatMap("Gradients by the cells", fields),
        Grid("Gradients by the inputs", (vectors, lines),
             [Measure("by V", "per V", V[:_VECTORS])], "word line"),
    ]
    return View("Gradients of a loss", facts, panels, {
        name: array_text(getattr(gradients, name)) for name in ("V", "conductance", "word", "bit")
    })


def _largest(values: Array) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max()) if finite.size else float("nan")
