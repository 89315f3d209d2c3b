"""Independent work spread over threads; the kernels release the interpreter lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

__all__ = ["one_blas_thread", "spread"]

T = TypeVar("T")


def spread(work: Callable[[int], T], count: int, threads: int) -> list[T]:
    """Return ``[work(0), ..., work(count - 1)]``, computed by up to `threads` threads.

    The first exception stops what has not started and is raised here.
    """
    if min(count, threads) <= 1:
        return [work(k) for k in range(count)]
    with ThreadPoolExecutor(min(count, threads)) as pool:
        futures = [pool.submit(work, k) for k in range(count)]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    import scipy.linalg.blas  # noqa: F401, PLC0415 - the library that the kernels call

    return ThreadpoolController()


_lock = threading.Lock()
_inside = 0
_limiter: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep matrix products inside kernels on the calling thread: the tiles are the parallelism.

    The limit is the process's: it is set by the first thread to come and lifted by the last to go.
    """
    global _inside, _limiter  # noqa: PLW0603 - one setting per process
    with _lock:
        if _inside == 0:
            _limiter = _controller().limit(limits=1, user_api="blas")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limiter.restore_original_limits()
