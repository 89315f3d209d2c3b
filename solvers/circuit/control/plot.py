"""What ``plot`` asks for: curves and how they are to be drawn. Nothing here draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ....core.errors import ParameterError
from .vectors import Vectors

__all__ = ["Picture", "read_picture"]

_FLAGS = ("xlog", "ylog", "loglog", "linear", "nogrid")
_WORDS = ("title", "xlabel", "ylabel")
_LIMITS = {"xlimit": "x", "xl": "x", "ylimit": "y", "yl": "y"}
_IGNORED = {  # looks of ngspice's windows -> how many words they take
    "samep": 0, "combplot": 0, "linplot": 0, "pointplot": 0, "retraceplot": 0, "xdelta": 1,
    "ydelta": 1, "xcompress": 1, "nointerp": 0, "plainplot": 0,
}
_REFUSED = ("polar", "smith", "smithgrid", "xindices", "xi", "sgraph")


@dataclass
class Picture:
    """One ``plot``.

    Attributes
    ----------
    curves : list of (str, array, array)
        Label, abscissa, ordinate, real.
    abscissa : str
        What the abscissa is: ``time``, ``frequency``, ``v-sweep``, or the expression after ``vs``.
    title, xlabel, ylabel : str
    limits : dict
        ``"x"``, ``"y"`` -> (low, high).
    logarithmic : str
        "", "x", "y" or "xy".
    name : str
        Of a file, without suffix, where the command gives one.
    """

    curves: list[tuple[str, Any, Any]] = field(default_factory=list)
    abscissa: str = ""
    title: str = ""
    xlabel: str = ""
    ylabel: str = ""
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)
    logarithmic: str = ""
    name: str = ""


def read_picture(
    vectors: Vectors, arguments: Sequence[str], number: Callable[[str], float],
    joined: Callable[[Sequence[str]], list[str]], name: str = "",
) -> Picture:
    """Evaluate the arguments of ``plot``: expressions and ``vs``, ``title``, ``xlimit``, ...

    Complex vectors are drawn as their magnitudes.

    Raises
    ------
    ParameterError
        Vectors that are not there, words that are not known.
    """
    found = Picture(name=name)
    words, texts, abscissa = list(arguments), list[str](), ""
    while words:
        word = words.pop(0)
        key = word.lower()
        if key in _REFUSED:
            raise ParameterError(f"`{word}` is not supported")
        if key in _LIMITS:
            low, high = _taken(words, 2, word)
            found.limits[_LIMITS[key]] = number(low), number(high)
        elif key in _WORDS:
            text, = _taken(words, 1, word)
            while text.startswith("'") and not text.endswith("'") and words:
                text += f" {words.pop(0)}"
            setattr(found, key, text.strip("'"))
        elif key in _FLAGS:
            logs = {"xlog": "x", "ylog": "y", "loglog": "xy"}.get(key, "")
            found.logarithmic = "".join(sorted({*found.logarithmic, *logs}))
        elif key in _IGNORED:
            _taken(words, _IGNORED[key], word)
        elif key == "vs":
            abscissa = joined(words)[0] if words else ""
            if not abscissa:
                raise ParameterError("`vs` needs an abscissa")
            words = list(joined(words)[1:])
        else:
            texts.append(word)
    scale = vectors.current.scale
    x: Any = None
    if abscissa:
        x, found.abscissa = _real(abscissa, vectors.evaluate(abscissa))[1], abscissa
    elif scale is not None:
        x, found.abscissa = np.real(scale[1]), scale[0]
    for text in joined(texts):
        names = [text]
        if text.lower() == "all":
            names = [n for n in vectors.current.names() if n != found.abscissa]
        for each in names:
            label, y = _real(each, vectors.evaluate(each))
            here = x if x is not None and np.size(x) == np.size(y) else np.arange(np.size(y))
            found.curves.append((label, here, y))
    if not found.curves:
        raise ParameterError("name at least one vector")
    return found


def _real(text: str, value: Any) -> tuple[str, Any]:
    vector = np.ravel(value)
    return (f"mag({text})", np.abs(vector)) if np.iscomplexobj(vector) else (text, vector)


def _taken(words: list[str], count: int, of: str) -> list[str]:
    if len(words) < count:
        raise ParameterError(f"`{of}` needs {count} more")
    taken, words[:count] = words[:count], []
    return taken
