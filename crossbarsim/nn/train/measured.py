"""Measured potentiation and depression: from files and arrays to tables of steps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import least_squares
from scipy.signal import savgol_filter

from ...core.errors import NetlistError, ParameterError
from ...core.settings import closest
from ...core.validation import Array, count
from ...devices.fitting.measured.columns import Block, Column
from ...devices.fitting.measured.tables import read_blocks

__all__ = ["Column", "Run", "fitted_tables", "read_runs", "runs_of_arrays"]

_PREFIX = {"p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "": 1.0}
_UNIT = re.compile(r"(?:[\[(/]|_)\s*([pnuµμm]?)(?:S|siemens)\s*[\])]?\s*$")
_UP = r"ltp|pot\w*|up|set|\+|inc\w*|p"
_DOWN = r"ltd|dep\w*|down|reset|-|dec\w*|d"
_NAMES = {
    "conductance": r"(g\w?|cond\w*|leitwert)\b",
    "pulse": r"(pulse|n|no|number|index|step|#)\b",
    "direction": r"(direction|polarity|type|kind|phase|mode|volt\w*|v|amplitude)\b",
    "device": r"(device|cell|die|dut|sample)\b",
    "cycle": r"(cycle|sweep|loop|run|repeat)\b",
}
_STRAIGHT = 1e-6  # pulses over A, below which the law is a line
_SMOOTH = 0.1  # of a run: the window over which its course is smoothed


@dataclass(frozen=True)
class Run:
    """Conductances before the first and after every pulse of one direction, siemens."""

    device: str
    up: bool
    conductance: Array


def runs_of_arrays(up: Array, down: Array) -> list[Run]:
    """Return the runs of arrays (P + 1,), (C, P + 1) or (D, C, P + 1)."""
    runs = []
    for name, values in (("up", up), ("down", down)):
        if values.ndim not in (1, 2, 3) or values.shape[-1] < 2:
            raise ParameterError(
                f"`{name}` must have shape (P + 1,), (C, P + 1) or (D, C, P + 1); got "
                f"{values.shape}"
            )
        whole = values.reshape((1,) * (3 - values.ndim) + values.shape)
        runs += [Run(str(d), name == "up", run) for d, cycles in enumerate(whole) for run in cycles]
    return runs


# -- files -----------------------------------------------------------------------------------


def read_runs(
    path: Path, *, wanted: Mapping[str, Column], up_pulses: int | None, decimal: str
) -> list[Run]:
    """Return the runs of all tables of a file; options as of `PulseResponse.from_csv`."""
    if up_pulses is not None:
        count("up_pulses", up_pulses)
    runs: list[Run] = []
    for number, block in enumerate(read_blocks(path, decimal)):
        runs += _runs_of(block, str(path), wanted, up_pulses, str(number))
    return runs


def _runs_of(
    block: Block, file: str, wanted: Mapping[str, Column], up_pulses: int | None, owner: str
) -> list[Run]:
    pairs = _named_pair(block) if wanted["conductance"] is None else None
    places = {
        what: _find(block, what, wanted[what]) for what in wanted
        if pairs is None or what in ("device", "cycle")
    }
    devices = _column(block, places["device"], [owner] * len(block.columns[0]))
    if pairs is not None:
        cycles = _column(block, places["cycle"], ["0"] * len(devices))
        lines = list(zip(devices, cycles, strict=True))
        return [
            Run(one[0], up, values[[line == one for line in lines]])
            for column, up in pairs for values in [_siemens(block, column, file)]
            for one in dict.fromkeys(lines)
        ]
    g = places["conductance"]
    if g is None:
        raise ParameterError(
            f"{file}: no column is the conductance ({_listed(block)}): say which with "
            "`conductance=`, or name two columns LTP and LTD"
        )
    values = _siemens(block, g, file)
    turns = _cycles(block, places, devices)
    ups = _directions(block, places["direction"], turns, up_pulses, file)
    return _cut(devices, turns, ups, values)


def _cut(
    devices: Sequence[str], cycles: Sequence[Any], ups: Sequence[bool], values: Array
) -> list[Run]:
    """Return the runs of lines, each with the conductance that the run before ended at."""
    runs: list[Run] = []
    start = 0
    for k in range(1, len(values) + 1):
        if k < len(values) and (devices[k], cycles[k], ups[k]) == (
            devices[start], cycles[start], ups[start]
        ):
            continue
        # within a cycle a run starts where the one before it ended
        first = start - (start > 0 and (devices[start - 1], cycles[start - 1]) == (
            devices[start], cycles[start]))
        runs.append(Run(devices[start], ups[start], values[first:k]))
        start = k
    return runs


def _cycles(
    block: Block, places: Mapping[str, int | None], devices: Sequence[str]
) -> list[Any]:
    """Return the cycle of every line: by its column, or where the number of pulses goes back."""
    if places["cycle"] is not None:
        return list(_column(block, places["cycle"], []))
    found, cycle = [], 0
    pulses = _column(block, places["pulse"], [])
    for k, device in enumerate(devices):
        if k and (device != devices[k - 1] or (pulses and _less(pulses[k], pulses[k - 1]))):
            cycle += 1
        found.append(cycle)
    return found


def _less(a: str, b: str) -> bool:
    try:
        return float(a) < float(b)
    except ValueError:
        return False


def _directions(
    block: Block, column: int | None, cycles: Sequence[Any], up_pulses: int | None, file: str
) -> list[bool]:
    """Return of every line whether its pulse potentiates."""
    if column is not None and up_pulses is None:
        return [_direction(cell, file, block.line + k)
                for k, cell in enumerate(block.columns[column])]
    if up_pulses is None:
        raise ParameterError(
            f"{file}: no column says which pulses potentiate ({_listed(block)}): say which with "
            "`direction=`, or give `up_pulses`, how many of every cycle do"
        )
    found: list[bool] = []
    for k, cycle in enumerate(cycles):
        found.append(k - cycles.index(cycle) < up_pulses)
    return found


def _direction(cell: str, file: str, line: int) -> bool:
    text = str(cell).strip().casefold()
    for up, words in ((True, _UP), (False, _DOWN)):
        if re.fullmatch(words, text):
            return up
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if value == 0.0:
        raise NetlistError(
            f"{cell!r} is no direction of a pulse: expected such as LTP or LTD, or a voltage",
            file=file, line=line,
        )
    return value > 0.0


def _named_pair(block: Block) -> list[tuple[int, bool]] | None:
    """Return the columns whose names say potentiation and depression, where there are both."""
    found = [
        (k, up) for k, name in enumerate(block.names) for up, words in ((True, _UP), (False, _DOWN))
        if re.match(rf"(?:g[ _-]?)?(?:{words})(?![a-z])", name.strip(), re.IGNORECASE)
        and not re.match(_NAMES["pulse"], name, re.IGNORECASE)
    ]
    return found if {up for _, up in found} == {True, False} else None


def _listed(block: Block) -> str:
    return ", ".join(f"`{n}`" if n else "one without a name" for n in block.names)


def _find(block: Block, what: str, wanted: Column) -> int | None:
    """Return the place of a column; None: there is none."""
    names = [_UNIT.sub("", n).strip() for n in block.names]
    if isinstance(wanted, int):
        if not 0 <= wanted < len(names):
            raise ParameterError(f"`{what}` = {wanted}: there are columns 0 to {len(names) - 1}")
        return wanted
    if wanted is not None:
        for k, name in enumerate(block.names):
            if wanted.casefold() in (name.casefold(), names[k].casefold()):
                return k
        raise ParameterError(f"`{what}`: no column {wanted!r}{closest(wanted, block.names)}")
    found = [k for k, n in enumerate(names) if re.match(_NAMES[what], n, re.IGNORECASE)]
    if what == "conductance" and not found:
        found = [k for k, n in enumerate(block.names) if _UNIT.search(n)]
    if len(found) > 1:
        listed = ", ".join(f"`{block.names[k]}`" for k in found)
        raise ParameterError(f"{listed} may be the {what}: choose with `{what}=`")
    return found[0] if found else None


def _column(block: Block, place: int | None, default: list[str]) -> list[str]:
    return default if place is None else [str(cell) for cell in block.columns[place]]


def _siemens(block: Block, place: int, file: str) -> Array:
    unit = _UNIT.search(block.names[place])
    factor = _PREFIX[unit.group(1)] if unit else 1.0
    found = []
    for k, cell in enumerate(block.columns[place]):
        try:
            found.append(float(cell) * factor)
        except ValueError:
            found.append(np.nan)
        if not (np.isfinite(found[-1]) and found[-1] >= 0.0):
            raise NetlistError(
                f"{cell!r} is no conductance", file=file or None, line=block.line + k)
    return np.array(found)


# -- fits ------------------------------------------------------------------------------------


def fitted_tables(runs: Sequence[Run], form: str, points: int) -> dict[str, Any]:
    """Return the tables of `PulseResponse`, (D, K) each, siemens.

    Raises
    ------
    ParameterError
        A device without runs of both directions, fewer than three pulses, no rise or no fall.
    """
    tables: dict[str, list[Array]] = {}
    for name in dict.fromkeys(run.device for run in runs):
        whose = f"device {name!r}: "
        by_way = []
        for up in (True, False):
            own = [r.conductance for r in runs if r.device == name and r.up is up]
            if not own:
                raise ParameterError(f"{whose}no {'potentiating' if up else 'depressing'} pulses")
            by_way.append(own)
            for run in own:
                if len(run) < 4:
                    raise ParameterError(f"{whose}a run of {len(run) - 1} pulses; 3 are needed")
                if not (run[-1] - run[0]) * (1 if up else -1) > 0.0:
                    way = "potentiating" if up else "depressing"
                    raise ParameterError(
                        f"{whose}a run of {way} pulses goes from {run[0]:.4g} S to {run[-1]:.4g} S"
                    )
        fit = _exponential if form == "exponential" else _binned
        for key, values in fit(by_way[0], by_way[1], points).items():
            tables.setdefault(key, []).append(values)
    return {key: np.array(values) for key, values in tables.items()}


def _smooth(run: Array) -> Array:
    window = max(int(_SMOOTH * len(run)) | 1, 5)
    return run if len(run) < window else np.asarray(savgol_filter(run, window, 2))


def _binned(ups: list[Array], downs: list[Array], points: int) -> dict[str, Array]:
    """Return the mean steps over bins of the smoothed conductance, and their spread."""
    courses = [[_smooth(run) for run in way] for way in (ups, downs)]
    whole = np.concatenate([c for way in courses for c in way])
    grid = np.linspace(max(whole.min(), 0.0), whole.max(), points)
    found = {"conductance": grid}
    for name, way, smooth in (("up", ups, courses[0]), ("down", downs, courses[1])):
        at = np.concatenate([c[:-1] for c in smooth])
        step = np.concatenate([np.diff(run) for run in way])
        mean = _over(grid, at, step)
        residuals = [np.diff(run) - np.interp(c[:-1], grid, mean)
                     for run, c in zip(way, smooth, strict=True)]
        variance = _over(grid, at, np.concatenate(residuals) ** 2)
        found[name] = np.maximum(mean, 0.0) if name == "up" else np.minimum(mean, 0.0)
        found[f"{name}_sigma"] = np.sqrt(variance * _of_pulses(residuals))
    return found


def _of_pulses(residuals: list[Array]) -> float:
    """Return the share of the steps' variance that is the pulses', not the reading's.

    Noise of the reading makes neighbouring steps anticorrelated, by its own variance.
    """
    total = float(np.mean(np.concatenate(residuals) ** 2))
    neighbours = float(np.mean(np.concatenate([r[1:] * r[:-1] for r in residuals])))
    return max(1.0 + 2.0 * min(neighbours, 0.0) / total, 0.0) if total else 0.0


def _over(grid: Array, at: Array, values: Array) -> Array:
    """Return values averaged around every point of a grid: weights are hats of its width."""
    position = np.clip((at - grid[0]) / (grid[1] - grid[0]), 0.0, len(grid) - 1.0)
    low = np.minimum(position.astype(int), len(grid) - 2)
    share = position - low
    total, weight = np.zeros(len(grid)), np.zeros(len(grid))
    for place, part in ((low, 1.0 - share), (low + 1, share)):
        np.add.at(total, place, part * values)
        np.add.at(weight, place, part)
    seen = weight > 1e-9 * weight.max()
    return np.asarray(np.interp(grid, grid[seen], total[seen] / weight[seen]))


def _course(pulses: Array, start: float, height: float, bend: float, whole: int) -> Array:
    """Return NeuroSim's law: from `start` by `height` in `whole` pulses; bend is whole / A."""
    x = pulses / whole
    share = x if abs(bend) < _STRAIGHT else np.expm1(-bend * x) / np.expm1(-bend)
    return np.asarray(start + height * share)


