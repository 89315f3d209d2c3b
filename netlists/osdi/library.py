"""Opening an OSDI library and reading its descriptors."""

from __future__ import annotations

import copyreg
import ctypes
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...core.errors import NetlistError, ParameterError
from ...core.settings import checks_arguments
from . import abi
from .binary import check_binary
from .defaults import read_defaults
from .messages import LOG
from .module import Code, Module, Node, NoiseRecord, Parameter
from .probe import check_opens

__all__ = ["Library", "load_osdi", "open_library"]

_opened: dict[tuple[Any, ...], Library] = {}
_guard = threading.Lock()
_FUNCTIONS = tuple(f[0] for f in abi.Descriptor._fields_ if f[1] is abi.pointer)
_REQUIRED = ("access", "setup_model", "setup_instance", "eval", "load_residual_resist",
             "load_residual_react", "load_jacobian_resist", "load_jacobian_react")
_KNOWN = ", ".join(f"{a}.{b}" for a, b in abi.DESCRIPTOR_SIZES)


@dataclass(frozen=True)
class Library:
    """An open OSDI library.

    Attributes
    ----------
    path : str
    version : (int, int)
        Of OSDI.
    modules : dict of str to Module
        By lower-case name.
    """

    path: str
    version: tuple[int, int]
    modules: dict[str, Module]
    handle: Any = field(repr=False, compare=False, default=None)

    def module(self, name: str | None = None) -> Module:
        """Return a module by its name, or the only one.

        Raises
        ------
        ParameterError
            There is none of that name, or there are several and none is named.
        """
        if name is None and len(self.modules) == 1:
            return next(iter(self.modules.values()))
        found = self.modules.get((name or "").lower())
        if found is None:
            there = ", ".join(m.name for m in self.modules.values())
            asked = f"no module `{name}`" if name else "several modules"
            raise ParameterError(f"{self.path} has {asked}: there are {there}")
        return found


@checks_arguments
def load_osdi(path: str | Path) -> Library:
    """Open a library of compiled Verilog-A modules.

    Parameters
    ----------
    path : path
        Of the library, ``.osdi``, that an OSDI compiler made for this system and processor.

    Returns
    -------
    Library
        Kept open for the rest of the process; opened again only when the file has changed. It is
        machine code that runs with your rights: open, and let decks load, only what you trust.

    Raises
    ------
    NetlistError
        The file is missing, no OSDI library, damaged, for another platform, or of another version
        than 0.3, 0.4 or 0.5.

    Examples
    --------
    >>> from crossbarsim import load_osdi, NetlistError
    >>> try:
    ...     load_osdi("nowhere.osdi")
    ... except NetlistError as error:
    ...     print(error.message)
    there is no such file
    """
    place = Path(path).absolute()
    try:
        info = place.stat()
    except OSError:
        raise NetlistError("there is no such file", file=str(path)) from None
    if not place.is_file():
        raise NetlistError("this is a folder, not an OSDI library", file=str(path))
    key = (str(place), info.st_mtime_ns, info.st_size, info.st_ino)
    with _guard:
        if key not in _opened:
            check_binary(place)
            check_opens(place)
            _opened[key] = open_library(str(place))
        return _opened[key]


def _again(file: str, name: str) -> Module:
    return load_osdi(file).module(name)


# pickled as a place in a file, which is opened again where it is read
copyreg.pickle(Module, lambda module: (_again, (module.file, module.name)))


def open_library(file: str) -> Library:
    """Open a library that is one; see `load_osdi`."""
    path = Path(file)
    try:
        handle = ctypes.CDLL(str(path))
    except OSError as error:
        raise NetlistError(f"the system cannot load the library: {error}", file=str(path)) from None
    version = (_number(handle, "OSDI_VERSION_MAJOR", path),
               _number(handle, "OSDI_VERSION_MINOR", path))
    least = abi.DESCRIPTOR_SIZES.get(version)
    if least is None:
        raise NetlistError(
            f"OSDI version {version[0]}.{version[1]}; versions {_KNOWN} can be read: compile the "
            "Verilog-A source again, with `load_verilog_a` or a compiler for one of these",
            file=str(path))
    size = least if version == (0, 3) else _number(handle, "OSDI_DESCRIPTOR_SIZE", path)
    if size < least or size % 8 or size > 16 * least:
        raise NetlistError(
            f"OSDI {version[0]}.{version[1]} with descriptors of {size} bytes instead of {least}: "
            "the library was made by a compiler between versions; compile the source again",
            file=str(path))
    count = _number(handle, "OSDI_NUM_DESCRIPTORS", path)
    if not 0 < count < 10_000:
        raise NetlistError(f"an OSDI library of {count} modules", file=str(path))
    start = ctypes.addressof(ctypes.c_char.in_dll(handle, "OSDI_DESCRIPTORS"))
    limits = _limits(handle)
    with suppress(ValueError):  # a library without says nothing
        ctypes.c_void_p.in_dll(handle, "osdi_log").value = ctypes.cast(LOG, ctypes.c_void_p).value
    modules = {}
    for k in range(count):
        module = _module(path, version, start + k * size, least, handle, limits)
        modules[module.name.lower()] = module
    return Library(str(path), version, modules, handle)


