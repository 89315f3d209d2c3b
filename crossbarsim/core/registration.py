"""Modules that fill registries of the layers below, imported when one of these is first asked.

So that importing the package costs nothing, and yet a deck finds every model by name: the package
names the module here, and a registry calls `registered` before it looks something up.
"""

from __future__ import annotations

from importlib import import_module

__all__ = ["fills_registries", "registered"]

_modules: list[str] = []


def fills_registries(module: str) -> None:
    """Name a module that registers something when it is imported."""
    if module not in _modules:
        _modules.append(module)


def registered() -> None:
    """Import what was named; a module that is there already costs a look-up."""
    for module in _modules:
        import_module(module)
