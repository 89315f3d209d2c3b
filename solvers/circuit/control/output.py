"""What control blocks print and write: tables, ``wrdata``, ``write``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import ParameterError
from ....core.files import append_text, write_text
from ....core.units import plain_number
from ..rawfile.reader import write_raw
from .vectors import Vectors

__all__ = ["Writer", "filled", "joined", "shown", "whole_number"]


_MOST_DIGITS = 100


def whole_number(name: str, text: str, most: int) -> int:
    """Return the whole number from 1 on that a variable of ``set`` holds, or raise."""
    value = plain_number(text)
    if value is None or not 1 <= value <= most or value != int(value):
        raise ParameterError(f"`{name}` must be a whole number from 1 to {most}; got {text!r}")
    return int(value)


def shown(value: Any) -> str:
    """Return a number as text that is read back to seven digits."""
    if np.iscomplexobj(value):
        return f"{value.real:.6e},{value.imag:.6e}"
    return f"{float(value):.6e}"


LONGEST = 1_000_000  # characters of a command's word


def filled(text: str, vectors: Vectors, variables: Mapping[str, str]) -> str:
    """Return a command's word with values in place of ``$name`` and ``$&vector``."""
    def value(match: re.Match[str]) -> str:
        name = match[2].lower()
        if match[1]:
            found = vectors.evaluate(name)
            return " ".join(shown(v) for v in np.ravel(found))
        if name in variables:
            return variables[name]
        vector = vectors.get(name)
        if vector is None:
            raise ParameterError(f"there is no variable `{name}`")
        return " ".join(shown(v) for v in np.ravel(vector))

    text = re.sub(r"\{(\$&?[^{}]+)\}", r"\1\0", text)  # {$name} ends the name
    text = re.sub(r"\$(&)\{?([A-Za-z_][\w.#]*(?:\([^()]*\))?)\}?", value, text)
    text = re.sub(r"\$()\{?([A-Za-z_]\w*)\}?", value, text).replace("\0", "")
    if len(text) > LONGEST:
        raise ParameterError(f"a word of more than {LONGEST} characters")
    return text


class Writer:
    """Tables of vectors.

    Parameters
    ----------
    folder : Path
    vectors : Vectors
    variables : dict
        ``wr_singlescale``, ``wr_vecnames``, ``numdgt``, ``appendwrite``, ``filetype``.
    outside : bool
        Whether files may lie outside of `folder`: a deck from elsewhere could overwrite any.
    """

    def __init__(
        self, folder: Path, vectors: Vectors, variables: dict[str, str], *, outside: bool = False
    ) -> None:
        self.folder, self.vectors, self.variables = folder, vectors, variables
        self.outside = outside
        self.files: list[Path] = []

    def _named(self, texts: Sequence[str]) -> list[tuple[str, Any]]:
        """Return names and values of expressions, ``all`` among them."""
        current = self.vectors.current
        scale = current.scale
        found = []
        for text in joined(texts):
            if text.lower() == "all":
                names = [n for n in current.names() if scale is None or n != scale[0]]
                found += [(n, current.get(n)) for n in names]
            else:
                found.append((text, self.vectors.evaluate(text)))
        if not found:
            raise ParameterError("name at least one vector")
        return found

    def table(self, texts: Sequence[str]) -> Iterator[str]:
        """Return the lines of ``print``: numbers by name, vectors over their abscissa."""
        words = [t for t in texts if t.lower() not in ("line", "col")]
        found = self._named(words)
        if all(np.size(v) == 1 for _, v in found):
            for name, value in found:
                yield f"{name} = {shown(np.ravel(value)[0])}"
            return
        scale = self.vectors.current.scale
        length = max(np.size(v) for _, v in found)
        columns = [(n, np.ravel(v)) for n, v in found]
        if scale is not None and len(scale[1]) == length:
            columns.insert(0, scale)
        yield "\t".join(["index", *(n for n, _ in columns)])
        for k in range(length):
            yield "\t".join(
                [str(k), *(shown(v[k]) if k < len(v) else "" for _, v in columns)]
            )

    def _file(self, name: str) -> Path:
        """Return the file of a command, which must lie in the folder."""
        file = self.folder / name
        inside = Path(os.path.realpath(file)).is_relative_to(os.path.realpath(self.folder))
        if not (inside or self.outside):
            raise ParameterError(
                f"{name!r} lies outside of the folder {self.folder.resolve()}, to which decks "
                "write their files; allow others with `--allow-write-outside` of "
                "`crossbarsim run`, or `outside=True` of `run_commands`"
            )
        return file

    @contextmanager
    def _writing(self, file: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ParameterError(f"{file} cannot be written: {error.strerror or error}") from error
        if file not in self.files:
            self.files.append(file)

    def data(self, command: str, arguments: Sequence[str]) -> None:
        """Write ``wrdata``: columns of abscissa and value (two of complex ones) per vector."""
        if len(arguments) < 2:
            raise ParameterError(f"`{command} file vectors` is expected")
        file = self._file(arguments[0])
        digits = whole_number("numdgt", self.variables.get("numdgt", "8"), _MOST_DIGITS)
        single = "wr_singlescale" in self.variables
        scale = self.vectors.current.scale
        heads: list[str] = []
        columns: list[Any] = []
        for k, (name, value) in enumerate(self._named(arguments[1:])):
            vector = np.ravel(value)
            if k == 0 or not single:
                known = scale is not None and len(scale[1]) == len(vector)
                heads.append(scale[0] if known and scale is not None else "index")
                columns.append(scale[1] if known and scale is not None
                               else np.arange(len(vector), dtype=float))
            heads.append(name)
            columns.append(vector.real)
            if np.iscomplexobj(vector):
                heads.append(name)
                columns.append(vector.imag)
        length = max(len(c) for c in columns)
        lines = []
        if "wr_vecnames" in self.variables:
            lines.append(" ".join(f"{h:<{digits + 7}}" for h in heads))
        for k in range(length):
            cells = (f"{c[k]: .{digits}e}" if k < len(c) else " " * (digits + 7) for c in columns)
            lines.append(" ".join(cells))
        write = append_text if "appendwrite" in self.variables else write_text
        with self._writing(file):
            write(file, "\n".join([*lines, ""]))

    def raw(self, command: str, arguments: Sequence[str]) -> None:
        """Write ``write``: a raw file of the current plot, or of some of its vectors."""
        if not arguments:
            raise ParameterError(f"`{command} file [vectors]` is expected")
        file = self._file(arguments[0])
        current = self.vectors.current
        if current.result is None:
            raise ParameterError("there is no result yet")
        vectors = None if len(arguments) == 1 else self._named(arguments[1:])
        if vectors is None and current.own:
            vectors = self._named(["all"])
        plot = current.result.to_plot(vectors)
        binary = self.variables.get("filetype", "binary").lower() != "ascii"
        with self._writing(file):
            write_raw(file, plot, binary=binary, padded="nopadding" not in self.variables)


def joined(texts: Sequence[str]) -> list[str]:
    """Return expressions from words: those within parentheses, and around operators, belong.

    Commas outside of parentheses part them.
    """
    found: list[str] = []
    depth, text = 0, ""
    for c in " ".join(texts):
        depth += {"(": 1, ")": -1}.get(c, 0)
        text += " " if c == "," and depth == 0 else c
    for word in text.split():
        glued = found and (
            found[-1].count("(") > found[-1].count(")") or found[-1][-1] in "+-*/,"
            or word[0] in "+*/,)"
        )
        if glued:
            found[-1] += word
        else:
            found.append(word)
    return found
