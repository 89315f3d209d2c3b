"""What a result gains by saying what there is to see of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .figures import figure_of
from .page import Page
from .panels import Panel
from .thumbnails import facts_table, thumbnail

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Shown", "View", "notebook"]


@dataclass(frozen=True, eq=False)
class View:
    """What there is to see of a result.

    Attributes
    ----------
    title : str
    facts : mapping
        Key numbers by name, with their units as text.
    panels : sequence of Panel
        The first is the small picture of notebooks.
    settings : mapping
        All that the result depends on.
    """

    title: str
    facts: Mapping[str, Any]
    panels: Sequence[Panel] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


def notebook(view: View) -> str:
    """Return a view as the small picture and key numbers of a notebook, HTML without scripts."""
    picture = thumbnail(view.panels[0]) if view.panels else ""
    return (f'<div><b>{escape(view.title)}</b><div style="display:flex;flex-wrap:wrap;gap:18px">'
            f"<div>{picture}</div><div>{facts_table(view.facts)}</div></div></div>")


class Shown:
    """A result that says by `_view` what there is to see of it."""

    @abstractmethod
    def _view(self) -> View:
        """Return what there is to see."""

    def plot(self) -> Figure:
        """Return a matplotlib figure of the result, its axes labelled with units.

        Raises
        ------
        BackendUnavailable
            Without matplotlib.
        ParameterError
            There is nothing to show.
        """
        view = self._view()
        return figure_of(view.title, view.panels)

    def explore(self) -> Page:
        """Return the result as a page: in a notebook it can be used at once.

        Raises
        ------
        ParameterError
            There is nothing to show.
        """
        view = self._view()
        return Page(view.title, view.panels, view.facts, view.settings)

    def to_html(self, path: str | Path, *, command: str = "") -> Path:
        """Write the result to a page of HTML that needs nothing else, and return its path.

        Parameters
        ----------
        path : path
            ``.html`` is appended where it has no suffix.
        command : str
            What to run to have the result again; told on the page.

        Raises
        ------
        ParameterError
            Another suffix than ``.html``; there is nothing to show.
        OSError
            As `open`.
        """
        page = self.explore()
        page.command = command
        return page.save(path)

    def _repr_html_(self) -> str:
        return notebook(self._view())
