"""Program-and-verify of whole arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ..core.draws import Seed, seed_sequence
from ..core.errors import ParameterError
from ..core.progress import Progress, shared
from ..core.settings import checks_arguments
from ..core.validation import Array, broadcast, finite_array
from ..netlists.crossbar.crossbar import Crossbar
from ..solvers import Solver
from .ladder import Ladder
from .ladder_search import Search, Shape
from .polarity import pristine_state
from .pulses import PulseTrain
from .reading import read_volts
from .relaxation import check_relaxation
from .result import ProgramResult
from .runs import Checkpoint, Recipe, Run, described
from .schemes import Scheme, scheme_of
from .writing import check_ends

__all__ = ["form", "program"]

# one value, or (of SET pulses, of RESET pulses)
Setting = float | tuple[float | None, float | None] | None



@checks_arguments
def program(
    xbar: Crossbar, targets: ArrayLike, *, scheme: str | Scheme | None = None,
    tolerance: ArrayLike = 0.05, algorithm: Literal["amplitude", "width"] = "amplitude",
    v_start: Setting = None, v_step: Setting = None, v_max: Setting = None, width: Setting = None,
    rise: float | None = None, fall: float | None = None, growth: float = 1.5,
    max_pulses: int = 100, passes: int = 3, read_voltage: float | None = None,
    read_time: float = 1e-7, disturb_threshold: float = 0.02, v_limit: float = 4.0, seed: Seed = 0,
    rtol: float = 1e-3, criterion: Literal["read", "cell"] = "read", progress: Progress = None,
    solver: Solver | None = None, checkpoint: str | Path | None = None,
    pulses: Literal["transient", "relaxation"] = "transient",
    ladders: tuple[Ladder, Ladder] | None = None,
) -> ProgramResult:
    """Program an array to target conductances, row by row, by pulses and reads.

    Every pulse is a transient of the whole array, so that wires, half-selected cells, variability
    and the devices' noise take part. After each pulse the row is read through the wires and the
    access elements; by default a cell has converged when its read current is within
    `tolerance` of what it would be without wires at the target conductance. Cells below their
    target get SET pulses, those above RESET pulses; cells that have converged get none, as far as
    the scheme can inhibit a column. See `Ladder` and `Rungs` for which pulse comes next.

    Parameters
    ----------
    xbar : Crossbar
        Word lines `Driven()` from one or both sides, bit lines `Sensed()`. While a row is
        written, drivers with the same series resistance take the place of the amplifiers.
    targets : (M, N) array
        Siemens, of the devices at their read voltage.
    scheme : {"v/2", "v/3", "floating", "1t1r"} or Scheme, optional
        Default: "1t1r" for cells with transistors, else "v/2". `Gated` takes the gate voltages,
        which set the compliance current.
    tolerance : float or (M, N) array
        Relative to the target.
    algorithm : {"amplitude", "width"}
        Whether stronger pulses are higher or longer (ISPP).
    v_start, v_step, v_max, width : float or (set, reset), optional
        Volt and second. Default: found by pulsing single cells of the same kind; the step is a
        thirtieth of the range.
    rise, fall : float, optional
        Second; default: a tenth of the width.
    growth : float
        Factor of the width from level to level.
    max_pulses : int
        Per cell and pass; a cell that the strongest pulse does not change gets no more.
    passes : int
        Passes over the array; a later one programs again the cells that others disturbed.
    read_voltage : float, optional
        Volt; default: the model's own, with selectors more by what these take.
    read_time : float
        Second for one read of a row, for time and energy.
    disturb_threshold : float
        Change of a cell while others are written, relative to its target, from which on it is
        reported.
    v_limit : float
        Largest voltage in the search for defaults, volt.
    seed : int >= 0, SeedSequence or None
        Of the noise of stochastic devices; None is 0.
    rtol : float
        Of every transient.
    criterion : {"read", "cell"}
        "cell": a cell has converged when its own conductance is within `tolerance`, which no
        circuit can see: the bound of what better reads would give. The result has both errors.
    progress : Progress
        True shows a bar on the terminal; a function is called with the share of the run that is
        done; or a `ProgressMeter`.
    solver : Solver, optional
    checkpoint : path, optional
        File (``.npz``) in which the run keeps how far it has come, at most once a second and in
        at most 2 % of its time. Where an earlier run with the same arguments was killed, this one
        goes on from there; the result is the same, bit by bit. The file stays, so that a run that
        has ended is not done again: delete it once it is no longer needed.

    Returns
    -------
    ProgramResult
        It lists the cells that did not converge. After an interrupt from the keyboard it has what
        was done so far, with ``success = False``; ``program(result.crossbar, targets)`` continues.

    Raises
    ------
    NetlistError
        The file `checkpoint` is damaged, or none.
    OSError
        It cannot be written.
    ParameterError
        Targets out of the device's range, wrong shapes, an unknown scheme or one that does not
        fit the cells; pulses that do not move the cells or cannot take them to a target, and
        reads that cannot tell levels apart, both by trials of a single cell before the first
        pulse.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Wires
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.programming import program
    >>> device = VTEAM.preset("magic", v_off=1.0)
    >>> array = Crossbar(cells=device.array(np.full((2, 2), 5e-6)), wires=Wires(2.0, 2.0))
    >>> program(array, [[1e-5, 5e-5], [2e-4, 2e-5]]).success
    True
    """
    chosen = scheme_of(_devices(xbar), scheme)
    check_ends(xbar)
    goal = _targets(xbar, targets)
    pulse = _pair("width", width)
    given = {n: _pair(n, v) for n, v in (
        ("v_start", v_start), ("v_step", v_step), ("v_max", v_max))}
    tol = _tolerance(tolerance, xbar.shape)
    context = {
        "operation": "program", "targets": goal, "scheme": chosen, "tolerance": tol,
        "algorithm": algorithm, **given, "width": pulse, "rise": rise, "fall": fall,
        "growth": growth, "max_pulses": max_pulses, "passes": passes,
        "read_voltage": read_voltage, "read_time": read_time,
        "disturb_threshold": disturb_threshold, "v_limit": v_limit, "seed": seed_sequence(seed),
        "rtol": rtol, "criterion": criterion, "solver": solver or Solver(), "pulses": pulses,
        "ladders": ladders,
    }
    if pulses == "relaxation":
        check_relaxation(xbar)
    own = None if ladders is None else {1: ladders[0], -1: ladders[1]}
    if own is not None and not (len(ladders or ()) == 2 and all(
        isinstance(one, Ladder) for one in own.values()
    )):
        raise ParameterError(f"`ladders` must be two Ladder, of SET and RESET; got {ladders!r:.60}")
    with Checkpoint(checkpoint, described(context, xbar) if checkpoint is not None else {}) as kept:
        found = own or kept.ladders()
        if found is None:
            search = Search(xbar, goal, tol, chosen, v_limit, solver)
            shape = Shape(rise, fall, algorithm, growth)
            found = search.ladders(shape, *(
                {"width": pulse[k], **{n: v[k] for n, v in given.items()}} for k in (0, 1)
            ))
        recipe = Recipe(
            found, chosen, tol, "program", algorithm, _count("max_pulses", max_pulses),
            _count("passes", passes), read_volts(xbar, goal, read_voltage),
            _positive("read_time", read_time), _positive("disturb_threshold", disturb_threshold),
            seed_sequence(seed), rtol, criterion, pulses,
        )
        with shared(recipe.operation, progress) as advance:
            return Run(xbar, goal, recipe, advance, solver, kept).result()


@checks_arguments
def form(
    xbar: Crossbar, conductance: ArrayLike, *, v_start: float, v_step: float, v_max: float,
    width: float, scheme: str | Scheme | None = None, rise: float | None = None,
    fall: float | None = None, max_pulses: int = 100, read_voltage: float | None = None,
    read_time: float = 100e-9, disturb_threshold: float = 0.02, seed: Seed = 0,
    rtol: float = 1e-3, progress: Progress = None,
    solver: Solver | None = None, checkpoint: str | Path | None = None,
) -> ProgramResult:
    """FORM the cells of an array by rising pulses of SET polarity until they conduct.

    The model must have a pristine state; see `pristine_state`.

    Parameters
    ----------
    xbar : Crossbar
    conductance : float or (M, N) array
        Siemens at which a cell counts as formed.
    v_start, v_step, v_max : float
        First voltage, step and last voltage, volt.
    width : float
        Of every pulse, second.
    scheme, rise, fall, max_pulses, read_voltage, read_time, disturb_threshold, seed, rtol
        As for `program`. Transistors limit the current by `Gated.gate_set`.
    progress, solver, checkpoint
        As for `program`.

    Returns
    -------
    ProgramResult
        `unconverged` are the cells that were not formed.

    Raises
    ------
    ParameterError
        The model has no pristine state, or a value is out of its range. Of `checkpoint` as for
        `program`, which says what else it raises.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Wires
    >>> from crossbarsim import EKV, OneTransistorOneResistor
    >>> from crossbarsim.devices import Sky130Reram
    >>> from crossbarsim.programming import Gated, form, pristine_state, program
    >>> device = Sky130Reram()
    >>> fresh = device.array(state=pristine_state(device), shape=(1, 1))
    >>> cells = OneTransistorOneResistor(fresh, EKV.preset("ptm_130nm"), gate_voltage=1.0)
    >>> scheme = Gated(gate_set=1.0, gate_reset=3.0, gate_read=2.5)
    >>> formed = form(
    ...     Crossbar(cells=cells, wires=Wires(1.0, 1.0)), 3e-5,
    ...     v_start=1.8, v_step=0.1, v_max=3.1, width=1e-6, scheme=scheme,
    ... )
    >>> formed.success, int(formed.set_pulses[0, 0])  # 1.8, 1.9, ... V
    (True, 4)
    >>> pulses = {"v_start": (1.2, 1.0), "v_step": 0.05, "v_max": 2.5, "width": 1e-6}
    >>> reset = program(formed.crossbar, [[2e-6]], scheme=scheme, **pulses)
    >>> back = program(reset.crossbar, [[2e-5]], scheme=scheme, tolerance=0.2, **pulses)
    >>> reset.success, back.success
    (True, True)
    """
    cells: Any = _devices(xbar).cells
    pristine_state(cells.device)
    chosen = scheme_of(xbar, scheme)
    check_ends(xbar)
    formed = broadcast("conductance", finite_array("conductance", conductance), xbar.shape)
    goal = _targets(xbar, formed, "conductance")
    ladder = Ladder(v_start, v_step, v_max, PulseTrain(width, rise=rise, fall=fall))
    recipe = Recipe(
        {1: ladder, -1: ladder}, chosen, np.zeros(xbar.shape), "form", "amplitude",
        _count("max_pulses", max_pulses), 1, read_volts(xbar, goal, read_voltage),
        _positive("read_time", read_time), _positive("disturb_threshold", disturb_threshold),
        seed_sequence(seed), rtol,
    )
    context = {
        "operation": "form", "conductance": goal, "scheme": chosen, "ladder": ladder,
        "max_pulses": max_pulses, "read_voltage": read_voltage, "read_time": read_time,
        "disturb_threshold": disturb_threshold, "seed": recipe.seed, "rtol": rtol,
        "solver": solver or Solver(),
    }
    with (
        Checkpoint(checkpoint, described(context, xbar) if checkpoint is not None else {}) as kept,
        shared(recipe.operation, progress) as advance,
    ):
        return Run(xbar, goal, recipe, advance, solver, kept).result()


def _devices(xbar: Crossbar) -> Crossbar:
    if not isinstance(xbar, Crossbar):
        raise ParameterError(f"`xbar` must be a Crossbar; got {type(xbar).__name__}")
    if not hasattr(xbar.cells, "device"):
        raise ParameterError(
            "programming needs cells that are devices, such as VTEAM().array(conductance=G); got "
            f"{type(xbar.cells).__name__}"
        )
    return xbar


def _targets(xbar: Crossbar, targets: Any, name: str = "targets") -> Array:
    goal = finite_array(name, targets)
    if goal.shape != xbar.shape:
        raise ParameterError(f"`{name}` must have shape {xbar.shape}; got {goal.shape}")
    cells: Any = xbar.cells
    low, high = (np.broadcast_to(g, goal.shape) for g in cells.device.conductance_range())
    bad = ~((goal > 0) & (goal >= low * (1 - 1e-9)) & (goal <= high * (1 + 1e-9)))
    if bad.any():
        i, j = map(int, np.argwhere(bad)[0])
        raise ParameterError(
            f"`{name}[{i}, {j}]` = {goal[i, j]:g} S is out of the device's range, "
            f"{low[i, j]:.4g} to {high[i, j]:.4g} S at {cells.device.read_voltage:g} V"
        )
    return np.array(goal)


def _tolerance(value: Any, shape: tuple[int, int]) -> Array:
    tolerance = finite_array("tolerance", value)
    if tolerance.shape not in ((), shape):
        raise ParameterError(f"`tolerance` must be a number or {shape}; got {tolerance.shape}")
    if not ((tolerance > 0) & (tolerance < 1)).all():
        raise ParameterError("`tolerance` must be > 0 and < 1, relative to the target")
    return np.array(np.broadcast_to(tolerance, shape))


def _pair(name: str, value: Any) -> tuple[Any, Any]:
    pair = value if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2:
        raise ParameterError(f"`{name}` must be a number or a pair (set, reset); got {value!r}")
    return pair[0], pair[1]


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ParameterError(f"`{name}` must be an integer >= 1; got {value!r}")
    return int(value)


def _positive(name: str, value: Any) -> float:
    if not (isinstance(value, (int, float)) and np.isfinite(value) and value > 0):
        raise ParameterError(f"`{name}` must be a number > 0; got {value!r}")
    return float(value)
