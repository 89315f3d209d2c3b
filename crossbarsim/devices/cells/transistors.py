"""Access transistors of 1T1R cells: n-channel, body at ground."""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import ParameterError
from ...core.laws.differentiate import Source, differentiate
from ...core.settings import Settings, checks_arguments, closest
from ...core.validation import Array, finite_array
from ...netlists.transistors import ekv, level1
from ...netlists.transistors.ekv import long_channel, short_channel
from ...netlists.transistors.level1 import current as level1_current
from ...netlists.transistors.temperature import REFERENCE
from ..laws.compilation import build
from ..parameters import Named, Parameter, parameter, read_values

__all__ = ["EKV", "Level1", "Transistor"]

# Fitted to what ngspice gives for the full cards of the Predictive Technology Model: channel length
# (m); EKV: threshold (V), k_p (A/V^2), kappa, theta (1/V), v_crit (V), sigma, lambda_ (1/V),
# kappa_s, tcv (V/K); level 1: threshold (V), k_p (A/V^2), gamma (V^0.5).
_CARDS = MappingProxyType({
    "ptm_180nm": (
        180e-9, (0.4015, 4.329e-4, 0.7953, 1.093, 2.130, 0.0725, 0.1417, 0.0905, 1.23e-3),
        (0.2219, 1.542e-4, 0.309),
    ),
    "ptm_130nm": (
        130e-9, (0.3357, 1.609e-3, 0.7353, 3.894, 1.775, 0.0727, 0.1026, 0.1094, 3.67e-4),
        (0.1375, 2.681e-4, 0.356),
    ),
    "ptm_65nm": (
        65e-9, (0.3729, 1.344e-3, 0.7003, 5.0, 1.730, 0.1145, 0.2018, 0.1530, 3.67e-4),
        (0.1647, 2.233e-4, 0.408),
    ),
    "ptm_45nm": (
        45e-9, (0.4123, 1.112e-3, 0.7280, 5.0, 4.181, 0.1255, 0.2905, 0.1206, 3.67e-4),
        (0.2324, 2.302e-4, 0.438),
    ),
})
_CARD_OF = MappingProxyType({
    "ptm_180nm": "180 nm (BSIM3), up to 1.8 V", "ptm_130nm": "130 nm (BSIM4, 2006), up to 1.5 V",
    "ptm_65nm": "65 nm (BSIM4, 2006), up to 1.2 V",
    "ptm_45nm": "45 nm high performance, metal gate (BSIM4, 2008), up to 1.0 V",
})
# largest and median error in strong inversion (0.15 V above the threshold), largest factor in
# moderate and weak inversion; of 180 and 45 nm at 20,000 points: source at 0 to 0.6 V, from 1 mV
# between the ends on, down to 10 pA and 1 nA at 2 um
_EKV_ERROR = MappingProxyType({
    "ptm_180nm": (7.6, 2.0, 1.5), "ptm_130nm": (6.5, 1.7, 1.25),
    "ptm_65nm": (5.9, 1.7, 1.36), "ptm_45nm": (8.5, 2.9, 1.38),
})
_LEVEL1_ERROR = MappingProxyType({
    "ptm_180nm": (14, 2.2), "ptm_130nm": (16, 1.9), "ptm_65nm": (16, 1.8), "ptm_45nm": (12, 1.6),
})
# a square law does not carry the cards' currents: its presets do not bear their names
_ROUGH = MappingProxyType({name: name.replace("ptm", "rough") for name in _CARDS})
_FIT = "fitted to the drain current of the Predictive Technology Model's NMOS card of"


