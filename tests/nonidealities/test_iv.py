"""Current-voltage characteristics against closed forms, full nodal equations and differences."""

import io

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator
from scipy.optimize import root

from crossbarsim import (
    Crossbar,
    Driven,
    Ends,
    Grounded,
    OneSelectorOneResistor,
    ParameterError,
    Solver,
    Wires,
)
from crossbarsim.devices import (
    ExponentialSelector,
    StanfordPKU,
    StaticPolynomial,
    StaticTable,
    device,
)
from crossbarsim.nonidealities.iv_curves import DeviceIV, PolynomialIV, SinhIV, TableIV, cell_curve

VOLTS = np.array([0.05, 0.1, 0.17, 0.3, 0.45, 0.6])
CURVES = np.array([1e-6 * np.sinh(VOLTS / 0.15), 2e-5 * np.sinh(VOLTS / 0.3), 3e-4 * VOLTS])
LAWS = {
    "sinh": SinhIV(0.25),
    "sinh read": SinhIV(0.2, read_voltage=0.15),
    "polynomial": PolynomialIV(c_2=0.4, c_3=2.0, c_5=3.0),
    "device": DeviceIV(StanfordPKU()),
    "curve": TableIV(VOLTS, CURVES[0], odd=True),
    "family": TableIV(VOLTS, CURVES, odd=True),
    "two-sided": TableIV(np.linspace(-0.5, 0.6, 9), np.expm1(2 * np.linspace(-0.5, 0.6, 9)) * 1e-5),
}


def conductances(name, rng, shape):
    low, high = (5e-6, 1e-3) if name == "device" else (1e-6, 1e-3)
    return np.exp(rng.uniform(np.log(low), np.log(high), shape))


def nodal(law, G, wires, V):
    """Solve all node voltages by SciPy: word and bit nodes, Kirchhoff's law at each."""
    rows, columns = G.shape
    r_word, r_bit, driver, sense = wires

    def currents(x):
        u, w = x.reshape(2, rows, columns)
        cell = cell_curve(law, G, u - w)[0]
        left = np.concatenate([V[:, None], u], axis=1)
        resistance = np.full((rows, columns), r_word)
        resistance[:, 0] += driver
        along = (left[:, :-1] - left[:, 1:]) / resistance
        word = along.copy()
        word[:, :-1] -= along[:, 1:]
        below = np.concatenate([w, np.zeros((1, columns))])
        resistance = np.full((rows, columns), r_bit)
        resistance[-1] += sense
        down = (below[:-1] - below[1:]) / resistance
        bit = -down
        bit[1:] += down[:-1]
        return np.concatenate([(word - cell).ravel(), (bit + cell).ravel()]), down[-1]

    start = np.concatenate([np.repeat(V, columns), np.zeros(rows * columns)])
    found = root(lambda x: currents(x)[0] * 1e4, start, method="hybr", tol=1e-14)
    assert np.abs(currents(found.x)[0]).max() < 1e-15 + 1e-11 * np.abs(currents(found.x)[1]).max()
    return currents(found.x)[1]


@pytest.mark.parametrize("name", LAWS)
def test_newton_equals_the_nodal_equations_of_scipy(name):
    rng = np.random.default_rng(1)
    G, V = conductances(name, rng, (4, 3)), rng.uniform(-0.4, 0.5, 4)
    xbar = Crossbar(cells=LAWS[name].cells(G), wires=Wires(20.0, 30.0, driver=50.0, sense=40.0))
    sol = Solver().solve(xbar, V)
    expected = nodal(LAWS[name], G, (20.0, 30.0, 50.0, 40.0), V)
    np.testing.assert_allclose(sol.currents, expected, rtol=1e-8, atol=1e-9 * np.abs(expected).max())
    sparse = Solver(method="mna").solve(xbar, V)
    np.testing.assert_allclose(sol.currents, sparse.currents, rtol=1e-8)


@pytest.mark.parametrize("name", LAWS)
def test_without_wires_currents_are_sums_of_curves(name):
    rng = np.random.default_rng(2)
    G, V = conductances(name, rng, (6, 5)), rng.uniform(-0.9, 0.9, 6)
    sol = Solver().solve(Crossbar(cells=LAWS[name].cells(G)), V)
    np.testing.assert_allclose(
        sol.currents, cell_curve(LAWS[name], G, V[:, None])[0].sum(axis=0), rtol=1e-11
    )


