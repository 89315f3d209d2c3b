"""What a fit says: that it failed, what is missing, and its files, pictures, comparisons and sets."""

import hashlib
import time

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from crossbarsim import ConvergenceError, ParameterError
from crossbarsim.devices import (
    VTEAM,
    FittedPreset,
    MeasuredSweep,
    StaticSinh,
    StaticTable,
    Yakopcic,
    compare,
    fit,
    fit_many,
    parameter,
)
from crossbarsim.devices.fitting.least_squares.problem import Problem
from crossbarsim.devices.parameters import Parameter
from tests.helpers import measured_loops as loops

TRUE = {"r_on": 1e3, "r_off": 1e5, "k_on": -30.0, "k_off": 0.05, "alpha_on": 3.0, "alpha_off": 2.0,
        "v_on": -0.5, "v_off": 0.4}
FREE = ["r_on", "r_off", "v_on", "v_off"]
HELD = {name: value for name, value in TRUE.items() if name not in FREE}


def loop(seed=0, points=121, noise=0.015, **changes):
    law = loops.vteam(**{**TRUE, **changes})
    return loops.measured(law, -1.2, 1e6, 2.7e-9, seed=seed, points=points, noise=noise)


@pytest.fixture(scope="module")
def found():
    return fit("vteam", loop(), FREE, HELD)


@pytest.mark.slow
def test_a_wrong_model_is_told():
    wrong = fit(StaticSinh(v_0=0.5), loop(), ["v_0"])
    assert not wrong.describes
    assert wrong.chi_square > 100.0
    assert wrong.lag > 0.5
    text = str(wrong)
    assert "StaticSinh does not describe these data" in text
    assert "chi-square" in text


def test_data_that_determine_nothing_are_refused():
    t = np.linspace(0.0, 1.0, 50)
    with pytest.raises(ParameterError, match="every current is 0 A"):
        fit("vteam", (t, np.sin(t), 0 * t), FREE)
    with pytest.raises(ParameterError, match="the same at all points"):
        fit("vteam", (t, 0 * t + 0.1, 0 * t + 1e-5), FREE)
    with pytest.raises(ParameterError, match="4 points for 5 unknowns"):
        fit("vteam", (t[:4], t[:4], t[:4]), FREE)
    with pytest.raises(ParameterError, match="of 2 devices"):
        fit("vteam", [MeasuredSweep(t, t, t, device=d) for d in "ab"], FREE)


def test_a_fit_has_a_page(found, tmp_path):
    view = found._view()
    loops, residuals, table = view.panels
    sweep = found.problem.sweeps[0]
    assert loops.log_y  # over decades: magnitudes, without the zeros of the voltage
    away = np.abs(sweep.v) > 1e-3
    for curve, current in zip(loops.curves, (sweep.i, found.currents[0]), strict=True):
        assert np.array_equal(curve.y[away], np.abs(current[away]))
        assert np.isnan(curve.y[~away]).all()
    assert loops.curves[1].dashed
    np.testing.assert_allclose(residuals.curves[0].y, 100 * found.residuals[0])
    for name, value, low, high, *_ in table.rows:
        assert value == found.values[name]
        assert (low, high) == found.intervals()[name]
    assert found.to_html(tmp_path / "fit.html").stat().st_size < 1_000_000
    assert "describes the data" in found._repr_html_()


def test_what_does_not_act_is_silent():
    """A loop of one polarity says nothing about the other."""
    data = loop()
    half = slice(0, 61)
    found = fit("vteam", MeasuredSweep(data.t[half], data.v[half], data.i[half]), [*FREE, "k_off"], {
        n: x for n, x in HELD.items() if n != "k_off"})
    assert {"v_off", "k_off"} <= set(found.undetermined)
    assert "have no influence on these data at all" in str(found)
    assert found.intervals()["k_off"][1] == np.inf
    assert np.isinf(np.diag(found.covariance)).sum() == 2
    assert np.isfinite(found.correlation).all()


