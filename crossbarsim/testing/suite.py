"""What all suites share: running without a test runner, differences, refusals."""

from __future__ import annotations

import unittest
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import ParameterError
from ..core.validation import Array

__all__ = ["Suite", "check", "close", "equal", "refused", "skip", "slopes"]


class Suite:
    """Checks for one protocol: every method named ``test_...`` is one.

    Raises
    ------
    AssertionError
        By the check that fails.
    """

    def rng(self) -> np.random.Generator:
        """Return a generator whose seed is the suite's name: draws are the same in every run."""
        return np.random.default_rng(zlib.crc32(type(self).__qualname__.encode()))

    @classmethod
    def checks(cls) -> tuple[str, ...]:
        """Return the names of all checks, sorted."""
        return tuple(sorted(name for name in dir(cls) if name.startswith("test_")))

    @classmethod
    def run(cls) -> tuple[str, ...]:
        """Run all checks without a test runner; return the names of those that applied.

        Raises
        ------
        AssertionError
            By the first check that fails.
        """
        passed = []
        for name in cls.checks():
            try:
                getattr(cls(), name)()
            except unittest.SkipTest:
                continue
            passed.append(name)
        return tuple(passed)


def skip(why: str) -> unittest.SkipTest:
    """Return what a check raises that does not apply; pytest knows it too."""
    return unittest.SkipTest(why)


def check(holds: Any, what: str) -> None:
    """Raise an `AssertionError` with `what` unless all of `holds` is true."""
    if not np.all(holds):
        raise AssertionError(what)


def equal(actual: Any, desired: Any, what: str) -> None:
    """Raise an `AssertionError` unless two arrays are the same, bit for bit."""
    np.testing.assert_array_equal(actual, desired, err_msg=what)


def close(actual: Any, desired: Any, what: str, *, rtol: float = 1e-9, atol: Any = 0.0) -> None:
    """Raise an `AssertionError` unless two arrays agree; `atol` may be an array."""
    a, b = np.asarray(actual, dtype=float), np.asarray(desired, dtype=float)
    check(a.shape == b.shape, f"{what}: shape {a.shape}; expected {b.shape}")
    good = np.abs(a - b) <= rtol * np.abs(b) + atol
    if not good.all():
        far = np.argmax(np.where(good, -1.0, np.nan_to_num(np.abs(a - b), nan=np.inf)))
        k = np.unravel_index(int(far), a.shape)
        raise AssertionError(
            f"{what}: {int((~good).sum())} of {a.size} differ; at {tuple(map(int, k))} "
            f"{a[k]!r} instead of {b[k]!r}"
        )


def refused(call: Callable[[], Any], what: str) -> None:
    """Raise an `AssertionError` unless `call` raises a `ParameterError` that says something."""
    try:
        call()
    except ParameterError as error:
        check(len(str(error)) > 10, f"{what} is refused without a word")
    else:
        raise AssertionError(f"{what} is accepted")


def slopes(
    function: Callable[[Array], Array], step: Array
) -> tuple[Array, NDArray[np.bool_]]:
    """Return derivatives by central differences, and where they can be trusted.

    Parameters
    ----------
    function : callable
        Takes a change (n,) of the variable, gives (..., n) values.
    step : (n,) array

    Returns
    -------
    (array, array of bool)
        Two lengths of step extrapolated to 0; not to be trusted where these two disagree, as
        beside a kink.
    """
    coarse, fine = (
        (function(h) - function(-h)) / (2.0 * h) for h in (step, 0.25 * step)
    )
    size = np.abs(function(0.0 * step)) / step
    smooth = np.abs(coarse - fine) <= 1e-3 * np.abs(fine) + 1e-9 * size
    return (16.0 * fine - coarse) / 15.0, smooth