def test_closed_forms():
    G = np.array([[1e-5, 2e-4]])
    v = 0.4
    i, slope, by_g = cell_curve(SinhIV(0.25), G, v)
    np.testing.assert_allclose(i, G * 0.25 * np.sinh(v / 0.25), rtol=1e-14)
    np.testing.assert_allclose(slope, G * np.cosh(v / 0.25), rtol=1e-14)
    np.testing.assert_allclose(by_g, 0.25 * np.sinh([[v / 0.25] * 2]), rtol=1e-14)
    i, _, by_g = cell_curve(SinhIV(0.25, read_voltage=-0.2), G, v)
    np.testing.assert_allclose(i, G * 0.2 * np.sinh(v / 0.25) / np.sinh(0.2 / 0.25), rtol=1e-14)
    np.testing.assert_allclose(by_g * G, i, rtol=1e-12)
    i, slope, _ = cell_curve(PolynomialIV(0.3, 2.0, 5.0), G, -v)
    np.testing.assert_allclose(i, G * (-v + 0.3 * v**2 - 2 * v**3 - 5 * v**5), rtol=1e-12)
    np.testing.assert_allclose(slope, G * (1 - 0.6 * v + 6 * v**2 + 25 * v**4), rtol=1e-12)


@pytest.mark.parametrize("v", [1e-9, 1e-3, 0.3, 1.4, 1.51, 3.0, -2.2, 20.0])
def test_lanes_equal_the_library_function(v):
    G = np.linspace(1e-6, 1e-3, 21).reshape(1, 21)  # two full groups of lanes and a rest
    i, slope, _ = cell_curve(SinhIV(0.25), G, np.where(np.arange(21) % 5, v, -0.7 * v)[None])
    expected = np.where(np.arange(21) % 5, v, -0.7 * v) / 0.25
    np.testing.assert_allclose(i[0], G[0] * 0.25 * np.sinh(expected), rtol=3e-15)
    np.testing.assert_allclose(slope[0], G[0] * np.cosh(expected), rtol=3e-15)


@pytest.mark.parametrize("name", LAWS)
def test_conductance_is_that_at_the_read_voltage(name):
    rng = np.random.default_rng(3)
    law, G = LAWS[name], conductances(name, rng, (3, 4))
    at = getattr(law, "read_voltage", None) or law.device.read_voltage
    np.testing.assert_allclose(cell_curve(law, G, at)[0] / at, G, rtol=1e-9)
    np.testing.assert_allclose(law.cells(G).conductance, G, rtol=1e-9)


def test_tables_are_pchip_inside_and_straight_outside():
    law = LAWS["curve"]
    volts = np.concatenate([-VOLTS[::-1], [0.0], VOLTS])
    amperes = np.concatenate([-CURVES[0][::-1], [0.0], CURVES[0]])
    curve = PchipInterpolator(volts, amperes)
    v = np.linspace(-0.6, 0.6, 241)[None]
    g = float(curve(0.1) / 0.1)
    i, slope, _ = cell_curve(law, np.full(v.shape, 3.7 * g), v)
    np.testing.assert_allclose(i, 3.7 * curve(v), rtol=1e-11, atol=1e-18)
    np.testing.assert_allclose(slope, 3.7 * curve(v, 1), rtol=1e-9)
    beyond, slope, _ = cell_curve(law, np.full((1, 2), g), np.array([[0.9, -1.3]]))
    end = float(curve(0.6, 1))
    np.testing.assert_allclose(slope, end, rtol=1e-12)
    np.testing.assert_allclose(
        beyond, [[amperes[-1] + 0.3 * end, -amperes[-1] - 0.7 * end]], rtol=1e-12
    )


