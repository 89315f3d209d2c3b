"""The front door: `Solver` solves crossbars itself and hands circuits on to a `Simulator`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, overload

from numpy.typing import ArrayLike

from ..core.draws import Seed
from ..core.errors import ParameterError
from ..core.progress import Progress
from ..netlists.analyses import Dc, Points
from ..netlists.circuit import Circuit
from ..netlists.crossbar.crossbar import Crossbar
from ..netlists.crossbar.waveforms import LineWaves, Waveforms
from .crossbar_solver import CrossbarSolver
from .objectives import Objective
from .simulator import Simulator
from .transient_result import Probe, TransientResult

if TYPE_CHECKING:
    from .circuit.analyses.ac import Spectrum
    from .circuit.analyses.noise import NoiseSpectrum
    from .circuit.analyses.op import OperatingPoint
    from .circuit.analyses.sensitivities import Sensitivities, SensitivitySpectrum
    from .circuit.analyses.transfer_function import TransferFunction
    from .circuit.results.result import Result
    from .circuit.results.results import Sweep as SweepResult
    from .circuit.results.results import Transient
    from .circuit.sensitivity.transient_adjoint import TransientAdjoint, TransientSensitivities

__all__ = ["Solver"]

T = TypeVar("T")

# what circuits do in place of a setting that acts on crossbars only
_ELSEWHERE = {
    "method": "write crossbars out with circuit.expanded() for general nodal analysis of them",
    "backend": "circuits are solved on the CPU",
    "rtol": "tolerances of circuits are options: Simulator(options={'reltol': ...}), or "
            "circuit.options(reltol=...)",
    "on_failure": "catch the ConvergenceError",
    "max_iterations": "limits of Newton's iteration are the options itl1, itl2 and itl4: "
                      "Simulator(options={'itl1': ...})",
    "threads": "a circuit is solved on one thread",
}
_ACT_ALIKE: dict[str, tuple[object, ...]] = {
    "method": ("structured",), "backend": ("auto",), "threads": (1,),
}


@dataclass(frozen=True, kw_only=True)
class Solver(CrossbarSolver):
    """Solves crossbars and circuits.

    Crossbars by the verbs of `CrossbarSolver`, whose settings these are: `solve`, `solve_many`,
    `effective_matrix`, `affine_map`, `vjp`, `transient`, `transient_many`, ... Circuits by those
    of a `Simulator`, which are here for short: `operating_point`, `dc_sweep`, `transient`, `ac`,
    `noise`, `run`, ... A setting that cannot act on a circuit is refused there.

    Parameters
    ----------
    method, backend, rtol, on_failure, max_iterations, threads
        See `CrossbarSolver`.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Circuit, Crossbar, Solver, Wires
    >>> xbar = Crossbar(np.full((4, 4), 1e-4), Wires(word=2.0, bit=2.0))
    >>> sol = Solver().solve(xbar, np.full(4, 0.2))
    >>> bool(sol.residual < 1e-9)
    True
    >>> circuit = Circuit().V(1, "in", 0, 1.0).R(1, "in", "out", "9k").R(2, "out", 0, "1k")
    >>> round(Solver().operating_point(circuit)["v(out)"], 9)
    0.1
    """

    @property
    def _simulator(self) -> Simulator:
        """What solves circuits; refuses settings that would not act on them."""
        for name, instead in _ELSEWHERE.items():
            value, usual = getattr(self, name), getattr(type(self), name)
            if value != usual and value not in _ACT_ALIKE.get(name, ()):
                raise ParameterError(
                    f"Solver({name}={value!r:.60}) does not act on circuits: {instead}"
                )
        return Simulator()

    # -- crossbars and circuits in time --------------------------------------------------------

    @overload
    def transient(
        self, xbar: Crossbar, waveforms: Waveforms, t_stop: float | None = None, *,
        gate: LineWaves | None = None, probes: Sequence[Probe] = (), seed: Seed = None,
        rtol: float = 1e-4, max_step: float | None = None, progress: Progress = False,
    ) -> TransientResult: ...

    @overload
    def transient(
        self, xbar: Circuit, /, t_stop: float | str, *, step: float | str | None = None,
        start: float | str = 0.0, max_step: float | str | None = None, uic: bool = False,
        save: Sequence[str] | None = None, temperature: float | None = None,
        progress: Progress = None,
    ) -> Transient: ...

    def transient(
        self, xbar: Crossbar | Circuit, *arguments: Any, **options: Any
    ) -> TransientResult | Transient:
        """Integrate an array, or a circuit, in time.

        ``transient(xbar, waveforms, t_stop=None, *, gate, probes, seed, rtol, max_step, progress)``
        integrates an array of devices, see `CrossbarSolver.transient`.

        ``transient(circuit, t_stop, *, step, start, max_step, uic, save, temperature, progress)``
        integrates a circuit, see `Simulator.transient`.

        Parameters
        ----------
        xbar : Crossbar or Circuit
        *arguments, **options
            Those of that verb.

        Returns
        -------
        TransientResult or Transient
            Of a crossbar, or of a circuit.

        Raises
        ------
        ParameterError
            An argument that acts on the other kind only, among others.
        SingularCircuitError, ConvergenceError

        Examples
        --------
        >>> from crossbarsim import Circuit, Solver
        >>> circuit = Circuit().V(1, "in", 0, 1.0).R(1, "in", "out", "1k").C(1, "out", 0, "1u")
        >>> round(float(Solver().transient(circuit, "10m")["v(out)"][-1]), 6)
        1.0
        """
        if isinstance(xbar, Circuit):
            _refuse(arguments, options, Simulator.transient, CrossbarSolver.transient, "a Circuit")
            return self._simulator.transient(xbar, *arguments, **options)
        if not isinstance(xbar, Crossbar):
            raise ParameterError(
                f"`xbar` must be a Crossbar or a Circuit; got {type(xbar).__name__}"
            )
        _refuse(arguments, options, CrossbarSolver.transient, Simulator.transient, "a Crossbar")
        return super().transient(xbar, *arguments, **options)

    # -- circuits ------------------------------------------------------------------------------

    def operating_point(
        self, circuit: Circuit, *, temperature: float | None = None
    ) -> OperatingPoint:
        """Return the operating point of a circuit, see `Simulator.operating_point`."""
        return self._simulator.operating_point(circuit, temperature=temperature)

    def dc_sweep(
        self, circuit: Circuit, sweeps: Mapping[str, ArrayLike] | Dc, *,
        save: Sequence[str] | None = None, temperature: float | None = None,
        progress: Progress = None,
    ) -> SweepResult:
        """Return operating points over sweeps, see `Simulator.dc_sweep`."""
        return self._simulator.dc_sweep(
            circuit, sweeps, save=save, temperature=temperature, progress=progress
        )

    @overload
    def transient_sensitivities(
        self, circuit: Circuit, objective: Objective, t_stop: float | str, *,
        parameters: Sequence[str] | None = None, step: float | str | None = None,
        max_step: float | str | None = None, uic: bool = False, temperature: float | None = None,
        max_bytes: float = 2e9, progress: Progress = None,
    ) -> TransientSensitivities: ...

    @overload
    def transient_sensitivities(
        self, circuit: Circuit, objective: Sequence[Objective], t_stop: float | str, *,
        parameters: Sequence[str] | None = None, step: float | str | None = None,
        max_step: float | str | None = None, uic: bool = False, temperature: float | None = None,
        max_bytes: float = 2e9, progress: Progress = None,
    ) -> list[TransientSensitivities]: ...

    def transient_sensitivities(
        self, circuit: Circuit, objective: Objective | Sequence[Objective], t_stop: float | str,
        *, parameters: Sequence[str] | None = None, step: float | str | None = None,
        max_step: float | str | None = None, uic: bool = False, temperature: float | None = None,
        max_bytes: float = 2e9, progress: Progress = None,
    ) -> TransientSensitivities | list[TransientSensitivities]:
        """Return derivatives of a transient, see `Simulator.transient_sensitivities`."""
        return _as_one(self._simulator.transient_sensitivities)(
            circuit, objective, t_stop, parameters=parameters, step=step, max_step=max_step,
            uic=uic, temperature=temperature, max_bytes=max_bytes, progress=progress,
        )

    def transient_adjoint(
        self, circuit: Circuit, t_stop: float | str, *, step: float | str | None = None,
        max_step: float | str | None = None, uic: bool = False, temperature: float | None = None,
        max_bytes: float = 2e9, progress: Progress = None,
    ) -> TransientAdjoint:
        """Return a transient that can be differentiated, see `Simulator.transient_adjoint`."""
        return self._simulator.transient_adjoint(
            circuit, t_stop, step=step, max_step=max_step, uic=uic, temperature=temperature,
            max_bytes=max_bytes, progress=progress,
        )

    def ac(
        self, circuit: Circuit, frequencies: ArrayLike | Points, *,
        save: Sequence[str] | None = None, temperature: float | None = None,
    ) -> Spectrum:
        """Return the response to small signals over frequency, see `Simulator.ac`."""
        return self._simulator.ac(circuit, frequencies, save=save, temperature=temperature)

    def noise(
        self, circuit: Circuit, output: str, source: str, frequencies: ArrayLike | Points, *,
        temperature: float | None = None,
    ) -> NoiseSpectrum:
        """Return the noise at an output, see `Simulator.noise`."""
        return self._simulator.noise(circuit, output, source, frequencies, temperature=temperature)

    def transfer_function(
        self, circuit: Circuit, output: str, source: str, *, temperature: float | None = None
    ) -> TransferFunction:
        """Return gain and resistances, see `Simulator.transfer_function`."""
        return self._simulator.transfer_function(circuit, output, source, temperature=temperature)

    @overload
    def sensitivities(
        self, circuit: Circuit, output: str, frequencies: None = None, *,
        temperature: float | None = None,
    ) -> Sensitivities: ...

    @overload
    def sensitivities(
        self, circuit: Circuit, output: str, frequencies: ArrayLike | Points, *,
        temperature: float | None = None,
    ) -> SensitivitySpectrum: ...

    def sensitivities(
        self, circuit: Circuit, output: str, frequencies: ArrayLike | Points | None = None, *,
        temperature: float | None = None,
    ) -> Sensitivities | SensitivitySpectrum:
        """Return derivatives of an output, see `Simulator.sensitivities`."""
        verb = _as_one(self._simulator.sensitivities)
        return verb(circuit, output, frequencies, temperature=temperature)

    def run(
        self, circuit: Circuit, *, temperature: float | None = None, progress: Progress = None
    ) -> list[Result]:
        """Run a deck's own analyses in their order, see `Simulator.run`."""
        return self._simulator.run(circuit, temperature=temperature, progress=progress)


def _as_one(verb: Callable[..., T]) -> Callable[..., T]:
    """Return a verb without its overloads: those of the caller apply."""
    return verb


def _refuse(
    arguments: Sequence[Any], options: Mapping[str, Any], mine: Any, other: Any, kind: str
) -> None:
    """Refuse arguments of the verb for the other kind of netlist."""
    own, foreign = (inspect.signature(verb).parameters for verb in (mine, other))
    takes = ", ".join(list(own)[2:])  # behind self and the netlist
    by_position = sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in own.values()) - 2
    wrong = [name for name in options if name not in own and name in foreign]
    if wrong:
        raise ParameterError(
            f"`{wrong[0]}` does not act on {kind}: {other.__qualname__} takes it; "
            f"{mine.__qualname__} takes {takes}"
        )
    if len(arguments) > by_position:
        raise ParameterError(
            f"{len(arguments)} arguments by position, of which {kind} takes {by_position}; "
            f"{mine.__qualname__} takes {takes}"
        )
