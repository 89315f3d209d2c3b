"""How files are written: whole or not at all, in UTF-8, with the same bytes on every system.

What a function here writes goes to a temporary file in the same folder, which then takes the
file's name: whoever reads finds the old file or the new one, also when the writing is interrupted.
"""

from __future__ import annotations

import errno
import io
import os
import re
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

__all__ = [
    "append_text", "check_writable", "new_file", "new_text_file", "plain_name", "save_array",
    "save_arrays", "save_figure", "save_table", "with_ending", "write_text",
]

_TRIES = 8  # of taking a name that another process holds open, on Windows
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')  # in names, on some system
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class _Picture(Protocol):
    def savefig(self, fname: Any, **settings: Any) -> None: ...


class _Frame(Protocol):
    def to_csv(self, *, index: bool, lineterminator: str) -> str: ...


@contextmanager
def new_file(path: str | Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """Yield a stream of bytes that becomes the file `path` once the block has ended.

    Where the block raises, nothing is left of it and an older file stays as it was. The older
    file's permissions are kept; a link stays a link, to the new content; devices and pipes are
    written to directly.

    Parameters
    ----------
    path : path
    durable : bool
        Whether the disk has the content before the name is taken; a cache can do without.

    Raises
    ------
    OSError
        As `open`; names `path`.

    Examples
    --------
    >>> from crossbarsim.core.files import new_file
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = pathlib.Path(folder, "a.bin")
    ...     with new_file(place) as stream:
    ...         count = stream.write(b"12")
    ...     place.read_bytes()
    b'12'
    """
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        mode = 0
    if mode and not stat.S_ISREG(mode):
        with target.open("wb") as stream:
            yield stream
        return
    if mode and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    part = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        stream = part.open("xb")
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from None
    try:
        with _named(path):
            with stream:
                yield stream
                if durable:
                    stream.flush()
                    os.fsync(stream.fileno())
            if mode:
                part.chmod(stat.S_IMODE(mode))
            _take_name(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def _named(path: str | Path) -> Iterator[None]:
    """Give errors of writing the name of the file that was asked for: a full disk has none."""
    try:
        yield
    except OSError as error:
        temporary = str(error.filename or "").endswith(".tmp")
        if error.errno is not None and (error.filename is None or temporary):
            error.filename, error.filename2 = str(path), None
        raise


def check_writable(path: str | Path) -> None:
    """Raise what writing to the file `path` would raise, before long work is done for it.

    Raises
    ------
    OSError
        The folder is missing, no folder or cannot be written to; or `path` is a folder, or a file
        that cannot be written to.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not target.parent.exists():
        raise FileNotFoundError(
            errno.ENOENT, f"No such file or directory: {target.parent}", str(path)
        )
    if not target.parent.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{target.parent} is no folder", str(path))
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def with_ending(path: str | Path, ending: str) -> Path:
    """Return the path of a file, with `ending` where its name has none.

    Raises
    ------
    IsADirectoryError
        The path has no name, or is a folder.

    Examples
    --------
    >>> from crossbarsim.core.files import with_ending
    >>> with_ending("report", ".html").name, with_ending("report.htm", ".html").name
    ('report.html', 'report.htm')
    """
    place = Path(path)
    if not place.name or place.is_dir():
        raise IsADirectoryError(errno.EISDIR, "needs the name of a file", str(path))
    return place if place.suffix else place.with_name(f"{place.name}{ending}")


def _take_name(part: Path, target: Path) -> None:
    for left in reversed(range(_TRIES if sys.platform == "win32" else 1)):
        try:
            part.replace(target)
        except PermissionError:
            if not left:
                raise
            time.sleep(0.05)  # a reader, an indexer or a virus scanner has it open
        else:
            return


@contextmanager
def new_text_file(path: str | Path) -> Iterator[IO[str]]:
    r"""Yield a stream of text, as `new_file`: UTF-8, and ``\n`` stays what it is."""
    with new_file(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        try:
            yield text
        finally:
            text.detach()  # flushes, and leaves the closing to `new_file`


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to the file `path`, as `new_text_file`."""
    with new_file(path) as stream:
        stream.write(text.encode("utf-8"))


def append_text(path: str | Path, text: str, *, durable: bool = False) -> None:
    r"""Append `text` to the file `path`, which is made where it is missing.

    Where that fails the file is left as it was.

    Parameters
    ----------
    path : path
    text : str
        ``\n`` stays what it is.
    durable : bool
        Whether to return only once the disk has it.
    """
    left = memoryview(text.encode("utf-8"))
    with _named(path), Path(path).open("ab", buffering=0) as stream:
        before = stream.seek(0, os.SEEK_END)
        try:
            while left:
                left = left[stream.write(left):]
            if durable:
                os.fsync(stream.fileno())
        except BaseException:
            with suppress(OSError):
                stream.truncate(before)
            raise


def save_array(path: str | Path, array: Any) -> None:
    """Write one array to the ``.npy`` file `path`; never pickled objects."""
    with new_file(path) as stream:
        np.save(stream, array, allow_pickle=False)


def save_arrays(path: str | Path, **arrays: Any) -> None:
    """Write named arrays to the ``.npz`` file `path`; never pickled objects."""
    with new_file(path) as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def save_figure(figure: _Picture, path: Path, *, dpi: int) -> Path:
    """Write a figure to `path`, its folder made, and return the path.

    The suffix is the format; without one ``.png`` is appended.
    """
    if not path.suffix:
        path = path.with_name(f"{path.name.rstrip('.')}.png")
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path) as stream:
        figure.savefig(stream, dpi=dpi, format=path.suffix[1:].lower())
    return path


def save_table(path: str | Path, table: _Frame, *, index: bool = False) -> None:
    """Write a pandas table as comma-separated values to the file `path`."""
    write_text(path, table.to_csv(index=index, lineterminator="\n"))


def plain_name(text: str) -> str:
    """Return `text` as the name of a file that every system takes.

    Examples
    --------
    >>> from crossbarsim.core.files import plain_name
    >>> plain_name("v(out)/2: gain?"), plain_name("aux.png")
    ('v(out)_2_ gain_', '_aux.png')
    """
    name = _FORBIDDEN.sub("_", text).rstrip(". ") or "_"
    return f"_{name}" if _RESERVED.fullmatch(name) else name
