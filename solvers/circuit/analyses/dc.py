"""Sweeps of operating points."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from ....core.errors import ConvergenceError, NetlistError, ParameterError
from ....core.validation import Array
from ....netlists.analyses import MOST_POINTS, Dc, Place
from ....netlists.analyses import Sweep as SweepOf
from ....netlists.circuit import Circuit
from ....netlists.read_anew import at_temperature, with_card
from ..elements.linear import Sources
from ..homotopy import find
from ..newton import Newton
from ..results.names import Names
from ..results.quantities import Part
from ..results.record import Record
from ..results.results import Sweep
from ..rounding import check_rounding
from ..system.element_group import Instant
from ..system.system import System
from .op import hints, prepare
from .registry import register

__all__ = ["dc_sweep", "with_parameters", "with_value", "within_reach"]


def dc_sweep(
    circuit: Circuit, analysis: Dc, *, save: Sequence[str] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Sweep:
    """Return the operating points over one sweep or more, each from the one before.

    Sources are set in place; for other sweeps the circuit is compiled anew, and the last point is
    where Newton starts.

    Raises
    ------
    ConvergenceError
        Says at which values.
    ParameterError
        What is swept is not there.
    """
    return _Run(circuit, analysis, save, progress).go()


def within_reach(values: Sequence[Array], where: Place) -> None:
    """Refuse more combinations of values than a sweep may have points."""
    count = math.prod(len(v) for v in values)
    if count > MOST_POINTS:
        file, line = where or (None, None)
        raise NetlistError(
            f"{count:g} combinations of values are more than {MOST_POINTS}", file=file or None,
            line=line,
        )


class _Run:
    def __init__(
        self, circuit: Circuit, analysis: Dc, save: Sequence[str] | None,
        progress: Callable[[float], None] | None,
    ) -> None:
        if not analysis.sweeps:
            raise ParameterError("a DC analysis needs at least one sweep")
        self.original, self.save, self.progress = circuit, save, progress
        self.sweeps = analysis.sweeps[::-1]  # the outermost first
        self.values = [s.points.values for s in self.sweeps]
        within_reach(self.values, analysis.where)
        self.changed = circuit
        self.system: System | None = None
        self.newton: Newton | None = None
        self.count = 0

    def go(self) -> Sweep:
        x: Array | None = None
        last: tuple[float, ...] | None = None
        residual, judged = 0.0, False
        record: Record | None = None
        shown: list[str] = []
        starts: list[Array | None] = [None] * len(self.sweeps)
        for point in itertools.product(*self.values):
            turned = 0
            if last is not None:
                changed = (k for k, (a, b) in enumerate(zip(point, last, strict=True)) if a != b)
                turned = next(changed, len(point) - 1)
                # a sweep that begins again starts from where it began last time
                x = starts[turned] if turned < len(self.sweeps) - 1 else x
            self._set(point, turned, first=last is None)
            system, newton = self._compiled()
            now = system.instant()
            warm = x is not None and len(x) == system.size + 1
            guess = x if x is not None and warm else np.zeros(system.size + 1)
            try:
                found = find(newton, guess, now, hints=None if warm else hints(system), warm=warm)
            except ConvergenceError as error:
                if not warm:
                    raise self._failure(point, error) from error
                try:
                    found = find(newton, np.zeros(system.size + 1), now, hints=hints(system))
                except ConvergenceError as again:
                    raise self._failure(point, again) from again
            x = found.x
            system.accept(x, now)
            residual = max(residual, newton.residual(x, now))
            judged = judged or check_rounding(newton, x, now)
            for k in range(turned, len(starts)):
                starts[k] = x
            if record is not None and system.shown != shown:
                raise ParameterError(
                    "the circuit has other nodes at some points of the sweep: run each by itself, "
                    "or use `.step`"
                )
            if record is None:
                shown = system.shown
                self.names = Names(self.original, system.nodes, system.branches, system.shown)
                record = Record(self.names, self.save)
            record.keep(0.0, system.whole(x))
            last = point
            if self.progress is not None:
                self.progress(record.kept / math.prod(map(len, self.values)))
        if record is None:
            raise ParameterError("a sweep has no values")
        axes = {
            _axis(s): v for s, v in zip(self.sweeps, self.values, strict=True)
        }
        return record.sweep(
            self.original, axes, newton=self.count + (self.newton.iterations if self.newton else 0),
            residual=residual, parts=self._parts,
        )

    def _parts(self, elements: list[str]) -> Iterator[tuple[Part, Instant]]:
        """Yield elements on their own at every point of the sweeps, with the point's conditions."""
        last: tuple[float, ...] | None = None
        made: Part | None = None
        key: list[float] = []
        self.system = self.newton = None
        for point in itertools.product(*self.values):
            turned = 0
            if last is not None:
                changed = (k for k, (a, b) in enumerate(zip(point, last, strict=True)) if a != b)
                turned = next(changed, len(point) - 1)
            self._set(point, turned, first=last is None)
            last = point
            here = [v for s, v in zip(self.sweeps, point, strict=True) if s.kind != "source"]
            if made is None or here != key:
                key = here
                made = Part(
                    self.changed, self.changed.temperature, self.names.nodes, self.names.labels,
                    elements,
                )
            self._level(made.system)
            yield made, made.system.instant()

    def _failure(self, point: tuple[float, ...], error: ConvergenceError) -> ConvergenceError:
        where = ", ".join(
            f"{_axis(s)} = {v:.6g}" for s, v in zip(self.sweeps, point, strict=True)
        )
        return ConvergenceError(f"at {where}: {error}", error.partial)

    def _compiled(self) -> tuple[System, Newton]:
        if self.system is None or self.newton is None:
            if self.newton is not None:
                self.count += self.newton.iterations
            self.system = prepare(self.changed, save=self.save)
            self.newton = Newton(self.system)
            self._override()
        return self.system, self.newton

    def _set(self, point: tuple[float, ...], turned: int, *, first: bool) -> None:
        """Change what differs from the last point: the sweeps from `turned` on."""
        self._levels = {
            s.target: v for s, v in zip(self.sweeps, point, strict=True) if s.kind == "source"
        }
        anew = first
        parameters: dict[str, float] = {}
        for k, (s, v) in enumerate(zip(self.sweeps, point, strict=True)):
            if s.kind == "parameter":
                parameters[s.target] = v
            anew |= s.kind != "source" and k >= turned
        if anew:
            self.changed = self.original
            if parameters:
                self.changed = with_parameters(self.original, parameters)
            for s, v in zip(self.sweeps, point, strict=True):
                if s.kind not in ("source", "parameter"):
                    self.changed = with_value(self.changed, s, v)
        if anew:
            if self.newton is not None:
                self.count += self.newton.iterations
            self.system = self.newton = None
        else:
            self._override()

    def _override(self) -> None:
        if self.system is None:
            return
        found = self._level(self.system)
        for name in self._levels:
            if name not in found:
                raise ParameterError(f"the sweep's source {name!r} is not in the circuit")

    def _level(self, system: System) -> set[str]:
        """Set swept sources; return which were there."""
        found = set()
        for group in system.groups:
            if isinstance(group, Sources):
                for k, name in enumerate(group.names):
                    if name.lower() in self._levels:
                        group.level[k] = self._levels[name.lower()]
                        found.add(name.lower())
        system.touch()
        return found


