"""Program-and-verify of whole arrays."""

import math
from typing import ClassVar

import numpy as np
import pytest

from crossbarsim import (
    EKV,
    Crossbar,
    OneTransistorOneResistor,
    ParameterError,
    Solver,
    Wires,
)
from crossbarsim.devices import (
    VTEAM,
    Device,
    Ohmic,
    StanfordPKU,
    State,
    Yakopcic,
    parameter,
)
from crossbarsim.programming import Gated, Ladder, PulseTrain, form, pristine_state, program
from crossbarsim.programming.ladder import Rungs
from crossbarsim.programming.plots import plot_program, save_program

DEVICE = VTEAM.preset("magic", v_off=1.0)


def some(shape=(4, 4), low=5e-6, high=3e-4, seed=1):
    draws = np.random.default_rng(seed)
    return np.exp(draws.uniform(np.log(low), np.log(high), shape))


def array(device=DEVICE, shape=(4, 4), g=1e-5, ohm=3.0):
    return Crossbar(cells=device.array(conductance=np.full(shape, g)),
                    wires=Wires(word=ohm, bit=ohm))


def gated(shape=(4, 4), g=1e-5, **options):
    cells = OneTransistorOneResistor(
        DEVICE.replace(polarity=-1).array(conductance=np.full(shape, g)),
        EKV.preset("ptm_130nm", width=2e-6), gate_voltage=2.5, **options,
    )
    return Crossbar(cells=cells, wires=Wires(word=3.0, bit=3.0))


def read(xbar, gate=None):
    """Read row by row, with SciPy's solver of the general circuit where cells are linear."""
    rows, v = xbar.shape[0], xbar.cells.device.read_voltage
    found = []
    for row in range(rows):
        V = v * np.eye(rows)[row]
        if gate is None:
            plain = Crossbar(xbar.conductance, xbar.wires, xbar.ends)
            found.append(Solver(method="mna").solve(plain, V).currents / v)
        else:
            found.append(Solver().solve(xbar, V, gate_voltage=gate * np.eye(rows)[row]).currents / v)
    return np.array(found)


@pytest.fixture(scope="module")
def programmed():
    draws = np.random.default_rng(7)
    varied = DEVICE.replace(r_on=1e3 * np.exp(0.1 * draws.standard_normal((4, 4))),
                            v_on=-1.5 * np.exp(0.03 * draws.standard_normal((4, 4))))
    shares = []
    return program(array(varied), some(), tolerance=0.03, progress=shares.append), shares


def test_an_independent_read_finds_the_targets(programmed):
    result, shares = programmed
    assert result.success
    assert result.message.startswith("all 16 cells are within tolerance")
    assert np.allclose(read(result.crossbar), some(), rtol=0.0301)
    assert np.allclose(read(result.crossbar), result.measured, rtol=1e-6)
    assert np.allclose(result.conductance, result.crossbar.conductance)
    # the wires are in series: devices must conduct more than what is read
    assert (result.conductance > result.measured).all()
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_what_is_counted(programmed):
    result, _ = programmed
    assert result.pulses.sum() >= result.writes > 0
    assert result.set_pulses.max() > 0
    assert (result.pulses[np.abs(result.initial / result.targets - 1) > 0.03] > 0).all()
    assert len(result.history) < result.reads
    assert result.time > result.reads * 100e-9
    assert result.energy > 0 < result.read_energy
    # reads: V^2 G for 100 ns, roughly
    assert result.read_energy < 1.5 * result.reads * 4 * 0.01 * 3e-4 * 100e-9
    table = result.to_dataframe()
    assert len(table) == 16
    assert table["converged"].all()
    assert np.allclose(table["error"], (result.measured - result.targets).ravel())
    assert result.summary()["success"] is True
    assert "4x4, 'v/2'" in repr(result)


