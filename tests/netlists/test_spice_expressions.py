"""Expressions of decks: values, exact derivatives, parts in time, text."""

import contextlib
import copy
import pickle

import numpy as np
import pytest
from crossbarsim.netlists import NetlistError, ParameterError
from crossbarsim.netlists.spice.expressions.expression import Expression, compile_together
from hypothesis import given, settings
from hypothesis import strategies as st

A, B = ("v", "a", "0"), ("v", "b", "0")


@pytest.mark.parametrize(("text", "value"), [
    ("-2**2", -4.0), ("(-2)**3", -8.0), ("2**3**2", 512.0), ("2**-1", 0.5), ("2^-2^1", 0.25),
    ("1k + 2.2u*1meg", 1002.2), ("1mil", 25.4e-6), ("10pF", 1e-11), ("1.5e3k", 1.5e6), ("7%4", 3.0),
    ("7\\2", 3.0), ("1 ? 2 : 3 ? 4 : 5", 2.0), ("0 ? 2 : 0 ? 4 : 5", 5.0), ("!0 && 1 || 0", 1.0),
    ("1 < 2 == 1", 1.0), ("if(0, 1/0, 3)", 3.0), ("limit(5, -1, 1)", 1.0), ("max(1, 4, 2)", 4.0),
    ("u(0)", 0.5), ("u2(0.3)", 0.3), ("uramp(-3)", 0.0), ("pwr(-2, 2)", -4.0), ("sqr(3)", 9.0),
    ("nint(2.5)", 2.0), ("int(-2.7)", -2.0), ("sgn(-3)", -1.0), ("log(e)", 1.0), ("log10(100)", 2.0),
    ("table(1.5, 1, 10, 2, 20)", 15.0), ("pwl(9, 1, 10, 2, 20)", 90.0), ("table(9, 1, 10, 2, 20)", 20.0), ("hypot(3, 4)", 5.0),
    ("4*atan2(1, 1) - pi", 0.0), ("'1 + {2*(3)}'", 7.0), ("- - 3", 3.0), ("2 - 3 - 4", -5.0),
    ("16/4/2", 2.0), ("1.", 1.0), (".5", 0.5), ("1 <> 2", 1.0), ("ternary_fcn(1,2,3)", 2.0),
])
def test_values(text, value):
    assert Expression(text).constant == pytest.approx(value, rel=1e-15, abs=1e-15)


def test_ngspice_powers():
    assert Expression("(-2)**3", compat="ngspice").constant == 8.0
    assert Expression("2**3**2", compat="ngspice").constant == 64.0
    assert Expression("1/v(a)", compat="ngspice").evaluate(None, [0.0]) == pytest.approx(1e32)
    assert Expression("1/v(a)").evaluate(None, [0.0]) == np.inf


@pytest.mark.parametrize(("text", "message"), [
    ("", "an expression is expected"), ("1 +", "a value is expected, not the end"),
    ("(1", r"`\)` is expected, not the end"), ("1 2", "'2' is not expected"),
    ("foo(1)", "no function `foo`"), ("sine(1)", "did you mean `sin`"), ("sin(1, 2)", "takes 1 argum"),
    ("agauss(1, 2, 3)", "random number"), ("limit(1, 2)", "random number"), ("1 # 2", "'#'"),
    ("v(a, b, c)", "one or two nodes"), ("v()", "one or two nodes"), ("i(a,b)", "one element"),
    ("(" * 5000, "nested"), ("v(a", r"`\)` is missing"), ("pwl(1, 2)", "pairs|at least"),
    ("1 ? 2", "`:` is expected"), ("ddt()", "takes 1 arg"), ("2 ** ", "a value is expected"),
    ("v(a b)", "is no name"), ("delay(1)", "ideal line"),
])
def test_mistakes_are_named(text, message):
    with pytest.raises(NetlistError, match=message):
        Expression(text)


SMOOTH = [
    "v(a)*v(b) - v(a)/v(b)", "v(a)**3 - 2**v(b)", "pwr(v(a), 1.5)", "sin(v(a))*cos(v(b))", "tan(v(a)*.3)",
    "sqrt(v(a)**2 + v(b)**2)", "exp(-v(a))*ln(v(b))", "log10(v(b))", "tanh(v(a)*v(b))", "sinh(v(a))-cosh(v(b))",
    "asin(v(a)*.2) + acos(v(b)*.2)", "atan(v(a)) + atan2(v(a), v(b))", "asinh(v(a)) + acosh(1+v(b))",
    "atanh(.2*v(a))", "hypot(v(a), v(b))", "v(a) > v(b) ? v(a)**2 : exp(v(b))", "max(v(a)*2, v(b)*v(b))",
    "min(v(a)*2, sin(v(b)))", "limit(v(a), -1, 1)*v(b)", "abs(v(a))*v(b)", "pwl(v(a)*v(b), -2, 1, 0, 3, 2, 8)", "table(v(a)*v(b), -2, 1, 0, 3, 2, 8)",
    "(v(a) + 4)**v(b)", "v(a) % 0.7", "-v(a)*!0", "uramp(v(a))*u2(v(b)/4)", "time*v(a) + temper*v(b)",
    "if(v(a) < 0, ln(-v(a)), ln(v(a)))",
]


