"""Devices, cells and arrays against ngspice, which runs the decks written by `to_spice`."""

import math
import shutil
import subprocess

import numpy as np
import pytest

from crossbarsim import (
    Crossbar,
    Driven,
    Ends,
    Grounded,
    LoadResistor,
    ParameterError,
    Pulse,
    Pwl,
    Sensed,
    Sine,
    Solver,
    Wires,
)
from crossbarsim.devices import (
    EKV,
    TEAM,
    VTEAM,
    DataDriven2018,
    DataDriven2021,
    Device,
    ExponentialSelector,
    JartVcmV1b,
    Level1,
    LinearIonDrift,
    MiecSelector,
    OneSelectorOneResistor,
    OneTransistorOneResistor,
    PhaseChange,
    SimmonsTunnelBarrier,
    Sky130Reram,
    StanfordPKU,
    State,
    StaticPolynomial,
    StaticSinh,
    ThresholdSelector,
    Yakopcic,
    parameter,
)

ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")


def run(circuit, folder, queries, *, transient=True, timeout=60, **options):
    """Run the circuit's deck; return the columns of `queries`, in time after a column of times."""
    deck = circuit.options(**options).to_spice()
    commands = ["set wr_singlescale", "set numdgt=15", f"save {' '.join(queries)}", "run",
                f"wrdata result.txt {' '.join(queries)}"]
    if not transient:
        commands = [*commands[1:2], "op", *(f"print {q}" for q in queries)]
    text = "\n".join([".control", *commands, ".endc", ".end", ""])
    (folder / "deck.cir").write_text(deck.replace(".end\n", text))
    done = subprocess.run(
        ["ngspice", "-b", "deck.cir"], cwd=folder, capture_output=True, text=True, check=False,
        timeout=timeout,
    )
    if not transient:
        found = dict(
            line.split(" = ") for line in done.stdout.splitlines() if line.count(" = ") == 1
        )
        assert set(queries) <= set(found), done.stderr
        return np.array([float(found[q]) for q in queries])
    assert (folder / "result.txt").is_file(), done.stderr[-2000:]
    found = np.loadtxt(folder / "result.txt")
    stop = float(deck.split(".tran ")[1].split()[1])
    assert found[-1, 0] == pytest.approx(stop), done.stderr[-2000:]
    return found.T


def uniform(low, high, shape=(4, 4)):
    return np.random.default_rng(5).uniform(low, high, shape)


def conductances(device, shape=(4, 4), low=0.1, high=0.9):
    a, b = (float(np.min(g)) for g in device.conductance_range())
    return a * (b / a) ** uniform(low, high, shape)


def spread(device, **relative):
    """Return the device with parameters that differ from cell to cell."""
    return device.replace(**{
        name: getattr(device, name) * uniform(1 - r, 1 + r) for name, r in relative.items()
    })


STATIC = {
    "passive": lambda: VTEAM().array(conductance=conductances(VTEAM())),
    "turned": lambda: VTEAM(polarity=-1, iv="exponential").array(conductance=conductances(VTEAM())),
    "inner unknown": lambda: JartVcmV1b().array(conductance=np.full((4, 4), 1e-5)),
    "1T1R": lambda: OneTransistorOneResistor(
        VTEAM().array(conductance=conductances(VTEAM())), EKV(), gate_voltage=[1.5, 1.0, 0.6, 0.2]),
    "1T1R by column": lambda: OneTransistorOneResistor(
        VTEAM().array(conductance=conductances(VTEAM())), Level1.preset("rough_45nm"),
        gate_voltage=[1.5, 1.0, 0.6, 0.2], gate_along="columns", transistor_side="word"),
    "1T1R, each cell": lambda: OneTransistorOneResistor(
        StanfordPKU().array(conductance=conductances(StanfordPKU())),
        EKV(v_t0=uniform(0.4, 0.5)), gate_voltage=uniform(0.5, 1.5)),
    "1T1R, hot": lambda: OneTransistorOneResistor(
        VTEAM().array(conductance=conductances(VTEAM())), Level1.preset("rough_130nm"),
        gate_voltage=[1.5, 1.0, 0.6, 0.2], temperature=380.0),
    "1T1R, each cell hot": lambda: OneTransistorOneResistor(
        VTEAM().array(conductance=conductances(VTEAM())), EKV(tcv=5e-4),
        gate_voltage=[1.5, 1.0, 0.6, 0.2], temperature=uniform(250.0, 400.0)),
    "1S1R": lambda: OneSelectorOneResistor(
        VTEAM().array(conductance=conductances(VTEAM())), ExponentialSelector()),
    "1S1R, MIEC": lambda: OneSelectorOneResistor(
        spread(VTEAM(), r_off=0.05).array(conductance=conductances(VTEAM(), high=0.8, low=0.3)),
        MiecSelector()),
    "sinh": lambda: StaticSinh(v_0=0.3).array(conductance=uniform(1e-5, 1e-3)),
    "polynomial": lambda: StaticPolynomial(c_2=0.1, c_3=0.2).array(
        conductance=uniform(1e-5, 1e-3)),
}


