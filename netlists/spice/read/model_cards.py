"""Model cards of a deck, read when an element asks for one."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ....core.errors import BackendUnavailable, CrossbarSimError, NetlistError, ParameterError
from ....core.units import plain_number
from ... import device_protocol
from ...circuit import Circuit
from ...elements import Model
from ...osdi import Module
from ..cards import BINS, CANONICAL, CARDS, EKV_LEVELS, Foundry, card, levels_of
from .bins import choose, find_bins
from .element_line import CardLine
from .lines import Line
from .module_cards import (
    Remarks,
    check_foundry,
    number_on,
    of_module,
    pass_over,
    shipped,
)
from .scope import Scope
from .subcircuit_tree import Block, did_you_mean

__all__ = ["INFORMATION", "Models"]

# what vendors' libraries tell about a part, without effect on it
INFORMATION = (
    "mfg", "manufacturer", "type", "vpk", "iave", "irms", "vceo", "vcbo", "vebo", "icrating",
    "vds", "ron", "ron_typ", "qg", "partno", "rthjc", "rthca", "cthj",
)


class Models:
    """Reads model cards into a circuit, each once; `other` has values other than written."""

    def __init__(self, circuit: Circuit, other: Mapping[tuple[str, str], float]) -> None:
        self.circuit, self.other = circuit, other
        self._found: dict[tuple[Scope, str], Model] = {}
        self._told: set[str] = set()
        self._levels: dict[Line, tuple[str, int | str]] = {}
        # lengths and widths that elements of a model take where they say none
        self.sizes: dict[str, dict[str, float]] = {}
        self.modules: Mapping[str, Module] = {}  # compiled ones, by lower-case name

    def known(self, name: str, scope: Scope) -> bool:
        """Return whether there is a model of that name, or several for sizes (bins)."""
        return scope.find_model(name) is not None or find_bins(scope, name) is not None

    def level(self, element: CardLine, name: str, kinds: Sequence[str]) -> tuple[str, int | str]:
        """Return kind and level of a model, of one of its bins."""
        bins = None if element.scope.find_model(name) else find_bins(element.scope, name)
        if bins is None:
            model = self.find(element, name, kinds)
            return model.kind, model.level
        scope, line = bins[0], bins[1][0]
        if line not in self._levels:
            cursor = CardLine(line, scope)
            cursor.name = f"the model {cursor.word('the model name')}"
            kind, given = _given(cursor, scope, {name})
            if kind not in ("nmos", "pmos"):
                raise element.error(f"`{name}` has bins, and is of kind {kind}: transistors alone "
                                    "(nmos, pmos) are chosen by their size")
            self._levels[line] = kind, _level(cursor, given)
        if self._levels[line][0] not in kinds:
            raise element.error(f"the model `{name}` is of kind {self._levels[line][0]}, not "
                                f"{' or '.join(kinds)}")
        return self._levels[line]

    def sized(
        self, element: CardLine, name: str, kinds: Sequence[str], length: float, width: float
    ) -> Model:
        """Return the model `name`, of its bins the one for a length and width, metre."""
        bins = None if element.scope.find_model(name) else find_bins(element.scope, name)
        if bins is not None:
            name = choose(element, name, *bins, length, width)
        return self.find(element, name, kinds)

    def find(self, element: CardLine, name: str, kinds: Sequence[str]) -> Model:
        """Return the model `name` for an element that takes `kinds`; memristors with ``""``."""
        place = element.scope.find_model(name)
        if place is None:
            known = {n for scope in element.scope.chain() for n in (*scope.models, *scope.bins)}
            raise element.error(f"there is no model `{name}`{did_you_mean(name, known)}")
        model = self.read(*place)
        memristor = model.kind not in CARDS
        if model.kind not in kinds and not (memristor and "" in kinds):
            wanted = " or ".join(kind or "a memristor" for kind in kinds)
            raise element.error(f"the model `{name}` is of kind {model.kind}, not {wanted}")
        return model

    def rest(self, scope: Scope, own: str) -> None:
        """Read the cards that no element has asked for.

        Not those of other sizes than elements have. What cannot be read is noted where it stands in
        a library, another file than the deck's `own`, or would need a package to be installed.
        """
        sized = {line for lines in scope.bins.values() for line in lines}
        for line in scope.models.values():
            if line in sized:
                continue
            try:
                self.read(scope, line)
            except NetlistError as error:
                why = error.__cause__
                if not isinstance(why, BackendUnavailable) and (line.file == own or scope.strict):
                    raise
                self.circuit.notes.append(f"{line.file}:{line.number}: an unused card is left out: "
                                          f"{error.message.splitlines()[0]}")

    def read(self, scope: Scope, line: Line) -> Model:
        """Return the model of a line."""
        key = (scope, line.text.split(maxsplit=2)[1].lower())
        if key not in self._found:
            remarks = Remarks([], {})
            model = read_model(scope, line, remarks, self.modules)
            other = {p: v for (name, p), v in self.other.items() if name == model.name}
            if other:
                model = replace(model, parameters={**model.parameters, **other})
            self._found[key] = model
            where = f"{line.file}:{line.number}: the model {key[1]}: "
            told = dict.fromkeys(where + note for note in remarks.notes)
            # a card inside of a subcircuit is read for every instance
            self.circuit.notes += [note for note in told if note not in self._told]
            self._told |= told.keys()
            self.sizes[model.name] = remarks.sizes
            self.circuit.models[model.name] = model
        return self._found[key]


def read_model(
    scope: Scope, line: Line, remarks: Remarks, modules: Mapping[str, Module] = {},
) -> Model:
    """Read ``.model name kind(level=1 name=value ...)``; `remarks` gets what is no parameter."""
    cursor = CardLine(line, scope)
    cursor.name = ".model"
    name = cursor.word("the model's name")
    cursor.name = f"the model {name}"
    kind, given = _given(cursor, scope, {name})
    if kind == "vdmos":
        given.pop("nchan", None)
        kind = "vdmosn" if given.pop("pchan", None) is None else "vdmosp"
    full = f"{scope.prefix}{name}"
    compiled = modules.get(kind) or shipped(cursor, kind)
    if compiled is not None:
        parameters = of_module(cursor, compiled, given, remarks)
        return Model(full, kind, 1, parameters, line.where, compiled)
    if kind in _RAMPS:
        return Model(full, *_ramp(cursor, kind, given, remarks), line.where)
    if kind in CARDS:
        kind = CANONICAL.get(kind, kind)
        level, parameters = _of_card(cursor, kind, given, remarks)
        module = table.module if isinstance(table := card(kind, level), Foundry) else None
        return Model(full, kind, level, parameters, line.where, module)
    return _memristor(cursor, full, kind, given, remarks)


def _given(cursor: CardLine, scope: Scope, seen: set[str]) -> tuple[str, dict[str, Any]]:
    """Read kind and values of a card, those of the model that it is a kind of (``ako:``) first."""
    kind = cursor.word("the model's kind")
    if not kind.startswith("ako:"):
        return kind, dict(_own_values(cursor.line, cursor.at, kind))
    base = kind.removeprefix("ako:")
    place = scope.find_model(base)
    if place is None or base in seen:
        known = {n for s in scope.chain() for n in s.models}
        what = "is made of itself" if base in seen else "is not there"
        raise cursor.error(f"the model `{base}` {what}{did_you_mean(base, known)}")
    other = CardLine(place[1], place[0])
    other.word("the model's name")
    inherited, values = _given(other, place[0], {*seen, base})
    if not cursor.done and cursor.peek() and not cursor.names_value:
        own = cursor.word("the model's kind")
        if CANONICAL.get(own, own) != CANONICAL.get(inherited, inherited):
            raise cursor.error(f"`{base}` is of kind {inherited}, not {own}")
    return inherited, {**values, **_values(cursor, _FLAGS.get(inherited, ()))}


_NOWHERE = Scope(Block("", (), {}, [], None), None, "", {}, {})

# the channel of LTspice's and ngspice's power transistors
_FLAGS: dict[str, tuple[str, ...]] = {
    "vdmos": ("nchan", "pchan"),
    "ltra": (
        "steplimit", "nosteplimit", "nocontrol", "lininterp", "quadinterp", "mixedinterp",
        "truncnr", "truncdontcut",
    ),
}

# PSpice's switches: kind -> our kind, letter of its parameters, defaults of on and off
_RAMPS = {"vswitch": ("sw", "v", 1.0, 0.0), "iswitch": ("csw", "i", 1e-3, 0.0)}


def _ramp(
    cursor: CardLine, kind: str, given: dict[str, Any], remarks: Remarks
) -> tuple[str, int, dict[str, float | str]]:
    """Return PSpice's switch, whose conductance goes smoothly from `voff` to `von`, as ours."""
    ours, letter, on, off = _RAMPS[kind]
    found = {"ron": 1.0, "roff": 1e6, f"{letter}on": on, f"{letter}off": off}
    for name, value in given.items():
        if name not in found:
            pass_over(cursor, name, f"there is no parameter `{name}`", found, remarks)
            continue
        found[name] = number_on(cursor, name, value)
    high, low = found[f"{letter}on"], found[f"{letter}off"]
    if high == low or min(found["ron"], found["roff"]) <= 0:
        raise cursor.error(f"`{letter}on` and `{letter}off` must differ, `ron` and `roff` be > 0")
    first, last = ("ron", "roff") if high > low else ("roff", "ron")
    return ours, 1, {
        f"{letter}t": 0.5 * (high + low), f"{letter}h": -0.5 * abs(high - low),
        "ron": found[first], "roff": found[last],
    }


