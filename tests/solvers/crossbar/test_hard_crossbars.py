"""Arrays whose cells conduct as well as their lines: the coarse space beside the chains."""

import numpy as np
import pytest
from crossbarsim.solvers.crossbar.problem import make_problem
from crossbarsim.solvers.crossbar.structured import chain_cg, coarse_space, linear_steps
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crossbarsim import (
    EKV,
    Crossbar,
    Driven,
    Ends,
    OneTransistorOneResistor,
    SingularCircuitError,
    Solver,
    Wires,
)
from crossbarsim.devices import StanfordPKU
from tests.solvers.crossbar.test_structured_table import ENDS, make_ends

COARSE = "structured/chain-cg-coarse"


def cells(shape, low=1e-4, high=1e-2, seed=0):
    return np.exp(np.random.default_rng(seed).uniform(np.log(low), np.log(high), shape))


def inputs(rows, count=None):
    return np.random.default_rng(1).uniform(-0.2, 0.2, rows if count is None else (count, rows))


def uneven(kind, shape, ohm, rng):
    """Return wires about `ohm`, that differ in some way."""
    rows, columns = shape
    word, bit = np.full((rows, columns + 1), ohm), np.full((rows + 1, columns), ohm)
    if kind == "lines":
        word *= rng.uniform(0.3, 3.0, (rows, 1))
        bit *= rng.uniform(0.3, 3.0, columns)
    elif kind == "segments":
        word *= rng.uniform(0.3, 3.0, word.shape)
        bit *= rng.uniform(0.3, 3.0, bit.shape)
    elif kind == "zero":
        word[rng.random(word.shape) < 0.1] = 0.0
        bit[rng.random(bit.shape) < 0.1] = 0.0
    elif kind == "broken":
        word[:, 1:][rng.random((rows, columns)) < 0.01] = np.inf
        bit[:-1][rng.random((rows, columns)) < 0.01] = np.inf
    elif kind == "ends":
        return Wires(ohm, 2.0 * ohm, driver=0.1 * ohm, sense=5.0 * ohm)
    return Wires(word, bit)


KINDS = ["scalar", "lines", "segments", "zero", "broken", "ends"]


