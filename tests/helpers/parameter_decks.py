"""One deck for each kind of element: a copy of one small circuit for each parameter it accepts.

The names come from the reader: model cards from `CARDS`, an element's from what `CardLine.pairs`
is asked to allow. Copy 0 is as it is; every other copy has one parameter more, or another value of
it. `outcome` runs the deck in our engine and, where it is installed, in ngspice.
"""

import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from crossbarsim.netlists import read_spice
from crossbarsim.netlists.spice.cards import CARDS, Card
from crossbarsim.netlists.spice.read.element_line import CardLine
from crossbarsim.solvers.circuit.rawfile.reader import read_raw

from crossbarsim import NetlistError, Solver

OPTIONS = ".options reltol=1e-4 temp=60\n"
# what is run, one after the other, for parameters that have not acted yet
STAGES = {
    "op": ".op\n", "dc": ".dc vd {sweep}\n", "ac": ".ac dec 2 1k 1g\n", "tran": ".tran 0.1n 25n 0 0.2n\n",
    "start": ".tran 0.05n 1n uic\n",
}
# a difference of the whole range that counts as an effect, and how far effects may be apart
_ACTS = 1e-9
_APART = {"op": (0.02, 1e-6), "dc": (0.03, 1e-5), "ac": (0.03, 1e-6), "tran": (0.3, 1e-3), "start": (0.5, 2e-3)}


class Copy(NamedTuple):
    """A copy of the circuit: the parameter that it shows, and what card and element say."""

    name: str
    card: dict[str, str]
    own: dict[str, str]


@dataclass(frozen=True)
class Rig:
    """A circuit in which parameters of one kind of element show.

    Attributes
    ----------
    kind : str
        Of the model card.
    sources, circuit : str
        What all copies share, with a source ``vd``; and a copy: ``#`` is its number, ``{own}`` what
        the element says. Its node ``p#`` is looked at.
    base, own : dict
        What card and element say before one parameter at a time is changed.
    card, element : dict
        Values of the parameters that an increase by a quarter, or a guess by the unit, does not show.
    sweep : str
        Of ``vd``.
    other : mapping
        Stages or parameters (of a level: ``"ac 3"``) in which ngspice is not the judge, and why.
    """

    kind: str
    sources: str
    circuit: str
    base: dict[str, float] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)
    card: dict[str, float] = field(default_factory=dict)
    element: dict[str, str] = field(default_factory=dict)
    sweep: str = "-2 3 0.25"
    other: Mapping[str, str] = field(default_factory=dict)


_BY_UNIT = {
    "A": 1e-9, "A/m^2": 1e-3, "ohm": 20.0, "s": 1e-9, "F": 1e-12, "V": 0.4, "1/K": 4e-3, "1/K^2": 1e-4, "%/K": 0.5,
    "F/m": 1e-9, "F/m^2": 1e-4, "m": 0.2e-6, "V^0.5": 0.5, "1/V": 0.05, "1/W": 0.3, "1/V^2": 0.02, "cm^-2": 1e10, "cm^-3": 1e16,
    "m/s": 5e4, "ohm/m": 1e6, "V/K": 1e-3, "degree": 30.0, "C": 40.0, "": 0.3, "A/V^2": 1e-4, "eV": 1.0,
}


def accepted(text: str, element: str) -> tuple[str, ...]:
    """Return the names that the reader allows on the line of an element of a deck, flags included."""
    found: list[str] = []
    plain = CardLine.pairs

    def noted(self, allowed, flags=(), texts=()):
        if self.name.lower() == element:
            found.extend(n for n in (*allowed, *flags) if n not in found)
        return plain(self, allowed, flags, texts)

    CardLine.pairs = noted
    try:
        read_spice(text)
    finally:
        CardLine.pairs = plain
    return tuple(found)


def copies(rig: Rig, table: Card) -> list[Copy]:
    """Return the base, and one copy for every name."""
    card = {k: f"{v:.12g}" for k, v in rig.base.items() if k in table.parameters}
    found = [Copy("", card, rig.own)]
    for name, plain in [*((n, n) for n in table.parameters), *table.aliases.items()]:
        if plain not in table.parameters:
            raise AssertionError(f"{table.title}: `{name}` is a name of `{plain}`, which is no parameter")
        value = rig.card.get(plain)
        if value is None:
            parameter = table.parameters[plain]
            start = rig.base.get(plain, parameter.default)
            value = start * 1.25 if start else _BY_UNIT[parameter.unit]
        rest = {k: v for k, v in card.items() if k != plain}
        found.append(Copy(name, {**rest, name: f"{value:.12g}"}, rig.own))
    line = next(x for x in rig.circuit.split("\n") if "{own}" in x)
    names = accepted(deck(rig, table, found[:1], ""), line.split("#")[0] + "0")
    found += [Copy(f"@{n}", card, {**rig.own, n: rig.element.get(n, "1.25")}) for n in names]
    return found


def _head(rig: Rig, table: Card) -> str:
    level = table.levels[0]
    return rig.kind if level == 1 else f"{rig.kind} level={level}"


def deck(rig: Rig, table: Card, chosen: Iterable[Copy], analyses: str) -> str:
    """Return a deck with these copies."""
    parts = ["parameters", rig.sources]
    for k, (_, card, own) in enumerate(chosen):
        words = " ".join(n if v == "" else f"{n}={v}" for n, v in own.items())
        parts.append(rig.circuit.replace("#", str(k)).format(own=words))
        given = " ".join(f"{n}={v}" for n, v in card.items())
        parts.append(f".model mm_{k} {_head(rig, table)} {given}")
    return "\n".join([*parts, OPTIONS + analyses.format(sweep=rig.sweep) + ".end", ""])


