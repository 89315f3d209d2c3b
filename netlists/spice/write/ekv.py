"""An EKV transistor for ngspice, which has none.

Its channel is made of behavioural sources, its bulk junctions and overlaps are those of a level-1
transistor without a channel. The equations are those of the engine: M. Bucher et al., *The EPFL-EKV
MOSFET Model Equations for Simulation*, version 2.6, EPFL 1997, for a long channel; numbers are
those at the circuit's temperature.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ....core.errors import NetlistError
from ...elements import Element, Model
from ..cards import card
from ..expressions.text import write_number as number

__all__ = ["ekv_lines"]

_PER_KELVIN = 1.38064852e-23 / 1.6021766208e-19  # volt, as ngspice 39 has it
_OXIDE = 3.9 * 8.854214871e-12  # F/m
_BULK = ("is", "js", "cbd", "cbs", "cj", "mj", "cjsw", "mjsw", "pb", "fc", "cgso", "cgdo", "cgbo",
         "tnom")


def _gap(kelvin: float) -> float:
    return 1.16 - 7.02e-4 * kelvin * kelvin / (kelvin + 1108.0)


def _softplus(x: str) -> str:
    return f"(max({x}, 0) + ln(1 + exp(-abs({x}))))"


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
    vt, ratio = _PER_KELVIN * kelvin, kelvin / nominal
    phi = get("phi") * ratio - 3.0 * vt * math.log(ratio) - _gap(nominal) * ratio + _gap(kelvin)
    if phi <= 0:
        raise refuse(e, "an EKV transistor whose `phi` is <= 0 at the temperature")
    direction = 1.0 if model.kind == "nmos" else -1.0
    threshold = direction * get("vto") - get("tcv") * (kelvin - nominal)
    gamma, theta, slope = get("gamma"), get("theta"), get("n0")
    beta = get("kp") * ratio ** get("bex") * many * width / length
    per_area = get("cox") or (_OXIDE / get("tox") if get("tox") else 0.0)
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

    def help_node(what: str, text: str) -> str:
        lines.append(f"B_{tag}_{what} {tag}_{what} 0 V={{{text}}}")
        return f"v({tag}_{what})"

    vg, vd, vs = (f"({sign}v({node},{bulk}))" for node in (gate, *ends))
    if slope > 0:
        vp = help_node("vp", f"({vg} - {number(threshold)})/{number(slope)}")
        n = nq = number(slope)
        depleted = f"{number(1.0 - slope)}*{vp}"
    else:
        shift = phi + gamma * math.sqrt(phi) - threshold
        drive = help_node("vq", f"{vg} + {number(shift)}")
        half = number(0.5 * gamma)
        vp = help_node("vp", f"{drive} > 0 ? {drive} - {number(phi)} - {number(gamma)}*(sqrt("
                       f"max({drive}, 0) + {half}*{half}) - {half}) : {number(-phi)}")
        surface = f"max({vp} + {number(phi)}, 0)"
        n = f"(1 + {half}/sqrt({surface} + {number(4.0 * vt)}))"
        nq = f"(1 + {half}/sqrt({surface} + 1e-6))"
        depleted = (f"({drive} > 0 ? -{number(gamma)}*sqrt({surface} + 1e-6) : "
                    f"-({drive} + {number(gamma * 1e-3)}))")
    scale = number(0.5 / vt)
    forward, reverse = (
        help_node(what, f"{_softplus(f'({scale}*({vp} - {end}))')}**2")
        for what, end in (("if", vs), ("ir", vd))
    )
    factor = f"{number(2.0 * vt * vt * beta)}*{n}"
    if theta > 0:
        factor += f"/(1 + {number(theta)}*max({vp}, 0))"
    if get("lambda") > 0:
        factor += f"*(1 + {number(get('lambda'))}*abs({vd} - {vs}))"
    lines.append(f"B_{tag} {ends[0]} {ends[1]} I={{{sign}{factor}*({forward} - {reverse})}}")
    if cox > 0:
        near = help_node("nf", f"sqrt(max({forward}, 0) + 0.25)")
        far = help_node("nr", f"sqrt(max({reverse}, 0) + 0.25)")
        shares = {
            k: f"({number(4.0 / 15.0)}*(3*{a}*{a}*{a} + 6*{a}*{a}*{b} + 4*{a}*{b}*{b} + "
               f"2*{b}*{b}*{b})/(({a} + {b})*({a} + {b})) - 0.5)"
            for k, a, b in (("s", near, far), ("d", far, near))
        }
        # charges over cox, volt, on capacitors of cox
        on = {k: help_node(f"q{k}", f"-{number(vt)}*{nq}*{text}") for k, text in shares.items()}
        both = f"({on['s']} + {on['d']})"
        held = f"({depleted} - {both}*(1 - 1/{nq}))"
        help_node("qg", f"-({both} + {held})")
        for k, node in (("g", gate), ("d", ends[0]), ("s", ends[1])):
            lines += [
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
