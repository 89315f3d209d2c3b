"""Noise of reads through the circuit: every read solved, or first order by the adjoint field."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ...core.draws import Place, read_normals
from ...core.errors import ParameterError
from ...core.settings import checks_arguments
from ...core.validation import Array
from ...netlists.crossbar.crossbar import Crossbar, Resistive
from ...solvers import Solver
from ...solvers.crossbar.sense_adjoint import SenseFields, sense_fields
from ..protocols import CellLaw
from .noise import ReadNoise, shot_density, thermal_density

__all__ = ["CircuitNoise"]


@checks_arguments
@dataclass(frozen=True, eq=False)
class CircuitNoise:
    """Read noise of one crossbar of resistors, through its wires and ends.

    Thermal noise is that of the whole network, wires, drivers and sense resistances included: by
    Nyquist's theorem the currents into the sensed ends have the covariance 4 k T B Y, with Y
    (N, N) the admittance between these ends (R. Q. Twiss, J. Appl. Phys. 26:599, 1955). All of it
    is taken to be at one temperature.

    Parameters
    ----------
    xbar : Crossbar
        Of plain resistors.
    noise : ReadNoise
    place : Place
        Of the array.
    temperature : float
        Kelvin.
    solver : Solver, optional

    Raises
    ------
    ParameterError
        Other cells than resistors.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Wires
    >>> from crossbarsim.nonidealities import CircuitNoise, Place, ReadNoise
    >>> xbar = Crossbar(np.full((8, 4), 1e-5), Wires(word=2.0, bit=2.0))
    >>> noisy = CircuitNoise(xbar, ReadNoise(), Place(7))
    >>> V = np.full((3, 8), 0.2)  # three reads
    >>> noisy.read(V).shape
    (3, 4)
    >>> (np.sqrt(noisy.variance(V))[0] * 1e9).round(1)  # nA rms
    array([17.9, 17.9, 17.9, 17.9])
    """

    xbar: Crossbar
    noise: ReadNoise
    place: Place
    temperature: float = 300.0
    solver: Solver = field(default_factory=Solver)

    def __post_init__(self) -> None:
        if not isinstance(self.xbar.cells, Resistive) or self.xbar.layout != "crosspoint":
            raise ParameterError(
                "`xbar` must be a crosspoint array of plain resistors; give the low-field "
                "conductances, or solve noisy devices read by read (`read(iv=...)`)"
            )

    @cached_property
    def fields(self) -> SenseFields:
        """Adjoint voltages across the cells and the admittance of the sensed ends."""
        return sense_fields(self.solver, self.xbar)

    def read(self, V: Array, first_read: int = 0, *, iv: CellLaw | None = None) -> Array:
        """Return the currents (B, N) of B reads, each solved with the conductances of that read.

        Thermal, shot and feedback noise are added to the currents.

        Parameters
        ----------
        V : (B, M) array, volt
        first_read : int
            Number of the first read.
        iv : CellLaw, optional
            Non-linear cells in place of resistors, with the conductances of every read.
        """
        V = np.atleast_2d(np.asarray(V, dtype=np.float64))
        xbar = self.xbar
        G = self.noise.conductances(xbar.conductance, self.place, len(V), first_read)
        cells: list[Any] = [Resistive(g) if iv is None else iv.cells(g) for g in G]
        solutions = self.solver.solve_many(
            [xbar.with_cells(c) for c in cells], list(V), fields="currents"
        )
        return np.stack([s.currents for s in solutions]) + self.additive(V, first_read)

    def first_order(self, V: Array, first_read: int = 0) -> Array:
        """Return the noise (B, N) of the same reads as `read`, to first order in every cell.

        dI_j = sum dG (u - w) l_j over all cells of the array, with the cells' voltages u - w
        without noise and the adjoint voltages l_j across them.
        """
        V = np.atleast_2d(np.asarray(V, dtype=np.float64))
        quiet = self.solver.solve(self.xbar, V).cell_voltages
        G = self.noise.conductances(self.xbar.conductance, self.place, len(V), first_read)
        flows = ((G - self.xbar.conductance) * quiet).reshape(len(V), -1)
        across = self.fields.across
        return flows @ across.reshape(len(across), -1).T + self.additive(V, first_read)

    def variance(self, V: Array) -> Array:
        """Return the variance of the column currents, (B, N), to first order through the circuit.

        Telegraph noise with the traps that this array has.
        """
        V = np.atleast_2d(np.asarray(V, dtype=np.float64))
        G, noise = self.xbar.conductance, self.noise
        fields = self.fields
        quiet = self.solver.solve(self.xbar, V).cell_voltages
        relative = np.zeros(G.shape)
        if noise.flicker is not None:
            relative += noise.flicker.sigma(G) ** 2
        if noise.telegraph is not None:
            law, p = noise.telegraph, noise.telegraph.occupancy
            traps = law.cells(self.place, (G.shape[0], G.shape[1]))
            relative += np.where(traps, law.height(G) ** 2 * p * (1.0 - p), 0.0)
        density = (G * quiet) ** 2 * relative
        if noise.shot:
            density = density + noise.bandwidth * shot_density(
                G, quiet, noise.shot, self.temperature
            )
        squares = (fields.across**2).reshape(len(fields.across), -1)
        white = np.diag(self._covariance(fields))
        total: Array = density.reshape(len(V), -1) @ squares.T + white
        return total

    def _covariance(self, fields: SenseFields) -> Array:
        """Return the covariance of thermal and feedback noise, (N, N)."""
        noise, columns = self.noise, self.xbar.shape[1]
        if not noise.thermal:
            return np.zeros((columns, columns))
        Y = fields.admittance
        if noise.feedback is not None:
            Y = Y + np.eye(columns) / noise.feedback
        found: Array = noise.bandwidth * thermal_density(Y, self.temperature)
        return found

    def additive(self, V: Array, first_read: int = 0) -> Array:
        """Return thermal, shot and feedback noise of reads, (B, N), with their correlations."""
        noise, (rows, columns) = self.noise, self.xbar.shape
        V = np.atleast_2d(np.asarray(V, dtype=np.float64))
        total = np.zeros((len(V), columns))
        if not (noise.thermal or noise.shot):
            return total
        fields = self.fields
        if noise.thermal:
            values, vectors = np.linalg.eigh(self._covariance(fields))
            root = vectors * np.sqrt(np.maximum(values, 0.0))
            draws = read_normals(self.place, "read noise: white", first_read, len(V), columns)
            total += draws @ root.T
        if noise.shot:
            quiet = self.solver.solve(self.xbar, V).cell_voltages
            density = noise.bandwidth * shot_density(
                self.xbar.conductance, quiet, noise.shot, self.temperature
            )
            draws = read_normals(
                self.place, "read noise: shot", first_read, len(V), rows * columns
            )
            flows = np.sqrt(density).reshape(len(V), -1) * draws
            total += flows @ fields.across.reshape(columns, -1).T
        return total
