"""What a circuit asks of a compact model of a device, and the registry in which models are found.

Nothing here knows a model: packages register theirs, or name them as entry points of the group
``crossbarsim.devices``, which are loaded when they are asked for.
"""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

from numpy.typing import ArrayLike

from ..core.errors import ParameterError
from ..core.registration import registered
from ..core.settings import checks_arguments
from ..core.validation import Array
from .crossbar.cells import Cells, Resistive

__all__ = [
    "GROUP", "DeviceModel", "cells", "device", "model", "models", "read_source", "register",
    "register_cells", "register_source_reader",
]

GROUP = "crossbarsim.devices"

M = TypeVar("M")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_registered: dict[str, Any] = {}
_makers: list[Callable[..., Resistive | Cells]] = []
_readers: list[Callable[[Path], Any]] = []
_lock = threading.RLock()


@runtime_checkable
class DeviceModel(Protocol):
    """A two-terminal device with S states x, in the model's own SI units.

    Attributes
    ----------
    name : str
        In decks and in the registry: lower case.
    polarity : {+1, -1}
    read_voltage : float
        Volt, at which conductances are meant.
    state_names : tuple of str

    Examples
    --------
    >>> from crossbarsim.devices import VTEAM
    >>> from crossbarsim.netlists import DeviceModel
    >>> device = VTEAM()
    >>> isinstance(device, DeviceModel), device.state_names
    (True, ('x',))
    """

    name: ClassVar[str]
    polarity: int
    read_voltage: float

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the S states."""
        ...

    @classmethod
    def presets(cls) -> tuple[str, ...]:
        """Return the names of the published parameter sets."""
        ...

    @classmethod
    def law(cls, prefix: str = "") -> str:
        """Return source of ``evaluate(v, x, p, out)``, which a compiler puts into kernels.

        `out` gets 1 + S rows of 2 + S numbers: current, then the rate of every state, each
        followed by its exact derivatives with respect to v and to every state.
        """
        ...

    def parameters(self) -> Mapping[str, Any]:
        """Return the parameters by name, each a number or one value per device."""
        ...

    def replace(self, **changes: ArrayLike) -> DeviceModel:
        """Return the same device with other parameters."""
        ...

    def bounds(self) -> tuple[Array, Array]:
        """Return the states' ranges (low, high), each (S, ...)."""
        ...

    def rest(self) -> Array:
        """Return the states (S, ...) of a device that has not been written."""
        ...

    def evaluate(self, v: ArrayLike, x: ArrayLike) -> tuple[Array, Array, Array]:
        """Return current (ampere), di/dv (siemens) and rates dx/dt (S, ...) at v volt."""
        ...

    def current(self, v: ArrayLike, x: ArrayLike) -> Array:
        """Return the current, ampere."""
        ...

    def rate(self, v: ArrayLike, x: ArrayLike) -> Array:
        """Return dx/dt (S, ...), per second."""
        ...

    def conductance(self, x: ArrayLike, v: ArrayLike | None = None) -> Array:
        """Return i/v, siemens, at `v` or the read voltage."""
        ...

    def state_from_conductance(self, g: ArrayLike) -> Array:
        """Return the states (S, ...) with conductance `g`, siemens, at the read voltage."""
        ...


_NEEDED = (
    "bounds", "conductance", "current", "evaluate", "law", "parameters", "presets", "rate",
    "replace", "rest", "state_from_conductance", "state_names",
)


def _origin(found: Any) -> str:
    return f"{found.__module__}.{found.__qualname__}"


def register(found: M, *, check: bool = True) -> M:
    """Make a model known by its ``name``; usable as a class decorator.

    Parameters
    ----------
    found : class
        Its instances are `DeviceModel`; calling it with parameters makes one.
    check : bool
        Ask the model to check its own laws (``check_laws``), where it can.

    Returns
    -------
    class
        `found` itself.

    Raises
    ------
    ParameterError
        No name, another model of that name, something missing, or laws that are refused.

    Examples
    --------
    >>> from crossbarsim.devices import Device, State, device, parameter, register
    >>> @register
    ... class Relaxing(Device):
    ...     name = "relaxing"
    ...     states = (State("w"),)
    ...     g_max = parameter(1e-3, "S", positive=True)
    ...     tau = parameter(1e-6, "s", positive=True)
    ...     @staticmethod
    ...     def current_law(v, x, p):
    ...         return p.g_max * x.w * v
    ...     @staticmethod
    ...     def rate_law(v, x, p, i):
    ...         return (v - x.w) / p.tau
    >>> round(float(device("relaxing", tau=2e-6).rate(0.5, [0.1])[0]))  # per second
    200000
    """
    if not isinstance(found, type):
        raise ParameterError(f"`register` takes a class of devices; got {found!r:.60}")
    name = getattr(found, "name", "")
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise ParameterError(
            f"{found.__name__}: `name` must be lower-case letters, digits and _; got {name!r}"
        )
    missing = [what for what in _NEEDED if not hasattr(found, what)]
    if missing:
        raise ParameterError(
            f"{found.__name__} is no device: it has no `{missing[0]}`; derive it from "
            "crossbarsim.devices.Device"
        )
    checks = getattr(found, "check_laws", None)
    if check and checks is not None:
        checks()
    with _lock:
        other = _registered.get(name)
        # the same class again is a module that was reloaded, or a notebook's cell run twice
        again = getattr(found, "replaces", None)  # of classes made from a file that was changed
        if other is not None and _origin(other) != _origin(found) and not (
            again is not None and again(other)
        ):
            raise ParameterError(
                f"a device model `{name}` exists already: {_origin(other)}; "
                f"give {_origin(found)} another name"
            )
        _registered[name] = found
    return found


