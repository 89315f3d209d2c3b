"""Current-voltage characteristics of cells: what a conductance means at other voltages.

Every characteristic turns conductances into cells that the exact solver takes (Newton per input
vector, adjoint gradients), the derivative of the current by the conductance included::

    Crossbar(cells=SinhIV(v_0=0.3).cells(G), wires=wires)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..core.errors import ParameterError
from ..core.validation import Array, finite_array, nonnegative, number
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
class SinhIV:
    """I = g v_0 sinh(v / v_0), the common fit of filamentary and tunnelling cells.

    As in MemTorch's and the Stanford-PKU model's I-V (Z. Jiang et al., IEEE Trans. Electron
    Devices 63:1884, 2016).

    Parameters
    ----------
    v_0 : float
        Volt; the smaller, the more curved. 0.25 V in the Stanford-PKU model; oxide cells that are
        read at low voltage are closer to linear.
    read_voltage : float, optional
        Volt, at which conductances are meant (i = g v there); None: at low field.

    Raises
    ------
    ParameterError
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
class PolynomialIV:
    """I = g (v + c_2 v^2 + c_3 v^3 + c_5 v^5).

    The cubic term is the lowest that a symmetric barrier has (J. G. Simmons, J. Appl. Phys.
    34:1793, 1963); the quadratic one is rectification.

    Parameters
    ----------
    c_2, c_3, c_5 : float
        Per volt to the power of 1, 2 and 4; c_3, c_5 >= 0.
    read_voltage : float, optional
        Volt, at which conductances are meant; None: at low field.

    Raises
    ------
    ParameterError
        Also where a curve with `c_2` falls somewhere.
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
class DeviceIV:
    """The I-V of a compact model, at the state that gives the conductance at its read voltage.

    States are frozen: reading moves nothing.

    Parameters
    ----------
    device : Device
        Any model of `crossbarsim.devices`, such as ``StanfordPKU()``. Its `read_voltage` is where
        conductances are meant, its states' range what conductances are allowed.

    Raises
    ------
    ParameterError
        No device; `cells` refuses conductances that the device cannot have.
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
class TableIV:
    """A measured table: one curve that is scaled, or a family of curves by conductance.

    Monotone C1 interpolation (PCHIP) between the points, straight lines beyond them; see
    `StaticTable`.

    Parameters
    ----------
    voltage : (P,) array, volt
        Rising, of both signs unless `odd`.
    current : (P,) or (K, P) array, ampere
        Rising; 0 A at 0 V. A family by rising conductance at `read_voltage`; the conductance of a
        cell picks, between two curves, the mixture that has it. By the conductance the current is
        then linear from curve to curve: its derivative jumps at the K conductances themselves,
        where the one to the right is taken.
    odd : bool
        The table holds voltages >= 0 only, and i(-v) = -i(v).
    read_voltage : float
        Volt, inside the table.

    Raises
    ------
    ParameterError
        Tables that are not monotone, named by index.
    """

    voltage: Any
    current: Any
    odd: bool = False
    read_voltage: float = 0.1
    device: StaticTable = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _read_voltage(self.read_voltage)
        volts, amperes = check_table(self.voltage, self.current, odd=self.odd)
        device = StaticTable(
            volts, amperes, read_voltage=self.read_voltage, g_min=0.0, g_max=_MOST
        )
        object.__setattr__(self, "device", device)

    def cells(self, conductance: ArrayLike) -> DeviceArray:
        """Return the cells (M, N) of these conductances, siemens."""
        return DeviceArray(self.device, _conductance(conductance)[None])


def cell_curve(
    iv: CellLaw, conductance: ArrayLike, voltage: ArrayLike
) -> tuple[Array, Array, Array]:
    """Return (i, di/dv, di/dG), each (M, N), of cells of `iv` at the voltages across them.

    Parameters
    ----------
    iv : CellLaw
    conductance : (M, N) array, siemens
    voltage : (M, N) array, volt, or a number
    """
    cells = iv.cells(conductance)
    v = np.array(np.broadcast_to(finite_array("voltage", voltage), cells.shape))
    zero = np.zeros(cells.shape)
    gates = cells.gates()
    point = cells.evaluate(
        v, zero, gates, base=cells.state, step=0.0, state=cells.state, inner=zero
    )
    return point.current, point.by_word, cells.slopes(v, zero, gates, point).conductance
