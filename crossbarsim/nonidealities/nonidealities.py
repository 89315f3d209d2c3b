"""The non-idealities of a chip, in the order in which physics applies them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Self

from ..core.array_api import Values, like
from ..core.draws import Place
from ..core.errors import ParameterError
from ..core.settings import Settings, checks_arguments
from ..core.validation import count, number
from ..netlists.crossbar.crossbar import Wires
from .fabricate import PARAMETERS, Fabricated, fabricate
from .faults.faults import Faults
from .protocols import AgeingEffect, CellLaw, NoiseLaw, WriteEffect
from .published import CHIPS, published_chip
from .temperature import Conduction, Metal
from .variability.variability import Keyed, Variability, as_variabilities, keyed
from .writing.finite_states import ConductanceStates

__all__ = ["NonIdealities"]

# wear comes from the cycles before the last programming, then time passes, then it is read
_AGEING = ("endurance", "drift", "retention", "disturb")
_KINDS: dict[str, Any] = {
    "faults": Faults, "states": ConductanceStates, "write": WriteEffect,
    **dict.fromkeys(_AGEING, AgeingEffect), "conduction": Conduction, "metal": Metal,
    "noise": NoiseLaw, "iv": CellLaw,
}


@dataclass(frozen=True, kw_only=True)
class NonIdealities(Settings):
    """The non-idealities of a chip; those not given are off.

    Effects act in the order of physics, in whatever order they are given: devices are fabricated
    (`variability`, `faults`), programmed (`states`, then `write`), age (`endurance`, `drift`,
    `retention`, `disturb`) and are read (`conduction`, `noise`, `iv`, at `temperature`). Faulty
    cells stay as they are throughout. The same seed of a `Place` gives the same chip, whatever the
    order of the arrays and the number of threads.

    Parameters
    ----------
    variability : Variability, or several
        Of "r_on", "r_off", "g_on", "g_off". Cells with R_on >= R_off are drawn again.
    faults : Faults, optional
    states : ConductanceStates, optional
    write : WriteNoise, PulseWrite or MeasuredWrite, optional
    cycle : int
        Number of this programming of the chip: another one gives other errors of writing.
    endurance : Endurance, optional
    drift : ConductanceDrift or LogarithmicDrift, optional
    retention : Retention or RetentionLoss, optional
    disturb : ReadDisturb or DeviceDisturb, optional
    conduction : Conduction, optional
        Of the cells against temperature.
    metal : Metal
        Of the wires against temperature; default copper.
    noise : ReadNoise, optional
        Of reads, or another `NoiseLaw`.
    iv : SinhIV, PolynomialIV, TableIV or DeviceIV, optional
        Of the cells, or another `CellLaw`; default: ohmic.
    temperature : float
        Kelvin, > 0, default 300: of wires (by `metal`), cells (by `conduction`), ageing and noise.
        Compact models in `write`, `disturb` and `iv`, and amplifiers, have their own.
    given_at : float
        Kelvin at which the resistances of wires and the conductances of cells hold, default 300.

    Raises
    ------
    ParameterError
        A value of another type than its field takes.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.core.draws import Place
    >>> from crossbarsim.nonidealities import Faults, LogNormal, NonIdealities, Variability
    >>> effects = NonIdealities(
    ...     variability=Variability("r_off", LogNormal(0.3)), faults=Faults(stuck_on=0.01),
    ... )
    >>> level = np.full((128, 64), 0.5)
    >>> G = effects.chip(level, Place(seed=7, layer="fc"), g_on=1e-4, g_off=1e-6)
    >>> G.shape, int((G == 1e-4).sum())
    ((128, 64), 73)
    """

    variability: Variability | Iterable[Variability] = ()
    faults: Faults | None = None
    states: ConductanceStates | None = None
    write: WriteEffect | None = None
    cycle: int = 0
    endurance: AgeingEffect | None = None
    drift: AgeingEffect | None = None
    retention: AgeingEffect | None = None
    disturb: AgeingEffect | None = None
    conduction: Conduction | None = None
    metal: Metal = field(default_factory=Metal)
    noise: NoiseLaw | None = None
    iv: CellLaw | None = None
    temperature: float = 300.0
    given_at: float = 300.0

    def __post_init__(self) -> None:
        given = as_variabilities(self.variability)
        order = keyed(given, PARAMETERS, "a cell of a network")
        # kept in canonical order: the order in which they are given means nothing
        object.__setattr__(self, "variability", tuple(one for _, one in order))
        for name, kind in _KINDS.items():
            value = getattr(self, name)
            fits = isinstance(value, kind) and not isinstance(value, type)
            if not (fits or (value is None and name != "metal")):
                raise ParameterError(
                    f"`{name}` must be {kind.__name__}{'' if name == 'metal' else ' or None'}; "
                    f"got {value!r:.60}"
                )
        count("cycle", self.cycle, low=0)
        for name in ("temperature", "given_at"):
            number(name, getattr(self, name), low=0.0, open_low=True, unit="kelvin")

    # -- published chips -----------------------------------------------------------------------

    @classmethod
    def presets(cls) -> tuple[str, ...]:
        """Return the names of published technologies; `source` says where each is from."""
        return tuple(CHIPS)

    @staticmethod
    def source(name: str) -> str:
        """Return what was measured for a preset, and who published it."""
        return published_chip(name).source

    @classmethod
    @checks_arguments
    def preset(
        cls, name: str, time: float | None = None, *, g_max: float | None = None, **changes: Any
    ) -> Self:
        """Return the errors of writing, the drift and the noise of a published technology.

        `CrossbarConfig.preset` gives its conductances and arrays, too.

        Parameters
        ----------
        name : str
            One of `presets`.
        time : float, optional
            Second since programming; default: the first at which states were measured.
        g_max : float, optional
            Siemens of the largest state; default: as published. What was measured is taken in
            proportion to it.
        **changes
            Other fields.

        Raises
        ------
        ParameterError
            There is no such preset, or no measurement at that time.

        Examples
        --------
        >>> from crossbarsim.nonidealities import NonIdealities
        >>> effects = NonIdealities.preset("pcm_nandakumar_2019", time=86400.0)
        >>> effects.drift.t_0, effects.write.g_max
        (20.0, 2.5e-05)
        """
        return cls(**{**published_chip(name).at(time, g_max), **changes})

    # -- composing -----------------------------------------------------------------------------

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed, checked again."""
        self._check_names(changes)
        return replace(self, **changes)

    def without(self, *names: str) -> Self:
        """Return a copy without the effects of these names (fields at their defaults)."""
        self._check_names(names)
        defaults: dict[str, Any] = {
            f.name: f.default if f.default_factory is MISSING else f.default_factory()
            for f in fields(self)
        }
        return replace(self, **{name: defaults[name] for name in names})

    def _check_names(self, names: Any) -> None:
        known = [f.name for f in fields(self)]
        unknown = sorted(set(names) - set(known))
        if unknown:
            raise ParameterError(
                f"NonIdealities has no field {unknown}; there are {', '.join(known)}"
            )

    # -- which effects there are -------------------------------------------------------------------

    @property
    def fabricates(self) -> bool:
        """Whether cells vary or may be faulty."""
        return bool(self.variability) or (self.faults is not None and self.faults.any)

    @property
    def programs(self) -> bool:
        """Whether programmed conductances differ from their targets."""
        return self.states is not None or self.write is not None

    @property
    def ages(self) -> bool:
        """Whether conductances change after programming, with time, use or temperature."""
        return self._heated or any(getattr(self, name) is not None for name in _AGEING)

    @property
    def reads(self) -> bool:
        """Whether reads are noisy, or cells not ohmic."""
        return self.noise is not None or self.iv is not None

    @property
    def _heated(self) -> bool:
        return self.conduction is not None and self.temperature != self.given_at

    @cached_property
    def _variations(self) -> Keyed:
        return keyed(as_variabilities(self.variability), PARAMETERS, "a cell of a network")

    # -- a physical array ----------------------------------------------------------------------

    def fabricate(
        self, place: Place, shape: tuple[int, int], g_on: float, g_off: float
    ) -> Fabricated:
        """Return an array as fabricated.

        Parameters
        ----------
        place : Place
        shape : (int, int)
            Rows and columns of the physical array.
        g_on, g_off : float
            Siemens, g_on > g_off >= 0, nominal.

        Returns
        -------
        Fabricated
            The same for the same place, always.

        Raises
        ------
        ParameterError
            Cells that even after 100 draws have R_on >= R_off.
        """
        number("g_off", g_off, low=0.0, unit="siemens")
        number("g_on", g_on, low=float(g_off), open_low=True, unit="siemens")
        return fabricate(
            place, (int(shape[0]), int(shape[1])), float(g_on), float(g_off), self._variations,
            self.faults,
        )

    def program(
        self, level: Values, fab: Fabricated, place: Place, cycle: int | None = None
    ) -> Values:
        """Return conductances after programming, (M, N) siemens.

        Parameters
        ----------
        level : (M, N) array or tensor
            0 (g_off) to 1 (g_on); for a tensor the result is one, differentiable in `level`.
        fab : Fabricated
        place : Place
        cycle : int, optional
            Instead of the field `cycle`.

        Raises
        ------
        ParameterError
            `level` has another shape than the array.
        """
        if tuple(level.shape) != fab.shape:
            raise ParameterError(f"`level` must have shape {fab.shape}; got {tuple(level.shape)}")
        times = self.cycle if cycle is None else count("cycle", cycle, low=0)
        on, off = like(fab.g_on, level), like(fab.g_off, level)
        G = off + level * (on - off)
        if self.states is not None:
            G = self.states.apply(G, fab)
        if self.write is not None:
            G = self.write.written(G, fab, place, times)
        return fab.with_faults(G)

    def age(self, G: Values, fab: Fabricated, place: Place) -> Values:
        """Return conductances (M, N) siemens when they are read, of those programmed, `G`."""
        for name in _AGEING:
            effect = getattr(self, name)
            if effect is not None:
                G = effect.aged(G, fab, place, self.temperature)
        G = fab.with_faults(G)
        if self._heated and self.conduction is not None:
            G = self.conduction.at(G, fab, self.temperature, self.given_at)
        return G

    def chip(self, level: Values, place: Place, g_on: float, g_off: float) -> Values:
        """Fabricate, program and age one array.

        Parameters
        ----------
        level : (M, N) array or tensor
            0 (g_off) to 1 (g_on).
        place : Place
        g_on, g_off : float
            Siemens, g_on > g_off >= 0, nominal.

        Returns
        -------
        (M, N) array or tensor
            Conductances, siemens.
        """
        shape = (int(level.shape[0]), int(level.shape[1]))
        fab = self.fabricate(place, shape, g_on, g_off)
        return self.age(self.program(level, fab, place), fab, place)

    def wires(self, wires: Wires) -> Wires:
        """Return the wires at the chip's temperature; `wires` hold at `given_at`.

        The segments of word and bit lines change, drivers and amplifiers do not.
        """
        return self.metal.wires(wires, self.temperature, self.given_at)