def test_wrong_arguments_are_refused():
    data = loop()
    for options, message in [
        ({"free": ["r_of"]}, "`r_of`; did you mean 'r_off'"), ({"free": ["iv"]}, "`iv` is a word"),
        ({"free": ["r_on", "r_on"]}, "twice"), ({"free": []}, "`free` must name"),
        ({"free": {"r_on": (2.0, 1.0)}}, "low < high"), ({"free": {"r_on": (-2.0, -1.0)}}, "outside"),
        ({"free": ["r_on"], "fixed": {"r_on": 1.0}}, "both in `free` and in `fixed`"),
        ({"free": ["r_on"], "scale": "cubic"}, "`scale`"), ({"free": ["r_on"], "start": "cold"}, "`start`"),
        ({"free": ["r_on"], "start": {"y": 1.0}}, "must have the states x"),
        ({"free": ["r_on"], "weights": np.ones(7)}, r"`weights\[0\]`"),
        ({"free": ["r_on"], "weights": 0.0}, "no point"), ({"free": ["r_on"], "budget": 0.0}, "`budget`"),
    ]:
        with pytest.raises(ParameterError, match=message):
            fit("vteam", data, **options)
    with pytest.raises(ParameterError, match="is 0 ohm/V: say between which values"):
        fit("data_driven_2018", data, ["r_p1"])
    with pytest.raises(ParameterError, match="does not say what is usually fitted"):
        fit("ohmic", data)
    table = StaticTable([-0.1, 0.0, 0.1], [-1e-6, 0.0, 1e-6])
    with pytest.raises(ParameterError, match="written by hand"):
        fit(table, data, ["g_max"])
    with pytest.raises(ParameterError, match="noisy"):
        fit("stanford_pku", data, ["g_0"], {"delta": 0.02})


def test_nothing_that_can_be_simulated_is_an_error():
    # gap_min above gap_max everywhere in the range
    with pytest.raises(ConvergenceError, match="could not be simulated anywhere"):
        fit("stanford_pku", loop(), {"gap_min": (2e-9, 3e-9)}, budget=1.0)


def test_the_time_is_kept():
    found = fit("vteam", loop(), budget=1e-6)
    assert not found.complete
    assert "ended by its `budget`" in str(found)


def test_numbers_of_a_result(found):
    assert found.describes
    assert found.complete
    r = np.concatenate(found.residuals)
    scale = found.problem.scale
    i = found.currents[0]
    np.testing.assert_allclose(
        r, np.arcsinh(i / (2 * scale.floor)) - np.arcsinh(loop().i / (2 * scale.floor)))
    assert found.rms == pytest.approx(np.sqrt(np.mean(r**2)))
    assert found.noise == pytest.approx(0.015, rel=0.25)
    # the covariance: by differences of the simulation, by hand
    problem = found.problem
    rows = []
    values = found.values
    for name in FREE:
        step = 1e-6 * values[name]
        up, down = (problem.residuals(np.array([
            axis.coordinate(values[axis.name] + sign * step * (axis.name == name))
            for axis in problem.axes] + [values["start of sweep 1"]])) for sign in (1, -1))
        rows.append((up - down) / (2 * step))
    axes = [axis.name for axis in problem.axes]
    exact = problem.jacobian(found.search.u) / problem.chain(found.search.u)
    for name, row in zip(FREE, rows, strict=True):
        k = axes.index(name)
        assert np.abs(exact[:, k] - row).max() < 1e-4 * np.abs(row).max()
    inverse = np.linalg.inv(exact.T @ exact) * found.determination.variance
    np.testing.assert_allclose(found.covariance, inverse, rtol=1e-6)


def test_the_same_seed_gives_the_same_fit():
    one, two = (fit("vteam", loop(), FREE, HELD, seed=3) for _ in range(2))
    assert one.values == two.values


