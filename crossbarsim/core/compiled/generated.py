"""Modules made from generated text: laws of devices in front of their kernels."""

from __future__ import annotations

import hashlib
import linecache
import sys
import threading
from types import ModuleType

__all__ = ["load"]

_lock = threading.RLock()


def load(text: str) -> ModuleType:
    r"""Return the module of `text`, made once per process.

    Its kernels are kept by what they do; tracebacks show its lines; no file is written.

    Examples
    --------
    >>> load("def double(x):\n    return 2 * x").double(21)
    42
    """
    name = f"_crossbarsim_{hashlib.sha256(text.encode()).hexdigest()[:20]}"
    with _lock:  # another thread may be making the same module
        if name in sys.modules:
            return sys.modules[name]
        file = f"<{name}>"
        module = ModuleType(name)
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        sys.modules[name] = module  # numba finds the kernels' module by name
        try:
            exec(compile(text, file, "exec"), module.__dict__)  # noqa: S102 - our own text
        except BaseException:
            del sys.modules[name]
            raise
        return module