class Transistor(Settings):
    """An access transistor: a law of the drain current, and its parameters.

    A model is a subclass that declares parameters and writes ``current_law(vd, vs, vg, p)``, ampere
    into the drain for voltages against the body, as a function of scalars. Its dependence on
    temperature is in `at_temperature`.

    Parameters
    ----------
    **parameters
        The model's own, each a number or an (M, N) array.

    Raises
    ------
    ParameterError
        Unknown parameters, values out of their range.

    Examples
    --------
    >>> from crossbarsim.devices import Transistor, parameter
    >>> class Switch(Transistor):
    ...     name = "switch"
    ...     g_on = parameter(1e-4, "S", positive=True)
    ...     v_t = parameter(0.4, "V")
    ...     @staticmethod
    ...     def current_law(vd, vs, vg, p):
    ...         return p.g_on * (vd - vs) if vg > p.v_t else 0.0
    >>> float(Switch(g_on=2e-4).current(0.5, 0.0, 1.8))
    0.0001
    """

    name: ClassVar[str] = ""
    sets: ClassVar[Any] = MappingProxyType({})
    sources: ClassVar[Any] = MappingProxyType({})
    _refused: ClassVar[Any] = MappingProxyType({})  # names of presets that others have, and why
    _declared: ClassVar[dict[str, Parameter]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = {n: v for n, v in vars(cls).items() if isinstance(v, Parameter)}
        cls._declared = {**cls._declared, **own}

    def __init__(self, **parameters: ArrayLike) -> None:
        self._values = read_values(type(self).__name__, self._declared, parameters)
        for name, value in self._values.items():
            self.__dict__[name] = value if value.ndim else float(value)

    def __repr__(self) -> str:
        changed = [
            f"{n}={getattr(self, n)!r}" for n, p in self._declared.items()
            if np.any(self._values[n] != p.default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    @classmethod
    def presets(cls) -> tuple[str, ...]:
        """Return the names of the parameter sets; `sources` says where each is from."""
        return tuple(cls.sets)

    @classmethod
    @checks_arguments
    def preset(cls, name: str, **changes: ArrayLike) -> Self:
        """Return the transistor of a public card, with `changes`, such as its ``width``.

        Raises
        ------
        ParameterError
            There is no such card; the message names the nearest.
        """
        if name not in cls.sets:
            why = cls._refused.get(name) or closest(name, cls.sets)
            raise ParameterError(f"{cls.__name__} has no preset {name!r}{why}")
        return cls(**{**cls.sets[name], **changes})

    @classmethod
    @lru_cache(maxsize=64)
    def law(cls) -> str:
        """Return the generated source: ``access(vd, vs, vg, p)`` with its three derivatives."""
        source = Source(prefix="m_")
        law = cls.current_law  # type: ignore[attr-defined]
        differentiate(
            law, "access", source, scalars=("vd", "vs", "vg"),
            parameters={name: k for k, name in enumerate(cls._declared)},
        )
        return source.text()

    def parameters(self) -> dict[str, Any]:
        """Return every parameter by name: a number, or an array of one number per cell."""
        return {name: getattr(self, name) for name in self._declared}

    def settings(self) -> dict[str, Any]:
        """Return the arguments that make this transistor again."""
        return self.parameters()

    @property
    def parameter_array(self) -> Array:
        """Parameters, (K,) or (K, *shape)."""
        values = list(self._values.values())
        shape = np.broadcast_shapes(*(v.shape for v in values), ())
        return np.array([np.broadcast_to(v, shape) for v in values]).reshape(len(values), *shape)

    def at_temperature(self, kelvin: ArrayLike) -> Self:
        """Return the same transistor with its parameters at `kelvin`, a number or an array.

        Raises
        ------
        ParameterError
            The model does not say what a temperature other than 300.15 K does.
        """
        if np.any(finite_array("kelvin", kelvin) != REFERENCE):
            raise ParameterError(
                f"{type(self).__name__} does not say what temperature does: define "
                "`at_temperature`, or leave it at 300.15 K"
            )
        return self

    def _scaled(self, kelvin: ArrayLike) -> Array | None:
        """Return `kelvin` as numbers; None where it is the nominal temperature throughout."""
        hot = finite_array("kelvin", kelvin)
        if np.any(hot <= 0.0):
            raise ParameterError(f"`kelvin` must be > 0; got {float(np.min(hot)):g}")
        return None if np.all(hot == self._values["t_nom"]) else hot

    def current(self, vd: ArrayLike, vs: ArrayLike, vg: ArrayLike) -> Array:
        """Return the drain current, ampere, for voltages against the body, volt.

        Drain, source and gate voltage broadcast together.

        Raises
        ------
        ParameterError
            Parameters that differ from cell to cell.
        """
        volts = np.broadcast_arrays(
            *(finite_array(n, v) for n, v in (("vd", vd), ("vs", vs), ("vg", vg)))
        )
        kernels = build(self.law(), ())
        P = self.parameter_array
        if P.ndim > 1:
            raise ParameterError("`current` needs a transistor with scalar parameters")
        found = [kernels.access(*map(float, each), P)[0]
                 for each in zip(*(v.ravel() for v in volts), strict=True)]
        return np.array(found).reshape(volts[0].shape)


class EKV(Transistor):
    """EKV: one expression from weak to strong inversion, symmetric in drain and source.

    Enz, Krummenacher and Vittoz, Analog Integr. Circuits Signal Process. 8:83 (1995):
    I = i_s [ln^2(1 + e^((v_p - v_s) / 2 u_t)) - ln^2(1 + e^((v_p - v_d) / 2 u_t))],
    v_p = kappa (v_g - v_t0), i_s = 2 k_p (w / l) u_t^2 / kappa.
    With `v_crit` the channel is short: carriers reach their velocity's limit
    (`crossbarsim.netlists.transistors.ekv.short_channel`); the presets are of this kind.

    Parameters
    ----------
    v_t0 : float
        Threshold, volt.
    k_p : float
        Mobility times oxide capacitance per area, A/V^2.
    width, length : float
        m.
    kappa : float
        1 over the slope factor.
    u_t : float
        Thermal voltage, volt.
    v_crit : float
        Critical field times length, volt; 0: a long channel, without the next four.
    theta : float
        Slowing of the carriers by the gate, series resistance included, 1/V.
    sigma : float
        How much the threshold falls per volt between drain and source.
    lambda_ : float
        Channel-length modulation, 1/V.
    kappa_s : float
        How much the pinch-off voltage rises per volt of the source.
    tcv : float
        Temperature coefficient of the threshold, V/K.
    bex : float
        Exponent of the mobility's dependence on temperature.
    t_nom : float
        Kelvin, at which all of these are given.

    Notes
    -----
    At T kelvin, as in EKV 2.6: u_t T / t_nom, v_t0 - tcv (T - t_nom) and k_p (T / t_nom)^bex; the
    critical field is a velocity over the mobility: v_crit (T / t_nom)^-bex.

    Examples
    --------
    >>> from crossbarsim import EKV
    >>> cold, hot = EKV(), EKV().at_temperature(400.0)
    >>> round(float(hot.current(1.0, 0.0, 1.5) / cold.current(1.0, 0.0, 1.5)), 2)
    0.65
    >>> round(float(hot.current(1.0, 0.0, 0.1) / cold.current(1.0, 0.0, 0.1)), 1)
    12.1
    """

    name = "ekv"
    v_t0 = parameter(0.45, "V")
    k_p = parameter(300e-6, "A/V^2", positive=True)
    width = parameter(1e-6, "m", positive=True)
    length = parameter(180e-9, "m", positive=True)
    kappa = parameter(0.7, positive=True)
    u_t = parameter(0.02585, "V", positive=True)
    v_crit = parameter(0.0, "V", low=0.0)
    theta = parameter(0.0, "1/V", low=0.0)
    sigma = parameter(0.0, low=0.0)
    lambda_ = parameter(0.0, "1/V", low=0.0)
    kappa_s = parameter(0.0, low=0.0)
    tcv = parameter(0.0, "V/K")
    bex = parameter(-1.5)
    t_nom = parameter(REFERENCE, "K", positive=True)
    sets: ClassVar[Any] = MappingProxyType({
        name: {
            "length": length, "width": 4 * length,
            **dict(zip(("v_t0", "k_p", "kappa", "theta", "v_crit", "sigma", "lambda_", "kappa_s",
                        "tcv"), fitted, strict=True)),
        }
        for name, (length, fitted, _) in _CARDS.items()
    })
    sources: ClassVar[Any] = MappingProxyType({
        name: f"{_FIT} {_CARD_OF[name]} and source at 0 to 0.6 V: strong inversion within "
              f"{error[0]} % (median {error[1]} %), moderate and weak within a factor {error[2]}"
        for name, error in _EKV_ERROR.items()
    })

    @staticmethod
    def current_law(vd: float, vs: float, vg: float, p: Named) -> float:
        """Forward less reverse current."""
        beta = p.k_p * p.width / p.length
        if p.v_crit > 0.0:
            return short_channel(
                vg, vd, vs, p.v_t0, p.kappa, beta, p.u_t, p.theta, p.v_crit, p.sigma, p.lambda_,
                p.kappa_s,
            )
        return long_channel(vg, vd, vs, p.v_t0, p.kappa, beta, p.u_t)

    def at_temperature(self, kelvin: ArrayLike) -> Self:
        """Return the same transistor with its parameters at `kelvin`, which is its `t_nom` then."""
        hot = self._scaled(kelvin)
        if hot is None:
            return self
        p = self._values
        _, _, threshold, factor = ekv.at_temperature(
            p["v_t0"], np.array(1.0), p["t_nom"], hot, p["tcv"], p["bex"]
        )
        return type(self)(**{
            **p, "v_t0": threshold, "k_p": p["k_p"] * factor, "u_t": p["u_t"] * hot / p["t_nom"],
            "v_crit": p["v_crit"] / factor, "t_nom": hot,
        })


class Level1(Transistor):
    """SPICE level 1 (Shichman and Hodges, IEEE JSSC 3:285, 1968), with body effect.

    Drain and source change roles with the sign of v_d - v_s. Where the source is below the body,
    the body effect goes on along its tangent at 0, as in SPICE. The presets are up to a factor 2.2
    off the cards that they were fitted to (see `sources`), hence ``rough_``: those of `EKV` carry
    the cards' currents.

    Parameters
    ----------
    v_to : float
        Threshold, volt.
    k_p : float
        Mobility times oxide capacitance per area, A/V^2.
    width, length : float
        m.
    gamma : float
        Body effect, V^0.5.
    phi : float
        Surface potential, volt.
    lambda_ : float
        Channel-length modulation, 1/V.
    t_nom : float
        Kelvin, at which all of these are given.

    Notes
    -----
    At T kelvin, as in SPICE3: k_p falls as (T / t_nom)^-1.5, phi shifts like the potential of a
    silicon junction, v_to by half of what gap and phi change by, and by gamma times the change of
    the root of phi.

    Examples
    --------
    >>> from crossbarsim import Level1
    >>> hot = Level1(v_to=0.7, gamma=0.5).at_temperature(400.0)
    >>> round(hot.v_to, 3), round(hot.phi, 3), round(hot.k_p / 6e-5, 3)
    (0.516, 0.369, 0.65)
    """

    name = "level1"
    v_to = parameter(0.7, "V")
    k_p = parameter(6e-5, "A/V^2", positive=True)
    width = parameter(10e-6, "m", positive=True)
    length = parameter(1e-6, "m", positive=True)
    gamma = parameter(0.0, "V^0.5", low=0.0)
    phi = parameter(0.6, "V", positive=True)
    lambda_ = parameter(0.0, "1/V", low=0.0)
    t_nom = parameter(REFERENCE, "K", positive=True)
    sets: ClassVar[Any] = MappingProxyType({
        _ROUGH[name]: {"v_to": fitted[0], "k_p": fitted[1], "gamma": fitted[2], "phi": 0.8,
                       "length": length, "width": 4 * length}
        for name, (length, _, fitted) in _CARDS.items()
    })
    sources: ClassVar[Any] = MappingProxyType({
        _ROUGH[name]: f"{_FIT} {_CARD_OF[name]}, from 0.55 V between gate and source: median error "
              f"{error[0]} %, largest a factor {error[1]}; a square law has no more"
        for name, error in _LEVEL1_ERROR.items()
    })
    _refused: ClassVar[Any] = MappingProxyType({
        name: f": a square law is up to a factor {error[1]} off that card's current; take "
              f"{_ROUGH[name]!r} if that will do, or EKV.preset({name!r})"
        for name, error in _LEVEL1_ERROR.items()
    })

    @staticmethod
    def current_law(vd: float, vs: float, vg: float, p: Named) -> float:
        """Cut-off, linear, saturated."""
        drain = vd
        source = vs
        sign = 1.0
        if vd < vs:
            drain = vs
            source = vd
            sign = -1.0
        return sign * level1_current(
            vg - source, drain - source, -source, p.v_to, p.gamma, p.phi,
            p.k_p * p.width / p.length, p.lambda_,
        )

    def at_temperature(self, kelvin: ArrayLike) -> Self:
        """Return the same transistor with its parameters at `kelvin`, which is its `t_nom` then.

        Raises
        ------
        ParameterError
            No surface potential is left: so hot, the channel inverts by itself.
        """
        hot = self._scaled(kelvin)
        if hot is None:
            return self
        p = self._values
        phi, _, threshold, factor = level1.at_temperature(
            p["v_to"], p["gamma"], p["phi"], p["t_nom"], hot
        )
        if np.any(phi <= 0.0):
            raise ParameterError(
                f"Level1: at {float(np.max(hot)):g} K no surface potential `phi` is left"
            )
        return type(self)(**{
            **p, "v_to": threshold, "phi": phi, "k_p": p["k_p"] * factor, "t_nom": hot,
        })
