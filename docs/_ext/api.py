"""Pages of the reference: one for each public package, one for each public name.

What is public is what the packages in `DOORS` have in ``__all__``. A name that several of them have
is described at the first, and its siblings lead there.
"""

import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from written import write_changed

DOORS = (
    "crossbarsim", "crossbarsim.netlists", "crossbarsim.solvers", "crossbarsim.devices",
    "crossbarsim.devices.plots", "crossbarsim.periphery", "crossbarsim.programming",
    "crossbarsim.nonidealities", "crossbarsim.nn", "crossbarsim.nn.functional",
    "crossbarsim.nn.train", "crossbarsim.nn.writing", "crossbarsim.studies", "crossbarsim.studies.plots",
    "crossbarsim.design", "crossbarsim.linalg", "crossbarsim.testing",
)
KINDS = ("Classes", "Functions", "Errors", "Data")


def kind_of(thing: object) -> str:
    """Return under which of `KINDS` a name stands."""
    if inspect.isclass(thing):
        return "Errors" if issubclass(thing, Exception) else "Classes"
    return "Functions" if callable(thing) else "Data"


@cache
def public_names() -> dict[str, tuple[str, str]]:
    """Return for every public dotted name the (package, name) at which it is described."""
    first: dict[int, tuple[str, str]] = {}
    found = {}
    for door in DOORS:
        module = importlib.import_module(door)
        for name in module.__all__:
            thing = getattr(module, name)
            key = id(thing) if callable(thing) else hash((door, name))
            found[f"{door}.{name}"] = first.setdefault(key, (door, name))
    return found


def file_of(door: str, name: str) -> str:
    """Return the name of a page's file; `Device` and `device` are one file on some systems."""
    alike = [n for d, n in public_names().values() if d == door and n.lower() == name.lower()]
    return f"{door}.{name}" + ("-function" if name.islower() and len({*alike}) > 1 else "")


def page_of(door: str) -> str:
    """Write the page of a package: what it is, its names by kind."""
    module = importlib.import_module(door)
    here: dict[str, list[str]] = {kind: [] for kind in KINDS}
    elsewhere = []
    for name in sorted(module.__all__, key=str.lower):
        package, known_as = public_names()[f"{door}.{name}"]
        if package == door:
            here[kind_of(getattr(module, name))].append(name)
        else:
            elsewhere.append(f":py:obj:`~{package}.{known_as}`")
    lines = [door, "=" * len(door), "", inspect.getdoc(module) or "", ""]
    lines += [f".. currentmodule:: {door}", ""]
    for kind, names in here.items():
        if names:
            lines += [kind, "-" * len(kind), "", ".. autosummary::", "   :nosignatures:", ""]
            lines += [*(f"   {name}" for name in names), ""]
    names = [name for kind in here.values() for name in kind]
    lines += [".. toctree::", "   :hidden:", "", *(f"   {n} <names/{file_of(door, n)}>" for n in names), ""]
    if elsewhere:
        title = "Described elsewhere"
        lines += [title, "-" * len(title), "", ", ".join(elsewhere), ""]
    return "\n".join(lines)


def page_of_name(door: str, name: str) -> str:
    """Write the page of a name: what its docstring says, and its members'."""
    thing = getattr(importlib.import_module(door), name)
    how = {"Classes": "class", "Errors": "exception", "Functions": "function", "Data": "data"}
    lines = [name, "=" * len(name), "", f".. currentmodule:: {door}", ""]
    lines += [f".. auto{how[kind_of(thing)]}:: {name}"]
    if inspect.isclass(thing):
        lines += ["   :members:", "   :show-inheritance:"]
    return "\n".join([*lines, ""])


def pages() -> Iterator[tuple[str, str]]:
    """Return (file, text) of all pages of names and packages, and of the page that lists these."""
    for door in DOORS:
        yield f"{door}.rst", page_of(door)
    for door, name in sorted(set(public_names().values())):
        yield f"names/{file_of(door, name)}.rst", page_of_name(door, name)
    title = "Python"
    yield "index.rst", "\n".join([
        title, "=" * len(title), "",
        "Every public name. SI units; what an argument takes, gives and raises stands with it.", "",
        ".. toctree::", "   :maxdepth: 1", "", *(f"   {door}" for door in DOORS), "",
    ])


def write(app: Sphinx, _config: Any = None) -> None:
    """Write what has changed; Sphinx reads the rest from its cache."""
    folder = Path(app.srcdir) / "reference" / "api"
    (folder / "names").mkdir(parents=True, exist_ok=True)
    wanted = dict(pages())
    for file in folder.rglob("*.rst"):
        if file.relative_to(folder).as_posix() not in wanted:
            file.unlink()  # of a name that is gone
    for name, text in wanted.items():
        write_changed(folder / name, text)


@cache
def _short_names() -> dict[str, str]:
    """Return the full name of each public name that means one thing."""
    found: dict[str, set[str]] = {}
    for package, name in public_names().values():
        found.setdefault(name, set()).add(f"{package}.{name}")
    return {name: full.pop() for name, full in found.items() if len(full) == 1}


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    """Lead `Crossbar` in a docstring of any module, or another package's name, to its page."""
    target = node.get("reftarget", "").removesuffix("()").lstrip("~.")
    door, name = public_names().get(target, ("", ""))
    head, _, member = target.partition(".")
    full = f"{door}.{name}" if door else ""
    if not full and head in _short_names():
        full = _short_names()[head] + (f".{member}" if member else "")
    if not full or node.get("refdomain") not in {"py", "", None}:
        return None
    domain = env.get_domain("py")
    if full not in domain.objects:  # type: ignore[attr-defined]
        return None
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", full, node, content)


def plain(
    _app: Sphinx, _what: str, _name: str, _thing: Any, _options: Any, lines: list[str]
) -> None:
    r"""Take |v| and (*shape) in docstrings for what they are: neither substitution nor emphasis."""
    for k, line in enumerate(lines):
        if not line.lstrip().startswith(("|", "+", ">>>", "...")):
            text = re.sub(r"(?<![\\`])\|", r"\|", line)
            lines[k] = re.sub(r"(?<=[ (])\*(?=\w+[,)])", r"\*", text)


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages before Sphinx looks for them."""
    app.connect("config-inited", write)
    app.connect("autodoc-process-docstring", plain, priority=400)  # before numpydoc
    app.connect("missing-reference", resolve)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
