"""How help is shown: flags without a type, paragraphs without the line ends of their source."""

from __future__ import annotations

import re
from typing import Any

from typer.core import TyperCommand, TyperGroup

__all__ = ["Command", "Group", "flowing"]


def flowing(text: str) -> str:
    """Return a text whose paragraphs are one line each, for the terminal to fold."""
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()))


class _Shown:
    """What commands and groups have in common."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        if options.get("help"):
            options["help"] = flowing(options["help"])
        super().__init__(*arguments, **options)

    def get_params(self, ctx: Any) -> list[Any]:
        """Return all parameters; what is given without a value shows none."""
        found: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for one in found:
            if getattr(one, "is_flag", False) or getattr(one, "count", False):
                one.metavar = ""
        return found


class Command(_Shown, TyperCommand):
    """A command."""


class Group(_Shown, TyperGroup):
    """A group of commands."""
