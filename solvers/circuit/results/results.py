"""Results over time or over sweeps, by ngspice's names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ....core.errors import ParameterError
from ....core.validation import Array
from ....core.views.optional import dataframe, dataset
from ....core.views.shown import View
from ....netlists.circuit import Circuit
from ..rawfile.plots import RawVariable
from .names import GROUND_INDEX, Names, shown
from .plotted import Tabular, kind_of
from .views import AXES, curves_view, unit_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from ..system.element_group import Instant
    from ..system.system import System
    from .quantities import Part, Slopes

    Parts = Callable[[list[str]], Iterator[tuple[Part, Instant]]]

__all__ = ["Curves", "Sweep", "Transient"]


class Curves(Tabular):
    """Voltages and currents over points; ``result["v(out)"]``, ``["v(a,b)"]``, ``["i(v1)"]``.

    Volt and ampere, shaped as `shape`. ``["@m1[id]"]`` is a quantity of an element: currents into
    terminals by ngspice's names, ``p`` (watt), and what its model knows; ``["i(r1)"]`` is short for
    the current of an element with two terminals.

    Attributes
    ----------
    circuit : Circuit
    measures : dict
        What ``.measure`` found, by name: numbers; NaN where one failed.

    Raises
    ------
    ParameterError
        Of ``result[name]``: the circuit has nothing of that name, or `save` did not keep it.
    """

    _analysis = ""

    def __init__(
        self, circuit: Circuit, names: Names, values: Array | NDArray[np.complex128],
        place: dict[int, int] | None,
    ) -> None:
        self.circuit, self._names, self._place = circuit, names, place
        self._values = cast("Array", values)  # complex over frequency only
        self.measures: dict[str, float] = {}

    _currents: dict[str, Array] | None = None

    @property
    def axes(self) -> dict[str, Array]:
        """The abscissas of the points: name -> values."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of every quantity."""
        return tuple(len(v) for v in self.axes.values())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all quantities that were kept."""
        found = [n for n, k in self._names.all().items() if self._kept(k)]
        return (*found, *(shown(self.circuit, self._analysis) if self._place is None else ()))

    def _kept(self, unknown: int) -> bool:
        return self._place is None or unknown in self._place

    def _column(self, unknown: int, query: str) -> Array:
        if unknown == GROUND_INDEX:
            return np.zeros(len(self._values))
        if self._place is None:
            return self._values[:, unknown]
        if unknown not in self._place:
            raise ParameterError(f"{query!r} was not kept; `save` named others")
        return self._values[:, self._place[unknown]]

    def __getitem__(self, query: str) -> Array:
        key = query.strip().lower() if isinstance(query, str) else query
        if key in self.axes:
            return self.axes[key]
        if (part := self._names.quantity(query)) is not None:
            found = self._saved().get(f"@{part[0]}[{part[1]}]")
            found = self._quantity(*part) if found is None else found
            return found.reshape(self.shape)
        first, second = self._names.find(query)
        found = self._column(first, query)
        if second is not None:
            found = found - self._column(second, query)
        return found.reshape(self.shape)

    def _saved(self) -> dict[str, Array]:
        """Return the currents that the deck asks for, evaluated together, by their names."""
        if self._currents is None:
            wanted = shown(self.circuit, self._analysis) if self._place is None else []
            self._currents = {}
            names = [part[0] for name in wanted if (part := Names.part(name))]
            if len(names) > 1:
                self._currents = self._together(list(dict.fromkeys(names)))
        return self._currents

    def _together(self, elements: list[str]) -> dict[str, Array]:
        """Return all currents of some elements at all points."""
        del elements
        return {}

    def _quantity(self, element: str, name: str) -> Array:
        """Return ``@element[name]`` at all points."""
        raise ParameterError(f"there is no @{element}[{name}] in a {type(self).__name__}")

    def _whole(self, query: str) -> Array:
        """Return all unknowns at all points, (T, N)."""
        if self._place is not None:
            raise ParameterError(f"{query!r} was not kept; `save` named others")
        return self._values

    def __contains__(self, query: str) -> bool:
        try:
            self[query]
        except ParameterError:
            return False
        return True

    def to_dict(self) -> dict[str, Array]:
        """Return axes and all kept quantities by name."""
        return {**self.axes, **{name: self[name] for name in self.names}}

    def _vectors(self) -> Iterable[tuple[str, ArrayLike]]:
        return ((name, self[name]) for name in self.names)

    def _dimensions(self) -> tuple[int, ...]:
        return self.shape if len(self.shape) > 1 else ()

    def _scale(self) -> tuple[RawVariable, Any]:
        axis, values = list(self.axes.items())[-1]
        return self._scale_variable(axis), np.broadcast_to(values, self.shape).ravel()

    def _scale_variable(self, axis: str) -> RawVariable:
        return RawVariable(axis, kind_of(axis))

    def _unit(self, name: str) -> str:
        """Return the unit of a quantity."""
        return unit_of(name)

    def _axis_unit(self, axis: str) -> str:
        """Return the unit of an abscissa."""
        if axis in AXES:
            return AXES[axis]
        element = next((e for e in self.circuit if e.name.lower() == axis), None)
        return {"V": "V", "I": "A", "R": "ohm"}.get(element.kind if element else "", "")

    def shown_kinds(self) -> list[tuple[str, str, list[str], str]]:
        """Return what panels show: (quantity, unit, names, how a number is made of a vector)."""
        return [
            (kind, unit, [n for n in self.names if self._unit(n) == unit], "real")
            for kind, unit in (("voltage", "V"), ("current", "A"), ("power", "W"),
                               ("other quantities", ""))
        ]

    def _view(self) -> View:
        return curves_view([("", self)])

    def to_xarray(self) -> xr.Dataset:
        """Return an `xarray.Dataset` with labels and units."""
        axes = self.axes
        data = {
            name: (tuple(axes), self[name], {"units": self._unit(name)})
            for name in self.names
        }
        places = {
            name: (name, values, {"units": self._axis_unit(name)}) for name, values in axes.items()
        }
        return dataset(data, places)

    def to_dataframe(self) -> pd.DataFrame:
        """Return a `pandas.DataFrame`, one column per quantity, over the axes."""
        return dataframe({name: self[name].ravel() for name in self.names}, self.axes)


class Transient(Curves):
    """The result of a transient of a circuit, at the time points of the solver.

    ``result["v(out)"]`` (T,) volt, ``result["i(v1)"]`` (T,) ampere; names that are not there raise
    `ParameterError`.

    Attributes
    ----------
    time : (T,) second
        Also ``result["time"]``.
    steps, rejected, failed : int
        Time steps taken, refused for their error, and in which Newton's iteration failed.
    newton, factors : int
        Newton steps, and factorisations of the matrix.

    Examples
    --------
    >>> from crossbarsim import Circuit, Pulse, Simulator
    >>> step = Pulse(0.0, 1.0, rise=1e-9, width=1.0)
    >>> circuit = Circuit().V(1, "in", 0, step).R(1, "in", "out", "1k").C(1, "out", 0, "1n")
    >>> run = Simulator().transient(circuit, "5u")
    >>> run["v(out)"].shape == run.time.shape, run.names
    (True, ('v(in)', 'v(out)', 'i(v1)'))
    >>> run.at([1e-6, 2e-6])["v(out)"].round(2)  # volt; 1 - exp(-t / RC)
    array([0.63, 0.86])
    """

    _analysis = "tran"
    plot_name, short_name = "Transient Analysis", "tran"

    def __init__(
        self, circuit: Circuit, names: Names, values: Array, place: dict[int, int] | None,
        time: Array, *, steps: int, rejected: int, failed: int, newton: int, factors: int,
        system: System | None = None, orders: NDArray[np.int8] | None = None,
        origin: Transient | None = None,
    ) -> None:
        super().__init__(circuit, names, values, place)
        self.time = time
        # missing only where `origin` is asked in their place
        self._system, self._orders = cast("System", system), cast("NDArray[np.int8]", orders)
        self._origin = origin
        self.steps, self.rejected, self.failed = steps, rejected, failed
        self.newton, self.factors = newton, factors

    def __repr__(self) -> str:
        return f"Transient({self.circuit!r}, {len(self.time)} points)"

    @property
    def axes(self) -> dict[str, Array]:
        """``{"time": ...}``."""
        return {"time": self.time}

    def _quantity(self, element: str, name: str) -> Array:
        if self._origin is not None:
            found = self._origin[f"@{element}[{name}]"]
            return np.interp(self.time, self._origin.time, found)
        return self._part([element]).quantity(name, element, *self._points(element))

    def _together(self, elements: list[str]) -> dict[str, Array]:
        if self._origin is not None:
            return {}
        return self._part(elements).currents(*self._points(elements[0]))

    def _part(self, elements: list[str]) -> Part:
        from .quantities import Part  # noqa: PLC0415 - imports numba

        names = self._names
        return Part(self.circuit, self._system.temperature, names.nodes, names.labels, elements)

    def _points(self, element: str) -> tuple[Array, list[Instant], Slopes]:
        """Return unknowns, conditions, and what differentiates charges by time."""
        from .quantities import rates  # noqa: PLC0415 - imports numba

        system, tol = self._system, self._system.tolerances
        instants = [
            system.instant(time=float(t), mode="tran" if k or self._orders[0] else "dc", waves=True)
            for k, t in enumerate(self.time)
        ]

        def slopes(charges: Array) -> Array:
            return rates(self.time, self._orders, tol.method, tol.xmu, charges)

        return self._whole(f"@{element}"), instants, slopes

    def at(self, times: ArrayLike) -> Transient:
        """Return the same at other times, linear between the solver's points.

        Parameters
        ----------
        times : float or (K,) array, second

        Raises
        ------
        ParameterError
            Times outside of the run.
        """
        t = np.atleast_1d(np.asarray(times, dtype=float))
        if t.ndim != 1 or not np.isfinite(t).all():
            raise ParameterError("`times` must be a vector of finite numbers")
        slack = 1e-9 * float(np.ptp(self.time))
        if len(t) and (t.min() < self.time[0] - slack or t.max() > self.time[-1] + slack):
            raise ParameterError(
                f"`times` must be between {self.time[0]:g} s and {self.time[-1]:g} s"
            )
        after = np.clip(np.searchsorted(self.time, t), 1, len(self.time) - 1)
        before = after - 1
        share = ((t - self.time[before]) / (self.time[after] - self.time[before]))[:, None]
        values = (1 - share) * self._values[before] + share * self._values[after]
        return Transient(
            self.circuit, self._names, values, self._place, t, steps=self.steps,
            rejected=self.rejected, failed=self.failed, newton=self.newton, factors=self.factors,
            system=self._system, origin=self._origin or self,
        )


class Sweep(Curves):
    """The result of a DC sweep: operating points over one sweep or more.

    Quantities, volt or ampere, have one axis per sweep, the outermost first; the swept values are
    found by their names, such as ``result["v1"]`` or ``result["temp"]`` (degree Celsius). Names
    that are not there raise `ParameterError`.

    Attributes
    ----------
    newton : int
        Newton steps in all.
    residual : float
        Largest violation of an equation over its largest term, of all points.

    Examples
    --------
    >>> from crossbarsim import Circuit, Simulator
    >>> circuit = Circuit().V(1, "in", 0, 1.0).R(1, "in", "out", "1k").R(2, "out", 0, "1k")
    >>> sweep = Simulator().dc_sweep(circuit, {"v1": [0.0, 1.0, 2.0]})
    >>> sweep["v1"], sweep["v(out)"].round(9)  # volt
    (array([0., 1., 2.]), array([0. , 0.5, 1. ]))
    """

    _analysis = "dc"
    plot_name, short_name = "DC transfer characteristic", "dc"

    def __init__(
        self, circuit: Circuit, names: Names, values: Array, place: dict[int, int] | None,
        axes: dict[str, Array], *, newton: int, residual: float, parts: Parts,
    ) -> None:
        super().__init__(circuit, names, values, place)
        self._axes, self.newton, self.residual = axes, newton, residual
        self._parts = parts

    def _quantity(self, element: str, name: str) -> Array:
        values = self._whole(f"@{element}[{name}]")
        return np.array([
            part.quantity(name, element, values[k:k + 1], [now])[0]
            for k, (part, now) in enumerate(self._parts([element]))
        ])

    def _together(self, elements: list[str]) -> dict[str, Array]:
        values = self._whole(f"@{elements[0]}")
        rows = [
            part.currents(values[k:k + 1], [now])
            for k, (part, now) in enumerate(self._parts(elements))
        ]
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}

    def _scale_variable(self, axis: str) -> RawVariable:
        if axis in ("temp", "temper"):
            return RawVariable("temp-sweep", "notype")
        element = next((e for e in self.circuit if e.name.lower() == axis), None)
        named = {"V": ("v(v-sweep)", "voltage"), "I": ("i(i-sweep)", "current"),
                 "R": ("res-sweep", "notype")}
        return RawVariable(*named.get(element.kind if element else "", (axis, "notype")))

    def __repr__(self) -> str:
        return f"Sweep({self.circuit!r}, {' x '.join(map(str, self.shape))} points)"

    @property
    def axes(self) -> dict[str, Array]:
        """Swept values by name, outermost first."""
        return self._axes
