"""Noise of reads: thermal, shot, 1/f and random telegraph noise, as column currents.

The quick way: from the voltages and the effective matrix alone. `CircuitNoise` solves every read,
or takes the first order through the circuit; the tests compare them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.constants import Boltzmann, elementary_charge

from ...core.array_api import Values, is_tensor, like, namespace
from ...core.draws import Place, read_normals
from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import Array, number
from ...core.validation import count as whole
from .flicker import FlickerNoise, StateNoise
from .telegraph import TelegraphNoise

__all__ = ["ReadNoise", "shot_density", "thermal_density"]

_MOST = 1 << 22  # numbers drawn at once
_TINY = 1e-36  # ampere squared: keeps the root's derivative finite where nothing is noisy


def thermal_density(G: Values, temperature: float) -> Values:
    """Return 4 k T G, ampere^2 per hertz (H. Nyquist, Phys. Rev. 32:110, 1928)."""
    return 4.0 * Boltzmann * temperature * G


def shot_density(G: Values, v: Values, fano: float, temperature: float) -> Values:
    """Return the shot noise in excess of the thermal noise, ampere^2 per hertz.

    fano (2 e I coth(e v / 2 k T) - 4 k T G), I = G v: together with 4 k T G the noise of a
    conductor with Fano factor `fano` (Ya. M. Blanter and M. Buttiker, Phys. Rep. 336:1, 2000,
    eq. 62); 0 without a voltage, 2 e fano I far above k T / e.
    """
    xp = namespace(v)
    unit = 2.0 * Boltzmann * temperature / elementary_charge
    x = abs(v) / unit
    near = x < 1e-3
    safe = xp.where(near, xp.ones_like(x), x)
    excess = xp.where(near, x * x / 3.0, safe / xp.tanh(safe) - 1.0)  # x coth x - 1
    return fano * 4.0 * Boltzmann * temperature * G * excess


@dataclass(frozen=True)
class ReadNoise(Settings):
    """Noise of reads: thermal, shot, 1/f and random telegraph noise.

    Parameters
    ----------
    thermal : bool
        Johnson-Nyquist noise of the cells, 4 k T G in `bandwidth`, and of `feedback`.
    bandwidth : float
        Hertz, of the sense amplifier: 1/(2 t) for one that integrates over a time t, pi/2 times
        the corner of a single pole. Default 10 MHz, 50 ns.
    feedback : float, optional
        Ohm, of a transimpedance amplifier: its noise 4 k T / R adds to every column.
    shot : float
        Fano factor of the cells, 0 to 1: 0 for conductors much longer than an electron's mean free
        path (most filaments), 1/3 for diffusive ones, 1 for tunnelling through a barrier.
    flicker : FlickerNoise or StateNoise, optional
    telegraph : TelegraphNoise, optional

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Place, ReadNoise, TelegraphNoise
    >>> G = np.full((64, 16), 2e-5)  # siemens; without wires the effective matrix is its transpose
    >>> V = np.full((100, 64), 0.2)  # 100 reads
    >>> noise = ReadNoise(bandwidth=1e7, telegraph=TelegraphNoise())
    >>> current = V @ G + noise.sample(V, G.T, G, Place(7, "fc1"))
    >>> f"{current.std(axis=0).mean() / current.mean():.1%}"
    '0.1%'
    """

    thermal: bool = True
    bandwidth: float = 1e7
    feedback: float | None = None
    shot: float = 0.0
    flicker: FlickerNoise | StateNoise | None = field(default_factory=FlickerNoise)
    telegraph: TelegraphNoise | None = None

    def __post_init__(self) -> None:
        number("bandwidth", self.bandwidth, low=0.0, open_low=True, unit="hertz")
        number("shot", self.shot, low=0.0, high=1.0)
        if self.feedback is not None:
            number("feedback", self.feedback, low=0.0, open_low=True, unit="ohm")
        for name, kinds in (("flicker", (FlickerNoise, StateNoise)),
                            ("telegraph", (TelegraphNoise,))):
            value = getattr(self, name)
            if not (value is None or isinstance(value, kinds)):
                words = ", ".join(f"{kind.__name__}(...)" for kind in kinds)
                raise ParameterError(
                    f"`{name}` must be {words} or None; got {type(value).__name__}"
                )

    # -- the quick way -------------------------------------------------------------------------

    def variance(
        self, voltages: Values, matrix: Values, conductance: Values, *, temperature: float = 300.0,
        place: Place | None = None,
    ) -> Values:
        """Return the variance of the column currents, (B, N) or (N,) ampere^2.

        Cell (i, j) is taken to add the noise of its own conductance to its own column, attenuated
        as its signal is: var_j = sum_i (V_i W_ji)^2 sigma_ij^2, and 4 k T W_ji for its thermal
        noise. This leaves out that the wires' resistance opposes a cell's fluctuation, and what
        comes through other lines. Standard deviations of a 32 x 32 array against the circuit:
        1/f noise +2 %, thermal -4 %, shot noise +7 % where wires take 14 % of the currents;
        +4 %, -6 %, +13 % at 22 %; +10 %, -11 %, +35 % at 44 %.

        Parameters
        ----------
        voltages : (B, M) array or tensor, volt
        matrix : (N, M), siemens
            Effective matrix, of `Solver.effective_matrix`.
        conductance : (M, N), siemens
            Of the cells.
        temperature : float, kelvin
        place : Place, optional
            The array, whose traps then make the telegraph noise; default: the mean over arrays.
        """
        total = self._white_variance(voltages, matrix, temperature)
        relative = self._relative_variance(conductance)
        if relative is not None:
            total = total + (voltages * voltages) @ (matrix * matrix * relative.T).T
        if self.telegraph is not None:
            noise, p = self.telegraph, self.telegraph.occupancy
            traps: Any = noise.fraction
            if place is not None:
                traps = like(1.0 * noise.cells(place, _shape(conductance)), conductance)
            share = traps * p * (1.0 - p) * noise.height(conductance) ** 2
            total = total + (voltages * voltages) @ (matrix * matrix * share.T).T
        return total

    def sample(
        self, voltages: Values, matrix: Values, conductance: Values, place: Place,
        first_read: int = 0, *, phase: int = 0, temperature: float = 300.0,
    ) -> Values:
        """Return the noise of the column currents, (B, N) ampere, one read per voltage vector.

        The quick way, see `variance`. Gaussian noise is drawn per column, telegraph noise per trap
        of this place of the chip, since few traps do not make a Gaussian. Reads are independent;
        read `first_read` + k is the same whatever reads are drawn with it. With torch tensors,
        draws are constants and gradients flow through their scales.

        Parameters
        ----------
        voltages, matrix, conductance, temperature
            As of `variance`, NumPy arrays or torch tensors.
        place : Place
            Of the array.
        first_read : int
            Number of the first of the B reads.
        phase : int
            Number of the drive, where a read takes several: other draws, the same traps.
        """
        whole("first_read", first_read, low=0)
        whole("phase", phase, low=0)
        xp = namespace(voltages)
        reads, columns = voltages.shape[0], matrix.shape[0]
        if reads == 0:
            return voltages @ matrix.T
        var = self._white_variance(voltages, matrix, temperature)
        relative = self._relative_variance(conductance)
        if relative is not None:
            var = var + (voltages * voltages) @ (matrix * matrix * relative.T).T
        draws = read_normals(place, f"read noise {phase}", first_read, reads, columns)
        noise = xp.sqrt(var + _TINY) * like(draws, voltages)
        if self.telegraph is not None:
            noise = noise + self._traps(
                voltages, matrix, conductance, place, first_read, phase
            )
        return noise

    @property
    def linear_in_squares(self) -> bool:
        """Whether `linear_variance` says it all: neither shot nor telegraph noise."""
        return not self.shot and self.telegraph is None

    def linear_variance(
        self, matrix: Values, conductance: Values, temperature: float
    ) -> tuple[Values, Values | None]:
        """Return what the variance of column currents is without voltages, (N,), and by V^2.

        The latter (N, M) siemens^2, None without 1/f noise: ``white + squares @ V**2`` is
        `variance` where `linear_in_squares`. Parameters as there.
        """
        white = self._white_variance(None, matrix, temperature)
        relative = self._relative_variance(conductance)
        return white, None if relative is None else matrix * matrix * relative.T

    def _white_variance(self, voltages: Values, matrix: Values, temperature: float) -> Values:
        """Return the variance of thermal and shot noise, (B, N) or (N,)."""
        number("temperature", temperature, low=0.0, open_low=True, unit="kelvin")
        xp = namespace(matrix)
        total = xp.zeros_like(matrix[:, 0])
        size = abs(matrix)
        if self.thermal:
            feedback = 0.0 if self.feedback is None else 1.0 / self.feedback
            total = thermal_density(size.sum(1) + feedback, temperature)
        if self.shot:
            each = shot_density(xp.ones_like(voltages), voltages, self.shot, temperature)
            total = total + each @ size.T
        return total * self.bandwidth

    def _relative_variance(self, conductance: Values) -> Values | None:
        """Return the variance of 1/f noise, relative to G^2."""
        return None if self.flicker is None else self.flicker.sigma(conductance) ** 2

    def _traps(
        self, voltages: Values, matrix: Values, conductance: Values, place: Place, first: int,
        phase: int,
    ) -> Values:
        noise = self.telegraph
        if noise is None:
            raise AssertionError("only called with traps")
        xp = namespace(voltages)
        shape = _shape(conductance)
        reads = voltages.shape[0]
        chunk = max(1, _MOST // max(1, int(shape[0] * shape[1] * noise.fraction)))
        parts = []
        for start in range(0, reads, chunk):
            stop = min(reads, start + chunk)
            filled, (rows, columns) = noise.reads(
                place, shape, first + start, stop - start, phase
            )
            jump = like(noise.occupancy - filled, voltages)
            signal = matrix[columns, rows] * noise.height(conductance[rows, columns])
            each = voltages[start:stop][:, rows] * signal * jump
            parts.append(_by_column(each, columns, shape[1]))
        return xp.concatenate(parts) if not is_tensor(voltages) else xp.cat(parts)

    # -- the conductances of every read --------------------------------------------------------

    def conductances(
        self, conductance: Array, place: Place, count: int, first_read: int = 0,
        *, times: Array | None = None, state: tuple[float, NDArray[np.bool_]] | None = None,
    ) -> Array:
        """Return the conductances in `count` reads, (count, M, N) siemens: 1/f and telegraph noise.

        For solving every read exactly. Traps are those of `sample`, in the same states in every
        read.

        Parameters
        ----------
        conductance : (M, N) array, siemens
        place, first_read
            As of `sample`.
        times : (count,) array, second, optional
            Makes the traps' states correlated in time, as `TelegraphNoise.sequence`; `state` is the
            second result of that for the reads before, where there are any. 1/f noise stays
            independent from read to read.
        """
        G = np.asarray(conductance, dtype=np.float64)
        shape = _shape(G)
        relative = np.zeros((count, *shape))
        if self.flicker is not None:
            draws = read_normals(place, "read noise: cells", first_read, count, G.size)
            relative += self.flicker.sigma(G) * draws.reshape(count, *shape)
        if self.telegraph is not None:
            noise = self.telegraph
            height = noise.height(G)
            if times is None:
                filled, (rows, columns) = noise.reads(place, shape, first_read, count)
                relative[:, rows, columns] += height[rows, columns] * (noise.occupancy - filled)
            else:
                full, _ = noise.sequence(place, shape, times, first=first_read, state=state)
                traps = noise.cells(place, shape)
                relative += np.where(traps, height * (noise.occupancy - full), 0.0)
        # a Gaussian has no end; a conductance ends at 0
        found: Array = np.maximum(G * (1.0 + relative), 0.0)
        return found


def _shape(conductance: Values) -> tuple[int, int]:
    return int(conductance.shape[0]), int(conductance.shape[1])


def _by_column(each: Values, columns: Any, count: int) -> Values:
    """Return the sums of each (B, n) over the entries of every column, (B, count); by column."""
    if is_tensor(each):
        index = namespace(each).as_tensor(columns)
        return each.new_zeros((each.shape[0], count)).index_add(1, index, each)
    sums = np.zeros((len(each), count))
    present, starts = np.unique(columns, return_index=True)
    if len(present):
        sums[:, present] = np.add.reduceat(each, starts, axis=1)
    return sums
