"""Crossbars: `CrossbarSolver` picks a method, runs it and returns results with their evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ..core.cpus import cpu_count
from ..core.draws import Seed, child_seed, seed_sequence
from ..core.errors import ConvergenceError, ParameterError
from ..core.progress import Progress, metered, shared
from ..core.settings import Settings, checks_arguments
from ..core.validation import Array, choice, count, finite_array, number
from ..core.views.log import LOGGER
from ..netlists.crossbar.crossbar import Crossbar, Resistive
from ..netlists.crossbar.waveforms import LineWaves, Waveforms
from .crossbar import checks, structured
from .crossbar.adjoint import gradients, like_bit, like_word
from .crossbar.batched import dispatch as batched
from .crossbar.batched.array_backend import ArrayBackend, choose_backend
from .crossbar.cell_adjoint import cell_gradients, linearise
from .crossbar.checks import Fields, batchable, check_crossbar, check_fields
from .crossbar.problem import CrossbarProblem, RawSolution, check_input, make_problem
from .crossbar.sparse.factors import factors_for
from .crossbar.sparse.nodal import solve_crossbar
from .crossbar.static_cells import array_cells, solve_cells
from .solution import Gradients, Solution
from .transient_result import Probe, TransientResult

__all__ = ["CrossbarSolver"]

T = TypeVar("T")

@checks_arguments
@dataclass(frozen=True, kw_only=True)
class CrossbarSolver(Settings):
    """Solves crossbars: node voltages and currents, gradients, and arrays of devices in time.

    Parameters
    ----------
    method : {"auto", "structured", "mna"}
        "structured" is the crossbar solver, "mna" general sparse nodal analysis (SuperLU); both
        give the same answer. "auto" takes the structured solver.
    backend : {"cpu", "gpu", "auto"}
        Where crosspoint arrays are solved: compiled code on the CPU, or CuPy on a CUDA device.
        "auto" takes a GPU where there is one, and else says so in the solution's `method`; arrays
        of devices stay on the CPU then, except in `transient_many`. The `transient` of one array
        runs on the CPU always. An `ArrayBackend` chooses array module and memory itself.
    rtol : float
        Bound on the error of each current of a static solution relative to the largest one;
        transients have an argument of that name.
    on_failure : {"raise", "return"}
        Whether what does not converge raises `ConvergenceError`, or returns with
        ``converged = False`` what was reached (of a transient that got past its start,
        ``success = False``).
    max_iterations : int, optional
        Limit of the iterative method for arrays of resistors, which raises when it is reached; by
        default the solver changes to its direct method where that is cheaper. On a GPU the direct
        method is always cheaper; with a limit, arrays of whole lines without segments of 0 ohm are
        iterated.
    threads : int, optional
        Threads to use; default: the CPUs this process may run on.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Wires
    >>> from crossbarsim.solvers import CrossbarSolver
    >>> xbar = Crossbar(np.full((4, 4), 1e-4), Wires(word=2.0, bit=2.0))
    >>> sol = CrossbarSolver(method="mna").solve(xbar, np.full(4, 0.2))
    >>> sol.currents.shape, bool(sol.residual < 1e-9)
    ((4,), True)
    """

    method: Literal["auto", "structured", "mna"] = "auto"
    backend: Literal["cpu", "gpu", "auto"] | ArrayBackend = "cpu"
    rtol: float = 1e-10
    on_failure: Literal["raise", "return"] = "raise"
    max_iterations: int | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        choice("method", self.method, ("auto", "structured", "mna"))
        choice("on_failure", self.on_failure, ("raise", "return"))
        number("rtol", self.rtol, low=1e-15, high=0.1)
        for name in ("max_iterations", "threads"):
            if getattr(self, name) is not None:
                count(name, getattr(self, name))
        choose_backend(self.backend)  # refuses what is not there

    @property
    def _threads(self) -> int:
        return self.threads or cpu_count()

    # -- static solutions ----------------------------------------------------------------------

    def solve(
        self, xbar: Crossbar, V: ArrayLike, *, gate_voltage: ArrayLike | None = None,
        fields: Fields = "all",
    ) -> Solution:
        """Solve `xbar` for one or many input vectors.

        Cells with states are solved with their states frozen.

        Parameters
        ----------
        xbar : Crossbar
        V : (M,) or (B, M) array, volt
            One value per word line (N of them in the parallel layout); entries that no end uses
            are ignored but must be finite.
        gate_voltage : float, (M,), (N,) or (M, N) array, volt, optional
            Of the transistors, instead of the crossbar's own.
        fields : {"all", "currents"}
            "currents" keeps no node voltages: memory does not grow with M N B.

        Returns
        -------
        Solution
            ``sol.currents`` (N,) or (B, N) ampere into the bit lines' sensed ends.

        Raises
        ------
        ParameterError, SingularCircuitError, ConvergenceError

        Examples
        --------
        >>> import numpy as np
        >>> from crossbarsim import Crossbar, Solver
        >>> sol = Solver().solve(Crossbar(np.array([[1e-4], [3e-4]])), [0.2, 0.1])
        >>> (1e6 * sol.currents).round(6)  # microampere
        array([50.])
        """
        check_crossbar(xbar)
        check_fields(fields)
        volts = check_input(xbar, V)
        problem = make_problem(xbar, volts.reshape(-1, xbar.inputs))
        if gate_voltage is not None and isinstance(xbar.cells, Resistive):
            raise ParameterError("`gate_voltage` is for cells with transistors")
        if batchable(xbar):
            return self._finish(Solution(xbar, volts, self._raw(problem, fields), self))
        raw, failure = self._solve_cells(xbar, problem, gate_voltage, keep=fields == "all")
        return self._finish(Solution(xbar, volts, raw, self), failure)

    def _solve_cells(
        self, xbar: Crossbar, problem: CrossbarProblem, gate_voltage: ArrayLike | None, *,
        keep: bool,
    ) -> tuple[RawSolution, str]:
        """Solve an array by Newton's method; also return why it failed, empty where it did not."""
        cells = array_cells(xbar)
        gates = cells.gates(gate_voltage)
        arrays = self._device_arrays()
        if arrays is not None:
            return batched.solve_cells(
                arrays, xbar, problem, cells, gates, keep=keep, rtol=self.rtol,
                threads=self._threads,
            )
        return solve_cells(
            problem, cells, gates, keep=keep, rtol=self.rtol, threads=self._threads,
            method=self._newton,
        )

    @property
    def _newton(self) -> str:
        """The linear steps of Newton's iteration on arrays of cells."""
        return "mna" if self.method == "mna" else "structured"

    def _only_on_cpu(self, what: str) -> None:
        """Refuse what array backends do not do, where one was asked for by name."""
        if self.backend not in ("cpu", "auto"):
            raise ParameterError(f"{what} are solved on the CPU: use backend='cpu' or 'auto'")

    def _arrays(self) -> ArrayBackend | None:
        """Return the array backend for linear crosspoint arrays; None: compiled code on the CPU."""
        return None if self.method == "mna" else choose_backend(self.backend)[0]

    def _device_arrays(self) -> ArrayBackend | None:
        """Return the array backend for arrays of devices; None: compiled code on the CPU."""
        if self.method == "mna":
            self._only_on_cpu("cells that are not plain resistors with method='mna'")
        return None if self.backend == "auto" else self._arrays()

    def _raw(self, problem: CrossbarProblem, fields: Fields) -> RawSolution:
        return self._raws([problem], fields)[0]

    def _raws(self, problems: Sequence[CrossbarProblem], fields: Fields) -> list[RawSolution]:
        keep = fields == "all"
        arrays = self._arrays()
        if arrays is not None:
            return batched.solve_problems(
                arrays, problems, keep_voltages=keep, rtol=self.rtol,
                max_iterations=self.max_iterations,
            )
        backend, note = choose_backend(self.backend)
        results = []
        for problem in problems:
            if self.method == "mna":
                raw = solve_crossbar(problem, keep_voltages=keep, factors=factors_for(backend))
            else:
                raw = structured.solve(
                    problem, keep_voltages=keep, rtol=self.rtol,
                    max_iterations=self.max_iterations, threads=self._threads,
                )
            raw.method += note
            results.append(raw)
        return results

    def _finish(self, solution: Solution, failure: str = "") -> Solution:
        LOGGER.debug("%r", solution)
        if not solution.converged and self.on_failure == "raise":
            raise ConvergenceError(checks.why_not(solution, failure), solution)
        return solution

    def solve_many(
        self, xbars: Sequence[Crossbar], Vs: Sequence[ArrayLike], *, fields: Fields = "all"
    ) -> list[Solution]:
        """Solve many crossbars, each with its own V; shapes may differ.

        The crossbars are spread over the threads; on a GPU those of one shape run side by side.

        Parameters
        ----------
        xbars : sequence of Crossbar
        Vs : sequence of arrays, volt
            One for each crossbar, as the V of `solve`.
        fields : {"all", "currents"}

        Raises
        ------
        ParameterError, SingularCircuitError, ConvergenceError

        Examples
        --------
        >>> from crossbarsim import Crossbar, Solver
        >>> xbars = [Crossbar([[1e-4]]), Crossbar([[1e-4], [1e-4]])]
        >>> [1e6 * s.currents.round(12) for s in Solver().solve_many(xbars, [[0.1], [0.1, 0.1]])]
        [array([10.]), array([20.])]
        """
        if len(xbars) != len(Vs):
            raise ParameterError(f"{len(xbars)} `xbars` but {len(Vs)} `Vs`")
        if self._arrays() is not None and all(map(batchable, xbars)):
            volts = [check_input(xbar, V) for xbar, V in zip(xbars, Vs, strict=True)]
            problems = batched.compile_problems(
                xbars, [v.reshape(-1, xbar.inputs) for xbar, v in zip(xbars, volts, strict=True)]
            )
            raws = self._raws(problems, check_fields(fields))
            return [self._finish(Solution(*parts, self))
                    for parts in zip(xbars, volts, raws, strict=True)]
        single = replace(self, threads=1)
        return structured.spread(
            lambda k: single.solve(xbars[k], Vs[k], fields=fields), len(xbars),
            self._threads if self.backend in ("cpu", "auto") else 1,
        )

    # -- matrices ------------------------------------------------------------------------------

    def effective_matrix(self, xbar: Crossbar, at: ArrayLike | None = None) -> Array:
        """Return W (N, M) siemens with ``currents = V @ W.T``, wires and ends included.

        Parameters
        ----------
        xbar : Crossbar
        at : (M,) array, volt
            For cells that are not plain resistors: the input to linearise at, and
            ``W[j, i] = dI_j / dV_i`` there.

        Raises
        ------
        ParameterError
            Where an end has a fixed voltage other than 0: use `affine_map`; cells that are not
            plain resistors without `at`.

        Examples
        --------
        >>> import numpy as np
        >>> from crossbarsim import Crossbar, Solver
        >>> (1e6 * Solver().effective_matrix(Crossbar(np.array([[1e-4, 2e-4]])))).round(6)
        array([[100.],
               [200.]])
        """
        if at is not None:
            return self.affine_map(xbar, at)[0]
        return self.effective_matrices([xbar])[0]

    def effective_matrices(self, xbars: Sequence[Crossbar]) -> list[Array]:
        """Return each `effective_matrix` (N, M), siemens, of resistors; spread over the threads."""
        checks.check_linear(xbars)
        return [w for w, _ in self._affine_maps(xbars)]

    def affine_map(self, xbar: Crossbar, at: ArrayLike | None = None) -> tuple[Array, Array]:
        """Return (W, I0), (N, M) siemens and (N,) ampere, with ``currents = V @ W.T + I0``.

        Parameters
        ----------
        xbar : Crossbar
        at : (M,) array, volt
            For cells that are not plain resistors: the input to linearise at.

        Raises
        ------
        ParameterError, SingularCircuitError, ConvergenceError

        Examples
        --------
        A line that is held at 0.5 V feeds current whatever the inputs are.

        >>> import numpy as np
        >>> from crossbarsim import Crossbar, Driven, Ends, Solver
        >>> ends = Ends(word_left=[Driven(), Driven(voltage=0.5)])
        >>> W, I0 = Solver().affine_map(Crossbar(np.full((2, 1), 1e-4), ends=ends))
        >>> (1e6 * W).round(6), (1e6 * I0).round(6)  # microsiemens, microampere
        (array([[100.,   0.]]), array([50.]))
        """
        check_crossbar(xbar)
        if at is None:
            checks.need_resistors(xbar)
            return self._affine_maps([xbar])[0]
        sol = self.solve(xbar, check_input(xbar, at, "at"))
        if sol.V.ndim != 1:
            raise ParameterError(f"`at` must be one input, ({xbar.inputs},); got {sol.V.shape}")
        devices = self._device_arrays()
        if devices is not None and not xbar.linear:
            return batched.linearise(devices, sol)
        return linearise(sol, self._newton, self._threads)

    def _affine_maps(self, xbars: Sequence[Crossbar]) -> list[tuple[Array, Array]]:
        if self.method == "mna":
            return [self._affine_by_solving(xbar) for xbar in xbars]
        crossed = [xbar for xbar in xbars if xbar.layout == "crosspoint"]
        arrays = self._arrays()
        if arrays is None:
            maps = iter(structured.affine_maps(crossed, self._threads))
        else:
            maps = iter(batched.affine_maps(arrays, crossed))
        return [next(maps) if xbar.layout == "crosspoint" else self._affine_by_solving(xbar)
                for xbar in xbars]

    def _affine_by_solving(self, xbar: Crossbar) -> tuple[Array, Array]:
        rows = xbar.inputs
        probes = np.concatenate([np.eye(rows), np.zeros((1, rows))])
        currents = self.solve(xbar, probes, fields="currents").currents
        return np.ascontiguousarray((currents[:-1] - currents[-1]).T), currents[-1]

    # -- gradients -----------------------------------------------------------------------------

    def vjp(self, sol: Solution, grad_currents: ArrayLike, *, wires: bool = True) -> Gradients:
        """Return the gradients of a loss with respect to V, every cell and every wire segment.

        One more solve of the same network (the adjoint).

        Parameters
        ----------
        sol : Solution
            With all fields.
        grad_currents : array shaped like ``sol.currents``
            Loss per ampere.
        wires : bool
            False leaves the segments' gradients at zero, for speed.

        Raises
        ------
        ParameterError
            Shapes that do not fit, a solution with ``fields="currents"``.

        Examples
        --------
        >>> import numpy as np
        >>> from crossbarsim import Crossbar, Solver
        >>> sol = Solver().solve(Crossbar(np.full((2, 1), 1e-4)), [0.1, 0.2])
        >>> Solver().vjp(sol, [1.0]).conductance.round(9)
        array([[0.1],
               [0.2]])
        """
        if not isinstance(sol, Solution):
            raise ParameterError(f"`sol` must be a Solution; got {type(sol).__name__}")
        grad = finite_array("grad_currents", grad_currents)
        if grad.shape != sol.currents.shape:
            raise ParameterError(
                f"`grad_currents` must have the shape of sol.currents, {sol.currents.shape}; "
                f"got {grad.shape}"
            )
        if not sol.crossbar.linear or sol.crossbar.layout == "parallel":
            devices = self._device_arrays()
            if devices is not None:
                return batched.cell_gradients(devices, sol, grad, wires=wires)
            return cell_gradients(sol, grad, self._newton, self._threads, wires=wires)
        return gradients(sol, grad, lambda problem: self._raw(problem, "all"), wires=wires)

    def matrix_vjp(
        self, xbars: Sequence[Crossbar], grads: Sequence[ArrayLike], *, wires: bool = True
    ) -> list[Gradients]:
        """Return the gradients of a loss of effective matrices, one `Gradients` per crossbar.

        Parameters
        ----------
        xbars : sequence of Crossbar
        grads : sequence of (N, M) arrays
            Loss per siemens of each entry of ``effective_matrix(xbar)``. The returned `V` is zero:
            the effective matrix does not depend on it.
        wires : bool
            False leaves the segments' gradients at zero, for speed.

        Raises
        ------
        ParameterError
            Shapes that do not fit, cells that are not plain resistors.
        """
        if len(xbars) != len(grads):
            raise ParameterError(f"{len(xbars)} `xbars` but {len(grads)} `grads`")
        checks.check_linear(xbars)
        arrays = []
        for k, xbar in enumerate(xbars):
            arrays.append(finite_array(f"grads[{k}]", grads[k]))
            expected = (xbar.shape[1], xbar.inputs)
            if arrays[k].shape != expected:
                raise ParameterError(
                    f"`grads[{k}]` must have shape {expected}; got {arrays[k].shape}"
                )
        backend = self._arrays()
        uniform = backend is None or all(
            end.kind != "mixed" for xbar in xbars for end in xbar.line_ends.values()
        )
        crossed = all(xbar.layout == "crosspoint" for xbar in xbars)
        if self.method == "mna" or not (uniform and crossed):
            return [self._matrix_vjp_by_solving(*pair) for pair in zip(xbars, arrays, strict=True)]
        if backend is None:
            results = structured.matrix_gradients(xbars, arrays, self._threads, wires=wires)
        else:
            results = batched.gradients_of_matrices(backend, xbars, arrays, wires=wires)
        return [
            Gradients(np.zeros(xbar.shape[0]), cells, like_word(word, xbar), like_bit(bit, xbar))
            for xbar, (cells, word, bit) in zip(xbars, results, strict=True)
        ]

    def _matrix_vjp_by_solving(self, xbar: Crossbar, grad: Array) -> Gradients:
        # currents of the unit vectors are the matrix's columns
        result = self.vjp(self.solve(xbar, np.eye(xbar.inputs)), grad.T)
        result.V = np.zeros(xbar.inputs)
        return result

    # -- arrays in time ------------------------------------------------------------------------

    def transient(
        self, xbar: Crossbar, waveforms: Waveforms, t_stop: float | None = None, *,
        gate: LineWaves | None = None, probes: Sequence[Probe] = (), seed: Seed = None,
        rtol: float = 1e-4, max_step: float | None = None, progress: Progress = False,
    ) -> TransientResult:
        """Integrate an array in time: devices, access elements, wires and capacitors together.

        TR-BDF2 (Bank et al., 1985); step size by the error of states and voltages; corners of the
        sources are hit exactly. Starts from the operating point at time 0 with the states of the
        cells. Runs on the CPU.

        Parameters
        ----------
        xbar : Crossbar
            With cells that have states, or access elements.
        waveforms : (t, V), sources, or mapping
            ``(t, V)`` with t (T,) second and V (T, M) volt on the word lines, linear between the
            points; or M sources such as `Pulse`; or a mapping from ``"word_left"``,
            ``"bit_bottom"``, ... and ``"gate"`` to either, for all lines of that end. Lines that
            are not named keep their static voltage.
        t_stop : float, second, optional
            Default: the last tabulated time.
        gate : (t, Vg) or sources, optional
            Short for the key ``"gate"``.
        probes : sequence of str or (str, (i, j))
            Of ``"state"``, ``"conductance"``, ``"cell_voltages"``, ``"cell_currents"``,
            ``"word_voltages"``, ``"bit_voltages"``: what is kept at every step, of all cells or
            of one.
        seed : int >= 0, SeedSequence or None
            Of the noise of stochastic devices; None is 0.
        rtol : float
            Error per step relative to each state's range, 1e-12 to 0.1.
        max_step : float, second, optional
            Default: a thirtieth of the run.
        progress : Progress
            True shows a bar on the terminal; a function is called with the share of the run that
            is done; or a `ProgressMeter`.

        Returns
        -------
        TransientResult
            An interrupt from the keyboard ends the run early, with ``success = False``.

        Raises
        ------
        ParameterError, SingularCircuitError
        ConvergenceError
            Names the cell, the time and the voltage; ``error.partial`` is what was reached.

        Examples
        --------
        >>> import numpy as np
        >>> from crossbarsim import Crossbar, Pulse, Solver
        >>> from crossbarsim.devices import VTEAM
        >>> xbar = Crossbar(cells=VTEAM.preset("magic").array(np.full((1, 1), 1e-3)))
        >>> pulse = Pulse(0.0, 1.2, delay=1e-9, rise=1e-9, width=10e-9, fall=1e-9)
        >>> run = Solver().transient(xbar, [pulse], 15e-9, probes=["conductance"])
        >>> run.currents.shape == (len(run.time), 1), run["conductance"].shape[1:]
        (True, (1, 1))
        """
        check_crossbar(xbar)
        from .crossbar.transient import run_transient  # noqa: PLC0415 - imports numba

        with shared("transient", progress) as advance:
            return self._reached(lambda: run_transient(
                xbar, waveforms, t_stop, gate=gate, probes=probes, seed=seed, rtol=rtol,
                max_step=max_step, progress=advance, method=self._newton, threads=self._threads,
            ))

    def transient_many(
        self, xbars: Sequence[Crossbar], waveforms: Waveforms, t_stop: float | None = None, *,
        gate: LineWaves | None = None, probes: Sequence[Probe] = (), seed: Seed = None,
        rtol: float = 1e-4, max_step: float | None = None, progress: Progress = False,
    ) -> list[TransientResult]:
        """Integrate many arrays through the same waveforms, such as the chips of a Monte Carlo run.

        On the CPU the arrays are spread over the threads and each takes its own steps. On a GPU
        they run in lockstep, with the steps of the array that needs the shortest; they then have
        one shape, scalar wires > 0 ohm, equal ends, and cells of one model (no selectors, no
        noise), whose parameters and states may differ.

        Parameters
        ----------
        xbars : sequence of Crossbar
        waveforms, t_stop, gate, probes, rtol, max_step
            As for `transient`; those of every array.
        seed : int >= 0, SeedSequence or None
            Of the noise of stochastic devices; None is 0. Every array has noise of its own: array
            k is that of ``transient(..., seed=SeedSequence(seed).spawn(k + 1)[k])``, whatever the
            threads and however many arrays come after it.
        progress : Progress
            As for `transient`; on the CPU of the arrays that are done.

        Returns
        -------
        list of TransientResult
            In lockstep all with the same times; `steps`, `rejected`, `newton` and `residual` are
            those of the whole run.

        Raises
        ------
        ParameterError, SingularCircuitError, ConvergenceError, OutOfMemoryError

        Examples
        --------
        >>> import numpy as np
        >>> from crossbarsim import Crossbar, Solver
        >>> from crossbarsim.devices import StanfordPKU
        >>> cells = StanfordPKU.preset("stochastic").array(np.full((1, 1), 1e-5))
        >>> chips = [Crossbar(cells=cells)] * 2
        >>> one, two = Solver().transient_many(chips, ([0, 1e-9], [[0.0], [1.0]]), seed=1)
        >>> bool(one.crossbar.cells.state == two.crossbar.cells.state)
        False
        """
        if not len(xbars):
            raise ParameterError("`xbars` is empty")
        chips = seed_sequence(seed)
        arrays = choose_backend(self.backend)[0]
        if arrays is not None:
            from .crossbar.batched.cells import lockstep  # noqa: PLC0415 - imports numba

            if self.backend != "auto" or lockstep.can_run_together(xbars):
                with shared("transients", progress) as advance:
                    return self._reached(lambda: lockstep.run_together(
                        xbars, arrays, waveforms, t_stop, gate=gate, probes=probes, rtol=rtol,
                        max_step=max_step, threads=self._threads, progress=advance,
                    ))
        single, lock = replace(self, threads=1), Lock()
        with metered(progress) as meter:
            meter.begin("transients", len(xbars))

            def run(k: int) -> TransientResult:
                found = single.transient(
                    xbars[k], waveforms, t_stop, gate=gate, probes=probes,
                    seed=child_seed(chips, k), rtol=rtol, max_step=max_step,
                )
                with lock:
                    meter.advance("transients")
                return found

            return structured.spread(run, len(xbars), self._threads)

    def _reached(self, run: Callable[[], T]) -> T:
        """Return what a run returns, or with ``on_failure="return"`` what it reached."""
        try:
            return run()
        except ConvergenceError as error:
            reached: T | None = error.partial
            if self.on_failure == "return" and reached is not None:
                return reached
            raise
