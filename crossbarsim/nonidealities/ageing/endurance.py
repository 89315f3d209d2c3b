"""Wear by SET-RESET cycles, and loss of states, by an empirical law of failure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

import numpy as np

from ...core.array_api import Values, is_tensor, like, namespace
from ...core.draws import Place
from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import choice, number
from ..fabricate import Fabricated

__all__ = ["Endurance", "FailureLaw", "RetentionLoss"]


@dataclass(frozen=True)
class FailureLaw(Settings):
    """The law by which one of the two resistance states fails.

    Lammie, Rahimi Azghadi and Ielmini, Semicond. Sci. Technol. 36:065003 (2021). With
    T_c = min(T_threshold / T, 1) and the cell's size c in nm, a state fails where x (cycles, or
    seconds) exceeds p_0 exp(p_1 c + p_2 T_c). Failure is "sudden": R becomes
    `stable_resistance`; or "gradual": R = R0 (x / threshold)^(p_3 (p_1 c + p_2 T_c)), here until
    it is at `stable_resistance`, where that is given.

    Parameters
    ----------
    p_0 : float
        Cycles or seconds, > 0.
    p_1 : float
        Per nm, default 0.
    p_2 : float
        Default 0.
    p_3 : float
        Default 0; needed for gradual failure.
    stable_resistance : float, optional
        Ohm, needed for sudden failure.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> from crossbarsim.nonidealities import FailureLaw
    >>> law = FailureLaw(p_0=1e6, p_1=0.1, stable_resistance=1e6)
    >>> later = law.at_stop_voltage(1.2, v_min=0.5, v_max=2.5, v_best=1.5, cell_size=10.0)
    >>> f"{later.p_0:.2e} cycles"
    '2.64e+05 cycles'
    """

    p_0: float
    p_1: float = 0.0
    p_2: float = 0.0
    p_3: float = 0.0
    stable_resistance: float | None = None

    def __post_init__(self) -> None:
        number("p_0", self.p_0, low=0.0, open_low=True)
        for name in ("p_1", "p_2", "p_3"):
            number(name, getattr(self, name))
        if self.stable_resistance is not None:
            number("stable_resistance", self.stable_resistance, low=0.0, open_low=True, unit="ohm")

    def slope(self, cell_size: float, temperature: float, threshold: float) -> float:
        """Return p_1 c + p_2 T_c for a cell of `cell_size` nm at `temperature` kelvin."""
        return self.p_1 * cell_size + self.p_2 * min(threshold / temperature, 1.0)

    def at_stop_voltage(
        self, v_stop: float, *, v_min: float, v_max: float, v_best: float, cell_size: float = 10.0
    ) -> Self:
        """Return the law for another RESET stop voltage, volt.

        log10 of the endurance is a parabola in the voltage: 0 at `v_min` and `v_max`, and that of
        this law at `v_best` (same paper). `cell_size` in nm.

        Raises
        ------
        ParameterError
            Voltages that are not in order.
        """
        if not v_min < v_best < v_max:
            raise ParameterError(
                f"`v_best` must lie between `v_min` and `v_max`; got {v_best!r}, {v_min!r}, "
                f"{v_max!r}"
            )
        number("v_stop", v_stop, low=v_min, high=v_max, unit="volt")
        share, best = ((v - v_min) / (v_max - v_min) for v in (v_stop, v_best))
        grown = math.exp(self.p_1 * cell_size)
        k = math.log10(self.p_0 * grown) / (1.0 - (2.0 * best - 1.0) ** 2)
        return replace(self, p_0=10.0 ** (k * (1.0 - (2.0 * share - 1.0) ** 2)) / grown)


@dataclass(frozen=True, kw_only=True)
class _StateFailure(Settings):
    """Failure of the low (LRS) and the high resistance state (HRS), each by its law.

    A cell is in the low resistance state where its resistance is below the middle of its own R_on
    and R_off.
    """

    lrs: FailureLaw | None = None
    hrs: FailureLaw | None = None
    mode: Literal["sudden", "gradual"] = "sudden"
    cell_size: float = 10.0
    split: Literal["resistance", "geometric", "conductance"] = "resistance"
    temperature_threshold: float = 298.0
    temperature: float | None = None
    spread: float = 0.0

    def __post_init__(self) -> None:
        choice("mode", self.mode, ("sudden", "gradual"))
        choice("split", self.split, ("resistance", "geometric", "conductance"))
        number("cell_size", self.cell_size, low=0.0, open_low=True, unit="nm")
        number("temperature_threshold", self.temperature_threshold, low=0.0, open_low=True)
        number("spread", self.spread, low=0.0)
        if self.temperature is not None:
            number("temperature", self.temperature, low=0.0, open_low=True, unit="kelvin")
        for name in ("lrs", "hrs"):
            law = getattr(self, name)
            if law is None:
                continue
            if not isinstance(law, FailureLaw):
                raise ParameterError(f"`{name}` must be FailureLaw(...) or None; got {law!r:.60}")
            if self.mode == "sudden" and law.stable_resistance is None:
                raise ParameterError(f"`{name}` fails suddenly: it needs `stable_resistance`")
            if self.mode == "gradual" and law.p_3 == 0:
                raise ParameterError(f"`{name}` fails gradually: it needs `p_3`")

    def _middle(self, fab: Fabricated) -> Any:
        """Return the conductance between the states, siemens."""
        on, off = fab.g_on, np.maximum(fab.g_off, 0.0)
        if self.split == "conductance":
            return 0.5 * (on + off)
        if self.split == "geometric":
            return np.sqrt(on * off)
        return 2.0 * on * off / (on + off)

    def _after(
        self, x: float, G: Values, fab: Fabricated, draws: np.random.Generator, temperature: float
    ) -> Values:
        """Return conductances (M, N) after x cycles or seconds, siemens."""
        kelvin = temperature if self.temperature is None else self.temperature
        xp = namespace(G)
        low_resistance = like(self._middle(fab), G) < G
        spread = None
        if self.spread > 0:
            spread = np.exp(self.spread * draws.standard_normal(fab.shape))
        aged = G
        for law, mask in ((self.lrs, low_resistance), (self.hrs, ~low_resistance)):
            if law is None:
                continue
            slope = law.slope(self.cell_size, kelvin, self.temperature_threshold)
            threshold = law.p_0 * math.exp(slope)
            beyond = x / (threshold if spread is None else threshold * spread)
            if np.max(beyond) <= 1:
                continue
            failed = mask & _mask(beyond > 1, G)
            aged = xp.where(failed, self._failed(G, law, slope, np.maximum(beyond, 1.0)), aged)
        return aged

    def _failed(self, G: Values, law: FailureLaw, slope: float, beyond: Any) -> Values:
        if self.mode == "sudden":
            return 0.0 * G + 1.0 / float(law.stable_resistance or 1.0)
        aged = G * like(beyond ** (-law.p_3 * slope), G)
        if law.stable_resistance is None:
            return aged
        stable = 0.0 * G + 1.0 / law.stable_resistance
        xp = namespace(G)
        # R moves towards the stable resistance and stops there; away from it, it does not stop
        if law.p_3 * slope > 0:
            return xp.maximum(aged, xp.minimum(stable, G))
        return xp.minimum(aged, xp.maximum(stable, G))


def _mask(mask: Any, G: Values) -> Any:
    """Return a condition as an array of the kind of `G`."""
    if not is_tensor(G):
        return mask
    return namespace(G).as_tensor(mask, device=G.device)


@dataclass(frozen=True)
class Endurance(_StateFailure):
    """Wear by SET-RESET cycles.

    The law is `FailureLaw`'s, of Lammie et al. (2021), with x in cycles.

    Parameters
    ----------
    cycles : float
        SET-RESET cycles so far, >= 0.
    lrs, hrs : FailureLaw, optional
        None: that state does not fail.
    mode : {"sudden", "gradual"}
    cell_size : float
        nm, default 10.
    split : {"resistance", "geometric", "conductance"}
        The middle between the states: (R_on + R_off) / 2 of the cell (default, as in the paper),
        their geometric mean, or the middle of the conductances.
    temperature_threshold : float
        Kelvin up to which temperature changes nothing, default 298.
    temperature : float, optional
        Kelvin; default: the chip's.
    spread : float
        Standard deviation of ln(threshold) from cell to cell, >= 0; default 0: all cells of a
        state fail together, as in the paper.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import Endurance, FailureLaw, NonIdealities, Place
    >>> law = FailureLaw(p_0=1e6, stable_resistance=1e6)
    >>> effects = NonIdealities(endurance=Endurance(1e7, lrs=law))
    >>> G = effects.chip(np.array([[0.2, 1.0]]), Place(7), g_on=1e-4, g_off=1e-6)
    >>> (G * 1e6).round(2)  # uS; the cells in the low resistance state failed
    array([[1., 1.]])
    """

    cycles: float = field(kw_only=False)

    def __post_init__(self) -> None:
        number("cycles", self.cycles, low=0.0)
        super().__post_init__()

    def aged(self, G: Values, fab: Fabricated, place: Place, temperature: float) -> Values:
        """Return conductances (M, N) siemens after the cycles, of those programmed, `G`."""
        return self._after(self.cycles, G, fab, place.generator("endurance"), temperature)


@dataclass(frozen=True)
class RetentionLoss(_StateFailure):
    """Failure of stored states with time, in place of `Retention`.

    The law is `FailureLaw`'s, of Lammie et al. (2021), with x in seconds.

    Parameters
    ----------
    time : float
        Second since programming, >= 0.
    lrs, hrs, mode, cell_size, split, temperature_threshold, temperature, spread
        As in `Endurance`.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import FailureLaw, NonIdealities, Place, RetentionLoss
    >>> law = FailureLaw(p_0=1e7, stable_resistance=1e6)
    >>> effects = NonIdealities(retention=RetentionLoss(1e8, lrs=law))
    >>> G = effects.chip(np.array([[0.2, 1.0]]), Place(7), g_on=1e-4, g_off=1e-6)
    >>> (G * 1e6).round(2)  # uS; the cells in the low resistance state lost it
    array([[1., 1.]])
    """

    time: float = field(kw_only=False)

    def __post_init__(self) -> None:
        number("time", self.time, low=0.0, unit="second")
        super().__post_init__()

    def aged(self, G: Values, fab: Fabricated, place: Place, temperature: float) -> Values:
        """Return conductances (M, N) siemens at `time`, of those programmed, `G`."""
        return self._after(self.time, G, fab, place.generator("retention loss"), temperature)
