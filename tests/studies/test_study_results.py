"""Results of any study: tables, pictures, Pareto fronts, files."""

import numpy as np
import pytest

from crossbarsim import ParameterError
from crossbarsim.studies import Axis, Study, StudyResult, Zipped
from crossbarsim.studies.results import DONE, FAILED, Dimension, Variable, dataset_of
from crossbarsim.studies.results.front import front

OHMS, TILES = [0.0, 1.0, 10.0], [(64, 64), (128, 128)]


def measure(word, tile_shape, seed):
    size = tile_shape[0]
    return {"accuracy": 0.9 - 0.01 * word - size / 1e4 + 0.01 * seed, "energy": 1e-9 * (1 + word) * size}


@pytest.fixture(scope="module")
def result():
    return Study(measure, {"wires.word": Axis(OHMS, fields="word", unit="ohm"), "tile_shape": TILES}, seeds=3,
                 name="a study").run()


def values(ohm, size):
    return np.array([measure(ohm, (size, size), s)["accuracy"] for s in range(3)])


def test_the_table_has_mean_and_deviation_over_seeds(result):
    lines = result.markdown().splitlines()
    assert lines[0] == "| accuracy (%) | wires.word = 0 ohm | wires.word = 1 ohm | wires.word = 10 ohm |"
    assert len(lines) == 4
    cells = [cell.strip() for cell in lines[3].split("|")[1:-1]]
    found = values(10.0, 128)
    assert cells[0] == "tile_shape = 128x128"
    assert cells[3] == f"{100 * found.mean():.2f} ± {100 * found.std(ddof=1):.2f}"
    held = result.markdown("energy", where={"tile_shape": (64, 64)})
    assert len(held.splitlines()) == 3
    assert "1.28e-07" in held


def test_latex_is_whole_and_escaped(result):
    text = result.latex(caption="50 % of a_b", mark="tab:x")
    assert text.count(r"\begin{") == text.count(r"\end{") == 2
    assert r"\caption{50 \% of a\_b}" in text
    assert r"\label{tab:x}" in text
    assert r"$\pm$" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert [row.count("&") for row in rows] == [3, 3, 3]


def test_the_frame_has_a_row_for_every_point(result):
    frame = result.to_dataframe()
    assert list(frame.columns) == ["wires.word", "tile_shape", "seed", "accuracy", "energy", "status"]
    assert len(frame) == 18
    row = frame[(frame["wires.word"] == 10.0) & (frame["tile_shape"] == "64x64") & (frame["seed"] == 2)]
    assert row["accuracy"].item() == measure(10.0, (64, 64), 2)["accuracy"]


def test_curves_with_bands(result):
    figure = result.plot(x="word", hue="tile_shape")
    [ax] = figure.axes
    assert ax.get_xlabel() == "wires.word (ohm)"
    assert ax.get_ylabel() == "accuracy (%)"
    lines = [line for line in ax.get_lines() if line.get_label() in ("64x64", "128x128")]
    assert len(lines) == 2
    for line, size in zip(lines, (64, 128), strict=True):
        assert np.allclose(line.get_xdata(), OHMS)
        assert np.allclose(line.get_ydata(), [100 * values(ohm, size).mean() for ohm in OHMS])
    band = ax.collections[0].get_paths()[0].vertices
    found = 100 * values(0.0, 64)
    assert np.isclose(band[:, 1], found.mean() + found.std(ddof=1)).any()
    assert np.isclose(band[:, 1], found.mean() - found.std(ddof=1)).any()
    assert result.plot("energy", x="tile_shape", where={"word": 1.0}).axes[0].get_ylabel() == "energy (J)"


def test_maps(result):
    figure = result.plot(x="tile_shape", y="wires.word")
    image = figure.axes[0].get_images()[0].get_array()
    expected = [[100 * values(ohm, size).mean() for size in (64, 128)] for ohm in OHMS]
    assert np.allclose(image, expected)
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["64x64", "128x128"]


def test_pareto(result):
    table = result.front()
    assert table["energy"].is_monotonic_increasing
    assert table["accuracy"].is_monotonic_increasing
    whole = result.dataset.mean("seed")
    e, a = whole.energy.to_numpy().ravel(), whole.accuracy.to_numpy().ravel()
    beaten = [bool(((e <= x) & (a >= y) & ((e < x) | (a > y))).any()) for x, y in zip(e, a, strict=True)]
    assert sorted(zip(table["energy"], table["accuracy"], strict=True)) == sorted(
        (x, y) for x, y, b in zip(e, a, beaten, strict=True) if not b)
    figure = result.pareto(hue="tile_shape", log=True)
    assert figure.axes[0].get_xscale() == "log"
    assert "Pareto front" in [t.get_text() for t in figure.axes[0].get_legend().get_texts()]


def test_the_front_against_its_definition():
    draws = np.random.default_rng(1)
    cost, value = draws.integers(0, 8, 200).astype(float), draws.integers(0, 8, 200).astype(float)
    cost[5] = value[9] = np.nan
    found = {(cost[k], value[k]) for k in front(cost, value)}
    expected = set()
    for c, v in zip(cost, value, strict=True):
        beaten = ((cost <= c) & (value >= v) & ((cost < c) | (value > v))).any()
        if not (np.isnan(c) or np.isnan(v) or beaten):
            expected.add((c, v))
    assert found == expected
    assert len(front(np.array([np.nan]), np.array([1.0]))) == 0


