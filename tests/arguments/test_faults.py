"""Public entry points x bad values: each ends in our own error that names the argument, or is right.

The table is made by looking at the public names (`api`): what is new is covered by itself, or has to
get a row. What a value of another kind must do follows from the argument's annotation.
"""

import numpy as np
import pytest
import torch

from crossbarsim import CrossbarSimError, Solver, Wires
from crossbarsim.devices import VTEAM

from .api import EXEMPT, NAMES, THINGS, entry_of, exempt, signature
from .rows import ARGUMENTS, G, V
from .values import bad_values, clothes, equal, fingerprint, judge

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Words that are taken for paths make files: not beside the tests."""
    monkeypatch.chdir(tmp_path)


# what may pass although its annotation does not say so, or raise without the argument's name
KNOWN = {
    ("Circuit.F", "source", "huge"): "a name, as a number is one",
    ("Circuit.F", "source", "huge negative"): "a name",
    ("Circuit.H", "source", "huge"): "a name", ("Circuit.H", "source", "huge negative"): "a name",
    ("Circuit.K", "first", "huge"): "a name", ("Circuit.K", "first", "huge negative"): "a name",
    ("Circuit.K", "second", "huge"): "a name", ("Circuit.K", "second", "huge negative"): "a name",
    ("Faults", "map", "*"): "what is wrong with a map is said of its `codes`",
    ("convert", "include", "*"): "an empty choice: there is no layer to convert",
    ("Simulator.noise", "frequencies", "zero"): "warns: the input noise has no value at 0 Hz",
    ("Simulator.noise", "frequencies", "range"): "as zero, from which it starts",
    ("NonIdealities", "noise", "series"): "pandas' Series has the method of the protocol, `sample`",
    ("NonIdealities", "noise", "frame with a gap"): "as pandas' Series",
    ("calibrate", "forward", "class"): "what a function of the user raises goes through",
    ("calibrate", "forward", "function"): "its outputs are none, as the error says",
    ("refine", "inner", "class"): "what a solver of the user raises goes through",
    ("report", "forward", "class"): "what a function of the user raises goes through",
    ("report", "forward", "function"): "its outputs are none, as the error says",
}
# calls of more than 20 ms: in the slow table only
SLOW = {
    "program", "form", "pulse_window", "write", "drive_lines", "read_delay", "gradual_reset", "Simulator.sensitivities",
    "Simulator.transient_sensitivities", "Simulator.transient_adjoint", "Simulator.transient", "CrossbarSolver.transient",
    "Solver.transient_many", "NonIdealityStudy", "RecoveryStudy", "finetune", "NetworkDesign", "InSituConfig", "InSituLinear", "report", "IrDropStudy", "calibrate",
    "Simulator.noise", "VTEAM.simulate", "simulate_states", "tile_map", "device_spread", "read_margin",
    "fit", "compare", "fit_many", "measured_accuracy", "trained_language_model", "program_network",
}
VALUES = bad_values()
QUICK = ("None", "string", "complex", "huge", "objects", "masked", "grad", "date", "list")


def faults(name, labels):
    entry = entry_of(name)
    for argument in entry.annotations:
        for label in labels:
            if {(name, argument, label), (name, argument, "*")} & set(KNOWN):
                continue
            value = (x for x in [1.0]) if label == "generator" else VALUES[label]
            wrong = judge(entry, argument, label, value)
            if wrong:
                yield f"{name}({argument}={label}): {wrong}"


def other_clothes(name):
    entry = entry_of(name)
    wanted = None
    for argument in entry.annotations:
        for label, value in clothes(entry.arguments.get(argument)):
            try:
                got = fingerprint(entry.call(**{**entry.arguments, argument: value}))
            except CrossbarSimError:
                continue
            except Exception as error:  # noqa: BLE001 - what this test looks for
                yield f"{name}({argument}={label}): {type(error).__name__}: {error!s:.150}"
                continue
            wanted = wanted or fingerprint(entry.call(**entry.arguments))
            if not equal(got, wanted):
                yield f"{name}({argument}={label}): another result"


def test_every_public_name_has_a_row_or_a_reason():
    missing = []
    for name, thing in THINGS.items():
        if exempt(name, thing):
            continue
        arguments = entry_of(name).arguments
        missing += [f"{name}({n})" for n, p in signature(thing).items() if p.default is p.empty and n not in arguments]
    assert missing == [], "give them values in rows.py, or a reason in EXEMPT of api.py"
    assert set(EXEMPT) <= set(THINGS)
    assert {n for n in ARGUMENTS if "." not in n} <= set(THINGS)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in SLOW])
def test_a_bad_value_is_refused_by_name(name):
    assert list(faults(name, QUICK)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_bad_value_is_refused_by_name(name):
    # so large or small a value may be found out only where it meets another argument
    assert [f for f in faults(name, VALUES) if ": UNNAMED" not in f] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_same_numbers_in_other_clothes_give_the_same_result(name):
    assert list(other_clothes(name)) == []


def test_there_are_many():
    assert sum(len(signature(entry_of(n).call)) for n in NAMES if n not in SLOW) * len(QUICK) > 3000


@pytest.mark.parametrize(("call", "message"), [
    (lambda: Wires(driver=[]), "`driver`"), (lambda: VTEAM(r_on=[]), "`r_on`"),
    (lambda: VTEAM.preset([]), "`name`"), (lambda: VTEAM().simulate([0.0, 1e-9], [0.0, 1.0], threads=0), "`threads`"),
    (lambda: Solver(threads=0), "`threads`"), (lambda: Solver(method=np.ones(2)), "`method`"),
    (lambda: VTEAM().hysteresis("1", 1e6), "`amplitude`"), (lambda: VTEAM(bogus=1), "no parameter `bogus`"),
    (lambda: VTEAM(r_on=np.ma.masked_greater([50.0, 60.0], 55.0)), "`r_on` has 1 masked entries: fill them"),
    (lambda: Solver().solve(torch.tensor(G), V), "`xbar`"),
])
def test_arguments_that_were_taken_or_raised_foreign_errors(call, message):
    with pytest.raises(CrossbarSimError, match=message):
        call()


@pytest.mark.parametrize("model", [VTEAM])
@pytest.mark.parametrize("label", VALUES)
def test_parameters_of_models(model, label):
    value = (x for x in [1.0]) if label == "generator" else VALUES[label]
    for name in model().parameters():
        try:
            made = getattr(model(**{name: value}), name)
        except CrossbarSimError:
            continue
        assert made in ("joglekar", "nonsense") if isinstance(made, str) else np.size(made) and np.isfinite(made).all()
