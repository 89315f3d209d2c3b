"""An EKV transistor for ngspice, which has none.

Its channel is made of behavioural sources, whose text is read from the law of
`netlists.transistors.ekv`; its bulk junctions and overlaps are those of a level-1 transistor
without a channel. Numbers are those at the circuit's temperature.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ....core.errors import NetlistError
from ....core.laws.spice_expressions import Writer
from ...elements import Element, Model
from ...transistors.ekv import at_temperature, transistor
from ...transistors.temperature import EPS_OX
from ..cards import card
from ..expressions.text import write_number as number

__all__ = ["ekv_lines"]

_BULK = ("is", "js", "cbd", "cbs", "cj", "mj", "cjsw", "mjsw", "pb", "fc", "cgso", "cgdo", "cgbo",
         "tnom")
_LONG = 30  # characters of what becomes a node


def ekv_lines(
    e: Element, model: Model, name: str, kelvin: float, nominal: float,
    refuse: Callable[[Element, str], NetlistError], drawn: tuple[float, float],
) -> list[str]:
    """Return the lines of an EKV transistor.

    Parameters
    ----------
    e, model : Element, Model
    name : str
        Of the element in the deck.
    kelvin, nominal : float
        Temperature of the circuit and nominal one.
    refuse : callable
        Makes errors.
    drawn : (float, float)
        Width and length where the element gives none, m.
    """
    defaults = card("nmos", "ekv").defaults

    def get(key: str) -> float:
        return float(model.get(key, defaults.get(key, 0.0)))

    if get("kf"):
        raise refuse(e, "the flicker noise of an EKV transistor")
    if "tnom" in model.parameters:
        nominal = get("tnom") + 273.15
    if e.get("temp") is not None:
        kelvin = float(e.get("temp")) + 273.15
    kelvin += float(e.get("dtemp", 0.0))
    many = float(e.get("m", 1.0))
    width = float(e.get("w", drawn[0])) + get("dw")
    length = float(e.get("l", drawn[1])) + get("dl") - 2.0 * get("ld")
    if width <= 0 or length <= 0:
        raise refuse(e, "an EKV transistor whose effective width or length is not > 0")
    sign = "" if model.kind == "nmos" else "-"
    threshold = get("vto") if model.kind == "nmos" else -get("vto")
    vt, phi, threshold, slowed = (float(x) for x in at_temperature(*map(np.array, (
        threshold, get("phi"), nominal, kelvin, get("tcv"), get("bex")
    ))))
    if phi <= 0:
        raise refuse(e, "an EKV transistor whose `phi` is <= 0 at the temperature")
    per_area = get("cox") or (EPS_OX / get("tox") if get("tox") else 0.0)
    cox = per_area * width * length * many
    drain, gate, source, bulk = e.nodes
    tag = name.replace(".", "_").lower()
    lines: list[str] = []
    ends = []
    for node, key, squares in ((drain, "rd", "nrd"), (source, "rs", "nrs")):
        ohm = (get(key) if key in model.parameters else get("rsh") * float(e.get(squares, 1.0)))
        inner = f"{tag}_{key[1]}" if ohm else node
        if ohm:
            lines.append(f"R_{tag}_{key} {node} {inner} {number(ohm / many)}")
        ends.append(inner)
    lines += _junctions(e, model, tag, (ends[0], gate, ends[1], bulk), width, length)

    values = {
        "vto": threshold, "gamma": get("gamma"), "phi": phi, "theta": get("theta"), "u_t": vt,
        "kappa": 1.0 / get("n0") if get("n0") else 0.0, "lambda_": get("lambda"),
        "v_crit": get("vcrit") / slowed, "sigma": get("sigma"), "kappa_s": get("ksource"),
        "beta": get("kp") * slowed * many * width / length,
        "cox": 1.0,  # charges over cox, volt, on capacitors of cox
    }
    writer = Writer(f"{e.name} (model {model.name})", f"{tag}_", _LONG)
    found = writer.law(
        transistor,
        {name: f"({sign}v({node},{bulk}))"
         for name, node in (("vg", gate), ("vd", ends[0]), ("vs", ends[1]))},
        {}, {name: np.array(value) for name, value in values.items()},
    )
    current, *charges = (writer.text(value) for value in found[:4])
    lines += writer.take_used(current, *(charges if cox > 0 else ()))
    lines.append(f"B_{tag} {ends[0]} {ends[1]} I={sign}{current}")
    if cox > 0:
        for k, node, charge in zip("gds", (gate, *ends), charges, strict=True):
            lines += [
                f"B_{tag}_q{k} {tag}_q{k} 0 V={charge}",
                f"V_{tag}_c{k} {tag}_q{k} {tag}_c{k} 0",
                f"C_{tag}_c{k} {tag}_c{k} 0 {number(cox)}",
                f"F_{tag}_c{k} {node} {bulk} V_{tag}_c{k} {'1' if not sign else '-1'}",
            ]
    return lines


def _junctions(
    e: Element, model: Model, tag: str, nodes: tuple[str, ...], width: float, length: float
) -> list[str]:
    """Return a transistor without a channel that has the bulk junctions and the overlaps."""
    defaults = card("nmos", "ekv").defaults
    given = {
        key: float(model.get(key, defaults.get(key))) for key in _BULK
        if model.get(key, defaults.get(key)) is not None
    }
    if "tnom" not in model.parameters:
        given.pop("tnom")
    values = " ".join(f"{key}={number(value)}" for key, value in given.items())
    own = " ".join(
        f"{key}={number(float(e.get(key)))}"
        for key in ("ad", "as", "pd", "ps", "m", "temp", "dtemp") if e.get(key) is not None
    )
    return [
        f".model {tag}_bulk {model.kind}(level=1 kp=1e-30 gamma=0 {values})",
        f"M_{tag} {' '.join(nodes)} {tag}_bulk w={number(width)} l={number(length)} {own}".rstrip(),
    ]
