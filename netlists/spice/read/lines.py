"""Decks as logical lines: comments, continuation, included files, sections of libraries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ....core.errors import NetlistError
from ...columns.plain import PlainElements, pieces

__all__ = ["Line", "file_at", "lines_of", "parted", "read_lines", "text_of"]

DEEPEST = 40  # files within files
MOST = 10_000  # inclusions in all
LARGEST = 200_000_000  # bytes of a file
# what editors and copies from documents put in place of plain characters
_PLAIN = str.maketrans({
    "\r": "\n", "\f": " ", "\v": " ", "\x1a": " ", "\x85": " ", "\xa0": " ", "\u2028": " ",
    "\u2029": " ", "\ufeff": " ", "\u2009": " ", "\u202f": " ", "\u03bc": "\u00b5", "\u2212": "-",
    "\u2013": "-", "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"',
})
_INCLUDE = re.compile(r"\.(include|incl?|lib)\b\s*(.*)", re.IGNORECASE)


class Line(NamedTuple):
    """One logical line.

    Attributes
    ----------
    text : str
        Without comments, continuation lines joined.
    file : str
        Path, or ``"<text>"``.
    number : int
        Of its first physical line, from 1.
    control : bool
        Whether it belongs to a control block.
    """

    text: str
    file: str
    number: int
    control: bool = False

    @property
    def where(self) -> tuple[str, int]:
        """File and line."""
        return self.file, self.number

    @property
    def command(self) -> str:
        """The dot command, lower case with its dot, or an empty string."""
        return self.text.split(maxsplit=1)[0].lower() if self.text.startswith(".") else ""

    def error(self, message: str) -> NetlistError:
        """Return an error at this line, with the offending text."""
        shown = self.text if len(self.text) <= 100 else self.text[:97] + "..."
        note = "" if shown in message else f"\n    {shown}"
        return NetlistError(f"{message}{note}", file=self.file, line=self.number)


def _uncommented(text: str, *, control: bool) -> str:
    """Cut off a comment at the end: ``;``, ``//`` or ``$`` after a space; not inside of quotes."""
    if not any(sign in text for sign in (";", "$", "//")):
        return text
    quoted = False
    for k, c in enumerate(text):
        before = text[k - 1] if k else " "
        if c == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif c == ";" or (before in " \t," and _begins_comment(text, k, control=control)):
            return text[:k]
    return text


def _open(parts: list[str]) -> bool:
    """Whether a parenthesis of the line is not closed yet."""
    text = " ".join(parts)
    return text.count("(") > text.count(")")


def _begins_comment(text: str, k: int, *, control: bool) -> bool:
    if text[k] == "$":  # in control blocks $name is a value
        return not control or text[k + 1 : k + 2] in ("", " ", "\t")
    return text[k : k + 2] == "//"


def _logical(text: str, file: str, first: int = 1) -> Iterator[Line]:
    """Yield the logical lines of a text whose first line has the number `first`."""
    kept: list[str] = []
    start, control = first, False
    begun = False  # a line to which + may belong

    def done() -> Line:
        return Line(" ".join(kept), file, start, control)

    goes_on = False
    for number, raw in enumerate(text.split("\n"), first):
        line = raw.strip()
        if goes_on and line:  # the line before ends with two backslashes
            line = f"+ {line.removeprefix('+')}"
        goes_on = line.endswith("\\\\") and line[0] not in "*$;"
        line = line.removesuffix("\\\\") if goes_on else line
        if not line or line[0] in "*$;" or line.startswith("//"):
            continue
        if line.strip(")") == "" and begun and _open(kept):  # a card's end on a line of its own
            line = f"+{line}"
        if line[0] == "+":
            if not begun:
                raise NetlistError(
                    "a continuation line (+) without a line before it", file=file, line=number
                )
            line = _uncommented(line[1:], control=control).strip()
            if line:
                kept.append(line)
            continue
        if begun:
            yield done()
            word = kept[0].split(maxsplit=1)[0].lower() if kept else ""
            control = word == ".control" or (control and word != ".endc")
        line = _uncommented(line, control=control).strip()
        begun = bool(line)
        kept, start = [line] if line else [], number
    if begun:
        yield done()


