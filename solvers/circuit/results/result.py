"""What all results of circuits have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["Result"]


class Result(Protocol):
    """A result of an analysis: it answers ngspice's names, ``result["v(out)"]``.

    `OperatingPoint`, `Sweep`, `Transient`, `Spectrum`, `NoiseSpectrum`, `TransferFunction`,
    `Sensitivities`, `SensitivitySpectrum`, `Fourier`, and `Stepped`, which holds one of these for
    every value of a ``.step``.
    """

    @property
    def measures(self) -> Mapping[str, Any]:
        """What ``.measure`` found, by name: numbers, over steps arrays; NaN where one failed."""

    def __getitem__(self, query: str, /) -> Any: ...
