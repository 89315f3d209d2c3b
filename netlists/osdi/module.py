"""What a compiled module is: plain records, read once from its descriptor."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Literal

from ...core.errors import ParameterError

__all__ = ["Code", "Module", "Node", "NoiseRecord", "Parameter"]

GROUND = -1


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter or an operating-point variable of a module.

    Attributes
    ----------
    name : str
        As the source spells it.
    aliases : tuple of str
    kind : {"model", "instance", "variable"}
        Instance parameters can be given on the model card, too, as defaults of its instances.
    type : {"real", "integer", "string"}
    default : float, int, str or None
        As the module sets it where nothing is given; None where it depends on other parameters, or
        for variables. Of a set-up at 300.15 K.
    units, description : str
        May be empty.
    length : int
        Of an array; 0 for a scalar.
    index : int
        The library's number of it.
    """

    name: str
    aliases: tuple[str, ...]
    kind: Literal["model", "instance", "variable"]
    type: Literal["real", "integer", "string"]
    default: float | int | str | None
    units: str
    description: str
    length: int
    index: int


@dataclass(frozen=True, slots=True)
class Node:
    """A terminal, an inner node, or an inner unknown that is no potential (`is_flow`).

    `units` is the unit of the unknown, `residual_units` that of its equation.
    """

    name: str
    units: str
    residual_units: str
    is_flow: bool


@dataclass(frozen=True, slots=True)
class NoiseRecord:
    """A source of noise between two nodes (-1: ground); `type` is empty before OSDI 0.5."""

    name: str
    nodes: tuple[int, int]
    type: str


@dataclass(frozen=True, slots=True)
class Code:
    """Where a module's functions and the fields of its data are, for those who call it.

    Functions are addresses, 0 where there is none; offsets are in bytes, -1 where there is none.
    `limits`: limiting functions with the number of their arguments ("pnjlim/2"), and where the
    library wants their addresses.
    """

    functions: dict[str, int]
    instance_size: int
    model_size: int
    node_mapping: int
    jacobian_pointers: int
    react_pointers: tuple[int, ...]
    collapsed: int
    state_indices: int
    bound_step: int
    limits: dict[str, int]


@dataclass(frozen=True)
class Module:
    """A compiled module: its terminals, parameters, equations and code.

    Attributes
    ----------
    name : str
    file : str
        The library.
    version : (int, int)
        Of OSDI.
    nodes : tuple of Node
        Terminals first.
    terminals : tuple of str
    parameters, variables : tuple of Parameter
        Variables are those of the operating point.
    jacobian : tuple of (int, int, bool, bool)
        Row, column (nodes), whether it has a resistive and whether a reactive part.
    collapsible : tuple of (int, int)
        Pairs of nodes that a set-up may make one; -1 is ground.
    noise : tuple of NoiseRecord
    states : int
        Values that limiting keeps between evaluations.
    limits : tuple of str
        Limiting functions that the library asks for.
    uses_time : bool or None
        Whether it reads ``$abstime``; None where the library (before 0.5) does not say.
    delays : int
        Number of ``absdelay`` operators.
    """

    name: str
    file: str
    version: tuple[int, int]
    nodes: tuple[Node, ...]
    terminals: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    variables: tuple[Parameter, ...]
    jacobian: tuple[tuple[int, int, bool, bool], ...]
    collapsible: tuple[tuple[int, int], ...]
    noise: tuple[NoiseRecord, ...]
    states: int
    limits: tuple[str, ...]
    uses_time: bool | None
    delays: int
    code: Code = field(repr=False, compare=False)
    library: object = field(repr=False, compare=False)  # keeps it open

    def __hash__(self) -> int:
        return hash((self.file, self.name))

    def __deepcopy__(self, memo: object) -> Module:
        return self

    @property
    def inner_nodes(self) -> tuple[str, ...]:
        """The names of nodes that are no terminals."""
        return tuple(n.name for n in self.nodes[len(self.terminals):])

    def parameter(self, name: str, *, whose: str = "") -> Parameter:
        """Return the parameter of this name or alias, whatever its case.

        Raises
        ------
        ParameterError
            There is none; with the names that look like it. `whose` (a card, an element) is put in
            front.
        """
        known = self._names()
        found = known.get(name) or known.get(name.lower())
        if found is None:
            near = difflib.get_close_matches(name.lower(), [k.lower() for k in known], 3, 0.6)
            hint = f"; did you mean {' or '.join(f'`{n}`' for n in near)}?" if near else (
                f"; there are {', '.join(p.name for p in self.parameters[:12])}"
                f"{', ...' if len(self.parameters) > 12 else ''}")
            front = f"{whose}: " if whose else ""
            raise ParameterError(f"{front}module `{self.name}` has no parameter `{name}`{hint}")
        return found

    def _names(self) -> dict[str, Parameter]:
        kept: dict[str, Parameter] = self.__dict__.get("_by_name", {})
        if not kept:
            for p in self.parameters:  # names as written win over those in lower case
                for name in (p.name, *p.aliases):
                    kept.setdefault(name, p)
            for p in self.parameters:
                for name in (p.name, *p.aliases):
                    kept.setdefault(name.lower(), p)
            object.__setattr__(self, "_by_name", kept)
        return kept