def _exponential(ups: list[Array], downs: list[Array], points: int) -> dict[str, Array]:
    """Return NeuroSim's law by least squares: steps linear in the conductance."""
    del points
    whole = np.concatenate([*ups, *downs])
    ends = np.array([whole.min(), whole.max()])
    found: dict[str, Array] = {"conductance": ends}
    for name, way in (("up", ups), ("down", downs)):
        start, height, bend, pulses = _law_of(way, float(ends[1] - ends[0]))
        share = bend / pulses if abs(bend) < _STRAIGHT else -np.expm1(-bend / pulses)
        first = height / pulses if abs(bend) < _STRAIGHT else height * share / -np.expm1(-bend)
        steps = first - share * (ends - start)
        found[name] = np.maximum(steps, 0.0) if name == "up" else np.minimum(steps, 0.0)
        residuals = []
        for run in way:
            course = _course(np.arange(len(run) - 1.0), start, height, bend, pulses)
            residuals.append(np.asarray(np.diff(run) - np.interp(course, ends, found[name])))
        variance = np.mean(np.concatenate(residuals) ** 2)
        found[f"{name}_sigma"] = np.full(2, np.sqrt(variance * _of_pulses(residuals)))
    return found


def _law_of(way: list[Array], span: float) -> tuple[float, float, float, int]:
    """Return start, height and bend of runs of one direction, and their number of pulses."""
    pulses = max(len(run) for run in way) - 1

    def miss(values: Array) -> Array:
        start, height, bend = values
        return np.concatenate([
            _course(np.arange(float(len(run))), start, height, bend, pulses) - run / span
            for run in way
        ])

    first = [float(np.mean([run[k] for run in way])) / span for k in (0, -1)]
    start, height, bend = least_squares(miss, [first[0], first[1] - first[0], 1.0]).x
    return float(start) * span, float(height) * span, float(bend), pulses
