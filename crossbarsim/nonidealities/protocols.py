"""What effects look like from outside: the protocols behind the fields of `NonIdealities`."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from numpy.typing import ArrayLike

from ..core.array_api import Values
from ..core.draws import Place
from .fabricate import Fabricated

__all__ = ["AgeingEffect", "CellLaw", "NoiseLaw", "WriteEffect"]


@runtime_checkable
class WriteEffect(Protocol):
    """How programming misses its target."""

    def written(self, G: Values, fab: Fabricated, place: Place, cycle: int) -> Values:
        """Return programmed conductances (M, N) siemens for targets G; `cycle` numbers writes."""
        ...


@runtime_checkable
class AgeingEffect(Protocol):
    """What happens to programmed conductances before they are read."""

    def aged(self, G: Values, fab: Fabricated, place: Place, temperature: float) -> Values:
        """Return conductances (M, N) siemens of those at G; kelvin."""
        ...


@runtime_checkable
class NoiseLaw(Protocol):
    """Noise of reads: a frozen dataclass with the spectral law."""

    def sample(self, *args: Any, **options: Any) -> Any:
        """Return the noise of reads, ampere."""
        ...


@runtime_checkable
class CellLaw(Protocol):
    """Current of a cell against its voltage: a frozen dataclass."""

    def cells(self, conductance: ArrayLike) -> Any:
        """Return cells of a crossbar with the conductances (M, N), siemens."""
        ...
