"""JART VCM v1b with variability from device to device and from cycle to cycle."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from ...core.draws import Seed, seed_sequence
from ...core.errors import ParameterError
from ...core.validation import Array
from ..parameters import Named, State, parameter
from .jart import _EPS0, JartVcmV1b, disc_resistance, hopping, schottky, series_resistance

__all__ = ["JartVcmV1bVariable"]

_DRAWN = ("n_min", "n_max", "radius", "l_det")
_CUT = 2.0  # standard deviations at which the normal distributions are cut off


class JartVcmV1bVariable(JartVcmV1b):
    """JART VCM v1b, variability-aware: radius and length of the disc change while it switches.

    Bengel et al., IEEE TCAS-I 67:4618 (2020), eqs 21-24: in a SET from n_old to n_max the radius
    goes from r_old to a newly drawn r_new linearly in n, in a RESET on the way to n_min; so does
    the disc's length. On that line (r_new - r) / (n_goal - n) is constant, so that here
    dr/dt = (r_new - r) / (n_goal - n) dn/dt, and the old values need not be kept: radius and
    length are states. `draw` makes devices that differ, `redraw` gives the goals of their next
    half-cycle. The paper's standard deviations are not included: give `sigma`.

    Parameters
    ----------
    radius_new, l_det_new : float
        Goals of the half-cycle, m.
    radius_min, radius_max, l_det_min, l_det_max : float
        Ranges of the two states, m.
    radius, l_det : float
        At rest, m; `radius` also is what `r_th` belongs to. All other parameters as in
        `JartVcmV1b`.

    Examples
    --------
    >>> from crossbarsim.devices import JartVcmV1bVariable
    >>> devices = JartVcmV1bVariable.draw((64, 64), sigma=0.05, seed=3)
    >>> devices.radius.shape, round(float(devices.radius.std() / devices.radius.mean()), 3)
    ((64, 64), 0.043)
    >>> cells = devices.array(shape=(64, 64))  # at rest, all in the high resistance state
    """

    name = "jart_vcm_v1b_variable"
    states: ClassVar[tuple[State, ...]] = (
        State("n", "1e26/m^3", "n_min", "n_max", rest="n_min"),
        State("temperature", "K", 200.0, 5000.0, rest="t_0"),
        State("radius", "m", "radius_min", "radius_max", rest="radius"),
        State("l_det", "m", "l_det_min", "l_det_max", rest="l_det"),
    )
    radius_new = parameter(45e-9, "m", positive=True)
    l_det_new = parameter(0.4e-9, "m", positive=True)
    radius_min = parameter(20e-9, "m", positive=True)
    radius_max = parameter(70e-9, "m", positive=True)
    l_det_min = parameter(0.1e-9, "m", positive=True)
    l_det_max = parameter(1e-9, "m", positive=True)
    sets: ClassVar[dict[str, dict[str, Any]]] = {"v1b": {}}
    sources: ClassVar[dict[str, str]] = {"v1b": "Bengel et al. 2020, Table I; no deviation"}

    @staticmethod
    def inner_law(v: float, x: Named, p: Named, y: float) -> float:
        """Return the voltage balance of barrier, disc, plug and line."""
        i = schottky(y, x.n * 1e26, x.temperature, x.radius, p.phi_bn0, p.phi_n,
                     p.eps_r * _EPS0, p.eps_phi_r * _EPS0)
        r = series_resistance(
            i, x.n * 1e26, x.radius, x.l_det, p.n_plug * 1e26, p.l_cell, p.mobility, p.r_tiox,
            p.r_0, p.alpha_line, p.r_th_line
        )
        return y + i * r - v

    @staticmethod
    def current_law(v: float, x: Named, p: Named, y: float) -> float:
        """Return the current through the barrier."""
        return schottky(y, x.n * 1e26, x.temperature, x.radius, p.phi_bn0, p.phi_n,
                        p.eps_r * _EPS0, p.eps_phi_r * _EPS0)

    @staticmethod
    def rate_law(
        v: float, x: Named, p: Named, i: float, y: float
    ) -> tuple[float, ...]:
        """Return the rates of vacancies, temperature, radius and length of the disc."""
        n = x.n * 1e26
        disc = i * disc_resistance(n, x.l_det, x.radius, p.mobility)
        whole = y + disc + i * disc_resistance(
            p.n_plug * 1e26, p.l_cell - x.l_det, x.radius, p.mobility
        )
        r_th = p.r_th * p.radius * p.radius / (x.radius * x.radius)
        if v < 0.0:
            field = disc / x.l_det
            limit = 1.0 - (x.n / p.n_max) ** 10.0
            left = max(p.n_max - x.n, 1e-6 * p.n_max)
        else:
            field = whole / p.l_cell
            limit = 1.0 - (p.n_min / x.n) ** 10.0
            r_th = r_th * p.r_th_scaling
            left = -max(x.n - p.n_min, 1e-6 * p.n_min)
        drift = -limit * hopping(
            field, n, p.n_plug * 1e26, x.temperature, p.a, p.nu_0, p.dw_a
        ) / x.l_det * 1e-26
        heat = (p.t_0 + i * whole * r_th - x.temperature) / p.tau_th
        return (
            drift, heat, (p.radius_new - x.radius) / left * drift,
            (p.l_det_new - x.l_det) / left * drift,
        )

    @classmethod
    def draw(
        cls, shape: tuple[int, ...], *, sigma: float = 0.05, seed: Seed = 0, **parameters: ArrayLike
    ) -> Self:
        """Draw devices that differ in n_min, n_max, radius and l_det.

        Normal with the relative standard deviation `sigma`, cut off at two of them.

        Parameters
        ----------
        shape : int or (int, ...)
            Of the devices, such as the (M, N) of an array.
        sigma : float
            Relative standard deviation, 0 <= sigma < 0.4.
        seed : int >= 0, SeedSequence or None
        **parameters
            Of the mean device.

        Raises
        ------
        ParameterError
        """
        given: dict[str, Any] = dict(parameters)
        mean = cls(**given)
        rng = np.random.Generator(np.random.Philox(seed_sequence(seed)))
        drawn = {name: getattr(mean, name) * _spread(rng, sigma, shape) for name in _DRAWN}
        goals = {"radius_new": drawn["radius"], "l_det_new": drawn["l_det"]}
        return mean.replace(**drawn, **goals)

    def redraw(self, *, sigma: float = 0.05, seed: Seed = 0) -> Self:
        """Return the same devices in their next half-cycle, with new goals around their own values.

        `sigma` and `seed` as for `draw`.
        """
        rng = np.random.Generator(np.random.Philox(seed_sequence(seed)))
        shape = self.parameter_array.shape[1:]
        return self.replace(
            radius_new=self.radius * _spread(rng, sigma, shape),
            l_det_new=self.l_det * _spread(rng, sigma, shape),
        )


def _spread(rng: np.random.Generator, sigma: float, shape: Any) -> Array:
    if not (np.isfinite(sigma) and 0 <= sigma < 0.4):
        raise ParameterError(f"`sigma` must be between 0 and 0.4, relative; got {sigma!r}")
    z = rng.standard_normal(shape)
    while True:
        bad = np.abs(z) > _CUT
        if not np.any(bad):
            return np.asarray(1.0 + sigma * z)
        z = np.where(bad, rng.standard_normal(shape), z)
