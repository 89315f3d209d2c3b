"""The protocol of element groups: how a kind of element enters the circuit's equations.

The engine solves, for the unknowns x (node voltages, then branch currents and inner unknowns),

    f(x, t) + d/dt q(x, t) = 0,

one row per unknown. The row of a node is Kirchhoff's law: f is the sum of the currents that flow
*out of the node into the elements*, ampere, and q the sum of the charges that the elements hold at
that terminal, coulomb. The row of a branch or inner unknown is an equation of its element. With
G = df/dx and C = dq/dx an operating point needs G (q does not count: capacitors are open and
inductors shorts), a time step G + a C, a small-signal analysis G + j w C.

An `ElementGroup` holds all elements of one kind (and kind of model) as arrays over its E elements.
It says once which rows and columns it touches; rows and columns are indices into x, and ground is
the index -1: vectors handed to groups have n + 1 entries, the last of which is 0 volt, and what is
put at ground's row or column is dropped. No group needs to know whether a terminal is grounded.

A group has up to three parts, all optional:

1. Linear: `linear_g()` and `linear_c()` return (rows, columns, values) of constant entries of G and
   C, any shapes that broadcast. They are read once per compilation.
2. Sources: `source_rows` (flat) and `sources(now, out)`, which fills what those rows of f get
   without depending on x: values in time. Multiply by ``now.scale`` (source stepping).
3. Non-linear: the patterns `f_rows` (F, E), `q_rows` (Q, E), `g_at` = (rows, columns), each
   (A, E), `c_at`, each (B, E), and `evaluate(x, now, out)`, which is called at every Newton step
   and fills ``out.f`` (F, E), ``out.q`` (Q, E), ``out.g`` (A, E), ``out.c`` (B, E), all of them,
   each time. The arrays are the engine's own; several entries may share a place and are added.

Limiting. Junctions keep Newton's steps in bounds by evaluating at a limited voltage v_lim instead
of x's voltage v. What goes into f and q is then the tangent at v_lim, read at v::

    f = i(v_lim) + g (v - v_lim)          q = q(v_lim) + c (v - v_lim)

so that the next Newton step equals SPICE's. The group sets ``self.limited`` to a (E,) array of
bool, True where v_lim differs from v: Newton goes on until it is all False. Limiting compares with
the voltage of the previous evaluation, which the group keeps itself; `start` is called before a
new solution is looked for from nothing, `accept` when a point (operating point, sweep point, time
step) has been found, `rewind` when a time step is refused: go back to what `accept` saw. With
``now.limit`` False nothing may be limited (linearisation, evidence, the last evaluation).

``now.initialise`` is True in the first evaluation of an operating point that starts from nothing:
junctions are then evaluated at their initial guess (SPICE's MODEINITJCT: v_crit for a diode, 0 or
threshold for transistors) whatever x is, with ``limited`` True.

Temperature and parameters do not change during the life of a group: sweeps compile anew.

See `tests/helpers/diode.py` for a complete non-linear group, a plain exponential diode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from ....core.validation import Array
from ....netlists.sources.corners import Corners

__all__ = ["Block", "Bools", "Conditions", "ElementGroup", "Instant", "Ints", "NoiseSource",
           "Stage", "Stamp", "Triplets"]

Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]
Triplets = tuple[Any, Any, Any]

_NO_ROWS: Ints = np.zeros((0, 0), dtype=np.int64)
_NO_ELEMENT: Bools = np.zeros(0, dtype=np.bool_)


class Stage(TypedDict, total=False):
    """Fields of an `Instant` that differ from one evaluation to the next."""

    time: float
    scale: float
    mode: Literal["dc", "tran"]
    waves: bool
    initialise: bool
    limit: bool
    hertz: float
    hold: bool
    signal: bool
    departs: bool


class Conditions(Stage, total=False):
    """All fields of an `Instant`."""

    temperature: float
    gmin: float


@dataclass(frozen=True, slots=True)
class Instant:
    """The conditions of an evaluation: time, temperature, stage of a homotopy.

    Attributes
    ----------
    time : float, second
        0 at operating points and in sweeps.
    temperature : float, kelvin
    gmin : float, siemens
        Conductance that junctions put across themselves; 1e-12 unless gmin is stepped.
    scale : float
        Independent sources are multiplied by it; 1 unless sources are stepped.
    mode : {"dc", "tran"}
        "dc" also for the operating point from which a transient starts.
    waves : bool
        Whether sources have the values of their waves at `time` instead of their DC values: in
        transients and the operating points from which they start.
    initialise, limit : bool
        See the module's text.
    hertz : float
        Frequency of a small-signal analysis, for elements that depend on it; else 0.
    signal : bool
        Whether slopes are those of a small-signal analysis, where resistors may have another value.
    hold : bool
        Whether devices that are to start switched off are held so: a first guess at an operating
        point.
    departs: bool
        Whether a transient departs from here: charges are those of its first step, also of elements
        that say otherwise in static analyses.
    """

    time: float = 0.0
    temperature: float = 300.15
    gmin: float = 1e-12
    scale: float = 1.0
    mode: Literal["dc", "tran"] = "dc"
    waves: bool = False
    initialise: bool = False
    limit: bool = True
    hertz: float = 0.0
    hold: bool = False
    signal: bool = False
    departs: bool = False

    def but(self, **changes: Unpack[Conditions]) -> Instant:
        """Return the same with other values."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a group fills: views into the engine's arrays.

    Attributes
    ----------
    f : (F, E) ampere, or what the row's equation is in
    q : (Q, E) coulomb
    g : (A, E) df/dx
    c : (B, E) dq/dx
    """

    f: Array
    q: Array
    g: Array
    c: Array


@dataclass(frozen=True, eq=False)
class Block:
    """A group as compiled loops see it; see `kernels_blocks`.

    Attributes
    ----------
    kernel : compiled (what, time, block, numbers, x) -> float
    block : (..,) int64
        Sizes and addresses of arrays, which the group keeps alive.
    numbers : (..,)
    hooks : set of str
        Which of `abrupt`, `refuse`, `next_breakpoint` and `corner` the kernel answers.
    """

    kernel: Any
    block: Ints
    numbers: Array
    hooks: frozenset[str] = frozenset()


@dataclass(frozen=True)
class NoiseSource:
    """A current that fluctuates between two unknowns' rows, at an operating point.

    Attributes
    ----------
    element, kind : str
        Whose noise it is, and which: "thermal", "shot", "flicker", ...
    rows : (int, int)
        From which the current is taken and into which it is put.
    white : float, A^2/Hz
    flicker : float
        Adds ``flicker / frequency**exponent``, A^2/Hz.
    exponent : float
    spectrum : callable, optional
        Hertz (F,) -> what it has besides, squared and per hertz, (F,), in the unit of the row; a
        row of -1 takes nothing.
    """

    element: str
    kind: str
    rows: tuple[int, int]
    white: float = 0.0
    flicker: float = 0.0
    exponent: float = 1.0
    spectrum: Callable[[Array], Array] | None = None


class ElementGroup:
    """All elements of one kind; see the module's text for what a subclass gives.

    Attributes
    ----------
    names : tuple of str
        Of the E elements, for messages.
    limited : (E,) bool
        Set by `evaluate`.
    by_element : bool
        Whether the arrays of its `Stamp` have all of an element side by side, which compiled loops
        over elements want, instead of all elements.
    jumped : bool
        Set by `accept`: something has changed at once, and the integration begins anew.
    follows : bool
        Whether charges depend on their path from the last accepted point, see `remember`.
    without_poles : bool
        Whether its law is finite everywhere, so that no time step's equations have solutions on
        two sides of a pole.
    spectral : bool
        Whether its slopes depend on `Instant.hertz`.
    steady : bool
        Whether it depends on the last accepted point in a way that no error of a time step shows:
        steps are then the longest, whatever their error.
    """

    names: tuple[str, ...] = ()
    f_rows: Ints = _NO_ROWS
    q_rows: Ints = _NO_ROWS
    g_at: tuple[Ints, Ints] = (_NO_ROWS, _NO_ROWS)
    c_at: tuple[Ints, Ints] = (_NO_ROWS, _NO_ROWS)
    source_rows: Ints = np.zeros(0, dtype=np.int64)
    limited: Bools = _NO_ELEMENT
    by_element: bool = False
    jumped: bool = False
    follows: bool = False
    without_poles: bool = False
    spectral: bool = False
    steady: bool = False

    def relocate(self) -> None:
        """Note where the group's arrays are: of groups that keep addresses, after a copy."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become a copy, whose arrays are elsewhere."""
        self.__dict__.update(state)
        self.relocate()

    # -- the three parts -----------------------------------------------------------------------

    def linear_g(self) -> Sequence[Triplets]:
        """Return (rows, columns, values) of constant entries of G; ground allowed."""
        return ()

    def linear_c(self) -> Sequence[Triplets]:
        """Return (rows, columns, values) of constant entries of C."""
        return ()

    def capacitances(self) -> Sequence[tuple[Ints, Array]]:
        """Return (ends, farad), (2, E) and (E,), of constant capacitors; ground allowed.

        Where there are any they are all of `linear_c`; the error of a time step looks at each by
        itself.
        """
        return ()

    def sources(self, now: Instant, out: Array) -> None:
        """Fill what `source_rows` of f get, (len(source_rows),)."""

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill `out` at the unknowns x (n + 1,), ground last."""

    def block(self, out: Stamp, gmin: float, reltol: float) -> Block | None:
        """Return what evaluates, accepts and rewinds it inside of a compiled loop over time.

        The kernel fills `out`; None: there is none.
        """
        del out, gmin, reltol
        return None

    def make_room(self) -> None:
        """Make room for more points, and so arrays of other addresses, where `block` asked."""

    # -- the course of a solution --------------------------------------------------------------

    def start(self) -> None:
        """Forget all earlier voltages: a solution is looked for from nothing."""

    def accept(self, x: Array, now: Instant) -> None:
        """Keep what the next point depends on: limited voltages, switches, delayed waves."""

    def terms_inside(self, x: Array) -> tuple[Ints, Array]:
        """Return (rows, magnitudes): the terms of sums at x, evaluated last, that are in f alone.

        A residual is judged by the largest of them where f of a single element is the whole row.
        """
        del x
        return np.zeros(0, dtype=np.int64), np.zeros(0)

    def judge(self, x: Array) -> None:
        """Refuse the operating point x by a `SingularCircuitError` where it says nothing."""

    def rewind(self) -> None:
        """Go back to what `accept` saw: the time step was refused."""

    def modes(self) -> Bools | None:
        """Return the elements' discrete states on which evaluations depend besides x.

        Switches closed, ramps taken: those of the last `accept`, elements last. None: there are
        none.
        """
        return None

    def recall(self, modes: Bools, *, fixed: bool = False) -> None:
        """Go back to the states that `modes` returned; `fixed`: whatever x will be."""

    def remember(self, x: Array) -> None:
        """Make x the point from which path-dependent charges (Meyer's) are integrated."""

    def past(self, times: Array) -> Sequence[tuple[Ints, Ints, Ints, Array]]:
        """Return how f at the last of `times` depends on x at those before.

        (places in `times`, rows, columns, derivatives), each of one length; ground allowed.
        """
        del times
        return ()

    # -- time ----------------------------------------------------------------------------------

    def corner(self, time: float) -> None:
        """Note that slopes may jump at the point that was accepted last."""

    def known_corners(self, t_stop: float) -> Sequence[Corners]:
        """Return what tells the times up to `t_stop` at which slopes jump, known from the start."""
        del t_stop
        return ()

    def next_breakpoint(self, time: float) -> float:
        """Return a breakpoint after `time` that shows only as the run goes on, or inf."""
        del time
        return np.inf

    def max_step(self) -> float:
        """Return the longest time step allowed, second."""
        return np.inf

    def refuse(self, x: Array, now: Instant) -> float:
        """Return 0 to agree to a time step that ended at x, or the time at which it should end.

        Switches use it to meet their threshold.
        """
        del x, now
        return 0.0

    def abrupt(self, x: Array) -> bool:
        """Return whether a rate jumped in the time step that ended at x.

        The step is then taken again by backward Euler, which does not carry on the rate before.
        """
        del x
        return False

    # -- groups that keep unknowns of their own, which the system does not see ---------------------

    def begin(self, method: str, rest: float, *, uic: bool = False) -> None:
        """Begin a transient from the point evaluated last, by an integration method.

        `rest` as in `History`; with `uic` capacitors are empty.
        """

    def formula(self, h: float, order: int) -> None:
        """Prepare for the time step that is tried next: its length, second, and order."""

    def allowed(self, h: float, order: int) -> float:
        """Return the step that the error of the own unknowns allows in the step evaluated last."""
        del h, order
        return np.inf

    def hidden_labels(self) -> list[str]:
        """Return the names of own unknowns that results show."""
        return []

    def hidden(self, x: Array) -> Array:
        """Return their values at x, the point evaluated last."""
        del x
        return np.zeros(0)

    def initial(self, x: Array) -> tuple[Ints, Array]:
        """Return (rows, what to add to q there) for ``uic``, and set own unknowns in x.

        `x` has the nodes' initial voltages; elements with an initial condition of their own
        (``ic=``) put it in: currents of inductors into x, charges of capacitors as what they
        differ from those at x.
        """
        del x
        return np.zeros(0, dtype=np.int64), np.zeros(0)

    def integrating(self, node: int) -> Sequence[str]:
        """Return the names of elements at a node that give it the voltage of an integral."""
        del node
        return ()

    # -- small signals -------------------------------------------------------------------------

    def ac(self) -> tuple[Ints, NDArray[np.complex128]]:
        """Return (rows, complex amplitudes) of the small-signal drive, signed as in f."""
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.complex128)

    def ac_linear(self, omega: float) -> Sequence[Triplets]:
        """Return entries of the small-signal matrix that are not in G + j w C (delays)."""
        del omega
        return ()

    def noise(self, x: Array, now: Instant) -> Sequence[NoiseSource]:
        """Return the elements' noise at the operating point x."""
        del x, now
        return ()

    def explain(self, k: int) -> str:
        """Return why the k-th element was limited, to be put behind its name; empty if unknown."""
        del k
        return ""

    def quantities(self, x: Array, now: Instant) -> dict[str, Array]:
        """Return what ``@element[name]`` shows, by name, each (E,)."""
        del x, now
        return {}
