"""Currents of frozen cells, sixteen at a time, against one by one: every model that has vectors."""

import numpy as np
import pytest

from crossbarsim import EKV, OneSelectorOneResistor, OneTransistorOneResistor
from crossbarsim.devices import (
    TEAM,
    VTEAM,
    DataDriven2021,
    ExponentialSelector,
    JartVcmV1b,
    LinearIonDrift,
    PhaseChange,
    Sky130Reram,
    StanfordPKU,
    StaticPolynomial,
    StaticSinh,
    ThresholdSelector,
    Yakopcic,
)
from crossbarsim.devices.laws.lane_currents import lane_currents

SHAPE = (7, 19)  # no multiple of sixteen
VECTORS = [TEAM, VTEAM, DataDriven2021, ExponentialSelector, LinearIonDrift, PhaseChange,
           Sky130Reram, StanfordPKU, StaticPolynomial, ThresholdSelector, Yakopcic]


def _cells(device):
    rng = np.random.default_rng(0)
    low, high = (np.reshape(b, (-1, 1, 1)) for b in device.bounds())
    if not device.states:
        return device.array(shape=SHAPE)
    span = np.where(np.isfinite(high - low), high - low, 0.0)
    return device.array(state=low + span * rng.uniform(0.0, 1.0, (len(low), *SHAPE)))


def _flat(cells, volts):
    states = len(cells.state)
    n = volts.size
    return (
        0, n, volts.ravel(), np.zeros(n), float(cells.device.polarity),
        np.ascontiguousarray(cells.state.reshape(states, n)), cells._low, cells._high, cells._P,
    )


def _close(found, expected):
    assert np.abs(found - expected).max() <= 4e-15 * np.abs(expected).max()
    small = np.abs(expected) > 1e-250
    np.testing.assert_allclose(found[small], expected[small], rtol=1e-13)


@pytest.mark.parametrize("model", VECTORS, ids=lambda m: m.__name__)
@pytest.mark.parametrize("polarity", [1, -1])
def test_devices_alone(model, polarity):
    cells = _cells(model(polarity=polarity))
    kernels = cells._kernels()
    volts = np.random.default_rng(1).uniform(-0.8, 0.8, SHAPE)
    volts[0, :2] = 0.0
    expected, found = np.empty((2, volts.size)), np.empty((2, volts.size))
    kernels.frozen(*_flat(cells, volts), *expected)
    kernels.frozen_many(*_flat(cells, volts), *found)
    for a, b in zip(found, expected, strict=True):
        _close(a, b)


def test_parameters_of_every_cell():
    rng = np.random.default_rng(2)
    device = StanfordPKU(v_0=rng.uniform(0.2, 0.4, SHAPE))
    cells = device.array(conductance=rng.uniform(1e-5, 1e-4, SHAPE))
    volts = rng.uniform(-0.5, 0.5, SHAPE)
    expected, found = np.empty((2, volts.size)), np.empty((2, volts.size))
    kernels = cells._kernels()
    kernels.frozen(*_flat(cells, volts), *expected)
    kernels.frozen_many(*_flat(cells, volts), *found)
    for a, b in zip(found, expected, strict=True):
        _close(a, b)


@pytest.mark.parametrize(("kind", "device"), [
    pytest.param("selector", StanfordPKU, marks=pytest.mark.slow), ("threshold", VTEAM), ("transistor", StaticSinh),
    ("word side", StanfordPKU), ("transistor", VTEAM),
])
def test_cells_in_series(kind, device):
    rng = np.random.default_rng(3)
    low, high = device().conductance_range() if device is not StaticSinh else (1e-6, 1e-4)
    high = min(high, 1e6 * low)
    array = device().array(conductance=np.exp(rng.uniform(np.log(low), np.log(high), SHAPE)))
    if kind in ("selector", "threshold"):
        selector = ExponentialSelector() if kind == "selector" else ThresholdSelector()
        cells = OneSelectorOneResistor(array, selector)
    else:
        cells = OneTransistorOneResistor(
            array, EKV(), gate_voltage=1.0,
            transistor_side="word" if kind == "word side" else "bit",
        )
    kernels = cells._kernels()
    n, states = array.state[0].size if len(array.state) else SHAPE[0] * SHAPE[1], len(cells.state)
    u, w = rng.uniform(-0.6, 0.6, (2, n))
    w[:3] = u[:3]
    Q, flip = cells._access()
    results = []
    for kernel in (kernels.cells, kernels.cells_many):
        x = np.ascontiguousarray(cells.state.reshape(states, n))
        inner, out, leads = 0.5 * (u + w), np.empty((3, n)), np.empty((2, 1 + states, n))
        bad = kernel(
            0, n, u, w, cells.gates().ravel(), float(cells.device.polarity), x.copy(), 0.0,
            cells._low, cells._high, cells._P, Q, flip, x, inner, 1e-7, *out, *leads,
        )
        assert bad == -1
        results.append((*out, inner, *leads[:, 0], x))
    for name, found, expected in zip(
        ("i", "gu", "gw", "inner", "m_u", "m_w", "x"), results[1], results[0], strict=True
    ):
        size = np.abs(expected).max() + 1e-300
        # slopes are those beside the solution, from where tangents lead there
        rtol = 1e-9 if name in ("i", "inner", "x") else 1e-5
        assert np.abs(found - expected).max() <= rtol * size, name


def test_laws_with_loops_are_left_alone():
    assert lane_currents(JartVcmV1b().law(), "conduct") == ""
    assert not hasattr(_cells(JartVcmV1b())._kernels(), "frozen_many")
