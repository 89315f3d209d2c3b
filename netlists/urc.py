"""Uniform RC lines U, written out as lumps.

The lumps grow by a factor k from both ends towards the middle: L. Gertzberg, *Transmission line
analysis of distributed RC networks*, thesis, Stanford University (1974), as in SPICE3. As many are
taken as the highest frequency asks for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..core.errors import ParameterError
from .elements import Element, Model
from .spice.cards import card

__all__ = ["urc_elements"]

_MOST = 100_000  # lumps


def urc_elements(
    name: str, nodes: Sequence[str], model: Model, own: Mapping[str, float]
) -> tuple[list[Element], Model | None]:
    """Return the resistors and capacitors (or diodes, and their card) of a line.

    Parameters
    ----------
    name : str
        Full name of the line, ``U1``; its nodes are ``u1#lo1``, ``u1#hi1``, ... as in ngspice, its
        elements ``u1.rlo1`` and so on.
    nodes : (str, str, str)
        Both ends, and the node to which the capacitance leads.
    model : Model
        Of kind urc.
    own : mapping
        ``l``, the length (metre, or what the card's parameters are per); ``n``, lumps; ``m``,
        copies.

    Raises
    ------
    ParameterError
        No length, or parameters without meaning.
    """
    values = {**card("urc").defaults, **{k: float(v) for k, v in model.parameters.items()}}
    factor, length = values["k"], own.get("l", 0.0)
    if length <= 0:
        raise ParameterError("the length `l` > 0 of an RC line is missing")
    if factor <= 1:
        raise ParameterError(f"`k` must be > 1; got {factor:g}")
    for key in ("fmax", "rperl", "cperl"):
        if values[key] <= 0:
            raise ParameterError(f"`{key}` must be > 0; got {values[key]:g}")
    many = own.get("m", 1.0)
    ohm, farad = length * values["rperl"] / many, length * values["cperl"] * many
    count = _lumps(own.get("n"), factor, 2.0 * math.pi * values["fmax"] * ohm * farad)
    first_ohm = ohm * (factor - 1.0) / (2.0 * factor**count - 2.0)
    share = (factor - 1.0) / (factor ** (count - 1) * (factor + 1.0) - 2.0)
    key = name.lower()
    diode = None
    if "isperl" in values:
        diode = Model(f"{key}#diode", "d", 1, {
            "is": length * values["isperl"] * many * share, "cjo": farad * share,
            "rs": length * count * values["rsperl"] / many,
        }, model.where)
    made: list[Element] = []

    def add(kind: str, what: str, ends: tuple[str, str], value: float) -> None:
        if kind == "C" and diode is not None:
            made.append(Element(
                "D", f"{key}.d{what}", ends, 0.0, parameters=(("area", value),), model=diode.name,
            ))
        else:
            scale = farad * share if kind == "C" else 1.0
            made.append(Element(kind, f"{key}.{kind.lower()}{what}", ends, scale * value))

    low, high, size = nodes[0], nodes[1], 1.0
    for k in range(1, count + 1):
        inner = f"{key}#hi{k}"
        joint = inner if k == count else f"{key}#lo{k}"
        add("R", f"lo{k}", (low, joint), size * first_ohm)
        add("R", f"hi{k}", (inner, high), size * first_ohm)
        add("C", f"lo{k}", (joint, nodes[2]), size)
        if k < count:
            add("C", f"hi{k}", (inner, nodes[2]), size)
        low, high, size = joint, inner, size * factor
    return made, diode


def _lumps(given: float | None, factor: float, angle: float) -> int:
    """Return the number of lumps of one half, at `angle` = 2 pi fmax R C."""
    if given is None:
        if angle < 35.0:
            return 3
        return max(3, int(math.log(angle * ((factor - 1.0) / factor) ** 2) / math.log(factor)))
    if given != int(given) or not 1 <= given <= _MOST:
        raise ParameterError(f"`n` must be a whole number from 1 to {_MOST}; got {given:g}")
    return int(given)