def test_families_mix_neighbouring_curves():
    law = LAWS["family"]
    known = law.device.curve_conductances
    v = np.linspace(-0.5, 0.5, 11)[None]
    for k in range(3):
        i, _, _ = cell_curve(law, np.full(v.shape, known[k]), v)
        alone, _, _ = cell_curve(TableIV(VOLTS, CURVES[k], odd=True), np.full(v.shape, known[k]), v)
        np.testing.assert_allclose(i, alone, rtol=1e-12, atol=1e-20)
    half = 0.25 * known[1] + 0.75 * known[2]
    i, _, by_g = cell_curve(law, np.full(v.shape, half), v)
    one, two = (cell_curve(law, np.full(v.shape, known[k]), v)[0] for k in (1, 2))
    np.testing.assert_allclose(i, 0.25 * one + 0.75 * two, rtol=1e-12, atol=1e-20)
    np.testing.assert_allclose(by_g, (two - one) / (known[2] - known[1]), rtol=1e-9, atol=1e-12)
    low, _, _ = cell_curve(law, np.full(v.shape, 0.1 * known[0]), v)
    np.testing.assert_allclose(low, 0.1 * cell_curve(law, np.full(v.shape, known[0]), v)[0], rtol=1e-12, atol=1e-20)


@pytest.mark.parametrize("name", LAWS)
def test_derivatives_of_the_curves(name):
    rng = np.random.default_rng(4)
    law, G = LAWS[name], conductances(name, rng, (5, 8))
    v = rng.uniform(-0.7, 0.7, G.shape)
    _, slope, by_g = cell_curve(law, G, v)
    h = 1e-6
    numeric = (cell_curve(law, G, v + h)[0] - cell_curve(law, G, v - h)[0]) / (2 * h)
    np.testing.assert_allclose(slope, numeric, rtol=2e-5)
    step = 1e-5 * G
    numeric = (cell_curve(law, G + step, v)[0] - cell_curve(law, G - step, v)[0]) / (2 * step)
    np.testing.assert_allclose(by_g, numeric, rtol=1e-5, atol=1e-7)


def test_no_cell_and_open_cells_carry_nothing():
    G = np.full((3, 3), 1e-4)
    G[1, 1] = 0.0
    for law in (SinhIV(0.25), PolynomialIV(), LAWS["curve"], LAWS["family"]):
        sol = Solver().solve(Crossbar(cells=law.cells(G), wires=Wires(5.0, 5.0)), [0.3, 0.2, 0.1])
        assert sol.cell_currents[1, 1] == 0.0
        assert sol.cell_currents[0, 1] > 0.0


def test_tables_are_saved_and_loaded(tmp_path):
    rng = np.random.default_rng(5)
    for name in ("curve", "family", "two-sided"):
        G, V = conductances(name, rng, (3, 4)), rng.uniform(-0.5, 0.5, 3)
        xbar = Crossbar(cells=LAWS[name].cells(G), wires=Wires(9.0, 8.0))
        xbar.save(tmp_path / f"{name}.npz")
        again = Crossbar.load(tmp_path / f"{name}.npz")
        np.testing.assert_array_equal(
            Solver().solve(again, V).currents, Solver().solve(xbar, V).currents
        )


def test_tables_behind_a_selector():
    G = np.full((3, 3), 1e-4)
    cells = OneSelectorOneResistor(LAWS["family"].cells(G), ExponentialSelector(i_0=1e-7))
    xbar = Crossbar(cells=cells, wires=Wires(5.0, 5.0))
    one, two = (Solver(method=m).solve(xbar, [0.5, 0.3, -0.4]) for m in ("auto", "mna"))
    np.testing.assert_allclose(one.currents, two.currents, rtol=1e-8)
    selector = ExponentialSelector(i_0=1e-7)
    across = one.word_voltages - one.bit_voltages
    # the same current through both, and their voltages add up
    inner = cells.evaluate(
        one.word_voltages, one.bit_voltages, cells.gates(), base=cells.state, step=0.0,
        state=cells.state, inner=0.5 * (one.word_voltages + one.bit_voltages),
    ).inner
    table = cell_curve(LAWS["family"], G, one.word_voltages - inner)[0]
    np.testing.assert_allclose(table, one.cell_currents, rtol=1e-6)
    np.testing.assert_allclose(
        selector.current(inner - one.bit_voltages, np.zeros((0, 3, 3))), one.cell_currents, rtol=1e-6
    )
    assert (np.abs(across) > np.abs(one.word_voltages - inner)).all()


