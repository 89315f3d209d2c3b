"""Current-voltage characteristics of cells with given conductances.

Every characteristic turns conductances into cells that the exact solver takes (Newton per input
vector, adjoint gradients), with the derivative of the current with respect to the conductance::

    Crossbar(cells=SinhIV(v_0=0.3).cells(G), wires=wires)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..core.errors import ParameterError
from ..core.settings import Settings, checks_arguments
from ..core.validation import Array, broadcast, finite_array, nonnegative, number, real_array
from ..core.views.brief import brief_repr
from ..devices.base import Device
from ..devices.cells.device_array import DeviceArray
from ..devices.compact_models.static import StaticPolynomial, StaticSinh
from ..devices.compact_models.static_table import StaticTable, check_table
from .protocols import CellLaw

__all__ = ["DeviceIV", "PolynomialIV", "SinhIV", "TableIV", "cell_curve"]

_MOST = 1e3  # siemens: more than any cell, a short included
# Instead of 0 V, for conductances at low field: the curve's bend is below rounding there.
_LOW_FIELD = 1e-12


def _conductance(value: Any) -> Array:
    g = nonnegative("conductance", value, "siemens")
    if g.ndim != 2 or g.size == 0:
        raise ParameterError(f"`conductance` must have shape (M, N); got {g.shape}")
    if g.max() > _MOST:
        raise ParameterError(f"`conductance` = {g.max():g} S: must be <= {_MOST:g} S")
    return g


def _read_voltage(value: Any) -> None:
    if value is not None and number("read_voltage", value) == 0.0:
        raise ParameterError("`read_voltage` must not be 0 V; None means at low field")


def _scaled(device: Device, conductance: Any) -> DeviceArray:
    """Return cells of a device whose current is g f(v), of these conductances at its read voltage.

    In closed form: `Device.array` searches for the state, cell by cell.
    """
    g = _conductance(conductance)
    share = float(device.conductance(np.ones(1)))  # at the read voltage, of g = 1 S
    return DeviceArray(device, g[None] / share)


@dataclass(frozen=True)
class SinhIV(Settings):
    """I = g v_0 sinh(v / v_0), the common fit to filamentary and tunnelling cells.

    As in MemTorch's and the Stanford-PKU model's I-V (Z. Jiang et al., IEEE Trans. Electron
    Devices 63:1884, 2016).

    Parameters
    ----------
    v_0 : float
        Volt; the smaller, the more curved. 0.25 V in the Stanford-PKU model; oxide cells that are
        read at low voltage are closer to linear.
    read_voltage : float, optional
        Volt at which the conductance is i/v; None: at low field.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import SinhIV, cell_curve
    >>> current, slope, _ = cell_curve(SinhIV(v_0=0.25), np.full((1, 2), 1e-5), [[0.1, 0.5]])
    >>> (current * 1e6).round(2)  # uA; 1 and 5 of a resistor
    array([[1.03, 9.07]])
    """

    v_0: float = 0.25
    read_voltage: float | None = None
    device: StaticSinh = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        v_0 = number("v_0", self.v_0, low=0.0, open_low=True, unit="volt")
        _read_voltage(self.read_voltage)
        at = _LOW_FIELD * v_0 if self.read_voltage is None else self.read_voltage
        device = StaticSinh(v_0=v_0, g_min=0.0, g_max=_MOST, read_voltage=at)
        object.__setattr__(self, "device", device)

    def cells(self, conductance: ArrayLike) -> DeviceArray:
        """Return the cells (M, N) of these conductances, siemens."""
        return _scaled(self.device, conductance)


@dataclass(frozen=True)
class PolynomialIV(Settings):
    """I = g (v + c_2 v^2 + c_3 v^3 + c_5 v^5), a polynomial characteristic.

    The cubic term is the lowest that a symmetric barrier has (J. G. Simmons, J. Appl. Phys.
    34:1793, 1963); the quadratic one is rectification.

    Parameters
    ----------
    c_2, c_3, c_5 : float
        Per volt to the power of 1, 2 and 4; c_3, c_5 >= 0.
    read_voltage : float, optional
        Volt at which the conductance is i/v; None: at low field.

    Raises
    ------
    ParameterError
        A curve that is not monotone, because of `c_2`.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import PolynomialIV, cell_curve
    >>> current, slope, _ = cell_curve(PolynomialIV(c_3=1.0), np.full((1, 2), 1e-5), [[0.1, 0.5]])
    >>> (current * 1e6).round(3)  # uA; 1 and 5 of a resistor
    array([[1.01, 6.25]])
    """

    c_2: float = 0.0
    c_3: float = 1.0
    c_5: float = 0.0
    read_voltage: float | None = None
    device: StaticPolynomial = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        c_2 = number("c_2", self.c_2, unit="1/V")
        c_3, c_5 = number("c_3", self.c_3, low=0.0), number("c_5", self.c_5, low=0.0)
        _read_voltage(self.read_voltage)
        # 1 + 2 c_2 v + 3 c_3 v^2 + 5 c_5 v^4 > 0 for all v, or Newton may find two solutions
        turning = np.roots([5.0 * c_5, 0.0, 3.0 * c_3, 2.0 * c_2, 1.0])
        if (np.abs(turning.imag) <= 1e-9 * (1.0 + np.abs(turning.real))).any():
            v = float(turning.real[np.argmin(np.abs(turning))])
            raise ParameterError(
                f"`c_2` = {c_2:g}: the current falls beyond {v:.3g} V; needs a larger `c_3` "
                f"(c_2^2 < 3 c_3 without `c_5`)"
            )
        at = _LOW_FIELD if self.read_voltage is None else self.read_voltage
        device = StaticPolynomial(
            c_2=c_2, c_3=c_3, c_5=c_5, g_min=0.0, g_max=_MOST, read_voltage=at
        )
        object.__setattr__(self, "device", device)

    def cells(self, conductance: ArrayLike) -> DeviceArray:
        """Return the cells (M, N) of these conductances, siemens."""
        return _scaled(self.device, conductance)


@dataclass(frozen=True)
class DeviceIV(Settings):
    """The I-V of a compact model in the state of the conductance at its read voltage.

    States are frozen: reads do not change them.

    Parameters
    ----------
    device : Device
        Any model of `crossbarsim.devices`, such as ``StanfordPKU()``. Conductances are i/v at its
        `read_voltage` and must lie in its range.

    Raises
    ------
    ParameterError
        No device with a state; from `cells`, conductances that the device cannot have.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.devices import StanfordPKU
    >>> from crossbarsim.nonidealities import DeviceIV, cell_curve
    >>> current, _, _ = cell_curve(DeviceIV(StanfordPKU()), np.full((1, 2), 1e-4), [[0.1, 0.5]])
    >>> (current * 1e6).round(2)  # uA; 10 and 50 of a resistor
    array([[10. , 88.3]])
    """

    device: Device

    def __post_init__(self) -> None:
        if not isinstance(self.device, Device):
            raise ParameterError(
                "`device` must be a model of crossbarsim.devices, such as StanfordPKU(); got "
                f"{type(self.device).__name__}"
            )
        if not self.device.states:
            raise ParameterError(
                f"`device`: {type(self.device).__name__} has no state that a conductance could set"
            )

    def cells(self, conductance: ArrayLike) -> DeviceArray:
        """Return the cells (M, N) of these conductances, siemens."""
        cells: DeviceArray = self.device.array(conductance=_conductance(conductance))
        return cells


@dataclass(frozen=True, eq=False)
class TableIV(Settings):
    """Measured characteristics: one curve that is scaled, or a family of curves.

    Monotone C1 interpolation (PCHIP) between the points, straight lines beyond them; see
    `StaticTable`.

    Parameters
    ----------
    voltage : (P,) array, volt
        Rising, of both signs unless `odd`.
    current : (P,) or (K, P) array, ampere
        Rising; 0 A at 0 V. A family is in the order of rising conductance at `read_voltage`; a
        cell between two curves is the mixture of them that has its conductance. The current is
        then piecewise linear in the conductance, and its derivative jumps at the K conductances
        of the curves, where the one to the right is taken.
    odd : bool
        The table holds voltages >= 0 only, and i(-v) = -i(v).
    read_voltage : float
        Volt, inside the table.

    Raises
    ------
    ParameterError
        Tables that are not monotone; the message has the index.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import TableIV, cell_curve
    >>> iv = TableIV([0.0, 0.1, 0.2, 0.4], [0.0, 1e-6, 2.2e-6, 6e-6], odd=True, read_voltage=0.1)
    >>> current, _, _ = cell_curve(iv, np.full((1, 2), 2e-5), [[-0.1, 0.4]])
    >>> (current * 1e6).round(2)  # uA
    array([[-2., 12.]])
    """

    voltage: ArrayLike
    current: ArrayLike
    odd: bool = False
    read_voltage: float = 0.1
    device: StaticTable = field(init=False, repr=False, compare=False)

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        _read_voltage(self.read_voltage)
        volts, amperes = check_table(self.voltage, self.current, odd=self.odd)
        device = StaticTable(
            volts, amperes, read_voltage=self.read_voltage, g_min=0.0, g_max=_MOST
        )
        object.__setattr__(self, "device", device)
        for name in ("voltage", "current"):  # as lists: records are compared
            object.__setattr__(self, name, real_array(name, getattr(self, name)).tolist())

    def cells(self, conductance: ArrayLike) -> DeviceArray:
        """Return the cells (M, N) of these conductances, siemens."""
        return DeviceArray(self.device, _conductance(conductance)[None])


@checks_arguments
def cell_curve(
    iv: CellLaw, conductance: ArrayLike, voltage: ArrayLike
) -> tuple[Array, Array, Array]:
    """Return (i, di/dv, di/dG) of cells at given voltages, (M, N) ampere, siemens and volt.

    Parameters
    ----------
    iv : CellLaw
    conductance : (M, N) array, siemens
    voltage : (M, N) array, volt, or a number

    Raises
    ------
    ParameterError
        Conductances that cells of `iv` cannot have.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.nonidealities import SinhIV, cell_curve
    >>> G, v = np.array([[1e-5, 1e-4]]), np.array([[0.2, 0.2]])
    >>> current, slope, by_conductance = cell_curve(SinhIV(v_0=0.25), G, v)
    >>> (current * 1e6).round(2), by_conductance.round(4)  # uA, volt
    (array([[ 2.22, 22.2 ]]), array([[0.222, 0.222]]))
    """
    cells = iv.cells(conductance)
    v = np.array(broadcast("voltage", finite_array("voltage", voltage), cells.shape))
    zero = np.zeros(cells.shape)
    gates = cells.gates()
    point = cells.evaluate(
        v, zero, gates, base=cells.state, step=0.0, state=cells.state, inner=zero
    )
    return point.current, point.by_word, cells.slopes(v, zero, gates, point).conductance