@pytest.mark.parametrize("compat", ["", "ngspice"])
@pytest.mark.parametrize("text", SMOOTH)
def test_derivatives_are_exact(text, compat):
    e = Expression(text, compat=compat)
    f = e.compile([A, B])
    rng = np.random.default_rng(0)
    x = np.stack([rng.uniform(-2, 2, 200), rng.uniform(0.1, 3, 200)])
    value, slopes = f(x, 0.3, 25.0)
    env = {"time": 0.3, "temper": 25.0}
    # powers are products: differences of near numbers round differently
    np.testing.assert_allclose(value, e.evaluate(env, {A: x[0], B: x[1]}), rtol=1e-14, atol=4e-15)
    h = 1e-6
    for k in range(2):
        up, down = x.copy(), x.copy()
        up[k] += h
        down[k] -= h
        numeric = (f(up, 0.3, 25.0)[0] - f(down, 0.3, 25.0)[0]) / (2 * h)
        np.testing.assert_allclose(slopes[k], numeric, rtol=2e-6, atol=2e-7)


@pytest.mark.parametrize("text", ["sqrt(v(a)**2)", "abs(v(a))", "pow(v(a), 0.5)", "asin(v(a)*v(a))", "v(a)*ln(v(a))",
                                  "if(v(a) > 0, ln(v(a)), 0)", "hypot(v(a), 0)", "atan2(v(a), v(a))"])
def test_derivatives_at_corners_are_no_nan(text):
    _, slopes = Expression(text).compile()(np.array([[0.0]]))
    assert not np.isnan(slopes).any()


def test_many_at_once_with_their_own_numbers():
    texts = [f"{k}.5*v(n{k})**2 + tanh(i(v{k})) + 1" for k in range(2, 7)]
    e = [Expression(t) for t in texts]
    f = compile_together(e)
    x = np.random.default_rng(1).normal(size=(2, 5))
    value, slopes = f(x)
    for k, each in enumerate(e):
        one, slope = each.compile()(x[:, k])
        assert value[k] == pytest.approx(float(one), rel=1e-15)
        np.testing.assert_allclose(slopes[:, k], slope, rtol=1e-15)
    with pytest.raises(ParameterError, match="not of the same kind"):
        compile_together([e[0], Expression("v(a)")])
    with pytest.raises(ParameterError, match=r"reads v\(b\)"):
        Expression("v(a)*v(b)").compile([A])


def test_parts_in_time():
    e = Expression("ddt(c*v(a)*idt(v(b), 2)) + v(a) + 0*idt(i(v1))").substitute({"c": 3.0})
    kinds = [d.kind for d in e.dynamic]
    assert kinds == ["idt", "ddt", "idt"]
    assert e.dynamic[0].inner.text == "v(b)"
    assert e.dynamic[0].initial.constant == 2.0
    assert e.dynamic[1].inner.probes == (A, ("idt", "0"))
    assert e.probes == (("ddt", "1"), A, ("idt", "2"))
    value, slopes = e.compile()([5.0, 1.0, 7.0])
    assert float(value) == 6.0
    assert slopes.tolist() == [1.0, 1.0, 0.0]


def test_parameters_and_names():
    e = Expression("k*v(a) + time + temper")
    assert e.names == ("k",)
    assert e.uses("time") and not e.uses("hertz")  # noqa: PT018
    with pytest.raises(ParameterError, match="needs a value of 'k'"):
        e.evaluate({"time": 0, "temper": 0}, [1.0])
    with pytest.raises(ParameterError, match="needs values of k"):
        e.compile()
    renamed = e.substitute({"k": Expression("2*m")}).renamed(lambda p: ("v", f"x1.{p[1]}", p[2]))
    assert renamed.text == "2.0*m*v(x1.a) + time + temper"
    assert e.text == "k*v(a) + time + temper"


def test_they_do_not_change_and_can_be_copied():
    e = Expression("v(a) + 1")
    with pytest.raises(AttributeError, match="do not change"):
        e.text = "2"
    assert pickle.loads(pickle.dumps(e)) == e == copy.deepcopy(e)
    assert hash(e) == hash(Expression("V(A)+1"))
    assert Expression("-0.0") != Expression("1")