def _with_runs(text: str, file: str, first: int) -> Iterator[Line | PlainElements]:
    """Yield the logical lines of a text, long runs of plain elements at once."""
    for piece in pieces(text, file, first):
        if isinstance(piece, PlainElements):
            yield piece
        else:
            yield from _logical(piece[0], file, piece[1])


def lines_of(run: PlainElements) -> list[Line]:
    """Return the lines of a run of plain elements."""
    return list(_logical(run.source, run.file, run.first))


class _Files:
    """Reads a deck and what it includes."""

    def __init__(self) -> None:
        self.open: list[tuple[Path, str]] = []
        self.count = 0

    def lines(
        self, text: str, file: str, folder: Path, first: int = 1
    ) -> Iterator[Line | PlainElements]:
        top = not self.open
        ended = False
        for line in _with_runs(text, file, first):
            if ended:
                one = lines_of(line)[0] if isinstance(line, PlainElements) else line
                raise one.error("text after `.end`, which must be the last line")
            if isinstance(line, PlainElements):
                yield line
                continue
            if not line.text.startswith("."):
                yield line
                continue
            match = None if line.control else _INCLUDE.fullmatch(line.text)
            if match is not None:
                yield from self.include(line, match, folder)
            elif line.command == ".end" and not line.control:
                ended = top  # that of an included file ends nothing, as in ngspice
            elif line.command == ".endl":
                raise line.error("`.endl` without `.lib`")
            else:
                yield line

    def include(
        self, line: Line, match: re.Match[str], folder: Path
    ) -> Iterator[Line | PlainElements]:
        parts = [
            a or b or c for a, b, c in re.findall(r'"([^"]*)"|\'([^\']*)\'|(\S+)', match[2])
        ]
        library = match[1].lower() == "lib"
        if not parts or len(parts) > 1 + library:
            wanted = ".lib file section" if library else ".include file"
            raise line.error(f"`{wanted}` is expected")
        path = file_at(folder, parts[0])
        if library and len(parts) == 1 and parts[0].isidentifier() and not path.exists():
            raise line.error(f"`{parts[0]}` is no file; where it begins a section of this library, "
                             "name the section with the file: `.lib file section`")
        section = parts[1].lower() if len(parts) == 2 else ""
        text = _deck_text(path, line)
        key = (path.resolve(), section)
        if key in self.open:
            what = " ".join(part for part in (parts[0], section) if part)
            raise line.error(f"{what} includes itself")
        self.count += 1
        if len(self.open) >= DEEPEST or self.count > MOST:
            raise line.error(
                f"more than {DEEPEST} files within files, or {MOST} inclusions in all"
            )
        self.open.append(key)
        shown, inner = str(path), path.parent
        if section:
            for body, first in _section(text, section, line, shown):
                yield from self.lines(body, shown, inner, first)
        else:
            yield from self.lines(text, shown, inner)
        self.open.pop()


def _section(text: str, section: str, line: Line, file: str) -> Iterator[tuple[str, int]]:
    """Yield the text of a library's section, and the number of its first line."""
    body: list[str] | None = None
    first, found = 0, []
    for number, raw in enumerate(text.split("\n"), 1):
        words = raw.split()
        command = words[0].lower() if words else ""
        if command == ".lib" and len(words) == 2 and body is None:
            name = words[1].strip("'\"").lower()
            found.append(name)
            body, first = [], number + 1
        elif command == ".endl" and body is not None:
            if found[-1] == section:
                yield "\n".join(body), first
                return
            body = None
        elif body is not None:
            body.append(raw)
    if body is not None:
        raise NetlistError(f"the section `{found[-1]}` has no `.endl`", file=file, line=first - 1)
    there = f"there are {', '.join(found)}" if found else "it has none"
    raise line.error(f"{file} has no section `{section}`; {there}")


def file_at(folder: Path, name: str) -> Path:
    r"""Return the file that a deck in `folder` names, with either system's separators.

    Decks from Windows name files as ``models\diode.lib``; where no file has that name the
    backslashes part folders, as they do there.
    """
    path = folder / name
    if "\\" not in name:
        return path
    other = folder / name.replace("\\", "/")
    try:
        return other if other.exists() and not path.exists() else path
    except (OSError, ValueError):  # no name for a file: the reading will say so
        return path


