"""Results kept for as long as the weights that they were computed from stay the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor

__all__ = ["Kept", "WeightCache", "tracked"]

T = TypeVar("T")


def tracked(weight: Tensor, bias: Tensor | None) -> bool:
    """Return whether a gradient in the weights is asked for."""
    return torch.is_grad_enabled() and (
        weight.requires_grad or (bias is not None and bias.requires_grad)
    )


@dataclass(frozen=True, eq=False)
class _Values:
    """Values of weights, to be compared with: all of them, or where they lie and some of them.

    Parameters
    ----------
    whole : tensor or None
        A copy; None: where torch's count of changes is trusted.
    place : tensor
        The weights themselves, without gradient, so that nothing else can come to lie there.
    changes : int or None
        Torch's count of changes; None: it has none of them.
    some : tensor
        A copy of some values.
    """

    whole: Tensor | None
    place: Tensor
    changes: int | None
    some: Tensor

    @classmethod
    def of(cls, tensor: Tensor, *, trusting: bool) -> _Values:
        """Return the values of `tensor`; no copy of all where the count can be trusted."""
        own = tensor.detach()
        changes = _changes(own)
        whole = None if trusting and changes is not None else own.clone()
        return cls(whole, own if whole is None else whole, changes, _some(own).clone())

    def are(self, now: Tensor) -> bool:
        """Whether `now` has these values."""
        if self.place.dtype != now.dtype or self.place.device != now.device:
            return False
        if self.whole is not None:
            return torch.equal(self.whole, now)
        now = now.detach()
        return (
            now.data_ptr() == self.place.data_ptr() and now.shape == self.place.shape
            and now.stride() == self.place.stride() and _changes(now) == self.changes
            and torch.equal(self.some, _some(now))
        )


@dataclass(frozen=True, eq=False)
class Kept:
    """A value, the weights that it is of, what else it depends on, and its forms in other types."""

    weight: _Values
    bias: _Values | None
    what: tuple[Any, ...]
    value: Any
    types: dict[torch.dtype, Tensor] = field(default_factory=dict)

    def holds(self, weight: Tensor, bias: Tensor | None, what: tuple[Any, ...]) -> bool:
        """Whether the value is of these weights, and depends on these things beside them."""
        alike = len(self.what) == len(what) and all(
            a is b or (not isinstance(a, Tensor) and not isinstance(b, Tensor) and a == b)
            for a, b in zip(self.what, what, strict=True)
        )
        return alike and self.is_of(weight, bias)

    def is_of(self, weight: Tensor, bias: Tensor | None) -> bool:
        """Whether the weights are those that the value is of."""
        if self.bias is None or bias is None:
            return self.bias is None and bias is None and self.weight.are(weight)
        return self.weight.are(weight) and self.bias.are(bias)


class WeightCache:
    """The last value that was computed from weights, by their value: any change is noticed.

    While gradients run, or where values differ from call to call, nothing stays, but for one pass
    inside of `held`. Copies and pickles begin empty.

    Attributes
    ----------
    kept : Kept or None
        The value with what it is of.
    prepared : object or None
        A pass that was made from it.
    trusting : bool
        Changes are told by torch's count of them and by some values, instead of by all values.
    """

    def __init__(self) -> None:
        self.kept: Kept | None = None
        self.prepared: Any = None
        self._held: dict[tuple[Any, ...], Any] | None = None
        self.trusting = False

    @property
    def value(self) -> Any:
        """The value that is kept, whatever weights it is of; None: there is none."""
        return None if self.kept is None else self.kept.value

    def clear(self) -> None:
        """Forget the value that is kept."""
        self.kept = None

    def find(self, weight: Tensor, bias: Tensor | None, what: tuple[Any, ...]) -> Any:
        """Return the kept value of these weights, or None."""
        kept = self.kept
        return kept.value if kept is not None and kept.holds(weight, bias, what) else None

    def in_type(self, value: Tensor, dtype: torch.dtype) -> Tensor:
        """Return `value` in another type, which stays as long as it does if it is the kept one."""
        kept = self.kept
        if value.dtype == dtype or kept is None or kept.value is not value:
            return value.to(dtype)
        if dtype not in kept.types:
            with torch.inference_mode(mode=False):
                kept.types[dtype] = value.to(dtype)
        return kept.types[dtype]

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
            self.kept = Kept(
                _Values.of(weight, trusting=self.trusting),
                None if bias is None else _Values.of(bias, trusting=self.trusting), what, made,
            )
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
        return {**self.__dict__, "kept": None, "prepared": None}



def _changes(tensor: Tensor) -> int | None:
    """Return torch's count of changes, which all views share; inference tensors have none."""
    return None if tensor.is_inference() else int(tensor._version)  # noqa: SLF001


def _some(tensor: Tensor) -> Tensor:
    """Return a view of values all over a tensor, some 32 along every axis."""
    return tensor[tuple(slice(None, None, max(1, n // 32)) for n in tensor.shape)]
