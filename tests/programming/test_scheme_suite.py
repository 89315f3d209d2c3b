"""Every shipped write scheme against the checks that users' own inherit."""

import numpy as np
import pytest

from crossbarsim import EKV, Crossbar, OneTransistorOneResistor, Wires
from crossbarsim.devices import VTEAM
from crossbarsim.programming.schemes import (
    SCHEMES,
    FloatingLines,
    Gated,
    HalfVoltage,
    Lines,
    ThirdVoltage,
)
from crossbarsim.testing import SchemeChecks
from tests.helpers.suites import subclasses


def cells(polarity=1):
    return VTEAM.preset("magic", polarity=polarity).array(conductance=np.full((3, 4), 5e-6))


def gated(along="rows", side="bit", layout="crosspoint"):
    # the model SETs with negative voltage: turned, or behind a transistor on the word side
    found = OneTransistorOneResistor(
        cells(1 if side == "word" else -1), EKV(width=2e-6), gate_voltage=3.0, gate_along=along, transistor_side=side)
    return Crossbar(cells=found, wires=Wires(0.0, 0.0), layout=layout)


def passive():
    return [Crossbar(cells=cells(), wires=Wires(0.0, 0.0))]


GATED = {
    "crossbars": lambda _: [gated(), gated("columns"), gated(side="word"), gated(layout="parallel")],
    "misfits": lambda _: [*passive(), gated("columns", layout="parallel")],
    "pulse": lambda _: (2.5, 20e-9),
}
globals().update(subclasses(SchemeChecks, {
    "HalfVoltage": {"make": staticmethod(HalfVoltage)},
    "ThirdVoltage": {"make": staticmethod(ThirdVoltage)},
    "FloatingLines": {"make": staticmethod(FloatingLines)},
    "Gated": {"make": staticmethod(Gated), **GATED},
    "GatedByUse": {"make": lambda _: Gated(gate_set=2.8, gate_reset=3.3, gate_read=2.5, gate_off=-0.2), **GATED},
}, __name__))


def test_every_scheme_is_checked():
    assert {f"Test{kind.__name__}" for kind in SCHEMES.values()} <= set(globals())


class Lazy(HalfVoltage):
    """A scheme that leaves the other bit lines at 0 V, and exchanges nothing."""

    def lines(self, xbar, row, columns, voltage, operation):
        found = super().lines(xbar, row, columns, abs(voltage), operation)
        return Lines(found.word, np.zeros(len(found.bit)))


@pytest.mark.parametrize("name", [
    "test_selected_cells_see_the_voltage", "test_other_cells_see_their_share_at_most",
    "test_the_solver_sees_what_the_lines_say",
])
def test_a_wrong_scheme_is_found(name):
    class Found(SchemeChecks):
        def make(self):
            return Lazy()

    if name == "test_the_solver_sees_what_the_lines_say":  # they are consistent
        getattr(Found(), name)()
    else:
        with pytest.raises(AssertionError):
            getattr(Found(), name)()
