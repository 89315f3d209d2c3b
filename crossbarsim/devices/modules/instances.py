"""Modules set up with parameters: models, and images of instances that kernels copy.

Nothing of an instance is kept between evaluations, so that one image serves all cells with the same
parameters, and kernels of several threads may share it: each copies it into a frame of its own.
"""

from __future__ import annotations

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
from ...solvers.osdi import Blocks, Simulator
from ..laws.compilation import build

__all__ = ["Instances", "Probe", "set_up"]

_IMAGE, _INFO = 4, 12  # as in the template `modules/frame`
_MOVING = abi.RESIST_RESIDUAL | abi.REACT_RESIDUAL | abi.RESIST_JACOBIAN | abi.REACT_JACOBIAN
IN_TIME = _MOVING | abi.AT_TRANSIENT
AT_START = _MOVING | abi.AT_DC | abi.AT_STATIC | abi.AT_INITIAL
_MOST = 2**53  # addresses travel as float64
_CALLS = ("eval", "load_residual_resist", "load_residual_react", "load_jacobian_resist",
          "load_jacobian_react")


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
    blocks: Blocks

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
        return build("", ("modules/frame",))

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
    module: Module, values: Mapping[str, Array], words: Mapping[str, str], *, whose: str
) -> Instances:
    """Return instances with parameters `values`, each a number or of one shape.

    That of the name "$" is the temperature, kelvin.

    Raises
    ------
    ParameterError
        A value that the module refuses, or cells that differ in which of their nodes exist.
    """
    count = max([1, *(v.size for v in values.values())])
    given: dict[str, Any] = {
        n: v.ravel() if v.size > 1 else float(v.flat[0]) for n, v in values.items()
    }
    heat = given.pop("$")
    names = [whose] if count == 1 else [f"{whose}, device {k}" for k in range(count)]
    blocks = Blocks(
        module, {**given, **words}, {}, count, heat, names=names, model_names=names,
        simulator=Simulator(),
    )
    patterns = blocks.patterns()
    if len(patterns) > 1:
        one, other = (int(some[0]) for _, some in patterns[:2])
        raise ParameterError(
            f"{whose}: the values of device {other} leave other inner nodes than those of device "
            f"{one} (a resistance of 0 here, and not there?); give all devices values of one kind"
        )
    place = patterns[0][0]
    n = max(place) + 1
    live = np.array([place.index(k) for k in range(n)], dtype=np.int64)
    if list(place[: len(module.terminals)]) != list(range(len(module.terminals))):
        raise ParameterError(f"{whose}: its parameters join two terminals, or one and ground")
    code = module.code
    width = -(-code.instance_size // 8)
    images = np.zeros((count, _IMAGE + width))
    entries = []
    for (a, b, _, _), react in zip(module.jacobian, code.react_pointers, strict=True):
        row, column = (place[k] if place[k] >= 0 else n for k in (a, b))
        entries += [row * (n + 1) + column, react]
    plan = np.array([
        *(code.functions[name] for name in _CALLS), width, code.jacobian_pointers,
        len(module.jacobian), n, module.states,
        *np.frombuffer(bytes(blocks.simulator.record), dtype=np.int64)[:4], 0, 0, *entries,
    ], dtype=np.int64)
    images[:, 0] = _float(plan.ctypes.data)
    images[:, 1] = [_float(int(at)) for at in blocks.models]
    images[:, 3] = IN_TIME
    data = np.zeros((count, 8 * width), dtype=np.uint8)
    data[:, : code.instance_size] = blocks.data[:, : code.instance_size]
    nodes = np.array([p if p >= 0 else n for p in place], dtype=np.uint32)
    for offset, numbers in (
        (code.node_mapping, nodes),
        (code.state_indices, np.arange(module.states, dtype=np.uint32)),
    ):
        if offset >= 0 and numbers.size:
            data[:, offset : offset + numbers.nbytes] = numbers.view(np.uint8)
    images[:, _IMAGE:] = data.view(np.float64)
    return Instances(module, live, plan, images, blocks)


def _float(address: int) -> float:
    if address >= _MOST:
        raise ParameterError(
            "compiled modules need addresses below 2^53, which this system does not give"
        )
    return float(address)
