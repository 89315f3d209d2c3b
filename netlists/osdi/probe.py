"""Whether a library can be opened at all: tried in a process of its own.

A damaged library may end the process that opens it, by a signal or in the system's loader, before
anything can be raised. Each library is therefore opened in another process first, once for its
content: what was opened is noted in the cache. Those that the cache itself holds are not asked.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from ...core.errors import NetlistError
from ...core.files import new_file
from .cache import cache_folder

__all__ = ["check_opens"]

_SCRIPT = (
    "import sys; sys.path[:] = {paths!r}\n"
    "from crossbarsim.core.errors import NetlistError\n"
    "from crossbarsim.netlists.osdi.library import open_library\n"
    "try:\n    open_library({file!r})\nexcept NetlistError:\n    pass\n"
)
_SECONDS = 120
_sound: set[bytes] = set()


def check_opens(path: Path) -> None:
    """Refuse a library that would end this process.

    Raises
    ------
    NetlistError
        The process that opened it ended.
    """
    if not sys.executable or getattr(sys, "frozen", False):  # no interpreter to ask
        return
    digest = hashlib.sha256(path.read_bytes()).digest()
    note = None if digest in _sound else _note(path, digest)
    if digest in _sound:
        return
    if note is not None and note.exists():
        _sound.add(digest)
        return
    script = _SCRIPT.format(paths=sys.path, file=str(path))
    try:
        run = subprocess.run(  # noqa: S603 - this interpreter
            [sys.executable, "-c", script], capture_output=True, timeout=_SECONDS, check=False)
        code = run.returncode
    except subprocess.TimeoutExpired:
        code = -1
    if code:
        raise NetlistError(
            f"the library is damaged: a process that opened it ended (status {code}); copy it once "
            "more, or compile its Verilog-A source again, with `load_verilog_a`", file=str(path))
    _sound.add(digest)
    if note is not None:
        with suppress(OSError), new_file(note, durable=False) as stream:
            stream.write(b"opened\n")


def _note(path: Path, digest: bytes) -> Path | None:
    """Return where it is noted that a library opens; None where nothing can be kept."""
    try:
        folder = cache_folder()
        if path.parent == folder:
            _sound.add(digest)
        known = folder / "opened"
        known.mkdir(exist_ok=True, mode=0o700)
    except OSError:
        return None
    return known / digest.hex()[:32]
