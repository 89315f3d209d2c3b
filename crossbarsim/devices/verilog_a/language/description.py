"""What a module says about itself: terminals, parameters, units, defaults, ranges."""

from __future__ import annotations

from dataclasses import dataclass

from .tree import Limit, Module, Tree

__all__ = ["ModuleDescription", "ParameterDescription", "described", "range_text"]


@dataclass(frozen=True)
class ParameterDescription:
    """A parameter of a module.

    Attributes
    ----------
    name, kind : str
        Kind: ``real``, ``integer`` or ``string``.
    default : str
        As a number where it is one, else as in the file.
    unit, ranges, description : str
    """

    name: str
    kind: str
    default: str
    unit: str
    ranges: str
    description: str


@dataclass(frozen=True)
class ModuleDescription:
    """A module of a Verilog-A file.

    Attributes
    ----------
    name : str
    terminals : tuple of str
        Its ports, in order.
    nodes : tuple of str
        Those inside.
    parameters : tuple of ParameterDescription
    aliases : mapping
        Other names of parameters.
    """

    name: str
    terminals: tuple[str, ...]
    nodes: tuple[str, ...]
    parameters: tuple[ParameterDescription, ...]
    aliases: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """Return a table."""
        lines = [f"{self.name}({', '.join(self.terminals)})"]
        for p in self.parameters:
            text = f"  {p.name} = {p.default} {p.unit}".rstrip()
            text += f", {p.ranges}" if p.ranges else ""
            lines.append(f"{text}  {p.description}".rstrip())
        return "\n".join(lines)


def _shown(tree: Tree) -> str:
    if tree.kind == "number":
        return f"{tree.value[0]:.10g}"
    if tree.kind == "text":
        return f'"{tree.value}"'
    if tree.kind == "sign":
        return f"{tree.value}{_shown(tree.parts[0])}"
    if tree.kind == "operator":
        return f"{_shown(tree.parts[0])} {tree.value} {_shown(tree.parts[1])}"
    if tree.kind == "call":
        return f"{tree.value}({', '.join(map(_shown, tree.parts))})"
    return str(tree.value)


def described(module: Module) -> ModuleDescription:
    """Return what a module says about itself."""
    parameters = tuple(
        ParameterDescription(
            p.name, p.kind, _shown(p.default),
            p.attributes.get("units", p.attributes.get("unit", "")),
            " ".join(("exclude " if limit.exclude else "") + range_text(limit)
                     for limit in p.limits),
            p.attributes.get("desc", p.attributes.get("info", "")),
        ) for p in module.parameters.values() if not p.local
    )
    inside = tuple(n for n in module.nets if n not in module.ports and n not in module.grounds)
    return ModuleDescription(module.name, tuple(module.ports), inside, parameters,
                             tuple(module.aliases.items()))


def range_text(limit: Limit) -> str:
    """Return a range as the file has it."""
    if limit.words:
        return "{" + ", ".join(limit.words) + "}"
    if limit.low is None or limit.high is None or limit.low is limit.high:
        return "" if limit.low is None else _shown(limit.low)
    return (f"{'(' if limit.low_open else '['}{_shown(limit.low)}:{_shown(limit.high)}"
            f"{')' if limit.high_open else ']'}")
