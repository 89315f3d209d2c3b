"""Memory and CPU time on systems that count them differently."""

import ctypes
import importlib
import subprocess
import sys

import pytest

from benchmarks import usage


def test_this_system():
    assert 1e7 < usage.peak_memory() < 1e12
    before = usage.children_seconds()
    subprocess.run([sys.executable, "-c", "sum(range(10**6))"], check=True)
    assert 0.0 < usage.children_seconds() - before < 60.0


def test_macos_counts_bytes(monkeypatch):
    if usage.resource is None:
        pytest.skip("no resource module")
    here = usage.peak_memory()
    monkeypatch.setattr(usage.sys, "platform", "linux")
    kib = usage.peak_memory()
    monkeypatch.setattr(usage.sys, "platform", "darwin")
    assert usage.peak_memory() * 1024 == pytest.approx(kib, rel=0.1)
    assert here


def test_without_the_resource_module(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    bare = importlib.reload(usage)
    try:
        assert bare.resource is None
        assert bare.children_seconds() > 0.0
        for name in ("benchmarks.worker", "benchmarks.timing"):
            importlib.reload(sys.modules.get(name) or importlib.import_module(name))
    finally:
        monkeypatch.undo()
        importlib.reload(usage)


def test_peak_memory_of_windows(monkeypatch):
    class Call:
        def __init__(self, work):
            self.work = work

        def __call__(self, *args):
            return self.work(*args)

    def ask(process, counters, size):
        assert process == 7
        assert size == ctypes.sizeof(usage._Counters) == 8 + 8 * ctypes.sizeof(ctypes.c_size_t)
        counters._obj.peak = 123_456_789
        return 1

    class Kernel32:
        GetCurrentProcess = Call(lambda: 7)
        K32GetProcessMemoryInfo = Call(ask)

    monkeypatch.setattr(ctypes, "WinDLL", lambda _name, **_: Kernel32, raising=False)
    monkeypatch.setattr(usage, "resource", None)
    assert usage.peak_memory() == 123_456_789
