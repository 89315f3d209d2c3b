"""Verilog-A files to classes of devices."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.errors import CrossbarSimError, ParameterError, VerilogAError
from ...core.settings import checks_arguments, closest
from ...core.validation import as_float, shown
from ...netlists.device_protocol import register
from ..base import Device
from .algebra.terms import TooLarge
from .building import build_class
from .language.description import ModuleDescription, described
from .language.parser import parse
from .language.preprocess import Sources, preprocess
from .language.tokens import Place, Token, refusal
from .language.tree import Module
from .model import HOMES, Origin, VerilogADevice

__all__ = [
    "class_from_record", "describe_verilog_a", "device_from_verilog_a", "from_origin",
    "read_verilog_a",
]

_made: dict[str, type[VerilogADevice]] = {}
_lock = threading.RLock()


@checks_arguments
def read_verilog_a(
    source: str | Path, module: str | None = None, *,
    fixed: Mapping[str, float | str] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None, noise_step: float | None = None,
) -> type[Device]:
    r"""Return the device that a Verilog-A module is, a class; no compiler is needed.

    The subset is that of compact models of memristive devices with two terminals. A variable that
    is stepped forward by hand (``x = x + rate * ($abstime - last)``), ``idt(rate, start)`` and a
    node with ``ddt`` are states, whose limits ``if (x < low) x = low`` are their bounds. What no
    law of a device can do is refused with its line; such files may be compiled instead
    (`load_verilog_a`).

    Parameters
    ----------
    source : str or Path
        A file, or Verilog-A itself: any text with more than one line or ``module`` in it.
    module : str, optional
        Its name, where the file has several.
    fixed : mapping, optional
        Numbers or words of parameters that are known when the file is read: what they switch off
        is left out, and they are no parameters of the class.
    bounds : mapping, optional
        (low, high) of states for which the file has no limits, by the name of variable or node, in
        its own unit; by default parameters called ``x_min`` and ``x_max``, or ``xmin`` and
        ``xmax``, are the ends of ``x`` there.
    noise_step : float, optional
        Second: the step for which the file means its random numbers (``$rdist_normal``) in a rate;
        default: that of ``$bound_step``. The state's noise is white, with the spread that steps of
        this length give.

    Returns
    -------
    type
        A class below `Device`: its parameters are the module's, ``$temperature`` is the parameter
        ``temperature`` in kelvin, where it is used. ``notes`` says what of the file has no effect.

    Raises
    ------
    VerilogAError
        The file cannot be read, or the module is beyond the subset; with file and line.
    ParameterError
        No such module, parameter or state.

    Examples
    --------
    >>> from crossbarsim.devices import read_verilog_a
    >>> Cell = read_verilog_a('''
    ... `include "disciplines.vams"
    ... module cell(p, n);
    ...   inout p, n; electrical p, n;
    ...   (* units="S" *) parameter real g = 1m from (0:inf);
    ...   parameter real tau = 1u from (0:inf);
    ...   real w;
    ...   analog begin
    ...     w = idt((V(p, n) - w) / tau, 0.1);
    ...     if (w < 0) w = 0;
    ...     if (w > 1) w = 1;
    ...     I(p, n) <+ g * w * V(p, n);
    ...   end
    ... endmodule''')
    >>> device = Cell(tau=2e-6)
    >>> device.state_names, float(device.current(0.5, [0.1]))
    (('w',), 5e-05)
    >>> round(float(device.rate(0.5, [0.1])[0]))  # per second
    200000
    """
    text, file, folder = _source(source)
    for argument, given in (("fixed", fixed), ("bounds", bounds)):
        for name in given or {}:
            if not isinstance(name, str):
                raise ParameterError(f"`{argument}`: names are strings; got {shown(name)}")
    values = {name: _plain(value) for name, value in (fixed or {}).items()}
    origin = Origin(
        text, file, (), module or "", tuple(sorted(values.items())),
        tuple(sorted((k, (float(v[0]), float(v[1]))) for k, v in (bounds or {}).items())),
        _plain(noise_step),
    )
    return _class_of(origin, Sources(folder=folder))


def _plain(value: Any) -> Any:
    """Return a number as Python's float, by which equal classes are known; others as they are."""
    real = as_float(value)
    return value if real is None else real


