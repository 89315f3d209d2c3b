"""What a notebook shows of a circuit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ..core.views.panels import Table
from ..core.views.shown import View, notebook
from .analyses import Analysis
from .elements import KINDS, Element, Model

__all__ = ["CircuitView"]


class CircuitView:
    """What `Circuit` has for notebooks."""

    title: str
    analyses: list[Analysis]
    models: dict[str, Model]

    def __iter__(self) -> Iterator[Element]:
        raise NotImplementedError

    def _repr_html_(self) -> str:
        counts = Counter(element.kind for element in self)
        nodes: Sequence[str] = getattr(self, "nodes", ())
        facts = {
            "elements": sum(counts.values()), "nodes": len(nodes),
            "models": ", ".join(list(self.models)[:8]) or "none",
            "analyses": ", ".join(type(one).__name__ for one in self.analyses[:8]) or "none",
        }
        rows = [[KINDS[kind].title if kind in KINDS else kind, count]
                for kind, count in counts.most_common()]
        panels = [Table("Elements", [("kind", ""), ("count", "")], rows)] if rows else []
        return notebook(View(self.title, facts, panels))
