"""Fourier analysis of a transient's last period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import SupportsIndex, overload

import numpy as np

from ....core.errors import ParameterError
from ....core.validation import Array
from ....core.views.brief import brief, brief_repr
from ....core.views.panels import Curve, Curves
from ....core.views.shown import View
from ..rawfile.plots import RawPlot, RawVariable
from ..results.plotted import Plotted

__all__ = ["Fourier", "Harmonics", "harmonics"]


@dataclass(frozen=True, eq=False)
class Harmonics:
    """Harmonics of one waveform, as ``.four`` finds them.

    Attributes
    ----------
    name : str
    frequency : (H,) hertz, 0 first
    magnitude : (H,)
        Amplitudes of sines; the mean at frequency 0.
    phase : (H,) degree
        ``magnitude sin(2 pi f t + phase)``, t from the start of the last period.
    distortion : float
        Total harmonic distortion, percent of the fundamental.

    Examples
    --------
    >>> from crossbarsim import Circuit, Simulator, Sine
    >>> from crossbarsim.solvers.circuit.analyses.fourier import harmonics
    >>> circuit = Circuit().V(1, "in", 0, Sine(0.5, 0.2, 1e3)).R(1, "in", 0, "1k")
    >>> run = Simulator().transient(circuit, "1m", max_step="1u")
    >>> found = harmonics("v(in)", run.time, run["v(in)"], 1e3, count=3)
    >>> found.frequency, found.magnitude.round(4)  # hertz, volt
    (array([   0., 1000., 2000.]), array([0.5, 0.2, 0. ]))
    """

    name: str
    frequency: Array
    magnitude: Array
    phase: Array
    distortion: float

    __repr__ = brief_repr

    @property
    def normalised(self) -> Array:
        """Magnitudes over that of the fundamental; 0 for the mean, as in ngspice."""
        found: Array = self.magnitude / self.magnitude[1]
        found[0] = 0.0
        return found

    def __str__(self) -> str:
        lines = [f"Fourier analysis of {self.name}: THD {self.distortion:.6g} %"]
        rows = zip(self.frequency, self.magnitude, self.phase, self.normalised, strict=True)
        lines += [
            f"{k:4d} {f:12.6g} Hz {m:14.6g} {p:10.4f} deg {n:12.6g}"
            for k, (f, m, p, n) in enumerate(rows)
        ]
        return "\n".join(lines)


class Fourier(list[Harmonics], Plotted):
    r"""The result of ``.four``: a list with the `Harmonics` of every output; ``result["v(out)"]``.

    Outputs that it does not have raise `ParameterError`.

    Examples
    --------
    >>> from crossbarsim import Simulator, read_spice
    >>> deck = "sine\nV1 in 0 SIN(0 1 1k)\nR1 in 0 1k\n.tran 1u 1m\n.four 1k v(in)\n"
    >>> run, fourier = Simulator().run(read_spice(deck))
    >>> round(float(fourier["v(in)"].magnitude[1]), 3)  # volt
    1.0
    """

    title = ""
    """Of the circuit."""
    short_name = "four"

    @property
    def measures(self) -> dict[str, float]:
        """Empty: measures are of curves."""
        return {}

    def __repr__(self) -> str:
        return f"Fourier({brief([one.name for one in self])}, {len(self)} outputs)"

    def _view(self) -> View:
        if not self:
            raise ParameterError("the Fourier analysis has no output: there is nothing to show")
        curves = [Curve(one.name, one.frequency, one.magnitude) for one in self]
        phases = [Curve(one.name, one.frequency, one.phase) for one in self]
        across = ("frequency", "Hz")
        facts = {f"distortion of {one.name}": f"{one.distortion:.4g} %" for one in self}
        return View(f"Fourier analysis: {self.title}", facts, [
            Curves("Amplitudes of the harmonics", curves, across, ("amplitude", "")),
            Curves("Phases", phases, across, ("phase", "degree")),
        ])

    def to_plots(self) -> list[RawPlot]:
        """Return magnitudes and phases (degree) over the frequencies as a plot of a .raw file."""
        variables, vectors = [RawVariable("frequency", "frequency")], [self[0].frequency]
        for one in self:
            name = one.name.replace(" ", "")
            variables.append(RawVariable(f"mag({name})", "notype"))
            variables.append(RawVariable(f"ph({name})", "phase"))
            vectors += [one.magnitude, one.phase]
        return [RawPlot(self.title or "crossbarsim", "Fourier Analysis", tuple(variables),
                        tuple(vectors))]

    @overload
    def __getitem__(self, key: str | SupportsIndex, /) -> Harmonics: ...

    @overload
    def __getitem__(self, key: slice, /) -> list[Harmonics]: ...

    def __getitem__(self, key: str | SupportsIndex | slice, /) -> Harmonics | list[Harmonics]:
        if not isinstance(key, str):
            return super().__getitem__(key)
        for one in self:
            if one.name.lower() == key.strip().lower():
                return one
        known = ", ".join(one.name for one in self)
        raise ParameterError(f"no Fourier analysis of {key!r}; there is that of {known}")


def harmonics(
    name: str, time: Array, values: Array, frequency: float, *, count: int = 10, grid: int = 200
) -> Harmonics:
    """Return the harmonics of `values` (T,) over the last period of `frequency`.

    As ngspice's ``.four``: the last period is read at `grid` equal steps, linear between the
    points, and transformed.

    Parameters
    ----------
    name : str
    time : (T,) second
    values : (T,)
    frequency : float, hertz
    count : int
        Harmonics, that of frequency 0 among them (ngspice's ``nfreqs``).
    grid : int
        Points (ngspice's ``fourgridsize``); sharp waves need more.

    Raises
    ------
    ParameterError
        The transient is shorter than a period, or the grid too coarse for the harmonics.
    """
    if not frequency > 0:
        raise ParameterError(f"`frequency` must be > 0 hertz; got {frequency!r}")
    if not 2 <= count <= grid // 2:
        raise ParameterError(f"`count` must be between 2 and half of `grid`; got {count!r}")
    period = 1.0 / frequency
    span = float(time[-1] - time[0])
    if span < period * (1 - 1e-9):
        raise ParameterError(
            f"{name}: a period of {frequency:g} Hz is {period:g} s, the transient only {span:g} s"
        )
    steps = np.arange(grid) / grid
    y = np.interp(time[-1] - period * (1.0 - steps), time, values)
    found = np.fft.rfft(y)[:count] * (2.0 / grid)
    magnitude: Array = np.abs(found).astype(np.float64)
    magnitude[0] = found[0].real / 2.0
    # y = Im(found) sin + ...: a cosine of amplitude c is a sine with 90 degrees
    phase: Array = np.degrees(np.angle(found * 1j)).astype(np.float64)
    phase[0] = 0.0
    distortion = 100.0 * float(np.sqrt((magnitude[2:] ** 2).sum()) / magnitude[1]) if (
        magnitude[1] > 0
    ) else np.inf
    multiples: Array = frequency * np.arange(count, dtype=np.float64)
    return Harmonics(name, multiples, magnitude, phase, distortion)
