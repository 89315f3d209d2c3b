"""Write schemes: the voltages of all lines while cells of one row are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..core.errors import ParameterError
from ..core.settings import Settings, closest
from ..core.validation import Array
from ..core.views.brief import brief_repr
from ..devices import OneTransistorOneResistor
from ..netlists.crossbar.crossbar import Crossbar

__all__ = ["SCHEMES", "FloatingLines", "Gated", "HalfVoltage", "Lines", "Operation", "Scheme",
           "ThirdVoltage", "scheme_of"]

Mask: TypeAlias = NDArray[np.bool_]
Operation: TypeAlias = Literal["set", "reset", "form"]


@dataclass(frozen=True, eq=False)
class Lines:
    """Line voltages at the top of a write pulse; all are 0 V before and after it.

    Attributes
    ----------
    word : (M,) volt; NaN where the line floats
    bit : (N,) volt; NaN where the line floats
    gate : (M,) or (N,) volt, held during the whole pulse, or None

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Wires
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.programming import Lines, PulseTrain, drive_lines
    >>> device = VTEAM.preset("magic")
    >>> xbar = Crossbar(cells=device.array(np.full((3, 3), 5e-6)), wires=Wires(2.0, 2.0))
    >>> lines = Lines(word=np.array([0.0, 0.0, 0.0]), bit=np.array([0.0, 1.8, 0.0]))
    >>> after = drive_lines(xbar, lines, PulseTrain(10e-9)).crossbar
    >>> (after.conductance > 1e-5).sum(axis=0)  # the whole column was SET
    array([0, 3, 0])
    """

    word: Array
    bit: Array
    gate: Array | None = None

    __repr__ = brief_repr


@runtime_checkable
class Scheme(Protocol):
    """A write scheme: how word, bit and gate lines are driven.

    Attributes
    ----------
    name : str
    share : float
        Largest voltage across an unselected cell, relative to that across a selected one.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Wires
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.programming import HalfVoltage, Scheme, write
    >>> isinstance(HalfVoltage(), Scheme)
    True
    >>> device = VTEAM.preset("magic")
    >>> xbar = Crossbar(cells=device.array(np.full((3, 3), 5e-6)), wires=Wires(2.0, 2.0))
    >>> after = write(xbar, 1, [1], 1.8, 10e-9, scheme=HalfVoltage()).crossbar
    >>> [tuple(map(int, cell)) for cell in np.argwhere(after.conductance > 1e-5)]
    [(1, 1)]
    """

    name: ClassVar[str]
    share: ClassVar[float]

    def check(self, xbar: Crossbar) -> None:
        """Raise a `ParameterError` where the scheme does not fit the cells."""
        ...

    def lines(
        self, xbar: Crossbar, row: int, columns: Mask, voltage: float, operation: Operation
    ) -> Lines:
        """Return the lines that apply `voltage`, with its sign, to the cells `columns` of `row`.

        `columns` is (N,) bool; `operation` "set", "reset" or "form".
        """
        ...

    def read_gate(self, xbar: Crossbar, row: int) -> Array | None:
        """Return the gate voltages while `row` is read, or None."""
        ...


class _Passive(Settings):
    """Cells without gates."""

    name: ClassVar[str] = ""
    share: ClassVar[float] = 0.5

    def check(self, xbar: Crossbar) -> None:
        """Raise a `ParameterError` for cells with transistors."""
        if xbar.layout == "parallel":
            raise ParameterError(
                f"the scheme {self.name!r} selects a row by its word line, but in the parallel "
                "layout word lines run along the columns: use transistors and scheme='1t1r'"
            )
        if isinstance(xbar.cells, OneTransistorOneResistor):
            raise ParameterError(
                f"the scheme {self.name!r} is for arrays without transistors; 1T1R cells are "
                "written with scheme='1t1r'"
            )

    def read_gate(self, xbar: Crossbar, row: int) -> Array | None:
        """Return None: there are no gates."""
        del xbar, row
        return None


def _biased(
    xbar: Crossbar, row: int, columns: Mask, voltage: float, words: float, bits: float
) -> Lines:
    """Unselected words and bits at shares `words`, `bits` of the voltage.

    A negative cell voltage exchanges the roles of the two families, so that no line is negative.
    """
    v = abs(voltage)
    word, bit = np.full(xbar.shape[0], words), np.full(xbar.shape[1], bits)
    word[row] = 1.0
    bit[columns] = 0.0
    if voltage < 0:
        word, bit = 1.0 - word, 1.0 - bit
    return Lines(v * word, v * bit)


@dataclass(frozen=True)
class HalfVoltage(_Passive):
    """The V/2 scheme: unselected lines at half the voltage.

    Half-selected cells, on a line of a selected one, have V/2 across them, all others 0 V.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Wires
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.programming import HalfVoltage
    >>> device = VTEAM.preset("magic")
    >>> xbar = Crossbar(cells=device.array(np.full((3, 3), 5e-6)), wires=Wires(2.0, 2.0))
    >>> lines = HalfVoltage().lines(xbar, 1, np.array([False, True, False]), 1.8, "set")
    >>> lines.word, lines.bit  # volt; cell (1, 1) is selected
    (array([0.9, 1.8, 0.9]), array([0.9, 0. , 0.9]))
    """

    name: ClassVar[str] = "v/2"

    def lines(
        self, xbar: Crossbar, row: int, columns: Mask, voltage: float, operation: Operation
    ) -> Lines:
        """Return the voltages of all lines; see `Scheme.lines`."""
        del operation
        return _biased(xbar, row, columns, voltage, 0.5, 0.5)


@dataclass(frozen=True)
class ThirdVoltage(_Passive):
    """The V/3 scheme: unselected word lines at V/3, unselected bit lines at 2V/3.

    Every unselected cell has V/3 in magnitude across it.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Wires
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.programming import ThirdVoltage
    >>> device = VTEAM.preset("magic")
    >>> xbar = Crossbar(cells=device.array(np.full((3, 3), 5e-6)), wires=Wires(2.0, 2.0))
    >>> lines = ThirdVoltage().lines(xbar, 1, np.array([False, True, False]), 1.8, "set")
    >>> lines.word, lines.bit  # volt; cell (1, 1) is selected
    (array([0.6, 1.8, 0.6]), array([1.2, 0. , 1.2]))
    """

    name: ClassVar[str] = "v/3"
    share: ClassVar[float] = 1.0 / 3.0

    def lines(
        self, xbar: Crossbar, row: int, columns: Mask, voltage: float, operation: Operation
    ) -> Lines:
        """Return the voltages of all lines; see `Scheme.lines`."""
        del operation
        return _biased(xbar, row, columns, voltage, 1.0 / 3.0, 2.0 / 3.0)


@dataclass(frozen=True)
class FloatingLines(_Passive):
    """The floating scheme: unselected lines float, at the voltages that the cells give them.

    The selected word line is driven to the voltage with its sign, selected bit lines are at 0 V.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Wires
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.programming import FloatingLines
    >>> device = VTEAM.preset("magic")
    >>> xbar = Crossbar(cells=device.array(np.full((3, 3), 5e-6)), wires=Wires(2.0, 2.0))
    >>> lines = FloatingLines().lines(xbar, 1, np.array([False, True, False]), 1.8, "set")
    >>> lines.word, lines.bit  # volt; cell (1, 1) is selected
    (array([nan, 1.8, nan]), array([nan,  0., nan]))
    """

    name: ClassVar[str] = "floating"

    def lines(
        self, xbar: Crossbar, row: int, columns: Mask, voltage: float, operation: Operation
    ) -> Lines:
        """Return the voltages of all lines; see `Scheme.lines`."""
        del operation
        word, bit = np.full(xbar.shape[0], np.nan), np.full(xbar.shape[1], np.nan)
        word[row] = voltage
        bit[columns] = 0.0
        return Lines(word, bit)


@dataclass(frozen=True)
class Gated(Settings):
    """The 1T1R scheme: the gate line of the selected cells is on, all others are off.

    With gates along the rows the cells of the row that are not written have both their lines at
    the same voltage. With gates along the columns their gates are off. In the parallel layout the
    gate selects the row, and the lines the columns.

    The compliance current is the saturation current of the transistor, so that `gate_set` limits
    SET. For that the transistor's source must be at 0 V, which it is where the SET current flows
    through the device first: transistor on the bit side, positive voltage SETs. For a model that
    SETs with negative voltage turn the device (``polarity=-1``) or put the transistor on the word
    side; otherwise it is a source follower.

    Parameters
    ----------
    gate_set, gate_reset, gate_read : float, optional
        Gate voltage of selected cells in each operation, volt; default: the largest gate voltage
        that the cells were made with. FORM uses `gate_set`.
    gate_off : float
        Gate voltage of all others, volt.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, Wires
    >>> from crossbarsim.devices import EKV, VTEAM, OneTransistorOneResistor
    >>> from crossbarsim.programming import Gated
    >>> cells = OneTransistorOneResistor(
    ...     VTEAM(polarity=-1).array(shape=(3, 3)), EKV(), gate_voltage=1.8
    ... )
    >>> xbar = Crossbar(cells=cells, wires=Wires(2.0, 2.0))
    >>> lines = Gated(gate_set=1.2).lines(xbar, 1, np.array([False, True, False]), 1.5, "set")
    >>> lines.word, lines.bit, lines.gate
    (array([0. , 1.5, 0. ]), array([1.5, 0. , 1.5]), array([0. , 1.2, 0. ]))
    """

    gate_set: float | None = None
    gate_reset: float | None = None
    gate_read: float | None = None
    gate_off: float = 0.0
    name: ClassVar[str] = "1t1r"
    share: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        for name in ("gate_set", "gate_reset", "gate_read", "gate_off"):
            value = getattr(self, name)
            if value is None:
                continue
            if not (isinstance(value, (int, float)) and np.isfinite(value)):
                raise ParameterError(f"`{name}` must be a finite voltage; got {value!r}")
            if name != "gate_off" and value <= self.gate_off and self.gate_off == 0.0:
                raise ParameterError(f"`{name}` must be > 0 V; got {value!r}")

    def check(self, xbar: Crossbar) -> None:
        """Raise a `ParameterError` for cells without transistors, or gates that stay off."""
        if not isinstance(xbar.cells, OneTransistorOneResistor):
            raise ParameterError(
                f"the scheme {self.name!r} is for OneTransistorOneResistor cells; got "
                f"{type(xbar.cells).__name__}: use 'v/2', 'v/3' or 'floating'"
            )
        if xbar.layout == "parallel" and xbar.cells.gate_along != "rows":
            raise ParameterError(
                "in the parallel layout gates select the row: make the cells with "
                "gate_along='rows'"
            )
        for use in ("set", "reset", "read"):
            if self.on(xbar, use) <= self.gate_off:
                raise ParameterError(
                    f"`gate_{use}` = {self.on(xbar, use):g} V does not turn the transistors on "
                    f"(`gate_off` = {self.gate_off:g} V); make the cells with their "
                    f"`gate_voltage`, or give `scheme=Gated(gate_{use}=...)`"
                )

    def on(self, xbar: Crossbar, use: str) -> float:
        """Return the gate voltage of selected cells, volt; `use` is set, form, reset or read."""
        value = getattr(self, f"gate_{'set' if use == 'form' else use}")
        cells: Any = xbar.cells
        return float(cells.gates().max()) if value is None else float(value)

    def lines(
        self, xbar: Crossbar, row: int, columns: Mask, voltage: float, operation: Operation
    ) -> Lines:
        """Return the voltages of all lines; see `Scheme.lines`."""
        cells: Any = xbar.cells
        on, v = self.on(xbar, operation), abs(voltage)
        word, bit = np.zeros(xbar.inputs), np.zeros(xbar.shape[1])
        along_rows = cells.gate_along == "rows"
        gate = np.full(xbar.shape[0 if along_rows else 1], self.gate_off)
        if xbar.layout == "parallel":  # the other columns' lines are both at 0 V
            (word if voltage >= 0 else bit)[columns] = v
        elif voltage >= 0:
            word[row] = v
            if along_rows:
                bit[~columns] = v
        else:
            bit[columns] = v
            if not along_rows:
                word[:] = v
                word[row] = 0.0
        gate[row if along_rows else columns] = on
        return Lines(word, bit, gate)

    def read_gate(self, xbar: Crossbar, row: int) -> Array | None:
        """Return the gate voltages with the row's on; all are on where gates run along columns."""
        cells: Any = xbar.cells
        on = self.on(xbar, "read")
        if cells.gate_along == "columns":
            return np.full(xbar.shape[1], on)
        gate = np.full(xbar.shape[0], self.gate_off)
        gate[row] = on
        return gate


SCHEMES: dict[str, type[Any]] = {
    s.name: s for s in (HalfVoltage, ThirdVoltage, FloatingLines, Gated)
}
"""Schemes by name."""


def scheme_of(xbar: Crossbar, scheme: str | Scheme | None = None) -> Scheme:
    """Return the scheme of that name, checked against the cells.

    None: ``"1t1r"`` for cells with transistors, else ``"v/2"``.

    Raises
    ------
    ParameterError
        An unknown scheme, or one that does not fit the cells.
    """
    if scheme is None:
        scheme = "1t1r" if isinstance(xbar.cells, OneTransistorOneResistor) else "v/2"
    if isinstance(scheme, str):
        if scheme.lower() not in SCHEMES:
            raise ParameterError(f"no scheme {scheme!r}{closest(scheme.lower(), SCHEMES)}")
        scheme = SCHEMES[scheme.lower()]()
    if not isinstance(scheme, Scheme):
        raise ParameterError(
            f"`scheme` must be one of {', '.join(map(repr, SCHEMES))} or an object such as "
            f"Gated(...); got {type(scheme).__name__}"
        )
    scheme.check(xbar)
    return scheme
