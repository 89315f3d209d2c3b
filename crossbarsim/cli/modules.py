"""Tables of compiled Verilog-A modules, for ``crossbarsim device show x.va``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from ..core.errors import BackendUnavailable, CrossbarSimError, NetlistError

__all__ = ["is_module_file", "show_modules"]

_SOURCES, _LIBRARIES = (".va", ".vams"), (".osdi",)


def is_module_file(name: str) -> bool:
    """Return whether a name is that of a Verilog-A source or an OSDI library."""
    return Path(name).suffix.lower() in (*_SOURCES, *_LIBRARIES)


def show_modules(console: Console, name: str, include: list[str]) -> None:
    """Print terminals, parameters, variables and noise of all modules of a file."""
    from ..netlists.osdi import load_osdi, load_verilog_a
    from ..netlists.osdi.compiler import expanded_source
    from ..netlists.osdi.source import parameter_ranges

    source = Path(name).suffix.lower() in _SOURCES
    ranges: dict[str, dict[str, str]] = {}
    if source:
        try:
            library = load_verilog_a(name, include=include)
        except (BackendUnavailable, NetlistError) as error:
            _show_source(console, name, error)
            return
        ranges = parameter_ranges(expanded_source(name, include=include))
    else:
        library = load_osdi(name)
    for module in library.modules.values():
        _show(console, module, ranges.get(module.name.lower(), {}), source=source)


def _show_source(console: Console, name: str, reason: CrossbarSimError) -> None:
    """Print what a source says that is not compiled, and whether it is read as a device.

    What the compiler refuses and no device is has both errors.
    """
    from ..devices import describe_verilog_a, read_verilog_a

    try:
        kind: Any = read_verilog_a(name)
        states = ", ".join(state.name for state in kind.states) or "none"
        said = f"read as a device (read_verilog_a), states: {states}"
    except CrossbarSimError as error:
        if isinstance(reason, NetlistError):
            raise NetlistError(
                f"{reason.message}. Without the compiler (read_verilog_a): {error}",
                file=reason.file, line=reason.line,
            ) from None
        said = f"not read as a device: {error}"
    found = describe_verilog_a(name)
    console.print(f"not compiled: {reason}", highlight=False, markup=False)
    console.print(f"module {found.name}", highlight=False)
    console.print(f"terminals: {', '.join(found.terminals)}", highlight=False, markup=False)
    console.print(f"inner nodes: {', '.join(found.nodes) or 'none'}", highlight=False, markup=False)
    table = Table(Column("parameter", no_wrap=True), "default", "unit", "range", "meaning")
    for p in found.parameters:
        names = [p.name, *(alias for alias, of in found.aliases if of == p.name)]
        table.add_row(*map(_plain, (", ".join(names), p.default, p.unit, p.ranges or "any",
                                    p.description)))
    console.print(table)
    console.print(said, highlight=False, markup=False)


def _show(console: Console, module: Any, ranges: dict[str, str], *, source: bool) -> None:
    version = ".".join(map(str, module.version))
    console.print(f"module {module.name}, OSDI {version}", highlight=False)
    console.print(f"terminals: {', '.join(module.terminals)}", highlight=False, markup=False)
    inner = ", ".join(module.inner_nodes) or "none"
    console.print(f"inner nodes: {inner}", highlight=False, markup=False)
    span = ["range"] if source else []
    table = Table(Column("parameter", no_wrap=True), "of", "default", "unit", *span, "meaning")
    for p in module.parameters:
        names = ", ".join((p.name, *p.aliases))
        default = "" if p.default is None else (
            p.default if isinstance(p.default, str) else f"{p.default:.6g}")
        kind = p.kind if p.type == "real" else f"{p.kind}, {p.type}"
        row = [names, kind, default, p.units]
        table.add_row(*map(_plain, (
            *row, *([ranges.get(p.name.lower(), "") or "any"] if source else []), p.description)))
    console.print(table)
    if not source:
        console.print("ranges of parameters are in the source only", highlight=False)
    if module.variables:
        shown = Table(Column("variable", no_wrap=True), "unit", "meaning")
        for p in module.variables:
            shown.add_row(_plain(p.name), _plain(p.units), _plain(p.description))
        console.print(shown)
    noise = ", ".join(dict.fromkeys(n.name or n.type or "unnamed" for n in module.noise))
    console.print(f"noise: {noise or 'none'}", highlight=False, markup=False)


def _plain(text: str) -> str:
    """Return a text in which brackets are no markup."""
    return text.replace("[", r"\[")