@pytest.mark.slow
def test_met_targets_are_not_pulsed(programmed):
    result, _ = programmed
    again = program(result.crossbar, some(), tolerance=0.03)
    assert again.success
    assert again.writes == 0
    assert np.array_equal(again.conductance, result.conductance)
    # one cell of a row: its neighbours are inhibited
    goal = some()
    goal[2, 1] *= 1.5
    one = program(result.crossbar, goal, tolerance=0.03)
    assert one.success
    others = np.ones((4, 4), dtype=bool)
    others[2, 1] = False
    assert not one.pulses[others].any()


@pytest.mark.parametrize("scheme", ["v/3", "floating"])
def test_other_passive_schemes(scheme):
    result = program(array(shape=(3, 4)), some((3, 4)), scheme=scheme)
    assert result.success
    assert np.allclose(read(result.crossbar), some((3, 4)), rtol=0.051)


@pytest.mark.slow
def test_longer_pulses_instead_of_higher_ones():
    result = program(array(shape=(3, 3)), some((3, 3)), algorithm="width")
    assert result.success
    assert np.allclose(read(result.crossbar), some((3, 3)), rtol=0.051)


@pytest.mark.parametrize("along", ["rows", "columns"])
def test_transistors(along):
    goal = some((3, 3), high=1e-4)
    result = program(gated((3, 3), gate_along=along), goal, scheme=Gated(gate_set=2.0, gate_reset=3.0))
    assert result.success, result.message
    assert result.scheme == "1t1r"
    assert not result.disturbed
    if along == "rows":
        # the transistors are in series; a cell at its target gives `wanted`, not V G
        assert np.allclose(result.measured, goal, rtol=0.051)
        assert np.allclose(read(result.crossbar, gate=2.5), goal, rtol=0.2)


@pytest.mark.slow
def test_compliance_by_the_gate_limits_what_can_be_reached():
    goal = np.full((2, 2), 3e-4)
    wide = program(gated((2, 2)), goal, v_start=0.5, v_step=0.2, v_max=3.0, width=1e-6, passes=1,
                   scheme=Gated(gate_set=2.5))
    tight = program(gated((2, 2)), goal, v_start=0.5, v_step=0.2, v_max=3.0, width=1e-6, passes=1,
                    max_pulses=30, scheme=Gated(gate_set=0.05, gate_read=2.5, gate_reset=2.5))
    assert wide.success
    assert not tight.success
    assert tight.unconverged == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert tight.message == (
        "4 of 4 cells are not within tolerance: 4 not moved by the strongest SET pulses (3 V, 1e-06 s)"
    )
    assert tight.reasons[1, 1] == "not moved by the strongest SET pulses (3 V, 1e-06 s)"
    assert tight.pulses.max() <= 30
    assert tight.measured.max() < 2e-5


@pytest.mark.parametrize(
    ("device", "low", "high"),
    [pytest.param(StanfordPKU(), 2e-5, 5e-4, marks=pytest.mark.slow),
     pytest.param(Yakopcic(), 2e-5, 2e-3, marks=pytest.mark.slow)],
)
def test_other_models_need_no_settings(device, low, high):
    goal = some((3, 3), low, high)
    result = program(array(device, (3, 3), low, 1.0), goal)
    assert result.success, result.message


@pytest.mark.slow
def test_both_errors_are_told_and_one_is_chosen():
    goal = np.full((2, 2), 2e-4)
    settings = {"v_start": (1.5, 1.0), "v_step": 0.02, "v_max": 2.6, "width": 1e-7, "passes": 2}
    by_read = program(array(shape=(2, 2), ohm=100.0), goal, **settings)
    by_cell = program(array(shape=(2, 2), ohm=100.0), goal, criterion="cell", **settings)
    assert by_read.success, by_read.message
    assert by_cell.success, by_cell.message
    assert np.abs(by_read.relative_error).max() <= 0.05 < np.abs(by_read.relative_cell_error).max()
    assert np.abs(by_cell.relative_cell_error).max() <= 0.05 < np.abs(by_cell.relative_error).max()
    assert np.array_equal(by_read.cell_error, by_read.crossbar.conductance - goal)
    worst = 100 * np.abs(by_read.relative_cell_error).max()
    assert by_read.message == (
        "all 4 cells are within tolerance; by their own conductance "
        f"{np.sum(np.abs(by_read.relative_cell_error) > 0.05)} are not, by up to {worst:.1f} %"
    )
    assert "as read through the wires" in by_cell.message
    for result, name in ((by_read, "read"), (by_cell, "cell")):
        assert result.summary()["criterion"] == result.criterion == name
        assert result.summary()["relative_cell_error_worst"] == pytest.approx(
            np.abs(result.relative_cell_error).max())
        assert np.allclose(result.to_dataframe()["cell_error"], result.cell_error.ravel())


