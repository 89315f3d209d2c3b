"""Pages of the deck language, the commands and the errors, from the tables that the code reads by."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from crossbarsim.netlists.spice import cards
from crossbarsim.netlists.spice.commands import command_names as names
from crossbarsim.netlists.spice.expressions import functions
from crossbarsim.netlists.spice.read.elements import independent
from crossbarsim.netlists.spice.reader import _READERS, _REFUSED
from models import heading, table
from sphinx.application import Sphinx
from written import write_changed

import crossbarsim
from crossbarsim.cli.main import app as console


def code(words: Any) -> str:
    """Return words as code, comma after comma."""
    return ", ".join(f"``{word}``" for word in words)


def spice() -> str:
    """Write the page of the deck language."""
    lines = heading("SPICE decks: what is read, noted, refused")
    lines += [inspect.getdoc(crossbarsim.netlists.spice) or "", ""]
    lines += heading("In short", "-") + table(["", "supported", "noted, without effect", "refused"], [
        ["elements", code(sorted([*_READERS, "V", "I", "X"])), "", ", ".join(
            f"``{letter}`` ({what})" for letter, what in _REFUSED.items())],
        ["functions of time", code(independent._WAVES), "", ", ".join(  # noqa: SLF001
            f"``{word}`` ({what})" for word, what in independent._REFUSED.items())],  # noqa: SLF001
        ["options", code(names.EFFECTIVE), code(names.WITHOUT_EFFECT), code(names.CHANGING)],
        ["commands", "above, and " + code(names.OTHERS), code(names.IDLE_COMMANDS), code(names.REFUSED)],
    ])
    lines += heading("Commands that are refused", "-")
    lines += table(["command", "what it is"], [[f"``{k}``", v] for k, v in names.REFUSED.items()])
    lines += heading("Options that are noted", "-")
    lines += table(["option", "what it concerns"], [[f"``{k}``", v] for k, v in names.WITHOUT_EFFECT.items()])
    lines += heading("Options that are refused", "-") + [
        "With any other value than this one they would change results.", ""]
    lines += table(["option", "value", "what there is instead"], [
        [f"``{k}``", f"{value:g}", text] for k, (value, text) in names.CHANGING.items()])
    lines += heading("Functions of expressions", "-") + [inspect.getdoc(functions) or "", ""]
    lines += heading("Model cards", "-") + [inspect.getdoc(cards) or "", ""]
    return "\n".join(lines)


def commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Return (words, command) of all commands."""
    if hasattr(group, "commands"):
        for name, one in group.commands.items():
            yield from commands(one, f"{path} {name}")
    else:
        yield path, group


def parameter_row(one: Any) -> list[str]:
    """Return what an option or an argument is, takes and does."""
    opts = [one.name.upper()] if one.param_type_name == "argument" else one.opts + one.secondary_opts
    empty = one.default in (None, False, "", (), ...) or callable(one.default)
    shown = "" if empty else f"``{one.default}``"
    return [code(opts), shown, (getattr(one, "help", "") or "").replace("*", r"\*")]


def cli() -> str:
    """Write the page of the commands."""
    lines = heading("Commands") + [
        "Every command tells the same by ``--help``; ``crossbarsim --install-completion`` completes",
        "commands and options in the shell.", ""]
    for words, command in commands(typer.main.get_command(console), "crossbarsim"):
        lines += heading(words, "-") + [inspect.cleandoc(command.help or ""), ""]
        rows = [parameter_row(one) for one in command.params if not getattr(one, "hidden", False)]
        if rows:
            lines += table(["argument or option", "default", "what"], rows)
    return "\n".join(lines)


def errors() -> str:
    """Write the page of the errors."""
    every = [getattr(crossbarsim, name) for name in crossbarsim.__all__]
    every = [one for one in every if inspect.isclass(one) and issubclass(one, Exception)]
    rows = []
    for one in sorted(every, key=lambda e: (len(e.__mro__), e.__name__)):
        bases = ", ".join(f"``{base.__name__}``" for base in one.__bases__)
        text = (inspect.getdoc(one) or "").partition("\n\n")[0].replace("\n", " ")
        rows.append([f":py:obj:`crossbarsim.{one.__name__}`", bases, text])
    return "\n".join([
        *heading("Errors"),
        "Whatever is raised for a user's mistake, or for what cannot be computed, is a",
        ":py:obj:`crossbarsim.CrossbarSimError` and says what was expected and what to do. Nothing is",
        'returned that did not converge, unless ``on_failure="return"`` asks for it.', "",
        *table(["error", "is also", "when"], rows),
    ])


def write(app: Sphinx, _config: Any = None) -> None:
    """Write the pages that changed."""
    for name, text in (("spice", spice()), ("commands", cli()), ("errors", errors())):
        write_changed(Path(app.srcdir) / "reference" / f"{name}.rst", text)


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages before Sphinx looks for them."""
    app.connect("config-inited", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
