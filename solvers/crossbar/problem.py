"""A crossbar reduced to what every solver needs: conductances, resistances, end voltages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.compiled.arrays import plain
from ...core.errors import ParameterError, SingularCircuitError
from ...core.validation import Array, finite_array
from ...netlists.crossbar.crossbar import Crossbar
from ...netlists.crossbar.ends import END_NAMES, EndArrays, Ends
from ...netlists.crossbar.wires import Wires

__all__ = ["GOOD", "CrossbarProblem", "RawSolution", "bound", "check_input", "make_problem",
           "pieces", "source_voltages"]

GOOD = 1e-8  # residual up to which Kirchhoff's law holds
_EPS = float(np.finfo(float).eps)
_FEW = 1 << 14  # segments of a crossbar whose lines are kept


@dataclass(frozen=True, eq=False)
class CrossbarProblem:
    """A linear crossbar in which every end is a fixed voltage behind a resistance.

    Attributes
    ----------
    G : (M, N) siemens
    word_r : (M, N+1) ohm
        ``[:, 0]`` and ``[:, N]`` hold the whole resistance to the left and right source
        (segment, driver, end); ``inf`` where the end floats. Between them the segments.
    bit_r : (M+1, N) ohm
        The same for the bit lines; ``[0]`` top, ``[M]`` bottom.
    ends : four (B, n) arrays, volt
        Source voltages at word_left, word_right, bit_top, bit_bottom (0 where floating).
    parallel : bool
        Both families run along the columns; `word_r` is then (M+1, N) like `bit_r`.
    whole : bool
        Known beforehand: no segment has 0 ohm, none is broken, every line is tied.
    tied : three bool, optional
        Whether any right, top or bottom end is tied, where known.
    """

    G: Array
    word_r: Array
    bit_r: Array
    ends: tuple[Array, Array, Array, Array]
    parallel: bool = False
    whole: bool = False
    tied: tuple[bool, bool, bool] | None = None

    def __post_init__(self) -> None:
        # kernels only read them; each is compiled for one layout
        object.__setattr__(self, "word_r", plain(self.word_r))
        object.__setattr__(self, "bit_r", plain(self.bit_r))
        object.__setattr__(self, "ends", tuple(map(plain, self.ends)))

    @property
    def shape(self) -> tuple[int, int]:
        """(M, N)."""
        rows, columns = self.G.shape
        return rows, columns

    @property
    def batch(self) -> int:
        """Number of input vectors B."""
        return len(self.ends[0])

    def with_ends(self, ends: tuple[Array, Array, Array, Array]) -> CrossbarProblem:
        """Return the same network with other source voltages."""
        return CrossbarProblem(
            self.G, self.word_r, self.bit_r, ends, self.parallel, self.whole, self.tied
        )


@dataclass(eq=False)
class RawSolution:
    """What a method returns.

    Attributes
    ----------
    word, bit : (B, M, N) volt, or None when not kept
    end_currents : four (B, n) arrays, ampere into the ends, in the order of `END_NAMES`
    residual : float
        Largest violation of KCL over the largest branch current at that node, worst over B, at
        least 2.2e-16; infinite where a number is not finite.
    iterations : int
        Worst over B; 0 for direct methods.
    method : str
    gave_up : bool
        The method says itself that it did not come to its end.
    by_iteration : bool
        Currents are made of the voltages that the residual is measured at: a finite residual says
        that they are finite.
    cell_currents : (B, M, N) ampere, where cells are not plain resistors
    gate : (M, N) or (B, M, N) volt, of cells with transistors
    bound : float
        Residual up to which the result counts as solved.
    """

    word: Array | None
    bit: Array | None
    end_currents: tuple[Array, Array, Array, Array]
    residual: float
    iterations: int
    method: str
    gave_up: bool = False
    by_iteration: bool = False
    cell_currents: Array | None = None
    gate: Array | None = None
    bound: float = GOOD

    def __post_init__(self) -> None:
        if self.residual < np.inf and not self.by_iteration:
            finite = all(bool(np.isfinite(end).all()) for end in self.end_currents)
            self.residual = self.residual if finite else np.inf
        self.residual = max(float(self.residual), _EPS) if self.residual < np.inf else np.inf

    @property
    def converged(self) -> bool:
        """Whether the residual says so."""
        return not self.gave_up and self.residual <= self.bound


def bound(rtol: float) -> float:
    """Return up to which residual currents asked for to `rtol` count as solved."""
    return max(GOOD, 100.0 * rtol)


def check_input(xbar: Crossbar, V: ArrayLike, name: str = "V") -> Array:
    """Return V as (B, M) or (M,) float64, finite, or raise a `ParameterError`."""
    array = finite_array(name, V)
    count = xbar.inputs
    if array.ndim not in (1, 2) or array.shape[-1] != count or array.size == 0:
        raise ParameterError(
            f"`{name}` must have shape ({count},) or (B, {count}), one volt value per word line; "
            f"got {array.shape}"
        )
    return array


def make_problem(xbar: Crossbar, V: Array) -> CrossbarProblem:
    """Compile `xbar` driven by V (B, M) volt, and check that it has one solution.

    Raises
    ------
    SingularCircuitError
        A floating island, or two sources joined by zero resistance at different voltages.
    """
    lines = _lines(xbar)
    left, right, top, bottom = arrays = lines.ends
    ends = [source_voltages(end, V) for end in arrays]
    problem = CrossbarProblem(
        plain(xbar.conductance), lines.word_r, lines.bit_r, (ends[0], ends[1], ends[2], ends[3]),
        xbar.layout == "parallel", lines.whole, lines.tied,
    )
    if lines.whole:  # every node has a source, and no two have one of 0 ohm between them
        return problem
    if "open" not in (left.kind, right.kind) or "open" not in (top.kind, bottom.kind):
        _check_source_loops(problem)
    tied = all(
        any(end.kind in ("input", "zero") for end in pair)
        for pair in ((left, right), (top, bottom))
    )
    wires = xbar.wires
    if not (tied and wires.word.max() < np.inf and wires.bit.max() < np.inf):
        _check_islands(problem)
    return problem


class _Lines(NamedTuple):
    """The lines of a crossbar: what of a `CrossbarProblem` no input changes."""

    wires: Wires
    given: Ends
    ends: list[EndArrays]
    word_r: Array
    bit_r: Array
    whole: bool
    tied: tuple[bool, bool, bool]


_kept: WeakKeyDictionary[Crossbar, _Lines] = WeakKeyDictionary()


def _lines(xbar: Crossbar) -> _Lines:
    """Return the lines of `xbar`; those of small arrays, solved again and again, are kept."""
    kept = _kept.get(xbar)
    if kept is not None and kept.wires is xbar.wires and kept.given is xbar.ends:
        return kept
    arrays = [xbar.line_ends[name] for name in END_NAMES]
    left, right, top, bottom = arrays
    word_r, bit_r = _own(xbar.word_segments), _own(xbar.bit_segments)
    words = word_r.T if xbar.layout == "parallel" else word_r
    words[:, 0] = _source_resistance(left)
    words[:, -1] = _source_resistance(right)
    bit_r[0] = _source_resistance(top)
    bit_r[-1] = _source_resistance(bottom)
    whole = all(
        bool(r.min() > 0.0 and r[:, 1:-1].max(initial=0.0) < np.inf)
        and bool(np.minimum(r[:, 0], r[:, -1]).max() < np.inf)
        for r in (words, bit_r.T)
    )
    tied = tuple(bool(r.min() < np.inf) for r in (words[:, -1], bit_r[0], bit_r[-1]))
    found = _Lines(
        xbar.wires, xbar.ends, arrays, plain(word_r), plain(bit_r), whole,
        (tied[0], tied[1], tied[2]),
    )
    if word_r.size <= _FEW:
        _kept[xbar] = found
    return found


def _own(array: Array) -> Array:
    """Return `array`, copied where it belongs to the user's wires."""
    return array if array.flags.writeable else array.copy()


