"""Where a result was computed: versions and CPUs."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

from .cpus import cpu_count

__all__ = ["environment", "package_version"]

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
