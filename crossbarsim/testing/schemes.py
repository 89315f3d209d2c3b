"""The checks of a write scheme: what every cell of the array sees when some are written."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import NDArray

from ..core.validation import Array
from ..devices import EKV, VTEAM, OneTransistorOneResistor
from ..netlists.crossbar.crossbar import Crossbar, Wires
from ..netlists.crossbar.ends import Driven, Ends
from ..programming.schemes import Lines, Operation, Scheme, scheme_of
from ..programming.writing import write
from ..solvers.solver import Solver
from .suite import Suite, check, close, equal, refused, skip

__all__ = ["SchemeChecks"]

_OPERATIONS: tuple[Operation, ...] = get_args(Operation)


class SchemeChecks(Suite):
    """Checks of a write scheme, the protocol `crossbarsim.programming.schemes.Scheme`.

    Give `make`; `crossbars` and `misfits` where the scheme is not for passive arrays; `pulse`.

    Examples
    --------
    >>> from crossbarsim.programming.schemes import ThirdVoltage
    >>> from crossbarsim.testing import SchemeChecks
    >>> class TestThird(SchemeChecks):
    ...     def make(self):
    ...         return ThirdVoltage()
    >>> "test_selected_cells_see_the_voltage" in TestThird.run()
    True
    """

    volts: ClassVar[float] = 1.8

    def make(self) -> Any:
        """Return the scheme to check."""
        raise NotImplementedError

    def crossbars(self) -> Sequence[Crossbar]:
        """Return arrays that the scheme fits, of all kinds that it is for."""
        cells = VTEAM.preset("magic").array(conductance=np.full((3, 4), 5e-6))
        return [Crossbar(cells=cells, wires=Wires(0.0, 0.0))]

    def misfits(self) -> Sequence[Crossbar]:
        """Return arrays that the scheme refuses."""
        cells = VTEAM.preset("magic").array(conductance=np.full((3, 4), 5e-6))
        gated = OneTransistorOneResistor(cells, EKV(), gate_voltage=2.5)
        return [Crossbar(cells=gated, wires=Wires(0.0, 0.0))]

    def pulse(self) -> tuple[float, float]:
        """Return voltage (volt) and width (second) of a pulse that SETs a cell well."""
        return self.volts, 10e-9

    # -- what checks start from ------------------------------------------------------------------

    def _cases(self) -> list[tuple[Crossbar, int, NDArray[np.bool_], float, Operation]]:
        """Return arrays, rows, columns, voltages and operations of all kinds."""
        found: list[tuple[Crossbar, int, NDArray[np.bool_], float, Operation]] = []
        for xbar in self.crossbars():
            rows, columns = xbar.shape
            masks = [np.arange(columns) == k for k in range(columns)]
            masks += [np.arange(columns) % 2 == 0, np.ones(columns, dtype=np.bool_)]
            for row in (0, rows // 2, rows - 1):
                for mask in masks:
                    for operation in _OPERATIONS:
                        found += [(xbar, row, mask, sign * self.volts, operation)
                                  for sign in (1.0, -1.0)]
        return found

    def _seen(self, xbar: Crossbar, lines: Lines) -> tuple[Array, NDArray[np.bool_]]:
        """Return what is between the lines of every cell (M, N), and whether its gate is on."""
        shape = xbar.shape
        word = lines.word if xbar.layout == "parallel" else lines.word[:, None]
        seen = np.broadcast_to(word - lines.bit, shape)
        if lines.gate is None:
            return seen, np.ones(shape, dtype=np.bool_)
        cells: Any = xbar.cells
        gate = lines.gate[:, None] if cells.gate_along == "rows" else lines.gate
        return seen, np.broadcast_to(gate == gate.max(), shape)

    # -- the checks ------------------------------------------------------------------------------

    def test_it_fulfils_the_protocol(self) -> None:
        """Every method is there; the name and the share that unselected cells see are in order."""
        scheme = self.make()
        check(isinstance(scheme, Scheme), "not a `Scheme`: a method is missing")
        check(bool(scheme.name) and scheme.name == scheme.name.lower(), "`name` is lower case")
        check(0.0 <= scheme.share <= 0.5, "`share` must be 0 to 0.5")
        for xbar in self.crossbars():
            check(scheme_of(xbar, scheme) is scheme, "`scheme_of` takes the object as it is")

    def test_it_refuses_what_it_is_not_for(self) -> None:
        """`check` raises a `ParameterError` for arrays that do not fit, and for no other."""
        for xbar in self.crossbars():
            self.make().check(xbar)
        for xbar in self.misfits():
            refused(partial(self.make().check, xbar), f"an array of {xbar.cells!r}")

    def test_shapes(self) -> None:
        """One voltage per line, one gate voltage per gate line."""
        for xbar, row, mask, volts, operation in self._cases():
            lines = self.make().lines(xbar, row, mask, volts, operation)
            check(lines.word.shape == (xbar.inputs,), "`word`: one voltage per word line")
            check(lines.bit.shape == (xbar.shape[1],), "`bit`: one voltage per bit line")
            cells: Any = xbar.cells
            along = getattr(cells, "gate_along", "")
            if not along:
                check(lines.gate is None, "gate voltages for cells without gates")
                continue
            check(lines.gate is not None, "no gate voltages for cells with gates")
            check(np.shape(lines.gate) == (xbar.shape[0 if along == "rows" else 1],), "`gate`")
            check(np.isfinite(lines.gate), "a gate floats")

    def test_selected_cells_see_the_voltage(self) -> None:
        """All of it, with its sign, and their gates are on."""
        for xbar, row, mask, volts, operation in self._cases():
            seen, on = self._seen(xbar, self.make().lines(xbar, row, mask, volts, operation))
            close(seen[row, mask], np.full(int(mask.sum()), volts), "a selected cell",
                  rtol=1e-12)
            check(on[row, mask], "a selected cell's gate is off")

    def test_other_cells_see_their_share_at_most(self) -> None:
        """Cells that are not selected see `share` of the voltage, or have their gates off."""
        scheme = self.make()
        for xbar, row, mask, volts, operation in self._cases():
            seen, on = self._seen(xbar, scheme.lines(xbar, row, mask, volts, operation))
            others = on & np.isfinite(seen)
            others[row, mask] = False
            check(np.abs(seen[others]) <= scheme.share * abs(volts) * (1.0 + 1e-12) + 1e-15,
                  f"a cell that is not selected sees more than {scheme.share:g} of the voltage")

    def test_no_line_beyond_the_voltage(self) -> None:
        """No driver needs more than the voltage over the cells."""
        for xbar, row, mask, volts, operation in self._cases():
            lines = self.make().lines(xbar, row, mask, volts, operation)
            both = np.r_[lines.word, lines.bit]
            both = both[np.isfinite(both)]
            check(np.abs(both) <= abs(volts) * (1.0 + 1e-12), "a line beyond the voltage")
            check(len(both) > 0, "no line is driven")

    def test_lines_scale_with_the_voltage(self) -> None:
        """Half the voltage, half of every line; gates stay."""
        for xbar, row, mask, volts, operation in self._cases():
            whole = self.make().lines(xbar, row, mask, volts, operation)
            half = self.make().lines(xbar, row, mask, 0.5 * volts, operation)
            close(np.nan_to_num(half.word), 0.5 * np.nan_to_num(whole.word), "word lines",
                  rtol=1e-12)
            close(np.nan_to_num(half.bit), 0.5 * np.nan_to_num(whole.bit), "bit lines",
                  rtol=1e-12)
            equal(np.isnan(np.r_[half.word, half.bit]), np.isnan(np.r_[whole.word, whole.bit]),
                  "which lines float")
            if whole.gate is not None:
                equal(half.gate, whole.gate, "gates")

    def test_asking_twice_changes_nothing(self) -> None:
        """Lines are new arrays; neither the array nor the mask is touched."""
        for xbar, row, mask, volts, operation in self._cases():
            cells: Any = xbar.cells
            before, given = cells.state.copy(), mask.copy()
            first = self.make().lines(xbar, row, mask, volts, operation)
            word = first.word.copy()
            first.word[:] = 99.0
            again = self.make().lines(xbar, row, mask, volts, operation)
            equal(again.word, word, "the second answer")
            equal(cells.state, before, "the cells' states")
            equal(mask, given, "the mask")

    def test_gates_while_reading(self) -> None:
        """The gates of the row that is read are on."""
        for xbar in self.crossbars():
            cells: Any = xbar.cells
            for row in range(xbar.shape[0]):
                gate = self.make().read_gate(xbar, row)
                if not hasattr(cells, "gate_along"):
                    check(gate is None, "gate voltages for cells without gates")
                    continue
                lines = xbar.shape[0 if cells.gate_along == "rows" else 1]
                check(gate is not None and gate.shape == (lines,), "`read_gate`")
                at = gate[row] if cells.gate_along == "rows" else gate.min()
                check(at == np.max(gate), "the gates of the row that is read are off")

    def test_the_solver_sees_what_the_lines_say(self) -> None:
        """With ideal wires, passive cells have the lines' voltages across them."""
        scheme = self.make()
        xbar = self.crossbars()[0]
        mask = np.arange(xbar.shape[1]) == 1
        lines = scheme.lines(xbar, 1, mask, self.volts, "set")
        if lines.gate is not None or np.isnan(np.r_[lines.word, lines.bit]).any():
            raise skip("gates or floating lines")
        ends = Ends(bit_bottom=[Driven(voltage=float(v)) for v in lines.bit])
        driven = Crossbar(cells=xbar.cells, wires=xbar.wires, ends=ends)
        sol = Solver().solve(driven, lines.word)
        close(sol.cell_voltages, self._seen(xbar, lines)[0], "cell voltages", rtol=1e-9,
              atol=1e-12)

    def test_a_write_moves_the_selected_cell_most(self) -> None:
        """A SET pulse raises the selected cell's conductance, all others' less."""
        volts, width = self.pulse()
        for xbar in self.crossbars():
            row, column = 1, 2
            cells: Any = xbar.cells
            before = cells.state.copy()
            after = write(xbar, row, [column], volts, width, scheme=self.make()).crossbar
            change = np.abs(after.conductance - xbar.conductance)
            check(after.conductance[row, column] > 1.2 * xbar.conductance[row, column],
                  "the selected cell does not SET")
            others = np.delete(change.ravel(), row * xbar.shape[1] + column)
            check(others.max() < 0.5 * change[row, column], "another cell moves as far")
            equal(cells.state, before, "the array that was written")

    def test_a_write_of_no_voltage_changes_nothing(self) -> None:
        """A pulse of 0 V leaves all states."""
        for xbar in self.crossbars():
            after: Any = write(xbar, 0, [0], 0.0, self.pulse()[1], scheme=self.make()).crossbar
            cells: Any = xbar.cells
            close(after.cells.state, cells.state, "states after a pulse of 0 V", rtol=1e-12)
