"""Reprs are short, whatever a result holds; a new class with arrays is found by itself."""

import dataclasses
import inspect
import re

import numpy as np
import pandas as pd
import pytest

from crossbarsim import Crossbar, Simulator, Solver, Wires, read_spice
from crossbarsim.core.views.brief import brief
from crossbarsim.devices import VTEAM, MeasuredSweep
from crossbarsim.programming import program
from tests.arguments.api import public

LONGEST = 400
OWN = {"MeasuredSweep"}  # a repr that needs a sweep that was read, below
HEAVY = re.compile(r"\b(Array|NDArray|DataFrame|Tensor|ArrayLike)\b")


def filled(kind):
    """Return a large value for a field with this annotation."""
    if "DataFrame" in kind:
        return pd.DataFrame(np.random.default_rng(0).random((500, 12)))
    if kind.startswith("dict") or "Mapping" in kind:
        return {f"entry {k}": np.linspace(0.0, k, 300) for k in range(40)}
    if kind.startswith("list"):
        return [(k, np.linspace(0.0, k, 300)) for k in range(1, 40)]
    if kind.startswith("tuple"):
        return tuple(np.linspace(0.0, k, 300) for k in range(1, 40))
    if HEAVY.search(kind):
        return np.linspace(0.0, 1.0, 12_000).reshape(100, 120)
    return {"int": 1, "float": 0.5, "str": "text", "bool": True}.get(kind)


def heavy():
    found = {}
    for name, one in public().items():
        if not (inspect.isclass(one) and dataclasses.is_dataclass(one)) or name in OWN:
            continue
        if any(HEAVY.search(str(f.type)) for f in dataclasses.fields(one)):
            found[name] = one
    return found


@pytest.mark.parametrize("name", sorted(heavy()))
def test_classes_with_arrays_are_told_briefly(name):
    one = heavy()[name]
    made = object.__new__(one)
    for field in dataclasses.fields(one):
        object.__setattr__(made, field.name, filled(str(field.type)))
    text = repr(made)
    assert text.startswith(f"{name}(")
    assert len(text) <= LONGEST


def test_the_classes_are_found():
    assert {"Trace", "TransientResult", "ProgramResult", "TileMap"} <= set(heavy())


DECK = """many outputs
V1 in 0 AC 1 PULSE(0 1 0 1n 1n 5u 10u)
R1 in out 1k
C1 out 0 1n
.op
.tran 10n 20u
.ac dec 20 1k 10meg
.dc V1 0 2 0.1
.noise v(out) V1 dec 10 1k 1meg
.tf v(out) v1
.sens v(out)
.four 100k v(out) v(in) i(v1)
"""


def results():
    array = VTEAM.preset("magic", v_off=1.0).array(np.full((4, 5), 5e-6))
    xbar = Crossbar(cells=array, wires=Wires(2.0, 2.0))
    resistors = Crossbar(np.full((40, 50), 1e-5), Wires(np.full((40, 50), 1.0), 2.0))
    solution = Solver().solve(resistors, np.full((20, 40), 0.1))
    yield from (xbar, resistors, solution, Solver().vjp(solution, np.ones((20, 50))))
    yield Solver().transient(xbar, ([0.0, 1e-9], np.full((2, 4), 0.1)), probes=["state", "cell_voltages"])
    yield program(xbar, np.full((4, 5), 2e-5))
    yield VTEAM().hysteresis(1.0, 1e6, points=300)
    t = np.linspace(0.0, 1.0, 5000)
    yield MeasuredSweep(t, np.sin(t), 1e-3 * np.sin(t))
    circuit = read_spice(DECK)
    yield circuit
    yield from Simulator().run(circuit)


def test_results_are_told_briefly():
    texts = [repr(one) for one in results()]
    assert len(texts) == 17
    assert [text for text in texts if len(text) > LONGEST] == []


def test_what_stands_in_them():
    run = Solver().transient(
        Crossbar(cells=VTEAM().array(np.full((4, 5), 1e-3))), ([0.0, 1e-9], np.full((2, 4), 0.1))
    )
    assert f"time=<{len(run.time)}, 0 to 1e-09>" in repr(run)
    assert brief(np.array([1.0, np.nan])) == "[ 1., nan]"
    assert brief(np.full((3, 4), np.nan)) == "<3x4 float64>"
    assert brief(np.zeros((0, 4))) == "<0x4 float64>"
    assert brief("x" * 500).endswith("...")
    assert brief(list(range(1000))) == "[0, 1, 2, 3, 4, 5, 994 more]"
