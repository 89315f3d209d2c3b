"""Which column of a measured table is the time, the voltage or the current, and in which unit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ....core.errors import ParameterError
from ....core.settings import closest

__all__ = ["Block", "Column", "bare_name", "find", "power_of"]

Column: TypeAlias = str | int | None

_PREFIX = {"f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "": 0, "k": 3, "M": 6}
_SYMBOLS = {"time": r"(?:s|sec|secs|seconds?)", "voltage": r"(?:V|volts?)",
            "current": r"(?:A|amps?|amperes?)"}
_NAMES = {
    "time": r"^(.*[ _-])?(time(stamp)?|zeit|t|seconds?)\d*$",
    "voltage": r"^(.*[ _-])?(volt(age|s)?|spannung|bias|v|[a-z]+v|v[a-z0-9]*|ch1)\d*$",
    "current": r"^(.*[ _-])?(curr(ent)?|strom|amps?|i|[a-z]+i|i[a-z0-9]*|ch2)\d*$",
}


@dataclass(frozen=True)
class Block:
    """Rows of numbers under their headers."""

    names: Sequence[str]
    columns: Sequence[Sequence[Any]]
    line: int  # of the first row


def bare_name(name: str) -> tuple[str, str]:
    """Return a header without its unit, and the unit."""
    match = re.fullmatch(r"(.*?)\s*(?:[\[(](.*?)[\])]|/\s*(\S+)|_([fpnuµμmk]?[sVA]))", name.strip())
    if match is None:
        return name.strip(), ""
    if (match.group(2) or "").isdecimal():  # "AnodeI(2)": of the second run
        return match.group(1).strip(), ""
    return match.group(1).strip(), (match.group(2) or match.group(3) or match.group(4) or "")


def power_of(name: str, quantity: str) -> int:
    """Return the power of ten of a column's unit."""
    unit = bare_name(re.sub(r"^\s*abs\s*\(([^()]*)\)", r"\1", name, flags=re.IGNORECASE))[1].strip()
    match = re.fullmatch(rf"([fpnuµμmkM]?){_SYMBOLS[quantity]}", unit)
    if match is not None:
        return _PREFIX[match.group(1)]
    if unit and re.fullmatch(r"[A-Za-zµμ/^0-9]+", unit) and quantity in ("voltage", "current"):
        raise ParameterError(
            f"column `{name}`: {unit} is no unit of {quantity}; expected such as "
            f"{'mV' if quantity == 'voltage' else 'mA'}"
        )
    return 0


def find(block: Block, quantity: str, wanted: Column, *, needed: bool) -> int | None:
    """Return the place of a column."""
    names, count = list(block.names), len(block.columns)
    if isinstance(wanted, int):
        if not 0 <= wanted < count:
            raise ParameterError(f"`{quantity}` = {wanted}: there are columns 0 to {count - 1}")
        return wanted
    if wanted is not None:
        for k, name in enumerate(names):
            if wanted.casefold() in (name.casefold(), bare_name(name)[0].casefold()):
                return k
        raise ParameterError(f"no column `{wanted}`{closest(wanted, names)}")
    found = [k for k, name in enumerate(names) if _means(name, quantity)]
    exact = [k for k in found if re.search(quantity[:4], names[k], re.IGNORECASE)]
    if len(found) > 1 and len(exact) == 1:
        found = exact
    measured = [k for k in found if _in_unit(names[k], quantity)]
    if len(found) > 1 and len(measured) == 1:  # I (mA) beside Index
        found = measured
    if len(found) > 1 and quantity == "current":  # AnodeI of AnodeV, Itop of Vtop
        volts = [k for k, name in enumerate(names) if _means(name, "voltage")]
        same = [k for k in found if len(volts) == 1 and
                _whose(names[k], "i") == _whose(names[volts[0]], "v")]
        found = same if len(same) == 1 else found
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        listed = ", ".join(f"`{names[k]}`" for k in found)
        raise ParameterError(f"{listed} may be the {quantity}: choose with `{quantity}=`")
    if not needed:
        return None
    listed = ", ".join(f"`{n}`" if n else "one without a name" for n in names)
    raise ParameterError(f"no column is the {quantity} ({listed}): say which with `{quantity}=`")


def _whose(name: str, letter: str) -> str:
    """Return what a column's name says besides V or I, such as the terminal."""
    bare = bare_name(name)[0].casefold()
    return bare[1:] if bare.startswith(letter) else bare.removesuffix(letter)


def _in_unit(name: str, quantity: str) -> bool:
    """Return whether a column's name has a unit of the quantity."""
    return re.fullmatch(rf"[fpnuµμmkM]?{_SYMBOLS[quantity]}", bare_name(name)[1] or "") is not None


def _means(name: str, quantity: str) -> bool:
    if _in_unit(name, quantity):
        return True
    bare, unit = bare_name(name)
    others = [q for q in _SYMBOLS if q != quantity]
    if unit and any(re.fullmatch(rf"[fpnuµμmkM]?{_SYMBOLS[q]}", unit) for q in others):
        return False
    return re.match(_NAMES[quantity], bare, re.IGNORECASE) is not None
