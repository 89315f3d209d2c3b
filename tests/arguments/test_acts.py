"""Every argument of every public name acts, or is refused: another right value gives another result.

What `rows.py` calls is called twice here, with an argument's second value (`acts_circuits.py`, `acts_chips.py`);
a new argument needs one.
"""

import pytest

from .acts import Row, judged, parameters_of
from .acts_chips import ROWS as CHIPS
from .acts_circuits import ROWS as CIRCUITS
from .acts_design import ROWS as DESIGN
from .acts_devices import CLASSES, both, parameter_pairs
from .acts_devices import ROWS as DEVICES
from .acts_slow import ROWS as LONG
from .acts_studies import ROWS as STUDIES
from .api import NAMES
from .values import equal, fingerprint

ROWS = CIRCUITS | CHIPS | DESIGN | DEVICES | STUDIES | LONG


SLOW = {
    "program", "form", "read_delay", "Simulator.sensitivities", "compare", "FinetuneConfig", "finetune", "read_margin", "gradual_reset", "NonIdealities", *LONG,
}
ALL = [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in NAMES]


@pytest.mark.parametrize("name", ALL)
def test_every_argument_acts(name):
    row = ROWS.get(name, Row())
    wrong = []
    for argument in parameters_of(name):
        try:
            found = judged(name, argument, row)
        except Exception as error:  # noqa: BLE001 - which argument it was is what helps
            found = f"{type(error).__name__}: {error!s:.200}"
        if found:
            wrong.append(f"{argument}: {found}")
    assert wrong == []


@pytest.mark.parametrize("name", CLASSES)
def test_every_parameter_of_a_model_acts(name):
    silent = [p for model, p in parameter_pairs() if model == name and equal(*map(fingerprint, both(name, p)))]
    assert silent == []
