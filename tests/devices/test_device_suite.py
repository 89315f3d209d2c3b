"""Every shipped compact model against the checks that users' own inherit."""

import pytest
from crossbarsim.netlists import device_protocol as registry

from crossbarsim.devices import Device, State, model, models, parameter
from crossbarsim.testing import DeviceChecks
from tests.helpers.devices import MAKERS
from tests.helpers.suites import subclasses

globals().update(subclasses(DeviceChecks, {
    model(name).__name__: {"make": staticmethod(maker)} for name, maker in MAKERS.items()
}, __name__, slow=[  # a circuit's kernel of a model takes seconds to compile
    f"{model(name).__name__}.test_in_a_circuit"
    for name in models() if name not in ("vteam", "exponential_selector", "phase_change")
]))


def test_every_model_is_checked():
    assert {f"Test{model(name).__name__}" for name in models()} <= set(globals())


class Wrong(Device):
    """A device that breaks what the checks look for, one by one."""

    name = "wrong"
    states = (State("w", low=0.1, high=1.0, rest=0.5),)
    g = parameter(1e-3, "S", positive=True)
    push = parameter(0.0, "A")
    jump = parameter(0.0, "V")
    showcase = {"": (1.0, 1e3)}  # noqa: RUF012 - a class variable of `Device`

    @staticmethod
    def current_law(v, x, p):
        return p.g * x.w * v + p.push

    @staticmethod
    def rate_law(v, x, p, i):  # noqa: ARG004 - laws have fixed arguments
        return 1.0 if v > p.jump else 0.5 * (1.0 - x.w)


class WrongSlope(Wrong):
    name = "wrong_slope"

    @staticmethod
    def current_partials(v, x, p):
        return 0.9 * p.g * x.w, p.g * v

    @staticmethod
    def rate_partials(v, x, p, i):  # noqa: ARG004
        return 0.0, 0.0, 0.0


@pytest.fixture
def forget():
    before = dict(registry._registered)
    yield
    registry._registered.clear()
    registry._registered.update(before)


@pytest.mark.usefixtures("forget")
@pytest.mark.parametrize(("kind", "parameters", "checks"), [
    (Wrong, {"push": 1e-6}, ["test_it_is_passive", "test_no_voltage_no_current"]),
    (Wrong, {"push": -1e-6}, ["test_it_is_passive"]),
    (Wrong, {"jump": 0.3}, ["test_rates_jump_only_where_the_model_says"]),
    (WrongSlope, {}, ["test_slope_is_the_derivative_of_the_current",
                      "test_derivatives_of_the_compiled_law"]),
])
def test_wrong_models_are_found(kind, parameters, checks):
    class Found(DeviceChecks):
        def make(self, **changes):
            return kind(**{**parameters, **changes})

    for name in checks:
        with pytest.raises(AssertionError):
            getattr(Found(), name)()


def test_suites_run_without_a_runner():
    class Selector(DeviceChecks):
        def make(self, **parameters):
            return model("ohmic")(**parameters)

    passed = Selector.run()
    assert len(passed) > 25
    assert "test_it_is_passive" in passed
    assert set(passed) <= set(Selector.checks())
