"""The step controller by itself: corners, slivers, errors, refusals."""

import math
from dataclasses import replace

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.solvers.circuit.analyses.op import prepare
from crossbarsim.solvers.circuit.analyses.transient import CIRCUIT_STEPS, TransientRun
from crossbarsim.solvers.crossbar.transient import ARRAY_STEPS
from crossbarsim.solvers.integration.stall_detection import StallError, StallRules
from crossbarsim.solvers.integration.step_control import BinaryStepController, StepController
from hypothesis import given, settings
from hypothesis import strategies as st

from crossbarsim import Circuit, Pulse

RULES = [ARRAY_STEPS, CIRCUIT_STEPS]
KINDS = [(StepController, ARRAY_STEPS), (StepController, CIRCUIT_STEPS), (BinaryStepController, CIRCUIT_STEPS)]


def make(rules=ARRAY_STEPS, corners=(1.0,), kind=StepController, longest=math.inf, shortest=1e-9, **more):
    return kind(rules, corners, stop=corners[-1], longest=longest, shortest=shortest, **more)


gaps = st.lists(st.floats(1e-3, 10.0), min_size=1, max_size=6)
events = st.lists(
    st.tuples(st.sampled_from(["accept", "accept", "accept", "fail", "reject", "anew", "event"]),
              st.floats(1e-4, 4.0)), min_size=1, max_size=60,
)


@pytest.mark.parametrize(("kind", "rules"), KINDS)
@settings(max_examples=150, deadline=None)
@given(gaps=gaps, events=events, first=st.floats(1e-4, 100.0), longest=st.floats(1e-2, 5.0))
def test_corners_are_met_and_no_step_leaves_a_sliver(kind, rules, gaps, events, first, longest):
    corners = np.cumsum(gaps)
    control = make(rules, corners, kind, longest, shortest=1e-12)
    control.begin(first)
    met, due = [], list(corners)
    for turn in range(10_000):
        what, share = events[turn] if turn < len(events) else ("accept", 2.0)
        t, h, corner = control.t, control.h, control.corner
        assert 0.0 < h <= longest / 0.998
        rounding = control.shortest + 1e-9 * h
        assert t + h <= corner + rounding  # never over a corner
        rest = corner - (t + h)
        if what in ("fail", "reject") and h > 1e-6:
            if what == "fail":
                control.fail("it fails")
            else:
                control.reject(control.shorter_within(0.9 * min(share, 1.0) * h), "an error")
            assert control.h < h
            continue
        # what is left before the corner: nothing, or another step; where a shortened step is not
        # fitted again, what its error took off
        assert rest <= rounding or rest >= (0.999 if rules.refit else 0.1) * h
        end = control.advance()
        assert t < end <= corner
        event = end + share if what == "event" else math.inf
        following = max(share * h, 1e-5) if turn < len(events) else math.inf
        control.follow(following, event=event, anew=what == "anew")
        if end == due[0]:
            met.append(due.pop(0))
        assert not due or end < due[0]
        if control.done:
            break
    assert control.done
    assert control.t == corners[-1]
    assert met == list(corners)


@pytest.mark.parametrize("rules", RULES)
@given(share=st.floats(1e-3, 3.0), gap=st.floats(1e-6, 1e3))
def test_a_fitted_step_meets_its_corner_or_leaves_most_of_another(rules, share, gap):
    control = make(rules, [gap], shortest=1e-12 * gap)
    control.begin(share * gap)
    h = control.h
    assert h == gap or gap - h >= 0.9 * h
    assert h <= max(share * gap / 0.999, share * gap)


def test_events_are_met_but_not_those_at_a_corner():
    control = make(CIRCUIT_STEPS, [1.0, 2.0], longest=0.5)
    control.begin(0.25)
    control.advance()
    assert not control.follow(0.25, event=0.4)
    assert control.corner == 0.4
    while control.t < 0.4:
        control.advance()
        control.follow(0.25)
    assert control.t == 0.4
    assert control.corner == 1.0
    control.follow(0.25, event=1.0 - 1e-12)  # the corner itself but for rounding
    assert control.corner == 1.0


@pytest.mark.parametrize("rules", RULES)
@given(a=st.floats(0.0, 1e6), b=st.floats(0.0, 1e6), order=st.integers(1, 6))
def test_steps_are_monotone_in_the_error(rules, a, b, order):
    small, large = min(a, b), max(a, b)
    control = make(rules)
    control.begin(0.1)
    h = control.h
    assert control.longer(small, order) >= control.longer(large, order)
    assert control.shorter(small, order) >= control.shorter(large, order)
    assert control.longer(small, order) <= rules.growth * h
    assert control.shorter(large, order) >= rules.shrink * h
    if large > 1.0:
        assert control.shorter(large, order) < h
    assert control.longer_within(small) <= control.longer_within(large) <= rules.growth * h
    assert rules.shrink * h <= control.shorter_within(small) <= control.shorter_within(large)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_an_error_of_its_order_is_brought_to_the_tolerance(order):
    rules = replace(ARRAY_STEPS, safety=1.0, growth=100.0, shrink=0.0)
    control = make(rules, [1e6])
    control.begin(1.0)
    control.reject(control.shorter(2.0 ** (order + 1), order), "")
    assert control.h == pytest.approx(0.5)
    control.advance()
    assert control.longer(3.0 ** -(order + 1), order) == pytest.approx(1.5)


