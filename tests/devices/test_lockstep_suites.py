"""The tests of devices in time once more, with all devices integrated in lockstep."""

import importlib

import pytest

from crossbarsim.testing import DeviceChecks
from tests.devices.test_lockstep import LOCKED
from tests.devices.test_models import (  # noqa: F401 - tests
    test_linear_ion_drift_closed_form,
    test_order_of_the_integrator,
    test_order_where_the_points_limit_the_step,
    test_phase_change_drifts_as_a_power_law,
    test_sky130_published_resistances_and_switching,
    test_states_follow_an_independent_integrator,
    test_threshold_selector_has_hysteresis,
)
from tests.devices.test_physics import (  # noqa: F401 - tests
    test_data_driven_models_in_closed_form,
    test_loops_are_hysteretic,
    test_polarity_turns_the_device_around,
    test_slow_sweeps_over_a_dead_zone_end,
    test_states_never_leave_their_bounds,
    test_too_many_steps_say_which_device_and_when,
    test_vteam_switching_time,
    test_yakopcic_moves_evenly_below_its_window,
)
from tests.devices.test_statistics import (  # noqa: F401 - tests
    test_delta_means_what_it_meant_at_its_own_step,
    test_diffusion_of_an_unbiased_gap,
    test_statistics_do_not_depend_on_the_steps,
    test_switching_voltages_spread_with_the_noise,
    test_the_same_seed_is_the_same_chip,
    test_without_noise_all_devices_are_alike,
)
from tests.helpers.devices import MAKERS

pytestmark = pytest.mark.slow
IN_TIME = (
    "test_states_stay_in_their_bounds", "test_no_voltage_no_current_in_time",
    "test_devices_together_are_each_alone", "test_the_end_alone",
    "test_tighter_tolerances_change_little", "test_a_turned_device_in_time", "test_seeds",
)
settings = importlib.import_module("crossbarsim.devices.simulate")


@pytest.fixture(autouse=True, scope="module")
def in_lockstep():
    before = settings._MANY, settings._MANY_STEPS
    settings._MANY = settings._MANY_STEPS = 0
    yield
    settings._MANY, settings._MANY_STEPS = before


@pytest.mark.parametrize("check", IN_TIME)
@pytest.mark.parametrize("name", LOCKED)
def test_the_suite_in_time(name, check):
    made = type("Made", (DeviceChecks,), {"make": staticmethod(MAKERS[name])})
    getattr(made(), check)()


@pytest.mark.parametrize("name", LOCKED)
def test_it_is_lockstep(name):
    assert MAKERS[name]().simulate([0.0, 1e-9], [0.0, 0.0]).method == "lockstep"
