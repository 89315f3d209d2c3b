"""Template: the access element of a cell is a compiled module, or there is none; behind `cells`."""

from __future__ import annotations

from typing import Any

from .....core.compiled.jit import inlined, leaf


def add_module(*args: Any) -> None:
    """Stand for the kernel of `cells`."""


def take_frame(*args: Any) -> None:
    """Stand for the kernel of `cells`."""


# -- template --
@leaf
def take_access(P, frames, k, first, q, frame):
    """Put the module of cell k into the frame."""
    if k == first or frames.shape[0] > 1:
        take_frame(frames, k, frame)


@inlined
def add_access(z, F, Q, J, C, q, frame, where):
    """Add the module, if there is one."""
    if len(where) > 0:
        add_module(z, F, Q, J, C, frame, where)
