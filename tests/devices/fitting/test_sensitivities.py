"""Derivatives of simulated sweeps against differences of the same steps, and the scheme itself."""

import numpy as np
import pytest

from crossbarsim.core.errors import ConvergenceError
from crossbarsim.devices import (
    VTEAM,
    DataDriven2018,
    JartVcmV1b,
    MeasuredSweep,
    StanfordPKU,
    StaticSinh,
    Yakopcic,
)
from crossbarsim.devices.fitting.least_squares.problem import Problem, plan_starts
from crossbarsim.devices.fitting.least_squares.residuals import scale_of
from crossbarsim.devices.fitting.least_squares.simulation import (
    Start,
    bound_slopes,
    compiled,
    rest_start,
    run,
)
from crossbarsim.devices.fitting.least_squares.space import axes_of

CASES = {  # device, volt, hertz, parameters
    "vteam": (VTEAM(k_on=-1.0, k_off=0.02, v_off=0.0217), -1.0, 1e6,
              ("r_on", "r_off", "k_on", "k_off", "alpha_on", "alpha_off", "v_on", "v_off", "d")),
    "vteam's windows": (VTEAM.preset("taox"), -2.0, 1e4,
                        ("r_on", "k_on", "alpha_off", "v_on", "v_off", "w_on", "w_off")),
    "vteam, joglekar": (VTEAM(k_on=-1.0, k_off=0.02, window="joglekar", p=2.0, v_off=0.0217), -1.0,
                        1e6,
                        ("k_on", "k_off", "p", "d")),
    "stanford_pku": (StanfordPKU(), 1.6, 1e6,
                     ("g_0", "v_0", "i_0", "nu_0", "e_a", "gamma_0", "r_th", "gap_min", "gap_max")),
}
SLOW = {
    "yakopcic": (Yakopcic(), 0.45, 100.0, ("a_1", "a_2", "b", "v_p", "a_p", "x_p", "x_n", "alpha_n")),
    "data_driven_2018": (DataDriven2018(), -1.3, 1e3,
                         ("a_p", "a_n", "t_p", "k_p", "r_p0", "r_n0", "a", "b", "r_min", "r_max")),
    "static_sinh": (StaticSinh(), 1.0, 1e3, ("v_0", "g_max")),
}


def triangle(volts, hertz, points=401):
    phase = np.linspace(0.0, 1.0, points)
    return phase / hertz, volts * 2 / np.pi * np.arcsin(np.sin(2 * np.pi * phase))


def sweep_of(device, volts, hertz, limit, points=401):
    t, v = triangle(volts, hertz, points)
    largest = np.abs(device.simulate(t, v).current).max()
    return MeasuredSweep(t, v, np.zeros(points), limit * largest if limit else np.inf)


def start_of(device, names):
    """Start at rest; at 0.6 of the range where Joglekar's window holds a state at its bound."""
    if device.parameters().get("window") != "joglekar":
        return rest_start(device, names, len(names))
    low, high = (b.reshape(-1) for b in device.bounds())
    slopes = bound_slopes(device, names, len(names))
    return Start(0.4 * low + 0.6 * high, 0.4 * slopes[0] + 0.6 * slopes[1])


def checked(device, volts, hertz, names, limit, relative):
    """Compare all derivatives, of currents and of averages, with differences over the same steps."""
    sweep = sweep_of(device, volts, hertz, limit)
    # in the model's own order, as fits have it
    names = tuple(n for n in device.parameters() if n in names)
    exact = run(device, names, sweep, start_of(device, names), record=10**6, shape=1, floor=1e-6)
    assert len(exact.grid) == exact.steps
    scale = np.abs(exact.slopes).max()
    for k, name in enumerate(names):
        value, best = getattr(device, name), np.inf
        for step in (1e-5, 1e-6, 1e-7, 1e-8):
            found = []
            for sign in (1, -1):
                other = device.replace(**{name: value * (1 + sign * step)})
                found.append(run(other, names, sweep, start_of(other, names), grid=exact.grid,
                                 slopes=False, shape=1, floor=1e-6))
            error = 0.0
            for field, slopes in (("current", exact.slopes), ("means", exact.mean_slopes)):
                a, b = (getattr(one, field) for one in found)
                # beside the largest change per relative change of a parameter rounding decides
                size = np.abs(slopes[:, k]).max() + 1e-7 * scale / abs(value)
                error = max(error, np.abs((a - b) / (2 * step * value) - slopes[:, k]).max() / size)
            best = min(best, error)
        assert best < relative, name
    return exact


@pytest.mark.parametrize("limit", [None, 0.4321])
@pytest.mark.parametrize("name", CASES)
def test_derivatives_equal_differences_on_the_same_steps(name, limit):
    exact = checked(*CASES[name], limit, 1e-6)
    assert np.abs(exact.slopes).max() > 0


@pytest.mark.slow
@pytest.mark.parametrize("limit", [None, 0.4321])
@pytest.mark.parametrize("name", SLOW)
def test_derivatives_of_other_models(name, limit):
    checked(*SLOW[name], limit, 1e-6)


