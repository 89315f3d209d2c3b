"""Functions of whole vectors against mpmath, over their whole range."""

import math

import numpy as np
import pytest

from crossbarsim.core.compiled.jit import strict
from crossbarsim.core.lanes import arcs, exponentials, logarithms
from crossbarsim.core.lanes.vectors import (
    LANES,
    erf,
    larger,
    lt,
    smaller,
    tan,
    vload,
    vstore,
    where,
)

mp = pytest.importorskip("mpmath")
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 1e-310, -1e-310, 2.2250738585072014e-308,
           1.7976931348623157e308, -1.7976931348623157e308, 1.0, -1.0]
FUNCTIONS = {  # name: function, range
    "exp": (exponentials.exp, -750, 715), "expm1": (exponentials.expm1, -50, 715),
    "sinh": (exponentials.sinh, -715, 715), "cosh": (exponentials.cosh, -715, 715),
    "tanh": (exponentials.tanh, -40, 40), "log": (logarithms.log, 0, 1.7e308),
    "log1p": (logarithms.log1p, -1, 1.7e308), "asin": (arcs.asin, -1, 1),
}


def applied(function, *given):
    count = len(given[0])
    padded = [np.concatenate([a, np.full(-count % LANES, a[-1])]).astype(float) for a in given]
    result = np.empty(len(padded[0]))
    if len(given) == 1:
        @strict
        def run(x, y):
            for row in range(len(x) // LANES):
                vstore(y, row, function(vload(x, row)))
    else:
        @strict
        def run(x, z, y):
            for row in range(len(x) // LANES):
                vstore(y, row, function(vload(x, row), vload(z, row)))
    run(*padded, result)
    return result[:count]


def ulps(found, true):
    worst = 0.0
    for one, exact in zip(found.tolist(), true, strict=True):
        rounded = float(exact)
        if math.isinf(rounded) or math.isinf(one):
            assert one == rounded
        else:
            worst = max(worst, float(abs(mp.mpf(one) - exact) / mp.mpf(math.ulp(rounded))))
    return worst


def numbers(low, high, seed):
    rng = np.random.default_rng(seed)
    sizes = 10.0 ** rng.uniform(-307, math.log10(max(abs(low), abs(high))), 1500)
    tiny = 5e-324 * rng.integers(1, 2**50, 300).astype(float)
    x = np.concatenate([rng.uniform(low / 2, high / 2, 1500) * 2, rng.uniform(-1, 1, 1500),
                        rng.uniform(-0.1, 2, 1500), sizes, -sizes, tiny, -tiny])
    return x[(x > low) & (x < high)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_to_two_units_in_the_last_place(name):
    function, low, high = FUNCTIONS[name]
    x = numbers(low, high, seed=len(name))
    with mp.workprec(200):
        true = [getattr(mp, name)(mp.mpf(one)) for one in x.tolist()]
        assert ulps(applied(function, x), true) <= 2.0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_at_the_edges(name):
    function = FUNCTIONS[name][0]
    x = np.array(SPECIAL)
    found = applied(function, x)
    with np.errstate(all="ignore"):
        expected = getattr(np, {"asin": "arcsin"}.get(name, name))(x)
    np.testing.assert_allclose(found, expected, rtol=1e-15, atol=0.0)
    zero = expected == 0.0
    np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(expected[zero]))


def test_powers_to_two_units_in_the_last_place():
    rng = np.random.default_rng(1)
    n = 2000
    x = np.concatenate([10.0 ** rng.uniform(-300, 300, n), rng.uniform(0, 2, n), 1 + rng.normal(0, 1e-3, n),
                        rng.uniform(0.5, 2, n), 5e-324 * rng.integers(1, 2**50, n), rng.uniform(0, 9, 3 * n)])
    y = np.concatenate([rng.uniform(-1.2, 1.2, n), rng.uniform(-20, 20, n), rng.uniform(-7e4, 7e4, n),
                        rng.uniform(-1000, 1000, n), rng.uniform(-1, 1, n),
                        np.repeat([1.0, 2.0, 3.0], n)])  # the last three are products
    with mp.workprec(200):
        true = [mp.mpf(a) ** mp.mpf(b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        assert ulps(applied(logarithms.power, x, y), true) <= 2.0


def test_powers_at_the_edges():
    values = [*SPECIAL, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 1e300, -1e300, 2.0**53, 2.5]
    a, b = (grid.ravel() for grid in np.meshgrid(values, values))
    found = applied(logarithms.power, a, b)
    with np.errstate(all="ignore"):
        expected = np.power(a, b)
    np.testing.assert_allclose(found, expected, rtol=1e-15, atol=0.0)
    zero = expected == 0.0
    np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(expected[zero]))


def test_lanes_do_not_mix():
    x = np.linspace(-3.0, 3.0, 3 * LANES)
    mixed = np.random.default_rng(2).permutation(len(x))
    for function, _, _ in FUNCTIONS.values():
        np.testing.assert_array_equal(applied(function, x)[mixed], applied(function, x[mixed]))


def test_powers_do_not_depend_on_their_neighbours():
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0.5, 2.0, 5 * LANES), rng.choice([1.0, 2.0, 3.0, 2.5, -1.0, 3.0000001], 5 * LANES)
    found = applied(logarithms.power, x, y)
    for exponent in np.unique(y):
        here = y == exponent
        np.testing.assert_array_equal(applied(logarithms.power, x[here], y[here]), found[here])
    x[0] = -1.0  # brings the edges' code in
    np.testing.assert_array_equal(applied(logarithms.power, x, y)[1:], found[1:])


def test_choices_and_functions_one_by_one():
    x, y = np.array([1.0, 2.0, np.nan, -1.0]), np.array([2.0, 1.0, 1.0, np.nan])
    np.testing.assert_array_equal(applied(smaller, x, y), [1.0, 1.0, np.nan, -1.0])
    np.testing.assert_array_equal(applied(larger, x, y), [2.0, 2.0, np.nan, -1.0])

    @strict
    def chosen(x, y):
        return where(lt(x, y), x, 7.0)

    np.testing.assert_array_equal(applied(chosen, x, y), [1.0, 7.0, 7.0, 7.0])
    few = np.array([0.1, 0.7, -1.3])
    np.testing.assert_allclose(applied(erf, few), [math.erf(one) for one in few], rtol=1e-15)
    np.testing.assert_allclose(applied(tan, few), [math.tan(one) for one in few], rtol=1e-15)
