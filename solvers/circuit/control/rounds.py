"""How often loops of a control block may go round."""

from __future__ import annotations

from collections.abc import Mapping

from ....core.errors import ParameterError
from ....core.units import plain_number

__all__ = ["Rounds"]

MOST = 100_000


class Rounds:
    """Counts the rounds of all loops, those within others, too.

    Parameters
    ----------
    variables : mapping
        Of the control block; ``maxrounds`` is the most that are allowed.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables, self._count = variables, 0.0

    def add(self, count: float = 1.0) -> None:
        """Add rounds.

        Raises
        ------
        ParameterError
            More than are allowed.
        """
        self._count += count
        given = plain_number(self._variables.get("maxrounds", ""))
        most = MOST if given is None else given
        if not self._count <= most:
            raise ParameterError(
                f"more than {most:.0f} rounds of loops in all; `set maxrounds=...` allows more"
            )