def test_long_expressions():
    e = Expression("+".join(["v(a)"] * 5000))
    assert e.evaluate(None, [1.0]) == 5000.0
    value, slopes = e.compile()([2.0])
    assert (float(value), float(slopes[0])) == (10000.0, 5000.0)


LEAVES = st.sampled_from(["v(a)", "v(b)", "2.5", "1e-3", "0", "k"])


def grown(inner):
    binary = st.sampled_from(["+", "-", "*", "/", "**", "<", ">=", "==", "&&", "||", "%"])
    unary = st.sampled_from(["-", "!", "sin", "exp", "abs", "sqrt", "tanh"])
    return st.one_of(
        st.tuples(inner, binary, inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
        st.tuples(unary, inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} ? {t[1]} : {t[2]})"),
        st.tuples(inner, inner).map(lambda t: f"max({t[0]}, {t[1]})"),
    )


@settings(max_examples=150, deadline=None)
@given(st.recursive(LEAVES, grown, max_leaves=12), st.sampled_from(["", "ngspice"]))
def test_text_reads_back_to_the_same(text, compat):
    e = Expression(text, compat=compat)
    again = Expression(e.text, compat=compat)
    env, at = {"k": 0.7}, {A: 0.3, B: -1.2}
    one, two = e.evaluate(env, at), again.evaluate(env, at)
    assert np.isclose(one, two, rtol=1e-13, equal_nan=True)
    assert again.text == Expression(again.text, compat=compat).text


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="v(a)b,+-*/^?:<>=&|!{}'1.e9kdtimx \\%@[]~#\u00b5", max_size=30))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(NetlistError):
        Expression(text).text  # noqa: B018


@pytest.mark.parametrize("exponent", [2.0, 3.0, 4.0, 1.7, -2.0, 1.0, 0.5])
def test_slopes_of_powers_stay_finite_at_zero(exponent):
    f = Expression(f"v(a)**{exponent}").compile([A])
    x = np.array([[0.0, 1e-200, 0.3, 2.0]])
    value, slopes = f(x)
    with np.errstate(divide="ignore", over="ignore"):
        np.testing.assert_allclose(value, x[0] ** exponent, rtol=1e-14)
    assert np.isfinite(slopes).all()
    np.testing.assert_allclose(slopes[0, 2:], exponent * x[0, 2:] ** (exponent - 1.0), rtol=1e-14)
    assert slopes[0, 0] == (1.0 if exponent == 1.0 else 0.0 if exponent > 1.0 else np.sign(exponent) * 1e150)


@pytest.mark.parametrize(("text", "right"), [
    ("pow(-0.5, 1.5)", 0.0), ("(-2)**0.4", 2**0.4 * np.cos(0.4 * np.pi)), ("(-2)**3", -8.0),
    ("pwr(-2, 3)", 8.0), ("pwrs(-2, 3)", -8.0), ("2**0.5", 2**0.5),
])
def test_powers_of_ltspice(text, right):
    assert Expression(text, compat="ltspice").evaluate() == pytest.approx(right, abs=1e-12)
    law = text.replace("-0.5", "v(a)").replace("-2", "v(a)")
    if "v(a)" in law:
        at = -0.5 if "-0.5" in text else -2.0
        compiled = Expression(law, compat="ltspice").compile()
        value, slopes = compiled([at])
        assert float(value) == pytest.approx(right, abs=1e-12)
        step = (compiled([at + 1e-6])[0] - compiled([at - 1e-6])[0]) / 2e-6
        assert slopes[0] == pytest.approx(float(step), rel=1e-6, abs=1e-9)


def test_a_step_of_0_switches_off():
    law = Expression("u(v(a)) * sqrt(v(a)) + (v(b) > 1) * exp(1e4*v(b)) * 2 + (1 - u(v(a)))*3").compile()
    value, slopes = law([-1.0, 0.5])
    assert float(value) == 3.0
    np.testing.assert_array_equal(slopes, 0.0)
    value, slopes = law([4.0, 0.5])
    assert float(value) == 2.0
    assert slopes[0] == pytest.approx(0.25)


@pytest.mark.parametrize(("text", "at", "right"), [
    ("1 + v(a)**1.5", [-0.5], "`v(a)**1.5` has no value at v(a) = -0.5: a power of a negative base"),
    ("v(a) / v(b)", [1.0, 0.0], "a quotient by 0"), ("log(v(a))", [-1.0], "`ln(v(a))` has no value"),
    ("v(a) + 1", [1.0], ""),
])
def test_what_has_no_value_is_named(text, at, right):
    found = Expression(text).undefined({}, at)
    assert right in found if right else found == ""
