"""What drives the lines of a crossbar in time, as it is given: tables or sources, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import ParameterError
from ...core.validation import Array, finite_array
from ..sources import Pwl, Source
from .ends import END_NAMES
from .protocol import CrossbarLike

__all__ = ["LineWaves", "Waveforms", "Waves", "read_waves"]

LineWaves = tuple[ArrayLike, ArrayLike] | Source | Sequence[Source]
"""One family of lines: ``(t, V)`` with t (T,) second and V (T, lines) volt, or sources."""
Waveforms = LineWaves | Mapping[str, LineWaves]
"""What drives an array: its word lines, or families by the name of their end and ``"gate"``."""


@dataclass(frozen=True, eq=False)
class Waves:
    """Voltages of a family of lines in time.

    Attributes
    ----------
    table : (t, V) with V (T, lines), linear between the points, or None
    sources : tuple of Source
        One per line, where there is no table.
    """

    table: tuple[Array, Array] | None
    sources: tuple[Source, ...] = ()

    def source(self, line: int) -> Source:
        """Return the source of one line."""
        if self.table is None:
            return self.sources[line]
        t, v = self.table
        return Pwl(tuple(t), tuple(v[:, line]))


def _waves(name: str, value: Any, lines: int, t_stop: float | None) -> Waves:
    """Check one entry: (t, V), a sequence of sources, or one source for all lines."""
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
        return Waves((t, np.broadcast_to(v.reshape(len(t), -1), (len(t), lines))))
    if isinstance(value, Sequence) and all(isinstance(s, Source) for s in value):
        if len(value) != lines:
            raise ParameterError(f"`{name}` has {len(value)} sources for {lines} lines")
        if t_stop is None:
            raise ParameterError(f"`{name}`: sources have no end; give `t_stop`")
        return Waves(None, tuple(value))
    raise ParameterError(
        f"`{name}` must be (t, V), a source such as Pulse(...), or a sequence of {lines} sources; "
        f"got {type(value).__name__}"
    )


def read_waves(
    xbar: CrossbarLike, waveforms: Waveforms, t_stop: float | None, gate: LineWaves | None,
    gate_lines: int | None,
) -> tuple[dict[str, Waves], float]:
    """Check the drive of `xbar`, in the forms that `Solver.transient` takes.

    `gate_lines` is the number of gate lines, None where cells have none.

    Returns
    -------
    waves : dict
        By the name of the end, ``"gate"``, or ``""`` for the word lines that take their entry of V.
    t_stop : float, second
    """
    mapping = dict(waveforms) if isinstance(waveforms, Mapping) else {"": waveforms}
    if gate is not None:
        if "gate" in mapping:
            raise ParameterError("the gates are driven twice, by `gate` and by `waveforms`")
        mapping["gate"] = gate
    waves: dict[str, Waves] = {}
    for name, value in mapping.items():
        if name not in ("", "gate", *END_NAMES):
            raise ParameterError(
                f"`waveforms` has no {name!r}; there are {', '.join((*END_NAMES, 'gate'))}"
            )
        if name == "gate" and gate_lines is None:
            raise ParameterError("a gate waveform is for cells with transistors")
        count = gate_lines or 0 if name == "gate" else xbar.line_count(name or "word_left")
        waves[name] = _waves(name or "waveforms", value, count, t_stop)
    for name in END_NAMES:
        end = xbar.line_ends[name]
        if name in waves and not end.connected.any():
            raise ParameterError(f"`waveforms[{name!r}]`: all lines float at that end")
        volts = np.where(end.connected, end.voltage, 0.0)
        if "" not in waves and name not in waves and np.isnan(volts).any():
            raise ParameterError(
                f"`ends.{name}` takes its voltage from V, but `waveforms` does not name it"
            )
    last = t_stop
    if last is None:
        known = [float(w.table[0][-1]) for w in waves.values() if w.table is not None]
        if not known:
            raise ParameterError("give `t_stop`")
        last = max(known)
    if not (np.isfinite(last) and last > 0):
        raise ParameterError(f"`t_stop` must be > 0; got {last!r}")
    return waves, float(last)
