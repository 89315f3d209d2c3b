"""Properties that every linear resistive crossbar has."""

import numpy as np
import pytest
from crossbarsim.solvers.crossbar.adjoint import wire_currents
from crossbarsim.solvers.crossbar.problem import make_problem
from hypothesis import given, settings
from hypothesis import strategies as st

from crossbarsim import (
    ConvergenceError,
    Crossbar,
    Driven,
    Ends,
    Floating,
    NetlistError,
    ParameterError,
    SingularCircuitError,
    Solution,
    Solver,
    Wires,
)

cases = st.tuples(
    st.integers(1, 12), st.integers(1, 12), st.sampled_from([0.0, 0.5, 20.0]),
    st.sampled_from([0.0, 2.0, 50.0]), st.booleans(), st.integers(0, 2**32 - 1),
)


def crossbar(case):
    rows, columns, word, bit, double, seed = case
    rng = np.random.default_rng(seed)
    G = np.exp(rng.uniform(np.log(1e-6), np.log(1e-2), (rows, columns)))
    ends = Ends(word_right=Driven(resistance=1.0)) if double else Ends()
    return Crossbar(G, Wires(word, bit, driver=1.0, sense=0.5), ends), rng.uniform(-1, 1, (3, rows))


@settings(max_examples=60, deadline=None)
@given(cases)
def test_circuit_laws(case):
    xbar, V = crossbar(case)
    sol = Solver().solve(xbar, V)
    scale = max(np.abs(i).max() for i in sol.end_currents.values())
    # currents into all ends add up to nothing
    total = sum(i.sum(axis=-1) for i in sol.end_currents.values())
    assert np.abs(total).max() <= 1e-9 * scale * xbar.shape[0]
    # every node: wires in, wires out, cell
    word, bit = wire_currents(
        sol.cell_currents, tuple(sol.end_currents[n] for n in sol.end_currents)
    )
    assert np.abs(word[:, :, :-1] - word[:, :, 1:] - sol.cell_currents).max() <= 1e-9 * scale
    assert np.abs(bit[:, :-1] - bit[:, 1:] + sol.cell_currents).max() <= 1e-9 * scale
    # Tellegen: the sources deliver what the resistors burn
    problem = make_problem(xbar, V)
    with np.errstate(invalid="ignore"):
        burnt = (sol.cell_currents * sol.cell_voltages).sum(axis=(1, 2))
        burnt += np.nan_to_num(word**2 * problem.word_r, posinf=0.0).sum(axis=(1, 2))
        burnt += np.nan_to_num(bit**2 * problem.bit_r, posinf=0.0).sum(axis=(1, 2))
    np.testing.assert_allclose(sol.power, burnt, rtol=1e-8, atol=1e-12 * scale)
    assert (sol.power >= 0).all()
    # passivity: no node leaves the range of the sources
    low, high = np.minimum(V.min(axis=1), 0), np.maximum(V.max(axis=1), 0)
    for nodes in (sol.word_voltages, sol.bit_voltages):
        assert (nodes.min(axis=(1, 2)) >= low - 1e-12).all()
        assert (nodes.max(axis=(1, 2)) <= high + 1e-12).all()


@settings(max_examples=40, deadline=None)
@given(cases)
def test_superposition_reciprocity_and_matrix(case):
    xbar, V = crossbar(case)
    solver = Solver()
    currents = solver.solve(xbar, V).currents
    both = solver.solve(xbar, 2 * V[0] - 3 * V[1]).currents
    scale = np.abs(currents).max() + 1e-30
    np.testing.assert_allclose(both, 2 * currents[0] - 3 * currents[1], atol=1e-8 * scale)
    W = solver.effective_matrix(xbar)
    assert (W >= 0).all()
    np.testing.assert_allclose(V @ W.T, currents, atol=1e-9 * scale)
    # reciprocity: drive and sense exchanged
    if not case[4]:
        turned = Crossbar(
            xbar.conductance[::-1, ::-1].T, Wires(float(xbar.wires.bit), float(xbar.wires.word),
                                                  driver=0.5, sense=1.0)
        )
        np.testing.assert_allclose(solver.effective_matrix(turned), W[::-1, ::-1].T, rtol=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 1000))
