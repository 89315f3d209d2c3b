"""Pictures of devices, and the console's device commands."""

import builtins
import io

import numpy as np
import pytest
from typer.testing import CliRunner

from crossbarsim import BackendUnavailable, ParameterError
from crossbarsim.cli.main import app
from crossbarsim.devices import VTEAM, StanfordPKU, models
from crossbarsim.devices.plots import panels, plot_distribution, plot_iv, plot_state


@pytest.fixture(scope="module")
def loop():
    return VTEAM().hysteresis(1.0, 1e7, points=200)


def test_iv(loop):
    ax = plot_iv(loop)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Voltage (V)", "Current (mA)")
    assert ax.lines[0].get_ydata() == pytest.approx(1e3 * loop.current)
    assert plot_iv(loop, scale="log").get_yscale() == "log"
    figure, axes = panels(2)
    assert plot_iv(loop, ax=axes[1]) is axes[1]
    figure.savefig(io.BytesIO(), format="png")
    with pytest.raises(ParameterError, match="`scale` must be"):
        plot_iv(loop, scale="symlog")
    final = VTEAM().simulate([0, 1e-9], [[0, 1.0]] * 2, save="final")
    with pytest.raises(ParameterError, match='simulate with `save="all"`'):
        plot_iv(final)


def test_state(loop):
    ax = plot_state(loop)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Time (ns)", "State x (nm)")
    assert ax.figure.axes[-1].get_ylabel() == "Voltage (V)"
    with pytest.raises(ParameterError, match="VTEAM has no state 'w'"):
        plot_state(loop, state="w")


def test_distribution():
    device = StanfordPKU.preset("stochastic")
    trace = device.simulate([0, 1e-9], np.zeros((50, 2)), state=[0.95e-9], save="final", seed=1)
    ax = plot_distribution(trace.conductance)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Conductance (µS)", "Share of 50 devices")
    both = plot_distribution([[1.0, 2.0], [3.0, 40.0]], quantity="Voltage", unit="V", labels="ab")
    assert both.get_xscale() == "log"
    assert len(both.lines) == 2
    with pytest.raises(ParameterError, match="a logarithmic axis needs values > 0"):
        plot_distribution([0.0, 1.0], log=True)
    with pytest.raises(ParameterError, match="1 labels for 2 sets"):
        plot_distribution([[1.0], [2.0]], labels=["a"])


def test_matplotlib_is_named_where_it_is_missing(monkeypatch, loop):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BackendUnavailable, match=r"crossbarsim\[studies\]"):
        plot_iv(loop)


def run(*words):
    return CliRunner().invoke(app, ["device", *words])


def test_list_and_show():
    listed = run("list").output
    for name in models():
        assert name in listed
    shown = run("show", "stanford_pku", "--preset", "stochastic").output
    for word in ("e_a", "0.6", "eV", "delta", "0.02", "gap", "nanoHUB"):
        assert word in shown
    assert "linear, exponential" in run("show", "vteam").output


@pytest.mark.parametrize("name", models())
def test_every_model_has_a_picture(name, tmp_path):
    path = tmp_path / "pictures" / "loop.png"
    result = run("iv", name, "--points", "60", "--out", str(path))
    assert result.exit_code == 0, result.output
    assert path.stat().st_size > 10_000


def test_iv_options(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("iv", "VTEAM", "--preset", "magic", "--set", "r_on=2k", "--amplitude", "3",
                 "--frequency", "1e8", "--cycles", "1", "--shape", "triangle", "--csv", "loop.csv",
                 "--points", "100", "--plot", "--set", "window=joglekar", "--set", "polarity=-1")
    assert result.exit_code == 0, result.output
    assert "r_on=2000.0" in result.output
    assert "triangle, 3 V, 1e+08 Hz, 1 cycles" in result.output
    rows = (tmp_path / "loop.csv").read_text().splitlines()
    assert rows[0] == "time (s),voltage (V),current (A),x (m)"
    assert len(rows) == 102
    assert (tmp_path / "vteam-iv.png").is_file()


@pytest.mark.parametrize(("words", "what"), [
    (("iv", "vtem"), "no device model 'vtem'; did you mean 'vteam'?"),
    (("show", "vtem"), "did you mean 'vteam'?"),
    (("iv", "vteam", "--preset", "magik"), "did you mean 'magic'?"),
    (("iv", "vteam", "--set", "r_onn=1"), "VTEAM has no parameter `r_onn`; did you mean 'r_on'?"),
    (("iv", "vteam", "--set", "r_on"), "`--set` must look like r_on=1k"),
    (("iv", "vteam", "--set", "r_on=abc"), "`r_on` must be a finite number"),
    (("iv", "vteam", "--shape", "saw"), "`shape` must be"),
    (("iv", "vteam", "--amplitude", "0"), "`amplitude` must be > 0"),
])
def test_mistakes_are_one_line(words, what):
    result = run(*words)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert what in result.stderr
