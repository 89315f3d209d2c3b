"""What `to_spice` writes of every deck, run by ngspice, gives what the deck itself gives there."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice

from tests.helpers.decks_ngspice import FOLDER, have_ngspice, run_ngspice, tolerances

DECKS = [p for p in sorted(FOLDER.glob("**/*.cir"))
         if not any(mark in p.read_text() for mark in ("*= written", "*= unwritten"))]
_KINDS = {"Operating Point": "op", "DC transfer": "dc", "AC": "ac", "Transient": "tran"}


@pytest.mark.slow
@pytest.mark.skipif(not have_ngspice(), reason="ngspice is not installed")
@pytest.mark.parametrize("path", DECKS, ids=lambda p: p.stem)
def test_written_decks_run_to_the_same(path, tmp_path):
    written = tmp_path / "written.cir"
    written.write_text(read_spice(path).to_spice("ngspice"))
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    first = {p.name: p for p in run_ngspice(path, one)}
    second = {p.name: p for p in run_ngspice(written, two)}
    assert set(first) == set(second)
    limit = tolerances(path.read_text())
    for name, plot in first.items():
        kind = next((k for text, k in _KINDS.items() if name.startswith(text)), None)
        if kind is None:
            continue
        shared = [n for n in plot.names[kind != "op":] if n in second[name] and "#" not in n]
        assert shared, (plot.names, second[name].names)
        for n in shared:
            a, b = plot[n], second[name][n]
            if kind == "tran":
                b = np.interp(plot.scale, second[name].scale, b)
                size = 5 * limit["tran"] * np.ptp(a)
            else:
                size = 10 * limit[kind] * np.abs(a).max()
            floor = 1e-9 if n.startswith("i(") else 1e-5
            assert np.sqrt(np.mean(np.abs(a - b) ** 2)) <= size + floor, (name, n)
