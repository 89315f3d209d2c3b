"""Assertions in the helpers explain themselves as those in tests do.

The sources' root has `tests.helpers` and `benchmarks`, and a part of the package, too: it is searched
last, and not at all by child processes, so that an installed package is the one that is tested.
"""

import os
import re
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = str(TESTS.parent)
# Kernels are compiled for every model in every kind of cell, at seconds each. In these rooms fast
# tests take linear ion drift, VTEAM and Stanford/PKU, exponential selectors, EKV and level 1; those
# of other models and selectors are slow. Each of these has fast tests elsewhere, of its arguments and
# its examples.
ROOMS = (
    "devices/test_cell_suite", "devices/test_device_suite", "devices/test_gpu",
    "devices/test_lane_currents", "devices/test_models", "devices/test_physics",
    "devices/test_pictures", "devices/test_verilog_a_round_trip",
    "reference/test_devices_ngspice", "reference/test_curves_ngspice", "solvers/crossbar/",
)
OTHERS = re.compile(
    r"jart|yakopcic|sky130|simmons|data_?driven|phase_?change|\bteam|testteam|miec|threshold_?selector"
    r"|threshold1s1r|static_?(table|polynomial|sinh)|(sinh|curve|family)-?1s1r|threshold-vteam|resistor1[st]1r", re.IGNORECASE,
)
sys.path[:] = [place for place in sys.path if place not in ("", ROOT)] + [ROOT]
os.environ["PYTHONSAFEPATH"] = "1"
# of cases that take long, one is fast and these are not
_KILLED = "test_a_run_that_is_killed_again_and_again_ends_as_one_that_is_left_alone"
LONG = {
    "nn/test_graphs.py::test_compiled_networks_are_one_graph_with_the_same_outputs_and_gradients[exact]",
    "devices/fitting/test_recovery.py::test_parameters_are_found_again[static_sinh]",
    f"programming/test_checkpoint.py::{_KILLED}[given pulses, not all within tolerance]",
    f"programming/test_checkpoint.py::{_KILLED}[selectors, by the cells]",
    f"programming/test_checkpoint.py::{_KILLED}[noise behind transistors]",
    "programming/test_program.py::test_other_passive_schemes[floating]",
    "programming/test_program.py::test_transistors[columns]",
    "test_portability.py::test_a_system_without_what_only_some_have[environment1-ascii-darwin-commands1]",
}

pytest.register_assert_rewrite("tests.helpers")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark tests of models whose kernels no other fast test needs."""
    for item in items:
        if item.path.is_relative_to(TESTS):
            room, name = item.path.relative_to(TESTS).as_posix(), item.nodeid.partition("::")[2]
            if f"{room}::{name}" in LONG or (room.startswith(ROOMS) and OTHERS.search(name)):
                item.add_marker(pytest.mark.slow)
