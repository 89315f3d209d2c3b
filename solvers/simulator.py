"""Circuits: `Simulator` checks what is asked, runs the analysis and returns its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, overload

from numpy.typing import ArrayLike

from ..core.errors import ParameterError
from ..core.progress import Progress, metered, shared
from ..core.settings import Settings, checks_arguments
from ..core.validation import number
from ..netlists.analyses import Ac, Dc, Noise, Points, Sens, Tf, Tran
from ..netlists.circuit import Circuit
from ..netlists.spice.commands.command_names import OPTION_NAMES
from ..netlists.spice.read.subcircuit_tree import did_you_mean
from .circuit.arguments import frequency_points, probe_of, saved_names, sweep_of, tran_analysis
from .objectives import Objective

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

__all__ = ["Simulator"]


@checks_arguments
@dataclass(frozen=True, kw_only=True)
class Simulator(Settings):
    """Analyses circuits: operating points, sweeps, transients, small signals, derivatives.

    Tolerances, integration methods and limits are options by ngspice's names and with its
    defaults (``reltol``, ``abstol``, ``vntol``, ``gmin``, ``method``, ``maxord``, ``trtol``, ...),
    see `crossbarsim.solvers.circuit.system.tolerances`. Everything runs on one thread of the CPU.

    Parameters
    ----------
    temperature : float, kelvin, optional
        Instead of the circuits' own; verbs have an argument of that name, which counts more.
    options : mapping
        Instead of the circuits' own options of these names.
    progress : Progress
        Of sweeps, transients and decks, where the verb's own argument is None: True shows bars on
        the terminal; a function is called with the share of the task at hand that is done; or a
        `ProgressMeter`.

    Examples
    --------
    >>> from crossbarsim import Circuit, Simulator
    >>> circuit = Circuit().V(1, "in", 0, 1.0).R(1, "in", "out", "9k").R(2, "out", 0, "1k")
    >>> round(Simulator(options={"reltol": 1e-6}).operating_point(circuit)["v(out)"], 12)
    0.1
    """

    temperature: float | None = None
    options: Mapping[str, float | str] = field(default_factory=dict, hash=False)
    progress: Progress = None

    def __post_init__(self) -> None:
        if self.temperature is not None:
            number("temperature", self.temperature, low=0.0, open_low=True, unit="kelvin")
        with metered(self.progress if self.progress is not True else False):
            pass  # refuses what is no `Progress`
        if self.options:
            from .circuit.system.overrides import check_options  # noqa: PLC0415 - imports numba

            object.__setattr__(self, "options", check_options(self.options))

    def _set(self, circuit: Circuit, temperature: float | None) -> Circuit:
        """Return the circuit at a temperature and with this simulator's options."""
        if not isinstance(circuit, Circuit):
            raise ParameterError(f"`circuit` must be a Circuit; got {type(circuit).__name__}")
        if "seed" in circuit.options:
            raise ParameterError("the option `seed` draws numbers while a deck is read: give it "
                                 "there, or to `read_spice`")
        unknown = next((n for n in circuit.options if n not in OPTION_NAMES), None)
        if unknown is not None:
            raise ParameterError(
                f"the circuit: there is no option {unknown!r}{did_you_mean(unknown, OPTION_NAMES)}"
            )
        kelvin = self.temperature if temperature is None else temperature
        if kelvin is None and not self.options:
            return circuit
        from .circuit.system.overrides import overridden  # noqa: PLC0415 - imports numba

        return overridden(circuit, kelvin, self.options)

    def _progress(self, given: Progress) -> Progress:
        return self.progress if given is None else given

    # -- operating points ----------------------------------------------------------------------

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

        Returns
        -------
        OperatingPoint
            ``result["v(out)"]`` volt, ``result["i(v1)"]`` ampere, floats.

        Raises
        ------
        SingularCircuitError
            Floating nodes, loops of voltage sources, cut-sets of current sources, each named.
        NetlistError
            Something that an element refers to is not there.
        ConvergenceError
            Says what was tried, and which nodes and elements did not settle.

        Examples
        --------
        >>> from crossbarsim import Circuit, Simulator
        >>> circuit = Circuit().I(1, 0, "out", "1m").R(1, "out", 0, "1k")
        >>> round(Simulator().operating_point(circuit)["v(out)"], 9)
        1.0
        """
        from .circuit.analyses.op import operating_point  # noqa: PLC0415 - imports numba

        return operating_point(self._set(circuit, temperature))

    def dc_sweep(
        self, circuit: Circuit, sweeps: Mapping[str, ArrayLike] | Dc, *,
        save: Sequence[str] | None = None, temperature: float | None = None,
        progress: Progress = None,
    ) -> SweepResult:
        """Return operating points over one sweep or more, each found from the one before.

        Parameters
        ----------
        circuit : Circuit
        sweeps : mapping or Dc
            Name -> values, the outermost sweep first: sources (volt, ampere), resistors (ohm),
            ``"temp"`` (degree Celsius), the deck's parameters, ``"@element[parameter]"``,
            ``"@model[parameter]"``; values a number or a sequence of numbers.
        save : sequence of str, optional
            What to keep, such as ``"v(out)"``; default: everything.
        temperature : float, kelvin, optional
            Instead of the circuit's; a sweep of ``"temp"`` counts more.
        progress : Progress
            Default: the simulator's.

        Returns
        -------
        Sweep
            ``result["v(out)"]`` has one axis per sweep; ``result["v1"]`` the swept values.

        Raises
        ------
        ParameterError
            Nothing of such a name, values that are no numbers.
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

        circuit = self._set(circuit, temperature)
        analysis = sweeps if isinstance(sweeps, Dc) else Dc(tuple(
            sweep_of(circuit, name, values) for name, values in reversed(list(sweeps.items()))
        ))
        with shared("dc", self._progress(progress)) as advance:
            return dc_sweep(circuit, analysis, save=saved_names(save), progress=advance)

    # -- in time -------------------------------------------------------------------------------

    def transient(
        self, circuit: Circuit, t_stop: float | str, *, step: float | str | None = None,
        start: float | str = 0.0, max_step: float | str | None = None, uic: bool = False,
        save: Sequence[str] | None = None, temperature: float | None = None,
        progress: Progress = None,
    ) -> Transient:
        """Integrate a circuit in time.

        Trapezoidal, Gear's method (BDF) or backward Euler (``options(method=...)``), step size by
        the error of charges and fluxes (``reltol``, ``trtol``), corners of the sources hit exactly.

        Parameters
        ----------
        circuit : Circuit
        t_stop : float or str, second
            The end of the run; numbers may be written as in a deck, ``"1m"``.
        step : float or str, second, optional
            The circuit's time scale, SPICE's tstep; default: a hundredth of the run.
        start : float or str, second
            Results are kept from then on.
        max_step : float or str, second, optional
            Default: `step`, or a fiftieth of the run.
        uic : bool
            Start from initial conditions, without an operating point.
        save : sequence of str, optional
            What to keep, such as ``"v(out)"``; default: everything.
        temperature : float, kelvin, optional
            Instead of the circuit's.
        progress : Progress
            Default: the simulator's.

        Returns
        -------
        Transient
            ``result["time"]`` (T,) second, ``result["v(out)"]`` (T,) volt.

        Raises
        ------
        ParameterError, NetlistError, SingularCircuitError
        ConvergenceError
            Names nodes, time and voltage.

        Examples
        --------
        >>> from crossbarsim import Circuit, Simulator
        >>> circuit = Circuit().V(1, "in", 0, 1.0).R(1, "in", "out", "1k").C(1, "out", 0, "1u")
        >>> run = Simulator(options={"reltol": 1e-6}).transient(circuit, "1m", uic=True)
        >>> round(float(run["v(out)"][-1]), 4)  # 1 - 1/e
        0.6321
        """
        from .circuit.analyses.transient import transient  # noqa: PLC0415 - imports numba

        circuit = self._set(circuit, temperature)
        analysis = tran_analysis(t_stop, step, max_step, uic=uic, start=start)
        with shared("transient", self._progress(progress)) as advance:
            return transient(circuit, analysis, save=saved_names(save), progress=advance)

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
        r"""Return the derivatives of what follows from a transient with respect to parameters.

        The adjoint of the discrete equations, exact on the time steps that were taken, whatever
        the formula of each: one transposed solution per step gives the derivatives with respect to
        all parameters. Operating point or initial conditions at the start are part of it.

        Parameters
        ----------
        circuit : Circuit
        objective : callable or mapping, or a sequence of these
            `ValueAt`, `Integral`, `Mean`, `Rms` or `Energy` of `crossbarsim.solvers.objectives`; or
            a function of the `Transient` that returns its value and its derivatives with respect
            to waveforms, ``(value, {"v(out)": (T,)})``; or such a mapping alone, of which the
            value is the sum of products.
        t_stop, step, max_step : float or str, second
            As for `transient`.
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
        progress : Progress
            Of the transient; default: the simulator's.

        Returns
        -------
        TransientSensitivities, or a list of them
            ``result["r1"]``; ``result.value``; ``result.source("v1")``, (T,), with respect to the
            source's value at every time point; ``result.transient``.

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
        objectives = 0  # with named parameters memory is checked when these are known
        if parameters is None:
            objectives = len(objective) if isinstance(objective, Sequence) else 1
        analysis = tran_analysis(t_stop, step, max_step, uic=uic)
        made = self._adjoint(circuit, analysis, temperature, max_bytes, progress, objectives)
        return made.sensitivities(objective, parameters)

    def transient_adjoint(
        self, circuit: Circuit, t_stop: float | str, *, step: float | str | None = None,
        max_step: float | str | None = None, uic: bool = False, temperature: float | None = None,
        max_bytes: float = 2e9, progress: Progress = None,
    ) -> TransientAdjoint:
        r"""Return a transient whose derivatives can be asked for afterwards.

        For frameworks of automatic differentiation: forward is ``made.transient["v(out)"]``,
        backward ``made.sensitivities({"v(out)": gradient}, parameters)``, see
        `crossbarsim.solvers.circuit.sensitivity.transient_adjoint`.

        Parameters
        ----------
        circuit, t_stop, step, max_step, uic, temperature, max_bytes, progress
            As for `transient_sensitivities`.

        Raises
        ------
        ParameterError, ConvergenceError, SingularCircuitError

        Examples
        --------
        >>> import numpy as np
        >>> from crossbarsim import Simulator, read_spice
        >>> circuit = read_spice("rc\nv1 in 0 1\nr1 in out 1k\nc1 out 0 1u ic=0\n")
        >>> made = Simulator().transient_adjoint(circuit, "1m", step="1u", uic=True)
        >>> last = np.zeros(len(made.time))
        >>> last[-1] = 1.0
        >>> round(made.sensitivities({"v(out)": last}, ["r1"])["r1"] * 1e3, 5)
        -0.36788
        """
        analysis = tran_analysis(t_stop, step, max_step, uic=uic)
        return self._adjoint(circuit, analysis, temperature, max_bytes, progress)

    def _adjoint(
        self, circuit: Circuit, analysis: Tran, temperature: float | None, max_bytes: float,
        progress: Progress, objectives: int = 0,
    ) -> TransientAdjoint:
        circuit = self._set(circuit, temperature)
        from .circuit.sensitivity.transient_adjoint import TransientAdjoint  # noqa: PLC0415 - imports numba

        with shared("transient", self._progress(progress)) as advance:
            return TransientAdjoint(
                circuit, analysis, max_bytes=max_bytes, progress=advance, objectives=objectives
            )

    # -- small signals -------------------------------------------------------------------------

    def ac(
        self, circuit: Circuit, frequencies: ArrayLike | Points, *,
        save: Sequence[str] | None = None, temperature: float | None = None,
    ) -> Spectrum:
        r"""Return the response to the sources' ``ac`` amplitudes.

        (G + j w C) x = b at every frequency, G and C those of the operating point; delays of ideal
        lines are exact.

        Parameters
        ----------
        circuit : Circuit
        frequencies : (F,) array, hertz >= 0, or `Points`
        save : sequence of str, optional
            What to keep, such as ``"v(out)"``; default: everything.
        temperature : float, kelvin, optional
            Instead of the circuit's.

        Returns
        -------
        Spectrum
            ``result["v(out)"]`` (F,) complex, ``result["vdb(out)"]``, ``["vp(out)"]`` (radian).

        Raises
        ------
        ParameterError, ConvergenceError, SingularCircuitError

        Examples
        --------
        >>> from crossbarsim import Solver, read_spice
        >>> circuit = read_spice("low-pass\nV1 in 0 ac 1\nR1 in out 1k\nC1 out 0 1u\n")
        >>> abs(Solver().ac(circuit, [159.15494309])["v(out)"]).round(6).tolist()
        [0.707107]
        """
        from .circuit.analyses.ac import ac  # noqa: PLC0415 - imports numba

        analysis = Ac(frequency_points(frequencies))
        return ac(self._set(circuit, temperature), analysis, save=saved_names(save))

    def noise(
        self, circuit: Circuit, output: str, source: str, frequencies: ArrayLike | Points, *,
        temperature: float | None = None,
    ) -> NoiseSpectrum:
        r"""Return the noise at `output`, and the noise of `source` that would cause it.

        Parameters
        ----------
        circuit : Circuit
        output : str
            ``"v(out)"`` or ``"v(a,b)"``.
        source : str
            An independent source.
        frequencies : (F,) array, hertz > 0, or `Points`
        temperature : float, kelvin, optional
            Instead of the circuit's.

        Returns
        -------
        NoiseSpectrum
            ``result["onoise_spectrum"]``, ``["inoise_spectrum"]`` (F,) volt (ampere) per root
            hertz, ``["onoise_r1"]``; ``["onoise_total"]`` volt, ...

        Raises
        ------
        ParameterError, ConvergenceError, SingularCircuitError

        Examples
        --------
        >>> from crossbarsim import Simulator, read_spice
        >>> circuit = read_spice("divider\nV1 in 0 1\nR1 in out 1k\nR2 out 0 1k\n")
        >>> found = Simulator().noise(circuit, "v(out)", "v1", [1.0, 1e3])
        >>> (found["onoise_spectrum"] * 1e9).round(3).tolist()  # nV per root hertz, of 500 ohm
        [2.879, 2.879]
        """
        from .circuit.analyses.noise import noise  # noqa: PLC0415 - imports numba

        circuit = self._set(circuit, temperature)
        return noise(circuit, Noise(probe_of(output), source, frequency_points(frequencies)))

    def transfer_function(
        self, circuit: Circuit, output: str, source: str, *, temperature: float | None = None
    ) -> TransferFunction:
        """Return the gain from `source` to `output` at the operating point, and both resistances.

        Parameters
        ----------
        circuit : Circuit
        output : str
            ``"v(out)"``, ``"v(a,b)"`` or ``"i(v1)"``.
        source : str
            An independent source.
        temperature : float, kelvin, optional
            Instead of the circuit's.

        Returns
        -------
        TransferFunction
            ``gain``, ``input_resistance`` and ``output_resistance``, ohm.

        Raises
        ------
        ParameterError, ConvergenceError, SingularCircuitError

        Examples
        --------
        >>> from crossbarsim import Circuit, Simulator
        >>> circuit = Circuit().V(1, "in", 0, 1.0).R(1, "in", "out", "9k").R(2, "out", 0, "1k")
        >>> found = Simulator().transfer_function(circuit, "v(out)", "v1")
        >>> round(found.gain, 6), round(found.input_resistance), round(found.output_resistance)
        (0.1, 10000, 900)
        """
        from .circuit.analyses.transfer_function import tf  # noqa: PLC0415 - imports numba

        return tf(self._set(circuit, temperature), Tf(probe_of(output), source))

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
        """Return the derivatives of `output` with respect to every parameter of every element.

        Parameters
        ----------
        circuit : Circuit
        output : str
            ``"v(out)"``, ``"v(a,b)"`` or ``"i(v1)"``.
        frequencies : (F,) array, hertz, or `Points`, optional
            Of the complex amplitude over frequency; default: of the operating point.
        temperature : float, kelvin, optional
            Instead of the circuit's.

        Returns
        -------
        Sensitivities or SensitivitySpectrum
            ``result["r1"]`` volt (ampere) per ohm, ``result["q1:bf"]`` (of the model card),
            ``result["m1_w"]``; a float, or (F,) complex.

        Raises
        ------
        ParameterError, ConvergenceError, SingularCircuitError

        Examples
        --------
        >>> from crossbarsim import Circuit, Simulator
        >>> circuit = Circuit().V(1, "in", 0, 1.0).R(1, "in", "out", "1k").R(2, "out", 0, "1k")
        >>> round(Simulator().sensitivities(circuit, "v(out)")["r2"] * 1e3, 6)  # V per kilohm
        0.25
        """
        from .circuit.analyses.sensitivities import sens  # noqa: PLC0415 - imports numba

        points = None if frequencies is None else frequency_points(frequencies)
        return sens(self._set(circuit, temperature), Sens(probe_of(output), points))

    # -- decks ---------------------------------------------------------------------------------

    def run(
        self, circuit: Circuit, *, temperature: float | None = None, progress: Progress = None
    ) -> list[Result]:
        r"""Run a deck's own analyses in their order; the operating point where there are none.

        Parameters
        ----------
        circuit : Circuit
        temperature : float, kelvin, optional
            Instead of the circuit's; a ``.step`` or ``.dc`` of the temperature counts more.
        progress : Progress
            Its tasks are the analyses; default: the simulator's.

        Returns
        -------
        list of Result
            One result per analysis; all answer ngspice's names, ``result["v(out)"]``, and have
            ``measures``.

        Raises
        ------
        NetlistError
            An analysis that is not supported.
        ParameterError, SingularCircuitError, ConvergenceError

        Examples
        --------
        >>> from crossbarsim import Simulator, read_spice
        >>> deck = read_spice("divider\nV1 in 0 1\nR1 in out 9k\nR2 out 0 1k\n.op\n")
        >>> (point,) = Simulator().run(deck)
        >>> round(point["v(out)"], 9)
        0.1
        """
        circuit = self._set(circuit, temperature)
        from .circuit.analyses.deck import run_deck  # noqa: PLC0415 - imports numba

        return run_deck(circuit, progress=self._progress(progress))
