"""Resistance and capacitance of a crossbar's lines."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import Array, nonnegative

__all__ = ["Wires"]

_NONE = np.zeros(())


def _read_only(array: Array) -> Array:
    if array.flags.writeable:
        array = array.copy()
        array.setflags(write=False)
    return array


class Wires(Settings):
    """Resistance of the lines, segment by segment.

    Parameters
    ----------
    word : float, (M, N) or (M, N+1) array
        Ohm per segment of the word lines. ``[i, 0]`` lies between the driver and the first
        crosspoint, ``[i, j]`` between the crosspoints j-1 and j, ``[i, N]`` (optional, else 0)
        between the last crosspoint and the right end. A scalar fills all of them.
    bit : float, (M, N) or (M+1, N) array
        Ohm per segment of the bit lines. In (M, N), ``[i, j]`` lies between the rows i and i+1
        and ``[M-1, j]`` leads to the sense node; (M+1, N) puts one more above row 0.
    driver, sense : float or array
        Ohm in series with every driven and with every sensed end, be it of a word or of a bit
        line. An array has a value for each word line (`driver`, (M,)) or for each bit line
        (`sense`, (N,)) and is for these alone: driven bit lines then have what
        `Driven.resistance` says, sensed word lines what their amplifier has.
    word_capacitance, bit_capacitance : float or (M, N) array
        Farad per segment, for transients.

    Notes
    -----
    0 merges the nodes at both sides of a segment, ``inf`` breaks the line. An outer segment
    counts only where that end is connected.

    Raises
    ------
    ParameterError
        Negative values or NaN, a wrong number of axes; wrong lengths where a `Crossbar` takes it.

    Examples
    --------
    >>> from crossbarsim import Wires
    >>> wires = Wires(word=1.0, bit=2.0, driver=50.0)
    >>> wires
    Wires(word=1, bit=2, driver=50, sense=0)
    >>> wires.bit_segments((2, 1))  # ohm; nothing is connected above row 0
    array([[2.],
           [2.],
           [2.]])
    """

    __slots__ = ("bit", "bit_capacitance", "driver", "sense", "word", "word_capacitance")

    word: Array
    bit: Array
    driver: Array
    sense: Array
    word_capacitance: Array
    bit_capacitance: Array

    def __init__(
        self,
        word: ArrayLike = 0.0,
        bit: ArrayLike = 0.0,
        driver: ArrayLike = 0.0,
        sense: ArrayLike = 0.0,
        word_capacitance: ArrayLike = 0.0,
        bit_capacitance: ArrayLike = 0.0,
    ) -> None:
        values: dict[str, Array] = {}
        for name, value in (("word", word), ("bit", bit)):
            values[name] = nonnegative(name, value, "ohm", infinite=True)
            if values[name].ndim not in (0, 2):
                raise ParameterError(
                    f"`{name}` must be a scalar or a 2-D array of segments; "
                    f"got shape {values[name].shape}"
                )
        for name, value in (("driver", driver), ("sense", sense)):
            values[name] = nonnegative(name, value, "ohm")
            if values[name].ndim > 1 or not values[name].size:
                raise ParameterError(
                    f"`{name}` must be a scalar or one value per line; "
                    f"got shape {values[name].shape}"
                )
        for name, value in (
            ("word_capacitance", word_capacitance),
            ("bit_capacitance", bit_capacitance),
        ):
            values[name] = nonnegative(name, value, "farad")
        for name, array in values.items():
            object.__setattr__(self, name, _read_only(array))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Wires is immutable; make a new one to change `{name}`")

    def __repr__(self) -> str:
        parts = []
        for name in ("word", "bit", "driver", "sense"):
            array = getattr(self, name)
            value = f"{float(array):g}" if array.ndim == 0 else f"<{array.shape}>"
            parts.append(f"{name}={value}")
        return f"Wires({', '.join(parts)})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Wires):
            return NotImplemented
        return all(np.array_equal(getattr(self, n), getattr(other, n)) for n in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def settings(self) -> dict[str, Array]:
        """Return the arguments that make these wires again."""
        order = ("word", "bit", "driver", "sense", "word_capacitance", "bit_capacitance")
        return {name: getattr(self, name) for name in order}

    def __reduce__(self) -> tuple[type[Wires], tuple[Array, ...]]:
        return Wires, tuple(self.settings().values())

    def driver_of(self, end: str) -> Array:
        """Return the ohm in series with driven ends at `end`, such as "bit_top"; scalar or (n,)."""
        return self.driver if end.startswith("word") or self.driver.ndim == 0 else _NONE

    def sense_of(self, end: str) -> Array:
        """Return the ohm in series with sensed ends at `end`, such as "bit_top"; scalar or (n,)."""
        return self.sense if end.startswith("bit") or self.sense.ndim == 0 else _NONE

    def word_segments(
        self, shape: tuple[int, int], layout: Literal["crosspoint", "parallel"] = "crosspoint"
    ) -> Array:
        """Return the word lines' segments of an M x N array, outer ones included, ohm.

        (M, N+1): ``[i, j]`` leads to crosspoint j, ``[i, N]`` away; in the parallel layout
        (M+1, N): ``[i, j]`` leads to row i, ``[M, j]`` away.
        """
        rows, columns = shape
        word = self.word
        if layout == "parallel":
            if word.ndim == 0:
                return np.full((rows + 1, columns), float(word))
            if word.shape[0] == rows + 1:
                return word
            return np.concatenate([word, np.zeros((1, columns))], axis=0)
        if word.ndim == 0:
            return np.full((rows, columns + 1), float(word))
        if word.shape[1] == columns + 1:
            return word
        return np.concatenate([word, np.zeros((rows, 1))], axis=1)

    def bit_segments(self, shape: tuple[int, int]) -> Array:
        """Return the bit lines' segments, (M+1, N) ohm: ``[i, j]`` leads to row i, [M, j] away."""
        rows, columns = shape
        bit = self.bit
        if bit.ndim == 0:
            return np.full((rows + 1, columns), float(bit))
        if bit.shape[0] == rows + 1:
            return bit
        return np.concatenate([np.zeros((1, columns)), bit], axis=0)