def test_without_wires_it_is_the_matrix_product(rows, columns, seed):
    rng = np.random.default_rng(seed)
    G, V = rng.uniform(0, 1e-3, (rows, columns)), rng.uniform(-1, 1, rows)
    np.testing.assert_allclose(Solver().solve(Crossbar(G), V).currents, V @ G, rtol=1e-12)


@pytest.mark.parametrize("method", ["structured", "mna"])
@pytest.mark.parametrize("arrays", [False, True])
def test_vjp_against_finite_differences(method, arrays):
    rng = np.random.default_rng(5)
    rows, columns = 5, 4
    G, V = rng.uniform(1e-5, 1e-3, (rows, columns)), rng.uniform(-1, 1, (2, rows))
    word = rng.uniform(5, 20, (rows, columns)) if arrays else np.array(7.0)
    bit = rng.uniform(5, 20, (rows + 1, columns)) if arrays else np.array(11.0)
    weight = rng.normal(size=(2, columns))
    solver = Solver(method=method)

    def loss(V, G, word, bit):
        return float((solver.solve(Crossbar(G, Wires(word, bit, sense=2.0)), V).currents * weight).sum())

    sol = solver.solve(Crossbar(G, Wires(word, bit, sense=2.0)), V)
    found = solver.vjp(sol, weight)
    values = {"V": V, "G": G, "word": word, "bit": bit}
    grads = {"V": found.V, "G": found.conductance, "word": found.word, "bit": found.bit}
    for name, value in values.items():
        assert grads[name].shape == value.shape
        for index in np.ndindex(value.shape):
            step = 1e-4 * abs(value[index])
            up, down = value.copy(), value.copy()
            up[index] += step
            down[index] -= step
            slope = (loss(**(values | {name: up})) - loss(**(values | {name: down}))) / (2 * step)
            assert grads[name][index] == pytest.approx(slope, rel=1e-5, abs=1e-9 * np.abs(grads[name]).max())


def test_wire_gradient_at_zero_resistance():
    rng = np.random.default_rng(6)
    G, V = rng.uniform(1e-5, 1e-3, (4, 3)), rng.uniform(0, 1, 4)
    solver = Solver()
    grads = solver.vjp(solver.solve(Crossbar(G, Wires(0.0, 0.0)), V), np.ones(3))
    ideal = (V @ G).sum()
    for name, wires in (("word", Wires(1e-4, 0.0)), ("bit", Wires(0.0, 1e-4))):
        slope = (solver.solve(Crossbar(G, wires), V).currents.sum() - ideal) / 1e-4
        assert float(getattr(grads, name)) == pytest.approx(slope, rel=1e-5)


def test_matrix_vjp_against_finite_differences():
    rng = np.random.default_rng(7)
    G, grad = rng.uniform(1e-5, 1e-3, (5, 9)), rng.normal(size=(9, 5))
    solver, wires = Solver(), Wires(10.0, 20.0)
    found = solver.matrix_vjp([Crossbar(G, wires)], [grad])[0]
    assert np.allclose(
        found.conductance, Solver(method="mna").matrix_vjp([Crossbar(G, wires)], [grad])[0].conductance,
        rtol=1e-9,
    )
    for index in [(0, 0), (2, 8), (4, 3)]:
        step = np.zeros_like(G)
        step[index] = 1e-8
        slope = sum(
            sign * (solver.effective_matrix(Crossbar(G + sign * step, wires)) * grad).sum()
            for sign in (1, -1)
        ) / 2e-8
        assert found.conductance[index] == pytest.approx(slope, rel=1e-5)
    for name in ("word", "bit"):
        slope = sum(
            sign * (solver.effective_matrix(Crossbar(G, Wires(
                10.0 + sign * 1e-3 * (name == "word"), 20.0 + sign * 1e-3 * (name == "bit")
            ))) * grad).sum() for sign in (1, -1)
        ) / 2e-3
        assert float(getattr(found, name)) == pytest.approx(slope, rel=1e-5)


