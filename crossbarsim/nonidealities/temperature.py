"""Temperature dependence of the wires' resistance and of the cells' conductance."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.array_api import Values, clip, like
from ..core.errors import ParameterError
from ..core.settings import Settings
from ..core.validation import number
from ..netlists.crossbar.crossbar import Wires
from .ageing.retention import arrhenius
from .fabricate import Fabricated

__all__ = ["Conduction", "Metal"]


@dataclass(frozen=True)
class Metal(Settings):
    """Resistivity of the wires, rho = rho_ref (1 + alpha (T - T_ref)).

    Parameters
    ----------
    coefficient : float
        alpha, per kelvin, >= 0; default 3.9e-3, copper's at 293 K (CRC Handbook; thin copper
        lines have less, 2e-3 to 3.5e-3).
    reference : float
        T_ref in kelvin, default 293.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> from crossbarsim import Wires
    >>> from crossbarsim.nonidealities import Metal
    >>> round(float(Metal().wires(Wires(word=1.0, bit=1.0), 360.0, given_at=300.0).word), 3)
    1.228
    """

    coefficient: float = 3.9e-3
    reference: float = 293.0

    def __post_init__(self) -> None:
        number("coefficient", self.coefficient, low=0.0, unit="per kelvin")
        number("reference", self.reference, low=0.0, open_low=True, unit="kelvin")

    def factor(self, temperature: float, given_at: float) -> float:
        """Return the ratio of the resistances at `temperature` and `given_at`, kelvin.

        Raises
        ------
        ParameterError
            So cold that the linear law gives no positive resistance.
        """
        values = [1.0 + self.coefficient * (t - self.reference) for t in (temperature, given_at)]
        if min(values) <= 0:
            raise ParameterError(
                f"the linear law of the wires' resistivity does not reach down to {temperature:g} K"
            )
        return values[0] / values[1]

    def wires(self, wires: Wires, temperature: float, given_at: float) -> Wires:
        """Return wires at another temperature; drivers and amplifiers stay as they are."""
        factor = self.factor(temperature, given_at)
        if factor == 1.0:
            return wires
        return Wires(
            wires.word * factor, wires.bit * factor, wires.driver, wires.sense,
            wires.word_capacitance, wires.bit_capacitance,
        )


@dataclass(frozen=True)
class Conduction(Settings):
    """Conductance of the cells against temperature, two paths in parallel.

    The conductance g_off of the high resistance state is thermally activated, and the rest, the
    filament, is metallic:
    G(T) = min(G, g_off) exp(-e_a / k (1/T - 1/T_0)) + max(G - g_off, 0) / (1 + alpha (T - T_0)),
    T_0 being the temperature at which conductances are given. Faulty cells follow the same law.

    Parameters
    ----------
    activation_energy : float
        eV, >= 0, default 0.05. It depends on the stack and is to be fitted to measured devices.
    coefficient : float
        alpha of the filament, per kelvin, default 1e-3; also to be fitted.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Conduction, NonIdealities, Place
    >>> hot = NonIdealities(conduction=Conduction(activation_energy=0.05), temperature=360.0)
    >>> G = hot.chip(np.array([[0.0, 1.0]]), Place(7), g_on=1e-4, g_off=1e-6)
    >>> (G * 1e6).round(2)  # uS, of 1 and 100 at 300 K
    array([[ 1.38, 94.78]])
    """

    activation_energy: float = 0.05
    coefficient: float = 1e-3

    def __post_init__(self) -> None:
        number("activation_energy", self.activation_energy, low=0.0, unit="eV")
        number("coefficient", self.coefficient, unit="per kelvin")

    def at(self, G: Values, fab: Fabricated, temperature: float, given_at: float) -> Values:
        """Return conductances (M, N) siemens at `temperature`; `G` holds at `given_at`, kelvin."""
        metal = 1.0 + self.coefficient * (temperature - given_at)
        if metal <= 0:
            raise ParameterError(
                f"`coefficient` {self.coefficient:g} per kelvin does not reach to {temperature:g} K"
            )
        hopping = 1.0 / arrhenius(self.activation_energy, temperature, given_at)
        off = like(fab.g_off, G)
        return clip(G, None, off) * hopping + clip(G - off, 0.0) * (1.0 / metal)