@lru_cache(maxsize=65536)  # a card inside of a subcircuit is read for every instance
def _own_values(line: Line, at: int, kind: str) -> dict[str, Any]:
    """Return the values of a card from a place on, expressions as they stand there."""
    cursor = CardLine(line, _NOWHERE)
    cursor.at, cursor.name = at, f"the model {line.text.split(maxsplit=2)[1].lower()}"
    return _values(cursor, _FLAGS.get(kind, ()))


def _values(cursor: CardLine, flags: Collection[str]) -> dict[str, Any]:
    """Read ``name=value``, in parentheses or not, and `flags`: later ones count."""
    found: dict[str, Any] = {}
    while True:
        cursor.skip()
        if cursor.done:
            return found
        if cursor.token.kind != "word":
            raise cursor.error(f"`name=value` is expected, not `{cursor.token.text}`")
        name = cursor.take().text.lower()
        if name in flags:
            found[name] = 1.0
            continue
        if not cursor.sign("="):
            # the flags of old cards, such as "off"
            raise cursor.error(f"`{name}=value` is expected")
        token = cursor.token
        text = cursor.raw()
        plain = plain_number(text) if token.kind == "word" else None
        if plain is not None:
            found[name] = plain
        elif token.kind == "string" or name in ("preset", "level") or (
            name == "version" and re.fullmatch(r"[\d.]+", text)
        ):
            found[name] = text.lower() if token.kind != "string" else text
        else:
            found[name] = (text, cursor.line)


