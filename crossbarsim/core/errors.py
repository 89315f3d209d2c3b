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
]


class CrossbarSimError(Exception):
    """Base of every error that crossbarsim raises on purpose."""


class ParameterError(CrossbarSimError, ValueError):
    """A value given by the user is wrong; the message names the argument and what was expected."""


class NetlistError(CrossbarSimError):
    """A netlist cannot be read or is inconsistent.

    Parameters
    ----------
    message : str
        What is wrong and what is supported.
    file : str, optional
        The deck's path.
    line : int, optional
        The line number in the deck, from 1.
    """

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        where = ":".join(str(part) for part in (file, line) if part is not None)
        super().__init__(f"{where}: {message}" if where else message)
        self.message = message
        self.file = file
        self.line = line


class SingularCircuitError(CrossbarSimError):
    """The circuit has no unique solution; `nodes` names the nodes concerned.

    Parameters
    ----------
    message : str
        What is wrong and what to do.
    nodes : sequence of str
        Names of the nodes concerned, as `Crossbar.to_circuit` names them.
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
    """

    def __init__(self, message: str, partial: Any = None) -> None:
        super().__init__(message)
        self.partial = partial


class BackendUnavailable(CrossbarSimError):
    """An optional backend is not installed or finds no device; the message names the extra."""


class OutOfMemoryError(CrossbarSimError, MemoryError):
    """An array does not fit into the memory of the device; the message has the numbers."""
