"""Sources and laws of a circuit as the arrays that the compiled loop takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....core.validation import Array
from ....netlists.sources import Pulse, Pwl, Sine
from ....netlists.spice_sources import Exponential
from ..elements.behavioural import (
    Charges,
    Currents,
    Dynamics,
    Lawful,
    Reactances,
    Voltages,
)
from ..elements.laws.law import Law
from ..elements.linear import Sources
from ..system.element_group import ElementGroup, Ints
from ..system.system import System
from . import kernels_laws as laws
from . import kernels_sources as waves

__all__ = ["Buffer", "buffer_of", "law_arrays", "share", "source_arrays"]


@dataclass(frozen=True, eq=False)
class Buffer:
    """Arrays that lie one behind the other in one.

    Attributes
    ----------
    data : (..,)
    ends : (K + 1,)
        Where each begins, and the end.
    views : dict
        Each by its name.
    """

    data: Any
    ends: Ints
    views: dict[str, Any]


# -- sources ---------------------------------------------------------------------------------------


def _wave(wave: object, level: float) -> tuple[int, list[float]] | None:
    """Return kind and parameters of a source; None: Python has to evaluate it."""
    if wave is None:
        return waves.LEVEL, [level]
    if type(wave) is Pulse:
        never = np.inf
        return waves.PULSE, [
            wave.v1, wave.v2, wave.delay, wave.rise, wave.width, wave.fall,
            never if wave.period is None else wave.period,
            never if wave.count is None else wave.count,
        ]
    if type(wave) is Sine:
        phase = float(np.deg2rad(wave.phase))
        return waves.SINE, [
            wave.offset, wave.amplitude, wave.frequency, wave.delay, wave.damping, phase,
        ]
    if type(wave) is Pwl:
        repeat = np.nan if wave.repeat is None else wave.repeat
        return waves.PWL, [len(wave.times), wave.delay, repeat, *wave.times, *wave.values]
    if type(wave) is Exponential:
        return waves.EXPONENTIAL, [
            wave.v1, wave.v2, wave.rise_delay, wave.rise, wave.fall_delay, wave.fall,
        ]
    return None


def source_arrays(system: System) -> tuple[Ints, Array, Array, Ints] | None:
    """Return what `kernels_sources.drive` takes; None where Python has to evaluate sources."""
    table: list[tuple[int, int, int]] = []
    parameters: list[float] = []
    factor: list[float] = []
    slots: list[tuple[int, int]] = []
    for group in system.sourced:
        if type(group) is not Sources:
            return None
        own = group.own
        for k, element in enumerate(group.elements):
            found = _wave(element.wave, float(group.level[k]))
            if found is None:
                return None
            kind, numbers = found
            table.append((kind, len(parameters), 1 if own is not None else 2))
            parameters.extend(float(v) for v in numbers)
            factor.append(-1.0 if own is not None else float(group.many[k]))
            ends = (own[k], -1) if own is not None else (group.at[0, k], group.at[1, k])
            a, b = (int(e) if e >= 0 else system.size for e in ends)
            slots.append((a, b))
    return (
        np.array(table, dtype=np.int64).ravel(), np.array(parameters, dtype=np.float64),
        np.array(factor, dtype=np.float64), np.array(slots, dtype=np.int64).ravel(),
    )


# -- laws ------------------------------------------------------------------------------------------


def _kind(group: Lawful) -> tuple[int, Array, Ints]:
    """Return kind, factors and own unknowns of the elements of a group."""
    many = group.law.plus.shape[1]
    none, one = np.full(many, -1, dtype=np.int64), np.ones(many)
    if isinstance(group, Currents):
        return laws.CURRENTS, group.many, none
    if isinstance(group, Voltages):
        return laws.VOLTAGES, one, none
    if isinstance(group, Charges):
        return laws.CHARGES, group.many, none
    if isinstance(group, Reactances):
        kind = laws.CAPACITANCES if group.branch is None else laws.INDUCTANCES
        return kind, group.many, group.own
    if isinstance(group, Dynamics):
        return laws.DERIVATIVES if group.kind == "ddt" else laws.INTEGRALS, one, group.own
    raise TypeError(type(group).__name__)


def _offsets(groups: Sequence[ElementGroup], name: str) -> list[int]:
    """Return where each group's entries begin in the system's values of f, q, g or c."""
    sizes = [
        (getattr(g, f"{name}_rows") if name in "fq" else getattr(g, f"{name}_at")[0]).size
        for g in groups
    ]
    return [int(k) for k in np.cumsum([0, *sizes])]


def _joined(parts: Sequence[Any], kind: type) -> Any:
    return np.ascontiguousarray(np.concatenate([np.zeros(0, dtype=kind), *map(np.ravel, parts)]))


def law_arrays(system: System) -> dict[str, Any]:
    """Return what `kernels_laws.fill_laws` takes of a system's laws, by the names there."""
    ends = {name: _offsets(system.active, name) for name in "fqgc"}
    chosen = [(k, g) for k, g in enumerate(system.active) if isinstance(g, Lawful)]
    found: list[Law] = [g.law for _, g in chosen]
    table = np.zeros((len(chosen), laws.COLUMNS), dtype=np.int64)
    scales: list[Array] = []
    owns: list[Ints] = []
    at = np.zeros(5, dtype=np.int64)  # of tapes, points, numbers, probes, elements
    for m, (k, group) in enumerate(chosen):
        law = group.law
        kind, scale, own = _kind(group)
        code, more, numbers = law.tape
        table[m, :3] = law.place[:3]
        table[m, 3:7] = at[:4]
        table[m, laws.KIND] = kind
        for name, column in (("f", laws.F), ("q", laws.Q), ("g", laws.G), ("c", laws.C)):
            table[m, column] = ends[name][k]
        table[m, laws.SCALE] = table[m, laws.OWN] = at[4]
        table[m, laws.LAW] = m
        scales.append(np.asarray(scale, dtype=np.float64))
        owns.append(np.asarray(own, dtype=np.int64))
        at += [len(code) // 4, len(more), len(numbers), law.plus.size, law.plus.shape[1]]
    steps = max((law.place[2] for law in found), default=0)
    largest = max((law.plus.size for law in found), default=0)
    widest = max((law.plus.shape[1] for law in found), default=0)
    return {
        "law_table": table.ravel(), "code": _joined([law.tape[0] for law in found], np.int64),
        "more": _joined([law.tape[1] for law in found], np.int64),
        "numbers": _joined([law.tape[2] for law in found], float),
        "plus": _joined([law.plus for law in found], np.int64),
        "minus": _joined([law.minus for law in found], np.int64),
        "scale": _joined(scales, float), "own": _joined(owns, np.int64),
        "old": _joined([law.old for law in found], float),
        "known": _joined([law.known for law in found], np.int64),
        "surroundings": np.array([0.0, system.temperature - 273.15, 0.0]),
        "steps": np.zeros(steps), "tape_weights": np.zeros(steps), "probes": np.zeros(int(at[3])),
        "law_values": np.zeros(widest), "law_slopes": np.zeros(largest),
        "law_factor": np.zeros(widest),
    }


def share(system: System, old: Array, known: Ints) -> None:
    """Have laws keep what they remember in the arrays of the loop."""
    first = 0
    laws_ = [g.law for g in system.active if isinstance(g, Lawful)]
    for m, law in enumerate(laws_):
        law.keep_in(old[first:first + law.plus.size], known[m:m + 1])
        first += law.plus.size


def buffer_of(arrays: Mapping[str, Any], names: Sequence[str], kind: type) -> Buffer:
    """Return arrays, in the order of their names, as one."""
    flat = [np.ravel(arrays[name]) for name in names]
    ends = np.cumsum([0, *(len(f) for f in flat)]).astype(np.int64)
    data: Any = np.concatenate([np.zeros(0, dtype=kind), *flat]).astype(kind)
    views = {
        name: data[a:b] for name, a, b in zip(names, ends[:-1], ends[1:], strict=True)
    }
    return Buffer(data, ends, views)
