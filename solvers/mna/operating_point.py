"""The operating point of a flat circuit."""

from __future__ import annotations

import difflib
import re

from ...netlists._check import Array
from ...netlists.circuit import GROUND, Circuit
from ...netlists.errors import ParameterError
from .checks import check_circuit
from .linear import LinearSystem, assemble, solve_linear

__all__ = ["OperatingPoint", "operating_point"]

_QUERY = re.compile(r"\s*([vi])\s*\(\s*([^,()]+?)\s*(?:,\s*([^,()]+?)\s*)?\)\s*", re.IGNORECASE)


class OperatingPoint:
    """Node voltages and source currents, by ngspice's names.

    ``result["v(out)"]`` and ``result["v(a,b)"]`` are volt, ``result["i(v1)"]`` ampere from the
    source's positive node through the source to the negative one. `residual` is the largest
    violation of an equation over its largest term.
    """

    def __init__(
        self, circuit: Circuit, system: LinearSystem, x: Array, residual: float
    ) -> None:
        self.circuit = circuit
        self.residual = residual
        self._system = system
        self._x = x

    def __repr__(self) -> str:
        return f"OperatingPoint({self.circuit!r}, residual={self.residual:.1e})"

    def __getitem__(self, query: str) -> float:
        match = _QUERY.fullmatch(query) if isinstance(query, str) else None
        if match is None:
            raise ParameterError(
                f"ask for 'v(node)', 'v(node,node)' or 'i(source)'; got {query!r}"
            )
        kind, first, second = match[1].lower(), match[2], match[3]
        if kind == "i":
            return self.current(first)
        return self.voltage(first) - (self.voltage(second) if second else 0.0)

    def voltage(self, node: str | int) -> float:
        """Return the voltage of `node` (or one of its aliases) against ground, volt."""
        name = self.circuit.node(node)
        if name == GROUND:
            return 0.0
        index = self._system.nodes.get(name)
        if index is None:
            raise ParameterError(
                f"the circuit has no node {node!r}{_near(name, self._system.nodes)}"
            )
        return float(self._x[index])

    def current(self, source: str) -> float:
        """Return the current through a voltage source (V, E or H), ampere."""
        index = self._system.branches.get(str(source).lower())
        if index is None:
            raise ParameterError(
                f"no voltage source {source!r} to give a current"
                f"{_near(str(source).lower(), self._system.branches)}"
            )
        return float(self._x[index])

    def to_dict(self) -> dict[str, float]:
        """Return all voltages and source currents by their names, aliases included."""
        values = {f"v({n})": float(self._x[k]) for n, k in self._system.nodes.items()}
        values |= {f"v({a})": self.voltage(a) for a in self.circuit.aliases}
        return values | {f"i({n})": float(self._x[k]) for n, k in self._system.branches.items()}


def _near(name: str, known: dict[str, int]) -> str:
    close = difflib.get_close_matches(name, known, n=3)
    return f"; there are {', '.join(close)}" if close else ""


def operating_point(circuit: Circuit) -> OperatingPoint:
    """Check and solve `circuit`."""
    if not isinstance(circuit, Circuit):
        raise ParameterError(f"`circuit` must be a Circuit; got {type(circuit).__name__}")
    for element in circuit:
        if element.kind == "X":
            raise ParameterError(
                f"{element.name} is a subcircuit ({element.control}): `operating_point` solves "
                "linear elements only; write the circuit out with `to_spice`, or solve the "
                "crossbar itself with `Solver.solve`"
            )
    check_circuit(circuit)
    system = assemble(circuit)
    x, residual = solve_linear(system)
    return OperatingPoint(circuit, system, x, residual)
