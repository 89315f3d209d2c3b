"""Voltage and current sources."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from .....core.errors import ParameterError
from ....elements import Element
from ....noise_sources import RandomVoltage, TransientNoise
from ....sources import Pulse, Pwl, Sine, Source
from ....spice_sources import AmplitudeModulated, Exponential, FrequencyModulated
from ..element_line import CardLine
from ..lines import file_at, text_of
from ..subcircuit_tree import did_you_mean
from .passive import with_parasitics

__all__ = ["Times", "read_source"]

_WAVES = {
    "pulse": (2, 8), "sin": (2, 6), "exp": (2, 6), "sffm": (2, 7), "am": (2, 7), "pwl": (2, None),
    "trnoise": (2, 7), "trrandom": (2, 5),
}
_OTHER_NAMES = {"sine": "sin"}  # LTspice's
_REFUSED = {
    "external": "voltages from outside", "pwlfile": "tables in files", "pat": "bit patterns",
}
_NO_STEP = 1e-9  # second; ngspice takes the step of .tran where there is one


class Times:
    """Step and stop of the deck's transient, which are defaults of waves."""

    def __init__(self, step: float | None = None, stop: float | None = None) -> None:
        self.step = _NO_STEP if step is None else step
        self.stop = stop


def read_source(card: CardLine, times: Times) -> list[Element]:
    """Read ``V1 a b [DC] value AC magnitude phase PULSE(...)``."""
    nodes = card.nodes(2)
    dc: float | None = None
    wave: Source | None = None
    found: dict[str, Any] = {}
    beside: dict[str, float] = {}  # LTspice's, of voltage sources
    first = True
    while not card.done:
        word = _OTHER_NAMES.get(card.peek(), card.peek())
        if word in _WAVES and not card.names_value:
            if wave is not None:
                raise card.error("two functions of time")
            card.take()
            wave = _wave(card, word, times)
        elif word in _REFUSED:
            raise card.error(f"{word.upper()}, {_REFUSED[word]}, is not supported; there are "
                             f"{', '.join(w.upper() for w in _WAVES)}")
        elif word == "dc":
            card.take()
            card.sign("=")
            dc = card.number("the DC value")
        elif word == "ac":
            card.take()
            card.sign("=")
            found["acmag"], found["acphase"] = 1.0, 0.0
            for key in ("acmag", "acphase"):
                card.skip()
                if not card.starts_number():
                    break
                found[key] = card.number(key)
        elif card.sign("(") or card.sign(")"):
            continue
        elif word == "portnum":
            raise card.error("PORTNUM: S-parameters are not supported")
        elif word in ("distof1", "distof2"):
            raise card.error(f"{word.upper()}: distortion analysis is not supported")
        elif card.names_value and word == "m":
            found |= card.pairs(("m",))
        elif card.names_value and card.kind == "V" and word in ("rser", "cpar"):
            beside |= {k: card.plain(k, v) for k, v in card.pairs(("rser", "cpar")).items()}
        elif card.names_value or (word and not card.starts_number() and not first):
            raise card.error(f"`{card.peek()}` is not expected"
                             f"{did_you_mean(word, ('dc', 'ac', 'm', *_WAVES))}")
        elif dc is None:
            if word and not card.starts_number() and card.tokens[card.at + 1].text == "(":
                raise card.error(f"there is no function `{word}`"
                                 f"{did_you_mean(word, [*_WAVES, *_REFUSED])}")
            dc = card.number("the DC value")
        else:
            card.skip()
            if not card.done:
                raise card.error(f"`{card.token.text}` is not expected")
        first = False
    if card.kind == "I":
        card.multiplied(found)
    elif "m" in found:
        raise card.error("a voltage source has no `m`")
    if dc is None:
        dc = 0.0 if wave is None else float(wave.at(0.0))
    if isinstance(wave, TransientNoise):  # it adds to the DC value
        wave = replace(wave, offset=dc)
    if not beside:
        return [card.element(nodes, dc, found, wave=wave)]
    copies: dict[str, Any] = {}
    card.multiplied(copies)
    return with_parasitics(
        card, nodes, beside, copies, lambda ends: card.element(ends, dc, found, wave=wave)
    )


def _arguments(card: CardLine) -> list[float]:
    """Read numbers, in parentheses or to the end of the line."""
    values: list[float] = []
    enclosed = card.sign("(")
    while not card.done:
        if card.sign(","):
            continue
        if card.sign(")"):
            if not enclosed:
                raise card.error("`)` without `(`")
            return values
        if not enclosed and (card.peek() in ("ac", "dc") or card.names_value):
            break
        if card.token.kind == "sign" and card.token.text == "=":
            raise card.error("`=` is not expected")
        values.append(card.number_of(card.raw(), "a value of the function of time"))
    if enclosed:
        raise card.error("`)` is missing")
    return values


