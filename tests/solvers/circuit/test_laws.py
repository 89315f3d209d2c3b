"""Expressions that have no value at 0, beyond a bound, or far off, on the way to a solution."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice

from crossbarsim import ConvergenceError, Solver


def run(deck):
    return Solver().run(read_spice(deck))[0]


DIVIDER = "d\nv1 a 0 3\nr0 a b 1k\nr2 b 0 1k\nro o 0 1k\n{}\n.op\n"


@pytest.mark.parametrize(("line", "value"), [
    ("b1 o 0 v=6/v(a)", 2.0), ("b1 o 0 v=v(a)/v(b)", 2.0), ("b1 o 0 v=ln(v(b))", np.log(1.5)),
    ("b1 o 0 v=sqrt(v(b))+v(b)**0.5", 2 * np.sqrt(1.5)), ("b1 o 0 v=1/(v(a)*v(b)-1)", 1 / 3.5),
    ("b1 o 0 v=acosh(v(b))", np.arccosh(1.5)), ("e1 o 0 value={log10(v(b)-1)}", np.log10(0.5)),
    ("g1 0 o value={1m/v(b)}", 1 / 1.5), ("b1 o 0 v=exp(-0.6/v(b))*sinh(v(a)/v(b))", np.exp(-0.4) * np.sinh(2.0)),
])
def test_values_that_are_not_there_at_0(line, value):
    assert run(DIVIDER.format(line))["v(o)"] == pytest.approx(value, rel=1e-6)


def test_steps_that_lead_far_off_are_shortened():
    # a junction as an expression: plain Newton steps overflow its exponential
    r = run("j\nv1 a 0 100\nr1 a b 1\nb1 b 0 i=1e-15*(exp(v(b)/0.02585)-1)\n.op\n")
    v = r["v(b)"]
    assert 1e-15 * np.expm1(v / 0.02585) == pytest.approx(100 - v, rel=1e-6)
    # the domain of a logarithm
    r = run("l\ni1 0 a 1m\nr1 a 0 10k\nb1 a 0 i=1m+0.1m*ln(v(a)-2)\n.options reltol=1e-9\n.op\n")
    v = r["v(a)"]
    assert v / 1e4 + 1e-4 * np.log(v - 2) == pytest.approx(0.0, abs=1e-9)


def test_no_value_at_the_solution_is_an_error():
    with pytest.raises(ConvergenceError):
        run("z\nv1 a 0 0\nr1 a 0 1\nb1 o 0 v=1/v(a)\nro o 0 1\n.op\n")


def test_a_root_may_pass_through_0():
    r = run("s\nv1 a 0 sin(0 1 1k)\nr1 a 0 1\nb1 o 0 v=sqrt(abs(v(a)))\nro o 0 1k\n.tran 10u 2m\n")
    np.testing.assert_allclose(r["v(o)"], np.sqrt(np.abs(r["v(a)"])), atol=1e-6)


def test_a_start_with_uic_at_which_there_is_no_value():
    r = run("u\nv1 a 0 1\nr1 a c 1k\nc1 c 0 1u\nbt t 0 v=300+v(a)\nb1 o 0 v=exp(-1/v(t))*sinh(v(c)/v(t))\nro o 0 1k\n.tran 10u 1m uic\n")
    np.testing.assert_allclose(r["v(o)"], np.exp(-1 / 301) * np.sinh(r["v(c)"] / 301), rtol=1e-6, atol=1e-12)
