"""Arrays in time, against matrix exponentials, independent integrators and balances."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from crossbarsim import (
    EKV,
    ConvergenceError,
    Crossbar,
    Driven,
    Ends,
    Floating,
    OneTransistorOneResistor,
    ParameterError,
    Pulse,
    Resistive,
    Sine,
    Solver,
    Wires,
)
from crossbarsim.devices import TEAM, VTEAM, LinearIonDrift, StanfordPKU, StaticSinh, Yakopcic

RNG = np.random.default_rng(0)


def nodal(xbar):
    """Conductance matrix and drive of a crosspoint array whose word lines come from the left."""
    M, N = xbar.shape
    u = np.arange(M * N).reshape(M, N)
    w = u + M * N
    A, drive = np.zeros((2 * M * N, 2 * M * N)), np.zeros((2 * M * N, M))

    def add(a, b, g):
        A[a, a] += g
        A[b, b] += g
        A[a, b] -= g
        A[b, a] -= g

    gw, gb = 1 / float(xbar.wires.word), 1 / float(xbar.wires.bit)
    for i in range(M):
        A[u[i, 0], u[i, 0]] += gw
        drive[u[i, 0], i] = gw
        for j in range(N):
            add(u[i, j], w[i, j], xbar.conductance[i, j])
            if j:
                add(u[i, j - 1], u[i, j], gw)
            if i:
                add(w[i - 1, j], w[i, j], gb)
    for j in range(N):
        A[w[M - 1, j], w[M - 1, j]] += gb
    return A, drive, w[M - 1], gb


def test_rc_array_against_the_matrix_exponential():
    G = RNG.uniform(1e-5, 1e-3, (3, 4))
    xbar = Crossbar(G, Wires(100.0, 50.0, word_capacitance=2e-15, bit_capacitance=1e-15))
    rise, stop = 1e-13, 4e-11
    V = np.array([0.3, -0.2, 0.5])
    run = Solver().transient(xbar, ([0, rise, stop], [0 * V, V, V]), rtol=1e-7)
    A, drive, last, gb = nodal(xbar)
    C = np.repeat([2e-15, 1e-15], 12)
    # x' = C^-1 (-A x + drive v(t)), v a ramp and then constant: augmented with v and v'
    n = len(C)
    big = np.zeros((n + 2, n + 2))
    big[:n, :n] = -A / C[:, None]
    big[:n, n] = drive @ V / C
    big[n, n + 1] = 1.0
    start = np.zeros(n + 2)
    start[n + 1] = 1 / rise
    corner = expm(big * rise) @ start
    corner[n:] = 1.0, 0.0
    expected = []
    for t in run.time:
        x = expm(big * t) @ start if t <= rise else expm(big * (t - rise)) @ corner
        expected.append(gb * x[last])
    scale = np.abs(expected).max()
    np.testing.assert_allclose(run.currents, expected, atol=2e-5 * scale)
    np.testing.assert_allclose(run.currents[-1], Solver().solve(xbar, V).currents, rtol=1e-4)


@pytest.mark.slow
def test_integrator_is_of_second_order():
    xbar = Crossbar(Resistive(np.full((1, 1), 1e-3)).conductance,
                    Wires(1000.0, 1000.0, word_capacitance=1e-12, bit_capacitance=1e-12))
    drive = [Sine(0.0, 1.0, 1e8)]
    errors = []
    exact = Solver().transient(xbar, drive, 2e-8, rtol=1e-8).currents[-1, 0]
    steps = (5e-11, 2.5e-11, 1.25e-11)
    for step in steps:
        run = Solver().transient(xbar, drive, 2e-8, rtol=0.1, max_step=step)
        errors.append(abs(run.currents[-1, 0] - exact))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert ((orders > 1.8) & (orders < 2.4)).all(), orders


@pytest.mark.parametrize("device", [
    VTEAM(r_on=1e3, r_off=1e5), LinearIonDrift(v_p=0.0, v_n=0.0, mu=1e-8),
    pytest.param(Yakopcic(a_1=1e-2, a_2=1e-2, a_p=4e12, a_n=4e12), marks=pytest.mark.slow), TEAM(),
], ids=lambda d: d.name)
def test_states_follow_an_independent_integrator(device):
    """The same array by Radau, its network solved by sparse LU at every evaluation."""
    low, high = device.bounds()
    x0 = low.reshape(-1, 1, 1) + (high - low).reshape(-1, 1, 1) * RNG.uniform(0.3, 0.7, (1, 2, 2))
    xbar = Crossbar(cells=device.array(state=x0), wires=Wires(20.0, 10.0))
    stop = {"vteam": 2e-9, "linear_ion_drift": 1e-6, "yakopcic": 1e-10, "team": 1e-3}[device.name]
    size = {"team": 0.05, "vteam": 0.4}.get(device.name, 0.6)
    t = np.array([0.0, 0.2, 0.4, 1.0]) * stop
    V = size * np.array([[0, 0], [1, -0.5], [1, -0.5], [-1, 0.8]])
    run = Solver().transient(xbar, (t, V), probes=["state"], rtol=1e-7)
    span = (high - low).reshape(-1, 1, 1)
    solver = Solver(method="mna")

    def rates(now, y):
        x = np.clip(low.reshape(-1, 1, 1) + y.reshape(1, 2, 2) * span,
                    low.reshape(-1, 1, 1), high.reshape(-1, 1, 1))
        volts = np.array([np.interp(now, t, V[:, k]) for k in range(2)])
        sol = solver.solve(xbar.with_cells(xbar.cells.with_state(x)), volts)
        f = device.rate(sol.cell_voltages, x) / span
        inside = ((y.reshape(1, 2, 2) > 0) | (f > 0)) & ((y.reshape(1, 2, 2) < 1) | (f < 0))
        return np.where(inside, f, 0.0).ravel()

    y = ((x0 - low.reshape(-1, 1, 1)) / span).ravel()
    for a, b in pairwise(t):
        y = solve_ivp(rates, (a, b), y, method="RK45", rtol=1e-8, atol=1e-10,
                      max_step=(b - a) / 20).y[:, -1]
    moved = np.abs(run["state"][-1] - x0).max() / span.max()
    assert moved > 0.02
    final = ((run.crossbar.cells.state - low.reshape(-1, 1, 1)) / span).ravel()
    np.testing.assert_allclose(final, np.clip(y, 0, 1), atol=3e-5)


def test_energy_and_charge_balance():
    G = RNG.uniform(1e-4, 1e-3, (3, 3))
    caps = Wires(50.0, 30.0, word_capacitance=5e-15, bit_capacitance=3e-15)
    cells = VTEAM(r_on=1e3, r_off=1e5).array(conductance=G, capacitance=2e-15)
    xbar = Crossbar(cells=cells, wires=caps)
    drive = [Pulse(0.0, v, rise=1e-10, width=1e-9, fall=1e-10) for v in (0.5, -0.4, 0.3)]
    run = Solver().transient(
        xbar, drive, 1.3e-9, rtol=1e-6, max_step=2e-12,
        probes=["cell_voltages", "cell_currents", "word_voltages", "bit_voltages"],
    )
    t = run.time
    volts = np.array([[s.at(now) for s in drive] for now in t])
    power = -(run.end_currents["word_left"] * volts).sum(axis=1)
    assert run.energy == pytest.approx(np.trapezoid(power, t), rel=1e-5)
    assert sum(e.sum() for e in run.end_energy.values()) == pytest.approx(run.energy)
    burnt = (run["cell_currents"] * run["cell_voltages"]).sum(axis=(1, 2))
    u, w = run["word_voltages"], run["bit_voltages"]
    word = np.diff(np.concatenate([volts[:, :, None], u], axis=2), axis=2)
    bit = np.diff(np.concatenate([w, np.zeros((len(t), 1, 3))], axis=1), axis=1)
    burnt = burnt + (word**2).sum(axis=(1, 2)) / 50 + (bit**2).sum(axis=(1, 2)) / 30
    stored = 0.5 * ((u**2).sum(axis=(1, 2)) * 5e-15 + (w**2).sum(axis=(1, 2)) * 3e-15
                    + ((u - w) ** 2).sum(axis=(1, 2)) * 2e-15)
    delivered = np.concatenate([[0], np.cumsum(0.5 * (power[1:] + power[:-1]) * np.diff(t))])
    lost = np.concatenate([[0], np.cumsum(0.5 * (burnt[1:] + burnt[:-1]) * np.diff(t))])
    np.testing.assert_allclose(delivered, lost + stored - stored[0], atol=2e-5 * delivered.max())
    assert (delivered >= stored - stored[0] - 1e-6 * delivered.max()).all()  # passivity
    # charge: what flows in through the ends is on the capacitors to ground
    ends = sum(i.sum(axis=1) for i in run.end_currents.values())
    inflow = -np.concatenate([[0], np.cumsum(0.5 * (ends[1:] + ends[:-1]) * np.diff(t))])
    charge = u.sum(axis=(1, 2)) * 5e-15 + w.sum(axis=(1, 2)) * 3e-15
    np.testing.assert_allclose(inflow, charge - charge[0], atol=1e-4 * charge.max())


def test_frozen_states_settle_at_the_static_solution():
    G = RNG.uniform(1e-5, 1e-3, (4, 3))
    cells = StaticSinh(v_0=0.2).array(conductance=G)
    xbar = Crossbar(cells=cells, wires=Wires(50.0, 50.0, word_capacitance=1e-15,
                                             bit_capacitance=1e-15))
    V = np.array([0.5, -0.3, 0.2, 0.4])
    run = Solver().transient(xbar, ([0, 1e-12, 1e-9], [0 * V, V, V]))
    np.testing.assert_allclose(run.currents[-1], Solver().solve(xbar, V).currents, rtol=1e-5)


@pytest.mark.parametrize("layout", ["crosspoint", "parallel"])
def test_writing_a_1t1r_row(layout):
    device = VTEAM(r_on=1e4, r_off=1e6)
    gate = np.zeros((4, 3))
    cells = OneTransistorOneResistor(
        device.array(conductance=np.full((4, 3), 2e-6)), EKV.preset("ptm_65nm", width=1e-6),
        gate_voltage=0.0,
    )
    xbar = Crossbar(cells=cells, wires=Wires(2.0, 2.0), layout=layout,
                    ends=Ends(bit_bottom=Driven(voltage=0.0)))
    gate = [Pulse(0.0, 2.0 if row == 1 else 0.0, rise=1e-10, width=2e-8, fall=1e-10)
            for row in range(4)]
    write = Pulse(0.0, 1.5, delay=2e-10, rise=1e-10, width=1e-8, fall=1e-10)
    run = Solver().transient(
        xbar, {"word_left": Pulse(0.0, 0.0), "bit_bottom": write, "gate": gate}, 1.2e-8,
        probes=["conductance", ("state", (1, 2))],
    )
    end = run.crossbar.conductance
    assert (end[1] > 5e-5).all()
    unselected = np.delete(end, 1, axis=0)
    np.testing.assert_allclose(unselected, 2e-6, rtol=1e-2)
    assert run["conductance"].shape == (len(run.time), 4, 3)
    assert run[("state", (1, 2))].shape == (len(run.time), 1)
    assert run.residual < 1e-4  # of the largest branch at that node, worst of all steps
    two = Solver(method="mna").transient(
        xbar, {"word_left": Pulse(0.0, 0.0), "bit_bottom": write, "gate": gate}, 1.2e-8
    )
    np.testing.assert_allclose(two.crossbar.conductance, end, rtol=1e-6)


def test_corners_are_hit_and_states_stay_in_bounds():
    device = VTEAM()  # switches in a fraction of a nanosecond, then sticks to its bound
    xbar = Crossbar(cells=device.array(conductance=np.full((2, 2), 2e-3)), wires=Wires(1.0, 1.0))
    drive = Pulse(0.0, -1.5, delay=1e-9, rise=1e-12, width=3e-9, fall=2e-12, period=1e-8, count=3)
    run = Solver().transient(xbar, [drive, drive], 3e-8, probes=["state"])
    for corner in drive.breakpoints(3e-8):
        if corner <= 3e-8:
            assert np.abs(run.time - corner).min() <= 1e-15 * 3e-8 + 1e-24
    low, high = device.bounds()
    assert (run["state"] >= low).all()
    assert (run["state"] <= high).all()
    assert np.allclose(run.crossbar.conductance, 1 / 50.0)


def test_noise_does_not_depend_on_the_step():
    device = StanfordPKU(delta=5e-3, t_ref=1e-9)
    xbar = Crossbar(cells=device.array(state=np.full((1, 20, 20), 1e-9)), wires=Wires(0.0, 0.0))
    gaps = []
    for step in (5e-10, 1e-10):
        run = Solver().transient(
            xbar, ([0, 1e-8], np.full((2, 20), 0.1)), max_step=step, seed=1
        )
        gaps.append(run.crossbar.cells.state.ravel())
    sizes = [g.std() for g in gaps]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.15)  # 400 cells: 3.5 % each
    means = [g.mean() for g in gaps]
    assert abs(means[0] - means[1]) < 5 * sizes[0] / np.sqrt(400)
    again = Solver().transient(xbar, ([0, 1e-8], np.full((2, 20), 0.1)), max_step=5e-10, seed=1)
    np.testing.assert_array_equal(again.crossbar.cells.state.ravel(), gaps[0])


def test_an_interrupt_keeps_what_was_computed():
    xbar = Crossbar(cells=VTEAM().array(conductance=np.full((2, 2), 2e-3)))
    calls = []

    def stop(share):
        calls.append(share)
        if len(calls) == 2:
            raise KeyboardInterrupt

    drive = [Pulse(0.0, 0.1, period=1e-6, width=1e-7), Pulse(0.0, 0.1)]
    run = Solver().transient(xbar, drive, 1e-5, progress=stop)
    assert not run.success
    assert "interrupted at" in run.message
    assert len(run.time) == len(run.currents) > 1
    assert run.time[-1] < 1e-5
    assert run.crossbar.shape == (2, 2)


def test_progress_is_shown_on_request(capsys):
    xbar = Crossbar(cells=VTEAM().array(conductance=np.full((2, 2), 2e-3)))
    drive = ([0, 1e-9], np.zeros((2, 2)))
    Solver().transient(xbar, drive, progress=True)
    assert "100%" in capsys.readouterr().out
    Solver().transient(xbar, drive)
    assert not capsys.readouterr().out


def test_labelled_tables():
    xbar = Crossbar(cells=VTEAM().array(conductance=np.full((2, 3), 2e-3)))
    run = Solver().transient(xbar, ([0, 1e-9], np.full((2, 2), 0.1)), probes=["state"])
    data = run.to_xarray()
    assert data["currents"].dims == ("time", "bit_line")
    assert data["state"].dims == ("time", "state_name", "row", "column")
    assert list(data["state_name"].values) == ["x"]
    assert data["currents"].attrs["units"] == "A"


@pytest.mark.parametrize(("change", "message"), [
    ({"waveforms": ([0, 2e-9, 1e-9], np.zeros((3, 2)))}, "times must increase"),
    ({"waveforms": ([0, 1e-9], np.zeros((2, 5)))}, r"must be \(t, V\) with t"),
    ({"waveforms": {"top": Pulse(0, 1)}, "t_stop": 1e-9}, "has no 'top'"),
    ({"waveforms": [Pulse(0, 1)], "t_stop": 1e-9}, "1 sources for 2 lines"),
    ({"waveforms": [Pulse(0, 1)] * 2}, "give `t_stop`"),
    ({"gate": Pulse(0, 1), "t_stop": 1e-9}, "for cells with transistors"),
    ({"probes": ["voltage"]}, "must be one of 'state', 'conductance'"),
    ({"probes": [("state", (5, 0))]}, r"cell \(5, 0\) is outside"),
    ({"rtol": 0.0}, "`rtol` must be between"),
    ({"max_step": -1.0}, "`max_step` must be > 0"),
    ({"max_step": 1e-20}, r"takes 1e\+11 such steps; at most 1,000,000,000"),
    ({"waveforms": {"bit_top": Pulse(0, 1)}, "t_stop": 1e-9}, "all lines float at that end"),
])
def test_bad_input(change, message):
    xbar = Crossbar(cells=VTEAM().array(conductance=np.full((2, 2), 2e-3)))
    arguments = {"waveforms": ([0, 1e-9], np.zeros((2, 2))), **change}
    waveforms = arguments["waveforms"]
    if isinstance(waveforms, dict) and "bit_top" in waveforms:
        arguments["waveforms"] = {"word_left": Pulse(0, 1), **waveforms}
    with pytest.raises(ParameterError, match=message):
        Solver().transient(xbar, arguments.pop("waveforms"), arguments.pop("t_stop", None),
                           **arguments)


def test_a_pulse_too_short_for_the_run_is_refused():
    xbar = Crossbar(cells=VTEAM().array(conductance=np.full((2, 2), 2e-3)))
    with pytest.raises(ParameterError, match="cannot be told apart"):
        Solver().transient(xbar, [Pulse(0.0, 1.0, rise=1e-15, width=1e-15, fall=1e-15)] * 2, 1.0)


def test_a_failure_names_cell_time_and_voltage():
    # no step is small enough for a device that conducts without limit
    cells = StaticSinh(v_0=1e-3).array(state=np.full((1, 2, 2), 1e-3))
    xbar = Crossbar(cells=cells, ends=Ends(word_right=Floating()))
    with pytest.raises(ConvergenceError, match=r"at t = .* cell \(\d, \d\) at .* V"):
        Solver().transient(xbar, ([0, 1e-9, 2e-9], [[0, 0], [0, 0], [2, 2]]))