def test_structured_solver_with_every_kind_of_line():
    rng = np.random.default_rng(6)
    G = conductances("sinh", rng, (19, 17))
    V = rng.uniform(-0.5, 0.5, 19)
    segments = rng.choice([0.0, 4.0], size=G.shape)
    for wires in (Wires(3.0, 2.0), Wires(segments, segments, driver=1.0), Wires(0.0, 0.0)):
        for ends in (Ends(), Ends(word_right=Driven(resistance=3.0), bit_top=Grounded())):
            for law in (SinhIV(0.2), LAWS["family"]):
                xbar = Crossbar(cells=law.cells(G), wires=wires, ends=ends)
                one, two = Solver().solve(xbar, V), Solver(method="mna").solve(xbar, V)
                np.testing.assert_allclose(
                    one.currents, two.currents, atol=1e-9 * np.abs(two.currents).max()
                )
                assert one.residual < 1e-8


def test_falling_curves_are_solved_without_conjugate_gradients():
    # between 0.36 and 0.62 V the current falls: the Jacobian is symmetric but not definite
    tunnel = DeviceIV(StaticPolynomial(c_2=-2.2, c_3=1.5, read_voltage=0.01))
    G = np.full((8, 8), 1e-4) * np.linspace(0.5, 2.0, 64).reshape(8, 8)
    V = np.linspace(0.3, 0.65, 8)
    xbar = Crossbar(cells=tunnel.cells(G), wires=Wires(5.0, 5.0))
    one, two = (Solver(method=m).solve(xbar, V) for m in ("auto", "mna"))
    assert (cell_curve(tunnel, G, one.cell_voltages)[1] < 0).any()
    np.testing.assert_allclose(one.currents, two.currents, rtol=1e-8)


BAD = [
    (lambda: SinhIV(0.0), "`v_0` must be a finite number > 0"),
    (lambda: SinhIV(0.2, read_voltage=0.0), "`read_voltage` must not be 0"),
    (lambda: PolynomialIV(c_2=3.0, c_3=1.0), "`c_2` = 3: the current falls beyond"),
    (lambda: PolynomialIV(c_3=-1.0), "`c_3` must be"),
    (lambda: DeviceIV("vteam"), "`device` must be"),
    (lambda: DeviceIV(ExponentialSelector()), "ExponentialSelector has no state"),
    (lambda: DeviceIV(StanfordPKU()).cells([[1e-9]]), "out of the device's range"),
    (lambda: SinhIV().cells([1e-6]), r"`conductance` must have shape \(M, N\)"),
    (lambda: SinhIV().cells([[-1e-6]]), r"`conductance`\[0, 0\]"),
    (lambda: TableIV([0.1, 0.2], [1e-6, 2e-6]), "give both signs, or `odd=True`"),
    (lambda: TableIV([-0.1, 0.2], [1e-6, 2e-6], odd=True), "with `odd`, give voltages >= 0 only"),
    (lambda: TableIV([0.1, 0.1, 0.2], [1e-6] * 3, odd=True), r"`voltage` must rise: \[1\]"),
    (lambda: TableIV([0.1, 0.2, 0.3], [1e-6, 3e-6, 2e-6], odd=True), "curve 0 does not rise from 0.2 V"),
    (lambda: TableIV([-0.1, 0.0, 0.2], [-1e-6, 1e-7, 2e-6]), "carries 1e-07 A at 0 V"),
    (lambda: TableIV(VOLTS, CURVES[::-1], odd=True), "sort the curves by conductance"),
    (lambda: TableIV(VOLTS, CURVES[:, :-1], odd=True), "one value per voltage"),
    (lambda: TableIV(VOLTS, CURVES, odd=True, read_voltage=0.9), "outside the table"),
]


@pytest.mark.parametrize(("make", "message"), BAD, ids=range(len(BAD)))
def test_what_is_refused(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def test_table_device_by_name():
    made = device("static_table", volts=[-0.2, 0.0, 0.3], amperes=[-1e-6, 0.0, 2e-6])
    assert isinstance(made, StaticTable)
    assert made.replace(g_max=1e-3).g_max == 1e-3
    np.testing.assert_array_equal(made.replace(g_max=1e-3).amperes, made.amperes)
    assert "1 curve of 3 points" in repr(made)


def test_decks_of_tables_hold_the_same_curve():
    law, G = LAWS["family"], np.array([[3e-5, 4e-4], [2e-6, 9e-5]])
    deck = io.StringIO()
    text = Crossbar(cells=law.cells(G), wires=Wires(1.0, 1.0)).to_circuit([0.2, 0.1]).to_spice()
    deck.write(text)
    assert text.count("params:") == 1
    assert "B_d word bit I=" in text.replace("\n+", "")
