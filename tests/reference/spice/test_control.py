"""Control blocks of our own, by our engine and by ngspice: the files that they write."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.solvers.circuit.control.interpreter import run_commands

from tests.helpers.decks_ngspice import have_ngspice

DECKS = sorted((Path(__file__).parent / "control").glob("*.cir"))


@pytest.mark.skipif(not have_ngspice(), reason="ngspice is not installed")
@pytest.mark.parametrize("path", DECKS, ids=lambda p: p.stem)
def test_files_of_a_control_block_agree(path, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    session = run_commands(read_spice(path), folder=ours)
    printed = subprocess.run(
        ["ngspice", "-b", str(path)], cwd=theirs, capture_output=True, text=True, check=False,
        timeout=60,
    ).stdout
    tables = [f for f in session.files if f.suffix == ".txt"]
    assert tables
    assert {f.name for f in tables} == {f.name for f in theirs.glob("*.txt")}
    skip = 1 if "wr_vecnames" in path.read_text() else 0
    for file in tables:
        a, b = np.loadtxt(file, skiprows=skip), np.loadtxt(theirs / file.name, skiprows=skip)
        assert a.shape == b.shape
        size = np.abs(b).max(axis=0)
        assert (np.abs(a - b).max(axis=0) <= 1e-5 * size + 1e-12).all(), file.name
    numbers = 0
    for line in session.printed:
        name, _, value = line.partition(" = ")
        found = [t for t in printed.splitlines() if t.split("=")[0].strip() == name]
        if value and found:
            values = [float(t.split("=")[1].split()[0]) for t in found]
            assert min(abs(float(value) - v) / abs(v) for v in values) < 2e-3, line
            numbers += 1
    assert numbers >= 3
