"""``.options``: what counts, what is noted, what is refused."""

from __future__ import annotations

import re

from ....core.units import plain_number
from ...analyses import NUMBER_OPTIONS
from ...circuit import Circuit
from ..read.subcircuit_tree import near
from .command_line import CommandLine
from .command_names import CHANGING, OPTION_NAMES, WITHOUT_EFFECT

# Xyce's groups of options, and those that mean here what they mean there
_PACKAGES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("diagnostic", "dist", "fft", "hbint", "linsol", "linsol-ac", "linsol-hb",
                     "loca", "measure", "nonlin", "nonlin-hb", "nonlin-tran", "output", "parser",
                     "restart", "sampling", "sensitivity"), ()),
    "device": ("gmin", "temp", "tnom"), "timeint": ("reltol",),
}

__all__ = ["read_options", "set_temperature"]


def set_temperature(c: CommandLine, circuit: Circuit, celsius: float) -> None:
    """Set the temperature."""
    if celsius <= -273.15:
        raise c.error(f"{celsius:g} degree Celsius is below absolute zero")
    circuit.temperature = celsius + 273.15


def read_options(c: CommandLine, circuit: Circuit) -> None:
    """Read the options of a line; of Xyce's packages those that are ours, too."""
    package = c.peek() if c.peek() in _PACKAGES and not c.names_value else ""
    if package:
        c.take()
    while True:
        c.skip()
        if c.done:
            return
        name = c.token.text.lower()
        if name not in (_PACKAGES[package] if package else OPTION_NAMES):
            _unknown(c, circuit, name)
            continue
        c.take()
        if name in WITHOUT_EFFECT:
            note = f"the option `{name}` has no effect: it is about {WITHOUT_EFFECT[name]}"
            circuit.notes.append(f"{c.line.file}:{c.line.number}: {note}")
        if not c.sign("="):
            circuit.options[name] = 1.0
            _no_change(c, circuit, name)
            continue
        text = c.raw()
        plain = plain_number(text)
        word = name not in NUMBER_OPTIONS and plain is None and re.fullmatch(
            r"[a-z]\w*", text.lower()
        )
        if word and c.scope.parameter(text.lower()) is None:
            circuit.options[name] = text.lower()
        else:
            circuit.options[name] = c.number_of(text, f"`{name}`")
        _no_change(c, circuit, name)
        if name == "seed":
            _seed(c, circuit.options[name])
        if name == "temp":
            set_temperature(c, circuit, float(circuit.options.pop("temp")))


def _seed(c: CommandLine, value: float | str) -> None:
    """Refuse what is no seed: a deck's numbers can be had again."""
    if not isinstance(value, float) or value != int(value) or value < 0:
        raise c.error(f"`seed` must be a whole number >= 0; got {value}")


def _unknown(c: CommandLine, circuit: Circuit, name: str) -> None:
    """Note an option of another simulator and go on behind it, or refuse it."""
    message = f"there is no option `{name}`{near(name, OPTION_NAMES)}"
    if name in OPTION_NAMES:
        message = f"the option `{name}` of that package of Xyce is another one"
    if c.token.kind != "word":
        raise c.error(f"an option is expected, not `{c.token.text}`")
    if c.scope.strict:
        raise c.error(f"{message}\nthere are {', '.join(sorted(OPTION_NAMES))}")
    c.take()
    if c.sign("="):
        c.raw()
    hint = "" if "did you mean" in message else "; it has no effect"
    circuit.notes.append(f"{c.line.file}:{c.line.number}: {message}{hint}")


def _no_change(c: CommandLine, circuit: Circuit, name: str) -> None:
    """Refuse options that would change results in a way that is not supported."""
    if name in CHANGING and circuit.options[name] != CHANGING[name][0]:
        raise c.error(f"the option `{name}` would change the results and is not supported: "
                      f"{CHANGING[name][1]}")
