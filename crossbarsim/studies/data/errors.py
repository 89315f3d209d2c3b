"""The error of data files that cannot be read."""

from __future__ import annotations

from pathlib import Path

from ...core.errors import ParameterError

__all__ = ["DataError"]


class DataError(ParameterError):
    """A data file is missing, truncated or not what its name says.

    Parameters
    ----------
    path : Path
        The file or folder concerned.
    message : str
        What was expected and what was found.
    """

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
