"""The operating point of a circuit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ....core.errors import ParameterError
from ....core.garbage import uncollected
from ....core.validation import Array
from ....core.views.optional import dataset
from ....netlists.analyses import Op
from ....netlists.circuit import Circuit
from ....netlists.crossbar_element import plain
from ....netlists.read_anew import at_temperature
from ..elements.kinds import load_kinds
from ..homotopy import find
from ..newton import Newton
from ..results.names import CURRENTS, Names, shown
from ..results.plotted import Tabular
from ..results.quantities import Part
from ..results.views import unit_of
from ..rounding import check_rounding
from ..system.system import System
from ..system.topology import check
from .registry import register

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["OperatingPoint", "operating_point", "prepare", "written_out"]

_LARGE = 10_000  # cells


class OperatingPoint(Tabular):
    """The operating point of a circuit: node voltages and source currents, by ngspice's names.

    ``result["v(out)"]`` and ``result["v(a,b)"]`` are volt, ``result["i(v1)"]`` ampere from the
    source's positive node through the source to the negative one, ``result["@r1[i]"]`` a quantity
    of an element; all are floats. Names that are not there raise `ParameterError`.

    Attributes
    ----------
    circuit : Circuit
    residual : float
        The largest violation of an equation over its largest term.
    iterations : int
        Newton steps, those of all methods that were tried.
    measures : dict
        Empty: measures are of curves.

    Examples
    --------
    >>> from crossbarsim import Circuit, Simulator
    >>> circuit = Circuit().V(1, "in", 0, 1.0).R(1, "in", "out", "9k").R(2, "out", 0, "1k")
    >>> point = Simulator().operating_point(circuit)
    >>> round(point["v(out)"], 9), round(point["i(v1)"], 9), round(point["@r2[p]"], 9)
    (0.1, -0.0001, 1e-05)
    """

    plot_name, short_name = "Operating Point", "op"

    def __init__(
        self, system: System, x: Array, residual: float, iterations: int = 1
    ) -> None:
        self.circuit = system.circuit
        self.residual = residual
        self.iterations = iterations
        self.measures: dict[str, float] = {}
        self.system = system
        self.x = x
        self._whole = system.whole(x)
        self.names = Names(system.circuit, system.nodes, system.branches, system.shown)

    def __repr__(self) -> str:
        return f"OperatingPoint({self.circuit!r}, residual={self.residual:.1e})"

    def __getitem__(self, query: str) -> float:
        part = self.names.quantity(query)
        if part is not None:
            return self.quantity(*part)
        first, second = self.names.find(query)
        whole = self._whole
        return float(whole[first] - (0.0 if second is None else whole[second]))

    def voltage(self, node: str | int) -> float:
        """Return the voltage of `node` (or one of its aliases) against ground, volt."""
        return float(self._whole[self.names.node(node)])

    def current(self, source: str) -> float:
        """Return the current through a voltage source (V, E or H) or an inductor, ampere."""
        return float(self.x[self.names.branch(source)])

    def quantity(self, element: str, name: str) -> float:
        """Return a quantity of an element, such as ``i`` of a resistor."""
        now = self.system.instant(limit=False)
        for group in self.system.groups:
            lower = [n.lower() for n in group.names]
            if element.lower() in lower:
                found = group.quantities(self.x, now)
                if name not in found and name in (*CURRENTS.get(self._kind(element), ()), "p"):
                    return self._current(element, name)
                if name in found:
                    return float(found[name][lower.index(element.lower())])
                known = ", ".join(found) or "none"
                raise ParameterError(f"{element} has no quantity {name!r}; there are: {known}")
        raise ParameterError(f"the circuit has no element {element!r}")

    def _kind(self, element: str) -> str:
        return self.circuit[element].kind if element in self.circuit else ""

    def _current(self, element: str, name: str) -> float:
        names = self.names
        part = Part(self.circuit, self.system.temperature, names.nodes, names.labels, [element])
        values = np.asarray(self._whole)[None, :len(names.labels)]
        now = self.system.instant()
        return float(part.quantity(name, element.lower(), values, [now])[0])

    def _vectors(self) -> Iterable[tuple[str, float]]:
        return self.to_dict().items()

    def to_dict(self) -> dict[str, float]:
        """Return all voltages and source currents by their names, aliases included.

        With them the quantities of elements that ``.save`` and ``savecurrents`` ask for.
        """
        found = {name: float(self._whole[k]) for name, k in self.names.all().items()}
        return found | {name: self[name] for name in shown(self.circuit, "op")}

    def to_xarray(self) -> xr.Dataset:
        """Return an `xarray.Dataset` with a number and its unit for every name of `to_dict`.

        Raises
        ------
        BackendUnavailable
            Without xarray.
        """
        data = {name: ((), value, {"units": unit_of(name)})
                for name, value in self.to_dict().items()}
        return dataset(data, attributes={
            "title": self.circuit.title, "residual": self.residual, "iterations": self.iterations,
        })


@np.errstate(over="ignore")  # Newton's iteration tells and names what overflows
def prepare(
    circuit: Circuit, *, uic: bool = False, save: Sequence[str] | None = None,
) -> System:
    """Compile a circuit after checking it."""
    if not isinstance(circuit, Circuit):
        raise ParameterError(f"`circuit` must be a Circuit; got {type(circuit).__name__}")
    for element in circuit.singles():
        if element.kind == "X" and element.name.lower() not in circuit.arrays:
            raise ParameterError(
                f"{element.name} is a subcircuit ({element.control}): it must be written out "
                "before it can be solved; read the deck with `read_spice`, or solve the "
                "crossbar itself with `Solver.solve`"
            )
    circuit = at_temperature(circuit, circuit.temperature)  # which may have been set since
    load_kinds(circuit)
    wanted: list[str] = []
    if circuit.arrays:
        from ..elements.crossbar_ports import solvable, wanted_names  # noqa: PLC0415 - slow to import

        circuit = solvable(circuit)
        wanted = wanted_names(circuit, save)
    with uncollected():
        # before the checks: it names what is missing
        system = System(circuit, None, wanted)
        check(circuit, uic=uic, index=system.index)
    return system


def hints(system: System) -> dict[int, float]:
    """Return the nodes of ``.nodeset`` with their voltages."""
    names = Names(system.circuit, system.nodes, system.branches, system.shown)
    return {names.node(n): v for n, v in system.circuit.nodeset.items()}


def written_out(circuit: Circuit, *, large: bool = True) -> OperatingPoint:
    """Return the operating point with every element inside of crossbars an element of its own.

    With `large` False, large crossbars of resistors stay matrices, whose inner nodes are not shown.
    """
    if isinstance(circuit, Circuit) and circuit.arrays:
        circuit = circuit.expanded(keep=() if large else [
            name for name, block in circuit.arrays.items()
            if plain(block) and block.shape[0] * block.shape[1] > _LARGE
        ])
    point = operating_point(circuit)
    system = point.system
    point.names = Names(system.circuit, system.nodes, system.branches, system.labels)
    return point


def operating_point(circuit: Circuit) -> OperatingPoint:
    """Check and solve `circuit`."""
    system = prepare(circuit)
    newton = Newton(system)
    now = system.instant()
    outcome = find(newton, np.zeros(system.size + 1), now, hints=hints(system))
    x = outcome.x
    if system.linear and system.size:  # one step of refinement, for full accuracy
        system.evaluate(x, now)
        x = x - newton.factors.solve(system.f)
    if not np.isfinite(x).all():
        raise AssertionError("a converged solution is finite")
    check_rounding(newton, x, now)
    return OperatingPoint(system, x, newton.residual(x, now), newton.iterations)


@register(Op)
def _op(circuit: Circuit, analysis: Op, save: Sequence[str] | None) -> OperatingPoint:
    del analysis, save
    return operating_point(circuit)
