"""All node voltages of many crossbars and input vectors by preconditioned conjugate gradients.

The unknowns are both families of nodes at once, as deviations from each line's unloaded profile,
so that currents through micro-ohm segments are differences of small numbers. The preconditioner
is the array of mean conductances, which the eigenvectors of two chains take apart: products of
dense matrices and a 2x2 system per mode, no recurrence along a line. Residuals and updates are in
double precision; the corrections may be found in single.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....core.validation import Array
from ..problem import bound
from .array_types import XpArray, XpModule
from .crossbar_batch import Stack, conductance
from .kirchhoff import kirchhoff
from .reduction import Ends

__all__ = ["Iterated", "Unloaded", "iterate", "iteration_bytes", "leaving"]

_OUTER = 60
_AT_LEAST = 0.03  # of a residual, where currents are good and some node is not
_REDUCED = {"float32": 1e-4, "float64": 1e-13}  # of a residual, by one run of the inner iteration


def iteration_bytes(shape: tuple[int, int]) -> int:
    """Estimated bytes of working memory per input vector of one crossbar."""
    return 8 * 2 * shape[0] * shape[1] * 16


@dataclass(frozen=True, eq=False)
class Iterated:
    """What was found.

    Attributes
    ----------
    word, bit : (T, B, M, N) volt
    currents : four (T, B, n) ampere into the ends
    iterations : (T, B)
    converged : (T, B) bool
    """

    word: XpArray
    bit: XpArray
    currents: Ends
    iterations: XpArray
    converged: XpArray


def iterate(
    stack: Stack, sources: Ends, *, rtol: float, limit: int, single: bool
) -> Iterated:
    """Solve all crossbars for source voltages (T, B, n), until the currents are known to `rtol`.

    A current that is missing at a node changes each end current by no more than itself, so the sum
    of the violations of Kirchhoff's law over the largest end current bounds the error. The law has
    to hold at every node, too.

    Parameters
    ----------
    stack : Stack
        Regular: no segment of 0 ohm, no broken line.
    sources : four (T, B, n) arrays, volt
    rtol : float
    limit : int
        Iterations per vector.
    single : bool
        Whether corrections are found in single precision; those that do not gain by it are found
        in double.
    """
    xp = stack.backend.xp
    lines = Unloaded.of(stack, sources)
    kinds = ["float32", "float64"] if single else ["float64"]
    tools = _Preconditioner(stack, kinds[0]), _Operator.of(stack, kinds[0])
    exact = _Operator.of(stack, "float64")
    G = exact.G
    cells = G * (lines.base[:, :, 0] - lines.base[:, :, 1])
    right = xp.stack([-cells, cells], axis=2)
    x = xp.zeros_like(right)
    count = xp.zeros(right.shape[:2], dtype=np.int64)
    miss = right
    error, done = lines.error(x, miss, rtol)
    kind = kinds.pop(0)
    for _ in range(_OUTER):
        if bool(xp.all(done | (count >= limit))):
            break
        wanted = xp.minimum(xp.maximum(0.03 * rtol / error, _REDUCED[kind]), _AT_LEAST)
        wanted = xp.where(done, xp.inf, wanted)
        step, used = _correct(xp, tools, miss, wanted, limit - count, kind)
        count = count + used
        x = xp.where(done[..., None, None, None], x, x + step)
        miss = right - exact.apply(xp, x)
        before = error
        error, done = lines.error(x, miss, rtol)
        if bool(xp.any(done)):
            volts = lines.base + x
            over = kirchhoff(stack, volts[:, :, 0], volts[:, :, 1], sources, lines.currents(x))
            done &= (over <= bound(rtol))[:, None]
        stuck = ~done & (error > 0.5 * before)
        if kinds and bool(xp.any(stuck)):
            kind = kinds.pop(0)
            tools = _Preconditioner(stack, kind), exact
        elif not kinds and bool(xp.all(done | stuck)):
            break
    volts = lines.base + x
    return Iterated(volts[:, :, 0], volts[:, :, 1], lines.currents(x), count, done)


def _correct(
    xp: XpModule, tools: tuple[_Preconditioner, _Operator], miss: XpArray, wanted: XpArray,
    limit: XpArray, kind: str,
) -> tuple[XpArray, XpArray]:
    """Return corrections for residuals `miss`, each shrunk to `wanted` of its sum, and counts."""
    precondition, operator = tools
    size = xp.sum(xp.abs(miss), axis=(2, 3, 4))
    scale = xp.where(size > 0.0, size, 1.0)
    r = (miss / scale[..., None, None, None]).astype(kind)
    x = xp.zeros_like(r)
    used = xp.zeros(size.shape, dtype=np.int64)
    active = (size > 0.0) & (wanted < 1.0) & (limit > 0)
    z = precondition.apply(xp, r)
    p = z
    rz = xp.sum(r * z, axis=(2, 3, 4))
    while bool(xp.any(active)):
        q = operator.apply(xp, p)
        pq = xp.sum(p * q, axis=(2, 3, 4))
        alpha = xp.where(active & (pq > 0.0), rz / xp.where(pq > 0.0, pq, 1.0), 0.0)
        alpha = alpha.astype(kind)[..., None, None, None]
        x = x + alpha * p
        r = r - alpha * q
        used = used + active
        active = active & (xp.sum(xp.abs(r), axis=(2, 3, 4)) > wanted) & (used < limit) & (pq > 0.0)
        z = precondition.apply(xp, r)
        new = xp.sum(r * z, axis=(2, 3, 4))
        beta = (new / xp.where(rz > 0.0, rz, 1.0)).astype(kind)
        p = z + beta[..., None, None, None] * p
        rz = new
    return x.astype("float64") * scale[..., None, None, None], used


@dataclass(frozen=True, eq=False)
class _Operator:
    """The conductance matrix on (T, B, 2, M, N): word and bit nodes."""

    G: XpArray
    gw: XpArray
    gb: XpArray

    @classmethod
    def of(cls, stack: Stack, kind: str) -> _Operator:
        gw, gb = stack.conductances()
        return cls(stack.G[:, None].astype(kind), gw[:, None].astype(kind),
                   gb[:, None].astype(kind))

    def apply(self, xp: XpModule, x: XpArray) -> XpArray:
        """Return the currents that leave every node."""
        u, w = x[:, :, 0], x[:, :, 1]
        cells = self.G * (u - w)
        return xp.stack([
            cells + leaving(xp, self.gw, u, 3), -cells + leaving(xp, self.gb, w, 2)
        ], axis=2)


def leaving(xp: XpModule, g: XpArray, v: XpArray, axis: int) -> XpArray:
    """Return what flows from the nodes v into segments g, one more along the axis, ends at 0 V."""
    flow = xp.diff(-v, axis=axis)
    first, last = (-v[..., :1], v[..., -1:]) if axis == 3 else (-v[:, :, :1], v[:, :, -1:])
    flow = g * xp.concatenate([first, flow, last], axis=axis)
    return xp.diff(flow, axis=axis)


class _Preconditioner:
    """The inverse of the array of mean conductances."""

    def __init__(self, stack: Stack, kind: str) -> None:
        xp, asarray = stack.backend.xp, stack.backend.asarray
        ew, qw = np.linalg.eigh(_mean_chain(stack.word_r))
        eb, qb = np.linalg.eigh(_mean_chain(np.swapaxes(stack.bit_r, 1, 2)))
        ew, eb = (asarray(np.maximum(e, 0.0)) for e in (ew, eb))
        d = xp.mean(stack.G, axis=(1, 2))[:, None, None]
        ew, eb = ew[:, None, :], eb[:, :, None]
        # (ew + d)(eb + d) - d^2, without the difference
        under = ew * eb + d * (ew + eb)
        under = xp.where(under > 0.0, under, 1.0)
        self.uu, self.ww, self.uw = (
            part[:, None].astype(kind) for part in
            xp.broadcast_arrays((eb + d) / under, (ew + d) / under, d / under)
        )
        self.qw = asarray(qw)[:, None, None].astype(kind)
        self.qb = asarray(qb)[:, None, None].astype(kind)
        self.qwt = xp.ascontiguousarray(xp.swapaxes(self.qw, -1, -2))
        self.qbt = xp.ascontiguousarray(xp.swapaxes(self.qb, -1, -2))

    def apply(self, xp: XpModule, r: XpArray) -> XpArray:
        """Return voltages for currents r (T, B, 2, M, N)."""
        modes = xp.matmul(xp.matmul(self.qbt, r), self.qw)
        u, w = modes[:, :, 0], modes[:, :, 1]
        modes = xp.stack([self.uu * u + self.uw * w, self.uw * u + self.ww * w], axis=2)
        return xp.matmul(xp.matmul(self.qb, modes), self.qwt)


def _mean_chain(r: Array) -> Array:
    """Return the matrices (T or 1, n, n) of the mean line of r (T or 1, L, n+1), siemens."""
    n = r.shape[2] - 1
    g = np.empty((len(r), n + 1))
    g[:, 1:-1] = 1.0 / r[:, :, 1:-1].mean(axis=1)
    g[:, [0, -1]] = conductance(r[:, :, [0, -1]]).mean(axis=1)
    chain = np.zeros((len(r), n, n))
    k = np.arange(n)
    chain[:, k, k] = g[:, :-1] + g[:, 1:]
    chain[:, k[1:], k[:-1]] = chain[:, k[:-1], k[1:]] = -g[:, 1:-1]
    return chain


@dataclass(frozen=True, eq=False)
class Unloaded:
    """Unloaded lines: base (T, B, 2, M, N) volt; what they carry by themselves and at their ends.

    flow_w (T, B, M), flow_b (T, B, N) ampere from the first end to the last.
    """

    stack: Stack
    base: XpArray
    flow_w: XpArray
    flow_b: XpArray
    ends: tuple[XpArray, XpArray, XpArray, XpArray]  # conductances (T or 1, 1, n)

    @classmethod
    def of(cls, stack: Stack, sources: Ends) -> Unloaded:
        """Return the lines of `stack` between source voltages (T, B, n)."""
        xp = stack.backend.xp
        left, right, top, bottom = sources
        word, flow_w = _profile(stack, stack.word_r, left, right)
        bit, flow_b = _profile(stack, np.swapaxes(stack.bit_r, 1, 2), top, bottom)
        gw, gb = stack.conductances()
        ends = (gw[:, None, :, 0], gw[:, None, :, -1], gb[:, None, 0], gb[:, None, -1])
        return cls(stack, xp.stack([word, xp.swapaxes(bit, 2, 3)], axis=2), flow_w, flow_b, ends)

    def currents(self, x: XpArray) -> Ends:
        """Return the currents into the four ends for deviations x."""
        u, w = x[:, :, 0], x[:, :, 1]
        left, right, top, bottom = self.ends
        return (left * u[..., 0] - self.flow_w, right * u[..., -1] + self.flow_w,
                top * w[:, :, 0] - self.flow_b, bottom * w[:, :, -1] + self.flow_b)

    def error(self, x: XpArray, miss: XpArray, rtol: float) -> tuple[XpArray, XpArray]:
        """Return the bound on the currents' relative error (T, B), and where it is good enough."""
        xp = self.stack.backend.xp
        ends = xp.concatenate([xp.abs(end) for end in self.currents(x)], axis=2)
        total = xp.sum(xp.abs(miss), axis=(2, 3, 4))
        error = total / (xp.max(ends, axis=2) + 1e-300)
        return error, (error <= rtol) | (total == 0.0)


def _profile(stack: Stack, r: Array, first: XpArray, last: XpArray) -> tuple[XpArray, XpArray]:
    """Return the voltages (T, B, L, n) and currents (T, B, L) of unloaded lines r (T or 1, L, n+1).

    A line with one source is at its voltage, one without at 0 V.
    """
    asarray = stack.backend.asarray
    a_on, b_on = r[..., 0] < np.inf, r[..., -1] < np.inf
    both = a_on & b_on
    total = np.where(both, r.sum(axis=2, where=np.isfinite(r)), 1.0)
    inner = np.cumsum(np.where(np.isfinite(r), r, 0.0)[..., :-1], axis=2)
    share = np.where(both[..., None], inner / total[..., None], (~a_on & b_on)[..., None] * 1.0)
    rest = np.where((a_on | b_on)[..., None], 1.0 - share, 0.0)
    volts = first[..., None] * asarray(rest)[:, None] + last[..., None] * asarray(share)[:, None]
    return volts, (first - last) * asarray(both / total)[:, None]
