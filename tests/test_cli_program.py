"""crossbarsim program, crossbarsim study read-margin."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from crossbarsim.cli.main import app

RUN = CliRunner()
SMALL = ["program", "vteam", "--preset", "magic", "--set", "v_off=1", "--size", "3x4"]


def test_program(tmp_path):
    out = tmp_path / "out"
    result = RUN.invoke(app, [*SMALL, "--vary", "r_on=0.1", "--ohm", "2", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "12 of 12" in result.stdout
    assert "100%" in result.stdout
    table = pd.read_csv(out / "cells.csv")
    assert len(table) == 12
    assert (abs(table.measured / table.target - 1) < 0.05).all()
    summary = json.loads((out / "summary.json").read_text())
    assert summary["success"]
    assert summary["scheme"] == "v/2"
    assert summary["criterion"] == "read"
    assert "error as read" in result.stdout
    assert "error of the cells' own" in result.stdout
    assert (out / "program.png").read_bytes().startswith(b"\x89PNG")

    again = RUN.invoke(app, [*SMALL, "--vary", "r_on=0.1", "--ohm", "2", "--out", str(out),
                             "--start", str(out / "conductance.npy")])
    assert again.exit_code == 0, again.output
    assert json.loads((out / "summary.json").read_text())["writes"] == 0


@pytest.mark.slow
def test_targets_of_a_file_and_levels(tmp_path):
    goal = np.linspace(1e-5, 2e-4, 12).reshape(3, 4)
    np.save(tmp_path / "g.npy", goal)
    result = RUN.invoke(app, [*SMALL, "--targets", str(tmp_path / "g.npy"), "--out",
                              str(tmp_path / "a")])
    assert result.exit_code == 0, result.output
    assert np.allclose(pd.read_csv(tmp_path / "a" / "cells.csv").target, goal.ravel())
    result = RUN.invoke(app, [*SMALL, "--targets", "levels", "--levels", "3", "--g-low", "1e-5",
                              "--g-high", "1e-4", "--out", str(tmp_path / "b")])
    assert result.exit_code == 0, result.output
    found = pd.read_csv(tmp_path / "b" / "cells.csv").target.unique()
    assert np.isin(np.round(found * 1e6, 6), [10.0, 55.0, 100.0]).all()


@pytest.mark.slow
def test_interrupt_keeps_what_was_done(tmp_path, monkeypatch):
    from crossbarsim import Solver
    from crossbarsim.programming.runs import checkpoint

    real, calls = Solver.transient, []
    # a checkpoint after every pulse, however fast they are
    monkeypatch.setattr(checkpoint, "_PAUSE", 0.0)
    monkeypatch.setattr(checkpoint, "_SHARE", 1e9)

    def impatient(self, *arguments, **options):
        if len(calls) == 25:
            raise KeyboardInterrupt
        calls.append(0)
        return real(self, *arguments, **options)

    monkeypatch.setattr(Solver, "transient", impatient)
    result = RUN.invoke(app, [*SMALL, "--width", "1e-7", "--out", str(tmp_path)])
    assert result.exit_code == 130, result.output
    assert "go on with the same command" in result.stdout
    assert not json.loads((tmp_path / "summary.json").read_text())["success"]
    monkeypatch.undo()
    assert RUN.invoke(app, [*SMALL, "--width", "1e-7", "--out", str(tmp_path / "straight")]).exit_code == 0
    # another run from what this one has, in the same folder
    other = [*SMALL, "--width", "1e-7", "--out", str(tmp_path / "other"), "--start", str(tmp_path / "conductance.npy")]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "checkpoint.npz").write_bytes((tmp_path / "checkpoint.npz").read_bytes())
    refused = RUN.invoke(app, other)
    assert refused.exit_code == 2
    assert "other settings" in refused.stderr
    assert "--restart" in refused.stderr
    begun = RUN.invoke(app, [*other, "--restart"])
    assert begun.exit_code == 0, begun.output
    assert not (tmp_path / "other" / "checkpoint.npz").exists()
    again = RUN.invoke(app, [*SMALL, "--width", "1e-7", "--out", str(tmp_path)])
    assert again.exit_code == 0, again.output
    for name in ("cells.csv", "conductance.npy", "summary.json", "program.png"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()
    assert not (tmp_path / "checkpoint.npz").exists()


@pytest.mark.slow
def test_a_checkpoint_of_other_options_is_refused(tmp_path, monkeypatch):
    from crossbarsim import Solver
    from crossbarsim.programming.runs import checkpoint

    class Killed(BaseException):
        """What no code of ours catches."""

    real, calls = Solver.transient, []

    def mortal(self, *arguments, **options):
        calls.append(0)
        if len(calls) == 40:
            raise Killed
        return real(self, *arguments, **options)

    monkeypatch.setattr(checkpoint, "_PAUSE", 0.0)
    monkeypatch.setattr(checkpoint, "_SHARE", np.inf)
    monkeypatch.setattr(Solver, "transient", mortal)
    command = [*SMALL, "--width", "1e-7", "--out", str(tmp_path)]
    with pytest.raises(Killed):
        RUN.invoke(app, command)
    kept = tmp_path / "checkpoint.npz"
    content = kept.read_bytes()
    other = RUN.invoke(app, [*command, "--passes", "2", "--seed", "1"])
    assert other.exit_code == 2
    assert f"{kept} is the checkpoint of a run with other settings (" in other.stderr
    for difference in ("passes: 3 there, 2 now; ", "seed: '[0, (), 4]' there, '[1, (), 4]' now; ", "targets: '3x4 of "):
        assert difference in other.stderr
    assert kept.read_bytes() == content
    kept.write_bytes(content[:-9])
    torn = RUN.invoke(app, command)
    assert torn.exit_code == 2
    assert f"{kept}: is damaged" in torn.stderr
    assert "delete it to begin again" in torn.stderr
    kept.write_bytes(content)
    again = RUN.invoke(app, command)
    assert again.exit_code == 0, again.output
    assert f"going on from {kept}" in again.stdout
    assert not kept.exists()


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--size", "8"], "`--size` must look like 16x16; got 8"),
        (["--preset", "magik"], "did you mean 'magic'"),
        (["--set", "r_onn=1"], "did you mean 'r_on'"),
        (["--vary", "r_on"], "`--vary` must look like r_on=0.1"),
        (["--vary", "iv=0.1"], "no parameter `iv` to vary"),
        (["--scheme", "v/22"], "no scheme 'v/22'; did you mean 'v/2'"),
        (["--cells", "2t2r"], "`--cells` must be one of bare, 1t1r, 1s1r"),
        (["--targets", "none.npy"], "none.npy: cannot be read: No such file"),
        (["--targets", "levels", "--levels", "1"], "`--levels` must be >= 2"),
        (["--g-low", "1e-3", "--g-high", "1e-5"], "0 < g_low <= g_high"),
        (["--tolerance", "0"], "`tolerance` must be > 0"),
        (["--algorithm", "guess"], "`algorithm` must be"),
        (["--criterion", "guess"], "`criterion` must be"),
        (["--ohm", "-1"], "`word`"),
    ],
)
def test_program_errors(tmp_path, extra, message):
    result = RUN.invoke(app, [*SMALL, "--out", str(tmp_path / "out"), *extra])
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_unknown_model():
    result = RUN.invoke(app, ["program", "vtem"])
    assert result.exit_code == 2
    assert "vteam" in result.stderr


def test_read_margin(tmp_path):
    result = RUN.invoke(app, ["study", "read-margin", "--sizes", "2,4", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "miec_selector" in result.stdout
    table = pd.read_csv(tmp_path / "read_margin.csv")
    assert len(table) == 2 * 2 * 4
    for name in ("read_margin.png", "read_delay.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert len(pd.read_csv(tmp_path / "read_delay.csv")) == 2
    for extra, message in ((["--sizes", "2,x"], "`--sizes` must be integers"),
                           (["--schemes", "v/4"], "no read scheme 'v/4'")):
        result = RUN.invoke(app, ["study", "read-margin", *extra])
        assert result.exit_code == 2
        assert message in result.stderr
