"""Arrays of devices in lockstep, against each by itself."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
from crossbarsim.solvers.crossbar.batched import ArrayBackend
from crossbarsim.solvers.crossbar.batched.cells.cell_array_batch import StackedLines
from crossbarsim.solvers.crossbar.batched.cells.row_elimination import RowStep
from crossbarsim.solvers.crossbar.batched.crossbar_batch import Stack
from crossbarsim.solvers.crossbar.line_equations import Lines
from crossbarsim.solvers.crossbar.problem import make_problem
from crossbarsim.solvers.crossbar.sparse.newton_step import SparseStep

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
    Pulse,
    Resistive,
    Solver,
    Wires,
)
from crossbarsim.devices import (
    VTEAM,
    ExponentialSelector,
    JartVcmV1b,
    StanfordPKU,
    StaticSinh,
    Yakopcic,
)
from crossbarsim.devices.cells.cuda_cells import cells_source

ENDS = [Ends(), Ends(word_right=Driven(0.2, 3.0), bit_top=Grounded(2.0)),
        Ends(word_left=Floating(), word_right=Driven())]


def arrays(backend):
    if backend == "gpu":
        from crossbarsim.solvers.crossbar.batched import find_gpu

        return find_gpu()[0]
    return backend


def lines(backend, shape, ends, rng):
    xbar = Crossbar(np.ones(shape), Wires(rng.uniform(1, 5, shape), rng.uniform(1, 5, shape), driver=1.0), ends)
    problem = make_problem(xbar, np.zeros((1, shape[0])))
    made = arrays(backend)
    return problem, Stack(made, made.asarray(np.zeros((1, *shape))), problem.word_r[None], problem.bit_r[None])


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (20, 30)])
def test_linear_steps(backend, shape, ends):
    rng = np.random.default_rng(0)
    problem, stack = lines(backend, shape, ends, rng)
    (M, N), T = shape, 3
    gu, gw, res_u, res_w = (10 ** rng.uniform(-6, -3, (T * M, N)) for _ in range(4))
    ground = 1e-5, np.full((T * M, N), 2e-5)
    for transposed in (False, True):
        du, dw, _ = RowStep(stack, T).solve(gu, gw, ground, res_u, res_w, 1e-8, transposed=transposed)
        for t in range(T):
            s = slice(t * M, (t + 1) * M)
            u, w, _ = SparseStep(problem).solve(
                gu[s], gw[s], (1e-5, 2e-5), res_u[s], res_w[s], 1e-8, transposed=transposed
            )
            np.testing.assert_allclose(du[s], u, atol=1e-11 * np.abs(u).max())
            np.testing.assert_allclose(dw[s], w, atol=1e-11 * np.abs(w).max())


@pytest.mark.parametrize("ends", ENDS)
def test_kirchhoff(backend, ends):
    rng = np.random.default_rng(1)
    shape, T = (7, 5), 3
    problem, stack = lines(backend, shape, ends, rng)
    mine, one = StackedLines(stack, T), Lines(problem)
    sources = [rng.normal(size=(T, n)) for n in (7, 7, 5, 5)]
    out, into, u, w = (rng.normal(size=(T * 7, 5)) * 1e-4 for _ in range(4))
    base = mine.lift(tuple(s.ravel() for s in sources))
    found = mine.measure(out, into, u, w)
    shares = []
    for t in range(T):
        s = slice(7 * t, 7 * t + 7)
        for a, b in zip(base, one.lift(tuple(np.ascontiguousarray(x[t]) for x in sources)), strict=True):
            np.testing.assert_allclose(a[s], b, atol=1e-14)
        law = one.measure(out[s], into[s], u[s], w[s])
        np.testing.assert_allclose(found.res_u[s], law.res_u, rtol=1e-12, atol=1e-16)
        np.testing.assert_allclose(found.res_w[s], law.res_w, rtol=1e-12, atol=1e-16)
        for a, b in zip(found.ends, law.ends, strict=True):
            np.testing.assert_allclose(np.split(a, T)[t], b, rtol=1e-12, atol=1e-16)
        shares.append((law.total / law.largest, law))
    _, law = max(shares, key=lambda pair: pair[0])
    for name in ("worst", "total", "largest"):
        assert getattr(found, name) == pytest.approx(getattr(law, name), rel=1e-9)
    assert found.noise == pytest.approx(law.noise, rel=1e-2)


def chips(kind, count=3, shape=(5, 4), seed=2):
    rng = np.random.default_rng(seed)
    found = []
    for k in range(count):
        device = VTEAM(r_on=1e4 * rng.lognormal(0, 0.1, shape), r_off=1e6)
        cells = device.array(conductance=10 ** rng.uniform(-5.7, -4.3, shape), capacitance=1e-16)
        if kind == "1t1r":
            transistor = EKV.preset("ptm_65nm", width=1e-6 * (1 + 0.1 * k))
            cells = OneTransistorOneResistor(cells, transistor, gate_voltage=0.0)
        found.append(Crossbar(cells=cells, wires=Wires(2.0, 2.0, driver=1.0, word_capacitance=1e-16)))
    return found


# just above the threshold, so that cells are still on their way at the end
DRIVE = {"word_left": Pulse(0.0, -0.25, delay=2e-10, rise=1e-10, width=4e-9, fall=1e-10)}
GATES = [Pulse(0.0, 2.0 if row == 1 else 0.0, rise=1e-10, width=6e-9, fall=1e-10) for row in range(5)]


@pytest.mark.parametrize("kind", ["bare", "1t1r"])
def test_writing_many_chips(backend, kind):
    xbars = chips(kind)
    drive = DRIVE | ({"gate": GATES} if kind == "1t1r" else {})
    probes = ["conductance", ("state", (1, 2))]
    found = Solver(backend=backend).transient_many(xbars, drive, 5e-9, probes=probes, rtol=3e-4)
    expected = Solver().transient_many(xbars, drive, 5e-9, probes=probes)
    moved = 0.0
    # Together they take the steps of the one that needs the shortest, apart each its own: that alone
    # sets them apart (see `test_one_chip_is_the_same_run`). Against runs at rtol=1e-7 each is off by
    # up to 1.7e-3 of the span and 1.4e-3 of the energies.
    for one, two, xbar in zip(found, expected, xbars, strict=True):
        span = 1.0 / 1e4
        np.testing.assert_allclose(one.crossbar.conductance, two.crossbar.conductance, atol=2e-3 * span)
        moved = max(moved, np.abs(one.crossbar.conductance - xbar.conductance).max() / span)
        assert one.energy == pytest.approx(two.energy, rel=2e-3)
        np.testing.assert_array_equal(one.time, found[0].time)
        assert one["conductance"].shape == (len(one.time), 5, 4)
        assert one[("state", (1, 2))].shape == (len(one.time), 1)
        np.testing.assert_allclose(one["conductance"][-1], one.crossbar.conductance)
        for name, current in two.end_currents.items():
            assert one.end_currents[name].shape[1] == current.shape[1]
            np.testing.assert_allclose(one.end_energy[name], two.end_energy[name],
                                       atol=3e-3 * np.abs(two.end_energy[name]).max())
        # Newton's rtol is a hundredth of the run's 3e-4, of which a node may miss a hundred times
        assert one.residual < 3e-4
        assert one.crossbar.wires is xbar.wires
    assert moved > 0.05


@pytest.mark.parametrize("kind", ["sinh", "1t1r bit", "1t1r word"])
@pytest.mark.parametrize("ends", ENDS)
def test_static_solutions(backend, kind, ends):
    rng = np.random.default_rng(4)
    cells = StaticSinh().array(conductance=10 ** rng.uniform(-6, -3, (7, 5)))
    if kind != "sinh":
        cells = OneTransistorOneResistor(cells, EKV.preset("ptm_65nm", width=1e-6 * rng.uniform(1, 2, (7, 5))),
                                         gate_voltage=rng.uniform(0.5, 1.5, 7), transistor_side=kind[5:])
    xbar = Crossbar(cells=cells, wires=Wires(5.0, 3.0, driver=1.0), ends=ends)
    V = rng.uniform(-1, 1, (6, 7))
    made = arrays(backend)
    small = ArrayBackend(made.xp, made.name, 40_000) if made.name != "gpu" else made
    expected = Solver(method="mna").solve(xbar, V)
    for solver in (Solver(backend=made), Solver(backend=small)):
        found = solver.solve(xbar, V)
        assert found.method == f"batched/newton-rows ({made.name})"
        scale = max(np.abs(i).max() for i in expected.end_currents.values())
        for name, current in expected.end_currents.items():
            np.testing.assert_allclose(found.end_currents[name], current, atol=1e-9 * scale)
        np.testing.assert_allclose(found.cell_currents, expected.cell_currents, atol=1e-9 * scale)
        np.testing.assert_allclose(found.word_voltages, expected.word_voltages, atol=1e-9)
        assert found.residual < 1e-7
    one = Solver(backend=made).solve(xbar, V[0], fields="currents")
    np.testing.assert_allclose(one.currents, found.currents[0], atol=1e-9 * scale)
    if kind != "sinh":
        off = Solver(backend=made).solve(xbar, V[0], gate_voltage=0.0)
        np.testing.assert_allclose(off.currents, Solver().solve(xbar, V[0], gate_voltage=0.0).currents,
                                   rtol=1e-6, atol=1e-13)


@pytest.mark.parametrize("kind", ["vteam", "1t1r bit", "1t1r word"])
@pytest.mark.parametrize("ends", ENDS)
def test_gradients_and_linearisations(backend, kind, ends):
    rng = np.random.default_rng(5)
    cells = VTEAM(r_on=1e3, r_off=1e5).array(conductance=10 ** rng.uniform(-4.9, -3.1, (6, 5)))
    if kind != "vteam":
        cells = OneTransistorOneResistor(cells, EKV.preset("ptm_65nm", width=1e-6),
                                         gate_voltage=rng.uniform(0.8, 1.5, 6), transistor_side=kind[5:])
    wires = Wires(rng.uniform(2, 9, (6, 5)), 3.0, driver=1.0)
    xbar = Crossbar(cells=cells, wires=wires, ends=ends)
    V, grad = rng.uniform(-1, 1, (4, 6)), rng.normal(size=(4, 5))
    made = arrays(backend)
    mna = Solver(method="mna")
    expected = mna.vjp(mna.solve(xbar, V), grad)
    small = made if made.name == "gpu" else ArrayBackend(made.xp, made.name, 60_000)
    for solver in (Solver(backend=made), Solver(backend=small)):
        found = solver.vjp(solver.solve(xbar, V), grad)
        for name in ("V", "conductance", "word", "bit", "state", "gate"):
            exact = getattr(expected, name)
            np.testing.assert_allclose(getattr(found, name), exact, atol=1e-7 * np.abs(exact).max() + 1e-300)
    none = solver.vjp(solver.solve(xbar, V), grad, wires=False)
    assert not none.word.any()
    np.testing.assert_allclose(none.conductance, found.conductance)
    for one, two in zip(solver.affine_map(xbar, at=V[0]), mna.affine_map(xbar, at=V[0]), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-8 * np.abs(two).max() + 1e-16)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_failed_input_is_named_and_returned_on_request():
    cells = StaticSinh(v_0=1e-9).array(state=np.full((1, 2, 2), 1e-3))
    xbar = Crossbar(cells=cells, wires=Wires(1e-6, 1e-6))
    with pytest.raises(ConvergenceError, match=r"input \d, cell \([01], [01]\)"):
        Solver(backend=ArrayBackend()).solve(xbar, [[1.0, 1.0], [2.0, 2.0]])
    with pytest.raises(ConvergenceError, match=r"input \d: .*cell \([01], [01]\)"):
        Solver().solve(xbar, [[1.0, 1.0], [2.0, 2.0]])
    assert not Solver(backend=ArrayBackend(), on_failure="return").solve(xbar, [1.0, 1.0]).converged


def test_auto_takes_the_cpu_for_what_cannot_run_together(monkeypatch):
    monkeypatch.setattr("crossbarsim.solvers.crossbar_solver.choose_backend", lambda _: (ArrayBackend(), ""))
    xbars = chips("bare")
    t = ([0.0, 1e-10], np.zeros((2, 5)))
    together = Solver(backend="auto").transient_many(xbars, t)
    assert together[0].time is together[1].time
    apart = Solver(backend="auto").transient_many(
        [xbars[0], Crossbar(cells=xbars[1].cells, wires=Wires(3.0, 2.0))], t
    )
    assert apart[0].time is not apart[1].time


def test_one_chip_is_the_same_run(backend):
    (xbar,) = chips("1t1r", 1)
    drive = DRIVE | {"gate": GATES}
    (found,) = Solver(backend=backend).transient_many([xbar], drive, 1.5e-9, rtol=1e-5)
    expected = Solver().transient(xbar, drive, 1.5e-9, rtol=1e-5)
    # the same steps, whose equations are solved by rows or by the sparse matrix
    assert found.steps == pytest.approx(expected.steps, abs=1)
    here, there, before = (x.cells.state for x in (found.crossbar, expected.crossbar, xbar))
    span = xbar.cells.bounds()[1].max()
    assert np.abs(there - before).max() > 0.05 * span
    np.testing.assert_allclose(here, there, rtol=0, atol=1e-8 * span)


def test_what_cannot_run_together():
    solver = Solver(backend=ArrayBackend())
    one, two = chips("1t1r", 2)
    t = np.array([0.0, 1e-9])
    V = np.zeros((2, 5))
    cells = two.cells

    def refused(message, *xbars):
        with pytest.raises(ParameterError, match=message):
            solver.transient_many(list(xbars), (t, V))

    refused("`xbars` is empty")
    refused(r"xbars\[1\] has another shape, other wires or other ends", one,
            Crossbar(cells=cells, wires=Wires(3.0, 2.0)))
    refused(r"xbars\[1\] has other cells than xbars\[0\]", one, one.with_cells(cells.with_state(cells.state)).with_cells(
        OneTransistorOneResistor(VTEAM().array(conductance=np.full((5, 4), 2e-3), capacitance=1e-16),
                                 Level1.preset("rough_65nm"))))
    refused("must be a Crossbar with cells that are devices", Crossbar(Resistive(np.ones((5, 4))).conductance))
    refused("segments > 0 ohm", Crossbar(cells=cells, wires=Wires(0.0, 2.0)))
    refused("must be a scalar", Crossbar(cells=cells, wires=Wires(np.ones((5, 4)), 2.0)))
    refused("must be alike", Crossbar(cells=cells, wires=Wires(1.0, 1.0),
                                      ends=Ends(word_left=[Driven()] * 4 + [Floating()])))
    refused("layout", Crossbar(cells=cells, wires=Wires(1.0, 1.0), layout="parallel"))
    refused("stochastic", Crossbar(cells=StanfordPKU(delta=1e-3).array(shape=(5, 4)), wires=Wires(1.0, 1.0)))
    selected = [Crossbar(cells=OneSelectorOneResistor(VTEAM().array(conductance=np.full((5, 4), 2e-3)),
                                                      ExponentialSelector()), wires=Wires(1.0, 1.0))] * 2
    refused("selectors", *selected)


def test_a_failure_names_array_and_cell():
    cells = [StaticSinh(v_0=v_0).array(state=np.full((1, 2, 2), 1e-3)) for v_0 in (1.0, 1e-4)]
    xbars = [Crossbar(cells=c, wires=Wires(1e-6, 1e-6)) for c in cells]
    with pytest.raises(ConvergenceError, match=r"array [01], cell \([01], [01]\)"):
        Solver(backend=ArrayBackend()).transient_many(xbars, ([0, 1e-9, 2e-9], [[0, 0], [0, 0], [2, 2]]))


# -- cells in CUDA C -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def on_host(tmp_path_factory):
    """CuPy's kernels of cells, compiled for the host."""
    cc = shutil.which("cc")
    if cc is None:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("cells")
    made = {}

    def kernel(_xp, source):
        if source not in made:
            path = folder / f"cells{len(made)}.c"
            path.write_text(source)
            subprocess.run([cc, "-std=c99", "-O1", "-ffp-contract=off", "-DCROSSBARSIM_HOST", "-Werror=return-type",
                            "-shared", "-fPIC", str(path), "-o", f"{path}.so", "-lm"], check=True)
            made[source] = ctypes.CDLL(f"{path}.so").cells

        def run(grid, block, args):
            assert grid[0] * block[0] >= 1
            made[source](*(
                ctypes.c_void_p(a.ctypes.data) if isinstance(a, np.ndarray)
                else ctypes.c_double(a) if isinstance(a, np.float64) else ctypes.c_longlong(a)
                for a in args
            ))

        return run

    return kernel


