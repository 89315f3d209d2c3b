"""Variables between bounds, and the free numbers that an optimiser moves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import ParameterError
from ..core.validation import number

__all__ = ["Bounded", "checked_variables"]


@dataclass(frozen=True)
class Bounded:
    """A number between two bounds, in its own SI unit.

    Parameters
    ----------
    low, high : float
    start : float, optional
        Default: the middle.
    log : bool
        Whether ratios matter rather than differences, as for resistances; needs ``low > 0``.

    Raises
    ------
    ParameterError
        Bounds that are not in order, a start outside of them, a logarithm of what is not positive.

    Examples
    --------
    >>> from crossbarsim.design import Bounded
    >>> g_on = Bounded(1e-6, 1e-4)
    >>> f"{g_on.first:.0e}", f"{float(g_on.value(g_on.free(3e-5))):.0e}"
    ('1e-05', '3e-05')
    """

    low: float
    high: float
    start: float | None = None
    log: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.log, bool):
            raise ParameterError(f"`log` must be True or False; got {self.log!r:.60}")
        number("low", self.low, low=0.0 if self.log else -math.inf, open_low=self.log)
        number("high", self.high, low=self.low, open_low=True)
        if self.start is not None:
            number("start", self.start, low=self.low, high=self.high)

    @property
    def first(self) -> float:
        """The value that a search begins with."""
        if self.start is not None:
            return float(self.start)
        return math.sqrt(self.low * self.high) if self.log else 0.5 * (self.low + self.high)

    def value(self, free: Tensor) -> Tensor:
        """Return the value that any real number stands for: its logistic share of the way."""
        share = torch.sigmoid(free)
        if self.log:
            return self.low * torch.exp(share * math.log(self.high / self.low))
        return self.low + share * (self.high - self.low)

    def free(self, value: float) -> Tensor:
        """Return the number that stands for a value; of the bounds, of one close to them."""
        value = number("value", value, low=self.low, high=self.high)
        share = (
            math.log(value / self.low) / math.log(self.high / self.low) if self.log
            else (value - self.low) / (self.high - self.low)
        )
        share = min(max(share, 1e-3), 1.0 - 1e-3)
        return torch.tensor(math.log(share / (1.0 - share)), dtype=torch.float64)


def checked_variables(variables: object) -> dict[str, Bounded]:
    """Return variables by name, checked.

    Raises
    ------
    ParameterError
        There are none, or one is not `Bounded`.
    """
    if not isinstance(variables, dict) or not variables:
        raise ParameterError("`variables` must be a dict of names to Bounded(...), at least one")
    for name, one in variables.items():
        if not isinstance(one, Bounded):
            raise ParameterError(f"`variables[{name!r}]` must be Bounded(...); got {one!r:.60}")
    return dict(variables)
