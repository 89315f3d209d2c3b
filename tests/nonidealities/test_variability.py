"""Device-to-device variability: levels, correlation, resampling, compact models."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.stats as st
import torch
from hypothesis import given, settings
from hypothesis import strategies as hs

from crossbarsim import Crossbar, ParameterError, Solver, Wires
from crossbarsim.core.draws import Place
from crossbarsim.devices import VTEAM, StanfordPKU
from crossbarsim.nonidealities import (
    Correlation,
    LogNormal,
    NonIdealities,
    Normal,
    Truncated,
    Uniform,
    Variability,
    vary,
)

SHAPE = (128, 96)
ON, OFF = 1e-4, 1e-6


def made(*variations, place=None, shape=SHAPE):
    place = Place(3, "fc", "positive") if place is None else place
    return NonIdealities(variability=variations).fabricate(place, shape, ON, OFF)


def test_nothing_to_vary():
    fab = NonIdealities().fabricate(Place(0), SHAPE, ON, OFF)
    assert (fab.g_on, fab.g_off, fab.stuck, fab.resampled) == (ON, OFF, None, 0)


def test_moments_and_shape_of_each_state():
    fab = made(Variability("r_on", Normal(0.05)), Variability("r_off", LogNormal(0.3)))
    r_on, r_off = ON / fab.g_on, OFF / fab.g_off
    assert fab.resampled == 0
    assert st.kstest(r_on.ravel(), st.norm(1.0, 0.05).cdf).pvalue > 0.01
    assert st.kstest(np.log(r_off).ravel(), st.norm(0.0, 0.3).cdf).pvalue > 0.01
    # the two states' deviations are independent
    assert abs(np.corrcoef(r_on.ravel(), r_off.ravel())[0, 1]) < 4 / np.sqrt(r_on.size)


def test_resistance_and_conductance():
    fab = made(Variability("g_on", Uniform(0.8, 0.9)))
    assert 0.8 <= fab.g_on.min() / ON <= fab.g_on.max() / ON <= 0.9
    assert fab.g_off == OFF
    offset = made(Variability("r_on", Normal(50.0, mean=200.0), kind="offset"))
    r = 1 / offset.g_on
    assert r.mean() == pytest.approx(1e4 + 200, abs=4 * 50 / 110)
    assert r.std() == pytest.approx(50, rel=0.03)
    absolute = made(
        Variability("g_off", Uniform(2e-6, 3e-6), kind="absolute"),
        Variability("r_off", Uniform(2.0, 2.0001)),
    )
    assert 1e-6 <= absolute.g_off.min() < 1.01e-6
    assert 1.49e-6 < absolute.g_off.max() <= 1.5e-6


@pytest.mark.parametrize(("level", "same"), [
    ("wafer", "seed"), ("die", "layer"), ("array", "array"), ("cell", ""),
])
def test_levels(level, same):
    one = Variability("r_on", Uniform(0.5, 1.5), level=level)

    def value(seed, layer, array, tile):
        return made(one, place=Place(seed, layer, array, tile)).g_on

    base = value(1, "a", "positive", (0, 0))
    assert np.ndim(base) == (2 if level == "cell" else 0)
    others = {
        "seed": value(2, "a", "positive", (0, 0)), "layer": value(1, "b", "positive", (0, 0)),
        "array": value(1, "a", "negative", (0, 0)), "tile": value(1, "a", "positive", (0, 1)),
    }
    # what lies within the level's unit is alike, the rest differs
    alike = {"seed": {"layer", "array", "tile"}, "layer": {"array", "tile"}, "array": set(),
             "": set()}[same]
    for name, other in others.items():
        assert np.array_equal(base, other) == (name in alike), name
    group = value(1, "a/3", "positive", (0, 0))  # of the same layer
    assert np.array_equal(base, group) == (level in {"wafer", "die"})


def test_levels_add_up():
    cells = Variability("r_on", Normal(0.02))
    arrays = Variability("r_on", Normal(0.05), level="array")
    factors = np.array([
        (ON / made(cells, arrays, place=Place(9, "fc", tile=(k, 0)), shape=(20, 20)).g_on)
        for k in range(400)
    ])
    means = factors.mean(axis=(1, 2))
    assert means.std() == pytest.approx(np.hypot(0.05, 0.02 / 20), rel=0.12)
    assert (factors / means[:, None, None]).std() == pytest.approx(0.02, rel=0.01)


def correlated(correlation, count=300, shape=(24, 32)):
    one = Variability("r_on", Normal(0.01), correlation=correlation)
    return np.array([
        (ON / made(one, place=Place(4, "fc", tile=(k, 0)), shape=shape).g_on - 1) / 0.01
        for k in range(count)
    ])


def test_correlation_length():
    z = correlated(Correlation(length=4.0))
    assert z.var() == pytest.approx(1.0, rel=0.05)
    assert z.mean() == pytest.approx(0.0, abs=0.03)
    for d in (1, 2, 4, 6, 12):
        rows = np.mean(z[:, d:] * z[:, :-d])
        columns = np.mean(z[:, :, d:] * z[:, :, :-d])
        diagonal = np.mean(z[:, d:, d:] * z[:, :-d, :-d])
        assert rows == pytest.approx(np.exp(-((d / 4) ** 2)), abs=0.06), d
        assert columns == pytest.approx(np.exp(-((d / 4) ** 2)), abs=0.06), d
        assert diagonal == pytest.approx(np.exp(-2 * (d / 4) ** 2), abs=0.06), d


@pytest.mark.parametrize(("smooth", "gradient"), [(0.5, 0.3), (0.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
def test_shares_of_variance(smooth, gradient):
    z = correlated(Correlation(5.0, smooth, gradient), count=600)
    assert np.mean(z**2) == pytest.approx(1.0, rel=0.1)
    # rows and columns of opposite edges: only the gradient reaches from one to the other
    far = np.mean(z[:, 0] * z[:, -1])
    rows = (np.arange(24) - 11.5) / np.sqrt(np.var(np.arange(24)) + np.var(np.arange(32)))
    columns = (np.arange(32) - 15.5) / np.sqrt(np.var(np.arange(24)) + np.var(np.arange(32)))
    expected = gradient * (rows[0] * rows[-1] + np.mean(columns**2))
    assert far == pytest.approx(expected, abs=0.06)
    near = np.mean(z[:, 1:] * z[:, :-1])
    expected = smooth * np.exp(-1 / 25) + gradient * (
        np.mean(rows[1:] * rows[:-1]) + np.mean(columns**2)
    )
    assert near == pytest.approx(expected, abs=0.1)


def test_gradient_with_a_direction():
    z = correlated(Correlation(smooth=0.0, gradient=1.0, angle=np.pi / 2), count=3)
    np.testing.assert_allclose(z[0], z[2])
    np.testing.assert_allclose(z[0, 0], z[0, -1], atol=1e-12)
    assert np.var(z[0]) == pytest.approx(1.0)
    np.testing.assert_allclose(np.diff(z[0, 0]), np.diff(z[0, 0])[0])
    assert np.diff(z[0, 0])[0] > 0


def test_correlated_distributions_keep_their_shape():
    one = Variability("r_on", Uniform(0.5, 1.5), correlation=Correlation(3.0))
    z = np.concatenate([
        (ON / made(one, place=Place(k), shape=(40, 40)).g_on)[::10, ::10].ravel()
        for k in range(60)
    ])
    assert st.kstest(z, st.uniform(0.5, 1.0).cdf).pvalue > 0.01


def test_overlap_is_drawn_again():
    wide = Variability("r_on", LogNormal(2.0)), Variability("r_off", LogNormal(2.0))
    fab = made(*wide)
    assert (fab.g_on > fab.g_off).all()
    assert (fab.g_off > 0).all()
    # P(ln r_on - ln r_off > ln 100) of a normal difference of width 2 sqrt 2
    expected = st.norm.sf(np.log(100.0) / np.hypot(2.0, 2.0))
    bounds = st.binom(fab.g_on.size, expected).interval(0.999)
    assert bounds[0] <= fab.resampled <= bounds[1]
    again = made(*wide)
    np.testing.assert_array_equal(again.g_on, fab.g_on)
    # redrawn cells follow the distribution given that it is in order
    draws = np.random.default_rng(0).normal(0, 2, (2, 400_000))
    good = draws[0] - draws[1] < np.log(100)
    kept = np.log(ON / fab.g_on).ravel()
    assert st.ks_2samp(kept, draws[0][good]).pvalue > 0.01


def test_negative_resistances_are_drawn_again():
    fab = made(Variability("r_on", Normal(0.6)))
    expected = st.norm(1.0, 0.6).cdf(0.0) * fab.g_on.size
    assert fab.resampled == pytest.approx(expected, rel=0.15)
    assert (fab.g_on > 0).all()


def test_what_never_fits():
    with pytest.raises(ParameterError, match=r"cells of fc do not fulfil 0 < R_on < R_off after 100"):
        made(Variability("r_on", Uniform(200.0, 300.0)))
    with pytest.raises(ParameterError, match=r"0 < R_on < R_off, cell"):
        made(Variability("r_on", Normal(0.0, mean=200.0), level="die"))


def test_order_of_the_list_means_nothing():
    variations = [
        Variability("r_on", Normal(0.1)), Variability("r_on", LogNormal(0.05)),
        Variability("r_on", Normal(10.0, 0.0), kind="offset"),
        Variability("r_off", LogNormal(0.2), level="die"),
        Variability("r_off", Uniform(0.5, 1.5), correlation=Correlation(2.0)),
    ]
    one = NonIdealities(variability=variations)
    other = NonIdealities(variability=variations[::-1])
    assert one == other
    a, b = (e.fabricate(Place(1, "x"), (9, 7), ON, OFF) for e in (one, other))
    np.testing.assert_array_equal(a.g_on, b.g_on)
    np.testing.assert_array_equal(a.g_off, b.g_off)


def test_width_does_not_change_the_draws():
    narrow = ON / made(Variability("r_on", Normal(0.01))).g_on - 1
    wide = ON / made(Variability("r_on", Normal(0.02))).g_on - 1
    np.testing.assert_allclose(wide, 2 * narrow, rtol=1e-9, atol=1e-12)


def test_threads_and_order_make_the_same_chip():
    effects = NonIdealities(variability=(
        Variability("r_on", torch.distributions.Gamma(50.0, 50.0)),
        Variability("r_off", st.gamma(20.0, scale=0.05)),
        Variability("r_off", Normal(0.1), correlation=Correlation(3.0)),
    ))
    places = [Place(5, layer, array, (k, 0)) for layer in "ab" for array in "+-" for k in range(8)]

    def make(place):
        fab = effects.fabricate(place, (16, 12), ON, OFF)
        return fab.g_on, fab.g_off

    serial = {p: make(p) for p in places}
    with ThreadPoolExecutor(8) as pool:
        for place, found in zip(places[::-1], pool.map(make, places[::-1]), strict=True):
            np.testing.assert_array_equal(found, serial[place])


@given(hs.integers(0, 2**40), hs.text(max_size=8), hs.integers(1, 40), hs.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_any_place_and_shape(seed, layer, rows, columns):
    fab = made(
        Variability("r_on", Truncated(Normal(0.5), 0.1)),
        Variability("r_off", Normal(0.1), correlation=Correlation(2.0, 0.3, 0.3)),
        place=Place(seed, layer), shape=(rows, columns),
    )
    assert fab.g_on.shape == fab.g_off.shape == (rows, columns)
    assert (fab.g_on > fab.g_off).all()
    assert (fab.g_off > 0).all()


# -- compact models ------------------------------------------------------------------------------


def test_any_parameter_of_a_model():
    device = vary(
        VTEAM(), (40, 50), (Variability("v_on", Normal(0.05)), Variability("k_off", LogNormal(0.2)),
                            Variability("r_on", Normal(0.1))), Place(1, "x"),
    )
    assert device.v_on.shape == (40, 50)
    assert device.v_on.mean() == pytest.approx(-0.2, rel=0.01)
    assert device.v_on.std() == pytest.approx(0.01, rel=0.1)
    assert st.kstest(np.log(device.k_off / 5e-4).ravel(), st.norm(0, 0.2).cdf).pvalue > 0.01
    assert device.v_off == 0.02
    again = vary(VTEAM(), (40, 50), Variability("v_on", Normal(0.05)), Place(1, "x"))
    np.testing.assert_array_equal(again.v_on, device.v_on)


def test_varied_cells_are_solved():
    cells = VTEAM().array(np.full((4, 3), 2e-3))
    varied = vary(cells, (4, 3), Variability("r_off", LogNormal(0.3)), Place(2))
    np.testing.assert_array_equal(varied.state, cells.state)
    assert np.ptp(varied.conductance) > 1e-5
    found = Solver().solve(Crossbar(cells=varied, wires=Wires(1.0, 1.0)), 0.01 * np.ones(4))
    plain = Solver().solve(Crossbar(varied.conductance, Wires(1.0, 1.0)), 0.01 * np.ones(4))
    np.testing.assert_allclose(found.currents, plain.currents, rtol=1e-9)


def test_states_stay_in_the_new_ranges():
    cells = StanfordPKU().array(state=np.full((1, 30, 30), 1.69e-9))
    varied = vary(cells, (30, 30), Variability("gap_max", Normal(0.05)), Place(2))
    assert (varied.state[0] <= varied.device.gap_max).all()
    assert (varied.state[0] == np.minimum(1.69e-9, varied.device.gap_max)).all()


def test_limits_of_a_model_are_kept():
    device = vary(VTEAM(), (50, 50), Variability("r_on", LogNormal(2.0)), Place(0))
    assert (device.r_on < 1e3).all()
    assert (device.r_on > 500.0).any()
    device = vary(VTEAM(), (50, 50), Variability("v_off", Normal(0.6)), Place(0))
    assert (device.v_off > 0).all()


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Variability("", Normal(0.1)), "`parameter` must be a name"),
    (lambda: Variability("r_on", 0.1), "`distribution` must be"),
    (lambda: Variability("r_on", Normal(0.1), level="chip"), "`level` must be one of 'wafer'"),
    (lambda: Variability("r_on", Normal(0.1), kind="factor"), "`kind` must be one of"),
    (lambda: Variability("r_on", Normal(0.1), correlation=3.0), "`correlation` must be"),
    (lambda: Variability("r_on", Normal(0.1), level="die", correlation=Correlation(1.0)),
     'needs level="cell"'),
    (lambda: Correlation(0.0), "`length` must be a finite number > 0 cells"),
    (lambda: Correlation(1.0, 0.7, 0.5), "at most 1 together; got 0.7 and 0.5"),
    (lambda: NonIdealities(variability=Variability("v_on", Normal(0.1))), "no parameter 'v_on'"),
    (lambda: NonIdealities(variability=[Normal(0.1)]), "must hold Variability"),
    (lambda: made(*[Variability("r_on", Uniform(1e3, s), kind="absolute") for s in (2e3, 3e3)]),
     "2 absolute variations of 'r_on'"),
    (lambda: made(Variability("r_on", Normal(1.0, 0.0), kind="offset"),
                  Variability("g_on", Normal(1e-6, 0.0), kind="offset")), "relative for one of"),
    (lambda: NonIdealities(variability=Variability("r_off", Normal(0.1))).fabricate(
        Place(0), (2, 2), 1e-4, 0.0), "`g_off` must be > 0 where r_off"),
    (lambda: NonIdealities().fabricate(Place(0), (2, 2), 1e-6, 1e-4), "`g_on` must be a finite"),
    (lambda: vary(VTEAM(), (2, 2), Variability("window", Normal(0.1)), Place(0)),
     "VTEAM has no parameter 'window' to vary"),
    (lambda: vary(VTEAM().array(np.full((2, 2), 2e-3)), (3, 2), (), Place(0)), "`shape` must be"),
    (lambda: vary(Normal(0.1), (2, 2), (), Place(0)), "`device` must be a compact model"),
])
def test_mistakes(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
