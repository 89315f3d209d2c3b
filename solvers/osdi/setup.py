"""The data of models and instances, as a library keeps them, in arrays of bytes.

Parameters are checked against the module, values against their ranges by the module itself, and
nodes that the module makes one are found.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import ParameterError
from ...core.validation import Array
from ...netlists.osdi import Module, Parameter, abi
from ...netlists.osdi.defaults import simulator_parameters
from ...netlists.osdi.messages import take_messages

__all__ = ["Blocks", "Simulator", "Values", "live_nodes"]

Ints = NDArray[np.integer[Any]]
Values = Mapping[str, Any]
_LINE = 64  # byte: blocks of instances begin a line of the cache each
_REPORT = ctypes.sizeof(abi.InitInfo)


class Simulator:
    """What ``$simparam`` finds: gmin (siemens), tnom (Celsius), and constants of simulators."""

    def __init__(self, **changes: float) -> None:
        values = {
            "gmin": 1e-12, "tnom": 27.0, "gdev": 0.0, "scale": 1.0, "shrink": 0.0,
            "iteration": 1.0, "sourceScaleFactor": 1.0, "simulatorVersion": 1.0,
            "simulatorSubversion": 0.0, "initializeLimiting": 0.0, **changes,
        }
        self.record = simulator_parameters(values)
        self.address = ctypes.addressof(self.record)
        self._places = {name: k for k, name in enumerate(values)}

    def set(self, name: str, value: float) -> None:
        """Change what the next evaluation finds."""
        self.record.values[self._places[name]] = value


class _Rows:
    """Values of parameters for E blocks: numbers as arrays, texts one by one."""

    def __init__(
        self, module: Module, values: Sequence[Values] | Values, count: int, kinds: str, whose: Any
    ) -> None:
        self.module, self.count = module, count
        self.numbers: dict[int, tuple[Parameter, Array, NDArray[np.bool_]]] = {}
        self.texts: list[tuple[Parameter, int, str]] = []
        several = None if isinstance(values, Mapping) else list(values)
        for e, one in enumerate([values] if several is None else several):
            for name, value in one.items():  # type: ignore[union-attr]
                p = module.parameter(name, whose=whose(e) if several is not None else "")
                if kinds == "model" and p.kind not in ("model", "instance"):
                    continue
                if kinds == "instance" and p.kind != "instance":
                    raise ParameterError(
                        f"{whose(e)}: `{p.name}` of module `{module.name}` is a parameter of the "
                        "model, not of an instance: give it with the model")
                self._keep(p, value, slice(None) if several is None else e, whose(e))

    def _keep(self, p: Parameter, value: Any, where: Any, whose: str) -> None:
        if p.length:
            raise ParameterError(f"{whose}: `{p.name}` is an array, which cannot be set")
        if p.type == "string":
            texts = np.broadcast_to(np.asarray(value), (self.count,)) if (
                isinstance(where, slice)) else [value]
            for e, text in enumerate(texts):
                if not isinstance(text, str):
                    raise ParameterError(f"{whose}: `{p.name}` must be a text; got {text!r}")
                self.texts.append((p, e if isinstance(where, slice) else where, str(text)))
            return
        try:
            number = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise ParameterError(f"{whose}: `{p.name}` must be a number; got {value!r}") from None
        alone = not isinstance(where, slice)
        if number.shape not in ((), (self.count,)) or (number.ndim and alone):
            raise ParameterError(
                f"{whose}: `{p.name}` of shape {number.shape}; one value, or one for each of the "
                f"{self.count} instances")
        if np.isnan(number).any():
            raise ParameterError(f"{whose}: `{p.name}` is not a number")
        if p.type == "integer" and ((number != np.round(number)) | (abs(number) > 2**31 - 1)).any():
            raise ParameterError(f"{whose}: `{p.name}` must be an integer; got {value!r}")
        if p.index not in self.numbers:
            self.numbers[p.index] = (p, np.zeros(self.count), np.zeros(self.count, dtype=np.bool_))
        _, kept, given = self.numbers[p.index]
        kept[where], given[where] = number, True

    def varies(self) -> bool:
        """Whether blocks differ."""
        texts: dict[int, set[str]] = {}
        for p, _, text in self.texts:
            texts.setdefault(p.index, set()).add(text)
        uneven = any(sum(q.index == k for q, _, _ in self.texts) != self.count for k in texts)
        return uneven or any(len(t) > 1 for t in texts.values()) or any(
            np.ptp(v) > 0 or not given.all() for _, v, given in self.numbers.values())

    def first(self) -> _Rows:
        """Return the same for one block."""
        found = object.__new__(_Rows)
        found.module, found.count = self.module, 1
        found.numbers = {k: (p, v[:1], g[:1]) for k, (p, v, g) in self.numbers.items()}
        found.texts = [t for t in self.texts if t[1] == 0]
        return found


class Blocks:
    """The data of E instances of a module, and of their models.

    Parameters
    ----------
    module : Module
    model : mapping, or sequence of mappings
        Name -> value of parameters; values of shape (E,) differ from instance to instance. Several
        mappings are several models, see `which`.
    instance : mapping, or sequence of E mappings
    count : int
        E.
    temperature : float or (E,), kelvin
    which : (E,) ints, optional
        The model of each instance, where there are several.
    terminals : int, optional
        How many terminals are connected, all by default.
    names : sequence of str, optional
        Of the instances, for messages.

    Attributes
    ----------
    instances, models : (E,) addresses
    values : Simulator
    """

    def __init__(
        self, module: Module, model: Values | Sequence[Values], instance: Values | Sequence[Values],
        count: int, temperature: Any, *, which: Ints | None = None, terminals: int | None = None,
        names: Sequence[str] = (), model_names: Sequence[str] = (), simulator: Simulator,
    ) -> None:
        from .kernels_limiting import install_limits  # noqa: PLC0415 - numba is heavy

        self.module, self.count, self.names = module, count, tuple(names)
        if module.delays:
            raise ParameterError(
                f"module `{module.name}` delays signals (absdelay), which is not supported: use "
                "an element T of the circuit instead")
        install_limits(module)
        self.simulator, self.model_names = simulator, tuple(model_names)
        self.terminals = len(module.terminals) if terminals is None else terminals
        if not 0 < self.terminals <= len(module.terminals):
            raise ParameterError(
                f"module `{module.name}` has {len(module.terminals)} terminals "
                f"({', '.join(module.terminals)}), not {self.terminals}")
        kelvin = np.broadcast_to(np.asarray(temperature, dtype=np.float64), (count,))
        if not (kelvin > 0).all():
            raise ParameterError("`temperature` must be > 0 kelvin")
        self.temperature = np.ascontiguousarray(kelvin)
        self._texts: list[Any] = []
        self._models(model, which)
        rows = _Rows(module, instance, count, "instance", self._name)
        size = -(-module.code.instance_size // _LINE) * _LINE
        self.data, self.instances = _blocks(count, size)
        self._set(rows, self.instances, self.models, abi.INSTANCE, self._name)
        self._set_up_instances()

    def _name(self, e: int) -> str:
        return self.names[e] if e < len(self.names) else (
            f"instance {e} of `{self.module.name}`" if self.count > 1 else f"`{self.module.name}`")

    def _model_name(self, k: int) -> str:
        return f"model {self.model_names[k]}" if k < len(self.model_names) else (
            f"model of `{self.module.name}`")

    def _models(self, model: Values | Sequence[Values], which: Ints | None) -> None:
        several = not isinstance(model, Mapping)
        number = len(model) if several else self.count
        rows = _Rows(self.module, model, number, "model", self._model_name)
        if not several and not rows.varies():
            rows, number = rows.first(), 1
        size = -(-self.module.code.model_size // _LINE) * _LINE or _LINE
        self.model_data, blocks = _blocks(number, size)
        self._set(rows, blocks, blocks, 0, self._model_name)
        from .kernels_evaluation import set_up_models  # noqa: PLC0415 - numba is heavy

        reports = np.zeros((number, _REPORT), dtype=np.uint8)
        set_up_models(self.module.code.functions["setup_model"], blocks, self.simulator.address,
                      reports.ctypes.data, _REPORT)
        self._judge(reports, blocks, blocks, self._model_name, 0)
        if several:
            if which is None:
                which = np.arange(number) if number == self.count else np.zeros(self.count, int)
            self.models = blocks[which]
        else:
            self.models = np.ascontiguousarray(np.broadcast_to(blocks, (self.count,)) if (
                number == 1) else blocks)

    def _set(self, rows: _Rows, blocks: Ints, models: Ints, flags: int, whose: Any) -> None:
        from .kernels_evaluation import set_values  # noqa: PLC0415 - numba is heavy

        access = self.module.code.functions["access"]
        if rows.numbers:
            found = list(rows.numbers.values())
            set_values(
                access, blocks if flags else np.zeros_like(blocks), models,
                np.array([p.index for p, _, _ in found], dtype=np.int64),
                np.array([abi.TYPES.index(p.type) for p, _, _ in found], dtype=np.int64),
                np.array([v for _, v, _ in found]), np.array([g for _, _, g in found]), flags)
        call = abi.Access(access)
        kept: dict[str, Any] = {}
        for p, e, text in rows.texts:
            place = call(int(blocks[e]) if flags else None, int(models[e]), p.index, 1 | flags)
            if not place:
                raise ParameterError(f"{whose(e)}: `{p.name}` cannot be set")
            buffer = kept.setdefault(text, ctypes.create_string_buffer(text.encode()))
            ctypes.c_void_p.from_address(place).value = ctypes.addressof(buffer)
        self._texts.append(kept)

    def _set_up_instances(self) -> None:
        from .kernels_evaluation import set_up_instances  # noqa: PLC0415 - numba is heavy

        reports = np.zeros((self.count, _REPORT), dtype=np.uint8)
        set_up_instances(
            self.module.code.functions["setup_instance"], self.instances, self.models,
            self.temperature, self.terminals, self.simulator.address, reports.ctypes.data, _REPORT)
        self._judge(reports, self.instances, self.models, self._name, abi.INSTANCE)

    def _judge(
        self, reports: NDArray[np.uint8], blocks: Ints, models: Ints, whose: Any, flags: int
    ) -> None:
        """Raise what set-ups found wrong."""
        records = [(e, abi.InitInfo.from_buffer(reports[e])) for e in np.flatnonzero(
            reports.any(axis=1))]
        for e, record in records:
            if record.count:
                index = record.errors[0].parameter
                p = next(p for p in self.module.parameters if p.index == index)
                value = self._value(p, int(blocks[e]) if flags else None, int(models[e]), flags)
                raise ParameterError(
                    f"{whose(e)}: `{p.name}` = {value!r} is out of the range that module "
                    f"`{self.module.name}` allows{take_messages()}")
            if record.flags & abi.FATAL:
                raise ParameterError(
                    f"{whose(e)}: module `{self.module.name}` refuses its parameters"
                    f"{take_messages()}")

    def _value(self, p: Parameter, block: int | None, model: int, flags: int) -> Any:
        from ...netlists.osdi.defaults import read_value  # noqa: PLC0415 - see below

        flags = flags if p.kind == "instance" else 0
        place = abi.Access(self.module.code.functions["access"])(
            block if flags else None, model, p.index, flags)
        return read_value(place, p.type) if place else None

    def patterns(self) -> list[tuple[tuple[int, ...], Ints]]:
        """Return the ways in which nodes are made one, and the instances of each.

        A way has the live node of each node, -1 for ground; live nodes are numbered as they come,
        terminals first.
        """
        count, at = len(self.module.collapsible), self.module.code.collapsed
        flags = np.zeros((self.count, 0), dtype=np.uint8) if not count or at < 0 else (
            self.data[:, at:at + count])
        ways, inverse = np.unique(flags, axis=0, return_inverse=True)
        inverse = inverse.ravel()
        found: dict[tuple[int, ...], list[Ints]] = {}
        for k, way in enumerate(ways):
            nodes = live_nodes(self.module, way.astype(bool).tolist(), self.terminals)
            found.setdefault(nodes, []).append(np.flatnonzero(inverse == k))
        if not found:  # no instance
            found[live_nodes(self.module, [False] * count, self.terminals)] = []
        return [(nodes, np.sort(np.concatenate([*some, np.zeros(0, dtype=np.int64)])))
                for nodes, some in found.items()]


def _blocks(count: int, size: int) -> tuple[NDArray[np.uint8], Ints]:
    """Return zeroed memory (count, size) that begins with a line of the cache, and addresses."""
    raw = np.zeros(count * size + _LINE, dtype=np.uint8)
    skip = -raw.ctypes.data % _LINE
    data = raw[skip:skip + count * size].reshape(count, size)
    return data, data.ctypes.data + size * np.arange(count, dtype=np.int64)


def live_nodes(module: Module, collapsed: Sequence[bool], terminals: int) -> tuple[int, ...]:
    """Return the live node of each of a module's nodes, -1 for ground.

    Nodes at which the circuit is connected are never made one, nor grounded, as ngspice has it.
    """
    root = list(range(len(module.nodes)))
    for (a, b), here in zip(module.collapsible, collapsed, strict=True):
        if not here:
            continue
        high, low = root[a], root[b] if b >= 0 else -1
        if high == low or high < 0:
            if high < 0 <= low and low >= terminals:
                root = [-1 if r == low else r for r in root]
            continue
        if high < low:
            high, low = low, high
        if high < terminals:  # then both are connected, or one is and the other is ground
            continue
        root = [low if r == high else r for r in root]
    live = sorted({r for r in root if r >= 0})
    return tuple(live.index(r) if r >= 0 else -1 for r in root)
