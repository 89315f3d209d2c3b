"""Devices, transistors and cells as subcircuits of ngspice's behavioural sources.

A state is the voltage of a capacitor, its share of its range; a B source is its rate. An inner
unknown is a node whose current law is the law that it has to fulfil.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.errors import ParameterError
from ...core.laws.spice_expressions import Value, Writer, number
from ...core.validation import Array
from ...netlists.crossbar.cells import CellSpice

__all__ = ["cell_subcircuit", "device_sources", "transistor_current"]

_LONG = 600  # characters of an expression beyond which a current is measured, not repeated


def device_sources(
    writer: Writer, device: Any, positive: str, negative: str, state: Array, farad: float | None,
    tag: str = "",
) -> list[str]:
    """Return the cards of a device between two nodes.

    Parameters
    ----------
    writer : Writer
    device : Device
    positive, negative : str
        Its nodes.
    state : (S, M, N) array
        At the start.
    farad : float or None
        Capacitor of the states, whose voltage is their share of their range, 0 to 1. None: the
        states are frozen.
    tag : str
        Put before the names of its nodes.
    """
    model = type(device)
    parameters = {**device._values, **device.choices}  # noqa: SLF001 - the numbers of one's own kind
    plus, minus = (positive, negative) if device.polarity > 0 else (negative, positive)
    v = f"v({plus},{minus})"
    low, high = device.bounds()
    cards: list[str] = []
    x: dict[str, Value] = {}
    for s, name in enumerate(device.state_names):
        if farad is None:
            x[name] = state[s]
            continue
        share = f"min(max(v(s_{tag}{name}),0),1)"
        span = writer.text(high[s] - low[s])
        offset = f"{writer.text(low[s])} + " if low[s].any() else ""
        x[name] = f"({offset}{span}*{share})"
        start = writer.text((state[s] - low[s]) / (high[s] - low[s]))
        cards += [
            f"C_{tag}{name} s_{tag}{name} 0 {number(farad)}", f".ic v(s_{tag}{name})={start}"
        ]
    scalars: dict[str, Value] = {"v": v}
    inner = getattr(model, "inner_law", None)
    if inner is not None:
        # laws are for 0 to v: a little beyond, the node's own equation leads back
        y, clipped = f"v({tag}y)", f"v({tag}yc)"
        scalars["y"] = clipped
        (law,) = writer.law(inner, scalars, x, parameters)
        cards += [
            f"B_{tag}yc {tag}yc 0 V=min(max({y},min(0,{v})-0.05),max(0,{v})+0.05)",
            f"B_{tag}y {tag}y 0 I={writer.text(law)} + {y} - {clipped}",
        ]
    if hasattr(device, "spice_current"):  # no law of formulas, such as tables
        current = device.spice_current(writer, v, x)
    else:
        (current,) = writer.law(model.current_law, scalars, x, parameters)
    flow = writer.text(current)
    through = minus
    if farad is not None and device.states:
        rates = writer.law(model.rate_law, {**scalars, "i": "@i"}, x, parameters)
        texts = [writer.text(rate) for rate in rates]
        measured = "(" + flow + ")"
        shared = writer.take_cards()
        if sum(text.count("@i") for text in (*texts, *shared)) * len(flow) > _LONG:
            through, measured = f"{tag}q", f"i(v_{tag}i)"
            cards.append(f"V_{tag}i {through} {minus} 0")
        cards += [card.replace("@i", measured) for card in shared]
        for s, name in enumerate(device.state_names):
            rate = texts[s].replace("@i", measured)
            if rate == "0":
                continue
            factor = writer.text(np.asarray(farad / (high[s] - low[s])))
            y = f"v(s_{tag}{name})"
            cards.append(
                f"B_{tag}{name} 0 s_{tag}{name} I={factor}*({y} <= 0 ? max({rate},0) : "
                f"({y} >= 1 ? min({rate},0) : {rate}))"
            )
    return [f"B_{tag}d {plus} {through} I={flow}", *cards, *writer.take_cards()]


def transistor_current(writer: Writer, transistor: Any, drain: str, source: str) -> list[str]:
    """Return the card of a transistor whose gate is the node ``gate`` and whose body is ground."""
    scalars: dict[str, Value] = {"vd": f"v({drain})", "vs": f"v({source})", "vg": "v(gate)"}
    (flow,) = writer.law(
        type(transistor).current_law, scalars, {}, dict(transistor._values)  # noqa: SLF001
    )
    return [f"B_t {drain} {source} I={writer.text(flow)}", *writer.take_cards()]


def cell_subcircuit(cells: Any, name: str, t_stop: float | None) -> CellSpice:
    """Return the subcircuit of the cells of an array; states are frozen without `t_stop`."""
    device = cells.device
    transistor, selector = getattr(cells, "transistor", None), getattr(cells, "selector", None)
    if t_stop is not None and cells.stochastic:
        raise ParameterError(
            f"{type(device).__name__}: the noise of its states cannot be written for ngspice"
        )
    writer = Writer(type(device).__name__)
    # full scale is 1 uA in the whole run: far above ngspice's smallest currents
    farad = None if t_stop is None else 1e-6 * t_stop
    ends = ("word", "bit")
    body: list[str] = []
    if transistor is not None and cells.transistor_side == "word":
        ends = ("m", "bit")
        body = transistor_current(writer, cells.warm, "word", "m")
    elif transistor is not None:
        ends = ("word", "m")
        body = transistor_current(writer, cells.warm, "m", "bit")
    elif selector is not None:
        ends = ("word", "m")
        body = device_sources(
            writer, selector, "m", "bit", cells.state[len(device.states):], farad, "sel_"
        )
    body = device_sources(writer, device, *ends, cells.device_state, farad) + body
    ports = ("word", "bit", "gate") if transistor is not None else ("word", "bit")
    head = f".subckt {name} {' '.join(ports)}"
    if writer.parameters:
        head += " params: " + " ".join(f"{key}=0" for key in writer.parameters)
    text = "\n".join(_wrapped(line) for line in [head, *body, f".ends {name}"])
    states = (*device.state_names, *(f"sel_{n}" for n in getattr(selector, "state_names", ())))
    return CellSpice(name, text, len(ports) == 3, dict(writer.parameters),
                     () if farad is None else states, farad or 0.0)


def _wrapped(line: str) -> str:
    """Continue long lines with ``+``."""
    lines = [""]
    for word in line.split(" "):
        if len(lines[-1]) + len(word) > 96 and lines[-1].strip("+ "):
            lines.append("+")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\n".join(lines)
