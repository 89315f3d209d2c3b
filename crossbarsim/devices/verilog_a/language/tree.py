"""What a Verilog-A file says, as it is parsed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .tokens import Place

__all__ = [
    "ACCESS", "Discipline", "Function", "Limit", "Module", "Parameter", "Tree", "Variable",
]


@dataclass(frozen=True)
class Tree:
    """An expression or a statement: its kind, its parts, and a name or a number."""

    kind: str
    place: Place
    parts: tuple[Tree, ...] = ()
    value: Any = None


@dataclass(frozen=True)
class Limit:
    """``from [low:high)`` or ``exclude value``; `words` are those of ``from '{"a", "b"}``."""

    exclude: bool
    low: Tree | None
    high: Tree | None
    low_open: bool = False
    high_open: bool = False
    words: tuple[str, ...] = ()


@dataclass
class Parameter:
    """A parameter or a local one."""

    name: str
    kind: str  # real, integer, string
    default: Tree
    place: Place
    local: bool = False
    limits: list[Limit] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass
class Variable:
    """A variable, perhaps with a value at the start."""

    name: str
    kind: str
    place: Place
    initial: Tree | None = None
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass
class Function:
    """An analog function of the user."""

    name: str
    kind: str
    place: Place
    arguments: list[tuple[str, str]] = field(default_factory=list)  # direction, name
    variables: dict[str, Variable] = field(default_factory=dict)
    body: list[Tree] = field(default_factory=list)


@dataclass(frozen=True)
class Discipline:
    """The access functions of a discipline and the unit of its potential."""

    name: str
    potential: str = ""
    flow: str = ""
    unit: str = ""


@dataclass
class Module:
    """A module."""

    name: str
    place: Place
    ports: list[str] = field(default_factory=list)
    nets: dict[str, str] = field(default_factory=dict)  # discipline of each
    grounds: set[str] = field(default_factory=set)
    branches: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    body: list[Tree] = field(default_factory=list)
    disciplines: dict[str, Discipline] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)


ACCESS = {
    d.name: d for d in (
        Discipline("electrical", "V", "I", "V"), Discipline("voltage", "V", "", "V"),
        Discipline("current", "", "I", ""), Discipline("thermal", "Temp", "Pwr", "K"),
        Discipline("kinematic", "Pos", "F", "m"), Discipline("kinematic_v", "Vel", "F", "m/s"),
        Discipline("rotational", "Theta", "Tau", "rad"),
        Discipline("rotational_omega", "Omega", "Tau", "rad/s"),
        Discipline("magnetic", "MMF", "Phi", "A"), Discipline("logic"),
    )
}
