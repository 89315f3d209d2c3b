"""Derivatives of transients with respect to parameters: the adjoint of the discrete equations.

A transient is solved on the steps that its error control takes. On these steps the result is a
function of all parameters, and its derivatives are exact: one transposed solution per step,
backwards in time, gives those with respect to all parameters, whatever their number. The operating
point or the initial conditions from which the run starts are part of it. What is kept fixed are
the steps: a run that is made anew with another parameter takes slightly different ones, so that
its differences agree to the error of the steps only.

A framework of automatic differentiation takes a run as one of its functions::

    class Waveform(torch.autograd.Function):
        @staticmethod
        def forward(ctx, r, c):
            circuit = Circuit().V(1, "in", 0, wave).R(1, "in", "out", r.item())
            ctx.run = Solver().transient_adjoint(circuit.C(1, "out", 0, c.item()), 1e-5)
            return torch.tensor(ctx.run.transient["v(out)"])

        @staticmethod
        def backward(ctx, gradient):
            found = ctx.run.sensitivities({"v(out)": gradient.numpy()}, ["r1", "c1"])
            return torch.tensor(found["r1"]), torch.tensor(found["c1"])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

import numpy as np

from ....core.errors import ParameterError
from ....core.validation import Array, finite_array
from ....netlists.analyses import Tran
from ....netlists.circuit import GROUND, Circuit
from ...objectives import Objective
from ..analyses.op import prepare
from ..results.derivatives import Derivatives
from ..results.names import GROUND_INDEX
from ..results.results import Transient
from ..system.element_group import Ints
from .backward import Multipliers, backwards
from .parameters import Selection, Wave, movable, refusal, waves
from .partials import Moved, companions, derivatives
from .trajectory import Trajectory

__all__ = ["TransientAdjoint", "TransientSensitivities"]

_VOLT = 1e-3  # by which initial voltages of nodes are moved
_WEIGHTS = ((-2, 1.0 / 12), (-1, -8.0 / 12), (1, 8.0 / 12), (2, -1.0 / 12))


class TransientSensitivities(Derivatives):
    """Derivatives of a number that follows from a transient with respect to parameters.

    ``result["r1"]``, ``result["m1_w"]``, ``result["n1:k_off"]``, ``result["v1_v2"]``,
    ``result["c1_ic"]``, ``result["ic(out)"]``; ``result["@card[k_off]"]`` is that with respect to
    a parameter of a model card, the sum over the elements with it. Names that are not there raise
    `ParameterError`.

    Attributes
    ----------
    output : str
    value : float
        Of the objective.
    values : dict
        Name -> derivative, in the objective's unit over the parameter's (SI; temperatures degree
        Celsius, as for the elements).
    parameters : dict
        Name -> value of the parameter.
    transient : Transient
        The run, solved to rounding.

    Examples
    --------
    >>> from crossbarsim import Circuit, Simulator
    >>> from crossbarsim.solvers import ValueAt
    >>> circuit = Circuit().V(1, "in", 0, 2.0).R(1, "in", "out", "1k").R(2, "out", 0, "1k")
    >>> found = Simulator().transient_sensitivities(circuit, ValueAt("v(out)", 1e-3), "1m")
    >>> round(found.value, 6), round(1e3 * found["r1"], 6)  # volt, volt per kilohm
    (1.0, -0.5)
    """

    def __init__(
        self, output: str, value: float, values: dict[str, float], parameters: dict[str, float],
        transient: Transient, sources: dict[str, Array],
    ) -> None:
        super().__init__(output, values, parameters)
        self.value, self.transient, self._sources = value, transient, sources
        self.circuit = transient.circuit

    def __getitem__(self, name: str) -> float:
        key = name.strip().lower()
        if key.startswith("@") and key.endswith("]") and "[" in key:
            card, parameter = key[1:-1].split("[", 1)
            found = [
                self.values[f"{e.name.lower()}:{parameter}"] for e in self.transient.circuit
                if e.model.lower() == card and f"{e.name.lower()}:{parameter}" in self.values
            ]
            if found:
                return float(sum(found))
        return super().__getitem__(name)

    def source(self, name: str) -> Array:
        """Return the derivatives with respect to a source's value at every time point, (T,).

        Of V and I; whatever its wave is made of can be chained to it.
        """
        key = name.strip().lower()
        if key not in self._sources:
            raise ParameterError(
                f"{name!r} is no independent source that was asked for; there are "
                f"{', '.join(self._sources) or 'none'}"
            )
        return self._sources[key]


class TransientAdjoint:
    """A transient that can be differentiated, again and again.

    Attributes
    ----------
    transient : Transient
        Solved to rounding on its own steps.
    time : (T,) second

    Examples
    --------
    >>> from crossbarsim import Circuit, Simulator
    >>> from crossbarsim.solvers import Mean, ValueAt
    >>> circuit = Circuit().V(1, "in", 0, 2.0).R(1, "in", "out", "1k").R(2, "out", 0, "1k")
    >>> made = Simulator().transient_adjoint(circuit, "1m")
    >>> [round(f["v1"], 6) for f in made.sensitivities([Mean("v(out)"), ValueAt("v(in)", 0.0)])]
    [0.5, 1.0]
    """

    def __init__(
        self, circuit: Circuit, analysis: Tran, *, max_bytes: float,
        progress: Callable[[float], None] | None = None, objectives: int = 0,
    ) -> None:
        if not max_bytes > 0:
            raise ParameterError(f"`max_bytes` must be > 0; got {max_bytes!r}")
        self.circuit = circuit.expanded()  # parameters are those of single elements
        self.max_bytes = float(max_bytes)
        system = prepare(self.circuit, uic=analysis.uic)
        self._run = Trajectory(
            system, analysis, progress=progress, max_bytes=self.max_bytes,
            per_point=system.size * (1 + 2 * objectives),
        )

    def __repr__(self) -> str:
        return f"TransientAdjoint({self.circuit!r}, {len(self.time)} points)"

    @property
    def transient(self) -> Transient:
        """The run."""
        return self._run.result

    @property
    def time(self) -> Array:
        """Time points, (T,) second."""
        return self._run.result.time

    @overload
    def sensitivities(
        self, objective: Objective, parameters: Sequence[str] | None = None
    ) -> TransientSensitivities: ...

    @overload
    def sensitivities(
        self, objective: Sequence[Objective], parameters: Sequence[str] | None = None
    ) -> list[TransientSensitivities]: ...

    def sensitivities(
        self, objective: Objective | Sequence[Objective], parameters: Sequence[str] | None = None
    ) -> TransientSensitivities | list[TransientSensitivities]:
        """Return the derivatives of an objective, or of several.

        Parameters
        ----------
        objective : callable, mapping, or sequence of these
            See `Simulator.transient_sensitivities`.
        parameters : sequence of str, optional

        Returns
        -------
        TransientSensitivities, or a list of them

        Raises
        ------
        ParameterError
            Names without a meaning, derivatives of the wrong length, too much memory.
        """
        several = isinstance(objective, Sequence) and not isinstance(objective, str)
        given: list[Any] = list(objective) if several else [objective]  # type: ignore[arg-type]
        if not given:
            raise ParameterError("give at least one `objective`")
        found = [self._objective(one) for one in given]
        selection = Selection(parameters)
        moved, sources = self._candidates(selection)
        nodes = {
            f"ic({n})": k for n, k in self._held().items() if selection.has(f"ic({n})")
        }
        listed = [*(p.name for p in moved), *(w.name for some in sources.values() for w in some),
                  *nodes]
        self._met(selection, listed)
        keep = self._rows(moved, sources, everything=selection.all)
        self._check_size(len(found), len(keep))
        multipliers = backwards(self._run, [drive for _, _, drive in found], keep)
        slopes = derivatives(self._run, multipliers, moved)
        by_source = self._by_sources(multipliers, sources)
        for name, some in sources.items():
            for wave in some:
                slopes[wave.name] = by_source[name] @ wave.slope(self._times())
        for name, k in nodes.items():
            slopes[name] = self._by_node(multipliers, k)
        self._met(selection, list(slopes))
        known = {p.name: p.value for p in moved} | {
            w.name: w.value for some in sources.values() for w in some
        } | {f"ic({n})": self._run.held[k] for n, k in self._held().items()}
        results = [
            TransientSensitivities(
                output, value, {n: float(slopes[n][m]) for n in slopes},
                {n: known[n] for n in slopes}, self.transient,
                {n: each[m] for n, each in by_source.items()},
            ) for m, (output, value, _) in enumerate(found)
        ]
        return results if several else results[0]

    # -- what is asked for -----------------------------------------------------------------------

    def _objective(self, objective: Any) -> tuple[str, float, tuple[Ints, Array]]:
        run = self.transient
        slopes: Any
        if isinstance(objective, Mapping):
            slopes, value = objective, None
            output = " + ".join(map(str, objective))
        elif callable(objective) and not isinstance(objective, type):
            answer = objective(run)
            if not (isinstance(answer, tuple) and len(answer) == 2
                    and isinstance(answer[1], Mapping)):
                raise ParameterError(
                    "an objective returns (value, {name: derivatives (T,)}); "
                    f"{objective!r} returned {answer!r:.80}"
                )
            value, slopes = answer
            output = getattr(objective, "__name__", None) or repr(objective)
        else:
            raise ParameterError(
                "`objective` must be ValueAt, Integral, Mean, Rms, Energy, a function of the "
                f"transient, or a mapping name -> derivatives (T,); got {objective!r:.80}"
            )
        columns: dict[int, Array] = {}
        total = 0.0
        for name, slope in slopes.items():
            each = finite_array(f"objective[{name!r}]", np.asarray(slope))
            if each.shape != self.time.shape:
                raise ParameterError(
                    f"`objective[{name!r}]` must be one derivative per time point, "
                    f"{self.time.shape}; got {each.shape}"
                )
            first, second = self._run.names.find(name)
            for sign, k in ((1.0, first), (-1.0, second)):
                if k is not None and k != GROUND_INDEX:
                    columns[k] = columns.get(k, 0.0) + sign * each
            total += float(each @ run[name])
        drive = (
            np.array(list(columns), dtype=np.int64),
            np.array(list(columns.values())).reshape(len(columns), len(self.time)).T,
        )
        return output, total if value is None else float(value), drive

    def _candidates(self, selection: Selection) -> tuple[list[Moved], dict[str, list[Wave]]]:
        moved: list[Moved] = []
        sources: dict[str, list[Wave]] = {}
        for element in self.circuit:
            if not selection.concerns(element):
                continue
            if element.kind in "VI":
                name = element.name.lower()
                some = [w for w in waves(element) if selection.has(w.name)]
                if some or selection.has(name):
                    sources[name] = some
                continue
            moved += [p for p in movable(self._run, element) if selection.has(p.name, element)]
        return moved, sources

    def _met(self, selection: Selection, listed: list[str]) -> None:
        sources = [e.name.lower() for e in self.circuit if e.kind in "VI"]
        missing = selection.unmet(self.circuit, [*listed, *sources])
        if missing is not None:
            raise refusal(self.circuit, missing, self._names(), uic=self._run.uic)

    def _names(self) -> list[str]:
        moved, sources = self._candidates(Selection(None))
        return [*(p.name for p in moved), *(w.name for some in sources.values() for w in some)]

    def _held(self) -> dict[str, int]:
        node = self._run.names.node
        return {n: node(n) for n in self.circuit.initial if node(n) != GROUND_INDEX}

    # -- sizes -----------------------------------------------------------------------------------

    def _rows(
        self, moved: Sequence[Moved], sources: Mapping[str, Any], *, everything: bool
    ) -> Ints:
        """Return the unknowns whose multipliers are needed, sorted."""
        system = self._run.system
        if everything:
            return np.arange(system.size)
        elements = {p.element: self.circuit[p.element] for p in moved}
        elements |= {n: self.circuit[n] for n in sources}
        for element in list(elements.values()):
            elements |= {
                e.name.lower(): e for e in companions(self.circuit, element) or ()
            }
        found = {
            self._run.names.node(n) for e in elements.values() for n in e.nodes if n != GROUND
        }
        for k, label in enumerate(system.labels):
            inner = label[2:-1] if label[:2] in ("v(", "i(") else label
            if inner in elements or inner.rpartition("#")[0] in elements:
                found.add(k)
        return np.array(sorted(found - {GROUND_INDEX}), dtype=np.int64)

    def _check_size(self, objectives: int, kept: int) -> None:
        per_point = self._run.system.size + 2 * objectives * (kept + 1)
        needed = 8.0 * per_point * self._run.count
        if needed > self.max_bytes:
            raise ParameterError(
                f"{self._run.count} points with {per_point} numbers each are {needed:.3g} bytes, "
                f"more than `max_bytes` = {self.max_bytes:.3g}: allow more, name fewer "
                "`parameters`, take fewer objectives at once, or longer steps"
            )

    # -- derivatives -----------------------------------------------------------------------------

    def _times(self) -> Array:
        return np.array([now.time for now in self._run.now])

    def _by_sources(
        self, multipliers: Multipliers, sources: Mapping[str, Any]
    ) -> dict[str, Array]:
        """Return the derivatives with respect to every source's value at all points, (M, T)."""
        found = {}
        for name in sources:
            element = self.circuit[name]
            if element.kind == "V":
                rows = np.array([self._run.names.branch(name)])
                found[name] = -multipliers.f[:, :, multipliers.columns(rows)[0]]
            else:
                ends = np.array([self._run.names.node(n) for n in element.nodes[:2]])
                first, second = multipliers.columns(ends)
                found[name] = multipliers.f[:, :, first] - multipliers.f[:, :, second]
        return found

    def _by_node(self, multipliers: Multipliers, node: int) -> Array:
        """Return the derivatives with respect to a node's ``.ic``, (M,)."""
        run, system = self._run, self._run.system
        if not run.uic:
            found: Array = -run.leak[node] * multipliers.clamp[:, node]
            return found
        # the charges at the start, and where path charges begin
        first, whole = multipliers.first, multipliers.later
        whole = whole + multipliers.clamp / run.instant
        total = np.zeros(len(first))
        for share, weight in _WEIGHTS:
            system.start()
            run.recall(0)
            x = run.at_rest()
            x[node] += share * _VOLT
            total += weight / _VOLT * (first @ run.begin(system, x))
            if run.followers:
                system.evaluate(run.x(0), run.now[0])
                total += weight / _VOLT * (whole @ system.q)
        return total
