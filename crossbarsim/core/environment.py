"""Where a result was computed, versions and CPUs, and of what: settings and arrays."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from .cpus import cpu_count

__all__ = ["array_text", "differences", "environment", "package_version", "peak_memory"]

PACKAGES = (
    "crossbarsim", "numpy", "scipy", "numba", "networkx", "torch", "matplotlib", "pandas",
    "scikit-learn",
)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        # Only Linux has the file.
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def package_version(package: str) -> str:
    """Return the version of an installed package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def environment() -> dict[str, str]:
    """Return versions of Python and packages, the system and the CPUs this process may use."""
    return {
        "python": platform.python_version(),
        **{package: package_version(package) for package in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_model(),
        "cpus": str(cpu_count()),
    }


def differences(found: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return which entries of two contexts differ, and from what to what; empty where none does.

    Examples
    --------
    >>> from crossbarsim.core.environment import differences
    >>> differences({"sigma": 0.1, "bits": 4}, {"sigma": 0.2, "bits": 4})
    'sigma: 0.1 there, 0.2 now'
    >>> differences({"model": {"type": "A", "size": 3}}, {"model": {"type": "A", "size": 4}})
    'model.size: 3 there, 4 now'
    """
    return "; ".join(_differing(found, now, ""))


def _differing(found: Mapping[str, Any], now: Mapping[str, Any], above: str) -> Iterator[str]:
    for name in sorted(n for n in {*found, *now} if found.get(n) != now.get(n)):
        old, new = found.get(name), now.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differing(old, new, f"{above}{name}.")
        else:
            yield f"{above}{name}: {old!r:.80} there, {new!r:.80} now"


def array_text(array: Any) -> str:
    """Return a line that differs for every array: its shape, its range and a hash.

    Examples
    --------
    >>> from crossbarsim.core.environment import array_text
    >>> array_text([1.0, 2.5])[:21]
    '2 of 1 to 2.5, sha256'
    """
    values = np.ascontiguousarray(array)
    head = f"{values.dtype.str} {values.shape}".encode()
    digest = hashlib.sha256(head + values.tobytes()).hexdigest()[:12]
    size = "x".join(map(str, values.shape)) or "1"
    if values.dtype.kind not in "fiu" or not values.size:
        return f"{size} values, sha256 {digest}"
    low, high = values.min(), values.max()
    span = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
    return f"{size} of {span}, sha256 {digest}"


def peak_memory() -> int | None:
    """Return the most memory that this process has held so far, byte; None: not known here.

    Examples
    --------
    >>> from crossbarsim.core.environment import peak_memory
    >>> found = peak_memory()
    >>> found is None or found > 10**6
    True
    """
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return None
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else 1024 * largest
