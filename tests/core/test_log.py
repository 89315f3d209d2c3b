"""The log: silent until somebody listens, then it tells methods and ways round."""

import logging
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from crossbarsim import Crossbar, Simulator, Solver, read_spice
from crossbarsim.cli.main import app
from crossbarsim.core.views.log import listened

HARD = """a latch that is not to be tried by Newton alone
v1 vdd 0 3
m1 a b vdd vdd mp w=2u l=1u
m2 a b 0 0 mn w=2u l=1u
m3 b a vdd vdd mp w=2u l=1u
m4 b a 0 0 mn w=2u l=1u
.model mn nmos level=1 vto=0.7 kp=100u
.model mp pmos level=1 vto=-0.7 kp=40u
.options noopiter
.op
"""


def test_solutions_are_told_at_debug(caplog):
    with caplog.at_level(logging.DEBUG, "crossbarsim"):
        solution = Solver().solve(Crossbar(np.full((3, 2), 1e-5)), np.full(3, 0.1))
    (told,) = [record for record in caplog.records if not record.getMessage().startswith("compiling")]
    assert told.levelno == logging.DEBUG
    assert told.getMessage() == repr(solution)


def test_ways_round_are_told_at_info(caplog):
    with caplog.at_level(logging.INFO, "crossbarsim"):
        (point,) = Simulator().run(read_spice(HARD))
    assert abs(point["v(vdd)"] - 3.0) < 1e-9
    texts = [record.getMessage() for record in caplog.records if not record.getMessage().startswith("compiling")]
    assert any("gmin stepping is tried" in text for text in texts)
    assert any(text.startswith("operating point: found by ") for text in texts)
    assert {record.levelno for record in caplog.records} == {logging.INFO}


@pytest.mark.parametrize("level", ["", "logging.getLogger('crossbarsim').setLevel(logging.DEBUG)"])
def test_quiet_without_a_listener(level):
    code = f"import logging\n{level}\nfrom crossbarsim import Crossbar, Solver\nSolver().solve(Crossbar([[1e-5]]), [0.1])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout == ""


def test_who_listens():
    before = listened()
    handler = logging.StreamHandler()
    logging.getLogger("crossbarsim").addHandler(handler)
    try:
        assert listened()
    finally:
        logging.getLogger("crossbarsim").removeHandler(handler)
    assert listened() == before


def test_command_line(tmp_path):
    np.save(tmp_path / "g.npy", np.full((2, 2), 1e-5))
    np.save(tmp_path / "v.npy", np.full(2, 0.2))
    words = ["solve", "g.npy", "v.npy"]
    code = "import sys; from crossbarsim.cli.main import main; sys.argv[0] = 'crossbarsim'; main()"
    for flags, told in (([], 0), (["-v"], 0), (["-vv"], 1)):
        done = subprocess.run([sys.executable, "-c", code, *flags, *words], cwd=tmp_path, capture_output=True,
                              text=True, check=True)
        assert done.stderr.count("DEBUG: Solution(Crossbar(2x2") == told
        assert "bit lines" in done.stdout


def test_completion_is_there():
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"})
    assert "--install-completion" in shown.output
