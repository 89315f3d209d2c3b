"""Modules that keep values from one evaluation to the next: a library of OSDI 0.3, written in C."""

import shutil
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from crossbarsim.solvers.osdi import OsdiBatch
from crossbarsim.solvers.osdi.hidden_state import Snapshot, keeps_values

from crossbarsim import (
    Circuit,
    NetlistError,
    ParameterError,
    Pulse,
    Simulator,
    load_osdi,
    read_spice,
)
from tests.helpers.osdi import SOURCES, compiled

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("cc") is None, reason="needs a C compiler, cc")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("c") / "counter.osdi"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", path, SOURCES / "counter_0_3.c"], check=True)
    return path


@pytest.fixture
def module(library):
    return load_osdi(library).module()


def test_a_library_of_osdi_0_3(module):
    assert module.version == (0, 3)
    assert module.terminals == ("a", "c")
    assert module.uses_time is None
    assert module.parameter("g").default == 1e-3
    assert [v.name for v in module.variables] == ["k"]
    batch = OsdiBatch(module, {"g": [1e-3, 2e-3]}, {"$mfactor": 3.0})
    found = batch.evaluate([[1.0, 2.0], [0.0, 0.5]])
    np.testing.assert_allclose(found.f[0], [3e-3, 9e-3], rtol=1e-14)
    np.testing.assert_allclose(found.f[1], -found.f[0], rtol=1e-14)
    np.testing.assert_allclose(found.g.sum(axis=0), 0.0, atol=1e-18)
    assert found.g[0].tolist() == [3e-3, 6e-3]
    assert len(batch.c_at[0]) == 0
    with pytest.raises(ParameterError, match=r"`g` = -1.0 is out of the range"):
        OsdiBatch(module, {"g": -1.0})


def test_kept_values_are_found(module):
    batch = OsdiBatch(module, count=3)
    assert keeps_values(batch)
    assert not batch.evaluate(np.zeros((2, 3))).f.any()  # as it was before
    assert not keeps_values(OsdiBatch(compiled("diode_limited"), {"rs": 1.0}))
    assert not keeps_values(OsdiBatch(compiled("memristor")))


def test_a_snapshot_goes_back(module):
    batch = OsdiBatch(module, {"g": 1e-3})
    snapshot = Snapshot(batch)
    first = batch.evaluate([[1.0], [0.0]], 1.0).f[0, 0]
    assert batch.evaluate([[1.0], [0.0]], 2.0).f[0, 0] == pytest.approx(first + 1.0)
    snapshot.restore()
    assert batch.evaluate([[1.0], [0.0]], 1.0).f[0, 0] == first
    snapshot.keep()
    snapshot.restore()
    assert batch.evaluate([[1.0], [0.0]], 2.0).f[0, 0] == pytest.approx(first + 1.0)
    snapshot.reset()
    assert batch.evaluate([[1.0], [0.0]], 1.0).f[0, 0] == first


def test_they_are_refused_by_name(library, module):
    circuit = Circuit().V(1, "a", 0, 1.0).verilog_a("late", ["a", 0], module)
    with pytest.raises(NetlistError, match=r"Nlate: module `remembers` keeps values .*allow_hidden_state=1"):
        Simulator().operating_point(circuit)
    deck = read_spice(f"d\n.hdl {library}\nV1 a 0 1\nN1 a 0 m\n.model m remembers(g=1m)\n.op")
    with pytest.raises(NetlistError, match="keeps values") as caught:
        Simulator().operating_point(deck)
    assert caught.value.line == 4


def test_allowed_ones_run_with_the_longest_step(module):
    wave = Pulse(0.0, 1.0, 1e-3, 1e-3, 1e-3, 3e-3, 20e-3)

    def run(step, **how):
        circuit = Circuit().V(1, "in", 0, wave).R(1, "in", "a", 1.0)
        circuit.verilog_a_model("m", module, g=1e-3, allow_hidden_state=True).verilog_a(1, ["a", 0], "m")
        return Simulator().transient(circuit, 8e-3, max_step=step, **how)

    with pytest.raises(ParameterError, match=r"N1: modules with hidden state.*`max_step`"):
        run(None)
    # k' = v, v = u - R (g v + k): the integral over steps is the rectangle rule, of first order
    errors = []
    for step in (1e-4, 5e-5):
        found = run(step)
        assert np.diff(found.time).max() < 1.0001 * step
        fine = np.linspace(0.0, 8e-3, 80001)
        k = 0.0
        for a, b in pairwise(fine):
            k += (b - a) * (wave.at(0.5 * (a + b)) - k) / 1.001
        errors.append(abs(found["@n1[k]"][-1] - k))
        again = run(step)
        assert np.array_equal(again["v(a)"], found["v(a)"])  # nothing is left behind
    assert errors[0] < 1e-4
    assert errors[1] < 0.6 * errors[0]
    circuit = Circuit().V(1, "a", 0, wave)
    circuit.verilog_a_model("m", module, allow_hidden_state=True).verilog_a(1, ["a", 0], "m")
    with pytest.raises(ParameterError, match="hidden state"):
        Simulator().transient_adjoint(circuit, 1e-3, max_step=1e-4)
