"""What of a write pulse reaches the cells of an array, through its wires."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.validation import Array
from ...devices import Device
from ...netlists.crossbar.crossbar import Crossbar, Wires
from ...netlists.crossbar.ends import Driven, Ends, Floating, Sensed
from ...solvers import Solver

__all__ = ["turned", "write_shares"]

_FROM_BELOW = Ends(
    word_left=Floating(), word_right=Driven(), bit_top=Sensed(), bit_bottom=Floating()
)


def turned(conductance: Array, wires: Wires) -> Crossbar:
    """Return the same array with its bit lines as inputs, driven from their sense ends.

    The word lines become outputs, sensed at their drivers (``end_currents["bit_top"]``).

    Parameters
    ----------
    conductance : (M, N) array, siemens
    wires : Wires
        Scalars.
    """
    # what stands at a line's end stays there: only so is the matrix the transpose of the other
    other = Wires(wires.bit, wires.word, driver=wires.sense, sense=wires.driver)
    return Crossbar(np.ascontiguousarray(conductance.T), other, _FROM_BELOW)


def write_shares(
    device: Device, state: Array, wires: Wires, volt: float, selected: Any
) -> Array:
    """Return how much of a pulse reaches the cells that it is for.

    One row after the other is written by half-selection: its word line at half of the amplitude,
    the bit lines of its selected cells at minus half, all other lines at 0. Every row is one
    static solution of the array with the devices' own I-V at the states before the pulse.

    Parameters
    ----------
    device : Device
        Parameters scalar or (M, N).
    state : (S, M, N) array
    wires : Wires
    volt : float
        Amplitude.
    selected : (M, N) bool array

    Returns
    -------
    (M, N) array
        Voltage over `volt` where selected, else 0.
    """
    cells = device.array(state=state)
    rows = np.flatnonzero(selected.any(axis=1))
    arrays, volts = [], []
    for row in rows:
        columns = tuple(
            Driven(voltage=-0.5 * volt if chosen else 0.0)
            for chosen in selected[row]
        )
        arrays.append(Crossbar(cells=cells, wires=wires, ends=Ends(bit_bottom=columns)))
        drive = np.zeros(selected.shape[0])
        drive[row] = 0.5 * volt
        volts.append(drive)
    share = np.zeros(selected.shape)
    for row, found in zip(rows, Solver().solve_many(arrays, volts), strict=True):
        reach = (found.word_voltages[row] - found.bit_voltages[row]) / volt
        share[row] = np.where(selected[row], reach, 0.0)
    return share
