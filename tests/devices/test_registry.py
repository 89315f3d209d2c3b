"""Models by name; a model of one's own in one's own file; laws and derivatives that are refused."""

import importlib.util
import sys
import textwrap

import numpy as np
import pytest
from crossbarsim.netlists import device_protocol as registry

from crossbarsim import Crossbar, ParameterError, Solver, Wires
from crossbarsim.devices import VTEAM, Device, device, model, models, parameter, register

LEAKY = '''
"""A leaky memristor."""
import math

from crossbarsim.devices import Device, State, parameter, register


def bend(v, v_0):
    return v_0 * math.sinh(v / v_0)


@register
class Leaky(Device):
    """I = g w v_0 sinh(v / v_0); w follows v^2 and leaks."""

    name = "leaky"
    states = (State("w", low=0.0, high=1.0, rest=0.5),)
    g = parameter(1e-3, "S", positive=True)
    v_0 = parameter(0.5, "V", positive=True)
    tau = parameter(1e-6, "s", positive=True)

    @staticmethod
    def current_law(v, x, p):
        return p.g * (0.1 + x.w) * bend(v, p.v_0)

    @staticmethod
    def rate_law(v, x, p, i):
        return (min(v * v, 1.0) - x.w) / p.tau
'''


def load(tmp_path, text, name):
    path = tmp_path / f"{name}.py"
    path.write_text(textwrap.dedent(text))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def forget():
    before = dict(registry._registered)
    yield
    registry._registered.clear()
    registry._registered.update(before)


def test_shipped_models_are_found_by_name():
    assert "vteam" in models()
    assert model("VTEAM") is VTEAM
    assert device("vteam", "magic", r_on=2e3).r_on == 2e3
    for name in models():
        assert model(name).name == name
        model(name).check_laws()
        assert isinstance(model(name)(), registry.DeviceModel)


@pytest.mark.parametrize(("name", "hint"), [("vtem", "did you mean 'vteam'"), ("qqq", "there are ")])
def test_unknown_models_are_refused_by_name(name, hint):
    with pytest.raises(ParameterError, match=f"no device model '{name}'.*{hint}"):
        device(name)


def test_a_model_of_ones_own(tmp_path):
    leaky = load(tmp_path, LEAKY, "leaky_model").Leaky
    assert model("leaky") is leaky
    made = device("leaky", tau=2e-6)
    t = np.array([0.0, 4e-6])
    trace = made.simulate(t, [0.6, 0.6], state=[0.0], rtol=1e-10)
    assert trace.state[0, -1] == pytest.approx(0.36 * (1 - np.exp(-2.0)), rel=1e-7)
    # derivatives: exact ones against differences
    x = np.array([0.3])
    out = np.zeros(6)
    made.kernels.evaluate(0.4, x, made.parameter_array, out)
    assert out[1] == pytest.approx(1e-3 * 0.4 * np.cosh(0.8), rel=1e-12)
    assert out[2] == pytest.approx(1e-3 * 0.5 * np.sinh(0.8), rel=1e-12)
    assert out[4:] == pytest.approx([0.8 / 2e-6, -1 / 2e-6], rel=1e-12)
    cells = made.array(np.full((3, 4), 3e-4))
    xbar = Crossbar(cells=cells, wires=Wires(word=1.0, bit=1.0))
    solution = Solver().solve(xbar, [0.3, 0.2, 0.1])
    assert solution.currents.shape == (4,)
    assert np.all(solution.currents > 0)


def test_entry_points_are_loaded_when_asked_for(tmp_path, monkeypatch):
    text = LEAKY.replace("@register\n", "").replace('"leaky"', '"leaky_point"')
    module = load(tmp_path, text, "leaky_entry")
    loaded = []

    class Point:
        name, value = "leaky_point", "leaky_entry:Leaky"

        def load(self):
            loaded.append(self.name)
            return module.Leaky

    monkeypatch.setattr(registry.metadata, "entry_points", lambda group: [Point()] if group == "crossbarsim.devices" else [])
    assert "leaky_point" in models()
    assert not loaded
    assert device("leaky_point").g == 1e-3
    assert loaded == ["leaky_point"]


def test_a_second_model_of_the_same_name_is_refused(tmp_path):
    first = load(tmp_path, LEAKY, "leaky_first")
    with pytest.raises(ParameterError, match=r"`leaky` exists already: leaky_first\.Leaky"):
        load(tmp_path, LEAKY, "leaky_second")
    assert model("leaky") is first.Leaky
    load(tmp_path, LEAKY, "leaky_first")  # the same file again, as a notebook does
    assert model("leaky") is not first.Leaky


class NoName(Device):
    g = parameter(1.0, "S")

    @staticmethod
    def current_law(v, x, p):  # noqa: ARG004 - laws have fixed arguments
        return p.g * v


def test_what_is_no_model_is_refused():
    with pytest.raises(ParameterError, match="NoName: `name` must be"):
        register(NoName)
    with pytest.raises(ParameterError, match="takes a class"):
        register(NoName())

    class Thing:
        name = "thing"

    with pytest.raises(ParameterError, match="it has no `bounds`"):
        register(Thing)


