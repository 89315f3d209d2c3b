"""The part of a model's laws that cells with frozen states need, for whole vectors of cells."""

from __future__ import annotations

import ast
from collections.abc import Collection
from functools import lru_cache

from ...core.laws.lanes import NotForLanes, lane_source

__all__ = ["lane_currents"]

_MARK = "lane_"  # before the names of functions of vectors


@lru_cache(maxsize=256)
def lane_currents(law: str, entry: str, words: tuple[int, ...] = ()) -> str:
    """Return source of vectors of the function `entry` in `law`, and of what it calls.

    Named ``lane_`` and their names; "" where the law is none for vectors. Parameters in `words` are
    choices.
    """
    functions = {
        part.split("(", 1)[0].removeprefix("def ").strip(): part
        for part in law.split("\n\n") if part.startswith("def ")
    }
    if entry not in functions:
        return ""
    needed = _needed(entry, functions)
    try:
        return lane_source(
            [_renamed(text, needed) for name, text in functions.items() if name in needed], words
        )
    except NotForLanes:
        return ""


def _needed(entry: str, functions: dict[str, str]) -> set[str]:
    """Return the functions that `entry` calls, itself among them."""
    found, left = {entry}, [entry]
    while left:
        for part in ast.walk(ast.parse(functions[left.pop()])):
            name = part.func.id if isinstance(part, ast.Call) and isinstance(
                part.func, ast.Name
            ) else ""
            if name in functions and name not in found:
                found.add(name)
                left.append(name)
    return found


def _renamed(text: str, names: Collection[str]) -> str:
    """Return a function with the marked names of itself and of what it calls."""
    tree = ast.parse(text)
    for part in ast.walk(tree):
        if isinstance(part, ast.FunctionDef):
            part.name = _MARK + part.name
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and (
            part.func.id in names
        ):
            part.func.id = _MARK + part.func.id
    return ast.unparse(tree)
