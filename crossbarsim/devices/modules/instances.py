"""Modules set up with parameters: models, and images of instances that kernels copy.

Nothing of an instance is kept between evaluations, so that one image serves all cells with the same
parameters, and kernels of several threads may share it: each copies it into a frame of its own.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import ParameterError
from ...core.validation import Array
from ...netlists.osdi import Module, abi
from ...netlists.osdi.defaults import simulator_parameters
from ...netlists.osdi.messages import take_messages
from ..laws.compilation import build

__all__ = ["Instances", "Probe", "set_up"]

_IMAGE, _INFO, _ENTRIES = 4, 12, 16  # as in the template `module`
_MOVING = abi.RESIST_RESIDUAL | abi.REACT_RESIDUAL | abi.RESIST_JACOBIAN | abi.REACT_JACOBIAN
IN_TIME = _MOVING | abi.AT_TRANSIENT
AT_START = _MOVING | abi.AT_DC | abi.AT_STATIC | abi.AT_INITIAL
_MOST = 2**53  # addresses travel as float64
_CALLS = ("eval", "load_residual_resist", "load_residual_react", "load_jacobian_resist",
          "load_jacobian_react")
# what `$simparam` finds: as in circuits at their defaults
_SIMULATOR = {"gmin": 1e-12, "tnom": 27.0, "scale": 1.0, "shrink": 0.0, "imax": 1.0, "imelt": 1.0,
              "iteration": 1.0}


@dataclass(frozen=True, eq=False)
class Probe:
    """A module at one solution: residuals f and q, and their Jacobians, of the live unknowns."""

    f: Array
    q: Array
    g: Array
    c: Array
    said: int


@dataclass(frozen=True, eq=False)
class Instances:
    """K instances of a module with the same live unknowns.

    Attributes
    ----------
    module : Module
    live : (n,) int
        Node of every live unknown, terminals first.
    plan : (P,) int64
        What kernels know of the module: five functions, words of an image, where pointers to
        Jacobians are, their number, number of unknowns and of limiting's states, four addresses of
        what ``$simparam`` finds; then, for every entry, where it goes and its reactive pointer.
    images : (K, 4 + W)
        Beginnings of frames.
    """

    module: Module
    live: NDArray[np.int64]
    plan: NDArray[np.int64]
    images: Array
    keep: tuple[Any, ...]

    @property
    def count(self) -> int:
        """Number of live unknowns."""
        return len(self.live)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the live unknowns."""
        return tuple(self.module.nodes[k].name for k in self.live)

    @property
    def length(self) -> int:
        """Numbers of a frame."""
        n = self.count + 1
        return self.images.shape[1] + _INFO + 3 * n + 2 * self.module.states + 2 * n * n

    def frame(self, k: int = 0) -> Array:
        """Return a frame of its own for instance k."""
        frame = np.zeros(self.length)
        frame[: self.images.shape[1]] = self.images[k]
        return frame

    @cached_property
    def kernels(self) -> ModuleType:
        """The compiled kernel that evaluates a frame."""
        return build("", ("module",))

    def probe(
        self, frame: Array, solution: Array, flags: int = IN_TIME, time: float = 0.0
    ) -> Probe:
        """Evaluate a frame at a solution (n,)."""
        n = self.count
        found, slopes = np.empty((2, n)), np.empty((2, n, n))
        said = self.kernels.probe(
            frame, np.ascontiguousarray(solution), flags, float(time), found, slopes
        )
        return Probe(found[0], found[1], slopes[0], slopes[1], int(said))


