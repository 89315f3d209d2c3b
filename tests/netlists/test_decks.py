"""Sources in time, subcircuits and transients in a flat circuit and its deck."""

import shutil
import subprocess

import numpy as np
import pytest

from crossbarsim import Circuit, Crossbar, ParameterError, Pulse, Pwl, Sine, Solver, Wires

SOURCES = [
    Pulse(0.1, 1.0, 1e-9, 1e-9, 3e-9, 2e-9),
    Pulse(0.0, -1.0, 0.0, 1e-9, 1e-9, 1e-9, period=4e-9),
    Pulse(0.0, 1.0, 1e-9, 1e-9, 0.0, 1e-9, period=4e-9, count=2),
    Sine(0.2, 1.0, 2e8, 1e-9, 5e7),
    Pwl((-1e-9, 2e-9, 3e-9, 9e-9), (0.0, 1.0, 0.5, 0.5)),
    Pwl((2e-9,), (0.7,)),
]
RC = ".subckt rc a b\nR1 a b {r}\n.ends rc"


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")
def test_sources_are_the_same_in_ngspice(tmp_path):
    circuit = Circuit("sources").transient(1.2e-8, 1e-10)
    for k, source in enumerate(SOURCES):
        circuit.V(k, f"n{k}", 0, source).R(k, f"n{k}", 0, 1e3)
    names = " ".join(f"v(n{k})" for k in range(len(SOURCES)))
    control = f".control\nset wr_singlescale\nset numdgt=15\nrun\nwrdata out.txt {names}\n.endc\n.end\n"
    (tmp_path / "deck.cir").write_text(circuit.to_spice().replace(".end\n", control))
    subprocess.run(["ngspice", "-b", "deck.cir"], cwd=tmp_path, capture_output=True, check=False, timeout=60)
    t, *found = np.loadtxt(tmp_path / "out.txt").T
    assert t[-1] == pytest.approx(1.2e-8)
    for source, values in zip(SOURCES, found, strict=True):
        np.testing.assert_allclose(values, [source.at(s) for s in t], atol=1e-6)


def test_deck_of_a_circuit_in_time():
    circuit = Circuit("time").subcircuit("rc", RC).V(1, "a", 0, SOURCES[0])
    circuit.X(1, ["a", 0], "rc", r="2k").transient("10n", 1e-10).options(reltol=1e-4)
    lines = circuit.to_spice().splitlines()
    assert "X1 a 0 rc r=2000.0" in lines
    assert "V1 a 0 DC 0.1 PULSE(0.1 1.0 1e-09 1e-09 2e-09 3e-09 1e+30)" in lines
    assert lines[-3:] == [".options reltol=0.0001", ".tran 1e-10 1e-08 0 1e-10", ".end"]
    assert circuit.graph().number_of_edges() == 2


def test_operating_point_takes_sources_at_time_zero():
    circuit = Circuit().V(1, "a", 0, SOURCES[0]).R(1, "a", "b", 1e3).R(2, "b", 0, 1e3)
    assert Solver().operating_point(circuit)["v(b)"] == pytest.approx(0.05)


def test_a_crossbar_of_resistors_in_time():
    xbar = Crossbar(np.full((2, 3), 1e-3), Wires(1.0, 1.0, word_capacitance=1e-15))
    deck = xbar.to_circuit(waveforms=([0.0, 1e-9], [[0.0, 0.0], [1.0, 0.5]])).to_spice()
    assert "V_wl1_left wl1_left_end 0 DC 0.0 PWL(0.0 0.0 1e-09 0.5)" in deck
    assert deck.count("\nC_wl") == 6


class Odd:
    def at(self, t):
        return t

    def breakpoints(self, t_stop):
        return np.array([t_stop])


@pytest.mark.parametrize(("build", "message"), [
    (lambda c: c.X(1, ["a", 0], "rc"), "no subcircuit 'rc'"),
    (lambda c: c.subcircuit("rc", RC).subcircuit("RC", RC + "\n"), "another subcircuit"),
    (lambda c: c.transient(0.0), "`t_stop` must be > 0"),
    (lambda c: c.V(1, "a", 0, Odd()).transient(1.0).to_spice(), "Odd cannot be written for SPICE"),
])
def test_mistakes_are_named(build, message):
    with pytest.raises(ParameterError, match=message):
        build(Circuit())