def _source_resistance(end: EndArrays) -> float | Array:
    """Return the resistance to the sources, scalar or (n,); infinite where an end floats."""
    if end.kind == "open":
        return np.inf
    if end.uniform is not None:
        return end.uniform[1]
    return np.where(end.connected, end.resistance, np.inf)


def source_voltages(end: EndArrays, V: Array) -> Array:
    """Return the voltages behind the ends, (B, n); 0 where an end floats."""
    if end.kind == "input":
        return V
    volts = np.zeros((V.shape[0], end.count))
    if end.kind == "mixed":
        volts[:] = np.where(end.connected, end.voltage, 0.0)
        from_v = np.isnan(end.voltage) & end.connected
        if from_v.any():
            volts[:, from_v] = V[:, from_v]
    return volts


def _check_source_loops(problem: CrossbarProblem) -> None:
    """Refuse a line whose two sources are joined by exactly 0 ohm at different voltages."""
    vl, vr, vt, vb = problem.ends
    word_r = problem.word_r.T if problem.parallel else problem.word_r
    for family, total, first, last in (
        ("wl", word_r[:, [0, -1]].sum(axis=1), vl, vr),
        ("bl", problem.bit_r[[0, -1]].sum(axis=0), vt, vb),
    ):
        if not np.isfinite(total).any():
            continue
        resistance = word_r.sum(axis=1) if family == "wl" else problem.bit_r.sum(axis=0)
        bad = (resistance == 0.0) & (first != last).any(axis=0)
        if bad.any():
            line = int(np.argmax(bad))
            across = family == "wl" and not problem.parallel
            name = f"wl{line}_0" if across else f"{family}0_{line}"
            raise SingularCircuitError(
                f"both ends of {'word' if family == 'wl' else 'bit'} line {line} are driven at "
                "different voltages with no resistance between them; give the line, a driver or "
                "the sources a resistance > 0", (name,)
            )


