"""Functions of scalars, written for vectors, run with NumPy in place of the processor's vectors."""

# ruff: noqa: S102 - generated text is what is tested

import inspect
import math
import textwrap
from types import SimpleNamespace

import numpy as np
import pytest

from crossbarsim.core.lanes.vectors import LANES
from crossbarsim.core.laws.lanes import NotForLanes, lane_source

X = np.linspace(-2.0, 2.0, LANES)


def vectors():
    """Return what a vectors' function calls, by NumPy."""
    names = {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative,
        "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
        "eq": np.equal, "ne": np.not_equal, "both": np.logical_and, "either": np.logical_or,
        "negate": np.logical_not, "where": np.where, "power": np.power, "absolute": np.abs,
        "smaller": np.minimum, "larger": np.maximum, "LANES": LANES, "math": math,
        "splat": lambda a: np.full(LANES, a), "anywhere": lambda m: bool(np.any(m)),
        "everywhere": lambda flag: np.full(LANES, flag),
        "vload": lambda array, row: array[row * LANES:(row + 1) * LANES].copy(),
    }

    def vstore(array, row, value):
        array[row * LANES:(row + 1) * LANES] = value

    return {**names, "vstore": vstore, **{
        n: getattr(np, n) for n in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tanh", "sinh")
    }}


def of_vectors(*functions, words=()):
    """Return the last of functions of scalars as one of vectors."""
    text = lane_source([textwrap.dedent(inspect.getsource(f)) for f in functions], words)
    space = vectors()
    exec(text, space)
    return space[functions[-1].__name__]


def compare(function, *more, arguments=1):
    given = [X, 0.7 * X[::-1] + 0.1, np.roll(X, 5)][:arguments]
    with np.errstate(all="ignore"):
        found = of_vectors(*more, function)(*given)
    expected = [function(*map(float, one)) for one in zip(*given, strict=True)]
    assert np.allclose(np.stack(found).T if isinstance(found, tuple) else found, expected,
                       rtol=1e-14, atol=0.0)


def branches(a, b):
    y = 1.0
    if a > 0.0:
        if b > 0.3 and not a > 1.5:
            y = a * b
        elif b < -0.5 or a > 1.7:
            z = math.exp(-a)
            y = z + 1.0
        y += 0.5
    else:
        y -= b
    return y


def returns(a, b):
    if a > 1.0:
        return a
    if -1.0 < b <= 0.5:
        if a > 0.0:
            return 2.0 * a
        b = b + 1.0
    return b - a


def choices(a, b):
    c = a if b > a else -a
    d = math.sqrt(a) if a > 0.0 else (math.exp(b) if b > 0.0 else 3.0)
    test = a < b
    e = (1.0 if test else -1.0) + max(a, b) * min(a, 0.2)
    return c, d, e + abs(b), c * 2.0


def powers(a):
    return a ** 2.0, a ** 3.0, a ** 10.0, abs(a) ** 0.5, abs(a) ** 0.25, abs(a) ** 1.7, 2.0 ** 3.0 * a


def quotients(a, b):
    over = b * b + 1.0
    t = a / over
    s = 1.0 / over
    over = 2.0 + a * a
    r = a / over
    q = 1.0 / over
    return t, s, r, q


def helper(a, b):
    if a > b:
        return a - b
    return 0.0


def calls(a, b):
    c = helper(a, b)
    if b > 0.0:
        c = helper(b, a) + helper(1.0, a)
    return c


@pytest.mark.parametrize(("function", "more", "arguments"), [
    (branches, (), 2), (returns, (), 2), (choices, (), 2), (powers, (), 1), (quotients, (), 2),
    (calls, (helper,), 2),
])
def test_vectors_do_what_scalars_do(function, more, arguments):
    compare(function, *more, arguments=arguments)


def names(power, at):
    add = power * at
    exp = add + 1.0
    if exp > 0.0:
        exp = math.exp(-add) + abs(power) ** at
    return exp - add


def test_variables_named_as_functions_of_vectors():
    compare(names, arguments=2)


def law(v, x_a, p):
    y = x_a * p[1]
    if p[0] == 1.0:
        y = y + v
    elif p[0] == 2.0 and v > 0.0:
        y = -y
    return (y,)


@pytest.mark.parametrize("word", [0.0, 1.0, 2.0])
def test_choices_are_the_same_for_all(word):
    run = of_vectors(law, words=[0])
    p = np.concatenate([np.full(LANES, 9.0), np.full(LANES, word), np.linspace(1.0, 2.0, LANES)])
    found, = run(X, X[::-1], p, 1)
    expected = [law(v, x, [word, q])[0]
                for v, x, q in zip(X, X[::-1], p[2 * LANES:], strict=True)]
    assert np.allclose(found, expected, rtol=1e-14)


def test_a_choice_is_a_plain_branch():
    text = lane_source([inspect.getsource(law)], [0])
    assert "if (p[(at + 0) * LANES] == 1.0):" in text


def loops(a):
    total = 0.0
    for _ in range(3):
        total += a
    return total


def unknown(a):
    return np.gradient(a)


def remainder(a):
    return a % 2.0


@pytest.mark.parametrize("function", [loops, unknown, remainder])
def test_what_vectors_cannot_do_is_told(function):
    with pytest.raises(NotForLanes):
        of_vectors(function)


def test_a_branch_that_no_lane_takes_is_left_out():
    called = []
    space = vectors()
    space["exp"] = lambda a: called.append(a) or np.exp(a)
    source = "def f(a):\n    y = a\n    if a > 5.0:\n        y = math.exp(a)\n    return y"
    exec(lane_source([source]), space)
    assert np.array_equal(space["f"](X), X)
    assert not called
    assert SimpleNamespace(**space).f(X + 4.0)[-1] == np.exp(6.0)
    assert len(called) == 1
