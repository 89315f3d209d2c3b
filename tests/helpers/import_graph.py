"""The graph of imports of a package, read from its sources: circles, floors, a picture.

``python -m tests.helpers.import_graph [prefix] [--dot]`` prints which folder imports which, with
the number of imports; with ``--dot`` as Graphviz reads it.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "crossbarsim"
# the folder of each package, as pyproject.toml maps them
FOLDERS = {"crossbarsim": "crossbarsim", "crossbarsim.netlists": "netlists", "crossbarsim.solvers": "solvers"}


@dataclass(frozen=True)
class Module:
    """A file: its source, and whether it is a package's ``__init__``."""

    source: str
    package: bool = False


@dataclass(frozen=True, order=True)
class Import:
    """One file imports another, at a line of the first."""

    source: str
    target: str
    line: int

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def read_package(root: Path = ROOT, folders: Mapping[str, str] = FOLDERS) -> dict[str, Module]:
    """Return all files by their dotted names."""
    found = {}
    for package, folder in folders.items():
        for path in sorted((root / folder).rglob("*.py")):
            parts = path.relative_to(root / folder).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join((package, *(parts[:-1] if is_package else parts)))
            found[name] = Module(path.read_text(encoding="utf-8"), is_package)
    return found


@lru_cache(maxsize=4096)
def _named(name: str, module: Module) -> tuple[tuple[str, str, int], ...]:
    """Return what a file imports; parsing takes most of the time."""
    return tuple(_parsed(name, module))


def _parsed(name: str, module: Module) -> Iterator[tuple[str, str, int]]:
    """Yield (module, name in it or "", line) of every import, wherever it stands in the file."""
    package = name if module.package else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(module.source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "", node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package.split(".")
                up = up[:len(up) - node.level + 1]
                base = ".".join([*up, *([node.module] if node.module else [])])
            yield from ((base, alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            text = node.args[0].value
            if called in ("import_module", "__import__") and isinstance(text, str):
                dots = len(text) - len(text.lstrip("."))
                up = package.split(".")
                up = up[:len(up) - dots + 1] if dots else []
                yield ".".join([*up, text.lstrip(".")]), "", node.lineno


def imports_of(modules: Mapping[str, Module]) -> list[Import]:
    """Return every import of one of the files by another.

    Those inside of functions and under TYPE_CHECKING count, and `import_module` with a literal.
    A name that is no file is the file's that holds it: its package's ``__init__``.
    """
    found = set()
    for name, module in modules.items():
        for base, inside, line in _named(name, module):
            target = f"{base}.{inside}" if f"{base}.{inside}" in modules else base
            while target and target not in modules:
                target = target.rpartition(".")[0]
            if target and target != name:
                found.add(Import(name, target, line))
    return sorted(found)


def circles(imports: Iterable[Import]) -> list[list[str]]:
    """Return the sets of files that import one another in a circle (Tarjan's algorithm)."""
    edges: dict[str, list[str]] = {}
    for one in imports:
        edges.setdefault(one.source, []).append(one.target)
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(start: str) -> None:
        work = [(start, iter(edges.get(start, ())))]
        index[start] = low[start] = len(index)
        stack.append(start)
        while work:
            node, rest = work[-1]
            for other in rest:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    work.append((other, iter(edges.get(other, ()))))
                    break
                if other in stack:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    at = stack.index(node)
                    members, stack[at:] = stack[at:], []
                    if len(members) > 1:
                        found.append(sorted(members))

    for node in list(edges):
        if node not in index:
            visit(node)
    return sorted(found)


class Floors:
    """The order in which folders and files may import: what stands below.

    Parameters
    ----------
    rooms : str
        A line for each room, the lowest first: one or more names of folders or files, without the
        package's name, perhaps a comment behind ``#``. A file belongs to the room that has the
        longest beginning of its name; a package's ``__init__`` to the highest room within it.
    """

    def __init__(self, rooms: str, package: str = PACKAGE) -> None:
        self.rooms = [line.split("#")[0].split() for line in rooms.splitlines()]
        self.rooms = [names for names in self.rooms if names]
        self.package = package
        self.rank = {name: k for k, names in enumerate(self.rooms) for name in names}

    def floor(self, name: str, module: Module) -> int | None:
        """Return the number of a file's room from below; None: it has none."""
        inner = name.removeprefix(self.package).lstrip(".")
        if module.package:
            inside = [k for room, k in self.rank.items() if not inner or room == inner or room.startswith(f"{inner}.")]
            if inside:
                return max(inside)
        while inner and inner not in self.rank:
            inner = inner.rpartition(".")[0]
        return self.rank.get(inner)

    def upward(self, modules: Mapping[str, Module], imports: Iterable[Import]) -> list[Import]:
        """Return the imports of something that stands higher."""
        floors = {name: self.floor(name, module) for name, module in modules.items()}
        return [
            one for one in imports
            if (a := floors[one.source]) is not None and (b := floors[one.target]) is not None and b > a
        ]

    def homeless(self, modules: Mapping[str, Module]) -> list[str]:
        """Return the files that have no room."""
        return [name for name, module in modules.items() if self.floor(name, module) is None]


def _folder(name: str, module: Module) -> str:
    return name if module.package else name.rpartition(".")[0]


def main(arguments: list[str]) -> None:
    """Print the picture."""
    prefix = next((a for a in arguments if not a.startswith("-")), "")
    modules = read_package()
    arrows = Counter(
        (_folder(one.source, modules[one.source]), _folder(one.target, modules[one.target]))
        for one in imports_of(modules)
    )
    wanted = sorted((a, b, n) for (a, b), n in arrows.items() if a != b and prefix in a)
    short = {name: name.removeprefix(PACKAGE).lstrip(".") or PACKAGE for pair in arrows for name in pair}
    if "--dot" in arguments:
        lines = [f'  "{short[a]}" -> "{short[b]}" [label={n}];' for a, b, n in wanted]
        text = "\n".join(["digraph imports {", *lines, "}"])
    else:
        text = "\n".join(f"{short[a]:45} -> {short[b]:45} {n}" for a, b, n in wanted)
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
