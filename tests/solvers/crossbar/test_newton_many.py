"""Many input vectors of curved cells, solved together: against nodal analysis and one by one."""

import numpy as np
import pytest
from crossbarsim.solvers.crossbar import static_cells
from crossbarsim.solvers.crossbar.structured import linear_steps, newton_many
from crossbarsim.solvers.crossbar.structured.rounds import lanes_many

from crossbarsim import (
    EKV,
    ConvergenceError,
    Crossbar,
    Driven,
    Ends,
    OneSelectorOneResistor,
    OneTransistorOneResistor,
    Resistive,
    Sensed,
    Solver,
    Wires,
)
from crossbarsim.devices import VTEAM, ExponentialSelector, StanfordPKU, StaticSinh
from crossbarsim.nonidealities import DeviceIV, PolynomialIV, SinhIV, TableIV


def _conductances(shape):
    return np.random.default_rng(1).uniform(1e-5, 1e-4, shape)


CELLS = {
    "sinh": lambda shape: SinhIV(0.2).cells(_conductances(shape)),
    "polynomial": lambda shape: PolynomialIV(c_2=0.5, c_3=2.0).cells(_conductances(shape)),
    "table": lambda shape: TableIV(
        [0.0, 0.1, 0.2, 0.4], [0.0, 1e-6, 2.2e-6, 6e-6], odd=True
    ).cells(_conductances(shape)),
    "device": lambda shape: DeviceIV(StanfordPKU()).cells(_conductances(shape)),
    "parameters per cell": lambda shape: StaticSinh(
        v_0=np.random.default_rng(2).uniform(0.1, 0.4, shape)
    ).array(conductance=_conductances(shape)),
    "reversed": lambda shape: VTEAM(polarity=-1).array(conductance=40 * _conductances(shape) + 1e-3),
    "selector": lambda shape: OneSelectorOneResistor(
        Resistive(_conductances(shape)), ExponentialSelector()
    ),
    "transistor": lambda shape: OneTransistorOneResistor(
        Resistive(_conductances(shape)), EKV(), gate_voltage=np.linspace(0.3, 1.5, shape[0])
    ),
    "transistor, word side": lambda shape: OneTransistorOneResistor(
        VTEAM().array(conductance=40 * _conductances(shape) + 1e-3), EKV(), gate_voltage=1.2,
        transistor_side="word",
    ),
}


def _broken(shape):
    word = np.full((shape[0], shape[1]), 3.0)
    word[1, 2] = np.inf
    return Wires(word, 2.0)


def _wires(kind, shape):
    if kind == "whole":
        return Wires(np.random.default_rng(3).uniform(1.0, 30.0, shape), 8.0)
    if kind == "some of 0 ohm":
        word = np.where(np.arange(shape[1]) % 3, 4.0, 0.0) * np.ones(shape)
        return Wires(word, 0.0, driver=5.0, sense=7.0)
    return {"ideal": Wires(0.0, 0.0), "short": Wires(1e-4, 1e-4),
            "resistive": Wires(200.0, 300.0)}[kind]


WIRES = ["whole", "ideal", "some of 0 ohm", "short", "resistive"]


def _close(found, expected, rtol=1e-8):
    assert np.abs(found - expected).max() <= rtol * np.abs(expected).max()


@pytest.fixture
def _never_alone(monkeypatch):
    """Fail where a vector of many is left to the iteration with safeguards."""
    safe = static_cells._one_by_one

    def refuse(network, problem, *rest):
        assert problem.batch == 1 or len(rest[3]) == 0
        return safe(network, problem, *rest)

    monkeypatch.setattr(static_cells, "_one_by_one", refuse)


@pytest.mark.usefixtures("_never_alone")
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("shape", [(5, 7), (18, 9)])
def test_all_cells_agree_with_nodal_analysis(kind, shape):
    V = np.random.default_rng(4).uniform(-0.4, 0.4, (6, shape[0]))
    xbar = Crossbar(cells=CELLS[kind](shape), wires=_wires("whole", shape))
    sol = Solver(threads=1).solve(xbar, V)
    assert sol.method == "structured/newton-krylov"
    assert sol.residual <= 1e-8
    assert sol.iterations >= 1
    for v, currents, cell_currents in zip(V, sol.currents, sol.cell_currents, strict=True):
        exact = Solver(method="mna").solve(xbar, v)  # one vector: by itself
        _close(currents, exact.currents)
        _close(cell_currents, exact.cell_currents)
    _close(sol.cell_currents.sum(axis=1), sol.currents)  # Kirchhoff's law of whole bit lines