BODIES = {
    "for": ("    s = 0.0\n    for k in range(3):\n        s = s + v\n    return p.g * s", "`for`"),
    "while": ("    while v > 1.0:\n        v = v - 1.0\n    return p.g * v", "`while`"),
    "numpy": ("    return p.g * np.tanh(v)", "`np.tanh`"),
    "name": ("    return p.g * volume", "`volume`"),
    "keyword": ("    return p.g * math.pow(x=v)", "keyword arguments"),
    "comprehension": ("    return sum([p.g * v for k in (1, 2)])", r"\[p.g \* v for k"),
    "parameter": ("    return p.h * v", r"`p\.h` \(there are: g\)"),
    "state": ("    return p.g * x.q * v", r"`x\.q` \(there are: w\)"),
    "string": ("    return p.g * v if p.g == 'big' else v", "'big'"),
}


@pytest.mark.parametrize(("body", "what"), BODIES.values(), ids=BODIES)
def test_what_cannot_be_differentiated_is_refused_by_name(tmp_path, body, what):
    text = f"""
import math
import numpy as np
from crossbarsim.devices import Device, State, parameter, register

class Odd(Device):
    name = "odd"
    states = (State("w"),)
    g = parameter(1.0, "S")

    @staticmethod
    def current_law(v, x, p):
{textwrap.indent(body, "    ")}

    @staticmethod
    def rate_law(v, x, p, i):
        return 0.0
"""
    odd = load(tmp_path, text, "odd_model").Odd
    with pytest.raises(ParameterError, match=what) as caught:
        register(odd)
    assert "Odd.current_law, line 1" in str(caught.value)
    assert "current_partials" in str(caught.value)


def test_a_law_from_the_prompt_is_refused():
    space = {}
    exec("def law(v, x, p):\n    return v", space)  # noqa: S102

    class Typed(Device):
        name = "typed"
        g = parameter(1.0, "S")
        current_law = staticmethod(space["law"])

    with pytest.raises(ParameterError, match="write the law in a file, not at a prompt"):
        register(Typed)


GIVEN = '''
import math
import numpy as np
from crossbarsim.devices import Device, State, parameter


def power(v, n):
    s = 1.0
    for _ in range(n):
        s *= v
    return s


class Series(Device):
    """A law with a loop, which brings its derivatives."""

    name = "series"
    states = (State("w", rest=0.5),)
    g = parameter(1e-3, "S", positive=True)
    kind = parameter("up", choices=("up", "down"))

    @staticmethod
    def current_law(v, x, p):
        s = 0.0
        for k in range(3):
            s += power(v, 2 * k + 1)
        return p.g * x.w * s

    @staticmethod
    def current_partials(v, x, p):
        slope = 1.0 + 3.0 * v**2 + {factor} * v**4
        return p.g * x.w * slope, p.g * (v + v**3 + v**5)

    @staticmethod
    def rate_law(v, x, p, i):
        sign = 1.0
        if p.kind == "down":
            sign = -1.0
        return sign * np.tanh(v) * (1.0 - x.w) + i

    @staticmethod
    def rate_partials(v, x, p, i):
        sign = 1.0 if p.kind == "up" else -1.0
        return sign * (1.0 - np.tanh(v) ** 2) * (1.0 - x.w), -sign * np.tanh(v), {by_i}
'''


def test_given_derivatives_are_used(tmp_path):
    series = load(tmp_path, GIVEN.format(factor="5.0", by_i="1.0"), "series_right").Series
    register(series)
    made = series()
    x, out = np.array([0.4]), np.zeros(6)
    made.kernels.evaluate(0.7, x, made.parameter_array, out)
    slope = 1e-3 * 0.4 * (1 + 3 * 0.49 + 5 * 0.7**4)
    assert out[0] == pytest.approx(1e-3 * 0.4 * (0.7 + 0.7**3 + 0.7**5))
    assert out[1] == pytest.approx(slope)
    assert out[4] == pytest.approx((1 - np.tanh(0.7) ** 2) * 0.6 + slope)
    down = series(kind="down")
    assert down.rate(0.7, [0.4]) == pytest.approx(-np.tanh(0.7) * 0.6 + out[0])


@pytest.mark.parametrize(("factor", "by_i", "what"), [
    ("4.0", "1.0", r"Series\.current_partials: d\(i\)/d\(v\) is"),
    ("5.0", "0.0", r"Series\.rate_partials: d\(dw/dt\)/d\(i\) is 0"),
    ("5.0", "1.0, 2.0", "returns 4 derivatives; expected 3"),
])
def test_wrong_derivatives_are_refused_by_name(tmp_path, factor, by_i, what):
    series = load(tmp_path, GIVEN.format(factor=factor, by_i=by_i), "series_wrong").Series
    with pytest.raises(ParameterError, match=what):
        register(series)
