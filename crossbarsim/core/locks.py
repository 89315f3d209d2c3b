"""One run at a time in a folder of results.

The lock is the operating system's own, on the file ``.lock`` in the folder: it goes with the
process that holds it, however that ends, so that a killed run never keeps the next one out.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from .errors import ParameterError

__all__ = ["FolderLock"]

NAME = ".lock"
_FAR = 1 << 30  # the byte that is locked on Windows, where others could not read a locked one
_BUSY = (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK)
# per folder of this process: the open file, who holds it, and how many times
_held: dict[str, list[Any]] = {}
_guard = threading.Lock()


class FolderLock:
    """The right to write into a folder, until `release` or the end of the ``with``.

    One thread may take it several times. A folder that was made for it and is still empty at the
    end is removed.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.

    Raises
    ------
    ParameterError
        Another run, or another thread of this one, writes into the folder.
    OSError
        The folder cannot be made or written to.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from crossbarsim.core.locks import FolderLock
    >>> with tempfile.TemporaryDirectory() as folder, FolderLock(pathlib.Path(folder)) as lock:
    ...     lock.folder.is_dir()
    True
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        self._key = os.path.realpath(folder)
        self._mine = False
        who = os.getpid(), threading.get_ident()
        with _guard:
            held = _held.get(self._key)
            if held is not None and held[1] == who:
                held[2] += 1
            elif held is not None and held[1][0] == who[0]:
                raise self._busy("another thread of this process")
            else:  # what a forked process inherits is its parent's
                _held[self._key] = [self._locked(), who, 1]
        self._mine = True

    def _busy(self, who: str) -> ParameterError:
        return ParameterError(
            f"{self.folder}: {who} is writing into this folder: wait until it has ended, or choose "
            "another folder"
        )

    def _locked(self) -> IO[bytes]:
        """Return the open file of the lock."""
        path = self.folder / NAME
        while True:
            stream = path.open("a+b")
            try:
                _lock(stream.fileno())
            except OSError as error:
                if error.errno in _BUSY:
                    with stream:
                        stream.seek(0)
                        pid = stream.read(20).decode("ascii", "replace")
                    who = f"another run (process {pid})" if pid.isdecimal() else "another run"
                    raise self._busy(who) from None
                warnings.warn(
                    f"{self.folder}: this file system has no locks ({error.strerror}): do not "
                    "start a second run with this folder", RuntimeWarning, stacklevel=4,
                )
                return stream
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(stream.fileno()), path.stat()):
                    break
            stream.close()  # the holder before has removed the file that was opened here
        stream.truncate(0)
        stream.write(str(os.getpid()).encode())
        stream.flush()
        return stream

    def release(self) -> None:
        """Give the folder back."""
        if not self._mine:
            return
        self._mine = False
        with _guard:
            held = _held[self._key]
            held[2] -= 1
            if held[2]:
                return
            del _held[self._key]
            # Windows removes no open file, elsewhere nobody else may take it before it is gone
            if sys.platform == "win32":
                held[0].close()
            with suppress(OSError):
                (self.folder / NAME).unlink()
            held[0].close()
        with suppress(OSError):  # whatever is not empty stays
            for folder in self._made:
                folder.rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


if sys.platform == "win32":
    import msvcrt

    def _lock(number: int) -> None:
        os.lseek(number, _FAR, os.SEEK_SET)
        msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
else:
    try:
        import fcntl
    except ImportError:  # a system without it: two runs in one folder are not told apart
        fcntl = None  # type: ignore[assignment]

    def _lock(number: int) -> None:
        if fcntl is not None:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
