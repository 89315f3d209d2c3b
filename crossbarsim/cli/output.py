"""Signs for consoles and pipes whose encoding does not have them all."""

from __future__ import annotations

import codecs
import io
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..core.views.shown import Shown

__all__ = ["Html", "page_path", "plain_where_needed", "save_page"]

Html = Annotated[Path | None, typer.Option(
    "--html", help="Also write an interactive page of HTML to this file; it works offline and has "
                   "the settings and this command.")]

_PLAIN = {
    "\N{OHM SIGN}": "ohm", "\N{GREEK CAPITAL LETTER OMEGA}": "ohm", "\N{MICRO SIGN}": "u",
    "\N{GREEK SMALL LETTER MU}": "u", "\N{PLUS-MINUS SIGN}": "+-", "\N{INFINITY}": "inf",
    "\N{DEGREE SIGN}": "deg", "\N{MULTIPLICATION SIGN}": "x", "\N{MINUS SIGN}": "-",
    "\N{EN DASH}": "-", "\N{HORIZONTAL ELLIPSIS}": "...", "\N{BULLET}": "*",
}
_ERRORS = "crossbarsim-plain"


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_PLAIN.get(sign, "?") for sign in missing), error.end


def plain_where_needed() -> None:
    """Write signs that the output cannot encode as plain text, in place of an error.

    For the process of the command line: Windows pipes are in cp1252, the C locale in ASCII.
    """
    codecs.register_error(_ERRORS, _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors != _ERRORS:
            stream.reconfigure(errors=_ERRORS)


def page_path(html: Path | None) -> Path | None:
    """Return where a page goes, or refuse it before long work is done for it.

    Raises
    ------
    ParameterError
        Another suffix than ``.html``.
    OSError
        The file cannot be written.
    """
    if html is None:
        return None
    from ..core.errors import ParameterError
    from ..core.files import check_writable, with_ending

    place = with_ending(html, ".html")
    if place.suffix.lower() not in (".html", ".htm"):
        raise ParameterError(f"`--html` must end in .html; got {html.name}")
    check_writable(place)
    return place


def save_page(result: Shown, path: Path) -> Path:
    """Write the page of a result, with the command that this is, and return its path."""
    return result.to_html(path, command=shlex.join(["crossbarsim", *sys.argv[1:]]))
