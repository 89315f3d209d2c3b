"""What one pulse does to a conductance, as a table: measured, or one of the field's laws."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import ParameterError
from ...core.settings import Settings, checks_arguments
from ...core.validation import Array, count, finite_array, number
from ...core.views.brief import brief_repr
from .measured import Column, fitted_tables, read_runs, runs_of_arrays

__all__ = ["PulseResponse"]


@dataclass(frozen=True, eq=False)
class PulseResponse(Settings):
    """A device known by what its pulses do: the change of conductance against conductance.

    Potentiating pulses (LTP, SET) raise the conductance by `up`, depressing ones (LTD, RESET)
    lower it by `down`, each at the conductance before the pulse, linear between the points of the
    table, with a normal spread from pulse to pulse; conductances stay in the range of the table.
    Such tables drive the training studies of CrossSim (Agarwal et al., IJCNN 2016,
    doi:10.1109/IJCNN.2016.7727298); `neurosim` and `linear_step` make them of closed forms. A
    table says nothing of other voltages: `InSituConfig(writes="wires")` needs a compact model.

    Parameters
    ----------
    conductance : (K,) or (D, K) array, siemens
        Increasing, K >= 2; a row for each of D measured devices. Every cell of an array is one of
        them, drawn by the seed.
    up, down : (K,) or (D, K) array, siemens
        Mean change by one pulse, >= 0 and <= 0.
    up_sigma, down_sigma : float, (K,) or (D, K) array, siemens
        Standard deviation from pulse to pulse (cycle to cycle).
    step_spread : float
        From cell to cell: log-normal factor of all of a cell's steps, its relative standard
        deviation (AIHWKit's ``dw_min_dtod``).
    asymmetry_spread : float
        From cell to cell: steps up times 1 + b, steps down times 1 - b, b normal of this standard
        deviation, cut at 0.9 (AIHWKit's ``up_down_dtod``).
    bounds_spread : float
        From cell to cell: standard deviation of both ends of the range, over its width; steps stay
        and move with the position in the range (AIHWKit's ``w_max_dtod``, ``w_min_dtod``).
    read_voltage : float
        Volt, at which the conductances were read.

    Raises
    ------
    ParameterError
        Shapes that do not fit, conductances that do not increase, steps of the wrong sign.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nn.train import PulseResponse
    >>> device = PulseResponse([1e-6, 1e-5], up=[2e-7, 0.0], down=[0.0, -4e-7])
    >>> np.round(device.trace(ups=2, downs=1, start=1e-6) * 1e6, 3).tolist()
    [1.0, 1.2, 1.396, 1.378]
    """

    conductance: ArrayLike
    up: ArrayLike
    down: ArrayLike
    up_sigma: ArrayLike = 0.0
    down_sigma: ArrayLike = 0.0
    step_spread: float = 0.0
    asymmetry_spread: float = 0.0
    bounds_spread: float = 0.0
    read_voltage: float = 0.1

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        g = np.atleast_2d(finite_array("conductance", self.conductance))
        if g.ndim != 2 or g.shape[1] < 2 or not g.size:
            raise ParameterError(
                f"`conductance` must have shape (K,) or (D, K), K >= 2; got {g.shape}"
            )
        if not (np.all(g >= 0.0) and np.all(np.diff(g, axis=1) > 0.0)):
            raise ParameterError("`conductance` must be >= 0 S and increase along each device")
        self._keep("conductance", g)
        for name, sign in (("up", 1), ("down", -1)):
            steps = self._table(name, g.shape)
            if np.any(sign * steps < 0.0) or not np.any(steps, axis=1).all():
                raise ParameterError(
                    f"`{name}` must be {'>=' if sign > 0 else '<='} 0 S, and not 0 everywhere"
                )
            if np.any(self._table(f"{name}_sigma", g.shape) < 0.0):
                raise ParameterError(f"`{name}_sigma` must be >= 0 S")
        for name in ("step_spread", "asymmetry_spread", "bounds_spread"):
            number(name, getattr(self, name), low=0.0)
        if number("read_voltage", self.read_voltage) == 0.0:
            raise ParameterError("`read_voltage` must not be 0 V")

    def _table(self, name: str, shape: tuple[int, ...]) -> Array:
        values = finite_array(name, getattr(self, name))
        try:
            table = np.broadcast_to(values, shape)
        except ValueError:
            raise ParameterError(
                f"`{name}` must have the conductances' shape, {shape}, or one that broadcasts to "
                f"it; got {values.shape}"
            ) from None
        self._keep(name, table)
        return table

    def _keep(self, name: str, values: Array) -> None:
        own = np.array(values)
        own.setflags(write=False)
        object.__setattr__(self, name, own)

    # -- ways to make one ----------------------------------------------------------------------

    @classmethod
    @checks_arguments
    def from_csv(
        cls, path: str | Path, *, conductance: Column = None, pulse: Column = None,
        direction: Column = None, device: Column = None, cycle: Column = None,
        up_pulses: int | None = None, form: Literal["table", "exponential"] = "table",
        points: int = 16, decimal: str = "auto", **options: Any,
    ) -> Self:
        r"""Read measured potentiation and depression, the conductance after every pulse.

        A line per pulse: its number, the conductance (a unit in the header, else siemens), perhaps
        columns for the device, the cycle, and the direction ("LTP"/"LTD", "up"/"down",
        "SET"/"RESET", or a number such as the pulse's voltage, by its sign). Or two columns of
        conductances whose names say potentiation and depression. Lines above the table, separators
        and decimal commas as `crossbarsim.devices.read_sweeps`.

        Parameters
        ----------
        path : path
        conductance, pulse, direction, device, cycle : str or int, optional
            Columns: the header, or the place from 0. Default: found by name.
        up_pulses : int, optional
            How many of the lines of every cycle follow potentiating pulses, the others depressing
            ones; where no column says so.
        form, points
            As in `from_pulses`.
        decimal : {"auto", ".", ","}
        **options
            `step_spread`, `read_voltage` and the like.

        Raises
        ------
        NetlistError
            Names the file and the line: no table, a number that is none.
        ParameterError
            Columns that are not found, no direction, too few pulses.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> from crossbarsim.nn.train import PulseResponse
        >>> text = "pulse,LTP (uS),LTD (uS)\n0,1,9\n1,4,5\n2,6,3\n3,8,2\n4,9,1\n"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "cell.csv")
        ...     size = file.write_text(text, encoding="utf-8")
        ...     device = PulseResponse.from_csv(file, points=4)
        >>> low, high = device.conductance_range()
        >>> f"{low[0]:.1e} to {high[0]:.1e}"
        '1.0e-06 to 9.0e-06'
        """
        runs = read_runs(
            Path(path), up_pulses=up_pulses, decimal=decimal, wanted={
                "conductance": conductance, "pulse": pulse, "direction": direction,
                "device": device, "cycle": cycle,
            },
        )
        return cls(**fitted_tables(runs, form, count("points", points, low=2)), **options)

    @classmethod
    @checks_arguments
    def from_pulses(
        cls, up: ArrayLike, down: ArrayLike, *, form: Literal["table", "exponential"] = "table",
        points: int = 16, **options: Any,
    ) -> Self:
        """Fit measured conductances, one before the first pulse and one after every pulse.

        The mean change is taken over bins of conductance (of the smoothed run, so that noise of
        the reading does not pull towards the mean). Successive changes of a noisy reading are
        anticorrelated, those of noisy pulses are not: the covariance of neighbours tells the two
        apart, and only the pulses' part becomes the spread from pulse to pulse.

        Parameters
        ----------
        up, down : (P + 1,), (C, P + 1) or (D, C, P + 1) array, siemens
            Runs of potentiating and of depressing pulses, in C cycles, of D devices.
        form : {"table", "exponential"}
            "table": as measured. "exponential": least squares of NeuroSim's law, see `neurosim`.
        points : int
            Of the table.
        **options
            `step_spread`, `read_voltage` and the like.

        Raises
        ------
        ParameterError
            Fewer than three pulses, or runs that do not rise or fall.

        Examples
        --------
        >>> import numpy as np
        >>> from crossbarsim.nn.train import PulseResponse
        >>> rise = 1e-5 - 9e-6 * np.exp(-np.arange(51) / 20)
        >>> device = PulseResponse.from_pulses(rise, rise[::-1], form="exponential")
        >>> step = device.steps(5e-6)[0]
        >>> bool(np.isclose(step, (1e-5 - 5e-6) * (1 - np.exp(-1 / 20)), rtol=1e-5))
        True
        """
        runs = runs_of_arrays(finite_array("up", up), finite_array("down", down))
        return cls(**fitted_tables(runs, form, count("points", points, low=2)), **options)

    @classmethod
    @checks_arguments
    def neurosim(
        cls, g_min: float, g_max: float, pulses: int, a_up: float, a_down: float, *,
        cycle_spread: float = 0.0, **options: Any,
    ) -> Self:
        """Return the device of NeuroSim's behavioural law.

        Chen, Peng and Yu, IEDM 2017 (doi:10.1109/IEDM.2017.8268337), eq. 1 to 3: with P of
        `pulses` pulses, G = B (1 - exp(-P / A)) + g_min when potentiated, G = -B (1 - exp((P -
        pulses) / A)) + g_max when depressed, B = (g_max - g_min) / (1 - exp(-pulses / A)); in
        terms of the conductance both steps are linear. Negative A bend the other way; infinite A
        are linear.

        Parameters
        ----------
        g_min, g_max : float, siemens
        pulses : int
            From one end to the other.
        a_up, a_down : float
            A of potentiation and depression, over `pulses` (NeuroSim's table of nonlinearity
            labels gives them so).
        cycle_spread : float
            Standard deviation of a pulse over the range.
        **options
            `step_spread`, `read_voltage` and the like.

        Examples
        --------
        >>> from crossbarsim.nn.train import PulseResponse
        >>> device = PulseResponse.neurosim(1e-6, 1e-5, 64, a_up=0.2, a_down=0.5)
        >>> float(round(device.trace(ups=64, downs=0, start=1e-6)[-1], 12))
        1e-05
        """
        _check_range(g_min, g_max)
        count("pulses", pulses)
        span = g_max - g_min
        tables: dict[str, Any] = {}
        for name, given in (("up", a_up), ("down", a_down)):
            a = number(f"a_{name}", given, infinite=True)
            if a == 0.0:
                raise ParameterError(f"`a_{name}` must not be 0")
            width = a * pulses
            # to the bound that the exponential runs into, and the share of the way in one pulse
            reach = np.inf if np.isinf(a) else span / -np.expm1(-pulses / width)
            share = -np.expm1(-1.0 / width)
            ends = [span / pulses] * 2 if np.isinf(a) else [reach * share, (reach - span) * share]
            tables[name] = ends if name == "up" else [-ends[1], -ends[0]]
        sigma = number("cycle_spread", cycle_spread, low=0.0) * span
        return cls([g_min, g_max], up_sigma=sigma, down_sigma=sigma, **tables, **options)

    @classmethod
    @checks_arguments
    def linear_step(
        cls, g_min: float, g_max: float, step: float, *, up_down: float = 0.0,
        gamma_up: float = 1.0, gamma_down: float = 1.0, zero: float = 0.5,
        cycle_spread: float = 0.0, **options: Any,
    ) -> Self:
        """Return a device whose steps are linear in its conductance, as AIHWKit parametrises it.

        Rasch et al., AICAS 2021 (doi:10.1109/AICAS51828.2021.9458494): with w = 0 at `zero` of
        the range and the ends w_min and w_max, a step up is ``step (1 + up_down) (1 - gamma_up w /
        w_max)``, a step down ``step (1 - up_down) (1 - gamma_down w / w_min)``. Slopes of 1 are
        soft bounds (``SoftBoundsDevice``), 0 constant steps (``ConstantStepDevice``). The two
        steps are equal, the symmetry point, at `zero` when `up_down` is 0.

        Parameters
        ----------
        g_min, g_max : float, siemens
        step : float, siemens
            At `zero` (``dw_min``).
        up_down : float
            In (-1, 1).
        gamma_up, gamma_down : float
            In [0, 1].
        zero : float
            Place of weight 0 in the range, in (0, 1).
        cycle_spread : float
            Standard deviation of a pulse, over `step` (``dw_min_std``), the same everywhere.
        **options
            `step_spread`, `read_voltage` and the like.

        Examples
        --------
        >>> from crossbarsim.nn.train import PulseResponse
        >>> device = PulseResponse.linear_step(0.0, 1e-5, 1e-7, up_down=0.2)
        >>> [float(round(dg * 1e9)) for dg in device.steps(7.5e-6)]
        [60.0, -120.0]
        """
        _check_range(g_min, g_max)
        number("step", step, low=0.0, open_low=True, unit="S")
        for name, value in (("gamma_up", gamma_up), ("gamma_down", gamma_down)):
            number(name, value, low=0.0, high=1.0)
        if not -1.0 < number("up_down", up_down) < 1.0:
            raise ParameterError(f"`up_down` must be in (-1, 1); got {up_down!r}")
        if not 0.0 < number("zero", zero) < 1.0:
            raise ParameterError(f"`zero` must be in (0, 1); got {zero!r}")
        below, above = -zero / (1.0 - zero), -(1.0 - zero) / zero  # w_min/w_max and w_max/w_min
        up = [1.0 - gamma_up * below, 1.0 - gamma_up]
        down = [1.0 - gamma_down, 1.0 - gamma_down * above]
        sigma = number("cycle_spread", cycle_spread, low=0.0) * step
        return cls(
            [g_min, g_max], step * (1.0 + up_down) * np.array(up),
            -step * (1.0 - up_down) * np.array(down), sigma, sigma, **options,
        )

    # -- what it does --------------------------------------------------------------------------

    @property
    def devices(self) -> int:
        """Number of measured devices."""
        return len(np.asarray(self.conductance))

    def conductance_range(self) -> tuple[Array, Array]:
        """Return the smallest and largest conductance of every measured device, siemens."""
        g = np.asarray(self.conductance)
        return g[:, 0], g[:, -1]

    @checks_arguments
    def steps(self, g: float) -> tuple[float, float]:
        """Return the mean changes by one pulse up and down at `g` siemens, over the devices."""
        at = number("g", g, low=0.0, unit="S")
        tables = zip(*map(np.asarray, (self.conductance, self.up, self.down)), strict=True)
        found = [(np.interp(at, c, u), np.interp(at, c, d)) for c, u, d in tables]
        up, down = np.mean(found, axis=0)
        return float(up), float(down)

    @checks_arguments
    def trace(
        self, ups: int, downs: int, *, start: float | None = None, device: int = 0, seed: int = 0
    ) -> Array:
        """Return the conductances of one device under pulses up, then down, as one measures them.

        Parameters
        ----------
        ups, downs : int
            Numbers of pulses.
        start : float, siemens, optional
            Default: the smallest.
        device : int
            Which of the measured ones.
        seed : int
            Of the spread from pulse to pulse.

        Returns
        -------
        (1 + ups + downs,) array, siemens
        """
        count("ups", ups, low=0)
        count("downs", downs, low=0)
        count("device", device, low=0, high=self.devices - 1)
        rng = np.random.default_rng(count("seed", seed, low=0))
        low, high = (float(bound[device]) for bound in self.conductance_range())
        first = low if start is None else number("start", start, low=low, high=high, unit="S")
        tables = [np.asarray(getattr(self, name))[device] for name in (
            "conductance", "up", "up_sigma", "down", "down_sigma")]
        found = [first]
        for k in range(ups + downs):
            own = tables[1:3] if k < ups else tables[3:]
            mean, sigma = (np.interp(found[-1], tables[0], table) for table in own)
            new = found[-1] + mean + sigma * rng.standard_normal()
            found.append(float(np.clip(new, low, high)))
        return np.array(found)


def _check_range(g_min: float, g_max: float) -> None:
    number("g_min", g_min, low=0.0, unit="S")
    if number("g_max", g_max, low=0.0, unit="S") <= g_min:
        raise ParameterError(f"`g_max` must be > `g_min` = {g_min:g} S; got {g_max!r}")
