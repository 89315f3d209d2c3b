"""What arrays and integrators ask of a compact model, so that `Device` can stand above them."""

from __future__ import annotations

from types import ModuleType
from typing import Any, ClassVar, Protocol, Self

from numpy.typing import ArrayLike

from ..core.validation import Array
from ..netlists.device_protocol import DeviceModel
from .parameters import State

__all__ = ["CompiledDevice"]


class CompiledDevice(DeviceModel, Protocol):
    """A device model with compiled kernels: a `Device`.

    Attributes
    ----------
    main_state : int
        The state that a conductance determines.
    lanes : str
        Template of a kernel for many cells at once, where there is one.
    choices : dict
        Parameters that are words, by name.
    """

    main_state: ClassVar[int]
    lanes: ClassVar[str]
    choices: dict[str, str]

    @property
    def states(self) -> tuple[State, ...]:
        """The S states, with their ranges."""
        ...

    @property
    def kernels(self) -> ModuleType:
        """The compiled array kernels of the model."""
        ...

    @property
    def stochastic(self) -> bool:
        """Whether the states carry noise."""
        ...

    @property
    def parameter_array(self) -> Array:
        """Parameters, (K,) or (K, *shape)."""
        ...

    def flat(self, values: Array, shape: tuple[int, ...]) -> Array:
        """Return (K, *any) as (K, 1) where all devices are alike, else (K, n)."""
        ...

    def replace(self, **changes: Any) -> Self:
        """Return the same device with other parameters."""
        ...

    def checked(self, v: ArrayLike, x: ArrayLike) -> tuple[Array, Array, tuple[int, ...]]:
        """Return voltages, states and their common shape; states out of range are refused."""
        ...

    def conductance_range(self) -> tuple[Array, Array]:
        """Return the smallest and largest conductance at the read voltage, siemens."""
        ...

    def conductance_slope(self, x: ArrayLike) -> Array:
        """Return dG/dx of the state that a conductance determines, at the read voltage."""
        ...
