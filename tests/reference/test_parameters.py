"""Every parameter that the reader accepts acts as in ngspice, is noted, or is refused.

The names come from the reader's own tables, see `tests.helpers.parameter_decks`: a new parameter is
here by itself, a new kind of model card needs a circuit in `parameter_rigs`.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from crossbarsim.netlists import device_protocol, read_spice
from crossbarsim.solvers.circuit.elements.memristors.memristors import device_of

from crossbarsim import NetlistError, ParameterError, Solver
from tests.helpers.decks_ngspice import have_ngspice
from tests.helpers.parameter_decks import accepted, outcome, unique_cards
from tests.helpers.parameter_rigs import LINES, RIGS, SILENT

CARDS = [
    pytest.param(kind, table, id=f"{kind}-{table.levels[0]}")
    for kind, table in unique_cards()
]


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


def results(text):
    kinds = [".op", ".ac dec 1 1meg 100meg"]
    if "crossbar" not in text:
        kinds += [".tran 0.2n 15n", ".tran 0.2n 4n uic"]
    found = [Solver().run(read_spice(f"lines\n{text}{more}\n"))[0] for more in kinds]
    return [np.ravel(np.asarray(r[q])) for r in found for q in ("v(b)", "i(v1)") if q in {**r.to_dict()}]


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.element}-{len(line.base)}-{line.deck.count(chr(10))}")
def test_every_parameter_of_a_line_acts(line):
    more = ".model mem ohmic\n"

    def written(change):
        own = {k: v for k, v in {**line.base, **change}.items() if v}
        return line.deck.format(own=" ".join(f"{k}={v}" for k, v in own.items())) + more

    names = accepted(f"lines\n{written({})}", line.element)
    missing = [n for n in names if n not in line.changes]
    assert not missing
    plain = results(written({}))
    for name, change in line.changes.items():
        if change:
            assert any(p.shape != o.shape or np.abs(p - o).max() > 1e-9 * np.abs(p).max()
                       for p, o in zip(plain, results(written(change)), strict=True)), name
    # what one circuit cannot show another does
    assert {n for each in LINES if each.element == line.element for n, c in each.changes.items() if c} >= {
        n for n in names if n not in ("rows", "columns", "conductance")}


VOLTS = np.concatenate([-np.geomspace(0.01, 3, 25), np.geomspace(0.01, 3, 25)])


def laws(device, bounds):
    """Return currents, slopes, rates, noise at a grid of voltages and states, and what bounds the states."""
    low, high = (np.reshape(b, (-1, 1)) for b in bounds)
    found = [*map(np.ravel, (*device.bounds(), device.rest(), *device.jumps()))]
    with np.errstate(all="ignore"):
        for share in (0.02, 0.3, 0.7, 0.98):
            x = (low + share * (high - low)) * np.ones_like(VOLTS)
            try:
                found += map(np.ravel, device.evaluate(VOLTS, x))
            except ParameterError:  # not in these bounds
                found.append(np.array([share]))
            if device.stochastic:
                state = SimpleNamespace(**{n: float(v[-1]) for n, v in zip(device.state_names, x, strict=True)})
                p = SimpleNamespace(**device.parameters())
                found.append(np.array([type(device).noise_law(v, state, p, v * 1e-4) for v in (-1.0, 1.0)]))
    return np.concatenate(found)


@pytest.mark.parametrize("kind", device_protocol.models())
def test_every_parameter_of_a_memristor_acts(kind):
    base = device_protocol.model(kind)()
    forms = [{}, {"delta": 0.02}] + [
        {name: choice} for name, value in base.parameters().items() if isinstance(value, str)
        for choice in ("team", "fit", "joglekar", "biolek", "prodromakis", "zha", "exponential")
    ]
    waiting = {n: v for n, v in base.parameters().items() if not isinstance(v, str) and np.ndim(v) == 0}
    for form in forms:
        try:
            plain = base.replace(**form)
        except ParameterError:
            continue
        before = laws(plain, plain.bounds())
        for name, value in [*waiting.items()]:
            for factor in (1.25, 0.8, 2.0):
                given = {**form, name: value * factor if value else factor - 0.9}
                card = " ".join(f"{n}={v}" for n, v in given.items())
                try:
                    circuit = read_spice(f"card\nn1 a 0 mm\nr1 a 0 1\n.model mm {kind}({card})\n")
                except NetlistError:
                    continue
                after = laws(device_of(circuit.models["mm"]), plain.bounds())
                if after.shape != before.shape or not np.allclose(after, before, rtol=1e-9, atol=0, equal_nan=True):
                    del waiting[name]
                    break
    assert not waiting
