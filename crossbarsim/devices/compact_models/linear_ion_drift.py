"""Linear ion drift."""

from __future__ import annotations

from typing import Any, ClassVar

from ...core.validation import Array
from ..base import Device
from ..parameters import Named, State, parameter
from ..windows import biolek, joglekar, prodromakis, zha

__all__ = ["LinearIonDrift"]


class LinearIonDrift(Device):
    """Linear ion drift: R = r_on x + r_off (1 - x), dx/dt = mu r_on / d^2 i f(x).

    Strukov, Snider, Stewart and Williams, Nature 453:80 (2008), eqs 5-6, with thresholds below
    which nothing moves. The windows f are those of `crossbarsim.devices.windows`. x is the doped
    share of the thickness, 0..1. Positive v SETs.

    Parameters
    ----------
    r_on, r_off : float
        Ohm, fully doped and undoped.
    mu : float
        Mobility of the dopants, m^2/(V s).
    d : float
        Thickness, m.
    v_p, v_n : float
        Thresholds, volt: no drift for -v_n < v < v_p.
    window : {"none", "joglekar", "biolek", "prodromakis", "zha"}
    p, j : float
        Exponent and scale of the window.

    Examples
    --------
    >>> from crossbarsim.devices import LinearIonDrift
    >>> device = LinearIonDrift.preset("technion")
    >>> (device.current(1.0, [[0.1, 0.5, 0.9]]) * 1e6).round(2)  # uA
    array([ 5.56, 10.  , 49.78])
    >>> device.rate(1.0, [[0.1, 0.5, 0.9]]).round(3)  # per second; Joglekar's window
    array([[0.036, 0.111, 0.327]])
    """

    name = "linear_ion_drift"
    states = (State("x", rest=0.5),)
    r_on = parameter(100.0, "ohm", positive=True)
    r_off = parameter(16e3, "ohm", positive=True)
    mu = parameter(1e-14, "m^2/(V s)", positive=True)
    d = parameter(10e-9, "m", positive=True)
    v_p = parameter(0.55, "V", low=0.0)
    v_n = parameter(0.55, "V", low=0.0)
    window = parameter("none", choices=("none", "joglekar", "biolek", "prodromakis", "zha"))
    p = parameter(1.0, positive=True)
    j = parameter(1.0, positive=True)
    acts_with: ClassVar[dict[str, tuple[str, tuple[str, ...]]]] = {
        "p": ("window", ("joglekar", "biolek", "prodromakis", "zha")),
        "j": ("window", ("prodromakis", "zha")),
    }
    usually_fitted: ClassVar[tuple[str, ...]] = ("r_on", "r_off", "mu", "v_p", "v_n")
    sets: ClassVar[dict[str, dict[str, Any]]] = {
        "memtorch": {},
        "technion": {"r_off": 200e3, "d": 3e-9, "mu": 1e-15, "v_p": 0.0, "v_n": 0.0,
                     "window": "joglekar", "p": 2.0},
        "biolek": {"r_off": 1e3, "d": 16e-9, "mu": 40e-15, "v_p": 0.0, "v_n": 0.0,
                   "window": "biolek", "p": 7.0},
    }
    sources: ClassVar[dict[str, str]] = {
        "memtorch": "MemTorch's default parameters of its linear ion drift model",
        "technion": "Kvatinsky et al., Verilog-A models for memristive devices, CCIT report 2011",
        "biolek": "Biolek model in the collection of published SPICE memristor models",
    }
    showcase: ClassVar[dict[str, tuple[float, ...]]] = {
        "": (1.0, 1.0), "technion": (2.0, 0.3), "biolek": (1.0, 10.0),
    }

    def jumps(self) -> tuple[Array, ...]:
        """Return the two thresholds, volt: the rate jumps there."""
        return self.v_p, -self.v_n

    @staticmethod
    def current_law(v: float, x: Named, p: Named) -> float:
        """Ohm's law."""
        return v / (p.r_on * x.x + p.r_off * (1.0 - x.x))

    @staticmethod
    def rate_law(v: float, x: Named, p: Named, i: float) -> float:
        """Return the drift rate, 0 between the thresholds."""
        f = 1.0
        if p.window == "joglekar":
            f = joglekar(x.x, p.p)
        elif p.window == "biolek":
            f = biolek(x.x, i, p.p)
        elif p.window == "prodromakis":
            f = prodromakis(x.x, p.p, p.j)
        elif p.window == "zha":
            f = zha(x.x, i, p.p, p.j)
        if -p.v_n < v < p.v_p:
            f = 0.0
        return p.mu * p.r_on / (p.d * p.d) * i * f
