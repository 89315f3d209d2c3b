"""Initial voltages of elements, and devices that start switched off."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from scipy.integrate import solve_ivp

from crossbarsim import Solver


def run(deck):
    return Solver().run(read_spice(deck))[0]


def test_a_diodes_charge_starts_from_its_voltage():
    # ngspice 39 begins at 0 V here
    r = run("d\nd1 a 0 dm ic=0.5\nr1 a 0 1k\n.model dm d(cjo=10n vj=0.8 m=0.4 is=1e-15)\n.options reltol=1e-5\n.tran 0.1u 20u uic\n")

    def slope(_, v):
        return (-v / 1e3 - 1e-15 * np.expm1(v / 0.025865)) / np.where(
            v < 0.4, 10e-9 * (1 - v / 0.8) ** -0.4, 10e-9 / 0.5**1.4 * (1 - 0.5 * 1.4 + 0.4 * v / 0.8)
        )

    exact = solve_ivp(slope, (0, 2e-5), [0.5], method="LSODA", rtol=1e-9, atol=1e-12, dense_output=True).sol
    assert r["v(a)"][0] == pytest.approx(0.5, abs=1e-6)
    np.testing.assert_allclose(r["v(a)"], exact(r.time)[0], atol=1e-4)


def test_a_nonlinear_capacitor_starts_from_its_voltage():
    r = run("c\nc1 a 0 c={1n*(1+v(a))} ic=1\nr1 a 0 1k\n.options reltol=1e-5\n.tran 0.1u 5u uic\n")
    exact = solve_ivp(lambda _, v: -v / 1e3 / (1e-9 * (1 + v)), (0, 5e-6), [1.0], rtol=1e-9, atol=1e-12, dense_output=True).sol
    np.testing.assert_allclose(r["v(a)"], exact(r.time)[0], atol=2e-4)


LATCH = """l
v1 dd 0 3
m1 a b 0 0 mn {}
m2 a b dd dd mp {}
m3 b a 0 0 mn {}
m4 b a dd dd mp {}
.model mn nmos(vto=0.7)
.model mp pmos(vto=-0.7)
.op
"""


def test_devices_that_start_switched_off_choose_the_state_of_a_latch():
    # without those that pull a down and b up, a is up; they are let go then
    for off, a, b in ((("off", "", "", "off"), 3.0, 0.0), (("", "off", "off", ""), 0.0, 3.0)):
        r = run(LATCH.format(*off))
        assert r["v(a)"] == pytest.approx(a, abs=1e-5)
        assert r["v(b)"] == pytest.approx(b, abs=1e-5)
    assert run(LATCH.format("", "", "", ""))["v(a)"] == pytest.approx(1.5, abs=1e-3)


def test_switched_off_is_a_first_guess_only():
    plain = "p\nv1 a 0 5\nr1 a b 1k\nd1 b 0 dm {0}\nq1 c b e qm {0}\nrc a c 1k\nre e 0 100\nj1 a b s jm {0}\nrs s 0 1k\n.model dm d\n.model qm npn\n.model jm njf\n.op\n"
    on, off = run(plain.format("")), run(plain.format("off"))
    for name in ("v(b)", "v(c)", "v(s)"):
        assert off[name] == pytest.approx(on[name], rel=1e-4)