@pytest.mark.usefixtures("_never_alone")
@pytest.mark.parametrize("kind", WIRES)
@pytest.mark.parametrize("cells", ["sinh", "transistor"])
def test_all_wires_agree_with_nodal_analysis(kind, cells):
    shape = (18, 9)
    V = np.random.default_rng(5).uniform(-0.4, 0.4, (5, shape[0]))
    xbar = Crossbar(cells=CELLS[cells](shape), wires=_wires(kind, shape))
    sol = Solver(threads=1).solve(xbar, V)
    for v, currents, word, bit in zip(
        V, sol.currents, sol.word_voltages, sol.bit_voltages, strict=True
    ):
        exact = Solver(method="mna").solve(xbar, v)
        _close(currents, exact.currents)
        _close(word, exact.word_voltages)
        assert np.abs(bit - exact.bit_voltages).max() <= 1e-8


def test_ends_of_all_kinds():
    shape = (9, 6)
    ends = Ends(
        word_left=Driven(), word_right=[Driven(voltage=0.1, resistance=50.0)] * 9,
        bit_top=[Driven(voltage=0.05)] * 6, bit_bottom=Sensed(),
    )
    V = np.random.default_rng(6).uniform(-0.3, 0.3, (4, 9))
    for wires in (_wires("whole", shape), _broken(shape)):
        xbar = Crossbar(cells=CELLS["sinh"](shape), wires=wires, ends=ends)
        sol = Solver(threads=1).solve(xbar, V)
        for k, v in enumerate(V):
            exact = Solver(method="mna").solve(xbar, v)
            _close(sol.currents[k], exact.currents)
            for name, found in sol.end_currents.items():
                _close(found[k], exact.end_currents[name])


@pytest.mark.parametrize("cells", ["sinh", "selector", "transistor"])
def test_a_vector_is_alike_in_every_company(monkeypatch, cells):
    """Neither its place in the batch nor the number of slots nor threads change it."""
    shape = (7, 5)
    V = np.random.default_rng(8).uniform(-0.5, 0.5, (23, 7)) * np.linspace(0.01, 2.0, 23)[:, None]
    xbar = Crossbar(cells=CELLS[cells](shape), wires=_wires("whole", shape))
    expected = Solver(threads=1).solve(xbar, V)
    order = np.random.default_rng(9).permutation(len(V))
    monkeypatch.setattr(newton_many, "_AT_ONCE", 4 * 35)
    found = Solver(threads=1).solve(xbar, V[order])
    # cells are evaluated eight at a time, or one: rounded differently
    _close(found.currents, expected.currents[order], 1e-13)
    _close(found.cell_currents, expected.cell_currents[order], 1e-13)
    threaded = Solver(threads=3).solve(xbar, V, fields="currents")
    _close(threaded.currents, expected.currents, 1e-13)


def test_cells_that_are_all_but_straight_are_resistors():
    G = _conductances((20, 12))
    V = np.random.default_rng(10).uniform(-0.2, 0.2, (9, 20))
    wires = Wires(4.0, 6.0)
    straight = Solver().solve(Crossbar(G, wires), V)
    curved = Solver().solve(Crossbar(cells=SinhIV(1e4).cells(G), wires=wires), V)
    _close(curved.currents, straight.currents, 1e-9)
    _close(curved.word_voltages, straight.word_voltages, 1e-9)


def test_rtol_bounds_the_error():
    G = _conductances((40, 24))
    V = np.random.default_rng(11).uniform(-0.6, 0.6, (8, 40))
    xbar = Crossbar(cells=SinhIV(0.2).cells(G), wires=Wires(10.0, 10.0))
    exact = Solver(rtol=1e-13).solve(xbar, V).currents
    errors = []
    for rtol in (1e-3, 1e-6, 1e-10):
        found = Solver(rtol=rtol).solve(xbar, V).currents
        errors.append(float(np.max(np.abs(found - exact) / np.abs(exact).max(axis=1)[:, None])))
        assert errors[-1] <= rtol
    assert errors[0] > 1e-12  # it does stop early


def test_gate_voltages_of_every_vector():
    shape = (6, 4)
    cells = CELLS["transistor"](shape)
    xbar = Crossbar(cells=cells, wires=_wires("whole", shape))
    V = np.random.default_rng(12).uniform(0.0, 0.5, (3, 6))
    gates = np.random.default_rng(13).uniform(0.5, 1.5, shape)
    sol = Solver().solve(xbar, V, gate_voltage=gates)
    for v, currents in zip(V, sol.currents, strict=True):
        _close(currents, Solver(method="mna").solve(xbar, v, gate_voltage=gates).currents)