@pytest.mark.parametrize(("call", "message"), [
    (lambda r: r.plot("acuracy"), "no measure 'acuracy'; did you mean 'accuracy'"),
    (lambda r: r.plot(x="wrod"), "'wrod' names no axis"), (lambda r: r.plot(hue="x", y="y"), "not both"),
    (lambda r: r.plot(x="word", y="seed"), "'seed' names no axis"),
    (lambda r: r.plot(where={"word": 7.0}), "word is never 7.0"),
    (lambda r: r.plot(where={"word": 1.0, "tile_shape": "64x64"}), "one point left"),
    (lambda r: r.pareto("energi"), "did you mean 'energy'"), (lambda r: r.front(hue=3), "hue"),
])
def test_what_is_not_there(result, call, message):
    with pytest.raises((ParameterError, TypeError), match=message):
        call(result)


def test_three_axes_ask_what_to_hold():
    found = Study({"v": lambda a, b, c: a + b + c}, {"a": [1, 2], "b": [1, 2], "c": [1, 2]}).run()
    assert len(found.plot(x="a").axes[0].get_lines()) == 4
    with pytest.raises(ParameterError, match="c is left over: hold it with"):
        found.plot(x="a", hue="b")
    many = Study({"v": lambda a, b: a + b}, {"a": [1, 2], "b": list(range(30))}).run()
    with pytest.raises(ParameterError, match="30 curves of b"):
        many.plot(x="a")


def test_several_fields_along_one_axis():
    found = Study({"v": lambda a, b: a * b}, {"both": Zipped({"a": [1, 2], "b": [3.0, 4.0]})}).run()
    assert found.dataset.v.dims == ("both",)
    assert set(found.dataset.coords) == {"a", "b"}
    assert found.to_dataframe().columns.tolist() == ["a", "b", "v", "status"]
    assert "a = 2, b = 4" in found.markdown()
    assert found.plot(x="a").axes[0].get_xlabel() == "both"


@pytest.mark.parametrize("name", ["one.nc", "folder"])
def test_saved_and_loaded(result, tmp_path, name):
    paths = result.save(tmp_path / name)
    assert all(p.exists() for p in paths)
    again = StudyResult.load(tmp_path / name)
    assert again.dataset.identical(result.dataset)
    assert again.settings == result.settings
    assert again.markdown() == result.markdown()


def test_all_kinds_of_coordinates_and_values_survive(tmp_path):
    study = Study(lambda **_: {"n": 3, "yes": True, "inf": np.inf, "wave": np.arange(2**33, 2**33 + 70)},
                  {"i": [1, 2**40], "s": ["a", "µm"], "f": [0.5, np.inf], "none": [None, 3], "flag": [True, False]},
                  seeds=[2**45])
    found = study.run(tmp_path)
    found.save(tmp_path)
    data = StudyResult.load(tmp_path).dataset
    assert data.i.to_numpy().tolist() == [1, 2**40]
    assert data.s.to_numpy().tolist() == ["a", "µm"]
    assert data.none.to_numpy().tolist() == ["none", "3"]
    assert data.flag.to_numpy().tolist() == ["yes", "no"]
    assert data.seed.item() == 2**45
    assert np.isinf(data.inf).all()
    assert data.wave.to_numpy().max() == 2**33 + 69


def test_files_that_are_none(tmp_path):
    with pytest.raises(ParameterError, match="there is no such file"):
        StudyResult.load(tmp_path)
    (tmp_path / "result.nc").write_bytes(b"CDF\x02nothing")
    with pytest.raises(ParameterError, match="is no NetCDF file of a study"):
        StudyResult.load(tmp_path)
    import xarray as xr

    xr.Dataset({"a": 1}).to_netcdf(tmp_path / "other.nc", engine="scipy")
    with pytest.raises(ParameterError, match="but not of a study"):
        StudyResult.load(tmp_path / "other.nc")


def test_a_damaged_file_is_never_a_foreign_error(result, tmp_path):
    result.save(tmp_path / "r.nc")
    whole = (tmp_path / "r.nc").read_bytes()
    draws = np.random.default_rng(2)
    for _ in range(40):
        cut = bytearray(whole[: draws.integers(0, len(whole))])
        for place in draws.integers(0, max(len(cut), 1), 3) if cut else ():
            cut[place] = draws.integers(0, 256)
        (tmp_path / "d.nc").write_bytes(bytes(cut))
        try:
            StudyResult.load(tmp_path / "d.nc")
        except ParameterError:
            continue


def test_repr_and_names_of_equal_labels():
    data = dataset_of([Dimension("a", {"a": ["x", "y"]})], [DONE, FAILED], {"v": {0: 1.5}}, {"v": Variable("J")},
                      {"study": {}, "failures": []})
    assert repr(StudyResult(data)) == "<StudyResult: 2 points over a (2); v 1.5; 1 of 2, 1 failed>"
    assert StudyResult(data).markdown().count("| - |") == 1
