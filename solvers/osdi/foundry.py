"""Foundries' transistors (M) as instances of their compiled modules."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.validation import Array
from ...netlists.elements import Model
from ...netlists.spice.cards import Foundry, card
from .batch import OsdiBatch

__all__ = ["shown_by_ngspice", "table_of"]

# variables of one transistor, which copies (m=) do not change
_OF_ONE = frozenset((
    "vth", "von", "vdsat", "vgs", "vds", "vbs", "vgsteff", "vdseff", "weff", "leff", "gtau",
    "qdef",
))
_INNER = {  # terminal: nodes next to the channel, the innermost first
    "d": ("d_int", "di"), "g": ("g_int", "gi"), "s": ("s_int", "si"), "b": ("b_int", "bi"),
}


def table_of(model: Model) -> Foundry | None:
    """Return the card of a foundry's transistor, whose names are those of decks; else None."""
    if model.kind not in ("nmos", "pmos"):
        return None
    found = card(model.kind, model.level)
    return found if isinstance(found, Foundry) else None


def shown_by_ngspice(
    batch: OsdiBatch, g: Array, values: dict[str, Array], copies: Array
) -> dict[str, Array]:
    """Return what ``@m1[...]`` shows of transistors, as ngspice has it: of all copies together.

    The modules' own gm, gds and gmbs are those of a part of the current: here they are the
    derivatives of the drain's current, of the source's where that is the drain.

    Parameters
    ----------
    batch : OsdiBatch
    g : (A, E)
        Its slopes at the operating point, of all copies.
    values : dict of (E,)
        Its variables, of one copy.
    copies : (E,)
    """
    own = {v.name.lower() for v in batch.module.variables}
    found = {
        name: value * copies if name in own and name not in _OF_ONE else value
        for name, value in values.items()
    }
    labels = [label.lower() for label in batch.labels]
    at = {end: next((labels.index(n) for n in (*names, end) if n in labels), -1)
          for end, names in _INNER.items()}
    if "vds" not in found or min(at.values()) < 0:
        return found
    matrix = np.zeros((batch.size, batch.size, batch.count))
    for k, place in enumerate(zip(*batch.g_at, strict=True)):
        matrix[place] += g[k]
    forward = found["vds"] >= 0.0
    drain, source = at["d"], at["s"]
    leak = np.where(forward, found.get("gbd", 0.0), found.get("gbs", 0.0))

    def slope(end: int, swapped: int) -> Any:
        return np.where(forward, matrix[drain, end], matrix[source, swapped])

    found["gm"] = slope(at["g"], at["g"])
    found["gds"] = slope(drain, source) - leak
    found["gmbs"] = slope(at["b"], at["b"]) + leak
    return found