def test_no_drive_is_no_current():
    xbar = Crossbar(cells=SinhIV(0.2).cells(_conductances((5, 4))), wires=Wires(1.0, 1.0))
    sol = Solver().solve(xbar, np.zeros((3, 5)))
    np.testing.assert_array_equal(sol.currents, 0.0)
    assert sol.iterations == 0


def test_a_vector_that_fails_is_named_with_its_cell():
    xbar = Crossbar(cells=SinhIV(0.2).cells(_conductances((5, 4))), wires=Wires(1.0, 1.0))
    V = np.full((4, 5), 0.1)
    V[2, 3] = 1e6
    with pytest.raises(ConvergenceError, match=r"input 2: .*cell \(\d+, \d+\)"):
        Solver().solve(xbar, V)
    sol = Solver(on_failure="return").solve(xbar, V)
    assert not sol.converged
    _close(sol.currents[[0, 1, 3]], np.array([
        Solver().solve(xbar, v).currents for v in V[[0, 1, 3]]
    ]))


def test_what_does_not_converge_at_once_is_approached():
    """Strongly driven: the steps without safeguards fail, those with them do not."""
    xbar = Crossbar(cells=SinhIV(0.05).cells(_conductances((6, 4))), wires=Wires(50.0, 50.0))
    V = np.full((3, 6), 0.1)
    V[1] = 2.5
    sol = Solver().solve(xbar, V)
    for v, currents in zip(V, sol.currents, strict=True):
        _close(currents, Solver(method="mna").solve(xbar, v).currents)


@pytest.mark.usefixtures("_never_alone")
@pytest.mark.parametrize("cells", ["sinh", "device", "selector", "transistor"])
def test_lanes_agree_with_rounds(monkeypatch, cells):
    """Groups that are not full, gates of their own, ends of all kinds; each way is really taken."""
    shape = (11, 13)
    rng = np.random.default_rng(14)
    V = rng.uniform(-0.4, 0.4, (37, 11))
    xbar = Crossbar(
        cells=CELLS[cells](shape), wires=_wires("whole", shape),
        ends=Ends(word_right=[Driven(voltage=0.1, resistance=50.0)] * 11),
    )
    calls = []
    solve = newton_many.solve_lanes

    def counted(*args, **options):
        calls.append(solve(*args, **options))
        return calls[-1]

    monkeypatch.setattr(newton_many, "solve_lanes", counted)
    found = Solver(threads=1).solve(xbar, V)
    assert calls == [True]
    monkeypatch.setattr(lanes_many, "_SMALL", 0)
    expected = Solver(threads=1).solve(xbar, V)
    assert calls == [True]
    for name in ("currents", "cell_currents", "word_voltages", "bit_voltages"):
        _close(getattr(found, name), getattr(expected, name), 1e-9)


@pytest.mark.usefixtures("_never_alone")
def test_large_arrays_of_all_cells(monkeypatch):
    """The same kernels beyond the cache: what is chosen by size alone does not change results."""
    shape = (40, 33)
    V = np.random.default_rng(15).uniform(-0.3, 0.3, (17, 40))
    xbar = Crossbar(cells=CELLS["device"](shape), wires=_wires("whole", shape))
    expected = Solver(threads=1).solve(xbar, V)
    monkeypatch.setattr(lanes_many, "_SMALL", 1 << 20)
    _close(Solver(threads=1).solve(xbar, V).currents, expected.currents, 1e-9)


@pytest.mark.parametrize(("cells", "ohm"), [("sinh", 4e5), ("transistor, word side", 3e3)])
def test_cells_that_conduct_as_well_as_their_lines_have_a_coarse_space(monkeypatch, cells, ohm):
    shape = (48, 44)
    V = np.random.default_rng(16).uniform(-0.3, 0.3, (3, 48))
    xbar = Crossbar(cells=CELLS[cells](shape), wires=Wires(ohm, ohm))
    made = []
    space = linear_steps.coarse_space
    monkeypatch.setattr(
        linear_steps, "coarse_space", lambda *args: made.append(space(*args)) or made[-1]
    )
    sol = Solver(threads=1).solve(xbar, V)
    assert len(made) >= 3
    for v, currents in zip(V, sol.currents, strict=True):
        _close(currents, Solver(method="mna").solve(xbar, v).currents)