@pytest.mark.slow
def test_disturbed_cells_are_found():
    # half of what SETs moves this device too
    weak = DEVICE.replace(v_on=-0.7, alpha_on=1.0, k_on=-0.05)
    goal = np.full((4, 4), 1e-5)
    goal[0, 1:3] = 5e-5, 2e-4
    settings = {"v_start": (1.6, 1.0), "v_step": 0.01, "v_max": 1.8, "width": 10e-9}
    result = program(array(weak, g=1e-5), goal, passes=1, max_pulses=40, **settings)
    assert {(1, 1), (2, 2), (3, 2)} <= set(result.disturbed)
    assert (1, 0) not in result.disturbed  # shares no line with them
    assert result.disturb[1, 1] > 0.02 * 1e-5
    assert result.time == pytest.approx(result.reads * 100e-9 + result.writes * 12e-9, rel=1e-6)
    firm = program(array(g=1e-5), goal, passes=1)
    assert not firm.disturbed
    assert firm.success


def test_cells_that_do_not_converge_are_listed():
    result = program(array(ohm=200.0), some(high=9e-4, low=8e-4), passes=1, max_pulses=10)
    assert not result.success
    assert len(result.unconverged) > 5
    away = np.abs(result.relative_error) > 0.05
    assert result.unconverged == [tuple(map(int, c)) for c in np.argwhere(away)]
    assert f"{len(result.unconverged)} of 16 cells" in result.message


class Stop(Solver):
    """A solver that a keyboard interrupts in its n-th transient."""

    left: ClassVar = [0]

    def transient(self, *arguments, **options):
        self.left[0] -= 1
        if self.left[0] < 0:
            raise KeyboardInterrupt
        return super().transient(*arguments, **options)


def test_an_interrupted_run_goes_on():
    settings = {"v_start": (1.5, 1.0), "v_step": 0.03, "v_max": (2.0, 2.0), "width": 100e-9}
    Stop.left[0] = 12
    part = program(array(shape=(2, 3)), some((2, 3)), solver=Stop(), **settings)
    assert not part.success
    assert part.message == "interrupted between two pulses"
    assert part.writes == 12
    assert part.unconverged
    rest = program(part.crossbar, some((2, 3)), **settings)
    assert rest.success
    whole = program(array(shape=(2, 3)), some((2, 3)), **settings)
    assert rest.writes < whole.writes


def test_an_interrupt_within_a_pulse_keeps_the_states():
    class Within(Solver):
        def transient(self, *arguments, **options):
            def stop(_share):
                raise KeyboardInterrupt

            return super().transient(*arguments, **{**options, "progress": stop})

    part = program(array(), some(), solver=Within(), v_start=1.9, v_step=0.1, v_max=2.0,
                   width=100e-9)
    assert not part.success
    assert part.message.startswith("interrupted in row 0: interrupted at")
    assert part.writes == 1


