"""Results kept for as long as the weights that they were computed from stay the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

__all__ = ["WeightCache", "tracked"]

T = TypeVar("T")


def tracked(weight: Tensor, bias: Tensor | None) -> bool:
    """Return whether a gradient in the weights is asked for."""
    return torch.is_grad_enabled() and (
        weight.requires_grad or (bias is not None and bias.requires_grad)
    )


@dataclass(frozen=True, eq=False)
class _Kept:
    """A value, copies of the weights that it is of, and what else it depends on."""

    weight: Tensor
    bias: Tensor | None
    what: tuple[Any, ...]
    value: Any

    def holds(self, weight: Tensor, bias: Tensor | None, what: tuple[Any, ...]) -> bool:
        alike = len(self.what) == len(what) and all(
            a is b or (not isinstance(a, Tensor) and not isinstance(b, Tensor) and a == b)
            for a, b in zip(self.what, what, strict=True)
        )
        if not alike or (self.bias is None) != (bias is None):
            return False
        return _same(self.weight, weight) and (
            self.bias is None or bias is None or _same(self.bias, bias)
        )


class WeightCache:
    """The last value that was computed from weights, by their value: any change is noticed.

    While gradients run, or where values differ from call to call, nothing stays, but for one pass
    inside of `held`. Copies and pickles begin empty.
    """

    def __init__(self) -> None:
        self._kept: _Kept | None = None
        self._held: dict[tuple[Any, ...], Any] | None = None

    @property
    def value(self) -> Any:
        """The value that is kept, whatever weights it is of; None: there is none."""
        return None if self._kept is None else self._kept.value

    def clear(self) -> None:
        """Forget the value that is kept."""
        self._kept = None

    def find(self, weight: Tensor, bias: Tensor | None, what: tuple[Any, ...]) -> Any:
        """Return the kept value of these weights, or None."""
        kept = self._kept
        return kept.value if kept is not None and kept.holds(weight, bias, what) else None

    def get(
        self, weight: Tensor, bias: Tensor | None, what: tuple[Any, ...], make: Callable[[], T],
        *, fresh: bool,
    ) -> T:
        """Return what `make` gives, from before where nothing has changed.

        Parameters
        ----------
        weight, bias
            What the value is computed from.
        what : tuple
            What else it depends on; tensors in it are compared by identity.
        make : callable
            Its value is not None.
        fresh : bool
            Whether the value must not outlive the pass.
        """
        if fresh or tracked(weight, bias):
            if self._held is None:
                return make()
            if what not in self._held:
                self._held[what] = make()
            value: T = self._held[what]
            return value
        found: T | None = self.find(weight, bias, what)
        if found is not None:
            return found
        # tensors made in inference mode could take part in no later gradient
        with torch.inference_mode(mode=False), torch.no_grad():
            made = make()
            copy = None if bias is None else bias.detach().clone()
            self._kept = _Kept(weight.detach().clone(), copy, what, made)
        return made

    @contextmanager
    def held(self) -> Iterator[None]:
        """Compute once for all uses inside, also while gradients run."""
        before, self._held = self._held, {}
        try:
            yield
        finally:
            self._held = before

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be computed again."""
        return {**self.__dict__, "_kept": None}


def _same(kept: Tensor, now: Tensor) -> bool:
    return kept.dtype == now.dtype and torch.equal(kept, now.detach())
