"""Extrapolation is exact for polynomials of its degree, and of its order for others."""

import numpy as np
import pytest
from crossbarsim.solvers.circuit.integration.bdf import Bdf
from crossbarsim.solvers.circuit.integration.formulas import History
from crossbarsim.solvers.integration.prediction import along_line, extrapolate
from hypothesis import given
from hypothesis import strategies as st
from numpy.polynomial import Polynomial

steps = st.lists(st.floats(0.2, 2.0), min_size=7, max_size=7)
coefficients = st.lists(st.floats(-3.0, 3.0), min_size=7, max_size=7)


@pytest.mark.parametrize("degree", range(7))
@given(steps=steps, coefficients=coefficients, h=st.floats(0.1, 3.0))
def test_exact_for_polynomials(degree, steps, coefficients, h):
    curve = Polynomial(coefficients[:degree + 1])
    times = list(-np.cumsum([0.0, *steps]))
    points = [np.array([curve(t), -curve(t)]) for t in times]
    found = extrapolate(times, points, h, degree)
    size = sum(abs(c) * 20.0**k for k, c in enumerate(coefficients[:degree + 1])) + 1.0
    np.testing.assert_allclose(found, [curve(h), -curve(h)], atol=1e-9 * size)
    assert found is not points[0]


@pytest.mark.parametrize("degree", range(7))
def test_one_degree_more_is_not_exact(degree):
    times = [-0.3 * k for k in range(8)]
    points = [np.array([(t + 1.0) ** (degree + 1)]) for t in times]
    assert abs(extrapolate(times, points, 0.5, degree)[0] - 1.5 ** (degree + 1)) > 1e-3


def test_a_line():
    np.testing.assert_array_equal(along_line(np.array([3.0, 1.0]), np.array([1.0, 1.0]), 0.5), [4.0, 1.0])


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 6])
def test_points_before_a_corner_are_not_extrapolated(order):
    def curve(t):
        return np.array([(t + 0.1) ** order, 0.0])

    made = Bdf if order > 2 else History
    history = made(0.0, curve(0.0), curve(0.0), 1.0) if order > 2 else made("trap", 0.0, curve(0.0), curve(0.0), 1.0)
    np.testing.assert_array_equal(history.predict(0.1, order), curve(0.0))
    for k in range(1, 8):
        history.push(0.1 * k, curve(0.1 * k), curve(0.1 * k), np.zeros(2))
        if history.smooth > order:
            np.testing.assert_allclose(history.predict(0.15, order), curve(0.1 * k + 0.15), rtol=1e-9)
    history.corner()
    np.testing.assert_array_equal(history.predict(0.15, order), history.points[0])
    history.push(0.8, curve(0.8), curve(0.8), np.zeros(2))
    slope = (curve(0.8) - curve(0.7)) / 0.1
    np.testing.assert_allclose(history.predict(0.1, order), curve(0.8) + 0.1 * slope)