_SOI = {"vth0", "tsi", "tbox", "k1", "nch", "u0", "vsat"}  # what EKV's cards do not have


def _level(cursor: CardLine, given: Mapping[str, Any]) -> int | str:
    """Return the level of a card."""
    level = given.get("level", 1.0)
    if str(level).lower() in EKV_LEVELS or (
        isinstance(level, float) and f"{level:g}" in EKV_LEVELS
    ):
        if str(level).lower() in ("55", "55.0") and (cursor.scope.ngspice or {*given} & _SOI):
            raise cursor.error("level 55 is BSIM3SOI in ngspice, which is not supported; HSPICE's "
                               "EKV of that number is level=ekv here, 44 or 260")
        return "ekv"
    if isinstance(level, float) and level == int(level):
        return int(level)
    raise cursor.error(f"`level` = {level!r} is not known")


def _of_card(
    cursor: CardLine, kind: str, given: dict[str, Any], remarks: Remarks
) -> tuple[int | str, dict[str, float | str]]:
    chosen = _level(cursor, given)
    given.pop("level", None)
    try:
        table = card(kind, chosen)
    except KeyError:
        levels = ", ".join(map(str, levels_of(kind)))
        raise cursor.error(
            f"level {chosen} of {kind} is not supported; there are {levels}"
        ) from None
    except BackendUnavailable as error:
        raise cursor.error(str(error)) from error
    if isinstance(table, Foundry):
        check_foundry(cursor, kind, table, given, remarks)
    parameters: dict[str, float | str] = {}
    about: list[str] = []
    for name, value in given.items():
        key = table.aliases.get(name, name)
        if name in table.changing:
            raise cursor.error(f"`{name}` makes it {table.changing[name]}")
        if name in table.idle:
            remarks.notes.append(f"`{name}`: {table.idle[name]}")
            if name in ("l", "w"):
                remarks.sizes[name] = number_on(cursor, name, value)
        elif isinstance(table, Foundry) and key in table.texts:
            parameters[key] = str(value) if isinstance(value, str) else f"{value:g}"
        elif key in table.parameters:
            parameters[key] = number_on(cursor, name, value)
        elif name in BINS:
            continue  # they chose the card
        elif name in INFORMATION:
            about.append(name)
        else:
            known = {*table.parameters, *table.aliases}
            pass_over(cursor, name, f"a {table.title} has no `{name}`", known, remarks)
    if about:
        remarks.notes.append(f"{', '.join(about)}, about the part, have no effect")
    return chosen, parameters


