"""Program-and-verify of every shipped model: kinds of cells, directions, targets, sizes.

Arrays start at a tenth of the range of conductances, logarithmic, for SET, at nine tenths for
RESET. Most of it is slow; the few that are not take each way through the algorithm once.
"""

from typing import Any, NamedTuple

import numpy as np
import pytest

from crossbarsim import EKV, Crossbar, OneSelectorOneResistor, OneTransistorOneResistor, Wires
from crossbarsim.core.errors import ParameterError
from crossbarsim.devices import ExponentialSelector, Sky130Reram, StanfordPKU, model, models
from crossbarsim.programming import Gated, form, pristine_state, program, set_sign


class Kind(NamedTuple):
    """A model, and the transistor below it, of which RESET asks most."""

    name: str
    preset: str
    changes: dict[str, float] = {}  # noqa: RUF012 - never changed
    gate: float = 2.5
    gate_reset: float = 2.5
    width: float = 2e-6


KINDS = {
    "data-driven 2018": Kind("data_driven_2018", "messaris_2018"),
    "data-driven 2021": Kind("data_driven_2021", "tiox"),
    "jart": Kind("jart_vcm_v1b", "v1b", gate_reset=3.5),
    "jart variable": Kind("jart_vcm_v1b_variable", "v1b", gate_reset=3.5),
    "linear ion drift": Kind("linear_ion_drift", "memtorch", gate_reset=3.5),
    "simmons": Kind("simmons", "pickett_2009"),
    "sky130": Kind("sky130", "foundry"),
    "stanford/pku": Kind("stanford_pku", "v1.0.0", gate_reset=4.0, width=20e-6),
    "team": Kind("team", "technion"),
    "vteam": Kind("vteam", "memtorch"),
    "vteam magic": Kind("vteam", "magic", {"v_off": 1.0}),
    "vteam magic as published": Kind("vteam", "magic"),
    "yakopcic": Kind("yakopcic", "oblea"),
}
NOT_PROGRAMMED = {  # no state, one direction only, or a selector
    "exponential_selector", "miec_selector", "ohmic", "phase_change", "static_polynomial",
    "static_sinh", "static_table", "threshold_selector",
}
CELLS = ("bare", "1s1r", "1t1r")
PATTERNS = ("one level", "two levels", "spread")
LARGER = ("stanford/pku", "vteam magic", "yakopcic")
# the pulses of others carry one half-selected cell to its target
CARRIED = {("data-driven 2021", "bare", "set", "two levels", 2)}
QUICK = {
    ("vteam magic", "bare", "set", "one level", 1),
    ("vteam magic", "bare", "set", "one level", 2),
    ("vteam magic", "bare", "reset", "spread", 2),
    ("vteam magic", "1t1r", "set", "two levels", 2),
    ("vteam", "bare", "set", "one level", 2),
    ("vteam", "bare", "reset", "one level", 2),
    ("stanford/pku", "bare", "set", "one level", 1),
}


def case(
    kind: str, cell: str, operation: str, pattern: str, size: int
) -> tuple[Crossbar, np.ndarray, Any]:
    """Return the array, the targets and the scheme."""
    k = KINDS[kind]
    device = model(k.name).preset(k.preset, **k.changes)
    if cell == "1t1r" and set_sign(device) < 0:
        device = device.replace(polarity=-device.polarity)
    low, high = (float(np.ravel(g)[0]) for g in device.conductance_range())
    low = max(low, 1e-3 * high)

    def at(share):
        return low * (high / low) ** share

    shape, draws = (size, size), np.random.default_rng(3)
    goal = {
        "one level": lambda: np.full(shape, at(0.5)),
        "two levels": lambda: at(draws.choice([0.4, 0.65], shape)),
        "spread": lambda: at(draws.uniform(0.3, 0.75, shape)),
    }[pattern]()
    cells = device.array(conductance=np.full(shape, at(0.1 if operation == "set" else 0.9)))
    scheme = None
    if cell == "1s1r":
        cells = OneSelectorOneResistor(cells, ExponentialSelector())
    if cell == "1t1r":
        cells = OneTransistorOneResistor(
            cells, EKV.preset("ptm_130nm", width=k.width), gate_voltage=k.gate
        )
        scheme = Gated(k.gate, k.gate_reset, k.gate)
    return Crossbar(cells=cells, wires=Wires(1.0, 1.0)), goal, scheme


def rows():
    """Return all rows of the table."""
    for kind in KINDS:
        for cell in CELLS:
            for operation in ("set", "reset"):
                yield kind, cell, operation, "one level", 1
                for pattern in PATTERNS:
                    yield kind, cell, operation, pattern, 2
                if kind in LARGER:
                    yield kind, cell, operation, "spread", 8
                if kind == "vteam magic":
                    yield kind, cell, operation, "spread", 32


