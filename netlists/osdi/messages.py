"""What compiled modules print: kept until somebody asks.

A library calls ``osdi_log`` with a text and a level, from inside of set-ups and evaluations. Each
text is handed to the log of the package once, however many instances say it; errors are kept for
the error that follows.
"""

from __future__ import annotations

import ctypes
import logging
import sys
from collections import deque

from ...core.views.log import LOGGER
from .abi import LEVEL_ERROR, LEVEL_MASK, LEVEL_WARNING, Log

__all__ = ["LOG", "take_messages"]

_FORMAT_FAILED = 16
_MOST = 1000  # texts
_kept: deque[str] = deque(maxlen=20)
_said: set[str] = set()


def _free(address: int) -> None:
    """Give back a text that the library allocated.

    Not on Windows, which has several allocators and does not tell whose it is.
    """
    if sys.platform != "win32":
        _libc().free(ctypes.c_void_p(address))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _keep(handle: int | None, address: int | None, level: int) -> None:
    del handle
    if not address:
        return
    said = (ctypes.string_at(address) or b"").decode("utf-8", "replace").strip()
    if not level & _FORMAT_FAILED:
        _free(address)
    kind = level & LEVEL_MASK
    if kind >= LEVEL_ERROR:
        _kept.append(said)
    if said not in _said and len(_said) < _MOST:
        _said.add(said)
        LOGGER.log(logging.WARNING if kind >= LEVEL_WARNING else logging.INFO, "%s", said)


LOG = Log(_keep)


def take_messages() -> str:
    """Return what modules said was wrong since this was last asked, for the end of an error."""
    found = "; ".join(dict.fromkeys(_kept))
    _kept.clear()
    return f": {found}" if found else ""
