"""What cards of compiled modules and of foundries say, and what cards say in vain."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from ....core.errors import BackendUnavailable
from ...osdi import Module
from ...osdi.values import HIDDEN
from ..cards import Foundry, shipped_module
from .element_line import CardLine
from .subcircuit_tree import near

__all__ = ["Remarks", "check_foundry", "number_on", "of_module", "pass_over", "shipped"]


class Remarks(NamedTuple):
    """What a card says that is no parameter of its device."""

    notes: list[str]
    sizes: dict[str, float]


def pass_over(
    cursor: CardLine, name: str, message: str, known: Collection[str], remarks: Remarks
) -> None:
    """Note a parameter that is unknown, or refuse it where the reader is strict."""
    hint = near(name, known)
    if cursor.scope.strict:
        raise cursor.error(f"{message}{hint}\nthere are {', '.join(sorted(known))}")
    remarks.notes.append(f"{message}{hint or '; it has no effect'}")


def number_on(cursor: CardLine, name: str, value: Any) -> float:
    """Return a card's value, as it was read there, that must be a number."""
    if isinstance(value, tuple):
        return cursor.number_of(value[0], f"`{name}`")
    if isinstance(value, str):
        raise cursor.error(f"`{name}` must be a number; got {value!r}")
    return float(value)


def shipped(cursor: CardLine, kind: str) -> Module | None:
    """Return the compiled module of a card that names one without loading a library."""
    try:
        return shipped_module(kind)
    except BackendUnavailable as error:
        raise cursor.error(str(error)) from error


def of_module(
    cursor: CardLine, module: Module, given: dict[str, Any], remarks: Remarks
) -> dict[str, float | str]:
    """Return the parameters of a compiled module's card."""
    found: dict[str, float | str] = {}
    known = {n.lower() for p in module.parameters for n in (p.name, *p.aliases)}
    for name, value in given.items():
        if name == HIDDEN:
            found[name] = number_on(cursor, name, value)
        elif name not in known:
            hint = f"module `{module.name}` has no `{name}`"
            pass_over(cursor, name, hint, known, remarks)
        elif module.parameter(name).type == "string":
            found[name] = str(value[0] if isinstance(value, tuple) else value)
        else:
            number = number_on(cursor, name, value)
            # foundries write the version there, such as 103.6
            found[name] = float(int(number)) if name == "level" else number
    return found


def check_foundry(
    cursor: CardLine, kind: str, table: Foundry, given: dict[str, Any], remarks: Remarks
) -> None:
    """Take from a foundry's card what it says twice, and note what other versions say."""
    if "type" in given:
        sign = number_on(cursor, "type", given.pop("type"))
        if (sign > 0) != (kind == "nmos"):
            raise cursor.error(f"`type` = {sign:g} is not that of {kind}")
    own = table.version
    version = given.get("version", own)
    if "version" not in table.parameters:
        given.pop("version", None)
    if isinstance(version, tuple):
        version = number_on(cursor, "version", version)
    said = f"{version:g}" if isinstance(version, float) else str(version)
    if not said.startswith(own):
        remarks.notes.append(f"version {said} is computed by the equations of {own}")
