"""Machine code of kernels, kept on disk.

One file per kernel, signature and kind of processor. It says what it was made from (`fingerprint`)
and what it should hold: a file that is stale, cut off or damaged is made again. Files are read from
whatever folder has them and written to the first of these that can be written:

1. ``CROSSBARSIM_CACHE``, or ``NUMBA_CACHE_DIR``, where set;
2. the package's ``__pycache__``;
3. the user's cache (``XDG_CACHE_HOME`` or ``~/.cache``);
4. a folder of the user's own in the system's folder for temporary files;

or else nowhere: every process compiles for itself.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
from numba.core import compiler
from numba.core.caching import NullCache
from numba.core.runtime.nrt import rtsys
from numba.core.serialize import dumps

from ..files import new_file
from .fingerprint import fingerprint
from .interrupts import put_off
from .notice import LOGGER, begin, end

__all__ = ["KernelCache", "folders", "writable_folder"]

_MAGIC = b"crossbarsim kernel\n"
_DIGEST = 32
PACKAGE = Path(__file__).resolve().parents[2]


def folders() -> Iterator[Path]:
    """Yield the folders in which kernels may lie, best first."""
    mine = f"kernels-{hashlib.sha256(str(PACKAGE).encode()).hexdigest()[:12]}"
    chosen = os.environ.get("CROSSBARSIM_CACHE") or os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        yield Path(chosen, mine)
    else:
        yield PACKAGE / "__pycache__" / "kernels"
        if base := os.environ.get("XDG_CACHE_HOME"):
            yield Path(base, "crossbarsim", mine)
        else:
            with suppress(RuntimeError):  # no home
                yield Path.home() / ".cache" / "crossbarsim" / mine
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    yield Path(tempfile.gettempdir(), f"crossbarsim-{user}", mine)


def _writable(folder: Path) -> bool:
    """Make `folder`; return whether files can be written to it, and by nobody else."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        return False
    return _private(folder)


def _private(folder: Path) -> bool:
    """Return whether nobody else can have put files into a folder under the temporary ones."""
    if not hasattr(os, "getuid") or Path(tempfile.gettempdir()) not in folder.parents:
        return True
    try:
        infos = [folder.lstat(), folder.parent.lstat()]
    except OSError:
        return False
    return all(stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid()
               and not info.st_mode & 0o022 for info in infos)


@lru_cache(maxsize=1)
def writable_folder() -> Path | None:
    """Return the folder to which kernels are written; None where none can be."""
    tried: list[Path] = []
    for folder in folders():
        if _writable(folder):
            if tried:
                LOGGER.info("compiled kernels are kept in %s: cannot write to %s", folder,
                            ", ".join(map(str, tried)))
            return folder
        tried.append(folder)
    LOGGER.warning("compiled kernels cannot be kept, every process makes its own: cannot write "
                   "to %s; set CROSSBARSIM_CACHE to a folder of yours", ", ".join(map(str, tried)))
    return None


class KernelCache(NullCache):
    """The files of one kernel."""

    def __init__(self, function: FunctionType, options: dict[str, Any]) -> None:
        self._function, self._options = function, options

    @property
    def cache_path(self) -> str | None:
        """The folder to which files are written."""
        folder = writable_folder()
        return None if folder is None else str(folder)

    def _name(self, sig: Any, codegen: Any) -> str:
        # with the names: those that differ in case alone are one file on Windows and macOS
        module = self._function.__module__.removeprefix("crossbarsim.")
        name = f"{module}.{self._function.__qualname__}"
        kind = (name, str(sig), codegen.magic_tuple(), sys.version_info[:2],
                getattr(sys, "abiflags", ""), numba.__version__)
        name = re.sub(r"[^\w.]", "_", name)[-80:]
        return f"{name}-{hashlib.sha256(repr(kind).encode()).hexdigest()[:16]}.nbc"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the kept machine code, or None; where None, says that it is being made."""
        with put_off():
            found = self._loaded(sig, target_context)
        if found is None:
            begin(self._function.__module__, self.cache_path)
        return found

    def _loaded(self, sig: Any, target_context: Any) -> Any:
        # not `refresh`, which loads all that numba can compile: nothing is compiled here
        rtsys.initialize(target_context)
        name = self._name(sig, target_context.codegen())
        made_from = fingerprint(self._function, self._options)
        for folder in folders():
            payload = _read(folder / name, made_from)
            if payload is None:
                continue
            try:
                found = pickle.loads(payload)  # noqa: S301 - a private folder
                return compiler.CompileResult._rebuild(  # noqa: SLF001 - as numba's own cache
                    target_context, *found
                )
            except Exception:  # noqa: BLE001 - whatever numba finds wrong with it, it is made again
                LOGGER.info("%s is made again: it cannot be loaded", folder / name, exc_info=True)
        return None

    def save_overload(self, sig: Any, cres: Any) -> None:
        """Keep machine code, where a folder can be written."""
        end()
        folder = writable_folder()
        if folder is None or cres.library.has_dynamic_globals:
            return
        payload = dumps(cres._reduce())  # noqa: SLF001 - as numba's own cache
        content = b"".join([
            _MAGIC, fingerprint(self._function, self._options),
            hashlib.sha256(payload).digest(), payload,
        ])
        path = folder / self._name(sig, cres.codegen)
        try:
            with new_file(path, durable=False) as stream:
                stream.write(content)
        except OSError as error:
            LOGGER.info("%s could not be kept: %s", path, error)


def _read(path: Path, made_from: bytes) -> bytes | None:
    """Return what a file holds; None where there is none, it is stale, damaged or not ours."""
    try:
        if not _private(path.parent):
            return None
        content = path.read_bytes()
    except OSError:
        return None
    start = len(_MAGIC)
    payload = content[start + 2 * _DIGEST :]
    if (
        content[:start] != _MAGIC or content[start : start + _DIGEST] != made_from
        or content[start + _DIGEST : start + 2 * _DIGEST] != hashlib.sha256(payload).digest()
    ):
        LOGGER.debug("%s is made again: stale or damaged", path)
        return None
    return payload