def test_noise_is_drawn_by_seed():
    device = StanfordPKU(delta=1e-4)
    if not device.stochastic:
        pytest.skip("the model has no noise")
    settings = {"v_start": 0.8, "v_step": 0.1, "v_max": 2.0, "width": 20e-9, "passes": 1,
                "max_pulses": 6}
    goal = np.full((2, 2), 1e-4)
    found = [program(array(device, (2, 2), 2e-5), goal, seed=s, **settings).conductance
             for s in (3, 3, 4)]
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": np.full((3, 4), 1e-5)}, r"`targets` must have shape \(4, 4\); got \(3, 4\)"),
        ({"targets": np.full((4, 4), 2e-3)}, r"`targets\[0, 0\]` = 0.002 S is out of the device's"),
        ({"targets": np.full((4, 4), np.nan)}, "`targets`"),
        ({"scheme": "v/22"}, "no scheme 'v/22'; did you mean 'v/2'"),
        ({"scheme": "1t1r"}, "OneTransistorOneResistor"),
        ({"tolerance": 0.0}, "`tolerance` must be > 0"),
        ({"tolerance": [0.1]}, "`tolerance` must be a number or"),
        ({"algorithm": "magic"}, "`algorithm` must be"),
        ({"v_start": -1.0}, "`v_start` must be a voltage > 0"),
        ({"v_start": 2.0, "v_max": 1.0, "width": 1e-7}, "`v_max` = 1 V is below `v_start` = 2 V"),
        ({"width": (1e-7, 1e-7, 1e-7)}, "`width` must be a number or 2 values"),
        ({"width": 1e-18}, "no SET pulse of 1e-18 s up to 4 V moves the cells: the pulse is too"),
        ({"rise": 1e-20, "width": 1e-7}, "`rise` = 1e-20 s is too short to be resolved"),
        ({"max_pulses": 0}, "`max_pulses` must be an integer >= 1"),
        ({"passes": 1.5}, "`passes`"),
        ({"read_voltage": 0.0}, "`read_voltage`"),
        ({"read_time": -1.0}, "`read_time`"),
        ({"criterion": "wire"}, "`criterion` must be"),
        ({"v_limit": 0.01}, "`v_limit` must be >= 0.02 V"),
        ({"xbar": Crossbar(np.ones((4, 4)))}, "programming needs cells that are devices"),
        ({"xbar": 3}, "`xbar` must be a Crossbar"),
        ({"xbar": array(Ohmic())}, "Ohmic does not switch"),
    ],
)
def test_program_errors(change, message):
    arguments = {"xbar": array(), "targets": np.full((4, 4), 2e-5)} | change
    with pytest.raises(ParameterError, match=message):
        program(**arguments)


# -- FORM ----------------------------------------------------------------------------------------


class Filament(Device):
    """A filament that has to be formed: it grows above 2.5 V, later above 0.8 V."""

    name = "filament_for_test"
    states = (State("x", low=0.0, high=1.0, rest=0.2),)
    g_on = parameter(1e-3, "S", positive=True)
    v_form = parameter(2.5, "V", positive=True)
    v_set = parameter(0.8, "V", positive=True)
    k = parameter(1e8, "1/s", positive=True)
    pristine: ClassVar = {"x": 0.0}

    @staticmethod
    def current_law(v, x, p):
        return p.g_on * math.exp(-7.0 * (1.0 - x.x)) * v

    @staticmethod
    def rate_law(v, x, p, i):  # noqa: ARG004
        rate = 0.0
        threshold = p.v_form if x.x < 0.1 else p.v_set
        if v > threshold:
            rate = p.k * (v - threshold)
        elif v < -p.v_set:
            rate = p.k * (v + p.v_set)
        return rate


@pytest.mark.slow
def test_form_then_program():
    device = Filament()
    fresh = np.broadcast_to(pristine_state(device)[:, None, None], (1, 3, 3))
    xbar = Crossbar(cells=device.array(state=fresh), wires=Wires(2.0, 2.0))
    settings = {"v_start": (0.8, 0.8), "v_step": 0.02, "v_max": 1.5, "width": 10e-9}
    assert not program(xbar, np.full((3, 3), 1e-4), max_pulses=40, passes=1, **settings).success
    formed = form(xbar, 3e-6, v_start=2.2, v_step=0.05, v_max=3.5, width=10e-9)
    assert formed.success
    assert formed.operation == "form"
    assert (formed.measured >= 3e-6).all()
    assert not formed.reset_pulses.any()
    assert formed.set_pulses.min() >= 5  # below 2.5 V nothing happens
    assert program(formed.crossbar, some((3, 3), 1e-5, 3e-4), **settings).success
    weak = form(xbar, 3e-6, v_start=1.0, v_step=0.1, v_max=2.0, width=10e-9, max_pulses=5)
    assert len(weak.unconverged) == 9


