"""Random errors of programming."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self

from ...core.array_api import Values, clip, like, namespace
from ...core.draws import Place
from ...core.settings import Settings
from ...core.validation import choice, flag, number
from ..fabricate import Fabricated
from ..variability.dependence import Dependence, Polynomial, check_dependence, evaluate

__all__ = ["WriteNoise"]


@dataclass(frozen=True)
class WriteNoise(Settings):
    """Random error of the programmed conductance, drawn anew in every programming cycle.

    Parameters
    ----------
    sigma : float, `Polynomial`, `Table`, or callable
        Standard deviation in the unit of `of`; a function takes G / g_max.
    of : {"range", "target", "maximum", "siemens"}
        A share of g_on - g_off of the cell (default), of the target conductance, of g_max, or
        siemens.
    distribution : {"normal", "lognormal"}
        Either has the target as its mean and `sigma` as its standard deviation.
    g_max : float, optional
        Siemens to which functions and "maximum" refer; default: the network's g_on.
    bounded : bool
        Whether conductances are kept between the cell's own g_off and g_on; default: only >= 0 S,
        and >= 1 nS in the log-normal case.

    Raises
    ------
    ParameterError

    Notes
    -----
    Presets, measured on chips, scale with g_max unless it is given: "pcm_nandakumar_2019"
    (Nandakumar et al., ICECS 2019; 25 uS), "pcm_hermes_2023" (a unit cell of two devices on IBM's
    HERMES chip, Le Gallo et al., Nat. Electron. 6:680, 2023; 20.7 uS), "reram_wan_2022_1s",
    "reram_wan_2022_1day" and "reram_wan_2022_2days" (fits to Wan et al., Nature 608:504, 2022,
    with the relaxation after that time; 40 uS), "cmo_hfox_2%" and "cmo_hfox_0.2%" (CMO/HfOx
    devices of IBM Zurich, Falcone et al., by the range in which a write was accepted; 88.2 uS),
    all by the coefficients of IBM's aihwkit, and "hfo2_milo_2021" (Milo et al., IRPS 2021,
    algorithm IGVVA-100, as in CrossSim; 225 uS).

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import NonIdealities, Place, WriteNoise
    >>> effects = NonIdealities(write=WriteNoise(0.02))
    >>> G = effects.chip(np.full((64, 64), 0.5), Place(7), g_on=1e-4, g_off=0.0)
    >>> round(float(G.std()) * 1e6, 1)  # uS, 2 % of the range
    2.0
    """

    sigma: Dependence
    of: Literal["range", "target", "maximum", "siemens"] = "range"
    distribution: Literal["normal", "lognormal"] = "normal"
    g_max: float | None = None
    bounded: bool = False

    presets: ClassVar[Mapping[str, tuple[float, tuple[float, ...]]]] = MappingProxyType({
        # name: (uS of the largest state, sigma in uS by powers of G / that)
        "pcm_nandakumar_2019": (25.0, (0.26348, 1.965, -1.1731)),
        "pcm_hermes_2023": (20.7, (0.16603222, 4.71806468, -8.48101252, 4.68961419)),
        "reram_wan_2022_1s": (40.0, (0.348, 16.03, -43.853, 45.393, -16.815)),
        "reram_wan_2022_1day": (40.0, (0.701, 22.086, -50.773, 47.095, -16.458)),
        "reram_wan_2022_2days": (40.0, (0.782, 20.274, -43.507, 37.062, -11.934)),
        "cmo_hfox_2%": (88.2, (0.0112185, 0.0112903 * 88.2)),
        "cmo_hfox_0.2%": (88.2, (0.00081107, 0.00106879 * 88.2)),
        "hfo2_milo_2021": (225.0, (4.782321, -0.009107 * 225.0)),
    })

    def __post_init__(self) -> None:
        check_dependence("sigma", self.sigma, low=0.0)
        choice("of", self.of, ("range", "target", "maximum", "siemens"))
        choice("distribution", self.distribution, ("normal", "lognormal"))
        if self.g_max is not None:
            number("g_max", self.g_max, low=0.0, open_low=True, unit="siemens")
        flag("bounded", self.bounded)

    @classmethod
    def preset(cls, name: str, **changes: Dependence | str | None) -> Self:
        """Return the write noise of a published chip, with `changes`.

        ``g_max=25e-6`` keeps the published siemens; without it the noise scales to the network.

        Raises
        ------
        ParameterError
            There is no such preset.
        """
        choice("name", name, tuple(cls.presets))
        largest, coefficients = cls.presets[name]
        share = Polynomial(tuple(c / largest for c in coefficients))
        given: dict[str, Any] = {"sigma": share, "of": "maximum", **changes}
        return cls(**given)

    def deviation(self, G: Values, fab: Fabricated) -> Values:
        """Return the standard deviation at the targets `G`, siemens: (M, N), or one number."""
        largest = fab.nominal[0] if self.g_max is None else self.g_max
        sigma = evaluate(self.sigma, G / largest)
        if self.of == "range":
            return sigma * like(fab.g_on - fab.g_off, G)
        return sigma * {"target": G, "maximum": largest, "siemens": 1.0}[self.of]

    def written(self, G: Values, fab: Fabricated, place: Place, cycle: int) -> Values:
        """Return programmed conductances (M, N) siemens for the targets `G` (M, N)."""
        z = like(place.generator(f"write {cycle}").standard_normal(fab.shape), G)
        sigma = self.deviation(G, fab)
        if self.distribution == "normal":
            written = G + sigma * z
        else:
            xp = namespace(G)
            mean = clip(G, _LEAST)
            # not 0, where a root has no derivative
            variance = clip(xp.log1p((sigma / mean) ** 2), 1e-37)
            written = mean * xp.exp(xp.sqrt(variance) * z - 0.5 * variance)
        if self.bounded:
            return clip(written, fab.g_off, fab.g_on)
        return clip(written, 0.0)


_LEAST = 1e-9  # siemens
