"""A compiled Verilog-A module of two terminals as a device."""

from __future__ import annotations

import ast
import functools
import os
import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.draws import Seed
from ...core.errors import ConvergenceError, ParameterError
from ...core.settings import checks_arguments, closest
from ...core.validation import Array, finite_array, number
from ..base import Device
from ..laws.compilation import template
from ..parameters import State, range_parameters
from ..simulate import Backend, Trace
from .equations import Equations, analyse
from .instances import AT_START, set_up
from .local_cells import LocalCells, module_cells
from .parameters import (
    declared,
    every,
    kelvin,
    open_module,
    plain,
    read_parameters,
    shape_of,
    shown,
    spread,
)
from .transistor import VerilogATransistor

__all__ = ["VerilogA"]

_START = ("{0}_ini", "{0}_init", "{0}_initial", "{0}_0", "{0}ini", "{0}init", "{0}0")
_STEPS = 100

End = float | str
Ranges = Mapping[str, tuple[End, End]]


class VerilogA(Device):
    """A compiled Verilog-A module of two terminals, with its inner nodes and states.

    The first terminal is the positive one: in a crossbar it is at the word line. Inner unknowns are
    eliminated, with the exact derivatives that the compiled module gives. Its states are the
    unknowns that a static solution leaves where they are: those of ``idt``, and nodes with a charge
    and a branch to ground of their own, such as ``I(w) <+ ddt(V(w)) - rate``. Other charges, of
    capacitances between nodes, settle in static solutions; in an array's transient their currents
    count.

    A module of three or four terminals makes a `VerilogATransistor` instead, for
    `OneTransistorOneResistor`.

    Parameters
    ----------
    path : path
        Verilog-A source, which the compiler of the extra ``verilog-a`` compiles, or an OSDI
        library.
    module : str, optional
        Needed where there are several.
    states : mapping of str to (low, high), optional
        States by the names of their unknowns, the one that sets the conductance first, with their
        ranges, each end a number or the name of a parameter; states stay within. By default the
        states are as above, and one of a name ``w`` has the range ``w_min`` to ``w_max`` where the
        module has such parameters, else none: it cannot be found from a conductance then. A state
        at rest is what the module computes in its initial solution, else the parameter ``w_ini``,
        ``w_init`` or ``w_0``, else the lower end of its range, else 0.
    temperature : float or array
        Kelvin.
    polarity : {+1, -1}
        -1 turns the device around.
    read_voltage : float
        Volt: a conductance is i/v at this voltage.
    **parameters
        The module's own, each a number or an array with one value per device. One whose name is
        taken here is given with an underscore behind it.

    Raises
    ------
    ParameterError
        Unknown parameters, values out of the module's ranges, another number of terminals, a module
        that keeps values between evaluations or computes with ``$abstime``.
    NetlistError
        The file cannot be compiled or read.

    Examples
    --------
    >>> from crossbarsim import Crossbar, Solver, VerilogA, Wires
    >>> device = VerilogA("stanford.va", gap_ini=1.2)  # doctest: +SKIP
    >>> xbar = Crossbar(cells=device.array(shape=(64, 64)), wires=Wires(1, 1))  # doctest: +SKIP
    >>> Solver().solve(xbar, [0.1] * 64).currents.shape  # doctest: +SKIP
    (64,)
    """

    name = "verilog_a"
    made_of_file: ClassVar[bool] = True
    sources: ClassVar[Mapping[str, str]] = {}
    forming: ClassVar[str] = "what a Verilog-A module says of it is not known"

    def __new__(cls, path: str | Path = "", module: str | None = None, **given: Any) -> Any:
        """Make a transistor of a module with more than two terminals."""
        if not path:
            return object.__new__(cls)
        found = open_module(path, module)
        if len(found.terminals) in (3, 4):
            return VerilogATransistor(path, module, **given)
        return object.__new__(cls)

    @checks_arguments
    def __init__(
        self, path: str | Path, module: str | None = None, *, states: Ranges | None = None,
        temperature: ArrayLike = 300.15, polarity: int = 1, read_voltage: float | None = None,
        **parameters: Any
    ) -> None:
        found = open_module(path, module)
        if len(found.terminals) != 2:
            raise ParameterError(
                f"module {found.name!r} has {len(found.terminals)} terminals: a cell's device has "
                "two, an access transistor three or four"
            )
        self.path, self.module, self._ranges = os.fspath(path), found, states
        self._declared = declared(found)  # type: ignore[misc]
        if polarity not in (1, -1):
            raise ParameterError(f"`polarity` must be +1 or -1; got {polarity!r}")
        self.polarity = int(polarity)
        volts = self.default_read_voltage if read_voltage is None else read_voltage
        if number("read_voltage", volts) == 0.0:
            raise ParameterError("`read_voltage` must not be 0 V")
        self.read_voltage = float(volts)
        self.choices = {}
        self._values, self._words = read_parameters(found, parameters, self._title)
        self._values["temperature"] = kelvin(temperature)
        self.own_shape = shape_of(self._values, self._title)
        self.instances = set_up(
            found, spread(self._values, self.own_shape), self._words, whose=self._title
        )
        self._read_equations()
        self.check()

    @property
    def _title(self) -> str:
        return f"{self.module.name} ({Path(self.path).name})"

    def _read_equations(self) -> None:
        """Find the states."""
        chosen = None if self._ranges is None else tuple(self._ranges)
        first = self._start(0)
        self.equations: Equations = analyse(
            self.instances, self._title, chosen, first if first is not None else
            np.zeros(self.instances.count)
        )
        self.states = tuple(  # type: ignore[misc]
            State(m.name, self._unit(m.column), *self._range(m.name)) for m in
            self.equations.memory
        )
        for m, state in zip(self.equations.memory, self.states, strict=True):
            if m.column < 0 and state.low != -np.inf:
                raise ParameterError(
                    f"{self._title}: the state {m.name!r} is a charge that is not in proportion to "
                    "one unknown; it has no range"
                )

    def _unit(self, column: int) -> str:
        return self.module.nodes[self.instances.live[column]].units if column >= 0 else ""

    def _range(self, state: str) -> tuple[End, End]:
        given = None if self._ranges is None else self._ranges[state]
        if given is None:
            return range_parameters(state, self._declared) or (-np.inf, np.inf)
        ends: list[End] = []
        for end in given:
            if isinstance(end, str) and self._find(end) is None:
                raise ParameterError(
                    f"{self._title}: `states` gives {end!r} as an end of the range of {state!r}, "
                    f"which is no parameter{closest(end, self._declared)}"
                )
            ends.append(end if isinstance(end, str) else number("states", end))
        return ends[0], ends[1]

    def _find(self, name: str) -> str | None:
        wanted = name.lower()
        return next((n for n in self._declared if n.lower() == wanted), None)

    # -- what Device asks --------------------------------------------------------------------------

    def __repr__(self) -> str:
        changed = shown(self._values)
        changed += [f"{n}={v!r}" for n, v in self._words.items()]
        if self.polarity < 0:
            changed.append("polarity=-1")
        return f"VerilogA({', '.join([repr(Path(self.path).name), *changed])})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how a copy in another process is made: from the file."""
        return functools.partial(VerilogA, **self.settings()), ()

    def __deepcopy__(self, memo: Any) -> Self:
        """Return the device itself: nothing changes it."""
        return self

    def parameters(self) -> dict[str, Any]:
        """Return every parameter by name: a number, a word, or an array of one per device.

        Those whose defaults depend on others are not a number where they are not given.
        """
        return every(self._declared, self._values, self._words)

    def settings(self) -> dict[str, Any]:
        """Return the arguments that make this device again."""
        return {
            "path": self.path, "module": self.module.name, "states": self._ranges,
            "polarity": self.polarity, "read_voltage": self.read_voltage,
            **plain(self._values), **self._words,
        }

    def _number(self, value: float | str) -> Array:
        if isinstance(value, str):
            name = self._find(value) or value
            given = self._values.get(name)
            return np.array(float(self._declared[name].default)) if given is None else given
        return np.array(float(value))

    def bounds(self) -> tuple[Array, Array]:
        """Return (low, high), each (S,) or (S, parameter shape); infinite where there is none."""
        low, high = (
            np.array([
                np.broadcast_to(self._number(getattr(s, which)), self.own_shape)
                for s in self.states
            ]).reshape(len(self.states), *self.own_shape) for which in ("low", "high")
        )
        return low, high

    def rest(self) -> Array:
        """Return the states of a device that was never written, shaped like the bounds."""
        return self._at_rest.copy()

    @cached_property
    def _at_rest(self) -> Array:
        count = len(self.instances.images)
        found = np.empty((len(self.states), count))
        for k in range(count):
            solution = self._start(k)
            if solution is None:
                raise ParameterError(
                    f"{self._title}: the module's initial solution at 0 V was not found; say in "
                    "which `state` devices are"
                )
            frame = self.instances.frame(k)
            charge = self.instances.probe(frame, solution).q
            for s, m in enumerate(self.equations.memory):
                found[s, k] = charge[m.row] / m.scale
        low, high = self.bounds()
        found = found.reshape(len(self.states), *self.own_shape)
        return np.clip(found, low, high)

    def _start(self, k: int) -> Array | None:
        """Return the solution at 0 V as a simulator's first, or None where there is none found."""
        instances = self.instances
        n, T = instances.count, 2
        z = np.zeros(n)
        for r in range(T, n):
            name = instances.names[r]
            starts = [found for form in _START if (found := self._find(form.format(name)))]
            for named in (starts, range_parameters(name, self._declared)):
                if named:
                    value = self._number(named[0])
                    z[r] = float(value.flat[k] if value.ndim else value)
                    break
        frame = instances.frame(k)
        inner = slice(T, n)
        for _ in range(_STEPS):
            probed = instances.probe(frame, z, AT_START)
            g, f = probed.g[inner, inner], probed.f[inner]
            if not (np.isfinite(g).all() and np.isfinite(f).all()):
                return None
            weight = np.abs(g).max(axis=1, initial=0.0)
            weight[weight == 0.0] = 1.0
            reach = np.abs(z[inner]) + 1e-3
            move = reach * np.linalg.lstsq(
                g / weight[:, None] * reach, -f / weight, rcond=1e-14
            )[0] if n > T else np.zeros(0)
            z[inner] += np.clip(move, -0.5 - np.abs(z[inner]), 0.5 + np.abs(z[inner]))
            if np.all(np.abs(move) <= 1e-12 * reach):
                return z
        return None

    @classmethod
    @lru_cache(maxsize=16)
    def law(cls, prefix: str = "") -> str:
        """Return the source of the laws: the compiled module, called in the parameters' frame."""
        parts = []
        for text in (template("modules/frame"), template("modules/law")):
            for node in ast.parse(text).body:
                if not isinstance(node, ast.FunctionDef) or node.name == "probe":
                    continue
                node.decorator_list = []
                if ast.get_docstring(node) is not None:
                    node.body = node.body[1:] or [ast.Pass()]
                parts.append(ast.unparse(node))
        names = "|".join(re.findall(r"^def (\w+)", "\n".join(parts), re.MULTILINE))
        return re.sub(rf"\b({names})\(", rf"{prefix}\1(", "\n\n".join(parts))

    @classmethod
    def check_laws(cls) -> None:
        """Do nothing: the compiler has checked them."""

    @cached_property
    def _plan(self) -> NDArray[np.int64]:
        """What the template `modules/law` knows."""
        n, T = self.instances.count, 2
        memory = {m.row: s for s, m in enumerate(self.equations.memory)}
        kinds = self.kinds()
        return np.array([
            *self.instances.plan, T, len(self.states),
            *(memory.get(r, -1) for r in range(T, n)),
            *(0 if kinds[r] > 0 else 1 for r in range(T, n)),
            *(k for m in self.equations.memory for k in (m.row, m.column)),
        ], dtype=np.int64)

    def kinds(self) -> NDArray[np.int64]:
        """Return of every live unknown whether it is a potential (1), a state (0), a flow (-1)."""
        found = np.empty(self.instances.count, dtype=np.int64)
        for k, node in enumerate(self.instances.live):
            record = self.module.nodes[node]
            found[k] = -1 if record.is_flow or not record.units else int(record.units == "V")
        for m in self.equations.memory:
            if m.column >= 0:
                found[m.column] = 0
        return found

    @cached_property
    def parameter_array(self) -> Array:
        """The frames of the devices, (K,) or (K, *shape): what kernels take for parameters."""
        instances = self.instances
        S, n = len(self.states), instances.count - 2
        rows = instances.length + S + n * (n + 2 + S)
        count = len(instances.images)
        found = np.zeros((rows, count))
        head = instances.images.shape[1]
        found[:head] = instances.images.T
        found[0] = float(self._plan.ctypes.data)
        start = self._start(0)
        if start is not None:
            found[head + 12 : head + 12 + instances.count] = start[:, None]
        for s, m in enumerate(self.equations.memory):
            found[instances.length + s] = m.scale
        return found.reshape(rows, *self.own_shape)

    def local_cells(self, shape: tuple[int, int]) -> LocalCells:
        """Return what evaluates an array of these devices."""
        return module_cells(self, shape)

    @checks_arguments
    def evaluate(self, v: ArrayLike, x: ArrayLike) -> tuple[Array, Array, Array]:
        """Return current (ampere), di/dv (siemens) and rates (S, ...) per second.

        As `Device.evaluate`; capacitances of the module are settled.

        Raises
        ------
        ParameterError
            A state out of its range, or shapes that do not broadcast.
        ConvergenceError
            The module's inner equations have no solution there, or it computes no number.
        """
        found = super().evaluate(v, x)
        bad = ~np.isfinite(found[0])
        if bad.any():
            at = tuple(map(int, np.argwhere(bad)[0]))
            volts = np.broadcast_to(finite_array("v", v), bad.shape)
            raise ConvergenceError(
                f"{self._title}: no finite current at {float(volts[at]):g} V"
                f"{f', device {at}' if at else ''}: its inner equations did not converge, or it "
                "computes no number there"
            )
        return found

    def _check_range(self) -> None:
        low, high = self.bounds()
        s = self.main_state
        if not self.states:
            return
        if not (np.isfinite(low[s]).all() and np.isfinite(high[s]).all()):
            name = self.states[s].name
            raise ParameterError(
                f"{self._title}: the state `{name}` has no range, so no conductance tells it; "
                f"give states={{{name!r}: (low, high)}}"
            )

    @checks_arguments
    def state_from_conductance(self, g: ArrayLike) -> Array:
        """Return the states (S, ...) with conductance `g` at `read_voltage`, others at rest.

        Raises
        ------
        ParameterError
            Where the device cannot have that conductance, or the state has no range.
        """
        self._check_range()
        return super().state_from_conductance(g)

    def conductance_range(self) -> tuple[Array, Array]:
        """Return the smallest and largest conductance at `read_voltage`, siemens."""
        self._check_range()
        return super().conductance_range()

    @checks_arguments
    def simulate(
        self, t: ArrayLike, v: ArrayLike, conductance: ArrayLike | None = None, *,
        state: ArrayLike | None = None, seed: Seed = None, rtol: float = 1e-6,
        save: str = "all", threads: int | None = None, max_steps: int = 1_000_000,
        backend: Backend = "cpu", method: str = "auto"
    ) -> Trace:
        """Integrate the device, or many, through voltage waveforms; as `Device.simulate`.

        Raises
        ------
        ParameterError
            Besides: a module with capacitances, whose currents need a circuit or an array
            (`Solver.transient`), and another backend than the CPU.
        """
        if self.equations.charged.any():
            rows = np.flatnonzero(self.equations.charged)
            raise ParameterError(
                f"{self._title} stores charge at {', '.join(self.instances.names[r] for r in rows)}"
                ": simulate it in an array, Crossbar(cells=device.array(...)), with "
                "Solver().transient"
            )
        if backend != "cpu":
            raise ParameterError("compiled modules run on the CPU: use backend='cpu'")
        return super().simulate(
            t, v, conductance, state=state, seed=seed, rtol=rtol, save=save, threads=threads,
            max_steps=max_steps, backend=backend, method=method,
        )
