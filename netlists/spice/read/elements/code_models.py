"""What the letters A and Y mean elsewhere: said by name, since none of it is read."""

from __future__ import annotations

import re

from ..element_line import CardLine

__all__ = ["refused_device"]


def refused_device(card: CardLine) -> str:
    """Return what an element of XSPICE (A) or Xyce (Y) is, and what to write instead."""
    if card.kind == "A":
        return _code_model(card)
    kind = card.name.rsplit(".", 1)[-1].lower()[1:]
    if kind == "memristor":
        return ("this is Xyce's memristor: write `N1 a b model` with `.model model team(...)` for "
                "its level 2, `yakopcic(...)` for level 3; parameters have other names and units")
    if re.fullmatch(r"[a-z]{2,}", kind):
        return f"Xyce's device `{kind}` is not supported"
    return "single lossy lines (TXL) are not supported; `T` is a line without losses"


def _code_model(card: CardLine) -> str:
    words = [token.text.lower() for token in card.tokens if token.kind == "word"]
    place = card.scope.find_model(words[-1])
    kind = ""
    if place is not None:
        found = re.match(r"\.model\s+\S+\s+([A-Za-z_]\w*)", place[1].text, re.IGNORECASE)
        kind = found[1].lower() if found else ""
    if kind == "memristor":
        return ("XSPICE's code model `memristor` is not supported: write its law as a subcircuit, "
                "a capacitor that holds the resistance and `R1 a b r={v(x)}`, or take a device of "
                "the registry: `N1 a b model`")
    what = f" (`{kind}`)" if kind else ""
    return f"XSPICE code models{what} are not supported; write the law with B, E or G"
