"""Local truncation errors, against what the formulas get wrong for polynomials."""

import math

import numpy as np
import pytest
from crossbarsim.solvers.circuit.integration.bdf import Bdf
from crossbarsim.solvers.circuit.integration.formulas import History
from crossbarsim.solvers.integration.tr_bdf2 import END_MIDDLE, END_START, SHARE, STAGE
from crossbarsim.solvers.integration.truncation_error import (
    CHARGE_CONSTANTS,
    ErrorTolerances,
    tr_bdf2_error,
)
from hypothesis import given
from hypothesis import strategies as st

FORMULAS = [("euler", 1), ("trap", 1), ("trap", 2), *(("gear", k) for k in range(1, 7))]


def past(method, order, times, curve, slope, damping=0.5):
    """A history at times[0], times[1], ... of the past, the last first."""
    first = times[-1]
    q = np.array([curve(first), 0.0])
    made = Bdf(first, q, q, 1.0) if order > 2 else History(method, first, q, q, 1.0, damping)
    for t in times[-2::-1]:
        made.push(t, np.array([curve(t), 0.0]), np.array([curve(t), 0.0]), np.array([slope(t), 0.0]))
    return made


def tolerances(current=1.0, charge=0.0, relative=0.0, trust=1.0, weight=1.0):
    return ErrorTolerances(
        np.array([0]), np.full(2, current), np.full(2, charge), np.full(2, weight), relative, trust
    )


@pytest.mark.parametrize(("method", "order"), FORMULAS)
def test_constants_are_those_of_the_formulas(method, order):
    # what one step of the formula gets wrong for t^(k + 1), its slope at the end being right
    h, power = 0.5, order + 1
    times = [-h * k for k in range(8)]

    def curve(t):
        return (t + 2.0) ** power

    def slope(t):
        return power * (t + 2.0) ** (power - 1)

    formula = past(method, order, times, curve, slope).formula(h, order)
    got = (slope(h) - formula.offset[0]) / formula.a
    derivative = math.factorial(power)
    constant = abs(got - curve(h)) / (h**power * derivative)
    assert constant == pytest.approx(CHARGE_CONSTANTS[method][order - 1], rel=1e-7)


@pytest.mark.parametrize(("method", "order"), FORMULAS)
@given(
    steps=st.lists(st.floats(0.3, 2.0), min_size=8, max_size=8), scale=st.floats(1e-3, 1e3),
    tolerance=st.floats(1e-3, 1e3), trust=st.floats(1.0, 7.0), weight=st.floats(0.01, 1.0),
)
def test_the_step_that_a_polynomial_allows(method, order, steps, scale, tolerance, trust, weight):
    # C h^k times derivative k + 1 is compared with the currents' tolerance
    power, h = order + 1, steps[0]
    times = list(-np.cumsum([0.0, *steps[1:]]))

    def curve(t):
        return scale * t**power

    history = past(method, order, times, curve, lambda t: scale * power * t ** (power - 1))
    q, rate = np.array([curve(h), 0.0]), np.zeros(2)
    history.rate = np.zeros(2)
    if order == 1:  # judged by its rates
        rate[0] = 2.0 * scale * h
    found = history.allowed(h, order, q, rate, tolerances(tolerance, trust=trust, weight=weight))
    error = CHARGE_CONSTANTS[method][order - 1] * scale * math.factorial(power) * h**order
    expected = h * (trust * weight * tolerance / error) ** (1.0 / order)
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("method", "order"), FORMULAS)
def test_charges_have_a_tolerance_of_one_order_more(method, order):
    power, h = order + 1, 0.25
    times = [-h * k for k in range(8)]
    history = past(method, order, times, lambda t: t**power, lambda t: power * t ** (power - 1))
    history.rate = np.zeros(2)
    q = np.array([h**power, 0.0])
    rate = np.array([2.0 * h if order == 1 else 0.0, 0.0])
    found = history.allowed(h, order, q, rate, tolerances(0.0, charge=1e3, relative=1e-3))
    share = math.factorial(power) * CHARGE_CONSTANTS[method][order - 1] * h**order / (1e-3 * 1e3 / h)
    assert found == pytest.approx(h * share ** (-1.0 / (order + 1)), rel=1e-4)


@pytest.mark.parametrize(("method", "order"), FORMULAS)
def test_exact_formulas_allow_any_step_and_overflows_none(method, order):
    times = [-0.5 * k for k in range(8)]
    history = past(method, order, times, lambda t: 1.0 + 0.0 * t, lambda _: 0.0)
    assert history.allowed(0.5, order, np.array([1.0, 0.0]), np.zeros(2), tolerances()) == math.inf
    bad = np.array([np.inf, 0.0])
    with np.errstate(invalid="ignore"):
        assert history.allowed(0.5, order, bad, np.zeros(2), tolerances()) == 0.0


def test_a_damped_rule_has_a_part_of_eulers_error():
    times, h = [0.0, -0.5, -1.0, -1.5], 0.5
    history = past("trap", 2, times, lambda t: t**2, lambda t: 2 * t, damping=0.4)
    formula = history.formula(h, 2)
    got = (2 * h - formula.offset[0]) / formula.a
    # of h^2 q''/2 the share 1 - 2 xmu, over what the formula divides by
    assert got - h**2 == pytest.approx((1 - 2 * 0.4) * h**2)
    rate = np.array([2 * h, 0.0])
    found = history.allowed(h, 2, np.array([h**2, 0.0]), rate, tolerances(1e-3))
    history.rate = np.zeros(2)
    assert found < past("trap", 2, times, lambda t: t**2, lambda t: 2 * t).allowed(
        h, 2, np.array([h**2, 0.0]), np.zeros(2), tolerances(1e-3)
    )


# -- TR-BDF2 ---------------------------------------------------------------------------------------


def tr_bdf2(slope, x, t, h):
    """One step of dx/dt = slope(t): the point in the middle and the end."""
    c = STAGE * h
    middle = x + c * slope(t) + c * slope(t + SHARE * h)
    return middle, END_MIDDLE * middle - END_START * x + c * slope(t + h)


@given(
    t=st.floats(-2.0, 2.0), h=st.floats(0.05, 3.0),
    a=st.lists(st.floats(-5.0, 5.0, allow_subnormal=False), min_size=4, max_size=4),
)
def test_tr_bdf2_of_polynomials(t, h, a):
    def curve(s):
        return a[0] + a[1] * s + a[2] * s**2 + a[3] * s**3

    def slope(s):
        return a[1] + 2 * a[2] * s + 3 * a[3] * s**2

    _, end = tr_bdf2(slope, curve(t), t, h)
    estimate = tr_bdf2_error(h, *(np.array([slope(t + share * h)]) for share in (0.0, SHARE, 1.0)))
    size = sum(abs(k) for k in a) * (abs(t) + h + 1.0) ** 3
    assert estimate[0] == pytest.approx(abs(end - curve(t + h)), abs=1e-12 * size + 1e-300)
    # the constant of Hosea and Shampine times the third derivative
    constant = (-3 * SHARE**2 + 4 * SHARE - 2) / (12 * (2 - SHARE))
    assert estimate[0] == pytest.approx(abs(constant * 6 * a[3]) * h**3, abs=1e-12 * size)
