"""CUDA C from the models' laws: compiled for the host, it computes what numba's kernels do."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
from crossbarsim.netlists.device_protocol import model
from crossbarsim.solvers.crossbar.batched import ArrayBackend, find_gpu

from crossbarsim import BackendUnavailable, ConvergenceError, OutOfMemoryError, ParameterError
from crossbarsim.devices import VTEAM, Device, StanfordPKU, StaticTable, models, parameter
from crossbarsim.devices.laws.cuda import cuda_source

CC = shutil.which("cc")
NVCC = shutil.which("nvcc")
GPU, FOUND = find_gpu()
ON_GPU = pytest.param("gpu", marks=(
    pytest.mark.gpu, pytest.mark.skipif(GPU is None, reason=FOUND)
))


class Kernel:
    """A kernel's C on the host, called as CuPy's are."""

    def __init__(self, function):
        self.function = function

    def __call__(self, grid, block, args):
        assert grid[0] * block[0] >= 1
        self.function(*(
            ctypes.c_void_p(a.ctypes.data) if isinstance(a, np.ndarray)
            else ctypes.c_double(a) if isinstance(a, np.float64) else ctypes.c_longlong(a)
            for a in args
        ))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    if CC is None:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("c")
    made = {}

    def kernel(_xp, cls, size, name):
        key = cls, size
        if key not in made:
            path = folder / f"{cls.name}.c"
            path.write_text(cuda_source(cls, size))
            library = folder / f"{cls.name}-{size}.so"
            # no contraction of a * b + c: numba does none either, so results agree bit by bit
            subprocess.run([CC, "-std=c99", "-O1", "-ffp-contract=off", "-DCROSSBARSIM_HOST",
                            "-shared", "-fPIC", str(path), "-o", str(library), "-lm"], check=True)
            made[key] = ctypes.CDLL(str(library))
        return Kernel(getattr(made[key], name))

    return kernel


def example(name):
    if name == "static_table":
        volts = np.linspace(-1, 1, 9)
        return StaticTable(volts, 1e-4 * volts**3 + 1e-5 * volts)
    return model(name)()


def drawn(device, count, seed=0):
    rng = np.random.default_rng(seed)
    low, high = (b.reshape(len(device.states), -1) for b in device.bounds()) if device.states else (
        np.zeros((0, 1)), np.zeros((0, 1))
    )
    return low + (high - low) * rng.uniform(0, 1, (len(low), count)), rng.uniform(-1, 1, count)


@pytest.mark.parametrize("name", models())
def test_laws_and_partials(compiled, name):
    device = example(name)
    S, count = len(device.states), 100
    x, v = drawn(device, count)
    P = device.flat(device.parameter_array, (count,))
    i, rows = np.zeros(count), np.zeros(((1 + S) * (2 + S), count))
    compiled(np, type(device), len(P), "evaluate_many")((1,), (128,), (
        v, x, P, i, rows, np.int64(count), np.int64(P.shape[1])
    ))
    expected = np.zeros_like(rows)
    for k in range(count):
        out = np.zeros(len(rows))
        device.kernels.evaluate(v[k], np.ascontiguousarray(x[:, k]), P[:, 0].copy(), out)
        expected[:, k] = out
    assert np.isfinite(expected).any()
    np.testing.assert_allclose(rows, expected, rtol=1e-13)
    np.testing.assert_array_equal(i, rows[0])
    np.testing.assert_allclose(i, device.polarity * device.current(device.polarity * v, x), rtol=1e-13)


@pytest.mark.parametrize("backend", ["host", ON_GPU])
@pytest.mark.parametrize("save", ["all", "final"])
@pytest.mark.parametrize("name", models())
def test_integration(compiled, monkeypatch, name, save, backend):
    monkeypatch.setattr("crossbarsim.devices.laws.cuda._kernel", compiled) if backend == "host" else None
    device = example(name)
    count, length = 12, 30
    x, _ = drawn(device, count)
    t = np.linspace(0, {"sky130": 1e-12}.get(name, 1e-7), length)
    V = 0.15 * np.random.default_rng(1).uniform(-1, 1, (count, length)).cumsum(axis=1)
    arguments = {"state": x if device.states else None, "save": save, "seed": 3}
    expected = device.simulate(t, V, **arguments)
    found = device.simulate(
        t, V, backend=ArrayBackend() if backend == "host" else backend, **arguments
    )
    tolerance = 1e-12 if backend == "host" else 1e-5  # of the steps' error control
    np.testing.assert_allclose(found.current, expected.current, rtol=tolerance,
                               atol=tolerance * np.abs(expected.current).max())
    span = np.ptp(device.bounds(), axis=0).reshape(-1, *(1,) * (found.state.ndim - 1))
    assert (np.abs(found.state - expected.state) <= tolerance * span).all()
    if backend == "host":
        assert (found.steps, found.rejected) == (expected.steps, expected.rejected)


def test_noise_is_the_same(compiled, monkeypatch):
    monkeypatch.setattr("crossbarsim.devices.laws.cuda._kernel", compiled)
    device = StanfordPKU(delta=5e-3, t_ref=1e-9)
    assert device.stochastic
    arguments = {"state": np.full((1, 50), 1e-9), "save": "final", "seed": 7}
    t, v = np.array([0.0, 1e-8]), np.full(2, 0.1)
    expected = device.simulate(t, v, **arguments)
    small = ArrayBackend(max_bytes=2000)  # a few devices at a time
    for backend in (ArrayBackend(), small):
        found = device.simulate(t, v, backend=backend, **arguments)
        np.testing.assert_allclose(found.state, expected.state, rtol=1e-12)
    assert expected.state.std() > 1e-12


def test_every_device_has_its_own_parameters(compiled, monkeypatch):
    monkeypatch.setattr("crossbarsim.devices.laws.cuda._kernel", compiled)
    device = VTEAM(r_off=np.linspace(5e3, 2e4, 9), polarity=-1)
    t = np.linspace(0, 2e-9, 20)
    v = 1.5 * np.sin(2e9 * t)
    expected = device.simulate(t, v, conductance=2.5e-4)
    found = device.simulate(t, v, conductance=2.5e-4, backend=ArrayBackend(max_bytes=4000))
    np.testing.assert_allclose(found.current, expected.current, rtol=1e-12)
    np.testing.assert_allclose(found.conductance, expected.conductance, rtol=1e-12)


def test_failures_are_told(compiled, monkeypatch):
    monkeypatch.setattr("crossbarsim.devices.laws.cuda._kernel", compiled)
    t, v = np.array([0.0, 1e-6]), np.full((6, 2), -1.5)
    v[:3] = 0.0
    for backend in ("cpu", ArrayBackend()):
        with pytest.raises(ConvergenceError, match="device 3 of 6"):
            VTEAM().simulate(t, v, conductance=2e-3, max_steps=2, backend=backend)
    with pytest.raises(OutOfMemoryError, match="one device"):
        VTEAM().simulate(t, v, conductance=2e-3, backend=ArrayBackend(max_bytes=10))
    with pytest.raises(ParameterError, match="`backend` must be one of"):
        VTEAM().simulate(t, v, backend="tpu")
    if GPU is None:
        with pytest.raises(BackendUnavailable, match="crossbarsim"):
            VTEAM().simulate(t, v, backend="gpu")


class Odd(Device):
    """Derivatives that numba takes and C does not."""

    name = "odd"
    a = parameter(1.0)

    @staticmethod
    def current_law(v, x, p):  # noqa: ARG004
        return p.a * v

    @staticmethod
    def current_partials(v, x, p):  # noqa: ARG004
        return (np.hypot(p.a, 0.0),)


def test_what_has_no_form_in_c_is_refused():
    with pytest.raises(ParameterError, match=r"current_p, line \d+: `np.hypot` cannot be written in C"):
        cuda_source(Odd, 1)


@pytest.mark.slow
@pytest.mark.skipif(NVCC is None, reason="there is no nvcc")
@pytest.mark.parametrize("name", models())
def test_nvcc_takes_it(tmp_path, name):
    path = tmp_path / "kernels.cu"
    path.write_text(cuda_source(model(name), len(example(name).parameter_array)))
    subprocess.run([NVCC, "-arch=sm_80", "-ptx", str(path), "-o", str(tmp_path / "k.ptx")],
                   check=True, capture_output=True)
    assert ".visible .entry integrate" in (tmp_path / "k.ptx").read_text()
