"""Array programs for crosspoint arrays: against SuperLU, the compiled solver and differences."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
from crossbarsim.solvers.crossbar.batched import ArrayBackend, find_gpu
from crossbarsim.solvers.crossbar.batched.array_backend import choose_backend
from crossbarsim.solvers.crossbar.batched.cuda_panel import PANEL_SOURCE
from crossbarsim.solvers.crossbar.batched.device_tensors import Alike
from crossbarsim.solvers.crossbar.batched.dispatch import solve_problems
from crossbarsim.solvers.crossbar.batched.problems import compile_problems
from crossbarsim.solvers.crossbar.batched.star_mesh import panel
from crossbarsim.solvers.crossbar.problem import make_problem

from crossbarsim import (
    BackendUnavailable,
    ConvergenceError,
    Crossbar,
    Driven,
    Ends,
    Floating,
    Grounded,
    OutOfMemoryError,
    ParameterError,
    Sensed,
    Solver,
    Wires,
)
from crossbarsim.devices import StaticSinh

HARD = [(1.0, (1e-6, 1e-4)), (10.0, (1e-4, 1e-2)), (100.0, (1e-9, 1e-1)), (1e-6, (1e-6, 1e-4))]


def crossbar(shape, r=2.0, cells=(1e-6, 1e-4), seed=0, ends=None):
    rng = np.random.default_rng(seed)
    word = rng.uniform(0.5 * r, 1.5 * r, shape)
    G = np.exp(rng.uniform(*np.log(cells), shape))
    return Crossbar(G, Wires(word, 0.7 * r, driver=0.3 * r), ends)


def close(found, expected, tolerance=1e-9):
    largest = max(np.abs(i).max() for i in expected.end_currents.values())
    for name, current in expected.end_currents.items():
        assert np.abs(found.end_currents[name] - current).max() <= tolerance * largest, name
    for name in ("word_voltages", "bit_voltages"):
        volts = np.abs(getattr(found, name) - getattr(expected, name)).max()
        assert volts <= max(tolerance, 1e-9)


@pytest.mark.parametrize(("r", "cells"), HARD)
@pytest.mark.parametrize("ends", [
    Ends(), Ends(word_right=Driven(0.1, 3.0), bit_top=Driven(0.05, 1.0)),
    Ends(word_left=Floating(), word_right=Driven()),
    Ends(word_left=[Driven() if k % 2 else Floating() for k in range(33)], bit_top=Grounded()),
], ids=["default", "both", "right", "some"])
def test_reduction_and_iteration(backend, r, cells, ends):
    xbar = crossbar((33, 20), r, cells, ends=ends)
    V = np.random.default_rng(1).uniform(-0.2, 0.2, (3, 33))
    expected = Solver(method="mna").solve(xbar, V)
    reduced = Solver(backend=backend).solve(xbar, V)
    assert reduced.method.startswith("batched/port-reduction")
    close(reduced, expected, 1e-12)
    iterated = Solver(backend=backend, max_iterations=2000).solve(xbar, V)
    assert iterated.method.startswith("batched/mean-cg")
    assert 0 < iterated.iterations < 500
    close(iterated, expected)
    assert reduced.residual < 1e-9
    assert iterated.residual < 1e-5  # over the largest branch of a node that carries little


def test_lists_of_any_shapes(backend):
    shapes = [(12, 9), (5, 40), (12, 9), (1, 3), (12, 9)]
    xbars = [crossbar(shape, seed=k) for k, shape in enumerate(shapes)]
    rng = np.random.default_rng(2)
    Vs = [rng.uniform(0, 1, (k + 1, x.shape[0])) for k, x in enumerate(xbars)]
    Vs[3] = Vs[3][0]
    solver = Solver(backend=backend)
    for found, expected in zip(solver.solve_many(xbars, Vs), Solver().solve_many(xbars, Vs), strict=True):
        assert found.currents.shape == expected.currents.shape
        close(found, expected)
    for W, expected in zip(solver.effective_matrices(xbars), Solver().effective_matrices(xbars), strict=True):
        np.testing.assert_allclose(W, expected, rtol=1e-12)


@pytest.mark.parametrize("ends", [Ends(), Ends(word_right=Driven(), bit_top=Grounded(resistance=2.0))])
@pytest.mark.parametrize(("r", "cells"), HARD)
def test_gradients_of_matrices(backend, r, cells, ends):
    xbars = [crossbar((9, 14), r, cells, seed=k, ends=ends) for k in range(2)]
    grads = list(np.random.default_rng(3).normal(size=(2, 14, 9)))
    found = Solver(backend=backend).matrix_vjp(xbars, grads)
    expected = Solver().matrix_vjp(xbars, grads)
    mna = Solver(method="mna").matrix_vjp(xbars, grads)
    for one, two, three in zip(found, expected, mna, strict=True):
        for name in ("conductance", "word", "bit"):
            size = np.abs(getattr(two, name)).max()
            np.testing.assert_allclose(getattr(one, name), getattr(two, name), atol=1e-11 * size)
            np.testing.assert_allclose(getattr(one, name), getattr(three, name), atol=1e-9 * size)


def test_gradient_of_a_matrix_by_differences():
    rng = np.random.default_rng(4)
    G, word, bit = rng.uniform(1e-5, 1e-3, (5, 4)), rng.uniform(5, 20, (5, 4)), rng.uniform(5, 20, (5, 4))
    grad = rng.normal(size=(4, 5))
    solver = Solver(backend=ArrayBackend())
    found = solver.matrix_vjp([Crossbar(G, Wires(word, bit))], [grad])[0]
    for name, value in (("conductance", G), ("word", word), ("bit", bit)):
        for index in np.ndindex(value.shape):
            losses = []
            for sign in (1, -1):
                changed = {"conductance": G, "word": word, "bit": bit}
                changed[name] = value.copy()
                changed[name][index] *= 1 + sign * 1e-4
                xbar = Crossbar(changed["conductance"], Wires(changed["word"], changed["bit"]))
                losses.append((solver.effective_matrix(xbar) * grad).sum())
            slope = (losses[0] - losses[1]) / (2e-4 * value[index])
            assert getattr(found, name)[index] == pytest.approx(
                slope, rel=1e-5, abs=1e-8 * np.abs(getattr(found, name)).max()
            )


def test_gradient_of_currents(backend):
    xbar = crossbar((12, 7), 10.0, (1e-4, 1e-2))
    V, grad = np.random.default_rng(5).normal(size=(4, 12)), np.random.default_rng(6).normal(size=(4, 7))
    solver = Solver(backend=backend)
    found = solver.vjp(solver.solve(xbar, V), grad)
    expected = Solver().vjp(Solver().solve(xbar, V), grad)
    for name in ("V", "conductance", "word", "bit"):
        size = np.abs(getattr(expected, name)).max()
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-8 * size)


@pytest.mark.parametrize("ends", [
    Ends(bit_bottom=[Sensed() if k != 2 else Floating() for k in range(5)]),
    Ends(word_right=[Driven() if k % 2 else Floating() for k in range(6)], bit_top=Grounded()),
])
def test_arrays_that_are_there_already(backend, ends):
    arrays = choose_backend(backend)[0]
    rng = np.random.default_rng(9)
    G, V, grad = rng.uniform(1e-5, 1e-3, (3, 6, 5)), rng.normal(size=(3, 2, 6)), rng.normal(size=(3, 2, 5))
    wires = Wires(5.0, 3.0, driver=1.0)
    alike = Alike(arrays, arrays.asarray(G), Crossbar(np.ones((6, 5)), wires, ends))
    xbars = [Crossbar(g, wires, ends) for g in G]
    mna = Solver(method="mna")
    sols = mna.solve_many(xbars, V)
    currents = arrays.to_host(alike.currents(arrays.asarray(V)))
    np.testing.assert_allclose(currents, [s.currents for s in sols], rtol=1e-10)
    np.testing.assert_allclose(arrays.to_host(alike.matrices()), mna.effective_matrices(xbars), rtol=1e-10)
    by_v, by_g, by_word, by_bit = alike.current_gradients(
        arrays.asarray(V), arrays.asarray(grad), wires=True
    )
    expected = [mna.vjp(s, g) for s, g in zip(sols, grad, strict=True)]
    np.testing.assert_allclose(arrays.to_host(by_v), [e.V for e in expected], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(arrays.to_host(by_g), [e.conductance for e in expected], rtol=1e-9, atol=1e-12)
    assert float(by_word) == pytest.approx(sum(float(e.word) for e in expected), rel=1e-9)
    assert float(by_bit) == pytest.approx(sum(float(e.bit) for e in expected), rel=1e-9)
    matrix_grad = rng.normal(size=(3, 5, 6))
    by_g, by_word, by_bit = alike.matrix_gradients(arrays.asarray(matrix_grad), wires=True)
    expected = mna.matrix_vjp(xbars, matrix_grad)
    np.testing.assert_allclose(arrays.to_host(by_g), [e.conductance for e in expected], rtol=1e-9, atol=1e-12)
    assert float(by_word) == pytest.approx(sum(float(e.word) for e in expected), rel=1e-9)
    assert float(by_bit) == pytest.approx(sum(float(e.bit) for e in expected), rel=1e-9)


def test_zero_ohm_has_gradients_too(backend):
    xbar = Crossbar(np.random.default_rng(7).uniform(1e-5, 1e-3, (6, 5)), Wires(0.0, 0.0))
    grad = np.ones((5, 6))
    found = Solver(backend=backend).matrix_vjp([xbar], [grad])[0]
    expected = Solver().matrix_vjp([xbar], [grad])[0]
    for name in ("conductance", "word", "bit"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-10)


def test_merged_and_broken_segments_are_reduced_even_with_a_limit(backend):
    word = np.full((6, 5), 2.0)
    word[2, 3], word[4, 1] = np.inf, 0.0
    xbar = Crossbar(np.full((6, 5), 1e-4), Wires(word, 1.0))
    V = np.linspace(0.1, 0.6, 6)
    found = Solver(backend=backend, max_iterations=3).solve(xbar, V)
    assert found.method.startswith("batched/port-reduction (")
    assert found.residual < 1e-9
    close(found, Solver(method="mna").solve(xbar, V), 1e-12)


def test_the_limit_of_iterations():
    xbar, V = crossbar((24, 24), 100.0, (1e-4, 1e-2)), np.ones(24)
    with pytest.raises(ConvergenceError, match="max_iterations") as caught:
        Solver(backend=ArrayBackend(), max_iterations=3).solve(xbar, V)
    assert caught.value.partial.iterations == 3
    rough = Solver(backend=ArrayBackend(), max_iterations=300, rtol=1e-3).solve(xbar, V)
    fine = Solver(backend=ArrayBackend(), max_iterations=300, rtol=1e-12).solve(xbar, V)
    assert rough.iterations < 0.7 * fine.iterations
    np.testing.assert_allclose(rough.currents, fine.currents, rtol=2e-3)


def test_memory_is_kept_to():
    xbars = [crossbar((16, 16), seed=k) for k in range(5)]
    V = np.random.default_rng(8).uniform(0, 1, (40, 16))
    large = Solver(backend=ArrayBackend())
    small = Solver(backend=ArrayBackend(max_bytes=1_600_000))
    for one, two in zip(large.solve_many(xbars, [V] * 5), small.solve_many(xbars, [V] * 5), strict=True):
        np.testing.assert_allclose(one.currents, two.currents, rtol=1e-14)
        np.testing.assert_allclose(one.word_voltages, two.word_voltages, rtol=1e-14)
    for one, two in zip(large.effective_matrices(xbars), small.effective_matrices(xbars), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-14)
    tiny = Solver(backend=ArrayBackend(max_bytes=500_000))
    iterated = tiny.solve(xbars[0], V)  # a reduction does not fit, vectors do
    assert iterated.method == "batched/mean-cg (numpy)"
    np.testing.assert_allclose(iterated.currents, large.solve(xbars[0], V).currents, rtol=1e-9)
    with pytest.raises(OutOfMemoryError, match=r"a crossbar of 16x16 needs about .* KiB, but 10 KiB"):
        Solver(backend=ArrayBackend(max_bytes=10 << 10)).effective_matrix(xbars[0])


def test_peak_memory_is_what_was_reckoned():
    import tracemalloc

    from crossbarsim.solvers.crossbar.batched.crossbar_batch import Stack
    from crossbarsim.solvers.crossbar.batched.reduction import Reduction, bytes_of

    for shape in ((64, 64), (100, 60), (16, 256), (256, 8), (1, 500)):
        problem = make_problem(crossbar(shape), np.zeros((1, shape[0])))
        for keep in (False, True):
            stack = Stack.of(ArrayBackend(), [problem] * 2)
            tracemalloc.start()
            reduction = Reduction.of(stack, keep=keep)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert len(reduction.matrix) == 2
            assert peak <= 2 * bytes_of(shape, keep=keep)


@pytest.mark.parametrize("ends", [
    [Ends()] * 6, [Ends(), Ends(bit_bottom=Driven(0.1)), Ends(word_left=Driven(resistance=2.0))] * 2,
    [Ends(word_right=Driven())] * 6, [Ends(bit_top=Grounded(), bit_bottom=Floating())] * 6,
])
@pytest.mark.parametrize("word", [2.0, np.full((4, 3), 3.0)])
def test_what_tiles_share_is_compiled_once(monkeypatch, ends, word):
    calls = []
    monkeypatch.setattr("crossbarsim.solvers.crossbar.batched.problems.make_problem",
                        lambda *a: calls.append(1) or make_problem(*a))
    rng = np.random.default_rng(12)
    wires = Wires(word, 1.0)
    xbars = [Crossbar(rng.uniform(0, 1, (4, 3)), wires if k % 2 else Wires(word, 1.0), e)
             for k, e in enumerate(ends)]
    volts = [rng.normal(size=(2, 4)) for _ in xbars]
    for one, (xbar, V) in zip(compile_problems(xbars, volts), zip(xbars, volts, strict=True), strict=True):
        two = make_problem(xbar, V)
        for name in ("G", "word_r", "bit_r"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        for a, b in zip(one.ends, two.ends, strict=True):
            np.testing.assert_array_equal(a, b)
    if ends[0] == ends[1] == Ends() and np.ndim(word) == 0:
        assert len(calls) == 1


def test_batches_are_cut(backend, monkeypatch):
    monkeypatch.setattr("crossbarsim.solvers.crossbar.batched.star_mesh._BATCH", 7)
    xbars = [crossbar((20, 9), seed=k) for k in range(3)]
    V = np.random.default_rng(11).uniform(0, 1, (2, 20))
    for sol, xbar in zip(Solver(backend=backend).solve_many(xbars, [V] * 3), xbars, strict=True):
        close(sol, Solver().solve(xbar, V), 1e-9)


def test_what_runs_out_of_memory_is_told():
    class Full:
        def __getattr__(self, name):
            raise MemoryError("Out of memory allocating 8 bytes")

    problem = make_problem(crossbar((4, 4)), np.zeros((1, 4)))
    with pytest.raises(OutOfMemoryError, match="1 crossbars of 4x4 ran out of memory"):
        solve_problems(ArrayBackend(Full(), "numpy", 1 << 30), [problem], keep_voltages=True,
                       rtol=1e-10, max_iterations=None)


# -- the kernel ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def host_panel(tmp_path_factory):
    """The CUDA kernel, compiled for the host."""
    cc = shutil.which("cc")
    if cc is None:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("panel")
    (folder / "panel.c").write_text(PANEL_SOURCE)
    subprocess.run([cc, "-O2", "-DCROSSBARSIM_HOST", "-shared", "-fPIC", str(folder / "panel.c"),
                    "-o", str(folder / "panel.so")], check=True)
    function = ctypes.CDLL(str(folder / "panel.so")).panel
    calls = []

    def run(_xp, C, first, last):
        assert C.flags.c_contiguous
        calls.append(last - first)
        scaled = np.zeros((len(C), last - first, last))
        function(*(ctypes.c_void_p(a.ctypes.data) for a in (C, scaled)),
                 *map(ctypes.c_longlong, (len(C), C.shape[1], first, last)))
        return scaled

    run.calls = calls
    return run


def test_the_kernel_does_what_arrays_do(host_panel):
    rng = np.random.default_rng(10)
    for n, first, last in ((7, 6, 7), (40, 8, 40), (33, 3, 20)):
        C = 10.0 ** rng.uniform(-9, 0, (5, n, n))
        C += np.swapaxes(C, 1, 2)
        C[1] = 0.0
        one, two = C.copy(), C.copy()
        np.testing.assert_allclose(host_panel(np, one, first, last), panel(np, two, first, last), rtol=1e-13)
        np.testing.assert_allclose(one, two, rtol=1e-13)


def test_a_reduction_by_the_kernel(host_panel):
    class Backend(ArrayBackend):
        panel = property(lambda _: host_panel)

    xbars = [crossbar((40, 50), 100.0, (1e-9, 1e-1), seed=k) for k in range(3)]
    host_panel.calls.clear()
    found = Solver(backend=Backend()).solve_many(xbars, np.ones((3, 40)))
    assert max(host_panel.calls) == 32
    for one, two in zip(found, Solver(method="mna").solve_many(xbars, np.ones((3, 40))), strict=True):
        close(one, two, 1e-12)


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="there is no nvcc")
@pytest.mark.slow
def test_nvcc_takes_the_kernel(tmp_path):
    (tmp_path / "panel.cu").write_text(PANEL_SOURCE)
    subprocess.run(["nvcc", "-arch=sm_80", "-ptx", str(tmp_path / "panel.cu"), "-o", str(tmp_path / "p.ptx")],
                   check=True)
    assert ".visible .entry panel" in (tmp_path / "p.ptx").read_text()


# -- choosing ----------------------------------------------------------------------------------


class Module:
    """Stands for an installed CuPy."""

    __version__ = "13.6.0"

    def __init__(self, devices=0, error=None, broken=False):
        self.cuda = self.runtime = self
        self.devices, self.error, self.broken = devices, error, broken

    def getDeviceCount(self):
        if self.error:
            raise RuntimeError(self.error)
        return self.devices

    def ones(self, shape):
        if self.broken:
            raise OSError("libnvrtc.so.13: cannot open shared object file")
        return np.ones(shape)


@pytest.mark.parametrize(("module", "message"), [
    (None, "cupy is not installed"),
    (Module(), r"cupy 13\.6\.0 is installed, but finds no device"),
    (Module(error="cudaErrorInsufficientDriver: CUDA driver version is insufficient"),
     r"cupy 13\.6\.0 is installed, but finds no device \(cudaErrorInsufficientDriver"),
    (Module(1, broken=True), r"cupy 13\.6\.0 is installed, but does not work \(libnvrtc"),
])
def test_no_gpu(monkeypatch, module, message):
    import sys

    if module is None:
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    else:
        monkeypatch.setitem(sys.modules, "cupy", module)
    find_gpu.cache_clear()
    try:
        with pytest.raises(BackendUnavailable, match=message) as caught:
            Solver(backend="gpu")
        assert "pip install crossbarsim[gpu]" in str(caught.value)
        solver = Solver(backend="auto")
        sol = solver.solve(crossbar((4, 4)), np.ones(4))
        assert sol.method.startswith("structured/")
        assert "(cpu; no gpu: cupy" in sol.method
        assert Solver().solve(crossbar((4, 4)), np.ones(4)).method == "structured/chain-cg"
    finally:
        find_gpu.cache_clear()


def test_a_gpu_that_is_there(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "cupy", Module(1))
    find_gpu.cache_clear()
    try:
        backend, note = choose_backend("gpu")
        assert (backend.name, backend.on_device, note) == ("gpu", True, "")
        assert choose_backend("auto")[0].name == "gpu"
        assert choose_backend("cpu") == (None, "")
    finally:
        find_gpu.cache_clear()


def test_what_arrays_do_not_do():
    solver = Solver(backend=ArrayBackend())
    cells = StaticSinh().array(conductance=np.full((2, 2), 1e-4))
    xbar = Crossbar(cells=cells, wires=Wires(1.0, 1.0))
    with pytest.raises(ParameterError, match="segments > 0 ohm"):
        solver.solve(Crossbar(cells=cells), np.ones(2))
    with pytest.raises(ParameterError, match="layout is solved on the CPU"):
        solver.solve(Crossbar(cells=cells, wires=Wires(1.0, 1.0), layout="parallel"), np.ones(2))
    with pytest.raises(ParameterError, match="method='mna'"):
        Solver(backend=ArrayBackend(), method="mna").solve(xbar, np.ones(2))
    with pytest.raises(ParameterError, match="`backend` must be one of"):
        Solver(backend="tpu")
    with pytest.raises(ParameterError, match="`max_bytes` must be"):
        ArrayBackend(max_bytes=0)
