"""Every shipped kind of cells, and every model as a cell, against the checks that users' own inherit."""

import numpy as np
from crossbarsim.netlists.crossbar.crossbar import Resistive
from crossbarsim.solvers.crossbar.static_cells import ResistiveCells

from crossbarsim.devices import (
    EKV,
    VTEAM,
    ExponentialSelector,
    JartVcmV1b,
    Level1,
    MiecSelector,
    OneSelectorOneResistor,
    OneTransistorOneResistor,
    StanfordPKU,
    StaticSinh,
    ThresholdSelector,
)
from crossbarsim.testing import CellChecks
from tests.helpers.devices import MAKERS
from tests.helpers.suites import subclasses

SHAPE = (3, 2)
RNG = np.random.default_rng(8)
SHARES = RNG.uniform(0.3, 0.7, SHAPE)
LEVELS = 10 ** RNG.uniform(-5, -4, SHAPE)
GATES = [1.5, 1.2, 1.8]


def devices(device):
    """Return an array in states well inside of their ranges, warm and at all ages."""
    if not device.state_names:
        return device.array(shape=SHAPE)
    low, high = (b[:, None, None] for b in device.bounds())
    share = np.full((len(low), *SHAPE), 0.05)
    share[device.main_state] = SHARES
    return device.array(state=low + share * (high - low))


def magic(**parameters):
    return VTEAM.preset("magic", iv="exponential", **parameters)


def ours(kind, volts=1.0, second=1e-6, **members):
    return {"make": staticmethod(kind), "drive": lambda _: (volts, second), **members}


MODELS = {
    MAKERS[name]().__class__.__name__: {"make": staticmethod(lambda maker=maker: devices(maker()))}
    for name, maker in MAKERS.items()
}
KINDS = {
    "Resistive": ours(lambda: ResistiveCells(LEVELS)),
    "Turned": ours(lambda: devices(magic(polarity=-1)), 1.8, 1e-8),
    "Capacitive": ours(lambda: magic().array(conductance=LEVELS, capacitance=1e-18), 1.8, 1e-8),
    "Spread": ours(lambda: VTEAM.preset("magic", r_on=1e3 * (1 + SHARES)).array(conductance=LEVELS), 1.8, 1e-8),
    "NoisyPKU": ours(lambda: devices(StanfordPKU.preset("stochastic")), 1.5, 1e-7),
    "ExponentialSelector1S1R": ours(
        lambda: OneSelectorOneResistor(magic().array(conductance=LEVELS), ExponentialSelector()), 1.8, 1e-8),
    "Miec1S1R": ours(
        lambda: OneSelectorOneResistor(magic().array(conductance=LEVELS), MiecSelector()), 1.8, 1e-8),
    "Threshold1S1R": ours(
        lambda: OneSelectorOneResistor(magic().array(conductance=LEVELS), ThresholdSelector()).with_state(
            np.concatenate([magic().array(conductance=LEVELS).state, np.full((1, *SHAPE), 0.5)])), 1.8, 1e-8),
    "Sinh1S1R": ours(
        lambda: OneSelectorOneResistor(StaticSinh().array(conductance=LEVELS), ExponentialSelector(polarity=-1))),
    "Resistor1S1R": ours(lambda: OneSelectorOneResistor(Resistive(LEVELS), ExponentialSelector())),
    "Ekv1T1R": ours(
        lambda: OneTransistorOneResistor(magic().array(conductance=LEVELS), EKV(), gate_voltage=GATES), 1.8, 1e-8),
    "EkvWord1T1R": ours(
        lambda: OneTransistorOneResistor(magic(polarity=-1).array(conductance=LEVELS), EKV.preset("ptm_65nm"),
                                         gate_voltage=GATES, transistor_side="word"), 1.8, 1e-8),
    "Level1Columns1T1R": ours(
        lambda: OneTransistorOneResistor(magic().array(conductance=LEVELS), Level1.preset("rough_45nm"),
                                         gate_voltage=GATES[:2], gate_along="columns"), 1.8, 1e-8),
    "Resistor1T1R": ours(
        lambda: OneTransistorOneResistor(Resistive(LEVELS), Level1.preset("rough_45nm"), gate_voltage=GATES)),
    "Jart1T1R": ours(
        lambda: OneTransistorOneResistor(devices(JartVcmV1b()), EKV(), gate_voltage=GATES), 1.0, 1e-6),
    "Pku1T1R": ours(
        lambda: OneTransistorOneResistor(devices(StanfordPKU()), EKV(), gate_voltage=GATES), 1.5, 1e-7),
}
QUICK = ("VTEAM", "ExponentialSelector", "PhaseChange", "StaticTable")
globals().update(subclasses(
    CellChecks, MODELS | KINDS, __name__, slow=[name for name in MODELS if name not in QUICK]
))
