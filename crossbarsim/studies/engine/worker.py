"""What runs where points are measured: in this process, or in a worker of an executor."""

from __future__ import annotations

import hashlib
import pickle
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from ...core.compiled.interrupts import was_interrupted
from ...core.cpus import limited_cpus
from ...core.errors import ParameterError
from ...core.validation import as_float, shown

__all__ = [
    "NEEDED", "NoNumberError", "Outcome", "Payload", "Work", "checked_values", "measure_in_worker",
    "outcomes_of", "pinned",
]

NEEDED = "payload needed"
"""What a worker answers that has neither seen the study's data nor finds its file."""
_LIMIT = 2000  # characters of an error's message that are kept


class NoNumberError(ParameterError):
    """A measure gave something else than numbers: an error of the study, not of a point.

    Parameters
    ----------
    message : str
        Which measure, and what it gave.
    """


class Work(Protocol):
    """How a point is measured; sent to workers once, with all that points share.

    One with the attribute ``raw`` gives what its own driver understands, not numbers by name.
    """

    def __call__(self, point: Any) -> Mapping[str, Any]:
        """Return the values of a point by name: numbers, or arrays."""


@dataclass(frozen=True)
class Outcome:
    """What came of one point: its values, or the message of the error that it raised."""

    number: int
    measured: Mapping[str, Any] | None
    error: str | None = None
    seconds: float | None = None
    fatal: bool = False


@contextmanager
def pinned(threads: int | None) -> Iterator[None]:
    """Compute with so many threads inside: torch, the BLAS and our own; None: as before.

    Sums of other numbers of threads are rounded otherwise: the same number everywhere is what makes
    the same seeds give the same numbers.
    """
    if threads is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with limited_cpus(threads), threadpool_limits(limits=threads):
            yield
    finally:
        torch.set_num_threads(before)


def outcomes_of(work: Work, points: Sequence[tuple[int, Any]]) -> Iterator[Outcome]:
    """Measure points one after the other; an error is the outcome of its point alone."""
    for number, point in points:
        start = time.perf_counter()
        try:
            found = work(point)
            values = found if getattr(work, "raw", False) else checked_values(found)
        except NoNumberError as error:
            yield Outcome(number, None, str(error), fatal=True)
            return
        except Exception as error:
            if was_interrupted(error):
                raise
            text = f"{type(error).__name__}: {error}"[:_LIMIT]
            yield Outcome(number, None, text, time.perf_counter() - start)
        else:
            yield Outcome(number, values, None, time.perf_counter() - start)


def checked_values(values: Any) -> dict[str, Any]:
    """Return what a measure gave as Python's numbers and NumPy's arrays.

    Raises
    ------
    NoNumberError
        It gave something else.
    """
    if not isinstance(values, Mapping):
        raise NoNumberError(
            f"a measure must give numbers by name, or one number; it gave {shown(values)}")
    found = {}
    for name, value in values.items():
        if not isinstance(name, str) or not name or "/" in name:
            raise NoNumberError(f"a measure must give numbers by name; it gave the name {name!r}")
        found[name] = _number(name, value)
    return found


def _number(name: str, value: Any) -> Any:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    real = as_float(value)
    if real is not None:
        return real
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = (value.double() if value.is_floating_point() else value).numpy()
    if isinstance(value, (np.ndarray, list, tuple)):
        try:
            array = np.asarray(value)
        except (TypeError, ValueError):
            array = np.array(None)
        if array.dtype.kind in "fiub":
            return array.item() if array.ndim == 0 else array
    raise NoNumberError(
        f"the measure {name!r} must give a number or an array of numbers; it gave {shown(value)}"
    )


# -- in workers ------------------------------------------------------------------------------

_loaded: dict[str, tuple[Work, int | None]] = {}
# chips and numbers of threads are the process's: threads of an executor take turns
_turn = threading.Lock()


@dataclass(frozen=True)
class Payload:
    """What all points share, packed: sent to every worker once.

    Attributes
    ----------
    token : str
        Hash of the content.
    content : bytes
    """

    token: str
    content: bytes

    @classmethod
    def of(cls, work: Work, threads: int | None) -> Payload:
        """Pack the work, by cloudpickle where it is installed, which takes lambdas, too.

        Raises
        ------
        ParameterError
            It cannot be packed.
        """
        try:
            from cloudpickle import dumps  # noqa: PLC0415 - an extra
        except ImportError:
            dumps = pickle.dumps
        try:
            content = dumps((work, threads))
        except Exception as error:  # pickle raises whatever the object's own code raises
            raise ParameterError(
                f"the study cannot be sent to workers: {error}; functions must stand at the top of "
                "a module that workers can import, or `cloudpickle` be installed"
            ) from error
        return cls(hashlib.sha256(content).hexdigest(), content)


def measure_in_worker(
    token: str, path: str, content: bytes | None, points: Sequence[tuple[int, Any]]
) -> list[Outcome] | str:
    """Measure points in a worker; return their outcomes, or `NEEDED`.

    Parameters
    ----------
    token : str
        Names what all points share.
    path : str
        File with it, where the worker sees the driver's disk.
    content : bytes or None
        It itself, where the worker asked for it.
    points : sequence of (number, point)
    """
    with _turn:
        if token not in _loaded:
            if content is None:
                content = _read(path, token)
                if content is None:
                    return NEEDED
            _loaded.clear()  # of an earlier study
            _loaded[token] = pickle.loads(content)  # noqa: S301 - the driver's, by its hash
        work, threads = _loaded[token]
        with pinned(threads):
            return list(outcomes_of(work, points))


def _read(path: str, token: str) -> bytes | None:
    try:
        content = Path(path).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == token else None


