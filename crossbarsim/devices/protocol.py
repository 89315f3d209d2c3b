"""The protocol that arrays and integrators ask of a compact model; `Device` implements it."""

from __future__ import annotations

from types import ModuleType
from typing import ClassVar, Protocol, Self, runtime_checkable

from numpy.typing import ArrayLike

from ..core.validation import Array
from ..netlists.device_protocol import DeviceModel
from .parameters import State

__all__ = ["CompiledDevice", "OhmicZone"]


class CompiledDevice(DeviceModel, Protocol):
    """A device model with compiled kernels: a `Device`.

    Attributes
    ----------
    main_state : int
        Index of the state that sets the conductance.
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
        """Return (K, *any) as (K, 1) where all devices have the same values, else (K, n)."""
        ...

    def replace(self, **changes: ArrayLike) -> Self:
        """Return the same device with other parameters."""
        ...

    def checked(self, v: ArrayLike, x: ArrayLike) -> tuple[Array, Array, tuple[int, ...]]:
        """Return voltages, states in their ranges, and their common shape."""
        ...

    def conductance_range(self) -> tuple[Array, Array]:
        """Return the smallest and largest conductance at the read voltage, siemens."""
        ...

    def conductance_slope(self, x: ArrayLike) -> Array:
        """Return dG/dx of the state that sets the conductance, at the read voltage."""
        ...


@runtime_checkable
class OhmicZone(Protocol):
    """What an ohmic model with thresholds says of itself, so that arrays of it are written fast."""

    def ohmic_zone(self) -> tuple[Array, Array] | None:
        """Return the voltages, volt, negative and positive, between which the rates are exactly 0.

        Of every device; the current is proportional to the voltage everywhere, in every state.
        None where one of both does not hold.
        """
        ...