@ngspice
@pytest.mark.parametrize("name", STATIC)
def test_static_solve_with_frozen_states(name, tmp_path):
    xbar = Crossbar(cells=STATIC[name](), wires=Wires(5.0, 7.0, driver=20.0))
    V = np.array([1.0, 0.7, -0.3, 0.1]) * (0.4 if name == "inner unknown" else 1.0)
    sol = Solver().solve(xbar, V)
    queries = [f"i(v_bl{j}_bottom)" for j in range(4)]
    queries += [f"v({line}{i}_{j})" for line in ("wl", "bl") for i in range(4) for j in range(4)]
    found = run(xbar.to_circuit(V), tmp_path, queries, transient=False,
                reltol=1e-9, abstol=1e-16, vntol=1e-12)
    np.testing.assert_allclose(found[:4], sol.currents, rtol=0, atol=1e-6 * np.abs(sol.currents).max())
    volts = np.concatenate([sol.word_voltages.ravel(), sol.bit_voltages.ravel()])
    np.testing.assert_allclose(found[4:], volts, rtol=0, atol=1e-7)


@ngspice
def test_parallel_layout(tmp_path):
    cells = OneTransistorOneResistor(
        VTEAM().array(conductance=conductances(VTEAM(), (3, 4))), EKV(), gate_voltage=[1.5, 0.0, 1.0])
    xbar = Crossbar(cells=cells, wires=Wires(5.0, 7.0), layout="parallel")
    V = np.array([1.0, 0.7, -0.3, 0.1])
    sol = Solver().solve(xbar, V)
    found = run(xbar.to_circuit(V), tmp_path, [f"i(v_bl{j}_bottom)" for j in range(4)],
                transient=False, reltol=1e-9, abstol=1e-16, vntol=1e-12)
    np.testing.assert_allclose(found, sol.currents, rtol=0, atol=1e-6 * np.abs(sol.currents).max())


# cells, waveforms, gate, end
def vteam_1t1r():
    cells = OneTransistorOneResistor(
        spread(VTEAM(), k_off=0.2).array(conductance=conductances(VTEAM())), EKV(width=20e-6))
    lines = [Pulse(0, v, 1e-9, 2e-9, 2e-8, 1e-9) for v in (1.2, 0.9, 1.2, 0.2)]
    return cells, lines, [Pulse(0, 1.6, 1e-9, 1e-9, 3e-8, 1e-9)] * 2 + [Pulse(0, 0.8, 1e-9)] * 2, 4e-8


def vteam_passive():
    lines = [Pulse(0, 1.0, 1e-9, 1e-9, 1e-8, 1e-9), Pulse(0, -0.8, 1e-9, 1e-9, 1e-8, 1e-9)]
    return VTEAM().array(conductance=conductances(VTEAM())), lines + [Pulse(0, 0.3, 1e-9)] * 2, None, 2e-8


def stanford_1t1r():
    cells = OneTransistorOneResistor(
        StanfordPKU().array(conductance=conductances(StanfordPKU())), EKV(width=5e-6), gate_along="columns")
    return (cells, [Pulse(0, 2.0, 1e-7, 1e-7, 5e-7, 1e-7)] * 4,
            ([0.0, 1e-7, 1e-6], [[0.0, 0.5, 0.0, 0.0], [1.5, 1.2, 0.7, 0.0], [1.5, 1.2, 0.7, 0.0]]), 1e-6)


