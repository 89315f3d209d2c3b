"""Backward differentiation of high orders."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.solvers.circuit.integration.bdf import backward_weights
from scipy.integrate import solve_ivp

from crossbarsim import ParameterError, Solver

# the series circuit of a sine, an inductor, and a capacitor with a diode beside it
DECK = """smooth
v1 in 0 sin(0 1 1k)
r1 in a 200
l1 a b 20m
c1 b 0 100n
b1 b 0 i=1u*(exp(v(b)/0.2)-1)
.options method=gear maxord={} reltol={} abstol=1e-15 vntol=1e-12 trtol=1 chgtol=1e-20
.tran 10u 2m 0 100u
"""


@pytest.fixture(scope="module")
def exact():
    def slope(t, y):
        i, v = y
        drive = np.sin(2e3 * np.pi * t)
        return [(drive - 200 * i - v) / 20e-3, (i - 1e-6 * np.expm1(v / 0.2)) / 100e-9]

    return solve_ivp(slope, (0, 2e-3), [0, 0], method="Radau", rtol=1e-11, atol=1e-14, dense_output=True).sol


def test_weights_are_exact_for_polynomials():
    rng = np.random.default_rng(1)
    for order in range(1, 7):
        back = np.array([*np.cumsum(rng.uniform(0.3, 1.5, order))[::-1], 0.0]) * 1e-7
        w = backward_weights(back)
        for power in range(order + 1):
            t = 3e-7 - back
            slope = power * t[-1] ** (power - 1) if power else 0.0
            assert w @ t**power == pytest.approx(slope, rel=1e-8, abs=1e-8 / 1e-7 * 3e-7**power)
    np.testing.assert_allclose(backward_weights(np.array([2.0, 1.0, 0.0])), [0.5, -2.0, 1.5])


def test_high_orders_need_fewer_steps_for_the_same_error(exact):
    steps = {}
    for order in (2, 3, 4, 5, 6):
        r, = Solver().run(read_spice(DECK.format(order, "1e-6")))
        i, v = exact(r.time)
        assert np.abs(r["v(b)"] - v).max() < 3e-4
        assert np.abs(r["i(l1)"] - i).max() < 1e-6
        steps[order] = r.steps
    assert steps[2] > 2 * steps[3] > 2.5 * steps[4]
    assert steps[2] > 6 * steps[5]
    assert steps[6] <= steps[5] * 1.1


def test_errors_follow_the_tolerance(exact):
    errors = []
    for reltol in (1e-4, 1e-6, 1e-8):
        r, = Solver().run(read_spice(DECK.format(5, reltol)))
        errors.append(np.abs(r["v(b)"] - exact(r.time)[1]).max())
    assert errors[0] < 5e-3
    assert errors[1] < errors[0] / 10
    assert errors[2] < errors[1] / 10


def test_corners_begin_anew():
    deck = "rc\nv1 a 0 pulse(0 1 1m 1n 1n 1m 2m)\nr1 a b 1k\nc1 b 0 100n\n.options method=gear maxord=6 reltol=1e-5\n.tran 10u 4m\n"
    r, = Solver().run(read_spice(deck))
    t = r.time
    want = np.where(t < 1e-3, 0.0, np.where(
        t < 2e-3, -np.expm1(-(t - 1e-3) / 1e-4), np.where(t < 3e-3, np.exp(-(t - 2e-3) / 1e-4), -np.expm1(-(t - 3e-3) / 1e-4))
    ))
    assert np.abs(r["v(b)"] - want).max() < 3e-4


@pytest.mark.parametrize("options", ["maxord=3", "method=trap maxord=4", "method=gear maxord=7"] )
def test_limits_of_the_order(options):
    with pytest.raises(ParameterError, match="maxord"):
        Solver().run(read_spice(f"m\nv1 a 0 1\nr1 a 0 1\n.options {options}\n.op\n"))