def test_form_errors():
    with pytest.raises(ParameterError, match="VTEAM has no pristine state, so there is nothing"):
        form(array(), 1e-5, v_start=1.0, v_step=0.1, v_max=2.0, width=1e-8)
    wrong = type("Wrong", (Filament,), {"pristine": {"y": 0.0}})
    with pytest.raises(ParameterError, match="names the state 'y'; there are x"):
        pristine_state(wrong())


# -- ladders and pictures ------------------------------------------------------------------------


def test_ladder():
    up = Ladder(1.0, 0.1, 1.55, PulseTrain(1e-8))
    assert up.at(0)[0] == 1.0
    assert up.at(2.5)[0] == pytest.approx(1.25)
    assert up.at(up.top)[0] == 1.55
    longer = Ladder(1.0, 0.1, 1.5, PulseTrain(1e-8), "width", growth=2.0, longest=8.0)
    assert longer.at(2)[1].width == pytest.approx(4e-8)
    assert longer.at(longer.top)[1].width == pytest.approx(8e-8)
    weak = Ladder(1.0, 0.1, 1.5, PulseTrain(1e-8), v_least=0.6)
    assert weak.bottom == pytest.approx(-4.0)
    assert weak.at(-2)[0] == pytest.approx(0.8)
    volts, short = weak.at(0, shorter=2)
    assert (volts, short.width, short.rise) == (1.0, 1e-8 / 16, 1e-9 / 16)
    slow = Ladder(1.0, 0.1, 1.5, PulseTrain(1e-8, rise=3e-9)).at(0, shorter=1)[1]
    assert slow.rise == 3e-9  # the driver's own ramp stays
    with pytest.raises(ParameterError, match="`v_least` must be > 0 and <= `v_start`"):
        Ladder(1.0, 0.1, 1.5, PulseTrain(1e-8), v_least=1.1)


def test_rungs_step_back_when_a_cell_passes_its_target():
    ladder = Ladder(1.0, 0.1, 2.0, PulseTrain(1e-8))
    rungs = Rungs(2, {1: ladder, -1: ladder})
    tolerance = np.full(2, 0.05)
    for ratio in (0.5, 0.51):  # hardly moves: stronger
        now = np.array([ratio, 1.0])
        rungs.update(now, tolerance)
        [(direction, level, _, cells)] = rungs.groups(now, np.array([True, False]))
    assert (direction, level) == (1, 1.0)
    assert cells.tolist() == [True, False]
    now = np.array([1.5, 1.0])
    rungs.update(now, tolerance)
    [(direction, level, _, _)] = rungs.groups(now, np.array([True, False]))
    assert (direction, level) == (-1, 0.0)
    assert rungs.step[1][0] == 0.5


def test_cells_that_the_strongest_pulse_does_not_move_are_given_up():
    result = program(array(), np.full((4, 4), 5e-5), v_start=1.0, v_step=0.1, v_max=1.2,
                     width=10e-9, passes=2)
    assert len(result.unconverged) == 16
    assert result.pulses.max() == 2 * (2 + 5)


def test_pictures(programmed, tmp_path):
    result, _ = programmed
    words = {
        "targets": "Target conductance (µS)", "pulses": "Bit line",
        "errors": "Read minus target conductance (% of target)",
        "traces": "Verify reads of the row",
    }
    for kind, label in words.items():
        assert plot_program(result, kind=kind).get_xlabel() == label
    path = save_program(result, tmp_path / "new" / "program.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ParameterError, match="`kind` must be one of"):
        plot_program(result, kind="pie")
    bad = program(array(ohm=200.0), some(high=9e-4, low=8e-4), passes=1, max_pulses=2)
    axes = plot_program(bad, kind="pulses")
    assert "not converged" in axes.get_legend().get_texts()[0].get_text()
    plot_program(bad, kind="errors")
