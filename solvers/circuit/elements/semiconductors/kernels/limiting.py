"""How far Newton may move the voltages of a device in one step.

L. W. Nagel, *SPICE2*, UCB/ERL M520 (1975), with A. Gillespie's later corrections for negative
junction voltages and for devices that turn on, as in ngspice 39.
"""

from __future__ import annotations

import math

from ......core.compiled.jit import inlined

__all__ = ["fetlim", "limvds", "pnjlim"]


@inlined
def pnjlim(new: float, old: float, vt: float, critical: float) -> float:
    """Return the voltage of a junction: above `critical`, currents move by little, not voltages."""
    if new > critical and abs(new - old) > 2.0 * vt:
        if old <= 0.0:
            # a critical voltage below 0 belongs to a junction that needs no limit
            return vt * math.log(new / vt) if new > 0.0 else new
        step = (new - old) / vt
        if step > 0.0:
            return old + vt * (2.0 + math.log(step - 2.0))
        return old - vt * (2.0 + math.log(2.0 - step))
    if new < 0.0:
        return max(new, -old - 1.0 if old > 0.0 else 2.0 * old - 1.0)
    return new


@inlined
def fetlim(new: float, old: float, threshold: float) -> float:
    """Return the gate voltage of a field-effect transistor, limited around its threshold."""
    step = new - old
    high = abs(2.0 * (old - threshold)) + 2.0
    low = abs(old - threshold) + 1.0
    if old < threshold:  # off
        if step <= 0.0:
            return max(new, old - high)
        if new <= threshold + 0.5:
            return min(new, old + low)
        return threshold + 0.5
    if old < threshold + 3.5:  # near the threshold
        return max(new, threshold - 0.5) if step <= 0.0 else min(new, threshold + 4.0)
    if step > 0.0:
        return min(new, old + high)
    if new >= threshold + 3.5:
        return max(new, old - low)
    return max(new, threshold + 2.0)


@inlined
def limvds(new: float, old: float) -> float:
    """Return the drain-source voltage of a field-effect transistor."""
    if old >= 3.5:
        if new > old:
            return min(new, 3.0 * old + 2.0)
        return max(new, 2.0) if new < 3.5 else new
    return min(new, 4.0) if new > old else max(new, -0.5)
