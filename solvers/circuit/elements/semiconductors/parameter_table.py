"""Parameters of elements and of their model cards as arrays over the elements."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np

from .....core.errors import NetlistError
from .....core.validation import Array
from .....netlists.elements import Element, Model
from .....netlists.spice.cards import Card
from ...system.builder import Builder, where
from ...system.element_group import Bools

__all__ = ["Table"]

_ZERO_CELSIUS = 273.15
# Ratings, which no simulator's equations contain, and what a card says about itself.
_REMARKS = frozenset({
    "level", "type", "mfg", "vceo", "icrating", "bv_max", "fv_max", "id_max", "pd_max", "te_max",
    "rth0", "cth0", "vbe_max", "vbc_max", "vce_max", "ic_max", "ib_max", "vgs_max", "vgd_max",
    "vgb_max", "manufacturer", "irms", "vcbo", "vebo", "vds", "ron", "ron_typ", "qg", "partno",
    "rthjc", "rthca", "cthj", "vds_max", "vbs_max", "vbd_max", "iave", "vpk",
})


class Table:
    """Parameters of E elements of one kind.

    Parameters
    ----------
    builder : Builder
    elements : list of Element
    card : Card
        Which parameters the model has, and those of an element.

    Raises
    ------
    NetlistError
        A parameter that is not among them, or that is no finite number.
    """

    def __init__(self, builder: Builder, elements: Sequence[Element], card: Card) -> None:
        self.elements = list(elements)
        self.names = tuple(e.name for e in elements)
        self.cards: list[Model] = [builder.circuit.models[e.model.lower()] for e in elements]
        self._defaults = card.defaults
        # read_spice(..., compat="ngspice"): ngspice's slips as well
        self.as_ngspice = getattr(builder.circuit.deck, "compat", "") == "ngspice"
        parsed: dict[str, dict[str, float]] = {}
        for element, model in zip(self.elements, self.cards, strict=True):
            if model.name not in parsed:
                parsed[model.name] = _read_card(model, card, element)
        self._given = [parsed[model.name] for model in self.cards]
        self._elements = [_read_element(e, card) for e in self.elements]
        self.count = self.own("m", 1.0)
        if np.any(self.count <= 0):
            raise self.wrong(int(np.argmin(self.count)), "`m` must be > 0")
        self.area = {
            name: float(builder.options.get(f"def{name}", 0.0)) for name in ("ad", "as")
        }
        nominal = float(builder.options.get("tnom", 27.0))
        self.nominal = self.card("tnom", nominal) + _ZERO_CELSIUS
        kelvin = self.own("temp", builder.temperature - _ZERO_CELSIUS) + _ZERO_CELSIUS
        # a temperature of its own counts before a difference, as in ngspice
        self.kelvin = np.where(self.has("temp"), kelvin, kelvin + self.own("dtemp", 0.0))
        for what, values in (("tnom", self.nominal), ("temperature", self.kelvin)):
            if np.any(values <= 0):
                raise self.wrong(int(np.argmin(values)), f"{what} is below absolute zero")

    def __len__(self) -> int:
        return len(self.elements)

    def card(self, name: str, default: float | None = None) -> Array:
        """Return a parameter of the cards, (E,)."""
        value = self._defaults.get(name, 0.0) if default is None else default
        return np.array([given.get(name, value) for given in self._given], dtype=float)

    def given(self, name: str) -> Bools:
        """Return whose cards have the parameter, (E,)."""
        return np.array([name in given for given in self._given], dtype=bool)

    def own(self, name: str, default: float = 0.0) -> Array:
        """Return an element's own parameter, (E,)."""
        return np.array([own.get(name, default) for own in self._elements], dtype=float)

    def has(self, name: str) -> Bools:
        """Return which elements have the parameter, (E,)."""
        return np.array([name in own for own in self._elements], dtype=bool)

    @property
    def off(self) -> Bools:
        """Which elements are to start switched off, (E,)."""
        return np.asarray(self.own("off", 0.0) != 0.0)

    def initial(self, names: Sequence[str]) -> Array:
        """Return initial voltages ``ic=a,b`` or ``icvds=``, ..., (len(names), E); NaN is none."""
        found = np.full((len(names), len(self)), np.nan)
        for k, name in enumerate(names):
            found[k] = self.own(f"ic{name}", np.nan)
        for e, element in enumerate(self.elements):
            value = dict(element.parameters).get("ic")
            if value is None:
                continue
            parts = value if isinstance(value, tuple) else str(value).replace(",", " ").split()
            for k, part in enumerate(parts[:len(names)]):
                found[k, e] = float(part)
        return found

    def wrong(self, e: int, text: str) -> NetlistError:
        """Return an error about element `e`."""
        element = self.elements[e]
        return NetlistError(
            f"{element.name} (model {self.cards[e].name}): {text}", **where(element)
        )

    def require(self, good: Bools, text: str) -> None:
        """Refuse elements that are not `good`."""
        if not np.all(good):
            raise self.wrong(int(np.argmin(good)), text)


def _number(value: Any) -> float | None:
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if np.isfinite(found) else None


def _read_card(model: Model, card: Card, element: Element) -> dict[str, float]:
    found: dict[str, float] = {}
    at = model.where or element.where
    place: dict[str, Any] = {} if at is None else {"file": at[0] or None, "line": at[1]}
    for key, value in model.parameters.items():
        name = card.aliases.get(key.lower(), key.lower())
        if name in _REMARKS:
            continue
        if name not in card.parameters:
            near = difflib.get_close_matches(name, card.parameters, n=1)
            known = ", ".join(sorted(card.parameters))
            hint = f"did you mean {near[0]!r}?" if near else f"there are {known}"
            raise NetlistError(
                f"model {model.name} ({model.kind}, level {model.level}) has no parameter "
                f"{key!r}; {hint}", **place,
            )
        number = _number(value)
        if number is None:
            raise NetlistError(
                f"model {model.name}: {key} must be a finite number; got {value!r}", **place
            )
        found[name] = number
    return found


def _read_element(element: Element, card: Card) -> dict[str, float]:
    found: dict[str, float] = {}
    for key, value in element.parameters:
        name = key.lower()
        if name == "ic":
            continue
        if name not in card.instance:
            raise NetlistError(
                f"{element.name} has no parameter {key!r}; there are {', '.join(card.instance)}",
                **where(element),
            )
        number = _number(value)
        if number is None:
            raise NetlistError(
                f"{element.name}: {key} must be a finite number; got {value!r}", **where(element)
            )
        found[name] = number
    return found
