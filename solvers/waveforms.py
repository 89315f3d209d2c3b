"""What drives a crossbar in time, compiled to source voltages at any moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..netlists._check import Array, finite_array
from ..netlists.crossbar import Crossbar
from ..netlists.ends import END_NAMES
from ..netlists.errors import ParameterError
from ..netlists.sources import Source

__all__ = ["Drive", "compile_drive"]

Line = Callable[[float], Array]


@dataclass(frozen=True, eq=False)
class _Waves:
    """Voltages of a family of lines in time."""

    at: Line
    breaks: Array
    end: float | None


@dataclass(frozen=True, eq=False)
class Drive:
    """Source voltages in time.

    Attributes
    ----------
    ends : callable, t -> four arrays (M,), (M,), (N,), (N,), volt
    gates : callable, t -> gate voltages in the form that the cells take, or None
    breaks : times at which a slope jumps, up to and with the last
    """

    ends: Callable[[float], tuple[Array, Array, Array, Array]]
    gates: Callable[[float], Any]
    breaks: Array


def _waves(name: str, value: Any, lines: int, t_stop: float | None) -> _Waves:
    """Compile one entry: (t, V), a sequence of sources, or one source for all lines."""
    if isinstance(value, Source):
        value = [value] * lines
    if isinstance(value, tuple) and len(value) == 2 and not isinstance(value[0], Source):
        t, v = finite_array(f"{name}: t", value[0]), finite_array(f"{name}: V", value[1])
        if t.ndim != 1 or len(t) < 2 or v.shape not in ((len(t), lines), (len(t),)):
            raise ParameterError(
                f"`{name}` must be (t, V) with t (T,) and V (T, {lines}); got {t.shape}, {v.shape}"
            )
        back = np.diff(t) <= 0
        if back.any():
            k = int(np.argmax(back))
            raise ParameterError(
                f"`{name}`: times must increase: t[{k + 1}] = {t[k + 1]:g} s follows "
                f"{t[k]:g} s"
            )
        whole = np.broadcast_to(v.reshape(len(t), -1), (len(t), lines))

        def table(now: float) -> Array:
            k = int(np.clip(np.searchsorted(t, now, side="right") - 1, 0, len(t) - 2))
            share = float(np.clip((now - t[k]) / (t[k + 1] - t[k]), 0.0, 1.0))
            return np.ascontiguousarray(whole[k] + share * (whole[k + 1] - whole[k]))

        return _Waves(table, t, float(t[-1]))
    if isinstance(value, Sequence) and all(isinstance(s, Source) for s in value):
        if len(value) != lines:
            raise ParameterError(f"`{name}` has {len(value)} sources for {lines} lines")
        if t_stop is None:
            raise ParameterError(f"`{name}`: sources have no end; give `t_stop`")
        distinct = list(dict.fromkeys(value))
        where = np.array([distinct.index(s) for s in value])
        breaks = np.unique(np.concatenate([s.breakpoints(t_stop) for s in distinct]))
        return _Waves(lambda now: np.array([s.at(now) for s in distinct])[where], breaks, None)
    raise ParameterError(
        f"`{name}` must be (t, V), a source such as Pulse(...), or a sequence of {lines} sources; "
        f"got {type(value).__name__}"
    )


def compile_drive(
    xbar: Crossbar, waveforms: Any, t_stop: float | None, gate: Any, gate_lines: int | None
) -> Drive:
    """Compile the drive of `xbar`; see `Solver.transient`."""
    rows, columns = xbar.shape
    mapping = dict(waveforms) if isinstance(waveforms, Mapping) else {"": waveforms}
    if gate is not None:
        if "gate" in mapping:
            raise ParameterError("the gates are driven twice, by `gate` and by `waveforms`")
        mapping["gate"] = gate
    waves: dict[str, _Waves] = {}
    for name, value in mapping.items():
        if name not in ("", "gate", *END_NAMES):
            raise ParameterError(
                f"`waveforms` has no {name!r}; there are {', '.join((*END_NAMES, 'gate'))}"
            )
        if name == "gate" and gate_lines is None:
            raise ParameterError("a gate waveform is for cells with transistors")
        count = {"": rows, "gate": gate_lines or 0}.get(
            name, rows if name.startswith("word") else columns
        )
        waves[name] = _waves(name or "waveforms", value, count, t_stop)
    static: dict[str, Array] = {}
    for name in END_NAMES:
        end = xbar.line_ends[name]
        if name in waves and not end.connected.all():
            line = int(np.argmin(end.connected))
            raise ParameterError(f"`waveforms[{name!r}]`: line {line} floats at that end")
        volts = np.where(end.connected, end.voltage, 0.0)
        if "" not in waves and name not in waves and np.isnan(volts).any():
            raise ParameterError(
                f"`ends.{name}` takes its voltage from V, but `waveforms` does not name it"
            )
        static[name] = volts

    def ends(now: float) -> tuple[Array, Array, Array, Array]:
        driven = waves[""].at(now) if "" in waves else None
        found = []
        for name in END_NAMES:
            volts = static[name]
            if name in waves:
                volts = waves[name].at(now)
            elif driven is not None and name.startswith("word"):
                volts = np.where(np.isnan(volts), driven, volts)
            found.append(np.ascontiguousarray(volts, dtype=np.float64))
        return found[0], found[1], found[2], found[3]

    last = t_stop
    if last is None:
        known = [w.end for w in waves.values() if w.end is not None]
        if not known:
            raise ParameterError("give `t_stop`")
        last = max(known)
    if not (np.isfinite(last) and last > 0):
        raise ParameterError(f"`t_stop` must be > 0; got {last!r}")
    every = np.concatenate([np.array([last]), *(w.breaks for w in waves.values())])
    breaks = np.unique(every[(every > 0) & (every <= last)])
    keep = np.diff(breaks, prepend=0.0) > 1e-14 * last  # corners that coincide
    gates = waves["gate"].at if "gate" in waves else (lambda _now: None)
    return Drive(ends, gates, breaks[keep] if keep.any() else breaks)
