"""Distributions of parameters from values of many devices, by maximum likelihood."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import ParameterError
from ...core.settings import checks_arguments
from ...core.validation import Array, choice, finite_array, real_array
from ...core.views.brief import brief_repr
from .distributions import LogNormal, Normal
from .variability import Variability

__all__ = ["Spread", "estimate_spread"]

_FEWEST = 3


@dataclass(frozen=True)
class Spread:
    """Distributions of several parameters over devices.

    Attributes
    ----------
    nominal : dict
        By parameter the value of the middle device: the mean of a normal distribution, the median
        of a log-normal one.
    variabilities : tuple of Variability
        Relative ones of these, with shared sources where the parameters correlate: what `vary`
        and `NonIdealities(variability=...)` take.
    sigma : dict
        Standard deviation over the mean, or of the logarithm.
    correlation : (P, P) array
        Of the parameters' normal deviations, in the order of `nominal`.
    log_likelihood : float
        Of the marginal distributions.
    devices : int
    """

    nominal: dict[str, float]
    variabilities: tuple[Variability, ...]
    sigma: dict[str, float]
    correlation: Array
    log_likelihood: float
    devices: int

    __repr__ = brief_repr


@checks_arguments
def estimate_spread(
    values: Mapping[str, ArrayLike], *, errors: Mapping[str, ArrayLike] | None = None,
    distribution: str = "best", correlated: bool = True,
) -> Spread:
    """Return the distributions of which measured devices are the most likely draws.

    Parameters
    ----------
    values : mapping of (K,) arrays
        By parameter one value per device, K >= 3.
    errors : mapping of (K,) arrays, optional
        Standard errors of these, which are no spread: each value is a draw plus its error.
    distribution : {"best", "normal", "lognormal"}
        "best": the likelier one of each parameter; log-normal needs values of one sign.
    correlated : bool
        Whether to keep the correlations between parameters (a Gaussian copula).

    Raises
    ------
    ParameterError
        Too few devices, values of different counts, errors that are infinite: what a device's data
        do not determine has no distribution.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import estimate_spread
    >>> r_on = 1e3 * np.exp(0.1 * np.random.default_rng(0).standard_normal(400))
    >>> spread = estimate_spread({"r_on": r_on}, distribution="lognormal")
    >>> spread.variabilities[0].parameter, round(spread.sigma["r_on"], 2)
    ('r_on', 0.1)
    """
    choice("distribution", distribution, ("best", "normal", "lognormal"))
    if not values:
        raise ParameterError("`values` names no parameter")
    rows = {name: finite_array(f"values[{name!r}]", row) for name, row in values.items()}
    count = next(iter(rows.values())).size
    for name, row in rows.items():
        if row.ndim != 1 or row.size != count or count < _FEWEST:
            raise ParameterError(
                f"`values[{name!r}]` must be one number per device, {max(count, _FEWEST)} of them; "
                f"got {row.shape}"
            )
    wrong = _errors(errors or {}, rows)
    found = {name: _margin(name, row, wrong[name], distribution) for name, row in rows.items()}
    # what is an error alone has no spread that could correlate
    scores = np.array([one.scores * (one.law.sigma > 0) for one in found.values()])
    correlation = np.eye(len(rows))
    if correlated and len(rows) > 1:
        correlation = _correlation(scores)
    mixes = _mixes(correlation)
    return Spread(
        {name: one.nominal for name, one in found.items()},
        tuple(Variability(name, one.law, shared=mix)
              for (name, one), mix in zip(found.items(), mixes, strict=True)),
        {name: one.law.sigma for name, one in found.items()}, correlation,
        sum(one.likelihood for one in found.values()), count,
    )


@dataclass(frozen=True)
class _Margin:
    nominal: float
    law: Normal | LogNormal
    scores: Array
    likelihood: float


def _errors(errors: Mapping[str, ArrayLike], rows: Mapping[str, Array]) -> dict[str, Array]:
    found = {name: np.zeros(row.shape) for name, row in rows.items()}
    for name, given in errors.items():
        if name not in rows:
            raise ParameterError(f"`errors` has `{name}`, `values` do not")
        own = real_array(f"errors[{name!r}]", given)
        if own.shape != rows[name].shape or not np.all(np.isfinite(own)) or np.any(own < 0):
            bad = int(np.sum(~np.isfinite(own)))
            raise ParameterError(
                f"`errors[{name!r}]` must be {rows[name].size} finite numbers >= 0" + (
                    f"; {bad} devices do not determine it: fix it in the fit, or leave it out"
                    if bad else "")
            )
        found[name] = own
    return found


def _margin(name: str, row: Array, error: Array, distribution: str) -> _Margin:
    """Return the likelier distribution of one parameter."""
    one_sign = np.all(row > 0) or np.all(row < 0)
    if distribution == "lognormal" and not one_sign:
        raise ParameterError(f"`values[{name!r}]` are of both signs: no log-normal distribution")
    found = []
    if distribution != "lognormal":
        mean, sigma, likelihood = _normal(row, error)
        if mean != 0.0:
            scores = (row - mean) / mean / np.sqrt(sigma**2 + error**2 + 1e-300) * abs(mean)
            found.append(_Margin(mean, Normal(sigma / abs(mean)), scores, likelihood))
    if one_sign and distribution != "normal":
        logs, own = np.log(np.abs(row)), error / np.abs(row)
        mean, sigma, likelihood = _normal(logs, own)
        scores = (logs - mean) / np.sqrt(sigma**2 + own**2 + 1e-300)
        nominal = math.copysign(math.exp(mean), float(row[0]))
        found.append(_Margin(nominal, LogNormal(sigma), scores, likelihood - float(logs.sum())))
    if not found:
        raise ParameterError(f"`values[{name!r}]` have the mean 0: no relative spread")
    return max(found, key=lambda one: one.likelihood)


def _normal(x: Array, error: Array) -> tuple[float, float, float]:
    """Return mean, standard deviation and likelihood of draws with known errors besides."""
    from scipy.optimize import minimize_scalar  # noqa: PLC0415 - slow to import

    def at(variance: float) -> tuple[float, float]:
        total = variance + error**2 + 1e-300
        mean = float(np.sum(x / total) / np.sum(1.0 / total))
        rest = np.sum((x - mean) ** 2 / total + np.log(2.0 * np.pi * total))
        return mean, -0.5 * float(rest)

    plain = float(np.var(x))
    if not np.any(error > 0) or plain == 0.0:
        mean, likelihood = at(plain)
        return mean, math.sqrt(plain), likelihood
    best = minimize_scalar(
        lambda v: -at(v)[1], bounds=(0.0, 2.0 * plain), method="bounded",
        options={"xatol": 1e-9 * plain},
    )
    variance = float(best.x) if at(float(best.x))[1] > at(0.0)[1] else 0.0
    mean, likelihood = at(variance)
    return mean, math.sqrt(variance), likelihood


def _correlation(scores: Array) -> Array:
    """Return the correlation of the rows; of those that do not vary none."""
    size = np.sqrt(np.mean(scores**2, axis=1))
    moving = size > 0
    unit = np.where(moving[:, None], scores / np.where(moving, size, 1.0)[:, None], 0.0)
    found = unit @ unit.T / scores.shape[1]
    np.fill_diagonal(found, 1.0)
    return np.asarray(np.clip(found, -1.0, 1.0))


def _mixes(correlation: Array) -> list[tuple[tuple[str, float], ...]]:
    """Return weights of shared sources whose sums of products are the correlations."""
    count = len(correlation)
    if np.array_equal(correlation, np.eye(count)):
        return [()] * count
    values, vectors = np.linalg.eigh(correlation)
    weights = vectors * np.sqrt(np.clip(values, 0.0, None))
    weights /= np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1.0)
    return [
        tuple((f"spread {k + 1}", float(w)) for k, w in enumerate(row) if abs(w) > 1e-12)
        for row in weights
    ]
