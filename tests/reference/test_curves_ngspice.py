"""Cells of measured tables against ngspice, which runs the decks written by `to_spice`."""

import shutil
import subprocess

import numpy as np
import pytest

from crossbarsim import Crossbar, OneSelectorOneResistor, Solver, Wires
from crossbarsim.devices import ExponentialSelector
from crossbarsim.nonidealities.iv_curves import SinhIV, TableIV

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")

VOLTS = np.array([0.04, 0.1, 0.17, 0.3, 0.45, 0.6])
FAMILY = np.array([1e-6 * np.sinh(VOLTS / 0.15), 2e-5 * np.sinh(VOLTS / 0.3), 3e-4 * VOLTS])
SKEW = np.linspace(-0.7, 0.7, 29)
LAWS = {
    "sinh": SinhIV(0.2),
    "curve": TableIV(SKEW, 1e-5 * np.expm1(2 * SKEW)),
    "family": TableIV(VOLTS, FAMILY, odd=True),
}


def run(circuit, folder, names):
    """Return the operating point's quantities."""
    commands = ["set numdgt=15", "op", *(f"print {name}" for name in names)]
    text = "\n".join([".control", *commands, ".endc", ".end", ""])
    deck = circuit.options(reltol=1e-9, abstol=1e-18, vntol=1e-12).to_spice()
    (folder / "deck.cir").write_text(deck.replace(".end\n", text))
    done = subprocess.run(
        ["ngspice", "-b", "deck.cir"], cwd=folder, capture_output=True, text=True, check=False,
        timeout=60,
    )
    found = dict(line.split(" = ") for line in done.stdout.splitlines() if line.count(" = ") == 1)
    assert set(names) <= set(found), done.stderr[-2000:]
    return np.array([float(found[name]) for name in names])


@pytest.mark.parametrize("selector", [None, ExponentialSelector(i_0=1e-6)], ids=["1R", "1S1R"])
@pytest.mark.parametrize("name", LAWS)
def test_currents_of_an_array(name, selector, tmp_path):
    rng = np.random.default_rng(7)
    G = 10 ** rng.uniform(-6, -3.2, (4, 3))
    V = np.array([0.65, -0.4, 0.12, -0.9])  # inside and outside the tables
    cells = LAWS[name].cells(G)
    if selector is not None:
        cells = OneSelectorOneResistor(cells, selector)
    xbar = Crossbar(cells=cells, wires=Wires(20.0, 30.0, driver=100.0, sense=50.0))
    found = run(xbar.to_circuit(V), tmp_path, [f"i(v_bl{j}_bottom)" for j in range(3)])
    expected = Solver().solve(xbar, V).currents
    np.testing.assert_allclose(found, expected, atol=1e-7 * np.abs(expected).max())
