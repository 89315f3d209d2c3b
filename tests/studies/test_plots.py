"""The pictures: what they say and show."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from crossbarsim import Crossbar, ParameterError, Solver, Wires
from crossbarsim.studies import CnnSettings, IrDropResult, IrDropStudy, load_digits, tile_map
from crossbarsim.studies.plots import (
    plot_accuracy,
    plot_tile,
    plot_tile_panel,
    save_accuracy,
    save_tile,
)
from crossbarsim.studies.tile_map import fullest_tile


@pytest.fixture
def result():
    study = IrDropStudy(ohms=(0.0, 1.0, 20.0), tiles=((64, 64), (128, 128)), seeds=2)
    rows = [
        {"tile_rows": p.tile[0], "tile_columns": p.tile[1], "ohm": p.ohm, "seed": p.seed,
         "test_accuracy": 0.9 - p.tile[0] * p.ohm / 5000 - 0.02 * (p.seed or 0), "seconds": 0.0,
         "utilisation": 1.0}
        for p in study.points()
    ]
    data = load_digits()
    return IrDropResult(study, CnnSettings(), data, None, pd.DataFrame(rows), {"test": 0.91}, 0.0)


def test_accuracy_picture(result):
    ax = plot_accuracy(result)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["64x64 tiles", "128x128 tiles", "digital network: 91.00 %",
                      "chance: 10 %"]
    assert ax.get_xlabel() == "Wire resistance (ohm per segment)"
    assert ax.get_ylabel() == "Accuracy on 500 held-out images (%)"
    for words in ("handwritten digits 8x8", "conv 64 - conv 128 - fc 256", "1 to 100 µS",
                  "2 chips with 10 % device variation"):
        assert words in ax.get_title()
    curve = ax.containers[1]
    x, y = curve.lines[0].get_data()
    assert np.array_equal(x, [0, 1, 20])
    # Mean of seeds 0 and 1.
    assert np.allclose(y, 100 * (0.89 - 128 * np.array([0, 1, 20]) / 5000))
    low, high = curve.lines[2][0].get_segments()[1][:, 1]
    assert high - low == pytest.approx(2 * 100 * 0.02 / np.sqrt(2))


def test_accuracy_picture_without_variation(result):
    points = result.points[result.points.seed.isna()]
    ax = plot_accuracy(replace(result, points=points, study=replace(result.study, seeds=0)))
    assert "no device variation" in ax.get_title()
    assert np.allclose(ax.containers[0].lines[0].get_ydata()[0], 90)


def test_given_axes_are_used(result):
    ax = Figure().add_subplot()
    assert plot_accuracy(result, ax=ax) is ax


@pytest.mark.slow
def test_no_global_figures(result, tmp_path):
    from matplotlib import pyplot as plt

    before = plt.get_fignums()
    assert save_accuracy(result, tmp_path / "deep" / "a.png").stat().st_size < 200_000
    assert plt.get_fignums() == before


def test_tile_map_is_the_solution():
    rng = np.random.default_rng(0)
    g = rng.uniform(1e-6, 1e-4, (12, 9))
    tile = tile_map(g, 5.0, read_voltage=0.3)
    sol = Solver(method="mna").solve(Crossbar(g, Wires(word=5.0, bit=5.0)), np.full(12, 0.3))
    assert np.allclose(tile.word_voltages, sol.word_voltages, rtol=0, atol=1e-10)
    assert np.allclose(tile.bit_voltages, sol.bit_voltages, rtol=0, atol=1e-10)
    assert np.allclose(tile.loss, 1 - (sol.word_voltages - sol.bit_voltages) / 0.3, atol=1e-9)
    assert (tile_map(g, 0.0).loss == 0).all()


def test_tile_pictures(tmp_path):
    rng = np.random.default_rng(0)
    tile = tile_map(rng.uniform(1e-6, 1e-4, (12, 9)), 5.0, name="layer x")
    ax = plot_tile_panel(tile)
    assert np.allclose(ax.images[0].get_array(), 100 * tile.loss)
    assert ax.get_xlabel() == "Bit line"
    assert ax.images[0].colorbar.ax.get_ylabel() == "% of read voltage"
    assert np.allclose(plot_tile_panel(tile, panel="bit").images[0].get_array(),
                       1e3 * tile.bit_voltages)
    with pytest.raises(ParameterError, match="`panel` must be one of word, bit, loss"):
        plot_tile_panel(tile, panel="power")
    figure = plot_tile(tile)
    assert "layer x: 12x9 cells, 5 ohm per wire segment" in figure.get_suptitle()
    assert len([ax for ax in figure.axes if ax.images]) == 3
    assert save_tile(tile, tmp_path / "tile.png").stat().st_size < 200_000


def test_fullest_tile():
    weight = np.array([[0.5, -1.0, 0.25], [0.0, 2.0, 1.0]])
    g = fullest_tile(weight, (2, 2), g_on=1e-4, g_off=0.0)
    assert np.allclose(g, [[0.25e-4, 0.0], [0.0, 1e-4]])
    with pytest.raises(ParameterError, match="`weight`"):
        fullest_tile(np.zeros((2, 2)), (2, 2), g_on=1e-4, g_off=0.0)
