"""Every parameter that the reader accepts acts as in ngspice, is noted, or is refused.

The names come from the reader's own tables, see `tests.helpers.parameter_decks`: a new parameter is
here by itself, a new kind of model card needs a circuit in `parameter_rigs`.
"""

import pytest
from crossbarsim.netlists import read_spice

from crossbarsim import Solver
from tests.helpers.decks_ngspice import have_ngspice
from tests.helpers.parameter_decks import outcome, unique_cards
from tests.helpers.parameter_rigs import RIGS, SILENT

CARDS = [pytest.param(kind, table, id=f"{kind}-{table.levels[0]}") for kind, table in unique_cards()]


@pytest.mark.parametrize(("kind", "table"), CARDS)
def test_every_parameter_acts_is_noted_or_is_refused(kind, table, tmp_path):
    judged = have_ngspice() and table.levels[0] != "ekv"
    rigs = [rig for rig in RIGS if rig.kind == kind]
    assert rigs, f"no circuit shows what parameters of {kind} do: add one to parameter_rigs"
    found = [outcome(rig, table, tmp_path if judged else None) for rig in rigs]
    assert not [line for each in found for line in each.apart]
    left = set.intersection(*({*each.silent, *each.refused} for each in found))
    refused = set.intersection(*({*each.refused} for each in found))
    assert left - refused == {name for name in SILENT.get(kind, ()) if name in left}


@pytest.mark.parametrize("kind", ["npn", "nmos", "njf", "vdmos"])
def test_off_chooses_the_state(kind):
    stage = {
        "npn": "r3 1 b2 10k\nr4 2 b1 10k\nq1 1 b1 0 mm {}\nq2 2 b2 0 mm {}\n.model mm npn",
        "nmos": "m1 1 2 0 0 mm w=10u l=1u {}\nm2 2 1 0 0 mm w=10u l=1u {}\n.model mm nmos vto=0.7 kp=1e-3",
        "njf": "e1 g1 0 2 0 1\ne2 g2 0 1 0 1\nv3 h1 g1 -3\nv4 h2 g2 -3\nj1 1 h1 0 mm {}\nj2 2 h2 0 mm {}\n.model mm njf beta=5m vto=-1",
        "vdmos": "m1 1 2 0 mm {}\nm2 2 1 0 mm {}\n.model mm vdmos vto=1 kp=0.01",
    }[kind]
    head = "latch\nv0 v 0 3\nr1 v 1 1k\nr2 v 2 1k\n"
    first, second = (
        Solver().operating_point(read_spice(head + stage.format(*flags) + "\n")) for flags in (("off", ""), ("", "off"))
    )
    assert first["v(1)"] > first["v(2)"] + 1
    assert second["v(2)"] > second["v(1)"] + 1
