"""Results as plots of .raw files."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ....core.views.shown import Shown, View
from ..rawfile.plots import RawPlot, RawVariable
from ..rawfile.writer import write_raw
from .views import table_view

__all__ = ["Plotted", "Tabular", "kind_of"]


def kind_of(name: str) -> str:
    """Return what a vector is in ngspice's words: ``voltage``, ``current``, ``time``, ..."""
    if name in ("time", "frequency"):
        return name
    if name.startswith(("onoise", "inoise")):
        return "voltage-density" if "total" not in name else "voltage"
    if name.startswith("v("):
        return "voltage"
    current = name.startswith("i(") or re.search(r"\[(i[a-z]{0,2}|current)\]$", name)
    return "current" if current else "notype"


class Plotted(Shown, ABC):
    """What every result of a circuit can: it is written to a .raw file."""

    short_name: ClassVar[str]
    """Of files."""

    @abstractmethod
    def to_plots(self) -> list[RawPlot]:
        """Return the result as the plots of a .raw file, named as ngspice names them."""

    def to_raw(self, path: str | Path, *, binary: bool = True) -> None:
        r"""Write the result to a .raw file, which ngspice's ``load`` and `read_raw` read.

        `write_raw` writes several results to one file.

        Parameters
        ----------
        path : path
            A file that is there is replaced once the new one is whole.
        binary : bool
            Else text of 17 digits, which is as exact.

        Raises
        ------
        OSError
            As `open`.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> from crossbarsim import Solver, read_raw, read_spice
        >>> (sweep,) = Solver().run(read_spice("one\nV1 a 0 1\nR1 a 0 1k\n.dc V1 0 2 1\n"))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     place = pathlib.Path(folder, "sweep.raw")
        ...     sweep.to_raw(place)
        ...     read_raw(place)[0]["v(a)"]
        array([0., 1., 2.])
        """
        write_raw(path, self.to_plots(), binary=binary)


class Tabular(Plotted):
    """A result that is one table of vectors."""

    plot_name: ClassVar[str]
    """ngspice's name of the analysis."""

    def _scale(self) -> tuple[RawVariable, Any] | None:
        """Return the abscissa at every point; None: there is none."""
        return None

    def _dimensions(self) -> tuple[int, ...]:
        return ()

    @abstractmethod
    def _vectors(self) -> Iterable[tuple[str, ArrayLike]]:
        """Return all vectors beside the abscissa, by name."""

    def to_plot(
        self, vectors: Sequence[tuple[str, ArrayLike]] | None = None, title: str = ""
    ) -> RawPlot:
        """Return the table as a plot, with all its vectors or with the given ones.

        Nested sweeps are one after another, with ngspice's dimensions; as there, only the inner
        sweep's values are kept.
        """
        own = getattr(getattr(self, "circuit", None), "title", "")
        scale = self._scale()
        variables, found = ([], []) if scale is None else ([scale[0]], [scale[1]])
        for text, vector in self._vectors() if vectors is None else vectors:
            plain = text.replace(" ", "")
            if plain.startswith("@"):  # as ngspice's files name it
                plain = f"{'i' if kind_of(plain) == 'current' else 'v'}({plain})"
            variables.append(RawVariable(plain, kind_of(text)))
            found.append(np.ravel(np.asarray(vector)))
        return RawPlot(
            title or own or "crossbarsim", self.plot_name, tuple(variables), tuple(found),
            dimensions=self._dimensions(),
        )

    def to_plots(self) -> list[RawPlot]:
        """Return the result as the plots of a .raw file, named as ngspice names them."""
        return [self.to_plot()]

    def _view(self) -> View:
        circuit = getattr(self, "circuit", None)
        values = {name: float(np.real(value)) for name, value in self._vectors()}
        return table_view(self.plot_name, circuit, values, [("value", "?")])
