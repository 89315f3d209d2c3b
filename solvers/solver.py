"""The front door: `Solver` picks a method, runs it and returns results with their evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ..core.cpus import cpu_count
from ..core.errors import ConvergenceError, ParameterError
from ..core.validation import Array, finite_array
from ..netlists.crossbar.crossbar import Crossbar, Resistive
from .crossbar import structured
from .crossbar.adjoint import gradients, like_bit, like_word
from .crossbar.batched import dispatch as batched
from .crossbar.batched.array_backend import ArrayBackend, choose_backend
from .crossbar.cell_adjoint import cell_gradients, linearise
from .crossbar.monte_carlo import ManyArrays
from .crossbar.problem import CrossbarProblem, RawSolution, check_input, make_problem
from .crossbar.sparse.factors import factors_for
from .crossbar.sparse.nodal import solve_crossbar
from .crossbar.static_cells import array_cells, solve_cells
from .solution import Gradients, Solution

__all__ = ["Solver"]

Fields = Literal["all", "currents"]


@dataclass(frozen=True, kw_only=True)
class Solver(ManyArrays):
    """Solves crossbars and circuits.

    Parameters
    ----------
    method : {"auto", "structured", "mna"}
        "structured" is the crossbar solver, "mna" general sparse nodal analysis (SuperLU); both
        give the same answer. "auto" takes the structured solver for crossbars.
    backend : {"cpu", "gpu", "auto"}
        Where crosspoint arrays are solved: compiled code on the CPU, or CuPy on a CUDA device.
        "auto" takes a GPU where there is one, and else says so in the solution's `method`; arrays
        of devices stay on the CPU then, except in `transient_many`. Circuits, and `transient` of
        one array, run on the CPU always. An `ArrayBackend` chooses array module and memory itself.
    rtol : float
        Bound on the error of each current relative to the largest one.
    on_failure : {"raise", "return"}
        Whether an unconverged solve raises `ConvergenceError` or returns with
        ``converged = False``.
    max_iterations : int, optional
        Limit of the iterative method, which raises when it is reached; by default the solver
        changes to its direct method where that is cheaper. On a GPU the direct method is always
        cheaper; with a limit, arrays of whole lines without segments of 0 ohm are iterated.
    threads : int, optional
        Threads to use; default: the CPUs this process may run on.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Solver, Wires
    >>> xbar = Crossbar(np.full((4, 4), 1e-4), Wires(word=2.0, bit=2.0))
    >>> sol = Solver().solve(xbar, np.full(4, 0.2))
    >>> bool(sol.residual < 1e-9)
    True
    """

    method: Literal["auto", "structured", "mna"] = "auto"
    backend: Literal["cpu", "gpu", "auto"] | ArrayBackend = "cpu"
    rtol: float = 1e-10
    on_failure: Literal["raise", "return"] = "raise"
    max_iterations: int | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        for name, allowed in (
            ("method", ("auto", "structured", "mna")),
            ("on_failure", ("raise", "return")),
        ):
            if getattr(self, name) not in allowed:
                raise ParameterError(
                    f"`{name}` must be one of {', '.join(map(repr, allowed))}; "
                    f"got {getattr(self, name)!r}"
                )
        if not (isinstance(self.rtol, (int, float)) and 1e-15 <= self.rtol <= 0.1):
            raise ParameterError(f"`rtol` must be between 1e-15 and 0.1; got {self.rtol!r}")
        for name in ("max_iterations", "threads"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int) and value >= 1):
                raise ParameterError(f"`{name}` must be an integer >= 1 or None; got {value!r}")
        choose_backend(self.backend)  # refuses what is not there

    @property
    def _threads(self) -> int:
        return self.threads or cpu_count()

    # -- crossbars ---------------------------------------------------------------------------

    def solve(
        self, xbar: Crossbar, V: Any, *, gate_voltage: Any = None, fields: Fields = "all"
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

        Raises
        ------
        ParameterError, SingularCircuitError, ConvergenceError
        """
        _check_crossbar(xbar)
        _check_fields(fields)
        volts = check_input(xbar, V)
        problem = make_problem(xbar, volts.reshape(-1, xbar.inputs))
        if gate_voltage is not None and isinstance(xbar.cells, Resistive):
            raise ParameterError("`gate_voltage` is for cells with transistors")
        if not _batchable(xbar):
            cells = array_cells(xbar)
            gates, keep = cells.gates(gate_voltage), fields == "all"
            devices = self._device_arrays()
            raw, failure = solve_cells(
                problem, cells, gates, keep=keep, rtol=self.rtol, threads=self._threads,
                method=self._newton,
            ) if devices is None else batched.solve_cells(
                devices, xbar, problem, cells, gates, keep=keep, rtol=self.rtol,
                threads=self._threads,
            )
            solution = Solution(xbar, volts, raw)
            if failure and self.on_failure == "raise":
                raise ConvergenceError(failure, solution)
            return solution
        return self._finish(Solution(xbar, volts, self._raw(problem, fields)))

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

    def _finish(self, solution: Solution) -> Solution:
        if not solution.converged and self.on_failure == "raise":
            raise ConvergenceError(
                f"{solution.method} stopped after {solution.iterations} iterations with a KCL "
                f"residual of {solution.residual:.1e}; raise `max_iterations`, or leave it None to "
                "let the direct method take over", solution
            )
        return solution

    def solve_many(
        self, xbars: Sequence[Crossbar], Vs: Sequence[Any], *, fields: Fields = "all"
    ) -> list[Solution]:
        """Solve many crossbars, each with its own V; shapes may differ.

        The crossbars are spread over the threads; on a GPU those of one shape run side by side.
        """
        if len(xbars) != len(Vs):
            raise ParameterError(f"{len(xbars)} crossbars but {len(Vs)} inputs")
        if self._arrays() is not None and all(map(_batchable, xbars)):
            volts = [check_input(xbar, V) for xbar, V in zip(xbars, Vs, strict=True)]
            problems = batched.compile_problems(
                xbars, [v.reshape(-1, xbar.inputs) for xbar, v in zip(xbars, volts, strict=True)]
            )
            raws = self._raws(problems, _check_fields(fields))
            return [self._finish(Solution(*parts))
                    for parts in zip(xbars, volts, raws, strict=True)]
        single = replace(self, threads=1)
        return structured.spread(
            lambda k: single.solve(xbars[k], Vs[k], fields=fields), len(xbars),
            self._threads if self.backend in ("cpu", "auto") else 1,
        )

    def effective_matrix(self, xbar: Crossbar, at: Any = None) -> Array:
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
            Where an end has a fixed voltage other than 0: use `affine_map`.
        """
        if at is not None:
            return self.affine_map(xbar, at)[0]
        return self.effective_matrices([xbar])[0]

    def effective_matrices(self, xbars: Sequence[Crossbar]) -> list[Array]:
        """Return the effective matrix of every crossbar of resistors, spread over the threads."""
        self._check_linear(xbars)
        return [w for w, _ in self._affine_maps(xbars)]

    def _check_linear(self, xbars: Sequence[Crossbar]) -> None:
        for k, xbar in enumerate(xbars):
            _check_crossbar(xbar)
            _need_resistors(xbar)
            for name, end in xbar.line_ends.items():
                if end.kind != "mixed":
                    continue
                fixed = end.connected & ~np.isnan(end.voltage) & (end.voltage != 0)
                if fixed.any():
                    raise ParameterError(
                        f"xbars[{k}]: `ends.{name}` holds line {int(np.argmax(fixed))} at "
                        f"{end.voltage[fixed][0]:g} V, so currents are not linear in V alone; "
                        "use affine_map(xbar)"
                    )

    def affine_map(self, xbar: Crossbar, at: Any = None) -> tuple[Array, Array]:
        """Return (W, I0), (N, M) siemens and (N,) ampere, with ``currents = V @ W.T + I0``.

        Cells that are not plain resistors are linearised at the input `at` (M,) volt.
        """
        _check_crossbar(xbar)
        if at is None:
            _need_resistors(xbar)
            return self._affine_maps([xbar])[0]
        sol = self.solve(xbar, at)
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
        found = structured.affine_maps(crossed, self._threads) if arrays is None else (
            batched.affine_maps(arrays, crossed)
        )
        maps = iter(found)
        return [next(maps) if xbar.layout == "crosspoint" else self._affine_by_solving(xbar)
                for xbar in xbars]

    def _affine_by_solving(self, xbar: Crossbar) -> tuple[Array, Array]:
        rows = xbar.inputs
        probes = np.concatenate([np.eye(rows), np.zeros((1, rows))])
        currents = self.solve(xbar, probes, fields="currents").currents
        return np.ascontiguousarray((currents[:-1] - currents[-1]).T), currents[-1]

    def vjp(self, sol: Solution, grad_currents: Any, *, wires: bool = True) -> Gradients:
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
        self, xbars: Sequence[Crossbar], grads: Sequence[Any], *, wires: bool = True
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
        """
        if len(xbars) != len(grads):
            raise ParameterError(f"{len(xbars)} crossbars but {len(grads)} gradients")
        self._check_linear(xbars)
        arrays = []
        for k, xbar in enumerate(xbars):
            arrays.append(finite_array(f"grads[{k}]", grads[k]))
            expected = (xbar.shape[1], xbar.inputs)
            if arrays[k].shape != expected:
                raise ParameterError(
                    f"`grads[{k}]` must have shape {expected}; got {arrays[k].shape}"
                )
        uniform = all(
            end.kind in ("input", "open", "zero") and xbar.layout == "crosspoint"
            for xbar in xbars for end in xbar.line_ends.values()
        )
        if self.method == "mna" or not uniform:
            return [self._matrix_vjp_by_solving(*pair) for pair in zip(xbars, arrays, strict=True)]
        backend = self._arrays()
        results = structured.matrix_gradients(
            xbars, arrays, self._threads, wires=wires
        ) if backend is None else batched.gradients_of_matrices(
            backend, xbars, arrays, wires=wires
        )
        return [
            Gradients(np.zeros(xbar.shape[0]), cells, like_word(word, xbar), like_bit(bit, xbar))
            for xbar, (cells, word, bit) in zip(xbars, results, strict=True)
        ]

    def _matrix_vjp_by_solving(self, xbar: Crossbar, grad: Array) -> Gradients:
        # currents of the unit vectors are the matrix's columns
        result = self.vjp(self.solve(xbar, np.eye(xbar.inputs)), grad.T)
        result.V = np.zeros(xbar.inputs)
        return result


def _check_crossbar(xbar: object) -> None:
    if not isinstance(xbar, Crossbar):
        raise ParameterError(f"`xbar` must be a Crossbar; got {type(xbar).__name__}")


def _check_fields(fields: Fields) -> Fields:
    if fields not in ("all", "currents"):
        raise ParameterError(f'`fields` must be "all" or "currents"; got {fields!r}')
    return fields


def _batchable(xbar: object) -> bool:
    """Whether array backends solve it: a crosspoint array of plain resistors."""
    _check_crossbar(xbar)
    return isinstance(xbar, Crossbar) and xbar.linear and xbar.layout == "crosspoint"


def _need_resistors(xbar: Crossbar) -> None:
    if not xbar.linear:
        raise ParameterError(
            "the cells are not plain resistors: the crossbar has no one effective matrix; give "
            "`at`, the input to linearise at, or use Crossbar(xbar.conductance, ...) for the "
            "matrix of the devices' conductances at their read voltage"
        )
