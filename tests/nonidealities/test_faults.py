"""Faulty cells and lines: rates, clusters, maps, and that nothing un-does them."""

import numpy as np
import pytest
import scipy.stats as st
import torch
from hypothesis import given, settings
from hypothesis import strategies as hs

from crossbarsim import ParameterError
from crossbarsim.core.draws import Place
from crossbarsim.nonidealities import (
    ConductanceDrift,
    ConductanceStates,
    Endurance,
    FailureLaw,
    Fault,
    FaultCluster,
    FaultMap,
    Faults,
    LogNormal,
    NonIdealities,
    ReadDisturb,
    Retention,
    Variability,
    WriteNoise,
)

ON, OFF = 1e-4, 1e-6
RATES = {"stuck_on": 0.0904, "stuck_off": 0.0175, "unformed": 0.01, "shorted": 0.005}


def kinds(faults, shape=(128, 128), count=1, seed=0):
    effects = NonIdealities(faults=faults)
    return np.array([
        effects.fabricate(Place(seed, "fc", tile=(k, 0)), shape, ON, OFF).kinds
        for k in range(count)
    ])


def test_rates_are_binomial():
    found = kinds(Faults(**RATES), count=20)
    for kind, rate in zip((1, 2, 3, 4), RATES.values(), strict=True):
        low, high = st.binom(found.size, rate).interval(0.999)
        assert low <= (found == kind).sum() <= high
    # cells fail independently: neighbours fail together as often as chance has it
    bad = found > 0
    both = (bad[:, 1:] & bad[:, :-1]).mean()
    assert both == pytest.approx(sum(RATES.values()) ** 2, rel=0.05)


def test_conductances_of_faults():
    effects = NonIdealities(
        variability=Variability("r_on", LogNormal(0.1)),
        faults=Faults(**RATES, unformed_resistance=5e8, short_resistance=50.0),
    )
    fab = effects.fabricate(Place(0), (64, 64), ON, OFF)
    on = fab.kinds == Fault.STUCK_ON
    np.testing.assert_array_equal(fab.stuck[on], fab.g_on[on])  # the cell's own
    assert (fab.stuck[fab.kinds == Fault.STUCK_OFF] == OFF).all()
    assert (fab.stuck[fab.kinds == Fault.UNFORMED] == 2e-9).all()
    assert (fab.stuck[fab.kinds == Fault.SHORTED] == 0.02).all()
    np.testing.assert_array_equal(np.isnan(fab.stuck), fab.kinds == Fault.NONE)


def test_dead_lines():
    fab = NonIdealities(faults=Faults(dead_rows=0.1, dead_columns=0.05, stuck_on=0.2)).fabricate(
        Place(3), (200, 100), ON, OFF)
    assert fab.open_rows.shape == (200,)
    assert fab.open_columns.shape == (100,)
    for lines, rate in ((fab.open_rows, 0.1), (fab.open_columns, 0.05)):
        low, high = st.binom(len(lines), rate).interval(0.999)
        assert low <= lines.sum() <= high
        assert lines.any()
    dead = fab.open_rows[:, None] | fab.open_columns
    np.testing.assert_array_equal(fab.kinds == Fault.OPEN, dead)
    assert (fab.stuck[dead] == 0.0).all()


@pytest.mark.parametrize("cluster", [
    FaultCluster(), FaultCluster(size=40.0, radius=1.0), FaultCluster(size=0.5, radius=4.0),
])
def test_clusters_keep_the_rates(cluster):
    rates = {"stuck_on": 0.06, "stuck_off": 0.02}
    found = kinds(Faults(**rates, cluster=cluster), shape=(64, 64), count=400)
    per_array = (found == 1).mean(axis=(1, 2)), (found == 2).mean(axis=(1, 2))
    for shares, rate in zip(per_array, rates.values(), strict=True):
        error = shares.std() / np.sqrt(len(shares))
        assert shares.mean() == pytest.approx(rate, abs=3.5 * error)
    bad = found > 0
    # the edges are as faulty as the middle: clusters also lie around the array
    assert bad[:, :2].mean() == pytest.approx(bad.mean(), rel=0.2)
    assert bad[:, :, -2:].mean() == pytest.approx(bad.mean(), rel=0.2)


def test_clusters_cluster():
    bad = kinds(Faults(stuck_on=0.05, cluster=FaultCluster(10.0, 1.5)), count=60) > 0
    independent = kinds(Faults(stuck_on=0.05), count=60) > 0
    assert bad.mean() == pytest.approx(independent.mean(), rel=0.1)
    neighbours = [(b[:, 1:] & b[:, :-1]).mean() for b in (bad, independent)]
    assert neighbours[0] > 4 * neighbours[1]
    far = (bad[:, 30:] & bad[:, :-30]).mean()
    assert far == pytest.approx(0.05**2, rel=0.2)
    # more spread from array to array than binomial
    assert bad.mean(axis=(1, 2)).std() > 2 * independent.mean(axis=(1, 2)).std()


def test_cluster_pairs_are_those_of_the_process():
    # P(two cells are whole) = exp(-density sum (1 - exp(-size (k(x) + k(x + d)))))
    cluster, rate = FaultCluster(6.0, 1.2), 0.1
    offsets = np.arange(-5, 6)
    line = np.exp(-0.5 * (offsets / 1.2) ** 2)
    line /= line.sum()
    k = np.pad(np.outer(line, line), 1)
    density = -np.log1p(-rate) / np.sum(1 - np.exp(-6.0 * k))
    shifted = np.roll(k, 1, axis=1)
    whole = np.exp(-density * np.sum(1 - np.exp(-6.0 * (k + shifted))))
    bad = kinds(Faults(stuck_off=rate, cluster=cluster), count=250) > 0
    found = (~bad[:, :, 1:] & ~bad[:, :, :-1]).mean()
    assert found == pytest.approx(whole, rel=0.005)
    assert whole > 1.02 * (1 - rate) ** 2


