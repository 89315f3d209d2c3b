"""What it means that an argument acts: another right value gives another result, or is refused.

A row of `ROWS` says how the result is seen (of a record: by the verb that uses it), and of each argument
its second value; booleans, numbers and choices have one by themselves.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

from crossbarsim import CrossbarSimError

from .api import THINGS, entry_of, signature
from .values import equal, fingerprint


class Second:
    """A second value, with the other arguments that it takes to act."""

    def __init__(self, value: Any, **others: Any) -> None:
        self.value, self.others = value, others


class Same(Second):
    """The same numbers, and why."""

    def __init__(self, value: Any, why: str, **others: Any) -> None:
        super().__init__(value, **others)
        self.why = why


class Refused(Second):
    """An error of ours that matches: what does not act is refused, and limits that are too small are met."""

    def __init__(self, value: Any, match: str, **others: Any) -> None:
        super().__init__(value, **others)
        self.match = match


@dataclass
class Row:
    """How the arguments of an entry point are seen to act."""

    use: Callable[..., Any] | None = None
    base: Mapping[str, Any] = field(default_factory=dict)  # instead of those of rows.py
    seconds: Mapping[str, Any] = field(default_factory=dict)


def parameters_of(name: str) -> list[str]:
    return list(signature(entry_of(name).call if "." in name else THINGS[name]))


def choices_of(call: Callable[..., Any], argument: str) -> list[str]:
    """Return the words of a Literal, itself or in a union."""
    try:
        hints = get_type_hints(getattr(call, "__init__", call) if inspect.isclass(call) and call.__init__ is not object.__init__ else call)
    except NameError:
        return []
    hint = hints.get(argument)
    found = [hint, *get_args(hint)]
    return [word for one in found if get_origin(one) is Literal for word in get_args(one)]


def derived(call: Callable[..., Any], argument: str, value: Any) -> Any:
    """Return a second value of booleans, numbers and choices; None where a row must give it."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return next((c for c in choices_of(call, argument) if c != value), None)
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float) and value and np.isfinite(value):
        return 1.5 * value
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.any():
        return 1.5 * value
    return None


def judged(name: str, argument: str, row: Row) -> str:
    """Return what is wrong with an argument; empty where it acts, or is refused."""
    entry = entry_of(name)
    use = row.use or entry.call
    base = {**entry.arguments, **row.base}
    second = row.seconds.get(argument)
    if row.use is None and inspect.isclass(THINGS.get(name)):
        return "a record is seen by what uses it: give it a row"
    if argument not in row.seconds:
        second = derived(THINGS.get(name, entry.call), argument, base.get(argument))
        if second is None:
            return "no second value: give it a row"
    if not isinstance(second, Second):
        second = Second(second)
    base |= second.others
    changed = {**base, argument: second.value}
    if isinstance(second, Refused):
        try:
            use(**changed)
        except CrossbarSimError as error:
            return "" if re.search(second.match, str(error)) else f"another error: {error!s:.150}"
        return "neither refused nor seen to act"
    same = equal(fingerprint(use(**base)), fingerprint(use(**changed)))
    if isinstance(second, Same):
        return "" if same else "another result"
    return "the same result" if same else ""
