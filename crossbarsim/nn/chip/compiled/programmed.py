"""A programmed matrix, as it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..programmed import ProgrammedTile
from .plan import GroupPlan

__all__ = ["Programmed"]


@dataclass
class Programmed:
    """Programmed tiles, and what follows from them when it is asked for."""

    tiles: list[ProgrammedTile]
    equipped: dict[Any, list[ProgrammedTile]] = field(default_factory=dict)
    plans: dict[Any, list[GroupPlan] | None] = field(default_factory=dict)
    covering: float | None = None
