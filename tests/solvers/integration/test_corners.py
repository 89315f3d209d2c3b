"""Times that steps must meet."""

import itertools

import numpy as np
import pytest
from crossbarsim.netlists.noise_sources import RandomVoltage, TransientNoise
from crossbarsim.netlists.sources import corners_of
from crossbarsim.netlists.spice_sources import AmplitudeModulated, FrequencyModulated
from crossbarsim.solvers.integration import corners
from crossbarsim.solvers.integration.corners import corner_parts, distinct_corners, merged_corners
from hypothesis import given
from hypothesis import strategies as st

from crossbarsim import ParameterError, Pulse, Pwl, Sine, Solver, read_spice

times = st.lists(st.floats(0.0, 12.0), max_size=30).map(np.array)


@given(times=times, least=st.floats(1e-6, 1.0))
def test_merged_corners_are_apart(times, least):
    found = np.array([*merged_corners([np.sort(times)], 10.0, least)])
    parted = np.array_split(np.sort(times), 4)
    assert [*merged_corners(parted, 10.0, least)] == found.tolist()
    assert found[-1] == 10.0
    assert (np.diff(found) > least).all()
    assert (found > 0.0).all()
    inside = times[(times > 0.1 * least) & (times < 10.0)]
    assert np.isin(found[:-1], inside).all()
    # none is left out but for another at once
    for time in inside:
        assert (np.abs(found - time) <= least * (1 + 1e-12)).any()


@given(times=st.lists(st.integers(-3, 200), max_size=30))
def test_distinct_corners_are_all_there(times):
    given_ = np.array([*times, 100.0])
    found = distinct_corners(np.array_split(np.sort(given_), 4), 100.0)
    assert list(found) == sorted({t for t in given_ if 0 < t <= 100.0})


def test_corners_that_coincide_but_for_rounding_are_one():
    last = 1.2e-8
    times = np.array([4e-9, 4e-9 * (1 + 2e-16), last * (1 - 1e-16), last])
    assert list(distinct_corners([times], last)) == [4e-9, last]


def test_corners_that_cannot_be_told_apart_are_refused():
    with pytest.raises(ParameterError, match=r"at 0\.5 s and 0\.5 s cannot be told apart in a run of 1 s"):
        list(distinct_corners([np.array([0.5, 0.5 + 1e-14, 1.0])], 1.0))


def drawn(rng):
    """Return a wave of any kind, its times between milliseconds and a second."""
    def second(low=-3.0, high=0.0):
        whole = float(rng.integers(1, 9)) * 10.0 ** int(rng.integers(low, high))
        return float(10.0 ** rng.uniform(low, high)) if rng.random() < 0.5 else whole

    def late():
        return float(rng.choice([0.0, second()]))

    points = np.sort(rng.choice(30, rng.integers(2, 8), replace=False)) * second(-3, -1)
    short = second()
    return [
        lambda: Pulse(0, 1, late(), second(), late(), second(), second(),
                      rng.choice([None, int(rng.integers(1, 2000))])),
        lambda: Pulse(0, 1, 0.0, 0.1 * short, 0.3 * short, 0.1 * short, 0.5 * short),
        lambda: Sine(0, 1, second(0, 3), late()),
        lambda: Pwl(points, 0.0 * points, None, late()),
        lambda: Pwl(points, 0.0 * points, float(points[-2]), -late()),
        lambda: Pwl([*points, points[-1]], np.zeros(len(points) + 1), 0.0),
        lambda: FrequencyModulated(0, 1, second(0, 3), 2.0, second(0, 3)),
        lambda: AmplitudeModulated(1, 1, second(0, 3), second(0, 3), late()),
        lambda: RandomVoltage("uniform", second(-3, -1), late()),
        lambda: TransientNoise(1.0, second(-3, -1), telegraph=rng.choice([0.0, 1.0]),
                               capture=second(), emission=second()),
    ][rng.integers(10)]()


def in_whole(waves, stop):
    times = np.concatenate([np.asarray(w.breakpoints(stop)) for w in waves])
    return np.unique(times[(times > 0.0) & (times <= stop)]).tolist()


@pytest.mark.parametrize("size", [1, 2, 17, 1000])
def test_corners_part_by_part_are_those_of_the_whole_list(monkeypatch, size):
    monkeypatch.setattr(corners, "MOST_AT_ONCE", size)
    monkeypatch.setattr(corners, "_LEAST_AT_ONCE", 1)
    rng = np.random.default_rng(size)
    for _ in range(60):
        waves = [drawn(rng) for _ in range(rng.integers(1, 4))]
        stop = float(10.0 ** rng.uniform(-2, 0.3))
        parts = corner_parts([corners_of(w, stop) for w in waves], stop)
        assert np.concatenate([*parts]).tolist() == in_whole(waves, stop), waves


class Ending(Exception):
    pass


@pytest.mark.parametrize("wave", [
    "pulse(0 1 0 1f 1f 1f 4.1f)", "pwl(0 0 1f 1 2f 0 5f 0) r=0",
])
def test_corners_without_number_cost_what_is_stepped_through(wave):
    # up to 1e9 corners
    times = []

    def progress(share):
        times.append(share * 1e-6)
        if len(times) == 300:
            raise Ending

    circuit = read_spice(f"many\nv1 a 0 {wave}\nr1 a 0 1\n.end\n")
    with pytest.raises(Ending):
        Solver().transient(circuit, 1e-6, step=1e-8, progress=progress)
    source = circuit["v1"].wave
    met = itertools.takewhile(lambda t: t < times[-1], in_whole([source], 1.1 * times[-1]))
    np.testing.assert_allclose([t for t in met if np.abs(np.array(times) / t - 1.0).min() > 1e-9], [])
