"""Small-signal transfer at the operating point, and the resistances seen from both ends."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ....core.errors import ParameterError
from ....core.validation import Array
from ....core.views.brief import brief_repr
from ....netlists.analyses import Tf
from ....netlists.circuit import Circuit
from ..results.names import Names
from ..results.plotted import Tabular
from .op import OperatingPoint, written_out
from .registry import register
from .small_signal import SmallSignal

__all__ = ["TransferFunction", "drive_of", "output_row", "tf"]


@dataclass(frozen=True, eq=False)
class TransferFunction(Tabular):
    """The result of ``.tf``: small-signal gain and resistances; ``result["transfer_function"]``.

    Names that are not there raise `ParameterError`.

    Attributes
    ----------
    output, source : str
    gain : float
        Output over source: without unit, ohm or siemens.
    input_resistance, output_resistance : float, ohm
        Seen by the source, and at the output; infinite where no current flows.
    point : OperatingPoint

    Examples
    --------
    >>> from crossbarsim import Circuit, Simulator
    >>> circuit = Circuit().V(1, "in", 0, 1.0).R(1, "in", "out", "1k").R(2, "out", 0, "1k")
    >>> found = Simulator().transfer_function(circuit, "v(out)", "v1")
    >>> round(found.gain, 9), round(found.input_resistance, 6), round(found.output_resistance, 6)
    (0.5, 2000.0, 500.0)
    """

    output: str
    source: str
    gain: float
    input_resistance: float
    output_resistance: float
    point: OperatingPoint

    __repr__ = brief_repr

    plot_name = "Transfer Function"
    short_name = "tf"

    @property
    def circuit(self) -> Circuit:
        """Of which it is."""
        return self.point.circuit

    def _vectors(self) -> Iterable[tuple[str, float]]:
        return self.to_dict().items()

    @property
    def measures(self) -> dict[str, float]:
        """Empty: measures are of curves."""
        return {}

    def to_dict(self) -> dict[str, float]:
        """Return the three by ngspice's names."""
        return {
            "transfer_function": self.gain,
            f"output_impedance_at_{self.output}": self.output_resistance,
            f"{self.source}#input_impedance": self.input_resistance,
        }

    def __getitem__(self, query: str) -> float:
        found = self.to_dict()
        key = query.strip().lower()
        if key not in found:
            raise ParameterError(f"a transfer function has {', '.join(found)}; got {query!r}")
        return found[key]


def output_row(names: Names, output: Sequence[str], size: int) -> tuple[str, Array]:
    """Return the name of a probe ``("v", a, b)`` or ``("i", source)``, and e with value e . x."""
    row = np.zeros(size + 1)
    if output[0] == "v":
        first, second = output[1], output[2] if len(output) > 2 else "0"
        row[names.node(first)] += 1.0
        row[names.node(second)] -= 1.0
        row[-1] = 0.0
        text = first if second == "0" else f"{first},{second}"
        return f"v({text})", row
    if output[0] == "i":
        row[names.branch(output[1])] = 1.0
        return f"i({output[1].lower()})", row
    raise ParameterError(f"an output must be a voltage or a source's current; got {output!r}")


def drive_of(circuit: Circuit, names: Names, source: str, size: int) -> tuple[str, Array]:
    """Return a source's letter, and what a unit of it puts into f, (n + 1,)."""
    element = circuit[source]
    drive = np.zeros(size + 1)
    if element.kind == "V":
        drive[names.branch(element.name)] = -1.0
    elif element.kind == "I":
        drive[names.node(element.nodes[0])] += 1.0
        drive[names.node(element.nodes[1])] -= 1.0
        drive[-1] = 0.0
    else:
        raise ParameterError(f"{source!r} must be an independent source (V or I)")
    return element.kind, drive


def tf(circuit: Circuit, analysis: Tf) -> TransferFunction:
    """Return the gain from `analysis.source` to `analysis.output`, and both resistances.

    Raises
    ------
    ParameterError
        No such source or output.
    """
    point = written_out(circuit, large=False)
    small, names = SmallSignal(point), point.names
    output, row = output_row(names, analysis.output, small.size)
    kind, drive = drive_of(circuit, names, analysis.source, small.size)
    x = small.solve_static(-drive)
    gain = float(row @ x)
    if kind == "V":  # the current that it delivers
        current = -x[names.branch(analysis.source)]
        seen = _over(1.0, float(current))
    else:
        seen = float(drive @ x) * -1.0
    if analysis.output[0] == "v":
        resistance = float(row @ small.solve_static(row))
    else:
        element = circuit[analysis.output[1]]
        unit = np.zeros(small.size + 1)
        unit[names.branch(element.name)] = -1.0
        resistance = _over(1.0, -float(row @ small.solve_static(-unit)))
    return TransferFunction(output, analysis.source.lower(), gain, seen, resistance, point)


def _over(a: float, b: float) -> float:
    return a / b if abs(b) > 1e-300 else math.inf


@register(Tf)
def _tf(circuit: Circuit, analysis: Tf, save: Sequence[str] | None) -> TransferFunction:
    del save
    return tf(circuit, analysis)
