"""Device-to-device variability of the cells' parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from ...core.draws import Place
from ...core.errors import ParameterError
from ...core.settings import Settings, plain
from ...core.validation import choice, number
from .correlation import Correlation
from .scipy_torch_distributions import as_distribution

__all__ = ["Keyed", "Valid", "Variability", "as_variabilities", "draw", "keyed", "redraw"]

Level: TypeAlias = Literal["wafer", "die", "array", "cell"]
Kind: TypeAlias = Literal["relative", "offset", "absolute"]
# which cells' parameters make sense, (M, N) bool, given all parameters by name
Valid: TypeAlias = Callable[[Mapping[str, Any]], Any]
Keyed: TypeAlias = list[tuple[str, "Variability"]]

_TRIES = 100


@dataclass(frozen=True)
class Variability(Settings):
    """Device-to-device variation of one parameter.

    Parameters
    ----------
    parameter : str
        "r_on", "r_off", "g_on" or "g_off" of the cells of a network; any parameter of a compact
        model in `vary`.
    distribution : Distribution, or a frozen one of SciPy, or one of torch
        Of the factor on the nominal value, see `kind`: ``Normal(0.1)`` is a relative standard
        deviation of 10 %. A distribution of torch without ``icdf`` is sampled from torch's global
        generator, seeded by the place and put back afterwards.
    level : {"wafer", "die", "array", "cell"}
        Which cells share a draw: all of one seed ("wafer"); those of a layer of the network, whose
        arrays lie on one die ("die": `Place.layer` up to a "/"); those of a physical array; or
        none, every cell having its own (default).
    kind : {"relative", "offset", "absolute"}
        The draw multiplies the nominal value (default), is added to it (in the parameter's unit),
        or replaces it.
    correlation : Correlation, optional
        Between the cells of an array; for "cell" only. Distributions other than `Normal` keep
        their ranks: their quantiles are taken at the correlated normal deviations.
    shared : sequence of (str, float), optional
        Sources that several parameters have in common, by name, each with its weight: the normal
        deviation behind the draw is the sum of weight times the source's, and of its own, of the
        variance that the squares of the weights leave of 1. So the deviations of two parameters
        correlate by the sum of the products of their weights.

    Raises
    ------
    ParameterError

    Notes
    -----
    Several variations of one parameter combine: factors multiply, then offsets add; at most one
    can be absolute. Sources of levels and correlation: Pelgrom's and Stine's
    decomposition of process variation (IEEE JSSC 24:1433, 1989; IEEE TSM 10:24, 1997).

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import LogNormal, NonIdealities, Normal, Place, Variability
    >>> effects = NonIdealities(variability=(
    ...     Variability("r_on", Normal(0.05)), Variability("r_off", LogNormal(0.3), level="array"),
    ... ))
    >>> G = effects.chip(np.ones((64, 64)), Place(7), g_on=1e-4, g_off=1e-6)
    >>> round(float(np.std(1.0 / G) * 1e-4), 3)
    0.05
    """

    parameter: str
    distribution: Any
    level: Level = "cell"
    kind: Kind = "relative"
    correlation: Correlation | None = None
    shared: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if not (isinstance(self.parameter, str) and self.parameter):
            raise ParameterError(f"`parameter` must be a name; got {self.parameter!r}")
        as_distribution(self.distribution)
        choice("level", self.level, ("wafer", "die", "array", "cell"))
        choice("kind", self.kind, ("relative", "offset", "absolute"))
        self._check_shared()
        if self.correlation is None:
            return
        if not isinstance(self.correlation, Correlation):
            raise ParameterError(
                f"`correlation` must be Correlation(...) or None; got {self.correlation!r:.60}"
            )
        if self.level != "cell":
            raise ParameterError(
                f'`correlation` is between cells: it needs level="cell"; got {self.level!r}'
            )

    def _check_shared(self) -> None:
        names = [name for name, _ in self.shared]
        if len(set(names)) < len(names):
            raise ParameterError(f"`shared` names a source twice: {', '.join(names)}")
        total = sum(number(f"shared: {name}", weight) ** 2 for name, weight in self.shared)
        if total > 1.0 + 1e-9:
            raise ParameterError(
                f"`shared`: the squares of the weights must add up to 1 at most; got {total:.6g}"
            )
        if self.shared and self.correlation is not None:
            raise ParameterError("give either `shared` or `correlation`: both move the same draw")

    @property
    def redrawable(self) -> bool:
        """Whether a cell can be drawn again without the others."""
        return self.level == "cell" and self.correlation is None


def keyed(variabilities: Iterable[Variability], names: Iterable[str], what: str) -> Keyed:
    """Return the variations in canonical order, each with the key of its draws.

    The key is the parameter and the level, numbered where several share them: neither the order
    in which they are listed nor a changed width changes the draws.

    Raises
    ------
    ParameterError
        Parameters that are not among `names`, two absolute variations of one parameter.
    """
    known = tuple(names)
    given = tuple(variabilities)
    for one in given:
        if one.parameter not in known:
            raise ParameterError(
                f"{what} has no parameter {one.parameter!r} to vary; there are "
                f"{', '.join(known)}"
            )
    absolute = Counter(one.parameter for one in given if one.kind == "absolute")
    for parameter, times in absolute.items():
        if times > 1:
            raise ParameterError(f"{times} absolute variations of {parameter!r}: at most one")
    ordered = sorted(given, key=lambda one: repr(plain(one)))
    # a factor acts before an offset, and what takes a value's place before both
    ordered.sort(key=lambda one: ("absolute", "relative", "offset").index(one.kind))
    seen: Counter[str] = Counter()
    result = []
    for one in ordered:
        name = f"{one.parameter} by {one.level}"
        result.append((f"variability of {name} {seen[name]}", one))
        seen[name] += 1
    return result


def draw(key: str, one: Variability, place: Place, shape: tuple[int, int]) -> Any:
    """Return the draws of one variation at a place: (M, N), or one number above cell level."""
    law = as_distribution(one.distribution)
    if one.level != "cell":
        at = {
            "wafer": Place(place.seed), "die": Place(place.seed, place.layer.split("/")[0]),
            "array": place,
        }[one.level]
        if one.shared:
            return float(law.of_normal(_mixed(one, at, key, "", ())))
        return float(law.sample(at.generator(key), ()))
    if one.shared:
        return law.of_normal(_mixed(one, place, key, "", shape))
    if one.correlation is None:
        return law.sample(place.generator(key), shape)
    normal = one.correlation.deviations(
        place.generator(key), place.generator(f"{key} own"), shape
    )
    return law.of_normal(normal)


def _mixed(one: Variability, place: Place, key: str, turn: str, shape: tuple[int, ...]) -> Any:
    """Return the normal deviations of a variation with shared sources, of `shape`."""
    left = max(1.0 - sum(weight**2 for _, weight in one.shared), 0.0)
    own = place.generator(f"{key}{turn}").standard_normal(shape)
    total = np.asarray(np.sqrt(left) * own)
    for name, weight in one.shared:
        source = f"variability source {name} by {one.level}{turn}"
        total = total + weight * place.generator(source).standard_normal(shape)
    return total


def _apply(nominal: Any, drawn: Any, kind: Kind) -> Any:
    """Return a parameter's value after one variation."""
    if kind == "absolute":
        return drawn
    return nominal * drawn if kind == "relative" else nominal + drawn


def redraw(
    nominal: Mapping[str, Any], variations: Keyed, place: Place, shape: tuple[int, int],
    valid: Valid, rule: str,
) -> tuple[dict[str, Any], int]:
    """Return varied parameters, and how many cells had to be drawn again.

    Cells at which `valid` does not hold get new draws of those variations that are theirs alone,
    at most 100 times.

    Raises
    ------
    ParameterError
        There are still such cells then: the distributions hardly allow any other.
    """
    drawn = {key: draw(key, one, place, shape) for key, one in variations}
    values = _combine(nominal, variations, drawn)
    bad = np.broadcast_to(~np.asarray(valid(values)), shape)
    count = int(bad.sum())
    own = [(key, one) for key, one in variations if one.redrawable]
    for attempt in range(_TRIES if own else 0):
        if not bad.any():
            break
        for key, one in own:
            law, turn, few = as_distribution(one.distribution), f" again {attempt}", int(bad.sum())
            again = (
                law.of_normal(_mixed(one, place, key, turn, (few,))) if one.shared
                else law.sample(place.generator(f"{key}{turn}"), (few,))
            )
            drawn[key] = np.array(drawn[key])
            drawn[key][bad] = again
        values = _combine(nominal, variations, drawn)
        bad = np.broadcast_to(~np.asarray(valid(values)), shape)
    if bad.any():
        i, j = map(int, np.argwhere(bad)[0])
        found = ", ".join(
            f"{name} = {float(np.broadcast_to(value, shape)[i, j]):.4g}"
            for name, value in values.items() if name in {one.parameter for _, one in variations}
        )
        raise ParameterError(
            f"`variability`: {int(bad.sum())} cells of {place.layer or 'the array'} do not fulfil "
            f"{rule}" + (f" after {_TRIES} draws" if own else "")
            + f", cell ({i}, {j}) with {found}; make the distributions narrower, or Truncated(...)"
        )
    return values, count


def _combine(
    nominal: Mapping[str, Any], variations: Keyed, drawn: Mapping[str, Any]
) -> dict[str, Any]:
    values = dict(nominal)
    for key, one in variations:
        values[one.parameter] = _apply(values[one.parameter], drawn[key], one.kind)
    return values


def as_variabilities(given: Variability | Iterable[Variability]) -> tuple[Variability, ...]:
    """Return one variation, or several, as a tuple.

    Raises
    ------
    ParameterError
        Anything else.
    """
    found: tuple[Any, ...] = (given,)
    no_axes = getattr(given, "ndim", None) == 0  # an array that cannot be gone through
    if isinstance(given, Iterable) and not isinstance(given, str) and not no_axes:
        found = tuple(given)
    for one in found:
        if not isinstance(one, Variability):
            raise ParameterError(f"`variability` must hold Variability(...); got {one!r:.60}")
    return found

