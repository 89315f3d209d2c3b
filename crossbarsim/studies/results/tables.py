"""Results as tables: Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

__all__ = ["cell", "latex_table", "markdown_table"]

_SIGNS = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
          "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def cell(mean: float, std: float, *, percent: bool) -> str:
    """Return a number with its spread, which is left out where it is NaN.

    Examples
    --------
    >>> from crossbarsim.studies.results.tables import cell
    >>> cell(0.912, 0.004, percent=True), cell(3.25e-9, float("nan"), percent=False)
    ('91.20 ± 0.40', '3.25e-09')
    """
    if np.isnan(mean):
        return "-"
    text = f"{100 * mean:.2f}" if percent else f"{mean:.4g}"
    if np.isnan(std):
        return text
    return f"{text} ± {100 * std:.2f}" if percent else f"{text} ± {std:.2g}"


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table in Markdown."""
    lines = [_line(head), "|---" * len(head) + "|"]
    lines += [_line(row) for row in rows]
    return "\n".join(lines) + "\n"


def _line(entries: Sequence[Any]) -> str:
    return "| " + " | ".join(str(e).replace("|", r"\|") for e in entries) + " |"


def latex_table(
    head: Sequence[str], rows: Iterable[Sequence[Any]], *, caption: str = "", mark: str = ""
) -> str:
    r"""Return a table in LaTeX, with the rules of the package booktabs.

    Parameters
    ----------
    head, rows
    caption : str
        With one the table floats.
    mark : str
        What ``\ref`` calls it.
    """
    lines = [rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", r"\toprule", _latex(head),
             r"\midrule", *(_latex(row) for row in rows), r"\bottomrule", r"\end{tabular}"]
    if caption:
        name = [rf"\label{{{mark}}}"] if mark else []
        lines = [r"\begin{table}", r"\centering", rf"\caption{{{_escaped(caption)}}}", *name,
                 *lines, r"\end{table}"]
    return "\n".join(lines) + "\n"


def _latex(entries: Sequence[Any]) -> str:
    return " & ".join(_escaped(str(e)) for e in entries) + r" \\"


def _escaped(text: str) -> str:
    return "".join(_SIGNS.get(sign, sign) for sign in text).replace("±", r"$\pm$")
