"""crossbarsim study nonidealities, crossbarsim study device-spread."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from crossbarsim import studies
from crossbarsim.cli.main import app

RUN = CliRunner()
QUICK = ["study", "nonidealities", "--quick", "--tile", "48x20", "--ohm", "0,5", "--bits", "3",
         "--bits", "8", "--sigma", "0.3", "--states", "3", "--stuck-on", "0.05", "--images", "30",
         "--threads", "1"]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Make the study's network small."""
    from crossbarsim.studies import CnnSettings

    settings = CnnSettings(channels=(4, 8), hidden=16, epochs=2)
    monkeypatch.setattr(CnnSettings, "for_data", lambda *_args, **_options: settings)


def test_nonidealities(tmp_path):
    out = tmp_path / "out"
    result = RUN.invoke(app, [*QUICK, "--stuck-off", "0.2", "--out", str(out)])
    assert result.exit_code == 0, result.output
    for words in ("handwritten digits 8x8", "stuck_off", "8 bit", "5 ohm per segment"):
        assert words in result.stdout
    table = pd.read_csv(out / "results.csv")
    assert len(table) == 2 * 5 * 3
    assert set(table.effect) == {"none", "sigma", "states", "stuck_on", "stuck_off"}
    settings = json.loads((out / "study.json").read_text())["study"]
    assert settings["sigmas"] == [0.3]
    assert settings["bits"] == [3, 8]
    assert settings["g_on"] == pytest.approx(1 / 1.4e4)
    assert (out / "nonidealities.png").read_bytes().startswith(b"\x89PNG")
    before = (out / "points.jsonl").read_text()
    again = RUN.invoke(app, [*QUICK, "--stuck-off", "0.2", "--out", str(out)])
    assert again.exit_code == 0, again.output
    assert (out / "points.jsonl").read_text() == before


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--bits", "0"], "`bits` must be"),
        (["--bits", "2.5"], "`--bits` must be integers"),
        (["--sigma", "x"], "`--sigma` must be numbers"),
        (["--states", "1"], "`count` must be"),
        (["--stuck-on", "2"], "`stuck_on` must be"),
        (["--law", "cauchy"], "`law` must be one of"),
        (["--tile", "48"], "`--tile` must look like 128x128"),
        (["--r-on", "1e8"], "`g_on` must be larger than `g_off`"),
        (["--r-on", "0"], "`g_on`"),
        (["--data", "no-such-folder"], "no-such-folder: no such folder"),
    ],
)
def test_nonidealities_errors(tmp_path, extra, message):
    result = RUN.invoke(app, ["study", "nonidealities", "--out", str(tmp_path / "out"), *extra])
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_interrupt_says_how_to_go_on(tmp_path, monkeypatch):
    from crossbarsim.studies import nonidealities

    def impatient(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(nonidealities, "measure", impatient)
    result = RUN.invoke(app, [*QUICK, "--out", str(tmp_path)])
    assert result.exit_code == 130
    assert f"finished points are kept in {tmp_path}" in result.stderr


@pytest.mark.slow
def test_device_spread(tmp_path):
    result = RUN.invoke(app, ["study", "device-spread", "--count", "8", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "v_reset" in result.stdout
    table = pd.read_csv(tmp_path / "devices.csv")
    assert len(table) == 8
    assert table.r_on.between(20, 90).all()
    assert (tmp_path / "device_spread.png").read_bytes().startswith(b"\x89PNG")
    result = RUN.invoke(app, [
        "study", "device-spread", "vteam", "--preset", "magic", "--count", "3", "--sweep", "2.5",
        "--states", "0", "--out", str(tmp_path / "magic"),
    ])
    assert result.exit_code == 0, result.output
    assert pd.read_csv(tmp_path / "magic" / "devices.csv").r_on.between(300, 2000).all()


@pytest.mark.slow
def test_device_spread_of_the_paper(tmp_path):
    result = RUN.invoke(app, ["study", "device-spread", "--paper", "--count", "60", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "devices.csv")
    assert table.r_on.std() > 15
    assert table.r_off.between(800, 1200).all()
    result = RUN.invoke(app, [
        "study", "device-spread", "--paper", "--sigma", "0.01", "--count", "3", "--out", str(tmp_path / "b"),
    ])
    assert result.exit_code == 0, result.output
    assert pd.read_csv(tmp_path / "b" / "devices.csv").r_on.between(45, 55).all()


def test_gradual_reset(tmp_path):
    result = RUN.invoke(app, ["study", "gradual-reset", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "8.28 %" in result.stdout
    assert len(pd.read_csv(tmp_path / "gradual_reset.csv")) == 10
    assert (tmp_path / "gradual_reset.png").read_bytes().startswith(b"\x89PNG")
    result = RUN.invoke(app, [
        "study", "gradual-reset", "--amplitudes", "1,2,3", "--out", str(tmp_path / "b"),
    ])
    assert result.exit_code == 0, result.output
    assert list(pd.read_csv(tmp_path / "b" / "gradual_reset.csv").amplitude) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["vtem"], "did you mean 'vteam'"),
        (["vteam", "--preset", "magik"], "did you mean 'magic'"),
        (["vteam", "--vary", "r_onn"], "no parameter 'r_onn' to vary"),
        (["vteam", "--states", "1"], "`count` must be"),
        (["vteam", "--count", "1"], "`count` must be"),
        (["vteam", "--frequency", "0"], "`frequency` must be > 0"),
    ],
)
def test_device_spread_errors(tmp_path, extra, message):
    result = RUN.invoke(app, ["study", "device-spread", *extra, "--out", str(tmp_path / "out")])
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_write_network(tmp_path, monkeypatch):
    digits = studies.load_digits()
    small = studies.Dataset(
        digits.name, studies.Labelled(digits.train.images[:64], digits.train.labels[:64]),
        studies.Labelled(digits.test.images[:20], digits.test.labels[:20]), digits.full_scale,
    )
    monkeypatch.setattr(studies, "load", lambda *_, **__: small)
    command = [
        "study", "write-network", "--channels", "1,1", "--hidden", "3", "--epochs", "1", "--tile", "16x16",
        "--tolerance", "0.4", "--v-start", "1.55", "--v-step", "0.1", "--v-max", "2.3", "--width", "1e-8",
        "--passes", "1", "--threads", "1", "--out", str(tmp_path), "--html", str(tmp_path / "page.html"),
    ]
    result = RUN.invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "By layer" in result.output
    told = json.loads((tmp_path / "writing.json").read_text())
    assert told["settings"]["scheme"] == "v/2"
    assert {p.name for p in tmp_path.glob("*.csv")} == {"summary.csv", "layers.csv", "accuracy.csv"}
    assert (tmp_path / "writing.png").stat().st_size > 10_000
    assert "Tolerances" in (tmp_path / "page.html").read_text(encoding="utf-8")
    kept = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("arrays/*.npz")}
    assert kept
    again = RUN.invoke(app, command)
    assert again.exit_code == 0, again.output
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("arrays/*.npz")} == kept  # not written again
    refused = RUN.invoke(app, [*command, "--tolerance", "0.4"])
    assert refused.exit_code == 2
    assert "different numbers" in refused.output