def sky130_1t1r():
    cells = OneTransistorOneResistor(
        Sky130Reram().array(conductance=conductances(Sky130Reram(), high=0.6)), EKV(width=5e-6))
    gate = [Pulse(0, v, 0, 1e-8, 4e-7, 1e-8) for v in (1.5, 1.2, 1.0, 0.0)]
    return cells, [Pulse(0, 2.4, 1e-8, 1e-7, 1e-7, 1e-7)] * 4, gate, 4e-7


def one_selector(selector):
    device = VTEAM(r_on=1e4, r_off=2e5)
    lines = [Pulse(0, v, 1e-9, 1e-9, 2e-8, 1e-9) for v in (1.6, 1.6, 0.5, 0.5)]
    return OneSelectorOneResistor(device.array(conductance=conductances(device)), selector), lines, None, 4e-8


# tolerances: of currents over the largest, of their mean in time, of final states over the range;
# an abrupt SET comes a little earlier or later, with a large but short difference of currents
ARRAYS = {
    "VTEAM 1T1R": (vteam_1t1r, 1e-3, 1e-4, 1e-4),
    "VTEAM passive": (vteam_passive, 3e-3, 1e-4, 1e-4),
    "Stanford/PKU 1T1R": (stanford_1t1r, 1e-3, 1e-4, 1e-4),
    "sky130 1T1R": (sky130_1t1r, 0.5, 1e-3, 1e-3),
    "1S1R, MIEC": (lambda: one_selector(MiecSelector()), 1e-3, 1e-4, 1e-4),
    "1S1R, threshold": (lambda: one_selector(ThresholdSelector(v_s=1e-2)), 0.1, 1e-3, 1e-4),
}


@ngspice
@pytest.mark.parametrize(
    ("name", "capacitors"),
    [pytest.param(name, False, marks=[pytest.mark.slow] if "threshold" in name or "sky130" in name else [])
     for name in ARRAYS] + [("VTEAM 1T1R", True), ("VTEAM passive", True)],
)
def test_transient_of_an_array(name, capacitors, tmp_path):
    make, worst, mean, state_tolerance = ARRAYS[name]
    cells, waveforms, gate, t_stop = make()
    wires = Wires(5.0, 7.0)
    if capacitors:
        cells.capacitance = np.array(2e-15)
        wires = Wires(20.0, 30.0, word_capacitance=2e-14, bit_capacitance=1e-14)
    xbar = Crossbar(cells=cells, wires=wires)
    ours = Solver().transient(xbar, waveforms, t_stop, gate=gate, rtol=1e-5)
    circuit = xbar.to_circuit(waveforms=waveforms, gate=gate, t_stop=t_stop, max_step=t_stop / 2000)
    queries = [f"i(v_bl{j}_bottom)" for j in range(4)]
    names = list(cells.device.state_names)
    if hasattr(cells, "selector"):
        names += [f"sel_{n}" for n in cells.selector.state_names]
    queries += [f"v(x_cell{i}_{j}.s_{n})" for n in names for i in range(4) for j in range(4)]
    found = run(circuit, tmp_path, queries, reltol=1e-5, abstol=1e-15, vntol=1e-9)
    scale = np.abs(ours.currents).max()
    for j in range(4):
        theirs = np.interp(ours.time, found[0], found[1 + j])
        miss = np.abs(theirs - ours.currents[:, j]) / scale
        assert miss.max() < worst
        assert np.trapezoid(miss, ours.time) / t_stop < mean
    low, high = cells.bounds()
    start, end = ((x - low) / (high - low) for x in (cells.state, ours.crossbar.cells.state))
    assert np.abs(end - start).max() > 0.05
    theirs = np.clip(found[5:, -1], 0, 1).reshape(len(names), 4, 4)
    np.testing.assert_allclose(theirs, end, rtol=0, atol=state_tolerance)


