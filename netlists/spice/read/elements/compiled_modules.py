"""Instances of compiled modules (N), the libraries that a deck asks for, and their model cards."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .....core.errors import BackendUnavailable, NetlistError, ParameterError
from .... import device_protocol
from ....elements import Element, Model
from ....module_methods import check_terminals
from ....osdi import Module, load_osdi, load_verilog_a
from ....osdi.values import instance_values, names_of_instance, plain_names
from ...cards import CARDS
from ..element_line import CardLine
from ..lines import Line
from ..model_cards import Models
from .semiconductors import read_memristor

__all__ = ["asked_modules", "is_library", "read_n"]

_WORD = re.compile(r'"([^"]*)"|(\S+)')
_COMMANDS = ("pre_osdi", "osdi")  # of control blocks
_SOURCES = (".va", ".vams")
_HEATED = ("dta", "trise")  # what foundries' decks call `dtemp`


def is_library(line: Line) -> bool:
    """Return whether a line of a control block loads libraries."""
    return line.text.split(maxsplit=1)[0].lower() in _COMMANDS


def asked_modules(lines: Iterable[Line], control: Iterable[Line]) -> dict[str, Module]:
    """Return the modules that a deck loads, by lower-case name.

    Sources that cannot be compiled become compact models, where they can be read as such.
    ``.hdl "x.va"`` and ``.hdl x.osdi`` stand in the deck, ``pre_osdi x.osdi`` and ``osdi x.osdi``
    in control blocks; paths are relative to the deck's folder, or else to the current one.

    Raises
    ------
    NetlistError
        A library that is missing or wrong, two modules of one name, or one whose name is that of a
        kind of model cards.
    """
    found: dict[str, Module] = {}
    wanted = [line for line in lines if line.command == ".hdl"]
    wanted += [line for line in control if is_library(line)]
    for line in wanted:
        files = [quoted or plain for quoted, plain in _WORD.findall(line.text)][1:]
        if not files:
            raise line.error("the path of a Verilog-A source or an OSDI library is expected")
        for file in files:
            for module in _load(line, file):
                key = module.name.lower()
                other = found.get(key)
                if other is not None and other.file != module.file:
                    raise line.error(f"there are two modules `{key}`: {other.file} has one, too")
                if key in CARDS:
                    raise line.error(
                        f"module `{module.name}` has the name of a kind of model cards of SPICE: "
                        "rename it in its source")
                found[key] = module
    return found


def _load(line: Line, file: str) -> Iterable[Module]:
    base = Path(line.file).parent if line.file != "<text>" else Path()
    path = next((p for p in (base / file, Path(file)) if p.is_file()), base / file)
    try:
        source = path.suffix.lower() in _SOURCES
        if source and not line.text.startswith("."):
            raise line.error("a compiled library is expected: load a source by `.hdl`")
        return (load_verilog_a(path) if source else load_osdi(path)).modules.values()
    except BackendUnavailable as error:
        if source:
            return _as_device(line, path, str(error))
        raise
    except NetlistError as error:
        if error.file == line.file:
            raise
        if source:
            return _as_device(line, path, f"the compiler says: {error}")
        place = f"{error.file}:{error.line}" if error.line is not None else error.file
        raise line.error(f"{place}: {error.message}") from None


def _as_device(line: Line, path: Path, reason: str) -> Iterable[Module]:
    """Register a source as a compact model where it cannot be compiled; there is no module then."""
    try:
        device_protocol.read_source(path)
    except (NetlistError, ParameterError) as error:
        raise line.error(f"{reason}; and it is no law of a memristive device: {error}") from None
    return ()


def read_n(card: CardLine, models: Models) -> list[Element]:
    """Read ``N1 nodes model [name=value ...]``: a compiled module, or a memristor."""
    model = _compiled_model(card, models)
    if model is None:
        return read_memristor(card, models)
    module: Any = model.module
    words = []
    while not card.done and not card.names_value:
        words.append(card.word("a node or the model"))
        card.skip()
    nodes = tuple(card.node_named(word) for word in words[:-1])
    texts = [n.lower() for p in module.parameters if p.type == "string"
             for n in (p.name, *p.aliases)]
    allowed = names_of_instance(module)
    heat = [n for n in _HEATED if n not in allowed]
    given = card.pairs((*allowed, *heat), texts=texts)
    if "dtemp" in plain_names(module):
        given = {"dtemp" if n in heat else n: v for n, v in given.items()}
    plain = {n: v if n in texts else card.plain(n, v) for n, v in given.items()}
    try:
        check_terminals(card.name, module, len(nodes))
        found: dict[str, Any] = instance_values(module, plain)
    except ParameterError as error:
        raise card.error(str(error)) from None
    if "m" in plain_names(module):
        card.multiplied(found)
    elif card.scope.multiplier != 1.0:
        raise card.error(f"module `{module.name}` has a parameter `m` of its own: copies of the "
                         "subcircuit cannot be counted")
    return [card.element(nodes, 0.0, found, model=model.name)]


def _compiled_model(card: CardLine, models: Models) -> Model | None:
    """Return the model of the line, if it is one of a compiled module."""
    last = ""
    for token, after in zip(card.tokens[1:], card.tokens[2:], strict=False):
        if token.kind == "word":
            if after.kind == "sign" and after.text == "=":
                break
            last = token.text.lower()
    place = card.scope.find_model(last) if last else None
    if place is None:
        return None
    model = models.read(*place)
    return model if model.module is not None else None