def test_several_sweeps_that_follow_one_another():
    data = loop(points=241)
    cut = 121
    parts = [MeasuredSweep(data.t[:cut], data.v[:cut], data.i[:cut]),
             MeasuredSweep(data.t[cut - 1:], data.v[cut - 1:], data.i[cut - 1:], start="last")]
    whole, both = fit("vteam", data, FREE, HELD), fit("vteam", parts, FREE, HELD)
    for name in FREE:
        assert both.values[name] == pytest.approx(whole.values[name], rel=5e-3)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_other_scales(scale):
    other = fit("vteam", loop(), FREE, HELD, scale=scale)
    for name in FREE:
        low, high = other.intervals(0.999)[name]
        assert low < TRUE[name] < high


def test_presets_go_to_files_and_back(found, tmp_path):
    table = tmp_path / "loop.csv"
    table.write_text("time,v,i\n0,0,0\n", encoding="utf-8")
    path = found.save(tmp_path / "mine.toml", "wafer 3", files=(table,))
    again = VTEAM.preset(path)
    assert again.settings() == found.device.settings()
    assert VTEAM.preset(str(path), r_on=5.0).r_on == 5.0
    preset = FittedPreset.load(path)
    assert preset.source == "wafer 3"
    assert preset.hashes == (hashlib.sha256(table.read_bytes()).hexdigest(),)
    assert preset.points == found.points
    assert preset.intervals["r_on"] == found.intervals()["r_on"]
    with pytest.raises(ParameterError, match=r"mine.toml is no preset of Yakopcic"):
        Yakopcic.preset(path)
    path.write_text("nonsense = [", encoding="utf-8")
    for read in (VTEAM.preset, FittedPreset.load):
        with pytest.raises(ParameterError, match=r"mine.toml"):
            read(path)


def test_pictures(found, tmp_path):
    pytest.importorskip("matplotlib")
    figure = found.plot()
    first, second, third, *_ = figure.axes
    assert first.get_xlabel() == "Voltage (V)"
    assert first.get_yscale() == "log"
    assert "Residual" in second.get_ylabel()
    assert "r_on" in [t.get_text() for t in third.get_xticklabels()]
    drawn = first.lines[0].get_xydata()
    shown = np.abs(loop().v) > 1e-3 * 1.2
    np.testing.assert_allclose(drawn[:, 1], np.abs(loop().i[shown]))
    figure.savefig(tmp_path / "a.png")


def test_the_right_model_is_the_best():
    result = compare(["static_sinh", "vteam"], loop(), budget=8.0, starts=3)
    assert type(result.best.device) is VTEAM
    assert result.best.describes
    names = list(result.aic)
    assert result.aic[names[0]] < result.aic[names[1]] - 100
    assert "not fitted" not in result.table()
    n, k = result.best.points, result.best.problem.count + 1
    total = sum(float(np.nansum(r**2)) for r in result.best.residuals)
    assert result.aic[names[0]] == pytest.approx(
        n * np.log(total / n) + 2 * k + 2 * k * (k + 1) / (n - k - 1))
    with pytest.raises(ParameterError, match="none of the models could be fitted: ohmic"):
        compare(["ohmic"], loop())


def test_many_devices(tmp_path):
    rng = np.random.default_rng(4)
    ons = 1e3 * np.exp(0.1 * rng.standard_normal(4))
    for k, r_on in enumerate(ons):
        s = loop(seed=k, points=81, r_on=r_on)
        rows = "\n".join(f"{a!r};{b!r};{c!r}" for a, b, c in zip(
            s.t.tolist(), s.v.tolist(), s.i.tolist(), strict=True))
        (tmp_path / f"cell{k}.csv").write_text(
            f"time (s);voltage (V);current (A)\n{rows}\n", encoding="utf-8")
    fits = fit_many("vteam", tmp_path, FREE, HELD)
    assert list(fits.fits) == [f"cell{k}" for k in range(4)]
    np.testing.assert_allclose(fits.values["r_on"], ons, rtol=0.01)
    assert (np.abs(fits.values["r_on"] - ons) < 5 * fits.errors["r_on"]).all()
    assert all(fits.described.values())
    view = fits._view()
    loops, table = view.panels
    assert [row[1] for row in table.rows] == list(fits.values[fits.free[0]])
    assert len(loops.curves) == 2 * 4
    assert view.facts["described"] == 4
    page = fits.to_html(tmp_path / "fits.html").read_text(encoding="utf-8")
    assert len(page) < 1_000_000
    assert "cell3, fitted" in page
    np.testing.assert_allclose(fits.resistances()[0], ons, rtol=0.01)
    with pytest.raises(ParameterError, match="there is no file"):
        fit_many("vteam", tmp_path / "nix")


