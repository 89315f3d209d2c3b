"""What a model card may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

__all__ = ["Card", "Parameter", "table"]


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Attributes
    ----------
    default : float or None
        None: computed from others, or switched off, as `meaning` says.
    unit : str
    meaning : str
    """

    default: float | None
    unit: str = ""
    meaning: str = ""


@dataclass(frozen=True)
class Card:
    """The parameters of one kind of model at one level.

    Attributes
    ----------
    title : str
        For messages.
    parameters : mapping
    aliases : mapping
        Other names of parameters.
    levels : tuple
        Values of ``level`` that mean this card.
    instance : tuple of str
        What may be given at an element.
    idle : mapping
        What is read and noted since it has no effect: name -> why.
    changing : mapping
        What other simulators' cards say and is refused, since it makes another device: name ->
        which.
    """

    title: str
    parameters: Mapping[str, Parameter]
    aliases: Mapping[str, str] = field(default_factory=dict)
    levels: tuple[int | str, ...] = (1,)
    instance: tuple[str, ...] = ()
    idle: Mapping[str, str] = field(default_factory=dict)
    changing: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def defaults(self) -> dict[str, float]:
        """Defaults that are numbers."""
        return {n: p.default for n, p in self.parameters.items() if p.default is not None}


def table(text: str) -> dict[str, Parameter]:
    """Read lines of ``name default unit meaning``; ``-`` is no default or unit."""
    found = {}
    for line in text.strip().splitlines():
        name, default, unit, *meaning = line.split(maxsplit=3)
        found[name] = Parameter(
            None if default == "-" else float(default), "" if unit == "-" else unit,
            meaning[0] if meaning else "",
        )
    return found
