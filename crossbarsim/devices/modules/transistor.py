"""A compiled Verilog-A module of three or four terminals as an access transistor."""

from __future__ import annotations

import functools
import os
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import ConvergenceError, ParameterError
from ...core.settings import checks_arguments
from ...core.validation import Array, finite_array
from ..cells.transistors import Transistor
from .equations import Equations, analyse, at_rest
from .instances import Instances, set_up
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

__all__ = ["VerilogATransistor"]

_STEPS = 100


class VerilogATransistor(Transistor):
    """An access transistor that is a compiled Verilog-A module: BSIM4, PSP, or one's own.

    Terminals in the order drain, gate, source and, where there is a fourth, body, which is at
    ground. What flows into gate and body counts: the currents of a cell's two ends differ by it. In
    an array's transient the transistor's charges count, too.

    Parameters
    ----------
    path : path
        Verilog-A source, which the compiler of the extra ``verilog-a`` compiles, or an OSDI
        library.
    module : str, optional
        Needed where there are several.
    temperature : float or (M, N) array
        Kelvin.
    **parameters
        The module's own, of model and instance, such as ``w`` and ``l``, each a number or an (M, N)
        array.

    Raises
    ------
    ParameterError
        Another number of terminals, unknown parameters, values out of the module's ranges, a module
        with states of its own.
    NetlistError
        The file cannot be compiled or read.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import OneTransistorOneResistor, Resistive, VerilogATransistor
    >>> nmos = VerilogATransistor("bsim4v8.osdi", w=1e-6, l=0.1e-6)  # doctest: +SKIP
    >>> cells = OneTransistorOneResistor(
    ...     Resistive(np.full((64, 64), 1e-4)), nmos, gate_voltage=1.2
    ... )  # doctest: +SKIP
    """

    name = "verilog_a"
    made_of_file: ClassVar[bool] = True

    @checks_arguments
    def __init__(
        self, path: str | Path, module: str | None = None, *, temperature: ArrayLike = 300.15,
        **parameters: Any
    ) -> None:
        found = open_module(path, module)
        if len(found.terminals) not in (3, 4):
            raise ParameterError(
                f"module {found.name!r} has {len(found.terminals)} terminals: an access transistor "
                "has three or four, drain, gate, source and body"
            )
        self.path, self.module = os.fspath(path), found
        self._declared = declared(found)  # type: ignore[misc]
        self._values, self._words = read_parameters(found, parameters, self._title)
        self._values["temperature"] = kelvin(temperature)
        self.own_shape = shape_of(self._values, self._title)
        self.instances: Instances = set_up(
            found, spread(self._values, self.own_shape), self._words, whose=self._title
        )
        self.equations: Equations = analyse(
            self.instances, self._title, None, np.zeros(self.instances.count)
        )
        if self.equations.memory and not at_rest(self.instances, self.equations.memory):
            names = ", ".join(m.name for m in self.equations.memory)
            raise ParameterError(
                f"{self._title} has states ({names}), which an access transistor must not have"
            )

    @property
    def _title(self) -> str:
        return f"{self.module.name} ({Path(self.path).name})"

    def __repr__(self) -> str:
        changed = shown(self._values)
        changed += [f"{n}={v!r}" for n, v in self._words.items()]
        return f"VerilogATransistor({', '.join([repr(Path(self.path).name), *changed])})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how a copy in another process is made: from the file."""
        return functools.partial(VerilogATransistor, **self.settings()), ()

    def __deepcopy__(self, memo: Any) -> Self:
        """Return the transistor itself: nothing changes it."""
        return self

    @classmethod
    @lru_cache(maxsize=1)
    def law(cls) -> str:
        """Raise a `ParameterError`: a compiled module has no source."""
        raise ParameterError(
            "a compiled module has no law as source: arrays with it run on the CPU, and are not "
            "written as SPICE"
        )

    def parameters(self) -> dict[str, Any]:
        """Return every parameter by name: a number, a word, or an array of one number per cell.

        Those whose defaults depend on others are not a number where they are not given.
        """
        return every(self._declared, self._values, self._words)

    def settings(self) -> dict[str, Any]:
        """Return the arguments that make this transistor again."""
        return {
            "path": self.path, "module": self.module.name,
            **plain(self._values), **self._words,
        }

    @property
    def temperature(self) -> Array:
        """Temperature, kelvin."""
        return self._values["temperature"]

    def replace(self, **changes: Any) -> Self:
        """Return the same transistor with other parameters."""
        return type(self)(**{**self.settings(), **changes})

    @cached_property
    def parameter_array(self) -> Array:
        """The transistors' images, (K,) or (K, *shape)."""
        images = self.instances.images
        return images.T.reshape(images.shape[1], *self.own_shape)

    def at_temperature(self, kelvin: ArrayLike) -> Self:
        """Return the same transistor at `kelvin`, a number or an array."""
        heat = finite_array("kelvin", kelvin)
        if heat.shape == self.temperature.shape and np.array_equal(heat, self.temperature):
            return self
        return self.replace(temperature=heat if heat.ndim else float(heat))

    def current(self, vd: ArrayLike, vs: ArrayLike, vg: ArrayLike) -> Array:
        """Return the static drain current, ampere, for voltages against the body, volt.

        Drain, source and gate voltage broadcast together.

        Raises
        ------
        ParameterError
            Parameters that differ from cell to cell.
        ConvergenceError
            The module's inner equations have no solution there.
        """
        if self.own_shape:
            raise ParameterError("`current` needs a transistor with scalar parameters")
        volts = np.broadcast_arrays(
            *(finite_array(n, v) for n, v in (("vd", vd), ("vs", vs), ("vg", vg)))
        )
        found = np.empty(volts[0].shape)
        frame, n = self.instances.frame(), self.instances.count
        T = len(self.module.terminals)
        z = np.zeros(n)
        for at in np.ndindex(found.shape):
            d, s, g = (float(v[at]) for v in volts)
            z[:T] = (d, g, s, 0.0)[:T]
            found[at] = self._drain(frame, z, T)
        return found

    def _drain(self, frame: Array, z: Array, T: int) -> float:
        """Return the drain current with the inner unknowns of z (n,) settled."""
        for _ in range(_STEPS):
            found = self.instances.probe(frame, z)
            inner = found.g[T:, T:]
            if not (np.isfinite(found.f).all() and np.isfinite(inner).all()):
                break
            if len(z) == T:
                return float(found.f[0])
            move = np.asarray(np.linalg.lstsq(inner, -found.f[T:], rcond=None)[0], dtype=float)
            z[T:] += np.clip(move, -0.5, 0.5)
            if np.all(np.abs(move) <= 1e-9):
                return float(found.f[0] + found.g[0, T:] @ move)
        raise ConvergenceError(
            f"{self._title}: no finite drain current at {z[0]:g}, {z[1]:g} and {z[2]:g} V of "
            "drain, gate and source"
        )