@pytest.mark.slow
def test_derivatives_through_an_inner_unknown():
    # before the jump of its SET, where the derivative changes over 1e-9 of a parameter
    names = ("n_min", "n_max", "nu_0", "dw_a", "r_th", "r_tiox")
    checked(JartVcmV1b(), -0.7, 1e3, names, None, 1e-6)


def test_currents_are_those_of_simulate():
    device, volts, hertz, names = CASES["vteam"]
    sweep = sweep_of(device, volts, hertz, None)
    trace = device.simulate(sweep.t, sweep.v, rtol=1e-9)
    found = run(device, names, sweep, rest_start(device, names, len(names)), rtol=1e-9)
    assert np.abs(found.current - trace.current).max() < 1e-6 * np.abs(trace.current).max()
    assert np.abs(found.states - trace.state).max() < 1e-6 * device.d
    turned = device.replace(polarity=-1)
    mirrored = MeasuredSweep(sweep.t, -sweep.v, sweep.i)
    other = run(turned, names, mirrored, rest_start(turned, names, len(names)), rtol=1e-9)
    np.testing.assert_array_equal(other.current, -found.current)
    np.testing.assert_array_equal(other.slopes, -found.slopes)


def test_order_conditions_of_the_scheme():
    kernels = compiled(VTEAM)
    a, c = kernels.STAGES, kernels.NODES
    b, other = a[3], a[3] - kernels.MISS
    np.testing.assert_allclose(a.sum(axis=1), c, atol=1e-15)
    for weights, order in ((b, 3), (other, 2)):
        assert abs(weights.sum() - 1) < 1e-14
        assert abs(weights @ c - 1 / 2) < 1e-14
        if order == 3:
            assert abs(weights @ c**2 - 1 / 3) < 1e-14
            assert abs(weights @ a @ c - 1 / 6) < 1e-14


def test_a_source_that_limits_the_current():
    """The voltage across the device, not the source's, moves the state: by SciPy, in closed form."""
    from scipy.integrate import solve_ivp

    device = VTEAM(r_on=1e3, r_off=1e5, k_on=-2e-2, alpha_on=1.0, v_on=-0.3, d=1e-9)
    limit, t = 3e-5, np.linspace(0.0, 1e-6, 201)
    v = -1.5 * np.minimum(t / 2e-7, 1.0)

    def resistance(x):
        return 1e3 + (1e5 - 1e3) * x / 1e-9

    def rate(time, x):
        across = max(np.interp(time, t, v), -limit * resistance(x[0]))
        return [-2e-2 * (across / -0.3 - 1.0) if across < -0.3 else 0.0]

    exact = solve_ivp(rate, (0.0, 1e-6), [1e-9], rtol=1e-10, atol=1e-18, max_step=2e-9, t_eval=t)
    i = np.maximum(v / resistance(exact.y[0]), -limit)
    found = run(device, ("r_on",), MeasuredSweep(t, v, i, limit), rest_start(device, ("r_on",), 1), rtol=1e-8)
    assert (np.abs(i) == limit).sum() > 50
    assert np.abs(found.states[0] - exact.y[0]).max() < 1e-6 * 1e-9
    assert np.abs(found.current - i).max() < 1e-6 * limit
    # it ends where the limit leaves the threshold: 0.3 V at 30 uA
    assert found.states[0, -1] == pytest.approx((0.3 / limit - 1e3) / 99e3 * 1e-9, rel=0.02)


@pytest.mark.parametrize("start", ["first", "fit", "rest", 2e-4])
def test_jacobian_of_residuals_with_starts(start):
    device = VTEAM(k_on=-1.0, k_off=0.02, alpha_off=2.0, r_on=900.0, r_off=2e4)
    t, v = triangle(-1.0, 1e6, 201)
    i = device.simulate(t, v, conductance=2e-4).current * 1.03
    sweeps = (MeasuredSweep(t, v, i), MeasuredSweep(t, -v, 0.9 * i, start="last"))
    axes = axes_of(device, ("r_on", "r_off", "v_on", "k_off", "d"), sweeps)
    problem = Problem(device, axes, sweeps, plan_starts(device, sweeps, start),
                      scale_of(sweeps, "asinh", None, None, "limit"), rtol=1e-11)
    u = np.array([*(a.coordinate(getattr(device, a.name)) for a in axes),
                  *(0.4,) * problem.starts.count])
    # steps of their own here: averages over an interval follow the steps, as the frozen grid's do
    for width, bound in ((0.0, 1e-6), (0.05, 2e-2)):
        exact = problem.jacobian(u, width)
        for k in range(len(u)):
            step = 1e-5 * np.eye(len(u))[k]
            slope = (problem.residuals(u + step, width) - problem.residuals(u - step, width)) / 2e-5
            assert np.abs(slope - exact[:, k]).max() < bound * (1.0 + np.abs(exact[:, k]).max())


def test_too_many_steps_say_where():
    device = VTEAM()
    sweep = MeasuredSweep([0.0, 1.0], [-1.0, -1.0], [0.0, 0.0])
    with pytest.raises(ConvergenceError, match=r"VTEAM: not past t = 0 s, v = -1 V"):
        run(device, (), sweep, rest_start(device, (), 0), grid=np.full((4, 2), 1e300))
