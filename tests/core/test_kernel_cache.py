"""Kernels are compiled once: kept, shared, made again when stale, and alike for all arrays."""

import importlib.util
import io
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from crossbarsim import Crossbar, Solver, Wires
from crossbarsim.core.compiled import kernel_cache, notice
from crossbarsim.core.compiled.arrays import plain
from crossbarsim.devices import VTEAM

TEXT = """
from crossbarsim.core.compiled.jit import kernel, leaf

STEP = {step}


@leaf
def grown(x):
    return {law}


@kernel
def total(a):
    s = 0.0
    for k in range(len(a)):
        s += grown(a[k])
    return s
"""
PROCESS = """
import sys, importlib.util
import numpy as np
spec = importlib.util.spec_from_file_location("shared_kernels", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
spec.loader.exec_module(module)
print(module.total(np.arange(4.0)), sum(module.total.stats.cache_hits.values()))
"""


@pytest.fixture(autouse=True)
def _fresh_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("CROSSBARSIM_CACHE", str(tmp_path / "cache"))
    kernel_cache.writable_folder.cache_clear()
    yield
    kernel_cache.writable_folder.cache_clear()


@pytest.fixture
def make(tmp_path):
    """Return a function that writes a module of kernels, always under one name, and imports it."""
    path = tmp_path / "kernels_of_a_test.py"
    name = f"kernels_of_{tmp_path.name}"

    def made(step=1.0, law="x + STEP"):
        path.write_text(TEXT.format(step=step, law=law), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        module.__loader__ = spec.loader
        sys.modules[name] = module
        # not through the loader: its .pyc may be stale within a second
        exec(compile(path.read_text(encoding="utf-8"), path, "exec"), module.__dict__)  # noqa: S102
        return module

    yield made
    sys.modules.pop(name, None)


def total(module):
    return module.total(np.arange(4.0))


def hits(module):
    return sum(module.total.stats.cache_hits.values())


def kept(tmp_path):
    return list((tmp_path / "cache").rglob("*.nbc"))


def test_a_kernel_is_compiled_once_and_its_leaf_with_it(make, tmp_path):
    one, two = make(), make()
    assert total(one) == total(two) == 10.0
    assert (hits(one), hits(two)) == (0, 1)
    (file,) = kept(tmp_path)
    assert "total" in file.name
    assert not list(file.parent.glob("*.tmp"))


@pytest.mark.parametrize("change", [{"law": "x - STEP"}, {"step": 2.0}])
def test_an_edited_leaf_or_constant_is_seen(make, tmp_path, change):
    assert total(make()) == 10.0
    edited = make(**change)
    assert total(edited) == 6.0 + 4 * (2.0 if "step" in change else -1.0)
    assert hits(edited) == 0
    assert len(kept(tmp_path)) == 1  # in place of the stale one
    assert total(make()) == 10.0


@pytest.mark.parametrize("damage", [
    lambda data: data[:0], lambda data: data[: len(data) // 2], lambda data: data[:-1],
    lambda data: b"junk" + data[4:], lambda data: data[:-3] + b"abc",
])
def test_a_damaged_file_is_made_again(make, tmp_path, damage):
    total(make())
    (file,) = kept(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    again = make()
    assert total(again) == 10.0
    assert hits(again) == 0
    assert len(file.read_bytes()) > len(whole) // 2
    after = make()
    assert total(after) == 10.0
    assert hits(after) == 1


def test_what_numba_cannot_load_is_made_again(make, monkeypatch):
    total(make())

    def refuse(*_):
        raise AttributeError("another numba wrote this")

    again = make()
    with monkeypatch.context() as patch:
        patch.setattr(kernel_cache.compiler.CompileResult, "_rebuild", refuse)
        assert total(again) == 10.0
    assert hits(again) == 0


def test_a_folder_that_cannot_be_written_gives_way_to_a_temporary_one(
    make, tmp_path, monkeypatch, caplog
):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("CROSSBARSIM_CACHE", str(blocked / "below"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    with caplog.at_level(logging.INFO, logger="crossbarsim"):
        one, two = make(), make()
        assert total(one) == total(two) == 10.0
    assert hits(two) == 1
    assert one.total.stats.cache_path.startswith(str(tmp_path / "temporary"))
    said = [r.getMessage() for r in caplog.records if "cannot write" in r.getMessage()]
    assert len(said) == 1
    assert str(blocked) in said[0]


def test_without_any_folder_every_process_compiles(make, tmp_path, monkeypatch, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("CROSSBARSIM_CACHE", str(blocked))
    monkeypatch.setattr(tempfile, "tempdir", str(blocked))
    with caplog.at_level(logging.INFO, logger="crossbarsim"):
        one, two = make(), make()
        assert total(one) == total(two) == 10.0
    assert one.total.stats.cache_path is None
    assert hits(two) == 0
    warned = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warned) == 1
    assert "cannot be kept" in warned[0].getMessage()


def test_without_a_home_or_a_variable_there_are_folders(monkeypatch):
    for name in ("CROSSBARSIM_CACHE", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def homeless():
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", homeless)
    beside, temporary = kernel_cache.folders()
    assert beside == kernel_cache.PACKAGE / "__pycache__" / "kernels"
    assert Path(tempfile.gettempdir()) in temporary.parents


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files")
def test_what_others_can_write_is_not_loaded(make, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    total(make())
    (file,) = kept(tmp_path)
    file.parent.chmod(0o777)
    again = make()
    assert total(again) == 10.0
    assert hits(again) == 0


def test_two_processes_that_start_at_once(make, tmp_path):
    make()
    command = [sys.executable, "-c", PROCESS, str(tmp_path / "kernels_of_a_test.py")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in running:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        assert out.startswith("10.0 ")
    third = subprocess.run(command, capture_output=True, text=True, check=True)
    assert third.stdout.split() == ["10.0", "1"]
    assert len(kept(tmp_path)) == 1


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_one_line(make, monkeypatch):
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(notice, "listened", lambda: False)
    monkeypatch.setattr(notice, "_last", -1e9)
    assert total(make()) == 10.0
    assert total(make(law="x + 3.0 * STEP")) == 18.0
    (line,) = shown.getvalue().splitlines()
    assert line.startswith("crossbarsim: compiling kernels (kernels_of_")
    assert "once" in line
    assert "cache" in line


def test_otherwise_the_log_gets_one_record(make, monkeypatch, caplog, capsys):
    monkeypatch.setattr(notice, "_last", -1e9)
    with caplog.at_level(logging.INFO, logger="crossbarsim"):
        assert total(make()) == 10.0
        assert total(make(law="x + 3.0 * STEP")) == 18.0
    (record,) = [r for r in caplog.records if r.getMessage().startswith("compiling")]
    assert record.name == "crossbarsim"
    assert capsys.readouterr().err == ""


def variants(array):
    """Return arrays that equal `array`, in other layouts and with other flags."""
    locked, wide = array.copy(), np.repeat(array, 2, axis=-1)
    locked.setflags(write=False)
    far = np.broadcast_to(array, (2, *array.shape))[1]
    return {"read-only": locked, "strided": wide[..., ::2], "Fortran": np.asfortranarray(array),
            "broadcast": far, "reversed": array[::-1].copy()[::-1]}


def test_crossbar_kernels_have_one_signature_whatever_the_arrays(monkeypatch):
    monkeypatch.delenv("CROSSBARSIM_CACHE")  # what is kept already will do
    kernel_cache.writable_folder.cache_clear()
    from crossbarsim.solvers.crossbar.structured.kernels import chains, solve

    rng = np.random.default_rng(0)
    G, V, R = rng.uniform(1e-6, 1e-4, (9, 10)), rng.uniform(0, 1, (3, 9)), np.ones((9, 10))
    known = Solver(threads=1).solve(Crossbar(G, Wires(word=R, bit=R)), V)
    before = len(solve.solve_whole.signatures)
    for kind, g in variants(G).items():
        v, r = variants(V)[kind], variants(R)[kind]
        found = Solver(threads=1).solve(Crossbar(g, Wires(word=r, bit=r)), v)
        np.testing.assert_array_equal(found.currents, known.currents)
        one = Solver(threads=1).solve(Crossbar(g, Wires(word=r, bit=r)), v[0])
        np.testing.assert_allclose(one.currents, known.currents[0], rtol=1e-12)
    same = Solver(threads=1).solve(Crossbar(G, Wires(word=1.0, bit=1.0)), np.broadcast_to(V[0], (3, 9)))
    np.testing.assert_allclose(same.currents[2], known.currents[0], rtol=1e-12)
    assert len(solve.solve_whole.signatures) == before == 1
    assert len(solve.solve_vectors.signatures) <= 2  # the other for two threads
    assert len(chains.factor_bit.signatures) <= 1
    assert len(chains.factor_word.signatures) <= 1


def test_device_kernels_have_one_signature_whatever_the_arrays(monkeypatch):
    monkeypatch.delenv("CROSSBARSIM_CACHE")
    kernel_cache.writable_folder.cache_clear()
    device = VTEAM()
    t, v = np.linspace(0.0, 1e-6, 5), np.ones((2, 5))
    known = device.simulate(t, v, threads=1)
    before = len(device.kernels.integrate.signatures)
    for kind, volts in variants(v).items():
        found = device.simulate(variants(t)[kind], volts, threads=1)
        np.testing.assert_array_equal(found.current, known.current)
    assert len(device.kernels.integrate.signatures) == before == 1


def test_plain_arrays_are_not_copied_where_memory_will_do():
    for kind, array in variants(np.arange(12.0).reshape(3, 4)).items():
        found = plain(array)
        np.testing.assert_array_equal(found, array)
        assert found.flags.carray, kind
        assert np.shares_memory(found, array) == array.flags.c_contiguous, kind