@pytest.mark.parametrize("transistor", [None, EKV.preset("ptm_65nm", width=1e-6), Level1.preset("rough_65nm")])
@pytest.mark.parametrize("side", ["bit", pytest.param("word", marks=pytest.mark.slow)])
@pytest.mark.parametrize("device", [VTEAM(r_on=1e3, r_off=1e5, polarity=-1), JartVcmV1b(), Yakopcic()],
                         ids=lambda d: d.name)
def test_cells(monkeypatch, on_host, device, side, transistor):
    monkeypatch.setattr("crossbarsim.devices.cells.cuda_cells._kernel", on_host)
    rng = np.random.default_rng(3)
    low, high = (b[:, None, None] for b in device.bounds())
    cells = device.array(state=low + (high - low) * rng.uniform(0.2, 0.8, (len(low), 6, 5)))
    if transistor is not None:
        cells = OneTransistorOneResistor(cells, transistor, transistor_side=side)
    elif side == "word":
        pytest.skip("there is no other side without a transistor")
    u, w, gate = rng.uniform(-1, 1, (6, 5)), rng.uniform(-1, 1, (6, 5)), rng.uniform(0, 1.5, (6, 5))
    for step in (0.0, 1e-12, 1e-9):
        given = {"base": cells.state, "step": step, "state": cells.state, "inner": 0.5 * (u + w)}
        found = cells.on(ArrayBackend()).evaluate(u, w, gate, **given)
        expected = cells.evaluate(u, w, gate, **given)
        assert found.bad == expected.bad
        # both currents agree within 3e-6, so slopes are as near, and their mean by its square: vectors of frozen cells may end at another iterate
        ends = step == 0.0 and transistor is not None
        slopes = 1e-5 if ends else 1e-12
        for name, rtol in {"current": 1e-11 if ends else 1e-12, "by_word": slopes, "by_bit": slopes, "state": 1e-12}.items():
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=rtol, err_msg=name)
        if not expected.frozen:
            for name in ("inner", "lead_word", "lead_bit"):
                np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-5 if ends else 1e-11, atol=1e-300)


