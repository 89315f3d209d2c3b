"""SPICE's limiting functions, as compiled modules call them.

``$limit(V(a, c), "pnjlim", vt, vcrit)`` and its kind ask the simulator for a voltage near the
proposed one for which Newton's method is safe. (Nagel 1975; as SPICE3f5 and ngspice have them.)
"""

from __future__ import annotations

import ctypes
import math
from functools import cache
from typing import Any

import numba

from ...core.errors import NetlistError
from ...netlists.osdi import Module

__all__ = ["install_limits"]

_types: Any = numba.types  # numba's own annotations are partial
_FLAG = _types.CPointer(_types.uint8)
_INITIAL_GATE, _INITIAL_DRAIN = 0.1, 0.1  # above threshold; of the drain
_FREE = _types.float64


def _pnjlim(first: int, changed: Any, new: float, old: float, vt: float, critical: float) -> float:
    if first:
        changed[0] = 1
        return critical
    if new > critical and abs(new - old) > 2.0 * vt:
        changed[0] = 1
        if old > 0.0:
            rise = (new - old) / vt
            if rise > 0.0:
                return old + vt * (2.0 + math.log(rise - 2.0))
            return old - vt * (2.0 + math.log(2.0 - rise))
        return vt * math.log(new / vt)
    if new < 0.0:
        floor = -old - 1.0 if old > 0.0 else 2.0 * old - 1.0
        if new < floor:
            changed[0] = 1
            return floor
    return new


def _limvds(first: int, changed: Any, new: float, old: float) -> float:
    if first:
        changed[0] = 1
        return _INITIAL_DRAIN
    if old >= 3.5:
        found = max(new, 2.0) if new < 3.5 else min(new, 3.0 * old + 2.0)
    elif new > old:
        found = min(new, 4.0)
    else:
        found = max(new, -0.5)
    if found != new:
        changed[0] = 1
    return found


def _fetlim(first: int, changed: Any, new: float, old: float, threshold: float) -> float:
    if first:
        changed[0] = 1
        return threshold + _INITIAL_GATE
    high = abs(2.0 * (old - threshold)) + 2.0
    low = abs(old - threshold) + 1.0
    far, step, found = threshold + 3.5, new - old, new
    if old >= threshold:
        if old >= far:
            if step <= 0.0:
                if new >= far:
                    if -step > low:
                        found = old - low
                else:
                    found = max(new, threshold + 2.0)
            elif step >= high:
                found = old + high
        elif step <= 0.0:
            found = max(new, threshold - 0.5)
        else:
            found = min(new, threshold + 4.0)
    elif step <= 0.0:
        if -step > high:
            found = old - high
    elif new <= threshold + 0.5:
        if step > low:
            found = old + low
    else:
        found = threshold + 0.5
    if found != new:
        changed[0] = 1
    return found


def _limitlog(first: int, changed: Any, new: float, old: float, tolerance: float) -> float:
    if first:
        changed[0] = 1
        return 0.0
    found = new
    if new > old + tolerance:
        found = old + tolerance + math.log10((new - old) / tolerance)
    elif new < old - tolerance:
        found = old - tolerance - math.log10((old - new) / tolerance)
    if found != new:
        changed[0] = 1
    return found


_KNOWN = {"pnjlim/2": _pnjlim, "limvds/0": _limvds, "fetlim/1": _fetlim, "limitlog/1": _limitlog}


@cache
def _compiled(name: str) -> Any:
    extra = int(name.rpartition("/")[2])
    kind = _FREE(_types.uint8, _FLAG, _FREE, _FREE, *([_FREE] * extra))
    return numba.cfunc(kind)(_KNOWN[name])


def install_limits(module: Module) -> None:
    """Give a module's library the addresses of the limiting functions that it asks for.

    Raises
    ------
    NetlistError
        It asks for one that there is not.
    """
    for name, place in module.code.limits.items():
        if name not in _KNOWN:
            own, _, count = name.rpartition("/")
            known = ", ".join(one.partition("/")[0] for one in _KNOWN)
            raise NetlistError(
                f"module `{module.name}` asks for the limiting function {own!r} of {count} "
                f"arguments; there are {known}", file=module.file)
        slot = ctypes.c_void_p.from_address(place)
        if not slot.value:
            slot.value = _compiled(name).address
