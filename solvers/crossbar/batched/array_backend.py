"""Where arrays live: the host with NumPy, or a CUDA device with CuPy."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import DTypeLike

from ....core.errors import BackendUnavailable, OutOfMemoryError, ParameterError
from ....core.validation import Array
from .array_types import XpArray, XpModule
from .cuda_panel import launch_panel
from .star_mesh import Panel

__all__ = ["ArrayBackend", "choose_backend", "find_gpu"]

_HOST_BYTES = 1 << 30
_SHARE = 0.6  # of the free device memory: temporaries of CuPy's own calls need some, too
_EXTRA = "pip install crossbarsim[gpu] (crossbarsim[gpu-cuda12] for drivers of CUDA 12)"


@dataclass(frozen=True)
class ArrayBackend:
    """An array module and how much memory may be used at once.

    Parameters
    ----------
    xp : module
        NumPy or CuPy, or one with the same functions.
    name : str
        What `Solution.method` calls it.
    max_bytes : int, optional
        Bytes of working memory; by default 60 % of the free memory of a device, 1 GiB on the
        host.
    """

    xp: XpModule = np
    name: str = "numpy"
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.max_bytes is not None and not (
            isinstance(self.max_bytes, int) and self.max_bytes > 0
        ):
            raise ParameterError(f"`max_bytes` must be an integer > 0; got {self.max_bytes!r}")

    @property
    def on_device(self) -> bool:
        """Whether arrays live outside the host's memory."""
        return self.name == "gpu"

    def asarray(self, array: XpArray, dtype: DTypeLike | None = None) -> XpArray:
        """Return a host or device array as an array of this module."""
        return self.xp.asarray(array, dtype=dtype)

    def to_host(self, array: XpArray) -> Array:
        """Return an array of this module as one of NumPy."""
        host: Array = array.get() if hasattr(array, "get") else np.asarray(array)
        return host

    @property
    def panel(self) -> Panel | None:
        """What eliminates panels of nodes in one launch; None where array programs do."""
        return launch_panel if self.on_device else None

    @property
    def budget(self) -> int:
        """Bytes that may be used at once now."""
        if self.max_bytes is not None:
            return self.max_bytes
        if not self.on_device:
            return _HOST_BYTES
        # blocks that CuPy's pool holds but does not use are free for us as well
        free, _ = self.xp.cuda.runtime.memGetInfo()
        return int(_SHARE * (free + self.xp.get_default_memory_pool().free_bytes()))

    def fit(self, count: int, each: int, what: str) -> int:
        """Return how many of `count` pieces of `each` bytes may be worked on at once.

        Raises
        ------
        OutOfMemoryError
            Where not even one fits.
        """
        budget = self.budget
        if each > budget:
            raise OutOfMemoryError(
                f"{what} needs about {_size(each)}, but {_size(budget)} may be used on "
                f"{self.describe()}; use a smaller array, or another backend"
            )
        return max(1, min(count, budget // each))

    @contextmanager
    def guard(self, what: str) -> Iterator[None]:
        """Turn the array module's own out-of-memory errors into ours."""
        try:
            yield
        except OutOfMemoryError:
            raise
        except MemoryError as error:  # CuPy's OutOfMemoryError is one, too
            if self.on_device:
                self.xp.get_default_memory_pool().free_all_blocks()
            raise OutOfMemoryError(
                f"{what} ran out of memory on {self.describe()}: {error}; "
                "nothing was computed; free memory of other programs, or use backend='cpu'"
            ) from error

    def describe(self) -> str:
        """Return the device's name and memory."""
        if not self.on_device:
            return f"the host ({self.name})"
        runtime = self.xp.cuda.runtime
        device = runtime.getDevice()
        name = runtime.getDeviceProperties(device)["name"]
        _, total = runtime.memGetInfo()
        return f"{name.decode() if isinstance(name, bytes) else name} ({_size(total)})"


def _size(count: int) -> str:
    if count < 10 << 20:
        return f"{count / (1 << 10):.0f} KiB"
    return f"{count / (1 << 20):.0f} MiB" if count < 10 << 30 else f"{count / (1 << 30):.1f} GiB"


@cache
def find_gpu() -> tuple[ArrayBackend | None, str]:
    """Return the GPU backend, or None and what was found instead."""
    try:
        missing = importlib.util.find_spec("cupy") is None
    except (ImportError, ValueError):  # a module without a spec is there all the same
        missing = False
    if missing:
        return None, "cupy is not installed"
    try:
        cupy = importlib.import_module("cupy")
    except Exception as error:  # noqa: BLE001 - a broken installation may raise anything
        return None, f"cupy cannot be imported ({_first_line(error)})"
    version = f"cupy {cupy.__version__}"
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # noqa: BLE001 - CUDARuntimeError is not importable without CUDA
        return None, f"{version} is installed, but finds no device ({_first_line(error)})"
    if count == 0:
        return None, f"{version} is installed, but finds no device"
    try:  # kernels must compile and cuBLAS must load
        probe = cupy.ones((2, 2))
        if float((probe @ probe + probe).sum()) != 12.0:
            return None, f"{version} is installed, but computes wrongly"
    except Exception as error:  # noqa: BLE001 - missing libraries raise many kinds
        return None, f"{version} is installed, but does not work ({_first_line(error)})"
    return ArrayBackend(cupy, "gpu"), version


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def choose_backend(backend: str | ArrayBackend) -> tuple[ArrayBackend | None, str]:
    """Return the array backend for a `Solver`'s `backend`, and a note for `Solution.method`.

    None means the compiled solvers of the CPU.

    Raises
    ------
    ParameterError
    BackendUnavailable
        "gpu" where there is none; says what was found.
    """
    if isinstance(backend, ArrayBackend):
        return backend, ""
    if not isinstance(backend, str) or backend not in ("cpu", "gpu", "auto"):
        raise ParameterError(
            f"`backend` must be one of 'cpu', 'gpu', 'auto', or an ArrayBackend; got {backend!r}"
        )
    if backend == "cpu":
        return None, ""
    gpu, found = find_gpu()
    if gpu is None and backend == "gpu":
        raise BackendUnavailable(
            f"backend='gpu': {found}; {_EXTRA} and a CUDA driver are needed "
            "(backend='auto' takes a GPU where there is one)"
        )
    return gpu, "" if gpu is not None else f" (cpu; no gpu: {found})"