def check(xbar, V, solver, expected=None):
    """Compare currents, ends and voltages with general nodal analysis."""
    expected = expected or Solver(method="mna").solve(xbar, V)
    found = solver.solve(xbar, V)
    largest = max(np.abs(end).max() for end in expected.end_currents.values())
    for name, current in expected.end_currents.items():
        assert np.abs(found.end_currents[name] - current).max() <= 1e-10 * largest, name
    assert np.abs(found.word_voltages - expected.word_voltages).max() <= 1e-9
    assert np.abs(found.bit_voltages - expected.bit_voltages).max() <= 1e-9
    assert found.converged
    assert found.residual < 1e-8
    return found


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(20, 45), st.integers(20, 45)), st.sampled_from(KINDS),
    st.sampled_from(ENDS), st.floats(0.5, 100.0), st.floats(0.5, 6.0), st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_against_nodal_analysis(shape, kind, ends, product, decades, gaps, seed):
    """`product`: mean cell conductance times segment; `decades`: of the cells."""
    rng = np.random.default_rng(seed)
    G = 10.0 ** rng.uniform(-3.0 - decades, -3.0, shape)
    if gaps:
        G[rng.random(shape) < 0.1] = 0.0
    ohm = product / G.mean()
    if ends == "floating":  # no line may be an island
        G[:, shape[1] // 2] += 1e-6
        G[shape[0] // 2] += 1e-6
    xbar = Crossbar(G, uneven(kind, shape, ohm, rng), make_ends(ends, *shape))
    V = rng.uniform(-0.2, 0.2, shape[0])
    try:
        expected = Solver(method="mna").solve(xbar, V)
    except SingularCircuitError:
        assume(condition=False)
    check(xbar, V, Solver(), expected)
    # with a limit there is no direct method to fall back to
    solver = Solver(max_iterations=2000, on_failure="return")
    found = solver.solve(xbar, V)
    if found.converged:
        check(xbar, V, solver, expected)
    if product > 2.0 and min(shape) > 32:
        assert found.method == COARSE
    if kind not in ("zero", "broken") and product < 10.0 and ends != "floating":
        assert found.converged
        assert found.iterations < 100


@pytest.mark.parametrize(("ohm", "low", "high", "most"), [
    (10.0, 1e-4, 1e-2, 28), (100.0, 1e-4, 1e-2, 34), (100.0, 1e-9, 1e-1, 46),
    (1000.0, 1e-4, 1e-2, 60),
])
def test_iterations_do_not_grow_with_the_array(ohm, low, high, most):
    counts = []
    for size in (128, 256, 448):
        sol = Solver(threads=1).solve(Crossbar(cells((size, size), low, high), Wires(ohm, ohm)),
                                      np.abs(inputs(size)), fields="currents")
        assert sol.method == COARSE
        counts.append(sol.iterations)
    assert max(counts) <= most
    assert max(counts) - min(counts) <= 8


@pytest.mark.parametrize("kind", KINDS)
def test_wires_that_differ(kind):
    shape = (90, 75)
    rng = np.random.default_rng(3)
    xbar = Crossbar(cells(shape), uneven(kind, shape, 100.0, rng))
    found = check(xbar, inputs(90), Solver(threads=1, max_iterations=200))
    assert found.method == COARSE
    assert found.iterations < 130 if kind == "broken" else found.iterations < 75


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("kind", ["scalar", "segments"])
@pytest.mark.slow
def test_two_threads_on_one_vector(monkeypatch, ends, kind):
    monkeypatch.setattr(chain_cg, "_PAIR_CELLS", 0)
    shape = (75, 61)
    xbar = Crossbar(cells(shape), uneven(kind, shape, 200.0, np.random.default_rng(4)),
                    make_ends(ends, *shape))
    one = check(xbar, inputs(75), Solver(threads=1, max_iterations=500))
    two = check(xbar, inputs(75), Solver(threads=2, max_iterations=500))
    assert one.method == two.method == COARSE
    assert abs(one.iterations - two.iterations) <= 1


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", [(64, 33), (33, 64), (48, 100)], ids=str)
def test_many_vectors(threads, shape):
    xbar, V = Crossbar(cells(shape), Wires(300.0, 300.0)), inputs(shape[0], 5)
    found = check(xbar, V, Solver(threads=threads, max_iterations=300))
    assert found.method == COARSE
    for k in range(5):
        one = Solver(threads=1, max_iterations=300).solve(xbar, V[k])
        np.testing.assert_allclose(found.currents[k], one.currents, rtol=1e-9)


@pytest.mark.parametrize("kind", ["scalar", "lines", "zero"])
def test_gradients(kind):
    shape = (60, 48)
    xbar = Crossbar(cells(shape), uneven(kind, shape, 200.0, np.random.default_rng(5)))
    V, grad = inputs(60), np.random.default_rng(6).normal(size=48)
    found = Solver(max_iterations=300).vjp(Solver(max_iterations=300).solve(xbar, V), grad)
    expected = Solver(method="mna").vjp(Solver(method="mna").solve(xbar, V), grad)
    for name in ("V", "conductance", "word", "bit"):
        a, b = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9 * np.abs(b).max())


def test_easy_arrays_are_left_to_the_chains():
    for size, low, high, ohm in ((64, 1e-6, 1e-4, 1.0), (256, 1e-6, 1e-4, 1.0), (8, 1e-4, 1e-2, 1e3)):
        xbar = Crossbar(cells((size, size), low, high), Wires(ohm, ohm))
        sol = Solver(max_iterations=500).solve(xbar, inputs(size))
        assert sol.method == "structured/chain-cg"


@pytest.mark.parametrize("wires", [Wires(0.0, 100.0), Wires(100.0, 0.0)], ids=["word", "bit"])
def test_ideal_lines_of_one_family(wires):
    found = check(Crossbar(cells((64, 64)), wires), inputs(64), Solver(max_iterations=100))
    assert found.method == "structured/chain-cg"


@pytest.mark.parametrize("few", [24, 40])
@pytest.mark.parametrize("first", [True, False])
def test_ideal_pieces(first, few):
    """Bit lines with more zero-ohm segments in a row than there are rows between two nodes."""
    bit = np.full((81, 50), 100.0)
    bit[slice(0, few) if first else slice(-few, None), 3] = 0.0
    xbar = Crossbar(cells((80, 50)), Wires(100.0, bit))
    check(xbar, inputs(80), Solver(max_iterations=500))


@pytest.mark.parametrize("rows", [33, 34, 40, 41])
@pytest.mark.parametrize("ends", [
    Ends(), Ends(bit_top=Driven(0.1)), Ends(word_right=Driven(), bit_top=Driven(0.1)),
])
def test_lines_held_at_their_ends(rows, ends):
    """Segments of 0 ohm at the ends, whatever place the last row has among the nodes."""
    word, bit = np.full((rows, 46), 200.0), np.full((rows + 1, 45), 200.0)
    word[::2, [0, -1]] = 0.0
    bit[[0, -1], ::3] = 0.0
    bit[-2, ::6] = 0.0
    found = check(Crossbar(cells((rows, 45)), Wires(word, bit), ends), inputs(rows),
                  Solver(max_iterations=200))
    assert found.method == COARSE


def test_the_preconditioner_is_symmetric_and_positive():
    """r' C r as it is summed up, against the voltages that C gives."""
    from crossbarsim.solvers.crossbar.structured.kernels.coarse import (
        coarse_value,
        correct,
        gather,
    )

    rng = np.random.default_rng(7)
    for shape, kind in (((40, 33), "segments"), ((33, 50), "scalar"), ((50, 41), "zero")):
        wires = uneven(kind, shape, 100.0, rng)
        problem = make_problem(Crossbar(cells(shape), wires), np.zeros((1, shape[0])))
        space, _ = coarse_space.coarse_space(problem.word_r, problem.bit_r, (problem.G, problem.G))
        space = coarse_space.with_scratch(space)

        def apply(r, space=space, shape=shape):
            gather(space, r, 0, shape[0], 0, True)
            energy = correct(space, 1)
            found = [coarse_value(space, i, j) for i in range(shape[0]) for j in range(shape[1])]
            return energy, *np.array(found).T.reshape(2, *shape)

        a, b = rng.normal(size=(2, *shape))
        first, x, drawn = apply(a)
        assert first > 0.0
        assert (a * x).sum() == pytest.approx(first, rel=1e-12)
        second, y, _ = apply(b)
        assert (b * y).sum() == pytest.approx(second, rel=1e-12)
        assert (a * y).sum() == pytest.approx((b * x).sum(), rel=1e-9)
        # what the wires and cells draw at these voltages, merged nodes together
        with np.errstate(divide="ignore", invalid="ignore"):
            flow = np.diff(np.pad(x, ((1, 1), (0, 0))), axis=0) / -problem.bit_r
        flow = np.where(problem.bit_r > 0.0, flow, 0.0)
        expected = problem.G * x - flow[:-1] + flow[1:]
        joined = np.cumsum(problem.bit_r[:-1] > 0.0, axis=0)
        for j in range(shape[1]):
            sums = [np.bincount(joined[:, j], values[:, j]) for values in (drawn, expected)]
            free = problem.bit_r[-1, j] > 0.0
            last = len(sums[0]) if free else joined[-1, j]
            np.testing.assert_allclose(sums[0][:last], sums[1][:last], atol=1e-10 * abs(expected).max())


@pytest.mark.parametrize("kind", ["curved", "transistors"])
@pytest.mark.parametrize("wires", ["scalar", "segments", "zero"])
def test_newton_on_hard_arrays(monkeypatch, kind, wires):
    counts, solve = [], linear_steps.ChainStep.solve

    def counted(self, *args, **options):
        found = solve(self, *args, **options)
        counts.append(found[2])
        return found

    monkeypatch.setattr(linear_steps.ChainStep, "solve", counted)
    shape = (80, 72)
    if kind == "curved":
        array, ohm = StanfordPKU().array(cells(shape, 1e-5, 1e-4)), 5e3
    else:
        array = OneTransistorOneResistor(
            StanfordPKU().array(cells(shape, 1e-5, 1e-4)), EKV(), gate_voltage=1.8
        )
        ohm = 5e3
    xbar = Crossbar(cells=array, wires=uneven(wires, shape, ohm, np.random.default_rng(8)))
    V = np.abs(inputs(80))
    found = Solver().solve(xbar, V)
    expected = Solver(method="mna").solve(xbar, V)
    largest = np.abs(expected.currents).max()
    assert np.abs(found.currents - expected.currents).max() <= 1e-9 * largest
    assert found.converged
    assert counts
    limit = 25 if wires == "scalar" else 40
    assert max(counts) <= limit
    gradient = Solver().vjp(found, np.ones(72))
    other = Solver(method="mna").vjp(expected, np.ones(72))
    scale = np.abs(other.V).max()
    assert np.abs(gradient.V - other.V).max() <= 1e-7 * scale
