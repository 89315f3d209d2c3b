"""Conductors whose current-voltage curves are measured tables."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import ParameterError
from ...core.laws.spice_expressions import Value, Writer, number
from ...core.validation import Array, finite_array
from ..base import Device
from ..parameters import State, parameter

__all__ = ["StaticTable", "check_table"]

_BUCKETS = 4  # per knot, of the search for a voltage's interval

# p: number of curves, knots and buckets, first voltage, buckets per volt; conductances of the
# curves, voltages, currents and slopes of every curve, the first interval of every bucket.
_LAW = """\
def {0}scalar_laws(v, x, p):
    curves, knots, buckets = int(p[0]), int(p[1]), int(p[2])
    volts = 5 + curves
    values = volts + knots
    slopes = values + curves * knots
    starts = slopes + curves * knots
    k, low, high, by_low, by_high = 0, x / p[5], 0.0, 1.0 / p[5], 0.0
    if curves > 1 and x > p[5]:
        k = curves - 1
        if x >= p[5 + k]:
            low, by_low = x / p[5 + k], 1.0 / p[5 + k]
        else:
            while p[5 + k] > x:
                k -= 1
            by_high = 1.0 / (p[6 + k] - p[5 + k])
            high, by_low = (x - p[5 + k]) * by_high, -by_high
            low = 1.0 - high
    n, end = 0, -1
    if v <= p[volts]:
        end = 0
    elif v >= p[volts + knots - 1]:
        n, end = knots - 2, knots - 1
    else:
        n = int(p[starts + min(int((v - p[3]) * p[4]), buckets - 1)])
        while p[volts + n + 1] < v:
            n += 1
    v_0 = p[volts + n]
    h = p[volts + n + 1] - v_0
    s = (v - v_0) / h
    i, slope, by_g = 0.0, 0.0, 0.0
    for m in range(1 if by_high == 0.0 else 2):
        weight, share = (low, by_low) if m == 0 else (high, by_high)
        at = values + (k + m) * knots
        to = slopes + (k + m) * knots
        if end >= 0:
            dy = p[to + end]
            y = p[at + end] + dy * (v - p[volts + end])
        else:
            y_0, b = p[at + n], h * p[to + n]
            rise, e = p[at + n + 1] - y_0, h * p[to + n + 1]
            c = 3.0 * rise - 2.0 * b - e
            d = b + e - 2.0 * rise
            y = y_0 + s * (b + s * (c + s * d))
            dy = (b + s * (2.0 * c + 3.0 * s * d)) / h
        i += weight * y
        slope += weight * dy
        by_g += share * y
    return i, slope, by_g, 0.0, 0.0, 0.0

def {0}evaluate(v, x, p, out):
    out[0], out[1], out[2], out[3], out[4], out[5] = {0}scalar_laws(v, x[0], p)

def {0}rates(v, x, p, out, f):
    f[0] = 0.0

