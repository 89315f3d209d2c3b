"""Static solutions of arrays of devices: two ways to every number, gradients, limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossbarsim import (
    EKV,
    ConvergenceError,
    Crossbar,
    Driven,
    Ends,
    Floating,
    Grounded,
    Level1,
    OneSelectorOneResistor,
    OneTransistorOneResistor,
    ParameterError,
    Resistive,
    SingularCircuitError,
    Solver,
    Wires,
)
from crossbarsim.devices import VTEAM, ExponentialSelector, StaticSinh, ThresholdSelector

KINDS = ("resistive", "sinh", "1s1r", "1t1r", "1t1r word")
TRANSISTOR = EKV.preset("ptm_65nm", width=1e-6)


def make(kind, G, gate=1.2, transistor=TRANSISTOR):
    if kind == "resistive":
        return Resistive(G)
    devices = StaticSinh().array(conductance=G)
    if kind == "1s1r":
        return OneSelectorOneResistor(devices, ExponentialSelector(i_0=1e-7))
    if kind.startswith("1t1r"):
        side = "word" if kind.endswith("word") else "bit"
        return OneTransistorOneResistor(
            devices, transistor, gate_voltage=gate, transistor_side=side
        )
    return devices


def draw(rng, shape, layout):
    G = 10 ** rng.uniform(-6, -3, shape)
    V = rng.uniform(-1, 1, shape[1] if layout == "parallel" else shape[0])
    return G, V


@pytest.mark.parametrize("layout", ["crosspoint", "parallel"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (16, 8)])
@pytest.mark.parametrize("wires", ["plain", "zero", "mixed", "micro"])
@pytest.mark.parametrize("ends", ["one side", "both sides", "right"])
def test_structured_equals_sparse(layout, kind, shape, wires, ends):
    rng = np.random.default_rng(len(kind) + shape[0])
    G, V = draw(rng, shape, layout)
    segments = rng.choice([0.0, 5.0, 20.0], size=shape)
    xbar = Crossbar(
        cells=make(kind, G), layout=layout,
        wires={"plain": Wires(5.0, 3.0, driver=1.0), "zero": Wires(0.0, 0.0),
               "mixed": Wires(segments, segments), "micro": Wires(1e-6, 1e-6)}[wires],
        ends={"one side": Ends(),
              "both sides": Ends(word_right=Driven(resistance=3.0),
                                 bit_top=Grounded(resistance=2.0)),
              "right": Ends(word_left=Floating(), word_right=Driven())}[ends],
    )
    one, two = Solver().solve(xbar, V), Solver(method="mna").solve(xbar, V)
    assert two.method.startswith("mna")
    scale = np.abs(two.currents).max()
    for name, currents in two.end_currents.items():
        np.testing.assert_allclose(one.end_currents[name], currents, atol=1e-9 * scale)
    np.testing.assert_allclose(one.cell_currents, two.cell_currents, atol=1e-9 * scale)
    assert max(one.residual, two.residual) < 1e-8


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["crosspoint", "parallel"]), st.sampled_from(KINDS))
def test_power_is_dissipated_and_never_negative(seed, layout, kind):
    rng = np.random.default_rng(seed)
    G, V = draw(rng, (4, 3), layout)
    r = float(rng.uniform(0.1, 50))
    sol = Solver().solve(Crossbar(cells=make(kind, G), wires=Wires(r, r), layout=layout), V)
    cells = (sol.cell_currents * sol.cell_voltages).sum()
    assert (sol.cell_currents * sol.cell_voltages >= -1e-18).all()
    assert cells <= sol.power * (1 + 1e-9)
    # what the cells leave is burnt in the wires, current by current
    i = sol.cell_currents
    axis = 0 if layout == "parallel" else 1
    word = i.sum(axis=axis, keepdims=True) - np.cumsum(i, axis=axis) + i
    bit = np.cumsum(i, axis=0)
    assert sol.power == pytest.approx(cells + r * (word**2).sum() + r * (bit**2).sum(), rel=1e-7)


@pytest.mark.parametrize("layout", ["crosspoint", "parallel"])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients(layout, kind):
    rng = np.random.default_rng(3)
    shape = (4, 3)
    G, V = draw(rng, shape, layout)
    G = np.clip(G, 1e-5, 1e-3)
    gate = rng.uniform(0.8, 1.4, 4)
    word, bit = np.full(shape, 5.0), np.full(shape, 3.0)
    weights = rng.normal(size=3)

    def solve(V=V, G=G, word=word, bit=bit, gate=gate):
        xbar = Crossbar(cells=make(kind, G, gate), wires=Wires(word, bit, driver=2.0),
                        layout=layout)
        return Solver(rtol=1e-13).solve(xbar, V)

    grads = Solver().vjp(solve(), weights)
    expected = {"V": grads.V, "G": grads.conductance, "word": grads.word, "bit": grads.bit}
    if kind.startswith("1t1r"):
        expected["gate"] = grads.gate.sum(axis=1)
    start = {"V": V, "G": G, "word": word, "bit": bit, "gate": gate}
    for name, exact in expected.items():
        numeric = np.zeros(exact.shape)
        for k in np.ndindex(exact.shape):
            up, down = start[name].copy(), start[name].copy()
            step = 1e-4 * abs(up[k])
            up[k] += step
            down[k] -= step
            numeric[k] = weights @ (
                solve(**{name: up}).currents - solve(**{name: down}).currents
            ) / (2 * step)
        np.testing.assert_allclose(exact, numeric, atol=3e-5 * np.abs(numeric).max(), err_msg=name)


def test_gradients_of_a_batch_add_up():
    rng = np.random.default_rng(4)
    G, _ = draw(rng, (4, 3), "crosspoint")
    xbar = Crossbar(cells=make("1t1r", G), wires=Wires(2.0, 2.0))
    V, weights = rng.uniform(-1, 1, (3, 4)), rng.normal(size=(3, 3))
    whole = Solver().vjp(Solver().solve(xbar, V), weights)
    parts = [Solver().vjp(Solver().solve(xbar, v), w) for v, w in zip(V, weights, strict=True)]
    np.testing.assert_allclose(whole.conductance, sum(p.conductance for p in parts), rtol=1e-9)
    np.testing.assert_allclose(whole.V, [p.V for p in parts], rtol=1e-9)


@pytest.mark.parametrize("layout", ["crosspoint", "parallel"])
@pytest.mark.parametrize("kind", KINDS)
def test_linearised_matrix(layout, kind):
    rng = np.random.default_rng(5)
    G, V = draw(rng, (5, 4), layout)
    xbar = Crossbar(cells=make(kind, G), wires=Wires(5.0, 3.0), layout=layout)
    W, offset = Solver().affine_map(xbar, at=V)
    np.testing.assert_allclose(V @ W.T + offset, Solver().solve(xbar, V).currents, rtol=1e-12)
    for k in range(len(V)):
        step = 1e-5 * np.eye(len(V))[k]
        pair = Solver(rtol=1e-13).solve(xbar, np.array([V + step, V - step])).currents
        slope = (pair[0] - pair[1]) / 2e-5
        np.testing.assert_allclose(W[:, k], slope, atol=1e-6 * np.abs(W).max())
    np.testing.assert_allclose(Solver().effective_matrix(xbar, at=V), W)


def test_linear_cells_in_parallel_have_a_matrix():
    G = np.random.default_rng(6).uniform(1e-6, 1e-4, (6, 4))
    xbar = Crossbar(G, Wires(2.0, 1.0), layout="parallel")
    W = Solver().effective_matrix(xbar)
    assert W.shape == (4, 4)
    assert (np.abs(W) > 1e-15 * W.max()).sum() == 4  # columns are apart
    ideal = Solver().effective_matrix(Crossbar(G, layout="parallel"))
    np.testing.assert_allclose(np.diag(ideal), G.sum(axis=0))


def test_a_wide_open_transistor_is_no_transistor():
    G = np.random.default_rng(7).uniform(1e-5, 1e-4, (8, 6))
    V = np.random.default_rng(8).uniform(-0.3, 0.3, 8)
    wide = EKV(width=1.0, length=1e-6)
    with_gate = Crossbar(
        cells=OneTransistorOneResistor(Resistive(G), wide, gate_voltage=20.0), wires=Wires(1.0, 1.0)
    )
    plain = Solver().solve(Crossbar(G, Wires(1.0, 1.0)), V).currents
    np.testing.assert_allclose(Solver().solve(with_gate, V).currents, plain, rtol=1e-6)


def test_a_closed_gate_row_carries_nothing():
    G = np.full((4, 4), 1e-4)
    gate = np.array([1.2, 0.0, 0.0, 0.0])
    cells = OneTransistorOneResistor(Resistive(G), Level1.preset("rough_65nm"), gate_voltage=gate)
    sol = Solver().solve(Crossbar(cells=cells, wires=Wires(1.0, 1.0)), np.full(4, 0.2))
    assert np.abs(sol.cell_currents[1:]).max() == 0.0
    assert (sol.cell_currents[0] > 1e-6).all()
    other = Solver().solve(sol.crossbar, np.full(4, 0.2), gate_voltage=1.2)
    assert (other.cell_currents[1:] > 1e-6).all()


def test_gates_along_columns():
    G = np.full((3, 4), 1e-4)
    gate = np.array([1.2, 0.0, 1.2, 0.0])
    cells = OneTransistorOneResistor(
        Resistive(G), TRANSISTOR, gate_voltage=gate, gate_along="columns"
    )
    sol = Solver().solve(Crossbar(cells=cells, wires=Wires(1.0, 1.0)), np.full(3, 0.2))
    assert (sol.currents[[0, 2]] > 1e3 * np.abs(sol.currents[[1, 3]])).all()


def test_threshold_selector_keeps_its_mode_in_the_array():
    devices = Resistive(np.full((2, 2), 1e-4))
    xbar = Crossbar(
        cells=OneSelectorOneResistor(devices, ThresholdSelector()), wires=Wires(1.0, 1.0)
    )
    t = np.array([0.0, 1e-6, 2e-6])
    drive = np.array([[0.0, 0.0], [1.2, 0.0], [0.0, 0.0]])
    run = Solver().transient(xbar, (t, drive), probes=["cell_currents", "word_voltages"])
    current, volts = run["cell_currents"][:, 0, 0], run["word_voltages"][:, 0, 0]
    on = current > 1e-7
    assert volts[np.argmax(on)] == pytest.approx(0.8, abs=0.015)
    off = len(on) - 1 - np.argmax(on[::-1])
    assert volts[off] == pytest.approx(0.3, abs=0.01)
    assert np.abs(run["cell_currents"][:, 1]).max() < 2e-8  # row 1 never saw its threshold


def test_bad_input():
    G = np.full((2, 3), 1e-4)
    cells = OneTransistorOneResistor(Resistive(G), TRANSISTOR, gate_voltage=1.0)
    xbar = Crossbar(cells=cells)
    with pytest.raises(ParameterError, match="`at`, the input to linearise at"):
        Solver().effective_matrix(xbar)
    with pytest.raises(ParameterError, match=r"`gate_voltage` must have one value per row, 2; got 3"):
        Solver().solve(xbar, [0.1, 0.1], gate_voltage=np.zeros(3))
    with pytest.raises(ParameterError, match="`layout` must be"):
        Crossbar(G, layout="diagonal")
    with pytest.raises(ParameterError, match=r"`V` must have shape \(3,\)"):
        Solver().solve(Crossbar(G, layout="parallel"), [0.1, 0.1])
    with pytest.raises(ParameterError, match="`cells` must be a Resistive"):
        Crossbar(cells=G)
    with pytest.raises(ParameterError, match="`selector` must be a Device"):
        OneSelectorOneResistor(Resistive(G), 3)
    with pytest.raises(SingularCircuitError, match="floating island"):
        Solver().solve(Crossbar(G, layout="parallel", ends=Ends(word_left=Floating(), bit_bottom=Floating())),
                       np.zeros(3))


def test_a_failure_names_the_cell():
    # a device that conducts 1e300 times more at a volt than at rest cannot be solved
    cells = StaticSinh(v_0=1e-3).array(state=np.full((1, 2, 2), 1e-3))
    with pytest.raises(ConvergenceError, match=r"cell \(\d, \d\) at"):
        Solver().solve(Crossbar(cells=cells, wires=Wires(0.0, 0.0)), [1.0, 1.0])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_failed_input_is_returned_only_on_request():
    cells = StaticSinh(v_0=1e-3).array(state=np.full((1, 2, 2), 1e-3))
    xbar = Crossbar(cells=cells, wires=Wires(0.0, 0.0))
    V = [[1e-4, 2e-4], [1.0, 1.0]]
    sol = Solver(on_failure="return").solve(xbar, V)
    assert not sol.converged
    good = Solver().solve(xbar, V[0])
    np.testing.assert_allclose(sol.currents[0], good.currents)
    with pytest.raises(ConvergenceError, match="input 1: ") as caught:
        Solver().solve(xbar, V)
    np.testing.assert_allclose(caught.value.partial.currents[0], good.currents)


def test_polarity_mirrors():
    G = np.random.default_rng(1).uniform(1e-3, 1e-2, (3, 3))
    V = np.array([0.3, -0.2, 0.1])
    forward = Crossbar(cells=VTEAM().array(conductance=G), wires=Wires(1.0, 1.0))
    back = Crossbar(cells=VTEAM(polarity=-1).array(conductance=G), wires=Wires(1.0, 1.0))
    np.testing.assert_allclose(
        Solver().solve(forward, V).currents, -Solver().solve(back, -V).currents, rtol=1e-9
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", ["crosspoint", "parallel"])
def test_saved_and_loaded(tmp_path, kind, layout):
    rng = np.random.default_rng(2)
    G, V = draw(rng, (4, 3), layout)
    xbar = Crossbar(cells=make(kind, G, rng.uniform(0.8, 1.4, 4)), layout=layout,
                    wires=Wires(2.0, 3.0, word_capacitance=1e-15))
    xbar.save(tmp_path / "array.npz")
    again = Crossbar.load(tmp_path / "array.npz")
    assert type(again.cells) is type(xbar.cells)
    sol = Solver().solve(again, V)
    np.testing.assert_array_equal(sol.currents, Solver().solve(xbar, V).currents)
    sol.save(tmp_path / "solution.npz")
    kept = type(sol).load(tmp_path / "solution.npz")
    np.testing.assert_array_equal(kept.cell_currents, sol.cell_currents)
    np.testing.assert_array_equal(
        Solver().vjp(kept, np.ones(3)).V, Solver().vjp(sol, np.ones(3)).V
    )


HOT = [EKV.preset("ptm_65nm", tcv=5e-4), Level1.preset("rough_65nm")]


@pytest.mark.parametrize("transistor", HOT)
def test_temperature_is_that_of_the_parameters(transistor):
    G, V = np.random.default_rng(3).uniform(1e-5, 1e-3, (4, 3)), np.array([0.3, -0.2, 1.0, 0.6])
    gate = np.array([0.3, 0.5, 0.9, 1.2])

    def currents(fet, temperature=None):
        cells = OneTransistorOneResistor(Resistive(G), fet, gate_voltage=gate, temperature=temperature)
        return Solver().solve(Crossbar(cells=cells, wires=Wires(2.0, 3.0)), V).currents

    at_rest = currents(transistor)
    np.testing.assert_array_equal(currents(transistor, 300.15), at_rest)
    hot = currents(transistor, 390.0)
    assert np.abs(hot / at_rest - 1).max() > 0.05
    other = transistor.at_temperature(390.0)
    assert other.t_nom == 390.0
    assert other.k_p == pytest.approx(transistor.k_p * (390.0 / 300.15) ** -1.5)
    np.testing.assert_array_equal(currents(other, 390.0), hot)
    np.testing.assert_array_equal(currents(transistor, np.full((4, 3), 390.0)), hot)
    # one hot column among cold ones
    kelvin = np.full((4, 3), 300.15)
    kelvin[:, 1] = 390.0
    apart = [Crossbar(cells=OneTransistorOneResistor(Resistive(G), transistor, gate_voltage=gate, temperature=t),
                      wires=Wires(0.0, 0.0)) for t in (300.15, 390.0, kelvin)]
    cold, warm, mixed = (Solver().solve(x, V).currents for x in apart)
    np.testing.assert_allclose(mixed, [cold[0], warm[1], cold[2]], rtol=1e-9)


@pytest.mark.parametrize("transistor", HOT)
def test_stacked_arrays_keep_their_temperatures(transistor):
    G = np.random.default_rng(3).uniform(1e-5, 1e-3, (3, 2))
    one, two = (OneTransistorOneResistor(Resistive(G), transistor, gate_voltage=1.0, temperature=t)
                for t in (None, 390.0))
    both = one.stacked([two])
    V = np.array([0.3, 0.2, 0.5])
    ends = Wires(0.0, 0.0)
    found = Solver().solve(Crossbar(cells=both, wires=ends), np.tile(V, 2)).cell_currents
    expected = [Solver().solve(Crossbar(cells=c, wires=ends), V).cell_currents for c in (one, two)]
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=1e-9)
    assert one.stacked([one]).temperature is None


@pytest.mark.parametrize("transistor", HOT)
def test_temperature_is_saved_and_old_files_are_read(tmp_path, transistor):
    G, V = np.full((2, 2), 1e-4), [0.3, 0.4]
    for kelvin in (None, 390.0, np.array([[300.0, 310.0], [320.0, 330.0]])):
        cells = OneTransistorOneResistor(Resistive(G), transistor, gate_voltage=0.8, temperature=kelvin)
        xbar = Crossbar(cells=cells, wires=Wires(2.0, 3.0))
        xbar.save(tmp_path / "array.npz")
        again = Crossbar.load(tmp_path / "array.npz")
        np.testing.assert_array_equal(Solver().solve(again, V).currents, Solver().solve(xbar, V).currents)
        assert (again.cells.temperature is None) == (kelvin is None)
    cells = OneTransistorOneResistor(Resistive(G), type(transistor)(), gate_voltage=0.8)
    xbar = Crossbar(cells=cells, wires=Wires(2.0, 3.0))
    xbar.save(tmp_path / "array.npz")
    with np.load(tmp_path / "array.npz") as file:
        kept = {k: v for k, v in file.items() if k.removeprefix("transistor_") not in ("tcv", "bex", "t_nom")}
    np.savez(tmp_path / "old.npz", **kept)
    old = Crossbar.load(tmp_path / "old.npz")
    np.testing.assert_array_equal(Solver().solve(old, V).currents, Solver().solve(xbar, V).currents)


@pytest.mark.parametrize("side", ["bit", "word"])
def test_level1_has_derivatives_at_rest_and_at_the_body(side):
    G = np.random.default_rng(3).uniform(1e-5, 1e-3, (4, 3))
    cells = OneTransistorOneResistor(
        Resistive(G), Level1.preset("rough_65nm"), gate_voltage=np.linspace(0.7, 1.3, 4), transistor_side=side
    )
    for wires in (Wires(0.0, 0.0), Wires(2.0, 3.0)):  # without wires, bit nodes are at the body exactly
        xbar = Crossbar(cells=cells, wires=wires)
        for V in (np.zeros(4), np.array([0.3, 0.2, 0.4, 1.0])):
            W = Solver().effective_matrix(xbar, at=V)
            steps = 1e-5 * np.eye(4)
            slopes = np.array([
                Solver(rtol=1e-13).solve(xbar, V + d).currents - Solver(rtol=1e-13).solve(xbar, V - d).currents
                for d in steps
            ]).T / 2e-5
            np.testing.assert_allclose(W, slopes, rtol=2e-4, atol=1e-6 * np.abs(slopes).max())
        assert (Solver().effective_matrix(xbar, at=np.zeros(4)) > 1e-6).all()


def test_parameters_per_cell_are_saved(tmp_path):
    device = VTEAM(r_on=np.full((2, 2), 60.0), iv="exponential", polarity=-1)
    xbar = Crossbar(cells=device.array(shape=(2, 2)))
    xbar.save(tmp_path / "array.npz")
    again = Crossbar.load(tmp_path / "array.npz").cells.device
    assert again.polarity == -1
    assert again.iv == "exponential"
    np.testing.assert_array_equal(again.r_on, 60.0)