def text_of(path: Path) -> str:
    """Return the text of a file in any encoding that decks have, with plain signs and line ends.

    Raises
    ------
    OSError, ValueError
        The file cannot be read, or is no text.
    """
    text = _decoded(path.read_bytes())
    if text is None:
        raise ValueError("it is no text")
    return _plain(text)


def _deck_text(path: Path, line: Line | None) -> str:
    """Return the text of a deck."""
    def refuse(what: str) -> NetlistError:
        message = f"{path} {what}"
        return line.error(message) if line else NetlistError(message, file=str(path))

    try:
        if not path.is_file():
            elsewhere = "" if line is None else _elsewhere(line)
            raise refuse("is a folder" if path.is_dir() else f"does not exist{elsewhere}")
        if path.stat().st_size > LARGEST:
            raise refuse("is too large for a deck")
        return text_of(path)
    except (OSError, ValueError) as error:
        raise refuse(f"cannot be read: {error}") from None


def _elsewhere(line: Line) -> str:
    """Return what to say of a file that another machine has."""
    name = line.text.split(maxsplit=1)[1].strip("\"'")
    if not re.match(r"[A-Za-z]:[\\/]|/(Users|home)/|\\\\", name):
        return ""
    last = re.split(r"[\\/]", name.split('"')[0].strip())[-1]
    return (f": it is a path of another machine; put {last} beside the deck and name it without "
            "its folder, or leave the line out where no model of it is used (LTspice writes "
            "its standard libraries into every netlist)")


def _decoded(data: bytes) -> str | None:
    """Return the text of UTF-8, of UTF-16 (which LTspice writes), or of ISO 8859-1, or None."""
    data = data.rstrip(b"\0") if b"\0" not in data[1:8] else data
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    elif data[1:8:2] == bytes(len(data[1:8:2])) and len(data) > 1:
        encodings = ["utf-16-le"]
    elif b"\0" in data:
        return None
    else:
        encodings = ["utf-8-sig", "latin-1"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _plain(text: str) -> str:
    """Return a text with one kind of line ends, blanks, quotes and minus signs."""
    return text.replace("\r\n", "\n").translate(_PLAIN)


def read_lines(source: str | Path) -> tuple[str, str, list[Line | PlainElements]]:
    """Return title, file and logical lines of a deck, long runs of plain elements at once.

    Parameters
    ----------
    source : str or Path
        A string with a newline is the deck itself, else it is a path.

    Raises
    ------
    NetlistError
        Files that are missing, no text, or include themselves.
    """
    if isinstance(source, Path) or "\n" not in source:
        path = Path(source)
        text, file, folder = _deck_text(path, None), str(path), path.parent
    else:
        text, file, folder = source, "<text>", Path()
        if "\0" in text:
            raise NetlistError("the deck is no text", file=file, line=1)
        text = _plain(text)
    title, _, rest = text.partition("\n")
    if re.match(r"Version 4(\.\d+)?\s*\nSHEET ", text):
        raise NetlistError(
            "this is a schematic of LTspice, not a netlist: in LTspice use View > SPICE Netlist, "
            "or `LTspice -netlist file.asc`, and read the .net file", file=file, line=1,
        )
    return title.strip(), file, list(_Files().lines(rest, file, folder, 2))


def parted(lines: list[Line | PlainElements]) -> tuple[list[Line | PlainElements], list[Line]]:
    """Part the lines of the circuit from those of control blocks."""
    plain: list[Line | PlainElements] = []
    control: list[Line] = []
    opened: Line | None = None
    for line in lines:
        if isinstance(line, PlainElements):  # never in a control block
            plain.append(line)
            continue
        command = line.command
        if command == ".control":
            if opened is not None:
                raise line.error("`.control` within `.control`")
            opened = line
        elif command == ".endc":
            if opened is None:
                raise line.error("`.endc` without `.control`")
            opened = None
        elif opened is not None:
            control.append(line)
        else:
            plain.append(line)
    if opened is not None:
        raise opened.error("`.control` without `.endc`")
    return plain, control
