"""The console script."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import crossbarsim
from crossbarsim.cli.main import app
from crossbarsim.devices import VTEAM

RUN = CliRunner()
TINY = [
    "study", "ir-drop", "--ohm", "0,10", "--tile", "64x64", "--tile", "32x16", "--seeds", "2",
    "--images", "40", "--epochs", "1", "--threads", "1",
]


def test_version_and_info():
    result = RUN.invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.stdout == "crossbarsim 0.1.0\n"
    result = RUN.invoke(app, ["info"])
    assert result.exit_code == 0
    assert np.__version__ in result.stdout


def test_module_runs():
    result = subprocess.run(
        [sys.executable, "-m", "crossbarsim", "--version"], capture_output=True, text=True,
        check=True,
    )
    assert result.stdout == "crossbarsim 0.1.0\n"


def test_import_is_light():
    code = (
        "import sys, crossbarsim.cli.main; "
        "print([m for m in ('numpy', 'scipy', 'torch', 'matplotlib', 'pandas', 'numba') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                            check=True)
    assert result.stdout == "[]\n"


def test_help_shows_units_and_no_type_of_flags():
    wide = {"COLUMNS": "200", "TERMINAL_WIDTH": "200"}
    shown = RUN.invoke(app, ["device", "iv", "--help"], env=wide).output
    assert "--amplitude" in shown
    assert "VOLT" in shown
    assert "<bool>" not in shown
    program = RUN.invoke(app, ["program", "--help"], env=wide).output
    assert "where it was killed, the same command goes on" in " ".join(program.split())
    assert "Example: crossbarsim program vteam" in program


def test_solve(tmp_path):
    rng = np.random.default_rng(3)
    g, v = rng.uniform(1e-6, 1e-4, (5, 4)), rng.uniform(0, 0.2, (3, 5))
    np.save(tmp_path / "g.npy", g)
    np.save(tmp_path / "v.npy", v)
    out = tmp_path / "out.npz"
    arguments = ["solve", str(tmp_path / "g.npy"), str(tmp_path / "v.npy"), "--out", str(out)]
    result = RUN.invoke(app, [*arguments, "--word", "0", "--bit", "0"])
    assert result.exit_code == 0, result.output
    with np.load(out) as file:
        assert np.allclose(file["currents"], v @ g, rtol=1e-12)
        assert file["word_voltages"].shape == (3, 5, 4)
    assert f"{(v @ g)[0, 2]:.5e}"[:6] in result.stdout
    result = RUN.invoke(app, [*arguments, "--word", "3", "--bit", "2"])
    with np.load(out) as file:
        expected = crossbarsim.Solver(method="mna").solve(
            crossbarsim.Crossbar(g, crossbarsim.Wires(word=3.0, bit=2.0)), v
        )
        assert np.allclose(file["currents"], expected.currents, rtol=1e-9)


def test_solve_errors(tmp_path):
    np.save(tmp_path / "g.npy", np.ones((2, 2)))
    np.save(tmp_path / "v.npy", np.ones(3))
    np.savez(tmp_path / "many.npz", g=np.ones((2, 2)))
    (tmp_path / "text.npy").write_text("no array")
    good, bad = str(tmp_path / "g.npy"), str(tmp_path / "v.npy")
    for arguments, message in (
        ([good, bad], "v.npy: needs a voltage for each of the 2 word lines"),
        ([good, str(tmp_path / "none.npy")], "none.npy: cannot be read"),
        ([str(tmp_path / "text.npy"), bad], "text.npy: expected a NumPy .npy file"),
        ([str(tmp_path / "many.npz"), bad], "many.npz: expected a NumPy .npy file of numbers; it is"),
        ([good, good, "--out", str(tmp_path / "no" / "o.npz")], "No such file or directory"),
        ([good, bad, "--word", "-1"], "`word`"),
    ):
        result = RUN.invoke(app, ["solve", *arguments])
        assert result.exit_code == 2
        assert message in result.stderr
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--tile", "64"], "`--tile` must look like 128x128; got 64"),
        (["--tile", "0x64"], "`tiles` must be"),
        (["--ohm", "1,x"], "`--ohm` must be numbers"),
        (["--ohm", "-1"], "`ohms` must be"),
        (["--ohm", "nan"], "`ohms` must be"),
        (["--seeds", "-1"], "`seeds` must be"),
        (["--images", "0"], "`images` must be"),
        (["--sigma", "2"], "`sigma` must be"),
        (["--g-on", "0"], "`g_on`"),
        (["--data", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_study_errors(tmp_path, extra, message):
    result = RUN.invoke(app, ["study", "ir-drop", "--out", str(tmp_path / "out"), *extra])
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_study(tmp_path):
    out = tmp_path / "out"
    result = RUN.invoke(app, [*TINY, "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "32x16" in result.stdout
    for name in ("ir_drop.png", "tile.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    table = pd.read_csv(out / "results.csv")
    assert len(table) == 2 * 2 * 3
    settings = json.loads((out / "study.json").read_text())
    assert settings["study"]["ohms"] == [0.0, 10.0]
    assert settings["study"]["tiles"] == [[64, 64], [32, 16]]
    assert settings["environment"]["numpy"] == np.__version__
    exact = table[(table.ohm == 0) & table.seed.isna()]
    assert (exact.test_agreement == 1).all()
    assert (exact.test_accuracy == settings["digital_accuracy"]["test"]).all()

    before = (out / "points.jsonl").read_bytes()
    again = RUN.invoke(app, [*TINY, "--out", str(out)])
    assert again.exit_code == 0, again.output
    assert (out / "points.jsonl").read_bytes() == before
    assert pd.read_csv(out / "results.csv").equals(table)

    other = RUN.invoke(app, [*TINY, "--out", str(out), "--sigma", "0.2"])
    assert other.exit_code == 2
    assert "sigma: 0.1 there, 0.2 now" in other.stderr


def test_interrupt_says_how_to_go_on(tmp_path, monkeypatch):
    from crossbarsim.studies import ir_drop

    real, calls = ir_drop.measure, []

    def impatient(*arguments):
        if len(calls) == 3:
            raise KeyboardInterrupt
        calls.append(arguments[1])
        return real(*arguments)

    monkeypatch.setattr(ir_drop, "measure", impatient)
    out = tmp_path / "out"
    result = RUN.invoke(app, [*TINY, "--out", str(out)])
    assert result.exit_code == 130
    assert "run the same command to go on" in result.stderr
    assert str(out) in result.stderr
    assert len((out / "points.jsonl").read_text().splitlines()) == 1 + 3


def test_device_export(tmp_path):
    shown = RUN.invoke(app, ["device", "export", "vteam", "--preset", "magic", "--set", "r_on=200"])
    assert shown.exit_code == 0
    assert shown.stdout == VTEAM.preset("magic", r_on=200.0).to_verilog_a()
    path = tmp_path / "folder" / "cell.va"
    result = RUN.invoke(app, [
        "device", "export", "stanford_pku", "--preset", "decks", "--without-noise", "--module", "rram",
        "--verilog-a", str(path),
    ])
    assert result.exit_code == 0
    assert result.stdout == f"wrote {path}\n"
    assert "module rram(plus, minus);" in path.read_text(encoding="utf-8")
    result = RUN.invoke(app, ["device", "export", "stanford_pku", "--preset", "decks"])
    assert result.exit_code == 2
    assert "without_noise=True" in result.stderr
