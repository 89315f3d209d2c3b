"""Tapes against the compiled NumPy expressions: every operator, also where it has no value."""

import numpy as np
import pytest
from crossbarsim.netlists.spice.expressions.expression import Expression
from crossbarsim.netlists.spice.expressions.functions import RULES
from crossbarsim.netlists.spice.expressions.tape import Tape
from crossbarsim.solvers.circuit.elements.laws.kernels_operations import OPERATORS
from crossbarsim.solvers.circuit.elements.laws.kernels_tape import run_tapes
from crossbarsim.solvers.circuit.elements.laws.tapes import encode

from crossbarsim.core.errors import NetlistError

GRID = np.array([
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.5, 1e-200, 1e200, -1e200, np.inf, -np.inf, np.nan,
    3.0, -3.0, 700.0, -700.0, 800.0, 0.3, 1e-9, -1e-9,
])
OF_CIRCUITS = [name for name in RULES if name not in ("pwl", "table", "db", "im", "ph", "re")]


def run(expressions, x, surroundings=(0.0, 27.0, 0.0)):
    code, more, numbers = encode(expressions)
    value, slopes = np.empty(x.shape[1]), np.empty(x.size)
    work, none = np.zeros((2, len(code))), np.zeros(0, np.int64)
    place = np.array([x.shape[1], x.shape[0], len(code), 0, 0, 0, 0])
    finite = run_tapes(
        place, code.ravel(), more, numbers.ravel(), none, none, np.zeros(1), np.array(surroundings), *work,
        x.flatten(), value, slopes,
    )
    slopes = slopes.reshape(x.shape)
    assert finite == np.isfinite(value).all()
    assert not work[1].any()
    return value, slopes


@pytest.mark.parametrize("name", OF_CIRCUITS)
def test_operators(name):
    count = RULES[name].arity
    x = np.array(np.meshgrid(*[GRID] * count)).reshape(count, -1)
    tape = Tape()
    probes = [tape.probe(("v", node)) for node in "abc"[:count]]
    e = Expression.of(tape.finish(tape.call(name, *probes)))
    wanted, steep = e.compile()(x)
    value, slopes = run([e] * x.shape[1], x)
    np.testing.assert_allclose(value, wanted, rtol=1e-14)
    here = np.isfinite(wanted)
    np.testing.assert_allclose(slopes[:, here], steep[:, here], rtol=1e-14)


@pytest.mark.parametrize("function", ["pwl", "table"])
@pytest.mark.parametrize("points", ["0,1,1,3,2,-1", "0,1,1,3", "-1,2,0,2,0.5,1,4,v(b)"])
def test_tables(function, points):
    e = Expression(f"{function}(v(a),{points})")
    law = e.compile()
    x = np.array([[-2.0, -1.0, 0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 9.0]])
    x = np.concatenate([x, np.full_like(x, 0.75)])[:len(e.probes)]
    value, slopes = run([e] * x.shape[1], x)
    for k in range(x.shape[1]):
        wanted, steep = law(x[:, k])
        assert value[k] == pytest.approx(float(wanted), rel=1e-14)
        assert slopes[0, k] == pytest.approx(float(steep[0]), rel=1e-14)


@pytest.mark.parametrize("text", [
    "1e-6*sinh(2*v(a))*exp(-v(b)**2)/(1+v(c)**3)", "u(v(a))*sqrt(v(a))*v(b)",
    "(v(a) > 0) * ln(v(a)) + (1 - (v(a) > 0)) * v(b)", "v(a)**v(b) + abs(v(c))**1.5",
    "v(a) > 0.2 ? v(b)*time : v(c)*temper + hertz", "max(v(a), min(v(b), v(c)))**4",
    "atan2(v(a), v(b)) - hypot(v(b), v(c)) % 0.7",
])
def test_many_of_one_form(text):
    e = Expression(text)
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (len(e.probes), 50))
    wanted, steep = e.compile()(x, 3.0, 30.0, 5.0)
    value, slopes = run([e] * 50, x, (3.0, 30.0, 5.0))
    np.testing.assert_allclose(value, wanted, rtol=1e-13)
    here = np.isfinite(wanted)
    assert here.any()
    np.testing.assert_allclose(slopes[:, here], steep[:, here], rtol=1e-12, atol=1e-300)


def test_numbers_of_each():
    some = [Expression(f"{a}*v(x)**{n}") for a, n in ((5.0, 2.0), (3.0, 2.5), (7.0, 2.0))]
    assert len({e.key for e in some}) == 1
    value, slopes = run(some, np.full((1, 3), 4.0))
    np.testing.assert_allclose(value, [80.0, 96.0, 112.0], rtol=1e-14)
    np.testing.assert_allclose(slopes[0], [40.0, 60.0, 56.0], rtol=1e-14)


def test_functions_of_results_are_refused():
    with pytest.raises(NetlistError, match="re is a function of results"):
        encode([Expression("re(v(a))")])


def test_all_operators_are_known():
    assert set(RULES) - {"db", "im", "ph", "re"} <= set(OPERATORS)
