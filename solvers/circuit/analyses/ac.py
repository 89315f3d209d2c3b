"""Small signals over frequency."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from ....core.validation import Array
from ....netlists.analyses import Ac
from ....netlists.circuit import Circuit
from ..rawfile.plots import RawVariable
from ..results.names import Names
from ..results.quantities import Part
from ..results.results import Curves
from .op import OperatingPoint, written_out
from .registry import register
from .small_signal import Complexes, SmallSignal, complex_sources

__all__ = ["Spectrum", "ac"]

_PARTS: dict[str, Callable[[Any], Any]] = {"m": np.abs, "r": np.real, "i": np.imag, "p": np.angle}


class Spectrum(Curves):
    """The result of an AC analysis: complex amplitudes over frequency, by ngspice's names.

    ``result["v(out)"]`` is (F,) complex, volt; ``["vm(out)"]``, ``["vdb(out)"]``, ``["vp(out)"]``
    (radian), ``["vr(out)"]``, ``["vi(out)"]`` are magnitude, decibel, phase, real and imaginary
    part, the same for currents: ``["im(v1)"]``. Names that are not there raise `ParameterError`.

    Attributes
    ----------
    frequency : (F,) hertz
        Also ``result["frequency"]``.
    point : OperatingPoint
        Where the circuit was linearised.

    Examples
    --------
    >>> from crossbarsim import Circuit, Simulator
    >>> circuit = Circuit().V(1, "in", 0, 0.0, ac=1.0).R(1, "in", "out", "1k").C(1, "out", 0, "1u")
    >>> spectrum = Simulator().ac(circuit, [1.0, 159.15494309])
    >>> spectrum["vm(out)"].round(3), spectrum["vdb(out)"].round(2)
    (array([1.   , 0.707]), array([-0.  , -3.01]))
    """

    _analysis = "ac"
    plot_name, short_name = "AC Analysis", "ac"

    def __init__(
        self, circuit: Circuit, names: Names, values: Complexes, place: dict[int, int] | None,
        frequency: Array, point: OperatingPoint,
    ) -> None:
        super().__init__(circuit, names, values, place)
        self.frequency, self.point = frequency, point

    def __repr__(self) -> str:
        return f"Spectrum({self.circuit!r}, {len(self.frequency)} frequencies)"

    @property
    def axes(self) -> dict[str, Array]:
        """``{"frequency": ...}``."""
        return {"frequency": self.frequency}

    def _scale(self) -> tuple[RawVariable, Any]:
        # ngspice's files: the frequency is complex as the vectors are
        return RawVariable("frequency", "frequency", {"grid": "3"}), self.frequency.astype(complex)

    def _quantity(self, element: str, name: str) -> Any:
        system = self.point.system
        x = cast("Complexes", self._whole(f"@{element}[{name}]"))
        names = self._names
        part = Part(self.circuit, system.temperature, names.nodes, names.labels, [element])
        return part.small_signal(name, element, self.point.x[:-1], x, self.frequency)

    def shown_kinds(self) -> list[tuple[str, str, list[str], str]]:
        """Return magnitudes and phases, of voltages and of currents."""
        return [
            (f"{part} of the {kind}", unit if part == "magnitude" else "degree",
             [n for n in self.names if self._unit(n) == unit], part)
            for kind, unit in (("voltage", "V"), ("current", "A")) for part in
            ("magnitude", "phase")
        ]

    def __getitem__(self, query: str) -> Any:
        key = query.strip().lower() if isinstance(query, str) else query
        if isinstance(key, str) and key[:1] in ("v", "i") and "(" in key:
            part, rest = key[1:].split("(", 1)
            if part.strip() == "db":
                with np.errstate(divide="ignore"):
                    return 20.0 * np.log10(np.abs(self[f"{key[0]}({rest}"]))
            if part.strip() in _PARTS:
                return _PARTS[part.strip()](self[f"{key[0]}({rest}"])
        return super().__getitem__(query)


def ac(
    circuit: Circuit, analysis: Ac, *, save: Sequence[str] | None = None
) -> Spectrum:
    """Return the response to all sources' ``ac`` amplitudes.

    The circuit is linearised at its operating point; (G + j w C) x = b is solved at every
    frequency, delays of ideal lines exactly.

    Parameters
    ----------
    circuit : Circuit
    analysis : Ac
        Hertz.
    save : sequence of str, optional
        What to keep, such as ``"v(out)"``; default: everything.

    Raises
    ------
    ConvergenceError
        Of the operating point.
    SingularCircuitError
        Something floats without its capacitances.
    """
    point = written_out(circuit, large=False)
    small = SmallSignal(point)
    hertz = analysis.points.frequencies
    x: Complexes = small.solve(hertz, -complex_sources(small.system.groups, small.size))
    names = point.names
    place: dict[int, int] | None = None
    values = x[:, :-1]
    if save is not None:
        columns = list(dict.fromkeys(
            k for query in save for k in names.find(query) if k is not None and k >= 0
        ))
        place = {k: m for m, k in enumerate(columns)}
        values = values[:, columns]
    return Spectrum(circuit, names, values, place, hertz, point)


@register(Ac)
def _ac(circuit: Circuit, analysis: Ac, save: Sequence[str] | None) -> Spectrum:
    return ac(circuit, analysis, save=save)