def _size(change: np.ndarray, stage: str) -> float:
    """Return the largest change; in time, where the two have other steps, its root mean square."""
    if stage in ("tran", "start"):
        return float(np.sqrt((np.abs(change) ** 2).mean()))
    return float(np.abs(change).max())


class Outcome(NamedTuple):
    """What came out: names by what they did."""

    acted: set[str]
    noted: set[str]
    refused: dict[str, str]
    silent: set[str]
    apart: list[str]  # from ngspice


def outcome(rig: Rig, table: Card, folder: Path | None) -> Outcome:
    """Run a rig; with a folder in ngspice, too."""
    chosen, refused = _readable(rig, table, copies(rig, table))
    line = next(x for x in rig.circuit.split("\n") if "{own}" in x)
    base, rest = chosen[0], chosen[1:]
    acted: set[str] = set()
    apart: list[str] = []
    noted: set[str] = set()
    for stage, analysis in STAGES.items():
        if stage == "start":
            rest = [c for c in rest if c.name not in acted]
        some = [base, *rest]
        text = deck(rig, table, some, analysis)
        circuit = read_spice(text, compat="ngspice")
        noted |= {
            c.name for k, c in enumerate(some)
            if any(re.search(rf"(mm_|: {line[0]}){k}: (.*\W)?{re.escape(c.name.lstrip('@'))}\W", n) for n in circuit.notes)
        }
        nodes = [f"p{k}" for k in range(len(some))]
        result = Solver().run(circuit)[0]
        ours = np.array([np.ravel(np.asarray(result[f"v({n})"])) for n in nodes])
        effect = ours - ours[0]
        span = np.abs(ours).max() or 1.0
        acted |= {c.name for c, e in zip(some, effect, strict=True) if np.abs(e).max() > _ACTS * span}
        if folder is None or {stage, f"{stage} {table.levels[0]}"} & {*rig.other}:
            continue
        plot, ignored = _ngspice(text, folder)
        other = np.array([np.ravel(plot[f"v({n})"]) for n in nodes])
        if stage in ("tran", "start"):
            other = np.array([np.interp(result.time, plot.scale, o) for o in other])
        change, (share, floor) = other - other[0], _APART[stage]
        for c, e, f in zip(some, effect, change, strict=True):
            miss, size = _size(e - f, stage) / span, _size(f, stage) / span
            if miss > share * size + floor and not {
                c.name, plain := c.name.lstrip("@"), f"{plain} {table.levels[0]}",
            } & {*ignored, *rig.other}:
                apart.append(f"{stage} {c.name}: {_size(e, stage) / span:.1e}, ngspice {size:.1e}, apart {miss:.1e}")
    rest = [c for c in rest if c.name not in acted and not c.name.startswith("@")]
    acted |= {c.name for c in rest if _noisy(rig, table, base, c)}
    left = {c.name for c in chosen[1:]} - acted - noted
    return Outcome(acted, noted, refused, left, apart)


def _readable(rig: Rig, table: Card, chosen: list[Copy]) -> tuple[list[Copy], dict[str, str]]:
    """Leave out the copies that are refused, by the reader or by the engine."""
    refused: dict[str, str] = {}
    while True:
        try:
            Solver().operating_point(read_spice(deck(rig, table, chosen, ".op\n"), compat="ngspice"))
        except NetlistError as caught:
            error = caught
        else:
            return chosen, refused
        found = re.search(r"\bmm_(\d+)\b|\b[a-z](\d+):", str(error).lower())
        k = int(found[1] or found[2]) if found else 0
        assert 0 < k < len(chosen), error
        refused[chosen.pop(k).name] = error.message


def _noisy(rig: Rig, table: Card, base: Copy, one: Copy) -> bool:
    """Whether a parameter changes the noise."""
    text = deck(rig, table, [base, one], ".noise v(p0) vd dec 1 10 10\n.noise v(p1) vd dec 1 10 10\n")
    plain, other = (float(r["onoise_spectrum"][0]) for r in Solver().run(read_spice(text, compat="ngspice")))
    return abs(plain - other) > 1e-6 * plain


def _ngspice(text: str, folder: Path):
    """Return ngspice's plot, and the parameters that it says it ignores."""
    ignored: set[str] = set()
    text = text.replace(" off\n", "\n")  # it may keep ngspice from an operating point
    while True:
        (folder / "deck.cir").write_text(text)
        done = subprocess.run(["ngspice", "-b", "-r", "out.raw", "deck.cir"], cwd=folder, check=False,
                              capture_output=True, text=True, timeout=60)
        told = done.stdout + done.stderr
        wrong = re.search(r"Error on line.*\n.* (\w+)(=\S+)\s+(unknown parameter|no such parameter)", told)
        if wrong is None:  # an element's unknown parameter is an error
            break
        text, count = re.subn(rf" {wrong[1]}=\S+$", "", text, flags=re.MULTILINE)
        assert count, told[-2000:]
        ignored.add(wrong[1])
    assert "aborted" not in told, told[-2000:]
    ignored |= {n.lower() for n in re.findall(r"unrecognized parameter \((\w+)\)", told)}
    return read_raw(folder / "out.raw")[0], ignored


def unique_cards() -> list[tuple[str, Card]]:
    """Return (kind, card), of every card once."""
    found: dict[int, tuple[str, Card]] = {}
    for kind, tables in CARDS.items():
        for table in tables:
            found.setdefault(id(table), (kind, table))
    return list(found.values())
