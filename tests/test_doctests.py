"""The examples in docstrings run, of every module that has some."""

import doctest
import importlib
import sys
from pathlib import Path

import pytest
from crossbarsim.netlists import device_protocol

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(parts if parts[0] == "crossbarsim" else ("crossbarsim", *parts)).removesuffix(".__init__"): path
    for folder in ("crossbarsim", "netlists", "solvers")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if (parts := path.relative_to(ROOT).with_suffix("").parts)[-1] != "__main__"
}
WITH_EXAMPLES = [name for name, path in MODULES.items() if ">>> " in path.read_text(encoding="utf-8")]
# what has examples, wherever it moves
SHOWN = {
    "Circuit", "ConductanceStates", "Crossbar", "CrossbarConfig", "Ends", "Expression", "InSituLinear",
    "NonIdealities", "Periphery", "PulseTrain", "Solver", "ac", "calibrate", "card", "convert", "crossbar",
    "dc_sweep", "device_spread", "equip", "fold_batchnorm", "gradual_reset", "layer_cost", "program", "read_delay",
    "read_margin", "read_spice", "report", "set_sign", "simulate_states", "sneak_resistance", "transient_sensitivities",
    "vary", "weight_noise", "write",
}


def imported(name):
    """Import a module, or skip where what it needs is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if error.name in ("cupy", "torch", "matplotlib", "nvmath"):
            pytest.skip(f"{name} needs {error.name}")
        raise


def examples(module):
    return [test for test in doctest.DocTestFinder().find(module) if test.examples]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_can_be_imported(name):
    assert imported(name).__doc__


@pytest.fixture(autouse=True)
def registry():
    """Models that examples register are gone after them."""
    device_protocol.models()  # the package registers its own
    before = dict(device_protocol._registered)
    yield
    device_protocol._registered.clear()
    device_protocol._registered.update(before)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run(name):
    module = imported(name)
    assert examples(module), "`>>>` in a text that is no docstring"
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)  # whatever ran before
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


def test_no_example_is_lost():
    found = {
        test.name.rpartition(".")[2] for name in WITH_EXAMPLES for test in examples(imported(name))
    }
    assert found >= SHOWN, SHOWN - found