def test_chips_with_cells_in_c(monkeypatch, on_host):
    monkeypatch.setattr("crossbarsim.devices.cells.cuda_cells._kernel", on_host)

    class Backend(ArrayBackend):
        on_device = property(lambda _: True)
        panel = property(lambda _: None)

    xbars, drive = chips("1t1r"), DRIVE | {"gate": GATES}
    found = Solver(backend=Backend(max_bytes=1 << 28)).transient_many(xbars, drive, 5e-9, rtol=1e-3)
    expected = Solver(backend=ArrayBackend()).transient_many(xbars, drive, 5e-9, rtol=1e-3)
    for one, two in zip(found, expected, strict=True):
        assert one.steps == two.steps
        np.testing.assert_allclose(one.crossbar.conductance, two.crossbar.conductance, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("nvcc") is None, reason="there is no nvcc")
@pytest.mark.parametrize("transistor", [None, EKV.preset("ptm_65nm")])
def test_nvcc_takes_cells(tmp_path, transistor):
    cells = VTEAM().array(shape=(2, 2))
    if transistor is not None:
        cells = OneTransistorOneResistor(cells, transistor)
    own, access, P, Q, _ = cells.laws()
    path = tmp_path / "cells.cu"
    path.write_text(cells_source(own, access, (1, len(P), len(Q)), paired=bool(access)))
    subprocess.run(["nvcc", "-arch=sm_80", "-ptx", str(path), "-o", str(tmp_path / "k.ptx")],
                   check=True, capture_output=True)
    assert ".visible .entry cells" in (tmp_path / "k.ptx").read_text()
