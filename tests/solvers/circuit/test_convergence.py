"""The tolerance governs the error, for circuits with closed forms and against scipy and ngspice."""

import numpy as np
import pytest

from crossbarsim import Solver, read_spice
from tests.helpers.circuits import needs_ngspice
from tests.helpers.decks_ngspice import run_ngspice
from tests.helpers.odes import SMOOTH, STIFF

CASES = {**SMOOTH, **STIFF}
# the error, over the range of each state, is at most this times reltol^(2/3): the local error of a
# step of order 2 is bounded, h goes with reltol^(1/3)
BOUND = {
    "logistic": 1.0, "lotka_volterra": 12.0, "pendulum": 4.0, "rc": 1.2, "rlc": 6.5,
    "robertson": 0.8, "van_der_pol": 33.0, "flame": 50.0, "prothero_robinson": 1.0,
    "fitzhugh_nagumo": 52.0, "joglekar": 1.2, "joglekar_to_its_bound": 1.3,
    "joglekar_twice": 1.1, "sinh_of_the_voltage": 12.0, "two_time_constants": 1.2,
}


def options(reltol):
    more = f" abstol={1e-9 * reltol} vntol={1e-3 * reltol} chgtol={1e-11 * reltol}"
    return f"reltol={reltol}" + (more if reltol < 1e-3 else "")


@pytest.mark.parametrize("reltol", [1e-3, 1e-5])
@pytest.mark.parametrize("name", CASES)
def test_the_error_is_bounded(name, reltol):
    error, _ = CASES[name].run(options(reltol))
    assert error <= BOUND[name] * reltol ** (2 / 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_error_falls_over_five_decades(name):
    found = []
    for decade in range(2, 8):
        error, r = CASES[name].run(options(10.0**-decade))
        found.append((error, r.steps))
        assert error <= BOUND[name] * 10.0 ** (-decade * 2 / 3)
    errors, steps = zip(*found, strict=True)
    assert errors[-1] < 0.2 * errors[-3] < 0.2 * errors[0]
    assert steps[-1] > 2.0 * steps[-3]


@needs_ngspice
def test_defaults_are_not_worse_than_those_of_ngspice(tmp_path):
    ratios = []
    for name, case in CASES.items():
        path = tmp_path / f"{name}.cir"
        path.write_text(case.text("reltol=1e-3"))
        plot, = run_ngspice(path, tmp_path)
        r, = Solver().run(read_spice(case.text("reltol=1e-3")))
        grid = np.linspace(0.0, case.stop, 2001)
        exact = case.exact(grid)
        ours, theirs = (
            max(
                float(np.sqrt(np.mean((np.interp(grid, t, found[n]) - e) ** 2)) / np.ptp(e))
                for n, e in zip(case.names, exact, strict=True)
            ) for t, found in ((r.time, r), (plot.scale, plot))
        )
        ratios.append(ours / theirs)
        assert ours <= 1.8 * theirs or ours < 2e-3, (name, ours, theirs)
    assert np.exp(np.mean(np.log(ratios))) < 0.9


def test_a_first_step_is_no_leap():
    # from initial conditions: what the estimate saw was "at rest for long", so that any step passed
    case = STIFF["robertson"]
    r, = Solver().run(read_spice(case.text("reltol=1e-4")))
    early = r.time < 1e-3
    assert early.sum() > 4
    np.testing.assert_allclose(r["v(x1)"][early], case.exact(r.time[early])[1], atol=2e-7)


ASTABLE = """two transistors coupled by capacitors, free-running
.model qn npn(is=2f bf=300 vaf=80 cje=12p cjc=4p tf=0.5n tr=10n rb=10)
vcc v 0 9
r1 v c1 1k
r2 v c2 1k
r3 v b1 15k
r4 v b2 15k
cl c1 b2 10u
cr c2 b1 10u
q1 c1 b1 0 qn
q2 c2 b2 0 qn
.ic v(b1)=0 v(b2)=0.7
.tran 1m 1
"""


def test_junctions_count_behind_coupling_capacitors():
    # picofarads of the transistors next to 10 uF: looked at in sum, a step of 1 ms leapt over the
    # time at which they were to turn (2 % off); period of runs at reltol=1e-6: 0.215572 s
    r, = Solver().run(read_spice(ASTABLE))
    t, v = r.time, r["v(c1)"]
    k = np.flatnonzero((v[:-1] < 4.0) & (v[1:] >= 4.0))
    at = t[k] + (4.0 - v[k]) / (v[k + 1] - v[k]) * (t[k + 1] - t[k])
    np.testing.assert_allclose(np.diff(at), 0.215572, rtol=1e-3)
