"""From a folder of measured loops to a network's accuracy, and the commands."""

import re

import numpy as np
import pytest
from typer.testing import CliRunner

from crossbarsim import ParameterError
from crossbarsim.cli.main import app
from crossbarsim.devices import VTEAM
from tests.helpers import measured_loops as loops

TRUE = {"r_on": 1e3, "r_off": 1e5, "k_on": -30.0, "k_off": 0.05, "alpha_on": 3.0, "alpha_off": 2.0,
        "v_on": -0.5, "v_off": 0.4}
FREE = ["r_on", "r_off", "v_on", "v_off"]
HELD = {name: value for name, value in TRUE.items() if name not in FREE}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("loops")
    rng = np.random.default_rng(4)
    for k in range(4):
        z = rng.standard_normal()
        law = loops.vteam(**{**TRUE, "r_on": 1e3 * np.exp(0.1 * z), "r_off": 1e5 * np.exp(0.3 * z)})
        s = loops.measured(law, -1.2, 1e6, 2.7e-9, points=81, seed=k)
        rows = "".join(f"{a!r},{b!r},{c!r}\n" for a, b, c in zip(
            s.t.tolist(), s.v.tolist(), s.i.tolist(), strict=True))
        (place / f"cell{k}.csv").write_text(f"time (s),voltage (V),current (A)\n{rows}", encoding="utf-8")
    return place


def test_a_folder_gives_an_accuracy(folder, tmp_path):
    torch = pytest.importorskip("torch")
    from crossbarsim.nn import CrossbarConfig
    from crossbarsim.nonidealities import NonIdealities, Normal, Variability
    from crossbarsim.studies import measured_accuracy
    from crossbarsim.studies.measured import save_measured

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(6, 12), torch.nn.ReLU(), torch.nn.Linear(12, 3)).double()
    x = torch.randn(80, 6, dtype=torch.float64)
    batches = [(x, net(x).argmax(-1))]
    found = measured_accuracy(folder, "vteam", net, batches, free=FREE, fixed=HELD, chips=3)
    assert found.digital == 1.0
    assert found.accuracy.shape == (3,)
    assert 0.5 < found.accuracy.min() <= found.accuracy.max() <= 1.0
    assert found.config.g_on == pytest.approx(1.0 / found.resistances.nominal["r_on"])
    assert found.resistances.correlation[0, 1] > 0.9  # one cause moves both
    assert found.parameters is not None
    assert len(found.drawn(5)) == 5
    assert all(path.exists() for path in save_measured(found, tmp_path / "out"))
    assert "4 devices: r_on" in str(found)
    chips = found._view().panels[0]
    assert [row[1] for row in chips.rows] == [100.0 * float(a) for a in found.accuracy]
    assert "digital accuracy" in found._repr_html_()
    assert found.to_html(tmp_path / "measured.html").stat().st_size < 1_000_000
    varied = CrossbarConfig(nonidealities=NonIdealities(variability=Variability("r_on", Normal(0.1))))
    with pytest.raises(ParameterError, match="has a variability already"):
        measured_accuracy(folder, "vteam", net, batches, config=varied)
    for wrong in ([x], [(x, x)], [(x, "labels")], [(x, torch.zeros(79, dtype=torch.long))], [3]):
        with pytest.raises(ParameterError, match=r"`batches` must bring pairs \(inputs \(n, \.\.\.\), labels"):
            measured_accuracy(folder, "vteam", net, wrong)


HOLD = [text for name, value in HELD.items() for text in ("--set", f"{name}={value}")]


def run(*arguments):
    return CliRunner().invoke(app, ["device", "fit", *map(str, arguments)])


def test_the_command_writes_preset_report_and_picture(folder, tmp_path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "fit"
    done = run(folder / "cell0.csv", "--model", "vteam", "--free", "r_on,r_off=10k:1meg,v_on,v_off", *HOLD,
               "--source", "stack 1", "--out", out)
    assert done.exit_code == 0, done.output
    assert "r_off = " in done.output
    device = VTEAM.preset(out / "vteam.toml")
    assert f"{device.r_on:.6g}" in (out / "report.txt").read_text(encoding="utf-8")
    assert (out / "vteam.png").stat().st_size > 10_000
    assert "stack 1" in (out / "vteam.toml").read_text(encoding="utf-8")


def test_the_command_fits_many(folder, tmp_path):
    pytest.importorskip("matplotlib")
    done = run(folder, "--model", "vteam", "--many", "--free", ",".join(FREE), *HOLD, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert len(re.findall(r"^cell\d ", done.output, re.MULTILINE)) == 4
    assert "correlation of r_on and r_off" in done.output
    assert (tmp_path / "spread.png").exists()


@pytest.mark.slow
def test_the_command_compares(folder, tmp_path):
    pytest.importorskip("matplotlib")
    done = run(folder / "cell0.csv", "--compare", "--model", "static_sinh,vteam", "--budget", "8", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "comparison.png").exists()
    assert (tmp_path / "vteam.toml").exists()


@pytest.mark.parametrize(("arguments", "message"), [
    (["nix.csv", "--model", "vteam"], "nix.csv"), (["nix.csv"], "`--model` is missing"),
    (["nix.csv", "--many", "--compare"], "either"),
    (["nix.csv", "--model", "vteam", "--free", "r_on=3"], "a range must look like"),
    (["nix.csv", "--model", "vteam", "--set", "r_of=3"], "did you mean 'r_off'"),
])
def test_the_command_says_what_is_wrong(arguments, message, tmp_path):
    done = run(*arguments, "--out", tmp_path)
    assert done.exit_code == 2
    assert message in done.output
