"""Arrays of devices as cells of a crossbar."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike

from ...core.compiled.arrays import plain
from ...core.compiled.threads import spread
from ...core.errors import ParameterError
from ...core.validation import Array, finite_array, nonnegative
from ...netlists.crossbar.cells import CellPoint, CellSlopes, CellSpice
from ...solvers.crossbar.batched import ArrayBackend
from ..laws.compilation import build
from ..laws.lane_currents import lane_currents
from ..laws.spice_subcircuits import cell_subcircuit
from ..protocol import CompiledDevice
from .cell_batch import CellBatch

__all__ = ["DeviceArray", "LocalCells", "device_array"]

_SHARE = 2048  # cells that are worth a thread
_LINEAR = 0.02  # of the root of rtol: moves after which tangents are good to rtol


class NamedParameters(Protocol):
    """A device or a transistor: a name and parameters."""

    name: ClassVar[str]

    def parameters(self) -> Mapping[str, Any]:
        """Return the parameters by name."""
        ...


class LocalCells(Protocol):
    """What evaluates cells that are small circuits, see `crossbarsim.devices.modules`."""

    low: Array
    high: Array

    @property
    def terminal_charges(self) -> tuple[int, int]:
        """The states that are charges at word and bit node, or -1."""
        ...

    def extended(self, state: Array) -> Array:
        """Return states (S, M, N) with those of charges behind them."""
        ...

    def evaluate(
        self, u: Array, w: Array, gate: Array, *, base: Array, step: float, state: Array,
        inner: Array, threads: int, rtol: float, together: bool
    ) -> CellPoint:
        """Return the cells at word and bit voltages u, w (M, N), `together` perhaps loosely."""
        ...

    def rates(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return dx/dt (S, M, N) at a static point."""
        ...

    def slopes(
        self, u: Array, w: Array, gate: Array, point: CellPoint
    ) -> tuple[Array, Array, Array | None, Array | None]:
        """Return di/dx and di/dgate, and those of the current into the bit node."""
        ...

    def device_voltage(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return the voltage across every device, (M, N)."""
        ...

    def tabulated(self, rtol: float) -> LocalCells:
        """Return what evaluates the same cells in a run, compiled transistors from tables."""
        ...

    @property
    def evidence(self) -> str:
        """How tables did; empty without tables."""
        ...


class DeviceArray:
    """M x N devices of one model as the cells of a crossbar, each with its own state.

    Positive terminals are at the word nodes. Made by `Device.array`.

    Parameters
    ----------
    device : Device
        Parameters scalar or (M, N).
    state : (S, M, N) array
        In the model's units.
    capacitance : float or (M, N) array
        Farad, across every cell.

    Raises
    ------
    ParameterError
        Parameters of another shape than the array's, a negative capacitance.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Solver, Wires
    >>> from crossbarsim.devices import VTEAM
    >>> cells = VTEAM.preset("magic").array(conductance=np.full((2, 2), 1e-5))
    >>> xbar = Crossbar(cells=cells, wires=Wires(word=1.0, bit=1.0))
    >>> (Solver().solve(xbar, [0.1, 0.2]).currents * 1e6).round(2)  # uA
    array([3., 3.])
    """

    def __init__(
        self, device: CompiledDevice, state: Array, capacitance: ArrayLike = 0.0
    ) -> None:
        self.device = device
        self.capacitance = nonnegative("capacitance", capacitance, "farad")
        self.state = np.ascontiguousarray(state)
        self.shape = (int(state.shape[1]), int(state.shape[2]))
        if self.capacitance.shape not in ((), self.shape):
            raise ParameterError(
                f"`capacitance` has shape {self.capacitance.shape}; the array has {self.shape}"
            )
        own = device.parameter_array.shape[1:]
        if own not in ((), self.shape):
            raise ParameterError(
                f"the device's parameters have shape {own}; the array has {self.shape}"
            )
        low, high = device.bounds()
        self._kept: tuple[Array, Array] | None = None
        self._backend: ArrayBackend | None = None
        self._P = device.flat(device.parameter_array, self.shape)
        self._low, self._high = device.flat(low, self.shape), device.flat(high, self.shape)
        maker = getattr(device, "local_cells", None)
        self._take_local(None if maker is None else maker(self.shape))

    def _take_local(self, local: LocalCells | None) -> None:
        """Let the cells be evaluated as small circuits: a part of them is a compiled module."""
        self._local = local
        if local is not None:
            self.state = np.ascontiguousarray(local.extended(self.device_state))
            self._low, self._high = local.low, local.high

    def _refuse_local(self, what: str) -> None:
        if self._local is not None:
            raise ParameterError(f"cells with compiled Verilog-A modules {what}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.shape[0]}x{self.shape[1]}, {self.device!r})"

    @property
    def device_state(self) -> Array:
        """States of the devices alone, (S, M, N), without those of access elements."""
        return self.state[: len(self.device.states)]

    @property
    def terminal_charges(self) -> tuple[int, int]:
        """The states that are charges at word and bit node, -1 where there are none."""
        return (-1, -1) if self._local is None else self._local.terminal_charges

    @property
    def conductance(self) -> Array:
        """Conductance of every device at its read voltage, (M, N) siemens."""
        return self.device.conductance(self.device_state)

    def on(self, backend: ArrayBackend) -> Self:
        """Return the same cells, evaluated by an array backend such as a GPU's."""
        self._refuse_local("run on the CPU: use backend='cpu'")
        other = copy.copy(self)
        other._backend = backend  # noqa: SLF001 - a copy of this one
        return other

    def stacked(self, others: Sequence[Any]) -> DeviceArray:
        """Return these cells with those of other arrays of the same model below them."""
        self._refuse_local("are solved one array at a time, on the CPU: use backend='cpu'")
        devices = [array.device for array in (self, *others)]
        self._check_alike([type(array) for array in (self, *others)])
        self._check_alike([(type(d), d.polarity, d.read_voltage, d.choices) for d in devices])
        self._check_alike([array.capacitance.tolist() for array in (self, *others)])
        values = stacked_parameters(
            [d.parameters() for d in devices], [array.shape for array in (self, *others)],
        )
        state = np.concatenate([array.state for array in (self, *others)], axis=1)
        return DeviceArray(devices[0].replace(**values), state, self.capacitance)

    @staticmethod
    def _check_alike(kinds: list[Any]) -> None:
        for k, kind in enumerate(kinds):
            if kind != kinds[0]:
                raise ParameterError(
                    f"xbars[{k}] has other cells than xbars[0]: arrays that run together are of "
                    "one device, access element, polarity and capacitance; parameters and states "
                    "may differ"
                )

    def with_state(self, state: Array) -> Self:
        """Return the same cells in other states."""
        other = copy.copy(self)
        other.state = np.ascontiguousarray(state)
        return other

    def tabulated(self, rtol: float) -> Self:
        """Return the same cells for a run whose Newton iteration may miss `rtol` of the currents.

        Compiled transistors may be read from tables then, see `OneTransistorOneResistor`.
        """
        if self._local is None:
            return self
        other = copy.copy(self)
        other._local = self._local.tabulated(rtol)  # noqa: SLF001 - a copy of this one
        return other

    @property
    def evidence(self) -> str:
        """How tables did in the run that these cells are of; empty without tables."""
        return "" if self._local is None else self._local.evidence

    @property
    def stochastic(self) -> bool:
        """Whether the devices' states carry noise."""
        return self.device.stochastic

    def bounds(self) -> tuple[Array, Array]:
        """Return (low, high) of the states, (S, 1, 1) or (S, M, N)."""
        return (self._low.reshape(len(self._low), *self._spread(self._low)),
                self._high.reshape(len(self._high), *self._spread(self._high)))

    def _spread(self, flat: Array) -> tuple[int, int]:
        return self.shape if flat.shape[1] > 1 else (1, 1)

    def to_arrays(self) -> dict[str, Any]:
        """Return everything that defines the cells as named arrays, for an ``.npz`` file."""
        self._refuse_local("cannot be saved: their file would have to go with them")
        out: dict[str, Any] = {"cell_state": self.state, "cell_capacitance": self.capacitance}
        header = self._record(out)
        return {"cells": np.array(json.dumps(header)), **out}

    def _record(self, out: dict[str, Any]) -> dict[str, Any]:
        """Put the parts' parameters into `out`; return the header that describes them."""
        return {"device": record("device", self.device, out)}

    # -- what solvers ask ----------------------------------------------------------------------

    def _access(self) -> tuple[Array, bool]:
        """Return the access element's parameters (K, 1 or n); whether it is on the word side."""
        return np.zeros((0, 1)), False

    def laws(self) -> tuple[str, str, Array, Array, bool]:
        """Return the sources of both laws, their parameters, and whether the access is word-side.

        Without an access element its source is "" and its parameters are empty.
        """
        self._refuse_local("have no laws as source: use backend='cpu'")
        return self.device.law(), "", self._P, *self._access()

    def flat_bounds(self) -> tuple[Array, Array]:
        """Return the states' bounds, each (S, 1) or (S, M N)."""
        return self._low, self._high

    def _kernels(self) -> ModuleType:
        law = self.device.law()
        lanes: tuple[str, ...] = (self.device.lanes,) if self.device.lanes else ()
        if not lanes:
            vectors = self._vectors()
            if vectors:
                law, lanes = f"{law}\n\n{vectors}", ("lanes/rows", "lanes/frozen")
        return build(law, ("device", "stage", "bare", *lanes, "unpaired", "cells"))

    def _vectors(self) -> str:
        """Return source of the device's current law of vectors, or ""."""
        words = tuple(k for k, n in enumerate(self.device.parameters()) if n in self.device.choices)
        return lane_currents(self.device.law(), "conduct", words)

    def _series(self, access: str, vectors: str, parts: tuple[str, ...], states: int) -> ModuleType:
        """Return the kernels of devices in series with an access element.

        Its law as source, the same of vectors, the templates of its parts, how many states it has.
        """
        laws, own = [self.device.law(), access], self._vectors()
        lanes: tuple[str, ...] = ()
        if own and vectors:
            laws += [own, vectors]
            lanes = ("lanes/rows", f"lanes/{parts[-1]}", "lanes/series")
        return build(
            "\n\n".join(laws),
            ("device", "stage", *parts, "access", self._paired(), "cells", *lanes), states,
        )

    def _paired(self) -> str:
        """Return the template that suits the number of states."""
        return "pair" if len(self.state) == len(self.device.states) == 1 else "unpaired"

    def gates(self, gate_voltage: ArrayLike | None = None) -> Array:
        """Return gate voltages of 0 V, (M, N): these cells have no gates.

        Raises
        ------
        ParameterError
            A `gate_voltage` is given.
        """
        if gate_voltage is not None:
            raise ParameterError("`gate_voltage` is for cells with transistors")
        return np.zeros(self.shape)

    def evaluate(
        self, u: Array, w: Array, gate: Array, *, base: Array, step: float, state: Array,
        inner: Array, threads: int = 1, rtol: float = 1e-10,
    ) -> CellPoint:
        """Return the cells at word and bit voltages u, w (M, N); see `Cells`."""
        if self._backend is not None:
            from .cuda_cells import evaluate_on_device  # noqa: PLC0415 - slow to import

            return evaluate_on_device(
                self._backend, self, u, w, gate, base=base, step=step, state=state, inner=inner,
                tol=_LINEAR * np.sqrt(rtol),
            )
        if self._local is not None:
            return self._local.evaluate(
                u, w, gate, base=base, step=step, state=state, inner=inner, threads=threads,
                rtol=rtol, together=False,
            )
        kernels = self._kernels()
        if step == 0.0 and hasattr(kernels, "frozen"):
            return self._frozen(kernels, u, w, base, inner, threads)
        Q, flip = self._access()
        n = u.size
        x = np.array(state.reshape(len(state), n))
        m = np.array(inner.ravel())
        i, gu, gw = np.empty(n), np.empty(n), np.empty(n)
        lead = np.empty((1 + len(x), n)), np.empty((1 + len(x), n))
        kernel = kernels.cells
        if step == 0.0:
            kernel = getattr(kernels, "cells_many", kernel)
        arguments = (
            *map(_flat, (u, w, gate)), float(self.device.polarity),
            np.ascontiguousarray(base.reshape(len(base), n)), step, self._low, self._high, self._P,
            Q, flip, x, m, _LINEAR * np.sqrt(rtol), i, gu, gw, *lead,
        )
        parts = max(1, min(threads, n // _SHARE))
        bads = spread(
            lambda k: int(kernel(n * k // parts, n * (k + 1) // parts, *arguments)), parts, parts
        )
        bad = next((b for b in bads if b >= 0), -1)
        found = [a.reshape(self.shape) for a in (i, gu, gw, m)]
        leads = [a.reshape(-1, *self.shape) for a in lead]
        return CellPoint(
            found[0], found[1], found[2], found[3], x.reshape(state.shape), leads[0], leads[1],
            int(bad),
        )

    def batch(self, count: int, rtol: float, lanes: int = 0) -> CellBatch | None:
        """Return `count` slots for evaluating frozen cells; see `BatchedCells`."""
        if self._backend is not None or self._local is not None:
            return None
        Q, flip = self._access()
        return CellBatch(
            self._kernels(), self.shape, count, sign=float(self.device.polarity),
            state=self.state, low=self._low, high=self._high, P=self._P, Q=Q, flip=flip,
            tolerance=_LINEAR * np.sqrt(rtol), lanes=lanes,
        )

    def evaluate_together(
        self, u: Array, w: Array, gate: Array, *, base: Array, step: float, state: Array,
        inner: Array, threads: int = 1, rtol: float = 1e-10,
    ) -> CellPoint:
        """Return what `evaluate` does; it may be `CellPoint.loose`."""
        if self._local is None:
            return self.evaluate(
                u, w, gate, base=base, step=step, state=state, inner=inner, threads=threads,
                rtol=rtol,
            )
        return self._local.evaluate(
            u, w, gate, base=base, step=step, state=state, inner=inner, threads=threads,
            rtol=rtol, together=True,
        )

    def _frozen(
        self, kernels: ModuleType, u: Array, w: Array, base: Array, inner: Array, threads: int
    ) -> CellPoint:
        """Return what `evaluate` does, for devices alone whose states are frozen."""
        n = u.size
        i, g = np.empty(self.shape), np.empty(self.shape)
        arguments = (
            _flat(u), _flat(w), float(self.device.polarity),
            np.ascontiguousarray(base.reshape(len(base), n)), self._low, self._high, self._P,
            i.ravel(), g.ravel(),
        )
        kernel = getattr(kernels, "frozen_many", kernels.frozen)
        parts = max(1, min(threads, n // _SHARE))
        spread(
            lambda k: kernel(n * k // parts, n * (k + 1) // parts, *arguments), parts, parts
        )
        still = np.zeros((1 + len(base), 1, 1))
        return CellPoint(i, g, g, inner, base, still, still, -1, frozen=True)

    def slopes(self, u: Array, w: Array, gate: Array, point: CellPoint) -> CellSlopes:
        """Return the derivatives of every cell's current at fixed node voltages.

        With respect to states, gate voltage, and the conductance at the read voltage.
        """
        if self._local is not None:
            state, gates, state_b, gates_b = self._local.slopes(u, w, gate, point)
            into = None
            if state_b is not None and gates_b is not None:
                into = CellSlopes(state_b, gates_b, self._by_conductance(point, state_b))
            return CellSlopes(state, gates, self._by_conductance(point, state), into)
        n = u.size
        x = np.ascontiguousarray(point.state.reshape(len(point.state), n))
        by_state, by_gate = np.empty(x.shape), np.zeros(n)
        sign = float(self.device.polarity)
        if point.frozen:
            kernels = self._kernels()
            kernel = getattr(kernels, "frozen_slopes_many", kernels.frozen_slopes)
            kernel(0, n, _flat(u), _flat(w), sign, x, self._P, by_state)
        else:
            Q, flip = self._access()
            self._kernels().slopes(
                *map(_flat, (u, w, gate)), sign, self._P, Q, flip, len(self.device.states), x,
                _flat(point.inner), by_state, by_gate, np.empty(n),
            )
        by_state = by_state.reshape(point.state.shape)
        return CellSlopes(
            by_state, by_gate.reshape(self.shape), self._by_conductance(point, by_state)
        )

    def _by_conductance(self, point: CellPoint, by_state: Array) -> Array:
        """Return di/dG: of the state that sets the conductance, at the read voltage."""
        if not self.device.states:
            return np.zeros(self.shape)
        slope = self._conductance_slope(point.state)
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Array = np.where(
                slope != 0.0, by_state[self.device.main_state] / slope, 0.0
            )
        return found

    def _conductance_slope(self, state: Array) -> Array:
        """Return dG/dx of the devices; that of the cells' own states is kept."""
        if state is not self.state:
            return self.device.conductance_slope(state[: len(self.device.states)])
        if self._kept is None or self._kept[0] is not state:
            self._kept = state, self.device.conductance_slope(self.device_state)
        return self._kept[1]

    def rates(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return dx/dt (S, M, N), zero where a state is held at a bound."""
        rate = self._rates(u, w, point)
        low, high = self.bounds()
        held = ((point.state <= low) & (rate < 0)) | ((point.state >= high) & (rate > 0))
        return np.where(held, 0.0, rate)

    def _rates(self, u: Array, w: Array, point: CellPoint) -> Array:
        if self._local is not None:
            return self._local.rates(u, w, point)
        count = len(self.device.states)
        return _raw_rates(
            self.device, self._P, self.device_voltage(u, w, point), point.state[:count]
        )

    def noise(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return the amplitudes of the states' white noise, (S, M, N), per root second."""
        n, count = u.size, len(self.device.states)
        amplitude = np.zeros(point.state.shape)
        v = self.device.polarity * self.device_voltage(u, w, point)
        found = np.zeros((count, n))
        self.device.kernels.noise_many(
            _flat(v), np.ascontiguousarray(point.state[:count].reshape(count, n)), self._P, found
        )
        amplitude[:count] = found.reshape(count, *self.shape)
        return amplitude

    def device_voltage(self, u: Array, w: Array, point: CellPoint) -> Array:
        """Return the voltage across every device, (M, N)."""
        del point
        return u - w

    def to_spice(self, name: str, t_stop: float | None) -> CellSpice:
        """Return the cells as a subcircuit; without `t_stop` the states are frozen."""
        self._refuse_local("are not written as SPICE: simulators load the module itself")
        return cell_subcircuit(self, name, t_stop)


def record(prefix: str, part: NamedParameters, out: dict[str, Any]) -> dict[str, Any]:
    """Put the parameters of a device or transistor into `out`; return its header."""
    header: dict[str, Any] = {"model": part.name}
    choices: dict[str, str] = {}
    if hasattr(part, "polarity"):  # not of transistors
        device: Any = part
        header |= {"polarity": device.polarity, "read_voltage": device.read_voltage}
        if hasattr(device, "header"):  # of models that no registry knows
            header |= device.header()
        choices = device.choices
    for name in part.parameters():
        if name not in choices:
            out[f"{prefix}_{name}"] = np.asarray(getattr(part, name))
    return {**header, "choices": choices}


def stacked_parameters(
    values: Sequence[Mapping[str, Any]], shapes: Sequence[tuple[int, int]]
) -> dict[str, Any]:
    """Return the parameters of several arrays as those of one array of all their rows."""
    found: dict[str, Any] = {}
    for name, first in values[0].items():
        each = [v[name] for v in values]
        if isinstance(first, str) or all(np.ndim(v) == 0 and v == first for v in each):
            found[name] = first
        else:
            found[name] = np.concatenate([
                np.broadcast_to(v, shape) for v, shape in zip(each, shapes, strict=True)
            ])
    return found


def _flat(array: Array) -> Array:
    return plain(array).ravel()


def _raw_rates(device: CompiledDevice, P: Array, v: Array, x: Array) -> Array:
    """Return dx/dt (S, M, N) without checks of arguments."""
    n = v.size
    i, slope, rate = np.empty(n), np.empty(n), np.empty((len(x), n))
    device.kernels.evaluate_many(
        _flat(device.polarity * v), np.ascontiguousarray(x.reshape(len(x), n)), P, i, slope, rate
    )
    return rate.reshape(x.shape)


def device_array(
    device: CompiledDevice, conductance: ArrayLike | None, state: ArrayLike | None,
    shape: tuple[int, int] | None, capacitance: ArrayLike = 0.0
) -> DeviceArray:
    """Return M x N devices; arguments of `Device.array`."""
    if (
        shape is None and isinstance(conductance, tuple) and len(conductance) == 2
        and all(type(n) is int for n in conductance)
    ):
        conductance, shape = None, conductance
    if (conductance is None) == (state is None) and conductance is not None:
        raise ParameterError("give either `conductance` or `state`")
    count = len(device.states)
    if conductance is not None:
        g = finite_array("conductance", conductance)
        if g.ndim != 2 or g.size == 0:
            raise ParameterError(f"`conductance` must have shape (M, N); got {g.shape}")
        return DeviceArray(device, device.state_from_conductance(g), capacitance)
    if shape is None and state is None:
        raise ParameterError("give `conductance`, `state` or `shape`")
    x = device.rest() if state is None else finite_array("state", state)
    if shape is None:
        shape = x.shape[1:]
    if len(shape) != 2 or min(shape) < 1:
        raise ParameterError(f"the array must have shape (M, N), >= 1 each; got {tuple(shape)}")
    x = x.reshape(count, *(1,) * (3 - x.ndim), *x.shape[1:])
    whole = np.array(np.broadcast_to(x, (count, *shape)))
    device.evaluate(0.0, whole)  # refuses states out of range
    return DeviceArray(device, whole, capacitance)