def test_maps():
    codes = np.zeros((6, 5), dtype=int)
    codes[1, 2], codes[4, 4] = Fault.SHORTED, Fault.STUCK_ON
    effects = NonIdealities(faults=Faults(map=codes))
    found = effects.fabricate(Place(0), (6, 5), ON, OFF)
    np.testing.assert_array_equal(found.kinds, codes)
    smaller = effects.fabricate(Place(0), (3, 3), ON, OFF)
    np.testing.assert_array_equal(smaller.kinds, codes[:3, :3])
    by_place = NonIdealities(faults=Faults(map={("fc", "positive", (0, 1)): codes}))
    assert by_place.fabricate(Place(0, "fc", "positive", (0, 1)), (6, 5), ON, OFF).kinds.any()
    assert not by_place.fabricate(Place(0, "fc", "negative", (0, 1)), (6, 5), ON, OFF).kinds.any()

    def known(place, shape):
        return np.full(shape, Fault.OPEN) if place.layer == "a" else None

    called = NonIdealities(faults=Faults(map=known, stuck_on=0.5))
    assert (called.fabricate(Place(0, "a"), (4, 4), ON, OFF).stuck == 0).all()
    other = called.fabricate(Place(0, "b"), (40, 40), ON, OFF).kinds
    assert 0.4 < (other == Fault.STUCK_ON).mean() < 0.6
    assert Faults(map=codes) == Faults(map=codes.copy())
    assert Faults(map=codes) != Faults(map=codes + (codes == 0))
    assert hash(FaultMap(codes)) == hash(FaultMap(codes.copy()))


EVERYTHING = {
    "states": ConductanceStates(4), "write": WriteNoise(0.2),
    "endurance": Endurance(1e9, lrs=FailureLaw(1e3, stable_resistance=3e5),
                           hrs=FailureLaw(1e3, stable_resistance=2e4)),
    "drift": ConductanceDrift(1e6, nu=0.2, nu_sigma=0.1), "retention": Retention(1e9, tau=1.0),
    "disturb": ReadDisturb(1e12, 0.2, tau_0=1.0, v_0=0.1),
}


@pytest.mark.parametrize("later", [*EVERYTHING, "all"])
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_nothing_undoes_faults(later, library):
    changes = EVERYTHING if later == "all" else {later: EVERYTHING[later]}
    codes = np.array([[0, 1, 2, 3, 4, 5]] * 4)
    effects = NonIdealities(faults=Faults(map=codes), **changes)
    level = np.full((4, 6), 0.7)
    found = effects.chip(torch.from_numpy(level) if library == "torch" else level, Place(1), ON, OFF)
    expected = [ON, OFF, 1e-9, 0.01, 0.0]
    np.testing.assert_array_equal(np.asarray(found)[:, 1:], [expected] * 4)
    free = np.asarray(found)[:, 0]
    assert not np.isin(free, [1e-9, 0.01, 0.0]).any()


def test_faulty_cells_have_no_gradient():
    effects = NonIdealities(faults=Faults(map=np.array([[0, 1], [5, 0]])))
    level = torch.full((2, 2), 0.4, dtype=torch.float64, requires_grad=True)
    effects.chip(level, Place(0), ON, OFF).sum().backward()
    np.testing.assert_allclose(level.grad, [[ON - OFF, 0], [0, ON - OFF]])


@given(hs.lists(hs.floats(0, 0.25), min_size=4, max_size=4), hs.integers(1, 30),
       hs.integers(1, 30), hs.booleans(), hs.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_any_rates(rates, rows, columns, clustered, seed):
    faults = Faults(**dict(zip(RATES, rates, strict=True)),
                    cluster=FaultCluster(3.0, 1.0) if clustered else None)
    fab = NonIdealities(faults=faults).fabricate(Place(seed), (rows, columns), ON, OFF)
    if sum(rates) == 0:
        assert fab.stuck is None
        return
    assert fab.stuck.shape == (rows, columns)
    for kind, rate in enumerate(rates, start=1):
        assert rate > 0 or not (fab.kinds == kind).any()
    again = NonIdealities(faults=faults).fabricate(Place(seed), (rows, columns), ON, OFF)
    np.testing.assert_array_equal(again.kinds, fab.kinds)


def test_all_cells_stuck():
    assert (kinds(Faults(stuck_on=0.5, stuck_off=0.5)) > 0).all()
    assert not NonIdealities(faults=Faults()).fabricates


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Faults(stuck_on=-0.1), "`stuck_on` must be a finite number >= 0 and <= 1"),
    (lambda: Faults(stuck_on=0.6, stuck_off=0.6), "at most 1 together; got 1.2"),
    (lambda: Faults(short_resistance=0.0), "`short_resistance` must be a finite number > 0 ohm"),
    (lambda: Faults(cluster=5), "`cluster` must be a FaultCluster"),
    (lambda: Faults(map=np.zeros((2, 2))), "`codes` must be integers"),
    (lambda: Faults(map=np.full((2, 2), 9)), r"`codes` must be 0 \(NONE\), 1 \(STUCK_ON\)"),
    (lambda: FaultCluster(size=0.0), "`size` must be a finite number > 0"),
    (lambda: NonIdealities(faults=Faults(map=np.zeros((2, 2), int))).fabricate(
        Place(0), (3, 2), ON, OFF), "`map` is for 2x2 cells; an array has 3x2"),
    (lambda: NonIdealities(faults=0.1), "`faults` must be a Faults or None"),
])
def test_mistakes(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
