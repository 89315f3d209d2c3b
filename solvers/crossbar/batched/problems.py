"""Many crossbars to problems: what they share is compiled once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....core.compiled.arrays import plain
from ....core.validation import Array
from ....netlists.crossbar.crossbar import Crossbar
from ....netlists.crossbar.ends import END_NAMES
from ..problem import CrossbarProblem, make_problem, source_voltages

__all__ = ["compile_problems", "same_lines"]


def compile_problems(
    xbars: Sequence[Crossbar], volts: Sequence[Array]
) -> list[CrossbarProblem]:
    """Return the problems of crossbars driven by volts (B, M), each as `make_problem` does.

    Networks have many tiles with the same wires and ends: where nothing can go wrong there,
    only the conductances and the sources differ.

    Raises
    ------
    SingularCircuitError
    """
    known: list[tuple[Crossbar, CrossbarProblem]] = []
    found = []
    for xbar, V in zip(xbars, volts, strict=True):
        like = next((pair for pair in known if same_lines(pair[0], xbar)), None)
        if like is None:
            problem = make_problem(xbar, V)
            if _harmless(xbar):
                known.append((xbar, problem))
        else:
            left, right, top, bottom = (
                source_voltages(like[0].line_ends[name], V) for name in END_NAMES
            )
            problem = CrossbarProblem(
                plain(xbar.conductance), like[1].word_r, like[1].bit_r,
                (left, right, top, bottom),
            )
        found.append(problem)
    return found


def same_lines(a: Crossbar, b: Crossbar) -> bool:
    """Whether wires and ends are equal, as far as that is found without comparing arrays."""
    if a.shape != b.shape or not (a.ends is b.ends or a.ends == b.ends):
        return False
    one, two = a.wires, b.wires
    return one is two or all(
        x.ndim == y.ndim == 0 and float(x) == float(y) for x, y in (
            (one.word, two.word), (one.bit, two.bit), (one.driver, two.driver),
            (one.sense, two.sense),
        )
    )


def _harmless(xbar: Crossbar) -> bool:
    """Whether all lines are whole, with a source at one end: no islands, no loops of sources."""
    kinds = [xbar.line_ends[name].kind for name in END_NAMES]
    return bool(
        xbar.layout == "crosspoint" and all(
            sorted(pair, key=lambda kind: kind == "open")[1] == "open"
            and pair != ("open", "open")
            for pair in ((kinds[0], kinds[1]), (kinds[2], kinds[3]))
        )
        and "mixed" not in kinds
        and xbar.wires.word.max() < np.inf and xbar.wires.bit.max() < np.inf
    )
