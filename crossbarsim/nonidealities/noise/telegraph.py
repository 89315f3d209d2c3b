"""Random telegraph noise: cells whose conductance jumps between two values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.array_api import Values
from ...core.draws import Place, read_uniforms
from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import Array, finite_array, number
from .flicker import scaled

__all__ = ["TelegraphNoise"]

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class TelegraphNoise(Settings):
    """Random telegraph noise: a trap in some cells, which conduct less while it is filled.

    The conductance jumps by the relative amplitude a(G) around its mean, which is the programmed
    one: G (1 + a p) while the trap is empty, G (1 - a (1 - p)) while it is filled, which it is a
    share p = emission / (capture + emission) of the time; variance (a G)^2 p (1 - p). The
    amplitude grows with the resistance and saturates (D. Ielmini et al., Appl. Phys. Lett.
    96:053503, 2010; S. Ambrogio et al., IEEE Trans. Electron Devices 61:2920, 2014), from about a
    percent in low to tens of percent in high resistive states. The defaults are chosen here,
    within that range.

    Parameters
    ----------
    amplitude : float
        a at the conductance `reference`, > 0 and < 1.
    fraction : float
        Share of the cells that have a trap: the same cells in every read of a chip.
    capture, emission : float
        Mean times that a trap stays empty and filled, second; their median over the cells.
    decades : float
        Width of the spread of these times from cell to cell, log-uniform, both by one factor.
    reference : float
        Siemens.
    slope : float
        a is proportional to G^-slope, slope >= 0.
    limit : float
        Upper limit of a, < 1.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Place, TelegraphNoise
    >>> noise = TelegraphNoise(amplitude=0.05, fraction=0.1, slope=0.5)
    >>> int(noise.cells(Place(7), (64, 64)).sum())  # cells with a trap
    407
    >>> noise.height(np.array([1e-6, 1e-4]))
    array([0.5 , 0.05])
    """

    amplitude: float = 0.05
    fraction: float = 0.1
    capture: float = 1e-2
    emission: float = 1e-2
    decades: float = 0.0
    reference: float = 1e-4
    slope: float = 0.0
    limit: float = 0.5

    def __post_init__(self) -> None:
        for name in ("amplitude", "limit", "reference", "capture", "emission"):
            number(name, getattr(self, name), low=0.0, open_low=True)
        for name in ("amplitude", "limit"):
            if getattr(self, name) >= 1.0:
                raise ParameterError(f"`{name}` = {getattr(self, name):g} must be below 1")
        number("fraction", self.fraction, low=0.0, high=1.0)
        for name in ("decades", "slope"):
            number(name, getattr(self, name), low=0.0)

    @property
    def occupancy(self) -> float:
        """Share of the time that a trap is filled."""
        return self.emission / (self.capture + self.emission)

    def height(self, G: Values) -> Values:
        """Return the relative amplitude of cells with a trap, of conductances G siemens."""
        return scaled(self.amplitude, G, self.reference, self.slope, self.limit)

    def cells(self, place: Place, shape: tuple[int, int]) -> Bools:
        """Return which cells of an array have a trap, (M, N)."""
        found: Bools = place.generator("telegraph: cells").random(shape) < self.fraction
        return found

    def rates(self, place: Place, shape: tuple[int, int]) -> Array:
        """Return 1 / capture + 1 / emission of every cell, (M, N) per second."""
        spread = place.generator("telegraph: times").random(shape) - 0.5
        rate: Array = (1.0 / self.capture + 1.0 / self.emission) * 10.0 ** (self.decades * spread)
        return rate

    def reads(
        self, place: Place, shape: tuple[int, int], first: int, count: int, phase: int = 0
    ) -> tuple[Bools, tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Return the traps in independent reads first..first + count - 1, each at equilibrium.

        `phase` tells apart the drives of one read.

        Returns
        -------
        filled : (count, n) bool
        cells : (rows, columns), each (n,), of the n traps, by column
        """
        columns, rows = np.nonzero(self.cells(place, shape).T)
        draws = read_uniforms(place, f"telegraph: reads {phase}", first, count, len(rows))
        return draws < self.occupancy, (rows, columns)

    def sequence(
        self, place: Place, shape: tuple[int, int], times: Array, *, first: int = 0,
        state: tuple[float, Bools] | None = None,
    ) -> tuple[Bools, tuple[float, Bools]]:
        """Return the traps at increasing `times`, a Markov chain of capture and emission.

        Exact: between two reads a trap forgets its state by exp(-dt (1/capture + 1/emission)).

        Parameters
        ----------
        times : (K,) array, second
            Of the reads first..first + K - 1.
        first : int
        state : (float, (M, N) bool), optional
            What the call for the reads before `first` returned as its second value.

        Returns
        -------
        filled : (K, M, N) bool
            False in cells without a trap.
        state : (float, (M, N) bool)
            Last time and traps, for the call that goes on.
        """
        t = finite_array("times", times)
        before = () if state is None else (state[0],)
        if t.ndim != 1 or t.size == 0 or (np.diff(np.concatenate([before, t])) < 0.0).any():
            raise ParameterError("`times` must be one or more rising times, after those before")
        if (state is None) != (first == 0):
            raise ParameterError(
                "`state` must be given for reads after the first one (`first` > 0), and only then"
            )
        traps, rate = self.cells(place, shape), self.rates(place, shape)
        draws = read_uniforms(
            place, "telegraph: sequence", first, len(t), int(np.prod(shape))
        ).reshape(len(t), *shape)
        p = self.occupancy
        filled = np.empty(draws.shape, dtype=bool)
        for k in range(len(t)):
            chance: Array | float = p
            if state is not None:
                last, full = state
                chance = p + (full - p) * np.exp(-(t[k] - last) * rate)
            filled[k] = traps & (draws[k] < chance)
            state = float(t[k]), filled[k]
        if state is None:
            raise AssertionError("there is one read at least")
        return filled, state

    def spectrum(self, G: float, frequency: Array) -> Array:
        """Return the power density of the conductance of one cell with a trap, S^2/Hz.

        A Lorentzian, one-sided: 4 (a G)^2 p (1 - p) tau / (1 + (2 pi f tau)^2) with 1/tau =
        1/capture + 1/emission (S. Machlup, J. Appl. Phys. 25:341, 1954).
        """
        tau = 1.0 / (1.0 / self.capture + 1.0 / self.emission)
        p, a = self.occupancy, float(self.height(np.asarray(float(G))))
        f = finite_array("frequency", frequency)
        return 4.0 * (a * G) ** 2 * p * (1.0 - p) * tau / (1.0 + (2.0 * math.pi * f * tau) ** 2)
