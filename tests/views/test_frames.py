"""Results as labelled arrays and tables: the same numbers, with names and units."""

import builtins

import numpy as np
import pytest

from crossbarsim import (
    BackendUnavailable,
    Crossbar,
    ParameterError,
    Simulator,
    Solver,
    Wires,
    read_spice,
)
from crossbarsim.devices import VTEAM

RNG = np.random.default_rng(5)
G = 10 ** RNG.uniform(-6, -4, (6, 4))
XBAR = Crossbar(G, Wires(word=3.0, bit=2.0))
DECK = read_spice("rc\nV1 in 0 AC 1 PULSE(0 1 0 1n 1n 5u 10u)\nR1 in out 1k\nC1 out 0 1n\n.tran 10n 20u\n"
                  ".ac dec 5 1k 10meg\n.dc V1 0 2 0.5\n.dc R1 1k 3k 1k\n.dc temp 0 50 25\n"
                  ".noise v(out) V1 dec 5 1k 1meg\n")


def test_solution_of_a_batch():
    solution = Solver().solve(XBAR, RNG.uniform(0, 0.2, (3, 6)))
    data = solution.to_xarray()
    assert data["cell_currents"].dims == ("input", "row", "column")
    assert data["currents"].dims == ("input", "bit_line")
    assert data["word_left_current"].dims == ("input", "word_line")
    assert data["cell_voltages"].attrs["units"] == "V"
    assert np.array_equal(data["cell_currents"], G * solution.cell_voltages)
    table = solution.to_dataframe()
    assert len(table) == 3 * 6 * 4
    row = table[(table["input"] == 2) & (table["row"] == 4) & (table["column"] == 1)].iloc[0]
    assert row["cell_voltage"] == solution.cell_voltages[2, 4, 1]
    assert row["conductance"] == G[4, 1]
    # what flows out of a bit line is the sum over its cells
    sums = table.groupby(["input", "column"])["cell_current"].sum().to_numpy().reshape(3, 4)
    assert np.allclose(sums, solution.currents, rtol=1e-9)


def test_solution_of_one_vector_and_of_currents():
    one = Solver().solve(XBAR, np.full(6, 0.1))
    assert one.to_xarray()["word_voltages"].dims == ("row", "column")
    assert "input" not in one.to_dataframe()
    bare = Solver().solve(XBAR, np.full((2, 6), 0.1), fields="currents")
    assert "cell_voltages" not in bare.to_xarray()
    with pytest.raises(ParameterError, match="was not kept"):
        bare.to_dataframe()


def test_solution_of_the_parallel_layout():
    xbar = Crossbar(G, Wires(2.0, 2.0), layout="parallel")
    data = Solver().solve(xbar, np.full(4, 0.1)).to_xarray()
    assert data["V"].shape == (4,)


@pytest.mark.parametrize("save", ["all", "final"])
@pytest.mark.parametrize("count", [1, 3])
def test_trace(save, count):
    t = np.linspace(0.0, 1e-7, 30)
    waves = np.sin(2e7 * np.pi * t) * (np.arange(count)[:, None] + 1.0 if count > 1 else 1.0)
    trace = VTEAM.preset("magic").simulate(t, waves, conductance=1e-5, save=save)
    data, table = trace.to_xarray(), trace.to_dataframe()
    last = ("time",) if save == "all" else ()
    assert data["current"].dims == ((*(("device",) if count > 1 else ()), *last))
    assert np.array_equal(data["state_x"], trace.state[0])
    assert data["state_x"].attrs["units"] == "m"
    assert np.array_equal(table["conductance"], np.ravel(trace.conductance))
    if save == "all":
        assert data["time"].attrs["units"] == "s"
        assert table.index.names[-1] == "time"


def test_units_of_circuits():
    run, spectrum, sweep, ohms, warm, noise = Simulator().run(DECK)
    assert run.to_xarray()["time"].attrs["units"] == "s"
    point = Simulator().operating_point(run.circuit)
    assert {n: v.item() for n, v in point.to_xarray().items()} == point.to_dict()
    assert point.to_xarray()["i(v1)"].attrs["units"] == "A"
    assert run.to_xarray()["i(v1)"].attrs["units"] == "A"
    data = spectrum.to_xarray()
    assert data["frequency"].attrs["units"] == "Hz"
    assert np.array_equal(data["v(out)"], spectrum["v(out)"])
    assert sweep.to_xarray()["v1"].attrs["units"] == "V"
    assert ohms.to_xarray()["r1"].attrs["units"] == "ohm"
    assert warm.to_xarray()[next(iter(warm.axes))].attrs["units"] == "degC"
    assert "sqrt(Hz)" in noise.to_xarray()["inoise_spectrum"].attrs["units"]


def test_missing_extras_are_named(monkeypatch):
    real = builtins.__import__

    def missing(name, *arguments, **options):
        if name.split(".")[0] in ("pandas", "xarray", "matplotlib"):
            raise ImportError(name=name)
        return real(name, *arguments, **options)

    solution = Solver().solve(XBAR, np.full(6, 0.1))
    trace = VTEAM().hysteresis(1.0, 1e6, points=20)
    for name in ("pandas", "xarray", "matplotlib"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    monkeypatch.setattr(builtins, "__import__", missing)
    for one in (solution, trace):
        for call, name in ((one.to_xarray, "xarray"), (one.to_dataframe, "pandas"), (one.plot, "matplotlib")):
            with pytest.raises(BackendUnavailable, match=rf"{name} is missing: pip install 'crossbarsim\[studies\]'"):
                call()
        assert "<table>" in one._repr_html_()
