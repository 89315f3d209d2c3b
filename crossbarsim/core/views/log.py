"""The package's log: ``logging.getLogger("crossbarsim")``, silent until somebody listens.

At DEBUG which method solved what, at INFO what takes time or a way round (compiling, homotopies),
at WARNING what a user should know of a result that is there all the same.
"""

from __future__ import annotations

import logging

__all__ = ["LOGGER", "listened", "show_log"]

LOGGER = logging.getLogger("crossbarsim")
LOGGER.addHandler(logging.NullHandler())


def listened() -> bool:
    """Whether somebody reads the log."""
    here: logging.Logger | None = LOGGER
    while here is not None:
        if any(not isinstance(one, logging.NullHandler) for one in here.handlers):
            return True
        here = here.parent if here.propagate else None
    return False


def show_log(level: int) -> None:
    """Write the log to the standard error stream, from `level` on: for command lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    LOGGER.addHandler(handler)
    LOGGER.setLevel(level)
