r"""Decks that carry their right values in comments.

Lines of the deck that begin with ``*=``::

    *= op v(2) = 0.75                  the operating point; rel 1e-6 where nothing is said
    *= dc#2 i(v1) at 100 = -0.01       the second `.dc`, where the swept quantity is 100
    *= ac v(2) at 1k = 0.5-0.5j        complex, or |v(2)| or arg(v(2)) in radians
    *= tran v(x) at 10m = 0 abs 1e-6   between two points by a straight line
    *= tran steps < 500                steps of the run (also rejected)
    *= meas delay = 1.2e-9 rel 1e-3    a `.measure`
    *= op[1] v(2) = 0.5                the second run of `.step` (from 0)
    *= note ac=                        a note of the circuit holds these words
    *= error no model                  reading or running it is refused, and the message holds these words
    *= compat ngspice                  read with this `compat`

Both ``rel`` (of the right value) and ``abs`` may be given; one of them has to hold. Where the right
values come from (by hand, ngspice 39, a paper) is said in other comments of the deck.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.solvers.circuit.analyses.ac import Spectrum
from crossbarsim.solvers.circuit.analyses.noise import NoiseSpectrum
from crossbarsim.solvers.circuit.analyses.op import OperatingPoint
from crossbarsim.solvers.circuit.analyses.sensitivities import Sensitivities
from crossbarsim.solvers.circuit.analyses.transfer_function import TransferFunction
from crossbarsim.solvers.circuit.results.results import Sweep, Transient

from crossbarsim import CrossbarSimError, Solver
from crossbarsim.core.units import plain_number

FOLDER = Path(__file__).parents[1] / "reference" / "values"
_KINDS = {
    "op": OperatingPoint, "dc": Sweep, "ac": Spectrum, "tran": Transient, "noise": NoiseSpectrum,
    "tf": TransferFunction, "sens": Sensitivities,
}
_VALUE = re.compile(
    r"(?P<kind>op|dc|ac|tran|noise|tf|sens)(?:#(?P<nth>\d+))?(?:\[(?P<run>\d+)\])?"
    r" (?P<what>.+?)(?: at (?P<at>\S+))? (?P<sign>[=<]) (?P<right>\S+)(?P<tolerance>( (rel|abs) \S+)*)$"
)
_MEASURE = re.compile(
    r"meas (?P<what>\S+) = (?P<right>\S+)(?P<tolerance>( (rel|abs) \S+)*)$"
)


def check(path: Path) -> int:
    """Check each right value of a deck; return how many there are."""
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in re.findall(r"^\*=(.*)$", text, re.MULTILINE)]
    words = dict(line.split(" ", 1) for line in lines if line.split()[0] in ("compat", "error"))
    if "error" in words:
        with pytest.raises(CrossbarSimError, match=re.escape(words["error"])):
            Solver().run(read_spice(path, compat=words.get("compat", "")))
        return len(lines)
    circuit = read_spice(path, compat=words.get("compat", ""))
    results = [] if _only_notes(lines) else Solver().run(circuit)
    for line in lines:
        if line.startswith("note "):
            told = [str(note) for note in circuit.notes]
            assert any(line[5:] in note for note in told), f"{line!r} is not in {told}"
        elif not line.startswith("compat "):
            _check_value(line, results)
    return len(lines)


def _only_notes(lines: list[str]) -> bool:
    return all(line.split()[0] in ("note", "compat") for line in lines)


def _check_value(line: str, results: list[Any]) -> None:
    if match := _MEASURE.match(line):
        found = next(r.measures[match["what"]] for r in results if match["what"] in r.measures)
    else:
        match = _VALUE.match(line)
        assert match, f"this line cannot be read: {line!r}"
        found = _found(match, results)
        if match["sign"] == "<":
            assert found < _number(match["right"]), f"{line}: {found}"
            return
    right = _number(match["right"])
    limits = {"rel": 1e-6 if "abs" not in match["tolerance"] else 0.0, "abs": 0.0}
    tolerance = match["tolerance"].split()
    limits |= {k: float(v) for k, v in zip(tolerance[::2], tolerance[1::2], strict=True)}
    miss = abs(found - right)
    assert miss <= max(limits["rel"] * abs(right), limits["abs"]), f"{line}: it is {found!r}"


def _found(match: re.Match[str], results: list[Any]) -> Any:
    cls = _KINDS[match["kind"]]
    if match["run"]:
        results = [result.results[int(match["run"])] for result in results]
    chosen = [r for r in results if isinstance(r, cls)][int(match["nth"] or 1) - 1]
    what = match["what"]
    if what in ("steps", "rejected"):
        return getattr(chosen, what)
    wrap = None
    if inner := re.match(r"\|(.+)\|$|(?:arg)\((.+\))\)$", what):
        wrap, what = (np.abs, inner[1]) if inner[1] else (np.angle, inner[2])
    values = chosen[what]
    values = wrap(values) if wrap else values
    if match["at"] is None:
        assert np.size(values) == 1, f"`{what}` has {np.size(values)} values: say `at`"
        return np.ravel(values)[0]
    axis = next(iter(chosen.axes.values()))
    at = _number(match["at"]).real
    near = int(np.abs(axis - at).argmin())
    if np.isclose(axis[near], at, rtol=1e-9, atol=0.0):
        return values[near]
    assert match["kind"] == "tran", f"there is no point at {at}: {axis}"
    assert axis[0] <= at <= axis[-1], f"{at} s is outside of the run"
    return np.interp(at, axis, values)


def _number(text: str) -> Any:
    plain = plain_number(text)
    return complex(text) if plain is None else plain