def test_binary_steps_repeat_between_corners():
    control = make(CIRCUIT_STEPS, [1.0], BinaryStepController, longest=1.0)
    control.begin(0.07)
    seen = set()
    rng = np.random.default_rng(0)
    while not control.done:
        seen.add(math.log2(control.h))
        if rng.random() < 0.2 and control.h > 1e-3:
            control.reject(control.shorter_within(0.6 * control.h), "")
            continue
        control.advance()
        control.follow(rng.uniform(0.02, 0.5))
    assert all(k == int(k) for k in seen)
    assert control.t == 1.0


def test_binary_steps_off_the_grid_do_not_overstep():
    control = make(CIRCUIT_STEPS, [1.0], BinaryStepController)
    control.begin(1.0)
    control.reject(0.3, "an event")  # 0.7 are no multiple of it
    while not control.done:
        assert control.t + control.h <= 1.0 + 1e-12
        control.advance()
        control.follow(1.0)
    assert control.t == 1.0


@pytest.mark.parametrize("rules", RULES)
def test_too_short_a_step_says_when_and_why(rules):
    control = make(rules, [1.0], shortest=1e-9)
    control.begin(0.1)
    control.advance()
    control.follow(0.1)
    t = control.t

    def fail_for_ever():
        while True:
            control.fail("the matrix is singular", 7)

    with pytest.raises(StallError, match=rf"at t = {t:.6g} s .*the matrix is singular") as found:
        fail_for_ever()
    assert (found.value.time, found.value.reason, found.value.place) == (t, "the matrix is singular", 7)
    assert not found.value.creeping


def test_failures_have_an_end():
    control = make(stall=StallRules(failures=5))
    control.begin(0.1)

    def fail_every_step():
        while not control.done:
            control.fail("it fails")
            control.advance()
            control.follow(0.1)

    with pytest.raises(StallError, match="it fails"):
        fail_every_step()
    assert control.failed == 6


def test_errors_at_the_resolution_of_time_are_let_pass_but_not_for_ever():
    control = make(corners=[1.0], shortest=1e-12, resolution=4e-15, stall=StallRules(jumps=3))
    control.begin(0.25)

    def switch_every_step():
        while not control.done:
            while not control.at_resolution:
                control.reject(control.shorter(1e12, 2), "an error")
            assert control.h <= control.shortest
            control.jump()
            control.advance()
            control.follow(0.25)

    with pytest.raises(StallError, match="too many switchings"):
        switch_every_step()
    assert control.jumps == 4
    with pytest.raises(StallError):  # but a failure there is one
        control.fail("it fails")


def test_the_shortest_step_grows_with_the_time():
    control = make(corners=[2.0], shortest=1e-18, resolution=4e-15)
    control.begin(1.0)
    assert control.shortest == 1e-18
    control.advance()
    assert control.shortest == 4e-15


def test_progress_is_the_share_done():
    shares = []
    control = make(corners=[1.0, 4.0], progress=shares.append)
    control.begin(math.inf)
    while not control.done:
        control.advance()
        control.follow(math.inf)
    assert shares[-1] == 1.0
    assert shares == sorted(shares)
    assert 0.25 in shares


# -- another control of the steps, with which the order of the formulas shows ----------------------


class FixedSteps:
    """Steps of one length, whatever their errors."""

    def __init__(self, stop, count):
        self.t, self.h, self.corner, self.longest = 0.0, stop / count, stop, stop
        self.done, self.at_resolution = False, False
        self.steps = self.rejected = self.failed = self.jumps = 0
        self._count = count

    def begin(self, h):
        del h

    def longer_within(self, allowed):
        return self.h if allowed > 0.0 else 0.0

    shorter_within = longer_within

    def fail(self, reason, place=-1):
        raise StallError(self.t, reason, place)

    def reject(self, h, reason, place=-1):
        del h
        raise StallError(self.t, reason, place)

    def advance(self):
        self.steps += 1
        self.t = self.steps * self.h
        return self.t

    def follow(self, h, *, event=math.inf, anew=False):
        del h, event, anew
        self.done = self.steps == self._count
        return False


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("trap", 2), ("gear", 2)])
def test_a_run_takes_the_steps_of_any_control(method, order):
    errors = []
    for count in (200, 400, 800):
        circuit = read_spice(
            f"rc\nv1 a 0 sin(0 1 1k)\nr1 a b 1k\nc1 b 0 100n\n.options reltol=0.9 trtol=1e9 method="
            f"{'trap maxord=1' if method == 'euler' else method}\n.tran 1u 1m\n"
        )

        class Fixed(TransientRun):
            def _new_control(self, count=count):
                made = FixedSteps(self.analysis.stop, count)
                made.longer_within = lambda _: 2.0 * made.h  # the higher order pays
                return made

        made = Fixed(prepare(circuit), circuit.analyses[0], None, None).go()
        assert made.steps == count
        w, tau, t = 2e3 * np.pi, 1e-4, made["time"]
        exact = (np.sin(w * t) - w * tau * np.cos(w * t) + w * tau * np.exp(-t / tau)) / (1 + (w * tau) ** 2)
        errors.append(np.abs(made["v(b)"] - exact)[-1])
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(orders, order, atol=0.2)


def test_pulse_trains_are_met_at_every_corner():
    wave = Pulse(0, 1, delay=1e-7, rise=1e-9, width=3e-7, fall=1e-9, period=7e-7)
    circuit = Circuit().V(1, "a", 0, wave).R(1, "a", "b", 1e3).C(1, "b", 0, 1e-10)
    from crossbarsim import Solver

    time = Solver().transient(circuit, 5e-6)["time"]
    for corner in wave.breakpoints(5e-6):
        if corner < 5e-6:
            assert np.abs(time - corner).min() <= 1e-15 * corner
    assert np.diff(time).min() > 1e-12  # no slivers
