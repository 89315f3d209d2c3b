"""Distributions of SciPy and of torch, drawn with the generator of a place."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from ...core.errors import ParameterError
from ...core.validation import Array
from .distribution import Distribution, Shape, keyed_uniforms

__all__ = ["as_distribution"]

# torch's distributions draw from its one global generator
_torch_generator = threading.Lock()


@dataclass(frozen=True)
class _Scipy:
    """A frozen distribution of SciPy, by the quantiles of keyed uniform numbers."""

    frozen: Any

    def sample(self, generator: np.random.Generator, shape: Shape) -> Array:
        return self.quantile(keyed_uniforms(generator, shape))

    def quantile(self, u: Array) -> Array:
        return np.asarray(self.frozen.ppf(u), dtype=np.float64)

    def probability(self, x: ArrayLike) -> Array:
        return np.asarray(self.frozen.cdf(x), dtype=np.float64)

    def of_normal(self, z: Array) -> Array:
        return self.quantile(ndtr(z))


@dataclass(frozen=True)
class _Torch:
    """A distribution of torch: by `icdf` of keyed uniform numbers, or seeded by the key."""

    given: Any

    def __post_init__(self) -> None:
        if tuple(self.given.batch_shape) or tuple(self.given.event_shape):
            raise ParameterError(
                f"`distribution` must be of single numbers, batch_shape (); got {self.given!r}"
            )

    @property
    def _has_quantiles(self) -> bool:
        torch = sys.modules["torch"]
        try:
            self.given.icdf(torch.tensor(0.5, dtype=torch.float64))
        except NotImplementedError:
            return False
        return True

    def sample(self, generator: np.random.Generator, shape: Shape) -> Array:
        if self._has_quantiles:
            return self.quantile(keyed_uniforms(generator, shape))
        torch = sys.modules["torch"]
        seed = int(generator.integers(2**63))
        with _torch_generator, torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            found: Array = self.given.sample(shape).to(torch.float64).cpu().numpy()
        return found

    def quantile(self, u: Array) -> Array:
        torch = sys.modules["torch"]
        if not self._has_quantiles:
            raise ParameterError(
                f"{type(self.given).__name__} of torch has no icdf, so that it can neither be cut "
                "nor correlated; take the distribution of SciPy"
            )
        with torch.no_grad():
            found: Array = self.given.icdf(torch.as_tensor(u, dtype=torch.float64)).to(
                torch.float64).numpy()
        return found

    def probability(self, x: ArrayLike) -> Array:
        torch = sys.modules["torch"]
        with torch.no_grad():
            shares = self.given.cdf(torch.as_tensor(x, dtype=torch.float64))
            return np.asarray(shares.to(torch.float64).numpy())

    def of_normal(self, z: Array) -> Array:
        return self.quantile(ndtr(z))


def as_distribution(given: Any) -> Distribution:
    """Return a distribution of ours, of SciPy or of torch as a `Distribution`.

    Raises
    ------
    ParameterError
        It is no distribution, or one of vectors or batches.
    """
    if isinstance(given, Distribution) and not isinstance(given, type):
        return given
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(given, torch.distributions.Distribution):
        return _Torch(given)
    if hasattr(given, "ppf") and hasattr(given, "cdf") and hasattr(given, "dist"):
        return _Scipy(given)
    raise ParameterError(
        "`distribution` must be Normal(...), LogNormal(...), Uniform(...), Truncated(...), a "
        f"frozen distribution of SciPy or one of torch; got {given!r:.60}"
    )
