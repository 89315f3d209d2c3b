"""The protocols of the effects that the fields of `NonIdealities` take."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from numpy.typing import ArrayLike

from ..core.array_api import Values
from ..core.draws import Place
from ..netlists.crossbar.cells import Cells
from .fabricate import Fabricated

__all__ = ["AgeingEffect", "CellLaw", "NoiseLaw", "WriteEffect"]


@runtime_checkable
class WriteEffect(Protocol):
    """Errors of programming, the field `write`: any object with this method.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import NonIdealities, Place
    >>> class Overshoot:
    ...     def written(self, G, fab, place, cycle):
    ...         return 1.02 * G
    >>> effects = NonIdealities(write=Overshoot())
    >>> G = effects.chip(np.array([[0.2, 0.5]]), Place(7), g_on=1e-4, g_off=0.0)
    >>> (G * 1e6).round(2)  # uS
    array([[20.4, 51. ]])
    """

    def written(self, G: Values, fab: Fabricated, place: Place, cycle: int) -> Values:
        """Return programmed conductances (M, N) siemens for the targets `G` (M, N).

        `fab` is the fabricated array, `place` names it for draws, and `cycle` counts its writes.
        """
        ...


@runtime_checkable
class AgeingEffect(Protocol):
    """Ageing between programming and reading, the fields `drift`, `retention` and others.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import NonIdealities, Place
    >>> class Bake:
    ...     def aged(self, G, fab, place, temperature):
    ...         return 0.9 * G if temperature > 350.0 else G
    >>> effects = NonIdealities(retention=Bake(), temperature=400.0)
    >>> G = effects.chip(np.array([[0.2, 0.5]]), Place(7), g_on=1e-4, g_off=0.0)
    >>> (G * 1e6).round(2)  # uS
    array([[18., 45.]])
    """

    def aged(self, G: Values, fab: Fabricated, place: Place, temperature: float) -> Values:
        """Return conductances (M, N) siemens when they are read, of those programmed, `G`.

        `temperature` is the chip's, kelvin.
        """
        ...


@runtime_checkable
class NoiseLaw(Protocol):
    """Noise of reads, the field `noise`: a frozen dataclass with this method.

    Examples
    --------
    >>> from crossbarsim.nonidealities import NoiseLaw, ReadNoise
    >>> isinstance(ReadNoise(), NoiseLaw)
    True
    """

    def sample(
        self, voltages: Values, matrix: Values, conductance: Values, place: Place,
        first_read: int = 0, *, phase: int = 0, temperature: float = 300.0,
    ) -> Values:
        """Return the noise of the column currents, (B, N) ampere; see `ReadNoise.sample`."""
        ...


@runtime_checkable
class CellLaw(Protocol):
    """Current-voltage characteristic of the cells, the field `iv`: a frozen dataclass.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Solver, Wires
    >>> from crossbarsim.nonidealities import SinhIV
    >>> iv = SinhIV(v_0=0.25)
    >>> xbar = Crossbar(cells=iv.cells(np.full((2, 2), 1e-5)), wires=Wires(word=1.0, bit=1.0))
    >>> (Solver().solve(xbar, [0.5, 0.5]).currents * 1e6).round(2)  # uA; 10 of resistors
    array([18.13, 18.13])
    """

    def cells(self, conductance: ArrayLike) -> Cells:
        """Return cells of a crossbar with the conductances (M, N), siemens."""
        ...
