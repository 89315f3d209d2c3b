"""From the arguments of a `Simulator`'s verbs to the records of analyses."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import ParameterError
from ...core.units import spice_number
from ...core.validation import finite_array, real_array
from ...netlists.analyses import Points, Sweep, Tran
from ...netlists.circuit import Circuit

__all__ = ["frequency_points", "probe_of", "saved_names", "sweep_of", "tran_analysis"]

_PROBE = re.compile(r"\s*([vi])\s*\(\s*([^,()]+?)\s*(?:,\s*([^,()]+?)\s*)?\)\s*", re.IGNORECASE)


def saved_names(save: Sequence[str] | None) -> Sequence[str] | None:
    """Return `save`, or refuse a single string, which is a sequence of letters."""
    if isinstance(save, str):
        raise ParameterError(f"`save` must be a sequence of names such as [{save!r}]; got a string")
    return save


def tran_analysis(
    t_stop: float | str, step: float | str | None, max_step: float | str | None, *, uic: bool,
    start: float | str = 0.0,
) -> Tran:
    """Return the analysis of a circuit in time."""
    stop = spice_number("t_stop", t_stop)
    if not stop > 0:
        raise ParameterError(f"`t_stop` must be > 0; got {stop!r}")
    return Tran(
        stop / 100 if step is None else spice_number("step", step), stop,
        spice_number("start", start),
        None if max_step is None else spice_number("max_step", max_step), uic,
    )


def sweep_of(circuit: Circuit, name: str, values: ArrayLike) -> Sweep:
    """Return the sweep of what `name` names."""
    key = str(name).strip().lower()
    numbers = np.atleast_1d(finite_array(f"sweeps[{name!r}]", values))
    points = Points("list", listed=tuple(map(float, numbers)))
    if key == "temp":
        return Sweep("temperature", key, points)
    if key.startswith("@") and key.endswith("]") and "[" in key:
        target, parameter = key[1:-1].split("[", 1)
        kind = "model" if target in circuit.models else "element"
        return Sweep(kind, target, points, parameter)
    names = {e.name.lower(): e.kind for e in circuit}
    if key in names:
        kind = {"V": "source", "I": "source", "R": "resistor"}.get(names[key], "element")
        return Sweep(kind, key, points)
    if key in circuit.parameters:
        return Sweep("parameter", key, points)
    raise ParameterError(
        f"there is nothing to sweep named {name!r}: name a source, a resistor, a parameter, "
        "'temp', '@element[parameter]' or '@model[parameter]'"
    )


def frequency_points(frequencies: ArrayLike | Points) -> Points:
    """Return frequencies, hertz >= 0, as the points of an analysis."""
    if isinstance(frequencies, Points):
        return frequencies
    found = np.atleast_1d(real_array("frequencies", frequencies))
    if found.ndim != 1 or not len(found) or not np.isfinite(found).all() or (found < 0).any():
        raise ParameterError("`frequencies` must be a vector of finite numbers >= 0 hertz")
    return Points("list", listed=tuple(map(float, found)))


def probe_of(output: str) -> tuple[str, ...]:
    """Return ``("v", a, b)`` or ``("i", source)`` of what is written as in a deck."""
    match = _PROBE.fullmatch(output) if isinstance(output, str) else None
    if match is None or (match[1].lower() == "i" and match[3]):
        raise ParameterError(f"`output` must look like v(out), v(a,b) or i(v1); got {output!r}")
    if match[1].lower() == "i":
        return ("i", match[2].lower())
    return ("v", match[2].lower(), (match[3] or "0").lower())
