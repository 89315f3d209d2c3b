"""A check and what it found; the list of all checks."""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# page -> the modules whose checks it shows, in this order
PAGES: dict[str, tuple[str, ...]] = {
    "devices": ("filaments", "drift", "thresholds", "data_driven", "static", "noise"),
    "solvers": ("static", "transients", "gradients"),
    "networks": ("tools", "literature", "memtorch"),
}
KINDS = (
    "digitised figure", "printed values", "authors' code", "another tool", "closed form",
    "exact arithmetic", "independent integrator", "finite differences", "stated distribution",
)


@dataclass(frozen=True)
class Curve:
    """A line or points of a picture; ours are lines, references are points."""

    label: str
    x: ArrayLike
    y: ArrayLike
    reference: bool = False


@dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    title: str
    x: str
    y: str
    curves: tuple[Curve, ...]
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Finding:
    """What a check compared, with what, and how far apart they are.

    Attributes
    ----------
    what : str
        The quantity.
    source : str
        Paper, figure or equation, DOI; or the other tool and its version.
    kind : str
        One of `KINDS`.
    reference, ours : str
        A few of the compared numbers.
    error, allowed : float
        In the measure that `measure` names; it passes where error <= allowed.
    reason : str
        Why so much is allowed.
    panels : tuple of Panel
        Pictures.
    """

    what: str
    source: str
    kind: str
    reference: str
    ours: str
    error: float
    measure: str
    allowed: float
    reason: str
    panels: tuple[Panel, ...] = field(default=(), compare=False)

    @property
    def passed(self) -> bool:
        """Whether the error is a number and no larger than allowed."""
        return bool(math.isfinite(self.error) and self.error <= self.allowed)

    def record(self) -> dict[str, Any]:
        """Return what the results keep; errors with two digits, so that runs are alike."""
        return {
            "what": self.what, "source": self.source, "kind": self.kind,
            "reference": self.reference, "ours": self.ours,
            "error": float(f"{self.error:.2g}"), "measure": self.measure,
            "allowed": float(self.allowed), "reason": self.reason, "passed": self.passed,
        }


@dataclass(frozen=True)
class Check:
    """A function that compares; its name is unique on its page."""

    page: str
    subject: str
    name: str
    run: Callable[[], Finding]


_CHECKS: list[Check] = []


def check(page: str, subject: str) -> Callable[[Callable[[], Finding]], Callable[[], Finding]]:
    """Register a check of a subject, such as a model's name, on a page."""

    def register(function: Callable[[], Finding]) -> Callable[[], Finding]:
        if page not in PAGES:
            raise ValueError(f"no page '{page}': {', '.join(PAGES)}")
        name = function.__name__
        if any(c.page == page and c.name == name for c in _CHECKS):
            raise ValueError(f"two checks are called '{name}' on the page '{page}'")
        _CHECKS.append(Check(page, subject, name, function))
        return function

    return register


def all_checks(page: str | None = None) -> list[Check]:
    """Return the checks of a page, or of all, in the order of the pages."""
    for name, modules in PAGES.items():
        for module in modules:
            importlib.import_module(f"{__package__}.{name}.{module}")
    order = list(PAGES)
    found = [c for c in _CHECKS if page in {None, c.page}]
    return sorted(found, key=lambda c: order.index(c.page))


def run_all(checks: list[Check]) -> Iterator[tuple[Check, Finding, float]]:
    """Run checks one after the other; yield each with its processor seconds."""
    for one in checks:
        start = time.process_time()
        found = one.run()
        if found.kind not in KINDS:
            raise ValueError(f"{one.name}: no kind '{found.kind}': {', '.join(KINDS)}")
        yield one, found, time.process_time() - start


def relative(ours: ArrayLike, reference: ArrayLike) -> float:
    """Return the largest difference over the largest reference."""
    a, b = np.asarray(ours, dtype=float), np.asarray(reference, dtype=float)
    return float(np.abs(a - b).max() / np.abs(b).max())


def each(ours: ArrayLike, reference: ArrayLike) -> float:
    """Return the largest difference relative to its own reference."""
    a, b = np.asarray(ours, dtype=float), np.asarray(reference, dtype=float)
    return float(np.abs(a / b - 1.0).max())


def few(values: ArrayLike, count: int = 4, digits: int = 4) -> str:
    """Return a few numbers, evenly spaced, as text."""
    flat = np.asarray(values, dtype=float).ravel()
    picked = flat[np.linspace(0, len(flat) - 1, min(count, len(flat))).astype(int)]
    return ", ".join(f"{v:.{digits}g}" for v in picked)
