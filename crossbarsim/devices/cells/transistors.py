"""Access transistors of 1T1R cells: n-channel, body at ground."""

from __future__ import annotations

import math
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from ...core.errors import ParameterError
from ...core.validation import Array, finite_array
from ..laws.compilation import build
from ..laws.differentiate import Source, differentiate
from ..parameters import Parameter, closest, parameter, read_values

__all__ = ["EKV", "Level1", "Transistor"]

# Threshold (V), mobility (m^2/Vs), oxide (m), body factor (V^0.5) of public predictive cards.
_CARDS = MappingProxyType({
    "ptm_180nm": (0.3999, 0.035, 4.0e-9, 0.5, 180e-9),
    "ptm_130nm": (0.3782, 0.05928, 2.25e-9, 0.4, 130e-9),
    "ptm_65nm": (0.429, 0.04861, 1.85e-9, 0.497, 65e-9),
    "ptm_45nm": (0.3423, 0.02947, 0.9e-9, 0.2, 45e-9),
})
_CHECKED = MappingProxyType({
    "ptm_180nm": "VTH0 and TOX checked against a copy of the card",
    "ptm_130nm": "checked against a copy of the card of 2006",
    "ptm_65nm": "checked against a copy of the card",
    "ptm_45nm": "metal gate and high-k; not checked against the card",
})
_SOURCES = {
    name: f"Predictive Technology Model, {name[4:]} NMOS card: VTH0, U0, TOX, K1; {checked}"
    for name, checked in _CHECKED.items()
}
_EPS_OX = 3.9 * 8.8541878128e-12
_FACTOR = MappingProxyType({
    name: card[1] * _EPS_OX / card[2] for name, card in _CARDS.items()
})


class Transistor:
    """A transistor: drain current from a law of drain, source and gate voltage.

    A model declares parameters and writes ``current_law(vd, vs, vg, p)``, ampere into the drain,
    voltages against the body, as a function of scalars, like a `Device`.
    """

    name: ClassVar[str] = ""
    sets: ClassVar[Any] = MappingProxyType({})
    sources: ClassVar[Any] = MappingProxyType({})
    _declared: ClassVar[dict[str, Parameter]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = {n: v for n, v in vars(cls).items() if isinstance(v, Parameter)}
        cls._declared = {**cls._declared, **own}

    def __init__(self, **parameters: Any) -> None:
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
    def preset(cls, name: str, **changes: Any) -> Any:
        """Return the transistor of a public card, with `changes`, such as its ``width``."""
        if name not in cls.sets:
            raise ParameterError(f"{cls.__name__} has no preset {name!r}{closest(name, cls.sets)}")
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
        """Return every parameter's value."""
        return {name: getattr(self, name) for name in self._declared}

    @property
    def parameter_array(self) -> Array:
        """Parameters, (K,) or (K, *shape)."""
        values = list(self._values.values())
        shape = np.broadcast_shapes(*(v.shape for v in values), ())
        return np.array([np.broadcast_to(v, shape) for v in values]).reshape(len(values), *shape)

    def current(self, vd: Any, vs: Any, vg: Any) -> Array:
        """Return the drain current, ampere, for voltages against the body, volt."""
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


def softplus(z: float) -> float:
    """Return ln(1 + e^z)."""
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))


class EKV(Transistor):
    """EKV: one expression from weak to strong inversion, symmetric in drain and source.

    Enz, Krummenacher and Vittoz, Analog Integr. Circuits Signal Process. 8:83 (1995):
    I = i_s [ln^2(1 + e^((v_p - v_s) / 2 u_t)) - ln^2(1 + e^((v_p - v_d) / 2 u_t))],
    v_p = kappa (v_g - v_t0), i_s = 2 k_p (w / l) u_t^2 / kappa.

    Parameters
    ----------
    v_t0 : float
        Threshold, volt.
    k_p : float
        Mobility times oxide capacitance, A/V^2.
    width, length : float
        m.
    kappa : float
        1 over the slope factor.
    u_t : float
        Thermal voltage, volt.
    """

    name = "ekv"
    v_t0 = parameter(0.45, "V")
    k_p = parameter(300e-6, "A/V^2", positive=True)
    width = parameter(1e-6, "m", positive=True)
    length = parameter(180e-9, "m", positive=True)
    kappa = parameter(0.7, positive=True)
    u_t = parameter(0.02585, "V", positive=True)
    sets: ClassVar[Any] = MappingProxyType({
        name: {"v_t0": card[0], "k_p": _FACTOR[name], "length": card[4], "width": 4 * card[4]}
        for name, card in _CARDS.items()
    })
    sources: ClassVar[Any] = MappingProxyType(_SOURCES)

    @staticmethod
    def current_law(vd: float, vs: float, vg: float, p: Any) -> float:
        """Forward less reverse current."""
        scale = 2.0 * p.k_p * p.width / p.length * p.u_t * p.u_t / p.kappa
        pinch = p.kappa * (vg - p.v_t0)
        forward = softplus((pinch - vs) / (2.0 * p.u_t))
        reverse = softplus((pinch - vd) / (2.0 * p.u_t))
        return scale * (forward * forward - reverse * reverse)


class Level1(Transistor):
    """SPICE level 1 (Shichman and Hodges, IEEE JSSC 3:285, 1968), with body effect.

    Drain and source change roles with the sign of v_d - v_s. Where the source is below the body,
    the body effect goes on along its tangent at 0, as in SPICE.

    Parameters
    ----------
    v_to : float
        Threshold, volt.
    k_p : float
        A/V^2.
    width, length : float
        m.
    gamma : float
        Body effect, V^0.5.
    phi : float
        Surface potential, volt.
    lambda_ : float
        Channel-length modulation, 1/V.
    """

    name = "level1"
    v_to = parameter(0.7, "V")
    k_p = parameter(6e-5, "A/V^2", positive=True)
    width = parameter(10e-6, "m", positive=True)
    length = parameter(1e-6, "m", positive=True)
    gamma = parameter(0.0, "V^0.5", low=0.0)
    phi = parameter(0.6, "V", positive=True)
    lambda_ = parameter(0.0, "1/V", low=0.0)
    sets: ClassVar[Any] = MappingProxyType({
        name: {"v_to": card[0], "k_p": _FACTOR[name], "gamma": card[3], "phi": 0.8,
               "length": card[4], "width": 4 * card[4], "lambda_": 0.1}
        for name, card in _CARDS.items()
    })
    sources: ClassVar[Any] = MappingProxyType(_SOURCES)

    @staticmethod
    def current_law(vd: float, vs: float, vg: float, p: Any) -> float:
        """Cut-off, linear, saturated."""
        source = min(vd, vs)
        vds = abs(vd - vs)
        root = math.sqrt(p.phi)
        body = max(math.sqrt(p.phi + max(source, 0.0)) + 0.5 * min(source, 0.0) / root, 0.0)
        over = vg - source - p.v_to - p.gamma * (body - root)
        flow = 0.0
        beta = p.k_p * p.width / p.length * (1.0 + p.lambda_ * vds)
        if over > 0.0:
            reach = min(vds, over)  # saturated beyond
            flow = beta * (over - 0.5 * reach) * reach
        return flow if vd > vs else -flow
