"""Circuits whose solutions are known: closed forms, and scipy's integrators at tight tolerances.

States are voltages of 1 F capacitors that behavioural sources drive (or of what a deck says).
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.integrate import solve_ivp

from crossbarsim import Solver, read_spice

WAVES = {  # volt over second: what `v(a)` is in the decks
    "up and down": ([0, 0.5, 1.5, 2], [0, 1, -1, 0]),
    "twice up": ([0, 0.5, 1, 1.5, 2], [0, 1, 0, 1, 0]),
}


@dataclass(eq=False)
class Case:
    """A circuit; `rate(t, x)` or, closed, `at(t)` gives the states, which the deck calls `names`."""

    deck: str
    stop: float
    x0: list
    rate: object = None
    at: object = None
    names: tuple = ()
    wave: str = ""
    stiff: bool = False
    _solution: list = field(default_factory=list)

    def exact(self, t):
        """Return the states at times within the run, (states, T)."""
        if self.at is not None:
            return np.atleast_2d(self.at(t))
        if not self._solution:
            corners = WAVES[self.wave][0] if self.wave else [0.0, self.stop]
            x = np.array(self.x0, float)
            for a, b in pairwise(corners):
                s = solve_ivp(
                    self.rate, (a, b), x, method="Radau" if self.stiff else "DOP853",
                    rtol=1e-9 if self.stiff else 1e-11, atol=1e-13, dense_output=True,
                )
                x = s.y[:, -1]
                self._solution.append((a, b, s.sol))
        found = np.empty((len(self.x0), len(t)))
        for a, b, sol in self._solution:
            inside = (t >= a) & (t <= b)
            if inside.any():
                found[:, inside] = sol(t[inside])
        return found

    def text(self, options):
        return f"{self.deck}\n.tran {self.stop / 50!r} {self.stop!r} uic\n.options {options}\n.end\n"

    def run(self, options):
        """Return the largest error over the states' ranges, and the result."""
        r, = Solver().run(read_spice(self.text(options)))
        return self.error(r.time, [r[n] for n in self.names]), r

    def error(self, t, values):
        exact = self.exact(np.asarray(t))
        return max(
            float(np.abs(v - e).max() / np.ptp(e)) for v, e in zip(values, exact, strict=True)
        )


def ode(rates, x0, rate, stop, wave="", stiff=False, at=None):
    lines = ["states of capacitors"]
    for k, (text, x) in enumerate(zip(rates, x0, strict=True)):
        lines += [f"b{k} 0 x{k} i={{{text}}}", f"c{k} x{k} 0 1 ic={x}"]
    if wave:
        points = " ".join(f"{t} {v}" for t, v in zip(*WAVES[wave], strict=True))
        lines.append(f"v1 a 0 pwl({points})")
    names = tuple(f"v(x{k})" for k in range(len(x0)))
    return Case("\n".join(lines), stop, x0, rate, at, names, wave, stiff)


def drive(wave, t):
    return np.interp(t, *WAVES[wave])


def _rc(t):
    w, tau = 2e3 * np.pi, 1e-3
    return (np.sin(w * t) - w * tau * np.cos(w * t) + w * tau * np.exp(-t / tau)) / (
        1 + (w * tau) ** 2)


def _rlc(t):
    # 1 nF, 1 uH, 2 ohm: v'' + (R/L) v' + v/(LC) = 0, v(0) = 1, v'(0) = 0
    d = 1e6
    w = np.sqrt(1e15 - d * d)
    return np.exp(-d * t) * (np.cos(w * t) + d / w * np.sin(w * t))


JOGLEKAR = "1e4*v(a)/(100*v(x0)+16k*(1-v(x0)))*(1-pow(2*v(x0)-1,10))"


def _joglekar(wave, gain=1.0):
    def rate(t, x):
        r = 100 * x[0] + 16e3 * (1 - x[0])
        return [gain * 1e4 * drive(wave, t) / r * (1 - (2 * x[0] - 1) ** 10)]
    return rate