def {0}noise(v, x, p, i, out):
    pass"""


class StaticTable(Device):
    """I = g / G(k) i_k(v): one measured curve, or a family of them, scaled to the conductance g.

    Every curve is monotone and C1 between its points (piecewise cubic Hermite: F. N. Fritsch and
    J. Butland, SIAM J. Sci. Stat. Comput. 5:300, 1984) and a straight line beyond them. G(k) is
    the conductance of curve k at the read voltage. One curve is scaled by g. Of a family, a cell
    between two curves is the mixture whose conductance at the read voltage is exactly g, and
    beyond the outer ones those are scaled.

    Parameters
    ----------
    volts : (P,) array
        Rising, of both signs unless `odd`. The origin is added where 0 V is missing.
    amperes : (P,) or (K, P) array
        Rising along every curve, 0 A at 0 V; a family in the order of rising conductance at the
        read voltage.
    odd : bool
        The table holds voltages >= 0 only, and i(-v) = -i(v).
    read_voltage : float
        Volt, inside the table, at which g is the conductance.
    g_min, g_max : float
        Range of the conductance, siemens.

    Raises
    ------
    ParameterError
        Points out of order, curves that do not rise, current at 0 V; the message has the index.

    Examples
    --------
    >>> from crossbarsim.devices import StaticTable
    >>> volts, amperes = [0.0, 0.1, 0.2, 0.4], [0.0, 1e-6, 2.2e-6, 6e-6]
    >>> device = StaticTable(volts, amperes, odd=True, read_voltage=0.1)
    >>> (device.current([-0.4, 0.1, 0.4], [2e-5]) * 1e6).round(2)  # uA, of a cell of 20 uS
    array([-12.,   2.,  12.])
    """

    name = "static_table"
    states = (State("g", "S", "g_min", "g_max", rest="g_min"),)
    g_min = parameter(1e-9, "S", low=0.0)
    g_max = parameter(1e-1, "S", positive=True)
    showcase: ClassVar[dict[str, tuple[float, ...]]] = {"": (0.5, 1e3, 1e-4)}

    def __init__(
        self, volts: ArrayLike = (-1.0, 0.0, 1.0), amperes: ArrayLike = (-1.0, 0.0, 1.0), *,
        odd: bool = False, polarity: int = 1, read_voltage: float | None = None, **limits: float,
    ) -> None:
        super().__init__(polarity=polarity, read_voltage=read_voltage, **limits)
        self.volts, self.amperes = check_table(volts, amperes, odd=odd, names=("volts", "amperes"))
        at = self.polarity * self.read_voltage
        if not self.volts[0] <= at <= self.volts[-1]:
            raise ParameterError(
                f"`read_voltage` = {self.read_voltage:g} V is outside the table, "
                f"{self.volts[0]:g} to {self.volts[-1]:g} V"
            )
        from scipy.interpolate import PchipInterpolator  # noqa: PLC0415 - slow to import

        curves = PchipInterpolator(self.volts, self.amperes, axis=1)
        self._slopes: Array = np.asarray(curves(self.volts, 1))
        self.curve_conductances: Array = np.asarray(curves(at)) / at
        fall = np.diff(self.curve_conductances) <= 0.0
        if fall.any():
            k = int(np.argmax(fall))
            raise ParameterError(
                f"`amperes`: curve {k + 1} has the conductance "
                f"{self.curve_conductances[k + 1]:.4g} S at {self.read_voltage:g} V, no more than "
                f"the {self.curve_conductances[k]:.4g} S of curve {k}; sort the curves by "
                "conductance, each one once"
            )

    def __repr__(self) -> str:
        curves, knots = self.amperes.shape
        count = "1 curve" if curves == 1 else f"{curves} curves"
        turned = ", polarity=-1" if self.polarity < 0 else ""
        return f"StaticTable({count} of {knots} points{turned})"

    def parameters(self) -> dict[str, Any]:
        """Return the table in use, both signs of voltage included, and the limits."""
        return {"volts": self.volts, "amperes": self.amperes, **super().parameters()}

    @classmethod
    @lru_cache(maxsize=8)
    def law(cls, prefix: str = "") -> str:
        """Return the source of the law, the same for all tables: they are its parameters."""
        return _LAW.format(prefix)

    @cached_property
    def parameter_array(self) -> Array:
        """The table as the law reads it, (K,)."""
        v = self.volts
        curves, knots = self.amperes.shape
        buckets = _BUCKETS * knots
        scale = buckets / (v[-1] - v[0])
        edges = v[0] + np.arange(buckets) / scale
        starts = np.clip(np.searchsorted(v, edges, side="right") - 1, 0, knots - 2)
        head = [curves, knots, buckets, v[0], scale]
        return np.concatenate([
            head, self.curve_conductances, v, self.amperes.ravel(), self._slopes.ravel(),
            starts,
        ]).astype(np.float64)

    # -- SPICE ---------------------------------------------------------------------------------

    def spice_current(self, writer: Writer, v: str, states: Mapping[str, Value]) -> Value:
        """Return the current as an expression of the voltage `v`."""
        g, known = states["g"], self.curve_conductances
        if isinstance(g, str):
            if len(known) > 1:
                raise ParameterError(
                    "StaticTable: a family of curves can be written for ngspice with frozen "
                    "states only, without `t_stop`"
                )
            return f"{g}*{number(1.0 / float(known[0]))}*{self._pieces(0, v)}"
        terms = [
            f"{writer.text(weight)} * {self._pieces(k, v)}"
            for k, weight in enumerate(self._weights(g)) if weight.any()
        ]
        return "(" + " + ".join(terms or ["0"]) + ")"

    def verilog_a_current(self, v: str, states: Mapping[str, str]) -> str:
        """Return the current as an expression of Verilog-A, of the names of voltage and state."""
        g, known = states["g"], self.curve_conductances
        curves = [self._pieces(k, v) for k in range(len(known))]

        def scaled(k: int) -> str:
            return f"{g}/{number(known[k])}*{curves[k]}"

        text = scaled(-1)
        for k in range(len(known) - 2, -1, -1):
            span = number(known[k + 1] - known[k])
            mixed = (f"(({number(known[k + 1])} - {g})*{curves[k]} + "
                     f"({g} - {number(known[k])})*{curves[k + 1]})/{span}")
            text = f"({g} < {number(known[k + 1])} ? {mixed} : {text})"
        return text if len(known) == 1 else f"({g} <= {number(known[0])} ? {scaled(0)} : {text})"

    def _weights(self, g: Array) -> Array:
        """Return the share of every curve in cells of conductance g, (K, ...)."""
        known = self.curve_conductances
        weights = np.zeros((len(known), *g.shape))
        if len(known) == 1:
            weights[0] = g / known[0]
            return weights
        k = np.clip(np.searchsorted(known, g, side="right") - 1, 0, len(known) - 2)
        high = (g - known[k]) / (known[k + 1] - known[k])
        inside = (g >= known[0]) & (g <= known[-1])
        for n in range(len(known)):
            weights[n] += np.where(inside & (k == n), 1.0 - high, 0.0)
            weights[n] += np.where(inside & (k + 1 == n), high, 0.0)
        weights[0] += np.where(g < known[0], g / known[0], 0.0)
        weights[-1] += np.where(g > known[-1], g / known[-1], 0.0)
        return weights

    def _pieces(self, k: int, v: str) -> str:
        """Return curve k as a tree of conditions, so that ngspice compares few times."""
        volts, y, d = self.volts, self.amperes[k], self._slopes[k]

        def line(n: int) -> str:
            return f"({number(y[n])} + {number(d[n])}*({v} - {number(volts[n])}))"

        def piece(n: int) -> str:
            h = volts[n + 1] - volts[n]
            rise = (y[n + 1] - y[n]) / h
            c = (3.0 * rise - 2.0 * d[n] - d[n + 1]) / h
            e = (d[n] + d[n + 1] - 2.0 * rise) / h**2
            s = f"({v} - {number(volts[n])})"
            return (f"({number(y[n])} + {s}*({number(d[n])} + {s}*({number(c)} + "
                    f"{s}*{number(e)})))")

        leaves = [line(0), *(piece(n) for n in range(len(volts) - 1)), line(len(volts) - 1)]

        def tree(first: int, last: int) -> str:
            if first == last:
                return leaves[first]
            middle = (first + last + 1) // 2
            test = f"{v} < {number(volts[middle - 1])}"
            return f"({test} ? {tree(first, middle - 1)} : {tree(middle, last)})"

        return tree(0, len(leaves) - 1)


def check_table(
    voltage: ArrayLike, current: ArrayLike, *, odd: bool,
    names: tuple[str, str] = ("voltage", "current")
) -> tuple[Array, Array]:
    """Return the checked table, voltages (P,) of both signs and currents (K, P).

    `names` of the two are for the errors.
    """
    volts, amperes = names
    v, i = finite_array(volts, voltage), finite_array(amperes, current)
    if v.ndim != 1 or len(v) < 2:
        raise ParameterError(f"`{volts}` must have shape (P,) with P >= 2; got {v.shape}")
    i = i[None] if i.ndim == 1 else i
    if i.ndim != 2 or i.shape[1] != len(v) or len(i) == 0:
        raise ParameterError(
            f"`{amperes}` must have shape ({len(v)},) or (K, {len(v)}), one value per voltage; got "
            f"{np.shape(current)}"
        )
    if (np.diff(v) <= 0.0).any():
        k = int(np.argmax(np.diff(v) <= 0.0))
        raise ParameterError(f"`{volts}` must rise: [{k + 1}] = {v[k + 1]:g} after {v[k]:g} V")
    if odd and v[0] < 0.0:
        raise ParameterError(f"`{volts}`[0] = {v[0]:g} V: with `odd`, give voltages >= 0 only")
    if not odd and not v[0] < 0.0 < v[-1]:
        raise ParameterError(
            f"`{volts}` goes from {v[0]:g} to {v[-1]:g} V: give both signs, or `odd=True`"
        )
    zero = int(np.searchsorted(v, 0.0))
    if zero < len(v) and v[zero] == 0.0:
        offset = np.abs(i[:, zero]) > 1e-9 * np.abs(i).max(axis=1)
        if offset.any():
            k = int(np.argmax(offset))
            raise ParameterError(
                f"`{amperes}`: curve {k} carries {i[k, zero]:.3g} A at 0 V; a cell is no source: "
                "subtract the offset of the measurement"
            )
        i = i.copy()
        i[:, zero] = 0.0
    else:
        v, i = np.insert(v, zero, 0.0), np.insert(i, zero, 0.0, axis=1)
    fall = np.diff(i, axis=1) <= 0.0
    if fall.any():
        k, n = (int(x) for x in np.argwhere(fall)[0])
        raise ParameterError(
            f"`{amperes}`: curve {k} does not rise from {v[n]:g} V ({i[k, n]:.6g} A) to "
            f"{v[n + 1]:g} V ({i[k, n + 1]:.6g} A); tables must be monotone: smooth them, or use "
            "a device model for folded curves"
        )
    if odd:
        v = np.concatenate([-v[:0:-1], v])
        i = np.concatenate([-i[:, :0:-1], i], axis=1)
    return np.ascontiguousarray(v), np.ascontiguousarray(i)
