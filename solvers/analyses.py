"""Analyses of circuits, and arrays in time: the part of `Solver` that integrates and sweeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..core.errors import ParameterError
from ..core.progress import progress_bar
from ..core.units import spice_number
from ..netlists.analyses import Dc, Points, Sweep, Tran
from ..netlists.circuit import Circuit
from ..netlists.crossbar.crossbar import Crossbar
from .small_signals import SmallSignals

if TYPE_CHECKING:
    from .circuit.analyses.op import OperatingPoint
    from .circuit.results.results import Sweep as SweepResult
    from .circuit.results.results import Transient
    from .circuit.sensitivity.transient_adjoint import TransientAdjoint
    from .objectives import Objective
    from .transient_result import TransientResult

__all__ = ["Analyses"]


class Analyses(SmallSignals):
    """What `Solver` does with circuits, and with time."""

    @property
    def _newton(self) -> str:
        raise NotImplementedError

    @property
    def _threads(self) -> int:
        raise NotImplementedError

    def operating_point(
        self, circuit: Circuit, *, temperature: float | None = None
    ) -> OperatingPoint:
        """Return the operating point of a circuit.

        Newton's iteration on the circuit's equations with SPICE's limits on junctions, then, where
        that fails, gmin stepping, source stepping and a pseudo-transient. Tolerances are the
        circuit's options (``reltol``, ``abstol``, ``vntol``, ``gmin``), by default ngspice's.

        Parameters
        ----------
        circuit : Circuit
        temperature : float, kelvin, optional
            Instead of the circuit's.

        Raises
        ------
        SingularCircuitError
            Floating nodes, loops of voltage sources, cut-sets of current sources, each named.
        NetlistError
            Something that an element refers to is not there.
        ConvergenceError
            Says what was tried, and which nodes and elements did not settle.
        """
        from .circuit.analyses.op import operating_point  # noqa: PLC0415 - imports numba

        return operating_point(circuit, temperature=temperature)

    def dc_sweep(
        self, circuit: Circuit, sweeps: Mapping[str, Any] | Dc, *,
        save: Sequence[str] | None = None,
    ) -> SweepResult:
        """Return operating points over one sweep or more, each found from the one before.

        Parameters
        ----------
        circuit : Circuit
        sweeps : mapping or Dc
            Name -> values, the outermost sweep first: sources (volt, ampere), resistors (ohm),
            ``"temp"`` (degree Celsius), the deck's parameters, ``"@element[parameter]"``,
            ``"@model[parameter]"``; values a sequence of numbers.
        save : sequence of str, optional
            What to keep, such as ``"v(out)"``; default: everything.

        Returns
        -------
        Sweep
            ``result["v(out)"]`` has one axis per sweep; ``result["v1"]`` the swept values.

        Raises
        ------
        ConvergenceError
            Says at which values.

        Examples
        --------
        >>> from crossbarsim import Circuit, Solver
        >>> circuit = Circuit().V(1, "in", 0, 1.0).R(1, "in", "out", "1k").R(2, "out", 0, "1k")
        >>> Solver().dc_sweep(circuit, {"r2": [1e3, 3e3], "v1": [0.0, 1.0]})["v(out)"].tolist()
        [[0.0, 0.5], [0.0, 0.75]]
        """
        from .circuit.analyses.dc import dc_sweep  # noqa: PLC0415 - imports numba

        if not isinstance(circuit, Circuit):
            raise ParameterError(f"`circuit` must be a Circuit; got {type(circuit).__name__}")
        analysis = sweeps if isinstance(sweeps, Dc) else Dc(tuple(
            _sweep(circuit, name, values) for name, values in reversed(list(sweeps.items()))
        ))
        return dc_sweep(circuit, analysis, save=save)

    @overload
    def transient(
        self, xbar: Crossbar, waveforms: Any, t_stop: float | None = None, *, gate: Any = None,
        probes: Sequence[Any] = (), seed: Any = None, rtol: float = 1e-4,
        max_step: float | None = None, progress: bool | Callable[[float], None] = False,
    ) -> TransientResult: ...

    @overload
    def transient(
        self, xbar: Circuit, waveforms: float | str | None = None,
        t_stop: float | str | None = None, *, step: float | str | None = None,
        start: float | str = 0.0, max_step: float | str | None = None, uic: bool = False,
        save: Sequence[str] | None = None, progress: bool | Callable[[float], None] = False,
    ) -> Transient: ...

    def transient(
        self, xbar: Any, waveforms: Any = None, t_stop: Any = None, *, gate: Any = None,
        probes: Sequence[Any] = (), seed: Any = None, rtol: float = 1e-4, max_step: Any = None,
        progress: bool | Callable[[float], None] = False, step: Any = None, start: Any = 0.0,
        uic: bool = False, save: Sequence[str] | None = None,
    ) -> Any:
        """Integrate an array, or a circuit, in time.

        ``transient(xbar, waveforms, t_stop=None, *, gate, probes, seed, rtol, max_step)``
        integrates an array: devices, access elements, wires and capacitors together. TR-BDF2, step
        size by the error of states and voltages; corners of the sources are hit exactly. Starts
        from the operating point at time 0 with the states of the cells.

        ``transient(circuit, t_stop, *, step, start, max_step, uic, save)`` integrates a circuit:
        trapezoidal, Gear's method of order 2 or backward Euler (``options(method=...)``), step
        size by the error of charges and fluxes (``reltol``, ``trtol``), corners of the sources hit
        exactly.

        Parameters
        ----------
        xbar : Crossbar or Circuit
            A crossbar has cells with states or access elements.
        waveforms : (t, V), sources, or mapping
            ``(t, V)`` with t (T,) second and V (T, M) volt on the word lines, linear between the
            points; or M sources such as `Pulse`; or a mapping from ``"word_left"``,
            ``"bit_bottom"``, ... and ``"gate"`` to either, for all lines of that end. Lines that
            are not named keep their static voltage. Of a circuit the end of the run, second.
        t_stop : float, second, optional
            Default: the last tabulated time.
        gate : (t, Vg) or sources, optional
            Short for the key ``"gate"``.
        probes : sequence of str or (str, (i, j))
            Of ``"state"``, ``"conductance"``, ``"cell_voltages"``, ``"cell_currents"``,
            ``"word_voltages"``, ``"bit_voltages"``: what is kept at every step, of all cells or
            of one.
        seed : int, optional
            Of the noise of stochastic devices.
        rtol : float
            Error per step relative to each state's range (arrays).
        max_step : float, second, optional
            Default: a thirtieth of the run; of a circuit `step`, or a fiftieth of the run.
        progress : bool or callable
            True shows a bar on the terminal; a function is called with the share of the run that
            is done.
        step : float, second, optional
            The circuit's time scale, SPICE's tstep; default: a hundredth of the run.
        start : float, second
            Results are kept from then on.
        uic : bool
            Start from initial conditions, without an operating point.
        save : sequence of str, optional
            What to keep of a circuit, such as ``"v(out)"``; default: everything.

        Raises
        ------
        ParameterError, SingularCircuitError
        ConvergenceError
            Names the cell or the nodes, the time and the voltage. An interrupt from the keyboard
            ends the run of an array early instead, with ``success = False``.
        """
        if isinstance(xbar, Circuit):
            analysis = _tran(
                waveforms if t_stop is None else t_stop, step, max_step, uic=uic, start=start
            )
            from .circuit.analyses.transient import transient  # noqa: PLC0415 - imports numba

            with progress_bar("transient", progress) as advance:
                return transient(xbar, analysis, save=save, progress=advance)
        if not isinstance(xbar, Crossbar):
            raise ParameterError(
                f"`xbar` must be a Crossbar or a Circuit; got {type(xbar).__name__}"
            )
        from .crossbar.transient import run_transient  # noqa: PLC0415 - imports numba

        with progress_bar("transient", progress) as advance:
            return run_transient(
                xbar, waveforms, t_stop, gate=gate, probes=probes, seed=seed, rtol=rtol,
                max_step=max_step, progress=advance, method=self._newton, threads=self._threads,
            )

    def transient_sensitivities(
        self, circuit: Circuit, objective: Objective | Sequence[Objective], t_stop: float | str,
        *, parameters: Sequence[str] | None = None, step: float | str | None = None,
        max_step: float | str | None = None, uic: bool = False, temperature: float | None = None,
        max_bytes: float = 2e9, progress: bool | Callable[[float], None] = False,
    ) -> Any:
        r"""Return the derivatives of what follows from a transient by every parameter.

        The adjoint of the discrete equations, exact on the time steps that were taken, whatever
        the formula of each: one transposed solution per step gives the derivatives by all
        parameters. Operating point or initial conditions at the start are part of it.

        Parameters
        ----------
        circuit : Circuit
        objective : callable or mapping, or a sequence of these
            `ValueAt`, `Integral`, `Mean`, `Rms` or `Energy` of `crossbarsim.solvers.objectives`; or
            a function of the `Transient` that returns its value and its derivatives by waveforms,
            ``(value, {"v(out)": (T,)})``; or such a mapping alone, of which the value is the sum
            of products.
        t_stop, step, max_step : float, second
            As of `transient`.
        parameters : sequence of str, optional
            Names, ``*`` and ``?`` for any text and letter; default: all that can move.
            ``"r1"``, ``"m1_w"``, ``"m1:vto"`` (its card's), ``"@card[vto]"`` (of all elements with
            that card), ``"n1_x"`` (a memristor's state at the start), ``"v1"`` (a level),
            ``"v1_v2"``, ``"v1_amplitude"``, ``"v1_values[3]"`` (of its wave), ``"ic(out)"`` (of
            ``.ic``), with `uic` ``"c1_ic"`` and ``"l1_ic"``. What moves corners of waves in time
            (delays, widths, edges, a line's ``td``) has no derivative on fixed steps.
        uic : bool
            Start from initial conditions, without an operating point.
        temperature : float, kelvin, optional
            Instead of the circuit's.
        max_bytes : float
            Of the unknowns and multipliers of all steps, 8 bytes each.
        progress : bool or callable

        Returns
        -------
        TransientSensitivities, or a list of them
            ``result["r1"]``, ``result.value``, ``result.source("v1")``: by the source's value at
            every time point; ``result.transient``.

        Raises
        ------
        ParameterError
            Names without a meaning, more than `max_bytes`, switches with hysteresis that switch.
        ConvergenceError, SingularCircuitError

        Examples
        --------
        >>> from crossbarsim import Solver, read_spice
        >>> from crossbarsim.solvers.objectives import ValueAt
        >>> circuit = read_spice("rc\nv1 in 0 1\nr1 in out 1k\nc1 out 0 1u ic=0\n")
        >>> found = Solver().transient_sensitivities(
        ...     circuit, ValueAt("v(out)", 1e-3), "1m", step="1u", uic=True)
        >>> round(found.value, 5), round(found["r1"] * 1e3, 5)  # 1 - 1/e, -1/e
        (0.63212, -0.36788)
        """
        several = isinstance(objective, Sequence) and not isinstance(objective, str)
        count = 0 if parameters is not None else len(objective) if several else 1  # type: ignore[arg-type]
        made = _adjoint(
            circuit, _tran(t_stop, step, max_step, uic=uic), temperature, max_bytes, progress, count
        )
        return made.sensitivities(objective, parameters)

    def transient_adjoint(
        self, circuit: Circuit, t_stop: float | str, *, step: float | str | None = None,
        max_step: float | str | None = None, uic: bool = False, temperature: float | None = None,
        max_bytes: float = 2e9, progress: bool | Callable[[float], None] = False,
    ) -> TransientAdjoint:
        """Return a transient whose derivatives can be asked for afterwards.

        For frameworks of automatic differentiation: forward is ``made.transient["v(out)"]``,
        backward ``made.sensitivities({"v(out)": gradient}, parameters)``, see
        `crossbarsim.solvers.circuit.sensitivity.transient_adjoint`.

        Parameters
        ----------
        circuit, t_stop, step, max_step, uic, temperature, max_bytes, progress
            As of `transient_sensitivities`.

        Raises
        ------
        ParameterError, ConvergenceError, SingularCircuitError
        """
        return _adjoint(
            circuit, _tran(t_stop, step, max_step, uic=uic), temperature, max_bytes, progress
        )

    def run(self, circuit: Circuit) -> list[Any]:
        """Run a deck's own analyses in their order; the operating point where there are none.

        Returns
        -------
        list
            One result per analysis; all answer ngspice's names.

        Raises
        ------
        NetlistError
            An analysis that is not supported.
        """
        from .circuit.analyses.run import run  # noqa: PLC0415 - imports numba

        return run(circuit)


def _adjoint(
    circuit: Circuit, analysis: Tran, temperature: float | None, max_bytes: float,
    progress: bool | Callable[[float], None], objectives: int = 0,
) -> TransientAdjoint:
    if not isinstance(circuit, Circuit):
        raise ParameterError(f"`circuit` must be a Circuit; got {type(circuit).__name__}")
    from .circuit.sensitivity.transient_adjoint import TransientAdjoint  # noqa: PLC0415 - imports numba

    with progress_bar("transient", progress) as advance:
        return TransientAdjoint(
            circuit, analysis, temperature=temperature, max_bytes=max_bytes, progress=advance,
            objectives=objectives,
        )


def _tran(t_stop: Any, step: Any, max_step: Any, *, uic: bool, start: Any = 0.0) -> Tran:
    """Return the analysis of a circuit in time."""
    stop = spice_number("t_stop", t_stop)
    if not stop > 0:
        raise ParameterError(f"`t_stop` must be > 0; got {stop!r}")
    return Tran(
        stop / 100 if step is None else spice_number("step", step), stop,
        spice_number("start", start),
        None if max_step is None else spice_number("max_step", max_step), uic,
    )


def _sweep(circuit: Circuit, name: str, values: Any) -> Sweep:
    """Return the sweep of what `name` names."""
    key = str(name).strip().lower()
    points = Points("list", listed=tuple(float(v) for v in np.atleast_1d(values)))
    if key == "temp":
        return Sweep("temperature", key, points)
    if key.startswith("@") and key.endswith("]") and "[" in key:
        target, parameter = key[1:-1].split("[", 1)
        kind = "model" if target in circuit.models else "element"
        return Sweep(kind, target, points, parameter)
    names = {e.name.lower(): e.kind for e in circuit}
    if key in names:
        kind = {"V": "source", "I": "source", "R": "resistor"}.get(names[key], "element")
        return Sweep(kind, key, points)
    if key in circuit.parameters:
        return Sweep("parameter", key, points)
    raise ParameterError(
        f"there is nothing to sweep named {name!r}: name a source, a resistor, a parameter, "
        "'temp', '@element[parameter]' or '@model[parameter]'"
    )
