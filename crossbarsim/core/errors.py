"""The hierarchy of errors that crossbarsim raises on purpose."""

from __future__ import annotations

from typing import Any

__all__ = [
    "BackendUnavailable",
    "ConvergenceError",
    "CrossbarSimError",
    "NetlistError",
    "OutOfMemoryError",
    "ParameterError",
    "SingularCircuitError",
    "VerilogAError",
]


class CrossbarSimError(Exception):
    """Base of every error that crossbarsim raises on purpose.

    Examples
    --------
    >>> from crossbarsim import CrossbarSimError, Wires
    >>> try:
    ...     Wires(word=-1.0)
    ... except CrossbarSimError as error:
    ...     print(type(error).__name__)
    ParameterError
    """


class ParameterError(CrossbarSimError, ValueError):
    """A value given by the user is wrong; the message names the argument and what was expected.

    It is a `ValueError`, too.

    Examples
    --------
    >>> from crossbarsim import ParameterError, Wires
    >>> try:
    ...     Wires(word=-1.0)
    ... except ParameterError as error:
    ...     print(error)
    `word` = -1.0: must be >= 0 ohm
    """


class NetlistError(CrossbarSimError):
    r"""A netlist cannot be read or is inconsistent.

    Parameters
    ----------
    message : str
        What is wrong and what is supported.
    file : str, optional
        The deck's path.
    line : int, optional
        The line number in the deck, from 1.

    Examples
    --------
    >>> from crossbarsim import NetlistError, read_spice
    >>> try:
    ...     read_spice("divider\nR1 a 0\n.op")
    ... except NetlistError as error:
    ...     print(error.line, error.file)
    2 <text>
    """

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        where = ":".join(str(part) for part in (file, line) if part is not None)
        super().__init__(f"{where}: {message}" if where else message)
        self.message = message
        self.file = file
        self.line = line


class VerilogAError(NetlistError):
    """A Verilog-A file cannot be read, or does what no law of a device can.

    Parameters
    ----------
    message, file, line
        As of `NetlistError`, in the Verilog-A.

    Examples
    --------
    >>> from crossbarsim import VerilogAError
    >>> print(VerilogAError("`transition` is no part of a law", file="cell.va", line=12))
    cell.va:12: `transition` is no part of a law
    """


class SingularCircuitError(CrossbarSimError):
    """The circuit has no unique solution; `nodes` names the nodes concerned.

    Parameters
    ----------
    message : str
        What is wrong and what to do.
    nodes : sequence of str
        Names of the nodes concerned, as `Crossbar.to_circuit` names them.

    Examples
    --------
    >>> from crossbarsim import Circuit, Simulator, SingularCircuitError
    >>> circuit = Circuit().V(1, "in", 0, 1.0).C(1, "in", "out", "1n")
    >>> try:
    ...     Simulator().operating_point(circuit)
    ... except SingularCircuitError as error:
    ...     print(error.nodes)
    ('out',)
    """

    def __init__(self, message: str, nodes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.nodes = tuple(nodes)


class ConvergenceError(CrossbarSimError):
    """An iteration did not reach its tolerance.

    Parameters
    ----------
    message : str
        What was tried, how far it came, and the next thing to try.
    partial : object, optional
        The result as far as it was computed.

    Examples
    --------
    >>> from crossbarsim import ConvergenceError, Crossbar, Solver, Wires
    >>> xbar = Crossbar([[1e-3, 1e-4], [1e-4, 1e-3]], Wires(word=100.0, bit=100.0))
    >>> try:
    ...     Solver(max_iterations=1).solve(xbar, [0.1, 0.2])
    ... except ConvergenceError as error:
    ...     print(error.partial.converged)
    False
    """

    def __init__(self, message: str, partial: Any = None) -> None:
        super().__init__(message)
        self.partial = partial


class BackendUnavailable(CrossbarSimError):
    """An optional backend is not installed or finds no device; the message names the extra.

    Examples
    --------
    >>> from crossbarsim import BackendUnavailable, Solver
    >>> try:
    ...     solver = Solver(backend="gpu")
    ... except BackendUnavailable:  # no CuPy here, or no GPU
    ...     solver = Solver()
    >>> solver.backend in ("gpu", "cpu")
    True
    """


class OutOfMemoryError(CrossbarSimError, MemoryError):
    """An array does not fit into the memory of the device; the message has the numbers in bytes.

    It is a `MemoryError`, too.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim import Crossbar, OutOfMemoryError, Solver
    >>> from crossbarsim.solvers import ArrayBackend
    >>> solver = Solver(backend=ArrayBackend(np, max_bytes=1000))
    >>> try:
    ...     solver.solve(Crossbar(np.full((64, 64), 1e-4)), np.ones(64))
    ... except OutOfMemoryError as error:
    ...     print(isinstance(error, MemoryError))
    True
    """
