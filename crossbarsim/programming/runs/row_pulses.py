"""Pulses and reads of one row in the network of the others, which stand still.

Of an ohmic model with thresholds all cells that are not written are resistors during a pulse: the
array is one linear network with a port for each cell of the row (`RowNetworks`), and only the
cells that a pulse takes beyond their thresholds are integrated, together with that network. That
no other cell was taken there is checked: their voltages are bounded by those of the row's bit
nodes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.validation import Array
from ...devices import DeviceArray
from ...devices.laws.compilation import build
from ...devices.protocol import OhmicZone
from ...netlists.crossbar.crossbar import Crossbar
from ...netlists.crossbar.ends import Ends, Floating, Grounded, Sensed
from ...solvers.crossbar.problem import make_problem
from ...solvers.crossbar.structured.row_networks import RowNetwork, RowNetworks
from ..pulses import PulseTrain
from ..schemes import Lines
from ..writing import write_ends

__all__ = ["RowPulses"]

_STEPS = 4096  # of one pulse
_ERROR = 0.01  # of `rtol`, of one step
_ENERGY = 0.1  # weight of the energy's error beside that of states
_NEAR = 0.02  # of a threshold: cells that come so near take part
_MARGIN = 1e-3  # of a threshold that the others stay away from it


class RowPulses:
    """The rows of one array; `of` says whether it has such.

    Parameters
    ----------
    xbar : Crossbar
    write, read : RowNetworks
        With the ends of writing and of reading; the same where these have the same resistances.
    """

    def __init__(self, xbar: Crossbar, write: RowNetworks, read: RowNetworks) -> None:
        cells: Any = xbar.cells
        self.shape = xbar.shape
        self.device = cells.device
        self._wires, self._ends = xbar.wires, xbar.ends
        self._write, self._read = write, read
        self._found: dict[bool, tuple[int, RowNetwork]] = {}
        low, high = self.device.ohmic_zone()
        self._zone = tuple(np.broadcast_to(one, self.shape) for one in (low, high))
        self._P, self._low, self._high = (
            self._flat(b) for b in (self.device.parameter_array, *cells.bounds())
        )
        self._kernel = build(self.device.law(), ("device", "lockstep/row_pulse")).row_pulse
        self._tops = np.array([isinstance(end, (Sensed, Grounded)) for end in
                               xbar.ends.per_line("bit_top", xbar.shape[1])])
        self.conductance: Array = np.empty(self.shape)
        self.take(cells.state)

    @classmethod
    def of(cls, xbar: Crossbar) -> RowPulses | None:
        """Return the rows of an array; None where its model, wires or ends ask for the whole."""
        cells: Any = xbar.cells
        if type(cells) is not DeviceArray or not isinstance(cells.device, OhmicZone):
            return None
        zone = cells.device.ohmic_zone()
        if zone is None or cells.stochastic or xbar.layout != "crosspoint":
            return None
        capacitors = (cells.capacitance, xbar.wires.word_capacitance, xbar.wires.bit_capacitance)
        if any(np.any(one) for one in capacitors):
            return None
        rows, columns = xbar.shape
        for k in range(columns):
            if not all(isinstance(end, (Sensed, Grounded, Floating)) for end in (
                xbar.ends.per_line("bit_top", columns)[k],
                xbar.ends.per_line("bit_bottom", columns)[k],
            )):
                return None
        driven = write_ends(xbar, Lines(np.zeros(rows), np.zeros(columns)))
        problems = [
            make_problem(one, np.zeros((1, rows)))
            for one in (Crossbar(cells=cells, wires=xbar.wires, ends=Ends(**driven)), xbar)
        ]
        if not all(map(RowNetworks.fits, problems)):
            return None
        write = RowNetworks(problems[0])
        same = np.array_equal(problems[0].bit_r, problems[1].bit_r)
        return cls(xbar, write, write if same else RowNetworks(problems[1]))

    def _flat(self, values: Array) -> Array:
        """Return (K, ...) as (K, 1) where all cells have the same values, else (K, M N)."""
        if values[0].size == 1:
            return np.ascontiguousarray(values.reshape(len(values), 1))
        return np.ascontiguousarray(
            np.broadcast_to(values, (len(values), *self.shape)).reshape(len(values), -1)
        )

    def _network(self, row: int, *, reading: bool) -> RowNetwork:
        """Return the network around a row as the other rows are now."""
        networks = self._read if reading else self._write
        reading = reading and self._read is not self._write
        found = self._found.get(reading)
        if found is None or found[0] != row:
            found = self._found[reading] = row, networks.at(row, self.conductance)
        return found[1]

    def resistors(self) -> Crossbar:
        """Return the array as resistors."""
        return Crossbar(conductance=self.conductance, wires=self._wires, ends=self._ends)

    def take(self, state: Array) -> None:
        """Take new states of all cells, (S, M, N)."""
        for row in range(self.shape[0]):
            self.take_row(row, state[:, row])
        self._found = {}

    def take_row(self, row: int, x: Array) -> None:
        """Take new states of a row, (S, N)."""
        count = self.shape[1]
        at = slice(row * count, (row + 1) * count)
        volts = float(self.device.read_voltage)
        current, slope, rate = np.empty(count), np.empty(count), np.empty((len(x), count))
        P = np.ascontiguousarray(self._P[:, at] if self._P.shape[1] > 1 else self._P)
        self.device.kernels.evaluate_many(
            np.full(count, self.device.polarity * volts), np.ascontiguousarray(x), P, current,
            slope, rate,
        )
        self.conductance[row] = self.device.polarity * current / volts

    def read(self, row: int, voltage: float) -> tuple[Array, float]:
        """Return the currents (N,) into the bit lines' ends, ampere, and the power, watt."""
        network = self._network(row, reading=True)
        idle = np.full(self.shape[1], voltage)
        current = network.currents(self.conductance[row], idle)
        nodes = network.bit @ current
        sensed = network.ends[1] @ nodes
        if self._tops.any():
            sensed += np.where(self._tops, network.ends[0] @ nodes, 0.0)
        return sensed, voltage * float(current.sum())

    def pulse(
        self, state: Array, lines: Lines, row: int, pulse: PulseTrain, rtol: float
    ) -> tuple[Array, float] | None:
        """Apply one pulse: return the row's states (S, N) after it, and the energy in joule.

        None where it may move cells of other rows, floats lines, or is no pulse of these; then
        nothing has happened.
        """
        word, bit = np.asarray(lines.word), np.asarray(lines.bit)
        others = np.delete(word, row)
        base = float(others[0]) if len(others) else 0.0
        if not (np.isfinite(word).all() and np.isfinite(bit).all() and (others == base).all()):
            return None
        network = self._network(row, reading=False)
        nodes, idle, fixed = network.idle(float(word[row]) - base, bit - base)
        low, high = (one[row] for one in self._zone)
        applied = word[row] - bit
        chosen = (applied < (1.0 - _NEAR) * low) | (applied > (1.0 - _NEAR) * high)
        x = state[:, row]
        while True:
            found = self._integrated(network, x, row, chosen, idle, fixed, pulse, rtol)
            if found is None:
                return None
            after, energy, share, current = found
            v = current / self.conductance[row]
            moved = (v.min(axis=0) < (1.0 - _MARGIN) * low) | (
                v.max(axis=0) > (1.0 - _MARGIN) * high
            )
            if not (moved & ~chosen).any():
                break
            chosen |= moved
        b = share[:, None] * nodes + current @ network.bit
        if not self._others_still(row, network, b, bit - base):
            return None
        return after, energy

    def _integrated(
        self, network: RowNetwork, x: Array, row: int, chosen: Any, idle: Array, fixed: float,
        pulse: PulseTrain, rtol: float,
    ) -> tuple[Array, float, Array, Array] | None:
        """Return states (S, N) after the pulse, energy, shares (K,) and currents (K, N) of steps.

        The row's cells that are not `chosen` are resistors.
        """
        Z = network.impedance
        on, off = np.flatnonzero(chosen), np.flatnonzero(~chosen)
        count = len(off)
        # currents of the resistors: a * share - B @ (currents of the others)
        a, B = np.zeros(0), np.zeros((0, len(on)))
        inner, own, power = Z[on[:, None], on], idle[on], fixed
        if count:
            across = Z[on[:, None], off]
            right = np.concatenate([idle[off, None], across.T], axis=1)
            solved = network.solved(off, self.conductance[row, off], right)
            a, B = solved[:, 0], solved[:, 1:]
            inner, own = inner - across @ B, own - across @ a
            power += float(idle[off] @ a)
        if not len(on):
            # nothing moves: the power follows the square of the share
            length = float(pulse.rise or 0.0) + float(pulse.fall or 0.0)
            current = np.zeros((2, len(idle)))
            current[1, off] = a
            return x.copy(), power * (pulse.width + length / 3.0), np.array([0.0, 1.0]), current
        t = np.cumsum([0.0, float(pulse.rise or 0.0), pulse.width, float(pulse.fall or 0.0)])
        at = row * self.shape[1] + on

        def mine(values: Array) -> Array:
            return np.ascontiguousarray(values[:, at] if values.shape[1] > 1 else values)

        after = np.ascontiguousarray(x[:, on])
        share, current, energy = np.empty(_STEPS), np.empty((_STEPS, len(on))), np.zeros(1)
        steps = int(self._kernel(
            t, np.ascontiguousarray(inner), np.ascontiguousarray(own), power,
            float(self.device.polarity), after, mine(self._P), mine(self._low), mine(self._high),
            _ERROR * rtol, _ENERGY, share, current, energy,
        ))
        if steps < 0:
            return None
        share, current = share[:steps], current[:steps]
        every = np.empty((steps, len(idle)))
        every[:, on] = current
        every[:, off] = share[:, None] * a - current @ B.T
        states = x.copy()
        states[:, on] = after
        return states, float(energy[0]), share, every

    def _others_still(self, row: int, network: RowNetwork, b: Array, bit: Array) -> bool:
        """Whether the voltages of all other rows' cells stay between their thresholds.

        No node of the other rows is beyond its neighbours, so that all lie between the row's bit
        nodes b (K, N) and the sources; a word node no further from its source at 0 V than the load
        of its line allows.
        """
        top = max(float(b.max()), float(bit.max()), 0.0)
        bottom = min(float(b.min()), float(bit.min()), 0.0)
        slack = min(network.load, 1.0)
        others = np.arange(self.shape[0]) != row
        if not others.any():
            return True
        low, high = (one[others] for one in self._zone)
        return bool(
            slack * bottom - top >= (1.0 - _MARGIN) * float(low.max())
            and slack * top - bottom <= (1.0 - _MARGIN) * float(high.min())
        )
