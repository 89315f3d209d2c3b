"""The plots of .raw files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ....core.errors import ParameterError
from ....core.views.optional import dataframe

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HasPlots", "RawPlot", "RawVariable", "Vector"]

Vector = NDArray[np.float64] | NDArray[np.complex128]


@dataclass(frozen=True)
class RawVariable:
    """One column of a plot.

    Attributes
    ----------
    name : str
        Such as ``"v(out)"``, ``"i(v1)"``, ``"time"``, ``"frequency"``.
    kind : str
        ``"time"``, ``"frequency"``, ``"voltage"``, ``"current"``, ``"notype"``, ...
    attributes : dict
        What else the line says: ``grid``, ``min``, ``max``, ``dims`` ...
    """

    name: str
    kind: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class RawPlot:
    """The results of one analysis.

    ``plot["v(out)"]`` is a vector, real or complex as the file says; `scale` is the abscissa.

    Attributes
    ----------
    title, name : str
        Of the deck, and of the analysis (``"Transient Analysis"``).
    variables : tuple of RawVariable
        The first is the abscissa (except of an operating point).
    vectors : tuple of (T,) arrays
        In the same order, float or complex; shorter than the others where the file says so.
    date, flags : str
    dimensions : tuple of int
        Of nested sweeps, the outermost first; empty where there is one.
    options, commands : tuple of str
        As in the file.
    """

    title: str
    name: str
    variables: tuple[RawVariable, ...]
    vectors: tuple[Vector, ...]
    date: str = ""
    flags: str = "real"
    dimensions: tuple[int, ...] = ()
    options: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all vectors."""
        return tuple(v.name for v in self.variables)

    @property
    def complex(self) -> bool:
        """Whether the vectors are complex."""
        return any(np.iscomplexobj(v) for v in self.vectors)

    @property
    def scale(self) -> NDArray[np.float64]:
        """The first vector; of a frequency the real part, the other one is not defined."""
        first: NDArray[np.float64] = np.ascontiguousarray(np.real(self.vectors[0]))
        return first

    def __len__(self) -> int:
        return max((len(v) for v in self.vectors), default=0)

    def __getitem__(self, name: str) -> Vector:
        key = name.strip().lower().replace(" ", "")
        for variable, vector in zip(self.variables, self.vectors, strict=True):
            if variable.name.lower() == key:
                return self.scale if vector is self.vectors[0] else vector
        raise ParameterError(
            f"the plot {self.name!r} has no vector {name!r}; it has {', '.join(self.names)}"
        )

    def __contains__(self, name: str) -> bool:
        return name.strip().lower().replace(" ", "") in (n.lower() for n in self.names)

    def __repr__(self) -> str:
        return f"RawPlot({self.name!r}, {len(self.variables)} vectors of {len(self)})"

    def to_plots(self) -> list[RawPlot]:
        """Return it as what `write_raw` takes from results."""
        return [self]

    def to_dict(self) -> dict[str, Vector]:
        """Return all vectors by name."""
        return {name: self[name] for name in self.names}

    def to_dataframe(self) -> pd.DataFrame:
        """Return a `pandas.DataFrame` over the abscissa."""
        return dataframe(
            {name: self[name] for name in self.names[1:]}, {self.names[0]: self.scale}
        )


class HasPlots(Protocol):
    """What can be written: a plot, or the result of an analysis."""

    def to_plots(self) -> list[RawPlot]:
        """Return it as plots."""
