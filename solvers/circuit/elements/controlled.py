"""Sources that others control, linearly: E, F, G, H."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....core.validation import Array
from ....netlists.elements import Element
from ..system.builder import Builder, register_kind
from ..system.element_group import ElementGroup, Ints, Triplets
from ..system.entries import branch_entries, pairs
from .linear import expressed
from .values import numbers, parameter, split

__all__ = ["BranchGroup", "CurrentGroup"]


class BranchGroup(ElementGroup):
    """Voltage sources controlled linearly: v_p - v_n - gain (x_c - x_d) = 0 (E and H)."""

    def __init__(
        self, names: Sequence[str], at: Ints, own: Ints, control: Ints, gain: Array
    ) -> None:
        self.names, self.at, self.own = tuple(names), at, own
        self.control, self.gain = control, gain

    def linear_g(self) -> Sequence[Triplets]:
        """Return branches and gains."""
        return [
            *branch_entries(self.at, self.own),
            (self.own, self.control[0], -self.gain), (self.own, self.control[1], self.gain),
        ]


class CurrentGroup(ElementGroup):
    """Currents gain (x_c - x_d) from p to n (G and F)."""

    def __init__(self, names: Sequence[str], at: Ints, control: Ints, gain: Array) -> None:
        self.names, self.at, self.control, self.gain = tuple(names), at, control, gain

    def linear_g(self) -> Sequence[Triplets]:
        """Return the gains."""
        return pairs(self.at, self.control, self.gain)


def _control(builder: Builder, elements: Sequence[Element]) -> Ints:
    ends = [builder.current(e.control, e) for e in elements]
    return np.array(ends, dtype=np.int64).T.copy()


@register_kind("E")
def _e(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    plain, others = split(elements)
    found = expressed(builder, others)
    if plain:
        at = builder.at(plain, 4)
        own = builder.branches_of(plain)
        names = [e.name for e in plain]
        found.append(BranchGroup(names, at[:2], own, at[2:], numbers(plain)))
    return found


@register_kind("H")
def _h(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    plain, others = split(elements)
    found = expressed(builder, others)
    if plain:
        found.append(BranchGroup(
            [e.name for e in plain], builder.at(plain, 2), builder.branches_of(plain),
            _control(builder, plain), numbers(plain),
        ))
    return found


@register_kind("G")
def _g(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    plain, others = split(elements)
    found = expressed(builder, others)
    if plain:
        at = builder.at(plain, 4)
        many = np.array([parameter(e, "m", 1.0) for e in plain])
        names = [e.name for e in plain]
        found.append(CurrentGroup(names, at[:2], at[2:], numbers(plain) * many))
    return found


@register_kind("F")
def _f(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    plain, others = split(elements)
    found = expressed(builder, others)
    if plain:
        found.append(CurrentGroup(
            [e.name for e in plain], builder.at(plain, 2), _control(builder, plain),
            numbers(plain),
        ))
    return found
