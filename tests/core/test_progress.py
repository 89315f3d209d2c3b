"""Progress: bars, functions and meters hear the same."""

import io

import pytest
from rich.console import Console

from crossbarsim import ParameterError
from crossbarsim.core.progress import (
    ProgressMeter,
    RichProgress,
    Silent,
    metered,
    share_of,
    shared,
)


class Meter(Silent):
    def __init__(self):
        self.heard = []

    def begin(self, task, total, done=0):
        self.heard.append((task, total, done))

    def advance(self, task, note=""):
        self.heard.append((task, note))


def test_a_function_hears_shares_of_the_task_at_hand():
    shares = []
    with metered(shares.append) as meter:
        meter.begin("training", 2)
        meter.advance("training", "loss 1")
        meter.advance("training")
        meter.begin("points", 4, 3)
        meter.advance("points")
        meter.begin("nothing", 0)
    assert shares == [0.0, 0.5, 1.0, 0.75, 1.0, 1.0]


def test_a_meter_hears_shares_as_percents():
    meter = Meter()
    with shared("run", meter) as tell:
        for share in (0.001, 0.013, 0.01, 0.5, 1.0, 1.0):
            tell(share)
    assert meter.heard == [("run", 100, 0), *[("run", "")] * 100]
    tell = share_of("again", meter)
    tell(0.29)
    assert meter.heard.count(("again", "")) == 29


def test_silence():
    for nothing in (None, False):
        with metered(nothing) as meter:
            assert isinstance(meter, ProgressMeter)
            meter.begin("a", 1)
            meter.advance("a")
        with shared("a", nothing) as tell:
            assert tell is None


@pytest.mark.parametrize("wrong", [1, "yes", Meter])
def test_what_is_no_progress(wrong):
    if wrong is Meter:  # a class is not a meter
        with pytest.raises(TypeError), metered(wrong) as meter:
            meter.begin("a", 1)
        return
    for ask in (metered, lambda progress: shared("a", progress)):
        with pytest.raises(ParameterError, match="`progress` must be True"), ask(wrong):
            pass


def test_bars_count_steps_and_show_notes():
    out = io.StringIO()
    with RichProgress(Console(file=out, width=100)) as bars:
        bars.begin("points", 12, 2)
        bars.advance("points", "accuracy 0.9")
        bars.begin("tran", 100)
        share = share_of("tran", bars)  # begins anew
        share(0.25)
    text = out.getvalue()
    assert "3/12" in text
    assert "accuracy 0.9" in text
    assert "25%" in text
    assert "/100" not in text