def _check_islands(problem: CrossbarProblem) -> None:
    """Refuse nodes that no path of conductances joins to a source."""
    word_r, bit_r = problem.word_r, problem.bit_r
    if problem.parallel:
        word_r = np.ascontiguousarray(word_r.T)
    word_whole = np.isfinite(word_r[:, 1:-1]).all(axis=1)
    bit_whole = np.isfinite(bit_r[1:-1]).all(axis=0)
    word_tied = np.isfinite(word_r[:, [0, -1]]).any(axis=1)
    bit_tied = np.isfinite(bit_r[[0, -1]]).any(axis=0)
    if (word_whole & word_tied).all() and (bit_whole & bit_tied).all():
        return
    pieces_w, tied_w = pieces(word_r)
    if problem.parallel:
        pieces_w = pieces_w.T
    pieces_b, tied_b = pieces(np.ascontiguousarray(bit_r.T))
    pieces_b = pieces_b.T + len(tied_w)
    tied = np.concatenate([tied_w, tied_b])
    from scipy.sparse import coo_array  # noqa: PLC0415 - slow to import
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415 - slow to import

    closed = problem.G > 0
    edges = (pieces_w[closed], pieces_b[closed])
    graph = coo_array((np.ones(len(edges[0]), dtype=np.int8), edges), shape=(len(tied),) * 2)
    count, label = connected_components(graph, directed=False)
    grounded = np.zeros(count, dtype=bool)
    grounded[label[tied]] = True
    if grounded.all():
        return
    floating = ~grounded[label]
    names = [f"wl{i}_{j}" for i, j in np.argwhere(floating[pieces_w])]
    names += [f"bl{i}_{j}" for i, j in np.argwhere(floating[pieces_b])]
    shown = ", ".join(names[:8]) + (f", ... ({len(names)} nodes)" if len(names) > 8 else "")
    raise SingularCircuitError(
        f"floating island: no path to a source or ground from {shown}; tie an end of these lines "
        "(Driven, Grounded, Sensed), close a cell, or repair the broken segment", tuple(names)
    )


def pieces(r: Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Split each line (row of `r`, segments incl. ends) at its breaks.

    Returns the piece number of every node, and per piece whether a source is tied to it.
    """
    breaks = ~np.isfinite(r[:, 1:-1])
    lines, nodes = r.shape[0], r.shape[1] - 1
    start = np.ones((lines, nodes), dtype=bool)
    start[:, 1:] = breaks
    number = np.cumsum(start.ravel()).reshape(lines, nodes) - 1
    tied = np.zeros(int(number[-1, -1]) + 1, dtype=bool)
    tied[number[np.isfinite(r[:, 0]), 0]] = True
    tied[number[np.isfinite(r[:, -1]), -1]] = True
    return number, tied
