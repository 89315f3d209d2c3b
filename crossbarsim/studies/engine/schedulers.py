"""Executors by name: the scheduler of dask, which is an extra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from ...core.errors import BackendUnavailable

__all__ = ["dask_client"]

_TIMEOUT = 10  # second


@contextmanager
def dask_client(address: str, *, timeout: float = _TIMEOUT) -> Iterator[Any]:
    """Yield a client of the dask scheduler at an address, an executor for `Study.run`.

    Parameters
    ----------
    address : str
        Such as ``tcp://head:8786``.
    timeout : float
        Second.

    Raises
    ------
    BackendUnavailable
        dask is not installed, or no scheduler answers, or it has no workers.
    """
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise BackendUnavailable(
            "dask is not installed: pip install 'crossbarsim[dask]'") from error
    try:
        client = distributed.Client(address, timeout=timeout)
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        raise BackendUnavailable(
            f"no scheduler answers at {address} ({type(error).__name__}: {error}): start one with "
            "`dask scheduler`, and workers with `dask worker`"
        ) from error
    with client:
        if not client.nthreads():
            raise BackendUnavailable(
                f"the scheduler at {address} has no workers: start some with `dask worker "
                f"{address} --nthreads 1`"
            )
        yield client