# model, amplitude (V), period (s), first state as a share of its range, tolerance: mean in time, at the end
DRIVES = [
    (LinearIonDrift(v_p=0.0, v_n=0.0), 1.0, 1.0, 0.3, 1e-5),
    (LinearIonDrift.preset("biolek"), 1.0, 1.0, 0.3, 1e-4),
    (LinearIonDrift(window="prodromakis", p=2.0, v_p=0.0, v_n=0.0), 1.0, 1.0, 0.3, 1e-5),
    (LinearIonDrift(window="zha", p=2.0, v_p=0.0, v_n=0.0), 1.0, 1.0, 0.3, 1e-5),
    (TEAM(), 0.1, 1e-3, 0.5, 1e-5),
    (VTEAM(), 1.0, 2e-8, 0.3, 1e-4),
    (VTEAM(polarity=-1), 1.0, 2e-8, 0.3, 1e-4),
    (VTEAM.preset("magic", iv="exponential"), 2.0, 4e-8, 0.5, 1e-3),
    (VTEAM.preset("taox"), 0.9, 1e-6, 0.5, 1e-5),
    (SimmonsTunnelBarrier(), 1.0, 1.0, 0.5, 3e-4),
    (Yakopcic(), 0.45, 1e-2, 0.2, 1e-4),
    (Yakopcic.preset("aguirre_c2"), 1.0, 1.0, 0.2, 1e-5),
    (StanfordPKU(), 1.8, 1e-6, 0.9, 1e-3),
    (Sky130Reram(), 1.4, 5e-7, 0.7, 1e-3),
    (JartVcmV1b(), 1.0, 1e-5, 0.01, 1e-3),
    (DataDriven2018(), 1.0, 1e-2, 0.5, 1e-4),
    (DataDriven2021(), 1.5, 1e-5, 0.6, 1e-4),
    (PhaseChange(), 0.1, 1e4, 0.5, 1e-3),
    (ThresholdSelector(), 1.0, 1e-6, 0.0, 3e-3),
]


@ngspice
@pytest.mark.parametrize(("device", "amplitude", "period", "share", "tolerance"), DRIVES, ids=repr)
def test_every_model_under_a_sine(device, amplitude, period, share, tolerance, tmp_path):
    low, high = device.bounds()
    x = device.rest()
    x[device.main_state] = (low + share * (high - low))[device.main_state]
    xbar = Crossbar(cells=device.array(state=x, shape=(1, 1)))
    circuit = xbar.to_circuit(
        waveforms=Sine(0.0, amplitude, 1 / period), t_stop=period, max_step=period / 2000
    )
    queries = ["i(v_bl0_bottom)", *(f"v(x_cell0_0.s_{n})" for n in device.state_names)]
    t, current, *states = run(circuit, tmp_path, queries, reltol=1e-5, abstol=1e-15, vntol=1e-9)
    every = np.unique(np.concatenate([np.linspace(0, period, 201), t]))
    trace = device.simulate(every, amplitude * np.sin(2 * np.pi * every / period), state=x, rtol=1e-7)
    at = np.searchsorted(every, t)

    def mean(miss):
        return np.trapezoid(np.abs(miss), t) / period

    assert mean(current - trace.current[at]) < 3 * tolerance * np.abs(trace.current).max()
    for s, theirs in enumerate(states):
        ours = (trace.state[s][at] - low[s]) / (high[s] - low[s])
        assert mean(np.clip(theirs, 0, 1) - ours) < tolerance
        assert abs(np.clip(theirs[-1], 0, 1) - ours[-1]) < tolerance


@ngspice
def test_ends_and_sources_in_time(tmp_path):
    """Bit lines driven, loads lifted, words held: the forms of waveforms that a transient takes."""
    ends = Ends(
        word_left=[Driven(), Driven(0.3), Grounded(10.0)], word_right=Driven(0.1, resistance=50.0),
        bit_bottom=[Sensed(LoadResistor(100.0)), Sensed(), Driven(0.2)],
    )
    xbar = Crossbar(cells=StaticSinh(v_0=0.3).array(conductance=np.full((3, 3), 1e-3)),
                    wires=Wires(5.0, 7.0, word_capacitance=1e-13), ends=ends)
    waveforms = {
        "word_left": [Pulse(0, 1, 1e-9, 1e-9, 0.0, 1e-9, period=5e-9, count=2), Sine(0.1, 0.5, 2e8, 1e-9, 1e8),
                      Pwl((2e-9, 3e-9), (0.2, 0.7))],
        "bit_bottom": ([0.0, 5e-9, 1e-8], [0.0, 0.5, -0.5]),
    }
    ours = Solver().transient(xbar, waveforms, 1.5e-8, rtol=1e-6)
    circuit = xbar.to_circuit(waveforms=waveforms, t_stop=1.5e-8, max_step=1e-11)
    found = run(circuit, tmp_path, ["v(bl0_bottom_end)", "v(bl0_bottom_source)", "i(v_bl1_bottom)", "i(v_bl2_bottom)"],
                reltol=1e-5, abstol=1e-15, vntol=1e-9)
    currents = [(found[1] - found[2]) / 100.0, found[3], found[4]]
    for j, theirs in enumerate(currents):
        np.testing.assert_allclose(
            np.interp(ours.time, found[0], theirs), ours.currents[:, j], rtol=0,
            atol=2e-3 * np.abs(ours.currents).max(),
        )