def _memristor(
    cursor: CardLine, full: str, kind: str, given: dict[str, Any], remarks: Remarks
) -> Model:
    """Read the card of a device of the registry; `preset` names a published parameter set."""
    try:
        found = device_protocol.model(kind)
    except ParameterError:
        kinds = (*CARDS, *device_protocol.models())
        raise cursor.error(
            f"there is no kind of model `{kind}`{did_you_mean(kind, kinds, 60)} (a compiled module "
            "is loaded by `.hdl`)"
        ) from None
    preset = given.pop("preset", None)
    parameters: dict[str, float | str] = {}
    known = found().parameters()
    words = [str(name).lower() for name, value in known.items() if isinstance(value, str)]
    for name, value in given.items():
        if isinstance(value, tuple) and name in words:
            parameters[name] = str(value[0]).lower()
            continue
        number = isinstance(value, (float, tuple))
        parameters[name] = number_on(cursor, name, value) if number else str(value)
    try:
        arguments = _arguments(parameters, known)
        plain = found() if preset is None else found.preset(str(preset))
        words_of = {**plain.parameters(), **arguments}
        for name, (choice, words) in getattr(found, "acts_with", {}).items():
            if name in arguments and words_of[choice] not in words:
                remarks.notes.append(
                    f"`{name}` acts where `{choice}` is {' or '.join(words)}; the card has "
                    f"{choice}={words_of[choice]}"
                )
                del arguments[name], parameters[name]
        found(**arguments) if preset is None else found.preset(str(preset), **arguments)
    except CrossbarSimError as error:
        if isinstance(error, NetlistError):
            raise
        raise cursor.error(str(error)) from None
    if preset is not None:
        parameters["preset"] = str(preset)
    return Model(full, kind.lower(), 1, parameters, cursor.line.where)


def _arguments(parameters: dict[str, float | str], known: Any) -> dict[str, Any]:
    """Return the parameters as the device takes them: its own spelling, `polarity` whole."""
    spelling = {str(name).lower(): name for name in known}
    found: dict[str, Any] = {}
    for name, value in parameters.items():
        whole = name == "polarity" and isinstance(value, float) and value == int(value)
        found[spelling.get(name, name)] = int(value) if whole else value
    return found
