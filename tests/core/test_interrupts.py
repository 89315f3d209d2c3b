"""Ctrl-C while kernels load is neither lost nor turned into another error."""

import signal
import threading

import pytest

from crossbarsim.core.compiled import kernel_cache
from crossbarsim.core.compiled.interrupts import put_off, was_interrupted


@pytest.fixture(autouse=True)
def handler():
    """Python's own handler: what runs in the background starts without one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_takes_effect_at_the_end_of_the_block():
    done = []

    def work():
        with put_off():
            signal.raise_signal(signal.SIGINT)
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_and_handlers_of_the_users_own_stay():
    found = []

    def work():
        with put_off():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]
    came = []
    before = signal.signal(signal.SIGINT, lambda *_: came.append(1))
    try:
        with put_off():
            signal.raise_signal(signal.SIGINT)
            assert came == []
        assert came == [1]
    finally:
        signal.signal(signal.SIGINT, before)


def test_kernels_load_whole(monkeypatch):
    """Callbacks of LLVM would swallow it, and the run would go on."""
    loaded = []

    def slow(*_arguments):
        signal.raise_signal(signal.SIGINT)
        loaded.append(1)
        return "machine code"

    cache = kernel_cache.KernelCache(lambda: None, {})
    monkeypatch.setattr(cache, "_loaded", slow)
    with pytest.raises(KeyboardInterrupt):
        cache.load_overload(None, None)
    assert loaded == [1]


def test_what_stands_behind_an_error():
    error = RuntimeError("x")
    error.__context__ = ValueError("y")
    assert not was_interrupted(error)
    error.__context__.__cause__ = KeyboardInterrupt()
    assert was_interrupted(error)
    error.__cause__ = error  # a circle ends
    assert not was_interrupted(error)
