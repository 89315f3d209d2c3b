"""One meaning of `seed` in every verb: the same seed is the same chip, whatever the threads."""

import numpy as np
import pytest
from crossbarsim.solvers import ArrayBackend

from crossbarsim import Crossbar, ParameterError, Pulse, Solver, Wires
from crossbarsim.core.draws import child_seed, keyed_seed, seed_sequence
from crossbarsim.devices import VTEAM, JartVcmV1bVariable, StanfordPKU
from crossbarsim.programming import PulseTrain, program, write

NOISY = StanfordPKU.preset("stochastic")
QUIET = Crossbar(cells=VTEAM().array(conductance=np.full((1, 1), 2e-3)), wires=Wires(1.0, 1.0))
PULSE = [Pulse(0, 1.0, delay=1e-9, rise=1e-9, width=2e-8, fall=1e-9)]
WRONG = (-1, 1.5, "abc", True, [1, -2], np.float64(3.0))


def chips(count):
    cells = NOISY.array(np.full((1, 1), 1e-5))
    return [Crossbar(cells=cells, wires=Wires(word=1.0, bit=1.0)) for _ in range(count)]


def gaps(count=3, threads=None, **seed):
    xbars = chips(count)
    runs = Solver(threads=threads).transient_many(xbars, PULSE, 5e-9, probes=("state",), **seed)
    return [float(r["state"][-1].item()) for r in runs]


def test_chips_differ_and_come_again():
    first = gaps(seed=1)
    assert len(set(first)) == 3
    assert gaps(seed=1) == first
    assert not set(gaps(seed=2)) & set(first)
    # whatever the threads, and however many chips there are
    assert gaps(seed=1, threads=1) == gaps(seed=1, threads=3) == first
    assert gaps(5, seed=1)[:3] == first


def test_every_kind_of_seed():
    assert gaps() == gaps(seed=None) == gaps(seed=0) == gaps(seed=np.random.SeedSequence(0))
    sequence = np.random.SeedSequence(7)
    assert gaps(seed=7) == gaps(seed=np.int64(7)) == gaps(seed=sequence) == gaps(seed=sequence)
    sequence.spawn(2)  # what others took from it does not matter
    assert gaps(seed=sequence) == gaps(seed=7)


def test_a_chip_is_the_run_of_its_child_seed():
    children = np.random.SeedSequence(7).spawn(3)
    alone = [
        float(Solver().transient(xbar, PULSE, 5e-9, seed=child).crossbar.cells.state.item())
        for xbar, child in zip(chips(3), children, strict=True)
    ]
    assert gaps(seed=7) == alone


def test_arrays_that_run_together_refuse_noise_and_check_seeds():
    solver = Solver(backend=ArrayBackend())
    with pytest.raises(ParameterError, match="stochastic devices run one array at a time"):
        solver.transient_many(chips(2), PULSE, 5e-9, seed=1)
    with pytest.raises(ParameterError, match="`seed` must be an integer >= 0"):
        solver.transient_many([QUIET], PULSE, 5e-9, seed=-1)


def pulsed(seed):
    array = Crossbar(cells=NOISY.array(np.full((1, 1), 1e-5)), wires=Wires(1.0, 1.0))
    return write(array, 0, [0], 1.0, PulseTrain(5e-9), seed=seed).crossbar.cells.state


VERBS = {
    "transient": lambda seed: Solver().transient(chips(1)[0], PULSE, 5e-9, seed=seed).crossbar.cells.state,
    "transient_many": lambda seed: Solver().transient_many(chips(1), PULSE, 5e-9, seed=seed)[0].crossbar.cells.state,
    "simulate": lambda seed: NOISY.simulate([0.0, 5e-9], [0.0, 1.0], 1e-5, seed=seed).state,
    "hysteresis": lambda seed: NOISY.hysteresis(1.0, 1e8, points=16, seed=seed).state,
    "write": pulsed,
    "draw": lambda seed: JartVcmV1bVariable.draw((2,), seed=seed).radius,
    "redraw": lambda seed: JartVcmV1bVariable.draw((2,)).redraw(seed=seed).radius_new,
}


@pytest.mark.parametrize("verb", VERBS)
def test_seeds_mean_the_same_in_every_verb(verb):
    run = VERBS[verb]
    five = run(5)
    np.testing.assert_array_equal(five, run(np.random.SeedSequence(5)))
    np.testing.assert_array_equal(run(None), run(0))
    assert np.any(five != run(6))
    for wrong in WRONG:
        with pytest.raises(ParameterError, match=r"`seed` must be an integer >= 0, a numpy\.random\.SeedSequence"):
            run(wrong)


def test_program_takes_seeds_and_progress(capsys):
    blank = VTEAM.preset("magic", v_off=1.0).array(np.full((1, 2), 8e-6))
    array, goal = Crossbar(cells=blank, wires=Wires(2.0, 2.0)), [[2e-5, 1e-4]]
    shares = []
    one = program(array, goal, seed=np.random.SeedSequence(3), progress=shares.append)
    assert shares[-1] == 1.0
    two = program(array, goal, seed=3, progress=True)
    assert "100%" in capsys.readouterr().out
    np.testing.assert_array_equal(one.conductance, two.conductance)
    for wrong in WRONG:
        with pytest.raises(ParameterError, match="`seed` must be"):
            program(array, goal, seed=wrong)
    with pytest.raises(ParameterError, match="`progress` must be"):
        program(array, goal, progress="loud")


def same(one, two):
    return bool((one.generate_state(8) == two.generate_state(8)).all())


def test_sequences():
    assert same(seed_sequence(4), np.random.SeedSequence(4))
    spawned = np.random.SeedSequence(4).spawn(3)
    assert same(child_seed(4, 2), spawned[2])
    assert same(child_seed(spawned[1], 0), spawned[1].spawn(1)[0])
    # numbers of `program` stay what they were for integers
    assert same(keyed_seed(4, 1, 2), np.random.SeedSequence((4, 1, 2)))
    assert same(keyed_seed(np.random.SeedSequence([4, 9]), 1), np.random.SeedSequence((4, 9, 1)))
    assert not same(keyed_seed(spawned[0], 1), keyed_seed(spawned[1], 1))