class Custom(Device):
    """A law with everything that the translation knows."""

    name = "custom"
    states = (State("a"), State("b", low=-1.0, high="top", rest=0.0))
    top = parameter(2.0, low=0.0)
    g = parameter(1e-3, "S")
    way = parameter("one", choices=("one", "two"))

    @staticmethod
    def current_law(v, x, p):
        if p.way == "two":
            return p.g * v
        scale: float = p.g
        scale *= 1.0 + 0.1 * x.a ** 3 + 0.01 * (x.b - 1.0) ** 3
        return scale * (v if abs(v) < 0.4 and not v > 0.3 else 2.0 * bent(v))

    @staticmethod
    def rate_law(v, x, p, i):  # noqa: ARG004
        if v > 0.0 or i > 1.0:
            return 1e8 * v * (1.0 - x.a), -1e8 * x.b
        return 0.0, max(1e8 * v, -5e7)


def bent(v):
    return v * v * v / (0.1 + v**2)


@ngspice
def test_a_law_of_ones_own(tmp_path):
    device = Custom()
    xbar = Crossbar(cells=device.array(state=[0.2, 0.5], shape=(1, 1)))
    circuit = xbar.to_circuit(waveforms=Sine(0.0, 1.0, 1e8), t_stop=1e-8, max_step=1e-11)
    t, a, b = run(circuit, tmp_path, ["v(x_cell0_0.s_a)", "v(x_cell0_0.s_b)"], reltol=1e-5, vntol=1e-9)
    trace = device.simulate(t, np.sin(2e8 * np.pi * t), state=[0.2, 0.5], rtol=1e-8)
    np.testing.assert_allclose(a, trace.state[0], atol=1e-4)
    np.testing.assert_allclose(3 * b - 1, trace.state[1], atol=1e-4)


class Foreign(Device):
    name = "foreign"
    states = (State("a"),)

    @staticmethod
    def current_law(v, x, p):  # noqa: ARG004
        return 1e-3 * v * x.a

    @staticmethod
    def rate_law(v, x, p, i):  # noqa: ARG004
        return math.erf(v)


def test_what_cannot_be_written_is_named():
    def deck(cells, **options):
        options = options or {"waveforms": Sine(0.0, 1.0, 1e8), "t_stop": 1e-8}
        return Crossbar(cells=cells).to_circuit(**options)

    with pytest.raises(ParameterError, match=r"rate_law, line \d+: `math.erf` cannot be written"):
        deck(Foreign().array(state=[0.5], shape=(1, 1)))
    with pytest.raises(ParameterError, match="noise"):
        deck(StanfordPKU.preset("stochastic").array(shape=(1, 1)))
    cells = VTEAM().array(shape=(2, 2))
    with pytest.raises(ParameterError, match="`gate_voltage` is for cells with transistors"):
        deck(cells, V=[0.1, 0.2], gate_voltage=1.0)
    with pytest.raises(ParameterError, match="either `V` or `waveforms`"):
        Crossbar(cells=cells).to_circuit()
    with pytest.raises(ParameterError, match="give `t_stop`"):
        deck(cells, waveforms=Sine(0.0, 1.0, 1e8))
    with pytest.raises(ParameterError, match="go with `waveforms`"):
        deck(cells, V=[0.1, 0.2], t_stop=1.0)
    with pytest.raises(ParameterError, match=r"X_cell0_0 is a subcircuit \(cell\)"):
        Solver().operating_point(deck(cells, V=[0.1, 0.2]))
