"""Runs that creep are found, short bursts of fine steps are let pass."""

import pytest
from crossbarsim.solvers.integration.stall_detection import StallError, StallMonitor, StallRules

from crossbarsim import ConvergenceError


def run(step, refused=0.0, count=100_000, start=0.0, stop=1.0, place=3):
    monitor, t = StallMonitor(StallRules(window=1000), stop), start
    for k in range(count):
        if k % 1000 < 1000 * refused:
            monitor.refused(place)
        else:
            t += step
        monitor.tried(t)
        if t >= stop:
            break
    return t


def test_steps_far_too_fine_of_which_many_are_refused():
    with pytest.raises(StallError, match=r"the run creeps: of the last 1000 steps 250 were refused") as found:
        run(1e-12, refused=0.25)
    assert found.value.place == 3
    assert found.value.creeping
    assert isinstance(found.value, ConvergenceError)
    assert found.value.time == pytest.approx(2 * 750e-12)  # twice in a row


def test_steps_far_too_fine_none_of_them_refused():
    with pytest.raises(StallError) as found:
        run(1e-12)
    assert found.value.time == pytest.approx(20_000e-12)
    assert found.value.place == -1


def test_no_way_at_all():
    with pytest.raises(StallError, match="the rest takes inf steps"):
        run(0.0, refused=0.3)


def test_many_steps_are_not_too_many():
    assert run(2e-5, refused=0.5) == pytest.approx(1.0)


def test_a_short_burst_is_let_pass():
    monitor, t = StallMonitor(StallRules(window=1000), 1.0), 0.0
    for _ in range(5):
        for k in range(1500):  # fine for one look in a row
            monitor.refused(1) if k % 2 else None
            t += 1e-12
            monitor.tried(t)
        for _ in range(1500):
            t += 1e-5
            monitor.tried(t)


def test_without_a_window_nothing_creeps():
    monitor = StallMonitor(StallRules(), 1.0)
    for _ in range(30_000):
        monitor.tried(0.0)
