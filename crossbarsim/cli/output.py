"""Signs for consoles and pipes whose encoding does not have them all."""

from __future__ import annotations

import codecs
import io
import sys

__all__ = ["plain_where_needed"]

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