def test_save_and_load(tmp_path):
    rng = np.random.default_rng(8)
    xbar = Crossbar(rng.uniform(1e-5, 1e-3, (4, 3)), Wires(1.0, 2.0), Ends(word_right=Driven(0.1, 2.0)))
    sol = Solver().solve(xbar, rng.uniform(0, 1, (2, 4)))
    sol.save(tmp_path / "sol.npz")
    back = Solution.load(tmp_path / "sol.npz")
    np.testing.assert_array_equal(back.currents, sol.currents)
    np.testing.assert_array_equal(back.cell_currents, sol.cell_currents)
    assert back.crossbar.ends == xbar.ends
    assert np.array_equal(back.power, sol.power)
    (tmp_path / "bad.npz").write_bytes(b"no")
    for kind in (Solution, Crossbar):
        with pytest.raises(NetlistError, match=r"bad\.npz.*not a saved"):
            kind.load(tmp_path / "bad.npz")


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Crossbar(np.ones(3)), r"`conductance` must have shape \(M, N\)"),
    (lambda: Crossbar(np.ones((0, 3))), "M, N >= 1"),
    (lambda: Crossbar([[1.0, -1.0]]), r"`conductance`\[0, 1\] = -1.0"),
    (lambda: Crossbar([[1.0, np.nan]]), r"`conductance`\[0, 1\] = nan"),
    (lambda: Crossbar("G"), "`conductance` must be real numbers"),
    (lambda: Crossbar(np.ones((2, 2)) * 1j), "`conductance` must be real numbers"),
    (Crossbar, "give either"),
    (lambda: Wires(-1.0), "`word` = -1.0"),
    (lambda: Crossbar(np.ones((2, 3)), Wires(np.ones((3, 2)))), r"\(2, 3\) or \(2, 4\)"),
    (lambda: Crossbar(np.ones((2, 3)), ends=Ends(word_left=[Driven()])), "1 ends for 2 lines"),
    (lambda: Solver().solve(Crossbar(np.ones((2, 3))), [1.0]), r"`V` must have shape \(2,\)"),
    (lambda: Solver().solve(Crossbar(np.ones((2, 3))), [1.0, np.inf]), r"`V`\[1\] = inf"),
    (lambda: Solver().solve(Crossbar(np.ones((2, 3))), ["a", "b"]), "`V` must be real numbers"),
    (lambda: Solver().solve("xbar", [1.0]), "`xbar` must be a Crossbar"),
    (lambda: Solver(method="fast"), "`method` must be one of"),
    (lambda: Solver(rtol=0), "`rtol`"),
    (lambda: Solver().effective_matrix(
        Crossbar(np.ones((2, 3)), ends=Ends(word_right=Driven(1.0, 2.0)))), "affine_map"),
])
def test_bad_input_names_the_argument(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def test_islands_and_source_loops_are_named():
    open_line = np.ones((3, 3))
    open_line[1] = 0
    ends = Ends(word_left=[Driven(), Floating(), Driven()])
    with pytest.raises(SingularCircuitError, match="wl1_0") as caught:
        Solver().solve(Crossbar(open_line, Wires(1.0, 1.0), ends), np.ones(3))
    assert caught.value.nodes == ("wl1_0", "wl1_1", "wl1_2")
    both = Crossbar(np.ones((2, 2)), ends=Ends(word_right=Driven(0.3)))
    with pytest.raises(SingularCircuitError, match="different voltages"):
        Solver().solve(both, [0.3, 0.1])
    Solver().solve(both, [0.3, 0.3])


def test_fields_and_failure():
    rng = np.random.default_rng(9)
    xbar = Crossbar(rng.uniform(1e-4, 1e-2, (64, 64)), Wires(50.0, 50.0))
    V = rng.uniform(0, 1, 64)
    with pytest.raises(ParameterError, match='fields="all"'):
        _ = Solver().solve(xbar, V, fields="currents").word_voltages
    with pytest.raises(ConvergenceError, match="max_iterations") as caught:
        Solver(max_iterations=3).solve(xbar, V)
    assert not caught.value.partial.converged
    assert not Solver(max_iterations=3, on_failure="return").solve(xbar, V).converged


def test_many_crossbars_in_one_call():
    rng = np.random.default_rng(10)
    xbars = [Crossbar(rng.uniform(1e-6, 1e-4, (m, n)), Wires(2.0, 1.0)) for m, n in [(3, 5), (20, 8)]]
    Vs = [rng.uniform(0, 1, x.shape[0]) for x in xbars]
    matrices = Solver(threads=2).effective_matrices(xbars)
    for xbar, V, W, sol in zip(xbars, Vs, matrices, Solver(threads=2).solve_many(xbars, Vs), strict=True):
        np.testing.assert_allclose(W @ V, sol.currents, rtol=1e-10)
        np.testing.assert_allclose(Solver().solve(xbar, V).currents, sol.currents, rtol=1e-10)