def _number(handle: Any, name: str, path: Path) -> int:
    try:
        return ctypes.c_uint32.in_dll(handle, name).value
    except ValueError:
        raise NetlistError(
            f"the library has no {name}: it is no OSDI library, or a damaged one; compile the "
            "Verilog-A source again", file=str(path)) from None


def _limits(handle: Any) -> dict[str, int]:
    """Return limiting functions with the number of their arguments, and where addresses go."""
    try:
        count = ctypes.c_uint32.in_dll(handle, "OSDI_LIM_TABLE_LEN").value
        table = (abi.LimitFunction * count).in_dll(handle, "OSDI_LIM_TABLE")
    except ValueError:
        return {}
    offset = abi.LimitFunction.function.offset
    return {f"{_text(row.name)}/{row.arguments}": ctypes.addressof(row) + offset for row in table}


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def _module(
    path: Path, version: tuple[int, int], address: int, size: int, handle: Any,
    limits: dict[str, int],
) -> Module:
    own = abi.Descriptor()  # fields that its version lacks stay 0
    ctypes.memmove(ctypes.addressof(own), address, size)
    name = _text(own.name)
    functions = {one: getattr(own, one) or 0 for one in _FUNCTIONS}
    missing = [one for one in _REQUIRED if not functions[one]]
    if missing or own.num_terminals > own.num_nodes or not own.instance_size:
        raise NetlistError(
            f"module {name!r} of the library is incomplete ({', '.join(missing) or 'its sizes'}): "
            "compile the Verilog-A source again", file=str(path))
    nodes = tuple(
        Node(_text(n.name), _text(n.units), _text(n.residual_units), n.is_flow)
        for n in own.nodes[:own.num_nodes])
    entries = own.jacobian[:own.num_jacobian]
    records = list(_parameters(own))
    code = Code(
        functions, own.instance_size, own.model_size, _offset(own.node_mapping),
        _offset(own.jacobian_pointers), tuple(_offset(e.react_pointer) for e in entries),
        _offset(own.collapsed), _offset(own.state_indices), _offset(own.bound_step), limits)
    defaults = read_defaults(code, records, own.num_terminals)
    parameters = tuple(
        Parameter(r.name, r.aliases, r.kind, r.type, defaults.get(r.index), r.units, r.description,
                  r.length, r.index)
        for r in records)
    return Module(
        name, str(path), version, nodes, tuple(n.name for n in nodes[:own.num_terminals]),
        tuple(p for p in parameters if p.kind != "variable"),
        tuple(p for p in parameters if p.kind == "variable"),
        tuple((_node(e.nodes.first), _node(e.nodes.second), bool(e.flags & abi.RESISTIVE),
               bool(e.flags & abi.REACTIVE)) for e in entries),
        tuple((_node(p.first), _node(p.second)) for p in own.collapsible[:own.num_collapsible]),
        tuple(_noise(own)), own.num_states, tuple(limits),
        bool(own.module_flags & abi.USES_TIME) if version >= (0, 5) else None, own.num_delays,
        code, handle)


def _parameters(own: abi.Descriptor) -> Iterator[Parameter]:
    for k, r in enumerate(own.parameters[:own.num_parameters + own.num_variables]):
        names = [_text(one) for one in r.name[:r.num_alias + 1]]
        kind = abi.KINDS[min((r.flags & abi.KIND_MASK) >> 30, 2)]
        yield Parameter(
            names[0], tuple(names[1:]), kind, abi.TYPES[min(r.flags & abi.TYPE_MASK, 2)], None,
            _text(r.units), _text(r.description), r.length, k)


def _noise(own: abi.Descriptor) -> Iterator[NoiseRecord]:
    for k, source in enumerate(own.noise[:own.num_noise]):
        kind = own.noise_types[k] if own.noise_types else None
        ends = _node(source.nodes.first), _node(source.nodes.second)
        yield NoiseRecord(_text(source.name), ends, "" if kind is None else abi.NOISE_TYPES[kind])


def _node(index: int) -> int:
    return -1 if index == abi.ABSENT else index


def _offset(value: int) -> int:
    return -1 if value == abi.ABSENT else value
