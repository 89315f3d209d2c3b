"""A run of program-and-verify: its loop, its state, and the file in which the state is kept."""

from .checkpoint import Checkpoint, described
from .run import Recipe, Run

__all__ = ["Checkpoint", "Recipe", "Run", "described"]
