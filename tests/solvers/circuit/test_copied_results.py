"""Results of transients, copied: the compiled groups of their circuits have arrays of their own."""

import copy
import pickle

import numpy as np
import pytest

from crossbarsim import Simulator, read_spice

DECKS = {
    "diode": "V1 a 0 SIN(0 1 1k)\nR1 a b 1k\nD1 b 0 dd\nC1 b 0 10n\n.model dd d(is=1e-14 cjo=1p)",
    "switch": "V1 a 0 SIN(0 1 1k)\nR1 a b 1k\nS1 b 0 a 0 sw\nC1 b 0 10n\n.model sw sw(vt=0.3 vh=0.1 ron=10 roff=1meg)",
    "line": "V1 a 0 PULSE(0 1 10u 1u 1u 200u 500u)\nR1 a b 50\nT1 b 0 c 0 z0=50 td=20u\nR2 c 0 100",
}


def addresses(group):
    block = getattr(group, "_place", None)
    block = block if isinstance(block, np.ndarray) else getattr(group, "_block", np.zeros(0, dtype=np.int64))
    return set(block[block > 2**20].tolist())


@pytest.mark.parametrize("name", DECKS)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["copy", "pickle"])
def test_groups_of_copies_have_addresses_of_their_own(name, copied):
    circuit = read_spice(f"copies\n{DECKS[name]}\n.tran 1u 1m\n.end\n")
    result = Simulator().transient(circuit, 1e-3)
    groups, others = result._system.groups, copied(result)._system.groups
    found = [addresses(group) for group in groups]
    assert any(found)
    for mine, other in zip(found, others, strict=True):
        assert bool(addresses(other)) == bool(mine)
        assert not mine & addresses(other)