def device_from_verilog_a(path: str | Path, module: str | None = None) -> type[Device]:
    """Return the device of a module, known by its name from now on, so that decks find it.

    Raises
    ------
    VerilogAError
        As of `read_verilog_a`.
    ParameterError
        No such module, or another model of its name.
    """
    found = read_verilog_a(path, module)
    HOMES.setdefault(found, set()).add(str(Path(path).resolve()))
    return register(found)


@checks_arguments
def describe_verilog_a(source: str | Path, module: str | None = None) -> ModuleDescription:
    r"""Return terminals and parameters of a module, also where its equations are beyond the subset.

    Parameters
    ----------
    source, module
        As of `read_verilog_a`.

    Raises
    ------
    VerilogAError
        The file cannot be read.
    ParameterError
        No such module.

    Examples
    --------
    >>> from crossbarsim.devices import describe_verilog_a
    >>> found = describe_verilog_a('''module r(p, n); electrical p, n;
    ...   (* units="ohm", desc="resistance" *) parameter real r = 1k from (0:inf);
    ...   analog I(p, n) <+ V(p, n) / r;
    ... endmodule''')
    >>> found.terminals
    ('p', 'n')
    >>> print(found)
    r(p, n)
      r = 1000 ohm, (0:inf)  resistance
    """
    text, file, folder = _source(source)
    sources = Sources(folder=folder)
    return described(_module(preprocess(text, file, sources), module, file))


def from_origin(origin: Origin, settings: Mapping[str, Any]) -> VerilogADevice:
    """Return a device that was pickled."""
    return _class_of(origin, Sources(dict(origin.files)))(**settings)


def class_from_record(record: Mapping[str, Any]) -> type[VerilogADevice]:
    """Return the class that `Origin.record` described, of a saved array."""
    origin = Origin.read(record)
    return _class_of(origin, Sources(dict(origin.files)))


def _source(source: str | Path) -> tuple[str, str, Path | None]:
    """Return text, name and folder."""
    if isinstance(source, str) and ("\n" in source or "module " in source):
        return source.removeprefix("\ufeff"), "<text>", None
    path = Path(source)
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace"), path.name, path.parent
    except (OSError, ValueError) as error:
        raise VerilogAError(f"{path} cannot be read: {error}") from None


def _module(tokens: list[Token], name: str | None, file: str) -> Module:
    try:
        modules = parse(tokens)
    except RecursionError:
        raise refusal(Place(file, 1), "the file is nested too deeply") from None
    if not modules:
        raise VerilogAError("there is no module", file=file)
    if not name:
        if len(modules) > 1:
            raise ParameterError(f"{file} has several modules; say which: "
                                 + ", ".join(m.name for m in modules))
        return modules[0]
    for module in modules:
        if module.name == name:
            return module
    raise ParameterError(f"{file} has no module `{name}`"
                         f"{closest(name, [m.name for m in modules])}")


def _class_of(origin: Origin, sources: Sources) -> type[VerilogADevice]:
    tokens = preprocess(origin.text, origin.file, sources)
    origin = Origin(origin.text, origin.file, tuple(sorted(sources.files.items())), origin.module,
                    origin.fixed, origin.bounds, origin.noise_step)
    content = repr(([(t.kind, t.text) for t in tokens], origin.module, origin.fixed, origin.bounds,
                    origin.noise_step))
    digest = hashlib.sha256(content.encode()).hexdigest()[:12]
    with _lock:  # the same content is the same class
        if digest not in _made:
            module = _module(tokens, origin.module or None, origin.file)
            try:
                made = build_class(module, origin, digest, from_origin)
            except (TooLarge, RecursionError):
                raise refusal(module.place, f"module `{module.name}` becomes longer than a law can "
                              "be; compile the file (load_verilog_a)") from None
            except VerilogAError:
                raise
            except CrossbarSimError as error:
                if isinstance(error, ParameterError):
                    raise
                raise refusal(module.place, str(error)) from None
            _made[digest] = made
        return _made[digest]