def _from_file(card: CardLine) -> list[float] | None:
    """Read ``(file="name")`` or ``file=name``: times and values in columns, else None."""
    here = card.at
    enclosed = card.sign("(")
    if card.peek() != "file" or not card.names_value:
        card.at = here
        return None
    card.at += 2
    name = card.raw()
    if enclosed and not card.sign(")"):
        raise card.error("`)` is missing")
    folder = Path(card.line.file).parent if card.line.file != "<text>" else Path()
    path = file_at(folder, name)
    try:
        rows = [
            [float(word) for word in line.replace(",", " ").split()]
            for line in text_of(path).splitlines()
            if line.strip() and line.strip()[0] not in "*#;"
        ]
    except (OSError, ValueError) as error:
        raise card.error(f"{path} cannot be read as times and values: {error}") from None
    if not rows or any(len(row) != 2 for row in rows):
        raise card.error(f"{path} must have two columns, times and values")
    return [value for row in rows for value in row]


def _wave(card: CardLine, name: str, times: Times) -> Source:
    values = _from_file(card) if name == "pwl" else None
    values = _arguments(card) if values is None else values
    low, high = _WAVES[name]
    if len(values) < low or (high is not None and len(values) > high):
        wanted = f"{low} to {high}" if high is not None else f"at least {low}"
        raise card.error(f"{name.upper()} takes {wanted} values, not {len(values)}")
    try:
        if name == "pwl":
            return _points(card, values)
        if name == "pulse":
            return _pulse(values, times)
        if name in ("trnoise", "trrandom"):
            return _random(card, name, values)
        return _smooth(card, name, values, times)
    except ParameterError as error:
        raise card.error(f"{name.upper()}: {error}") from None


def _pulse(values: list[float], times: Times) -> Pulse:
    v1, v2, delay, rise, fall, width, period, count = values + [0.0] * (8 - len(values))
    # zero is the default, as in SPICE
    rise, fall = rise or times.step, fall or times.step
    endless = 1e30 if times.stop is None else times.stop
    width = width or endless
    repeats: float | None = period or None
    if times.stop is not None and delay + period >= times.stop:
        repeats = None  # beyond the end of the transient
    return Pulse(v1, v2, delay, rise, width, fall, repeats, int(count) if count else None)


def _points(card: CardLine, values: list[float]) -> Pwl:
    found: dict[str, Any] = {}
    while card.names_value and card.peek() in ("r", "td"):
        name = card.take().text.lower()
        card.take()
        found[name] = card.number_of(card.raw(), name)
    if len(values) % 2:
        raise card.error("PWL takes pairs of a time and a value")
    t, v = values[::2], values[1::2]
    repeat = found.get("r")
    if repeat is not None and repeat < 0:  # off, as in ngspice
        repeat = None
    return Pwl(tuple(t), tuple(v), repeat, found.get("td", 0.0))


def _random(card: CardLine, name: str, values: list[float]) -> Source:
    """Read TRNOISE and TRRANDOM; ``seed=`` after them is ours, sources differ by their names."""
    seed = zlib.crc32(card.name.lower().encode())
    if card.names_value and card.peek() == "seed":
        card.at += 2
        seed += int(card.number_of(card.raw(), "seed")) << 32
    if name == "trnoise":
        rms, step, alpha, flicker, telegraph, capture, emission = (
            values + [0.0] * (7 - len(values))
        )
        return TransientNoise(
            rms, step, alpha, flicker, telegraph, capture, emission, seed=seed
        )
    kinds = ("uniform", "gaussian", "exponential", "poisson")
    if values[0] not in (1.0, 2.0, 3.0, 4.0):
        raise card.error(f"TRRANDOM of kind {values[0]:g}; there are 1 (uniform), 2 (Gaussian), "
                         "3 (exponential), 4 (Poisson)")
    kind, step, delay, width, centre = values + [1.0, 0.0, 0.0, 1.0, 0.0][len(values):]
    return RandomVoltage(kinds[int(kind) - 1], step, delay, width, centre, seed)


def _smooth(card: CardLine, name: str, values: list[float], times: Times) -> Source:
    given = dict(enumerate(values))

    def value(k: int, default: float = 0.0) -> float:
        return given.get(k) or default

    def frequency(k: int) -> float:
        if value(k):
            return value(k)
        if times.stop is None:
            raise card.error(f"{name.upper()} without a frequency needs a .tran, whose end is the "
                             "default period")
        return 1.0 / times.stop

    if name == "sin":
        return Sine(value(0), value(1), frequency(2), value(3), value(4), value(5))
    if name == "exp":
        first = value(2, times.step)
        return Exponential(
            value(0), value(1), first, value(3, times.step),
            value(4, first + times.step), value(5, times.step),
        )
    if name == "sffm":
        return FrequencyModulated(
            value(0), value(1), frequency(2), value(3), frequency(4), value(5), value(6)
        )
    # the manual's phase is the sixth; ngspice 39 reads the seventh
    phase = value(6) if card.scope.ngspice or len(values) > 6 else value(5)
    return AmplitudeModulated(value(0), value(1), frequency(2), value(3), value(4), phase)