def _axis(s: SweepOf) -> str:
    return s.target if not s.parameter else f"@{s.target}[{s.parameter}]"


def with_value(circuit: Circuit, s: SweepOf, value: float) -> Circuit:
    """Return a copy of the circuit in which what is swept has another value.

    Raises
    ------
    ParameterError
        There is nothing of that name, or a value that cannot be.
    """
    if s.kind == "temperature":
        if not value > -273.15:
            raise ParameterError(f"{value:g} degree Celsius is below absolute zero")
        return at_temperature(circuit, value + 273.15)
    if s.kind == "model":
        return with_card(circuit, s.target, s.parameter, value)
    if s.kind == "parameter":
        return with_parameters(circuit, {s.target: value})
    element = circuit[s.target]
    if s.parameter:
        kept = tuple((k, v) for k, v in element.parameters if k.lower() != s.parameter)
        changed = replace(element, parameters=(*kept, (s.parameter, value)))
    else:
        if s.kind == "resistor" and value == 0:
            raise ParameterError(f"{element.name}: a resistance of 0 ohm in the sweep")
        changed = replace(element, value=value)
    return circuit.copy().replace(changed)


def with_parameters(circuit: Circuit, values: dict[str, float]) -> Circuit:
    """Return the circuit of the same deck with other parameters."""
    deck = getattr(circuit, "deck", None)
    if deck is None:
        raise ParameterError(
            f"the circuit has no parameter {next(iter(values))!r}: it was not read from a deck"
        )
    found: Circuit = replace(deck, temperature=circuit.temperature).circuit(**values)
    found.options.update(circuit.options)
    return found


@register(Dc)
def _dc(circuit: Circuit, analysis: Dc, save: Sequence[str] | None) -> Sweep:
    return dc_sweep(circuit, analysis, save=save)
