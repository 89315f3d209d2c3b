"""Draws of every kind of distribution against the distribution itself."""

import numpy as np
import pytest
import scipy.stats as st
import torch
from hypothesis import given, settings
from hypothesis import strategies as hs

from crossbarsim import ParameterError
from crossbarsim.core.draws import Place
from crossbarsim.nonidealities import LogNormal, Normal, Truncated, Uniform
from crossbarsim.nonidealities.variability.scipy_torch_distributions import as_distribution

CASES = {
    "normal": (Normal(0.1), st.norm(1.0, 0.1)),
    "lognormal": (LogNormal(0.3, 2.0), st.lognorm(0.3, scale=2.0)),
    "uniform": (Uniform(0.9, 1.3), st.uniform(0.9, 0.4)),
    "truncated": (Truncated(Normal(0.5), 0.2, 1.6), st.truncnorm(-1.6, 1.2, 1.0, 0.5)),
    "truncated below": (Truncated(LogNormal(0.5), low=1.0),
                        None),
    "scipy": (st.gamma(20.0, scale=0.05), st.gamma(20.0, scale=0.05)),
    "torch": (torch.distributions.LogNormal(0.0, 0.2), st.lognorm(0.2)),
    "torch without icdf": (torch.distributions.Gamma(20.0, 20.0), st.gamma(20.0, scale=0.05)),
    "truncated scipy": (Truncated(st.weibull_min(3.0), 0.5, 1.5), None),
    "truncated torch": (Truncated(torch.distributions.Laplace(1.0, 0.1), 0.8, 1.2), None),
}


def draw(law, count=20_000, seed=1):
    return as_distribution(law).sample(Place(seed).generator("x"), (count,))


@pytest.mark.parametrize("name", CASES)
def test_draws_follow_the_distribution(name):
    law, reference = CASES[name]
    found = draw(law)
    assert found.dtype == np.float64
    cdf = reference.cdf if reference is not None else as_distribution(law).probability
    assert st.kstest(found, cdf).pvalue > 0.01
    if reference is not None:
        assert found.mean() == pytest.approx(reference.mean(), abs=4 * reference.std() / 141)
        assert found.std() == pytest.approx(reference.std(), rel=0.03)
    np.testing.assert_array_equal(draw(law), found)
    assert not np.array_equal(draw(law, seed=2), found)


@pytest.mark.parametrize("name", [n for n in CASES if n != "torch without icdf"])
def test_normal_deviations_keep_their_ranks(name):
    law = as_distribution(CASES[name][0])
    z = np.linspace(-3.0, 3.0, 61)
    found = law.of_normal(z)
    assert (np.diff(found) > 0).all()
    np.testing.assert_allclose(law.probability(found), st.norm.cdf(z), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(law.quantile(st.norm.cdf(z)), found, rtol=1e-9)


def test_truncation_against_scipy():
    law = Truncated(Normal(0.3), 0.5, 1.2)
    u = np.linspace(0.001, 0.999, 99)
    exact = st.truncnorm(-0.5 / 0.3, 0.2 / 0.3, 1.0, 0.3)
    np.testing.assert_allclose(law.quantile(u), exact.ppf(u), rtol=1e-10)
    tail = Truncated(Normal(1.0, 0.0), low=5.0)  # far out
    assert draw(tail).min() >= 5.0
    assert draw(tail).mean() == pytest.approx(st.truncnorm(5.0, np.inf).mean(), rel=0.002)


@given(hs.floats(-2, 3), hs.floats(0.01, 3), hs.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_truncated_draws_stay_within(low, width, seed):
    law = Truncated(Normal(0.7), low, low + width)
    found = draw(law, 50, seed)
    assert (found >= low).all()
    assert (found <= low + width).all()


def test_torch_generator_is_left_alone():
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    draw(torch.distributions.Gamma(2.0, 2.0))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_zero_width():
    np.testing.assert_array_equal(draw(Normal(0.0), 5), 1.0)
    np.testing.assert_array_equal(draw(LogNormal(0.0, 3.0), 5), 3.0)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Normal(-0.1), "`sigma` must be a finite number >= 0"),
    (lambda: Normal(0.1, np.inf), "`mean` must be a finite number"),
    (lambda: LogNormal(0.1, 0.0), "`median` must be a finite number > 0"),
    (lambda: Uniform(1.0, 1.0), "`high` must be a finite number > 1"),
    (lambda: Truncated(Normal(0.1)), "one of them finite"),
    (lambda: Truncated(Normal(0.1), 1.0, 0.5), "`low` and `high` must be low < high"),
    (lambda: Truncated(Uniform(0.0, 1.0), 2.0, 3.0), "has no probability between 2 and 3"),
    (lambda: as_distribution(0.1), "`distribution` must be Normal"),
    (lambda: as_distribution(Normal), "`distribution` must be Normal"),
    (lambda: as_distribution(torch.distributions.Normal(torch.zeros(2), 1.0)), "of single numbers"),
    (lambda: as_distribution(torch.distributions.Gamma(2.0, 2.0)).quantile(np.array(0.5)),
     "Gamma of torch has no icdf"),
])
def test_mistakes(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