SMOOTH = {
    "logistic": ode(
        ["v(x0)*(1-v(x0))"], [0.01], None, 12.0, at=lambda t: 1 / (1 + 99 * np.exp(-t))),
    "lotka_volterra": ode(
        ["v(x0)*(1-v(x1))", "v(x1)*(v(x0)-1)"], [2.0, 1.0],
        lambda _, x: [x[0] * (1 - x[1]), x[1] * (x[0] - 1)], 15.0),
    "pendulum": ode(
        ["v(x1)", "-sin(v(x0))"], [2.0, 0.0], lambda _, x: [x[1], -np.sin(x[0])], 15.0),
    "rc": Case("rc\nv1 in 0 sin(0 1 1k)\nr1 in x0 1k\nc1 x0 0 1u ic=0", 4e-3, [0.0], at=_rc,
               names=("v(x0)",)),
    "rlc": Case("rlc\nc1 x0 0 1n ic=1\nl1 x0 a 1u ic=0\nr1 a 0 2", 1e-6, [1.0], at=_rlc,
                names=("v(x0)",)),
}
STIFF = {
    "robertson": ode(
        ["-0.04*v(x0)+1e4*v(x1)*v(x2)", "0.04*v(x0)-1e4*v(x1)*v(x2)-3e7*v(x1)*v(x1)",
         "3e7*v(x1)*v(x1)"], [1.0, 0.0, 0.0],
        lambda _, x: [-0.04 * x[0] + 1e4 * x[1] * x[2],
                      0.04 * x[0] - 1e4 * x[1] * x[2] - 3e7 * x[1] ** 2, 3e7 * x[1] ** 2],
        40.0, stiff=True),
    "van_der_pol": ode(
        ["v(x1)", "5*(1-v(x0)*v(x0))*v(x1)-v(x0)"], [2.0, 0.0],
        lambda _, x: [x[1], 5 * (1 - x[0] ** 2) * x[1] - x[0]], 12.0, stiff=True),
    "flame": ode(
        ["v(x0)*v(x0)*(1-v(x0))"], [1e-2], lambda _, x: [x[0] ** 2 * (1 - x[0])], 200.0,
        stiff=True),
    "prothero_robinson": ode(
        ["-1e4*(v(x0)-cos(time))-sin(time)"], [1.5], None, 6.0, stiff=True,
        at=lambda t: np.cos(t) + 0.5 * np.exp(-1e4 * t)),
    "fitzhugh_nagumo": ode(
        ["v(x0)-v(x0)*v(x0)*v(x0)/3-v(x1)+0.5", "0.02*(v(x0)+0.7-0.8*v(x1))"], [-1.0, -0.6],
        lambda _, x: [x[0] - x[0] ** 3 / 3 - x[1] + 0.5, 0.02 * (x[0] + 0.7 - 0.8 * x[1])],
        200.0, stiff=True),
    "joglekar": ode([JOGLEKAR], [0.1], _joglekar("up and down"), 2.0, "up and down", True),
    "joglekar_to_its_bound": ode(
        [f"-1.5*{JOGLEKAR}"], [0.6], _joglekar("up and down", -1.5), 2.0, "up and down", True),
    "joglekar_twice": ode(
        [f"0.7*{JOGLEKAR}"], [0.05], _joglekar("twice up", 0.7), 2.0, "twice up", True),
    "sinh_of_the_voltage": ode(
        ["1e-3*sinh(10*v(a))*(1-v(x0))*v(x0)"], [0.2],
        lambda t, x: [1e-3 * np.sinh(10 * drive("up and down", t)) * (1 - x[0]) * x[0]], 2.0,
        "up and down", True),
    "two_time_constants": Case(
        "two\nv1 in 0 sin(0 1 1k)\nr1 in x0 1k\nc1 x0 0 1u ic=0\nr2 x0 x1 1\nc2 x1 0 10p ic=0",
        4e-3, [0.0, 0.0],
        lambda t, x: [((np.sin(2e3 * np.pi * t) - x[0]) / 1e3 - (x[0] - x[1])) / 1e-6,
                      (x[0] - x[1]) / 1e-11], None, ("v(x0)", "v(x1)"), stiff=True),
}