EVERY = [
    pytest.param(*row, id="-".join(map(str, row)), marks=() if row in QUICK else pytest.mark.slow)
    for row in rows()
]


@pytest.mark.parametrize(("kind", "cell", "operation", "pattern", "size"), EVERY)
def test_every_cell_reaches_its_target(kind, cell, operation, pattern, size):
    xbar, goal, scheme = case(kind, cell, operation, pattern, size)
    result = program(xbar, goal, scheme=scheme)
    assert result.success, result.message
    carried = (kind, cell, operation, pattern, size) in CARRIED
    assert (result.pulses > 0).sum() == goal.size - carried
    assert np.abs(result.measured / goal - 1).max() <= 0.05


def test_the_table_has_every_model():
    assert {k.name for k in KINDS.values()} == set(models()) - NOT_PROGRAMMED


@pytest.mark.parametrize("gate", [2.5, pytest.param(2.0, marks=pytest.mark.slow)])
def test_a_level_beyond_the_transistor_is_named_before_the_first_pulse(gate):
    # below a transistor that is a source follower in RESET the device keeps less than it needs
    low, high = (float(g) for g in StanfordPKU().conductance_range())
    cells = OneTransistorOneResistor(
        StanfordPKU().array(conductance=np.full((2, 2), low * (high / low) ** 0.9)),
        EKV.preset("ptm_130nm", width=2e-6), gate_voltage=gate,
    )
    goal = np.full((2, 2), 1e-4)
    goal[1, 0] = 5e-5
    with pytest.raises(ParameterError, match=(
        rf"`targets\[1, 0\]` = 5e-05 S cannot be reached from 0.00101\d S: RESET pulses of .* s up "
        rf"to 4 V end at 0.00101\d S, as the transistors at a gate of {gate:g} V do not let enough"
    )):
        program(Crossbar(cells=cells, wires=Wires(1.0, 1.0)), goal)


@pytest.mark.slow
def test_reads_that_cannot_tell_levels_apart_are_named():
    cells = OneSelectorOneResistor(
        StanfordPKU().array(conductance=np.full((1, 1), 2e-5)), ExponentialSelector()
    )
    with pytest.raises(ParameterError, match=r"at `read_voltage` = 0.1 V the current of cell \(0, 0"):
        program(Crossbar(cells=cells, wires=Wires(1.0, 1.0)), np.full((1, 1), 1e-4),
                read_voltage=0.1, v_start=1.0, v_max=2.0, width=1e-7)


# -- FORM ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.slow
def test_form_then_reset_then_set(size):
    """The foundry's cells form at 2.2 to 3.1 V, pulses of 1 us, and end at 30 to 120 uS."""
    device = Sky130Reram()
    assert pristine_state(device).tolist() == [3.3e-9, 300.0]
    shape = (size, size)
    cells = OneTransistorOneResistor(
        device.array(state=pristine_state(device), shape=shape),
        EKV.preset("ptm_130nm", width=1e-6), gate_voltage=1.0,
    )
    scheme = Gated(gate_set=1.0, gate_reset=3.0, gate_read=2.5)
    fresh = Crossbar(cells=cells, wires=Wires(1.0, 1.0))
    short = form(fresh, 3e-5, v_start=1.5, v_step=0.1, v_max=1.8, width=1e-6, scheme=scheme)
    assert len(short.unconverged) == size * size
    assert "not moved by the strongest SET pulses (1.8 V, 1e-06 s)" in short.message
    formed = form(fresh, 3e-5, v_start=1.8, v_step=0.1, v_max=3.1, width=1e-6, scheme=scheme)
    assert formed.success, formed.message
    volts = 1.8 + 0.1 * (formed.set_pulses - 1)
    assert ((volts > 2.0) & (volts < 3.1)).all()
    assert ((formed.conductance > 3e-5) & (formed.conductance < 1.2e-4)).all()
    lower = program(formed.crossbar, np.full(shape, 1e-6), scheme=scheme)
    assert lower.success, lower.message
    assert lower.reset_pulses.min() > 0
    if size > 1:
        again = program(lower.crossbar, np.full(shape, 2e-5), scheme=scheme)
        assert again.success, again.message
        assert again.set_pulses.min() > 0


@pytest.mark.parametrize(
    ("name", "why"),
    [("stanford_pku", "after the forming process"), ("jart_vcm_v1b", "a filament that exists")],
)
def test_models_of_formed_devices_say_so(name, why):
    with pytest.raises(ParameterError, match=f"no pristine state, so there is nothing.*{why}"):
        pristine_state(model(name)())
