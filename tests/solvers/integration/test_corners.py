"""Times that steps must meet."""

import numpy as np
import pytest
from crossbarsim.solvers.integration.corners import distinct_corners, merged_corners
from hypothesis import given
from hypothesis import strategies as st

from crossbarsim import ParameterError

times = st.lists(st.floats(0.0, 12.0), max_size=30).map(np.array)


@given(times=times, least=st.floats(1e-6, 1.0))
def test_merged_corners_are_apart(times, least):
    found = merged_corners(times, 10.0, least)
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
    found = distinct_corners(given_, 100.0)
    assert list(found) == sorted({t for t in given_ if 0 < t <= 100.0})


def test_corners_that_coincide_but_for_rounding_are_one():
    last = 1.2e-8
    found = distinct_corners(np.array([4e-9, 4e-9 * (1 + 2e-16), last, last * (1 - 1e-16)]), last)
    assert len(found) == 2
    assert found[-1] == pytest.approx(last, rel=1e-15)


def test_corners_that_cannot_be_told_apart_are_refused():
    with pytest.raises(ParameterError, match=r"at 0\.5 s and 0\.5 s cannot be told apart in a run of 1 s"):
        distinct_corners(np.array([0.5, 0.5 + 1e-14, 1.0]), 1.0)
