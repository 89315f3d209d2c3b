"""`Device`, the base class of compact models: all of their behaviour from their laws."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from ..core.compiled.arrays import plain
from ..core.draws import Seed
from ..core.errors import ParameterError
from ..core.files import write_text
from ..core.settings import Settings, checks_arguments, closest
from ..core.validation import Array, finite_array
from .cells.device_array import DeviceArray, device_array
from .laws.compilation import build
from .laws.laws import law_source
from .laws.partials import check_partials
from .laws.verilog_a import device_module
from .parameters import Parameter, State, operands, read_values
from .simulate import Backend, Trace, hysteresis, simulate

__all__ = ["Device"]


class Device(Settings):
    """A two-terminal device: a current law i(v, x) and rates dx/dt of its states.

    A model is a subclass that declares parameters and states and writes its laws as functions of
    scalars, in SI units: `current_law` returns ampere, `rate_law` one rate per state (a tuple
    where there are several), in the state's unit per second.

    In a law ``x.name`` is a state, ``p.name`` a parameter and ``i`` the current. Laws are compiled
    and differentiated exactly; a model may instead give the derivatives in `current_partials` and
    `rate_partials`, which take the same arguments and return the derivatives with respect to each
    of them except `p`, in order. ``noise_law`` returns the amplitude of each state's white noise,
    per root second. ``inner_law(v, x, p, y)`` has its zero at the inner unknown y, which lies
    between 0 and v, and rises with y; the other laws may then take y.

    Parameters
    ----------
    polarity : {+1, -1}
        -1 turns the device around.
    read_voltage : float
        Volt: a conductance is i/v at this voltage.
    **parameters
        The model's own, each a number or an array with one value per device.

    Raises
    ------
    ParameterError
        Unknown parameters, values out of their range.

    Examples
    --------
    >>> from crossbarsim.devices import Device, State, parameter
    >>> class Leaky(Device):
    ...     name = "leaky"
    ...     states = (State("w", low=0.0, high=1.0),)
    ...     g_max = parameter(1e-3, "S", positive=True)
    ...     tau = parameter(1e-6, "s", positive=True)
    ...     @staticmethod
    ...     def current_law(v, x, p):
    ...         return p.g_max * x.w * v
    ...     @staticmethod
    ...     def rate_law(v, x, p, i):
    ...         return (v - x.w) / p.tau
    >>> device = Leaky(tau=2e-6)
    >>> float(device.current(0.5, [0.1])), round(float(device.rate(0.5, [0.1])[0]))
    (5e-05, 200000)
    """

    name: ClassVar[str] = ""
    states: ClassVar[tuple[State, ...]] = ()
    main_state: ClassVar[int] = 0  # the state that a conductance determines
    default_read_voltage: ClassVar[float] = 0.1
    sets: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType({})
    sources: ClassVar[Mapping[str, str]] = MappingProxyType({})
    # states by name of a device that was never formed, as numbers or names of parameters; where
    # they are from, or why there are none
    pristine: ClassVar[Mapping[str, float | str]] = MappingProxyType({})
    forming: ClassVar[str] = ""
    # amplitude (V), frequency (Hz), perhaps first conductance (S) of a telling loop, by preset;
    # "" for all others
    showcase: ClassVar[Mapping[str, tuple[float, ...]]] = MappingProxyType({"": (1.0, 1e3)})
    # parameters that `fit` takes where none are named
    usually_fitted: ClassVar[tuple[str, ...]] = ()
    # parameters that act with some words of a choice alone: the choice, the words
    acts_with: ClassVar[Mapping[str, tuple[str, tuple[str, ...]]]] = MappingProxyType({})
    lanes: ClassVar[str] = ""  # template of a kernel for many cells at once, where there is one
    _declared: ClassVar[dict[str, Parameter]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        declared = dict(cls._declared)
        declared |= {n: v for n, v in vars(cls).items() if isinstance(v, Parameter)}
        cls._declared = declared

    def __init__(
        self, *, polarity: int = 1, read_voltage: float | None = None, **parameters: Any
    ) -> None:
        # models of which the compiled law is written by hand need no other
        if not (hasattr(type(self), "current_law") or "law" in vars(type(self))):
            raise ParameterError(f"{type(self).__name__} has no current_law")
        if polarity not in (1, -1):
            raise ParameterError(f"`polarity` must be +1 or -1; got {polarity!r}")
        self.polarity = int(polarity)
        volts = self.default_read_voltage if read_voltage is None else read_voltage
        if not (np.isfinite(volts) and volts != 0.0):
            raise ParameterError(f"`read_voltage` must be finite and not 0; got {volts!r}")
        self.read_voltage = float(volts)
        values = read_values(type(self).__name__, self._declared, parameters)
        self._values = values
        self.choices = {
            name: p.choices[int(values[name])] for name, p in self._declared.items() if p.choices
        }
        for name, value in values.items():
            shown: Any = self.choices.get(name, value if value.ndim else float(value))
            self.__dict__[name] = shown
        if len(parameters) < len(self._declared):  # else they are another device's, all of them
            self._check_choices(parameters)
        self.check()

    def _check_choices(self, given: Mapping[str, Any]) -> None:
        """Refuse parameters that were asked for and act with other words of a choice alone."""
        for name, (choice, words) in self.acts_with.items():
            if (
                name in given and self.choices[choice] not in words
                and np.any(self._values[name] != self._declared[name].default)
            ):
                raise ParameterError(
                    f"{type(self).__name__}: `{name}` acts with `{choice}` "
                    f"{' or '.join(map(repr, words))}; it is {self.choices[choice]!r}"
                )

    def check(self) -> None:
        """Check the parameters against one another; models extend it.

        Raises
        ------
        ParameterError
            A state whose range is empty.
        """
        low, high = self.bounds()
        for s, state in enumerate(self.states):
            if not np.all(low[s] < high[s]):
                raise ParameterError(
                    f"{type(self).__name__}: state `{state.name}` has an empty range, "
                    f"{np.ravel(low[s])[0]:g} to {np.ravel(high[s])[0]:g} {state.unit}"
                )

    def __repr__(self) -> str:
        changed = [
            f"{name}={getattr(self, name)!r}" for name, p in self._declared.items()
            if np.any(self._values[name] != p.read(name, p.default))
        ]
        if self.polarity < 0:
            changed.append("polarity=-1")
        return f"{type(self).__name__}({', '.join(changed)})"

    @classmethod
    def check_laws(cls) -> None:
        """Check that the laws can be differentiated, and derivatives that the model gives.

        `register` calls it.

        Raises
        ------
        ParameterError
            Names the law, and what is wrong with it.
        """
        cls.law()
        check_partials(cls)

    @classmethod
    def presets(cls) -> tuple[str, ...]:
        """Return the names of the published parameter sets; `sources` says where each is from."""
        return tuple(cls.sets)

    @classmethod
    @checks_arguments
    def preset(cls, name: str | Path, **changes: ArrayLike) -> Self:
        """Return the device of a published parameter set, with `changes`.

        A name that ends with ".toml" is a file that `Fit.save` wrote.

        Raises
        ------
        ParameterError
            There is no such set, the message names the nearest; a file of another model.
        OSError
            The file cannot be read.
        """
        if str(name).endswith(".toml"):
            return cls._of_file(Path(name)).replace(**changes)
        if name not in cls.sets:
            raise ParameterError(
                f"{cls.__name__} has no preset {name!r}{closest(str(name), cls.sets)}"
            )
        return cls(**{**cls.sets[str(name)], **changes})

    @classmethod
    def _of_file(cls, path: Path) -> Self:
        try:
            return cls.from_dict(tomllib.loads(path.read_text(encoding="utf-8"))["device"])
        except (KeyError, ParameterError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ParameterError(f"{path} is no preset of {cls.__name__}: {error}") from None

    def parameters(self) -> dict[str, Any]:
        """Return every parameter by name: a number, a word, or an array of one per device."""
        return {name: getattr(self, name) for name in self._declared}

    def settings(self) -> dict[str, Any]:
        """Return the arguments that make this device again."""
        own = {"polarity": self.polarity, "read_voltage": self.read_voltage}
        return {**own, **self.parameters()}

    def replace(self, **changes: ArrayLike) -> Self:
        """Return the same device with other parameters."""
        new = type(self)(**{**self.settings(), **changes})
        new._check_choices(changes)  # noqa: SLF001 - its own
        return new

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the states."""
        return tuple(state.name for state in self.states)

    def _number(self, value: float | str) -> Array:
        return self._values[value] if isinstance(value, str) else np.array(float(value))

    def bounds(self) -> tuple[Array, Array]:
        """Return (low, high), each (S,) or (S, parameter shape), in the states' units."""
        shape = np.broadcast_shapes(*(v.shape for v in self._values.values()), ())
        low, high = (
            np.array([
                np.broadcast_to(self._number(getattr(s, which)), shape) for s in self.states
            ]).reshape(len(self.states), *shape) for which in ("low", "high")
        )
        return low, high

    def jumps(self) -> tuple[Array, ...]:
        """Return the voltages at which rates jump, volt, for a device of polarity +1.

        Circuits cross them with a ramp of a stated width. A model whose `rate_law` is continuous
        has none.
        """
        return ()

    def rest(self) -> Array:
        """Return the states of a device that was never written, shaped like the bounds."""
        low, _ = self.bounds()
        values = [s.low if s.rest is None else s.rest for s in self.states]
        return np.array([
            np.broadcast_to(self._number(v), low.shape[1:]) for v in values
        ]).reshape(low.shape)

    @classmethod
    @lru_cache(maxsize=256)
    def law(cls, prefix: str = "") -> str:
        """Return the generated source of the laws; all names in it begin with `prefix`."""
        names = list(cls._declared)
        choices = {n: p.choices for n, p in cls._declared.items() if p.choices}
        return law_source(
            cls, [s.name for s in cls.states], {n: k for k, n in enumerate(names)}, choices, prefix
        )

    @property
    def kernels(self) -> ModuleType:
        """The compiled array kernels of the model."""
        return build(self.law(), ("device", "integrate"))

    @property
    def stochastic(self) -> bool:
        """Whether the states carry noise."""
        return hasattr(type(self), "noise_law")

    def flat(self, values: Array, shape: tuple[int, ...]) -> Array:
        """Return (K, *any) as (K, 1) where all devices have the same values, else (K, n)."""
        if values.ndim == 1:
            return plain(values[:, None])
        lift = (1,) * (len(shape) - values.ndim + 1)  # one value per device, devices last
        full = np.broadcast_to(
            values.reshape(len(values), *lift, *values.shape[1:]), (len(values), *shape)
        )
        return plain(full.reshape(len(values), int(np.prod(shape))))

    @cached_property
    def parameter_array(self) -> Array:
        """Parameters, (K,) or (K, *shape)."""
        values = list(self._values.values())
        shape = np.broadcast_shapes(*(v.shape for v in values), ())
        return np.array([np.broadcast_to(v, shape) for v in values]).reshape(len(values), *shape)

    def checked(self, v: ArrayLike, x: ArrayLike) -> tuple[Array, Array, tuple[int, ...]]:
        """Return voltages, states and their common shape.

        Raises
        ------
        ParameterError
            A state out of its range, or shapes that do not broadcast.
        """
        return operands(v, x, self.states, self.bounds(), self.parameter_array.shape[1:])

    @checks_arguments
    def evaluate(self, v: ArrayLike, x: ArrayLike) -> tuple[Array, Array, Array]:
        """Return current (ampere), di/dv (siemens) and rates (S, ...) per second.

        Parameters
        ----------
        v : array, volt
        x : (S, ...) array
            States in the model's units; their trailing shape broadcasts with that of `v`.

        Raises
        ------
        ParameterError
            A state out of its range, or shapes that do not broadcast.
        """
        volts, states, shape = self.checked(v, x)
        n = int(np.prod(shape))
        i, slope, rate = np.empty(n), np.empty(n), np.empty((len(self.states), n))
        self.kernels.evaluate_many(
            self.polarity * volts.ravel(), states.reshape(len(self.states), n),
            self.flat(self.parameter_array, shape), i, slope, rate,
        )
        return (self.polarity * i.reshape(shape), slope.reshape(shape),
                rate.reshape(-1, *shape))

    def current(self, v: ArrayLike, x: ArrayLike) -> Array:
        """Return the current, ampere, in the shape to which `v` and one state broadcast.

        Parameters
        ----------
        v : array, volt
        x : (S, ...) array
            States in the model's units.
        """
        return self.evaluate(v, x)[0]

    def rate(self, v: ArrayLike, x: ArrayLike) -> Array:
        """Return dx/dt (S, ...), the states' units per second; arguments as of `current`.

        The rates are those of the law alone: at a bound they may point outwards.
        """
        return self.evaluate(v, x)[2]

    @checks_arguments
    def conductance(self, x: ArrayLike, v: ArrayLike | None = None) -> Array:
        """Return i/v, siemens, for states `x` (S, ...) at `v` volt (default: `read_voltage`)."""
        volts = self.read_voltage if v is None else finite_array("v", v)
        if not np.all(volts):
            raise ParameterError("`v` must not be 0 volt, where i/v has no value")
        return self.current(volts, x) / volts

    @checks_arguments
    def conductance_slope(self, x: ArrayLike) -> Array:
        """Return dG/dx at `read_voltage`, siemens per unit of the state that sets G."""
        states = self.checked(self.read_voltage, x)[1]
        shape = states.shape[1:]
        flat = np.ascontiguousarray(states.reshape(len(states), -1))
        slope = np.empty(flat.shape[1])
        self.kernels.current_slopes(
            self.polarity * self.read_voltage, flat, self.flat(self.parameter_array, shape),
            self.main_state, slope,
        )
        return slope.reshape(shape) / (self.polarity * self.read_voltage)

    @checks_arguments
    def state_from_conductance(self, g: ArrayLike) -> Array:
        """Return the states (S, ...) with conductance `g` at `read_voltage`, others at rest.

        Raises
        ------
        ParameterError
            Where the device cannot have that conductance.
        """
        goal = finite_array("g", g)
        if not self.states:
            raise ParameterError(f"{type(self).__name__} has no state: its conductance is fixed")
        own = self.parameter_array.shape[1:]
        try:
            shape = np.broadcast_shapes(goal.shape, own)
        except ValueError:
            shape = (0,)
        if 0 in shape:
            raise ParameterError(
                f"`g`, conductances of shape {goal.shape}, do not fit the devices, {own or '()'}"
            )
        n = int(np.prod(shape))
        low, high = self.bounds()
        x = np.empty((len(self.states), n))
        flat = plain(np.broadcast_to(goal, shape).ravel())
        at = self.polarity * self.read_voltage
        bad = int(self.kernels.invert(
            flat, at, self.flat(self.parameter_array, shape), self.flat(low, shape),
            self.flat(high, shape), self.flat(self.rest(), shape), self.main_state, x,
        ))
        if bad >= 0:
            g_low, g_high = self.conductance_range()
            raise ParameterError(
                f"conductance {flat[bad]:g} S is out of the device's range, {np.min(g_low):.4g} "
                f"to {np.max(g_high):.4g} S at {self.read_voltage:g} V"
            )
        return x.reshape(-1, *shape)

    def conductance_range(self) -> tuple[Array, Array]:
        """Return the smallest and largest conductance at `read_voltage`, siemens."""
        ends = []
        for bound in self.bounds():
            x = self.rest()
            x[self.main_state] = bound[self.main_state]
            ends.append(self.conductance(x))
        return np.minimum(*ends), np.maximum(*ends)

    @checks_arguments
    def array(
        self, conductance: ArrayLike | None = None, *, state: ArrayLike | None = None,
        shape: tuple[int, int] | None = None, capacitance: ArrayLike = 0.0
    ) -> DeviceArray:
        """Return M x N of these devices, for ``Crossbar(cells=...)``.

        Parameters
        ----------
        conductance : (M, N) array, siemens, optional
            At `read_voltage`. A tuple of two integers is taken as `shape`: ``array((64, 64))``.
        state : (S, M, N) or (S,) array, optional
            Instead of `conductance`.
        shape : (int, int), optional
            Where `state` does not tell it; without a state the devices are at rest.
        capacitance : float or (M, N) array, farad
            Across every cell.

        Raises
        ------
        ParameterError
            Conductances or states that the device cannot have, or arrays of the wrong shape.
        """
        return device_array(self, conductance, state, shape, capacitance)

    @checks_arguments
    def to_verilog_a(
        self, *, state: ArrayLike | None = None, module: str = "", without_noise: bool = False
    ) -> str:
        """Return the device as a module of Verilog-A, for Spectre, ADS, ngspice, Xyce, VACASK.

        The parameters have this device's values, units and ranges; words are written as their
        numbers, `polarity` and the states at the start, ``<state>_ini``, are parameters as well.
        The states, which a simulator shows as variables of the instance, are kept in their ranges
        as by `simulate`; operating points hold them.

        Parameters
        ----------
        state : (S,) array, optional
            At the start, in the states' units; default: at rest.
        module : str
            Its name; default: the model's.
        without_noise : bool
            Leave out the noise of the states, which Verilog-A cannot express.

        Raises
        ------
        ParameterError
            A model with noise, one with a value per device, a law that cannot be written (by its
            line), a state out of its range.

        Examples
        --------
        >>> from crossbarsim.devices import VTEAM
        >>> text = VTEAM.preset("magic").to_verilog_a()
        >>> [line for line in text.splitlines() if line.startswith("module")]
        ['module vteam(plus, minus);']
        """
        start = None
        if state is not None:
            start = self.checked(0.0, np.reshape(finite_array("state", state), (-1,)))[1]
        return device_module(self, start, module, without_noise=without_noise)

    @checks_arguments
    def save_verilog_a(
        self, path: str | Path, *, state: ArrayLike | None = None, module: str = "",
        without_noise: bool = False
    ) -> None:
        """Write what `to_verilog_a` returns to a file, which is replaced as a whole.

        Parameters
        ----------
        path : path
            Such as ``vteam.va``.
        state, module, without_noise
            As for `to_verilog_a`.

        Raises
        ------
        ParameterError
            As for `to_verilog_a`.
        OSError
            The file cannot be written.
        """
        write_text(path, self.to_verilog_a(
            state=state, module=module, without_noise=without_noise
        ))

    @checks_arguments
    def simulate(
        self, t: ArrayLike, v: ArrayLike, conductance: ArrayLike | None = None, *,
        state: ArrayLike | None = None, seed: Seed = None, rtol: float = 1e-6,
        save: str = "all", threads: int | None = None, max_steps: int = 1_000_000,
        backend: Backend = "cpu", method: str = "auto"
    ) -> Trace:
        """Integrate the device, or many independent ones, through voltage waveforms.

        Rosenbrock's implicit method of order 4 with error control; voltages are linear between the
        points of `t`.

        Parameters
        ----------
        t : (T,) array, second
            Increasing.
        v : (T,) or (K, T) array, volt
            One waveform, or one per device.
        conductance : float or (K,) array, siemens, optional
            At the start, at `read_voltage`.
        state : (S,) or (S, K) array, optional
            At the start, instead of `conductance`; default: at rest.
        seed : int >= 0, SeedSequence or None
            Of the noise of stochastic models; default 0.
        rtol : float
            Error per step, relative to each state's range.
        save : {"all", "final"}
            "final" keeps the end only: memory does not grow with T.
        threads : int, optional
            Default: all CPUs.
        max_steps : int
            Most steps of one device, refused ones included, beyond one per interval of `t`.
        backend : {"cpu", "gpu", "auto"}
            As for `Solver`; on a GPU a thread integrates each device.
        method : {"auto", "scalar", "lockstep"}
            Devices one by one, or sixteen at a time: the same steps, and results that differ by
            rounding; "auto" takes the second way for many devices where the model has it.

        Returns
        -------
        Trace

        Raises
        ------
        ParameterError, BackendUnavailable, OutOfMemoryError
        ConvergenceError
            A device needs more steps, or its law gives no finite current; the message says which,
            when and at which voltage.
        """
        return simulate(
            self, t, v, conductance, state=state, seed=seed, rtol=rtol, save=save,
            threads=threads, max_steps=max_steps, backend=backend, method=method,
        )

    @checks_arguments
    def hysteresis(
        self, amplitude: float, frequency: float, *, cycles: int = 1, points: int = 1000,
        shape: str = "sine", conductance: ArrayLike | None = None, state: ArrayLike | None = None,
        seed: Seed = None
    ) -> Trace:
        """Simulate the I-V loop under a periodic voltage.

        Parameters
        ----------
        amplitude : float, volt
        frequency : float, hertz
        cycles, points : int
            Periods, and points per period.
        shape : {"sine", "triangle"}
        conductance, state, seed
            As for `simulate`.

        Returns
        -------
        Trace

        Raises
        ------
        ParameterError, ConvergenceError
            As for `simulate`.
        """
        return hysteresis(
            self, amplitude, frequency, cycles=cycles, points=points, shape=shape,
            conductance=conductance, state=state, seed=seed,
        )
