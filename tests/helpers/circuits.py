"""Elements by hand, and ngspice beside them."""

import shutil
import subprocess

import numpy as np
import pytest
from crossbarsim.netlists.elements import Element, Model
from crossbarsim.netlists.spice.expressions.expression import Expression

from crossbarsim import Circuit

needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")


def put(circuit: Circuit, name, *nodes, value=0.0, model="", control="", **parameters) -> Circuit:
    """Add any element; strings are expressions, except names of inductors."""
    def made(key, v):
        return Expression(v) if isinstance(v, str) and key not in ("l1", "l2") else v

    return circuit.add(Element(
        name[0].upper(), name, tuple(circuit.node(n) for n in nodes), made("", value), control=control,
        model=model, parameters=tuple((k, made(k, v)) for k, v in parameters.items()),
    ))


def card(circuit: Circuit, name, kind, **parameters) -> Circuit:
    circuit.models[name] = Model(name, kind, 1, parameters)
    return circuit


def ngspice(folder, cards, analysis, queries, options="reltol=1e-7 abstol=1e-14 vntol=1e-9 chgtol=1e-18 trtol=1"):
    """Return the columns of an analysis in ngspice, the abscissa first."""
    deck = "\n".join([
        "deck", *cards, f".options {options}", ".control", "set wr_singlescale", "set numdgt=15",
        analysis, f"wrdata result.txt {' '.join(queries)}", ".endc", ".end", "",
    ])
    (folder / "deck.cir").write_text(deck)
    done = subprocess.run(
        ["ngspice", "-b", "deck.cir"], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert (folder / "result.txt").is_file(), done.stdout[-1000:] + done.stderr[-2000:]
    return np.atleast_2d(np.loadtxt(folder / "result.txt")).T
