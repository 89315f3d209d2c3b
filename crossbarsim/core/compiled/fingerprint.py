"""What a kernel's machine code was made from, in 32 bytes.

Bytecode and constants of the function and of every function that it calls, the values of the
globals that they read (numba compiles them in), options and versions: whatever of that changes,
the kernel is compiled again. Comments and line numbers do not count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import llvmlite
import numba
import numpy as np

__all__ = ["fingerprint"]

_FORMAT = 1  # of the compilation itself: raise it when `dispatchers` compiles differently
_FOREIGN = ("numba.", "llvmlite.", "numpy.")
_known: dict[Any, tuple[bytes, tuple[Any, ...]]] = {}


def fingerprint(function: FunctionType, options: dict[str, Any]) -> bytes:
    """Return the fingerprint of `function`, compiled with `options`."""
    shown = sorted((name, sorted(map(str, value)) if isinstance(value, set) else value)
                   for name, value in options.items())
    digest = hashlib.sha256(
        repr((_FORMAT, numba.__version__, llvmlite.__version__, shown)).encode()
    )
    waiting, seen = [function], {function}
    while waiting:
        own, called = _own(waiting.pop())
        digest.update(own)
        for other in called:
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return digest.digest()


def _own(function: FunctionType) -> tuple[bytes, tuple[Any, ...]]:
    """Return a digest of one function, and the functions that it refers to."""
    if function not in _known:
        digest = hashlib.sha256()
        called: list[Any] = []
        for value in (*_code(function.__code__), function.__defaults__,
                      *_globals(function), *_cells(function)):
            _take(value, digest, called)
        _known[function] = digest.digest(), tuple(called)
    return _known[function]


def _code(code: CodeType) -> Iterator[Any]:
    yield from (code.co_code, code.co_names, code.co_varnames, code.co_flags)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code(constant)
        else:
            yield constant


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _globals(function: FunctionType) -> Iterator[Any]:
    scope = function.__globals__
    for name in dict.fromkeys(_names(function.__code__)):
        if name in scope:
            yield name
            yield scope[name]


def _cells(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            yield None


def _take(value: Any, digest: Any, called: list[Any]) -> None:
    value = getattr(value, "_defn", value)  # an intrinsic's
    options = getattr(value, "targetoptions", None)
    value = getattr(value, "py_func", value)  # a kernel's
    module = f"{getattr(value, '__module__', None)}."
    if isinstance(value, FunctionType) and not module.startswith(_FOREIGN):
        digest.update(repr((value.__qualname__, sorted(options or ()))).encode())
        called.append(value)
    elif isinstance(value, (tuple, list)):
        digest.update(f"{type(value).__name__} of {len(value)}".encode())
        for item in value:
            _take(item, digest, called)
    elif isinstance(value, np.ndarray):
        digest.update(repr((value.dtype.str, value.shape)).encode() + value.tobytes())
    elif isinstance(value, (bool, int, float, complex, str, bytes, np.generic, type(None))):
        digest.update(repr(value).encode())
    elif isinstance(value, ModuleType):
        digest.update(value.__name__.encode())
    else:
        digest.update(f"{module}{getattr(value, '__qualname__', type(value).__name__)}".encode())