def _entry_points() -> dict[str, metadata.EntryPoint]:
    return {point.name.lower(): point for point in metadata.entry_points(group=GROUP)}


def models() -> tuple[str, ...]:
    """Return the names of all models, those of entry points included, sorted.

    Examples
    --------
    >>> from crossbarsim.devices import models
    >>> [name for name in models() if name.startswith("jart")]
    ['jart_vcm_v1b', 'jart_vcm_v1b_variable']
    """
    registered()
    return tuple(sorted({*_registered, *_entry_points()}))


@checks_arguments
def model(name: str) -> Any:
    """Return the model, a class, by its name in upper or lower case.

    Raises
    ------
    ParameterError
        There is none; the message names the nearest.

    Examples
    --------
    >>> from crossbarsim.devices import model
    >>> model("VTEAM").name
    'vteam'
    """
    key = str(name).lower()
    registered()
    with _lock:
        if key not in _registered and (point := _entry_points().get(key)) is not None:
            found = point.load()
            if getattr(found, "name", None) != key:
                raise ParameterError(
                    f"entry point `{point.name}` of {GROUP} ({point.value}) is a model named "
                    f"{getattr(found, 'name', None)!r}; both names must be the same"
                )
            register(found)
        if key in _registered:
            return _registered[key]
    known = models()
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    raise ParameterError(f"there is no device model {str(name)!r}; {hint}")


def register_cells(maker: Callable[..., Resistive | Cells]) -> None:
    """Name the function that makes an array of cells, see `cells`."""
    _makers[:] = [maker]


def register_source_reader(reader: Callable[[Path], Any]) -> None:
    """Name the function that makes and registers a model of a Verilog-A file, see `read_source`."""
    _readers[:] = [reader]


def read_source(path: Path) -> Any:
    """Return the model, a class, of a Verilog-A file, which is registered from then on.

    Raises
    ------
    VerilogAError
        The file is beyond what a model can be.
    ParameterError
        It has several modules, or the name of another model.
    """
    registered()
    if not _readers:
        raise ParameterError("import crossbarsim.devices to read Verilog-A as devices")
    return _readers[0](path)


def cells(
    device: DeviceModel | None, shape: tuple[int, int], conductance: Array | None, *,
    transistor: tuple[str, Mapping[str, float]] | None = None, gates: str = "rows",
    side: str = "bit",
) -> Resistive | Cells:
    """Return `Cells` of devices or of resistors, perhaps with transistors in series.

    Parameters
    ----------
    device : DeviceModel or None
        None: resistors.
    shape : (int, int)
    conductance : (M, N) array, siemens, optional
        None: devices at rest.
    transistor : (str, mapping), optional
        ``"level1"`` or ``"ekv"``, and its parameters.
    gates : {"rows", "columns"}
    side : {"bit", "word"}

    Raises
    ------
    ParameterError
    """
    registered()
    if not _makers:
        for point in _entry_points().values():  # the package that has devices registers it
            point.load()
            if _makers:
                break
        else:
            raise ParameterError("import crossbarsim.devices for crossbars of devices")
    return _makers[0](device, shape, conductance, transistor, gates, side)


@checks_arguments
def device(name: str, preset: str | None = None, **parameters: ArrayLike) -> Any:
    """Return a device of a model by name.

    Parameters
    ----------
    name : str
        In upper or lower case.
    preset : str, optional
        One of the model's published parameter sets.
    **parameters
        The model's own, on top.

    Returns
    -------
    DeviceModel
        With what its class has besides, such as ``array`` and ``simulate``.

    Raises
    ------
    ParameterError
        No such model, preset or parameter; a value out of its range.

    Examples
    --------
    >>> from crossbarsim.devices import device
    >>> device("vteam", r_on=100.0).state_names
    ('x',)
    """
    found = model(name)
    return found(**parameters) if preset is None else found.preset(preset, **parameters)
