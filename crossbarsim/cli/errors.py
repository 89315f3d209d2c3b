"""How commands report the library's errors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from ..core.compiled.interrupts import was_interrupted
from ..core.errors import BackendUnavailable, CrossbarSimError

__all__ = ["reported", "studies_extra"]


@contextmanager
def reported(resume: str = "") -> Iterator[None]:
    """Turn errors of the library into one line and exit code 2, Ctrl-C into exit code 130.

    So, too, files that cannot be read or written: a full disk, a table open in another program.
    """
    errors = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
    try:
        yield
    except CrossbarSimError as error:
        errors.print(f"error: {error}")
        raise typer.Exit(2) from error
    except BrokenPipeError:
        raise  # whoever read the output has gone: the command ends in silence
    except OSError as error:
        where = "" if error.filename is None else f"{os.fspath(error.filename)}: "
        errors.print(f"error: {where}{error.strerror or error}")
        raise typer.Exit(2) from error
    except (Exception, KeyboardInterrupt) as error:
        if not was_interrupted(error):
            raise
        errors.print(f"interrupted{resume}")
        raise typer.Exit(130) from error


@contextmanager
def studies_extra() -> Iterator[None]:
    """Turn a failed import into the error that names the extra to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise BackendUnavailable(
            f"{error.name} is not installed: install crossbarsim[studies]"
        ) from error
