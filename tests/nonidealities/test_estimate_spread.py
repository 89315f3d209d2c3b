"""Distributions of measured devices' parameters, and parameters that have a source in common."""

import numpy as np
import pytest
from scipy import stats

from crossbarsim import ParameterError
from crossbarsim.devices import VTEAM
from crossbarsim.nonidealities import (
    Correlation,
    LogNormal,
    NonIdealities,
    Normal,
    Place,
    Variability,
    estimate_spread,
    vary,
)


def test_likelihoods_are_scipys():
    x = np.exp(0.3 * np.random.default_rng(0).standard_normal(60)) * 1e3
    log, normal = (estimate_spread({"r": x}, distribution=d) for d in ("lognormal", "normal"))
    shape, _, scale = stats.lognorm.fit(x, floc=0)
    assert log.sigma["r"] == pytest.approx(shape, rel=1e-4)
    assert log.nominal["r"] == pytest.approx(scale, rel=1e-4)
    assert log.log_likelihood == pytest.approx(stats.lognorm(shape, 0, scale).logpdf(x).sum(), rel=1e-6)
    mean, sigma = stats.norm.fit(x)
    assert normal.nominal["r"] == pytest.approx(mean)
    assert normal.sigma["r"] == pytest.approx(sigma / mean)
    assert normal.log_likelihood == pytest.approx(stats.norm(mean, sigma).logpdf(x).sum())
    best = estimate_spread({"r": x})
    assert best.log_likelihood == max(log.log_likelihood, normal.log_likelihood)
    assert isinstance(best.variabilities[0].distribution, LogNormal)


def test_errors_are_no_spread():
    rng = np.random.default_rng(1)
    error = rng.uniform(0.05, 0.3, 3000)
    x = 2.0 + 0.1 * rng.standard_normal(3000) + error * rng.standard_normal(3000)
    found = estimate_spread({"r": x}, errors={"r": error}, distribution="normal")
    assert found.sigma["r"] * found.nominal["r"] == pytest.approx(0.1, rel=0.1)
    plain = estimate_spread({"r": x}, distribution="normal")
    assert plain.sigma["r"] * plain.nominal["r"] > 0.18
    same = estimate_spread({"r": x}, errors={"r": 100 * error}, distribution="normal")
    assert same.sigma["r"] == 0.0


def test_correlation_goes_into_the_draws():
    """Estimated from devices, drawn on chips and in models, estimated again: the same."""
    rng = np.random.default_rng(2)
    z = rng.multivariate_normal([0, 0, 0], [[1, 0.8, -0.5], [0.8, 1, -0.2], [-0.5, -0.2, 1]], 400).T
    values = {"r_on": 1e3 * np.exp(0.1 * z[0]), "r_off": 1e5 * np.exp(0.2 * z[1]),
              "v_on": -0.5 * (1 + 0.05 * z[2])}
    found = estimate_spread(values)
    np.testing.assert_allclose(found.correlation, np.corrcoef(z), atol=0.02)
    middle = VTEAM(**found.nominal)
    drawn = vary(middle, (150, 150), found.variabilities, Place(3))
    again = estimate_spread({name: getattr(drawn, name).ravel() for name in values})
    np.testing.assert_allclose(again.correlation, found.correlation, atol=0.02)
    for name in values:
        assert again.sigma[name] == pytest.approx(found.sigma[name], rel=0.03)
        assert again.nominal[name] == pytest.approx(found.nominal[name], rel=0.01)
    two = {name: values[name] for name in ("r_on", "r_off")}
    effects = NonIdealities(variability=estimate_spread(two).variabilities)
    on, off = (effects.chip(np.full((120, 120), level), Place(5), 1e-3, 1e-5) for level in (1.0, 0.0))
    assert np.corrcoef(np.log(on.ravel()), np.log(off.ravel()))[0, 1] == pytest.approx(0.8, abs=0.03)


def test_shared_sources_above_and_below_cells():
    both = [Variability(name, Normal(0.1), level="array", shared=(("lot", 1.0),))
            for name in ("r_on", "r_off")]
    one = vary(VTEAM(), (2, 2), both, Place(1))
    assert np.ptp(one.r_on) == 0.0
    np.testing.assert_allclose(one.r_on / 50.0, one.r_off / 1e3)
    # cells that do not fit are drawn again, with their sources together
    wide = [Variability("r_on", Normal(0.5), shared=(("a", 1.0),)),
            Variability("r_off", Normal(0.5), shared=(("a", 1.0),))]
    many = vary(VTEAM(), (60, 60), wide, Place(2))
    np.testing.assert_allclose(many.r_on / 50.0, many.r_off / 1e3)
    assert (many.r_on > 0).all()
    plain = vary(VTEAM(), (4, 4), Variability("r_on", Normal(0.1)), Place(3))
    np.testing.assert_array_equal(
        plain.r_on, vary(VTEAM(), (4, 4), Variability("r_on", Normal(0.1), shared=()), Place(3)).r_on)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: estimate_spread({}), "names no parameter"),
    (lambda: estimate_spread({"r": [1.0, 2.0]}), "3 of them"),
    (lambda: estimate_spread({"r": [1.0, 2.0, 3.0], "q": [1.0, 2.0, 3.0, 4.0]}), r"`values\['q'\]`"),
    (lambda: estimate_spread({"r": [1.0, 2.0, 3.0]}, errors={"r": [1.0, np.inf, 1.0]}), "1 devices do not determine it"),
    (lambda: estimate_spread({"r": [1.0, -2.0, 3.0]}, distribution="lognormal"), "both signs"),
    (lambda: Variability("r", Normal(0.1), shared=(("a", 0.9), ("b", 0.9))), "squares of the weights"),
    (lambda: Variability("r", Normal(0.1), shared=(("a", 0.1), ("a", 0.1))), "twice"),
    (lambda: Variability("r", Normal(0.1), shared=(("a", 0.1),), correlation=Correlation()), "either"),
])
def test_wrong_input_is_refused(call, message):
    with pytest.raises(ParameterError, match=message):
        call()