def test_long_tables_take_their_length():
    """No matrix of points by points, and no sum over a share of them at each: 1e5 points."""
    t = np.linspace(0.0, 1e-3, 100_000)
    v = -np.sin(2e3 * np.pi * t)
    i = 1e-4 * np.sinh(3.0 * v)
    began = time.process_time()
    found = fit("static_sinh", MeasuredSweep(t, v, i), ["v_0"], budget=20.0)
    assert found.device.v_0 == pytest.approx(1.0 / 3.0, rel=1e-6)
    assert time.process_time() - began < 20.0
    rows = np.random.default_rng(0).standard_normal((500, 2))
    for width in (0.0, 0.02, 0.08):
        expected = gaussian_filter1d(rows, max(width * 500, 0.5), axis=0, mode="nearest")
        np.testing.assert_allclose(Problem._smooth(rows, width), expected, atol=1e-14)
        np.testing.assert_allclose(Problem._smooth(rows[:, 0], width), expected[:, 0], atol=1e-14)


def test_noise_of_one_size_is_noise_near_zero_volt_too():
    """Of the small currents it is a large share: the right model still describes the data."""
    t = np.linspace(0.0, 1e-3, 400)
    v = -np.sin(2e3 * np.pi * t)
    noise = 1e-7 * np.random.default_rng(1).standard_normal(400)
    right = fit("static_sinh", (t, v, 1e-4 * np.sinh(3.0 * v) + noise))
    assert right.chi_square > 6.0  # against the noise of most points
    assert right.describes
    wrong = fit("static_sinh", (t, v, 1e-4 * np.sinh(3.0 * v) + 1e-4 * v**5 + noise))
    assert not wrong.describes


@pytest.mark.slow
def test_an_end_without_current_has_an_infinite_resistance():
    t = np.linspace(0.0, 1e-2, 60)
    v = 0.3 * np.sin(2e2 * np.pi * t)
    i = Yakopcic().simulate(t, v).current
    found = fit_many("yakopcic", {"d1": (t, v, i)}, ["a_1"], budget=5.0)
    low, high = found.resistances()
    assert np.isfinite(low).all()
    assert np.isinf(high).all()
    assert len(found.plot().axes) >= 3


@pytest.mark.parametrize(("given", "message"), [
    ((-0.5, 0.5), r"`free\['f'\]`: the range, -0\.5 to 0\.5 .*reaches beyond the parameter's limits, 0 to 1 .*end it there"),
    ((0.5, 1.5), r"reaches beyond the parameter's limits, 0 to 1"),
    ((2.0, 3.0), r"the range is outside of the parameter's limits, 0 to 1"),
    ((0.0, 0.4), None),
])
def test_ranges_beyond_a_parameter_s_limits_are_refused(given, message):
    class Shared(VTEAM):
        f = parameter(0.5, low=0.0, high=1.0)

    class Apart(VTEAM):
        f = Parameter(0.5, "", 0.0, 1.0, True)

    if message is not None:
        with pytest.raises(ParameterError, match=message):
            fit(Shared, loop(), {"f": given}, HELD, seed=3)
        return
    # an end that the parameter itself cannot have is no end of a range, least of all of a logarithm
    with pytest.raises(ParameterError, match=r"the range begins at 0 , which `f` itself cannot be; let it begin above"):
        fit(Apart, loop(), {"f": given}, HELD, seed=3)
    with pytest.raises(ParameterError, match=r"`free\['f'\]`: the range ends at 1 .*let it end below"):
        fit(Apart, loop(), {"f": (0.1, 1.0)}, HELD, seed=3)
