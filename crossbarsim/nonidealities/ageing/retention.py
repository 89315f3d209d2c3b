"""Loss of the stored conductance with time and temperature."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ...core.array_api import Values, like, namespace
from ...core.draws import Place
from ...core.settings import Settings
from ...core.validation import number
from ..fabricate import Fabricated
from ..variability.dependence import Dependence, check_dependence, evaluate
from .drift import within

__all__ = ["BOLTZMANN", "Retention", "arrhenius"]

BOLTZMANN = 8.617333262e-5  # eV/K


def arrhenius(activation_energy: float, temperature: float, reference: float) -> float:
    """Return exp(e_a / k (1 / T - 1 / T_ref)), the ratio of a process's times at T and T_ref.

    `activation_energy` in eV, temperatures in kelvin.
    """
    return math.exp(activation_energy / BOLTZMANN * (1.0 / temperature - 1.0 / reference))


@dataclass(frozen=True)
class Retention(Settings):
    """Thermally activated loss of stored states, a stretched exponential in time.

    G(t) = G_end + (G0 - G_end) exp(-(t / tau)^beta), with tau = tau_0 exp(e_a / k (1/T - 1/T_ref))
    (Kohlrausch's law with Arrhenius' temperature dependence, with which bakes are extrapolated).
    That loss of the low resistance state is a thermally activated narrowing of the filament, with
    the activation energy of switching: doi 10.1016/j.mee.2017.04.032.

    Parameters
    ----------
    time : float
        Second since programming, >= 0.
    tau : float
        Second at the temperature `reference`, > 0; default 10 years at 358 K (85 degrees C), the
        usual specification.
    activation_energy : float
        eV, >= 0; default 1.1, chosen within the 1 to 1.6 that are reported for oxides.
    beta : float
        0 < beta <= 1; default 1.
    reference : float
        Kelvin, default 358.15.
    end : float, or function of the level
        Level, 0 (g_off) to 1 (g_on), at which a cell ends; default 0.
    spread : float
        Standard deviation of ln(tau) from cell to cell, >= 0, default 0.
    temperature : float, optional
        Kelvin during storage; default: the chip's.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Retention, NonIdealities, Place
    >>> effects = NonIdealities(retention=Retention(time=3.156e8), temperature=358.15)
    >>> G = effects.chip(np.array([[0.2, 1.0]]), Place(7), g_on=1e-4, g_off=1e-6)
    >>> (G * 1e6).round(2)  # uS after ten years at 85 degrees C, of 20.8 and 100
    array([[ 8.28, 37.42]])
    """

    time: float
    tau: float = 3.156e8
    activation_energy: float = 1.1
    beta: float = 1.0
    reference: float = 358.15
    end: Dependence = 0.0
    spread: float = 0.0
    temperature: float | None = None

    def __post_init__(self) -> None:
        number("time", self.time, low=0.0, unit="second")
        number("tau", self.tau, low=0.0, open_low=True, unit="second")
        number("activation_energy", self.activation_energy, low=0.0, unit="eV")
        number("beta", self.beta, low=0.0, high=1.0, open_low=True)
        number("reference", self.reference, low=0.0, open_low=True, unit="kelvin")
        check_dependence("end", self.end, low=0.0)
        number("spread", self.spread, low=0.0)
        if self.temperature is not None:
            number("temperature", self.temperature, low=0.0, open_low=True, unit="kelvin")

    def aged(self, G: Values, fab: Fabricated, place: Place, temperature: float) -> Values:
        """Return conductances (M, N) siemens at `time`, of those programmed, `G`."""
        if self.time == 0:
            return G
        kelvin = temperature if self.temperature is None else self.temperature
        tau = self.tau * arrhenius(self.activation_energy, kelvin, self.reference)
        share: Any = (self.time / tau) ** self.beta
        if self.spread > 0:
            z = like(place.generator("retention").standard_normal(fab.shape), G)
            share = share * namespace(G).exp(-self.beta * self.spread * z)
            left = namespace(G).exp(-share)
        else:
            left = math.exp(-share)
        on, off = like(fab.g_on, G), like(fab.g_off, G)
        end = off + evaluate(self.end, fab.level(G)) * (on - off)
        return within(end + (G - end) * left, G, fab)
