"""Template: the device of a cell is a compiled module; behind `cells`."""

from __future__ import annotations

from typing import Any

from .....core.compiled.jit import inlined, leaf


def add_module(*args: Any) -> None:
    """Stand for the kernel of `cells`."""


def take_frame(*args: Any) -> None:
    """Stand for the kernel of `cells`."""


# -- template --
@leaf
def take_device(P, frames, k, first, p, frame):
    """Put the module of cell k into the frame."""
    if k == first or frames.shape[0] > 1:
        take_frame(frames, k, frame)


@inlined
def add_device(z, F, Q, J, C, sign, p, frame, where, state, out):
    """Add the module."""
    add_module(z, F, Q, J, C, frame, where)
