"""ngspice's names of results: ``v(out)``, ``v(a,b)``, ``i(v1)``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from ....core.errors import ParameterError
from ....netlists.circuit import GROUND, Circuit
from ....netlists.elements import KINDS

__all__ = ["CURRENTS", "Names", "shown"]

_QUERY = re.compile(r"\s*([vi])\s*\(\s*([^,()]+?)\s*(?:,\s*([^,()]+?)\s*)?\)\s*", re.IGNORECASE)
_PART = re.compile(
    r"\s*(?:[vi]\(\s*)?@\s*([^\[\]\s]+)\s*\[\s*(\w+)\s*\]\s*\)?\s*", re.IGNORECASE
)
GROUND_INDEX = -1
# ngspice's names of the currents into terminals, of the kinds that have any: name -> terminal
CURRENTS = {letter: kind.currents for letter, kind in KINDS.items() if kind.currents}


class Names:
    """From names to unknowns.

    Parameters
    ----------
    circuit : Circuit
        For aliases.
    nodes, branches : dict
        Name -> unknown.
    labels : list of str
        Of all unknowns.
    """

    def __init__(
        self, circuit: Circuit, nodes: dict[str, int], branches: dict[str, int], labels: list[str]
    ) -> None:
        self.circuit, self.nodes, self.branches, self.labels = circuit, nodes, branches, labels
        self._inner: dict[str, int] = {}
        if len(labels) > len(nodes) + len(branches):
            shown = {*nodes.values(), *branches.values()}
            self._inner = {
                label.lower(): k for k, label in enumerate(labels) if k not in shown
            }

    def find(self, query: str) -> tuple[int, int | None]:
        """Return (unknown, None), or two unknowns whose difference is asked for."""
        if isinstance(query, str) and query.strip().lower() in self._inner:
            return self._inner[query.strip().lower()], None
        match = _QUERY.fullmatch(query) if isinstance(query, str) else None
        if match is None:
            raise ParameterError(
                f"ask for 'v(node)', 'v(node,node)' or 'i(source)'; got {query!r}"
            )
        kind, first, second = match[1].lower(), match[2], match[3]
        if kind == "i":
            return self.branch(first), None
        return self.node(first), self.node(second) if second else None

    @staticmethod
    def part(query: str) -> tuple[str, str] | None:
        """Return element and parameter of ``@element[parameter]``, or None."""
        match = _PART.fullmatch(query) if isinstance(query, str) else None
        return (match[1].lower(), match[2].lower()) if match else None

    def quantity(self, query: str) -> tuple[str, str] | None:
        """Return element and parameter of ``@element[parameter]`` or ``i(element)``, or None.

        The latter where the element's current is no unknown.
        """
        part = self.part(query)
        if part is not None:
            return part
        match = _QUERY.fullmatch(query) if isinstance(query, str) else None
        if match is None or match[1].lower() != "i" or match[3] or (
            match[2].lower() in self.branches
        ):
            return None
        name = match[2].lower()
        kind = self.circuit[name].kind if name in self.circuit else ""
        if kind not in CURRENTS or kind in "QMJTO":
            return None
        return name, next(iter(CURRENTS[kind]))

    def node(self, node: str | int) -> int:
        """Return the unknown of a node; ground is -1."""
        name = self.circuit.node(node)
        if name == GROUND:
            return GROUND_INDEX
        if name not in self.nodes:
            inner = self._inner.get(f"v({name})", self._inner.get(name))  # n1#th is in kelvin
            if inner is not None:
                return inner
            raise ParameterError(f"the circuit has no node {node!r}{_near(name, self.nodes)}")
        return self.nodes[name]

    def branch(self, source: str) -> int:
        """Return the unknown of the current of a voltage source."""
        key = str(source).lower()
        if key not in self.branches:
            raise ParameterError(
                f"no voltage source {source!r} to give a current{_near(key, self.branches)}"
            )
        return self.branches[key]

    def all(self) -> dict[str, int]:
        """Return every name with its unknown: nodes, aliases, branch currents."""
        found = {f"v({n})": k for n, k in self.nodes.items()}
        for alias in self.circuit.aliases:
            found[f"v({alias})"] = self.node(alias)
        return found | {f"i({n})": k for n, k in self.branches.items()}


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3)
    return f"; there are {', '.join(close)}" if close else ""


def shown(circuit: Circuit, analysis: str) -> list[str]:
    """Return the quantities of elements that a deck asks for: ``.save``, ``savecurrents``."""
    found: dict[str, None] = {}
    if circuit.options.get("savecurrents"):
        for e in circuit:
            if e.kind not in CURRENTS or e.kind in "VEHTO":
                continue
            names = [n for n, k in CURRENTS[e.kind].items() if k < len(e.nodes)]
            if e.kind == "N":  # of a module with several terminals each
                names = names[:1] if len(e.nodes) < 3 else names[1:]
            for name in names[:1] if e.kind in "ID" else names:  # one name of each is enough
                found[f"@{e.name.lower()}[{name}]"] = None
    for save in circuit.saves:
        if save.kind == "save" and save.analysis in ("", analysis):
            for output in save.outputs:
                for probe in output.sources:
                    if probe[0] == "@":
                        found[f"@{probe[1]}[{probe[2]}]"] = None
    return list(found)
