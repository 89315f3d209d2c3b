"""Training with exact circuits now and then, and to first order in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from torch import nn

from ...core.errors import ParameterError
from ...core.settings import checks_arguments
from ...core.validation import count, number
from ..calibrate import stored_names
from ..chip.effective_matrices import HeldMatrices

__all__ = ["LazyMatrices", "lazy_matrices"]


@dataclass(frozen=True, eq=False)
class LazyMatrices:
    """What `lazy_matrices` did.

    Attributes
    ----------
    layers : {name: HeldMatrices}
        Of every weight matrix on crossbars: its `passes`, its `reductions`, and the relative
        `errors` that these found.
    """

    layers: Mapping[str, HeldMatrices] = field(default_factory=dict)

    @property
    def worst(self) -> float:
        """Largest relative error (root mean square) of any layer at any reduction; 0 before."""
        return max((e for held in self.layers.values() for e in held.errors), default=0.0)

    @property
    def saved(self) -> float:
        """Share of the passes that needed no reduction."""
        passes = sum(held.passes for held in self.layers.values())
        return 1.0 - sum(held.reductions for held in self.layers.values()) / max(passes, 1)


@checks_arguments
@contextmanager
def lazy_matrices(
    model: nn.Module, every: int = 10, *, rtol: float = 1e-3
) -> Iterator[LazyMatrices]:
    """Inside, passes that train solve their arrays every few passes, and follow in between.

    In between every entry of an effective matrix follows its own cell by the share that the wires
    left of it at the last exact solution, forward and backward; what a change does to the IR drop
    of other cells waits for the next. Every exact solution measures how far that had led off, and
    the next comes sooner where it was more than `rtol`. Passes without gradient are exact.

    Parameters
    ----------
    model : torch.nn.Module
        A converted network with linear cells.
    every : int
        Passes from one exact solution to the next, at most; it begins at 1 and doubles while the
        error stays below half of `rtol`.
    rtol : float
        Root mean square of a layer's error over that of its effective matrices. Inside
        `weight_noise` every pass changes all cells: 0.02 to 0.05 is then a small part of the noise.

    Yields
    ------
    LazyMatrices
        Errors found, and how many solutions were saved.

    Raises
    ------
    ParameterError
        No crossbar layers, cells that are not linear, `every` below 1, `rtol` not above 0, or
        inside another `lazy_matrices`.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim.nn import CrossbarConfig, convert
    >>> from crossbarsim.nn.train import lazy_matrices
    >>> chip = convert(nn.Linear(8, 4), CrossbarConfig())
    >>> descent = torch.optim.SGD(chip.parameters(), lr=0.01)
    >>> with lazy_matrices(chip, every=8) as done:
    ...     for _ in range(40):
    ...         chip(torch.ones(1, 8)).square().sum().backward()
    ...         descent.step()
    >>> done.worst < 1e-3, done.saved > 0.7
    (True, True)
    """
    count("every", every)
    number("rtol", rtol, low=0.0, open_low=True)
    chips = [stored.chip for stored in stored_names(model).values()]
    for chip in chips:
        if not chip.config.linear:
            raise ParameterError(
                f"{chip.name!r}: cells that are not linear have no effective matrices to follow"
            )
        if chip.held is not None:
            raise ParameterError("the model is inside `lazy_matrices` already")
    try:
        for chip in chips:
            chip.held = HeldMatrices(every, rtol)
        yield LazyMatrices({chip.name: chip.held for chip in chips if chip.held is not None})
    finally:
        for chip in chips:
            chip.held = None
