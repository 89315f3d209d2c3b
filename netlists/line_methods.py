"""The methods of `Circuit` that add transmission lines."""

from __future__ import annotations

from typing import Self

from ..core.errors import ParameterError
from ..core.units import spice_number
from .elements import Value
from .sources import Source

__all__ = ["LineMethods"]


class LineMethods:
    """What `Circuit` has of transmission lines."""

    def _add(
        self, kind: str, name: object, nodes: tuple[object, ...], value: float, control: str = "",
        wave: Source | None = None, parameters: tuple[tuple[str, Value | str], ...] = (),
    ) -> Self:
        raise NotImplementedError

    def T(
        self, name: object, first: tuple[object, object], second: tuple[object, object], *,
        z0: object, td: object,
    ) -> Self:
        """Add an ideal line between two ports, pairs of nodes: `z0` ohm, `td` second."""
        given = (("z0", spice_number("z0", z0)), ("td", spice_number("td", td)))
        for key, value in given:
            if value <= 0:
                raise ParameterError(f"T {name}: `{key}` must be > 0; got {value!r}")
        return self._add("T", name, (*first, *second), 0.0, parameters=given)