def set_up(
    module: Module, values: Mapping[str, Array], words: Mapping[str, str], kelvin: Array, *,
    whose: str
) -> Instances:
    """Return instances with parameters `values` and temperatures, each a number or (K,).

    Raises
    ------
    ParameterError
        A value that the module refuses, or cells that differ in which of their nodes exist.
    """
    count = max([1, kelvin.size, *(v.size for v in values.values())])
    known = simulator_parameters(_SIMULATOR)
    models, instances, collapsed = [], [], []
    for k in range(count):
        own = {n: v.flat[k if v.size > 1 else 0] for n, v in values.items()}
        heat = float(kelvin.flat[k if kelvin.size > 1 else 0])
        model, instance, texts = _one(module, {**own, **words}, heat, known, whose)
        models.append((model, texts))
        instances.append(instance)
        collapsed.append(_collapsed(module, instance))
        if collapsed[-1] != collapsed[0]:
            raise ParameterError(
                f"{whose}: the values of cell {k} leave other inner nodes than those of cell 0 "
                "(a resistance of 0 here, and not there?); give all cells values of one kind"
            )
    live, place = _live(module, collapsed[0], whose)
    n = len(live)
    width = -(-module.code.instance_size // 8)
    images = np.zeros((count, _IMAGE + width))
    entries = []
    for (a, b, _, _), react in zip(module.jacobian, module.code.react_pointers, strict=True):
        entries += [place[a] * (n + 1) + place[b], react]
    code = module.code
    plan = np.array([
        *(code.functions[name] for name in _CALLS), width, code.jacobian_pointers,
        len(module.jacobian), n, module.states,
        *np.frombuffer(bytes(known), dtype=np.int64)[:4], 0, 0, *entries, 0,
    ], dtype=np.int64)
    images[:, 0] = _float(plan.ctypes.data)
    images[:, 3] = IN_TIME
    for k, ((model, _), instance) in enumerate(zip(models, instances, strict=True)):
        mapping = (ctypes.c_uint32 * len(place)).from_buffer(instance, code.node_mapping)
        mapping[:] = [int(p) for p in place]
        images[k, 1] = _float(ctypes.addressof(model))
        images[k, _IMAGE:].view(np.uint8)[: code.instance_size] = np.frombuffer(
            instance, dtype=np.uint8, count=code.instance_size
        )
    return Instances(module, live, plan, images, (plan, models, known, module.library))


def _float(address: int) -> float:
    if address >= _MOST:
        raise ParameterError(
            "compiled modules need addresses below 2^53, which this system does not give"
        )
    return float(address)


def _one(
    module: Module, values: Mapping[str, Any], kelvin: float, known: Any, whose: str
) -> tuple[Any, Any, list[Any]]:
    code, call = module.code, module.code.functions
    model = ctypes.create_string_buffer(code.model_size or 1)
    instance = ctypes.create_string_buffer(code.instance_size)
    access, texts = abi.Access(call["access"]), []
    for name, value in values.items():
        record = module.parameter(name, whose=whose)
        own = record.kind == "instance"
        flags = abi.SET | (abi.INSTANCE if own else 0)
        at = access(instance if own else None, model, record.index, flags)
        if record.type == "string":
            texts.append(ctypes.create_string_buffer(str(value).encode()))
            ctypes.c_void_p.from_address(at).value = ctypes.addressof(texts[-1])
        elif record.type == "integer":
            ctypes.c_int32.from_address(at).value = int(value)
        else:
            ctypes.c_double.from_address(at).value = float(value)
    for setup in ("model", "instance"):
        info = abi.InitInfo()
        if setup == "model":
            abi.SetUpModel(call["setup_model"])(None, model, known, info)
        else:
            abi.SetUpInstance(call["setup_instance"])(
                None, instance, model, kelvin, len(module.terminals), known, info
            )
        if info.count or info.flags & abi.FATAL:
            _refuse(module, info, values, whose)
    return model, instance, texts


def _refuse(module: Module, info: abi.InitInfo, values: Mapping[str, Any], whose: str) -> None:
    names = {p.index: p.name for p in module.parameters}
    wrong = []
    for error in info.errors[: info.count]:
        name = names.get(error.parameter, f"number {error.parameter}")
        given = {k.lower(): v for k, v in values.items()}.get(name.lower())
        wrong.append(f"`{name}`" + ("" if given is None else f" = {given:g}"
                                    if isinstance(given, float) else f" = {given}"))
    what = ", ".join(wrong) + (" is" if len(wrong) == 1 else " are")
    said = take_messages()
    raise ParameterError(
        f"{whose}: {what} out of the range that the module gives{said}" if wrong
        else f"{whose}: the module refuses to be set up{said}"
    )


def _collapsed(module: Module, instance: Any) -> tuple[bool, ...]:
    flags = instance.raw[module.code.collapsed : module.code.collapsed + len(module.collapsible)]
    return tuple(bool(b) for b in flags)


def _live(
    module: Module, collapsed: tuple[bool, ...], whose: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the nodes that are left, and the live number of every node; n is ground."""
    root = list(range(len(module.nodes)))
    for (a, b), yes in zip(module.collapsible, collapsed, strict=True):
        if not yes:
            continue
        one, other = root[a], -1 if b < 0 else root[b]
        low, high = min(one, other), max(one, other)
        root = [low if r == high else r for r in root]
    left = sorted({r for r in root if r >= 0})
    if left[: len(module.terminals)] != list(range(len(module.terminals))):
        raise ParameterError(f"{whose}: its parameters join two terminals, or one and ground")
    number = {r: k for k, r in enumerate(left)}
    place = [number[r] if r >= 0 else len(left) for r in root]
    return np.array(left, dtype=np.int64), np.array(place, dtype=np.int64)
