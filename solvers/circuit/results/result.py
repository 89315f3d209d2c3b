"""What all results of circuits have in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

from ..rawfile.plots import RawPlot

__all__ = ["Result"]


class Result(Protocol):
    r"""A result of an analysis: it answers ngspice's names, ``result["v(out)"]``.

    `OperatingPoint`, `Sweep`, `Transient`, `Spectrum`, `NoiseSpectrum`, `TransferFunction`,
    `Sensitivities`, `SensitivitySpectrum`, `Fourier`, and `Stepped`, which holds one of these for
    every value of a ``.step``. Names that are not there raise `ParameterError`.

    Examples
    --------
    >>> from crossbarsim import Simulator, read_spice
    >>> deck = read_spice("divider\nV1 in 0 1\nR1 in out 1k\nR2 out 0 1k\n.op\n.dc V1 0 2 1\n")
    >>> for result in Simulator().run(deck):
    ...     print(type(result).__name__, result["v(out)"])
    OperatingPoint 0.5
    Sweep [0.  0.5 1. ]
    """

    short_name: ClassVar[str]
    """Of files: ``tran``, ``ac``, ..."""

    @property
    def measures(self) -> Mapping[str, Any]:
        """What ``.measure`` found, by name: numbers, over steps arrays; NaN where one failed."""

    def to_plots(self) -> list[RawPlot]:
        """Return the result as the plots of a .raw file."""

    def to_raw(self, path: str | Path, *, binary: bool = True) -> None:
        """Write the result to a .raw file, ngspice's format."""

    def __getitem__(self, query: str, /) -> Any: ...
